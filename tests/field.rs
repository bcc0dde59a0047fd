//! Small inputs after reports of people who do this job, each with its right outcome: decoded, and
//! played over sockets through a feed and a gateway to a client.

mod common;

use std::cell::Cell;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use common::captures;
use common::played::Played;
use serde_json::Value;
use tickwire::decode::{DecodeOptions, run};
use tickwire::instrument::ExchangeId;
use tickwire::sim::{Options, Speed};

/// The folder, beside that of the captures.
fn folder() -> Option<PathBuf> {
    Some(captures::folder()?.join("../field"))
}

fn capture(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.txt"))
}

fn decoded(folder: &Path, name: &str, exchange: ExchangeId, rest: &[&str]) -> Vec<Value> {
    let rest = rest.iter().map(|file| folder.join(file)).collect();
    let options = DecodeOptions { exchange, rest, summary: false };
    let file = File::open(capture(folder, name)).expect("the input is there");
    let mut output = Vec::new();
    run(&options, BufReader::new(file), &mut output).expect("it decodes");
    let text = String::from_utf8(output).expect("text");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// What a client of one channel reads while the input is played, until `done` says so.
fn played(
    name: &str,
    exchange: ExchangeId,
    channel: &str,
    done: impl Fn(&Value) -> bool,
) -> Vec<Value> {
    let Some(folder) = folder() else { return Vec::new() };
    let feed = format!("channels = [\"{channel}\"]");
    let mut played = Played::start(&capture(&folder, name), (exchange, "AAA/USDT"), &feed);
    let seen = played.hear(channel, "1m", done);
    played.stop();
    seen
}

/// A value as it was written.
fn written(value: &Value) -> String {
    value.to_string()
}

fn is_state(event: &Value, state: &str, reason: &str) -> bool {
    event["data"]["state"] == state && event["data"]["reason"] == reason
}

#[test]
fn a_book_whose_numbers_begin_anew_is_not_served_as_it_was() {
    let Some(folder) = folder() else { return };
    for (name, exchange) in [
        ("binance_ids_restart", ExchangeId::Binance),
        ("binance_futures_ids_restart", ExchangeId::BinanceFutures),
    ] {
        let rest = [format!("{name}-AAAUSDT.rest.json")];
        let rest = rest.each_ref().map(String::as_str);
        let lines = decoded(&folder, name, exchange, &rest);
        let stale = lines.iter().position(|line| is_state(line, "stale", "sequence gap"));
        let stale = stale.expect("the loss is told");
        assert!(lines[stale..].iter().all(|line| line["type"] != "orderbook"), "{name}");
    }
}

#[test]
fn a_book_whose_numbers_begin_anew_is_asked_for_anew_and_live_again() {
    let Some(folder) = folder() else { return };
    let temporary = tempfile::tempdir().expect("a folder");
    let anew = temporary.path().join("anew-AAAUSDT.rest.json");
    let body = r#"{"lastUpdateId":22,"bids":[["20.0","9"]],"asks":[["21.0","1"]]}"#;
    std::fs::write(&anew, body).expect("it is written");
    for (name, exchange) in [
        ("binance_ids_restart", ExchangeId::Binance),
        ("binance_futures_ids_restart", ExchangeId::BinanceFutures),
    ] {
        let rest = [folder.join(format!("{name}-AAAUSDT.rest.json")), anew.clone()];
        let best = |event: &Value| written(&event["data"]["bids"][0][0]);
        let (traded, feed) = ((exchange, "AAA/USDT"), "channels = [\"orderbook\"]");
        // Slower than it was recorded, so that the first book comes before its numbers end.
        let half = (&rest[..], Speed::Percent(50));
        let mut played = Played::start_with(&capture(&folder, name), traded, feed, half);
        let is_second = Cell::new(false);
        let seen = played.hear("orderbook", "1m", |event| {
            is_second.set(is_second.get() || best(event) == "20.0");
            // A client that comes late is not told that the first one is live.
            is_second.get() && event["data"]["state"] == "live"
        });
        played.stop();
        let place = |what: &dyn Fn(&Value) -> bool| seen.iter().position(what);
        let before = place(&|event| best(event) == "10.0").expect("the first book");
        let stale = place(&|event| is_state(event, "stale", "sequence gap")).expect("it is told");
        let after = place(&|event| best(event) == "20.0").expect("the second book");
        assert!(before < stale && stale < after, "{seen:#?}");
    }
}

#[test]
fn a_trade_that_cannot_be_read_costs_itself_and_is_told() {
    let Some(folder) = folder() else { return };
    let (name, exchange) = ("bybit_trades_one_unreadable", ExchangeId::BybitLinear);
    let lines = decoded(&folder, name, exchange, &[]);
    let told = |lines: &[Value]| -> Vec<String> {
        let kinds = lines.iter().map(|line| match line["type"].as_str() {
            Some("trade") => line["data"]["price"].to_string(),
            Some(kind @ ("rejected" | "gap")) => kind.to_owned(),
            _ => String::new(),
        });
        kinds.filter(|kind| !kind.is_empty()).collect()
    };
    assert_eq!(told(&lines), ["2.1", "2.2", "2.4", "rejected", "2.5"]);
    let rejected = &lines[3];
    assert_eq!((&rejected["reason"], &rejected["channel"]), (&"digits".into(), &"trades".into()));
    assert_eq!((&rejected["symbol"], &rejected["items"]), (&"AAAUSDT".into(), &1.into()));
    let seen = played(name, exchange, "trades", |event| written(&event["data"]["price"]) == "2.5");
    assert_eq!(told(&seen), ["2.1", "2.2", "gap", "2.4", "2.5"]);
}

/// Open time in seconds, last price, trades, and whether a candle is closed.
fn candle(data: &Value) -> (i64, String, Value, bool) {
    let start = data["openTime"].as_i64().expect("a date") / 1_000;
    let closed = data["closed"].as_bool().expect("it is told");
    (start, data["close"].to_string(), data["trades"].clone(), closed)
}

/// Candles as a client has them in the end, by their events and by the history, which is complete.
fn candles(
    played: &mut Played,
    interval: &str,
    newest: (i64, &str),
) -> Vec<(i64, String, Value, bool)> {
    let is_newest = |event: &Value| {
        let data = &event["data"];
        event["type"] == "candle"
            && data["openTime"] == newest.0 * 1_000
            && written(&data["close"]) == newest.1
    };
    let seen = played.hear("candles", interval, is_newest);
    let events = seen.iter().filter(|event| event["type"] == "candle");
    let mut told: Vec<_> = events.map(|event| candle(&event["data"])).collect();
    // Of one that was told several times the last.
    told.dedup_by(|later, earlier| {
        let same = later.0 == earlier.0;
        if same {
            std::mem::swap(later, earlier);
        }
        same
    });
    let ask = serde_json::json!({
        "action": "history", "symbol": played.symbol, "channel": "candles", "interval": interval,
    });
    let answer = played.ask(&ask);
    let events = answer["data"]["events"].as_array().expect("a list");
    assert_eq!(events.iter().map(candle).collect::<Vec<_>>(), told, "history and events agree");
    let torn = events.iter().any(|event| event["partial"] == true);
    assert_eq!(answer["data"]["complete"], !torn);
    // The other dialect has the same.
    let command = serde_json::json!({
        "type": "command", "command": "history", "requestId": "1",
        "params": {"asset": played.symbol, "interval": interval},
    });
    let answer = played.ask(&command);
    assert_eq!(
        (&answer["data"]["count"], &answer["data"]["complete"]),
        (&told.len().into(), &(!torn).into())
    );
    let past = played.read();
    let closes = past["data"]["candles"].as_array().expect("a list").iter();
    assert!(closes.map(|one| one["close"].to_string()).eq(told.iter().map(|one| one.1.clone())));
    told
}

const OWN: &str = "channels = [\"candles\"]\ncandle_source = \"exchange\"";

#[test]
fn bars_that_a_later_one_supersedes_are_closed_and_kept() {
    let Some(folder) = folder() else { return };
    let kraken = (ExchangeId::Kraken, "BTC/USD");
    let mut played = Played::start(&capture(&folder, "kraken_ohlc_unclosed"), kraken, OWN);
    let minute = 1_789_998_600;
    let bar =
        |start: i64, close: &str, trades: Value, closed| (start, close.to_owned(), trades, closed);
    assert_eq!(
        candles(&mut played, "1m", (minute + 120, "1.4")),
        [
            bar(minute, "1.2", 2.into(), true),
            bar(minute + 60, "1.3", 1.into(), true),
            bar(minute + 120, "1.4", 1.into(), false),
        ]
    );
    played.stop();
    let coinbase = (ExchangeId::CoinbaseAdvanced, "AAA/USD");
    let mut played =
        Played::start(&capture(&folder, "coinbase_advanced_candles_unclosed"), coinbase, OWN);
    assert_eq!(
        candles(&mut played, "5m", (1_789_998_900, "1.6")),
        [
            bar(1_789_998_000, "1.1", Value::Null, true),
            bar(1_789_998_300, "1.2", Value::Null, true),
            bar(1_789_998_600, "1.5", Value::Null, true),
            bar(1_789_998_900, "1.6", Value::Null, false),
        ]
    );
    played.stop();
}

/// A frame of Kraken's with one bar of a minute of 2026-09-21, 13 o'clock: low, high, close, trades.
fn kraken_bar(minute: u32, [low, high, close]: [&str; 3], trades: u32) -> String {
    format!(
        "{{\"channel\":\"ohlc\",\"type\":\"update\",\"timestamp\":\"2026-09-21T13:52:01.000000Z\",\
         \"data\":[{{\"symbol\":\"BTC/USD\",\"open\":1.0,\"high\":{high},\"low\":{low},\"close\":{close},\
         \"trades\":{trades},\"volume\":1.0,\"vwap\":1.0,\
         \"interval_begin\":\"2026-09-21T13:{minute}:00.000000000Z\",\"interval\":1,\
         \"timestamp\":\"2026-09-21T13:53:00.000000Z\"}}]}}"
    )
}

/// Frames of our own as an input.
fn written_down(name: &str, frames: &[String]) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let lines = frames.iter().enumerate().map(|(index, frame)| {
        format!("{} {frame}\n", 1_790_000_000_000_000_000 + index as i64 * 100_000_000)
    });
    std::fs::write(folder.join(format!("{name}.txt")), lines.collect::<String>()).expect("room");
    folder
}

