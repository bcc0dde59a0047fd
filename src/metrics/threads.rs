//! The threads of a gateway, each seen to its end.
//!
//! A panic ends its thread and no more: it is caught at the thread's border and told, and whoever
//! waits at [`Observatory::failures`] stops the gateway in order. What unwinds holds nothing that
//! others go on with: threads share counters, rings and channels alone.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Instant;

use crossbeam::channel::{Receiver, RecvTimeoutError, bounded};

use super::Observatory;

/// The thread that panics as soon as it begins, where a test asked for that.
static DOOMED: OnceLock<String> = OnceLock::new();

/// Lets the thread of that name panic as soon as it begins: for tests of what follows.
#[cfg(debug_assertions)]
pub fn doom(thread: String) {
    // The first wish counts.
    let _ = DOOMED.set(thread);
}

/// A thread that is seen to its end.
#[derive(Debug)]
pub struct Watched {
    handle: JoinHandle<()>,
    /// Nothing is ever sent: it is disconnected when the thread has ended.
    ended: Receiver<()>,
}

impl Watched {
    /// Waits for the end of the thread, at most until then; false when it is left behind, to end with
    /// the process.
    pub fn join_by(self, until: Instant) -> bool {
        if let Err(RecvTimeoutError::Timeout) = self.ended.recv_deadline(until) {
            let thread = self.handle.thread().name();
            tracing::warn!(thread, "does not end in time, and is left behind");
            return false;
        }
        // A panic was caught and told.
        let _ = self.handle.join();
        true
    }
}

impl Observatory {
    /// Starts a thread that has to live as long as the gateway, unless it is told to end.
    ///
    /// # Errors
    /// When the system gives none.
    pub fn spawn(
        self: &Arc<Self>,
        name: impl Into<String>,
        work: impl FnOnce() + Send + 'static,
    ) -> io::Result<Watched> {
        let name = name.into();
        let (guard, observatory) = (self.thread(name.clone()), Arc::clone(self));
        let (ending, ended) = bounded::<()>(0);
        let run = move || {
            let _ending = ending;
            let _guard = guard;
            let work = AssertUnwindSafe(|| {
                let name = std::thread::current().name().map(str::to_owned);
                assert!(DOOMED.get().is_none_or(|doomed| Some(doomed) != name.as_ref()), "doomed");
                work();
            });
            if catch_unwind(work).is_err() {
                observatory.fail();
            }
        };
        let handle = std::thread::Builder::new().name(name).spawn(run)?;
        Ok(Watched { handle, ended })
    }

    /// The calling thread panicked.
    #[cold]
    fn fail(&self) {
        let thread = std::thread::current().name().unwrap_or_default().to_owned();
        tracing::error!(thread, "panicked; please report this with the lines before it");
        // Full: so many others say the same.
        let _ = self.failed.0.try_send(thread);
    }

    /// The names of threads that ended by a panic, as they come.
    pub const fn failures(&self) -> &Receiver<String> {
        &self.failed.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::latency::Budget;
    use std::time::Duration;

    fn observatory() -> Arc<Observatory> {
        Observatory::new(Clock::real(), "e1", serde_json::Value::Null, Budget::default())
    }

    #[test]
    fn a_panic_is_caught_told_and_seen() {
        let observatory = observatory();
        let silent = || std::panic::resume_unwind(Box::new("no message on standard error"));
        let thread = observatory.spawn("feed-a", silent).unwrap();
        assert!(thread.join_by(Instant::now() + Duration::from_secs(60)));
        assert_eq!(observatory.failures().try_recv().as_deref(), Ok("feed-a"));
        assert_eq!(observatory.readiness().reasons, ["thread feed-a ended"]);
    }

    #[test]
    fn a_thread_that_does_not_end_is_left_behind() {
        let observatory = observatory();
        let (go, goes) = bounded::<()>(0);
        let thread = observatory.spawn("stuck", move || goes.iter().for_each(drop)).unwrap();
        assert!(!thread.join_by(Instant::now()));
        drop(go);
    }
}
