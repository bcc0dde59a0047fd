//! Ways from a frame of OKX to ticks. Each fills the same kind of batch: symbols looked up,
//! decimals exact.

use serde::Deserialize;
use simd_json::Node;
use tickwire::clock::UnixNanos;
use tickwire::exchange::{BookKind, BookUpdate};
use tickwire::tick::{Decimal, Quote, Side, Tick, Trade, TradeId};

use super::Kind;
use crate::harness::{Out, PaddedText, Tapes, Ways, decimal, levels, number, skip, string};

/// The other ways, with their reused memory.
pub(super) struct Typed {
    kind: Kind,
    tapes: Tapes,
}

impl Typed {
    pub(super) fn of(kind: Kind) -> Self {
        Self { kind, tapes: Tapes::default() }
    }
}

impl Ways for Typed {
    fn tape(&mut self, frame: &mut PaddedText, out: &mut Out) {
        let kind = self.kind;
        self.tapes.read(frame, |nodes| Fields::walk(nodes, kind, out).emit(kind, out));
    }

    fn serde_json(&mut self, text: &[u8], out: &mut Out) {
        let fields = match self.kind {
            Kind::Trade => Fields::of_trade(&serde_json::from_slice(text).unwrap()),
            Kind::Quote | Kind::Book => {
                Fields::of_book(&serde_json::from_slice(text).unwrap(), self.kind, out)
            }
        };
        fields.emit(self.kind, out);
    }
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

    fn of_book(frame: &Wrapped<'t, BookData<'t>>, kind: Kind, out: &mut Out) -> Self {
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
            levels.iter().for_each(|&(price, size, ..)| out.level(side, price, size));
        }
        fields
    }

    /// Walks the tape once; keys may come in any order.
    fn walk(nodes: &[Node<'t>], kind: Kind, out: &mut Out) -> Self {
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
                "data" => fields.item(nodes, at + 2, kind, out),
                _ => {}
            }
            at = skip(nodes, at + 1);
        }
        fields
    }

    fn item(&mut self, nodes: &[Node<'t>], object: usize, kind: Kind, out: &mut Out) {
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
                (Kind::Book, "asks") => levels(nodes, at + 1, 4, Side::Ask, out),
                (Kind::Book, "bids") => levels(nodes, at + 1, 4, Side::Bid, out),
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

    fn emit(self, kind: Kind, out: &mut Out) {
        let instrument = out.find(self.symbol);
        let time = UnixNanos::from_millis(self.time);
        let [first, second, third, fourth] = self.numbers;
        match kind {
            Kind::Trade => {
                let taker = if self.sold { Side::Ask } else { Side::Bid };
                let id = TradeId::Number(self.id);
                let body = Trade { taker, price: first, size: second, id }.into();
                let tick = Tick::new(instrument, time, body);
                out.batch.push_range(self.id - (self.count - 1), self.id, tick);
            }
            Kind::Quote => {
                let body = Quote {
                    bid: Some(third),
                    bid_size: Some(fourth),
                    ask: Some(first),
                    ask_size: Some(second),
                };
                out.batch.push(self.sequence, Tick::new(instrument, time, body.into()));
            }
            Kind::Book => {
                let kind = if self.snapshot { BookKind::Snapshot } else { BookKind::Delta };
                out.batch.books.push(BookUpdate {
                    previous_id: self.previous,
                    checksum: self.checksum.map(i32::cast_unsigned),
                    ..out.book(instrument, kind, time, self.sequence)
                });
            }
        }
    }
}
