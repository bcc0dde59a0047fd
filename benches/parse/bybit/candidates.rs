//! Ways from a frame of Bybit to ticks. Each fills the same kind of batch: symbols looked up,
//! decimals exact.

use serde::Deserialize;
use tickwire::clock::UnixNanos;
use tickwire::exchange::bybit::Bybit;
use tickwire::exchange::{Batch, BookKind, BookUpdate, DEPTH_FULL, Exchange, Frame};
use tickwire::instrument::{ExchangeId, InstrumentId, NativeMap};
use tickwire::json::{JsonReader, PaddedFrame, Value};
use tickwire::tick::{Decimal, Level, Quote, Side, Tick, Trade, TradeId};

use super::Kind;
use crate::harness::{Candidate, PaddedText, Parse};

/// A candidate with its reused memory.
pub(super) struct Parser {
    candidate: Candidate,
    kind: Kind,
    adapter: Bybit,
    instruments: NativeMap,
    batch: Batch,
    reader: JsonReader,
}

impl Parser {
    pub(super) fn new(
        candidate: Candidate,
        exchange: ExchangeId,
        kind: Kind,
        symbols: &[String],
    ) -> Self {
        let names = symbols.iter().map(String::as_str);
        let instruments = NativeMap::new(names.zip((0..).map(InstrumentId)));
        let mut adapter = Bybit::new(exchange);
        adapter.set_instruments(instruments.clone());
        let (batch, reader) = (Batch::new(), JsonReader::new());
        Self { candidate, kind, adapter, instruments, batch, reader }
    }

    fn tape(&mut self, frame: &mut PaddedText) {
        let Self { kind, instruments, batch, reader, .. } = self;
        batch.clear();
        let padded = PaddedFrame::new(&mut frame.bytes, frame.length);
        let walk = |root: Value<'_>| match kind {
            Kind::Trade => walk_trades(root, instruments, batch),
            Kind::Quote | Kind::Depth => walk_book(root, instruments, batch),
        };
        reader.read(padded, walk).unwrap();
    }

    fn serde_json(&mut self, frame: &PaddedText) {
        let Self { kind, instruments, batch, .. } = self;
        batch.clear();
        match kind {
            Kind::Trade => {
                let message: Message<'_, Vec<TradeData<'_>>> =
                    serde_json::from_slice(frame.text()).unwrap();
                message.data.iter().for_each(|item| push_trade(item, instruments, batch));
            }
            Kind::Quote | Kind::Depth => {
                let message: Message<'_, BookData<'_>> =
                    serde_json::from_slice(frame.text()).unwrap();
                let data = &message.data;
                for (side, levels) in [(Side::Bid, &data.bids), (Side::Ask, &data.asks)] {
                    levels.iter().for_each(|(price, size)| push_level(side, price, size, batch));
                }
                message.head().push(instruments, batch);
            }
        }
    }
}

impl Parse for Parser {
    #[inline(always)]
    fn parse(&mut self, frame: &mut PaddedText) {
        match self.candidate {
            Candidate::Recogniser => {
                let padded = PaddedFrame::new(&mut frame.bytes, frame.length);
                let read = self.adapter.parse(padded, &mut self.batch);
                assert!(matches!(read, Ok(Frame::Data { recognised: true })));
            }
            Candidate::General => {
                let padded = PaddedFrame::new(&mut frame.bytes, frame.length);
                self.adapter.parse_general(padded, &mut self.batch).unwrap();
            }
            Candidate::Tape => self.tape(frame),
            Candidate::SerdeJson => self.serde_json(frame),
        }
    }

    fn batch(&self) -> &Batch {
        &self.batch
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

fn decimal(text: &str) -> Decimal {
    Decimal::parse(text.as_bytes()).unwrap()
}

fn trade_id(text: &str) -> TradeId {
    if let Ok(id) = text.parse() {
        return TradeId::Number(id);
    }
    let nibbles = text.bytes().filter_map(|byte| char::from(byte).to_digit(16));
    TradeId::Uuid(nibbles.fold(0, |id, nibble| id << 4 | u128::from(nibble)))
}

fn push_trade(item: &TradeData<'_>, instruments: &NativeMap, batch: &mut Batch) {
    let instrument = instruments.find(item.symbol.as_bytes()).unwrap();
    let taker = if item.side == "Buy" { Side::Bid } else { Side::Ask };
    let id = trade_id(item.id);
    let sequence = match id {
        TradeId::Number(id) => Some(id),
        TradeId::None | TradeId::Uuid(_) | TradeId::Spelled(_) => item.seq,
    };
    let trade = Trade { taker, price: decimal(item.price), size: decimal(item.size), id };
    let time = UnixNanos::from_millis(item.time);
    batch.push(sequence, Tick::new(instrument, time, trade.into()));
}

fn push_level(side: Side, price: &str, size: &str, batch: &mut Batch) {
    batch.levels.push(Level { side, price: decimal(price), size: decimal(size) });
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
    fn push(&self, instruments: &NativeMap, batch: &mut Batch) {
        let instrument = instruments.find(self.symbol.as_bytes()).unwrap();
        let is_top = self.topic.starts_with("orderbook.1.");
        let time = UnixNanos::from_millis(self.time);
        batch.books.push(BookUpdate {
            instrument,
            kind: if self.kind == "delta" { BookKind::Delta } else { BookKind::Snapshot },
            exchange_time: time,
            first_id: Some(self.update_id),
            last_id: Some(self.update_id),
            previous_id: None,
            checksum: None,
            precision: None,
            depth: if is_top { 1 } else { DEPTH_FULL },
            levels: 0..batch.levels.len() as u32,
        });
        if is_top {
            let [bid, ask] = &batch.levels[..] else { panic!("one level a side") };
            let quote = Quote {
                bid: Some(bid.price),
                bid_size: Some(bid.size),
                ask: Some(ask.price),
                ask_size: Some(ask.size),
            };
            batch.push_derived(self.sequence, Tick::new(instrument, time, quote.into()));
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
fn walk_book(root: Value<'_>, instruments: &NativeMap, batch: &mut Batch) {
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
                        "b" => walk_side(Side::Bid, value, batch),
                        "a" => walk_side(Side::Ask, value, batch),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    head.time = matched.or(sent).unwrap();
    head.push(instruments, batch);
}

fn walk_side(side: Side, levels: Value<'_>, batch: &mut Batch) {
    for level in levels.items().unwrap() {
        let mut parts = level.items().unwrap();
        let (price, size) = (parts.next().unwrap(), parts.next().unwrap());
        push_level(side, price.string().unwrap(), size.string().unwrap(), batch);
    }
}

/// The same of trades.
fn walk_trades(root: Value<'_>, instruments: &NativeMap, batch: &mut Batch) {
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
        push_trade(&trade, instruments, batch);
    }
}
