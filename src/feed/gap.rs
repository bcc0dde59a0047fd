//! Holes and repetitions in an exchange's own numbering, per instrument.
//!
//! A trade is published once and in order of its id. What the ids show to be missing is told as a
//! gap, with the number of trades that never came; what came before is dropped. While the
//! replacement of a connection runs beside it, both carry the same events: the replacement is
//! listened to from the first event on that leaves no hole behind it (it joins), and from then on
//! the first copy of each event wins.

use crate::clock::UnixNanos;
use crate::exchange::{BookUpdate, Continuity};
use crate::instrument::{Channel, InstrumentId};

/// After so many older numbers in a row the exchange has begun to count anew (a test network that
/// was wiped, a simulator that was restarted): better a doubt than a channel silent for ever.
const OLDER_MAX: u8 = 16;

/// Which connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Source {
    /// Number of the connection, from 1, over all lines; no two are the same.
    pub(super) generation: u32,
    /// Another connection carries the same streams and is the one relied on.
    pub(super) replacement: bool,
}

/// What an event's number says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// To be published.
    Next,
    /// It was published before, or something after it was.
    Older,
    /// The replacement is ahead of the connection relied on, which will bring it.
    Ahead,
    /// To be published, after a gap.
    Gap {
        /// Events that never came; 0 when that cannot be known.
        missed: u64,
        /// The event before came by another connection.
        reconnected: bool,
    },
}

/// How far a channel of an instrument has come, and how its replacement stands to it.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    /// The last number; 0 before the first.
    last: u64,
    /// The connection that brought it.
    generation: u32,
    /// The replacement that was ahead at its last event.
    ahead: u32,
    /// The replacement that joined.
    joined: u32,
    /// Older numbers in a row.
    older: u8,
}

impl Progress {
    #[inline]
    fn advance(&mut self, last: u64, generation: u32) {
        self.last = last;
        self.generation = generation;
        self.older = 0;
    }

    /// One more older number. A mere copy of the last, or of what a faster connection brought,
    /// says nothing about how the exchange counts.
    #[inline]
    fn count_older(&mut self, number: u64, overlap: bool) {
        if number < self.last && !overlap {
            self.older = self.older.saturating_add(1);
        }
    }

    /// Whether a replacement must still wait for the other connection, because of a `hole` between
    /// what was published and its event.
    fn holds_back(&mut self, source: Source, hole: bool) -> bool {
        if !source.replacement || self.joined == source.generation {
            return false;
        }
        if hole {
            self.ahead = source.generation;
        } else {
            self.joined = source.generation;
        }
        hole
    }

    /// Whether replacing the connection by this replacement now would open a hole.
    fn waits_for(&self, generation: u32) -> bool {
        self.ahead == generation && self.joined != generation
    }
}

/// What is remembered of one instrument.
#[derive(Clone, Copy, Debug)]
struct Slot {
    trades: Progress,
    trade_time: UnixNanos,
    quotes: Progress,
    book: Progress,
    /// A bit per channel that anything came of since the connection opened.
    heard: u8,
}

/// The last numbers of every instrument of a feed.
#[derive(Debug)]
pub(super) struct Numbers {
    slots: Vec<Slot>,
    trades_contiguous: bool,
    continuity: Continuity,
    /// Two connections carry the same: any number of older events is the slower one's.
    overlap: bool,
}

impl Numbers {
    /// Nothing seen yet, for instruments with ids below `count`.
    pub(super) fn new(count: usize, trades_contiguous: bool, continuity: Continuity) -> Self {
        let slot = Slot {
            trades: Progress::default(),
            trade_time: UnixNanos::NONE,
            quotes: Progress::default(),
            book: Progress::default(),
            heard: 0,
        };
        Self { slots: vec![slot; count], trades_contiguous, continuity, overlap: false }
    }

    /// Something came of a channel.
    #[inline]
    pub(super) fn hear(&mut self, instrument: InstrumentId, channel: Channel) {
        if let Some(slot) = self.slots.get_mut(instrument.index()) {
            slot.heard |= 1 << channel as u8;
        }
    }

    /// The connection of a channel was lost: nothing has come of the next one.
    pub(super) fn forget_heard(&mut self, instrument: InstrumentId, channel: Channel) {
        if let Some(slot) = self.slots.get_mut(instrument.index()) {
            slot.heard &= !(1 << channel as u8);
        }
    }

