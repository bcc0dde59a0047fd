//! Best bid and ask.

use super::{Body, Decimal, pack, unpack};

/// Best bid and ask of one instrument after one exchange event; `None` where no order rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Best bid in quote currency.
    pub bid: Option<Decimal>,
    /// Resting at `bid`, in base currency.
    pub bid_size: Option<Decimal>,
    /// Best ask in quote currency.
    pub ask: Option<Decimal>,
    /// Resting at `ask`, in base currency.
    pub ask_size: Option<Decimal>,
}

impl From<Quote> for Body {
    #[inline]
    fn from(quote: Quote) -> Self {
        let (digits, mantissas) = pack([quote.bid, quote.bid_size, quote.ask, quote.ask_size]);
        Self::Quote { digits, mantissas }
    }
}

impl Body {
    /// The quote that this body holds.
    #[inline]
    pub fn quote(&self) -> Option<Quote> {
        let Self::Quote { digits, mantissas } = *self else { return None };
        let [bid, bid_size, ask, ask_size] = unpack(digits, mantissas);
        Some(Quote { bid, bid_size, ask, ask_size })
    }
}
