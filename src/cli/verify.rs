//! `tickwire verify`

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use tickwire::latency::Budget;
use tickwire::net::Waiting;
use tickwire::verify::{Options, run};

use super::WrongUse;
use super::output::{print, tell};

/// Exit code of a measurement that could not be made.
const COULD_NOT_MEASURE: u8 = 2;

#[derive(Debug, Args)]
pub(super) struct VerifyArguments {
    /// Budget: a table per span, its quantiles in nanoseconds; perf/budget.toml is built in.
    #[arg(long, value_name = "FILE")]
    budget: Option<PathBuf>,
    /// How long to measure, after a warm-up of one second.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// Trades a second over all symbols.
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    rate: u32,
    /// Instruments.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=50))]
    symbols: u32,
    /// Clients, each of which gets every trade.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    clients: u32,
    /// How feed and broadcaster wait: block, epoll-spin or spin.
    #[arg(long, default_value = "block", value_parser = waiting)]
    poll: Waiting,
    /// One JSON object instead of a table.
    #[arg(long)]
    json: bool,
    /// Hold the broadcaster up for so many microseconds in each turn, to see the verdict fail.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=1_000_000))]
    inject_delay_us: u64,
}

fn waiting(name: &str) -> Result<Waiting, String> {
    Waiting::from_name(name)
        .ok_or_else(|| format!("must be one of: {}", Waiting::ALL.map(Waiting::name).join(", ")))
}

/// Exit 0 within the budget, 1 over it, 2 when it could not be measured.
pub(super) fn verify(arguments: &VerifyArguments) -> anyhow::Result<ExitCode> {
    let budget = arguments.budget.as_deref().map_or_else(|| Ok(Budget::built_in()), read)?;
    let options = Options {
        time: Duration::from_secs(arguments.seconds),
        rate: arguments.rate,
        symbols: arguments.symbols as usize,
        clients: arguments.clients as usize,
        waiting: arguments.poll,
        delay_injected: Duration::from_micros(arguments.inject_delay_us),
        ..Options::new(budget)
    };
    let outcome = match run(&options) {
        Ok(outcome) => outcome,
        Err(error) => {
            tell(format_args!("tickwire: could not measure: {error}"));
            return Ok(ExitCode::from(COULD_NOT_MEASURE));
        }
    };
    match arguments.json {
        true => print(format_args!("{}\n", outcome.json()))?,
        false => print(format_args!("{outcome}\n"))?,
    }
    Ok(ExitCode::from(outcome.verdict().exit_code()))
}

fn read(path: &Path) -> Result<Budget, WrongUse> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| WrongUse(format!("{}: cannot be read: {error}", path.display())))?;
    Budget::parse(&text).map_err(|error| WrongUse(format!("{}: {error}", path.display())))
}
