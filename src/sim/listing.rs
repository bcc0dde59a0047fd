//! The instruments that a simulated exchange lists.

use std::io;

/// One listed instrument. Prices are whole ticks of 10⁻ᵖʳⁱᶜᵉ⁻ᵈⁱᵍⁱᵗˢ, sizes whole lots likewise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    /// The exchange's spelling, upper case.
    pub native: String,
    /// Base asset.
    pub base: String,
    /// Quote asset.
    pub quote: String,
    /// Digits after the point of one tick.
    pub price_digits: u8,
    /// Digits after the point of one lot.
    pub size_digits: u8,
    /// Price at which it starts, in ticks; at least 20.
    pub start: i64,
}

/// A text that is no instrument this simulator can list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("symbol `{symbol}`: its base and quote cannot be told apart; end it in one of {QUOTES:?}")]
pub struct UnknownSymbol {
    /// As it was given.
    pub symbol: String,
}

impl From<UnknownSymbol> for io::Error {
    fn from(error: UnknownSymbol) -> Self {
        Self::new(io::ErrorKind::InvalidInput, error)
    }
}

/// Digits of a tick and of a lot, on spot and on futures, as the exchange lists them (read off its
/// public listings, 2026); a symbol that futures spell otherwise has its own row.
struct Row(&'static str, &'static str, i64, [u8; 2], [u8; 2]);

/// Quote assets by which a symbol without separator is split, longest first.
const QUOTES: [&str; 10] =
    ["FDUSD", "USDT", "USDC", "BTC", "ETH", "BNB", "EUR", "TRY", "ARS", "USD"];

/// The default list: base, quote, start in 10⁻⁸ of quote, tick and lot digits on spot, on futures.
/// The busiest come first. One has a tick of 10⁻⁸, one is worth a hundred million.
const ROWS: [Row; 50] = [
    Row("BTC", "USDT", 6_354_000_000_000, [2, 5], [1, 3]),
    Row("ETH", "USDT", 177_338_000_000, [2, 4], [2, 3]),
    Row("SOL", "USDT", 14_325_000_000, [2, 3], [3, 2]),
    Row("XRP", "USDT", 213_560_000, [4, 1], [4, 1]),
    Row("DOGE", "USDT", 16_432_000, [5, 0], [5, 0]),
    Row("BNB", "USDT", 61_240_000_000, [2, 3], [2, 2]),
    Row("PEPE", "USDT", 1_042, [8, 0], [8, 0]),
    Row("ADA", "USDT", 56_780_000, [4, 1], [5, 0]),
    Row("LINK", "USDT", 1_324_000_000, [3, 2], [3, 2]),
    Row("AVAX", "USDT", 1_876_000_000, [3, 2], [4, 0]),
    Row("SUI", "USDT", 294_300_000, [4, 1], [6, 1]),
    Row("LTC", "USDT", 8_542_000_000, [2, 3], [2, 3]),
    Row("TRX", "USDT", 27_180_000, [4, 1], [5, 0]),
    Row("DOT", "USDT", 402_300_000, [3, 2], [3, 1]),
    Row("BCH", "USDT", 42_170_000_000, [1, 3], [2, 3]),
    Row("NEAR", "USDT", 241_200_000, [3, 1], [4, 0]),
    Row("APT", "USDT", 482_100_000, [3, 2], [5, 1]),
    Row("UNI", "USDT", 722_900_000, [3, 2], [4, 0]),
    Row("ARB", "USDT", 34_510_000, [4, 1], [6, 1]),
    Row("OP", "USDT", 63_850_000, [3, 2], [7, 1]),
    Row("FIL", "USDT", 254_300_000, [3, 2], [3, 1]),
    Row("ATOM", "USDT", 421_400_000, [3, 2], [3, 2]),
    Row("ETC", "USDT", 1_683_000_000, [2, 2], [3, 2]),
    Row("XLM", "USDT", 26_140_000, [4, 0], [5, 0]),
    Row("AAVE", "USDT", 26_412_000_000, [2, 3], [2, 1]),
    Row("INJ", "USDT", 1_142_000_000, [3, 2], [6, 1]),
    Row("TIA", "USDT", 174_200_000, [4, 2], [7, 0]),
    Row("SEI", "USDT", 18_320_000, [4, 1], [7, 0]),
    Row("WIF", "USDT", 82_300_000, [3, 2], [4, 1]),
    Row("SHIB", "USDT", 1_264, [8, 0], [8, 0]),
    Row("BONK", "USDT", 1_873, [8, 0], [8, 0]),
    Row("FLOKI", "USDT", 9_321, [8, 0], [8, 0]),
    Row("HBAR", "USDT", 15_430_000, [5, 0], [5, 0]),
    Row("ALGO", "USDT", 18_320_000, [4, 0], [4, 1]),
    Row("ICP", "USDT", 491_200_000, [3, 2], [3, 0]),
    Row("RUNE", "USDT", 132_500_000, [3, 1], [4, 0]),
    Row("GALA", "USDT", 1_584_000, [5, 0], [5, 0]),
    Row("SAND", "USDT", 26_310_000, [4, 0], [5, 0]),
    Row("MANA", "USDT", 27_420_000, [4, 0], [4, 0]),
    Row("CRV", "USDT", 53_200_000, [4, 1], [3, 1]),
    Row("LDO", "USDT", 81_400_000, [4, 2], [4, 0]),
    Row("1000SATS", "USDT", 4_310, [8, 0], [7, 0]),
    Row("BTC", "USDC", 6_353_800_000_000, [2, 5], [1, 3]),
    Row("ETH", "USDC", 177_331_000_000, [2, 4], [2, 3]),
    Row("ETH", "BTC", 2_791_000, [5, 4], [5, 3]),
    Row("BNB", "BTC", 963_800, [6, 3], [6, 2]),
    Row("SOL", "BTC", 225_400, [7, 3], [7, 2]),
    Row("ADA", "BTC", 894, [8, 1], [8, 0]),
    Row("BTC", "TRY", 268_210_000_000_000, [0, 5], [0, 5]),
    Row("BTC", "ARS", 9_213_400_000_000_000, [0, 5], [0, 5]),
];

