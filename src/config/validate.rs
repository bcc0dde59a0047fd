//! From what is written to what is meant: defaults, ranges, and rules between fields.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::error::Source;
use super::raw::{RawConfig, RawFeed, RawGateway, RawReconnect};
use super::{
    AdminConfig, ByteSize, Config, ConfigError, FeedConfig, GatewayConfig, HistoryConfig, TlsFiles,
};
use crate::cache::{CandleSource, HistoryBounds};
use crate::exchange::{self, Exchange};
use crate::instrument::{Channel, ExchangeId, Symbol};
use crate::latency::Budget;
use crate::limits;
use crate::net::{BackoffPolicy, Waiting};
use crate::tick::Interval;

/// Everything but the status channel, which no exchange sends.
const CHANNELS: [&str; 5] = ["trades", "quotes", "ticker", "orderbook", "candles"];

pub(super) fn validate(raw: RawConfig, source: &Source<'_>) -> Result<Config, ConfigError> {
    let gateway = gateway(&raw.gateway, &At { source, section: "gateway", index: 0 })?;
    let admin = At { source, section: "admin", index: 0 };
    let admin_listen = admin.address("listen", raw.admin.listen.as_deref(), "127.0.0.1:8081")?;
    if admin_listen == gateway.listen && admin_listen.port() != 0 {
        let remedy = "the gateway listens there already; choose another port";
        return Err(admin.wrong("listen", admin_listen, remedy));
    }
    let feeds = feeds(&raw.feed, source)?;
    let history = At { source, section: "history", index: 0 };
    let events =
        history.within("events", raw.history.events, 10_000, 1..=limits::HISTORY_EVENTS_MAX)?;
    let bytes = history_bytes(&raw, gateway.broadcasters, &history)?;
    let config = Config {
        gateway,
        admin: AdminConfig { listen: admin_listen },
        feeds,
        history: HistoryConfig { events, bytes },
        budget: budget(&raw, source)?,
    };
    refuse_too_many_spinners(&config, source)?;
    Ok(config)
}

/// Each broadcaster has its share of the bytes.
fn history_bytes(
    raw: &RawConfig,
    broadcasters: usize,
    at: &At<'_>,
) -> Result<ByteSize, ConfigError> {
    let bytes = raw.history.bytes.unwrap_or(ByteSize(HistoryBounds::default().bytes));
    let least = limits::HISTORY_BYTES_MIN * broadcasters;
    if (least..=limits::HISTORY_BYTES_MAX).contains(&bytes.0) {
        return Ok(bytes);
    }
    let (least, most) = (ByteSize(least), ByteSize(limits::HISTORY_BYTES_MAX));
    let remedy = format!("must be from {least} (1MiB for each broadcaster) to {most}");
    Err(at.wrong("bytes", format!("\"{bytes}\""), remedy))
}

/// One table of the file, for errors that name their place.
struct At<'a> {
    source: &'a Source<'a>,
    section: &'static str,
    index: usize,
}

