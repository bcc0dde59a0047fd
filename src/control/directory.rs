//! What one exchange trades, as its lists tell: how it spells a symbol, whether it has it at all,
//! and what comes nearest to one that it has not.
//!
//! A canonical name folds letters (`AAPLX/USD`), the exchange's spelling does not (`AAPLx/USD`). The
//! spelling by rule is a guess; the list knows:
//!
//! 1. the guess itself, where the list has it for the same pair;
//! 2. else the one instrument of that canonical name;
//! 3. where several fold to that name and none of them is the guess, none is meant.

use std::collections::HashMap;

use arrayvec::ArrayString;

use crate::exchange::{Listing, Listings};
use crate::instrument::{SYMBOL_BYTES_MAX, Symbol};
use crate::limits;

/// See [`limits::NEAREST_DISTANCE_MAX`].
const SHORT: usize = 8;

type Native = ArrayString<SYMBOL_BYTES_MAX>;

/// All that an exchange listed.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    entries: Vec<Listing>,
    places: HashMap<(Symbol, Native), usize>,
    by_symbol: HashMap<Symbol, Vec<usize>>,
    by_native: HashMap<Native, Vec<usize>>,
    is_whole: bool,
}

/// What a directory says of a symbol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing<'a> {
    /// This is it.
    Listed(&'a Listing),
    /// The exchange spells several instruments so that they fold to this name.
    Several(Vec<Native>),
    /// The exchange has no such instrument.
    Unlisted,
    /// The list is not whole, and what is there of it has none.
    Untold,
}

impl Directory {
    /// Whether it is known what is not listed.
    pub(super) const fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Takes in a list: a whole one replaces all that was told before. A list of nothing is taken
    /// for no list: some exchange answers so while it is being repaired. So is a whole one of more
    /// entries than any exchange has; of parts those are left out that are too many. Returns how many
    /// were not taken.
    #[must_use]
    pub fn note(&mut self, listings: &Listings) -> usize {
        if listings.whole && listings.entries.len() > limits::LIST_ENTRIES_MAX {
            return listings.entries.len();
        }
        if listings.whole && !listings.entries.is_empty() {
            *self = Self { is_whole: true, ..Self::default() };
        }
        let mut left_out = 0;
        for listing in &listings.entries {
            let (symbol, native) = (listing.instrument.symbol, listing.instrument.native);
            let is_known = self.places.contains_key(&(symbol, native));
            if !is_known && self.entries.len() >= limits::LIST_ENTRIES_MAX {
                left_out += 1;
                continue;
            }
            let place = *self.places.entry((symbol, native)).or_insert(self.entries.len());
            if place < self.entries.len() {
                self.entries[place] = listing.clone();
                continue;
            }
            self.by_symbol.entry(symbol).or_default().push(place);
            self.by_native.entry(native).or_default().push(place);
            self.entries.push(listing.clone());
        }
        left_out
    }

    /// Everything that trades now, in the order of the exchange's spelling.
    pub fn trading(&self) -> Vec<&Listing> {
        let mut trading: Vec<_> = self.entries.iter().filter(|one| one.trading).collect();
        trading.sort_by_key(|one| (one.instrument.native, one.instrument.symbol));
        trading
    }

