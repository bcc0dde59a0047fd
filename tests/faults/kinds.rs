//! The exchanges, a line each, and what can be proven on them.

use tickwire::instrument::{Channel, ExchangeId};
use tickwire::sim::{Era, Fault, Of, TrueTrade};
use tickwire::tick::Interval;

/// An exchange under test.
#[derive(Debug)]
pub(crate) struct Kind {
    /// How seeds of it are asked for.
    pub(crate) name: &'static str,
    pub(super) exchange: ExchangeId,
    pub(super) era: Era,
    /// Two instruments as it spells them.
    pub(super) natives: [&'static str; 2],
    pub(super) books: Books,
    /// Levels of each side that its clients know, or as far as a checksum proves them.
    pub(super) depth: usize,
    pub(super) trades: Trades,
    /// Lengths of candles that the exchange makes itself, of those that a seed is long enough for.
    pub(super) own_candles: &'static [Interval],
}

/// What shows that a frame of a book is missing, late or cut, or that it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Books {
    /// Every event is numbered: what is missing shows, what lies does not.
    Numbered,
    /// The same, and every event proves the best levels.
    NumberedAndSummed,
    /// Every event proves the best levels, and nothing else does.
    Summed,
    /// Nothing does.
    Unproven,
    /// There are none.
    None,
}

/// What an exchange tells as one trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trades {
    /// Each match of an order with a maker, by numbers without a hole.
    Matches,
    /// All matches of one order at one price, likewise.
    Orders,
    /// Each match, by an id that tells nothing of its neighbours.
    Unnumbered,
    /// None: its prices by the second, as statistics, instead.
    Prices,
}

const fn kind(
    exchange: ExchangeId,
    natives: [&'static str; 2],
    books: Books,
    trades: Trades,
) -> Kind {
    let (name, era, depth) = (exchange.name(), Era::Current, usize::MAX);
    let own_candles: &[Interval] = match exchange {
        ExchangeId::Binance | ExchangeId::Okx => &[Interval::Second1, Interval::Minute1],
        ExchangeId::CoinbaseAdvanced => &[Interval::Minute5],
        ExchangeId::Coinbase | ExchangeId::KrakenV1 => &[],
        _ => &[Interval::Minute1],
    };
    Kind { name, exchange, era, natives, books, depth, trades, own_candles }
}

/// Every exchange that has a simulator.
pub(crate) static KINDS: &[Kind] = &[
    kind(ExchangeId::Binance, ["BTCUSDT", "ETHUSDT"], Books::Numbered, Trades::Matches),
    kind(ExchangeId::BinanceFutures, ["BTCUSDT", "ETHUSDT"], Books::Numbered, Trades::Orders),
    kind(ExchangeId::Coinbase, ["BTC-USD", "ETH-USD"], Books::Unproven, Trades::Matches),
    kind(ExchangeId::CoinbaseAdvanced, ["BTC-USD", "ETH-USD"], Books::Numbered, Trades::Matches),
    Kind {
        depth: 10,
        ..kind(ExchangeId::Kraken, ["BTC/USD", "ETH/USD"], Books::Summed, Trades::Matches)
    },
    Kind {
        depth: 200,
        ..kind(ExchangeId::Bybit, ["BTCUSDT", "ETHUSDT"], Books::Numbered, Trades::Unnumbered)
    },
    Kind {
        depth: 200,
        ..kind(ExchangeId::BybitLinear, ["BTCUSDT", "ETHUSDT"], Books::Numbered, Trades::Unnumbered)
    },
    Kind {
        depth: 400,
        ..kind(ExchangeId::Okx, ["BTC-USDT", "ETH-USDT"], Books::Numbered, Trades::Matches)
    },
    kind(ExchangeId::Deriv, ["R_100", "1HZ100V"], Books::None, Trades::Prices),
    Kind {
        name: "okx-checksums",
        era: Era::Checksums,
        depth: 25,
        ..kind(
            ExchangeId::Okx,
            ["BTC-USDT", "BTC-USDT-SWAP"],
            Books::NumberedAndSummed,
            Trades::Matches,
        )
    },
];

impl Kind {
    /// The exchange of that name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.name == name)
    }

    /// Whether a client can find out that this happened. What comes over TCP is neither lost nor
    /// mixed up on its way; where an exchange itself does that, and tells it by nothing, no client
    /// can do anything about it.
    pub(super) const fn shows(&self, fault: &Fault) -> bool {
        match fault {
            Fault::Corrupt { of, .. } => {
                matches!(of, Of::Depth)
                    && matches!(self.books, Books::NumberedAndSummed | Books::Summed)
            }
            // A muted stream speaks again with any request, maybe before its silence is odd.
            Fault::Mute { of: Of::Trade, .. } => !matches!(self.trades, Trades::Unnumbered),
            Fault::Mute { of: Of::Depth, .. } => !matches!(self.books, Books::Unproven),
            // A sum is right for what it was the sum of, even behind its successor.
            Fault::Reorder { of: Of::Depth, .. } => {
                matches!(self.books, Books::Numbered | Books::NumberedAndSummed)
            }
            Fault::Drop { of, .. } | Fault::Reorder { of, .. } | Fault::Cut { of, .. } => {
                match of {
                    Of::Depth => !matches!(self.books, Books::Unproven | Books::None),
                    Of::Trade => !matches!(self.trades, Trades::Unnumbered),
                    Of::Candle => true,
                }
            }
            // Its time is the number of a price, and part of what tells one trade from another where
            // numbers may come again.
            Fault::TimesAhead { of: Of::Trade, .. } => {
                !matches!(self.trades, Trades::Prices | Trades::Unnumbered)
            }
            // Bars are all that is dated while prices are refused, and the first three dates that a feed
            // hears are its exchange's clock, whatever they say.
            Fault::TimesAhead { of: Of::Candle, count, .. } => {
                *count < 3 || !matches!(self.trades, Trades::Prices)
            }
            // Levels prove themselves without a number there, and prices have a time instead.
            Fault::SequenceReset { of: Of::Depth, .. } => {
                !matches!(self.books, Books::Summed | Books::None)
            }
            Fault::SequenceReset { of: Of::Trade, .. } => !matches!(self.trades, Trades::Prices),
            // A stream is ended by the name that its first event tells, and not opened twice.
            Fault::AckMute { .. } => !matches!(self.trades, Trades::Prices),
            _ => true,
        }
    }

    /// What is subscribed of each instrument.
    pub(super) const fn channels(&self) -> &'static [Channel] {
        match self.trades {
            Trades::Matches | Trades::Orders | Trades::Unnumbered => {
                &[Channel::Trades, Channel::Orderbook]
            }
            Trades::Prices => &[Channel::Ticker],
        }
    }

    /// The number of a trade.
    pub(super) const fn id(&self, trade: &TrueTrade) -> u64 {
        match self.trades {
            Trades::Matches | Trades::Unnumbered | Trades::Prices => trade.id,
            Trades::Orders => trade.order,
        }
    }
}
