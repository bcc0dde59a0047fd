//! The last events of every stream, in chunks that all streams share.
//!
//! ```text
//! stream   chunk ▶ chunk ▶ chunk        oldest ▶ newest; records packed, each chunk by itself
//! stream   chunk
//!
//! a stream needs a chunk:  one that is free ▶ a new one below the bound ▶ one that another gives
//! ```
//!
//! A stream gives up its oldest chunk when what is newer holds all the events that it may keep, or
//! when all streams together have reached the bound and it holds the most: who needs the chunk,
//! where it is among those that hold the most, else the one that came to hold so many last. So a
//! busy stream shortens its own history and that of others as busy; a quiet one keeps the few
//! events that it has.
//!
//! Memory for all chunks is reserved at the start. The system hands out pages when they are
//! written, so that what is held grows up to the bound and stays there; chunks given up are used
//! again.

use super::packed::{Context, RECORD_BYTES_MAX, Record};
use super::{HistoryBounds, Stream};
use crate::instrument::InstrumentId;
use crate::limits::{CANDLES_KEPT_MAX, HISTORY_CHUNK_BYTES};
use crate::tick::Interval;

/// No chunk, or no stream.
const NONE: u32 = u32::MAX;

/// Bytes of a chunk for records; the rest says what it holds.
const RECORDS_BYTES: usize = HISTORY_CHUNK_BYTES - 18;

/// Records of one stream that follow each other.
#[derive(Clone, Debug)]
struct Chunk {
    /// The number of its newest record.
    seq_last: u64,
    /// The chunk behind it, of its stream or among the free ones.
    next: u32,
    /// Bytes written.
    length: u16,
    records: u16,
    /// Events that begin in it.
    events: u16,
    bytes: [u8; RECORDS_BYTES],
}

const _: () = assert!(size_of::<Chunk>() == HISTORY_CHUNK_BYTES);
const _: () = assert!(RECORDS_BYTES > 4 * RECORD_BYTES_MAX);

/// One stream's chunks.
#[derive(Clone, Debug)]
struct Chain {
    oldest: u32,
    newest: u32,
    chunks: u32,
    /// Neighbours among the streams that hold as many chunks.
    before: u32,
    after: u32,
    /// Records held, and of those the ones that may be told: the newest so many.
    records: usize,
    records_max: usize,
    /// The newest number of which something is not held any more.
    dropped_through: u64,
    /// What the next record is compared with.
    last: Context,
}

/// The histories of all streams.
#[derive(Clone, Debug)]
pub(super) struct Histories {
    events_max: usize,
    chunks_max: usize,
    chunks: Vec<Chunk>,
    /// The first chunk that nobody holds.
    free: u32,
    chunks_free: usize,
    chains: Vec<Chain>,
    /// The first stream that holds so many chunks, by their count.
    holders: Vec<u32>,
    /// The most chunks that a stream holds.
    chunks_most: usize,
    evicted: u64,
}

/// The history of one stream.
#[derive(Clone, Copy, Debug)]
struct ChainId(usize);

impl ChainId {
    #[inline]
    const fn of(instrument: InstrumentId, stream: Stream) -> Self {
        Self(instrument.index() * Stream::COUNT + stream.index())
    }
}

impl Histories {
    /// What the streams of one instrument take besides their chunks.
    pub(super) const BYTES_PER_INSTRUMENT: usize = Stream::COUNT * size_of::<Chain>();

    /// Bytes of the chunks of so many instruments with usual events, and at most.
    pub(super) const fn sizes(bounds: HistoryBounds, instruments: usize) -> (usize, usize) {
        let candles =
            if bounds.events < CANDLES_KEPT_MAX { bounds.events } else { CANDLES_KEPT_MAX };
        // A trade, a quote, a ticker and a level; a candle of each interval.
        let one = bounds.events.saturating_mul(16 + 20 + 30 + 8)
            + candles.saturating_mul(35 * Interval::ALL.len())
            + Stream::COUNT * HISTORY_CHUNK_BYTES;
        let most = bounds.bytes / HISTORY_CHUNK_BYTES * HISTORY_CHUNK_BYTES;
        let all = one.saturating_mul(instruments);
        (if all < most { all } else { most }, most)
    }

