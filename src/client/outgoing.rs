//! The way of bytes to one client: ranges of this turn's arena straight to the kernel, what it
//! refuses into the outbox.

use super::arena::{Arena, Range};
use super::outbox::{Chunks, Outbox, Sent, Wire, frame_remaining_after};
use crate::limits::{ARENA_BYTES_KEPT, FLUSH_BYTES_MAX, FLUSH_BYTES_PER_TURN};
use crate::net::NetError;

/// What sessions share when they are flushed, one after the other.
#[derive(Debug)]
pub(crate) struct FlushBuffers {
    /// This turn's frames.
    pub(crate) arena: Arena,
    /// Store of the outboxes' chunks.
    pub(crate) chunks: Chunks,
    /// Where ranges that do not touch are gathered, so that each session costs one write: the
    /// copy costs 8 ns per frame, a second write 5 µs, and `writev` was measured no better.
    gathered: Vec<u8>,
    /// The ranges that stand there.
    gathered_of: Vec<Range>,
    /// What may still be written in this turn of what waits in outboxes.
    pub(crate) flush_left: usize,
}

impl FlushBuffers {
    pub(crate) fn new() -> Self {
        let (arena, chunks) = (Arena::new(), Chunks::default());
        let (gathered, gathered_of) = (Vec::new(), Vec::new());
        Self { arena, chunks, gathered, gathered_of, flush_left: FLUSH_BYTES_PER_TURN }
    }

    /// Ends the turn's ranges.
    pub(crate) fn clear(&mut self) {
        self.arena.clear();
        self.gathered_of.clear();
        self.gathered.clear();
        self.gathered.shrink_to(ARENA_BYTES_KEPT);
    }
}

/// What one client is still to be sent: ranges of this turn's arena, then its outbox.
#[derive(Debug)]
pub(crate) struct Outgoing {
    outbox: Outbox,
    ranges: Vec<Range>,
    /// Bytes from the first of `ranges` to the end of the last that is owed.
    owed_of_ranges: usize,
    /// Bytes from the front of the outbox to the end of the last that is owed.
    owed: usize,
    /// Whether the kernel may take bytes; false from a refusal until it says so.
    writable: bool,
}

impl Outgoing {
    pub(crate) fn new() -> Self {
        let (outbox, ranges) = (Outbox::default(), Vec::new());
        Self { outbox, ranges, owed_of_ranges: 0, owed: 0, writable: true }
    }

