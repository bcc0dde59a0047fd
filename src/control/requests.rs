//! Requests beside the stream: books to join, and the list of instruments. One thread per
//! exchange, under the exchange's ledger; bodies are read here, off the feed's thread.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use arrayvec::ArrayString;
use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::ledger::Ledger;
use super::lists::{Extent, ListSource};
use super::rest::{Failure, Rest};
use crate::broadcast::Demand;
use crate::clock::UnixNanos;
use crate::exchange::{
    Listing, Listings, Profile, RestError, RestRequest, SnapshotDepth, larger_side,
};
use crate::feed::{FeedCommand, FeedHandle};
use crate::instrument::{ExchangeId, InstrumentId, SYMBOL_BYTES_MAX};
use crate::limits::{
    REQUEST_QUEUE_CAPACITY, SNAPSHOT_LIVE_MIN, SNAPSHOTS_APART, SNAPSHOTS_APART_MAX,
};
use crate::metrics::{Observatory, RequestCounters, Watched};
use crate::net::{Backoff, BackoffPolicy};
use crate::tick::Reason;

/// How requests that failed are repeated.
const RETRY: BackoffPolicy = BackoffPolicy {
    initial: Duration::from_millis(500),
    max: Duration::from_secs(60),
    factor: 2.0,
    jitter: 0.2,
    max_attempts: 0,
};

/// Whom to ask, and for whom.
#[derive(Debug)]
pub(super) struct RequestOptions {
    /// The exchange's facts.
    pub(super) profile: &'static Profile,
    /// Where it answers.
    pub(super) source: ListSource,
    /// The list is of the exchange that the streams come from: what it has not is not there.
    pub(super) list_is_own: bool,
    /// How often the list is asked for.
    pub(super) list_every: Duration,
    /// What is wanted of it.
    pub(super) natives: Vec<Native>,
    /// The feed that gets the books.
    pub(super) feed: FeedHandle,
    /// What clients want, by broadcaster: the books of most clients are asked for first.
    pub(super) demand: Vec<Arc<Demand>>,
    /// Where the list of instruments goes.
    pub(super) listings: Sender<(ExchangeId, Listings)>,
    /// Where its thread is seen, and dates for the ledger.
    pub(super) observatory: Arc<Observatory>,
}

/// The running request thread of one exchange.
#[derive(Debug)]
pub(super) struct Requests {
    jobs: Sender<Job>,
    counters: Arc<RequestCounters>,
    thread: Watched,
}

/// As an exchange spells an instrument.
pub(super) type Native = ArrayString<SYMBOL_BYTES_MAX>;

/// What the thread is asked to do.
#[derive(Debug)]
enum Job {
    List { natives: Vec<Native> },
    Snapshot { instrument: InstrumentId, native: ArrayString<SYMBOL_BYTES_MAX> },
    Stop,
}

impl Requests {
    /// Starts the thread; it asks for the list of instruments at once, unless that comes in the
    /// stream.
    ///
    /// # Errors
    /// When the certificates cannot be read, or the system gives no thread.
    pub(super) fn start(options: RequestOptions) -> io::Result<Self> {
        let (jobs, receiver) = bounded(REQUEST_QUEUE_CAPACITY);
        let counters = Arc::new(RequestCounters::default());
        let source = &options.source;
        let rest = Rest::new(options.profile, &source.rest_url, source.tls_ca_file.as_deref())?;
        let mut worker = Worker {
            rest,
            ledger: Ledger::new(options.profile.requests),
            held_until: UnixNanos(0),
            queue: Vec::new(),
            asked: HashMap::new(),
            levels: HashMap::new(),
            parts: Vec::new(),
            extent: Extent::default(),
            list_at: UnixNanos(0),
            jobs: receiver,
            counters: Arc::clone(&counters),
            options,
        };
        worker.list_at = later(worker.now(), worker.options.list_every);
        if worker.options.profile.listing.is_some() {
            worker.want_list();
        }
        let name = format!("rest-{}", worker.options.profile.exchange);
        let observatory = Arc::clone(&worker.options.observatory);
        let thread = observatory.spawn(name, move || worker.run())?;
        Ok(Self { jobs, counters, thread })
    }

