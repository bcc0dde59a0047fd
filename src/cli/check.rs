//! `tickwire check`

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use tickwire::config::{Config, effective};

/// Prints the effective configuration; an invalid one is an error with exit code 2.
pub(super) fn check(path: &Path) -> anyhow::Result<ExitCode> {
    let config = Config::load(path)?;
    std::io::stdout().lock().write_all(effective(&config).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
