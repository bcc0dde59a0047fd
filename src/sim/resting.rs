//! What rests on one instrument: two sorted lists with the best level last, because nearly all
//! that happens happens there and the end of a `Vec` moves nothing.

use super::write::Scale;

/// Side of a book, or of a taker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BookSide {
    /// Buyers.
    Bid,
    /// Sellers.
    Ask,
}

impl BookSide {
    /// The other one.
    pub(super) const fn opposite(self) -> Self {
        match self {
            Self::Bid => Self::Ask,
            Self::Ask => Self::Bid,
        }
    }
}

/// One price and what rests there, in ticks and lots of the instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Resting {
    /// In ticks.
    pub price: i64,
    /// In lots, more than 0.
    pub size: i64,
}

/// Puts places of a book into the order in which they are told, bids first and the best of a side
/// first, each once.
pub(super) fn sort_told(places: &mut Vec<(BookSide, i64)>) {
    places.sort_unstable_by_key(|(side, price)| match side {
        BookSide::Bid => (*side, -price),
        BookSide::Ask => (*side, *price),
    });
    places.dedup();
}

/// The best levels of both sides as somebody knows them: bids, then asks, the best of a side first.
pub(super) type View = [Vec<Resting>; 2];

/// What turns `before` into `now`: of each side those that came or changed, then those that are gone,
/// with a size of 0, so that the whole is not sorted.
pub(super) fn difference(before: &View, now: &View) -> View {
    let of = |side| difference_of(side, &before[side as usize], &now[side as usize]);
    [BookSide::Bid, BookSide::Ask].map(of)
}

fn difference_of(side: BookSide, before: &[Resting], now: &[Resting]) -> Vec<Resting> {
    let rank = |level: &Resting| match side {
        BookSide::Bid => -level.price,
        BookSide::Ask => level.price,
    };
    let mut came = Vec::new();
    let mut gone = Vec::new();
    let mut known = before.iter().peekable();
    for level in now {
        while let Some(old) = known.next_if(|old| rank(old) < rank(level)) {
            gone.push(Resting { price: old.price, size: 0 });
        }
        if known.next_if(|old| old.price == level.price) != Some(level) {
            came.push(*level);
        }
    }
    gone.extend(known.map(|old| Resting { price: old.price, size: 0 }));
    came.append(&mut gone);
    came
}

/// Both sides of one instrument.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RestingBook {
    /// Ascending price: the best bid is last.
    bids: Vec<Resting>,
    /// Descending price: the best ask is last.
    asks: Vec<Resting>,
}

impl RestingBook {
    /// Bids and asks as the wire writes them, best first; the scales are of prices and of sizes.
    pub(super) fn written(&self, [price, size]: [Scale; 2]) -> [Vec<(String, String)>; 2] {
        [BookSide::Bid, BookSide::Ask].map(|side| {
            let levels = self.levels(side);
            levels.map(|level| (price.text(level.price), size.text(level.size))).collect()
        })
    }

    fn side(&self, side: BookSide) -> &Vec<Resting> {
        match side {
            BookSide::Bid => &self.bids,
            BookSide::Ask => &self.asks,
        }
    }

    fn find(&self, side: BookSide, price: i64) -> Result<usize, usize> {
        match side {
            BookSide::Bid => self.bids.binary_search_by(|level| level.price.cmp(&price)),
            BookSide::Ask => self.asks.binary_search_by(|level| price.cmp(&level.price)),
        }
    }

    /// Levels of one side.
    pub(super) fn count(&self, side: BookSide) -> usize {
        self.side(side).len()
    }

    /// The best level of one side.
    pub(super) fn best(&self, side: BookSide) -> Option<Resting> {
        self.side(side).last().copied()
    }

    /// The level furthest from the market.
    pub(super) fn worst(&self, side: BookSide) -> Option<Resting> {
        self.side(side).first().copied()
    }

    /// Level number `rank` of one side, 0 being the best.
    pub(super) fn ranked(&self, side: BookSide, rank: usize) -> Option<Resting> {
        let side = self.side(side);
        side.len().checked_sub(rank + 1).map(|index| side[index])
    }

    /// What rests at `price`; 0 when nothing does.
    pub(super) fn size_at(&self, side: BookSide, price: i64) -> i64 {
        self.find(side, price).map_or(0, |index| self.side(side)[index].size)
    }

    /// Makes `size` rest at `price`; 0 removes the level.
    pub(super) fn set(&mut self, side: BookSide, price: i64, size: i64) {
        let found = self.find(side, price);
        let levels = match side {
            BookSide::Bid => &mut self.bids,
            BookSide::Ask => &mut self.asks,
        };
        match (found, size) {
            (Ok(index), 0) => _ = levels.remove(index),
            (Ok(index), _) => levels[index].size = size,
            (Err(_), 0) => {}
            (Err(index), _) => levels.insert(index, Resting { price, size }),
        }
    }

    /// The best levels of both sides, `depth` of each.
    pub(super) fn view(&self, depth: usize) -> View {
        [BookSide::Bid, BookSide::Ask].map(|side| self.levels(side).take(depth).collect())
    }

    /// One side from the best level on.
    pub(super) fn levels(&self, side: BookSide) -> impl Iterator<Item = Resting> {
        self.side(side).iter().rev().copied()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::sim::random::Random;

    #[test]
    fn it_does_what_a_sorted_map_does() {
        let mut random = Random::new(3);
        let mut book = RestingBook::default();
        let mut twin: BTreeMap<(BookSide, i64), i64> = BTreeMap::new();
        for _ in 0..4_000 {
            let side = if random.percent(50) { BookSide::Bid } else { BookSide::Ask };
            let (price, size) = (random.one_to(60), random.below(4) as i64);
            book.set(side, price, size);
            twin.insert((side, price), size);
            twin.retain(|_, size| *size != 0);
            assert_eq!(book.size_at(side, price), size);
        }
        let sorted = |side| -> Vec<i64> {
            twin.keys().filter(|(of, _)| *of == side).map(|(_, price)| *price).collect()
        };
        let bids: Vec<i64> = book.levels(BookSide::Bid).map(|level| level.price).collect();
        assert_eq!(bids, sorted(BookSide::Bid).into_iter().rev().collect::<Vec<_>>());
        let asks: Vec<i64> = book.levels(BookSide::Ask).map(|level| level.price).collect();
        assert_eq!(asks, sorted(BookSide::Ask));
        assert_eq!(book.ranked(BookSide::Bid, 0), book.best(BookSide::Bid));
        assert_eq!(book.worst(BookSide::Ask).map(|level| level.price), asks.last().copied());
    }
}
