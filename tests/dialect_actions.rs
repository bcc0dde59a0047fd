//! Dialect 1 as clients meet it, sentence by sentence of the protocol, over real sockets.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod floor;

use std::collections::BTreeMap;
use std::sync::Arc;

use floor::{
    BTC, BTC_FUTURES, Client, ETH, Floor, START, decimal, instrument, subscribe, table, wait_for,
};
use serde_json::{Value, json};
use tickwire::broadcast::{BroadcastCommand, BroadcastOptions};
use tickwire::cache::HistoryBounds;
use tickwire::clock::UnixNanos;
use tickwire::control::AcceptOptions;
use tickwire::instrument::{Channel, ExchangeId, InstrumentId};
use tickwire::net::Waiting;
use tickwire::tick::{Body, BookState, FeedState, Interval, Reason, Side};

fn with(options: BroadcastOptions) -> Floor {
    Floor::with(options, AcceptOptions::default())
}

/// A client's copy of a book, by price as written.
#[derive(Default, Debug, PartialEq)]
struct Copy {
    sides: [BTreeMap<String, String>; 2],
    seq: u64,
}

impl Copy {
    /// Applies an event and checks that its number follows.
    fn apply(&mut self, text: &str) {
        let event: Value = serde_json::from_str(text).unwrap();
        assert_eq!(event["type"], "orderbook", "{text}");
        let seq = event["seq"].as_u64().unwrap();
        let conflated = event["conflated"].as_u64().unwrap_or(0);
        let is_snapshot = event["data"]["kind"] == "snapshot";
        // The first is a snapshot; one that comes later says how many events it stands for.
        assert!(self.seq > 0 || is_snapshot, "{text}");
        if self.seq > 0 {
            assert_eq!(seq, self.seq + conflated + 1, "{text} after {}", self.seq);
        }
        if is_snapshot {
            self.sides = Default::default();
        }
        self.seq = seq;
        // Floats would not keep the digits, so the levels are read as written.
        for (side, key) in ["\"bids\":", "\"asks\":"].into_iter().enumerate() {
            let list = text.split(key).nth(1).unwrap();
            let end = list.find("]]").map_or(2, |end| end + 2);
            let list = if list.starts_with("[]") { "" } else { &list[1..end - 1] };
            for level in list.split(['[', ']']).filter(|level| level.contains(|c: char| c != ',')) {
                let (price, size) = level.split_once(',').unwrap();
                if decimal(size).is_zero() {
                    self.sides[side].remove(price);
                } else {
                    self.sides[side].insert(price.to_owned(), size.to_owned());
                }
            }
        }
    }
}

#[test]
fn trades_reach_a_client_in_order_with_consecutive_numbers_and_every_digit() {
    let mut floor = Floor::new();
    let mut client = floor.client();
    let success = client.subscribe(&["BTC/USDT"], &["trades"]);
    assert_eq!(success["data"]["subscribed"], json!(["BTC/USDT"]));
    assert_eq!(success["data"]["currentSubscriptions"], json!(["BTC/USDT"]));
    assert_eq!(success["message"], "Successfully subscribed to 1 symbol(s)");
    for id in 1..=1_000 {
        floor.spot.trade(BTC, id, "65000.10");
    }
    for id in 1..=1_000_u64 {
        let text = client.text();
        assert!(text.contains("\"price\":65000.10,"), "{text}");
        let event: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(event["type"], "trade");
        assert_eq!(event["seq"], id);
        assert_eq!(event["data"]["tradeId"], id.to_string());
        assert_eq!(event["data"]["symbol"], "BTC/USDT");
        assert_eq!(event["data"]["exchange"], "binance");
        assert_eq!(event["data"]["timestamp"], START);
        let received = event["data"]["receiveTs"].as_i64().unwrap();
        assert!(event["timestamp"].as_i64().unwrap() >= received / 1_000_000, "{text}");
    }
}

#[test]
fn channels_default_to_trades_and_the_request_id_comes_back_as_it_was() {
    let floor = Floor::new();
    let mut client = floor.client();
    let request = json!({"action": "subscribe", "symbols": ["BTC/USDT"], "requestId": "7"});
    assert_eq!(client.ask(&request)["requestId"], "7");
    let list = client.ask(&json!({"action": "subscriptions", "requestId": 11}));
    assert_eq!(list["requestId"], 11);
    let lines = list["data"]["subscriptions"].as_array().unwrap();
    assert_eq!(lines.len(), 2, "one on each exchange");
    assert!(lines.iter().all(|line| line["channel"] == "trades" && line["delivery"] == "all"));
    assert_eq!(list["data"]["epoch"], json!("0000000000000001"));
    assert!(client.ask(&json!({"action": "ping"})).get("requestId").is_none());
}

