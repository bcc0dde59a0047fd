//! An open WebSocket connection, of either side.
//!
//! The simple version would be `tungstenite::WebSocket::read`, and it is what tests compare this
//! one with. Reading differs in one thing, which pays for itself five to fifty times over
//! (`cargo bench --bench frame`): a whole, unmasked text or binary frame is not copied, but handed
//! out where the kernel put it. All else is still tungstenite's, see `control.rs`:
//!
//! ```text
//!  fill:  one read into the buffer
//!  next:  head of the next frame?   no ─▶ None
//!         plain data, ours to read, no fragments open?
//!           all of it there?        no ─▶ None          yes ─▶ Text or Binary, in place
//!         else: all of it there?    no ─▶ None          yes ─▶ tungstenite, ─▶ its message, or Part
//! ```
//!
//! **UTF-8 is not checked in text messages that are handed out in place.** Their readers are
//! parsers of JSON that meet every byte anyway and refuse what they do not know.

use std::io::{self, Read, Write};

use tungstenite::Message as Owned;

use super::NetError;
use super::buffer::ReceiveBuffer;
use super::control::{Control, INVALID_UTF8};
use super::frame::Header;
use crate::json::PaddedFrame;
use crate::limits;

/// Which side of the connection we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// We connected: we mask what we send, the peer does not.
    Client,
    /// We accepted.
    Server,
}

/// Memory of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The receive buffer's size as long as frames fit into it.
    pub initial_bytes: usize,
    /// Asked of the kernel at once.
    pub read_bytes: usize,
    /// The largest payload of a frame, or of a message put together of fragments.
    pub frame_bytes_max: usize,
}

impl Bounds {
    /// For a connection to an exchange whose frames have up to `frame_bytes_max`.
    pub const fn upstream(frame_bytes_max: usize) -> Self {
        Self {
            initial_bytes: limits::UPSTREAM_BUFFER_BYTES,
            read_bytes: limits::UPSTREAM_READ_BYTES,
            frame_bytes_max,
        }
    }

    /// For a session of a client whose requests have up to `frame_bytes_max`.
    pub const fn session(frame_bytes_max: usize) -> Self {
        Self {
            initial_bytes: limits::SESSION_BUFFER_BYTES,
            read_bytes: limits::SESSION_READ_BYTES,
            frame_bytes_max,
        }
    }
}

/// What the peer said. Borrowed from the connection: gone with the next call.
#[derive(Debug)]
pub enum Message<'a> {
    /// A text message; see the module about its UTF-8.
    Text(PaddedFrame<'a>),
    /// A binary message.
    Binary(PaddedFrame<'a>),
    /// A ping; its answer is already in the outbox. A sign of life.
    Ping,
    /// The answer to a ping of ours, with what that carried, or an unasked one. A sign of life.
    Pong(PaddedFrame<'a>),
    /// A frame with so many bytes that does not end its message. Given to readers so that they can
    /// bound what they do at a time, as a message may come in any number of frames.
    Part(usize),
    /// The peer closes (or answers our close). The reply is in the outbox; nothing follows.
    Close {
        /// Its status code, 1005 when it gave none.
        code: u16,
        /// Its words.
        reason: &'a str,
    },
}

/// What one read brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// So many bytes. 0 when the buffer has no room because messages in it were not taken.
    Read(usize),
    /// Nothing; the socket will tell when there is more.
    Blocked,
}

/// How far a flush came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flush {
    /// Everything is out.
    Done,
    /// The kernel takes no more; the socket will tell when it does.
    Blocked,
}

/// An open connection over `T`.
#[derive(Debug)]
pub struct WebSocket<T> {
    transport: T,
    buffer: ReceiveBuffer,
    control: Control,
    role: Role,
    frame_bytes_max: usize,
    /// Plain data may be handed out in place: we are the client, no fragments are open, and the
    /// peer has not closed.
    in_place: bool,
    /// Fragments of an unfinished message are with tungstenite.
    fragments_open: bool,
    /// The peer closed or failed: whatever else it sends is dropped.
    ended: bool,
}

impl<T> WebSocket<T> {
    /// A connection whose handshake is done. `received` is what came behind the handshake.
    pub fn new(transport: T, role: Role, bounds: Bounds, received: &[u8]) -> Self {
        Self {
            transport,
            buffer: ReceiveBuffer::new(bounds.initial_bytes, bounds.read_bytes, received),
            control: Control::new(role, bounds),
            role,
            frame_bytes_max: bounds.frame_bytes_max,
            in_place: role == Role::Client,
            fragments_open: false,
            ended: false,
        }
    }

