//! Candles of one instrument in every interval that a simulated exchange pushes.

use std::collections::VecDeque;

use super::market::Print;
use super::resting::BookSide;
use crate::limits::SIM_BARS_KEPT;

/// Intervals as exchanges write them, with length and alignment to the epoch in seconds (a week
/// starts on a Monday, the epoch was a Thursday). Calendar months are not simulated.
pub(super) const INTERVALS: [(&str, i64, i64); 15] = [
    ("1s", 1, 0),
    ("1m", 60, 0),
    ("3m", 180, 0),
    ("5m", 300, 0),
    ("15m", 900, 0),
    ("30m", 1_800, 0),
    ("1h", 3_600, 0),
    ("2h", 7_200, 0),
    ("4h", 14_400, 0),
    ("6h", 21_600, 0),
    ("8h", 28_800, 0),
    ("12h", 43_200, 0),
    ("1d", 86_400, 0),
    ("3d", 259_200, 0),
    ("1w", 604_800, 345_600),
];

/// The place of an interval of so many seconds among [`INTERVALS`].
pub(super) fn interval_of(seconds: i64) -> Option<usize> {
    INTERVALS.iter().position(|(_, known, _)| *known == seconds)
}

/// Which bars are asked for: by their starts, both included, and how many at most. Where they
/// begin is said, the first of them are meant, else the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from_ms: Option<i64>,
    pub(super) until_ms: Option<i64>,
    pub(super) count_max: usize,
}

/// One interval's prices and sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bar {
    /// Start in milliseconds since the epoch.
    pub(super) start_ms: i64,
    /// In ticks, all four; equal to the last close while nothing traded.
    pub(super) open: i64,
    pub(super) high: i64,
    pub(super) low: i64,
    pub(super) close: i64,
    /// Lots.
    pub(super) volume: u128,
    /// Ticks × lots.
    pub(super) turnover: u128,
    /// Lots bought by takers.
    pub(super) bought: u128,
    /// Ticks × lots bought by takers.
    pub(super) bought_turnover: u128,
    pub(super) first_id: u64,
    pub(super) count: u64,
}

/// The current bar of each interval and the one that ended last.
#[derive(Clone, Debug, Default)]
pub(super) struct Candles {
    bars: [Bar; INTERVALS.len()],
    ended: [Option<Bar>; INTERVALS.len()],
    /// Those before the current one, oldest first; intervals without trades may be missing.
    past: [VecDeque<Bar>; INTERVALS.len()],
    /// Bit per interval: changed since it was last looked at.
    changed: u32,
}

impl Candles {
    /// Counts one trade.
    pub(super) fn add(&mut self, unix_ms: i64, print: &Print) {
        self.roll(unix_ms);
        for bar in &mut self.bars {
            bar.add(print);
        }
        self.changed = (1 << INTERVALS.len()) - 1;
    }

    /// Ends the bars whose time is over.
    pub(super) fn roll(&mut self, unix_ms: i64) {
        for (index, bar) in self.bars.iter_mut().enumerate() {
            let start_ms = start_of(index, unix_ms);
            if start_ms <= bar.start_ms {
                continue;
            }
            if bar.open != 0 {
                self.ended[index] = Some(*bar);
                let past = &mut self.past[index];
                if past.len() == SIM_BARS_KEPT {
                    past.pop_front();
                }
                past.push_back(*bar);
            }
            *bar = bar.next(start_ms);
        }
    }

    /// The bars of that interval up to the one of `now_ms`, oldest first, from the first trade on;
    /// those without trades too.
    pub(super) fn list(&self, interval: usize, now_ms: i64, span: Span) -> Vec<Bar> {
        let step_ms = INTERVALS[interval].1 * 1_000;
        let oldest = self.past[interval].front().unwrap_or(&self.bars[interval]);
        let newest_ms = start_of(interval, now_ms.min(span.until_ms.unwrap_or(i64::MAX)));
        let count_max = span.count_max.min(SIM_BARS_KEPT + 1) as i64;
        let first_ms = match span.from_ms {
            Some(from_ms) => start_of(interval, from_ms.saturating_add(step_ms - 1)),
            None => newest_ms - (count_max - 1) * step_ms,
        };
        let first_ms = first_ms.max(oldest.start_ms);
        let starts = (0..count_max).map(|index| first_ms + index * step_ms);
        let starts = starts.take_while(|start_ms| *start_ms <= newest_ms);
        starts.filter_map(|start_ms| self.bar_at(interval, start_ms)).collect()
    }

    /// Every bar that is kept, oldest first, up to the one that is open at `now_ms`.
    pub(super) fn all(&self, interval: usize, now_ms: i64) -> Vec<Bar> {
        self.list(
            interval,
            now_ms,
            Span { from_ms: None, until_ms: None, count_max: SIM_BARS_KEPT },
        )
    }

    /// When the bar starts that is open at `now_ms`.
    pub(super) fn current_start(&self, interval: usize, now_ms: i64) -> i64 {
        start_of(interval, now_ms).max(self.bars[interval].start_ms)
    }

    /// The bar that starts then; `None` before the first trade.
    pub(super) fn bar_at(&self, interval: usize, start_ms: i64) -> Option<Bar> {
        let (past, current) = (&self.past[interval], &self.bars[interval]);
        let last = match current.start_ms <= start_ms {
            true => current,
            false => {
                past.get(past.partition_point(|bar| bar.start_ms <= start_ms).checked_sub(1)?)?
            }
        };
        let bar = if last.start_ms == start_ms { *last } else { last.next(start_ms) };
        (bar.open != 0).then_some(bar)
    }

