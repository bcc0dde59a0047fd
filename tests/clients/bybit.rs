//! Bybit, spot and linear contracts.

use serde_json::{Value, json};
use tickwire::instrument::ExchangeId;

use crate::checks::{self, Best, Case, Instrument, Trades, WHOLE};

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
    checks::run(&Case {
        exchange: ExchangeId::Bybit,
        name: "bybit",
        config,
        instruments: &[
            Instrument { native: "BTCUSDT", unified: "BTC/USDT", units: WHOLE },
            Instrument { native: "PEPEUSDT", unified: "PEPE/USDT", units: WHOLE },
        ],
        rest_trades: Trades::Matches,
        is_id: |text, id| text == id.to_string(),
        depths: [100, 50],
        best: Best::AfterBook,
    });
}

#[test]
fn linear() {
    checks::run(&Case {
        exchange: ExchangeId::BybitLinear,
        name: "bybit",
        config,
        instruments: &[
            Instrument { native: "BTCUSDT", unified: "BTC/USDT:USDT", units: WHOLE },
            Instrument { native: "PEPEUSDT", unified: "PEPE/USDT:USDT", units: WHOLE },
        ],
        rest_trades: Trades::Matches,
        // The last part of a UUID is the market's number.
        is_id: |text, id| {
            let last = text.rsplit('-').next().unwrap_or_default();
            u64::from_str_radix(last, 16) == Ok(id)
        },
        depths: [100, 50],
        best: Best::AfterBook,
    });
}
