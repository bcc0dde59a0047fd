//! What one frame held, between the parser that read it and the feed that publishes it.

use std::ops::Range;

use crate::book::BookKind;
use crate::clock::UnixNanos;
use crate::instrument::InstrumentId;
use crate::limits::{BATCH_LEVELS_KEPT, BATCH_TICKS_KEPT};
use crate::tick::{Level, Tick};

/// A tick with the number that the exchange gave to what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SequencedTick {
    /// The exchange's number of a trade (its id) or quote (its book's update id); 0 without one.
    pub sequence: u64,
    /// The tick, not yet stamped.
    pub tick: Tick,
}

/// One book event of one instrument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookUpdate {
    /// Whose book.
    pub instrument: InstrumentId,
    /// Whole or change.
    pub kind: BookKind,
    /// When the exchange says that it happened.
    pub exchange_time: UnixNanos,
    /// Number of the first update in it; 0 where there is none.
    pub first_id: u64,
    /// Number of the last update in it; 0 where there is none.
    pub last_id: u64,
    /// Number of the last update of the event before, where the exchange states it.
    pub previous_id: Option<u64>,
    /// Its levels in [`Batch::levels`].
    pub levels: Range<u32>,
}

/// Everything that one frame held. Reused from frame to frame, so that nothing is allocated once
/// it has grown to the usual size; the rare huge frame's memory is given back by [`Batch::clear`].
#[derive(Debug, Default)]
pub struct Batch {
    /// Trades, quotes, and the runs of ticks that make tickers and candles.
    pub ticks: Vec<SequencedTick>,
    /// Book events.
    pub books: Vec<BookUpdate>,
    /// Levels of all `books`.
    pub levels: Vec<Level>,
}

impl Batch {
    /// An empty batch with room for usual frames.
    pub fn new() -> Self {
        Self {
            ticks: Vec::with_capacity(BATCH_TICKS_KEPT),
            books: Vec::with_capacity(64),
            levels: Vec::with_capacity(BATCH_LEVELS_KEPT),
        }
    }

    /// Forgets the frame, and gives back what only a huge one needed.
    #[inline]
    pub fn clear(&mut self) {
        self.ticks.clear();
        self.books.clear();
        self.levels.clear();
        if self.levels.capacity() > 4 * BATCH_LEVELS_KEPT
            || self.ticks.capacity() > 4 * BATCH_TICKS_KEPT
        {
            self.shrink();
        }
    }

    #[cold]
    fn shrink(&mut self) {
        self.ticks.shrink_to(BATCH_TICKS_KEPT);
        self.levels.shrink_to(BATCH_LEVELS_KEPT);
    }

    /// True when the frame held neither tick nor book.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.ticks.is_empty() && self.books.is_empty()
    }

    /// Adds one tick.
    #[inline]
    pub fn push(&mut self, sequence: u64, tick: Tick) {
        self.ticks.push(SequencedTick { sequence, tick });
    }

    /// The levels of one of its book events.
    #[inline]
    pub fn levels_of(&self, book: &BookUpdate) -> &[Level] {
        &self.levels[book.levels.start as usize..book.levels.end as usize]
    }
}
