//! What Bybit sends of its own accord, and when: trades at planned instants; books and tickers when
//! something changed and their interval is over; bars by cadence. Order depends on planned times
//! alone, so that a seed repeats every frame.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use super::books::Slot;
use super::topics::{DEPTHS, KINDS, Kind, interval_name};
use super::{BookEvent, Bybit, Class, Frame, SPOT_ID_FIRST, changed, ticker_fields};
use crate::clock::{MonoNanos, UnixNanos};
use crate::sim::candle::INTERVALS;
use crate::sim::lines::Lines;
use crate::sim::market::Step;
use crate::sim::speaker::Due;
use crate::sim::truth::Kept;

/// Events in one turn, after which the sockets get theirs.
const EVENTS_PER_TURN_MAX: usize = 256;

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
enum Duty {
    Book { instrument: usize, depth: usize },
    Ticker { instrument: usize },
    Beat { instrument: usize },
}

/// When what is due.
#[derive(Debug)]
pub(super) struct Schedule {
    /// When the next taker comes.
    next_step: MonoNanos,
    /// Between two trades; zero for as many as the clients take.
    spacing: Duration,
    paused: bool,
    duties: BinaryHeap<Reverse<(MonoNanos, Duty)>>,
    /// Per instrument and depth.
    slots: Vec<Slot>,
    /// Per instrument: whether a ticker is planned, and when one may come.
    tickers: Vec<(bool, MonoNanos)>,
    step: Step,
    next_idle_look: MonoNanos,
}

impl Schedule {
    pub(super) fn new(count: usize, rate: u32, now: MonoNanos) -> Self {
        let spacing = Duration::from_secs(1).checked_div(rate).unwrap_or(Duration::ZERO);
        // Spread over the period, so that not all instruments speak at once.
        let beat = |instrument| {
            let at = now.after(BEAT * (instrument as u32 + 1) / (count as u32 + 1));
            Reverse((at, Duty::Beat { instrument }))
        };
        Self {
            next_step: now.after(spacing),
            spacing,
            paused: false,
            duties: (0..count).map(beat).collect(),
            slots: vec![Slot::default(); count * DEPTHS.len()],
            tickers: vec![(false, now); count],
            step: Step::default(),
            next_idle_look: now,
        }
    }

    /// The market stands still while paused; time that passed then is not caught up on.
    pub(super) fn pause(&mut self, paused: bool, now: MonoNanos) {
        if self.paused && !paused {
            self.next_step = self.next_step.max(now);
        }
        self.paused = paused;
    }

    /// What was planned before `now` is left out, as if no time had passed.
    pub(super) fn skip_to(&mut self, now: MonoNanos) {
        self.next_step = self.next_step.max(now);
        let duties = std::mem::take(&mut self.duties).into_iter();
        self.duties = duties.map(|Reverse((at, duty))| Reverse((at.max(now), duty))).collect();
    }

    pub(super) fn slot(&mut self, instrument: usize, depth: usize) -> &mut Slot {
        &mut self.slots[instrument * DEPTHS.len() + depth]
    }

    /// The market's number of the last change that was told of a book.
    pub(super) fn seen(&self, instrument: usize, depth: usize) -> u64 {
        self.slots[instrument * DEPTHS.len() + depth].seen
    }

    fn next_duty(&self) -> MonoNanos {
        self.duties.peek().map_or(MonoNanos::MAX, |Reverse((at, _))| *at)
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

impl Bybit {
    /// Does what is due, in the order of the planned times.
    pub(super) fn run_due(&mut self, now: MonoNanos, lines: &mut Lines) -> Due {
        let unpaced = self.schedule.spacing.is_zero() && !self.schedule.paused;
        for _ in 0..EVENTS_PER_TURN_MAX {
            let duty_at = self.schedule.next_duty();
            let step_at = match (self.schedule.paused, unpaced) {
                (true, _) => MonoNanos::MAX,
                (_, true) if self.fanout.count == 0 || !lines.have_room() => MonoNanos::MAX,
                (_, true) => now,
                (_, false) => self.schedule.next_step,
            };
            if step_at.min(duty_at) > now {
                break;
            }
            if duty_at < step_at {
                self.run_duty(lines);
            } else {
                self.counters.lateness_ns_max.raise(now.since(step_at));
                self.run_step(step_at, lines);
            }
        }
        let exact = match (self.schedule.paused, unpaced) {
            (true, _) => MonoNanos::MAX,
            (_, true) if self.fanout.count > 0 && lines.have_room() => now,
            (_, true) => MonoNanos::MAX,
            (_, false) => self.schedule.next_step,
        };
        Due { exact, loose: self.schedule.next_duty() }
    }

    /// One taker: its trades at once, and what follows from it as soon as it may.
    fn run_step(&mut self, planned: MonoNanos, lines: &mut Lines) {
        let mut step = std::mem::take(&mut self.schedule.step);
        let at = self.clock.date(planned);
        self.market.step(at.millis(), &mut step);
        self.counters.trades.add(step.prints.len() as u64);
        let spacing = self.schedule.spacing * step.prints.len().max(1) as u32;
        self.schedule.next_step = planned.after(spacing);
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
        self.schedule.step = step;
    }

    /// Plans to tell what a step changed, to those who listen.
    fn plan(&mut self, instrument: usize, now: MonoNanos) {
        let base = instrument * KINDS;
        for depth in 0..DEPTHS.len() {
            let slot = &mut self.schedule.slots[instrument * DEPTHS.len() + depth];
            if !slot.is_planned && self.fanout.wants(base + Kind::Book(depth).index()) {
                slot.is_planned = true;
                let at = slot.allowed.max(now);
                self.schedule.duties.push(Reverse((at, Duty::Book { instrument, depth })));
            }
        }
        let (is_planned, allowed) = &mut self.schedule.tickers[instrument];
        if !*is_planned && self.fanout.wants(base + Kind::Ticker.index()) {
            *is_planned = true;
            let at = (*allowed).max(now);
            self.schedule.duties.push(Reverse((at, Duty::Ticker { instrument })));
        }
    }

    fn run_duty(&mut self, lines: &mut Lines) {
        let Some(Reverse((planned, duty))) = self.schedule.duties.pop() else { return };
        match duty {
            Duty::Book { instrument, depth } => self.tell_book(instrument, depth, planned, lines),
            Duty::Ticker { instrument } => self.tell_ticker(instrument, planned, lines),
            Duty::Beat { instrument } => {
                self.tell_candles(instrument, self.clock.date(planned), lines);
                self.repeat_top(instrument, planned, lines);
                self.schedule.duties.push(Reverse((planned.after(BEAT), duty)));
            }
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
        let mut next = MonoNanos::MAX;
        for (id, session) in &mut self.sessions {
            let Some(playing) = &mut session.playing else { continue };
            let at = playing.play(recording, now, (*id, lines), |frame, lines| {
                if frame.is_for(recording, &session.keys) {
                    lines.market(*id, &[frame.text.as_bytes()]);
                }
            });
            next = next.min(at);
        }
        Due { exact: MonoNanos::MAX, loose: next }
    }
}
