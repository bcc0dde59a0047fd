//! Where everything that can be observed of a running gateway comes together.
//!
//! The gateway registers each thread here with what that thread counts and measures; the admin
//! port, the exposition, the budget report and the log line read it. It only reads: nothing here
//! can change what the data plane does. The lock is the control side's own.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam::channel::{Receiver, Sender, bounded};

use super::counters::{
    AcceptCounters, AdminCounters, BroadcastCounters, FeedCounters, RequestCounters,
};
use super::stats::UnlistedStats;
use crate::clock::{Clock, MonoNanos};
use crate::latency::{Budget, BudgetWatch, Collector, Histograms, Report};
use crate::limits::{RATE_SAMPLES, THREAD_FAILURES_KEPT};
use crate::tick::{FeedState, Reason};

/// The read-only view of one gateway.
#[derive(Debug)]
pub struct Observatory {
    clock: Clock,
    started: MonoNanos,
    epoch: String,
    stopping: AtomicBool,
    registered: Mutex<Registered>,
    /// Threads that ended by a panic.
    pub(super) failed: (Sender<String>, Receiver<String>),
}

/// All that is registered.
#[derive(Debug)]
pub(super) struct Registered {
    pub(super) feeds: Vec<FeedView>,
    pub(super) broadcasters: Vec<BroadcasterView>,
    pub(super) accept: Option<Arc<AcceptCounters>>,
    pub(super) admin: Option<Arc<AdminCounters>>,
    /// By exchange.
    pub(super) requests: Vec<(String, Arc<RequestCounters>)>,
    /// Measurements of threads that are neither feed nor broadcaster.
    others: Vec<Collector>,
    pub(super) threads: Vec<ThreadView>,
    pub(super) watch: BudgetWatch,
    /// The effective configuration, without secrets.
    pub(super) configuration: serde_json::Value,
    /// The slot of the sliding windows that was last begun.
    slot: u64,
}

/// One feed.
#[derive(Debug)]
pub(super) struct FeedView {
    pub(super) exchange: String,
    pub(super) counters: Arc<FeedCounters>,
    pub(super) collector: Collector,
    pub(super) lines: Vec<LineView>,
    /// How many of them, in a row, carry the same.
    pub(super) copies: usize,
    /// Symbols that the exchange does not list.
    pub(super) unlisted: Vec<UnlistedStats>,
    /// Any line was connected at any time.
    pub(super) was_connected: bool,
    /// It was added while others served, and is not served yet.
    pub(super) is_excused: bool,
    pub(super) frames: Rate,
    pub(super) ticks: Rate,
}

/// One connection of a feed.
#[derive(Clone, Copy, Debug)]
pub(super) struct LineView {
    pub(super) state: FeedState,
    pub(super) reason: Reason,
    pub(super) attempt: u32,
    pub(super) since: MonoNanos,
}

/// One broadcaster.
#[derive(Debug)]
pub(super) struct BroadcasterView {
    pub(super) counters: Arc<BroadcastCounters>,
    pub(super) collector: Collector,
    pub(super) events: Rate,
}

/// One thread that has to live as long as the gateway.
#[derive(Debug)]
pub(super) struct ThreadView {
    pub(super) name: String,
    alive: Arc<AtomicBool>,
}

impl ThreadView {
    pub(super) fn is_alive(&self) -> bool {
        // Acquire: pairs with the Release in `ThreadGuard::drop`.
        self.alive.load(Ordering::Acquire)
    }
}

/// Lives on the stack of a thread; its end is the thread's end, by return or by panic.
#[derive(Debug)]
pub struct ThreadGuard {
    alive: Arc<AtomicBool>,
}

impl Drop for ThreadGuard {
    fn drop(&mut self) {
        // Release: pairs with the Acquire in `ThreadView::is_alive`; who sees it also sees what
        // the thread last did.
        self.alive.store(false, Ordering::Release);
    }
}

/// How fast a count rises, over the last seconds.
#[derive(Debug, Default)]
pub(super) struct Rate {
    samples: VecDeque<(MonoNanos, u64)>,
}

impl Rate {
    fn sample(&mut self, now: MonoNanos, count: u64) {
        if self.samples.len() == RATE_SAMPLES {
            self.samples.pop_front();
        }
        self.samples.push_back((now, count));
    }

