//! One seed: an exchange that misbehaves, a feed, a broadcaster and a client, all on one thread and
//! a clock that is moved by hand, over real sockets; and a judge who knows what the exchange really
//! did.
//!
//! ```text
//!  simulator ─socket─▶ feed ─ring─▶ broadcaster ─socket─▶ client
//!      │ ▲               │                                  │ JSON
//!      │ └──── REST ── control ◀── questions                ▼
//!      └──────────── trades, states of books ───────────▶ judge
//! ```
//!
//! The judge holds it to four things. A book that is shown as live is one that the exchange had,
//! and never one from before the last. Trades are the exchange's, in order, each once, and what is
//! missing between two was told before the second. A candle that is closed and not partial is the
//! market's, be it made of trades or the exchange's own (`candles.rs`). And when the faults are over,
//! everything is live and equal within a bound of time.

#[path = "../common/bent.rs"]
mod bent;
mod candles;
mod client;
mod control;
mod judge;
mod kinds;
mod script;
mod world;

use std::fmt;
use std::time::Duration;

pub(crate) use self::kinds::{KINDS, Kind};
use self::script::Script;
use self::world::World;

/// How long the exchange misbehaves.
const MISBEHAVING: Duration = Duration::from_secs(30);

/// How long it may take from then until everything is right again. A refusal by REST asks for up
/// to a minute, and a mute stream has to be noticed first.
const REPAIRED_WITHIN: Duration = Duration::from_secs(240);

/// How long the market stands still before client and exchange are compared.
const STILL: Duration = Duration::from_secs(3);

/// What a seed came to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Report {
    pub(crate) faults: usize,
    pub(crate) trades: usize,
    pub(crate) books: usize,
    pub(crate) resyncs: usize,
    pub(crate) virtual_seconds: u64,
}

impl std::ops::AddAssign for Report {
    fn add_assign(&mut self, other: Self) {
        self.faults += other.faults;
        self.trades += other.trades;
        self.books += other.books;
        self.resyncs += other.resyncs;
        self.virtual_seconds += other.virtual_seconds;
    }
}

/// A seed that failed.
pub(crate) struct Failure {
    kind: &'static Kind,
    seed: u64,
    what: String,
    trace: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (exchange, seed) = (self.kind.name, self.seed);
        writeln!(formatter, "{exchange}, seed {seed}: {}", self.what)?;
        for line in &self.trace {
            writeln!(formatter, "  {line}")?;
        }
        write!(
            formatter,
            "again: cargo run --release --example faults -- --exchange {exchange} --first {seed} \
             --seeds 1 --trace"
        )
    }
}

/// Runs one seed; gives also what happened in one that did not fail.
pub(crate) fn run(kind: &'static Kind, seed: u64) -> Result<(Report, Vec<String>), Failure> {
    run_script(kind, seed, Script::new(kind, seed))
}

/// Runs a seed in which the exchange lies in a way that no client can find out, so that the judge
/// has to.
#[allow(dead_code, reason = "this is not for those who count seeds")]
pub(crate) fn run_lies(kind: &'static Kind, seed: u64) -> Result<(Report, Vec<String>), Failure> {
    run_script(kind, seed, Script::of_lies(seed))
}

fn run_script(
    kind: &'static Kind,
    seed: u64,
    script: Script,
) -> Result<(Report, Vec<String>), Failure> {
    let mut world = World::new(kind, seed);
    match play(&mut world, script) {
        Ok(report) => Ok((report, world.take_trace())),
        Err(what) => Err(Failure { kind, seed, what, trace: world.take_trace() }),
    }
}

fn play(world: &mut World, mut script: Script) -> Result<Report, String> {
    let faults = script.len();
    while world.elapsed() < MISBEHAVING {
        world.step(script.step())?;
        while let Some(fault) = script.due(world.elapsed()) {
            world.inject(fault);
        }
    }
    world.forgive();
    let end = world.elapsed() + REPAIRED_WITHIN;
    loop {
        while let Err(wrong) = world.is_right() {
            if world.elapsed() > end {
                return Err(format!("not repaired within {REPAIRED_WITHIN:?}: {wrong}"));
            }
            world.step(script.step())?;
        }
        world.note_right();
        world.pause(true);
        let still = world.elapsed() + STILL;
        while world.elapsed() < still {
            world.step(script.step())?;
        }
        match world.is_equal() {
            Ok(()) => break,
            // The last event of a stream may be the very one that a fault still struck.
            Err(_) if world.elapsed() < end => world.pause(false),
            Err(wrong) => return Err(format!("not repaired within {REPAIRED_WITHIN:?}: {wrong}")),
        }
        world.step(script.step())?;
    }
    world.ask_history(script.step())?;
    world.judge_candles()?;
    world.judge_trades()?;
    world.judge_refusals()?;
    Ok(world.report(faults))
}
