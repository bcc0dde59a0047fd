//! The handle on a running simulator.

use std::fmt;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam::channel::{Sender, bounded};
use mio::{Poll, Waker};

use super::exchange::Opening;
use super::fault::Fault;
use super::options::Options;
use super::server::{self, Command, Parts, Server, WAKER};
use super::speaker::Speaker;
use super::stats::{Counters, Stats};
use super::transport::Certificate;
use super::truth::{TrueBook, Truth};
use super::{arguments, binance, bybit, coinbase, deriv, kraken, okx};
use crate::clock::MonoNanos;
use crate::instrument::ExchangeId;
use crate::limits::{SIM_ANSWER_MAX, SIM_COMMANDS_CAPACITY};

/// Why a simulator could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SimError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}; choose another address or port 0")]
    Listen {
        /// As asked for.
        address: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// A symbol, a capture or a certificate is not to be had.
    #[error("the simulated exchange cannot start: {0}")]
    Start(#[from] io::Error),
}

/// A simulated exchange that runs on a thread of its own until it is stopped or dropped.
pub struct Simulator {
    options: Options,
    address: SocketAddr,
    certificate: Option<Certificate>,
    commands: Sender<Command>,
    waker: Arc<Waker>,
    counters: Arc<Counters>,
    truth: Truth,
    thread: Option<JoinHandle<Box<dyn Speaker>>>,
}

/// A simulated exchange whose connections and listener are gone, with its market as it was.
pub struct Stopped {
    options: Options,
    certificate: Option<Certificate>,
    counters: Arc<Counters>,
    speaker: Box<dyn Speaker>,
}

impl fmt::Debug for Simulator {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Simulator").field("address", &self.address).finish_non_exhaustive()
    }
}

impl fmt::Debug for Stopped {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = &self.options.listen;
        formatter.debug_struct("Stopped").field("address", address).finish_non_exhaustive()
    }
}

/// Whether there is a simulator of the exchange.
pub const fn is_simulated(exchange: ExchangeId) -> bool {
    exchange.is_live()
}

/// Who speaks the exchange's protocol.
pub(super) fn speaker(
    options: &Options,
    counters: &Arc<Counters>,
    now: MonoNanos,
) -> io::Result<Box<dyn Speaker>> {
    let opening = Opening { options, counters: Arc::clone(counters), now };
    Ok(match options.exchange {
        ExchangeId::Binance | ExchangeId::BinanceFutures => Box::new(binance::open(opening)?),
        ExchangeId::Bybit | ExchangeId::BybitLinear => Box::new(bybit::open(opening)?),
        ExchangeId::Coinbase | ExchangeId::CoinbaseAdvanced => Box::new(coinbase::open(opening)?),
        ExchangeId::Deriv => Box::new(deriv::open(opening)?),
        ExchangeId::Kraken => Box::new(kraken::open(opening)?),
        // Frozen by the exchange: recordings of it are read, nobody speaks it.
        ExchangeId::KrakenV1 => return Err(io::Error::from(io::ErrorKind::Unsupported)),
        ExchangeId::Okx => Box::new(okx::open(opening)?),
    })
}

