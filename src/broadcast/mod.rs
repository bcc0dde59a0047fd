//! The broadcaster thread: drains the rings, remembers, fans out, writes.
//!
//! ```text
//! turn:  commands ▶ requests of clients ▶ rings ▶ arrears and paces ▶ flush ▶ heartbeats
//!
//! ring ▶ tick ▶ cache ▶ event ▶ groups that want it ▶ one frame each in the arena
//! ring empty, or arena full: ranges of all of it into the members' sessions, group by group
//! flush: one write per session of what it was given, a slice of the sessions in each turn; what the
//!        kernel refuses is copied
//! ```
//!
//! No session can hold another up: nothing blocks, a session writes at most a bounded number of
//! bytes per turn, and what one cannot take stays in its own outbox, which is bounded too.

mod answers;
mod checks;
mod command;
mod demand;
mod fanout;
mod glossary;
mod joins;
mod lifecycle;
mod places;
mod publish;
mod requests;
mod revokes;
mod sessions;
mod spans;
mod told;
mod wishes;

pub use crate::client::Admission;
pub use command::{BroadcastCommand, BroadcastHandle, OpenSocket};
pub use demand::Demand;

use std::cmp::Reverse;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::cache::{
    Cache, CandleCounts, Event, EventBody, HistoryBounds, ListedStatus, Stamp, Stream,
};
use crate::client::{ClientChannel, CloseReason, FlushBuffers, Phase, Session, SubscriptionKey};
use crate::clock::{Clock, MonoNanos, UnixNanos};
use crate::dialect::{Catalogue, Offer, Offers};
use crate::instrument::{ExchangeId, Instrument, InstrumentId, InstrumentTable, Listed};
use crate::latency::Recorder;
use crate::limits::{
    ANSWER_BYTES_PER_TURN_MAX, ARENA_FLUSH_BYTES, ARENA_SLICED_BYTES_MAX,
    BROADCAST_COMMANDS_CAPACITY, ENDS_PER_TURN, FLUSH_BYTES_PER_TURN, GRANTS_PER_TURN,
    SESSIONS_PER_SLICE, SWEEP_EVERY, TICKS_PER_DRAIN, TICKS_PER_TURN_MAX,
};
use crate::metrics::BroadcastCounters;
use crate::net::{Poller, Waiting};
use crate::ring::{Bell, Doorbell, FeedRing};
use crossbeam::channel::{Receiver, bounded};

use fanout::Fanout;
use glossary::Glossary;
use joins::{Arrears, Desk};
use publish::{Held, Recipients, publish, release};
use sessions::Sessions;
use spans::Spans;
use told::Told;

/// About what a client reads as one level of a book.
const LEVEL_TEXT_BYTES: usize = 24;

/// How a broadcaster serves its clients.
#[derive(Clone, Debug)]
pub struct BroadcastOptions {
    /// What the thread does when a turn found nothing to do.
    pub waiting: Waiting,
    /// Symbols that one client may name, counted as it named them; `*` is one.
    pub symbols_per_client_max: usize,
    /// Bytes that may wait for one client before it is closed as too slow.
    pub client_queue_bytes: usize,
    /// How often a client is pinged; the third ping in a row without an answer is a close.
    pub heartbeat: Duration,
    /// Longest time from a stop to the end of the thread.
    pub drain_max: Duration,
    /// How long events may wait for more, so that one write takes all of them.
    pub flush_delay: Duration,
    /// What is remembered.
    pub history: HistoryBounds,
    /// Random number of this process run, the same in every broadcaster.
    pub epoch: u64,
    /// What clients can ask for; anything else they are refused.
    pub offers: Arc<Offers>,
    /// Exchange of symbols that name none where a dialect cannot mean all.
    pub exchange_default: ExchangeId,
    /// Held up for so long in each turn that has ticks. Not configurable: it is there to prove
    /// that `verify` notices.
    pub delay_injected: Duration,
}

