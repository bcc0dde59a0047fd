//! OKX's public channels and which service carries them.

use super::listing::Class;
use crate::sim::candle::INTERVALS;
use crate::sim::fanout::Place;

/// One of the two services with public channels, by its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    Public,
    Business,
}

impl Service {
    /// The service at a path.
    pub(super) fn at(path: &str) -> Option<Self> {
        match path {
            "/ws/v5/public" => Some(Self::Public),
            "/ws/v5/business" => Some(Self::Business),
            _ => None,
        }
    }
}

/// One channel of an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sim) enum Kind {
    /// Prints, one for each taker's order.
    Trades,
    /// Prints, one for each match.
    TradesAll,
    BestPrices,
    Tickers,
    Books,
    /// Whole each time.
    BestFive,
    /// What is settled between those who hold a perpetual.
    Funding,
    MarkPrice,
    /// Contracts that are open.
    OpenInterest,
    /// The index of a pair, which is named in the instrument's place.
    IndexPrice,
    /// By the index of the interval.
    Candles(usize),
}

const CANDLES_AT: usize = 10;

/// Channels that exist and need a login.
pub(super) const LOGIN_ONLY: [&str; 2] = ["books-l2-tbt", "books50-l2-tbt"];

/// Candle channels in the order of [`INTERVALS`]; days and more aligned to UTC.
const CANDLES: [Option<&str>; INTERVALS.len()] = [
    Some("candle1s"),
    Some("candle1m"),
    Some("candle3m"),
    Some("candle5m"),
    Some("candle15m"),
    Some("candle30m"),
    Some("candle1H"),
    Some("candle2H"),
    Some("candle4H"),
    Some("candle6Hutc"),
    None,
    Some("candle12Hutc"),
    Some("candle1Dutc"),
    None,
    Some("candle1Wutc"),
];

impl Place for Kind {
    const COUNT: usize = CANDLES_AT + INTERVALS.len();

    fn index(self) -> usize {
        match self {
            Self::Trades => 0,
            Self::TradesAll => 1,
            Self::BestPrices => 2,
            Self::Tickers => 3,
            Self::Books => 4,
            Self::BestFive => 5,
            Self::Funding => 6,
            Self::MarkPrice => 7,
            Self::OpenInterest => 8,
            Self::IndexPrice => 9,
            Self::Candles(interval) => CANDLES_AT + interval,
        }
    }
}

impl Kind {
    /// Whether instruments of a class have it.
    pub(super) const fn is_of(self, class: Class) -> bool {
        match self {
            Self::Funding => matches!(class, Class::Swap),
            Self::OpenInterest => !matches!(class, Class::Spot),
            Self::Trades | Self::TradesAll | Self::BestPrices | Self::Tickers => true,
            Self::Books | Self::BestFive | Self::MarkPrice | Self::IndexPrice => true,
            Self::Candles(_) => true,
        }
    }

    /// The channel of that name.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "trades" => Self::Trades,
            "trades-all" => Self::TradesAll,
            "bbo-tbt" => Self::BestPrices,
            "tickers" => Self::Tickers,
            "books" => Self::Books,
            "books5" => Self::BestFive,
            "funding-rate" => Self::Funding,
            "mark-price" => Self::MarkPrice,
            "open-interest" => Self::OpenInterest,
            "index-tickers" => Self::IndexPrice,
            _ => Self::Candles(CANDLES.iter().position(|candles| *candles == Some(name))?),
        })
    }

    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Trades => "trades",
            Self::TradesAll => "trades-all",
            Self::BestPrices => "bbo-tbt",
            Self::Tickers => "tickers",
            Self::Books => "books",
            Self::BestFive => "books5",
            Self::Funding => "funding-rate",
            Self::MarkPrice => "mark-price",
            Self::OpenInterest => "open-interest",
            Self::IndexPrice => "index-tickers",
            Self::Candles(interval) => CANDLES[interval].unwrap_or(""),
        }
    }

    /// The service that carries it; the other one refuses it.
    pub(super) const fn service(self) -> Service {
        match self {
            Self::TradesAll | Self::Candles(_) => Service::Business,
            Self::Trades | Self::BestPrices | Self::Tickers | Self::Books | Self::BestFive => {
                Service::Public
            }
            Self::Funding | Self::MarkPrice | Self::OpenInterest | Self::IndexPrice => {
                Service::Public
            }
        }
    }
}

/// What keys a recorded or subscribed stream. What belongs to no stream (answers) has a key that
/// nobody subscribes to: clients get answers of their own.
pub(super) fn key_of(frame: &str) -> Option<String> {
    if frame.starts_with("{\"event\":") {
        return Some("event".to_owned());
    }
    let rest = frame.strip_prefix("{\"arg\":{\"channel\":\"")?;
    let (channel, rest) = rest.split_once('"')?;
    let native = rest.strip_prefix(",\"instId\":\"")?.split('"').next()?;
    Some(key(channel, native))
}

/// See [`key_of`].
pub(super) fn key(channel: &str, native: &str) -> String {
    format!("{channel}:{native}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_channel_has_its_own_name_and_place() {
        let candles = (0..INTERVALS.len()).map(Kind::Candles);
        let named = candles.filter(|kind| !kind.name().is_empty());
        let mut kinds = vec![Kind::Trades, Kind::TradesAll, Kind::BestPrices, Kind::Tickers];
        kinds.extend([Kind::Books, Kind::BestFive, Kind::Funding, Kind::MarkPrice]);
        kinds.extend([Kind::OpenInterest, Kind::IndexPrice]);
        kinds.extend(named);
        for kind in &kinds {
            assert_eq!(Kind::parse(kind.name()), Some(*kind));
            assert!(kind.index() < Kind::COUNT);
        }
        let mut places: Vec<usize> = kinds.iter().map(|kind| kind.index()).collect();
        places.sort_unstable();
        places.dedup();
        assert_eq!(places.len(), kinds.len());
        // Seen on the live exchange: names of other letters do not exist.
        assert_eq!(Kind::parse("candle1h"), None);
        assert_eq!(Kind::parse(""), None);
    }

    #[test]
    fn frames_are_keyed_by_their_channel_and_instrument() {
        let frame =
            r#"{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"update","data":[]}"#;
        assert_eq!(key_of(frame).as_deref(), Some("books:BTC-USDT"));
        assert_eq!(key_of(r#"{"event":"subscribe"}"#).as_deref(), Some("event"));
        assert_eq!(key_of("pong"), None);
    }
}
