//! Simulated Bybit: spot and linear contracts.
//!
//! Facts are those of the exchange's public documentation and of recorded sessions, 2026; the
//! streams are made from one `Market`, so that they agree with each other.

mod books;
mod channels;
mod commands;
mod frames;
mod listing;
mod lists;
mod rest;
mod schedule;

use std::io;
use std::time::Duration;

use self::channels::{DEPTH_TRUE, DEPTHS, Kind};
use self::frames::{Fields, Frame, Spelling, ticker_fields};
use self::schedule::{Duty, Schedule};
use super::exchange::{Exchange, Idle, Opening, Parts, Spelled};
use super::market::Counting;
use super::options::Habits;
use super::rate::Window;
use super::wires::{ConnectionId, Wires};
use super::write::Scale;
use crate::clock::MonoNanos;
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

/// What a simulated Bybit alone has.
#[derive(Debug)]
pub(super) struct Bybit {
    class: Class,
    schedule: Schedule,
    /// What the last ticker of every instrument said.
    tickers: Vec<Fields>,
    rate: Window,
}

/// The topics of an open WebSocket.
type Caller = Vec<String>;

impl Spelled for Spelling {
    fn name(&self) -> &str {
        &self.symbol
    }

    fn scales(&self) -> [Scale; 3] {
        [self.price, self.size, self.size]
    }
}

impl Parts for Bybit {
    type Caller = Caller;
    type Spelling = Spelling;
    type Kind = Kind;
    type Manner = ();
    type Duty = Duty;

    const LEVELS_TRUE: usize = DEPTHS[DEPTH_TRUE].0;
    /// Not even a ping.
    const IDLE: Option<Idle> =
        Some(Idle { after: Duration::from_secs(600), counts_told: false, words: None });
}

/// # Errors
/// When a symbol cannot be listed or a recording cannot be read.
pub(super) fn open(opening: Opening<'_>) -> io::Result<Exchange<Bybit>> {
    let class = match opening.options.exchange == ExchangeId::Bybit {
        true => Class::Spot,
        false => Class::Linear,
    };
    let now = opening.now;
    let symbol = |key: &str| Some(key.rsplit_once('.')?.1.to_owned());
    let listing =
        opening.list(key_of, symbol, |names, count| listing::list(class, names, count))?;
    let spelling = |listed: &_| Spelling::new(listed, class);
    Ok(Exchange::new(listing, Counting::PerInstrument, spelling, |market, agenda, _| {
        let count = market.traded.len();
        Bybit {
            class,
            schedule: Schedule::new(count, agenda, now),
            tickers: vec![Fields::new(); count],
            rate: Window::new(rest::REQUESTS_MAX, rest::WINDOW_MS),
        }
    }))
}

impl Exchange<Bybit> {
    /// The instrument and kind that a topic means.
    fn stream(&self, topic: &str) -> Option<(usize, Kind)> {
        let (kind, native) = channels::parse(self.own.class, topic)?;
        Some((*self.by_native.get(native)?, kind))
    }

    /// Whether a topic may be subscribed. Recordings have instruments that are not listed here.
    fn is_topic(&self, topic: &str) -> bool {
        match self.recording {
            Some(_) => channels::parse(self.own.class, topic).is_some(),
            None => self.stream(topic).is_some(),
        }
    }

    /// Adds one topic to a connection, and tells it what the stream begins with.
    fn subscribe(&mut self, id: ConnectionId, topic: &str, now: MonoNanos, wires: &mut Wires) {
        let Some(client) = self.callers.get_mut(&id) else { return };
        client.own.push(topic.to_owned());
        if self.want_recorded(id, channels::key(topic), now) {
            return;
        }
        let Some(stream @ (instrument, kind)) = self.stream(topic) else { return };
        let is_first = !self.fanout.wants(stream);
        self.fanout.add(stream, id, ());
        match kind {
            Kind::Book(depth) => self.begin_book(id, (instrument, depth), is_first, now, wires),
            Kind::Ticker => self.begin_ticker(id, instrument, is_first, now, wires),
            Kind::Trade | Kind::Kline(_) | Kind::Silent => {}
        }
    }

    /// Tells the book as the others know it, so that their next event is this client's too.
    fn begin_book(
        &mut self,
        id: ConnectionId,
        (instrument, depth): (usize, usize),
        is_first: bool,
        now: MonoNanos,
        wires: &mut Wires,
    ) {
        let traded = &self.market.traded[instrument];
        let slot = self.own.schedule.slot(instrument, depth);
        if is_first {
            slot.refresh(&traded.book, traded.update_id, DEPTHS[depth].0);
            slot.told = now;
        }
        let (event, at) = (slot.snapshot(depth), self.clock.date(now));
        let spelling = &self.spellings[instrument];
        self.fanout.tell(id, wires, |out| Frame::new(out, spelling).book(&event, at));
    }

    /// The same of a ticker.
    fn begin_ticker(
        &mut self,
        id: ConnectionId,
        instrument: usize,
        is_first: bool,
        now: MonoNanos,
        wires: &mut Wires,
    ) {
        let (traded, spelling) = (&self.market.traded[instrument], &self.spellings[instrument]);
        let at = self.clock.date(now);
        if is_first {
            self.own.tickers[instrument] = ticker_fields(spelling, traded, at);
        }
        let fields: Vec<_> = self.own.tickers[instrument].iter().collect();
        self.fanout.tell(id, wires, |out| {
            Frame::new(out, spelling).ticker(true, &fields, traded.update_id, at);
        });
    }

    fn unsubscribe(&mut self, id: ConnectionId, topic: &str) {
        let stream = self.stream(topic);
        let Some(client) = self.callers.get_mut(&id) else { return };
        client.own.retain(|known| known != topic);
        client.keys = client.own.iter().map(|topic| channels::key(topic)).collect();
        if let Some(stream) = stream {
            self.fanout.remove(stream, id, |()| true);
        }
    }
}

/// The topic of a frame; answers are of no stream, and nobody gets them.
fn key_of(text: &str) -> Option<String> {
    let rest = text.split_once("\"topic\":\"").map_or("", |(_, rest)| rest);
    Some(channels::key(rest.split('"').next().unwrap_or_default()))
}
