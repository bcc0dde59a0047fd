//! The one list of all kinds of frames that are measured, whether by time or by counts.

use crate::harness::Subject;
use crate::{binance, bybit, coinbase, deriv, kraken, okx};

/// Those of every exchange.
pub(crate) fn subjects() -> Vec<Subject> {
    let exchanges = [
        binance::subjects,
        bybit::subjects,
        coinbase::subjects,
        kraken::subjects,
        deriv::subjects,
        okx::subjects,
    ];
    exchanges.into_iter().flat_map(|subjects| subjects()).collect()
}
