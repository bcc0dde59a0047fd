//! What Kraken sends of its own accord: trades at planned instants with all that follows from
//! them, and heartbeats.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use super::channels::{DEPTHS, INTERVALS, Kind};
use super::first;
use super::frames::Frame;
use super::window::Told;
use super::{IDLE_MAX, Kraken, TRADES_KEPT, Version};
use crate::clock::{MonoNanos, UnixNanos};
use crate::sim::agenda::{Agenda, Planned};
use crate::sim::lines::{ConnectionId, Lines};
use crate::sim::market::{Market, Print, Step};
use crate::sim::speaker::Due;
use crate::sim::truth::Kept;

/// Between two heartbeats of a connection.
pub(super) const BEAT_EVERY: Duration = Duration::from_secs(1);

/// In so many percent of the updates a price stands twice; what stands last counts.
const TWICE_PERCENT: u64 = 2;

/// When what is due, and the buffers in which it is made.
#[derive(Debug)]
pub(super) struct Schedule {
    pub(super) agenda: Agenda<Infallible>,
    /// The last trades of each instrument, oldest first.
    pub(super) past: Vec<VecDeque<(Print, UnixNanos)>>,
    told: Vec<Told>,
    scratch: Vec<u8>,
}

impl Schedule {
    pub(super) fn new(count: usize, agenda: Agenda<Infallible>) -> Self {
        Self {
            agenda,
            past: vec![VecDeque::with_capacity(TRADES_KEPT); count],
            told: Vec::new(),
            scratch: Vec::with_capacity(16 << 10),
        }
    }
}

impl Planned for Kraken {
    /// All that is not told with a trade concerns connections.
    type Duty = Infallible;

    fn agenda(&self) -> &Agenda<Infallible> {
        &self.schedule.agenda
    }

    fn is_heard(&self) -> bool {
        self.subscribers.count() > 0
    }

    /// One taker, with all that is told at once.
    fn run_step(&mut self, planned: MonoNanos, lines: &mut Lines) {
        let at = self.clock.date(planned);
        let step = self.schedule.agenda.take_step(planned, at, &mut self.market);
        let past = &mut self.schedule.past[step.instrument];
        for &print in &step.prints {
            self.truth.lock().keep(step.instrument, Kept { print, planned });
            if past.len() == TRADES_KEPT {
                past.pop_front();
            }
            past.push_back((print, at));
        }
        self.tell_trades(&step, at, lines);
        for depth in 0..DEPTHS.len() {
            self.tell_book(step.instrument, depth, at, lines);
        }
        self.tell_ticker(&step, at, lines);
        self.tell_candles(step.instrument, at, lines);
        self.schedule.agenda.give_back(step);
    }

    /// There is none.
    fn run_duty(&mut self, _: &mut Lines) {}
}

impl Kraken {
    /// Heartbeats, and the end of connections on which nobody speaks. Returns when to come back.
    pub(super) fn care(&mut self, now: MonoNanos, lines: &mut Lines) -> MonoNanos {
        let mut next = MonoNanos::MAX;
        for (id, session) in &mut self.sessions {
            let due = match &mut session.beat {
                Some(beat) => {
                    if *beat <= now {
                        let frame: &[u8] = match session.version {
                            Version::First => first::HEARTBEAT,
                            Version::Second => br#"{"channel":"heartbeat"}"#,
                        };
                        lines.text(*id, &[frame]);
                        // One that was long asleep does not catch up.
                        *beat = beat.after(BEAT_EVERY).max(now);
                    }
                    *beat
                }
                None => {
                    let end = session.heard.after(IDLE_MAX);
                    if end <= now {
                        lines.close(*id, 1000, "");
                        continue;
                    }
                    end
                }
            };
            next = next.min(due);
        }
        next
    }

