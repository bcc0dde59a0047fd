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
    pub channels: Arc<[Vec<Channel>; EXCHANGES]>,
    /// Where states are shown.
    pub observatory: Arc<Observatory>,
}

/// The running supervisor thread, and the threads that work for it.
#[derive(Debug)]
pub struct Supervisor {
    orders: Sender<Order>,
    thread: JoinHandle<()>,
}

/// What the thread is told.
enum Order {
    /// Look after this feed too; whether that goes is answered.
    Add(SupervisedFeed, Sender<io::Result<()>>),
    /// This feed has ended.
    Remove(ExchangeId),
    /// The instruments are these now, and the channels that they have; answered when the
    /// broadcasters were told.
    Instruments(Arc<InstrumentTable>, Arc<[Vec<Channel>; EXCHANGES]>, Sender<()>),
    /// End.
    Stop,
}

const EXCHANGES: usize = ExchangeId::ALL.len();

impl Supervisor {
    /// Starts the threads.
    ///
    /// # Errors
    /// When certificates cannot be read, or the system gives no thread.
    pub fn start(supervision: Supervision) -> io::Result<Self> {
        let Supervision { reports, feeds, broadcasters, table, channels, observatory } =
            supervision;
        let resolver = Resolver::start()?;
        let (listings, listed) = bounded(LISTINGS_CAPACITY);
        let guard = observatory.thread("supervisor");
        let mut work = Work {
            resolver,
            workers: Vec::new(),
            broadcasters,
            table: InstrumentTable::clone(&table),
            traded: BTreeMap::new(),
            channels,
            observatory,
            listings,
        };
        feeds.into_iter().try_for_each(|feed| work.add(feed))?;
        let (orders, told) = bounded(ORDERS_CAPACITY);
        let thread =
            std::thread::Builder::new().name("supervisor".to_owned()).spawn(move || {
                let _guard = guard;
                work.run(&reports, &listed, &told);
            })?;
        Ok(Self { orders, thread })
    }

    /// Looks after another feed from now on.
    ///
    /// # Errors
    /// When certificates cannot be read, or the system gives no thread.
    pub fn add(&self, feed: SupervisedFeed) -> io::Result<()> {
        let (answer, answered) = bounded(1);
        let asked = self.orders.send(Order::Add(feed, answer));
        asked.ok().and_then(|()| answered.recv().ok()).unwrap_or_else(|| Err(gone()))
    }

    /// A feed has ended: its requests are not made any more.
    pub fn remove(&self, exchange: ExchangeId) {
        // Nobody is left to make requests when the thread is gone.
        let _ = self.orders.send(Order::Remove(exchange));
    }

    /// The instruments are these now: none of the earlier ones has another id. When this returns
    /// every broadcaster was told, before it can see a tick of theirs.
    pub fn set_instruments(
        &self,
        table: Arc<InstrumentTable>,
        channels: Arc<[Vec<Channel>; EXCHANGES]>,
    ) {
        let (answer, answered) = bounded(1);
        if self.orders.send(Order::Instruments(table, channels, answer)).is_ok() {
            // An error means that the thread is gone; then there is nobody to tell.
            let _ = answered.recv();
        }
    }

    /// Ends the threads; requests under way are waited for.
    pub fn stop(self) {
        // Gone says the same.
        let _ = self.orders.send(Order::Stop);
        // A panic was reported by the panic hook.
        let _ = self.thread.join();
    }
}

/// Lists that wait: a few per feed, once. Who sends one waits for room.
const LISTINGS_CAPACITY: usize = 64;

/// Orders that wait; who gives one waits for room.
const ORDERS_CAPACITY: usize = 16;

fn gone() -> io::Error {
    io::Error::other("the supervisor has ended")
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
    channels: Arc<[Vec<Channel>; EXCHANGES]>,
    observatory: Arc<Observatory>,
    /// Where lists of instruments come from.
    listings: Sender<Vec<Listing>>,
}

impl Work {
    /// Looks after one more feed.
    fn add(&mut self, supervised: SupervisedFeed) -> io::Result<()> {
        let requests = Requests::start(RequestOptions {
            profile: exchange::profile(supervised.feed.exchange()),
            rest_url: supervised.rest_url,
            tls_ca_file: supervised.tls_ca_file,
            feed: supervised.feed.clone(),
            demand: self.broadcasters.iter().map(|one| Arc::clone(one.demand())).collect(),
            listings: self.listings.clone(),
            clock: self.observatory.clock().clone(),
        })?;
        let name = supervised.feed.exchange().name();
        self.observatory.add_requests(name, Arc::clone(requests.counters()));
        self.workers.push(Worker { feed: supervised.feed, requests });
        Ok(())
    }

