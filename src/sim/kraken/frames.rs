//! The frames of version 2, made from the market. Prices and sizes are bare numbers with all their
//! digits; only the list of instruments has exponents.

use super::books::{Told, Window};
use crate::clock::UnixNanos;
use crate::sim::candle::Bar;
use crate::sim::date::date;
use crate::sim::listing::Listed;
use crate::sim::market::{Print, Traded};
use crate::sim::resting::{BookSide, Resting};
use crate::sim::write::{Scale, decimal, integer, text_of};

/// Digits of every size.
const SIZE_DIGITS: u8 = 8;

/// How an instrument is written.
#[derive(Clone, Debug)]
pub(in crate::sim) struct Spelling {
    pub(super) symbol: String,
    pub(super) price: Scale,
    pub(super) size: Scale,
    /// Prices in answers to requests, which have five digits at least.
    pub(super) answered: Scale,
    pub(super) price_digits: u8,
    size_digits: u8,
}

impl Spelling {
    pub(super) fn new(listed: &Listed) -> Self {
        Self {
            symbol: format!("{}/{}", listed.base, listed.quote),
            price: Scale::new(listed.price_digits, listed.price_digits),
            size: Scale::new(listed.size_digits, SIZE_DIGITS),
            answered: Scale::new(listed.price_digits, listed.price_digits.max(5)),
            price_digits: listed.price_digits,
            size_digits: listed.size_digits,
        }
    }

    /// Zeros behind the lot's digits.
    const fn size_zeros(&self) -> usize {
        (SIZE_DIGITS - self.size_digits) as usize
    }

    /// The checksum of a book's best levels.
    pub(super) fn checksum(&self, window: &Window) -> u32 {
        window.checksum(self.size_zeros())
    }

    /// Appends a sum of lots.
    pub(super) fn volume(&self, out: &mut Vec<u8>, lots: u128) {
        let scaled = lots * 10_u128.pow(self.size_zeros() as u32);
        decimal(out, i128::try_from(scaled).unwrap_or(i128::MAX), SIZE_DIGITS);
    }

    /// Average price and volume of a bar, in quotes' distance.
    pub(super) fn sums(&self, bar: &Bar) -> String {
        text_of(|out| {
            self.average(out, bar.turnover, bar.volume, bar.close);
            out.extend_from_slice(b"\",\"");
            self.volume(out, bar.volume);
        })
    }

    /// Appends the average price by volume, a digit finer than a tick.
    pub(super) fn average(&self, out: &mut Vec<u8>, turnover: u128, lots: u128, otherwise: i64) {
        let average = (turnover * 10).checked_div(lots).map(i128::try_from);
        let average = average.and_then(Result::ok).unwrap_or(i128::from(otherwise) * 10);
        decimal(out, average, self.price_digits + 1);
    }
}

/// One frame in the making.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    out: &'a mut Vec<u8>,
    spelling: &'a Spelling,
}

