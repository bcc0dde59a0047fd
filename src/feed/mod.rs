//! The feed thread: one per exchange, from sockets to rings.
//!
//! ```text
//! turn: commands ▶ what waits for the rings ▶ sockets (read, parse, prove, stamp, push) ▶ timers ▶ writes
//! ```

mod books;
mod command;

pub use books::{Applied, BookCounts, Books, Joined, Needed};
pub use command::{Addresses, FeedCommand, FeedHandle, FeedNotice, FeedReport};

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crossbeam::channel::{Receiver, Sender, bounded};

use crate::clock::{Clock, MonoNanos};
use crate::exchange::{Exchange, Subscription};
use crate::latency::Recorder;
use crate::limits::FEED_COMMANDS_CAPACITY;
use crate::metrics::FeedCounters;
use crate::ring::Producer;

/// What a feed is to do.
#[derive(Clone, Debug)]
pub struct FeedOptions {
    /// Origin of the exchange's streams, `wss://host:port`; the adapter's path follows.
    pub url: String,
    /// Certificates to trust besides the system's.
    pub tls_ca_file: Option<PathBuf>,
    /// What to subscribe.
    pub subscriptions: Vec<Subscription>,
    /// From the start of an attempt to the open WebSocket, over all addresses of the host.
    pub connect_timeout: Duration,
    /// How long a full ring may hold the feed up before it skips.
    pub stall_max: Duration,
    /// Seed of the jitter between attempts; should differ between processes.
    pub seed: u64,
}

/// What lies around a feed.
#[derive(Debug)]
pub struct FeedContext {
    /// Its time.
    pub clock: Clock,
    /// Its histograms.
    pub recorder: Recorder,
    /// One ring per broadcaster.
    pub rings: Vec<Producer>,
    /// Where it asks and tells; shared by all feeds.
    pub reports: Sender<FeedReport>,
}

/// A feed: everything that its thread owns.
#[derive(Debug)]
pub struct Feed<E: Exchange> {
    exchange: E,
    options: FeedOptions,
    context: FeedContext,
    commands: Receiver<FeedCommand>,
    counters: Arc<FeedCounters>,
    stopped: bool,
}

impl<E: Exchange> Feed<E> {
    /// A feed that is not connected yet, and the handle to it.
    ///
    /// # Errors
    /// When the system gives no poll, or the certificates cannot be read.
    pub fn new(
        exchange: E,
        options: FeedOptions,
        context: FeedContext,
    ) -> io::Result<(Self, FeedHandle)> {
        let poll = mio::Poll::new()?;
        let waker = Arc::new(mio::Waker::new(poll.registry(), mio::Token(usize::MAX))?);
        let (sender, commands) = bounded(FEED_COMMANDS_CAPACITY);
        let counters = Arc::new(FeedCounters::default());
        let handle = FeedHandle {
            exchange: exchange.id(),
            commands: sender,
            waker,
            counters: Arc::clone(&counters),
        };
        Ok((Self { exchange, options, context, commands, counters, stopped: false }, handle))
    }

    /// One turn. Returns the work done; 0 lets the thread wait.
    pub fn turn(&mut self, _now: MonoNanos) -> usize {
        0
    }

    /// Turns until it is told to stop.
    pub fn run(mut self) {
        while !self.stopped {
            let now = self.context.clock.now();
            self.turn(now);
        }
    }
}
