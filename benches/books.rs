//! What the proof of a book costs: an event of Kraken with its checksum against the same without,
//! one of OKX as it was in 2022, and a whole book of 46,000 levels.
//!
//! `cargo bench --bench books` ends with nanoseconds per event from medians of interleaved rounds.
//! Changes are drawn near the best price, where checksums look.

#![allow(clippy::print_stdout, reason = "a bench reports on standard output")]
#![allow(clippy::unwrap_used, reason = "a bench fails loudly")]

#[path = "common/book_events.rs"]
mod book_events;
#[path = "common/random.rs"]
mod random;

use std::hint::black_box;
use std::time::Instant;

use tickwire::exchange::ChecksumRule;
use tickwire::proof::{Applied, Books};

use book_events::BookEvents;

const EVENTS: usize = 4_096;
const ROUNDS: usize = 41;

/// The events of one book.
struct Subject(BookEvents);

impl Subject {
    fn new(rule: ChecksumRule, depth: usize, with_checksum: bool) -> Self {
        Self(BookEvents::new((rule, with_checksum), depth, 0..depth as u64, EVENTS))
    }

    /// Nanoseconds per event.
    fn round(&self) -> f64 {
        let mut books = Books::new(self.0.rules);
        let mut out = Vec::with_capacity(4_096);
        let start = Instant::now();
        for (update, levels) in &self.0.events {
            out.clear();
            assert_eq!(books.apply(update, levels, &mut out), Applied::Published);
            black_box(&out);
        }
        start.elapsed().as_nanos() as f64 / self.0.events.len() as f64
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
    let mut books = Books::new(huge.0.rules);
    let mut out = Vec::new();
    let (update, levels) = &huge.0.events[0];
    let times = (0..ROUNDS).map(|_| {
        out.clear();
        let start = Instant::now();
        books.apply(update, levels, &mut out);
        start.elapsed().as_nanos() as f64 / 1e6
    });
    println!("a whole book of 46,000 levels: {:.2} ms", median(times.collect()));
}
