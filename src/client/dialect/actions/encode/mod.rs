//! What clients of dialect 1 read. Everything is written by hand, in the protocol's order, into
//! the bytes of the turn.
//!
//! What an exchange did not state is `null` (a side of a quote, a field of a ticker, the side of a
//! taker), so that a client finds every key every time; only `exchangeTs` is left out, as its
//! absence means that `timestamp` is our own.

mod answer;

pub use answer::{
    Changed, SubscriptionLine, Tail, error, history, history_item, instruments, pong, subscribed,
    subscription_item, subscriptions, unsubscribed,
};

use crate::book::{BookKind, Resting};
use crate::cache::{
    BookEvent, BookStatus, Event, EventBody, FeedStatus, Gap, ListedStatus, Stamp, Stream,
};
use crate::client::dialect::text::{
    push_decimal, push_i64, push_millis, push_text, push_u64, push_uuid, push_wide,
};
use crate::clock::UnixNanos;
use crate::instrument::{Channel, Instrument, Listed};
use crate::tick::{
    Candle, Decimal, Interval, Quote, Reason, Side, Ticker, Trade, TradeId, WideDecimal,
};

/// The names of one instrument as JSON, made once.
#[derive(Clone, Debug)]
pub struct Labels {
    /// `"symbol":"BTC/USDT","exchange":"binance",`
    instrument: Box<[u8]>,
    /// `"exchange":"binance","symbol":"BTC/USDT",`
    state: Box<[u8]>,
}

impl Labels {
    /// The labels of an instrument.
    pub fn new(instrument: &Instrument) -> Self {
        let label = |key: &str, value: &str| {
            let mut out = format!("\"{key}\":").into_bytes();
            push_text(&mut out, value);
            out.push(b',');
            out
        };
        let symbol = label("symbol", instrument.symbol.as_str());
        let exchange = label("exchange", instrument.exchange.name());
        Self {
            instrument: [symbol.as_slice(), &exchange].concat().into(),
            state: [exchange.as_slice(), &symbol].concat().into(),
        }
    }
}

/// Whether an event tells of now or of the state that a client found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It happened.
    Live,
    /// It was asked for: marked `"snapshot":true`.
    Snapshot,
}

/// What stands around the data of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Envelope {
    /// Nothing: `decode` tells events as they are.
    None,
    /// What a client needs.
    Client {
        /// Our date, of the telling.
        date: UnixNanos,
        /// How many earlier events it stands for, besides those that its view knows of.
        conflated: u64,
        /// Now or before.
        origin: Origin,
    },
}

impl Envelope {
    /// That of an event that just happened and stands for itself.
    #[inline]
    pub const fn live(date: UnixNanos) -> Self {
        Self::Client { date, conflated: 0, origin: Origin::Live }
    }
}

/// Appends one event. `labels` are those of its instrument; the state of a feed needs none.
#[inline]
pub fn event(out: &mut Vec<u8>, labels: Option<&Labels>, event: &Event<'_>, envelope: Envelope) {
    let names = labels.map_or(&[][..], |labels| &labels.instrument);
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
            return close(out, event.seq, book.conflated, envelope);
        }
        EventBody::Candle(candle) => {
            open(out, b"{\"type\":\"candle\",\"data\":{", names);
            candle_fields(out, candle);
        }
        EventBody::BookState(status) => {
            let names = labels.map_or(&[][..], |labels| &labels.state);
            open(out, b"{\"type\":\"status\",\"data\":{", names);
            channel_status_fields(out, Channel::Orderbook, None, &status);
        }
        EventBody::StreamState(channel, interval, status) => {
            let names = labels.map_or(&[][..], |labels| &labels.state);
            open(out, b"{\"type\":\"status\",\"data\":{", names);
            channel_status_fields(out, channel, interval, &status);
        }
        EventBody::Listed(status) => {
            let names = labels.map_or(&[][..], |labels| &labels.state);
            open(out, b"{\"type\":\"status\",\"data\":{", names);
            listed_fields(out, &status);
        }
        EventBody::FeedState(status) => {
            open(out, b"{\"type\":\"status\",\"data\":{", &[]);
            feed_status_fields(out, &status);
        }
        EventBody::Gap(gap) => {
            open(out, b"{\"type\":\"gap\",\"data\":{", names);
            gap_fields(out, &gap, gap.reason.name());
            // It stands for numbers, and has none of its own.
            return close(out, 0, 0, envelope);
        }
    }
    close(out, event.seq, 0, envelope);
}

