//! The best levels of a book as clients with a `depth` see them.

use std::cmp::Ordering;

use super::{Book, Resting};
use crate::tick::{Decimal, Level, Side};

/// What an event of the book changed inside a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViewChange {
    /// Nothing: the event counts as conflated in the next one.
    None,
    /// Levels changed; `conflated` earlier events changed nothing here.
    Levels {
        /// Events since the last one that changed something.
        conflated: u64,
    },
}

/// The best `depth` levels of each side, as they were told to clients last.
///
/// Whoever applies the levels of each change (size zero removes) to what the view showed before
/// has exactly the best `depth` levels of the book.
#[derive(Clone, Debug)]
pub struct View {
    depth: usize,
    bids: Vec<Resting>,
    asks: Vec<Resting>,
    unchanged: u64,
}

impl View {
    /// A view of the book as it stands.
    pub fn new(depth: usize, book: &Book) -> Self {
        let mut view = Self {
            depth,
            bids: Vec::with_capacity(depth),
            asks: Vec::with_capacity(depth),
            unchanged: 0,
        };
        view.reset(book);
        view
    }

    /// Levels shown of each side.
    pub const fn depth(&self) -> usize {
        self.depth
    }

    /// Shows the book as it stands; nothing is pending. Its clients need a snapshot.
    pub fn reset(&mut self, book: &Book) {
        self.bids.clear();
        self.bids.extend(book.bids().take(self.depth));
        self.asks.clear();
        self.asks.extend(book.asks().take(self.depth));
        self.unchanged = 0;
    }

    /// Follows the book over one event, whose levels are `touched`, and puts what changed inside
    /// the view into `changes`: levels that left with size zero, then what is new, best first,
    /// bids before asks.
    pub fn update(
        &mut self,
        book: &Book,
        touched: &[Level],
        changes: &mut Vec<Level>,
    ) -> ViewChange {
        changes.clear();
        if self.reaches(Side::Bid, touched) {
            follow(Side::Bid, self.depth, &mut self.bids, book.bids(), changes);
        }
        if self.reaches(Side::Ask, touched) {
            follow(Side::Ask, self.depth, &mut self.asks, book.asks(), changes);
        }
        if changes.is_empty() {
            self.unchanged += 1;
            return ViewChange::None;
        }
        ViewChange::Levels { conflated: std::mem::take(&mut self.unchanged) }
    }

    /// Whether one of the levels is of this side and not worse than the worst level shown.
    fn reaches(&self, side: Side, touched: &[Level]) -> bool {
        let shown = if side == Side::Bid { &self.bids } else { &self.asks };
        let worst = if shown.len() < self.depth { None } else { shown.last() };
        touched.iter().any(|level| {
            level.side == side
                && worst.is_none_or(|worst| !is_worse(side, level.price, worst.price))
        })
    }
}

fn is_worse(side: Side, price: Decimal, other: Decimal) -> bool {
    let order = price.cmp_value(other);
    if side == Side::Bid { order.is_lt() } else { order.is_gt() }
}

/// Merges what was shown with what is there now, both best first, and tells the differences.
fn follow(
    side: Side,
    depth: usize,
    shown: &mut Vec<Resting>,
    now: impl Iterator<Item = Resting> + Clone,
    changes: &mut Vec<Level>,
) {
    let unchanged_before = changes.len();
    let now = now.take(depth);
    let mut entering = now.clone().peekable();
    for &old in shown.iter() {
        while let Some(new) = entering.next_if(|new| is_worse(side, old.price, new.price)) {
            changes.push(new.level(side));
        }
        let same = entering.next_if(|new| new.price.cmp_value(old.price) == Ordering::Equal);
        match same {
            Some(new) if new == old => {}
            Some(new) => changes.push(new.level(side)),
            None => changes.push(Level { side, price: old.price, size: Decimal::ZERO }),
        }
    }
    changes.extend(entering.map(|new| new.level(side)));
    if changes.len() > unchanged_before {
        shown.clear();
        shown.extend(now);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_levels() -> impl Strategy<Value = Vec<Level>> {
        let level = (any::<bool>(), 1..25_i64, 0..4_i64).prop_map(|(bid, price, size)| Level {
            side: if bid { Side::Bid } else { Side::Ask },
            price: Decimal::new(price, 1).expect("small"),
            size: Decimal::new(size, 0).expect("small"),
        });
        prop::collection::vec(level, 0..4)
    }

    proptest! {
        /// A client that applies every change to the snapshot it began with always has the best
        /// levels of the book, and `conflated` counts exactly the events it was not told of.
        #[test]
        fn a_client_with_every_change_has_the_best_levels(
            depth in 1..6_usize,
            first in any_levels(),
            events in prop::collection::vec(any_levels(), 0..60),
        ) {
            let mut book = Book::new();
            book.replace(first);
            let mut view = View::new(depth, &book);
            let mut client = Book::new();
            client.replace(book.levels_to(depth));
            let mut changes = Vec::new();
            let mut silent = 0;
            for event in events {
                for &level in &event {
                    book.apply(level);
                }
                match view.update(&book, &event, &mut changes) {
                    ViewChange::None => silent += 1,
                    ViewChange::Levels { conflated } => {
                        prop_assert_eq!(conflated, silent);
                        prop_assert!(!changes.is_empty());
                        silent = 0;
                    }
                }
                for &level in &changes {
                    client.apply(level);
                }
                prop_assert_eq!(
                    client.levels().collect::<Vec<_>>(),
                    book.levels_to(depth).collect::<Vec<_>>()
                );
            }
        }
    }
}
