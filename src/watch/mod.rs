//! `tickwire watch`: a client in the terminal, of any gateway that speaks dialect 1.
//!
//! It does what every client should: asks for a snapshot, remembers the `seq` of each instrument,
//! comes back after a loss with the bounds of a [`Backoff`], and resumes where it was.

mod line;
mod position;
mod session;

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::net::{Backoff, BackoffPolicy, NetError};
use session::{Lost, Session};

/// How often a waiting client looks whether it is to stop.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What to watch.
#[derive(Clone, Debug)]
pub struct WatchOptions {
    /// `ws://…` or `wss://…`, with a token where the gateway wants one.
    pub url: String,
    /// Symbols, instruments, or `*`; none stands for `*`.
    pub symbols: Vec<String>,
    /// Channels as the protocol names them; none stands for `trades`.
    pub channels: Vec<String>,
    /// Of candles.
    pub interval: Option<String>,
    /// Of order books.
    pub depth: Option<u32>,
    /// Print events as they came, one a line.
    pub json: bool,
    /// A certificate authority to trust besides the system's.
    pub tls_ca_file: Option<PathBuf>,
    /// How to come back.
    pub reconnect: BackoffPolicy,
    /// For a connection with its TLS and its upgrade.
    pub connect_max: Duration,
}

impl WatchOptions {
    /// Trades of everything at `url`.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            symbols: Vec::new(),
            channels: Vec::new(),
            interval: None,
            depth: None,
            json: false,
            tls_ca_file: None,
            reconnect: BackoffPolicy::default(),
            connect_max: Duration::from_secs(10),
        }
    }
}

/// Why there is nothing more to watch.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WatchError {
    /// The URL, a file or the gateway's answer make every further attempt useless.
    #[error("{url}: {source}")]
    Connection {
        /// As given.
        url: Box<str>,
        /// What is wrong.
        source: NetError,
    },
    /// The gateway answered a subscription with an error.
    #[error("{code}: {message}")]
    Refused {
        /// The protocol's code, e.g. `unknown_symbol`.
        code: Box<str>,
        /// The gateway's words.
        message: Box<str>,
    },
    /// The attempts to come back are used up.
    #[error("gave up after {attempts} attempts: {last}")]
    GaveUp {
        /// Made in a row.
        attempts: u32,
        /// Why the last one failed.
        last: Box<str>,
    },
    /// The output or a poll cannot be used.
    #[error("cannot go on: {0}")]
    Io(#[from] io::Error),
}

impl WatchError {
    /// The exit code of a program that ends for this: 1 refused, 2 wrong use, 3 could not run.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Refused { .. } => 1,
            Self::Connection {
                source: NetError::Url { .. } | NetError::TlsFile { .. }, ..
            } => 2,
            Self::Connection { .. } | Self::GaveUp { .. } | Self::Io(_) => 3,
        }
    }
}

/// Prints what the gateway tells, until `stop` is set or whoever reads `out` goes away.
///
/// # Errors
/// See [`WatchError`]. A lost connection is none: it is logged and made anew.
pub fn run(
    options: &WatchOptions,
    stop: &AtomicBool,
    out: &mut impl Write,
) -> Result<(), WatchError> {
    let mut session = Session::new(options, stop, out)?;
    let mut backoff = Backoff::new(options.reconnect, getrandom::u64().unwrap_or(1));
    while !stopped(stop) {
        let begun = Instant::now();
        let lost = match session.watch() {
            Ok(()) => return Ok(()),
            Err(Lost::ForGood(WatchError::Io(error)))
                if error.kind() == io::ErrorKind::BrokenPipe =>
            {
                return Ok(());
            }
            Err(Lost::ForGood(error)) => return Err(error),
            Err(Lost::ForNow(lost)) => lost,
        };
        backoff.ended_after(begun.elapsed());
        let Some(wait) = backoff.next_wait_at_least(lost.at_least) else {
            return Err(WatchError::GaveUp { attempts: backoff.attempts(), last: lost.reason });
        };
        tracing::warn!(
            url = options.url,
            reason = &*lost.reason,
            wait_ms = wait.as_millis() as u64,
            "connection lost, trying again"
        );
        sleep(wait, stop);
    }
    Ok(())
}

fn stopped(stop: &AtomicBool) -> bool {
    // Relaxed: a lone flag; being seen a look later does no harm.
    stop.load(Ordering::Relaxed)
}

/// Sleeps, but not through a stop.
fn sleep(wait: Duration, stop: &AtomicBool) {
    let until = Instant::now() + wait;
    while !stopped(stop) {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        std::thread::sleep(left.min(LOOK_EVERY));
    }
}
