//! Events that came before what precedes them, while another connection may still bring that.

use std::collections::{BTreeMap, VecDeque};

use super::places::Source;
use crate::clock::MonoNanos;
use crate::exchange::BookUpdate;
use crate::instrument::InstrumentId;
use crate::limits::{DOUBTS_MAX, HELD_BACK_FOR_MAX, HELD_BACK_MAX};
use crate::tick::{Level, Tick};

/// A trade that waits, or the mere word of the exchange that there was one.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeldTrade {
    /// The first id that it stands for; the one after `last` where it stands for none.
    pub(super) first: u64,
    /// The last id that it stands for, or the last trade by the exchange's word.
    pub(super) last: u64,
    /// Its id among those that do not tell what follows what.
    pub(super) id: u128,
    /// Who brought it.
    pub(super) source: Source,
    /// The trade.
    pub(super) tick: Option<Tick>,
}

/// A book event that waits.
#[derive(Clone, Debug)]
pub(crate) struct HeldBook {
    /// The event; its range of levels means nothing here.
    pub(crate) update: BookUpdate,
    /// Its levels.
    pub(crate) levels: Vec<Level>,
    /// Who brought it.
    pub(crate) source: Source,
}

/// A trade with an older number that may be a repetition, or one of the first of an exchange that
/// counts anew, which those behind it show.
#[derive(Clone, Copy, Debug)]
pub(super) struct Doubt {
    /// The ids that it stands for.
    pub(super) first: u64,
    pub(super) last: u64,
    /// Who brought it.
    pub(super) generation: u32,
    /// The last number that was published by then.
    pub(super) after: Option<u64>,
    pub(super) tick: Tick,
}

/// Everything of a feed that waits for another connection. Empty at nearly all times.
#[derive(Debug, Default)]
pub(super) struct HeldBack {
    trades: BTreeMap<InstrumentId, VecDeque<HeldTrade>>,
    books: BTreeMap<InstrumentId, VecDeque<HeldBook>>,
    /// Trades and levels in all.
    weight: usize,
    /// Trades of any instrument, in the order in which they came. Nobody waits for these: they mean
    /// nothing any more when something else was published.
    doubts: VecDeque<Doubt>,
}

impl Doubt {
    /// The same connection brought both in a row.
    fn is_kin_of(&self, other: &Self) -> bool {
        let of = |doubt: &Self| (doubt.tick.instrument, doubt.generation, doubt.after);
        of(self) == of(other)
    }
}

