//! What Coinbase sends of its own accord, and when: trades at planned instants, all else by
//! cadence.

use std::collections::VecDeque;
use std::time::Duration;

use super::channels::Kind;
use super::{
    Caller, Coinbase, FRAGMENT_BYTES, Product, frames_advanced as advanced,
    frames_exchange as exchange, rest,
};
use crate::clock::{MonoNanos, UnixNanos};
use crate::sim::agenda::{Agenda, phase};
use crate::sim::candle::{Bar, INTERVALS};
use crate::sim::exchange::{Exchange, Protocol};
use crate::sim::fault::Fault;
use crate::sim::http::{Response, Target};
use crate::sim::market::{Market, Print, Step};
use crate::sim::resting::{BookSide, Resting, RestingBook, sort_told};
use crate::sim::tamper::plain;
use crate::sim::truth::Kept;
use crate::sim::wires::{ConnectionId, Wires};

/// Fact: changes of books are collected for so long.
const BOOKS_EVERY: Duration = Duration::from_millis(50);

/// Fact: trades of Advanced Trade are collected for so long.
const TRADES_EVERY: Duration = Duration::from_millis(250);

/// Fact: heartbeats and candles come so often.
const BEAT_EVERY: Duration = Duration::from_secs(1);

/// Fact: batched tickers and the status come so often.
const SUMMARY_EVERY: Duration = Duration::from_secs(5);

/// A connection that asks for nothing is closed after so long.
const FIRST_WORD_NS: u64 = 5_000_000_000;

/// One without heartbeats is closed when it has had nothing for so long (Advanced Trade).
const QUIET_NS: u64 = 75_000_000_000;

/// Trades that a subscription of Advanced Trade begins with.
const PAST_TRADES: usize = 100;

/// The only candles that Advanced Trade has.
const CANDLE: &str = "5m";

/// A recurring duty, for one product or for all connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::sim) enum Duty {
    Book(usize),
    Trades(usize),
    Beat(usize),
    Summary(usize),
    Connections,
}

/// A trade and when it happened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    pub(super) print: Print,
    pub(super) at: UnixNanos,
}

/// What is known of one product besides its market.
#[derive(Clone, Debug, Default)]
struct Pending {
    /// Its book as subscribers know it.
    shown: RestingBook,
    /// Prices that may differ from it.
    changed: Vec<(BookSide, i64)>,
    /// When the newest of them changed.
    changed_at: Option<UnixNanos>,
    /// Id of the last change that subscribers know of.
    sent_update_id: u64,
    /// Counts all that happens to the product (Exchange).
    sequence: u64,
    /// Changes of its book that were sent (Exchange).
    updates: u64,
    /// The last trades, oldest first.
    past: VecDeque<Told>,
    /// How many of them were not told yet (Advanced Trade).
    fresh: usize,
    bar: Option<Bar>,
    /// Trades counted when the batched ticker was last sent.
    summed: u64,
}

/// What waits to be sent.
#[derive(Debug)]
pub(super) struct Schedule {
    /// Per product.
    pending: Vec<Pending>,
    /// Seconds since the start, as heartbeats count them.
    beats: u64,
    /// The garbage level was sent, once in a run (Exchange).
    garbage_sent: bool,
}

impl Schedule {
    pub(super) fn new(
        product: Product,
        market: &Market,
        agenda: &mut Agenda<Duty>,
        now: MonoNanos,
    ) -> Self {
        let count = market.traded.len();
        for index in 0..count {
            let mut add =
                |every: Duration, duty| agenda.plan(phase(now, every, index, count), duty);
            add(BOOKS_EVERY, Duty::Book(index));
            add(BEAT_EVERY, Duty::Beat(index));
            add(SUMMARY_EVERY, Duty::Summary(index));
            if product == Product::Advanced {
                add(TRADES_EVERY, Duty::Trades(index));
            }
        }
        agenda.plan(now.after(BEAT_EVERY), Duty::Connections);
        let pending = market.traded.iter().map(|traded| Pending {
            sent_update_id: traded.update_id,
            sequence: traded.update_id,
            ..Pending::default()
        });
        Self { pending: pending.collect(), beats: 0, garbage_sent: false }
    }

    /// The numbers of a product's messages begin anew.
    pub(super) fn begin_anew(&mut self, product: usize) {
        self.pending[product].sequence = 0;
    }

    /// Id of the last change of a book that subscribers know of.
    pub(super) fn sent_update_id(&self, product: usize) -> u64 {
        self.pending[product].sent_update_id
    }

    /// The number of what happened to a product last (Exchange).
    pub(super) fn sequence(&self, product: usize) -> u64 {
        self.pending[product].sequence
    }
}