    /// Per second between the oldest and the newest sample; 0 before there are two.
    pub(super) fn per_second(&self) -> f64 {
        let (Some(first), Some(last)) = (self.samples.front(), self.samples.back()) else {
            return 0.0;
        };
        let seconds = last.0.since(first.0) as f64 / 1e9;
        if seconds > 0.0 { last.1.wrapping_sub(first.1) as f64 / seconds } else { 0.0 }
    }
}

/// Whether the gateway serves what it was configured to serve.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Readiness {
    /// True when `reasons` is empty.
    pub ready: bool,
    /// What is missing.
    pub reasons: Vec<String>,
}

impl Observatory {
    /// An observatory of nothing yet. `configuration` is shown as it is: without secrets.
    pub fn new(
        clock: Clock,
        epoch: impl Into<String>,
        configuration: serde_json::Value,
        budget: Budget,
    ) -> Arc<Self> {
        let started = clock.now();
        let registered = Registered {
            feeds: Vec::new(),
            broadcasters: Vec::new(),
            accept: None,
            admin: None,
            requests: Vec::new(),
            others: Vec::new(),
            threads: Vec::new(),
            watch: BudgetWatch::new(budget),
            configuration,
            slot: 0,
        };
        Arc::new(Self {
            clock,
            started,
            epoch: epoch.into(),
            stopping: AtomicBool::new(false),
            registered: Mutex::new(registered),
            failed: bounded(THREAD_FAILURES_KEPT),
        })
    }

    /// A feed's thread: `exchange` is its public name, unique among the feeds.
    pub fn add_feed(
        &self,
        exchange: impl Into<String>,
        counters: Arc<FeedCounters>,
        collector: Collector,
    ) {
        let view = FeedView {
            exchange: exchange.into(),
            counters,
            collector,
            lines: Vec::new(),
            copies: 1,
            unlisted: Vec::new(),
            was_connected: false,
            is_excused: false,
            frames: Rate::default(),
            ticks: Rate::default(),
        };
        self.registered().feeds.push(view);
    }

    /// A feed that was added while the gateway runs and served: that it has yet to connect does not
    /// make the gateway less ready than it was.
    pub fn excuse_feed(&self, exchange: &str) {
        let mut registered = self.registered();
        let feed = registered.feeds.iter_mut().find(|feed| feed.exchange == exchange);
        if let Some(feed) = feed {
            (feed.was_connected, feed.is_excused) = (true, true);
        }
    }

    /// A feed ended as it should, with its thread of that name and its requests. What it measured
    /// goes with it.
    pub fn remove_feed(&self, exchange: &str, thread: &str) {
        let mut registered = self.registered();
        registered.feeds.retain(|feed| feed.exchange != exchange);
        registered.requests.retain(|(name, _)| name != exchange);
        let requests = format!("rest-{exchange}");
        registered.threads.retain(|view| view.name != thread && view.name != requests);
    }

    /// A broadcaster's thread.
    pub fn add_broadcaster(&self, counters: Arc<BroadcastCounters>, collector: Collector) {
        let view = BroadcasterView { counters, collector, events: Rate::default() };
        self.registered().broadcasters.push(view);
    }

    /// Measurements of any other thread.
    pub fn add_collector(&self, collector: Collector) {
        self.registered().others.push(collector);
    }

    /// What the admin port counts.
    pub fn set_admin(&self, counters: Arc<AdminCounters>) {
        self.registered().admin = Some(counters);
    }

    /// What the acceptor counts.
    pub fn set_accept(&self, counters: Arc<AcceptCounters>) {
        self.registered().accept = Some(counters);
    }

    /// What the requests beside an exchange's stream count.
    pub fn add_requests(&self, exchange: impl Into<String>, counters: Arc<RequestCounters>) {
        self.registered().requests.push((exchange.into(), counters));
    }

    /// Registers the thread that keeps the returned guard on its stack; when it ends before the
    /// gateway does, the gateway is not ready any more.
    pub fn thread(&self, name: impl Into<String>) -> ThreadGuard {
        let alive = Arc::new(AtomicBool::new(true));
        let view = ThreadView { name: name.into(), alive: Arc::clone(&alive) };
        self.registered().threads.push(view);
        ThreadGuard { alive }
    }

    /// So many lines of a feed carry the same: those whose numbers follow each other.
    pub fn set_copies(&self, exchange: &str, copies: usize) {
        let mut registered = self.registered();
        if let Some(feed) = registered.feeds.iter_mut().find(|feed| feed.exchange == exchange) {
            feed.copies = copies.max(1);
        }
    }