    /// What carries the bytes.
    pub const fn transport(&self) -> &T {
        &self.transport
    }

    /// What carries the bytes, e.g. to write shared frames between ours. Whoever writes there
    /// minds that [`WebSocket::control`] goes out between whole frames only.
    pub const fn transport_mut(&mut self) -> &mut T {
        &mut self.transport
    }

    /// The next message among what was received, or the part of one that is next; `None` when there
    /// is no whole frame. Costs one frame, whatever it is.
    ///
    /// # Errors
    /// [`NetError::Protocol`], [`NetError::TooLarge`], [`NetError::ControlFlood`]. A close frame
    /// that tells the peer is then in the outbox, and nothing more is read from this connection.
    #[inline]
    #[expect(clippy::should_implement_trait, reason = "an iterator cannot lend")]
    pub fn next(&mut self) -> Result<Option<Message<'_>>, NetError> {
        let unread = self.buffer.unread();
        let Some(header) = Header::parse(unread) else { return Ok(None) };
        if !(self.in_place && header.is_plain_data()) {
            return self.next_by_tungstenite();
        }
        if header.payload_bytes > self.frame_bytes_max as u64 {
            return Err(self.fail(too_large(&header, self.frame_bytes_max)));
        }
        let payload_bytes = header.payload_bytes as usize;
        if payload_bytes > unread.len() - header.bytes {
            self.buffer.need(header.bytes + payload_bytes);
            return Ok(None);
        }
        let frame = self.buffer.take(header.bytes, payload_bytes);
        Ok(Some(if header.is_text() { Message::Text(frame) } else { Message::Binary(frame) }))
    }

    /// The same for everything that is not handed out in place.
    #[cold]
    fn next_by_tungstenite(&mut self) -> Result<Option<Message<'_>>, NetError> {
        if !self.fragments_open {
            self.control.shrink();
        }
        if self.ended {
            self.buffer.clear();
            return Ok(None);
        }
        let unread = self.buffer.unread();
        let Some(header) = Header::parse(unread) else { return Ok(None) };
        if let Some(what) = header.violation(self.role) {
            return Err(self.fail(NetError::Protocol { what }));
        }
        if header.payload_bytes > self.frame_bytes_max as u64 {
            return Err(self.fail(too_large(&header, self.frame_bytes_max)));
        }
        let frame_bytes = header.bytes + header.payload_bytes as usize;
        if frame_bytes > unread.len() {
            self.buffer.need(frame_bytes);
            return Ok(None);
        }
        let fed = self.control.feed(self.buffer.take(0, frame_bytes).bytes());
        self.fragments_open = header.leaves_open(self.fragments_open);
        self.in_place = self.role == Role::Client && !self.fragments_open;
        match fed {
            Ok(Some(message)) => Ok(Some(self.lend(message))),
            Ok(None) => Ok(Some(Message::Part(header.payload_bytes as usize))),
            Err(error) => Err(self.fail(error)),
        }
    }

    /// tungstenite's message as one of ours.
    fn lend(&mut self, message: Owned) -> Message<'_> {
        match message {
            Owned::Text(text) => Message::Text(self.control.keep(text.as_bytes())),
            Owned::Binary(bytes) => Message::Binary(self.control.keep(&bytes)),
            // A raw frame is never given to a reader.
            Owned::Ping(_) | Owned::Frame(_) => Message::Ping,
            Owned::Pong(payload) => Message::Pong(self.control.keep(&payload)),
            Owned::Close(frame) => {
                self.end();
                let (code, reason) = match &frame {
                    Some(frame) => (u16::from(frame.code), frame.reason.as_bytes()),
                    None => (NO_STATUS, &b""[..]),
                };
                let (kept, length) = self.control.keep(reason).into_padded();
                Message::Close { code, reason: str::from_utf8(&kept[..length]).unwrap_or_default() }
            }
        }
    }

    #[cold]
    fn fail(&mut self, error: NetError) -> NetError {
        let (code, reason) = match &error {
            NetError::TooLarge { .. } => (1009, "message too large"),
            NetError::Protocol { what } if *what == INVALID_UTF8 => (1007, *what),
            NetError::Protocol { what } => (1002, *what),
            NetError::ControlFlood { .. } => (1008, "too many pings"),
            NetError::Chatter { .. } => (1008, "too many frames that bring nothing"),
            _ => (1011, "internal error"),
        };
        self.control.close(code, reason);
        self.end();
        error
    }

    const fn end(&mut self) {
        self.ended = true;
        self.in_place = false;
        self.buffer.clear();
    }

    /// Ends the connection, as its peer does what no peer may: a close frame that says so is queued,
    /// and nothing more is read.
    #[cold]
    pub fn give_up(&mut self, error: NetError) -> NetError {
        self.fail(error)
    }

    /// Whether the peer closed, or broke the protocol: nothing more is read then.
    pub const fn has_ended(&self) -> bool {
        self.ended
    }

    /// Queues a text message (masked where we are the client).
    ///
    /// # Errors
    /// [`NetError::Protocol`] after a close frame went either way.
    pub fn queue_text(&mut self, text: &str) -> Result<(), NetError> {
        self.control.send(Owned::text(text))
    }

    /// Queues a binary message (masked where we are the client).
    ///
    /// # Errors
    /// [`NetError::Protocol`] after a close frame went either way.
    pub fn queue_binary(&mut self, payload: &[u8]) -> Result<(), NetError> {
        self.control.send(Owned::binary(payload.to_vec()))
    }

    /// Queues a ping with at most 125 bytes.
    ///
    /// # Errors
    /// [`NetError::Protocol`] when the payload is longer, or after a close frame went either way.
    pub fn queue_ping(&mut self, payload: &[u8]) -> Result<(), NetError> {
        if payload.len() > 125 {
            return Err(NetError::Protocol { what: "a ping carries at most 125 bytes" });
        }
        self.control.ping(payload)
    }

    /// Queues a close frame, once. Its reason is cut to the 123 bytes that fit.
    pub fn queue_close(&mut self, code: u16, reason: &str) {
        let fits = reason.floor_char_boundary(123);
        self.control.close(code, &reason[..fits]);
    }

    /// What waits to be written: answers to pings, queued messages, close frames. Whole frames,
    /// but for the first after an incomplete [`WebSocket::control_written`].
    #[inline]
    pub fn control(&self) -> &[u8] {
        self.control.pending()
    }

    /// Whether anything waits to be written.
    #[inline]
    pub fn control_pending(&self) -> bool {
        !self.control.pending().is_empty()
    }

    /// The first `bytes` of [`WebSocket::control`] were written.
    pub fn control_written(&mut self, bytes: usize) {
        self.control.consume(bytes);
    }

    /// Moves what waits to the end of `outbox`, for who writes shared frames as well.
    pub fn take_control(&mut self, outbox: &mut Vec<u8>) {
        let pending = self.control.pending();
        outbox.extend_from_slice(pending);
        let bytes = pending.len();
        self.control.consume(bytes);
    }
}

