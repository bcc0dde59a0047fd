//! What Bybit leaves out because it said it before: deltas of `tickers` (contracts) state only what
//! changed, and so did those of `orderbook.1` before 2025-03-20. A change is of what its own
//! connection told: what another did may be older than what was missed in between.

use arrayvec::ArrayVec;

use crate::exchange::BookKind;
use crate::instrument::InstrumentId;
use crate::limits::CARRIERS_MAX;
use crate::tick::{Decimal, Level, Quote, Side, Ticker};

/// No memory of that instrument.
const ABSENT: u32 = u32::MAX;

/// The last ticker and best prices of every instrument. Grows with the first frame of each; nothing
/// is allocated afterwards.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// By [`InstrumentId::index`]: place in `kept`, or [`ABSENT`].
    places: Vec<u32>,
    kept: Vec<Kept>,
}

/// What is remembered of one instrument.
#[derive(Clone, Debug, Default)]
struct Kept {
    /// By connection, the newest at the end.
    said: ArrayVec<Said, CARRIERS_MAX>,
    /// Levels of the book, by its topic; 0 before its first event.
    depth: u32,
}

/// What a connection said of an instrument.
#[derive(Clone, Copy, Debug)]
struct Said {
    connection: u32,
    /// `None` before its first snapshot.
    ticker: Option<Ticker>,
    /// The same.
    top: Option<Quote>,
}

impl Kept {
    /// What a connection said; of more than there may be, the oldest is forgotten.
    #[inline]
    fn said(&mut self, connection: u32) -> &mut Said {
        let place = self.said.iter().position(|said| said.connection == connection);
        let place = place.unwrap_or_else(|| self.begin(connection));
        &mut self.said[place]
    }

    #[cold]
    fn begin(&mut self, connection: u32) -> usize {
        if self.said.is_full() {
            self.said.remove(0);
        }
        self.said.push(Said { connection, ticker: None, top: None });
        self.said.len() - 1
    }
}

impl Memory {
    /// The ticker as it stood after the last frame of this connection; `None` before its first
    /// snapshot.
    pub(super) fn ticker(&mut self, instrument: InstrumentId, connection: u32) -> Option<Ticker> {
        self.kept(instrument).said(connection).ticker
    }

    /// Remembers a ticker.
    pub(super) fn keep_ticker(
        &mut self,
        instrument: InstrumentId,
        connection: u32,
        ticker: Ticker,
    ) {
        self.kept(instrument).said(connection).ticker = Some(ticker);
    }

    /// Whether a topic of this depth makes the instrument's book: the first deeper than one level
    /// that was seen, as each depth has numbers of its own. One level is told beside it.
    #[inline]
    pub(super) fn admits(&mut self, instrument: InstrumentId, depth: u32) -> bool {
        if depth == 1 {
            return true;
        }
        let kept = self.kept(instrument);
        if kept.depth == 0 {
            kept.depth = depth;
        }
        kept.depth == depth
    }

    /// The best bid and ask after an event of `orderbook.1`; `None` for a delta without a snapshot
    /// of its connection before it.
    #[inline]
    pub(super) fn top(
        &mut self,
        instrument: InstrumentId,
        connection: u32,
        (kind, levels): (BookKind, &[Level]),
    ) -> Option<Quote> {
        let kept = self.kept(instrument).said(connection);
        if let [bid, ask] = levels
            && (bid.side, ask.side) == (Side::Bid, Side::Ask)
            && !bid.size.is_zero()
            && !ask.size.is_zero()
            && (kind == BookKind::Snapshot || kept.top.is_some())
        {
            // As nearly all are, and always since 2025: both sides are set.
            let (bid_size, ask_size) = (Some(bid.size), Some(ask.size));
            let (bid, ask) = (Some(bid.price), Some(ask.price));
            kept.top = Some(Quote { bid, bid_size, ask, ask_size });
            return kept.top;
        }
        let before = match kind {
            BookKind::Snapshot => NOTHING,
            BookKind::Delta => kept.top?,
        };
        let (bid, bid_size) = best(Side::Bid, (before.bid, before.bid_size), levels);
        let (ask, ask_size) = best(Side::Ask, (before.ask, before.ask_size), levels);
        kept.top = Some(Quote { bid, bid_size, ask, ask_size });
        kept.top
    }

    #[inline]
    fn kept(&mut self, instrument: InstrumentId) -> &mut Kept {
        let index = instrument.index();
        if self.places.get(index).is_none_or(|&place| place == ABSENT) {
            self.add(index);
        }
        &mut self.kept[self.places[index] as usize]
    }

    #[cold]
    fn add(&mut self, index: usize) {
        if self.places.len() <= index {
            self.places.resize(index + 1, ABSENT);
        }
        self.places[index] = self.kept.len() as u32;
        self.kept.push(Kept::default());
    }
}

