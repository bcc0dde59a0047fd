//! Whether the streams of the market agree with each other, with the requests and with the truth.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;
use tickwire::clock::{Clock, UnixNanos};
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

/// Subscribes to the streams of BTCUSDT on one wrapped connection.
fn open_streams(simulator: &Simulator, kinds: &[&str]) -> Client {
    let names: Vec<String> = kinds.iter().map(|kind| format!("btcusdt@{kind}")).collect();
    let client = Client::open(simulator, &format!("/stream?streams={}", names.join("/")));
    assert!(simulator.wait_for(DEADLINE, |stats| stats.streams == names.len() as u64));
    client
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("{field} in {value}"))
}

/// Trades by id: price, size and whether the taker sold.
type Trades = BTreeMap<u64, (String, String, bool)>;

/// Sum of the sizes of the trades from one id to another, as digits.
fn volume(trades: &Trades, first: u64, last: u64) -> u128 {
    trades.range(first..=last).map(|(_, (_, size, _))| key(size)).sum()
}

/// What the streams of one symbol have said.
struct Heard {
    /// The exchange's id is that of spot.
    spot: bool,
    book: Book,
    update_id: u64,
    trades: Trades,
    /// The first trade of the next aggregate.
    next_agg: Option<u64>,
    best: Value,
}

impl Heard {
    /// From where the market stands.
    fn from(begin: &TrueBook, spot: bool) -> Self {
        let side = |levels: &[(String, String)]| {
            levels.iter().map(|level| (key(&level.0), level.clone())).collect()
        };
        let book = Book { bids: side(&begin.bids), asks: side(&begin.asks) };
        let (update_id, trades) = (begin.update_id, Trades::new());
        Self { spot, book, update_id, trades, next_agg: None, best: Value::Null }
    }

    /// Asserts that an event agrees with what the streams have said before.
    fn hear(&mut self, kind: &str, data: &Value) {
        match kind {
            "trade" => self.trade(data),
            "aggTrade" => {
                let (first, last) = (id(data, "f"), id(data, "l"));
                assert!(self.next_agg.is_none_or(|next| next == first));
                self.next_agg = Some(last + 1);
                assert_eq!(key(text(data, "q")), volume(&self.trades, first, last));
                assert_eq!(text(data, "p"), self.trades[&last].0);
            }
            "depth@100ms" => {
                self.update_id = id(data, "u");
                Book::apply(&mut self.book.bids, &data["b"]);
                Book::apply(&mut self.book.asks, &data["a"]);
            }
            "depth20@100ms" => self.top(data),
            "bookTicker" => self.best = data.clone(),
            "kline_1m" => {
                let bar = &data["k"];
                // The first bar may have begun before we listened only if the market had run.
                assert_eq!(key(text(bar, "v")), volume(&self.trades, id(bar, "f"), id(bar, "L")));
                assert_eq!(id(bar, "n"), id(bar, "L") - id(bar, "f") + 1);
                assert_eq!(text(bar, "c"), self.trades[&id(bar, "L")].0);
            }
            "ticker" => {
                let sum = volume(&self.trades, id(data, "F"), id(data, "L"));
                assert_eq!(key(text(data, "v")), sum);
                assert_eq!(text(data, "c"), self.trades[&id(data, "L")].0);
            }
            other => panic!("{other} was not asked for"),
        }
    }

    fn trade(&mut self, data: &Value) {
        let sold = data["m"].as_bool().expect("a side");
        let trade = (text(data, "p").to_owned(), text(data, "q").to_owned(), sold);
        let previous = self.trades.last_key_value().map(|(id, _)| *id);
        assert!(previous.is_none_or(|previous| previous + 1 == id(data, "t")));
        self.trades.insert(id(data, "t"), trade);
    }

