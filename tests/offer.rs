//! What nobody brings is refused: channels that a feed does not carry, and candles of a length that
//! the exchange does not make. Through the gateway, at a simulated exchange.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tickwire::clock::Clock;
use tickwire::config::Config;
use tickwire::gateway::Gateway;
use tickwire::instrument::ExchangeId;
use tickwire::sim::{Options, Simulator};
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Message, WebSocket};

/// Nothing that a test waits for takes longer.
const DEADLINE: Duration = Duration::from_secs(60);

const KRAKEN: &str = "kraken:BTC/USD";
const LENGTHS: &str = "1m, 5m, 15m, 1h, 4h, 1d";

fn simulator() -> Simulator {
    let mut options = Options::new(ExchangeId::Kraken);
    options.symbols = vec!["BTC/USD".to_owned()];
    Simulator::start(options).expect("a simulator is started")
}

/// A configuration with a feed of the simulator, if any, that has these keys more.
fn config(simulator: &Simulator, more: Option<&str>) -> Config {
    let ports = "[gateway]\nlisten = \"127.0.0.1:0\"\ndrain_seconds = 0\n\
                 [admin]\nlisten = \"127.0.0.1:0\"\n";
    let feed = |more: &str| {
        format!(
            "[[feed]]\nexchange = \"kraken\"\nsymbols = [\"BTC/USD\"]\n{more}\n\
             url = \"{}\"\nrest_url = \"{}\"\n",
            simulator.url(),
            simulator.rest_url()
        )
    };
    // A configuration has a feed; nobody listens there.
    let other = "[[feed]]\nexchange = \"okx\"\nsymbols = [\"ETH/USDT\"]\n\
                 url = \"ws://127.0.0.1:9\"\nrest_url = \"http://127.0.0.1:9\"\n";
    let text = format!("{ports}{}{other}", more.map(feed).unwrap_or_default());
    Config::parse(&text, None, []).expect("a configuration")
}

const OWN: &str = "channels = [\"trades\", \"candles\"]\ncandle_source = \"exchange\"";

struct Client(WebSocket<MaybeTlsStream<TcpStream>>);

impl Client {
    fn new(gateway: &Gateway) -> Self {
        let (mut socket, _) = tungstenite::connect(gateway.url()).expect("the gateway serves");
        if let MaybeTlsStream::Plain(stream) = socket.get_mut() {
            stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
        }
        Self(socket)
    }

    fn until(&mut self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + DEADLINE;
        loop {
            assert!(Instant::now() < end, "waited in vain for {what}");
            let message = self.0.read().unwrap_or_else(|error| panic!("{what}: {error}"));
            let text = message.to_text().unwrap_or_default();
            match serde_json::from_str(text) {
                Ok(value) if is_it(&value) => return value,
                _ => {}
            }
        }
    }

    /// Asks, and returns the answer, whatever events come before it.
    fn ask(&mut self, mut request: Value) -> Value {
        request["requestId"] = json!("mine");
        self.0.send(Message::text(request.to_string())).expect("sent");
        self.until("an answer", |value| value["requestId"] == "mine")
    }

    fn subscribe(&mut self, symbol: &str, channels: &[&str], interval: &str) -> Value {
        self.ask(json!({"action": "subscribe", "symbols": [symbol], "channels": channels,
            "interval": interval}))
    }

    fn command(&mut self, name: &str, params: &Value) -> Value {
        self.ask(json!({"type": "command", "command": name, "params": params}))
    }

    /// Channel and interval of each subscription.
    fn subscriptions(&mut self) -> Vec<(String, Value)> {
        let answer = self.ask(json!({"action": "subscriptions"}));
        let list = answer["data"]["subscriptions"].as_array().expect("a list").clone();
        let named = |one: &Value| one["channel"].as_str().unwrap_or_default().to_owned();
        list.iter().map(|one| (named(one), one["interval"].clone())).collect()
    }

    fn until_candle(&mut self, interval: &str) {
        self.until("a candle", |value| {
            value["type"] == "candle" && value["data"]["interval"] == interval
        });
    }
}

/// Whether an error says all of that.
fn assert_refused(error: &Value, words: &[&str]) {
    assert_eq!(error["code"], "unknown_channel", "{error}");
    let message = error["message"].as_str().expect("a message");
    for word in words {
        assert!(message.contains(word), "{message} lacks {word}");
    }
}

