//! The exchange's clock, as far as the dates of its events tell it, and which dates are believed.
//!
//! How far the exchange's clock is ahead of ours is what the fifth latest of the last frames' dates
//! says: their median at first, when our own date is among them. A date that lies behind is weak
//! evidence, as what is old is told too and what is late looks old, one that lies ahead is none alone.
//! So ten of fifteen that are old move the clock as little as four that are wrong. A date further
//! ahead of that clock than [`DATE_AHEAD_NS_MAX`] is not believed, nor one that is so much later than
//! its own frame says that it was sent. One that is ahead of either by less, but by more than
//! [`TRADE_AHEAD_NS_MAX`], is of an event of now: a frame that is wrong about its events may be as
//! wrong about itself. So a wrong clock of ours, by however much, does no harm: the exchange's is
//! found from its third frame on.
//!
//! Dates that lie behind ours by more than [`EXCHANGE_LAG_NS_MAX`] are a recording's, whose time runs
//! as fast as it is played: the newest date believed is its clock then, and nothing is known of
//! what it shows while nothing comes.

use crate::clock::{MonoNanos, UnixNanos};
use crate::limits::{
    DATE_AHEAD_NS_MAX, EXCHANGE_LAG_NS_MAX, RECORDED_AHEAD_NS_MAX, TRADE_AHEAD_NS_MAX,
    WITNESSES_APART,
};
use crate::tick::{Candle, DatedAhead};

/// Frames whose dates make the clock. It goes back when all but four of them say so.
const WITNESSES: usize = 15;

/// It goes on when so many of them say so.
const LATEST: usize = 5;
const _: () = assert!(LATEST < WITNESSES - LATEST);

/// What is believed of one frame's dates.
#[derive(Clone, Copy, Debug)]
pub(in crate::feed) struct Belief {
    /// When it is, by the exchange: when the frame was sent, else as its clock says.
    now: i64,
    /// The latest date of an event that is no later than it is now.
    now_until: i64,
    /// The latest date that is believed.
    pub(in crate::feed) until: i64,
    /// The same of a trade, which its frame's own date may contradict.
    trades_until: i64,
    /// The same of the begin of a bar, which would close the one before.
    pub(in crate::feed) bars_until: i64,
}

impl Belief {
    /// Everything.
    pub(in crate::feed) const ALL: Self = Self {
        now: i64::MAX,
        now_until: i64::MAX,
        until: i64::MAX,
        trades_until: i64::MAX,
        bars_until: i64::MAX,
    };

    /// How far a trade of this date is ahead.
    #[inline]
    pub(in crate::feed) fn ahead(&self, date: UnixNanos) -> DatedAhead {
        if date.0 <= self.now_until {
            DatedAhead::NO
        } else if date.0 <= self.trades_until {
            DatedAhead::by(date.0.saturating_sub(self.now))
        } else {
            DatedAhead::BEYOND
        }
    }

    /// The latest date that later ones may be compared with: one that is no date of now would make
    /// all that comes old.
    #[inline]
    pub(in crate::feed) const fn comparable_until(&self) -> UnixNanos {
        UnixNanos(self.now_until)
    }
}

/// What an exchange's dates say of its clock.
#[derive(Debug)]
pub(in crate::feed) struct Dates {
    /// The exchange's date minus ours, by the last frames; the first of them is our own.
    witnesses: [i64; WITNESSES],
    count: usize,
    oldest: usize,
    /// What they say together.
    ahead_ns: i64,
    /// When the next witness is heard, and when the last was.
    hear_at: MonoNanos,
    heard: MonoNanos,
    /// A frame has said when it happened; bars say only between which dates.
    is_dated: bool,
    /// The newest date that was believed.
    newest: i64,
}

impl Dates {
    pub(in crate::feed) const fn new() -> Self {
        Self {
            witnesses: [0; WITNESSES],
            count: 1,
            oldest: 0,
            ahead_ns: 0,
            hear_at: MonoNanos::ZERO,
            heard: MonoNanos::ZERO,
            is_dated: false,
            newest: i64::MIN,
        }
    }

