//! From what is written to what is meant: rules between fields, and what follows from the exchange.
//! Types, ranges and defaults of single keys are in `keys`.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use toml::{Table, Value};

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
use crate::net::{BackoffPolicy, NetError, Waiting, check_authorities, server_config};

/// What a section is judged by besides itself, where that is right.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) feeds: Option<&'a [FeedConfig]>,
    pub(super) gateway: Option<&'a GatewayConfig>,
}

/// Judges what single keys cannot be judged by, and adds what is wrong to `wrongs`.
///
/// # Errors
/// Everything that is wrong.
pub(super) fn judge(mut document: Document<'_>, mut wrongs: Wrongs) -> Result<Config, ConfigError> {
    let parts = parts(&document, &mut wrongs);
    wrongs.into_result()?;
    let (gateway, admin, feeds, history, budget) =
        parts.expect("a part is only missing where something is wrong");
    document.set_all(0, gateway.shown());
    document.set_all(0, admin.shown());
    document.set_all(0, history.shown());
    for (index, feed) in feeds.iter().enumerate() {
        document.set_all(index, feed.shown());
    }
    let mut table = document.into_table();
    let micros = budget.micros().into_iter().map(|(key, micros)| (key, Value::from(micros)));
    table.insert(BUDGET.to_owned(), micros.collect::<Table>().into());
    Ok(Config { gateway, admin, feeds, history, budget, table })
}

type Parts = (GatewayConfig, AdminConfig, Vec<FeedConfig>, HistoryConfig, Budget);

