//! What clients of dialect 1 read. Everything is written by hand, in the protocol's order, into
//! the bytes of the turn.
//!
//! What an exchange did not state is `null` (a side of a quote, a field of a ticker, the side of a
//! taker), so that a client finds every key every time; only `exchangeTs` is left out, as its
//! absence means that `timestamp` is our own.

use crate::book::{BookKind, Resting};
use crate::cache::{BookEvent, BookStatus, Event, EventBody, FeedStatus, Gap, Stamp, Stream};
use crate::client::dialect::text::{
    push_decimal, push_epoch, push_i64, push_list, push_millis, push_text, push_u64, push_uuid,
    push_wide,
};
use crate::client::dialect::{Delivery, ErrorCode, RequestId, push_instrument};
use crate::clock::UnixNanos;
use crate::instrument::{Channel, Instrument};
use crate::tick::{Candle, Decimal, Quote, Reason, Side, Ticker, Trade, TradeId, WideDecimal};

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

/// The end of an answer.
#[derive(Clone, Copy, Debug)]
pub struct Tail<'a> {
    /// The id of the request.
    pub request_id: Option<&'a RequestId>,
    /// Our date.
    pub date: UnixNanos,
}

impl Tail<'_> {
    /// Closes the message behind its last field.
    fn push(&self, out: &mut Vec<u8>) {
        if let Some(id) = self.request_id {
            out.extend_from_slice(b",\"requestId\":");
            out.extend_from_slice(id.json().as_bytes());
        }
        out.extend_from_slice(b",\"timestamp\":");
        push_millis(out, self.date);
        out.push(b'}');
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
            book_status_fields(out, &status);
        }
        EventBody::FeedState(status) => {
            open(out, b"{\"type\":\"status\",\"data\":{", &[]);
            feed_status_fields(out, &status);
        }
        EventBody::Gap(gap) => {
            open(out, b"{\"type\":\"gap\",\"data\":{", names);
            gap_fields(out, &gap, gap.reason.name());
            out.extend_from_slice(b"}}");
            return;
        }
    }
    close(out, event.seq, 0, envelope);
}

/// Appends a hole that this gateway made itself, for the reason given.
pub fn gap(out: &mut Vec<u8>, labels: &Labels, gap: &Gap, reason: &str) {
    open(out, b"{\"type\":\"gap\",\"data\":{", &labels.instrument);
    gap_fields(out, gap, reason);
    out.extend_from_slice(b"}}");
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
        Side::Bid => b",\"side\":\"buy\",\"tradeId\":\"",
        Side::Ask => b",\"side\":\"sell\",\"tradeId\":\"",
        Side::None => b",\"side\":null,\"tradeId\":\"",
    });
    match trade.id {
        TradeId::Number(id) => push_u64(out, id),
        TradeId::Uuid(id) => push_uuid(out, id),
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
    out.extend_from_slice(b",\"volume\":");
    push_wide(out, candle.volume);
}

fn candle_fields(out: &mut Vec<u8>, candle: &Candle) {
    out.extend_from_slice(b"\"interval\":\"");
    out.extend_from_slice(candle.interval.name().as_bytes());
    out.extend_from_slice(b"\",");
    candle_prices(out, candle);
    out.extend_from_slice(b",\"trades\":");
    push_u64(out, candle.trades);
    out.extend_from_slice(if candle.closed { b",\"closed\":true" } else { b",\"closed\":false" });
}

fn book_status_fields(out: &mut Vec<u8>, status: &BookStatus) {
    out.extend_from_slice(b"\"channel\":\"orderbook\",\"state\":\"");
    out.extend_from_slice(status.state.name().as_bytes());
    out.push(b'"');
    reason(out, status.reason);
    if status.since.is_some() {
        out.extend_from_slice(b",\"since\":");
        push_millis(out, status.since);
    }
}

fn feed_status_fields(out: &mut Vec<u8>, status: &FeedStatus) {
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

/// Appends an answer to `history`. `fill` hands out the events, oldest first, and returns whether
/// all of the range is there, as [`crate::cache::Cache::history`] does.
pub fn history(
    out: &mut Vec<u8>,
    labels: &Labels,
    stream: Stream,
    tail: Tail<'_>,
    fill: impl FnOnce(&mut dyn FnMut(&Event<'_>)) -> bool,
) {
    open(out, b"{\"type\":\"history\",\"data\":{", &labels.instrument);
    stream_fields(out, stream);
    out.extend_from_slice(b",\"events\":[");
    let mut separator = &b"{"[..];
    let complete = fill(&mut |event| {
        out.extend_from_slice(separator);
        separator = b",{";
        past_fields(out, event);
        out.extend_from_slice(b",\"seq\":");
        push_u64(out, event.seq);
        out.push(b'}');
    });
    out.extend_from_slice(if complete {
        b"],\"complete\":true}"
    } else {
        b"],\"complete\":false}"
    });
    tail.push(out);
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
        EventBody::BookState(status) => return book_status_fields(out, &status),
        EventBody::FeedState(status) => return feed_status_fields(out, &status),
    }
    timestamp(out, event.stamp);
}

/// Appends an answer to `instruments`: each with the channels that its feed carries.
pub fn instruments<'a>(
    out: &mut Vec<u8>,
    instruments: impl IntoIterator<Item = (&'a Instrument, &'a [Channel])>,
    tail: Tail<'_>,
) {
    out.extend_from_slice(b"{\"type\":\"instruments\",\"data\":{\"instruments\":[");
    push_list(out, instruments, |out, (instrument, channels)| {
        push_instrument(out, instrument, channels);
    });
    out.extend_from_slice(b"]}");
    tail.push(out);
}

/// One line of the answer to `subscriptions`.
#[derive(Clone, Copy, Debug)]
pub enum SubscriptionLine<'a> {
    /// Numbered events of an instrument.
    Stream {
        /// Whose.
        labels: &'a Labels,
        /// Which.
        stream: Stream,
        /// Levels on each side of a book; `None` is all.
        depth: Option<u32>,
        /// How they are delivered.
        delivery: Delivery,
        /// The newest number.
        seq: u64,
    },
    /// The states of all feeds.
    Status,
}