    /// Asks for a book; the answer goes to the feed as a command, in the end always. False when
    /// too many requests wait.
    pub(super) fn snapshot(
        &self,
        instrument: InstrumentId,
        native: ArrayString<SYMBOL_BYTES_MAX>,
    ) -> bool {
        self.jobs.try_send(Job::Snapshot { instrument, native }).is_ok()
    }

    /// Asks for the list of instruments anew, as other ones are wanted. False when too many requests
    /// wait.
    pub(super) fn list(&self, natives: Vec<Native>) -> bool {
        self.jobs.try_send(Job::List { natives }).is_ok()
    }

    /// What the thread counts.
    pub(super) fn counters(&self) -> &Arc<RequestCounters> {
        &self.counters
    }

    /// Lets the thread end after the request under way, without waiting for that: whoever has the
    /// time does.
    pub(super) fn dismiss(self) -> Watched {
        // Full or gone: either way the thread ends when the sender is dropped.
        let _ = self.jobs.try_send(Job::Stop);
        self.thread
    }
}

/// What an answer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Want {
    /// One part of the list.
    Listing {
        part: usize,
    },
    Snapshot {
        instrument: InstrumentId,
    },
}

/// A request that waits for its turn.
#[derive(Debug)]
struct Wanted {
    want: Want,
    request: RestRequest,
    /// How deep a book is asked for, and by which name; of nothing else.
    depth: Option<(SnapshotDepth, Native)>,
    not_before: UnixNanos,
    backoff: Backoff,
}

impl Wanted {
    fn new(want: Want, request: RestRequest, not_before: UnixNanos, seed: u64) -> Self {
        Self { want, request, depth: None, not_before, backoff: Backoff::new(RETRY, seed) }
    }
}

/// When a book was asked for, and how often in a row.
#[derive(Clone, Copy, Debug)]
struct Asked {
    last: UnixNanos,
    times: u32,
}

impl Default for Asked {
    fn default() -> Self {
        Self { last: UnixNanos(i64::MIN), times: 0 }
    }
}

impl Asked {
    fn note(&mut self, now: UnixNanos) {
        if now >= later(self.next(), SNAPSHOT_LIVE_MIN) {
            self.times = 0;
        }
        (self.last, self.times) = (now, self.times.saturating_add(1));
    }

    /// Not again before.
    fn next(&self) -> UnixNanos {
        let doubled = SNAPSHOTS_APART * (1 << self.times.saturating_sub(1).min(10));
        later(self.last, doubled.min(SNAPSHOTS_APART_MAX))
    }
}

/// What came of one request of a list.
#[derive(Debug)]
struct Part {
    path: String,
    listings: Option<Vec<Listing>>,
    /// It has failed, and is asked for again.
    has_failed: bool,
}

/// Everything that the thread owns.
struct Worker {
    options: RequestOptions,
    rest: Rest,
    ledger: Ledger,
    /// In the order in which they were asked for.
    queue: Vec<Wanted>,
    /// The ledger lets nothing go before.
    held_until: UnixNanos,
    /// When each book was asked for last.
    asked: HashMap<InstrumentId, Asked>,
    /// How many levels the larger side of each had in the last answer.
    levels: HashMap<InstrumentId, usize>,
    /// Of the list that is being asked for: what came.
    parts: Vec<Part>,
    /// How much that is.
    extent: Extent,
    /// When it is asked for anew.
    list_at: UnixNanos,
    jobs: Receiver<Job>,
    counters: Arc<RequestCounters>,
}

