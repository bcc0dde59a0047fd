//! Binance's two paths of parsing against each other: on recorded frames, and on generated ones.

mod common;

use proptest::prelude::*;
use tickwire::exchange::binance::Binance;
use tickwire::instrument::ExchangeId;

use common::parse::{self, Both, Edit, Fields};

/// The ids that the adapter speaks for.
const MARKETS: [ExchangeId; 2] = [ExchangeId::Binance, ExchangeId::BinanceFutures];

/// Symbols that the generated frames are of.
const SYMBOLS: [&str; 5] = ["BTCUSDT", "1000SATSUSDT", "BTCUSDT_261225", "X", "1MBABYDOGEUSDTLONG"];

/// Padding that looks like the rest of a frame.
const PADDING: &[u8] = br#""}}]]","1.5"],["0"}1234567890,"m":true,"M":true}}""""""""""""""""""""#;

fn both(exchange: ExchangeId, symbols: &[impl AsRef<str>]) -> Both<Binance> {
    Both::new(|| Binance::new(exchange), Binance::parse_general, symbols, PADDING)
}

fn exchange_of(name: &str) -> ExchangeId {
    if name.contains("usdm") { ExchangeId::BinanceFutures } else { ExchangeId::Binance }
}

#[test]
fn recorded_frames_read_alike_on_both_paths_and_the_hot_ones_in_place() {
    let is_hot = |frame: &str| !frame.contains("kline") && !frame.contains("24hrTicker");
    parse::recorded("binance-", |name, symbols| both(exchange_of(name), symbols), is_hot);
}

#[test]
fn frames_of_other_exchanges_are_foreign() {
    for exchange in MARKETS {
        parse::foreign("binance", || both(exchange, &SYMBOLS));
    }
}

/// A decimal as exchanges write them, and sometimes as they do not.
fn decimal() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "(0|[1-9][0-9]{0,6})\\.[0-9]{8}",
        4 => "(0|[1-9][0-9]{0,9})(\\.[0-9]{1,8})?",
        2 => parse::decimal_odd(),
        1 => Just("0.00000000".to_owned()),
    ]
}

fn id() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "[1-9][0-9]{7,12}",
        2 => "(0|[1-9][0-9]{0,18})",
        2 => parse::id_odd(),
    ]
}

fn time() -> impl Strategy<Value = String> {
    prop_oneof![9 => "1[67][0-9]{11}", 1 => id()]
}

fn levels() -> impl Strategy<Value = String> {
    let list = parse::list(parse::pair(decimal), 6);
    prop_oneof![12 => list, 1 => Just("[[\"1\"]]".to_owned()), 1 => Just("{}".to_owned())]
}

/// The events of each stream, as [`parse::fields`] reads them.
const SHAPES: [(&str, &str); 9] = [
    ("trade", "e=trade E s t#0 p$0 q$1 T m M"),
    ("trade", "e=trade E s t#0 p$0 q$1 b#1 a#2 T m M"),
    ("trade", "e=trade E T s t#0 p$0 q$1 X m"),
    ("aggTrade", "e=aggTrade E s a#0 p$0 q$1 f#1 l#2 T m M"),
    ("aggTrade", "e=aggTrade E a#0 s p$0 q$1 nq$2 f#1 l#2 T m st"),
    ("bookTicker", "u#0 s b$0 B$1 a$2 A$3"),
    ("bookTicker", "e=bookTicker u#0 s b$0 B$1 a$2 A$3 T E"),
    ("depth@100ms", "e=depthUpdate E s U#0 u#1 b[0 a[1"),
    ("depth", "e=depthUpdate E T s ps st U#0 u#1 pu#2 b[0 a[1"),
];

/// One event: its keys and the text of their values, in the order of the wire.
fn event() -> impl Strategy<Value = (&'static str, Fields)> {
    let symbol = prop_oneof![9 => prop::sample::select(&SYMBOLS[..]), 1 => Just("NOTOURS")];
    let drawn = parse::drawn(id(), 3, decimal(), 4, prop::collection::vec(levels(), 2));
    let parts = (
        symbol,
        prop::collection::vec(time(), 2),
        drawn,
        any::<[bool; 2]>(),
        prop::sample::select(&["MARKET", "ADL", "NA"][..]),
        prop::sample::select(&SHAPES[..]),
    );
    parts.prop_map(|(symbol, times, drawn, flags, order, (stream, shape))| {
        let named = |key: &str| match key {
            "E" => times[0].clone(),
            "T" => times[1].clone(),
            "s" | "ps" => format!("\"{symbol}\""),
            "X" => format!("\"{order}\""),
            "st" => "1".to_owned(),
            "m" => flags[0].to_string(),
            "M" => flags[1].to_string(),
            key => panic!("{key} has no value"),
        };
        (stream, parse::fields(shape, &drawn, named))
    })
}

/// How a frame is disturbed.
#[derive(Clone, Debug)]
enum Change {
    None,
    Edit(Edit),
    Space(usize),
    Escape,
    Stream(&'static str),
}

fn change() -> impl Strategy<Value = Change> {
    let texts = ["[[{\"s\":\"BTCUSDT\"}],1.5e3]", "{\"p\":\"1\",\"e\":\"trade\"}"];
    prop_oneof![
        6 => Just(Change::None),
        4 => parse::edit("[a-zA-Z]{1,2}", parse::anything(texts)).prop_map(Change::Edit),
        1 => any::<usize>().prop_map(Change::Space),
        1 => Just(Change::Escape),
        1 => prop::sample::select(&["btcusdt@depth20", "btcusdt@depth5@100ms", "!x@arr", "x"][..])
            .prop_map(Change::Stream),
    ]
}

fn frame() -> impl Strategy<Value = String> {
    (event(), change(), any::<bool>()).prop_map(|((stream, mut fields), change, wrapped)| {
        let symbol = fields.iter().find(|(key, _)| key == "s").expect("each has one").1.clone();
        let mut name = format!("{}@{stream}", symbol.trim_matches('"').to_lowercase());
        match &change {
            Change::Edit(edit) => edit.apply(&mut fields),
            Change::Stream(other) => name = (*other).to_owned(),
            Change::None | Change::Space(_) | Change::Escape => {}
        }
        let mut text = parse::object(&fields);
        if wrapped || matches!(change, Change::Stream(_)) {
            text = format!("{{\"stream\":\"{name}\",\"data\":{text}}}");
        }
        match change {
            Change::Space(at) => parse::spaced(text, at),
            Change::Escape => text.replacen('B', "\\u0042", 1),
            _ => text,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn generated_frames_read_alike_on_both_paths(text in frame()) {
        for exchange in MARKETS {
            both(exchange, &SYMBOLS).read(text.as_bytes());
        }
    }

    #[test]
    fn damaged_frames_read_alike_on_both_paths(texts in parse::damaged(frame())) {
        for exchange in MARKETS {
            both(exchange, &SYMBOLS).read_damaged(&texts);
        }
    }
}
