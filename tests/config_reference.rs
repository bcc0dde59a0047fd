//! docs/CONFIG.md and tickwire.example.toml say what the program does: both are made of the list of
//! keys that it reads by. `UPDATE_DOCS=1 cargo test --test config_reference` writes them anew.

use std::fs;
use std::path::Path;

use tickwire::config::{Config, effective, example, reference};

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
