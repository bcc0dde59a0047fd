//! Simulated Coinbase: the Exchange feed and Advanced Trade, two protocols about the same products.
//!
//! Facts are those of the exchange's public documentation and of recorded sessions, 2021 to 2026;
//! the streams are made from one [`Market`], so that they agree with each other.

mod advanced;
mod channels;
mod commands;
mod exchange;
mod listed;
mod rest;
mod rest_advanced;
mod rest_exchange;
mod schedule;

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use self::channels::{KINDS, Kind, key_of, native_of};
use self::listed::Spelling;
use self::schedule::Schedule;
use super::agenda::{Agenda, Planned};
use super::armed::Armed;
use super::fault::Fault;
use super::http::{Response, Target};
use super::lines::{ConnectionId, Lines};
use super::market::{Counting, Market};
use super::options::{Habits, Options};
use super::player::{Playing, Recording};
use super::speaker::{Due, Speaker};
use super::stats::Counters;
use super::tamper::plain;
use super::truth::{Records, TrueBook, Truth};
use crate::clock::{Clock, MonoNanos};
use crate::instrument::ExchangeId;
use crate::limits::NUMBERS_APART_MAX;

/// No pings of its own; 100 messages a second.
pub(super) const EXCHANGE_HABITS: Habits = Habits {
    ping_interval: Duration::MAX,
    pong_timeout: Duration::MAX,
    lifetime: None,
    messages_per_second: 100,
};

/// The same with 8 messages a second, as without a login.
pub(super) const ADVANCED_HABITS: Habits = Habits { messages_per_second: 8, ..EXCHANGE_HABITS };

/// Bytes of a fragment of a snapshot: large frames come in several.
const FRAGMENT_BYTES: usize = 8 << 10;

/// Which of Coinbase's feeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Product {
    Exchange,
    Advanced,
}

/// What a client was told that it is subscribed to, in its own words.
#[derive(Debug)]
struct Subscribed {
    name: String,
    products: Vec<usize>,
}

/// One open WebSocket.
#[derive(Debug)]
struct Session {
    opened: MonoNanos,
    /// It has asked for something, as it must within five seconds.
    has_asked: bool,
    /// When it was sent something last.
    told: MonoNanos,
    subscribed: Vec<Subscribed>,
    beats: bool,
    status: bool,
    /// Number of its next frame (Advanced Trade).
    sequence: u64,
    /// What of a recording it wants.
    keys: HashSet<String>,
    playing: Option<Playing>,
    /// Number of the recorded frame that was played last.
    recorded: Option<u64>,
    /// The number of the last one, where that was odd.
    odd: Option<u64>,
}

/// A simulated Coinbase.
#[derive(Debug)]
pub(super) struct Coinbase {
    product: Product,
    clock: Clock,
    market: Market,
    spellings: Vec<Spelling>,
    by_native: HashMap<String, usize>,
    sessions: HashMap<ConnectionId, Session>,
    /// Per product and kind of stream.
    subscribers: Vec<Vec<ConnectionId>>,
    schedule: Schedule,
    armed: Armed,
    truth: Truth,
    recording: Option<Recording>,
}

impl Coinbase {
    /// # Errors
    /// When a symbol cannot be listed or a recording cannot be read.
    pub(super) fn new(
        options: &Options,
        counters: Arc<Counters>,
        now: MonoNanos,
    ) -> io::Result<Self> {
        let product = match options.exchange == ExchangeId::Coinbase {
            true => Product::Exchange,
            false => Product::Advanced,
        };
        let load = |playback| Recording::load(playback, |text| key_of(product, text));
        let recording = options.playback.as_ref().map(load).transpose()?;
        let symbols = match (&recording, options.symbols.is_empty()) {
            (Some(recording), true) => symbols_of(recording),
            _ => options.symbols.clone(),
        };
        let list = match symbols.is_empty() {
            true => listed::default_list(options.symbols_count.max(1)),
            false => listed::list(&symbols)?,
        };
        let spellings: Vec<Spelling> =
            list.iter().map(|listed| Spelling::new(listed, product)).collect();
        let by_native = spellings.iter().enumerate().map(|(index, it)| (it.native.clone(), index));
        let by_native = by_native.collect();
        let records = spellings.iter().map(|it| (it.native.clone(), it.price, it.size));
        let truth = Truth::new(Records::new(records, options.truth_trades));
        let market = Market::new(list, Counting::PerInstrument, options.seed);
        let agenda = Agenda::new(options.rate, now, counters);
        let mut schedule = Schedule::new(product, &market, agenda, now);
        schedule.agenda.pause(options.paused || recording.is_some(), now);
        Ok(Self {
            product,
            clock: options.clock.clone(),
            subscribers: (0..spellings.len() * KINDS).map(|_| Vec::new()).collect(),
            market,
            spellings,
            by_native,
            sessions: HashMap::new(),
            schedule,
            armed: Armed::default(),
            truth,
            recording,
        })
    }

