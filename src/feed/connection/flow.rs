//! The rhythm of a connection's market data, all streams together, and when it breaks.
//!
//! That a connection answers proves that its socket lives, not that it brings anything: an exchange
//! that answers every ping and has lost our subscriptions looks like a market that stands still.
//! Where much came, nothing for seconds is no market any more. Then its books are called stale, and
//! a connection is made beside it, as nobody knows whose fault it is (see `line.rs`); it is not
//! ended for that, and with the next event all is as before.
//!
//! What a silence means depends on how much came before it, within the last 30 to 60 s. The ways that
//! are told apart, the first that fits:
//!
//! ```text
//! events that came apart     largest gap among them     data is cut off after
//! 50 and more                up to 0.5 s                4 s
//! 16 and more                up to 1.5 s                12 s
//! busy now, quiet before     larger                     four times that gap, 12 s at the least
//! fewer, or larger gaps                                 never: see `rhythm.rs`, stream by stream
//! ```
//!
//! The third is for what became busy after a pause, e.g. a connection whose market began to move some
//! seconds after it was there. Busy now means 150 events and more over 15 s and more, none of them
//! half a second after the one before. A burst of a quiet market looks the same, and its end is no
//! fault: so its largest gap is that of five to ten minutes, or of the connection's life.
//!
//! Eight times the largest of fifty gaps comes by chance once in 10^9 where events come at random, of
//! sixteen once in 10^6. Markets pause more often than that; a silence that ended is a gap
//! like others, so that the next one of its kind is nobody's fault.

use std::time::Duration;

use crate::clock::MonoNanos;
use crate::limits::{
    FLOW_BROKEN_AFTER, FLOW_BUSY_BROKEN_MIN, FLOW_BUSY_BROKEN_TIMES, FLOW_BUSY_EVENTS,
    FLOW_BUSY_FOR, FLOW_BUSY_GAP, FLOW_LATE_TIMES, FLOW_LISTEN_MIN, FLOW_LONG_WINDOW, FLOW_WINDOW,
};

/// The market data of one connection.
#[derive(Debug)]
pub(in crate::feed) struct Flow {
    /// When the last came, or could have been heard.
    heard: MonoNanos,
    /// Since when it is listened to.
    since: MonoNanos,
    /// How many gaps the present window had, and the largest of them; the same of the one before.
    windows: [(u32, u64); 2],
    window_end: MonoNanos,
    /// Since when no gap was larger than those of a busy connection, and how many there were.
    busy: (MonoNanos, u32),
    /// The largest gaps of the present long window and of the one before.
    long_ns: [u64; 2],
    long_end: MonoNanos,
}

impl Flow {
    /// Of a connection that has nothing to tell yet.
    pub(in crate::feed) const fn new(now: MonoNanos) -> Self {
        Self {
            heard: now,
            since: now,
            windows: [(0, 0); 2],
            window_end: now,
            busy: (now, 0),
            long_ns: [0; 2],
            long_end: now,
        }
    }

    /// A frame of market data came.
    #[inline]
    pub(in crate::feed) fn hear(&mut self, now: MonoNanos) {
        let gap_ns = now.since(self.heard);
        // Frames that were read together are one event here.
        if gap_ns == 0 {
            return;
        }
        self.heard = now;
        if now >= self.window_end {
            self.windows = [(0, 0), self.windows[0]];
            self.window_end = now.after(FLOW_WINDOW);
        }
        if now >= self.long_end {
            self.long_ns = [0, self.long_ns[0]];
            self.long_end = now.after(FLOW_LONG_WINDOW);
        }
        let (count, largest_ns) = &mut self.windows[0];
        *count = count.saturating_add(1);
        *largest_ns = (*largest_ns).max(gap_ns);
        self.long_ns[0] = self.long_ns[0].max(gap_ns);
        self.busy = match gap_ns > FLOW_BUSY_GAP.as_nanos() as u64 {
            true => (now, 0),
            false => (self.busy.0, self.busy.1.saturating_add(1)),
        };
    }

