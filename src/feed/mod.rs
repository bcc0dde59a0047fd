//! The feed thread: one per exchange, from sockets to rings.
//!
//! ```text
//! turn: commands ▶ what waits for the rings ▶ sockets (read, parse, prove, stamp, push)
//!       ▶ deadlines, requests, writes ▶ questions to the control side
//! ```
//!
//! While a ring is full nothing is read: bytes stay in the kernel and TCP pushes back. Everything
//! else goes on.

mod carry;
mod command;
mod connection;
mod line;
mod options;
mod publish;
mod read;
mod resync;

pub use carry::{StreamKind, subscriptions};
pub use command::{Addresses, FeedCommand, FeedHandle, FeedNotice, FeedReport, Refusal};
pub use connection::attempts::Attempts;
pub use options::{FeedContext, FeedError, FeedOptions};
pub use publish::rings::RingEnd;

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use arrayvec::ArrayString;
use crossbeam::channel::{Receiver, Sender, bounded};

use self::connection::open::Sign;
use self::connection::upstream::{Change, Target};
use self::line::{Lines, Standing, Turn};
use self::publish::Publisher;
use self::publish::absences::graver;
use self::publish::rings::Rings;
use self::read::{Outcome, Reader};
use self::resync::{Resyncs, Try};
use crate::clock::{Clock, MonoNanos};
use crate::exchange::{Batch, BookSnapshot, Exchange, SnapshotSource, Subscription};
use crate::instrument::{Channel, InstrumentId, NativeMap, SYMBOL_BYTES_MAX};
use crate::limits::{
    BOOK_QUIET_AFTER, BUSY_LINES_PER_TURN, FEED_COMMANDS_CAPACITY, FEED_COMMANDS_PER_TURN_MAX,
    FEED_STOP_MAX, FRAMES_PER_TURN_MAX, QUESTION_AGAIN_AFTER, RING_LOOK_EVERY, TIME_EVERY,
    TURN_GAP_MAX, UPSTREAM_BYTES_PER_TURN_MAX,
};
use crate::metrics::FeedCounters;
use crate::net::{Endpoint, Poller, Security, Waiting, client_config};
use crate::proof::{Books, Needed, Numbers};
use crate::tick::{Body, FeedState, Reason};

/// A feed: everything that its thread owns.
#[derive(Debug)]
pub struct Feed<E: Exchange> {
    exchange: E,
    poller: Poller,
    waiting: Waiting,
    clock: Clock,
    lines: Lines,
    publisher: Publisher,
    /// Books that wait for the snapshot of a new subscription, where they come in the stream.
    resyncs: Option<Resyncs>,
    batch: Batch,
    commands: Receiver<FeedCommand>,
    /// Snapshots that came while a ring was full; at most one per book, as each is asked for once.
    snapshots: Vec<(InstrumentId, BookSnapshot)>,
    /// Books that were accepted, and when they are asked for if nothing comes of them.
    quiet: VecDeque<(MonoNanos, InstrumentId)>,
    reports: Sender<FeedReport>,
    notices: Vec<FeedNotice>,
    /// The last state of each line that the control side had no room for.
    untold: BTreeMap<u8, FeedNotice>,
    subscriptions: Vec<Subscription>,
    /// What clients were told last, by the number of the lines that carry the same.
    told: BTreeMap<u8, Standing>,
    /// What they are to be told may be something else by now.
    states_changed: bool,
    counters: Arc<FeedCounters>,
    /// When the last turn was.
    turned: MonoNanos,
    /// When the next date is due.
    time_at: MonoNanos,
    /// When the control side may be asked again.
    ask_at: MonoNanos,
    stopped: bool,
}