impl<T: Read> WebSocket<T> {
    /// Reads once. What comes is then to be taken with [`WebSocket::next`], until that is `None`.
    ///
    /// # Errors
    /// [`NetError::Eof`], [`NetError::Reset`], [`NetError::Tls`], [`NetError::Io`].
    pub fn fill(&mut self) -> Result<Fill, NetError> {
        if !self.buffer.make_room() {
            return Ok(Fill::Read(0));
        }
        loop {
            return match self.buffer.fill(&mut self.transport) {
                Ok(0) => Err(NetError::Eof),
                Ok(bytes) => Ok(Fill::Read(bytes)),
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted => continue,
                    io::ErrorKind::WouldBlock => Ok(Fill::Blocked),
                    _ => Err(NetError::of_socket(&error)),
                },
            };
        }
    }
}

impl<T: Write> WebSocket<T> {
    /// Writes what waits, as far as the kernel takes it.
    ///
    /// # Errors
    /// [`NetError::Reset`], [`NetError::Tls`], [`NetError::Io`].
    pub fn flush(&mut self) -> Result<Flush, NetError> {
        while self.control_pending() {
            match self.transport.write(self.control.pending()) {
                Ok(0) => return Err(NetError::Reset),
                Ok(bytes) => self.control.consume(bytes),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return blocked(&error),
            }
        }
        match self.transport.flush() {
            Ok(()) => Ok(Flush::Done),
            Err(error) => blocked(&error),
        }
    }
}

/// RFC 6455, section 7.4.1: stands for a close frame without a code.
const NO_STATUS: u16 = 1005;

fn blocked(error: &io::Error) -> Result<Flush, NetError> {
    match error.kind() {
        io::ErrorKind::WouldBlock => Ok(Flush::Blocked),
        _ => Err(NetError::of_socket(error)),
    }
}

#[cold]
const fn too_large(header: &Header, max: usize) -> NetError {
    NetError::TooLarge { bytes: header.payload_bytes, max }
}
