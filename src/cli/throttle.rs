//! No place of the program writes more than its share of the log.
//!
//! What others send makes some lines: an exchange that refuses everything, clients that break the
//! protocol. Each place has a bucket; what finds it empty is left out, and the next line of the place
//! that is written comes behind one that says how many were not.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use tickwire::limits::{LOG_LINES_BURST, LOG_LINES_PER_SECOND};
use tickwire::metrics::log_line_left_out;
use tracing::callsite::Identifier;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// What one place may write.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    lines: u64,
    /// When the last ones were put in.
    filled: Instant,
    left_out: u64,
}

impl Bucket {
    const fn new(now: Instant) -> Self {
        Self { lines: LOG_LINES_BURST, filled: now, left_out: 0 }
    }

    /// Whether a line may be written, and how many were left out before it.
    fn take(&mut self, now: Instant) -> Option<u64> {
        let whole = now.saturating_duration_since(self.filled).as_secs();
        if whole > 0 {
            let more = whole.saturating_mul(LOG_LINES_PER_SECOND);
            self.lines = self.lines.saturating_add(more).min(LOG_LINES_BURST);
            self.filled = now;
        }
        if self.lines == 0 {
            self.left_out += 1;
            return None;
        }
        self.lines -= 1;
        Some(std::mem::take(&mut self.left_out))
    }
}

/// Leaves out what is too much. Lines for who looks for a fault (`debug`, `trace`) are asked for, and
/// all written.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    /// By place; there are no more than the program has.
    buckets: Mutex<HashMap<Identifier, Bucket>>,
}

impl Throttle {
    fn judge(&self, of: &Metadata<'_>, now: Instant) -> Option<u64> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.entry(of.callsite()).or_insert_with(|| Bucket::new(now)).take(now)
    }
}

impl<S: Subscriber> Layer<S> for Throttle {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        let of = event.metadata();
        if *of.level() > Level::INFO {
            return true;
        }
        match self.judge(of, Instant::now()) {
            Some(0) => true,
            Some(left_out) => {
                let place = of.target();
                tracing::warn!(left_out, place, "lines like the next one were left out");
                true
            }
            None => {
                log_line_left_out();
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_flood_is_cut_and_counted_and_what_is_seldom_is_always_written() {
        let mut now = Instant::now();
        let mut bucket = Bucket::new(now);
        let written = (0..100_000).filter(|_| bucket.take(now).is_some()).count() as u64;
        assert_eq!(written, LOG_LINES_BURST);
        now += Duration::from_secs(1);
        assert_eq!(bucket.take(now), Some(100_000 - LOG_LINES_BURST));
        assert_eq!(bucket.take(now), Some(0));
        for _ in 0..10_000 {
            now += Duration::from_millis(1_100);
            assert!(bucket.take(now).is_some());
        }
    }
}
