//! What a simulated market really did, for tests and for measuring against planned times.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::candle::Bar;
use super::market::Print;
use super::random::Random;
use super::resting::BookSide;
use super::write::Scale;
use crate::clock::MonoNanos;

/// One trade as it was printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrueTrade {
    /// Contiguous per symbol.
    pub id: u64,
    /// As it is written on the wire.
    pub price: String,
    /// As it is written on the wire.
    pub size: String,
    /// Side of the taker.
    pub taker: BookSide,
    /// Number of the taker's order, contiguous per symbol; trades of one order follow each other at
    /// one price.
    pub order: u64,
    /// When it was to be sent, on the simulator's clock; what it carries as its time, in
    /// milliseconds, is the date of this instant.
    pub planned: MonoNanos,
}

/// One book as it stands, best levels first, price and size as written on the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrueBook {
    /// Id of the last change that it includes.
    pub update_id: u64,
    /// Id up to which deltas were sent on the fastest stream. A client that has them all has this
    /// very book when both ids are equal.
    pub sent_update_id: u64,
    /// Bids.
    pub bids: Vec<(String, String)>,
    /// Asks.
    pub asks: Vec<(String, String)>,
}

/// A state that a book had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PastBook {
    /// Id of the last change that it includes.
    pub update_id: u64,
    /// The sum of [`level_print`] over the levels that clients may know of.
    pub print: u64,
    /// The part of it that the last answer with a whole book left out, as it had more levels than were
    /// asked for, and that did not change since: whoever began with that answer does not know it.
    pub untold: u64,
}

/// One candle as it ended, or stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrueBar {
    /// Start in milliseconds since the epoch.
    pub start_ms: i64,
    /// Open, high, low and close as they are written on the wire; all the last close while nothing
    /// traded.
    pub prices: [String; 4],
    /// What was traded, likewise; `None` where the exchange states none.
    pub volume: Option<String>,
    /// Trades, likewise; `None` where the exchange has none.
    pub count: Option<u64>,
}

/// The fingerprint of one level, of which the sum over a book's levels is the book's: two books with
/// one fingerprint are the same. Price and size in units of 10⁻¹², so that it does not matter with
/// how many digits they were written.
pub fn level_print(side: BookSide, price: i128, size: i128) -> u64 {
    let mut print = match side {
        BookSide::Bid => 0x9E37_79B9_7F4A_7C15,
        BookSide::Ask => 0xC2B2_AE3D_27D4_EB4F,
    };
    for number in [price, size] {
        for half in [number as u64, (number >> 64) as u64] {
            print = Random::new(print ^ half).next();
        }
    }
    print
}

/// A trade as it is kept; it is spelled out only for who asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept {
    pub(super) print: Print,
    pub(super) planned: MonoNanos,
}

#[derive(Debug)]
struct Record {
    price: Scale,
    size: Scale,
    /// Contiguous ids.
    kept: VecDeque<Kept>,
}

/// The last trades of every symbol.
#[derive(Debug, Default)]
pub(super) struct Records {
    list: Vec<Record>,
    by_symbol: HashMap<String, usize>,
    /// Trades kept per symbol; 0 keeps none.
    bound: usize,
}

impl Records {
    pub(super) fn new(symbols: impl Iterator<Item = (String, Scale, Scale)>, bound: usize) -> Self {
        let mut records = Self { bound, ..Self::default() };
        for (index, (symbol, price, size)) in symbols.enumerate() {
            records.by_symbol.insert(symbol, index);
            records.list.push(Record { price, size, kept: VecDeque::new() });
        }
        records
    }

    /// Keeps one trade of the instrument with that index.
    pub(super) fn keep(&mut self, instrument: usize, kept: Kept) {
        let Some(record) = self.list.get_mut(instrument).filter(|_| self.bound > 0) else { return };
        if record.kept.len() == self.bound {
            record.kept.pop_front();
        }
        record.kept.push_back(kept);
    }

    /// The kept trades of the instrument with that index, oldest first.
    pub(super) fn kept(&self, instrument: usize) -> impl DoubleEndedIterator<Item = &Kept> {
        self.list.get(instrument).into_iter().flat_map(|record| &record.kept)
    }

