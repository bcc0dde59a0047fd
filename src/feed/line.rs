//! The connections of a feed, and how one is replaced without a hole.
//!
//! A line is one planned connection; where the configuration asks for two lines, each connection is
//! planned twice, and the first copy of each event wins. Before the exchange ends it (its limit of age, its notice of
//! a shutdown) a replacement is connected beside it and subscribed to the same; both are listened
//! to, the first copy of each event wins. When the replacement has joined every stream, the old
//! connection is let go; never while it brings a stream that is not known to come on the other.
//! What a connection leaves that is lost, and no other is known to bring, is told at once.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use arrayvec::ArrayString;
use mio::{Registry, Token};

use super::command::{Addresses, FeedNotice};
use super::connection::attempts::Attempts;
use super::connection::circuit::Circuit;
use super::connection::open::{Open, Sign};
use super::connection::pacing::Pacer;
use super::connection::upstream::{Change, Lost, Target, Upstream, UpstreamContext};
use super::options::{FeedError, FeedOptions};
use super::publish::absences::gravity;
use crate::clock::{MonoNanos, UnixNanos};
use crate::exchange::{
    ConnectionPlan, ConnectionRules, Exchange, MessagesOf, Profile, SnapshotSource, Subscription,
    profile, with_books, with_trades,
};
use crate::instrument::{Channel, InstrumentId};
use crate::limits::{
    self, FEED_CONNECTIONS_MAX, HEARD_ALIKE_MAX, OVERLAP_LOOK_EVERY, OVERLAP_MAX, OVERLAP_MIN,
};
use crate::metrics::FeedCounters;
use crate::net::{Backoff, BackoffPolicy};
use crate::proof::Numbers;
use crate::tick::{Body, FeedState, Reason};

/// One planned connection and, at times, its replacement.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) main: Upstream,
    pub(super) replacement: Option<Upstream>,
    /// The exchange said that it will end the connection.
    pub(super) shutdown_notice: bool,
    /// It was open once, or begins while others serve.
    was_open: bool,
    /// What the exchange says of itself on it, as it was at the last look.
    said: Reason,
    /// Lines of the same number carry the same.
    group: u16,
    /// Which of those it is.
    pub(super) copy: u8,
}

/// Every connection of a feed, and what they share.
#[derive(Debug)]
pub(super) struct Lines {
    lines: Vec<Line>,
    /// How many lines carry the same.
    copies: usize,
    dialing: Dialing,
    /// Age at which a connection is replaced.
    replace_after: Option<Duration>,
    /// The line that is read first in this turn.
    first: usize,
    /// In this turn replacements are read first.
    replacements_first: bool,
    /// When something is to be done though no socket says so.
    due: MonoNanos,
    /// Something happened that may want an answer.
    attention: bool,
    /// Connections that were asked for a sign of life and have not answered.
    doubted: Vec<u32>,
    /// Those are others than they were.
    doubts_changed: bool,
    /// An exchange says something else of itself.
    words_changed: bool,
}

#[derive(Debug)]
struct Dialing {
    target: Target,
    rules: ConnectionRules,
    profile: &'static Profile,
    pacer: Pacer,
    /// Books come in the stream, so that a connection has joined when its books came.
    books_in_stream: bool,
    attempts: Attempts,
    circuit: Circuit,
    generations: u32,
    lost: Vec<Lost>,
    reconnect: BackoffPolicy,
    seed: u64,
    counters: Arc<FeedCounters>,
}

/// How connections that carry the same stand, as clients are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) state: FeedState,
    pub(super) reason: Reason,
    pub(super) attempt: u32,
}

impl Standing {
    /// That a connection is there is told once, however often it was tried for.
    pub(super) fn is_news_after(self, known: Self) -> bool {
        let is_connected = self.state == FeedState::Connected;
        (self.state, self.reason) != (known.state, known.reason)
            || (self.attempt != known.attempt && !is_connected)
    }

    pub(super) const fn body(self, line: u8) -> Body {
        let Self { state, reason, attempt } = self;
        Body::FeedState { state, reason, line, attempt }
    }
}

/// What changes with every turn.
pub(super) struct Turn<'a> {
    pub(super) registry: &'a Registry,
    pub(super) notices: &'a mut Vec<FeedNotice>,
    pub(super) now: MonoNanos,
    /// The same as a date.
    pub(super) date: UnixNanos,
}

