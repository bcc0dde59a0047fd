//! What clients of dialect 1 read. Everything is written by hand, in the protocol's order, into
//! the bytes of the turn.
//!
//! What an exchange did not state is `null` (a side of a quote, a field of a ticker, the side of a
//! taker), so that a client finds every key every time; only `exchangeTs` is left out, as its
//! absence means that `timestamp` is our own.

use crate::book::{BookKind, Resting};
use crate::cache::{BookEvent, Event, EventBody, Stamp};
use crate::dialect::json::{
    CANDLE_BYTES, candle_partial, candle_prices, channel_status_fields, feed_status_fields,
    gap_fields, listed_fields, optional, optional_wide,
};
use crate::dialect::pen::{DECIMAL, ID, NUMBER, Parts, Pen, SPARE, WIDE, within};
use crate::dialect::{Label, Telling};
use crate::instrument::Channel;
use crate::tick::{Candle, DateDigits, Quote, Side, Ticker, Trade, TradeId};

/// What stands behind the fields of an event.
#[derive(Clone, Copy)]
enum End {
    /// Nothing of the telling, for `decode`.
    Bare,
    /// Number and date of the telling.
    Told(Telling),
    /// The number, among others of a history.
    Past,
}

/// Bytes of the dates of an event, and of what stands behind them, at most.
const TIMESTAMP: usize = 13 + NUMBER;
const STAMPS: usize = TIMESTAMP + (14 + NUMBER) + (13 + NUMBER);
const TAIL: usize = 16 + 1 + (7 + NUMBER) + (13 + NUMBER) + TIMESTAMP + 1;

/// Room for what stands behind the names of each kind: keys and numbers at most, and the tail.
const TRADE_ROOM: usize = 42 + 2 * DECIMAL + (2 + ID) + STAMPS + TAIL + SPARE;
const QUOTE_ROOM: usize = 35 + 4 * DECIMAL + TIMESTAMP + TAIL + SPARE;
const TICKER_ROOM: usize = 97 + 8 * DECIMAL + 2 * WIDE + TIMESTAMP + TAIL + SPARE;
const CANDLE_ROOM: usize = 16 + CANDLE_BYTES + (10 + NUMBER) + 15 + TAIL + SPARE;
/// A book may have any number of levels: this is of one, and of the words between the sides.
const LEVEL_ROOM: usize = 4 + 2 * DECIMAL + SPARE;
const BOOK_TAIL_ROOM: usize = 1 + TIMESTAMP + TAIL + SPARE;
const TAIL_ROOM: usize = TAIL + SPARE;

/// Appends one event without what it is to a client: neither number nor date of the telling.
pub fn push_bare(out: &mut Vec<u8>, label: Option<&Label>, event: &Event<'_>) {
    push_whole(out, label, event, End::Bare);
}

/// Appends one event. The label is that of its instrument; the state of a feed needs none.
#[inline]
pub(super) fn push_event(
    out: &mut Vec<u8>,
    label: Option<&Label>,
    event: &Event<'_>,
    telling: Telling,
) {
    push_whole(out, label, event, End::Told(telling));
}

/// Appends one event of a history, behind those before it.
pub(super) fn push_past(items: &mut Vec<u8>, event: &Event<'_>) {
    items.extend_from_slice(if items.is_empty() { b"{" } else { b",{" });
    push_fields(items, event, event.seq, End::Past);
}

#[inline]
fn push_whole(out: &mut Vec<u8>, label: Option<&Label>, event: &Event<'_>, end: End) {
    let names = label.map_or(&[][..], Label::whole);
    match event.body {
        EventBody::Trade(_) => open(out, b"{\"type\":\"trade\",\"data\":{", names),
        EventBody::Quote(_) => open(out, b"{\"type\":\"quote\",\"data\":{", names),
        EventBody::Ticker(_) => open(out, b"{\"type\":\"ticker\",\"data\":{", names),
        EventBody::Book(_) => open(out, b"{\"type\":\"orderbook\",\"data\":{", names),
        EventBody::Candle(_) => open(out, b"{\"type\":\"candle\",\"data\":{", names),
        EventBody::FeedState(_) => open_status(out, None),
        EventBody::BookState(_) | EventBody::StreamState(..) | EventBody::Listed(_) => {
            open_status(out, label);
        }
        EventBody::Gap(_) => {
            open(out, b"{\"type\":\"gap\",\"data\":{", names);
            // It stands for numbers, and has none of its own.
            return push_fields(out, event, 0, end);
        }
    }
    push_fields(out, event, event.seq, end);
}

