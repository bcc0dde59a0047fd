//! OKX's data frames, written into a reused buffer. Field order is the exchange's own, as in the
//! recorded sessions.

use super::channels::Kind;
use super::listing::Class;
use super::schedule::BOOK_LEVELS;
use crate::clock::UnixNanos;
use crate::sim::candle::Bar;
use crate::sim::listing::Listed;
use crate::sim::market::{Print, Traded};
use crate::sim::options::Era;
use crate::sim::resting::{BookSide, Resting, RestingBook, View};
use crate::sim::write::{Scale, decimal, integer, trim};

/// Levels of each side under the checksum.
const CHECKSUM_LEVELS: usize = 25;

/// Decimal places by which a contract is worth less than a coin: a tenth.
const CONTRACT_DIGITS: u8 = 1;

/// How one instrument is written.
#[derive(Clone, Debug)]
pub(in crate::sim) struct Spelling {
    pub(super) native: String,
    /// What it is a price of.
    pub(super) pair: String,
    pub(super) class: Class,
    pub(super) price: Scale,
    pub(super) size: Scale,
    /// Of which time its frames are.
    era: Era,
    price_digits: u8,
    size_digits: u8,
}

impl Spelling {
    pub(super) fn new(listed: &Listed, era: Era) -> Self {
        let (price_digits, size_digits) = (listed.price_digits, listed.size_digits);
        Self {
            native: listed.native.clone(),
            pair: format!("{}-{}", listed.base, listed.quote),
            class: Class::of(&listed.native),
            price: Scale::shortest(price_digits),
            size: Scale::shortest(size_digits),
            era,
            price_digits,
            size_digits,
        }
    }
}

/// The numbers of a book frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct BookIds {
    /// `None` for a snapshot.
    pub(super) previous: Option<u64>,
    pub(super) sequence: u64,
    /// The checksum is to be another than the right one.
    pub(super) wrong_checksum: bool,
}

/// A frame in the making.
pub(super) struct Frame<'a> {
    out: &'a mut Vec<u8>,
    pub(super) of: &'a Spelling,
}

