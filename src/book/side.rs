//! One side of a book: levels sorted from the worst price to the best.

use std::cmp::Ordering;

use super::{Applied, Resting};
use crate::limits::BOOK_LEVELS_MAX;
use crate::tick::{Decimal, Level, Side};

/// Levels by which any side may grow after it was loaded, without asking for memory.
const ROOM_MIN: usize = 64;

/// Bids or asks.
#[derive(Clone, Debug)]
pub(super) struct HalfBook {
    side: Side,
    /// Worst first, strictly.
    levels: Vec<Resting>,
}

impl HalfBook {
    pub(super) const fn bids() -> Self {
        Self { side: Side::Bid, levels: Vec::new() }
    }

    pub(super) const fn asks() -> Self {
        Self { side: Side::Ask, levels: Vec::new() }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.levels.len()
    }

    pub(super) fn clear(&mut self) {
        self.levels.clear();
    }

    #[inline]
    pub(super) fn best(&self) -> Option<Resting> {
        self.levels.last().copied()
    }

    #[inline]
    pub(super) fn best_first(
        &self,
    ) -> impl DoubleEndedIterator<Item = Resting> + ExactSizeIterator + Clone {
        self.levels.iter().rev().copied()
    }

    /// `Greater` when `price` is better than `other`.
    #[inline]
    fn compare(side: Side, price: Decimal, other: Decimal) -> Ordering {
        let by_value = price.cmp_value(other);
        if side == Side::Ask { by_value.reverse() } else { by_value }
    }

    /// Where `price` stands, or would stand. Gallops from the best end in doubling steps, then
    /// halves the last step: the cost grows with the distance from the best, not with the depth.
    #[inline]
    fn find(&self, price: Decimal) -> Result<usize, usize> {
        let length = self.levels.len();
        let mut step = 1;
        let mut high = length;
        let low = loop {
            let Some(probe) = length.checked_sub(step) else { break 0 };
            match Self::compare(self.side, price, self.levels[probe].price) {
                Ordering::Equal => return Ok(probe),
                Ordering::Greater => break probe + 1,
                Ordering::Less => high = probe,
            }
            step *= 2;
        };
        self.levels[low..high]
            .binary_search_by(|level| Self::compare(self.side, price, level.price).reverse())
            .map(|index| low + index)
            .map_err(|index| low + index)
    }

    #[inline]
    pub(super) fn apply(&mut self, level: Level) -> Applied {
        let resting = Resting { price: level.price, size: level.size };
        match (self.find(level.price), level.size.is_zero()) {
            (Ok(index), false) => {
                self.levels[index] = resting;
                Applied::Changed
            }
            (Ok(index), true) => {
                self.levels.remove(index);
                Applied::Removed
            }
            (Err(_), true) => Applied::Unknown,
            (Err(_), false) if self.levels.len() >= BOOK_LEVELS_MAX => Applied::Refused,
            (Err(index), false) => {
                self.levels.insert(index, resting);
                Applied::Added
            }
        }
    }

    /// Forgets the worst levels beyond `depth`, and tells each to `dropped`, the worst first.
    #[inline]
    pub(super) fn truncate(&mut self, depth: usize, dropped: &mut impl FnMut(Level)) {
        let excess = self.levels.len().saturating_sub(depth);
        if excess > 0 {
            let side = self.side;
            self.levels.drain(..excess).for_each(|resting| dropped(resting.level(side)));
        }
    }

    /// Replaces every level by those of `levels` that are of this side; false when there are more
    /// than [`BOOK_LEVELS_MAX`], of which the best stay.
    pub(super) fn load(&mut self, levels: &[Level]) -> bool {
        let side = self.side;
        let own = levels.iter().rev().filter(|level| level.side == side);
        self.levels.clear();
        self.levels.extend(own.map(|level| Resting { price: level.price, size: level.size }));
        // Exchanges send the best first, so that what was read backwards is in order already.
        let worst_first = |a: &Resting, b: &Resting| Self::compare(side, a.price, b.price);
        if !self.levels.is_sorted_by(|a, b| worst_first(a, b).is_lt()) {
            // Stable: of equal prices the one that came last stands first and stays.
            self.levels.sort_by(worst_first);
            self.levels.dedup_by(|later, kept| worst_first(later, kept).is_eq());
        }
        self.levels.retain(|level| !level.size.is_zero());
        let whole = self.levels.len() <= BOOK_LEVELS_MAX;
        let excess = self.levels.len().saturating_sub(BOOK_LEVELS_MAX);
        self.levels.drain(..excess);
        // Changes that come now find room, as long as the book stays of its size.
        self.levels.reserve(self.levels.len() / 2 + ROOM_MIN);
        whole
    }
}
