//! The rounds: in each, every subject once, in an order that turns from round to round.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail, ensure};

use crate::fanout::{Exchange, Load, Speech};
use crate::machine;
use crate::report::{Measure, Report, Role};
use crate::subjects::{OURS, READERS, Reader, SERVERS, Server};

/// Events a second that come one by one: to 100 and to 1,000 clients equally many deliveries, with
/// which all servers keep up, and to 1,000 clients five times as many.
pub const RATE_100: u32 = 300;
pub const RATE_1000: u32 = 30;
pub const RATE_1000_BUSY: u32 = 150;

/// Clients of the fan-out, and what is measured with them.
const FANOUTS: [Fanout; 2] = [
    Fanout {
        clients: 100,
        closed: Measure::Deliveries100,
        paces: &[Pace { rate: RATE_100, cpu: Some(Measure::Cpu100), p50: None, p99: None }],
    },
    Fanout {
        clients: 1_000,
        closed: Measure::Deliveries1000,
        paces: &[
            Pace {
                rate: RATE_1000,
                cpu: Some(Measure::Cpu1000),
                p50: Some(Measure::P50),
                p99: None,
            },
            Pace {
                rate: RATE_1000_BUSY,
                cpu: None,
                p50: Some(Measure::P50Busy),
                p99: Some(Measure::P99Busy),
            },
        ],
    },
];

struct Fanout {
    clients: usize,
    closed: Measure,
    /// Open loops that follow.
    paces: &'static [Pace],
}

struct Pace {
    rate: u32,
    cpu: Option<Measure>,
    p50: Option<Measure>,
    p99: Option<Measure>,
}

/// How much of each load is played.
#[derive(Clone, Copy)]
struct Effort {
    /// How long one load of the fan-out lasts.
    time: Duration,
    /// The part of each reader's frames.
    frames_divisor: u64,
    /// What a reader reads for that is measured by time.
    seconds: u64,
}

impl Effort {
    const FULL: Self = Self { time: Duration::from_secs(2), frames_divisor: 1, seconds: 2 };
    /// Enough to see that everybody works.
    const QUICK: Self = Self { time: Duration::from_millis(500), frames_divisor: 10, seconds: 1 };
}

struct Options {
    rounds: u32,
    effort: Effort,
    only: Vec<String>,
    out: Option<String>,
}

pub fn run(words: &[&str]) -> anyhow::Result<()> {
    let options = options(words)?;
    let load_before = machine::load_average();
    let mut report = Report::default();
    let wanted = |name: &str| {
        name == OURS || options.only.is_empty() || options.only.iter().any(|only| only == name)
    };
    let mut readers: Vec<&Reader> = READERS.iter().filter(|one| wanted(one.name)).collect();
    let mut servers: Vec<&Server> = SERVERS.iter().filter(|one| wanted(one.name)).collect();
    readers.retain(|one| there(one.name, Role::Reader, one.missing(), &mut report));
    servers.retain(|one| there(one.name, Role::Server, one.missing(), &mut report));
    for round in 1..=options.rounds {
        let turned = round as usize - 1;
        for at in 0..readers.len() {
            let reader = readers[(at + turned) % readers.len()];
            eprintln!("round {round} of {}: reader {}", options.rounds, reader.name);
            match read(reader, options.effort) {
                Ok(value) => report.add(Measure::Frames, reader.name, round, value),
                Err(error) => {
                    report.fail(reader.name, Role::Reader, format!("{error:#}{}", complaint()))
                }
            }
        }
        for at in 0..servers.len() {
            let server = servers[(at + turned) % servers.len()];
            eprintln!("round {round} of {}: server {}", options.rounds, server.name);
            for fanout in &FANOUTS {
                let mut add = |measure, value| {
                    if server.exempt(measure).is_none() {
                        report.add(measure, server.name, round, value);
                    }
                };
                if let Err(error) = serve(server, fanout, options.effort.time, &mut add) {
                    report.fail(server.name, Role::Server, format!("{error:#}{}", complaint()));
                }
            }
        }
    }
    report.tell(options.rounds, load_before, options.out.as_deref())
}

