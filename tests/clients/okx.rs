//! OKX, spot and perpetual contracts of one exchange.

use serde_json::json;
use tickwire::instrument::ExchangeId;

use crate::checks::{self, Best, Case, Instrument, Trades, Units, WHOLE};

#[test]
fn spot_and_swaps() {
    checks::run(&Case {
        exchange: ExchangeId::Okx,
        name: "okx",
        config: |rest, socket| json!({"urls": {"api": {"rest": rest, "ws": format!("{socket}/ws/v5")}}}),
        instruments: &[
            Instrument { native: "BTC-USDT", unified: "BTC/USDT", units: WHOLE },
            Instrument {
                native: "BTC-USDT-SWAP",
                unified: "BTC/USDT:USDT",
                units: Units { candle: 0.1, day: 1.0 },
            },
        ],
        rest_trades: Trades::Matches,
        is_id: |text, id| text == id.to_string(),
        depths: [100, 400],
        best: Best::WithBook,
    });
}
