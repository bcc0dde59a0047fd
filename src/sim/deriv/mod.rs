//! Simulated Deriv, legacy and options socket: ticks and bars of a market that it makes itself,
//! answers that are first ticks, and the manners of a broker (calls a minute, idle clients, markets
//! that close). Facts are those of the exchange's schemas and of recorded frames, 2025 and 2026.

mod calls;
mod frames;
mod listing;
mod lists;
mod prices;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use self::calls::{Call, Refused};
use self::prices::{GRANULARITIES, PriceTick, Quoted};
use super::agenda::{EVENTS_PER_TURN_MAX, phase};
use super::armed::Armed;
use super::fault::Fault;
use super::http::{Response, Target};
use super::lines::{ConnectionId, Lines};
use super::market::{Counting, Market, Print, Step};
use super::options::{Habits, Options};
use super::player::{Playing, Recording};
use super::random::Random;
use super::resting::BookSide;
use super::speaker::{Due, Speaker};
use super::stats::Counters;
use super::truth::{Kept, Records, TrueBar, TrueBook, Truth};
use crate::clock::{Clock, MonoNanos};

/// A client that says nothing for so long is let go.
const IDLE_MAX: Duration = Duration::from_secs(120);

/// How often idle clients are looked for.
const IDLE_LOOK_EVERY: Duration = Duration::from_secs(1);

/// The window of the limits of calls.
const CALLS_WINDOW: Duration = Duration::from_secs(60);

/// Orders of the market behind the prices, at most so many a second: nobody sees them.
const ORDERS_PER_SECOND_MAX: u32 = 1_000;

/// It neither pings nor limits messages a second; clients ping, and calls count by the minute.
pub(super) const HABITS: Habits = Habits {
    ping_interval: Duration::from_secs(24 * 3_600),
    pong_timeout: Duration::from_secs(24 * 3_600),
    lifetime: None,
    messages_per_second: 0,
};

/// Which socket a client came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    Legacy,
    Options,
}

/// What a stream carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Ticks,
    /// By the place of its length.
    Candles(usize),
}

/// An open stream of a connection.
#[derive(Clone, Debug)]
struct Open {
    id: String,
    instrument: usize,
    kind: Kind,
    /// What each frame repeats of the request: itself, where the dialect does so, and its id.
    echo: String,
    request: String,
    /// Acknowledged and silent, by a fault.
    mute: bool,
}

/// One open WebSocket.
#[derive(Debug)]
struct Session {
    dialect: Dialect,
    /// When the client last said anything.
    heard: MonoNanos,
    streams: Vec<Open>,
    /// It wants to be told how the site is, under this id.
    wants_status: Option<String>,
    /// Symbols that it wants of a recording.
    keys: HashSet<String>,
    playing: Option<Playing>,
}

/// Calls of all clients, which come from one address, in the present window.
#[derive(Clone, Copy, Debug)]
struct Calls {
    since: MonoNanos,
    made: u32,
}

/// A simulated Deriv.
#[derive(Debug)]
pub(super) struct Deriv {
    clock: Clock,
    market: Market,
    quoted: Vec<Quoted>,
    by_native: HashMap<String, usize>,
    sessions: BTreeMap<ConnectionId, Session>,
    /// When which instrument has its next tick.
    ticks: BinaryHeap<Reverse<(MonoNanos, usize)>>,
    next_order: MonoNanos,
    spacing: Duration,
    next_idle_look: MonoNanos,
    paused: bool,
    calls: Calls,
    armed: Armed,
    /// Markets that a fault will close: which, and for how long.
    closing: Vec<(Option<String>, Duration)>,
    /// Until when an instrument's market is closed.
    closed_until: Vec<MonoNanos>,
    now: MonoNanos,
    step: Step,
    random: Random,
    scratch: Vec<u8>,
    truth: Truth,
    counters: Arc<Counters>,
    recording: Option<Recording>,
}

