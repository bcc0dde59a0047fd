//! What a client still has to take: bytes that the kernel refused, in order, bounded.
//!
//! An outbox is empty as long as its client keeps up: frames are written straight from the turn's
//! arena, and only what the kernel refuses is copied here. It knows where frames end, because
//! control frames pass ahead of data, and may do so only between two frames. The bytes stand in
//! chunks of one size, lent by the broadcaster's [`Chunks`], so that a client that falls behind
//! and recovers costs no allocation the second time and holds no memory when it is done.

use std::collections::VecDeque;

use crate::limits::{OUTBOX_CHUNK_BYTES, OUTBOX_CHUNKS_KEPT};
use crate::net::NetError;

/// The way from an outbox to the kernel, which has control frames of its own to send.
pub trait Wire {
    /// Writes data; 0 when the kernel takes none now.
    ///
    /// # Errors
    /// Those of the connection.
    fn write(&mut self, bytes: &[u8]) -> Result<usize, NetError>;

    /// Whether control frames wait. They may pass between two frames only.
    fn has_control(&self) -> bool;

    /// Writes the control frames; false when the kernel did not take all of them.
    ///
    /// # Errors
    /// Those of the connection.
    fn write_control(&mut self) -> Result<bool, NetError>;
}

/// The store of chunks that a broadcaster's outboxes share.
#[derive(Debug, Default)]
pub struct Chunks {
    free: Vec<Box<[u8]>>,
    lent: usize,
}

impl Chunks {
    fn lend(&mut self) -> Box<[u8]> {
        self.lent += 1;
        self.free.pop().unwrap_or_else(|| vec![0; OUTBOX_CHUNK_BYTES].into_boxed_slice())
    }

    fn give_back(&mut self, chunk: Box<[u8]>) {
        self.lent -= 1;
        if self.free.len() < OUTBOX_CHUNKS_KEPT {
            self.free.push(chunk);
        }
    }

    /// Bytes of the chunks that are lent now.
    pub fn lent_bytes(&self) -> usize {
        self.lent * OUTBOX_CHUNK_BYTES
    }
}

/// How far a write came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Everything is with the kernel.
    All,
    /// The kernel takes no more; it will say when it does.
    Refused,
    /// The budget of this turn is spent; the kernel may take more.
    BudgetSpent,
}

/// One client's bytes that wait for the kernel.
#[derive(Debug, Default)]
pub struct Outbox {
    chunks: VecDeque<Box<[u8]>>,
    /// First byte not yet sent, in the first chunk.
    start: usize,
    /// Bytes of data that wait.
    length: usize,
    /// Bytes to the end of the frame that is partly sent; 0 between two frames.
    frame_remaining: usize,
}

impl Outbox {
    /// Bytes of data that wait.
    pub fn len(&self) -> usize {
        self.length
    }

    /// True when no data waits.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Queues data behind all other. `frame_remaining` counts the bytes up to the first boundary
    /// in `bytes`: not 0 when the front of its first frame went to the kernel before.
    pub fn push(&mut self, bytes: &[u8], frame_remaining: usize, chunks: &mut Chunks) {
        debug_assert!(frame_remaining == 0 || self.length == 0, "frames follow each other whole");
        if self.length == 0 {
            self.frame_remaining = frame_remaining;
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            let end = self.start + self.length;
            if end == self.chunks.len() * OUTBOX_CHUNK_BYTES {
                self.chunks.push_back(chunks.lend());
            }
            let Some(chunk) = self.chunks.back_mut() else { return };
            let from = end % OUTBOX_CHUNK_BYTES;
            let count = rest.len().min(OUTBOX_CHUNK_BYTES - from);
            chunk[from..from + count].copy_from_slice(&rest[..count]);
            self.length += count;
            rest = &rest[count..];
        }
    }

    /// Drops the data that waits, but for the rest of a frame that is partly sent: without it the
    /// client could not read what follows. Returns the bytes dropped.
    pub fn drop_data(&mut self, chunks: &mut Chunks) -> usize {
        let kept = self.frame_remaining.min(self.length);
        let dropped = self.length - kept;
        self.length = kept;
        let needed = (self.start + kept).div_ceil(OUTBOX_CHUNK_BYTES);
        while self.chunks.len() > needed {
            if let Some(chunk) = self.chunks.pop_back() {
                chunks.give_back(chunk);
            }
        }
        if self.length == 0 {
            self.start = 0;
        }
        dropped
    }

    /// Gives every chunk back; for the end of a session.
    pub fn clear(&mut self, chunks: &mut Chunks) {
        self.frame_remaining = 0;
        self.drop_data(chunks);
    }

