//! Everything that is counted, and how it is exposed.

mod counters;

pub use counters::{AcceptCounters, BroadcastCounters, Counter, FeedCounters, Gauge};
