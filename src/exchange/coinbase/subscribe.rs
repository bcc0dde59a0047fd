//! What we say to the Exchange feed.
//!
//! One message names any products for any channels. One bad entry refuses all of it, and neither
//! its answer nor its refusal says which message it is for: the feed asks one at a time and halves
//! what was refused.

use crate::exchange::{ConnectionPlan, Request, Subscription};
use crate::instrument::Channel;

/// See [`crate::exchange::Exchange::plan`].
pub(super) fn plan(wanted: &[Subscription]) -> Vec<ConnectionPlan> {
    let streams = once(wanted, |one| name(one.channel).is_some());
    let connections = streams.chunks(super::EXCHANGE.connection.streams_max);
    connections
        .map(|chunk| ConnectionPlan {
            path: "/".to_owned(),
            greeting: Vec::new(),
            subscriptions: chunk.to_vec(),
        })
        .collect()
}

/// Quotes and ticker are one channel: whoever wants both asks for the ticker, which brings the
/// quotes.
pub(in crate::exchange) fn once(
    wanted: &[Subscription],
    has_channel: impl Fn(&Subscription) -> bool,
) -> Vec<Subscription> {
    let brought = |one: &Subscription| {
        let ticker = Subscription { channel: Channel::Ticker, ..*one };
        one.channel == Channel::Quotes && wanted.contains(&ticker)
    };
    wanted.iter().filter(|one| has_channel(one) && !brought(one)).copied().collect()
}

/// The name of a channel; `None` where there is none. Candles are built here from trades.
const fn name(channel: Channel) -> Option<&'static str> {
    match channel {
        Channel::Trades => Some("matches"),
        Channel::Quotes | Channel::Ticker => Some("ticker"),
        // The same messages as `level2`, collected over 50 ms; that one needs a login since
        // 2023-08-01.
        Channel::Orderbook => Some("level2_batch"),
        Channel::Candles | Channel::Status => None,
    }
}

/// Words the message that asks for streams, and for the heartbeats of their products: they prove
/// that the connection lives and that no trade is missing.
pub(super) fn subscribe(subscriptions: &[Subscription], next_id: &mut u64) -> Vec<Request> {
    request(
        "subscribe",
        subscriptions,
        &products(subscriptions, |one| name(one).is_some()),
        next_id,
    )
}

/// Words the message that ends streams. The heartbeats go with the trades that they number, so that
/// a book that is asked for anew keeps them.
pub(super) fn unsubscribe(subscriptions: &[Subscription], next_id: &mut u64) -> Vec<Request> {
    let ended = products(subscriptions, |channel| channel == Channel::Trades);
    request("unsubscribe", subscriptions, &ended, next_id)
}

fn request(
    kind: &str,
    subscriptions: &[Subscription],
    heartbeats: &[&str],
    next_id: &mut u64,
) -> Vec<Request> {
    let mut channels = Vec::new();
    for channel in ["level2_batch", "matches", "ticker"] {
        channels.push((channel, products(subscriptions, |one| name(one) == Some(channel))));
    }
    channels.push(("heartbeat", heartbeats.to_vec()));
    channels.retain(|(_, products)| !products.is_empty());
    let covers: Vec<_> =
        subscriptions.iter().filter(|one| name(one.channel).is_some()).copied().collect();
    if covers.is_empty() {
        return Vec::new();
    }
    let channels: Vec<String> = channels
        .iter()
        .map(|(name, products)| format!(r#"{{"name":"{name}","product_ids":{}}}"#, list(products)))
        .collect();
    let id = *next_id;
    *next_id += 1;
    let text = format!(r#"{{"type":"{kind}","channels":[{}]}}"#, channels.join(","));
    vec![Request { id, text, covers }]
}

/// Each product of the channels that are meant, once.
pub(in crate::exchange) fn products(
    subscriptions: &[Subscription],
    is_meant: impl Fn(Channel) -> bool,
) -> Vec<&str> {
    let mut products: Vec<&str> = Vec::new();
    for one in subscriptions.iter().filter(|one| is_meant(one.channel)) {
        if !products.contains(&one.native.as_str()) {
            products.push(&one.native);
        }
    }
    products
}

/// A list of strings. Symbols hold nothing that JSON would write otherwise.
pub(in crate::exchange) fn list(products: &[&str]) -> String {
    format!(r#"["{}"]"#, products.join(r#"",""#))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::testing::wanted;

    #[test]
    fn one_message_asks_for_all_and_for_heartbeats() {
        let all = [
            wanted("BTC-USD", Channel::Trades),
            wanted("ETH-USD", Channel::Trades),
            wanted("BTC-USD", Channel::Orderbook),
            wanted("BTC-USD", Channel::Quotes),
            wanted("BTC-USD", Channel::Ticker),
            wanted("BTC-USD", Channel::Candles),
        ];
        let mut next_id = 5;
        let requests = subscribe(&all, &mut next_id);
        assert_eq!((requests.len(), requests[0].id, next_id), (1, 5, 6));
        assert_eq!(
            requests[0].text,
            concat!(
                r#"{"type":"subscribe","channels":[{"name":"level2_batch","product_ids":["BTC-USD"]},"#,
                r#"{"name":"matches","product_ids":["BTC-USD","ETH-USD"]},"#,
                r#"{"name":"ticker","product_ids":["BTC-USD"]},"#,
                r#"{"name":"heartbeat","product_ids":["BTC-USD","ETH-USD"]}]}"#
            )
        );
        assert_eq!(requests[0].covers, all[..5]);
        assert!(subscribe(&all[5..], &mut next_id).is_empty());
    }

    #[test]
    fn a_book_that_is_asked_for_anew_keeps_its_heartbeat() {
        let mut next_id = 1;
        let book = unsubscribe(&[wanted("BTC-USD", Channel::Orderbook)], &mut next_id);
        let text = r#"{"type":"unsubscribe","channels":[{"name":"level2_batch","product_ids":["BTC-USD"]}]}"#;
        assert_eq!(book[0].text, text);
        let trades = unsubscribe(&[wanted("BTC-USD", Channel::Trades)], &mut next_id);
        assert!(trades[0].text.contains(r#"{"name":"heartbeat","product_ids":["BTC-USD"]}"#));
    }

    #[test]
    fn quotes_come_with_the_ticker() {
        let all = [
            wanted("BTC-USD", Channel::Quotes),
            wanted("BTC-USD", Channel::Ticker),
            wanted("ETH-USD", Channel::Quotes),
            wanted("ETH-USD", Channel::Status),
        ];
        let plan = plan(&all);
        assert_eq!((plan.len(), plan[0].path.as_str()), (1, "/"));
        assert_eq!(plan[0].subscriptions, all[1..3]);
    }
}
