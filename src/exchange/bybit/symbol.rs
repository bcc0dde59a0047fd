//! Bybit's spelling. Names of pairs are joined without a separator and cannot be split by rule
//! (`USDCUSDT`, `SHIB1000USDT`), so the way back asks a table of quote coins; the exchange's own
//! listing names both parts and is better wherever it is at hand. The same name stands for
//! different instruments in different classes (`BTCUSDT` is spot and linear): the connection tells.

use arrayvec::ArrayString;

use crate::exchange::spelling::{is_date, joined, splits};
use crate::instrument::{SYMBOL_BYTES_MAX, Symbol};

/// Coins that spot pairs are priced in, as of 2026-10, with those of the regional sites.
const SPOT_QUOTES: [&str; 32] = [
    "USDT", "USDC", "USDE", "USD1", "USDQ", "USDR", "USDTB", "XUSD", "RLUSD", "FDUSD", "DAI",
    "BTC", "WBTC", "ETH", "SOL", "MNT", "BIT", "EUR", "EURC", "EURQ", "GBP", "BRL", "BRZ", "PLN",
    "TRY", "ARS", "AED", "KZT", "IDR", "GEL", "JPY", "USD",
];

/// Coins that contracts are priced in.
const CONTRACT_QUOTES: [&str; 3] = ["USDT", "USDC", "USD"];

/// Months as dated contracts write them.
const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

/// A spot pair's spelling; a name that is no pair is taken as already theirs.
pub(super) fn spot_native(symbol: &Symbol) -> Option<ArrayString<SYMBOL_BYTES_MAX>> {
    match symbol.parts() {
        None => joined(&[symbol.as_str()]),
        Some((base, quote, None)) => joined(&[base, quote]),
        Some((_, _, Some(_))) => None,
    }
}

/// A linear contract's spelling. `BTC/USDT:USDT` (and, for convenience, `BTC/USDT:PERP` and
/// `BTC/USDT`) is the perpetual `BTCUSDT`, `BTC/USDC:USDC` the perpetual `BTCPERP`;
/// `BTC/USDT:261225` is the contract `BTCUSDT-25DEC26` and `BTC/USDC:261225` is `BTC-25DEC26`.
pub(super) fn linear_native(symbol: &Symbol) -> Option<ArrayString<SYMBOL_BYTES_MAX>> {
    let Some((base, quote, settle)) = symbol.parts() else {
        return joined(&[symbol.as_str()]);
    };
    let is_usdc = quote == "USDC";
    match settle.filter(|settle| *settle != "PERP" && *settle != quote) {
        None if is_usdc => joined(&[base, "PERP"]),
        None => joined(&[base, quote]),
        Some(date) => {
            let date = native_date(date)?;
            joined(&[base, if is_usdc { "" } else { quote }, "-", &date])
        }
    }
}

/// `BTCUSDT` as `BTC/USDT`.
pub(super) fn spot_canonical(native: &str) -> Option<Symbol> {
    match split(native, &SPOT_QUOTES) {
        Some((base, quote)) => Symbol::parse(&format!("{base}/{quote}")).ok(),
        None => Symbol::parse(native).ok(),
    }
}

/// `BTCUSDT` as `BTC/USDT:USDT`, `BTCPERP` as `BTC/USDC:USDC`, `BTCUSDT-25DEC26` as
/// `BTC/USDT:261225`; of other classes, the inverse perpetual `BTCUSD` as `BTC/USD:BTC`, while
/// options and inverse futures keep their names.
pub(super) fn linear_canonical(native: &str) -> Option<Symbol> {
    contract(native).or_else(|| Symbol::parse(native).ok())
}

fn contract(native: &str) -> Option<Symbol> {
    if let Some((name, date)) = native.split_once('-') {
        // The dated contracts that name no quote coin are priced in USDC.
        let (base, quote) = split(name, &CONTRACT_QUOTES).unwrap_or((name, "USDC"));
        return contract_symbol(base, quote, &canonical_date(date)?);
    }
    if let Some(base) = native.strip_suffix("PERP").filter(|base| !base.is_empty()) {
        return contract_symbol(base, "USDC", "USDC");
    }
    let (base, quote) = split(native, &CONTRACT_QUOTES)?;
    contract_symbol(base, quote, if quote == "USD" { base } else { quote })
}

