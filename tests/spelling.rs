//! How an exchange spells its symbols, and which it has at all, stands in its list: what the list
//! says is asked for, what it has not is told, and what it gets later comes alive.

mod common;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Output};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tickwire::clock::Clock;
use tickwire::config::Config;
use tickwire::gateway::Gateway;
use tickwire::instrument::ExchangeId;
use tickwire::sim::{Options, Simulator, is_simulated};
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

const PORTS: &str = "[gateway]\nlisten = \"127.0.0.1:0\"\ndrain_seconds = 0\n\
                     [admin]\nlisten = \"127.0.0.1:0\"\n";

fn feed(exchange: &str, symbols: &[&str], url: &str, rest_url: &str) -> String {
    format!(
        "[[feed]]\nexchange = \"{exchange}\"\nsymbols = {symbols:?}\nurl = \"{url}\"\n\
         rest_url = \"{rest_url}\"\n"
    )
}

fn at(simulator: &Simulator, exchange: &str, symbols: &[&str]) -> String {
    feed(exchange, symbols, &simulator.url(), &simulator.rest_url())
}

fn config(feeds: &str) -> Config {
    Config::parse(&format!("{PORTS}{feeds}"), None, []).expect("a configuration")
}

fn start(feeds: &str) -> Gateway {
    Gateway::start(&config(feeds), Clock::real()).expect("the gateway starts")
}

/// A client, and all that it was told.
struct Client {
    socket: WebSocket<MaybeTlsStream<TcpStream>>,
    seen: Vec<Value>,
}

impl Client {
    fn new(gateway: &Gateway) -> Self {
        let (socket, _) = tungstenite::connect(gateway.url()).expect("the gateway serves");
        let MaybeTlsStream::Plain(stream) = socket.get_ref() else { panic!("plain") };
        stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
        Self { socket, seen: Vec::new() }
    }

    fn say(&mut self, request: &Value) {
        self.socket.send(Message::text(request.to_string())).expect("sent");
    }

    fn subscribe(&mut self, symbols: &[&str], channels: &[&str]) {
        self.say(&json!({"action": "subscribe", "symbols": symbols, "channels": channels}));
    }

    /// The first message, seen already or still to come, that is `it`.
    fn until(&mut self, what: &str, it: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + DEADLINE;
        let mut looked = 0;
        loop {
            if let Some(found) = self.seen[looked..].iter().find(|one| it(one)) {
                return found.clone();
            }
            looked = self.seen.len();
            assert!(Instant::now() < end, "waited in vain for {what}: {:?}", self.seen.last());
            let message = self.socket.read().unwrap_or_else(|error| panic!("{what}: {error}"));
            let Ok(text) = message.to_text() else { continue };
            self.seen.extend(serde_json::from_str::<Value>(text));
        }
    }

    /// What comes from now on.
    fn forget(&mut self) {
        self.seen.clear();
    }

    fn until_trade(&mut self, symbol: &str) {
        self.until(&format!("a trade of {symbol}"), |one| is_of(one, "trade", symbol));
    }
}

fn is_of(value: &Value, kind: &str, symbol: &str) -> bool {
    value["type"] == kind && value["data"]["symbol"] == symbol
}

/// What an instrument is, as clients are told.
fn instruments(gateway: &Gateway, exchange: &str) -> Vec<Value> {
    let mut client = Client::new(gateway);
    client.say(&json!({"action": "instruments", "exchange": exchange}));
    let answer = client.until("the instruments", |one| one["type"] == "instruments");
    answer["data"]["instruments"].as_array().expect("a list").clone()
}

/// Waits until the instruments are so.
fn until_instruments(gateway: &Gateway, exchange: &str, are: impl Fn(&[Value]) -> bool) {
    let end = Instant::now() + DEADLINE;
    loop {
        let list = instruments(gateway, exchange);
        if are(&list) {
            return;
        }
        assert!(Instant::now() < end, "the list never came: {list:?}");
    }
}

