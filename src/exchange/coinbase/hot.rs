//! The frequent frames, read in place.
//!
//! ```text
//! {"type":"l2update","product_id":"BTC-USD","changes":[["buy","1","2"]],"time":"…"}
//! {"type":"match","trade_id":1,"maker_order_id":"…",…}
//! ```
//!
//! Keys are compared as text in the order in which Coinbase writes them, with those that only newer
//! frames have as options. Whatever does not fit to the last byte is left to the general path,
//! which gives the same ticks for what fits.

use super::fields::{TickerFields, TradeFields};
use super::parse::{BookFields, Context};
use crate::clock::UnixNanos;
use crate::exchange::levels::pairs;
use crate::exchange::{Batch, BookKind, Origin};
use crate::instrument::InstrumentId;
use crate::json::PaddedFrame;
use crate::json::scan::{Cursor, Word};
use crate::limits::FRAME_LEVELS_MAX;
use crate::tick::{Level, Side, Ticker, TradeId};

/// Reads a frame of a hot shape into the batch. On `None` the batch may hold parts of it.
#[inline]
pub(super) fn recognise(
    context: &Context<'_>,
    frame: &PaddedFrame<'_>,
    batch: &mut Batch,
) -> Option<()> {
    let mut cursor = Cursor::new(frame);
    cursor.expect(b"{\"type\":\"")?;
    match cursor.peek() {
        b'l' if cursor.take(b"l2update\"") => update(context, cursor, batch),
        b'm' => {
            cursor.expect(b"match\"")?;
            trade(context, cursor, Origin::Live, batch)
        }
        b't' => {
            cursor.expect(b"ticker\"")?;
            ticker(context, cursor, batch)
        }
        b's' => {
            cursor.expect(b"snapshot\"")?;
            snapshot(context, cursor, batch)
        }
        b'l' => {
            cursor.expect(b"last_match\"")?;
            trade(context, cursor, Origin::Past, batch)
        }
        _ => None,
    }
}

#[inline(never)]
fn update(context: &Context<'_>, mut cursor: Cursor<'_>, batch: &mut Batch) -> Option<()> {
    cursor.expect(b",\"product_id\":\"")?;
    let product = cursor.until(b'"')?;
    let levels_from = batch.levels.len();
    let mut behind = cursor;
    changes(&mut behind, &mut batch.levels)?;
    let (instrument, time) = close(context, behind, product)?;
    if batch.levels.len() > FRAME_LEVELS_MAX {
        return None;
    }
    BookFields { kind: BookKind::Delta, time, levels_from }.push(instrument, batch);
    Some(())
}

/// `changes`. Over a cursor of its own, so that its loop keeps its place in a register.
#[inline(always)]
fn changes(cursor: &mut Cursor<'_>, levels: &mut Vec<Level>) -> Option<()> {
    cursor.expect(b",\"changes\":[")?;
    if cursor.take(b"]") {
        return Some(());
    }
    cursor.expect(b"[\"")?;
    loop {
        let side = side_of(cursor.either(b"buy\",\"", b"sell\",\"")?);
        let [price, size] = cursor.decimals()?;
        levels.push(Level { side, price, size });
        if !cursor.take(b"],[\"") {
            return cursor.expect(b"]]");
        }
    }
}

/// Trade and last trade before the subscription.
#[inline(never)]
fn trade(
    context: &Context<'_>,
    mut cursor: Cursor<'_>,
    origin: Origin,
    batch: &mut Batch,
) -> Option<()> {
    cursor.expect(b",\"trade_id\":")?;
    let id = TradeId::Number(cursor.unsigned()?);
    cursor.expect(b",\"maker_order_id\":\"")?;
    cursor.skip_uuid()?;
    cursor.expect(b",\"taker_order_id\":\"")?;
    cursor.skip_uuid()?;
    cursor.expect(b",\"side\":\"")?;
    let maker = side_of(cursor.either(b"buy\"", b"sell\"")?);
    cursor.expect(b",\"size\":\"")?;
    let size = cursor.decimal()?;
    cursor.expect(b",\"price\":\"")?;
    let price = cursor.decimal()?;
    cursor.expect(b",\"product_id\":\"")?;
    let product = cursor.until(b'"')?;
    cursor.expect(b",\"sequence\":")?;
    cursor.skip_unsigned()?;
    let (instrument, time) = close(context, cursor, product)?;
    TradeFields { time, price, size, id, maker }.push(instrument, origin, batch).ok()
}

