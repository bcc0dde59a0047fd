//! Kraken.

use serde_json::{Value, json};
use tickwire::instrument::ExchangeId;

use crate::checks::{self, Best, Case, Digits, Instrument};

/// Its addresses of requests are told apart by the paths that ccxt adds.
fn config(rest: &str, socket: &str) -> Value {
    json!({"urls": {"api": {
        "public": rest,
        "ws": {"publicV2": format!("{socket}/v2")},
    }}})
}

#[test]
fn spot() {
    const INSTRUMENTS: &[Instrument] = &[
        Instrument { id: "XXBTZUSD", ..Instrument::of("BTC/USD", "BTC/USD") },
        Instrument { id: "XDGUSD", ..Instrument::of("DOGE/USD", "DOGE/USD") },
        Instrument { id: "PEPEUSD", ..Instrument::of("PEPE/USD", "PEPE/USD") },
    ];
    checks::run(&Case {
        depths: [100, 10],
        best: Best::InTicker,
        digits: Digits::Floats,
        // It is made of the average price, which has one digit more than a tick.
        turnover_error: 1e-4,
        with_account: &[],
        ..Case::new(ExchangeId::Kraken, "kraken", config, INSTRUMENTS)
    });
}