    /// Does as it is told; false when that is to end.
    fn obey(&mut self, order: Order) -> bool {
        match order {
            Order::Add(feed, answer) => {
                // Who asked may have ended meanwhile.
                let _ = answer.send(self.add(feed));
            }
            Order::Remove(exchange) => {
                let is_it = |worker: &Worker| worker.feed.exchange() == exchange;
                if let Some(index) = self.workers.iter().position(is_it) {
                    self.workers.remove(index).requests.dismiss();
                }
            }
            Order::Instruments(table, channels, answer) => {
                let mut table = InstrumentTable::clone(&table);
                // What the exchanges told of them is known here alone.
                for (id, known) in self.table.iter() {
                    if let Some(own) = table.instrument_mut(id) {
                        (own.tick_size, own.lot_size) = (known.tick_size, known.lot_size);
                    }
                }
                for listed in self.traded.values() {
                    if let Some(id) = table.find(listed.exchange, listed.symbol)
                        && let Some(own) = table.instrument_mut(id)
                    {
                        (own.tick_size, own.lot_size) = (listed.tick_size, listed.lot_size);
                    }
                }
                (self.table, self.channels) = (table, channels);
                self.announce();
                let _ = answer.send(());
            }
            Order::Stop => return false,
        }
        true
    }

    fn run(
        mut self,
        reports: &Receiver<FeedReport>,
        listed: &Receiver<Vec<Listing>>,
        orders: &Receiver<Order>,
    ) {
        let statistics = tick(STATISTICS_EVERY);
        loop {
            select! {
                recv(reports) -> report => match report {
                    Ok(report) => self.hear(report),
                    // Every feed has ended; what is left is to be told to stop.
                    Err(_) => {
                        while orders.recv().is_ok_and(|order| self.obey(order)) {}
                        break;
                    }
                },
                recv(listed) -> listing => { listing.into_iter().for_each(|one| self.list(&one)); }
                recv(statistics) -> _ => log_statistics(&stats(&self.observatory)),
                recv(orders) -> order => if !order.is_ok_and(|order| self.obey(order)) { break },
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
            FeedNotice::Listing(listings) => self.list(&listings.entries),
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
            .carried()
            .map(|(_, instrument)| (instrument, &self.channels[instrument.exchange as usize][..]));
        let is_carried = |one: &&Instrument| self.table.find(one.exchange, one.symbol).is_some();
        let others = self.traded.values().filter(|one| !is_carried(one));
        let none: &[Channel] = &[];
        let entries: Vec<_> = carried.chain(others.map(|one| (one, none))).collect();
        let catalogue = Arc::new(Catalogue::new(&entries));
        let table = Arc::new(self.table.clone());
        for broadcaster in &self.broadcasters {
            let (table, catalogue) = (Arc::clone(&table), Arc::clone(&catalogue));
            let channels = Arc::clone(&self.channels);
            broadcaster.send_waiting(BroadcastCommand::Instruments(table, catalogue, channels));
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

/// In words, and aloud only what is no ordinary course: the first connection is one of many.
fn log_state(
    exchange: ExchangeId,
    line: u8,
    state: FeedState,
    reason: Reason,
    attempt: u32,
    detail: Option<&str>,
) {
    // Most exchanges have one connection, which needs no number.
    let line = (line > 0).then_some(line);
    let reason_name = reason.name();
    match (state, reason) {
        (FeedState::Reconnecting, _) => {
            tracing::warn!(%exchange, line, detail, "{reason_name}; attempt {attempt} follows");
        }
        (FeedState::Error, _) => {
            tracing::error!(%exchange, line, detail, "{reason_name}; tried again, but rarely");
        }
        (FeedState::Connected, Reason::None) if attempt > 0 => {
            tracing::info!(%exchange, line, detail, "connected again");
        }
        (FeedState::Connected, Reason::None) => {
            tracing::debug!(%exchange, line, detail, "connected");
        }
        (_, Reason::None | Reason::Requested) => {
            tracing::debug!(%exchange, line, detail, "{}", state.name());
        }
        _ => tracing::info!(%exchange, line, detail, "{}: {reason_name}", state.name()),
    }
}

/// One line that says whether all is well; each feed's own numbers for who asks for more.
fn log_statistics(stats: &Stats) {
    for feed in &stats.feeds {
        tracing::debug!(
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
    let connected = stats.feeds.iter().filter(|feed| feed.state == "connected").count();
    let path = stats.latency.iter().find(|span| span.span == "socket_to_client");
    tracing::info!(
        feeds = format_args!("{connected}/{}", stats.feeds.len()),
        books_live = stats.feeds.iter().map(|feed| feed.books.live).sum::<u64>(),
        gaps = stats.feeds.iter().map(|feed| feed.gaps).sum::<u64>(),
        resyncs = stats.feeds.iter().map(|feed| feed.resyncs).sum::<u64>(),
        clients = clients.open,
        events = clients.events,
        events_per_second = format_args!("{:.0}", clients.events_per_second),
        conflated = clients.conflated,
        slow_closes = clients.slow_closes,
        resident_mib = stats.resident_bytes.unwrap_or(0) >> 20,
        socket_to_client_p99_us = path.map_or(0, |span| span.last_minute.p99_ns / 1_000),
        "the last minute"
    );
}
