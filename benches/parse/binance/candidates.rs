//! Ways from a frame of Binance to ticks. Each fills the same kind of batch: symbols looked up, decimals
//! exact.

use serde::Deserialize;
use simd_json::{Buffers, Node, StaticNode, Tape, fill_tape_padded};
use tickwire::clock::UnixNanos;
use tickwire::exchange::binance::Binance;
use tickwire::exchange::{Batch, BookKind, BookUpdate, Exchange, Frame};
use tickwire::instrument::{ExchangeId, InstrumentId, NativeMap};
use tickwire::json::PaddedFrame;
use tickwire::tick::{Decimal, Level, Quote, Side, Tick, Trade, TradeId};

use super::{Corpus, Kind};
use crate::harness::{Candidate, PaddedText, Parse};

/// A candidate with its reused memory.
pub(crate) struct Parser {
    candidate: Candidate,
    kind: Kind,
    is_spot: bool,
    adapter: Binance,
    instruments: NativeMap,
    batch: Batch,
    buffers: Buffers,
    nodes: Vec<Node<'static>>,
}

impl Parser {
    pub(crate) fn new(candidate: Candidate, corpus: &Corpus) -> Self {
        let names = corpus.symbols.iter().map(String::as_str);
        let instruments = NativeMap::new(names.zip((0..).map(InstrumentId)));
        let mut adapter = Binance::new(corpus.exchange);
        adapter.set_instruments(instruments.clone());
        Self {
            candidate,
            kind: corpus.kind,
            is_spot: corpus.exchange == ExchangeId::Binance,
            adapter,
            instruments,
            batch: Batch::new(),
            buffers: Buffers::default(),
            nodes: Vec::new(),
        }
    }

    fn recogniser(&mut self, frame: &mut PaddedText) {
        let padded = PaddedFrame::new(&mut frame.bytes, frame.length);
        let read = self.adapter.parse(padded, &mut self.batch);
        assert!(matches!(read, Ok(Frame::Data { recognised: true })));
    }

    fn general(&mut self, frame: &mut PaddedText) {
        let padded = PaddedFrame::new(&mut frame.bytes, frame.length);
        self.adapter.parse_general(padded, &mut self.batch).unwrap();
    }

    fn tape(&mut self, frame: &mut PaddedText, is_spot: bool) {
        self.batch.clear();
        let mut tape = Tape(std::mem::take(&mut self.nodes)).reset();
        fill_tape_padded(&mut frame.bytes, frame.length, &mut self.buffers, &mut tape).unwrap();
        let fields = Fields::walk(&tape.0, self.kind, &mut self.batch);
        fields.emit(self.kind, is_spot, &self.instruments, &mut self.batch);
        self.nodes = tape.reset().0;
    }

    fn serde_json(&mut self, frame: &mut PaddedText, is_spot: bool) {
        self.batch.clear();
        let text = &frame.bytes[..frame.length];
        let fields = match self.kind {
            Kind::Trade => {
                let data = serde_json::from_slice::<Wrapped<'_, TradeData<'_>>>(text).unwrap().data;
                let numbers = [data.price, data.size, "0", "0"].map(decimal);
                Fields {
                    id: data.id,
                    time: data.time,
                    ..Fields::of(data.symbol, numbers, data.maker)
                }
            }
            Kind::Aggregate => {
                let data =
                    serde_json::from_slice::<Wrapped<'_, AggregateData<'_>>>(text).unwrap().data;
                let numbers = [data.price, data.size, "0", "0"].map(decimal);
                Fields {
                    id: data.id,
                    time: data.time,
                    ..Fields::of(data.symbol, numbers, data.maker)
                }
            }
            Kind::Quote => {
                let data = serde_json::from_slice::<Wrapped<'_, QuoteData<'_>>>(text).unwrap().data;
                let numbers = [data.bid, data.bid_size, data.ask, data.ask_size].map(decimal);
                Fields { id: data.id, time: data.time, ..Fields::of(data.symbol, numbers, false) }
            }
            Kind::Depth => {
                let data = serde_json::from_slice::<Wrapped<'_, DepthData<'_>>>(text).unwrap().data;
                for (side, levels) in [(Side::Bid, &data.bids), (Side::Ask, &data.asks)] {
                    let levels = levels.iter().map(|&(price, size)| Level {
                        side,
                        price: decimal(price),
                        size: decimal(size),
                    });
                    self.batch.levels.extend(levels);
                }
                Fields {
                    id: data.last,
                    first: data.first,
                    previous: data.previous,
                    time: data.time.or(data.sent),
                    ..Fields::of(data.symbol, [Decimal::ZERO; 4], false)
                }
            }
        };
        fields.emit(self.kind, is_spot, &self.instruments, &mut self.batch);
    }
}