impl<E: Exchange> Feed<E> {
    /// A feed that is not connected yet, and the handle to it.
    ///
    /// # Errors
    /// See [`FeedError`].
    pub fn new(
        mut exchange: E,
        options: FeedOptions,
        context: FeedContext,
    ) -> Result<(Self, FeedHandle), FeedError> {
        let target = target(&options)?;
        let poller = Poller::new()?;
        let counters = Arc::new(FeedCounters::default());
        let lines = Lines::new(&exchange, &options, target, Arc::clone(&counters))?;
        let subscriptions = options.subscriptions;
        let natives = subscriptions.iter().map(|one| (one.native.as_str(), one.instrument));
        exchange.set_instruments(NativeMap::new(natives));
        let (sender, commands) = bounded(FEED_COMMANDS_CAPACITY);
        let handle = FeedHandle {
            exchange: exchange.id(),
            commands: sender,
            waker: poller.waker(),
            counters: Arc::clone(&counters),
            copies: lines.copies(),
        };
        let count = instruments(&subscriptions);
        let (book_rules, rules) = (exchange.book_rules(), exchange.connection_rules());
        let mut publisher = Publisher::new(
            Books::new(book_rules),
            Numbers::new(
                count,
                rules.trade_ids_contiguous,
                book_rules.continuity,
                options.lines > 1,
                Arc::clone(&counters),
            ),
            (exchange.date_rules(), rules.quotes_in_ticker),
            Rings::new(context.rings, options.stall_max),
            (context.clock.clone(), context.recorder),
            Arc::clone(&counters),
        );
        publisher.cover(count, &subscriptions);
        if options.is_known {
            publisher.begin_withdrawn(&subscriptions);
        }
        if options.hides_trades {
            publisher.begin_with_hidden_trades(&subscriptions);
        }
        let feed = Self {
            exchange,
            poller,
            waiting: options.waiting,
            clock: context.clock,
            lines,
            publisher,
            resyncs: (book_rules.snapshot == SnapshotSource::Stream).then(Resyncs::default),
            batch: Batch::new(),
            commands,
            snapshots: Vec::new(),
            reports: context.reports,
            notices: Vec::new(),
            untold: BTreeMap::new(),
            subscriptions,
            told: BTreeMap::new(),
            states_changed: false,
            counters,
            turned: MonoNanos::ZERO,
            time_at: MonoNanos::ZERO,
            quiet: VecDeque::new(),
            ask_at: MonoNanos::ZERO,
            stopped: false,
        };
        Ok((feed, handle))
    }

    /// One turn. Returns the work done; 0 lets the thread wait.
    pub fn turn(&mut self, now: MonoNanos) -> usize {
        if now > std::mem::replace(&mut self.turned, now).after(TURN_GAP_MAX) {
            self.lines.excuse_silence(now);
        }
        let mut work = self.obey(now);
        work += usize::from(self.publisher.go_on());
        self.date(now);
        work += self.read(now);
        self.tend(now);
        self.ask(now);
        self.publisher.end_turn(now);
        work
    }

    /// Waits until something happens or is due, at most for `timeout`; how, the feed's way of
    /// waiting says.
    pub fn wait(&mut self, timeout: Duration) {
        if self.poller.wait(self.waiting, Some(timeout)).is_err() {
            // Nothing but a broken poll fails so; without it, trying is all that is left.
            self.lines.note_all_readable();
            self.lines.want_attention();
        }
        if self.waiting == Waiting::Spin {
            self.lines.note_all_readable();
        }
        for event in self.poller.events() {
            let readable = event.is_readable() || event.is_read_closed() || event.is_error();
            self.lines.note_ready(event.token(), readable);
        }
    }

    /// Turns until it is told to stop.
    pub fn run(mut self) {
        while !self.stopped {
            let now = self.clock.now();
            let idle = self.turn(now) == 0;
            self.wait(if idle { self.idle_for(now) } else { Duration::ZERO });
        }
        let end = self.clock.now().after(FEED_STOP_MAX);
        while self.publisher.is_blocked() && self.clock.now() < end {
            self.publisher.go_on();
            self.wait(RING_LOOK_EVERY);
        }
        self.publisher.end_turn(end);
        self.publisher.finish();
    }

