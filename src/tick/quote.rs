//! Best bid and ask.

use std::cmp::Ordering;

use super::{Body, Decimal, pack, unpack};

/// Best bid and ask of one instrument after one exchange event; `None` where no order rests.
///
/// Exchanges write a side without orders in many ways: no field, `null`, an empty text, a price or a
/// size of 0. Whatever they write, a price of 0 or a size of 0 becomes none on its way into a tick.
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
        let Quote { bid, bid_size, ask, ask_size } = quote.resting();
        let (digits, mantissas) = pack([bid, bid_size, ask, ask_size]);
        Self::Quote { digits, mantissas }
    }
}

impl Quote {
    /// The same with nothing on a side where no order rests.
    #[inline(always)]
    pub fn resting(self) -> Self {
        let (bid, bid_size) = resting(self.bid, self.bid_size);
        let (ask, ask_size) = resting(self.ask, self.ask_size);
        Self { bid, bid_size, ask, ask_size }
    }

    /// Whether the best bid lies above the best ask: before a market opens, at a halt, or because
    /// the exchange put together what it knew at different times.
    #[inline]
    pub fn is_crossed(&self) -> bool {
        let sides = self.bid.zip(self.ask);
        sides.is_some_and(|(bid, ask)| bid.cmp_value(ask) == Ordering::Greater)
    }
}

/// A side of a market; none of it where no order rests.
#[inline(always)]
pub(super) fn resting(
    price: Option<Decimal>,
    size: Option<Decimal>,
) -> (Option<Decimal>, Option<Decimal>) {
    let is_none = |number: Option<Decimal>| number.is_some_and(Decimal::is_zero);
    if price.is_none() || is_none(price) || is_none(size) { (None, None) } else { (price, size) }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text.as_bytes()).expect("a decimal")
    }

    fn quote(sides: [Option<&str>; 4]) -> Quote {
        let [bid, bid_size, ask, ask_size] = sides.map(|text| text.map(decimal));
        Quote { bid, bid_size, ask, ask_size }
    }

    #[test]
    fn a_side_without_a_price_or_a_size_is_no_side() {
        let ask = [Some("0.5"), Some("3")];
        for bid in [
            [Some("0"), Some("0")],
            [Some("0.00000000"), Some("1")],
            [Some("0.4"), Some("0.00")],
            [Some("0"), None],
            [None, Some("1")],
            [None, None],
        ] {
            let told = Body::from(quote([bid[0], bid[1], ask[0], ask[1]])).quote();
            assert_eq!(told, Some(quote([None, None, ask[0], ask[1]])), "{bid:?}");
            let mirrored = Body::from(quote([ask[0], ask[1], bid[0], bid[1]])).quote();
            assert_eq!(mirrored, Some(quote([ask[0], ask[1], None, None])), "{bid:?}");
        }
        let unsized_sides = quote([Some("1.1"), None, Some("1.2"), None]);
        assert_eq!(Body::from(unsized_sides).quote(), Some(unsized_sides), "Deriv states no sizes");
    }

    #[test]
    fn a_crossed_quote_is_known_by_its_values() {
        let is_crossed = |bid, ask| quote([bid, None, ask, None]).is_crossed();
        assert!(is_crossed(Some("1.10"), Some("1.0999")));
        assert!(!is_crossed(Some("1.10"), Some("1.1")), "locked");
        assert!(!is_crossed(Some("1.10"), None) && !is_crossed(None, Some("1.1")));
    }
}
