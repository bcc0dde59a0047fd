//! Bybit, spot and linear contracts.

use serde_json::{Value, json};
use tickwire::instrument::ExchangeId;

use crate::checks::{self, Best, Case, Instrument};

fn config(rest: &str, socket: &str) -> Value {
    json!({"urls": {"api": {
        "public": rest,
        "ws": {"public": {
            "spot": format!("{socket}/v5/public/spot"),
            "linear": format!("{socket}/v5/public/linear"),
        }},
    }}})
}

#[test]
fn spot() {
    const INSTRUMENTS: &[Instrument] =
        &[Instrument::of("BTCUSDT", "BTC/USDT"), Instrument::of("PEPEUSDT", "PEPE/USDT")];
    checks::run(&Case {
        depths: [100, 50],
        best: Best::AfterBook,
        ..Case::new(ExchangeId::Bybit, "bybit", config, INSTRUMENTS)
    });
}

#[test]
fn linear() {
    const INSTRUMENTS: &[Instrument] =
        &[Instrument::of("BTCUSDT", "BTC/USDT:USDT"), Instrument::of("PEPEUSDT", "PEPE/USDT:USDT")];
    checks::run(&Case {
        // The last part of a UUID is the market's number.
        is_id: |text, id| {
            let last = text.rsplit('-').next().unwrap_or_default();
            u64::from_str_radix(last, 16) == Ok(id)
        },
        depths: [100, 50],
        best: Best::AfterBook,
        ..Case::new(ExchangeId::BybitLinear, "bybit", config, INSTRUMENTS)
    });
}
