//! Ctrl-C and SIGTERM as a message, of which the second one ends the process at once; SIGHUP as
//! another. SIGXFSZ is none.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam::channel::{Receiver, bounded};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;

use super::screen;

/// Exit code of a process that a second signal ended while it drained.
const IMPATIENT: i32 = 130;

/// A file that may not grow any more fails a write, and does not end the process: who writes is told
/// by the error, as on a full disk.
pub(crate) fn outlive_limits_of_files() {
    // Whether it ever came is nobody's question; that it is heard keeps it from its usual course. Where
    // the system does not let it be heard, it has that.
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
}

/// A channel that gets a message when the process is asked to stop.
pub(super) fn stop_requests() -> io::Result<Receiver<()>> {
    stop_requests_by(&[SIGINT, SIGTERM])
}

fn stop_requests_by(signals: &[i32]) -> io::Result<Receiver<()>> {
    let mut signals = Signals::new(signals)?;
    let (sender, receiver) = bounded(1);
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for (before, _) in signals.forever().enumerate() {
            if before > 0 {
                screen::restore_at_end();
                signal_hook::low_level::exit(IMPATIENT);
            }
            // Nobody listens any more: then everything is about to end anyway.
            let _ = sender.try_send(());
        }
    })?;
    Ok(receiver)
}

/// A channel that gets a message when the process is asked to read its configuration again, or when
/// its terminal was closed.
pub(super) fn hangups() -> io::Result<Receiver<()>> {
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

/// Whether the process was started so that a closed terminal is nothing to it, as `nohup` does. To
/// be asked before anybody listens for hangups.
pub(super) fn outlives_terminal() -> bool {
    // One bit per signal, the lowest of which is SIGHUP's. Elsewhere than on Linux nobody tells.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & (1 << (SIGHUP - 1)) != 0)
}

/// Requests to stop as a flag, for loops that look now and then. A closed terminal is one too.
pub(super) fn stop_flag() -> io::Result<Arc<AtomicBool>> {
    let all = [SIGINT, SIGTERM, SIGHUP];
    let count = if outlives_terminal() { 2 } else { 3 };
    let requests = stop_requests_by(&all[..count])?;
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