impl At<'_> {
    fn wrong(
        &self,
        key: &str,
        value: impl std::fmt::Display,
        remedy: impl Into<String>,
    ) -> ConfigError {
        let section = match self.section {
            "feed" => format!("feed[{}]", self.index),
            other => other.to_owned(),
        };
        ConfigError::Value {
            place: self.source.place_of_key(self.section, self.index, key),
            field: format!("{section}.{key}"),
            value: value.to_string(),
            remedy: remedy.into(),
        }
    }

    fn address(
        &self,
        key: &str,
        text: Option<&str>,
        default: &str,
    ) -> Result<SocketAddr, ConfigError> {
        let text = text.unwrap_or(default);
        let remedy = "write an address and a port, like 127.0.0.1:8080 or [::1]:8080";
        text.parse().map_err(|_| self.wrong(key, format!("\"{text}\""), remedy))
    }

    fn within(
        &self,
        key: &str,
        value: Option<usize>,
        default: usize,
        range: std::ops::RangeInclusive<usize>,
    ) -> Result<usize, ConfigError> {
        let value = value.unwrap_or(default);
        if range.contains(&value) {
            return Ok(value);
        }
        let remedy = format!("must be from {} to {}", range.start(), range.end());
        Err(self.wrong(key, value, remedy))
    }

    fn waiting(&self, text: Option<&str>) -> Result<Waiting, ConfigError> {
        let name = text.unwrap_or("block");
        Waiting::from_name(name).ok_or_else(|| {
            let names = Waiting::ALL.map(Waiting::name).join(", ");
            self.wrong("poll", format!("\"{name}\""), format!("must be one of: {names}"))
        })
    }

    fn exchange(&self, key: &str, name: &str) -> Result<ExchangeId, ConfigError> {
        ExchangeId::from_name(name).filter(|exchange| exchange.is_live()).ok_or_else(|| {
            let live = ExchangeId::ALL.into_iter().filter(|exchange| exchange.is_live());
            let names: Vec<&str> = live.map(ExchangeId::name).collect();
            let remedy = format!("must be one of: {}", names.join(", "));
            self.wrong(key, format!("\"{name}\""), remedy)
        })
    }

    fn cpu(&self, key: &str, cpu: usize) -> Result<usize, ConfigError> {
        let known = core_affinity::get_core_ids().unwrap_or_default();
        if known.is_empty() || known.iter().any(|core| core.id == cpu) {
            return Ok(cpu);
        }
        let ids: Vec<String> = known.iter().map(|core| core.id.to_string()).collect();
        Err(self.wrong(key, cpu, format!("this machine has the CPUs {}", ids.join(", "))))
    }
}

fn gateway(raw: &RawGateway, at: &At<'_>) -> Result<GatewayConfig, ConfigError> {
    let listen = at.address("listen", raw.listen.as_deref(), "127.0.0.1:8080")?;
    if !listen.ip().is_loopback() && raw.allow_anonymous != Some(true) {
        let remedy = "an address that others can reach needs allow_anonymous = true in [gateway]; \
                      or listen on 127.0.0.1 behind a proxy that authenticates";
        return Err(at.wrong("listen", format!("\"{listen}\""), remedy));
    }
    let broadcasters =
        at.within("broadcasters", raw.broadcasters, 1, 1..=limits::BROADCASTERS_MAX)?;
    let cpus = raw.cpus.clone().unwrap_or_default();
    for &cpu in &cpus {
        at.cpu("cpus", cpu)?;
    }
    let max_clients = at.within("max_clients", raw.max_clients, 10_000, 1..=1_000_000)?;
    let seconds = |key, value: Option<u64>, default, range| {
        at.within(key, value.map(|value| value as usize), default, range)
            .map(|seconds| Duration::from_secs(seconds as u64))
    };
    Ok(GatewayConfig {
        listen,
        broadcasters,
        cpus,
        poll: at.waiting(raw.poll.as_deref())?,
        max_clients,
        max_clients_per_ip: at.within(
            "max_clients_per_ip",
            raw.max_clients_per_ip,
            100,
            1..=1_000_000,
        )?,
        max_symbols_per_client: at.within(
            "max_symbols_per_client",
            raw.max_symbols_per_client,
            200,
            1..=limits::INSTRUMENTS_MAX,
        )?,
        client_queue_bytes: at.within(
            "client_queue_bytes",
            raw.client_queue_bytes,
            1_048_576,
            limits::CLIENT_QUEUE_BYTES_MIN..=limits::CLIENT_QUEUE_BYTES_MAX,
        )?,
        heartbeat: seconds("heartbeat_seconds", raw.heartbeat_seconds, 30, 1..=3_600)?,
        drain: seconds("drain_seconds", raw.drain_seconds, 5, 0..=600)?,
        delay_injected: Duration::ZERO,
        default_exchange: at
            .exchange("default_exchange", raw.default_exchange.as_deref().unwrap_or("binance"))?,
        allowed_origins: raw.allowed_origins.clone().unwrap_or_default(),
        tls: tls(raw, at)?,
    })
}

