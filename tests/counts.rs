//! The verdict of `perf/gate` on given counts.

#[path = "../perf/counts/baseline.rs"]
mod baseline;

use std::collections::BTreeMap;

use baseline::{Baseline, Difference};

const SUBJECT: &str = "parse \"odd\" kind";

/// A baseline of one subject.
fn counted(instructions: u64, allocations: u64) -> Baseline {
    Baseline {
        made_by: BTreeMap::from([("rustc".to_owned(), "rustc 1.95.0".to_owned())]),
        allocations: BTreeMap::from([(SUBJECT.to_owned(), allocations)]),
        bytes: BTreeMap::from([("idle client".to_owned(), 2_000)]),
        instructions: BTreeMap::from([(SUBJECT.to_owned(), instructions)]),
    }
}

fn lines(difference: &Difference) -> [usize; 3] {
    [difference.failures.len(), difference.gains.len(), difference.strangers.len()]
}

#[test]
fn three_percent_more_is_borne_and_the_next_instruction_is_not() {
    let before = counted(1_000, 0);
    let differs = |now| lines(&before.difference(&counted(now, 0)));
    assert_eq!(differs(1_030), [0, 0, 0]);
    assert_eq!(differs(1_031), [1, 0, 0]);
    assert_eq!(differs(971), [0, 0, 0]);
    assert_eq!(differs(970), [0, 1, 0]);
}

#[test]
fn one_allocation_where_there_was_none_is_too_many() {
    let difference = counted(1_000, 0).difference(&counted(1_000, 1));
    assert_eq!(difference.failures, [format!("allocations, {SUBJECT}: 0 -> 1")]);
}

#[test]
fn what_is_new_or_gone_fails_until_the_baseline_knows() {
    let (mut before, mut now) = (counted(1_000, 0), counted(1_000, 0));
    before.bytes.insert("gone".to_owned(), 1);
    now.bytes.insert("new".to_owned(), 1);
    assert_eq!(lines(&before.difference(&now)), [2, 0, 0]);
}

#[test]
fn another_compiler_is_told_and_only_allocations_are_compared() {
    let before = counted(1_000, 0);
    let mut now = counted(2_000, 1);
    now.made_by.insert("rustc".to_owned(), "rustc 1.96.0".to_owned());
    let difference = before.difference(&now);
    assert_eq!(difference.strangers, ["rustc: rustc 1.96.0 here, rustc 1.95.0 in the baseline"]);
    assert_eq!((difference.failures.len(), difference.compared), (1, 1));
}

#[test]
fn a_baseline_is_read_as_it_was_written() {
    let baseline = counted(1_000, 0);
    let items = BTreeMap::from([(SUBJECT.to_owned(), 64)]);
    let text = baseline.text(&items);
    assert!(text.contains("\"parse \\\"odd\\\" kind\" = 1000 # 15.6 for each of 64\n"), "{text}");
    assert_eq!(Baseline::read(&text), Ok(baseline));
}

#[test]
fn the_committed_baseline_is_sorted_and_allocates_nothing() {
    let text = include_str!("../perf/counts/baseline.toml");
    let baseline = Baseline::read(text).expect("it is a baseline");
    let counts = |text: &str| -> Vec<String> {
        let line = |line: &str| line.split(" #").next().unwrap_or_default().to_owned();
        text.lines().skip(1).map(line).collect()
    };
    assert_eq!(counts(text), counts(&baseline.text(&BTreeMap::new())));
    assert!(baseline.allocations.values().all(|&count| count == 0));
    assert_eq!(baseline.allocations.len(), baseline.instructions.len());
}
