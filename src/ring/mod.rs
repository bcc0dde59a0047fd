//! The hand-over between two threads: a bounded ring of ticks, one producer, one consumer.

mod spsc;

pub use spsc::{Consumer, Producer, ring};
