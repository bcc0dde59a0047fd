//! What we say to OKX: which channels on which connection, and the messages that ask for them.

use std::fmt::Write;

use crate::exchange::{ConnectionPlan, Request, Subscription};
use crate::instrument::Channel;
use crate::tick::Interval;

/// Fact: bytes of all arguments on one connection: the exchange takes 64 KB (65,536 minus what a
/// message has around them).
pub(super) const ARGUMENT_BYTES_MAX: usize = 64_000;

/// Fact: books of 400 levels on one connection; the exchange advises fewer than 30.
pub(super) const BOOKS_MAX: usize = 29;

/// The two services that have public channels. Candles moved to the second on 2023-06-20; the first
/// refuses them with 60018 or 64001.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Service {
    Public,
    Business,
}

impl Service {
    const ALL: [Self; 2] = [Self::Public, Self::Business];

    const fn of(channel: Channel) -> Self {
        match channel {
            Channel::Candles => Self::Business,
            Channel::Trades
            | Channel::Quotes
            | Channel::Ticker
            | Channel::Orderbook
            | Channel::Status => Self::Public,
        }
    }

    const fn path(self) -> &'static str {
        match self {
            Self::Public => "/ws/v5/public",
            Self::Business => "/ws/v5/business",
        }
    }
}

/// See [`crate::exchange::Exchange::plan`].
pub(super) fn plan(wanted: &[Subscription]) -> Vec<ConnectionPlan> {
    let mut connections = Vec::new();
    for service in Service::ALL {
        let mut load = Load::default();
        let mut first = true;
        for subscription in wanted.iter().filter(|wanted| Service::of(wanted.channel) == service) {
            let Some(argument) = argument(subscription) else { continue };
            if first || !load.takes(subscription, argument.len()) {
                connections.push(ConnectionPlan {
                    path: service.path().to_owned(),
                    greeting: Vec::new(),
                    subscriptions: Vec::new(),
                });
                load = Load::default();
                load.takes(subscription, argument.len());
                first = false;
            }
            if let Some(connection) = connections.last_mut() {
                connection.subscriptions.push(*subscription);
            }
        }
    }
    connections
}

/// What one connection carries.
#[derive(Default)]
struct Load {
    streams: usize,
    bytes: usize,
    books: usize,
}

impl Load {
    /// Adds a subscription; false when there is no room for it.
    fn takes(&mut self, subscription: &Subscription, bytes: usize) -> bool {
        self.streams += 1;
        self.bytes += bytes + 1;
        self.books += usize::from(subscription.channel == Channel::Orderbook);
        self.streams <= super::PROFILE.connection.streams_max
            && self.bytes <= ARGUMENT_BYTES_MAX
            && self.books <= BOOKS_MAX
    }
}

/// Words one message for all of `subscriptions`; none when OKX has no channel for any.
pub(super) fn messages(
    operation: &str,
    subscriptions: &[Subscription],
    next_id: &mut u64,
) -> Vec<Request> {
    let mut arguments = String::new();
    let mut covers = Vec::with_capacity(subscriptions.len());
    for subscription in subscriptions {
        let Some(argument) = argument(subscription) else { continue };
        if !arguments.is_empty() {
            arguments.push(',');
        }
        arguments.push_str(&argument);
        covers.push(*subscription);
    }
    if covers.is_empty() {
        return Vec::new();
    }
    let id = *next_id;
    *next_id += 1;
    // An id is text: at most 32 letters and digits.
    let text = format!(r#"{{"id":"{id}","op":"{operation}","args":[{arguments}]}}"#);
    vec![Request { id, text, covers }]
}

/// One channel of one instrument, as a request names it.
fn argument(subscription: &Subscription) -> Option<String> {
    let channel = channel_name(subscription)?;
    let mut text = String::new();
    // Native names have no character that JSON would escape: `Symbol` refuses those.
    write!(text, r#"{{"channel":"{channel}","instId":"{}"}}"#, subscription.native).ok()?;
    Some(text)
}

/// The name of a channel; `None` where OKX has none for it.
fn channel_name(subscription: &Subscription) -> Option<&'static str> {
    Some(match subscription.channel {
        Channel::Trades => "trades",
        // Each change of the best price within 10 ms.
        Channel::Quotes => "bbo-tbt",
        Channel::Ticker => "tickers",
        // The deepest without a login.
        Channel::Orderbook => "books",
        Channel::Candles => candle_channel(subscription.interval?),
        Channel::Status => return None,
    })
}

/// Days are OKX's in Hong Kong time unless asked for in UTC; shorter intervals fall together.
const fn candle_channel(interval: Interval) -> &'static str {
    match interval {
        Interval::Second1 => "candle1s",
        Interval::Minute1 => "candle1m",
        Interval::Minute5 => "candle5m",
        Interval::Minute15 => "candle15m",
        Interval::Hour1 => "candle1H",
        Interval::Hour4 => "candle4H",
        Interval::Day1 => "candle1Dutc",
    }
}

/// What a channel's name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// Prints, aggregated or each.
    Trades,
    /// Best bid and ask.
    Quotes,
    /// 24 h statistics.
    Ticker,
    /// A book by changes.
    Book,
    /// The best five levels, whole each time.
    BestLevels,
    /// Candles; `None` of an interval that is not carried here.
    Candles(Option<Interval>),
    /// What the exchange lists.
    Instruments,
    /// Another channel of the exchange.
    Other,
}

