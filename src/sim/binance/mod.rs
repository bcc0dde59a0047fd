//! Simulated Binance: spot and USD-M futures.
//!
//! Facts are those of the exchange's public documentation and of recorded sessions, 2026; the
//! streams are made from one [`Market`], so that they agree with each other.

mod answers;
mod commands;
mod frames;
mod lists;
mod rest;
mod schedule;
mod streams;

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use self::frames::{Frame, Spelling, TimeUnit};
use self::rest::Weight;
use self::schedule::Schedule;
use self::streams::{Class, KINDS, Kind};
use super::agenda::{Agenda, Planned};
use super::armed::Armed;
use super::fault::Fault;
use super::http::{Response, Target};
use super::lines::{ConnectionId, Lines};
use super::listing::{self, Column, Listed};
use super::market::{Counting, Market};
use super::options::{Habits, Options};
use super::player::{Playing, Recording};
use super::speaker::{Due, Speaker};
use super::stats::Counters;
use super::truth::{Records, TrueBook, Truth};
use crate::clock::{Clock, MonoNanos};
use crate::instrument::ExchangeId;

/// Streams of one connection.
const STREAMS_MAX: usize = 1_024;

/// Which of Binance's markets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Product {
    Spot,
    Futures,
}

/// One open WebSocket.
#[derive(Debug)]
struct Session {
    /// Data is wrapped and names its stream.
    combined: bool,
    unit: TimeUnit,
    /// Which of the futures' streams the path carries.
    path: PathClass,
    /// Names as the client wrote them, unknown ones included.
    names: Vec<String>,
    /// What of a recording it wants.
    keys: HashSet<String>,
    playing: Option<Playing>,
}

/// Which streams a path delivers; others are acknowledged and stay silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PathClass {
    All,
    Public,
    Market,
}

/// A simulated Binance.
#[derive(Debug)]
pub(super) struct Binance {
    product: Product,
    clock: Clock,
    market: Market,
    /// The market as it was at the start, for order books that are too old.
    first: Market,
    spellings: Vec<Spelling>,
    by_native: HashMap<String, usize>,
    sessions: HashMap<ConnectionId, Session>,
    fanout: Fanout,
    schedule: Schedule,
    armed: Armed,
    weight: Weight,
    truth: Truth,
    recording: Option<Recording>,
}

/// Who gets which stream, and the buffers in which frames are made.
#[derive(Debug)]
struct Fanout {
    /// Per stream, in the order of instrument and kind; after the last instrument those of all
    /// instruments together.
    subscribers: Vec<Vec<Subscriber>>,
    /// Subscribers over all streams.
    count: usize,
    scratch: Vec<u8>,
}

#[derive(Debug)]
struct Subscriber {
    connection: ConnectionId,
    unit: TimeUnit,
    /// What stands before the data on a connection that wants it wrapped.
    prefix: String,
    combined: bool,
}

/// Pings each 20 s, cut off after a minute without a pong; 24 h; 5 messages a second.
pub(super) const SPOT_HABITS: Habits = Habits {
    ping_interval: Duration::from_secs(20),
    pong_timeout: Duration::from_secs(60),
    lifetime: Some(Duration::from_secs(24 * 3_600)),
    messages_per_second: 5,
};

/// The same with 10 messages a second. Real ones ping each 3 minutes; a client that answers the
/// shorter interval answers the longer one.
pub(super) const FUTURES_HABITS: Habits = Habits { messages_per_second: 10, ..SPOT_HABITS };

impl Binance {
    /// # Errors
    /// When a symbol cannot be listed or a recording cannot be read.
    pub(super) fn new(
        options: &Options,
        counters: Arc<Counters>,
        now: MonoNanos,
    ) -> io::Result<Self> {
        let (product, column) = match options.exchange == ExchangeId::Binance {
            true => (Product::Spot, Column::Spot),
            false => (Product::Futures, Column::Futures),
        };
        let recording = options
            .playback
            .as_ref()
            .map(|playback| Recording::load(playback, |text| stream_of(text).map(streams::key)));
        let recording = recording.transpose()?;
        let symbols = match (&recording, options.symbols.is_empty()) {
            (Some(recording), true) => symbols_of(recording),
            _ => options.symbols.clone(),
        };
        let list = match symbols.is_empty() {
            true => listing::default_list(column, options.symbols_count.max(1)),
            false => listing::list(column, &symbols)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?,
        };
        let spelling = |listed: &Listed| Spelling::new(listed, product);
        let spellings: Vec<Spelling> = list.iter().map(spelling).collect();
        let by_native = list.iter().enumerate().map(|(index, it)| (it.native.clone(), index));
        let by_native = by_native.collect();
        let counting = match product {
            Product::Spot => Counting::PerInstrument,
            Product::Futures => Counting::Shared,
        };
        let records = spellings.iter().map(|it| (it.symbol.clone(), it.price, it.size));
        let truth = Truth::new(Records::new(records, options.truth_trades));
        let market = Market::new(list, counting, options.seed);
        let agenda = Agenda::new(options.rate, now, counters);
        let mut schedule = Schedule::new(product, &market, agenda, now);
        schedule.agenda.pause(options.paused || recording.is_some(), now);
        let subscribers = (0..(spellings.len() + 1) * KINDS).map(|_| Vec::new()).collect();
        Ok(Self {
            product,
            clock: options.clock.clone(),
            first: market.clone(),
            market,
            spellings,
            by_native,
            sessions: HashMap::new(),
            fanout: Fanout { subscribers, count: 0, scratch: Vec::with_capacity(16 << 10) },
            schedule,
            armed: Armed::default(),
            weight: Weight::new(product),
            truth,
            recording,
        })
    }

