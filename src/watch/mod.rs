//! A client of any gateway that speaks dialect 1: the one behind `tickwire watch`, and behind the
//! prices on the screen of `tickwire run`.
//!
//! It does what every client should: asks for a snapshot, remembers the `seq` of each instrument,
//! comes back after a loss with the bounds of a [`Backoff`], and resumes where it was. Whoever
//! looks is a [`View`]: a [`Printer`] of lines, or something that draws [`Books`] and [`Prices`].

mod book;
mod line;
mod news;
mod position;
mod price;
mod printer;
mod session;

pub use book::{Book, Books, Condition, Level, difference};
pub use news::News;
pub use price::{Price, Prices};
pub use printer::{Form, Printer};

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::value::RawValue;

use crate::net::{Backoff, BackoffPolicy, NetError};
use line::{Data, Envelope, is_event};
use session::{Lost, Watcher};

/// What to watch.
#[derive(Clone, Debug)]
pub struct WatchOptions {
    /// `ws://…` or `wss://…`, with a token where the gateway wants one.
    pub url: String,
    /// Symbols, instruments, or `*`; none stands for `*`.
    pub symbols: Vec<String>,
    /// Channels as the protocol names them; with none nothing is asked but what the [`View`] asks.
    pub channels: Vec<String>,
    /// Of candles.
    pub interval: Option<String>,
    /// Of order books.
    pub depth: Option<u32>,
    /// Whom to trust, of a `wss://` gateway.
    pub trust: Trust,
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
            channels: vec!["trades".to_owned()],
            interval: None,
            depth: None,
            trust: Trust::default(),
            reconnect: BackoffPolicy::default(),
            connect_max: Duration::from_secs(10),
        }
    }
}

/// Whom to trust, of a gateway under TLS.
#[derive(Clone, Debug, Default)]
pub enum Trust {
    /// The system's certificate authorities.
    #[default]
    System,
    /// Those, and the ones of a PEM file.
    Authority(PathBuf),
    /// Nobody but whoever shows the certificate of this PEM file, whatever it names: ourselves.
    Certificate(PathBuf),
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

/// One event of the gateway, as the models of this room read it.
#[derive(Debug)]
pub struct Event<'a> {
    pub(crate) text: &'a [u8],
    pub(crate) envelope: Envelope<'a>,
    pub(crate) data: Data<'a>,
}

impl<'a> Event<'a> {
    /// An event as it came; `None` when the text is none.
    pub fn read(text: &'a [u8]) -> Option<Self> {
        let envelope: Envelope<'_> = serde_json::from_slice(text).ok()?;
        is_event(&envelope.kind).then(|| Self::of(text, envelope))
    }

    fn of(text: &'a [u8], envelope: Envelope<'a>) -> Self {
        let data = envelope.data.map_or("{}", RawValue::get);
        Self { text, data: serde_json::from_str(data).unwrap_or_default(), envelope }
    }
}

/// Who looks at what the gateway tells. An error of kind [`io::ErrorKind::BrokenPipe`] says that
/// nobody looks any more, which is no failure.
pub trait View {
    /// An event came.
    ///
    /// # Errors
    /// When it cannot be shown.
    fn event(&mut self, event: &Event<'_>) -> io::Result<()>;

    /// Something happened to the connection.
    ///
    /// # Errors
    /// When it cannot be shown.
    fn news(&mut self, news: &News<'_>) -> io::Result<()>;

    /// All that came was handed over; ten times a second at least, connected or not.
    ///
    /// # Errors
    /// When nothing can be shown.
    fn turn(&mut self) -> io::Result<()>;

    /// Further requests to send now. They are the view's own, and so are the gateway's answers.
    fn requests(&mut self) -> Vec<String> {
        Vec::new()
    }

    /// The gateway answered with an error: whether it was the view's own, so that watching goes on.
    fn is_own(&mut self, code: &str, message: &str) -> bool {
        let _ = (code, message);
        false
    }
}

/// Shows what the gateway tells, until `stop` is set or nobody looks any more.
///
/// # Errors
/// See [`WatchError`]. A lost connection is none: it is told and made anew.
pub fn run(
    options: &WatchOptions,
    stop: &AtomicBool,
    view: &mut impl View,
) -> Result<(), WatchError> {
    match watch(options, stop, view) {
        Err(WatchError::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        ended => ended,
    }
}

fn watch(
    options: &WatchOptions,
    stop: &AtomicBool,
    view: &mut impl View,
) -> Result<(), WatchError> {
    let mut session = Watcher::new(options, stop, view)?;
    let mut backoff = Backoff::new(options.reconnect, getrandom::u64().unwrap_or(1));
    while !stopped(stop) {
        let begun = Instant::now();
        let lost = match session.watch() {
            Ok(()) => return Ok(()),
            Err(Lost::ForGood(error)) => return Err(error),
            Err(Lost::ForNow(lost)) => lost,
        };
        backoff.ended_after(begun.elapsed(), Duration::MAX);
        let Some(wait) = backoff.next_wait_at_least(lost.at_least) else {
            return Err(WatchError::GaveUp { attempts: backoff.attempts(), last: lost.reason });
        };
        session.wait(&lost.reason, wait, backoff.attempts().saturating_add(1))?;
    }
    Ok(())
}

fn stopped(stop: &AtomicBool) -> bool {
    // Relaxed: a lone flag; being seen a look later does no harm.
    stop.load(Ordering::Relaxed)
}
