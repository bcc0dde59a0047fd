//! What clients want of books, for whoever fetches their snapshots: those of most clients first.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::instrument::InstrumentId;
use crate::limits::INSTRUMENTS_MAX;

/// Subscriptions of each instrument's book. The broadcaster writes, the control side reads.
#[derive(Debug)]
pub struct Demand(Box<[AtomicU32]>);

impl Default for Demand {
    fn default() -> Self {
        Self((0..INSTRUMENTS_MAX).map(|_| AtomicU32::new(0)).collect())
    }
}

impl Demand {
    /// Subscriptions of an instrument's book.
    pub fn of(&self, instrument: InstrumentId) -> u32 {
        // Relaxed: lone values; readers need no order with other memory.
        self.0.get(instrument.index()).map_or(0, |number| number.load(Ordering::Relaxed))
    }

    pub(super) fn increment(&self, instrument: InstrumentId) {
        self.change(instrument, |number| number.saturating_add(1));
    }

    pub(super) fn decrement(&self, instrument: InstrumentId) {
        self.change(instrument, |number| number.saturating_sub(1));
    }

    fn change(&self, instrument: InstrumentId, to: impl Fn(u32) -> u32) {
        if let Some(number) = self.0.get(instrument.index()) {
            // Relaxed: see `of`. One writer, so no read-modify-write.
            number.store(to(number.load(Ordering::Relaxed)), Ordering::Relaxed);
        }
    }
}
