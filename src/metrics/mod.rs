//! Everything that is counted, and how it is exposed.

mod counters;

pub use counters::{BroadcastCounters, Counter, FeedCounters, Gauge};