/// The lines of a field case that the exchange sent.
fn field_case(name: &str) -> Option<Vec<String>> {
    let folder = common::captures::folder()?.join("../field");
    let path = folder.join(format!("{name}.txt"));
    path.is_file().then(|| common::captures::received(&path))
}

/// An exchange that says what the field case has: its list, and a refusal of the wrong spelling.
/// Returns the symbols that were asked for, up to the first one that it knows.
fn play_field_case(listener: &TcpListener, list: &str, refusal: &str, right: &str) -> Vec<String> {
    let (stream, _) = listener.accept().expect("a connection");
    stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    let mut socket = tungstenite::accept(stream).expect("an upgrade");
    let mut asked = Vec::new();
    loop {
        let message = socket.read().expect("a request");
        let Ok(request) = serde_json::from_str::<Value>(message.to_text().unwrap_or_default())
        else {
            continue;
        };
        let params = &request["params"];
        if params["channel"] == "instrument" {
            socket.send(Message::text(list)).expect("sent");
        }
        if request["method"] != "subscribe" {
            continue;
        }
        for symbol in params["symbol"].as_array().into_iter().flatten() {
            asked.push(symbol.as_str().expect("a text").to_owned());
            if symbol == right {
                return asked;
            }
            let mut refusal: Value = serde_json::from_str(refusal).expect("JSON");
            refusal["req_id"] = request["req_id"].clone();
            socket.send(Message::text(refusal.to_string())).expect("sent");
        }
    }
}

#[test]
fn the_spelling_of_the_list_is_asked_for_however_it_was_configured() {
    let Some(frames) = field_case("kraken_aaplx") else { return };
    let list = frames.iter().find(|frame| frame.contains("\"instrument\"")).expect("the list");
    let refusal = frames.iter().find(|frame| frame.contains("not supported")).expect("a refusal");
    for written in ["AAPLx/USD", "AAPLX/USD"] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("ws://{}", listener.local_addr().expect("an address"));
        let gateway = start(&feed("kraken", &[written], &url, "http://127.0.0.1:9"));
        let asked = play_field_case(&listener, list, refusal, "AAPLx/USD");
        assert_eq!(asked.last().map(String::as_str), Some("AAPLx/USD"), "{written}");
        gateway.stop();
    }
}

#[test]
fn a_tokenised_stock_flows_and_clients_may_write_it_either_way() {
    let simulator = simulator(ExchangeId::Kraken, &["AAPLx/USD", "BTC/USD"]);
    let gateway = start(&at(&simulator, "kraken", &["AAPLX/USD", "BTC/USD"]));
    let mut client = Client::new(&gateway);
    client.subscribe(&["AAPLx/USD"], &["trades", "orderbook"]);
    client.subscribe(&["kraken:AAPLX/USD"], &["ticker"]);
    client.until_trade("AAPLX/USD");
    client.until("its book", |one| is_of(one, "orderbook", "AAPLX/USD"));
    client.until("its ticker", |one| is_of(one, "ticker", "AAPLX/USD"));
    let is_spelled = |list: &[Value]| {
        list.iter().any(|one| one["symbol"] == "AAPLX/USD" && one["native"] == "AAPLx/USD")
    };
    until_instruments(&gateway, "kraken", is_spelled);
    assert!(gateway.stats().feeds[0].unlisted.is_empty());
    gateway.stop();
    simulator.stop();
}

/// A server of requests beside the stream that knows one answer.
fn answering(body: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 4_096];
            let _ = stream.read(&mut request);
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n", body.len());
            let _ = stream.write_all(format!("{head}Connection: close\r\n\r\n{body}").as_bytes());
        }
    });
    url
}