#[test]
fn numbers_that_a_bar_gets_behind_the_next_one_are_its_last() {
    let frames = [
        kraken_bar(50, ["1.0", "2.0", "1.2"], 2),
        kraken_bar(51, ["1.0", "2.0", "1.3"], 1),
        kraken_bar(50, ["1.0", "2.0", "1.25"], 3),
        kraken_bar(51, ["1.0", "2.0", "1.35"], 2),
    ];
    let folder = written_down("bar_corrected", &frames);
    let kraken = (ExchangeId::Kraken, "BTC/USD");
    let mut played = Played::start(&capture(&folder, "bar_corrected"), kraken, OWN);
    let minute = 1_789_998_600;
    let seen = played.hear("candles", "1m", |event| {
        event["data"]["trades"] == 2 && event["data"]["openTime"] == (minute + 60) * 1_000
    });
    let last = seen.iter().rfind(|event| event["data"]["openTime"] == minute * 1_000);
    let last = candle(&last.expect("it is told")["data"]);
    assert_eq!(last, (minute, "1.25".to_owned(), 3.into(), true));
    let ask = serde_json::json!({
        "action": "history", "symbol": played.symbol, "channel": "candles", "interval": "1m",
    });
    let answer = played.ask(&ask);
    let held: Vec<_> =
        answer["data"]["events"].as_array().expect("a list").iter().map(candle).collect();
    assert_eq!(held, [last, (minute + 60, "1.35".to_owned(), 2.into(), false)]);
    assert_eq!(answer["data"]["complete"], true);
    played.stop();
}

