//! Ctrl-C and SIGTERM as a message, of which the second one ends the process at once; SIGHUP as
//! another.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam::channel::{Receiver, bounded};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::screen;

/// Exit code of a process that a second signal ended while it drained.
const IMPATIENT: i32 = 130;

/// A channel that gets a message when the process is asked to stop.
pub(super) fn stop_requests() -> io::Result<Receiver<()>> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let (sender, receiver) = bounded(1);
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for (before, _) in signals.forever().enumerate() {
            if before > 0 {
                screen::restore();
                signal_hook::low_level::exit(IMPATIENT);
            }
            // Nobody listens any more: then everything is about to end anyway.
            let _ = sender.try_send(());
        }
    })?;
    Ok(receiver)
}

/// A channel that gets a message when the process is asked to read its configuration again.
pub(super) fn reload_requests() -> io::Result<Receiver<()>> {
    let mut signals = Signals::new([SIGHUP])?;
    let (sender, receiver) = bounded(1);
    std::thread::Builder::new().name("hangups".to_owned()).spawn(move || {
        for _ in signals.forever() {
            // Full: as above.
            let _ = sender.try_send(());
        }
    })?;
    Ok(receiver)
}

/// Requests to stop as a flag, for loops that look now and then.
pub(super) fn stop_flag() -> io::Result<Arc<AtomicBool>> {
    let requests = stop_requests()?;
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    std::thread::Builder::new().name("stop-flag".to_owned()).spawn(move || {
        // An error means that nobody can ask any more, which is a stop too.
        let _ = requests.recv();
        // Relaxed: a lone flag.
        flag.store(true, Ordering::Relaxed);
    })?;
    Ok(stop)
}
