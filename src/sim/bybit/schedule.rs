//! What Bybit sends of its own accord, and when: trades at planned instants; books and tickers when
//! something changed and their interval is over; bars by cadence.

use std::time::Duration;

use super::books::Slot;
use super::topics::{DEPTHS, KINDS, Kind, interval_name};
use super::{BookEvent, Bybit, Class, Frame, SPOT_ID_FIRST, changed, ticker_fields};
use crate::clock::{MonoNanos, UnixNanos};
use crate::sim::agenda::{Agenda, Planned, phase};
use crate::sim::candle::INTERVALS;
use crate::sim::lines::Lines;
use crate::sim::speaker::Due;
use crate::sim::truth::Kept;

/// Trades in one frame.
const TRADES_PER_FRAME_MAX: usize = 1_024;

/// Bars come, and what repeats is looked at, this often.
const BEAT: Duration = Duration::from_secs(1);

/// A book of one level is told again, with the same `u`, when nothing changed for so long.
const REPEAT_AFTER: Duration = Duration::from_secs(3);

/// Who says nothing for so long, not even a ping, is cut off.
const IDLE_MAX: Duration = Duration::from_secs(600);

/// Something to be done for one instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::sim) enum Duty {
    Book { instrument: usize, depth: usize },
    Ticker { instrument: usize },
    Beat { instrument: usize },
}

/// When what is due.
#[derive(Debug)]
pub(super) struct Schedule {
    pub(super) agenda: Agenda<Duty>,
    /// Per instrument and depth.
    slots: Vec<Slot>,
    /// Per instrument: whether a ticker is planned, and when one may come.
    tickers: Vec<(bool, MonoNanos)>,
    pub(super) next_idle_look: MonoNanos,
}

impl Schedule {
    pub(super) fn new(count: usize, mut agenda: Agenda<Duty>, now: MonoNanos) -> Self {
        for instrument in 0..count {
            agenda.plan(phase(now, BEAT, instrument, count), Duty::Beat { instrument });
        }
        Self {
            agenda,
            slots: vec![Slot::default(); count * DEPTHS.len()],
            tickers: vec![(false, now); count],
            next_idle_look: now,
        }
    }

    pub(super) fn slot(&mut self, instrument: usize, depth: usize) -> &mut Slot {
        &mut self.slots[instrument * DEPTHS.len() + depth]
    }

    /// The market's number of the last change that was told of a book.
    pub(super) fn seen(&self, instrument: usize, depth: usize) -> u64 {
        self.slots[instrument * DEPTHS.len() + depth].seen
    }
}

impl Class {
    const fn ticker_every(self) -> Duration {
        match self {
            Self::Spot => Duration::from_millis(50),
            Self::Linear => Duration::from_millis(100),
        }
    }
}

impl Planned for Bybit {
    type Duty = Duty;

    fn agenda(&self) -> &Agenda<Duty> {
        &self.schedule.agenda
    }

    fn is_heard(&self) -> bool {
        self.fanout.count > 0
    }

    /// One taker: its trades at once, and what follows from it as soon as it may.
    fn run_step(&mut self, planned: MonoNanos, lines: &mut Lines) {
        let at = self.clock.date(planned);
        let mut step = self.schedule.agenda.take_step(planned, at, &mut self.market);
        if self.class == Class::Spot {
            step.prints.iter_mut().for_each(|print| print.id += SPOT_ID_FIRST);
        }
        for print in &step.prints {
            self.truth.lock().keep(step.instrument, Kept { print: *print, planned });
        }
        let cross_sequence = self.market.traded[step.instrument].update_id;
        let stream = step.instrument * KINDS + Kind::Trade.index();
        for prints in step.prints.chunks(TRADES_PER_FRAME_MAX) {
            let spelling = &self.spellings[step.instrument];
            self.fanout.publish(stream, lines, spelling, |frame| {
                frame.trades(prints, cross_sequence, at);
            });
        }
        self.plan(step.instrument, planned);
        self.schedule.agenda.give_back(step);
    }

    fn run_duty(&mut self, lines: &mut Lines) {
        let Some((planned, duty)) = self.schedule.agenda.pop() else { return };
        match duty {
            Duty::Book { instrument, depth } => self.tell_book(instrument, depth, planned, lines),
            Duty::Ticker { instrument } => self.tell_ticker(instrument, planned, lines),
            Duty::Beat { instrument } => {
                self.tell_candles(instrument, self.clock.date(planned), lines);
                self.repeat_top(instrument, planned, lines);
                self.schedule.agenda.plan(planned.after(BEAT), duty);
            }
        }
    }
}

impl Bybit {
    /// Plans to tell what a step changed, to those who listen.
    fn plan(&mut self, instrument: usize, now: MonoNanos) {
        let base = instrument * KINDS;
        for depth in 0..DEPTHS.len() {
            let slot = &mut self.schedule.slots[instrument * DEPTHS.len() + depth];
            if !slot.is_planned && self.fanout.wants(base + Kind::Book(depth).index()) {
                slot.is_planned = true;
                let at = slot.allowed.max(now);
                self.schedule.agenda.plan(at, Duty::Book { instrument, depth });
            }
        }
        let (is_planned, allowed) = &mut self.schedule.tickers[instrument];
        if !*is_planned && self.fanout.wants(base + Kind::Ticker.index()) {
            *is_planned = true;
            let at = (*allowed).max(now);
            self.schedule.agenda.plan(at, Duty::Ticker { instrument });
        }
    }

