//! Commands, paths, limits and heartbeats.

use std::time::Duration;

use serde_json::{Value, json};
use tickwire::clock::{Clock, UnixNanos};
use tickwire::instrument::ExchangeId;
use tickwire::sim::{Options, Simulator};
use tungstenite::Message;

use crate::client::{Client, DEADLINE, End, request};
use crate::started::started;

fn start(change: impl FnOnce(&mut Options)) -> Simulator {
    of(ExchangeId::Binance, change)
}

fn of(exchange: ExchangeId, change: impl FnOnce(&mut Options)) -> Simulator {
    started(exchange, &["BTCUSDT", "ETHUSDT"], 500, |options| {
        options.messages_per_second = 0;
        change(options);
    })
}

fn is_answer(value: &Value) -> bool {
    value.get("result").is_some() || value.get("error").is_some() || value.get("code").is_some()
}

impl Client {
    /// Says one command and returns the answer to it.
    fn ask(&mut self, command: &Value) -> Value {
        self.say(command.to_string());
        self.find(is_answer)
    }
}

#[test]
fn a_subscription_is_acknowledged_and_its_data_comes_raw_or_wrapped_as_the_path_says() {
    let simulator = start(|_| ());
    let mut raw = Client::open(&simulator, "/ws");
    let command = json!({"method": "SUBSCRIBE", "params": ["btcusdt@trade"], "id": 1});
    assert_eq!(raw.ask(&command), json!({"result": null, "id": 1}));
    let trade = raw.json();
    assert_eq!((&trade["e"], &trade["s"]), (&json!("trade"), &json!("BTCUSDT")));

    let mut wrapped =
        Client::open(&simulator, "/stream?streams=btcusdt%40trade/ethusdt@bookTicker");
    let event = wrapped.find(|value| value["stream"] == "btcusdt@trade");
    assert_eq!(event["data"]["e"], "trade");
    let event = wrapped.find(|value| value["stream"] == "ethusdt@bookTicker");
    assert!(event["data"].get("e").is_none() && event["data"]["u"].is_u64());

    let mut single = Client::open(&simulator, "/ws/ethusdt@aggTrade");
    assert_eq!(single.json()["e"], "aggTrade");
}

#[test]
fn ids_are_echoed_with_their_type() {
    let simulator = start(|_| ());
    let mut client = Client::open(&simulator, "/ws");
    for id in [json!(-7), json!(i64::MAX), json!("abc9"), json!(null)] {
        let command = json!({"method": "LIST_SUBSCRIPTIONS", "id": id});
        assert_eq!(client.ask(&command), json!({"result": [], "id": id}));
    }
}

#[test]
fn unknown_names_are_acknowledged_listed_and_stay_silent() {
    let simulator = start(|options| options.paused = true);
    let mut client = Client::open(&simulator, "/ws");
    let names = json!(["nonsense", "BTCUSDT@trade", "btcusdt@depth@100mss", "xyz@trade"]);
    let command = json!({"method": "SUBSCRIBE", "params": names, "id": 1});
    assert_eq!(client.ask(&command)["result"], json!(null));
    assert_eq!(client.ask(&json!({"method": "LIST_SUBSCRIPTIONS", "id": 2}))["result"], names);
    let command = json!({"method": "SUBSCRIBE", "params": ["btcusdt@trade"], "id": 3});
    assert_eq!(client.ask(&command)["result"], json!(null));
    simulator.resume();
    for _ in 0..20 {
        assert_eq!(client.json()["s"], "BTCUSDT");
    }
}

#[test]
fn what_is_unsubscribed_comes_no_more() {
    let simulator = start(|_| ());
    let mut client = Client::open(&simulator, "/stream?streams=btcusdt@trade/ethusdt@trade");
    client.find(|value| value["stream"] == "btcusdt@trade");
    let command = json!({"method": "UNSUBSCRIBE", "params": ["btcusdt@trade", "x@y"], "id": 9});
    assert_eq!(client.ask(&command), json!({"result": null, "id": 9}));
    for _ in 0..20 {
        assert_eq!(client.json()["stream"], "ethusdt@trade");
    }
    let listed = client.ask(&json!({"method": "LIST_SUBSCRIPTIONS", "id": 3}));
    assert_eq!(listed["result"], json!(["ethusdt@trade"]));
}

