//! Dialect 2 as clients meet it, over real sockets.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod floor;

use std::sync::Arc;

use floor::{BTC, BTC_FUTURES, ETH, Floor, START};
use serde_json::{Value, json};
use tickwire::broadcast::BroadcastOptions;
use tickwire::clock::UnixNanos;
use tickwire::control::AcceptOptions;
use tickwire::dialect::Offer;
use tickwire::instrument::{Channel, ExchangeId, InstrumentId};
use tickwire::tick::{Body, BookState, FeedState, Reason};

fn command(name: &str, params: Value) -> Value {
    json!({"type": "command", "command": name, "params": params, "requestId": "uuid"})
}

#[test]
fn a_follower_gets_trades_as_ticks_under_the_name_it_used() {
    let mut floor = Floor::new();
    let mut client = floor.client();
    let assets = ["BTC/USDT", "binance:ETH/USDT"];
    let response = client.ask(&command("follow", json!({"assets": assets})));
    assert_eq!(
        response,
        json!({"type": "response", "requestId": "uuid", "success": true,
            "data": {"following": assets}})
    );
    floor.spot.trade(BTC, 1, "65000.10");
    floor.spot.quote(BTC, "1", "2");
    floor.spot.trade(ETH, 1, "3000.5");
    assert_eq!(
        client.text(),
        format!(
            "{{\"type\":\"tick\",\"data\":{{\"asset\":\"BTC/USDT\",\"price\":65000.10,\
             \"timestamp\":{START}}}}}"
        )
    );
    assert_eq!(client.next()["data"]["asset"], "binance:ETH/USDT");
    let response = client.ask(&command("unfollow", json!({"assets": ["BTC/USDT"]})));
    assert_eq!(response["data"]["following"], json!(["binance:ETH/USDT"]));
    floor.spot.trade(BTC, 2, "1");
    floor.spot.trade(ETH, 2, "2");
    assert_eq!(client.next()["data"]["price"], 2);
    let response = client.ask(&command("unfollow", json!({"assets": ["BTC/USDT"]})));
    assert_eq!(response["success"], false);
    assert_eq!(response["error"]["code"], "not_subscribed");
}

#[test]
fn an_asset_is_told_as_its_client_spelled_it_in_every_event_and_answer() {
    let mut floor = Floor::new();
    let mut client = floor.client();
    // Folded letters, the exchange's own spelling, and both with the exchange before them.
    let assets = ["btc/usdt", "BTC/USDT", "binance:BTCUSDT", "ETHUSDT", "binance:eth/usdt"];
    let params = json!({"assets": assets, "interval": "1s"});
    let response = client.ask(&command("follow", params.clone()));
    assert_eq!(response["data"]["following"], json!(assets));
    floor.spot.millis = UnixNanos::system().millis() / 60_000 * 60_000;
    floor.spot.trade(BTC, 1, "10");
    floor.spot.millis += 1_000;
    floor.spot.trade(BTC, 2, "11");
    let btc = ["BTC/USDT", "binance:BTCUSDT", "btc/usdt"];
    let twice: Vec<&str> = btc.iter().flat_map(|name| [*name, *name]).collect();
    let mut events: Vec<Value> = (0..15).map(|_| client.next()).collect();
    for (kind, right) in
        [("tick", &twice[..]), ("candle_update", &twice[..]), ("candle_closed", &btc[..])]
    {
        let mut named: Vec<Value> = events
            .extract_if(.., |event| event["type"] == kind)
            .map(|event| event["data"]["asset"].clone())
            .collect();
        named.sort_by_key(Value::to_string);
        let mut right = right.to_vec();
        right.sort_unstable();
        assert_eq!(named, right, "{kind}");
    }
    assert!(events.is_empty(), "{events:?}");
    let lost = Body::Gap { channel: Channel::Trades, reason: Reason::SequenceGap, missed: 3 };
    floor.spot.push(ETH, &[lost]);
    let mut gaps = [client.next(), client.next()];
    gaps.sort_by_key(|gap| gap["data"]["asset"].to_string());
    assert_eq!(gaps.each_ref().map(|gap| &gap["type"]), ["gap", "gap"]);
    let named = gaps.each_ref().map(|gap| &gap["data"]["asset"]);
    assert_eq!(named, ["ETHUSDT", "binance:eth/usdt"]);
    // Asking again doubles nothing; the name of one ends all that mean the same.
    let again = client.ask(&command("follow", params));
    assert_eq!(again["data"]["following"], json!(assets));
    let left = client.ask(&command("unfollow", json!({"assets": ["BTC/USDT"]})));
    assert_eq!(left["data"]["following"], json!(["ETHUSDT", "binance:eth/usdt"]));
    let past = client.ask(&command("history", json!({"asset": "btcusdt"})));
    assert_eq!(past["error"]["code"], "unknown_symbol", "{past}");
    let past = client.ask(&command("history", json!({"asset": "btc/usdt"})));
    assert_eq!(past["data"]["asset"], "btc/usdt");
    assert_eq!(client.next()["data"]["asset"], "btc/usdt");
}

