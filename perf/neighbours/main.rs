//! One client that behaves, and beside it everything that could hurt it.
//!
//! `cargo run --release --example neighbours -- [--rounds N] [--seconds N] [--rate N] [--only WORDS]`
//!
//! The victim gets every trade of a simulated exchange. Its latency is measured when nobody else is
//! there, then beside each attack of a hostile client or of a hostile exchange, round by round in
//! one run; medians over the rounds are compared. Attackers are a process of their own with the
//! lowest priority, as they would be another machine; still they take the same cores, and so does
//! what the kernel does for them. So each attack is made on somebody else as well, right before
//! ([`bystander`]): what it costs the victim then is the machine's, what it costs more is ours.
//!
//! Ends with 1 when the victim lost a trade or its connection, or the gateway did not stop within
//! its drain time under the attack. `docs/SECURITY.md` holds a table of a run.

#![allow(clippy::print_stdout, reason = "what it prints is its result")]

mod bystander;
mod clients;
mod exchange;
mod raw;

use std::io::{BufRead, BufReader, Lines, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, ChildStdout, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tickwire::clock::Clock;
use tickwire::config::Config;
use tickwire::gateway::Gateway;
use tickwire::instrument::ExchangeId;
use tickwire::latency::{Quantile, Span, time};
use tickwire::net::Waiting;
use tickwire::sim::{self, Simulator};
use tickwire::verify::{self, Join, Swarm};

const SYMBOLS: usize = 20;

/// Before it is measured the attack goes on for this long.
const WARM_UP: Duration = Duration::from_secs(1);

/// The gateway's drain time in this program, and what may come on top of it: 2 s for a feed that
/// hangs, 1 s for everything else.
const DRAIN_SECONDS: u64 = 2;
const STOP_MAX: Duration = Duration::from_secs(DRAIN_SECONDS + 3);

/// The longest time for what is not measured: a connection, an answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// Between two words of the attacking process about what it did.
const WORD_EVERY: Duration = Duration::from_millis(200);

/// The victim wants nothing of the hostile exchange.
const WISH: &str = r#"{"action":"subscribe","symbols":["binance:*"],"channels":["trades"]}"#;

const QUIET: &str = "nobody else";
const BUSY: &str = "a busy machine";

/// What an attack has done so far, in its own units: frames, requests, connections, levels.
#[derive(Default)]
pub(crate) struct Work(AtomicU64);

impl Work {
    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }
}

struct Options {
    rounds: usize,
    time: Duration,
    rate: u32,
    only: String,
}

/// Who is attacked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Attacked {
    Gateway,
    Bystander,
}

