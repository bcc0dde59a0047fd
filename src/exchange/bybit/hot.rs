//! The frequent frames, read in place.
//!
//! ```text
//! {"topic":"orderbook.200.BTCUSDT","type":"delta","ts":1,"data":{"s":"BTCUSDT",…}}     contracts
//! {"topic":"orderbook.200.BTCUSDT","ts":1,"type":"delta","data":{"s":"BTCUSDT",…}}     spot
//! ```
//!
//! One function per channel, for all classes: keys are compared as text in the orders in which
//! Bybit writes them, with those that only newer frames have as options. Whatever does not fit to
//! the last byte is left to the general path, which gives the same ticks for what fits.

use super::id;
use super::parse::{BookFields, Context, TradeFields};
use crate::clock::UnixNanos;
use crate::exchange::general::dated;
use crate::exchange::levels::bids_and_asks;
use crate::exchange::{Batch, BookKind};
use crate::instrument::InstrumentId;
use crate::json::PaddedFrame;
use crate::json::scan::{Cursor, Word};
use crate::limits::FRAME_LEVELS_MAX;
use crate::tick::{Side, TradeId};

/// Reads a frame of a hot shape into the batch. On `None` the batch may hold parts of it.
#[inline]
pub(super) fn recognise(
    context: &mut Context<'_>,
    frame: &PaddedFrame<'_>,
    batch: &mut Batch,
) -> Option<()> {
    let mut cursor = Cursor::new(frame);
    if cursor.take(b"{\"topic\":\"orderbook.") {
        return book(context, cursor, batch);
    }
    cursor.expect(b"{\"topic\":\"publicTrade.")?;
    trades(context, cursor, batch)
}

/// `s b a u seq`, and `cts` behind since 2023.
#[inline(always)]
fn book(context: &mut Context<'_>, mut cursor: Cursor<'_>, batch: &mut Batch) -> Option<()> {
    let depth = depth(&mut cursor)?;
    let topic = cursor.until(b'"')?;
    let (kind, sent) = head(&mut cursor)?;
    cursor.expect(b"{\"s\":\"")?;
    same(&mut cursor, topic)?;
    let levels_from = batch.levels.len();
    let mut behind = cursor;
    bids_and_asks(&mut behind, &mut batch.levels)?;
    cursor = behind;
    cursor.expect(b",\"u\":")?;
    let update_id = cursor.unsigned()?;
    cursor.expect(b",\"seq\":")?;
    let cross_sequence = Some(cursor.unsigned()?);
    cursor.expect(b"}")?;
    let matched = if cursor.take(b",\"cts\":") { time(&mut cursor)? } else { sent };
    let instrument = close(context, cursor, topic)?;
    if batch.levels.len() > FRAME_LEVELS_MAX {
        return None;
    }
    let time = dated(UnixNanos::from_millis(matched)).ok()?;
    if !context.memory.admits(instrument, depth) {
        return None;
    }
    let fields = BookFields { kind, depth, time, update_id, cross_sequence, levels_from };
    fields.push(instrument, context.memory, batch);
    Some(())
}

/// How many levels a book has, which is mostly one, and the point behind it.
#[inline(always)]
fn depth(cursor: &mut Cursor<'_>) -> Option<u32> {
    if cursor.take(b"1.") {
        return Some(1);
    }
    let depth = u32::try_from(cursor.unsigned()?).ok().filter(|&depth| depth > 0)?;
    cursor.expect(b".")?;
    Some(depth)
}

/// Up to 1,024 trades of one instrument.
#[inline(always)]
fn trades(context: &Context<'_>, mut cursor: Cursor<'_>, batch: &mut Batch) -> Option<()> {
    let topic = cursor.until(b'"')?;
    let (_, sent) = head(&mut cursor)?;
    batch.sent = UnixNanos::from_millis(sent);
    let (window, length) = cursor.window_of(topic);
    let instrument = context.instruments.find_in(window, length)?;
    cursor.expect(b"[")?;
    loop {
        let fields = match cursor.take(b"{\"T\":") {
            true => contract_trade(&mut cursor, topic)?,
            false => spot_trade(&mut cursor, topic)?,
        };
        fields.push(instrument, batch).ok()?;
        if !cursor.take(b",") {
            cursor.expect(b"]}")?;
            return cursor.is_at_end().then_some(());
        }
    }
}

