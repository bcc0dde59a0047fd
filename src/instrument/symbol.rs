//! The canonical spelling: `BASE/QUOTE` in upper case, `BASE/QUOTE:SETTLE` for a perpetual,
//! an instrument's own name where it is no pair.

use std::fmt;

use arrayvec::ArrayString;

use crate::printable::is_odd;

/// Fact: longest canonical symbol in bytes. The longest known native one has 17 characters.
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
    #[error("a symbol has at most 40 bytes; write it like BTC/USDT")]
    TooLong,
    /// White space, a quote, what cannot be seen, or a mark that names of no exchange have.
    #[error(
        "a symbol has letters, digits and . _ - $ + alone, no white space, quotes or control \
         characters; write it like BTC/USDT"
    )]
    Forbidden,
    /// A second slash, or a colon that stands behind none.
    #[error("a symbol has one slash and one colon behind it at most; write it like BTC/USDT")]
    Form,
    /// A part of marks alone.
    #[error("a symbol has a part without letter or digit; write it like BTC/USDT")]
    Nameless,
}

/// Whether it can stand in a name. Exchanges have names in letters of any script; of the marks
/// those that mean something in a stream's name, a request or a list would make another of it.
fn is_of_name(c: char) -> bool {
    match c.is_ascii() {
        true => c.is_ascii_alphanumeric() || "._-$+".contains(c),
        false => !c.is_whitespace() && !is_odd(c),
    }
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
        if text.chars().any(|c| !is_of_name(c) && c != '/' && c != ':') {
            return Err(SymbolError::Forbidden);
        }
        let (base, behind) = text.split_once('/').unwrap_or((text, ""));
        let is_second = behind.contains('/') || behind.matches(':').count() > 1;
        if is_second || base.contains(':') {
            return Err(SymbolError::Form);
        }
        let has_name = |part: &str| part.contains(|c: char| !c.is_ascii_punctuation());
        if !text.split(['/', ':']).all(has_name) {
            return Err(SymbolError::Nameless);
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
        for name in ["币安人生/USDT", "ETH2.S/USD", "BTC-USD_UM_XPERP-310404", "R_100", "U/USDT"]
        {
            assert_eq!(Symbol::parse(name).expect("valid").as_str(), name);
        }
    }

    #[test]
    fn what_could_break_a_client_is_no_symbol() {
        assert_eq!(Symbol::parse(""), Err(SymbolError::Empty));
        assert_eq!(Symbol::parse("/USDT"), Err(SymbolError::Empty));
        assert_eq!(Symbol::parse("BTC/"), Err(SymbolError::Empty));
        assert_eq!(Symbol::parse("BTC /USDT"), Err(SymbolError::Forbidden));
        assert_eq!(Symbol::parse("BTC\"/USDT"), Err(SymbolError::Forbidden));
        for mark in
            "'`@,;?&#%*<>{}()=|~^!".chars().chain(['\u{200b}', '\u{202e}', '\u{feff}', '\0'])
        {
            let texts = [format!("BTC{mark}/USDT"), format!("{mark}BTCUSDT"), format!("BTC{mark}")];
            for text in texts {
                assert_eq!(Symbol::parse(&text), Err(SymbolError::Forbidden), "{text:?}");
            }
        }
        for text in ["BTC/USDT/X", "BTC/USDT:USDT:USDT", "BTC:USDT", "BTC:X/USDT"] {
            assert_eq!(Symbol::parse(text), Err(SymbolError::Form), "{text}");
        }
        for text in ["-", "..", "./USDT", "BTC/_", "BTC/USDT:-"] {
            assert_eq!(Symbol::parse(text), Err(SymbolError::Nameless), "{text}");
        }
        assert_eq!(Symbol::parse(&"X".repeat(41)), Err(SymbolError::TooLong));
    }
}
