//! What OKX sends of its own accord, and when: trades at planned instants, all else by cadence.
//! Order depends on planned times alone, so that a seed repeats every frame.

use std::time::Duration;

use super::channels::{Kind, Service};
use super::frames::{BookIds, Frame};
use super::{Caller, Okx, rest};
use crate::clock::MonoNanos;
use crate::sim::agenda::{Agenda, phase};
use crate::sim::candle::INTERVALS;
use crate::sim::exchange::{Exchange, Protocol};
use crate::sim::http::{Response, Target};
use crate::sim::market::{Market, Print, Step};
use crate::sim::rate::Recent;
use crate::sim::resting::{BookSide, View, difference};
use crate::sim::truth::Kept;
use crate::sim::wires::{ConnectionId, Wires};

/// Fact: books, best levels and tickers come at most so often.
const BOOKS_EVERY: Duration = Duration::from_millis(100);

/// Fact: candles come at most so often.
const CANDLES_EVERY: Duration = Duration::from_secs(1);

/// Fact: mark prices come so often while they change, and at least so often.
const MARKS_EVERY: Duration = Duration::from_millis(200);
const MARKS_QUIET_NS: u64 = 10_000_000_000;

/// An index that does not change is told at least so often.
const INDEX_QUIET_NS: u64 = 60_000_000_000;

/// Fact: open interest comes so often.
const OPEN_EVERY: Duration = Duration::from_secs(3);

/// Fact: funding comes so often; the documentation says 30 to 90 s.
const FUNDING_EVERY: Duration = Duration::from_secs(30);

/// A book that does not change says so.
const QUIET_EVERY_NS: u64 = 60_000_000_000;

/// Levels of a side of the whole book that are told.
pub(super) const BOOK_LEVELS: usize = 400;

/// The first number of a book whose numbering begins anew.
const FIRST_NUMBER: u64 = 3;

/// A recurring duty for one instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::sim) enum Duty {
    Book { instrument: usize },
    Candles { instrument: usize },
    MarkPrice { instrument: usize },
    OpenInterest { instrument: usize },
    Funding { instrument: usize },
}

/// A price that is told when it changes, and now and then.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    price: i64,
    at: MonoNanos,
}

impl Told {
    /// Whether it is to be told now.
    fn is_due(&mut self, price: i64, now: MonoNanos, quiet_ns: u64) -> bool {
        let due = price != self.price || now.since(self.at) >= quiet_ns;
        if due {
            *self = Self { price, at: now };
        }
        due
    }
}

/// How one book's changes are numbered on the wire.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Numbering {
    /// Number of the last change that was sent.
    sent: u64,
    /// What is taken off a change's number.
    base: u64,
}

impl Numbering {
    /// A change's number as the wire says it.
    pub(super) const fn of(&self, update_id: u64) -> u64 {
        update_id - self.base
    }

    /// That of the last change that was sent.
    pub(super) const fn sent(&self) -> u64 {
        self.of(self.sent)
    }
}

/// What was not sent yet of one instrument.
#[derive(Clone, Debug, Default)]
struct Pending {
    /// Its book has changed since it was told.
    changed: bool,
    /// What those who listen know of it.
    known: View,
    numbering: Numbering,
    /// When its book was last spoken of.
    spoken: MonoNanos,
    best_five: bool,
    /// Trades counted when its ticker was last sent.
    told: u64,
    mark: Told,
    index: Told,
    /// The last print, and how many matches it stands for.
    last: Option<(Print, usize, MonoNanos)>,
}

/// What waits to be sent.
#[derive(Debug)]
pub(super) struct Schedule {
    /// Per instrument.
    pending: Vec<Pending>,
}