    /// True when it has stopped: nothing comes from further turns.
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// How long nothing is due.
    fn idle_for(&self, now: MonoNanos) -> Duration {
        if self.publisher.is_behind() {
            return RING_LOOK_EVERY;
        }
        let resync = self.resyncs.as_ref().map_or(MonoNanos::MAX, Resyncs::due);
        let held = self.publisher.numbers().due();
        let quiet = self.quiet.front().map_or(MonoNanos::MAX, |(due, _)| *due);
        let untold = match self.untold.is_empty() {
            true => MonoNanos::MAX,
            false => now.after(QUESTION_AGAIN_AFTER),
        };
        let due = self.lines.due().min(self.time_at).min(resync).min(held).min(quiet);
        let due = due.min(self.publisher.suspects_due()).min(untold);
        Duration::from_nanos(due.since(now)).min(TIME_EVERY)
    }

    /// Takes commands.
    fn obey(&mut self, now: MonoNanos) -> usize {
        let mut work = 0;
        while work < FEED_COMMANDS_PER_TURN_MAX
            && let Ok(command) = self.commands.try_recv()
        {
            work += 1;
            match command {
                FeedCommand::Resolved { ticket, addresses } => {
                    let (registry, notices) = (self.poller.registry(), &mut self.notices);
                    let mut turn = Turn { registry, notices, now, date: self.clock.date(now) };
                    self.lines.resolved(ticket, &addresses, &mut turn);
                }
                FeedCommand::Snapshot { instrument, snapshot } => {
                    self.snapshots.push((instrument, snapshot));
                }
                FeedCommand::NoSnapshot { instrument, reason } => {
                    self.publisher.no_snapshot(instrument, reason, now);
                }
                FeedCommand::Carry { wanted, hides_trades, reason } => {
                    self.carry(wanted, reason, now);
                    self.publisher.show_trades(&self.subscriptions, !hides_trades, now);
                }
                FeedCommand::Stop => self.stop(now),
            }
        }
        while !self.publisher.is_blocked()
            && let Some((instrument, snapshot)) = self.snapshots.pop()
        {
            self.publisher.snapshot(instrument, &snapshot, now);
            self.notices.push(FeedNotice::Spent(snapshot));
        }
        work
    }

    /// Carries other streams from now on.
    fn carry(&mut self, wanted: Vec<Subscription>, reason: Reason, now: MonoNanos) {
        let natives = wanted.iter().map(|one| (one.native.as_str(), one.instrument));
        self.exchange.set_instruments(NativeMap::new(natives));
        let homeless = self.lines.carry(&self.exchange, &wanted, reason, now);
        self.counters.refused_subscriptions.add(homeless.len() as u64);
        let kept: HashSet<&Subscription> = wanted.iter().collect();
        let left = self.subscriptions.iter().filter(|one| !kept.contains(one));
        let streams: HashSet<_> = wanted.iter().map(Subscription::stream).collect();
        let (respelled, left): (Vec<_>, Vec<_>) =
            left.copied().partition(|one| streams.contains(&one.stream()));
        self.publisher.respell(&respelled, now);
        self.publisher.cover(instruments(&wanted), &wanted);
        // A channel is there as long as one of its streams is: candles come in several lengths.
        let stays: HashSet<_> = wanted.iter().map(|one| (one.instrument, one.channel)).collect();
        let (lengths, mut left): (Vec<_>, Vec<Subscription>) =
            left.into_iter().partition(|one| stays.contains(&(one.instrument, one.channel)));
        left.extend(homeless);
        self.publisher.withdraw_lengths(&lengths, reason, now);
        self.publisher.withdraw(&left, reason, now);
        self.states_changed = true;
        self.subscriptions = wanted;
    }

    /// Puts the date on the rings, once a second. A full ring is not made fuller: the next date
    /// does as well.
    fn date(&mut self, now: MonoNanos) {
        if now < self.time_at || self.publisher.is_blocked() {
            return;
        }
        self.time_at = now.after(TIME_EVERY);
        // A date closes candles as they are known, so it is none of a time of which nothing is known.
        let heard = self.lines.heard_until(now);
        let known = self.publisher.numbers().known_until().unwrap_or(heard);
        let date = self.publisher.exchange_date(heard.min(known));
        self.publisher.tell(Body::Time { date }, now);
        self.counters.ring_occupancy.set(self.publisher.ring_occupancy() as u64);
        for (gauge, count) in self.counters.books.iter().zip(self.publisher.tally()) {
            gauge.set(count);
        }
    }