fn feeds(raw: &[RawFeed], source: &Source<'_>) -> Result<Vec<FeedConfig>, ConfigError> {
    let mut feeds: Vec<FeedConfig> = Vec::new();
    for (index, raw) in raw.iter().enumerate() {
        let at = At { source, section: "feed", index };
        let feed = feed(raw, &at)?;
        if feeds.iter().any(|other| other.exchange == feed.exchange) {
            let remedy = "has a [[feed]] already; put all its symbols into that one";
            return Err(at.wrong("exchange", format!("\"{}\"", feed.exchange), remedy));
        }
        feeds.push(feed);
    }
    if feeds.is_empty() {
        let at = At { source, section: "feed", index: 0 };
        let remedy = "add at least one [[feed]] with exchange and symbols";
        return Err(at.wrong("exchange", "(none)", remedy));
    }
    Ok(feeds)
}

fn feed(raw: &RawFeed, at: &At<'_>) -> Result<FeedConfig, ConfigError> {
    let exchange = at.exchange("exchange", &raw.exchange)?;
    let profile = exchange::profile(exchange);
    let url = url(raw.url.as_deref(), profile.url, ["wss", "ws"], at, "url")?;
    let adapter = exchange::adapter_at(exchange, &url);
    let candle_source = candle_source(raw.candle_source.as_deref(), &*adapter, at)?;
    Ok(FeedConfig {
        exchange,
        symbols: symbols(raw, exchange, at)?,
        channels: channels(raw.channels.as_deref(), &offered(&*adapter, candle_source), at)?,
        candle_source,
        url,
        rest_url: self::url(
            raw.rest_url.as_deref(),
            profile.rest_url,
            ["https", "http"],
            at,
            "rest_url",
        )?,
        cpu: raw.cpu.map(|cpu| at.cpu("cpu", cpu)).transpose()?,
        poll: at.waiting(raw.poll.as_deref())?,
        lines: at.within(
            "lines",
            raw.lines.map(|lines| lines as usize),
            1,
            1..=limits::LINES_MAX,
        )?,
        reconnect: reconnect(raw.reconnect.as_ref(), at)?,
        tls_ca_file: pem_file(raw.tls_ca_file.as_deref(), at, "tls_ca_file")?,
    })
}

fn symbols(raw: &RawFeed, exchange: ExchangeId, at: &At<'_>) -> Result<Vec<Symbol>, ConfigError> {
    let (mut symbols, mut products) = (Vec::new(), Vec::new());
    for text in &raw.symbols {
        let quoted = format!("\"{text}\"");
        let profile = exchange::profile(exchange);
        let symbol = profile
            .symbol(text)
            .map_err(|error| at.wrong("symbols", &quoted, error.to_string()))?;
        let Some(native) = (profile.native_symbol)(&symbol) else {
            let remedy = format!("{exchange} has no symbol of that form; write it like BTC/USDT");
            return Err(at.wrong("symbols", &quoted, remedy));
        };
        if symbols.contains(&symbol) {
            return Err(at.wrong("symbols", &quoted, "stands in the list twice; remove one"));
        }
        // Their frames could not be told apart.
        if let Some(same) = products.iter().position(|product| *product == native) {
            let remedy = format!("{exchange} calls {} {native} as well; name one", symbols[same]);
            return Err(at.wrong("symbols", &quoted, remedy));
        }
        symbols.push(symbol);
        products.push(native);
    }
    if symbols.is_empty() {
        return Err(at.wrong("symbols", "[]", "name at least one symbol, like \"BTC/USDT\""));
    }
    Ok(symbols)
}

/// Trades unless the exchange shows none; then its own candles are all there is.
fn candle_source(
    raw: Option<&str>,
    adapter: &dyn Exchange,
    at: &At<'_>,
) -> Result<CandleSource, ConfigError> {
    let has_trades = exchange::offers(adapter, Channel::Trades, None);
    let usual = if has_trades { CandleSource::Trades } else { CandleSource::Exchange };
    let Some(name) = raw else { return Ok(usual) };
    let wrong = |remedy: &str| Err(at.wrong("candle_source", format!("\"{name}\""), remedy));
    match CandleSource::from_name(name) {
        None => wrong("must be \"trades\" or \"exchange\""),
        Some(CandleSource::Trades) if !has_trades => {
            wrong("the exchange shows no trades; leave the key out or write \"exchange\"")
        }
        Some(CandleSource::Exchange) if !offers_candles(adapter) => {
            wrong("the exchange has no candles of its own; leave the key out or write \"trades\"")
        }
        Some(source) => Ok(source),
    }
}