impl Schedule {
    pub(super) fn new(market: &Market, agenda: &mut Agenda<Duty>, now: MonoNanos) -> Self {
        let count = market.traded.len();
        for instrument in 0..count {
            let phase = |period: Duration| phase(now, period, instrument, count);
            agenda.plan(phase(BOOKS_EVERY), Duty::Book { instrument });
            agenda.plan(phase(CANDLES_EVERY), Duty::Candles { instrument });
            agenda.plan(phase(MARKS_EVERY), Duty::MarkPrice { instrument });
            agenda.plan(phase(OPEN_EVERY), Duty::OpenInterest { instrument });
            agenda.plan(phase(FUNDING_EVERY), Duty::Funding { instrument });
        }
        let pending = market.traded.iter().map(|traded| Pending {
            numbering: Numbering { sent: traded.update_id, base: 0 },
            spoken: now,
            ..Pending::default()
        });
        Self { pending: pending.collect() }
    }

    /// How the changes of a book are numbered now.
    pub(super) fn numbering(&self, instrument: usize) -> Numbering {
        self.pending[instrument].numbering
    }
}

impl Protocol for Exchange<Okx> {
    fn admit(&mut self, id: ConnectionId, target: &Target) -> Result<(), Response> {
        let service = Service::at(&target.path).ok_or_else(rest::not_found)?;
        self.own.opened += 1;
        let name = format!("{:08x}", self.own.opened.wrapping_mul(0x9E37_79B9));
        self.take_in(id, Caller { service, name, requests: Recent::default() });
        Ok(())
    }

    fn command(&mut self, id: ConnectionId, text: &str, now: MonoNanos, wires: &mut Wires) {
        self.obey(id, text, now, wires);
    }

    fn answer(&mut self, target: &Target, now: MonoNanos) -> Response {
        self.response(target, now)
    }

    fn announce_end(&mut self, _: MonoNanos, wires: &mut Wires) {
        for (id, client) in &self.callers {
            let notice = format!(
                "{{\"event\":\"notice\",\"code\":\"64008\",\"msg\":\"The connection will soon be \
                 closed for a service upgrade. Please reconnect.\",\"connId\":\"{}\"}}",
                client.own.name
            );
            wires.text(*id, &[notice.as_bytes()]);
        }
    }

    fn update_ids(&self, index: usize) -> [u64; 2] {
        let numbering = self.own.schedule.numbering(index);
        [numbering.of(self.market.traded[index].update_id), numbering.sent()]
    }

    /// One taker, with all that is told at once.
    fn run_step(&mut self, planned: MonoNanos, wires: &mut Wires) {
        let at = self.clock.date(planned);
        let step = self.agenda.take_step(planned, at, &mut self.market);
        self.note_changes(&step);
        self.tell_trades(&step, planned, wires);
        if step.best_changed {
            let instrument = step.instrument;
            let (traded, numbering) =
                (&self.market.traded[instrument], self.own.schedule.numbering(instrument));
            let sequence = numbering.of(traded.update_id);
            let stream = (instrument, Kind::BestPrices);
            let spelling = &self.spellings[instrument];
            self.fanout.publish(stream, wires, |out, ()| {
                Frame::new(out, spelling).best_prices(&traded.book, sequence, at);
            });
        }
        self.agenda.give_back(step);
    }

    fn run_duty(&mut self, wires: &mut Wires) {
        let Some((planned, duty)) = self.agenda.pop() else { return };
        let every = match duty {
            Duty::Book { instrument } => {
                self.tell_book(instrument, planned, wires);
                self.tell_best_five(instrument, planned, wires);
                self.tell_ticker(instrument, planned, wires);
                self.tell_index(instrument, planned, wires);
                BOOKS_EVERY
            }
            Duty::Candles { instrument } => {
                self.tell_candles(instrument, planned, wires);
                CANDLES_EVERY
            }
            Duty::MarkPrice { instrument } => {
                let price = self.market.traded[instrument].day.last;
                let mark = &mut self.own.schedule.pending[instrument].mark;
                if mark.is_due(price, planned, MARKS_QUIET_NS) {
                    self.tell_still(instrument, Kind::MarkPrice, planned, wires);
                }
                MARKS_EVERY
            }
            Duty::OpenInterest { instrument } => {
                self.tell_still(instrument, Kind::OpenInterest, planned, wires);
                OPEN_EVERY
            }
            Duty::Funding { instrument } => {
                self.tell_still(instrument, Kind::Funding, planned, wires);
                FUNDING_EVERY
            }
        };
        self.agenda.plan(planned.after(every), duty);
    }
}

