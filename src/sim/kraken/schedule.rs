//! What Kraken sends of its own accord: trades at planned instants with all that follows from
//! them, and heartbeats.

use std::collections::VecDeque;
use std::time::Duration;

use super::books::Told;
use super::channels::{DEPTHS, INTERVALS, Kind};
use super::frames::Frame;
use super::{Caller, IDLE_MAX, Kraken, TRADES_KEPT, Version, first};
use crate::clock::{MonoNanos, UnixNanos};
use crate::sim::exchange::{Exchange, Protocol};
use crate::sim::http::{Response, Target};
use crate::sim::market::{Market, Print, Step};
use crate::sim::truth::Kept;
use crate::sim::wires::{ConnectionId, Wires};

/// Fact: between two heartbeats of a connection.
pub(super) const BEAT_EVERY: Duration = Duration::from_secs(1);

/// In so many percent of the updates a price stands twice; what stands last counts.
const TWICE_PERCENT: u64 = 2;

/// What was told, and the buffer of what is.
#[derive(Debug)]
pub(super) struct Schedule {
    /// The last trades of each instrument, oldest first.
    pub(super) past: Vec<VecDeque<(Print, UnixNanos)>>,
    told: Vec<Told>,
}

impl Schedule {
    pub(super) fn new(count: usize) -> Self {
        Self { past: vec![VecDeque::with_capacity(TRADES_KEPT); count], told: Vec::new() }
    }
}

impl Protocol for Exchange<Kraken> {
    fn admit(&mut self, id: ConnectionId, target: &Target) -> Result<(), Response> {
        let version = match target.path.as_str() {
            "/v2" => Version::Second,
            // What was recorded is version 2.
            "/" if self.recording.is_none() => Version::First,
            _ => return Err(Response::new(404, String::new())),
        };
        self.take_in(id, Caller { version, beat: None });
        Ok(())
    }

    fn greet(&mut self, id: ConnectionId, _: MonoNanos, wires: &mut Wires) {
        if self.recording.is_none() {
            let connection = self.own.random.next();
            wires.text(id, &[self.status(id, "online", connection).as_bytes()]);
        }
    }

    fn command(&mut self, id: ConnectionId, text: &str, now: MonoNanos, wires: &mut Wires) {
        match self.callers.get(&id).map(|client| client.own.version) {
            Some(Version::First) => self.obey_first(id, text, now, wires),
            Some(Version::Second) => self.obey(id, text, now, wires),
            None => {}
        }
    }

    fn forget(&mut self) {
        self.close_windows();
    }

    fn answer(&mut self, target: &Target, now: MonoNanos) -> Response {
        self.response(target, now)
    }

    fn announce_end(&mut self, _: MonoNanos, wires: &mut Wires) {
        for id in self.callers.keys() {
            let number = self.own.random.next();
            wires.text(*id, &[self.status(*id, "maintenance", number).as_bytes()]);
        }
    }

    fn update_ids(&self, index: usize) -> [u64; 2] {
        [self.market.traded[index].update_id; 2]
    }

    /// Heartbeats, and the end of connections on which nobody speaks.
    fn care(&mut self, now: MonoNanos, wires: &mut Wires) -> MonoNanos {
        let mut next = MonoNanos::MAX;
        let clients = self.callers.iter_mut().filter(|_| self.recording.is_none());
        for (id, client) in clients {
            let due = match &mut client.own.beat {
                Some(beat) => {
                    if *beat <= now {
                        let frame: &[u8] = match client.own.version {
                            Version::First => first::HEARTBEAT,
                            Version::Second => br#"{"channel":"heartbeat"}"#,
                        };
                        wires.text(*id, &[frame]);
                        // One that was long asleep does not catch up.
                        *beat = beat.after(BEAT_EVERY).max(now);
                    }
                    *beat
                }
                None => {
                    let end = client.heard.after(IDLE_MAX);
                    if end <= now {
                        wires.close(*id, 1000, "");
                        continue;
                    }
                    end
                }
            };
            next = next.min(due);
        }
        next
    }

