//! Bybit's data frames, written into a reused buffer. Field order is the exchange's own, as in the
//! recorded sessions; it differs between the classes.

use super::Class;
use super::channels::{DEPTHS, interval_name};
use crate::clock::UnixNanos;
use crate::sim::candle::{Bar, INTERVALS};
use crate::sim::listing::Listed;
use crate::sim::market::{Print, Traded};
use crate::sim::resting::{BookSide, Resting};
use crate::sim::write::{Scale, decimal, integer, text_of, trim};

/// Funding is settled every eight hours.
const FUNDING_MS: i64 = 8 * 3_600 * 1_000;

/// What spot ids begin with, so that they have their 19 digits.
pub(super) const SPOT_ID_FIRST: u64 = 2_290_000_000_000_000_000;

/// How one instrument is written.
#[derive(Clone, Debug)]
pub(in crate::sim) struct Spelling {
    pub(super) symbol: String,
    pub(super) class: Class,
    pub(super) price: Scale,
    pub(super) size: Scale,
    /// Bars and sums are written short in both classes.
    pub(super) price_short: Scale,
    pub(super) size_short: Scale,
    /// Digits of ticks × lots.
    turnover_digits: u8,
}

impl Spelling {
    pub(super) fn new(listed: &Listed, class: Class) -> Self {
        let (price, size) = (listed.price_digits, listed.size_digits);
        let scale = |digits| match class {
            Class::Spot => Scale::shortest(digits),
            Class::Linear => Scale::new(digits, digits),
        };
        Self {
            symbol: listed.native.clone(),
            class,
            price: scale(price),
            size: scale(size),
            price_short: Scale::shortest(price),
            size_short: Scale::shortest(size),
            turnover_digits: price + size,
        }
    }
}

impl Spelling {
    /// A sum of ticks × lots.
    pub(super) fn turnover(&self, turnover: u128) -> String {
        text_of(|out| self::turnover(out, turnover, self.turnover_digits))
    }
}

/// A book event.
#[derive(Clone, Copy, Debug)]
pub(super) struct BookEvent<'a> {
    pub(super) depth: usize,
    pub(super) is_snapshot: bool,
    /// Bids, then asks; of a delta those that changed, removed ones with a size of 0.
    pub(super) sides: [&'a [Resting]; 2],
    /// `u`.
    pub(super) update_id: u64,
    /// `seq`.
    pub(super) cross_sequence: u64,
}

/// Fields of a ticker, by name, as text.
pub(super) type Fields = Vec<(&'static str, String)>;

/// A frame in the making.
pub(super) struct Frame<'a> {
    out: &'a mut Vec<u8>,
    of: &'a Spelling,
}