    /// Whether anybody wants a stream.
    fn hears(&self, product: usize, kind: Kind) -> bool {
        !self.subscribers[product * KINDS + kind as usize].is_empty()
    }

    /// Tells a client all that it is subscribed to.
    fn tell_subscriptions(&mut self, id: ConnectionId, now: MonoNanos, lines: &mut Lines) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let native = |index: &usize| self.spellings[*index].native.as_str();
        let channels: Vec<(&str, Vec<&str>)> = session
            .subscribed
            .iter()
            .map(|one| (one.name.as_str(), one.products.iter().map(native).collect()))
            .collect();
        let frame = match self.product {
            Product::Exchange => exchange::subscriptions(&channels),
            Product::Advanced => {
                let events = advanced::subscriptions(&channels);
                let sequence = session.next_number();
                advanced::frame("subscriptions", self.clock.date(now), sequence, &events)
            }
        };
        lines.text(id, &[frame.as_bytes()]);
    }

    /// Sends what is the same for all subscribers of a stream: a frame of the Exchange, or the
    /// event of a frame of Advanced Trade on that channel.
    fn publish(
        &mut self,
        (product, kind): (usize, Kind),
        (channel, text): (&str, &str),
        now: MonoNanos,
        lines: &mut Lines,
    ) {
        for index in 0..self.subscribers[product * KINDS + kind as usize].len() {
            let id = self.subscribers[product * KINDS + kind as usize][index];
            self.send(id, (channel, text), None, now, lines);
        }
    }

    fn send(
        &mut self,
        id: ConnectionId,
        (channel, text): (&str, &str),
        fragment: Option<usize>,
        now: MonoNanos,
        lines: &mut Lines,
    ) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.told = now;
        match self.product {
            Product::Exchange => lines.market_in(id, text.as_bytes(), fragment),
            Product::Advanced => {
                let sequence = session.next_number();
                let frame = advanced::frame(channel, self.clock.date(now), sequence, text);
                lines.market_in(id, frame.as_bytes(), fragment);
            }
        }
    }

    /// Plays the recording to every client.
    fn play(&mut self, now: MonoNanos, lines: &mut Lines) -> Due {
        let Some(recording) = &self.recording else { return Due::NEVER };
        let sessions = self.sessions.iter_mut();
        recording.play(
            now,
            sessions,
            lines,
            |session| &mut session.playing,
            |id, session, frame, lines| {
                let wanted = frame.key.as_ref().is_none_or(|key| session.keys.contains(key));
                let number = Numbered::of(&frame.text);
                let placed = session.place(number.as_ref().map(|number| number.number));
                // A list of subscriptions answered whoever recorded it: here it would say that streams
                // are gone which were granted on this connection.
                if (!wanted && !recording.everything) || is_list(self.product, &frame.text) {
                    return;
                }
                match number.filter(|_| self.product == Product::Advanced) {
                    None => lines.market(id, &[frame.text.as_bytes()]),
                    Some(Numbered { before, after, .. }) => {
                        let number = session.number(placed).to_string();
                        lines.market(id, &[before.as_bytes(), number.as_bytes(), after.as_bytes()]);
                    }
                }
                session.told = now;
            },
        )
    }
}

/// Whether a frame lists what its connection is subscribed to.
fn is_list(product: Product, text: &str) -> bool {
    match product {
        Product::Exchange => text.starts_with(r#"{"type":"subscriptions""#),
        Product::Advanced => text.starts_with(r#"{"channel":"subscriptions""#),
    }
}

impl Session {
    fn new() -> Self {
        Self {
            opened: MonoNanos::ZERO,
            has_asked: false,
            told: MonoNanos::ZERO,
            subscribed: Vec::new(),
            beats: false,
            status: false,
            sequence: 0,
            keys: HashSet::new(),
            playing: None,
            recorded: None,
            odd: None,
        }
    }

    const fn next_number(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence - 1
    }

    /// Where the next recorded frame stands, by its recorded number.
    fn place(&mut self, recorded: Option<u64>) -> Placed {
        let odd = self.odd.take();
        let last = std::mem::replace(&mut self.recorded, recorded);
        let (Some(own), Some(last)) = (recorded, last) else { return Placed::Behind(0) };
        let expected = last.saturating_add(1);
        if own == last || odd.is_some_and(|odd| own == odd.saturating_add(1)) {
            return Placed::Behind(0);
        }
        match own.checked_sub(expected).filter(|&missing| missing <= NUMBERS_APART_MAX) {
            Some(missing) => Placed::Behind(missing),
            None => {
                (self.odd, self.recorded) = (Some(own), Some(expected));
                Placed::Odd(own)
            }
        }
    }

    /// The number that it has on this connection. What was missing in the recording is missing here.
    const fn number(&mut self, placed: Placed) -> u64 {
        if let Placed::Behind(missing) = placed {
            self.sequence += missing;
        }
        let next = self.next_number();
        if let Placed::Odd(own) = placed { own } else { next }
    }
}

/// Where a recorded frame stands on its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Placed {
    /// Behind so many that are missing.
    Behind(u64),
    /// By its number nowhere, so that it keeps that: one odd frame, or the first of another connection.
    Odd(u64),
}

/// A recorded frame around its number on its connection. On another connection it has another.
struct Numbered<'a> {
    before: &'a str,
    number: u64,
    after: &'a str,
}

