//! The frequent frames, read in place.
//!
//! ```text
//! {"channel":"l2_data","timestamp":"…","sequence_num":1,"events":[{"type":"update",
//!  "product_id":"BTC-USD","updates":[{"side":"bid","event_time":"…","price_level":"1",
//!  "new_quantity":"2"},…]}]}
//! ```
//!
//! Frames of one event, keys in the order of the wire. All levels of an event have the same time,
//! so only the first one's is read and the others' are compared with it as bytes; a frame may hold
//! 46,000 of them.

use super::parse::{BookFields, Context, Envelope, order_trades};
use crate::clock::UnixNanos;
use crate::exchange::coinbase::fields::{TickerFields, TradeFields};
use crate::exchange::{Batch, BookKind, Origin};
use crate::instrument::InstrumentId;
use crate::json::scan::{Cursor, Word};
use crate::json::{Minute, PaddedFrame};
use crate::limits::FRAME_LEVELS_MAX;
use crate::tick::{Decimal, Level, Side, Ticker, TradeId};

/// Reads a frame of a hot shape into the batch. On `None` the batch may hold parts of it.
#[inline]
pub(super) fn recognise(
    context: &Context<'_>,
    frame: &PaddedFrame<'_>,
    batch: &mut Batch,
) -> Option<()> {
    let mut cursor = Cursor::new(frame);
    cursor.expect(b"{\"channel\":\"")?;
    match cursor.peek() {
        b'l' => {
            cursor.expect(b"l2_data\"")?;
            let (envelope, is_snapshot) = head(context, &mut cursor)?;
            let kind = if is_snapshot { BookKind::Snapshot } else { BookKind::Delta };
            book(context, cursor, envelope, kind, batch)
        }
        b'm' => {
            cursor.expect(b"market_trades\"")?;
            let (envelope, is_snapshot) = head(context, &mut cursor)?;
            let origin = if is_snapshot { Origin::Past } else { Origin::Live };
            trades(context, cursor, envelope, origin, batch)
        }
        b't' => {
            cursor.expect(b"ticker\"")?;
            let (envelope, _) = head(context, &mut cursor)?;
            ticker(context, cursor, envelope, batch)
        }
        _ => None,
    }
}

/// The envelope, with an empty `client_id` in older frames, and whether the event is a snapshot.
#[inline(always)]
fn head(context: &Context<'_>, cursor: &mut Cursor<'_>) -> Option<(Envelope, bool)> {
    if cursor.take(b",\"client_id\":\"") {
        cursor.skip_text()?;
    }
    cursor.expect(b",\"timestamp\":\"")?;
    let time = cursor.date(context.minute)?;
    cursor.expect(b",\"sequence_num\":")?;
    let sequence = cursor.unsigned()?;
    cursor.expect(b",\"events\":[{\"type\":\"")?;
    let is_snapshot = cursor.take(b"snapshot\"");
    if !is_snapshot {
        cursor.expect(b"update\"")?;
    }
    Some((Envelope { time, sequence }, is_snapshot))
}

#[inline(never)]
fn book(
    context: &Context<'_>,
    mut cursor: Cursor<'_>,
    envelope: Envelope,
    kind: BookKind,
    batch: &mut Batch,
) -> Option<()> {
    cursor.expect(b",\"product_id\":\"")?;
    let product = cursor.until(b'"')?;
    let instrument = find(context, &cursor, product)?;
    let levels_from = batch.levels.len();
    let mut behind = cursor;
    let changed = updates(context.minute, &mut behind, &mut batch.levels)?;
    end(behind)?;
    if batch.levels.len() > FRAME_LEVELS_MAX {
        return None;
    }
    BookFields { kind, changed, levels_from }.push(envelope, instrument, batch);
    batch.connection_sequence = Some(envelope.sequence);
    Some(())
}

/// `updates` to the end of their list, and their newest time. Over a cursor of its own, so that its
/// loop keeps its place in a register.
#[inline(never)]
fn updates(minute: &Minute, cursor: &mut Cursor<'_>, levels: &mut Vec<Level>) -> Option<UnixNanos> {
    let mut ahead = *cursor;
    ahead.expect(b",\"updates\":[")?;
    let mut changed = UnixNanos::NONE;
    if ahead.take(b"]") {
        *cursor = ahead;
        return Some(changed);
    }
    let mut known = None;
    loop {
        let side = if ahead.take(b"{\"side\":\"bid\",\"event_time\":\"") {
            Side::Bid
        } else {
            ahead.expect(b"{\"side\":\"offer\",\"event_time\":\"")?;
            Side::Ask
        };
        if !known.is_some_and(|word| ahead.take_again(word)) {
            let start = ahead;
            changed = changed.max(ahead.date(minute)?);
            let mut again = start;
            known = again.until(b'"');
        }
        ahead.expect(b",\"price_level\":\"")?;
        let price = ahead.decimal()?;
        ahead.expect(b",\"new_quantity\":\"")?;
        let size = ahead.decimal()?;
        levels.push(Level { side, price, size });
        if !ahead.take(b"},") {
            break;
        }
    }
    ahead.expect(b"}]")?;
    *cursor = ahead;
    Some(changed)
}

