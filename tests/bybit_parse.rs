//! Bybit's two paths of parsing against each other: on recorded frames, and on generated ones.

mod common;

use std::collections::BTreeSet;

use proptest::prelude::*;
use tickwire::exchange::bybit::Bybit;
use tickwire::exchange::{Batch, Exchange, Frame, Rejected};
use tickwire::instrument::{ExchangeId, InstrumentId, NativeMap};
use tickwire::json::PaddedFrame;
use tickwire::limits::FRAME_PADDING;

use common::captures;

/// Symbols that the generated frames are of.
const SYMBOLS: [&str; 5] = ["BTCUSDT", "BTCPERP", "BTC-26DEC25", "X", "1000000BABYDOGEUSDT"];

/// The adapter, and its twin that has the general path alone: both remember what frames said.
struct Both {
    adapter: Bybit,
    twin: Bybit,
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
    let padding = br#""}}]],"1.5"],["0"}1234567890,"BT":true,"RPI":true}]}"}"#;
    bytes.extend(padding.iter().cycle().take(FRAME_PADDING));
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
        let [mut adapter, mut twin] = [Bybit::new(exchange), Bybit::new(exchange)];
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

#[test]
fn recorded_frames_read_alike_on_both_paths_and_the_hot_ones_in_place() {
    for path in captures::files("bybit-") {
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        let frames = captures::received(&path);
        let exchange =
            if name.contains("spot") { ExchangeId::Bybit } else { ExchangeId::BybitLinear };
        let mut symbols = BTreeSet::new();
        for frame in &frames {
            Bybit::new(exchange).symbols_in(frame.as_bytes(), &mut |symbol| {
                symbols.insert(symbol.to_owned());
            });
        }
        let mut both = Both::new(exchange, &symbols.into_iter().collect::<Vec<_>>());
        let (mut hot, mut recognised) = (0, 0);
        for frame in &frames {
            let outcome = both.read(frame.as_bytes()).outcome;
            let outcome = outcome.unwrap_or_else(|error| panic!("{name}: {error}: {frame}"));
            let is_hot = frame.contains("\"orderbook.") || frame.contains("\"publicTrade.");
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
    for prefix in ["binance", "coinbase", "deriv", "kraken", "okx"] {
        for path in captures::files(prefix) {
            let mut both = Both::new(ExchangeId::Bybit, &SYMBOLS);
            for frame in captures::received(&path) {
                let outcome = both.read(frame.as_bytes()).outcome;
                let refused = matches!(outcome, Err(Rejected::Foreign | Rejected::NotJson));
                assert!(refused, "{}: {outcome:?}: {frame}", path.display());
            }
        }
    }
}

/// A decimal as exchanges write them, and sometimes as they do not.
fn decimal() -> impl Strategy<Value = String> {
    prop_oneof![
        100 => "(0|[1-9][0-9]{0,6})(\\.[0-9]{1,6})?",
        10 => "(0|[1-9][0-9]{0,9})(\\.[0-9]{1,8})?",
        1 => "[1-9][0-9]{9,12}\\.[0-9]{8}",
        1 => "-?[0-9]{0,3}\\.?[0-9]{0,3}(e-?[0-9])?",
        1 => Just("0".to_owned()),
    ]
}

fn id() -> impl Strategy<Value = String> {
    prop_oneof![
        40 => "[1-9][0-9]{7,12}",
        4 => "(0|[1-9][0-9]{0,18})",
        1 => "0?[0-9]{15,21}",
        1 => "-1|1\\.0|1e3|\"7\"|null",
    ]
}

fn trade_id() -> impl Strategy<Value = String> {
    prop_oneof![
        20 => "22[89][0-9]{16}",
        20 => "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        1 => "[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}",
        1 => "[0-9]{0,21}",
        1 => "[0-9a-g-]{36}",
    ]
}

fn time() -> impl Strategy<Value = String> {
    prop_oneof![30 => "1[67][0-9]{11}", 1 => id()]
}

/// Something that a field without meaning for us may hold.
fn anything() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("true".to_owned()),
        Just("[[{\"s\":\"BTCUSDT\"}],1.5e3]".to_owned()),
        Just("{\"p\":\"1\",\"topic\":\"tickers.X\"}".to_owned()),
        Just("\"x\\\"\\u00e9\"".to_owned()),
        "-?[1-9][0-9]{0,3}(\\.[0-9]{1,3})?",
    ]
}

fn levels() -> impl Strategy<Value = String> {
    let level =
        (decimal(), decimal()).prop_map(|(price, size)| format!("[\"{price}\",\"{size}\"]"));
    let list =
        prop::collection::vec(level, 0..6).prop_map(|levels| format!("[{}]", levels.join(",")));
    prop_oneof![40 => list, 1 => Just("[[\"1\"]]".to_owned()), 1 => Just("{}".to_owned())]
}

/// Keys and the text of their values, in the order of the wire.
type Fields = Vec<(String, String)>;

fn object(fields: &[(String, String)]) -> String {
    let fields: Vec<_> = fields.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
    format!("{{{}}}", fields.join(","))
}

fn field(key: &str, value: impl Into<String>) -> (String, String) {
    (key.to_owned(), value.into())
}

fn quoted(key: &str, value: &str) -> (String, String) {
    field(key, format!("\"{value}\""))
}

/// How a frame is disturbed.
#[derive(Clone, Debug)]
enum Change {
    None,
    Swap(usize, usize),
    Insert(usize, String, String),
    Remove(usize),
    Repeat(usize),
}

impl Change {
    fn apply(&self, fields: &mut Fields) {
        let count = fields.len();
        match self {
            Self::Swap(one, other) => fields.swap(one % count, other % count),
            Self::Insert(at, key, value) => fields.insert(at % count, field(key, value.as_str())),
            Self::Remove(at) => drop(fields.remove(at % count)),
            Self::Repeat(at) => fields.push(fields[at % count].clone()),
            Self::None => {}
        }
    }
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        20 => Just(Change::None),
        1 => (any::<usize>(), any::<usize>()).prop_map(|(one, other)| Change::Swap(one, other)),
        1 => (any::<usize>(), "[a-zA-Z]{1,2}", anything())
            .prop_map(|(at, key, value)| Change::Insert(at, key, value)),
        1 => any::<usize>().prop_map(Change::Remove),
        1 => any::<usize>().prop_map(Change::Repeat),
    ]
}

