//! The trades and states of a recording: one connection that nobody replaces, judged as a feed would.

use std::sync::Arc;

use super::{Numbers, Source, Verdict};
use crate::clock::{MonoNanos, UnixNanos};
use crate::exchange::{Profile, SequencedTick, TradeMark};
use crate::metrics::FeedCounters;
use crate::tick::{Body, Tick};

/// What the ids of recorded trades say: which is told, which came before, what is missing.
#[derive(Debug)]
pub struct RecordedTrades {
    numbers: Numbers,
    counters: Arc<FeedCounters>,
    /// Gaps that are of states.
    anew: u64,
}

/// What a recorded state is to those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordedState {
    /// Newer.
    Told,
    /// Told before, or something after it was.
    Repeated,
    /// The first of an exchange that counts anew.
    Anew,
}

impl RecordedTrades {
    /// Nothing heard yet, of no instrument.
    pub fn new(profile: &Profile) -> Self {
        let counters = Arc::new(FeedCounters::default());
        let contiguous = profile.connection.trade_ids_contiguous;
        let continuity = profile.book.continuity;
        let mut numbers = Numbers::new(0, contiguous, continuity, false, Arc::clone(&counters));
        numbers.note_newest(SOURCE.generation);
        Self { numbers, counters, anew: 0 }
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

    /// A quote or a ticker that was read then.
    pub fn state(&mut self, state: &SequencedTick, at: MonoNanos) -> RecordedState {
        let source = Source { received: at, ..SOURCE };
        let verdict = match state.tick.body {
            Body::Quote { .. } => self.numbers.quote(state, source),
            _ => self.numbers.ticker(state, source),
        };
        match verdict {
            Verdict::Older => RecordedState::Repeated,
            Verdict::Anew => {
                self.anew += 1;
                RecordedState::Anew
            }
            _ => RecordedState::Told,
        }
    }

    /// What the exchange said of an id beside its trades.
    pub fn mark(&mut self, mark: TradeMark, at: MonoNanos, out: &mut Vec<Tick>) {
        self.numbers.mark(mark, Source { received: at, ..SOURCE }, out);
    }

    /// Gaps of trades told so far.
    pub fn gaps(&self) -> u64 {
        self.counters.gaps.value() - self.anew
    }
}

/// The connection.
const SOURCE: Source =
    Source { generation: 1, copy: 0, received: MonoNanos::ZERO, sent: UnixNanos::NONE };
