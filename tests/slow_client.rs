//! Clients that do not read: they are bounded, told the truth, and nobody else notices.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod floor;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use floor::{BTC, Client, ETH, Floor, wait_for};
use serde_json::{Value, json};
use tickwire::broadcast::BroadcastOptions;
use tickwire::control::AcceptOptions;
use tickwire::tick::Side;

fn floor(client_queue_bytes: usize) -> Floor {
    let options = BroadcastOptions { client_queue_bytes, ..Default::default() };
    Floor::with(options, AcceptOptions::default())
}

/// A client on its own thread that must get every trade, one after the other.
struct Reader {
    progress: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

impl Reader {
    fn start(mut client: Client, last: u64) -> Self {
        let progress = Arc::new(AtomicU64::new(0));
        let told = Arc::clone(&progress);
        let thread = std::thread::spawn(move || {
            for seq in 1..=last {
                let event = client.next();
                assert_eq!(event["type"], "trade");
                assert_eq!(event["seq"], seq);
                told.store(seq, Ordering::Relaxed);
            }
        });
        Self { progress, thread }
    }
}

#[test]
fn nine_read_on_while_one_has_stopped_and_is_closed_with_4008() {
    const TRADES: u64 = 20_000;
    let mut floor = floor(256 * 1_024);
    let mut stuck = Client::connect_small(floor.address());
    stuck.subscribe(&["binance:BTC/USDT"], &["trades"]);
    let readers: Vec<_> = (0..9)
        .map(|_| {
            let mut client = floor.client();
            client.subscribe(&["binance:BTC/USDT"], &["trades"]);
            Reader::start(client, TRADES)
        })
        .collect();
    for id in 1..=TRADES {
        floor.spot.trade(BTC, id, "65000.10");
        // No faster than the readers read: what is tested is the one that does not.
        if id % 500 == 0 {
            wait_for("everyone else is near", || {
                readers.iter().all(|reader| reader.progress.load(Ordering::Relaxed) + 500 >= id)
            });
        }
    }
    for reader in readers {
        reader.thread.join().unwrap();
    }
    assert_eq!(floor.broadcaster.counters().slow_closes.value(), 1);
    // What it has is whole and in order; then it is told why that is all.
    let (seen, code) = stuck.until_close();
    assert_eq!(code, 4008);
    assert!((seen.len() as u64) < TRADES);
    for (index, event) in seen.iter().enumerate() {
        assert_eq!(event["seq"], index as u64 + 1);
    }
    // It resumes where it was cut off.
    let from = json!({"epoch": "0000000000000001", "seq": TRADES - 100});
    let mut again = floor.client();
    let success = again.ask(&json!({"action": "subscribe", "symbols": ["binance:BTC/USDT"],
        "channels": ["trades"], "from": {"binance:BTC/USDT": from}}));
    assert_eq!(success["data"]["recovered"], json!({"binance:BTC/USDT": true}));
    assert_eq!(again.next()["seq"], TRADES - 99);
}

#[test]
fn a_client_that_lags_gets_the_newest_quote_of_each_instrument() {
    const QUOTES: u64 = 60_000;
    let mut floor = floor(1 << 20);
    let mut slow = Client::connect_small(floor.address());
    slow.subscribe(&["binance:BTC/USDT", "binance:ETH/USDT"], &["quotes"]);
    for seq in 1..=QUOTES {
        let (bid, ask) = (seq.to_string(), (seq + 1).to_string());
        floor.spot.quote(BTC, &bid, &ask);
        floor.spot.quote(ETH, &bid, &ask);
    }
    let counters = floor.broadcaster.counters().clone();
    wait_for("all ticks are taken", || counters.ticks.value() == 2 * QUOTES);
    assert!(counters.conflated.value() > 0);
    let mut last = BTreeMap::<String, u64>::new();
    let mut events = 0_u64;
    while last.len() < 2 || last.values().any(|&seq| seq < QUOTES) {
        let event = slow.next();
        events += 1;
        let symbol = event["data"]["symbol"].as_str().unwrap().to_owned();
        let before = last.entry(symbol).or_default();
        let seq = event["seq"].as_u64().unwrap();
        assert_eq!(seq, *before + event["conflated"].as_u64().unwrap_or(0) + 1, "{event}");
        assert_eq!(event["data"]["bid"], seq);
        *before = seq;
    }
    assert!(events < 2 * QUOTES);
    assert_eq!(counters.slow_closes.value(), 0);
    // It keeps up again, so nothing is left out any more.
    floor.spot.quote(BTC, "1", "2");
    let event = slow.next();
    assert_eq!(event["seq"], QUOTES + 1);
    assert!(event.get("conflated").is_none());
}

#[test]
fn a_client_that_lags_gets_a_fresh_book_and_follows_on_from_it() {
    const UPDATES: u64 = 40_000;
    for depth in [None, Some(2)] {
        let mut floor = floor(256 * 1_024);
        floor.spot.book(BTC, true, &[(Side::Bid, "100", "1"), (Side::Ask, "200", "1")]);
        let mut slow = Client::connect_small(floor.address());
        let mut request = json!({"action": "subscribe", "symbols": ["binance:BTC/USDT"],
            "channels": ["orderbook"]});
        if let Some(depth) = depth {
            request["depth"] = json!(depth);
        }
        assert_eq!(slow.ask(&request)["type"], "success");
        let mut truth = BTreeMap::from([(100_u64, 1_u64)]);
        for update in 1..=UPDATES {
            let (price, size) = (100 - update % 5, update % 11);
            floor.spot.book(BTC, false, &[(Side::Bid, &price.to_string(), &size.to_string())]);
            if size == 0 {
                truth.remove(&price);
            } else {
                truth.insert(price, size);
            }
        }
        let counters = floor.broadcaster.counters().clone();
        wait_for("all ticks are taken", || counters.ticks.value() == UPDATES + 2);
        assert_eq!(counters.slow_closes.value(), 0);
        // A last one, so that the client knows where the end is.
        floor.spot.book(BTC, false, &[(Side::Bid, "99", "77")]);
        truth.insert(99, 77);
        let (mut bids, mut seq, mut snapshots) = (BTreeMap::new(), 0, 0);
        while bids.get(&99) != Some(&77) {
            let event = slow.next();
            let next = event["seq"].as_u64().unwrap();
            if seq > 0 {
                assert_eq!(next, seq + event["conflated"].as_u64().unwrap_or(0) + 1, "{event}");
            }
            seq = next;
            if event["data"]["kind"] == "snapshot" {
                snapshots += 1;
                bids.clear();
            }
            for level in event["data"]["bids"].as_array().unwrap() {
                let (price, size) = (level[0].as_u64().unwrap(), level[1].as_u64().unwrap());
                if size == 0 {
                    bids.remove(&price);
                } else {
                    bids.insert(price, size);
                }
            }
        }
        assert!(snapshots >= 2, "it lagged and got a fresh one");
        let shown = depth.unwrap_or(usize::MAX);
        let best: BTreeMap<u64, u64> = truth.into_iter().rev().take(shown).collect();
        assert_eq!(bids, best);
    }
}

#[test]
fn pings_pass_ahead_of_what_waits() {
    let mut floor = floor(1 << 20);
    let mut slow = Client::connect_small(floor.address());
    slow.subscribe(&["binance:BTC/USDT"], &["trades"]);
    for id in 1..=3_000 {
        floor.spot.trade(BTC, id, "1");
    }
    let counters = floor.broadcaster.counters().clone();
    wait_for("all ticks are taken", || counters.ticks.value() == 3_000);
    slow.socket.send(tungstenite::Message::Ping(b"now"[..].into())).unwrap();
    let (mut before, mut pong) = (0, false);
    while before < 3_000 {
        match slow.message() {
            tungstenite::Message::Text(text) => {
                let event: Value = serde_json::from_str(&text).unwrap();
                before += 1;
                assert_eq!(event["seq"], before);
            }
            tungstenite::Message::Pong(payload) => {
                assert_eq!(&payload[..], b"now");
                assert!(before < 3_000, "the pong came before the last event");
                pong = true;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(pong);
}
