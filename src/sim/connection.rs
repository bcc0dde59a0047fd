//! One connection to the simulator: HTTP requests until one of them opens the WebSocket, then
//! frames. It moves bytes and cuts them; what they mean is for others.

use std::io::{self, Cursor, Read, Write};

use tungstenite::handshake::server::Request;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::http::{self, Head};
use super::transport::Transport;
use crate::clock::MonoNanos;
use crate::limits::{SIM_MESSAGE_BYTES_MAX, SIM_TRICKLE_EVERY};

/// Bytes taken from a socket in one turn.
const READ_BYTES_PER_TURN: usize = 64 << 10;

/// Sent bytes at the front of the buffer that are worth moving the rest for.
const COMPACT_BYTES: usize = 256 << 10;

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Requests and responses.
    Http,
    /// Frames.
    Open,
    /// Only what is already in the buffer goes out; then it ends.
    Closing,
}

/// What a client sent.
#[derive(Debug)]
pub(super) enum Incoming {
    /// A whole request.
    Request(Box<Request>),
    /// Bytes that are no request.
    BadRequest,
    /// A whole message of text.
    Text(String),
    /// A whole message of bytes, which no exchange here takes.
    Binary,
    /// A ping with its payload.
    Ping(Vec<u8>),
    /// A pong.
    Pong,
    /// The client says goodbye.
    Close,
    /// Frames that break the protocol.
    Violation,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Connection {
    transport: Transport,
    pub(super) phase: Phase,
    input: Vec<u8>,
    output: Vec<u8>,
    /// Bytes of `output` that the socket has taken.
    sent: usize,
    /// Fragments of the message that is coming in, and whether it is text.
    message: Option<(Vec<u8>, bool)>,
    /// Nothing goes out before.
    pub(super) held_until: MonoNanos,
    /// Half-open: nothing goes out and nothing is heard.
    pub(super) muted: bool,
    /// No market data goes out.
    pub(super) hushed: bool,
    /// Nothing but single bytes of a frame without end goes out: when the next one does.
    trickle: Option<MonoNanos>,
    /// The client closed its side, or the socket broke.
    pub(super) gone: bool,
    pub(super) pulse: Pulse,
}

/// Payload of the frame that trickles: two hours of it.
const TRICKLE_BYTES: usize = 65_535;

/// What a connection's timers and limits need to know.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pulse {
    pub(super) opened: MonoNanos,
    pub(super) pinged: MonoNanos,
    /// The oldest ping that was not answered.
    pub(super) unanswered: Option<MonoNanos>,
    /// Start of the second in which messages are counted.
    pub(super) window: MonoNanos,
    pub(super) messages: u32,
    /// When market data was sent last.
    pub(super) told: MonoNanos,
    /// Since when nothing but the rest of the buffer goes out.
    pub(super) closing: Option<MonoNanos>,
}

impl Connection {
    pub(super) const fn new(transport: Transport) -> Self {
        Self {
            transport,
            phase: Phase::Http,
            input: Vec::new(),
            output: Vec::new(),
            sent: 0,
            message: None,
            held_until: MonoNanos::ZERO,
            muted: false,
            hushed: false,
            trickle: None,
            gone: false,
            pulse: Pulse {
                opened: MonoNanos::ZERO,
                pinged: MonoNanos::ZERO,
                unanswered: None,
                window: MonoNanos::ZERO,
                messages: 0,
                closing: None,
                told: MonoNanos::ZERO,
            },
        }
    }

    pub(super) const fn transport(&mut self) -> &mut Transport {
        &mut self.transport
    }

    /// Bytes that wait to go out.
    pub(super) const fn backlog(&self) -> usize {
        self.output.len() - self.sent
    }

    /// Where responses are written to.
    pub(super) const fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    /// From now on only single bytes of a frame go out that is never whole.
    pub(super) fn trickle(&mut self, now: MonoNanos) {
        if self.phase == Phase::Open && self.trickle.is_none() {
            write_header(&mut self.output, 0x1, TRICKLE_BYTES);
            self.trickle = Some(now);
        }
    }

    pub(super) const fn is_trickling(&self) -> bool {
        self.trickle.is_some()
    }

    /// When the next single byte goes out, where only such do and it may.
    pub(super) fn next_byte(&self) -> MonoNanos {
        let may = !self.muted && !self.gone && self.drained();
        self.trickle.filter(|_| may).map_or(MonoNanos::MAX, |at| at.max(self.held_until))
    }

    /// Appends one frame whose payload is `parts` in a row.
    pub(super) fn frame(&mut self, opcode: u8, parts: &[&[u8]]) {
        if self.is_trickling() {
            return;
        }
        let length = parts.iter().map(|part| part.len()).sum();
        write_header(&mut self.output, opcode, length);
        for part in parts {
            self.output.extend_from_slice(part);
        }
    }

    /// Appends one frame in fragments of so many bytes.
    pub(super) fn fragments(&mut self, opcode: u8, payload: &[u8], bytes: usize) {
        if self.is_trickling() {
            return;
        }
        let count = payload.len().div_ceil(bytes.max(1));
        for (index, fragment) in payload.chunks(bytes.max(1)).enumerate() {
            let start = self.output.len();
            let opcode = if index == 0 { opcode } else { 0x0 };
            write_header(&mut self.output, opcode, fragment.len());
            if index + 1 < count {
                // Not the last.
                self.output[start] &= 0x7F;
            }
            self.output.extend_from_slice(fragment);
        }
    }

