//! The trades of a recording: one connection that nobody replaces, judged as a feed would.

use std::sync::Arc;

use super::{Numbers, Source, Verdict};
use crate::clock::{MonoNanos, UnixNanos};
use crate::exchange::{Profile, SequencedTick, TradeMark};
use crate::metrics::FeedCounters;
use crate::tick::Tick;

/// What the ids of recorded trades say: which is told, which came before, what is missing.
#[derive(Debug)]
pub struct RecordedTrades {
    numbers: Numbers,
    counters: Arc<FeedCounters>,
}

impl RecordedTrades {
    /// Nothing heard yet, of no instrument.
    pub fn new(profile: &Profile) -> Self {
        let counters = Arc::new(FeedCounters::default());
        let contiguous = profile.connection.trade_ids_contiguous;
        let continuity = profile.book.continuity;
        let mut numbers = Numbers::new(0, contiguous, continuity, false, Arc::clone(&counters));
        numbers.note_newest(SOURCE.generation);
        Self { numbers, counters }
    }

    /// There are so many instruments now.
    pub fn cover(&mut self, count: usize) {
        self.numbers.cover(count, &[]);
    }

    /// A trade that was read then. What is told of it goes into `out`: itself, unless it is repeated,
    /// and a gap before it. False of one that is not told.
    pub fn trade(&mut self, trade: &SequencedTick, at: MonoNanos, out: &mut Vec<Tick>) -> bool {
        let source = Source { received: at, ..SOURCE };
        self.numbers.trade(trade, source, out) != Verdict::Older
    }

    /// What the exchange said of an id beside its trades.
    pub fn mark(&mut self, mark: TradeMark, at: MonoNanos, out: &mut Vec<Tick>) {
        self.numbers.mark(mark, Source { received: at, ..SOURCE }, out);
    }

    /// Gaps told so far.
    pub fn gaps(&self) -> u64 {
        self.counters.gaps.value()
    }
}

/// The connection.
const SOURCE: Source =
    Source { generation: 1, copy: 0, received: MonoNanos::ZERO, sent: UnixNanos::NONE };
