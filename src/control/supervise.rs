//! The supervisor thread: hears what the feeds ask and tell, and sees to it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use arrayvec::ArrayString;
use crossbeam::channel::{Receiver, Sender, bounded, tick};
use crossbeam::select;

use super::requests::{RequestOptions, Requests};
use super::resolve::{Question, Resolver};
use crate::broadcast::{BroadcastCommand, BroadcastHandle};
use crate::client::dialect::Catalogue;
use crate::exchange::{self, Listing, Subscription};
use crate::feed::{FeedHandle, FeedNotice, FeedReport};
use crate::instrument::{
    Channel, ExchangeId, Instrument, InstrumentId, InstrumentTable, SYMBOL_BYTES_MAX,
};
use crate::metrics::{Observatory, Stats, stats};
use crate::tick::{FeedState, Reason};

/// How often the log gets a line of statistics.
const STATISTICS_EVERY: Duration = Duration::from_secs(60);

/// One feed and where its exchange answers requests.
#[derive(Debug)]
pub struct SupervisedFeed {
    /// The way to it.
    pub feed: FeedHandle,
    /// Origin of requests beside the stream.
    pub rest_url: String,
    /// Certificates to trust besides the system's.
    pub tls_ca_file: Option<PathBuf>,
}

/// What the supervisor looks after.
#[derive(Debug)]
pub struct Supervision {
    /// Where the feeds ask and tell.
    pub reports: Receiver<FeedReport>,
    /// The feeds.
    pub feeds: Vec<SupervisedFeed>,
    /// Who is told when instruments change.
    pub broadcasters: Vec<BroadcastHandle>,
    /// The instruments at start.
    pub table: Arc<InstrumentTable>,
    /// Channels that each exchange's instruments have, by `ExchangeId as usize`.
    pub channels: Arc<[Vec<Channel>; ExchangeId::ALL.len()]>,
    /// Where states are shown.
    pub observatory: Arc<Observatory>,
}

/// The running supervisor thread, and the threads that work for it.
#[derive(Debug)]
pub struct Supervisor {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Supervisor {
    /// Starts the threads.
    ///
    /// # Errors
    /// When certificates cannot be read, or the system gives no thread.
    pub fn start(supervision: Supervision) -> io::Result<Self> {
        let Supervision { reports, feeds, broadcasters, table, channels, observatory } =
            supervision;
        let resolver = Resolver::start()?;
        // One list per feed, once.
        let (listings, listed) = bounded(feeds.len().max(1));
        let start = |supervised: SupervisedFeed| {
            let requests = Requests::start(RequestOptions {
                profile: exchange::profile(supervised.feed.exchange()),
                rest_url: supervised.rest_url,
                tls_ca_file: supervised.tls_ca_file,
                feed: supervised.feed.clone(),
                demand: broadcasters.iter().map(|one| Arc::clone(one.demand())).collect(),
                listings: listings.clone(),
                clock: observatory.clock().clone(),
            })?;
            let name = supervised.feed.exchange().name();
            observatory.add_requests(name, Arc::clone(requests.counters()));
            Ok(Worker { feed: supervised.feed, requests })
        };
        let workers = feeds.into_iter().map(start).collect::<io::Result<Vec<_>>>()?;
        let (stop, stopped) = bounded(1);
        let guard = observatory.thread("supervisor");
        let table = InstrumentTable::clone(&table);
        let traded = BTreeMap::new();
        let work = Work { resolver, workers, broadcasters, table, traded, channels, observatory };
        let thread =
            std::thread::Builder::new().name("supervisor".to_owned()).spawn(move || {
                let _guard = guard;
                work.run(&reports, &listed, &stopped);
            })?;
        Ok(Self { stop, thread })
    }

    /// Ends the threads; requests under way are waited for.
    pub fn stop(self) {
        // Full or gone says the same.
        let _ = self.stop.try_send(());
        // A panic was reported by the panic hook.
        let _ = self.thread.join();
    }
}

/// A feed and its thread of requests.
struct Worker {
    feed: FeedHandle,
    requests: Requests,
}

/// Everything that the thread owns.
struct Work {
    resolver: Resolver,
    workers: Vec<Worker>,
    broadcasters: Vec<BroadcastHandle>,
    table: InstrumentTable,
    /// What the exchanges trade, by their spelling.
    traded: BTreeMap<(ExchangeId, ArrayString<SYMBOL_BYTES_MAX>), Instrument>,
    channels: Arc<[Vec<Channel>; ExchangeId::ALL.len()]>,
    observatory: Arc<Observatory>,
}

impl Work {
    fn run(
        mut self,
        reports: &Receiver<FeedReport>,
        listed: &Receiver<Vec<Listing>>,
        stopped: &Receiver<()>,
    ) {
        let statistics = tick(STATISTICS_EVERY);
        loop {
            select! {
                recv(reports) -> report => match report {
                    Ok(report) => self.hear(report),
                    // Every feed has ended; what is left is to be told to stop.
                    Err(_) => { let _ = stopped.recv(); break; }
                },
                recv(listed) -> listing => { listing.into_iter().for_each(|one| self.list(&one)); }
                recv(statistics) -> _ => log_statistics(&stats(&self.observatory)),
                recv(stopped) -> _ => break,
            }
        }
        self.resolver.stop();
        self.workers.into_iter().for_each(|worker| worker.requests.stop());
    }

