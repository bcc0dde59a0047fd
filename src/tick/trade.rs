//! A print: one match, or one aggregate of matches at one price.

use super::trade_id::{IdKind, SpelledId, TradeId};
use super::{Body, Decimal, Side};
use crate::clock::UnixNanos;

/// How far ahead of its exchange's time a trade is dated: a trade of now makes the candles of now,
/// whatever its date is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DatedAhead(u16);

impl DatedAhead {
    /// Not ahead.
    pub const NO: Self = Self(0);

    /// Further than is believed: nobody knows to which candles it belongs, and it makes none.
    pub const BEYOND: Self = Self(u16::MAX);

    /// So that what is believed, and more, fits 16 bits.
    const UNIT_NS: i64 = 2_000_000;

    /// So far, to 2 ms, rounded up.
    pub const fn by(nanos: i64) -> Self {
        if nanos <= 0 {
            return Self::NO;
        }
        let units = (nanos - 1) / Self::UNIT_NS + 1;
        if units < u16::MAX as i64 { Self(units as u16) } else { Self::BEYOND }
    }

    /// The time whose candles a trade of this date belongs to, if any.
    #[inline]
    pub const fn time_for_candles(self, date: UnixNanos) -> Option<UnixNanos> {
        if self.0 == u16::MAX {
            return None;
        }
        Some(UnixNanos(date.0.saturating_sub(self.0 as i64 * Self::UNIT_NS)))
    }

    /// As small fields of a body.
    #[inline]
    pub(super) const fn bits(self) -> u16 {
        self.0
    }

    /// The inverse.
    pub(super) const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }
}

/// One trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trade {
    /// Side of the taker: [`Side::Bid`] when the aggressor bought, `None` when not stated.
    pub taker: Side,
    /// In quote currency for one unit of base.
    pub price: Decimal,
    /// In base currency (contracts where the exchange counts contracts).
    pub size: Decimal,
    /// The exchange's id.
    pub id: TradeId,
}

impl Trade {
    /// Whether a market can have made it: something changed hands, for something. What is carried
    /// here (coins, and contracts on them) has no price at or below zero, and no exchange prints a
    /// trade of nothing but to fill a hole in its numbers.
    #[inline(always)]
    pub const fn is_possible(&self) -> bool {
        self.price.mantissa() > 0 && self.size.mantissa() > 0
    }
}

impl From<Trade> for Body {
    #[inline]
    fn from(trade: Trade) -> Self {
        let (id_kind, id_length, word) = match trade.id {
            TradeId::None => (IdKind::None, 0, 0),
            TradeId::Number(id) => (IdKind::Number, 0, u128::from(id)),
            TradeId::Uuid(id) => (IdKind::Uuid, 0, id),
            TradeId::Spelled(id) => (IdKind::Spelled(id.form()), id.length(), id.word()),
        };
        Self::Trade {
            side: trade.taker,
            price_digits: trade.price.digits(),
            size_digits: trade.size.digits(),
            id_kind,
            id_length,
            ahead: DatedAhead::NO,
            price: trade.price.mantissa(),
            size: trade.size.mantissa(),
            id_high: (word >> 64) as u64,
            id_low: word as u64,
        }
    }
}

impl Body {
    /// The trade that this body holds.
    #[inline]
    pub const fn trade(&self) -> Option<Trade> {
        let Self::Trade {
            side,
            price_digits,
            size_digits,
            id_kind,
            id_length,
            price,
            size,
            id_high,
            id_low,
            ..
        } = *self
        else {
            return None;
        };
        let word = (id_high as u128) << 64 | id_low as u128;
        let id = match id_kind {
            IdKind::None => TradeId::None,
            IdKind::Number => TradeId::Number(id_low),
            IdKind::Uuid => TradeId::Uuid(word),
            IdKind::Spelled(form) => TradeId::Spelled(SpelledId::from_parts(form, id_length, word)),
        };
        Some(Trade {
            taker: side,
            price: Decimal::from_parts(price, price_digits),
            size: Decimal::from_parts(size, size_digits),
            id,
        })
    }
}