impl Exchange<Okx> {
    /// One print for the taker's order, and one for each match where that is wanted.
    fn tell_trades(&mut self, step: &Step, planned: MonoNanos, wires: &mut Wires) {
        let Some(last) = step.prints.last() else { return };
        let (instrument, at) = (step.instrument, self.clock.date(planned));
        let spelling = &self.spellings[instrument];
        for print in &step.prints {
            let stream = (instrument, Kind::TradesAll);
            self.fanout.publish(stream, wires, |out, ()| {
                Frame::new(out, spelling).trade(Kind::TradesAll, print, 1, at);
            });
        }
        // One order's matches are at one price.
        let size = step.prints.iter().map(|print| print.size).sum();
        let (print, count) = (Print { size, ..*last }, step.prints.len());
        self.truth.lock().keep(instrument, Kept { print, planned });
        self.own.schedule.pending[instrument].last = Some((print, count, planned));
        self.fanout.publish((instrument, Kind::Trades), wires, |out, ()| {
            Frame::new(out, spelling).trade(Kind::Trades, &print, count, at);
        });
    }

    /// Keeps what the next book frame will tell, where somebody listens.
    fn note_changes(&mut self, step: &Step) {
        let heard = self.fanout.wants((step.instrument, Kind::Books));
        let pending = &mut self.own.schedule.pending[step.instrument];
        pending.best_five |= !step.changes.is_empty();
        for change in &step.changes {
            pending.changed = heard;
            if !heard {
                pending.numbering.sent = change.update_id;
            }
        }
    }

    /// What changed of a book as far as it is told, what came into view or left it among that; or, of
    /// one that has not changed for long, that it has not.
    fn tell_book(&mut self, instrument: usize, planned: MonoNanos, wires: &mut Wires) {
        if !self.fanout.wants((instrument, Kind::Books)) {
            return;
        }
        let (traded, spelling) = (&self.market.traded[instrument], &self.spellings[instrument]);
        let pending = &mut self.own.schedule.pending[instrument];
        let has_changed = std::mem::take(&mut pending.changed);
        if !has_changed && planned.since(pending.spoken) < QUIET_EVERY_NS {
            return;
        }
        // What changed out of view, and what changed back, is told by its number alone.
        let now = traded.book.view(BOOK_LEVELS);
        let mut changed = difference(&pending.known, &now);
        changed.iter_mut().for_each(|side| side.sort_by_key(|level| level.price));
        changed[BookSide::Bid as usize].reverse();
        pending.known = now;
        let previous = Some(pending.numbering.sent());
        pending.numbering.sent = traded.update_id;
        if has_changed && self.armed.strikes_sequence(&spelling.native) {
            pending.numbering.base = traded.update_id - FIRST_NUMBER;
        }
        let ids = BookIds {
            previous,
            sequence: pending.numbering.sent(),
            wrong_checksum: self.armed.strikes_checksum(&spelling.native),
        };
        pending.spoken = planned;
        let at = self.clock.date(planned);
        self.fanout.publish((instrument, Kind::Books), wires, |out, ()| {
            Frame::new(out, spelling).update(&changed, &traded.book, ids, at);
        });
    }

    fn tell_best_five(&mut self, instrument: usize, planned: MonoNanos, wires: &mut Wires) {
        if !std::mem::take(&mut self.own.schedule.pending[instrument].best_five) {
            return;
        }
        let traded = &self.market.traded[instrument];
        let sequence = self.own.schedule.numbering(instrument).of(traded.update_id);
        let (stream, at) = ((instrument, Kind::BestFive), self.clock.date(planned));
        let spelling = &self.spellings[instrument];
        self.fanout.publish(stream, wires, |out, ()| {
            Frame::new(out, spelling).best_five(&traded.book, sequence, at);
        });
    }