impl Dialing {
    fn context<'a>(
        &'a mut self,
        line: usize,
        copy: u8,
        turn: &'a mut Turn<'_>,
    ) -> UpstreamContext<'a> {
        UpstreamContext {
            line: line as u8,
            copy,
            target: &self.target,
            rules: &self.rules,
            profile: self.profile,
            pacer: &self.pacer,
            date: turn.date,
            registry: turn.registry,
            attempts: &self.attempts,
            circuit: &mut self.circuit,
            lost: &mut self.lost,
            generations: &mut self.generations,
            notices: turn.notices,
            counters: &self.counters,
            now: turn.now,
        }
    }

    fn upstream(&mut self, plan: Arc<ConnectionPlan>) -> Upstream {
        self.seed = self.seed.wrapping_add(1);
        Upstream::new(plan, Backoff::new(self.reconnect, self.seed))
    }
}

impl Lines {
    /// The connections that the subscriptions need, none of them begun.
    pub(super) fn new<E: Exchange>(
        exchange: &E,
        options: &FeedOptions,
        target: Target,
        counters: Arc<FeedCounters>,
    ) -> Result<Self, FeedError> {
        let plans = exchange.plan(&options.subscriptions);
        let copies = options.lines.clamp(1, limits::LINES_MAX);
        let count = plans.len() * copies;
        if count > FEED_CONNECTIONS_MAX {
            return Err(FeedError::TooManyLines { count, max: FEED_CONNECTIONS_MAX });
        }
        let rules = exchange.connection_rules();
        let attempts = options.attempts.clone().unwrap_or_else(|| Attempts::new(&rules));
        let mut dialing = Dialing {
            target,
            rules,
            profile: profile(exchange.id()),
            pacer: Pacer::new(rules.messages_max, rules.message_window),
            books_in_stream: exchange.book_rules().snapshot == SnapshotSource::Stream,
            attempts,
            circuit: Circuit::new(options.reconnect, count, options.seed),
            generations: 0,
            lost: Vec::new(),
            reconnect: options.reconnect,
            seed: options.seed,
            counters,
        };
        let mut lines = Vec::with_capacity(count);
        for (group, plan) in plans.into_iter().map(Arc::new).enumerate() {
            lines.extend(
                (0..copies).map(|copy| Line::new(dialing.upstream(Arc::clone(&plan)), group, copy)),
            );
        }
        Ok(Self {
            lines,
            copies,
            // An hour of 24, so that a replacement that fails at first has time to succeed.
            replace_after: rules.lifetime.map(|lifetime| lifetime - lifetime / 24),
            dialing,
            first: 0,
            replacements_first: false,
            due: MonoNanos::ZERO,
            attention: true,
            doubted: Vec::new(),
            doubts_changed: false,
            words_changed: false,
        })
    }

    /// What the lines that carry the same are to carry, in the order of their numbers.
    pub(super) fn groups(&self) -> Vec<Arc<ConnectionPlan>> {
        let groups = self.lines.chunk_by(|one, two| one.group == two.group);
        groups.map(|group| Arc::clone(group[0].main.plan())).collect()
    }

    /// The lines of a group carry something else from now on, or nothing, or something again.
    pub(super) fn change_group(
        &mut self,
        group: usize,
        before: &ConnectionPlan,
        plan: &Arc<ConnectionPlan>,
        (reason, now): (Reason, MonoNanos),
    ) {
        let (was, is) = (&before.subscriptions, &plan.subscriptions);
        let left: Vec<_> = was.iter().filter(|one| !is.contains(one)).copied().collect();
        let added: Vec<_> = is.iter().filter(|one| !was.contains(one)).copied().collect();
        for line in self.lines.iter_mut().filter(|line| usize::from(line.group) == group) {
            if is.is_empty() {
                line.close(plan, reason, &mut self.dialing);
            } else if was.is_empty() {
                line.main = self.dialing.upstream(Arc::clone(plan));
            } else {
                line.change(plan, (&left, &added), now);
            }
        }
    }

    /// Lines for a new plan; false when no more can be numbered.
    pub(super) fn open_group(&mut self, group: usize, plan: &Arc<ConnectionPlan>) -> bool {
        if self.lines.len() + self.copies > FEED_CONNECTIONS_MAX {
            return false;
        }
        for copy in 0..self.copies {
            let main = self.dialing.upstream(Arc::clone(plan));
            // What is added makes nothing less ready than it was.
            self.lines.push(Line { was_open: true, ..Line::new(main, group, copy) });
        }
        true
    }

