//! Ways from a frame of Kraken to ticks. Each fills the same kind of batch: symbols looked up,
//! decimals exact, from the digits as they were written. simd-json's tape keeps floats alone, so
//! its walk reads the numbers' texts beside it.

use serde::Deserialize;
use serde_json::value::RawValue;
use tickwire::clock::UnixNanos;
use tickwire::exchange::{BookKind, BookUpdate};
use tickwire::instrument::InstrumentId;
use tickwire::json::{JsonReader, PaddedFrame, Value, date};
use tickwire::tick::{Decimal, Quote, Side, Tick, Ticker, Trade, TradeId};

use super::Kind;
use crate::harness::{Out, PaddedText, Ways, decimal};

/// The other ways, with their reused memory.
pub(super) struct Typed {
    kind: Kind,
    reader: JsonReader,
}

impl Typed {
    pub(super) fn of(kind: Kind) -> Self {
        Self { kind, reader: JsonReader::new() }
    }
}

impl Ways for Typed {
    fn tape(&mut self, frame: &mut PaddedText, out: &mut Out) {
        let padded = PaddedFrame::new(&mut frame.bytes, frame.length);
        let walk = |root: Value<'_>| {
            let (_, data) = root.fields().unwrap().find(|(key, _)| *key == "data").unwrap();
            for item in data.items().unwrap() {
                Fields::walk(item, out).emit(self.kind, out);
            }
        };
        self.reader.read(padded, walk).unwrap();
    }

    fn serde_json(&mut self, text: &[u8], out: &mut Out) {
        let kind = self.kind;
        match kind {
            Kind::Trade => {
                let frame: Wrapped<'_, TradeData<'_>> = serde_json::from_slice(text).unwrap();
                frame.data.iter().for_each(|it| Fields::of_trade(it).emit(kind, out));
            }
            Kind::Ticker => {
                let frame: Wrapped<'_, TickerData<'_>> = serde_json::from_slice(text).unwrap();
                frame.data.iter().for_each(|it| Fields::of_ticker(it).emit(kind, out));
            }
            Kind::Book => {
                let frame: Wrapped<'_, BookData<'_>> = serde_json::from_slice(text).unwrap();
                frame.data.iter().for_each(|it| Fields::of_book(it, out).emit(kind, out));
            }
        }
    }
}

fn raw(value: &RawValue) -> Decimal {
    decimal(value.get())
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
struct Wrapped<'t, T> {
    data: Vec<T>,
    #[serde(skip)]
    _frame: std::marker::PhantomData<&'t ()>,
}

#[derive(Deserialize)]
struct TradeData<'t> {
    symbol: &'t str,
    side: &'t str,
    #[serde(borrow)]
    price: &'t RawValue,
    #[serde(borrow)]
    qty: &'t RawValue,
    trade_id: u64,
    timestamp: &'t str,
}

#[derive(Deserialize)]
struct TickerData<'t> {
    symbol: &'t str,
    #[serde(borrow)]
    bid: &'t RawValue,
    #[serde(borrow)]
    bid_qty: &'t RawValue,
    #[serde(borrow)]
    ask: &'t RawValue,
    #[serde(borrow)]
    ask_qty: &'t RawValue,
    #[serde(borrow)]
    last: &'t RawValue,
    #[serde(borrow)]
    volume: &'t RawValue,
    #[serde(borrow)]
    low: &'t RawValue,
    #[serde(borrow)]
    high: &'t RawValue,
    #[serde(borrow)]
    change: &'t RawValue,
    #[serde(borrow)]
    change_pct: &'t RawValue,
    timestamp: &'t str,
}

#[derive(Deserialize)]
struct LevelData<'t> {
    #[serde(borrow)]
    price: &'t RawValue,
    #[serde(borrow)]
    qty: &'t RawValue,
}

#[derive(Deserialize)]
struct BookData<'t> {
    symbol: &'t str,
    #[serde(borrow)]
    bids: Vec<LevelData<'t>>,
    #[serde(borrow)]
    asks: Vec<LevelData<'t>>,
    checksum: u32,
    timestamp: &'t str,
}

/// What an item said, before it becomes ticks.
#[derive(Default)]
struct Fields<'t> {
    symbol: &'t str,
    sold: bool,
    /// A trade's id, a book's checksum.
    number: u64,
    time: &'t str,
    /// Trade: price and size. Ticker: bid, its size, ask, its size, last, volume, low, high,
    /// change and that in percent.
    numbers: [Decimal; 10],
}