fn symbol() -> impl Strategy<Value = &'static str> {
    prop_oneof![20 => prop::sample::select(&SYMBOLS[..]), 1 => Just("NOTOURS")]
}

/// A frame around `data`, in the order of a class.
fn enveloped(
    topic: &str,
    kind: &str,
    [sent, matched]: [String; 2],
    data: String,
    is_spot: bool,
    has_matched: bool,
) -> Fields {
    let (kind, sent) = (quoted("type", kind), field("ts", sent));
    let mut fields = vec![quoted("topic", topic)];
    fields.extend(if is_spot { [sent, kind] } else { [kind, sent] });
    fields.push(field("data", data));
    if has_matched {
        fields.push(field("cts", matched));
    }
    fields
}

fn book() -> impl Strategy<Value = Fields> {
    let depth = prop_oneof![
        6 => prop::sample::select(&["1", "50", "200", "1000"][..]),
        1 => prop::sample::select(&["rpi", "01", "99999999999999999999"][..]),
    ];
    let kind = prop_oneof![9 => Just("delta"), 6 => Just("snapshot"), 1 => Just("x")];
    let ids = (id(), id(), any::<[bool; 3]>());
    let parts = (symbol(), symbol(), depth, kind, [time(), time()], [levels(), levels()], ids);
    (parts, change(), prop::bool::weighted(0.05)).prop_map(|(parts, change, differs)| {
        let (symbol, other, depth, kind, times, [bids, asks], (u, seq, flags)) = parts;
        let own = if differs { other } else { symbol };
        let mut data = vec![quoted("s", own), field("b", bids), field("a", asks), field("u", u)];
        data.push(field("seq", seq));
        change.apply(&mut data);
        let topic = format!("orderbook.{depth}.{symbol}");
        enveloped(&topic, kind, times, object(&data), flags[0], flags[1])
    })
}