impl Protocol for Exchange<Coinbase> {
    fn admit(&mut self, id: ConnectionId, target: &Target) -> Result<(), Response> {
        if target.path != "/" {
            return Err(rest::not_found());
        }
        self.take_in(id, Caller::default());
        Ok(())
    }

    fn command(&mut self, id: ConnectionId, text: &str, now: MonoNanos, wires: &mut Wires) {
        self.obey(id, text, now, wires);
    }

    fn answer(&mut self, target: &Target, now: MonoNanos) -> Response {
        self.response(target, now)
    }

    /// Recordings may lack the heartbeats that keep a client from leaving.
    fn care(&mut self, now: MonoNanos, wires: &mut Wires) -> MonoNanos {
        match self.recording {
            Some(_) => self.run_due(now, wires).loose,
            None => MonoNanos::MAX,
        }
    }

    fn strike(&mut self, fault: Fault) -> Option<Fault> {
        let Fault::SequenceReset { symbol, .. } = fault else { return Some(fault) };
        if self.own.product == Product::Advanced {
            self.callers.values_mut().for_each(|client| client.own.sequence = 0);
            return None;
        }
        let symbol = symbol.as_deref().map(plain);
        for (product, of) in self.spellings.iter().enumerate() {
            if symbol.as_ref().is_none_or(|symbol| *symbol == plain(&of.native)) {
                self.own.schedule.begin_anew(product);
            }
        }
        None
    }

    fn update_ids(&self, index: usize) -> [u64; 2] {
        [self.market.traded[index].update_id, self.own.schedule.sent_update_id(index)]
    }

    /// One taker, with all that is told at once.
    fn run_step(&mut self, planned: MonoNanos, wires: &mut Wires) {
        let at = self.clock.date(planned);
        let step = self.agenda.take_step(planned, at, &mut self.market);
        let product = step.instrument;
        for &print in &step.prints {
            self.truth.lock().keep(product, Kept { print, planned });
            self.tell_trade(product, Told { print, at }, planned, wires);
        }
        self.note_changes(&step, at);
        if !step.prints.is_empty() {
            self.tell_ticker(product, planned, wires);
        }
        self.agenda.give_back(step);
    }

    fn run_duty(&mut self, wires: &mut Wires) {
        let Some((planned, duty)) = self.agenda.pop() else { return };
        let every = match duty {
            Duty::Book(product) => {
                self.tell_book(product, planned, wires);
                BOOKS_EVERY
            }
            Duty::Trades(product) => {
                self.tell_trades(product, planned, wires);
                TRADES_EVERY
            }
            Duty::Beat(product) => {
                self.tell_beat(product, planned, wires);
                BEAT_EVERY
            }
            Duty::Summary(product) => {
                self.tell_summary(product, planned, wires);
                SUMMARY_EVERY
            }
            Duty::Connections => {
                self.look_after(planned, wires);
                BEAT_EVERY
            }
        };
        self.agenda.plan(planned.after(every), duty);
    }
}

impl Exchange<Coinbase> {
    fn tell_trade(&mut self, product: usize, told: Told, now: MonoNanos, wires: &mut Wires) {
        let pending = &mut self.own.schedule.pending[product];
        pending.sequence += 1;
        let sequence = pending.sequence;
        pending.past.push_back(told);
        // Advanced Trade tells them four times a second, however many they are by then.
        pending.fresh += usize::from(self.own.product == Product::Advanced);
        if pending.past.len() > PAST_TRADES.max(pending.fresh) {
            pending.past.pop_front();
        }
        if self.own.product == Product::Exchange && self.fanout.wants((product, Kind::Trades)) {
            let frame = exchange::matched("match", &self.spellings[product], &told, sequence);
            self.publish((product, Kind::Trades), ("", &frame), now, wires);
        }
    }

    fn tell_ticker(&mut self, product: usize, now: MonoNanos, wires: &mut Wires) {
        if self.fanout.wants((product, Kind::Ticker))
            && let Some(text) = self.ticker(product, "update", false)
        {
            self.publish((product, Kind::Ticker), ("ticker", &text), now, wires);
        }
    }

    /// The ticker of a product; `None` before its first trade.
    fn ticker(&self, product: usize, kind: &str, batched: bool) -> Option<String> {
        let (of, traded) = (&self.spellings[product], &self.market.traded[product]);
        let pending = &self.own.schedule.pending[product];
        match self.own.product {
            Product::Exchange => {
                Some(exchange::ticker(of, traded, pending.past.back()?, pending.sequence))
            }
            Product::Advanced => Some(advanced::ticker(kind, of, traded, batched)),
        }
    }

