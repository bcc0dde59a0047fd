//! Everything that is counted, and how it is exposed.

mod counters;
mod observatory;
mod observer;

pub use counters::{AcceptCounters, BroadcastCounters, Counter, FeedCounters, Gauge};
pub use observatory::{Observatory, Readiness, ThreadGuard};
pub use observer::Observer;
