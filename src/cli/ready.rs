//! When everything that was configured has come: one line instead of one for each connection.

use std::time::Duration;

use tickwire::limits::{READY_BOOKS_MAX, READY_MAX, READY_SETTLED};
use tickwire::metrics::Stats;

/// What is looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Seen {
    feeds: usize,
    connected: usize,
    live: u64,
    repaired: u64,
}

/// Tells once when all feeds are connected, and before that once which are not.
#[derive(Debug, Default)]
pub(super) struct Ready {
    last: Seen,
    /// When `last` became so.
    since: Duration,
    all_since: Option<Duration>,
    told_missing: bool,
    done: bool,
}

impl Ready {
    /// Everything was told.
    pub(super) const fn is_done(&self) -> bool {
        self.done
    }

    /// Looks at what there is `at` so long after the start; logs when there is something to say.
    pub(super) fn look(&mut self, stats: &Stats, at: Duration) {
        let is_up = |state: &str| state == "connected";
        let seen = Seen {
            feeds: stats.feeds.len(),
            connected: stats.feeds.iter().filter(|feed| is_up(feed.state)).count(),
            live: stats.feeds.iter().map(|feed| feed.books.live).sum(),
            repaired: stats.feeds.iter().map(|feed| feed.books.resyncing).sum(),
        };
        match self.step(seen, at) {
            Told::Nothing => {}
            Told::All { feeds, live, after } => {
                let seconds = after.as_secs_f64();
                tracing::info!(
                    "{feeds} of {feeds} feeds connected, {live} books live after {seconds:.1} s"
                );
            }
            Told::Missing { connected, feeds } => {
                let missing = stats.feeds.iter().filter(|feed| !is_up(feed.state));
                let missing: Vec<_> =
                    missing.map(|feed| format!("{} ({})", feed.exchange, feed.state)).collect();
                let (missing, seconds) = (missing.join(", "), at.as_secs_f64());
                tracing::warn!(
                    "{connected} of {feeds} feeds connected after {seconds:.0} s; still missing: {missing}"
                );
            }
        }
    }

    fn step(&mut self, seen: Seen, at: Duration) -> Told {
        if seen != self.last {
            (self.last, self.since) = (seen.clone(), at);
        }
        let Seen { feeds, connected, live, repaired } = seen;
        if connected < feeds {
            self.all_since = None;
            if at >= READY_MAX && !self.told_missing {
                self.told_missing = true;
                return Told::Missing { connected, feeds };
            }
            return Told::Nothing;
        }
        let all_since = *self.all_since.get_or_insert(at);
        let is_settled = live > 0 && repaired == 0 && at >= self.since + READY_SETTLED;
        if is_settled || at >= all_since + READY_BOOKS_MAX {
            self.done = true;
            return Told::All { feeds, live, after: self.since.max(all_since) };
        }
        Told::Nothing
    }
}

/// What there is to say.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Nothing,
    All { feeds: usize, live: u64, after: Duration },
    Missing { connected: usize, feeds: usize },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(connected: usize, live: u64) -> Seen {
        Seen { feeds: 2, connected, live, repaired: 0 }
    }

    #[test]
    fn it_is_told_once_the_books_stand_still_and_by_their_time() {
        let mut ready = Ready::default();
        let at = Duration::from_millis;
        assert_eq!(ready.step(seen(1, 3), at(100)), Told::Nothing);
        assert_eq!(ready.step(seen(2, 3), at(200)), Told::Nothing);
        assert_eq!(ready.step(seen(2, 5), at(400)), Told::Nothing);
        assert_eq!(ready.step(seen(2, 5), at(1_800)), Told::Nothing);
        let all = Told::All { feeds: 2, live: 5, after: at(400) };
        assert_eq!(ready.step(seen(2, 5), at(1_900)), all);
        assert!(ready.is_done());
    }

    #[test]
    fn what_is_missing_is_named_once_and_feeds_without_books_are_not_waited_for() {
        let mut ready = Ready::default();
        let at = Duration::from_secs;
        assert_eq!(ready.step(seen(1, 0), at(9)), Told::Nothing);
        assert_eq!(ready.step(seen(1, 0), at(10)), Told::Missing { connected: 1, feeds: 2 });
        assert_eq!(ready.step(seen(1, 0), at(11)), Told::Nothing);
        assert_eq!(ready.step(seen(2, 0), at(12)), Told::Nothing);
        let all = Told::All { feeds: 2, live: 0, after: at(12) };
        assert_eq!(ready.step(seen(2, 0), at(17)), all);
    }
}
