//! `tickwire sim`

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use tickwire::sim::{Arguments, run_command};

use super::signals;

pub(super) type SimArguments = Arguments;

/// Serves one simulated exchange until it is asked to stop.
pub(super) fn sim(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let requests = signals::stop_requests().context("cannot listen for signals")?;
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    std::thread::spawn(move || {
        // An error means that nobody can ask any more.
        let _ = requests.recv();
        // Relaxed: a lone flag.
        flag.store(true, Ordering::Relaxed);
    });
    run_command(arguments.options(), &mut std::io::stdout().lock(), &stop)?;
    Ok(ExitCode::SUCCESS)
}
