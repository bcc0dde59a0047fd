//! What every simulated exchange has, and how it is driven: clients come, say something, are let go
//! when they say nothing; takers come to the market, what is due is told, or a recording is played.
//! An exchange gives its types ([`Parts`]) and its words ([`Protocol`]), and keeps in [`Exchange::own`]
//! what it alone has.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::agenda::Agenda;
use super::armed::Armed;
use super::fanout::{Fanout, Manner, Place};
use super::fault::Fault;
use super::http::{Response, Target};
use super::listing::Listed;
use super::market::{Counting, Market};
use super::options::Options;
use super::player::{Playing, Recording};
use super::speaker::{Due, Speaker};
use super::stats::Counters;
use super::truth::{Records, TrueBar, TrueBook, Truth};
use super::wires::{ConnectionId, Wires};
use super::write::Scale;
use crate::clock::{Clock, MonoNanos};
use crate::limits::{SIM_EVENTS_PER_TURN_MAX, SIM_IDLE_LOOK_EVERY};

/// The types and constants in which exchanges differ; who implements it is what one alone has.
pub(super) trait Parts: Sized + Send + 'static {
    /// What is kept of one connection besides what all have.
    type Caller: Send;
    /// How an instrument is written.
    type Spelling: Spelled + Send;
    /// A kind of stream of one instrument.
    type Kind: Place;
    /// How a subscriber wants a stream.
    type Manner: Manner + Send;
    /// What is done at times besides letting takers come.
    type Duty: Ord + Send;

    /// Whether clients are told of takers and books; else both are behind the scenes.
    const HAS_BOOKS: bool = true;
    /// Levels of each side of the book that the truth has.
    const LEVELS_TRUE: usize = usize::MAX;
    /// Who is let go for saying nothing.
    const IDLE: Option<Idle> = None;

    /// What a client gets of a recorded frame; `is_wanted` when it has subscribed to it.
    fn played<'a>(
        &self,
        _caller: &mut Self::Caller,
        text: &'a str,
        is_wanted: bool,
    ) -> Option<Cow<'a, str>> {
        is_wanted.then_some(Cow::Borrowed(text))
    }
}

/// How an exchange writes the names and numbers of an instrument.
pub(super) trait Spelled {
    /// Its name in the streams.
    fn name(&self) -> &str;

    /// Of prices, of sizes in trades and of sizes in books.
    fn scales(&self) -> [Scale; 3];
}

/// When a connection is let go on which nothing is said.
#[derive(Clone, Copy, Debug)]
pub(super) struct Idle {
    pub(super) after: Duration,
    /// Whether market data counts besides what the client says.
    pub(super) counts_told: bool,
    /// Code and words of the close frame; none where it is cut off.
    pub(super) words: Option<(u16, &'static str)>,
}

/// One open WebSocket.
#[derive(Debug)]
pub(super) struct Client<S> {
    /// When it was opened; never before that.
    pub(super) opened: MonoNanos,
    /// When it last said anything.
    pub(super) heard: MonoNanos,
    /// What of a recording it wants.
    pub(super) keys: HashSet<String>,
    playing: Option<Playing>,
    pub(super) own: S,
}

/// A simulated exchange.
#[derive(Debug)]
pub(super) struct Exchange<P: Parts> {
    pub(super) clock: Clock,
    pub(super) market: Market,
    pub(super) spellings: Vec<P::Spelling>,
    pub(super) by_native: HashMap<String, usize>,
    pub(super) callers: BTreeMap<ConnectionId, Client<P::Caller>>,
    pub(super) fanout: Fanout<P::Manner>,
    pub(super) agenda: Agenda<P::Duty>,
    pub(super) armed: Armed,
    pub(super) truth: Truth,
    pub(super) recording: Option<Recording>,
    next_idle_look: MonoNanos,
    pub(super) own: P,
}

/// The words of an exchange: what it answers and what it says of its own accord.
pub(super) trait Protocol {
    /// Whether a WebSocket may be opened at `target`; if so, the client is taken in.
    fn admit(&mut self, id: ConnectionId, target: &Target) -> Result<(), Response>;

