//! What we say to Bybit: which topics on which connection, and the messages that ask for them.

use super::Class;
use crate::exchange::{ConnectionPlan, NamedStream, Request, Subscription};
use crate::instrument::{Channel, InstrumentId, NativeMap};
use crate::tick::Interval;

/// Fact: letters of all `args` on one connection. Quotation marks and commas are counted with them,
/// as the documentation does not say that they are free.
pub(super) const ARGS_BYTES_MAX: usize = 21_000;

/// Of the depths 1, 50, 200 and 1,000 (pushed every 10, 20, 100 and 200 ms) the book is taken at
/// 200: on a quiet and on a busy instrument that reaches several tenths of a percent around the
/// price, at the pace of the other exchanges' books. 50 is half spent within a second of a busy
/// market and costs five times the frames; 1,000 would make every client see the touch 200 ms late.
/// The touch itself comes as quotes, by the depth of 1.
const BOOK_DEPTH: u32 = 200;

/// See [`crate::exchange::Exchange::plan`].
pub(super) fn plan(class: Class, wanted: &[Subscription]) -> Vec<ConnectionPlan> {
    let path = match class {
        Class::Spot => "/v5/public/spot",
        Class::Linear => "/v5/public/linear",
    };
    let mut connections: Vec<ConnectionPlan> = Vec::new();
    let mut room = 0;
    for subscription in wanted {
        let Some(topic) = topic(subscription) else { continue };
        let bytes = topic.len() + "\"\",".len();
        if bytes > room {
            let (path, greeting) = (path.to_owned(), Vec::new());
            connections.push(ConnectionPlan { path, greeting, subscriptions: Vec::new() });
            room = ARGS_BYTES_MAX;
        }
        room -= bytes;
        if let Some(connection) = connections.last_mut() {
            connection.subscriptions.push(*subscription);
        }
    }
    connections
}

/// Words one message.
pub(super) fn requests(
    operation: &str,
    subscriptions: &[Subscription],
    next_id: &mut u64,
) -> Vec<Request> {
    let (topics, covers): (Vec<String>, Vec<Subscription>) =
        subscriptions.iter().filter_map(|one| Some((format!("\"{}\"", topic(one)?), *one))).unzip();
    if covers.is_empty() {
        return Vec::new();
    }
    let id = *next_id;
    *next_id += 1;
    let topics = topics.join(",");
    let text = format!(r#"{{"req_id":"{id}","op":"{operation}","args":[{topics}]}}"#);
    vec![Request { id, text, covers }]
}

/// The name of a stream; `None` where Bybit has none for it.
fn topic(subscription: &Subscription) -> Option<String> {
    let native = &subscription.native;
    Some(match subscription.channel {
        Channel::Trades => format!("publicTrade.{native}"),
        Channel::Quotes => format!("orderbook.1.{native}"),
        Channel::Ticker => format!("tickers.{native}"),
        Channel::Orderbook => format!("orderbook.{BOOK_DEPTH}.{native}"),
        Channel::Candles => format!("kline.{}.{native}", interval_name(subscription.interval?)?),
        Channel::Status => return None,
    })
}

/// Minutes, or a letter; there are none of a second.
const fn interval_name(interval: Interval) -> Option<&'static str> {
    match interval {
        Interval::Second1 => None,
        Interval::Minute1 => Some("1"),
        Interval::Minute5 => Some("5"),
        Interval::Minute15 => Some("15"),
        Interval::Hour1 => Some("60"),
        Interval::Hour4 => Some("240"),
        Interval::Day1 => Some("D"),
    }
}

/// The interval of that name; `None` for those that nobody can ask us for.
pub(super) fn interval_of(name: &str) -> Option<Interval> {
    Interval::ALL.into_iter().find(|interval| interval_name(*interval) == Some(name))
}

