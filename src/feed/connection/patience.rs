//! How long what was refused for now is left alone.
//!
//! Two things grow, each by itself. A limit is about all that is said on the connection: nothing
//! is asked before the hold is over, and what is refused meanwhile was on its way already and joins
//! it, so that it comes back together, in as few messages as it can. While nothing but refusals
//! come, each hold is twice the one before. A stream that is refused for a reason of its own waits
//! alone, twice as long each time, however well the others do.

use std::collections::HashMap;
use std::time::Duration;

use crate::clock::MonoNanos;
use crate::exchange::Subscription;
use crate::limits::{ENDED_LONG_AGO, REFUSED_WAIT_MAX};
use crate::tick::Reason;

/// A share of each wait that chance adds at most, as its inverse: connections that were refused
/// together do not come back together.
const JITTER: u32 = 8;

/// What one connection was refused for now.
#[derive(Debug)]
pub(in crate::feed) struct Patience {
    /// How often each stream was refused since it was accepted.
    refused: HashMap<Subscription, u32>,
    /// How often each was ended after it had been granted, and when that was last.
    ended: HashMap<Subscription, (u32, MonoNanos)>,
    /// Holds since anything was accepted.
    holds: u32,
    held_until: MonoNanos,
    random: u64,
}

impl Patience {
    /// Nothing was refused yet.
    pub(in crate::feed) fn new(seed: u64) -> Self {
        let (refused, ended) = (HashMap::new(), HashMap::new());
        Self { refused, ended, holds: 0, held_until: MonoNanos::ZERO, random: seed }
    }

    /// Before this nothing is said.
    #[inline]
    pub(in crate::feed) const fn held_until(&self) -> MonoNanos {
        self.held_until
    }

    /// Nothing was accepted since the exchange found that too much was asked: one request at a
    /// time is enough to find out whether that has passed.
    #[inline]
    pub(in crate::feed) const fn is_wary(&self) -> bool {
        self.holds > 0
    }

    /// These were refused; the first wait is that of the exchange's error. Returns when they are
    /// asked for again.
    pub(in crate::feed) fn refuse(
        &mut self,
        streams: &[Subscription],
        reason: Reason,
        first: Duration,
        now: MonoNanos,
    ) -> MonoNanos {
        let counts = streams.iter().map(|stream| {
            let count = self.refused.entry(*stream).or_default();
            *count = count.saturating_add(1);
            *count
        });
        let count = counts.max().unwrap_or_default();
        if reason != Reason::RateLimited {
            return now.after(self.wait(first, count));
        }
        if now >= self.held_until {
            self.holds = self.holds.saturating_add(1);
            self.held_until = now.after(self.wait(first, self.holds));
        }
        // One that is refused while others are accepted in between waits longer than all do.
        match count > self.holds {
            true => now.after(self.wait(first, count)).max(self.held_until),
            false => self.held_until,
        }
    }

    /// The exchange ended these, which it had granted: the first wait of it, twice as long each time,
    /// unless the last time was long ago.
    pub(in crate::feed) fn ended(
        &mut self,
        streams: &[Subscription],
        first: Duration,
        now: MonoNanos,
    ) -> Duration {
        let counts = streams.iter().map(|stream| {
            let (count, last) = self.ended.entry(*stream).or_insert((0, now));
            *count = if now > last.after(ENDED_LONG_AGO) { 1 } else { count.saturating_add(1) };
            *last = now;
            *count
        });
        let doublings = counts.max().unwrap_or(1).saturating_sub(1);
        let times = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
        first.saturating_mul(times).min(REFUSED_WAIT_MAX.max(first))
    }

    /// Something was accepted: of these streams, if it is known which.
    pub(in crate::feed) fn accept(&mut self, streams: &[Subscription]) {
        self.holds = 0;
        self.forget_refusals(streams);
    }

    /// These are nobody's wish any more.
    pub(in crate::feed) fn forget(&mut self, streams: &[Subscription]) {
        self.forget_refusals(streams);
        for stream in streams {
            self.ended.remove(stream);
        }
    }

