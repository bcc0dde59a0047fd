//! The books that Bybit tells: one of each instrument and depth, as its clients know it.

use super::frames::BookEvent;
use crate::clock::MonoNanos;
use crate::sim::resting::{Resting, RestingBook, View, difference};

/// After so many events a book begins anew with `u` 1, as after a restart of the service.
const RESTART_EVERY: u64 = 2_000;

/// Every so many deltas remove a level that is not there, as has been seen in busy hours.
const ABSENT_EVERY: u64 = 50;

/// One book as it was last told.
#[derive(Clone, Debug, Default)]
pub(super) struct Slot {
    /// Bids and asks, best first.
    sides: View,
    /// `u` of the last event.
    pub(super) update_id: u64,
    /// The market's number of the last change that it includes.
    pub(super) seen: u64,
    /// An event is planned.
    pub(super) is_planned: bool,
    /// The next event comes not before.
    pub(super) allowed: MonoNanos,
    /// When the last event was.
    pub(super) told: MonoNanos,
    events: u64,
}

/// What changed of a book.
#[derive(Clone, Debug, Default)]
pub(super) struct Changes {
    /// Whole, or only what changed; levels that are gone have a size of 0.
    pub(super) is_snapshot: bool,
    pub(super) sides: View,
}

impl Slot {
    /// Takes over what the market has, without telling anybody.
    pub(super) fn refresh(&mut self, book: &RestingBook, seen: u64, depth: usize) {
        self.sides = book.view(depth);
        self.update_id += 1;
        self.seen = seen;
    }

    /// The same as an event.
    pub(super) fn snapshot(&self, depth: usize) -> BookEvent<'_> {
        self.event(depth, true, &self.sides)
    }

    /// What happened to it last, in these levels of both sides.
    pub(super) fn event<'a>(
        &self,
        depth: usize,
        is_snapshot: bool,
        sides: &'a [Vec<Resting>; 2],
    ) -> BookEvent<'a> {
        BookEvent {
            depth,
            is_snapshot,
            sides: sides.each_ref().map(Vec::as_slice),
            update_id: self.update_id,
            cross_sequence: self.seen,
        }
    }

    /// The book as it was last told.
    pub(super) const fn whole(&self) -> &View {
        &self.sides
    }

    /// Takes over what the market has; `None` when that is what was told already.
    pub(super) fn advance(
        &mut self,
        book: &RestingBook,
        seen: u64,
        depth: usize,
    ) -> Option<Changes> {
        let now = book.view(depth);
        self.seen = seen;
        if now == self.sides {
            return None;
        }
        let before = std::mem::replace(&mut self.sides, now);
        self.events += 1;
        self.update_id += 1;
        if self.events.is_multiple_of(RESTART_EVERY) {
            self.update_id = 1;
        }
        if depth == 1 || self.update_id == 1 {
            return Some(Changes { is_snapshot: true, sides: self.sides.clone() });
        }
        let mut sides = difference(&before, &self.sides);
        if self.events.is_multiple_of(ABSENT_EVERY)
            && let Some(last) = self.sides[1].last()
        {
            sides[1].push(Resting { price: last.price + 1, size: 0 });
        }
        Some(Changes { is_snapshot: false, sides })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::random::Random;
    use crate::sim::resting::BookSide;

    fn shuffle(book: &mut RestingBook, random: &mut Random) {
        for _ in 0..1 + random.below(5) {
            let (side, base) = match random.percent(50) {
                true => (BookSide::Bid, 100),
                false => (BookSide::Ask, 200),
            };
            book.set(side, base + random.below(60) as i64, random.below(3) as i64);
        }
    }

    #[test]
    fn its_events_rebuild_what_the_market_has() {
        let mut random = Random::new(7);
        let mut book = RestingBook::default();
        for depth in [1, 5, 1_000] {
            let (mut slot, mut restarts) = (Slot::default(), 0);
            let mut client: [std::collections::BTreeMap<i64, i64>; 2] = Default::default();
            let mut seen = 0;
            while slot.events < RESTART_EVERY + 500 {
                seen += 1;
                shuffle(&mut book, &mut random);
                let before = slot.update_id;
                let Some(changes) = slot.advance(&book, seen, depth) else { continue };
                assert!(slot.update_id == before + 1 || changes.is_snapshot);
                restarts += u32::from(slot.update_id == 1 && before > 1);
                for (side, levels) in client.iter_mut().zip(&changes.sides) {
                    if changes.is_snapshot {
                        side.clear();
                    }
                    for level in levels {
                        side.insert(level.price, level.size);
                    }
                    side.retain(|_, size| *size != 0);
                }
                let wanted = book.view(depth);
                for (side, levels) in client.iter().zip(wanted) {
                    let levels: std::collections::BTreeMap<i64, i64> =
                        levels.iter().map(|level| (level.price, level.size)).collect();
                    assert_eq!(*side, levels);
                }
            }
            assert!(restarts > 0, "depth {depth}");
        }
    }
}
