//! The instruments that a simulated OKX lists: pairs of spot, perpetuals beside the busiest, and
//! options.

use std::io;

use crate::sim::listing::{self, Column, Listed};

/// Pairs that have a perpetual in the default list.
const PERPETUALS: usize = 10;

/// The class of an instrument, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Spot,
    Swap,
    Futures,
    Option,
}

impl Class {
    pub(super) fn of(native: &str) -> Self {
        match native.splitn(3, '-').nth(2) {
            None => Self::Spot,
            Some("SWAP") => Self::Swap,
            Some(rest) if rest.contains('-') => Self::Option,
            Some(_) => Self::Futures,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Spot => "SPOT",
            Self::Swap => "SWAP",
            Self::Futures => "FUTURES",
            Self::Option => "OPTION",
        }
    }
}

/// Options of the default list, one of them with a long name, and the place of the first.
const OPTIONS: [&str; 2] = ["BTC-USD-261225-100000-C", "1000SATS-USD-261225-0.00025-P"];
const OPTIONS_AT: usize = 10;

/// The first `count` of the default list: each pair, beside the first ones its perpetual, and after
/// some of them options.
pub(super) fn default_list(count: usize) -> Vec<Listed> {
    let pairs = listing::default_list(Column::Spot, usize::MAX);
    let contracts = listing::default_list(Column::Futures, usize::MAX);
    let both = pairs.into_iter().zip(contracts).enumerate().flat_map(|(rank, (pair, contract))| {
        let perpetual = (rank < PERPETUALS).then(|| named(contract, "-SWAP"));
        [Some(named(pair, "")), perpetual]
    });
    let mut list: Vec<Listed> = both.flatten().collect();
    let options = OPTIONS.into_iter().filter_map(|native| find(native).ok());
    list.splice(OPTIONS_AT..OPTIONS_AT, options);
    list.truncate(count);
    list
}

fn named(listed: Listed, contract: &str) -> Listed {
    Listed { native: format!("{}-{}{contract}", listed.base, listed.quote), ..listed }
}

/// The instruments of those names, which may have a slash for their first hyphen.
///
/// # Errors
/// When one has no base or no quote.
pub(super) fn list(symbols: &[String]) -> io::Result<Vec<Listed>> {
    symbols.iter().map(|symbol| find(&symbol.replace('/', "-").to_uppercase())).collect()
}

fn find(native: &str) -> io::Result<Listed> {
    let mut parts = native.splitn(3, '-');
    let (Some(base), Some(quote)) = (parts.next(), parts.next().filter(|part| !part.is_empty()))
    else {
        let text = format!("symbol `{native}` has no quote asset; write it like BTC-USDT");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    };
    let column = match Class::of(native) {
        Class::Spot => Column::Spot,
        Class::Swap | Class::Futures | Class::Option => Column::Futures,
    };
    let known = listing::list(column, &[format!("{base}{quote}")])
        .ok()
        .and_then(|mut list| list.pop().filter(|listed| listed.base == base));
    let usual = Listed {
        native: String::new(),
        base: base.to_owned(),
        quote: quote.to_owned(),
        price_digits: 4,
        size_digits: 2,
        start: 25_000,
    };
    Ok(Listed { native: native.to_owned(), ..known.unwrap_or(usual) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_list_has_pairs_perpetuals_and_options_each_once() {
        let list = default_list(60);
        let natives: Vec<&str> = list.iter().map(|listed| listed.native.as_str()).collect();
        assert_eq!(natives[..4], ["BTC-USDT", "BTC-USDT-SWAP", "ETH-USDT", "ETH-USDT-SWAP"]);
        assert_eq!(natives[OPTIONS_AT..][..2], OPTIONS);
        assert_eq!(list.len(), 60);
        for (index, native) in natives.iter().enumerate() {
            assert!(!natives[..index].contains(native), "{native}");
        }
    }

    #[test]
    fn any_name_with_a_quote_can_be_listed() {
        let names = ["btc/usdt", "UNI-USD-SWAP", "BTC-USD_UM-SWAP", "BTC-USD-220527"];
        let list = list(&names.map(str::to_owned)).expect("they have quotes");
        let natives: Vec<&str> = list.iter().map(|listed| listed.native.as_str()).collect();
        assert_eq!(natives, ["BTC-USDT", "UNI-USD-SWAP", "BTC-USD_UM-SWAP", "BTC-USD-220527"]);
        assert_eq!((list[0].price_digits, list[0].size_digits), (2, 5));
        assert!(super::list(&["BTC".to_owned()]).is_err());
    }
}
