//! The exact two-sided book of one instrument.
//!
//! A book only keeps levels; who proves it continuous is its owner. The best levels of a side are a
//! sorted list with the best price at its end: most changes are near the best, so the search gallops
//! from there and an insertion moves few levels. Those behind stand in short runs, so that a change
//! there costs no more however deep the book is. Measured against `BTreeMap` and one sorted `Vec` in
//! `benches/cache.rs`, near the best price and far from it.

mod side;
mod view;

pub use view::{View, ViewChange};

use side::HalfBook;

use crate::limits::{BOOK_LEVELS_MAX, BOOK_STAGING_KEPT};
use crate::tick::{Decimal, Level, Side};

/// Whole book, or change to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BookKind {
    /// Replaces the book.
    Snapshot,
    /// Changes single levels.
    Delta,
}

/// A price and what rests there, both as the exchange wrote them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resting {
    /// In quote currency.
    pub price: Decimal,
    /// Resting at `price`, in base currency; never zero inside a book.
    pub size: Decimal,
}

impl Resting {
    /// The same as a level of a side.
    #[inline]
    pub const fn level(self, side: Side) -> Level {
        Level { side, price: self.price, size: self.size }
    }
}

/// What a level did to a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// A price that was not there rests now.
    Added,
    /// A price that was there rests with this size now.
    Changed,
    /// A price that was there is gone.
    Removed,
    /// The removal of a price that was not there. Normal where an exchange also removes what its
    /// snapshot was too shallow to show.
    Unknown,
    /// The side holds [`BOOK_LEVELS_MAX`] levels, or the level has no side; nothing changed, so
    /// the book is not whole any more.
    Refused,
}

/// A book. Prices are compared by value, so `1.0` and `1.00` are one level, and kept as written
/// last.
#[derive(Clone, Debug)]
pub struct Book {
    bids: HalfBook,
    asks: HalfBook,
    /// Levels of a snapshot that is not whole yet, in the order in which they came.
    staged: Vec<Level>,
}

impl Default for Book {
    fn default() -> Self {
        Self::new()
    }
}

impl Book {
    /// An empty book.
    pub const fn new() -> Self {
        Self { bids: HalfBook::bids(), asks: HalfBook::asks(), staged: Vec::new() }
    }

    /// Sets one level; size zero removes it.
    #[inline]
    pub fn apply(&mut self, level: Level) -> Applied {
        match level.side {
            Side::Bid => self.bids.apply(level),
            Side::Ask => self.asks.apply(level),
            Side::None => Applied::Refused,
        }
    }

    /// Forgets what lies deeper than `depth` levels on a side, and tells it level by level. For
    /// exchanges that publish a book of fixed depth and do not tell what falls out of it (Kraken);
    /// to be called once an event was applied whole, since inside it a book may be deeper.
    #[inline]
    pub fn truncate(&mut self, depth: usize, mut dropped: impl FnMut(Level)) {
        self.bids.truncate(depth, &mut dropped);
        self.asks.truncate(depth, &mut dropped);
    }

    /// Forgets every level, and a snapshot that was being staged. Memory is kept.
    pub fn clear(&mut self) {
        self.bids.clear();
        self.asks.clear();
        self.staged.clear();
    }

    /// Replaces the whole book at once. See [`Book::stage`] for when the levels come one by one.
    pub fn replace(&mut self, levels: impl IntoIterator<Item = Level>) -> Applied {
        self.staged.clear();
        let mut outcome = Applied::Changed;
        for level in levels {
            if self.stage(level) == Applied::Refused {
                outcome = Applied::Refused;
            }
        }
        if self.commit() == Applied::Refused { Applied::Refused } else { outcome }
    }

    /// Forgets what was staged: a new snapshot begins.
    pub fn begin(&mut self) {
        self.staged.clear();
    }

    /// Takes one level of a snapshot; the book shows the old state until [`Book::commit`].
    ///
    /// Levels inserted one by one from the best to the worst would move the whole side each time:
    /// 46,000 levels would cost seconds. Staged and turned round once, they cost about a
    /// millisecond.
    #[inline]
    pub fn stage(&mut self, level: Level) -> Applied {
        if self.staged.len() >= 2 * BOOK_LEVELS_MAX || level.side == Side::None {
            return Applied::Refused;
        }
        self.staged.push(level);
        Applied::Added
    }

