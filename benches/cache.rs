//! What a broadcaster remembers: book changes against a `BTreeMap` and one sorted `Vec`, and whole
//! ticks into the cache.
//!
//! `cargo bench --bench cache` ends with the ratios of the book to its twins and the nanoseconds per
//! tick of each kind, from medians of interleaved rounds. Changes are drawn so that most are near
//! the best price, as in recorded books (half of them within four levels of it); beside them stand
//! levels that go and come back anywhere in a book of 100,000 levels a side.

#![allow(clippy::print_stdout, reason = "a bench reports on standard output")]
#![allow(clippy::unwrap_used, reason = "a bench fails loudly")]
#![allow(missing_docs, reason = "macros of criterion")]

#[path = "common/random.rs"]
mod random;

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;
use std::time::Instant;

use arrayvec::ArrayString;
use criterion::{Criterion, Throughput};
use tickwire::book::{Book, Resting};
use tickwire::cache::{Cache, HistoryBounds};
use tickwire::clock::UnixNanos;
use tickwire::instrument::{ExchangeId, Instrument, InstrumentId, InstrumentTable, Symbol};
use tickwire::tick::{Body, Decimal, Level, LevelFlags, Quote, Side, Tick, Trade, TradeId};

use random::Random;

const ITEMS: usize = 8_192;
const ROUNDS: usize = 51;
const PASSES: usize = 9;
/// Levels on each side, as a REST snapshot of Binance brings.
const DEPTH: i64 = 1_000;
/// Levels on each side of the deep book.
const DEEP: i64 = 100_000;
const MIDDLE: i64 = 6_500_000;
const ID: InstrumentId = InstrumentId(0);
const START: i64 = 1_700_000_000_000_000_000;

impl Random {
    /// How far from the best: halves with every four levels, at most the depth.
    fn distance(&mut self) -> i64 {
        let octave = (self.below(u64::MAX).trailing_zeros().min(7) + 1) * 4;
        self.below(u64::from(octave * octave) / 4).min(DEPTH as u64 - 1) as i64
    }

    fn level(&mut self) -> Level {
        let distance = self.distance();
        self.level_at(distance)
    }

    /// Levels anywhere in the deep book that go one after the other, and come back.
    fn comings_and_goings(&mut self) -> Vec<Level> {
        let mut place = || (self.below(2) == 0, self.below(DEEP as u64) as i64);
        let places: BTreeSet<(bool, i64)> = (0..ITEMS / 2).map(|_| place()).collect();
        let mut places: Vec<_> = places.into_iter().collect();
        // Not in their order.
        places.sort_by_key(|(is_bid, distance)| (distance * 7_919 % DEEP, *is_bid));
        let with = |size: i64| {
            let side = |is_bid| if is_bid { Side::Bid } else { Side::Ask };
            places.iter().map(move |&(is_bid, distance)| resting(side(is_bid), distance, size))
        };
        with(0).chain(with(5)).collect()
    }

    fn level_at(&mut self, distance: i64) -> Level {
        let side = if self.below(2) == 0 { Side::Bid } else { Side::Ask };
        let size = if self.below(3) == 0 { 0 } else { 1 + self.below(1_000_000) as i64 };
        resting(side, distance, size)
    }
}

fn resting(side: Side, distance: i64, size: i64) -> Level {
    let price = if side == Side::Bid { MIDDLE - distance } else { MIDDLE + 1 + distance };
    Level { side, price: Decimal::new(price, 2).unwrap(), size: Decimal::new(size, 5).unwrap() }
}

fn full_book(depth: i64) -> Vec<Level> {
    let side = |side| (0..depth).map(move |distance| resting(side, distance, 1));
    side(Side::Bid).chain(side(Side::Ask)).collect()
}

/// The obvious book.
#[derive(Default)]
struct Twin([BTreeMap<i64, Resting>; 2]);

impl Twin {
    fn apply(&mut self, level: Level) {
        // All prices have two digits here, so that the mantissa orders them: the twin's best case.
        let (side, key) = match level.side {
            Side::Bid => (0, level.price.mantissa()),
            _ => (1, -level.price.mantissa()),
        };
        if level.size.is_zero() {
            self.0[side].remove(&key);
        } else {
            self.0[side].insert(key, Resting { price: level.price, size: level.size });
        }
    }

