//! Recorded sessions of the live exchanges, decoded, against what another program found in them.

mod common;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use common::captures::{self, expected};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tickwire::decode::{DecodeOptions, run};
use tickwire::exchange::profile;
use tickwire::instrument::ExchangeId;
use tickwire::tick::Decimal;

/// Decodes a capture of the folder and returns what was printed.
fn decode(folder: &Path, name: &str, exchange: ExchangeId, rest: &[&str], summary: bool) -> String {
    let rest = rest.iter().map(|file| folder.join(file)).collect();
    let options = DecodeOptions { exchange, rest, summary };
    let file = File::open(folder.join(format!("{name}.txt"))).expect("the capture is there");
    let mut output = Vec::new();
    run(&options, BufReader::new(file), &mut output).expect("a capture decodes");
    String::from_utf8(output).expect("the output is text")
}

/// Whose captures those are whose names begin so. A new exchange adds its line.
const EXCHANGES: &[(&str, ExchangeId)] = &[
    ("binance-spot", ExchangeId::Binance),
    ("binance-usdm", ExchangeId::BinanceFutures),
    ("deriv", ExchangeId::Deriv),
    ("bybit-linear", ExchangeId::BybitLinear),
    // Of all classes.
    ("bybit-samples", ExchangeId::BybitLinear),
    ("bybit-spot", ExchangeId::Bybit),
    ("coinbase-exchange", ExchangeId::Coinbase),
    ("coinbase-advanced", ExchangeId::CoinbaseAdvanced),
    ("kraken-v1", ExchangeId::KrakenV1),
    ("kraken-v2", ExchangeId::Kraken),
    ("okx", ExchangeId::Okx),
];

fn exchange_of(name: &str) -> Option<ExchangeId> {
    EXCHANGES.iter().find(|(prefix, _)| name.starts_with(prefix)).map(|(_, exchange)| *exchange)
}

/// The company behind an exchange or a capture: frames of its markets look alike.
fn company(name: &str) -> &str {
    name.split('-').next().unwrap_or(name)
}

fn rest_files(capture: &Value) -> Vec<&str> {
    let files = capture["rest"].as_array().expect("a list");
    files.iter().map(|rest| rest["file"].as_str().expect("a name")).collect()
}

/// Every key of `expected` is in `found` with an equal value.
fn assert_contains(path: &str, found: &Value, expected: &Value) {
    match expected {
        Value::Object(keys) => {
            for (key, value) in keys {
                assert_contains(&format!("{path}.{key}"), &found[key], value);
            }
        }
        _ => assert_eq!(found, expected, "{path}"),
    }
}

#[test]
fn totals_equal_what_another_program_found() {
    let Some(folder) = captures::folder() else { return };
    let mut compared = BTreeMap::new();
    for (name, capture) in &expected(&folder) {
        let Some(exchange) = exchange_of(name) else { continue };
        let printed = decode(&folder, name, exchange, &rest_files(capture), true);
        let found: Value = serde_json::from_str(&printed).expect("the summary is JSON");
        for key in ["counts", "trades", "books", "checksums", "seq_gaps"] {
            if let Some(value) = capture.get(key) {
                assert_contains(&format!("{name}.{key}"), &found[key], value);
            }
        }
        // Nothing that the other program did not find either.
        for key in ["trades", "books"] {
            if let Some(value) = capture.get(key) {
                let symbols = |value: &Value| value.as_object().map(serde_json::Map::len);
                assert_eq!(symbols(&found[key]), symbols(value), "{name}.{key}");
            }
        }
        *compared.entry(exchange).or_insert(0) += 1;
    }
    for (prefix, exchange) in EXCHANGES {
        assert!(compared.contains_key(exchange), "no capture {prefix}* was found");
    }
}

/// An event as printed. Numbers stay text, since a float would lose their trailing zeros.
#[derive(Deserialize)]
struct Printed<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(borrow)]
    data: Option<Data<'a>>,
}

