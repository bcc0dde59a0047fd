//! What the dialects of our own write the same.

use super::offer::Offer;
use super::pen::{DECIMAL, NUMBER, Pen, WIDE};
use super::text::{push_decimal, push_list, push_millis, push_text, push_u64};
use crate::cache::{BookStatus, FeedStatus, Gap, ListedStatus, Stream};
use crate::instrument::{Channel, Instrument, Listed};
use crate::tick::{Candle, Decimal, FeedState, Interval, Reason, WideDecimal};

/// `"key":"value",` of a label.
pub(super) fn label_piece(key: &str, value: &str) -> Vec<u8> {
    let mut out = format!("\"{key}\":").into_bytes();
    push_text(&mut out, value);
    out.push(b',');
    out
}

/// Appends what both dialects tell of an instrument.
pub(super) fn push_instrument(out: &mut Vec<u8>, instrument: &Instrument, offer: &Offer) {
    out.extend_from_slice(b"{\"symbol\":");
    push_text(out, instrument.symbol.as_str());
    out.extend_from_slice(b",\"exchange\":");
    push_text(out, instrument.exchange.name());
    out.extend_from_slice(b",\"native\":");
    push_text(out, &instrument.native);
    for (key, step) in
        [(",\"tickSize\":", instrument.tick_size), (",\"lotSize\":", instrument.lot_size)]
    {
        out.extend_from_slice(key.as_bytes());
        match step {
            Some(step) => push_decimal(out, step),
            None => out.extend_from_slice(b"null"),
        }
    }
    out.extend_from_slice(b",\"channels\":[");
    push_list(out, &offer.channels, |out, channel| push_text(out, channel.name()));
    out.push(b']');
    if !offer.intervals.is_empty() {
        out.extend_from_slice(b",\"intervals\":[");
        push_list(out, &offer.intervals, |out, length| push_text(out, length.name()));
        out.push(b']');
    }
    out.push(b'}');
}

/// Bytes of [`candle_prices`] and [`candle_partial`] at most.
pub(super) const CANDLE_BYTES: usize = 11 + NUMBER + 4 * (9 + DECIMAL) + 10 + WIDE + 15;

/// What candles read the same in both dialects.
#[inline]
pub(super) fn candle_prices(pen: &mut Pen<'_>, candle: &Candle) {
    pen.text(b"\"openTime\":");
    pen.millis(candle.open_time);
    pen.text(b",\"open\":");
    pen.decimal(candle.open);
    pen.text(b",\"high\":");
    pen.decimal(candle.high);
    pen.text(b",\"low\":");
    pen.decimal(candle.low);
    pen.text(b",\"close\":");
    pen.decimal(candle.close);
    optional_wide(pen, b",\"volume\":", candle.states_volume.then_some(candle.volume));
}

/// What a candle says that was not seen whole.
#[inline]
pub(super) fn candle_partial(pen: &mut Pen<'_>, candle: &Candle) {
    if candle.partial {
        pen.text(b",\"partial\":true");
    }
}

/// What gaps read the same in both dialects.
pub(super) fn gap_fields(out: &mut Vec<u8>, gap: &Gap, reason: &str) {
    stream_fields(out, gap.stream);
    out.extend_from_slice(b",\"fromSeq\":");
    push_u64(out, gap.from_seq);
    out.extend_from_slice(b",\"toSeq\":");
    push_u64(out, gap.to_seq);
    out.extend_from_slice(b",\"reason\":");
    push_text(out, reason);
}

/// The channel, and the interval of candles.
pub(super) fn stream_fields(out: &mut Vec<u8>, stream: Stream) {
    out.extend_from_slice(b"\"channel\":\"");
    out.extend_from_slice(stream.channel().name().as_bytes());
    out.push(b'"');
    if let Some(interval) = stream.interval() {
        out.extend_from_slice(b",\"interval\":\"");
        out.extend_from_slice(interval.name().as_bytes());
        out.push(b'"');
    }
}

#[inline]
pub(super) fn optional<const LENGTH: usize>(
    pen: &mut Pen<'_>,
    key: &[u8; LENGTH],
    value: Option<Decimal>,
) {
    pen.text(key);
    match value {
        Some(value) => pen.decimal(value),
        None => pen.text(b"null"),
    }
}

#[inline]
pub(super) fn optional_wide<const LENGTH: usize>(
    pen: &mut Pen<'_>,
    key: &[u8; LENGTH],
    value: Option<WideDecimal>,
) {
    pen.text(key);
    match value {
        Some(value) => pen.wide(value),
        None => pen.text(b"null"),
    }
}

/// The state of a channel, of candles of a length where one is named.
pub(super) fn channel_status_fields(
    out: &mut Vec<u8>,
    channel: Channel,
    interval: Option<Interval>,
    status: &BookStatus,
) {
    out.extend_from_slice(b"\"channel\":\"");
    out.extend_from_slice(channel.name().as_bytes());
    if let Some(interval) = interval {
        out.extend_from_slice(b"\",\"interval\":\"");
        out.extend_from_slice(interval.name().as_bytes());
    }
    out.extend_from_slice(b"\",\"state\":\"");
    out.extend_from_slice(status.state.name().as_bytes());
    out.push(b'"');
    reason(out, status.reason);
    if status.since.is_some() {
        out.extend_from_slice(b",\"since\":");
        push_millis(out, status.since);
    }
}

/// How an exchange lists an instrument.
pub(super) fn listed_fields(out: &mut Vec<u8>, status: &ListedStatus) {
    let (state, why) = match status.listed {
        Listed::Trading => ("live", Reason::None),
        Listed::Idle => ("stale", Reason::NotTrading),
        Listed::Nowhere => ("error", Reason::UnknownSymbol),
        Listed::Unwanted => ("stale", Reason::Configuration),
    };
    out.extend_from_slice(b"\"state\":\"");
    out.extend_from_slice(state.as_bytes());
    out.push(b'"');
    reason(out, why);
    out.extend_from_slice(b",\"since\":");
    push_millis(out, status.since);
}

/// The state of a connection.
pub(super) fn feed_status_fields(out: &mut Vec<u8>, status: &FeedStatus) {
    out.extend_from_slice(b"\"exchange\":\"");
    out.extend_from_slice(status.exchange.name().as_bytes());
    out.extend_from_slice(b"\",\"state\":\"");
    out.extend_from_slice(status.state.name().as_bytes());
    out.push(b'"');
    if status.line > 0 {
        out.extend_from_slice(b",\"line\":");
        push_u64(out, u64::from(status.line));
    }
    // Of one that succeeded the attempts say nothing any more.
    if status.attempt > 0 && status.state != FeedState::Connected {
        out.extend_from_slice(b",\"attempt\":");
        push_u64(out, u64::from(status.attempt));
    }
    reason(out, status.reason);
}

/// A reason, unless there is none.
fn reason(out: &mut Vec<u8>, reason: Reason) {
    if reason != Reason::None {
        out.extend_from_slice(b",\"reason\":");
        push_text(out, reason.name());
    }
}