impl Named {
    /// The meaning of a name on the wire.
    pub(super) fn of(name: &str) -> Self {
        match name {
            "trades" | "trades-all" => Self::Trades,
            "bbo-tbt" => Self::Quotes,
            "tickers" => Self::Ticker,
            // The last two need a login; recordings have them.
            "books" | "books-l2-tbt" | "books50-l2-tbt" => Self::Book,
            "books5" => Self::BestLevels,
            "instruments" => Self::Instruments,
            _ => match name.strip_prefix("candle") {
                Some(interval) => Self::Candles(candle_interval(interval)),
                None => Self::Other,
            },
        }
    }

    /// The channel that it feeds here.
    pub(super) const fn channel(self) -> Option<Channel> {
        match self {
            Self::Trades => Some(Channel::Trades),
            Self::Quotes => Some(Channel::Quotes),
            Self::Ticker => Some(Channel::Ticker),
            Self::Book | Self::BestLevels => Some(Channel::Orderbook),
            Self::Candles(_) => Some(Channel::Candles),
            Self::Instruments | Self::Other => None,
        }
    }
}

/// The interval of a candle channel. Days of Hong Kong time are days as well, and only read from
/// recordings: they open at no day of ours, so that a feed takes none of them.
fn candle_interval(name: &str) -> Option<Interval> {
    Some(match name {
        "1s" => Interval::Second1,
        "1m" => Interval::Minute1,
        "5m" => Interval::Minute5,
        "15m" => Interval::Minute15,
        "1H" => Interval::Hour1,
        "4H" => Interval::Hour4,
        "1D" | "1Dutc" => Interval::Day1,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::testing::{candles, wanted};

    #[test]
    fn a_request_names_each_channel_and_its_instrument() {
        let mut next_id = 7;
        let all = [
            wanted("BTC-USDT", Channel::Trades),
            wanted("BTC-USDT-SWAP", Channel::Orderbook),
            wanted("BTC-USDT", Channel::Quotes),
            wanted("BTC-USDT", Channel::Ticker),
            candles("BTC-USDT", Interval::Day1),
            wanted("BTC-USDT", Channel::Candles),
            wanted("BTC-USDT", Channel::Status),
        ];
        let requests = messages("subscribe", &all, &mut next_id);
        assert_eq!(requests.len(), 1);
        assert_eq!((requests[0].id, next_id), (7, 8));
        assert_eq!(requests[0].covers, all[..5]);
        assert_eq!(
            requests[0].text,
            concat!(
                r#"{"id":"7","op":"subscribe","args":[{"channel":"trades","instId":"BTC-USDT"},"#,
                r#"{"channel":"books","instId":"BTC-USDT-SWAP"},"#,
                r#"{"channel":"bbo-tbt","instId":"BTC-USDT"},"#,
                r#"{"channel":"tickers","instId":"BTC-USDT"},"#,
                r#"{"channel":"candle1Dutc","instId":"BTC-USDT"}]}"#
            )
        );
        assert!(messages("subscribe", &all[5..], &mut next_id).is_empty());
        assert_eq!(next_id, 8);
    }

    #[test]
    fn every_channel_that_is_asked_for_is_read_as_what_it_was_asked_for() {
        for interval in Interval::ALL {
            let name = channel_name(&candles("BTC-USDT", interval)).expect("each has a channel");
            assert_eq!(Named::of(name), Named::Candles(Some(interval)));
        }
        for channel in [Channel::Trades, Channel::Quotes, Channel::Ticker, Channel::Orderbook] {
            let name = channel_name(&wanted("BTC-USDT", channel)).expect("each has a channel");
            assert_eq!(Named::of(name).channel(), Some(channel));
        }
        assert_eq!(Named::of("candle3m"), Named::Candles(None));
        assert_eq!(Named::of("mark-price-candle1m"), Named::Other);
        assert_eq!(Named::of("books-rpi"), Named::Other);
    }

    #[test]
    fn candles_have_a_connection_of_their_own() {
        let all = [
            candles("BTC-USDT", Interval::Minute1),
            wanted("BTC-USDT", Channel::Trades),
            wanted("BTC-USDT", Channel::Orderbook),
            wanted("BTC-USDT", Channel::Candles),
        ];
        let plan = plan(&all);
        assert_eq!(plan.len(), 2);
        assert_eq!((plan[0].path.as_str(), plan[0].subscriptions.len()), ("/ws/v5/public", 2));
        assert_eq!(plan[1].path, "/ws/v5/business");
        assert_eq!(plan[1].subscriptions, [all[0]]);
    }

    #[test]
    fn no_connection_has_too_many_books_streams_or_bytes() {
        let mut all: Vec<_> = (0..100)
            .map(|index| wanted(&format!("COIN{index}-USDT-SWAP"), Channel::Orderbook))
            .collect();
        all.extend(
            (0..5_000)
                .map(|index| wanted(&format!("COIN{index}-USD_UM_XPERP-310404"), Channel::Quotes)),
        );
        let connections = plan(&all);
        let sum: usize = connections.iter().map(|plan| plan.subscriptions.len()).sum();
        assert_eq!(sum, all.len());
        for connection in &connections {
            let books = |wanted: &&Subscription| wanted.channel == Channel::Orderbook;
            assert!(connection.subscriptions.iter().filter(books).count() < 30);
            let texts = connection.subscriptions.iter().filter_map(argument);
            assert!(texts.map(|text| text.len() + 1).sum::<usize>() < 64 << 10);
        }
        assert!(connections.len() <= 4 + 5_000 / 900 + 1, "{}", connections.len());
    }

    #[test]
    fn a_full_request_fits_the_oldest_bound_of_its_length() {
        let long = wanted("1000000BABY-USD_UM-260925", Channel::Orderbook);
        let all = vec![long; super::super::PROFILE.connection.subscriptions_per_request];
        let requests = messages("unsubscribe", &all, &mut 1_000_000_000);
        assert!(requests[0].text.len() <= 4_096, "{}", requests[0].text.len());
    }
}