#[test]
fn a_bare_symbol_is_that_symbol_everywhere_and_an_instrument_is_one() {
    let mut floor = Floor::new();
    let mut everywhere = floor.client();
    let mut one = floor.client();
    everywhere.subscribe(&["BTC/USDT"], &["trades"]);
    one.subscribe(&["binance-futures:BTC/USDT"], &["trades"]);
    floor.spot.trade(BTC, 1, "1");
    floor.spot.trade(ETH, 1, "3");
    floor.futures.trade(BTC_FUTURES, 1, "2");
    let mut exchanges =
        [everywhere.next(), everywhere.next()].map(|e| e["data"]["exchange"].clone());
    exchanges.sort_by_key(Value::to_string);
    assert_eq!(exchanges, [json!("binance"), json!("binance-futures")]);
    assert_eq!(one.next()["data"]["exchange"], "binance-futures");
    assert!(one.settle().is_empty());
}

#[test]
fn a_star_covers_instruments_that_come_later() {
    let mut floor = Floor::new();
    let mut client = floor.client();
    let success = client.subscribe(&["*"], &["trades"]);
    assert_eq!(success["data"]["currentSubscriptions"], json!(["*"]));
    let mut named = floor.client();
    named.subscribe(&["BTC/USDT"], &["trades"]);
    let mut more = table();
    more.add(instrument(ExchangeId::Binance, "SOL/USDT")).unwrap();
    let (catalogue, offers) = (Arc::default(), BroadcastOptions::default().offers);
    let command = BroadcastCommand::Instruments(Arc::new(more), catalogue, offers);
    floor.broadcaster.send(command).unwrap();
    // Commands are taken before ticks, so the ticks find the instrument.
    assert!(client.settle().is_empty());
    floor.spot.trade(InstrumentId(3), 9, "20.5");
    floor.spot.trade(ETH, 1, "3");
    let event = client.next();
    assert_eq!(event["data"]["symbol"], "SOL/USDT");
    assert_eq!(event["seq"], 1);
    assert_eq!(client.next()["data"]["symbol"], "ETH/USDT");
    assert!(named.settle().is_empty());
}

#[test]
fn an_instrument_that_its_exchange_does_not_trade_is_told_to_who_follows_it() {
    let floor = Floor::new();
    let trading = |is_trading| {
        let mut listed = table();
        listed.set_trading(BTC, is_trading);
        let (catalogue, offers) = (Arc::default(), BroadcastOptions::default().offers);
        BroadcastCommand::Instruments(Arc::new(listed), catalogue, offers)
    };
    let mut follower = floor.client();
    follower.subscribe(&["binance:BTC/USDT"], &["quotes", "trades"]);
    let mut other = floor.client();
    other.subscribe(&["ETH/USDT"], &["trades", "status"]);
    floor.broadcaster.send(trading(false)).unwrap();
    let is_told = |status: &Value, state: &str, reason: &Value| {
        let data = &status["data"];
        assert_eq!((&data["symbol"], &data["state"]), (&json!("BTC/USDT"), &json!(state)));
        assert_eq!(&data["reason"], reason);
        assert!(data.get("channel").is_none(), "all of it: {data}");
    };
    is_told(&follower.next(), "stale", &json!("not trading"));
    // Who comes later is told at once, whatever it asks for.
    for (names, channels) in [("binance:BTC/USDT", ["quotes"]), ("*", ["status"])] {
        let mut late = floor.client();
        late.subscribe(&[names], &channels);
        is_told(&late.next(), "stale", &json!("not trading"));
    }
    floor.broadcaster.send(trading(true)).unwrap();
    is_told(&follower.next(), "live", &Value::Null);
    assert!(follower.settle().is_empty());
    assert!(other.settle().is_empty(), "what it follows is as it was");
    let mut late = floor.client();
    late.subscribe(&["binance:BTC/USDT"], &["quotes"]);
    assert!(late.settle().is_empty(), "that is over");
}

#[test]
fn a_subscribe_that_fails_for_one_symbol_subscribes_none() {
    let mut floor = Floor::new();
    let mut client = floor.client();
    client.subscribe(&["ETH/USDT"], &["trades"]);
    let error =
        client.ask(&subscribe(&["BTC/USDT", "NO/PE"], &["trades"], json!({"requestId": 1})));
    assert_eq!((&error["type"], &error["code"]), (&json!("error"), &json!("unknown_symbol")));
    assert_eq!(error["requestId"], 1);
    floor.spot.trade(BTC, 1, "1");
    floor.spot.trade(ETH, 1, "2");
    assert_eq!(client.next()["data"]["symbol"], "ETH/USDT", "what was subscribed is not lost");
    assert!(client.settle().is_empty());
}