    pub(super) fn new(bounds: HistoryBounds) -> Self {
        let chunks_max = (bounds.bytes / HISTORY_CHUNK_BYTES).clamp(1, NONE as usize - 1);
        // A ticker takes three records, and no stream takes more.
        let chunks_of_one = chunks_of(bounds.events.saturating_mul(3));
        Self {
            events_max: bounds.events,
            chunks_max,
            chunks: Vec::with_capacity(chunks_max),
            free: NONE,
            chunks_free: 0,
            chains: Vec::new(),
            holders: vec![NONE; chunks_of_one.min(chunks_max) + 1],
            chunks_most: 0,
            evicted: 0,
        }
    }

    /// Makes room for the streams of one more instrument.
    pub(super) fn add_instrument(&mut self) {
        let events = self.events_max;
        // Trades, quotes, tickers of three records, levels of books; candles of two records.
        let mut maxima = [events.saturating_mul(2).min(2 * CANDLES_KEPT_MAX); Stream::COUNT];
        maxima[Stream::Trades.index()] = events;
        maxima[Stream::Quotes.index()] = events;
        maxima[Stream::Ticker.index()] = events.saturating_mul(3);
        maxima[Stream::Orderbook.index()] = events;
        self.chains.extend(maxima.map(Chain::new));
    }

    /// Adds the newest record of a stream; the oldest gives way where there is no room.
    #[inline]
    pub(super) fn push(&mut self, instrument: InstrumentId, stream: Stream, record: &Record) {
        let id = ChainId::of(instrument, stream);
        let Some(chain) = self.chains.get_mut(id.0) else { return };
        if chain.records_max == 0 {
            chain.dropped_through = record.seq;
            return;
        }
        let begins = !chain.last.is_of(record.seq);
        let mut packed = [0; RECORD_BYTES_MAX];
        let mut length = chain.last.pack(record, &mut packed);
        let newest = self.chunks.get(chain.newest as usize);
        if newest.is_none_or(|chunk| usize::from(chunk.length) + length > RECORDS_BYTES) {
            self.add_chunk(id);
            let chain = &mut self.chains[id.0];
            chain.last = Context::default();
            length = chain.last.pack(record, &mut packed);
        }
        let chain = &mut self.chains[id.0];
        let chunk = &mut self.chunks[chain.newest as usize];
        chunk.append(record.seq, &packed[..length], begins);
        chain.records += 1;
        if chain.records - usize::from(self.chunks[chain.oldest as usize].records)
            >= chain.records_max
        {
            self.release_oldest(id);
        }
    }

    /// Forgets everything of a stream: nothing up to and including `seq` can be asked for.
    pub(super) fn forget(&mut self, instrument: InstrumentId, stream: Stream, seq: u64) {
        let id = ChainId::of(instrument, stream);
        while self.chains.get(id.0).is_some_and(|chain| chain.chunks > 0) {
            self.release_oldest(id);
        }
        if let Some(chain) = self.chains.get_mut(id.0) {
            chain.dropped_through = seq;
        }
    }

    /// Whether every record with a number above `seq` is held.
    pub(super) fn holds_since(&self, instrument: InstrumentId, stream: Stream, seq: u64) -> bool {
        seq >= self.dropped_through(ChainId::of(instrument, stream))
    }

    /// Whether nothing was ever dropped.
    pub(super) fn holds_all(&self, instrument: InstrumentId, stream: Stream) -> bool {
        self.dropped_through(ChainId::of(instrument, stream)) == 0
    }