    /// The circuit opens after as many failures as fit the number of connections.
    pub(super) fn count_connections(&mut self) {
        let count = self.lines.iter().filter(|line| !line.is_closed()).count();
        self.dialing.circuit.set_connections(count);
    }

    /// How many of them, in a row, carry the same.
    pub(super) const fn copies(&self) -> usize {
        self.copies
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// A line, by an index that goes round, so that no line is always first.
    #[inline]
    pub(super) fn turn_of(&mut self, step: usize) -> (usize, &mut Line) {
        let index = (self.first + step) % self.lines.len();
        (index, &mut self.lines[index])
    }

    /// So many lines were heard in this turn: the next one goes on behind them, and with the other
    /// connection of each where there are two. If all were heard another one is first all the same.
    pub(super) fn rotate(&mut self, heard: usize) {
        let count = self.lines.len().max(1);
        let by = if heard == count { 1 } else { heard };
        self.first = (self.first + by) % count;
        self.replacements_first ^= heard > 0;
    }

    /// Whether replacements are read before what they replace in this turn.
    pub(super) const fn are_replacements_first(&self) -> bool {
        self.replacements_first
    }

    /// [`Lines::tend`] has something to do.
    #[inline]
    pub(super) fn want_attention(&mut self) {
        self.attention = true;
    }

    /// When something is to be done though no socket says so.
    pub(super) fn due(&self) -> MonoNanos {
        if self.attention { MonoNanos::ZERO } else { self.due }
    }

    /// What the poller says about a socket.
    pub(super) fn note_ready(&mut self, token: Token, readable: bool) {
        let mut attention = false;
        for upstream in self.upstreams() {
            if upstream.generation() as usize == token.0 {
                attention |= upstream.note_ready(readable);
            }
        }
        self.attention |= attention;
    }

    /// Every open socket may hold something.
    #[inline]
    pub(super) fn note_all_readable(&mut self) {
        for upstream in self.upstreams() {
            upstream.note_ready(true);
        }
    }

    /// A ring was full, or we stood still, so that nobody listened: silence is nobody's fault.
    pub(super) fn excuse_silence(&mut self, now: MonoNanos) {
        for upstream in self.upstreams() {
            if let Some(open) = upstream.open() {
                open.excuse_silence(now);
            }
        }
    }

    /// The answer to a question for the host.
    pub(super) fn resolved(&mut self, ticket: u64, addresses: &Addresses, turn: &mut Turn<'_>) {
        self.attention = true;
        let dialing = &mut self.dialing;
        for (index, line) in self.lines.iter_mut().enumerate() {
            let copy = line.copy;
            for upstream in line.upstreams() {
                let mut context = dialing.context(index, copy, turn);
                upstream.resolved(ticket, addresses.clone(), &mut context);
            }
        }
    }

    /// Everything that is due on any connection; false when nothing was.
    pub(super) fn tend<E: Exchange>(
        &mut self,
        exchange: &E,
        numbers: &mut Numbers,
        turn: &mut Turn<'_>,
    ) -> bool {
        if !self.attention && turn.now < self.due {
            return false;
        }
        self.attention = false;
        let mut due = MonoNanos::MAX;
        let was_open = self.dialing.circuit.is_open();
        for (index, line) in self.lines.iter_mut().enumerate() {
            let copy = line.copy;
            line.main.tend(exchange, &mut self.dialing.context(index, copy, turn));
            line.was_open |= line.main.open_since().is_some();
            if let Some(replacement) = &mut line.replacement {
                replacement.tend(exchange, &mut self.dialing.context(index, copy, turn));
            }
            due = due.min(line.replace(self.replace_after, numbers, &mut self.dialing, turn.now));
            let said = line.says();
            self.words_changed |= std::mem::replace(&mut line.said, said) != said;
            due = due.min(line.main.due());
            if let Some(replacement) = &line.replacement {
                due = due.min(replacement.due());
            }
        }
        numbers.note_newest(self.dialing.generations);
        self.count_waiting(turn.now);
        self.compare(numbers, turn.now);
        self.note_doubted();
        if was_open && !self.dialing.circuit.is_open() {
            self.upstreams().for_each(|upstream| upstream.wake(turn.now));
            due = turn.now;
        }
        self.due = due;
        true
    }

    /// Whether the exchange says something else of itself than at the last call.
    pub(super) fn take_words_changed(&mut self) -> bool {
        std::mem::take(&mut self.words_changed)
    }

    /// Counts what waits to be asked or answered. Of lines that carry the same the best counts; those
    /// of which none is open say by their state that nothing comes.
    fn count_waiting(&self, now: MonoNanos) {
        let groups = self.lines.chunk_by(|one, two| one.group == two.group);
        let unsettled = groups.filter_map(|group| match group.iter().any(|one| one.was_open) {
            true => {
                group.iter().flat_map(Line::opened).map(|one| one.subscribing.unsettled()).min()
            }
            false => Some(group[0].main.plan().subscriptions.len()),
        });
        let counters = &self.dialing.counters;
        counters.unsettled_subscriptions.set(unsettled.sum::<usize>() as u64);
        let open = || self.lines.iter().flat_map(Line::opened);
        let unsent: usize = open().map(Open::unsent).sum();
        let until = open().filter(|one| one.unsent() > 0).map(|one| {
            let ahead = match self.dialing.rules.messages_of {
                MessagesOf::Connection => one.unsent(),
                MessagesOf::Address => unsent,
            };
            one.sent_by(ahead, now)
        });
        counters.unsent_until.set(until.max().map_or(0, |at| at.0));
        counters.unsent_requests.set(unsent as u64);
    }

    /// Says whose trades were asked for again. A connection that is subscribed to everything, and
    /// shared no trade with the others of its group yet, has them asked for a sign of life.
    fn compare(&mut self, numbers: &mut Numbers, now: MonoNanos) {
        let mut tickets = Vec::new();
        for line in &mut self.lines {
            let group = line.group;
            for upstream in line.upstreams() {
                let generation = upstream.generation();
                let Some((open, plan)) = upstream.open_with_plan() else { continue };
                while let Some(instrument) = open.take_doubted() {
                    numbers.doubt(instrument, generation);
                }
                let has_settled = open.has_settled(now);
                let granted = || {
                    let carried = plan.subscriptions.iter();
                    with_trades(carried.filter(|one| open.rhythms.is_granted(one)))
                };
                if has_settled
                    && numbers.is_apart(generation, granted())
                    && let Some(ticket) = numbers.settled(generation, granted())
                {
                    tickets.push((group, generation, ticket));
                }
            }
        }
        for (group, generation, ticket) in tickets {
            let carriers = self.lines.iter_mut().filter(|line| line.group == group);
            for upstream in carriers.flat_map(Line::upstreams) {
                if upstream.generation() != generation
                    && let Some(open) = upstream.open()
                {
                    open.ask_for_sign(ticket, now);
                    self.attention = true;
                }
            }
        }
    }

    fn note_doubted(&mut self) {
        let is_doubted =
            |upstream: &mut Upstream| upstream.open().is_some_and(|open| open.is_doubted());
        let doubted = self.upstreams().filter_map(|one| is_doubted(one).then(|| one.generation()));
        let doubted: Vec<u32> = doubted.collect();
        self.doubts_changed |= doubted != self.doubted;
        self.doubted = doubted;
    }

    /// Whether other connections are in doubt than at the last call.
    pub(super) fn take_doubts_changed(&mut self) -> bool {
        std::mem::take(&mut self.doubts_changed)
    }

    /// The books that only connections in doubt bring, and those that another one brings.
    pub(super) fn books_in_doubt(&mut self, numbers: &Numbers) -> BooksInDoubt {
        let mut books = BooksInDoubt::default();
        for upstream in self.upstreams() {
            let generation = upstream.generation();
            let Some((open, plan)) = upstream.open_with_plan() else { continue };
            let brought =
                with_books(&plan.subscriptions).filter(|&one| numbers.brings_book(one, generation));
            if open.is_doubted() {
                books.doubted.extend(brought);
            } else if open.subscribing.is_done() {
                books.vouched.extend(brought);
            }
        }
        books.doubted.retain(|one| !books.vouched.contains(one));
        books
    }

    /// Connections that were open and are not any more, each told once.
    pub(super) fn take_lost(&mut self) -> Option<Lost> {
        self.dialing.lost.pop()
    }

    /// What of a lost connection no other is known to bring, of all that is still asked for.
    pub(super) fn left_by(&self, lost: &Lost) -> Vec<Subscription> {
        let open = || self.lines.iter().flat_map(Line::opened);
        let plans = self.lines.iter().map(|line| &line.main.plan().subscriptions);
        let asked: HashSet<&Subscription> = plans.flatten().collect();
        let is_left = |one: &&Subscription| {
            asked.contains(one)
                && !open().any(|open| open.rhythms.keeps_up_with(&lost.rhythms, one))
        };
        lost.plan.subscriptions.iter().filter(is_left).copied().collect()
    }

    /// Until when everything was heard of what candles are made of. What no connection brings at all
    /// is told apart; one that is open and has fallen silent may have lost what happened since.
    pub(super) fn heard_until(&self, now: MonoNanos) -> MonoNanos {
        let makes_candles =
            |one: &&Subscription| matches!(one.channel, Channel::Trades | Channel::Candles);
        let groups = self.lines.chunk_by(|one, two| one.group == two.group);
        let heard = groups.filter_map(|group| {
            let mut streams = group[0].main.plan().subscriptions.iter().filter(makes_candles);
            let open = || group.iter().flat_map(Line::opened);
            let (first, last) =
                (open().map(Open::heard_until).min()?, open().map(Open::heard_until).max()?);
            if last <= first.after(HEARD_ALIKE_MAX) {
                return streams.next().map(|_| last);
            }
            streams.map(|one| heard_of(one, open).unwrap_or(last)).min()
        });
        heard.min().unwrap_or(now).min(now)
    }

    /// A book whose stream fell silent on a connection while no other brings it, each told once.
    pub(super) fn take_aged(&mut self) -> Option<InstrumentId> {
        loop {
            let instrument = self.upstreams().find_map(|upstream| upstream.open()?.take_aged())?;
            let stream = (instrument, Channel::Orderbook, None);
            let flows = |open: &mut Open| open.rhythms.is_flowing(stream);
            if !self.upstreams().any(|upstream| upstream.open().is_some_and(flows)) {
                return Some(instrument);
            }
        }
    }

    /// Whether a stream is in the plan of any line.
    pub(super) fn asks_for(&self, stream: &Subscription) -> bool {
        self.lines.iter().any(|line| line.main.plan().subscriptions.contains(stream))
    }

    /// A stream that was accepted or speaks; each sign once.
    pub(super) fn take_sign(&mut self) -> Option<Sign> {
        self.upstreams().find_map(|upstream| upstream.open()?.take_sign())
    }

    /// Streams that a connection does not get while no other brings them, each with the gravest
    /// reason that there is for it.
    pub(super) fn absences(&self) -> Vec<(Subscription, Reason)> {
        let open = || self.lines.iter().flat_map(Line::opened);
        let is_there = |one: &Subscription| open().any(|open| open.rhythms.is_there(one.stream()));
        let mut absences: Vec<(Subscription, Reason)> = Vec::new();
        let mut places = HashMap::new();
        for &(stream, reason) in open().flat_map(Open::lacks) {
            if is_there(&stream) {
                continue;
            }
            let place = *places.entry(stream.stream()).or_insert_with(|| {
                absences.push((stream, reason));
                absences.len() - 1
            });
            if gravity(reason) > gravity(absences[place].1) {
                absences[place].1 = reason;
            }
        }
        absences
    }

    /// Leaves the stream of a book and asks for it again, on one open connection that carries it:
    /// each `attempt` on another, since one of them may be what is wrong. False when none is open.
    pub(super) fn renew_book(&mut self, instrument: InstrumentId, attempt: u32) -> bool {
        self.attention = true;
        let is_it =
            |one: &&Subscription| one.instrument == instrument && one.channel == Channel::Orderbook;
        let mut carriers: Vec<(Subscription, &mut Open)> = self
            .upstreams()
            .filter_map(|upstream| {
                let (open, plan) = upstream.open_with_plan()?;
                Some((*plan.subscriptions.iter().find(is_it)?, open))
            })
            .collect();
        let count = carriers.len().max(1);
        let carrier = carriers.get_mut(attempt as usize % count);
        carrier.map(|(book, open)| open.subscribing.renew(&[*book])).is_some()
    }

    /// Ends one connection of a line, for a reason found while reading from it.
    pub(super) fn end(&mut self, index: usize, replacement: bool, end: End, turn: &mut Turn<'_>) {
        self.attention = true;
        let line = &mut self.lines[index];
        let upstream = if replacement { line.replacement.as_mut() } else { Some(&mut line.main) };
        let Some(upstream) = upstream else { return };
        let mut context = self.dialing.context(index, line.copy, turn);
        match end {
            End::Closed(code, words) => {
                let detail = match &*words {
                    "" => format!("the exchange closed with {code}"),
                    words => format!("the exchange closed with {code} {words:?}"),
                };
                let judged = context.profile.closed(code, &words);
                let (reason, wait) = judged.unwrap_or((Reason::Close, Duration::ZERO));
                upstream.lose(reason, Some(detail.into()), Some(wait), &mut context);
            }
            End::Failed(error) => upstream.fail(&error, &mut context),
            End::Refused { reason, wait, text } => {
                let detail = format!("the exchange serves nothing here any more: {text}");
                upstream.lose(reason, Some(detail.into()), Some(wait), &mut context);
            }
            End::Hole { expected, found } => {
                let detail = format!("frame {found} came where {expected} was due");
                upstream.lose(Reason::SequenceGap, Some(detail.into()), None, &mut context);
            }
        }
    }

    /// The next change of a line's state that was not told yet.
    pub(super) fn take_change(&mut self) -> Option<(usize, Change)> {
        for (index, line) in self.lines.iter_mut().enumerate() {
            if let Some(change) = line.main.take_change() {
                return Some((index, line.succeed(change, &mut self.dialing)));
            }
        }
        None
    }

    /// State and attempt of one line.
    pub(super) fn state_of(&self, index: usize) -> (FeedState, u32) {
        let main = &self.lines[index].main;
        (main.state(), main.attempt())
    }

    /// How the lines that carry the same stand (one that is connected with what the exchange says of
    /// itself), in the order of their numbers, and what they carry:
    /// as the best of them does.
    pub(super) fn standings(&self) -> Vec<(Arc<ConnectionPlan>, Standing)> {
        let groups = self.lines.chunk_by(|one, two| one.group == two.group);
        let standing = |group: &[Line]| {
            let best = group.iter().min_by_key(|one| severity(one.main.state()));
            let Line { main: best, said, .. } = best.unwrap_or(&group[0]);
            let (state, attempt) = (best.state(), best.attempt());
            let reason = if state == FeedState::Connected { *said } else { best.reason() };
            (Arc::clone(best.plan()), Standing { state, reason, attempt })
        };
        groups.map(standing).collect()
    }

    /// Ends every connection for good.
    pub(super) fn terminate(&mut self) {
        for upstream in self.upstreams() {
            upstream.terminate();
        }
    }

    fn upstreams(&mut self) -> impl Iterator<Item = &mut Upstream> {
        self.lines.iter_mut().flat_map(Line::upstreams)
    }
}

/// What doubts about connections mean for books.
#[derive(Debug, Default)]
pub(super) struct BooksInDoubt {
    /// Nobody knows whether they are as they were.
    pub(super) doubted: HashSet<InstrumentId>,
    /// A connection that is not in doubt brings them.
    pub(super) vouched: HashSet<InstrumentId>,
}

/// How a connection ended while it was read from.
#[derive(Debug)]
pub(super) enum End {
    /// The exchange closed it, with this code and these words.
    Closed(u16, Box<str>),
    /// The socket or the protocol failed.
    Failed(crate::net::NetError),
    /// The exchange refuses to serve anything on it.
    Refused {
        /// Why.
        reason: Reason,
        /// The next one is not opened before.
        wait: Duration,
        /// Its own words.
        text: ArrayString<192>,
    },
    /// The exchange's numbering of the connection's frames has a hole.
    Hole {
        /// The number that would have followed.
        expected: u64,
        /// The number of the frame.
        found: u64,
    },
}

impl Line {
    fn new(main: Upstream, group: usize, copy: usize) -> Self {
        Self {
            main,
            replacement: None,
            shutdown_notice: false,
            was_open: false,
            said: Reason::None,
            group: group as u16,
            copy: copy as u8,
        }
    }

