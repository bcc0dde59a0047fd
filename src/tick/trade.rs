//! A print: one match, or one aggregate of matches at one price.

use super::{Body, Decimal, Side};

/// The exchange's own name of a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TradeId {
    /// A number; on most exchanges contiguous per symbol.
    Number(u64),
    /// A UUID (Bybit derivatives).
    Uuid(u128),
}

impl TradeId {
    /// The exchange gives its trades no ids (Kraken's first protocol).
    pub const NONE: Self = Self::Number(0);
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

impl From<Trade> for Body {
    #[inline]
    fn from(trade: Trade) -> Self {
        let (id_is_uuid, id_high, id_low) = match trade.id {
            TradeId::Number(id) => (false, 0, id),
            TradeId::Uuid(id) => (true, (id >> 64) as u64, id as u64),
        };
        Self::Trade {
            side: trade.taker,
            price_digits: trade.price.digits(),
            size_digits: trade.size.digits(),
            id_is_uuid,
            price: trade.price.mantissa(),
            size: trade.size.mantissa(),
            id_high,
            id_low,
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
            id_is_uuid,
            price,
            size,
            id_high,
            id_low,
        } = *self
        else {
            return None;
        };
        let id = if id_is_uuid {
            TradeId::Uuid((id_high as u128) << 64 | id_low as u128)
        } else {
            TradeId::Number(id_low)
        };
        Some(Trade {
            taker: side,
            price: Decimal::from_parts(price, price_digits),
            size: Decimal::from_parts(size, size_digits),
            id,
        })
    }
}