    /// The records of events with a number above `seq`, oldest first. Of an event of which a
    /// record was dropped there is none.
    pub(super) fn since(
        &self,
        instrument: InstrumentId,
        stream: Stream,
        seq: u64,
    ) -> impl Iterator<Item = Record> + '_ {
        let id = ChainId::of(instrument, stream);
        let after = seq.max(self.dropped_through(id));
        let first = self.chains.get(id.0).map_or(NONE, |chain| chain.oldest);
        let chunks = std::iter::successors(self.chunks.get(first as usize), |chunk| {
            self.chunks.get(chunk.next as usize)
        });
        let chunks = chunks.skip_while(move |chunk| chunk.seq_last <= after);
        chunks.flat_map(Chunk::records).skip_while(move |record| record.seq <= after)
    }

    /// Bytes of the chunks that hold records.
    pub(super) const fn bytes(&self) -> usize {
        (self.chunks.len() - self.chunks_free) * HISTORY_CHUNK_BYTES
    }

    /// Events that gave way because all histories together had reached the bound.
    pub(super) const fn evicted(&self) -> u64 {
        self.evicted
    }

    /// The newest number of which something is not held, or not told any more.
    fn dropped_through(&self, id: ChainId) -> u64 {
        let Some(chain) = self.chains.get(id.0) else { return u64::MAX };
        let Some(beyond) = chain.records.checked_sub(chain.records_max + 1) else {
            return chain.dropped_through;
        };
        // What is beyond stands in the oldest chunk alone, else that would have been given up.
        let oldest = self.chunks.get(chain.oldest as usize);
        let last_beyond = oldest.and_then(|chunk| chunk.records().nth(beyond));
        last_beyond.map_or(chain.dropped_through, |record| record.seq)
    }

    /// Puts an empty chunk behind the newest of a stream.
    #[cold]
    fn add_chunk(&mut self, id: ChainId) {
        let chunk = self.take_chunk(id);
        let chain = &mut self.chains[id.0];
        match self.chunks.get_mut(chain.newest as usize) {
            Some(newest) => newest.next = chunk,
            None => chain.oldest = chunk,
        }
        chain.newest = chunk;
        self.set_count(id, self.chains[id.0].chunks + 1);
    }

    /// An empty chunk that is nobody's.
    fn take_chunk(&mut self, id: ChainId) -> u32 {
        if self.free == NONE {
            if self.chunks.len() < self.chunks_max {
                self.chunks.push(Chunk::EMPTY);
                return self.chunks.len() as u32 - 1;
            }
            let giver = match self.chains[id.0].chunks as usize {
                chunks if chunks == self.chunks_most => id,
                _ => ChainId(self.holders[self.chunks_most] as usize),
            };
            let oldest = self.chains[giver.0].oldest;
            self.evicted += u64::from(self.chunks[oldest as usize].events);
            self.release_oldest(giver);
        }
        let index = self.free;
        let chunk = &mut self.chunks[index as usize];
        self.free = chunk.next;
        self.chunks_free -= 1;
        (chunk.next, chunk.length, chunk.records, chunk.events) = (NONE, 0, 0, 0);
        index
    }

    /// Frees the oldest chunk of a stream that has one.
    #[cold]
    fn release_oldest(&mut self, id: ChainId) {
        let chain = &mut self.chains[id.0];
        let index = chain.oldest;
        let chunk = &mut self.chunks[index as usize];
        chain.oldest = chunk.next;
        if chain.oldest == NONE {
            chain.newest = NONE;
        }
        chain.records -= usize::from(chunk.records);
        chain.dropped_through = chunk.seq_last;
        chunk.next = self.free;
        self.free = index;
        self.chunks_free += 1;
        self.set_count(id, self.chains[id.0].chunks - 1);
    }

    /// Moves a stream from those that hold as many chunks as it did to those that hold `chunks`.
    /// A stream without chunks stands nowhere.
    fn set_count(&mut self, id: ChainId, chunks: u32) {
        let Chain { chunks: old, before, after, .. } = self.chains[id.0];
        if old > 0 {
            match self.chains.get_mut(before as usize) {
                Some(before) => before.after = after,
                None => self.holders[old as usize] = after,
            }
            if let Some(after) = self.chains.get_mut(after as usize) {
                after.before = before;
            }
        }
        let first = if chunks > 0 { self.holders[chunks as usize] } else { NONE };
        if chunks > 0 {
            self.holders[chunks as usize] = id.0 as u32;
        }
        if let Some(first) = self.chains.get_mut(first as usize) {
            first.before = id.0 as u32;
        }
        let chain = &mut self.chains[id.0];
        (chain.chunks, chain.before, chain.after) = (chunks, NONE, first);
        self.chunks_most = self.chunks_most.max(chunks as usize);
        if self.holders[self.chunks_most] == NONE {
            // Counts change by one, so the next smaller one is held by whoever has just moved.
            self.chunks_most = self.chunks_most.saturating_sub(1);
        }
    }
}