impl Default for BroadcastOptions {
    fn default() -> Self {
        Self {
            waiting: Waiting::Block,
            symbols_per_client_max: 200,
            client_queue_bytes: 1 << 20,
            heartbeat: Duration::from_secs(30),
            drain_max: Duration::from_secs(5),
            flush_delay: Duration::ZERO,
            history: HistoryBounds::default(),
            epoch: 1,
            offers: Arc::new(ExchangeId::ALL.map(|_| Offer::everything())),
            exchange_default: ExchangeId::Binance,
            delay_injected: Duration::ZERO,
        }
    }
}

/// How the thread comes to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    Serving,
    /// Told to stop: the rings are drained, then the sessions. Over at that time at the latest.
    Draining(MonoNanos),
    Ended,
}

/// A broadcaster: everything that its thread owns.
#[derive(Debug)]
pub struct Broadcaster {
    options: BroadcastOptions,
    clock: Clock,
    glossary: Glossary,
    feeds: Vec<FeedRing>,
    cache: Cache,
    fanout: Fanout,
    held: Held,
    sessions: Sessions,
    buffers: FlushBuffers,
    told: Told,
    commands: Receiver<BroadcastCommand>,
    poller: Poller,
    bell: Arc<Bell>,
    spans: Spans,
    counters: Arc<BroadcastCounters>,
    demand: Arc<Demand>,
    catalogue: Arc<Catalogue>,
    course: Course,
    /// Instruments that are carried, or of which something else is, or that are found not to be
    /// listed, since the table was last replaced; in order.
    fresh: Vec<InstrumentId>,
    /// What clients may still say in this turn.
    hearing_left: usize,
    /// Subscriptions that may still be granted in this turn, and that may still end.
    grants_left: usize,
    ends_left: usize,
    /// A client's message, copied out of its connection to be answered.
    message: Vec<u8>,
    /// It came as bytes and not as text.
    message_is_binary: bool,
    /// Where the look at heartbeats goes on, and when the next round begins.
    sweep_next: u32,
    sweep_due: MonoNanos,
    /// Until then events wait for more.
    flush_due: MonoNanos,
    /// The ring that ticks are taken from next.
    ring_next: usize,
}

impl Broadcaster {
    /// A broadcaster without clients, and the handle to it. Rings are attached by command.
    ///
    /// # Errors
    /// When the system gives no poll or waker.
    pub fn new(
        options: BroadcastOptions,
        table: Arc<InstrumentTable>,
        clock: Clock,
        recorder: Recorder,
    ) -> io::Result<(Self, BroadcastHandle)> {
        let poller = Poller::new()?;
        let bell = Arc::new(Doorbell::new(poller.waker()));
        let (sender, commands) = bounded(BROADCAST_COMMANDS_CAPACITY);
        let counters = Arc::new(BroadcastCounters::default());
        let demand = Arc::new(Demand::default());
        let handle = BroadcastHandle {
            commands: sender,
            bell: Arc::clone(&bell),
            counters: Arc::clone(&counters),
            demand: Arc::clone(&demand),
        };
        let entries: Vec<_> =
            table.carried().map(|(_, one)| (one, &options.offers[one.exchange as usize])).collect();
        let catalogue = Catalogue::new(&entries);
        let mut broadcaster = Self {
            cache: Cache::new(options.history),
            glossary: Glossary::new(options.epoch, options.exchange_default),
            fanout: Fanout::default(),
            held: Held::new(),
            sessions: Sessions::new(options.client_queue_bytes),
            buffers: FlushBuffers::new(),
            told: Told::default(),
            feeds: Vec::new(),
            commands,
            poller,
            bell,
            spans: Spans::new(recorder),
            counters,
            demand,
            catalogue: Arc::new(catalogue),
            course: Course::Serving,
            fresh: Vec::new(),
            hearing_left: 0,
            grants_left: GRANTS_PER_TURN,
            ends_left: ENDS_PER_TURN,
            message: Vec::new(),
            message_is_binary: false,
            sweep_next: 0,
            sweep_due: MonoNanos::ZERO,
            flush_due: MonoNanos::ZERO,
            ring_next: 0,
            options,
            clock,
        };
        broadcaster.set_instruments(table, Arc::clone(&broadcaster.options.offers));
        Ok((broadcaster, handle))
    }

