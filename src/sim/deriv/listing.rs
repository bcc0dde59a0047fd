//! What a simulated Deriv deals in.

use crate::sim::listing::Listed;

/// Fact: longest id; letters, digits and underscores.
const ID_BYTES_MAX: usize = 30;

/// The market that an instrument belongs to, told by how its id begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Market {
    Crypto,
    Forex,
    Indices,
    Synthetic,
}

/// Id, first price in units of its last digit, digits (read off recorded ticks, 2026).
struct Row(&'static str, i64, u8);

/// The default list, those that most look at first.
const ROWS: [Row; 50] = [
    Row("R_100", 155_859, 2),
    Row("cryBTCUSD", 6_354_012, 2),
    Row("frxEURUSD", 112_306, 5),
    Row("1HZ100V", 88_214, 2),
    Row("R_50", 2_180_926, 4),
    Row("cryETHUSD", 177_338, 2),
    Row("frxGBPUSD", 131_402, 5),
    Row("OTC_NDX", 2_461_250, 2),
    Row("frxUSDJPY", 157_652, 3),
    Row("frxXAUUSD", 412_643, 2),
    Row("R_75", 10_524_318, 4),
    Row("R_25", 2_212_695, 3),
    Row("R_10", 6_013_254, 3),
    Row("1HZ75V", 512_345, 2),
    Row("1HZ50V", 19_876_543, 2),
    Row("1HZ25V", 54_321_098, 2),
    Row("1HZ10V", 901_234, 2),
    Row("BOOM500", 5_123_456, 3),
    Row("BOOM1000", 12_345_678, 3),
    Row("CRASH500", 3_456_789, 3),
    Row("CRASH1000", 6_789_012, 3),
    Row("JD10", 16_543_210, 2),
    Row("JD25", 8_765_432, 2),
    Row("JD50", 5_432_109, 2),
    Row("JD75", 1_234_567, 2),
    Row("JD100", 2_345_678, 2),
    Row("stpRNG", 81_234, 1),
    Row("RDBULL", 11_234_567, 4),
    Row("RDBEAR", 9_876_543, 4),
    Row("frxAUDUSD", 66_123, 5),
    Row("frxEURGBP", 86_124, 5),
    Row("frxEURJPY", 177_050, 3),
    Row("frxEURCHF", 92_950, 5),
    Row("frxUSDCHF", 82_765, 5),
    Row("frxUSDCAD", 138_212, 5),
    Row("frxNZDUSD", 57_412, 5),
    Row("frxAUDJPY", 104_321, 3),
    Row("frxAUDCAD", 91_432, 5),
    Row("frxEURAUD", 169_812, 5),
    Row("frxEURCAD", 155_341, 5),
    Row("frxGBPJPY", 207_123, 3),
    Row("frxGBPCHF", 108_754, 5),
    Row("frxUSDPLN", 364_123, 5),
    Row("frxXAGUSD", 512_345, 4),
    Row("frxXPTUSD", 157_865, 2),
    Row("OTC_DJI", 4_723_410, 2),
    Row("OTC_GDAXI", 2_398_760, 2),
    Row("OTC_SX5E", 562_345, 2),
    Row("WLDAUD", 808_243, 3),
    Row("WLDEUR", 912_345, 3),
];

impl Market {
    pub(super) fn of(native: &str) -> Self {
        match native {
            _ if native.starts_with("cry") => Self::Crypto,
            _ if native.starts_with("frx") => Self::Forex,
            _ if native.starts_with("OTC_") => Self::Indices,
            _ => Self::Synthetic,
        }
    }

    /// As `active_symbols` writes it, and as people read it.
    pub(super) const fn names(self) -> [&'static str; 2] {
        match self {
            Self::Crypto => ["cryptocurrency", "Cryptocurrencies"],
            Self::Forex => ["forex", "Forex"],
            Self::Indices => ["indices", "Stock Indices"],
            Self::Synthetic => ["synthetic_index", "Derived"],
        }
    }
}

/// The first `count` instruments of the default list.
pub(super) fn default_list(count: usize) -> Vec<Listed> {
    ROWS.iter().take(count).map(Row::listed).collect()
}

/// The instruments of those names, spelled here as the exchange does or canonically.
///
/// # Errors
/// The first name that it could not have.
pub(super) fn list(symbols: &[String]) -> Result<Vec<Listed>, String> {
    symbols.iter().map(|symbol| find(symbol).ok_or_else(|| symbol.clone())).collect()
}

fn find(symbol: &str) -> Option<Listed> {
    let row = |native: &str| ROWS.iter().find(|row| row.0 == native);
    if let Some(pair) = symbol.split_once('/').map(|(base, quote)| format!("{base}{quote}")) {
        let [forex, crypto] = ["frx", "cry"].map(|market| format!("{market}{pair}"));
        let known = row(&forex).or_else(|| row(&crypto)).map(Row::listed);
        return known.or_else(|| plausible(&crypto));
    }
    row(symbol).map(Row::listed).or_else(|| plausible(symbol))
}

/// An instrument that is not on the list, if it could be.
fn plausible(native: &str) -> Option<Listed> {
    let is_id = (2..=ID_BYTES_MAX).contains(&native.len())
        && native.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_id.then(|| Row("", 100_000, 3).listed_as(native))
}

impl Row {
    fn listed(&self) -> Listed {
        self.listed_as(self.0)
    }

    fn listed_as(&self, native: &str) -> Listed {
        Listed {
            native: native.to_owned(),
            base: native.to_owned(),
            quote: "USD".to_owned(),
            price_digits: self.2,
            // Nobody sees sizes here; the market behind the prices has them.
            size_digits: 2,
            start: self.1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_listed_once_and_found_in_both_spellings() {
        let list = default_list(usize::MAX);
        for (index, listed) in list.iter().enumerate() {
            assert!(list[..index].iter().all(|other| other.native != listed.native));
            assert_eq!(find(&listed.native).as_ref(), Some(listed));
        }
        assert_eq!(find("EUR/USD").map(|listed| listed.native), Some("frxEURUSD".to_owned()));
        assert_eq!(find("R_200").map(|listed| listed.native), Some("R_200".to_owned()));
        assert_eq!(super::list(&["a b".to_owned()]), Err("a b".to_owned()));
        assert_eq!(find("BTC/USD").map(|listed| listed.native), Some("cryBTCUSD".to_owned()));
        assert_eq!(find("BTC/USD/T"), None);
    }
}
