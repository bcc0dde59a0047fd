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

mod candidates;
#[path = "../../tests/common/captures.rs"]
#[allow(dead_code, reason = "tests use the rest")]
mod captures;
mod frames;

use std::time::Instant;

use candidates::{CANDIDATES, Candidate, Parser};
use criterion::{Criterion, Throughput};
use frames::{Corpus, generated, recorded};

/// Rounds over all frames of a kind, for the medians of the summary.
const ROUNDS: usize = 41;

fn main() {
    // glibc hands memory back to the system in every free while its heap is small, and serde_json's
    // lists would pay for it; freeing something large ends that.
    drop(std::hint::black_box(vec![0_u8; 16 << 20]));
    let mut criterion = Criterion::default().configure_from_args();
    let mut corpora = generated();
    corpora.extend(recorded());
    for corpus in &mut corpora {
        verify(corpus);
        measure(&mut criterion, corpus);
    }
    criterion.final_summary();
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    for corpus in &mut corpora {
        summarise(corpus);
    }
}

/// Every candidate must read every frame to the same ticks.
fn verify(corpus: &mut Corpus) {
    let sums = CANDIDATES.map(|candidate| Parser::new(candidate, corpus).checksum(corpus));
    assert!(sums.iter().all(|sum| *sum == sums[0]), "{}: {sums:?}", corpus.name);
}

fn measure(criterion: &mut Criterion, corpus: &mut Corpus) {
    let mut group = criterion.benchmark_group(&corpus.name);
    group.throughput(Throughput::Elements(corpus.frames.len() as u64));
    group.sample_size(20);
    for candidate in CANDIDATES {
        let mut parser = Parser::new(candidate, corpus);
        group.bench_function(candidate.name(), |bencher| bencher.iter(|| parser.run(corpus)));
    }
    group.finish();
}

/// Medians of rounds in which the candidates take turns, so that all see the same machine.
fn summarise(corpus: &mut Corpus) {
    let mut parsers = CANDIDATES.map(|candidate| Parser::new(candidate, corpus));
    let mut rounds = CANDIDATES.map(|_| Vec::with_capacity(ROUNDS));
    for _ in 0..ROUNDS {
        for (parser, times) in parsers.iter_mut().zip(&mut rounds) {
            let start = Instant::now();
            parser.run(corpus);
            times.push(start.elapsed().as_nanos() as f64 / corpus.frames.len() as f64);
        }
    }
    let medians = rounds.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[ROUNDS / 2]
    });
    let of = |candidate: Candidate| medians[candidate as usize];
    let own = of(Candidate::Recogniser);
    let bytes: usize = corpus.frames.iter().map(|frame| frame.length).sum();
    println!(
        "ratio {}: serde_json {:.1}x, simd-json tape {:.1}x (recogniser {own:.1} ns, tape {:.0} ns, \
         serde_json {:.0} ns; {} frames of {} B)",
        corpus.name,
        of(Candidate::SerdeJson) / own,
        of(Candidate::Tape) / own,
        of(Candidate::Tape),
        of(Candidate::SerdeJson),
        corpus.frames.len(),
        bytes / corpus.frames.len(),
    );
}