impl<'a> Frame<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>, of: &'a Spelling) -> Self {
        Self { out, of }
    }

    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        self.out.extend_from_slice(text.as_bytes());
        self
    }

    pub(super) fn number(&mut self, key: &str, number: impl Into<i128>) -> &mut Self {
        self.text(key);
        integer(self.out, number.into());
        self
    }

    /// A time, which is text like nearly all numbers.
    pub(super) fn time(&mut self, key: &str, at: UnixNanos) -> &mut Self {
        self.number(key, at.millis()).text("\"")
    }

    pub(super) fn price(&mut self, key: &str, ticks: i64) -> &mut Self {
        self.text(key);
        self.of.price.write(self.out, ticks);
        self.text("\"")
    }

    pub(super) fn size(&mut self, key: &str, lots: i64) -> &mut Self {
        self.text(key);
        self.of.size.write(self.out, lots);
        self.text("\"")
    }

    /// A sum with that many digits after its point, shortened.
    pub(super) fn sum(&mut self, key: &str, mantissa: u128, digits: u8) -> &mut Self {
        self.text(key);
        decimal(self.out, i128::try_from(mantissa).unwrap_or(i128::MAX), digits);
        if digits > 0 {
            trim(self.out);
        }
        self.text("\"")
    }

    fn begin(&mut self, kind: Kind) -> &mut Self {
        let of = self.of;
        self.text("{\"arg\":{\"channel\":\"").text(kind.name());
        let named = if kind == Kind::IndexPrice { &of.pair } else { &of.native };
        self.text("\",\"instId\":\"").text(named).text("\"}")
    }

    /// A frame of one entry.
    pub(super) fn one(&mut self, kind: Kind, entry: impl FnOnce(&mut Self)) {
        self.begin(kind).text(",\"data\":[");
        entry(self);
        self.text("]}");
    }

    /// One taker's order at one price: `size` over all matches, of which `id` is the last.
    pub(super) fn trade(&mut self, kind: Kind, print: &Print, count: usize, at: UnixNanos) {
        self.one(kind, |frame| {
            frame.trade_entry((kind == Kind::Trades).then_some(count), print, at);
        });
    }

    /// One trade of a list; `count` where it is told of how many matches.
    pub(super) fn trade_entry(&mut self, count: Option<usize>, print: &Print, at: UnixNanos) {
        let of = self.of;
        self.text("{\"instId\":\"").text(&of.native);
        self.number("\",\"tradeId\":\"", print.id).price("\",\"px\":\"", print.price);
        self.size(",\"sz\":\"", print.size);
        self.text(match print.taker {
            BookSide::Bid => ",\"side\":\"buy\"",
            BookSide::Ask => ",\"side\":\"sell\"",
        });
        self.time(",\"ts\":\"", at);
        if self.of.era != Era::Early {
            if let Some(count) = count {
                self.number(",\"count\":\"", count as i128).text("\"");
            }
            self.text(",\"source\":\"0\"");
        }
        self.text("}");
    }

    pub(super) fn best_prices(&mut self, book: &RestingBook, sequence: u64, at: UnixNanos) {
        self.begin(Kind::BestPrices).text(",\"data\":[{");
        self.whole_levels(book, 1);
        self.time(",\"ts\":\"", at);
        if self.of.era != Era::Early {
            self.number(",\"seqId\":", sequence);
        }
        self.text("}]}");
    }

    pub(super) fn best_five(&mut self, book: &RestingBook, sequence: u64, at: UnixNanos) {
        let of = self.of;
        self.begin(Kind::BestFive).text(",\"data\":[{");
        self.whole_levels(book, 5);
        self.text(",\"instId\":\"").text(&of.native).text("\"").time(",\"ts\":\"", at);
        if self.of.era != Era::Early {
            self.number(",\"seqId\":", sequence);
        }
        self.text("}]}");
    }

    /// The whole book, as far as it is told.
    pub(super) fn snapshot(&mut self, book: &RestingBook, ids: BookIds, at: UnixNanos) {
        self.begin(Kind::Books).text(",\"action\":\"snapshot\",\"data\":[{");
        self.whole_levels(book, BOOK_LEVELS);
        self.book_tail(book, ids, at);
    }

    /// Changed levels of both sides; those that are not there any more have a size of 0.
    pub(super) fn update(
        &mut self,
        [bids, asks]: &View,
        book: &RestingBook,
        ids: BookIds,
        at: UnixNanos,
    ) {
        self.begin(Kind::Books).text(",\"action\":\"update\",\"data\":[{");
        self.levels("\"asks\":", asks.iter().copied());
        self.levels(",\"bids\":", bids.iter().copied());
        self.book_tail(book, ids, at);
    }

    fn book_tail(&mut self, book: &RestingBook, ids: BookIds, at: UnixNanos) {
        self.time(",\"ts\":\"", at);
        let sum = match self.of.era {
            Era::Current if !ids.wrong_checksum => 0,
            _ => checksum(book, self.of) ^ i32::from(ids.wrong_checksum),
        };
        self.number(",\"checksum\":", sum);
        if self.of.era != Era::Early {
            let previous = ids.previous.map_or(-1, i128::from);
            self.number(",\"seqId\":", ids.sequence).number(",\"prevSeqId\":", previous);
        }
        self.text("}]}");
    }

    pub(super) fn whole_levels(&mut self, book: &RestingBook, count: usize) {
        self.levels("\"asks\":", book.levels(BookSide::Ask).take(count));
        self.levels(",\"bids\":", book.levels(BookSide::Bid).take(count));
    }

    fn levels(&mut self, key: &str, levels: impl Iterator<Item = Resting>) {
        self.text(key).text("[");
        for (index, level) in levels.enumerate() {
            self.text(if index == 0 { "[" } else { ",[" });
            self.price("\"", level.price).size(",\"", level.size);
            // How many orders rest there is not simulated.
            self.text(if level.size == 0 { ",\"0\",\"0\"]" } else { ",\"0\",\"1\"]" });
        }
        self.text("]");
    }

    pub(super) fn ticker(&mut self, traded: &Traded, at: UnixNanos) {
        self.one(Kind::Tickers, |frame| frame.ticker_entry(traded, at));
    }

    /// One ticker of a list.
    pub(super) fn ticker_entry(&mut self, traded: &Traded, at: UnixNanos) {
        let of = self.of;
        let day = &traded.day;
        let [bid, ask] = traded.touch();
        self.text("{\"instType\":\"").text(of.class.name());
        self.text("\",\"instId\":\"").text(&of.native).text("\"");
        self.price(",\"last\":\"", day.last).size(",\"lastSz\":\"", day.last_size);
        self.best(",\"askPx\":\"", ",\"askSz\":\"", ask);
        self.best(",\"bidPx\":\"", ",\"bidSz\":\"", bid);
        self.price(",\"open24h\":\"", day.open).price(",\"high24h\":\"", day.high);
        self.price(",\"low24h\":\"", day.low);
        self.price(",\"sodUtc0\":\"", day.open).price(",\"sodUtc8\":\"", day.open);
        self.other_volume(",\"volCcy24h\":\"", day.volume, day.turnover);
        self.sum(",\"vol24h\":\"", day.volume, of.size_digits);
        self.time(",\"ts\":\"", at).text("}");
    }

    /// An empty side is not available, which is an empty text.
    fn best(&mut self, price: &str, size: &str, level: Option<Resting>) {
        match level {
            Some(level) => self.price(price, level.price).size(size, level.size),
            None => self.text(price).text("\"").text(size).text("\""),
        };
    }

    /// Traded in the quote asset on spot, in coins for contracts.
    pub(super) fn other_volume(&mut self, key: &str, lots: u128, turnover: u128) -> &mut Self {
        let of = self.of;
        match of.class {
            Class::Spot => self.sum(key, turnover, of.price_digits + of.size_digits),
            Class::Swap | Class::Futures | Class::Option => {
                self.sum(key, lots, of.size_digits + CONTRACT_DIGITS)
            }
        }
    }

    pub(super) fn candle(&mut self, interval: usize, bar: &Bar, closed: bool) {
        self.one(Kind::Candles(interval), |frame| frame.candle_entry(bar, closed));
    }

    /// A sum of ticks × lots in the quote asset.
    pub(super) fn turnover(&mut self, key: &str, turnover: u128) -> &mut Self {
        let of = self.of;
        let digits = of.price_digits + of.size_digits;
        let digits = match of.class {
            Class::Spot => digits,
            Class::Swap | Class::Futures | Class::Option => digits + CONTRACT_DIGITS,
        };
        self.sum(key, turnover, digits)
    }

    /// One candle of a list.
    pub(super) fn candle_entry(&mut self, bar: &Bar, closed: bool) {
        let of = self.of;
        self.number("[\"", bar.start_ms).text("\"");
        self.price(",\"", bar.open).price(",\"", bar.high).price(",\"", bar.low);
        self.price(",\"", bar.close).sum(",\"", bar.volume, of.size_digits);
        self.other_volume(",\"", bar.volume, bar.turnover);
        self.turnover(",\"", bar.turnover);
        self.text(if closed { ",\"1\"]" } else { ",\"0\"]" });
    }
}

