//! Candles of every interval, built from trades, or taken from an exchange that sends its own.
//!
//! A trade belongs to the interval of its exchange's time. Within an open candle the order of
//! arrival does not matter: the first and the last price are those of the earliest and the latest
//! time. Whoever makes a candle, it is closed by its exchange's word, by the first event of a later
//! interval, or some time after its end, by the exchange's time. A closed candle is final; what
//! comes late for it is counted and left out. Intervals without trades are not invented.
//!
//! A candle is whole when nothing that belongs to it can be missing; else it says that it is
//! partial. Built from trades, it is partial when trades are known to be missing since the one
//! before, which for the first is the time before we listened, or when nobody brought trades when
//! it was closed. One of the exchange's holds all that happened until it was sent, so it is partial
//! when its last state may not have reached us.

#[cfg(test)]
mod tests;

use super::HistoryRange;
use super::event::Stamp;
use crate::clock::UnixNanos;
use crate::limits::{CANDLE_GRACE_NS, EXCHANGE_CANDLE_GRACE_NS};
use crate::tick::{Candle, Decimal, Interval, Trade};

/// Who makes the candles of an exchange's instruments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CandleSource {
    /// They are built here from trades, the same way for every exchange.
    #[default]
    Trades,
    /// The exchange sends its own, and trades build none.
    Exchange,
}

impl CandleSource {
    /// As the configuration writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trades => "trades",
            Self::Exchange => "exchange",
        }
    }

    /// The source of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Trades, Self::Exchange].into_iter().find(|source| source.name() == name)
    }
}

/// One interval's state.
#[derive(Clone, Debug)]
struct Slot {
    /// The newest candle; without meaning while `seq` is 0.
    candle: Candle,
    /// Whether the candle still takes trades.
    open: bool,
    /// The interval of the newest candle, as nanoseconds since the epoch.
    start: i64,
    end: i64,
    /// Exchange's time of the trades that gave the first and the last price.
    first: i64,
    last: i64,
    /// Dates of the newest event.
    stamp: Stamp,
    seq: u64,
    /// Nobody has brought the stream since the newest event.
    unheard: bool,
    /// Something of the stream is missing since the newest event.
    missed: bool,
}

/// The candles of one instrument.
#[derive(Clone, Debug)]
pub(super) struct Candles {
    slots: [Slot; Interval::ALL.len()],
    /// When the first of the open candles is to be closed, by the exchange's time; `i64::MAX` when
    /// none is open.
    next_close: i64,
    /// The exchange sends candles of its own, so trades build none.
    from_exchange: bool,
    /// Trades and candles that came for an interval already closed.
    late: u64,
}

/// Who is told of each candle, with its number and dates.
pub(super) trait Told: FnMut(u64, Stamp, &Candle) {}
impl<F: FnMut(u64, Stamp, &Candle)> Told for F {}

impl Candles {
    pub(super) fn new(source: CandleSource) -> Self {
        Self {
            slots: Interval::ALL.map(Slot::new),
            next_close: i64::MAX,
            from_exchange: source == CandleSource::Exchange,
            late: 0,
        }
    }

    /// Adds one trade to the candle of each interval.
    #[inline]
    pub(super) fn trade(&mut self, trade: &Trade, stamp: Stamp, told: &mut impl Told) {
        if self.from_exchange {
            return;
        }
        let time = stamp.time().0;
        let mut next_end = i64::MAX;
        for slot in &mut self.slots {
            if !slot.trade(time, trade, stamp, told) {
                self.late += 1;
            }
            if slot.open {
                next_end = next_end.min(slot.end);
            }
        }
        self.next_close = next_end.saturating_add(CANDLE_GRACE_NS);
    }

    /// Takes a candle that the exchange made.
    pub(super) fn take(&mut self, candle: &Candle, stamp: Stamp, told: &mut impl Told) {
        if !self.from_exchange {
            self.from_exchange = true;
            self.slots.iter_mut().for_each(Slot::miss);
        }
        if !self.slots[candle.interval as usize].take(candle, stamp, told) {
            self.late += 1;
        }
        let open = self.slots.iter().filter(|slot| slot.open);
        self.next_close = open.map(|slot| slot.end).min().unwrap_or(i64::MAX);
        self.next_close = self.next_close.saturating_add(self.grace());
    }

