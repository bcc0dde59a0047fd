//! OKX's two paths of parsing against each other: on recorded frames, and on generated ones.

mod common;

use proptest::prelude::*;
use tickwire::exchange::okx::Okx;

use common::parse::{self, Both, Edit, Fields};

/// Symbols that the generated frames are of; the longest that a map holds among them.
const SYMBOLS: [&str; 5] =
    ["BTC-USDT", "BTC-USDT-SWAP", "BTC-USD-220527", "X-Y", "1MBABYDOGE-USD_UM-260925"];

/// Padding that looks like the rest of a frame.
const PADDING: &[u8] = br#"","0","1"]],"ts":"1597026383185","checksum":1,"seqId":2}]}}]}}]}}]}}]}"#;

fn both(symbols: &[impl AsRef<str>]) -> Both<Okx> {
    Both::new(Okx::new, Okx::parse_general, symbols, PADDING)
}

#[test]
fn recorded_frames_read_alike_on_both_paths_and_the_hot_ones_in_place() {
    let hot_channels =
        ["trades", "bbo-tbt", "books"].map(|name| format!("{{\"channel\":\"{name}\""));
    let is_hot = |frame: &str| hot_channels.iter().any(|channel| frame.contains(channel));
    parse::recorded("okx-", |_, symbols| both(symbols), is_hot);
}

#[test]
fn frames_of_other_exchanges_are_foreign() {
    parse::foreign("okx", || both(&SYMBOLS));
}

/// A decimal as OKX writes them, and sometimes as it does not.
fn decimal() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "(0|[1-9][0-9]{0,6})(\\.[0-9]{0,7}[1-9])?",
        4 => "(0|[1-9][0-9]{0,9})",
        1 => "0\\.0{4,9}[1-9]{1,3}",
        2 => parse::decimal_odd(),
    ]
}

/// A whole number, in quotation marks or not as `quoted` says.
fn id(quoted: bool) -> impl Strategy<Value = String> {
    let digits = prop_oneof![
        8 => "[1-9][0-9]{5,12}",
        2 => "(0|[1-9][0-9]{0,18})",
        1 => "0?[0-9]{15,21}",
        1 => "-1|-12|1\\.0|1e3|-0|x",
    ];
    digits.prop_map(move |digits| match quoted {
        true => format!("\"{digits}\""),
        false if digits == "x" => "null".to_owned(),
        false => digits,
    })
}

fn time() -> impl Strategy<Value = String> {
    prop_oneof![9 => "\"1[67][0-9]{11}\"", 1 => id(true)]
}

fn levels(end: usize) -> impl Strategy<Value = String> {
    let last = prop_oneof![12 => "\"0\",\"[0-9]{1,3}\"", 1 => "\"1\",\"x\"", 1 => "\"0\""];
    let level = (decimal(), decimal(), last)
        .prop_map(|(price, size, last)| format!("[\"{price}\",\"{size}\",{last}]"));
    let list = parse::list(level, end);
    prop_oneof![12 => list, 1 => Just("[[\"1\"]]".to_owned()), 1 => Just("{}".to_owned())]
}

