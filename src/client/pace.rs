//! Time in a session: how often it may ask, and whether it still answers.

use std::time::Duration;

use crate::clock::MonoNanos;
use crate::limits::{
    CRUMB_PRICE_MAX, CRUMBS_BURST, CRUMBS_PER_SECOND, REQUEST_COST_BYTES, REQUESTS_BURST,
    REQUESTS_PER_SECOND, REQUESTS_REFUSED_MAX,
};

/// A bucket that gains `PER_SECOND` units steadily, and holds so many after a pause.
#[derive(Clone, Copy, Debug)]
struct Bucket<const PER_SECOND: u64> {
    /// When the bucket would be full; it lacks one unit per refill from now to then.
    full_at: MonoNanos,
    holds: u64,
}

impl<const PER_SECOND: u64> Bucket<PER_SECOND> {
    /// Nanoseconds in which it gains one unit.
    const REFILL: u64 = 1_000_000_000 / PER_SECOND;

    const fn full(holds: u64) -> Self {
        Self { full_at: MonoNanos::ZERO, holds }
    }

    /// Takes so much out; false, and nothing taken, when there is less in it.
    fn take(&mut self, units: u64, now: MonoNanos) -> bool {
        let lacking = self.full_at.since(now);
        if lacking + Self::REFILL * units > Self::REFILL * self.holds {
            return false;
        }
        self.full_at = self.full_at.max(now).after(Duration::from_nanos(Self::REFILL * units));
        true
    }
}

/// What a message of a client is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Charge {
    /// It is paid for.
    Paid,
    /// It is one too many: to be refused unread.
    Refused,
    /// There were too many of those.
    Offence,
}

/// What a client may say: so much in the long run, and so much beyond that before it is closed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestBucket {
    requests: Bucket<REQUESTS_PER_SECOND>,
    refusals: Bucket<REQUESTS_PER_SECOND>,
}

impl RequestBucket {
    /// A full bucket.
    pub(crate) const fn new() -> Self {
        let (requests, refusals) = (REQUESTS_BURST, REQUESTS_REFUSED_MAX);
        Self { requests: Bucket::full(requests), refusals: Bucket::full(refusals) }
    }

    /// Takes out what a message costs, before anybody reads it.
    pub(crate) fn charge(&mut self, bytes: usize, now: MonoNanos) -> Charge {
        let cost = request_cost(bytes) as u64;
        if self.requests.take(cost, now) {
            Charge::Paid
        } else if self.refusals.take(cost, now) {
            Charge::Refused
        } else {
            Charge::Offence
        }
    }
}

/// How often a client is read though that brings no whole request. It is read later when it has
/// none left, never refused: what is slow may be its way to us.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CrumbBucket {
    crumbs: Bucket<CRUMBS_PER_SECOND>,
    /// What a read costs, a power of two.
    price: u64,
}

impl CrumbBucket {
    /// A full bucket.
    pub(crate) const fn new() -> Self {
        Self { crumbs: Bucket::full(CRUMBS_BURST), price: 1 }
    }

    /// Takes out what a read costs; false when that is not there.
    pub(crate) fn take(&mut self, now: MonoNanos) -> bool {
        self.crumbs.take(self.price, now)
    }

    /// What was not there becomes dearer; returns after how many of [`CRUMB_WAIT`](crate::limits::CRUMB_WAIT) it is there.
    pub(crate) const fn raise(&mut self) -> u64 {
        if self.price < CRUMB_PRICE_MAX {
            self.price *= 2;
        }
        self.price
    }

    /// A read costs one again.
    pub(crate) const fn forgive(&mut self) {
        self.price = 1;
    }
}

/// What so many bytes of a client cost: as much as a request for each KiB that was begun.
pub(crate) const fn request_cost(bytes: usize) -> usize {
    if bytes <= REQUEST_COST_BYTES { 1 } else { bytes.div_ceil(REQUEST_COST_BYTES) }
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
        let mut paid = |now| {
            let charges = (0..REQUESTS_BURST + 50).map(|_| bucket.charge(10, now));
            charges.filter(|&charge| charge == Charge::Paid).count() as u64
        };
        assert_eq!(paid(start), REQUESTS_BURST);
        assert_eq!(paid(start.after(Duration::from_secs(1))), REQUESTS_PER_SECOND);
    }

    #[test]
    fn who_goes_on_beyond_the_rate_offends_and_who_rests_does_not() {
        let start = MonoNanos(1_000_000_000_000);
        let mut bucket = RequestBucket::new();
        let mut count = |bytes, now| {
            let charges = std::iter::repeat_with(|| bucket.charge(bytes, now));
            charges.take_while(|&charge| charge != Charge::Offence).count()
        };
        let cost = request_cost(64 << 10);
        assert_eq!(cost, 64);
        let most = REQUESTS_BURST as usize / cost + REQUESTS_REFUSED_MAX as usize / cost;
        assert_eq!(count(64 << 10, start), most);
        // What is small may still pass where what is large does not.
        let later = start.after(Duration::from_secs(30));
        assert_eq!(count(64 << 10, later), most);
        let mut bucket = RequestBucket::new();
        for turn in 0..10_000 {
            let now = start.after(Duration::from_millis(turn * 11));
            assert_ne!(bucket.charge(10, now), Charge::Offence, "91 a second are not served");
        }
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
