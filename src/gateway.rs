//! The wiring: makes the rings, spawns and pins the threads, and stops them in order.
//!
//! Order of the start: broadcasters, acceptor, admin port, then the feeds, so that nothing that is
//! read finds nobody behind it. The stop goes the other way round: the feeds first, then what they
//! pushed is delivered, then the clients are told.

mod footprint;
mod offer;
mod reload;

pub use footprint::{Bytes, Footprint};
pub use reload::ReloadError;

use offer::{offer, offers, streams};

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use crossbeam::channel::{Receiver, Sender, bounded};

use crate::broadcast::{BroadcastCommand, BroadcastHandle, BroadcastOptions, Broadcaster};
use crate::clock::Clock;
use crate::config::{Config, FeedConfig, effective};
use crate::control::{
    AcceptHandle, AcceptOptions, Acceptor, Admin, AdminError, ListSource, SupervisedFeed,
    Supervision, Supervisor,
};
use crate::exchange::{self, Exchange, Subscription};
use crate::feed::{
    Attempts, Feed, FeedCommand, FeedContext, FeedError, FeedHandle, FeedOptions, FeedReport,
    RingEnd, subscriptions,
};
use crate::instrument::{Channel, ExchangeId, Instrument, InstrumentTable, TableError};
use crate::latency::{Collector, Report, recorder};
use crate::limits;
use crate::metrics::{Observatory, Observer, Stats, Watched, stats};
use crate::net::{NetError, Security, server_config};
use crate::ring::{Consumer, FeedRing, WhenFull, ring};

/// A running gateway. Dropped without [`Gateway::stop`] its threads go on until the process ends.
#[derive(Debug)]
pub struct Gateway {
    observatory: Arc<Observatory>,
    observer: Observer,
    feeds: Vec<(FeedHandle, Watched)>,
    broadcasters: Vec<(BroadcastHandle, Watched)>,
    accept: (AcceptHandle, Watched),
    supervisor: Supervisor,
    admin: Admin,
    config: Config,
    clock: Clock,
    table: Arc<InstrumentTable>,
    hosts: Hosts,
    epoch: u64,
    reports: Sender<FeedReport>,
}