    /// How many lines of a feed are connected, and how many there are.
    pub fn lines_up(&self, exchange: &str) -> (usize, usize) {
        let registered = self.registered();
        let lines = registered.feeds.iter().find(|feed| feed.exchange == exchange);
        let lines = lines.map_or(&[][..], |feed| &feed.lines);
        let up = lines.iter().filter(|line| line.state == FeedState::Connected);
        (up.count(), lines.len())
    }

    /// A connection of a feed changed its state.
    pub fn set_feed_state(
        &self,
        exchange: &str,
        line: u8,
        state: FeedState,
        reason: Reason,
        attempt: u32,
    ) {
        let since = self.clock.now();
        let mut registered = self.registered();
        let Some(feed) = registered.feeds.iter_mut().find(|feed| feed.exchange == exchange) else {
            return;
        };
        let unknown = LineView {
            state: FeedState::Disconnected,
            reason: Reason::None,
            attempt: 0,
            since: self.started,
        };
        let index = usize::from(line);
        if feed.lines.len() <= index {
            feed.lines.resize(index + 1, unknown);
        }
        feed.lines[index] = LineView { state, reason, attempt, since };
        feed.was_connected |= state == FeedState::Connected;
    }

    /// Of what is configured of an exchange, it does not list these.
    pub fn set_unlisted(&self, exchange: &str, unlisted: Vec<UnlistedStats>) {
        let mut registered = self.registered();
        if let Some(feed) = registered.feeds.iter_mut().find(|feed| feed.exchange == exchange) {
            feed.unlisted = unlisted;
        }
    }