    /// Reads from the connections that may hold something, as long as the rings take it and up to
    /// the turn's bounds; who was not heard is first in the next turn.
    fn read(&mut self, now: MonoNanos) -> usize {
        let (mut heard, mut work, mut bytes) = (0, 0, 0);
        let is_replacement_first = self.lines.are_replacements_first();
        while heard < self.lines.len()
            && work < BUSY_LINES_PER_TURN * FRAMES_PER_TURN_MAX
            && bytes < BUSY_LINES_PER_TURN * UPSTREAM_BYTES_PER_TURN_MAX
        {
            if self.publisher.is_blocked() {
                self.lines.excuse_silence(now);
                break;
            }
            for replacement in [is_replacement_first, !is_replacement_first] {
                let read = self.read_from(heard, replacement, now);
                (work, bytes) = (work + read.0, bytes + read.1);
            }
            heard += 1;
        }
        self.lines.rotate(heard);
        work
    }

    /// Reads from one connection of the line whose turn it is after `step` others. Returns the
    /// frames, of any kind, and the bytes.
    fn read_from(&mut self, step: usize, replacement: bool, now: MonoNanos) -> (usize, usize) {
        let (index, line) = self.lines.turn_of(step);
        let reader = Reader {
            exchange: &mut self.exchange,
            publisher: &mut self.publisher,
            batch: &mut self.batch,
            clock: &self.clock,
            counters: &self.counters,
            notices: &mut self.notices,
            index,
            outcome: Outcome::default(),
        };
        let Outcome { end, work, bytes, attention } = reader.read(line, replacement);
        if attention {
            self.lines.want_attention();
        }
        if let Some(end) = end {
            let (registry, notices) = (self.poller.registry(), &mut self.notices);
            let mut turn = Turn { registry, notices, now, date: self.clock.date(now) };
            self.lines.end(index, replacement, end, &mut turn);
        }
        (work, bytes)
    }

    /// Deadlines, requests and writes of the connections, and what changed with them.
    fn tend(&mut self, now: MonoNanos) {
        let (registry, notices) = (self.poller.registry(), &mut self.notices);
        let mut turn = Turn { registry, notices, now, date: self.clock.date(now) };
        let has_looked = self.lines.tend(&self.exchange, self.publisher.numbers_mut(), &mut turn);
        self.let_go(now);
        while let Some((index, change)) = self.lines.take_change() {
            self.changed(index, change, now);
        }
        while let Some(instrument) = self.lines.take_aged() {
            self.publisher.distrust(std::iter::once(instrument), Reason::Aged, now);
        }
        if has_looked {
            self.states_changed |= self.lines.take_words_changed();
            self.tell_absences(now);
        }
        if self.lines.take_doubts_changed() {
            let doubts = self.lines.books_in_doubt(self.publisher.numbers());
            self.publisher.doubt(&doubts, now);
        }
        self.ask_quiet(now);
        self.publisher.judge_suspects(now);
        self.resync(now);
        if self.publisher.take_rejoined() {
            self.told.clear();
            self.states_changed = true;
        }
        if std::mem::take(&mut self.states_changed) {
            self.tell_states(now);
        }
    }

    /// Books that nothing came of since they were accepted are asked for beside the stream.
    fn ask_quiet(&mut self, now: MonoNanos) {
        while let Some((_, instrument)) = self.quiet.pop_front_if(|(due, _)| *due <= now) {
            self.publisher.ask_quiet(instrument);
        }
    }