#[test]
fn candles_that_the_exchange_does_not_make_are_refused_in_both_dialects() {
    let kraken = simulator();
    let gateway = Gateway::start(&config(&kraken, Some(OWN)), Clock::real()).expect("starts");
    let mut client = Client::new(&gateway);
    let past = |interval: &str| json!({"action": "history", "symbol": KRAKEN, "channel": "candles", "interval": interval});
    for name in [KRAKEN, "BTC/USD"] {
        let error = client.subscribe(name, &["trades", "candles"], "1s");
        assert_eq!(error["type"], "error");
        assert_refused(&error, &["\"1s\"", name, LENGTHS]);
        let params = json!({"assets": [name], "interval": "1s"});
        let response = client.command("follow", &params);
        assert_eq!(response["success"], false);
        assert_refused(&response["error"], &["\"1s\"", name, LENGTHS]);
    }
    assert_refused(&client.ask(past("1s")), &["\"1s\"", KRAKEN, LENGTHS]);
    let asset = json!({"asset": KRAKEN, "interval": "1s"});
    let response = client.command("history", &asset);
    assert_eq!(response["success"], false);
    assert_refused(&response["error"], &["\"1s\"", KRAKEN, LENGTHS]);
    assert_eq!(client.subscriptions(), [], "of a request that fails nothing is granted");

    assert_eq!(client.subscribe(KRAKEN, &["trades", "candles"], "1m")["type"], "success");
    client.until_candle("1m");
    assert_refused(&client.subscribe(KRAKEN, &["candles"], "1s"), &[]);
    let minutes = ("candles".to_owned(), json!("1m"));
    assert_eq!(client.subscriptions(), [("trades".to_owned(), Value::Null), minutes]);
    client.until_candle("1m");
    let told = client.ask(past("1m"));
    assert_eq!(told["type"], "history", "{told}");
    let listed = client.ask(json!({"action": "instruments", "exchange": "kraken"}));
    let lengths = &listed["data"]["instruments"][0]["intervals"];
    assert_eq!(*lengths, json!(["1m", "5m", "15m", "1h", "4h", "1d"]));
    gateway.stop();
}

#[test]
fn a_star_leaves_out_what_is_not_carried_and_has_it_once_it_is() {
    let kraken = simulator();
    let mut gateway = Gateway::start(&config(&kraken, Some(OWN)), Clock::real()).expect("starts");
    let mut client = Client::new(&gateway);
    for star in ["*", "kraken:*"] {
        assert_eq!(client.subscribe(star, &["candles", "ticker"], "1s")["type"], "success");
    }
    let okx = ["candles", "ticker"].map(str::to_owned);
    let held: Vec<String> = client.subscriptions().into_iter().map(|(name, _)| name).collect();
    assert_eq!(held.len(), okx.len(), "those of the other exchange alone: {held:?}");

    // Other candles are another feed.
    gateway.reload(config(&kraken, None)).expect("it ends");
    gateway.reload(config(&kraken, Some("channels = [\"trades\"]"))).expect("it comes back");
    client.until_candle("1s");
    let mut named = Client::new(&gateway);
    assert_eq!(named.subscribe(KRAKEN, &["candles"], "1s")["type"], "success");
    named.until_candle("1s");
    gateway.reload(config(&kraken, None)).expect("it ends");
    gateway.reload(config(&kraken, Some(OWN))).expect("it comes back");
    assert_refused(&Client::new(&gateway).subscribe(KRAKEN, &["candles"], "1s"), &[LENGTHS]);
    let past = json!({"action": "history", "symbol": KRAKEN, "channel": "candles",
        "interval": "1s"});
    assert_eq!(named.ask(past)["type"], "history", "what was is remembered");
    gateway.stop();
}

#[test]
fn nothing_is_recovered_of_what_is_not_subscribed_or_not_carried() {
    let kraken = simulator();
    let trades = "channels = [\"trades\"]";
    let gateway = Gateway::start(&config(&kraken, Some(trades)), Clock::real()).expect("starts");
    let mut client = Client::new(&gateway);
    let success = client.subscribe(KRAKEN, &["trades"], "1m");
    let epoch = success["data"]["epoch"].clone();
    client.until("a trade", |value| value["type"] == "trade");
    let point = json!({"epoch": epoch, "seq": 0});
    for (symbol, channel, is_recovered) in [
        (KRAKEN, "trades", true),
        ("*", "trades", true),
        ("okx:ETH/USDT", "trades", false),
        ("okx:*", "trades", false),
        ("*", "ticker", false),
    ] {
        let success = client.ask(json!({"action": "subscribe", "symbols": [symbol],
            "channels": [channel], "from": {KRAKEN: point}}));
        let recovered = &success["data"]["recovered"];
        assert_eq!(*recovered, json!({KRAKEN: is_recovered}), "{symbol} {channel}: {success}");
    }
    gateway.stop();
}

#[test]
fn channels_that_a_feed_does_not_carry_are_refused_in_both_dialects() {
    let kraken = simulator();
    let books = "channels = [\"orderbook\"]";
    let gateway = Gateway::start(&config(&kraken, Some(books)), Clock::real()).expect("starts");
    let mut client = Client::new(&gateway);
    for channel in ["trades", "quotes", "ticker", "candles"] {
        let error = client.subscribe(KRAKEN, &["orderbook", channel], "1m");
        assert_refused(&error, &[channel, KRAKEN, "carried: orderbook"]);
        let past = json!({"action": "history", "symbol": KRAKEN, "channel": channel});
        assert_refused(&client.ask(past), &[channel, KRAKEN, "carried: orderbook"]);
    }
    let response = client.command("follow", &json!({"assets": [KRAKEN]}));
    assert_eq!(response["success"], false);
    assert_refused(&response["error"], &["trades", KRAKEN, "carried: orderbook"]);
    assert_eq!(client.subscriptions(), []);
    assert_eq!(client.subscribe(KRAKEN, &["orderbook", "status"], "1m")["type"], "success");
    client.until("a book", |value| value["type"] == "orderbook");
    gateway.stop();
}