    /// When the last came, or could have been heard.
    pub(in crate::feed) const fn heard(&self) -> MonoNanos {
        self.heard
    }

    /// Nobody listened until now: silence is nobody's fault.
    pub(in crate::feed) fn excuse(&mut self, now: MonoNanos) {
        self.heard = self.heard.max(now);
    }

    /// Whether nothing has come for longer than its rhythm allows.
    pub(in crate::feed) fn is_cut_off(&self, now: MonoNanos) -> bool {
        now >= self.due()
    }

    /// Whether its rhythm is known, and something ought to have come by now.
    pub(in crate::feed) fn is_late(&self, now: MonoNanos) -> bool {
        self.broken_after().is_some()
            && now.since(self.heard) > self.largest_ns().saturating_mul(FLOW_LATE_TIMES.into())
    }

    /// When it is cut off, if nothing comes; never while its rhythm is unknown.
    pub(in crate::feed) fn due(&self) -> MonoNanos {
        self.broken_after().map_or(MonoNanos::MAX, |silence| self.heard.after(silence))
    }

    fn largest_ns(&self) -> u64 {
        self.windows[0].1.max(self.windows[1].1)
    }

    /// The silence that breaks its rhythm, where that is known.
    fn broken_after(&self) -> Option<Duration> {
        if self.heard < self.since.after(FLOW_LISTEN_MIN) {
            return None;
        }
        let count = self.windows[0].0.saturating_add(self.windows[1].0);
        let largest = Duration::from_nanos(self.largest_ns());
        let fits = |row: &&(u32, Duration, Duration)| count >= row.0 && largest <= row.1;
        let known = FLOW_BROKEN_AFTER.iter().find(fits).map(|row| row.2);
        known.or_else(|| self.broken_after_pause())
    }