#[derive(Deserialize)]
struct Data<'a> {
    symbol: &'a str,
    kind: Option<&'a str>,
    #[serde(borrow, default)]
    bids: Vec<[&'a RawValue; 2]>,
    #[serde(borrow, default)]
    asks: Vec<[&'a RawValue; 2]>,
}

#[test]
fn events_are_as_many_as_the_totals_say_and_rebuild_the_books() {
    let Some(folder) = captures::folder() else { return };
    for (name, capture) in &expected(&folder) {
        let Some(exchange) = exchange_of(name) else { continue };
        let text = decode(&folder, name, exchange, &rest_files(capture), false);
        let printed: Vec<Printed<'_>> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")))
            .collect();
        let of = |kind: &str| printed.iter().filter(|event| event.kind == kind).count() as u64;
        let counts = &capture["counts"];
        assert_eq!(Some(of("trade")), counts["trades"].as_u64(), "{name}");
        assert_eq!(Some(of("quote")), counts["bbo"].as_u64(), "{name}");
        assert_eq!(Some(of("ticker")), counts["tickers"].as_u64(), "{name}");
        assert_eq!(Some(of("candle")), counts["candles"].as_u64(), "{name}");
        assert_eq!(Some(of("other")), counts["other"].as_u64(), "{name}");
        assert_eq!(of("rejected"), 0, "{name}");
        if !name.ends_with("-samples") {
            // Of single examples out of documentations no sequence or checksum holds.
            assert_eq!(of("status"), 0, "{name}");
        }
        let books = capture.get("books").and_then(Value::as_object);
        for (native, book) in books.into_iter().flatten() {
            let own: Vec<&Data<'_>> = printed
                .iter()
                .filter(|event| event.kind == "orderbook")
                .filter_map(|event| event.data.as_ref())
                .filter(|data| is_spelling_of(exchange, data.symbol, native))
                .collect();
            if book["synced"] != false {
                rebuilt_equals(&format!("{name} {native}"), &own, book);
            } else {
                assert_eq!(own.len(), 0, "{name} {native} has no snapshot");
            }
        }
    }
}

/// Whether the exchange writes the canonical symbol so.
fn is_spelling_of(exchange: ExchangeId, symbol: &str, native: &str) -> bool {
    let canonical = (profile(exchange).canonical_symbol)(native);
    canonical.is_some_and(|canonical| canonical.as_str() == symbol)
}

/// Applies the events of one book to nothing, by text, and compares the end.
fn rebuilt_equals(name: &str, events: &[&Data<'_>], book: &Value) {
    assert_eq!(events[0].kind, Some("snapshot"), "{name}");
    // A snapshot beside the stream is no message of it.
    let beside = u64::from(!book["rest"].is_null());
    let applied = events.len() as u64 - beside;
    assert_eq!(Some(applied), book["messages_applied"].as_u64(), "{name}");
    let mut bids = BTreeMap::new();
    let mut asks = BTreeMap::new();
    for event in events {
        if event.kind == Some("snapshot") {
            bids.clear();
            asks.clear();
        }
        for (levels, resting) in [(&event.bids, &mut bids), (&event.asks, &mut asks)] {
            for [price, size] in levels.iter().map(|level| level.map(RawValue::get)) {
                match size.bytes().all(|byte| byte == b'0' || byte == b'.') {
                    true => resting.remove(&scaled(price)),
                    false => resting.insert(scaled(price), [price, size]),
                };
            }
        }
    }
    assert_eq!(Some(bids.len() as u64), book["bid_levels"].as_u64(), "{name}");
    assert_eq!(Some(asks.len() as u64), book["ask_levels"].as_u64(), "{name}");
    let best = |entry: Option<(&i128, &[&str; 2])>| serde_json::json!(entry.expect("a level").1);
    assert_eq!(book["best_bid"], best(bids.last_key_value()), "{name}");
    assert_eq!(book["best_ask"], best(asks.first_key_value()), "{name}");
}

/// A price as an integer, whatever its digits after the point.
fn scaled(price: &str) -> i128 {
    let price = Decimal::parse(price.as_bytes()).expect("a price");
    i128::from(price.mantissa()) * 10_i128.pow(18 - u32::from(price.digits()))
}

#[test]
fn foreign_frames_cost_themselves_alone() {
    let Some(folder) = captures::folder() else { return };
    for (name, capture) in &expected(&folder) {
        for exchange in ExchangeId::ALL {
            if exchange_of(name) == Some(exchange) {
                continue;
            }
            let printed = decode(&folder, name, exchange, &[], true);
            let found: Value = serde_json::from_str(&printed).expect("the summary is JSON");
            if company(name) != company(exchange.name()) {
                let events = ["trades", "book_delta_msgs", "bbo", "tickers", "candles"];
                for key in events {
                    assert_eq!(found["counts"][key], 0, "{name} as {exchange}: {key}");
                }
                let told = ["unknown", "other", "acks", "errors", "heartbeats", "status"];
                let told: u64 = told.iter().filter_map(|key| found["counts"][key].as_u64()).sum();
                assert_eq!(Some(told), capture["frames"].as_u64(), "{name} as {exchange}");
            }
        }
    }
}

#[test]
fn a_bad_line_is_told_and_the_next_is_read() {
    let capture = b"no time\n5 {\"e\":\n6 > {\"method\":\"SUBSCRIBE\"}\n7 {\"result\":null,\"id\":1}\n\
        8 {\"e\":\"trade\",\"E\":8,\"s\":\"BTCUSDT\",\"t\":1,\"p\":\"2.50\",\"q\":\"1\",\"T\":1700000000007,\"m\":true}";
    let options = DecodeOptions {
        exchange: ExchangeId::Binance,
        rest: Vec::<PathBuf>::new(),
        summary: false,
    };
    let mut output = Vec::new();
    run(&options, &capture[..], &mut output).expect("decodes");
    let printed = String::from_utf8(output).expect("text");
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines.len(), 4, "{printed}");
    assert_eq!(lines[0], r#"{"type":"rejected","line":1,"reason":"not a capture line"}"#);
    assert_eq!(lines[1], r#"{"type":"rejected","line":2,"reason":"not_json"}"#);
    assert_eq!(lines[2], r#"{"type":"control","kind":"ack","line":4}"#);
    assert_eq!(
        lines[3],
        r#"{"type":"trade","data":{"symbol":"BTC/USDT","exchange":"binance","price":2.50,"volume":1,"side":"sell","tradeId":"1","timestamp":1700000000007,"exchangeTs":1700000000007000000,"receiveTs":8}}"#
    );
}

/// A recorded session without the `nth` of its book frames, decoded.
fn decode_without(nth: usize, summary: bool) -> Option<String> {
    let folder = captures::folder()?;
    let name = "binance-spot-btcusdt-2024";
    let text = std::fs::read_to_string(folder.join(format!("{name}.txt"))).expect("readable");
    let mut depths = 0;
    let kept: String = text
        .split_inclusive('\n')
        .filter(|line| {
            depths += usize::from(line.contains("depthUpdate"));
            depths != nth || !line.contains("depthUpdate")
        })
        .collect();
    let rest = vec![folder.join(format!("{name}-BTCUSDT.rest.json"))];
    let options = DecodeOptions { exchange: ExchangeId::Binance, rest, summary };
    let mut output = Vec::new();
    run(&options, kept.as_bytes(), &mut output).expect("decodes");
    Some(String::from_utf8(output).expect("text"))
}

#[test]
fn a_lost_frame_makes_the_book_stale_and_ends_its_events() {
    let Some(printed) = decode_without(60, false) else { return };
    let lost = printed.find(r#""state":"stale","reason":"sequence gap""#).expect("it is told");
    assert_eq!(printed.matches(r#""type":"status""#).count(), 1);
    assert!(!printed[lost..].contains("orderbook\",\"data"), "a book known to be wrong is served");
    // The snapshot and what was applied until then: two were in the snapshot, one is gone.
    assert_eq!(printed.matches(r#"{"type":"orderbook""#).count(), 1 + 59 - 2);
    assert!(printed[lost..].contains(r#"{"type":"trade""#));

    let Some(summary) = decode_without(60, true) else { return };
    let summary: Value = serde_json::from_str(&summary).expect("JSON");
    assert_eq!(summary["seq_gaps"], 1);
    assert_eq!(summary["books"]["BTCUSDT"]["state"], "stale");
    assert_eq!(summary["books"]["BTCUSDT"]["synced"], false);
}

#[test]
fn a_snapshot_that_is_too_old_joins_nothing() {
    // The first three book frames carry the numbers that the snapshot continues.
    let Some(folder) = captures::folder() else { return };
    let name = "binance-spot-btcusdt-2024";
    let text = std::fs::read_to_string(folder.join(format!("{name}.txt"))).expect("readable");
    let mut depths = 0;
    let kept: String = text
        .split_inclusive('\n')
        .filter(|line| {
            depths += usize::from(line.contains("depthUpdate"));
            depths > 3
        })
        .collect();
    let rest = vec![folder.join(format!("{name}-BTCUSDT.rest.json"))];
    let options = DecodeOptions { exchange: ExchangeId::Binance, rest, summary: true };
    let summary = run(&options, kept.as_bytes(), std::io::sink()).expect("decodes");
    let book = &summary.books["BTCUSDT"];
    assert!(!book.synced && book.end.is_none());
    assert_eq!((book.diff_events, book.chain_gaps), (117, 0));
}
