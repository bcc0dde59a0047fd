//! Puts the counts together and compares them with the baseline, or makes them the baseline.

use std::collections::BTreeMap;
use std::process::{Command, exit};

use serde_json::Value;

use crate::baseline::{Baseline, Counts, Difference};
use crate::counting::allocations;
use crate::held::held;
use crate::subjects::subjects;

/// `judge INSTRUCTIONS BASELINE [--update]`: a file of gungraun's summaries and the baseline. Exit 1
/// when a count is over.
pub(crate) fn judge(arguments: &[String]) {
    let [instructions, file, rest @ ..] = arguments else {
        panic!("judge INSTRUCTIONS BASELINE [--update]");
    };
    let names: Vec<String> = subjects().into_iter().map(|subject| subject.name).collect();
    let (allocations, items) = counted_here();
    let now = Baseline {
        made_by: made_by(),
        allocations,
        bytes: held().map(|(name, bytes)| (name.to_owned(), bytes)).into(),
        instructions: instructions_of(&std::fs::read_to_string(instructions).unwrap(), &names),
    };
    let is_update = rest.iter().any(|argument| argument == "--update");
    let before = std::fs::read_to_string(file).map_err(|error| error.to_string());
    let difference = match before.and_then(|text| Baseline::read(&text)) {
        Ok(before) => before.difference(&now),
        Err(_) if is_update => Difference::default(),
        Err(error) => panic!("{file}: {error}; perf/gate --update makes it anew"),
    };
    report(&difference);
    if is_update {
        std::fs::write(file, now.text(&items)).unwrap();
        println!("the baseline is what was counted now; the commit's text says why it differs");
    } else if !difference.failures.is_empty() {
        exit(1);
    }
}

/// Allocations of every subject's warm run, and of how many frames, ticks or events that is.
fn counted_here() -> (Counts, BTreeMap<String, usize>) {
    let (mut counts, mut items) = (Counts::new(), BTreeMap::new());
    for subject in subjects() {
        let name = subject.name.clone();
        let mut prepared = subject.prepare();
        let before = allocations();
        (prepared.run)();
        let made = allocations() - before;
        items.insert(name.clone(), prepared.items);
        counts.insert(name, made);
    }
    (counts, items)
}

/// What the instructions depend on.
fn made_by() -> BTreeMap<String, String> {
    let libc = Command::new("getconf").arg("GNU_LIBC_VERSION").output();
    let libc = libc.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    [
        ("rustc", env!("COUNTS_RUSTC").to_owned()),
        ("target", env!("COUNTS_TARGET").to_owned()),
        ("target_cpu", env!("COUNTS_TARGET_CPU").to_owned()),
        ("vectors", vectors().to_owned()),
        // Its copying of memory is part of what is counted.
        ("libc", libc.unwrap_or_default()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// What memchr, simd-json and libc choose their loops by; Callgrind shows the program no more.
fn vectors() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        return "avx2";
    }
    "the target's"
}

/// The instructions that gungraun tells, one benchmark a line, by the subjects' names.
fn instructions_of(text: &str, names: &[String]) -> Counts {
    let counts: Counts = text.lines().map(|line| instructions_of_one(line, names)).collect();
    assert_eq!(counts.len(), names.len(), "every subject is counted once");
    counts
}

fn instructions_of_one(line: &str, names: &[String]) -> (String, u64) {
    let summary: Value = serde_json::from_str(line).unwrap();
    let place = summary["id"].as_str().and_then(|id| id.rsplit('_').next()?.parse::<usize>().ok());
    let metric = &summary["profiles"][0]["data"]["total"]["metrics"];
    let count = metric["Ir"]["values"]["new"].as_u64();
    match (place.and_then(|place| names.get(place)), count) {
        (Some(name), Some(count)) => (name.clone(), count),
        _ => panic!("gungraun tells it otherwise than 0.20 does: {line}"),
    }
}

fn report(difference: &Difference) {
    for line in &difference.gains {
        println!("less: {line}");
    }
    for line in &difference.failures {
        println!("OVER: {line}");
    }
    if !difference.strangers.is_empty() {
        println!("\n!! NOT COMPARED: instructions and bytes, as these were made by others.");
        difference.strangers.iter().for_each(|line| println!("!!   {line}"));
        println!("!! `perf/gate --update` here, on a commit whose counts are known to be good,");
        println!("!! makes a baseline of this machine's.\n");
    }
    let Difference { compared, failures, gains, .. } = difference;
    println!("{compared} counts compared: {} over, {} less", failures.len(), gains.len());
}
