//! Binance's stream names and what they mean.

use super::Product;
use crate::sim::candle::INTERVALS;
use crate::sim::fanout::Place;

/// One kind of stream of an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sim) enum Kind {
    Trade,
    AggTrade,
    BookTicker,
    Ticker,
    MiniTicker,
    /// Every three seconds, or every one.
    MarkPrice {
        fast: bool,
    },
    /// By the index of its speed.
    Depth(usize),
    /// The best levels: index of [`PARTIAL_LEVELS`], index of the speed.
    Partial(usize, usize),
    /// By the index of the interval.
    Kline(usize),
}

/// Which path of the futures' host carries a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Public,
    Market,
    /// `@trade` is documented nowhere; both paths have been seen to carry it.
    Either,
}

/// Fact: speeds of depth streams at most.
pub(super) const SPEEDS_MAX: usize = 3;

/// How many best levels a partial stream has.
pub(super) const PARTIAL_LEVELS: [usize; 3] = [5, 10, 20];

const DEPTH_AT: usize = 7;
const PARTIAL_AT: usize = DEPTH_AT + SPEEDS_MAX;
const KLINE_AT: usize = PARTIAL_AT + PARTIAL_LEVELS.len() * SPEEDS_MAX;

/// Speeds of a product's depth streams: how a name ends, and milliseconds.
pub(super) const fn speeds(product: Product) -> &'static [(&'static str, u64)] {
    match product {
        Product::Spot => &[("@100ms", 100), ("", 1_000)],
        Product::Futures => &[("@100ms", 100), ("", 250), ("@500ms", 500)],
    }
}

impl Place for Kind {
    const COUNT: usize = KLINE_AT + INTERVALS.len();

    fn index(self) -> usize {
        match self {
            Self::Trade => 0,
            Self::AggTrade => 1,
            Self::BookTicker => 2,
            Self::Ticker => 3,
            Self::MiniTicker => 4,
            Self::MarkPrice { fast: false } => 5,
            Self::MarkPrice { fast: true } => 6,
            Self::Depth(speed) => DEPTH_AT + speed,
            Self::Partial(levels, speed) => PARTIAL_AT + levels * SPEEDS_MAX + speed,
            Self::Kline(interval) => KLINE_AT + interval,
        }
    }
}

impl Kind {
    /// The kind that a name's part after the first `@` means; `None` stays silent.
    pub(super) fn parse(product: Product, text: &str) -> Option<Self> {
        if let Some(interval) = text.strip_prefix("kline_") {
            let index = INTERVALS.iter().position(|(name, ..)| *name == interval)?;
            // Futures have no candles of a second.
            return (product == Product::Spot || index > 0).then_some(Self::Kline(index));
        }
        if let Some(rest) = text.strip_prefix("depth") {
            let (levels, speed) = rest.split_at(rest.find('@').unwrap_or(rest.len()));
            // Older names that are nowhere documented now and that clients still use.
            let speed = match (speed, product) {
                ("@0ms", Product::Futures) => "@100ms",
                ("@1000ms", Product::Spot) => "",
                _ => speed,
            };
            let speed = speeds(product).iter().position(|(suffix, _)| *suffix == speed)?;
            if levels.is_empty() {
                return Some(Self::Depth(speed));
            }
            let levels: usize = levels.parse().ok()?;
            let levels = PARTIAL_LEVELS.iter().position(|count| *count == levels)?;
            return Some(Self::Partial(levels, speed));
        }
        match (text, product) {
            ("trade", _) => Some(Self::Trade),
            ("aggTrade", _) => Some(Self::AggTrade),
            ("bookTicker", _) => Some(Self::BookTicker),
            ("ticker", _) => Some(Self::Ticker),
            ("miniTicker", _) => Some(Self::MiniTicker),
            ("markPrice", Product::Futures) => Some(Self::MarkPrice { fast: false }),
            ("markPrice@1s", Product::Futures) => Some(Self::MarkPrice { fast: true }),
            _ => None,
        }
    }

    /// The kind that a name after `!` means: of all instruments at once.
    pub(super) fn parse_all(product: Product, text: &str) -> Option<Self> {
        match (text, product) {
            ("bookTicker", Product::Futures) => Some(Self::BookTicker),
            ("ticker@arr", _) => Some(Self::Ticker),
            ("miniTicker@arr" | "miniTicker@arr@1000ms", _) => Some(Self::MiniTicker),
            ("markPrice@arr", Product::Futures) => Some(Self::MarkPrice { fast: false }),
            ("markPrice@arr@1s", Product::Futures) => Some(Self::MarkPrice { fast: true }),
            _ => None,
        }
    }

    /// The path that carries it on futures.
    pub(super) const fn class(self) -> Class {
        match self {
            Self::Trade => Class::Either,
            Self::BookTicker | Self::Depth(_) | Self::Partial(..) => Class::Public,
            Self::AggTrade
            | Self::Ticker
            | Self::MiniTicker
            | Self::MarkPrice { .. }
            | Self::Kline(_) => Class::Market,
        }
    }
}

/// What keys a recorded or subscribed stream: its name without the speed.
pub(super) fn key(name: &str) -> String {
    name.splitn(3, '@').take(2).collect::<Vec<_>>().join("@")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_mean_what_the_exchange_says() {
        let spot = |text| Kind::parse(Product::Spot, text);
        let futures = |text| Kind::parse(Product::Futures, text);
        assert_eq!(spot("depth"), Some(Kind::Depth(1)));
        assert_eq!(spot("depth@100ms"), Some(Kind::Depth(0)));
        assert_eq!(spot("depth@100mss"), None);
        assert_eq!(spot("depth20@100ms"), Some(Kind::Partial(2, 0)));
        assert_eq!(spot("depth7"), None);
        assert_eq!(spot("markPrice"), None);
        assert_eq!(spot("kline_1s"), Some(Kind::Kline(0)));
        assert_eq!(futures("kline_1s"), None);
        assert_eq!(futures("depth@500ms"), Some(Kind::Depth(2)));
        assert_eq!(futures("depth@0ms"), futures("depth@100ms"));
        assert_eq!((spot("depth@0ms"), spot("depth@1000ms")), (None, spot("depth")));
        // Seen on the live exchange: acknowledged and dead.
        assert_eq!(futures("depth@250ms"), None);
        assert_eq!(spot("TRADE"), None);
    }

    #[test]
    fn every_kind_has_its_own_place() {
        let mut kinds = vec![Kind::Trade, Kind::AggTrade, Kind::BookTicker, Kind::Ticker];
        kinds.extend([Kind::MiniTicker, Kind::MarkPrice { fast: false }]);
        kinds.push(Kind::MarkPrice { fast: true });
        kinds.extend((0..SPEEDS_MAX).map(Kind::Depth));
        let partial = |levels| (0..SPEEDS_MAX).map(move |speed| Kind::Partial(levels, speed));
        kinds.extend((0..PARTIAL_LEVELS.len()).flat_map(partial));
        kinds.extend((0..INTERVALS.len()).map(Kind::Kline));
        let places: Vec<usize> = kinds.into_iter().map(Kind::index).collect();
        assert_eq!(places, (0..Kind::COUNT).collect::<Vec<_>>());
    }

    #[test]
    fn keys_leave_the_speed_out() {
        assert_eq!(key("btcusdt@depth@100ms"), "btcusdt@depth");
        assert_eq!(key("btcusdt@kline_1m"), "btcusdt@kline_1m");
        assert_eq!(key("x"), "x");
    }
}
