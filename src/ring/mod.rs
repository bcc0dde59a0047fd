//! The hand-over between two threads: a bounded ring of ticks, one producer, one consumer, and the
//! bell that wakes a consumer which sleeps.

mod doorbell;
mod spsc;
mod sync;

use std::sync::Arc;

use crate::instrument::ExchangeId;
pub use doorbell::{Doorbell, Wake};
pub use spsc::{Consumer, Producer, ring};

/// What ends a consumer's sleep; the producers of its rings hold it.
pub type Bell = Doorbell<Arc<mio::Waker>>;

/// What a consumer is given when a feed begins: one more ring to drain.
#[derive(Debug)]
pub struct FeedRing {
    /// Whose ticks come.
    pub exchange: ExchangeId,
    /// The ring.
    pub ticks: Consumer,
}

/// What a full ring means to its producer; the consumer's kind says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// The producer waits for room, up to a bound: a broadcaster, whose clients miss nothing.
    Wait,
    /// What finds no room is refused at once and counted, and a gap is told when there is room
    /// again, then the states and the books that it missed something of: a sink, which may hold nobody
    /// up.
    Refuse,
}
