//! Ways from a frame of OKX to ticks. Each fills the same kind of batch: symbols looked up,
//! decimals exact.

use serde::Deserialize;
use simd_json::{Buffers, Node, StaticNode, Tape, fill_tape_padded};
use tickwire::clock::UnixNanos;
use tickwire::exchange::okx::Okx;
use tickwire::exchange::{Batch, BookKind, BookUpdate, DEPTH_FULL, Exchange, Frame};
use tickwire::instrument::{InstrumentId, NativeMap};
use tickwire::json::PaddedFrame;
use tickwire::tick::{Decimal, Level, Quote, Side, Tick, Trade, TradeId};

use super::Kind;
use crate::harness::{Candidate, PaddedText, Parse};

/// A candidate with its reused memory.
pub(crate) struct Parser {
    candidate: Candidate,
    kind: Kind,
    adapter: Okx,
    instruments: NativeMap,
    batch: Batch,
    buffers: Buffers,
    nodes: Vec<Node<'static>>,
}

impl Parser {
    pub(super) fn new(candidate: Candidate, kind: Kind, symbols: &[String]) -> Self {
        let names = symbols.iter().map(String::as_str);
        let instruments = NativeMap::new(names.zip((0..).map(InstrumentId)));
        let mut adapter = Okx::new();
        adapter.set_instruments(instruments.clone());
        Self {
            candidate,
            kind,
            adapter,
            instruments,
            batch: Batch::new(),
            buffers: Buffers::default(),
            nodes: Vec::new(),
        }
    }

    fn tape(&mut self, frame: &mut PaddedText) {
        self.batch.clear();
        let mut tape = Tape(std::mem::take(&mut self.nodes)).reset();
        fill_tape_padded(&mut frame.bytes, frame.length, &mut self.buffers, &mut tape).unwrap();
        let fields = Fields::walk(&tape.0, self.kind, &mut self.batch);
        fields.emit(self.kind, &self.instruments, &mut self.batch);
        self.nodes = tape.reset().0;
    }

    fn serde_json(&mut self, frame: &PaddedText) {
        self.batch.clear();
        let fields = match self.kind {
            Kind::Trade => Fields::of_trade(&serde_json::from_slice(frame.text()).unwrap()),
            Kind::Quote | Kind::Book => Fields::of_book(
                &serde_json::from_slice(frame.text()).unwrap(),
                self.kind,
                &mut self.batch,
            ),
        };
        fields.emit(self.kind, &self.instruments, &mut self.batch);
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

fn decimal(text: &str) -> Decimal {
    Decimal::parse(text.as_bytes()).unwrap()
}

#[derive(Deserialize)]
struct Wrapped<'t, T> {
    #[serde(borrow)]
    arg: Argument<'t>,
    action: Option<&'t str>,
    data: [T; 1],
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Argument<'t> {
    inst_id: &'t str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TradeData<'t> {
    trade_id: &'t str,
    px: &'t str,
    sz: &'t str,
    side: &'t str,
    ts: &'t str,
    count: Option<&'t str>,
}

/// Price, size, a retired number, the count of orders.
type LevelData<'t> = (&'t str, &'t str, &'t str, &'t str);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BookData<'t> {
    #[serde(borrow)]
    asks: Vec<LevelData<'t>>,
    #[serde(borrow)]
    bids: Vec<LevelData<'t>>,
    ts: &'t str,
    checksum: Option<i32>,
    prev_seq_id: Option<i64>,
    seq_id: Option<u64>,
}

/// What a frame said, before it becomes ticks.
#[derive(Default)]
struct Fields<'t> {
    symbol: &'t str,
    snapshot: bool,
    time: u64,
    /// Trade: price and size. Quote: ask and its size, bid and its size.
    numbers: [Decimal; 4],
    sold: bool,
    id: u64,
    count: u64,
    /// Of quotes and books; those of 2022 have none.
    sequence: Option<u64>,
    previous: Option<u64>,
    checksum: Option<i32>,
}

impl<'t> Fields<'t> {
    fn of_trade(frame: &Wrapped<'t, TradeData<'t>>) -> Self {
        let [trade] = &frame.data;
        Self {
            symbol: frame.arg.inst_id,
            time: trade.ts.parse().unwrap(),
            numbers: [decimal(trade.px), decimal(trade.sz), Decimal::ZERO, Decimal::ZERO],
            sold: trade.side == "sell",
            id: trade.trade_id.parse().unwrap(),
            count: trade.count.map_or(1, |count| count.parse().unwrap()),
            ..Self::default()
        }
    }

    fn of_book(frame: &Wrapped<'t, BookData<'t>>, kind: Kind, batch: &mut Batch) -> Self {
        let [book] = &frame.data;
        let mut fields = Self {
            symbol: frame.arg.inst_id,
            snapshot: frame.action == Some("snapshot"),
            time: book.ts.parse().unwrap(),
            sequence: book.seq_id,
            previous: book.prev_seq_id.and_then(|id| u64::try_from(id).ok()),
            checksum: book.checksum,
            ..Self::default()
        };
        if kind == Kind::Quote {
            let (ask, bid) = (book.asks[0], book.bids[0]);
            fields.numbers = [ask.0, ask.1, bid.0, bid.1].map(decimal);
            return fields;
        }
        for (side, levels) in [(Side::Ask, &book.asks), (Side::Bid, &book.bids)] {
            batch.levels.extend(levels.iter().map(|&(price, size, ..)| Level {
                side,
                price: decimal(price),
                size: decimal(size),
            }));
        }
        fields
    }

