//! Binance, spot and USD-M futures.

use serde_json::{Value, json};
use tickwire::instrument::ExchangeId;

use crate::checks::{self, Case, Instrument, Trades};

/// Every market that ccxt lists has a host of its own. It takes spot's connections to be those whose
/// address has `/stream` in it.
fn config(rest: &str, socket: &str) -> Value {
    json!({"urls": {"api": {
        "public": format!("{rest}/api/v3"),
        "fapiPublic": format!("{rest}/fapi/v1"),
        "fapiPublicV2": format!("{rest}/fapi/v2"),
        "dapiPublic": format!("{rest}/dapi/v1"),
        "ws": {"spot": format!("{socket}/stream/ws"), "linear": format!("{socket}/ws")},
    }}})
}

#[test]
fn spot() {
    const INSTRUMENTS: &[Instrument] =
        &[Instrument::of("BTCUSDT", "BTC/USDT"), Instrument::of("PEPEUSDT", "PEPE/USDT")];
    checks::run(&Case {
        rest_trades: Trades::Orders,
        ..Case::new(ExchangeId::Binance, "binance", config, INSTRUMENTS)
    });
}

#[test]
fn futures() {
    const INSTRUMENTS: &[Instrument] =
        &[Instrument::of("BTCUSDT", "BTC/USDT:USDT"), Instrument::of("PEPEUSDT", "PEPE/USDT:USDT")];
    checks::run(&Case {
        rest_trades: Trades::Orders,
        ..Case::new(ExchangeId::BinanceFutures, "binanceusdm", config, INSTRUMENTS)
    });
}
