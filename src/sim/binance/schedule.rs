//! What Binance sends of its own accord, and when: trades at planned instants, all else by
//! cadence.

use std::time::Duration;

use super::channels::{Kind, PARTIAL_LEVELS, speeds};
use super::frames::{DepthIds, Frame, Spelling};
use super::{Binance, Caller, Product, Wanted, rest};
use crate::clock::{MonoNanos, UnixNanos};
use crate::sim::agenda::{Agenda, phase};
use crate::sim::candle::INTERVALS;
use crate::sim::exchange::{Exchange, Protocol};
use crate::sim::fault::Fault;
use crate::sim::http::{Response, Target};
use crate::sim::market::{Market, Print, Step};
use crate::sim::resting::{BookSide, sort_told};
use crate::sim::truth::Kept;
use crate::sim::wires::{ConnectionId, Wires};

/// Fact: summaries (tickers, mark price) come this often.
const SUMMARY_EVERY: Duration = Duration::from_secs(1);

/// A recurring duty for one instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::sim) enum Duty {
    Depth {
        instrument: usize,
        speed: usize,
    },
    Candles {
        instrument: usize,
    },
    Summary {
        instrument: usize,
    },
    /// Of all instruments in one list.
    Summaries,
}

/// Deltas of one instrument and speed that were not sent yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Batch {
    changed: Vec<(BookSide, i64)>,
    first: u64,
    last: u64,
    /// Last id of the batch before.
    previous: u64,
}

/// When what is due, and what waits to be sent then.
#[derive(Debug)]
pub(super) struct Schedule {
    /// Per instrument and speed.
    batches: Vec<Batch>,
    speeds: &'static [(&'static str, u64)],
    /// Trades counted when each instrument's summaries were last sent.
    told: Vec<u64>,
    /// The same of the lists of all instruments.
    told_all: Vec<u64>,
    /// Lists sent, likewise.
    beat_all: u64,
    /// Summaries sent, for streams of every third second.
    beat: Vec<u64>,
    pub(super) began: MonoNanos,
}

impl Schedule {
    pub(super) fn new(
        product: Product,
        market: &Market,
        agenda: &mut Agenda<Duty>,
        now: MonoNanos,
    ) -> Self {
        let speeds = speeds(product);
        let count = market.traded.len();
        for instrument in 0..count {
            let phase = |period: Duration| phase(now, period, instrument, count);
            for (speed, (_, every_ms)) in speeds.iter().enumerate() {
                let at = phase(Duration::from_millis(*every_ms));
                agenda.plan(at, Duty::Depth { instrument, speed });
            }
            agenda.plan(phase(candles_every(product)), Duty::Candles { instrument });
            agenda.plan(phase(SUMMARY_EVERY), Duty::Summary { instrument });
        }
        agenda.plan(now.after(SUMMARY_EVERY), Duty::Summaries);
        let batch = |traded: &super::super::market::Traded| Batch {
            previous: traded.update_id,
            last: traded.update_id,
            ..Batch::default()
        };
        let batches =
            market.traded.iter().flat_map(|traded| speeds.iter().map(move |_| batch(traded)));
        Self {
            batches: batches.collect(),
            speeds,
            told: vec![0; count],
            told_all: vec![0; count],
            beat_all: 0,
            beat: vec![0; count],
            began: now,
        }
    }

    /// Id up to which deltas of an instrument were sent at the fastest speed.
    pub(super) fn sent_update_id(&self, instrument: usize) -> u64 {
        self.batches[instrument * self.speeds.len()].previous
    }
}

const fn candles_every(product: Product) -> Duration {
    match product {
        Product::Spot => Duration::from_secs(1),
        Product::Futures => Duration::from_millis(250),
    }
}

impl Protocol for Exchange<Binance> {
    fn admit(&mut self, id: ConnectionId, target: &Target) -> Result<(), Response> {
        let caller = Caller::at(self.own.product, target).ok_or_else(rest::not_found)?;
        self.take_in(id, caller);
        Ok(())
    }

    /// The path may name streams.
    fn greet(&mut self, id: ConnectionId, now: MonoNanos, wires: &mut Wires) {
        let Some(client) = self.callers.get_mut(&id) else { return };
        for name in std::mem::take(&mut client.own.names) {
            if !self.subscribe(id, &name, now) {
                return wires.close(id, 1008, "Invalid request");
            }
        }
    }

    fn command(&mut self, id: ConnectionId, text: &str, now: MonoNanos, wires: &mut Wires) {
        self.obey(id, text, now, wires);
    }

    fn answer(&mut self, target: &Target, now: MonoNanos) -> Response {
        self.response(target, now)
    }

    fn strike(&mut self, fault: Fault) -> Option<Fault> {
        match fault {
            Fault::SequenceReset { symbol, .. } => {
                self.market.begin_updates_anew(symbol.as_deref());
                None
            }
            other => Some(other),
        }
    }

