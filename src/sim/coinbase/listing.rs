//! The products that a simulated Coinbase lists: pairs in dollars, and some in bitcoin.

use std::io;

use super::Product;
use crate::sim::listing::{self, Column, Listed};
use crate::sim::write::Scale;

/// Quotes whose prices are near those in USDT, in which the default list has most pairs.
const DOLLARS: [&str; 5] = ["USD", "USDC", "USDT", "EUR", "GBP"];

/// The first `count` products of the default list.
pub(super) fn default_list(count: usize) -> Vec<Listed> {
    let listed = listing::default_list(Column::Spot, usize::MAX).into_iter();
    let products = listed.filter_map(|listed| {
        let quote = match listed.quote.as_str() {
            "USDT" => "USD",
            "BTC" => "BTC",
            _ => return None,
        };
        Some(named(&listed.base.clone(), quote, listed))
    });
    products.take(count).collect()
}

fn named(base: &str, quote: &str, listed: Listed) -> Listed {
    Listed {
        native: format!("{base}-{quote}"),
        base: base.to_owned(),
        quote: quote.to_owned(),
        ..listed
    }
}

/// The products of those names, which may have a slash for their hyphen.
///
/// # Errors
/// When one has no base or no quote.
pub(super) fn list(symbols: &[String]) -> io::Result<Vec<Listed>> {
    symbols.iter().map(|symbol| find(&symbol.replace('/', "-").to_uppercase())).collect()
}

fn find(native: &str) -> io::Result<Listed> {
    let parts =
        native.split_once('-').filter(|(base, quote)| !base.is_empty() && !quote.is_empty());
    let Some((base, quote)) = parts else {
        let text = format!("symbol `{native}` has no quote asset; write it like BTC-USD");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    };
    let alike = if DOLLARS.contains(&quote) { "USDT" } else { quote };
    let candidates = [format!("{base}{alike}"), format!("{base}USDT")];
    let known = candidates.iter().find_map(|name| {
        listing::list(Column::Spot, std::slice::from_ref(name)).ok()?.into_iter().next()
    });
    let known = known.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    Ok(named(base, quote, known))
}

/// How one product is written.
#[derive(Clone, Debug)]
pub(in crate::sim) struct Spelling {
    pub(super) native: String,
    pub(super) base: String,
    pub(super) quote: String,
    pub(super) price: Scale,
    /// In trades.
    pub(super) size: Scale,
    /// In books.
    pub(super) resting: Scale,
    /// Sums of the day.
    pub(super) volume: Scale,
}

impl Spelling {
    /// The Exchange keeps the digits of ticks and lots in books and statistics; Advanced Trade
    /// drops zeros at the end everywhere.
    pub(super) fn new(listed: &Listed, product: Product) -> Self {
        let (price, size) = (listed.price_digits, listed.size_digits);
        let shortest = Scale::shortest(size);
        let (price, resting, volume) = match product {
            Product::Exchange => {
                (Scale::new(price, price), Scale::new(size, size), Scale::new(size, size.max(8)))
            }
            Product::Advanced => (Scale::shortest(price), shortest, shortest),
        };
        Self {
            native: listed.native.clone(),
            base: listed.base.clone(),
            quote: listed.quote.clone(),
            price,
            size: shortest,
            resting,
            volume,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_have_a_hyphen() {
        let names: Vec<String> = default_list(3).into_iter().map(|it| it.native).collect();
        assert_eq!(names, ["BTC-USD", "ETH-USD", "SOL-USD"]);
        assert!(default_list(usize::MAX).iter().any(|it| it.native == "ETH-BTC"));
        let listed = list(&["btc/usd".to_owned(), "SKL-GBP".to_owned()]).expect("pairs");
        assert_eq!((listed[0].native.as_str(), listed[0].price_digits), ("BTC-USD", 2));
        assert_eq!((listed[1].base.as_str(), listed[1].quote.as_str()), ("SKL", "GBP"));
        assert!(list(&["BTCUSD".to_owned()]).is_err());
    }
}