    /// Turns until it was told to stop and has drained, or its drain time has passed.
    pub fn run(mut self) {
        while self.course != Course::Ended {
            let now = self.clock.now();
            let work = self.turn(now);
            if let Err(error) = self.wait(work == 0) {
                tracing::error!(%error, "a broadcaster cannot wait for its sockets and ends");
                return;
            }
        }
        self.spans.finish();
    }

    /// True when it has stopped and every session has ended.
    pub fn has_ended(&self) -> bool {
        self.course == Course::Ended
    }

    /// One turn: commands, requests, rings, arrears, writes, heartbeats. Returns the work done; 0
    /// lets the thread wait.
    pub fn turn(&mut self, now: MonoNanos) -> usize {
        self.glossary.date = self.clock.date(now);
        self.buffers.flush_left = FLUSH_BYTES_PER_TURN;
        (self.grants_left, self.ends_left) = (GRANTS_PER_TURN, ENDS_PER_TURN);
        let mut work = self.take_commands(now);
        work += self.take_readiness();
        work += self.take_requests(now);
        work += self.take_ticks(now);
        work += self.go_on_ending();
        work += self.settle_arrears(now);
        work += self.release_paces(now);
        work += if self.may_hold(now) { self.flush_urgent(now) } else { self.flush(now) };
        self.sweep(now);
        self.go_on_draining(now);
        self.spans.hand_over(now);
        self.tell_histories();
        work
    }

    fn tell_histories(&self) {
        self.counters.history_bytes.set(self.cache.history_bytes() as u64);
        self.counters.history_evicted.set(self.cache.history_evicted());
    }

    /// Waits for sockets, rings, commands or the next timer; unless it is idle, only looks. What
    /// is ready then is the next turn's.
    ///
    /// # Errors
    /// What the system says.
    pub fn wait(&mut self, idle: bool) -> io::Result<()> {
        let waiting = self.options.waiting;
        if waiting != Waiting::Block {
            return self.poller.wait(waiting, Some(Duration::ZERO));
        }
        let (feeds, commands) = (&self.feeds, &self.commands);
        let has_work = || feeds.iter().any(|f| f.ticks.waiting() > 0) || !commands.is_empty();
        let now = self.clock.now();
        let has_output = !self.sessions.dirty.is_empty();
        let has_more = self.sessions.has_work() || (has_output && !self.may_hold(now));
        let may_sleep = idle && !has_more && self.bell.lie_down(has_work);
        let timeout = if may_sleep { self.until_next_timer(now) } else { Duration::ZERO };
        let waited = match may_sleep && has_output {
            true => self.poller.wait_exactly(timeout),
            false => self.poller.wait(waiting, Some(timeout)),
        };
        if may_sleep {
            self.bell.wake_up();
        }
        waited
    }

    /// How long the thread may sleep.
    fn until_next_timer(&self, now: MonoNanos) -> Duration {
        let pace = self.held.peek().map_or(MonoNanos::MAX, |&Reverse((due, _))| due);
        let put_off = self.sessions.next_due().unwrap_or(MonoNanos::MAX);
        let due = if self.sessions.len() > 0 { pace.min(self.sweep_due) } else { pace };
        let held = if self.sessions.dirty.is_empty() { MonoNanos::MAX } else { self.flush_due };
        let due = due.min(put_off).min(held);
        let due = match self.course {
            Course::Draining(until) => due.min(until),
            Course::Serving | Course::Ended => due,
        };
        Duration::from_nanos(due.since(now)).min(SWEEP_EVERY * 10)
    }

    fn take_commands(&mut self, now: MonoNanos) -> usize {
        let mut work = 0;
        // Bounded by the queue's capacity: what comes meanwhile waits for the next turn.
        for _ in 0..BROADCAST_COMMANDS_CAPACITY {
            let Ok(command) = self.commands.try_recv() else { break };
            work += 1;
            match command {
                BroadcastCommand::Open(open) => self.open(open, now),
                BroadcastCommand::Attach(ring) => self.feeds.push(ring),
                BroadcastCommand::Instruments(table, catalogue, offers) => {
                    self.catalogue = catalogue;
                    let before = Arc::clone(self.glossary.table());
                    self.set_instruments(table, offers);
                    self.tell_listed(&before, now);
                    self.extend_wishes();
                }
                BroadcastCommand::Stop if self.course == Course::Serving => {
                    self.course = Course::Draining(now.after(self.options.drain_max));
                }
                BroadcastCommand::Stop => {}
            }
        }
        work
    }