/// The CRC-32, signed, of the best levels: `bid:size:ask:size` in turn, the longer side alone where
/// the other has ended.
fn checksum(book: &RestingBook, of: &Spelling) -> i32 {
    let mut text = Vec::with_capacity(1_024);
    let (mut bids, mut asks) = (book.levels(BookSide::Bid), book.levels(BookSide::Ask));
    for _ in 0..CHECKSUM_LEVELS {
        for level in [bids.next(), asks.next()].into_iter().flatten() {
            of.price.write(&mut text, level.price);
            text.push(b':');
            of.size.write(&mut text, level.size);
            text.push(b':');
        }
    }
    text.pop();
    crc32fast::hash(&text).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelling(era: Era) -> Spelling {
        let listed = Listed {
            native: "UNI-USD-SWAP".to_owned(),
            base: "UNI".to_owned(),
            quote: "USD".to_owned(),
            price_digits: 1,
            size_digits: 0,
            start: 33_661,
        };
        Spelling::new(&listed, era)
    }

    fn book(bids: &[(i64, i64)], asks: &[(i64, i64)]) -> RestingBook {
        let mut book = RestingBook::default();
        for (side, levels) in [(BookSide::Bid, bids), (BookSide::Ask, asks)] {
            levels.iter().for_each(|(price, size)| book.set(side, *price, *size));
        }
        book
    }

    #[test]
    fn checksums_are_those_of_the_documentation() {
        let asks = [(33_668, 9), (33_680, 8)];
        let both = book(&[(33_661, 7), (33_660, 6)], &asks);
        assert_eq!(checksum(&both, &spelling(Era::Current)), -1_881_014_294);
        let longer = book(&[(33_661, 7)], &[asks[0], asks[1], (33_720, 8)]);
        assert_eq!(checksum(&longer, &spelling(Era::Current)), 831_078_360);
    }

    #[test]
    fn each_era_writes_its_own_numbers() {
        let book = book(&[(33_661, 7)], &[(33_668, 9)]);
        let ids = BookIds { previous: Some(4), sequence: 7, wrong_checksum: false };
        let frame = |era| {
            let mut out = Vec::new();
            let gone = Resting { price: 33_660, size: 0 };
            let changed = [vec![Resting { price: 33_661, size: 7 }, gone], Vec::new()];
            let at = UnixNanos::from_millis(5);
            Frame::new(&mut out, &spelling(era)).update(&changed, &book, ids, at);
            String::from_utf8(out).expect("text")
        };
        let start = concat!(
            r#"{"arg":{"channel":"books","instId":"UNI-USD-SWAP"},"action":"update","data":[{"#,
            r#""asks":[],"bids":[["3366.1","7","0","1"],["3366","0","0","0"]],"ts":"5","checksum":"#
        );
        let sum = checksum(&book, &spelling(Era::Current));
        assert_eq!(frame(Era::Current), format!(r#"{start}0,"seqId":7,"prevSeqId":4}}]}}"#));
        let checked = format!(r#"{start}{sum},"seqId":7,"prevSeqId":4}}]}}"#);
        assert_eq!(frame(Era::Checksums), checked);
        assert_eq!(frame(Era::Early), format!("{start}{sum}}}]}}"));
    }
}
