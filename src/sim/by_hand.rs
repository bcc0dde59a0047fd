//! A simulator without a thread: its owner lets it take turns, so that a test on a manual clock runs
//! exchange, feed and client in one thread, and a seed repeats what happened.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crossbeam::channel::bounded;
use mio::{Events, Poll};

use super::fault::Fault;
use super::options::Options;
use super::server::{self, Parts, Server};
use super::simulator::{SimError, speaker};
use super::stats::{Counters, Stats};
use super::truth::{PastBook, TrueBar, TrueBook, Truth};
use crate::limits::SIM_TURNS_MAX;

/// A simulated exchange that its owner turns.
pub struct ByHand {
    server: Server,
    events: Events,
    address: SocketAddr,
    counters: Arc<Counters>,
    truth: Truth,
}

impl fmt::Debug for ByHand {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ByHand").field("address", &self.address).finish_non_exhaustive()
    }
}

impl ByHand {
    /// Listens. Of every state that a book has from now on, `depth` levels of each side are
    /// remembered by their fingerprint.
    ///
    /// # Errors
    /// See [`SimError`].
    pub fn new(options: &Options, depth: usize) -> Result<Self, SimError> {
        let counters = Arc::new(Counters::default());
        let mut speaker = speaker(options, &counters, options.clock.now())?;
        if let Some(market) = speaker.market() {
            market.remember(depth);
        }
        let truth = speaker.truth();
        let listener = server::listen(options.listen)
            .map_err(|source| SimError::Listen { address: options.listen, source })?;
        let address = listener.local_addr()?;
        // Whoever holds it tells it directly.
        let (_, commands) = bounded(1);
        let counted = Arc::clone(&counters);
        let poll = Poll::new()?;
        let parts =
            Parts { poll, listener, certificate: None, speaker, commands, counters: counted };
        let server = Server::new(parts, options)?;
        Ok(Self { server, events: Events::with_capacity(256), address, counters, truth })
    }

    /// What a WebSocket client connects to, without a path.
    pub fn url(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes what its sockets hold, does what is due and sends; returns how many sockets had
    /// something to say.
    pub fn turn(&mut self) -> usize {
        let heard = self.server.look(Duration::ZERO, &mut self.events);
        for _ in 0..SIM_TURNS_MAX {
            if !self.server.catch_up() {
                break;
            }
        }
        heard
    }

    /// Lets something go wrong now.
    pub fn inject(&mut self, fault: Fault) {
        self.server.inject(fault);
    }

    /// Lets the market stand still, or go on.
    pub fn pause(&mut self, paused: bool) {
        self.server.pause(paused);
    }

    /// The book of `symbol` (as the exchange spells it) now.
    pub fn book(&self, symbol: &str) -> Option<TrueBook> {
        self.server.book(symbol)
    }

    /// The states that the book of an instrument had, oldest first; instruments are numbered as
    /// the options list them.
    pub fn past_books(&mut self, instrument: usize) -> &[PastBook] {
        self.server.past_books(instrument)
    }

    /// The candles of an instrument in an interval of so many seconds, oldest first, up to the one
    /// that is open now; instruments are numbered as the options list them.
    pub fn bars(&mut self, instrument: usize, seconds: i64) -> Vec<TrueBar> {
        self.server.bars(instrument, seconds)
    }

    /// The trades that were printed.
    pub const fn truth(&self) -> &Truth {
        &self.truth
    }

    /// What was counted so far.
    pub fn stats(&self) -> Stats {
        self.counters.read()
    }
}