#[test]
fn where_an_exchange_shows_no_trades_its_ticker_is_the_tick() {
    let mut offers = ExchangeId::ALL.map(|_| Offer::everything());
    offers[ExchangeId::BinanceFutures as usize].channels = vec![Channel::Quotes, Channel::Ticker];
    let options = BroadcastOptions { offers: Arc::new(offers), ..BroadcastOptions::default() };
    let mut floor = Floor::with(options, AcceptOptions::default());
    let mut client = floor.client();
    // Both exchanges carry it; one has trades, the other has none.
    let params = json!({"assets": ["BTC/USDT"]});
    assert_eq!(client.ask(&command("follow", params.clone()))["success"], true);
    floor.spot.ticker(BTC, "1");
    floor.spot.trade(BTC, 1, "2");
    assert_eq!(client.next()["data"]["price"], 2);
    floor.futures.ticker(BTC_FUTURES, "3.50");
    assert!(client.text().contains("\"asset\":\"BTC/USDT\",\"price\":3.50,"));
    let asset = json!({"asset": "binance-futures:BTC/USDT"});
    assert_eq!(client.ask(&command("history", asset))["data"]["count"], 1);
    assert_eq!(client.next()["data"]["ticks"][0]["price"], 3.5);
    assert_eq!(client.ask(&command("unfollow", params))["data"]["following"], json!([]));
    floor.futures.ticker(BTC_FUTURES, "4");
    assert!(client.settle().is_empty());
}

#[test]
fn an_interval_brings_candles_too_and_closed_ones_are_told_apart() {
    let mut floor = Floor::new();
    let mut client = floor.client();
    let params = json!({"assets": ["binance:BTC/USDT"], "interval": "1s"});
    assert_eq!(client.ask(&command("follow", params))["success"], true);
    floor.spot.millis = UnixNanos::system().millis() / 60_000 * 60_000;
    floor.spot.trade(BTC, 1, "10");
    floor.spot.millis += 1_000;
    floor.spot.trade(BTC, 2, "11");
    let events: Vec<Value> = (0..5).map(|_| client.next()).collect();
    let kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["tick", "candle_update", "tick", "candle_closed", "candle_update"]);
    assert_eq!(events[3]["data"]["close"], 10);
    assert_eq!(events[3]["data"]["interval"], "1s");
    assert_eq!(events[3]["data"]["asset"], "binance:BTC/USDT");
}

