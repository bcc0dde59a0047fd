//! What an exchange said, played over sockets through a feed and a gateway to a client.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tickwire::clock::Clock;
use tickwire::config::Config;
use tickwire::gateway::Gateway;
use tickwire::instrument::ExchangeId;
use tickwire::sim::{CaptureEnd, Options, Playback, Simulator, Speed};
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Message, WebSocket};

/// Ends a test that would never end.
const ARRIVAL_MAX: Duration = Duration::from_secs(60);

/// An input that a simulated exchange plays to a gateway, with a client of that.
pub(crate) struct Played {
    simulator: Simulator,
    pub(crate) gateway: Gateway,
    socket: WebSocket<MaybeTlsStream<TcpStream>>,
    /// The instrument, and where its streams begin.
    pub(crate) symbol: String,
    from: Value,
}

impl Played {
    /// `feed` is what the feed is configured with besides its exchange and symbol.
    pub(crate) fn start(capture: &Path, traded: (ExchangeId, &str), feed: &str) -> Self {
        Self::start_with(capture, traded, feed, (&[], Speed::Max))
    }

    /// The same with answers to who asks for a book, one after the other, at this speed.
    pub(crate) fn start_with(
        capture: &Path,
        (exchange, symbol): (ExchangeId, &str),
        feed: &str,
        (rest, speed): (&[PathBuf], Speed),
    ) -> Self {
        let playback = Playback {
            capture: capture.to_owned(),
            rest: rest.to_vec(),
            speed,
            end: CaptureEnd::Hold,
            everything: true,
        };
        let options = Options { playback: Some(playback), ..Options::new(exchange) };
        Self::of(options, (exchange, symbol), feed)
    }

    /// Of a simulated exchange that is as these options have it.
    pub(crate) fn of(options: Options, (exchange, symbol): (ExchangeId, &str), feed: &str) -> Self {
        let clock = Clock::real();
        let simulator = Simulator::start(Options { clock: clock.clone(), ..options })
            .expect("the simulator starts");
        let text = format!(
            "[gateway]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n[[feed]]\n\
             exchange = \"{exchange}\"\nsymbols = [\"{symbol}\"]\n{feed}\n\
             url = \"{}\"\nrest_url = \"{}\"\n",
            simulator.url(),
            simulator.rest_url()
        );
        let config = Config::parse(&text, None, []).expect("a valid configuration");
        let gateway = Gateway::start(&config, clock).expect("the gateway starts");
        let url = format!("ws://{}", gateway.address());
        let (mut socket, _) = tungstenite::connect(url).expect("the gateway serves");
        if let MaybeTlsStream::Plain(stream) = socket.get_mut() {
            stream.set_read_timeout(Some(ARRIVAL_MAX)).expect("a timeout can be set");
        }
        let symbol = format!("{exchange}:{symbol}");
        let mut played = Self { simulator, gateway, socket, symbol, from: Value::Null };
        let epoch =
            played.ask(&serde_json::json!({"action": "subscriptions"}))["data"]["epoch"].clone();
        played.from = serde_json::json!({(played.symbol.as_str()): {"epoch": epoch, "seq": 0}});
        played
    }

    pub(crate) fn ask(&mut self, request: &Value) -> Value {
        self.socket.send(request.to_string().into()).expect("it is sent");
        self.read()
    }

    /// The next message, as it was written.
    pub(crate) fn text(&mut self) -> String {
        loop {
            let message = self.socket.read().expect("something comes in time");
            if let Message::Text(text) = message {
                return text.as_str().to_owned();
            }
        }
    }

    /// The next message.
    pub(crate) fn read(&mut self) -> Value {
        serde_json::from_str(&self.text()).expect("JSON")
    }

    /// Asks for all that comes of a channel, and what came already; the answer to that.
    pub(crate) fn subscribe(&mut self, channel: &str, interval: &str) -> Value {
        let request = serde_json::json!({
            "action": "subscribe", "channels": [channel], "interval": interval,
            "symbols": [self.symbol], "from": self.from,
        });
        self.ask(&request)
    }

    /// All that comes of a channel, until `done` says so. What came before the client did is asked
    /// for.
    pub(crate) fn hear(
        &mut self,
        channel: &str,
        interval: &str,
        done: impl Fn(&Value) -> bool,
    ) -> Vec<Value> {
        let mut seen = vec![self.subscribe(channel, interval)];
        while !seen.last().is_some_and(&done) {
            seen.push(self.read());
        }
        seen
    }

    pub(crate) fn stop(self) {
        self.gateway.stop();
        self.simulator.stop();
    }
}
