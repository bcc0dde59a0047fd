//! The broadcaster thread: drains the rings, remembers, fans out, writes.

mod command;

pub use command::{Admission, BroadcastCommand, BroadcastHandle, FeedRing, OpenSocket};

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crossbeam::channel::{Receiver, bounded};
use mio::{Events, Poll, Token};

use crate::clock::{Clock, MonoNanos};
use crate::instrument::{ExchangeId, InstrumentTable};
use crate::latency::Recorder;
use crate::limits::{BROADCAST_COMMANDS_CAPACITY, SOCKET_EVENTS_PER_POLL};
use crate::metrics::BroadcastCounters;
use crate::net::Waiting;
use crate::ring::Doorbell;

/// The waker's token; sessions count from 0.
const WAKER: Token = Token(usize::MAX);

/// How a broadcaster serves its clients.
#[derive(Clone, Debug)]
pub struct BroadcastOptions {
    /// What the thread does when a turn found nothing to do.
    pub waiting: Waiting,
    /// Symbols that one client may name, counted as it named them; `*` is one.
    pub symbols_per_client_max: usize,
    /// Bytes that may wait for one client before it is closed as too slow.
    pub client_queue_bytes: usize,
    /// How often a client is pinged; the third ping in a row without an answer is a close.
    pub heartbeat: Duration,
    /// Longest time from a stop to the end of the thread.
    pub drain_max: Duration,
    /// Events kept per instrument and channel.
    pub history_events: usize,
    /// Random number of this process run, the same in every broadcaster.
    pub epoch: u64,
    /// Exchange of symbols that name none where a dialect cannot mean all.
    pub exchange_default: ExchangeId,
}

impl Default for BroadcastOptions {
    fn default() -> Self {
        Self {
            waiting: Waiting::Block,
            symbols_per_client_max: 200,
            client_queue_bytes: 1 << 20,
            heartbeat: Duration::from_secs(30),
            drain_max: Duration::from_secs(5),
            history_events: 10_000,
            epoch: 1,
            exchange_default: ExchangeId::Binance,
        }
    }
}

/// A broadcaster: everything that its thread owns.
#[derive(Debug)]
pub struct Broadcaster {
    options: BroadcastOptions,
    clock: Clock,
    table: Arc<InstrumentTable>,
    feeds: Vec<FeedRing>,
    commands: Receiver<BroadcastCommand>,
    poll: Poll,
    readiness: Events,
    recorder: Recorder,
    counters: Arc<BroadcastCounters>,
    stopped: bool,
}

impl Broadcaster {
    /// A broadcaster without clients, and the handle to it. Rings are attached by command.
    ///
    /// # Errors
    /// When the system gives no poll or waker.
    pub fn new(
        options: BroadcastOptions,
        table: Arc<InstrumentTable>,
        clock: Clock,
        recorder: Recorder,
    ) -> io::Result<(Self, BroadcastHandle)> {
        let poll = Poll::new()?;
        let waker = mio::Waker::new(poll.registry(), WAKER)?;
        let bell = Arc::new(Doorbell::new(waker));
        let (sender, commands) = bounded(BROADCAST_COMMANDS_CAPACITY);
        let counters = Arc::new(BroadcastCounters::default());
        let handle = BroadcastHandle { commands: sender, bell, counters: Arc::clone(&counters) };
        let broadcaster = Self {
            options,
            clock,
            table,
            feeds: Vec::new(),
            commands,
            poll,
            readiness: Events::with_capacity(SOCKET_EVENTS_PER_POLL),
            recorder,
            counters,
            stopped: false,
        };
        Ok((broadcaster, handle))
    }

    /// One turn: commands, rings, requests, writes, timers. Returns the work done; 0 lets the
    /// thread wait.
    pub fn turn(&mut self, _now: MonoNanos) -> usize {
        let mut work = 0;
        while let Ok(command) = self.commands.try_recv() {
            work += 1;
            match command {
                BroadcastCommand::Open(_) => {}
                BroadcastCommand::Attach(ring) => self.feeds.push(ring),
                BroadcastCommand::Instruments(table) => self.table = table,
                BroadcastCommand::Stop => self.stopped = true,
            }
        }
        work
    }

    /// Turns until it was told to stop and has drained, or its drain time has passed.
    pub fn run(mut self) {
        while !self.stopped {
            let now = self.clock.now();
            if self.turn(now) == 0 {
                let _ = self.poll.poll(&mut self.readiness, Some(Duration::from_millis(10)));
            }
        }
    }
}
