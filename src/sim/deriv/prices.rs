//! The price of one instrument: ticks at its cadence, and the bars that they make.

use std::collections::VecDeque;
use std::time::Duration;

use super::listing::Market;
use crate::limits::SIM_DERIV_PRICES_KEPT;
use crate::sim::listing::Listed;
use crate::sim::market::Traded;
use crate::sim::write::Scale;

/// Lengths of bars that are kept, in seconds. Legacy has all but the first.
pub(super) const GRANULARITIES: [i64; 13] =
    [1, 60, 120, 180, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400];

/// One price change, in units of the last digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PriceTick {
    pub(super) epoch: i64,
    pub(super) bid: i64,
    pub(super) ask: i64,
    pub(super) quote: i64,
}

/// One bar, likewise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bar {
    pub(super) open_time: i64,
    pub(super) open: i64,
    pub(super) high: i64,
    pub(super) low: i64,
    pub(super) close: i64,
}

/// One instrument as clients see it.
#[derive(Debug)]
pub(in crate::sim) struct Quoted {
    pub(super) native: String,
    pub(super) market: Market,
    pub(super) digits: u8,
    /// Between two ticks.
    pub(super) cadence: Duration,
    /// Without zeros at the end, as ticks are written.
    pub(super) bare: Scale,
    /// With all digits, as live bars are.
    pub(super) padded: Scale,
    pub(super) ticks: VecDeque<PriceTick>,
    /// Per length, the newest at the end.
    pub(super) bars: [VecDeque<Bar>; GRANULARITIES.len()],
}

impl Quoted {
    pub(super) fn new(listed: &Listed) -> Self {
        let (native, digits) = (listed.native.clone(), listed.price_digits);
        let market = Market::of(&native);
        // One a second where the name says so and where others deal too, else one in two.
        let fast = native.starts_with("1HZ") || market != Market::Synthetic;
        Self {
            market,
            digits,
            cadence: Duration::from_secs(if fast { 1 } else { 2 }),
            bare: Scale::shortest(digits),
            padded: Scale::new(digits, digits),
            ticks: VecDeque::new(),
            bars: Default::default(),
            native,
        }
    }

    /// Indices are shown without the prices at which one may deal.
    pub(super) fn has_sides(&self) -> bool {
        self.market != Market::Indices
    }

    /// The price at `epoch`, from the best orders of the market behind it: always one where the
    /// exchange makes the price, else only when it changed. None twice in a second.
    pub(super) fn tick(&mut self, epoch: i64, traded: &Traded) -> Option<PriceTick> {
        let [Some(bid), Some(ask)] = traded.touch() else { return None };
        let quote = bid.price + (ask.price - bid.price) / 2;
        let tick = PriceTick { epoch, bid: bid.price, ask: ask.price, quote };
        let unchanged = |last: &PriceTick| {
            (last.bid, last.ask) == (tick.bid, tick.ask) && self.market != Market::Synthetic
        };
        if self.ticks.back().is_some_and(|last| last.epoch >= epoch || unchanged(last)) {
            return None;
        }
        push(&mut self.ticks, tick);
        for (bars, length) in self.bars.iter_mut().zip(GRANULARITIES) {
            let open_time = epoch - epoch.rem_euclid(length);
            match bars.back_mut().filter(|bar| bar.open_time == open_time) {
                Some(bar) => bar.add(quote),
                None => {
                    let (open, high, low, close) = (quote, quote, quote, quote);
                    push(bars, Bar { open_time, open, high, low, close });
                }
            }
        }
        Some(tick)
    }
}

impl Bar {
    fn add(&mut self, price: i64) {
        self.high = self.high.max(price);
        self.low = self.low.min(price);
        self.close = price;
    }
}

fn push<T>(kept: &mut VecDeque<T>, one: T) {
    if kept.len() == SIM_DERIV_PRICES_KEPT {
        kept.pop_front();
    }
    kept.push_back(one);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::deriv::listing;
    use crate::sim::market::{Counting, Market as Orders};

    #[test]
    fn ticks_make_bars_and_no_second_has_two() {
        let list = listing::default_list(1);
        let orders = Orders::new(list.clone(), Counting::PerInstrument, 3);
        let mut quoted = Quoted::new(&list[0]);
        let traded = &orders.traded[0];
        let first = quoted.tick(1_700_000_040, traded).expect("a first price");
        assert!(first.bid <= first.quote && first.quote <= first.ask);
        assert_eq!(quoted.tick(1_700_000_040, traded), None);
        assert!(quoted.tick(1_700_000_042, traded).is_some(), "its own prices come at any rate");
        assert!(quoted.tick(1_700_000_100, traded).is_some());
        let minutes: Vec<i64> = quoted.bars[1].iter().map(|bar| bar.open_time).collect();
        assert_eq!(minutes, [1_700_000_040, 1_700_000_100]);
        assert_eq!((quoted.bars[0].len(), quoted.ticks.len()), (3, 3));
    }
}
