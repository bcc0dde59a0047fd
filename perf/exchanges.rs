//! Every kind of exchange at once: ten connections, a hundred subscriptions, a thousand messages a
//! second on each connection, and nothing may be lost.
//!
//! `cargo run --release --example exchanges -- [--minutes N | --seconds N] [--rate MESSAGES]`
//!
//! The simulated exchanges, the gateway and a client of everything are one process. The client
//! checks the gateway's numbers of every trade and book event, and at the end each instrument's
//! last trade against the exchange's. Prints what a message costs each thread, and ends with 1 when
//! something was lost, a book failed, a connection ended or the memory grew.

#![allow(clippy::print_stdout, reason = "what it prints is its result")]

mod threads;

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::Value;
use serde_json::value::RawValue;
use tickwire::clock::Clock;
use tickwire::config::Config;
use tickwire::exchange::profile;
use tickwire::gateway::Gateway;
use tickwire::instrument::ExchangeId;
use tickwire::metrics::{Stats, resident_bytes};
use tickwire::sim::{Options, Simulator, is_simulated};
use tickwire::tick::Decimal;
use tickwire::verify;
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Message, WebSocket};

/// Instruments of each exchange. With trades, quotes, statistics and books (at Deriv only prices)
/// these are a hundred streams.
const SYMBOLS: usize = 3;

/// Between two lines of the report.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// How long the rates are tuned before the time counts.
const TUNING: Duration = Duration::from_secs(3);

/// What the memory may grow by from the first quarter of the time to the end.
const GROWTH_BYTES_MAX: u64 = 16 << 20;

/// One simulated exchange, and its connections as far as they are known to be.
struct Exchange {
    id: ExchangeId,
    simulator: Simulator,
}