impl<'a> Frame<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>, of: &'a Spelling) -> Self {
        Self { out, of }
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.out.extend_from_slice(text.as_bytes());
        self
    }

    fn id(&mut self, key: &str, id: u64) -> &mut Self {
        self.text(key);
        integer(self.out, i128::from(id));
        self
    }

    fn time(&mut self, key: &str, at: UnixNanos) -> &mut Self {
        self.text(key);
        integer(self.out, i128::from(at.millis()));
        self
    }

    fn symbol(&mut self, key: &str) -> &mut Self {
        let of = self.of;
        self.text(key).text(&of.symbol).text("\"")
    }

    fn price(&mut self, key: &str, ticks: i64) -> &mut Self {
        self.text(key).text("\"");
        self.of.price.write(self.out, ticks);
        self.text("\"")
    }

    fn size(&mut self, key: &str, lots: i64) -> &mut Self {
        self.text(key).text("\"");
        self.of.size.write(self.out, lots);
        self.text("\"")
    }

    fn is_spot(&self) -> bool {
        self.of.class == Class::Spot
    }

    /// Topic, type and time, up to the data.
    fn head(&mut self, topic: &str, kind: &str, at: UnixNanos) -> &mut Self {
        self.text("{\"topic\":\"").text(topic).symbol("");
        if self.is_spot() {
            self.time(",\"ts\":", at).text(",\"type\":\"").text(kind).text("\"");
        } else {
            self.text(",\"type\":\"").text(kind).text("\"").time(",\"ts\":", at);
        }
        self.text(",\"data\":")
    }

    /// All prints of one taker's order, which share their cross sequence.
    pub(super) fn trades(&mut self, prints: &[Print], cross_sequence: u64, at: UnixNanos) {
        self.head("publicTrade.", "snapshot", at);
        for (index, print) in prints.iter().enumerate() {
            self.text(if index == 0 { "[" } else { "," });
            match self.of.class {
                Class::Spot => self.spot_trade(print, cross_sequence, at),
                Class::Linear => self.contract_trade(print, cross_sequence, at),
            }
        }
        self.text("]}");
    }

    fn spot_trade(&mut self, print: &Print, cross_sequence: u64, at: UnixNanos) {
        self.id("{\"i\":\"", print.id).time("\",\"T\":", at).price(",\"p\":", print.price);
        self.size(",\"v\":", print.size).text(",\"S\":\"").text(taker(print));
        self.id("\",\"seq\":", cross_sequence).symbol(",\"s\":\"");
        self.text(",\"BT\":false,\"RPI\":false}");
    }

    fn contract_trade(&mut self, print: &Print, cross_sequence: u64, at: UnixNanos) {
        self.time("{\"T\":", at).symbol(",\"s\":\"");
        self.text(",\"S\":\"").text(taker(print)).text("\"");
        self.size(",\"v\":", print.size).price(",\"p\":", print.price);
        self.text(",\"L\":\"ZeroPlusTick\",\"i\":\"").text(&uuid(print.id));
        self.text("\",\"BT\":false,\"RPI\":false");
        self.id(",\"seq\":", cross_sequence).text("}");
    }

    pub(super) fn book(&mut self, event: &BookEvent<'_>, at: UnixNanos) {
        let (levels, _) = DEPTHS[event.depth];
        let kind = if event.is_snapshot { "snapshot" } else { "delta" };
        self.head(&format!("orderbook.{levels}."), kind, at);
        self.symbol("{\"s\":\"");
        for (key, levels) in [(",\"b\":[", event.sides[0]), (",\"a\":[", event.sides[1])] {
            self.text(key);
            for (index, level) in levels.iter().enumerate() {
                self.price(if index == 0 { "[" } else { ",[" }, level.price);
                match level.size {
                    0 => self.text(",\"0\"]"),
                    size => self.size(",", size).text("]"),
                };
            }
            self.text("]");
        }
        self.id(",\"u\":", event.update_id).id(",\"seq\":", event.cross_sequence);
        self.time("},\"cts\":", at).text("}");
    }

    /// A ticker whose fields are these.
    pub(super) fn ticker(
        &mut self,
        is_snapshot: bool,
        fields: &[&(&'static str, String)],
        cross_sequence: u64,
        at: UnixNanos,
    ) {
        let kind = if is_snapshot { "snapshot" } else { "delta" };
        self.text("{\"topic\":\"tickers.").symbol("");
        if self.is_spot() {
            self.time(",\"ts\":", at).text(",\"type\":\"").text(kind);
            self.id("\",\"cs\":", cross_sequence);
        } else {
            self.text(",\"type\":\"").text(kind).text("\"");
        }
        self.symbol(",\"data\":{\"symbol\":\"");
        for (key, value) in fields {
            self.text(",\"").text(key).text("\":\"").text(value).text("\"");
        }
        self.text("}");
        if !self.is_spot() {
            self.id(",\"cs\":", cross_sequence).time(",\"ts\":", at);
        }
        self.text("}");
    }

    /// The bar that has just ended, the current one, or both.
    pub(super) fn candles(&mut self, interval: usize, bars: &[(Bar, bool)], at: UnixNanos) {
        let Some(name) = interval_name(interval) else { return };
        if self.is_spot() {
            self.text("{\"type\":\"snapshot\",\"topic\":\"kline.");
        } else {
            self.text("{\"topic\":\"kline.");
        }
        self.text(name).symbol(".").text(",\"data\":");
        for (index, (bar, is_closed)) in bars.iter().enumerate() {
            self.text(if index == 0 { "[" } else { "," });
            self.candle(interval, name, bar, *is_closed, at);
        }
        self.time("],\"ts\":", at);
        self.text(if self.is_spot() { "}" } else { ",\"type\":\"snapshot\"}" });
    }

    fn candle(&mut self, interval: usize, name: &str, bar: &Bar, is_closed: bool, at: UnixNanos) {
        let (_, seconds, _) = INTERVALS[interval];
        let start = UnixNanos::from_millis(bar.start_ms as u64);
        let end = UnixNanos::from_millis((bar.start_ms + seconds * 1_000 - 1) as u64);
        self.time("{\"start\":", start).time(",\"end\":", end);
        self.text(",\"interval\":\"").text(name).text("\"");
        let prices =
            [("open", bar.open), ("close", bar.close), ("high", bar.high), ("low", bar.low)];
        for (key, ticks) in prices {
            self.text(",\"").text(key).text("\":\"");
            self.of.price_short.write(self.out, ticks);
            self.text("\"");
        }
        self.text(",\"volume\":\"");
        self.of.size_short.write(self.out, i64::try_from(bar.volume).unwrap_or(i64::MAX));
        self.text("\",\"turnover\":\"");
        turnover(self.out, bar.turnover, self.of.turnover_digits);
        self.text(if is_closed { "\",\"confirm\":true" } else { "\",\"confirm\":false" });
        self.time(",\"timestamp\":", at).text("}");
    }
}

/// The fields of an instrument's ticker; those of contracts that never change come with snapshots.
pub(super) fn ticker_fields(of: &Spelling, traded: &Traded, at: UnixNanos) -> Fields {
    let day = &traded.day;
    let price = |ticks| of.price.text(ticks);
    let sums = of.turnover(day.turnover);
    let volume = of.size.text(i64::try_from(day.volume).unwrap_or(i64::MAX));
    let digits = if of.class == Class::Spot { 4 } else { 6 };
    let unit = 10_i128.pow(digits.into());
    let change = i128::from(day.last - day.open) * unit / i128::from(day.open);
    let change = text_of(|out| decimal(out, change, digits));
    let mut fields = vec![
        ("lastPrice", price(day.last)),
        ("highPrice24h", price(day.high)),
        ("lowPrice24h", price(day.low)),
        ("prevPrice24h", price(day.open)),
        ("volume24h", volume),
        ("turnover24h", sums),
        ("price24hPcnt", change),
    ];
    if of.class == Class::Spot {
        fields.push(("usdIndexPrice", price(day.last)));
        return fields;
    }
    let [bid, ask] = traded.best();
    let open = traded.listed.open_lots();
    let hour_ago = traded.candles.hour_ago(at.millis()).unwrap_or(day.open);
    fields.extend([
        ("tickDirection", "ZeroPlusTick".to_owned()),
        ("prevPrice1h", price(hour_ago)),
        ("markPrice", price(day.last)),
        ("indexPrice", price(day.last)),
        ("openInterest", of.size.text(open)),
        ("openInterestValue", of.turnover(open as u128 * day.last as u128)),
        ("fundingIntervalHour", "8".to_owned()),
        ("nextFundingTime", (funding_before(at) + FUNDING_MS).to_string()),
        ("fundingRate", "0.0001".to_owned()),
        ("bid1Price", price(bid.price)),
        ("bid1Size", of.size.text(bid.size)),
        ("ask1Price", price(ask.price)),
        ("ask1Size", of.size.text(ask.size)),
        ("preOpenPrice", String::new()),
    ]);
    fields
}

/// When funding was settled last, in milliseconds.
pub(super) const fn funding_before(at: UnixNanos) -> i64 {
    at.millis().div_euclid(FUNDING_MS) * FUNDING_MS
}

/// The fields that differ, those of one side together.
pub(super) fn changed<'a>(before: &Fields, now: &'a Fields) -> Vec<&'a (&'static str, String)> {
    let differs = |key: &str| {
        let value = |fields: &'a Fields| fields.iter().find(|(name, _)| *name == key);
        value(now).map(|(_, text)| text)
            != before.iter().find(|(name, _)| *name == key).map(|(_, text)| text)
    };
    let side = |key: &str| match key {
        "bid1Price" | "bid1Size" => differs("bid1Price") || differs("bid1Size"),
        "ask1Price" | "ask1Size" => differs("ask1Price") || differs("ask1Size"),
        other => differs(other),
    };
    now.iter().filter(|(key, _)| side(key)).collect()
}