/// With the sizes of the best bid and ask since 2022.
#[inline(never)]
fn ticker(context: &Context<'_>, mut cursor: Cursor<'_>, batch: &mut Batch) -> Option<()> {
    cursor.expect(b",\"sequence\":")?;
    let sequence = Some(cursor.unsigned()?);
    cursor.expect(b",\"product_id\":\"")?;
    let product = cursor.until(b'"')?;
    let last = cursor.decimal_behind(b",\"price\":\"")?;
    let open = cursor.decimal_behind(b",\"open_24h\":\"")?;
    let volume = cursor.decimal_behind(b",\"volume_24h\":\"")?;
    let low = cursor.decimal_behind(b",\"low_24h\":\"")?;
    let high = cursor.decimal_behind(b",\"high_24h\":\"")?;
    cursor.expect(b",\"volume_30d\":\"")?;
    cursor.skip_text()?;
    let bid = cursor.decimal_behind(b",\"best_bid\":\"")?;
    let bid_size = cursor.decimal_if_behind(b",\"best_bid_size\":\"")?;
    let ask = cursor.decimal_behind(b",\"best_ask\":\"")?;
    let ask_size = cursor.decimal_if_behind(b",\"best_ask_size\":\"")?;
    cursor.expect(b",\"side\":\"")?;
    cursor.skip_text()?;
    cursor.expect(b",\"time\":\"")?;
    let time = cursor.date(context.minute)?;
    cursor.expect(b",\"trade_id\":")?;
    cursor.skip_unsigned()?;
    cursor.expect(b",\"last_size\":\"")?;
    cursor.skip_text()?;
    let instrument = end(context, cursor, product)?;
    let ticker = Ticker {
        last: Some(last),
        open: Some(open),
        high: Some(high),
        low: Some(low),
        bid: Some(bid),
        ask: Some(ask),
        volume: Some(volume.into()),
        ..Ticker::default()
    };
    TickerFields { time, sequence, ticker, sizes: [bid_size, ask_size] }.push(instrument, batch);
    Some(())
}

/// A whole book, either side first.
fn snapshot(context: &Context<'_>, mut cursor: Cursor<'_>, batch: &mut Batch) -> Option<()> {
    cursor.expect(b",\"product_id\":\"")?;
    let product = cursor.until(b'"')?;
    let levels_from = batch.levels.len();
    let asks_first = cursor.take(b",\"asks\":[");
    if asks_first {
        side(&mut cursor, Side::Ask, &mut batch.levels)?;
    }
    cursor.expect(b",\"bids\":[")?;
    side(&mut cursor, Side::Bid, &mut batch.levels)?;
    if !asks_first {
        cursor.expect(b",\"asks\":[")?;
        side(&mut cursor, Side::Ask, &mut batch.levels)?;
    }
    let (instrument, time) = close(context, cursor, product)?;
    if batch.levels.len() > FRAME_LEVELS_MAX {
        return None;
    }
    BookFields { kind: BookKind::Snapshot, time, levels_from }.push(instrument, batch);
    Some(())
}

/// One side of a whole book, behind its opening bracket.
#[inline(never)]
fn side(cursor: &mut Cursor<'_>, side: Side, levels: &mut Vec<Level>) -> Option<()> {
    let mut ahead = *cursor;
    pairs(&mut ahead, side, levels)?;
    *cursor = ahead;
    Some(())
}

#[inline(always)]
const fn side_of(is_buy: bool) -> Side {
    if is_buy { Side::Bid } else { Side::Ask }
}

/// The time, which may be absent, and the end of the frame; then whose it is.
#[inline(always)]
fn close(
    context: &Context<'_>,
    mut cursor: Cursor<'_>,
    product: Word,
) -> Option<(InstrumentId, UnixNanos)> {
    let time =
        if cursor.take(b",\"time\":\"") { cursor.date(context.minute)? } else { UnixNanos::NONE };
    Some((end(context, cursor, product)?, time))
}

/// The end of the frame; then whose it is.
#[inline(always)]
fn end(context: &Context<'_>, mut cursor: Cursor<'_>, product: Word) -> Option<InstrumentId> {
    cursor.expect(b"}")?;
    if !cursor.is_at_end() {
        return None;
    }
    let (window, length) = cursor.window_of(product);
    context.instruments.find_in(window, length)
}