/// Which column of the list an exchange uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    /// Spot.
    Spot,
    /// Futures.
    Futures,
}

/// The first `count` instruments of the default list.
pub(super) fn default_list(column: Column, count: usize) -> Vec<Listed> {
    ROWS.iter().take(count).map(|row| row.listed(column)).collect()
}

/// The instruments of those names: as the default list has them, else with plausible properties.
///
/// # Errors
/// When base and quote of a name cannot be told apart.
pub(super) fn list(column: Column, symbols: &[String]) -> Result<Vec<Listed>, UnknownSymbol> {
    symbols.iter().map(|symbol| find(column, symbol)).collect()
}

fn find(column: Column, symbol: &str) -> Result<Listed, UnknownSymbol> {
    let native = symbol.replace('/', "").to_uppercase();
    let known = ROWS.iter().map(|row| row.listed(column)).find(|listed| listed.native == native);
    if let Some(listed) = known {
        return Ok(listed);
    }
    let (base, quote) =
        split(&native).ok_or_else(|| UnknownSymbol { symbol: symbol.to_owned() })?;
    let (base, quote) = (base.to_owned(), quote.to_owned());
    Ok(Listed { native, base, quote, price_digits: 4, size_digits: 2, start: 25_000 })
}

/// Base and quote of a symbol without separator, by the quotes that exist.
pub(super) fn split(native: &str) -> Option<(&str, &str)> {
    let quote =
        QUOTES.into_iter().find(|quote| native.len() > quote.len() && native.ends_with(quote))?;
    Some((&native[..native.len() - quote.len()], quote))
}

impl Row {
    fn listed(&self, column: Column) -> Listed {
        let &Self(base, quote, start, spot, futures) = self;
        let [price_digits, size_digits] = match column {
            Column::Spot => spot,
            Column::Futures => futures,
        };
        Listed {
            native: format!("{base}{quote}"),
            base: base.to_owned(),
            quote: quote.to_owned(),
            price_digits,
            size_digits,
            start: (start / 10_i64.pow(8 - u32::from(price_digits))).max(20),
        }
    }
}

impl Listed {
    /// Contracts that are open, in lots: it stands still.
    pub(super) fn open_lots(&self) -> i64 {
        self.order_lots().saturating_mul(20_000)
    }

    /// A usual order in lots: worth about a thousand dollars.
    pub(super) fn order_lots(&self) -> i64 {
        // In 10⁻⁴ of the quote asset.
        let worth: i128 = match self.quote.as_str() {
            "BTC" => 200,
            "ETH" => 5_000,
            "BNB" => 16_000,
            "TRY" => 400_000_000,
            "ARS" => 10_000_000_000,
            _ => 10_000_000,
        };
        let scale = 10_i128.pow(u32::from(self.price_digits) + u32::from(self.size_digits));
        let lots = worth * scale / (10_000 * i128::from(self.start));
        i64::try_from(lots).unwrap_or(i64::MAX).clamp(2, 1 << 40)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_list_has_fifty_names_each_once() {
        for column in [Column::Spot, Column::Futures] {
            let list = default_list(column, usize::MAX);
            assert_eq!(list.len(), 50);
            for (index, listed) in list.iter().enumerate() {
                assert!(list[..index].iter().all(|other| other.native != listed.native));
                assert!(listed.start >= 20, "{} starts at {}", listed.native, listed.start);
                assert!(split(&listed.native).is_some());
            }
        }
    }

    #[test]
    fn any_pair_can_be_listed_and_other_texts_cannot() {
        let listed = list(Column::Spot, &["abc/usdt".to_owned()]).expect("a pair");
        assert_eq!((listed[0].native.as_str(), listed[0].base.as_str()), ("ABCUSDT", "ABC"));
        assert!(list(Column::Spot, &["BTCXYZ".to_owned()]).is_err());
        assert!(list(Column::Spot, &["USDT".to_owned()]).is_err());
    }
}
