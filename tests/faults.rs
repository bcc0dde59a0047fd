//! Seeds of faults, a few hundred of them; ten thousand are run by
//! `cargo run --release --example faults -- --seeds 10000 --exchange all`.
//!
//! `FAULT_SEEDS` says how many in all, `FAULT_FIRST` which is the first, `FAULT_EXCHANGE` of which
//! exchange alone.

#[path = "faults/mod.rs"]
mod faults;

use faults::{KINDS, Kind, run, run_lies};

/// Seeds over all exchanges.
const SEEDS: u64 = 200;

fn number(name: &str, otherwise: u64) -> u64 {
    let value = std::env::var(name).ok();
    value.map_or(otherwise, |value| value.parse().unwrap_or_else(|_| panic!("{name}: a number")))
}

#[test]
fn whatever_an_exchange_does_clients_are_told_the_truth_and_all_is_repaired() {
    let (seeds, first) = (number("FAULT_SEEDS", SEEDS), number("FAULT_FIRST", 1));
    let kinds: Vec<&'static Kind> = match std::env::var("FAULT_EXCHANGE") {
        Ok(name) => vec![Kind::named(&name).expect("FAULT_EXCHANGE: an exchange")],
        Err(_) => KINDS.iter().collect(),
    };
    let each = seeds.div_ceil(kinds.len() as u64);
    let threads: Vec<_> = kinds
        .into_iter()
        .map(|kind| {
            std::thread::spawn(move || (first..first + each).find_map(|seed| run(kind, seed).err()))
        })
        .collect();
    let failures: Vec<String> = threads
        .into_iter()
        .filter_map(|thread| thread.join().expect("a seed does not panic"))
        .map(|failure| failure.to_string())
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn the_judge_finds_what_no_client_can() {
    let kind = Kind::named("binance").expect("it is among them");
    let failure = run_lies(kind, 1).expect_err("a wrong digit was served as live").to_string();
    assert!(failure.contains("no book that the exchange had"), "{failure}");
    assert!(failure.contains("--exchange binance --first 1 --seeds 1"), "{failure}");
}