    /// From here on the gateway is not ready, and ending threads are no failure.
    pub fn set_stopping(&self) {
        // Relaxed: a lone flag for health checks.
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Once a second, by the observer thread: collects, samples rates, judges the budget when a
    /// slot of the sliding window has ended.
    pub fn turn(&self, now: MonoNanos) {
        let mut registered = self.registered();
        registered.collect(now);
        for feed in &mut registered.feeds {
            feed.is_excused &= !feed.is_settled();
            feed.frames.sample(now, feed.counters.frames.value());
            feed.ticks.sample(now, feed.counters.ticks.value());
        }
        for broadcaster in &mut registered.broadcasters {
            broadcaster.events.sample(now, broadcaster.counters.events.value());
        }
        registered.judge_ended_slot(now);
    }

    /// Whether every feed was connected once, every connection that is open has an answer for what
    /// it asked, be it a refusal, and every thread lives.
    pub fn readiness(&self) -> Readiness {
        let mut reasons = Vec::new();
        // Relaxed: as in `set_stopping`.
        if self.stopping.load(Ordering::Relaxed) {
            reasons.push("stopping".to_owned());
        }
        let registered = self.registered();
        for thread in registered.threads.iter().filter(|thread| !thread.is_alive()) {
            reasons.push(format!("thread {} ended", thread.name));
        }
        let now = self.clock.now();
        reasons.extend(registered.feeds.iter().filter_map(|feed| feed.lacks_to_be_ready(now)));
        Readiness { ready: reasons.is_empty(), reasons }
    }

    /// What all threads measured since the start, beside the budget. What never happened (no
    /// client was there to write to) is not judged.
    pub fn report(&self) -> Report {
        let mut registered = self.registered();
        registered.collect(self.clock.now());
        let totals = registered.totals();
        Report::new(&totals, &registered.watch.budget().of(|span| totals.count(span) > 0))
    }

    /// What all threads measured since the start.
    pub fn totals(&self) -> Histograms {
        let mut registered = self.registered();
        registered.collect(self.clock.now());
        registered.totals()
    }

    /// The clock that all stamps come from.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Names this run of the process.
    pub fn epoch(&self) -> &str {
        &self.epoch
    }

    /// The effective configuration, without secrets.
    pub fn configuration(&self) -> serde_json::Value {
        self.registered().configuration.clone()
    }

    /// The configuration was changed.
    pub fn set_configuration(&self, configuration: serde_json::Value) {
        self.registered().configuration = configuration;
    }

    /// When it was made.
    pub fn started(&self) -> MonoNanos {
        self.started
    }

    /// Everything registered, locked.
    pub(super) fn registered(&self) -> MutexGuard<'_, Registered> {
        // A panic while it was held can at worst have left one view half updated; what is counted
        // lies in atomics of the threads themselves.
        self.registered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FeedView {
    /// Every stream that its open connections began with was answered or speaks.
    fn is_settled(&self) -> bool {
        let is_connected = self.lines.iter().any(|line| line.state == FeedState::Connected);
        is_connected && self.counters.unsettled_subscriptions.value() == 0
    }

    /// Why it does not serve yet, in words.
    fn lacks_to_be_ready(&self, now: MonoNanos) -> Option<String> {
        let exchange = &self.exchange;
        if !self.was_connected {
            let state = self.state().name();
            return Some(format!("feed {exchange} was never connected ({state})"));
        }
        let unsettled = self.counters.unsettled_subscriptions.value();
        if self.is_excused || unsettled == 0 {
            return None;
        }
        let unsent = match self.counters.unsent_requests.value() {
            0 => String::new(),
            unsent => {
                let wait = self.counters.unsent_for(now).as_secs_f64();
                format!(", and can send the last of {unsent} more requests in {wait:.0} s")
            }
        };
        Some(format!(
            "feed {exchange} has no answer for {unsettled} of its subscriptions yet{unsent}"
        ))
    }

    /// The worst state of what it carries: of lines that carry the same, one good one serves.
    pub(super) fn state(&self) -> FeedState {
        let order = |state: FeedState| match state {
            FeedState::Connected => 0,
            FeedState::Connecting => 1,
            FeedState::Reconnecting => 2,
            FeedState::Error => 3,
            FeedState::Disconnected => 4,
            FeedState::Terminated => 5,
        };
        let best = |lines: &[LineView]| {
            lines.iter().map(|line| line.state).min_by_key(|&state| order(state))
        };
        // A line that was left, as what it carried is carried no more, says nothing of the others.
        let is_left = |state: &FeedState| *state == FeedState::Disconnected;
        let states = self.lines.chunks(self.copies).filter_map(best);
        let worst = states.filter(|state| !is_left(state)).max_by_key(|&state| order(state));
        worst.unwrap_or(FeedState::Disconnected)
    }
}

impl Registered {
    fn collectors(&self) -> impl Iterator<Item = &Collector> {
        let feeds = self.feeds.iter().map(|feed| &feed.collector);
        let broadcasters = self.broadcasters.iter().map(|broadcaster| &broadcaster.collector);
        feeds.chain(broadcasters).chain(&self.others)
    }

    /// Takes in what the threads have handed over.
    pub(super) fn collect(&mut self, now: MonoNanos) {
        let feeds = self.feeds.iter_mut().map(|feed| &mut feed.collector);
        let broadcasters = self.broadcasters.iter_mut().map(|view| &mut view.collector);
        for collector in feeds.chain(broadcasters).chain(&mut self.others) {
            collector.collect(now);
        }
    }

    /// Sum over all threads since the start.
    pub(super) fn totals(&self) -> Histograms {
        let mut sum = Histograms::new();
        self.collectors().for_each(|collector| sum.merge(collector.totals()));
        sum
    }

    /// Sum over all threads but the feeds since the start.
    pub(super) fn totals_without_feeds(&self) -> Histograms {
        let mut sum = Histograms::new();
        let broadcasters = self.broadcasters.iter().map(|broadcaster| &broadcaster.collector);
        broadcasters.chain(&self.others).for_each(|collector| sum.merge(collector.totals()));
        sum
    }

    /// Sum over all threads of the last minute.
    pub(super) fn window(&self, now: MonoNanos) -> Histograms {
        let mut sum = Histograms::new();
        self.collectors().for_each(|collector| collector.add_window(now, &mut sum));
        sum
    }

    fn judge_ended_slot(&mut self, now: MonoNanos) {
        let slot = Collector::slot(now);
        let ended = std::mem::replace(&mut self.slot, slot);
        if ended == 0 || ended == slot {
            return;
        }
        let mut sum = Histograms::new();
        self.collectors().for_each(|collector| collector.add_slot(ended, &mut sum));
        self.watch.judge_window(&sum);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::{ManualClock, UnixNanos};
    use crate::latency::{Span, recorder};

    fn observatory(budget: Budget) -> (Arc<Observatory>, ManualClock) {
        let (clock, hand) = Clock::manual(UnixNanos::from_millis(1_700_000_000_000));
        (Observatory::new(clock, "e1", serde_json::Value::Null, budget), hand)
    }

    fn add_feed(observatory: &Observatory) -> Arc<FeedCounters> {
        let counters = Arc::new(FeedCounters::default());
        observatory.add_feed("binance", Arc::clone(&counters), recorder().1);
        counters
    }

    #[test]
    fn it_is_ready_once_every_feed_was_connected_and_stays_so_over_a_reconnect() {
        let (observatory, _hand) = observatory(Budget::default());
        add_feed(&observatory);
        let readiness = observatory.readiness();
        assert!(!readiness.ready);
        let reason = "feed binance was never connected (disconnected)";
        assert_eq!(readiness.reasons, [reason]);
        observatory.set_feed_state("binance", 0, FeedState::Connected, Reason::Requested, 1);
        assert!(observatory.readiness().ready);
        observatory.set_feed_state("binance", 0, FeedState::Reconnecting, Reason::Reset, 1);
        assert!(observatory.readiness().ready);
        observatory.set_stopping();
        assert_eq!(observatory.readiness().reasons, ["stopping"]);
    }

    #[test]
    fn it_is_not_ready_while_subscriptions_wait_for_their_turn_or_an_answer() {
        let (observatory, hand) = observatory(Budget::default());
        let counters = add_feed(&observatory);
        let reasons = || observatory.readiness().reasons;
        counters.unsettled_subscriptions.set(12);
        assert_eq!(reasons(), ["feed binance was never connected (disconnected)"]);
        observatory.set_feed_state("binance", 0, FeedState::Connected, Reason::Requested, 1);
        let unanswered = "feed binance has no answer for 12 of its subscriptions yet";
        assert_eq!(reasons(), [unanswered]);
        counters.unsent_requests.set(9);
        counters.unsent_until.set(observatory.clock.now().after(Duration::from_secs(48)).0);
        let sent = format!("{unanswered}, and can send the last of 9 more requests in 48 s");
        assert_eq!(reasons(), [sent]);
        let feed = &crate::metrics::stats(&observatory).feeds[0];
        assert_eq!((feed.requests_waiting, feed.unsettled_subscriptions), (9, 12));
        assert!((feed.requests_eta_seconds - 48.0).abs() < 1e-9);
        hand.advance(Duration::from_secs(50));
        counters.unsent_requests.set(0);
        counters.unsettled_subscriptions.set(0);
        assert!(observatory.readiness().ready);
        // What is added while others serve is excused until it has served once.
        counters.unsettled_subscriptions.set(3);
        observatory.excuse_feed("binance");
        assert!(observatory.readiness().ready);
        counters.unsettled_subscriptions.set(0);
        observatory.turn(observatory.clock.now());
        counters.unsettled_subscriptions.set(3);
        assert!(!observatory.readiness().ready);
    }

    #[test]
    fn a_thread_that_ends_by_a_panic_is_seen() {
        let (observatory, _hand) = observatory(Budget::default());
        let guard = observatory.thread("feed binance");
        assert!(observatory.readiness().ready);
        let ended = std::thread::spawn(move || {
            let _guard = guard;
            std::panic::resume_unwind(Box::new("without a message on standard error"));
        });
        assert!(ended.join().is_err());
        assert_eq!(observatory.readiness().reasons, ["thread feed binance ended"]);
    }

    #[test]
    fn rates_are_taken_over_the_last_samples_only() {
        let (observatory, hand) = observatory(Budget::default());
        let counters = add_feed(&observatory);
        for second in 0..100 {
            counters.frames.add(if second < 50 { 7 } else { 1_000 });
            observatory.turn(observatory.clock().now());
            hand.advance(Duration::from_secs(1));
        }
        let rate = observatory.registered().feeds[0].frames.per_second();
        assert!((rate - 1_000.0).abs() < 1.0, "{rate}");
    }

    #[test]
    fn a_window_over_the_budget_is_counted_once() {
        let budget = Budget::parse("[socket_to_ring]\np50 = 1000\n").unwrap();
        let (observatory, hand) = observatory(budget);
        let (mut recorder, collector) = recorder();
        observatory.add_collector(collector);
        for second in 0..40 {
            let nanos = if second < 10 { 5_000 } else { 500 };
            recorder.record_n(Span::SocketToRing, nanos, 100);
            let now = observatory.clock().now();
            recorder.hand_over(now);
            observatory.turn(now);
            hand.advance(Duration::from_secs(1));
        }
        let registered = observatory.registered();
        assert_eq!(registered.watch.windows(), 4);
        let breaches: Vec<u64> = registered.watch.breaches().map(|(_, count)| count).collect();
        assert_eq!(breaches, [1]);
    }
}