    /// Appends one frame without a payload that begins with `first`, then so many that begin with
    /// `next`.
    pub(super) fn flood(&mut self, first: u8, next: u8, count: u32) {
        if self.is_trickling() {
            return;
        }
        self.output.extend([first, 0]);
        self.output.extend((0..count).flat_map(|_| [next, 0]));
    }

    /// Appends a close frame; nothing may follow it.
    pub(super) fn close(&mut self, code: u16, reason: &str) {
        if self.phase == Phase::Open {
            self.frame(0x8, &[&code.to_be_bytes(), reason.as_bytes()]);
        }
        self.phase = Phase::Closing;
    }

    /// Takes what the socket has; true when there may be more.
    pub(super) fn fill(&mut self) -> bool {
        let before = self.input.len();
        let mut buffer = [0; 16 << 10];
        while self.input.len() - before < READ_BYTES_PER_TURN {
            match self.transport.read(&mut buffer) {
                Ok(0) => self.gone = true,
                Ok(count) => {
                    self.input.extend_from_slice(&buffer[..count]);
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => self.gone = true,
            }
            if self.muted {
                self.input.clear();
            }
            return false;
        }
        true
    }

    /// The next whole thing that the client sent.
    pub(super) fn next(&mut self) -> Option<Incoming> {
        match self.phase {
            Phase::Http => self.next_request(),
            Phase::Open => self.next_frame(),
            Phase::Closing => None,
        }
    }

    fn next_request(&mut self) -> Option<Incoming> {
        if self.input.is_empty() {
            return None;
        }
        match http::read_head(&self.input) {
            Head::Partial => None,
            Head::Bad => Some(Incoming::BadRequest),
            Head::Whole(size, request) => {
                self.input.drain(..size);
                Some(Incoming::Request(request))
            }
        }
    }

    fn next_frame(&mut self) -> Option<Incoming> {
        loop {
            let mut cursor = Cursor::new(&self.input[..]);
            let (header, length) = match FrameHeader::parse(&mut cursor) {
                Ok(Some(found)) => found,
                Ok(None) => return None,
                Err(_) => return Some(Incoming::Violation),
            };
            let start = cursor.position() as usize;
            let Some(mask) = header.mask else { return Some(Incoming::Violation) };
            if length > SIM_MESSAGE_BYTES_MAX as u64 {
                return Some(Incoming::Violation);
            }
            let end = start + length as usize;
            let mut payload = self.input.get(start..end)?.to_vec();
            self.input.drain(..end);
            payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
            if let Some(incoming) = self.join(header.opcode, header.is_final, payload) {
                return Some(incoming);
            }
        }
    }

    /// What a frame completes; `None` when more fragments follow.
    fn join(&mut self, opcode: OpCode, last: bool, payload: Vec<u8>) -> Option<Incoming> {
        let kind = match opcode {
            OpCode::Control(Control::Ping) => return Some(Incoming::Ping(payload)),
            OpCode::Control(Control::Pong) => return Some(Incoming::Pong),
            OpCode::Control(Control::Close) => return Some(Incoming::Close),
            OpCode::Control(_) => return Some(Incoming::Violation),
            OpCode::Data(kind) => kind,
        };
        let (mut message, text) = match (self.message.take(), kind) {
            (None, Data::Text) => (Vec::new(), true),
            (None, Data::Binary) => (Vec::new(), false),
            (Some(begun), Data::Continue) => begun,
            _ => return Some(Incoming::Violation),
        };
        message.extend_from_slice(&payload);
        if message.len() > SIM_MESSAGE_BYTES_MAX {
            return Some(Incoming::Violation);
        }
        if !last {
            self.message = Some((message, text));
            return None;
        }
        if !text {
            return Some(Incoming::Binary);
        }
        Some(String::from_utf8(message).map_or(Incoming::Violation, Incoming::Text))
    }

    /// Gives the socket what it takes.
    pub(super) fn flush(&mut self, now: MonoNanos) {
        if self.muted {
            self.output.clear();
            self.sent = 0;
            return;
        }
        if now < self.held_until || self.gone {
            return;
        }
        if self.trickle.is_some_and(|at| at <= now) && self.drained() {
            self.output.push(b' ');
            self.trickle = Some(now.after(SIM_TRICKLE_EVERY));
        }
        while self.sent < self.output.len() {
            match self.transport.write(&self.output[self.sent..]) {
                Ok(0) => self.gone = true,
                Ok(count) => {
                    self.sent += count;
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => self.gone = true,
            }
            break;
        }
        if self.sent == self.output.len() {
            self.output.clear();
            self.sent = 0;
        } else if self.sent > COMPACT_BYTES {
            self.output.drain(..self.sent);
            self.sent = 0;
        }
        if self.transport.wants_write() {
            // What is refused here is tried again when the socket can be written.
            let _ = self.transport.flush();
        }
    }

    /// Whether everything went out.
    pub(super) fn drained(&self) -> bool {
        self.backlog() == 0 && !self.transport.wants_write()
    }
}

/// Appends the header of an unmasked, final frame.
pub(super) fn write_header(out: &mut Vec<u8>, opcode: u8, length: usize) {
    out.push(0x80 | opcode);
    if length < 126 {
        out.push(length as u8);
    } else if let Ok(length) = u16::try_from(length) {
        out.push(126);
        out.extend_from_slice(&length.to_be_bytes());
    } else {
        out.push(127);
        out.extend_from_slice(&(length as u64).to_be_bytes());
    }
}
