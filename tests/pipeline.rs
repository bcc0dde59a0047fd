//! The whole path over real sockets: a simulated exchange that plays a recorded session, the feed,
//! the gateway and a client, against what another program found in that recording.

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use common::captures;
use serde_json::Value;
use serde_json::value::RawValue;
use tickwire::clock::Clock;
use tickwire::config::Config;
use tickwire::exchange::profile;
use tickwire::gateway::Gateway;
use tickwire::instrument::ExchangeId;
use tickwire::sim::{CaptureEnd, Options, Playback, Simulator, Speed};
use tickwire::tick::{Decimal, WideDecimal};
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Message, WebSocket};

/// Longest time for a recording to arrive; ends a test that would never end.
const ARRIVAL_MAX: Duration = Duration::from_secs(60);

/// What one client made of everything it read.
#[derive(Default)]
struct Seen {
    trades: BTreeMap<String, Trades>,
    books: BTreeMap<String, Book>,
    quotes: BTreeMap<String, Quotes>,
}

/// How many, and the last bid and ask as they were written.
#[derive(Default)]
struct Quotes {
    seq: u64,
    last: [String; 2],
}

#[derive(Default)]
struct Trades {
    seq: u64,
    volumes: BTreeMap<String, WideDecimal>,
    first: Option<String>,
    last: String,
}

/// Price and size as they were written, by the price as a number.
#[derive(Default)]
struct Book {
    seq: u64,
    bids: BTreeMap<i128, [String; 2]>,
    asks: BTreeMap<i128, [String; 2]>,
}

#[derive(serde::Deserialize)]
struct Event<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    seq: Option<u64>,
}

#[derive(serde::Deserialize)]
struct TradeData<'a> {
    symbol: String,
    #[serde(borrow)]
    price: &'a RawValue,
    #[serde(borrow)]
    volume: &'a RawValue,
    side: String,
}

#[derive(serde::Deserialize)]
struct BookData<'a> {
    symbol: String,
    kind: String,
    #[serde(borrow)]
    bids: Vec<[&'a RawValue; 2]>,
    #[serde(borrow)]
    asks: Vec<[&'a RawValue; 2]>,
}

#[derive(serde::Deserialize)]
struct QuoteData<'a> {
    symbol: String,
    #[serde(borrow)]
    bid: &'a RawValue,
    #[serde(borrow)]
    ask: &'a RawValue,
}

impl Seen {
    fn take(&mut self, text: &str) {
        let event: Event<'_> = serde_json::from_str(text).expect("each message is JSON");
        let seq = event.seq.unwrap_or(0);
        let Some(data) = event.data else { return };
        match event.kind.as_str() {
            "trade" => self.trade(serde_json::from_str(data.get()).expect("a trade"), seq),
            "orderbook" => self.book(serde_json::from_str(data.get()).expect("a book"), seq),
            "quote" => self.quote(&serde_json::from_str(data.get()).expect("a quote"), seq),
            "gap" => panic!("nothing is missing in a recording: {text}"),
            _ => {}
        }
    }

    fn trade(&mut self, trade: TradeData<'_>, seq: u64) {
        let trades = self.trades.entry(trade.symbol).or_default();
        assert_eq!(seq, trades.seq + 1, "trades come in order and none twice");
        trades.seq = seq;
        let size = Decimal::parse(trade.volume.get().as_bytes()).expect("a size");
        let volume = trades.volumes.entry(trade.side).or_default();
        *volume = volume.checked_add(size).expect("it fits");
        trades.last = trade.price.get().to_owned();
        trades.first.get_or_insert_with(|| trades.last.clone());
    }

    fn quote(&mut self, quote: &QuoteData<'_>, seq: u64) {
        let quotes = self.quotes.entry(quote.symbol.clone()).or_default();
        assert_eq!(seq, quotes.seq + 1, "quotes come in order and none twice");
        quotes.seq = seq;
        quotes.last = [quote.bid.get().to_owned(), quote.ask.get().to_owned()];
    }

    fn book(&mut self, update: BookData<'_>, seq: u64) {
        let book = self.books.entry(update.symbol).or_default();
        if update.kind == "snapshot" {
            *book = Book::default();
        } else {
            assert_eq!(seq, book.seq + 1, "book events come in order and none twice");
        }
        book.seq = seq;
        for (side, levels) in [(&mut book.bids, update.bids), (&mut book.asks, update.asks)] {
            for [price, size] in levels {
                let value = |text: &str| Decimal::parse(text.as_bytes()).expect("a number");
                let number = value(price.get());
                let key =
                    i128::from(number.mantissa()) * 10_i128.pow(18 - u32::from(number.digits()));
                match value(size.get()).is_zero() {
                    true => side.remove(&key),
                    false => side.insert(key, [price.get().to_owned(), size.get().to_owned()]),
                };
            }
        }
    }