impl Deriv {
    /// # Errors
    /// When a symbol cannot be listed or a recording cannot be read.
    pub(super) fn new(
        options: &Options,
        counters: Arc<Counters>,
        now: MonoNanos,
    ) -> io::Result<Self> {
        let recording = options.playback.as_ref();
        let recording =
            recording.map(|playback| Recording::load(playback, symbol_of)).transpose()?;
        let symbols = match (&recording, options.symbols.is_empty()) {
            (Some(recording), true) => recording.symbols(|key| Some(key.to_owned())),
            _ => options.symbols.clone(),
        };
        let list = match symbols.is_empty() {
            true => listing::default_list(options.symbols_count.max(1)),
            false => listing::list(&symbols).map_err(|symbol| {
                let words = format!("symbol `{symbol}`: name it like R_100, frxEURUSD or BTC/USD");
                io::Error::new(io::ErrorKind::InvalidInput, words)
            })?,
        };
        let quoted: Vec<Quoted> = list.iter().map(Quoted::new).collect();
        let by_native =
            quoted.iter().enumerate().map(|(index, one)| (one.native.clone(), index)).collect();
        let records = quoted.iter().map(|one| (one.native.clone(), one.bare, one.bare));
        let truth = Truth::new(Records::new(records, options.truth_trades));
        let rate = options.rate.clamp(1, ORDERS_PER_SECOND_MAX);
        let count = quoted.len();
        let mut deriv = Self {
            clock: options.clock.clone(),
            market: Market::new(list, Counting::PerInstrument, options.seed),
            by_native,
            sessions: BTreeMap::new(),
            ticks: BinaryHeap::new(),
            next_order: now,
            spacing: Duration::from_secs(1) / rate,
            next_idle_look: now,
            paused: options.paused || recording.is_some(),
            calls: Calls { since: now, made: 0 },
            armed: Armed::default(),
            closing: Vec::new(),
            closed_until: vec![MonoNanos::ZERO; count],
            now,
            step: Step::default(),
            random: Random::new(options.seed ^ 0xDE21),
            scratch: Vec::with_capacity(1 << 10),
            truth,
            counters,
            recording,
            quoted,
        };
        deriv.plan_ticks(now);
        Ok(deriv)
    }

    /// Every instrument has a price from the start; the next ones are spread over their cadence,
    /// so that not all speak at once.
    fn plan_ticks(&mut self, now: MonoNanos) {
        let (count, epoch) = (self.quoted.len(), self.clock.date(now).millis() / 1_000);
        for index in 0..self.quoted.len() {
            if let Some(tick) = self.quoted[index].tick(epoch, &self.market.traded[index]) {
                self.keep(index, &tick, now);
            }
            let quoted = &self.quoted[index];
            let first = phase(now.after(quoted.cadence), quoted.cadence, index, count);
            self.ticks.push(Reverse((first, index)));
        }
    }

    /// Ticks stand in the record as trades of nothing, numbered by their seconds.
    fn keep(&self, instrument: usize, tick: &PriceTick, planned: MonoNanos) {
        let (id, price) = (tick.epoch.unsigned_abs(), tick.quote);
        let print = Print { id, price, size: 0, taker: BookSide::Bid, order: id };
        self.truth.lock().keep(instrument, Kept { print, planned });
    }

    fn is_open(&self, instrument: usize) -> bool {
        self.closed_until[instrument] <= self.now
    }

    /// Counts a call; beyond the limit of its dialect it is refused, and the connection stays.
    fn within_limits(&mut self, call: &Call<'_>, now: MonoNanos) -> Result<(), Refused> {
        if matches!(call.name, "ping" | "time") {
            return Ok(());
        }
        if now.since(self.calls.since) >= CALLS_WINDOW.as_nanos() as u64 {
            self.calls = Calls { since: now, made: 0 };
        }
        let max = if call.dialect == Dialect::Legacy { 180 } else { 220 };
        if self.calls.made >= max {
            return Err(calls::too_many(call.name));
        }
        self.calls.made += 1;
        Ok(())
    }

