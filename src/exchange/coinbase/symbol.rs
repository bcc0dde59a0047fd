//! Coinbase's spelling: `BTC-USD`. Names of futures have more than one dash (`BIT-31OCT25-CDE`) and
//! are no pairs.

use arrayvec::ArrayString;

use crate::instrument::{SYMBOL_BYTES_MAX, Symbol};

/// A pair's spelling; a name that is no pair is taken as already theirs.
pub(in crate::exchange) fn native(symbol: &Symbol) -> Option<ArrayString<SYMBOL_BYTES_MAX>> {
    match symbol.parts() {
        None => ArrayString::from(symbol.as_str()).ok(),
        Some((base, quote, None)) => ArrayString::from(&format!("{base}-{quote}")).ok(),
        Some((_, _, Some(_))) => None,
    }
}

/// `BTC-USD` as `BTC/USD`.
pub(in crate::exchange) fn canonical(native: &str) -> Option<Symbol> {
    let pair = native.split_once('-').filter(|(_, quote)| !quote.contains('-'));
    let symbol = pair.and_then(|(base, quote)| Symbol::parse(&format!("{base}/{quote}")).ok());
    symbol.or_else(|| Symbol::parse(native).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::testing::{assert_both_ways, symbol};

    #[test]
    fn pairs_go_both_ways() {
        let names = [("BTC-USD", "BTC/USD"), ("SKL-GBP", "SKL/GBP"), ("00-USD", "00/USD")];
        assert_both_ways(&names, canonical, native);
        assert_eq!(native(&symbol("BTC/USD:USD")), None);
    }

    #[test]
    fn what_is_no_pair_keeps_its_name() {
        for name in ["BIT-31OCT25-CDE", "BTC-PERP-INTX", "BTC", "-USD"] {
            assert_eq!(canonical(name), Some(symbol(name)));
            assert_eq!(native(&symbol(name)).as_deref(), Some(name));
        }
        assert_eq!(canonical(""), None);
        assert_eq!(canonical("A\"-B"), None);
    }
}