    /// Tells of streams that the exchange refuses or does not bring, and of those that it serves
    /// again.
    fn tell_absences(&mut self, now: MonoNanos) {
        while let Some(sign) = self.lines.take_sign() {
            let absences = self.publisher.absences();
            let kin = kin_channel(sign.stream.channel);
            if kin.is_some_and(|kin| absences.has((sign.stream.instrument, kin, None)))
                && let Some(stream) = self.kin_of(&sign.stream)
            {
                self.states_changed |= self.publisher.present(Sign { stream, ..sign }, now);
            }
            self.states_changed |= self.publisher.present(sign, now);
            if sign.stream.channel == Channel::Orderbook {
                self.accepted_book(sign.stream.instrument, now);
            }
        }
        for (stream, reason) in self.lines.absences() {
            self.states_changed |= self.publisher.absent(&stream, reason, now);
            if let Some(kin) = self.kin_of(&stream) {
                self.publisher.absent(&kin, reason, now);
            }
        }
    }

    /// The stream of a book flows from now on. Where its first state comes beside the stream, it is
    /// asked for with the first change, or when none came for a while.
    fn accepted_book(&mut self, instrument: InstrumentId, now: MonoNanos) {
        self.publisher.accepted_book(instrument, now);
        if self.resyncs.is_none() {
            self.quiet.push_back((now.after(BOOK_QUIET_AFTER), instrument));
        }
    }

    /// What nobody asks for since this stream brings it too: best prices come with statistics.
    fn kin_of(&self, stream: &Subscription) -> Option<Subscription> {
        let kin = kin_channel(stream.channel)?;
        let is_asked = |one: &Subscription| {
            let requests = self.exchange.subscribe(&[*stream, *one], &mut 1);
            self.lines.asks_for(one) && requests.iter().any(|request| request.covers.contains(one))
        };
        let is_kin = |one: &&Subscription| {
            one.channel == kin && one.instrument == stream.instrument && !is_asked(one)
        };
        self.subscriptions.iter().find(is_kin).copied()
    }

    /// Connections that are gone bring nothing any more, and nothing waits for them.
    fn let_go(&mut self, now: MonoNanos) {
        while let Some(lost) = self.lines.take_lost() {
            let left = self.lines.left_by(&lost);
            self.publisher.leave(lost.generation, &left, now);
        }
        if !self.publisher.is_blocked() {
            self.publisher.expire(now);
        }
    }

    /// Asks anew for the streams of books that need a snapshot, where it comes in the stream.
    fn resync(&mut self, now: MonoNanos) {
        let Some(resyncs) = &mut self.resyncs else { return };
        while let Some(needed) = self.publisher.next_needed() {
            resyncs.want(needed, now);
        }
        let books = self.publisher.books();
        while let Some(Try { instrument, attempt }) =
            resyncs.next(now, |one| books.awaits_snapshot(one))
        {
            // Without an open connection the next one brings the snapshot anyway.
            if self.lines.renew_book(instrument, attempt) {
                self.counters.resubscriptions.increment();
            }
        }
    }

    /// A line is in another state.
    fn changed(&mut self, index: usize, change: Change, now: MonoNanos) {
        self.let_go(now);
        self.states_changed = true;
        let (state, attempt) = self.lines.state_of(index);
        let (line, reason) = (index as u8, change.reason);
        self.notices.push(FeedNotice::State {
            line,
            state,
            reason,
            attempt,
            detail: change.detail,
        });
    }

    /// Tells the clients how what each of the lines carries is, unless they know: that of two lines
    /// which carry the same one is lost is no matter of theirs. A connection that is there says why
    /// not all of its streams are.
    fn tell_states(&mut self, now: MonoNanos) {
        for (number, (plan, standing)) in self.lines.standings().into_iter().enumerate() {
            // Nothing happened to it yet.
            if (standing.state, standing.reason) == (FeedState::Disconnected, Reason::None) {
                continue;
            }
            let reason = match standing.state {
                FeedState::Connected => {
                    let lacking = self.publisher.absences().reason_of(&plan.subscriptions);
                    graver(lacking, standing.reason)
                }
                _ => standing.reason,
            };
            let told = Standing { reason, ..standing };
            let line = number as u8;
            let known = self.told.insert(line, told);
            if known.is_none_or(|known| told.is_news_after(known)) {
                self.publisher.tell(told.body(line), now);
            }
        }
    }