#[test]
fn a_listed_spelling_that_is_the_same_on_the_wire_changes_nothing() {
    let simulator = simulator(ExchangeId::Binance, &["BTCUSDT"]);
    let filters = json!([{"filterType": "PRICE_FILTER", "tickSize": "0.01"}]);
    let listed = json!({"symbol": "btcusdt", "status": "TRADING", "baseAsset": "BTC",
        "quoteAsset": "USDT", "filters": filters});
    let rest = answering(json!({"symbols": [listed]}).to_string());
    let gateway = start(&feed("binance", &["BTC/USDT"], &simulator.url(), &rest));
    let mut client = Client::new(&gateway);
    client.subscribe(&["BTC/USDT"], &["trades"]);
    until_instruments(&gateway, "binance", |list| {
        list.iter().any(|one| one["native"] == "BTCUSDT" && !one["tickSize"].is_null())
    });
    // More than can be on its way.
    for _ in 0..500 {
        client.until_trade("BTC/USDT");
        client.forget();
    }
    gateway.stop();
    simulator.stop();
}

#[test]
fn names_in_any_letters_flow() {
    for (exchange, natives, symbols) in [
        (ExchangeId::Binance, ["币安人生USDT", "1000SATSUSDT"], ["币安人生/USDT", "1000SATS/USDT"]),
        (
            ExchangeId::BinanceFutures,
            ["币安人生USDT", "1000SATSUSDT"],
            ["币安人生/USDT:USDT", "1000SATS/USDT:USDT"],
        ),
        (ExchangeId::Bybit, ["币安人生USDT", "1000SATSUSDT"], ["币安人生/USDT", "1000SATS/USDT"]),
        (ExchangeId::Okx, ["币安人生-USDT", "1000SATS-USDT"], ["币安人生/USDT", "1000SATS/USDT"]),
    ] {
        let simulator = simulator(exchange, &natives);
        let gateway = start(&at(&simulator, exchange.name(), &symbols));
        let mut client = Client::new(&gateway);
        client.subscribe(&symbols, &["trades", "quotes", "ticker", "orderbook"]);
        for (symbol, native) in symbols.iter().zip(natives) {
            client.until_trade(symbol);
            for kind in ["quote", "ticker", "orderbook"] {
                client.until(&format!("a {kind} of {symbol}"), |one| is_of(one, kind, symbol));
            }
            let is_spelled = |one: &Value| one["symbol"] == *symbol && one["native"] == native;
            until_instruments(&gateway, exchange.name(), |list| list.iter().any(is_spelled));
        }
        gateway.stop();
        simulator.stop();
    }
}

#[test]
fn an_option_of_any_length_flows_under_its_canonical_name_or_its_own() {
    let natives = ["BTC-USD-261225-100000-C", "1000SATS-USD-261225-0.00025-P", "BTC-USDT"];
    let simulator = simulator(ExchangeId::Okx, &natives);
    let configured = ["BTC/USD:261225-100000-C", "1000SATS-USD-261225-0.00025-P", "BTC/USDT"];
    let gateway = start(&at(&simulator, "okx", &configured));
    let mut client = Client::new(&gateway);
    client.subscribe(&["BTC-USD-261225-100000-C"], &["trades", "orderbook"]);
    client.subscribe(&["okx:1000SATS/USD:261225-0.00025-P"], &["trades", "orderbook"]);
    for symbol in ["BTC/USD:261225-100000-C", "1000SATS/USD:261225-0.00025-P"] {
        client.until_trade(symbol);
        client.until("its book", |one| is_of(one, "orderbook", symbol));
    }
    let is_known =
        |list: &[Value]| list.len() == 3 && list.iter().all(|one| !one["tickSize"].is_null());
    until_instruments(&gateway, "okx", is_known);
    assert!(gateway.stats().feeds[0].unlisted.is_empty());
    gateway.stop();
    simulator.stop();
}

