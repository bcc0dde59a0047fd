//! Simulated Kraken, version 2 of its protocol; version 1 for clients that speak no other.
//!
//! Facts are those of the exchange's public documentation and of recorded sessions, 2026. Books
//! come in real time: each step of the market is one update of each subscribed depth, and levels
//! that slide out of a depth are not told.

mod channels;
mod commands;
mod first;
mod frames;
mod listed;
mod lists;
mod rest;
mod schedule;
mod window;

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use self::channels::{DEPTHS, KINDS, Kind};
use self::frames::Spelling;
use self::listed::{Names, default_list, list};
use self::schedule::Schedule;
use self::window::Window;
use super::agenda::{Agenda, Planned};
use super::armed::Armed;
use super::fault::Fault;
use super::http::{Response, Target};
use super::lines::{ConnectionId, Lines};
use super::market::{Counting, Market};
use super::options::{Habits, Options};
use super::player::{Playing, Recording};
use super::random::Random;
use super::speaker::{Due, Speaker};
use super::stats::Counters;
use super::truth::{Records, TrueBook, Truth};
use crate::clock::{Clock, MonoNanos};

/// It never pings, and states no bound of messages; ours is far above the 5 a second at which
/// clients are told to stay.
pub(super) const HABITS: Habits = Habits {
    ping_interval: Duration::from_secs(24 * 3_600),
    pong_timeout: Duration::from_secs(24 * 3_600),
    lifetime: None,
    messages_per_second: 20,
};

/// A connection on which nothing was said for so long, in neither direction, is closed.
const IDLE_MAX: Duration = Duration::from_secs(60);

/// Past trades that a subscription can begin with.
const TRADES_KEPT: usize = 50;

/// Key of recorded answers: they are not played, as they answer other requests.
const ANSWERS: &str = "answers";

/// A version of the streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    First,
    Second,
}

/// Who listens: per version, the streams in the order of instrument and kind.
#[derive(Debug)]
struct Subscribers([Vec<Vec<ConnectionId>>; 2]);

impl Subscribers {
    fn new(instruments: usize) -> Self {
        let none = || vec![Vec::new(); instruments * KINDS];
        Self([none(), none()])
    }

    fn of(&mut self, version: Version, instrument: usize, kind: Kind) -> &mut Vec<ConnectionId> {
        &mut self.0[version as usize][instrument * KINDS + kind.index()]
    }

    fn count(&self) -> usize {
        self.0.iter().flatten().map(Vec::len).sum()
    }
}

/// One open WebSocket.
#[derive(Debug)]
struct Session {
    version: Version,
    /// What it is subscribed to: instrument and kind.
    streams: Vec<(usize, Kind)>,
    /// Once it has subscribed to anything: when the next heartbeat is due.
    beat: Option<MonoNanos>,
    /// When the client last said anything.
    heard: MonoNanos,
    /// What of a recording it wants.
    keys: HashSet<String>,
    playing: Option<Playing>,
}

/// A simulated Kraken.
#[derive(Debug)]
pub(super) struct Kraken {
    clock: Clock,
    market: Market,
    spellings: Vec<Spelling>,
    by_symbol: HashMap<String, usize>,
    /// What requests call the instruments.
    names: Vec<Names>,
    sessions: HashMap<ConnectionId, Session>,
    subscribers: Subscribers,
    /// Per instrument and depth, while somebody is subscribed to it.
    windows: Vec<Option<Window>>,
    schedule: Schedule,
    armed: Armed,
    random: Random,
    truth: Truth,
    recording: Option<Recorded>,
}

/// A recording, and the depths of the books in it.
#[derive(Debug)]
struct Recorded {
    frames: Recording,
    depths: HashMap<String, u64>,
}

impl Kraken {
    /// # Errors
    /// When a symbol cannot be listed or a recording cannot be read.
    pub(super) fn new(
        options: &Options,
        counters: Arc<Counters>,
        now: MonoNanos,
    ) -> io::Result<Self> {
        let recording = options.playback.as_ref().map(|playback| {
            let frames = Recording::load(playback, key_of)?;
            let depths = frames.frames.iter().filter_map(|frame| depth_in(&frame.text));
            Ok::<_, io::Error>(Recorded { depths: depths.collect(), frames })
        });
        let recording = recording.transpose()?;
        let list = match (&recording, options.symbols.is_empty()) {
            (Some(recording), true) => {
                let symbol = |key: &str| Some(key.split_once(' ')?.1.to_owned());
                list(&recording.frames.symbols(symbol))?
            }
            (None, true) => default_list(options.symbols_count.max(1))?,
            (_, false) => list(&options.symbols)?,
        };
        let spellings: Vec<Spelling> = list.iter().map(Spelling::new).collect();
        let symbols = spellings.iter().map(|it| it.symbol.clone());
        let by_symbol = symbols.enumerate().map(|(index, symbol)| (symbol, index)).collect();
        let records = spellings.iter().map(|it| (it.symbol.clone(), it.price, it.size));
        let truth = Truth::new(Records::new(records, options.truth_trades));
        let names = list.iter().map(Names::new).collect();
        let count = list.len();
        let agenda = Agenda::new(options.rate, now, counters);
        let mut schedule = Schedule::new(count, agenda);
        schedule.agenda.pause(options.paused || recording.is_some(), now);
        Ok(Self {
            clock: options.clock.clone(),
            market: Market::new(list, Counting::PerInstrument, options.seed),
            spellings,
            by_symbol,
            names,
            sessions: HashMap::new(),
            subscribers: Subscribers::new(count),
            windows: vec![None; count * DEPTHS.len()],
            schedule,
            armed: Armed::default(),
            random: Random::new(options.seed),
            truth,
            recording,
        })
    }