fn decimal(text: &str) -> Decimal {
    Decimal::parse(text.as_bytes()).unwrap()
}

impl Parse for Parser {
    #[inline(always)]
    fn parse(&mut self, frame: &mut PaddedText) {
        match self.candidate {
            Candidate::Recogniser => self.recogniser(frame),
            Candidate::General => self.general(frame),
            Candidate::Tape => self.tape(frame, self.is_spot),
            Candidate::SerdeJson => self.serde_json(frame, self.is_spot),
        }
    }

    fn batch(&self) -> &Batch {
        &self.batch
    }
}

/// What a frame said, before it becomes ticks.
#[derive(Default)]
struct Fields<'t> {
    symbol: &'t str,
    numbers: [Decimal; 4],
    maker: bool,
    id: u64,
    first: u64,
    previous: Option<u64>,
    time: Option<u64>,
}

impl<'t> Fields<'t> {
    fn of(symbol: &'t str, numbers: [Decimal; 4], maker: bool) -> Self {
        Self { symbol, numbers, maker, ..Self::default() }
    }

    /// Walks the tape once; keys may come in any order.
    fn walk(nodes: &[Node<'t>], kind: Kind, batch: &mut Batch) -> Self {
        let mut fields = Self::default();
        let mut sent = None;
        let data = 1 + nodes.iter().skip(1).position(|node| string(node) == Some("data")).unwrap();
        let Node::Object { count, .. } = nodes[data + 1] else { panic!("an object") };
        let (mut at, end) = (data + 2, data + 2 + count);
        while at < end {
            let key = string(&nodes[at]).unwrap();
            let value = &nodes[at + 1];
            match (kind, key) {
                (_, "s") => fields.symbol = string(value).unwrap(),
                (_, "T") => fields.time = Some(number(value)),
                (_, "E") => sent = Some(number(value)),
                (Kind::Trade, "t") | (Kind::Aggregate, "a") => fields.id = number(value),
                (Kind::Trade | Kind::Aggregate, "p") | (Kind::Quote, "b") => {
                    fields.numbers[0] = decimal(string(value).unwrap());
                }
                (Kind::Trade | Kind::Aggregate, "q") | (Kind::Quote, "B") => {
                    fields.numbers[1] = decimal(string(value).unwrap());
                }
                (Kind::Quote, "a") => fields.numbers[2] = decimal(string(value).unwrap()),
                (Kind::Quote, "A") => fields.numbers[3] = decimal(string(value).unwrap()),
                (Kind::Trade | Kind::Aggregate, "m") => {
                    fields.maker = matches!(value, Node::Static(StaticNode::Bool(true)));
                }
                (Kind::Quote | Kind::Depth, "u") => fields.id = number(value),
                (Kind::Depth, "U") => fields.first = number(value),
                (Kind::Depth, "pu") => fields.previous = Some(number(value)),
                (Kind::Depth, "b") => levels(nodes, at + 1, Side::Bid, batch),
                (Kind::Depth, "a") => levels(nodes, at + 1, Side::Ask, batch),
                _ => {}
            }
            at += match *value {
                Node::Object { count, .. } | Node::Array { count, .. } => 2 + count,
                _ => 2,
            };
        }
        fields.time = fields.time.or(sent);
        fields
    }

    fn emit(self, kind: Kind, is_spot: bool, instruments: &NativeMap, batch: &mut Batch) {
        let instrument = instruments.find(self.symbol.as_bytes()).unwrap();
        let time = self.time.map_or(UnixNanos::NONE, UnixNanos::from_millis);
        let [first, second, third, fourth] = self.numbers;
        match kind {
            Kind::Trade | Kind::Aggregate => {
                let taker = if self.maker { Side::Ask } else { Side::Bid };
                let id = TradeId::Number(self.id);
                let body = Trade { taker, price: first, size: second, id }.into();
                batch.push(self.id, Tick::new(instrument, time, body));
            }
            Kind::Quote => {
                let side = |price: Decimal, size| match price.is_zero() {
                    true => (None, None),
                    false => (Some(price), Some(size)),
                };
                let ((bid, bid_size), (ask, ask_size)) = (side(first, second), side(third, fourth));
                let body = Quote { bid, bid_size, ask, ask_size }.into();
                batch.push(self.id, Tick::new(instrument, time, body));
            }
            Kind::Depth => batch.books.push(BookUpdate {
                instrument,
                kind: BookKind::Delta,
                exchange_time: time,
                first_id: Some(self.first),
                last_id: Some(self.id),
                previous_id: self.previous.filter(|_| !is_spot),
                checksum: None,
                precision: None,
                depth: tickwire::exchange::DEPTH_FULL,
                levels: 0..batch.levels.len() as u32,
            }),
        }
    }
}

fn string<'t>(node: &Node<'t>) -> Option<&'t str> {
    match node {
        Node::String(text) => Some(text),
        _ => None,
    }
}