fn turnover(out: &mut Vec<u8>, turnover: u128, digits: u8) {
    decimal(out, i128::try_from(turnover).unwrap_or(i128::MAX), digits);
    if digits > 0 {
        trim(out);
    }
}

pub(super) const fn taker(print: &Print) -> &'static str {
    match print.taker {
        BookSide::Bid => "Buy",
        BookSide::Ask => "Sell",
    }
}

/// A trade's id on contracts: its last twelve digits are the number that the market gave it.
pub(super) fn uuid(id: u64) -> String {
    let mixed = id.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let (first, second, third) = (mixed >> 32, mixed >> 16 & 0xFFFF, mixed & 0xFFF);
    let fourth = 0x8000 | mixed >> 50;
    format!("{first:08x}-{second:04x}-5{third:03x}-{fourth:04x}-{:012x}", id & 0xFFFF_FFFF_FFFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_contracts_are_uuids_that_end_in_the_number() {
        for id in [0, 1, 5_999_999_999] {
            let text = uuid(id);
            let lengths: Vec<_> = text.split('-').map(str::len).collect();
            assert_eq!(lengths, [8, 4, 4, 4, 12], "{text}");
            let (_, number) = text.rsplit_once('-').expect("parts");
            assert_eq!(u64::from_str_radix(number, 16), Ok(id));
        }
    }

    #[test]
    fn a_delta_has_what_changed_and_both_parts_of_a_side() {
        let fields = |last: &str, size: &str| -> Fields {
            vec![
                ("lastPrice", last.to_owned()),
                ("bid1Price", "9".to_owned()),
                ("bid1Size", size.to_owned()),
                ("ask1Price", "10".to_owned()),
            ]
        };
        let (before, now) = (fields("1", "5"), fields("1", "6"));
        let keys: Vec<_> = changed(&before, &now).iter().map(|(key, _)| *key).collect();
        assert_eq!(keys, ["bid1Price", "bid1Size"]);
        assert!(changed(&now, &now).is_empty());
    }
}
