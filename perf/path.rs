//! From the exchange's socket to a client's socket: tickwire beside a thread that only forwards.
//!
//! `cargo run --release --example path -- [--rate N]… [--waiting block|spin]… [--rounds N]
//! [--seconds N]`
//!
//! The same simulated exchange and the same client, and between them in turn the bare forwarding
//! thread and the whole of tickwire, round by round in one process. The noise of a machine comes
//! in moods of seconds; taking turns gives both the same moods, and the medians over the rounds
//! drop the worst of them. What counts is the ratio.

#![allow(clippy::print_stdout, reason = "what it prints is its result")]

mod forward;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use forward::Forwarder;
use tickwire::clock::Clock;
use tickwire::gateway::Gateway;
use tickwire::latency::{Histograms, Quantile, Span, time};
use tickwire::net::Waiting;
use tickwire::verify::{self, Join, Speech, Swarm, SwarmOptions};

const SYMBOLS: usize = 50;
const WARM_UP: Duration = Duration::from_secs(1);
const QUANTILES: [Quantile; 3] = [Quantile::P50, Quantile::P90, Quantile::P99];

struct Options {
    rates: Vec<u32>,
    waitings: Vec<Waiting>,
    rounds: usize,
    time: Duration,
}

fn main() -> anyhow::Result<()> {
    let options = options()?;
    println!("waiting,rate,subject,round,samples,p50_ns,p90_ns,p99_ns");
    let mut summary = Vec::new();
    for &waiting in &options.waitings {
        for &rate in &options.rates {
            let mut measured = [Vec::new(), Vec::new()];
            let mut inside = Histograms::new();
            for round in 0..options.rounds {
                let floor = forwarded(rate, waiting, options.time)?;
                measured[0].push(quantiles("forward", rate, waiting, round, &floor));
                let ours = through_tickwire(rate, waiting, options.time)?;
                measured[1].push(quantiles("tickwire", rate, waiting, round, &ours));
                inside.merge(&ours);
            }
            summary.push(summarise(rate, waiting, &measured));
            summary.push(stages(&inside));
        }
    }
    for line in summary {
        println!("{line}");
    }
    Ok(())
}

fn options() -> anyhow::Result<Options> {
    let mut options = Options {
        rates: Vec::new(),
        waitings: Vec::new(),
        rounds: 5,
        time: Duration::from_secs(4),
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().with_context(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--rate" => options.rates.push(value.parse()?),
            "--waiting" => options.waitings.push(
                Waiting::from_name(&value).with_context(|| format!("no waiting mode: {value}"))?,
            ),
            "--rounds" => options.rounds = value.parse()?,
            "--seconds" => options.time = Duration::from_secs(value.parse()?),
            _ => bail!("{name}: use --rate, --waiting, --rounds or --seconds"),
        }
    }
    if options.rates.is_empty() {
        options.rates = vec![1_000, 10_000];
    }
    if options.waitings.is_empty() {
        options.waitings = vec![Waiting::Block];
    }
    Ok(options)
}

/// One round of the floor.
fn forwarded(rate: u32, waiting: Waiting, time: Duration) -> anyhow::Result<Histograms> {
    let clock = Clock::real();
    let exchange = verify::exchange(rate, SYMBOLS, &clock)?;
    let natives = exchange.truth().symbols();
    let forwarder = Forwarder::start(exchange.address(), waiting)?;
    let streams: Vec<String> =
        natives.iter().map(|native| format!("{}@trade", native.to_lowercase())).collect();
    let swarm = Swarm::start(SwarmOptions {
        address: forwarder.address(),
        path: format!("/stream?streams={}", streams.join("/")),
        hello: Vec::new(),
        speech: Speech::Binance,
        clients: 1,
        symbols: natives.clone(),
        waiting: Waiting::Block,
        clock,
    })?;
    let measured = measure(&exchange, &natives, swarm, time)?;
    forwarder.stop()?;
    Ok(measured)
}

/// Lets the market begin, warms up, measures, and insists that nothing was lost.
fn measure(
    exchange: &tickwire::sim::Simulator,
    natives: &[String],
    swarm: Swarm,
    time: Duration,
) -> anyhow::Result<Histograms> {
    exchange.resume();
    let mut join = Join::new(exchange.truth(), natives);
    join.run(&swarm, WARM_UP);
    join.restart();
    join.run(&swarm, time);
    let load = verify::settle(exchange, natives, (swarm, 1), &mut join);
    if load.lost() > 0 {
        bail!("lost or repeated something: {load:?}");
    }
    Ok(join.finish().0)
}

/// One round of the whole of tickwire. The spans inside of it are printed as well.
fn through_tickwire(rate: u32, waiting: Waiting, time: Duration) -> anyhow::Result<Histograms> {
    let clock = Clock::real();
    let exchange = verify::exchange(rate, SYMBOLS, &clock)?;
    let natives = exchange.truth().symbols();
    let gateway = Gateway::start(&verify::config(&exchange, waiting)?, clock.clone())?;
    verify::wait_until_ready(&gateway)?;
    let swarm = Swarm::start(verify::clients(gateway.address(), &natives, 1, &clock))?;
    if !verify::wait_for_answers(&swarm, 1, Duration::from_secs(5)) {
        bail!("the gateway did not answer the client");
    }
    let mut measured = measure(&exchange, &natives, swarm, time)
        .with_context(|| format!("what the gateway counted: {:?}", gateway.stats().clients))
        .with_context(|| format!("its feed: {:?}", gateway.stats().feeds))?;
    let observatory = Arc::clone(gateway.observatory());
    gateway.stop();
    measured.merge(&observatory.totals());
    Ok(measured)
}

/// Where the time goes inside of tickwire, over all rounds.
fn stages(inside: &Histograms) -> String {
    let spans = [Span::SocketToRing, Span::PushedPopped, Span::PoppedEncoded, Span::EncodedWritten];
    let columns = spans.map(|span| {
        let [p50, p90, p99] = QUANTILES.map(|quantile| time(inside.value(span, quantile)));
        format!("{} {p50} / {p90} / {p99}", span.name())
    });
    format!("#   p50 / p90 / p99 inside: {}", columns.join(", "))
}

/// One round of one subject, printed and returned.
fn quantiles(
    subject: &str,
    rate: u32,
    waiting: Waiting,
    round: usize,
    measured: &Histograms,
) -> [u64; 3] {
    let span = Span::ExchangeToClient;
    let [p50, p90, p99] = QUANTILES.map(|quantile| measured.value(span, quantile));
    let (waiting, samples) = (waiting.name(), measured.count(span));
    println!("{waiting},{rate},{subject},{round},{samples},{p50},{p90},{p99}");
    [p50, p90, p99]
}

/// Medians over the rounds, and their ratio.
fn summarise(rate: u32, waiting: Waiting, measured: &[Vec<[u64; 3]>; 2]) -> String {
    let medians = measured.each_ref().map(|rounds| {
        std::array::from_fn::<u64, 3, _>(|index| {
            let mut values: Vec<u64> = rounds.iter().map(|round| round[index]).collect();
            values.sort_unstable();
            values[values.len() / 2]
        })
    });
    let columns: Vec<String> = QUANTILES
        .iter()
        .enumerate()
        .map(|(index, quantile)| {
            let [floor, ours] = medians.map(|median| median[index]);
            let ratio = ours as f64 / floor.max(1) as f64;
            format!("{} {} / {} = {ratio:.2}", quantile.name(), time(ours), time(floor))
        })
        .collect();
    format!("# {}, {rate}/s, tickwire / forward: {}", waiting.name(), columns.join(", "))
}