impl<'a> Frame<'a> {
    /// Begins one: `{"channel":…,"type":…,` and `"data":[`, with a time before that where candles
    /// have one.
    pub(super) fn new(
        out: &'a mut Vec<u8>,
        spelling: &'a Spelling,
        channel: &str,
        snapshot: bool,
        sent: Option<UnixNanos>,
    ) -> Self {
        let kind = if snapshot { "snapshot" } else { "update" };
        out.extend_from_slice(format!(r#"{{"channel":"{channel}","type":"{kind}""#).as_bytes());
        if let Some(sent) = sent {
            out.extend_from_slice(b",\"timestamp\":\"");
            out.extend_from_slice(date(sent, 9).as_bytes());
            out.push(b'"');
        }
        out.extend_from_slice(b",\"data\":[");
        Self { out, spelling }
    }

    /// Ends it.
    pub(super) fn end(self) {
        self.out.extend_from_slice(b"]}");
    }

    fn text(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    /// Opens an item of `data` and names its instrument.
    fn open(&mut self) {
        if !self.out.ends_with(b"[") {
            self.out.push(b',');
        }
        self.out.extend_from_slice(b"{\"symbol\":\"");
        self.out.extend_from_slice(self.spelling.symbol.as_bytes());
        self.out.push(b'"');
    }

    /// Closes an item with its time.
    fn close(&mut self, at: UnixNanos) {
        self.out.extend_from_slice(b",\"timestamp\":\"");
        self.out.extend_from_slice(date(at, 6).as_bytes());
        self.out.extend_from_slice(b"\"}");
    }

    fn price(&mut self, name: &str, ticks: i64) {
        self.name(name);
        self.spelling.price.write(self.out, ticks);
    }

    fn size(&mut self, name: &str, lots: i64) {
        self.name(name);
        self.spelling.size.write(self.out, lots);
    }

    fn name(&mut self, name: &str) {
        self.out.extend_from_slice(b",\"");
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    /// One trade.
    pub(super) fn trade(&mut self, print: &Print, at: UnixNanos) {
        self.open();
        let side = if print.taker == BookSide::Bid { "buy" } else { "sell" };
        self.text(&format!(r#","side":"{side}""#));
        self.price("price", print.price);
        self.size("qty", print.size);
        let order = if is_at_market(print) { "market" } else { "limit" };
        self.text(&format!(r#","ord_type":"{order}","trade_id":{}"#, print.id));
        self.close(at);
    }

    /// A whole book.
    pub(super) fn book(&mut self, window: &Window, at: UnixNanos) {
        self.open();
        for (name, side) in [("bids", BookSide::Bid), ("asks", BookSide::Ask)] {
            self.levels(name, window.levels(side).iter().copied());
        }
        self.checksum(self.spelling.checksum(window), at);
    }

    /// What became of a book, with the checksum of the state behind it.
    pub(super) fn changes(&mut self, told: &[Told], checksum: u32, at: UnixNanos) {
        self.open();
        for (name, side) in [("bids", BookSide::Bid), ("asks", BookSide::Ask)] {
            let own = told.iter().filter(|told| told.side == side);
            self.levels(name, own.map(|told| Resting { price: told.price, size: told.size }));
        }
        self.checksum(checksum, at);
    }

    fn levels(&mut self, name: &str, levels: impl Iterator<Item = Resting>) {
        self.name(name);
        for (index, level) in levels.enumerate() {
            self.text(if index == 0 { "[{\"price\":" } else { ",{\"price\":" });
            self.spelling.price.write(self.out, level.price);
            self.size("qty", level.size);
            self.out.push(b'}');
        }
        self.text(if self.out.ends_with(b"}") { "]" } else { "[]" });
    }

    fn checksum(&mut self, checksum: u32, at: UnixNanos) {
        self.name("checksum");
        integer(self.out, checksum.into());
        self.close(at);
    }

    /// The statistics with the best prices.
    pub(super) fn ticker(&mut self, traded: &Traded, at: UnixNanos) {
        self.open();
        let [bid, ask] = traded.best();
        for (name, size_name, best) in [("bid", "bid_qty", bid), ("ask", "ask_qty", ask)] {
            self.price(name, best.price);
            self.size(size_name, best.size);
        }
        let day = &traded.day;
        self.price("last", day.last);
        self.sums(day.volume, day.turnover, day.last);
        self.price("low", day.low);
        self.price("high", day.high);
        self.price("change", day.last - day.open);
        self.name("change_pct");
        let hundredths = i128::from(day.last - day.open) * 10_000 / i128::from(day.open.max(1));
        decimal(self.out, hundredths, 2);
        self.close(at);
    }

    /// A candle of so many minutes. It is sent with every trade and never called final.
    pub(super) fn candle(&mut self, minutes: u64, bar: &Bar) {
        self.open();
        self.price("open", bar.open);
        self.price("high", bar.high);
        self.price("low", bar.low);
        self.price("close", bar.close);
        self.text(&format!(r#","trades":{}"#, bar.count));
        self.sums(bar.volume, bar.turnover, bar.close);
        let begin = UnixNanos(bar.start_ms * 1_000_000);
        self.text(r#","interval_begin":""#);
        self.out.extend_from_slice(date(begin, 9).as_bytes());
        self.text(&format!(r#"","interval":{minutes}"#));
        self.close(UnixNanos(begin.0 + minutes as i64 * 60_000_000_000));
    }

    fn sums(&mut self, volume: u128, turnover: u128, last: i64) {
        self.name("volume");
        self.spelling.volume(self.out, volume);
        self.name("vwap");
        self.spelling.average(self.out, turnover, volume, last);
    }
}

/// Whether a taker's order named no price. It is no matter of the market here; both occur.
pub(super) const fn is_at_market(print: &Print) -> bool {
    print.id.is_multiple_of(4)
}

/// All that is traded, as the `instrument` channel tells it first.
pub(super) fn instruments<'a>(list: impl Iterator<Item = &'a Listed>) -> String {
    let step = |digits: u8| match digits {
        0 => "1".to_owned(),
        // As the exchange writes small numbers.
        5.. => format!("1e-{digits:02}"),
        _ => format!("0.{:0>width$}", 1, width = usize::from(digits)),
    };
    let mut assets = Vec::new();
    let mut pairs = Vec::new();
    for Listed { base, quote, price_digits, .. } in list {
        for asset in [base, quote] {
            let text = format!(
                r#"{{"id":"{asset}","status":"enabled","precision":8,"precision_display":5,"borrowable":true,"collateral_value":1.0,"margin_rate":0.025}}"#
            );
            if !assets.contains(&text) {
                assets.push(text);
            }
        }
        let price_step = step(*price_digits);
        pairs.push(format!(
            r#"{{"symbol":"{base}/{quote}","base":"{base}","quote":"{quote}","status":"online","qty_precision":8,"qty_increment":1e-08,"price_precision":{price_digits},"cost_precision":5,"marginable":false,"has_index":true,"cost_min":0.5,"tick_size":{price_step},"price_increment":{price_step},"qty_min":5e-05}}"#
        ));
    }
    let (assets, pairs) = (assets.join(","), pairs.join(","));
    format!(
        r#"{{"channel":"instrument","type":"snapshot","data":{{"assets":[{assets}],"pairs":[{pairs}]}}}}"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_instruments_is_json_with_exponents() {
        let listed = |base: &str, price_digits| Listed {
            native: base.to_owned(),
            base: base.to_owned(),
            quote: "USD".to_owned(),
            price_digits,
            size_digits: 2,
            start: 100,
        };
        let list = [listed("A", 0), listed("B", 2), listed("C", 8)];
        let text = instruments(list.iter());
        let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let steps: Vec<f64> = value["data"]["pairs"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|pair| pair["price_increment"].as_f64().expect("a number"))
            .collect();
        assert_eq!(steps, [1.0, 0.01, 1e-8]);
        assert!(text.contains(r#""price_increment":1e-08"#));
        assert_eq!(value["data"]["assets"].as_array().map(Vec::len), Some(4));
    }
}