/// Of one round.
struct Measured {
    p50: u64,
    p99: u64,
    lost: u64,
    /// What the attackers did a second.
    work: u64,
    stop: Duration,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [attack, name, gateway, admin] if attack == "--attack" => {
            return attack_as(name, gateway.parse()?, admin.parse()?);
        }
        [bystand, exchange] if bystand == "--bystand" => return bystand_for(exchange),
        _ => {}
    }
    let options = options(&arguments)?;
    let mut subjects = vec![QUIET, BUSY];
    subjects.extend(clients::ATTACKS.iter().map(|(name, ..)| *name));
    subjects.extend(exchange::ATTACKS.iter().map(|(name, _)| *name));
    subjects.retain(|name| [QUIET, BUSY].contains(name) || name.contains(&options.only));
    let mut rounds: Vec<[Vec<Measured>; 2]> =
        subjects.iter().map(|_| [Vec::new(), Vec::new()]).collect();
    for _ in 0..options.rounds {
        for (subject, measured) in subjects.iter().zip(&mut rounds) {
            for attacked in [Attacked::Bystander, Attacked::Gateway] {
                if attacked == Attacked::Bystander && [QUIET, BUSY].contains(subject) {
                    continue;
                }
                let one =
                    round(subject, attacked, &options).with_context(|| (*subject).to_owned())?;
                let (at, whom) = match attacked {
                    Attacked::Gateway => (0, ""),
                    Attacked::Bystander => (1, " (somebody else)"),
                };
                println!(
                    "# {subject}{whom}: p50 {}, p99 {}, {} lost, {}/s, stopped in {:.1?}",
                    time(one.p50),
                    time(one.p99),
                    one.lost,
                    one.work,
                    one.stop
                );
                measured[at].push(one);
            }
        }
    }
    Ok(if table(&subjects, &rounds) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints what `docs/SECURITY.md` holds. False when something was lost or did not stop.
fn table(subjects: &[&str], rounds: &[[Vec<Measured>; 2]]) -> bool {
    let median = |measured: &[Measured], of: fn(&Measured) -> u64| {
        let mut values: Vec<u64> = measured.iter().map(of).collect();
        values.sort_unstable();
        values.get(values.len() / 2).copied()
    };
    let both = |measured: &[Measured]| {
        let (p50, p99) = (median(measured, |one| one.p50), median(measured, |one| one.p99));
        p50.zip(p99)
    };
    let quiet = both(&rounds[0][0]).unwrap_or_default();
    println!(
        "\n| beside the victim | p50 | p99 | if others are attacked: p50 | p99 | more | lost | \
         attack a second | stop |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    let mut good = true;
    for (subject, [ours, others]) in subjects.iter().zip(rounds) {
        let ratio = |value: u64, base: u64| value as f64 / base.max(1) as f64;
        let (p50, p99) = both(ours).unwrap_or_default();
        let beside = both(others).map_or_else(
            || "– | – | –".to_owned(),
            |(other_p50, other_p99)| {
                let more = ratio(p99, other_p99.max(quiet.1));
                let (p50, p99) = (ratio(other_p50, quiet.0), ratio(other_p99, quiet.1));
                format!("{p50:.2} | {p99:.2} | {more:.2}")
            },
        );
        let (p50, p99) = (ratio(p50, quiet.0), ratio(p99, quiet.1));
        let lost: u64 = ours.iter().map(|one| one.lost).sum();
        let stop = ours.iter().map(|one| one.stop).max().unwrap_or_default();
        let work = median(ours, |one| one.work).unwrap_or_default();
        println!(
            "| {subject} | {p50:.2} | {p99:.2} | {beside} | {lost} | {work} | {:.1} s |",
            stop.as_secs_f64()
        );
        good &= lost == 0 && stop <= STOP_MAX;
    }
    println!("\nquiet: p50 {}, p99 {}", time(quiet.0), time(quiet.1));
    good
}

/// One measurement beside `subject`.
fn round(subject: &str, attacked: Attacked, options: &Options) -> anyhow::Result<Measured> {
    let clock = Clock::real();
    let victims = verify::exchange(options.rate, SYMBOLS, &clock)?;
    let natives = victims.truth().symbols();
    let is_exchange = exchange::ATTACKS.iter().any(|(name, _)| *name == subject);
    let mut attackers = is_exchange.then(|| Attackers::start(subject, None)).transpose()?;
    let lists = sim_of_the_hostile(&clock)?;
    let ours = attackers.as_ref().filter(|_| attacked == Attacked::Gateway);
    let hostile = ours.map(|attackers| (attackers.address, lists.rest_url()));
    let gateway = Gateway::start(&config(&victims, hostile)?, clock.clone())?;
    wait_for(|| gateway.stats().feeds[0].state == "connected").context("the feed")?;
    let mut victim = verify::clients(gateway.address(), &natives, 1, &clock);
    victim.hello = vec![WISH.to_owned()];
    let swarm = Swarm::start(victim)?;
    if !verify::wait_for_answers(&swarm, 1, PATIENCE) {
        bail!("the gateway did not answer the victim");
    }
    victims.resume();
    let mut bystander = None;
    if attacked == Attacked::Bystander {
        bystander = Some(Side::bystander(attackers.as_ref().map(|attackers| attackers.address))?);
    }
    if !is_exchange && subject != QUIET {
        let target = bystander.as_ref().map_or_else(
            || (gateway.address(), gateway.admin_address()),
            |bystander| (bystander.address, bystander.address),
        );
        attackers = Some(Attackers::start(subject, Some(target))?);
    }
    let mut join = Join::new(victims.truth(), &natives);
    join.run(&swarm, WARM_UP);
    join.restart();
    let begun = attackers.as_ref().map_or(0, Attackers::work);
    join.run(&swarm, options.time);
    let done = attackers.as_ref().map_or(0, Attackers::work) - begun;
    let lost = verify::settle(&victims, &natives, (swarm, 1), &mut join).lost();
    let begun = Instant::now();
    gateway.stop();
    let stop = begun.elapsed();
    drop((attackers, bystander));
    let (histograms, _) = join.finish();
    let [p50, p99] = [Quantile::P50, Quantile::P99]
        .map(|quantile| histograms.value(Span::ExchangeToClient, quantile));
    let work = (done as f64 / options.time.as_secs_f64()) as u64;
    Ok(Measured { p50, p99, lost, work, stop })
}

/// Who answers what the hostile exchange lists: that much it does as it should.
fn sim_of_the_hostile(clock: &Clock) -> anyhow::Result<Simulator> {
    let mut options = sim::Options::new(ExchangeId::Coinbase);
    options.paused = true;
    options.clock = clock.clone();
    Ok(Simulator::start(options)?)
}

fn config(victims: &Simulator, hostile: Option<(SocketAddr, String)>) -> anyhow::Result<Config> {
    let symbols: Vec<String> =
        victims.truth().symbols().iter().map(|native| verify::canonical(native)).collect();
    let mut text = format!(
        "[gateway]\nlisten = \"127.0.0.1:0\"\ndrain_seconds = {DRAIN_SECONDS}\n\
         max_clients_per_ip = 2000\npoll = \"{waiting}\"\n[admin]\nlisten = \"127.0.0.1:0\"\n\
         [[feed]]\nexchange = \"binance\"\nchannels = [\"trades\"]\npoll = \"{waiting}\"\n\
         url = \"{}\"\nrest_url = \"{}\"\nsymbols = {symbols:?}\n",
        victims.url(),
        victims.rest_url(),
        waiting = Waiting::Block.name(),
    );
    if let Some((address, rest)) = hostile {
        text.push_str(&format!(
            "[[feed]]\nexchange = \"coinbase\"\nchannels = [\"trades\", \"orderbook\"]\n\
             symbols = [\"BTC/USD\"]\nurl = \"ws://{address}\"\nrest_url = \"{rest}\"\n"
        ));
    }
    Ok(Config::parse(&text, None, [])?)
}

fn wait_for(condition: impl Fn() -> bool) -> anyhow::Result<()> {
    let begun = Instant::now();
    while !condition() {
        if begun.elapsed() > PATIENCE {
            bail!("not within {} s", PATIENCE.as_secs());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// Another process, which told its address first; ended when dropped.
struct Side {
    process: Child,
    address: SocketAddr,
    words: Option<Lines<BufReader<ChildStdout>>>,
}

impl Side {
    fn start(command: &mut Command) -> anyhow::Result<Self> {
        let mut process = command.stdout(Stdio::piped()).spawn().context("another process")?;
        let words = process.stdout.take().context("its output")?;
        let mut words = BufReader::new(words).lines();
        let said = words.by_ref().find(|word| word.as_ref().map_or(true, |word| !word.is_empty()));
        let address = said.context("its address")??.parse()?;
        Ok(Self { process, address, words: Some(words) })
    }

    /// Somebody who is attacked in our stead, by clients or by that exchange.
    fn bystander(exchange: Option<SocketAddr>) -> anyhow::Result<Self> {
        let exchange = exchange.map_or_else(String::new, |address| address.to_string());
        Self::start(Command::new(std::env::current_exe()?).args(["--bystand", &exchange]))
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The attacking process.
struct Attackers {
    address: SocketAddr,
    work: Arc<Work>,
    _process: Side,
}

impl Attackers {
    /// With whom clients attack; without it the process is an exchange.
    fn start(subject: &str, target: Option<(SocketAddr, SocketAddr)>) -> anyhow::Result<Self> {
        let nobody = SocketAddr::from(([127, 0, 0, 1], 0));
        let (gateway, admin) = target.unwrap_or((nobody, nobody));
        let mut process = Side::start(
            Command::new("nice").args(["-n", "19"]).arg(std::env::current_exe()?).args([
                "--attack",
                subject,
                &gateway.to_string(),
                &admin.to_string(),
            ]),
        )
        .context("the attackers, by `nice`")?;
        let words = process.words.take().context("what they say")?;
        let work = Arc::new(Work::default());
        let told = Arc::clone(&work);
        std::thread::spawn(move || {
            for word in words.map_while(Result::ok) {
                told.0.store(word.parse().unwrap_or(0), Ordering::Relaxed);
            }
        });
        Ok(Self { address: process.address, work, _process: process })
    }

    fn work(&self) -> u64 {
        self.work.0.load(Ordering::Relaxed)
    }
}

/// The process of somebody else: says where it listens, if it does. It ends with who started it.
fn bystand_for(exchange: &str) -> anyhow::Result<ExitCode> {
    std::thread::spawn(|| {
        while writeln!(std::io::stdout()).is_ok() {
            std::thread::sleep(WORD_EVERY);
        }
        std::process::exit(0);
    });
    let tell = |address: SocketAddr| writeln!(std::io::stdout(), "{address}");
    if let Ok(exchange) = exchange.parse() {
        tell(exchange)?;
        bystander::follow(exchange);
    }
    bystander::serve(tell)?;
    Ok(ExitCode::SUCCESS)
}

/// The attacking process: says where it listens, then how much it did. It ends with who started it.
fn attack_as(name: &str, gateway: SocketAddr, admin: SocketAddr) -> anyhow::Result<ExitCode> {
    let work = Arc::new(Work::default());
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let mut out = std::io::stdout();
    writeln!(out, "{}", listener.local_addr()?)?;
    let counted = Arc::clone(&work);
    if let Some((_, attack)) = exchange::ATTACKS.iter().find(|(known, _)| *known == name) {
        std::thread::spawn(move || exchange::serve(&listener, *attack, &counted));
    } else if let Some((_, count, attack)) =
        clients::ATTACKS.iter().find(|(known, ..)| *known == name)
    {
        let target = clients::Target { gateway, admin };
        for _ in 0..*count {
            let work = Arc::clone(&work);
            let thread = std::thread::Builder::new().stack_size(128 << 10);
            thread.spawn(move || {
                loop {
                    if attack(target, &work).is_err() {
                        // A refusal is no reason to spin: what is attacked is the gateway.
                        std::thread::sleep(Duration::from_millis(1));
                    }
                }
            })?;
        }
    } else if name == BUSY {
        for _ in 0..2 {
            let work = Arc::clone(&work);
            std::thread::spawn(move || {
                loop {
                    work.add(1);
                }
            });
        }
    } else {
        bail!("no attack is called {name:?}");
    }
    loop {
        std::thread::sleep(WORD_EVERY);
        if writeln!(out, "{}", work.0.load(Ordering::Relaxed)).is_err() {
            return Ok(ExitCode::SUCCESS);
        }
    }
}

fn options(arguments: &[String]) -> anyhow::Result<Options> {
    let mut options =
        Options { rounds: 3, time: Duration::from_secs(3), rate: 500, only: String::new() };
    for pair in arguments.chunks(2) {
        let [name, value] = pair else { bail!("{} needs a value", pair[0]) };
        match name.as_str() {
            "--rounds" => options.rounds = value.parse::<usize>()?.max(1),
            "--seconds" => options.time = Duration::from_secs(value.parse()?),
            "--rate" => options.rate = value.parse()?,
            "--only" => options.only.clone_from(value),
            _ => bail!("{name}: use --rounds, --seconds, --rate or --only"),
        }
    }
    Ok(options)
}
