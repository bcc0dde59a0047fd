//! Attempts to connect to one host, of all feeds that share it.
//!
//! The one thing that feed threads write in common: a ring with the times of the last attempts, as
//! many as a window allows. Its oldest one says when the next may be made, and is replaced by it
//! in one atomic step; who comes second asks again a millisecond later.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crate::clock::MonoNanos;
use crate::exchange::ConnectionRules;
use crate::limits::ATTEMPT_AGAIN_AFTER;

/// What an exchange allows in attempts from one address; clones are the same ledger.
#[derive(Clone, Debug)]
pub struct Attempts(Arc<Ledger>);

#[derive(Debug)]
struct Ledger {
    window: Duration,
    /// When the last attempts were made; 0 for none.
    times: Box<[AtomicU64]>,
    /// Of the oldest one, round after round.
    oldest: AtomicUsize,
}

impl Attempts {
    /// No attempt was made yet.
    ///
    /// # Panics
    /// When the rules allow none: then nothing could ever be connected.
    pub fn new(rules: &ConnectionRules) -> Self {
        assert!(rules.attempts_max > 0, "an exchange that allows no attempt cannot be reached");
        let times = (0..rules.attempts_max).map(|_| AtomicU64::new(0)).collect();
        Self(Arc::new(Ledger { window: rules.attempt_window, times, oldest: AtomicUsize::new(0) }))
    }

    /// Notes an attempt that is made now.
    ///
    /// # Errors
    /// When to ask again, if it may not be made yet.
    pub(in crate::feed) fn take(&self, now: MonoNanos) -> Result<(), MonoNanos> {
        let ledger = &*self.0;
        // Acquire: pairs with the Release below; the time that was replaced before is seen then.
        let index = ledger.oldest.load(Ordering::Acquire);
        let time = &ledger.times[index % ledger.times.len()];
        let oldest = time.load(Ordering::Relaxed);
        let allowed_at = MonoNanos(oldest).after(ledger.window);
        if oldest != 0 && now < allowed_at {
            return Err(allowed_at);
        }
        // Relaxed: only one thread can replace this very time; the rest is ordered by `oldest`.
        let taken = time.compare_exchange(oldest, now.0, Ordering::Relaxed, Ordering::Relaxed);
        if taken.is_err() {
            return Err(now.after(ATTEMPT_AGAIN_AFTER));
        }
        // Release: pairs with the Acquire above. A thread that comes in between finds the new time
        // at the old place and waits longer than it must, never shorter.
        ledger.oldest.store(index.wrapping_add(1), Ordering::Release);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::profile;
    use crate::instrument::ExchangeId;

    #[test]
    fn two_feeds_together_keep_what_one_address_is_allowed() {
        let rules = ConnectionRules {
            attempts_max: 3,
            attempt_window: Duration::from_secs(1),
            ..profile(ExchangeId::Binance).connection
        };
        let one = Attempts::new(&rules);
        let two = one.clone();
        let made: Vec<u64> = (0..40_u64)
            .filter(|step| {
                let now = MonoNanos(1 + step * 100_000_000);
                let feed = if step % 2 == 0 { &one } else { &two };
                feed.take(now).is_ok()
            })
            .collect();
        assert!(made.windows(4).all(|four| four[3] - four[0] >= 10), "{made:?}");
        assert_eq!(made.len(), 12);
    }
}
