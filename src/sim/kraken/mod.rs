//! Simulated Kraken, version 2 of its protocol; version 1 for clients that speak no other.
//!
//! Facts are those of the exchange's public documentation and of recorded sessions, 2026. Books
//! come in real time: each step of the market is one update of each subscribed depth, and levels
//! that slide out of a depth are not told.

mod books;
mod channels;
mod commands;
mod first;
mod frames;
mod listing;
mod lists;
mod rest;
mod schedule;

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::time::Duration;

use self::books::Window;
use self::channels::{DEPTHS, Kind};
use self::frames::Spelling;
use self::listing::Names;
use self::schedule::Schedule;
use super::exchange::{Exchange, Opening, Parts, Spelled};
use super::fanout::Manner;
use super::market::Counting;
use super::options::Habits;
use super::random::Random;
use super::wires::ConnectionId;
use super::write::Scale;
use crate::clock::MonoNanos;

/// It never pings, and states no bound of messages; ours is far above the 5 a second at which
/// clients are told to stay.
pub(super) const HABITS: Habits = Habits {
    ping_interval: Duration::from_secs(24 * 3_600),
    pong_timeout: Duration::from_secs(24 * 3_600),
    lifetime: None,
    messages_per_second: 20,
};

/// Fact: a connection on which nothing was said for so long, in neither direction, is closed.
const IDLE_MAX: Duration = Duration::from_secs(60);

/// Fact: past trades that a subscription can begin with.
const TRADES_KEPT: usize = 50;

/// Key of recorded answers: they are not played, as they answer other requests.
const ANSWERS: &str = "answers";

/// A version of the streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    First,
    Second,
}

impl Manner for Version {
    fn is_alike(&self, other: &Self) -> bool {
        self == other
    }
}

/// One open WebSocket.
#[derive(Debug)]
pub(super) struct Caller {
    version: Version,
    /// Once it has subscribed to anything: when the next heartbeat is due.
    beat: Option<MonoNanos>,
}

/// What a simulated Kraken alone has.
#[derive(Debug)]
pub(super) struct Kraken {
    /// What requests call the instruments.
    names: Vec<Names>,
    /// Per instrument and depth, while somebody is subscribed to it.
    windows: Vec<Option<Window>>,
    schedule: Schedule,
    random: Random,
    /// Depths of the books in a recording.
    depths: HashMap<String, u64>,
}

impl Spelled for Spelling {
    fn name(&self) -> &str {
        &self.symbol
    }

    fn scales(&self) -> [Scale; 3] {
        [self.price, self.size, self.size]
    }
}

impl Parts for Kraken {
    type Caller = Caller;
    type Spelling = Spelling;
    type Kind = Kind;
    type Manner = Version;
    /// All that is not told with a trade concerns connections.
    type Duty = Infallible;
}

/// # Errors
/// When a symbol cannot be listed or a recording cannot be read.
pub(super) fn open(opening: Opening<'_>) -> io::Result<Exchange<Kraken>> {
    let seed = opening.options.seed;
    let symbol = |key: &str| Some(key.split_once(' ')?.1.to_owned());
    let listing = opening.list(key_of, symbol, |names, count| match names.is_empty() {
        true => listing::default_list(count),
        false => listing::list(names),
    })?;
    Ok(Exchange::new(listing, Counting::PerInstrument, Spelling::new, |market, _, recording| {
        let frames = recording.into_iter().flat_map(|recording| &recording.frames);
        let count = market.traded.len();
        Kraken {
            names: market.traded.iter().map(|traded| Names::new(&traded.listed)).collect(),
            windows: vec![None; count * DEPTHS.len()],
            schedule: Schedule::new(count),
            random: Random::new(seed),
            depths: frames.filter_map(|frame| depth_in(&frame.text)).collect(),
        }
    }))
}

impl Exchange<Kraken> {
    /// What the exchange says of itself, as the client understands it.
    fn status(&self, id: ConnectionId, system: &str, connection: u64) -> String {
        match self.callers.get(&id).map(|client| client.own.version) {
            Some(Version::First) => first::status(system, connection),
            Some(Version::Second) | None => status(system, connection),
        }
    }

    /// Lets go of the windows of which nobody hears.
    fn close_windows(&mut self) {
        for (place, window) in self.own.windows.iter_mut().enumerate() {
            let (instrument, depth) = (place / DEPTHS.len(), place % DEPTHS.len());
            if window.is_some() && !self.fanout.wants((instrument, Kind::Book(depth))) {
                *window = None;
            }
        }
    }

    /// Takes a connection off a stream.
    fn leave(&mut self, id: ConnectionId, stream: (usize, Kind)) {
        self.fanout.remove(stream, id, |_| true);
        self.close_windows();
    }
}

/// What the exchange says of itself.
fn status(system: &str, connection: u64) -> String {
    format!(
        r#"{{"channel":"status","type":"update","data":[{{"version":"2.0.10","system":"{system}","api_version":"v2","connection_id":{connection}}}]}}"#
    )
}

/// Which stream a recorded frame is of.
fn key_of(text: &str) -> Option<String> {
    let frame: serde_json::Value = serde_json::from_str(text).ok()?;
    if frame.get("method").is_some() {
        return Some(ANSWERS.to_owned());
    }
    let symbol = frame.get("data")?.get(0)?.get("symbol")?.as_str()?;
    Some(channels::key(frame.get("channel")?.as_str()?, symbol))
}

/// The depth that a recorded answer gives to a book.
fn depth_in(text: &str) -> Option<(String, u64)> {
    let frame: serde_json::Value =
        text.contains("\"depth\"").then(|| serde_json::from_str(text).ok()).flatten()?;
    let result = frame.get("result")?;
    Some((result.get("symbol")?.as_str()?.to_owned(), result.get("depth")?.as_u64()?))
}