    /// Asks and tells the control side.
    fn ask(&mut self, now: MonoNanos) {
        if now >= self.ask_at && self.resyncs.is_none() {
            self.ask_snapshots(now);
        }
        self.tell_untold();
        let exchange = self.exchange.id();
        for notice in self.notices.drain(..) {
            if notice.is_word() && is_for_others(&self.reports) {
                self.counters.reports_dropped.increment();
                continue;
            }
            // What the line was before is no news any more.
            let old = notice.line_of_state().and_then(|line| self.untold.remove(&line));
            self.counters.reports_dropped.add(u64::from(old.is_some()));
            let Err(refused) = self.reports.try_send(FeedReport { exchange, notice }) else {
                continue;
            };
            let notice = refused.into_inner().notice;
            match notice.line_of_state() {
                Some(line) => drop(self.untold.insert(line, notice)),
                None => self.counters.reports_dropped.increment(),
            }
        }
    }

    /// Tells the states that there was no room for: what is shown of a feed must not stay behind.
    fn tell_untold(&mut self) {
        let exchange = self.exchange.id();
        while !self.reports.is_full()
            && let Some((line, notice)) = self.untold.pop_first()
        {
            // Another feed may have taken the room meanwhile.
            if let Err(refused) = self.reports.try_send(FeedReport { exchange, notice }) {
                self.untold.insert(line, refused.into_inner().notice);
                return;
            }
        }
    }

    /// Asks for the snapshots that books need.
    fn ask_snapshots(&mut self, now: MonoNanos) {
        let exchange = self.exchange.id();
        while let Some(Needed { instrument, .. }) = self.publisher.next_needed() {
            let Some(native) = native_of(&self.subscriptions, instrument) else { continue };
            let notice = FeedNotice::NeedSnapshot { instrument, native };
            if self.reports.try_send(FeedReport { exchange, notice }).is_err() {
                self.publisher.request_failed(instrument);
                self.ask_at = now.after(QUESTION_AGAIN_AFTER);
                return;
            }
        }
    }

    fn stop(&mut self, now: MonoNanos) {
        self.lines.terminate();
        self.let_go(now);
        while let Some((index, change)) = self.lines.take_change() {
            self.changed(index, change, now);
        }
        self.tell_states(now);
        self.stopped = true;
    }
}

/// Whether what room there is for reports is kept for what is more than words: a quarter of it.
fn is_for_others(reports: &Sender<FeedReport>) -> bool {
    reports.capacity().is_some_and(|capacity| reports.len() >= capacity - capacity / 4)
}

/// Where the options lead.
fn target(options: &FeedOptions) -> Result<Target, FeedError> {
    let endpoint = Endpoint::parse(&options.url)?;
    let security = if endpoint.tls {
        Security::client(client_config(options.tls_ca_file.as_deref())?, &endpoint.host)?
    } else {
        Security::Plain
    };
    Ok(Target {
        url: options.url.trim_end_matches('/').to_owned(),
        host: endpoint.host.into(),
        port: endpoint.port,
        security,
        connect_timeout: options.connect_timeout,
        mute_after: options.mute_after,
    })
}

/// What comes with a channel at some exchanges.
const fn kin_channel(channel: Channel) -> Option<Channel> {
    match channel {
        Channel::Ticker => Some(Channel::Quotes),
        Channel::Quotes => Some(Channel::Ticker),
        Channel::Trades | Channel::Orderbook | Channel::Candles | Channel::Status => None,
    }
}

/// One more than the largest id.
fn instruments(subscriptions: &[Subscription]) -> usize {
    subscriptions.iter().map(|one| one.instrument.index() + 1).max().unwrap_or(0)
}

/// As the exchange spells it.
fn native_of(
    subscriptions: &[Subscription],
    instrument: InstrumentId,
) -> Option<ArrayString<SYMBOL_BYTES_MAX>> {
    subscriptions.iter().find(|one| one.instrument == instrument).map(|one| one.native)
}

#[cfg(test)]
mod tests;
