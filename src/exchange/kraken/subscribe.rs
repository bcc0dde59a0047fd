//! What we say to Kraken: one message per channel (and interval) with the list of its symbols.
//!
//! A refusal names the symbol and our number, not the channel, and an answer about a ticker does
//! not know whether it was asked for its quotes. So the number tells the channel: it is a count
//! times [`CODES`], plus the channel's code.

use std::collections::HashSet;

use super::book;
use crate::exchange::{ConnectionPlan, Request, Subscription};
use crate::instrument::{Channel, InstrumentId};
use crate::tick::Interval;

/// Streams in one request. No bound is published; the exchange's own list has a thousand symbols.
/// Even, so that a quote and a ticker of one symbol, planned side by side, stay together.
pub(super) const SUBSCRIPTIONS_PER_REQUEST: usize = 100;
const _: () = assert!(SUBSCRIPTIONS_PER_REQUEST.is_multiple_of(2));

/// Levels on each side that we ask for: as many as the checksum covers, so that every level that
/// is served is proven with every event. An error below the tenth would stay unseen.
const BOOK_DEPTH: u32 = book::ALLOWED[0];

/// Codes that a request's number can carry.
const CODES: u64 = 8;

/// Number of the request for the list of instruments; those of others are [`CODES`] and more.
const LISTING_ID: u64 = 1;

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RequestKind {
    Trade,
    /// Statistics and best prices in one: `bbo` makes it follow every change of the best prices.
    Ticker,
    /// The same stream, where nobody wants the statistics.
    Quotes,
    Book,
    Ohlc(u32),
}

impl RequestKind {
    fn of(subscription: &Subscription) -> Option<Self> {
        match subscription.channel {
            Channel::Trades => Some(Self::Trade),
            Channel::Quotes => Some(Self::Quotes),
            Channel::Ticker => Some(Self::Ticker),
            Channel::Orderbook => Some(Self::Book),
            Channel::Candles => subscription.interval.and_then(minutes).map(Self::Ohlc),
            Channel::Status => None,
        }
    }

    /// The channel that answers are about.
    const fn channel(self) -> Channel {
        match self {
            Self::Trade => Channel::Trades,
            Self::Ticker => Channel::Ticker,
            Self::Quotes => Channel::Quotes,
            Self::Book => Channel::Orderbook,
            Self::Ohlc(_) => Channel::Candles,
        }
    }