#[test]
fn a_client_may_name_so_many_symbols() {
    let floor = with(BroadcastOptions { symbols_per_client_max: 2, ..Default::default() });
    let mut client = floor.client();
    client.subscribe(&["BTC/USDT", "ETH/USDT"], &["trades", "quotes"]);
    let error = client.ask(&subscribe(&["binance:BTC/USDT"], &["trades"], json!({})));
    assert_eq!(error["code"], "too_many_symbols");
    assert_eq!(error["message"], "Cannot subscribe: would exceed maximum of 2 symbols");
    client.subscribe(&["BTC/USDT"], &["ticker"]);
}

#[test]
fn a_snapshot_comes_first_and_fits_what_follows_under_load() {
    // Readers of a debug build lag behind; here they may.
    let mut floor = with(BroadcastOptions { client_queue_bytes: 1 << 28, ..Default::default() });
    let address = floor.address();
    let mut feed = floor.take_spot();
    feed.book(BTC, true, &[(Side::Bid, "1", "1"), (Side::Ask, "2", "1")]);
    let pusher = std::thread::spawn(move || {
        for id in 1..=20_000 {
            feed.trade(BTC, id, "1.5");
            feed.quote(BTC, "1", "2");
            let size = (id % 7).to_string();
            feed.book(BTC, false, &[(Side::Bid, if id % 2 == 0 { "1" } else { "0.9" }, &size)]);
        }
        feed
    });
    let readers: Vec<_> = (0..4)
        .map(|_| {
            std::thread::spawn(move || {
                let mut client = Client::connect(address);
                let channels = ["trades", "orderbook"];
                client.say(&subscribe(&["binance:BTC/USDT"], &channels, json!({"snapshot": true})));
                assert_eq!(client.next()["type"], "success");
                let (mut trade_seq, mut book, mut marked) = (None, Copy::default(), 0);
                loop {
                    let text = client.text();
                    let event: Value = serde_json::from_str(&text).unwrap();
                    marked += u32::from(event["data"]["snapshot"] == true);
                    if event["type"] == "orderbook" {
                        book.apply(&text);
                        if book.seq == 20_001 {
                            break;
                        }
                        continue;
                    }
                    let seq = event["seq"].as_u64().unwrap();
                    let expected = trade_seq.map_or(seq, |seq: u64| seq + 1);
                    assert_eq!(seq, expected);
                    assert_eq!(event["data"]["tradeId"], seq.to_string());
                    trade_seq = Some(seq);
                }
                assert!(marked <= 2, "one of the book, and one trade unless none was there yet");
                book
            })
        })
        .collect();
    pusher.join().unwrap();
    let books: Vec<Copy> = readers.into_iter().map(|reader| reader.join().unwrap()).collect();
    for book in books {
        // 20000 is even, so its size is 20000 mod 7 = 1; 19999 mod 7 is 0 and removes.
        assert_eq!(book.sides[0], BTreeMap::from([("1".to_owned(), "1".to_owned())]));
    }
}

#[test]
fn a_snapshot_tells_the_last_of_each_channel() {
    let mut floor = Floor::new();
    let mut witness = floor.client();
    witness.subscribe(&["binance:BTC/USDT"], &["ticker"]);
    floor.spot.trade(BTC, 1, "10");
    floor.spot.trade(BTC, 2, "11");
    floor.spot.quote(BTC, "10", "12");
    floor.spot.ticker(BTC, "11");
    witness.next();
    let mut client = floor.client();
    let channels = ["trades", "quotes", "ticker", "candles", "orderbook"];
    client.say(&subscribe(&["binance:BTC/USDT"], &channels, json!({"snapshot": true})));
    assert_eq!(client.next()["type"], "success");
    let events: Vec<Value> = (0..4).map(|_| client.next()).collect();
    assert!(events.iter().all(|event| event["data"]["snapshot"] == true), "{events:?}");
    let kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["trade", "quote", "ticker", "candle"]);
    assert_eq!(events[0]["seq"], 2);
    assert_eq!(events[3]["data"]["trades"], 2);
    assert_eq!(events[3]["data"]["closed"], false);
    assert!(client.settle().is_empty(), "no book is known");
    floor.spot.book(BTC, true, &[(Side::Bid, "9", "1")]);
    floor.spot.trade(BTC, 3, "12");
    let book = client.next();
    assert_eq!((&book["type"], &book["data"]["kind"]), (&json!("orderbook"), &json!("snapshot")));
    assert_eq!(client.next()["seq"], 3);
}