#[test]
fn every_symbol_that_an_exchange_lists_is_found_in_its_list() {
    for exchange in ExchangeId::ALL.into_iter().filter(|&exchange| is_simulated(exchange)) {
        let options = Options { symbols_count: 14, ..Options::new(exchange) };
        let simulator = Simulator::start(options).expect("a simulator is started");
        let natives: Vec<String> = simulator.truth().symbols().clone();
        let natives: Vec<&str> = natives.iter().map(String::as_str).collect();
        let gateway = start(&at(&simulator, exchange.name(), &natives));
        let is_whole = |list: &[Value]| {
            let known = list.iter().filter(|one| !one["tickSize"].is_null());
            known.filter(|one| one["channels"] != json!([])).count() == natives.len()
        };
        until_instruments(&gateway, exchange.name(), is_whole);
        assert!(gateway.stats().feeds[0].unlisted.is_empty(), "{exchange}");
        gateway.stop();
        simulator.stop();
    }
}

/// Requests beside the stream wait here until they may go on, to whichever exchange is named then.
struct Gate {
    address: SocketAddr,
    target: Arc<(Mutex<Option<SocketAddr>>, Condvar)>,
}

impl Gate {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let target = Arc::new((Mutex::new(None), Condvar::new()));
        let shared = Arc::clone(&target);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || Self::pass(stream, &shared));
            }
        });
        Self { address, target }
    }

    /// One request of a connection, then its end.
    fn pass(mut stream: TcpStream, (target, changed): &(Mutex<Option<SocketAddr>>, Condvar)) {
        let mut request = Vec::new();
        let mut bytes = [0; 4_096];
        while !request.ends_with(b"\r\n\r\n") {
            match stream.read(&mut bytes) {
                Ok(count) if count > 0 => request.extend_from_slice(&bytes[..count]),
                _ => return,
            }
        }
        let request = String::from_utf8(request).expect("a request is text");
        let closing = request.replacen("\r\n", "\r\nConnection: close\r\n", 1);
        let mut target = target.lock().expect("nobody panicked");
        let address = loop {
            match *target {
                Some(address) => break address,
                None => target = changed.wait(target).expect("nobody panicked"),
            }
        };
        drop(target);
        let Ok(mut exchange) = TcpStream::connect(address) else { return };
        let sent = exchange.write_all(closing.as_bytes());
        let mut answer = Vec::new();
        if sent.and_then(|()| exchange.read_to_end(&mut answer)).is_ok() {
            // Who asked may have given up.
            let _ = stream.write_all(&answer);
        }
    }

    fn open(&self, simulator: &Simulator) {
        let url = simulator.rest_url();
        let address = url.trim_start_matches("http://").parse().expect("an address");
        *self.target.0.lock().expect("nobody panicked") = Some(address);
        self.target.1.notify_all();
    }
}