/// One item of a data frame: its channel, its action, and its keys with the text of their values
/// in the order of the wire.
fn item() -> impl Strategy<Value = (&'static str, Option<&'static str>, Fields)> {
    let parts = (
        prop::collection::vec(time(), 1),
        prop::collection::vec(id(true), 2),
        prop::collection::vec(id(false), 3),
        prop::collection::vec(decimal(), 2),
        (levels(6), levels(6), levels(2), levels(2)),
        prop::sample::select(&["buy", "sell", "hold"][..]),
        prop::sample::select(&["snapshot", "update"][..]),
        0_usize..8,
    );
    parts.prop_map(|(times, texts, numbers, decimals, sides, side, action, shape)| {
        let field = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let quoted = |key: &str, value: &str| (key.to_owned(), format!("\"{value}\""));
        let ts = field("ts", &times[0]);
        let (seq, previous) = (field("seqId", &numbers[0]), field("prevSeqId", &numbers[1]));
        let checksum = field("checksum", &numbers[2]);
        let book = [field("asks", &sides.0), field("bids", &sides.1), ts.clone()];
        let best = [field("asks", &sides.2), field("bids", &sides.3), ts.clone()];
        let trade = [
            quoted("instId", "?"),
            field("tradeId", &texts[0]),
            quoted("px", &decimals[0]),
            quoted("sz", &decimals[1]),
            quoted("side", side),
            ts,
        ];
        let newer = [field("count", &texts[1]), quoted("source", "0"), seq.clone()];
        match shape {
            0 => ("trades", None, trade.to_vec()),
            1 => ("trades", None, [trade.to_vec(), newer.to_vec()].concat()),
            2 => ("trades-all", None, [trade.to_vec(), newer[1..].to_vec()].concat()),
            3 => ("bbo-tbt", None, [best.to_vec(), vec![seq]].concat()),
            4 => ("books", Some(action), [book.to_vec(), vec![checksum]].concat()),
            5 => ("books", Some(action), [book.to_vec(), vec![checksum, previous, seq]].concat()),
            6 => ("books", Some(action), [book.to_vec(), vec![checksum, seq, previous]].concat()),
            _ => ("books-l2-tbt", Some(action), [book.to_vec(), vec![seq, previous]].concat()),
        }
    })
}

/// How a frame is disturbed.
#[derive(Clone, Debug)]
enum Change {
    None,
    Edit(Edit),
    Space(usize),
    Escape,
    Twice,
    Elsewhere,
    ActionFirst,
}

fn change() -> impl Strategy<Value = Change> {
    let texts = ["[[{\"instId\":\"BTC-USDT\"}],1.5e3]", "{\"px\":\"1\",\"seqId\":7}"];
    prop_oneof![
        8 => Just(Change::None),
        4 => parse::edit("[a-zA-Z]{1,6}", parse::anything(texts)).prop_map(Change::Edit),
        1 => any::<usize>().prop_map(Change::Space),
        1 => Just(Change::Escape),
        2 => Just(Change::Twice),
        1 => Just(Change::Elsewhere),
        1 => Just(Change::ActionFirst),
    ]
}

fn frame() -> impl Strategy<Value = String> {
    let symbol = prop_oneof![9 => prop::sample::select(&SYMBOLS[..]), 1 => Just("NOT-OURS")];
    (symbol, item(), change()).prop_map(|(symbol, (channel, action, mut fields), change)| {
        if let Change::Edit(edit) = &change {
            edit.apply(&mut fields);
        }
        let inner = if matches!(change, Change::Elsewhere) { "X-Y" } else { symbol };
        let item = parse::object(&fields).replace('?', inner);
        let items = if matches!(change, Change::Twice) { format!("{item},{item}") } else { item };
        let argument = format!("\"arg\":{{\"channel\":\"{channel}\",\"instId\":\"{symbol}\"}}");
        let action = action.map(|action| format!("\"action\":\"{action}\""));
        let data = format!("\"data\":[{items}]");
        let parts = match (&change, action) {
            (Change::ActionFirst, Some(action)) => vec![action, argument, data],
            (_, Some(action)) => vec![argument, action, data],
            (_, None) => vec![argument, data],
        };
        let text = format!("{{{}}}", parts.join(","));
        match change {
            Change::Space(at) => parse::spaced(text, at),
            Change::Escape => text.replacen('U', "\\u0055", 1),
            _ => text,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn generated_frames_read_alike_on_both_paths(text in frame()) {
        both(&SYMBOLS).read(text.as_bytes());
    }

    #[test]
    fn damaged_frames_read_alike_on_both_paths(texts in parse::damaged(frame())) {
        both(&SYMBOLS).read_damaged(&texts);
    }
}
