//! The frequent frames, read in place.
//!
//! ```text
//! {"stream":"btcusdt@trade","data":{"e":"trade","E":1,"s":"BTCUSDT",…}}     combined
//! {"e":"trade","E":1,"s":"BTCUSDT",…}                                       raw
//! ```
//!
//! One function per kind of event, for both markets: keys are compared as text in the order in
//! which Binance writes them, with those that only one market or only newer frames have as
//! options. Whatever does not fit to the last byte is left to the general path, which gives the
//! same ticks for what fits.

use super::Market;
use super::parse::{Context, DepthFields, QuoteFields, TradeFields};
use crate::clock::UnixNanos;
use crate::exchange::Batch;
use crate::exchange::levels::bids_and_asks;
use crate::instrument::InstrumentId;
use crate::json::PaddedFrame;
use crate::json::scan::{Cursor, Word};
use crate::limits::FRAME_LEVELS_MAX;
use crate::tick::TradeId;

/// Reads a frame of a hot shape into the batch. On `None` the batch may hold parts of it.
#[inline]
pub(super) fn recognise(
    context: &Context<'_>,
    frame: &PaddedFrame<'_>,
    batch: &mut Batch,
) -> Option<()> {
    let mut cursor = Cursor::new(frame);
    if !cursor.take(b"{\"stream\":\"") {
        return raw(context, cursor, batch);
    }
    let stream = Some(cursor.until(b'@')?);
    match cursor.peek() {
        b'b' => {
            cursor.expect(b"bookTicker\",\"data\":")?;
            quote(context, cursor, stream, batch)
        }
        b't' => {
            cursor.expect(b"trade\",\"data\":")?;
            trade(context, cursor, stream, batch)
        }
        b'd' => {
            // Not the partial books (`depth5`), which are no changes.
            cursor.expect(b"depth")?;
            let _speed = cursor.take(b"@100ms") || cursor.take(b"@0ms") || cursor.take(b"@500ms");
            cursor.expect(b"\",\"data\":")?;
            depth(context, cursor, stream, batch)
        }
        b'a' => {
            cursor.expect(b"aggTrade\",\"data\":")?;
            aggregate(context, cursor, stream, batch)
        }
        _ => None,
    }
}

/// A frame without wrapper; the first letter of the event's name tells its kind.
fn raw(context: &Context<'_>, cursor: Cursor<'_>, batch: &mut Batch) -> Option<()> {
    let mut ahead = cursor;
    if !ahead.take(b"{\"e\":\"") {
        return quote(context, cursor, None, batch);
    }
    match ahead.peek() {
        b't' => trade(context, cursor, None, batch),
        b'a' => aggregate(context, cursor, None, batch),
        b'b' => quote(context, cursor, None, batch),
        b'd' => depth(context, cursor, None, batch),
        _ => None,
    }
}

/// Spot `E s t p q T m M`, until 2024-06 with order ids `b a` before `T`;
/// futures `E T s t p q X m`.
#[inline(always)]
fn trade(
    context: &Context<'_>,
    mut cursor: Cursor<'_>,
    stream: Option<Word>,
    batch: &mut Batch,
) -> Option<()> {
    cursor.expect(b"{\"e\":\"trade\",\"E\":")?;
    let sent = time(&mut cursor)?;
    let early_time = option_time(&mut cursor)?;
    let symbol = symbol(&mut cursor, stream)?;
    cursor.expect(b",\"t\":")?;
    let id = cursor.unsigned()?;
    cursor.expect(b",\"p\":\"")?;
    let price = cursor.decimal()?;
    cursor.expect(b",\"q\":\"")?;
    let size = cursor.decimal()?;
    if cursor.take(b",\"b\":") {
        cursor.unsigned()?;
        cursor.expect(b",\"a\":")?;
        cursor.unsigned()?;
    }
    let time = match early_time {
        Some(time) => time,
        None => {
            cursor.expect(b",\"T\":")?;
            time(&mut cursor)?
        }
    };
    // Another order type than MARKET is no trade of the book.
    cursor.take(b",\"X\":\"MARKET\"");
    let buyer_is_maker = maker(&mut cursor)?;
    let instrument = close(context, cursor, stream, symbol)?;
    let time = context.time(time).ok()?;
    let sent = context.time(sent).ok()?;
    let id = TradeId::Number(id);
    TradeFields { time, sent, price, size, id, buyer_is_maker }.push(instrument, batch).ok()
}