fn main() -> anyhow::Result<ExitCode> {
    let (time, rate) = options()?;
    let clock = Clock::real();
    let trades = tuned(&clock, rate)?;
    let exchanges = start(&clock, |id| trades.get(&id).copied().unwrap_or(rate))?;
    let config = config(&exchanges)?;
    let gateway = Gateway::start(&config, clock)?;
    verify::wait_until_ready(&gateway)?;
    let stop = Arc::new(AtomicBool::new(false));
    let client = Client::connect(&gateway, Arc::clone(&stop))?;
    let client = std::thread::Builder::new().name("client".to_owned()).spawn(|| client.run())?;
    exchanges.iter().for_each(|exchange| exchange.simulator.resume());

    let before = settle(&gateway);
    let (begun, cpu_before) = (Instant::now(), threads::cpu_ns());
    println!("seconds,frames_per_second,events_per_second,faults,resident_bytes");
    let end = time;
    let mut settled = 0;
    while begun.elapsed() < end {
        std::thread::sleep(LINE_EVERY.min(end.saturating_sub(begun.elapsed())));
        let resident = resident_bytes().context("the system does not tell the memory held")?;
        line(begun, &gateway.stats(), resident);
        if begun.elapsed() < end / 4 || settled == 0 {
            settled = resident;
        }
    }
    let (cpu, time) = (threads::since(&cpu_before), begun.elapsed());
    let after = gateway.stats();
    for exchange in &exchanges {
        let natives = exchange.simulator.truth().symbols();
        verify::pause(&exchange.simulator, &natives);
    }
    // What was printed last is on its way for less than this.
    std::thread::sleep(Duration::from_secs(2));
    let resident = resident_bytes().unwrap_or(u64::MAX);
    stop.store(true, Ordering::Relaxed);
    let seen = client.join().map_err(|_| anyhow::anyhow!("the client panicked"))?;
    let faults = faults(&after);
    let lost = seen.lost + seen.missing_at_the_end(&exchanges) + faults.values().sum::<u64>();
    for (what, count) in faults {
        println!("# {what}: {count}");
    }
    report(&before, &after, &cpu, time);
    let growth = resident.saturating_sub(settled);
    println!("# {} events to the client, {lost} lost, repeated or faulty", seen.events);
    println!("# memory grew by {growth} bytes after the first quarter");
    gateway.stop();
    let good = lost == 0 && seen.events > 0 && growth <= GROWTH_BYTES_MAX;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Starts every exchange that can be simulated, with its market standing still.
fn start(clock: &Clock, rate: impl Fn(ExchangeId) -> u32) -> anyhow::Result<Vec<Exchange>> {
    let simulated = ExchangeId::ALL.into_iter().filter(|&exchange| is_simulated(exchange));
    let start = |id| {
        let options = Options {
            symbols_count: SYMBOLS,
            rate: rate(id),
            spin: false,
            paused: true,
            clock: clock.clone(),
            ..Options::new(id)
        };
        Ok(Exchange { id, simulator: Simulator::start(options)? })
    };
    simulated.map(start).collect()
}

/// How many trades a second make so many messages on each connection of each exchange: a trade
/// brings quotes, statistics and book events with it, at each exchange others.
fn tuned(clock: &Clock, rate: u32) -> anyhow::Result<HashMap<ExchangeId, u32>> {
    let exchanges = start(clock, |_| rate / 4)?;
    let gateway = Gateway::start(&config(&exchanges)?, clock.clone())?;
    verify::wait_until_ready(&gateway)?;
    exchanges.iter().for_each(|exchange| exchange.simulator.resume());
    let before = settle(&gateway);
    std::thread::sleep(TUNING);
    let after = gateway.stats();
    let mut tuned = HashMap::new();
    for (exchange, (before, after)) in exchanges.iter().zip(before.feeds.iter().zip(&after.feeds)) {
        let connections = after.lines.len().max(1) as u64;
        let frames = (after.frames - before.frames).max(1) / TUNING.as_secs() / connections;
        let trades = u64::from(rate / 4) * u64::from(rate) / frames.max(1);
        tuned.insert(exchange.id, u32::try_from(trades).unwrap_or(rate).clamp(1, 4 * rate));
    }
    gateway.stop();
    Ok(tuned)
}

/// Waits a moment, so that what a beginning costs is not counted.
fn settle(gateway: &Gateway) -> Stats {
    std::thread::sleep(Duration::from_secs(2));
    gateway.stats()
}

fn config(exchanges: &[Exchange]) -> anyhow::Result<Config> {
    let mut text = "[gateway]\nlisten = \"127.0.0.1:0\"\nclient_queue_bytes = 67108864\n\
                    [admin]\nlisten = \"127.0.0.1:0\"\n"
        .to_owned();
    // Full histories after a minute, also of streams that speak once a second; with more events
    // the memory would grow for hours and no leak could be seen.
    text.push_str("[history]\nevents = 100\n");
    for Exchange { id, simulator } in exchanges {
        let truth = simulator.truth();
        let canonical = |native: &String| (profile(*id).canonical_symbol)(native);
        let symbols: Vec<String> =
            truth.symbols().iter().filter_map(canonical).map(|symbol| symbol.to_string()).collect();
        let channels: &[&str] = match id {
            ExchangeId::Deriv => &["quotes", "ticker"],
            _ => &["trades", "quotes", "ticker", "orderbook"],
        };
        write!(
            text,
            "[[feed]]\nexchange = \"{id}\"\nsymbols = {symbols:?}\nchannels = {channels:?}\n\
             url = \"{}\"\nrest_url = \"{}\"\n",
            simulator.url(),
            simulator.rest_url()
        )?;
    }
    Ok(Config::parse(&text, None, [])?)
}

/// What must not happen, by what and where.
fn faults(stats: &Stats) -> BTreeMap<String, u64> {
    let mut faults = BTreeMap::from([("slow closes".to_owned(), stats.clients.slow_closes)]);
    for feed in &stats.feeds {
        let counts = [
            ("gaps", feed.gaps),
            ("checksums", feed.checksum_failures),
            ("skipped", feed.skipped_ticks),
            ("books not live", feed.books.stale + feed.books.resyncing),
        ];
        let named =
            feed.rejected.iter().chain(&feed.reconnects).map(|(name, count)| (*name, *count));
        for (name, count) in counts.into_iter().chain(named) {
            faults.insert(format!("{} {name}", feed.exchange), count);
        }
    }
    faults.retain(|_, count| *count > 0);
    faults
}

fn line(begun: Instant, stats: &Stats, resident: u64) {
    let frames: f64 = stats.feeds.iter().map(|feed| feed.frames_per_second).sum();
    println!(
        "{},{frames:.0},{:.0},{},{resident}",
        begun.elapsed().as_secs(),
        stats.clients.events_per_second,
        faults(stats).values().sum::<u64>(),
    );
}

/// What each exchange sent, and what a message cost.
fn report(before: &Stats, after: &Stats, cpu: &BTreeMap<String, u64>, time: Duration) {
    let connections: usize = after.feeds.iter().map(|feed| feed.lines.len()).sum();
    println!("# {connections} connections");
    let mut all = 0;
    for (before, after) in before.feeds.iter().zip(&after.feeds) {
        let frames = after.frames - before.frames;
        all += frames;
        // The kernel cuts names of threads at 15 bytes.
        let name: String = format!("feed-{}", after.exchange).chars().take(15).collect();
        let spent = cpu.get(&name).copied().unwrap_or(0);
        println!(
            "# {}: {:.0} messages/s on {} connections, {} ns of the feed's CPU each, fallbacks {:.2} %",
            after.exchange,
            frames as f64 / time.as_secs_f64(),
            after.lines.len(),
            spent / frames.max(1),
            after.fallback_share * 100.0,
        );
    }
    let broadcast = cpu.get("broadcast-0").copied().unwrap_or(0);
    println!("# broadcaster: {} ns of CPU per message", broadcast / all.max(1));
}

fn options() -> anyhow::Result<(Duration, u32)> {
    let (mut time, mut rate) = (Duration::from_secs(600), 1_000);
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().with_context(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--minutes" => time = Duration::from_secs(60 * value.parse::<u64>()?),
            "--seconds" => time = Duration::from_secs(value.parse()?),
            "--rate" => rate = value.parse()?,
            _ => bail!("{name}: use --minutes, --seconds or --rate"),
        }
    }
    Ok((time, rate))
}

