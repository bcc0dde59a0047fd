//! What clients of dialect 1 read. Everything is written by hand, in the protocol's order, into
//! the bytes of the turn.
//!
//! What an exchange did not state is `null` (a side of a quote, a field of a ticker, the side of a
//! taker), so that a client finds every key every time; only `exchangeTs` is left out, as its
//! absence means that `timestamp` is our own.

use crate::book::{BookKind, Resting};
use crate::cache::{BookEvent, Event, EventBody, Stamp};
use crate::dialect::json::{
    candle_partial, candle_prices, channel_status_fields, feed_status_fields, gap_fields,
    listed_fields, optional, optional_wide,
};
use crate::dialect::text::{push_decimal, push_i64, push_millis, push_text, push_u64, push_uuid};
use crate::dialect::{Label, Telling};
use crate::instrument::Channel;
use crate::tick::{Candle, Quote, Side, Ticker, Trade, TradeId};

/// Appends one event without what it is to a client: neither number nor date of the telling.
pub fn push_bare(out: &mut Vec<u8>, label: Option<&Label>, event: &Event<'_>) {
    push_event(out, label, event, None);
}

/// Appends one event. The label is that of its instrument; the state of a feed needs none.
#[inline]
pub(super) fn push_event(
    out: &mut Vec<u8>,
    label: Option<&Label>,
    event: &Event<'_>,
    telling: Option<Telling>,
) {
    let names = label.map_or(&[][..], Label::whole);
    match event.body {
        EventBody::Trade(trade) => {
            open(out, b"{\"type\":\"trade\",\"data\":{", names);
            trade_fields(out, &trade);
            stamps(out, event.stamp);
        }
        EventBody::Quote(quote) => {
            open(out, b"{\"type\":\"quote\",\"data\":{", names);
            quote_fields(out, &quote);
            timestamp(out, event.stamp);
        }
        EventBody::Ticker(ticker) => {
            open(out, b"{\"type\":\"ticker\",\"data\":{", names);
            ticker_fields(out, ticker);
            timestamp(out, event.stamp);
        }
        EventBody::Book(book) => {
            open(out, b"{\"type\":\"orderbook\",\"data\":{", names);
            book_fields(out, &book);
            timestamp(out, event.stamp);
            return close(out, event.seq, book.conflated, telling);
        }
        EventBody::Candle(candle) => {
            open(out, b"{\"type\":\"candle\",\"data\":{", names);
            candle_fields(out, candle);
        }
        EventBody::BookState(status) => {
            open_status(out, label);
            channel_status_fields(out, Channel::Orderbook, None, &status);
        }
        EventBody::StreamState(channel, interval, status) => {
            open_status(out, label);
            channel_status_fields(out, channel, interval, &status);
        }
        EventBody::Listed(status) => {
            open_status(out, label);
            listed_fields(out, &status);
        }
        EventBody::FeedState(status) => {
            open_status(out, None);
            feed_status_fields(out, &status);
        }
        EventBody::Gap(gap) => {
            open(out, b"{\"type\":\"gap\",\"data\":{", names);
            gap_fields(out, &gap, gap.reason.name());
            // It stands for numbers, and has none of its own.
            return close(out, 0, 0, telling);
        }
    }
    close(out, event.seq, 0, telling);
}

/// States name the exchange first.
fn open_status(out: &mut Vec<u8>, label: Option<&Label>) {
    out.extend_from_slice(b"{\"type\":\"status\",\"data\":{");
    if let Some((symbol, exchange)) = label.map(Label::pieces) {
        out.extend_from_slice(exchange);
        out.extend_from_slice(symbol);
    }
}

#[inline]
pub(super) fn open(out: &mut Vec<u8>, kind: &[u8], names: &[u8]) {
    out.extend_from_slice(kind);
    out.extend_from_slice(names);
}

/// Ends the data and the event; what is not numbered has `seq` 0.
#[inline]
fn close(out: &mut Vec<u8>, seq: u64, conflated_by_view: u64, telling: Option<Telling>) {
    let Some(Telling { date, is_snapshot, conflated }) = telling else {
        out.extend_from_slice(b"}}");
        return;
    };
    if is_snapshot {
        out.extend_from_slice(b",\"snapshot\":true");
    }
    out.push(b'}');
    if seq > 0 {
        out.extend_from_slice(b",\"seq\":");
        push_u64(out, seq);
    }
    let conflated = conflated + conflated_by_view;
    if conflated > 0 {
        out.extend_from_slice(b",\"conflated\":");
        push_u64(out, conflated);
    }
    out.extend_from_slice(b",\"timestamp\":");
    push_millis(out, date);
    out.push(b'}');
}

