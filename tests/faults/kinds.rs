//! The exchanges, a line each, and what can be proven on them.

use tickwire::instrument::ExchangeId;

/// An exchange under test.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) exchange: ExchangeId,
    /// Two instruments as it spells them.
    pub(super) natives: [&'static str; 2],
    /// What shows that a frame of a book is missing, late or repeated, or that it lies.
    pub(super) books: Proof,
    /// What its trades are.
    pub(super) trades: Trades,
    /// Levels of each side that its clients know of.
    pub(super) depth: usize,
}

/// What a client can find out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// Every event is numbered: what is missing shows, what lies does not.
    Numbers,
    /// Every event of a book proves the whole of it.
    Checksum,
}

/// What an exchange tells as one trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trades {
    /// Each match of an order with a maker, numbered.
    Matches,
    /// All matches of one order at one price, numbered.
    Orders,
}

/// Every exchange that has a simulator.
pub(crate) static KINDS: &[Kind] = &[
    Kind {
        exchange: ExchangeId::Okx,
        natives: ["BTC-USDT", "ETH-USDT"],
        books: Proof::Numbers,
        trades: Trades::Matches,
        depth: usize::MAX,
    },
    Kind {
        exchange: ExchangeId::Binance,
        natives: ["BTCUSDT", "ETHUSDT"],
        books: Proof::Numbers,
        trades: Trades::Matches,
        depth: usize::MAX,
    },
    Kind {
        exchange: ExchangeId::BinanceFutures,
        natives: ["BTCUSDT", "ETHUSDT"],
        books: Proof::Numbers,
        trades: Trades::Orders,
        depth: usize::MAX,
    },
];

impl Kind {
    /// The exchange of that name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.exchange.name() == name)
    }
}
