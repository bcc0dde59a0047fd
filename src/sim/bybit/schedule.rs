//! What Bybit sends of its own accord, and when: trades at planned instants; books and tickers when
//! something changed and their interval is over; bars by cadence.

use std::time::Duration;

use super::books::Slot;
use super::channels::{DEPTH_TRUE, DEPTHS, Kind, interval_name};
use super::frames::{Frame, SPOT_ID_FIRST, changed, ticker_fields};
use super::{Bybit, Class, rest};
use crate::clock::{MonoNanos, UnixNanos};
use crate::sim::agenda::{Agenda, phase};
use crate::sim::candle::INTERVALS;
use crate::sim::exchange::{Exchange, Protocol};
use crate::sim::http::{Response, Target};
use crate::sim::truth::Kept;
use crate::sim::wires::{ConnectionId, Wires};

/// Fact: trades in one frame.
const TRADES_PER_FRAME_MAX: usize = 1_024;

/// Fact: bars come, and what repeats is looked at, this often.
const BEAT: Duration = Duration::from_secs(1);

/// Fact: a book of one level is told again, with the same `u`, when nothing changed for so long.
const REPEAT_AFTER: Duration = Duration::from_secs(3);

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
    /// Per instrument and depth.
    slots: Vec<Slot>,
    /// Per instrument: whether a ticker is planned, and when one may come.
    tickers: Vec<(bool, MonoNanos)>,
}

