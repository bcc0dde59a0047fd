//! Feeds, symbols and channels that come and go while the gateway runs, without touching the rest.

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;
use tickwire::clock::Clock;
use tickwire::config::{Changes, Config};
use tickwire::gateway::{Gateway, ReloadError};
use tickwire::instrument::ExchangeId;
use tickwire::sim::{Options, Simulator};
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Message, WebSocket};

/// Nothing that a test waits for takes longer.
const DEADLINE: Duration = Duration::from_secs(60);

fn simulator(exchange: ExchangeId, natives: &[&str]) -> Simulator {
    let mut options = Options::new(exchange);
    options.symbols = natives.iter().map(|&native| native.to_owned()).collect();
    options.rate = 500;
    Simulator::start(options).expect("a simulator is started")
}

/// A `[[feed]]` at a simulated exchange.
fn feed(simulator: &Simulator, exchange: &str, symbols: &str, channels: &str) -> String {
    format!(
        "[[feed]]\nexchange = \"{exchange}\"\nsymbols = {symbols}\nchannels = {channels}\n\
         url = \"{}\"\nrest_url = \"{}\"\n",
        simulator.url(),
        simulator.rest_url()
    )
}

fn config(feeds: &[&str]) -> Config {
    let ports = "[gateway]\nlisten = \"127.0.0.1:0\"\ndrain_seconds = 0\n\
                 [admin]\nlisten = \"127.0.0.1:0\"\n";
    Config::parse(&format!("{ports}{}", feeds.concat()), None, []).expect("a configuration")
}

/// A client, and all that it was told.
struct Client {
    socket: WebSocket<MaybeTlsStream<TcpStream>>,
    seen: Vec<Value>,
}

impl Client {
    fn new(gateway: &Gateway, symbols: &[&str], channels: &[&str]) -> Self {
        let (socket, _) = tungstenite::connect(gateway.url()).expect("the gateway serves");
        let mut client = Self { socket, seen: Vec::new() };
        client.say("subscribe", symbols, channels);
        client
    }

    fn say(&mut self, action: &str, symbols: &[&str], channels: &[&str]) {
        let request =
            serde_json::json!({ "action": action, "symbols": symbols, "channels": channels });
        self.socket.send(Message::text(request.to_string())).expect("sent");
    }

    /// Reads until a message is `it`; returns the place of that.
    fn until(&mut self, what: &str, it: impl Fn(&Value) -> bool) -> usize {
        let MaybeTlsStream::Plain(stream) = self.socket.get_ref() else { panic!("plain") };
        stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
        let end = Instant::now() + DEADLINE;
        loop {
            assert!(Instant::now() < end, "waited in vain for {what}");
            let message = self.socket.read().unwrap_or_else(|error| panic!("{what}: {error}"));
            let Ok(text) = message.to_text() else { continue };
            let Ok(value) = serde_json::from_str::<Value>(text) else { continue };
            self.seen.push(value);
            if it(&self.seen[self.seen.len() - 1]) {
                return self.seen.len() - 1;
            }
        }
    }

    fn until_trade(&mut self, exchange: &str, symbol: &str) -> usize {
        self.until("a trade", |value| is_of(value, "trade", exchange, symbol))
    }

    /// Numbers of the trades of an instrument, in the order in which they came.
    fn seqs(&self, exchange: &str, symbol: &str) -> Vec<u64> {
        let own = self.seen.iter().filter(|value| is_of(value, "trade", exchange, symbol));
        own.filter_map(|value| value["seq"].as_u64()).collect()
    }
}

fn is_of(value: &Value, kind: &str, exchange: &str, symbol: &str) -> bool {
    let data = &value["data"];
    value["type"] == kind && data["exchange"] == exchange && data["symbol"] == symbol
}

fn is_status(value: &Value, exchange: &str, symbol: &str, state: &str, reason: &str) -> bool {
    let data = &value["data"];
    is_of(value, "status", exchange, symbol) && data["state"] == state && data["reason"] == reason
}

