//! An output that whoever writes never waits for.
//!
//! A pipe may be open and not read: a pager that rests, a log driver that is stuck, a terminal that
//! was told to hold. A write to it waits for the reader, and with it whatever thread writes. So what a
//! gateway writes goes through a queue to a thread of that output, the only one that may wait for it.
//! The queue is bounded by bytes; what does not fit is refused, and whoever writes counts it.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tickwire::limits::OUTPUT_QUEUE_BYTES;

/// Texts on their way to one output, in their order.
#[derive(Debug, Default)]
pub(super) struct Outlet {
    queue: Mutex<Queue>,
    /// There is something to write, or nothing any more.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    texts: VecDeque<String>,
    /// What they take, together with the one that is being written.
    bytes: usize,
}

/// What a text takes in the queue.
const fn cost(text: &str) -> usize {
    text.len() + size_of::<String>()
}

impl Outlet {
    /// Starts the thread, which hands each text to `write`.
    ///
    /// # Errors
    /// When the system has no thread for it.
    pub(super) fn start(
        name: &str,
        mut write: impl FnMut(&str) + Send + 'static,
    ) -> io::Result<Arc<Self>> {
        let outlet = Arc::new(Self::default());
        let own = Arc::clone(&outlet);
        let work = move || {
            loop {
                let text = own.next();
                write(&text);
                own.done(&text);
            }
        };
        std::thread::Builder::new().name(name.to_owned()).spawn(work)?;
        Ok(outlet)
    }

    /// Takes a text, or says that there is no room for it. Any thread may call it.
    #[must_use]
    pub(super) fn push(&self, text: String) -> bool {
        let mut queue = self.queue();
        let bytes = queue.bytes.saturating_add(cost(&text));
        if bytes > OUTPUT_QUEUE_BYTES {
            return false;
        }
        queue.bytes = bytes;
        queue.texts.push_back(text);
        drop(queue);
        self.changed.notify_all();
        true
    }

    /// Waits until everything was written, at most until then.
    pub(super) fn drain(&self, until: Instant) {
        let left = until.saturating_duration_since(Instant::now());
        let is_busy = |queue: &mut Queue| queue.bytes > 0;
        drop(self.changed.wait_timeout_while(self.queue(), left, is_busy));
    }

    fn next(&self) -> String {
        let mut queue = self.queue();
        loop {
            if let Some(text) = queue.texts.pop_front() {
                return text;
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn done(&self, text: &str) {
        let mut queue = self.queue();
        queue.bytes -= cost(text);
        let is_empty = queue.bytes == 0;
        drop(queue);
        if is_empty {
            self.changed.notify_all();
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use crossbeam::channel::{bounded, unbounded};

    #[test]
    fn a_stalled_output_holds_nobody_up_takes_its_bound_and_keeps_the_order() {
        let (go_on, wait) = bounded::<()>(0);
        let (sender, written) = unbounded();
        let outlet = Outlet::start("stalled", move |text| {
            // An error means that everything may go on.
            let _ = wait.recv();
            sender.send(text.to_owned()).expect("read below");
        });
        let outlet = outlet.expect("a thread");
        let line = |number: usize| format!("{number:01000}");
        let taken = (0..).take_while(|&number| outlet.push(line(number))).count();
        assert_eq!(taken, OUTPUT_QUEUE_BYTES / cost(&line(0)));
        outlet.drain(Instant::now());
        assert!(written.is_empty(), "its time was up at once");
        drop(go_on);
        outlet.drain(Instant::now() + Duration::from_secs(3_600));
        let all: Vec<String> = written.try_iter().collect();
        assert_eq!(all, (0..taken).map(line).collect::<Vec<_>>());
        assert!(outlet.push(line(0)), "there is room again");
    }
}
