//! A plain blocking client, with nothing of this crate in it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;
use tickwire::sim::Simulator;
use tungstenite::error::Error;
use tungstenite::{Message, WebSocket};

/// Longest wait for anything; reaching it fails the test.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

pub(crate) struct Client {
    socket: WebSocket<TcpStream>,
    /// Texts that were read too early.
    back: Vec<String>,
}

/// What ends a client's stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    Closed(u16, String),
    Gone,
}

impl Client {
    pub(crate) fn open(simulator: &Simulator, path: &str) -> Self {
        Self::try_open(simulator, path).expect("the handshake succeeds")
    }

    /// The status of the refusal otherwise.
    pub(crate) fn try_open(simulator: &Simulator, path: &str) -> Result<Self, u16> {
        let stream = TcpStream::connect(simulator.address()).expect("it listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("a timeout can be set");
        match tungstenite::client(format!("{}{path}", simulator.url()), stream) {
            Ok((socket, _)) => Ok(Self { socket, back: Vec::new() }),
            Err(tungstenite::HandshakeError::Failure(Error::Http(response))) => {
                Err(response.status().as_u16())
            }
            Err(error) => panic!("the handshake failed: {error}"),
        }
    }

    pub(crate) fn say(&mut self, message: impl Into<Message>) {
        self.socket.send(message.into()).expect("the socket takes it");
    }

    /// The next message of any kind; pings are answered on the way.
    pub(crate) fn message(&mut self) -> Result<Message, End> {
        match self.socket.read() {
            Ok(Message::Close(Some(frame))) => {
                Err(End::Closed(frame.code.into(), frame.reason.to_string()))
            }
            Ok(message) => Ok(message),
            Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => {
                panic!("nothing came within {DEADLINE:?}")
            }
            Err(_) => Err(End::Gone),
        }
    }

    /// From now on waits no longer than this for a message.
    pub(crate) fn read_within(&mut self, within: Duration) {
        self.socket.get_ref().set_read_timeout(Some(within)).expect("a timeout can be set");
    }

    /// The next message, or nothing within the time set.
    pub(crate) fn message_or_nothing(&mut self) -> Option<Result<Message, End>> {
        match self.socket.read() {
            Ok(message) => Some(Ok(message)),
            Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => None,
            Err(_) => Some(Err(End::Gone)),
        }
    }

    /// Lets a text be the next one that is read.
    pub(crate) fn put_back(&mut self, text: String) {
        self.back.push(text);
    }

    /// The next text.
    pub(crate) fn text(&mut self) -> Result<String, End> {
        if let Some(text) = self.back.pop() {
            return Ok(text);
        }
        let begun = Instant::now();
        loop {
            if let Message::Text(text) = self.message()? {
                return Ok(text.as_str().to_owned());
            }
            assert!(begun.elapsed() < DEADLINE, "only pings came within {DEADLINE:?}");
        }
    }

    /// The next text as JSON.
    pub(crate) fn json(&mut self) -> Value {
        let text = self.text().expect("the connection stays");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}"))
    }

    /// The next JSON that satisfies `wanted`.
    pub(crate) fn find(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let value = self.json();
            if wanted(&value) {
                return value;
            }
        }
    }

    pub(crate) fn end(&mut self) -> End {
        loop {
            if let Err(end) = self.message() {
                return end;
            }
        }
    }
}

/// One request on a connection of its own: status, head and body.
pub(crate) fn request(simulator: &Simulator, target: &str) -> (u16, String, Value) {
    let mut stream = TcpStream::connect(simulator.address()).expect("it listens");
    stream.set_read_timeout(Some(DEADLINE)).expect("a timeout can be set");
    let request = format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("the socket takes it");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer comes");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head[9..12].parse().expect("a status");
    (status, head.to_owned(), serde_json::from_str(body).expect("JSON"))
}