impl<'a> Numbered<'a> {
    fn of(text: &'a str) -> Option<Self> {
        const KEY: &str = "\"sequence_num\":";
        let at = text.find(KEY)? + KEY.len();
        let length = text[at..].find(|c: char| !c.is_ascii_digit())?;
        let number = text[at..at + length].parse().ok()?;
        Some(Self { before: &text[..at], number, after: &text[at + length..] })
    }
}

impl Speaker for Coinbase {
    fn upgrade(&mut self, id: ConnectionId, target: &Target) -> Result<(), Response> {
        if target.path != "/" {
            return Err(rest::not_found());
        }
        self.sessions.insert(id, Session::new());
        Ok(())
    }

    fn opened(&mut self, id: ConnectionId, now: MonoNanos, _lines: &mut Lines) {
        if let Some(session) = self.sessions.get_mut(&id) {
            (session.opened, session.told) = (now, now);
        }
    }

    fn message(&mut self, id: ConnectionId, text: &str, now: MonoNanos, lines: &mut Lines) {
        self.command(id, text, now, lines);
    }

    fn closed(&mut self, id: ConnectionId) {
        if self.sessions.remove(&id).is_some() {
            for subscribers in &mut self.subscribers {
                subscribers.retain(|subscriber| *subscriber != id);
            }
        }
    }

    fn request(&mut self, target: &Target, now: MonoNanos) -> Response {
        self.answer(target, now)
    }

    fn advance(&mut self, now: MonoNanos, lines: &mut Lines) -> Due {
        let due = self.run_due(now, lines);
        match self.recording {
            Some(_) => {
                let playing = self.play(now, lines);
                Due { exact: due.exact, loose: due.loose.min(playing.loose) }
            }
            None => due,
        }
    }

    fn arm(&mut self, fault: Fault) {
        match (fault, self.product) {
            (Fault::SequenceReset { .. }, Product::Advanced) => {
                self.sessions.values_mut().for_each(|session| session.sequence = 0);
            }
            (Fault::SequenceReset { symbol, .. }, Product::Exchange) => {
                let symbol = symbol.as_deref().map(plain);
                let meant =
                    |of: &Spelling| symbol.as_ref().is_none_or(|it| *it == plain(&of.native));
                let meant = |(product, of)| meant(of).then_some(product);
                let products: Vec<usize> =
                    self.spellings.iter().enumerate().filter_map(meant).collect();
                products.into_iter().for_each(|product| self.schedule.begin_anew(product));
            }
            (other, _) => self.armed.add(other),
        }
    }

    fn announce_shutdown(&mut self, _now: MonoNanos, _lines: &mut Lines) {
        // Nothing in the stream announces it.
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
        let index = *self.by_native.get(symbol)?;
        let (traded, of) = (&self.market.traded[index], &self.spellings[index]);
        let [bids, asks] = traded.book.written([of.price, of.resting]);
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

/// The products that a recording is about.
fn symbols_of(recording: &Recording) -> Vec<String> {
    let mut symbols = recording.symbols(|key| native_of(key).map(str::to_owned));
    symbols.retain(|symbol| listed::list(std::slice::from_ref(symbol)).is_ok());
    symbols
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorded_number_is_found_and_its_gap_kept() {
        let text = r#"{"channel":"x","sequence_num":17,"events":[]}"#;
        let numbered = Numbered::of(text).expect("it has one");
        assert_eq!((numbered.number, numbered.after), (17, ",\"events\":[]}"));
        assert_eq!(format!("{}17{}", numbered.before, numbered.after), text);
        assert!(Numbered::of("{}").is_none());
        let mut session = Session::new();
        let told = [5_000, 5_001, 5_005].map(|own| told(&mut session, own));
        assert_eq!(told, [0, 1, 5]);
    }

    #[test]
    fn an_odd_number_goes_out_as_it_is_and_those_behind_it_follow_those_before() {
        for odd in [0, 1, 7, u64::MAX] {
            let mut session = Session::new();
            let told = [5_000, 5_001, odd, 5_003, 5_004].map(|own| told(&mut session, own));
            assert_eq!(told, [0, 1, odd, 3, 4]);
        }
        let mut session = Session::new();
        let told = [5_000, 5_001, 0, 1, 2].map(|own| told(&mut session, own));
        assert_eq!(told, [0, 1, 0, 3, 4], "a second connection in one recording");
    }

    fn told(session: &mut Session, own: u64) -> u64 {
        let placed = session.place(Some(own));
        session.number(placed)
    }
}