/// `T s S v p L i BT`, and `RPI seq` behind since 2025-08.
#[inline(always)]
fn contract_trade(cursor: &mut Cursor<'_>, topic: Word) -> Option<TradeFields> {
    let time = time(cursor)?;
    cursor.expect(b",\"s\":\"")?;
    same(cursor, topic)?;
    let taker = side_of(cursor)?;
    cursor.expect(b",\"v\":\"")?;
    let size = cursor.decimal()?;
    cursor.expect(b",\"p\":\"")?;
    let price = cursor.decimal()?;
    // The direction of the price; absent on some contracts' first trade.
    if cursor.take(b",\"L\":\"") {
        cursor.skip_text()?;
    }
    cursor.expect(b",\"i\":\"")?;
    let id = TradeId::Uuid(id::uuid(cursor.bytes()?)?);
    cursor.expect(b"\"")?;
    flags(cursor)?;
    let cross_sequence = sequence(cursor)?;
    cursor.expect(b"}")?;
    let time = dated(UnixNanos::from_millis(time)).ok()?;
    Some(TradeFields { time, taker, price, size, id, cross_sequence })
}

/// `i T p v S s BT`, with `seq` behind `S` and `RPI` at the end since 2025-08.
#[inline(always)]
fn spot_trade(cursor: &mut Cursor<'_>, topic: Word) -> Option<TradeFields> {
    cursor.expect(b"{\"i\":\"")?;
    let id = cursor.until(b'"')?;
    let id = TradeId::Number(id::number(cursor.bytes_of(id))?);
    cursor.expect(b",\"T\":")?;
    let time = time(cursor)?;
    cursor.expect(b",\"p\":\"")?;
    let price = cursor.decimal()?;
    cursor.expect(b",\"v\":\"")?;
    let size = cursor.decimal()?;
    let taker = side_of(cursor)?;
    let cross_sequence = sequence(cursor)?;
    cursor.expect(b",\"s\":\"")?;
    same(cursor, topic)?;
    flags(cursor)?;
    cursor.expect(b"}")?;
    let time = dated(UnixNanos::from_millis(time)).ok()?;
    Some(TradeFields { time, taker, price, size, id, cross_sequence })
}

/// What stands between topic and data: `type` and `ts` in either order.
#[inline(always)]
fn head(cursor: &mut Cursor<'_>) -> Option<(BookKind, u64)> {
    let early = if cursor.take(b",\"ts\":") { Some(time(cursor)?) } else { None };
    cursor.expect(b",\"type\":\"")?;
    let kind = if cursor.take(b"delta\"") {
        BookKind::Delta
    } else {
        cursor.expect(b"snapshot\"")?;
        BookKind::Snapshot
    };
    let sent = match early {
        Some(sent) => sent,
        None => {
            cursor.expect(b",\"ts\":")?;
            time(cursor)?
        }
    };
    cursor.expect(b",\"data\":")?;
    Some((kind, sent))
}

/// `S`, the side of the taker.
#[inline(always)]
fn side_of(cursor: &mut Cursor<'_>) -> Option<Side> {
    if cursor.take(b",\"S\":\"Buy\"") {
        return Some(Side::Bid);
    }
    cursor.expect(b",\"S\":\"Sell\"")?;
    Some(Side::Ask)
}

/// `BT`, and `RPI` where it is: whether it was a block trade, or one with a retail maker.
#[inline(always)]
fn flags(cursor: &mut Cursor<'_>) -> Option<()> {
    cursor.expect(b",\"BT\":")?;
    cursor.boolean()?;
    if cursor.take(b",\"RPI\":") {
        cursor.boolean()?;
    }
    Some(())
}

/// `seq`, which may be absent here.
#[inline(always)]
fn sequence(cursor: &mut Cursor<'_>) -> Option<Option<u64>> {
    if cursor.take(b",\"seq\":") { cursor.unsigned().map(Some) } else { Some(None) }
}

/// A time: 13 digits in milliseconds until the year 2286.
#[inline(always)]
fn time(cursor: &mut Cursor<'_>) -> Option<u64> {
    cursor.unsigned_of::<13>()
}

/// The name in the topic once more, and the quotation mark behind it.
#[inline(always)]
fn same(cursor: &mut Cursor<'_>, topic: Word) -> Option<()> {
    let name = cursor.until_as_long_as(b'"', topic)?;
    let (one, length) = cursor.window_of::<16>(name);
    let (other, other_length) = cursor.window_of::<16>(topic);
    if length != other_length {
        return None;
    }
    if !(1..=16).contains(&length) {
        return (cursor.bytes_of(name) == cursor.bytes_of(topic)).then_some(());
    }
    // What follows the names is shifted out.
    let difference = u128::from_le_bytes(*one) ^ u128::from_le_bytes(*other);
    (difference << (8 * (16 - length)) == 0).then_some(())
}

/// The end of the frame; then whose it is. The topic's name is known to be good JSON because it
/// stands in the map.
#[inline(always)]
fn close(context: &Context<'_>, mut cursor: Cursor<'_>, topic: Word) -> Option<InstrumentId> {
    cursor.expect(b"}")?;
    if !cursor.is_at_end() {
        return None;
    }
    let (window, length) = cursor.window_of(topic);
    context.instruments.find_in(window, length)
}
