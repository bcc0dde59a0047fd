//! One client connection: its session, its outbox, its dialects.

mod arena;
pub mod dialect;
mod outbox;
mod outgoing;
mod pace;
mod subscription;

pub(crate) use arena::{Arena, Range};
pub use outbox::{Chunks, Outbox, Sent, Wire, frame_remaining_after};
pub(crate) use outgoing::{Outgoing, Shared};
pub(crate) use pace::{Beat, Heartbeat, RequestBucket};
pub(crate) use subscription::{
    Delivery, Form, Place, Progress, Stream, Subscription, Subscriptions,
};