impl Chain {
    fn new(records_max: usize) -> Self {
        Self {
            oldest: NONE,
            newest: NONE,
            chunks: 0,
            before: NONE,
            after: NONE,
            records: 0,
            records_max,
            dropped_through: 0,
            last: Context::default(),
        }
    }
}

impl Chunk {
    const EMPTY: Self = Self {
        seq_last: 0,
        next: NONE,
        length: 0,
        records: 0,
        events: 0,
        bytes: [0; RECORDS_BYTES],
    };

    #[inline]
    fn append(&mut self, seq: u64, packed: &[u8], begins: bool) {
        let start = usize::from(self.length);
        self.bytes[start..start + packed.len()].copy_from_slice(packed);
        // A chunk has fewer bytes than fit an `u16`, and a record takes one at least.
        self.length += packed.len() as u16;
        self.records += 1;
        self.events += u16::from(begins);
        self.seq_last = seq;
    }

    /// Its records, oldest first.
    fn records(&self) -> impl Iterator<Item = Record> + '_ {
        let mut context = Context::default();
        let mut rest = &self.bytes[..usize::from(self.length)];
        std::iter::from_fn(move || {
            let (record, length) = context.unpack(rest)?;
            rest = rest.get(length..)?;
            Some(record)
        })
    }
}

