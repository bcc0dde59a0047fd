//! No place of the program writes more than its share of the log.
//!
//! What others send makes some lines: an exchange that refuses everything, clients that break the
//! protocol. Each place has a bucket; what finds it empty is left out, which is said at once, as
//! nobody knows whether there will be another, and the next line of the place that is written comes
//! behind one that says how many were not.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use tickwire::limits::{LOG_LINES_BURST, LOG_LINES_PER_SECOND};
use tickwire::metrics::log_line_left_out;
use tracing::callsite::Identifier;
use tracing::field::{Field, Visit};
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

/// What becomes of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// It is written, after so many of its place were not.
    Written(u64),
    /// It is the first that is not.
    First,
    /// It is one more.
    LeftOut,
}

impl Bucket {
    const fn new(now: Instant) -> Self {
        Self { lines: LOG_LINES_BURST, filled: now, left_out: 0 }
    }

    /// Whether a line may be written.
    fn take(&mut self, now: Instant) -> Verdict {
        let whole = now.saturating_duration_since(self.filled).as_secs();
        if whole > 0 {
            let more = whole.saturating_mul(LOG_LINES_PER_SECOND);
            self.lines = self.lines.saturating_add(more).min(LOG_LINES_BURST);
            self.filled = now;
        }
        if self.lines == 0 {
            self.left_out += 1;
            return if self.left_out == 1 { Verdict::First } else { Verdict::LeftOut };
        }
        self.lines -= 1;
        Verdict::Written(std::mem::take(&mut self.left_out))
    }
}

/// Leaves out what is too much. Lines for who looks for a fault (`debug`, `trace`) are asked for, and
/// all written.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    /// By place; there are no more than the program has. Lines of libraries that log by `log` have one
    /// place for all, so of these each target is one.
    buckets: Mutex<HashMap<(Identifier, String), Bucket>>,
}

impl Throttle {
    fn judge(&self, of: &Metadata<'_>, foreign: String, now: Instant) -> Verdict {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.entry((of.callsite(), foreign)).or_insert_with(|| Bucket::new(now)).take(now)
    }
}

impl<S: Subscriber> Layer<S> for Throttle {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        let of = event.metadata();
        if *of.level() > Level::INFO {
            return true;
        }
        let foreign = Foreign::of(event).0;
        let place = if foreign.is_empty() { of.target().to_owned() } else { foreign.clone() };
        let verdict = self.judge(of, foreign, Instant::now());
        match verdict {
            Verdict::Written(0) => {}
            Verdict::Written(left_out) => {
                tracing::warn!(left_out, %place, "lines like the next one were left out");
            }
            Verdict::First => {
                log_line_left_out();
                tracing::warn!(%place, "more lines like the last ones of this place are left out");
            }
            Verdict::LeftOut => log_line_left_out(),
        }
        matches!(verdict, Verdict::Written(_))
    }
}

/// The target of a library's line that came by `log`; empty of one of ours.
#[derive(Default)]
struct Foreign(String);

impl Foreign {
    fn of(event: &Event<'_>) -> Self {
        let mut foreign = Self::default();
        if event.metadata().target() == "log" {
            event.record(&mut foreign);
        }
        foreign
    }
}

impl Visit for Foreign {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "log.target" {
            value.clone_into(&mut self.0);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_flood_is_cut_and_counted_and_what_is_seldom_is_always_written() {
        let mut now = Instant::now();
        let mut bucket = Bucket::new(now);
        let taken: Vec<_> = (0..100_000).map(|_| bucket.take(now)).collect();
        let count = |one| taken.iter().filter(|verdict| **verdict == one).count() as u64;
        assert_eq!(count(Verdict::Written(0)), LOG_LINES_BURST);
        assert_eq!(count(Verdict::First), 1);
        let left_out = 100_000 - LOG_LINES_BURST;
        assert_eq!(count(Verdict::LeftOut), left_out - 1);
        now += Duration::from_secs(1);
        assert_eq!(bucket.take(now), Verdict::Written(left_out));
        for _ in 0..10_000 {
            now += Duration::from_millis(1_100);
            assert_eq!(bucket.take(now), Verdict::Written(0));
        }
    }
}
