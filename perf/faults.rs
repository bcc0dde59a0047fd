//! Seeds of faults by the thousand: does a client of an exchange that misbehaves ever see anything
//! wrong?
//!
//! `cargo run --release --example faults -- [--exchange NAME|all] [--seeds N] [--first N] [--trace] [--keep-going]`
//!
//! What is run and judged is told in `tests/faults/mod.rs`. Ends with 1 when a seed fails, with the
//! command that runs it again; the first of an exchange is its last unless it is to keep going.

#![allow(clippy::print_stdout, reason = "what it prints is its result")]

#[path = "../tests/faults/mod.rs"]
mod faults;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, bail};
use faults::{KINDS, Kind, Report, run};

struct Options {
    kinds: Vec<&'static Kind>,
    seeds: u64,
    first: u64,
    trace: bool,
    keep_going: bool,
}

fn main() -> anyhow::Result<ExitCode> {
    let options = options()?;
    let each = options.seeds.div_ceil(options.kinds.len() as u64);
    let mut failed = false;
    for kind in options.kinds {
        let begun = Instant::now();
        let mut sum = Report::default();
        for seed in options.first..options.first + each {
            match run(kind, seed) {
                Ok((report, trace)) => {
                    sum += report;
                    if options.trace {
                        trace.iter().for_each(|line| println!("{line}"));
                    }
                }
                Err(failure) => {
                    println!("{failure}");
                    failed = true;
                    if !options.keep_going {
                        break;
                    }
                }
            }
        }
        let Report { faults, trades, books, resyncs, virtual_seconds } = sum;
        println!(
            "{}: {each} seeds in {:.1} s, {virtual_seconds} s of theirs: {faults} faults, {trades} \
             trades, {books} events of books, {resyncs} times live",
            kind.name,
            begun.elapsed().as_secs_f64(),
        );
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn options() -> anyhow::Result<Options> {
    let mut options = Options {
        kinds: KINDS.iter().collect(),
        seeds: 1_000,
        first: 1,
        trace: false,
        keep_going: false,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        if name == "--trace" {
            options.trace = true;
            continue;
        }
        if name == "--keep-going" {
            options.keep_going = true;
            continue;
        }
        let value = arguments.next().with_context(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--exchange" if value == "all" => {}
            "--exchange" => {
                let kind = Kind::named(&value).with_context(|| format!("no exchange {value}"))?;
                options.kinds = vec![kind];
            }
            "--seeds" => options.seeds = value.parse()?,
            "--first" => options.first = value.parse()?,
            _ => bail!("{name}: use --exchange, --seeds, --first, --trace or --keep-going"),
        }
    }
    Ok(options)
}
