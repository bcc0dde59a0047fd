//! `tickwire run`: the gateway on a file, on the built-in live list, or on the embedded demo.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use crossbeam::channel::{Receiver, never};
use crossbeam::select;
use tickwire::clock::Clock;
use tickwire::config::Config;
use tickwire::gateway::{Footprint, Gateway};
use tickwire::limits::{CONFIG_LOOK_EVERY, PLAIN_LINES_EVERY, READY_EVERY, SCREEN_EVERY};

use super::demo::Demo;
use super::output::Detached;
use super::ready::Ready;
use super::reload::Source;
use super::screen::{Key, Screen, is_suitable};
use super::{lines, log, signals};

/// What `run --live` serves without a file.
const LIVE: &str = include_str!("live.toml");

#[derive(Debug, Default, Args)]
pub(super) struct RunArguments {
    /// What to serve; without it the embedded demo, or with --live a built-in list.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The real exchanges instead of simulated ones.
    #[arg(long, conflicts_with = "config")]
    live: bool,
    /// Read the file again whenever it changes, as at a SIGHUP.
    #[arg(long, requires = "config")]
    watch_config: bool,
    /// Let the simulated exchanges of the demo misbehave: lost, repeated and broken frames, wrong
    /// checksums, lost and silent connections, notices of shutdown.
    #[arg(long, conflicts_with_all = ["config", "live"])]
    faults: bool,
    /// Lets the thread of that name panic, to see what follows.
    #[cfg(debug_assertions)]
    #[arg(long, hide = true)]
    panic_in: Option<String>,
    /// Stop after so many seconds.
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
}

/// Runs until it is asked to stop, then prints the latency report.
pub(super) fn run(arguments: &RunArguments) -> anyhow::Result<ExitCode> {
    let outlives_terminal = signals::outlives_terminal();
    let requests = Requests {
        stop: signals::stop_requests().context("cannot listen for signals")?,
        hangup: signals::hangups().context("cannot listen for signals")?,
        outlives_terminal,
    };
    let source = Source::new(arguments.config.clone(), arguments.watch_config);
    #[cfg(debug_assertions)]
    if let Some(thread) = arguments.panic_in.clone() {
        tickwire::metrics::doom(thread);
    }
    let clock = Clock::real();
    let mut demo = None;
    let config = match &arguments.config {
        Some(path) => Config::load(path)?,
        None if arguments.live => Config::parse(LIVE, None, Config::environment())?,
        None => {
            let started = Demo::start(&clock, arguments.faults).context("cannot start the demo")?;
            Config::parse(&demo.insert(started).configuration(), None, Config::environment())?
        }
    };
    log::detach();
    let output = Detached::start();
    let mut gateway = Gateway::start(&config, clock)?;
    let what = if demo.is_some() { "simulated exchanges" } else { "exchanges" };
    announce(&gateway, what, &output);
    let show = Show::start(&gateway, what, &output);
    let limit = arguments.seconds.map(Duration::from_secs);
    let stopped = show.until_stopped(&mut gateway, &requests, source, limit);
    let report = gateway.stop();
    drop(demo);
    output.print(format_args!("\n{report}\n"));
    output.drain();
    stopped.map(|()| ExitCode::SUCCESS)
}

/// A fault of ours.
#[derive(Debug, thiserror::Error)]
#[error("thread {0} panicked, so the gateway stopped; please report this with the lines before it")]
struct Failed(String);

fn announce(gateway: &Gateway, what: &str, output: &Detached) {
    let (url, admin) = (gateway.url(), gateway.admin_address());
    output.print(format_args!(
        "tickwire serves {what} on {url}\nmetrics and health on http://{admin}\n\
         try: tickwire watch {url} BTC/USDT\nCtrl-C stops\n\n"
    ));
    let feeds = &gateway.config().feeds;
    let names: Vec<_> = feeds.iter().map(|feed| feed.exchange.name()).collect();
    let symbols: usize = feeds.iter().map(|feed| feed.symbols.len()).sum();
    tracing::info!("serving {url}, metrics and health on http://{admin}");
    if let Ok(footprint) = Footprint::of(gateway.config()) {
        tracing::info!("{footprint}; `tickwire check` shows the parts");
    }
    tracing::info!("{} feeds with {symbols} instruments: {}", names.len(), names.join(", "));
}

