//! Kraken's protocol and manners, and whether its streams agree with each other.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tickwire::clock::ManualClock;
use tickwire::instrument::ExchangeId;
use tickwire::sim::{BookSide, CaptureEnd, Fault, Options, Playback, Simulator, Speed, TrueBook};

use crate::captures;
use crate::client::{Client, DEADLINE, End};
use crate::started::{self, started};

const PATH: &str = "/v2";

fn start(change: impl FnOnce(&mut Options)) -> Simulator {
    started(ExchangeId::Kraken, &["BTC/USD", "ETH/BTC"], 500, change)
}

/// On a clock that only the test moves.
fn by_hand(change: impl FnOnce(&mut Options)) -> (Simulator, ManualClock) {
    started::by_hand(|clock| {
        start(|options| {
            options.clock = clock;
            change(options);
        })
    })
}

impl Client {
    fn request(&mut self, method: &str, id: u64, params: &Value) {
        let request = json!({"method": method, "params": params, "req_id": id});
        self.say(request.to_string());
    }

    /// The next answer to a request.
    fn answer(&mut self) -> Value {
        self.find(|value| value.get("success").is_some())
    }

    /// The next frame of a channel, as it was written.
    fn frame_of(&mut self, channel: &str) -> String {
        let start = format!("{{\"channel\":\"{channel}\"");
        loop {
            let text = self.text().expect("the connection stays");
            if text.starts_with(&start) {
                return text;
            }
        }
    }

    fn on(&mut self, channel: &str, kind: &str) -> Value {
        self.find(|value| value["channel"] == channel && value["type"] == kind)
    }
}

