//! `tickwire run`: the gateway on a file, on the built-in live list, or on the embedded demo.

use std::io::{IsTerminal, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use crossbeam::channel::RecvTimeoutError;
use tickwire::clock::Clock;
use tickwire::config::Config;
use tickwire::gateway::Gateway;

use super::demo::Demo;
use super::signals;
use super::table::Table;

/// What `run --live` serves without a file.
const LIVE: &str = include_str!("live.toml");

/// How often a terminal shows the table anew.
const TABLE_EVERY: Duration = Duration::from_secs(1);

/// How often a plain output gets a line.
const LINES_EVERY: Duration = Duration::from_secs(10);

#[derive(Debug, Default, Args)]
pub(super) struct RunArguments {
    /// What to serve; without it the embedded demo, or with --live a built-in list.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The real exchanges instead of simulated ones.
    #[arg(long)]
    live: bool,
    /// Stop after so many seconds.
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
}

/// Runs until it is asked to stop, then prints the latency report.
pub(super) fn run(arguments: &RunArguments) -> anyhow::Result<ExitCode> {
    let stop = signals::stop_requests().context("cannot listen for signals")?;
    let clock = Clock::real();
    let mut demo = None;
    let config = match &arguments.config {
        Some(path) => Config::load(path)?,
        None if arguments.live => Config::parse(LIVE, None, std::env::vars())?,
        None => {
            let started = Demo::start(clock.clone()).context("cannot start the demo")?;
            Config::parse(&demo.insert(started).configuration(), None, std::env::vars())?
        }
    };
    let gateway = Gateway::start(&config, clock)?;
    announce(&gateway, demo.is_some())?;
    let show = Show::new(std::io::stdout().is_terminal());
    show.until_stopped(&gateway, &stop, arguments.seconds.map(Duration::from_secs))?;
    let report = gateway.stop();
    drop(demo);
    writeln!(std::io::stdout().lock(), "\n{report}")?;
    Ok(ExitCode::SUCCESS)
}

fn announce(gateway: &Gateway, demo: bool) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let what = if demo { "simulated exchanges" } else { "exchanges" };
    writeln!(out, "tickwire serves {what} on {}", gateway.url())?;
    writeln!(out, "metrics and health on http://{}", gateway.admin_address())?;
    writeln!(out, "try: tickwire watch {} BTC/USDT", gateway.url())?;
    writeln!(out, "Ctrl-C stops\n")?;
    Ok(())
}

/// The table on a terminal, a line now and then elsewhere.
struct Show {
    table: Table,
    every: Duration,
}

impl Show {
    fn new(terminal: bool) -> Self {
        let every = if terminal { TABLE_EVERY } else { LINES_EVERY };
        Self { table: Table::new(terminal), every }
    }

    fn until_stopped(
        mut self,
        gateway: &Gateway,
        stop: &crossbeam::channel::Receiver<()>,
        limit: Option<Duration>,
    ) -> anyhow::Result<()> {
        let started = std::time::Instant::now();
        loop {
            let left = limit.map_or(Duration::MAX, |limit| limit.saturating_sub(started.elapsed()));
            match stop.recv_timeout(self.every.min(left)) {
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Err(RecvTimeoutError::Timeout) if left <= self.every => return Ok(()),
                Err(RecvTimeoutError::Timeout) => {}
            }
            let mut out = std::io::stdout().lock();
            self.table.draw(&gateway.stats(), &mut out)?;
        }
    }
}