    /// The WebSocket is open and can be written to.
    fn greet(&mut self, _id: ConnectionId, _now: MonoNanos, _wires: &mut Wires) {}

    /// Does what a client says.
    fn command(&mut self, id: ConnectionId, text: &str, now: MonoNanos, wires: &mut Wires);

    /// A client is gone.
    fn forget(&mut self) {}

    /// Answers a request beside the streams.
    fn answer(&mut self, target: &Target, now: MonoNanos) -> Response;

    /// Does what concerns whole connections, and says when to come back.
    fn care(&mut self, _now: MonoNanos, _wires: &mut Wires) -> MonoNanos {
        MonoNanos::MAX
    }

    /// Lets one taker come, with all that is told at once.
    fn run_step(&mut self, planned: MonoNanos, wires: &mut Wires);

    /// Does the duty that is due first.
    fn run_duty(&mut self, wires: &mut Wires);

    /// Obeys a fault that strikes in a way of the exchange's own; gives any other back.
    fn strike(&mut self, fault: Fault) -> Option<Fault> {
        Some(fault)
    }

    /// Tells every client that the connection will end soon, where the exchange does so.
    fn announce_end(&mut self, _now: MonoNanos, _wires: &mut Wires) {}

    /// Numbers of a book: of its last change, and of the last one that was sent.
    fn update_ids(&self, _index: usize) -> [u64; 2] {
        [0; 2]
    }

    /// The candles of an instrument where they are not those of the market.
    fn own_bars(&self, _instrument: usize, _seconds: i64) -> Option<Vec<TrueBar>> {
        None
    }
}

/// What every exchange is made from.
pub(super) struct Opening<'a> {
    pub(super) options: &'a Options,
    pub(super) counters: Arc<Counters>,
    pub(super) now: MonoNanos,
}

/// The same with what it lists.
pub(super) struct Listing<'a> {
    opening: Opening<'a>,
    recording: Option<Recording>,
    list: Vec<Listed>,
}

impl<'a> Opening<'a> {
    /// Reads the recording, if there is one: `key` names the stream of a frame, `symbol` the
    /// instrument in such a name. Then lists what was asked for, or what was recorded, or what
    /// `list` makes of no names at all.
    ///
    /// # Errors
    /// When a symbol cannot be listed or a recording cannot be read.
    pub(super) fn list(
        self,
        key: impl Fn(&str) -> Option<String>,
        symbol: impl Fn(&str) -> Option<String>,
        list: impl Fn(&[String], usize) -> io::Result<Vec<Listed>>,
    ) -> io::Result<Listing<'a>> {
        let playback = self.options.playback.as_ref();
        let recording = playback.map(|playback| Recording::load(playback, key)).transpose()?;
        let count = self.options.symbols_count.max(1);
        let symbols = match &recording {
            Some(recording) if self.options.symbols.is_empty() => {
                let mut symbols = recording.symbols(symbol);
                symbols.retain(|symbol| list(std::slice::from_ref(symbol), count).is_ok());
                symbols
            }
            _ => self.options.symbols.clone(),
        };
        Ok(Listing { list: list(&symbols, count)?, opening: self, recording })
    }
}

