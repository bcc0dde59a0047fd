//! What is traded: one symbol on one exchange is an instrument, known inside by its
//! [`InstrumentId`] alone. Symbols stop at the parser and begin again at a client's dialect.

mod exchange_id;
mod symbol;
mod table;

pub use exchange_id::ExchangeId;
pub use symbol::{SYMBOL_BYTES_MAX, Symbol, SymbolError};
pub use table::{Instrument, InstrumentTable, Listed, NativeMap, TableError};

/// Index of an instrument in the [`InstrumentTable`] of this process run.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstrumentId(pub u32);

impl InstrumentId {
    /// No instrument: a statement about a whole feed.
    pub const NONE: Self = Self(u32::MAX);

    /// As an index.
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A kind of stream that one can ask for.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// Prints.
    Trades,
    /// Best bid and ask.
    Quotes,
    /// 24 h statistics.
    Ticker,
    /// The book.
    Orderbook,
    /// Open, high, low, close, volume.
    Candles,
    /// State of the feeds.
    Status,
}

impl Channel {
    /// Every channel.
    pub const ALL: [Self; 6] =
        [Self::Trades, Self::Quotes, Self::Ticker, Self::Orderbook, Self::Candles, Self::Status];

    /// As clients and the configuration write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trades => "trades",
            Self::Quotes => "quotes",
            Self::Ticker => "ticker",
            Self::Orderbook => "orderbook",
            Self::Candles => "candles",
            Self::Status => "status",
        }
    }

    /// The channel of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.name() == name)
    }
}
