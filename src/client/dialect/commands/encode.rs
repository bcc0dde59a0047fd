//! What clients of dialect 2 read.

use std::sync::Arc;

use crate::cache::{Event, EventBody, FeedStatus, Gap};
use crate::client::dialect::actions::encode::{
    candle_partial, candle_prices, channel_status_fields, feed_status_fields, gap_fields,
    listed_fields,
};
use crate::client::dialect::text::{push_decimal, push_list, push_millis, push_text, push_u64};
use crate::client::dialect::{ErrorCode, RequestId};
use crate::clock::UnixNanos;
use crate::instrument::ExchangeId;
use crate::tick::{Candle, Decimal, Interval, Ticker};

/// The name of an asset as its client wrote it, as JSON, made once and shared by all who are told
/// under it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AssetLabel(Arc<[u8]>);

impl AssetLabel {
    /// The label of a name.
    pub fn new(name: &str) -> Self {
        let mut out = b"\"asset\":".to_vec();
        push_text(&mut out, name);
        out.push(b',');
        Self(out.into())
    }
}

/// Appends one event: trades as ticks, candles, and gaps. Tickers are ticks too: who follows an
/// asset gets them only where there are no trades. False when the event has no form in this
/// dialect; then nothing is appended.
#[inline]
pub fn event(out: &mut Vec<u8>, asset: &AssetLabel, event: &Event<'_>) -> bool {
    match event.body {
        EventBody::Trade(trade) => push_tick(out, asset, trade.price, event.stamp.time()),
        EventBody::Ticker(&Ticker { last: Some(price), .. }) => {
            push_tick(out, asset, price, event.stamp.time());
        }
        EventBody::Candle(candle) => push_candle(out, asset, candle),
        EventBody::Gap(gap) => push_gap(out, asset, &gap, gap.reason.name()),
        EventBody::Quote(_)
        | EventBody::Ticker(_)
        | EventBody::Book(_)
        | EventBody::BookState(_)
        | EventBody::Listed(_)
        | EventBody::StreamState(..)
        | EventBody::FeedState(_) => return false,
    }
    true
}

/// Appends the state of a channel of an asset, or how its exchange lists it. False when the event
/// is neither; then nothing is appended.
pub fn status(
    out: &mut Vec<u8>,
    asset: &AssetLabel,
    exchange: ExchangeId,
    event: &Event<'_>,
) -> bool {
    let begin = |out: &mut Vec<u8>| {
        out.extend_from_slice(b"{\"type\":\"status\",\"data\":{");
        out.extend_from_slice(&asset.0);
        out.extend_from_slice(b"\"exchange\":");
        push_text(out, exchange.name());
        out.push(b',');
    };
    match event.body {
        EventBody::StreamState(channel, interval, status) => {
            begin(out);
            channel_status_fields(out, channel, interval, &status);
        }
        EventBody::Listed(status) => {
            begin(out);
            listed_fields(out, &status);
        }
        _ => return false,
    }
    out.extend_from_slice(b"}}");
    true
}

/// Appends the state of a connection to an exchange, which is that of all assets there.
pub fn feed_status(out: &mut Vec<u8>, status: &FeedStatus) {
    out.extend_from_slice(b"{\"type\":\"status\",\"data\":{");
    feed_status_fields(out, status);
    out.extend_from_slice(b"}}");
}

#[inline]
fn push_tick(out: &mut Vec<u8>, asset: &AssetLabel, price: Decimal, time: UnixNanos) {
    out.extend_from_slice(b"{\"type\":\"tick\",\"data\":{");
    out.extend_from_slice(&asset.0);
    tick_fields(out, price, time);
    out.extend_from_slice(b"}}");
}

fn push_gap(out: &mut Vec<u8>, asset: &AssetLabel, gap: &Gap, reason: &str) {
    out.extend_from_slice(b"{\"type\":\"gap\",\"data\":{");
    out.extend_from_slice(&asset.0);
    gap_fields(out, gap, reason);
    out.extend_from_slice(b"}}");
}

#[inline]
fn tick_fields(out: &mut Vec<u8>, price: Decimal, time: UnixNanos) {
    out.extend_from_slice(b"\"price\":");
    push_decimal(out, price);
    out.extend_from_slice(b",\"timestamp\":");
    push_millis(out, time);
}

