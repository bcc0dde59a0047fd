//! OKX, spot and perpetual contracts of one exchange.

use serde_json::{Value, json};
use tickwire::instrument::ExchangeId;

use crate::checks::{self, Case, Instrument, Units};

fn config(rest: &str, socket: &str) -> Value {
    json!({"urls": {"api": {"rest": rest, "ws": format!("{socket}/ws/v5")}}})
}

#[test]
fn spot_and_swaps() {
    const INSTRUMENTS: &[Instrument] = &[
        Instrument::of("BTC-USDT", "BTC/USDT"),
        Instrument {
            units: Units { candle: 0.1, day: 1.0 },
            ..Instrument::of("BTC-USDT-SWAP", "BTC/USDT:USDT")
        },
    ];
    checks::run(&Case {
        depths: [100, 400],
        ..Case::new(ExchangeId::Okx, "okx", config, INSTRUMENTS)
    });
}
