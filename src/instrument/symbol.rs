//! The canonical spelling: `BASE/QUOTE` in upper case, `BASE/QUOTE:SETTLE` for a perpetual,
//! an instrument's own name where it is no pair.

use std::fmt;

use arrayvec::ArrayString;

/// Longest canonical symbol in bytes. The longest known native one has 17 characters.
pub const SYMBOL_BYTES_MAX: usize = 40;

/// A canonical symbol such as `BTC/USDT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol(ArrayString<SYMBOL_BYTES_MAX>);

/// Why a text is no [`Symbol`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SymbolError {
    /// Nothing there, or nothing on one side of the slash.
    #[error("a symbol has a part with no characters; write it like BTC/USDT")]
    Empty,
    /// Longer than [`SYMBOL_BYTES_MAX`].
    #[error("a symbol has at most 40 bytes")]
    TooLong,
    /// White space, a quote, a backslash or a control character.
    #[error("a symbol has no white space, quotes, backslashes or control characters")]
    Forbidden,
}

impl Symbol {
    /// Reads a canonical symbol; letters of pairs are raised to upper case.
    ///
    /// # Errors
    /// See [`SymbolError`].
    pub fn parse(text: &str) -> Result<Self, SymbolError> {
        if text.split(['/', ':']).any(str::is_empty) {
            return Err(SymbolError::Empty);
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '"' || c == '\\') {
            return Err(SymbolError::Forbidden);
        }
        let mut symbol = ArrayString::from(text).map_err(|_| SymbolError::TooLong)?;
        if text.contains('/') {
            symbol.make_ascii_uppercase();
        }
        Ok(Self(symbol))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Base, quote and, for a derivative, what follows the colon; `None` for what is no pair.
    pub fn parts(&self) -> Option<(&str, &str, Option<&str>)> {
        let (base, rest) = self.0.split_once('/')?;
        match rest.split_once(':') {
            Some((quote, settle)) => Some((base, quote, Some(settle))),
            None => Some((base, rest, None)),
        }
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_raised_to_upper_case_and_other_names_kept() {
        assert_eq!(Symbol::parse("btc/usdt").expect("valid").as_str(), "BTC/USDT");
        assert_eq!(Symbol::parse("cryBTCUSD").expect("valid").as_str(), "cryBTCUSD");
        let perpetual = Symbol::parse("BTC/USDT:USDT").expect("valid");
        assert_eq!(perpetual.parts(), Some(("BTC", "USDT", Some("USDT"))));
    }

    #[test]
    fn what_could_break_a_client_is_no_symbol() {
        assert_eq!(Symbol::parse(""), Err(SymbolError::Empty));
        assert_eq!(Symbol::parse("/USDT"), Err(SymbolError::Empty));
        assert_eq!(Symbol::parse("BTC/"), Err(SymbolError::Empty));
        assert_eq!(Symbol::parse("BTC /USDT"), Err(SymbolError::Forbidden));
        assert_eq!(Symbol::parse("BTC\"/USDT"), Err(SymbolError::Forbidden));
        assert_eq!(Symbol::parse(&"X".repeat(41)), Err(SymbolError::TooLong));
    }
}
