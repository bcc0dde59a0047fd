//! What a book is like: how many levels it keeps, and how many digits its numbers have. Kraken never says that a level fell out of the subscribed depth,
//! so whoever applies its updates must cut them off, and has to know where.

use std::collections::HashMap;

use crate::exchange::DEPTH_FULL;
use crate::instrument::{InstrumentId, NativeMap};
use crate::limits::INSTRUMENTS_MAX;

/// Depths that can be subscribed; others are refused ("Subscription depth not supported").
pub(super) const ALLOWED: [u32; 5] = [10, 25, 100, 500, 1_000];

/// The subscribed depth of every book, as it was learned.
#[derive(Debug, Default)]
pub(super) struct Depths {
    /// By [`InstrumentId::index`].
    known: Vec<Depth>,
    /// Digits of every pair that the exchange listed, by its symbol.
    listed: HashMap<String, [u8; 2]>,
    /// The same of ours, by [`InstrumentId::index`].
    digits: Vec<Option<[u8; 2]>>,
}

/// How deep a book is, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Depth {
    levels: u32,
    /// By the exchange's word, and not by what it sent.
    is_said: bool,
}

impl Depth {
    const UNKNOWN: Self = Self { levels: DEPTH_FULL, is_said: false };
}

impl Depths {
    /// The exchange says with how many digits behind the point it writes prices and sizes of a pair.
    pub(super) fn list(&mut self, pair: &str, digits: [u8; 2]) {
        if self.listed.len() < INSTRUMENTS_MAX || self.listed.contains_key(pair) {
            self.listed.insert(pair.to_owned(), digits);
        }
    }

    /// Which of the listed pairs are ours.
    pub(super) fn find_digits(&mut self, instruments: &NativeMap) {
        self.digits.clear();
        for (pair, digits) in &self.listed {
            if let Some(instrument) = instruments.find(pair.as_bytes()) {
                let index = instrument.index();
                if index >= self.digits.len() {
                    self.digits.resize(index + 1, None);
                }
                self.digits[index] = Some(*digits);
            }
        }
    }

    /// Digits behind the point of prices and sizes, where the exchange said so.
    #[inline]
    pub(super) fn digits(&self, instrument: InstrumentId) -> Option<[u8; 2]> {
        self.digits.get(instrument.index()).copied().flatten()
    }

    /// The exchange said it.
    pub(super) fn learn(&mut self, instrument: InstrumentId, levels: u32) {
        self.set(instrument, Depth { levels, is_said: true });
    }

    fn set(&mut self, instrument: InstrumentId, depth: Depth) {
        let index = instrument.index();
        if index >= self.known.len() && index < INSTRUMENTS_MAX {
            self.known.resize(index + 1, Depth::UNKNOWN);
        }
        if let Some(known) = self.known.get_mut(index) {
            *known = depth;
        }
    }

    #[inline]
    fn known(&self, instrument: InstrumentId) -> Depth {
        self.known.get(instrument.index()).copied().unwrap_or(Depth::UNKNOWN)
    }

    /// The depth of a book; [`DEPTH_FULL`] while nothing tells.
    #[inline]
    pub(super) fn of(&self, instrument: InstrumentId) -> u32 {
        self.known(instrument).levels
    }

    /// The same for a book that has just come whole, `longest` being the number of levels of its
    /// longer side: where nothing was said, it is the smallest allowed depth that holds it. What was
    /// said counts even if more came: of what lies deeper the exchange would never say that it is
    /// gone, and were it wrong about the depth, the checksum would show that.
    pub(super) fn of_snapshot(&mut self, instrument: InstrumentId, longest: usize) -> u32 {
        let Depth { levels, is_said } = self.known(instrument);
        if is_said || (levels != DEPTH_FULL && levels as usize >= longest) {
            return levels;
        }
        let holds = ALLOWED.into_iter().find(|depth| *depth as usize >= longest);
        let levels = holds.unwrap_or(DEPTH_FULL);
        self.set(instrument, Depth { levels, is_said: false });
        levels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOK: InstrumentId = InstrumentId(3);

    #[test]
    fn the_exchanges_word_counts_and_a_snapshot_where_there_is_none() {
        let mut depths = Depths::default();
        assert_eq!(depths.of(BOOK), DEPTH_FULL);
        assert_eq!(depths.of_snapshot(BOOK, 7), 10);
        assert_eq!(depths.of(BOOK), 10);
        depths.learn(BOOK, 100);
        assert_eq!(depths.of_snapshot(BOOK, 7), 100);
        assert_eq!(depths.of_snapshot(BOOK, 101), 100, "no deeper than was asked for");
        assert_eq!(depths.of_snapshot(InstrumentId(4), 101), 500);
        assert_eq!(depths.of_snapshot(InstrumentId(5), 1_001), DEPTH_FULL);
        assert_eq!(depths.of(InstrumentId(2)), DEPTH_FULL);
        depths.learn(InstrumentId::NONE, 10);
        assert_eq!(depths.of(InstrumentId::NONE), DEPTH_FULL);
    }
}