#[test]
fn what_the_list_has_not_is_told_to_everybody_and_sinks_no_other() {
    let simulator = simulator(ExchangeId::Binance, &["BTCUSDT", "ETHUSDT"]);
    let gate = Gate::new();
    let rest = format!("http://{}", gate.address);
    let symbols = ["BTC/USDT", "BTC/USDTT", "btcusdt", "BTC-USDT", "NOPE/NOPE"];
    let gateway = start(&feed("binance", &symbols, &simulator.url(), &rest));
    let mut client = Client::new(&gateway);
    client.subscribe(&["BTC/USDT", "BTC/USDTT", "btcusdt"], &["trades"]);
    client.until("the success", |one| one["type"] == "success");
    client.until_trade("BTC/USDT");
    let upgrades = simulator.stats().upgrades;
    gate.open(&simulator);
    for symbol in ["BTC/USDTT", "btcusdt"] {
        let status = client.until("the status", |one| is_of(one, "status", symbol));
        let data = &status["data"];
        assert_eq!((&data["state"], &data["reason"]), (&json!("error"), &json!("unknown_symbol")));
        assert_eq!(data["exchange"], "binance");
        client.until("the gap", |one| {
            is_of(one, "gap", symbol) && one["data"]["reason"] == "unknown_symbol"
        });
    }
    client.forget();
    client.until_trade("BTC/USDT");
    until_instruments(&gateway, "binance", |list| {
        let names: BTreeSet<_> = list.iter().filter_map(|one| one["symbol"].as_str()).collect();
        names == BTreeSet::from(["BTC/USDT", "ETH/USDT"])
    });
    for symbol in ["BTC/USDTT", "binance:btcusdt", "BTC-USDT", "binance:NOPE/NOPE"] {
        client.forget();
        client.subscribe(&[symbol], &["trades"]);
        let error = client.until("the refusal", |one| one["type"] == "error");
        assert_eq!(error["code"], "unknown_symbol");
        let message = error["message"].as_str().expect("a text");
        let names_nearest = message.contains("nearest to it: BTC/USDT");
        assert_eq!(names_nearest, !symbol.contains("NOPE"), "{message}");
        assert!(message.contains("binance does not list"), "{message}");
    }
    for all in ["*", "binance:*"] {
        let mut late = Client::new(&gateway);
        late.subscribe(&[all], &["status"]);
        for symbol in ["BTC/USDTT", "btcusdt", "BTC-USDT", "NOPE/NOPE"] {
            let status = late.until("its state", |one| is_of(one, "status", symbol));
            let data = &status["data"];
            assert_eq!(
                (&data["state"], &data["reason"]),
                (&json!("error"), &json!("unknown_symbol"))
            );
            assert!(data["since"].is_i64());
        }
    }
    let unlisted = &gateway.stats().feeds[0].unlisted;
    assert_eq!(unlisted.len(), 4);
    assert!(unlisted.iter().any(|one| one.symbol == "btcusdt" && one.nearest == ["BTC/USDT"]));
    assert_eq!(simulator.stats().upgrades, upgrades, "nobody was disconnected");
    gateway.stop();
    simulator.stop();
}

#[test]
fn what_is_listed_later_comes_alive_and_what_is_listed_no_more_is_told() {
    let streams = simulator(ExchangeId::Binance, &["BTCUSDT", "ABCUSDT"]);
    let before = simulator(ExchangeId::Binance, &["BTCUSDT", "ETHUSDT"]);
    let gate = Gate::new();
    gate.open(&before);
    let rest = format!("http://{}", gate.address);
    let mut config = config(&feed("binance", &["BTC/USDT", "ABC/USDT"], &streams.url(), &rest));
    config.gateway.list_every = Duration::from_millis(100);
    let gateway = Gateway::start(&config, Clock::real()).expect("the gateway starts");
    let mut client = Client::new(&gateway);
    // All that is to come included.
    client.subscribe(&["*"], &["trades", "status"]);
    let is_carried = |list: &[Value]| list[..].iter().any(|one| one["symbol"] == "ABC/USDT");
    until_instruments(&gateway, "binance", |list| list.len() > 1 && !is_carried(list));
    gate.open(&streams);
    until_instruments(&gateway, "binance", is_carried);
    client.until_trade("ABC/USDT");
    client.forget();
    gate.open(&before);
    let is_state = |one: &Value, state: &str| {
        is_of(one, "status", "ABC/USDT") && one["data"]["state"] == state
    };
    client.until("the end", |one| is_state(one, "error"));
    let mut late = Client::new(&gateway);
    late.subscribe(&["*"], &["status"]);
    late.until("the end", |one| is_state(one, "error"));
    gate.open(&streams);
    for client in [&mut client, &mut late] {
        client.until("the return", |one| is_state(one, "live"));
    }
    client.forget();
    client.until_trade("ABC/USDT");
    gateway.stop();
    for simulator in [streams, before] {
        simulator.stop();
    }
}