    /// Whether it is odd that nothing came of a subscription. A quiet instrument prints no trades
    /// for hours, but its quotes and its book are told at the latest when somebody else moves.
    pub(super) fn is_mute(&self, instrument: InstrumentId, channel: Channel) -> bool {
        let heard = self.slots.get(instrument.index()).map_or(0, |slot| slot.heard);
        match channel {
            Channel::Quotes | Channel::Orderbook => heard & (1 << channel as u8) == 0,
            Channel::Trades | Channel::Ticker | Channel::Candles | Channel::Status => heard == 0,
        }
    }

    /// Judges a trade by its id; 0 is a trade without one, about which nothing can be said.
    #[inline]
    pub(super) fn trade(
        &mut self,
        instrument: InstrumentId,
        id: u64,
        time: UnixNanos,
        source: Source,
    ) -> Verdict {
        let contiguous = self.trades_contiguous;
        self.overlap |= source.replacement;
        let overlap = self.overlap;
        let Some(slot) = self.slots.get_mut(instrument.index()) else { return Verdict::Next };
        if id == 0 {
            return Verdict::Next;
        }
        if id == slot.trades.last + 1 && !source.replacement {
            slot.trades.advance(id, source.generation);
            slot.trade_time = time;
            return Verdict::Next;
        }
        slot.judge_trade(id, time, source, contiguous, overlap)
    }

    /// Judges a quote by its number; quotes may skip numbers.
    #[inline]
    pub(super) fn quote(
        &mut self,
        instrument: InstrumentId,
        number: u64,
        source: Source,
    ) -> Verdict {
        self.overlap |= source.replacement;
        let Some(slot) = self.slots.get_mut(instrument.index()) else { return Verdict::Next };
        if number == 0 {
            return Verdict::Next;
        }
        if number <= slot.quotes.last && (self.overlap || slot.quotes.older < OLDER_MAX) {
            slot.quotes.count_older(number, self.overlap);
            return Verdict::Older;
        }
        slot.quotes.advance(number, source.generation);
        Verdict::Next
    }

    /// Judges a book event while two connections run; the books themselves judge all others.
    #[inline]
    pub(super) fn book(&mut self, update: &BookUpdate, source: Source) -> Verdict {
        let continuity = self.continuity;
        let Some(slot) = self.slots.get_mut(update.instrument.index()) else {
            return Verdict::Next;
        };
        let progress = &mut slot.book;
        if source.generation == progress.generation && !source.replacement {
            progress.last = update.last_id;
            return Verdict::Next;
        }
        let hole = progress.last != 0
            && match continuity {
                Continuity::FirstFollowsLast | Continuity::FollowsByOne => {
                    update.first_id > progress.last + 1
                }
                Continuity::None => false,
                Continuity::StatesPrevious | Continuity::StatesPreviousOrRestarts => {
                    update.previous_id.is_none_or(|previous| previous > progress.last)
                }
            };
        if progress.holds_back(source, hole) {
            return Verdict::Ahead;
        }
        // The second copy of an event is no news for the books. Without an overlap the exchange may
        // have begun to count anew, which they find out by their snapshot.
        if progress.joined != 0 && update.last_id <= progress.last {
            return Verdict::Older;
        }
        progress.advance(update.last_id, source.generation);
        Verdict::Next
    }

    /// One connection carries the streams again.
    pub(super) fn end_overlap(&mut self) {
        self.overlap = false;
        for slot in &mut self.slots {
            for progress in [&mut slot.trades, &mut slot.book] {
                (progress.ahead, progress.joined) = (0, 0);
            }
        }
    }

    /// Whether some channel would be left with a hole if the replacement took over now.
    pub(super) fn waits_for(&self, generation: u32) -> bool {
        self.slots
            .iter()
            .any(|slot| slot.trades.waits_for(generation) || slot.book.waits_for(generation))
    }
}

