//! The client side of a WebSocket as a load generator needs it: a handshake that blocks, frames
//! read in place. On purpose none of the product's own reader, which it is to measure and check.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::limits::VERIFY_UPGRADE_MAX;

/// Bytes that one read may bring.
const BUFFER_BYTES: usize = 64 << 10;

/// Text, the first byte of a frame that is the whole message.
const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8A;

/// One open connection; its socket does not block.
#[derive(Debug)]
pub(super) struct Socket {
    stream: mio::net::TcpStream,
    buffer: Vec<u8>,
    /// Bytes of `buffer` that were read and not yet taken.
    start: usize,
    end: usize,
}

/// What a frame is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Message<'a> {
    /// A whole text message.
    Text(&'a [u8]),
    /// The server asks whether we live; to be answered with the same bytes.
    Ping(&'a [u8]),
    /// The server closes.
    Close(&'a [u8]),
    /// Anything else.
    Other,
}

impl Socket {
    /// Connects and upgrades.
    pub(super) fn open(address: SocketAddr, path: &str) -> io::Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(VERIFY_UPGRADE_MAX))?;
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes())?;
        let mut buffer = vec![0; BUFFER_BYTES];
        let (start, end) = read_upgrade(&mut stream, &mut buffer)?;
        stream.set_nonblocking(true)?;
        Ok(Self { stream: mio::net::TcpStream::from_std(stream), buffer, start, end })
    }

    /// For the poll.
    pub(super) fn source(&mut self) -> &mut mio::net::TcpStream {
        &mut self.stream
    }

    /// Sends one text message. Load generators say little, so it all fits the kernel's buffer.
    pub(super) fn send_text(&mut self, text: &str) -> io::Result<()> {
        self.send(TEXT, text.as_bytes())
    }

    /// Answers a ping.
    pub(super) fn send_pong(&mut self, payload: &[u8]) -> io::Result<()> {
        self.send(PONG, payload)
    }

    /// One frame with a mask of zero, which leaves the payload as it is.
    fn send(&mut self, kind: u8, payload: &[u8]) -> io::Result<()> {
        let mut frame = Vec::with_capacity(payload.len() + 14);
        frame.push(kind);
        match payload.len() {
            length @ 0..126 => frame.push(0x80 | length as u8),
            length @ 126..65_536 => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&(length as u16).to_be_bytes());
            }
            length => {
                frame.push(0x80 | 127);
                frame.extend_from_slice(&(length as u64).to_be_bytes());
            }
        }
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(payload);
        self.stream.write_all(&frame)
    }

    /// Reads once; 0 is the end of the stream.
    pub(super) fn read(&mut self) -> io::Result<usize> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == self.buffer.len() {
            self.buffer.resize(2 * self.buffer.len(), 0);
        }
        let count = self.stream.read(&mut self.buffer[self.end..])?;
        self.end += count;
        Ok(count)
    }

    /// The next whole frame of what was read.
    pub(super) fn next(&mut self) -> Option<Message<'_>> {
        let (kind, payload, length) = frame(&self.buffer[self.start..self.end])?;
        let range = self.start + payload..self.start + length;
        self.start += length;
        let payload = &self.buffer[range];
        Some(match kind {
            TEXT => Message::Text(payload),
            PING => Message::Ping(payload),
            CLOSE => Message::Close(payload),
            _ => Message::Other,
        })
    }
}

/// First byte, begin of the payload and end of the frame at the head of `bytes`, once it is whole.
/// Frames of a server are not masked.
fn frame(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let (&kind, &short) = (bytes.first()?, bytes.get(1)?);
    let (payload, length): (usize, usize) = match short & 0x7F {
        126 => (4, u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?) as usize),
        127 => (10, u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?) as usize),
        length => (2, usize::from(length)),
    };
    let end = payload.checked_add(length)?;
    (bytes.len() >= end).then_some((kind, payload, end))
}

/// Reads up to the end of the answer's head; what follows it in `buffer` are frames already.
fn read_upgrade(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<(usize, usize)> {
    let mut end = 0;
    loop {
        let count = stream.read(&mut buffer[end..])?;
        if count == 0 {
            return Err(io::Error::other("the connection ended in the upgrade"));
        }
        end += count;
        if let Some(head) = memchr::memmem::find(&buffer[..end], b"\r\n\r\n") {
            if !buffer.starts_with(b"HTTP/1.1 101") {
                let status = String::from_utf8_lossy(&buffer[..head]);
                let line = status.lines().next().unwrap_or_default().to_owned();
                return Err(io::Error::other(format!("the upgrade was refused: {line}")));
            }
            return Ok((head + 4, end));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_found_once_they_are_whole() {
        for length in [0_usize, 5, 125, 126, 65_535, 65_536] {
            let mut bytes = vec![TEXT];
            match length {
                0..126 => bytes.push(length as u8),
                126..65_536 => {
                    bytes.push(126);
                    bytes.extend_from_slice(&(length as u16).to_be_bytes());
                }
                _ => {
                    bytes.push(127);
                    bytes.extend_from_slice(&(length as u64).to_be_bytes());
                }
            }
            let payload = bytes.len();
            bytes.resize(payload + length, b'x');
            assert_eq!(frame(&bytes), Some((TEXT, payload, bytes.len())));
            assert_eq!(frame(&bytes[..bytes.len() - 1]), None, "{length}");
            assert_eq!(frame(&bytes[..1]), None);
        }
    }
}
