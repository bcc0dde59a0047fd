//! What clients of dialect 2 read.

use crate::cache::{Event, EventBody, FeedStatus, Gap};
use crate::clock::UnixNanos;
use crate::dialect::Label;
use crate::dialect::json::{
    CANDLE_BYTES, candle_partial, candle_prices, channel_status_fields, feed_status_fields,
    gap_fields, listed_fields,
};
use crate::dialect::pen::{DECIMAL, NUMBER, Pen, SPARE, within};
use crate::tick::{Candle, Decimal, Ticker};

/// Room for a tick behind its asset: its two keys, brackets, and the numbers.
const TICK_ROOM: usize = 8 + DECIMAL + 13 + NUMBER + 2 + SPARE;

/// The same of a candle: its interval besides what candles have in both dialects.
const CANDLE_ROOM: usize = 16 + CANDLE_BYTES + 2 + SPARE;

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
    within::<TICK_ROOM>(out, |pen| {
        tick_fields(pen, price, time);
        pen.text(b"}}");
    });
}

fn push_gap(out: &mut Vec<u8>, asset: &Label, gap: &Gap, reason: &str) {
    out.extend_from_slice(b"{\"type\":\"gap\",\"data\":{");
    out.extend_from_slice(asset.pieces().0);
    gap_fields(out, gap, reason);
    out.extend_from_slice(b"}}");
}

#[inline]
fn tick_fields(pen: &mut Pen<'_>, price: Decimal, time: UnixNanos) {
    pen.text(b"\"price\":");
    pen.decimal(price);
    pen.text(b",\"timestamp\":");
    pen.millis(time);
}

fn push_candle(out: &mut Vec<u8>, asset: &Label, candle: &Candle) {
    out.extend_from_slice(if candle.closed {
        b"{\"type\":\"candle_closed\",\"data\":{"
    } else {
        b"{\"type\":\"candle_update\",\"data\":{"
    });
    out.extend_from_slice(asset.pieces().0);
    within::<CANDLE_ROOM>(out, |pen| {
        pen.text(b"\"interval\":\"");
        pen.word(candle.interval.name());
        pen.text(b"\",");
        candle_prices(pen, candle);
        candle_partial(pen, candle);
        pen.text(b"}}");
    });
}

/// Appends one event of a `historical_data`, behind those before it. What has no form in this
/// dialect is left out.
pub(super) fn push_past(out: &mut Vec<u8>, event: &Event<'_>) {
    let open = if out.is_empty() { "{" } else { ",{" };
    let tick = |out: &mut Vec<u8>, price| {
        within::<TICK_ROOM>(out, |pen| {
            pen.word(open);
            tick_fields(pen, price, event.stamp.time());
            pen.text(b"}");
        });
    };
    match event.body {
        EventBody::Trade(trade) => tick(out, trade.price),
        EventBody::Ticker(&Ticker { last: Some(price), .. }) => tick(out, price),
        EventBody::Candle(candle) => within::<CANDLE_ROOM>(out, |pen| {
            pen.word(open);
            candle_prices(pen, candle);
            candle_partial(pen, candle);
            pen.text(b"}");
        }),
        EventBody::Ticker(_)
        | EventBody::Quote(_)
        | EventBody::Book(_)
        | EventBody::BookState(_)
        | EventBody::StreamState(..)
        | EventBody::Listed(_)
        | EventBody::FeedState(_)
        | EventBody::Gap(_) => {}
    }
}
