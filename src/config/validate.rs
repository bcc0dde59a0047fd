//! From what is written to what is meant: rules between fields, and what follows from the exchange.
//! Types, ranges and defaults of single keys are in `keys`.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::document::{At, Document};
use super::error::Wrongs;
use super::key::{Key, real};
use super::keys::{BUDGET, admin, feed, gateway, history};
use super::urls;
use super::{
    AdminConfig, ByteSize, Config, ConfigError, FeedConfig, GatewayConfig, HistoryConfig, TlsFiles,
};
use crate::cache::CandleSource;
use crate::exchange::{self, Exchange};
use crate::instrument::{Channel, ExchangeId, Symbol};
use crate::latency::{Budget, BudgetError};
use crate::limits;
use crate::net::{BackoffPolicy, Waiting};

/// Judges what single keys cannot be judged by, and adds what is wrong to `wrongs`.
///
/// # Errors
/// Everything that is wrong.
pub(super) fn validate(document: Document<'_>, mut wrongs: Wrongs) -> Result<Config, ConfigError> {
    let parts = parts(&document, &mut wrongs);
    wrongs.into_result()?;
    let (gateway, admin, feeds, history, budget) =
        parts.expect("a part is only missing where something is wrong");
    let table = resolved(document, &gateway, &feeds).into_table();
    Ok(Config { gateway, admin, feeds, history, budget, table })
}

type Parts = (GatewayConfig, AdminConfig, Vec<FeedConfig>, HistoryConfig, Budget);

/// All parts, if all are right; of those that are not, everything that is wrong is added.
fn parts(document: &Document<'_>, wrongs: &mut Wrongs) -> Option<Parts> {
    let feeds = feeds(document, wrongs);
    let budget = wrongs.take(budget(document));
    let sound = |name| document.is_sound(name, 0).then(|| document.at(name, 0));
    let gateway = sound("gateway").and_then(|at| gateway(&at, feeds.as_deref(), wrongs));
    let admin = sound("admin").and_then(|at| {
        let taken = gateway.as_ref().map(|gateway| gateway.listen);
        wrongs.take(admin(&at, taken))
    });
    let broadcasters = gateway.as_ref().map_or(1, |gateway| gateway.broadcasters);
    let history = sound("history").and_then(|at| wrongs.take(history(&at, broadcasters)));
    let (gateway, feeds) = (gateway?, feeds?);
    wrongs.take(refuse_too_many_spinners(document, &gateway, &feeds))?;
    Some((gateway, admin?, feeds, history?, budget?))
}

/// States what was left to the exchanges and the other keys.
fn resolved<'a>(
    mut document: Document<'a>,
    gateway: &GatewayConfig,
    feeds: &[FeedConfig],
) -> Document<'a> {
    document.set(&gateway::DEFAULT_EXCHANGE, 0, gateway.default_exchange.name());
    for (index, feed) in feeds.iter().enumerate() {
        let symbols: Vec<String> = feed.symbols.iter().map(ToString::to_string).collect();
        let channels: Vec<&str> = feed.channels.iter().map(|channel| channel.name()).collect();
        document.set(&feed::SYMBOLS, index, symbols);
        document.set(&feed::CHANNELS, index, channels);
        document.set(&feed::CANDLE_SOURCE, index, feed.candle_source.name());
        document.set(&feed::URL, index, feed.url.as_str());
        document.set(&feed::REST_URL, index, feed.rest_url.as_str());
    }
    document
}

impl At<'_> {
    /// Where to listen: an address that a machine can have.
    fn address(&self, key: &Key) -> Result<SocketAddr, ConfigError> {
        let address = self.text(key).and_then(|text| text.parse().ok());
        let address: SocketAddr =
            address.ok_or_else(|| self.wrong_as_written(key, key.kind.remedy()))?;
        let ip = address.ip().to_canonical();
        if ip.is_multicast() || ip == IpAddr::V4(Ipv4Addr::BROADCAST) {
            let remedy = "is the address of many at once; name one of this machine";
            return Err(self.wrong_as_written(key, remedy));
        }
        Ok(address)
    }

    /// One of the names that the key's kind allows, all of which are read.
    fn named<T>(&self, key: &Key, read: impl Fn(&str) -> Option<T>) -> Result<T, ConfigError> {
        let named = self.text(key).and_then(read);
        named.ok_or_else(|| self.wrong_as_written(key, key.kind.remedy()))
    }

    fn cpu(&self, key: &Key, cpu: usize) -> Result<usize, ConfigError> {
        let known = core_affinity::get_core_ids().unwrap_or_default();
        if known.is_empty() || known.iter().any(|core| core.id == cpu) {
            return Ok(cpu);
        }
        let ids: Vec<String> = known.iter().map(|core| core.id.to_string()).collect();
        Err(self.wrong(key, cpu, format!("this machine has the CPUs {}", ids.join(", "))))
    }

    fn seconds(&self, key: &Key) -> Duration {
        Duration::from_secs(self.whole(key) as u64)
    }
}