impl<'t> Fields<'t> {
    fn of_trade(trade: &TradeData<'t>) -> Self {
        let mut numbers = [Decimal::ZERO; 10];
        (numbers[0], numbers[1]) = (raw(trade.price), raw(trade.qty));
        Self {
            symbol: trade.symbol,
            sold: trade.side == "sell",
            number: trade.trade_id,
            time: trade.timestamp,
            numbers,
        }
    }

    fn of_ticker(it: &TickerData<'t>) -> Self {
        let numbers = [
            it.bid,
            it.bid_qty,
            it.ask,
            it.ask_qty,
            it.last,
            it.volume,
            it.low,
            it.high,
            it.change,
            it.change_pct,
        ];
        let (symbol, time) = (it.symbol, it.timestamp);
        Self { symbol, time, numbers: numbers.map(raw), ..Self::default() }
    }

    fn of_book(book: &BookData<'t>, out: &mut Out) -> Self {
        for (side, levels) in [(Side::Bid, &book.bids), (Side::Ask, &book.asks)] {
            let levels = levels.iter();
            levels.for_each(|level| out.level(side, level.price.get(), level.qty.get()));
        }
        let (symbol, number, time) = (book.symbol, u64::from(book.checksum), book.timestamp);
        Self { symbol, number, time, ..Self::default() }
    }

    /// Walks an item once; keys may come in any order.
    fn walk(item: Value<'t>, out: &mut Out) -> Self {
        let mut fields = Self::default();
        for (key, value) in item.fields().unwrap() {
            let number = || decimal(value.number_text().unwrap());
            match key {
                "symbol" => fields.symbol = value.string().unwrap(),
                "side" => fields.sold = value.string() == Some("sell"),
                "trade_id" | "checksum" => fields.number = value.unsigned().unwrap(),
                "timestamp" => fields.time = value.string().unwrap(),
                "bids" => levels(value, Side::Bid, out),
                "asks" => levels(value, Side::Ask, out),
                "price" | "bid" => fields.numbers[0] = number(),
                "qty" | "bid_qty" => fields.numbers[1] = number(),
                "ask" => fields.numbers[2] = number(),
                "ask_qty" => fields.numbers[3] = number(),
                "last" => fields.numbers[4] = number(),
                "volume" => fields.numbers[5] = number(),
                "low" => fields.numbers[6] = number(),
                "high" => fields.numbers[7] = number(),
                "change" => fields.numbers[8] = number(),
                "change_pct" => fields.numbers[9] = number(),
                _ => {}
            }
        }
        fields
    }

    fn emit(self, kind: Kind, out: &mut Out) {
        let instrument = out.find(self.symbol);
        let time = date(self.time.as_bytes()).unwrap();
        match kind {
            Kind::Trade => {
                let taker = if self.sold { Side::Ask } else { Side::Bid };
                let (price, size) = (self.numbers[0], self.numbers[1]);
                let id = TradeId::Number(self.number);
                let trade = Trade { taker, price, size, id };
                out.batch.push(self.number, Tick::new(instrument, time, trade.into()));
            }
            Kind::Ticker => self.ticker(instrument, time, out),
            Kind::Book => out.batch.books.push(BookUpdate {
                checksum: Some(self.number as u32),
                ..out.book(instrument, BookKind::Delta, time, None)
            }),
        }
    }

    fn ticker(&self, instrument: InstrumentId, time: UnixNanos, out: &mut Out) {
        let [bid, bid_size, ask, ask_size, last, volume, low, high, change, percent] = self.numbers;
        let resting = |price: Decimal| Some(price).filter(|price| !price.is_zero());
        let ticker = Ticker {
            last: Some(last),
            open: None,
            high: Some(high),
            low: Some(low),
            bid: resting(bid),
            ask: resting(ask),
            change: Some(change),
            change_percent: Some(percent),
            volume: Some(volume.into()),
            quote_volume: None,
        };
        for body in ticker.with_change().bodies() {
            out.batch.push(None, Tick::new(instrument, time, body));
        }
        let (bid, ask) = (resting(bid), resting(ask));
        let quote = Quote {
            bid,
            bid_size: bid.and(Some(bid_size)),
            ask,
            ask_size: ask.and(Some(ask_size)),
        };
        out.batch.push_derived(None, Tick::new(instrument, time, quote.into()));
    }
}

fn levels(list: Value<'_>, side: Side, out: &mut Out) {
    for level in list.items().unwrap() {
        let (mut price, mut size) = (&b""[..], &b""[..]);
        for (key, value) in level.fields().unwrap() {
            let number = value.number_text().unwrap();
            match key {
                "price" => price = number,
                _ => size = number,
            }
        }
        out.level(side, price, size);
    }
}
