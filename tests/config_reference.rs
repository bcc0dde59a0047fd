//! docs/CONFIG.md and tickwire.example.toml say what the program does: both are made of the list of
//! keys that it reads by. `UPDATE_DOCS=1 cargo test --test config_reference` writes them anew.

use std::fs;
use std::path::Path;

use tickwire::config::{Config, effective, example, reference};
use tickwire::latency::{Quantile, Span};

fn holds(name: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, expected).expect("it can be written");
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "{name} is not what the keys say: UPDATE_DOCS=1 writes it anew");
}

#[test]
fn the_reference_is_that_of_the_keys() {
    holds("docs/CONFIG.md", &reference());
}

/// Whoever reads a key of the configuration accepts it, so that the page has to name it.
#[test]
fn a_budget_that_is_accepted_is_named() {
    for span in Span::ALL {
        for quantile in Quantile::ALL {
            let key = format!("{}_{}", span.name(), quantile.name());
            let feed = "[[feed]]\nexchange = \"binance\"\nsymbols = [\"BTC/USDT\"]\n";
            let text = format!("{feed}[budget]\n{key} = 50\n");
            let is_accepted = Config::parse(&text, None, []).is_ok();
            let page = reference();
            let budget = page.split("## `[budget]`").nth(1).expect("it has its section");
            let is_named = [span.name(), quantile.name()]
                .iter()
                .all(|name| budget.contains(&format!("`{name}`")));
            assert_eq!(is_accepted, is_named, "{key}");
        }
    }
}

#[test]
fn the_example_is_that_of_the_keys() {
    holds("tickwire.example.toml", &example());
}

#[test]
fn the_example_says_what_holds_without_it() {
    let parsed = Config::parse(&example(), None, []).expect("the example is valid");
    let minimal = "[[feed]]\nexchange = \"binance\"\nsymbols = [\"BTC/USDT\", \"ETH/USDT\"]\n";
    let minimal = Config::parse(minimal, None, []).expect("valid");
    assert_eq!(effective(&parsed), effective(&minimal));
}

#[test]
fn the_example_with_everything_uncommented_is_of_known_keys() {
    let lines = example();
    let is_name = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let uncommented = lines.lines().map(|line| match line.strip_prefix("# ") {
        Some(key)
            if !key.contains("pem")
                && key.split_once(" = ").is_some_and(|(name, _)| is_name(name)) =>
        {
            key
        }
        _ => line,
    });
    let text: Vec<&str> = uncommented.filter(|line| !line.starts_with("socket_to")).collect();
    let text = text.join("\n");
    Config::parse(&text, None, []).unwrap_or_else(|error| panic!("{error}\n{text}"));
}