    /// Whether all that `expected` states was seen.
    fn has_all_trades(&self, exchange: ExchangeId, expected: &Value) -> bool {
        let trades = expected["trades"].as_object().cloned().unwrap_or_default();
        trades.into_iter().all(|(native, wanted)| {
            let seen = self.trades.get(&canonical(exchange, &native));
            seen.map_or(0, |trades| trades.seq) == wanted["count"].as_u64().unwrap_or(0)
        })
    }

    fn has_whole_books(&self, exchange: ExchangeId, expected: &Value) -> bool {
        let books = expected["books"].as_object().cloned().unwrap_or_default();
        books.into_iter().filter(|(_, book)| book["synced"] != false).all(|(native, wanted)| {
            let seen = self.books.get(&canonical(exchange, &native));
            seen.is_some_and(|book| {
                book.bids.len() as u64 == wanted["bid_levels"].as_u64().unwrap_or(0)
                    && book.bids.values().next_back() == strings(&wanted["best_bid"]).as_ref()
                    && book.asks.values().next() == strings(&wanted["best_ask"]).as_ref()
            })
        })
    }

    fn assert_equals(&self, name: &str, exchange: ExchangeId, expected: &Value) {
        for (native, wanted) in expected["trades"].as_object().expect("trades") {
            let seen = &self.trades[&canonical(exchange, native)];
            for (side, key) in [("buy", "taker_buy_volume"), ("sell", "taker_sell_volume")] {
                let volume = seen.volumes.get(side).copied().unwrap_or_default();
                let wanted = WideDecimal::parse(wanted[key].as_str().expect("text").as_bytes());
                let wanted = wanted.expect("a number");
                assert!(volume.cmp_value(wanted).is_eq(), "{name} {native} {side}: {volume}");
            }
            // Advanced Trade lists the trades of a frame newest first; clients get the oldest first.
            if exchange == ExchangeId::CoinbaseAdvanced {
                continue;
            }
            assert_eq!(seen.first.as_deref(), wanted["first_price"].as_str(), "{name} {native}");
            assert_eq!(Some(seen.last.as_str()), wanted["last_price"].as_str(), "{name} {native}");
        }
        for (native, wanted) in expected["books"].as_object().expect("books") {
            if wanted["synced"] == false {
                continue;
            }
            let seen = &self.books[&canonical(exchange, native)];
            assert_eq!(seen.asks.len() as u64, wanted["ask_levels"], "{name} {native}");
        }
    }
}

fn strings(level: &Value) -> Option<[String; 2]> {
    Some([level[0].as_str()?.to_owned(), level[1].as_str()?.to_owned()])
}

/// Recordings by how their names begin. A new exchange adds its line.
const RECORDINGS: &[(&str, ExchangeId)] = &[
    ("binance-spot", ExchangeId::Binance),
    ("binance-usdm", ExchangeId::BinanceFutures),
    ("bybit-linear", ExchangeId::BybitLinear),
    ("bybit-spot", ExchangeId::Bybit),
    ("coinbase-exchange", ExchangeId::Coinbase),
    ("coinbase-advanced", ExchangeId::CoinbaseAdvanced),
    ("kraken-v2", ExchangeId::Kraken),
    ("okx-v5", ExchangeId::Okx),
];

fn canonical(exchange: ExchangeId, native: &str) -> String {
    let symbol = (profile(exchange).canonical_symbol)(native);
    symbol.expect("a symbol of the exchange").to_string()
}

/// Plays one recording through everything and compares.
fn play(folder: &Path, name: &str, exchange: ExchangeId, expected: &Value) {
    let rest: Vec<PathBuf> = expected["rest"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|rest| folder.join(rest["file"].as_str().expect("a name")))
        .collect();
    let natives: Vec<&String> = expected["books"].as_object().expect("books").keys().collect();
    let symbols: Vec<String> = natives.iter().map(|native| canonical(exchange, native)).collect();
    // A connection gets all of the recording, so that there must be but one at a time: trades and
    // books of futures have a path each.
    let runs: &[&[&str]] = match exchange {
        ExchangeId::BinanceFutures => &[&["trades"], &["orderbook"]],
        _ => &[&["trades", "orderbook"]],
    };
    let mut seen = Seen::default();
    for &channels in runs {
        let path = folder.join(format!("{name}.txt"));
        let capture = Capture { path, rest: rest.clone() };
        let run = through(capture, exchange, (&symbols, channels), |gateway| {
            let has = |part: &str| channels.contains(&part);
            let whole = |seen: &Seen| {
                (!has("trades") || seen.has_all_trades(exchange, expected))
                    && (!has("orderbook") || seen.has_whole_books(exchange, expected))
            };
            watch(gateway, exchange, (&symbols, channels), whole)
        });
        seen.trades.extend(run.trades);
        seen.books.extend(run.books);
    }
    seen.assert_equals(name, exchange, expected);
}

/// A recording and what was answered beside it.
struct Capture {
    path: PathBuf,
    rest: Vec<PathBuf>,
}

