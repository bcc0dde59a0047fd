//! Simulated Bybit: spot and linear contracts.
//!
//! Facts are those of the exchange's public documentation and of recorded sessions, 2026; the
//! streams are made from one [`Market`], so that they agree with each other.

mod books;
mod commands;
mod frames;
mod lists;
mod rest;
mod schedule;
mod topics;

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use self::frames::{BookEvent, Fields, Frame, SPOT_ID_FIRST, Spelling, changed, ticker_fields};
use self::rest::Rate;
use self::schedule::Schedule;
use self::topics::{DEPTH_TRUE, DEPTHS, KINDS, Kind};
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

/// Which of Bybit's classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Spot,
    Linear,
}

/// It sends no pings of its own, and is rid of who says nothing in another way.
pub(super) const HABITS: Habits = Habits {
    ping_interval: Duration::MAX,
    pong_timeout: Duration::MAX,
    lifetime: None,
    messages_per_second: 20,
};

/// One open WebSocket.
#[derive(Debug)]
struct Session {
    topics: Vec<String>,
    /// What of a recording it wants.
    keys: HashSet<String>,
    playing: Option<Playing>,
    /// When it last said anything.
    heard: MonoNanos,
}

/// A simulated Bybit.
#[derive(Debug)]
pub(super) struct Bybit {
    class: Class,
    clock: Clock,
    market: Market,
    spellings: Vec<Spelling>,
    by_native: HashMap<String, usize>,
    sessions: HashMap<ConnectionId, Session>,
    fanout: Fanout,
    schedule: Schedule,
    /// What the last ticker of every instrument said.
    tickers: Vec<Fields>,
    armed: Armed,
    rate: Rate,
    truth: Truth,
    recording: Option<Recording>,
}

/// Who gets which stream, and the buffer in which frames are made.
#[derive(Debug)]
struct Fanout {
    /// Per stream, in the order of instrument and kind.
    subscribers: Vec<Vec<ConnectionId>>,
    /// Subscribers over all streams.
    count: usize,
    scratch: Vec<u8>,
}

impl Bybit {
    /// # Errors
    /// When a symbol cannot be listed or a recording cannot be read.
    pub(super) fn new(
        options: &Options,
        counters: Arc<Counters>,
        now: MonoNanos,
    ) -> io::Result<Self> {
        let class = match options.exchange == ExchangeId::Bybit {
            true => Class::Spot,
            false => Class::Linear,
        };
        let recording = options.playback.as_ref().map(|playback| Recording::load(playback, key_of));
        let recording = recording.transpose()?;
        let symbols = match (&recording, options.symbols.is_empty()) {
            (Some(recording), true) => symbols_of(recording),
            _ => options.symbols.clone(),
        };
        let list = list(class, &symbols, options.symbols_count.max(1))?;
        let spellings: Vec<Spelling> =
            list.iter().map(|listed| Spelling::new(listed, class)).collect();
        let by_native = list.iter().enumerate().map(|(index, it)| (it.native.clone(), index));
        let by_native = by_native.collect();
        let records = spellings.iter().map(|it| (it.symbol.clone(), it.price, it.size));
        let truth = Truth::new(Records::new(records, options.truth_trades));
        let market = Market::new(list, Counting::PerInstrument, options.seed);
        let agenda = Agenda::new(options.rate, now, counters);
        let mut schedule = Schedule::new(spellings.len(), agenda, now);
        schedule.agenda.pause(options.paused || recording.is_some(), now);
        let subscribers = (0..spellings.len() * KINDS).map(|_| Vec::new()).collect();
        Ok(Self {
            class,
            clock: options.clock.clone(),
            market,
            tickers: vec![Fields::new(); spellings.len()],
            spellings,
            by_native,
            sessions: HashMap::new(),
            fanout: Fanout { subscribers, count: 0, scratch: Vec::with_capacity(16 << 10) },
            schedule,
            armed: Armed::default(),
            rate: Rate::default(),
            truth,
            recording,
        })
    }

    /// The instrument and kind that a topic means.
    fn stream(&self, topic: &str) -> Option<(usize, Kind)> {
        let (kind, native) = topics::parse(self.class, topic)?;
        Some((*self.by_native.get(native)?, kind))
    }