impl Simulator {
    /// Listens and starts the thread.
    ///
    /// # Errors
    /// See [`SimError`].
    pub fn start(options: Options) -> Result<Self, SimError> {
        let certificate = options.tls.then(Certificate::make).transpose()?;
        let pem = certificate.as_ref().map(|certificate| certificate.ca_pem.as_str());
        arguments::write_ca(&options, pem)?;
        let counters = Arc::new(Counters::default());
        let now = options.clock.now();
        let speaker = speaker(&options, &counters, now)?;
        Stopped { options, certificate, counters, speaker }.start()
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What a WebSocket client connects to, without a path.
    pub fn url(&self) -> String {
        let scheme = if self.certificate.is_some() { "wss" } else { "ws" };
        format!("{scheme}://{}", self.address)
    }

    /// What a REST client connects to, without a path.
    pub fn rest_url(&self) -> String {
        let scheme = if self.certificate.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// The authority that a client of the TLS variant has to trust.
    pub fn ca_pem(&self) -> Option<&str> {
        self.certificate.as_ref().map(|certificate| certificate.ca_pem.as_str())
    }

    /// Lets something go wrong now.
    pub fn inject(&self, fault: Fault) {
        self.tell(Command::Inject(fault));
    }

    /// Lets the market stand still: no more trades, and what was not sent of the books is sent
    /// within the slowest stream's period. Heartbeats go on.
    pub fn pause(&self) {
        self.tell(Command::Pause(true));
    }

    /// Lets the market go on from where it stood.
    pub fn resume(&self) {
        self.tell(Command::Pause(false));
    }

    /// The book of `symbol` (as the exchange spells it) now; `None` when it is not listed.
    pub fn book(&self, symbol: &str) -> Option<TrueBook> {
        let (answer, answers) = bounded(1);
        self.tell(Command::Book { symbol: symbol.to_owned(), answer });
        answers.recv_timeout(SIM_ANSWER_MAX).ok().flatten()
    }

    /// The trades that were printed.
    pub const fn truth(&self) -> &Truth {
        &self.truth
    }

    /// What was counted so far.
    pub fn stats(&self) -> Stats {
        self.counters.read()
    }

    /// Waits until what was counted satisfies `enough`; false when that takes longer than
    /// `within`.
    pub fn wait_for(&self, within: Duration, enough: impl Fn(&Stats) -> bool) -> bool {
        let begun = Instant::now();
        while !enough(&self.stats()) {
            if begun.elapsed() > within {
                return false;
            }
            // The counters have no bell; this is for tests and start-up, not for the path.
            thread::sleep(Duration::from_millis(1));
        }
        true
    }

    /// Ends every connection and the listener at once, as a killed process would; time stands
    /// still for the market until [`Stopped::start`]. `None` when the thread has panicked.
    pub fn kill(mut self) -> Option<Stopped> {
        let speaker = self.join()?;
        let mut options = self.options.clone();
        options.listen = self.address;
        // Those that strike once have had their time.
        options.faults.retain(|spec| spec.every.is_some());
        let counters = Arc::clone(&self.counters);
        Some(Stopped { options, certificate: self.certificate.take(), counters, speaker })
    }

    /// Ends it.
    pub fn stop(mut self) {
        self.join();
    }

    fn join(&mut self) -> Option<Box<dyn Speaker>> {
        let thread = self.thread.take()?;
        self.tell(Command::Stop);
        thread.join().ok()
    }

    fn tell(&self, command: Command) {
        // Both fail only when the thread is gone, and then nobody is there to obey.
        let _ = self.commands.send(command);
        let _ = self.waker.wake();
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.join();
    }
}

impl Stopped {
    /// Listens again on the same address, with the market and its ids going on from where they
    /// stood.
    ///
    /// # Errors
    /// See [`SimError`].
    pub fn start(self) -> Result<Simulator, SimError> {
        let Self { options, certificate, counters, mut speaker } = self;
        let listener = server::listen(options.listen)
            .map_err(|source| SimError::Listen { address: options.listen, source })?;
        let address = listener.local_addr()?;
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let (commands, receiver) = bounded(SIM_COMMANDS_CAPACITY);
        let truth = speaker.truth();
        speaker.skip_to(options.clock.now());
        let parts = Parts {
            poll,
            listener,
            certificate: certificate.clone(),
            speaker,
            commands: receiver,
            counters: Arc::clone(&counters),
        };
        let server = Server::new(parts, &options)?;
        let name = format!("sim-{}", options.exchange);
        let thread = thread::Builder::new().name(name).spawn(move || server.run())?;
        let thread = Some(thread);
        Ok(Simulator { options, address, certificate, commands, waker, counters, truth, thread })
    }
}

/// Runs a simulator for the command line until `stop` is set: its URLs go to `out`, one a line.
///
/// # Errors
/// When it cannot start or `out` cannot be written.
pub fn run_command(
    options: Options,
    out: &mut impl Write,
    stop: &AtomicBool,
) -> Result<(), SimError> {
    let clock = options.clock.clone();
    let simulator = Simulator::start(options)?;
    writeln!(out, "{}", simulator.url())?;
    writeln!(out, "{}", simulator.rest_url())?;
    out.flush()?;
    // Relaxed: a lone flag; nothing is read on the strength of it.
    while !stop.load(Ordering::Relaxed) {
        thread::sleep(Duration::from_millis(100));
        clock.refresh();
    }
    simulator.stop();
    Ok(())
}