    /// Sends a range of this turn, behind everything else.
    #[inline]
    pub(crate) fn add(&mut self, range: Range) {
        match self.ranges.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => self.ranges.push(range),
        }
    }

    /// Brings the ranges into the order in which they were encoded. Groups hand theirs out one after the
    /// other, so that the events of two of them come interleaved.
    fn put_in_order(&mut self) {
        if self.ranges.is_sorted_by_key(|range| range.start) {
            return;
        }
        self.ranges.sort_unstable_by_key(|range| range.start);
        self.ranges.dedup_by(|next, last| {
            let touches = last.end == next.start;
            if touches {
                last.end = next.end;
            }
            touches
        });
    }

    /// The same of a range that the client asked for, or that makes up for what it missed. It does
    /// not count against a client: the next comes only when there is room.
    pub(crate) fn add_owed(&mut self, range: Range) {
        self.add(range);
        self.owed_of_ranges = self.ranges.iter().map(|range| range.len()).sum();
    }

    /// Bytes that the kernel refused and that wait.
    #[inline]
    pub(crate) fn waiting(&self) -> usize {
        self.outbox.len()
    }

    /// Of those: up to the end of the last that the client asked for.
    pub(crate) fn owed(&self) -> usize {
        self.owed
    }

    /// Of those: behind everything that the client asked for. So many events it did not read.
    #[inline]
    pub(crate) fn waiting_unasked(&self) -> usize {
        self.outbox.len() - self.owed
    }

    /// True when no data is to be written.
    pub(crate) fn is_empty(&self) -> bool {
        self.outbox.is_empty() && self.ranges.is_empty()
    }

    /// The kernel says that it takes bytes again.
    pub(crate) fn set_writable(&mut self) {
        self.writable = true;
    }

    /// Whether the kernel may take bytes.
    pub(crate) fn is_writable(&self) -> bool {
        self.writable
    }

    /// Forgets all data but the rest of a frame under way.
    pub(crate) fn drop_data(&mut self, chunks: &mut Chunks) {
        self.ranges.clear();
        (self.owed_of_ranges, self.owed) = (0, 0);
        self.outbox.drop_data(chunks);
    }

    /// Gives all memory back that is lent.
    pub(crate) fn release(&mut self, chunks: &mut Chunks) {
        self.ranges.clear();
        (self.owed_of_ranges, self.owed) = (0, 0);
        self.outbox.clear(chunks);
    }

    /// Writes control frames, what waits and this turn's ranges, within the budget of a turn;
    /// afterwards no range is held. Returns the bytes of data that the kernel took.
    ///
    /// # Errors
    /// Those of the connection.
    pub(crate) fn flush(
        &mut self,
        wire: &mut impl Wire,
        buffers: &mut FlushBuffers,
    ) -> Result<usize, NetError> {
        let waited = self.outbox.len();
        if self.writable && (waited > 0 || wire.has_control()) {
            let most = FLUSH_BYTES_MAX.min(buffers.flush_left);
            let sent = self.outbox.flush(wire, &mut buffers.chunks, most)?;
            self.writable = sent != Sent::Refused;
        }
        let taken = waited - self.outbox.len();
        self.owed = self.owed.saturating_sub(taken);
        buffers.flush_left = buffers.flush_left.saturating_sub(taken);
        self.put_in_order();
        let FlushBuffers { arena, chunks, gathered, gathered_of, .. } = buffers;
        let bytes = match self.ranges[..] {
            [] => return Ok(taken),
            [range] => arena.bytes(range),
            ref ranges => {
                // Clients that follow the same are written to one after the other.
                if gathered_of != ranges {
                    gathered.clear();
                    ranges.iter().for_each(|&range| gathered.extend_from_slice(arena.bytes(range)));
                    gathered_of.clear();
                    gathered_of.extend_from_slice(ranges);
                }
                &gathered[..]
            }
        };
        let mut sent = 0;
        if self.writable && self.outbox.is_empty() {
            // A partial write of a socket means that its buffer is full: a second attempt would
            // only cost a refusal.
            let most = bytes.len().min(FLUSH_BYTES_MAX);
            sent = wire.write(&bytes[..most])?;
            self.writable = sent == most;
        }
        if sent < bytes.len() {
            let waiting = self.outbox.len();
            if self.owed_of_ranges > sent {
                self.owed = waiting + self.owed_of_ranges - sent;
            }
            self.outbox.push(&bytes[sent..], frame_remaining_after(bytes, sent), chunks);
        }
        self.owed_of_ranges = 0;
        self.ranges.clear();
        Ok(taken + sent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::OUTBOX_CHUNK_BYTES;

    /// A socket whose buffer has so much room.
    struct Kernel {
        taken: Vec<u8>,
        room: usize,
        writes: usize,
        ping: bool,
    }

    impl Kernel {
        fn new(room: usize) -> Self {
            Self { taken: Vec::new(), room, writes: 0, ping: false }
        }
    }

    impl Wire for Kernel {
        fn write(&mut self, bytes: &[u8]) -> Result<usize, NetError> {
            self.writes += 1;
            let count = bytes.len().min(self.room);
            self.room -= count;
            self.taken.extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn has_control(&self) -> bool {
            self.ping
        }

        fn write_control(&mut self) -> Result<bool, NetError> {
            self.taken.extend_from_slice(b"\x89\x00");
            self.ping = false;
            Ok(true)
        }
    }

    fn text(buffers: &mut FlushBuffers, payload: &str) -> Range {
        let framed = buffers.arena.frame(|bytes| {
            bytes.extend_from_slice(payload.as_bytes());
            true
        });
        framed.expect("it has a payload")
    }

    #[test]
    fn neighbours_are_one_range_and_every_session_costs_one_write() {
        let mut buffers = FlushBuffers::new();
        let ranges: Vec<Range> =
            ["one", "two", "three"].iter().map(|word| text(&mut buffers, word)).collect();
        let mut all = Outgoing::new();
        ranges.iter().for_each(|&range| all.add(range));
        assert_eq!(all.ranges.len(), 1);
        let mut some = Outgoing::new();
        some.add(ranges[0]);
        some.add(ranges[2]);
        for (outgoing, expected) in [
            (&mut all, &b"\x81\x03one\x81\x03two\x81\x05three"[..]),
            (&mut some, b"\x81\x03one\x81\x05three"),
        ] {
            let mut kernel = Kernel::new(1_000);
            assert_eq!(outgoing.flush(&mut kernel, &mut buffers).expect("ok"), expected.len());
            assert_eq!(kernel.taken, expected);
            assert_eq!(kernel.writes, 1);
            assert!(outgoing.is_empty());
        }
    }

    #[test]
    fn ranges_of_several_groups_go_out_as_they_were_encoded_to_one_client_as_to_the_next() {
        let mut buffers = FlushBuffers::new();
        let ranges: Vec<Range> = ["one", "two", "not", "three", "four"]
            .iter()
            .map(|word| text(&mut buffers, word))
            .collect();
        for (order, expected) in [
            ([0, 3, 1, 4], &b"\x81\x03one\x81\x03two\x81\x05three\x81\x04four"[..]),
            ([0, 3, 1, 4], b"\x81\x03one\x81\x03two\x81\x05three\x81\x04four"),
            ([4, 2, 1, 0], b"\x81\x03one\x81\x03two\x81\x03not\x81\x04four"),
        ] {
            let (mut outgoing, mut kernel) = (Outgoing::new(), Kernel::new(1_000));
            order.iter().for_each(|&index: &usize| outgoing.add(ranges[index]));
            assert_eq!(outgoing.flush(&mut kernel, &mut buffers).expect("ok"), expected.len());
            assert_eq!(kernel.taken, expected);
        }
    }

    #[test]
    fn what_the_kernel_refuses_waits_and_later_turns_stand_behind_it() {
        let mut buffers = FlushBuffers::new();
        let mut outgoing = Outgoing::new();
        let mut kernel = Kernel::new(4);
        outgoing.add(text(&mut buffers, "first"));
        outgoing.flush(&mut kernel, &mut buffers).expect("ok");
        assert_eq!(outgoing.waiting(), 3);
        buffers.clear();
        outgoing.add(text(&mut buffers, "second"));
        outgoing.flush(&mut kernel, &mut buffers).expect("ok");
        assert_eq!(kernel.writes, 1, "not tried again before the kernel says so");
        kernel.ping = true;
        kernel.room = 1_000;
        outgoing.set_writable();
        outgoing.flush(&mut kernel, &mut buffers).expect("ok");
        assert_eq!(kernel.taken, b"\x81\x05first\x89\x00\x81\x06second");
        assert!(outgoing.is_empty());
        assert_eq!(buffers.chunks.lent_bytes(), 0);
    }

    #[test]
    fn who_reads_again_takes_a_share_of_each_turn_and_the_others_get_what_is_new() {
        let mut buffers = FlushBuffers::new();
        let unread = text(&mut buffers, &"x".repeat(3 * FLUSH_BYTES_PER_TURN));
        let mut pair = [(); 2].map(|()| (Outgoing::new(), Kernel::new(0)));
        for (outgoing, kernel) in &mut pair {
            outgoing.add(unread);
            assert_eq!(outgoing.flush(kernel, &mut buffers).expect("ok"), 0);
            kernel.room = usize::MAX;
            outgoing.set_writable();
        }
        let (mut reading, mut kernel) = (Outgoing::new(), Kernel::new(usize::MAX));
        let mut waits: Vec<usize> = pair.iter().map(|(outgoing, _)| outgoing.waiting()).collect();
        for turn in 0.. {
            buffers.clear();
            buffers.flush_left = FLUSH_BYTES_PER_TURN;
            let news = text(&mut buffers, "news");
            let mut taken = 0;
            for (at, (outgoing, kernel)) in pair.iter_mut().enumerate() {
                outgoing.flush(kernel, &mut buffers).expect("ok");
                taken += waits[at] - outgoing.waiting();
                waits[at] = outgoing.waiting();
            }
            let most = FLUSH_BYTES_PER_TURN + 2 * OUTBOX_CHUNK_BYTES;
            assert!(taken <= most, "turn {turn}: {taken} bytes of what waited");
            reading.add(news);
            assert_eq!(reading.flush(&mut kernel, &mut buffers).expect("ok"), 6, "turn {turn}");
            if waits == [0, 0] {
                assert!(turn > 5, "in so few turns");
                break;
            }
        }
        assert_eq!(buffers.chunks.lent_bytes(), 0);
    }
}
