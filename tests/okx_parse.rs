//! OKX's two paths of parsing against each other: on recorded frames, and on generated ones.

mod common;

use std::collections::BTreeSet;

use proptest::prelude::*;
use tickwire::exchange::okx::Okx;
use tickwire::exchange::{Batch, Exchange, Frame, Rejected};
use tickwire::instrument::{InstrumentId, NativeMap};
use tickwire::json::PaddedFrame;
use tickwire::limits::FRAME_PADDING;

use common::captures;

/// Symbols that the generated frames are of; the longest that a map holds among them.
const SYMBOLS: [&str; 5] =
    ["BTC-USDT", "BTC-USDT-SWAP", "BTC-USD-220527", "X-Y", "1MBABYDOGE-USD_UM-260925"];

fn adapter(symbols: &[impl AsRef<str>]) -> Okx {
    let mut adapter = Okx::new();
    let ids = (0..).map(InstrumentId);
    adapter.set_instruments(NativeMap::new(symbols.iter().map(AsRef::as_ref).zip(ids)));
    adapter
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
    let padding =
        b"\",\"0\",\"1\"]],\"ts\":\"1597026383185\",\"checksum\":1,\"seqId\":2}]}}]}}]}}]}}]}}]}";
    bytes.extend_from_slice(&padding[..FRAME_PADDING]);
    let mut batch = Batch::new();
    let outcome = parse(PaddedFrame::new(&mut bytes, text.len()), &mut batch);
    if outcome.is_err() {
        assert!(batch.is_empty() && batch.levels.is_empty(), "a rejected frame left something");
    }
    Read { outcome, batch: format!("{batch:?}") }
}

/// Reads a frame by both paths, asserts that they agree, and tells what came out.
fn both(adapter: &mut Okx, text: &[u8]) -> Read {
    let whole = read(text, |frame, batch| adapter.parse(frame, batch));
    let general = read(text, |frame, batch| adapter.parse_general(frame, batch));
    let shown = String::from_utf8_lossy(text);
    assert_eq!(whole.batch, general.batch, "{shown}");
    let same = match (&whole.outcome, &general.outcome) {
        (Ok(Frame::Data { .. }), Ok(Frame::Data { .. })) => true,
        (one, other) => one == other,
    };
    assert!(same, "{:?} against {:?}: {shown}", whole.outcome, general.outcome);
    whole
}

fn symbols_of(frames: &[String]) -> Vec<String> {
    let mut symbols = BTreeSet::new();
    for frame in frames {
        Okx::new().symbols_in(frame.as_bytes(), &mut |symbol| {
            symbols.insert(symbol.to_owned());
        });
    }
    symbols.into_iter().collect()
}