    /// Writes control frames, then data, up to about `budget` bytes.
    ///
    /// # Errors
    /// Those of the connection.
    pub fn flush(
        &mut self,
        wire: &mut impl Wire,
        chunks: &mut Chunks,
        budget: usize,
    ) -> Result<Sent, NetError> {
        let mut spent = 0;
        loop {
            let has_control = wire.has_control();
            if has_control && self.frame_remaining == 0 {
                if !wire.write_control()? {
                    return Ok(Sent::Refused);
                }
                continue;
            }
            if self.length == 0 {
                return Ok(Sent::All);
            }
            if spent >= budget {
                return Ok(Sent::BudgetSpent);
            }
            let longest = if has_control { self.frame_remaining } else { usize::MAX };
            let count = wire.write(self.front(longest))?;
            if count == 0 {
                return Ok(Sent::Refused);
            }
            spent += count;
            self.advance(count, chunks);
        }
    }

    /// Data of the first chunk.
    fn front(&self, longest: usize) -> &[u8] {
        let Some(chunk) = self.chunks.front() else { return &[] };
        let length = self.length.min(OUTBOX_CHUNK_BYTES - self.start).min(longest);
        &chunk[self.start..self.start + length]
    }

    /// Takes `count` sent bytes off the front.
    fn advance(&mut self, count: usize, chunks: &mut Chunks) {
        let mut rest = count;
        while rest > 0 {
            if self.frame_remaining == 0 {
                self.frame_remaining = frame_length(|index| self.byte(index));
            }
            let step = rest.min(self.frame_remaining);
            self.frame_remaining -= step;
            self.length -= step;
            self.start += step;
            rest -= step;
            self.give_back_sent(chunks);
        }
    }

    fn give_back_sent(&mut self, chunks: &mut Chunks) {
        while self.start >= OUTBOX_CHUNK_BYTES || (self.length == 0 && !self.chunks.is_empty()) {
            self.start = self.start.saturating_sub(OUTBOX_CHUNK_BYTES);
            if let Some(chunk) = self.chunks.pop_front() {
                chunks.give_back(chunk);
            }
        }
        if self.length == 0 {
            self.start = 0;
        }
    }

    /// The byte at `index` after the first one not yet sent.
    fn byte(&self, index: usize) -> u8 {
        let position = self.start + index;
        self.chunks
            .get(position / OUTBOX_CHUNK_BYTES)
            .map_or(0, |chunk| chunk[position % OUTBOX_CHUNK_BYTES])
    }
}

/// Bytes to the end of the frame in which the first `sent` bytes of whole frames end; 0 when they
/// end between two frames.
pub fn frame_remaining_after(frames: &[u8], sent: usize) -> usize {
    let mut position = 0;
    while position < sent {
        let rest = &frames[position..];
        position += frame_length(|index| rest.get(index).copied().unwrap_or_default());
    }
    position - sent
}

