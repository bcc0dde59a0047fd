//! `tickwire check`

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use tickwire::config::{Config, effective};
use tickwire::gateway::Footprint;

use super::WrongUse;

/// Prints the effective configuration and the memory that it takes; an invalid one is an error with
/// exit code 2.
pub(super) fn check(path: &Path) -> anyhow::Result<ExitCode> {
    let config = Config::load(path)?;
    let footprint = Footprint::of(&config).map_err(|error| WrongUse(error.to_string()))?;
    writeln!(std::io::stdout().lock(), "{}\n{}", effective(&config), footprint.table().trim_end())?;
    Ok(ExitCode::SUCCESS)
}