/// Spot `E s a p q f l T m M`; futures `E a s p q nq f l T m st`, `nq` since 2025-12 and `st`
/// since 2026.
#[inline(always)]
fn aggregate(
    context: &Context<'_>,
    mut cursor: Cursor<'_>,
    stream: Option<Word>,
    batch: &mut Batch,
) -> Option<()> {
    cursor.expect(b"{\"e\":\"aggTrade\",\"E\":")?;
    let sent = time(&mut cursor)?;
    let early_id = option(&mut cursor, b",\"a\":")?;
    let symbol = symbol(&mut cursor, stream)?;
    let id = match early_id {
        Some(id) => id,
        None => {
            cursor.expect(b",\"a\":")?;
            cursor.unsigned()?
        }
    };
    cursor.expect(b",\"p\":\"")?;
    let price = cursor.decimal()?;
    cursor.expect(b",\"q\":\"")?;
    let size = cursor.decimal()?;
    if cursor.take(b",\"nq\":\"") {
        cursor.skip_text()?;
    }
    cursor.expect(b",\"f\":")?;
    cursor.unsigned()?;
    cursor.expect(b",\"l\":")?;
    cursor.unsigned()?;
    cursor.expect(b",\"T\":")?;
    let time = context.time(time(&mut cursor)?).ok()?;
    let buyer_is_maker = maker(&mut cursor)?;
    let instrument = close(context, cursor, stream, symbol)?;
    let sent = context.time(sent).ok()?;
    let id = TradeId::Number(id);
    TradeFields { time, sent, price, size, id, buyer_is_maker }.push(instrument, batch).ok()
}

/// Spot `u s b B a A`; futures `e u s b B a A T E`, or with `E T` behind `u`.
#[inline(always)]
fn quote(
    context: &Context<'_>,
    mut cursor: Cursor<'_>,
    stream: Option<Word>,
    batch: &mut Batch,
) -> Option<()> {
    if !cursor.take(b"{\"u\":") {
        cursor.expect(b"{\"e\":\"bookTicker\",\"u\":")?;
    }
    let update_id = cursor.unsigned()?;
    let mut time = None;
    if cursor.take(b",\"E\":") {
        self::time(&mut cursor)?;
        cursor.expect(b",\"T\":")?;
        time = Some(self::time(&mut cursor)?);
    }
    let symbol = symbol(&mut cursor, stream)?;
    classes(&mut cursor)?;
    cursor.expect(b",\"b\":\"")?;
    let bid = cursor.decimal()?;
    cursor.expect(b",\"B\":\"")?;
    let bid_size = cursor.decimal()?;
    cursor.expect(b",\"a\":\"")?;
    let ask = cursor.decimal()?;
    cursor.expect(b",\"A\":\"")?;
    let ask_size = cursor.decimal()?;
    if time.is_none() && cursor.take(b",\"T\":") {
        time = Some(self::time(&mut cursor)?);
        cursor.expect(b",\"E\":")?;
        self::time(&mut cursor)?;
    }
    classes(&mut cursor)?;
    let instrument = close(context, cursor, stream, symbol)?;
    let time = match time {
        Some(time) => context.time(time).ok()?,
        None => UnixNanos::NONE,
    };
    let fields = QuoteFields { time, update_id, bid: (bid, bid_size), ask: (ask, ask_size) };
    fields.push(instrument, batch);
    Some(())
}

