//! When a stream is left and asked for again so that it begins with a snapshot of its book.
//!
//! The first failure of a book is repaired at once, and so is a later one of a book that was live for
//! ten seconds. One that fails again and again, or whose snapshot does not come, is tried at growing
//! intervals: a resynchronisation costs the exchange a snapshot and us two messages of an allowance.
//! What cannot be read may fail all books of a connection at once, and does not end because one of
//! them was live meanwhile: there the intervals grow as long as it comes more often than they last.

use std::time::Duration;

use crate::clock::MonoNanos;
use crate::instrument::InstrumentId;
use crate::limits::{RESYNC_FORGOTTEN_AFTER, RESYNC_WAIT_MAX, RESYNC_WAIT_MIN, SNAPSHOT_WAIT_MAX};
use crate::proof::Needed;

/// The wait before something is tried again that was tried so often in a row: none before the first
/// repetition, then doubling up to its bound.
pub(super) fn wait_after(tries: u32) -> Duration {
    match tries {
        0 => Duration::ZERO,
        tries => (RESYNC_WAIT_MIN * (1 << (tries - 1).min(10))).min(RESYNC_WAIT_MAX),
    }
}

/// One book.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    instrument: InstrumentId,
    /// When it was last asked for; zero before.
    asked: MonoNanos,
    /// Tries in a row.
    tries: u32,
    /// When it is to be asked for; `MAX` while it needs nothing.
    due: MonoNanos,
}

/// A book to be asked for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Try {
    /// Whose.
    pub(super) instrument: InstrumentId,
    /// How often it was asked for in a row before.
    pub(super) attempt: u32,
}

/// Every book of a feed that ever failed.
#[derive(Debug, Default)]
pub(super) struct Resyncs {
    books: Vec<Waiting>,
}

impl Resyncs {
    /// A book needs the snapshot that its stream begins with.
    pub(super) fn want(&mut self, needed: Needed, now: MonoNanos) {
        let waiting = self.waiting(needed.instrument);
        if waiting.due == MonoNanos::MAX && !needed.unread {
            // It was found live when the last try was over: this is another matter.
            waiting.tries = 0;
        }
        let due = if needed.patient { now.after(SNAPSHOT_WAIT_MAX) } else { waiting.next_try(now) };
        waiting.due = waiting.due.min(due);
    }

    /// The next book to be asked for now, by those that `still_waits` confirms.
    pub(super) fn next(
        &mut self,
        now: MonoNanos,
        still_waits: impl Fn(InstrumentId) -> bool,
    ) -> Option<Try> {
        for waiting in self.books.iter_mut().filter(|waiting| waiting.due <= now) {
            if !still_waits(waiting.instrument) {
                waiting.due = MonoNanos::MAX;
                continue;
            }
            if now >= waiting.asked.after(RESYNC_FORGOTTEN_AFTER) {
                waiting.tries = 0;
            }
            let attempt = waiting.tries;
            waiting.tries = attempt.saturating_add(1);
            waiting.asked = now;
            waiting.due = waiting.next_try(now).max(now.after(SNAPSHOT_WAIT_MAX));
            return Some(Try { instrument: waiting.instrument, attempt });
        }
        None
    }

    /// When [`Resyncs::next`] has something.
    pub(super) fn due(&self) -> MonoNanos {
        self.books.iter().map(|waiting| waiting.due).min().unwrap_or(MonoNanos::MAX)
    }

    fn waiting(&mut self, instrument: InstrumentId) -> &mut Waiting {
        let index = self.books.iter().position(|waiting| waiting.instrument == instrument);
        let index = index.unwrap_or_else(|| {
            let (asked, due) = (MonoNanos::ZERO, MonoNanos::MAX);
            self.books.push(Waiting { instrument, asked, tries: 0, due });
            self.books.len() - 1
        });
        &mut self.books[index]
    }
}

