//! The clients' side of the gateway without exchanges: a broadcaster and an acceptor on their
//! threads, a ring that the test fills, and real WebSocket clients over loopback.

#![allow(dead_code, reason = "each test file uses its part of the floor")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[allow(clippy::duplicate_mod, reason = "a test file that has both a floor and a process has two")]
#[path = "../common/patience.rs"]
mod patience;

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use arrayvec::ArrayString;
use serde_json::{Value, json};
use tickwire::broadcast::{BroadcastCommand, BroadcastHandle, BroadcastOptions, Broadcaster};
use tickwire::clock::{Clock, MonoNanos, UnixNanos};
use tickwire::control::{AcceptHandle, AcceptOptions, Acceptor};
use tickwire::instrument::{ExchangeId, Instrument, InstrumentId, InstrumentTable, Symbol};
use tickwire::latency::recorder;
use tickwire::ring::{FeedRing, Producer, ring};
use tickwire::tick::{Body, Decimal, Level, LevelFlags, Quote, Side, Tick, Ticker, Trade, TradeId};
use tungstenite::client::IntoClientRequest;
use tungstenite::{Message, WebSocket};

#[allow(unused_imports, reason = "each test binary uses its own part")]
pub(crate) use patience::{PATIENCE, wait_for};

pub(crate) const BTC: InstrumentId = InstrumentId(0);
pub(crate) const ETH: InstrumentId = InstrumentId(1);
/// BTC on the second exchange.
pub(crate) const BTC_FUTURES: InstrumentId = InstrumentId(2);

/// Date of the first tick, in milliseconds.
pub(crate) const START: i64 = 1_700_000_000_000;

pub(crate) fn instrument(exchange: ExchangeId, symbol: &str) -> Instrument {
    Instrument {
        exchange,
        symbol: Symbol::parse(symbol).unwrap(),
        native: ArrayString::from(&symbol.replace('/', "")).unwrap(),
        tick_size: Some(decimal("0.01")),
        lot_size: None,
    }
}

/// BTC and ETH on one exchange, BTC on another.
pub(crate) fn table() -> InstrumentTable {
    let mut table = InstrumentTable::default();
    for (exchange, symbol) in [
        (ExchangeId::Binance, "BTC/USDT"),
        (ExchangeId::Binance, "ETH/USDT"),
        (ExchangeId::BinanceFutures, "BTC/USDT"),
    ] {
        table.add(instrument(exchange, symbol)).unwrap();
    }
    table
}

pub(crate) fn decimal(text: &str) -> Decimal {
    Decimal::parse(text.as_bytes()).unwrap()
}

/// A gateway's floor.
pub(crate) struct Floor {
    pub(crate) clock: Clock,
    pub(crate) broadcaster: BroadcastHandle,
    pub(crate) accept: AcceptHandle,
    pub(crate) spot: Feed,
    pub(crate) futures: Feed,
    threads: Vec<JoinHandle<()>>,
}

/// A feed that a test plays.
pub(crate) struct Feed {
    clock: Clock,
    ring: Producer,
    broadcaster: BroadcastHandle,
    pub(crate) millis: i64,
}

impl Floor {
    pub(crate) fn new() -> Self {
        Self::with(BroadcastOptions::default(), AcceptOptions::default())
    }

    pub(crate) fn with(options: BroadcastOptions, accept: AcceptOptions) -> Self {
        let clock = Clock::real();
        let (broadcaster, handle) =
            Broadcaster::new(options, Arc::new(table()), clock.clone(), recorder().0).unwrap();
        let feed = |exchange| {
            let (ring, ticks) = ring(1 << 16);
            let attach = BroadcastCommand::Attach(FeedRing { exchange, ticks });
            handle.send(attach).unwrap();
            Feed { clock: clock.clone(), ring, broadcaster: handle.clone(), millis: START }
        };
        let (spot, futures) = (feed(ExchangeId::Binance), feed(ExchangeId::BinanceFutures));
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        let (acceptor, accept) =
            Acceptor::new(accept, loopback, vec![handle.clone()], clock.clone()).unwrap();
        let threads = vec![
            std::thread::spawn(move || broadcaster.run()),
            std::thread::spawn(move || acceptor.run()),
        ];
        Self { clock, broadcaster: handle, accept, spot, futures, threads }
    }