impl<P: Parts> Exchange<P> {
    /// `own` makes what it alone has, and plans its duties.
    pub(super) fn new(
        Listing { opening: Opening { options, counters, now }, recording, list }: Listing<'_>,
        counting: Counting,
        spelling: impl Fn(&Listed) -> P::Spelling,
        own: impl FnOnce(&Market, &mut Agenda<P::Duty>, Option<&Recording>) -> P,
    ) -> Self {
        let spellings: Vec<P::Spelling> = list.iter().map(spelling).collect();
        let records = spellings.iter().map(|it| {
            let [price, size, _] = it.scales();
            (it.name().to_owned(), price, size)
        });
        let truth = Truth::new(Records::new(records, options.truth_trades));
        let market = Market::new(list, counting, options.seed);
        let mut agenda = Agenda::new(options.rate, now, counters);
        let own = own(&market, &mut agenda, recording.as_ref());
        agenda.pause(options.paused || recording.is_some(), now);
        let names = spellings.iter().enumerate();
        Self {
            clock: options.clock.clone(),
            market,
            by_native: names.map(|(index, it)| (it.name().to_owned(), index)).collect(),
            fanout: Fanout::new(spellings.len(), P::Kind::COUNT),
            spellings,
            callers: BTreeMap::new(),
            agenda,
            armed: Armed::default(),
            truth,
            recording,
            next_idle_look: now,
            own,
        }
    }

    /// Takes a client in.
    pub(super) fn take_in(&mut self, id: ConnectionId, own: P::Caller) {
        let (opened, heard) = (MonoNanos::MAX, MonoNanos::MAX);
        let client = Client { opened, heard, keys: HashSet::new(), playing: None, own };
        self.callers.insert(id, client);
    }

    /// Notes what a client wants of a recording; false when none is played.
    pub(super) fn want_recorded(&mut self, id: ConnectionId, key: String, now: MonoNanos) -> bool {
        if let Some(client) = self.callers.get_mut(&id).filter(|_| self.recording.is_some()) {
            client.keys.insert(key);
            client.playing.get_or_insert_with(|| Playing::new(now)).postpone(now);
        }
        self.recording.is_some()
    }

    /// Plays the recording to every client.
    fn play(&mut self, recording: &Recording, now: MonoNanos, wires: &mut Wires) -> Due {
        let own = &self.own;
        recording.play(
            now,
            self.callers.iter_mut(),
            wires,
            |client| &mut client.playing,
            |id, client, frame, wires| {
                let is_wanted = frame.is_for(recording, &client.keys);
                if let Some(text) = own.played(&mut client.own, &frame.text, is_wanted) {
                    wires.market(id, &[text.as_bytes()]);
                }
            },
        )
    }

    /// Lets clients go that say nothing, and says when to look again.
    fn end_idle(&mut self, now: MonoNanos, wires: &mut Wires) -> MonoNanos {
        let Some(Idle { after, counts_told, words }) = P::IDLE else { return MonoNanos::MAX };
        if now < self.next_idle_look {
            return self.next_idle_look;
        }
        self.next_idle_look = now.after(SIM_IDLE_LOOK_EVERY);
        for (id, client) in &self.callers {
            let told = if counts_told { wires.told(*id) } else { MonoNanos::ZERO };
            if client.heard.max(told).after(after) > now {
                continue;
            }
            match (words, wires.connection(*id)) {
                (Some((code, words)), _) => wires.close(*id, code, words),
                (None, Some(connection)) => connection.gone = !connection.muted,
                (None, None) => {}
            }
        }
        self.next_idle_look
    }

    /// When the next taker comes.
    fn next_step(&self, now: MonoNanos, wires: &Wires) -> MonoNanos {
        match P::HAS_BOOKS {
            true => self.agenda.next_step(now, || self.fanout.count() > 0 && wires.have_room()),
            false => MonoNanos::MAX,
        }
    }

    /// Does what is due, in the order of the planned times.
    pub(super) fn run_due(&mut self, now: MonoNanos, wires: &mut Wires) -> Due
    where
        Self: Protocol,
    {
        // Where only prices are told, they stand still as the market does.
        if !P::HAS_BOOKS && self.agenda.is_paused() {
            return Due { exact: MonoNanos::MAX, loose: MonoNanos::MAX };
        }
        for _ in 0..SIM_EVENTS_PER_TURN_MAX {
            let (duty_at, step_at) = (self.agenda.next_duty(), self.next_step(now, wires));
            if step_at.min(duty_at) > now {
                break;
            }
            if duty_at < step_at {
                self.run_duty(wires);
            } else {
                self.agenda.note_lateness(now.since(step_at));
                self.run_step(step_at, wires);
            }
        }
        Due { exact: self.next_step(now, wires), loose: self.agenda.next_duty() }
    }
}