    /// How long after its end a candle stays open for what is still on its way.
    const fn grace(&self) -> i64 {
        if self.from_exchange { EXCHANGE_CANDLE_GRACE_NS } else { CANDLE_GRACE_NS }
    }

    /// When a candle is to be closed, if nothing closes it before; `i64::MAX` when none is open.
    #[inline]
    pub(super) const fn next_close(&self) -> i64 {
        self.next_close
    }

    /// Closes what is to be closed at that date of the exchange.
    pub(super) fn close_until(&mut self, date: i64, told: &mut impl Told) {
        let grace = self.grace();
        self.next_close = i64::MAX;
        for slot in self.slots.iter_mut().filter(|slot| slot.open) {
            let due = slot.end.saturating_add(grace);
            if due <= date {
                slot.close(told);
            } else {
                self.next_close = self.next_close.min(due);
            }
        }
    }

    /// Nobody brings for a while what the candles are made of. The next of it, or what is told to
    /// be missing before it, shows whether anything was missed.
    pub(super) fn fall_silent(&mut self, source: CandleSource) {
        if self.is_made_of(source) {
            self.slots.iter_mut().for_each(|slot| slot.unheard = true);
        }
    }

    /// Something that the candles are made of is missing.
    pub(super) fn lose(&mut self, source: CandleSource) {
        if self.is_made_of(source) {
            self.slots.iter_mut().for_each(Slot::miss);
        }
    }

    fn is_made_of(&self, source: CandleSource) -> bool {
        self.from_exchange == (source == CandleSource::Exchange)
    }

    /// Numbers `missed` events of every interval as missing; tells their range.
    pub(super) fn miss(&mut self, missed: u64, mut told: impl FnMut(Interval, u64, u64)) {
        self.lose(CandleSource::Exchange);
        for slot in &mut self.slots {
            let from = slot.seq + 1;
            slot.seq = slot.seq.saturating_add(missed);
            told(slot.candle.interval, from, slot.seq);
        }
    }

    pub(super) fn seq(&self, interval: Interval) -> u64 {
        self.slots[interval as usize].seq
    }

    /// Trades and candles that came late since the last call.
    #[inline]
    pub(super) const fn take_late(&mut self) -> u64 {
        std::mem::replace(&mut self.late, 0)
    }

    /// The newest candle with its number; it may be closed already.
    pub(super) fn newest(&self, interval: Interval) -> Option<(u64, Stamp, &Candle)> {
        let slot = &self.slots[interval as usize];
        slot.exists().then_some((slot.seq, slot.stamp, &slot.candle))
    }

    /// The candle that is open, with its number.
    pub(super) fn open(&self, interval: Interval) -> Option<(u64, Stamp, &Candle)> {
        let slot = &self.slots[interval as usize];
        slot.open.then_some((slot.seq, slot.stamp, &slot.candle))
    }

    /// Whether nothing of a stream is known to be missing since its newest event.
    pub(super) fn is_heard(&self, interval: Interval) -> bool {
        let slot = &self.slots[interval as usize];
        !(slot.exists() && (slot.unheard || slot.missed))
    }
}

/// Whether all candles that open in a range were seen, whole, as far as is known; of those that are
/// held, told one by one. What was before the oldest one is not known.
#[derive(Debug)]
pub(super) struct Coverage {
    interval: Interval,
    from: Option<i64>,
    to: i64,
    /// Start of the one told last.
    before: Option<i64>,
    is_torn: bool,
}

impl Coverage {
    pub(super) fn of(interval: Interval, range: &HistoryRange) -> Self {
        let nanos = |millis: i64| millis.saturating_mul(1_000_000);
        let to = range.to.map_or(i64::MAX, nanos);
        Self { interval, from: range.from.map(nanos), to, before: None, is_torn: false }
    }

    /// The next one that is held; without a begin of the range, from the oldest that it has on.
    pub(super) fn add(&mut self, candle: &Candle) {
        let start = candle.open_time.0;
        let from = self.from.unwrap_or(i64::MIN);
        self.is_torn |= candle.partial && (from..=self.to).contains(&start);
        self.is_torn |= match self.before.replace(start) {
            Some(before) => candle.after_hole && from < start && self.to > before,
            None => self.from.is_some_and(|from| {
                // The first that could open in the range.
                let length = self.interval.nanos();
                let first = from.saturating_add((length - from.rem_euclid(length)) % length);
                first < start && first <= self.to
            }),
        };
    }

