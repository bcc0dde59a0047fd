//! From a file to a typed configuration, once, at start. A [`Config`] that is wrong cannot be
//! built: every error names the file, the line, the field, the value and the remedy.

mod change;
mod document;
mod effective;
mod error;
mod key;
mod keys;
mod overrides;
mod reference;
mod size;
mod urls;
mod validate;

pub use change::{Changes, Unchangeable, changes};
pub use effective::effective;
pub use error::ConfigError;
pub use reference::{example, reference};
pub use size::ByteSize;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cache::{CandleSource, HistoryBounds};
use crate::instrument::{Channel, ExchangeId, Symbol};
use crate::latency::Budget;
use crate::net::{BackoffPolicy, Waiting};

/// Everything that a run is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// The clients' side.
    pub gateway: GatewayConfig,
    /// The operator's side.
    pub admin: AdminConfig,
    /// One per exchange.
    pub feeds: Vec<FeedConfig>,
    /// What is remembered.
    pub history: HistoryConfig,
    /// What is allowed to last how long.
    pub budget: Budget,
    /// All of it as it would be written, defaults filled in.
    table: toml::Table,
}

/// `[gateway]`
#[derive(Clone, Debug)]
pub struct GatewayConfig {
    /// Where clients connect.
    pub listen: SocketAddr,
    /// Broadcaster threads.
    pub broadcasters: usize,
    /// CPU of each broadcaster; not pinned where the list ends.
    pub cpus: Vec<usize>,
    /// How broadcasters wait.
    pub poll: Waiting,
    /// Clients in all.
    pub max_clients: usize,
    /// Clients of one address.
    pub max_clients_per_ip: usize,
    /// Symbols of one client.
    pub max_symbols_per_client: usize,
    /// Bytes that may wait for one client.
    pub client_queue_bytes: usize,
    /// Between two pings.
    pub heartbeat: Duration,
    /// What a stopping gateway waits for its clients to take what is queued.
    pub drain: Duration,
    /// See [`BroadcastOptions::delay_injected`](crate::broadcast::BroadcastOptions); no key sets
    /// it.
    pub delay_injected: Duration,
    /// How often the exchanges are asked what they trade; no key sets it.
    pub list_every: Duration,
    /// What a bare symbol means where only one exchange can be meant.
    pub default_exchange: ExchangeId,
    /// Whether that was written, and not left to the feeds.
    pub states_default_exchange: bool,
    /// Origins that browsers may connect from; empty: any.
    pub allowed_origins: Vec<String>,
    /// Clients connect by `wss://` then.
    pub tls: Option<TlsFiles>,
}

/// `tls_cert_file` and `tls_key_file`, both PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate and those that vouch for it.
    pub cert_file: PathBuf,
    /// The certificate's private key.
    pub key_file: PathBuf,
}

/// `[admin]`
#[derive(Clone, Debug)]
pub struct AdminConfig {
    /// Where metrics and health are served.
    pub listen: SocketAddr,
}

/// One `[[feed]]`
#[derive(Clone, Debug)]
pub struct FeedConfig {
    /// Which exchange.
    pub exchange: ExchangeId,
    /// What of it.
    pub symbols: Vec<Symbol>,
    /// Which streams of that.
    pub channels: Vec<Channel>,
    /// Who makes its candles.
    pub candle_source: CandleSource,
    /// Origin of the stream (`wss://host:port`); paths are the adapter's, unless the exchange has
    /// several and one is stated.
    pub url: String,
    /// Origin of the requests (`https://host`).
    pub rest_url: String,
    /// Pinned to this CPU.
    pub cpu: Option<usize>,
    /// How the thread waits.
    pub poll: Waiting,
    /// Connections that carry the same; the first copy of each event wins.
    pub lines: usize,
    /// How it comes back after a loss.
    pub reconnect: BackoffPolicy,
    /// Certificates to trust besides the system's.
    pub tls_ca_file: Option<PathBuf>,
}

/// `[history]`
#[derive(Clone, Copy, Debug)]
pub struct HistoryConfig {
    /// Events kept per instrument and channel.
    pub events: usize,
    /// Memory of all histories of all broadcasters together.
    pub bytes: ByteSize,
}

impl HistoryConfig {
    /// What one of so many broadcasters keeps.
    pub const fn of_one(&self, broadcasters: usize) -> HistoryBounds {
        HistoryBounds { events: self.events, bytes: self.bytes.0 / broadcasters }
    }
}

impl Config {
    /// Reads a file, applies the overrides of the environment and validates.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigError::Unreadable { path: path.to_owned(), error })?;
        Self::parse(&text, Some(path), Self::environment())
    }

    /// The variables of this process. What is no UTF-8 is read as well as it can be: it is another
    /// program's, or it fits no key, and is refused by its name.
    pub fn environment() -> impl Iterator<Item = (String, String)> {
        let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        std::env::vars_os().map(move |(name, value)| (text(name), text(value)))
    }

    /// The same from a text and given variables; `path` only names the source in errors.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn parse(
        text: &str,
        path: Option<&Path>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let source = error::Source { text, path };
        let mut wrongs = error::Wrongs::default();
        let overrides = overrides::collect(variables, &mut wrongs);
        let document = document::Document::read(&source, &overrides, &mut wrongs)?;
        validate::validate(document, wrongs)
    }
}

#[cfg(test)]
mod tests;