#[test]
fn a_symbol_of_a_new_configuration_is_judged_by_the_list_that_is_there() {
    let simulator = simulator(ExchangeId::Kraken, &["BTC/USD", "AAPLx/USD"]);
    let mut gateway = start(&at(&simulator, "kraken", &["BTC/USD"]));
    until_instruments(&gateway, "kraken", |list| list.len() == 2);
    let after = at(&simulator, "kraken", &["BTC/USD", "AAPLx/USD", "BTC/USDT"]);
    gateway.reload(config(&after)).expect("it can be changed");
    let mut client = Client::new(&gateway);
    client.subscribe(&["BTC/USDT"], &["trades"]);
    let error = client.until("the refusal", |one| one["type"] == "error");
    assert!(error["message"].as_str().is_some_and(|text| text.contains("BTC/USD")), "{error}");
    client.subscribe(&["AAPLx/USD"], &["trades"]);
    client.until_trade("AAPLX/USD");
    gateway.stop();
    simulator.stop();
}

#[test]
fn what_the_list_has_not_is_past_once_it_is_removed_and_served_once_it_is_corrected() {
    let cases = [
        (ExchangeId::Binance, "BTCUSDT", "ETHUSDT", "BTC/USDT", ["ETH/USDTT", "ETH/USDT"]),
        (ExchangeId::Kraken, "BTC/USD", "ETH/USD", "BTC/USD", ["ETH/USDD", "ETH/USD"]),
        (ExchangeId::Bybit, "BTCUSDT", "ETHUSDT", "BTC/USDT", ["ETH/USDTT", "ETH/USDT"]),
        (ExchangeId::Okx, "BTC-USDT", "ETH-USDT", "BTC/USDT", ["ETH/USDTT", "ETH/USDT"]),
        (ExchangeId::Coinbase, "BTC-USD", "ETH-USD", "BTC/USD", ["ETH/USDD", "ETH/USD"]),
        (ExchangeId::CoinbaseAdvanced, "BTC-USD", "ETH-USD", "BTC/USD", ["ETH/USDD", "ETH/USD"]),
        (ExchangeId::Deriv, "R_100", "frxEURUSD", "R_100", ["EUR/USX", "EUR/USD"]),
    ];
    for (exchange, native, other, good, [wrong, right]) in cases {
        let simulator = simulator(exchange, &[native, other]);
        // Deriv has no trades.
        let (channel, event) = match exchange {
            ExchangeId::Deriv => ("quotes", "quote"),
            _ => ("trades", "trade"),
        };
        let with = |symbols: &[&str]| config(&at(&simulator, exchange.name(), symbols));
        let mut gateway = Gateway::start(&with(&[wrong]), Clock::real()).expect("starts");
        let mut held = Client::new(&gateway);
        held.subscribe(&["*"], &[channel, "status"]);
        let is_state = |one: &Value, state: &str, reason: &str| {
            let data = &one["data"];
            is_of(one, "status", wrong) && data["state"] == state && data["reason"] == reason
        };
        // It is all that is carried, then one of two.
        for symbols in [&[wrong][..], &[wrong, good]] {
            gateway.reload(with(symbols)).expect("it can be changed");
            held.until("the error", |one| is_state(one, "error", "unknown_symbol"));
            let mut late = Client::new(&gateway);
            late.subscribe(&["*"], &["status"]);
            late.until("the error", |one| is_state(one, "error", "unknown_symbol"));
            assert_eq!(gateway.stats().feeds[0].unlisted.len(), 1, "{exchange}");
            held.forget();
            late.forget();
            gateway.reload(with(&[good])).expect("it can be changed");
            for client in [&mut held, &mut late] {
                client.until("its end", |one| is_state(one, "stale", "configuration"));
            }
            held.until("what is served", |one| is_of(one, event, good));
            assert!(gateway.stats().feeds[0].unlisted.is_empty(), "{exchange}");
            let mut fresh = Client::new(&gateway);
            fresh.subscribe(&["*"], &[channel, "status"]);
            fresh.until("what is served", |one| is_of(one, event, good));
            assert!(!fresh.seen.iter().any(|one| one["data"]["symbol"] == wrong), "{exchange}");
            fresh.subscribe(&[wrong], &[channel]);
            let error = fresh.until("the refusal", |one| one["type"] == "error");
            let message = error["message"].as_str().expect("a text");
            assert!(!message.contains("does not list"), "{exchange}: {message}");
            held.forget();
        }
        gateway.reload(with(&[wrong, good])).expect("it can be changed");
        held.until("the error", |one| is_state(one, "error", "unknown_symbol"));
        gateway.reload(with(&[right])).expect("it can be changed");
        held.until("what is served", |one| is_of(one, event, right));
        let end = Instant::now() + DEADLINE;
        while !gateway.stats().ready {
            assert!(Instant::now() < end, "{exchange}: {:?}", gateway.stats().not_ready);
            held.forget();
            held.until("what is served", |one| is_of(one, event, right));
        }
        assert!(gateway.stats().feeds[0].unlisted.is_empty(), "{exchange}");
        assert_eq!(gateway.stats().feeds[0].state, "connected", "{exchange}");
        gateway.stop();
        simulator.stop();
    }
}

