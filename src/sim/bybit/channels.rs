//! Bybit's topics and what they mean.

use super::Class;
use crate::sim::candle::INTERVALS;
use crate::sim::fanout::Place;

/// One kind of stream of an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sim) enum Kind {
    Trade,
    Ticker,
    /// By the index of its depth.
    Book(usize),
    /// By the index of the interval.
    Kline(usize),
    /// Exists, and has nothing to say here (liquidations).
    Silent,
}

/// Levels of a side, and milliseconds between two frames.
pub(super) const DEPTHS: [(usize, u64); 4] = [(1, 10), (50, 20), (200, 100), (1_000, 200)];

/// The depth whose clients are told of in the simulator's truth.
pub(super) const DEPTH_TRUE: usize = 2;

const BOOK_AT: usize = 3;
const KLINE_AT: usize = BOOK_AT + DEPTHS.len();

/// Intervals as topics write them, and as they are simulated.
const INTERVAL_NAMES: [(&str, &str); 12] = [
    ("1", "1m"),
    ("3", "3m"),
    ("5", "5m"),
    ("15", "15m"),
    ("30", "30m"),
    ("60", "1h"),
    ("120", "2h"),
    ("240", "4h"),
    ("360", "6h"),
    ("720", "12h"),
    ("D", "1d"),
    ("W", "1w"),
];

impl Place for Kind {
    const COUNT: usize = KLINE_AT + INTERVALS.len();

    fn index(self) -> usize {
        match self {
            Self::Trade => 0,
            Self::Ticker => 1,
            Self::Silent => 2,
            Self::Book(depth) => BOOK_AT + depth,
            Self::Kline(interval) => KLINE_AT + interval,
        }
    }
}

/// What a topic means, and of which instrument; `None` for what there is no handler for.
pub(super) fn parse(class: Class, topic: &str) -> Option<(Kind, &str)> {
    let (kind, rest) = topic.split_once('.')?;
    match (kind, class) {
        ("publicTrade", _) => Some((Kind::Trade, rest)),
        ("tickers", _) => Some((Kind::Ticker, rest)),
        ("allLiquidation", Class::Linear) => Some((Kind::Silent, rest)),
        ("orderbook", _) => {
            let (depth, native) = rest.split_once('.')?;
            let depth = depth.parse::<usize>().ok()?;
            let index = DEPTHS.iter().position(|(levels, _)| *levels == depth)?;
            Some((Kind::Book(index), native))
        }
        ("kline", _) => {
            let (interval, native) = rest.split_once('.')?;
            Some((Kind::Kline(interval_of(interval)?), native))
        }
        _ => None,
    }
}

/// The interval of that name.
pub(super) fn interval_of(name: &str) -> Option<usize> {
    let (_, known) = INTERVAL_NAMES.iter().find(|(known, _)| *known == name)?;
    INTERVALS.iter().position(|(interval, ..)| interval == known)
}

/// The name of an interval in topics; `None` for those that Bybit does not have.
pub(super) fn interval_name(index: usize) -> Option<&'static str> {
    let (name, ..) = INTERVALS.get(index)?;
    INTERVAL_NAMES.iter().find(|(_, known)| known == name).map(|(name, _)| *name)
}

/// What keys a recorded or subscribed stream: its topic, whatever the depth of a book that is not
/// of one level, so that a client gets the book of a recording at the depth it was recorded with.
pub(super) fn key(topic: &str) -> String {
    let book = topic.strip_prefix("orderbook.").and_then(|rest| rest.split_once('.'));
    match book {
        Some((depth, native)) if depth != "1" => format!("orderbook.{native}"),
        _ => topic.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_mean_what_the_exchange_says() {
        let linear = |topic| parse(Class::Linear, topic);
        assert_eq!(linear("orderbook.200.BTCUSDT"), Some((Kind::Book(2), "BTCUSDT")));
        assert_eq!(linear("orderbook.500.BTCUSDT"), None);
        assert_eq!(linear("kline.60.BTCPERP"), Some((Kind::Kline(6), "BTCPERP")));
        assert_eq!(linear("kline.1s.BTCUSDT"), None);
        assert_eq!(linear("allLiquidation.X"), Some((Kind::Silent, "X")));
        assert_eq!(parse(Class::Spot, "allLiquidation.X"), None);
        assert_eq!(linear("BTCUSDT"), None);
    }

    #[test]
    fn every_kind_has_its_own_place() {
        let mut kinds = vec![Kind::Trade, Kind::Ticker, Kind::Silent];
        kinds.extend((0..DEPTHS.len()).map(Kind::Book));
        kinds.extend((0..INTERVALS.len()).map(Kind::Kline));
        let places: Vec<usize> = kinds.into_iter().map(Kind::index).collect();
        assert_eq!(places, (0..Kind::COUNT).collect::<Vec<_>>());
    }

    #[test]
    fn keys_leave_the_depth_out() {
        assert_eq!(key("orderbook.50.BTCUSDT"), key("orderbook.200.BTCUSDT"));
        assert_eq!(key("orderbook.1.BTCUSDT"), "orderbook.1.BTCUSDT");
        assert_eq!(key("publicTrade.BTCUSDT"), "publicTrade.BTCUSDT");
    }
}
