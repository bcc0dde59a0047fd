//! Version 1 of Kraken's streams: the same market as version 2, for clients that know no other.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tickwire::instrument::ExchangeId;
use tickwire::sim::{BookSide, Simulator};

use crate::client::Client;
use crate::started::started;

fn start() -> Simulator {
    started(ExchangeId::Kraken, &["BTC/USD", "DOGE/USD"], 500, |_| ())
}

fn subscribe(client: &mut Client, pairs: &[&str], subscription: &Value) {
    let request = json!({"event": "subscribe", "pair": pairs, "subscription": subscription});
    client.say(request.to_string());
}

/// The next frame of a stream.
fn frame(client: &mut Client, channel: &str) -> Vec<Value> {
    let is_own =
        |value: &Value| value.as_array().is_some_and(|parts| parts[parts.len() - 2] == channel);
    client.find(is_own).as_array().cloned().expect("a list")
}

/// Text of a list's entry.
fn text(value: &Value, index: usize) -> String {
    value[index].as_str().expect("a text").to_owned()
}

/// A book as its frames tell it: per side by digits, price and size as written.
#[derive(Default)]
struct Book {
    bids: BTreeMap<u64, (String, String)>,
    asks: BTreeMap<u64, (String, String)>,
}

impl Book {
    /// Applies the objects of a frame, each of which has levels of a side.
    fn apply(&mut self, objects: &[Value], depth: usize) {
        for (key, levels) in objects.iter().filter_map(Value::as_object).flatten() {
            let side = match key.as_str() {
                "as" | "a" => &mut self.asks,
                "bs" | "b" => &mut self.bids,
                _ => continue,
            };
            for level in levels.as_array().expect("levels") {
                let (price, size) = (text(level, 0), text(level, 1));
                let key = digits(&price).parse().expect("a price");
                match digits(&size).is_empty() {
                    true => side.remove(&key),
                    false => side.insert(key, (price, size)),
                };
            }
        }
        while self.bids.len() > depth {
            self.bids.pop_first();
        }
        while self.asks.len() > depth {
            self.asks.pop_last();
        }
    }

    fn checksum(&self) -> String {
        let best = self.asks.values().take(10).chain(self.bids.values().rev().take(10));
        let covered: String = best.map(|(price, size)| digits(price) + &digits(size)).collect();
        crc32fast::hash(covered.as_bytes()).to_string()
    }
}

/// Without point and leading zeros.
fn digits(number: &str) -> String {
    number.replace('.', "").trim_start_matches('0').to_owned()
}

#[test]
fn books_follow_the_exchanges_and_their_checksums_hold() {
    let simulator = start();
    let mut client = Client::open(&simulator, "/");
    assert_eq!(client.json()["event"], "systemStatus");
    subscribe(&mut client, &["XBT/USD"], &json!({"name": "book", "depth": 10}));
    let answer = client.find(|value| value["event"] == "subscriptionStatus");
    assert_eq!((&answer["status"], &answer["pair"]), (&json!("subscribed"), &json!("XBT/USD")));
    let mut book = Book::default();
    let snapshot = frame(&mut client, "book-10");
    assert_eq!(snapshot[0], answer["channelID"]);
    assert!(snapshot[1]["as"].is_array(), "it begins with a whole book");
    book.apply(&snapshot, 10);
    let mut two_sided = 0;
    let is_true = |book: &Book| {
        let truth = simulator.book("BTC/USD").expect("a book");
        let side = |levels: &[(String, String)]| levels[..10].to_vec();
        book.bids.values().rev().cloned().eq(side(&truth.bids))
            && book.asks.values().cloned().eq(side(&truth.asks))
    };
    for updates in 0.. {
        if updates == 200 {
            simulator.pause();
        }
        // Asked before the next is read: once the market rests there may be none.
        if updates >= 200 && is_true(&book) {
            break;
        }
        let update = frame(&mut client, "book-10");
        book.apply(&update, 10);
        let last = &update[update.len() - 3];
        assert_eq!(last["c"], json!(book.checksum()), "{update:?}");
        two_sided += u32::from(update.len() == 5);
    }
    assert!(two_sided > 0, "no update had both sides");
}

#[test]
fn trades_best_prices_tickers_and_candles_are_the_markets() {
    let simulator = start();
    let mut client = Client::open(&simulator, "/");
    for name in ["trade", "spread", "ticker", "ohlc"] {
        subscribe(&mut client, &["XDG/USD"], &json!({"name": name}));
    }
    let first = frame(&mut client, "trade");
    let trades = simulator.truth().trades("DOGE/USD");
    for trade in first[1].as_array().expect("trades") {
        let side = if text(trade, 3) == "b" { BookSide::Bid } else { BookSide::Ask };
        let (price, size) = (text(trade, 0), text(trade, 1));
        let is_own =
            trades.iter().any(|it| it.price == price && it.size == size && it.taker == side);
        assert!(is_own, "{trade} was never printed");
    }
    simulator.pause();
    let last = simulator.truth().last("DOGE/USD").expect("it traded");
    let book = simulator.book("DOGE/USD").expect("a book");
    let number = |text: &str| text.parse::<f64>().expect("a number");
    let is_last = |text: &str| number(text) == number(&last.price);
    client.find(|value| value[2] == "ticker" && is_last(&text(&value[1]["c"], 0)));
    client.find(|value| value[2] == "ohlc-1" && is_last(&text(&value[1], 5)));
    client.say(r#"{"event":"ping","reqid":7}"#);
    assert_eq!(client.find(|value| value["event"] == "pong")["reqid"], 7);
    // A new subscriber is told at once.
    let mut client = Client::open(&simulator, "/");
    subscribe(&mut client, &["XDG/USD"], &json!({"name": "spread"}));
    let best = frame(&mut client, "spread").swap_remove(1);
    let [bid, ask] = [&book.bids[0], &book.asks[0]];
    assert_eq!([text(&best, 0), text(&best, 3)], [bid.0.clone(), bid.1.clone()]);
    assert_eq!([text(&best, 1), text(&best, 4)], [ask.0.clone(), ask.1.clone()]);
}

#[test]
fn what_is_not_there_is_refused_and_the_connection_stays() {
    let simulator = start();
    let mut client = Client::open(&simulator, "/");
    for (pair, subscription, words) in [
        ("XBT/XYZ", json!({"name": "trade"}), "Currency pair not supported XBT/XYZ"),
        ("XBT/USD", json!({"name": "book", "depth": 11}), "Subscription depth not supported"),
        ("XBT/USD", json!({"name": "level3"}), "Subscription name invalid"),
    ] {
        subscribe(&mut client, &[pair], &subscription);
        let answer = client.find(|value| value["event"] == "subscriptionStatus");
        assert_eq!((&answer["status"], &answer["errorMessage"]), (&json!("error"), &json!(words)));
    }
    subscribe(&mut client, &["XBT/USD"], &json!({"name": "trade"}));
    frame(&mut client, "trade");
}
