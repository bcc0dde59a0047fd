//! What the fuzz targets call. `tests/fuzz_corpus.rs` replays the corpora through the same
//! functions, so that `cargo test` runs every input that was ever interesting.
//!
//! A target asserts something: that two ways of reading agree, that what was read can be written
//! and read again, that an error leaves nothing behind. Not to crash is the least.

mod coinbase;
mod configs;
mod decimals;
mod frames;
mod okx;

pub use crate::dialect::fuzzing::request as client_request;
pub use crate::net::fuzzing::frames as frame;
pub use coinbase::{coinbase_parse, coinbase_rest};
pub use configs::config;
pub use decimals::decimal;
pub use frames::{
    binance_parse, binance_rest, bybit_parse, bybit_rest, capture, deriv_parse, kraken_parse,
};
pub use okx::{okx_parse, okx_rest};

/// A target's name, and what it does with an input.
pub type Target = (&'static str, fn(&[u8]));

/// Every target by the name of its file in `fuzz/fuzz_targets` and its folder in `fuzz/corpus`.
pub const TARGETS: &[Target] = &[
    ("binance_parse", binance_parse),
    ("binance_rest", binance_rest),
    ("bybit_parse", bybit_parse),
    ("bybit_rest", bybit_rest),
    ("capture", capture),
    ("client_request", client_request),
    ("coinbase_parse", coinbase_parse),
    ("coinbase_rest", coinbase_rest),
    ("config", config),
    ("decimal", decimal),
    ("deriv_parse", deriv_parse),
    ("frame", frame),
    ("kraken_parse", kraken_parse),
    ("okx_parse", okx_parse),
    ("okx_rest", okx_rest),
];