    /// Writes a stream's frame for each version that somebody listens to, and sends it.
    fn tell(
        &mut self,
        (instrument, kind): (usize, Kind),
        lines: &mut Lines,
        channel: &str,
        sent: Option<UnixNanos>,
        second: impl FnOnce(&mut Frame<'_>, &Market),
        first: impl FnOnce(&mut first::Frame<'_>, &Market),
    ) {
        let (of, names) = (&self.spellings[instrument], &self.names[instrument]);
        let out = &mut self.schedule.scratch;
        let them = self.subscribers.of(Version::Second, instrument, kind);
        if !them.is_empty() {
            let mut frame = Frame::new(out, of, channel, false, sent);
            second(&mut frame, &self.market);
            frame.end();
            send(lines, them, out);
        }
        let them = self.subscribers.of(Version::First, instrument, kind);
        if !them.is_empty() {
            first(&mut first::Frame { out, of, names, instrument, kind }, &self.market);
            send(lines, them, out);
        }
    }

    /// All trades of one taker in one frame.
    fn tell_trades(&mut self, step: &Step, at: UnixNanos, lines: &mut Lines) {
        if step.prints.is_empty() {
            return;
        }
        self.tell(
            (step.instrument, Kind::Trade),
            lines,
            "trade",
            None,
            |frame, _| step.prints.iter().for_each(|print| frame.trade(print, at)),
            |frame, _| frame.trades(&step.prints, at),
        );
    }

    fn tell_book(&mut self, instrument: usize, depth: usize, at: UnixNanos, lines: &mut Lines) {
        let place = instrument * DEPTHS.len() + depth;
        let Some(mut window) = self.windows[place].take() else { return };
        let mut told = std::mem::take(&mut self.schedule.told);
        told.clear();
        window.follow(&self.market.traded[instrument].book, DEPTHS[depth], &mut told);
        if !told.is_empty() {
            if let Some(first) = told.iter().position(|told| told.size > 0)
                && self.random.percent(TWICE_PERCENT)
            {
                let stale = Told { size: told[first].size + 1, ..told[first] };
                told.insert(first, stale);
            }
            let wrong = self.armed.strikes_checksum(&self.spellings[instrument].symbol);
            let checksum = self.spellings[instrument].checksum(&window);
            let checksum = if wrong { !checksum } else { checksum };
            self.tell(
                (instrument, Kind::Book(depth)),
                lines,
                "book",
                None,
                |frame, _| frame.changes(&told, checksum, at),
                |frame, _| frame.changes(&told, checksum, at),
            );
        }
        self.schedule.told = told;
        self.windows[place] = Some(window);
    }

    fn tell_ticker(&mut self, step: &Step, at: UnixNanos, lines: &mut Lines) {
        let instrument = step.instrument;
        for (kind, is_due) in
            [(Kind::Ticker, !step.prints.is_empty()), (Kind::TickerBbo, step.best_changed)]
        {
            if !is_due {
                continue;
            }
            self.tell(
                (instrument, kind),
                lines,
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

    fn tell_candles(&mut self, instrument: usize, at: UnixNanos, lines: &mut Lines) {
        for (index, (minutes, place)) in INTERVALS.into_iter().enumerate() {
            self.tell(
                (instrument, Kind::Ohlc(index)),
                lines,
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

    /// Plays the recording to every client.
    pub(super) fn play(&mut self, now: MonoNanos, lines: &mut Lines) -> Due {
        let Some(recording) = self.recording.as_ref().map(|recorded| &recorded.frames) else {
            return Due::NEVER;
        };
        let sessions = self.sessions.iter_mut();
        recording.play(
            now,
            sessions,
            lines,
            |session| &mut session.playing,
            |id, session, frame, lines| {
                if frame.is_for(recording, &session.keys) {
                    lines.market(id, &[frame.text.as_bytes()]);
                }
            },
        )
    }
}

fn send(lines: &mut Lines, them: &[ConnectionId], frame: &[u8]) {
    for id in them {
        lines.market(*id, &[frame]);
    }
}