impl Waiting {
    /// When it may be asked for again.
    fn next_try(&self, now: MonoNanos) -> MonoNanos {
        if self.tries == 0 || now >= self.asked.after(RESYNC_FORGOTTEN_AFTER) {
            return now;
        }
        self.asked.after(wait_after(self.tries)).max(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOK: InstrumentId = InstrumentId(3);
    const NEEDED: Needed = Needed { instrument: BOOK, attempt: 0, patient: false, unread: false };
    const NOW: MonoNanos = MonoNanos(1_000_000_000_000);

    fn tried(attempt: u32) -> Option<Try> {
        Some(Try { instrument: BOOK, attempt })
    }

    fn seconds(since: MonoNanos, at: MonoNanos) -> u64 {
        at.since(since) / 1_000_000_000
    }

    #[test]
    fn the_first_failure_is_repaired_at_once_and_later_ones_take_longer() {
        let mut resyncs = Resyncs::default();
        assert_eq!(resyncs.due(), MonoNanos::MAX);
        let mut now = NOW;
        let mut waits = Vec::new();
        for _ in 0..9 {
            resyncs.want(NEEDED, now);
            let due = resyncs.due().max(now);
            waits.push(seconds(now, due));
            now = due;
            assert!(resyncs.next(now, |_| true).is_some());
            assert_eq!(resyncs.next(now, |_| true), None);
            // The snapshot comes at once, and the book fails at once.
        }
        assert_eq!(waits, [0, 1, 2, 4, 8, 16, 32, 60, 60]);
        now = now.after(RESYNC_FORGOTTEN_AFTER);
        resyncs.want(NEEDED, now);
        assert_eq!(resyncs.next(now, |_| true), tried(0), "long ago");
        assert_eq!(seconds(now, resyncs.due()), 10);
    }

    #[test]
    fn a_book_that_was_live_meanwhile_is_repaired_at_once_again() {
        let mut resyncs = Resyncs::default();
        let mut now = NOW;
        for _ in 0..20 {
            resyncs.want(NEEDED, now);
            assert_eq!(resyncs.next(now, |_| true), tried(0), "at {now:?}");
            // The snapshot comes, and the book stays live until it is looked at.
            now = resyncs.due();
            assert_eq!(resyncs.next(now, |_| false), None);
            now = now.after(Duration::from_secs(1));
        }
    }

    #[test]
    fn a_flood_of_what_cannot_be_read_costs_a_book_one_try_a_minute_at_last() {
        let mut resyncs = Resyncs::default();
        let (mut now, mut tries) = (NOW, 0);
        let hour = now.after(Duration::from_secs(3_600));
        while now < hour {
            // The book is live again whenever it is looked at, and fails each eleven seconds.
            resyncs.want(Needed { unread: true, ..NEEDED }, now);
            let next = now.after(Duration::from_secs(11));
            while resyncs.due() <= next {
                now = resyncs.due().max(now);
                tries += u32::from(resyncs.next(now, |_| true).is_some());
                now = now.after(Duration::from_secs(10));
                assert_eq!(resyncs.next(now, |_| false), None);
            }
            now = next.max(now);
        }
        assert!((50..=66).contains(&tries), "{tries} tries in an hour");
        now = now.after(RESYNC_WAIT_MAX);
        resyncs.want(Needed { unread: true, ..NEEDED }, now);
        assert!(resyncs.next(now, |_| true).is_some(), "one in a while is repaired at once");
    }

    #[test]
    fn a_snapshot_that_does_not_come_is_asked_for_again() {
        let mut resyncs = Resyncs::default();
        resyncs.want(NEEDED, NOW);
        assert_eq!(resyncs.next(NOW, |_| true), tried(0));
        assert_eq!(seconds(NOW, resyncs.due()), 10);
        let late = resyncs.due();
        assert_eq!(resyncs.next(late, |_| true), tried(1));
        let later = resyncs.due();
        assert_eq!(resyncs.next(later, |_| false), None, "it came");
        assert_eq!(resyncs.due(), MonoNanos::MAX);
    }

    #[test]
    fn the_snapshot_of_a_new_subscription_is_waited_for_first() {
        let mut resyncs = Resyncs::default();
        resyncs.want(Needed { patient: true, ..NEEDED }, NOW);
        assert_eq!(resyncs.next(NOW, |_| true), None);
        assert_eq!(seconds(NOW, resyncs.due()), 10);
        // It fails meanwhile: that needs no patience.
        resyncs.want(NEEDED, NOW);
        assert_eq!(resyncs.next(NOW, |_| true), tried(0));
    }
}