    /// The instrument and kind that a stream's name means; `None` for names that stay silent.
    fn stream(&self, name: &str) -> Option<(usize, Kind)> {
        if let Some(rest) = name.strip_prefix('!') {
            return Some((self.spellings.len(), Kind::parse_all(self.product, rest)?));
        }
        let (native, rest) = name.split_once('@')?;
        // Names in upper case are acknowledged and stay silent.
        if native.chars().any(|c| c.is_ascii_uppercase()) {
            return None;
        }
        let instrument = *self.by_native.get(&native.to_uppercase())?;
        Some((instrument, Kind::parse(self.product, rest)?))
    }

    /// Adds one stream to a connection. False when it has too many.
    fn subscribe(&mut self, id: ConnectionId, name: &str, now: MonoNanos) -> bool {
        let stream = self.stream(name);
        let Some(session) = self.sessions.get_mut(&id) else { return true };
        if session.names.iter().any(|known| known == name) {
            return true;
        }
        if session.names.len() >= STREAMS_MAX {
            return false;
        }
        session.names.push(name.to_owned());
        session.keys.insert(streams::key(name));
        if self.recording.is_some() {
            session.playing.get_or_insert_with(|| Playing::new(now)).postpone(now);
            return true;
        }
        if let Some((instrument, kind)) = stream
            && session.delivers(kind)
        {
            let prefix = prefix_of(name);
            let (unit, combined) = (session.unit, session.combined);
            let subscriber = Subscriber { connection: id, unit, prefix, combined };
            self.fanout.subscribers[instrument * KINDS + kind.index()].push(subscriber);
            self.fanout.count += 1;
        }
        true
    }

    fn unsubscribe(&mut self, id: ConnectionId, name: &str) {
        let stream = self.stream(name);
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.names.retain(|known| known != name);
        session.keys = session.names.iter().map(|name| streams::key(name)).collect();
        if let Some((instrument, kind)) = stream {
            self.fanout.remove(instrument * KINDS + kind.index(), id, Some(name));
        }
    }
}

/// What stands before wrapped data of that stream.
fn prefix_of(name: &str) -> String {
    format!("{{\"stream\":\"{name}\",\"data\":")
}

impl Session {
    const fn delivers(&self, kind: Kind) -> bool {
        match (self.path, kind.class()) {
            (PathClass::All, _) | (_, Class::Either) => true,
            (PathClass::Public, class) => matches!(class, Class::Public),
            (PathClass::Market, class) => matches!(class, Class::Market),
        }
    }
}

impl Fanout {
    /// Takes a connection off a stream: under one of the names that a stream has, or all of them.
    fn remove(&mut self, stream: usize, id: ConnectionId, name: Option<&str>) {
        let prefix = name.map(prefix_of);
        let subscribers = &mut self.subscribers[stream];
        let before = subscribers.len();
        subscribers.retain(|subscriber| {
            let is_other = prefix.as_ref().is_some_and(|prefix| *prefix != subscriber.prefix);
            subscriber.connection != id || is_other
        });
        self.count -= before - subscribers.len();
    }

    /// Whether anybody wants that stream.
    fn wants(&self, stream: usize) -> bool {
        !self.subscribers[stream].is_empty()
    }

