//! The instruments that a simulated Kraken lists, and the older names by which requests know them:
//! `BTC/USD` of the streams is `XXBTZUSD`, `XBTUSD` or `XBT/USD` there.

use std::io;

use crate::sim::listing::{self, Column, Listed};

/// A tokenised stock, whose name has a small letter, and its place in the default list.
const STOCK: (&str, usize) = ("AAPLx/USD", 7);

/// Assets of Kraken's first years, whose ids have a letter before them.
const OLD_COINS: [&str; 11] =
    ["XBT", "ETH", "XRP", "LTC", "XDG", "XLM", "ETC", "XMR", "ZEC", "REP", "MLN"];
const OLD_MONEY: [&str; 6] = ["USD", "EUR", "GBP", "JPY", "CAD", "AUD"];

/// The first `count` of the default list.
pub(super) fn default_list(count: usize) -> io::Result<Vec<Listed>> {
    let usual = listing::default_list(Column::Spot, usize::MAX);
    let mut list: Vec<Listed> = usual.into_iter().map(in_dollars).collect();
    list.insert(STOCK.1, listed(STOCK.0)?);
    list.truncate(count);
    Ok(list)
}

/// The same instrument priced in dollars, as Kraken's busiest are.
fn in_dollars(listed: Listed) -> Listed {
    match listed.quote.as_str() {
        "USDT" => Listed { quote: "USD".to_owned(), ..listed },
        _ => listed,
    }
}

/// The instruments of those names.
pub(super) fn list(symbols: &[String]) -> io::Result<Vec<Listed>> {
    symbols.iter().map(|symbol| listed(symbol)).collect()
}

/// As the default list has it, else with plausible properties.
fn listed(symbol: &str) -> io::Result<Listed> {
    let parts =
        symbol.split_once('/').filter(|(base, quote)| !base.is_empty() && !quote.is_empty());
    let Some((base, quote)) = parts else {
        let text = format!("symbol `{symbol}`: write it like BTC/USD");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    };
    let known = format!("{base}{}", if quote == "USD" { "USDT" } else { quote });
    let found = listing::list(Column::Spot, &[known]).ok().and_then(|mut list| list.pop());
    let (base, quote) = (base.to_owned(), quote.to_owned());
    Ok(match found {
        Some(found) => Listed { base, quote, ..found },
        None => {
            let native = format!("{base}{quote}");
            Listed { native, base, quote, price_digits: 4, size_digits: 2, start: 25_000 }
        }
    })
}

/// Whether an asset is a tokenised stock.
pub(super) fn is_stock(base: &str) -> bool {
    base.bytes().any(|byte| byte.is_ascii_lowercase())
}

/// An asset as requests call it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asset {
    /// Such as `XXBT`.
    pub(super) id: String,
    /// Such as `XBT`.
    pub(super) short: String,
}

impl Asset {
    fn new(name: &str) -> Self {
        let short = match name {
            "BTC" => "XBT",
            "DOGE" => "XDG",
            other => other,
        };
        let letter = match short {
            coin if OLD_COINS.contains(&coin) => "X",
            money if OLD_MONEY.contains(&money) => "Z",
            _ => "",
        };
        Self { id: format!("{letter}{short}"), short: short.to_owned() }
    }

    fn is_old(&self) -> bool {
        self.id != self.short
    }
}

/// An instrument as requests call it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Names {
    /// As it stands in answers, such as `XXBTZUSD`.
    pub(super) key: String,
    /// Such as `XBTUSD`.
    pub(super) short: String,
    /// As the first version of the streams has it, such as `XBT/USD`.
    pub(super) old_stream: String,
    /// As the streams have it, such as `BTC/USD`.
    pub(super) stream: String,
    pub(super) base: Asset,
    pub(super) quote: Asset,
}

impl Names {
    pub(super) fn new(listed: &Listed) -> Self {
        let (base, quote) = (Asset::new(&listed.base), Asset::new(&listed.quote));
        let short = format!("{}{}", base.short, quote.short);
        // Dogecoin's pairs with money are younger than its id.
        let is_old = base.is_old() && quote.is_old();
        let is_young = base.short == "XDG" && quote.id.starts_with('Z');
        let key = match is_old && !is_young {
            true => format!("{}{}", base.id, quote.id),
            false => short.clone(),
        };
        Self {
            key,
            short,
            old_stream: format!("{}/{}", base.short, quote.short),
            stream: format!("{}/{}", listed.base, listed.quote),
            base,
            quote,
        }
    }

    /// Whether a request means this one.
    pub(super) fn is(&self, name: &str) -> bool {
        [&self.key, &self.short, &self.old_stream, &self.stream].into_iter().any(|own| own == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_assets_have_their_letter_and_old_pairs_two() {
        let names = |symbol: &str| {
            let names = Names::new(&listed(symbol).expect("a pair"));
            [names.key, names.old_stream]
        };
        assert_eq!(names("BTC/USD"), ["XXBTZUSD", "XBT/USD"]);
        assert_eq!(names("ETH/BTC"), ["XETHXXBT", "ETH/XBT"]);
        assert_eq!(names("DOGE/USD"), ["XDGUSD", "XDG/USD"]);
        assert_eq!(names("DOGE/BTC"), ["XXDGXXBT", "XDG/XBT"]);
        assert_eq!(names("BTC/USDT"), ["XBTUSDT", "XBT/USDT"]);
        assert_eq!(names("SOL/USD"), ["SOLUSD", "SOL/USD"]);
    }
}
