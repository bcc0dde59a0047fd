//! Binance's data frames, written into a reused buffer. Field order is the exchange's own, as in
//! the recorded sessions.

use super::Product;
use crate::clock::UnixNanos;
use crate::sim::candle::{Bar, INTERVALS};
use crate::sim::listing::Listed;
use crate::sim::market::{Day, Print, Traded};
use crate::sim::resting::{BookSide, Resting, RestingBook};
use crate::sim::write::{Scale, decimal, integer};

/// Unit of every time on a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum TimeUnit {
    #[default]
    Millis,
    Micros,
}

/// How one instrument is written.
#[derive(Clone, Debug)]
pub(in crate::sim) struct Spelling {
    pub(super) symbol: String,
    pub(super) price: Scale,
    pub(super) size: Scale,
    pub(super) product: Product,
    /// Digits of ticks × lots, and of the same on the wire.
    turnover: [u8; 2],
    pub(super) price_unit: u8,
    pub(super) size_unit: u8,
}

impl Spelling {
    pub(super) fn new(listed: &Listed, product: Product) -> Self {
        let (price, size) = (listed.price_digits, listed.size_digits);
        let wire = |unit| match product {
            // Spot pads every number to eight digits, whatever the tick.
            Product::Spot => 8,
            Product::Futures => unit,
        };
        let turnover = match product {
            Product::Spot => 8,
            Product::Futures => (price + size).min(8),
        };
        Self {
            symbol: listed.native.clone(),
            price: Scale::new(price, wire(price)),
            size: Scale::new(size, wire(size)),
            product,
            turnover: [price + size, turnover],
            price_unit: price,
            size_unit: size,
        }
    }
}

/// A frame in the making.
pub(super) struct Frame<'a> {
    out: &'a mut Vec<u8>,
    unit: TimeUnit,
    pub(super) of: &'a Spelling,
}

