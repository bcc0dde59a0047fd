//! One client connection: its session, its outbox, what it wants.

mod answer;
mod arena;
mod outbox;
mod outgoing;
mod pace;
mod session;
mod subscription;
mod wish;

pub(crate) use answer::{Grants, Instruments, Listing, LongAnswer, Past, Revokes};
pub(crate) use arena::Range;
pub use outbox::{Chunks, Outbox, Sent, Wire, frame_remaining_after};
pub(crate) use outgoing::FlushBuffers;
pub(crate) use pace::{Beat, Charge, request_cost};
pub use session::Admission;
pub(crate) use session::{CloseReason, Join, Phase, Prelude, Session};
pub(crate) use subscription::{
    ClientChannel, ClientSubscription, Place, Progress, SubscriptionKey,
};