fn options(words: &[&str]) -> anyhow::Result<Options> {
    let mut options = Options { rounds: 5, effort: Effort::FULL, only: Vec::new(), out: None };
    let mut words = words.iter();
    while let Some(&name) = words.next() {
        if name == "--quick" {
            (options.effort, options.rounds) = (Effort::QUICK, 1);
            continue;
        }
        let value = *words.next().with_context(|| format!("{name} needs a value"))?;
        match name {
            "--rounds" => options.rounds = value.parse().context("--rounds")?,
            "--only" => options.only.push(value.to_owned()),
            "--out" => options.out = Some(value.to_owned()),
            _ => bail!("{name}: use --rounds N, --quick, --only NAME, --out FOLDER"),
        }
    }
    let names = || READERS.iter().map(|one| one.name).chain(SERVERS.iter().map(|one| one.name));
    if let Some(name) = options.only.iter().find(|only| names().all(|name| name != only.as_str())) {
        bail!("--only {name}: there are {}", names().collect::<Vec<_>>().join(", "));
    }
    ensure!(options.rounds > 0, "--rounds 0: at least one");
    Ok(options)
}

fn there(name: &'static str, role: Role, missing: Option<String>, report: &mut Report) -> bool {
    let is_there = missing.is_none();
    missing.into_iter().for_each(|why| report.fail(name, role, why));
    is_there
}

/// What the newest process says on its standard error.
const COMPLAINTS: &str = "target/compare/complaints.log";

/// The last line of it, with which most programs end that cannot go on.
fn complaint() -> String {
    let text = fs::read_to_string(COMPLAINTS).unwrap_or_default();
    let last = text.lines().rev().find(|line| !line.trim().is_empty());
    last.map(|line| format!("; it said: {}", line.trim())).unwrap_or_default()
}

/// A process that does not outlive its measurement.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> anyhow::Result<Self> {
        command.stdin(Stdio::null()).stderr(File::create(COMPLAINTS)?);
        Ok(Self(command.spawn().with_context(|| format!("cannot start {command:?}"))?))
    }

    fn output(&mut self) -> anyhow::Result<BufReader<std::process::ChildStdout>> {
        Ok(BufReader::new(self.0.stdout.take().context("its output is read already")?))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Frames of a second of the reader's CPU time.
fn read(reader: &Reader, effort: Effort) -> anyhow::Result<f64> {
    let own = std::env::current_exe()?;
    let frames = match reader.frames {
        u64::MAX => u64::MAX,
        frames => frames / effort.frames_divisor,
    };
    let mut command = Command::new(own);
    command.args(["replay", reader.form, &frames.to_string()]).stdout(Stdio::piped());
    let mut replay = Running::start(&mut command)?;
    let mut address = String::new();
    replay.output()?.read_line(&mut address)?;
    let mut command = reader.command(address.trim().parse()?, frames, effort.seconds);
    let mut running = Running::start(command.stdout(Stdio::piped()))?;
    let mut told = String::new();
    running.output()?.read_to_string(&mut told)?;
    let value = match reader.name {
        OURS => told.lines().find_map(|line| {
            let (millions, _) = line.split_once(" M frames per second of the feed's CPU time")?;
            Some(millions.parse::<f64>().ok()? * 1e6)
        }),
        _ => told.lines().find_map(|line| {
            let (frames, cpu_ns) = line.strip_suffix(" ns")?.split_once(" frames ")?;
            Some(frames.parse::<f64>().ok()? / (cpu_ns.parse::<f64>().ok()? / 1e9))
        }),
    };
    value.context("it ended without a result")
}

fn serve(
    server: &Server,
    fanout: &Fanout,
    time: Duration,
    add: &mut impl FnMut(Measure, f64),
) -> anyhow::Result<()> {
    let exchange = match server.speech {
        Speech::Gateway => Some(Exchange::start()?),
        Speech::WebSocket | Speech::Nats => None,
    };
    // A free port, which the server takes a moment later.
    let address: SocketAddr = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
    let mut command = server.command(address.port(), exchange.as_ref().map(Exchange::address))?;
    let running = Running::start(command.stdout(Stdio::null()))?;
    let mut load = Load::new(server.speech, address, exchange, fanout.clients, running.0.id())?;
    let closed = load.closed(time)?;
    add(fanout.closed, closed.deliveries as f64 / (closed.cpu_ns as f64 / 1e9));
    for pace in fanout.paces {
        let open = load.open(pace.rate, time)?;
        let cpu_ns = open.cpu_ns as f64 / open.deliveries() as f64;
        let values =
            [(pace.cpu, cpu_ns), (pace.p50, open.micros(0.5)), (pace.p99, open.micros(0.99))];
        for (measure, value) in values {
            measure.into_iter().for_each(|measure| add(measure, value));
        }
    }
    Ok(())
}
