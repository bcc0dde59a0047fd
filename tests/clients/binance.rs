//! Binance, spot and USD-M futures.

use serde_json::{Value, json};
use tickwire::instrument::ExchangeId;

use crate::checks::{self, Best, Case, Instrument, Trades, WHOLE};

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

fn is_id(text: &str, id: u64) -> bool {
    text == id.to_string()
}

#[test]
fn spot() {
    checks::run(&Case {
        exchange: ExchangeId::Binance,
        name: "binance",
        config,
        instruments: &[
            Instrument { native: "BTCUSDT", unified: "BTC/USDT", units: WHOLE },
            Instrument { native: "PEPEUSDT", unified: "PEPE/USDT", units: WHOLE },
        ],
        rest_trades: Trades::Orders,
        is_id,
        depths: [100, usize::MAX],
        best: Best::WithBook,
    });
}

#[test]
fn futures() {
    checks::run(&Case {
        exchange: ExchangeId::BinanceFutures,
        name: "binanceusdm",
        config,
        instruments: &[
            Instrument { native: "BTCUSDT", unified: "BTC/USDT:USDT", units: WHOLE },
            Instrument { native: "PEPEUSDT", unified: "PEPE/USDT:USDT", units: WHOLE },
        ],
        rest_trades: Trades::Orders,
        is_id,
        depths: [100, usize::MAX],
        best: Best::WithBook,
    });
}
