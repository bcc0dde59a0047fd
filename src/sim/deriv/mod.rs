//! Simulated Deriv, legacy and options socket: ticks and bars of a market that it makes itself,
//! answers that are first ticks, and the manners of a broker (calls a minute, idle clients, markets
//! that close). Facts are those of the exchange's schemas and of recorded frames, 2025 and 2026.

mod commands;
mod frames;
mod listing;
mod lists;
mod prices;
mod schedule;

use std::io;
use std::time::Duration;

use self::commands::{Call, Refused};
use self::prices::{GRANULARITIES, PriceTick, Quoted};
use super::exchange::{Exchange, Idle, Opening, Parts, Spelled};
use super::fanout::{Manner, Place};
use super::market::{Counting, Step};
use super::options::Habits;
use super::random::Random;
use super::write::Scale;
use crate::clock::MonoNanos;
use crate::limits::SIM_DERIV_ORDERS_PER_SECOND_MAX;

/// Fact: the window of the limits of calls.
const CALLS_WINDOW: Duration = Duration::from_secs(60);

/// It neither pings nor limits messages a second; clients ping, and calls count by the minute.
pub(super) const HABITS: Habits = Habits {
    ping_interval: Duration::from_secs(24 * 3_600),
    pong_timeout: Duration::from_secs(24 * 3_600),
    lifetime: None,
    messages_per_second: 0,
};

/// Which socket a client came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Legacy,
    Options,
}

/// What a stream carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Ticks,
    /// By the place of its length.
    Candles(usize),
}

impl Place for Kind {
    const COUNT: usize = 1 + GRANULARITIES.len();

    fn index(self) -> usize {
        match self {
            Self::Ticks => 0,
            Self::Candles(length) => 1 + length,
        }
    }
}

/// An open stream of a connection.
#[derive(Clone, Debug)]
pub(super) struct Open {
    id: String,
    kind: Kind,
    dialect: Dialect,
    /// What each frame repeats of the request: itself, where the dialect does so, and its id.
    echo: String,
    request: String,
    /// Acknowledged and silent, by a fault.
    mute: bool,
}

/// Each repeats its own request.
impl Manner for Open {
    fn is_alike(&self, _: &Self) -> bool {
        false
    }
}

/// One open WebSocket.
#[derive(Debug)]
pub(super) struct Caller {
    dialect: Dialect,
    /// It wants to be told how the site is, under this id.
    wants_status: Option<String>,
}

/// An instrument has its next tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tick {
    instrument: usize,
}

/// Calls of all clients, which come from one address, in the present window.
#[derive(Clone, Copy, Debug)]
struct Calls {
    since: MonoNanos,
    made: u32,
}

/// What a simulated Deriv alone has.
#[derive(Debug)]
pub(super) struct Deriv {
    next_order: MonoNanos,
    spacing: Duration,
    calls: Calls,
    /// Markets that a fault will close: which, and for how long.
    closing: Vec<(Option<String>, Duration)>,
    /// Until when an instrument's market is closed.
    closed_until: Vec<MonoNanos>,
    now: MonoNanos,
    step: Step,
    random: Random,
}

impl Spelled for Quoted {
    fn name(&self) -> &str {
        &self.native
    }

    fn scales(&self) -> [Scale; 3] {
        [self.bare; 3]
    }
}

impl Parts for Deriv {
    type Caller = Caller;
    type Spelling = Quoted;
    type Kind = Kind;
    type Manner = Open;
    type Duty = Tick;

    const HAS_BOOKS: bool = false;
    const IDLE: Option<Idle> =
        Some(Idle { after: Duration::from_secs(120), counts_told: false, words: Some((1000, "")) });
}

/// # Errors
/// When a symbol cannot be listed or a recording cannot be read.
pub(super) fn open(opening: Opening<'_>) -> io::Result<Exchange<Deriv>> {
    let (options, now) = (opening.options, opening.now);
    let symbol = |key: &str| Some(key.to_owned());
    let listing = opening.list(symbol_of, symbol, |names, count| match names.is_empty() {
        true => Ok(listing::default_list(count)),
        false => listing::list(names).map_err(|symbol| {
            let words = format!("symbol `{symbol}`: name it like R_100, frxEURUSD or BTC/USD");
            io::Error::new(io::ErrorKind::InvalidInput, words)
        }),
    })?;
    let counting = Counting::PerInstrument;
    let mut deriv = Exchange::new(listing, counting, Quoted::new, |market, _, _| Deriv {
        next_order: now,
        spacing: Duration::from_secs(1) / options.rate.clamp(1, SIM_DERIV_ORDERS_PER_SECOND_MAX),
        calls: Calls { since: now, made: 0 },
        closing: Vec::new(),
        closed_until: vec![MonoNanos::ZERO; market.traded.len()],
        now,
        step: Step::default(),
        random: Random::new(options.seed ^ 0xDE21),
    });
    deriv.plan_ticks(now);
    Ok(deriv)
}

impl Exchange<Deriv> {
    fn is_open(&self, instrument: usize) -> bool {
        self.own.closed_until[instrument] <= self.own.now
    }

    /// Counts a call; beyond the limit of its dialect it is refused, and the connection stays.
    fn within_limits(&mut self, call: &Call<'_>, now: MonoNanos) -> Result<(), Refused> {
        if matches!(call.name, "ping" | "time") {
            return Ok(());
        }
        if now.since(self.own.calls.since) >= CALLS_WINDOW.as_nanos() as u64 {
            self.own.calls = Calls { since: now, made: 0 };
        }
        let max = if call.dialect == Dialect::Legacy { 180 } else { 220 };
        if self.own.calls.made >= max {
            return Err(commands::too_many(call.name));
        }
        self.own.calls.made += 1;
        Ok(())
    }

    /// A name for a stream.
    fn uuid(&mut self) -> String {
        let (one, two) = (self.own.random.next(), self.own.random.next());
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            one >> 32,
            (one >> 16) & 0xFFFF,
            one & 0xFFFF,
            two >> 48,
            two & 0xFFFF_FFFF_FFFF
        )
    }
}

impl Open {
    /// One frame of the stream.
    fn write(&self, out: &mut Vec<u8>, quoted: &Quoted, tick: &PriceTick) {
        match self.kind {
            Kind::Ticks => {
                let asked = (self.echo.as_str(), self.request.as_str());
                frames::tick(out, self.dialect, asked, Some(&self.id), (quoted, tick));
            }
            Kind::Candles(length) => {
                if let Some(bar) = quoted.bars[length].back() {
                    frames::ohlc(out, self, quoted, (bar, GRANULARITIES[length]), tick.epoch);
                }
            }
        }
    }
}

/// The symbol that a recorded frame is about.
fn symbol_of(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("\"symbol\":\"")?;
    rest.split('"').next().map(str::to_owned)
}