/// All parts, if all are right; of those that are not, everything that is wrong is added.
fn parts(document: &Document<'_>, wrongs: &mut Wrongs) -> Option<Parts> {
    let feeds = feeds(document, wrongs);
    let budget = wrongs.take(budget(document));
    let sound = |name| document.is_sound(name, 0).then(|| document.at(name, 0));
    let around = Around { feeds: feeds.as_deref(), gateway: None };
    let gateway = sound("gateway").and_then(|at| GatewayConfig::read(&at, &around, wrongs));
    let around = Around { gateway: gateway.as_ref(), ..around };
    let admin = sound("admin").and_then(|at| AdminConfig::read(&at, &around, wrongs));
    let history = sound("history").and_then(|at| HistoryConfig::read(&at, &around, wrongs));
    let (gateway, feeds) = (gateway?, feeds?);
    wrongs.take(refuse_too_many_spinners(document, &gateway, &feeds))?;
    Some((gateway, admin?, feeds, history?, budget?))
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
    pub(super) fn named<T>(
        &self,
        key: &Key,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<T, ConfigError> {
        let named = self.text(key).and_then(read);
        named.ok_or_else(|| self.wrong_as_written(key, key.kind.remedy()))
    }

    /// A CPU that this machine has.
    fn has_cpu(&self, key: &Key, cpu: usize) -> Result<(), ConfigError> {
        let known = core_affinity::get_core_ids().unwrap_or_default();
        if known.is_empty() || known.iter().any(|core| core.id == cpu) {
            return Ok(());
        }
        let ids: Vec<String> = known.iter().map(|core| core.id.to_string()).collect();
        Err(self.wrong(key, cpu, format!("this machine has the CPUs {}", ids.join(", "))))
    }

    pub(super) fn seconds(&self, key: &Key) -> Result<Duration, ConfigError> {
        self.read(key).map(Duration::from_secs)
    }

    pub(super) fn micros(&self, key: &Key) -> Result<Duration, ConfigError> {
        self.read(key).map(Duration::from_micros)
    }

    fn millis(&self, key: &Key) -> Result<Duration, ConfigError> {
        self.read(key).map(Duration::from_millis)
    }
}

pub(super) fn listen(at: &At<'_>) -> Result<SocketAddr, ConfigError> {
    let listen = at.address(&gateway::LISTEN)?;
    if !listen.ip().is_loopback() && !at.read::<bool>(&gateway::ALLOW_ANONYMOUS)? {
        let remedy = "an address that others can reach needs allow_anonymous = true in [gateway]; \
                      or listen on 127.0.0.1 behind a proxy that authenticates";
        return Err(at.wrong(&gateway::LISTEN, format!("\"{listen}\""), remedy));
    }
    Ok(listen)
}

pub(super) fn cpus(at: &At<'_>) -> Result<Vec<usize>, ConfigError> {
    let key = &gateway::CPUS;
    let cpus: Vec<usize> = at.read(key)?;
    for (index, &cpu) in cpus.iter().enumerate() {
        at.has_cpu(key, cpu)?;
        if cpus[..index].contains(&cpu) {
            return Err(at.wrong(key, cpu, "stands in the list twice; remove one"));
        }
    }
    Ok(cpus)
}

/// Origins as a browser spells them, which is what they are compared with.
pub(super) fn allowed_origins(at: &At<'_>) -> Result<Vec<String>, ConfigError> {
    let key = &gateway::ALLOWED_ORIGINS;
    let origins: Vec<String> = at.read(key)?;
    let mut wrongs = Wrongs::default();
    for (index, text) in origins.iter().enumerate() {
        let remedy = match urls::origin_of_browser(text) {
            Ok(()) if !origins[..index].contains(text) => continue,
            Ok(()) => "stands in the list twice; remove one".to_owned(),
            Err(remedy) => remedy,
        };
        wrongs.add(at.wrong(key, format!("\"{text}\""), remedy));
    }
    wrongs.into_result().map(|()| origins)
}

/// The exchange of bare symbols: that of a feed.
pub(super) fn default_exchange(
    at: &At<'_>,
    feeds: &[FeedConfig],
) -> Result<ExchangeId, ConfigError> {
    let key = &gateway::DEFAULT_EXCHANGE;
    let has_feed = |exchange: ExchangeId| feeds.iter().any(|feed| feed.exchange == exchange);
    if at.text(key).is_none() {
        let usual = Some(ExchangeId::Binance).filter(|exchange| has_feed(*exchange));
        let first = feeds.first().map(|feed| feed.exchange);
        return Ok(usual.or(first).unwrap_or(ExchangeId::Binance));
    }
    let exchange = at.named(key, ExchangeId::from_name)?;
    if has_feed(exchange) {
        return Ok(exchange);
    }
    let names: Vec<&str> = feeds.iter().map(|feed| feed.exchange.name()).collect();
    let remedy = format!("has no [[feed]]; add one, or name one of: {}", names.join(", "));
    Err(at.wrong_as_written(key, remedy))
}

pub(super) fn admin_listen(at: &At<'_>, around: &Around<'_>) -> Result<SocketAddr, ConfigError> {
    let listen = at.address(&admin::LISTEN)?;
    if around.gateway.is_some_and(|gateway| excludes(gateway.listen, listen)) {
        let remedy = "the gateway listens there already; choose another port";
        return Err(at.wrong(&admin::LISTEN, format!("\"{listen}\""), remedy));
    }
    Ok(listen)
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
pub(super) fn history_bytes(at: &At<'_>, around: &Around<'_>) -> Result<ByteSize, ConfigError> {
    let bytes: ByteSize = at.read(&history::BYTES)?;
    let broadcasters = around.gateway.map_or(1, |gateway| gateway.broadcasters);
    let least = ByteSize(limits::HISTORY_BYTES_MIN * broadcasters);
    if bytes < least {
        let remedy = format!("must be at least {least}, 1MiB for each broadcaster");
        return Err(at.wrong_as_written(&history::BYTES, remedy));
    }
    Ok(bytes)
}

/// All feeds, if all are right.
fn feeds(document: &Document<'_>, wrongs: &mut Wrongs) -> Option<Vec<FeedConfig>> {
    let mut feeds: Vec<FeedConfig> = Vec::new();
    let count = document.count("feed");
    for index in (0..count).filter(|index| document.is_sound("feed", *index)) {
        let (at, around) = (document.at("feed", index), Around { feeds: None, gateway: None });
        let Some(feed) = FeedConfig::read(&at, &around, wrongs) else { continue };
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

pub(super) fn symbols(at: &At<'_>, exchange: ExchangeId) -> Result<Vec<Symbol>, ConfigError> {
    let (mut symbols, mut products) = (Vec::new(), Vec::new());
    let key = &feed::SYMBOLS;
    let profile = exchange::profile(exchange);
    let mut judge = |text: &str| -> Result<(), String> {
        let symbol = profile.symbol(text).map_err(|error| error.to_string())?;
        let Some(native) = (profile.native_symbol)(&symbol) else {
            let pair =
                profile.likely_pair(text).map_or("like BTC/USDT".to_owned(), |it| it.to_string());
            return Err(format!("{exchange} has no symbol of that form; write it {pair}"));
        };
        if symbols.contains(&symbol) {
            return Err("stands in the list twice; remove one".to_owned());
        }
        // Their frames could not be told apart.
        if let Some(same) = products.iter().position(|product| *product == native) {
            return Err(format!("{exchange} calls {} {native} as well; name one", symbols[same]));
        }
        symbols.push(symbol);
        products.push(native);
        Ok(())
    };
    let mut wrongs = Wrongs::default();
    let texts: Vec<String> = at.read(key)?;
    for text in &texts {
        let judged = judge(text);
        wrongs.take(judged.map_err(|remedy| at.wrong(key, format!("\"{text}\""), remedy)));
    }
    if texts.is_empty() {
        wrongs.add(at.wrong(key, "[]", "name at least one symbol, like \"BTC/USDT\""));
    }
    wrongs.into_result().map(|()| symbols)
}

pub(super) fn cpu(at: &At<'_>) -> Result<Option<usize>, ConfigError> {
    let cpu: Option<usize> = at.read(&feed::CPU)?;
    cpu.map_or(Ok(()), |cpu| at.has_cpu(&feed::CPU, cpu)).map(|()| cpu)
}

/// What an exchange offers depends on where it is.
pub(super) fn adapter(at: &At<'_>, exchange: ExchangeId) -> Option<Box<dyn Exchange>> {
    Some(exchange::adapter_at(exchange, &stream_url(at, exchange).ok()?))
}

/// Trades unless the exchange shows none; then its own candles are all there is.
pub(super) fn candle_source(
    at: &At<'_>,
    adapter: &dyn Exchange,
) -> Result<CandleSource, ConfigError> {
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
pub(super) fn offered(at: &At<'_>, exchange: ExchangeId) -> Option<Vec<Channel>> {
    let adapter = &*adapter(at, exchange)?;
    let candle_source = candle_source(at, adapter).ok()?;
    let is_offered = |channel: &Channel| match (channel, candle_source) {
        (Channel::Candles, CandleSource::Exchange) => offers_candles(adapter),
        (Channel::Candles, CandleSource::Trades) => {
            exchange::offers(adapter, Channel::Trades, None)
        }
        (&channel, _) => exchange::offers(adapter, channel, None),
    };
    Some(Channel::ALL.into_iter().filter(is_offered).collect())
}

/// What is wanted of what there is. One list may serve all feeds of a file: a channel that an
/// exchange lacks is left out as long as another is left.
pub(super) fn channels(at: &At<'_>, offered: &[Channel]) -> Result<Vec<Channel>, ConfigError> {
    let key = &feed::CHANNELS;
    let names: Option<Vec<String>> = at.read(key)?;
    let Some(names) = names else { return Ok(offered.to_vec()) };
    let mut channels: Vec<Channel> = Vec::new();
    for channel in names.iter().filter_map(|name| Channel::from_name(name)) {
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
pub(super) fn stream_url(at: &At<'_>, exchange: ExchangeId) -> Result<String, ConfigError> {
    let key = &feed::URL;
    let text = at.text(key).unwrap_or(exchange::profile(exchange).url);
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
pub(super) fn rest_url(at: &At<'_>, exchange: ExchangeId) -> Result<String, ConfigError> {
    let key = &feed::REST_URL;
    let text = at.text(key).unwrap_or(exchange::profile(exchange).rest_url);
    let wrong = |remedy| at.wrong_as_written(key, remedy);
    let url = urls::exchange(text, ["https", "http"], key.kind.remedy()).map_err(wrong)?;
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    match rest.contains(['/', '?', '#']) {
        false => Ok(url),
        true => Err(wrong(
            "the paths of requests are the exchange's own; write the origin alone".to_owned(),
        )),
    }
}

pub(super) fn reconnect(at: &At<'_>) -> Result<BackoffPolicy, ConfigError> {
    let initial = at.millis(&feed::RECONNECT_INITIAL_MS)?;
    let max = at.millis(&feed::RECONNECT_MAX_MS)?;
    if max < initial {
        let (initial, max) = (initial.as_millis(), max.as_millis());
        let remedy = format!("is less than initial_ms = {initial}; needs initial_ms <= max_ms");
        return Err(at.wrong(&feed::RECONNECT_MAX_MS, max, remedy));
    }
    Ok(BackoffPolicy {
        initial,
        max,
        factor: at.read(&feed::RECONNECT_FACTOR)?,
        jitter: at.read(&feed::RECONNECT_JITTER)?,
        max_attempts: at.read(&feed::RECONNECT_MAX_ATTEMPTS)?,
    })
}

pub(super) fn tls(at: &At<'_>) -> Result<Option<TlsFiles>, ConfigError> {
    let (cert, key) = (&gateway::TLS_CERT_FILE, &gateway::TLS_KEY_FILE);
    match (pem_file(at, cert)?, pem_file(at, key)?) {
        (Some(cert_file), Some(key_file)) => match server_config(&cert_file, &key_file) {
            Ok(_) => Ok(Some(TlsFiles { cert_file, key_file })),
            Err(NetError::TlsFile { field, what, .. }) if field == key.name => {
                Err(unusable(at, key, &what, "name a PEM file with the certificate's private key"))
            }
            Err(NetError::TlsFile { what, .. }) => {
                Err(unusable(at, cert, &what, "name a PEM file with the key's certificate chain"))
            }
            Err(other) => Err(unusable(at, cert, &other, "name another PEM file")),
        },
        (None, None) => Ok(None),
        (Some(_), None) => {
            Err(at.wrong(key, "(none)", "tls_cert_file needs it too; name a PEM file"))
        }
        (None, Some(_)) => {
            Err(at.wrong(cert, "(none)", "tls_key_file needs it too; name a PEM file"))
        }
    }
}

/// A file of certificate authorities, if one is named.
pub(super) fn authorities(at: &At<'_>, key: &Key) -> Result<Option<PathBuf>, ConfigError> {
    let Some(path) = pem_file(at, key)? else { return Ok(None) };
    let remedy = "name a PEM file with the certificates of authorities";
    match check_authorities(&path) {
        Ok(()) => Ok(Some(path)),
        Err(NetError::TlsFile { what, .. }) => Err(unusable(at, key, &what, remedy)),
        Err(other) => Err(unusable(at, key, &other, remedy)),
    }
}

/// What a file is good for is known before anything starts.
fn unusable(at: &At<'_>, key: &Key, what: &dyn Display, remedy: &str) -> ConfigError {
    at.wrong_as_written(key, format!("cannot be used ({what}); {remedy}"))
}

fn pem_file(at: &At<'_>, key: &Key) -> Result<Option<PathBuf>, ConfigError> {
    let path: Option<PathBuf> = at.read(key)?;
    let Some(path) = path else { return Ok(None) };
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

/// As written, or as many as this machine has cores for beside so many feeds.
pub(super) fn broadcasters(at: &At<'_>, feeds: usize) -> Result<usize, ConfigError> {
    if at.text(&gateway::BROADCASTERS).is_none() {
        return at.read(&gateway::BROADCASTERS);
    }
    let waiting = at.named(&gateway::POLL, Waiting::from_name)?;
    Ok(broadcasters_beside(feeds, waiting, cores()))
}

/// One is left to everything else where they spin.
pub(super) fn broadcasters_beside(feeds: usize, waiting: Waiting, cores: usize) -> usize {
    let others = feeds + usize::from(waiting != Waiting::Block);
    cores.saturating_sub(others).clamp(1, limits::BROADCASTERS_MAX)
}

/// Cores that this process may use.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
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
    let cores = cores();
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