    /// A name for a stream.
    fn uuid(&mut self) -> String {
        let (one, two) = (self.random.next(), self.random.next());
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            one >> 32,
            (one >> 16) & 0xFFFF,
            one & 0xFFFF,
            two >> 48,
            two & 0xFFFF_FFFF_FFFF
        )
    }

    /// The market behind the prices comes to `now`.
    fn trade_until(&mut self, now: MonoNanos) {
        for _ in 0..EVENTS_PER_TURN_MAX {
            if self.next_order > now {
                return;
            }
            self.market.step(self.clock.date(self.next_order).millis(), &mut self.step);
            self.next_order = self.next_order.after(self.spacing);
        }
        // What a long pause left undone is left out.
        self.next_order = self.next_order.max(now);
    }

    /// The next tick of one instrument, to all who want it or bars of it.
    fn tell_tick(&mut self, instrument: usize, planned: MonoNanos, lines: &mut Lines) {
        let quoted = &mut self.quoted[instrument];
        let epoch = self.clock.date(planned).millis() / 1_000;
        let Some(tick) = quoted.tick(epoch, &self.market.traded[instrument]) else { return };
        self.counters.trades.add(1);
        self.counters.lateness_ns_max.raise(self.now.since(planned));
        self.keep(instrument, &tick, planned);
        for (id, session) in &self.sessions {
            let own = session.streams.iter().filter(|open| open.instrument == instrument);
            for open in own.filter(|open| !open.mute) {
                write(&mut self.scratch, session.dialect, open, &self.quoted[instrument], &tick);
                lines.market(*id, &[&self.scratch]);
            }
        }
    }

    /// Lets clients go that say nothing.
    fn end_idle(&mut self, now: MonoNanos, lines: &mut Lines) {
        for (id, session) in &self.sessions {
            if now.since(session.heard) >= IDLE_MAX.as_nanos() as u64 {
                lines.close(*id, 1000, "");
            }
        }
        self.next_idle_look = now.after(IDLE_LOOK_EVERY);
    }

    fn close_markets(&mut self, now: MonoNanos) {
        for (symbol, lasts) in self.closing.drain(..) {
            for (quoted, until) in self.quoted.iter().zip(&mut self.closed_until) {
                let meant = symbol.as_ref();
                if meant.is_none_or(|symbol| quoted.native.eq_ignore_ascii_case(symbol)) {
                    *until = now.after(lasts);
                }
            }
        }
    }

    /// Does what is due, in the order of the planned times.
    fn run_due(&mut self, now: MonoNanos, lines: &mut Lines) -> MonoNanos {
        if self.paused {
            return MonoNanos::MAX;
        }
        self.trade_until(now);
        for _ in 0..EVENTS_PER_TURN_MAX {
            let Some(&Reverse((planned, instrument))) = self.ticks.peek() else { break };
            if planned > now {
                break;
            }
            self.ticks.pop();
            let cadence = self.quoted[instrument].cadence;
            self.ticks.push(Reverse((planned.after(cadence), instrument)));
            if self.is_open(instrument) {
                self.tell_tick(instrument, planned, lines);
            }
        }
        self.ticks.peek().map_or(MonoNanos::MAX, |Reverse((at, _))| *at)
    }

    /// Plays the recording to every client that wants anything of it.
    fn play(&mut self, now: MonoNanos, lines: &mut Lines) -> MonoNanos {
        let Some(recording) = &self.recording else { return MonoNanos::MAX };
        let sessions = self.sessions.iter_mut();
        let due = recording.play(
            now,
            sessions,
            lines,
            |session| &mut session.playing,
            |id, session, frame, lines| {
                if frame.is_for(recording, &session.keys) {
                    lines.market(id, &[frame.text.as_bytes()]);
                }
            },
        );
        due.loose
    }
}

/// One frame of a stream.
fn write(out: &mut Vec<u8>, dialect: Dialect, open: &Open, quoted: &Quoted, tick: &PriceTick) {
    match open.kind {
        Kind::Ticks => {
            let asked = (open.echo.as_str(), open.request.as_str());
            frames::tick(out, dialect, asked, Some(&open.id), (quoted, tick));
        }
        Kind::Candles(length) => {
            if let Some(bar) = quoted.bars[length].back() {
                frames::ohlc(out, open, quoted, (bar, GRANULARITIES[length]), tick.epoch);
            }
        }
    }
}