fn offers_candles(adapter: &dyn Exchange) -> bool {
    let of = |interval| exchange::offers(adapter, Channel::Candles, Some(interval));
    Interval::ALL.into_iter().any(of)
}

/// The channels that there are on an exchange.
fn offered(adapter: &dyn Exchange, candle_source: CandleSource) -> Vec<Channel> {
    let is_offered = |channel: &Channel| match (channel, candle_source) {
        (Channel::Candles, CandleSource::Exchange) => offers_candles(adapter),
        (Channel::Candles, CandleSource::Trades) => {
            exchange::offers(adapter, Channel::Trades, None)
        }
        (&channel, _) => exchange::offers(adapter, channel, None),
    };
    Channel::ALL.into_iter().filter(is_offered).collect()
}

/// What is wanted of what there is. One list may serve all feeds of a file: a channel that an
/// exchange lacks is left out as long as another is left.
fn channels(
    raw: Option<&[String]>,
    offered: &[Channel],
    at: &At<'_>,
) -> Result<Vec<Channel>, ConfigError> {
    let Some(names) = raw else { return Ok(offered.to_vec()) };
    let mut channels = Vec::new();
    for name in names {
        let channel = CHANNELS.contains(&name.as_str()).then(|| Channel::from_name(name)).flatten();
        let remedy = || format!("must be one of: {}", CHANNELS.join(", "));
        let channel =
            channel.ok_or_else(|| at.wrong("channels", format!("\"{name}\""), remedy()))?;
        if !channels.contains(&channel) {
            channels.push(channel);
        }
    }
    let is_empty = channels.is_empty();
    channels.retain(|channel| offered.contains(channel));
    if channels.is_empty() && !is_empty {
        let names: Vec<&str> = offered.iter().map(|channel| channel.name()).collect();
        let remedy = format!("the exchange has none of these; it has: {}", names.join(", "));
        return Err(at.wrong("channels", format!("{:?}", raw.unwrap_or_default()), remedy));
    }
    if channels.is_empty() {
        return Err(at.wrong("channels", "[]", "name at least one channel, or leave the key out"));
    }
    Ok(channels)
}

/// An origin without path; the encrypted scheme anywhere, the plain one on loopback alone.
fn url(
    text: Option<&str>,
    default: &str,
    [secure, plain]: [&str; 2],
    at: &At<'_>,
    key: &str,
) -> Result<String, ConfigError> {
    let text = text.unwrap_or(default).trim_end_matches('/');
    let quoted = format!("\"{text}\"");
    let remedy = format!("write {secure}://host[:port], or {plain}://127.0.0.1:port on loopback");
    let Ok(uri) = text.parse::<tungstenite::http::Uri>() else {
        return Err(at.wrong(key, quoted, remedy));
    };
    let host = uri.host().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let loopback = bare == "localhost"
        || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    match uri.scheme_str() {
        Some(scheme) if scheme == secure && !host.is_empty() => Ok(text.to_owned()),
        Some(scheme) if scheme == plain && loopback => Ok(text.to_owned()),
        _ => Err(at.wrong(key, quoted, remedy)),
    }
}

