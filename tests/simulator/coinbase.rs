//! Simulated Coinbase as a plain client sees it: both feeds.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tickwire::instrument::ExchangeId;
use tickwire::sim::{BookSide, Fault, Of, Options, Simulator, TrueBook};

use crate::client::{Client, DEADLINE, End, request};

const PRODUCTS: [&str; 2] = ["BTC-USD", "ETH-USD"];

fn of(exchange: ExchangeId, adjust: impl FnOnce(&mut Options)) -> Simulator {
    let mut options = Options::new(exchange);
    options.symbols = PRODUCTS.map(str::to_owned).to_vec();
    options.rate = 1_000;
    options.messages_per_second = 0;
    adjust(&mut options);
    Simulator::start(options).expect("it starts")
}

fn exchange(adjust: impl FnOnce(&mut Options)) -> Simulator {
    of(ExchangeId::Coinbase, adjust)
}

fn advanced(adjust: impl FnOnce(&mut Options)) -> Simulator {
    of(ExchangeId::CoinbaseAdvanced, adjust)
}

fn subscribe(channels: &[&str]) -> String {
    json!({"type": "subscribe", "product_ids": PRODUCTS, "channels": channels}).to_string()
}

fn subscribe_one(channel: &str) -> String {
    json!({"type": "subscribe", "product_ids": PRODUCTS, "channel": channel}).to_string()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} in {value}"))
}

/// A book as a client keeps it: prices as numbers that sort, size as written.
#[derive(Default)]
struct Book {
    sides: [BTreeMap<u128, (String, String)>; 2],
    refused: usize,
}

impl Book {
    fn set(&mut self, side: usize, price: &str, size: &str) {
        if !size.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') || size.contains('-') {
            self.refused += 1;
            return;
        }
        let (whole, fraction) = price.split_once('.').unwrap_or((price, ""));
        let key = format!("{whole}{fraction:0<12}").parse().expect("a price");
        match size.bytes().all(|byte| byte == b'0' || byte == b'.') {
            true => {
                let removed = self.sides[side].remove(&key);
                assert!(removed.is_some(), "{price} was never there");
            }
            false => _ = self.sides[side].insert(key, (price.to_owned(), size.to_owned())),
        }
    }

    fn assert_is(&self, truth: &TrueBook) {
        let [bids, asks] = &self.sides;
        assert_eq!(bids.values().rev().cloned().collect::<Vec<_>>(), truth.bids);
        assert_eq!(asks.values().cloned().collect::<Vec<_>>(), truth.asks);
    }

    fn exchange(&mut self, frame: &Value) {
        if frame["type"] == "snapshot" {
            for (side, key) in [(0, "bids"), (1, "asks")] {
                for level in frame[key].as_array().expect("levels") {
                    self.set(side, level[0].as_str().expect("p"), level[1].as_str().expect("s"));
                }
            }
        }
        for change in frame["changes"].as_array().into_iter().flatten() {
            let side = usize::from(change[0] == "sell");
            self.set(side, change[1].as_str().expect("p"), change[2].as_str().expect("s"));
        }
    }

    fn advanced(&mut self, event: &Value) {
        for level in event["updates"].as_array().expect("levels") {
            let side = usize::from(level["side"] == "offer");
            self.set(side, text(level, "price_level"), text(level, "new_quantity"));
        }
    }
}

#[test]
fn a_book_of_the_exchange_follows_its_snapshot() {
    let simulator = exchange(|options| options.paused = true);
    let mut client = Client::open(&simulator, "/");
    client.say(subscribe(&["level2_batch"]));
    let ack = client.json();
    assert_eq!(
        (&ack["type"], &ack["channels"][0]["name"]),
        (&json!("subscriptions"), &json!("level2_batch"))
    );
    let mut book = Book::default();
    let snapshot =
        client.find(|frame| frame["type"] == "snapshot" && frame["product_id"] == "BTC-USD");
    assert_eq!(snapshot.as_object().expect("an object").len(), 5);
    book.exchange(&snapshot);
    assert_eq!(book.refused, 1, "one level of the run is garbage");
    simulator.resume();
    let mut zeros = std::collections::BTreeSet::new();
    let mut dates = std::collections::BTreeSet::new();
    // Zero is spelt in many ways, by chance: in the end all of them come.
    while zeros.len() < 4 {
        let update = client.find(|frame| frame["product_id"] == "BTC-USD");
        assert_eq!(update["type"], "l2update");
        dates.insert(text(&update, "time").to_owned());
        let changes = update["changes"].as_array().expect("changes");
        zeros.extend(
            changes
                .iter()
                .map(|change| change[2].as_str().expect("a size"))
                .filter(|size| size.bytes().all(|byte| byte == b'0' || byte == b'.'))
                .map(str::to_owned),
        );
        book.exchange(&update);
    }
    assert!(dates.iter().filter(|date| date.starts_with("0001")).count() <= 1);
    simulator.pause();
    until_told(&simulator, &mut client, |client| {
        let update = client.json();
        if update["product_id"] == "BTC-USD" {
            book.exchange(&update);
        }
    });
    book.assert_is(&simulator.book("BTC-USD").expect("it is listed"));
}