    /// The parameters that name the stream; leaving it must repeat them.
    fn parameters(self) -> String {
        match self {
            Self::Trade => r#""channel":"trade""#.to_owned(),
            Self::Ticker | Self::Quotes => r#""channel":"ticker","event_trigger":"bbo""#.to_owned(),
            Self::Book => format!(r#""channel":"book","depth":{BOOK_DEPTH}"#),
            Self::Ohlc(minutes) => format!(r#""channel":"ohlc","interval":{minutes}"#),
        }
    }
}

/// Length of a candle as Kraken counts it; it has none below a minute.
const fn minutes(interval: Interval) -> Option<u32> {
    match interval {
        Interval::Second1 => None,
        _ => Some((interval.nanos() / 60_000_000_000) as u32),
    }
}

/// See [`crate::exchange::Exchange::plan`].
pub(super) fn plan(wanted: &[Subscription]) -> Vec<ConnectionPlan> {
    let known = wanted.iter().filter(|one| RequestKind::of(one).is_some());
    let known: Vec<Subscription> = known.copied().collect();
    let quotes = of_channel(&known, Channel::Quotes);
    let tickers = of_channel(&known, Channel::Ticker);
    let is_paired = |one: &Subscription| {
        matches!(one.channel, Channel::Quotes | Channel::Ticker)
            && quotes.contains(&one.instrument)
            && tickers.contains(&one.instrument)
    };
    // Pairs that share a stream come first and together, so that no request parts them.
    let (mut streams, rest): (Vec<_>, Vec<_>) = known.into_iter().partition(is_paired);
    streams.sort_by_key(|one| one.instrument);
    streams.extend(rest);
    let chunks = streams.chunks(super::CONNECTION.streams_max);
    let connections = chunks.map(|chunk| ConnectionPlan {
        path: "/v2".to_owned(),
        // Without that word the list has no tokenised stocks (`AAPLx/USD`).
        greeting: vec![format!(
            r#"{{"method":"subscribe","params":{{"channel":"instrument","include_tokenized_assets":true,"snapshot":true}},"req_id":{LISTING_ID}}}"#
        )],
        subscriptions: chunk.to_vec(),
    });
    connections.collect()
}

fn of_channel(streams: &[Subscription], channel: Channel) -> HashSet<InstrumentId> {
    streams.iter().filter(|one| one.channel == channel).map(|one| one.instrument).collect()
}

/// Words one message per channel (and interval). Past trades come with a subscription to trades:
/// they fill what was missed while no connection was there. Quotes beside a ticker of the same
/// instrument come with it, and nothing is asked for them.
pub(super) fn messages(
    method: &str,
    subscriptions: &[Subscription],
    next_id: &mut u64,
) -> Vec<Request> {
    let tickers = of_channel(subscriptions, Channel::Ticker);
    let mut topics: Vec<(RequestKind, Vec<Subscription>)> = Vec::new();
    for subscription in subscriptions {
        let Some(topic) = RequestKind::of(subscription) else { continue };
        if topic == RequestKind::Quotes && tickers.contains(&subscription.instrument) {
            continue;
        }
        match topics.iter_mut().find(|(known, _)| *known == topic) {
            Some((_, covers)) => covers.push(*subscription),
            None => topics.push((topic, vec![*subscription])),
        }
    }
    let requests = topics.into_iter().map(|(topic, covers)| {
        let id = *next_id * CODES + code(topic.channel());
        *next_id += 1;
        let symbols: Vec<String> = covers.iter().map(|it| format!("\"{}\"", it.native)).collect();
        let parameters = topic.parameters();
        let symbols = symbols.join(",");
        let snapshot = if method == "subscribe" { r#","snapshot":true"# } else { "" };
        let text = format!(
            r#"{{"method":"{method}","params":{{{parameters},"symbol":[{symbols}]{snapshot}}},"req_id":{id}}}"#
        );
        Request { id, text, covers }
    });
    requests.collect()
}

const fn code(channel: Channel) -> u64 {
    channel as u64
}

/// The channel that the request of that number was about.
pub(super) fn channel_of(id: u64) -> Option<Channel> {
    let known = id >= CODES;
    Channel::ALL.into_iter().find(|channel| known && code(*channel) == id % CODES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::testing;

    /// The number of a request tells its channel, so each symbol is an instrument of its own.
    fn wanted(native: &str, channel: Channel) -> Subscription {
        let instrument = InstrumentId(native.len() as u32);
        Subscription { instrument, ..testing::wanted(native, channel) }
    }

    fn candles(native: &str, interval: Interval) -> Subscription {
        Subscription { interval: Some(interval), ..wanted(native, Channel::Candles) }
    }

    #[test]
    fn each_channel_has_its_message_and_its_number_tells_which() {
        let all = [
            wanted("BTC/USD", Channel::Trades),
            wanted("BTC/USD", Channel::Quotes),
            wanted("BTC/USD", Channel::Ticker),
            wanted("MATIC/GBP", Channel::Ticker),
            wanted("BTC/USD", Channel::Orderbook),
            candles("BTC/USD", Interval::Minute1),
            candles("MATIC/GBP", Interval::Hour4),
            // Neither exists there: one is built here from trades, one has no length there.
            wanted("BTC/USD", Channel::Candles),
            candles("BTC/USD", Interval::Second1),
        ];
        let mut next_id = 2;
        let requests = messages("subscribe", &all, &mut next_id);
        let texts: Vec<&str> = requests.iter().map(|request| request.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                r#"{"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USD"],"snapshot":true},"req_id":16}"#,
                r#"{"method":"subscribe","params":{"channel":"ticker","event_trigger":"bbo","symbol":["BTC/USD","MATIC/GBP"],"snapshot":true},"req_id":26}"#,
                r#"{"method":"subscribe","params":{"channel":"book","depth":10,"symbol":["BTC/USD"],"snapshot":true},"req_id":35}"#,
                r#"{"method":"subscribe","params":{"channel":"ohlc","interval":1,"symbol":["BTC/USD"],"snapshot":true},"req_id":44}"#,
                r#"{"method":"subscribe","params":{"channel":"ohlc","interval":240,"symbol":["MATIC/GBP"],"snapshot":true},"req_id":52}"#,
            ]
        );
        assert_eq!(next_id, 7);
        assert_eq!(requests[1].covers, all[2..4]);
        let channels: Vec<_> = requests.iter().map(|request| channel_of(request.id)).collect();
        let [trades, ticker, book, candles] =
            [Channel::Trades, Channel::Ticker, Channel::Orderbook, Channel::Candles].map(Some);
        assert_eq!(channels, [trades, ticker, book, candles, candles]);
        assert_eq!(channel_of(LISTING_ID), None);
    }

    #[test]
    fn leaving_repeats_what_names_the_stream() {
        let all = [
            wanted("BTC/USD", Channel::Orderbook),
            candles("BTC/USD", Interval::Day1),
            wanted("BTC/USD", Channel::Quotes),
        ];
        let requests = messages("unsubscribe", &all, &mut 1);
        let texts: Vec<&str> = requests.iter().map(|request| request.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                r#"{"method":"unsubscribe","params":{"channel":"book","depth":10,"symbol":["BTC/USD"]},"req_id":11}"#,
                r#"{"method":"unsubscribe","params":{"channel":"ohlc","interval":1440,"symbol":["BTC/USD"]},"req_id":20}"#,
                r#"{"method":"unsubscribe","params":{"channel":"ticker","event_trigger":"bbo","symbol":["BTC/USD"]},"req_id":25}"#,
            ]
        );
    }

    #[test]
    fn a_quote_and_a_ticker_of_one_symbol_stay_side_by_side() {
        let (a, b) = ("A/USD", "BB/USD");
        let all = [
            wanted(a, Channel::Trades),
            wanted(a, Channel::Quotes),
            wanted(b, Channel::Quotes),
            wanted(b, Channel::Ticker),
            wanted(a, Channel::Status),
        ];
        let plan = plan(&all);
        assert_eq!(plan.len(), 1);
        assert_eq!(plan[0].path, "/v2");
        assert_eq!(plan[0].subscriptions, [all[2], all[3], all[0], all[1]]);
        assert!(plan[0].greeting[0].contains(r#""channel":"instrument""#));
        assert!(super::plan(&[]).is_empty());
    }
}