/// Why a gateway could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The clients' address cannot be bound.
    #[error(
        "gateway.listen = \"{address}\": {error}; choose another address, or port 0 for a free one, in the \
         file or by TICKWIRE_GATEWAY_LISTEN or WS_PORT"
    )]
    Listen {
        /// As configured.
        address: SocketAddr,
        /// The system's answer.
        error: io::Error,
    },
    /// The admin port cannot be served.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// A feed cannot be made.
    #[error("feed {exchange}: {error}")]
    Feed {
        /// Whose.
        exchange: ExchangeId,
        /// What is wrong.
        error: FeedError,
    },
    /// The certificate or its key cannot be used.
    #[error(transparent)]
    Tls(#[from] NetError),
    /// Too many instruments.
    #[error(transparent)]
    Instruments(#[from] TableError),
    /// The system gives no thread, poll or random number.
    #[error("the system refuses a resource: {0}")]
    System(#[from] io::Error),
}

impl Gateway {
    /// Starts every thread; both ports are bound when it returns.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn start(config: &Config, clock: Clock) -> Result<Self, StartError> {
        let epoch = random()?;
        let table = Arc::new(instruments(config)?);
        let observatory = Observatory::new(
            clock.clone(),
            format!("{epoch:016x}"),
            serde_json::Value::String(effective(config)),
            config.budget.clone(),
        );
        let mut hosts = Hosts::default();
        let start = Start {
            config,
            clock: clock.clone(),
            table: Arc::clone(&table),
            observatory: &observatory,
            epoch,
            is_running: false,
        };
        let broadcasters = start.broadcasters()?;
        let handles: Vec<_> = broadcasters.iter().map(|(handle, _)| handle.clone()).collect();
        let accept = start.acceptor(handles.clone())?;
        let admin = Admin::start(config.admin.listen, Arc::clone(&observatory))?;
        let (reports, inbox) = bounded(limits::FEED_REPORTS_CAPACITY);
        let feeds = start.feeds(&mut hosts, &handles, &reports)?;
        let supervisor = Supervisor::start(start.supervision(inbox, &feeds, handles))?;
        let observer = Observer::start(&observatory)?;
        Ok(Self {
            observatory,
            observer,
            feeds,
            broadcasters,
            accept,
            supervisor,
            admin,
            config: config.clone(),
            clock,
            table,
            hosts,
            epoch,
            reports,
        })
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.accept.0.local_addr()
    }

    /// What a client on this machine connects to.
    pub fn url(&self) -> String {
        let scheme = if self.config.gateway.tls.is_some() { "wss" } else { "ws" };
        format!("{scheme}://{}", self.address())
    }

    /// Where metrics, health and statistics are.
    pub fn admin_address(&self) -> SocketAddr {
        self.admin.address()
    }

    /// Every instrument; another table after a change of the configuration.
    pub fn instruments(&self) -> &Arc<InstrumentTable> {
        &self.table
    }

    /// Channels that the instruments of an exchange have.
    pub fn channels_of(&self, exchange: ExchangeId) -> Vec<Channel> {
        offers(&self.config)[exchange as usize].channels.clone()
    }

    /// Everything that can be observed.
    pub fn observatory(&self) -> &Arc<Observatory> {
        &self.observatory
    }

    /// Everything that `/stats` shows.
    pub fn stats(&self) -> Stats {
        stats(&self.observatory)
    }

    /// Stops the feeds, delivers what they pushed, closes every client with 1001, and returns what
    /// was measured since the start. Feeds have as long for it as clients have (`drain`); who does
    /// not end by then is told of and left behind.
    pub fn stop(self) -> Report {
        self.observatory.set_stopping();
        self.accept.0.stop();
        let drain = self.config.gateway.drain;
        let until = Instant::now() + drain + limits::GATEWAY_STOP_MAX;
        for (feed, _) in &self.feeds {
            feed.send_by(FeedCommand::Stop, until);
        }
        for (_, thread) in self.feeds {
            thread.join_by(until);
        }
        // They see to their own end.
        let until = Instant::now() + drain + limits::GATEWAY_STOP_MAX;
        for (broadcaster, _) in &self.broadcasters {
            broadcaster.send_by(BroadcastCommand::Stop, until);
        }
        for (_, thread) in self.broadcasters {
            thread.join_by(until);
        }
        let until = Instant::now() + limits::GATEWAY_STOP_MAX;
        self.accept.1.join_by(until);
        self.supervisor.stop(until);
        self.observer.stop(until);
        self.admin.stop(until);
        self.observatory.report()
    }
}

/// Ledgers of the attempts to connect, by host: an exchange counts them by address, whichever feed
/// makes them.
#[derive(Debug, Default)]
struct Hosts(BTreeMap<String, Attempts>);

impl Hosts {
    /// The ledger of the host that a feed connects to, with the rules of the first such feed.
    fn attempts(&mut self, feed: &FeedConfig) -> Attempts {
        let host = feed.url.split_once("://").map_or(feed.url.as_str(), |(_, host)| host);
        let rules = &exchange::profile(feed.exchange).connection;
        self.0.entry(host.to_owned()).or_insert_with(|| Attempts::new(rules)).clone()
    }
}

/// A feed that is made and not running.
struct Prepared {
    feed: Feed<Box<dyn Exchange>>,
    handle: FeedHandle,
    collector: Collector,
    /// The other ends of its rings, one per broadcaster.
    ticks: Vec<Consumer>,
    cpu: Option<usize>,
}

/// What the supervisor has to know of a feed.
fn supervised(feed: &FeedHandle, config: &FeedConfig) -> SupervisedFeed {
    let profile = exchange::profile(config.exchange);
    SupervisedFeed {
        feed: feed.clone(),
        source: list_source(config),
        // Streams of another place than the usual one, and a list of the usual one: it may be another
        // exchange's (a test network, a branch of another country).
        list_is_own: profile.listing.is_none()
            || (config.url == profile.url) == (config.rest_url == profile.rest_url),
        streams: streams(config),
        hides_trades: offer(config).hides_trades(),
    }
}

/// Where a feed's exchange tells what it trades.
pub fn list_source(config: &FeedConfig) -> ListSource {
    ListSource {
        exchange: config.exchange,
        url: config.url.clone(),
        rest_url: config.rest_url.clone(),
        tls_ca_file: config.tls_ca_file.clone(),
    }
}

/// What a feed's thread is called.
fn thread_name(exchange: ExchangeId) -> String {
    format!("feed-{exchange}")
}

/// A random number of the system.
fn random() -> io::Result<u64> {
    getrandom::u64().map_err(|error| io::Error::other(error.to_string()))
}

/// Every instrument of every feed.
fn instruments(config: &Config) -> Result<InstrumentTable, TableError> {
    let mut table = InstrumentTable::default();
    config.feeds.iter().try_for_each(|feed| add_instruments(&mut table, feed))?;
    Ok(table)
}

/// Every instrument of a feed, those that it had included.
fn add_instruments(table: &mut InstrumentTable, feed: &FeedConfig) -> Result<(), TableError> {
    let profile = exchange::profile(feed.exchange);
    for symbol in &feed.symbols {
        let Some(native) = (profile.native_symbol)(symbol) else { continue };
        table.add(Instrument {
            exchange: feed.exchange,
            symbol: *symbol,
            native,
            tick_size: None,
            lot_size: None,
        })?;
    }
    Ok(())
}

/// What every part of the start looks at.
struct Start<'a> {
    config: &'a Config,
    clock: Clock,
    table: Arc<InstrumentTable>,
    observatory: &'a Arc<Observatory>,
    epoch: u64,
    /// It serves already, so that clients may know streams from an earlier feed.
    is_running: bool,
}