    fn tell_book(&mut self, instrument: usize, depth: usize, now: MonoNanos, lines: &mut Lines) {
        let (levels, every_ms) = DEPTHS[depth];
        let traded = &self.market.traded[instrument];
        let slot = &mut self.schedule.slots[instrument * DEPTHS.len() + depth];
        slot.is_planned = false;
        let stream = instrument * KINDS + Kind::Book(depth).index();
        if !self.fanout.wants(stream) {
            return;
        }
        let changes = slot.advance(&traded.book, traded.update_id, levels);
        let Some(changes) = changes else { return };
        if levels > 1 && self.armed.strikes_sequence(&self.spellings[instrument].symbol) {
            // 1 would say that this is a whole book, and numbers that are low still would only seem
            // to be repeated, two or three of them.
            slot.update_id = if slot.update_id > 100 { 2 } else { slot.update_id + 1_000 };
        }
        slot.allowed = now.after(Duration::from_millis(every_ms));
        slot.told = now;
        let event = BookEvent {
            depth,
            is_snapshot: changes.is_snapshot,
            sides: changes.sides.each_ref().map(Vec::as_slice),
            update_id: slot.update_id,
            cross_sequence: slot.seen,
        };
        let at = self.clock.date(now);
        let book = |frame: &mut Frame<'_>| frame.book(&event, at);
        self.fanout.publish(stream, lines, &self.spellings[instrument], book);
    }

    /// A quiet book of one level says once more what it said last.
    fn repeat_top(&mut self, instrument: usize, now: MonoNanos, lines: &mut Lines) {
        const TOP: usize = 0;
        let slot = &mut self.schedule.slots[instrument * DEPTHS.len() + TOP];
        if now.since(slot.told) < REPEAT_AFTER.as_nanos() as u64 {
            return;
        }
        slot.told = now;
        let event = BookEvent {
            depth: TOP,
            is_snapshot: true,
            sides: slot.whole().each_ref().map(Vec::as_slice),
            update_id: slot.update_id,
            cross_sequence: slot.seen,
        };
        let at = self.clock.date(now);
        let stream = instrument * KINDS + Kind::Book(TOP).index();
        let book = |frame: &mut Frame<'_>| frame.book(&event, at);
        self.fanout.publish(stream, lines, &self.spellings[instrument], book);
    }

    /// Spot tells the whole each time, contracts what changed.
    fn tell_ticker(&mut self, instrument: usize, now: MonoNanos, lines: &mut Lines) {
        self.schedule.tickers[instrument] = (false, now.after(self.class.ticker_every()));
        let (traded, spelling) = (&self.market.traded[instrument], &self.spellings[instrument]);
        let at = self.clock.date(now);
        let fields = ticker_fields(spelling, traded, at);
        let news = changed(&self.tickers[instrument], &fields);
        if news.is_empty() {
            return;
        }
        let is_whole = self.class == Class::Spot;
        let told = if is_whole { fields.iter().collect() } else { news };
        let stream = instrument * KINDS + Kind::Ticker.index();
        self.fanout.publish(stream, lines, spelling, |frame| {
            frame.ticker(is_whole, &told, traded.update_id, at);
        });
        self.tickers[instrument] = fields;
    }

    fn tell_candles(&mut self, instrument: usize, at: UnixNanos, lines: &mut Lines) {
        let candles = &mut self.market.traded[instrument].candles;
        candles.roll(at.millis());
        for interval in 0..INTERVALS.len() {
            let stream = instrument * KINDS + Kind::Kline(interval).index();
            if !self.fanout.wants(stream) || interval_name(interval).is_none() {
                continue;
            }
            let ended = candles.take_ended(interval).map(|bar| (bar, true));
            let current = candles.take_changed(interval).map(|bar| (bar, false));
            let bars: Vec<_> = ended.into_iter().chain(current).collect();
            if !bars.is_empty() {
                self.fanout.publish(stream, lines, &self.spellings[instrument], |frame| {
                    frame.candles(interval, &bars, at);
                });
            }
        }
    }

    /// Ends the connections of those who do not keep them.
    pub(super) fn cut_idle(&mut self, now: MonoNanos, lines: &mut Lines) {
        if now < self.schedule.next_idle_look {
            return;
        }
        self.schedule.next_idle_look = now.after(BEAT);
        for (id, session) in &self.sessions {
            let is_idle = session.heard.after(IDLE_MAX) <= now;
            if let Some(connection) = lines.connection(*id).filter(|_| is_idle) {
                connection.gone = !connection.muted;
            }
        }
    }

    /// Plays the recording to every client.
    pub(super) fn play(&mut self, now: MonoNanos, lines: &mut Lines) -> Due {
        let Some(recording) = &self.recording else { return Due::NEVER };
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