/// Spot `E s U u b a`; futures `E T s U u pu b a`, with `ps st` behind `s` since 2026.
#[inline(always)]
fn depth(
    context: &Context<'_>,
    mut cursor: Cursor<'_>,
    stream: Option<Word>,
    batch: &mut Batch,
) -> Option<()> {
    cursor.expect(b"{\"e\":\"depthUpdate\",\"E\":")?;
    let sent = time(&mut cursor)?;
    let matched = option_time(&mut cursor)?;
    let symbol = symbol(&mut cursor, stream)?;
    classes(&mut cursor)?;
    cursor.expect(b",\"U\":")?;
    let first_id = cursor.unsigned()?;
    cursor.expect(b",\"u\":")?;
    let last_id = cursor.unsigned()?;
    let stated = option(&mut cursor, b",\"pu\":")?;
    let previous_id = match context.market {
        Market::Spot => None,
        Market::Futures => Some(stated?),
    };
    let levels_from = batch.levels.len();
    let mut behind = cursor;
    bids_and_asks(&mut behind, &mut batch.levels)?;
    cursor = behind;
    classes(&mut cursor)?;
    let instrument = close(context, cursor, stream, symbol)?;
    if batch.levels.len() > FRAME_LEVELS_MAX {
        return None;
    }
    let time = context.time(matched.unwrap_or(sent)).ok()?;
    DepthFields { time, first_id, last_id, previous_id, levels_from }.push(instrument, batch);
    Some(())
}

/// `s`, which is as long as the name in the stream's.
#[inline(always)]
fn symbol(cursor: &mut Cursor<'_>, stream: Option<Word>) -> Option<Word> {
    cursor.expect(b",\"s\":\"")?;
    match stream {
        Some(name) => cursor.until_as_long_as(b'"', name),
        None => cursor.until(b'"'),
    }
}

/// A number behind `key`, which may be absent: `Some(None)`. `None` when the key has no number.
#[inline(always)]
fn option<const N: usize>(cursor: &mut Cursor<'_>, key: &[u8; N]) -> Option<Option<u64>> {
    if cursor.take(key) { Some(Some(cursor.unsigned()?)) } else { Some(None) }
}

/// A time: 13 digits in milliseconds until the year 2286.
#[inline(always)]
fn time(cursor: &mut Cursor<'_>) -> Option<u64> {
    cursor.unsigned_of::<13>()
}

/// `T`, which may be absent here.
#[inline(always)]
fn option_time(cursor: &mut Cursor<'_>) -> Option<Option<u64>> {
    if cursor.take(b",\"T\":") { Some(Some(time(cursor)?)) } else { Some(None) }
}

/// `m` and what may follow it: `M`, which means nothing, or `st`, the class of the contract.
#[inline(always)]
fn maker(cursor: &mut Cursor<'_>) -> Option<bool> {
    cursor.expect(b",\"m\":")?;
    let buyer_is_maker = cursor.boolean()?;
    if cursor.take(b",\"M\":") {
        cursor.boolean()?;
    }
    option(cursor, b",\"st\":")?;
    Some(buyer_is_maker)
}

/// `ps` and `st` in either order: the pair and the class of the contract, of no use here.
#[inline(always)]
fn classes(cursor: &mut Cursor<'_>) -> Option<()> {
    let class_first = option(cursor, b",\"st\":")?.is_some();
    if cursor.take(b",\"ps\":\"") {
        cursor.skip_text()?;
        if !class_first {
            option(cursor, b",\"st\":")?;
        }
    }
    Some(())
}

/// The end of the event, of the wrapper and of the frame; then whose it is. A stream's name is
/// known to be good JSON because it is the symbol, which stands in the map, in lower case.
#[inline(always)]
fn close(
    context: &Context<'_>,
    mut cursor: Cursor<'_>,
    stream: Option<Word>,
    symbol: Word,
) -> Option<InstrumentId> {
    cursor.expect(b"}")?;
    if let Some(stream) = stream {
        cursor.expect(b"}")?;
        if !cursor.is_lower_case_of(stream, symbol) {
            return None;
        }
    }
    if !cursor.is_at_end() {
        return None;
    }
    let (window, length) = cursor.window_of(symbol);
    context.instruments.find_in(window, length)
}