    fn best(&self) -> [Option<Resting>; 2] {
        [0, 1].map(|side: usize| self.0[side].last_key_value().map(|(_, resting)| *resting))
    }
}

/// The shallow book: one sorted list a side, the best price at its end, from where it is searched.
#[derive(Default)]
struct Flat([Vec<Resting>; 2]);

impl Flat {
    fn apply(&mut self, level: Level) {
        let is_ask = level.side == Side::Ask;
        let side = &mut self.0[usize::from(is_ask)];
        let compare = |other: &Resting| {
            let by_value = level.price.cmp_value(other.price);
            if is_ask { by_value.reverse() } else { by_value }
        };
        let (mut step, mut high) = (1, side.len());
        let place = loop {
            let Some(probe) = side.len().checked_sub(step) else { break Err(0) };
            match compare(&side[probe]) {
                Ordering::Equal => break Ok(probe),
                Ordering::Greater => break Err(probe + 1),
                Ordering::Less => high = probe,
            }
            step *= 2;
        };
        let place = place.or_else(|low| {
            let found = side[low..high].binary_search_by(|other| compare(other).reverse());
            found.map(|index| low + index).map_err(|index| low + index)
        });
        let resting = Resting { price: level.price, size: level.size };
        match (place, level.size.is_zero()) {
            (Ok(index), true) => drop(side.remove(index)),
            (Err(_), true) => {}
            (Ok(index), false) => side[index] = resting,
            (Err(index), false) => side.insert(index, resting),
        }
    }

    fn fill(levels: &[Level]) -> Self {
        let mut flat = Self::default();
        for &level in levels {
            let side = &mut flat.0[usize::from(level.side == Side::Ask)];
            side.push(Resting { price: level.price, size: level.size });
        }
        flat.0[0].sort_by(|a, b| a.price.cmp_value(b.price));
        flat.0[1].sort_by(|a, b| b.price.cmp_value(a.price));
        flat
    }

    fn best(&self) -> [Option<Resting>; 2] {
        [0, 1].map(|side: usize| self.0[side].last().copied())
    }
}

fn cache() -> Cache {
    let mut table = InstrumentTable::default();
    table
        .add(Instrument {
            exchange: ExchangeId::Binance,
            symbol: Symbol::parse("BTC/USDT").unwrap(),
            native: ArrayString::new(),
            tick_size: None,
            lot_size: None,
        })
        .unwrap();
    let mut cache = Cache::new(HistoryBounds::default());
    cache.set_instruments(&table);
    cache
}

fn trades() -> Vec<Body> {
    let mut random = Random(7);
    let trade = |_| Trade {
        taker: Side::Bid,
        price: Decimal::new(MIDDLE + random.distance(), 2).unwrap(),
        size: Decimal::new(1 + random.below(100_000) as i64, 5).unwrap(),
        id: TradeId::Number(random.below(1 << 40)),
    };
    (0..ITEMS).map(trade).map(Body::from).collect()
}

fn quotes() -> Vec<Body> {
    let mut random = Random(7);
    let quote = |_| {
        let [bid, ask] = [Side::Bid, Side::Ask].map(|side| resting(side, random.distance(), 5));
        Quote {
            bid: Some(bid.price),
            bid_size: Some(bid.size),
            ask: Some(ask.price),
            ask_size: Some(ask.size),
        }
    };
    (0..ITEMS).map(quote).map(Body::from).collect()
}

/// Events of eight levels each.
fn levels() -> Vec<Body> {
    let mut random = Random(7);
    let flags = |index| match index % 8 {
        0 => LevelFlags::FIRST,
        7 => LevelFlags::LAST,
        _ => LevelFlags::default(),
    };
    (0..ITEMS).map(|index| random.level().body(flags(index), Some(1))).collect()
}

/// One pass: how many events came out.
type Pass = Box<dyn FnMut() -> u64>;