impl Slot {
    /// What is not simply the next trade of the connection relied on.
    #[cold]
    fn judge_trade(
        &mut self,
        id: u64,
        time: UnixNanos,
        source: Source,
        contiguous: bool,
        overlap: bool,
    ) -> Verdict {
        let first = self.trades.last == 0;
        let hole = contiguous && !first && id > self.trades.last + 1;
        if self.trades.holds_back(source, hole) {
            return Verdict::Ahead;
        }
        let reconnected = self.trades.generation != source.generation;
        let older = id <= self.trades.last;
        // A new connection that brings an older id with a later time is no repetition: the
        // exchange counts anew.
        let later = time.is_some() && self.trade_time.is_some() && time > self.trade_time;
        let anew = (reconnected && later) || self.trades.older >= OLDER_MAX;
        if older && (overlap || !anew) {
            self.trades.count_older(id, overlap);
            return Verdict::Older;
        }
        let missed = if older { 0 } else { id - self.trades.last - 1 };
        self.trades.advance(id, source.generation);
        self.trade_time = time;
        if older || hole { Verdict::Gap { missed, reconnected } } else { Verdict::Next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: InstrumentId = InstrumentId(0);
    const OLD: Source = Source { generation: 1, replacement: false };
    const NEW: Source = Source { generation: 2, replacement: false };
    const BESIDE: Source = Source { generation: 2, replacement: true };

    fn numbers() -> Numbers {
        Numbers::new(1, true, Continuity::FirstFollowsLast)
    }

    fn trade(numbers: &mut Numbers, id: u64, source: Source) -> Verdict {
        numbers.trade(ONE, id, UnixNanos(id as i64), source)
    }

    fn update(first_id: u64, last_id: u64) -> BookUpdate {
        BookUpdate {
            instrument: ONE,
            kind: crate::exchange::BookKind::Delta,
            exchange_time: UnixNanos::NONE,
            first_id,
            last_id,
            previous_id: None,
            checksum: None,
            depth: crate::exchange::DEPTH_FULL,
            levels: 0..0,
        }
    }

    #[test]
    fn trades_follow_each_other_or_tell_how_many_are_missing() {
        let mut numbers = numbers();
        assert_eq!(trade(&mut numbers, 100, OLD), Verdict::Next);
        assert_eq!(trade(&mut numbers, 101, OLD), Verdict::Next);
        let hole = Verdict::Gap { missed: 3, reconnected: false };
        assert_eq!(trade(&mut numbers, 105, OLD), hole);
        assert_eq!(trade(&mut numbers, 105, OLD), Verdict::Older);
        assert_eq!(trade(&mut numbers, 103, OLD), Verdict::Older);
        assert_eq!(trade(&mut numbers, 106, OLD), Verdict::Next);
    }

    #[test]
    fn the_hole_of_a_reconnect_is_told_apart() {
        let mut numbers = numbers();
        trade(&mut numbers, 100, OLD);
        assert_eq!(trade(&mut numbers, 99, NEW), Verdict::Older);
        let hole = Verdict::Gap { missed: 9, reconnected: true };
        assert_eq!(trade(&mut numbers, 110, NEW), hole);
        assert_eq!(trade(&mut numbers, 111, NEW), Verdict::Next);
    }

    #[test]
    fn an_exchange_that_counts_anew_is_followed() {
        let mut numbers = numbers();
        numbers.trade(ONE, 1_000, UnixNanos(50), OLD);
        let anew = Verdict::Gap { missed: 0, reconnected: true };
        assert_eq!(numbers.trade(ONE, 1, UnixNanos(60), NEW), anew);
        assert_eq!(numbers.trade(ONE, 2, UnixNanos(61), NEW), Verdict::Next);
        // The same without times takes a while, in which nothing can be said for sure.
        let mut numbers = self::numbers();
        numbers.trade(ONE, 1_000, UnixNanos::NONE, OLD);
        let verdicts: Vec<_> =
            (1..=17).map(|id| numbers.trade(ONE, id, UnixNanos::NONE, OLD)).collect();
        assert!(verdicts[..16].iter().all(|verdict| *verdict == Verdict::Older));
        assert_eq!(verdicts[16], Verdict::Gap { missed: 0, reconnected: false });
    }

    #[test]
    fn ids_that_are_not_contiguous_only_order() {
        let mut numbers = Numbers::new(1, false, Continuity::FirstFollowsLast);
        assert_eq!(trade(&mut numbers, 100, OLD), Verdict::Next);
        assert_eq!(trade(&mut numbers, 500, OLD), Verdict::Next);
        assert_eq!(trade(&mut numbers, 500, OLD), Verdict::Older);
    }

    #[test]
    fn trades_without_a_number_and_foreign_instruments_pass() {
        let mut numbers = numbers();
        assert_eq!(numbers.trade(ONE, 0, UnixNanos::NONE, OLD), Verdict::Next);
        assert_eq!(numbers.trade(InstrumentId(7), 5, UnixNanos::NONE, OLD), Verdict::Next);
    }

    #[test]
    fn a_replacement_that_is_ahead_waits_until_it_can_join() {
        let mut numbers = numbers();
        trade(&mut numbers, 100, OLD);
        assert_eq!(trade(&mut numbers, 103, BESIDE), Verdict::Ahead);
        assert!(numbers.waits_for(2), "taking over now would lose 101 and 102");
        for id in 101..=103 {
            assert_eq!(trade(&mut numbers, id, OLD), Verdict::Next);
        }
        assert_eq!(trade(&mut numbers, 104, BESIDE), Verdict::Next);
        assert!(!numbers.waits_for(2));
        // From now on the first copy wins, whoever brings it.
        assert_eq!(trade(&mut numbers, 104, OLD), Verdict::Older);
        assert_eq!(trade(&mut numbers, 105, OLD), Verdict::Next);
        assert_eq!(trade(&mut numbers, 105, BESIDE), Verdict::Older);
        assert_eq!(trade(&mut numbers, 106, BESIDE), Verdict::Next);
        assert_eq!(trade(&mut numbers, 107, NEW), Verdict::Next);
    }

    #[test]
    fn two_connections_with_any_skew_publish_each_trade_once_and_in_order() {
        for skew in 0..6_u64 {
            for ahead in [false, true] {
                let mut numbers = numbers();
                let mut published = Vec::new();
                for step in 1..200_u64 {
                    let (old, new) = if ahead { (step, step + skew) } else { (step + skew, step) };
                    let quiet = step % 20 > 10;
                    for (id, source) in [(old, OLD), (new, BESIDE)] {
                        // In a quiet moment whoever is behind catches up.
                        let id = if quiet { step / 20 * 20 + 11 + skew } else { id };
                        if matches!(trade(&mut numbers, id, source), Verdict::Next) {
                            published.push(id);
                        }
                    }
                }
                assert!(published.is_sorted_by(|one, two| one < two), "{published:?}");
            }
        }
    }

    #[test]
    fn a_connection_far_behind_its_replacement_brings_only_copies() {
        let mut numbers = numbers();
        trade(&mut numbers, 100, OLD);
        numbers.quote(ONE, 100, OLD);
        for id in 101..200 {
            assert_eq!(trade(&mut numbers, id, BESIDE), Verdict::Next);
            assert_eq!(numbers.quote(ONE, id, BESIDE), Verdict::Next);
        }
        for id in 101..200 {
            assert_eq!(trade(&mut numbers, id, OLD), Verdict::Older);
            assert_eq!(numbers.quote(ONE, id, OLD), Verdict::Older);
        }
        assert_eq!(trade(&mut numbers, 200, BESIDE), Verdict::Next);
        numbers.end_overlap();
        assert_eq!(trade(&mut numbers, 201, NEW), Verdict::Next);
    }

    #[test]
    fn quotes_only_go_forward() {
        let mut numbers = numbers();
        assert_eq!(numbers.quote(ONE, 7, OLD), Verdict::Next);
        assert_eq!(numbers.quote(ONE, 7, OLD), Verdict::Older);
        assert_eq!(numbers.quote(ONE, 5, NEW), Verdict::Older);
        assert_eq!(numbers.quote(ONE, 90, NEW), Verdict::Next);
        for _ in 0..OLDER_MAX {
            assert_eq!(numbers.quote(ONE, 3, NEW), Verdict::Older);
        }
        assert_eq!(numbers.quote(ONE, 4, NEW), Verdict::Next, "it counts anew");
    }

    #[test]
    fn the_books_see_each_event_once_while_two_connections_run() {
        let mut numbers = numbers();
        assert_eq!(numbers.book(&update(10, 12), OLD), Verdict::Next);
        assert_eq!(numbers.book(&update(15, 16), BESIDE), Verdict::Ahead);
        assert!(numbers.waits_for(2));
        assert_eq!(numbers.book(&update(13, 16), OLD), Verdict::Next);
        assert_eq!(numbers.book(&update(17, 18), BESIDE), Verdict::Next);
        assert!(!numbers.waits_for(2));
        assert_eq!(numbers.book(&update(17, 18), OLD), Verdict::Older);
        assert_eq!(numbers.book(&update(19, 20), OLD), Verdict::Next);
        assert_eq!(numbers.book(&update(19, 20), BESIDE), Verdict::Older);
        // A hole on the connection relied on is for the books to find.
        assert_eq!(numbers.book(&update(30, 31), NEW), Verdict::Next);
    }

    #[test]
    fn a_reconnect_leaves_the_judgement_to_the_books() {
        let mut numbers = numbers();
        numbers.book(&update(10, 12), OLD);
        assert_eq!(numbers.book(&update(1, 2), NEW), Verdict::Next);
        assert_eq!(numbers.book(&update(2, 2), NEW), Verdict::Next);
    }
}
