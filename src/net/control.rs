//! What tungstenite does on an open connection: everything but whole data frames.
//!
//! It gets one frame at a time through a stream in memory, and what it wants to say goes to an
//! outbox. It answers pings, puts fragments together, checks UTF-8 there, and makes and answers
//! close frames.

use std::io::{self, Read, Write};

use tungstenite::error::{CapacityError, Error, ProtocolError};
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{self, CloseFrame, WebSocketConfig, WebSocketContext};
use tungstenite::{Bytes, Message};

use super::NetError;
use super::websocket::{Bounds, Role};
use crate::json::PaddedFrame;
use crate::limits::{CONTROL_OUTBOX_BYTES_MAX, FRAME_PADDING};

/// Bytes that tungstenite reads at a time. Each read zero-fills that much first, and each
/// connection holds that much, so it is small.
const READ_BYTES: usize = 1 << 10;

/// Head of a pong with a mask, the longer kind.
const PONG_HEAD_BYTES: usize = 6;

/// tungstenite's half of a connection.
#[derive(Debug)]
pub(super) struct Control {
    context: WebSocketContext,
    role: Role,
    bounds: Bounds,
    /// Whole frames on their way out; `outbox[..written]` has left.
    outbox: Vec<u8>,
    written: usize,
    /// Bytes of answers to pings queued since the outbox was last empty.
    reply_bytes: usize,
    /// The last message that tungstenite gave, with its padding.
    message: Vec<u8>,
    /// A huge message went through, so `context` and `message` hold memory of its size.
    swollen: bool,
}

impl Control {
    pub(super) fn new(role: Role, bounds: Bounds) -> Self {
        let context = new_context(role, bounds);
        let (outbox, message) = (Vec::new(), Vec::new());
        Self { context, role, bounds, outbox, written: 0, reply_bytes: 0, message, swollen: false }
    }

    /// Hands over exactly one frame; gives the message that it completes, if it does.
    pub(super) fn feed(&mut self, frame: &[u8]) -> Result<Option<Message>, NetError> {
        self.swollen |= frame.len() > self.bounds.initial_bytes;
        let mut stream = OneFrame { frame, outbox: &mut self.outbox };
        let message = match self.context.read(&mut stream) {
            Ok(message) => Some(message),
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => None,
            Err(error) => return Err(net_error(&error, self.bounds.frame_bytes_max)),
        };
        self.flush_replies()?;
        if let Some(Message::Ping(payload)) = &message {
            self.reply_bytes += PONG_HEAD_BYTES + payload.len();
            if self.reply_bytes > CONTROL_OUTBOX_BYTES_MAX {
                return Err(NetError::ControlFlood { bytes: self.reply_bytes });
            }
        }
        Ok(message)
    }

