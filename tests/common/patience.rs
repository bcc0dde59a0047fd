//! How the tests wait for what only a look can tell: a metric, a counter, a socket that listens.
//! Where there is something that says so (an event, a line, a bell) they wait for that instead.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::time::{Duration, Instant};

/// Longest wait for anything; reached only by a test that fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks: the machine is left to whom they look at.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Looks until there is something; fails when that takes too long.
pub(crate) fn wait_until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        assert!(!left.is_zero(), "never: {what}");
        std::thread::park_timeout(left.min(LOOK_EVERY));
    }
}

/// Waits until something holds.
pub(crate) fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    wait_until(what, || holds().then_some(()));
}
