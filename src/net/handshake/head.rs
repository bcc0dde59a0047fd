//! Reading a head up to its empty line, and writing one.

use std::io::{self, Read, Write};

use super::Step;
use crate::limits::HANDSHAKE_BYTES_MAX;
use crate::net::NetError;

/// Bytes asked for at once: more than nearly every head.
const READ_BYTES: usize = 2 << 10;
const END: &[u8] = b"\r\n\r\n";

/// A head, as far as it was received, and what came behind it.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    bytes: Vec<u8>,
    /// Length of the head with its empty line, once that was found.
    head_bytes: Option<usize>,
}

impl Incoming {
    /// Reads until the head is whole.
    pub(super) fn advance(&mut self, from: &mut impl Read) -> Result<Step, NetError> {
        while self.head_bytes.is_none() {
            let before = self.bytes.len();
            if before >= HANDSHAKE_BYTES_MAX {
                return Err(NetError::HandshakeTooLarge { max: HANDSHAKE_BYTES_MAX });
            }
            self.bytes.resize(before + READ_BYTES.min(HANDSHAKE_BYTES_MAX - before), 0);
            let outcome = from.read(&mut self.bytes[before..]);
            self.bytes.truncate(before + outcome.as_ref().copied().unwrap_or(0));
            match outcome {
                Ok(0) => return Err(NetError::Eof),
                Ok(_) => self.find_end(before),
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => return Ok(Step::Pending),
                    io::ErrorKind::Interrupted => {}
                    _ => return Err(NetError::of_socket(&error)),
                },
            }
        }
        Ok(Step::Done)
    }

    /// Looks at the new bytes, and at the three before them, which may hold the start of the end.
    fn find_end(&mut self, before: usize) {
        let from = before.saturating_sub(END.len() - 1);
        let found = memchr::memmem::find(&self.bytes[from..], END);
        self.head_bytes = found.map(|at| from + at + END.len());
    }

    /// The head with its empty line; all that was received as long as that is missing.
    pub(super) fn head(&self) -> &[u8] {
        &self.bytes[..self.head_bytes.unwrap_or(self.bytes.len())]
    }

    /// What came behind the head.
    pub(super) fn rest(&self) -> &[u8] {
        &self.bytes[self.head_bytes.unwrap_or(self.bytes.len())..]
    }
}

/// A head, and perhaps a body, on its way out.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    bytes: Vec<u8>,
    written: usize,
}

impl Outgoing {
    pub(super) const fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, written: 0 }
    }

    /// Writes until all is out.
    pub(super) fn advance(&mut self, to: &mut impl Write) -> Result<Step, NetError> {
        loop {
            let left = &self.bytes[self.written..];
            let outcome = if left.is_empty() { to.flush().map(|()| 0) } else { to.write(left) };
            match outcome {
                Ok(0) if left.is_empty() => return Ok(Step::Done),
                Ok(0) => return Err(NetError::Reset),
                Ok(count) => self.written += count,
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => return Ok(Step::Pending),
                    io::ErrorKind::Interrupted => {}
                    _ => return Err(NetError::of_socket(&error)),
                },
            }
        }
    }
}