/// Nothing rests.
const NOTHING: Quote = Quote { bid: None, bid_size: None, ask: None, ask_size: None };

/// A price and what rests there.
type Best = (Option<Decimal>, Option<Decimal>);

/// One side after an event. A book of one level has no other to fall back on, so what is set
/// replaces what was, in whatever order the event says it.
#[inline]
fn best(side: Side, before: Best, levels: &[Level]) -> Best {
    let mut best = before;
    let mut set: Option<Level> = None;
    for level in levels.iter().filter(|level| level.side == side) {
        if !level.size.is_zero() {
            set = Some(set.map_or(*level, |other| better(side, other, *level)));
        } else if best.0.is_some_and(|price| price.cmp_value(level.price).is_eq()) {
            best = (None, None);
        }
    }
    set.map_or(best, |level| (Some(level.price), Some(level.size)))
}

fn better(side: Side, one: Level, other: Level) -> Level {
    let order = one.price.cmp_value(other.price);
    let one_is_better = if side == Side::Bid { order.is_ge() } else { order.is_le() };
    if one_is_better { one } else { other }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text.as_bytes()).expect("a decimal")
    }

    fn level(side: Side, price: &str, size: &str) -> Level {
        Level { side, price: decimal(price), size: decimal(size) }
    }

    fn quote(bid: Option<(&str, &str)>, ask: Option<(&str, &str)>) -> Quote {
        let part =
            |best: Option<(&str, &str)>| (best.map(|b| decimal(b.0)), best.map(|b| decimal(b.1)));
        let ((bid, bid_size), (ask, ask_size)) = (part(bid), part(ask));
        Quote { bid, bid_size, ask, ask_size }
    }

    #[test]
    fn the_best_prices_survive_deltas_in_any_order() {
        let mut memory = Memory::default();
        let id = InstrumentId(3);
        let mut apply = |kind, levels: &[Level]| memory.top(id, 1, (kind, levels));
        let delta = BookKind::Delta;
        assert_eq!(apply(delta, &[level(Side::Bid, "9", "1")]), None);
        let whole = [level(Side::Bid, "10", "1"), level(Side::Ask, "11", "2")];
        let expected = quote(Some(("10", "1")), Some(("11", "2")));
        assert_eq!(apply(BookKind::Snapshot, &whole), Some(expected));
        // Down: the new one stands before the removal.
        let down = [level(Side::Bid, "9.5", "4"), level(Side::Bid, "10", "0")];
        let expected = quote(Some(("9.5", "4")), Some(("11", "2")));
        assert_eq!(apply(delta, &down), Some(expected));
        // The removal is spelled with other digits, and nothing takes its place.
        let gone = [level(Side::Ask, "11.00", "0")];
        assert_eq!(apply(delta, &gone), Some(quote(Some(("9.5", "4")), None)));
        let other = [level(Side::Ask, "12", "0"), level(Side::Ask, "12", "1")];
        let expected = quote(Some(("9.5", "4")), Some(("12", "1")));
        assert_eq!(apply(delta, &other), Some(expected));
    }

    #[test]
    fn of_several_levels_the_best_counts() {
        let levels = [level(Side::Ask, "12", "1"), level(Side::Ask, "11", "1")];
        let top = Memory::default().top(InstrumentId(0), 0, (BookKind::Snapshot, &levels));
        assert_eq!(top, Some(quote(None, Some(("11", "1")))));
    }

    #[test]
    fn a_change_is_of_what_its_own_connection_told() {
        let mut memory = Memory::default();
        let id = InstrumentId(2);
        let ticker = Ticker { last: Some(decimal("7")), ..Ticker::default() };
        memory.keep_ticker(id, 1, ticker);
        let whole = [level(Side::Bid, "10", "1"), level(Side::Ask, "11", "2")];
        assert!(memory.top(id, 1, (BookKind::Snapshot, &whole)).is_some());
        let change = [level(Side::Bid, "5", "1")];
        assert_eq!(memory.ticker(id, 2), None);
        assert_eq!(memory.top(id, 2, (BookKind::Delta, &change)), None);
        assert_eq!(memory.top(id, 2, (BookKind::Delta, &whole)), None);
        assert_eq!(memory.ticker(id, 1), Some(ticker));
        let changed = quote(Some(("5", "1")), Some(("11", "2")));
        assert_eq!(memory.top(id, 1, (BookKind::Delta, &change)), Some(changed));
        // Of more than there may be at once the first is gone.
        let last = 1 + CARRIERS_MAX as u32;
        (2..=last).for_each(|connection| memory.keep_ticker(id, connection, ticker));
        assert_eq!(memory.ticker(id, last), Some(ticker));
        assert_eq!(memory.ticker(id, 1), None);
    }
}