fn gateway(
    at: &At<'_>,
    feeds: Option<&[FeedConfig]>,
    wrongs: &mut Wrongs,
) -> Option<GatewayConfig> {
    let listen = wrongs.take(listen(at));
    let cpus = wrongs.take(cpus(at));
    let default_exchange = feeds.map(|feeds| wrongs.take(default_exchange(at, feeds)));
    let allowed_origins = allowed_origins(at, wrongs);
    let poll = wrongs.take(at.named(&gateway::POLL, Waiting::from_name));
    let tls = wrongs.take(tls(at));
    let (default_exchange, states_default_exchange) = default_exchange??;
    Some(GatewayConfig {
        listen: listen?,
        broadcasters: at.whole(&gateway::BROADCASTERS),
        cpus: cpus?,
        poll: poll?,
        max_clients: at.whole(&gateway::MAX_CLIENTS),
        max_clients_per_ip: at.whole(&gateway::MAX_CLIENTS_PER_IP),
        max_symbols_per_client: at.whole(&gateway::MAX_SYMBOLS_PER_CLIENT),
        client_queue_bytes: at.size(&gateway::CLIENT_QUEUE_BYTES).0,
        heartbeat: at.seconds(&gateway::HEARTBEAT_SECONDS),
        drain: at.seconds(&gateway::DRAIN_SECONDS),
        delay_injected: Duration::ZERO,
        list_every: limits::LIST_EVERY,
        default_exchange,
        states_default_exchange,
        allowed_origins: allowed_origins?,
        tls: tls?,
    })
}

fn listen(at: &At<'_>) -> Result<SocketAddr, ConfigError> {
    let listen = at.address(&gateway::LISTEN)?;
    if !listen.ip().is_loopback() && !at.flag(&gateway::ALLOW_ANONYMOUS) {
        let remedy = "an address that others can reach needs allow_anonymous = true in [gateway]; \
                      or listen on 127.0.0.1 behind a proxy that authenticates";
        return Err(at.wrong(&gateway::LISTEN, format!("\"{listen}\""), remedy));
    }
    Ok(listen)
}

fn cpus(at: &At<'_>) -> Result<Vec<usize>, ConfigError> {
    let key = &gateway::CPUS;
    let cpus = at.wholes(key);
    for (index, &cpu) in cpus.iter().enumerate() {
        at.cpu(key, cpu)?;
        if cpus[..index].contains(&cpu) {
            return Err(at.wrong(key, cpu, "stands in the list twice; remove one"));
        }
    }
    Ok(cpus)
}

/// Origins as a browser spells them, which is what they are compared with.
fn allowed_origins(at: &At<'_>, wrongs: &mut Wrongs) -> Option<Vec<String>> {
    let key = &gateway::ALLOWED_ORIGINS;
    let texts = at.texts(key).unwrap_or_default();
    let mut origins: Vec<String> = Vec::new();
    for text in &texts {
        let remedy = match urls::origin_of_browser(text) {
            Ok(()) if origins.iter().any(|other| other == text) => {
                "stands in the list twice; remove one".to_owned()
            }
            Ok(()) => {
                origins.push((*text).to_owned());
                continue;
            }
            Err(remedy) => remedy,
        };
        wrongs.add(at.wrong(key, format!("\"{text}\""), remedy));
    }
    (origins.len() == texts.len()).then_some(origins)
}

/// The exchange of bare symbols, and whether it is written.
fn default_exchange(at: &At<'_>, feeds: &[FeedConfig]) -> Result<(ExchangeId, bool), ConfigError> {
    let key = &gateway::DEFAULT_EXCHANGE;
    let has_feed = |exchange: ExchangeId| feeds.iter().any(|feed| feed.exchange == exchange);
    if at.text(key).is_none() {
        let usual = Some(ExchangeId::Binance).filter(|exchange| has_feed(*exchange));
        let first = feeds.first().map(|feed| feed.exchange);
        return Ok((usual.or(first).unwrap_or(ExchangeId::Binance), false));
    }
    let exchange = at.named(key, ExchangeId::from_name)?;
    if has_feed(exchange) {
        return Ok((exchange, true));
    }
    let names: Vec<&str> = feeds.iter().map(|feed| feed.exchange.name()).collect();
    let remedy = format!("has no [[feed]]; add one, or name one of: {}", names.join(", "));
    Err(at.wrong_as_written(key, remedy))
}

