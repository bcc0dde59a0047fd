//! Requests beside the stream: books to join, and the list of instruments. One thread per
//! exchange, under the exchange's ledger; bodies are read here, off the feed's thread.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use arrayvec::ArrayString;
use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, bounded};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use super::ledger::Ledger;
use crate::broadcast::Demand;
use crate::clock::{Clock, UnixNanos};
use crate::exchange::{Listing, Profile, RestError, RestRequest};
use crate::feed::{FeedCommand, FeedHandle};
use crate::instrument::{InstrumentId, SYMBOL_BYTES_MAX};
use crate::limits::{REQUEST_QUEUE_CAPACITY, REST_BODY_BYTES_MAX};
use crate::metrics::RequestCounters;
use crate::net::{Backoff, BackoffPolicy};

/// A request that takes longer has failed.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A connection is not used again after so long. Books are asked for when something went wrong, and
/// what made the stream's connection fall silent may have done so to this one; a request on it would
/// only fail after all of [`TIMEOUT`].
const IDLE_MAX: Duration = Duration::from_secs(3);

/// Least time between two requests for one book: a book that does not join is not worth more.
const SPACING: Duration = Duration::from_secs(1);

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
    /// Origin of its requests; paths are the profile's.
    pub(super) rest_url: String,
    /// Certificates to trust besides the system's.
    pub(super) tls_ca_file: Option<PathBuf>,
    /// The feed that gets the books.
    pub(super) feed: FeedHandle,
    /// What clients want, by broadcaster: the books of most clients are asked for first.
    pub(super) demand: Vec<Arc<Demand>>,
    /// Where the list of instruments goes.
    pub(super) listings: Sender<Vec<Listing>>,
    /// Dates for the ledger.
    pub(super) clock: Clock,
}

/// The running request thread of one exchange.
#[derive(Debug)]
pub(super) struct Requests {
    jobs: Sender<Job>,
    counters: Arc<RequestCounters>,
    thread: JoinHandle<()>,
}

/// What the thread is asked to do.
#[derive(Debug)]
enum Job {
    Snapshot { instrument: InstrumentId, native: ArrayString<SYMBOL_BYTES_MAX> },
    Stop,
}

impl Requests {
    /// Starts the thread; it asks for the list of instruments at once.
    ///
    /// # Errors
    /// When the certificates cannot be read, or the system gives no thread.
    pub(super) fn start(options: RequestOptions) -> io::Result<Self> {
        let (jobs, receiver) = bounded(REQUEST_QUEUE_CAPACITY);
        let now = UnixNanos(0);
        let counters = Arc::new(RequestCounters::default());
        let seed = options.clock.now().0;
        let lists = options.profile.listing.into_iter().flat_map(|rest| (rest.requests)(&[]));
        let worker = Worker {
            agent: agent(&options)?,
            ledger: Ledger::new(options.profile.requests),
            held_until: now,
            queue: lists.map(|request| Wanted::new(Want::Listing, request, now, seed)).collect(),
            asked: HashMap::new(),
            jobs: receiver,
            counters: Arc::clone(&counters),
            options,
        };
        let name = format!("rest-{}", worker.options.profile.exchange);
        let thread = std::thread::Builder::new().name(name).spawn(move || worker.run())?;
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

    /// What the thread counts.
    pub(super) fn counters(&self) -> &Arc<RequestCounters> {
        &self.counters
    }

    /// Lets the thread end after the request under way, without waiting for that.
    pub(super) fn dismiss(self) {
        // Full or gone: either way the thread ends when the sender is dropped.
        let _ = self.jobs.try_send(Job::Stop);
    }

    /// Ends the thread after the request under way.
    pub(super) fn stop(self) {
        // Full or gone: either way the thread ends when the sender is dropped.
        let _ = self.jobs.try_send(Job::Stop);
        drop(self.jobs);
        // A panic was reported by the panic hook.
        let _ = self.thread.join();
    }
}

/// What an answer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Want {
    Listing,
    Snapshot { instrument: InstrumentId },
}

/// A request that waits for its turn.
#[derive(Debug)]
struct Wanted {
    want: Want,
    request: RestRequest,
    not_before: UnixNanos,
    backoff: Backoff,
}

impl Wanted {
    fn new(want: Want, request: RestRequest, not_before: UnixNanos, seed: u64) -> Self {
        Self { want, request, not_before, backoff: Backoff::new(RETRY, seed) }
    }
}

/// Why a request has to be repeated.
enum Failure {
    /// The exchange said no, and when to come back.
    Refused(crate::exchange::Refusal),
    /// Nothing usable came.
    Broken(String),
}

/// Everything that the thread owns.
struct Worker {
    options: RequestOptions,
    agent: ureq::Agent,
    ledger: Ledger,
    /// In the order in which they were asked for.
    queue: Vec<Wanted>,
    /// The ledger lets nothing go before.
    held_until: UnixNanos,
    /// When each book was asked for last.
    asked: HashMap<InstrumentId, UnixNanos>,
    jobs: Receiver<Job>,
    counters: Arc<RequestCounters>,
}