#[inline]
fn open(out: &mut Vec<u8>, kind: &[u8], names: &[u8]) {
    out.extend_from_slice(kind);
    out.extend_from_slice(names);
}

/// Ends the data and the event; what is not numbered has `seq` 0.
#[inline]
fn close(out: &mut Vec<u8>, seq: u64, conflated_by_view: u64, envelope: Envelope) {
    let Envelope::Client { date, conflated, origin } = envelope else {
        out.extend_from_slice(b"}}");
        return;
    };
    if origin == Origin::Snapshot {
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
    let mut separator = &b"["[..];
    book.levels.of(side, |Resting { price, size }| {
        out.extend_from_slice(separator);
        push_decimal(out, price);
        out.push(b',');
        push_decimal(out, size);
        out.push(b']');
        separator = b",[";
    });
}

/// What candles read the same in both dialects.
pub(in crate::client::dialect) fn candle_prices(out: &mut Vec<u8>, candle: &Candle) {
    out.extend_from_slice(b"\"openTime\":");
    push_millis(out, candle.open_time);
    for (key, price) in [
        (&b",\"open\":"[..], candle.open),
        (b",\"high\":", candle.high),
        (b",\"low\":", candle.low),
        (b",\"close\":", candle.close),
    ] {
        out.extend_from_slice(key);
        push_decimal(out, price);
    }
    optional_wide(out, b",\"volume\":", candle.states_volume.then_some(candle.volume));
}

/// What a candle says that was not seen whole.
pub(in crate::client::dialect) fn candle_partial(out: &mut Vec<u8>, candle: &Candle) {
    if candle.partial {
        out.extend_from_slice(b",\"partial\":true");
    }
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

/// The state of a channel, of candles of a length where one is named.
pub fn channel_status_fields(
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
pub fn listed_fields(out: &mut Vec<u8>, status: &ListedStatus) {
    let (state, why) = match status.listed {
        Listed::Trading => ("live", Reason::None),
        Listed::Idle => ("stale", Reason::NotTrading),
        Listed::Nowhere => ("error", Reason::UnknownSymbol),
    };
    out.extend_from_slice(b"\"state\":\"");
    out.extend_from_slice(state.as_bytes());
    out.push(b'"');
    reason(out, why);
    out.extend_from_slice(b",\"since\":");
    push_millis(out, status.since);
}

/// The state of a connection.
pub fn feed_status_fields(out: &mut Vec<u8>, status: &FeedStatus) {
    out.extend_from_slice(b"\"exchange\":\"");
    out.extend_from_slice(status.exchange.name().as_bytes());
    out.extend_from_slice(b"\",\"state\":\"");
    out.extend_from_slice(status.state.name().as_bytes());
    out.push(b'"');
    if status.line > 0 {
        out.extend_from_slice(b",\"line\":");
        push_u64(out, u64::from(status.line));
    }
    if status.attempt > 0 {
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

/// What gaps read the same in both dialects.
pub(in crate::client::dialect) fn gap_fields(out: &mut Vec<u8>, gap: &Gap, reason: &str) {
    stream_fields(out, gap.stream);
    out.extend_from_slice(b",\"fromSeq\":");
    push_u64(out, gap.from_seq);
    out.extend_from_slice(b",\"toSeq\":");
    push_u64(out, gap.to_seq);
    out.extend_from_slice(b",\"reason\":");
    push_text(out, reason);
}

/// The channel, and the interval of candles.
fn stream_fields(out: &mut Vec<u8>, stream: Stream) {
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
fn optional(out: &mut Vec<u8>, key: &[u8], value: Option<Decimal>) {
    out.extend_from_slice(key);
    match value {
        Some(value) => push_decimal(out, value),
        None => out.extend_from_slice(b"null"),
    }
}

fn optional_wide(out: &mut Vec<u8>, key: &[u8], value: Option<WideDecimal>) {
    out.extend_from_slice(key);
    match value {
        Some(value) => push_wide(out, value),
        None => out.extend_from_slice(b"null"),
    }
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
