//! Open, high, low, close and volume of an interval: two ticks in a row where an exchange's own
//! candles travel on the ring; candles built here from trades never do.

use super::ticker::join_wide;
use super::{Body, Decimal, WideDecimal};
use crate::clock::UnixNanos;

/// Length of a candle.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Interval {
    /// `1s`
    Second1,
    /// `1m`
    Minute1,
    /// `5m`
    Minute5,
    /// `15m`
    Minute15,
    /// `1h`
    Hour1,
    /// `4h`
    Hour4,
    /// `1d`
    Day1,
}

impl Interval {
    /// Every interval, shortest first.
    pub const ALL: [Self; 7] = [
        Self::Second1,
        Self::Minute1,
        Self::Minute5,
        Self::Minute15,
        Self::Hour1,
        Self::Hour4,
        Self::Day1,
    ];

    /// As clients and exchanges write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Second1 => "1s",
            Self::Minute1 => "1m",
            Self::Minute5 => "5m",
            Self::Minute15 => "15m",
            Self::Hour1 => "1h",
            Self::Hour4 => "4h",
            Self::Day1 => "1d",
        }
    }

    /// The interval of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|interval| interval.name() == name)
    }

    /// Length in nanoseconds.
    pub const fn nanos(self) -> i64 {
        let seconds = match self {
            Self::Second1 => 1,
            Self::Minute1 => 60,
            Self::Minute5 => 300,
            Self::Minute15 => 900,
            Self::Hour1 => 3_600,
            Self::Hour4 => 14_400,
            Self::Day1 => 86_400,
        };
        seconds * 1_000_000_000
    }

    /// Start of the interval that `time` falls into; intervals are aligned to the epoch, UTC.
    pub const fn open_time(self, time: UnixNanos) -> UnixNanos {
        UnixNanos(time.0 - time.0.rem_euclid(self.nanos()))
    }
}

/// One candle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candle {
    /// Its length.
    pub interval: Interval,
    /// Start of the interval.
    pub open_time: UnixNanos,
    /// First price.
    pub open: Decimal,
    /// Highest price.
    pub high: Decimal,
    /// Lowest price.
    pub low: Decimal,
    /// Last price.
    pub close: Decimal,
    /// Traded, in base currency.
    pub volume: WideDecimal,
    /// Number of trades.
    pub trades: u64,
    /// True when final.
    pub closed: bool,
}

impl Candle {
    /// The bodies of its two ticks, in the order in which they are pushed.
    #[inline(always)]
    pub fn bodies(&self) -> [Body; 2] {
        let prices = [self.open, self.high, self.low, self.close];
        let volume = self.volume.mantissa() as u128;
        [
            Body::CandlePrices {
                interval: self.interval,
                closed: self.closed,
                digits: prices.map(Decimal::digits),
                mantissas: prices.map(Decimal::mantissa),
            },
            Body::CandleVolume {
                interval: self.interval,
                closed: self.closed,
                digits: self.volume.digits(),
                words: [(volume >> 64) as u64, volume as u64],
                open_time: self.open_time,
                trades: self.trades,
            },
        ]
    }

    /// The candle of two bodies that were pushed one after the other.
    pub fn join(prices: &Body, volume: &Body) -> Option<Self> {
        let Body::CandlePrices { digits, mantissas, .. } = *prices else { return None };
        let Body::CandleVolume {
            interval,
            closed,
            digits: volume_digits,
            words,
            open_time,
            trades,
        } = *volume
        else {
            return None;
        };
        let price = |index: usize| Decimal::from_parts(mantissas[index], digits[index]);
        Some(Self {
            interval,
            open_time,
            open: price(0),
            high: price(1),
            low: price(2),
            close: price(3),
            volume: join_wide(words[0], words[1], volume_digits)?,
            trades,
            closed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_open_at_multiples_of_their_length() {
        let time = UnixNanos::from_millis(1_700_000_123_456);
        assert_eq!(Interval::Minute1.open_time(time).millis(), 1_700_000_100_000);
        assert_eq!(Interval::Day1.open_time(time).millis(), 1_699_920_000_000);
        assert_eq!(Interval::Second1.open_time(UnixNanos(-1)).0, -1_000_000_000);
    }

    #[test]
    fn a_candle_survives_its_two_ticks() {
        let price = Decimal::new(101, 2).expect("fits");
        let candle = Candle {
            interval: Interval::Minute5,
            open_time: UnixNanos::from_millis(1_700_000_100_000),
            open: price,
            high: price,
            low: price,
            close: price,
            volume: WideDecimal::parse(b"12345678901234567890.5").expect("fits"),
            trades: 3,
            closed: true,
        };
        let [prices, volume] = candle.bodies();
        assert_eq!(Candle::join(&prices, &volume), Some(candle));
    }
}
