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
mod rules;
mod size;
mod urls;

pub use change::{Changes, Unchangeable, changes};
pub use effective::effective;
pub use error::ConfigError;
pub use keys::{AdminConfig, FeedConfig, GatewayConfig, HistoryConfig};
pub use reference::{example, reference};
pub use size::ByteSize;

use std::path::{Path, PathBuf};

use crate::cache::HistoryBounds;
use crate::latency::Budget;

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

/// `tls_cert_file` and `tls_key_file`, both PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate and those that vouch for it.
    pub cert_file: PathBuf,
    /// The certificate's private key.
    pub key_file: PathBuf,
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
        let source = error::Source::read(text, path)?;
        let mut wrongs = error::Wrongs::default();
        let overrides = overrides::collect(variables, &mut wrongs);
        let document = document::Document::read(&source, &overrides, &mut wrongs)?;
        rules::judge(document, wrongs)
    }
}

#[cfg(test)]
mod tests;