impl Start<'_> {
    fn broadcasters(&self) -> Result<Vec<(BroadcastHandle, Watched)>, StartError> {
        let gateway = &self.config.gateway;
        (0..gateway.broadcasters)
            .map(|index| {
                let options = BroadcastOptions {
                    waiting: gateway.poll,
                    symbols_per_client_max: gateway.max_symbols_per_client,
                    client_queue_bytes: gateway.client_queue_bytes.0,
                    heartbeat: gateway.heartbeat,
                    drain_max: gateway.drain,
                    flush_delay: gateway.flush_delay,
                    history: self.config.history.of_one(gateway.broadcasters),
                    epoch: self.epoch,
                    exchange_default: gateway.default_exchange,
                    offers: offers(self.config),
                    delay_injected: gateway.delay_injected,
                };
                let (recorder, collector) = recorder();
                let table = Arc::clone(&self.table);
                let (broadcaster, handle) =
                    Broadcaster::new(options, table, self.clock.clone(), recorder)?;
                self.observatory.add_broadcaster(Arc::clone(handle.counters()), collector);
                let name = format!("broadcast-{index}");
                let cpu = gateway.cpus.get(index).copied();
                let thread = self.spawn(name, cpu, move || broadcaster.run())?;
                Ok((handle, thread))
            })
            .collect()
    }

    fn acceptor(
        &self,
        broadcasters: Vec<BroadcastHandle>,
    ) -> Result<(AcceptHandle, Watched), StartError> {
        let gateway = &self.config.gateway;
        let options = AcceptOptions {
            clients_max: gateway.max_clients,
            clients_per_ip_max: gateway.max_clients_per_ip,
            origins: gateway.allowed_origins.clone(),
            security: match &gateway.tls {
                Some(files) => {
                    Security::Server { config: server_config(&files.cert_file, &files.key_file)? }
                }
                None => Security::Plain,
            },
            ..AcceptOptions::default()
        };
        let (acceptor, handle) =
            Acceptor::new(options, gateway.listen, broadcasters, self.clock.clone())
                .map_err(|error| StartError::Listen { address: gateway.listen, error })?;
        self.observatory.set_accept(Arc::clone(handle.counters()));
        let thread = self.spawn("accept".to_owned(), None, move || acceptor.run())?;
        Ok((handle, thread))
    }

    fn feeds(
        &self,
        hosts: &mut Hosts,
        broadcasters: &[BroadcastHandle],
        reports: &Sender<FeedReport>,
    ) -> Result<Vec<(FeedHandle, Watched)>, StartError> {
        let start = |config: &FeedConfig| {
            let prepared = self.prepare(config, hosts.attempts(config), broadcasters, reports)?;
            self.launch(prepared, broadcasters)
        };
        self.config.feeds.iter().map(start).collect()
    }

    /// Makes a feed that nobody knows of yet.
    fn prepare(
        &self,
        config: &FeedConfig,
        attempts: Attempts,
        broadcasters: &[BroadcastHandle],
        reports: &Sender<FeedReport>,
    ) -> Result<Prepared, StartError> {
        let exchange = config.exchange;
        let options = FeedOptions {
            tls_ca_file: config.tls_ca_file.clone(),
            is_known: self.is_running,
            hides_trades: offer(config).hides_trades(),
            waiting: config.poll,
            reconnect: config.reconnect,
            lines: config.lines,
            attempts: Some(attempts),
            seed: random()?,
            ..FeedOptions::new(config.url.as_str(), self.subscriptions(config))
        };
        let (recorder, collector) = recorder();
        let (rings, ticks) = broadcasters
            .iter()
            .map(|broadcaster| {
                let (ring, ticks) = ring(limits::RING_TICKS_CAPACITY);
                let bell = Some(Arc::clone(broadcaster.bell()));
                (RingEnd { ring, bell, when_full: WhenFull::Wait }, ticks)
            })
            .unzip();
        let (clock, reports) = (self.clock.clone(), reports.clone());
        let context = FeedContext { clock, recorder, rings, reports };
        let adapter = exchange::adapter_at(exchange, &config.url);
        let (feed, handle) = Feed::new(adapter, options, context)
            .map_err(|error| StartError::Feed { exchange, error })?;
        Ok(Prepared { feed, handle, collector, ticks, cpu: config.cpu })
    }

    /// Attaches a feed to the broadcasters and starts its thread.
    fn launch(
        &self,
        prepared: Prepared,
        broadcasters: &[BroadcastHandle],
    ) -> Result<(FeedHandle, Watched), StartError> {
        let Prepared { feed, handle, collector, ticks, cpu } = prepared;
        let exchange = handle.exchange();
        for (broadcaster, ticks) in broadcasters.iter().zip(ticks) {
            broadcaster.send_waiting(BroadcastCommand::Attach(FeedRing { exchange, ticks }));
        }
        self.observatory.add_feed(exchange.name(), Arc::clone(handle.counters()), collector);
        self.observatory.set_copies(exchange.name(), handle.copies());
        let thread = self.spawn(thread_name(exchange), cpu, move || feed.run())?;
        Ok((handle, thread))
    }

    fn supervision(
        &self,
        reports: Receiver<FeedReport>,
        feeds: &[(FeedHandle, Watched)],
        broadcasters: Vec<BroadcastHandle>,
    ) -> Supervision {
        let feeds = feeds.iter().zip(&self.config.feeds);
        let supervised = feeds.map(|((feed, _), config)| supervised(feed, config));
        Supervision {
            reports,
            feeds: supervised.collect(),
            broadcasters,
            table: Arc::clone(&self.table),
            offers: offers(self.config),
            observatory: Arc::clone(self.observatory),
            list_every: self.config.gateway.list_every,
        }
    }

    /// Every channel of every instrument of a feed.
    fn subscriptions(&self, config: &FeedConfig) -> Vec<Subscription> {
        subscriptions(&self.table, config.exchange, &streams(config))
    }

    /// Runs `work` on a named, watched and perhaps pinned thread.
    fn spawn(
        &self,
        name: String,
        cpu: Option<usize>,
        work: impl FnOnce() + Send + 'static,
    ) -> io::Result<Watched> {
        self.observatory.spawn(name.clone(), move || {
            if let Some(id) = cpu
                && !core_affinity::set_for_current(core_affinity::CoreId { id })
            {
                tracing::warn!(thread = name, cpu = id, "cannot pin; the thread runs anywhere");
            }
            work();
        })
    }
}
