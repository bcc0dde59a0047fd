//! Simulated Kraken, version 2 of its protocol.
//!
//! Facts are those of the exchange's public documentation and of recorded sessions, 2026. Books
//! come in real time: each step of the market is one update of each subscribed depth, and levels
//! that slide out of a depth are not told.

mod channels;
mod commands;
mod frames;
mod schedule;
mod window;

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use self::channels::{DEPTHS, KINDS, Kind};
use self::frames::Spelling;
use self::schedule::Schedule;
use self::window::Window;
use super::agenda::{Agenda, Planned};
use super::armed::Armed;
use super::fault::Fault;
use super::http::{Response, Target};
use super::lines::{ConnectionId, Lines};
use super::listing::{self, Column, Listed};
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

/// One open WebSocket.
#[derive(Debug)]
struct Session {
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
    sessions: HashMap<ConnectionId, Session>,
    /// Per stream, in the order of instrument and kind.
    subscribers: Vec<Vec<ConnectionId>>,
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
        let count = list.len();
        let agenda = Agenda::new(options.rate, now, counters);
        let mut schedule = Schedule::new(count, agenda);
        schedule.agenda.pause(options.paused || recording.is_some(), now);
        Ok(Self {
            clock: options.clock.clone(),
            market: Market::new(list, Counting::PerInstrument, options.seed),
            spellings,
            by_symbol,
            sessions: HashMap::new(),
            subscribers: vec![Vec::new(); count * KINDS],
            windows: vec![None; count * DEPTHS.len()],
            schedule,
            armed: Armed::default(),
            random: Random::new(options.seed),
            truth,
            recording,
        })
    }

    /// Takes a connection off a stream.
    fn leave(&mut self, id: ConnectionId, instrument: usize, kind: Kind) {
        let subscribers = &mut self.subscribers[instrument * KINDS + kind.index()];
        subscribers.retain(|subscriber| *subscriber != id);
        if let (Kind::Book(depth), true) = (kind, subscribers.is_empty()) {
            self.windows[instrument * DEPTHS.len() + depth] = None;
        }
    }
}

impl Speaker for Kraken {
    fn upgrade(&mut self, id: ConnectionId, target: &Target) -> Result<(), Response> {
        if target.path != "/v2" {
            return Err(Response::new(404, String::new()));
        }
        let session = Session {
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
            lines.text(id, &[status("online", connection).as_bytes()]);
        }
    }

    fn message(&mut self, id: ConnectionId, text: &str, now: MonoNanos, lines: &mut Lines) {
        self.command(id, text, now, lines);
    }

    fn closed(&mut self, id: ConnectionId) {
        if let Some(session) = self.sessions.remove(&id) {
            for (instrument, kind) in session.streams {
                self.leave(id, instrument, kind);
            }
        }
    }

    fn request(&mut self, _target: &Target, _now: MonoNanos) -> Response {
        Response::new(404, r#"{"error":["EGeneral:Unknown method"]}"#.to_owned())
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
            lines.text(*id, &[status("maintenance", self.random.next()).as_bytes()]);
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
            None => self.subscribers.iter().map(Vec::len).sum(),
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

/// A tokenised stock, whose name has a small letter, and its place in the default list.
const STOCK: (&str, usize) = ("AAPLx/USD", 7);

/// The first `count` of the default list.
fn default_list(count: usize) -> io::Result<Vec<Listed>> {
    let usual = listing::default_list(Column::Spot, usize::MAX);
    let mut list: Vec<Listed> = usual.into_iter().map(in_dollars).collect();
    list.insert(STOCK.1, listed(STOCK.0)?);
    list.truncate(count);
    Ok(list)
}

/// The same instrument priced in dollars, as Kraken's busiest are.
fn in_dollars(listed: Listed) -> Listed {
    match listed.quote.as_str() {
        "USDT" => Listed { quote: "USD".to_owned(), ..listed },
        _ => listed,
    }
}

/// The instruments of those names.
fn list(symbols: &[String]) -> io::Result<Vec<Listed>> {
    symbols.iter().map(|symbol| listed(symbol)).collect()
}

/// As the default list has it, else with plausible properties.
fn listed(symbol: &str) -> io::Result<Listed> {
    let parts =
        symbol.split_once('/').filter(|(base, quote)| !base.is_empty() && !quote.is_empty());
    let Some((base, quote)) = parts else {
        let text = format!("symbol `{symbol}`: write it like BTC/USD");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    };
    let known = format!("{base}{}", if quote == "USD" { "USDT" } else { quote });
    let found = listing::list(Column::Spot, &[known]).ok().and_then(|mut list| list.pop());
    let (base, quote) = (base.to_owned(), quote.to_owned());
    Ok(match found {
        Some(found) => Listed { base, quote, ..found },
        None => {
            let native = format!("{base}{quote}");
            Listed { native, base, quote, price_digits: 4, size_digits: 2, start: 25_000 }
        }
    })
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