    fn record(&self, symbol: &str) -> Option<&Record> {
        self.by_symbol.get(symbol).map(|index| &self.list[*index])
    }
}

/// The trades that a simulator printed; clones see the same.
#[derive(Clone, Debug)]
pub struct Truth(Arc<Mutex<Records>>);

impl Truth {
    pub(super) fn new(records: Records) -> Self {
        Self(Arc::new(Mutex::new(records)))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Records> {
        // A poisoned record is still the record of what was sent.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The symbols, as the exchange spells them.
    pub fn symbols(&self) -> Vec<String> {
        let mut symbols: Vec<String> = self.lock().by_symbol.keys().cloned().collect();
        symbols.sort();
        symbols
    }

    /// The last trades of `symbol` (as many as are kept), oldest first.
    pub fn trades(&self, symbol: &str) -> Vec<TrueTrade> {
        let records = self.lock();
        let Some(record) = records.record(symbol) else { return Vec::new() };
        record.kept.iter().map(|kept| record.spell(kept)).collect()
    }

    /// The last trade of `symbol`; `None` before the first.
    pub fn last(&self, symbol: &str) -> Option<TrueTrade> {
        let records = self.lock();
        let record = records.record(symbol)?;
        record.kept.back().map(|kept| record.spell(kept))
    }

    /// When the trade was to be sent; `None` when it never was or is no longer kept.
    pub fn planned_send(&self, symbol: &str, trade_id: u64) -> Option<MonoNanos> {
        let records = self.lock();
        let kept = &records.record(symbol)?.kept;
        let index = trade_id.checked_sub(kept.front()?.print.id)?;
        kept.get(usize::try_from(index).ok()?).map(|kept| kept.planned)
    }

    /// The planned times of all kept trades of `symbol`: the first id, then one time for each id
    /// in a row. Cheaper than asking for each.
    pub fn planned_sends(&self, symbol: &str) -> Option<(u64, Vec<MonoNanos>)> {
        let records = self.lock();
        let kept = &records.record(symbol)?.kept;
        Some((kept.front()?.print.id, kept.iter().map(|kept| kept.planned).collect()))
    }
}

impl Records {
    /// A candle of the instrument with that index, spelled out.
    pub(super) fn spell_bar(&self, instrument: usize, bar: &Bar) -> Option<TrueBar> {
        let Record { price, size, .. } = self.list.get(instrument)?;
        let volume = i64::try_from(bar.volume).ok()?;
        Some(TrueBar {
            start_ms: bar.start_ms,
            prices: [bar.open, bar.high, bar.low, bar.close].map(|ticks| price.text(ticks)),
            volume: Some(size.text(volume)),
            count: Some(bar.count),
        })
    }
}

impl Record {
    fn spell(&self, kept: &Kept) -> TrueTrade {
        TrueTrade {
            id: kept.print.id,
            price: self.price.text(kept.print.price),
            size: self.size.text(kept.print.size),
            taker: kept.print.taker,
            order: kept.print.order,
            planned: kept.planned,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_trades_are_kept_and_found_by_their_ids() {
        let symbols = [("AB".to_owned(), Scale::new(2, 8), Scale::new(0, 8))];
        let truth = Truth::new(Records::new(symbols.into_iter(), 3));
        for id in 10..15 {
            let print = Print { id, price: 100, size: 2, taker: BookSide::Ask, order: id };
            truth.lock().keep(0, Kept { print, planned: MonoNanos(id * 7) });
        }
        let ids: Vec<u64> = truth.trades("AB").iter().map(|trade| trade.id).collect();
        assert_eq!(ids, [12, 13, 14]);
        assert_eq!(truth.trades("AB")[0].price, "1.00000000");
        assert_eq!(truth.planned_send("AB", 13), Some(MonoNanos(91)));
        assert_eq!(truth.planned_send("AB", 11), None);
        assert_eq!(truth.planned_send("AB", 15), None);
        assert_eq!(
            truth.planned_sends("AB").map(|(first, times)| (first, times.len())),
            Some((12, 3))
        );
        assert!(truth.trades("CD").is_empty());
    }
}
