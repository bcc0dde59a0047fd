//! What we say to Deriv: one call per stream, and the names by which streams are ended.

use std::collections::HashSet;

use super::Dialect;
use super::memory::{Memory, Stream};
use crate::exchange::{ConnectionPlan, Request, Subscription};
use crate::instrument::Channel;
use crate::limits::DERIV_STREAMS_MAX;
use crate::tick::Interval;

/// Bars that the answer to a subscription begins with: an outage of an hour and a half leaves no
/// hole in the candles of a minute. The exchange gives at most 1,000 (5,000 by legacy).
const BARS_WITH_SUBSCRIPTION: u32 = 100;

/// See [`crate::exchange::Exchange::plan`]. Ticks carry quotes and statistics at once, so an
/// instrument has one stream for both, under the name of its quotes where they are wanted.
pub(super) fn plan(dialect: Dialect, path: &str, wanted: &[Subscription]) -> Vec<ConnectionPlan> {
    let mut with_ticks = HashSet::new();
    let ticks = [Channel::Quotes, Channel::Ticker].into_iter().flat_map(|channel| {
        wanted.iter().filter(move |subscription| subscription.channel == channel)
    });
    let mut streams: Vec<Subscription> =
        ticks.filter(|subscription| with_ticks.insert(subscription.instrument)).copied().collect();
    let candles = wanted.iter().filter(|subscription| {
        matches!(stream_of(dialect, subscription), Some(Stream::Candles(_)))
    });
    streams.extend(candles);
    streams
        .chunks(DERIV_STREAMS_MAX)
        .map(|chunk| ConnectionPlan {
            path: path.to_owned(),
            greeting: greeting(dialect),
            subscriptions: chunk.to_vec(),
        })
        .collect()
}

