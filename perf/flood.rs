//! One feed thread alone: how many frames a second go from a real socket into a ring, and how long
//! a frame takes from the return of the read that brought it.
//!
//! `cargo run --release --example flood -- [--seconds N] [--rate N] [--waiting block|spin]
//! [--exchange ADDRESS:PORT]`
//!
//! Without `--rate` the exchange writes as fast as the socket takes it, and the result is frames
//! per second of the feed thread's CPU time. With it, one frame is written at a time, evenly
//! spaced, and the result is the time from read to ring. With `--exchange` the frames come from
//! there: `perf/compare` plays the same ones to the readers of others.

#![allow(clippy::print_stdout, reason = "what it prints is its result")]

mod threads;

use std::io::{ErrorKind, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use arrayvec::ArrayString;
use crossbeam::channel::{Receiver, bounded};
use tickwire::clock::{Clock, MonoNanos};
use tickwire::exchange::Subscription;
use tickwire::exchange::binance::Binance;
use tickwire::feed::{
    Addresses, Feed, FeedCommand, FeedContext, FeedHandle, FeedNotice, FeedOptions, FeedReport,
    RingEnd,
};
use tickwire::instrument::{Channel, ExchangeId, InstrumentId};
use tickwire::latency::{Histograms, Quantile, Span, recorder, time};
use tickwire::limits::RING_TICKS_CAPACITY;
use tickwire::net::{OpCode, Waiting, frame_header};
use tickwire::ring::{WhenFull, ring};

const SYMBOLS: [&str; 8] =
    ["BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "XRPUSDT", "DOGEUSDT", "PEPEUSDT", "ADAUSDT"];

/// Distinct frames; only their trade ids change from pass to pass.
const FRAMES: usize = 4_096;

/// The first trade id, so that all ids have twelve digits.
const ID_FIRST: u64 = 100_000_000_000;

const WARM_UP: Duration = Duration::from_secs(1);

struct Options {
    time: Duration,
    rate: Option<u64>,
    waiting: Waiting,
    /// Another process that serves the frames, instead of a thread of this one.
    exchange: Option<SocketAddr>,
}

fn main() -> anyhow::Result<()> {
    let options = options()?;
    let clock = Clock::real();
    let stop = Arc::new(AtomicBool::new(false));
    let exchange = match options.exchange {
        Some(address) => Exchange { address, thread: None },
        None => Exchange::start(&stop, &clock, options.rate)?,
    };
    let address = exchange.address;

    let (producer, mut consumer) = ring(RING_TICKS_CAPACITY);
    let (reports, inbox) = bounded(1_024);
    let (recorder, mut collector) = recorder();
    let rings = vec![RingEnd { ring: producer, bell: None, when_full: WhenFull::Wait }];
    let context = FeedContext { clock: clock.clone(), recorder, rings, reports };
    let feed_options = FeedOptions {
        waiting: options.waiting,
        ..FeedOptions::new(format!("ws://{address}"), subscriptions())
    };
    let (feed, handle) = Feed::new(Binance::new(ExchangeId::Binance), feed_options, context)?;
    let thread = std::thread::Builder::new().name("feed".to_owned()).spawn(move || feed.run())?;

    // The broadcaster's place: takes what is there, a thousand times a second.
    let mut tend = |until: Instant, collector: &mut tickwire::latency::Collector| {
        while Instant::now() < until {
            consumer.drain(RING_TICKS_CAPACITY, |tick| {
                std::hint::black_box(tick);
            });
            answer(&inbox, &handle, address);
            collector.collect(clock.now());
            std::thread::sleep(Duration::from_millis(1));
        }
    };
    let connected = Instant::now() + Duration::from_secs(10);
    while handle.counters().frames.value() < 1_000 {
        ensure!(Instant::now() < connected, "the feed did not get through to the exchange");
        tend(Instant::now() + Duration::from_millis(10), &mut collector);
    }
    tend(Instant::now() + WARM_UP, &mut collector);
    let before = (threads::cpu_ns(), handle.counters().frames.value(), Instant::now());
    let earlier = collector.totals().clone();
    tend(Instant::now() + options.time, &mut collector);
    let cpu = threads::since(&before.0).get("feed").copied().unwrap_or(0);
    let frames = handle.counters().frames.value() - before.1;
    let wall = before.2.elapsed();
    let mut histograms = collector.totals().clone();
    histograms.subtract(&earlier);
    let (fallbacks, dropped) =
        (handle.counters().fallbacks.value(), handle.counters().duplicates.value());
    stop.store(true, Ordering::Release);
    handle.send_waiting(FeedCommand::Stop);
    while !thread.is_finished() {
        tend(Instant::now() + Duration::from_millis(10), &mut collector);
    }
    exchange.join()?;
    ensure!(fallbacks == 0, "{fallbacks} frames were not recognised");
    ensure!(dropped == 0, "{dropped} trades were taken for duplicates");
    print(frames, wall, cpu, &histograms);
    Ok(())
}

fn print(frames: u64, wall: Duration, cpu_ns: u64, histograms: &Histograms) {
    let per_second = frames as f64 / wall.as_secs_f64();
    let per_core = frames as f64 / (cpu_ns.max(1) as f64 / 1e9);
    let busy = 100.0 * cpu_ns as f64 / wall.as_nanos() as f64;
    println!("{frames} frames: {:.2} M/s, feed thread {busy:.0} % busy", per_second / 1e6);
    println!("{:.2} M frames per second of the feed's CPU time", per_core / 1e6);
    for span in [Span::ReadParsed, Span::ParsedPushed, Span::SocketToRing] {
        let at = |quantile| time(histograms.value(span, quantile));
        let [p50, p90, p99, p999] =
            [Quantile::P50, Quantile::P90, Quantile::P99, Quantile::P999].map(at);
        println!("{}: p50 {p50}, p90 {p90}, p99 {p99}, p99.9 {p999}", span.name());
    }
}

fn options() -> anyhow::Result<Options> {
    let mut options = Options {
        time: Duration::from_secs(5),
        rate: None,
        waiting: Waiting::Block,
        exchange: None,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().with_context(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--seconds" => options.time = Duration::from_secs(value.parse()?),
            "--rate" => options.rate = Some(value.parse()?),
            "--waiting" => {
                options.waiting = Waiting::from_name(&value)
                    .with_context(|| format!("no waiting mode: {value}"))?;
            }
            "--exchange" => options.exchange = Some(value.parse().context("--exchange")?),
            _ => bail!("{name}: use --seconds, --rate, --waiting or --exchange"),
        }
    }
    let paces_another = options.rate.is_some() && options.exchange.is_some();
    ensure!(
        !paces_another,
        "--rate is of the exchange in this process, and --exchange names another"
    );
    Ok(options)
}

fn subscriptions() -> Vec<Subscription> {
    let trades = |(index, symbol): (usize, &&str)| Subscription {
        instrument: InstrumentId(index as u32),
        native: ArrayString::from(symbol).expect("symbols are short"),
        channel: Channel::Trades,
        interval: None,
    };
    SYMBOLS.iter().enumerate().map(trades).collect()
}

/// The control side, as far as one feed needs it: there is only one host.
fn answer(inbox: &Receiver<FeedReport>, handle: &FeedHandle, address: SocketAddr) {
    for report in inbox.try_iter() {
        if let FeedNotice::Resolve { ticket, .. } = report.notice {
            let addresses: Addresses = std::iter::once(address).collect();
            handle.send_waiting(FeedCommand::Resolved { ticket, addresses });
        }
    }
}

/// Frames as bytes, and where in them the ids stand.
struct Frames {
    bytes: Vec<u8>,
    /// Begin of each frame, and of its id.
    places: Vec<(usize, usize)>,
    /// The next id of each symbol: an exchange counts them one by one, or trades are missing.
    ids: [u64; SYMBOLS.len()],
}

impl Frames {
    fn new() -> Self {
        let (mut bytes, mut places) = (Vec::new(), Vec::new());
        for index in 0..FRAMES {
            let symbol = SYMBOLS[symbol_of(index)];
            let stream = symbol.to_lowercase();
            let (price, size) = (index * 7_919 % 100_000, index * 104_729 % 1_000_000);
            let head = format!(
                r#"{{"stream":"{stream}@trade","data":{{"e":"trade","E":1700000000123,"s":"{symbol}","t":"#
            );
            let tail = format!(
                r#","p":"{price}.{size:08}","q":"0.{size:08}","T":1700000000123,"m":{},"M":true}}}}"#,
                index % 3 == 0
            );
            let (header, length) = frame_header(head.len() + 12 + tail.len(), OpCode::Text);
            let begin = bytes.len();
            bytes.extend_from_slice(&header[..length]);
            bytes.extend_from_slice(head.as_bytes());
            places.push((begin, bytes.len()));
            bytes.extend_from_slice(b"000000000000");
            bytes.extend_from_slice(tail.as_bytes());
        }
        Self { bytes, places, ids: [ID_FIRST; SYMBOLS.len()] }
    }

    /// Gives the frame the next id; returns its bytes.
    fn number(&mut self, index: usize) -> std::ops::Range<usize> {
        let (begin, place) = self.places[index];
        let id = &mut self.ids[symbol_of(index)];
        let mut rest = *id;
        for digit in self.bytes[place..place + 12].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        *id += 1;
        let end = self.places.get(index + 1).map_or(self.bytes.len(), |next| next.0);
        begin..end
    }
}

/// Which symbol a frame is of.
const fn symbol_of(index: usize) -> usize {
    index * 7 % SYMBOLS.len()
}

/// Where the frames come from.
struct Exchange {
    address: SocketAddr,
    /// Of the exchange in this process.
    thread: Option<JoinHandle<anyhow::Result<()>>>,
}

impl Exchange {
    fn start(stop: &Arc<AtomicBool>, clock: &Clock, rate: Option<u64>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let address = listener.local_addr()?;
        let (stop, clock) = (Arc::clone(stop), clock.clone());
        let serve = move || serve(&listener, &stop, &clock, rate);
        let thread = std::thread::Builder::new().name("exchange".to_owned()).spawn(serve)?;
        Ok(Self { address, thread: Some(thread) })
    }

    fn join(self) -> anyhow::Result<()> {
        let Some(thread) = self.thread else { return Ok(()) };
        thread.join().map_err(|_| anyhow::anyhow!("the exchange's thread panicked"))?
    }
}

/// Takes the feed's connection and subscriptions, then writes.
fn serve(
    listener: &TcpListener,
    stop: &AtomicBool,
    clock: &Clock,
    rate: Option<u64>,
) -> anyhow::Result<()> {
    let (stream, _) = listener.accept()?;
    stream.set_nodelay(true)?;
    let mut socket = tungstenite::accept(stream)
        .map_err(|error| anyhow::anyhow!("the feed's upgrade failed: {error}"))?;
    socket.get_ref().set_read_timeout(Some(Duration::from_millis(500)))?;
    while let Ok(message) = socket.read() {
        let text = message.to_text().unwrap_or_default();
        if let Some(id) = text.split("\"id\":").nth(1) {
            let digits: String = id.chars().take_while(char::is_ascii_digit).collect();
            let ack = format!(r#"{{"result":null,"id":{digits}}}"#);
            socket.send(ack.into())?;
        }
    }
    let mut frames = Frames::new();
    let stream = socket.get_mut();
    let written = match rate {
        None => flood(stream, &mut frames, stop),
        Some(rate) => pace(stream, &mut frames, stop, clock, rate),
    };
    match written {
        // The feed has ended first.
        Err(error)
            if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) =>
        {
            Ok(())
        }
        written => Ok(written?),
    }
}

fn flood(stream: &mut TcpStream, frames: &mut Frames, stop: &AtomicBool) -> std::io::Result<()> {
    while !stop.load(Ordering::Acquire) {
        for index in 0..FRAMES {
            frames.number(index);
        }
        stream.write_all(&frames.bytes)?;
    }
    Ok(())
}

fn pace(
    stream: &mut TcpStream,
    frames: &mut Frames,
    stop: &AtomicBool,
    clock: &Clock,
    rate: u64,
) -> std::io::Result<()> {
    let between = Duration::from_nanos(1_000_000_000 / rate.max(1));
    let mut planned: MonoNanos = clock.now();
    let mut index = 0;
    while !stop.load(Ordering::Acquire) {
        while clock.now() < planned {
            std::hint::spin_loop();
        }
        planned = planned.after(between);
        let range = frames.number(index);
        stream.write_all(&frames.bytes[range])?;
        index = (index + 1) % FRAMES;
    }
    Ok(())
}
