//! Candles of every interval, built from trades, or taken from an exchange that sends its own.
//!
//! A trade belongs to the interval of its exchange's time. Within an open candle the order of
//! arrival does not matter: the first and the last price are those of the earliest and the latest
//! time. Of a trade that is dated ahead only that is known: it happened after the one that came before
//! it, and no later than it came. So it is the last of the open candle that it came in; where it may
//! as well belong to the one before, both are partial. Whoever makes a candle, it is closed by its exchange's word, by the first event of a later
//! interval, or some time after its end, by the exchange's time. Intervals without trades are not
//! invented.
//!
//! Built from trades, a closed candle is final; what comes late for it is counted and left out. Of
//! its own bars the exchange has the last word (module `bars`): the final numbers of one may come
//! behind the first of the next, and what an outage left out may be sent later. Such a bar is told
//! as closed, again or for the first time, and the history has its newest numbers in its place.
//!
//! A candle is whole when nothing that belongs to it can be missing; else it says that it is
//! partial. Built from trades, it is partial when trades are known to be missing since the one
//! before, which for the first is the time before we listened, or when nobody brought trades when
//! it was closed. One of the exchange's holds all that happened until it was sent, so it is partial
//! when its last state may not have reached us.
//!
//! A candle that is open when nobody looks any more, as what it is made of is not carried, ends
//! there: it is closed as partial. What comes when it is carried again begins anew, be it of the
//! same interval: a partial candle of trades, or the exchange's bar, which holds the whole.
//!
//! A candle that opens later than it is now by the exchange's time, when what comes belongs to now,
//! is of a clock that was wrong: it is closed as partial, and what comes makes the newest candle.

mod bars;
mod coverage;
mod past;
#[cfg(test)]
mod tests;

use bars::Taken;
pub(super) use coverage::{Coverage, Held};
use past::Past;

use super::event::Stamp;
use super::memory::number_after;
use crate::clock::UnixNanos;
use crate::limits::{
    CANDLE_AHEAD_NS_MAX, CANDLE_GRACE_NS, CANDLES_OLDER_MAX, EXCHANGE_CANDLE_GRACE_NS,
};
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

/// When a trade happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Happened {
    /// Then.
    At(i64),
    /// Its own date is wrong: by then, when it came, and after all that came before.
    By(i64),
}

/// One interval's state.
#[derive(Clone, Debug)]
struct Slot {
    /// The newest candle; without meaning while `seq` is 0.
    candle: Candle,
    /// Whether the candle still takes trades.
    open: bool,
    /// It was closed because what it is made of was left; its interval may begin anew.
    left: bool,
    /// The interval of the newest candle, as nanoseconds since the epoch.
    start: i64,
    end: i64,
    /// Exchange's time of the trades that gave the first and the last price.
    first: i64,
    last: i64,
    /// Dates of the newest event.
    stamp: Stamp,
    seq: u64,
    /// The number of the newest event of the newest candle; later ones are of others.
    candle_seq: u64,
    /// Nobody has brought the stream since the newest candle came, which may have changed.
    doubted: bool,
    /// Nobody has brought the stream for a while since the newest candle, so that others may lie
    /// behind it.
    unheard: bool,
    /// Something of the stream is missing since the newest candle.
    missed: bool,
    /// Trades in a row that belong before the newest candle, while nobody knows what time it is.
    older: u8,
    /// What was told of the exchange's last bars.
    past: Past,
}

/// How often something else happened to candles than that the newest grew or ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CandleCounts {
    /// Trades and bars that came for a candle already closed, and were left out.
    pub late: u64,
    /// Bars of which the exchange sent other numbers than were told, or that had been missing.
    pub corrected: u64,
    /// Bars that were sent again as they were told.
    pub repeated: u64,
    /// Candles that lay in the future, as the exchange's clock had been wrong.
    pub returned: u64,
}

impl CandleCounts {
    const NONE: Self = Self { late: 0, corrected: 0, repeated: 0, returned: 0 };

    pub(super) const fn add(&mut self, other: Self) {
        self.late += other.late;
        self.corrected += other.corrected;
        self.repeated += other.repeated;
        self.returned += other.returned;
    }

    const fn count(&mut self, taken: Taken) {
        match taken {
            Taken::Newest => {}
            Taken::Correction => self.corrected += 1,
            Taken::Repeated => self.repeated += 1,
            Taken::Late => self.late += 1,
            Taken::Anew => self.returned += 1,
        }
    }
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
    counts: CandleCounts,
}

/// Who is told of each candle, with its number and dates.
pub(super) trait Told: FnMut(u64, Stamp, &Candle) {}
impl<F: FnMut(u64, Stamp, &Candle)> Told for F {}

impl Candles {
    /// What the candles of one instrument take besides their own size.
    pub(super) const BYTES_APART: usize = Interval::ALL.len() * Past::BYTES;