impl<'a> Frame<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>, unit: TimeUnit, of: &'a Spelling) -> Self {
        Self { out, unit, of }
    }

    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        self.out.extend_from_slice(text.as_bytes());
        self
    }

    pub(super) fn number(&mut self, key: &str, number: i128) -> &mut Self {
        self.text(key);
        integer(self.out, number);
        self
    }

    pub(super) fn id(&mut self, key: &str, id: u64) -> &mut Self {
        self.number(key, i128::from(id))
    }

    pub(super) fn time(&mut self, key: &str, at: UnixNanos) -> &mut Self {
        let nanos_per_unit = match self.unit {
            TimeUnit::Millis => 1_000_000,
            TimeUnit::Micros => 1_000,
        };
        self.number(key, i128::from(at.0 / nanos_per_unit))
    }

    /// An inclusive end of an interval, `…999`.
    pub(super) fn last_instant(&mut self, key: &str, end_ms: i64) -> &mut Self {
        match self.unit {
            TimeUnit::Millis => self.number(key, i128::from(end_ms - 1)),
            TimeUnit::Micros => self.number(key, i128::from(end_ms) * 1_000 - 1),
        }
    }

    fn symbol(&mut self) -> &mut Self {
        let of = self.of;
        self.text(",\"s\":\"").text(&of.symbol).text("\"")
    }

    pub(super) fn price(&mut self, key: &str, ticks: i64) -> &mut Self {
        self.text(key).text("\"");
        self.of.price.write(self.out, ticks);
        self.text("\"")
    }

    pub(super) fn size(&mut self, key: &str, lots: i64) -> &mut Self {
        self.text(key).text("\"");
        self.of.size.write(self.out, lots);
        self.text("\"")
    }

    /// A sum of lots.
    pub(super) fn volume(&mut self, key: &str, lots: u128) -> &mut Self {
        self.size(key, i64::try_from(lots).unwrap_or(i64::MAX))
    }

    /// A sum of ticks × lots.
    pub(super) fn turnover(&mut self, key: &str, turnover: u128) -> &mut Self {
        let [unit, wire] = self.of.turnover;
        let mut mantissa = turnover;
        for _ in wire..unit {
            mantissa /= 10;
        }
        for _ in unit..wire {
            mantissa *= 10;
        }
        self.text(key).text("\"");
        decimal(self.out, i128::try_from(mantissa).unwrap_or(i128::MAX), wire);
        self.text("\"")
    }

    pub(super) fn is_spot(&self) -> bool {
        self.of.product == Product::Spot
    }

    pub(super) fn trade(&mut self, print: &Print, at: UnixNanos) {
        let maker_bought = print.taker == BookSide::Ask;
        self.text("{\"e\":\"trade\"").time(",\"E\":", at);
        if !self.is_spot() {
            self.time(",\"T\":", at);
        }
        self.symbol().id(",\"t\":", print.id).price(",\"p\":", print.price);
        self.size(",\"q\":", print.size);
        if self.is_spot() {
            self.time(",\"T\":", at);
        } else {
            self.text(",\"X\":\"MARKET\"");
        }
        self.text(if maker_bought { ",\"m\":true" } else { ",\"m\":false" });
        self.text(if self.is_spot() { ",\"M\":true}" } else { "}" });
    }

    /// All prints of one taker's order, which are at one price.
    pub(super) fn agg_trade(&mut self, order_id: u64, prints: &[Print], at: UnixNanos) {
        let [first, .., last] = prints else {
            let [only] = prints else { return };
            return self.agg_trade(order_id, &[*only, *only], at);
        };
        let one = first.id == last.id;
        let size = if one { first.size } else { prints.iter().map(|print| print.size).sum() };
        self.text("{\"e\":\"aggTrade\"").time(",\"E\":", at);
        if self.is_spot() {
            self.symbol().id(",\"a\":", order_id);
        } else {
            self.id(",\"a\":", order_id).symbol();
        }
        self.price(",\"p\":", first.price).size(",\"q\":", size);
        self.id(",\"f\":", first.id).id(",\"l\":", last.id).time(",\"T\":", at);
        let maker_bought = first.taker == BookSide::Ask;
        self.text(if maker_bought { ",\"m\":true" } else { ",\"m\":false" });
        self.text(if self.is_spot() { ",\"M\":true}" } else { "}" });
    }

    pub(super) fn book_ticker(&mut self, traded: &Traded, at: UnixNanos) {
        let [bid, ask] = traded.best();
        self.text(if self.is_spot() { "{" } else { "{\"e\":\"bookTicker\"," });
        self.id("\"u\":", traded.update_id).symbol();
        self.price(",\"b\":", bid.price).size(",\"B\":", bid.size);
        self.price(",\"a\":", ask.price).size(",\"A\":", ask.size);
        if !self.is_spot() {
            self.time(",\"T\":", at).time(",\"E\":", at);
        }
        self.text("}");
    }

    /// What a depth frame states before its levels.
    pub(super) fn depth_head(&mut self, ids: DepthIds, at: UnixNanos) {
        self.text("{\"e\":\"depthUpdate\"").time(",\"E\":", at);
        if !self.is_spot() {
            self.time(",\"T\":", at);
        }
        self.symbol().id(",\"U\":", ids.first).id(",\"u\":", ids.last);
        if !self.is_spot() {
            self.id(",\"pu\":", ids.previous);
        }
    }

    /// Changed levels of both sides, as they stand now.
    pub(super) fn depth(
        &mut self,
        ids: DepthIds,
        changed: &[(BookSide, i64)],
        book: &RestingBook,
        at: UnixNanos,
    ) {
        self.depth_head(ids, at);
        for (key, side) in [(",\"b\":", BookSide::Bid), (",\"a\":", BookSide::Ask)] {
            let levels = changed.iter().filter(|(of, _)| *of == side);
            let level = |(_, price): &(BookSide, i64)| Resting {
                price: *price,
                size: book.size_at(side, *price),
            };
            self.levels(key, levels.map(level));
        }
        if !self.is_spot() {
            let of = self.of;
            self.text(",\"ps\":\"").text(&of.symbol).text("\",\"st\":1");
        }
        self.text("}");
    }

    /// The best levels of both sides.
    pub(super) fn partial(
        &mut self,
        count: usize,
        ids: DepthIds,
        book: &RestingBook,
        at: UnixNanos,
    ) {
        let keys = if self.is_spot() {
            self.id("{\"lastUpdateId\":", ids.last);
            [",\"bids\":", ",\"asks\":"]
        } else {
            self.depth_head(ids, at);
            [",\"b\":", ",\"a\":"]
        };
        self.levels(keys[0], book.levels(BookSide::Bid).take(count));
        self.levels(keys[1], book.levels(BookSide::Ask).take(count));
        self.text("}");
    }

    pub(super) fn levels(&mut self, key: &str, levels: impl Iterator<Item = Resting>) {
        self.text(key).text("[");
        for (index, level) in levels.enumerate() {
            self.text(if index == 0 { "[" } else { ",[" });
            self.price("", level.price).size(",", level.size).text("]");
        }
        self.text("]");
    }

    pub(super) fn ticker(&mut self, traded: &Traded, began: UnixNanos, at: UnixNanos) {
        let day = &traded.day;
        self.text("{\"e\":\"24hrTicker\"").time(",\"E\":", at).symbol();
        self.price(",\"p\":", day.last - day.open);
        self.percent(",\"P\":", day);
        self.price(",\"w\":", day.average());
        if self.is_spot() {
            self.price(",\"x\":", day.open);
        }
        self.price(",\"c\":", day.last).size(",\"Q\":", day.last_size);
        if self.is_spot() {
            let [bid, ask] = traded.best();
            self.price(",\"b\":", bid.price).size(",\"B\":", bid.size);
            self.price(",\"a\":", ask.price).size(",\"A\":", ask.size);
        }
        self.day(day).time(",\"O\":", began).time(",\"C\":", at);
        let (first, last) = ids(day.first_id, day.count);
        self.number(",\"F\":", first).number(",\"L\":", last).id(",\"n\":", day.count);
        self.text(if self.is_spot() { "}" } else { ",\"st\":1}" });
    }

    /// Change since the day began, in hundredths.
    pub(super) fn percent(&mut self, key: &str, day: &Day) -> &mut Self {
        self.text(key).text("\"");
        let change = i128::from(day.last - day.open) * 100_000 / i128::from(day.open);
        decimal(self.out, change, 3);
        self.text("\"")
    }

    pub(super) fn mini_ticker(&mut self, day: &Day, at: UnixNanos) {
        self.text("{\"e\":\"24hrMiniTicker\"").time(",\"E\":", at).symbol();
        self.price(",\"c\":", day.last).day(day).text("}");
    }

    pub(super) fn day(&mut self, day: &Day) -> &mut Self {
        self.price(",\"o\":", day.open).price(",\"h\":", day.high).price(",\"l\":", day.low);
        self.volume(",\"v\":", day.volume).turnover(",\"q\":", day.turnover)
    }

    pub(super) fn mark_price(&mut self, day: &Day, at: UnixNanos) {
        let funding = funding_after(at);
        self.text("{\"e\":\"markPriceUpdate\"").time(",\"E\":", at).symbol();
        self.price(",\"p\":", day.last).price(",\"i\":", day.last).price(",\"P\":", day.last);
        self.text(",\"r\":\"0.00010000\"").time(",\"T\":", funding).text("}");
    }

    pub(super) fn kline(&mut self, interval: usize, bar: &Bar, closed: bool, at: UnixNanos) {
        let (name, seconds, _) = INTERVALS[interval];
        let end_ms = bar.start_ms + seconds * 1_000;
        self.text("{\"e\":\"kline\"").time(",\"E\":", at).symbol();
        self.time(",\"k\":{\"t\":", UnixNanos::from_millis(bar.start_ms as u64));
        self.last_instant(",\"T\":", end_ms).symbol();
        self.text(",\"i\":\"").text(name).text("\"");
        let (first, last) = ids(bar.first_id, bar.count);
        self.number(",\"f\":", first).number(",\"L\":", last);
        self.price(",\"o\":", bar.open).price(",\"c\":", bar.close);
        self.price(",\"h\":", bar.high).price(",\"l\":", bar.low);
        self.volume(",\"v\":", bar.volume).id(",\"n\":", bar.count);
        self.text(if closed { ",\"x\":true" } else { ",\"x\":false" });
        self.turnover(",\"q\":", bar.turnover).volume(",\"V\":", bar.bought);
        self.turnover(",\"Q\":", bar.bought_turnover).text(",\"B\":\"0\"}}");
    }
}

/// Ids that a depth frame states.
#[derive(Clone, Copy, Debug)]
pub(super) struct DepthIds {
    pub(super) first: u64,
    pub(super) last: u64,
    /// The last id of the frame before, on futures.
    pub(super) previous: u64,
}

/// When funding is settled next: every eight hours.
pub(super) const fn funding_after(at: UnixNanos) -> UnixNanos {
    const FUNDING_NS: i64 = 8 * 3_600 * 1_000_000_000;
    UnixNanos((at.0 / FUNDING_NS + 1) * FUNDING_NS)
}

/// First and last id of so many trades; -1 for none.
pub(super) fn ids(first: u64, count: u64) -> (i128, i128) {
    match count {
        0 => (-1, -1),
        _ => (i128::from(first), i128::from(first + count - 1)),
    }
}