    /// Replaces the book by what was staged. Of several levels of one price the last counts;
    /// levels of size zero count as absent. [`Applied::Refused`] when a side has more than
    /// [`BOOK_LEVELS_MAX`] levels; then its best ones are there.
    pub fn commit(&mut self) -> Applied {
        let (bids, asks) = (&mut self.bids, &mut self.asks);
        let whole = bids.load(&self.staged) & asks.load(&self.staged);
        self.staged.clear();
        self.staged.shrink_to(BOOK_STAGING_KEPT);
        if whole { Applied::Changed } else { Applied::Refused }
    }

    /// The highest bid.
    #[inline]
    pub fn best_bid(&self) -> Option<Resting> {
        self.bids.best()
    }

    /// The lowest ask.
    #[inline]
    pub fn best_ask(&self) -> Option<Resting> {
        self.asks.best()
    }

    /// Whether the best bid is at or above the best ask, which a proven book never shows.
    #[inline]
    pub fn is_crossed(&self) -> bool {
        match (self.best_bid(), self.best_ask()) {
            (Some(bid), Some(ask)) => bid.price.cmp_value(ask.price).is_ge(),
            _ => false,
        }
    }

    /// Bids, highest first.
    #[inline]
    pub fn bids(&self) -> impl DoubleEndedIterator<Item = Resting> + ExactSizeIterator + Clone {
        self.bids.best_first()
    }

    /// Asks, lowest first.
    #[inline]
    pub fn asks(&self) -> impl DoubleEndedIterator<Item = Resting> + ExactSizeIterator + Clone {
        self.asks.best_first()
    }

    /// Every level: the bids best first, then the asks best first.
    pub fn levels(&self) -> impl Iterator<Item = Level> + Clone {
        self.levels_to(usize::MAX)
    }

    /// The same, at most `depth` levels of each side.
    pub fn levels_to(&self, depth: usize) -> impl Iterator<Item = Level> + Clone {
        let bids = self.bids().take(depth).map(|resting| resting.level(Side::Bid));
        bids.chain(self.asks().take(depth).map(|resting| resting.level(Side::Ask)))
    }

    /// Whether these levels, the best of each side first, are what rests, and nothing else does.
    pub fn is_made_of(&self, levels: &[Level]) -> bool {
        let of = |side| levels.iter().filter(move |one| one.side == side && !one.size.is_zero());
        let is_same = |(resting, level): (Resting, &Level)| {
            resting.price.cmp_value(level.price).is_eq()
                && resting.size.cmp_value(level.size).is_eq()
        };
        of(Side::Bid).count() == self.bids().len()
            && of(Side::Ask).count() == self.asks().len()
            && self.bids().zip(of(Side::Bid)).all(is_same)
            && self.asks().zip(of(Side::Ask)).all(is_same)
    }

    /// Whether the same rests in both, however it was written.
    pub fn is_like(&self, other: &Self) -> bool {
        let is_same = |(one, another): (Resting, Resting)| {
            one.price.cmp_value(another.price).is_eq() && one.size.cmp_value(another.size).is_eq()
        };
        self.bids().len() == other.bids().len()
            && self.asks().len() == other.asks().len()
            && self.bids().zip(other.bids()).all(is_same)
            && self.asks().zip(other.asks()).all(is_same)
    }

    /// Levels of both sides.
    pub fn len(&self) -> usize {
        self.bids.len() + self.asks.len()
    }

