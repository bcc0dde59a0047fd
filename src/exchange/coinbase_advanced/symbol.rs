//! Advanced Trade keeps one book for a coin in USD and in USDC: products of `-USDC` are answered
//! under the name of `-USD`, but for the dollar coins themselves.

use arrayvec::ArrayString;

use crate::exchange::coinbase::symbol;
use crate::instrument::{SYMBOL_BYTES_MAX, Symbol};

/// Products of `-USDC` that are their own.
const OWN_BOOKS: [&str; 2] = ["USDT", "EURC"];

/// A pair's spelling; a name that is no pair is taken as already theirs.
pub(super) fn native(symbol: &Symbol) -> Option<ArrayString<SYMBOL_BYTES_MAX>> {
    match symbol.parts() {
        Some((base, "USDC", None)) if !OWN_BOOKS.contains(&base) => {
            ArrayString::from(&format!("{base}-USD")).ok()
        }
        _ => symbol::native(symbol),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coins_in_usdc_go_by_their_name_in_usd() {
        let native = |text: &str| native(&Symbol::parse(text).expect("valid")).expect("has one");
        assert_eq!(native("BTC/USD").as_str(), "BTC-USD");
        assert_eq!(native("BTC/USDC").as_str(), "BTC-USD");
        assert_eq!(native("USDT/USDC").as_str(), "USDT-USDC");
        assert_eq!(native("EURC/USDC").as_str(), "EURC-USDC");
        assert_eq!(native("ETH/EUR").as_str(), "ETH-EUR");
        assert_eq!(native("BTC-PERP-INTX").as_str(), "BTC-PERP-INTX");
    }
}