fn admin(at: &At<'_>, taken: Option<SocketAddr>) -> Result<AdminConfig, ConfigError> {
    let listen = at.address(&admin::LISTEN)?;
    if taken.is_some_and(|taken| excludes(taken, listen)) {
        let remedy = "the gateway listens there already; choose another port";
        return Err(at.wrong(&admin::LISTEN, format!("\"{listen}\""), remedy));
    }
    Ok(AdminConfig { listen })
}

/// Whether who listens at `one` leaves nothing to listen at for `other`: an address of all takes the
/// port of each. Of port 0 the system chooses a free one.
fn excludes(one: SocketAddr, other: SocketAddr) -> bool {
    let (ip, other_ip) = (one.ip().to_canonical(), other.ip().to_canonical());
    // `[::]` takes IPv4 too.
    let takes = |all: IpAddr, ip: IpAddr| all.is_unspecified() && (all.is_ipv6() || ip.is_ipv4());
    let meets = ip == other_ip || takes(ip, other_ip) || takes(other_ip, ip);
    one.port() == other.port() && one.port() != 0 && meets
}

/// Each broadcaster has its share of the bytes.
fn history(at: &At<'_>, broadcasters: usize) -> Result<HistoryConfig, ConfigError> {
    let bytes = at.size(&history::BYTES);
    let least = ByteSize(limits::HISTORY_BYTES_MIN * broadcasters);
    if bytes < least {
        let remedy = format!("must be at least {least}, 1MiB for each broadcaster");
        return Err(at.wrong_as_written(&history::BYTES, remedy));
    }
    Ok(HistoryConfig { events: at.whole(&history::EVENTS), bytes })
}

/// All feeds, if all are right.
fn feeds(document: &Document<'_>, wrongs: &mut Wrongs) -> Option<Vec<FeedConfig>> {
    let mut feeds: Vec<FeedConfig> = Vec::new();
    let count = document.count("feed");
    for index in (0..count).filter(|index| document.is_sound("feed", *index)) {
        let at = document.at("feed", index);
        let Some(feed) = feed(&at, wrongs) else { continue };
        if feeds.iter().any(|other| other.exchange == feed.exchange) {
            let remedy = "has a [[feed]] already; put all its symbols into that one";
            wrongs.add(at.wrong_as_written(&feed::EXCHANGE, remedy));
        }
        feeds.push(feed);
    }
    if count == 0 && document.is_sound("feed", 0) {
        let remedy = "add at least one [[feed]] with exchange and symbols";
        wrongs.add(document.at("feed", 0).wrong(&feed::EXCHANGE, "(none)", remedy));
    }
    (!feeds.is_empty() && feeds.len() == count).then_some(feeds)
}

fn feed(at: &At<'_>, wrongs: &mut Wrongs) -> Option<FeedConfig> {
    let exchange = wrongs.take(at.named(&feed::EXCHANGE, ExchangeId::from_name))?;
    let profile = exchange::profile(exchange);
    let symbols = symbols(exchange, at, wrongs);
    let url = wrongs.take(stream_url(at, exchange, profile.url));
    let rest_url = wrongs.take(origin(at, &feed::REST_URL, profile.rest_url, ["https", "http"]));
    let cpu = at.optional_whole(&feed::CPU).map(|cpu| at.cpu(&feed::CPU, cpu)).transpose();
    let cpu = wrongs.take(cpu);
    let poll = wrongs.take(at.named(&feed::POLL, Waiting::from_name));
    let reconnect = wrongs.take(reconnect(at));
    let tls_ca_file = wrongs.take(pem_file(at, &feed::TLS_CA_FILE));
    // What is offered depends on where.
    let url = url?;
    let adapter = exchange::adapter_at(exchange, &url);
    let candle_source = wrongs.take(candle_source(&*adapter, at))?;
    let channels = wrongs.take(channels(&offered(&*adapter, candle_source), at));
    Some(FeedConfig {
        exchange,
        symbols: symbols?,
        channels: channels?,
        candle_source,
        url,
        rest_url: rest_url?,
        cpu: cpu?,
        poll: poll?,
        lines: at.whole(&feed::LINES),
        reconnect: reconnect?,
        tls_ca_file: tls_ca_file?,
    })
}