/// What a topic that an answer names is about.
pub(super) fn stream_of(topic: &str, instruments: &NativeMap) -> Option<NamedStream> {
    let (kind, rest) = topic.split_once('.')?;
    let instrument = |native: &str| -> Option<InstrumentId> { instruments.find(native.as_bytes()) };
    let (channel, native, interval) = match (kind, rest.split_once('.')) {
        ("publicTrade", _) => (Channel::Trades, rest, None),
        ("tickers", _) => (Channel::Ticker, rest, None),
        ("orderbook", Some(("1", native))) => (Channel::Quotes, native, None),
        ("orderbook", Some((_, native))) => (Channel::Orderbook, native, None),
        ("kline", Some((length, native))) => (Channel::Candles, native, interval_of(length)),
        _ => return None,
    };
    Some(NamedStream { interval, ..NamedStream::of(instrument(native)?, channel) })
}

#[cfg(test)]
mod tests {
    use arrayvec::ArrayString;

    use super::*;

    fn wanted(native: &str, channel: Channel) -> Subscription {
        let interval = (channel == Channel::Candles).then_some(Interval::Hour1);
        let native = ArrayString::from(native).expect("short");
        Subscription { instrument: InstrumentId(0), native, channel, interval }
    }

    #[test]
    fn a_subscription_is_worded_as_bybit_expects_it() {
        let mut next_id = 7;
        let all = Channel::ALL.map(|channel| wanted("BTCUSDT", channel));
        let asked = requests("subscribe", &all, &mut next_id);
        let text = concat!(
            r#"{"req_id":"7","op":"subscribe","args":["publicTrade.BTCUSDT","#,
            r#""orderbook.1.BTCUSDT","tickers.BTCUSDT","orderbook.200.BTCUSDT","#,
            r#""kline.60.BTCUSDT"]}"#
        );
        // There is no stream of a status, and none of candles of a second.
        assert_eq!(asked, [Request { id: 7, text: text.to_owned(), covers: all[..5].to_vec() }]);
        let second = Subscription { interval: Some(Interval::Second1), ..all[4] };
        assert!(requests("subscribe", &[all[5], second], &mut next_id).is_empty());
        assert_eq!(next_id, 8);
        let left = requests("unsubscribe", &all[..1], &mut next_id);
        let text = r#"{"req_id":"8","op":"unsubscribe","args":["publicTrade.BTCUSDT"]}"#;
        assert_eq!(left[0].text, text);
    }

    #[test]
    fn a_connection_takes_as_many_topics_as_its_letters_allow() {
        let all: Vec<_> = (0..1_000)
            .flat_map(|index| {
                let native = format!("S{index:03}USDT");
                [Channel::Trades, Channel::Orderbook].map(|channel| wanted(&native, channel))
            })
            .collect();
        let plan = plan(Class::Linear, &all);
        let subscriptions: Vec<_> =
            plan.iter().flat_map(|connection| connection.subscriptions.clone()).collect();
        assert_eq!(subscriptions, all);
        for connection in &plan {
            assert_eq!(connection.path, "/v5/public/linear");
            let text = &requests("subscribe", &connection.subscriptions, &mut 1)[0].text;
            let (_, args) = text.split_once('[').expect("a list");
            assert!(args.len() <= ARGS_BYTES_MAX + "]}".len());
        }
        // 20 and 22 letters each, and 3 around them.
        assert_eq!(plan.len(), 1_000 * (20 + 3 + 22 + 3) / ARGS_BYTES_MAX + 1);
    }

    #[test]
    fn a_topic_in_an_answer_names_its_subscription() {
        let instruments = NativeMap::new([("BTCUSDT", InstrumentId(4))]);
        for channel in Channel::ALL {
            let Some(topic) = topic(&wanted("BTCUSDT", channel)) else { continue };
            let interval = (channel == Channel::Candles).then_some(Interval::Hour1);
            let stream = NamedStream { interval, ..NamedStream::of(InstrumentId(4), channel) };
            assert_eq!(stream_of(&topic, &instruments), Some(stream));
        }
        for topic in ["orderbook.200.ETHUSDT", "BTCUSDT", "liquidation.BTCUSDT", ""] {
            assert_eq!(stream_of(topic, &instruments), None, "{topic}");
        }
    }

    #[test]
    fn intervals_go_both_ways() {
        for interval in Interval::ALL {
            let Some(name) = interval_name(interval) else { continue };
            assert_eq!(interval_of(name), Some(interval));
        }
        assert_eq!(interval_of("3"), None);
        assert_eq!(interval_of("W"), None);
    }
}