#[test]
fn a_bar_that_no_market_makes_is_left_out_and_told() {
    let frames = [
        kraken_bar(50, ["1.0", "2.0", "1.2"], 2),
        kraken_bar(51, ["2.0", "1.0", "1.5"], 1),
        kraken_bar(51, ["1.0", "2.0", "2.5"], 1),
        kraken_bar(52, ["1.0", "2.0", "1.4"], 1),
    ];
    let folder = written_down("bar_impossible", &frames);
    let kraken = (ExchangeId::Kraken, "BTC/USD");
    let mut played = Played::start(&capture(&folder, "bar_impossible"), kraken, OWN);
    let seen = played.hear("candles", "1m", |event| event["data"]["close"] == 1.4);
    let told =
        |event: &&Value| event["type"] == "gap" && event["data"]["reason"] == "refused value";
    assert_eq!(seen.iter().filter(told).count(), 2);
    let of_it = |event: &&Value| event["data"]["openTime"] == 1_789_998_660_000_i64;
    assert_eq!(seen.iter().filter(of_it).count(), 0);
    played.stop();
}

/// A frame of Binance's with a trade of so many milliseconds after 2026-09-21 14:13:20.
fn binance_trade(id: u64, millis: u64, price: &str) -> String {
    let time = 1_790_000_000_000 + millis;
    format!(
        "{{\"stream\":\"aaausdt@trade\",\"data\":{{\"e\":\"trade\",\"E\":{time},\"s\":\"AAAUSDT\",\
         \"t\":{id},\"p\":\"{price}\",\"q\":\"1.5\",\"T\":{time},\"m\":true,\"M\":true}}}}"
    )
}

