//! Stand-in for `book::Book` until it is there.

use crate::tick::{Decimal, Level, Side};

/// Levels of one side, best last.
#[derive(Debug, Default)]
pub struct Book {
    sides: [Vec<(Decimal, Decimal)>; 2],
}

/// The book has reached its bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookFull;

impl Book {
    fn side(&self, side: Side) -> &Vec<(Decimal, Decimal)> {
        &self.sides[usize::from(side == Side::Ask)]
    }

    /// Forgets all levels.
    pub fn clear(&mut self) {
        self.sides.iter_mut().for_each(Vec::clear);
    }

    /// Sets or removes one level.
    pub fn apply(&mut self, level: &Level) -> Result<(), BookFull> {
        let ask = level.side == Side::Ask;
        let side = &mut self.sides[usize::from(ask)];
        let found = side.binary_search_by(|(price, _)| {
            let order = price.cmp_value(level.price);
            if ask { order.reverse() } else { order }
        });
        match found {
            Ok(index) if level.size.is_zero() => drop(side.remove(index)),
            Ok(index) => side[index] = (level.price, level.size),
            Err(_) if level.size.is_zero() => {}
            Err(index) => side.insert(index, (level.price, level.size)),
        }
        if side.len() > 65_536 { Err(BookFull) } else { Ok(()) }
    }

    /// The best level of a side.
    pub fn best(&self, side: Side) -> Option<(Decimal, Decimal)> {
        self.side(side).last().copied()
    }

    /// Levels of a side.
    pub fn len(&self, side: Side) -> usize {
        self.side(side).len()
    }

    /// Levels of a side, best first.
    pub fn levels(&self, side: Side) -> impl Iterator<Item = Level> {
        self.side(side).iter().rev().map(move |&(price, size)| Level { side, price, size })
    }

    /// Best bid at or above best ask.
    pub fn is_crossed(&self) -> bool {
        match (self.best(Side::Bid), self.best(Side::Ask)) {
            (Some((bid, _)), Some((ask, _))) => bid.cmp_value(ask).is_ge(),
            _ => false,
        }
    }
}