fn number(node: &Node<'_>) -> u64 {
    match *node {
        Node::Static(StaticNode::U64(number)) => number,
        Node::Static(StaticNode::I64(number)) => number as u64,
        _ => panic!("a number"),
    }
}

/// Levels have two strings each, so every third node after the array's own starts one.
fn levels(nodes: &[Node<'_>], at: usize, side: Side, batch: &mut Batch) {
    let Node::Array { count, .. } = nodes[at] else { panic!("an array") };
    for level in nodes[at + 1..at + 1 + count].chunks_exact(3) {
        let (price, size) = (string(&level[1]).unwrap(), string(&level[2]).unwrap());
        batch.levels.push(Level { side, price: decimal(price), size: decimal(size) });
    }
}

#[derive(Deserialize)]
struct Wrapped<'t, T> {
    #[serde(rename = "stream")]
    _stream: &'t str,
    data: T,
}

#[derive(Deserialize)]
struct TradeData<'t> {
    #[serde(rename = "s")]
    symbol: &'t str,
    #[serde(rename = "t")]
    id: u64,
    #[serde(rename = "p")]
    price: &'t str,
    #[serde(rename = "q")]
    size: &'t str,
    #[serde(rename = "T")]
    time: Option<u64>,
    #[serde(rename = "m")]
    maker: bool,
}

#[derive(Deserialize)]
struct AggregateData<'t> {
    #[serde(rename = "s")]
    symbol: &'t str,
    #[serde(rename = "a")]
    id: u64,
    #[serde(rename = "p")]
    price: &'t str,
    #[serde(rename = "q")]
    size: &'t str,
    #[serde(rename = "T")]
    time: Option<u64>,
    #[serde(rename = "m")]
    maker: bool,
}

#[derive(Deserialize)]
struct QuoteData<'t> {
    #[serde(rename = "u")]
    id: u64,
    #[serde(rename = "s")]
    symbol: &'t str,
    #[serde(rename = "b")]
    bid: &'t str,
    #[serde(rename = "B")]
    bid_size: &'t str,
    #[serde(rename = "a")]
    ask: &'t str,
    #[serde(rename = "A")]
    ask_size: &'t str,
    #[serde(rename = "T")]
    time: Option<u64>,
}

#[derive(Deserialize)]
struct DepthData<'t> {
    #[serde(rename = "E")]
    sent: Option<u64>,
    #[serde(rename = "T")]
    time: Option<u64>,
    #[serde(rename = "s")]
    symbol: &'t str,
    #[serde(rename = "U")]
    first: u64,
    #[serde(rename = "u")]
    last: u64,
    #[serde(rename = "pu")]
    previous: Option<u64>,
    #[serde(rename = "b", borrow)]
    bids: Vec<(&'t str, &'t str)>,
    #[serde(rename = "a", borrow)]
    asks: Vec<(&'t str, &'t str)>,
}
