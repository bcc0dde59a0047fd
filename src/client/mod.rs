//! One client connection: its session, its outbox, its dialects.

mod answer;
mod arena;
pub mod dialect;
mod offer;
mod outbox;
mod outgoing;
mod pace;
mod session;
mod subscription;
mod wish;

pub(crate) use answer::{Answer, Grants, Instruments, Listing, Past, PastForm, Revokes};
pub(crate) use arena::Range;
pub use offer::{Offer, Offers};
pub use outbox::{Chunks, Outbox, Sent, Wire, frame_remaining_after};
pub(crate) use outgoing::Shared;
pub(crate) use pace::{Beat, Charge, request_cost};
pub use session::Admission;
pub(crate) use session::{CloseReason, Join, Phase, Prelude, Session};
pub(crate) use subscription::{
    Delivery, Dialect, Form, Place, Progress, Subject, Subscription, Topic,
};
pub(crate) use wish::Wish;