    /// Keeps what the next change of the book will tell.
    fn note_changes(&mut self, step: &Step, at: UnixNanos) {
        let heard = self.fanout.wants((step.instrument, Kind::Book));
        let pending = &mut self.own.schedule.pending[step.instrument];
        pending.sequence += step.changes.len() as u64;
        for change in &step.changes {
            if heard {
                pending.changed.push((change.side, change.price));
                pending.changed_at = Some(at);
            } else {
                pending.sent_update_id = change.update_id;
            }
        }
    }

    /// What changed of a book since it was last told.
    fn tell_book(&mut self, product: usize, now: MonoNanos, wires: &mut Wires) {
        let (of, book) = (&self.spellings[product], &self.market.traded[product].book);
        let pending = &mut self.own.schedule.pending[product];
        if pending.changed.is_empty() {
            return;
        }
        let mut changed = std::mem::take(&mut pending.changed);
        sort_told(&mut changed);
        let mut changes: Vec<(BookSide, Resting)> = Vec::with_capacity(changed.len());
        for &(side, price) in &changed {
            let size = book.size_at(side, price);
            // What came and went meanwhile was never there for them.
            if size != pending.shown.size_at(side, price) {
                pending.shown.set(side, price, size);
                changes.push((side, Resting { price, size }));
            }
        }
        changed.clear();
        pending.changed = changed;
        pending.sent_update_id = self.market.traded[product].update_id;
        if changes.is_empty() {
            return;
        }
        let at = pending.changed_at.unwrap_or_else(|| self.clock.date(now));
        let text = match self.own.product {
            Product::Exchange => {
                pending.updates += 1;
                exchange::update(of, &changes, pending.updates - 1, at)
            }
            Product::Advanced => advanced::book("update", of, changes.into_iter(), at),
        };
        self.publish((product, Kind::Book), ("l2_data", &text), now, wires);
    }

    /// The trades since they were last told, newest first (Advanced Trade).
    fn tell_trades(&mut self, product: usize, now: MonoNanos, wires: &mut Wires) {
        let pending = &mut self.own.schedule.pending[product];
        let fresh = std::mem::take(&mut pending.fresh);
        if fresh == 0 || !self.fanout.wants((product, Kind::Trades)) {
            return;
        }
        let past = &self.own.schedule.pending[product].past;
        let told = past.range(past.len() - fresh..);
        let text = advanced::trades("update", &self.spellings[product], told);
        self.publish((product, Kind::Trades), ("market_trades", &text), now, wires);
    }

    /// Heartbeats of the Exchange, candles of Advanced Trade.
    fn tell_beat(&mut self, product: usize, now: MonoNanos, wires: &mut Wires) {
        let at = self.clock.date(now);
        if self.fanout.wants((product, Kind::Heartbeat)) {
            let pending = &self.own.schedule.pending[product];
            let last = pending.past.back().map_or(0, |told| told.print.id);
            let of = &self.spellings[product];
            let frame = exchange::heartbeat(of, pending.sequence, last, at);
            self.publish((product, Kind::Heartbeat), ("", &frame), now, wires);
        }
        let before = self.own.schedule.pending[product].bar;
        if self.take_bar(product, at)
            && let Some(bar) = self.own.schedule.pending[product].bar
        {
            // What happened to one since the last beat before its end.
            let ended = before.filter(|before| before.start_ms < bar.start_ms);
            let ended = ended.and_then(|before| self.bar_of(product, before.start_ms));
            for bar in ended.iter().chain([&bar]) {
                let text = advanced::candle("update", &self.spellings[product], bar);
                self.publish((product, Kind::Candles), ("candles", &text), now, wires);
            }
        }
    }

    /// The bar of five minutes that begins then.
    fn bar_of(&self, product: usize, start_ms: i64) -> Option<Bar> {
        let interval = INTERVALS.iter().position(|(name, ..)| *name == CANDLE)?;
        self.market.traded[product].candles.bar_at(interval, start_ms)
    }

    /// Takes over the current bar of five minutes; true when it changed.
    fn take_bar(&mut self, product: usize, at: UnixNanos) -> bool {
        let interval = INTERVALS.iter().position(|(name, ..)| *name == CANDLE);
        let candles = &mut self.market.traded[product].candles;
        candles.roll(at.millis());
        let changed = interval.and_then(|interval| candles.take_changed(interval));
        if changed.is_some() {
            self.own.schedule.pending[product].bar = changed;
        }
        changed.is_some()
    }

