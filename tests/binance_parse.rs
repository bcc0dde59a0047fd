//! Binance's two paths of parsing against each other: on recorded frames, and on generated ones.

mod common;

use std::collections::BTreeSet;

use proptest::prelude::*;
use tickwire::exchange::binance::Binance;
use tickwire::exchange::{Batch, Exchange, Frame, Rejected};
use tickwire::instrument::{ExchangeId, InstrumentId, NativeMap};
use tickwire::json::PaddedFrame;
use tickwire::limits::FRAME_PADDING;

use common::captures;

/// The ids that the adapter speaks for.
const MARKETS: [ExchangeId; 2] = [ExchangeId::Binance, ExchangeId::BinanceFutures];

/// Symbols that the generated frames are of.
const SYMBOLS: [&str; 5] = ["BTCUSDT", "1000SATSUSDT", "BTCUSDT_261225", "X", "1MBABYDOGEUSDTLONG"];

fn adapter(exchange: ExchangeId, symbols: &[impl AsRef<str>]) -> Binance {
    let mut adapter = Binance::new(exchange);
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
    let padding = b"\"}}]]\",\"1.5\"],[\"0\"}1234567890,\"m\":true,\"M\":true}}\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"";
    bytes.extend_from_slice(&padding[..FRAME_PADDING]);
    let mut batch = Batch::new();
    let outcome = parse(PaddedFrame::new(&mut bytes, text.len()), &mut batch);
    if outcome.is_err() {
        assert!(batch.is_empty() && batch.levels.is_empty(), "a rejected frame left something");
    }
    Read { outcome, batch: format!("{batch:?}") }
}

/// Reads a frame by both paths, asserts that they agree, and tells what came out.
fn both(adapter: &mut Binance, text: &[u8]) -> Read {
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

fn exchange_of(name: &str) -> ExchangeId {
    if name.contains("usdm") { ExchangeId::BinanceFutures } else { ExchangeId::Binance }
}

fn symbols_of(adapter: &Binance, frames: &[String]) -> Vec<String> {
    let mut symbols = BTreeSet::new();
    for frame in frames {
        adapter.symbols_in(frame.as_bytes(), &mut |symbol| {
            symbols.insert(symbol.to_owned());
        });
    }
    symbols.into_iter().collect()
}

#[test]
fn recorded_frames_read_alike_on_both_paths_and_the_hot_ones_in_place() {
    for path in captures::files("binance-") {
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        let frames = captures::received(&path);
        let symbols = symbols_of(&adapter(exchange_of(&name), &[""; 0]), &frames);
        assert!(!symbols.is_empty(), "{name}");
        let mut adapter = adapter(exchange_of(&name), &symbols);
        let (mut hot, mut recognised) = (0, 0);
        for frame in &frames {
            let outcome = both(&mut adapter, frame.as_bytes()).outcome;
            let outcome = outcome.unwrap_or_else(|error| panic!("{name}: {error}: {frame}"));
            let is_hot = !frame.contains("kline") && !frame.contains("24hrTicker");
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
    for prefix in ["bybit", "coinbase", "deriv", "kraken", "okx"] {
        for path in captures::files(prefix) {
            let mut adapters = MARKETS.map(|exchange| adapter(exchange, &SYMBOLS));
            for frame in captures::received(&path) {
                for adapter in &mut adapters {
                    let outcome = both(adapter, frame.as_bytes()).outcome;
                    let refused = matches!(outcome, Err(Rejected::Foreign | Rejected::NotJson));
                    assert!(refused, "{}: {outcome:?}: {frame}", path.display());
                }
            }
        }
    }
}

/// A decimal as exchanges write them, and sometimes as they do not.
fn decimal() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "(0|[1-9][0-9]{0,6})\\.[0-9]{8}",
        4 => "(0|[1-9][0-9]{0,9})(\\.[0-9]{1,8})?",
        1 => "[1-9][0-9]{9,12}\\.[0-9]{8}",
        1 => "-?[0-9]{0,3}\\.?[0-9]{0,3}(e-?[0-9])?",
        1 => Just("0.00000000".to_owned()),
    ]
}

fn id() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "[1-9][0-9]{7,12}",
        2 => "(0|[1-9][0-9]{0,18})",
        1 => "0?[0-9]{15,21}",
        1 => "-1|1\\.0|1e3|\"7\"|null",
    ]
}

fn time() -> impl Strategy<Value = String> {
    prop_oneof![9 => "1[67][0-9]{11}", 1 => id()]
}

/// Something that a field without meaning for us may hold.
fn anything() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("true".to_owned()),
        Just("[[{\"s\":\"BTCUSDT\"}],1.5e3]".to_owned()),
        Just("{\"p\":\"1\",\"e\":\"trade\"}".to_owned()),
        Just("\"x\\\"\\u00e9\"".to_owned()),
        "-?[1-9][0-9]{0,3}(\\.[0-9]{1,3})?",
    ]
}

fn levels() -> impl Strategy<Value = String> {
    let level =
        (decimal(), decimal()).prop_map(|(price, size)| format!("[\"{price}\",\"{size}\"]"));
    let list =
        prop::collection::vec(level, 0..6).prop_map(|levels| format!("[{}]", levels.join(",")));
    prop_oneof![12 => list, 1 => Just("[[\"1\"]]".to_owned()), 1 => Just("{}".to_owned())]
}

