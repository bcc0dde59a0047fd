//! Kraken's two paths of parsing against each other: on recorded frames, and on generated ones.

mod common;

use proptest::prelude::*;
use tickwire::exchange::kraken::Kraken;
use tickwire::instrument::ExchangeId;

use common::parse::{self, Both, Edit, Fields};

/// Symbols that the generated frames are of; the longest that a map holds among them.
const SYMBOLS: [&str; 5] =
    ["BTC/USD", "AAPLx/USD", "X/Y", "1MBABYDOGE/USDT", "ABCDEFGHIJKLMNOPQRS/USDT"];

/// Padding that looks like the rest of a frame.
const PADDING: &[u8] = br#"1.5},{"price":2,"qty":1}],"checksum":12,"timestamp":"2026-08-26T"}]}"#;

fn both(exchange: ExchangeId, symbols: &[impl AsRef<str>]) -> Both<Kraken> {
    Both::new(|| Kraken::new(exchange), Kraken::parse_general, symbols, PADDING)
}

#[test]
fn recorded_frames_read_alike_on_both_paths_and_the_hot_ones_in_place() {
    let is_hot = |frame: &str| {
        frame.starts_with(r#"{"channel":"book""#)
            || frame.contains(r#""type":"update""#) && !frame.contains("ohlc")
    };
    parse::recorded("kraken-v2", |_, symbols| both(ExchangeId::Kraken, symbols), is_hot);
}

#[test]
fn frames_of_other_exchanges_and_of_the_other_version_are_foreign() {
    parse::foreign("kraken-v2", || both(ExchangeId::Kraken, &SYMBOLS));
    parse::foreign("kraken-v1", || both(ExchangeId::KrakenV1, &SYMBOLS));
}

/// A number as Kraken writes them, and sometimes as it does not.
fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "(0|[1-9][0-9]{0,6})\\.[0-9]{1,8}",
        4 => "(0|[1-9][0-9]{0,9})(\\.[0-9]{1,8})?",
        1 => "[1-9][0-9]{9,12}\\.[0-9]{8}",
        1 => "-?[0-9]{0,3}\\.?[0-9]{0,3}([eE][+-]?[0-9])?",
        1 => Just("0.00000000".to_owned()),
    ]
}

fn signed() -> impl Strategy<Value = String> {
    (any::<bool>(), number()).prop_map(|(negative, number)| match negative {
        true => format!("-{number}"),
        false => number,
    })
}

fn id() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "[1-9][0-9]{0,9}",
        2 => "(0|[1-9][0-9]{0,18})",
        2 => parse::id_odd(),
    ]
}

fn date() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "\"20[0-9]{2}-0[1-9]-[12][0-9]T[01][0-9]:[0-5][0-9]:[0-5][0-9]\\.[0-9]{6}Z\"",
        1 => "\"20[0-9]{2}-0[1-9]-[12][0-9]T[01][0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?Z\"",
        1 => "\"[0-9TZ:.-]{0,30}\"",
        1 => Just("7".to_owned()),
    ]
}