    fn hear(&mut self, report: FeedReport) {
        let exchange = report.exchange;
        let Some(worker) = self.workers.iter().find(|worker| worker.feed.exchange() == exchange)
        else {
            return;
        };
        match report.notice {
            FeedNotice::Resolve { ticket, host, port } => {
                let feed = worker.feed.clone();
                self.resolver.ask(Question { ticket, host, port, feed });
            }
            FeedNotice::NeedSnapshot { instrument, native } => {
                if !worker.requests.snapshot(instrument, native) {
                    tracing::warn!(%exchange, symbol = %native, "too many requests wait");
                }
            }
            // Its memory ends here, off the data plane.
            FeedNotice::Spent(_) => {}
            FeedNotice::State { line, state, reason, attempt, detail } => {
                self.observatory.set_feed_state(exchange.name(), line, state, reason, attempt);
                log_state(exchange, line, state, reason, attempt, detail.as_deref());
            }
            FeedNotice::Refused { line, id, text, given_up } => {
                log_refusal(exchange, line, id, &text, &given_up);
            }
            FeedNotice::Listing(listings) => self.list(&listings),
            FeedNotice::Unanswered { line, id } => {
                tracing::warn!(%exchange, line, id, "the exchange did not answer a request");
            }
            FeedNotice::Mute { instrument, channel } => {
                let (symbol, channel) = (self.symbol(instrument), channel.name());
                tracing::warn!(%exchange, symbol, channel, "subscribed, and nothing came yet");
            }
            FeedNotice::Aged { instrument, channel } => {
                let (symbol, channel) = (self.symbol(instrument), channel.name());
                tracing::warn!(%exchange, symbol, channel, "silent beyond its rhythm, asked anew");
            }
        }
    }

    fn symbol(&self, instrument: InstrumentId) -> &str {
        self.table.instrument(instrument).map_or("?", |instrument| instrument.symbol.as_str())
    }

    /// Completes the instruments with what the exchange tells of them.
    fn list(&mut self, listings: &[Listing]) {
        let mut completed = 0;
        for Listing { instrument: listed, .. } in listings {
            let known = self.table.find(listed.exchange, listed.symbol);
            if let Some(own) = known.and_then(|id| self.table.instrument_mut(id)) {
                own.tick_size = listed.tick_size;
                own.lot_size = listed.lot_size;
                completed += 1;
            }
        }
        tracing::debug!(listed = listings.len(), completed, "instruments listed");
        for Listing { instrument, trading } in listings {
            let listed = self.traded.entry((instrument.exchange, instrument.native));
            if *trading {
                *listed.or_insert(*instrument) = *instrument;
            } else if let Entry::Occupied(listed) = listed {
                listed.remove();
            }
        }
        self.announce();
    }

    /// Tells the broadcasters the instruments, and the catalogue of all that is traded: first what
    /// our feeds carry.
    fn announce(&self) {
        let carried = self
            .table
            .iter()
            .map(|(_, instrument)| (instrument, &self.channels[instrument.exchange as usize][..]));
        let is_carried = |one: &&Instrument| self.table.find(one.exchange, one.symbol).is_some();
        let others = self.traded.values().filter(|one| !is_carried(one));
        let none: &[Channel] = &[];
        let entries: Vec<_> = carried.chain(others.map(|one| (one, none))).collect();
        let catalogue = Arc::new(Catalogue::new(&entries));
        let table = Arc::new(self.table.clone());
        for broadcaster in &self.broadcasters {
            let (table, catalogue) = (Arc::clone(&table), Arc::clone(&catalogue));
            broadcaster.send_waiting(BroadcastCommand::Instruments(table, catalogue));
        }
    }
}

/// The exchange's own words, and what they cost: by its own spelling, which it may not know.
fn log_refusal(
    exchange: ExchangeId,
    line: u8,
    id: Option<u64>,
    text: &str,
    given_up: &[Subscription],
) {
    if given_up.is_empty() {
        tracing::warn!(%exchange, line, ?id, text, "the exchange refused a request");
    }
    for Subscription { native, channel, .. } in given_up {
        let channel = channel.name();
        tracing::warn!(%exchange, line, symbol = %native, channel, text, "refused, and given up");
    }
}

fn log_state(
    exchange: ExchangeId,
    line: u8,
    state: FeedState,
    reason: Reason,
    attempt: u32,
    detail: Option<&str>,
) {
    let (state_name, reason) = (state.name(), reason.name());
    match state {
        FeedState::Reconnecting | FeedState::Error => {
            tracing::warn!(%exchange, line, reason, attempt, detail, "{state_name}");
        }
        _ => tracing::info!(%exchange, line, reason, attempt, detail, "{state_name}"),
    }
}

fn log_statistics(stats: &Stats) {
    for feed in &stats.feeds {
        tracing::info!(
            exchange = feed.exchange,
            state = feed.state,
            frames = feed.frames,
            ticks = feed.ticks,
            ticks_per_second = format_args!("{:.0}", feed.ticks_per_second),
            gaps = feed.gaps,
            resyncs = feed.resyncs,
            "feed"
        );
    }
    let clients = &stats.clients;
    let path = stats.latency.iter().find(|span| span.span == "socket_to_client");
    tracing::info!(
        clients = clients.open,
        events = clients.events,
        events_per_second = format_args!("{:.0}", clients.events_per_second),
        conflated = clients.conflated,
        slow_closes = clients.slow_closes,
        resident_mib = stats.resident_bytes.unwrap_or(0) >> 20,
        socket_to_client_p99_us = path.map_or(0, |span| span.last_minute.p99_ns / 1_000),
        "clients"
    );
}
