//! Time in a session: how often it may ask, and whether it still answers.

use std::time::Duration;

use crate::clock::MonoNanos;
use crate::limits::{REQUESTS_BURST, REQUESTS_PER_SECOND};

/// Requests that a client may make: a bucket that fills steadily and holds a burst.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestBucket {
    /// When the bucket would be full; it lacks one request per interval from now to then.
    full_at: MonoNanos,
}

/// Time in which the bucket gains one request.
const REFILL: Duration = Duration::from_nanos(1_000_000_000 / REQUESTS_PER_SECOND);

impl RequestBucket {
    /// A full bucket.
    pub(crate) const fn new() -> Self {
        Self { full_at: MonoNanos::ZERO }
    }

    /// Takes one request out; false when the bucket is empty.
    pub(crate) fn take(&mut self, now: MonoNanos) -> bool {
        let lacking = self.full_at.since(now);
        if lacking + REFILL.as_nanos() as u64 > REFILL.as_nanos() as u64 * REQUESTS_BURST {
            return false;
        }
        self.full_at = self.full_at.max(now).after(REFILL);
        true
    }
}

/// What a heartbeat asks for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beat {
    /// Nothing.
    Rest,
    /// Send a ping.
    Ping,
    /// Two pings stayed unanswered: close.
    Dead,
}

/// Pings of one session. Anything that the client sends counts as an answer: whoever asks lives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heartbeat {
    every: Duration,
    due: MonoNanos,
    unanswered: u32,
}

impl Heartbeat {
    /// The first ping is due one period from now.
    pub(crate) fn new(every: Duration, now: MonoNanos) -> Self {
        Self { every, due: now.after(every), unanswered: 0 }
    }

    /// The client gave a sign of life.
    pub(crate) fn answered(&mut self) {
        self.unanswered = 0;
    }

    /// What to do now.
    pub(crate) fn beat(&mut self, now: MonoNanos) -> Beat {
        if now < self.due {
            return Beat::Rest;
        }
        if self.unanswered >= 2 {
            return Beat::Dead;
        }
        self.unanswered += 1;
        self.due = now.after(self.every);
        Beat::Ping
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_let_through_and_then_the_rate() {
        let mut bucket = RequestBucket::new();
        let start = MonoNanos(1_000_000_000_000);
        let taken = (0..REQUESTS_BURST + 50).filter(|_| bucket.take(start)).count() as u64;
        assert_eq!(taken, REQUESTS_BURST);
        let later = start.after(Duration::from_secs(1));
        let taken = (0..REQUESTS_BURST + 50).filter(|_| bucket.take(later)).count() as u64;
        assert_eq!(taken, REQUESTS_PER_SECOND);
    }

    #[test]
    fn the_third_period_without_an_answer_is_the_end() {
        let every = Duration::from_secs(30);
        let at = |seconds: u64| MonoNanos(seconds * 1_000_000_000);
        let mut heartbeat = Heartbeat::new(every, at(0));
        assert_eq!(heartbeat.beat(at(29)), Beat::Rest);
        assert_eq!(heartbeat.beat(at(30)), Beat::Ping);
        heartbeat.answered();
        assert_eq!(heartbeat.beat(at(60)), Beat::Ping);
        assert_eq!(heartbeat.beat(at(60)), Beat::Rest);
        assert_eq!(heartbeat.beat(at(90)), Beat::Ping);
        assert_eq!(heartbeat.beat(at(119)), Beat::Rest);
        assert_eq!(heartbeat.beat(at(120)), Beat::Dead);
    }
}