    fn set_instruments(&mut self, table: Arc<InstrumentTable>, offers: Arc<Offers>) {
        let before = self.glossary.table();
        let is_changed = ExchangeId::ALL
            .map(|exchange| self.options.offers[exchange as usize] != offers[exchange as usize]);
        let is_fresh = |(id, one): &(InstrumentId, &Instrument)| {
            let is_known = before.listed(*id).is_some_and(|was| was != Listed::Nowhere);
            table.listed(*id).is_some() && (!is_known || is_changed[one.exchange as usize])
        };
        self.fresh = table.iter().filter(is_fresh).map(|(id, _)| id).collect();
        self.cache.set_candle_sources(offers.each_ref().map(|offer| offer.candle_source));
        self.cache.set_hidden_trades(offers.each_ref().map(Offer::hides_trades));
        self.options.offers = offers;
        self.cache.set_instruments(&table);
        self.fanout.cover(table.len());
        self.glossary.set_instruments(table);
    }

    /// Whoever follows an instrument is told that its exchange does not list it, or has it not
    /// trade, or does again; and that what was said of it so is past, as it is not wanted any more.
    fn tell_listed(&mut self, before: &InstrumentTable, now: MonoNanos) {
        let Self { cache, fanout, held, sessions, buffers, told, glossary, counters, .. } = self;
        let since = glossary.date;
        let table = Arc::clone(glossary.table());
        let mut out = Recipients { sessions, buffers, told, glossary, counters };
        for (instrument, _) in table.iter() {
            let was = cache.listed_status(instrument).map(|status| status.listed);
            let was = was.or_else(|| before.listed(instrument)).unwrap_or(Listed::Trading);
            let listed = match (table.listed(instrument), was) {
                (Some(listed), _) => listed,
                (None, Listed::Nowhere | Listed::Idle) => Listed::Unwanted,
                (None, Listed::Trading | Listed::Unwanted) => continue,
            };
            if listed == was {
                continue;
            }
            let stamp = Stamp { exchange_time: UnixNanos::NONE, received: since };
            let status = ListedStatus { listed, since };
            cache.set_listed(instrument, status);
            let body = EventBody::Listed(status);
            publish(&Event { instrument, seq: 0, stamp, body }, fanout, held, &mut out, now);
        }
    }

    fn take_readiness(&mut self) -> usize {
        let mut work = 0;
        for event in self.poller.events() {
            work += 1;
            let slot = event.token().0 as u32;
            if event.is_writable() {
                self.sessions.set_writable(slot);
            }
            if event.is_readable() {
                self.sessions.mark_readable(slot);
            }
        }
        work
    }

    /// Drains the rings fairly: a few ticks of each, round and round, up to the turn's bound. What
    /// has been encoded goes out before much more is added to it: of many clients, to a slice in each
    /// turn, while the ticks wait in their rings.
    fn take_ticks(&mut self, now: MonoNanos) -> usize {
        let (mut taken, mut empty) = (0, 0);
        while empty < self.feeds.len() && taken < TICKS_PER_TURN_MAX && self.has_room(now) {
            let ring = self.ring_next % self.feeds.len();
            self.ring_next = ring + 1;
            let drained = self.drain(ring, now);
            empty = if drained > 0 { 0 } else { empty + 1 };
            taken += drained;
        }
        self.hand_out();
        self.counters.ticks.add(taken as u64);
        if taken > 0 && !self.options.delay_injected.is_zero() {
            self.hold_up();
        }
        taken
    }

    /// Whether ticks may be taken: much that is encoded goes out first.
    fn has_room(&mut self, now: MonoNanos) -> bool {
        if self.buffers.arena.len() >= ARENA_FLUSH_BYTES {
            self.flush(now);
        }
        self.buffers.arena.len() < ARENA_FLUSH_BYTES
    }

    /// The injected delay, between encoding and writing.
    #[cold]
    fn hold_up(&self) {
        let end = self.clock.now().after(self.options.delay_injected);
        while self.clock.now() < end {
            std::hint::spin_loop();
        }
    }