impl Schedule {
    pub(super) fn new(count: usize, agenda: &mut Agenda<Duty>, now: MonoNanos) -> Self {
        for instrument in 0..count {
            agenda.plan(phase(now, BEAT, instrument, count), Duty::Beat { instrument });
        }
        Self {
            slots: vec![Slot::default(); count * DEPTHS.len()],
            tickers: vec![(false, now); count],
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

impl Protocol for Exchange<Bybit> {
    fn admit(&mut self, id: ConnectionId, target: &Target) -> Result<(), Response> {
        let path = match self.own.class {
            Class::Spot => "/v5/public/spot",
            Class::Linear => "/v5/public/linear",
        };
        if target.path != path {
            return Err(rest::not_found());
        }
        self.take_in(id, Vec::new());
        Ok(())
    }

    fn command(&mut self, id: ConnectionId, text: &str, now: MonoNanos, wires: &mut Wires) {
        self.obey(id, text, now, wires);
    }

    fn answer(&mut self, target: &Target, now: MonoNanos) -> Response {
        self.response(target, now)
    }

    fn update_ids(&self, index: usize) -> [u64; 2] {
        let update_id = self.market.traded[index].update_id;
        let is_heard = self.fanout.wants((index, Kind::Book(DEPTH_TRUE)));
        let seen = self.own.schedule.seen(index, DEPTH_TRUE);
        [update_id, if is_heard { seen } else { update_id }]
    }

    /// One taker: its trades at once, and what follows from it as soon as it may.
    fn run_step(&mut self, planned: MonoNanos, wires: &mut Wires) {
        let at = self.clock.date(planned);
        let mut step = self.agenda.take_step(planned, at, &mut self.market);
        if self.own.class == Class::Spot {
            step.prints.iter_mut().for_each(|print| print.id += SPOT_ID_FIRST);
        }
        for print in &step.prints {
            self.truth.lock().keep(step.instrument, Kept { print: *print, planned });
        }
        let cross_sequence = self.market.traded[step.instrument].update_id;
        let stream = (step.instrument, Kind::Trade);
        for prints in step.prints.chunks(TRADES_PER_FRAME_MAX) {
            let spelling = &self.spellings[step.instrument];
            self.fanout.publish(stream, wires, |out, ()| {
                Frame::new(out, spelling).trades(prints, cross_sequence, at);
            });
        }
        self.plan(step.instrument, planned);
        self.agenda.give_back(step);
    }

    fn run_duty(&mut self, wires: &mut Wires) {
        let Some((planned, duty)) = self.agenda.pop() else { return };
        match duty {
            Duty::Book { instrument, depth } => self.tell_book(instrument, depth, planned, wires),
            Duty::Ticker { instrument } => self.tell_ticker(instrument, planned, wires),
            Duty::Beat { instrument } => {
                self.tell_candles(instrument, self.clock.date(planned), wires);
                self.repeat_top(instrument, planned, wires);
                self.agenda.plan(planned.after(BEAT), duty);
            }
        }
    }
}

impl Exchange<Bybit> {
    /// Plans to tell what a step changed, to those who listen.
    fn plan(&mut self, instrument: usize, now: MonoNanos) {
        for depth in 0..DEPTHS.len() {
            let slot = &mut self.own.schedule.slots[instrument * DEPTHS.len() + depth];
            if !slot.is_planned && self.fanout.wants((instrument, Kind::Book(depth))) {
                slot.is_planned = true;
                let at = slot.allowed.max(now);
                self.agenda.plan(at, Duty::Book { instrument, depth });
            }
        }
        let (is_planned, allowed) = &mut self.own.schedule.tickers[instrument];
        if !*is_planned && self.fanout.wants((instrument, Kind::Ticker)) {
            *is_planned = true;
            let at = (*allowed).max(now);
            self.agenda.plan(at, Duty::Ticker { instrument });
        }
    }

    fn tell_book(&mut self, instrument: usize, depth: usize, now: MonoNanos, wires: &mut Wires) {
        let (levels, every_ms) = DEPTHS[depth];
        let traded = &self.market.traded[instrument];
        let slot = &mut self.own.schedule.slots[instrument * DEPTHS.len() + depth];
        slot.is_planned = false;
        let stream = (instrument, Kind::Book(depth));
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
        let event = slot.event(depth, changes.is_snapshot, &changes.sides);
        let (at, spelling) = (self.clock.date(now), &self.spellings[instrument]);
        self.fanout.publish(stream, wires, |out, ()| Frame::new(out, spelling).book(&event, at));
    }

    /// A quiet book of one level says once more what it said last.
    fn repeat_top(&mut self, instrument: usize, now: MonoNanos, wires: &mut Wires) {
        const TOP: usize = 0;
        let slot = &mut self.own.schedule.slots[instrument * DEPTHS.len() + TOP];
        if now.since(slot.told) < REPEAT_AFTER.as_nanos() as u64 {
            return;
        }
        slot.told = now;
        let (event, at) = (slot.snapshot(TOP), self.clock.date(now));
        let (stream, spelling) = ((instrument, Kind::Book(TOP)), &self.spellings[instrument]);
        self.fanout.publish(stream, wires, |out, ()| Frame::new(out, spelling).book(&event, at));
    }

    /// Spot tells the whole each time, contracts what changed.
    fn tell_ticker(&mut self, instrument: usize, now: MonoNanos, wires: &mut Wires) {
        self.own.schedule.tickers[instrument] = (false, now.after(self.own.class.ticker_every()));
        let (traded, spelling) = (&self.market.traded[instrument], &self.spellings[instrument]);
        let at = self.clock.date(now);
        let fields = ticker_fields(spelling, traded, at);
        let news = changed(&self.own.tickers[instrument], &fields);
        if news.is_empty() {
            return;
        }
        let is_whole = self.own.class == Class::Spot;
        let told = if is_whole { fields.iter().collect() } else { news };
        self.fanout.publish((instrument, Kind::Ticker), wires, |out, ()| {
            Frame::new(out, spelling).ticker(is_whole, &told, traded.update_id, at);
        });
        self.own.tickers[instrument] = fields;
    }

    fn tell_candles(&mut self, instrument: usize, at: UnixNanos, wires: &mut Wires) {
        let candles = &mut self.market.traded[instrument].candles;
        candles.roll(at.millis());
        let spelling = &self.spellings[instrument];
        for interval in 0..INTERVALS.len() {
            let stream = (instrument, Kind::Kline(interval));
            if !self.fanout.wants(stream) || interval_name(interval).is_none() {
                continue;
            }
            let bars: Vec<_> = candles.take_news(interval).collect();
            if !bars.is_empty() {
                self.fanout.publish(stream, wires, |out, ()| {
                    Frame::new(out, spelling).candles(interval, &bars, at);
                });
            }
        }
    }
}
