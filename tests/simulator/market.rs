//! Whether the streams of the market agree with each other, with the requests and with the truth.

use std::collections::BTreeMap;

use serde_json::Value;
use tickwire::instrument::ExchangeId;
use tickwire::sim::{Options, Simulator, TrueBook};

use crate::client::{Client, DEADLINE, request};

/// A book as a client keeps it, by the text of its prices.
#[derive(Default)]
struct Book {
    bids: BTreeMap<u128, (String, String)>,
    asks: BTreeMap<u128, (String, String)>,
}

/// Prices of one symbol have equally many digits after the point, so their digits sort them.
fn key(price: &str) -> u128 {
    price.replace('.', "").parse().expect("a price")
}

impl Book {
    fn apply(side: &mut BTreeMap<u128, (String, String)>, levels: &Value) {
        for level in levels.as_array().expect("levels") {
            let [price, size] = [0, 1].map(|index| level[index].as_str().expect("a text"));
            if size.chars().all(|c| c == '0' || c == '.') {
                side.remove(&key(price));
            } else {
                side.insert(key(price), (price.to_owned(), size.to_owned()));
            }
        }
    }

    fn assert_is(&self, truth: &TrueBook) {
        let bids: Vec<_> = self.bids.values().rev().cloned().collect();
        let asks: Vec<_> = self.asks.values().cloned().collect();
        assert_eq!(bids, truth.bids);
        assert_eq!(asks, truth.asks);
    }
}

fn start(exchange: ExchangeId) -> Simulator {
    let symbols = ["BTCUSDT", "PEPEUSDT"].map(str::to_owned).to_vec();
    Simulator::start(Options { symbols, rate: 2_000, paused: true, ..Options::new(exchange) })
        .expect("it starts")
}

fn id(value: &Value, field: &str) -> u64 {
    value[field].as_u64().unwrap_or_else(|| panic!("{field} in {value}"))
}

/// Joins deltas to a snapshot by the exchange's rules until the market stands still.
fn follow(exchange: ExchangeId, symbol: &str, target: &str) {
    let simulator = start(exchange);
    let stream = symbol.to_lowercase();
    let mut client = Client::open(&simulator, &format!("/ws/{stream}@depth@100ms"));
    assert!(simulator.wait_for(DEADLINE, |stats| stats.streams == 1));
    simulator.resume();
    let mut buffered = vec![client.json(), client.json()];
    let (status, _, snapshot) = request(&simulator, target);
    assert_eq!(status, 200);
    let last_update_id = id(&snapshot, "lastUpdateId");
    let mut book = Book::default();
    Book::apply(&mut book.bids, &snapshot["bids"]);
    Book::apply(&mut book.asks, &snapshot["asks"]);
    while buffered.len() < 12 {
        buffered.push(client.json());
    }
    simulator.pause();
    let spot = exchange == ExchangeId::Binance;
    let (mut previous, mut applied) = (None, 0);
    loop {
        let next = if buffered.is_empty() { client.json() } else { buffered.remove(0) };
        let (first, last) = (id(&next, "U"), id(&next, "u"));
        match previous {
            Some(previous) if spot => assert_eq!(first, previous + 1),
            Some(previous) => assert_eq!(id(&next, "pu"), previous),
            None => {}
        }
        previous = Some(last);
        let stale = if spot { last <= last_update_id } else { last < last_update_id };
        if !stale {
            if applied == 0 && spot {
                assert!(first <= last_update_id + 1);
            } else if applied == 0 {
                assert!(first <= last_update_id || id(&next, "pu") == last_update_id);
            }
            applied += 1;
            Book::apply(&mut book.bids, &next["b"]);
            Book::apply(&mut book.asks, &next["a"]);
        }
        let truth = simulator.book(symbol).expect("it is listed");
        if buffered.is_empty() && truth.update_id == last {
            assert!(applied > 3);
            return book.assert_is(&truth);
        }
    }
}

#[test]
fn every_spot_delta_on_top_of_the_snapshot_gives_the_markets_book() {
    follow(ExchangeId::Binance, "BTCUSDT", "/api/v3/depth?symbol=BTCUSDT&limit=5000");
}

#[test]
fn every_futures_delta_on_top_of_the_snapshot_gives_the_markets_book() {
    follow(ExchangeId::BinanceFutures, "PEPEUSDT", "/fapi/v1/depth?symbol=PEPEUSDT&limit=1000");
}