fn trades() -> impl Strategy<Value = Fields> {
    let side = prop_oneof![20 => Just("Buy"), 20 => Just("Sell"), 1 => Just("sell")];
    let trade = (time(), trade_id(), [decimal(), decimal()], side, id(), any::<[bool; 4]>());
    let trades = prop::collection::vec((trade, change()), 0..4);
    (symbol(), trades, [time(), time()], (any::<bool>(), prop::bool::weighted(0.1))).prop_map(
        |(symbol, trades, times, (is_spot, is_other_order))| {
            let items =
                trades.into_iter().map(|((time, id, [price, size], side, seq, flags), change)| {
                    let (t, i, s) = (field("T", time), quoted("i", &id), quoted("s", symbol));
                    let (p, v, taker) =
                        (quoted("p", &price), quoted("v", &size), quoted("S", side));
                    let bt = field("BT", flags[0].to_string());
                    let rpi = flags[1].then(|| field("RPI", flags[0].to_string()));
                    let seq = flags[2].then(|| field("seq", seq));
                    let tick = flags[3].then(|| quoted("L", "ZeroPlusTick"));
                    let mut item: Fields = match is_spot || is_other_order {
                        true => [
                            vec![i, t, p, v, taker],
                            seq.into_iter().collect(),
                            vec![s, bt],
                            rpi.into_iter().collect(),
                        ]
                        .concat(),
                        false => [
                            vec![t, s, taker, v, p],
                            tick.into_iter().collect(),
                            vec![i, bt],
                            rpi.into_iter().collect(),
                            seq.into_iter().collect(),
                        ]
                        .concat(),
                    };
                    change.apply(&mut item);
                    object(&item)
                });
            let data = format!("[{}]", items.collect::<Vec<_>>().join(","));
            let topic = format!("publicTrade.{symbol}");
            enveloped(&topic, "snapshot", times, data, is_spot, false)
        },
    )
}

fn ticker() -> impl Strategy<Value = Fields> {
    const KEYS: [&str; 8] = [
        "lastPrice",
        "prevPrice24h",
        "price24hPcnt",
        "volume24h",
        "bid1Price",
        "ask1Price",
        "highPrice24h",
        "markPrice",
    ];
    let values = prop::collection::vec(prop::option::of(decimal()), KEYS.len());
    (symbol(), values, [time(), time()], any::<[bool; 2]>()).prop_map(
        |(symbol, values, times, [is_spot, is_delta])| {
            let stated = KEYS.iter().zip(values);
            let stated = stated.filter_map(|(key, value)| Some(quoted(key, &value?)));
            let data: Fields = std::iter::once(quoted("symbol", symbol)).chain(stated).collect();
            let kind = if is_delta { "delta" } else { "snapshot" };
            enveloped(&format!("tickers.{symbol}"), kind, times, object(&data), is_spot, false)
        },
    )
}

fn frame() -> impl Strategy<Value = String> {
    let fields = prop_oneof![4 => book(), 4 => trades(), 1 => ticker()];
    let space = prop::option::weighted(0.1, any::<usize>());
    (fields, change(), space, prop::bool::weighted(0.05)).prop_map(
        |(mut fields, change, space, escape)| {
            change.apply(&mut fields);
            let mut text = object(&fields);
            if let Some(at) = space {
                let gaps: Vec<_> = text.match_indices([',', ':']).map(|(at, _)| at + 1).collect();
                if !gaps.is_empty() {
                    text.insert(gaps[at % gaps.len()], ' ');
                }
            }
            if escape { text.replacen('B', "\\u0042", 1) } else { text }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn generated_frames_read_alike_on_both_paths(
        texts in prop::collection::vec(frame(), 1..4),
    ) {
        let mut both = Both::new(ExchangeId::Bybit, &SYMBOLS);
        for text in texts {
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
        let mut both = Both::new(ExchangeId::BybitLinear, &SYMBOLS);
        both.read(&bytes);
        both.read(&bytes[..length % (bytes.len() + 1)]);
        both.adapter.symbols_in(&bytes, &mut |_| ());
    }
}

/// That the generators make what the recognisers take, or the properties would prove little.
#[test]
fn most_generated_frames_of_hot_shapes_are_read_in_place() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let mut both = Both::new(ExchangeId::Bybit, &SYMBOLS);
    let mut in_place = 0;
    for _ in 0..500 {
        let text = frame().new_tree(&mut runner).expect("a frame").current();
        let outcome = both.read(text.as_bytes()).outcome;
        in_place += u32::from(outcome == Ok(Frame::Data { recognised: true }));
    }
    assert!(in_place > 50, "{in_place} of 500");
}
