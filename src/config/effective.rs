//! The effective configuration as TOML, defaults filled in: what `check` prints. No secret is
//! ever part of it.

use std::fmt::Write as _;

use toml::{Table, Value};

use super::Config;
use super::keys::{SECTIONS, Section};

/// The configuration as a file that would give it.
pub fn effective(config: &Config) -> String {
    let mut text = String::new();
    for section in SECTIONS {
        match config.table.get(section.name) {
            Some(Value::Array(tables)) => {
                let tables = tables.iter().filter_map(Value::as_table);
                tables.for_each(|table| section_lines(&mut text, section, table));
            }
            Some(Value::Table(table)) => section_lines(&mut text, section, table),
            _ => {}
        }
    }
    if !config.budget.allowances().is_empty() {
        text.push_str("# Microseconds.\n[budget]\n");
    }
    // Writing into a String does not fail, here and below.
    for allowance in config.budget.allowances() {
        let (span, quantile) = (allowance.span.name(), allowance.quantile.name());
        let _ = writeln!(text, "{span}_{quantile} = {:?}", allowance.nanos as f64 / 1e3);
    }
    text
}

/// One table with its keys in the order of the reference; those of an inline table stand together.
fn section_lines(text: &mut String, section: &Section, table: &Table) {
    let _ = match section.repeats {
        true => writeln!(text, "[[{}]]", section.name),
        false => writeln!(text, "[{}]", section.name),
    };
    let mut names: Vec<&str> = section.keys.iter().map(|key| key.outer_name()).collect();
    names.dedup();
    for name in names {
        if let Some(value) = table.get(name) {
            let _ = writeln!(text, "{name} = {value}");
        }
    }
    text.push('\n');
}