    /// Takes some ticks of one feed and publishes their events.
    fn drain(&mut self, index: usize, now: MonoNanos) -> usize {
        let Self {
            feeds, cache, fanout, held, sessions, buffers, told, glossary, counters, ..
        } = self;
        let (clock, spans) = (&self.clock, &mut self.spans);
        let feed = &mut feeds[index];
        if feed.ticks.waiting() == 0 {
            return 0;
        }
        let popped = clock.now();
        spans.popped(popped);
        // An event is not dated before its own receipt, which may be later than the turn's begin.
        glossary.date = clock.date(popped);
        let mut out = Recipients { sessions, buffers, told, glossary, counters };
        let taken = feed.ticks.drain(TICKS_PER_DRAIN, |tick| {
            let mut heard = 0;
            cache.apply(feed.exchange, tick, clock.date(tick.received), |event| {
                heard += publish(event, fanout, held, &mut out, now);
            });
            spans.tick(tick, heard > 0);
        });
        let CandleCounts { late, corrected, repeated, returned } = cache.candle_counts();
        counters.late.set(late);
        counters.bars_corrected.set(corrected);
        counters.bars_repeated.set(repeated);
        counters.candles_returned.set(returned);
        spans.encoded(clock.now());
        taken
    }

    /// Goes on with sessions that are owed something and have room for it: a piece of each, those
    /// that wait longest first, and no more in one turn than all of them together may take.
    fn settle_arrears(&mut self, now: MonoNanos) -> usize {
        let (mut work, mut bytes) = (0, 0);
        for _ in 0..self.sessions.catching_up.len() {
            if bytes >= ANSWER_BYTES_PER_TURN_MAX {
                break;
            }
            let Some(slot) = self.sessions.catching_up.pop_front() else { break };
            let Some(session) = self.sessions.get_mut(slot) else { continue };
            session.is_catching_up = false;
            work += 1;
            let cache = &self.cache;
            if session.wants_much(|key| book_bytes(cache, key))
                && !self.sessions.take_place(slot, now)
            {
                continue;
            }
            let made = self.go_on_answering(slot);
            let start = self.buffers.arena.len();
            let arrears = match self.sessions.get(slot).is_some_and(|one| one.answer.is_some()) {
                // Without room its flush will tell.
                true if made > 0 => Arrears::More,
                true => Arrears::Rest,
                false => self.desk(|desk| desk.catch_up(slot)),
            };
            bytes += made + self.buffers.arena.len() - start;
            if arrears == Arrears::More {
                self.sessions.mark_catching_up(slot);
            }
        }
        work
    }

    /// Works at subscriptions.
    fn desk<T>(&mut self, work: impl FnOnce(&mut Desk<'_, '_>) -> T) -> T {
        let Self { cache, fanout, sessions, buffers, told, glossary, counters, .. } = self;
        let out = &mut Recipients { sessions, buffers, told, glossary, counters };
        work(&mut Desk { cache, fanout, out })
    }

    /// Has the members of every group take what it was told.
    fn hand_out(&mut self) {
        self.desk(|desk| desk.out.hand_out(desk.fanout));
    }

    fn release_paces(&mut self, now: MonoNanos) -> usize {
        let Self { cache, fanout, held, sessions, buffers, told, glossary, counters, .. } = self;
        let mut out = Recipients { sessions, buffers, told, glossary, counters };
        release(cache, fanout, held, &mut out, now) as usize
    }

    /// Whether what was given to sessions may wait for more: the last flush was not long ago, and left
    /// nothing. A pace that is told to no one within a delay so waits for nothing, and a burst is
    /// one write for each delay.
    fn may_hold(&self, now: MonoNanos) -> bool {
        let is_much = self.buffers.arena.len() >= ARENA_FLUSH_BYTES;
        now < self.flush_due
            && !is_much
            && !self.sessions.is_flushing()
            && self.course == Course::Serving
    }

    /// Writes to those whose output waits for nothing, behind what else they were given. They stay in
    /// the list of the next flush, which finds nothing more of them.
    fn flush_urgent(&mut self, now: MonoNanos) -> usize {
        self.hand_out();
        let urgent = self.sessions.urgent.len();
        for _ in 0..urgent {
            let Some(slot) = self.sessions.pop_urgent() else { break };
            self.flush_session(slot, now);
            if self.sessions.get(slot).is_some_and(Session::is_flushable) {
                // It has more than it may write in one turn.
                self.flush_due = now;
            }
        }
        urgent
    }