    /// `is_heard` says whether nothing is known to be missing since the newest.
    pub(super) fn is_whole(&self, is_heard: impl FnOnce(Interval) -> bool) -> bool {
        !self.is_torn
            && match self.before {
                // Before the next could open, or when nothing is missing.
                Some(newest) => {
                    self.to < newest.saturating_add(self.interval.nanos())
                        || is_heard(self.interval)
                }
                None => self.from.is_none(),
            }
    }
}

impl Slot {
    const fn new(interval: Interval) -> Self {
        Self {
            candle: Candle::of(interval, UnixNanos(0), [Decimal::ZERO; 4]),
            open: false,
            start: i64::MIN,
            end: i64::MIN,
            first: 0,
            last: 0,
            stamp: Stamp { exchange_time: UnixNanos::NONE, received: UnixNanos::NONE },
            seq: 0,
            unheard: false,
            // What was before we listened.
            missed: true,
        }
    }

    /// Whether there was a candle at all.
    const fn exists(&self) -> bool {
        self.end > i64::MIN
    }

    /// Something of the stream is missing since the newest event.
    fn miss(&mut self) {
        (self.unheard, self.missed) = (false, true);
        self.candle.partial |= self.open;
    }

    /// False when the trade came too late.
    #[inline]
    fn trade(&mut self, time: i64, trade: &Trade, stamp: Stamp, told: &mut impl Told) -> bool {
        // Whatever was missing before it was told.
        self.unheard = false;
        if self.open && time >= self.start && time < self.end {
            self.add(time, trade);
        } else {
            // What is neither in the newest candle nor after it belongs to one that is closed.
            if time < self.end {
                return false;
            }
            if self.open {
                self.close(told);
            }
            self.begin(time, trade);
        }
        self.missed = false;
        self.seq += 1;
        self.stamp = stamp;
        told(self.seq, stamp, &self.candle);
        true
    }

    #[inline]
    fn add(&mut self, time: i64, trade: &Trade) {
        let candle = &mut self.candle;
        if trade.price.cmp_value(candle.high).is_gt() {
            candle.high = trade.price;
        } else if trade.price.cmp_value(candle.low).is_lt() {
            candle.low = trade.price;
        }
        if time >= self.last {
            self.last = time;
            candle.close = trade.price;
        } else if time < self.first {
            self.first = time;
            candle.open = trade.price;
        }
        // Beyond 38 digits the sum stands still: 10^20 units of the largest size do not reach it.
        candle.volume = candle.volume.checked_add(trade.size).unwrap_or(candle.volume);
        candle.trades = candle.trades.map(|trades| trades + 1);
    }

    fn begin(&mut self, time: i64, trade: &Trade) {
        let interval = self.candle.interval;
        self.start = interval.open_time(UnixNanos(time)).0;
        self.end = self.start.saturating_add(interval.nanos());
        (self.first, self.last) = (time, time);
        self.open = true;
        self.candle = Candle {
            trades: Some(1),
            partial: self.missed,
            after_hole: self.missed,
            ..Candle::of(interval, UnixNanos(self.start), [trade.price; 4])
                .with_volume(trade.size.into())
        };
    }

    /// Closes the candle though its exchange has not called it final.
    fn close(&mut self, told: &mut impl Told) {
        self.open = false;
        self.candle.closed = true;
        self.candle.partial |= self.unheard || self.candle.says_final;
        self.tell(told);
    }

    /// Numbers and tells the candle as it is.
    fn tell(&mut self, told: &mut impl Told) {
        self.seq += 1;
        told(self.seq, self.stamp, &self.candle);
    }

    /// False when the candle came for an interval already closed or passed.
    fn take(&mut self, candle: &Candle, stamp: Stamp, told: &mut impl Told) -> bool {
        let start = candle.open_time.0;
        let passed = if self.open { start < self.start } else { start < self.end };
        if passed {
            return false;
        }
        let mut after_hole = self.candle.after_hole;
        if start > self.start {
            if self.open {
                self.close(told);
            }
            let follows = start == self.end || !self.exists();
            after_hole = (self.unheard || self.missed) && !follows;
        }
        // It holds what was missed of it.
        (self.unheard, self.missed) = (false, false);
        self.start = start;
        self.end = start.saturating_add(candle.interval.nanos());
        self.open = !candle.closed;
        self.candle = Candle { after_hole, ..*candle };
        self.stamp = stamp;
        self.tell(told);
        true
    }
}
