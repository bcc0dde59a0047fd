//! When a connection is made anew that was ended for a hole in its numbers.
//!
//! The hole is no fault of the connection's, which we end ourselves: where it is one in a while,
//! nothing is gained by a wait in which its books are not there. Where each connection has one,
//! however long it delivered until then, the exchange is asked ever more rarely, as for a book that
//! fails again and again (`resync.rs`).

use std::time::Duration;

use crate::clock::MonoNanos;
use crate::feed::resync::wait_after;
use crate::limits::HOLES_GOOD_AFTER;

/// The holes of one connection and of those before it.
#[derive(Debug)]
pub(super) struct Holes {
    /// How many connections in a row had one soon.
    row: u32,
    /// When it was made anew for the last.
    again: MonoNanos,
}

impl Holes {
    /// None yet.
    pub(super) const fn new() -> Self {
        Self { row: 0, again: MonoNanos::ZERO }
    }

    /// The connection that is open since then has one: the wait before the next.
    pub(super) fn wait(&mut self, since: MonoNanos, now: MonoNanos) -> Duration {
        if now >= since.after(HOLES_GOOD_AFTER) {
            self.row = 0;
        }
        let between = wait_after(self.row);
        self.row = self.row.saturating_add(1);
        self.again = self.again.after(between).max(now);
        Duration::from_nanos(self.again.since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When each connection begins, in seconds, where each has a hole after so many.
    fn begun(holes: &mut Holes, lives: u64, count: usize) -> Vec<u64> {
        let start = holes.again.max(MonoNanos(1_000_000_000_000));
        let mut open = start;
        let begin = |_| {
            let now = open.after(Duration::from_secs(lives));
            open = now.after(holes.wait(open, now));
            open.since(start) / 1_000_000_000
        };
        (0..count).map(begin).collect()
    }

    #[test]
    fn where_each_connection_has_a_hole_they_come_ever_more_rarely_however_long_they_serve() {
        let at_once = begun(&mut Holes::new(), 0, 9);
        assert_eq!(at_once, [0, 1, 3, 7, 15, 31, 63, 123, 183]);
        let served = begun(&mut Holes::new(), 5, 9);
        assert_eq!(served, [5, 10, 15, 20, 28, 44, 76, 136, 196]);
    }

    #[test]
    fn one_in_a_while_costs_no_wait() {
        let mut holes = Holes::new();
        begun(&mut holes, 1, 9);
        assert_eq!(begun(&mut holes, 10, 4), [10, 20, 30, 40]);
    }
}