    /// Writes to sessions what they were given, or what they may take again: to a slice of them, and
    /// to all once much is encoded. The bytes are forgotten when everyone had theirs.
    fn flush(&mut self, now: MonoNanos) -> usize {
        self.hand_out();
        // All of them are visited here, or in the next turns.
        while self.sessions.pop_urgent().is_some() {}
        let is_first = !self.sessions.is_flushing();
        let waiting = self.sessions.begin_flush();
        if is_first && waiting > 0 {
            self.flush_due = now.after(self.options.flush_delay);
        }
        let is_much = self.buffers.arena.len() >= ARENA_SLICED_BYTES_MAX;
        let visits = if is_much { waiting } else { waiting.min(SESSIONS_PER_SLICE) };
        let unvisited = waiting - visits;
        let mut served = 0;
        for visited in 1..=visits {
            let Some(slot) = self.sessions.dirty.pop_front() else { break };
            let is_served = self.buffers.flush_left > 0;
            if let Some(session) = self.sessions.get_mut(slot) {
                session.is_dirty = false;
            }
            self.flush_session(slot, now);
            if is_served {
                served = self.sessions.dirty.len() - (waiting - visited);
            }
        }
        // Who had nothing of this turn comes before who had.
        let served = if self.buffers.flush_left == 0 { served } else { 0 };
        self.sessions.end_flush(unvisited, served);
        if unvisited == 0 {
            self.buffers.clear();
            match visits {
                0 => self.spans.forget(),
                _ => self.spans.written(self.clock.now()),
            }
        }
        if visits > 0 {
            self.counters.queue_bytes.set(self.buffers.chunks.lent_bytes() as u64);
        }
        visits
    }

    fn flush_session(&mut self, slot: u32, now: MonoNanos) {
        let bytes_soft = self.sessions.bytes_soft();
        let Some(session) = self.sessions.get_mut(slot) else { return };
        if session.phase == Phase::Ended {
            return;
        }
        match session.flush(&mut self.buffers) {
            Ok(bytes) => {
                self.counters.bytes.add(bytes as u64);
                // While it is not heard, that it takes bytes is the sign of its life.
                if bytes > 0 && session.answer.is_some() {
                    session.heartbeat.answered();
                }
                session.has_taken(bytes, now);
            }
            Err(error) => {
                tracing::debug!(peer = %session.peer, %error, "a client's connection failed");
                self.end(slot);
                return;
            }
        }
        let waiting = session.outgoing.waiting();
        let unread = session.outgoing.waiting_unasked();
        if unread > self.options.client_queue_bytes && session.is_open() {
            self.counters.slow_closes.increment();
            self.close(slot, CloseReason::TooSlow, now);
        }
        let Some(session) = self.sessions.get_mut(slot) else { return };
        if session.is_owed_much && !session.is_kept_owing() {
            self.sessions.leave_place(slot);
        }
        let Some(session) = self.sessions.get_mut(slot) else { return };
        match session.phase {
            Phase::Draining(reason) if waiting == 0 => self.close(slot, reason, now),
            Phase::Closing(_) if session.is_over() => self.end(slot),
            Phase::Closing(_) if !session.is_flushable() => session.end_output(),
            Phase::Ended => {}
            Phase::Open | Phase::Draining(_) | Phase::Closing(_) => {
                if session.is_flushable() {
                    self.sessions.mark_dirty(slot);
                } else if session.has_arrears() && waiting <= bytes_soft / 2 {
                    self.sessions.mark_catching_up(slot);
                }
            }
        }
    }
}

/// About how many bytes a client reads as the whole book, where it is one.
fn book_bytes(cache: &Cache, key: &SubscriptionKey) -> usize {
    match key.channel {
        ClientChannel::Stream(Stream::Orderbook) => {
            cache.book(key.instrument).map_or(0, |book| book.len() * LEVEL_TEXT_BYTES)
        }
        ClientChannel::Stream(_) | ClientChannel::Status => 0,
    }
}
