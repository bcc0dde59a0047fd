//! How clients name instruments.

use super::fields::{BadRequest, cut};
use crate::instrument::{ExchangeId, Instrument, InstrumentId, InstrumentTable, Symbol};

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Naming {
    /// `*`: every instrument.
    All,
    /// `kraken:*`: every instrument of an exchange.
    Exchange(ExchangeId),
    /// `BTC/USDT`, or as an exchange spells it: that symbol on every exchange that carries it.
    Symbol(Symbol),
    /// `kraken:BTC/USD`.
    Instrument(ExchangeId, Symbol),
}

/// A name as a client wrote it, and what it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// As written; answers repeat it.
    pub text: String,
    /// What it stands for.
    pub naming: Naming,
}

impl Name {
    /// Reads a name. What stands before the first colon counts as an exchange when it is one, as
    /// symbols have colons of their own (`BTC/USDT:USDT`).
    ///
    /// # Errors
    /// [`BadRequest::UnknownSymbol`] for what no symbol can look like.
    pub fn parse(text: &str) -> Result<Self, BadRequest> {
        let exchange = text
            .split_once(':')
            .and_then(|(exchange, rest)| Some((ExchangeId::from_name(exchange)?, rest)));
        let symbol = |text: &str| {
            Symbol::parse(text)
                .map_err(|cause| BadRequest::UnknownSymbol { name: cut(text), cause })
        };
        let naming = match exchange {
            None if text == "*" => Naming::All,
            None => Naming::Symbol(symbol(text)?),
            Some((exchange, "*")) => Naming::Exchange(exchange),
            Some((exchange, rest)) => Naming::Instrument(exchange, symbol(rest)?),
        };
        Ok(Self { text: text.to_owned(), naming })
    }
}

impl Naming {
    /// Whether it stands for the instrument.
    pub fn includes(&self, instrument: &Instrument) -> bool {
        let is_named =
            |named: &Symbol| *named == instrument.symbol || *named.as_str() == *instrument.native;
        match self {
            Self::All => true,
            Self::Exchange(exchange) => *exchange == instrument.exchange,
            Self::Symbol(named) => is_named(named),
            Self::Instrument(exchange, named) => {
                *exchange == instrument.exchange && is_named(named)
            }
        }
    }

    /// Calls `found` with every instrument of the table that it stands for, in their order.
    pub fn resolve(&self, table: &InstrumentTable, mut found: impl FnMut(InstrumentId)) {
        match self {
            Self::All => table.carried().for_each(|(id, _)| found(id)),
            Self::Exchange(exchange) => table
                .carried()
                .filter(|(_, instrument)| instrument.exchange == *exchange)
                .for_each(|(id, _)| found(id)),
            Self::Symbol(symbol) => table.find_all(*symbol).for_each(found),
            Self::Instrument(exchange, symbol) => {
                table.find(*exchange, *symbol).into_iter().for_each(found);
            }
        }
    }
}
