//! What one can subscribe to at Kraken, each with a place of its own per instrument.

use serde_json::Value;

use crate::sim::fanout::Place;

/// Depths of books; others are refused.
pub(super) const DEPTHS: [usize; 5] = [10, 25, 100, 500, 1_000];

/// Lengths of candles in minutes, with their places among the market's own. Kraken also takes
/// 21,600, which the market does not have.
pub(super) const INTERVALS: [(u64, usize); 8] =
    [(1, 1), (5, 3), (15, 4), (30, 5), (60, 6), (240, 8), (1_440, 12), (10_080, 14)];

/// A kind of stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sim) enum Kind {
    Trade,
    /// A new one with every trade.
    Ticker,
    /// A new one with every change of the best prices.
    TickerBbo,
    /// Index into [`DEPTHS`].
    Book(usize),
    /// Index into [`INTERVALS`].
    Ohlc(usize),
}

impl Place for Kind {
    const COUNT: usize = 3 + DEPTHS.len() + INTERVALS.len();

    fn index(self) -> usize {
        match self {
            Self::Trade => 0,
            Self::Ticker => 1,
            Self::TickerBbo => 2,
            Self::Book(depth) => 3 + depth,
            Self::Ohlc(interval) => 3 + DEPTHS.len() + interval,
        }
    }
}

impl Kind {
    /// What the parameters of a request ask for.
    ///
    /// # Errors
    /// The exchange's words when it has no such stream.
    pub(super) fn parse(params: &Value) -> Result<Self, &'static str> {
        let number = |name: &str, otherwise: u64| {
            params.get(name).map_or(Some(otherwise), Value::as_u64).unwrap_or(0)
        };
        match params.get("channel").and_then(Value::as_str) {
            Some("trade") => Ok(Self::Trade),
            Some("ticker") => match params.get("event_trigger").map(Value::as_str) {
                None | Some(Some("trades")) => Ok(Self::Ticker),
                Some(Some("bbo")) => Ok(Self::TickerBbo),
                Some(_) => Err("Event trigger not supported"),
            },
            Some("book") => {
                let depth = number("depth", 10);
                let index = DEPTHS.into_iter().position(|known| known as u64 == depth);
                index.map(Self::Book).ok_or("Subscription depth not supported")
            }
            Some("ohlc") => {
                let minutes = number("interval", 1);
                let index = INTERVALS.iter().position(|(known, _)| *known == minutes);
                index.map(Self::Ohlc).ok_or("Subscription ohlc interval not supported")
            }
            _ => Err("Channel not supported"),
        }
    }

    /// What an acknowledgement says of the stream, the symbol and `snapshot` aside.
    pub(super) fn described(self) -> String {
        match self {
            Self::Trade => r#""channel":"trade""#.to_owned(),
            Self::Ticker => r#""channel":"ticker","event_trigger":"trades""#.to_owned(),
            Self::TickerBbo => r#""channel":"ticker","event_trigger":"bbo""#.to_owned(),
            Self::Book(depth) => format!(r#""channel":"book","depth":{}"#, DEPTHS[depth]),
            Self::Ohlc(interval) => {
                format!(r#""channel":"ohlc","interval":{}"#, INTERVALS[interval].0)
            }
        }
    }

    /// Whether a subscription begins with a snapshot unless it says otherwise.
    pub(super) const fn begins_with_snapshot(self) -> bool {
        !matches!(self, Self::Trade)
    }
}

/// What keys a recorded frame or a subscription: channel and symbol.
pub(super) fn key(channel: &str, symbol: &str) -> String {
    format!("{channel} {symbol}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::candle;

    fn kind(params: &str) -> Result<Kind, &'static str> {
        Kind::parse(&serde_json::from_str(params).expect("JSON"))
    }

    #[test]
    fn only_listed_depths_and_lengths_exist() {
        assert_eq!(kind(r#"{"channel":"book"}"#), Ok(Kind::Book(0)));
        assert_eq!(kind(r#"{"channel":"book","depth":1000}"#), Ok(Kind::Book(4)));
        let refused = Err("Subscription depth not supported");
        for depth in ["11", "0", "\"10\"", "-10", "10.0"] {
            assert_eq!(kind(&format!(r#"{{"channel":"book","depth":{depth}}}"#)), refused);
        }
        assert_eq!(kind(r#"{"channel":"ohlc","interval":240}"#), Ok(Kind::Ohlc(5)));
        assert!(kind(r#"{"channel":"ohlc","interval":2}"#).is_err());
        assert_eq!(kind(r#"{"channel":"ticker"}"#), Ok(Kind::Ticker));
        assert_eq!(kind(r#"{"channel":"ticker","event_trigger":"bbo"}"#), Ok(Kind::TickerBbo));
        assert!(kind(r#"{"channel":"ticker","event_trigger":7}"#).is_err());
        assert!(kind(r#"{"channel":"level3"}"#).is_err());
    }

    #[test]
    fn every_kind_has_its_own_place_and_length() {
        let mut kinds = vec![Kind::Trade, Kind::Ticker, Kind::TickerBbo];
        kinds.extend((0..DEPTHS.len()).map(Kind::Book));
        kinds.extend((0..INTERVALS.len()).map(Kind::Ohlc));
        let places: Vec<usize> = kinds.into_iter().map(Kind::index).collect();
        assert_eq!(places, (0..Kind::COUNT).collect::<Vec<_>>());
        for (minutes, place) in INTERVALS {
            assert_eq!(candle::INTERVALS[place].1 as u64, minutes * 60);
        }
    }
}
