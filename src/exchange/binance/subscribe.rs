//! What we say to Binance: which streams on which connection, and the messages that ask for them.

use super::{Market, TimeUnit};
use crate::exchange::{ConnectionPlan, Request, Subscription};
use crate::instrument::Channel;
use crate::limits::BINANCE_NAMES_PER_MESSAGE_MAX;
use crate::tick::Interval;

/// Since 2026-04-23 futures streams live under two paths; each delivers only its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// Spot: one path for all.
    Whole,
    /// Books and best prices.
    Public,
    /// Trades, statistics, candles.
    Market,
}

impl Class {
    const ALL: [Self; 3] = [Self::Whole, Self::Public, Self::Market];

    fn of(market: Market, channel: Channel) -> Self {
        match (market, channel) {
            (Market::Spot, _) => Self::Whole,
            (Market::Futures, Channel::Quotes | Channel::Orderbook) => Self::Public,
            (Market::Futures, _) => Self::Market,
        }
    }

    const fn path(self) -> &'static str {
        match self {
            Self::Whole => "/stream",
            Self::Public => "/public/stream",
            Self::Market => "/market/stream",
        }
    }
}

/// See [`crate::exchange::Exchange::plan`].
pub(super) fn plan(
    market: Market,
    time_unit: TimeUnit,
    wanted: &[Subscription],
) -> Vec<ConnectionPlan> {
    let streams_max = match market {
        Market::Spot => super::SPOT.connection.streams_max,
        Market::Futures => super::FUTURES.connection.streams_max,
    };
    let query = match time_unit {
        TimeUnit::Millisecond => "",
        TimeUnit::Microsecond => "?timeUnit=MICROSECOND",
    };
    let mut connections = Vec::new();
    for class in Class::ALL {
        let streams: Vec<Subscription> = wanted
            .iter()
            .filter(|wanted| Class::of(market, wanted.channel) == class)
            .filter(|wanted| stream_name(market, wanted).is_some())
            .copied()
            .collect();
        connections.extend(streams.chunks(streams_max).map(|chunk| ConnectionPlan {
            path: format!("{}{query}", class.path()),
            greeting: Vec::new(),
            subscriptions: chunk.to_vec(),
        }));
    }
    connections
}

