//! The counts that a change is compared with: a file of TOML, sorted, one line for each.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde::Deserialize;

/// What a count may grow by: the compiler's layout moves instructions by less.
const GROWTH_PERCENT_MAX: u64 = 3;

/// Counts by their names.
pub(crate) type Counts = BTreeMap<String, u64>;

/// A whole baseline, or what is to become one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Baseline {
    /// What the instructions depend on besides the code.
    pub(crate) made_by: BTreeMap<String, String>,
    /// Of one warm run.
    pub(crate) allocations: Counts,
    /// Of the heap, that one of them holds.
    pub(crate) bytes: Counts,
    /// Of one warm run.
    pub(crate) instructions: Counts,
}

/// How counts differ from a baseline; each line is ready to be read.
#[derive(Debug, Default)]
pub(crate) struct Difference {
    /// More than they may have grown by, new, or gone: the gate fails.
    pub(crate) failures: Vec<String>,
    /// As much less, so that the baseline should be made anew.
    pub(crate) gains: Vec<String>,
    /// What was compared.
    pub(crate) compared: usize,
    /// Why instructions and bytes were not compared: by what they are made differs.
    pub(crate) strangers: Vec<String>,
}

impl Baseline {
    /// Reads a file's text.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    /// The file's text; `items` says of how many frames, ticks or events a subject's run is.
    pub(crate) fn text(&self, items: &BTreeMap<String, usize>) -> String {
        let mut text = String::from(
            "# What `perf/gate` compares with; `perf/gate --update` writes it. perf/README.md.\n",
        );
        text.push_str("\n[made_by]\n");
        for (name, value) in &self.made_by {
            writeln!(text, "{name} = {value:?}").expect("text has room");
        }
        for (section, counts) in self.sections() {
            write!(text, "\n[{section}]\n").expect("text has room");
            for (name, count) in counts {
                write!(text, "{name:?} = {count}").expect("text has room");
                match items.get(name) {
                    Some(&items) if section == "instructions" => {
                        let each = *count as f64 / items as f64;
                        writeln!(text, " # {each:.1} for each of {items}").expect("text has room");
                    }
                    _ => text.push('\n'),
                }
            }
        }
        text
    }

    fn sections(&self) -> [(&'static str, &Counts); 3] {
        [
            ("allocations", &self.allocations),
            ("bytes", &self.bytes),
            ("instructions", &self.instructions),
        ]
    }

    /// How `now` differs. Allocations are the same whatever the compiler.
    pub(crate) fn difference(&self, now: &Self) -> Difference {
        let mut difference = Difference::default();
        for (name, was) in &self.made_by {
            let is = now.made_by.get(name).map_or("unknown", String::as_str);
            if is != was {
                difference.strangers.push(format!("{name}: {is} here, {was} in the baseline"));
            }
        }
        for ((section, was), (_, is)) in self.sections().into_iter().zip(now.sections()) {
            if section == "allocations" || difference.strangers.is_empty() {
                difference.add(section, was, is);
            }
        }
        difference
    }
}

impl Difference {
    fn add(&mut self, section: &str, was: &Counts, is: &Counts) {
        let names: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
        for name in names {
            match (was.get(name), is.get(name)) {
                (Some(&was), Some(&is)) => self.compare(&format!("{section}, {name}"), was, is),
                (None, Some(is)) => {
                    self.failures.push(format!("{section}, {name}: {is}, not in the baseline"));
                }
                (Some(was), None) => {
                    self.failures.push(format!("{section}, {name}: gone, {was} in the baseline"));
                }
                (None, None) => {}
            }
        }
    }

    fn compare(&mut self, what: &str, was: u64, is: u64) {
        self.compared += 1;
        let line = match was {
            0 => format!("{what}: {was} -> {is}"),
            _ => format!("{what}: {was} -> {is}, ratio {:.3}", is as f64 / was as f64),
        };
        if is * 100 > was * (100 + GROWTH_PERCENT_MAX) {
            self.failures.push(line);
        } else if is * (100 + GROWTH_PERCENT_MAX) < was * 100 {
            self.gains.push(line);
        }
    }
}