#[test]
fn a_view_of_a_book_shows_its_best_levels_and_counts_what_it_left_out() {
    let mut floor = Floor::new();
    let levels = [(Side::Bid, "10", "1"), (Side::Bid, "9", "1"), (Side::Bid, "8", "1")];
    floor.spot.book(BTC, true, &levels);
    let mut first = floor.client();
    first.say(&subscribe(&["binance:BTC/USDT"], &["orderbook"], json!({"depth": 2})));
    assert_eq!(first.next()["type"], "success");
    let mut book = Copy::default();
    book.apply(&first.text());
    assert_eq!(book.sides[0].keys().collect::<Vec<_>>(), ["10", "9"]);
    // Two changes below the view, and one inside it.
    floor.spot.book(BTC, false, &[(Side::Bid, "8", "5")]);
    floor.spot.book(BTC, false, &[(Side::Bid, "7", "5")]);
    assert!(first.settle().is_empty());
    // A second client joins while the view has something pending.
    let mut second = floor.client();
    second.say(&subscribe(&["binance:BTC/USDT"], &["orderbook"], json!({"depth": 2})));
    assert_eq!(second.next()["type"], "success");
    let mut other = Copy::default();
    other.apply(&second.text());
    assert_eq!(other.seq, 3, "a snapshot carries the number of the last event in it");
    floor.spot.book(BTC, false, &[(Side::Bid, "10", "0")]);
    book.apply(&first.text());
    other.apply(&second.text());
    assert_eq!(book.sides[0].keys().collect::<Vec<_>>(), ["8", "9"], "8 entered, 10 left");
    assert_eq!(book, other);
    floor.spot.book(BTC, false, &[(Side::Bid, "9.5", "1")]);
    let text = first.text();
    assert!(text.contains("[8,0]"), "what leaves the view is removed: {text}");
    assert!(!text.contains("conflated"), "{text}");
    assert!(!second.text().contains("conflated"));
}

#[test]
fn another_depth_replaces_the_view() {
    let mut floor = Floor::new();
    floor.spot.book(BTC, true, &[(Side::Bid, "10", "1"), (Side::Bid, "9", "1")]);
    let mut client = floor.client();
    client.say(&subscribe(&["binance:BTC/USDT"], &["orderbook"], json!({"depth": 1})));
    assert_eq!(client.next()["type"], "success");
    assert_eq!(client.next()["data"]["bids"].as_array().unwrap().len(), 1);
    client.say(&subscribe(&["binance:BTC/USDT"], &["orderbook"], json!({})));
    assert_eq!(client.next()["type"], "success");
    assert_eq!(client.next()["data"]["bids"].as_array().unwrap().len(), 2);
    floor.spot.book(BTC, false, &[(Side::Bid, "8", "1")]);
    assert_eq!(client.next()["seq"], 2);
    assert!(client.settle().is_empty(), "each event comes once");
}

/// A history of so many events of each stream.
fn events(events: usize) -> HistoryBounds {
    HistoryBounds { events, ..Default::default() }
}