/// A client of everything.
struct Client {
    socket: WebSocket<MaybeTlsStream<std::net::TcpStream>>,
    stop: Arc<AtomicBool>,
    seen: Seen,
}

/// What it made of what it read.
#[derive(Default)]
struct Seen {
    events: u64,
    lost: u64,
    /// By exchange, symbol and kind of event.
    seqs: HashMap<(String, String, String), u64>,
    /// Id and price of the last trade, by exchange and symbol.
    trades: HashMap<(String, String), (String, String)>,
}

#[derive(serde::Deserialize)]
struct Event<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    seq: Option<u64>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    symbol: &'a str,
    exchange: &'a str,
    #[serde(borrow)]
    price: Option<&'a RawValue>,
    trade_id: Option<&'a str>,
}

impl Client {
    fn connect(gateway: &Gateway, stop: Arc<AtomicBool>) -> anyhow::Result<Self> {
        let (mut socket, _) = tungstenite::connect(format!("ws://{}", gateway.address()))?;
        let request = serde_json::json!({
            "action": "subscribe", "symbols": ["*"], "channels": ["trades", "orderbook"],
        });
        socket.send(Message::text(request.to_string()))?;
        let answer: Value = serde_json::from_str(socket.read()?.to_text()?)?;
        if answer["type"] != "success" {
            bail!("the gateway refused: {answer}");
        }
        if let MaybeTlsStream::Plain(stream) = socket.get_mut() {
            stream.set_read_timeout(Some(Duration::from_millis(200)))?;
        }
        Ok(Self { socket, stop, seen: Seen::default() })
    }

    fn run(mut self) -> Seen {
        loop {
            match self.socket.read() {
                Ok(Message::Text(text)) => self.seen.take(&text),
                Ok(_) => {}
                Err(tungstenite::Error::Io(error))
                    if matches!(
                        error.kind(),
                        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                    ) =>
                {
                    if self.stop.load(Ordering::Relaxed) {
                        return self.seen;
                    }
                }
                Err(_) => {
                    self.seen.lost += 1;
                    return self.seen;
                }
            }
        }
    }
}

impl Seen {
    fn take(&mut self, text: &str) {
        let Ok(event) = serde_json::from_str::<Event<'_>>(text) else {
            self.lost += 1;
            return;
        };
        if event.kind == "gap" || event.kind == "error" {
            self.lost += 1;
        }
        let (Some(seq), Some(data)) = (event.seq, event.data) else { return };
        let Ok(data) = serde_json::from_str::<Data<'_>>(data.get()) else {
            self.lost += 1;
            return;
        };
        self.events += 1;
        let name = |text: &str| text.to_owned();
        let key = (name(data.exchange), name(data.symbol), name(event.kind));
        // A book begins with a snapshot that carries the number of the last event in it.
        if let Some(before) = self.seqs.insert(key, seq)
            && seq != before + 1
        {
            self.lost += 1;
        }
        if let (Some(price), Some(id)) = (data.price, data.trade_id) {
            let key = (name(data.exchange), name(data.symbol));
            self.trades.insert(key, (name(id), name(price.get())));
        }
    }

    /// Instruments whose last trade is not the exchange's.
    fn missing_at_the_end(&self, exchanges: &[Exchange]) -> u64 {
        let mut missing = 0;
        for Exchange { id, simulator } in exchanges {
            if *id == ExchangeId::Deriv {
                continue;
            }
            let truth = simulator.truth();
            for native in truth.symbols() {
                let Some(last) = truth.last(&native) else { continue };
                let symbol = (profile(*id).canonical_symbol)(&native);
                let key = (id.to_string(), symbol.map(|one| one.to_string()).unwrap_or_default());
                let number = |text: &str| Decimal::parse(text.as_bytes()).ok();
                let is_last = self.trades.get(&key).is_some_and(|(trade_id, price)| {
                    let same_price = number(price)
                        .zip(number(&last.price))
                        .is_some_and(|(one, other)| one.cmp_value(other).is_eq());
                    // Aggregates are numbered by their orders, or by the last trade in them;
                    // Bybit's derivatives have names instead of numbers.
                    let same_id = trade_id
                        .parse()
                        .map_or(true, |number: u64| number == last.id || number == last.order);
                    same_price && same_id
                });
                if !is_last {
                    println!("# {} {}: not the last trade", key.0, key.1);
                }
                missing += u64::from(!is_last);
            }
        }
        missing
    }
}
