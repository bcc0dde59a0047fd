//! The last stages of each tick's path: popped, encoded, written. Each is stamped once per batch;
//! what is measured between them is recorded when the turn has written.

use crate::clock::MonoNanos;
use crate::latency::{Recorder, Span};
use crate::limits::TICKS_STAMPED_PER_FLUSH;
use crate::tick::Tick;

/// Stamps of one tick that somebody was told of.
#[derive(Clone, Copy, Debug)]
struct Stamped {
    received: MonoNanos,
    pushed: MonoNanos,
}

/// Ticks that were popped together.
#[derive(Clone, Copy, Debug)]
struct Batch {
    encoded: MonoNanos,
    /// How many of the stamped ticks are its own.
    told: usize,
}

/// Stamps the last stages of a batch of ticks and records them when the turn has written.
#[derive(Debug)]
pub(crate) struct Spans {
    recorder: Recorder,
    popped: MonoNanos,
    taken: u64,
    told: usize,
    /// Ticks that wait for the write; those beyond the capacity are not measured.
    ticks: Vec<Stamped>,
    batches: Vec<Batch>,
}

impl Spans {
    pub(crate) fn new(recorder: Recorder) -> Self {
        Self {
            recorder,
            popped: MonoNanos::ZERO,
            taken: 0,
            told: 0,
            ticks: Vec::with_capacity(TICKS_STAMPED_PER_FLUSH),
            batches: Vec::with_capacity(TICKS_STAMPED_PER_FLUSH),
        }
    }

    /// A batch comes out of a ring.
    pub(crate) fn popped(&mut self, now: MonoNanos) {
        self.popped = now;
        (self.taken, self.told) = (0, 0);
    }

    /// One tick of it, and whether somebody was told.
    #[inline]
    pub(crate) fn tick(&mut self, tick: &Tick, told: bool) {
        self.taken += 1;
        self.recorder.record(Span::PushedPopped, self.popped.since(tick.pushed()));
        if told && self.ticks.len() < TICKS_STAMPED_PER_FLUSH {
            self.told += 1;
            self.ticks.push(Stamped { received: tick.received, pushed: tick.pushed() });
        }
    }

    /// The batch is encoded for everyone who wants it.
    pub(crate) fn encoded(&mut self, now: MonoNanos) {
        self.recorder.record_n(Span::PoppedEncoded, now.since(self.popped), self.taken);
        if self.told > 0 {
            self.batches.push(Batch { encoded: now, told: self.told });
        }
    }

    /// Everything encoded since the last call is with the kernel, or in an outbox.
    pub(crate) fn written(&mut self, now: MonoNanos) {
        let mut ticks = self.ticks.iter();
        for batch in &self.batches {
            self.recorder.record_n(
                Span::EncodedWritten,
                now.since(batch.encoded),
                batch.told as u64,
            );
            for tick in ticks.by_ref().take(batch.told) {
                self.recorder.record(Span::RingToClient, now.since(tick.pushed));
                self.recorder.record(Span::SocketToClient, now.since(tick.received));
            }
        }
        self.forget();
    }

    /// Nothing of it was written.
    pub(crate) fn forget(&mut self) {
        self.ticks.clear();
        self.batches.clear();
    }

    /// Hands the histograms over when they are due.
    pub(crate) fn hand_over(&mut self, now: MonoNanos) {
        self.recorder.hand_over(now);
    }

    /// For the end of the thread.
    pub(crate) fn finish(self) {
        self.recorder.finish();
    }
}
