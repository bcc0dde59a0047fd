//! A whole feed on a real socket: an exchange on the other core sends trades over loopback, as
//! fast as they are taken, and the feed reads, parses, numbers, stamps, measures and pushes them.
//!
//! `cargo bench --bench feed`; behind the throughput stands what the feed itself measured from
//! the return of a read to the push.

#![allow(clippy::unwrap_used, reason = "a bench fails loudly")]
#![allow(clippy::print_stdout, reason = "a bench prints what it measured")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arrayvec::ArrayString;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use crossbeam::channel::bounded;
use tickwire::clock::Clock;
use tickwire::exchange::binance::Binance;
use tickwire::exchange::{Exchange, Subscription};
use tickwire::feed::{Feed, FeedContext, FeedOptions, RingEnd};
use tickwire::instrument::{Channel, ExchangeId, InstrumentId};
use tickwire::latency::{Collector, Quantile, Span, recorder};
use tickwire::limits::RING_TICKS_CAPACITY;
use tickwire::net::{OpCode, Waiting, frame_header};
use tickwire::ring::{Consumer, WhenFull, ring};

/// Frames that the sender keeps in one buffer, and renumbers each time that it sends them.
const FRAMES: usize = 512;

/// How the sender sends.
#[derive(Clone, Copy)]
enum Pace {
    /// Whole buffers, as fast as the feed takes them.
    Full,
    /// One frame at a time, with that much between them.
    Every(Duration),
}

/// An exchange that has one client and prints trades of one instrument.
struct Sender {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Sender {
    fn start(pace: Pace) -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("ws://{}", listener.local_addr().unwrap());
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut socket = tungstenite::accept(stream).unwrap();
            socket.read().unwrap();
            socket.send(r#"{"result":null,"id":1}"#.into()).unwrap();
            send(socket.get_mut(), pace, &stopped);
        });
        (Self { stop, thread: Some(thread) }, url)
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn send(stream: &mut TcpStream, pace: Pace, stop: &AtomicBool) {
    let mut id = 100_000_000_000_u64;
    let (mut buffer, places) = frames(id);
    stream.set_nodelay(true).unwrap();
    // The feed is gone when a write fails, or does not take anything for a while.
    stream.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    let length = buffer.len() / FRAMES;
    let mut due = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let count = if let Pace::Every(wait) = pace {
            due += wait;
            while Instant::now() < due {
                std::hint::spin_loop();
            }
            1
        } else {
            FRAMES
        };
        for place in &places[..count] {
            let mut rest = id;
            for digit in buffer[*place..place + 12].iter_mut().rev() {
                *digit = b'0' + (rest % 10) as u8;
                rest /= 10;
            }
            id += 1;
        }
        if stream.write_all(&buffer[..count * length]).is_err() {
            return;
        }
    }
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let _ = stream.read(&mut [0; 64]);
}

/// Frames of one length, and where each has its id of twelve digits.
fn frames(id: u64) -> (Vec<u8>, Vec<usize>) {
    let payload = format!(
        r#"{{"stream":"btcusdt@trade","data":{{"e":"trade","E":1700000000000,"s":"BTCUSDT","t":{id},"p":"97123.45000000","q":"0.01234000","T":1700000000000,"m":true,"M":true}}}}"#
    );
    let (head, used) = frame_header(payload.len(), OpCode::Text);
    let (mut buffer, mut places) = (Vec::new(), Vec::new());
    let digits = payload.find(&id.to_string()).unwrap();
    for _ in 0..FRAMES {
        places.push(buffer.len() + used + digits);
        buffer.extend_from_slice(&head[..used]);
        buffer.extend_from_slice(payload.as_bytes());
    }
    (buffer, places)
}

/// A feed that is connected, and the end of its ring.
struct Subject {
    feed: Feed<Binance>,
    clock: Clock,
    consumer: Consumer,
    collector: Collector,
    counters: Arc<tickwire::metrics::FeedCounters>,
    _sender: Sender,
}

impl Subject {
    fn new(pace: Pace) -> Self {
        let (sender, url) = Sender::start(pace);
        let subscription = Subscription {
            instrument: InstrumentId(0),
            native: ArrayString::from("BTCUSDT").unwrap(),
            channel: Channel::Trades,
            interval: None,
        };
        let mut options = FeedOptions::new(url, vec![subscription]);
        options.waiting = Waiting::Spin;
        let clock = Clock::real();
        let (recorder, collector) = recorder();
        let (ring, consumer) = ring(RING_TICKS_CAPACITY);
        let context = FeedContext {
            clock: clock.clone(),
            recorder,
            rings: vec![RingEnd { ring, bell: None, when_full: WhenFull::Wait }],
            reports: bounded(64).0,
        };
        let exchange = Binance::new(ExchangeId::Binance);
        assert_eq!(exchange.id(), ExchangeId::Binance);
        let (feed, handle) = Feed::new(exchange, options, context).unwrap();
        let counters = Arc::clone(handle.counters());
        let mut subject = Self { feed, clock, consumer, collector, counters, _sender: sender };
        subject.take(FRAMES as u64 * 100);
        assert_eq!(subject.counters.fallbacks.value(), 0, "every frame is recognised");
        assert_eq!(subject.counters.gaps.value() + subject.counters.duplicates.value(), 0);
        subject
    }

    /// Turns until so many more frames are ticks in the ring.
    fn take(&mut self, frames: u64) {
        let end = self.counters.frames.value() + frames;
        while self.counters.frames.value() < end {
            self.feed.turn(self.clock.now());
            self.feed.wait(Duration::ZERO);
            self.consumer.drain(usize::MAX, |tick| {
                std::hint::black_box(tick);
            });
            self.collector.collect(self.clock.now());
        }
    }

    fn report(&self, name: &str) {
        let totals = self.collector.totals();
        let at = |quantile| totals.value(Span::SocketToRing, quantile);
        let (p50, p99, p999) = (at(Quantile::P50), at(Quantile::P99), at(Quantile::P999));
        println!("{name}: read to ring p50 {p50} ns, p99 {p99} ns, p99.9 {p999} ns");
    }
}

fn feed(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("feed");
    group.throughput(Throughput::Elements(FRAMES as u64));
    let mut subject = Subject::new(Pace::Full);
    group.bench_function("trades at full speed", |bencher| {
        bencher.iter(|| subject.take(FRAMES as u64));
    });
    subject.report("trades at full speed");
    drop(subject);
    let mut subject = Subject::new(Pace::Every(Duration::from_micros(50)));
    subject.take(40_000);
    subject.report("one trade every 50 µs");
    group.finish();
}

criterion_group!(benches, feed);
criterion_main!(benches);
