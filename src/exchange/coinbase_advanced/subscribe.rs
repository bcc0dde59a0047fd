//! What we say to the Advanced Trade feed: one channel for each message.

use crate::exchange::coinbase::subscribe::{list, once, products};
use crate::exchange::{ConnectionPlan, Request, Subscription};
use crate::instrument::Channel;
use crate::tick::Interval;

/// Asked for first of all: once a second, so that no channel is ended for having no updates (after
/// 60 to 90 s) and we hear that the connection lives.
const HEARTBEATS: &str = r#"{"type":"subscribe","channel":"heartbeats"}"#;

/// Channels in the order in which they are asked for: what is small comes before the books, whose
/// first frames have megabytes.
const CHANNELS: [&str; 4] = ["market_trades", "ticker", "candles", "level2"];

/// See [`crate::exchange::Exchange::plan`].
pub(super) fn plan(wanted: &[Subscription]) -> Vec<ConnectionPlan> {
    let streams = once(wanted, |one| name(one).is_some());
    let connections = streams.chunks(super::ADVANCED.connection.streams_max);
    connections
        .map(|chunk| ConnectionPlan {
            path: "/".to_owned(),
            greeting: vec![HEARTBEATS.to_owned()],
            subscriptions: chunk.to_vec(),
        })
        .collect()
}

/// The name of a channel; `None` where there is none. Candles are of five minutes alone.
fn name(subscription: &Subscription) -> Option<&'static str> {
    match subscription.channel {
        Channel::Trades => Some("market_trades"),
        Channel::Quotes | Channel::Ticker => Some("ticker"),
        Channel::Orderbook => Some("level2"),
        Channel::Candles if subscription.interval == Some(Interval::Minute5) => Some("candles"),
        Channel::Candles | Channel::Status => None,
    }
}

/// Words one message for each channel.
pub(super) fn requests(
    kind: &str,
    subscriptions: &[Subscription],
    next_id: &mut u64,
) -> Vec<Request> {
    let request = |channel: &'static str| {
        let of_channel = |one: &&Subscription| name(one) == Some(channel);
        let covers: Vec<_> = subscriptions.iter().filter(of_channel).copied().collect();
        if covers.is_empty() {
            return None;
        }
        let id = *next_id;
        *next_id += 1;
        let products = list(&products(&covers, |_| true));
        let text = format!(r#"{{"type":"{kind}","product_ids":{products},"channel":"{channel}"}}"#);
        Some(Request { id, text, covers })
    };
    CHANNELS.into_iter().filter_map(request).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::testing::{candles, wanted};

    #[test]
    fn each_channel_has_its_message() {
        let candles = candles("BTC-USD", Interval::Minute5);
        let minutes = Subscription { interval: Some(Interval::Minute1), ..candles };
        let all = [
            wanted("BTC-USD", Channel::Orderbook),
            wanted("BTC-USD", Channel::Trades),
            wanted("ETH-USD", Channel::Trades),
            wanted("BTC-USD", Channel::Quotes),
            wanted("BTC-USD", Channel::Ticker),
            candles,
            minutes,
            wanted("BTC-USD", Channel::Candles),
        ];
        let mut next_id = 1;
        let requests = requests("subscribe", &all, &mut next_id);
        let texts: Vec<_> = requests.iter().map(|request| request.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                r#"{"type":"subscribe","product_ids":["BTC-USD","ETH-USD"],"channel":"market_trades"}"#,
                r#"{"type":"subscribe","product_ids":["BTC-USD"],"channel":"ticker"}"#,
                r#"{"type":"subscribe","product_ids":["BTC-USD"],"channel":"candles"}"#,
                r#"{"type":"subscribe","product_ids":["BTC-USD"],"channel":"level2"}"#,
            ]
        );
        let ids: Vec<_> = requests.iter().map(|request| request.id).collect();
        assert_eq!((ids, next_id), (vec![1, 2, 3, 4], 5));
        assert_eq!(requests[1].covers, all[3..5]);
    }

    #[test]
    fn a_connection_begins_with_heartbeats() {
        let plan = plan(&[
            wanted("BTC-USD", Channel::Quotes),
            wanted("BTC-USD", Channel::Ticker),
            wanted("BTC-USD", Channel::Candles),
        ]);
        assert_eq!((plan.len(), plan[0].subscriptions.len()), (1, 1));
        assert_eq!(plan[0].greeting, [HEARTBEATS]);
        assert_eq!(plan[0].subscriptions[0].channel, Channel::Ticker);
    }
}