#[test]
fn candles_built_of_two_lengths_close_each_at_its_own_end() {
    let mut floor = Floor::new();
    let mut client = floor.client();
    for interval in ["1s", "1m"] {
        let params = json!({"assets": ["binance:BTC/USDT"], "interval": interval});
        assert_eq!(client.ask(&command("follow", params))["success"], true);
    }
    floor.spot.millis = UnixNanos::system().millis() / 60_000 * 60_000;
    for (id, price) in [(1, "10"), (2, "11"), (3, "12")] {
        floor.spot.trade(BTC, id, price);
        floor.spot.millis += 1_000;
    }
    floor.spot.millis += 57_000;
    floor.spot.trade(BTC, 4, "13");
    let (mut seconds, mut minutes) = (Vec::new(), Vec::new());
    while minutes.is_empty() || seconds.len() < 3 {
        let event = client.next();
        if event["type"] == "candle_closed" {
            let close = event["data"]["close"].as_i64().unwrap();
            match event["data"]["interval"].as_str().unwrap() {
                "1s" => seconds.push(close),
                "1m" => minutes.push(close),
                other => panic!("{other} was not followed"),
            }
        }
    }
    assert_eq!((seconds, minutes), (vec![10, 11, 12], vec![12]));
}

#[test]
fn both_dialects_share_one_socket() {
    let mut floor = Floor::new();
    let mut client = floor.client();
    client.subscribe(&["binance:BTC/USDT"], &["trades"]);
    let params = json!({"assets": ["binance:BTC/USDT"]});
    assert_eq!(client.ask(&command("follow", params.clone()))["success"], true);
    floor.spot.trade(BTC, 1, "1");
    let mut kinds = [client.next(), client.next()].map(|event| event["type"].clone());
    kinds.sort_by_key(Value::to_string);
    assert_eq!(kinds, [json!("tick"), json!("trade")]);
    assert_eq!(client.ask(&command("unfollow", params))["data"]["following"], json!([]));
    floor.spot.trade(BTC, 2, "1");
    assert_eq!(client.next()["type"], "trade");
    assert!(client.settle().is_empty());
}

#[test]
fn history_is_a_verdict_and_then_the_data() {
    let mut floor = Floor::new();
    let mut client = floor.client();
    client.subscribe(&["binance:BTC/USDT"], &["trades"]);
    for id in 1..=3 {
        floor.spot.trade(BTC, id, "1.5");
        client.next();
    }
    client.say(&command("history", json!({"asset": "BTC/USDT", "limit": 2})));
    let response = client.next();
    assert_eq!((&response["type"], &response["success"]), (&json!("response"), &json!(true)));
    let data = client.next();
    assert_eq!(data["type"], "historical_data");
    assert_eq!(data["requestId"], "uuid");
    assert_eq!(data["data"]["asset"], "BTC/USDT");
    assert_eq!(
        data["data"]["ticks"],
        json!([{"price": 1.5, "timestamp": START}, {"price": 1.5, "timestamp": START}])
    );
    client.say(&command("history", json!({"asset": "BTC/USDT", "interval": "1m"})));
    assert_eq!(client.next()["success"], true);
    assert_eq!(client.next()["data"]["candles"][0]["close"], 1.5);
}

#[test]
fn what_cannot_be_done_is_answered_with_a_code() {
    let floor = Floor::new();
    let mut client = floor.client();
    for (request, code) in [
        (command("follow", json!({"assets": ["NO/PE"]})), "unknown_symbol"),
        (command("follow", json!({"assets": []})), "bad_request"),
        (command("dance", json!({})), "unknown_action"),
        (command("trade", json!({})), "forbidden"),
        (command("balance", json!({})), "forbidden"),
        (json!({"type": "command", "command": "ping"}), "bad_request"),
        (json!({"type": "command", "requestId": "uuid"}), "bad_request"),
    ] {
        let response = client.ask(&request);
        assert_eq!(response["type"], "response", "{response}");
        assert_eq!(response["success"], false, "{response}");
        assert_eq!(response["error"]["code"], code, "{response}");
    }
    assert_eq!(client.ask(&command("ping", json!({})))["success"], true);
    let list = client.ask(&command("instruments", json!({"exchange": "binance"})));
    assert_eq!(list["data"]["instruments"].as_array().unwrap().len(), 2);
}