    fn forget_refusals(&mut self, streams: &[Subscription]) {
        if !self.refused.is_empty() {
            streams.iter().for_each(|stream| {
                self.refused.remove(stream);
            });
        }
    }

    /// The wait after so many refusals: from the first one on twice as long each time, to a bound
    /// unless the exchange itself asks for more.
    fn wait(&mut self, first: Duration, count: u32) -> Duration {
        let doubled =
            first.saturating_mul(1_u32.checked_shl(count.saturating_sub(1)).unwrap_or(u32::MAX));
        let wait = doubled.min(REFUSED_WAIT_MAX.max(first));
        // SplitMix64: chance for politeness, not for secrets.
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let word = (self.random ^ (self.random >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let most = (wait / JITTER).as_nanos() as u64;
        // The low bits of the word are no chance, and few; most waits are longer than 32 bits.
        wait.saturating_add(Duration::from_nanos((word ^ (word >> 32)) % most.max(1)))
    }
}

#[cfg(test)]
mod tests {
    use arrayvec::ArrayString;

    use super::*;
    use crate::instrument::{Channel, InstrumentId};

    const SECOND: Duration = Duration::from_secs(1);

    fn stream(index: u32) -> Subscription {
        Subscription {
            instrument: InstrumentId(index),
            native: ArrayString::new(),
            channel: Channel::Trades,
            interval: None,
        }
    }

    fn waited(from: MonoNanos, until: MonoNanos) -> Duration {
        Duration::from_nanos(until.since(from))
    }

    /// At least so long, and not more than chance adds.
    fn assert_about(wait: Duration, least: Duration) {
        assert!(wait >= least && wait <= least + least / JITTER, "{wait:?} for {least:?}");
    }

    #[test]
    fn a_stream_waits_twice_as_long_each_time_up_to_a_bound_and_anew_once_it_was_accepted() {
        let (mut patience, mut now) = (Patience::new(7), MonoNanos(1));
        for least in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300] {
            let until = patience.refuse(&[stream(1)], Reason::Unavailable, SECOND, now);
            assert_about(waited(now, until), SECOND * least);
            now = until;
        }
        assert_eq!(patience.held_until(), MonoNanos::ZERO, "nobody else waits for it");
        let until = patience.refuse(&[stream(2)], Reason::Unavailable, SECOND, now);
        assert_about(waited(now, until), SECOND);
        patience.accept(&[stream(1)]);
        let until = patience.refuse(&[stream(1)], Reason::Unavailable, SECOND, now);
        assert_about(waited(now, until), SECOND);
        for _ in 0..100 {
            let until = patience.refuse(&[stream(3)], Reason::Unavailable, 3 * SECOND, now);
            assert!(waited(now, until) <= REFUSED_WAIT_MAX + REFUSED_WAIT_MAX / JITTER);
        }
        let hour = 3_600 * SECOND;
        let until = patience.refuse(&[stream(4)], Reason::Unavailable, hour, now);
        assert_about(waited(now, until), hour);
        let until = patience.refuse(&[stream(5)], Reason::Unavailable, Duration::MAX, now);
        assert_eq!(until, MonoNanos::MAX, "what never ends is never asked for");
    }

    #[test]
    fn a_limit_holds_everything_and_what_was_on_its_way_comes_back_with_the_rest() {
        let (mut patience, now) = (Patience::new(7), MonoNanos(1));
        let until = patience.refuse(&[stream(1)], Reason::RateLimited, SECOND, now);
        assert!(patience.is_wary() && until >= patience.held_until());
        let held = patience.held_until();
        for index in 2..50 {
            let late = now.after(SECOND / 2);
            assert_eq!(patience.refuse(&[stream(index)], Reason::RateLimited, SECOND, late), held);
        }
        let mut now = until;
        for least in [2, 4, 8] {
            patience.refuse(&[stream(60)], Reason::RateLimited, SECOND, now);
            assert_about(waited(now, patience.held_until()), SECOND * least);
            now = patience.held_until();
        }
        patience.accept(&[]);
        assert!(!patience.is_wary());
        patience.refuse(&[stream(70)], Reason::RateLimited, SECOND, now);
        assert_about(waited(now, patience.held_until()), SECOND);
    }
}