    /// Whether a topic may be subscribed. Recordings have instruments that are not listed here.
    fn is_topic(&self, topic: &str) -> bool {
        match self.recording {
            Some(_) => topics::parse(self.class, topic).is_some(),
            None => self.stream(topic).is_some(),
        }
    }

    /// Adds one topic to a connection, and tells it what the stream begins with.
    fn subscribe(&mut self, id: ConnectionId, topic: &str, now: MonoNanos, lines: &mut Lines) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.topics.push(topic.to_owned());
        session.keys.insert(topics::key(topic));
        if self.recording.is_some() {
            session.playing.get_or_insert_with(|| Playing::new(now)).postpone(now);
            return;
        }
        let Some((instrument, kind)) = self.stream(topic) else { return };
        let stream = instrument * KINDS + kind.index();
        let is_first = self.fanout.subscribers[stream].is_empty();
        self.fanout.subscribers[stream].push(id);
        self.fanout.count += 1;
        match kind {
            Kind::Book(depth) => self.begin_book(instrument, depth, is_first, now),
            Kind::Ticker => self.begin_ticker(instrument, is_first, now),
            Kind::Trade | Kind::Kline(_) | Kind::Silent => return,
        }
        lines.market(id, &[&self.fanout.scratch]);
    }

    /// Writes the book as the others know it, so that their next event is this client's too.
    fn begin_book(&mut self, instrument: usize, depth: usize, is_first: bool, now: MonoNanos) {
        let traded = &self.market.traded[instrument];
        let slot = self.schedule.slot(instrument, depth);
        if is_first {
            slot.refresh(&traded.book, traded.update_id, DEPTHS[depth].0);
            slot.told = now;
        }
        let event = BookEvent {
            depth,
            is_snapshot: true,
            sides: slot.whole().each_ref().map(Vec::as_slice),
            update_id: slot.update_id,
            cross_sequence: slot.seen,
        };
        let at = self.clock.date(now);
        Frame::new(&mut self.fanout.scratch, &self.spellings[instrument]).book(&event, at);
    }

    /// The same of a ticker.
    fn begin_ticker(&mut self, instrument: usize, is_first: bool, now: MonoNanos) {
        let (traded, spelling) = (&self.market.traded[instrument], &self.spellings[instrument]);
        let at = self.clock.date(now);
        if is_first {
            self.tickers[instrument] = ticker_fields(spelling, traded, at);
        }
        let fields: Vec<_> = self.tickers[instrument].iter().collect();
        let mut frame = Frame::new(&mut self.fanout.scratch, spelling);
        frame.ticker(true, &fields, traded.update_id, at);
    }

    fn unsubscribe(&mut self, id: ConnectionId, topic: &str) {
        let stream = self.stream(topic);
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.topics.retain(|known| known != topic);
        session.keys = session.topics.iter().map(|topic| topics::key(topic)).collect();
        if let Some((instrument, kind)) = stream {
            self.fanout.remove(instrument * KINDS + kind.index(), id);
        }
    }
}

impl Fanout {
    fn remove(&mut self, stream: usize, id: ConnectionId) {
        let subscribers = &mut self.subscribers[stream];
        let before = subscribers.len();
        subscribers.retain(|subscriber| *subscriber != id);
        self.count -= before - subscribers.len();
    }

    /// Whether anybody wants that stream.
    fn wants(&self, stream: usize) -> bool {
        !self.subscribers[stream].is_empty()
    }

    /// Sends one frame to all who want its stream.
    fn publish(
        &mut self,
        stream: usize,
        lines: &mut Lines,
        spelling: &Spelling,
        write: impl FnOnce(&mut Frame<'_>),
    ) {
        if !self.wants(stream) {
            return;
        }
        write(&mut Frame::new(&mut self.scratch, spelling));
        for connection in &self.subscribers[stream] {
            lines.market(*connection, &[&self.scratch]);
        }
    }
}

impl Speaker for Bybit {
    fn upgrade(&mut self, id: ConnectionId, target: &Target) -> Result<(), Response> {
        let path = match self.class {
            Class::Spot => "/v5/public/spot",
            Class::Linear => "/v5/public/linear",
        };
        if target.path != path {
            return Err(rest::not_found());
        }
        let session = Session {
            topics: Vec::new(),
            keys: HashSet::new(),
            playing: None,
            heard: MonoNanos::MAX,
        };
        self.sessions.insert(id, session);
        Ok(())
    }