#[test]
fn a_list_of_another_place_than_the_streams_refuses_nothing() {
    // Streams of an exchange that keeps its list elsewhere: nobody answers there.
    let simulator = simulator(ExchangeId::Bybit, &["BTCUSDT", "ABCUSDT"]);
    let gateway = start(&feed("bybit", &["ABC/USDT"], &simulator.url(), "http://127.0.0.1:9"));
    let mut client = Client::new(&gateway);
    client.subscribe(&["ABC/USDT"], &["trades"]);
    client.until_trade("ABC/USDT");
    assert!(gateway.stats().feeds[0].unlisted.is_empty());
    gateway.stop();
    simulator.stop();
}

fn check_online(feeds: &str) -> (Option<i32>, String, String) {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("a.toml");
    std::fs::write(&file, format!("{PORTS}{feeds}")).expect("written");
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_tickwire"))
        .args(["check", "--online", "--config"])
        .arg(&file)
        .output()
        .expect("the binary runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (status.code(), text(&stdout), text(&stderr))
}

#[test]
fn check_online_asks_each_exchange() {
    let binance = simulator(ExchangeId::Binance, &["BTCUSDT"]);
    let kraken = simulator(ExchangeId::Kraken, &["AAPLx/USD", "BTC/USD"]);
    let okx = simulator(ExchangeId::Okx, &["BTC-USDT", "BTC-USD-261225-100000-C"]);
    let deriv = simulator(ExchangeId::Deriv, &["R_100", "frxEURUSD"]);
    let good = [
        at(&binance, "binance", &["BTC/USDT"]),
        at(&kraken, "kraken", &["AAPLX/USD"]),
        at(&okx, "okx", &["BTC/USD:261225-100000-C"]),
        at(&deriv, "deriv", &["R_100", "EUR/USD"]),
    ]
    .concat();
    let (code, out, error) = check_online(&good);
    assert_eq!(code, Some(0), "{out}{error}");
    assert!(out.contains("kraken:AAPLX/USD ok (AAPLx/USD)"), "{out}");
    assert_eq!(out.lines().filter(|line| line.contains(" ok (")).count(), 5, "{out}");
    let bad = at(&binance, "binance", &["BTC/USDTT", "BTC/USDT"]);
    let (code, out, error) = check_online(&bad);
    assert_eq!(code, Some(1), "{out}{error}");
    assert!(out.contains("binance:BTC/USDTT unknown; nearest: BTC/USDT"), "{out}");
    let dead = feed("kraken", &["BTC/USD"], "ws://127.0.0.1:9", "http://127.0.0.1:9");
    let (code, out, error) = check_online(&format!("{dead}{}", at(&okx, "okx", &["BTC/USDT"])));
    assert_eq!(code, Some(3), "{out}{error}");
    assert!(error.contains("kraken at ws://127.0.0.1:9 could not be asked"), "{error}");
    assert!(out.contains("okx:BTC/USDT ok"), "the others are asked all the same: {out}");
    for simulator in [binance, kraken, okx, deriv] {
        simulator.stop();
    }
}
