//! Where events come from.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use anyhow::{Context, ensure};

use crate::connect::{dial, push_frame, push_masked, upgraded};
use crate::replay::answer;

/// Events are numbered from here on.
const ID_FIRST: u64 = 100_000_000_000;

enum Kind {
    Exchange,
    WebSocket,
    Nats,
}

/// A connection on which events go to the server, and what the next one is called.
pub struct Publisher {
    kind: Kind,
    stream: TcpStream,
    id: u64,
    bytes: Vec<u8>,
}

impl Publisher {
    fn new(kind: Kind, stream: TcpStream) -> Self {
        Self { kind, stream, id: ID_FIRST, bytes: Vec::new() }
    }

    pub fn web_socket(address: SocketAddr) -> anyhow::Result<Self> {
        Ok(Self::new(Kind::WebSocket, upgraded(address, "/publish")?))
    }

    pub fn nats(address: SocketAddr) -> anyhow::Result<Self> {
        let mut stream = dial(address)?;
        stream.write_all(b"CONNECT {\"verbose\":false}\r\nPING\r\n")?;
        let mut heard = Vec::new();
        while !heard.ends_with(b"PONG\r\n") {
            let mut byte = [0];
            ensure!(stream.read(&mut byte)? == 1, "nats-server left");
            heard.push(byte[0]);
        }
        Ok(Self::new(Kind::Nats, stream))
    }

    /// So many events in one write.
    pub fn publish(&mut self, events: u64) -> anyhow::Result<()> {
        self.bytes.clear();
        for _ in 0..events {
            match self.kind {
                Kind::Exchange => push_frame(&mut self.bytes, trade(self.id).as_bytes()),
                Kind::WebSocket => push_masked(&mut self.bytes, event(self.id).as_bytes()),
                Kind::Nats => {
                    let event = event(self.id);
                    write!(self.bytes, "PUB trades {}\r\n{event}\r\n", event.len())?;
                }
            }
            self.id += 1;
        }
        self.stream.write_all(&self.bytes).context("the server takes no events")
    }
}

/// What tickwire reads.
fn trade(id: u64) -> String {
    format!(
        r#"{{"stream":"btcusdt@trade","data":{{"e":"trade","E":1700000000123,"s":"BTCUSDT","t":{id},"p":"65000.{:02}","q":"0.01500","T":1700000000123,"m":true,"M":true}}}}"#,
        id % 100
    )
}

/// What the others are given: the text that tickwire makes of it.
fn event(id: u64) -> String {
    format!(
        r#"{{"type":"trade","data":{{"symbol":"BTC/USDT","exchange":"binance","price":65000.{:02},"volume":0.01500,"side":"sell","tradeId":"{id}","timestamp":1700000000123,"exchangeTs":1700000000123000000,"receiveTs":1700000000123456789}},"seq":{},"timestamp":1700000000123}}"#,
        id % 100,
        id - ID_FIRST + 1,
    )
}

/// An exchange that waits for its gateway.
pub struct Exchange {
    address: SocketAddr,
    subscribed: Receiver<anyhow::Result<TcpStream>>,
}

impl Exchange {
    pub fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let (tell, subscribed) = channel();
        std::thread::spawn(move || tend(&listener, |stream| tell.send(stream).is_ok()));
        Ok(Self { address, subscribed })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn subscribed(self) -> anyhow::Result<Publisher> {
        let stream = self.subscribed.recv_timeout(Duration::from_secs(20));
        Ok(Publisher::new(Kind::Exchange, stream.context("the gateway did not subscribe")??))
    }
}

/// Answers the gateway as long as it speaks, and hands out its stream at its first subscription.
fn tend(listener: &TcpListener, tell: impl Fn(anyhow::Result<TcpStream>) -> bool) {
    let upgrade = || {
        let (stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        let twin = stream.try_clone()?;
        anyhow::Ok((tungstenite::accept(stream)?, twin))
    };
    let (mut socket, twin) = match upgrade() {
        Ok(upgraded) => upgraded,
        Err(error) => {
            tell(Err(error));
            return;
        }
    };
    let mut twin = Some(twin);
    // Pings are answered by the reading itself.
    while let Ok(message) = socket.read() {
        let Some(answer) = answer(message.to_text().unwrap_or_default()) else { continue };
        if socket.send(answer.into()).is_err() {
            return;
        }
        if let Some(twin) = twin.take() {
            tell(Ok(twin));
        }
    }
}
