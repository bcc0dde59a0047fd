//! The one buffer that a connection reads into, and hands frames out of.
//!
//! ```text
//!   0        start           end                          len
//!   │ consumed │ unread ……… │ room for the next read │ 64 B │
//! ```
//! The last 64 bytes are never read into, so every frame has its padding.

use std::io::{self, Read};

use crate::json::PaddedFrame;
use crate::limits::{FRAME_PADDING, LARGE_BUFFER_READS_KEPT};

#[derive(Debug)]
pub(super) struct ReceiveBuffer {
    /// All of it initialised; its length is its capacity.
    bytes: Vec<u8>,
    start: usize,
    /// Never within [`FRAME_PADDING`] of the end of `bytes`.
    end: usize,
    /// Bytes from `start` that the frame in progress takes in all, once its head is known.
    needed: usize,
    initial_bytes: usize,
    read_bytes: usize,
    /// Reads in a row that would have done with the initial size.
    reads_while_large: u32,
}

impl ReceiveBuffer {
    /// A buffer of `initial_bytes` that asks for at most `read_bytes` at a time, and already holds
    /// `first`.
    pub(super) fn new(initial_bytes: usize, read_bytes: usize, first: &[u8]) -> Self {
        let size = initial_bytes.max(first.len() + read_bytes + FRAME_PADDING);
        let mut bytes = vec![0; size];
        bytes[..first.len()].copy_from_slice(first);
        let end = first.len();
        Self { bytes, start: 0, end, needed: 0, initial_bytes, read_bytes, reads_while_large: 0 }
    }

    /// What was received and not yet taken.
    #[inline]
    pub(super) fn unread(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Announces that the frame at the start of the unread bytes takes `bytes` in all.
    #[inline]
    pub(super) const fn need(&mut self, bytes: usize) {
        self.needed = bytes;
    }

    /// Takes a whole frame, with its padding behind it.
    ///
    /// # Panics
    /// When fewer than `header_bytes + payload_bytes` are unread.
    #[inline]
    pub(super) fn take(&mut self, header_bytes: usize, payload_bytes: usize) -> PaddedFrame<'_> {
        // Neither sum wraps: both lengths were compared with what is unread, and `end` is at most the
        // length of `bytes` less the padding.
        let start = self.start.wrapping_add(header_bytes);
        let end = start.wrapping_add(payload_bytes);
        assert!(end <= self.end, "a frame is taken when it is whole");
        self.start = end;
        self.needed = 0;
        let padded = start..end.wrapping_add(FRAME_PADDING);
        PaddedFrame::new(&mut self.bytes[padded], payload_bytes)
    }

    /// Forgets what is unread.
    pub(super) const fn clear(&mut self) {
        (self.start, self.end, self.needed) = (0, 0, 0);
    }

    /// Whether the next [`ReceiveBuffer::fill`] has room to read into.
    pub(super) fn make_room(&mut self) -> bool {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        if self.bytes.len() > self.initial_bytes {
            self.give_back();
        }
        if self.room() < self.read_bytes {
            self.move_to_front();
            if self.needed > self.bytes.len() - FRAME_PADDING {
                self.resize(self.needed + self.read_bytes + FRAME_PADDING);
            }
        }
        self.room() > 0
    }

    /// One read, of at most `read_bytes`. The count is 0 only at the end of the stream, provided
    /// that [`ReceiveBuffer::make_room`] found room.
    #[inline]
    pub(super) fn fill(&mut self, from: &mut impl Read) -> io::Result<usize> {
        let room = self.room().min(self.read_bytes);
        let count = from.read(&mut self.bytes[self.end..self.end + room])?;
        debug_assert!(count <= room, "a reader reads no more than it is asked for");
        self.end += count;
        Ok(count)
    }

    #[inline]
    const fn room(&self) -> usize {
        self.bytes.len() - FRAME_PADDING - self.end
    }

    #[cold]
    fn move_to_front(&mut self) {
        self.bytes.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
    }

    /// Returns to the initial size once that was enough for a while. Not at once: an exchange
    /// whose frames are often large would have us allocate for each of them.
    #[cold]
    fn give_back(&mut self) {
        let small = self.initial_bytes - FRAME_PADDING;
        if self.needed > small || self.end - self.start > small {
            self.reads_while_large = 0;
            return;
        }
        self.reads_while_large += 1;
        if self.reads_while_large > LARGE_BUFFER_READS_KEPT {
            self.move_to_front();
            self.resize(self.initial_bytes);
        }
    }

    /// Moves the unread bytes, which stand at the front, to a buffer of `size`.
    #[cold]
    fn resize(&mut self, size: usize) {
        self.reads_while_large = 0;
        // Zeroed by the system page by page as it is touched, not by us at once.
        let mut bytes = vec![0; size];
        bytes[..self.end].copy_from_slice(&self.bytes[..self.end]);
        self.bytes = bytes;
    }

    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(buffer: &mut ReceiveBuffer, mut from: &[u8]) -> usize {
        assert!(buffer.make_room());
        buffer.fill(&mut from).unwrap()
    }

    #[test]
    fn a_read_is_bounded_and_what_is_left_stays_in_order() {
        let mut buffer = ReceiveBuffer::new(256, 64, b"ab");
        assert_eq!(fill(&mut buffer, &[b'x'; 500]), 64);
        assert_eq!(buffer.take(2, 10).bytes(), [b'x'; 10]);
        assert_eq!(buffer.unread(), [b'x'; 54]);
    }

    #[test]
    fn a_huge_frame_grows_the_buffer_and_its_memory_is_given_back_later() {
        let mut buffer = ReceiveBuffer::new(256, 64, &[]);
        fill(&mut buffer, &[7; 64]);
        buffer.need(10_000);
        while buffer.unread().len() < 10_000 {
            fill(&mut buffer, &[7; 64]);
        }
        assert_eq!(buffer.take(4, 9_996).padded().len(), 9_996 + FRAME_PADDING);
        assert!(buffer.size() >= 10_000);
        for _ in 0..=LARGE_BUFFER_READS_KEPT {
            let unread = buffer.unread().len();
            buffer.take(0, unread);
            fill(&mut buffer, &[9; 32]);
        }
        assert_eq!(buffer.size(), 256);
        assert_eq!(buffer.unread(), [9; 32]);
    }

    #[test]
    fn a_buffer_full_of_untaken_frames_has_no_room() {
        let mut buffer = ReceiveBuffer::new(256, 64, &[]);
        while buffer.make_room() {
            buffer.fill(&mut [1; 64].as_slice()).unwrap();
        }
        assert_eq!(buffer.unread().len(), 256 - FRAME_PADDING);
    }
}