    /// What the exchange says of itself, as the client understands it.
    fn status(&self, id: ConnectionId, system: &str, connection: u64) -> String {
        match self.sessions.get(&id).map(|session| session.version) {
            Some(Version::First) => first::status(system, connection),
            Some(Version::Second) | None => status(system, connection),
        }
    }

    /// Takes a connection off a stream.
    fn leave(&mut self, id: ConnectionId, version: Version, instrument: usize, kind: Kind) {
        self.subscribers.of(version, instrument, kind).retain(|subscriber| *subscriber != id);
        let is_heard = [Version::First, Version::Second]
            .into_iter()
            .any(|version| !self.subscribers.of(version, instrument, kind).is_empty());
        if let (Kind::Book(depth), false) = (kind, is_heard) {
            self.windows[instrument * DEPTHS.len() + depth] = None;
        }
    }
}

impl Speaker for Kraken {
    fn upgrade(&mut self, id: ConnectionId, target: &Target) -> Result<(), Response> {
        let version = match target.path.as_str() {
            "/v2" => Version::Second,
            // What was recorded is version 2.
            "/" if self.recording.is_none() => Version::First,
            _ => return Err(Response::new(404, String::new())),
        };
        let session = Session {
            version,
            streams: Vec::new(),
            beat: None,
            heard: self.clock.now(),
            keys: HashSet::new(),
            playing: None,
        };
        self.sessions.insert(id, session);
        Ok(())
    }

    fn opened(&mut self, id: ConnectionId, _now: MonoNanos, lines: &mut Lines) {
        if self.recording.is_none() {
            let connection = self.random.next();
            lines.text(id, &[self.status(id, "online", connection).as_bytes()]);
        }
    }

    fn message(&mut self, id: ConnectionId, text: &str, now: MonoNanos, lines: &mut Lines) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.heard = now;
        match session.version {
            Version::First => self.command_first(id, text, now, lines),
            Version::Second => self.command(id, text, now, lines),
        }
    }

    fn closed(&mut self, id: ConnectionId) {
        if let Some(session) = self.sessions.remove(&id) {
            for (instrument, kind) in session.streams {
                self.leave(id, session.version, instrument, kind);
            }
        }
    }

    fn request(&mut self, target: &Target, now: MonoNanos) -> Response {
        self.answer(target, now)
    }

    fn advance(&mut self, now: MonoNanos, lines: &mut Lines) -> Due {
        match self.recording {
            Some(_) => self.play(now, lines),
            None => {
                let loose = self.care(now, lines);
                Due { loose, ..self.run_due(now, lines) }
            }
        }
    }

    fn arm(&mut self, fault: Fault) {
        self.armed.add(fault);
    }

    fn announce_shutdown(&mut self, _now: MonoNanos, lines: &mut Lines) {
        for id in self.sessions.keys() {
            let number = self.random.next();
            lines.text(*id, &[self.status(*id, "maintenance", number).as_bytes()]);
        }
    }

    fn pause(&mut self, paused: bool, now: MonoNanos) {
        self.schedule.agenda.pause(paused || self.recording.is_some(), now);
    }

    fn skip_to(&mut self, now: MonoNanos) {
        self.schedule.agenda.skip_to(now);
    }

    fn streams(&self) -> usize {
        match self.recording {
            Some(_) => self.sessions.values().map(|session| session.keys.len()).sum(),
            None => self.subscribers.count(),
        }
    }

    fn book(&self, symbol: &str) -> Option<TrueBook> {
        let index = *self.by_symbol.get(symbol)?;
        let (traded, spelling) = (&self.market.traded[index], &self.spellings[index]);
        let [bids, asks] = traded.book.written([spelling.price, spelling.size]);
        Some(TrueBook { update_id: traded.update_id, sent_update_id: traded.update_id, bids, asks })
    }

    fn market(&mut self) -> Option<&mut Market> {
        Some(&mut self.market)
    }

    fn truth(&self) -> Truth {
        self.truth.clone()
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