    fn opened(&mut self, id: ConnectionId, now: MonoNanos, _: &mut Lines) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.heard = now;
        }
    }

    fn message(&mut self, id: ConnectionId, text: &str, now: MonoNanos, lines: &mut Lines) {
        self.command(id, text, now, lines);
    }

    fn closed(&mut self, id: ConnectionId) {
        if self.sessions.remove(&id).is_some() {
            for stream in 0..self.fanout.subscribers.len() {
                self.fanout.remove(stream, id);
            }
        }
    }

    fn request(&mut self, target: &Target, now: MonoNanos) -> Response {
        self.reply(target, now)
    }

    fn advance(&mut self, now: MonoNanos, lines: &mut Lines) -> Due {
        self.cut_idle(now, lines);
        let due = match self.recording {
            Some(_) => self.play(now, lines),
            None => self.run_due(now, lines),
        };
        Due { loose: due.loose.min(self.schedule.next_idle_look), ..due }
    }

    fn arm(&mut self, fault: Fault) {
        self.armed.add(fault);
    }

    /// Bybit tells of maintenance on a path of its own, `system.status`, and cuts without a word.
    fn announce_shutdown(&mut self, _: MonoNanos, _: &mut Lines) {}

    fn pause(&mut self, paused: bool, now: MonoNanos) {
        self.schedule.agenda.pause(paused || self.recording.is_some(), now);
    }

    fn skip_to(&mut self, now: MonoNanos) {
        self.schedule.agenda.skip_to(now);
    }

    fn streams(&self) -> usize {
        match self.recording {
            Some(_) => self.sessions.values().map(|session| session.topics.len()).sum(),
            None => self.fanout.count,
        }
    }

    fn book(&self, symbol: &str) -> Option<TrueBook> {
        let index = *self.by_native.get(symbol)?;
        let (traded, spelling) = (&self.market.traded[index], &self.spellings[index]);
        let [mut bids, mut asks] = traded.book.written([spelling.price, spelling.size]);
        for side in [&mut bids, &mut asks] {
            side.truncate(DEPTHS[DEPTH_TRUE].0);
        }
        let is_heard = self.fanout.wants(index * KINDS + Kind::Book(DEPTH_TRUE).index());
        let seen = self.schedule.seen(index, DEPTH_TRUE);
        Some(TrueBook {
            update_id: traded.update_id,
            sent_update_id: if is_heard { seen } else { traded.update_id },
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

/// The instruments of those names, or of the default list; contracts exist in USDT and USDC only,
/// and those in USDC have names of their own.
fn list(class: Class, symbols: &[String], count: usize) -> io::Result<Vec<Listed>> {
    let column = match class {
        Class::Spot => Column::Spot,
        Class::Linear => Column::Futures,
    };
    let in_pairs: Vec<String> = symbols
        .iter()
        .map(|symbol| match symbol.strip_suffix("PERP") {
            Some(base) if class == Class::Linear => format!("{base}USDC"),
            _ => symbol.clone(),
        })
        .collect();
    let mut list = match in_pairs.is_empty() {
        true => listing::default_list(column, usize::MAX),
        false => listing::list(column, &in_pairs)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?,
    };
    if class == Class::Linear {
        list.retain(|listed| matches!(listed.quote.as_str(), "USDT" | "USDC"));
        for listed in list.iter_mut().filter(|listed| listed.quote == "USDC") {
            listed.native = format!("{}PERP", listed.base);
        }
    }
    if symbols.is_empty() {
        list.truncate(count);
    }
    Ok(list)
}

/// The topic of a frame; answers are of no stream, and nobody gets them.
fn key_of(text: &str) -> Option<String> {
    let rest = text.split_once("\"topic\":\"").map_or("", |(_, rest)| rest);
    Some(topics::key(rest.split('"').next().unwrap_or_default()))
}

/// The instruments that a recording is about, as far as they can be listed.
fn symbols_of(recording: &Recording) -> Vec<String> {
    let mut symbols = recording.symbols(|key| Some(key.rsplit_once('.')?.1.to_owned()));
    symbols.retain(|symbol| listing::split(symbol).is_some() || symbol.ends_with("PERP"));
    symbols
}