/// Words one message per 200 streams.
pub(super) fn messages(
    market: Market,
    method: &str,
    subscriptions: &[Subscription],
    next_id: &mut u64,
) -> Vec<Request> {
    let named: Vec<(String, Subscription)> = subscriptions
        .iter()
        .filter_map(|one| Some((format!("\"{}\"", stream_name(market, one)?), *one)))
        .collect();
    let requests = named.chunks(BINANCE_NAMES_PER_MESSAGE_MAX).map(|named| {
        let id = *next_id;
        *next_id += 1;
        let names: Vec<&str> = named.iter().map(|(name, _)| name.as_str()).collect();
        let names = names.join(",");
        Request {
            id,
            text: format!(r#"{{"method":"{method}","params":[{names}],"id":{id}}}"#),
            covers: named.iter().map(|(_, subscription)| *subscription).collect(),
        }
    });
    requests.collect()
}

/// The name of a stream; `None` where Binance has none for it.
///
/// Trades are `@trade` on spot (every match) and `@aggTrade` on futures, where `@trade` is not
/// documented. Names are lower case: others are acknowledged and stay silent.
pub(super) fn stream_name(market: Market, subscription: &Subscription) -> Option<String> {
    // Whoever writes `btcusdt` for an instrument's own name has none, and would share the stream of
    // BTCUSDT, whose frames are that one's: to leave it would take them from it.
    if subscription.native.chars().any(char::is_lowercase) {
        return None;
    }
    let symbol = subscription.native.to_lowercase();
    let stream = match (subscription.channel, market) {
        (Channel::Trades, Market::Spot) => "trade".to_owned(),
        (Channel::Trades, Market::Futures) => "aggTrade".to_owned(),
        (Channel::Quotes, _) => "bookTicker".to_owned(),
        (Channel::Ticker, _) => "ticker".to_owned(),
        (Channel::Orderbook, _) => "depth@100ms".to_owned(),
        // Futures have none shorter than a minute; a name that is none is acknowledged all the same.
        (Channel::Candles, Market::Futures) if subscription.interval? < Interval::Minute1 => {
            return None;
        }
        (Channel::Candles, _) => format!("kline_{}", subscription.interval?.name()),
        (Channel::Status, _) => return None,
    };
    Some(format!("{symbol}@{stream}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::testing::{candles, wanted};

    #[test]
    fn a_name_in_lower_case_shares_no_other_ones_stream() {
        let all = [wanted("btcusdt", Channel::Trades), wanted("BTCUSDT", Channel::Trades)];
        let plans = plan(Market::Spot, TimeUnit::Millisecond, &all);
        assert_eq!(plans[0].subscriptions, all[1..]);
        assert!(messages(Market::Spot, "UNSUBSCRIBE", &all[..1], &mut 1).is_empty());
    }

    #[test]
    fn a_subscription_is_worded_as_binance_expects_it() {
        let mut next_id = 7;
        let candles = candles("BTCUSDT", Interval::Minute1);
        let all = [
            wanted("BTCUSDT", Channel::Trades),
            wanted("BTCUSDT", Channel::Quotes),
            wanted("BTCUSDT", Channel::Ticker),
            wanted("BTCUSDT", Channel::Orderbook),
            candles,
            wanted("BTCUSDT", Channel::Candles),
        ];
        let requests = messages(Market::Spot, "SUBSCRIBE", &all, &mut next_id);
        assert_eq!(
            requests,
            [Request {
                id: 7,
                text: concat!(
                    r#"{"method":"SUBSCRIBE","params":["btcusdt@trade","btcusdt@bookTicker","#,
                    r#""btcusdt@ticker","btcusdt@depth@100ms","btcusdt@kline_1m"],"id":7}"#
                )
                .to_owned(),
                // Candles without an interval are built here, so nobody asks for them.
                covers: all[..5].to_vec(),
            }]
        );
        assert_eq!(next_id, 8);
        assert!(messages(Market::Spot, "SUBSCRIBE", &[], &mut next_id).is_empty());
    }

    #[test]
    fn names_are_spread_over_messages_of_200() {
        let mut next_id = 1;
        let all = vec![wanted("BTCUSDT", Channel::Trades); 401];
        let messages = messages(Market::Futures, "UNSUBSCRIBE", &all, &mut next_id);
        let counts: Vec<_> =
            messages.iter().map(|message| message.text.matches("@aggTrade").count()).collect();
        assert_eq!(counts, [200, 200, 1]);
        assert_eq!(next_id, 4);
    }

    #[test]
    fn spot_connections_hold_1024_streams_each() {
        let all = vec![wanted("BTCUSDT", Channel::Trades); 1_025];
        let plan = plan(Market::Spot, TimeUnit::Microsecond, &all);
        let sizes: Vec<_> = plan.iter().map(|connection| connection.subscriptions.len()).collect();
        assert_eq!(sizes, [1_024, 1]);
        assert_eq!(plan[0].path, "/stream?timeUnit=MICROSECOND");
    }

    #[test]
    fn futures_books_and_trades_need_two_connections() {
        let all = [
            wanted("BTCUSDT", Channel::Trades),
            wanted("BTCUSDT", Channel::Orderbook),
            wanted("BTCUSDT", Channel::Quotes),
            wanted("BTCUSDT", Channel::Ticker),
            wanted("BTCUSDT", Channel::Status),
        ];
        let plan = plan(Market::Futures, TimeUnit::Millisecond, &all);
        assert_eq!(plan.len(), 2);
        assert_eq!(plan[0].path, "/public/stream");
        assert_eq!(plan[0].subscriptions, [all[1], all[2]]);
        assert_eq!(plan[1].path, "/market/stream");
        assert_eq!(plan[1].subscriptions, [all[0], all[3]]);
    }
}