    pub(super) fn new(source: CandleSource) -> Self {
        let mut candles = Self {
            slots: Interval::ALL.map(Slot::new),
            next_close: i64::MAX,
            from_exchange: source == CandleSource::Exchange,
            counts: CandleCounts::default(),
        };
        if candles.from_exchange {
            candles.slots.iter_mut().for_each(|slot| slot.past.begin());
        }
        candles
    }

    /// Adds one trade to the candle of each interval in which it `happened`; `date` is the
    /// exchange's, where that is known.
    #[inline]
    pub(super) fn trade(
        &mut self,
        trade: &Trade,
        (happened, date): (Happened, UnixNanos),
        stamp: Stamp,
        told: &mut impl Told,
    ) {
        if self.from_exchange {
            return;
        }
        let mut next_end = i64::MAX;
        for slot in &mut self.slots {
            self.counts.count(slot.trade((happened, date), trade, stamp, told));
            if slot.open {
                next_end = next_end.min(slot.end);
            }
        }
        self.next_close = next_end.saturating_add(CANDLE_GRACE_NS);
    }

    /// Takes a candle that the exchange made; `date` is the exchange's, where that is known.
    pub(super) fn take(
        &mut self,
        candle: &Candle,
        stamp: Stamp,
        date: UnixNanos,
        told: &mut impl Told,
    ) {
        if !self.from_exchange {
            self.leave_trades();
        }
        let slot = &mut self.slots[candle.interval as usize];
        self.counts.count(slot.take(candle, stamp, date, told));
        self.note_next_close();
    }

    /// Somebody else makes them from now on, or it stays as it is.
    pub(super) fn set_source(&mut self, source: CandleSource) {
        if self.is_made_of(source) {
            return;
        }
        match source {
            CandleSource::Exchange => self.leave_trades(),
            CandleSource::Trades => {
                self.from_exchange = false;
                // Which trades are in the bar that is open, nobody knows.
                self.slots.iter_mut().for_each(Slot::miss);
            }
        }
    }

    /// The exchange makes candles after all.
    #[cold]
    fn leave_trades(&mut self) {
        self.from_exchange = true;
        for slot in &mut self.slots {
            slot.miss();
            // Whether anyone brought its bars until now was of no interest.
            slot.unheard = true;
            slot.past.begin();
        }
    }

    /// Whether they are built from trades.
    pub(super) const fn are_built(&self) -> bool {
        !self.from_exchange
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
    pub(super) fn fall_silent(&mut self, source: CandleSource, interval: Option<Interval>) {
        if self.is_made_of(source) {
            match interval {
                Some(interval) => self.slots[interval as usize].fall_silent(),
                None => self.slots.iter_mut().for_each(Slot::fall_silent),
            }
        }
    }

    /// What the candles of this length, or of all, are made of is not carried any more: those that
    /// are open end here, and were not seen whole.
    pub(super) fn leave(
        &mut self,
        source: CandleSource,
        interval: Option<Interval>,
        told: &mut impl Told,
    ) {
        if !self.is_made_of(source) {
            return;
        }
        let slots = self.slots.iter_mut();
        let is_left = |slot: &&mut Slot| interval.is_none_or(|one| slot.candle.interval == one);
        slots.filter(is_left).filter(|slot| slot.open).for_each(|slot| slot.leave(told));
        self.note_next_close();
    }

    fn note_next_close(&mut self) {
        let open = self.slots.iter().filter(|slot| slot.open);
        self.next_close = open.map(|slot| slot.end).min().unwrap_or(i64::MAX);
        self.next_close = self.next_close.saturating_add(self.grace());
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
            slot.seq = number_after(slot.seq, missed);
            told(slot.candle.interval, from, slot.seq);
        }
    }

    pub(super) fn seq(&self, interval: Interval) -> u64 {
        self.slots[interval as usize].seq
    }

    /// What happened since the last call.
    #[inline]
    pub(super) const fn take_counts(&mut self) -> CandleCounts {
        std::mem::replace(&mut self.counts, CandleCounts::NONE)
    }

    /// The newest candle with its number; it may be closed already.
    pub(super) fn newest(&self, interval: Interval) -> Option<(u64, Stamp, &Candle)> {
        let slot = &self.slots[interval as usize];
        slot.exists().then_some((slot.seq, slot.stamp, &slot.candle))
    }

    /// The candle that is open, with its own newest number.
    pub(super) fn open(&self, interval: Interval) -> Option<(u64, Stamp, &Candle)> {
        let slot = &self.slots[interval as usize];
        slot.open.then_some((slot.candle_seq, slot.stamp, &slot.candle))
    }

