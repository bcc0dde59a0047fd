//! Events to the JSON that clients read: the encoder by hand against `format!` and against
//! serde_json with typed structs.
//!
//! `cargo bench --bench encode` ends with one line per kind of event, from medians of interleaved
//! rounds over 2,048 different events. Every candidate must write the same bytes before anything
//! is timed; serde_json writes its decimals from texts prepared beforehand, which favours it.

#![allow(clippy::print_stdout, reason = "a bench reports on standard output")]
#![allow(clippy::unwrap_used, reason = "a bench fails loudly")]
#![allow(missing_docs, reason = "macros of criterion")]

#[path = "common/events.rs"]
mod events;
#[path = "common/random.rs"]
mod random;

use std::fmt::Write;
use std::hint::black_box;
use std::time::Instant;

use criterion::{Criterion, Throughput};
use serde::Serialize;
use serde_json::value::RawValue;
use tickwire::cache::Stamp;
use tickwire::dialect::{Dialect, Label, Speech, Telling, actions};
use tickwire::tick::{Decimal, Level, Side, Trade, TradeId};

use events::{Content, DATE, Kind, body, instrument, told};
use random::Random;

const EVENTS: usize = 2_048;
const ROUNDS: usize = 101;

/// Events of one kind, with what each candidate needs.
struct Corpus {
    kind: Kind,
    label: Label,
    speech: &'static dyn Speech,
    bodies: Vec<(Stamp, Content)>,
}

impl Corpus {
    fn new(kind: Kind) -> Self {
        let mut random = Random(0x9E37_79B9_7F4A_7C15);
        let bodies = (0..EVENTS).map(|_| body(kind, &mut random)).collect();
        let speech = Dialect::Actions.speech();
        Self { kind, label: actions::label(&instrument()), speech, bodies }
    }

    fn by_hand(&self, out: &mut Vec<u8>, index: usize) {
        let told = told(&self.bodies[index], index as u64 + 1);
        self.speech.tell(out, Some(&self.label), &told, Telling::live(DATE));
    }

