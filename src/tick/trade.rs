//! A print: one match, or one aggregate of matches at one price.

use super::{Body, Decimal, Side};

/// The exchange's own name of a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TradeId {
    /// The exchange gives its trades no ids (Kraken's first protocol).
    None,
    /// A number, 0 included; on most exchanges contiguous per symbol.
    Number(u64),
    /// A UUID (Bybit derivatives).
    Uuid(u128),
}

/// What the words of an id in a tick mean.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IdKind {
    /// Nothing: there is no id.
    None,
    /// The lower word is a number.
    Number,
    /// Both are the halves of a UUID.
    Uuid,
}

impl IdKind {
    /// Every kind, in the order of its number.
    pub const ALL: [Self; 3] = [Self::None, Self::Number, Self::Uuid];
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
        let (id_kind, id_high, id_low) = match trade.id {
            TradeId::None => (IdKind::None, 0, 0),
            TradeId::Number(id) => (IdKind::Number, 0, id),
            TradeId::Uuid(id) => (IdKind::Uuid, (id >> 64) as u64, id as u64),
        };
        Self::Trade {
            side: trade.taker,
            price_digits: trade.price.digits(),
            size_digits: trade.size.digits(),
            id_kind,
            dated_ahead: false,
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
            id_kind,
            price,
            size,
            id_high,
            id_low,
            ..
        } = *self
        else {
            return None;
        };
        let id = match id_kind {
            IdKind::None => TradeId::None,
            IdKind::Number => TradeId::Number(id_low),
            IdKind::Uuid => TradeId::Uuid((id_high as u128) << 64 | id_low as u128),
        };
        Some(Trade {
            taker: side,
            price: Decimal::from_parts(price, price_digits),
            size: Decimal::from_parts(size, size_digits),
            id,
        })
    }
}
