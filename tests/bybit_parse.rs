//! Bybit's two paths of parsing against each other: on recorded frames, and on generated ones.

mod common;

use proptest::prelude::*;
use tickwire::exchange::Frame;
use tickwire::exchange::bybit::Bybit;
use tickwire::instrument::ExchangeId;

use common::parse::{self, Both, Edit, Fields, edited, object};

/// Symbols that the generated frames are of.
const SYMBOLS: [&str; 5] = ["BTCUSDT", "BTCPERP", "BTC-26DEC25", "X", "1000000BABYDOGEUSDT"];

/// Padding that looks like the rest of a frame.
const PADDING: &[u8] = br#""}}]],"1.5"],["0"}1234567890,"BT":true,"RPI":true}]}"}"#;

fn both(exchange: ExchangeId, symbols: &[impl AsRef<str>]) -> Both<Bybit> {
    Both::new(|| Bybit::new(exchange), Bybit::parse_general, symbols, PADDING)
}

fn exchange_of(name: &str) -> ExchangeId {
    if name.contains("spot") { ExchangeId::Bybit } else { ExchangeId::BybitLinear }
}

#[test]
fn recorded_frames_read_alike_on_both_paths_and_the_hot_ones_in_place() {
    let is_hot = |frame: &str| frame.contains("\"orderbook.") || frame.contains("\"publicTrade.");
    parse::recorded("bybit-", |name, symbols| both(exchange_of(name), symbols), is_hot);
}

#[test]
fn frames_of_other_exchanges_are_foreign() {
    parse::foreign("bybit", || both(ExchangeId::Bybit, &SYMBOLS));
}

/// A decimal as exchanges write them, and sometimes as they do not.
fn decimal() -> impl Strategy<Value = String> {
    prop_oneof![
        100 => "(0|[1-9][0-9]{0,6})(\\.[0-9]{1,6})?",
        10 => "(0|[1-9][0-9]{0,9})(\\.[0-9]{1,8})?",
        2 => parse::decimal_odd(),
        1 => Just("0".to_owned()),
    ]
}

fn id() -> impl Strategy<Value = String> {
    prop_oneof![
        40 => "[1-9][0-9]{7,12}",
        4 => "(0|[1-9][0-9]{0,18})",
        2 => parse::id_odd(),
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

fn levels() -> impl Strategy<Value = String> {
    let list = parse::list(parse::pair(decimal), 6);
    prop_oneof![40 => list, 1 => Just("[[\"1\"]]".to_owned()), 1 => Just("{}".to_owned())]
}

fn field(key: &str, value: impl Into<String>) -> (String, String) {
    (key.to_owned(), value.into())
}

fn quoted(key: &str, value: &str) -> (String, String) {
    field(key, format!("\"{value}\""))
}

/// How the fields of a frame are disturbed, one time in six.
fn change() -> impl Strategy<Value = Option<Edit>> {
    let texts = ["[[{\"s\":\"BTCUSDT\"}],1.5e3]", "{\"p\":\"1\",\"topic\":\"tickers.X\"}"];
    let edit = parse::edit("[a-zA-Z]{1,2}", parse::anything(texts));
    prop::option::weighted(1.0 / 6.0, edit)
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
        let data = edited(data, &change);
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
                    let item: Fields = match is_spot || is_other_order {
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
                    object(&edited(item, &change))
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
        |(fields, change, space, escape)| {
            let mut text = object(&edited(fields, &change));
            if let Some(at) = space {
                text = parse::spaced(text, at);
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
        let mut both = both(ExchangeId::Bybit, &SYMBOLS);
        for text in texts {
            both.read(text.as_bytes());
        }
    }

    #[test]
    fn damaged_frames_read_alike_on_both_paths(texts in parse::damaged(frame())) {
        both(ExchangeId::BybitLinear, &SYMBOLS).read_damaged(&texts);
    }
}

/// That the generators make what the recognisers take, or the properties would prove little.
#[test]
fn most_generated_frames_of_hot_shapes_are_read_in_place() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let mut in_place = 0;
    for _ in 0..500 {
        // Each alone: of an instrument's books the first depth that comes is the one that is read.
        let mut both = both(ExchangeId::Bybit, &SYMBOLS);
        let text = frame().new_tree(&mut runner).expect("a frame").current();
        let outcome = both.read(text.as_bytes()).outcome;
        in_place += u32::from(outcome == Ok(Frame::Data { recognised: true }));
    }
    assert!(in_place > 50, "{in_place} of 500");
}