#[test]
fn the_status_comes_first_and_heartbeats_begin_with_a_subscription() {
    let (simulator, hand) = by_hand(|_| ());
    assert_eq!(Client::try_open(&simulator, "/v3").err(), Some(404));
    let mut client = Client::open(&simulator, PATH);
    let status = client.json();
    assert_eq!(
        (&status["channel"], &status["data"][0]["system"]),
        (&json!("status"), &json!("online"))
    );
    assert!(status["data"][0]["connection_id"].is_u64());

    client.say(r#"{"method":"ping","req_id":101}"#);
    // Nobody has subscribed: however long it takes, the next message is the answer.
    hand.advance(Duration::from_secs(3));
    let pong = client.json();
    assert_eq!((&pong["method"], &pong["req_id"]), (&json!("pong"), &json!(101)));
    assert!(pong["time_in"].as_str().is_some_and(|time| time.ends_with('Z') && time.len() == 27));

    client.request("subscribe", 2, &json!({"channel": "trade", "symbol": ["BTC/USD"]}));
    assert_eq!(client.answer()["success"], true);
    for _ in 0..3 {
        hand.advance(Duration::from_secs(1));
        assert_eq!(
            client.find(|value| value["channel"] == "heartbeat"),
            json!({"channel": "heartbeat"})
        );
    }
}

#[test]
fn a_connection_without_a_subscription_is_closed_after_a_minute() {
    let (simulator, hand) = by_hand(|_| ());
    let mut client = Client::open(&simulator, PATH);
    client.json();
    hand.advance(Duration::from_secs(59));
    client.say(r#"{"method":"ping"}"#);
    assert_eq!(client.json()["method"], "pong");
    hand.advance(Duration::from_secs(61));
    assert_eq!(client.end(), End::Closed(1_000, String::new()));
}

#[test]
fn every_symbol_is_answered_for_itself() {
    let simulator = start(|options| options.paused = true);
    let mut client = Client::open(&simulator, PATH);
    let symbols = json!(["BTC/USD", "XBT/USD", "ETH/BTC"]);
    client.request("subscribe", 7, &json!({"channel": "book", "symbol": symbols, "depth": 25}));
    let mut answers: Vec<Value> = (0..3).map(|_| client.answer()).collect();
    answers.sort_by_key(|answer| answer["symbol"].is_string());
    for answer in &answers[..2] {
        assert_eq!((&answer["method"], &answer["req_id"]), (&json!("subscribe"), &json!(7)));
        assert_eq!(
            (&answer["result"]["depth"], &answer["result"]["snapshot"]),
            (&json!(25), &json!(true))
        );
        assert_eq!(answer.get("channel"), None);
    }
    assert_ne!(answers[0]["result"]["symbol"], answers[1]["result"]["symbol"]);
    let refused = &answers[2];
    assert_eq!((&refused["success"], &refused["symbol"]), (&json!(false), &json!("XBT/USD")));
    assert_eq!(refused["error"], "Currency pair not supported XBT/USD");

    client.request("subscribe", 8, &json!({"channel": "book", "symbol": ["BTC/USD"], "depth": 11}));
    let refused = client.answer();
    assert_eq!(refused["error"], "Subscription depth not supported");
    assert_eq!((refused.get("symbol"), &refused["req_id"]), (None, &json!(8)));

    // Leaving names the depth again.
    let leave = |depth| json!({"channel": "book", "symbol": ["BTC/USD"], "depth": depth});
    client.request("unsubscribe", 9, &leave(10));
    assert_eq!(client.answer()["error"], "Subscription Not Found");
    client.request("unsubscribe", 10, &leave(25));
    let answer = client.answer();
    assert_eq!((&answer["method"], &answer["success"]), (&json!("unsubscribe"), &json!(true)));
    client.say("{");
    assert_eq!(client.answer()["success"], false);
    assert!(simulator.wait_for(DEADLINE, |stats| stats.streams == 1));
}

#[test]
fn the_list_of_instruments_needs_no_symbols_and_has_exponents() {
    let simulator = start(|options| options.paused = true);
    let mut client = Client::open(&simulator, PATH);
    client.request("subscribe", 1, &json!({"channel": "instrument", "snapshot": true}));
    assert!(client.answer()["result"]["warnings"].is_array());
    let mut text = client.text().expect("the list");
    while !text.contains("\"pairs\"") {
        text = client.text().expect("the list");
    }
    assert!(text.contains(r#""qty_increment":1e-08"#));
    let list: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(list["data"]["pairs"][1]["symbol"], "ETH/BTC");
    assert!(list["data"]["assets"].is_array());
}

/// A book as a client keeps it: text of price and size by the price's digits.
#[derive(Default)]
struct Book {
    sides: [BTreeMap<u64, (String, String)>; 2],
}

impl Book {
    /// Applies a frame's text, cuts off beyond the depth and checks the checksum.
    fn apply(&mut self, text: &str, depth: usize) -> bool {
        let frame: Value = serde_json::from_str(text).expect("JSON");
        if frame["type"] == "snapshot" {
            *self = Self::default();
        }
        for (side, name) in self.sides.iter_mut().zip(["\"bids\":[", "\"asks\":["]) {
            let list = text.split_once(name).expect("a side").1;
            let list = list.split_once(']').expect("its end").0;
            for level in list.split("},").filter(|level| !level.is_empty()) {
                let number = |name: &str| {
                    let rest = level.split_once(name).expect("a number").1;
                    rest.split([',', '}']).next().expect("digits").to_owned()
                };
                let (price, size) = (number("\"price\":"), number("\"qty\":"));
                let key = digits(&price).parse().expect("a price");
                match digits(&size).is_empty() {
                    true => side.remove(&key),
                    false => side.insert(key, (price, size)),
                };
            }
        }
        while self.sides[0].len() > depth {
            self.sides[0].pop_first();
        }
        while self.sides[1].len() > depth {
            self.sides[1].pop_last();
        }
        let mut covered = String::new();
        let [bids, asks] = self.best_first();
        for (price, size) in asks.iter().take(10).chain(bids.iter().take(10)) {
            covered.push_str(&digits(price));
            covered.push_str(&digits(size));
        }
        frame["data"][0]["checksum"] == json!(crc32fast::hash(covered.as_bytes()))
    }

    fn best_first(&self) -> [Vec<(String, String)>; 2] {
        let [bids, asks] = &self.sides;
        [bids.values().rev().cloned().collect(), asks.values().cloned().collect()]
    }
}

/// Without point and leading zeros.
fn digits(number: &str) -> String {
    number.replace('.', "").trim_start_matches('0').to_owned()
}

fn cut(book: &TrueBook, depth: usize) -> [Vec<(String, String)>; 2] {
    let side = |levels: &[(String, String)]| levels.iter().take(depth).cloned().collect();
    [side(&book.bids), side(&book.asks)]
}

/// Reads until every book is the exchange's, which stands still; returns how many updates came.
fn follow(client: &mut Client, simulator: &Simulator, depth: usize, symbols: &[&str]) -> usize {
    let mut books: BTreeMap<String, Book> = BTreeMap::new();
    let mut updates = 0;
    let is_true = |books: &BTreeMap<String, Book>, symbol: &str| {
        let truth = simulator.book(symbol).expect("a book");
        books.get(symbol).is_some_and(|book| book.best_first() == cut(&truth, depth))
    };
    loop {
        let text = client.text().expect("the connection stays");
        if !text.starts_with(r#"{"channel":"book""#) {
            continue;
        }
        let frame: Value = serde_json::from_str(&text).expect("JSON");
        let symbol = frame["data"][0]["symbol"].as_str().expect("a symbol").to_owned();
        let book = books.entry(symbol).or_default();
        assert!(book.apply(&text, depth), "the checksum is another one after {text}");
        updates += 1;
        if updates == 500 {
            simulator.pause();
        }
        if updates >= 500 && symbols.iter().all(|symbol| is_true(&books, symbol)) {
            return updates;
        }
    }
}

#[test]
fn books_of_every_depth_follow_the_exchanges_and_their_checksums_hold() {
    for depth in [10, 25, 1_000] {
        let simulator = start(|options| options.rate = 5_000);
        let mut client = Client::open(&simulator, PATH);
        let symbols = ["BTC/USD", "ETH/BTC"];
        client.request(
            "subscribe",
            1,
            &json!({"channel": "book", "symbol": symbols, "depth": depth}),
        );
        assert!(follow(&mut client, &simulator, depth, &symbols) >= 500);
    }
}

#[test]
fn a_level_that_slides_into_the_window_is_told_and_one_that_slides_out_is_not() {
    let simulator = start(|options| options.rate = 5_000);
    let mut client = Client::open(&simulator, PATH);
    client.request("subscribe", 1, &json!({"channel": "book", "symbol": ["BTC/USD"]}));
    let snapshot = client.frame_of("book");
    let mut book = Book::default();
    assert!(book.apply(&snapshot, 10));
    let (mut slid_in, mut slid_out, mut twice) = (0, 0, 0);
    while slid_in == 0 || slid_out == 0 || twice == 0 {
        let text = client.frame_of("book");
        let before = book.best_first();
        assert!(book.apply(&text, 10));
        let after = book.best_first();
        let frame: Value = serde_json::from_str(&text).expect("JSON");
        for (side, name) in ["bids", "asks"].into_iter().enumerate() {
            let told = frame["data"][0][name].as_array().expect("a list");
            let prices: Vec<f64> =
                told.iter().filter_map(|level| level["price"].as_f64()).collect();
            let tells = |price: &str| prices.contains(&price.parse().expect("a number"));
            let has =
                |levels: &[(String, String)], price: &str| levels.iter().any(|it| it.0 == price);
            let removed = told.iter().any(|level| level["qty"].as_f64() == Some(0.0));
            slid_in += usize::from(
                removed && after[side].last().is_some_and(|worst| !has(&before[side], &worst.0)),
            );
            slid_out +=
                before[side].iter().filter(|it| !has(&after[side], &it.0) && !tells(&it.0)).count();
            twice += prices
                .iter()
                .enumerate()
                .filter(|(at, price)| prices[..*at].contains(price))
                .count();
        }
    }
}

#[test]
fn trades_are_the_markets_and_past_ones_come_first_where_asked_for() {
    let simulator = start(|options| options.rate = 2_000);
    let mut client = Client::open(&simulator, PATH);
    client.request("subscribe", 1, &json!({"channel": "trade", "symbol": ["BTC/USD"]}));
    let id_of = |trade: &Value| trade["trade_id"].as_u64().expect("an id");
    let mut seen: Vec<Value> = Vec::new();
    while seen.len() < 100 {
        seen.extend(client.on("trade", "update")["data"].as_array().expect("a list").clone());
    }
    simulator.pause();
    // Its answer comes when the market stands still.
    simulator.book("BTC/USD").expect("a book");
    let mut second = Client::open(&simulator, PATH);
    second.request(
        "subscribe",
        1,
        &json!({"channel": "trade", "symbol": ["BTC/USD"], "snapshot": true}),
    );
    let past = second.on("trade", "snapshot")["data"].as_array().expect("a list").clone();
    assert_eq!(past.len(), 50);
    let truth = simulator.truth().trades("BTC/USD");
    for list in [&seen, &past] {
        assert!(list.windows(2).all(|pair| id_of(&pair[0]) + 1 == id_of(&pair[1])));
        for trade in list {
            let found = truth.iter().find(|it| it.id == id_of(trade)).expect("it happened");
            let side = if found.taker == BookSide::Bid { "buy" } else { "sell" };
            assert_eq!((trade["side"].as_str(), &trade["symbol"]), (Some(side), &json!("BTC/USD")));
            assert_eq!(trade["price"].as_f64(), found.price.parse().ok());
            assert_eq!(trade["qty"].as_f64(), found.size.parse().ok());
        }
    }
    assert_eq!(truth.last().map(|last| last.id), past.last().map(id_of));
}

#[test]
fn tickers_and_candles_agree_with_the_market() {
    let simulator = start(|options| options.rate = 2_000);
    let mut client = Client::open(&simulator, PATH);
    let symbol = json!(["BTC/USD"]);
    client.request(
        "subscribe",
        1,
        &json!({"channel": "ticker", "symbol": symbol, "event_trigger": "bbo"}),
    );
    client.request(
        "subscribe",
        2,
        &json!({"channel": "ohlc", "symbol": symbol, "interval": 1_440}),
    );
    let ticker = &client.on("ticker", "update")["data"][0];
    assert!(ticker["bid"].as_f64() < ticker["ask"].as_f64());
    for key in ["last", "volume", "vwap", "low", "high", "change", "change_pct", "bid_qty"] {
        assert!(ticker[key].is_number(), "{key}");
    }
    let frame = client.on("ohlc", "update");
    let candle = &frame["data"][0];
    assert_eq!(
        (&candle["interval"], candle["interval_begin"].as_str().map(str::len)),
        (&json!(1_440), Some(30))
    );
    assert!(frame["timestamp"].is_string() && candle["trades"].as_u64() > Some(0));
    simulator.pause();
    let truth = simulator.book("BTC/USD").expect("a book");
    let mut second = Client::open(&simulator, PATH);
    second.request("subscribe", 1, &json!({"channel": "ticker", "symbol": symbol}));
    let ticker = &second.on("ticker", "snapshot")["data"][0];
    let best = |side: &[(String, String)]| side[0].0.parse::<f64>().ok();
    assert_eq!(ticker["bid"].as_f64(), best(&truth.bids));
    assert_eq!(ticker["ask"].as_f64(), best(&truth.asks));
}

#[test]
fn a_wrong_checksum_and_a_lost_update_are_seen_and_a_new_subscription_repairs() {
    for fault in [
        Fault::WrongChecksum { symbol: Some("BTCUSD".to_owned()), count: 1 },
        // One alone may be made good by the next, which writes the same levels.
        Fault::Drop { of: tickwire::sim::Of::Depth, symbol: None, count: 20 },
    ] {
        let simulator = start(|options| options.rate = 1_000);
        let mut client = Client::open(&simulator, PATH);
        let params = json!({"channel": "book", "symbol": ["BTC/USD"], "depth": 10});
        client.request("subscribe", 1, &params);
        let mut book = Book::default();
        assert!(book.apply(&client.frame_of("book"), 10));
        simulator.inject(fault);
        while book.apply(&client.frame_of("book"), 10) {}
        client.request("unsubscribe", 2, &params);
        client.find(|value| value["req_id"] == 2);
        client.request("subscribe", 3, &params);
        client.find(|value| value["req_id"] == 3);
        let mut book = Book::default();
        for _ in 0..50 {
            assert!(book.apply(&client.frame_of("book"), 10));
        }
    }
}

#[test]
fn faults_of_subscriptions_and_of_the_exchange_strike() {
    let simulator = start(|_| ());
    let mut client = Client::open(&simulator, PATH);
    simulator.inject(Fault::AckMute { count: 1 });
    assert!(simulator.wait_for(DEADLINE, |stats| stats.faults == 1));
    client.request("subscribe", 1, &json!({"channel": "trade", "symbol": ["BTC/USD"]}));
    assert_eq!(client.answer()["success"], true);
    client.request("subscribe", 2, &json!({"channel": "trade", "symbol": ["BTC/USD"]}));
    // Nothing but heartbeats came of the first.
    let next = client.find(|value| value["channel"] != "heartbeat");
    assert_eq!(next["req_id"], 2);
    client.on("trade", "update");
    simulator.inject(Fault::Shutdown { after: Duration::from_millis(50) });
    let status = client.on("status", "update");
    assert_eq!(status["data"][0]["system"], "maintenance");
    assert_eq!(client.end(), End::Gone);
}

#[test]
fn a_recording_is_played_to_its_subscribers_with_answers_to_their_own_requests() {
    for capture in captures::files("kraken-v2-btceth") {
        let frames = captures::received(&capture);
        let played = |everything| {
            let playback = Playback {
                capture: capture.clone(),
                rest: Vec::new(),
                speed: Speed::Max,
                end: CaptureEnd::Close,
                everything,
            };
            let options = Options { playback: Some(playback), ..Options::new(ExchangeId::Kraken) };
            let simulator = Simulator::start(options).expect("it starts");
            let mut client = Client::open(&simulator, PATH);
            client.request(
                "subscribe",
                9,
                &json!({"channel": "book", "symbol": ["BTC/USD"], "depth": 1_000}),
            );
            let answer = client.json();
            // As recorded, whatever was asked for.
            assert_eq!((&answer["result"]["depth"], &answer["req_id"]), (&json!(10), &json!(9)));
            let mut texts = Vec::new();
            while let Ok(text) = client.text() {
                texts.push(text);
            }
            texts
        };
        assert_eq!(played(true), frames);
        let wanted = |frame: &&String| {
            let book = frame.contains(r#""channel":"book""#) && frame.contains("BTC/USD");
            (book || !frame.contains("\"symbol\"")) && !frame.contains("\"method\"")
        };
        let own: Vec<&String> = frames.iter().filter(wanted).collect();
        assert_eq!(played(false).iter().collect::<Vec<_>>(), own);
    }
}