    fn upstreams(&mut self) -> impl Iterator<Item = &mut Upstream> {
        std::iter::once(&mut self.main).chain(&mut self.replacement)
    }

    /// Its connections that are open, to look at.
    fn opened(&self) -> impl Iterator<Item = &Open> {
        std::iter::once(&self.main).chain(&self.replacement).filter_map(Upstream::opened_one)
    }

    /// What the exchange says of itself on it: that all is well, or why not, or that this
    /// connection will end.
    fn says(&self) -> Reason {
        match (self.shutdown_notice, self.main.opened_one()) {
            (_, None) => Reason::None,
            (true, Some(_)) => Reason::Shutdown,
            (false, Some(open)) => open.said_of_itself,
        }
    }

    /// It carries nothing; its number is kept for what may come.
    fn is_closed(&self) -> bool {
        self.main.plan().subscriptions.is_empty()
    }

    /// Ends its connections, as it carries nothing any more until something comes again.
    fn close(&mut self, plan: &Arc<ConnectionPlan>, reason: Reason, dialing: &mut Dialing) {
        for upstream in self.replacement.iter_mut().chain([&mut self.main]) {
            let generation = upstream.generation();
            dialing.circuit.forget(generation);
            dialing.lost.extend(upstream.retire(reason));
        }
        self.main.set_plan(Arc::clone(plan));
        self.replacement = None;
        self.shutdown_notice = false;
    }

