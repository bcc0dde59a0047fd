//! What requests beside the stream have cost, so that the exchange's limit is never met.

use std::time::Duration;

use crate::clock::UnixNanos;
use crate::exchange::RequestRules;

/// Share of an address's weight that we spend, in percent: other programs on this host may need
/// the rest, and the exchange's windows may not begin exactly when ours do.
const SHARE_PERCENT: u32 = 80;

/// Weight spent in the present window, which is aligned to the epoch as the exchange's own is.
#[derive(Debug)]
pub(super) struct Ledger {
    rules: RequestRules,
    window: i64,
    spent: u32,
    refused_until: UnixNanos,
}

impl Ledger {
    pub(super) const fn new(rules: RequestRules) -> Self {
        Self { rules, window: 0, spent: 0, refused_until: UnixNanos(0) }
    }

    /// Books `weight`, or says how long to wait before asking again.
    pub(super) fn take(&mut self, weight: u32, now: UnixNanos) -> Result<(), Duration> {
        if now < self.refused_until {
            return Err(between(now, self.refused_until));
        }
        let length = self.length();
        let window = now.0.div_euclid(length);
        if window != self.window {
            self.window = window;
            self.spent = 0;
        }
        let allowed = self.allowed();
        // A single request heavier than the share may go when nothing else was spent.
        if self.spent > 0 && self.spent + weight > allowed {
            return Err(between(now, UnixNanos((window + 1).saturating_mul(length))));
        }
        self.spent += weight;
        Ok(())
    }

    /// How long it takes at least until so much more weight can have been spent.
    pub(super) fn until_spent(&self, weight: u64, now: UnixNanos) -> Duration {
        let length = self.length();
        let from = now.max(self.refused_until);
        let window = from.0.div_euclid(length);
        let allowed = u64::from(self.allowed()).max(1);
        let spent = if window == self.window { u64::from(self.spent) } else { 0 };
        let beyond = weight.saturating_sub(allowed.saturating_sub(spent));
        let windows = i64::try_from(beyond.div_ceil(allowed)).unwrap_or(i64::MAX);
        match windows {
            0 => between(now, from),
            _ => between(now, UnixNanos(window.saturating_add(windows).saturating_mul(length))),
        }
    }

    /// What may be spent in a window.
    const fn allowed(&self) -> u32 {
        self.rules.weight_max / 100 * SHARE_PERCENT
    }

    /// Of a window, in nanoseconds.
    fn length(&self) -> i64 {
        i64::try_from(self.rules.window.as_nanos()).unwrap_or(i64::MAX).max(1)
    }

    /// The exchange wants to be left alone.
    pub(super) fn refuse_for(&mut self, wait: Duration, now: UnixNanos) {
        let wait = i64::try_from(wait.as_nanos()).unwrap_or(i64::MAX);
        self.refused_until = self.refused_until.max(UnixNanos(now.0.saturating_add(wait)));
    }
}

fn between(now: UnixNanos, then: UnixNanos) -> Duration {
    Duration::from_nanos(u64::try_from(then.0.saturating_sub(now.0)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000_000;

    fn ledger() -> Ledger {
        Ledger::new(RequestRules { weight_max: 1_000, window: Duration::from_secs(60) })
    }

    #[test]
    fn a_window_holds_its_share_and_the_next_one_begins_on_the_minute() {
        let mut ledger = ledger();
        let now = UnixNanos(10 * MINUTE + 45_000_000_000);
        for _ in 0..8 {
            assert_eq!(ledger.take(100, now), Ok(()));
        }
        assert_eq!(ledger.take(100, now), Err(Duration::from_secs(15)));
        assert_eq!(ledger.take(100, UnixNanos(11 * MINUTE)), Ok(()));
    }

    #[test]
    fn a_refusal_holds_everything_back_until_its_time() {
        let mut ledger = ledger();
        let now = UnixNanos(10 * MINUTE);
        ledger.refuse_for(Duration::from_secs(90), now);
        ledger.refuse_for(Duration::from_secs(5), now);
        assert_eq!(ledger.take(1, now), Err(Duration::from_secs(90)));
        assert_eq!(ledger.take(1, UnixNanos(11 * MINUTE + 30_000_000_000)), Ok(()));
    }

    #[test]
    fn the_time_until_all_is_asked_counts_windows_and_refusals() {
        let mut ledger = ledger();
        let now = UnixNanos(10 * MINUTE + 45_000_000_000);
        assert_eq!(ledger.take(500, now), Ok(()));
        assert_eq!(ledger.until_spent(300, now), Duration::ZERO);
        assert_eq!(ledger.until_spent(301, now), Duration::from_secs(15));
        assert_eq!(ledger.until_spent(300 + 800, now), Duration::from_secs(15));
        assert_eq!(ledger.until_spent(300 + 801, now), Duration::from_secs(75));
        ledger.refuse_for(Duration::from_secs(20), now);
        assert_eq!(ledger.until_spent(800, now), Duration::from_secs(20));
        assert_eq!(ledger.until_spent(801, now), Duration::from_secs(75));
    }

    #[test]
    fn a_request_heavier_than_the_share_still_goes_alone() {
        let mut ledger = ledger();
        assert_eq!(ledger.take(950, UnixNanos(MINUTE)), Ok(()));
        assert!(ledger.take(1, UnixNanos(MINUTE)).is_err());
    }
}
