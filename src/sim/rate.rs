//! How much was asked of an exchange lately.

use std::collections::VecDeque;

use crate::clock::MonoNanos;

/// What was asked in the present window, which is aligned to the clock. All clients here share one
/// address.
#[derive(Debug)]
pub(super) struct Window {
    pub(super) bound: u32,
    length_ms: i64,
    present: i64,
    pub(super) used: u32,
}

impl Window {
    pub(super) const fn new(bound: u32, length_ms: i64) -> Self {
        Self { bound, length_ms, present: 0, used: 0 }
    }

    /// Spends `weight`; false when this window has no more.
    pub(super) fn spend(&mut self, weight: u32, unix_ms: i64) -> bool {
        let present = unix_ms.div_euclid(self.length_ms);
        if present != self.present {
            (self.present, self.used) = (present, 0);
        }
        self.used = self.used.saturating_add(weight);
        self.used <= self.bound
    }
}

/// When something was asked lately, oldest first.
#[derive(Debug, Default)]
pub(super) struct Recent(VecDeque<MonoNanos>);

impl Recent {
    /// Counts one; false when there were more than `most` in so many nanoseconds.
    pub(super) fn count(&mut self, most: usize, within_ns: u64, now: MonoNanos) -> bool {
        while self.0.pop_front_if(|at| now.since(*at) >= within_ns).is_some() {}
        self.0.push_back(now);
        self.0.len() <= most
    }
}