    /// The price an hour ago; `None` when nothing had been traded by then.
    pub(super) fn hour_ago(&self, now_ms: i64) -> Option<i64> {
        let minutes = interval_of(60)?;
        self.bar_at(minutes, start_of(minutes, now_ms - 3_600_000)).map(|bar| bar.close)
    }

    /// The bar of that interval that ended and was not taken yet.
    pub(super) const fn take_ended(&mut self, interval: usize) -> Option<Bar> {
        self.ended[interval].take()
    }

    /// What is new of an interval, each with whether it is over: the bar that ended and the current
    /// one, if it changed.
    pub(super) fn take_news(
        &mut self,
        interval: usize,
    ) -> impl Iterator<Item = (Bar, bool)> + use<> {
        let ended = self.take_ended(interval).map(|bar| (bar, true));
        let current = self.take_changed(interval).map(|bar| (bar, false));
        ended.into_iter().chain(current)
    }

    /// The current bar of that interval.
    pub(super) const fn current(&self, interval: usize) -> &Bar {
        &self.bars[interval]
    }

    /// The current bar of that interval when it changed since the last call.
    pub(super) const fn take_changed(&mut self, interval: usize) -> Option<Bar> {
        let bit = 1 << interval;
        if self.changed & bit == 0 {
            return None;
        }
        self.changed &= !bit;
        Some(self.bars[interval])
    }
}

/// What kind of candles, of which only the first kind has volumes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CandleOf {
    Traded,
    /// Mark and index price are the last price here.
    Followed,
    /// By how much they differ, which is nothing here.
    Premium,
}

/// When the bar that an instant belongs to starts.
const fn start_of(interval: usize, unix_ms: i64) -> i64 {
    let (_, seconds, shift) = INTERVALS[interval];
    unix_ms - (unix_ms - shift * 1_000).rem_euclid(seconds * 1_000)
}

impl Bar {
    /// The bar that starts then and has no trades yet.
    fn next(&self, start_ms: i64) -> Self {
        let close = self.close;
        Self { start_ms, open: close, high: close, low: close, close, ..Self::default() }
    }

    fn add(&mut self, print: &Print) {
        if self.count == 0 {
            (self.open, self.high, self.low) = (print.price, print.price, print.price);
            self.first_id = print.id;
        }
        self.high = self.high.max(print.price);
        self.low = self.low.min(print.price);
        self.close = print.price;
        let (size, turnover) = (print.size as u128, print.size as u128 * print.price as u128);
        self.volume += size;
        self.turnover += turnover;
        if print.taker == BookSide::Bid {
            self.bought += size;
            self.bought_turnover += turnover;
        }
        self.count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(id: u64, price: i64) -> Print {
        Print { id, price, size: 2, taker: BookSide::Bid, order: id }
    }

    #[test]
    fn a_bar_ends_when_its_time_is_over_and_the_next_starts_at_its_close() {
        let mut candles = Candles::default();
        candles.add(60_500, &print(1, 10));
        candles.add(61_000, &print(2, 14));
        let second = candles.take_ended(0).expect("60 s is over");
        assert_eq!((second.start_ms, second.open, second.close, second.count), (60_000, 10, 10, 1));
        let minute = candles.take_changed(1).expect("it has two trades");
        assert_eq!((minute.open, minute.high, minute.volume, minute.first_id), (10, 14, 4, 1));
        assert_eq!(candles.take_changed(1), None);
        candles.roll(120_000);
        assert_eq!(candles.take_ended(1).map(|bar| bar.count), Some(2));
        candles.add(125_000, &print(3, 9));
        assert_eq!(candles.take_changed(1).map(|bar| (bar.open, bar.count)), Some((9, 1)));
    }

    #[test]
    fn bars_are_listed_by_their_starts_without_holes() {
        let mut candles = Candles::default();
        let all = Span { from_ms: None, until_ms: None, count_max: 1_000 };
        assert!(candles.list(1, 60_000, all).is_empty());
        candles.add(60_500, &print(1, 10));
        candles.add(121_000, &print(2, 14));
        // Two minutes later, a minute passes in which nothing is traded and nobody looks.
        candles.add(250_000, &print(3, 12));
        let list = |now_ms, span| -> Vec<(i64, i64, u64)> {
            let bars = candles.list(1, now_ms, span);
            bars.iter().map(|bar| (bar.start_ms / 60_000, bar.close, bar.count)).collect()
        };
        let listed = list(310_000, all);
        assert_eq!(listed, [(1, 10, 1), (2, 14, 1), (3, 14, 0), (4, 12, 1), (5, 12, 0)]);
        let newest = Span { until_ms: Some(299_999), count_max: 2, ..all };
        assert_eq!(list(310_000, newest), listed[2..4]);
        let oldest = Span { from_ms: Some(60_001), count_max: 2, ..all };
        assert_eq!(list(310_000, oldest), listed[1..3]);
        let before = Span { until_ms: Some(59_999), ..all };
        assert!(list(310_000, before).is_empty());
    }

    #[test]
    fn weeks_start_on_mondays() {
        let mut candles = Candles::default();
        // 2024-01-01 was a Monday.
        candles.add(1_704_067_200_000 + 3_600_000, &print(1, 10));
        let week = candles.take_changed(14).expect("it has a trade");
        assert_eq!(week.start_ms, 1_704_067_200_000);
    }
}
