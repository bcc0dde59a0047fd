//! Every key that there is, each once: the field that holds it, what it may be and what it means.
//! Reading, errors, variables, `check`, docs/CONFIG.md and tickwire.example.toml are made of this;
//! `tests/config_reference.rs` holds the two files.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use toml::Value;

use super::document::At;
use super::error::Wrongs;
use super::key::{Fallback, Key, Kind};
use super::rules::{self, Around};
use super::{ByteSize, TlsFiles};
use crate::cache::CandleSource;
use crate::instrument::{Channel, ExchangeId, Symbol};
use crate::limits;
use crate::net::{BackoffPolicy, Waiting};

use Fallback::{Is, Required, Says};
use Kind::{Flag, OneOf, Real, Size, SomeOf, Text, Texts, Whole, WholeOrAuto, Wholes};

/// A section, in the order of the reference.
pub(super) struct Section {
    pub(super) name: &'static str,
    /// Whether there may be several: `[[name]]`.
    pub(super) repeats: bool,
    pub(super) meaning: &'static str,
    pub(super) keys: &'static [&'static Key],
}

/// Declares a section: a struct with a field for each key, the keys as constants, the list of them,
/// and how a table is read. A key is written
///
/// ```text
/// NAME "name" ("unit") reloads: kind, default,
///     "What it means."
///     => field: Type = how it is read, shown as what `check` states;
/// ```
///
/// Without unit; without `reloads` where only a start can set it; without `= …` where its type can
/// be read as it stands; without `shown` where `check` prints what is written; and without a field
/// where others are made of it. A field that is no key of its own begins with a `+`. How a key is read is told by a `Result`, which may use the
/// fields before it; a `?` on one that was wrong leaves this one unjudged.
macro_rules! keys {
    (
        $section:ident $($repeats:ident)?, $about:literal
        => $config:ident |$at:ident, $around:pat_param|
        $(
            $constant:ident $name:literal $(($unit:literal))? $($reloads:ident)?:
            $kind:expr, $fallback:expr, $meaning:literal
            $(=> $field:ident: $type:ty $(= $read:expr)? $(, shown $shown:expr)?)?;
        )*
        $(+ $extra:ident: $extra_type:ty = $made:expr, $extra_meaning:literal;)*
    ) => {
        #[doc = concat!("`[", stringify!($section), "]`: ", $about)]
        #[derive(Clone, Debug)]
        pub struct $config {
            $($(#[doc = $meaning] pub $field: $type,)?)*
            $(#[doc = $extra_meaning] pub $extra: $extra_type,)*
        }

        impl $config {
            /// The section as it stands there, if all of it is right.
            pub(super) fn read(
                $at: &At<'_>,
                $around: &Around<'_>,
                wrongs: &mut Wrongs,
            ) -> Option<Self> {
                $($(let $field: Option<$type> =
                    wrongs.judge(|| Some(either!($at.read(&$section::$constant) $(, $read)?)));)?)*
                $(let $extra: Option<$extra_type> = wrongs.judge(|| Some($made));)*
                Some(Self { $($($field: $field?,)?)* $($extra: $extra?,)* })
            }

            /// What is said where the file leaves it to the exchange or to other keys.
            pub(super) fn shown(&self) -> Vec<(&'static Key, Value)> {
                vec![$($($(shown(&$section::$constant, &self.$field, $shown),)?)?)*]
            }
        }

        pub(super) mod $section {
            use super::*;
            $(pub(in crate::config) const $constant: Key = Key {
                section: stringify!($section),
                name: $name,
                kind: $kind,
                unit: either!("" $(, $unit)?),
                fallback: $fallback,
                reloads: either!(false $(, stringify!($reloads).len() > 0)?),
                meaning: $meaning,
            };)*
            pub(in crate::config) const SECTION: Section = Section {
                name: stringify!($section),
                repeats: either!(false $(, stringify!($repeats).len() > 0)?),
                meaning: $about,
                keys: &[$(&$constant),*],
            };
        }
    };
}

/// What is said, or what is usual.
macro_rules! either {
    ($usual:expr) => {
        $usual
    };
    ($usual:expr, $said:expr) => {
        $said
    };
}

fn shown<T, V: Into<Value>>(
    key: &'static Key,
    field: &T,
    shown: impl Fn(&T) -> V,
) -> (&'static Key, Value) {
    (key, shown(field).into())
}

const ADDRESS: Kind = Text("an address and a port, like 127.0.0.1:8080 or [::1]:8080");
const FILE: Kind = Text("the path of a PEM file");
const POLL: Kind = OneOf(|| Waiting::ALL.map(Waiting::name).to_vec());
/// Fact: the highest number that a core can have here.
const CPU_MAX: usize = u16::MAX as usize;

keys! {
    gateway, "The clients' side." => GatewayConfig |at, around|
    LISTEN "listen": ADDRESS, Is(r#""127.0.0.1:8080""#),
        "Where clients connect. An address that others can reach needs `allow_anonymous = true`. \
         Port 0 takes a free one. `WS_PORT` sets the port alone."
        => listen: SocketAddr = rules::listen(at);
    BROADCASTERS "broadcasters" ("threads"): WholeOrAuto(1, limits::BROADCASTERS_MAX), Is("1"),
        "Threads that serve clients; each has a ring of its own from every feed. `auto`: one for each \
         core that the feeds leave free, where they spin all but one of those; at least one."
        => broadcasters: usize = rules::broadcasters(at, around.feeds?.len());
    CPUS "cpus": Wholes("numbers of CPUs"), Is("[]"),
        "CPU that each broadcaster is pinned to, in their order; those beyond the list are not \
         pinned."
        => cpus: Vec<usize> = rules::cpus(at);
    POLL "poll": super::POLL, Is(r#""block""#),
        "How broadcasters wait: sleeping (`block`), looking at the sockets over and over \
         (`epoll-spin`), or at the rings (`spin`). Those that spin take a core each."
        => poll: Waiting = at.named(&gateway::POLL, Waiting::from_name);
    FLUSH_DELAY_US "flush_delay_us" ("microseconds"): Whole(0, limits::FLUSH_DELAY_US_MAX), Is("0"),
        "How long events may wait for more, so that one write takes all of them: the first after a \
         pause goes out at once, the next so much later at most. Answers, pongs and the end of a \
         connection never wait. 0: nothing does."
        => flush_delay: Duration = at.micros(&gateway::FLUSH_DELAY_US);
    MAX_CLIENTS "max_clients" ("clients"): Whole(1, 1_000_000), Is("10000"),
        "Clients in all; more are answered 503."
        => max_clients: usize;
    MAX_CLIENTS_PER_IP "max_clients_per_ip" ("clients"): Whole(1, 1_000_000), Is("100"),
        "Clients from one address; more are answered 429."
        => max_clients_per_ip: usize;
    MAX_SYMBOLS_PER_CLIENT "max_symbols_per_client" ("symbols"): Whole(1, limits::INSTRUMENTS_MAX),
        Is("200"),
        "Symbols that one client may name; `*` counts as one."
        => max_symbols_per_client: usize;
    CLIENT_QUEUE_BYTES "client_queue_bytes" ("bytes"):
        Size(limits::CLIENT_QUEUE_BYTES_MIN, limits::CLIENT_QUEUE_BYTES_MAX), Is("1048576"),
        "Events that may wait for one client before it is closed as too slow. Answers and \
         snapshots that it asked for do not count."
        => client_queue_bytes: ByteSize;
    HEARTBEAT_SECONDS "heartbeat_seconds" ("seconds"): Whole(1, 3_600), Is("30"),
        "How often a client is pinged; after two in a row without an answer its connection is \
         ended instead of a third."
        => heartbeat: Duration = at.seconds(&gateway::HEARTBEAT_SECONDS);
    DRAIN_SECONDS "drain_seconds" ("seconds"): Whole(0, 600), Is("5"),
        "How long a gateway that stops waits for clients to take what is queued for them."
        => drain: Duration = at.seconds(&gateway::DRAIN_SECONDS);
    DEFAULT_EXCHANGE "default_exchange": OneOf(live_exchanges),
        Says("`binance` where it has a feed, else the exchange of the first feed", r#""binance""#),
        "Exchange that a bare symbol means where only one can be meant. It needs a `[[feed]]`."
        => default_exchange: ExchangeId = rules::default_exchange(at, around.feeds?),
            shown |exchange| exchange.name();
    ALLOW_ANONYMOUS "allow_anonymous": Flag, Is("false"),
        "Serve clients that nobody has checked on an address that others can reach.";
    ALLOWED_ORIGINS "allowed_origins": Texts(r#"origins, like ["https://example.org"]"#), Is("[]"),
        "Origins (`https://example.org`) whose pages may connect; empty: any. Clients that are no \
         browser send none and are always let in."
        => allowed_origins: Vec<String> = rules::allowed_origins(at);
    TLS_CERT_FILE "tls_cert_file": FILE, Says("no TLS", r#""cert.pem""#),
        "Certificate and those that vouch for it; clients then connect by `wss://`.";
    TLS_KEY_FILE "tls_key_file": FILE, Says("no TLS", r#""key.pem""#),
        "The certificate's private key.";
    + delay_injected: Duration = Ok(Duration::ZERO),
        "See [`BroadcastOptions::delay_injected`](crate::broadcast::BroadcastOptions); no key \
         sets it.";
    + list_every: Duration = Ok(limits::LIST_EVERY),
        "How often the exchanges are asked what they trade; no key sets it.";
    + states_default_exchange: bool = Ok(at.text(&gateway::DEFAULT_EXCHANGE).is_some()),
        "Whether `default_exchange` was written, and not left to the feeds.";
    + tls: Option<TlsFiles> = rules::tls(at), "Clients connect by `wss://` then.";
}

keys! {
    admin, "The operator's side." => AdminConfig |at, around|
    LISTEN "listen": ADDRESS, Is(r#""127.0.0.1:8081""#),
        "Where `/metrics`, `/health/live`, `/health/ready`, `/stats` and the dashboard are. It \
         checks nobody, so keep it on loopback or behind a proxy."
        => listen: SocketAddr = rules::admin_listen(at, around);
}

keys! {
    feed repeats, "One for each exchange; at least one." => FeedConfig |at, _|
    EXCHANGE "exchange": OneOf(live_exchanges), Required(r#""binance""#),
        "Which exchange; one `[[feed]]` for each."
        => exchange: ExchangeId = at.named(&feed::EXCHANGE, ExchangeId::from_name);
    SYMBOLS "symbols" reloads: Texts(r#"symbols, like ["BTC/USDT", "ETH/USDT"]"#),
        Required(r#"["BTC/USDT", "ETH/USDT"]"#),
        "What of it, in canonical form: `BTC/USDT`, `BTC/USDT:USDT` for a perpetual."
        => symbols: Vec<Symbol> = rules::symbols(at, exchange?),
            shown |symbols| symbols.iter().map(Symbol::to_string).collect::<Vec<_>>();
    CHANNELS "channels" reloads: SomeOf(channels),
        Says("all that the exchange has",
            r#"["trades", "quotes", "ticker", "orderbook", "candles"]"#),
        "Which streams of each symbol. What the exchange lacks is left out as long as another is \
         left. With `trades` there are candles built from them, named or not; `candles` alone \
         brings clients no trades."
        => channels: Vec<Channel> = rules::channels(at, &rules::offered(at, exchange?)?),
            shown |channels| channels.iter().map(|channel| channel.name()).collect::<Vec<_>>();
    CANDLE_SOURCE "candle_source": Text(r#""trades" or "exchange""#),
        Says("`trades`; `exchange` where it shows no trades", r#""trades""#),
        "Who makes the candles: built here from `trades`, of every interval, or those of the \
         `exchange`, of the intervals that it has."
        => candle_source: CandleSource = rules::candle_source(at, &*rules::adapter(at, exchange?)?),
            shown |source| source.name();
    URL "url": Text("wss://host[:port], or ws://127.0.0.1:port on loopback"),
        Says("the exchange's own", r#""wss://stream.binance.com:9443""#),
        "Origin of the stream. Plain `ws://` is for loopback alone."
        => url: String = rules::stream_url(at, exchange?), shown String::clone;
    REST_URL "rest_url": Text("https://host[:port], or http://127.0.0.1:port on loopback"),
        Says("the exchange's own", r#""https://api.binance.com""#),
        "Origin of the requests beside the stream (books, lists of instruments). Redirects are not \
         followed, wherever they lead."
        => rest_url: String = rules::rest_url(at, exchange?), shown String::clone;
    CPU "cpu": Whole(0, CPU_MAX), Says("not pinned", "0"),
        "CPU that the feed's thread is pinned to."
        => cpu: Option<usize> = rules::cpu(at);
    POLL "poll": super::POLL, Is(r#""block""#),
        "How the thread waits; see `gateway.poll`."
        => poll: Waiting = at.named(&feed::POLL, Waiting::from_name);
    LINES "lines" ("connections"): Whole(1, limits::LINES_MAX), Is("1"),
        "Connections that carry the same; the first copy of each event counts, so that the loss of \
         one loses nothing."
        => lines: usize;
    RECONNECT_INITIAL_MS "reconnect.initial_ms" ("milliseconds"): Whole(1, 3_600_000), Is("500"),
        "Wait before the first attempt to connect again.";
    RECONNECT_MAX_MS "reconnect.max_ms" ("milliseconds"): Whole(1, 3_600_000), Is("30000"),
        "Longest wait between two attempts; not less than `initial_ms`.";
    RECONNECT_FACTOR "reconnect.factor": Real(1.0, 100.0), Is("2.0"),
        "How much longer each wait is than the one before.";
    RECONNECT_JITTER "reconnect.jitter": Real(0.0, 1.0), Is("0.2"),
        "Share of a wait that is left to chance, so that many do not come back at once.";
    RECONNECT_MAX_ATTEMPTS "reconnect.max_attempts" ("attempts"): Whole(0, u32::MAX as usize),
        Is("0"),
        "Attempts before the feed only probes now and then; 0: it never gives up.";
    TLS_CA_FILE "tls_ca_file": FILE, Says("the system's alone", r#""ca.pem""#),
        "Certificates to trust besides the system's, for a private or simulated exchange."
        => tls_ca_file: Option<PathBuf> = rules::authorities(at, &feed::TLS_CA_FILE);
    + reconnect: BackoffPolicy = rules::reconnect(at), "How it comes back after a loss.";
}

keys! {
    history, "What is remembered of what was sent, for clients that ask or resume."
    => HistoryConfig |at, around|
    EVENTS "events" ("events"): Whole(1, limits::HISTORY_EVENTS_MAX), Is("10000"),
        "Events kept in memory of each instrument and channel (of order books: levels of changes)."
        => events: usize;
    BYTES "bytes" ("bytes"): Size(limits::HISTORY_BYTES_MIN, limits::HISTORY_BYTES_MAX),
        Is(r#""64MiB""#),
        "Memory of all histories together. Where it is reached, the longest ones are shortened."
        => bytes: ByteSize = rules::history_bytes(at, around);
}

/// All sections but `[budget]`, whose keys are made of spans and quantiles.
pub(super) const SECTIONS: &[Section] =
    &[gateway::SECTION, admin::SECTION, feed::SECTION, history::SECTION];

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
