//! Bybit as a plain client sees it: shapes of answers, limits, books, tickers, bars.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tickwire::clock::{Clock, UnixNanos};
use tickwire::exchange::bybit::Bybit;
use tickwire::exchange::{Batch, Exchange, Frame};
use tickwire::instrument::{ExchangeId, InstrumentId, NativeMap};
use tickwire::json::PaddedFrame;
use tickwire::limits::FRAME_PADDING;
use tickwire::sim::{Fault, Of, Options, Simulator};

use crate::client::{Client, DEADLINE, End, request};
use crate::started::started;

const SPOT: &str = "/v5/public/spot";
const LINEAR: &str = "/v5/public/linear";

fn start(exchange: ExchangeId, change: impl FnOnce(&mut Options)) -> Simulator {
    started(exchange, &["BTCUSDT", "ETHUSDT"], 2_000, |options| {
        options.messages_per_second = 0;
        change(options);
    })
}

impl Client {
    /// Subscribes and returns the answer; frames of data before it are left out.
    fn ask_topics(&mut self, topics: &[&str], id: &str) -> Value {
        self.say(json!({"req_id": id, "op": "subscribe", "args": topics}).to_string());
        self.find(|value| value["req_id"] == id)
    }
}

#[test]
fn answers_and_pongs_have_the_shapes_of_their_class() {
    let spot = start(ExchangeId::Bybit, |options| options.paused = true);
    let mut client = Client::open(&spot, SPOT);
    client.say(r#"{"op":"ping"}"#);
    let pong = client.json();
    assert_eq!((&pong["ret_msg"], &pong["op"]), (&json!("pong"), &json!("ping")));
    assert!(pong.get("req_id").is_none());
    let ack = client.ask_topics(&["publicTrade.BTCUSDT"], "7");
    assert_eq!((&ack["success"], &ack["ret_msg"]), (&json!(true), &json!("subscribe")));

    let linear = start(ExchangeId::BybitLinear, |options| options.paused = true);
    let mut client = Client::open(&linear, LINEAR);
    client.say(r#"{"op":"ping"}"#);
    assert_eq!(client.json()["req_id"], "");
    let ack = client.ask_topics(&["orderbook.50.BTCUSDT"], "8");
    assert_eq!((&ack["success"], &ack["ret_msg"]), (&json!(true), &json!("")));
    // A path of the other class is not there.
    assert_eq!(Client::try_open(&linear, SPOT).err(), Some(404));
}

#[test]
fn one_topic_at_fault_refuses_the_whole_request() {
    let simulator = start(ExchangeId::Bybit, |options| options.paused = true);
    let mut client = Client::open(&simulator, SPOT);
    let mut refusal = |topics: &[&str]| {
        let answer = client.ask_topics(topics, "1");
        assert_eq!(answer["success"], false, "{topics:?}");
        assert_eq!(simulator.stats().streams, 0);
        answer["ret_msg"].as_str().expect("words").to_owned()
    };
    let unknown = ["tickers.BTCUSDT", "orderbook.500.BTCUSDT"];
    assert_eq!(refusal(&unknown), "error:handler not found,topic:orderbook.500.BTCUSDT");
    let unknown = ["tickers.BTCUSDT", "tickers.NOPEUSDT"];
    assert_eq!(refusal(&unknown), "error:handler not found,topic:tickers.NOPEUSDT");
    let twice = ["tickers.BTCUSDT", "tickers.BTCUSDT"];
    assert_eq!(refusal(&twice), "error:already subscribed,topic:tickers.BTCUSDT");
    assert_eq!(refusal(&["tickers.BTCUSDT"; 11]), "args size >10");
}

#[test]
fn letters_of_all_topics_on_a_connection_are_bounded() {
    let symbols: Vec<String> = (0..400).map(|index| format!("LONGNAME{index:03}USDT")).collect();
    let simulator = start(ExchangeId::BybitLinear, |options| {
        options.symbols = symbols.clone();
        options.paused = true;
    });
    let mut client = Client::open(&simulator, LINEAR);
    let topics = |kind: &str| -> Vec<String> {
        symbols.iter().map(|symbol| format!("{kind}.{symbol}")).collect()
    };
    let refs = |topics: &[String]| -> Vec<String> { topics.to_vec() };
    let mut ask = |topics: Vec<String>| {
        let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
        client.ask_topics(&topics, "1")["success"] == true
    };
    assert!(ask(refs(&topics("publicTrade"))));
    // 400 × 27 and 400 × 23 letters fit, then nothing does.
    assert!(ask(refs(&topics("tickers"))));
    assert!(!ask(refs(&topics("kline.1")[..50])));
}

/// One side of a book by the text of its prices, best first.
fn side(levels: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    levels.as_array().expect("levels").iter().map(|it| (text(&it[0]), text(&it[1]))).collect()
}

fn units(price: &str) -> u128 {
    let (whole, fraction) = price.split_once('.').unwrap_or((price, ""));
    format!("{whole}{fraction:0<12}").parse().expect("a price")
}

/// Follows the book of `topic` and compares it with the market's once that stands still.
fn follow(exchange: ExchangeId, path: &str, topic: &str) {
    let simulator = start(exchange, |options| options.paused = true);
    let mut client = Client::open(&simulator, path);
    client.say(json!({"req_id": "1", "op": "subscribe", "args": [topic]}).to_string());
    let first = client.find(|value| value["topic"] == topic);
    assert_eq!(first["type"], "snapshot");
    simulator.resume();
    let mut sides = [BTreeMap::new(), BTreeMap::new()];
    let (mut last, mut frames) = (0, 0);
    let mut next = first;
    loop {
        let data = &next["data"];
        let update_id = data["u"].as_u64().expect("a number");
        if next["type"] == "snapshot" {
            sides = Default::default();
        } else {
            assert_eq!(update_id, last + 1);
        }
        last = update_id;
        for (side, levels) in sides.iter_mut().zip([side(&data["b"]), side(&data["a"])]) {
            for (price, size) in levels {
                side.insert(units(&price), (price, size));
            }
            side.retain(|_, (_, size)| size != "0");
        }
        frames += 1;
        if frames == 30 {
            simulator.pause();
        }
        let truth = simulator.book("BTCUSDT").expect("it is listed");
        if frames >= 30 && data["seq"] == truth.update_id {
            let [bids, asks] = &sides;
            assert_eq!(bids.values().rev().cloned().collect::<Vec<_>>(), truth.bids);
            assert_eq!(asks.values().cloned().collect::<Vec<_>>(), truth.asks);
            return;
        }
        next = client.find(|value| value["topic"] == topic);
    }
}

#[test]
fn every_delta_on_top_of_the_snapshot_gives_the_markets_book() {
    follow(ExchangeId::Bybit, SPOT, "orderbook.200.BTCUSDT");
    follow(ExchangeId::BybitLinear, LINEAR, "orderbook.200.BTCUSDT");
}

#[test]
fn trades_are_those_of_the_truth() {
    let simulator = start(ExchangeId::BybitLinear, |_| ());
    let mut client = Client::open(&simulator, LINEAR);
    client.ask_topics(&["publicTrade.BTCUSDT"], "1");
    for _ in 0..200 {
        let frame = client.json();
        for trade in frame["data"].as_array().expect("trades") {
            let (_, number) =
                trade["i"].as_str().and_then(|id| id.rsplit_once('-')).expect("a UUID");
            let number = u64::from_str_radix(number, 16).expect("a number");
            let truth = simulator.truth().trades("BTCUSDT");
            let own = truth.iter().find(|own| own.id == number).expect("it was printed");
            assert_eq!((&trade["p"], &trade["v"]), (&json!(own.price), &json!(own.size)));
        }
    }
}

#[test]
fn deltas_of_a_ticker_complete_its_snapshot() {
    let simulator = start(ExchangeId::BybitLinear, |options| options.paused = true);
    let topic = "tickers.ETHUSDT";
    let mut client = Client::open(&simulator, LINEAR);
    client.say(json!({"req_id": "1", "op": "subscribe", "args": [topic]}).to_string());
    let whole = client.find(|value| value["topic"] == topic);
    assert_eq!(whole["type"], "snapshot");
    let mut fields = whole["data"].as_object().expect("fields").clone();
    simulator.resume();
    let mut shortest = usize::MAX;
    for _ in 0..10 {
        let delta = client.find(|value| value["topic"] == topic);
        assert_eq!(delta["type"], "delta");
        let news = delta["data"].as_object().expect("fields").clone();
        shortest = shortest.min(news.len());
        assert_eq!(news.contains_key("bid1Price"), news.contains_key("bid1Size"));
        fields.extend(news);
    }
    assert!(shortest < whole["data"].as_object().expect("fields").len() - 4);
    // Who comes now is told the same whole.
    simulator.pause();
    while let Some(Ok(_)) = {
        client.read_within(Duration::from_millis(300));
        client.message_or_nothing()
    } {}
    let mut second = Client::open(&simulator, LINEAR);
    second.say(json!({"req_id": "1", "op": "subscribe", "args": [topic]}).to_string());
    let fresh = second.find(|value| value["topic"] == topic);
    assert_eq!(fresh["data"]["symbol"], "ETHUSDT");
    assert_eq!(fresh["data"].as_object().map(serde_json::Map::len), Some(fields.len()));
}

#[test]
fn a_quiet_book_of_one_level_repeats_itself_and_an_idle_client_is_cut() {
    let (clock, hand) = Clock::manual(UnixNanos::from_millis(1_790_000_000_000));
    let simulator = start(ExchangeId::Bybit, |options| {
        options.clock = clock;
        options.paused = true;
    });
    let mut client = Client::open(&simulator, SPOT);
    client.ask_topics(&["orderbook.1.BTCUSDT"], "1");
    let first = client.find(|value| value.get("topic").is_some());
    hand.advance(Duration::from_secs(5));
    let again = client.json();
    assert_eq!((&first["data"], &first["type"]), (&again["data"], &again["type"]));
    assert!(again["ts"].as_u64() > first["ts"].as_u64());
    hand.advance(Duration::from_secs(601));
    assert_eq!(client.end(), End::Gone);
}

#[test]
fn a_frame_may_hold_the_bar_that_closed_and_the_next() {
    let (clock, hand) = Clock::manual(UnixNanos::from_millis(1_790_000_000_000));
    let simulator = start(ExchangeId::BybitLinear, |options| options.clock = clock);
    let mut client = Client::open(&simulator, LINEAR);
    client.ask_topics(&["kline.1.BTCUSDT"], "1");
    let mut sizes = Vec::new();
    while !sizes.contains(&2) {
        hand.advance(Duration::from_millis(500));
        client.read_within(Duration::from_millis(20));
        while let Some(Ok(message)) = client.message_or_nothing() {
            let frame: Value =
                serde_json::from_str(message.to_text().expect("text")).expect("JSON");
            let bars = frame["data"].as_array().expect("bars");
            if let [closed, open] = &bars[..] {
                assert_eq!((&closed["confirm"], &open["confirm"]), (&json!(true), &json!(false)));
                let end = closed["end"].as_u64().expect("a time");
                assert_eq!(open["start"].as_u64(), Some(end + 1));
            }
            sizes.push(bars.len());
        }
        assert!(sizes.len() < 1_000, "no bar ever closed");
    }
}

#[test]
fn the_list_of_instruments_and_its_refusals() {
    let simulator = start(ExchangeId::BybitLinear, |options| {
        options.symbols = vec!["BTCUSDT".to_owned(), "BTCPERP".to_owned()];
        options.paused = true;
    });
    let path = "/v5/market/instruments-info?category=linear&limit=1000";
    let (status, _, body) = request(&simulator, path);
    assert_eq!((status, &body["retCode"]), (200, &json!(0)));
    let list = body["result"]["list"].as_array().expect("a list");
    let names: Vec<_> = list.iter().map(|it| (&it["symbol"], &it["settleCoin"])).collect();
    let expected = [(&json!("BTCUSDT"), &json!("USDT")), (&json!("BTCPERP"), &json!("USDC"))];
    assert_eq!(names, expected);
    let (_, _, other) = request(&simulator, "/v5/market/instruments-info?category=spot");
    assert_eq!(other["result"]["list"], json!([]), "it lists one category");
    let (_, _, wrong) = request(&simulator, "/v5/market/instruments-info?category=shares");
    assert_eq!(wrong["retCode"], 10_001);
    simulator.inject(Fault::RestRefuse { status: 403, count: 1 });
    // Faults are heard in order with requests, by the same thread, but on another way.
    let refused = std::iter::repeat_with(|| request(&simulator, path).0);
    assert!(refused.take(1_000).any(|status| status == 403));
}

#[test]
fn faults_strike_the_books_frames() {
    let simulator = start(ExchangeId::BybitLinear, |_| ());
    let mut client = Client::open(&simulator, LINEAR);
    client.ask_topics(&["orderbook.50.BTCUSDT"], "1");
    let mut last = client.json()["data"]["u"].as_u64().expect("a number");
    simulator.inject(Fault::Drop { of: Of::Depth, symbol: None, count: 1 });
    for _ in 0..100 {
        let next = client.json()["data"]["u"].as_u64().expect("a number");
        if next == last + 2 {
            return;
        }
        assert_eq!(next, last + 1);
        last = next;
    }
    panic!("no frame was left out");
}

#[test]
fn a_subscription_may_be_acknowledged_and_stay_mute() {
    let simulator = start(ExchangeId::Bybit, |options| options.paused = true);
    simulator.inject(Fault::AckMute { count: 1 });
    let mut client = Client::open(&simulator, SPOT);
    assert_eq!(client.ask_topics(&["orderbook.200.BTCUSDT"], "1")["success"], true);
    assert_eq!(simulator.stats().streams, 0);
    client.ask_topics(&["orderbook.200.BTCUSDT"], "2");
    assert!(simulator.wait_for(DEADLINE, |stats| stats.streams == 1));
}

#[test]
fn what_it_sends_is_read_in_place() {
    for (exchange, path) in [(ExchangeId::Bybit, SPOT), (ExchangeId::BybitLinear, LINEAR)] {
        let simulator = start(exchange, |_| ());
        let mut client = Client::open(&simulator, path);
        let topics = ["publicTrade", "orderbook.1", "orderbook.200", "tickers", "kline.1"]
            .map(|kind| format!("{kind}.BTCUSDT"));
        client.ask_topics(&topics.each_ref().map(String::as_str), "1");
        let mut adapter = Bybit::new(exchange);
        adapter.set_instruments(NativeMap::new([("BTCUSDT", InstrumentId(0))]));
        let mut batch = Batch::new();
        for _ in 0..2_000 {
            let text = client.text().expect("the connection stays");
            let mut bytes = text.as_bytes().to_vec();
            bytes.resize(text.len() + FRAME_PADDING, 0);
            let read = adapter.parse(PaddedFrame::new(&mut bytes, text.len()), &mut batch);
            let is_hot = text.contains(":\"publicTrade") || text.contains(":\"orderbook");
            assert_eq!(read, Ok(Frame::Data { recognised: is_hot }), "{text}");
        }
    }
}