    /// Begins, watches and ends the replacement; returns when to look again.
    fn replace(
        &mut self,
        after: Option<Duration>,
        numbers: &mut Numbers,
        dialing: &mut Dialing,
        now: MonoNanos,
    ) -> MonoNanos {
        let Some(replacement) = &mut self.replacement else {
            let Some(since) = self.main.open_since() else {
                self.shutdown_notice = false;
                return MonoNanos::MAX;
            };
            // Lines that carry the same are not replaced at the same time.
            let at = after.map_or(MonoNanos::MAX, |after| {
                since.after(after - after / 48 * u32::from(self.copy))
            });
            if !self.shutdown_notice && !self.main.is_barren() && now < at {
                return at;
            }
            self.replacement = Some(dialing.upstream(Arc::clone(self.main.plan())));
            return now;
        };
        // Its own failures are its backoff's business; nobody else needs to know.
        let _ = replacement.take_change();
        if let Some(since) = replacement.settled_since()
            && !replacement.lacks_what_is_on(&self.main)
            && now >= since.after(OVERLAP_MIN)
            && (now >= since.after(OVERLAP_MAX) || !waits(replacement, numbers, dialing))
        {
            self.take_over(dialing);
            return now;
        }
        now.after(OVERLAP_LOOK_EVERY)
    }