    /// Whether nothing of a stream is known to be missing since its newest event. One of the
    /// exchange's that never spoke tells nothing of what there was; where there were no trades,
    /// there are no candles of them.
    pub(super) fn is_heard(&self, interval: Interval) -> bool {
        let slot = &self.slots[interval as usize];
        match slot.exists() {
            true => !(slot.unheard || slot.missed),
            false => !self.from_exchange,
        }
    }
}

impl Slot {
    const fn new(interval: Interval) -> Self {
        Self {
            candle: Candle::of(interval, UnixNanos(0), [Decimal::ZERO; 4]),
            open: false,
            left: false,
            start: i64::MIN,
            end: i64::MIN,
            first: 0,
            last: 0,
            stamp: Stamp { exchange_time: UnixNanos::NONE, received: UnixNanos::NONE },
            seq: 0,
            candle_seq: 0,
            doubted: false,
            unheard: false,
            // What was before we listened.
            missed: true,
            older: 0,
            past: Past::NONE,
        }
    }

    /// Whether there was a candle at all.
    const fn exists(&self) -> bool {
        self.end > i64::MIN
    }

    const fn fall_silent(&mut self) {
        (self.doubted, self.unheard) = (true, true);
    }

    /// Something of the stream is missing since the newest event.
    fn miss(&mut self) {
        (self.doubted, self.unheard, self.missed) = (false, false, true);
        self.candle.partial |= self.open;
    }

    #[inline]
    fn trade(
        &mut self,
        (happened, date): (Happened, UnixNanos),
        trade: &Trade,
        stamp: Stamp,
        told: &mut impl Told,
    ) -> Taken {
        let time = self.time_of(happened);
        // Whatever was missing before it was told.
        (self.doubted, self.unheard) = (false, false);
        let mut taken = Taken::Newest;
        if self.open && time >= self.start && time < self.end {
            self.add(time, trade);
        } else {
            // What is neither in the newest candle nor after it belongs to one that is closed.
            let begins_anew = self.left && time >= self.start;
            if time < self.end && !begins_anew {
                if time >= self.start || !self.is_of_now(time, date) {
                    return Taken::Late;
                }
                self.leave_future(told);
                taken = Taken::Anew;
            }
            if self.open {
                self.close(told);
            }
            self.begin(time, trade);
        }
        (self.missed, self.older) = (false, 0);
        self.stamp = stamp;
        self.tell_newest(told);
        taken
    }

    /// The time that a trade has among the others. Where that is not its own it follows the last of
    /// its candle; if it may belong to the one before, either may lack it.
    #[inline]
    fn time_of(&mut self, happened: Happened) -> i64 {
        let by = match happened {
            Happened::At(time) => return time,
            Happened::By(time) => time,
        };
        if by < self.end {
            return if by >= self.start { self.last } else { by };
        }
        let begin = self.candle.interval.open_time(UnixNanos(by)).0;
        if by.saturating_sub(CANDLE_GRACE_NS) < begin {
            self.miss();
        }
        begin
    }

    /// Whether a trade from before the newest candle shows that this lies in the future. Where
    /// nobody knows what time it is, many in a row do that are as far before it as no late trade is.
    #[cold]
    fn is_of_now(&mut self, time: i64, date: UnixNanos) -> bool {
        if date.is_some() {
            let now = date.0.saturating_add(CANDLE_AHEAD_NS_MAX);
            return self.start > now && time <= now;
        }
        self.older += u8::from(time.saturating_add(CANDLE_AHEAD_NS_MAX) < self.start);
        self.older >= CANDLES_OLDER_MAX
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
        candle.trades = candle.trades.map(|trades| trades.saturating_add(1));
    }

    fn begin(&mut self, time: i64, trade: &Trade) {
        let interval = self.candle.interval;
        self.start = interval.open_time(UnixNanos(time)).0;
        self.end = self.start.saturating_add(interval.nanos());
        (self.first, self.last) = (time, time);
        (self.open, self.left) = (true, false);
        self.candle = Candle {
            trades: Some(1),
            partial: self.missed,
            after_hole: self.missed,
            ..Candle::of(interval, UnixNanos(self.start), [trade.price; 4])
                .with_volume(trade.size.into())
        };
    }

    /// Closes the candle as it is, since nobody looks at what happens to it from here on.
    #[cold]
    fn leave(&mut self, told: &mut impl Told) {
        (self.candle.partial, self.left) = (true, true);
        self.close(told);
    }

    /// Closes the candle though its exchange has not called it final.
    fn close(&mut self, told: &mut impl Told) {
        self.open = false;
        self.candle.closed = true;
        self.candle.partial |= self.doubted || self.candle.says_final;
        self.note(false);
        self.tell_newest(told);
    }

    /// Numbers and tells the newest candle as it is.
    #[inline]
    fn tell_newest(&mut self, told: &mut impl Told) {
        self.seq += 1;
        self.candle_seq = self.seq;
        told(self.seq, self.stamp, &self.candle);
    }
}
