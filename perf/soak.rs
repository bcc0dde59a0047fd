//! Hours in minutes: a steady load that must lose nothing, repeat nothing and hold no more memory
//! at the end than at the beginning.
//!
//! `cargo run --release --example soak -- [--minutes N] [--rate N] [--clients N] [--symbols N]
//! [--history-bytes N]`
//!
//! Every client asks for all trades and checks each by the exchange's ids and by the gateway's
//! numbers. Exchange, gateway and clients are one process, so its memory is that of all three.
//! Ends with 1 when something was lost or the memory grew.
//!
//! With few bytes for histories (`--history-bytes 2097152 --minutes 1`) they are full at once: then
//! it shows that what `tickwire check` prints is kept. What histories hold must stay within their
//! bytes, and the process within the most that the configuration can take, with room for the
//! exchange and the clients that share it.

#![allow(clippy::print_stdout, reason = "what it prints is its result")]

mod threads;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tickwire::clock::Clock;
use tickwire::config::ByteSize;
use tickwire::gateway::{Footprint, Gateway};
use tickwire::latency::{Quantile, Span};
use tickwire::metrics::resident_bytes;
use tickwire::net::Waiting;
use tickwire::verify::{self, Join, Swarm, Tally};

/// Between two lines of the report.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// What the memory may grow by from the first quarter of the time to the end: allocators and
/// histories settle, leaks do not. Histories are full after a minute at 10,000 trades/s, so less
/// than five minutes say nothing.
const GROWTH_BYTES_MAX: u64 = 16 << 20;

/// What the exchange and the clients of this process may hold: trades that were printed and
/// samples that wait.
const OTHERS_BYTES_MAX: u64 = 256 << 20;

struct Options {
    minutes: u64,
    rate: u32,
    clients: usize,
    symbols: usize,
    history_bytes: Option<usize>,
}

fn main() -> anyhow::Result<ExitCode> {
    let options = options()?;
    let clock = Clock::real();
    let exchange = verify::exchange(options.rate, options.symbols, &clock)?;
    let natives = exchange.truth().symbols();
    let mut config = verify::config(&exchange, Waiting::Block)?;
    if let Some(bytes) = options.history_bytes {
        config.history.bytes = ByteSize(bytes);
    }
    let footprint = Footprint::of(&config)?;
    print!("{}", footprint.table());
    let gateway = Gateway::start(&config, clock.clone())?;
    verify::wait_until_ready(&gateway)?;
    let clients = verify::clients(gateway.address(), &natives, options.clients, &clock);
    let swarm = Swarm::start(clients)?;
    if !verify::wait_for_answers(&swarm, options.clients as u64, Duration::from_secs(10)) {
        bail!("the gateway did not answer every client");
    }
    exchange.resume();

    println!("seconds,delivered,missing,repeated,ended,p50_ns,p99_ns,resident_bytes");
    let (begun, cpu_before) = (Instant::now(), threads::cpu_ns());
    let end = Duration::from_secs(60 * options.minutes);
    let mut join = Join::new(exchange.truth(), &natives);
    let (mut settled, mut most, mut histories) = (0, 0, 0);
    while begun.elapsed() < end {
        join.restart();
        join.run(&swarm, LINE_EVERY.min(end.saturating_sub(begun.elapsed())));
        let resident = resident_bytes().context("the system does not tell the memory held")?;
        line(begun, swarm.tally(), join.histograms(), resident);
        most = most.max(resident);
        histories = histories.max(gateway.stats().histories.bytes);
        if begun.elapsed() < end / 4 || settled == 0 {
            settled = resident;
        }
    }
    let cpu = threads::since(&cpu_before);
    let resident = resident_bytes().unwrap_or(u64::MAX);
    let load = verify::settle(&exchange, &natives, (swarm, options.clients), &mut join);
    let (sent, delivered, lost) = (load.sent, load.delivered, load.lost() + load.unused);
    let evicted = gateway.stats().histories.evicted;
    gateway.stop();
    for (name, nanos) in cpu.iter().filter(|(_, nanos)| **nanos > 0) {
        let (each, per_sent) = (*nanos / delivered.max(1), *nanos / sent.max(1));
        println!("# {name}: {per_sent} ns of CPU per trade sent, {each} ns per trade delivered");
    }
    let growth = resident.saturating_sub(settled);
    println!("# {sent} sent, {delivered} delivered, {lost} lost or repeated");
    println!("# memory grew by {growth} bytes after the first quarter");
    let bound = config.history.bytes;
    println!("# histories held {histories} bytes of {bound}, {evicted} events gave way to others");
    let is_bounded =
        histories <= bound.0 as u64 && most <= footprint.sum().most as u64 + OTHERS_BYTES_MAX;
    let good = lost == 0 && growth <= GROWTH_BYTES_MAX && is_bounded;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn line(begun: Instant, tally: &Tally, latency: &tickwire::latency::Histograms, resident: u64) {
    let at = |quantile| latency.value(Span::ExchangeToClient, quantile);
    println!(
        "{},{},{},{},{},{},{},{resident}",
        begun.elapsed().as_secs(),
        Tally::count(&tally.trades),
        Tally::count(&tally.missing),
        Tally::count(&tally.repeated),
        Tally::count(&tally.ended),
        at(Quantile::P50),
        at(Quantile::P99),
    );
}

fn options() -> anyhow::Result<Options> {
    let mut options =
        Options { minutes: 10, rate: 10_000, clients: 20, symbols: 50, history_bytes: None };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().with_context(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--minutes" => options.minutes = value.parse()?,
            "--rate" => options.rate = value.parse()?,
            "--clients" => options.clients = value.parse()?,
            "--symbols" => options.symbols = value.parse()?,
            "--history-bytes" => options.history_bytes = Some(value.parse()?),
            _ => bail!("{name}: use --minutes, --rate, --clients, --symbols or --history-bytes"),
        }
    }
    Ok(options)
}
