//! Coinbase: the Exchange and Advanced Trade.

use serde_json::{Value, json};
use tickwire::instrument::ExchangeId;

use crate::checks::{self, Case, Instrument, Side};

const INSTRUMENTS: &[Instrument] =
    &[Instrument::of("BTC-USD", "BTC/USD"), Instrument::of("PEPE-USD", "PEPE/USD")];

/// ccxt subscribes to books with a login, which is made up.
fn exchange_config(rest: &str, socket: &str) -> Value {
    json!({
        "urls": {"api": {"public": rest, "ws": socket}},
        "apiKey": "key", "secret": "c2VjcmV0", "password": "phrase",
    })
}

#[test]
fn exchange() {
    checks::run(&Case {
        depths: [usize::MAX; 2],
        without_sizes: &["fetch_tickers", "fetch_ticker"],
        with_account: &[],
        ..Case::new(ExchangeId::Coinbase, "coinbaseexchange", exchange_config, INSTRUMENTS)
    });
}

fn advanced_config(rest: &str, socket: &str) -> Value {
    json!({"urls": {"api": {"rest": rest, "ws": socket}}})
}

#[test]
fn advanced() {
    checks::run(&Case {
        side: Side::Maker,
        without_sizes: &["fetch_ticker"],
        with_account: &["fetchBidsAsks"],
        ..Case::new(ExchangeId::CoinbaseAdvanced, "coinbase", advanced_config, INSTRUMENTS)
    });
}