#[test]
fn a_second_subscription_to_the_same_stream_doubles_nothing() {
    let simulator = start(|_| ());
    let mut client = Client::open(&simulator, "/ws/btcusdt@trade");
    let command = json!({"method": "SUBSCRIBE", "params": ["btcusdt@trade"], "id": 1});
    assert_eq!(client.ask(&command)["result"], json!(null));
    let mut previous = client.json()["t"].as_u64().expect("an id");
    for _ in 0..20 {
        let id = client.json()["t"].as_u64().expect("an id");
        assert_eq!(id, previous + 1);
        previous = id;
    }
}

#[test]
fn the_wrapping_is_a_property_of_the_connection() {
    let simulator = start(|_| ());
    let mut client = Client::open(&simulator, "/ws/btcusdt@trade");
    let get = json!({"method": "GET_PROPERTY", "params": ["combined"], "id": 1});
    assert_eq!(client.ask(&get)["result"], json!(false));
    let set = json!({"method": "SET_PROPERTY", "params": ["combined", true], "id": 2});
    assert_eq!(client.ask(&set)["result"], json!(null));
    assert_eq!(client.ask(&get)["result"], json!(true));
    assert_eq!(client.json()["stream"], "btcusdt@trade");
}

#[test]
fn wrong_commands_get_the_exchanges_codes() {
    let cases = [
        ("{", 3, "Invalid JSON"),
        ("[1", 3, "Invalid JSON"),
        (r#"{"method":"SUBSRIBE","id":1}"#, 2, "unknown variant SUBSRIBE, expected one of"),
        (r#"{"params":[],"id":1}"#, 2, "missing field `method`"),
        (r#"{"method":"SUBSCRIBE","params":[1],"id":1}"#, 2, "Invalid request"),
        (r#"{"method":"SUBSCRIBE","params":[],"id":1.5}"#, 2, "id must be"),
        (r#"{"method":"SET_PROPERTY","params":["combined",1],"id":1}"#, 1, "Invalid value type"),
        (r#"{"method":"SET_PROPERTY","params":["other",true],"id":1}"#, 0, "Unknown property"),
        (r#"{"method":"GET_PROPERTY","params":[],"id":1}"#, 2, "Invalid request"),
    ];
    let spot = start(|_| ());
    let futures = of(ExchangeId::BinanceFutures, |_| ());
    let (mut flat, mut nested) = (Client::open(&spot, "/ws"), Client::open(&futures, "/public/ws"));
    for (command, code, text) in cases {
        flat.say(command);
        nested.say(command);
        let (flat, nested) = (flat.json(), nested.json());
        for error in [&flat, &nested["error"]] {
            assert_eq!(error["code"], code, "{command}");
            assert!(error["msg"].as_str().expect("a text").contains(text), "{error}");
        }
    }
}

#[test]
fn one_stream_too_many_ends_the_connection() {
    let simulator = start(|_| ());
    let mut client = Client::open(&simulator, "/ws");
    let names: Vec<String> = (0..1_024).map(|number| format!("s{number}@trade")).collect();
    let command = json!({"method": "SUBSCRIBE", "params": names, "id": 1});
    assert_eq!(client.ask(&command)["result"], json!(null));
    let command = json!({"method": "SUBSCRIBE", "params": ["one@more"], "id": 2});
    assert_eq!(client.ask(&command)["code"], 4);
    assert_eq!(client.end(), End::Closed(1008, "Invalid request".to_owned()));
}

#[test]
fn too_many_messages_end_the_connection_pings_included() {
    for exchange in [ExchangeId::Binance, ExchangeId::BinanceFutures] {
        let bound = Options::new(exchange).messages_per_second;
        // All of it falls into one second, however slow the machine: the clock stands still.
        let (clock, _hand) = Clock::manual(UnixNanos::from_millis(1_700_000_000_000));
        let simulator = of(exchange, |options| {
            options.messages_per_second = bound;
            options.clock = clock;
        });
        let mut client = Client::open(&simulator, "/ws");
        for _ in 0..bound {
            client.say(Message::Ping("x".into()));
        }
        for _ in 0..bound {
            assert_eq!(client.message(), Ok(Message::Pong("x".into())));
        }
        client.say(r#"{"method":"LIST_SUBSCRIPTIONS","id":1}"#);
        assert_eq!(client.end(), End::Closed(1008, "Too many requests".to_owned()));
    }
}

#[test]
fn pings_carry_the_time_and_an_unanswered_one_ends_the_connection() {
    let simulator = start(|options| {
        options.ping_interval = Duration::from_millis(60);
        options.pong_timeout = Duration::from_millis(400);
    });
    let mut client = Client::open(&simulator, "/ws");
    for _ in 0..3 {
        match client.message().expect("answered pings keep the connection") {
            Message::Ping(payload) => {
                assert_eq!(payload.len(), 13);
                assert!(payload.iter().all(u8::is_ascii_digit));
            }
            other => panic!("{other:?} instead of a ping"),
        }
    }
    assert!(simulator.wait_for(DEADLINE, |stats| stats.pongs >= 2));
    // From here on the client reads nothing, so it answers nothing.
    assert!(simulator.wait_for(DEADLINE, |stats| stats.websockets == 0));
}

#[test]
fn a_connection_ends_at_its_age() {
    let simulator = start(|options| options.lifetime = Some(Duration::from_millis(300)));
    let mut client = Client::open(&simulator, "/ws/btcusdt@trade");
    assert_eq!(client.end(), End::Gone);
}

#[test]
fn what_is_no_websocket_path_is_refused() {
    let simulator = start(|_| ());
    assert_eq!(Client::try_open(&simulator, "/nowhere").err(), Some(404));
    assert_eq!(Client::try_open(&simulator, "/market/ws").err(), Some(404));
    for path in ["/ws", "/stream", "/", "/api/v3/none", "/fapi/v1/depth?symbol=BTCUSDT"] {
        assert_eq!(request(&simulator, path).0, 404, "{path}");
    }
    assert_eq!(simulator.stats().upgrades_refused, 2);
}

#[test]
fn futures_deliver_a_stream_only_on_its_path() {
    let simulator = of(ExchangeId::BinanceFutures, |_| ());
    let streams = "btcusdt@aggTrade/btcusdt@bookTicker";
    for (path, event) in [("/market", "aggTrade"), ("/public", "bookTicker")] {
        let mut client = Client::open(&simulator, &format!("{path}/stream?streams={streams}"));
        for _ in 0..20 {
            assert_eq!(client.json()["data"]["e"], event, "{path}");
        }
        let listed = client.ask(&json!({"method": "LIST_SUBSCRIPTIONS", "id": 1}));
        assert_eq!(listed["result"].as_array().map(Vec::len), Some(2));
    }
}

#[test]
fn the_futures_path_of_before_carries_everything() {
    let simulator = of(ExchangeId::BinanceFutures, |_| ());
    let streams = "btcusdt@aggTrade/btcusdt@bookTicker/btcusdt@kline_1m";
    let mut client = Client::open(&simulator, &format!("/stream?streams={streams}"));
    for event in ["aggTrade", "bookTicker", "kline"] {
        client.find(|frame| frame["data"]["e"] == event);
    }
    let mut alone = Client::open(&simulator, "/ws/btcusdt@aggTrade");
    assert_eq!(alone.json()["e"], "aggTrade");
}

#[test]
fn lists_of_all_instruments_come_each_second_with_what_changed() {
    let simulator = of(ExchangeId::BinanceFutures, |_| ());
    let streams = "!ticker@arr/!miniTicker@arr/!markPrice@arr@1s/!bookTicker";
    let mut client = Client::open(&simulator, &format!("/stream?streams={streams}"));
    for (stream, event) in [
        ("!ticker@arr", "24hrTicker"),
        ("!miniTicker@arr", "24hrMiniTicker"),
        ("!markPrice@arr@1s", "markPriceUpdate"),
    ] {
        let frame = client.find(|frame| frame["stream"] == stream);
        let list = frame["data"].as_array().expect("a list");
        assert!(!list.is_empty() && list.iter().all(|one| one["e"] == event), "{frame}");
    }
    let best = client.find(|frame| frame["stream"] == "!bookTicker");
    assert_eq!(best["data"]["e"], "bookTicker");
    let named = client.ask(&json!({"method": "UNSUBSCRIBE", "params": ["!bookTicker"], "id": 1}));
    assert_eq!(named["result"], json!(null));
    assert!(simulator.wait_for(DEADLINE, |stats| stats.streams == 3));
}

#[test]
fn times_come_in_microseconds_where_asked_for() {
    let simulator = start(|_| ());
    let mut micros = Client::open(&simulator, "/ws/btcusdt@trade?timeUnit=MICROSECOND");
    let mut millis = Client::open(&simulator, "/ws/btcusdt@trade");
    assert!(micros.json()["T"].as_u64().expect("a time") > 1_000_000_000_000_000);
    assert!(millis.json()["T"].as_u64().expect("a time") < 10_000_000_000_000);
}

#[test]
fn requests_are_answered_and_wrong_ones_get_the_exchanges_codes() {
    let simulator = start(|_| ());
    let (status, head, body) = request(&simulator, "/api/v3/depth?symbol=BTCUSDT&limit=3");
    assert_eq!((status, body["bids"].as_array().map(Vec::len)), (200, Some(3)));
    assert!(head.contains("X-MBX-USED-WEIGHT-1M: "), "{head}");
    let (_, _, body) = request(&simulator, "/api/v3/exchangeInfo");
    let first = &body["symbols"][0];
    assert_eq!((&first["symbol"], &first["baseAsset"]), (&json!("BTCUSDT"), &json!("BTC")));
    assert_eq!(first["filters"][0]["tickSize"], "0.01000000");
    assert!(request(&simulator, "/api/v3/time").2["serverTime"].is_u64());
    assert_eq!(request(&simulator, "/api/v3/ping").2, json!({}));
    let (status, _, body) = request(&simulator, "/api/v3/depth?symbol=NOPE");
    assert_eq!((status, &body["code"]), (400, &json!(-1121)));
    let (status, _, body) = request(&simulator, "/api/v3/depth");
    assert_eq!((status, &body["code"]), (400, &json!(-1102)));
    let futures = of(ExchangeId::BinanceFutures, |_| ());
    let (status, _, body) = request(&futures, "/fapi/v1/depth?symbol=BTCUSDT&limit=7");
    assert_eq!((status, &body["code"]), (400, &json!(-4021)));
    let (_, _, body) = request(&futures, "/fapi/v1/exchangeInfo");
    assert_eq!(body["symbols"][0]["filters"][0]["tickSize"], "0.1");
}

#[test]
fn who_asks_too_much_is_told_to_wait() {
    let simulator = start(|_| ());
    // 6,000 a minute, 250 each; a minute may end in between, then it takes up to 24 more.
    for _ in 0..49 {
        let (status, head, body) = request(&simulator, "/api/v3/depth?symbol=BTCUSDT&limit=5000");
        if status == 200 {
            continue;
        }
        assert_eq!((status, &body["code"]), (429, &json!(-1003)));
        let wait = head.lines().find_map(|line| line.strip_prefix("Retry-After: "));
        let wait: u64 = wait.expect("a time to wait").parse().expect("seconds");
        assert!((1..=60).contains(&wait));
        return;
    }
    panic!("49 books of weight 250 within two minutes were all given");
}
