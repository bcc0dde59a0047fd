//! Every key that there is, each once: parsing, `check`, docs/CONFIG.md and tickwire.example.toml
//! are made of this list. `tests/config_reference.rs` holds the two files.

use super::key::{Fallback, Key, Kind};
use crate::instrument::{Channel, ExchangeId};
use crate::limits;
use crate::net::Waiting;

use Fallback::{Is, Required, Says};

/// A section, in the order of the reference.
pub(super) struct Section {
    pub(super) name: &'static str,
    /// Whether there may be several: `[[name]]`.
    pub(super) repeats: bool,
    pub(super) meaning: &'static str,
    pub(super) keys: &'static [&'static Key],
}

/// Declares the keys of a section as constants, and the list of them.
macro_rules! keys {
    ($section:ident: $($(#[doc = $meaning:literal])+ $constant:ident $name:literal
        $kind:expr, $unit:literal, $fallback:expr $(, $reloads:ident)?;)*) => {
        pub(super) mod $section {
            use super::*;
            $(pub(in crate::config) const $constant: Key = Key {
                section: stringify!($section),
                name: $name,
                kind: $kind,
                unit: $unit,
                fallback: $fallback,
                reloads: false $(|| stringify!($reloads).len() > 0)?,
                meaning: concat!($($meaning),+),
            };)*
            pub(in crate::config) const ALL: &[&Key] = &[$(&$constant),*];
        }
    };
}

const ADDRESS: Kind = Kind::Text("an address and a port, like 127.0.0.1:8080 or [::1]:8080");
const FILE: Kind = Kind::Text("the path of a PEM file");
const POLL: Kind = Kind::OneOf(|| Waiting::ALL.map(Waiting::name).to_vec());
const CPU_MAX: usize = u16::MAX as usize;

keys! { gateway:
    /// Where clients connect. An address that others can reach needs `allow_anonymous = true`.
    /// Port 0 takes a free one. `WS_PORT` sets the port alone.
    LISTEN "listen" ADDRESS, "", Is("\"127.0.0.1:8080\"");
    /// Threads that serve clients; each has a ring of its own from every feed.
    BROADCASTERS "broadcasters"
        Kind::Whole { min: 1, max: limits::BROADCASTERS_MAX }, "threads",
        Is("1");
    /// CPU that each broadcaster is pinned to, in their order; those beyond the list are not
    /// pinned.
    CPUS "cpus" Kind::Wholes("numbers of CPUs"), "", Is("[]");
    /// How broadcasters wait: sleeping (`block`), looking at the sockets over and over
    /// (`epoll-spin`), or at the rings (`spin`). Those that spin take a core each.
    POLL "poll" super::POLL, "", Is("\"block\"");
    /// Clients in all; more are answered 503.
    MAX_CLIENTS "max_clients" Kind::Whole { min: 1, max: 1_000_000 }, "clients", Is("10000");
    /// Clients from one address; more are answered 429.
    MAX_CLIENTS_PER_IP "max_clients_per_ip"
        Kind::Whole { min: 1, max: 1_000_000 }, "clients",
        Is("100");
    /// Symbols that one client may name; `*` counts as one.
    MAX_SYMBOLS_PER_CLIENT "max_symbols_per_client"
        Kind::Whole { min: 1, max: limits::INSTRUMENTS_MAX }, "symbols",
        Is("200");
    /// Events that may wait for one client before it is closed as too slow. Answers and snapshots
    /// that it asked for do not count.
    CLIENT_QUEUE_BYTES "client_queue_bytes"
        Kind::Size {
            min: limits::CLIENT_QUEUE_BYTES_MIN,
            max: limits::CLIENT_QUEUE_BYTES_MAX
        }, "bytes",
        Is("1048576");
    /// How often a client is pinged; after two in a row without an answer its connection is ended
    /// instead of a third.
    HEARTBEAT_SECONDS "heartbeat_seconds" Kind::Whole { min: 1, max: 3_600 }, "seconds", Is("30");
    /// How long a gateway that stops waits for clients to take what is queued for them.
    DRAIN_SECONDS "drain_seconds" Kind::Whole { min: 0, max: 600 }, "seconds", Is("5");
    /// Exchange that a bare symbol means where only one can be meant. It needs a `[[feed]]`.
    DEFAULT_EXCHANGE "default_exchange"
        Kind::OneOf(live_exchanges), "",
        Says("`binance` where it has a feed, else the exchange of the first feed", "\"binance\"");
    /// Serve clients that nobody has checked on an address that others can reach.
    ALLOW_ANONYMOUS "allow_anonymous" Kind::Flag, "", Is("false");
    /// Origins (`https://example.org`) whose pages may connect; empty: any. Clients that are no
    /// browser send none and are always let in.
    ALLOWED_ORIGINS "allowed_origins"
        Kind::Texts("origins, like [\"https://example.org\"]"), "",
        Is("[]");
    /// Certificate and those that vouch for it; clients then connect by `wss://`.
    TLS_CERT_FILE "tls_cert_file" FILE, "", Says("no TLS", "\"cert.pem\"");
    /// The certificate's private key.
    TLS_KEY_FILE "tls_key_file" FILE, "", Says("no TLS", "\"key.pem\"");
}

keys! { admin:
    /// Where `/metrics`, `/health/live`, `/health/ready`, `/stats` and the dashboard are. It checks
    /// nobody, so keep it on loopback or behind a proxy.
    LISTEN "listen" ADDRESS, "", Is("\"127.0.0.1:8081\"");
}

keys! { feed:
    /// Which exchange; one `[[feed]]` for each.
    EXCHANGE "exchange" Kind::OneOf(live_exchanges), "", Required("\"binance\"");
    /// What of it, in canonical form: `BTC/USDT`, `BTC/USDT:USDT` for a perpetual.
    SYMBOLS "symbols"
        Kind::Texts("symbols, like [\"BTC/USDT\", \"ETH/USDT\"]"), "",
        Required("[\"BTC/USDT\", \"ETH/USDT\"]"), reloads;
    /// Which streams of each symbol. What the exchange lacks is left out as long as another is
    /// left. With `trades` there are candles built from them, named or not; `candles` alone brings
    /// clients no trades.
    CHANNELS "channels"
        Kind::SomeOf(channels), "",
        Says("all that the exchange has",
            "[\"trades\", \"quotes\", \"ticker\", \"orderbook\", \"candles\"]"), reloads;
    /// Who makes the candles: built here from `trades`, of every interval, or those of the
    /// `exchange`, of the intervals that it has.
    CANDLE_SOURCE "candle_source"
        Kind::Text("\"trades\" or \"exchange\""), "",
        Says("`trades`; `exchange` where it shows no trades", "\"trades\"");
    /// Origin of the stream. Plain `ws://` is for loopback alone.
    URL "url"
        Kind::Text("wss://host[:port], or ws://127.0.0.1:port on loopback"), "",
        Says("the exchange's own", "\"wss://stream.binance.com:9443\"");
    /// Origin of the requests beside the stream (books, lists of instruments).
    REST_URL "rest_url"
        Kind::Text("https://host[:port], or http://127.0.0.1:port on loopback"), "",
        Says("the exchange's own", "\"https://api.binance.com\"");
    /// CPU that the feed's thread is pinned to.
    CPU "cpu" Kind::Whole { min: 0, max: CPU_MAX }, "", Says("not pinned", "0");
    /// How the thread waits; see `gateway.poll`.
    POLL "poll" super::POLL, "", Is("\"block\"");
    /// Connections that carry the same; the first copy of each event counts, so that the loss of
    /// one loses nothing.
    LINES "lines" Kind::Whole { min: 1, max: limits::LINES_MAX }, "connections", Is("1");
    /// Wait before the first attempt to connect again.
    RECONNECT_INITIAL_MS "reconnect.initial_ms"
        Kind::Whole { min: 1, max: 3_600_000 }, "milliseconds",
        Is("500");
    /// Longest wait between two attempts; not less than `initial_ms`.
    RECONNECT_MAX_MS "reconnect.max_ms"
        Kind::Whole { min: 1, max: 3_600_000 }, "milliseconds",
        Is("30000");
    /// How much longer each wait is than the one before.
    RECONNECT_FACTOR "reconnect.factor" Kind::Real { min: 1.0, max: 100.0 }, "", Is("2.0");
    /// Share of a wait that is left to chance, so that many do not come back at once.
    RECONNECT_JITTER "reconnect.jitter" Kind::Real { min: 0.0, max: 1.0 }, "", Is("0.2");
    /// Attempts before the feed only probes now and then; 0: it never gives up.
    RECONNECT_MAX_ATTEMPTS "reconnect.max_attempts"
        Kind::Whole { min: 0, max: u32::MAX as usize }, "attempts",
        Is("0");
    /// Certificates to trust besides the system's, for a private or simulated exchange.
    TLS_CA_FILE "tls_ca_file" FILE, "", Says("the system's alone", "\"ca.pem\"");
}

keys! { history:
    /// Events kept in memory of each instrument and channel (of order books: levels of changes).
    EVENTS "events" Kind::Whole { min: 1, max: limits::HISTORY_EVENTS_MAX }, "events", Is("10000");
    /// Memory of all histories together. Where it is reached, the longest ones are shortened.
    BYTES "bytes"
        Kind::Size { min: limits::HISTORY_BYTES_MIN, max: limits::HISTORY_BYTES_MAX }, "bytes",
        Is("\"64MiB\"");
}

/// All sections but `[budget]`, whose keys are made of spans and quantiles.
pub(super) const SECTIONS: &[Section] = &[
    Section { name: "gateway", repeats: false, meaning: "The clients' side.", keys: gateway::ALL },
    Section { name: "admin", repeats: false, meaning: "The operator's side.", keys: admin::ALL },
    Section {
        name: "feed",
        repeats: true,
        meaning: "One for each exchange; at least one.",
        keys: feed::ALL,
    },
    Section {
        name: "history",
        repeats: false,
        meaning: "What is remembered of what was sent, for clients that ask or resume.",
        keys: history::ALL,
    },
];

/// The section whose keys are spans and quantiles.
pub(super) const BUDGET: &str = "budget";

fn live_exchanges() -> Vec<&'static str> {
    let live = ExchangeId::ALL.into_iter().filter(|exchange| exchange.is_live());
    live.map(ExchangeId::name).collect()
}

/// Everything but the status channel, which no exchange sends.
fn channels() -> Vec<&'static str> {
    let sent = Channel::ALL.into_iter().filter(|channel| *channel != Channel::Status);
    sent.map(Channel::name).collect()
}