    fn announce_end(&mut self, now: MonoNanos, wires: &mut Wires) {
        let at_ms = self.clock.date(now).millis();
        let notice = format!("{{\"e\":\"serverShutdown\",\"E\":{at_ms}}}");
        for (id, client) in &self.callers {
            match client.own.combined {
                true => {
                    let prefix = b"{\"stream\":\"!serverShutdown\",\"data\":";
                    wires.text(*id, &[prefix, notice.as_bytes(), b"}"]);
                }
                false => wires.text(*id, &[notice.as_bytes()]),
            }
        }
    }

    fn update_ids(&self, index: usize) -> [u64; 2] {
        [self.market.traded[index].update_id, self.own.schedule.sent_update_id(index)]
    }

    /// One taker, with all that is told at once.
    fn run_step(&mut self, planned: MonoNanos, wires: &mut Wires) {
        let at = self.clock.date(planned);
        let step = self.agenda.take_step(planned, at, &mut self.market);
        for index in 0..step.prints.len() {
            self.tell_trade(step.instrument, step.prints[index], planned, wires);
        }
        let (spelling, traded) =
            (&self.spellings[step.instrument], &self.market.traded[step.instrument]);
        let agg = (step.instrument, Kind::AggTrade);
        self.fanout.publish(agg, wires, |out, wanted| {
            wanted.frame(out, spelling).agg_trade(step.order_id, &step.prints, at);
        });
        if step.best_changed {
            for of in [step.instrument, self.spellings.len()] {
                self.fanout.publish((of, Kind::BookTicker), wires, |out, wanted| {
                    wanted.frame(out, spelling).book_ticker(traded, at);
                });
            }
        }
        self.note_changes(&step);
        self.agenda.give_back(step);
    }

    fn run_duty(&mut self, wires: &mut Wires) {
        let Some((planned, duty)) = self.agenda.pop() else { return };
        let every = match duty {
            Duty::Depth { instrument, speed } => {
                self.tell_depth(instrument, speed, self.clock.date(planned), wires);
                Duration::from_millis(self.own.schedule.speeds[speed].1)
            }
            Duty::Candles { instrument } => {
                self.tell_candles(instrument, self.clock.date(planned), wires);
                candles_every(self.own.product)
            }
            Duty::Summary { instrument } => {
                self.tell_summary(instrument, self.clock.date(planned), wires);
                SUMMARY_EVERY
            }
            Duty::Summaries => {
                self.tell_summaries(self.clock.date(planned), wires);
                SUMMARY_EVERY
            }
        };
        self.agenda.plan(planned.after(every), duty);
    }
}

impl Exchange<Binance> {
    /// Keeps what the next depth frames will tell, for the speeds that somebody listens to.
    fn note_changes(&mut self, step: &Step) {
        let speeds = self.own.schedule.speeds.len();
        for speed in 0..speeds {
            let heard = self.hears_depth(step.instrument, speed);
            let batch = &mut self.own.schedule.batches[step.instrument * speeds + speed];
            for change in &step.changes {
                let begins_anew = change.update_id < batch.last;
                if batch.changed.is_empty() || begins_anew {
                    batch.first = change.update_id;
                }
                if begins_anew {
                    batch.previous = change.update_id - 1;
                }
                batch.last = change.update_id;
                if heard {
                    batch.changed.push((change.side, change.price));
                } else {
                    batch.changed.clear();
                    batch.previous = change.update_id;
                }
            }
        }
    }

    /// Whether anybody wants depth frames of that speed, whole or partial.
    fn hears_depth(&self, instrument: usize, speed: usize) -> bool {
        let wants = |kind: Kind| self.fanout.wants((instrument, kind));
        wants(Kind::Depth(speed))
            || (0..PARTIAL_LEVELS.len()).any(|at| wants(Kind::Partial(at, speed)))
    }

    fn tell_trade(
        &mut self,
        instrument: usize,
        print: Print,
        planned: MonoNanos,
        wires: &mut Wires,
    ) {
        self.truth.lock().keep(instrument, Kept { print, planned });
        let at = self.clock.date(planned);
        let spelling = &self.spellings[instrument];
        self.fanout.publish((instrument, Kind::Trade), wires, |out, wanted| {
            wanted.frame(out, spelling).trade(&print, at);
        });
    }

    fn tell_depth(&mut self, instrument: usize, speed: usize, at: UnixNanos, wires: &mut Wires) {
        let slot = instrument * self.own.schedule.speeds.len() + speed;
        if self.own.schedule.batches[slot].changed.is_empty() {
            return;
        }
        let mut batch = std::mem::take(&mut self.own.schedule.batches[slot]);
        sort_told(&mut batch.changed);
        self.send_depth(instrument, speed, &batch, at, wires);
        self.tell_partial(instrument, speed, &batch, at, wires);
        let (last, mut changed) = (batch.last, batch.changed);
        changed.clear();
        self.own.schedule.batches[slot] = Batch { changed, first: last, last, previous: last };
    }

