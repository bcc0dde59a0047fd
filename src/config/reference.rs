//! docs/CONFIG.md and tickwire.example.toml, written from the keys. `tests/config_reference.rs`
//! compares the files with what is made here.

use std::fmt::Write as _;

use super::key::{Fallback, Key};
use super::keys::SECTIONS;
use crate::latency::{Quantile, Span};

const REFERENCE_HEAD: &str = "\
# Configuration

One TOML file: `tickwire run --config FILE`; `tickwire check --config FILE` prints what it amounts
to, and what memory it takes. [tickwire.example.toml](../tickwire.example.toml) is a file with every
key. This page and that file are made of the same list as the program that reads them:
`UPDATE_DOCS=1 cargo test --test config_reference` writes both.

- Every key has a variable of the environment that beats the file. A list is written there as
  `BTC/USDT,ETH/USDT` or as TOML. Feeds are counted from 0 in the order of the file: `N` in a name
  below. `WS_PORT` sets the port of `gateway.listen` alone. `TICKWIRE_LOG` (`info`, `debug`, …) says
  what is logged and is no key.
- Unknown keys and variables are errors, and so is a value that does not fit. The message names the
  field, the value and what would be right.
- A size is a number of bytes, or a text with a unit: `\"64MiB\"` (KiB, MiB, GiB).
- A reload (SIGHUP, or any change with `run --watch-config`) can add and remove feeds and change the
  keys marked so; a file that changes anything else is refused whole.
";

/// docs/CONFIG.md.
pub fn reference() -> String {
    let mut text = REFERENCE_HEAD.to_owned();
    for section in SECTIONS {
        let (open, close) = if section.repeats { ("[[", "]]") } else { ("[", "]") };
        // Writing into a String does not fail, here and below.
        let _ = write!(text, "\n## `{open}{}{close}`\n\n{}\n", section.name, section.meaning);
        text.push_str(
            "\n| key | type | default | values | what it does |\n|---|---|---|---|---|\n",
        );
        for key in section.keys {
            let _ = writeln!(
                text,
                "| `{}`<br>`{}` | {} | {} | {} | {}{} |",
                key.name,
                key.variable("N"),
                kind(key),
                fallback(key),
                cell(&key.kind.range()),
                cell(key.meaning.trim()),
                if key.reloads { " *A reload can change it.*" } else { "" },
            );
        }
    }
    text.push_str(&budget());
    text
}

/// The section whose keys are made of two words.
fn budget() -> String {
    let spans = Span::ALL.map(|span| format!("`{}`", span.name()));
    let quantiles = Quantile::ALL.map(|quantile| format!("`{}`", quantile.name()));
    format!(
        "\n## `[budget]`\n\nHow long the stages of an event's path may take, in microseconds: \
         `socket_to_ring_p99 = 20`. Windows of ten\nseconds that are over it are counted, and the \
         report at the end judges by it. Without the section that of\n\
         [perf/budget.toml](../perf/budget.toml) counts. A key is a span and a quantile; \
         `TICKWIRE_BUDGET_SOCKET_TO_RING_P99`\nsets one and leaves the others as they are.\n\nSpans: {}. Quantiles: {}.\n",
        spans.join(", "),
        quantiles.join(", ")
    )
}

fn kind(key: &Key) -> String {
    match key.unit {
        "" => key.kind.name().to_owned(),
        unit => format!("{}, {unit}", key.kind.name()),
    }
}

fn fallback(key: &Key) -> String {
    match key.fallback {
        Fallback::Is(text) => format!("`{text}`"),
        Fallback::Says(words, _) => words.to_owned(),
        Fallback::Required(example) => format!("required, like `{example}`"),
    }
}

/// A text that a table of Markdown holds.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

const EXAMPLE_HEAD: &str = "\
# Every key of tickwire with its default. What stands behind a # is optional and has no value of
# its own; the lines above each key say what it does. docs/CONFIG.md has the ranges.
";

/// tickwire.example.toml.
pub fn example() -> String {
    let mut text = EXAMPLE_HEAD.to_owned();
    for section in SECTIONS {
        let (open, close) = if section.repeats { ("[[", "]]") } else { ("[", "]") };
        let _ = write!(text, "\n# {}\n{open}{}{close}\n", section.meaning, section.name);
        section.keys.iter().for_each(|key| example_key(&mut text, key));
    }
    text.push_str(
        "\n# Microseconds that the stages of an event's path may take, by span and quantile.\n\
         # [budget]\n# socket_to_ring_p99 = 2000\n",
    );
    text
}

fn example_key(text: &mut String, key: &Key) {
    for line in wrapped(key.meaning.trim(), 94) {
        let _ = writeln!(text, "# {line}");
    }
    let _ = match key.fallback {
        Fallback::Is(value) | Fallback::Required(value) => writeln!(text, "{} = {value}", key.name),
        Fallback::Says(words, value) => {
            writeln!(text, "# {} = {value}   # otherwise: {}", key.name, words.replace('`', ""))
        }
    };
}

/// The text in lines of at most so many letters.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