fn is_contiguous(seqs: &[u64]) -> bool {
    seqs.windows(2).all(|pair| pair[1] == pair[0] + 1)
}

fn reload(gateway: &mut Gateway, feeds: &[&str]) -> Changes {
    gateway.reload(config(feeds)).expect("it can be changed")
}

const BTC: &str = r#"["BTC/USDT"]"#;
const FUTURE: &str = r#"["BTC/USDT:USDT"]"#;
const ALL: &str = r#"["trades", "orderbook"]"#;

#[test]
fn symbols_come_and_go_and_nobody_else_notices() {
    let spot = simulator(ExchangeId::Binance, &["BTCUSDT", "ETHUSDT", "SOLUSDT"]);
    let futures = simulator(ExchangeId::BinanceFutures, &["BTCUSDT"]);
    let future = feed(&futures, "binance-futures", FUTURE, ALL);
    let before = feed(&spot, "binance", r#"["BTC/USDT", "ETH/USDT"]"#, ALL);
    let mut gateway = Gateway::start(&config(&[&before, &future]), Clock::real()).expect("starts");
    let mut open_ended = Client::new(&gateway, &["*"], &["trades", "status"]);
    let mut named = Client::new(
        &gateway,
        &["binance:BTC/USDT", "binance:ETH/USDT", "binance-futures:BTC/USDT:USDT"],
        &["trades", "orderbook"],
    );
    for client in [&mut open_ended, &mut named] {
        client.until_trade("binance", "BTC/USDT");
        client.until_trade("binance", "ETH/USDT");
        client.until_trade("binance-futures", "BTC/USDT:USDT");
    }
    named.until("a book", |value| is_of(value, "orderbook", "binance", "ETH/USDT"));
    let upgrades = (spot.stats().upgrades, futures.stats().upgrades);

    let after = feed(&spot, "binance", r#"["BTC/USDT", "SOL/USDT"]"#, ALL);
    let changes = reload(&mut gateway, &[&after, &future]);
    assert_eq!(changes.to_string(), "changed binance");
    open_ended.until_trade("binance", "SOL/USDT");
    let gone = |value: &Value| is_status(value, "binance", "ETH/USDT", "stale", "configuration");
    if !open_ended.seen.iter().any(gone) {
        open_ended.until("the end of the book", gone);
    }
    named.until("the end of the book", gone);
    named.say("subscribe", &["binance:SOL/USDT"], &["trades", "orderbook"]);
    let joined = named.until_trade("binance", "SOL/USDT");
    named.until("its book", |value| is_of(value, "orderbook", "binance", "SOL/USDT"));
    named.until_trade("binance", "BTC/USDT");
    let late = named.seen[joined..].iter().filter(|one| is_of(one, "trade", "binance", "ETH/USDT"));
    assert_eq!(late.count(), 0, "nothing comes of what was removed");
    named.say("subscribe", &["binance:ETH/USDT"], &["trades"]);
    named.until("the refusal", |value| value["code"] == "unknown_symbol");

    let both = feed(&spot, "binance", r#"["BTC/USDT", "ETH/USDT", "SOL/USDT"]"#, ALL);
    reload(&mut gateway, &[&both, &future]);
    let again = named.until_trade("binance", "ETH/USDT");
    assert!(again > joined, "a client that had it has it again");
    open_ended.until_trade("binance", "ETH/USDT");
    open_ended.until_trade("binance-futures", "BTC/USDT:USDT");
    for client in [&open_ended, &named] {
        for (exchange, symbol) in [("binance", "BTC/USDT"), ("binance-futures", "BTC/USDT:USDT")] {
            assert!(is_contiguous(&client.seqs(exchange, symbol)), "{exchange} {symbol}");
        }
    }
    assert!(named.seqs("binance", "ETH/USDT").is_sorted_by(|one, two| one < two));
    assert_eq!((spot.stats().upgrades, futures.stats().upgrades), upgrades, "no connection more");
    assert!(gateway.stats().ready);
    gateway.stop();
}

#[test]
fn feeds_come_and_go_and_their_clients_are_told() {
    let spot = simulator(ExchangeId::Binance, &["BTCUSDT"]);
    let futures = simulator(ExchangeId::BinanceFutures, &["BTCUSDT"]);
    let own = feed(&spot, "binance", BTC, ALL);
    let future = feed(&futures, "binance-futures", FUTURE, ALL);
    let mut gateway = Gateway::start(&config(&[&own]), Clock::real()).expect("starts");
    let mut client = Client::new(&gateway, &["*"], &["trades", "status"]);
    client.until_trade("binance", "BTC/USDT");

    for _ in 0..3 {
        let changes = reload(&mut gateway, &[&own, &future]);
        assert_eq!(changes.to_string(), "added binance-futures");
        client.until_trade("binance-futures", "BTC/USDT:USDT");
        assert_eq!(gateway.stats().feeds.len(), 2);
        assert!(gateway.stats().ready, "{:?}", gateway.stats().not_ready);

        let changes = reload(&mut gateway, &[&own]);
        assert_eq!(changes.to_string(), "removed binance-futures");
        client.until("the end of the feed", |value| {
            let data = &value["data"];
            value["type"] == "status"
                && data["exchange"] == "binance-futures"
                && data["state"] == "terminated"
        });
        let told = client.seen.iter().any(|value| {
            is_status(value, "binance-futures", "BTC/USDT:USDT", "stale", "configuration")
        });
        assert!(told, "its instruments are told");
        assert!(futures.wait_for(DEADLINE, |stats| stats.websockets == 0), "let go");
        assert_eq!(gateway.stats().feeds.len(), 1);
        assert!(gateway.stats().ready, "{:?}", gateway.stats().not_ready);
    }
    client.until_trade("binance", "BTC/USDT");
    assert!(is_contiguous(&client.seqs("binance", "BTC/USDT")));
    let futures_seqs = client.seqs("binance-futures", "BTC/USDT:USDT");
    assert!(futures_seqs.is_sorted_by(|one, two| one < two), "numbers go on");
    assert_eq!(spot.stats().upgrades, 1, "the other feed's connection was never touched");
    gateway.stop();
}

#[test]
fn channels_come_and_go() {
    let spot = simulator(ExchangeId::Binance, &["BTCUSDT"]);
    let with = |channels| feed(&spot, "binance", BTC, channels);
    let both = with(r#"["trades", "quotes"]"#);
    let mut gateway = Gateway::start(&config(&[&both]), Clock::real()).expect("starts");
    let mut client = Client::new(&gateway, &["*"], &["trades", "quotes", "ticker"]);
    client.until("a quote", |value| value["type"] == "quote");
    let mut named = Client::new(&gateway, &["BTC/USDT"], &["ticker"]);
    named.until("a refusal", |value| value["code"] == "unknown_channel");
    reload(&mut gateway, &[&with(r#"["trades", "ticker"]"#)]);
    let end = client.until("the end of the quotes", |value| {
        value["type"] == "gap" && value["data"]["reason"] == "configuration"
    });
    client.until("a ticker", |value| value["type"] == "ticker");
    named.say("subscribe", &["BTC/USDT"], &["ticker"]);
    named.until("a ticker", |value| value["type"] == "ticker");
    client.until_trade("binance", "BTC/USDT");
    assert!(client.seen[end..].iter().all(|value| value["type"] != "quote"));
    assert!(is_contiguous(&client.seqs("binance", "BTC/USDT")));
    assert!(spot.wait_for(DEADLINE, |stats| stats.streams == 2));
    gateway.stop();
}

/// The last state of each feed, instrument and channel that a client was told of.
fn states(seen: &[Value]) -> BTreeMap<[String; 3], String> {
    let told = seen.iter().filter(|value| value["type"] == "status").map(|value| {
        let data = &value["data"];
        let key = ["exchange", "symbol", "channel"].map(|field| data[field].to_string());
        (key, data["state"].to_string())
    });
    told.collect()
}

#[test]
fn a_feed_that_is_changed_under_a_client_is_ready_again_and_what_it_tells_is_true() {
    let spot = simulator(ExchangeId::Binance, &["BTCUSDT", "ETHUSDT"]);
    let with = |symbols, channels| feed(&spot, "binance", symbols, channels);
    let both = r#"["BTC/USDT", "ETH/USDT"]"#;
    let mut gateway =
        Gateway::start(&config(&[&with(BTC, r#"["trades"]"#)]), Clock::real()).expect("starts");
    let mut held = Client::new(&gateway, &["*"], &["trades", "orderbook", "status"]);
    held.until_trade("binance", "BTC/USDT");
    for (symbols, channels, is_wider) in
        [(both, ALL, true), (BTC, r#"["trades"]"#, false), (both, ALL, true)]
    {
        let from = held.seen.len();
        let changes = reload(&mut gateway, &[&with(symbols, channels)]);
        assert!(changes.to_string().starts_with("changed binance"), "{changes}");
        if is_wider {
            for symbol in ["BTC/USDT", "ETH/USDT"] {
                held.until("a book", |value| is_of(value, "orderbook", "binance", symbol));
            }
        } else {
            held.until("the end of a book", |value| {
                is_status(value, "binance", "ETH/USDT", "stale", "configuration")
            });
        }
        let end = Instant::now() + DEADLINE;
        while !gateway.stats().ready {
            assert!(Instant::now() < end, "{:?}", gateway.stats().not_ready);
            held.until_trade("binance", "BTC/USDT");
        }
        assert_eq!(gateway.stats().feeds[0].state, "connected");
        let of_feed =
            |value: &Value| value["type"] == "status" && value["data"]["symbol"].is_null();
        assert!(!held.seen[from..].iter().any(of_feed), "its connection was never away");
        // Whoever comes now is told the same as who was there all the while.
        let mut fresh = Client::new(&gateway, &["*"], &["trades", "status"]);
        fresh.until_trade("binance", "BTC/USDT");
        held.until_trade("binance", "BTC/USDT");
        let (told, known) = (states(&fresh.seen), states(&held.seen));
        for (of, state) in &told {
            assert_eq!(known.get(of), Some(state), "{of:?} of {known:?}");
        }
        assert!(told.len() > usize::from(is_wider), "{told:?}");
    }
    assert!(is_contiguous(&held.seqs("binance", "BTC/USDT")));
    gateway.stop();
}

/// Follows the candles of one length.
fn follow_candles(client: &mut Client, symbols: &[&str]) {
    let request = serde_json::json!({
        "action": "subscribe", "symbols": symbols, "channels": ["candles"], "interval": "1m",
    });
    client.socket.send(Message::text(request.to_string())).expect("sent");
}

#[test]
fn ticks_are_tickers_only_as_long_as_there_are_no_trades() {
    let spot = simulator(ExchangeId::Kraken, &["BTC/USD"]);
    let with = |channels| feed(&spot, "kraken", r#"["BTC/USD"]"#, channels);
    let (all, without) = (with(r#"["trades", "ticker"]"#), with(r#"["quotes", "ticker"]"#));
    let mut gateway = Gateway::start(&config(&[&all]), Clock::real()).expect("starts");
    let mut client = Client::new(&gateway, &["*"], &["trades", "ticker"]);
    let follow = serde_json::json!({
        "type": "command", "command": "follow", "params": {"assets": ["BTC/USD"]}, "requestId": 1,
    });
    client.socket.send(Message::text(follow.to_string())).expect("sent");
    client.until("a tick", |value| value["type"] == "tick");
    for _ in 0..2 {
        reload(&mut gateway, &[&without]);
        client.until("the end of the trades", |value| {
            is_status(value, "kraken", "BTC/USD", "stale", "configuration")
        });
        client.until("a tick of a ticker", |value| value["type"] == "tick");
        reload(&mut gateway, &[&all]);
        let back = client.until_trade("kraken", "BTC/USD");
        for _ in 0..20 {
            client.until("a ticker", |value| value["type"] == "ticker");
        }
        let count = |kind| client.seen[back..].iter().filter(|value| value["type"] == kind).count();
        let (ticks, trades) = (count("tick"), count("trade"));
        // One of the two forms of a trade comes first.
        assert!(ticks.abs_diff(trades) <= 1, "{ticks} ticks of {trades} trades");
    }
    gateway.stop();
}

/// Gaps and states of a channel of an instrument, in their order, as one word each.
fn told_of(messages: &[Value], (exchange, symbol): (&str, &str), channel: &str) -> Vec<String> {
    let own = messages.iter().filter(|value| {
        let is_of = |kind| is_of(value, kind, exchange, symbol);
        (is_of("gap") || is_of("status")) && value["data"]["channel"] == channel
    });
    let word = |value: &Value| match value["type"].as_str() {
        Some("gap") => "gap".to_owned(),
        _ => value["data"]["state"].as_str().unwrap_or_default().to_owned(),
    };
    own.map(word).collect()
}

#[test]
fn trades_that_only_candles_need_are_carried_to_nobody() {
    let spot = simulator(ExchangeId::Binance, &["BTCUSDT"]);
    let with = |channels| feed(&spot, "binance", BTC, channels);
    let both = with(r#"["trades", "candles"]"#);
    let mut gateway = Gateway::start(&config(&[&both]), Clock::real()).expect("starts");
    let mut clients = [
        Client::new(&gateway, &["binance:BTC/USDT"], &["trades"]),
        Client::new(&gateway, &["*"], &["trades", "status"]),
    ];
    for client in &mut clients {
        follow_candles(client, &["*"]);
        client.until_trade("binance", "BTC/USDT");
    }
    let of = ("binance", "BTC/USDT");
    for _ in 0..2 {
        reload(&mut gateway, &[&with(r#"["candles"]"#)]);
        let mut left = Vec::new();
        for client in &mut clients {
            let stale = client.until("the end of the trades", |value| {
                is_status(value, "binance", "BTC/USDT", "stale", "configuration")
            });
            for _ in 0..20 {
                client.until("a candle", |value| is_of(value, "candle", of.0, of.1));
            }
            let gap = &client.seen[stale - 1]["data"];
            assert_eq!(gap["reason"], "configuration", "{gap}");
            left.push((stale, gap["toSeq"].as_u64().expect("a number")));
            assert!(client.seen[stale..].iter().all(|value| value["type"] != "trade"));
            assert!(told_of(&client.seen[stale + 1..], of, "trades").is_empty());
            assert!(told_of(&client.seen[stale - 1..], of, "candles").is_empty());
        }
        let mut late = Client::new(&gateway, &["binance:BTC/USDT"], &["trades"]);
        late.until("the refusal", |value| value["code"] == "unknown_channel");

        reload(&mut gateway, &[&both]);
        for (client, (stale, gap)) in clients.iter_mut().zip(left) {
            let first = client.until_trade("binance", "BTC/USDT");
            assert_eq!(client.seen[first]["seq"], gap + 1, "they go on behind the gap");
            assert_eq!(told_of(&client.seen[stale..], of, "trades"), ["stale", "live"]);
            assert!(told_of(&client.seen[stale..], of, "candles").is_empty());
        }
    }
    assert_eq!(spot.stats().upgrades, 1, "the exchange noticed nothing");
    gateway.stop();
}

#[test]
fn states_are_told_of_what_is_carried_to_clients_and_of_nothing_else() {
    let spot = simulator(ExchangeId::Binance, &["BTCUSDT"]);
    let futures = simulator(ExchangeId::BinanceFutures, &["BTCUSDT"]);
    let own = feed(&spot, "binance", BTC, ALL);
    let future = feed(&futures, "binance-futures", FUTURE, r#"["candles"]"#);
    let mut gateway = Gateway::start(&config(&[&own]), Clock::real()).expect("starts");
    let mut client = Client::new(&gateway, &["*"], &["trades", "status"]);
    follow_candles(&mut client, &["*"]);
    client.until_trade("binance", "BTC/USDT");
    let of = ("binance-futures", "BTC/USDT:USDT");
    for _ in 0..2 {
        let before = client.seen.len();
        reload(&mut gateway, &[&own, &future]);
        for _ in 0..20 {
            client.until("a candle", |value| is_of(value, "candle", of.0, of.1));
        }
        assert!(told_of(&client.seen, of, "trades").is_empty());
        assert_eq!(told_of(&client.seen[before..], of, "candles"), ["live"]);
        reload(&mut gateway, &[&own]);
        client.until("the end", |value| is_status(value, of.0, of.1, "stale", "configuration"));
    }
    assert!(client.seen.iter().all(|value| !is_of(value, "trade", of.0, of.1)));
    gateway.stop();
}

#[test]
fn the_end_of_candles_is_told_once_to_who_follows_one_length() {
    use ExchangeId::{Binance, BinanceFutures, Bybit, Deriv, Kraken, Okx};
    let cases = [
        (Binance, ["BTCUSDT", "ETHUSDT"], ["BTC/USDT", "ETH/USDT"], "trades"),
        (Binance, ["BTCUSDT", "ETHUSDT"], ["BTC/USDT", "ETH/USDT"], "exchange"),
        (BinanceFutures, ["BTCUSDT", "ETHUSDT"], ["BTC/USDT:USDT", "ETH/USDT:USDT"], "exchange"),
        (Kraken, ["BTC/USD", "ETH/USD"], ["BTC/USD", "ETH/USD"], "exchange"),
        (Bybit, ["BTCUSDT", "ETHUSDT"], ["BTC/USDT", "ETH/USDT"], "exchange"),
        (Okx, ["BTC-USDT", "ETH-USDT"], ["BTC/USDT", "ETH/USDT"], "exchange"),
        (Deriv, ["R_100", "frxEURUSD"], ["R_100", "EUR/USD"], "exchange"),
    ];
    for (exchange, natives, [stays, leaves], source) in cases {
        let market = simulator(exchange, &natives);
        let with = |symbols: &str| {
            let feed = feed(&market, exchange.name(), symbols, r#"["candles"]"#);
            format!("{feed}candle_source = \"{source}\"\n")
        };
        let both = with(&format!("[\"{stays}\", \"{leaves}\"]"));
        let mut gateway = Gateway::start(&config(&[&both]), Clock::real()).expect("starts");
        let name = format!("{exchange}:{leaves}");
        let mut client = Client::new(&gateway, &[&name], &["status"]);
        follow_candles(&mut client, &["*"]);
        client.until("a candle", |value| is_of(value, "candle", exchange.name(), leaves));
        reload(&mut gateway, &[&with(&format!("[\"{stays}\"]"))]);
        let gap = client.until("the end", |value| is_of(value, "gap", exchange.name(), leaves));
        client.until("another's candle", |value| is_of(value, "candle", exchange.name(), stays));
        client.until("and more", |value| is_of(value, "candle", exchange.name(), stays));
        let told = told_of(&client.seen[gap..], (exchange.name(), leaves), "candles");
        assert_eq!(told, ["gap", "stale"], "{exchange} {source}");
        gateway.stop();
    }
}

/// Follows the daily candles of an instrument.
fn follow_days(client: &mut Client, name: &str) {
    let request = serde_json::json!({
        "action": "subscribe", "symbols": [name], "channels": ["candles"], "interval": "1d",
    });
    client.socket.send(Message::text(request.to_string())).expect("sent");
}

/// Reads until candles of an instrument end; that is told by a closed and partial one before the gap.
fn until_candles_end(client: &mut Client, (exchange, symbol): (&str, &str)) -> Value {
    let from = client.seen.len();
    let gap = client.until("the end", |value| {
        is_of(value, "gap", exchange, symbol) && value["data"]["channel"] == "candles"
    });
    assert_eq!(client.seen[gap]["data"]["reason"], "configuration");
    let own = client.seen[from..gap].iter().rfind(|one| is_of(one, "candle", exchange, symbol));
    let last = own.expect("the end of the candle").clone();
    assert_eq!((&last["data"]["closed"], &last["data"]["partial"]), (&true.into(), &true.into()));
    assert!(client.seen[gap]["data"]["fromSeq"].as_u64() > last["seq"].as_u64());
    last
}

#[test]
fn a_candle_that_is_open_when_it_is_left_ends_as_partial_and_begins_anew() {
    use ExchangeId::{Binance, Bybit, Deriv, Kraken, Okx};
    let cases = [
        (Binance, ["BTCUSDT", "ETHUSDT"], ["BTC/USDT", "ETH/USDT"], "trades"),
        (Binance, ["BTCUSDT", "ETHUSDT"], ["BTC/USDT", "ETH/USDT"], "exchange"),
        (Kraken, ["BTC/USD", "ETH/USD"], ["BTC/USD", "ETH/USD"], "exchange"),
        (Bybit, ["BTCUSDT", "ETHUSDT"], ["BTC/USDT", "ETH/USDT"], "exchange"),
        (Okx, ["BTC-USDT", "ETH-USDT"], ["BTC/USDT", "ETH/USDT"], "exchange"),
        (Deriv, ["R_100", "frxEURUSD"], ["R_100", "EUR/USD"], "exchange"),
    ];
    for (exchange, natives, [stays, leaves], source) in cases {
        let market = simulator(exchange, &natives);
        let with = |symbols: &str| {
            let feed = feed(&market, exchange.name(), symbols, r#"["candles"]"#);
            format!("{feed}candle_source = \"{source}\"\n")
        };
        let (both, one) =
            (with(&format!("[\"{stays}\", \"{leaves}\"]")), with(&format!("[\"{stays}\"]")));
        let mut gateway = Gateway::start(&config(&[&both]), Clock::real()).expect("starts");
        let of = (exchange.name(), leaves);
        let mut client = Client::new(&gateway, &["*"], &["status"]);
        follow_days(&mut client, &format!("{exchange}:{leaves}"));
        client.until("a candle", |value| is_of(value, "candle", of.0, of.1));
        for _ in 0..2 {
            reload(&mut gateway, &[&one]);
            let last = until_candles_end(&mut client, of);
            reload(&mut gateway, &[&both]);
            let again = client.until("it again", |value| is_of(value, "candle", of.0, of.1));
            let again = &client.seen[again];
            assert_eq!(again["data"]["openTime"], last["data"]["openTime"], "{exchange} {source}");
            assert_eq!(again["data"]["closed"], false, "{exchange} {source}: {again}");
            // A bar of the exchange's holds the whole day, one of trades what was seen of it.
            let is_partial = again["data"]["partial"] == true;
            assert_eq!(is_partial, source == "trades", "{exchange} {source}: {again}");
        }
        gateway.stop();
    }
}

#[test]
fn what_goes_with_its_feed_is_no_present_state_when_it_comes_back() {
    let spot = simulator(ExchangeId::Binance, &["BTCUSDT"]);
    let futures = simulator(ExchangeId::BinanceFutures, &["BTCUSDT"]);
    let own = feed(&spot, "binance", BTC, ALL);
    let all = r#"["trades", "quotes", "ticker", "candles", "orderbook"]"#;
    let future = feed(&futures, "binance-futures", FUTURE, all);
    // The same feed, at an exchange that nobody can reach: nothing comes of it.
    let unreachable = future.replace(&futures.url(), "ws://127.0.0.1:9");
    let mut gateway = Gateway::start(&config(&[&own, &future]), Clock::real()).expect("starts");
    let of = ("binance-futures", "BTC/USDT:USDT");
    let name = format!("{}:{}", of.0, of.1);
    let channels = ["trades", "quotes", "ticker", "orderbook"];
    let mut client = Client::new(&gateway, &[&name], &channels);
    follow_days(&mut client, &name);
    for kind in ["trade", "quote", "ticker", "orderbook", "candle"] {
        client.until(kind, |value| is_of(value, kind, of.0, of.1));
    }
    reload(&mut gateway, &[&own]);
    until_candles_end(&mut client, of);
    reload(&mut gateway, &[&own, &unreachable]);
    let mut late = Client::new(&gateway, &["binance:BTC/USDT"], &["trades"]);
    let request = serde_json::json!({
        "action": "subscribe", "symbols": [name], "channels": channels, "snapshot": true,
    });
    late.socket.send(Message::text(request.to_string())).expect("sent");
    late.say("ping", &[], &[]);
    late.until("the answer to what was said last", |value| value["type"] == "pong");
    late.until_trade("binance", "BTC/USDT");
    let told = late.seen.iter().filter(|value| value["data"]["symbol"] == of.1);
    let told: Vec<_> = told.filter(|value| value["type"] != "status").collect();
    assert!(told.is_empty(), "what was before the feed went: {told:?}");
    gateway.stop();
}

#[test]
fn what_cannot_be_changed_is_refused_and_the_rest_stays_too() {
    let spot = simulator(ExchangeId::Binance, &["BTCUSDT", "ETHUSDT"]);
    let own = feed(&spot, "binance", BTC, ALL);
    let mut gateway = Gateway::start(&config(&[&own]), Clock::real()).expect("starts");
    let mut client = Client::new(&gateway, &["*"], &["trades"]);
    client.until_trade("binance", "BTC/USDT");
    let before = gateway.stats().configuration;
    let other = feed(&spot, "binance", r#"["BTC/USDT", "ETH/USDT"]"#, ALL);
    let refused = [
        (format!("[history]\nevents = 7\n{other}"), "history.events"),
        (format!("{other}lines = 2\n"), "feed binance.lines"),
    ];
    for (text, field) in refused {
        let error = gateway.reload(config(&[&text])).expect_err("it is refused");
        assert!(matches!(error, ReloadError::Unchangeable(_)), "{error}");
        assert!(error.to_string().contains(field), "{error}");
    }
    // A file that was good when it was read, and is gone when it is wanted.
    let folder = tempfile::tempdir().expect("a folder");
    let authority = folder.path().join("ca.pem");
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("made");
    std::fs::write(&authority, made.cert.pem()).expect("written");
    let okx = format!(
        "[[feed]]\nexchange = \"okx\"\nsymbols = [\"BTC/USDT\"]\ntls_ca_file = {authority:?}\n"
    );
    let changed = config(&[&other, &okx]);
    drop(folder);
    let error = gateway.reload(changed).expect_err("no certificate");
    assert!(error.to_string().contains("tls_ca_file"), "{error}");
    client.until_trade("binance", "BTC/USDT");
    assert_eq!(gateway.stats().configuration, before);
    assert_eq!(gateway.stats().feeds.len(), 1);
    assert_eq!(spot.stats().streams, 2, "nothing of it was done");
    gateway.stop();
}
