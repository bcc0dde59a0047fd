//! Kraken's two paths of parsing against each other: on recorded frames, and on generated ones.

mod common;

use std::collections::BTreeSet;

use proptest::prelude::*;
use tickwire::exchange::kraken::Kraken;
use tickwire::exchange::{Batch, Exchange, Frame, Rejected};
use tickwire::instrument::{ExchangeId, InstrumentId, NativeMap};
use tickwire::json::PaddedFrame;
use tickwire::limits::FRAME_PADDING;

use common::captures;

/// Symbols that the generated frames are of; the longest that a map holds among them.
const SYMBOLS: [&str; 5] =
    ["BTC/USD", "AAPLx/USD", "X/Y", "1MBABYDOGE/USDT", "ABCDEFGHIJKLMNOPQRS/USDT"];

/// The adapter, and its twin that has the general path alone: both remember what frames said.
struct Both {
    adapter: Kraken,
    twin: Kraken,
}

/// What a frame came to: the outcome and everything that it put into the batch.
#[derive(Debug, PartialEq)]
struct Read {
    outcome: Result<Frame, Rejected>,
    batch: String,
}

fn read(
    text: &[u8],
    parse: impl FnOnce(PaddedFrame<'_>, &mut Batch) -> Result<Frame, Rejected>,
) -> Read {
    let mut bytes = text.to_vec();
    // Padding that looks like the rest of a frame.
    let padding = br#"1.5},{"price":2,"qty":1}],"checksum":12,"timestamp":"2026-08-26T"}]}"#;
    bytes.extend_from_slice(&padding[..FRAME_PADDING]);
    let mut batch = Batch::new();
    let outcome = parse(PaddedFrame::new(&mut bytes, text.len()), &mut batch);
    if outcome.is_err() {
        assert!(batch.is_empty() && batch.levels.is_empty(), "a rejected frame left something");
    }
    Read { outcome, batch: format!("{batch:?}") }
}

impl Both {
    fn new(exchange: ExchangeId, symbols: &[impl AsRef<str>]) -> Self {
        let ids = (0..).map(InstrumentId);
        let instruments = NativeMap::new(symbols.iter().map(AsRef::as_ref).zip(ids));
        let [mut adapter, mut twin] = [Kraken::new(exchange), Kraken::new(exchange)];
        adapter.set_instruments(instruments.clone());
        twin.set_instruments(instruments);
        Self { adapter, twin }
    }

    /// Reads a frame by both, asserts that they agree, and tells what came out.
    fn read(&mut self, text: &[u8]) -> Read {
        let whole = read(text, |frame, batch| self.adapter.parse(frame, batch));
        let general = read(text, |frame, batch| self.twin.parse_general(frame, batch));
        let shown = String::from_utf8_lossy(text);
        assert_eq!(whole.batch, general.batch, "{shown}");
        let same = match (&whole.outcome, &general.outcome) {
            (Ok(Frame::Data { .. }), Ok(Frame::Data { .. })) => true,
            (one, other) => one == other,
        };
        assert!(same, "{:?} against {:?}: {shown}", whole.outcome, general.outcome);
        whole
    }
}

fn symbols_of(exchange: ExchangeId, frames: &[String]) -> Vec<String> {
    let mut symbols = BTreeSet::new();
    for frame in frames {
        Kraken::new(exchange).symbols_in(frame.as_bytes(), &mut |symbol| {
            symbols.insert(symbol.to_owned());
        });
    }
    symbols.into_iter().collect()
}

#[test]
fn recorded_frames_read_alike_on_both_paths_and_the_hot_ones_in_place() {
    for path in captures::files("kraken-v2") {
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        let frames = captures::received(&path);
        let mut both = Both::new(ExchangeId::Kraken, &symbols_of(ExchangeId::Kraken, &frames));
        let (mut hot, mut recognised) = (0, 0);
        for frame in &frames {
            let outcome = both.read(frame.as_bytes()).outcome;
            let outcome = outcome.unwrap_or_else(|error| panic!("{name}: {error}: {frame}"));
            let is_hot = frame.starts_with(r#"{"channel":"book""#)
                || frame.contains(r#""type":"update""#) && !frame.contains("ohlc");
            if let (Frame::Data { recognised: in_place }, true) = (outcome, is_hot) {
                hot += 1;
                recognised += u32::from(in_place);
            }
        }
        assert!(hot > 0, "{name}");
        // None is left to the general path; one in a hundred would be a reason to look.
        assert_eq!(recognised, hot, "{name}: frames of hot shapes that were not read in place");
    }
}

#[test]
fn frames_of_other_exchanges_and_of_the_other_version_are_foreign() {
    let v1 = |name: &str| name.starts_with("kraken-v1");
    for prefix in ["binance", "bybit", "coinbase", "deriv", "kraken", "okx"] {
        for path in captures::files(prefix) {
            let name = path.file_name().expect("a file").to_string_lossy().into_owned();
            for exchange in [ExchangeId::Kraken, ExchangeId::KrakenV1] {
                if prefix == "kraken" && v1(&name) == (exchange == ExchangeId::KrakenV1) {
                    continue;
                }
                let mut both = Both::new(exchange, &SYMBOLS);
                for frame in captures::received(&path) {
                    let outcome = both.read(frame.as_bytes()).outcome;
                    let refused = matches!(outcome, Err(Rejected::Foreign | Rejected::NotJson));
                    assert!(refused, "{name} as {exchange}: {outcome:?}: {frame}");
                }
            }
        }
    }
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
        1 => "0?[0-9]{15,21}",
        1 => "-1|1\\.0|1e3|\"7\"|null",
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

/// Something that a field without meaning for us may hold.
fn anything() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("true".to_owned()),
        Just("[[{\"symbol\":\"BTC/USD\"}],1.5e3]".to_owned()),
        Just("{\"price\":1,\"qty\":2}".to_owned()),
        Just("\"x\\\"\\u00e9\"".to_owned()),
        "-?[1-9][0-9]{0,3}(\\.[0-9]{1,3})?",
    ]
}

fn levels() -> impl Strategy<Value = String> {
    let level = (number(), number())
        .prop_map(|(price, size)| format!(r#"{{"price":{price},"qty":{size}}}"#));
    let list =
        prop::collection::vec(level, 0..6).prop_map(|levels| format!("[{}]", levels.join(",")));
    prop_oneof![12 => list, 1 => Just("[{\"price\":1}]".to_owned()), 1 => Just("{}".to_owned())]
}

/// One item of `data`: its keys and the text of their values, in the order of the wire.
fn item(channel: &'static str) -> impl Strategy<Value = Vec<(String, String)>> {
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
    Swap(usize, usize),
    Insert(usize, String, String),
    Remove(usize),
    Repeat(usize),
    Space(usize),
    Escape,
    Envelope,
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        6 => Just(Change::None),
        1 => (any::<usize>(), any::<usize>()).prop_map(|(one, other)| Change::Swap(one, other)),
        1 => (any::<usize>(), "[a-z_]{1,8}", anything())
            .prop_map(|(at, key, value)| Change::Insert(at, key, value)),
        1 => any::<usize>().prop_map(Change::Remove),
        1 => any::<usize>().prop_map(Change::Repeat),
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
        let fields = &mut items[0];
        let count = fields.len();
        match &change {
            Change::Swap(one, other) => fields.swap(one % count, other % count),
            Change::Insert(at, key, value) => {
                fields.insert(at % count, (key.clone(), value.clone()));
            }
            Change::Remove(at) => drop(fields.remove(at % count)),
            Change::Repeat(at) => fields.push(fields[at % count].clone()),
            Change::None | Change::Space(_) | Change::Escape | Change::Envelope => {}
        }
        let item = |fields: &Vec<(String, String)>| {
            let fields: Vec<_> =
                fields.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
            format!("{{{}}}", fields.join(","))
        };
        let items: Vec<String> = items.iter().map(item).collect();
        let (kind, items) = (if snapshot { "snapshot" } else { "update" }, items.join(","));
        let mut text = match change {
            Change::Envelope => {
                format!(r#"{{"type":"{kind}","data":[{items}],"channel":"{channel}"}}"#)
            }
            _ => format!(r#"{{"channel":"{channel}","type":"{kind}","data":[{items}]}}"#),
        };
        match change {
            Change::Space(at) => {
                let marks: Vec<_> = text.match_indices([',', ':']).map(|(at, _)| at + 1).collect();
                text.insert(marks[at % marks.len()], ' ');
                text
            }
            Change::Escape => text.replacen('B', "\\u0042", 1),
            _ => text,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn generated_frames_read_alike_on_both_paths(frames in prop::collection::vec(frame(), 1..4)) {
        let mut both = Both::new(ExchangeId::Kraken, &SYMBOLS);
        for text in frames {
            both.read(text.as_bytes());
        }
    }

    #[test]
    fn damaged_frames_read_alike_on_both_paths(
        text in frame(),
        flips in prop::collection::vec((any::<usize>(), any::<u8>()), 0..3),
        length in any::<usize>(),
    ) {
        let mut bytes = text.into_bytes();
        for (at, byte) in flips {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        for exchange in [ExchangeId::Kraken, ExchangeId::KrakenV1] {
            let mut both = Both::new(exchange, &SYMBOLS);
            both.read(&bytes);
            both.read(&bytes[..length % (bytes.len() + 1)]);
            both.adapter.symbols_in(&bytes, &mut |_| ());
        }
    }

    /// Whatever the order of the keys, a whole frame says the same.
    #[test]
    fn the_order_of_keys_means_nothing(
        fields in item("book").prop_flat_map(|fields| (Just(fields.clone()), Just(fields).prop_shuffle())),
    ) {
        let [ordered, shuffled] = [&fields.0, &fields.1].map(|fields| {
            let fields: Vec<_> =
                fields.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
            format!(r#"{{"channel":"book","type":"update","data":[{{{}}}]}}"#, fields.join(","))
        });
        let one = Both::new(ExchangeId::Kraken, &SYMBOLS).read(ordered.as_bytes());
        let other = Both::new(ExchangeId::Kraken, &SYMBOLS).read(shuffled.as_bytes());
        if one.outcome.is_ok() {
            prop_assert_eq!(one.batch, other.batch);
        } else {
            prop_assert!(other.outcome.is_err());
        }
    }
}
