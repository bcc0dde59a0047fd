//! Ways from a frame of Binance to ticks. Each fills the same kind of batch: symbols looked up, decimals
//! exact.

use serde::Deserialize;
use simd_json::{Node, StaticNode};
use tickwire::clock::UnixNanos;
use tickwire::exchange::{BookKind, BookUpdate};
use tickwire::tick::{Decimal, Quote, Side, Tick, Trade, TradeId};

use super::Kind;
use crate::harness::{Out, PaddedText, Tapes, Ways, decimal, levels, number, skip, string};

/// The other ways, with their reused memory.
pub(super) struct Typed {
    kind: Kind,
    is_spot: bool,
    tapes: Tapes,
}

impl Typed {
    pub(super) fn of(kind: Kind, is_spot: bool) -> Self {
        Self { kind, is_spot, tapes: Tapes::default() }
    }
}

impl Ways for Typed {
    fn tape(&mut self, frame: &mut PaddedText, out: &mut Out) {
        let (kind, is_spot) = (self.kind, self.is_spot);
        self.tapes.read(frame, |nodes| Fields::walk(nodes, kind, out).emit(kind, is_spot, out));
    }

    fn serde_json(&mut self, text: &[u8], out: &mut Out) {
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
                    levels.iter().for_each(|(price, size)| out.level(side, price, size));
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
        fields.emit(self.kind, self.is_spot, out);
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
    fn walk(nodes: &[Node<'t>], kind: Kind, out: &mut Out) -> Self {
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
                (_, "T") => fields.time = Some(number(value) as u64),
                (_, "E") => sent = Some(number(value) as u64),
                (Kind::Trade, "t") | (Kind::Aggregate, "a") => fields.id = number(value) as u64,
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
                (Kind::Quote | Kind::Depth, "u") => fields.id = number(value) as u64,
                (Kind::Depth, "U") => fields.first = number(value) as u64,
                (Kind::Depth, "pu") => fields.previous = Some(number(value) as u64),
                (Kind::Depth, "b") => levels(nodes, at + 1, 2, Side::Bid, out),
                (Kind::Depth, "a") => levels(nodes, at + 1, 2, Side::Ask, out),
                _ => {}
            }
            at = skip(nodes, at + 1);
        }
        fields.time = fields.time.or(sent);
        fields
    }

    fn emit(self, kind: Kind, is_spot: bool, out: &mut Out) {
        let instrument = out.find(self.symbol);
        let time = self.time.map_or(UnixNanos::NONE, UnixNanos::from_millis);
        let [first, second, third, fourth] = self.numbers;
        match kind {
            Kind::Trade | Kind::Aggregate => {
                let taker = if self.maker { Side::Ask } else { Side::Bid };
                let id = TradeId::Number(self.id);
                let body = Trade { taker, price: first, size: second, id }.into();
                out.batch.push(self.id, Tick::new(instrument, time, body));
            }
            Kind::Quote => {
                let side = |price: Decimal, size| match price.is_zero() {
                    true => (None, None),
                    false => (Some(price), Some(size)),
                };
                let ((bid, bid_size), (ask, ask_size)) = (side(first, second), side(third, fourth));
                let body = Quote { bid, bid_size, ask, ask_size }.into();
                out.batch.push(self.id, Tick::new(instrument, time, body));
            }
            Kind::Depth => out.batch.books.push(BookUpdate {
                first_id: Some(self.first),
                previous_id: self.previous.filter(|_| !is_spot),
                ..out.book(instrument, BookKind::Delta, time, Some(self.id))
            }),
        }
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