    /// True when no level rests on either side.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text.as_bytes()).expect(text)
    }

    fn level(side: Side, price: &str, size: &str) -> Level {
        Level { side, price: decimal(price), size: decimal(size) }
    }

    fn bids(book: &Book) -> Vec<String> {
        book.bids().map(|bid| format!("{} {}", bid.price, bid.size)).collect()
    }

    #[test]
    fn both_sides_come_best_first_and_as_written() {
        let mut book = Book::new();
        for (side, price) in [
            (Side::Bid, "9.90"),
            (Side::Bid, "10"),
            (Side::Bid, "9.5"),
            (Side::Ask, "10.2"),
            (Side::Ask, "10.10"),
            (Side::Ask, "11"),
        ] {
            assert_eq!(book.apply(level(side, price, "1.50")), Applied::Added);
        }
        assert_eq!(bids(&book), ["10 1.50", "9.90 1.50", "9.5 1.50"]);
        let asks: Vec<String> = book.asks().map(|ask| ask.price.to_string()).collect();
        assert_eq!(asks, ["10.10", "10.2", "11"]);
        assert!(!book.is_crossed());
        book.apply(level(Side::Bid, "10.1", "1"));
        assert!(book.is_crossed());
    }

    #[test]
    fn a_price_is_one_level_however_it_is_written() {
        let mut book = Book::new();
        book.apply(level(Side::Bid, "10.0", "1"));
        assert_eq!(book.apply(level(Side::Bid, "10.00", "2")), Applied::Changed);
        assert_eq!(bids(&book), ["10.00 2"]);
        assert_eq!(book.apply(level(Side::Bid, "10", "0.000")), Applied::Removed);
        assert_eq!(book.apply(level(Side::Bid, "10", "0")), Applied::Unknown);
        assert!(book.is_empty());
    }

    #[test]
    fn a_snapshot_shows_only_when_it_is_whole() {
        let mut book = Book::new();
        book.apply(level(Side::Bid, "5", "1"));
        book.begin();
        book.stage(level(Side::Bid, "7", "1"));
        book.stage(level(Side::Bid, "8", "1"));
        book.stage(level(Side::Bid, "7.0", "3"));
        book.stage(level(Side::Bid, "6", "0"));
        assert_eq!(bids(&book), ["5 1"]);
        assert_eq!(book.commit(), Applied::Changed);
        assert_eq!(bids(&book), ["8 1", "7.0 3"]);
    }

    #[test]
    fn a_truncated_book_tells_what_it_forgets() {
        let mut book = Book::new();
        book.replace(["3", "2", "1"].map(|price| level(Side::Bid, price, "1")));
        book.apply(level(Side::Ask, "9", "1"));
        book.apply(level(Side::Bid, "4", "1"));
        let mut dropped = Vec::new();
        book.truncate(2, |level| dropped.push((level.side, level.price.to_string())));
        assert_eq!(dropped, [(Side::Bid, "1".to_owned()), (Side::Bid, "2".to_owned())]);
        assert_eq!(bids(&book), ["4 1", "3 1"]);
        book.truncate(2, |level| panic!("{level:?} was within the depth"));
    }

    #[test]
    fn a_full_side_refuses_and_says_so() {
        let mut book = Book::new();
        let price = |index: usize| Decimal::new(index as i64 + 1, 0).expect("small");
        let rest = |index| Level { side: Side::Ask, price: price(index), size: decimal("1") };
        assert_eq!(book.replace((0..BOOK_LEVELS_MAX).map(rest)), Applied::Changed);
        assert_eq!(book.apply(rest(BOOK_LEVELS_MAX)), Applied::Refused);
        assert_eq!(book.apply(rest(7)), Applied::Changed);
        assert_eq!(book.len(), BOOK_LEVELS_MAX);
        assert_eq!(book.replace((0..=BOOK_LEVELS_MAX).map(rest)), Applied::Refused);
        assert_eq!(book.best_ask().map(|ask| ask.price), Some(price(0)));
        assert_eq!(book.len(), BOOK_LEVELS_MAX);
    }

    /// Levels whose prices collide often, written with different counts of digits.
    fn any_level() -> impl Strategy<Value = Level> {
        (any::<bool>(), 0..60_i64, 0..3_u8, 0..4_i64).prop_map(|(bid, price, digits, size)| {
            let scale = 10_i64.pow(u32::from(digits));
            Level {
                side: if bid { Side::Bid } else { Side::Ask },
                price: Decimal::new(price * scale, digits).expect("small"),
                size: Decimal::new(size, 1).expect("small"),
            }
        })
    }

    /// The twin: keys are the value in hundredths.
    #[derive(Default)]
    struct Twin([BTreeMap<i64, Resting>; 2]);

    impl Twin {
        fn apply(&mut self, level: Level) {
            let key = level.price.mantissa() * 10_i64.pow(2 - u32::from(level.price.digits()));
            let side = &mut self.0[usize::from(level.side == Side::Ask)];
            if level.size.is_zero() {
                side.remove(&key);
            } else {
                side.insert(key, Resting { price: level.price, size: level.size });
            }
        }

        fn levels(&self) -> Vec<Level> {
            let bids = self.0[0].values().rev().map(|resting| resting.level(Side::Bid));
            bids.chain(self.0[1].values().map(|resting| resting.level(Side::Ask))).collect()
        }
    }

    proptest! {
        #[test]
        fn a_book_equals_its_twin(
            snapshot in prop::collection::vec(any_level(), 0..80),
            deltas in prop::collection::vec(any_level(), 0..300),
        ) {
            let mut book = Book::new();
            let mut twin = Twin::default();
            book.replace(snapshot.iter().copied());
            snapshot.iter().for_each(|&level| twin.apply(level));
            prop_assert_eq!(book.levels().collect::<Vec<_>>(), twin.levels());
            for &level in &deltas {
                book.apply(level);
                twin.apply(level);
            }
            prop_assert_eq!(book.levels().collect::<Vec<_>>(), twin.levels());
            prop_assert_eq!(book.len(), twin.levels().len());
        }

        /// Books of many runs, which are split and joined; read from both ends at once.
        #[test]
        fn a_deep_book_equals_its_twin(
            snapshot in 0..4_000_i64,
            steps in prop::collection::vec((0..6_000_i64, 1..900_i64, any::<bool>()), 1..24),
            depth in 0..5_000_usize,
            front in prop::collection::vec(any::<bool>(), 64),
        ) {
            let price = |at: i64| Decimal::new(at + 1, 2).expect("small");
            let one = decimal("1");
            let rest = |at, size| Level { side: Side::Bid, price: price(at), size };
            let mut book = Book::new();
            let mut twin = Twin::default();
            for at in 0..snapshot {
                twin.apply(rest(at * 3, one));
            }
            book.replace(twin.levels());
            for (from, count, is_removed) in steps {
                let size = if is_removed { Decimal::ZERO } else { one };
                for at in from..from + count {
                    book.apply(rest(at, size));
                    twin.apply(rest(at, size));
                }
                prop_assert_eq!(book.len(), twin.0[0].len());
            }
            prop_assert_eq!(book.levels().collect::<Vec<_>>(), twin.levels());
            let same = book.clone();
            let (mut ours, mut theirs) = (same.bids(), twin.0[0].values().rev().copied());
            for is_front in front.into_iter().cycle().take(book.len() + 1) {
                let (our, their) = match is_front {
                    true => (ours.next(), theirs.next()),
                    false => (ours.next_back(), theirs.next_back()),
                };
                prop_assert_eq!(our, their);
            }
            for step in [0, 1, 9, 40, 700, 5_000] {
                let (mut ours, mut theirs) = (same.bids(), twin.0[0].values().rev().copied());
                for _ in 0..book.len() / (step + 1) + 2 {
                    prop_assert_eq!(ours.nth(step), theirs.nth(step));
                    prop_assert_eq!(ours.len(), theirs.len());
                }
            }
            let mut dropped = 0;
            book.truncate(depth, |_| dropped += 1);
            prop_assert_eq!((book.len(), dropped), (
                twin.0[0].len().min(depth), twin.0[0].len().saturating_sub(depth)));
            let best: Vec<Level> = twin.levels().into_iter().take(depth).collect();
            prop_assert_eq!(book.levels().collect::<Vec<_>>(), best);
        }
    }

    #[test]
    fn a_change_moves_one_run_at_most_wherever_it_is() {
        let price = |at: i64| Decimal::new(at + 1, 0).expect("small");
        let mut book = Book::new();
        // Each is worse than all before: the end at which a list would move everything.
        for at in (0..20_000).rev() {
            book.apply(Level { side: Side::Bid, price: price(at), size: decimal("1") });
        }
        // A market that drifts leaves no trail of runs behind.
        for at in 20_000..200_000 {
            book.apply(Level { side: Side::Bid, price: price(at), size: decimal("1") });
            book.apply(Level { side: Side::Bid, price: price(at - 20_000), size: Decimal::ZERO });
        }
        assert_eq!(book.len(), 20_000);
        let (longest, runs) = book.bids.runs();
        assert!(longest <= crate::limits::BOOK_RUN_LEVELS, "{longest}");
        assert!(runs <= 20_000 / (crate::limits::BOOK_RUN_LEVELS / 4) + 1, "{runs}");
    }
}