    /// The spot feed, for a thread of its own; a dead end takes its place.
    pub(crate) fn take_spot(&mut self) -> Feed {
        let dead_end = self.spot.dead_end();
        std::mem::replace(&mut self.spot, dead_end)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.accept.local_addr()
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(self.address())
    }

    /// Stops both threads in their order and waits for them.
    pub(crate) fn stop(mut self) {
        self.accept.stop();
        self.broadcaster.send(BroadcastCommand::Stop).unwrap();
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        self.accept.stop();
        let _ = self.broadcaster.send(BroadcastCommand::Stop);
    }
}

impl Feed {
    fn dead_end(&self) -> Self {
        Self {
            clock: self.clock.clone(),
            ring: ring(1).0,
            broadcaster: self.broadcaster.clone(),
            millis: self.millis,
        }
    }

    /// Pushes ticks received now, and rings the bell.
    pub(crate) fn push(&mut self, instrument: InstrumentId, bodies: &[Body]) {
        let deadline = Instant::now() + PATIENCE;
        for &body in bodies {
            let date = UnixNanos(self.millis * 1_000_000);
            let mut tick = Tick::new(instrument, date, body);
            tick.received = self.clock.now();
            while self.ring.push(tick).is_err() {
                assert!(Instant::now() < deadline, "the ring stays full");
                self.broadcaster.bell().ring();
                std::thread::yield_now();
            }
        }
        self.broadcaster.bell().ring();
    }

    pub(crate) fn trade(&mut self, instrument: InstrumentId, id: u64, price: &str) {
        self.push(instrument, &[trade(id, price)]);
    }

    pub(crate) fn quote(&mut self, instrument: InstrumentId, bid: &str, ask: &str) {
        self.push(instrument, &[quote(bid, ask)]);
    }

    /// A book event; sides, prices and sizes as texts.
    pub(crate) fn book(
        &mut self,
        instrument: InstrumentId,
        is_snapshot: bool,
        levels: &[(Side, &str, &str)],
    ) {
        self.push(instrument, &book(is_snapshot, levels));
    }

    pub(crate) fn ticker(&mut self, instrument: InstrumentId, last: &str) {
        let ticker = Ticker { last: Some(decimal(last)), ..Ticker::default() };
        self.push(instrument, &ticker.bodies());
    }

    /// The feed's clock, which closes candles.
    pub(crate) fn time(&mut self) {
        let date = UnixNanos(self.millis * 1_000_000);
        self.push(InstrumentId::NONE, &[Body::Time { date }]);
    }
}

pub(crate) fn trade(id: u64, price: &str) -> Body {
    Trade { taker: Side::Bid, price: decimal(price), size: decimal("0.5"), id: TradeId::Number(id) }
        .into()
}

pub(crate) fn quote(bid: &str, ask: &str) -> Body {
    Quote {
        bid: Some(decimal(bid)),
        bid_size: Some(decimal("1")),
        ask: Some(decimal(ask)),
        ask_size: Some(decimal("2")),
    }
    .into()
}

pub(crate) fn book(is_snapshot: bool, levels: &[(Side, &str, &str)]) -> Vec<Body> {
    let kind = if is_snapshot { LevelFlags::SNAPSHOT } else { LevelFlags::default() };
    let last = levels.len().saturating_sub(1);
    levels
        .iter()
        .enumerate()
        .map(|(index, &(side, price, size))| {
            let mut flags = kind;
            if index == 0 {
                flags = flags.with(LevelFlags::FIRST);
            }
            if index == last {
                flags = flags.with(LevelFlags::LAST);
            }
            Level { side, price: decimal(price), size: decimal(size) }.body(flags, None)
        })
        .collect()
}