    /// The first levels are those of the book.
    fn top(&self, data: &Value) {
        let (keys, last) = match self.spot {
            true => (["bids", "asks"], id(data, "lastUpdateId")),
            false => (["b", "a"], id(data, "u")),
        };
        assert_eq!(last, self.update_id);
        let levels = |levels: &Value| -> Vec<(String, String)> {
            serde_json::from_value(levels.clone()).expect("levels")
        };
        let bids: Vec<_> = self.book.bids.values().rev().take(20).cloned().collect();
        let asks: Vec<_> = self.book.asks.values().take(20).cloned().collect();
        assert_eq!((levels(&data[keys[0]]), levels(&data[keys[1]])), (bids, asks));
    }
}

fn check_streams(exchange: ExchangeId) {
    let simulator = start(exchange);
    let begin = simulator.book("BTCUSDT").expect("it is listed");
    let spot = exchange == ExchangeId::Binance;
    let (public, market) = (
        ["trade", "bookTicker", "depth@100ms", "depth20@100ms"],
        ["aggTrade", "kline_1m", "ticker"],
    );
    let mut client = match spot {
        true => open_streams(&simulator, &[&public[..], &market[..]].concat()),
        false => open_streams(&simulator, &public),
    };
    simulator.resume();
    let mut heard = Heard::from(&begin, spot);
    let mut seen = BTreeSet::<String>::new();
    while heard.trades.len() < 4_000 || seen.len() < if spot { 7 } else { 4 } {
        let event = client.json();
        let (_, kind) = text(&event, "stream").split_once('@').expect("a kind");
        seen.insert(kind.to_owned());
        heard.hear(kind, &event["data"]);
    }
    let truth: Trades = simulator
        .truth()
        .trades("BTCUSDT")
        .into_iter()
        .filter(|trade| heard.trades.contains_key(&trade.id))
        .map(|trade| {
            (trade.id, (trade.price, trade.size, trade.taker == tickwire::sim::BookSide::Ask))
        })
        .collect();
    assert_eq!(truth, heard.trades);
    assert!(key(text(&heard.best, "b")) < key(text(&heard.best, "a")));
}

#[test]
fn the_spot_streams_agree_with_each_other_and_with_the_truth() {
    check_streams(ExchangeId::Binance);
}

#[test]
fn the_futures_streams_agree_with_each_other_and_with_the_truth() {
    check_streams(ExchangeId::BinanceFutures);
}

#[test]
fn when_the_market_stands_still_the_best_prices_are_those_of_the_book() {
    let simulator = start(ExchangeId::Binance);
    let mut client = open_streams(&simulator, &["bookTicker", "depth@100ms"]);
    simulator.resume();
    let mut best = Value::Null;
    loop {
        let event = client.json();
        if event["stream"] == "btcusdt@bookTicker" {
            best = event["data"].clone();
            continue;
        }
        if best.is_object() {
            simulator.pause();
        }
        let truth = simulator.book("BTCUSDT").expect("it is listed");
        if id(&event["data"], "u") == truth.update_id && best.is_object() {
            assert_eq!(truth.sent_update_id, truth.update_id);
            assert_eq!((text(&best, "b"), text(&best, "B")), pair(&truth.bids[0]));
            assert_eq!((text(&best, "a"), text(&best, "A")), pair(&truth.asks[0]));
            return;
        }
    }
}

fn pair(level: &(String, String)) -> (&str, &str) {
    (&level.0, &level.1)
}

#[test]
fn a_seed_repeats_every_frame() {
    let frames = |seed: u64| -> Vec<String> {
        let (clock, hand) = Clock::manual(UnixNanos::from_millis(1_790_000_000_000));
        let symbols = ["BTCUSDT", "PEPEUSDT"].map(str::to_owned).to_vec();
        let options = Options { symbols, seed, clock, ..Options::new(ExchangeId::Binance) };
        let simulator = Simulator::start(options).expect("it starts");
        let kinds = ["trade", "bookTicker", "depth@100ms", "depth5", "kline_1s", "ticker"];
        let mut client = open_streams(&simulator, &kinds);
        hand.advance(Duration::from_secs(3));
        (0..600).map(|_| client.text().expect("data")).collect()
    };
    let first = frames(5);
    assert_eq!(first, frames(5));
    assert_ne!(first, frames(6));
}