/// One event: its keys and the text of their values, in the order of the wire.
fn event() -> impl Strategy<Value = (&'static str, Vec<(String, String)>)> {
    let symbol = prop_oneof![9 => prop::sample::select(&SYMBOLS[..]), 1 => Just("NOTOURS")];
    let parts = (
        symbol,
        prop::collection::vec(time(), 2),
        prop::collection::vec(id(), 5),
        prop::collection::vec(decimal(), 5),
        prop::collection::vec(levels(), 2),
        any::<[bool; 3]>(),
        prop::sample::select(&["MARKET", "ADL", "NA"][..]),
        0_usize..9,
    );
    parts.prop_map(|(symbol, times, ids, decimals, levels, flags, order, shape)| {
        let text = |text: &str| format!("\"{text}\"");
        let field = |key: &str, value: String| (key.to_owned(), value);
        let number = |key: &str, index: usize| (key.to_owned(), ids[index].clone());
        let price = |key: &str, index: usize| (key.to_owned(), format!("\"{}\"", decimals[index]));
        let (sent, matched) = (field("E", times[0].clone()), field("T", times[1].clone()));
        let (s, m) = (field("s", text(symbol)), field("m", flags[0].to_string()));
        let mm = field("M", flags[1].to_string());
        let e = |name: &str| field("e", text(name));
        let (st, ps) = (field("st", "1".to_owned()), field("ps", text(symbol)));
        let (b, a) = (field("b", levels[0].clone()), field("a", levels[1].clone()));
        let (p, q) = (price("p", 0), price("q", 1));
        let x = field("X", text(order));
        let best = [price("b", 0), price("B", 1), price("a", 2), price("A", 3)];
        match shape {
            0 => ("trade", vec![e("trade"), sent, s, number("t", 0), p, q, matched, m, mm]),
            1 => (
                "trade",
                vec![
                    e("trade"),
                    sent,
                    s,
                    number("t", 0),
                    p,
                    q,
                    number("b", 1),
                    number("a", 2),
                    matched,
                    m,
                    mm,
                ],
            ),
            2 => ("trade", vec![e("trade"), sent, matched, s, number("t", 0), p, q, x, m]),
            3 => (
                "aggTrade",
                vec![
                    e("aggTrade"),
                    sent,
                    s,
                    number("a", 0),
                    p,
                    q,
                    number("f", 1),
                    number("l", 2),
                    matched,
                    m,
                    mm,
                ],
            ),
            4 => (
                "aggTrade",
                vec![
                    e("aggTrade"),
                    sent,
                    number("a", 0),
                    s,
                    p,
                    q,
                    price("nq", 2),
                    number("f", 1),
                    number("l", 2),
                    matched,
                    m,
                    st,
                ],
            ),
            5 => ("bookTicker", [vec![number("u", 0), s], best.to_vec()].concat()),
            6 => (
                "bookTicker",
                [vec![e("bookTicker"), number("u", 0), s], best.to_vec(), vec![matched, sent]]
                    .concat(),
            ),
            7 => (
                "depth@100ms",
                vec![e("depthUpdate"), sent, s, number("U", 0), number("u", 1), b, a],
            ),
            _ => (
                "depth",
                vec![
                    e("depthUpdate"),
                    sent,
                    matched,
                    s,
                    ps,
                    st,
                    number("U", 0),
                    number("u", 1),
                    number("pu", 2),
                    b,
                    a,
                ],
            ),
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
    Stream(&'static str),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        6 => Just(Change::None),
        1 => (any::<usize>(), any::<usize>()).prop_map(|(one, other)| Change::Swap(one, other)),
        1 => (any::<usize>(), "[a-zA-Z]{1,2}", anything())
            .prop_map(|(at, key, value)| Change::Insert(at, key, value)),
        1 => any::<usize>().prop_map(Change::Remove),
        1 => any::<usize>().prop_map(Change::Repeat),
        1 => any::<usize>().prop_map(Change::Space),
        1 => Just(Change::Escape),
        1 => prop::sample::select(&["btcusdt@depth20", "btcusdt@depth5@100ms", "!x@arr", "x"][..])
            .prop_map(Change::Stream),
    ]
}

fn frame() -> impl Strategy<Value = String> {
    (event(), change(), any::<bool>()).prop_map(|((stream, mut fields), change, wrapped)| {
        let count = fields.len();
        let symbol = fields.iter().find(|(key, _)| key == "s").expect("each has one").1.clone();
        let mut name = format!("{}@{stream}", symbol.trim_matches('"').to_lowercase());
        match &change {
            Change::Swap(one, other) => fields.swap(one % count, other % count),
            Change::Insert(at, key, value) => {
                fields.insert(at % count, (key.clone(), value.clone()))
            }
            Change::Remove(at) => drop(fields.remove(at % count)),
            Change::Repeat(at) => fields.push(fields[at % count].clone()),
            Change::Stream(other) => name = (*other).to_owned(),
            Change::None | Change::Space(_) | Change::Escape => {}
        }
        let fields: Vec<_> =
            fields.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
        let mut text = format!("{{{}}}", fields.join(","));
        if wrapped || matches!(change, Change::Stream(_)) {
            text = format!("{{\"stream\":\"{name}\",\"data\":{text}}}");
        }
        match change {
            Change::Space(at) => {
                let commas: Vec<_> = text.match_indices([',', ':']).map(|(at, _)| at + 1).collect();
                text.insert(commas[at % commas.len()], ' ');
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
    fn generated_frames_read_alike_on_both_paths(text in frame()) {
        for exchange in MARKETS {
            both(&mut adapter(exchange, &SYMBOLS), text.as_bytes());
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
        for exchange in MARKETS {
            let mut adapter = adapter(exchange, &SYMBOLS);
            both(&mut adapter, &bytes);
            both(&mut adapter, &bytes[..length % (bytes.len() + 1)]);
            adapter.symbols_in(&bytes, &mut |_| ());
        }
    }
}