/// Length of the unmasked frame that begins at byte 0, header included (RFC 6455, 5.2).
fn frame_length(byte: impl Fn(usize) -> u8) -> usize {
    let number = |bytes: usize| (0..bytes).fold(0, |sum, at| sum << 8 | usize::from(byte(2 + at)));
    match byte(1) & 0x7f {
        126 => 4 + number(2),
        127 => 10 + number(8),
        short => 2 + usize::from(short),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Has so much room, and control frames of its own.
    #[derive(Default)]
    struct Kernel {
        taken: Vec<u8>,
        room: usize,
        control: Vec<u8>,
    }

    impl Kernel {
        fn take(&mut self, bytes: &[u8]) -> usize {
            let count = bytes.len().min(self.room);
            self.room -= count;
            self.taken.extend_from_slice(&bytes[..count]);
            count
        }
    }

    impl Wire for Kernel {
        fn write(&mut self, bytes: &[u8]) -> Result<usize, NetError> {
            Ok(self.take(bytes))
        }

        fn has_control(&self) -> bool {
            !self.control.is_empty()
        }

        fn write_control(&mut self) -> Result<bool, NetError> {
            let control = std::mem::take(&mut self.control);
            let count = self.take(&control);
            self.control = control[count..].to_vec();
            Ok(self.control.is_empty())
        }
    }

    fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x80 | opcode];
        match payload.len() {
            short @ 0..=125 => bytes.push(short as u8),
            medium @ 126..=0xffff => {
                bytes.push(126);
                bytes.extend_from_slice(&(medium as u16).to_be_bytes());
            }
            long => {
                bytes.push(127);
                bytes.extend_from_slice(&(long as u64).to_be_bytes());
            }
        }
        bytes.extend_from_slice(payload);
        bytes
    }

    /// Cuts a stream into frames: opcode and payload length.
    fn read_frames(mut stream: &[u8]) -> Vec<(u8, usize)> {
        let mut frames = Vec::new();
        while !stream.is_empty() {
            let length = frame_length(|index| stream[index]);
            let header = match stream[1] {
                126 => 4,
                127 => 10,
                _ => 2,
            };
            frames.push((stream[0] & 0x0f, length - header));
            stream = &stream[length..];
        }
        frames
    }

    #[test]
    fn a_control_frame_waits_for_the_frame_under_way_and_passes_the_rest() {
        let mut chunks = Chunks::default();
        let mut outbox = Outbox::default();
        let two = [frame(1, &[b'a'; 300]), frame(1, &[b'b'; 300])].concat();
        outbox.push(&two, 0, &mut chunks);
        let mut kernel = Kernel { room: 100, ..Kernel::default() };
        let sent = outbox.flush(&mut kernel, &mut chunks, usize::MAX).expect("no error");
        assert_eq!(sent, Sent::Refused);
        kernel.control.extend(frame(9, b""));
        kernel.room = 10_000;
        let sent = outbox.flush(&mut kernel, &mut chunks, usize::MAX).expect("no error");
        assert_eq!(sent, Sent::All);
        assert_eq!(read_frames(&kernel.taken), [(1, 300), (9, 0), (1, 300)]);
        assert_eq!(chunks.lent_bytes(), 0);
    }

    #[test]
    fn dropped_data_leaves_the_frame_under_way_whole() {
        let mut chunks = Chunks::default();
        let mut outbox = Outbox::default();
        let frames: Vec<u8> = (0..500).flat_map(|_| frame(1, &[b'x'; 200])).collect();
        let mut kernel = Kernel { room: 1_000, ..Kernel::default() };
        kernel.taken.extend_from_slice(&frames[..50]);
        outbox.push(&frames[50..], frame_remaining_after(&frames, 50), &mut chunks);
        outbox.flush(&mut kernel, &mut chunks, usize::MAX).expect("no error");
        assert!(outbox.drop_data(&mut chunks) > 90_000);
        kernel.control.extend(frame(8, &[0x0f, 0xa8]));
        kernel.room = 10_000;
        outbox.flush(&mut kernel, &mut chunks, usize::MAX).expect("no error");
        let read = read_frames(&kernel.taken);
        assert_eq!(read.last(), Some(&(8, 2)));
        assert!(read[..read.len() - 1].iter().all(|&frame| frame == (1, 200)));
        assert_eq!(chunks.lent_bytes(), 0);
    }

    #[test]
    fn the_budget_bounds_one_flush() {
        let mut chunks = Chunks::default();
        let mut outbox = Outbox::default();
        let frames: Vec<u8> = (0..1_000).flat_map(|_| frame(1, &[b'x'; 200])).collect();
        outbox.push(&frames, 0, &mut chunks);
        let mut kernel = Kernel { room: usize::MAX, ..Kernel::default() };
        let sent = outbox.flush(&mut kernel, &mut chunks, 1).expect("no error");
        assert_eq!(sent, Sent::BudgetSpent);
        assert_eq!(kernel.taken.len(), OUTBOX_CHUNK_BYTES);
        assert_eq!(outbox.len(), frames.len() - OUTBOX_CHUNK_BYTES);
    }

    proptest! {
        /// Whatever the kernel takes at a time, and whenever control frames come: data arrives
        /// complete and in order, control frames stand between frames and keep their order too.
        #[test]
        fn everything_arrives_in_order(
            payloads in prop::collection::vec(0_usize..70_000, 1..12),
            rooms in prop::collection::vec(1_usize..60_000, 1..40),
        ) {
            let mut chunks = Chunks::default();
            let mut outbox = Outbox::default();
            let mut kernel = Kernel::default();
            let mut rooms = rooms.into_iter().cycle();
            let mut pings = 0;
            for (index, &length) in payloads.iter().enumerate() {
                outbox.push(&frame(1, &vec![b'x'; length]), 0, &mut chunks);
                if index % 3 == 1 {
                    kernel.control.extend(frame(9, &[0; 4]));
                    pings += 1;
                }
                kernel.room = rooms.next().unwrap_or(1);
                outbox.flush(&mut kernel, &mut chunks, usize::MAX).expect("no error");
            }
            while !outbox.is_empty() || kernel.has_control() {
                kernel.room = rooms.next().unwrap_or(1);
                outbox.flush(&mut kernel, &mut chunks, usize::MAX).expect("no error");
            }
            let read = read_frames(&kernel.taken);
            let data: Vec<usize> =
                read.iter().filter(|frame| frame.0 == 1).map(|frame| frame.1).collect();
            prop_assert_eq!(data, payloads);
            prop_assert_eq!(read.iter().filter(|frame| **frame == (9, 4)).count(), pings);
            prop_assert_eq!(chunks.lent_bytes(), 0);
        }
    }
}
