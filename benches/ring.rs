//! The hand-over from feed to broadcaster: rtrb, which `ring/` uses, against the queues that do
//! more than it needs, and ticks of one cache line against ticks of two.
//!
//! `cargo bench --bench ring`; it prints one line of ratios first, from rounds in which the
//! contenders take turns, so that what disturbs the machine disturbs them all. Every run checks
//! that each tick arrived, once and in order.

#![allow(clippy::print_stdout, reason = "a bench prints its result")]
#![allow(missing_docs, reason = "macros of criterion")]

use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group};
use crossbeam::channel;
use crossbeam::queue::ArrayQueue;
use tickwire::clock::UnixNanos;
use tickwire::instrument::InstrumentId;
use tickwire::limits::RING_TICKS_CAPACITY;
use tickwire::ring::{Consumer, Producer, ring};
use tickwire::tick::{Body, Tick};

/// Ticks that cross in one measurement.
const COUNT: u64 = 1 << 20;
/// Ticks that the producer pushes between two looks at the clock, and the bound of a drain: a busy
/// frame and a turn of a broadcaster.
const BATCH: usize = 64;

/// What crosses: it knows its number.
trait Item: Copy + Send + 'static {
    fn numbered(number: u64) -> Self;
    fn number(&self) -> u64;
}

impl Item for Tick {
    fn numbered(number: u64) -> Self {
        let body = Body::Time { date: UnixNanos(number as i64) };
        Self::new(InstrumentId::NONE, UnixNanos(number as i64), body)
    }

    fn number(&self) -> u64 {
        self.exchange_time.0 as u64
    }
}

/// A tick of two cache lines, as a ticker or a candle in one piece would need.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Wide([Tick; 2]);

impl Item for Wide {
    fn numbered(number: u64) -> Self {
        Self([Tick::numbered(number); 2])
    }

    fn number(&self) -> u64 {
        self.0[1].number()
    }
}

/// Both ends of a queue; neither operation waits.
trait Queue<T: Item> {
    const NAME: &'static str;
    type In: Send + 'static;
    type Out;

    fn open(capacity: usize) -> (Self::In, Self::Out);
    /// False when it is full.
    fn push(end: &mut Self::In, item: T) -> bool;
    /// Takes up to [`BATCH`] items.
    fn drain(end: &mut Self::Out, take: impl FnMut(&T)) -> usize;
}

/// As the crate uses it: drained in place.
struct Ours;

impl Queue<Tick> for Ours {
    const NAME: &'static str = "ring (rtrb, in place)";
    type In = Producer;
    type Out = Consumer;

    fn open(capacity: usize) -> (Producer, Consumer) {
        ring(capacity)
    }

    fn push(end: &mut Producer, item: Tick) -> bool {
        end.push(item).is_ok()
    }

    fn drain(end: &mut Consumer, take: impl FnMut(&Tick)) -> usize {
        end.drain(BATCH, take)
    }
}

/// rtrb, one pop per item.
struct Popped;

impl<T: Item> Queue<T> for Popped {
    const NAME: &'static str = "rtrb, one by one";
    type In = rtrb::Producer<T>;
    type Out = rtrb::Consumer<T>;

    fn open(capacity: usize) -> (Self::In, Self::Out) {
        rtrb::RingBuffer::new(capacity)
    }

    fn push(end: &mut Self::In, item: T) -> bool {
        end.push(item).is_ok()
    }

    fn drain(end: &mut Self::Out, mut take: impl FnMut(&T)) -> usize {
        drain_by(|| end.pop().ok(), &mut take)
    }
}

/// Several producers and consumers, bounded.
struct Array;

impl<T: Item> Queue<T> for Array {
    const NAME: &'static str = "crossbeam ArrayQueue";
    type In = Arc<ArrayQueue<T>>;
    type Out = Arc<ArrayQueue<T>>;

    fn open(capacity: usize) -> (Self::In, Self::Out) {
        let queue = Arc::new(ArrayQueue::new(capacity));
        (Arc::clone(&queue), queue)
    }

    fn push(end: &mut Self::In, item: T) -> bool {
        end.push(item).is_ok()
    }

    fn drain(end: &mut Self::Out, mut take: impl FnMut(&T)) -> usize {
        drain_by(|| end.pop(), &mut take)
    }
}

/// The same with waiting built in.
struct Crossbeam;

impl<T: Item> Queue<T> for Crossbeam {
    const NAME: &'static str = "crossbeam channel";
    type In = channel::Sender<T>;
    type Out = channel::Receiver<T>;

    fn open(capacity: usize) -> (Self::In, Self::Out) {
        channel::bounded(capacity)
    }

    fn push(end: &mut Self::In, item: T) -> bool {
        end.try_send(item).is_ok()
    }

    fn drain(end: &mut Self::Out, mut take: impl FnMut(&T)) -> usize {
        drain_by(|| end.try_recv().ok(), &mut take)
    }
}

/// The standard library's.
struct Standard;

impl<T: Item> Queue<T> for Standard {
    const NAME: &'static str = "std sync_channel";
    type In = mpsc::SyncSender<T>;
    type Out = mpsc::Receiver<T>;

    fn open(capacity: usize) -> (Self::In, Self::Out) {
        mpsc::sync_channel(capacity)
    }

    fn push(end: &mut Self::In, item: T) -> bool {
        end.try_send(item).is_ok()
    }