    /// Walks the tape once; keys may come in any order.
    fn walk(nodes: &[Node<'t>], kind: Kind, batch: &mut Batch) -> Self {
        let mut fields = Self { count: 1, ..Self::default() };
        let mut at = 1;
        while at < nodes.len() {
            let (key, value) = (string(&nodes[at]).unwrap(), &nodes[at + 1]);
            match key {
                "arg" => {
                    let keys = &nodes[at + 2..skip(nodes, at + 1)];
                    let symbol =
                        keys.chunks_exact(2).find(|pair| string(&pair[0]) == Some("instId"));
                    fields.symbol = string(&symbol.unwrap()[1]).unwrap();
                }
                "action" => fields.snapshot = string(value) == Some("snapshot"),
                // The first item of the list.
                "data" => fields.item(nodes, at + 2, kind, batch),
                _ => {}
            }
            at = skip(nodes, at + 1);
        }
        fields
    }

    fn item(&mut self, nodes: &[Node<'t>], object: usize, kind: Kind, batch: &mut Batch) {
        let end = skip(nodes, object);
        let mut at = object + 1;
        while at < end {
            let (key, value) = (string(&nodes[at]).unwrap(), &nodes[at + 1]);
            match (kind, key) {
                (_, "ts") => self.time = string(value).unwrap().parse().unwrap(),
                (Kind::Trade, "tradeId") => self.id = string(value).unwrap().parse().unwrap(),
                (Kind::Trade, "px") => self.numbers[0] = decimal(string(value).unwrap()),
                (Kind::Trade, "sz") => self.numbers[1] = decimal(string(value).unwrap()),
                (Kind::Trade, "side") => self.sold = string(value) == Some("sell"),
                (Kind::Trade, "count") => self.count = string(value).unwrap().parse().unwrap(),
                (Kind::Quote | Kind::Book, "seqId") => self.sequence = Some(number(value) as u64),
                (Kind::Book, "prevSeqId") => self.previous = u64::try_from(number(value)).ok(),
                (Kind::Book, "checksum") => self.checksum = Some(number(value) as i32),
                (Kind::Quote, "asks") => self.best(nodes, at + 1, 0),
                (Kind::Quote, "bids") => self.best(nodes, at + 1, 2),
                (Kind::Book, "asks") => levels(nodes, at + 1, Side::Ask, batch),
                (Kind::Book, "bids") => levels(nodes, at + 1, Side::Bid, batch),
                _ => {}
            }
            at = skip(nodes, at + 1);
        }
    }

    /// The first level of a side.
    fn best(&mut self, nodes: &[Node<'t>], side: usize, place: usize) {
        self.numbers[place] = decimal(string(&nodes[side + 2]).unwrap());
        self.numbers[place + 1] = decimal(string(&nodes[side + 3]).unwrap());
    }

    fn emit(self, kind: Kind, instruments: &NativeMap, batch: &mut Batch) {
        let instrument = instruments.find(self.symbol.as_bytes()).unwrap();
        let time = UnixNanos::from_millis(self.time);
        let [first, second, third, fourth] = self.numbers;
        match kind {
            Kind::Trade => {
                let taker = if self.sold { Side::Ask } else { Side::Bid };
                let id = TradeId::Number(self.id);
                let body = Trade { taker, price: first, size: second, id }.into();
                let tick = Tick::new(instrument, time, body);
                batch.push_range(self.id - (self.count - 1), self.id, tick);
            }
            Kind::Quote => {
                let body = Quote {
                    bid: Some(third),
                    bid_size: Some(fourth),
                    ask: Some(first),
                    ask_size: Some(second),
                };
                batch.push(self.sequence, Tick::new(instrument, time, body.into()));
            }
            Kind::Book => batch.books.push(BookUpdate {
                instrument,
                kind: if self.snapshot { BookKind::Snapshot } else { BookKind::Delta },
                exchange_time: time,
                first_id: self.sequence,
                last_id: self.sequence,
                previous_id: self.previous,
                checksum: self.checksum.map(i32::cast_unsigned),
                precision: None,
                depth: DEPTH_FULL,
                levels: 0..batch.levels.len() as u32,
            }),
        }
    }
}

/// Where the value after the one at `at` stands.
fn skip(nodes: &[Node<'_>], at: usize) -> usize {
    match nodes[at] {
        Node::Object { count, .. } | Node::Array { count, .. } => at + 1 + count,
        _ => at + 1,
    }
}

fn string<'t>(node: &Node<'t>) -> Option<&'t str> {
    match node {
        Node::String(text) => Some(text),
        _ => None,
    }
}

fn number(node: &Node<'_>) -> i64 {
    match *node {
        Node::Static(StaticNode::U64(number)) => number as i64,
        Node::Static(StaticNode::I64(number)) => number,
        _ => panic!("a number"),
    }
}

/// Levels have four strings each, so every fifth node after the array's own starts one.
fn levels(nodes: &[Node<'_>], at: usize, side: Side, batch: &mut Batch) {
    let Node::Array { count, .. } = nodes[at] else { panic!("an array") };
    for level in nodes[at + 1..at + 1 + count].chunks_exact(5) {
        let (price, size) = (string(&level[1]).unwrap(), string(&level[2]).unwrap());
        batch.levels.push(Level { side, price: decimal(price), size: decimal(size) });
    }
}