    fn tell_summary(&mut self, product: usize, now: MonoNanos, wires: &mut Wires) {
        let count = self.market.traded[product].day.count;
        let summed = std::mem::replace(&mut self.own.schedule.pending[product].summed, count);
        if summed != count
            && self.fanout.wants((product, Kind::TickerBatch))
            && let Some(text) = self.ticker(product, "update", true)
        {
            self.publish((product, Kind::TickerBatch), ("ticker_batch", &text), now, wires);
        }
    }

    /// What concerns whole connections: heartbeats, the status, and the end of those that are idle.
    fn look_after(&mut self, now: MonoNanos, wires: &mut Wires) {
        self.own.schedule.beats += 1;
        let beats = self.own.schedule.beats;
        let beat = advanced::heartbeat(beats, self.clock.date(now));
        let ids: Vec<ConnectionId> = self.callers.keys().copied().collect();
        for id in ids {
            let Some(client) = self.callers.get(&id) else { continue };
            let Caller { has_asked, beats: wants_beat, status: wants_status, .. } = client.own;
            let told = wires.told(id).max(client.opened);
            let is_mute = !has_asked && now.since(client.opened) >= FIRST_WORD_NS;
            let is_quiet = now.since(told) >= QUIET_NS && !wants_beat;
            if is_mute || is_quiet && self.own.product == Product::Advanced && has_asked {
                wires.close(id, 1000, "");
                continue;
            }
            if wants_beat {
                self.send(id, ("heartbeats", &beat), None, now, wires);
            }
            if wants_status && beats.is_multiple_of(SUMMARY_EVERY.as_secs()) {
                let products = self.products();
                let text = match self.own.product {
                    Product::Exchange => exchange::status(&products),
                    Product::Advanced => advanced::status(&products),
                };
                self.send(id, ("status", &text), None, now, wires);
            }
        }
    }

    /// What a stream begins with.
    pub(super) fn tell_first(
        &mut self,
        id: ConnectionId,
        kind: Kind,
        product: usize,
        now: MonoNanos,
        wires: &mut Wires,
    ) {
        let of = &self.spellings[product];
        let pending = &self.own.schedule.pending[product];
        let (channel, text) = match (kind, self.own.product) {
            (Kind::Book, _) => return self.tell_whole_book(id, product, now, wires),
            (Kind::Trades, Product::Exchange) => {
                let Some(last) = pending.past.back() else { return };
                ("", exchange::matched("last_match", of, last, pending.sequence))
            }
            (Kind::Trades, Product::Advanced) => {
                // What is not told yet comes with the next update.
                let told = pending.past.range(..pending.past.len() - pending.fresh);
                ("market_trades", advanced::trades("snapshot", of, told))
            }
            (Kind::Ticker | Kind::TickerBatch, _) => {
                let Some(text) = self.ticker(product, "snapshot", kind == Kind::TickerBatch) else {
                    return;
                };
                (if kind == Kind::Ticker { "ticker" } else { "ticker_batch" }, text)
            }
            (Kind::Candles, _) => {
                self.take_bar(product, self.clock.date(now));
                let Some(bar) = &self.own.schedule.pending[product].bar else { return };
                ("candles", advanced::candle("snapshot", &self.spellings[product], bar))
            }
            (Kind::Heartbeat, _) => return,
        };
        self.send(id, (channel, &text), None, now, wires);
    }

    /// The book as the other subscribers know it, so that the next change is one for all.
    fn tell_whole_book(
        &mut self,
        id: ConnectionId,
        product: usize,
        now: MonoNanos,
        wires: &mut Wires,
    ) {
        let alone = self.fanout.subscribers((product, Kind::Book)).len() == 1;
        let traded = &self.market.traded[product];
        let pending = &mut self.own.schedule.pending[product];
        if alone {
            pending.shown = traded.book.clone();
            pending.changed.clear();
            pending.sent_update_id = traded.update_id;
        }
        let (of, at) = (&self.spellings[product], self.clock.date(now));
        let text = match self.own.product {
            Product::Exchange => {
                let garbage = !std::mem::replace(&mut self.own.schedule.garbage_sent, true);
                exchange::snapshot(of, &pending.shown, garbage, at)
            }
            Product::Advanced => {
                let side = |side: BookSide| pending.shown.levels(side).map(move |it| (side, it));
                let levels = side(BookSide::Bid).chain(side(BookSide::Ask));
                // Snapshots have no time of their own, as the documentation shows them.
                advanced::book("snapshot", of, levels, UnixNanos(0))
            }
        };
        self.send(id, ("l2_data", &text), Some(FRAGMENT_BYTES), now, wires);
    }
}