    fn drain(end: &mut Self::Out, mut take: impl FnMut(&T)) -> usize {
        drain_by(|| end.try_recv().ok(), &mut take)
    }
}

fn drain_by<T>(mut pop: impl FnMut() -> Option<T>, take: &mut impl FnMut(&T)) -> usize {
    for count in 0..BATCH {
        match pop() {
            Some(item) => take(&item),
            None => return count,
        }
    }
    BATCH
}

/// Waits a little: other work runs where there are fewer cores than threads.
fn pause(turn: &mut u32) {
    *turn += 1;
    if turn.is_multiple_of(64) { thread::yield_now() } else { std::hint::spin_loop() }
}

/// Sends `count` items from one thread to another; the time from the first to the last.
fn across<T: Item, Q: Queue<T>>(count: u64) -> Duration {
    let (mut input, mut output) = Q::open(RING_TICKS_CAPACITY);
    let start = Instant::now();
    let producer = thread::spawn(move || {
        let mut turn = 0;
        for number in 0..count {
            while !Q::push(&mut input, T::numbered(number)) {
                pause(&mut turn);
            }
        }
    });
    let (mut expected, mut turn) = (0, 0);
    while expected < count {
        let taken = Q::drain(&mut output, |item| {
            assert_eq!(item.number(), expected, "lost, doubled or out of order");
            expected += 1;
        });
        if taken == 0 {
            pause(&mut turn);
        }
    }
    let elapsed = start.elapsed();
    assert!(producer.join().is_ok());
    elapsed
}

/// Pushes a batch and drains it, on one thread: the price of the operations without that of
/// moving cache lines between cores.
fn along<T: Item, Q: Queue<T>>(count: u64) -> Duration {
    let (mut input, mut output) = Q::open(RING_TICKS_CAPACITY);
    let (mut pushed, mut expected) = (0, 0);
    let start = Instant::now();
    while expected < count {
        for _ in 0..BATCH {
            assert!(Q::push(&mut input, T::numbered(pushed)));
            pushed += 1;
        }
        Q::drain(&mut output, |item| {
            assert_eq!(item.number(), expected, "lost, doubled or out of order");
            expected += 1;
        });
    }
    start.elapsed()
}

type Run = fn(u64) -> Duration;

const ACROSS: [(&str, Run); 7] = [
    (<Ours as Queue<Tick>>::NAME, across::<Tick, Ours>),
    (<Popped as Queue<Tick>>::NAME, across::<Tick, Popped>),
    (<Array as Queue<Tick>>::NAME, across::<Tick, Array>),
    (<Crossbeam as Queue<Tick>>::NAME, across::<Tick, Crossbeam>),
    (<Standard as Queue<Tick>>::NAME, across::<Tick, Standard>),
    ("rtrb, one by one, 128 bytes", across::<Wide, Popped>),
    ("two ticks of 64 bytes for one of 128", |count| across::<Tick, Popped>(2 * count)),
];

const ALONG: [(&str, Run); 6] = [
    (<Ours as Queue<Tick>>::NAME, along::<Tick, Ours>),
    (<Popped as Queue<Tick>>::NAME, along::<Tick, Popped>),
    (<Array as Queue<Tick>>::NAME, along::<Tick, Array>),
    (<Crossbeam as Queue<Tick>>::NAME, along::<Tick, Crossbeam>),
    (<Standard as Queue<Tick>>::NAME, along::<Tick, Standard>),
    ("rtrb, one by one, 128 bytes", along::<Wide, Popped>),
];

/// The quickest of interleaved rounds, as multiples of the first contender's; the medians beside
/// them tell how much the machine was disturbed. Threads that share a core with other work meet
/// too seldom for anything but the quickest round to speak of the queue.
fn print_ratios(place: &str, contenders: &[(&str, Run)]) {
    const ROUNDS: usize = 15;
    let mut times = vec![Vec::with_capacity(ROUNDS); contenders.len()];
    for _ in 0..ROUNDS {
        for ((_, run), times) in contenders.iter().zip(&mut times) {
            times.push(run(COUNT / 4).as_nanos() as f64 / (COUNT / 4) as f64);
        }
    }
    times.iter_mut().for_each(|times| times.sort_by(f64::total_cmp));
    let shown: Vec<String> = contenders
        .iter()
        .zip(&times)
        .map(|((name, _), own)| {
            let (least, median) = (own[0], own[ROUNDS / 2]);
            format!("{name} {:.2} ({least:.1} ns, median {median:.1})", least / times[0][0])
        })
        .collect();
    println!("ring, {place}, ratio to the first: {}", shown.join("; "));
}

fn groups(criterion: &mut Criterion) {
    for (place, contenders) in [("across", &ACROSS[..]), ("along", &ALONG[..])] {
        let mut group = criterion.benchmark_group(format!("ring/{place}"));
        group.throughput(Throughput::Elements(COUNT / 16));
        group.sample_size(20);
        for (name, run) in contenders {
            group.bench_function(*name, |bencher| {
                bencher.iter_custom(|rounds| (0..rounds).map(|_| run(COUNT / 16)).sum());
            });
        }
        group.finish();
    }
}

criterion_group!(benches, groups);

fn main() {
    // `cargo test --benches` only checks that everything arrives.
    if std::env::args().any(|argument| argument == "--bench") {
        print_ratios("two threads", &ACROSS);
        print_ratios("one thread", &ALONG);
    }
    benches();
    Criterion::default().configure_from_args().final_summary();
}
