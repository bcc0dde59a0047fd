//! What was told of the last bars of an exchange, so that one that it sends again is told again
//! only where it says something else.

use crate::limits::CORRECTABLE_BARS;
use crate::tick::{Candle, Decimal, Interval, WideDecimal};

/// What was told of one bar, in 8 bytes: a digest of its numbers, and what was said of it.
///
/// Of 2^60 corrections one would pass for what was told before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ToldBar(u64);

impl ToldBar {
    const TOLD: u64 = 1;
    const PARTIAL: u64 = 2;
    const AFTER_HOLE: u64 = 4;
    const CALLED_FINAL: u64 = 8;
    const FLAGS: u64 = 15;

    /// `called_final` says whether its exchange called it so.
    pub(super) fn of(candle: &Candle, called_final: bool) -> Self {
        let flags = Self::TOLD
            | (Self::PARTIAL * u64::from(candle.partial))
            | (Self::AFTER_HOLE * u64::from(candle.after_hole))
            | (Self::CALLED_FINAL * u64::from(called_final));
        Self((digest(candle) & !Self::FLAGS) | flags)
    }

    pub(super) const fn is_told(self) -> bool {
        self.0 & Self::TOLD != 0
    }

    pub(super) const fn is_after_hole(self) -> bool {
        self.0 & Self::AFTER_HOLE != 0
    }

    pub(super) const fn is_called_final(self) -> bool {
        self.0 & Self::CALLED_FINAL != 0
    }

    /// Whether it says the same to whoever hears of it.
    pub(super) const fn says_as(self, other: Self) -> bool {
        self.0 & !Self::CALLED_FINAL == other.0 & !Self::CALLED_FINAL
    }
}

/// The newest bar, and as many before it as can be corrected.
const BARS: usize = CORRECTABLE_BARS + 1;

/// The last bars of one interval, each at the place of its number.
#[derive(Clone, Debug)]
pub(super) struct Past {
    /// Empty where candles are built from trades, else [`BARS`].
    bars: Vec<ToldBar>,
}

impl Past {
    /// Without room.
    pub(super) const NONE: Self = Self { bars: Vec::new() };

    /// Memory of one interval.
    pub(super) const BYTES: usize = BARS * size_of::<ToldBar>();

    /// Makes room, once, and forgets all.
    pub(super) fn begin(&mut self) {
        self.bars.clear();
        self.bars.resize(BARS, ToldBar::default());
    }

    /// Whether there is room.
    pub(super) const fn is_kept(&self) -> bool {
        !self.bars.is_empty()
    }

    /// The newest bar is not `from` any more but `to`, which is later: what is between them was not
    /// told, and what is too far behind is forgotten.
    pub(super) fn advance(&mut self, interval: Interval, from: i64, to: i64) {
        let length = interval.nanos();
        let steps = to.saturating_sub(from) / length;
        for step in 0..steps.min(self.bars.len() as i64) {
            self.set(interval, to - step * length, ToldBar::default());
        }
    }

    /// The newest bar is not `from` any more but `to`, which is earlier: what was told of bars behind
    /// it is forgotten.
    pub(super) fn retreat(&mut self, interval: Interval, from: i64, to: i64) {
        self.advance(interval, to, from);
    }

    /// What was told of the bar of `start`; nothing of what is further than can be corrected behind
    /// the `newest`.
    pub(super) fn told(&self, interval: Interval, start: i64, newest: i64) -> Option<ToldBar> {
        let back = newest.saturating_sub(start) / interval.nanos();
        let is_held = (0..self.bars.len() as i64).contains(&back);
        is_held.then(|| self.bars[place(interval, start)])
    }

    pub(super) fn set(&mut self, interval: Interval, start: i64, told: ToldBar) {
        if let Some(bar) = self.bars.get_mut(place(interval, start)) {
            *bar = told;
        }
    }
}

fn place(interval: Interval, start: i64) -> usize {
    // Below the length of a list, so that it fits.
    start.div_euclid(interval.nanos()).rem_euclid(BARS as i64) as usize
}

/// Of its numbers by their value, however many zeros they are written with.
fn digest(candle: &Candle) -> u64 {
    let wide = |price: Decimal| WideDecimal::from(price);
    let prices = [candle.open, candle.high, candle.low, candle.close].map(wide);
    let numbers = prices.into_iter().chain([candle.volume]);
    let trades = candle.trades.map_or(u64::MAX, |trades| trades);
    numbers.fold(mix(trades, u64::from(candle.states_volume)), |hash, number| {
        let (mut mantissa, mut digits) = (number.mantissa(), number.digits());
        while digits > 0 && mantissa % 10 == 0 {
            (mantissa, digits) = (mantissa / 10, digits - 1);
        }
        let [low, high] = [mantissa as u64, (mantissa >> 64) as u64];
        mix(mix(mix(hash, low), high), u64::from(digits))
    })
}

/// One step of a hash that spreads every bit over all others (that of splitmix64).
const fn mix(hash: u64, word: u64) -> u64 {
    let mut mixed = (hash ^ word).wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