    /// A frame that came at `ours`, by our date, says that it happened at `date`.
    #[inline]
    pub(in crate::feed) fn hear(&mut self, date: UnixNanos, ours: UnixNanos, now: MonoNanos) {
        if now < self.hear_at && (!self.is_recording() || now == self.heard) {
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
    pub(in crate::feed) fn hear_bar(&mut self, bar: &Candle, ours: UnixNanos, now: MonoNanos) {
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
            (self.hear_at, self.heard) = (now.after(WITNESSES_APART), now);
        }
        let mut sorted = self.witnesses;
        let sorted = &mut sorted[..self.count];
        sorted.sort_unstable();
        // The median until there are so many that the latest five are few among them.
        self.ahead_ns = sorted[((self.count - 1) / 2).max(self.count.saturating_sub(LATEST))];
    }

    /// What is believed at `ours` of a frame that says that it was `sent` then, if it says so.
    #[inline]
    pub(in crate::feed) fn belief(&self, ours: UnixNanos, sent: UnixNanos) -> Belief {
        let (clock, until) = self.believed_until(ours);
        // What a recording skips is no wrong date.
        let now_until =
            if self.is_recording() { until } else { clock.saturating_add(TRADE_AHEAD_NS_MAX) };
        // A frame that was sent later than it is now says nothing of when that is.
        let (now, now_until, trades_until) = if sent.is_some() && sent.0 <= now_until {
            let own_until = |ahead| sent.0.saturating_add(ahead);
            let now_until = now_until.min(own_until(TRADE_AHEAD_NS_MAX));
            (sent.0, now_until, until.min(own_until(DATE_AHEAD_NS_MAX)))
        } else {
            (clock, now_until, until)
        };
        // While only bars tell the time, it may be any within them.
        let is_known = self.is_dated || self.is_recording();
        let bars_until = if is_known { now_until } else { until };
        Belief { now, now_until, until, trades_until, bars_until }
    }

    /// The exchange's clock at `ours`, and the latest date that is believed then.
    #[inline]
    fn believed_until(&self, ours: UnixNanos) -> (i64, i64) {
        let clock = ours.0.saturating_add(self.ahead_ns);
        let (clock, ahead) = match self.is_recording() {
            true => (clock.max(self.newest), RECORDED_AHEAD_NS_MAX),
            false => (clock, DATE_AHEAD_NS_MAX),
        };
        (clock, clock.saturating_add(ahead))
    }

    /// An event of this date was believed.
    #[inline]
    pub(in crate::feed) const fn believe(&mut self, date: UnixNanos) {
        if date.0 > self.newest {
            self.newest = date.0;
        }
    }

    /// The exchange's date at `ours`; `NONE` where it does not run with ours.
    pub(in crate::feed) fn date(&self, ours: UnixNanos) -> UnixNanos {
        match self.is_recording() {
            true => UnixNanos::NONE,
            false => UnixNanos(ours.0.saturating_add(self.ahead_ns)),
        }
    }

    /// How far the exchange's clock is ahead of ours.
    pub(in crate::feed) const fn ahead_ns(&self) -> i64 {
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
            let is_believed = date.0 <= dates.belief(ours, UnixNanos::NONE).until;
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
    fn a_trade_that_its_own_frame_contradicts_is_of_the_frame_s_time() {
        let after = |seconds: i64| UnixNanos(NOW + seconds * SECOND);
        let time = |belief: Belief, date: UnixNanos| belief.ahead(date).time_for_candles(date);
        // Live, where our clock is an hour slow, and in a recording, where nothing tells the time.
        for ours in [0, -3_600, 365 * 86_400].map(|lag| UnixNanos(NOW + lag * SECOND)) {
            let mut dates = Dates::new();
            for second in 0..12 {
                dates.hear(after(0), ours, MonoNanos(1 + second * SECOND as u64));
            }
            let belief = dates.belief(ours, after(0));
            for ahead in [-7_200, 0, 2] {
                assert_eq!(time(belief, after(ahead)), Some(after(ahead)), "{ahead}");
            }
            for ahead in [4, 60, 90] {
                assert_eq!(time(belief, after(ahead)), Some(after(0)), "{ahead}");
            }
            for ahead in [91, 1_500, 3_600] {
                assert_eq!(time(belief, after(ahead)), None, "{ahead}");
            }
            // A frame whose own date is not believed proves nothing.
            let wrong = dates.belief(ours, after(7_200));
            assert_eq!(wrong.ahead(after(7_200)), DatedAhead::BEYOND);
        }
        // Without a date of the frame the clock is asked.
        let mut dates = Dates::new();
        believed(&mut dates, [0; 12]);
        let belief = dates.belief(after(0), UnixNanos::NONE);
        assert_eq!(time(belief, after(60)), Some(after(0)));
        assert_eq!(time(belief, after(91)), None);
        assert!(after(1) <= belief.comparable_until() && belief.comparable_until() < after(60));
    }

    #[test]
    fn a_frame_that_is_as_wrong_as_its_event_drives_no_candle() {
        let after = |seconds: i64| UnixNanos(NOW + seconds * SECOND);
        for slow in [0, 20, 3_600] {
            let mut dates = Dates::new();
            believed(&mut dates, [slow; 12]);
            let (ours, exchange) = (after(0), |ahead| after(slow + ahead));
            for wrong in [4, 20, 70, 89] {
                let belief = dates.belief(ours, exchange(wrong));
                let ahead = belief.ahead(exchange(wrong));
                let time = ahead.time_for_candles(exchange(wrong));
                assert_eq!(time, Some(exchange(0)), "{wrong} of {slow}");
                assert!(belief.comparable_until() < exchange(wrong));
                assert!(belief.bars_until < exchange(wrong).0);
                // What it says of now is of now.
                assert_eq!(belief.ahead(exchange(1)), DatedAhead::NO);
            }
            for right in [-50, 0, 2] {
                let belief = dates.belief(ours, exchange(right));
                assert_eq!(belief.ahead(exchange(right)), DatedAhead::NO, "{right} of {slow}");
                assert!(exchange(right).0 <= belief.bars_until);
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
    fn old_dates_do_not_move_the_clock_back_and_a_clock_that_is_behind_is_found() {
        for clock in [0, 7, -19] {
            let mut dates = Dates::new();
            believed(&mut dates, [clock; 16]);
            // One frame of three is of now, as where a few of many markets are lively.
            for index in 0..60 {
                let age = if index % 3 == 0 { 0 } else { 3 + index };
                believed(&mut dates, [clock - age]);
                assert_eq!(dates.ahead_ns(), clock * SECOND, "{index}");
            }
        }
        // One that is set back is followed all the same.
        let mut dates = Dates::new();
        believed(&mut dates, [0; 30]);
        believed(&mut dates, [-19; 11]);
        assert_eq!(dates.ahead_ns(), -19 * SECOND);
    }

    #[test]
    fn a_recording_shows_no_time_while_nothing_comes_and_may_jump() {
        let mut dates = Dates::new();
        assert_eq!(dates.date(UnixNanos(NOW)).0, NOW);
        // A quarter of an hour between any two, all at once.
        for step in 0..40 {
            let date = UnixNanos(NOW - 90 * 86_400 * SECOND + step * 900 * SECOND);
            let belief = dates.belief(UnixNanos(NOW), UnixNanos::NONE);
            assert!(date.0 <= belief.until, "{step}");
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
        /// Of fifteen dates ten may be anything, but four at most lie ahead: the others are believed,
        /// and the clock is theirs.
        #[test]
        fn a_clock_is_that_of_the_latest_dates_that_are_not_alone(
            ahead in -50..5_000_i64,
            frames in prop::collection::vec(
                (prop::bool::weighted(0.6), prop_oneof![3 => -9_000..0_i64, 1 => 1..9_000_i64]),
                40..80,
            ),
        ) {
            let mut dates = Dates::new();
            believed(&mut dates, [ahead; 16]);
            let mut recent = std::collections::VecDeque::from([0; WITNESSES - 1]);
            for (index, &(wrong, by)) in frames.iter().enumerate() {
                let few = recent.iter().filter(|&&by| by != 0).count() < 10
                    && (by < 0 || recent.iter().filter(|&&by| by > 0).count() < 4);
                let by = if wrong && few { by } else { 0 };
                recent.pop_front();
                recent.push_back(by);
                let told = believed(&mut dates, [ahead + by]);
                prop_assert_eq!(told[0], by <= 90, "{} of {:?}", index, frames);
                prop_assert_eq!(dates.ahead_ns(), ahead * SECOND);
            }
        }
    }
}
