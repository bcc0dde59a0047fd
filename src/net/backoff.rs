//! How long to wait before the next attempt.

use std::time::Duration;

/// The bounds of a [`Backoff`], as configured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BackoffPolicy {
    /// The first wait.
    pub initial: Duration,
    /// No wait is longer, jitter left aside.
    pub max: Duration,
    /// Each wait is so many times the one before; 1 or more.
    pub factor: f64,
    /// Share of each wait that chance adds or takes away, 0 to 1, so that clients that were cut
    /// off together do not return together.
    pub jitter: f64,
    /// Attempts in a row before [`Backoff::next_wait`] gives up; 0 for never.
    pub max_attempts: u32,
}

impl Default for BackoffPolicy {
    fn default() -> Self {
        Self {
            initial: Duration::from_millis(500),
            max: Duration::from_secs(30),
            factor: 2.0,
            jitter: 0.2,
            max_attempts: 0,
        }
    }
}

/// Exponential waits with jitter. The same seed gives the same waits.
#[derive(Clone, Debug)]
pub struct Backoff {
    policy: BackoffPolicy,
    attempts: u32,
    random: u64,
}

impl Backoff {
    /// Nothing tried yet. `seed` should differ between processes and connections.
    pub const fn new(policy: BackoffPolicy, seed: u64) -> Self {
        Self { policy, attempts: 0, random: seed }
    }

    /// The wait before the next attempt; `None` when the attempts are used up.
    pub fn next_wait(&mut self) -> Option<Duration> {
        if self.policy.max_attempts != 0 && self.attempts >= self.policy.max_attempts {
            return None;
        }
        let exponent = i32::try_from(self.attempts.min(1_000)).unwrap_or(1_000);
        self.attempts = self.attempts.saturating_add(1);
        let longest = self.policy.max.as_secs_f64();
        let plain = (self.policy.initial.as_secs_f64()
            * self.policy.factor.max(1.0).powi(exponent))
        .min(longest);
        let jitter = self.policy.jitter.clamp(0.0, 1.0);
        let wait = plain * (1.0 + jitter * (2.0 * self.chance() - 1.0));
        Some(Duration::try_from_secs_f64(wait).unwrap_or(self.policy.max))
    }

    /// The wait before the next attempt when the peer named one of its own (`Retry-After`): never
    /// less than it asked for.
    pub fn next_wait_at_least(&mut self, asked: Duration) -> Option<Duration> {
        self.next_wait().map(|wait| wait.max(asked))
    }

    /// Attempts since the last [`Backoff::reset`].
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// A connection lasted: the next wait is the first again.
    pub const fn reset(&mut self) {
        self.attempts = 0;
    }

    /// A connection ended after `lasted`. One that stood longer than the longest wait, or than
    /// `enough` where that is less, starts the waits anew; one that was cut at once goes on with
    /// them, else a server that accepts and closes would be asked at full speed.
    pub fn ended_after(&mut self, lasted: Duration, enough: Duration) {
        if lasted >= self.policy.max.min(enough) {
            self.reset();
        }
    }

    /// From 0 up to 1. SplitMix64: chance for politeness, not for secrets.
    fn chance(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(jitter: f64, max_attempts: u32) -> BackoffPolicy {
        BackoffPolicy {
            initial: Duration::from_millis(100),
            max: Duration::from_secs(1),
            factor: 2.0,
            jitter,
            max_attempts,
        }
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let mut backoff = Backoff::new(policy(0.0, 0), 1);
        let waits: Vec<_> = (0..6).map(|_| backoff.next_wait().unwrap().as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1_000, 1_000]);
        for _ in 0..5_000 {
            assert_eq!(backoff.next_wait().unwrap().as_millis(), 1_000);
        }
    }

    #[test]
    fn jitter_spreads_the_waits_within_its_share() {
        let mut backoff = Backoff::new(policy(0.2, 0), 7);
        for _ in 0..4 {
            backoff.next_wait();
        }
        let waits: Vec<_> = (0..100).map(|_| backoff.next_wait().unwrap().as_millis()).collect();
        assert!(waits.iter().all(|wait| (800..=1_200).contains(wait)), "{waits:?}");
        assert!(waits.iter().any(|wait| *wait < 900) && waits.iter().any(|wait| *wait > 1_100));
    }

    #[test]
    fn the_same_seed_gives_the_same_waits_and_another_seed_others() {
        let waits = |seed| {
            let mut backoff = Backoff::new(policy(0.5, 0), seed);
            (0..5).map(|_| backoff.next_wait()).collect::<Vec<_>>()
        };
        assert_eq!(waits(3), waits(3));
        assert_ne!(waits(3), waits(4));
    }

    #[test]
    fn attempts_end_and_a_lasting_connection_begins_anew() {
        let mut backoff = Backoff::new(policy(0.0, 2), 1);
        assert!(backoff.next_wait().is_some() && backoff.next_wait().is_some());
        assert_eq!(backoff.next_wait(), None);
        let (short, long) = (Duration::from_millis(10), Duration::from_secs(1));
        backoff.ended_after(short, Duration::MAX);
        assert_eq!(backoff.next_wait(), None, "a connection cut at once is no success");
        backoff.ended_after(long, Duration::MAX);
        assert_eq!(backoff.next_wait().unwrap().as_millis(), 100);
        backoff.ended_after(short, short);
        assert_eq!(backoff.next_wait().unwrap().as_millis(), 100, "it had done what it was for");
    }

    #[test]
    fn a_wait_the_peer_asked_for_is_kept() {
        let mut backoff = Backoff::new(policy(0.0, 0), 1);
        assert_eq!(backoff.next_wait_at_least(Duration::from_secs(60)).unwrap().as_secs(), 60);
    }
}
