//! OKX's spelling: parts joined by hyphens, so that both ways are a rule.
//!
//! ```text
//! BTC-USDT                BTC/USDT                spot
//! BTC-USDT-SWAP           BTC/USDT:USDT           perpetual, settled in what it is quoted in
//! BTC-USD-SWAP            BTC/USD:BTC             perpetual, settled in its base
//! BTC-USDT-261225         BTC/USDT:261225         delivered on that day
//! BTC-USD_UM-SWAP         BTC/USD_UM:USD_UM       in dollars of several kinds (2026)
//! BTC-USD-261225-60000-C  BTC/USD:261225-60000-C  an option: its day, strike, and call or put
//! ```

use arrayvec::ArrayString;

use crate::exchange::spelling::{is_date, joined};
use crate::instrument::{SYMBOL_BYTES_MAX, Symbol};

/// What contracts settled in their base are quoted in; everything else settles in its quote.
const INVERSE_QUOTE: &str = "USD";

/// The spelling of a canonical symbol; a name that is no pair is taken as already theirs.
pub(super) fn native(symbol: &Symbol) -> Option<ArrayString<SYMBOL_BYTES_MAX>> {
    match symbol.parts() {
        None => ArrayString::from(symbol.as_str()).ok(),
        Some((base, quote, None)) => joined(&[base, "-", quote]),
        Some((base, quote, Some(settle))) => {
            let contract = match settle {
                "PERP" => "SWAP",
                _ if settle == settlement(base, quote) => "SWAP",
                rest if is_date(rest) || is_option(rest) => rest,
                _ => return None,
            };
            joined(&[base, "-", quote, "-", contract])
        }
    }
}

/// The canonical symbol of a spelling.
pub(super) fn canonical(native: &str) -> Option<Symbol> {
    let mut parts = native.splitn(3, '-');
    let pair = match (parts.next(), parts.next(), parts.next()) {
        (Some(base), Some(quote), None) => Symbol::parse(&format!("{base}/{quote}")).ok(),
        (Some(base), Some(quote), Some("SWAP")) => {
            Symbol::parse(&format!("{base}/{quote}:{}", settlement(base, quote))).ok()
        }
        (Some(base), Some(quote), Some(rest)) if is_date(rest) || is_option(rest) => {
            Symbol::parse(&format!("{base}/{quote}:{rest}")).ok()
        }
        _ => None,
    };
    pair.or_else(|| Symbol::parse(native).ok())
}

/// Whether it counts contracts instead of coins.
pub(super) fn is_contract(native: &str) -> bool {
    native.bytes().filter(|&byte| byte == b'-').count() > 1
}

/// Whether it is what follows the pair in the name of an option: `261225-60000-C`.
pub(super) fn is_option(rest: &str) -> bool {
    let mut parts = rest.split('-');
    let is_strike =
        |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    parts.next().is_some_and(is_date)
        && parts.next().is_some_and(is_strike)
        && matches!(parts.next(), Some("C" | "P"))
        && parts.next().is_none()
}

/// What a contract's gains are paid in.
fn settlement<'a>(base: &'a str, quote: &'a str) -> &'a str {
    if quote == INVERSE_QUOTE { base } else { quote }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::testing::{assert_both_ways, symbol};

    #[test]
    fn names_go_both_ways() {
        let names = [
            ("BTC-USDT", "BTC/USDT"),
            ("BTC-USD", "BTC/USD"),
            ("1INCH-EUR", "1INCH/EUR"),
            ("BTC-USDT-SWAP", "BTC/USDT:USDT"),
            ("BTC-USDC-SWAP", "BTC/USDC:USDC"),
            ("BTC-USD-SWAP", "BTC/USD:BTC"),
            ("UNI-USD-SWAP", "UNI/USD:UNI"),
            ("BTC-USD-220527", "BTC/USD:220527"),
            ("BTC-USDT-261225", "BTC/USDT:261225"),
            ("BTC-USD_UM-SWAP", "BTC/USD_UM:USD_UM"),
            ("BTC-USD_UM_XPERP-310404", "BTC/USD_UM_XPERP:310404"),
            ("BTC-USD-261225-60000-C", "BTC/USD:261225-60000-C"),
            ("1000SATS-USD-261225-0.00025-P", "1000SATS/USD:261225-0.00025-P"),
            ("BTC-USD_UM-261225-100000-C", "BTC/USD_UM:261225-100000-C"),
        ];
        assert_both_ways(&names, canonical, native);
        assert_eq!(native(&symbol("BTC/USDT:PERP")).as_deref(), Some("BTC-USDT-SWAP"));
        assert_eq!(native(&symbol("BTC/USDT:BTC")), None);
        assert_eq!(native(&symbol("BTC/USD:USD")), None);
    }

    #[test]
    fn what_is_no_pair_keeps_its_name() {
        for name in [
            "BTC",
            "BTC-USDT-2612",
            "BTC-USDT-THIS",
            "BTC-USD-261225-60000",
            "BTC-USD-261225-60000-X",
            "BTC-USD-261225--C",
        ] {
            assert_eq!(canonical(name), Some(symbol(name)), "{name}");
            assert_eq!(native(&symbol(name)).as_deref(), Some(name));
        }
        assert_eq!(canonical("-USDT"), Some(symbol("-USDT")));
        assert_eq!(canonical(""), None);
        assert_eq!(canonical("BTC-\"USD"), None);
    }

    #[test]
    fn what_counts_contracts_is_seen_from_the_name() {
        for (name, contract) in [
            ("BTC-USDT", false),
            ("BTC-USDT-SWAP", true),
            ("BTC-USD-220527", true),
            ("BTC-USD-261225-60000-C", true),
        ] {
            assert_eq!(is_contract(name), contract, "{name}");
        }
    }
}