/// Reads on until the book of BTC-USD stands still and everything of it was sent and read.
fn until_told(simulator: &Simulator, client: &mut Client, mut read: impl FnMut(&mut Client)) {
    client.read_within(std::time::Duration::from_millis(400));
    loop {
        let truth = simulator.book("BTC-USD").expect("it is listed");
        match client.message_or_nothing() {
            None if truth.update_id == truth.sent_update_id => return,
            None => {}
            Some(message) => {
                let message = message.expect("the connection stays");
                client.put_back(message.to_text().expect("text").to_owned());
                read(client);
            }
        }
    }
}

#[test]
fn matches_carry_the_makers_side_and_heartbeats_the_last_of_them() {
    let simulator = exchange(|_| ());
    let mut client = Client::open(&simulator, "/");
    client.say(subscribe(&["matches", "heartbeat", "ticker"]));
    let mut last = BTreeMap::new();
    let (mut matches, mut beats, mut tickers) = (0, 0, 0);
    while matches < 400 || beats < 3 || tickers < 50 {
        let frame = client.json();
        match frame["type"].as_str().expect("a type") {
            "match" => {
                let id = frame["trade_id"].as_u64().expect("an id");
                let product = text(&frame, "product_id").to_owned();
                if let Some(previous) = last.insert(product.clone(), id) {
                    assert_eq!(id, previous + 1);
                }
                let trades = simulator.truth().trades(&product);
                let truth = trades.iter().find(|trade| trade.id == id).expect("it is kept");
                let maker = if truth.taker == BookSide::Bid { "sell" } else { "buy" };
                assert_eq!(text(&frame, "side"), maker);
                assert_eq!(text(&frame, "price"), truth.price);
                assert_eq!(text(&frame, "size"), truth.size);
                assert_eq!(text(&frame, "maker_order_id").len(), 36);
                matches += 1;
            }
            "heartbeat" => {
                if let Some(last) = last.get(text(&frame, "product_id")) {
                    assert_eq!(frame["last_trade_id"].as_u64(), Some(*last));
                    beats += 1;
                }
            }
            "ticker" => {
                // The first one is of before.
                if let Some(last) = last.get(text(&frame, "product_id")) {
                    assert_eq!(frame["trade_id"].as_u64(), Some(*last));
                }
                tickers += 1;
            }
            "subscriptions" | "last_match" => {}
            other => panic!("{other}"),
        }
    }
    let mut later = Client::open(&simulator, "/");
    later.say(subscribe(&["matches"]));
    later.find(|frame| frame["type"] == "last_match");
}

#[test]
fn one_bad_entry_refuses_all_of_a_command() {
    let simulator = exchange(|_| ());
    let mut client = Client::open(&simulator, "/");
    for (command, reason) in [
        (
            json!({"type": "subscribe", "product_ids": ["BTC-USD", "FOO-BAR"], "channels": ["matches"]}),
            "FOO-BAR is not a valid product",
        ),
        (
            json!({"type": "subscribe", "product_ids": ["BTC-USD"], "channels": ["matches", "nonsense"]}),
            "nonsense is not a valid channel",
        ),
        (
            json!({"type": "subscribe", "product_ids": ["BTC-USD"], "channels": ["level2"]}),
            "now require authentication",
        ),
        (json!({"type": "subscribe", "product_ids": ["BTC-USD"]}), "No channels"),
        (json!({"type": "subscribe", "channels": ["ticker"]}), "No product_ids"),
    ] {
        client.say(command.to_string());
        let answer = client.json();
        assert_eq!(
            (&answer["type"], &answer["message"]),
            (&json!("error"), &json!("Failed to subscribe"))
        );
        assert!(text(&answer, "reason").contains(reason), "{answer}");
    }
    client.say("{");
    assert_eq!(client.json()["message"], "Malformed JSON");
    assert_eq!(simulator.stats().streams, 0);
    let own = json!({"type": "subscribe", "product_ids": ["ETH-USD"], "channels": [
        "ticker", {"name": "matches", "product_ids": ["BTC-USD"]}]});
    client.say(own.to_string());
    let ack = client.find(|frame| frame["type"] == "subscriptions");
    assert_eq!(ack["channels"][0]["product_ids"], json!(["ETH-USD"]));
    assert_eq!(ack["channels"][1]["product_ids"], json!(["BTC-USD"]));
    client.say(json!({"type": "unsubscribe", "channels": ["matches"]}).to_string());
    let ack = client.find(|frame| frame["type"] == "subscriptions");
    assert_eq!(ack["channels"].as_array().map(Vec::len), Some(1));
}

#[test]
fn who_asks_for_nothing_is_closed() {
    let simulator = exchange(|_| ());
    let mut client = Client::open(&simulator, "/");
    assert_eq!(client.end(), End::Closed(1000, String::new()));
    assert_eq!(Client::try_open(&simulator, "/ws").err(), Some(404));
}

