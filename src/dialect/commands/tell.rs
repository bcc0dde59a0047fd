//! What clients of dialect 2 read.

use crate::cache::{Event, EventBody, FeedStatus, Gap};
use crate::clock::UnixNanos;
use crate::dialect::Label;
use crate::dialect::json::{
    candle_partial, candle_prices, channel_status_fields, feed_status_fields, gap_fields,
    listed_fields,
};
use crate::dialect::text::{push_decimal, push_millis};
use crate::tick::{Candle, Decimal, Ticker};

/// Appends one event: trades as ticks, candles, gaps and states. Tickers are ticks too: who follows an
/// asset gets them only where there are no trades. False when the event has no form in this
/// dialect; then nothing is appended.
#[inline]
pub(super) fn push_event(out: &mut Vec<u8>, asset: &Label, event: &Event<'_>) -> bool {
    match event.body {
        EventBody::Trade(trade) => push_tick(out, asset, trade.price, event.stamp.time()),
        EventBody::Ticker(&Ticker { last: Some(price), .. }) => {
            push_tick(out, asset, price, event.stamp.time());
        }
        EventBody::Candle(candle) => push_candle(out, asset, candle),
        EventBody::Gap(gap) => push_gap(out, asset, &gap, gap.reason.name()),
        EventBody::StreamState(channel, interval, status) => {
            open_status(out, asset);
            channel_status_fields(out, channel, interval, &status);
            out.extend_from_slice(b"}}");
        }
        EventBody::Listed(status) => {
            open_status(out, asset);
            listed_fields(out, &status);
            out.extend_from_slice(b"}}");
        }
        EventBody::Quote(_)
        | EventBody::Ticker(_)
        | EventBody::Book(_)
        | EventBody::BookState(_)
        | EventBody::FeedState(_) => return false,
    }
    true
}

/// States name the exchange, too: the same asset may trade at several.
fn open_status(out: &mut Vec<u8>, asset: &Label) {
    out.extend_from_slice(b"{\"type\":\"status\",\"data\":{");
    out.extend_from_slice(asset.whole());
}

/// Appends the state of a connection to an exchange, which is that of all assets there.
pub(super) fn push_feed_status(out: &mut Vec<u8>, status: &FeedStatus) {
    out.extend_from_slice(b"{\"type\":\"status\",\"data\":{");
    feed_status_fields(out, status);
    out.extend_from_slice(b"}}");
}

#[inline]
fn push_tick(out: &mut Vec<u8>, asset: &Label, price: Decimal, time: UnixNanos) {
    out.extend_from_slice(b"{\"type\":\"tick\",\"data\":{");
    out.extend_from_slice(asset.pieces().0);
    tick_fields(out, price, time);
    out.extend_from_slice(b"}}");
}

fn push_gap(out: &mut Vec<u8>, asset: &Label, gap: &Gap, reason: &str) {
    out.extend_from_slice(b"{\"type\":\"gap\",\"data\":{");
    out.extend_from_slice(asset.pieces().0);
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

fn push_candle(out: &mut Vec<u8>, asset: &Label, candle: &Candle) {
    out.extend_from_slice(if candle.closed {
        b"{\"type\":\"candle_closed\",\"data\":{"
    } else {
        b"{\"type\":\"candle_update\",\"data\":{"
    });
    out.extend_from_slice(asset.pieces().0);
    out.extend_from_slice(b"\"interval\":\"");
    out.extend_from_slice(candle.interval.name().as_bytes());
    out.extend_from_slice(b"\",");
    candle_prices(out, candle);
    candle_partial(out, candle);
    out.extend_from_slice(b"}}");
}

/// Appends one event of a `historical_data`, behind those before it. What has no form in this
/// dialect is left out.
pub(super) fn push_past(out: &mut Vec<u8>, event: &Event<'_>) {
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