fn symbols(exchange: ExchangeId, at: &At<'_>, wrongs: &mut Wrongs) -> Option<Vec<Symbol>> {
    let (mut symbols, mut products) = (Vec::new(), Vec::new());
    let key = &feed::SYMBOLS;
    let texts = at.texts(key).unwrap_or_default();
    let mut judge = |text: &str| -> Result<(), ConfigError> {
        let quoted = format!("\"{text}\"");
        let profile = exchange::profile(exchange);
        let symbol =
            profile.symbol(text).map_err(|error| at.wrong(key, &quoted, error.to_string()))?;
        let Some(native) = (profile.native_symbol)(&symbol) else {
            let pair =
                profile.likely_pair(text).map_or("like BTC/USDT".to_owned(), |it| it.to_string());
            let remedy = format!("{exchange} has no symbol of that form; write it {pair}");
            return Err(at.wrong(key, &quoted, remedy));
        };
        if symbols.contains(&symbol) {
            return Err(at.wrong(key, &quoted, "stands in the list twice; remove one"));
        }
        // Their frames could not be told apart.
        if let Some(same) = products.iter().position(|product| *product == native) {
            let remedy = format!("{exchange} calls {} {native} as well; name one", symbols[same]);
            return Err(at.wrong(key, &quoted, remedy));
        }
        symbols.push(symbol);
        products.push(native);
        Ok(())
    };
    let right = texts.iter().filter(|text| wrongs.take(judge(text)).is_some()).count();
    if texts.is_empty() {
        wrongs.add(at.wrong(key, "[]", "name at least one symbol, like \"BTC/USDT\""));
    }
    (right > 0 && right == texts.len()).then_some(symbols)
}

