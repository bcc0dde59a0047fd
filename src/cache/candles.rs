//! Candles of every interval, built from trades, or taken from an exchange that sends its own.
//!
//! A trade belongs to the interval of its exchange's time. Within an open candle the order of
//! arrival does not matter: the first and the last price are those of the earliest and the latest
//! time. A closed candle is final; what comes late for it is counted and left out. Intervals
//! without trades are not invented.

use super::event::Stamp;
use crate::clock::UnixNanos;
use crate::tick::{Candle, Decimal, Interval, Trade, WideDecimal};

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
}

/// The candles of one instrument.
#[derive(Clone, Debug)]
pub(super) struct Candles {
    slots: [Slot; Interval::ALL.len()],
    /// The earliest end of an open candle; `i64::MAX` when none is open.
    next_end: i64,
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
            next_end: i64::MAX,
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
        self.next_end = next_end;
    }

    /// Takes a candle that the exchange made.
    pub(super) fn take(&mut self, candle: &Candle, stamp: Stamp, told: &mut impl Told) {
        self.from_exchange = true;
        self.next_end = i64::MAX;
        if !self.slots[candle.interval as usize].take(candle, stamp, told) {
            self.late += 1;
        }
    }

    /// The earliest end of a candle that is open; `i64::MAX` when none is.
    #[inline]
    pub(super) const fn next_end(&self) -> i64 {
        self.next_end
    }

    /// Closes what ended at `until` or before. An exchange closes its own candles.
    pub(super) fn close_until(&mut self, until: i64, told: &mut impl Told) {
        if self.from_exchange {
            return;
        }
        self.next_end = i64::MAX;
        for slot in self.slots.iter_mut().filter(|slot| slot.open) {
            if slot.end <= until {
                slot.close(told);
            } else {
                self.next_end = self.next_end.min(slot.end);
            }
        }
    }

    /// Numbers `missed` events of every interval as missing; tells their range.
    pub(super) fn miss(&mut self, missed: u64, mut told: impl FnMut(Interval, u64, u64)) {
        for slot in &mut self.slots {
            let from = slot.seq + 1;
            slot.seq = slot.seq.saturating_add(missed);
            told(slot.candle.interval, from, slot.seq);
        }
    }

    pub(super) fn seq(&self, interval: Interval) -> u64 {
        self.slots[interval as usize].seq
    }

    pub(super) const fn late(&self) -> u64 {
        self.late
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
}

impl Slot {
    const fn new(interval: Interval) -> Self {
        Self {
            candle: Candle {
                interval,
                open_time: UnixNanos(0),
                open: Decimal::ZERO,
                high: Decimal::ZERO,
                low: Decimal::ZERO,
                close: Decimal::ZERO,
                volume: WideDecimal::ZERO,
                trades: 0,
                closed: false,
            },
            open: false,
            start: i64::MIN,
            end: i64::MIN,
            first: 0,
            last: 0,
            stamp: Stamp { exchange_time: UnixNanos::NONE, received: UnixNanos::NONE },
            seq: 0,
        }
    }

    /// Whether there was a candle at all.
    const fn exists(&self) -> bool {
        self.end > i64::MIN
    }

    /// False when the trade came too late.
    #[inline]
    fn trade(&mut self, time: i64, trade: &Trade, stamp: Stamp, told: &mut impl Told) -> bool {
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
        candle.trades += 1;
    }

    fn begin(&mut self, time: i64, trade: &Trade) {
        let interval = self.candle.interval;
        self.start = interval.open_time(UnixNanos(time)).0;
        self.end = self.start.saturating_add(interval.nanos());
        (self.first, self.last) = (time, time);
        self.open = true;
        self.candle = Candle {
            interval,
            open_time: UnixNanos(self.start),
            open: trade.price,
            high: trade.price,
            low: trade.price,
            close: trade.price,
            volume: trade.size.into(),
            trades: 1,
            closed: false,
        };
    }

    fn close(&mut self, told: &mut impl Told) {
        self.open = false;
        self.candle.closed = true;
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
        self.start = start;
        self.end = start.saturating_add(candle.interval.nanos());
        self.open = !candle.closed;
        self.candle = *candle;
        self.stamp = stamp;
        self.tell(told);
        true
    }
}
