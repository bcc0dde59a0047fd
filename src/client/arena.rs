//! The bytes of one turn: every frame is encoded here once, and sessions remember ranges of it.
//!
//! ```text
//! arena    | trade BTC | quote BTC | trade ETH | answer to 3 | trade BTC |
//! session 1  ───────────────────────────────────               (one range, merged)
//! session 2  ───────────             ───────────               (two ranges)
//! ```
//! The arena is emptied when every session that holds ranges was written to, so ranges live for
//! one turn.

use crate::limits::ARENA_BYTES_KEPT;

/// A piece of the arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Range {
    pub(crate) const fn len(self) -> usize {
        (self.end - self.start) as usize
    }
}

/// First byte of a whole text message in one unmasked frame.
const TEXT: u8 = 0x81;

/// Header bytes of a frame whose payload has 126 to 65,535 bytes, as nearly all have.
const HEADER_BYTES: usize = 4;

/// The frames of one turn, each encoded once; a session remembers which ranges are its own.
#[derive(Debug, Default)]
pub(crate) struct Arena {
    bytes: Vec<u8>,
}

impl Arena {
    /// An arena that need not grow in the ordinary course.
    pub(crate) fn new() -> Self {
        Self { bytes: Vec::with_capacity(ARENA_BYTES_KEPT) }
    }

    /// Appends one text frame whose payload `encode` appends; nothing when it says that there is
    /// none. The payload is written behind a header of the usual length and moved only when it
    /// turns out to need another.
    #[inline]
    pub(crate) fn frame(&mut self, encode: impl FnOnce(&mut Vec<u8>) -> bool) -> Option<Range> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[TEXT, 126, 0, 0]);
        if !encode(&mut self.bytes) {
            self.bytes.truncate(start);
            return None;
        }
        let payload = start + HEADER_BYTES;
        let length = self.bytes.len() - payload;
        if length < 126 {
            self.bytes[start + 1] = length as u8;
            self.bytes.copy_within(payload.., start + 2);
            self.bytes.truncate(start + 2 + length);
        } else if length <= usize::from(u16::MAX) {
            self.bytes[start + 2..payload].copy_from_slice(&(length as u16).to_be_bytes());
        } else {
            self.bytes[start + 1] = 127;
            self.bytes.extend_from_slice(&[0; 6]);
            self.bytes.copy_within(payload..payload + length, payload + 6);
            self.bytes[start + 2..start + 10].copy_from_slice(&(length as u64).to_be_bytes());
        }
        Some(Range { start: start as u32, end: self.bytes.len() as u32 })
    }

    /// The bytes of a range of this turn.
    pub(crate) fn bytes(&self, range: Range) -> &[u8] {
        &self.bytes[range.start as usize..range.end as usize]
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Forgets every range; memory for a rare large turn is given back.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(ARENA_BYTES_KEPT);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn framed(length: usize) -> Vec<u8> {
        let mut arena = Arena::new();
        let before = arena.frame(|bytes| {
            bytes.extend_from_slice(b"before");
            true
        });
        assert_eq!(arena.frame(|bytes| bytes.write_all(b"nothing").is_err()), None);
        let range = arena.frame(|bytes| {
            bytes.extend((0..length).map(|index| index as u8));
            true
        });
        let range = range.expect("it has a payload");
        assert_eq!(before.map(|before| before.end), Some(range.start));
        arena.bytes(range).to_vec()
    }

    #[test]
    fn every_length_gets_the_header_that_it_needs() {
        for (length, header) in [
            (0, vec![0x81, 0]),
            (125, vec![0x81, 125]),
            (126, vec![0x81, 126, 0, 126]),
            (65_535, vec![0x81, 126, 0xff, 0xff]),
            (65_536, vec![0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let frame = framed(length);
            assert_eq!(frame[..header.len()], header);
            let payload: Vec<u8> = (0..length).map(|index| index as u8).collect();
            assert_eq!(frame[header.len()..], payload);
        }
    }
}