    /// What there is of a symbol, which is spelled like `guess` by rule.
    pub fn find(&self, symbol: &Symbol, guess: &str) -> Standing<'_> {
        let guessed = ArrayString::from(guess).ok().and_then(|guess| self.by_native.get(&guess));
        let of = |places: Option<&Vec<usize>>| -> Vec<&Listing> {
            places.into_iter().flatten().filter_map(|&place| self.entries.get(place)).collect()
        };
        let mut guessed = of(guessed);
        guessed.retain(|one| is_same_pair(symbol, &one.instrument.symbol));
        let exact = guessed.iter().find(|one| one.instrument.symbol == *symbol);
        if let Some(one) = exact.or(guessed.first()) {
            return Standing::Listed(one);
        }
        match of(self.by_symbol.get(symbol))[..] {
            [one] => Standing::Listed(one),
            [] if self.is_whole => Standing::Unlisted,
            [] => Standing::Untold,
            ref several => {
                Standing::Several(several.iter().map(|one| one.instrument.native).collect())
            }
        }
    }

    /// Canonical names that were perhaps meant, the likeliest first: by the letters that differ,
    /// once case and separators are gone.
    pub fn nearest(&self, symbol: &Symbol, guess: &str) -> Vec<Symbol> {
        let wanted = [folded(symbol.as_str()), folded(guess)];
        let distance = |listing: &Listing| {
            let it = &listing.instrument;
            let names = [folded(&it.native), folded(it.symbol.as_str())];
            let pairs = wanted.iter().flat_map(|one| names.iter().map(move |two| (one, two)));
            pairs.filter_map(|(one, two)| distance(one, two)).min()
        };
        let mut near: Vec<_> = self
            .entries
            .iter()
            .filter_map(|one| Some((distance(one)?, !one.trading, one.instrument.symbol)))
            .collect();
        near.sort_unstable_by_key(|&(distance, idle, symbol)| {
            (distance, idle, symbol.as_str().len(), symbol)
        });
        let mut names: Vec<Symbol> = Vec::new();
        for (_, _, name) in near {
            if names.len() < limits::NEAREST_NAMES_MAX && !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}

/// Whether an instrument of the guessed spelling is the one that is meant: `BTC/USDT` and
/// `BTC/USDT:PERP` mean the perpetual, but `DO/TUSD` is not `DOT/USD` though both join to `DOTUSD`.
/// A name that is no pair is the exchange's own.
fn is_same_pair(symbol: &Symbol, listed: &Symbol) -> bool {
    match (symbol.parts(), listed.parts()) {
        (Some((base, quote, _)), Some((other_base, other_quote, _))) => {
            (base, quote) == (other_base, other_quote)
        }
        (None, _) | (_, None) => true,
    }
}

/// Letters and digits alone, in upper case.
fn folded(name: &str) -> Vec<char> {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect()
}

/// In how many letters two names differ (one more, one less, another, two swapped); `None` where
/// those are too many to take one for the other.
fn distance(one: &[char], two: &[char]) -> Option<usize> {
    let max = if one.len().min(two.len()) < SHORT { 1 } else { limits::NEAREST_DISTANCE_MAX };
    if one.len().abs_diff(two.len()) > max || one.is_empty() || two.is_empty() {
        return None;
    }
    let (mut before, mut row): (Vec<usize>, Vec<usize>) = (Vec::new(), (0..=two.len()).collect());
    for (index, a) in one.iter().enumerate() {
        let mut next = vec![index + 1];
        for (column, b) in two.iter().enumerate() {
            let replaced = row[column] + usize::from(a != b);
            let mut best = replaced.min(row[column + 1] + 1).min(next[column] + 1);
            let swapped = index > 0 && column > 0 && one[index - 1] == *b && two[column - 1] == *a;
            if swapped {
                best = best.min(before[column - 1] + 1);
            }
            next.push(best);
        }
        before = std::mem::replace(&mut row, next);
    }
    row.last().copied().filter(|distance| *distance <= max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instrument::{ExchangeId, Instrument};

    fn listing(symbol: &str, native: &str) -> Listing {
        Listing {
            instrument: Instrument {
                exchange: ExchangeId::Kraken,
                symbol: Symbol::parse(symbol).expect("valid"),
                native: ArrayString::from(native).expect("short"),
                tick_size: None,
                lot_size: None,
            },
            trading: true,
        }
    }

    fn directory(entries: &[(&str, &str)]) -> Directory {
        let entries = entries.iter().map(|(symbol, native)| listing(symbol, native)).collect();
        let mut directory = Directory::default();
        assert_eq!(directory.note(&Listings { entries, whole: true }), 0);
        directory
    }

    fn find<'a>(directory: &'a Directory, symbol: &str, guess: &str) -> Standing<'a> {
        directory.find(&Symbol::parse(symbol).expect("valid"), guess)
    }

    fn spelled(standing: &Standing<'_>) -> Option<String> {
        match standing {
            Standing::Listed(one) => Some(one.instrument.native.to_string()),
            _ => None,
        }
    }

    fn nearest(directory: &Directory, symbol: &str) -> Vec<String> {
        let symbol = Symbol::parse(symbol).expect("valid");
        let names = directory.nearest(&symbol, &symbol.as_str().replace('/', ""));
        names.iter().map(Symbol::to_string).collect()
    }

    #[test]
    fn the_list_spells_what_folds_to_a_name() {
        let kraken = directory(&[("AAPLx/USD", "AAPLx/USD"), ("BTC/USD", "BTC/USD")]);
        for written in ["AAPLx/USD", "AAPLX/USD", "aaplx/usd"] {
            let found = find(&kraken, written, "AAPLX/USD");
            assert_eq!(spelled(&found).as_deref(), Some("AAPLx/USD"), "{written}");
        }
        assert_eq!(find(&kraken, "AAPL/USD", "AAPL/USD"), Standing::Unlisted);
    }

    #[test]
    fn of_several_that_fold_to_a_name_the_one_spelled_like_it_is_meant_or_none() {
        let exact = directory(&[("ABx/USD", "ABx/USD"), ("ABX/USD", "ABX/USD")]);
        assert_eq!(spelled(&find(&exact, "ABx/USD", "ABX/USD")).as_deref(), Some("ABX/USD"));
        let none = directory(&[("ABx/USD", "ABx/USD"), ("aBX/USD", "aBX/USD")]);
        assert!(
            matches!(find(&none, "ABX/USD", "ABX/USD"), Standing::Several(two) if two.len() == 2)
        );
    }

    #[test]
    fn a_guess_that_is_another_pairs_name_is_not_believed() {
        let binance = directory(&[("DOT/USD", "DOTUSD"), ("BTC/USDT:USDT", "BTCUSDT")]);
        assert_eq!(find(&binance, "DO/TUSD", "DOTUSD"), Standing::Unlisted);
        assert_eq!(spelled(&find(&binance, "BTC/USDT", "BTCUSDT")).as_deref(), Some("BTCUSDT"));
        assert_eq!(spelled(&find(&binance, "DOTUSD", "DOTUSD")).as_deref(), Some("DOTUSD"));
        assert_eq!(find(&binance, "dotusd", "dotusd"), Standing::Unlisted);
        let advanced = directory(&[("BTC/USD", "BTC-USD"), ("BTC/USDC", "BTC-USD")]);
        let both = advanced.trading();
        assert_eq!(both.len(), 2, "one product under two names");
        assert_eq!(spelled(&find(&advanced, "BTC/USDC", "BTC-USD")).as_deref(), Some("BTC-USD"));
    }

    #[test]
    fn a_part_of_a_list_refuses_nothing_and_a_whole_one_forgets_what_it_has_not() {
        let mut directory = Directory::default();
        let part = |names: &[&str], whole| Listings {
            entries: names.iter().map(|name| listing(name, name)).collect(),
            whole,
        };
        assert_eq!(directory.note(&part(&["BTC/USD"], false)), 0);
        assert_eq!(find(&directory, "ETH/USD", "ETH/USD"), Standing::Untold);
        assert_eq!(directory.note(&part(&["ETH/USD", "SOL/USD"], true)), 0);
        assert_eq!(find(&directory, "BTC/USD", "BTC/USD"), Standing::Unlisted);
        assert_eq!(directory.note(&part(&["BTC/USD"], false)), 0);
        assert!(spelled(&find(&directory, "BTC/USD", "BTC/USD")).is_some());
        assert_eq!(directory.note(&part(&[], true)), 0);
        assert!(spelled(&find(&directory, "ETH/USD", "ETH/USD")).is_some(), "no list at all");
    }

    #[test]
    fn a_list_longer_than_any_is_not_believed_and_parts_are_taken_up_to_the_bound() {
        let max = limits::LIST_ENTRIES_MAX;
        let part = |range: std::ops::Range<usize>, whole| {
            let names = range.map(|number| format!("A{number}/USD"));
            Listings { entries: names.map(|name| listing(&name, &name)).collect(), whole }
        };
        let mut directory = Directory::default();
        assert_eq!(directory.note(&part(0..3, true)), 0);
        assert_eq!(directory.note(&part(0..max + 1, true)), max + 1);
        assert_eq!(directory.entries.len(), 3, "as if nothing had been told");
        assert_eq!(directory.note(&part(0..max + 7, false)), 7);
        assert_eq!(directory.note(&part(0..max, false)), 0, "those are known");
        assert_eq!(directory.entries.len(), max);
        assert_eq!(directory.note(&part(0..max, true)), 0);
    }

    #[test]
    fn names_that_were_perhaps_meant_are_found() {
        let binance = directory(&[
            ("BTC/USDT", "BTCUSDT"),
            ("ETH/USDT", "ETHUSDT"),
            ("BTC/USDC", "BTCUSDC"),
            ("SOL/BTC", "SOLBTC"),
        ]);
        for wrong in ["btcusdt", "BTC-USDT", "BTC_USDT", "BTC/USDTT", "BCT/USDT"] {
            assert_eq!(nearest(&binance, wrong)[0], "BTC/USDT", "{wrong}");
        }
        assert_eq!(nearest(&binance, "BTCUSDT").len(), 2, "not the one three letters away");
        assert!(nearest(&binance, "NOPE/USDT").is_empty());
    }
}
