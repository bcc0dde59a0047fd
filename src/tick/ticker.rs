//! Statistics of the last 24 hours: three ticks in a row.

use super::quote::resting;
use super::{Body, Decimal, WideDecimal, pack, unpack};

/// Digits that mark a volume as not stated.
const NOT_STATED: u8 = u8::MAX;

/// 24 h statistics of one instrument; `None` where the exchange does not state the field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ticker {
    /// Price of the last trade.
    pub last: Option<Decimal>,
    /// Price 24 h ago.
    pub open: Option<Decimal>,
    /// Highest price.
    pub high: Option<Decimal>,
    /// Lowest price.
    pub low: Option<Decimal>,
    /// Best bid.
    pub bid: Option<Decimal>,
    /// Best ask.
    pub ask: Option<Decimal>,
    /// `last` minus `open`.
    pub change: Option<Decimal>,
    /// `change` in percent of `open`.
    pub change_percent: Option<Decimal>,
    /// Traded, in base currency.
    pub volume: Option<WideDecimal>,
    /// Traded, in quote currency.
    pub quote_volume: Option<WideDecimal>,
}

impl Ticker {
    /// The ticker of a market in which orders meet. Of one without trades exchanges write prices of
    /// 0, which nobody ever paid: such a price is not known, nor is a change from or to it. The
    /// volumes are known, they are 0. One below that is no volume, and not told.
    #[inline]
    pub fn of_market(self) -> Self {
        let paid = |price: Option<Decimal>| price.filter(|price| !price.is_zero());
        let traded = |sum: Option<WideDecimal>| sum.filter(|sum| sum.mantissa() >= 0);
        let (last, open) = (paid(self.last), paid(self.open));
        let is_compared = last.is_some() && open.is_some() == self.open.is_some();
        Self {
            last,
            open,
            high: paid(self.high),
            low: paid(self.low),
            change: self.change.filter(|_| is_compared),
            change_percent: self.change_percent.filter(|_| is_compared),
            volume: traded(self.volume),
            quote_volume: traded(self.quote_volume),
            ..self
        }
    }

    /// With the change since the opening price, where the exchange states both and not what is
    /// between them.
    #[inline]
    pub fn with_change(self) -> Self {
        let difference = |last: Decimal, open: Decimal| {
            let minus_open = WideDecimal::new(-i128::from(open.mantissa()), open.digits())?;
            let difference = minus_open.checked_add(last)?;
            Decimal::new(i64::try_from(difference.mantissa()).ok()?, difference.digits())
        };
        let computed = || self.last.zip(self.open).and_then(|(last, open)| difference(last, open));
        Self { change: self.change.or_else(computed), ..self }
    }

    /// The bodies of its three ticks, in the order in which they are pushed.
    #[inline(always)]
    pub fn bodies(&self) -> [Body; 3] {
        let (prices_digits, prices) = pack([self.last, self.open, self.high, self.low]);
        // As of quotes: at a price of 0 nothing rests.
        let ((bid, _), (ask, _)) = (resting(self.bid, None), resting(self.ask, None));
        let (change_digits, change) = pack([bid, ask, self.change, self.change_percent]);
        let volumes = [self.volume, self.quote_volume];
        let mantissas = volumes.map(|volume| volume.map_or(0, WideDecimal::mantissa) as u128);
        [
            Body::TickerPrices { digits: prices_digits, mantissas: prices },
            Body::TickerChange { digits: change_digits, mantissas: change },
            Body::TickerVolumes {
                digits: volumes.map(|volume| volume.map_or(NOT_STATED, WideDecimal::digits)),
                words: [
                    (mantissas[0] >> 64) as u64,
                    mantissas[0] as u64,
                    (mantissas[1] >> 64) as u64,
                    mantissas[1] as u64,
                ],
            },
        ]
    }

    /// Takes one of its three bodies; true when that was the last of them, so that the ticker is
    /// whole. Bodies of other kinds change nothing.
    pub fn absorb(&mut self, body: &Body) -> bool {
        match *body {
            Body::TickerPrices { digits, mantissas } => {
                [self.last, self.open, self.high, self.low] = unpack(digits, mantissas);
                false
            }
            Body::TickerChange { digits, mantissas } => {
                [self.bid, self.ask, self.change, self.change_percent] = unpack(digits, mantissas);
                false
            }
            Body::TickerVolumes { digits, words } => {
                self.volume = join_wide(words[0], words[1], digits[0]);
                self.quote_volume = join_wide(words[2], words[3], digits[1]);
                true
            }
            _ => false,
        }
    }
}

/// A wide decimal from the halves of its mantissa.
pub(super) fn join_wide(high: u64, low: u64, digits: u8) -> Option<WideDecimal> {
    WideDecimal::new((u128::from(high) << 64 | u128::from(low)) as i128, digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_of_nothing_is_not_known_nor_what_is_compared_with_it() {
        let decimal = |text: &str| Decimal::parse(text.as_bytes()).ok();
        let stated = Ticker {
            last: decimal("1.5"),
            open: decimal("1.25"),
            high: decimal("2"),
            low: decimal("1"),
            change: decimal("0.25"),
            change_percent: decimal("20"),
            volume: Some(WideDecimal::ZERO),
            ..Ticker::default()
        };
        assert_eq!(stated.of_market(), stated);
        let zero = decimal("0.00");
        let without_open = Ticker { open: None, change: None, change_percent: None, ..stated };
        assert_eq!(Ticker { open: zero, ..stated }.of_market(), without_open);
        let silent = Ticker { last: zero, open: zero, high: zero, low: zero, ..stated };
        let volume = stated.volume;
        assert_eq!(silent.of_market(), Ticker { volume, ..Ticker::default() });
        // Who states no opening price at all may still know the change.
        let closed = Ticker { open: None, ..stated };
        assert_eq!(closed.of_market(), closed);
        assert_eq!(Ticker { last: zero, ..closed }.of_market().change, None);
        let below = WideDecimal::parse(b"-1").ok();
        let without_volumes = Ticker { volume: None, quote_volume: None, ..stated };
        let negative = Ticker { volume: below, quote_volume: below, ..stated };
        assert_eq!(negative.of_market(), without_volumes);
    }

    #[test]
    fn a_ticker_survives_its_three_ticks() {
        let decimal = |text: &str| Decimal::parse(text.as_bytes()).ok();
        let ticker = Ticker {
            last: decimal("65000.10"),
            open: decimal("64000.00"),
            change: decimal("-1000.10"),
            volume: WideDecimal::parse(b"12345678901234567890.12").ok(),
            quote_volume: WideDecimal::parse(b"-1.5").ok(),
            ..Ticker::default()
        };
        let mut read = Ticker::default();
        let whole: Vec<bool> = ticker.bodies().iter().map(|body| read.absorb(body)).collect();
        assert_eq!(whole, [false, false, true]);
        assert_eq!(read, ticker);
    }
}