/// Hands over a gateway whose only exchange plays the recording.
fn through(
    Capture { path: capture, rest }: Capture,
    exchange: ExchangeId,
    (symbols, channels): (&[String], &[&str]),
    read: impl FnOnce(&Gateway) -> Seen,
) -> Seen {
    let clock = Clock::real();
    let (speed, end) = (Speed::Max, CaptureEnd::Hold);
    let simulator = Simulator::start(Options {
        playback: Some(Playback { capture, rest, speed, end, everything: true }),
        clock: clock.clone(),
        ..Options::new(exchange)
    })
    .expect("the simulator starts");
    let text = format!(
        "[gateway]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n[[feed]]\n\
         exchange = \"{exchange}\"\nsymbols = {symbols:?}\nchannels = {channels:?}\n\
         url = \"{}\"\nrest_url = \"{}\"\n",
        simulator.url(),
        simulator.rest_url()
    );
    let config = Config::parse(&text, None, []).expect("a valid configuration");
    let gateway = Gateway::start(&config, clock).expect("the gateway starts");
    let seen = read(&gateway);
    gateway.stop();
    simulator.stop();
    seen
}

/// Reads until everything has arrived. What came before the client did is asked for by `from`.
fn watch(
    gateway: &Gateway,
    exchange: ExchangeId,
    (symbols, channels): (&[String], &[&str]),
    is_whole: impl Fn(&Seen) -> bool,
) -> Seen {
    let url = format!("ws://{}", gateway.address());
    let (mut socket, _) = tungstenite::connect(url).expect("the gateway serves");
    if let MaybeTlsStream::Plain(stream) = socket.get_mut() {
        stream.set_read_timeout(Some(ARRIVAL_MAX)).expect("a timeout can be set");
    }
    send(&mut socket, &serde_json::json!({"action": "subscriptions"}));
    let answer: Value = serde_json::from_str(&text_of(&mut socket)).expect("JSON");
    let epoch = &answer["data"]["epoch"];
    let start = |symbol: &String| {
        (format!("{exchange}:{symbol}"), serde_json::json!({"epoch": epoch, "seq": 0}))
    };
    let from: serde_json::Map<String, Value> = symbols.iter().map(start).collect();
    for channel in channels {
        let mut request = serde_json::json!({
            "action": "subscribe", "symbols": symbols, "channels": [channel],
        });
        // A book starts with what it is.
        if *channel != "orderbook" {
            request["from"] = Value::Object(from.clone());
        }
        send(&mut socket, &request);
    }
    let mut seen = Seen::default();
    let end = Instant::now() + ARRIVAL_MAX;
    while !is_whole(&seen) {
        assert!(Instant::now() < end, "{exchange}: the recording has not arrived whole");
        if let Message::Text(text) = socket.read().expect("the gateway goes on") {
            seen.take(&text);
        }
    }
    seen
}

fn send(socket: &mut WebSocket<MaybeTlsStream<std::net::TcpStream>>, request: &Value) {
    socket.send(Message::text(request.to_string())).expect("sent");
}

fn text_of(socket: &mut WebSocket<MaybeTlsStream<std::net::TcpStream>>) -> String {
    loop {
        if let Message::Text(text) = socket.read().expect("the gateway goes on") {
            assert!(!text.contains(r#""type":"error""#), "{text}");
            return text.to_string();
        }
    }
}

#[test]
fn recorded_sessions_reach_a_client_whole() {
    let Some(folder) = captures::folder() else { return };
    for (name, expected) in captures::expected(&folder) {
        let known = RECORDINGS.iter().find(|(prefix, _)| name.starts_with(prefix));
        if let Some((_, exchange)) = known.filter(|_| !name.ends_with("samples")) {
            play(&folder, &name, *exchange, &expected);
        }
    }
}

/// Deriv has neither trades nor books; each of its ticks is a quote.
#[test]
fn recorded_ticks_of_deriv_reach_a_client_each() {
    for path in captures::files("deriv-ticks") {
        let frames = captures::received(&path);
        let mut wanted: BTreeMap<String, Quotes> = BTreeMap::new();
        for frame in &frames {
            let tick: TickFrame<'_> = serde_json::from_str(frame).expect("a tick");
            let quotes = wanted.entry(canonical(ExchangeId::Deriv, &tick.tick.symbol)).or_default();
            quotes.seq += 1;
            quotes.last = [tick.tick.bid.get().to_owned(), tick.tick.ask.get().to_owned()];
        }
        let symbols: Vec<String> = wanted.keys().cloned().collect();
        let capture = Capture { path, rest: Vec::new() };
        let seen = through(capture, ExchangeId::Deriv, (&symbols, &["quotes"]), |gateway| {
            let count = |seen: &Seen| seen.quotes.values().map(|quotes| quotes.seq).sum::<u64>();
            let whole = |seen: &Seen| count(seen) == frames.len() as u64;
            watch(gateway, ExchangeId::Deriv, (&symbols, &["quotes"]), whole)
        });
        for (symbol, quotes) in wanted {
            let got = &seen.quotes[&symbol];
            assert_eq!((got.seq, &got.last), (quotes.seq, &quotes.last), "{symbol}");
        }
    }
}

#[derive(serde::Deserialize)]
struct TickFrame<'a> {
    #[serde(borrow)]
    tick: QuoteData<'a>,
}