impl Worker {
    fn run(mut self) {
        loop {
            match self.jobs.recv_timeout(self.until_next()) {
                Ok(Job::Snapshot { instrument, native }) => self.want_snapshot(instrument, native),
                Err(RecvTimeoutError::Timeout) => self.serve_next(),
                Ok(Job::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            }
            self.tell_queue();
        }
    }

    fn now(&self) -> UnixNanos {
        self.options.clock.date(self.options.clock.now())
    }

    /// How long the thread may wait for jobs before the first of the queue is due.
    fn until_next(&self) -> Duration {
        let due = self.queue.iter().map(|wanted| wanted.not_before).min();
        due.map_or(Duration::from_secs(3_600), |due| {
            let due = due.max(self.held_until);
            Duration::from_nanos(u64::try_from(due.0.saturating_sub(self.now().0)).unwrap_or(0))
        })
    }

    fn want_snapshot(&mut self, instrument: InstrumentId, native: ArrayString<SYMBOL_BYTES_MAX>) {
        let Some(rest) = self.options.profile.snapshot else { return };
        let want = Want::Snapshot { instrument };
        if self.queue.iter().any(|wanted| wanted.want == want) {
            return;
        }
        let earliest = self.asked.get(&instrument).map_or(UnixNanos(0), |&asked| {
            UnixNanos(asked.0.saturating_add(SPACING.as_nanos() as i64))
        });
        self.queue.push(Wanted::new(
            want,
            (rest.request)(&native),
            earliest,
            self.options.clock.now().0,
        ));
    }

    fn urgency(&self, want: Want) -> u64 {
        match want {
            // Small, once, and what the answers to clients are made of.
            Want::Listing => u64::MAX,
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
            self.asked.insert(instrument, now);
        }
        if let Err(failure) = self.serve(&wanted) {
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

    fn serve(&self, wanted: &Wanted) -> Result<(), Failure> {
        let body = self.fetch(&wanted.request.path)?;
        let broken = |error: RestError| Failure::Broken(error.to_string());
        let profile = self.options.profile;
        match (wanted.want, profile.listing, profile.snapshot) {
            (Want::Listing, Some(rest), _) => {
                let listing = (rest.read)(&body).map_err(broken)?;
                // The receiver is gone only when the gateway stops.
                let _ = self.options.listings.send(listing);
            }
            (Want::Snapshot { instrument }, _, Some(rest)) => {
                let snapshot = (rest.read)(&body).map_err(broken)?;
                self.options.feed.send_waiting(FeedCommand::Snapshot { instrument, snapshot });
            }
            // Nobody asks for what the exchange does not give.
            (Want::Listing, None, _) | (Want::Snapshot { .. }, _, None) => {}
        }
        Ok(())
    }

    fn fetch(&self, path: &str) -> Result<Vec<u8>, Failure> {
        let broken = |error: ureq::Error| Failure::Broken(error.to_string());
        let url = format!("{}{path}", self.options.rest_url);
        let mut response = self.agent.get(&url).call().map_err(broken)?;
        let status = response.status().as_u16();
        let retry_after = response
            .headers()
            .get("retry-after")
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        let body = response.body_mut().with_config().limit(REST_BODY_BYTES_MAX).read_to_vec();
        let body = body.map_err(broken)?;
        if status == 200 {
            return Ok(body);
        }
        let refusal =
            (self.options.profile.refusal)(status, retry_after.as_deref(), &body, self.now());
        Err(Failure::Refused(refusal))
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
                if refusal.reason == crate::tick::Reason::RateLimited {
                    self.ledger.refuse_for(refusal.retry_after, self.now());
                }
                let wait = plain.max(refusal.retry_after);
                let reason = refusal.reason.name();
                tracing::warn!(exchange, path = request.path, reason, ?wait, "request refused");
                wait
            }
            Failure::Broken(error) => {
                tracing::warn!(exchange, path = request.path, error, wait = ?plain, "request failed");
                plain
            }
        }
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

/// An HTTP client that trusts whom the feed's own connection trusts.
fn agent(options: &RequestOptions) -> io::Result<ureq::Agent> {
    let mut config = ureq::Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .max_idle_age(IDLE_MAX)
        .http_status_as_error(false)
        .user_agent(concat!("tickwire/", env!("CARGO_PKG_VERSION")));
    if options.rest_url.starts_with("https:") {
        let roots = RootCerts::new_with_certs(&certificates(options.tls_ca_file.as_deref())?);
        config = config.tls_config(TlsConfig::builder().root_certs(roots).build());
    }
    Ok(config.build().new_agent())
}

fn certificates(ca_file: Option<&Path>) -> io::Result<Vec<Certificate<'static>>> {
    let native = rustls_native_certs::load_native_certs();
    let mut all: Vec<_> = native
        .certs
        .iter()
        .map(|certificate| Certificate::from_der(certificate).to_owned())
        .collect();
    if let Some(path) = ca_file {
        let pem = std::fs::read(path)?;
        for item in parse_pem(&pem) {
            if let PemItem::Certificate(certificate) = item.map_err(io::Error::other)? {
                all.push(certificate);
            }
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book(index: u32, not_before: i64) -> Wanted {
        let want = Want::Snapshot { instrument: InstrumentId(index) };
        let request = RestRequest { path: String::new(), weight: 250 };
        Wanted::new(want, request, UnixNanos(not_before), 1)
    }

    #[test]
    fn the_book_that_most_clients_want_is_asked_for_first() {
        let mut queue = vec![book(0, 0), book(1, 0), book(2, 0), book(3, 50), book(4, 0)];
        let subscriptions = |want| match want {
            Want::Snapshot { instrument } => [0, 3, 7, 9, 7][instrument.index()],
            Want::Listing => u64::MAX,
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