#[test]
fn a_follower_is_told_what_is_not_there_under_the_name_it_used_and_once() {
    let mut floor = Floor::new();
    let mut client = floor.client();
    let params = json!({"assets": ["btc/usdt", "binance:BTCUSDT"], "interval": "5m"});
    assert_eq!(client.ask(&command("follow", params))["success"], true);
    let mut other = floor.client();
    assert_eq!(other.ask(&command("follow", json!({"assets": ["ETH/USDT"]})))["success"], true);
    while !client.settle().is_empty() || !other.settle().is_empty() {}
    let stream =
        |channel, interval, state, reason| Body::StreamState { channel, interval, state, reason };
    let (stale, live) = (BookState::Stale, BookState::Live);
    floor.spot.push(BTC, &[stream(Channel::Trades, None, stale, Reason::Unavailable)]);
    // Candles are built here of trades, so that both are told of, each under both names.
    let told: Vec<Value> = (0..4).map(|_| client.next()).collect();
    for (name, channel) in [
        ("btc/usdt", "trades"),
        ("binance:BTCUSDT", "trades"),
        ("btc/usdt", "candles"),
        ("binance:BTCUSDT", "candles"),
    ] {
        let is_it =
            |one: &&Value| one["data"]["asset"] == name && one["data"]["channel"] == channel;
        let mut own = told.iter().filter(is_it);
        let (Some(one), None) = (own.next(), own.next()) else {
            panic!("{name} {channel}: {told:?}")
        };
        assert_eq!((&one["type"], &one["data"]["state"]), (&json!("status"), &json!("stale")));
        assert_eq!(
            (&one["data"]["reason"], &one["data"]["exchange"]),
            (&json!("unavailable"), &json!("binance"))
        );
        assert!(one["data"]["since"].is_u64() && one["data"].get("symbol").is_none());
    }
    // Who follows it now is told so, too.
    let mut late = floor.client();
    assert_eq!(late.ask(&command("follow", json!({"assets": ["*"]})))["success"], true);
    let told = late.next();
    assert_eq!(
        (&told["data"]["asset"], &told["data"]["state"]),
        (&json!("BTC/USDT"), &json!("stale"))
    );
    floor.spot.push(BTC, &[stream(Channel::Trades, None, live, Reason::None)]);
    assert_eq!(client.next()["data"]["state"], "live");
    assert_eq!(late.next()["data"]["state"], "live");
    assert!(other.settle().is_empty(), "it follows another asset");
}

#[test]
fn a_follower_is_told_that_the_exchange_is_lost_and_nobody_else_is() {
    let mut floor = Floor::new();
    let mut client = floor.client();
    let params = json!({"assets": ["binance:BTC/USDT", "binance:ETH/USDT"], "interval": "1m"});
    assert_eq!(client.ask(&command("follow", params.clone()))["success"], true);
    let mut idle = floor.client();
    assert_eq!(idle.ask(&command("ping", json!({})))["success"], true);
    let feed = |state, reason, attempt| Body::FeedState { state, reason, line: 0, attempt };
    floor.spot.push(InstrumentId::NONE, &[feed(FeedState::Reconnecting, Reason::Reset, 2)]);
    assert_eq!(
        client.next(),
        json!({"type": "status", "data": {"exchange": "binance",
        "state": "reconnecting", "attempt": 2, "reason": "connection reset"}})
    );
    assert!(client.settle().is_empty(), "once");
    let mut late = floor.client();
    let asked = json!({"assets": ["ETH/USDT"]});
    assert_eq!(late.ask(&command("follow", asked))["success"], true);
    assert_eq!(late.next()["data"]["state"], "reconnecting");
    assert_eq!(
        client.ask(&command(
            "unfollow",
            json!({"assets": ["binance:BTC/USDT",
        "binance:ETH/USDT"]})
        ))["success"],
        true
    );
    floor.spot.push(InstrumentId::NONE, &[feed(FeedState::Connected, Reason::None, 0)]);
    assert_eq!(late.next()["data"]["state"], "connected");
    assert!(client.settle().is_empty(), "it follows nothing any more");
    assert!(idle.settle().is_empty());
}
