//! The file as written: types and known keys, nothing judged yet.

use serde::Deserialize;
use toml::Table;

use super::error::{Place, Source};
use super::overrides::Override;
use super::{ByteSize, ConfigError};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawConfig {
    #[serde(default)]
    pub(super) gateway: RawGateway,
    #[serde(default)]
    pub(super) admin: RawAdmin,
    #[serde(default)]
    pub(super) feed: Vec<RawFeed>,
    #[serde(default)]
    pub(super) history: RawHistory,
    #[serde(default)]
    pub(super) budget: Table,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawGateway {
    pub(super) listen: Option<String>,
    pub(super) broadcasters: Option<usize>,
    pub(super) cpus: Option<Vec<usize>>,
    pub(super) poll: Option<String>,
    pub(super) max_clients: Option<usize>,
    pub(super) max_clients_per_ip: Option<usize>,
    pub(super) max_symbols_per_client: Option<usize>,
    pub(super) client_queue_bytes: Option<usize>,
    pub(super) heartbeat_seconds: Option<u64>,
    pub(super) drain_seconds: Option<u64>,
    pub(super) default_exchange: Option<String>,
    pub(super) allow_anonymous: Option<bool>,
    pub(super) allowed_origins: Option<Vec<String>>,
    pub(super) tls_cert_file: Option<String>,
    pub(super) tls_key_file: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAdmin {
    pub(super) listen: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFeed {
    pub(super) exchange: String,
    pub(super) symbols: Vec<String>,
    pub(super) channels: Option<Vec<String>>,
    pub(super) url: Option<String>,
    pub(super) rest_url: Option<String>,
    pub(super) cpu: Option<usize>,
    pub(super) poll: Option<String>,
    pub(super) lines: Option<u32>,
    pub(super) candle_source: Option<String>,
    pub(super) reconnect: Option<RawReconnect>,
    pub(super) tls_ca_file: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawReconnect {
    pub(super) initial_ms: Option<u64>,
    pub(super) max_ms: Option<u64>,
    pub(super) factor: Option<f64>,
    pub(super) jitter: Option<f64>,
    pub(super) max_attempts: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawHistory {
    pub(super) events: Option<usize>,
    pub(super) bytes: Option<ByteSize>,
}

/// Reads the text, then the overrides over it.
pub(super) fn read(source: &Source<'_>, overrides: &[Override]) -> Result<RawConfig, ConfigError> {
    let syntax = |error: toml::de::Error| ConfigError::Syntax {
        place: match error.span() {
            Some(span) => source.place_of_byte(span.start),
            None => Place { path: source.path.map(std::path::Path::to_owned), line: None },
        },
        message: error.message().to_owned(),
    };
    let raw = toml::from_str::<RawConfig>(source.text).map_err(syntax);
    if overrides.is_empty() {
        return raw;
    }
    // What the file alone gets wrong is reported with its line, unless an override mends it.
    let mut table = source.text.parse::<Table>().map_err(syntax)?;
    for one in overrides {
        one.apply(&mut table)?;
        if let Err(error) = table.clone().try_into::<RawConfig>()
            && raw.is_ok()
        {
            return Err(ConfigError::Variable {
                name: one.variable.clone(),
                remedy: error.message().to_owned(),
            });
        }
    }
    table.try_into::<RawConfig>().or_else(|error| raw.and(Err(syntax(error))))
}