#[inline]
pub(super) fn open(out: &mut Vec<u8>, kind: &[u8], names: &[u8]) {
    out.extend_from_slice(kind);
    out.extend_from_slice(names);
}

/// States name the exchange first.
fn open_status(out: &mut Vec<u8>, label: Option<&Label>) {
    out.extend_from_slice(b"{\"type\":\"status\",\"data\":{");
    if let Some((symbol, exchange)) = label.map(Label::pieces) {
        out.extend_from_slice(exchange);
        out.extend_from_slice(symbol);
    }
}

/// Appends what stands behind the names.
#[inline]
fn push_fields(out: &mut Vec<u8>, event: &Event<'_>, seq: u64, end: End) {
    match event.body {
        EventBody::Trade(trade) => within::<TRADE_ROOM>(out, |pen| {
            trade_fields(pen, &trade);
            match end {
                End::Past => timestamp(pen, event.stamp),
                End::Bare | End::Told(_) => stamps(pen, event.stamp),
            }
            close(pen, seq, 0, end);
        }),
        EventBody::Quote(quote) => within::<QUOTE_ROOM>(out, |pen| {
            quote_fields(pen, &quote);
            timestamp(pen, event.stamp);
            close(pen, seq, 0, end);
        }),
        EventBody::Ticker(ticker) => within::<TICKER_ROOM>(out, |pen| {
            ticker_fields(pen, ticker);
            timestamp(pen, event.stamp);
            close(pen, seq, 0, end);
        }),
        EventBody::Book(book) => {
            push_book(out, &book);
            within::<BOOK_TAIL_ROOM>(out, |pen| {
                pen.text(b"]");
                timestamp(pen, event.stamp);
                close(pen, seq, book.conflated, end);
            });
        }
        EventBody::Candle(candle) => within::<CANDLE_ROOM>(out, |pen| {
            candle_fields(pen, candle);
            close(pen, seq, 0, end);
        }),
        EventBody::BookState(_)
        | EventBody::StreamState(..)
        | EventBody::Listed(_)
        | EventBody::FeedState(_)
        | EventBody::Gap(_) => {
            push_state(out, event);
            within::<TAIL_ROOM>(out, |pen| close(pen, seq, 0, end));
        }
    }
}

/// Appends the fields of what is told seldom.
#[inline(never)]
fn push_state(out: &mut Vec<u8>, event: &Event<'_>) {
    match event.body {
        EventBody::BookState(status) => {
            channel_status_fields(out, Channel::Orderbook, None, &status);
        }
        EventBody::StreamState(channel, interval, status) => {
            channel_status_fields(out, channel, interval, &status);
        }
        EventBody::Listed(status) => listed_fields(out, &status),
        EventBody::FeedState(status) => feed_status_fields(out, &status),
        EventBody::Gap(gap) => gap_fields(out, &gap, gap.reason.name()),
        EventBody::Trade(_)
        | EventBody::Quote(_)
        | EventBody::Ticker(_)
        | EventBody::Book(_)
        | EventBody::Candle(_) => {}
    }
}

/// Ends the data and the event; what is not numbered has `seq` 0.
#[inline]
fn close(pen: &mut Pen<'_>, seq: u64, conflated_by_view: u64, end: End) {
    let Telling { date, is_snapshot, conflated } = match end {
        End::Told(telling) => telling,
        End::Bare => return pen.text(b"}}"),
        End::Past => {
            pen.text(b",\"seq\":");
            pen.u64(seq);
            return pen.text(b"}");
        }
    };
    if is_snapshot {
        pen.text(b",\"snapshot\":true");
    }
    pen.text(b"}");
    if seq > 0 {
        pen.text(b",\"seq\":");
        pen.u64(seq);
    }
    let conflated = conflated + conflated_by_view;
    if conflated > 0 {
        pen.text(b",\"conflated\":");
        pen.u64(conflated);
    }
    pen.text(b",\"timestamp\":");
    pen.millis(date);
    pen.text(b"}");
}