impl<P: Parts> Speaker for Exchange<P>
where
    Self: Protocol,
{
    fn upgrade(&mut self, id: ConnectionId, target: &Target) -> Result<(), Response> {
        self.admit(id, target)
    }

    fn opened(&mut self, id: ConnectionId, now: MonoNanos, wires: &mut Wires) {
        if let Some(client) = self.callers.get_mut(&id) {
            (client.opened, client.heard) = (now, now);
            self.greet(id, now, wires);
        }
    }

    fn message(&mut self, id: ConnectionId, text: &str, now: MonoNanos, wires: &mut Wires) {
        if let Some(client) = self.callers.get_mut(&id) {
            client.heard = now;
            self.command(id, text, now, wires);
        }
    }

    fn closed(&mut self, id: ConnectionId) {
        if self.callers.remove(&id).is_some() {
            self.fanout.forget(id, |_| true);
            self.forget();
        }
    }

    fn request(&mut self, target: &Target, now: MonoNanos) -> Response {
        self.answer(target, now)
    }

    fn advance(&mut self, now: MonoNanos, wires: &mut Wires) -> Due {
        let cared = self.end_idle(now, wires).min(self.care(now, wires));
        let due = match self.recording.take() {
            Some(recording) => {
                let due = self.play(&recording, now, wires);
                self.recording = Some(recording);
                due
            }
            None => self.run_due(now, wires),
        };
        Due { loose: due.loose.min(cared), ..due }
    }

    fn arm(&mut self, fault: Fault) {
        if let Some(fault) = self.strike(fault) {
            self.armed.add(fault);
        }
    }

    fn announce_shutdown(&mut self, now: MonoNanos, wires: &mut Wires) {
        self.announce_end(now, wires);
    }

    fn pause(&mut self, paused: bool, now: MonoNanos) {
        if !P::HAS_BOOKS && self.agenda.is_paused() && !paused {
            self.agenda.skip_to(now);
        }
        self.agenda.pause(paused || self.recording.is_some(), now);
    }

    fn skip_to(&mut self, now: MonoNanos) {
        self.agenda.skip_to(now);
    }

    fn streams(&self) -> usize {
        match self.recording {
            Some(_) => self.callers.values().map(|client| client.keys.len()).sum(),
            None => self.fanout.count(),
        }
    }

    fn book(&self, symbol: &str) -> Option<TrueBook> {
        let index = *self.by_native.get(symbol).filter(|_| P::HAS_BOOKS)?;
        let [price, _, size] = self.spellings[index].scales();
        let written = self.market.traded[index].book.written([price, size]);
        let [bids, asks] = written.map(|mut side| {
            side.truncate(P::LEVELS_TRUE);
            side
        });
        let [update_id, sent_update_id] = self.update_ids(index);
        Some(TrueBook { update_id, sent_update_id, bids, asks })
    }

    fn market(&mut self) -> Option<&mut Market> {
        P::HAS_BOOKS.then_some(&mut self.market)
    }

    fn truth(&self) -> Truth {
        self.truth.clone()
    }

    fn bars(&mut self, instrument: usize, seconds: i64, now_ms: i64) -> Vec<TrueBar> {
        self.own_bars(instrument, seconds).unwrap_or_else(|| {
            let bars = self.market.bars(instrument, seconds, now_ms);
            let records = self.truth.lock();
            bars.iter().filter_map(|bar| records.spell_bar(instrument, bar)).collect()
        })
    }
}
