//! What may be sent, how often.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crate::clock::MonoNanos;

/// At most so many events in any window of a length; the window slides. Clones count together, as
/// where an exchange counts by address and not by connection; all of them are one feed's, and so
/// one thread's.
#[derive(Clone, Debug)]
pub(in crate::feed) struct Pacer {
    window: Duration,
    events: Arc<Events>,
}

/// Atomics only so that a feed can be made on one thread and run on another: relaxed ones do.
#[derive(Debug)]
struct Events {
    /// How many there were in all.
    count: AtomicUsize,
    /// When the last of them were, each at its number modulo their bound.
    times: Box<[AtomicU64]>,
}

impl Pacer {
    /// Nothing happened yet.
    ///
    /// # Panics
    /// When `max` is 0: then nothing could ever be sent.
    pub(in crate::feed) fn new(max: u32, window: Duration) -> Self {
        assert!(max > 0, "an exchange that allows no message cannot be spoken to");
        let times = (0..max).map(|_| AtomicU64::new(0)).collect();
        Self { window, events: Arc::new(Events { count: AtomicUsize::new(0), times }) }
    }

    /// When there is room again for an event that leaves `spare` of the window unused: not later
    /// than `now` when it may happen at once.
    pub(in crate::feed) fn ready_at(&self, spare: usize) -> MonoNanos {
        let Events { count, times } = &*self.events;
        let (count, max) = (count.load(Ordering::Relaxed), times.len());
        let allowed = max.saturating_sub(spare).max(1);
        let Some(oldest) = count.checked_sub(allowed) else { return MonoNanos::ZERO };
        MonoNanos(times[oldest % max].load(Ordering::Relaxed)).after(self.window)
    }

    /// When the last of so many more events has room that leave `spare` of the window unused, at
    /// the earliest.
    pub(in crate::feed) fn room_for(&self, more: usize, spare: usize, now: MonoNanos) -> MonoNanos {
        let Events { count, times } = &*self.events;
        let (count, max) = (count.load(Ordering::Relaxed), times.len());
        let allowed = max.saturating_sub(spare).max(1);
        let Some(last) = more.checked_sub(1).map(|more| count + more) else { return now };
        // Each waits for the one that was so many before it, and that one for another if it is yet
        // to be.
        let windows = if last < count { 0 } else { (last - count) / allowed };
        let wait = self.window.saturating_mul(u32::try_from(windows).unwrap_or(u32::MAX));
        let first = (last - windows * allowed).checked_sub(allowed).map_or(now, |oldest| {
            MonoNanos(times[oldest % max].load(Ordering::Relaxed)).after(self.window).max(now)
        });
        first.after(wait)
    }

    /// Notes an event, asked for or not.
    pub(in crate::feed) fn note(&self, now: MonoNanos) {
        let Events { count, times } = &*self.events;
        let number = count.load(Ordering::Relaxed);
        times[number % times.len()].store(now.0, Ordering::Relaxed);
        count.store(number + 1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn no_window_ever_holds_more_than_is_allowed() {
        let pacer = Pacer::new(5, SECOND);
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
        let pacer = Pacer::new(5, SECOND);
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

    #[test]
    fn the_last_of_many_goes_when_it_is_said_to_go() {
        let pacer = Pacer::new(5, SECOND);
        let mut now = MonoNanos(1);
        for spare in [0, 2] {
            for more in [1, 2, 4, 9, 23] {
                let told = pacer.room_for(more, spare, now);
                for _ in 0..more {
                    now = pacer.ready_at(spare).max(now);
                    pacer.note(now);
                }
                assert_eq!(now, told, "{more} with {spare} spared");
                now = now.after(Duration::from_millis(130));
            }
        }
        assert_eq!(pacer.room_for(0, 0, now), now);
    }

    #[test]
    fn clones_count_together() {
        let pacer = Pacer::new(2, SECOND);
        let (other, now) = (pacer.clone(), MonoNanos(1));
        pacer.note(now);
        other.note(MonoNanos(2));
        assert_eq!((pacer.ready_at(0), other.ready_at(0)), (now.after(SECOND), now.after(SECOND)));
    }
}