    /// The same of what was quiet before and is busy now.
    fn broken_after_pause(&self) -> Option<Duration> {
        let (since, count) = self.busy;
        let is_busy = count >= FLOW_BUSY_EVENTS && self.heard >= since.after(FLOW_BUSY_FOR);
        let largest_ns = self.long_ns[0].max(self.long_ns[1]);
        let silence = Duration::from_nanos(largest_ns.saturating_mul(FLOW_BUSY_BROKEN_TIMES));
        is_busy.then(|| silence.max(FLOW_BUSY_BROKEN_MIN))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: MonoNanos = MonoNanos(1_000_000_000_000);

    fn at(ms: u64) -> MonoNanos {
        START.after(Duration::from_millis(ms))
    }

    /// An event each so many milliseconds until then; returns when the last was.
    fn speak(flow: &mut Flow, from: u64, until: u64, every: u64) -> u64 {
        let mut last = from;
        for ms in (from..=until).step_by(every as usize) {
            flow.hear(at(ms));
            last = ms;
        }
        last
    }

    fn cut_off_after(flow: &Flow, last: u64) -> Option<u64> {
        let due = flow.due();
        (due != MonoNanos::MAX).then(|| due.since(at(last)) / 1_000_000)
    }

    #[test]
    fn a_rhythm_is_known_after_seconds_and_what_is_too_quiet_has_none() {
        for (spoke, every, found) in [
            (2_900, 10, None),
            (4_000, 10, Some(4_000)),
            (60_000, 400, Some(4_000)),
            (10_000, 500, Some(12_000)),
            (60_000, 1_400, Some(12_000)),
            (10_000, 1_400, None),
            (600_000, 1_600, None),
            (600_000, 60_000, None),
        ] {
            let mut flow = Flow::new(START);
            let last = speak(&mut flow, 0, spoke, every);
            assert_eq!(cut_off_after(&flow, last), found, "{spoke} ms, each {every}");
            let Some(found) = found else { continue };
            assert!(!flow.is_cut_off(at(last + found - 1)) && flow.is_cut_off(at(last + found)));
            assert!(!flow.is_late(at(last + every)) && flow.is_late(at(last + 2 * every + 1)));
        }
    }

    #[test]
    fn books_that_are_told_at_once_and_rest_then_have_no_rhythm() {
        let mut flow = Flow::new(START);
        let last = speak(&mut flow, 0, 2_500, 2);
        assert_eq!(cut_off_after(&flow, last), None);
        flow.hear(at(22_500));
        assert_eq!(cut_off_after(&flow, 22_500), None, "one event in twenty seconds is quiet");
    }

    #[test]
    fn a_silence_that_ended_excuses_the_next_and_is_forgotten_in_a_minute() {
        let mut flow = Flow::new(START);
        let last = speak(&mut flow, 0, 10_000, 50);
        assert!(flow.is_cut_off(at(last + 5_000)));
        let last = speak(&mut flow, last + 5_000, 40_000, 50);
        assert_eq!(cut_off_after(&flow, last), Some(20_000), "that was five seconds");
        let last = speak(&mut flow, last + 50, 80_000, 50);
        assert_eq!(cut_off_after(&flow, last), Some(4_000));
        flow.excuse(at(last + 60_000));
        assert!(!flow.is_cut_off(at(last + 63_900)), "nobody listened");
    }

    #[test]
    fn twenty_busy_seconds_after_a_pause_are_enough_for_a_silence_of_four_such_pauses() {
        for (pause, every, spoke, found) in [
            // 460 events a second, and 66.
            (3_000, 2, 20_000, Some(12_000)),
            (3_000, 15, 20_000, Some(12_000)),
            (3_500, 15, 20_000, Some(14_000)),
            (10_000, 15, 20_000, Some(40_000)),
            (3_000, 15, 14_000, None),
            (3_000, 150, 20_000, None),
            (3_000, 600, 20_000, None),
        ] {
            let mut flow = Flow::new(START);
            let last = speak(&mut flow, pause, pause + spoke, every);
            assert_eq!(cut_off_after(&flow, last), found, "{spoke} ms, each {every}, {pause}");
        }
    }

    #[test]
    fn the_pauses_of_a_quiet_market_are_remembered_over_its_bursts() {
        let mut flow = Flow::new(START);
        flow.hear(at(30_000));
        let last = speak(&mut flow, 35_000, 100_000, 5_000);
        // The short memory has nothing but gaps of 5 s.
        let last = speak(&mut flow, last + 5_000, last + 25_000, 10);
        assert_eq!(cut_off_after(&flow, last), Some(120_000));
    }

    proptest! {
        /// Pauses of a quiet market and its bursts by turns, none like the one before.
        #[test]
        fn the_end_of_a_burst_cuts_nobody_off(usual in 4_000..60_000_u64, seed in any::<u64>()) {
            let (mut flow, mut random, mut now) = (Flow::new(START), seed | 1, 0);
            let mut chance = |from: u64, until: u64| {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                from + (random >> 32) % (until - from)
            };
            for _ in 0..30 {
                for _ in 0..chance(2, 12) {
                    now += chance(usual / 2, usual * 3 / 2);
                    prop_assert!(!flow.is_cut_off(at(now)), "after {now} ms");
                    flow.hear(at(now));
                }
                let (until, every) = (now + chance(10_000, 25_000), chance(2, 200));
                now = speak(&mut flow, now + every, until, every);
            }
        }

        /// Events at random, from 1,000 a second to one an hour: what is only chance is no fault.
        #[test]
        fn chance_cuts_nobody_off(
            mean in prop_oneof![1..10_u64, 10..100_u64, 100..2_000_u64, 2_000..3_600_000_u64],
            seed in any::<u64>(),
        ) {
            let (mut flow, mut random, mut now) = (Flow::new(START), seed | 1, 0);
            for _ in 0..20_000 {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                let chance = ((random >> 32) + 1) as f64 / (1_u64 << 32) as f64;
                now += (-chance.ln() * mean as f64) as u64;
                prop_assert!(!flow.is_cut_off(at(now)), "after {now} ms");
                flow.hear(at(now));
            }
        }
    }
}
