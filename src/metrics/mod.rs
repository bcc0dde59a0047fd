//! Everything that is counted, and how it is exposed.

mod catalogue;
mod counters;
mod observatory;
mod observer;
mod process;
mod stats;
mod text;
mod threads;

pub use counters::{
    AcceptCounters, AdminCounters, BroadcastCounters, Counter, FeedCounters, Gauge, LineCounters,
    PerReason, RequestCounters, Spread,
};
pub use observatory::{Observatory, Readiness, ThreadGuard};
pub use observer::Observer;
pub use process::{
    log_line_dropped, log_line_left_out, log_lines_dropped, log_lines_left_out,
    output_write_failed, output_writes_failed, resident_bytes,
};
pub use stats::{
    BookStats, BudgetLine, BudgetStats, ClientStats, Distribution, FeedStats, HistoryStats,
    LatencyStats, LineStats, RaceStats, Stats, UnlistedStats, stats,
};
pub use text::{Exposition, expose};
pub use threads::Watched;
#[cfg(debug_assertions)]
pub use threads::doom;
