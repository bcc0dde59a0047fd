//! Simulated OKX v5: the public and the business service, spot and contracts.
//!
//! Facts are those of the exchange's documentation and of recorded sessions, 2022 to 2026; the
//! streams are made from one [`Market`], so that they agree with each other. Older ways of writing
//! them are had by [`Era`].

mod answers;
mod channels;
mod commands;
mod fanout;
mod frames;
mod listed;
mod rest;
mod schedule;

use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use self::channels::{Service, key_of};
use self::fanout::Fanout;
use self::frames::Spelling;
use self::rest::Requests;
use self::schedule::Schedule;
use super::agenda::{Agenda, Planned};
use super::armed::Armed;
use super::fault::Fault;
use super::http::{Response, Target};
use super::lines::{ConnectionId, Lines};
use super::market::{Counting, Market};
use super::options::{Era, Habits, Options};
use super::player::{Playing, Recording};
use super::speaker::{Due, Speaker};
use super::stats::Counters;
use super::truth::{Records, TrueBook, Truth};
use crate::clock::{Clock, MonoNanos};

/// The client keeps the connection alive, so nothing is pinged; requests are counted by the hour.
pub(super) const HABITS: Habits = Habits {
    ping_interval: Duration::MAX,
    pong_timeout: Duration::MAX,
    lifetime: None,
    messages_per_second: 0,
};

/// A connection on which nothing was pushed and nothing was heard for so long is closed.
const IDLE_MAX_NS: u64 = 30_000_000_000;

/// Connections are looked at for that so often.
const CARE_EVERY: Duration = Duration::from_secs(1);

/// One open WebSocket.
#[derive(Debug)]
struct Session {
    service: Service,
    /// As answers call it.
    name: String,
    /// When the client was heard last, or a recording was played to it.
    heard: MonoNanos,
    /// When requests were made, oldest first.
    requests: VecDeque<MonoNanos>,
    /// What of a recording it wants.
    keys: HashSet<String>,
    playing: Option<Playing>,
}

impl Session {
    fn name(&self) -> &str {
        &self.name
    }
}

/// A simulated OKX.
#[derive(Debug)]
pub(super) struct Okx {
    era: Era,
    clock: Clock,
    market: Market,
    spellings: Vec<Spelling>,
    by_native: HashMap<String, usize>,
    sessions: HashMap<ConnectionId, Session>,
    /// Connections so far.
    opened: u32,
    fanout: Fanout,
    schedule: Schedule,
    armed: Armed,
    requests: Requests,
    next_care: MonoNanos,
    truth: Truth,
    recording: Option<Recording>,
}

impl Okx {
    /// # Errors
    /// When a symbol cannot be listed or a recording cannot be read.
    pub(super) fn new(
        options: &Options,
        counters: Arc<Counters>,
        now: MonoNanos,
    ) -> io::Result<Self> {
        let recording = options.playback.as_ref();
        let recording = recording.map(|playback| Recording::load(playback, key_of)).transpose()?;
        let symbols = match (&recording, options.symbols.is_empty()) {
            (Some(recording), true) => symbols_of(recording),
            _ => options.symbols.clone(),
        };
        let list = match symbols.is_empty() {
            true => listed::default_list(options.symbols_count.max(1)),
            false => listed::list(&symbols)?,
        };
        let spellings: Vec<Spelling> = list.iter().map(Spelling::new).collect();
        let by_native = list.iter().enumerate().map(|(index, it)| (it.native.clone(), index));
        let by_native = by_native.collect();
        let records = spellings.iter().map(|it| (it.native.clone(), it.price, it.size));
        let truth = Truth::new(Records::new(records, options.truth_trades));
        let market = Market::new(list, Counting::PerInstrument, options.seed);
        let agenda = Agenda::new(options.rate, now, counters);
        let mut schedule = Schedule::new(&market, agenda, now);
        schedule.agenda.pause(options.paused || recording.is_some(), now);
        Ok(Self {
            era: options.era,
            clock: options.clock.clone(),
            market,
            fanout: Fanout::new(spellings.len(), options.era),
            spellings,
            by_native,
            sessions: HashMap::new(),
            opened: 0,
            schedule,
            armed: Armed::default(),
            requests: Requests::default(),
            next_care: now,
            truth,
            recording,
        })
    }

    /// Closes the connections on which nothing happens.
    fn close_idle(&mut self, now: MonoNanos, lines: &mut Lines) {
        if now < self.next_care {
            return;
        }
        self.next_care = now.after(CARE_EVERY);
        for (id, session) in &self.sessions {
            let last = session.heard.max(self.fanout.pushed(*id));
            if now.since(last) > IDLE_MAX_NS {
                lines.close(*id, 4004, "No data received in 30s.");
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
                if frame.is_for(recording, &session.keys) {
                    session.heard = now;
                    lines.market(id, &[frame.text.as_bytes()]);
                }
            },
        )
    }
}

impl Speaker for Okx {
    fn upgrade(&mut self, id: ConnectionId, target: &Target) -> Result<(), Response> {
        let service = Service::at(&target.path).ok_or_else(rest::not_found)?;
        self.opened += 1;
        let session = Session {
            service,
            name: format!("{:08x}", self.opened.wrapping_mul(0x9E37_79B9)),
            heard: MonoNanos::ZERO,
            requests: VecDeque::new(),
            keys: HashSet::new(),
            playing: None,
        };
        self.sessions.insert(id, session);
        Ok(())
    }

    fn opened(&mut self, id: ConnectionId, now: MonoNanos, _lines: &mut Lines) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.heard = now;
        }
    }

    fn message(&mut self, id: ConnectionId, text: &str, now: MonoNanos, lines: &mut Lines) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.heard = now;
        }
        self.command(id, text, now, lines);
    }

    fn closed(&mut self, id: ConnectionId) {
        if self.sessions.remove(&id).is_some() {
            self.fanout.forget(id);
        }
    }

    fn request(&mut self, target: &Target, now: MonoNanos) -> Response {
        self.answer(target, now)
    }

    fn advance(&mut self, now: MonoNanos, lines: &mut Lines) -> Due {
        self.close_idle(now, lines);
        let due = match self.recording {
            Some(_) => self.play(now, lines),
            None => self.run_due(now, lines),
        };
        Due { loose: due.loose.min(self.next_care), ..due }
    }

    fn arm(&mut self, fault: Fault) {
        self.armed.add(fault);
    }

    fn announce_shutdown(&mut self, _now: MonoNanos, lines: &mut Lines) {
        for (id, session) in &self.sessions {
            let notice = format!(
                "{{\"event\":\"notice\",\"code\":\"64008\",\"msg\":\"The connection will soon be \
                 closed for a service upgrade. Please reconnect.\",\"connId\":\"{}\"}}",
                session.name
            );
            lines.text(*id, &[notice.as_bytes()]);
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
            None => self.fanout.count(),
        }
    }

    fn book(&self, symbol: &str) -> Option<TrueBook> {
        let index = *self.by_native.get(symbol)?;
        let (traded, spelling) = (&self.market.traded[index], &self.spellings[index]);
        let [bids, asks] = traded.book.written([spelling.price, spelling.size]);
        let numbering = self.schedule.numbering(index);
        Some(TrueBook {
            update_id: numbering.of(traded.update_id),
            sent_update_id: numbering.sent(),
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

/// The instruments that a recording is about.
fn symbols_of(recording: &Recording) -> Vec<String> {
    let mut symbols = recording.symbols(|key| Some(key.split_once(':')?.1.to_owned()));
    symbols.retain(|symbol| listed::list(std::slice::from_ref(symbol)).is_ok());
    symbols
}