fn push_candle(out: &mut Vec<u8>, asset: &AssetLabel, candle: &Candle) {
    out.extend_from_slice(if candle.closed {
        b"{\"type\":\"candle_closed\",\"data\":{"
    } else {
        b"{\"type\":\"candle_update\",\"data\":{"
    });
    out.extend_from_slice(&asset.0);
    out.extend_from_slice(b"\"interval\":\"");
    out.extend_from_slice(candle.interval.name().as_bytes());
    out.extend_from_slice(b"\",");
    candle_prices(out, candle);
    candle_partial(out, candle);
    out.extend_from_slice(b"}}");
}

/// The beginning of a response up to its verdict. A command without an id is answered with `null`.
fn response(out: &mut Vec<u8>, request_id: Option<&RequestId>, verdict: &[u8]) {
    out.extend_from_slice(b"{\"type\":\"response\",\"requestId\":");
    out.extend_from_slice(request_id.map_or("null", RequestId::json).as_bytes());
    out.extend_from_slice(b",\"success\":");
    out.extend_from_slice(verdict);
}

/// Appends a refusal.
pub fn failure(out: &mut Vec<u8>, id: Option<&RequestId>, code: ErrorCode, message: &str) {
    response(out, id, b"false,\"error\":{\"code\":\"");
    out.extend_from_slice(code.name().as_bytes());
    out.extend_from_slice(b"\",\"message\":");
    push_text(out, message);
    out.extend_from_slice(b"}}");
}

/// Appends the answer to `follow` and `unfollow`: every name that the client follows now.
pub fn following<'a>(
    out: &mut Vec<u8>,
    id: Option<&RequestId>,
    names: impl IntoIterator<Item = &'a str>,
) {
    response(out, id, b"true,\"data\":{\"following\":[");
    push_list(out, names, push_text);
    out.extend_from_slice(b"]}}");
}

/// Appends the answer to `ping`.
pub fn pong(out: &mut Vec<u8>, id: Option<&RequestId>, date: UnixNanos) {
    response(out, id, b"true,\"data\":{\"pong\":true,\"timestamp\":");
    push_millis(out, date);
    out.extend_from_slice(b"}}");
}

/// Appends the answer to `instruments`, from pages of the catalogue.
pub fn instruments(out: &mut Vec<u8>, id: Option<&RequestId>, pages: &[&[u8]]) {
    response(out, id, b"true,\"data\":{\"instruments\":[");
    push_list(out, pages, |out, page| out.extend_from_slice(page));
    out.extend_from_slice(b"]}}");
}

/// Appends the answer to `history`, before its `historical_data`: how many events that has, and
/// whether all of the range is there.
pub fn history(
    out: &mut Vec<u8>,
    id: Option<&RequestId>,
    asset: &AssetLabel,
    count: usize,
    complete: bool,
) {
    response(out, id, b"true,\"data\":{");
    out.extend_from_slice(&asset.0);
    out.extend_from_slice(b"\"count\":");
    push_u64(out, count as u64);
    out.extend_from_slice(if complete {
        b",\"complete\":true}}"
    } else {
        b",\"complete\":false}}"
    });
}

/// Appends one event of a `historical_data`, behind those before it. What has no form in this
/// dialect is left out.
pub fn historical_item(out: &mut Vec<u8>, event: &Event<'_>) {
    let before = out.len();
    out.extend_from_slice(if out.is_empty() { b"{" } else { b",{" });
    match event.body {
        EventBody::Trade(trade) => tick_fields(out, trade.price, event.stamp.time()),
        EventBody::Ticker(&Ticker { last: Some(price), .. }) => {
            tick_fields(out, price, event.stamp.time());
        }
        EventBody::Candle(candle) => {
            candle_prices(out, candle);
            candle_partial(out, candle);
        }
        _ => return out.truncate(before),
    }
    out.push(b'}');
}

/// Appends one `historical_data`: trades, or candles where there is an interval, of items that were
/// made by [`historical_item`].
pub fn historical_data(
    out: &mut Vec<u8>,
    id: Option<&RequestId>,
    asset: &AssetLabel,
    interval: Option<Interval>,
    items: &[u8],
) {
    out.extend_from_slice(b"{\"type\":\"historical_data\",\"requestId\":");
    out.extend_from_slice(id.map_or("null", RequestId::json).as_bytes());
    out.extend_from_slice(b",\"data\":{");
    out.extend_from_slice(&asset.0);
    match interval {
        None => out.extend_from_slice(b"\"ticks\":["),
        Some(interval) => {
            out.extend_from_slice(b"\"interval\":\"");
            out.extend_from_slice(interval.name().as_bytes());
            out.extend_from_slice(b"\",\"candles\":[");
        }
    }
    out.extend_from_slice(items);
    out.extend_from_slice(b"]}}");
}
