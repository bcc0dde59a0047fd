//! The exchange's clock, as far as the dates of its events tell it, and which dates are believed.
//!
//! How far the exchange's clock is ahead of ours is the median of what the last frames said, so that
//! a wrong date moves it as little as an old one; our own date is the first witness. A date further
//! ahead of that clock than [`DATE_AHEAD_NS_MAX`] is not believed. So a wrong clock of ours, by
//! however much, does no harm: the exchange's is found from its third frame on.
//!
//! Dates that lie behind ours by more than [`EXCHANGE_LAG_NS_MAX`] are a recording's, whose time runs
//! as fast as it is played: the newest date believed is its clock then, and nothing is known of
//! what it shows while nothing comes.

use std::time::Duration;

use crate::clock::{MonoNanos, UnixNanos};
use crate::limits::{DATE_AHEAD_NS_MAX, EXCHANGE_LAG_NS_MAX, RECORDED_AHEAD_NS_MAX};
use crate::tick::Candle;

/// Frames whose dates make the clock. Five of them move it.
const WITNESSES: usize = 9;

/// Between two witnesses, once there are so many: one burst of wrong dates is one witness.
const HEAR_EVERY: Duration = Duration::from_secs(1);

/// What an exchange's dates say of its clock.
#[derive(Debug)]
pub(super) struct Dates {
    /// The exchange's date minus ours, by the last frames; the first of them is our own.
    witnesses: [i64; WITNESSES],
    count: usize,
    oldest: usize,
    /// Their median.
    ahead_ns: i64,
    /// When the next witness is heard.
    hear_at: MonoNanos,
    /// A frame has said when it happened; bars say only between which dates.
    is_dated: bool,
    /// The newest date that was believed.
    newest: i64,
}

impl Dates {
    pub(super) const fn new() -> Self {
        Self {
            witnesses: [0; WITNESSES],
            count: 1,
            oldest: 0,
            ahead_ns: 0,
            hear_at: MonoNanos::ZERO,
            is_dated: false,
            newest: i64::MIN,
        }
    }

    /// A frame that came at `ours`, by our date, says that it happened at `date`.
    #[inline]
    pub(super) fn hear(&mut self, date: UnixNanos, ours: UnixNanos, now: MonoNanos) {
        if now < self.hear_at && !self.is_recording() {
            return;
        }
        if !self.is_dated {
            // What bars said was a guess.
            *self = Self { is_dated: true, newest: self.newest, ..Self::new() };
        }
        self.witness(date.0.saturating_sub(ours.0), now);
    }

    /// A frame without a date brought this bar last: now is between its ends, most likely, and not
    /// long after it where the exchange sends no empty bars.
    pub(super) fn hear_bar(&mut self, bar: &Candle, ours: UnixNanos, now: MonoNanos) {
        if self.is_dated || now < self.hear_at && !self.is_recording() {
            return;
        }
        let start = bar.open_time.0;
        let end = start.saturating_add(bar.interval.nanos()).saturating_add(EXCHANGE_LAG_NS_MAX);
        self.witness(ours.0.clamp(start, end).saturating_sub(ours.0), now);
    }

    fn witness(&mut self, ahead_ns: i64, now: MonoNanos) {
        if self.count < WITNESSES {
            self.witnesses[self.count] = ahead_ns;
            self.count += 1;
        } else {
            self.witnesses[self.oldest] = ahead_ns;
            self.oldest = (self.oldest + 1) % WITNESSES;
            self.hear_at = now.after(HEAR_EVERY);
        }
        let mut sorted = self.witnesses;
        let sorted = &mut sorted[..self.count];
        sorted.sort_unstable();
        self.ahead_ns = sorted[(sorted.len() - 1) / 2];
    }

    /// The latest date that is believed at `ours`.
    #[inline]
    pub(super) fn believed_until(&self, ours: UnixNanos) -> i64 {
        let clock = ours.0.saturating_add(self.ahead_ns);
        if self.is_recording() {
            return clock.max(self.newest).saturating_add(RECORDED_AHEAD_NS_MAX);
        }
        clock.saturating_add(DATE_AHEAD_NS_MAX)
    }

    /// An event of this date was believed.
    #[inline]
    pub(super) const fn believe(&mut self, date: UnixNanos) {
        if date.0 > self.newest {
            self.newest = date.0;
        }
    }

    /// The exchange's date at `ours`; `NONE` where it does not run with ours.
    pub(super) fn date(&self, ours: UnixNanos) -> UnixNanos {
        match self.is_recording() {
            true => UnixNanos::NONE,
            false => UnixNanos(ours.0.saturating_add(self.ahead_ns)),
        }
    }

    /// How far the exchange's clock is ahead of ours.
    pub(super) const fn ahead_ns(&self) -> i64 {
        self.ahead_ns
    }