/// The list of instruments; of the legacy dialect also how the site is, which tells a minute ahead
/// that connections will drop.
fn greeting(dialect: Dialect) -> Vec<String> {
    let messages: &[&str] = match dialect {
        Dialect::Legacy => &[
            r#"{"active_symbols":"brief","product_type":"basic"}"#,
            r#"{"website_status":1,"subscribe":1}"#,
        ],
        Dialect::Options => &[r#"{"active_symbols":"brief"}"#],
    };
    messages.iter().map(|message| (*message).to_owned()).collect()
}

/// See [`crate::exchange::Exchange::subscribe`].
pub(super) fn subscribe(
    dialect: Dialect,
    subscriptions: &[Subscription],
    next_id: &mut u64,
) -> Vec<Request> {
    let request = |subscription: &Subscription| {
        let stream = stream_of(dialect, subscription)?;
        let (id, native) = (take_id(next_id), subscription.native);
        let text = match stream {
            Stream::Ticks => format!(r#"{{"ticks":"{native}","subscribe":1,"req_id":{id}}}"#),
            Stream::Candles(interval) => format!(
                concat!(
                    r#"{{"ticks_history":"{}","style":"candles","granularity":{},"end":"latest","#,
                    r#""count":{},"subscribe":1,"req_id":{}}}"#
                ),
                native,
                granularity(interval),
                BARS_WITH_SUBSCRIPTION,
                id
            ),
        };
        Some(Request { id, text, covers: vec![*subscription] })
    };
    subscriptions.iter().filter_map(request).collect()
}

/// See [`crate::exchange::Exchange::unsubscribe`]. A stream is ended by the name that its frames
/// carry, on whichever connection; a name that a connection does not know is answered with 0.
pub(super) fn unsubscribe(
    dialect: Dialect,
    memory: &Memory,
    subscriptions: &[Subscription],
    next_id: &mut u64,
) -> Vec<Request> {
    let mut requests = Vec::new();
    for subscription in subscriptions {
        let Some(stream) = stream_of(dialect, subscription) else { continue };
        for name in memory.names(subscription.instrument, stream) {
            let (id, name) = (take_id(next_id), String::from_utf8_lossy(name));
            let text = format!(r#"{{"forget":"{name}","req_id":{id}}}"#);
            requests.push(Request { id, text, covers: vec![*subscription] });
        }
    }
    requests
}

fn take_id(next_id: &mut u64) -> u64 {
    let id = *next_id;
    *next_id += 1;
    id
}

/// The stream that serves a subscription; `None` where Deriv has none: it shows neither trades nor
/// books, and legacy has no candles below a minute.
fn stream_of(dialect: Dialect, subscription: &Subscription) -> Option<Stream> {
    match (subscription.channel, subscription.interval) {
        (Channel::Quotes | Channel::Ticker, _) => Some(Stream::Ticks),
        (Channel::Candles, Some(Interval::Second1)) if dialect == Dialect::Legacy => None,
        (Channel::Candles, Some(interval)) => Some(Stream::Candles(interval)),
        (Channel::Candles, None) => None,
        (Channel::Trades | Channel::Orderbook | Channel::Status, _) => None,
    }
}

/// An interval as they write it: in seconds.
const fn granularity(interval: Interval) -> i64 {
    interval.nanos() / 1_000_000_000
}

/// The interval of that many seconds, where we have it.
pub(super) fn interval_of(seconds: u64) -> Option<Interval> {
    Interval::ALL.into_iter().find(|&interval| granularity(interval).unsigned_abs() == seconds)
}

#[cfg(test)]
mod tests {
    use arrayvec::ArrayString;

    use super::*;
    use crate::instrument::InstrumentId;

    fn wanted(id: u32, channel: Channel, interval: Option<Interval>) -> Subscription {
        let native = ArrayString::from("R_100").expect("short");
        Subscription { instrument: InstrumentId(id), native, channel, interval }
    }

    #[test]
    fn quotes_and_ticker_share_a_stream_and_what_deriv_lacks_is_left_out() {
        let minute = Some(Interval::Minute1);
        let all = [
            wanted(0, Channel::Trades, None),
            wanted(0, Channel::Candles, minute),
            wanted(0, Channel::Candles, Some(Interval::Second1)),
            wanted(0, Channel::Candles, None),
            wanted(0, Channel::Ticker, None),
            wanted(1, Channel::Ticker, None),
            wanted(0, Channel::Quotes, None),
            wanted(0, Channel::Orderbook, None),
        ];
        let plans = plan(Dialect::Legacy, "/x", &all);
        assert_eq!(plans.len(), 1);
        assert_eq!(plans[0].path, "/x");
        assert_eq!(plans[0].subscriptions, [all[6], all[5], all[1]]);
        assert!(plan(Dialect::Legacy, "/x", &all[..1]).is_empty());
        let seconds = plan(Dialect::Options, "", &all[2..3]);
        assert_eq!(seconds[0].subscriptions, [all[2]]);
    }

    #[test]
    fn each_stream_is_asked_for_by_a_call_of_its_own() {
        let mut next_id = 4;
        let all =
            [wanted(0, Channel::Quotes, None), wanted(0, Channel::Candles, Some(Interval::Hour1))];
        let requests = subscribe(Dialect::Legacy, &all, &mut next_id);
        let texts: Vec<&str> = requests.iter().map(|request| request.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                r#"{"ticks":"R_100","subscribe":1,"req_id":4}"#,
                r#"{"ticks_history":"R_100","style":"candles","granularity":3600,"end":"latest","count":100,"subscribe":1,"req_id":5}"#
            ]
        );
        assert_eq!((requests[1].id, next_id), (5, 6));
        assert_eq!(requests[0].covers, all[..1]);
    }

    #[test]
    fn a_stream_is_ended_by_every_name_that_its_frames_carried() {
        let mut memory = Memory::default();
        let quotes = wanted(0, Channel::Quotes, None);
        let mut next_id = 1;
        assert!(unsubscribe(Dialect::Legacy, &memory, &[quotes], &mut next_id).is_empty());
        let name = *b"b4d42748-0744-c46b-f59b-cb7dd936bafa";
        memory.name(quotes.instrument, Stream::Ticks, &name);
        let requests = unsubscribe(Dialect::Legacy, &memory, &[quotes], &mut next_id);
        let text = r#"{"forget":"b4d42748-0744-c46b-f59b-cb7dd936bafa","req_id":1}"#;
        assert_eq!(requests, [Request { id: 1, text: text.to_owned(), covers: vec![quotes] }]);
    }
}