    /// Keeps `payload` until the next message, and pads it.
    pub(super) fn keep(&mut self, payload: &[u8]) -> PaddedFrame<'_> {
        self.swollen |= payload.len() > self.bounds.initial_bytes;
        self.message.clear();
        self.message.extend_from_slice(payload);
        self.message.resize(payload.len() + FRAME_PADDING, 0);
        PaddedFrame::new(&mut self.message, payload.len())
    }

    /// Gives the memory of a huge message back. Only between messages, on an open connection:
    /// tungstenite keeps its buffer for ever, so it is replaced.
    pub(super) fn shrink(&mut self) {
        if self.swollen && self.context.can_write() {
            self.context = new_context(self.role, self.bounds);
            self.message = Vec::new();
            self.swollen = false;
        }
    }

    /// Queues a message.
    pub(super) fn send(&mut self, message: Message) -> Result<(), NetError> {
        let mut stream = OneFrame { frame: &[], outbox: &mut self.outbox };
        self.context
            .write(&mut stream, message)
            .map_err(|error| net_error(&error, self.bounds.frame_bytes_max))?;
        self.flush_replies()
    }

    /// Queues a ping.
    pub(super) fn ping(&mut self, payload: &[u8]) -> Result<(), NetError> {
        self.send(Message::Ping(Bytes::copy_from_slice(payload)))
    }

    /// Queues a close frame, unless one was sent or received before.
    pub(super) fn close(&mut self, code: u16, reason: &str) {
        let mut stream = OneFrame { frame: &[], outbox: &mut self.outbox };
        let frame = CloseFrame { code: CloseCode::from(code), reason: reason.into() };
        // The stream takes everything; what is left to fail is that the connection is already
        // closed, and then a close frame is not wanted.
        let _ = self.context.close(&mut stream, Some(frame));
    }

    /// What has to be written, whole frames but for the first, which may be partly written.
    #[inline]
    pub(super) fn pending(&self) -> &[u8] {
        &self.outbox[self.written..]
    }

    /// So much of it was written.
    pub(super) fn consume(&mut self, bytes: usize) {
        self.written += bytes;
        debug_assert!(self.written <= self.outbox.len(), "no more is written than there was");
        if self.written >= self.outbox.len() {
            (self.written, self.reply_bytes) = (0, 0);
            self.outbox.clear();
            self.outbox.shrink_to(CONTROL_OUTBOX_BYTES_MAX);
        }
    }

    fn flush_replies(&mut self) -> Result<(), NetError> {
        let mut stream = OneFrame { frame: &[], outbox: &mut self.outbox };
        match self.context.flush(&mut stream) {
            // A server's side of a finished close handshake; its reply is in the outbox.
            Ok(()) | Err(Error::ConnectionClosed) => Ok(()),
            Err(error) => Err(net_error(&error, self.bounds.frame_bytes_max)),
        }
    }
}

fn new_context(role: Role, bounds: Bounds) -> WebSocketContext {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BYTES)
        .write_buffer_size(0)
        .max_message_size(Some(bounds.frame_bytes_max))
        .max_frame_size(Some(bounds.frame_bytes_max));
    let role = match role {
        Role::Client => protocol::Role::Client,
        Role::Server => protocol::Role::Server,
    };
    WebSocketContext::new(role, Some(config))
}

/// A stream that gives one frame and takes everything.
struct OneFrame<'a> {
    frame: &'a [u8],
    outbox: &'a mut Vec<u8>,
}

impl Read for OneFrame<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.frame.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.frame.read(into)
    }
}

impl Write for OneFrame<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outbox.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cold]
fn net_error(error: &Error, max: usize) -> NetError {
    let what = match error {
        Error::Capacity(CapacityError::MessageTooLong { size, .. }) => {
            return NetError::TooLarge { bytes: *size as u64, max };
        }
        Error::Protocol(error) => violation(error),
        Error::Utf8(_) => INVALID_UTF8,
        Error::ConnectionClosed | Error::AlreadyClosed => "the connection is closed",
        _ => "a frame was refused",
    };
    NetError::Protocol { what }
}

/// Named here because its close code differs from that of other violations.
pub(super) const INVALID_UTF8: &str = "a text message is not UTF-8";

const fn violation(error: &ProtocolError) -> &'static str {
    match error {
        ProtocolError::SendAfterClosing => "sending after a close frame",
        ProtocolError::ReceivedAfterClosing => "a frame after the close frame",
        ProtocolError::NonZeroReservedBits => "reserved bits are set",
        ProtocolError::UnmaskedFrameFromClient => "the client did not mask a frame",
        ProtocolError::MaskedFrameFromServer => "the server masked a frame",
        ProtocolError::FragmentedControlFrame => "a control frame is fragmented",
        ProtocolError::ControlFrameTooBig => "a control frame is longer than 125 bytes",
        ProtocolError::UnexpectedContinueFrame => "a continuation without a start",
        ProtocolError::ExpectedFragment(_) => "a new message before the last was finished",
        ProtocolError::InvalidCloseSequence => "a close frame with half a code",
        _ => "a frame was refused",
    }
}
