//! The supervisor thread: hears what the feeds ask and tell, and sees to it.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, Sender, bounded, tick};
use crossbeam::select;

use super::complaints::Complaints;
use super::directory::{Directory, Standing};
use super::lists::ListSource;
use super::requests::{Native, RequestOptions, Requests};
use super::resolve::{Question, Resolver};
use super::words::{
    LastMinute, are_alike, log_complaints, log_refusal, log_state, log_unlisted, numbered, seconds,
};
use crate::broadcast::{BroadcastCommand, BroadcastHandle};
use crate::clock::MonoNanos;
use crate::dialect::{Catalogue, Offer, Offers};
use crate::exchange::{self, Listings, Subscription, is_asked_alike};
use crate::feed::{
    FeedCommand, FeedHandle, FeedNotice, FeedReport, Refusal, StreamKind, subscriptions,
};
use crate::instrument::{ExchangeId, InstrumentId, InstrumentTable, Listed, Symbol};
use crate::limits;
use crate::metrics::{Observatory, UnlistedStats, Watched, stats};
use crate::tick::Reason;

/// One feed and where its exchange answers requests.
#[derive(Debug)]
pub struct SupervisedFeed {
    /// The way to it.
    pub feed: FeedHandle,
    /// Where its exchange answers.
    pub source: ListSource,
    /// The requests go to the exchange that the streams come from, as far as that can be told: then
    /// what its list has not is not there.
    pub list_is_own: bool,
    /// What it carries of each instrument. Where that is nothing, it carries what it was made with.
    pub streams: Vec<StreamKind>,
    /// What it was made with; see [`Offer::hides_trades`].
    pub hides_trades: bool,
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
    /// What clients can ask for.
    pub offers: Arc<Offers>,
    /// Where states are shown.
    pub observatory: Arc<Observatory>,
    /// How often the exchanges are asked what they trade.
    pub list_every: Duration,
}

/// The instruments and what is carried of them, after a change of the configuration.
#[derive(Debug)]
pub struct Carriage {
    /// The instruments that are wanted: none of the earlier ones has another id.
    pub table: Arc<InstrumentTable>,
    /// What clients can ask for.
    pub offers: Arc<Offers>,
    /// The feeds that carry other channels than before, and which; see [`SupervisedFeed::streams`].
    pub streams: Vec<(ExchangeId, Vec<StreamKind>)>,
}

/// The running supervisor thread, and the threads that work for it.
#[derive(Debug)]
pub struct Supervisor {
    orders: Sender<Order>,
    thread: Watched,
}

/// What the thread is told.
enum Order {
    /// Look after this feed too; whether that goes is answered.
    Add(SupervisedFeed, Sender<io::Result<()>>),
    /// This feed has ended.
    Remove(ExchangeId),
    /// This is wanted now; answered when broadcasters and feeds were told.
    Carry(Carriage, Sender<()>),
    /// End.
    Stop,
}

