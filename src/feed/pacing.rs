//! What may be sent, or tried, how often.

use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::MonoNanos;

/// At most so many events in any window of a length; the window slides.
#[derive(Clone, Debug)]
pub(super) struct Pacer {
    max: usize,
    window: Duration,
    /// When the last events were, oldest first; at most `max`.
    events: VecDeque<MonoNanos>,
}

impl Pacer {
    /// Nothing happened yet.
    ///
    /// # Panics
    /// When `max` is 0: then nothing could ever be sent.
    pub(super) fn new(max: u32, window: Duration) -> Self {
        assert!(max > 0, "an exchange that allows no message cannot be spoken to");
        Self { max: max as usize, window, events: VecDeque::with_capacity(max as usize) }
    }

    /// When there is room again for an event that leaves `spare` of the window unused: not later
    /// than `now` when it may happen at once.
    pub(super) fn ready_at(&self, spare: usize) -> MonoNanos {
        let allowed = self.max.saturating_sub(spare).max(1);
        if self.events.len() < allowed {
            return MonoNanos::ZERO;
        }
        self.events[self.events.len() - allowed].after(self.window)
    }

    /// Notes an event, asked for or not.
    pub(super) fn note(&mut self, now: MonoNanos) {
        if self.events.len() == self.max {
            self.events.pop_front();
        }
        self.events.push_back(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn no_window_ever_holds_more_than_is_allowed() {
        let mut pacer = Pacer::new(5, SECOND);
        let mut sent: Vec<MonoNanos> = Vec::new();
        for step in 0..10_000_u64 {
            let now = MonoNanos(step * 7_000_000 + 1);
            if pacer.ready_at(0) <= now {
                pacer.note(now);
                sent.push(now);
            }
        }
        for window in sent.windows(6) {
            assert!(window[5].since(window[0]) >= 1_000_000_000);
        }
        assert!(sent.len() > 5 * 65, "the allowance is used: {}", sent.len());
    }

    #[test]
    fn what_is_spared_stays_free_for_answers() {
        let mut pacer = Pacer::new(5, SECOND);
        let now = MonoNanos(1);
        for _ in 0..3 {
            assert!(pacer.ready_at(2) <= now);
            pacer.note(now);
        }
        assert_eq!(pacer.ready_at(2), now.after(SECOND));
        assert!(pacer.ready_at(0) <= now);
        // Pongs were not asked for; they count all the same.
        pacer.note(MonoNanos(2));
        pacer.note(MonoNanos(3));
        assert_eq!(pacer.ready_at(0), now.after(SECOND));
    }
}
