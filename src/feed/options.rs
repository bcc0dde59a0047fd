//! What a feed is told at its making.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crossbeam::channel::Sender;

use super::command::FeedReport;
use super::connection::attempts::Attempts;
use super::publish::rings::RingEnd;
use crate::clock::Clock;
use crate::exchange::Subscription;
use crate::latency::Recorder;
use crate::limits::FEED_STALL_MAX;
use crate::net::{BackoffPolicy, NetError, Waiting};

/// What a feed is to do.
#[derive(Clone, Debug)]
pub struct FeedOptions {
    /// Origin of the exchange's streams, `wss://host:port`; the adapter's path follows.
    pub url: String,
    /// Certificates to trust besides the system's.
    pub tls_ca_file: Option<PathBuf>,
    /// What to subscribe.
    pub subscriptions: Vec<Subscription>,
    /// Trades among them make candles alone, and are not carried to clients.
    pub hides_trades: bool,
    /// Who listens may have been told of these by an earlier feed that they are not carried: each is
    /// told to be there once it is.
    pub is_known: bool,
    /// What the thread does when a turn found nothing to do.
    pub waiting: Waiting,
    /// How it comes back after a loss.
    pub reconnect: BackoffPolicy,
    /// From the start of an attempt to the open WebSocket, over all addresses of the host.
    pub connect_timeout: Duration,
    /// How long a full ring may hold the feed up before it skips.
    pub stall_max: Duration,
    /// Connections that carry the same, 1 or more: the first copy of each event wins.
    pub lines: usize,
    /// Attempts of all feeds that connect to the same host; its own when absent.
    pub attempts: Option<Attempts>,
    /// How long a subscription may stay without data before that is told and it is made again.
    pub mute_after: Duration,
    /// Seed of the jitter between attempts; should differ between processes and feeds.
    pub seed: u64,
}

impl FeedOptions {
    /// Usual options for these subscriptions at that origin.
    pub fn new(url: impl Into<String>, subscriptions: Vec<Subscription>) -> Self {
        Self {
            url: url.into(),
            tls_ca_file: None,
            subscriptions,
            hides_trades: false,
            is_known: false,
            waiting: Waiting::Block,
            reconnect: BackoffPolicy::default(),
            connect_timeout: Duration::from_secs(10),
            stall_max: FEED_STALL_MAX,
            lines: 1,
            attempts: None,
            mute_after: Duration::from_secs(60),
            seed: 1,
        }
    }
}

/// What lies around a feed.
#[derive(Debug)]
pub struct FeedContext {
    /// Its time.
    pub clock: Clock,
    /// Its histograms.
    pub recorder: Recorder,
    /// One ring per consumer.
    pub rings: Vec<RingEnd>,
    /// Where it asks and tells; shared by all feeds.
    pub reports: Sender<FeedReport>,
}

/// Why a feed cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FeedError {
    /// Its URL or its certificates cannot be used.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The system gives no poll or waker, usually for want of file descriptors.
    #[error("cannot wait for sockets: {0}")]
    Poll(#[from] io::Error),
    /// More connections than are numbered.
    #[error("the subscriptions need {count} connections, more than {max}: make several feeds")]
    TooManyLines {
        /// As planned.
        count: usize,
        /// The bound.
        max: usize,
    },
}
