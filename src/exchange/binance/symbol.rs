//! Binance's spelling. Names are joined without a separator and cannot be split by rule
//! (`USDCUSDT`, `BNBBTC`), so the way back asks a table of quote assets; the exchange's own listing
//! (`exchangeInfo`) names both parts and is better wherever it is at hand.

use arrayvec::ArrayString;

use crate::exchange::spelling::{is_date, joined, splits};
use crate::instrument::{SYMBOL_BYTES_MAX, Symbol};

/// Assets that others are priced in, as of 2026-10, with those of Binance US and Binance TR.
const QUOTES: [&str; 46] = [
    "USDT", "USDC", "FDUSD", "TUSD", "BUSD", "USDP", "USDS", "USD1", "DAI", "UST", "PAX", "BTC",
    "ETH", "BNB", "SOL", "XRP", "TRX", "DOGE", "DOT", "EUR", "EURI", "AEUR", "GBP", "AUD", "TRY",
    "BRL", "RUB", "UAH", "NGN", "ZAR", "PLN", "RON", "ARS", "JPY", "MXN", "CZK", "COP", "IDR",
    "IDRT", "BIDR", "BVND", "BKRW", "VAI", "KZT", "USD", "U",
];

/// Bases whose last letters join with a quote asset to the name of another (`DOT` + `USD` against
/// `DO` + `TUSD`). A split that leaves one of these is preferred.
const BASES_KNOWN: [&str; 16] = [
    "ANT", "BAT", "BNT", "CELO", "DOT", "FET", "GMT", "GRT", "HNT", "IOST", "LPT", "ONT", "RENDER",
    "SNT", "STMX", "USDT",
];

/// A spot pair's spelling; a name that is no pair is taken as already theirs.
pub(super) fn spot_native(symbol: &Symbol) -> Option<ArrayString<SYMBOL_BYTES_MAX>> {
    match symbol.parts() {
        None => ArrayString::from(symbol.as_str()).ok(),
        Some((base, quote, None)) => joined(&[base, quote]),
        Some((_, _, Some(_))) => None,
    }
}

/// A contract's spelling. `BTC/USDT:USDT` (and, for convenience, `BTC/USDT:PERP` and `BTC/USDT`) is
/// the perpetual `BTCUSDT`; `BTC/USDT:261225` the contract delivered then; `BTC/USD:BTC` the
/// COIN-M perpetual `BTCUSD_PERP`.
pub(super) fn futures_native(symbol: &Symbol) -> Option<ArrayString<SYMBOL_BYTES_MAX>> {
    match symbol.parts() {
        None => ArrayString::from(symbol.as_str()).ok(),
        Some((base, quote, None | Some("PERP"))) => joined(&[base, quote]),
        Some((base, quote, Some(settle))) if settle == quote => joined(&[base, quote]),
        Some((base, quote, Some(settle))) if settle == base => joined(&[base, quote, "_PERP"]),
        Some((base, quote, Some(date))) if is_date(date) => joined(&[base, quote, "_", date]),
        Some(_) => None,
    }
}

/// `BTCUSDT` as `BTC/USDT`.
pub(super) fn spot_canonical(native: &str) -> Option<Symbol> {
    match split(native) {
        Some((base, quote)) => Symbol::parse(&format!("{base}/{quote}")).ok(),
        None => Symbol::parse(native).ok(),
    }
}

/// `BTCUSDT` as `BTC/USDT:USDT`, `BTCUSDT_261225` as `BTC/USDT:261225`, `BTCUSD_PERP` as
/// `BTC/USD:BTC`.
pub(super) fn futures_canonical(native: &str) -> Option<Symbol> {
    let (name, contract) = match native.split_once('_') {
        Some((name, contract)) => (name, Some(contract)),
        None => (native, None),
    };
    let symbol = split(name).and_then(|(base, quote)| contract_symbol(base, quote, contract));
    symbol.or_else(|| Symbol::parse(native).ok())
}

/// The canonical symbol of a contract from its parts: what follows the underscore, if anything.
pub(super) fn contract_symbol(base: &str, quote: &str, contract: Option<&str>) -> Option<Symbol> {
    let settle = match contract {
        None => quote,
        Some("PERP") => base,
        Some(date) if is_date(date) => date,
        Some(_) => return None,
    };
    Symbol::parse(&format!("{base}/{quote}:{settle}")).ok()
}

/// Base and quote by the longest quote asset that ends the name, or by a known base.
fn split(name: &str) -> Option<(&str, &str)> {
    splits(name, &QUOTES).max_by_key(|(base, quote)| (BASES_KNOWN.contains(base), quote.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::testing::{assert_both_ways, symbol};

    #[test]
    fn spot_names_go_both_ways() {
        let names = [
            ("BTCUSDT", "BTC/USDT"),
            ("USDCUSDT", "USDC/USDT"),
            ("BNBBTC", "BNB/BTC"),
            ("BTCFDUSD", "BTC/FDUSD"),
            ("1000SATSUSDT", "1000SATS/USDT"),
            ("RUNEEUR", "RUNE/EUR"),
            ("BLZETH", "BLZ/ETH"),
            ("BTCUSD", "BTC/USD"),
            ("DOTUSD", "DOT/USD"),
            ("USDTUSD", "USDT/USD"),
            ("BTCTUSD", "BTC/TUSD"),
            ("USDTTRY", "USDT/TRY"),
            ("币安人生USDT", "币安人生/USDT"),
        ];
        assert_both_ways(&names, spot_canonical, spot_native);
        assert_eq!(spot_native(&symbol("BTC/USDT:USDT")), None);
    }

    #[test]
    fn contracts_go_both_ways() {
        let names = [
            ("BTCUSDT", "BTC/USDT:USDT"),
            ("ETHBTC", "ETH/BTC:BTC"),
            ("BTCUSDT_261225", "BTC/USDT:261225"),
            ("BTCUSD_PERP", "BTC/USD:BTC"),
            ("BTCUSD_261225", "BTC/USD:261225"),
        ];
        assert_both_ways(&names, futures_canonical, futures_native);
        assert_eq!(futures_native(&symbol("BTC/USDT")).as_deref(), Some("BTCUSDT"));
        assert_eq!(futures_native(&symbol("BTC/USDT:EUR")), None);
    }

    #[test]
    fn what_no_rule_splits_keeps_its_name() {
        for native in ["USDT", "FOO", "DEFI_X", "BTCUSDT_2612"] {
            assert_eq!(futures_canonical(native), Some(symbol(native)));
        }
        assert_eq!(spot_canonical("USDT"), Some(symbol("USDT")));
        assert_eq!(spot_canonical(""), None);
        assert_eq!(spot_canonical("A\"B"), None);
    }
}
