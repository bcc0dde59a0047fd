//! The command line: one function per command.

mod check;
mod decode;
mod demo;
mod lines;
pub(crate) mod log;
mod numbers;
mod outlet;
mod output;
mod ready;
mod reload;
mod run;
mod screen;
pub(crate) mod signals;
mod sim;
mod throttle;
mod verify;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tickwire::config::ConfigError;
use tickwire::instrument::ExchangeId;

use output::tell;

/// Wrong use or configuration.
const WRONG_USE: u8 = 2;
/// Could not run: a port is taken, no permission, nothing to measure with.
const COULD_NOT_RUN: u8 = 3;
/// Standard output could not be written: a full disk.
const COULD_NOT_WRITE: u8 = 4;

/// Market-data feed handler and WebSocket gateway.
///
/// Without a command, or with `run` and no file: an embedded demo. Simulated exchanges, the whole
/// pipeline, the gateway on ws://127.0.0.1:8080, metrics on http://127.0.0.1:8081.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The gateway; without a file the embedded demo.
    Run(run::RunArguments),
    /// Validates a configuration and prints what it amounts to.
    Check {
        /// The file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Also ask each exchange whether it lists the symbols: 1 when one is not, 3 when an exchange
        /// could not be asked.
        #[arg(long)]
        online: bool,
    },
    /// One simulated exchange; prints the URL that it serves.
    Sim(sim::SimArguments),
    /// Frames of a capture file to normalised events, one JSON a line.
    Decode(decode::DecodeArguments),
    /// A client in the terminal.
    Watch(watch::WatchArguments),
    /// Load on an embedded exchange, and the verdict against a latency budget.
    Verify(verify::VerifyArguments),
}

/// Runs the command.
pub(crate) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    match arguments.command.unwrap_or_else(|| Command::Run(run::RunArguments::default())) {
        Command::Run(arguments) => run::run(&arguments),
        Command::Check { config, online: false } => check::check(&config),
        Command::Check { config, online: true } => check::check_online(&config),
        Command::Sim(arguments) => sim::sim(&arguments),
        Command::Decode(arguments) => decode::decode(arguments),
        Command::Watch(arguments) => watch::watch(arguments),
        Command::Verify(arguments) => verify::verify(&arguments),
    }
}

/// Says what went wrong and chooses the exit code.
pub(crate) fn failure(error: &anyhow::Error) -> ExitCode {
    tell(format_args!("tickwire: {}", causes(error)));
    let wrong_use = error.chain().any(|cause| cause.is::<ConfigError>() || cause.is::<WrongUse>());
    ExitCode::from(match wrong_use {
        true => WRONG_USE,
        false if error.chain().any(output::is_of_output) => COULD_NOT_WRITE,
        false => COULD_NOT_RUN,
    })
}

/// An error and what caused it, each said once: some name their cause in their own words already.
fn causes(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// The exchange of that name, for the parser of arguments.
fn exchange(name: &str) -> Result<ExchangeId, String> {
    ExchangeId::from_name(name).ok_or_else(|| {
        format!("must be one of: {}", ExchangeId::ALL.map(ExchangeId::name).join(", "))
    })
}

/// Arguments that the parser accepts and that are wrong still.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct WrongUse(pub(crate) String);