/// Trades unless the exchange shows none; then its own candles are all there is.
fn candle_source(adapter: &dyn Exchange, at: &At<'_>) -> Result<CandleSource, ConfigError> {
    let has_trades = exchange::offers(adapter, Channel::Trades, None);
    let usual = if has_trades { CandleSource::Trades } else { CandleSource::Exchange };
    let key = &feed::CANDLE_SOURCE;
    let Some(name) = at.text(key) else { return Ok(usual) };
    let wrong = |remedy: &str| Err(at.wrong_as_written(key, remedy));
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
    !exchange::candle_intervals(adapter).is_empty()
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
fn channels(offered: &[Channel], at: &At<'_>) -> Result<Vec<Channel>, ConfigError> {
    let key = &feed::CHANNELS;
    let Some(names) = at.texts(key) else { return Ok(offered.to_vec()) };
    let mut channels: Vec<Channel> = Vec::new();
    for channel in names.into_iter().filter_map(Channel::from_name) {
        if channels.contains(&channel) {
            let quoted = format!("\"{}\"", channel.name());
            return Err(at.wrong(key, quoted, "stands in the list twice; remove one"));
        }
        channels.push(channel);
    }
    if channels.is_empty() {
        let remedy = "name at least one channel, or leave the key out";
        return Err(at.wrong_as_written(key, remedy));
    }
    channels.retain(|channel| offered.contains(channel));
    if channels.is_empty() {
        let names: Vec<&str> = offered.iter().map(|channel| channel.name()).collect();
        let remedy = format!("the exchange has none of these; it has: {}", names.join(", "));
        return Err(at.wrong_as_written(key, remedy));
    }
    Ok(channels)
}

/// Where the stream is. Where adapters say the path themselves, it may end with theirs, as
/// documentation prints it.
fn stream_url(at: &At<'_>, exchange: ExchangeId, default: &str) -> Result<String, ConfigError> {
    let key = &feed::URL;
    let text = at.text(key).unwrap_or(default);
    let wrong = |remedy| at.wrong_as_written(key, remedy);
    let url = urls::exchange(text, ["wss", "ws"], key.kind.remedy()).map_err(wrong)?;
    match exchange::route(exchange, &url) {
        Ok(()) => Ok(url),
        Err(path) => {
            let own = if path.is_empty() { path } else { format!(" ({path})") };
            Err(wrong(format!("the path is the exchange's own{own}; write the origin alone")))
        }
    }
}

/// Where requests go: an origin without path.
fn origin(
    at: &At<'_>,
    key: &Key,
    default: &str,
    schemes: [&str; 2],
) -> Result<String, ConfigError> {
    let text = at.text(key).unwrap_or(default);
    let wrong = |remedy| at.wrong_as_written(key, remedy);
    let url = urls::exchange(text, schemes, key.kind.remedy()).map_err(wrong)?;
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    match rest.contains(['/', '?', '#']) {
        false => Ok(url),
        true => Err(wrong(
            "the paths of requests are the exchange's own; write the origin alone".to_owned(),
        )),
    }
}

fn reconnect(at: &At<'_>) -> Result<BackoffPolicy, ConfigError> {
    let millis = |key| at.whole(key) as u64;
    let initial = millis(&feed::RECONNECT_INITIAL_MS);
    let max = millis(&feed::RECONNECT_MAX_MS);
    if max < initial {
        let remedy = format!("is less than initial_ms = {initial}; needs initial_ms <= max_ms");
        return Err(at.wrong(&feed::RECONNECT_MAX_MS, max, remedy));
    }
    Ok(BackoffPolicy {
        initial: Duration::from_millis(initial),
        max: Duration::from_millis(max),
        factor: at.real(&feed::RECONNECT_FACTOR),
        jitter: at.real(&feed::RECONNECT_JITTER),
        max_attempts: at.whole(&feed::RECONNECT_MAX_ATTEMPTS) as u32,
    })
}

fn tls(at: &At<'_>) -> Result<Option<TlsFiles>, ConfigError> {
    let (cert, key) = (&gateway::TLS_CERT_FILE, &gateway::TLS_KEY_FILE);
    match (pem_file(at, cert)?, pem_file(at, key)?) {
        (Some(cert_file), Some(key_file)) => Ok(Some(TlsFiles { cert_file, key_file })),
        (None, None) => Ok(None),
        (Some(_), None) => {
            Err(at.wrong(key, "(none)", "tls_cert_file needs it too; name a PEM file"))
        }
        (None, Some(_)) => {
            Err(at.wrong(cert, "(none)", "tls_key_file needs it too; name a PEM file"))
        }
    }
}

fn pem_file(at: &At<'_>, key: &Key) -> Result<Option<PathBuf>, ConfigError> {
    let Some(text) = at.text(key) else { return Ok(None) };
    let path = PathBuf::from(text);
    match std::fs::metadata(&path) {
        Ok(meta) if meta.is_file() => Ok(Some(path)),
        Ok(_) => Err(at.wrong_as_written(key, "is no file; name a PEM file")),
        Err(error) => {
            let remedy = format!("cannot be read ({error}); name a PEM file");
            Err(at.wrong_as_written(key, remedy))
        }
    }
}

fn budget(document: &Document<'_>) -> Result<Budget, ConfigError> {
    let at = document.at(BUDGET, 0);
    // Nothing stated: the built-in one, for what a gateway by itself can measure.
    let usual = Budget::built_in().of(|span| span.ends().is_some());
    let written = document.budget();
    // A variable changes a line of the budget, and a file states all of it.
    let is_changed = written.keys().all(|key| at.variable(key).is_some());
    let mut micros = if is_changed { usual.micros() } else { BTreeMap::new() };
    for (key, value) in &written {
        let remedy = "write a number of microseconds";
        let number = real(value).ok_or_else(|| at.wrong_at(key, value, remedy))?;
        Budget::from_micros([(key.as_str(), number)])
            .map_err(|error| at.wrong_at(key, value, allowance_remedy(&error)))?;
        micros.insert(key.clone(), number);
    }
    let micros = micros.iter().map(|(key, number)| (key.as_str(), *number));
    Ok(Budget::from_micros(micros).unwrap_or(usual))
}

fn allowance_remedy(error: &BudgetError) -> String {
    match error {
        BudgetError::Time { .. } => {
            "must be from 0.001 to 3600000000 microseconds, which is an hour".to_owned()
        }
        other => other.to_string(),
    }
}

/// Spinning threads that outnumber the cores make everything slower, the spinners first.
fn refuse_too_many_spinners(
    document: &Document<'_>,
    gateway: &GatewayConfig,
    feeds: &[FeedConfig],
) -> Result<(), ConfigError> {
    let broadcasters = match gateway.poll {
        Waiting::Block => 0,
        Waiting::EpollSpin | Waiting::Spin => gateway.broadcasters,
    };
    let spinners = broadcasters + feeds.iter().filter(|feed| feed.poll != Waiting::Block).count();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    if spinners < cores || spinners == 0 {
        return Ok(());
    }
    let (at, key) = match feeds.iter().position(|feed| feed.poll != Waiting::Block) {
        Some(index) => (document.at("feed", index), &feed::POLL),
        None => (document.at("gateway", 0), &gateway::POLL),
    };
    let remedy = format!(
        "{spinners} spinning threads need at least {} cores (one is left to everything else), this \
         machine has {cores}; set poll = \"block\" on some",
        spinners + 1
    );
    Err(at.wrong_as_written(key, remedy))
}