#[inline]
fn trade_fields(out: &mut Vec<u8>, trade: &Trade) {
    out.extend_from_slice(b"\"price\":");
    push_decimal(out, trade.price);
    out.extend_from_slice(b",\"volume\":");
    push_decimal(out, trade.size);
    out.extend_from_slice(match trade.taker {
        Side::Bid => b",\"side\":\"buy\",\"tradeId\":",
        Side::Ask => b",\"side\":\"sell\",\"tradeId\":",
        Side::None => b",\"side\":null,\"tradeId\":",
    });
    match trade.id {
        TradeId::None => return out.extend_from_slice(b"null"),
        TradeId::Number(id) => {
            out.push(b'"');
            push_u64(out, id);
        }
        TradeId::Uuid(id) => {
            out.push(b'"');
            push_uuid(out, id);
        }
        TradeId::Spelled(id) => return push_text(out, &id.text()),
    }
    out.push(b'"');
}

fn quote_fields(out: &mut Vec<u8>, quote: &Quote) {
    optional(out, b"\"bid\":", quote.bid);
    optional(out, b",\"bidSize\":", quote.bid_size);
    optional(out, b",\"ask\":", quote.ask);
    optional(out, b",\"askSize\":", quote.ask_size);
}

fn ticker_fields(out: &mut Vec<u8>, ticker: &Ticker) {
    optional(out, b"\"last\":", ticker.last);
    optional(out, b",\"bid\":", ticker.bid);
    optional(out, b",\"ask\":", ticker.ask);
    optional(out, b",\"open\":", ticker.open);
    optional(out, b",\"high\":", ticker.high);
    optional(out, b",\"low\":", ticker.low);
    optional_wide(out, b",\"volume\":", ticker.volume);
    optional_wide(out, b",\"quoteVolume\":", ticker.quote_volume);
    optional(out, b",\"change\":", ticker.change);
    optional(out, b",\"changePercent\":", ticker.change_percent);
}

fn book_fields(out: &mut Vec<u8>, book: &BookEvent<'_>) {
    out.extend_from_slice(match book.kind {
        BookKind::Snapshot => b"\"kind\":\"snapshot\",\"bids\":[",
        BookKind::Delta => b"\"kind\":\"update\",\"bids\":[",
    });
    levels(out, book, Side::Bid);
    out.extend_from_slice(b"],\"asks\":[");
    levels(out, book, Side::Ask);
    out.push(b']');
}

#[inline]
fn levels(out: &mut Vec<u8>, book: &BookEvent<'_>, side: Side) {
    book.levels.of(side, &mut (out, &b"["[..]), level);
}

/// One level, behind what parts it from the one before. Always part of the loop over the levels: with
/// overflow checked the compiler would call it, for 8 % more instructions in an update.
#[inline(always)]
fn level((out, separator): &mut (&mut Vec<u8>, &[u8]), Resting { price, size }: Resting) {
    out.extend_from_slice(separator);
    push_decimal(out, price);
    out.push(b',');
    push_decimal(out, size);
    out.push(b']');
    *separator = b",[";
}

fn candle_fields(out: &mut Vec<u8>, candle: &Candle) {
    out.extend_from_slice(b"\"interval\":\"");
    out.extend_from_slice(candle.interval.name().as_bytes());
    out.extend_from_slice(b"\",");
    candle_prices(out, candle);
    out.extend_from_slice(b",\"trades\":");
    match candle.trades {
        Some(trades) => push_u64(out, trades),
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(if candle.closed { b",\"closed\":true" } else { b",\"closed\":false" });
    candle_partial(out, candle);
}

#[inline]
fn timestamp(out: &mut Vec<u8>, stamp: Stamp) {
    out.extend_from_slice(b",\"timestamp\":");
    push_millis(out, stamp.time());
}

/// All dates of a trade.
#[inline]
fn stamps(out: &mut Vec<u8>, stamp: Stamp) {
    timestamp(out, stamp);
    if stamp.exchange_time.is_some() {
        out.extend_from_slice(b",\"exchangeTs\":");
        push_i64(out, stamp.exchange_time.0);
    }
    out.extend_from_slice(b",\"receiveTs\":");
    push_i64(out, stamp.received.0);
}

/// An event among others of one stream, whose names stand before them.
fn past_fields(out: &mut Vec<u8>, event: &Event<'_>) {
    match event.body {
        EventBody::Trade(trade) => trade_fields(out, &trade),
        EventBody::Quote(quote) => quote_fields(out, &quote),
        EventBody::Ticker(ticker) => ticker_fields(out, ticker),
        EventBody::Book(book) => book_fields(out, &book),
        EventBody::Candle(candle) => return candle_fields(out, candle),
        EventBody::Gap(gap) => return gap_fields(out, &gap, gap.reason.name()),
        EventBody::BookState(status) => {
            return channel_status_fields(out, Channel::Orderbook, None, &status);
        }
        EventBody::StreamState(channel, interval, status) => {
            return channel_status_fields(out, channel, interval, &status);
        }
        EventBody::Listed(status) => return listed_fields(out, &status),
        EventBody::FeedState(status) => return feed_status_fields(out, &status),
    }
    timestamp(out, event.stamp);
}

/// Appends one event of a history, behind those before it.
pub(super) fn push_past(items: &mut Vec<u8>, event: &Event<'_>) {
    items.extend_from_slice(if items.is_empty() { b"{" } else { b",{" });
    past_fields(items, event);
    items.extend_from_slice(b",\"seq\":");
    push_u64(items, event.seq);
    items.push(b'}');
}