/// Ticks a millisecond apart into a cache with a view of ten levels.
fn ticks(bodies: Vec<Body>) -> Pass {
    let mut cache = cache();
    for (index, level) in full_book(DEPTH).into_iter().enumerate() {
        let mut flags = LevelFlags::SNAPSHOT;
        if index == 0 {
            flags = flags.with(LevelFlags::FIRST);
        }
        if index == 2 * DEPTH as usize - 1 {
            flags = flags.with(LevelFlags::LAST);
        }
        let tick = Tick::new(ID, UnixNanos(START), level.body(flags, Some(1)));
        cache.apply(ExchangeId::Binance, &tick, UnixNanos(START), |_| {});
    }
    cache.open_view(ID, 10);
    let mut time = START;
    Box::new(move || {
        let mut events = 0;
        for body in &bodies {
            time += 1_000_000;
            let tick = Tick::new(ID, UnixNanos(time), *body);
            cache.apply(ExchangeId::Binance, &tick, UnixNanos(time), |event| {
                black_box(event);
                events += 1;
            });
        }
        events
    })
}

/// The same changes to a book, to the obvious one and to the shallow one.
fn book_passes(
    names: [&'static str; 3],
    whole: &[Level],
    changes: &[Level],
) -> [(&'static str, Pass); 3] {
    let mut book = Book::new();
    book.replace(whole.iter().copied());
    let mut twin = Twin::default();
    whole.iter().for_each(|&level| twin.apply(level));
    let mut flat = Flat::fill(whole);
    for &level in changes {
        book.apply(level);
        twin.apply(level);
        flat.apply(level);
        assert_eq!([book.best_bid(), book.best_ask()], twin.best());
        assert_eq!(flat.best(), twin.best());
    }
    let [own, of_twin, of_flat] = [(); 3].map(|()| changes.to_vec());
    let ours: Pass = Box::new(move || {
        own.iter().for_each(|&level| {
            black_box(book.apply(level));
        });
        black_box(book.best_bid());
        0
    });
    let twins: Pass = Box::new(move || {
        of_twin.iter().for_each(|&level| twin.apply(level));
        black_box(twin.best());
        0
    });
    let flats: Pass = Box::new(move || {
        of_flat.iter().for_each(|&level| flat.apply(level));
        black_box(flat.best());
        0
    });
    let [first, second, third] = names;
    [(first, ours), (second, twins), (third, flats)]
}

fn passes() -> [(&'static str, Pass); PASSES] {
    let mut random = Random(3);
    let near: Vec<Level> = (0..ITEMS).map(|_| random.level()).collect();
    let far = random.comings_and_goings();
    let names = ["book change", "book change, BTreeMap", "book change, one Vec"];
    let [near, near_twin, near_flat] = book_passes(names, &full_book(DEPTH), &near);
    let names = ["deep book change", "deep book change, BTreeMap", "deep book change, one Vec"];
    let [far, far_twin, far_flat] = book_passes(names, &full_book(DEEP), &far);
    [
        near,
        near_twin,
        near_flat,
        far,
        far_twin,
        far_flat,
        ("trade with its seven candles", ticks(trades())),
        ("quote", ticks(quotes())),
        ("level of a book with a view of 10", ticks(levels())),
    ]
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let mut passes = passes();
    let mut group = criterion.benchmark_group("cache");
    group.throughput(Throughput::Elements(ITEMS as u64));
    group.sample_size(20);
    for (name, pass) in &mut passes {
        group.bench_function(*name, |bencher| bencher.iter(&mut *pass));
    }
    group.finish();
    criterion.final_summary();
    if std::env::args().any(|argument| argument == "--bench") {
        summarise(&mut passes);
    }
}

/// Medians of rounds in which the candidates take turns, so that all see the same machine.
fn summarise(passes: &mut [(&'static str, Pass); PASSES]) {
    let mut rounds = [const { Vec::new() }; PASSES];
    for _ in 0..ROUNDS {
        for ((_, pass), times) in passes.iter_mut().zip(&mut rounds) {
            let start = Instant::now();
            black_box(pass());
            times.push(start.elapsed().as_nanos() as f64 / ITEMS as f64);
        }
    }
    let medians = rounds.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[ROUNDS / 2]
    });
    for (what, at) in [("book change", 0), ("deep book change", 3)] {
        let [ours, twin, flat] = [medians[at], medians[at + 1], medians[at + 2]];
        println!(
            "ratio cache {what}: BTreeMap {:.1}x, one Vec {:.1}x \
             (ours {ours:.1} ns, BTreeMap {twin:.1} ns, one Vec {flat:.1} ns)",
            twin / ours,
            flat / ours,
        );
    }
    for ((name, _), median) in passes.iter().zip(medians).skip(6) {
        println!("cache {name}: {median:.1} ns");
    }
}