#[test]
fn a_second_whose_only_trade_was_refused_is_known_to_be_missing() {
    for (name, id) in
        [("refused_numbered", "102"), ("refused_nameless", "\"\u{e9}a-b c?d_e~fghijk\"")]
    {
        let frames = [
            binance_trade(99, 100, "1.0"),
            binance_trade(100, 1_100, "1.1"),
            binance_trade(101, 2_100, "x"),
            binance_trade(102, 3_100, "1.3").replace("\"t\":102", &format!("\"t\":{id}")),
            binance_trade(103, 4_100, "1.4"),
        ];
        let folder = written_down(name, &frames);
        let binance = (ExchangeId::Binance, "AAA/USDT");
        let feed = "channels = [\"trades\", \"candles\"]";
        let mut played = Played::start(&capture(&folder, name), binance, feed);
        played.hear("candles", "1s", |event| event["data"]["close"] == 1.4);
        let is_numbered = id == "102";
        for (from, to, complete) in
            [(1, 4, false), (2, 2, false), (2, 3, false), (4, 4, is_numbered)]
        {
            let at = |seconds: i64| (1_790_000_000 + seconds) * 1_000;
            let ask = serde_json::json!({
                "action": "history", "symbol": played.symbol, "channel": "candles",
                "interval": "1s", "from": at(from), "to": at(to),
            });
            let answer = played.ask(&ask);
            assert_eq!(answer["data"]["complete"], complete, "{from} to {to}: {answer}");
        }
        played.stop();
    }
}

#[test]
fn a_trade_from_the_future_is_told_and_moves_no_candle() {
    let Some(folder) = folder() else { return };
    let binance = (ExchangeId::Binance, "AAA/USDT");
    let feed = "channels = [\"trades\", \"candles\"]";
    let mut played = Played::start(&capture(&folder, "trade_from_the_future"), binance, feed);
    let bar = |start: i64, close: &str, trades: i64, closed| {
        (start, close.to_owned(), Value::from(trades), closed)
    };
    // The last trade is dated a minute later than its frame was sent, and is of now all the same.
    assert_eq!(
        candles(&mut played, "1m", (1_789_999_980, "1.04")),
        [bar(1_789_999_980, "1.04", 4, false),]
    );
    assert_eq!(
        candles(&mut played, "5m", (1_789_999_800, "1.04")),
        [bar(1_789_999_800, "1.04", 4, false),]
    );
    let trades = played.hear("trades", "1m", |event| event["data"]["tradeId"] == "104");
    let ids = trades.iter().filter(|event| event["type"] == "trade");
    let ids: Vec<&Value> = ids.map(|event| &event["data"]["tradeId"]).collect();
    assert_eq!(ids, ["100", "101", "102", "103", "104"]);
    played.stop();
}

#[test]
fn what_kraken_refuses_for_its_rate_is_told_asked_for_again_and_comes() {
    let Some(folder) = folder() else { return };
    let input = std::fs::read_to_string(folder.join("kraken_exceeded_msg_rate.txt"));
    let input = input.expect("the input is there");
    assert!(input.contains("\"Exceeded msg rate\""), "the words that are refused with below");
    let kraken = (ExchangeId::Kraken, "BTC/USD");
    let mut options = Options::new(kraken.0);
    (options.symbols, options.rate) = (vec![kraken.1.to_owned()], 500);
    // Twice, so that the client is there in time to be told.
    options.faults = vec!["too-many:count=2".parse().expect("a fault")];
    let mut played = Played::of(options, kraken, "channels = [\"trades\"]");
    let request = serde_json::json!({
        "action": "subscribe", "channels": ["trades", "status"], "symbols": [played.symbol],
    });
    let mut seen = vec![played.ask(&request)];
    let is_live =
        |event: &Value| event["data"]["channel"] == "trades" && event["data"]["state"] == "live";
    let is_trade = |event: &Value| event["type"] == "trade";
    while !seen.iter().any(is_live) || !seen.iter().any(is_trade) {
        seen.push(played.read());
    }
    let of_trades = |event: &&Value| event["data"]["channel"] == "trades";
    let states: Vec<_> = seen.iter().filter(of_trades).map(|event| &event["data"]).collect();
    let told = |state: &str| states.iter().position(|data| data["state"] == state);
    let (refused, served) = (told("stale").expect("told"), told("live").expect("told"));
    assert_eq!(states[refused]["reason"], "rate limited");
    assert!(refused < served, "{states:?}");
    played.stop();
}