/// Chunks that so many records of one stream may take, at their longest, with the oldest chunk
/// that is partly not told any more and the newest that is partly filled.
const fn chunks_of(records: usize) -> usize {
    records / (RECORDS_BYTES / RECORD_BYTES_MAX) + 3
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;
    use crate::cache::Stamp;
    use crate::clock::UnixNanos;
    use crate::tick::{Body, Reason};

    const STREAMS: [Stream; 3] = [Stream::Trades, Stream::Quotes, Stream::Orderbook];

    fn histories(events: usize, chunks: usize) -> Histories {
        let bytes = chunks * HISTORY_CHUNK_BYTES;
        let mut histories = Histories::new(HistoryBounds { events, bytes });
        histories.add_instrument();
        histories.add_instrument();
        histories
    }

    /// A record that packs badly, so that few fill a chunk.
    fn record(seq: u64) -> Record {
        let noise = seq.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let stamp =
            Stamp { exchange_time: UnixNanos(noise as i64), received: UnixNanos(seq as i64) };
        let body = Body::Quote { digits: [0; 4], mantissas: [noise as i64; 4] };
        Record { seq, stamp, body }
    }

    fn held(histories: &Histories, id: u16, stream: Stream, seq: u64) -> Vec<u64> {
        histories.since(InstrumentId(id.into()), stream, seq).map(|record| record.seq).collect()
    }

    proptest! {
        #[test]
        fn a_history_equals_a_deque_that_is_cut(
            events_max in 0..300_usize,
            runs in prop::collection::vec((1..4_usize, prop::bool::weighted(0.01)), 0..400),
            asked in 0..500_u64,
        ) {
            let mut histories = histories(events_max, 1_000);
            let id = InstrumentId(1);
            let (mut twin, mut dropped) = (VecDeque::new(), 0);
            for (index, (run, forget)) in runs.into_iter().enumerate() {
                let seq = index as u64 + 1;
                if forget {
                    histories.forget(id, Stream::Trades, seq);
                    twin.clear();
                    dropped = seq;
                    continue;
                }
                for _ in 0..run {
                    histories.push(id, Stream::Trades, &record(seq));
                    twin.push_back(seq);
                    if twin.len() > events_max {
                        dropped = twin.pop_front().unwrap_or(0);
                    }
                }
            }
            let expected: Vec<u64> =
                twin.into_iter().filter(|&seq| seq > asked.max(dropped)).collect();
            prop_assert_eq!(held(&histories, 1, Stream::Trades, asked), expected);
            prop_assert_eq!(histories.holds_since(id, Stream::Trades, asked), asked >= dropped);
            prop_assert_eq!(histories.holds_all(id, Stream::Trades), dropped == 0);
        }

        /// Whatever is pushed: the bound holds, what is told is the newest without a hole, and
        /// what gave way is counted.
        #[test]
        fn together_they_stay_below_the_bound_and_share_it(
            chunks_max in 1..20_usize,
            pushes in prop::collection::vec((0..2_u16, 0..3_usize, 1..60_usize), 1..120),
        ) {
            let mut histories = histories(1_000_000, chunks_max);
            let mut seqs = [[0_u64; 3]; 2];
            for (id, stream, count) in pushes {
                for _ in 0..count {
                    let seq = &mut seqs[usize::from(id)][stream];
                    *seq += 1;
                    histories.push(InstrumentId(id.into()), STREAMS[stream], &record(*seq));
                }
                prop_assert!(histories.bytes() <= chunks_max * HISTORY_CHUNK_BYTES);
                let counts: Vec<usize> =
                    histories.chains.iter().map(|chain| chain.chunks as usize).collect();
                prop_assert_eq!(counts.iter().max(), Some(&histories.chunks_most));
                prop_assert_eq!(
                    counts.iter().sum::<usize>() * HISTORY_CHUNK_BYTES,
                    histories.bytes()
                );
            }
            let mut dropped_events = 0;
            for (id, seqs) in [0, 1].into_iter().zip(seqs) {
                for (stream, newest) in STREAMS.into_iter().zip(seqs) {
                    let told = held(&histories, id, stream, 0);
                    let dropped = newest - told.len() as u64;
                    prop_assert_eq!(told, (dropped + 1..=newest).collect::<Vec<_>>());
                    let id = InstrumentId(id.into());
                    prop_assert!(histories.holds_since(id, stream, dropped));
                    prop_assert_eq!(histories.holds_all(id, stream), dropped == 0);
                    dropped_events += dropped;
                }
            }
            prop_assert_eq!(histories.evicted(), dropped_events);
        }
    }

    #[test]
    fn a_busy_stream_leaves_a_quiet_one_its_events() {
        let mut histories = histories(1_000_000, 10);
        let (busy, quiet) = (InstrumentId(0), InstrumentId(1));
        let day = Stream::Candles(Interval::Day1);
        (1..=3).for_each(|seq| histories.push(quiet, day, &record(seq)));
        (1..=10_000).for_each(|seq| histories.push(busy, Stream::Trades, &record(seq)));
        assert_eq!(held(&histories, 1, day, 0), [1, 2, 3]);
        let kept = held(&histories, 0, Stream::Trades, 0).len();
        assert!(kept > 100, "{kept}");
        // A second busy one gets its half.
        (1..=10_000).for_each(|seq| histories.push(quiet, Stream::Trades, &record(seq)));
        let chunks = |id: usize| histories.chains[id * Stream::COUNT].chunks;
        assert!(chunks(0).abs_diff(chunks(1)) <= 1, "{} {}", chunks(0), chunks(1));
        assert_eq!(held(&histories, 1, day, 0), [1, 2, 3]);
    }

    #[test]
    fn what_is_forgotten_is_not_held_and_its_memory_is_used_again() {
        let mut histories = histories(1_000, 5);
        let (one, other) = (InstrumentId(0), InstrumentId(1));
        (1..=40).for_each(|seq| histories.push(one, Stream::Orderbook, &record(seq)));
        histories.forget(one, Stream::Orderbook, 41);
        assert_eq!(histories.bytes(), 0);
        assert!(!histories.holds_since(one, Stream::Orderbook, 40));
        assert!(histories.holds_since(one, Stream::Orderbook, 41));
        (1..=40).for_each(|seq| histories.push(other, Stream::Trades, &record(seq)));
        assert_eq!(histories.evicted(), 0);
        (42..=43).for_each(|seq| histories.push(one, Stream::Orderbook, &record(seq)));
        assert_eq!(held(&histories, 0, Stream::Orderbook, 0), [42, 43]);
    }

    #[test]
    fn an_event_that_lost_a_record_is_not_told_in_part() {
        let mut histories = histories(3, 5);
        let id = InstrumentId(0);
        for seq in [1, 2, 2, 3, 3] {
            let body =
                Body::Gap { channel: Stream::Quotes.channel(), reason: Reason::Eof, missed: 1 };
            histories.push(id, Stream::Quotes, &Record { body, ..record(seq) });
        }
        assert_eq!(held(&histories, 0, Stream::Quotes, 0), [3, 3]);
        assert!(!histories.holds_since(id, Stream::Quotes, 1));
        assert!(histories.holds_since(id, Stream::Quotes, 2));
    }
}
