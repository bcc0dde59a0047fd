//! Kraken's spelling: canonical already in version 2, with two names of its own in version 1.

use arrayvec::ArrayString;

use crate::instrument::{SYMBOL_BYTES_MAX, Symbol};

/// Names of version 1 (and of REST's `wsname`) with those of everybody else.
const NAMES: [(&str, &str); 2] = [("XBT", "BTC"), ("XDG", "DOGE")];

/// A pair's spelling; there is nothing but spot pairs.
pub(super) fn native(symbol: &Symbol) -> Option<ArrayString<SYMBOL_BYTES_MAX>> {
    match symbol.parts()? {
        (_, _, None) => ArrayString::from(symbol.as_str()).ok(),
        (_, _, Some(_)) => None,
    }
}

/// `BTC/USD` as itself. Tokenised stocks (`AAPLx/USD`) lose their small letter here, not on the
/// wire: the list of instruments keeps both.
pub(super) fn canonical(native: &str) -> Option<Symbol> {
    Symbol::parse(native).ok()
}

/// `BTC/USD` as `XBT/USD`.
pub(super) fn v1_native(symbol: &Symbol) -> Option<ArrayString<SYMBOL_BYTES_MAX>> {
    let (base, quote, None) = symbol.parts()? else { return None };
    let theirs = |name| NAMES.iter().find(|(_, ours)| *ours == name).map_or(name, |names| names.0);
    ArrayString::from(&format!("{}/{}", theirs(base), theirs(quote))).ok()
}

/// `XBT/USD` as `BTC/USD`.
pub(super) fn v1_canonical(native: &str) -> Option<Symbol> {
    let Some((base, quote)) = native.split_once('/') else { return Symbol::parse(native).ok() };
    let ours =
        |name| NAMES.iter().find(|(theirs, _)| *theirs == name).map_or(name, |names| names.1);
    Symbol::parse(&format!("{}/{}", ours(base), ours(quote))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::testing::{assert_both_ways, symbol};

    #[test]
    fn version_two_is_canonical() {
        assert_eq!(canonical("BTC/USD"), Some(symbol("BTC/USD")));
        assert_eq!(native(&symbol("BTC/USD")).as_deref(), Some("BTC/USD"));
        assert_eq!(canonical("AAPLx/USD"), Some(symbol("AAPLX/USD")));
        assert_eq!(canonical("BTC/"), None);
        assert_eq!(native(&symbol("BTC/USD:USD")), None);
        assert_eq!(native(&symbol("R_100")), None);
    }

    #[test]
    fn version_one_has_two_names_of_its_own() {
        let names = [
            ("XBT/USD", "BTC/USD"),
            ("ADA/XBT", "ADA/BTC"),
            ("XDG/XBT", "DOGE/BTC"),
            ("XBTX/USD", "XBTX/USD"),
        ];
        assert_both_ways(&names, v1_canonical, v1_native);
        assert_eq!(v1_native(&symbol("BTC/USD:USD")), None);
        assert_eq!(v1_canonical("XBT"), Some(symbol("XBT")));
    }
}
