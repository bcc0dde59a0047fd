//! What a history of candles is worth: whether it has all, and each once.

use crate::cache::HistoryRange;
use crate::cache::event::{Event, EventBody, Stamp};
use crate::tick::{Candle, Interval};

/// Candles that are held, each once and by the time at which it opens: of one that was told as
/// closed more than once, the newest.
#[derive(Debug, Default)]
pub(in crate::cache) struct Held {
    candles: Vec<(u64, Stamp, Candle)>,
}

impl Held {
    /// One more, in the order of their numbers.
    pub(in crate::cache) fn add(&mut self, event: &Event<'_>) {
        if let EventBody::Candle(candle) = event.body {
            self.candles.push((event.seq, event.stamp, *candle));
        }
    }

    /// All of them, oldest first.
    pub(in crate::cache) fn in_order(mut self) -> Vec<(u64, Stamp, Candle)> {
        // Newest first, so that of each the newest is kept.
        self.candles.sort_by_key(|(seq, _, candle)| std::cmp::Reverse((candle.open_time, *seq)));
        self.candles.dedup_by_key(|(_, _, candle)| candle.open_time);
        self.candles.reverse();
        self.candles
    }
}

/// Whether all candles that open in a range were seen, whole, as far as is known; of those that are
/// held, told one by one. What was before the oldest one is not known.
#[derive(Debug)]
pub(in crate::cache) struct Coverage {
    interval: Interval,
    from: Option<i64>,
    to: i64,
    /// Start of the one told last.
    before: Option<i64>,
    is_torn: bool,
}

impl Coverage {
    pub(in crate::cache) fn of(interval: Interval, range: &HistoryRange) -> Self {
        let nanos = |millis: i64| millis.saturating_mul(1_000_000);
        let to = range.to.map_or(i64::MAX, nanos);
        Self { interval, from: range.from.map(nanos), to, before: None, is_torn: false }
    }

    /// The next one that is held; without a begin of the range, from the oldest that it has on.
    pub(in crate::cache) fn add(&mut self, candle: &Candle) {
        let start = candle.open_time.0;
        let from = self.from.unwrap_or(i64::MIN);
        self.is_torn |= candle.partial && (from..=self.to).contains(&start);
        self.is_torn |= match self.before.replace(start) {
            // What follows the one before has nothing between it and that.
            Some(before) => {
                let follows = start == before.saturating_add(self.interval.nanos());
                candle.after_hole && !follows && from < start && self.to > before
            }
            None => self.from.is_some_and(|from| {
                // The first that could open in the range.
                let length = self.interval.nanos();
                let first = from.saturating_add((length - from.rem_euclid(length)) % length);
                first < start && first <= self.to
            }),
        };
    }

    /// `is_heard` says whether nothing is known to be missing since the newest, or at all.
    pub(in crate::cache) fn is_whole(&self, is_heard: impl FnOnce(Interval) -> bool) -> bool {
        !self.is_torn
            && match self.before {
                // Before the next could open, or when nothing is missing.
                Some(newest) => {
                    self.to < newest.saturating_add(self.interval.nanos())
                        || is_heard(self.interval)
                }
                None => self.from.is_none() && is_heard(self.interval),
            }
    }
}