fn levels() -> impl Strategy<Value = String> {
    let level = (number(), number())
        .prop_map(|(price, size)| format!(r#"{{"price":{price},"qty":{size}}}"#));
    let list = parse::list(level, 6);
    prop_oneof![12 => list, 1 => Just("[{\"price\":1}]".to_owned()), 1 => Just("{}".to_owned())]
}

/// One item of `data`: its keys and the text of their values, in the order of the wire.
fn item(channel: &'static str) -> impl Strategy<Value = Fields> {
    let symbol = prop_oneof![9 => prop::sample::select(&SYMBOLS[..]), 1 => Just("NOT/OURS")];
    let parts = (
        symbol,
        prop::collection::vec(number(), 9),
        prop::collection::vec(signed(), 2),
        prop::collection::vec(levels(), 2),
        id(),
        date(),
        prop::sample::select(&["\"buy\"", "\"sell\"", "\"b\"", "null"][..]),
        any::<bool>(),
    );
    parts.prop_map(move |(symbol, numbers, signed, levels, id, date, side, all)| {
        let mut fields = vec![("symbol", format!("\"{symbol}\""))];
        let number = |index: usize| numbers[index].clone();
        match channel {
            "book" => {
                fields.push(("bids", levels[0].clone()));
                fields.push(("asks", levels[1].clone()));
                fields.push(("checksum", id));
            }
            "trade" => {
                fields.extend([
                    ("side", side.to_owned()),
                    ("price", number(0)),
                    ("qty", number(1)),
                ]);
                if all {
                    fields.push(("ord_type", "\"limit\"".to_owned()));
                }
                fields.push(("trade_id", id));
            }
            _ => {
                let keys =
                    ["bid", "bid_qty", "ask", "ask_qty", "last", "volume", "vwap", "low", "high"];
                fields.extend(keys.into_iter().zip(numbers));
                fields.push(("change", signed[0].clone()));
                fields.push(("change_pct", signed[1].clone()));
            }
        }
        if all {
            fields.push(("timestamp", date));
        }
        fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    })
}

/// How a frame is disturbed.
#[derive(Clone, Debug)]
enum Change {
    None,
    Edit(Edit),
    Space(usize),
    Escape,
    Envelope,
}

fn change() -> impl Strategy<Value = Change> {
    let texts = ["[[{\"symbol\":\"BTC/USD\"}],1.5e3]", "{\"price\":1,\"qty\":2}"];
    prop_oneof![
        6 => Just(Change::None),
        4 => parse::edit("[a-z_]{1,8}", parse::anything(texts)).prop_map(Change::Edit),
        1 => any::<usize>().prop_map(Change::Space),
        1 => Just(Change::Escape),
        1 => Just(Change::Envelope),
    ]
}

fn frame() -> impl Strategy<Value = String> {
    let channel = prop::sample::select(&["book", "trade", "ticker"][..]);
    let items = channel.prop_flat_map(|channel| {
        (Just(channel), prop::collection::vec(item(channel), 1..4), 0..4_usize)
    });
    (items, change(), any::<bool>()).prop_map(|((channel, mut items, single), change, snapshot)| {
        // One item is the rule.
        if single > 0 {
            items.truncate(1);
        }
        if let Change::Edit(edit) = &change {
            edit.apply(&mut items[0]);
        }
        let items: Vec<String> = items.iter().map(|fields| parse::object(fields)).collect();
        let (kind, items) = (if snapshot { "snapshot" } else { "update" }, items.join(","));
        let text = match change {
            Change::Envelope => {
                format!(r#"{{"type":"{kind}","data":[{items}],"channel":"{channel}"}}"#)
            }
            _ => format!(r#"{{"channel":"{channel}","type":"{kind}","data":[{items}]}}"#),
        };
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
    fn generated_frames_read_alike_on_both_paths(frames in prop::collection::vec(frame(), 1..4)) {
        let mut both = both(ExchangeId::Kraken, &SYMBOLS);
        for text in frames {
            both.read(text.as_bytes());
        }
    }

    #[test]
    fn damaged_frames_read_alike_on_both_paths(texts in parse::damaged(frame())) {
        for exchange in [ExchangeId::Kraken, ExchangeId::KrakenV1] {
            both(exchange, &SYMBOLS).read_damaged(&texts);
        }
    }

    /// Whatever the order of the keys, a whole frame says the same.
    #[test]
    fn the_order_of_keys_means_nothing(
        fields in item("book").prop_flat_map(|fields| (Just(fields.clone()), Just(fields).prop_shuffle())),
    ) {
        let [ordered, shuffled] = [&fields.0, &fields.1].map(|fields| {
            let item = parse::object(fields);
            format!(r#"{{"channel":"book","type":"update","data":[{item}]}}"#)
        });
        let one = both(ExchangeId::Kraken, &SYMBOLS).read(ordered.as_bytes());
        let other = both(ExchangeId::Kraken, &SYMBOLS).read(shuffled.as_bytes());
        if one.outcome.is_ok() {
            prop_assert_eq!(one.batch, other.batch);
        } else {
            prop_assert!(other.outcome.is_err());
        }
    }
}
