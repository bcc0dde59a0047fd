//! The hand-over between two threads: a bounded ring of ticks, one producer, one consumer, and the
//! bell that wakes a consumer which sleeps.

mod doorbell;
mod spsc;
mod sync;

pub use doorbell::{Doorbell, Wake};
pub use spsc::{Consumer, Producer, ring};
