//! Time as two types: [`MonoNanos`] measures, [`UnixNanos`] dates, and a [`Clock`] gives both.
//!
//! The monotonic side is the CPU's time stamp counter (a read costs about a third of a
//! `clock_gettime`). A date is made from a monotonic stamp and an offset that the control thread
//! refreshes, so that a tick carries one stamp and the data plane never asks for the date.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Nanoseconds on a clock that never steps back; means something only inside one process run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MonoNanos(pub u64);

impl MonoNanos {
    /// Before every other time; "never happened".
    pub const ZERO: Self = Self(0);
    /// After every other time; "will not happen".
    pub const MAX: Self = Self(u64::MAX);

    /// Nanoseconds from `earlier` to here; 0 when `earlier` is later.
    #[inline]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// This time moved on by `by`, or [`MonoNanos::MAX`].
    #[inline]
    pub const fn after(self, by: Duration) -> Self {
        let nanos = by.as_nanos();
        if nanos > u64::MAX as u128 {
            return Self::MAX;
        }
        Self(self.0.saturating_add(nanos as u64))
    }
}

/// Nanoseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct UnixNanos(pub i64);

impl UnixNanos {
    /// The exchange stated no time.
    pub const NONE: Self = Self(i64::MIN);

    /// From milliseconds since the epoch; `NONE` when they do not fit (year 2262).
    #[inline]
    pub const fn from_millis(millis: u64) -> Self {
        if millis > (i64::MAX / 1_000_000) as u64 {
            return Self::NONE;
        }
        Self(millis as i64 * 1_000_000)
    }

    /// From microseconds since the epoch; `NONE` when they do not fit.
    #[inline]
    pub const fn from_micros(micros: u64) -> Self {
        if micros > (i64::MAX / 1_000) as u64 {
            return Self::NONE;
        }
        Self(micros as i64 * 1_000)
    }

    /// Whole milliseconds since the epoch, rounded down.
    #[inline]
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// False for [`UnixNanos::NONE`].
    #[inline]
    pub const fn is_some(self) -> bool {
        self.0 != i64::MIN
    }

    /// This time where the exchange stated one, else `other`.
    #[inline]
    pub const fn or(self, other: Self) -> Self {
        if self.is_some() { self } else { other }
    }

    /// The system's date now. A system call: not for the data plane.
    pub fn system() -> Self {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(age) => Self(i64::try_from(age.as_nanos()).unwrap_or(i64::MAX)),
            Err(_) => Self(0),
        }
    }
}

/// Source of both times; clones share one offset between them.
#[derive(Clone, Debug)]
pub struct Clock {
    counter: quanta::Clock,
    /// Date minus monotonic time. One writer: whoever calls [`Clock::refresh`].
    unix_offset: Arc<AtomicI64>,
}

impl Clock {
    /// The machine's clock. The first call calibrates for some milliseconds.
    pub fn real() -> Self {
        let clock =
            Self { counter: quanta::Clock::new(), unix_offset: Arc::new(AtomicI64::new(0)) };
        clock.refresh();
        clock
    }

    /// A clock that stands at `unix` until the returned handle moves it, for tests.
    pub fn manual(unix: UnixNanos) -> (Self, ManualClock) {
        let (counter, mock) = quanta::Clock::mock();
        mock.increment(1_000_000_000_u64);
        let clock = Self { counter, unix_offset: Arc::new(AtomicI64::new(unix.0 - 1_000_000_000)) };
        (clock, ManualClock(mock))
    }

    /// Now, to measure with.
    #[inline]
    pub fn now(&self) -> MonoNanos {
        MonoNanos(self.counter.delta_as_nanos(0, self.counter.raw()))
    }

    /// The date of a monotonic stamp, by the offset as last refreshed.
    #[inline]
    pub fn date(&self, stamp: MonoNanos) -> UnixNanos {
        // Relaxed: a lone value; a reader may see the previous offset, microseconds away from it.
        let offset = self.unix_offset.load(Ordering::Relaxed);
        // A system whose date is that of the end of time counts no further.
        UnixNanos((stamp.0 as i64).saturating_add(offset))
    }

    /// Reads the system's date anew, so that steps and drift of the system clock are followed.
    pub fn refresh(&self) {
        let before = self.now();
        let unix = UnixNanos::system();
        let middle = before.0 + self.now().since(before) / 2;
        self.unix_offset.store(unix.0 - middle as i64, Ordering::Relaxed);
    }
}

/// Moves a manual [`Clock`].
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<quanta::Mock>);

impl ManualClock {
    /// Moves both times on.
    pub fn advance(&self, by: Duration) {
        self.0.increment(by);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_both_times_together() {
        let (clock, hand) = Clock::manual(UnixNanos::from_millis(1_700_000_000_000));
        let start = clock.now();
        assert_eq!(clock.date(start).millis(), 1_700_000_000_000);
        hand.advance(Duration::from_millis(5));
        assert_eq!(clock.now().since(start), 5_000_000);
        assert_eq!(clock.date(clock.now()).millis(), 1_700_000_000_005);
    }

    #[test]
    fn a_date_at_the_end_of_time_stays_there() {
        let (clock, hand) = Clock::manual(UnixNanos(i64::MAX - 1));
        hand.advance(Duration::from_secs(1));
        assert_eq!(clock.date(clock.now()), UnixNanos(i64::MAX));
    }

    #[test]
    fn a_real_clock_dates_its_stamps_with_the_system_date() {
        let clock = Clock::real();
        let before = UnixNanos::system();
        let dated = clock.date(clock.now());
        // The two clocks may differ by scheduling between the calls, not by more than a minute.
        assert!((dated.0 - before.0).abs() < 60_000_000_000);
    }

    #[test]
    fn times_that_do_not_fit_are_none() {
        assert!(!UnixNanos::from_millis(u64::MAX).is_some());
        assert!(!UnixNanos::from_micros(u64::MAX).is_some());
        assert_eq!(MonoNanos(5).after(Duration::MAX), MonoNanos::MAX);
    }
}
