//! The exchanges by their public ids.

use std::fmt;

/// Declares [`ExchangeId`] with the names that clients and the configuration write.
macro_rules! exchanges {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// One market by its public id. Two ids may share one adapter.
        #[repr(u8)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ExchangeId { $($(#[$doc])* $variant,)* }

        impl ExchangeId {
            /// Every exchange, in the order of its number.
            pub const ALL: [Self; [$($name,)*].len()] = [$(Self::$variant,)*];

            /// As clients and the configuration write it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

exchanges! {
    /// Binance spot.
    Binance = "binance",
    /// Binance USD-M futures.
    BinanceFutures = "binance-futures",
    /// OKX: spot, perpetuals and dated futures.
    Okx = "okx",
    /// Deriv, legacy and options socket.
    Deriv = "deriv",
    /// Bybit spot.
    Bybit = "bybit",
    /// Bybit linear contracts.
    BybitLinear = "bybit-linear",
    /// Coinbase Exchange.
    Coinbase = "coinbase",
    /// Coinbase Advanced Trade.
    CoinbaseAdvanced = "coinbase-advanced",
    /// Kraken spot, version 2 of its protocol.
    Kraken = "kraken",
    /// Kraken spot, version 1: recordings alone.
    KrakenV1 = "kraken-v1",
}

impl ExchangeId {
    /// False for a protocol that is read from recordings and never spoken.
    pub const fn is_live(self) -> bool {
        !matches!(self, Self::KrakenV1)
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
