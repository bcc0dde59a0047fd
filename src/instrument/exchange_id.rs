//! The exchanges by their public ids.

use std::fmt;

/// One market by its public id. Two ids may share one adapter.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExchangeId {
    /// Binance spot.
    Binance,
    /// Binance USD-M futures.
    BinanceFutures,
}

impl ExchangeId {
    /// Every exchange.
    pub const ALL: [Self; 2] = [Self::Binance, Self::BinanceFutures];

    /// As clients and the configuration write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Binance => "binance",
            Self::BinanceFutures => "binance-futures",
        }
    }

    /// The exchange of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|exchange| exchange.name() == name)
    }
}

impl fmt::Display for ExchangeId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
