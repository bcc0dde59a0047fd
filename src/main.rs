//! The front door: arguments, logging, exit codes.
//!
//! Exit codes: 0 done, 1 a check failed, 2 wrong use or configuration, 3 could not run, or a thread
//! panicked, 4 could not write its output.
//! Standard output is for data, standard error for logs.

mod cli;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    cli::signals::outlive_limits_of_files();
    let arguments = cli::Arguments::parse();
    cli::log::start();
    let code = match cli::run(arguments) {
        Ok(code) => code,
        Err(error) => cli::failure(&error),
    };
    cli::log::drain();
    code
}