    /// Sends one frame to all who want its stream; it is made once for each unit of time.
    fn publish(
        &mut self,
        stream: usize,
        lines: &mut Lines,
        spelling: &Spelling,
        write: impl Fn(&mut Frame<'_>),
    ) {
        let mut made = None;
        for subscriber in &self.subscribers[stream] {
            if made != Some(subscriber.unit) {
                write(&mut Frame::new(&mut self.scratch, subscriber.unit, spelling));
                made = Some(subscriber.unit);
            }
            subscriber.send(&self.scratch, lines);
        }
    }

    /// Sends one list with a frame for each of these instruments to all who want the stream.
    fn publish_list(
        &mut self,
        stream: usize,
        lines: &mut Lines,
        spellings: &[Spelling],
        instruments: &[usize],
        write: impl Fn(&mut Frame<'_>, usize),
    ) {
        if instruments.is_empty() {
            return;
        }
        let mut made = None;
        let mut list = Vec::new();
        for subscriber in &self.subscribers[stream] {
            if made != Some(subscriber.unit) {
                list.clear();
                for index in instruments {
                    list.push(if list.is_empty() { b'[' } else { b',' });
                    let spelling = &spellings[*index];
                    let unit = subscriber.unit;
                    write(&mut Frame::new(&mut self.scratch, unit, spelling), *index);
                    list.extend_from_slice(&self.scratch);
                }
                list.push(b']');
                made = Some(subscriber.unit);
            }
            subscriber.send(&list, lines);
        }
    }
}

impl Subscriber {
    fn send(&self, frame: &[u8], lines: &mut Lines) {
        match self.combined {
            true => lines.market(self.connection, &[self.prefix.as_bytes(), frame, b"}"]),
            false => lines.market(self.connection, &[frame]),
        }
    }
}

impl Speaker for Binance {
    fn upgrade(&mut self, id: ConnectionId, target: &Target) -> Result<(), Response> {
        let session = Session::at(self.product, target).ok_or_else(rest::not_found)?;
        self.sessions.insert(id, session);
        Ok(())
    }

    fn opened(&mut self, id: ConnectionId, now: MonoNanos, lines: &mut Lines) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        for name in std::mem::take(&mut session.names) {
            if !self.subscribe(id, &name, now) {
                return lines.close(id, 1008, "Invalid request");
            }
        }
    }

    fn message(&mut self, id: ConnectionId, text: &str, now: MonoNanos, lines: &mut Lines) {
        self.command(id, text, now, lines);
    }

    fn closed(&mut self, id: ConnectionId) {
        if self.sessions.remove(&id).is_some() {
            for stream in 0..self.fanout.subscribers.len() {
                self.fanout.remove(stream, id, None);
            }
        }
    }

    fn request(&mut self, target: &Target, now: MonoNanos) -> Response {
        self.answer(target, now)
    }

    fn advance(&mut self, now: MonoNanos, lines: &mut Lines) -> Due {
        match self.recording {
            Some(_) => self.play(now, lines),
            None => self.run_due(now, lines),
        }
    }

    fn arm(&mut self, fault: Fault) {
        match fault {
            Fault::SequenceReset { symbol, .. } => {
                self.market.begin_updates_anew(symbol.as_deref());
            }
            other => self.armed.add(other),
        }
    }

    fn announce_shutdown(&mut self, now: MonoNanos, lines: &mut Lines) {
        let at_ms = self.clock.date(now).millis();
        let notice = format!("{{\"e\":\"serverShutdown\",\"E\":{at_ms}}}");
        for (id, session) in &self.sessions {
            match session.combined {
                true => {
                    let prefix = b"{\"stream\":\"!serverShutdown\",\"data\":";
                    lines.text(*id, &[prefix, notice.as_bytes(), b"}"]);
                }
                false => lines.text(*id, &[notice.as_bytes()]),
            }
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
            Some(_) => self.sessions.values().map(|session| session.names.len()).sum(),
            None => self.fanout.count,
        }
    }

    fn book(&self, symbol: &str) -> Option<TrueBook> {
        let index = *self.by_native.get(symbol)?;
        let (traded, spelling) = (&self.market.traded[index], &self.spellings[index]);
        let [bids, asks] = traded.book.written([spelling.price, spelling.size]);
        Some(TrueBook {
            update_id: traded.update_id,
            sent_update_id: self.schedule.sent_update_id(index),
            bids,
            asks,
        })
    }

    fn market(&mut self) -> Option<&mut Market> {
        Some(&mut self.market)
    }

    fn truth(&self) -> Truth {
        self.truth.clone()
    }
}

impl Session {
    /// The session that a path opens; `None` where there is nothing.
    fn at(product: Product, target: &Target) -> Option<Self> {
        let (path, rest) = match product {
            Product::Spot => (PathClass::All, target.path.as_str()),
            Product::Futures => match target.path.strip_prefix("/market") {
                Some(rest) => (PathClass::Market, rest),
                // The paths of before 2026 carry everything: clients that know no others ask there
                // for what has a path of its own now.
                None => match target.path.strip_prefix("/public") {
                    Some(rest) => (PathClass::Public, rest),
                    None => (PathClass::All, target.path.as_str()),
                },
            },
        };
        // A client that takes spot's connections for those whose address has this in it.
        let rest = rest.strip_prefix("/stream").filter(|it| it.starts_with("/ws")).unwrap_or(rest);
        let (combined, names) = match rest {
            "/ws" | "/ws/" => (false, ""),
            "/stream" => (true, target.value("streams").unwrap_or("")),
            _ => (false, rest.strip_prefix("/ws/")?),
        };
        let micros = target.value("timeUnit").is_some_and(|unit| {
            unit.eq_ignore_ascii_case("microsecond") && product == Product::Spot
        });
        Some(Self {
            combined,
            unit: if micros { TimeUnit::Micros } else { TimeUnit::Millis },
            path,
            names: names.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
            keys: HashSet::new(),
            playing: None,
        })
    }
}

/// The name in a wrapped frame.
fn stream_of(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("{\"stream\":\"")?;
    rest.split('"').next()
}

/// The instruments that a recording is about.
fn symbols_of(recording: &Recording) -> Vec<String> {
    let mut symbols = recording.symbols(|key| Some(key.split_once('@')?.0.to_uppercase()));
    symbols.extend(recording.books.keys().cloned());
    symbols.sort();
    symbols.dedup();
    symbols.retain(|symbol| listing::split(symbol).is_some());
    symbols
}