    fn tell_ticker(&mut self, instrument: usize, planned: MonoNanos, wires: &mut Wires) {
        let traded = &self.market.traded[instrument];
        let pending = &mut self.own.schedule.pending[instrument];
        if traded.day.count == pending.told {
            return;
        }
        pending.told = traded.day.count;
        let (stream, at) = ((instrument, Kind::Tickers), self.clock.date(planned));
        let spelling = &self.spellings[instrument];
        self.fanout.publish(stream, wires, |out, ()| {
            Frame::new(out, spelling).ticker(traded, at);
        });
    }

    fn tell_index(&mut self, instrument: usize, planned: MonoNanos, wires: &mut Wires) {
        let price = self.market.traded[instrument].day.last;
        if self.own.schedule.pending[instrument].index.is_due(price, planned, INDEX_QUIET_NS) {
            self.tell_still(instrument, Kind::IndexPrice, planned, wires);
        }
    }

    /// One of the numbers that are made of the last price.
    fn tell_still(&mut self, instrument: usize, kind: Kind, planned: MonoNanos, wires: &mut Wires) {
        let (traded, at) = (&self.market.traded[instrument], self.clock.date(planned));
        let spelling = &self.spellings[instrument];
        self.fanout.publish((instrument, kind), wires, |out, ()| {
            Frame::new(out, spelling).still(kind, traded, at);
        });
    }

    fn tell_candles(&mut self, instrument: usize, planned: MonoNanos, wires: &mut Wires) {
        let candles = &mut self.market.traded[instrument].candles;
        candles.roll(self.clock.date(planned).millis());
        let spelling = &self.spellings[instrument];
        for interval in 0..INTERVALS.len() {
            let stream = (instrument, Kind::Candles(interval));
            if !self.fanout.wants(stream) {
                continue;
            }
            for (bar, closed) in candles.take_news(interval) {
                self.fanout.publish(stream, wires, |out, ()| {
                    Frame::new(out, spelling).candle(interval, &bar, closed);
                });
            }
        }
    }

    /// What a new subscription begins with, and its place among the subscribers.
    pub(super) fn begin(
        &mut self,
        id: ConnectionId,
        instrument: usize,
        kind: Kind,
        now: MonoNanos,
        wires: &mut Wires,
    ) {
        if kind == Kind::Books {
            // Those who listen already get what changed, so that the book below is theirs too.
            self.tell_book(instrument, now, wires);
        }
        let (traded, spelling) = (&self.market.traded[instrument], &self.spellings[instrument]);
        let pending = &mut self.own.schedule.pending[instrument];
        let (at, sequence) = (self.clock.date(now), pending.numbering.of(traded.update_id));
        // The last trade, however old.
        let last = pending.last.map(|(print, count, at)| (print, count, self.clock.date(at)));
        let mut wrong_checksum = false;
        if kind == Kind::Books {
            pending.spoken = now;
            pending.known = traded.book.view(BOOK_LEVELS);
            wrong_checksum = self.armed.strikes_checksum(&spelling.native);
        }
        let ids = BookIds { previous: None, sequence, wrong_checksum };
        self.fanout.tell(id, wires, |out| {
            let mut frame = Frame::new(out, spelling);
            match kind {
                Kind::Books => frame.snapshot(&traded.book, ids, at),
                Kind::BestPrices => frame.best_prices(&traded.book, sequence, at),
                Kind::BestFive => frame.best_five(&traded.book, sequence, at),
                Kind::Tickers => frame.ticker(traded, at),
                Kind::Trades | Kind::TradesAll => {
                    if let Some((print, count, at)) = &last {
                        frame.trade(kind, print, *count, *at);
                    }
                }
                Kind::Funding | Kind::MarkPrice | Kind::OpenInterest | Kind::IndexPrice => {
                    frame.still(kind, traded, at);
                }
                Kind::Candles(_) => {}
            }
        });
        self.fanout.add((instrument, kind), id, ());
    }
}
