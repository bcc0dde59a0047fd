//! What the proof of a book costs: an event of Kraken with its checksum against the same without,
//! one of OKX as it was in 2022, and a whole book of 46,000 levels.
//!
//! `cargo bench --bench books` ends with nanoseconds per event from medians of interleaved rounds.
//! Changes are drawn near the best price, where checksums look.

#![allow(clippy::print_stdout, reason = "a bench reports on standard output")]
#![allow(clippy::unwrap_used, reason = "a bench fails loudly")]

#[path = "common/random.rs"]
mod random;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

use tickwire::clock::UnixNanos;
use tickwire::exchange::{
    BookKind, BookRules, BookUpdate, ChecksumRule, Continuity, DEPTH_FULL, SnapshotSource,
};
use tickwire::instrument::InstrumentId;
use tickwire::proof::{Applied, Books};
use tickwire::tick::{Decimal, Level, Side};

use random::Random;

const ID: InstrumentId = InstrumentId(0);
const EVENTS: usize = 4_096;
const ROUNDS: usize = 41;
const MIDDLE: i64 = 650_000;

/// Levels by their distance from the middle, the best first.
type Twin = [BTreeMap<i64, i64>; 2];

fn level(side: usize, distance: i64, size: i64) -> Level {
    let price = if side == 0 { MIDDLE - distance } else { MIDDLE + 1 + distance };
    Level {
        side: [Side::Bid, Side::Ask][side],
        price: Decimal::new(price, 1).unwrap(),
        size: Decimal::new(size, 8).unwrap(),
    }
}

fn levels(twin: &Twin) -> Vec<Level> {
    let of = |side: usize| twin[side].iter().map(move |(&at, &size)| level(side, at, size));
    of(0).chain(of(1)).collect()
}

fn checksum(rule: ChecksumRule, twin: &Twin) -> u32 {
    let text = |side: usize, (at, size): (&i64, &i64)| {
        let level = level(side, *at, *size);
        match rule {
            ChecksumRule::Kraken => format!("{}{}", level.price.mantissa(), level.size.mantissa()),
            ChecksumRule::Okx => format!("{}:{}", level.price, level.size),
        }
    };
    let of = |side: usize, count| twin[side].iter().take(count).map(move |one| text(side, one));
    match rule {
        ChecksumRule::Kraken => {
            let all: String = of(1, 10).chain(of(0, 10)).collect();
            crc32fast::hash(all.as_bytes())
        }
        ChecksumRule::Okx => {
            let (bids, asks): (Vec<_>, Vec<_>) = (of(0, 25).collect(), of(1, 25).collect());
            let pairs = (0..25).flat_map(|row| [bids.get(row), asks.get(row)]);
            let all: Vec<_> = pairs.flatten().map(String::as_str).collect();
            crc32fast::hash(all.join(":").as_bytes())
        }
    }
}

/// The events of one book.
struct Subject {
    rules: BookRules,
    events: Vec<(BookUpdate, Vec<Level>)>,
}

impl Subject {
    fn new(rule: ChecksumRule, depth: usize, with_checksum: bool) -> Self {
        let mut random = Random(7);
        let mut twin = Twin::default();
        for side in &mut twin {
            side.extend((0..depth as i64).map(|at| (at, 1_000_000 + at)));
        }
        let depth_kept = if rule == ChecksumRule::Kraken { depth as u32 } else { DEPTH_FULL };
        let update = |kind, twin: &Twin| BookUpdate {
            instrument: ID,
            kind,
            exchange_time: UnixNanos::NONE,
            first_id: None,
            last_id: None,
            previous_id: None,
            checksum: with_checksum.then(|| checksum(rule, twin)),
            precision: None,
            depth: depth_kept,
            levels: 0..0,
        };
        let mut events = vec![(update(BookKind::Snapshot, &twin), levels(&twin))];
        for _ in 0..EVENTS {
            let side = random.below(2) as usize;
            let at = random.below(depth as u64) as i64;
            let size = 1 + random.below(1_000_000_000) as i64;
            // A third removes a level and brings it back at once, with another size.
            let mut event = vec![level(side, at, size)];
            if random.below(3) == 0 {
                event.insert(0, level(side, at, 0));
            }
            twin[side].insert(at, size);
            events.push((update(BookKind::Delta, &twin), event));
        }
        let rules = BookRules {
            continuity: Continuity::None,
            snapshot: SnapshotSource::Stream,
            checksum: Some(rule),
        };
        Self { rules, events }
    }

    /// Nanoseconds per event.
    fn round(&self) -> f64 {
        let mut books = Books::new(self.rules);
        let mut out = Vec::with_capacity(4_096);
        let start = Instant::now();
        for (update, levels) in &self.events {
            out.clear();
            assert_eq!(books.apply(update, levels, &mut out), Applied::Published);
            black_box(&out);
        }
        start.elapsed().as_nanos() as f64 / self.events.len() as f64
    }
}

fn median(mut rounds: Vec<f64>) -> f64 {
    rounds.sort_by(f64::total_cmp);
    rounds[rounds.len() / 2]
}

fn main() {
    let subjects = [
        ("Kraken, depth 10, without checksum", Subject::new(ChecksumRule::Kraken, 10, false)),
        ("Kraken, depth 10", Subject::new(ChecksumRule::Kraken, 10, true)),
        ("Kraken, depth 100, without checksum", Subject::new(ChecksumRule::Kraken, 100, false)),
        ("Kraken, depth 100", Subject::new(ChecksumRule::Kraken, 100, true)),
        ("OKX, 400 levels, without checksum", Subject::new(ChecksumRule::Okx, 400, false)),
        ("OKX, 400 levels", Subject::new(ChecksumRule::Okx, 400, true)),
    ];
    let mut rounds = vec![Vec::new(); subjects.len()];
    for _ in 0..ROUNDS {
        for (subject, rounds) in subjects.iter().zip(&mut rounds) {
            rounds.push(subject.1.round());
        }
    }
    for ((name, _), rounds) in subjects.iter().zip(rounds) {
        println!("{name}: {:.0} ns per event", median(rounds));
    }
    let huge = Subject::new(ChecksumRule::Kraken, 23_000, false);
    let mut books = Books::new(huge.rules);
    let mut out = Vec::new();
    let (update, levels) = &huge.events[0];
    let times = (0..ROUNDS).map(|_| {
        out.clear();
        let start = Instant::now();
        books.apply(update, levels, &mut out);
        start.elapsed().as_nanos() as f64 / 1e6
    });
    println!("a whole book of 46,000 levels: {:.2} ms", median(times.collect()));
}