    fn send_depth(
        &mut self,
        instrument: usize,
        speed: usize,
        batch: &Batch,
        at: UnixNanos,
        wires: &mut Wires,
    ) {
        let (book, spelling) = (&self.market.traded[instrument].book, &self.spellings[instrument]);
        self.fanout.publish((instrument, Kind::Depth(speed)), wires, |out, wanted| {
            wanted.frame(out, spelling).depth(batch.ids(), &batch.changed, book, at);
        });
    }

    fn tell_partial(
        &mut self,
        instrument: usize,
        speed: usize,
        batch: &Batch,
        at: UnixNanos,
        wires: &mut Wires,
    ) {
        let (book, spelling) = (&self.market.traded[instrument].book, &self.spellings[instrument]);
        for (index, count) in PARTIAL_LEVELS.into_iter().enumerate() {
            self.fanout.publish((instrument, Kind::Partial(index, speed)), wires, |out, wanted| {
                wanted.frame(out, spelling).partial(count, batch.ids(), book, at);
            });
        }
    }

    fn tell_candles(&mut self, instrument: usize, at: UnixNanos, wires: &mut Wires) {
        let candles = &mut self.market.traded[instrument].candles;
        candles.roll(at.millis());
        let spelling = &self.spellings[instrument];
        for interval in 0..INTERVALS.len() {
            let stream = (instrument, Kind::Kline(interval));
            if !self.fanout.wants(stream) {
                continue;
            }
            for (bar, closed) in candles.take_news(interval) {
                self.fanout.publish(stream, wires, |out, wanted| {
                    wanted.frame(out, spelling).kline(interval, &bar, closed, at);
                });
            }
        }
    }

    fn tell_summary(&mut self, instrument: usize, at: UnixNanos, wires: &mut Wires) {
        let (traded, schedule) = (&self.market.traded[instrument], &mut self.own.schedule);
        let told = std::mem::replace(&mut schedule.told[instrument], traded.day.count);
        let changed = (told != traded.day.count).then_some(instrument);
        let beat = schedule.beat[instrument];
        schedule.beat[instrument] += 1;
        self.summarise(instrument, changed.as_slice(), &[instrument], beat, at, wires);
    }

    /// The summaries of all instruments whose numbers changed, and every mark price.
    fn tell_summaries(&mut self, at: UnixNanos, wires: &mut Wires) {
        let (traded, schedule) = (&self.market.traded, &mut self.own.schedule);
        let counts = traded.iter().map(|traded| traded.day.count);
        let told = std::mem::replace(&mut schedule.told_all, counts.collect());
        let all: Vec<usize> = (0..traded.len()).collect();
        let is_changed = |index: &usize| traded[*index].day.count != told[*index];
        let changed: Vec<usize> = all.iter().copied().filter(is_changed).collect();
        let beat = schedule.beat_all;
        schedule.beat_all += 1;
        self.summarise(all.len(), &changed, &all, beat, at, wires);
    }

    /// Tickers of what changed and mark prices of all that is meant, on the streams of one
    /// instrument or on those of all, which have lists.
    fn summarise(
        &mut self,
        of: usize,
        changed: &[usize],
        all: &[usize],
        beat: u64,
        at: UnixNanos,
        wires: &mut Wires,
    ) {
        let (traded, began) = (&self.market.traded, self.clock.date(self.own.schedule.began));
        let mut tell = |kind, meant: &[usize], write: &dyn Fn(&mut Frame<'_>, usize)| {
            self.fanout.publish((of, kind), wires, |out, wanted| {
                wanted.frames(out, &self.spellings, meant, of == traded.len(), write);
            });
        };
        tell(Kind::Ticker, changed, &|frame, index| frame.ticker(&traded[index], began, at));
        tell(Kind::MiniTicker, changed, &|frame, index| frame.mini_ticker(&traded[index].day, at));
        for fast in [true, false] {
            if fast || beat.is_multiple_of(3) {
                let kind = Kind::MarkPrice { fast };
                tell(kind, all, &|frame, index| frame.mark_price(&traded[index].day, at));
            }
        }
    }
}

impl Wanted {
    /// A frame of one instrument.
    fn frame<'a>(&self, out: &'a mut Vec<u8>, spelling: &'a Spelling) -> Frame<'a> {
        Frame::new(out, self.unit, spelling)
    }

    /// Those of some instruments, in a list where that is meant; nothing for none.
    fn frames(
        &self,
        out: &mut Vec<u8>,
        spellings: &[Spelling],
        meant: &[usize],
        in_list: bool,
        write: &dyn Fn(&mut Frame<'_>, usize),
    ) {
        for (place, &index) in meant.iter().enumerate() {
            if in_list {
                out.push(if place == 0 { b'[' } else { b',' });
            }
            write(&mut self.frame(out, &spellings[index]), index);
        }
        if in_list && !meant.is_empty() {
            out.push(b']');
        }
    }
}

impl Batch {
    const fn ids(&self) -> DepthIds {
        DepthIds { first: self.first, last: self.last, previous: self.previous }
    }
}