#[inline(never)]
fn trades(
    context: &Context<'_>,
    mut cursor: Cursor<'_>,
    envelope: Envelope,
    origin: Origin,
    batch: &mut Batch,
) -> Option<()> {
    cursor.expect(b",\"trades\":[")?;
    loop {
        let (instrument, fields) = trade(context, &mut cursor)?;
        fields.push(instrument, origin, batch).ok()?;
        if !cursor.take(b",") {
            break;
        }
    }
    cursor.expect(b"]")?;
    end(cursor)?;
    if batch.ticks.len() > 1 {
        order_trades(0, batch);
    }
    batch.sent = envelope.time;
    batch.connection_sequence = Some(envelope.sequence);
    Some(())
}

/// Keys as on the wire (`product_id trade_id price size time side`) or as in the documentation
/// (`trade_id product_id price size side time`).
#[inline(always)]
fn trade(context: &Context<'_>, cursor: &mut Cursor<'_>) -> Option<(InstrumentId, TradeFields)> {
    let documented = cursor.take(b"{\"trade_id\":\"");
    let (product, id);
    if documented {
        id = TradeId::Number(cursor.unsigned()?);
        cursor.expect(b"\",\"product_id\":\"")?;
        product = cursor.until(b'"')?;
    } else {
        cursor.expect(b"{\"product_id\":\"")?;
        product = cursor.until(b'"')?;
        cursor.expect(b",\"trade_id\":\"")?;
        id = TradeId::Number(cursor.unsigned()?);
        cursor.expect(b"\"")?;
    }
    cursor.expect(b",\"price\":\"")?;
    let price = cursor.decimal()?;
    cursor.expect(b",\"size\":\"")?;
    let size = cursor.decimal()?;
    let early_side = if documented { Some(maker(cursor)?) } else { None };
    cursor.expect(b",\"time\":\"")?;
    let time = cursor.date(context.minute)?;
    let maker = match early_side {
        Some(side) => side,
        None => maker(cursor)?,
    };
    cursor.expect(b"}")?;
    let instrument = find(context, cursor, product)?;
    Some((instrument, TradeFields { time, price, size, id, maker }))
}

#[inline(always)]
fn maker(cursor: &mut Cursor<'_>) -> Option<Side> {
    cursor.expect(b",\"side\":\"")?;
    let is_buy = cursor.either(b"BUY\"", b"SELL\"")?;
    Some(if is_buy { Side::Bid } else { Side::Ask })
}

#[inline(never)]
fn ticker(
    context: &Context<'_>,
    mut cursor: Cursor<'_>,
    envelope: Envelope,
    batch: &mut Batch,
) -> Option<()> {
    cursor.expect(b",\"tickers\":[{\"type\":\"ticker\",\"product_id\":\"")?;
    let product = cursor.until(b'"')?;
    let last = cursor.decimal_behind(b",\"price\":\"")?;
    let volume = cursor.decimal_behind(b",\"volume_24_h\":\"")?;
    let low = cursor.decimal_behind(b",\"low_24_h\":\"")?;
    let high = cursor.decimal_behind(b",\"high_24_h\":\"")?;
    cursor.expect(b",\"low_52_w\":\"")?;
    cursor.skip_text()?;
    cursor.expect(b",\"high_52_w\":\"")?;
    cursor.skip_text()?;
    cursor.expect(b",\"price_percent_chg_24_h\":\"")?;
    let percent = percent(&mut cursor)?;
    // Both prices first on the wire, each with its quantity in the documentation.
    let bid = cursor.decimal_behind(b",\"best_bid\":\"")?;
    let early = cursor.decimal_if_behind(b",\"best_bid_quantity\":\"")?;
    let ask = cursor.decimal_behind(b",\"best_ask\":\"")?;
    let bid_size = match early {
        Some(size) => size,
        None => cursor.decimal_behind(b",\"best_bid_quantity\":\"")?,
    };
    let ask_size = cursor.decimal_behind(b",\"best_ask_quantity\":\"")?;
    cursor.expect(b"}]")?;
    let instrument = find(context, &cursor, product)?;
    end(cursor)?;
    let ticker = Ticker {
        last: Some(last),
        high: Some(high),
        low: Some(low),
        bid: Some(bid),
        ask: Some(ask),
        change_percent: Some(percent),
        volume: Some(volume.into()),
        ..Ticker::default()
    };
    let sizes = [Some(bid_size), Some(ask_size)];
    TickerFields { time: envelope.time, sequence: None, ticker, sizes }.push(instrument, batch);
    batch.connection_sequence = Some(envelope.sequence);
    Some(())
}

/// A decimal that may be negative.
#[inline(always)]
fn percent(cursor: &mut Cursor<'_>) -> Option<Decimal> {
    let negative = cursor.take(b"-");
    let number = cursor.decimal()?;
    if negative { Decimal::new(-number.mantissa(), number.digits()) } else { Some(number) }
}

#[inline(always)]
fn find(context: &Context<'_>, cursor: &Cursor<'_>, product: Word) -> Option<InstrumentId> {
    let (window, length) = cursor.window_of(product);
    context.instruments.find_in(window, length)
}

/// The end of the event, of the list of events and of the frame.
#[inline(always)]
fn end(mut cursor: Cursor<'_>) -> Option<()> {
    cursor.expect(b"}]}")?;
    cursor.is_at_end().then_some(())
}
