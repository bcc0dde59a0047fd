//! Ways from a frame of Bybit to ticks. Each fills the same kind of batch: symbols looked up,
//! decimals exact.

use serde::Deserialize;
use tickwire::clock::UnixNanos;
use tickwire::exchange::{BookKind, BookUpdate, DEPTH_FULL};
use tickwire::json::{JsonReader, PaddedFrame, Value};
use tickwire::tick::{Quote, Side, Tick, Trade, TradeId};

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
        let walk = |root: Value<'_>| match self.kind {
            Kind::Trade => walk_trades(root, out),
            Kind::Quote | Kind::Depth => walk_book(root, out),
        };
        self.reader.read(padded, walk).unwrap();
    }

    fn serde_json(&mut self, text: &[u8], out: &mut Out) {
        match self.kind {
            Kind::Trade => {
                let message: Message<'_, Vec<TradeData<'_>>> =
                    serde_json::from_slice(text).unwrap();
                message.data.iter().for_each(|item| push_trade(item, out));
            }
            Kind::Quote | Kind::Depth => {
                let message: Message<'_, BookData<'_>> = serde_json::from_slice(text).unwrap();
                let data = &message.data;
                for (side, levels) in [(Side::Bid, &data.bids), (Side::Ask, &data.asks)] {
                    levels.iter().for_each(|(price, size)| out.level(side, price, size));
                }
                message.head().push(out);
            }
        }
    }
}

#[derive(Deserialize)]
struct Message<'t, T> {
    topic: &'t str,
    #[serde(rename = "type")]
    kind: &'t str,
    ts: u64,
    cts: Option<u64>,
    data: T,
}

#[derive(Deserialize)]
struct TradeData<'t> {
    #[serde(rename = "i")]
    id: &'t str,
    #[serde(rename = "T")]
    time: u64,
    #[serde(rename = "p")]
    price: &'t str,
    #[serde(rename = "v")]
    size: &'t str,
    #[serde(rename = "S")]
    side: &'t str,
    #[serde(rename = "s")]
    symbol: &'t str,
    seq: Option<u64>,
}

#[derive(Deserialize)]
struct BookData<'t> {
    #[serde(rename = "s")]
    symbol: &'t str,
    #[serde(rename = "b", borrow)]
    bids: Vec<(&'t str, &'t str)>,
    #[serde(rename = "a", borrow)]
    asks: Vec<(&'t str, &'t str)>,
    u: u64,
    seq: u64,
}

fn trade_id(text: &str) -> TradeId {
    if let Ok(id) = text.parse() {
        return TradeId::Number(id);
    }
    let nibbles = text.bytes().filter_map(|byte| char::from(byte).to_digit(16));
    TradeId::Uuid(nibbles.fold(0, |id, nibble| id << 4 | u128::from(nibble)))
}

fn push_trade(item: &TradeData<'_>, out: &mut Out) {
    let instrument = out.find(item.symbol);
    let taker = if item.side == "Buy" { Side::Bid } else { Side::Ask };
    let id = trade_id(item.id);
    let sequence = match id {
        TradeId::Number(id) => Some(id),
        TradeId::None | TradeId::Uuid(_) | TradeId::Spelled(_) => item.seq,
    };
    let trade = Trade { taker, price: decimal(item.price), size: decimal(item.size), id };
    let time = UnixNanos::from_millis(item.time);
    out.batch.push(sequence, Tick::new(instrument, time, trade.into()));
}

/// What a book event says besides its levels.
struct Head<'t> {
    topic: &'t str,
    kind: &'t str,
    symbol: &'t str,
    time: u64,
    update_id: u64,
    sequence: u64,
}

impl Head<'_> {
    /// Its levels are in the batch.
    fn push(&self, out: &mut Out) {
        let instrument = out.find(self.symbol);
        let is_top = self.topic.starts_with("orderbook.1.");
        let time = UnixNanos::from_millis(self.time);
        let kind = if self.kind == "delta" { BookKind::Delta } else { BookKind::Snapshot };
        out.batch.books.push(BookUpdate {
            depth: if is_top { 1 } else { DEPTH_FULL },
            ..out.book(instrument, kind, time, Some(self.update_id))
        });
        if is_top {
            let [bid, ask] = &out.batch.levels[..] else { panic!("one level a side") };
            let quote = Quote {
                bid: Some(bid.price),
                bid_size: Some(bid.size),
                ask: Some(ask.price),
                ask_size: Some(ask.size),
            };
            out.batch.push_derived(self.sequence, Tick::new(instrument, time, quote.into()));
        }
    }
}

impl<'t> Message<'t, BookData<'t>> {
    fn head(&self) -> Head<'t> {
        Head {
            topic: self.topic,
            kind: self.kind,
            symbol: self.data.symbol,
            time: self.cts.unwrap_or(self.ts),
            update_id: self.data.u,
            sequence: self.data.seq,
        }
    }
}

/// Walks a book event on the tape; keys may come in any order.
fn walk_book(root: Value<'_>, out: &mut Out) {
    let mut head = Head { topic: "", kind: "", symbol: "", time: 0, update_id: 0, sequence: 0 };
    let (mut sent, mut matched) = (None, None);
    for (key, value) in root.fields().unwrap() {
        match key {
            "topic" => head.topic = value.string().unwrap(),
            "type" => head.kind = value.string().unwrap(),
            "ts" => sent = value.unsigned(),
            "cts" => matched = value.unsigned(),
            "data" => {
                for (key, value) in value.fields().unwrap() {
                    match key {
                        "s" => head.symbol = value.string().unwrap(),
                        "u" => head.update_id = value.unsigned().unwrap(),
                        "seq" => head.sequence = value.unsigned().unwrap(),
                        "b" => walk_side(Side::Bid, value, out),
                        "a" => walk_side(Side::Ask, value, out),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    head.time = matched.or(sent).unwrap();
    head.push(out);
}

fn walk_side(side: Side, levels: Value<'_>, out: &mut Out) {
    for level in levels.items().unwrap() {
        let mut parts = level.items().unwrap();
        let (price, size) = (parts.next().unwrap(), parts.next().unwrap());
        out.level(side, price.string().unwrap(), size.string().unwrap());
    }
}

/// The same of trades.
fn walk_trades(root: Value<'_>, out: &mut Out) {
    for item in root.field("data").unwrap().items().unwrap() {
        let mut trade =
            TradeData { id: "", time: 0, price: "", size: "", side: "", symbol: "", seq: None };
        for (key, value) in item.fields().unwrap() {
            match key {
                "i" => trade.id = value.string().unwrap(),
                "T" => trade.time = value.unsigned().unwrap(),
                "p" => trade.price = value.string().unwrap(),
                "v" => trade.size = value.string().unwrap(),
                "S" => trade.side = value.string().unwrap(),
                "s" => trade.symbol = value.string().unwrap(),
                "seq" => trade.seq = value.unsigned(),
                _ => {}
            }
        }
        push_trade(&trade, out);
    }
}