/// The canonical symbol of a contract from its parts.
pub(super) fn contract_symbol(base: &str, quote: &str, settle: &str) -> Option<Symbol> {
    Symbol::parse(&format!("{base}/{quote}:{settle}")).ok()
}

/// What follows the dash of a dated contract, `25DEC26` or `5DEC26`, as `261225`.
pub(super) fn canonical_date(date: &str) -> Option<String> {
    let (day, rest) = date.split_at(date.find(|c: char| !c.is_ascii_digit())?);
    let (month, year) = (rest.get(..3)?, rest.get(3..)?);
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    let day = day.parse::<u8>().ok().filter(|day| (1..=31).contains(day))?;
    let is_year = year.len() == 2 && year.bytes().all(|byte| byte.is_ascii_digit());
    is_year.then(|| format!("{year}{month:02}{day:02}"))
}

/// The inverse of [`canonical_date`]; days below ten have one digit there.
fn native_date(date: &str) -> Option<String> {
    if !is_date(date) {
        return None;
    }
    let (year, month, day) = (&date[..2], &date[2..4], &date[4..]);
    let month = MONTHS.get(month.parse::<usize>().ok()?.checked_sub(1)?)?;
    let day = day.parse::<u8>().ok().filter(|day| (1..=31).contains(day))?;
    Some(format!("{day}{month}{year}"))
}

/// Base and quote by the longest quote coin that ends the name.
fn split<'a>(name: &'a str, quotes: &'static [&'static str]) -> Option<(&'a str, &'static str)> {
    splits(name, quotes).max_by_key(|(_, quote)| quote.len())
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
            ("SHIB1000USDT", "SHIB1000/USDT"),
            ("ETHBTC", "ETH/BTC"),
            ("BTCUSDE", "BTC/USDE"),
            ("USDTEUR", "USDT/EUR"),
            ("BTCBRL", "BTC/BRL"),
            ("METHETH", "METH/ETH"),
            ("SOLUSDC", "SOL/USDC"),
        ];
        assert_both_ways(&names, spot_canonical, spot_native);
        assert_eq!(spot_native(&symbol("BTC/USDT:USDT")), None);
    }

    #[test]
    fn contracts_go_both_ways() {
        let names = [
            ("BTCUSDT", "BTC/USDT:USDT"),
            ("1000PEPEUSDT", "1000PEPE/USDT:USDT"),
            ("BTCPERP", "BTC/USDC:USDC"),
            ("1000PEPEPERP", "1000PEPE/USDC:USDC"),
            ("BTCUSDT-25DEC26", "BTC/USDT:261225"),
            ("BTC-26DEC25", "BTC/USDC:251226"),
            ("ETH-2JAN26", "ETH/USDC:260102"),
        ];
        assert_both_ways(&names, linear_canonical, linear_native);
        assert_eq!(linear_native(&symbol("BTC/USDT")).as_deref(), Some("BTCUSDT"));
        assert_eq!(linear_native(&symbol("BTC/USDC:PERP")).as_deref(), Some("BTCPERP"));
        assert_eq!(linear_native(&symbol("BTC/USDT:EUR")), None);
        assert_eq!(linear_native(&symbol("BTC/USDT:261325")), None);
        assert_eq!(linear_native(&symbol("BTC/USDT:261200")), None);
    }

    #[test]
    fn names_of_other_classes_are_symbols_too() {
        assert_eq!(linear_canonical("BTCUSD"), Some(symbol("BTC/USD:BTC")));
        for native in ["BTC-6JAN23-17500-C", "BTC-6JAN23-17500-C-USDT", "BTCUSDU23", "PERP"] {
            assert_eq!(linear_canonical(native), Some(symbol(native)));
        }
        assert_eq!(spot_canonical("FOO"), Some(symbol("FOO")));
        assert_eq!(spot_canonical(""), None);
        assert_eq!(linear_canonical("A\"B"), None);
    }
}