/// Appends an answer to `subscriptions`.
pub fn subscriptions<'a>(
    out: &mut Vec<u8>,
    lines: impl IntoIterator<Item = SubscriptionLine<'a>>,
    epoch: u64,
    tail: Tail<'_>,
) {
    out.extend_from_slice(b"{\"type\":\"subscriptions\",\"data\":{\"subscriptions\":[");
    push_list(out, lines, push_subscription);
    out.extend_from_slice(b"],\"epoch\":");
    push_epoch(out, epoch);
    out.push(b'}');
    tail.push(out);
}

fn push_subscription(out: &mut Vec<u8>, line: SubscriptionLine<'_>) {
    let SubscriptionLine::Stream { labels, stream, depth, delivery, seq } = line else {
        out.extend_from_slice(b"{\"channel\":\"status\",\"delivery\":\"all\"}");
        return;
    };
    open(out, b"{", &labels.instrument);
    stream_fields(out, stream);
    if let Some(depth) = depth {
        out.extend_from_slice(b",\"depth\":");
        push_u64(out, u64::from(depth));
    }
    out.extend_from_slice(b",\"delivery\":");
    match delivery {
        Delivery::All => out.extend_from_slice(b"\"all\""),
        Delivery::Latest => out.extend_from_slice(b"\"latest\""),
        Delivery::PerSecond(count) => {
            out.extend_from_slice(b"{\"perSecond\":");
            push_u64(out, u64::from(count.get()));
            out.push(b'}');
        }
    }
    out.extend_from_slice(b",\"seq\":");
    push_u64(out, seq);
    out.push(b'}');
}

/// Which names a request changed, and which the client has after it. As the client wrote them.
#[derive(Clone, Copy, Debug)]
pub struct Changed<'a> {
    /// Subscribed or unsubscribed by this request.
    pub names: &'a [&'a str],
    /// Every name that the client has now.
    pub current: &'a [&'a str],
    /// Id of the process run.
    pub epoch: u64,
}

/// Appends the success of a subscribe. `recovered` tells, for each name that was to be resumed,
/// whether all was there.
pub fn subscribed(
    out: &mut Vec<u8>,
    changed: Changed<'_>,
    recovered: &[(&str, bool)],
    tail: Tail<'_>,
) {
    success(out, "subscribed to", b"subscribed", changed);
    if !recovered.is_empty() {
        out.extend_from_slice(b",\"recovered\":{");
        push_list(out, recovered, |out, (name, whole)| {
            push_text(out, name);
            out.extend_from_slice(if *whole { b":true" } else { b":false" });
        });
        out.push(b'}');
    }
    out.push(b'}');
    tail.push(out);
}

/// Appends the success of an unsubscribe.
pub fn unsubscribed(out: &mut Vec<u8>, changed: Changed<'_>, tail: Tail<'_>) {
    success(out, "unsubscribed from", b"unsubscribed", changed);
    out.push(b'}');
    tail.push(out);
}

fn success(out: &mut Vec<u8>, what: &str, key: &[u8], changed: Changed<'_>) {
    out.extend_from_slice(b"{\"type\":\"success\",\"message\":\"Successfully ");
    out.extend_from_slice(what.as_bytes());
    out.push(b' ');
    push_u64(out, changed.names.len() as u64);
    out.extend_from_slice(b" symbol(s)\",\"data\":{\"");
    out.extend_from_slice(key);
    out.extend_from_slice(b"\":[");
    push_list(out, changed.names, |out, name| push_text(out, name));
    out.extend_from_slice(b"],\"currentSubscriptions\":[");
    push_list(out, changed.current, |out, name| push_text(out, name));
    out.extend_from_slice(b"],\"epoch\":");
    push_epoch(out, changed.epoch);
}

/// Appends an error.
pub fn error(out: &mut Vec<u8>, code: ErrorCode, message: &str, tail: Tail<'_>) {
    out.extend_from_slice(b"{\"type\":\"error\",\"code\":\"");
    out.extend_from_slice(code.name().as_bytes());
    out.extend_from_slice(b"\",\"message\":");
    push_text(out, message);
    tail.push(out);
}

/// Appends the answer to a ping.
pub fn pong(out: &mut Vec<u8>, tail: Tail<'_>) {
    out.extend_from_slice(b"{\"type\":\"pong\"");
    tail.push(out);
}
