//! How a client names instruments: one, a symbol wherever it trades, or all there are.

use std::fmt;

use super::{ExchangeId, InstrumentId, InstrumentTable, Symbol, SymbolError};

/// What a client wrote where instruments are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Name {
    /// `*`: every instrument, those to come too.
    All,
    /// `exchange:*`: every instrument of one exchange.
    AllOf(ExchangeId),
    /// `BTC/USDT`: that symbol on every exchange that carries it.
    Symbol(Symbol),
    /// `binance:BTC/USDT`: that symbol on that exchange.
    Instrument(ExchangeId, Symbol),
}

impl Name {
    /// Reads a name. A prefix that is no exchange is part of the symbol, as in `BTC/USDT:USDT`.
    ///
    /// # Errors
    /// When it is no symbol either.
    pub fn parse(text: &str) -> Result<Self, SymbolError> {
        if text == "*" {
            return Ok(Self::All);
        }
        let prefixed = text
            .split_once(':')
            .and_then(|(prefix, rest)| Some((ExchangeId::from_name(prefix)?, rest)));
        match prefixed {
            Some((exchange, "*")) => Ok(Self::AllOf(exchange)),
            Some((exchange, symbol)) => Ok(Self::Instrument(exchange, Symbol::parse(symbol)?)),
            None => Ok(Self::Symbol(Symbol::parse(text)?)),
        }
    }

    /// Whether it means this instrument.
    pub fn matches(&self, exchange: ExchangeId, symbol: &Symbol) -> bool {
        match self {
            Self::All => true,
            Self::AllOf(named) => *named == exchange,
            Self::Symbol(named) => named == symbol,
            Self::Instrument(on, named) => *on == exchange && named == symbol,
        }
    }

    /// Whether it may be named before any instrument carries it.
    pub const fn is_open(&self) -> bool {
        matches!(self, Self::All | Self::AllOf(_))
    }

    /// Every instrument that it means now, in the order of their ids.
    pub fn resolve(&self, table: &InstrumentTable) -> Vec<InstrumentId> {
        match self {
            Self::Instrument(exchange, symbol) => {
                table.find(*exchange, *symbol).into_iter().collect()
            }
            Self::Symbol(symbol) => table.find_all(*symbol).collect(),
            Self::All | Self::AllOf(_) => table
                .iter()
                .filter(|(_, instrument)| self.matches(instrument.exchange, &instrument.symbol))
                .map(|(id, _)| id)
                .collect(),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => formatter.write_str("*"),
            Self::AllOf(exchange) => write!(formatter, "{exchange}:*"),
            Self::Symbol(symbol) => write!(formatter, "{symbol}"),
            Self::Instrument(exchange, symbol) => write!(formatter, "{exchange}:{symbol}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use arrayvec::ArrayString;

    use super::super::Instrument;
    use super::*;

    fn table() -> InstrumentTable {
        let mut table = InstrumentTable::default();
        for (exchange, symbol) in [
            (ExchangeId::Binance, "BTC/USDT"),
            (ExchangeId::Binance, "ETH/USDT"),
            (ExchangeId::BinanceFutures, "BTC/USDT:USDT"),
            (ExchangeId::BinanceFutures, "BTC/USDT"),
        ] {
            table
                .add(Instrument {
                    exchange,
                    symbol: Symbol::parse(symbol).expect("valid"),
                    native: ArrayString::new(),
                    tick_size: None,
                    lot_size: None,
                })
                .expect("room");
        }
        table
    }

    #[test]
    fn names_mean_what_they_say() {
        let table = table();
        let resolve = |text: &str| -> Vec<u32> {
            let name = Name::parse(text).expect("a name");
            name.resolve(&table).into_iter().map(|id| id.0).collect()
        };
        assert_eq!(resolve("*"), [0, 1, 2, 3]);
        assert_eq!(resolve("binance-futures:*"), [2, 3]);
        assert_eq!(resolve("btc/usdt"), [0, 3]);
        assert_eq!(resolve("binance:BTC/USDT"), [0]);
        assert_eq!(resolve("BTC/USDT:USDT"), [2]);
        assert_eq!(resolve("binance-futures:BTC/USDT:USDT"), [2]);
        assert_eq!(resolve("kraken:BTC/USDT"), [] as [u32; 0]);
        assert_eq!(resolve("DOGE/USDT"), [] as [u32; 0]);
    }

    #[test]
    fn a_name_is_written_in_its_canonical_form() {
        for (text, canonical) in
            [("btc/usdt", "BTC/USDT"), ("binance:eth/usdt", "binance:ETH/USDT"), ("*", "*")]
        {
            assert_eq!(Name::parse(text).expect("a name").to_string(), canonical);
        }
        assert!(Name::parse("binance:").is_err());
        assert!(Name::parse("").is_err());
    }
}