/// What the process is asked from outside.
struct Requests {
    stop: Receiver<()>,
    /// Read the configuration again; without a file, the terminal was closed.
    hangup: Receiver<()>,
    outlives_terminal: bool,
}

/// The screen on a terminal, a line now and then elsewhere.
struct Show<'a> {
    screen: Option<Screen>,
    output: &'a Detached,
}

impl<'a> Show<'a> {
    fn start(gateway: &Gateway, what: &'static str, output: &'a Detached) -> Self {
        let start = || {
            let started = Screen::start(gateway, what);
            started.inspect_err(|error| tracing::warn!(%error, "cannot draw on the terminal")).ok()
        };
        if !is_suitable() {
            return Self { screen: None, output };
        }
        // What was said before the screen belongs before it.
        output.drain();
        log::drain();
        Self { screen: start(), output }
    }

    fn every(&self) -> Duration {
        if self.screen.is_some() { SCREEN_EVERY } else { PLAIN_LINES_EVERY }
    }

    /// Shows what there is. A terminal that fails is given up.
    fn draw(&mut self, gateway: &Gateway) {
        match &mut self.screen {
            Some(screen) => {
                if screen.draw(gateway).is_err() {
                    self.screen = None;
                }
            }
            None => self.output.print(format_args!("{}", lines::line(&gateway.stats()))),
        }
    }

    fn press(&mut self, key: Key, gateway: &Gateway) {
        if let Some(screen) = &mut self.screen {
            screen.press(key);
        }
        self.draw(gateway);
    }

    /// What was pressed; never anything without a screen.
    fn keys(&self) -> Receiver<Key> {
        self.screen.as_ref().map_or_else(never, |screen| screen.keys().clone())
    }

    fn until_stopped(
        mut self,
        gateway: &mut Gateway,
        requests: &Requests,
        mut source: Source,
        limit: Option<Duration>,
    ) -> anyhow::Result<()> {
        let started = Instant::now();
        let mut ready = Ready::default();
        let end = limit.map(|limit| started + limit);
        let mut next_show = started + self.every();
        let mut next_look = started + CONFIG_LOOK_EVERY;
        let mut keys = self.keys();
        let failures = gateway.observatory().failures().clone();
        loop {
            let due = next_show.min(next_look).min(end.unwrap_or(next_show));
            let soon = Instant::now() + READY_EVERY;
            let due = if ready.is_done() { due } else { due.min(soon) };
            select! {
                recv(requests.stop) -> _ => return Ok(()),
                recv(failures) -> thread => {
                    let thread = thread.unwrap_or_default();
                    return Err(Failed(thread).into());
                }
                recv(requests.hangup) -> _ => match source.is_file() || requests.outlives_terminal {
                    true => source.apply(gateway),
                    false => return Ok(()),
                },
                recv(keys) -> key => match key {
                    Ok(key) => self.press(key, gateway),
                    // Nobody reads them any more.
                    Err(_) => keys = never(),
                },
                default(due.saturating_duration_since(Instant::now())) => {}
            }
            let now = Instant::now();
            if end.is_some_and(|end| now >= end) {
                return Ok(());
            }
            if !ready.is_done() {
                ready.look(&gateway.stats(), now - started);
            }
            if now >= next_look {
                next_look = now + CONFIG_LOOK_EVERY;
                if source.has_changed() {
                    source.apply(gateway);
                }
            }
            if now >= next_show {
                self.draw(gateway);
                next_show = now + self.every();
            }
        }
    }
}