#[test]
fn a_client_resumes_where_it_was() {
    let mut floor = with(BroadcastOptions { history: events(8), ..Default::default() });
    let mut client = floor.client();
    let epoch = client.subscribe(&["binance:BTC/USDT"], &["trades"])["data"]["epoch"].clone();
    for id in 1..=10 {
        floor.spot.trade(BTC, id, "1");
    }
    while client.next()["seq"] != 10 {}
    drop(client);

    // All of it is there.
    let mut client = floor.client();
    let from = json!({"from": {"binance:BTC/USDT": {"epoch": epoch, "seq": 6}}});
    let success = client.ask(&subscribe(&["binance:BTC/USDT"], &["trades"], from));
    assert_eq!(success["data"]["recovered"], json!({"binance:BTC/USDT": true}));
    let seqs: Vec<u64> = (0..4).map(|_| client.next()["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, [7, 8, 9, 10]);
    floor.spot.trade(BTC, 11, "1");
    assert_eq!(client.next()["seq"], 11);
    assert!(client.settle().is_empty());

    // A part of it is not held any more: the client is told which.
    let mut late = floor.client();
    let from = json!({"from": {"binance:BTC/USDT": {"epoch": epoch, "seq": 1}}});
    let success = late.ask(&subscribe(&["binance:BTC/USDT"], &["trades"], from));
    assert_eq!(success["data"]["recovered"], json!({"binance:BTC/USDT": false}));
    let gap = late.next();
    assert_eq!(gap["type"], "gap");
    assert_eq!((&gap["data"]["fromSeq"], &gap["data"]["toSeq"]), (&json!(2), &json!(3)));
    assert_eq!(gap["data"]["channel"], "trades");
    let seqs: Vec<u64> = (0..8).map(|_| late.next()["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, [4, 5, 6, 7, 8, 9, 10, 11]);

    // Another run of the process.
    let mut stranger = floor.client();
    let from = json!({"from": {"binance:BTC/USDT": {"epoch": "00000000000000ff", "seq": 6}}});
    let success = stranger.ask(&subscribe(&["binance:BTC/USDT"], &["trades"], from));
    assert_eq!(success["data"]["recovered"], json!({"binance:BTC/USDT": false}));
    assert!(stranger.settle().is_empty());
}

#[test]
fn a_client_may_say_that_it_has_any_number() {
    let mut floor = with(BroadcastOptions { history: events(8), ..Default::default() });
    let mut client = floor.client();
    let channels = ["trades", "quotes", "orderbook"];
    let epoch = client.subscribe(&["binance:BTC/USDT"], &channels)["data"]["epoch"].clone();
    floor.spot.book(BTC, true, &[(Side::Bid, "100", "1"), (Side::Ask, "101", "1")]);
    floor.spot.trade(BTC, 1, "1");
    while client.next()["data"]["tradeId"] != "1" {}
    for seq in [u64::MAX, u64::MAX - 1, 1 << 63, 1 << 53, 2] {
        for delivery in [json!("all"), json!({"perSecond": 20})] {
            let mut late = floor.client();
            let from = json!({"binance:BTC/USDT": {"epoch": epoch, "seq": seq}});
            let more = json!({"from": from, "delivery": delivery});
            let success = late.ask(&subscribe(&["binance:BTC/USDT"], &channels, more));
            assert_eq!(success["data"]["recovered"], json!({"binance:BTC/USDT": false}), "{seq}");
            let book = loop {
                let told = late.next();
                if told["type"] == "orderbook" {
                    break told;
                }
            };
            assert_eq!(
                (&book["data"]["kind"], &book["conflated"]),
                (&json!("snapshot"), &json!(null))
            );
        }
    }
    floor.spot.trade(BTC, 2, "1");
    while client.next()["data"]["tradeId"] != "2" {}
}

#[test]
fn a_long_replay_is_complete_and_live_events_stand_behind_it() {
    let mut floor = Floor::new();
    let mut witness = floor.client();
    let epoch = witness.subscribe(&["binance:BTC/USDT"], &["trades"])["data"]["epoch"].clone();
    for id in 1..=9_000 {
        floor.spot.trade(BTC, id, "1");
        if id % 500 == 0 {
            while witness.next()["seq"] != id {}
        }
    }
    let mut client = floor.client();
    let from = json!({"from": {"binance:BTC/USDT": {"epoch": epoch, "seq": 0}}});
    client.say(&subscribe(&["binance:BTC/USDT"], &["trades"], from));
    for id in 9_001..=9_500 {
        floor.spot.trade(BTC, id, "1");
    }
    assert_eq!(client.next()["data"]["recovered"], json!({"binance:BTC/USDT": true}));
    for seq in 1..=9_500_u64 {
        assert_eq!(client.next()["seq"], seq);
    }
}

#[test]
fn asking_again_changes_the_delivery_and_doubles_nothing() {
    let mut floor = Floor::new();
    let mut client = floor.client();
    client.subscribe(&["binance:BTC/USDT"], &["quotes"]);
    let all = json!({"delivery": "all"});
    assert_eq!(
        client.ask(&subscribe(&["BTC/USDT"], &["quotes"], all))["data"]["currentSubscriptions"],
        json!(["binance:BTC/USDT", "BTC/USDT"])
    );
    let list = client.ask(&json!({"action": "subscriptions"}));
    let lines = list["data"]["subscriptions"].as_array().unwrap();
    assert_eq!(lines.len(), 2);
    assert!(lines.iter().all(|line| line["delivery"] == "all"));
    floor.spot.quote(BTC, "1", "2");
    floor.spot.quote(BTC, "1", "3");
    assert_eq!(client.next()["seq"], 1);
    assert_eq!(client.next()["seq"], 2);
    assert!(client.settle().is_empty());
}

#[test]
fn an_unsubscribe_ends_what_it_names_and_an_unknown_one_is_told() {
    let mut floor = Floor::new();
    let mut client = floor.client();
    client.subscribe(&["BTC/USDT", "ETH/USDT"], &["trades", "quotes"]);
    let request = json!({"action": "unsubscribe", "symbols": ["BTC/USDT"], "channels": ["trades"]});
    let success = client.ask(&request);
    assert_eq!(success["type"], "success");
    assert_eq!(success["data"]["unsubscribed"], json!(["BTC/USDT"]));
    assert_eq!(success["data"]["currentSubscriptions"], json!(["BTC/USDT", "ETH/USDT"]));
    let error = client.ask(&request);
    assert_eq!(error["code"], "not_subscribed");
    // One of the two is not subscribed, so neither ends.
    let both = json!({
        "action": "unsubscribe", "symbols": ["ETH/USDT", "BTC/USDT"], "channels": ["trades"]
    });
    assert_eq!(client.ask(&both)["code"], "not_subscribed");
    floor.spot.trade(BTC, 1, "1");
    floor.spot.trade(ETH, 1, "1");
    floor.spot.quote(BTC, "1", "2");
    assert_eq!(client.next()["data"]["symbol"], "ETH/USDT");
    assert_eq!(client.next()["type"], "quote");
    let star = json!({"action": "unsubscribe", "symbols": ["*"], "channels": ["trades", "quotes"]});
    assert_eq!(client.ask(&star)["data"]["currentSubscriptions"], json!([]));
    floor.spot.trade(ETH, 2, "1");
    assert!(client.settle().is_empty());
    wait_for("no subscription is counted", || {
        floor.broadcaster.counters().subscriptions.value() == 0
    });
}

#[test]
fn states_are_told_at_once_and_when_they_change() {
    let mut floor = Floor::new();
    let feed = |state, reason, attempt| Body::FeedState { state, reason, line: 0, attempt };
    floor.spot.push(InstrumentId::NONE, &[feed(FeedState::Connected, Reason::None, 0)]);
    floor.spot.book(BTC, true, &[(Side::Bid, "1", "1")]);
    let live = Body::BookState { state: BookState::Live, reason: Reason::SnapshotJoined };
    floor.spot.push(BTC, &[live]);
    let mut client = floor.client();
    let channels = ["orderbook", "status"];
    client.say(&subscribe(&["binance:BTC/USDT"], &channels, json!({})));
    assert_eq!(client.next()["type"], "success");
    let first: Vec<Value> = (0..3).map(|_| client.next()).collect();
    let states: Vec<&Value> =
        first.iter().filter(|e| e["type"] == "status").map(|e| &e["data"]["state"]).collect();
    assert_eq!(states, ["connected", "live"], "{first:?}");
    floor.spot.push(InstrumentId::NONE, &[feed(FeedState::Reconnecting, Reason::Reset, 2)]);
    let event = client.next();
    assert_eq!(event["data"]["exchange"], "binance");
    assert_eq!(event["data"]["state"], "reconnecting");
    assert_eq!(event["data"]["attempt"], 2);
    assert_eq!(event["data"]["reason"], "connection reset");
    let stale = Body::BookState { state: BookState::Stale, reason: Reason::Checksum };
    floor.spot.push(BTC, &[stale]);
    let event = client.next();
    assert_eq!(event["data"]["state"], "stale");
    assert_eq!(event["data"]["symbol"], "BTC/USDT");
    assert_eq!(event["data"]["channel"], "orderbook");
    assert!(client.settle().is_empty(), "told once, though asked for twice");

    // Whoever takes the book now is told that it is not good.
    let mut late = floor.client();
    late.subscribe(&["binance:BTC/USDT"], &["orderbook"]);
    assert_eq!(late.next()["data"]["state"], "stale");
    assert_eq!(late.next()["type"], "orderbook");
    floor.spot.book(BTC, true, &[(Side::Bid, "2", "1")]);
    floor.spot.push(BTC, &[live]);
    assert_eq!(late.next()["data"]["kind"], "snapshot");
    assert_eq!(late.next()["data"]["state"], "live");
}

#[test]
fn who_follows_one_channel_alone_is_told_that_it_is_not_there() {
    let mut floor = Floor::new();
    let state = |state, reason| Body::StreamState {
        channel: Channel::Quotes,
        interval: None,
        state,
        reason,
    };
    let mut client = floor.client();
    client.subscribe(&["binance:BTC/USDT"], &["quotes"]);
    let mut other = floor.client();
    other.subscribe(&["binance:BTC/USDT"], &["ticker"]);
    floor.spot.push(BTC, &[state(BookState::Stale, Reason::AwaitingTurn)]);
    let mut late = floor.client();
    let told = client.next();
    late.subscribe(&["binance:BTC/USDT"], &["quotes"]);
    for told in [told, late.next()] {
        assert_eq!((&told["type"], &told["data"]["channel"]), (&json!("status"), &json!("quotes")));
        assert_eq!(told["data"]["state"], "stale");
        assert_eq!(told["data"]["reason"], "awaiting turn");
    }
    floor.spot.push(BTC, &[state(BookState::Live, Reason::None)]);
    assert_eq!(client.next()["data"]["state"], "live");
    assert_eq!(late.next()["data"]["state"], "live");
    assert!(client.settle().is_empty() && other.settle().is_empty());
}

#[test]
fn one_length_of_candles_that_is_not_there_is_told_to_who_follows_that_length() {
    let mut floor = Floor::new();
    let ask = |client: &mut Client, interval: &str| {
        let asked = json!({"action": "subscribe", "symbols": ["binance:BTC/USDT"],
            "channels": ["candles"], "interval": interval});
        assert_eq!(client.ask(&asked)["type"], "success");
    };
    let (mut minutes, mut fives, mut all) = (floor.client(), floor.client(), floor.client());
    ask(&mut minutes, "1m");
    ask(&mut fives, "5m");
    all.subscribe(&["binance:BTC/USDT"], &["status"]);
    while !all.settle().is_empty() {}
    let (channel, interval) = (Channel::Candles, Some(Interval::Minute5));
    let (state, reason) = (BookState::Stale, Reason::ExchangeError);
    floor.spot.push(BTC, &[Body::StreamState { channel, interval, state, reason }]);
    let told = fives.next();
    assert_eq!((&told["type"], &told["data"]["channel"]), (&json!("status"), &json!("candles")));
    assert_eq!(
        (&told["data"]["interval"], &told["data"]["state"]),
        (&json!("5m"), &json!("stale"))
    );
    assert_eq!(all.next()["data"]["interval"], "5m");
    assert!(minutes.settle().is_empty(), "of another length nothing is told");
    // Who comes later finds the same.
    let mut late = floor.client();
    ask(&mut late, "5m");
    assert_eq!(late.next()["data"]["reason"], "exchange error");
    ask(&mut late, "1m");
    assert!(late.settle().is_empty());
    let mut states = floor.client();
    states.subscribe(&["binance:BTC/USDT"], &["status"]);
    let told = states.settle();
    assert!(told.iter().any(|one| one["data"]["interval"] == "5m"), "{told:?}");
}

#[test]
fn states_alone_need_no_symbol() {
    let mut floor = Floor::new();
    let mut client = floor.client();
    let success = client.ask(&json!({"action": "subscribe", "channels": ["status"]}));
    assert_eq!(success["type"], "success");
    let body = Body::FeedState {
        state: FeedState::Connecting,
        reason: Reason::Requested,
        line: 0,
        attempt: 1,
    };
    floor.futures.push(InstrumentId::NONE, &[body]);
    let event = client.next();
    assert_eq!(event["data"]["exchange"], "binance-futures");
    assert_eq!(event["data"]["state"], "connecting");
    assert!(event.get("seq").is_none());
}

#[test]
fn what_the_feed_skipped_is_told_as_a_gap() {
    let mut floor = Floor::new();
    let mut client = floor.client();
    client.subscribe(&["binance:BTC/USDT"], &["trades"]);
    floor.spot.trade(BTC, 1, "1");
    let gap = Body::Gap { channel: Channel::Trades, reason: Reason::Stall, missed: 15 };
    floor.spot.push(BTC, &[gap]);
    floor.spot.trade(BTC, 17, "1");
    assert_eq!(client.next()["seq"], 1);
    let event = client.next();
    assert_eq!(event["type"], "gap");
    assert_eq!((&event["data"]["fromSeq"], &event["data"]["toSeq"]), (&json!(2), &json!(16)));
    assert_eq!(event["data"]["reason"], "stall");
    assert_eq!(client.next()["seq"], 17);
}

#[test]
fn candles_count_per_interval_and_close_once() {
    let mut floor = Floor::new();
    let mut client = floor.client();
    // A feed whose trades are years old does not close candles by its clock.
    floor.spot.millis = UnixNanos::system().millis() / 60_000 * 60_000;
    client.say(&subscribe(&["binance:BTC/USDT"], &["candles"], json!({"interval": "1s"})));
    assert_eq!(client.next()["type"], "success");
    client.say(&subscribe(&["binance:BTC/USDT"], &["candles"], json!({})));
    assert_eq!(client.next()["type"], "success");
    floor.spot.trade(BTC, 1, "10");
    floor.spot.trade(BTC, 2, "9");
    floor.spot.millis += 1_000;
    floor.spot.trade(BTC, 3, "11");
    let mut seqs = BTreeMap::<String, u64>::new();
    let mut closed = Vec::new();
    while seqs.get("1s") != Some(&4) || seqs.get("1m") != Some(&3) {
        let event = client.next();
        let interval = event["data"]["interval"].as_str().unwrap().to_owned();
        let seq = seqs.entry(interval.clone()).or_default();
        *seq += 1;
        assert_eq!(event["seq"], *seq);
        if event["data"]["closed"] == true {
            closed.push((interval, event["data"]["close"].clone(), event["data"]["low"].clone()));
        }
    }
    assert_eq!(closed, [("1s".to_owned(), json!(9), json!(9))]);
    // The feed's clock closes candles without a trade.
    floor.spot.millis += 120_000;
    floor.spot.time();
    let (first, second) = (client.next(), client.next());
    assert!(first["data"]["closed"] == true && second["data"]["closed"] == true);
    let request = json!({"action": "unsubscribe", "symbols": ["binance:BTC/USDT"],
        "channels": ["candles"], "interval": "1s"});
    assert_eq!(client.ask(&request)["type"], "success");
    floor.spot.trade(BTC, 4, "10");
    assert_eq!(client.next()["data"]["interval"], "1m");
    assert!(client.settle().is_empty());
}

#[test]
fn history_is_oldest_first_and_says_whether_it_is_all() {
    let mut floor = with(BroadcastOptions { history: events(5), ..Default::default() });
    let mut client = floor.client();
    client.subscribe(&["binance:BTC/USDT"], &["trades"]);
    for id in 1..=4 {
        floor.spot.trade(BTC, id, "1.10");
        floor.spot.millis += 1_000;
    }
    for _ in 1..=4 {
        client.next();
    }
    let request = |from: i64, to: i64| {
        json!({"action": "history", "symbol": "binance:BTC/USDT", "channel": "trades",
            "from": from, "to": to, "limit": 1_000, "requestId": "9"})
    };
    let answer = client.ask(&request(START + 1_000, START + 2_000));
    assert_eq!(answer["type"], "history");
    assert_eq!(answer["requestId"], "9");
    let seqs: Vec<&Value> =
        answer["data"]["events"].as_array().unwrap().iter().map(|e| &e["seq"]).collect();
    assert_eq!(seqs, [2, 3]);
    assert_eq!(answer["data"]["complete"], true);
    for id in 5..=7 {
        floor.spot.trade(BTC, id, "1.10");
    }
    assert_eq!(client.next()["seq"], 5);
    client.next();
    client.next();
    let answer = client.ask(&request(START, START + 60_000));
    assert_eq!(answer["data"]["events"].as_array().unwrap().len(), 5);
    assert_eq!(answer["data"]["complete"], false);
    // A bare symbol means the default exchange here.
    let bare = client.ask(&json!({"action": "history", "symbol": "BTC/USDT", "channel": "trades"}));
    assert_eq!(bare["data"]["exchange"], "binance");
    let star = client.ask(&json!({"action": "history", "symbol": "*", "channel": "trades"}));
    assert_eq!(star["code"], "bad_request");
}

#[test]
fn instruments_are_listed_by_exchange() {
    let floor = Floor::new();
    let mut client = floor.client();
    let answer =
        client.ask(&json!({"action": "instruments", "exchange": "binance", "requestId": "10"}));
    assert_eq!(answer["type"], "instruments");
    assert_eq!(answer["requestId"], "10");
    let list = answer["data"]["instruments"].as_array().unwrap();
    assert_eq!(list.len(), 2);
    assert_eq!(list[0]["symbol"], "BTC/USDT");
    assert_eq!(list[0]["native"], "BTCUSDT");
    let all = client.ask(&json!({"action": "instruments"}));
    assert_eq!(all["data"]["instruments"].as_array().unwrap().len(), 3);
}

#[test]
fn two_clients_read_the_same_bytes() {
    let mut floor = Floor::new();
    let mut clients = [floor.client(), floor.client()];
    for client in &mut clients {
        client.subscribe(&["*"], &["trades", "quotes", "ticker", "orderbook", "candles"]);
    }
    floor.spot.book(ETH, true, &[(Side::Bid, "1", "1")]);
    for id in 1..=60 {
        floor.spot.trade(BTC, id, "1");
        floor.spot.quote(ETH, "1", "2");
        floor.spot.book(ETH, false, &[(Side::Ask, "2", "1")]);
        floor.futures.ticker(BTC_FUTURES, "5");
    }
    // A trade is also a candle of the one interval asked for.
    let expected = 1 + 60 * 5;
    let [first, second] = clients.map(|mut client| {
        let mut texts: Vec<String> = (0..expected).map(|_| client.text()).collect();
        assert!(client.settle().is_empty());
        // Rings of two exchanges have no order between them.
        texts.sort();
        texts
    });
    assert_eq!(first, second);
}

#[test]
fn latest_is_every_event_for_who_keeps_up() {
    let mut floor = Floor::new();
    let mut client = floor.client();
    client.subscribe(&["binance:BTC/USDT"], &["quotes"]);
    for seq in 1..=200_u64 {
        floor.spot.quote(BTC, "1", "2");
        let event = client.next();
        assert_eq!(event["seq"], seq);
        assert!(event.get("conflated").is_none());
    }
}

#[test]
fn every_way_of_waiting_serves() {
    for waiting in Waiting::ALL {
        let mut floor = with(BroadcastOptions { waiting, ..Default::default() });
        let mut client = floor.client();
        client.subscribe(&["binance:BTC/USDT"], &["trades"]);
        for seq in 1..=50_u64 {
            floor.spot.trade(BTC, seq, "1");
            assert_eq!(client.next()["seq"], seq, "{}", waiting.name());
        }
        drop(client);
        floor.stop();
    }
}