impl HeldBack {
    /// Nothing waits.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.trades.is_empty() && self.books.is_empty()
    }

    /// So much more may wait.
    pub(super) fn has_room_for(&self, weight: usize) -> bool {
        self.weight + weight <= HELD_BACK_MAX
    }

    /// Keeps a trade, in the order of ids; among equals the one that came first comes first.
    pub(super) fn push_trade(&mut self, instrument: InstrumentId, trade: HeldTrade) {
        let trades = self.trades.entry(instrument).or_default();
        let place = trades.partition_point(|other| other.first <= trade.first);
        trades.insert(place, trade);
        self.weight += 1;
    }

    /// Keeps a book event, in the order of ids.
    pub(super) fn push_book(&mut self, book: HeldBook) {
        self.weight += 1 + book.levels.len();
        let books = self.books.entry(book.update.instrument).or_default();
        let place = books.partition_point(|other| other.update.last_id <= book.update.last_id);
        books.insert(place, book);
    }

    /// The trade of an instrument that is due first.
    #[inline]
    pub(super) fn first_trade(&self, instrument: InstrumentId) -> Option<&HeldTrade> {
        self.trades.get(&instrument)?.front()
    }

    /// The same, taken out.
    pub(super) fn pop_trade(&mut self, instrument: InstrumentId) -> Option<HeldTrade> {
        let trades = self.trades.get_mut(&instrument)?;
        let trade = trades.pop_front()?;
        if trades.is_empty() {
            self.trades.remove(&instrument);
        }
        self.weight -= 1;
        Some(trade)
    }

    /// The connection that holds back this id.
    pub(super) fn holder_of(&self, instrument: InstrumentId, id: u128) -> Option<u32> {
        let held = self.trades.get(&instrument)?.iter().find(|held| held.id == id)?;
        Some(held.source.generation)
    }

    /// Keeps a trade in case that the exchange counts anew; the oldest makes room.
    pub(super) fn push_doubt(&mut self, doubt: Doubt) {
        if self.doubts.len() == DOUBTS_MAX {
            self.doubts.pop_front();
        }
        self.doubts.push_back(doubt);
    }

    /// It does, from `next` on at the latest: the trades that lead there without a hole, the last
    /// first.
    fn doubts_before<'a>(&'a self, next: &'a Doubt) -> impl Iterator<Item = &'a Doubt> {
        let mut first = next.first;
        let kin = self.doubts.iter().rev().filter(|doubt| doubt.is_kin_of(next));
        kin.take_while(move |doubt| {
            let leads_there = doubt.last.checked_add(1) == Some(first);
            first = doubt.first;
            leads_there
        })
    }

    /// The first of those trades, or `next`.
    pub(super) fn first_doubted<'a>(&'a self, next: &'a Doubt) -> &'a Doubt {
        self.doubts_before(next).last().unwrap_or(next)
    }

    /// Puts those trades into `out`, and forgets all others of the instrument.
    pub(super) fn take_doubts(&mut self, next: &Doubt, out: &mut Vec<Tick>) {
        let begin = out.len();
        out.extend(self.doubts_before(next).map(|doubt| doubt.tick));
        out[begin..].reverse();
        self.doubts.retain(|doubt| doubt.tick.instrument != next.tick.instrument);
    }

    /// Takes out every trade that one connection brought, in the order in which it did.
    pub(super) fn take_trades_of(
        &mut self,
        instrument: InstrumentId,
        generation: u32,
    ) -> Vec<HeldTrade> {
        let Some(trades) = self.trades.remove(&instrument) else { return Vec::new() };
        let (taken, kept): (Vec<_>, Vec<_>) =
            trades.into_iter().partition(|held| held.source.generation == generation);
        self.weight -= taken.len();
        if !kept.is_empty() {
            self.trades.insert(instrument, kept.into());
        }
        taken
    }

    /// Forgets the trades of an instrument; returns how many they were.
    pub(super) fn drop_trades(&mut self, instrument: InstrumentId) -> usize {
        let dropped = self.trades.remove(&instrument).map_or(0, |trades| trades.len());
        self.weight -= dropped;
        dropped
    }

    /// The book event of an instrument that is due first.
    #[inline]
    pub(super) fn first_book(&self, instrument: InstrumentId) -> Option<&HeldBook> {
        self.books.get(&instrument)?.front()
    }

    /// The same, taken out.
    pub(super) fn pop_book(&mut self, instrument: InstrumentId) -> Option<HeldBook> {
        let books = self.books.get_mut(&instrument)?;
        let book = books.pop_front()?;
        if books.is_empty() {
            self.books.remove(&instrument);
        }
        self.weight -= 1 + book.levels.len();
        Some(book)
    }

    /// Forgets the book events of an instrument.
    pub(super) fn drop_books(&mut self, instrument: InstrumentId) {
        while self.pop_book(instrument).is_some() {}
    }

    /// Instruments with trades that wait.
    pub(super) fn trade_instruments(&self) -> Vec<InstrumentId> {
        self.with_trades().collect()
    }

    /// The same, to look at.
    pub(super) fn with_trades(&self) -> impl Iterator<Item = InstrumentId> {
        self.trades.keys().copied()
    }

    /// Instruments with book events that wait.
    pub(super) fn book_instruments(&self) -> Vec<InstrumentId> {
        self.books.keys().copied().collect()
    }

    /// Whether anything that this connection brought waits.
    pub(super) fn holds_of(&self, generation: u32) -> bool {
        let trades = self.trades.values().flatten().map(|held| held.source);
        let books = self.books.values().flatten().map(|held| held.source);
        trades.chain(books).any(|source| source.generation == generation)
    }

    /// When the first of what waits has waited for too long.
    pub(super) fn due(&self) -> MonoNanos {
        let oldest_of_all = |sources: &mut dyn Iterator<Item = Source>| {
            sources.map(|source| source.received).min().unwrap_or(MonoNanos::MAX)
        };
        let trades = oldest_of_all(&mut self.trades.values().flatten().map(|held| held.source));
        let books = oldest_of_all(&mut self.books.values().flatten().map(|held| held.source));
        let oldest = trades.min(books);
        if oldest == MonoNanos::MAX { oldest } else { oldest.after(HELD_BACK_FOR_MAX) }
    }

    /// Whether the trades of an instrument have waited for too long.
    pub(super) fn trade_is_overdue(&self, instrument: InstrumentId, now: MonoNanos) -> bool {
        let held = self.trades.get(&instrument).into_iter().flatten();
        held.map(|held| held.source.received).min().is_some_and(|oldest| is_over(oldest, now))
    }

    /// Whether the book events of an instrument have waited for too long.
    pub(super) fn book_is_overdue(&self, instrument: InstrumentId, now: MonoNanos) -> bool {
        self.first_book(instrument).is_some_and(|held| is_over(held.source.received, now))
    }
}

fn is_over(since: MonoNanos, now: MonoNanos) -> bool {
    now >= since.after(HELD_BACK_FOR_MAX)
}
