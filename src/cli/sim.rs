//! `tickwire sim`

use std::process::ExitCode;

use anyhow::Context as _;
use tickwire::sim::{Arguments, run_command};

use super::output::Told;
use super::{log, signals};

pub(super) type SimArguments = Arguments;

/// Serves one simulated exchange until it is asked to stop.
pub(super) fn sim(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let stop = signals::stop_flag().context("cannot listen for signals")?;
    log::detach();
    run_command(arguments.options(), &mut Told, &stop)?;
    Ok(ExitCode::SUCCESS)
}
