//! From a frame's bytes to ticks: the recognisers against the best use of simd-json's tape and
//! against serde_json with typed, borrowed structs.
//!
//! `cargo bench --bench parse` ends with one line per kind of frame, from medians of interleaved
//! rounds. Frames are generated in the shapes of the wire, 2,048 different ones per kind, so that
//! no branch predictor learns them by heart; recorded ones follow where they are at hand. Every
//! candidate must come to the same checksum before anything is timed.

#![allow(clippy::print_stdout, reason = "a bench reports on standard output")]
#![allow(clippy::unwrap_used, reason = "a bench fails loudly")]
#![allow(missing_docs, reason = "macros of criterion")]

mod binance;
mod bybit;
#[path = "../../tests/common/captures.rs"]
#[allow(dead_code, reason = "tests use the rest")]
mod captures;
mod coinbase;
mod deriv;
mod harness;
mod kinds;
mod kraken;
mod okx;
#[path = "../common/random.rs"]
mod random;

use std::time::Instant;

use criterion::{Criterion, Throughput};
use harness::{CANDIDATES, Candidate, FRAMES_MAX, PaddedText, Subject};

/// Rounds over all frames of a kind, for the medians of the summary.
const ROUNDS: usize = 41;

/// Frames of a round at least; fewer recorded ones are parsed again, as a round of some microseconds
/// would measure what the round before it left in the caches.
const ROUND_FRAMES_MIN: usize = 2_048;

/// Bytes of a round that are enough, however few frames they are.
const ROUND_BYTES_MAX: usize = 1 << 20;

fn main() {
    // glibc hands memory back to the system in every free while its heap is small, and serde_json's
    // lists would pay for it; freeing something large ends that.
    drop(std::hint::black_box(vec![0_u8; 16 << 20]));
    let mut criterion = Criterion::default().configure_from_args();
    let subjects = kinds::subjects();
    for subject in &subjects {
        let mut frames = (subject.frames)(FRAMES_MAX);
        verify(subject, &mut frames);
        measure(&mut criterion, subject, &mut frames);
    }
    criterion.final_summary();
    // As cargo says it; without, it is a test that each subject works.
    if std::env::args().any(|argument| argument == "--bench") {
        subjects.iter().for_each(summarise);
    }
}

/// Every candidate must read every frame to the same ticks.
fn verify(subject: &Subject, frames: &mut [PaddedText]) {
    let sums = CANDIDATES.map(|candidate| (subject.contender)(candidate).checksum(frames));
    assert!(sums.iter().all(|sum| *sum == sums[0]), "{}: {sums:?}", subject.name);
}

fn measure(criterion: &mut Criterion, subject: &Subject, frames: &mut [PaddedText]) {
    let mut group = criterion.benchmark_group(&subject.name);
    group.throughput(Throughput::Elements(frames.len() as u64));
    group.sample_size(20);
    for candidate in CANDIDATES {
        let mut parser = (subject.contender)(candidate);
        group.bench_function(candidate.name(), |bencher| bencher.iter(|| parser.run(frames)));
    }
    group.finish();
}

/// Medians of rounds in which the candidates take turns, so that all see the same machine.
fn summarise(subject: &Subject) {
    let mut frames = (subject.frames)(FRAMES_MAX);
    let mut parsers = CANDIDATES.map(|candidate| (subject.contender)(candidate));
    let mut rounds = CANDIDATES.map(|_| Vec::with_capacity(ROUNDS));
    let bytes: usize = frames.iter().map(|frame| frame.length).sum();
    let enough = ROUND_FRAMES_MIN.div_ceil(frames.len());
    let again = enough.min(ROUND_BYTES_MAX / bytes).max(1);
    for _ in 0..ROUNDS {
        for (parser, times) in parsers.iter_mut().zip(&mut rounds) {
            let start = Instant::now();
            for _ in 0..again {
                parser.run(&mut frames);
            }
            times.push(start.elapsed().as_nanos() as f64 / (again * frames.len()) as f64);
        }
    }
    let medians = rounds.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[ROUNDS / 2]
    });
    let of = |candidate: Candidate| medians[candidate as usize];
    let own = of(Candidate::Recogniser);
    println!(
        "ratio {}: serde_json {:.1}x, simd-json tape {:.1}x (recogniser {own:.1} ns, tape {:.0} ns, \
         serde_json {:.0} ns; {} frames of {} B)",
        subject.name,
        of(Candidate::SerdeJson) / own,
        of(Candidate::Tape) / own,
        of(Candidate::Tape),
        of(Candidate::SerdeJson),
        frames.len(),
        bytes / frames.len(),
    );
}