#[test]
fn recorded_frames_read_alike_on_both_paths_and_the_hot_ones_in_place() {
    let hot_channels =
        ["trades", "bbo-tbt", "books"].map(|name| format!("{{\"channel\":\"{name}\""));
    for path in captures::files("okx-") {
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        let frames = captures::received(&path);
        let symbols = symbols_of(&frames);
        assert!(!symbols.is_empty(), "{name}");
        let mut adapter = adapter(&symbols);
        let (mut hot, mut recognised) = (0, 0);
        for frame in &frames {
            let outcome = both(&mut adapter, frame.as_bytes()).outcome;
            let outcome = outcome.unwrap_or_else(|error| panic!("{name}: {error}: {frame}"));
            let is_hot = hot_channels.iter().any(|channel| frame.contains(channel));
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
fn frames_of_other_exchanges_are_foreign() {
    for prefix in ["binance", "bybit", "coinbase", "deriv", "kraken"] {
        for path in captures::files(prefix) {
            let mut adapter = adapter(&SYMBOLS);
            for frame in captures::received(&path) {
                let outcome = both(&mut adapter, frame.as_bytes()).outcome;
                let refused = matches!(outcome, Err(Rejected::Foreign | Rejected::NotJson));
                assert!(refused, "{}: {outcome:?}: {frame}", path.display());
            }
        }
    }
}

/// A decimal as OKX writes them, and sometimes as it does not.
fn decimal() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "(0|[1-9][0-9]{0,6})(\\.[0-9]{0,7}[1-9])?",
        4 => "(0|[1-9][0-9]{0,9})",
        1 => "0\\.0{4,9}[1-9]{1,3}",
        1 => "[1-9][0-9]{9,12}\\.[0-9]{8}",
        1 => "-?[0-9]{0,3}\\.?[0-9]{0,3}(e-?[0-9])?",
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

/// Something that a field without meaning for us may hold.
fn anything() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("true".to_owned()),
        Just("[[{\"instId\":\"BTC-USDT\"}],1.5e3]".to_owned()),
        Just("{\"px\":\"1\",\"seqId\":7}".to_owned()),
        Just("\"x\\\"\\u00e9\"".to_owned()),
        "-?[1-9][0-9]{0,3}(\\.[0-9]{1,3})?",
    ]
}

fn levels(most: usize) -> impl Strategy<Value = String> {
    let last = prop_oneof![12 => "\"0\",\"[0-9]{1,3}\"", 1 => "\"1\",\"x\"", 1 => "\"0\""];
    let level = (decimal(), decimal(), last)
        .prop_map(|(price, size, last)| format!("[\"{price}\",\"{size}\",{last}]"));
    let list =
        prop::collection::vec(level, 0..most).prop_map(|levels| format!("[{}]", levels.join(",")));
    prop_oneof![12 => list, 1 => Just("[[\"1\"]]".to_owned()), 1 => Just("{}".to_owned())]
}

type Fields = Vec<(String, String)>;

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
    Swap(usize, usize),
    Insert(usize, String, String),
    Remove(usize),
    Repeat(usize),
    Space(usize),
    Escape,
    Twice,
    Elsewhere,
    ActionFirst,
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        8 => Just(Change::None),
        1 => (any::<usize>(), any::<usize>()).prop_map(|(one, other)| Change::Swap(one, other)),
        1 => (any::<usize>(), "[a-zA-Z]{1,6}", anything())
            .prop_map(|(at, key, value)| Change::Insert(at, key, value)),
        1 => any::<usize>().prop_map(Change::Remove),
        1 => any::<usize>().prop_map(Change::Repeat),
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
        let count = fields.len();
        match &change {
            Change::Swap(one, other) => fields.swap(one % count, other % count),
            Change::Insert(at, key, value) => {
                fields.insert(at % count, (key.clone(), value.clone()));
            }
            Change::Remove(at) => drop(fields.remove(at % count)),
            Change::Repeat(at) => fields.push(fields[at % count].clone()),
            _ => {}
        }
        let inner = if matches!(change, Change::Elsewhere) { "X-Y" } else { symbol };
        let fields: Vec<_> =
            fields.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
        let item = format!("{{{}}}", fields.join(",")).replace('?', inner);
        let items = if matches!(change, Change::Twice) { format!("{item},{item}") } else { item };
        let argument = format!("\"arg\":{{\"channel\":\"{channel}\",\"instId\":\"{symbol}\"}}");
        let action = action.map(|action| format!("\"action\":\"{action}\""));
        let data = format!("\"data\":[{items}]");
        let parts = match (&change, action) {
            (Change::ActionFirst, Some(action)) => vec![action, argument, data],
            (_, Some(action)) => vec![argument, action, data],
            (_, None) => vec![argument, data],
        };
        let mut text = format!("{{{}}}", parts.join(","));
        match change {
            Change::Space(at) => {
                let commas: Vec<_> = text.match_indices([',', ':']).map(|(at, _)| at + 1).collect();
                text.insert(commas[at % commas.len()], ' ');
                text
            }
            Change::Escape => text.replacen('U', "\\u0055", 1),
            _ => text,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn generated_frames_read_alike_on_both_paths(text in frame()) {
        both(&mut adapter(&SYMBOLS), text.as_bytes());
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
        let mut adapter = adapter(&SYMBOLS);
        both(&mut adapter, &bytes);
        both(&mut adapter, &bytes[..length % (bytes.len() + 1)]);
        adapter.symbols_in(&bytes, &mut |_| ());
    }
}