impl Speaker for Deriv {
    fn upgrade(&mut self, id: ConnectionId, target: &Target) -> Result<(), Response> {
        let refused = |status, words: &str| {
            let body = format!("{{\"error\":{{\"code\":\"{words}\"}}}}");
            Err(Response::new(status, body))
        };
        let dialect = match target.path.as_str() {
            "/websockets/v3" => {
                let id = target.value("app_id").unwrap_or_default();
                if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_digit()) {
                    return refused(401, "InvalidAppID");
                }
                Dialect::Legacy
            }
            "/trading/v1/options/ws/public" => Dialect::Options,
            "/trading/v1/options/ws/demo" | "/trading/v1/options/ws/real" => {
                return refused(401, "InvalidToken");
            }
            _ => return refused(404, "NotFound"),
        };
        let session = Session {
            dialect,
            heard: self.now,
            streams: Vec::new(),
            wants_status: None,
            keys: HashSet::new(),
            playing: None,
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
        self.now = now;
        self.call(id, text, now, lines);
        let playback = self.recording.is_some();
        if let Some(session) = self.sessions.get_mut(&id)
            && playback
            && !session.streams.is_empty()
        {
            session.playing.get_or_insert_with(|| Playing::new(now)).postpone(now);
        }
    }

    fn closed(&mut self, id: ConnectionId) {
        self.sessions.remove(&id);
    }

    fn request(&mut self, _: &Target, _: MonoNanos) -> Response {
        Response::new(404, "{\"error\":{\"code\":\"NotFound\"}}".to_owned())
    }

    fn advance(&mut self, now: MonoNanos, lines: &mut Lines) -> Due {
        self.now = now;
        self.close_markets(now);
        if now >= self.next_idle_look {
            self.end_idle(now, lines);
        }
        let due = match self.recording {
            Some(_) => self.play(now, lines),
            None => self.run_due(now, lines),
        };
        Due { exact: MonoNanos::MAX, loose: due.min(self.next_idle_look) }
    }

    fn arm(&mut self, fault: Fault) {
        match fault {
            Fault::MarketClosed { symbol, lasts } => self.closing.push((symbol, lasts)),
            other => self.armed.add(other),
        }
    }

    /// Connections drop about a minute after the site says that it is updating.
    fn announce_shutdown(&mut self, _: MonoNanos, lines: &mut Lines) {
        for (id, session) in &self.sessions {
            let Some(request) = &session.wants_status else { continue };
            let status = calls::site_status("updating");
            let frame =
                format!("{{\"msg_type\":\"website_status\",{request}\"website_status\":{status}}}");
            lines.text(*id, &[frame.as_bytes()]);
        }
    }

    fn pause(&mut self, paused: bool, now: MonoNanos) {
        if self.paused && !paused {
            self.skip_to(now);
        }
        self.paused = paused || self.recording.is_some();
    }

    fn skip_to(&mut self, now: MonoNanos) {
        self.next_order = self.next_order.max(now);
        let ticks = std::mem::take(&mut self.ticks).into_iter();
        self.ticks = ticks.map(|Reverse((at, index))| Reverse((at.max(now), index))).collect();
        self.sessions.values_mut().for_each(|session| session.heard = now);
    }

    fn streams(&self) -> usize {
        self.sessions.values().map(|session| session.streams.len()).sum()
    }

    fn book(&self, _: &str) -> Option<TrueBook> {
        None
    }

    fn truth(&self) -> Truth {
        self.truth.clone()
    }

    /// They are made of its ticks, not of what is traded behind them.
    fn bars(&mut self, instrument: usize, seconds: i64, _now_ms: i64) -> Vec<TrueBar> {
        let Some(quoted) = self.quoted.get(instrument) else { return Vec::new() };
        let of_length = quoted.bars.iter().zip(GRANULARITIES);
        let bars = of_length.filter(|(_, length)| *length == seconds).flat_map(|(bars, _)| bars);
        let spelled = bars.map(|bar| TrueBar {
            start_ms: bar.open_time * 1_000,
            prices: [bar.open, bar.high, bar.low, bar.close].map(|price| quoted.padded.text(price)),
            volume: None,
            count: None,
        });
        spelled.collect()
    }
}

/// The symbol that a recorded frame is about.
fn symbol_of(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("\"symbol\":\"")?;
    rest.split('"').next().map(str::to_owned)
}
