//! Deriv's spelling: `cry` and `frx` before a pair whose quote is its last three letters; all else
//! (synthetic indices, stock indices, baskets) has no base and quote and keeps its name.

use arrayvec::ArrayString;

use crate::instrument::{SYMBOL_BYTES_MAX, Symbol};

/// Before a crypto pair.
const CRYPTO: &str = "cry";

/// Before a pair of currencies, or of a metal and a currency.
const FOREX: &str = "frx";

/// Bases of the forex and commodity markets as of 2026-10; any other base is a coin.
const FOREX_BASES: [&str; 27] = [
    "AUD", "BRO", "CAD", "CHF", "CNH", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "ILS", "JPY",
    "MXN", "NOK", "NZD", "PLN", "RUB", "SEK", "SGD", "THB", "TRY", "USD", "XAG", "XAU", "XPD",
    "XPT",
];

/// Quote assets have three letters.
const QUOTE_BYTES: usize = 3;

/// See [`crate::exchange::Profile::native_symbol`].
pub(super) fn native(symbol: &Symbol) -> Option<ArrayString<SYMBOL_BYTES_MAX>> {
    let (base, quote) = match symbol.parts() {
        None => return ArrayString::from(symbol.as_str()).ok(),
        Some((base, quote, None)) if quote.len() == QUOTE_BYTES => (base, quote),
        Some(_) => return None,
    };
    let market = if FOREX_BASES.contains(&base) { FOREX } else { CRYPTO };
    let mut native = ArrayString::from(market).ok()?;
    native.try_push_str(base).ok()?;
    native.try_push_str(quote).ok()?;
    Some(native)
}

/// See [`crate::exchange::Profile::canonical_symbol`].
pub(super) fn canonical(native: &str) -> Option<Symbol> {
    let pair = native.strip_prefix(CRYPTO).or_else(|| native.strip_prefix(FOREX));
    let split = pair
        .filter(|pair| pair.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()))
        .and_then(|pair| pair.split_at_checked(pair.len().checked_sub(QUOTE_BYTES)?))
        .filter(|(base, _)| !base.is_empty());
    match split {
        Some((base, quote)) => Symbol::parse(&format!("{base}/{quote}")).ok(),
        None => Symbol::parse(native).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::testing::{assert_both_ways, symbol};

    #[test]
    fn names_go_both_ways() {
        let names = [
            ("cryBTCUSD", "BTC/USD"),
            ("cryETHUSD", "ETH/USD"),
            ("cryUSDCUSD", "USDC/USD"),
            ("cry1INCHUSD", "1INCH/USD"),
            ("frxEURUSD", "EUR/USD"),
            ("frxUSDPLN", "USD/PLN"),
            ("frxXAUUSD", "XAU/USD"),
            ("frxBROUSD", "BRO/USD"),
            ("R_100", "R_100"),
            ("1HZ100V", "1HZ100V"),
            ("stpRNG", "stpRNG"),
            ("OTC_NDX", "OTC_NDX"),
            ("WLDAUD", "WLDAUD"),
        ];
        assert_both_ways(&names, canonical, native);
    }

    #[test]
    fn what_only_looks_like_a_pair_keeps_its_name() {
        for name in ["cry", "cryUSD", "frx_X_USD", "crypto", "frxeurusd"] {
            assert_eq!(canonical(name), Some(symbol(name)));
        }
        assert_eq!(native(&symbol("BTC/USDT")), None);
        assert_eq!(native(&symbol("BTC/USD:USD")), None);
        assert_eq!(canonical(""), None);
    }
}