    /// One taker, with all that is told at once.
    fn run_step(&mut self, planned: MonoNanos, wires: &mut Wires) {
        let at = self.clock.date(planned);
        let step = self.agenda.take_step(planned, at, &mut self.market);
        let past = &mut self.own.schedule.past[step.instrument];
        for &print in &step.prints {
            self.truth.lock().keep(step.instrument, Kept { print, planned });
            if past.len() == TRADES_KEPT {
                past.pop_front();
            }
            past.push_back((print, at));
        }
        self.tell_trades(&step, at, wires);
        for depth in 0..DEPTHS.len() {
            self.tell_book(step.instrument, depth, at, wires);
        }
        self.tell_ticker(&step, at, wires);
        self.tell_candles(step.instrument, at, wires);
        self.agenda.give_back(step);
    }

    /// There is none.
    fn run_duty(&mut self, _: &mut Wires) {}
}

impl Exchange<Kraken> {
    /// Writes a stream's frame for each version that somebody listens to, and sends it.
    fn tell(
        &mut self,
        (instrument, kind): (usize, Kind),
        wires: &mut Wires,
        channel: &str,
        sent: Option<UnixNanos>,
        second: impl Fn(&mut Frame<'_>, &Market),
        first: impl Fn(&mut first::Frame<'_>, &Market),
    ) {
        let (of, names) = (&self.spellings[instrument], &self.own.names[instrument]);
        self.fanout.publish((instrument, kind), wires, |out, version| match version {
            Version::Second => {
                let mut frame = Frame::new(out, of, channel, false, sent);
                second(&mut frame, &self.market);
                frame.end();
            }
            Version::First => {
                first(&mut first::Frame { out, of, names, instrument, kind }, &self.market);
            }
        });
    }

    /// All trades of one taker in one frame.
    fn tell_trades(&mut self, step: &Step, at: UnixNanos, wires: &mut Wires) {
        if step.prints.is_empty() {
            return;
        }
        self.tell(
            (step.instrument, Kind::Trade),
            wires,
            "trade",
            None,
            |frame, _| step.prints.iter().for_each(|print| frame.trade(print, at)),
            |frame, _| frame.trades(&step.prints, at),
        );
    }

    fn tell_book(&mut self, instrument: usize, depth: usize, at: UnixNanos, wires: &mut Wires) {
        let place = instrument * DEPTHS.len() + depth;
        let Some(mut window) = self.own.windows[place].take() else { return };
        let mut told = std::mem::take(&mut self.own.schedule.told);
        told.clear();
        window.follow(&self.market.traded[instrument].book, DEPTHS[depth], &mut told);
        if !told.is_empty() {
            if let Some(first) = told.iter().position(|told| told.size > 0)
                && self.own.random.percent(TWICE_PERCENT)
            {
                let stale = Told { size: told[first].size + 1, ..told[first] };
                told.insert(first, stale);
            }
            let wrong = self.armed.strikes_checksum(&self.spellings[instrument].symbol);
            let checksum = self.spellings[instrument].checksum(&window);
            let checksum = if wrong { !checksum } else { checksum };
            self.tell(
                (instrument, Kind::Book(depth)),
                wires,
                "book",
                None,
                |frame, _| frame.changes(&told, checksum, at),
                |frame, _| frame.changes(&told, checksum, at),
            );
        }
        self.own.schedule.told = told;
        self.own.windows[place] = Some(window);
    }

    fn tell_ticker(&mut self, step: &Step, at: UnixNanos, wires: &mut Wires) {
        let instrument = step.instrument;
        for (kind, is_due) in
            [(Kind::Ticker, !step.prints.is_empty()), (Kind::TickerBbo, step.best_changed)]
        {
            if !is_due {
                continue;
            }
            self.tell(
                (instrument, kind),
                wires,
                "ticker",
                None,
                |frame, market| frame.ticker(&market.traded[instrument], at),
                |frame, market| match kind {
                    Kind::TickerBbo => frame.spread(&market.traded[instrument], at),
                    _ => frame.ticker(&market.traded[instrument]),
                },
            );
        }
    }

    fn tell_candles(&mut self, instrument: usize, at: UnixNanos, wires: &mut Wires) {
        for (index, (minutes, place)) in INTERVALS.into_iter().enumerate() {
            self.tell(
                (instrument, Kind::Ohlc(index)),
                wires,
                "ohlc",
                Some(at),
                |frame, market| {
                    frame.candle(minutes, market.traded[instrument].candles.current(place));
                },
                |frame, market| {
                    frame.candle(minutes, market.traded[instrument].candles.current(place), at);
                },
            );
        }
    }
}
