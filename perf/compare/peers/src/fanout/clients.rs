//! Many clients on one thread: each counts its events, which come in order.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::connect::{dial, push_masked, upgraded};

/// How an event begins, in every server's stream.
const EVENT: &[u8] = br#"{"type":"trade""#;

/// What a client asks of tickwire.
const SUBSCRIBE: &str = r#"{"action":"subscribe","symbols":["BTC/USDT"],"channels":["trades"]}"#;

/// Bytes of one read.
const READ_BYTES: usize = 64 << 10;

/// Clients that are looked at between two looks at the clock.
const READY: usize = 64;

/// What a client says first.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Join {
    Upgrade,
    Subscribe,
    Nats,
}

struct Client {
    stream: TcpStream,
    /// The part of a frame that has come.
    rest: Vec<u8>,
    events: u64,
    answered: bool,
}

pub struct Clients {
    poll: Poll,
    ready: Events,
    clients: Vec<Client>,
    frames: fn(&[u8]) -> Option<Frame>,
    delivered: u64,
    buffer: Vec<u8>,
}

/// A frame or message, as far as a client cares.
struct Frame {
    bytes: usize,
    what: What,
}

enum What {
    Event,
    /// That the client is served.
    Answer,
    Other,
}

impl What {
    fn of(payload: &[u8]) -> Self {
        if payload.starts_with(EVENT) { Self::Event } else { Self::Answer }
    }
}

impl Clients {
    pub fn connect(address: SocketAddr, join: Join, count: usize) -> anyhow::Result<Self> {
        let poll = Poll::new()?;
        let connect = |index| {
            let stream = greet(address, join)?;
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            poll.registry().register(&mut stream, Token(index), Interest::READABLE)?;
            Ok(Client { stream, rest: Vec::new(), events: 0, answered: false })
        };
        let clients = (0..count).map(connect).collect::<anyhow::Result<Vec<_>>>()?;
        let frames = if join == Join::Nats { nats } else { web_socket };
        let buffer = vec![0; 2 * READ_BYTES];
        let ready = Events::with_capacity(READY);
        let mut clients = Self { poll, ready, clients, frames, delivered: 0, buffer };
        if join != Join::Upgrade {
            clients.wait_for_answers()?;
        }
        Ok(clients)
    }

    /// Until each was told that it is served.
    fn wait_for_answers(&mut self) -> anyhow::Result<()> {
        let end = Instant::now() + Duration::from_secs(20);
        while self.clients.iter().any(|client| !client.answered) {
            self.poll(|_, _| {})?;
            ensure!(Instant::now() < end, "not every client was answered");
        }
        Ok(())
    }

    pub fn count(&self) -> u64 {
        self.clients.len() as u64
    }

    pub fn delivered(&self) -> u64 {
        self.delivered
    }

    /// How many events each client has had, when all of them have had all.
    pub fn events(&self) -> u64 {
        self.clients.first().map_or(0, |client| client.events)
    }

    /// Reads what is there from some clients. `saw` is told each event's number and when the read
    /// returned that brought it.
    pub fn poll(&mut self, mut saw: impl FnMut(u64, Instant)) -> anyhow::Result<()> {
        self.poll.poll(&mut self.ready, Some(Duration::ZERO))?;
        for event in &self.ready {
            let client = &mut self.clients[event.token().0];
            let before = client.events;
            client.drain(&mut self.buffer, self.frames, &mut saw)?;
            self.delivered += client.events - before;
        }
        Ok(())
    }
}

impl Client {
    fn drain(
        &mut self,
        buffer: &mut [u8],
        frames: fn(&[u8]) -> Option<Frame>,
        saw: &mut impl FnMut(u64, Instant),
    ) -> anyhow::Result<()> {
        loop {
            let kept = self.rest.len();
            buffer[..kept].copy_from_slice(&self.rest);
            let read = match self.stream.read(&mut buffer[kept..kept + READ_BYTES]) {
                Ok(0) => bail!("the server left a client after {} events", self.events),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error).context("a client's connection failed"),
            };
            let now = Instant::now();
            let filled = kept + read;
            let mut at = 0;
            while let Some(frame) = frames(&buffer[at..filled]) {
                at += frame.bytes;
                match frame.what {
                    What::Event => {
                        saw(self.events, now);
                        self.events += 1;
                    }
                    What::Answer => self.answered = true,
                    What::Other => {}
                }
            }
            self.rest.clear();
            self.rest.extend_from_slice(&buffer[at..filled]);
            // A short read has emptied the socket, and the next bytes will wake us.
            if read < READ_BYTES {
                return Ok(());
            }
        }
    }
}

fn greet(address: SocketAddr, join: Join) -> anyhow::Result<std::net::TcpStream> {
    if join == Join::Nats {
        let mut stream = dial(address)?;
        stream.write_all(b"CONNECT {\"verbose\":false}\r\nSUB trades 1\r\nPING\r\n")?;
        return Ok(stream);
    }
    let mut stream = upgraded(address, "/ws")?;
    if join == Join::Subscribe {
        let mut bytes = Vec::new();
        push_masked(&mut bytes, SUBSCRIBE.as_bytes());
        stream.write_all(&bytes)?;
    }
    Ok(stream)
}

/// A server's frame: no mask, no fragments.
fn web_socket(bytes: &[u8]) -> Option<Frame> {
    let (begin, length) = match *bytes.get(1)? {
        126 => (4, usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]))),
        127 => (10, usize::from(u16::from_be_bytes([*bytes.get(8)?, *bytes.get(9)?]))),
        length => (2, usize::from(length)),
    };
    let payload = bytes.get(begin..begin + length)?;
    Some(Frame { bytes: begin + length, what: What::of(payload) })
}

/// A line of NATS, and what it announces: `MSG trades 1 289`.
fn nats(bytes: &[u8]) -> Option<Frame> {
    let line = bytes.iter().position(|&byte| byte == b'\n')? + 1;
    if !bytes.starts_with(b"MSG ") {
        let answers = bytes.starts_with(b"PONG");
        return Some(Frame { bytes: line, what: if answers { What::Answer } else { What::Other } });
    }
    let digits = bytes[..line].rsplit(|&byte| byte == b' ').next()?;
    let length = digits
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .fold(0, |length, &digit| 10 * length + usize::from(digit - b'0'));
    let end = line + length + 2;
    let payload = bytes.get(line..end)?;
    Some(Frame { bytes: end, what: What::of(payload) })
}