#[inline]
fn trade_fields(pen: &mut Pen<'_>, trade: &Trade) {
    pen.text(b"\"price\":");
    pen.decimal(trade.price);
    pen.text(b",\"volume\":");
    pen.decimal(trade.size);
    match trade.taker {
        Side::Bid => pen.text(b",\"side\":\"buy\",\"tradeId\":"),
        Side::Ask => pen.text(b",\"side\":\"sell\",\"tradeId\":"),
        Side::None => pen.text(b",\"side\":null,\"tradeId\":"),
    }
    match trade.id {
        TradeId::None => return pen.text(b"null"),
        TradeId::Number(id) => {
            pen.text(b"\"");
            pen.u64(id);
        }
        TradeId::Uuid(id) => {
            pen.text(b"\"");
            pen.uuid(id);
        }
        TradeId::Spelled(id) => {
            pen.text(b"\"");
            pen.spelled(id);
        }
    }
    pen.text(b"\"");
}

#[inline]
fn quote_fields(pen: &mut Pen<'_>, quote: &Quote) {
    optional(pen, b"\"bid\":", quote.bid);
    optional(pen, b",\"bidSize\":", quote.bid_size);
    optional(pen, b",\"ask\":", quote.ask);
    optional(pen, b",\"askSize\":", quote.ask_size);
}

fn ticker_fields(pen: &mut Pen<'_>, ticker: &Ticker) {
    optional(pen, b"\"last\":", ticker.last);
    optional(pen, b",\"bid\":", ticker.bid);
    optional(pen, b",\"ask\":", ticker.ask);
    optional(pen, b",\"open\":", ticker.open);
    optional(pen, b",\"high\":", ticker.high);
    optional(pen, b",\"low\":", ticker.low);
    optional_wide(pen, b",\"volume\":", ticker.volume);
    optional_wide(pen, b",\"quoteVolume\":", ticker.quote_volume);
    optional(pen, b",\"change\":", ticker.change);
    optional(pen, b",\"changePercent\":", ticker.change_percent);
}

/// Appends the levels of both sides.
fn push_book(out: &mut Vec<u8>, book: &BookEvent<'_>) {
    let mut parts = Parts::new(out);
    parts.push(|pen| match book.kind {
        BookKind::Snapshot => pen.text(b"\"kind\":\"snapshot\",\"bids\":["),
        BookKind::Delta => pen.text(b"\"kind\":\"update\",\"bids\":["),
    });
    book.levels.of(Side::Bid, &mut parts, push_level);
    parts.drop_comma();
    parts.push(|pen| pen.text(b"],\"asks\":["));
    book.levels.of(Side::Ask, &mut parts, push_level);
    parts.drop_comma();
    parts.finish();
}

/// One level and the comma behind it. Always part of the loop over the levels: with overflow checked
/// the compiler would call it, for 8 % more instructions in an update.
#[inline(always)]
fn push_level(parts: &mut Parts<'_, LEVEL_ROOM>, Resting { price, size }: Resting) {
    parts.push(|pen| {
        pen.text(b"[");
        pen.decimal(price);
        pen.text(b",");
        pen.decimal(size);
        pen.text(b"],");
    });
}

fn candle_fields(pen: &mut Pen<'_>, candle: &Candle) {
    pen.text(b"\"interval\":\"");
    pen.word(candle.interval.name());
    pen.text(b"\",");
    candle_prices(pen, candle);
    pen.text(b",\"trades\":");
    match candle.trades {
        Some(trades) => pen.u64(trades),
        None => pen.text(b"null"),
    }
    match candle.closed {
        true => pen.text(b",\"closed\":true"),
        false => pen.text(b",\"closed\":false"),
    }
    candle_partial(pen, candle);
}

#[inline]
fn timestamp(pen: &mut Pen<'_>, stamp: Stamp) {
    pen.text(b",\"timestamp\":");
    pen.millis(stamp.time());
}

/// All dates of a trade.
#[inline]
fn stamps(pen: &mut Pen<'_>, stamp: Stamp) {
    let date = DateDigits::new(stamp.time());
    pen.text(b",\"timestamp\":");
    pen.digits_in_millis(&date);
    if stamp.exchange_time.is_some() {
        pen.text(b",\"exchangeTs\":");
        pen.digits_in_nanos(&date);
    }
    pen.text(b",\"receiveTs\":");
    pen.digits_in_nanos(&DateDigits::new(stamp.received));
}
