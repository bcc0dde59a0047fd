//! One price of a book, inside a snapshot or a delta.

use super::{Body, Decimal};

/// Side of a book, or of a taker.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// Not stated.
    None = 0,
    /// Buyers.
    Bid = 1,
    /// Sellers.
    Ask = 2,
}

/// Where a level stands in its event.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct LevelFlags(u8);

impl LevelFlags {
    /// First level of its event.
    pub const FIRST: Self = Self(1);
    /// Last level of its event.
    pub const LAST: Self = Self(2);
    /// The event is a snapshot: it replaces the book.
    pub const SNAPSHOT: Self = Self(4);
    /// The event has no level at all; this tick only carries its time and number.
    pub const EMPTY: Self = Self(8);

    /// Both together.
    #[inline]
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// All flags as bits.
    #[inline]
    pub(super) const fn bits(self) -> u8 {
        self.0
    }

    /// The flags of these bits.
    pub(super) const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// Whether every flag of `other` is set.
    #[inline]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// One price of one side and what rests there now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// Bid or ask, never `None`.
    pub side: Side,
    /// In quote currency.
    pub price: Decimal,
    /// Resting at `price`, in base currency; zero removes the level.
    pub size: Decimal,
}

impl Level {
    /// The level as a tick's body.
    #[inline]
    pub const fn body(self, flags: LevelFlags, update_id: Option<u64>) -> Body {
        Body::Level {
            side: self.side,
            flags,
            price_digits: self.price.digits(),
            size_digits: self.size.digits(),
            price: self.price.mantissa(),
            size: self.size.mantissa(),
            update_id,
        }
    }
}

impl Body {
    /// The level that this body holds, with its place in the event; `None` for other bodies.
    /// The level of an [`LevelFlags::EMPTY`] event has no meaning.
    #[inline]
    pub const fn level(&self) -> Option<(Level, LevelFlags)> {
        let Self::Level { side, flags, price_digits, size_digits, price, size, .. } = *self else {
            return None;
        };
        let level = Level {
            side,
            price: Decimal::from_parts(price, price_digits),
            size: Decimal::from_parts(size, size_digits),
        };
        Some((level, flags))
    }
}