    /// The replacement becomes the line's connection.
    fn take_over(&mut self, dialing: &mut Dialing) {
        let Some(replacement) = self.replacement.take() else { return };
        dialing.lost.extend(self.main.terminate());
        self.main = replacement;
        self.shutdown_notice = false;
        dialing.counters.rollovers.increment();
    }

    /// A line whose connection is lost while its replacement is open goes on with that.
    fn succeed(&mut self, change: Change, dialing: &mut Dialing) -> Change {
        if !matches!(change.state, FeedState::Reconnecting | FeedState::Error) {
            return change;
        }
        let Some(replacement) = &self.replacement else { return change };
        if replacement.open_since().is_none() {
            dialing.circuit.forget(replacement.generation());
            self.replacement = None;
            return change;
        }
        self.take_over(dialing);
        Change { state: self.main.state(), reason: Reason::Rollover, detail: change.detail }
    }
}

/// Until when a stream was heard, by those of the open connections that are known to bring it.
fn heard_of<'a, I: Iterator<Item = &'a Open>>(
    stream: &Subscription,
    open: impl Fn() -> I,
) -> Option<MonoNanos> {
    let brings =
        |one: &&Open| open().all(|other| one.rhythms.keeps_up_with(&other.rhythms, stream));
    open().filter(brings).map(Open::heard_until).max()
}

/// Whether a replacement has yet to join a stream.
fn waits(replacement: &Upstream, numbers: &mut Numbers, dialing: &Dialing) -> bool {
    let subscriptions = replacement.plan().subscriptions.iter();
    let in_stream =
        |one: &&Subscription| dialing.books_in_stream && one.channel == Channel::Orderbook;
    let books = subscriptions.filter(in_stream).map(|one| one.instrument);
    let generation = replacement.generation();
    numbers.waits_for(generation, books)
        || numbers.is_apart(generation, with_trades(&replacement.plan().subscriptions))
}

/// How bad a state is, for the state of the whole feed.
fn severity(state: FeedState) -> u8 {
    match state {
        FeedState::Connected => 0,
        FeedState::Connecting => 1,
        FeedState::Reconnecting => 2,
        FeedState::Disconnected => 3,
        FeedState::Error => 4,
        FeedState::Terminated => 5,
    }
}
