//! The capture format: one connection's frames as text, one a line.
//!
//! ```text
//! <receive time> <frame text exactly as received>
//! <send time> > <text the client sent>
//! ```
//!
//! Times are whole nanoseconds since the epoch, 0 where the recorder had none. A frame runs from
//! the first space to the end of its line and may hold spaces itself. Lines end in `\n`.

use std::io::{self, BufRead};

use crate::clock::UnixNanos;

/// Which way a line went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the exchange to the recorder.
    Received,
    /// From the recorder to the exchange.
    Sent,
}

/// One line of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaptureLine<'a> {
    /// Its place in the file, from 1.
    pub number: u64,
    /// When it was received or sent; [`UnixNanos::NONE`] where the recorder had no time.
    pub at: UnixNanos,
    /// Which way it went.
    pub direction: Direction,
    /// The text of the frame.
    pub frame: &'a [u8],
}

/// Why a capture cannot be read on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// The file itself cannot be read.
    #[error("the capture cannot be read: {0}")]
    Io(#[from] io::Error),
    /// A line does not start with a time and a space.
    #[error("line {line} is no capture line; write `<nanoseconds> <frame>`")]
    Malformed {
        /// Its place in the file, from 1.
        line: u64,
    },
}

/// Reads a capture line by line over one reused buffer.
#[derive(Debug)]
pub struct CaptureReader<R> {
    input: R,
    line: Vec<u8>,
    number: u64,
}

impl<R: BufRead> CaptureReader<R> {
    /// Reads from `input`, which should be buffered generously: a frame can have megabytes.
    pub const fn new(input: R) -> Self {
        Self { input, line: Vec::new(), number: 0 }
    }

    /// The next line, or `None` at the end. Empty lines are passed over.
    ///
    /// # Errors
    /// See [`CaptureError`]; after a malformed line one may go on with the next.
    pub fn read(&mut self) -> Result<Option<CaptureLine<'_>>, CaptureError> {
        loop {
            self.line.clear();
            if self.input.read_until(b'\n', &mut self.line)? == 0 {
                return Ok(None);
            }
            self.number += 1;
            if self.line.last() == Some(&b'\n') {
                self.line.pop();
            }
            if !self.line.is_empty() {
                break;
            }
        }
        match parse_line(self.number, &self.line) {
            Some(line) => Ok(Some(line)),
            None => Err(CaptureError::Malformed { line: self.number }),
        }
    }
}

/// Reads one line without its end; `None` when it is no capture line.
pub fn parse_line(number: u64, line: &[u8]) -> Option<CaptureLine<'_>> {
    let space = memchr::memchr(b' ', line)?;
    let (time, rest) = (&line[..space], &line[space + 1..]);
    if time.is_empty() || !time.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let nanos: i64 = std::str::from_utf8(time).ok()?.parse().ok()?;
    let at = if nanos == 0 { UnixNanos::NONE } else { UnixNanos(nanos) };
    let (direction, frame) = match rest.strip_prefix(b"> ") {
        Some(sent) => (Direction::Sent, sent),
        None => (Direction::Received, rest),
    };
    Some(CaptureLine { number, at, direction, frame })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_in_order_with_their_direction_and_time() {
        let text = b"1723161253937085768 {\"a\": 1}\n\n0 > {\"op\":\"x\"}\n7 pong";
        let mut reader = CaptureReader::new(&text[..]);
        let first = reader.read().expect("readable").expect("a line");
        assert_eq!((first.number, first.at), (1, UnixNanos(1_723_161_253_937_085_768)));
        assert_eq!((first.direction, first.frame), (Direction::Received, &b"{\"a\": 1}"[..]));
        let second = reader.read().expect("readable").expect("a line");
        assert_eq!((second.number, second.at.is_some()), (3, false));
        assert_eq!((second.direction, second.frame), (Direction::Sent, &b"{\"op\":\"x\"}"[..]));
        assert_eq!(reader.read().expect("readable").expect("a line").frame, b"pong");
        assert!(reader.read().expect("readable").is_none());
    }

    #[test]
    fn a_malformed_line_is_named_and_the_next_still_read() {
        let mut reader =
            CaptureReader::new(&b"12 ok\nno time\n-1 x\n99999999999999999999 x\n3 y"[..]);
        assert!(reader.read().expect("readable").is_some());
        for line in 2..=4 {
            match reader.read() {
                Err(CaptureError::Malformed { line: found }) => assert_eq!(found, line),
                other => panic!("line {line} was read as {other:?}"),
            }
        }
        assert_eq!(reader.read().expect("readable").expect("a line").frame, b"y");
    }
}