impl Worker {
    fn run(mut self) {
        loop {
            match self.jobs.recv_timeout(self.until_next()) {
                Ok(Job::List { natives }) => {
                    self.options.natives = natives;
                    self.want_list();
                }
                Ok(Job::Snapshot { instrument, native }) => self.want_snapshot(instrument, native),
                Err(RecvTimeoutError::Timeout) => {
                    if self.now() >= self.list_at {
                        self.want_list();
                    }
                    self.serve_next();
                }
                Ok(Job::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            }
            self.tell_queue();
        }
    }

    fn now(&self) -> UnixNanos {
        let clock = self.options.observatory.clock();
        clock.date(clock.now())
    }

    /// How long the thread may wait for jobs before the first of the queue is due.
    fn until_next(&self) -> Duration {
        let due = self.queue.iter().map(|wanted| wanted.not_before).min();
        let due = due.map_or(self.list_at, |due| due.max(self.held_until).min(self.list_at));
        Duration::from_nanos(u64::try_from(due.0.saturating_sub(self.now().0)).unwrap_or(0))
    }

    /// Asks for the whole list, whatever came of an earlier one so far.
    fn want_list(&mut self) {
        self.list_at = later(self.now(), self.options.list_every);
        self.queue.retain(|wanted| !matches!(wanted.want, Want::Listing { .. }));
        let requests = match self.options.profile.listing {
            Some(rest) => {
                let natives: Vec<&str> = self.options.natives.iter().map(|one| &**one).collect();
                (rest.requests)(&natives)
            }
            // It comes in a stream, and the ledger has no part in that.
            None => vec![RestRequest { path: String::new(), weight: 0 }],
        };
        self.parts.clear();
        self.extent = Extent::default();
        for request in requests {
            self.want_part(request);
        }
    }

    fn want_part(&mut self, request: RestRequest) {
        let want = Want::Listing { part: self.parts.len() };
        self.parts.push(Part { path: request.path.clone(), listings: None, has_failed: false });
        let seed = self.options.observatory.clock().now().0;
        self.queue.push(Wanted::new(want, request, UnixNanos(0), seed));
    }

    /// A part of the list came. With the last of them it is whole.
    fn note_part(&mut self, part: usize, listings: Vec<Listing>) {
        let entries = listings.clone();
        if let Some(place) = self.parts.get_mut(part) {
            place.listings = Some(listings);
        }
        match self.has_all_wanted() {
            true => self.tell_whole(),
            false => self.tell_list(Listings { entries: entries.into(), whole: false }),
        }
    }

    /// A part of the list does not come for now. Where nothing of what is wanted stands in it, the
    /// others are the whole list, and what is not in them is not listed.
    fn note_failed_part(&mut self, part: usize) {
        let Some(place) = self.parts.get_mut(part) else { return };
        let is_news = !std::mem::replace(&mut place.has_failed, true);
        let has_any = self.parts.iter().any(|part| part.listings.is_some());
        if is_news && has_any && self.has_all_wanted() {
            self.tell_whole();
        }
    }

    fn has_all_wanted(&self) -> bool {
        has_all(&self.parts, &self.options.natives, self.options.profile)
    }

    fn tell_whole(&mut self) {
        let listed = self.parts.iter().filter_map(|part| part.listings.clone());
        let entries = listed.flatten().collect();
        if self.parts.iter().all(|part| part.listings.is_some()) {
            self.parts.clear();
        }
        self.tell_list(Listings { entries, whole: self.options.list_is_own });
    }

    fn tell_list(&self, listings: Listings) {
        // The receiver is gone only when the gateway stops.
        let _ = self.options.listings.send((self.options.profile.exchange, listings));
    }

    /// The list is longer than any exchange's: what came of it is let go, and the next one waited for.
    fn give_up_list(&mut self, error: &dyn std::error::Error) {
        self.queue.retain(|wanted| !matches!(wanted.want, Want::Listing { .. }));
        self.parts = Vec::new();
        self.counters.lists_refused.increment();
        let (exchange, next) = (self.options.profile.exchange.name(), self.options.list_every);
        tracing::warn!(exchange, %error, ?next, "list of instruments given up");
    }

    fn want_snapshot(&mut self, instrument: InstrumentId, native: ArrayString<SYMBOL_BYTES_MAX>) {
        let Some(rest) = self.options.profile.snapshot else { return };
        let want = Want::Snapshot { instrument };
        // What a small book costs in the greatest depth would buy fifty of them.
        let depth = rest.depth(self.levels.get(&instrument).copied());
        let path = (rest.path)(&native, depth.levels);
        let request = RestRequest { path, weight: depth.weight };
        if let Some(waiting) = self.queue.iter_mut().find(|wanted| wanted.want == want) {
            // It may be spelled otherwise by now.
            (waiting.request, waiting.depth) = (request, Some((depth, native)));
            return;
        }
        let earliest = self.asked.get(&instrument).map_or(UnixNanos(0), |asked| asked.next());
        let seed = self.options.observatory.clock().now().0;
        let depth = Some((depth, native));
        self.queue.push(Wanted { depth, ..Wanted::new(want, request, earliest, seed) });
    }

    fn urgency(&self, want: Want) -> u64 {
        match want {
            // Small, seldom, and what the answers to clients are made of.
            Want::Listing { .. } => u64::MAX,
            Want::Snapshot { instrument } => {
                let demand = self.options.demand.iter();
                demand.map(|broadcaster| u64::from(broadcaster.of(instrument))).sum()
            }
        }
    }

    /// Sends the most urgent request that is due, when the ledger lets it.
    fn serve_next(&mut self) {
        let now = self.now();
        let urgency = |want| self.urgency(want);
        let Some(index) = most_urgent(&self.queue, now, urgency) else { return };
        let weight = self.queue[index].request.weight;
        if let Err(wait) = self.ledger.take(weight, now) {
            self.counters.held_back.increment();
            self.held_until = later(now, wait);
            return;
        }
        let mut wanted = self.queue.remove(index);
        self.counters.requests.increment();
        self.counters.weight.add(u64::from(weight));
        if let Want::Snapshot { instrument } = wanted.want {
            self.asked.entry(instrument).or_default().note(now);
        }
        if let Err(failure) = self.serve(&wanted) {
            match wanted.want {
                Want::Snapshot { instrument } => {
                    let reason = failure.reason();
                    self.options.feed.send_waiting(FeedCommand::NoSnapshot { instrument, reason });
                }
                Want::Listing { part } => self.note_failed_part(part),
            }
            let wait = self.meet(&failure, &mut wanted.backoff, &wanted.request);
            wanted.not_before = later(self.now(), wait);
            self.queue.push(wanted);
        }
    }

    /// Says how many wait, and when the ledger will have let the last of them go.
    fn tell_queue(&self) {
        self.counters.waiting.set(self.queue.len() as u64);
        let weight = self.queue.iter().map(|wanted| u64::from(wanted.request.weight)).sum();
        let eta = if self.queue.is_empty() {
            Duration::ZERO
        } else {
            self.ledger.until_spent(weight, self.now())
        };
        self.counters.eta_ms.set(u64::try_from(eta.as_millis()).unwrap_or(u64::MAX));
    }

    fn serve(&mut self, wanted: &Wanted) -> Result<(), Failure> {
        let (profile, now) = (self.options.profile, self.now());
        let path = &wanted.request.path;
        match (wanted.want, profile.listing, profile.snapshot) {
            (Want::Listing { part }, Some(rest), _) => {
                let body = self.rest.fetch(path, now)?;
                let read = match (rest.read)(&body) {
                    Ok(read) => read,
                    Err(error @ RestError::TooLong) => {
                        self.give_up_list(&error);
                        return Ok(());
                    }
                    Err(error) => return Err(unusable(profile, &error, &body, now)),
                };
                self.note_unread(path, read.unread);
                if let Err(error) = self.extent.add(body.len(), read.listings.len()) {
                    self.give_up_list(&error);
                    return Ok(());
                }
                if let Some(page) = (rest.next)(&body) {
                    self.want_part(page);
                }
                self.note_part(part, read.listings);
            }
            (Want::Listing { part }, None, _) => {
                let listings = self.options.source.ask_in_the_stream().map_err(Failure::Broken)?;
                self.note_part(part, listings);
            }
            (Want::Snapshot { instrument }, _, Some(rest)) => {
                let body = self.rest.fetch(path, now)?;
                let unread = |error| unusable(profile, &error, &body, now);
                let snapshot = (rest.read)(&body).map_err(unread)?;
                self.levels.insert(instrument, larger_side(&snapshot));
                if let Some((depth, native)) = wanted.depth
                    && rest.is_cut(depth, &snapshot)
                {
                    // It has grown: asked for deeper at once.
                    self.asked.remove(&instrument);
                    self.want_snapshot(instrument, native);
                    return Ok(());
                }
                self.options.feed.send_waiting(FeedCommand::Snapshot { instrument, snapshot });
            }
            // Nobody asks for what the exchange does not give.
            (Want::Snapshot { .. }, _, None) => {}
        }
        Ok(())
    }

    /// Rows of a list that are left out. Once for each answer: lists are asked for every hour.
    fn note_unread(&self, path: &str, rows: u32) {
        if rows > 0 {
            self.counters.rows_unread.add(rows.into());
            let exchange = self.options.profile.exchange.name();
            tracing::warn!(
                exchange,
                path,
                rows,
                "rows of the list cannot be read, and are left out"
            );
        }
    }

    /// Counts and reports a failure; returns how long to wait.
    fn meet(
        &mut self,
        failure: &Failure,
        backoff: &mut Backoff,
        request: &RestRequest,
    ) -> Duration {
        let exchange = self.options.profile.exchange.name();
        self.counters.failures.increment();
        let plain = backoff.next_wait().unwrap_or(RETRY.max);
        match failure {
            Failure::Refused(refusal) => {
                self.counters.refusals.increment();
                if refusal.reason == Reason::RateLimited {
                    self.ledger.refuse_for(refusal.retry_after, self.now());
                }
                let wait = plain.max(refusal.retry_after);
                let reason = refusal.reason.name();
                tracing::warn!(exchange, path = request.path, reason, ?wait, "request refused");
                wait
            }
            Failure::Broken(error) | Failure::Unreadable(error) => {
                tracing::warn!(exchange, path = request.path, error, wait = ?plain, "request failed");
                plain
            }
        }
    }
}

/// Whether all came of a list that these may stand in. A part that may still come is waited for.
fn has_all(parts: &[Part], natives: &[Native], profile: &Profile) -> bool {
    let is_wanted = |part: &Part| {
        let covers = |native: &Native| match profile.listing {
            Some(listing) => (listing.covers)(&part.path, native),
            None => true,
        };
        !part.has_failed || natives.iter().any(covers)
    };
    parts.iter().all(|part| part.listings.is_some() || !is_wanted(part))
}

/// What an answer is that cannot be used. Some exchanges say "too many requests" in the body of an
/// answer like any other.
fn unusable(profile: &Profile, error: &RestError, body: &[u8], now: UnixNanos) -> Failure {
    let refusal = profile.refusal(200, None, body, now);
    match error {
        RestError::Refused { .. } if refusal.reason == Reason::RateLimited => {
            Failure::Refused(refusal)
        }
        _ => Failure::Unreadable(error.to_string()),
    }
}

/// Of what is due, the place of what is most urgent; of equals the one that was asked for first.
fn most_urgent(queue: &[Wanted], now: UnixNanos, urgency: impl Fn(Want) -> u64) -> Option<usize> {
    let due = (0..queue.len()).filter(|&index| queue[index].not_before <= now);
    due.max_by_key(|&index| (urgency(queue[index].want), Reverse(index)))
}

fn later(now: UnixNanos, wait: Duration) -> UnixNanos {
    UnixNanos(now.0.saturating_add(i64::try_from(wait.as_nanos()).unwrap_or(i64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_like_any_other_may_say_that_it_was_too_much() {
        let outcome = |body: &str| {
            let profile = crate::exchange::profile(ExchangeId::Bybit);
            let rest = profile.listing.expect("it has a list beside the stream");
            let error = (rest.read)(body.as_bytes()).expect_err("no list");
            unusable(profile, &error, body.as_bytes(), UnixNanos(0))
        };
        let busy = outcome(r#"{"retCode":10006,"retMsg":"Too many visits!","result":{}}"#);
        let Failure::Refused(refusal) = busy else { panic!("it is a refusal") };
        assert_eq!((refusal.reason, refusal.retry_after.as_secs()), (Reason::RateLimited, 5));
        for body in [r#"{"retCode":10001,"retMsg":"params error","result":{}}"#, "<html>10006"] {
            assert!(matches!(outcome(body), Failure::Unreadable(_)), "{body}");
        }
    }

    #[test]
    fn a_part_that_fails_costs_nothing_that_is_not_in_it() {
        let profile = crate::exchange::profile(ExchangeId::Okx);
        let listing = profile.listing.expect("it has a list beside the stream");
        let native = |native: &str| Native::from(native).expect("short");
        let spot = [native("BTC-USDT"), native("BTC-USDTT")];
        let dated = [native("BTC-USDT"), native("BTC-USD-261225")];
        let parts = |failed: &str, waits: &str| -> Vec<Part> {
            let part = |request: RestRequest| {
                let (is_failed, is_out) =
                    (request.path.ends_with(failed), request.path.ends_with(waits));
                let listings = (!is_failed && !is_out).then(Vec::new);
                Part { path: request.path, listings, has_failed: is_failed }
            };
            (listing.requests)(&[]).into_iter().map(part).collect()
        };
        assert!(has_all(&parts("FUTURES", "none"), &spot, profile));
        assert!(!has_all(&parts("FUTURES", "none"), &dated, profile));
        assert!(!has_all(&parts("SPOT", "none"), &spot, profile));
        assert!(!has_all(&parts("FUTURES", "SWAP"), &spot, profile), "it may still come");
    }

    fn book(index: u32, not_before: i64) -> Wanted {
        let want = Want::Snapshot { instrument: InstrumentId(index) };
        let request = RestRequest { path: String::new(), weight: 250 };
        Wanted::new(want, request, UnixNanos(not_before), 1)
    }

    #[test]
    fn a_small_book_is_asked_for_in_less_than_the_greatest_depth_and_never_taken_cut() {
        let rest =
            crate::exchange::profile(ExchangeId::Binance).snapshot.expect("beside the stream");
        let cost = |levels| rest.depth(levels).weight;
        let known = [None, Some(0), Some(50), Some(51), Some(400), Some(501), Some(usize::MAX)];
        assert_eq!(known.map(cost), [250, 5, 5, 25, 50, 250, 250]);
        let answer = |bids: usize| {
            let level = |index| format!("[\"{}\",\"1\"]", index + 1);
            let bids: Vec<String> = (0..bids).map(level).collect();
            let body = format!("{{\"lastUpdateId\":7,\"bids\":[{}],\"asks\":[]}}", bids.join(","));
            (rest.read)(body.as_bytes()).expect("it reads")
        };
        let small = rest.depth(Some(50));
        assert!(!rest.is_cut(small, &answer(99)) && rest.is_cut(small, &answer(100)));
        let deepest = rest.depth(None);
        assert!(!rest.is_cut(deepest, &answer(5_000)), "there is no more to be had");
        assert_eq!(cost(Some(larger_side(&answer(100)))), 25, "the next has room for it");
    }

    #[test]
    fn a_book_that_fails_again_and_again_is_asked_for_ever_more_rarely() {
        let mut asked = Asked::default();
        let mut now = UnixNanos::from_millis(1_700_000_000_000);
        let mut waits = Vec::new();
        for _ in 0..9 {
            asked.note(now);
            waits.push((asked.next().0 - now.0) / 1_000_000_000);
            now = asked.next();
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        now = later(now, SNAPSHOT_LIVE_MIN);
        asked.note(now);
        assert_eq!(asked.next(), later(now, SNAPSHOTS_APART), "it was live meanwhile");
    }

    #[test]
    fn the_book_that_most_clients_want_is_asked_for_first() {
        let mut queue = vec![book(0, 0), book(1, 0), book(2, 0), book(3, 50), book(4, 0)];
        let subscriptions = |want| match want {
            Want::Snapshot { instrument } => [0, 3, 7, 9, 7][instrument.index()],
            Want::Listing { .. } => u64::MAX,
        };
        let mut order = Vec::new();
        while let Some(index) = most_urgent(&queue, UnixNanos(10), subscriptions) {
            order.push(queue.remove(index).want);
        }
        let books = [2, 4, 1, 0].map(|index| Want::Snapshot { instrument: InstrumentId(index) });
        assert_eq!(order, books, "of equals the one asked for first, and none before its time");
        assert_eq!(queue.len(), 1);
    }
}