    const fn is_recording(&self) -> bool {
        self.ahead_ns < -EXCHANGE_LAG_NS_MAX
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: i64 = 1_000_000_000;
    const NOW: i64 = 1_790_000_000 * SECOND;

    /// Frames a second apart, dated so many seconds ahead of us; which of them are believed.
    fn believed(dates: &mut Dates, frames: impl IntoIterator<Item = i64>) -> Vec<bool> {
        let start = dates.hear_at.0.max(1);
        let mut told = Vec::new();
        for (step, ahead) in frames.into_iter().enumerate() {
            let passed = step as i64 * SECOND;
            let (ours, date) = (UnixNanos(NOW + passed), UnixNanos(NOW + passed + ahead * SECOND));
            let is_believed = date.0 <= dates.believed_until(ours);
            if is_believed {
                dates.believe(date);
            }
            told.push(is_believed);
            dates.hear(date, ours, MonoNanos(start + passed as u64));
        }
        told
    }

    #[test]
    fn one_date_an_hour_ahead_is_not_believed_wherever_it_stands() {
        for place in 0..20 {
            // A clock that agrees, one that lags, and a recording of last year.
            for lag in [0, 40, 365 * 86_400] {
                if lag > 60 && place == 0 {
                    continue;
                }
                let frames = (0..20).map(|index| if index == place { 3_600 - lag } else { -lag });
                let told = believed(&mut Dates::new(), frames);
                let refused: Vec<usize> = (0..20).filter(|&index| !told[index]).collect();
                assert_eq!(refused, [place], "{lag}");
            }
        }
    }

    #[test]
    fn a_clock_of_ours_that_is_slow_costs_two_frames() {
        for slow in [400, 3_600, 40 * 365 * 86_400] {
            let mut dates = Dates::new();
            let told = believed(&mut dates, [slow; 12]);
            assert_eq!(told.iter().position(|&told| told), Some(2), "{slow}");
            assert!(told[2..].iter().all(|&told| told));
            assert_eq!(dates.date(UnixNanos(NOW)).0, NOW + slow * SECOND);
            // One that is wrong is found all the same.
            assert_eq!(believed(&mut dates, [slow + 3_600, slow]), [false, true]);
        }
    }

    #[test]
    fn a_clock_that_is_set_anew_is_followed_after_five_seconds() {
        let mut dates = Dates::new();
        believed(&mut dates, [0; 30]);
        let told = believed(&mut dates, [7_200; 12]);
        assert_eq!(told.iter().position(|&told| told), Some(5));
        assert!(believed(&mut dates, [0; 12]).iter().all(|&told| told));
        assert_eq!(dates.ahead_ns(), 0);
    }

    #[test]
    fn a_recording_shows_no_time_while_nothing_comes_and_may_jump() {
        let mut dates = Dates::new();
        assert_eq!(dates.date(UnixNanos(NOW)).0, NOW);
        // A quarter of an hour between any two, all at once.
        for step in 0..40 {
            let date = UnixNanos(NOW - 90 * 86_400 * SECOND + step * 900 * SECOND);
            assert!(date.0 <= dates.believed_until(UnixNanos(NOW)), "{step}");
            dates.believe(date);
            dates.hear(date, UnixNanos(NOW), MonoNanos(1));
        }
        assert_eq!(dates.date(UnixNanos(NOW)), UnixNanos::NONE);
        // A minute behind is an exchange's lag, whose time goes on.
        let mut lagging = Dates::new();
        believed(&mut lagging, [-50; 3]);
        assert_eq!(lagging.date(UnixNanos(NOW)).0, NOW - 50 * SECOND);
    }

    #[test]
    fn bars_without_a_date_say_as_much_as_they_can() {
        use crate::tick::{Decimal, Interval};
        let bar = |start| Candle::of(Interval::Minute1, UnixNanos(start), [Decimal::ZERO; 4]);
        let mut dates = Dates::new();
        let hear = |dates: &mut Dates, start| {
            for _ in 0..3 {
                dates.hear_bar(&bar(start), UnixNanos(NOW), MonoNanos(1));
            }
        };
        hear(&mut dates, NOW - 30 * SECOND);
        assert_eq!(dates.date(UnixNanos(NOW)).0, NOW, "it can be of now");
        hear(&mut dates, NOW - 86_400 * SECOND);
        hear(&mut dates, NOW - 86_400 * SECOND);
        assert_eq!(dates.date(UnixNanos(NOW)), UnixNanos::NONE, "a recording's");
        dates.hear(UnixNanos(NOW + 7), UnixNanos(NOW), MonoNanos(1));
        hear(&mut dates, NOW - 86_400 * SECOND);
        assert_eq!(dates.date(UnixNanos(NOW)).0, NOW, "a date is better than bars");
    }

    proptest! {
        /// A third of the dates may be anything: the others are believed, and the clock is theirs.
        #[test]
        fn a_clock_is_that_of_most_dates(
            ahead in -50..5_000_i64,
            frames in prop::collection::vec(prop::option::weighted(0.3, -9_000..9_000_i64), 40..80),
        ) {
            let mut dates = Dates::new();
            believed(&mut dates, [ahead; 12]);
            // Never five wrong ones among nine.
            let mut recent = std::collections::VecDeque::from([false; 8]);
            let frames: Vec<(bool, i64)> = frames.into_iter().map(|wrong| {
                let few = recent.iter().filter(|&&wrong| wrong).count() < 4;
                let wrong = wrong.filter(|_| few);
                recent.pop_front();
                recent.push_back(wrong.is_some());
                (wrong.is_some(), wrong.unwrap_or(ahead))
            }).collect();
            for (index, &(wrong, date)) in frames.iter().enumerate() {
                let told = believed(&mut dates, [date]);
                let must = if wrong { date <= ahead + 90 } else { true };
                prop_assert_eq!(told[0], must, "{} of {:?}", index, frames);
                prop_assert_eq!(dates.ahead_ns(), ahead * SECOND);
            }
        }
    }
}
