//! The observer thread: sleeps, measures how well the host lets it sleep, and once a second looks
//! at everything else.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::observatory::Observatory;
use super::threads::Watched;
use crate::clock::MonoNanos;
use crate::latency::{StallProbe, recorder};
use crate::limits;

/// The running observer thread.
#[derive(Debug)]
pub struct Observer {
    stopping: Arc<AtomicBool>,
    thread: Watched,
}

impl Observer {
    /// Starts it. It is the one that refreshes the date of the observatory's clock.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(observatory: &Arc<Observatory>) -> io::Result<Self> {
        let stopping = Arc::new(AtomicBool::new(false));
        let (recorder, collector) = recorder();
        observatory.add_collector(collector);
        let mut probe = StallProbe::new(observatory.clock().clone(), recorder);
        let stop = Arc::clone(&stopping);
        let seen = Arc::clone(observatory);
        let thread = observatory.spawn("observer", move || {
            let mut due = MonoNanos::ZERO;
            // Acquire: pairs with the Release in `Observer::stop`.
            while !stop.load(Ordering::Acquire) {
                let now = probe.probe();
                if now >= due {
                    due = now.after(limits::OBSERVE_EVERY);
                    seen.clock().refresh();
                    seen.turn(now);
                }
            }
            probe.finish();
        })?;
        Ok(Self { stopping, thread })
    }

    /// Ends it, within milliseconds and at the latest then; what it measured last is handed over.
    pub fn stop(self, until: Instant) {
        // Release: pairs with the Acquire in the thread.
        self.stopping.store(true, Ordering::Release);
        self.thread.join_by(until);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::Clock;
    use crate::latency::{Budget, Span};

    #[test]
    fn the_host_is_measured_until_the_observer_stops() {
        let clock = Clock::real();
        let observatory = Observatory::new(clock, "e1", serde_json::Value::Null, Budget::default());
        let observer = Observer::start(&observatory).unwrap();
        while observatory.totals().count(Span::HostStall) == 0 {
            std::thread::yield_now();
        }
        observer.stop(Instant::now() + Duration::from_secs(60));
        let count = observatory.totals().count(Span::HostStall);
        assert_eq!(observatory.totals().count(Span::HostStall), count, "it stopped");
    }
}