impl Supervisor {
    /// Starts the threads.
    ///
    /// # Errors
    /// When certificates cannot be read, or the system gives no thread.
    pub fn start(supervision: Supervision) -> io::Result<Self> {
        let Supervision { reports, feeds, broadcasters, table, offers, observatory, list_every } =
            supervision;
        let resolver = Resolver::start(&observatory)?;
        let (listings, listed) = bounded(limits::LISTINGS_CAPACITY);
        let spawner = Arc::clone(&observatory);
        let mut work = Work {
            resolver,
            workers: Vec::new(),
            broadcasters,
            table: InstrumentTable::clone(&table),
            directories: BTreeMap::new(),
            offers,
            observatory,
            listings,
            list_every,
            refusals: Vec::new(),
            complaints: Complaints::default(),
            last_minute: LastMinute::default(),
        };
        feeds.into_iter().try_for_each(|feed| work.add(feed))?;
        let (orders, told) = bounded(limits::ORDERS_CAPACITY);
        let thread = spawner.spawn("supervisor", move || work.run(&reports, &listed, &told))?;
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

    /// Something else is wanted from now on. When this returns every broadcaster was told of the
    /// instruments, before it can see a tick of theirs, and then every feed what it is to carry.
    pub fn carry(&self, carriage: Carriage) {
        let (answer, answered) = bounded(1);
        if self.orders.send(Order::Carry(carriage, answer)).is_ok() {
            // An error means that the thread is gone; then there is nobody to tell.
            let _ = answered.recv();
        }
    }

    /// Ends the threads, at the latest then. Requests under way are waited for a little: one that
    /// hangs is left behind.
    pub fn stop(self, until: Instant) {
        // Gone says the same.
        let _ = self.orders.send_deadline(Order::Stop, until);
        self.thread.join_by(until);
    }
}

fn gone() -> io::Error {
    io::Error::other("the supervisor has ended")
}

/// A feed and its thread of requests.
struct Worker {
    feed: FeedHandle,
    requests: Requests,
    streams: Vec<StreamKind>,
    /// What the feed was told to carry last.
    carried: Vec<Subscription>,
    /// What it was told last of the trades among them; see [`Offer::hides_trades`].
    hides_trades: bool,
}

impl Worker {
    /// Whether the feed is to carry this, as far as that is known here.
    fn carries(&self, one: &Subscription) -> bool {
        self.streams.is_empty() || self.carried.contains(one)
    }
}

/// Everything that the thread owns.
struct Work {
    resolver: Resolver,
    workers: Vec<Worker>,
    broadcasters: Vec<BroadcastHandle>,
    table: InstrumentTable,
    /// What the exchanges trade.
    directories: BTreeMap<ExchangeId, Directory>,
    offers: Arc<Offers>,
    observatory: Arc<Observatory>,
    /// Where lists of instruments come from.
    listings: Sender<(ExchangeId, Listings)>,
    list_every: Duration,
    /// Refusals that the log was not told yet, and when they came.
    refusals: Vec<(ExchangeId, MonoNanos, Refusal)>,
    /// Those that cost nothing, which are told by the count.
    complaints: Complaints,
    last_minute: LastMinute,
}

impl Work {
    /// Looks after one more feed.
    fn add(&mut self, supervised: SupervisedFeed) -> io::Result<()> {
        let SupervisedFeed { feed, source, list_is_own, streams, hides_trades } = supervised;
        let exchange = feed.exchange();
        let requests = Requests::start(RequestOptions {
            profile: exchange::profile(exchange),
            source,
            list_is_own,
            list_every: self.list_every,
            natives: natives(&self.table, exchange),
            feed: feed.clone(),
            demand: self.broadcasters.iter().map(|one| Arc::clone(one.demand())).collect(),
            listings: self.listings.clone(),
            observatory: Arc::clone(&self.observatory),
        })?;
        self.observatory.add_requests(exchange.name(), Arc::clone(requests.counters()));
        let carried = subscriptions(&self.table, exchange, &streams);
        self.workers.push(Worker { feed, requests, streams, carried, hides_trades });
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
                    // It ends when it can.
                    drop(self.workers.remove(index).requests.dismiss());
                }
            }
            Order::Carry(carriage, answer) => {
                self.change(carriage);
                let _ = answer.send(());
            }
            Order::Stop => return false,
        }
        true
    }

    fn run(
        mut self,
        reports: &Receiver<FeedReport>,
        listed: &Receiver<(ExchangeId, Listings)>,
        orders: &Receiver<Order>,
    ) {
        let (statistics, looks) =
            (tick(limits::STATISTICS_EVERY), tick(limits::REFUSALS_LOOK_EVERY));
        loop {
            select! {
                recv(reports) -> report => match report {
                    Ok(report) => {
                        self.hear(report);
                        reports.try_iter().take(limits::REPORTS_TOGETHER_MAX).for_each(|one| self.hear(one));
                        self.tell_refusals();
                    }
                    // Every feed has ended; what is left is to be told to stop.
                    Err(_) => {
                        while orders.recv().is_ok_and(|order| self.obey(order)) {}
                        break;
                    }
                },
                recv(listed) -> told => {
                    told.into_iter().for_each(|(exchange, list)| self.list(exchange, &list));
                }
                recv(statistics) -> _ => self.last_minute.log(&stats(&self.observatory)),
                recv(looks) -> _ => self.tell_refusals(),
                recv(orders) -> order => if !order.is_ok_and(|order| self.obey(order)) { break },
            }
        }
        self.resolver.stop();
        let until = Instant::now() + limits::REQUESTS_STOP_MAX;
        let requests: Vec<_> = self.workers.into_iter().map(|one| one.requests.dismiss()).collect();
        for thread in requests {
            thread.join_by(until);
        }
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
                let lines = (line, self.observatory.lines_up(exchange.name()));
                log_state(exchange, lines, (state, reason), attempt, detail.as_deref());
            }
            FeedNotice::Refused(refusal) => self.note_refusal(exchange, *refusal),
            FeedNotice::Listing(listings) => self.list(exchange, &listings),
            FeedNotice::Unanswered { line, id } => {
                let line = numbered(line);
                tracing::debug!(%exchange, line, id, "no answer");
                tracing::warn!(%exchange, line, "the exchange did not answer a request in time");
            }
            FeedNotice::Barren { line, silent } => {
                let (line, silent) = (numbered(line), seconds(silent));
                tracing::warn!(
                    %exchange, line, silent,
                    "answers and brings nothing any more; another connection is made beside it"
                );
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

    /// Refusals come by the dozen, and are told together.
    fn note_refusal(&mut self, exchange: ExchangeId, refusal: Refusal) {
        if Complaints::is_one(&refusal) {
            return self.complaints.note(exchange, refusal);
        }
        let now = self.observatory.clock().now();
        let alike = self.refusals.iter_mut().find(|(of, _, known)| {
            *of == exchange && !refusal.is_pending && are_alike(known, &refusal)
        });
        match alike {
            Some((.., known)) if !refusal.postponed.is_empty() => {
                known.wait = known.wait.max(refusal.wait);
                known.postponed.extend(refusal.postponed);
            }
            _ => self.refusals.push((exchange, now, refusal)),
        }
    }

    /// Tells the log what was refused. What the exchange may list under another spelling waits for
    /// its list, and is not worth a word when it is asked for by that.
    fn tell_refusals(&mut self) {
        let now = self.observatory.clock().now();
        for (exchange, count, last) in self.complaints.due(now) {
            log_complaints(exchange, count, &last);
        }
        let (directories, workers) = (&self.directories, &self.workers);
        let waits = |exchange: &ExchangeId, since: MonoNanos, refusal: &Refusal| {
            !refusal.given_up.is_empty()
                && directories.get(exchange).is_none_or(|one| !one.is_whole())
                && now < since.after(limits::LIST_WAIT)
        };
        let told = self.refusals.extract_if(.., |(of, since, one)| !waits(of, *since, one));
        for (exchange, _, mut refusal) in told {
            let worker = workers.iter().find(|one| one.feed.exchange() == exchange);
            let Some(worker) = worker else { continue };
            let before = refusal.given_up.len();
            refusal.given_up.retain(|one| worker.carries(one));
            if before == refusal.given_up.len() || !refusal.given_up.is_empty() {
                log_refusal(exchange, &refusal);
            }
        }
    }

    fn symbol(&self, instrument: InstrumentId) -> &str {
        self.table.instrument(instrument).map_or("?", |instrument| instrument.symbol.as_str())
    }

    /// Another configuration: what the exchanges told of the instruments is known here alone.
    fn change(&mut self, carriage: Carriage) {
        let before = std::mem::replace(&mut self.table, InstrumentTable::clone(&carriage.table));
        self.offers = carriage.offers;
        for (exchange, streams) in carriage.streams {
            let mut workers = self.workers.iter_mut();
            if let Some(worker) = workers.find(|worker| worker.feed.exchange() == exchange) {
                worker.streams = streams;
            }
        }
        for exchange in ExchangeId::ALL {
            self.judge(exchange, &before);
        }
        self.announce();
        self.settle(Reason::Configuration);
        // A list may be older than what is wanted of it now.
        for worker in &self.workers {
            let exchange = worker.feed.exchange();
            let is_new =
                |id: InstrumentId| before.instrument(id).is_none() || !before.is_carried(id);
            let own = self.table.iter().filter(|(_, one)| one.exchange == exchange);
            let mut missing = own.filter(|&(id, _)| self.table.is_unlisted(id) && is_new(id));
            if missing.next().is_some() && !worker.requests.list(natives(&self.table, exchange)) {
                tracing::warn!(%exchange, "too many requests wait");
            }
        }
    }

    /// An exchange tells what it trades.
    fn list(&mut self, exchange: ExchangeId, listings: &Listings) {
        tracing::debug!(
            %exchange, listed = listings.entries.len(), whole = listings.whole, "instruments listed"
        );
        let left_out = self.directories.entry(exchange).or_default().note(listings);
        if left_out > 0 {
            let own = self.workers.iter().find(|worker| worker.feed.exchange() == exchange);
            own.into_iter().for_each(|own| own.requests.counters().lists_refused.increment());
            tracing::warn!(%exchange, left_out, "more instruments listed than any exchange has");
        }
        let before = self.table.clone();
        self.judge(exchange, &before);
        self.announce();
        self.settle(Reason::UnknownSymbol);
    }

    /// Compares an exchange's instruments with its list: how they are spelled, in which steps they
    /// trade, and whether they are there at all. What changed `before` is told in the log.
    fn judge(&mut self, exchange: ExchangeId, before: &InstrumentTable) {
        let Some(directory) = self.directories.get(&exchange) else { return };
        let profile = exchange::profile(exchange);
        let own = self.table.iter().filter(|(_, one)| one.exchange == exchange);
        let own: Vec<(InstrumentId, Symbol)> = own.map(|(id, one)| (id, one.symbol)).collect();
        for (id, symbol) in own {
            if !self.table.is_carried(id) && !self.table.is_unlisted(id) {
                continue;
            }
            let Some(guess) = (profile.native_symbol)(&symbol) else { continue };
            let was_unlisted = before.is_unlisted(id);
            match directory.find(&symbol, &guess) {
                Standing::Untold => {}
                Standing::Listed(listing) => {
                    let listed = &listing.instrument;
                    let native = match is_asked_alike(exchange, &guess, &listed.native) {
                        true => guess,
                        false => listed.native,
                    };
                    self.table.set_native(id, native);
                    self.table.set_trading(id, listing.trading);
                    if let Some(own) = self.table.instrument_mut(id) {
                        (own.tick_size, own.lot_size) = (listed.tick_size, listed.lot_size);
                    }
                    self.table.set_listed(id);
                    let spelled = before.instrument(id).map(|one| one.native);
                    if was_unlisted {
                        tracing::info!(%exchange, %symbol, "the exchange lists it now");
                    } else if spelled.is_some_and(|spelled| spelled != native) {
                        let native = &*native;
                        tracing::info!(%exchange, %symbol, native, "spelled so by the exchange");
                    }
                }
                Standing::Unlisted => {
                    let nearest = directory.nearest(&symbol, &guess);
                    if !was_unlisted {
                        log_unlisted(exchange, &symbol, &nearest);
                    }
                    self.table.set_unlisted(id, nearest.into());
                }
                Standing::Several(natives) => {
                    if !was_unlisted {
                        let names = natives.join(", ");
                        tracing::warn!(
                            %exchange, %symbol, names,
                            "the exchange lists several of that name, and none is carried"
                        );
                    }
                    self.table.set_unlisted(id, Arc::new([]));
                }
            }
        }
        self.note_idle(exchange, before);
        self.show_unlisted(exchange);
    }

    /// Says which instruments are listed and do not trade, once each until they do.
    fn note_idle(&self, exchange: ExchangeId, before: &InstrumentTable) {
        let own = self.table.carried().filter(|(_, one)| one.exchange == exchange);
        for (id, one) in own {
            let symbol = one.symbol;
            let was_idle = before.listed(id) == Some(Listed::Idle);
            match (was_idle, self.table.listed(id) == Some(Listed::Idle)) {
                (false, true) => tracing::warn!(%exchange, %symbol, "listed, and not trading now"),
                (true, false) => tracing::info!(%exchange, %symbol, "trades again"),
                (false, false) | (true, true) => {}
            }
        }
    }

    /// Puts what is not listed where it is seen from outside.
    fn show_unlisted(&self, exchange: ExchangeId) {
        let own = self.table.iter().filter(|(_, one)| one.exchange == exchange);
        let unlisted = own.filter_map(|(_, one)| {
            let nearest = self.table.unlisted(exchange, one.symbol)?;
            Some(UnlistedStats {
                symbol: one.symbol.to_string(),
                nearest: nearest.iter().map(Symbol::to_string).collect(),
            })
        });
        self.observatory.set_unlisted(exchange.name(), unlisted.collect());
    }

    /// Has each feed carry what is wanted and there.
    fn settle(&mut self, reason: Reason) {
        for worker in self.workers.iter_mut().filter(|worker| !worker.streams.is_empty()) {
            let wanted = subscriptions(&self.table, worker.feed.exchange(), &worker.streams);
            let hides_trades = self.offers[worker.feed.exchange() as usize].hides_trades();
            if wanted != worker.carried || hides_trades != worker.hides_trades {
                worker.carried.clone_from(&wanted);
                worker.hides_trades = hides_trades;
                worker.feed.send_waiting(FeedCommand::Carry { wanted, hides_trades, reason });
            }
        }
    }

    /// Tells the broadcasters the instruments, and the catalogue of all that is traded: first what
    /// our feeds carry.
    fn announce(&self) {
        let carried = self
            .table
            .carried()
            .map(|(_, instrument)| (instrument, &self.offers[instrument.exchange as usize]));
        let traded = self.directories.values().flat_map(Directory::trading);
        let others = traded
            .map(|listing| &listing.instrument)
            .filter(|one| self.table.find(one.exchange, one.symbol).is_none());
        let none = Offer::default();
        let entries: Vec<_> = carried.chain(others.map(|one| (one, &none))).collect();
        let catalogue = Arc::new(Catalogue::new(&entries));
        let table = Arc::new(self.table.clone());
        for broadcaster in &self.broadcasters {
            let (table, catalogue) = (Arc::clone(&table), Arc::clone(&catalogue));
            let offers = Arc::clone(&self.offers);
            broadcaster.send_waiting(BroadcastCommand::Instruments(table, catalogue, offers));
        }
    }
}

/// How an exchange's wanted instruments are spelled there.
fn natives(table: &InstrumentTable, exchange: ExchangeId) -> Vec<Native> {
    let own = table.iter().filter(|(_, one)| one.exchange == exchange);
    own.map(|(_, one)| one.native).collect()
}