#[test]
fn products_are_listed_beside_the_streams() {
    let (_, _, body) = request(&exchange(|_| ()), "/products");
    assert_eq!((&body[0]["id"], &body[0]["quote_increment"]), (&json!("BTC-USD"), &json!("0.01")));
    let (_, _, body) =
        request(&advanced(|_| ()), "/api/v3/brokerage/market/products?product_type=SPOT");
    assert_eq!(body["num_products"], 2);
    let simulator = exchange(|_| ());
    simulator.inject(Fault::RestRefuse { status: 429, count: 1 });
    assert!(simulator.wait_for(DEADLINE, |stats| stats.faults == 1));
    assert_eq!(request(&simulator, "/products").0, 429);
    assert_eq!(request(&simulator, "/nothing").0, 404);
}

#[test]
fn advanced_trade_numbers_every_frame_of_a_connection() {
    let simulator = advanced(|_| ());
    let mut client = Client::open(&simulator, "/");
    client.say(r#"{"type":"subscribe","channel":"heartbeats"}"#);
    for channel in ["market_trades", "ticker", "candles", "level2"] {
        client.say(subscribe_one(channel));
    }
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let mut number = 0;
    while seen.len() < 6 || number < 200 {
        let frame = client.json();
        assert_eq!(frame["sequence_num"].as_u64(), Some(number), "{frame}");
        number += 1;
        *seen.entry(text(&frame, "channel").to_owned()).or_default() += 1;
    }
    assert_eq!(seen["subscriptions"], 5);
    simulator.inject(Fault::Drop { of: Of::Trade, symbol: None, count: 1 });
    let mut previous = number - 1;
    loop {
        let next = client.json()["sequence_num"].as_u64().expect("a number");
        if next != previous + 1 {
            assert_eq!(next, previous + 2);
            break;
        }
        previous = next;
    }
}

#[test]
fn advanced_trade_lists_trades_newest_first_and_books_agree_with_the_market() {
    let simulator = advanced(|options| options.rate = 200);
    assert!(simulator.wait_for(DEADLINE, |stats| stats.trades > 40));
    let mut client = Client::open(&simulator, "/");
    client.say(subscribe_one("level2"));
    client.say(subscribe_one("market_trades"));
    let mut book = Book::default();
    let (mut ids, mut updates) = (Vec::new(), 0);
    let read = |frame: &Value, book: &mut Book, ids: &mut Vec<u64>| {
        let event = &frame["events"][0];
        match text(frame, "channel") {
            "l2_data" if event["product_id"] == "BTC-USD" => book.advanced(event),
            "market_trades" => {
                let trades = event["trades"].as_array().expect("trades");
                let own = trades.iter().filter(|trade| trade["product_id"] == "BTC-USD");
                ids.extend(
                    own.rev().map(|trade| text(trade, "trade_id").parse::<u64>().expect("an id")),
                );
            }
            _ => {}
        }
    };
    while updates < 60 {
        let frame = client.json();
        read(&frame, &mut book, &mut ids);
        updates += 1;
    }
    simulator.pause();
    until_told(&simulator, &mut client, |client| read(&client.json(), &mut book, &mut ids));
    assert!(ids.len() > 30 && ids.windows(2).all(|pair| pair[1] == pair[0] + 1), "{ids:?}");
    book.assert_is(&simulator.book("BTC-USD").expect("it is listed"));
}

#[test]
fn advanced_trade_takes_one_channel_a_message() {
    let simulator = advanced(|_| ());
    let mut client = Client::open(&simulator, "/");
    for (command, words) in [
        (
            json!({"type": "subscribe", "product_ids": ["BTC-USD"], "channels": ["ticker"]}),
            "Failed to subscribe",
        ),
        (
            json!({"type": "subscribe", "product_ids": ["FOO-BAR"], "channel": "ticker"}),
            "Failed to subscribe",
        ),
        (
            json!({"type": "subscribe", "product_ids": ["BTC-USD"], "channel": "user"}),
            "authentication failure",
        ),
        (json!({"type": "hello"}), "Type has to be"),
    ] {
        client.say(command.to_string());
        let answer = client.json();
        assert_eq!(answer["type"], "error");
        assert!(text(&answer, "message").contains(words), "{answer}");
    }
}

#[test]
fn a_mute_acknowledgement_brings_no_data() {
    let simulator = exchange(|_| ());
    simulator.inject(Fault::AckMute { count: 1 });
    assert!(simulator.wait_for(DEADLINE, |stats| stats.faults == 1));
    let mut client = Client::open(&simulator, "/");
    client.say(subscribe(&["matches"]));
    assert_eq!(client.json()["type"], "subscriptions");
    assert_eq!(simulator.stats().streams, 0);
    client.say(subscribe(&["ticker"]));
    client.find(|frame| frame["type"] == "ticker");
}