/// A WebSocket client; every read has a deadline.
pub(crate) struct Client {
    pub(crate) socket: WebSocket<TcpStream>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address, "/ws", &[]).expect("the upgrade is accepted")
    }

    /// Connects with a small receive buffer, so that a client that stops reading is soon felt.
    pub(crate) fn connect_small(address: SocketAddr) -> Self {
        let socket =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(4_096).unwrap();
        socket.connect(&address.into()).unwrap();
        Self::upgrade(socket.into(), address, "/ws", &[]).expect("the upgrade is accepted")
    }

    /// Connects from an address of its own.
    pub(crate) fn connect_from(from: Ipv4Addr, address: SocketAddr) -> Self {
        let socket =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((from, 0)).into()).unwrap();
        socket.connect(&address.into()).unwrap();
        Self::upgrade(socket.into(), address, "/ws", &[]).expect("the upgrade is accepted")
    }

    /// The status when the upgrade is refused; 0 when there was no answer.
    pub(crate) fn try_connect(
        address: SocketAddr,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, u16> {
        Self::upgrade(TcpStream::connect(address).unwrap(), address, path, headers)
    }

    fn upgrade(
        stream: TcpStream,
        address: SocketAddr,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, u16> {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut request = format!("ws://{address}{path}").into_client_request().unwrap();
        for &(name, value) in headers {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        match tungstenite::client(request, stream) {
            Ok((socket, _)) => Ok(Self { socket }),
            Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Http(response))) => {
                Err(response.status().as_u16())
            }
            Err(_) => Err(0),
        }
    }

    pub(crate) fn say(&mut self, message: &Value) {
        self.socket.send(Message::text(message.to_string())).unwrap();
    }

    /// The next message, whatever it is.
    pub(crate) fn message(&mut self) -> Message {
        self.socket.read().expect("a message in time")
    }

    /// The next JSON message, as text.
    pub(crate) fn text(&mut self) -> String {
        loop {
            match self.message() {
                Message::Text(text) => return text.to_string(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("expected text, got {other:?}"),
            }
        }
    }

    /// The next JSON message.
    pub(crate) fn next(&mut self) -> Value {
        let text = self.text();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}"))
    }

    /// Skips to the next message of a type.
    pub(crate) fn next_of(&mut self, kind: &str) -> Value {
        loop {
            let message = self.next();
            if message["type"] == kind {
                return message;
            }
        }
    }

    /// Asks and takes the very next message as the answer.
    pub(crate) fn ask(&mut self, message: &Value) -> Value {
        self.say(message);
        self.next()
    }

    pub(crate) fn subscribe(&mut self, symbols: &[&str], channels: &[&str]) -> Value {
        let answer =
            self.ask(&json!({"action": "subscribe", "symbols": symbols, "channels": channels}));
        assert_eq!(answer["type"], "success", "{answer}");
        answer
    }

    /// Everything up to the close, and its code.
    pub(crate) fn until_close(&mut self) -> (Vec<Value>, u16) {
        let mut seen = Vec::new();
        loop {
            match self.message() {
                Message::Text(text) => seen.push(serde_json::from_str(&text).unwrap()),
                Message::Close(frame) => return (seen, frame.map_or(1005, |f| f.code.into())),
                _ => {}
            }
        }
    }

    /// Answers to a ping prove that nothing that was queued before is still to come.
    pub(crate) fn settle(&mut self) -> Vec<Value> {
        self.say(&json!({"action": "ping"}));
        let mut seen = Vec::new();
        loop {
            let message = self.next();
            if message["type"] == "pong" {
                return seen;
            }
            seen.push(message);
        }
    }
}

/// Asks for channels of symbols; `more` are further fields of the request.
pub(crate) fn subscribe(symbols: &[&str], channels: &[&str], more: Value) -> Value {
    let mut request = json!({"action": "subscribe", "symbols": symbols, "channels": channels});
    for (key, value) in more.as_object().unwrap() {
        request[key] = value.clone();
    }
    request
}

/// Used by tests that turn a broadcaster by hand.
pub(crate) fn seconds(count: u64) -> MonoNanos {
    MonoNanos(count * 1_000_000_000)
}
