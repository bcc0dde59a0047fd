//! What the path of a tick costs in instructions, allocations and bytes: the same on every run, so that
//! a change of 3 % shows where times would need an idle machine and an hour.
//!
//! `perf/gate` runs it: instructions by gungraun, which starts this program under Callgrind once for
//! each subject, then `judge`, which counts the rest and compares all with `baseline.toml`.

#![allow(clippy::print_stdout, reason = "it reports on standard output")]
#![allow(clippy::unwrap_used, reason = "it fails loudly")]

mod baseline;
#[path = "../../benches/parse/binance/mod.rs"]
mod binance;
#[path = "../../benches/common/book_events.rs"]
mod book_events;
#[path = "../../benches/parse/bybit/mod.rs"]
mod bybit;
mod captures;
mod clients;
#[path = "../../benches/parse/coinbase/mod.rs"]
mod coinbase;
#[path = "../../tests/common/counting.rs"]
mod counting;
#[path = "../../benches/parse/deriv/mod.rs"]
mod deriv;
#[path = "../../benches/common/events.rs"]
mod events;
#[path = "../../benches/parse/harness.rs"]
#[allow(dead_code, reason = "the bench compares more")]
mod harness;
mod held;
mod judge;
#[path = "../../benches/parse/kinds.rs"]
mod kinds;
#[path = "../../benches/parse/kraken/mod.rs"]
mod kraken;
#[path = "../../benches/parse/okx/mod.rs"]
mod okx;
#[path = "../../benches/common/random.rs"]
mod random;
mod subjects;

/// What gungraun counts.
mod instructions {
    use std::ops::Range;

    use gungraun::prelude::*;

    use crate::subjects::{Run, subjects};

    /// The places of all subjects in their list.
    fn places() -> Range<usize> {
        0..subjects().len()
    }

    fn prepare(place: usize) -> Run {
        subjects().swap_remove(place).prepare().run
    }

    #[library_benchmark]
    #[benches::of(iter = places(), setup = prepare)]
    fn counted(run: Run) -> Run {
        let mut run = run;
        run();
        run
    }

    library_benchmark_group!(name = all, benchmarks = counted);

    main!(library_benchmark_groups = all);

    /// Counts all of them, or, started by gungraun itself, one.
    pub(crate) fn run() {
        main();
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    match arguments.next().as_deref() {
        Some("judge") => judge::judge(&arguments.collect::<Vec<_>>()),
        _ => instructions::run(),
    }
}
