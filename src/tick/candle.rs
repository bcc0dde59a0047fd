//! Open, high, low, close and volume of an interval: two ticks in a row where an exchange's own
//! candles travel on the ring; candles built here from trades never do.

use super::ticker::join_wide;
use super::{Body, Decimal, WideDecimal};
use crate::clock::UnixNanos;
use crate::limits::EXCHANGES_SINCE_NS;

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
        // Of what lies before all intervals there is none: it is `UnixNanos::NONE`.
        UnixNanos(time.0.saturating_sub(time.0.rem_euclid(self.nanos())))
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
    /// Traded, in base currency; zero where the exchange does not state it.
    pub volume: WideDecimal,
    /// Whether it states the volume.
    pub states_volume: bool,
    /// Number of trades; `None` where the exchange does not state it.
    pub trades: Option<u64>,
    /// True when final.
    pub closed: bool,
    /// Its exchange calls its candles final, so that one which it did not call so was not seen
    /// whole.
    pub says_final: bool,
    /// Something of it may be missing here.
    pub partial: bool,
    /// Others may be missing between it and the one before.
    pub after_hole: bool,
    /// On its way here: the one before it stands in the same frame, so that none lies between.
    pub behind: bool,
    /// On its way here: part of a list of all that its exchange has up to now.
    pub listed: bool,
}

/// What is true of a candle beside its numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CandleFlags(u8);

impl CandleFlags {
    const SAYS_FINAL: u8 = 1;
    const PARTIAL: u8 = 2;
    const AFTER_HOLE: u8 = 4;
    const BEHIND: u8 = 8;
    const LISTED: u8 = 16;

    #[inline(always)]
    const fn of(candle: &Candle) -> Self {
        Self(
            (candle.says_final as u8 * Self::SAYS_FINAL)
                | (candle.partial as u8 * Self::PARTIAL)
                | (candle.after_hole as u8 * Self::AFTER_HOLE)
                | (candle.behind as u8 * Self::BEHIND)
                | (candle.listed as u8 * Self::LISTED),
        )
    }

    const fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }

    /// The same of a candle that stands behind the one before in its frame.
    pub(crate) const fn behind(self) -> Self {
        Self(self.0 | Self::BEHIND)
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
}

/// The number of trades on the ring where it is not stated.
const NOT_COUNTED: u64 = u64::MAX;

/// The volume's digits on the ring where it is not stated.
const NO_VOLUME: u8 = u8::MAX;

impl Candle {
    /// An open candle of these first, highest, lowest and last prices, without volume and trades.
    #[inline(always)]
    pub const fn of(
        interval: Interval,
        open_time: UnixNanos,
        [open, high, low, close]: [Decimal; 4],
    ) -> Self {
        Self {
            interval,
            open_time,
            open,
            high,
            low,
            close,
            volume: WideDecimal::ZERO,
            states_volume: false,
            trades: None,
            closed: false,
            says_final: false,
            partial: false,
            after_hole: false,
            behind: false,
            listed: false,
        }
    }

    /// The same with this volume.
    #[inline(always)]
    pub const fn with_volume(self, volume: WideDecimal) -> Self {
        Self { volume, states_volume: true, ..self }
    }

    /// The same with this volume, where it is known.
    #[inline(always)]
    pub const fn with_volume_if(self, volume: Option<WideDecimal>) -> Self {
        match volume {
            Some(volume) => self.with_volume(volume),
            None => self,
        }
    }

    /// Whether its numbers can be those of a market: the first and the last price lie between the
    /// lowest and the highest, the volume is not negative, and it opens where its interval does,
    /// while there are exchanges.
    #[inline]
    pub fn is_possible(&self) -> bool {
        let is_within = |price: Decimal| {
            price.cmp_value(self.low).is_ge() && price.cmp_value(self.high).is_le()
        };
        is_within(self.open)
            && is_within(self.close)
            && self.volume.mantissa() >= 0
            && self.open_time.0 >= EXCHANGES_SINCE_NS
            && self.interval.open_time(self.open_time) == self.open_time
    }

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
                flags: CandleFlags::of(self),
                digits: if self.states_volume { self.volume.digits() } else { NO_VOLUME },
                words: [(volume >> 64) as u64, volume as u64],
                open_time: self.open_time,
                trades: self.trades.unwrap_or(NOT_COUNTED),
            },
        ]
    }

    /// The candle of two bodies that were pushed one after the other.
    pub fn join(prices: &Body, volume: &Body) -> Option<Self> {
        let Body::CandlePrices { digits, mantissas, .. } = *prices else { return None };
        let Body::CandleVolume {
            interval,
            closed,
            flags,
            digits: volume_digits,
            words,
            open_time,
            trades,
        } = *volume
        else {
            return None;
        };
        let price = |index: usize| Decimal::from_parts(mantissas[index], digits[index]);
        let candle = Self {
            trades: (trades != NOT_COUNTED).then_some(trades),
            closed,
            says_final: flags.has(CandleFlags::SAYS_FINAL),
            partial: flags.has(CandleFlags::PARTIAL),
            after_hole: flags.has(CandleFlags::AFTER_HOLE),
            behind: flags.has(CandleFlags::BEHIND),
            listed: flags.has(CandleFlags::LISTED),
            ..Self::of(interval, open_time, [price(0), price(1), price(2), price(3)])
        };
        let volume = join_wide(words[0], words[1], volume_digits);
        Some(volume.map_or(candle, |volume| candle.with_volume(volume)))
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
        assert_eq!(Interval::Day1.open_time(UnixNanos(i64::MIN + 1)), UnixNanos::NONE);
    }

    #[test]
    fn a_candle_survives_its_two_ticks() {
        let price = Decimal::new(101, 2).expect("fits");
        let open_time = UnixNanos::from_millis(1_700_000_100_000);
        let bare = Candle::of(Interval::Minute5, open_time, [price; 4]);
        let volume = WideDecimal::parse(b"12345678901234567890.5").expect("fits");
        let whole = Candle { trades: Some(3), closed: true, says_final: true, ..bare };
        let torn = Candle { partial: true, ..whole };
        let first = Candle { after_hole: true, listed: true, ..bare };
        let second = Candle { behind: true, ..bare };
        for candle in [bare, whole.with_volume(volume), torn, first, second] {
            let [prices, volume] = candle.bodies();
            assert_eq!(Candle::join(&prices, &volume), Some(candle));
        }
    }
}