    /// The way that most programs take.
    fn by_format(&self, out: &mut String, index: usize) {
        let (stamp, content) = &self.bodies[index];
        let (time, seq, date) = (stamp.time().millis(), index + 1, DATE.millis());
        match content {
            Content::Trade(Trade { taker, price, size, id: TradeId::Number(id) }) => {
                let side = if *taker == Side::Bid { "buy" } else { "sell" };
                let (exchange, received) = (stamp.exchange_time.0, stamp.received.0);
                write!(out, r#"{{"type":"trade","data":{{"symbol":"BTC/USDT","exchange":"binance","price":{price},"volume":{size},"side":"{side}","tradeId":"{id}","timestamp":{time},"exchangeTs":{exchange},"receiveTs":{received}}},"seq":{seq},"timestamp":{date}}}"#).unwrap();
            }
            Content::Quote(quote) => {
                let [bid, bid_size, ask, ask_size] =
                    [quote.bid, quote.bid_size, quote.ask, quote.ask_size].map(Option::unwrap);
                write!(out, r#"{{"type":"quote","data":{{"symbol":"BTC/USDT","exchange":"binance","bid":{bid},"bidSize":{bid_size},"ask":{ask},"askSize":{ask_size},"timestamp":{time}}},"seq":{seq},"timestamp":{date}}}"#).unwrap();
            }
            Content::Update(levels) => {
                let side = |out: &mut String, side| {
                    let mut separator = "";
                    for Level { price, size, .. } in levels.iter().filter(|l| l.side == side) {
                        write!(out, "{separator}[{price},{size}]").unwrap();
                        separator = ",";
                    }
                };
                write!(out, r#"{{"type":"orderbook","data":{{"symbol":"BTC/USDT","exchange":"binance","kind":"update","bids":["#).unwrap();
                side(out, Side::Bid);
                out.push_str(r#"],"asks":["#);
                side(out, Side::Ask);
                write!(out, r#"],"timestamp":{time}}},"seq":{seq},"timestamp":{date}}}"#).unwrap();
            }
            Content::Trade(_) => unreachable!("ids are numbers here"),
        }
    }

    fn prepared(&self) -> Vec<Message> {
        self.bodies.iter().enumerate().map(|(index, body)| Message::new(index, body)).collect()
    }
}

type Number = Box<RawValue>;

fn number(decimal: Decimal) -> Number {
    RawValue::from_string(decimal.to_string()).unwrap()
}

/// What a serde program would derive.
#[derive(Serialize)]
struct Message {
    r#type: &'static str,
    data: Data,
    seq: usize,
    timestamp: i64,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Data {
    #[serde(rename_all = "camelCase")]
    Trade {
        symbol: &'static str,
        exchange: &'static str,
        price: Number,
        volume: Number,
        side: &'static str,
        trade_id: String,
        timestamp: i64,
        exchange_ts: i64,
        receive_ts: i64,
    },
    #[serde(rename_all = "camelCase")]
    Quote {
        symbol: &'static str,
        exchange: &'static str,
        bid: Number,
        bid_size: Number,
        ask: Number,
        ask_size: Number,
        timestamp: i64,
    },
    Update {
        symbol: &'static str,
        exchange: &'static str,
        kind: &'static str,
        bids: Vec<[Number; 2]>,
        asks: Vec<[Number; 2]>,
        timestamp: i64,
    },
}

impl Message {
    fn new(index: usize, (stamp, content): &(Stamp, Content)) -> Self {
        let (symbol, exchange) = ("BTC/USDT", "binance");
        let timestamp = stamp.time().millis();
        let (r#type, data) = match content {
            Content::Trade(trade) => {
                let TradeId::Number(id) = trade.id else { unreachable!("ids are numbers here") };
                let data = Data::Trade {
                    symbol,
                    exchange,
                    price: number(trade.price),
                    volume: number(trade.size),
                    side: if trade.taker == Side::Bid { "buy" } else { "sell" },
                    trade_id: id.to_string(),
                    timestamp,
                    exchange_ts: stamp.exchange_time.0,
                    receive_ts: stamp.received.0,
                };
                ("trade", data)
            }
            Content::Quote(quote) => {
                let [bid, bid_size, ask, ask_size] =
                    [quote.bid, quote.bid_size, quote.ask, quote.ask_size]
                        .map(|decimal| number(decimal.unwrap()));
                ("quote", Data::Quote { symbol, exchange, bid, bid_size, ask, ask_size, timestamp })
            }
            Content::Update(levels) => {
                let side = |side| {
                    let levels = levels.iter().filter(|level| level.side == side);
                    levels.map(|level| [number(level.price), number(level.size)]).collect()
                };
                let (bids, asks) = (side(Side::Bid), side(Side::Ask));
                let kind = "update";
                ("orderbook", Data::Update { symbol, exchange, kind, bids, asks, timestamp })
            }
        };
        Self { r#type, data, seq: index + 1, timestamp: DATE.millis() }
    }
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for kind in Kind::ALL {
        let corpus = Corpus::new(kind);
        let messages = corpus.prepared();
        verify(&corpus, &messages);
        measure(&mut criterion, &corpus, &messages);
        if std::env::args().any(|argument| argument == "--bench") {
            summarise(&corpus, &messages);
        }
    }
    criterion.final_summary();
}

/// Every candidate must write every event alike.
fn verify(corpus: &Corpus, messages: &[Message]) {
    for (index, message) in messages.iter().enumerate() {
        let (mut hand, mut format) = (Vec::new(), String::new());
        corpus.by_hand(&mut hand, index);
        corpus.by_format(&mut format, index);
        assert_eq!(String::from_utf8(hand).unwrap(), format);
        assert_eq!(serde_json::to_string(message).unwrap(), format);
    }
}

/// One pass over all events by each candidate, in the order of the summary.
fn passes<'a>(corpus: &'a Corpus, messages: &'a [Message]) -> [Box<dyn FnMut() -> usize + 'a>; 3] {
    let (mut hand, mut format, mut serde) = (Vec::new(), String::new(), Vec::new());
    [
        Box::new(move || {
            hand.clear();
            (0..EVENTS).for_each(|index| corpus.by_hand(&mut hand, index));
            black_box(&hand).len()
        }),
        Box::new(move || {
            format.clear();
            (0..EVENTS).for_each(|index| corpus.by_format(&mut format, index));
            black_box(&format).len()
        }),
        Box::new(move || {
            serde.clear();
            messages.iter().for_each(|message| serde_json::to_writer(&mut serde, message).unwrap());
            black_box(&serde).len()
        }),
    ]
}

fn measure(criterion: &mut Criterion, corpus: &Corpus, messages: &[Message]) {
    let mut group = criterion.benchmark_group(format!("encode {}", corpus.kind.name()));
    group.throughput(Throughput::Elements(EVENTS as u64));
    group.sample_size(20);
    let names = ["by hand", "format!", "serde_json"];
    for (name, mut pass) in names.into_iter().zip(passes(corpus, messages)) {
        group.bench_function(name, |bencher| bencher.iter(&mut pass));
    }
    group.finish();
}

/// Medians of rounds in which the candidates take turns, so that all see the same machine.
fn summarise(corpus: &Corpus, messages: &[Message]) {
    let mut passes = passes(corpus, messages);
    let mut rounds = [const { Vec::new() }; 3];
    let mut bytes = 0;
    for _ in 0..ROUNDS {
        for (pass, times) in passes.iter_mut().zip(&mut rounds) {
            let start = Instant::now();
            bytes = pass();
            times.push(start.elapsed().as_nanos() as f64 / EVENTS as f64);
        }
    }
    let [hand, format, serde] = rounds.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[ROUNDS / 2]
    });
    println!(
        "ratio encode {}: format! {:.1}x, serde_json {:.1}x (by hand {hand:.1} ns, format! \
         {format:.0} ns, serde_json {serde:.0} ns; {} B)",
        corpus.kind.name(),
        format / hand,
        serde / hand,
        bytes / EVENTS,
    );
}