fn reconnect(raw: Option<&RawReconnect>, at: &At<'_>) -> Result<BackoffPolicy, ConfigError> {
    let none = RawReconnect::default();
    let raw = raw.unwrap_or(&none);
    let initial = raw.initial_ms.unwrap_or(500);
    let max = raw.max_ms.unwrap_or(30_000);
    let factor = raw.factor.unwrap_or(2.0);
    let jitter = raw.jitter.unwrap_or(0.2);
    let wrong = |value: String, remedy: &str| Err(at.wrong("reconnect", value, remedy));
    if initial == 0 || max < initial || max > 3_600_000 {
        let value = format!("initial_ms {initial}, max_ms {max}");
        return wrong(value, "needs 1 <= initial_ms <= max_ms <= 3600000");
    }
    if !(1.0..=100.0).contains(&factor) {
        return wrong(format!("factor {factor}"), "factor must be from 1.0 to 100.0");
    }
    if !(0.0..=1.0).contains(&jitter) {
        return wrong(format!("jitter {jitter}"), "jitter must be from 0.0 to 1.0");
    }
    Ok(BackoffPolicy {
        initial: Duration::from_millis(initial),
        max: Duration::from_millis(max),
        factor,
        jitter,
        max_attempts: raw.max_attempts.unwrap_or(0),
    })
}

fn tls(raw: &RawGateway, at: &At<'_>) -> Result<Option<TlsFiles>, ConfigError> {
    let cert = pem_file(raw.tls_cert_file.as_deref(), at, "tls_cert_file")?;
    let key = pem_file(raw.tls_key_file.as_deref(), at, "tls_key_file")?;
    match (cert, key) {
        (Some(cert_file), Some(key_file)) => Ok(Some(TlsFiles { cert_file, key_file })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(at.wrong("tls_key_file", "(none)", "tls_cert_file needs it too")),
        (None, Some(_)) => Err(at.wrong("tls_cert_file", "(none)", "tls_key_file needs it too")),
    }
}

fn pem_file(text: Option<&str>, at: &At<'_>, key: &str) -> Result<Option<PathBuf>, ConfigError> {
    let Some(text) = text else { return Ok(None) };
    let path = PathBuf::from(text);
    let quoted = format!("\"{text}\"");
    match std::fs::metadata(&path) {
        Ok(meta) if meta.is_file() => Ok(Some(path)),
        Ok(_) => Err(at.wrong(key, quoted, "is no file; name a PEM file")),
        Err(error) => {
            let remedy = format!("cannot be read ({error}); name a PEM file");
            Err(at.wrong(key, quoted, remedy))
        }
    }
}

fn budget(raw: &RawConfig, source: &Source<'_>) -> Result<Budget, ConfigError> {
    let at = At { source, section: "budget", index: 0 };
    let mut micros = Vec::new();
    for (key, value) in &raw.budget {
        let number = value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64));
        let remedy = "write a number of microseconds";
        micros.push((key.as_str(), number.ok_or_else(|| at.wrong(key, value, remedy))?));
    }
    for &(key, number) in &micros {
        Budget::from_micros([(key, number)])
            .map_err(|error| at.wrong(key, number, error.to_string()))?;
    }
    match Budget::from_micros(micros) {
        Ok(budget) if !budget.allowances().is_empty() => Ok(budget),
        // Nothing stated: the built-in one, for what a gateway by itself can measure.
        _ => Ok(Budget::built_in().of(|span| span.ends().is_some())),
    }
}

/// Spinning threads that outnumber the cores make everything slower, the spinners first.
fn refuse_too_many_spinners(config: &Config, source: &Source<'_>) -> Result<(), ConfigError> {
    let broadcasters = match config.gateway.poll {
        Waiting::Block => 0,
        Waiting::EpollSpin | Waiting::Spin => config.gateway.broadcasters,
    };
    let feeds = config.feeds.iter().filter(|feed| feed.poll != Waiting::Block).count();
    let spinners = broadcasters + feeds;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    if spinners < cores || spinners == 0 {
        return Ok(());
    }
    let (section, index) = match config.feeds.iter().position(|feed| feed.poll != Waiting::Block) {
        Some(index) => ("feed", index),
        None => ("gateway", 0),
    };
    let remedy = format!(
        "{spinners} spinning threads need at least {} cores (one is left to everything else), this \
         machine has {cores}; set poll = \"block\" on some",
        spinners + 1
    );
    Err(At { source, section, index }.wrong("poll", "spinning", remedy))
}
