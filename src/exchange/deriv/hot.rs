//! The frequent frames, read in place.
//!
//! ```text
//! {"echo_req":{"req_id":7,"subscribe":1,"ticks":"R_100"},"msg_type":"tick","req_id":7,
//!  "subscription":{"id":"b4d4…"},"tick":{"ask":2.1,"bid":2,"epoch":1,"id":"b4d4…",…}}
//! {"echo_req":{…,"ticks_history":"R_100"},"msg_type":"ohlc","ohlc":{"close":"1.20",…},"req_id":8,
//!  "subscription":{"id":"f558…"}}
//! ```
//!
//! Keys are compared as text in the order in which the exchange writes them, which is that of the
//! alphabet; those that not every frame has are options. Whatever does not fit to the last byte is
//! left to the general path, which gives the same ticks for what fits.

use super::memory::{Stream, StreamId};
use super::parse::{BarFields, Context, TickFields, is_stream_id, time};
use super::subscribe::interval_of;
use crate::exchange::Batch;
use crate::instrument::InstrumentId;
use crate::json::PaddedFrame;
use crate::json::scan::{Cursor, Word};
use crate::tick::Decimal;

/// Reads a frame of a hot shape into the batch. On `None` the batch may hold parts of it.
#[inline]
pub(super) fn recognise(
    context: &mut Context<'_>,
    frame: &PaddedFrame<'_>,
    batch: &mut Batch,
) -> Option<()> {
    let mut cursor = Cursor::new(frame);
    cursor.expect(b"{")?;
    if cursor.take(b"\"echo_req\":{") {
        request(&mut cursor)?;
    }
    cursor.expect(b"\"msg_type\":\"")?;
    match cursor.peek() {
        b't' => tick(context, cursor, batch),
        b'o' => bar(context, cursor, batch),
        _ => None,
    }
}

/// The repeated request, behind its opening brace: mostly one of those that we make.
#[inline(always)]
fn request(cursor: &mut Cursor<'_>) -> Option<()> {
    let start = *cursor;
    if our_request(cursor).is_some() {
        return Some(());
    }
    *cursor = start;
    any_request(cursor)
}

/// What is asked for ticks and for candles, see `subscribe`.
#[inline(always)]
fn our_request(cursor: &mut Cursor<'_>) -> Option<()> {
    if cursor.take(b"\"req_id\":") {
        cursor.skip_unsigned()?;
        cursor.expect(b",\"subscribe\":1,\"ticks\":\"")?;
    } else if !cursor.take(b"\"subscribe\":1,\"ticks\":\"") {
        cursor.expect(b"\"count\":")?;
        cursor.skip_unsigned_of::<3>()?;
        cursor.expect(b",\"end\":\"latest\",\"granularity\":")?;
        cursor.skip_unsigned_of::<2>()?;
        cursor.expect(b",\"req_id\":")?;
        cursor.skip_unsigned()?;
        cursor.expect(b",\"style\":\"candles\",\"subscribe\":1,\"ticks_history\":\"")?;
    }
    cursor.skip_text()?;
    cursor.expect(b"},")
}

/// The same of any order and extent that other clients have.
#[inline(never)]
fn any_request(cursor: &mut Cursor<'_>) -> Option<()> {
    let mut ahead = *cursor;
    number(&mut ahead, b"\"adjust_start_time\":")?;
    number(&mut ahead, b"\"count\":")?;
    if ahead.take(b"\"end\":\"") {
        ahead.skip_text()?;
        ahead.expect(b",")?;
    }
    number(&mut ahead, b"\"granularity\":")?;
    number(&mut ahead, b"\"req_id\":")?;
    number(&mut ahead, b"\"start\":")?;
    if ahead.take(b"\"style\":\"") {
        ahead.skip_text()?;
        ahead.expect(b",")?;
    }
    number(&mut ahead, b"\"subscribe\":")?;
    if ahead.take(b"\"ticks\":[\"") {
        names(&mut ahead)?;
    } else if ahead.take(b"\"ticks\":\"") || ahead.take(b"\"ticks_history\":\"") {
        ahead.skip_text()?;
    } else {
        return None;
    }
    ahead.expect(b"},")?;
    *cursor = ahead;
    Some(())
}

/// A list of names, behind the first quotation mark.
fn names(cursor: &mut Cursor<'_>) -> Option<()> {
    loop {
        cursor.skip_text()?;
        if !cursor.take(b",\"") {
            return cursor.expect(b"]");
        }
    }
}

/// A number behind `key` and the comma after it, if the key is there.
#[inline(always)]
fn number<const N: usize>(cursor: &mut Cursor<'_>, key: &[u8; N]) -> Option<()> {
    if cursor.take(key) {
        cursor.unsigned()?;
        cursor.expect(b",")?;
    }
    Some(())
}

/// `tick`, `req_id`, `subscription`, `tick { ask bid epoch id pip_size quote symbol }`.
#[inline(always)]
fn tick(context: &mut Context<'_>, mut cursor: Cursor<'_>, batch: &mut Batch) -> Option<()> {
    cursor.expect(b"tick\",")?;
    let answered = answered(&mut cursor)?;
    cursor.expect(b"\"subscription\":{\"id\":\"")?;
    let id = cursor.bytes::<36>()?;
    cursor.expect(b"\"},\"tick\":{")?;
    let ask = price(&mut cursor, b"\"ask\":")?;
    let bid = price(&mut cursor, b"\"bid\":")?;
    cursor.expect(b"\"epoch\":")?;
    let epoch = cursor.unsigned_of::<10>()?;
    same_id(&mut cursor, id)?;
    pip_size(&mut cursor)?;
    cursor.expect(b",\"quote\":")?;
    let quote = cursor.bare_decimal()?;
    cursor.expect(b",\"symbol\":\"")?;
    let symbol = cursor.until(b'"')?;
    cursor.expect(b"}}")?;
    let instrument = instrument(context, &cursor, symbol)?;
    name(context, instrument, Stream::Ticks, id)?;
    batch.answered = answered;
    TickFields { epoch, quote, bid, ask }.push(instrument, batch).ok()
}

/// `ohlc { close epoch granularity high id low open open_time pip_size symbol }`, `req_id`,
/// `subscription`.
#[inline(always)]
fn bar(context: &mut Context<'_>, mut cursor: Cursor<'_>, batch: &mut Batch) -> Option<()> {
    cursor.expect(b"ohlc\",\"ohlc\":{\"close\":\"")?;
    let close = cursor.decimal()?;
    cursor.expect(b",\"epoch\":")?;
    let told_at = time(cursor.unsigned_of::<10>()?).ok()?;
    cursor.expect(b",\"granularity\":")?;
    let granularity = cursor.unsigned_of::<2>()?;
    cursor.expect(b",\"high\":\"")?;
    let high = cursor.decimal()?;
    cursor.expect(b",\"id\":\"")?;
    let id = cursor.bytes::<36>()?;
    cursor.expect(b"\",\"low\":\"")?;
    let low = cursor.decimal()?;
    cursor.expect(b",\"open\":\"")?;
    let open = cursor.decimal()?;
    cursor.expect(b",\"open_time\":")?;
    let open_time = time(cursor.unsigned_of::<10>()?).ok()?;
    pip_size(&mut cursor)?;
    cursor.expect(b",\"symbol\":\"")?;
    let symbol = cursor.until(b'"')?;
    cursor.expect(b"},")?;
    let answered = answered(&mut cursor)?;
    cursor.expect(b"\"subscription\":{\"id\":\"")?;
    if !cursor.take_bytes(id) {
        return None;
    }
    cursor.expect(b"\"}}")?;
    let instrument = instrument(context, &cursor, symbol)?;
    let interval = interval_of(granularity)?;
    let fields = BarFields::new((interval, open_time, told_at), [open, high, low, close]);
    name(context, instrument, Stream::Candles(interval), id)?;
    batch.answered = answered;
    fields.push(instrument, batch);
    Some(())
}

/// `req_id` and the comma after it, if it is there: `Some(None)` without.
#[inline(always)]
fn answered(cursor: &mut Cursor<'_>) -> Option<Option<u64>> {
    if !cursor.take(b"\"req_id\":") {
        return Some(None);
    }
    let id = cursor.unsigned()?;
    cursor.expect(b",")?;
    Some(Some(id))
}

/// A bare price behind `key` and the comma after it, if the key is there: `Some(None)` without.
#[inline(always)]
fn price<const N: usize>(cursor: &mut Cursor<'_>, key: &[u8; N]) -> Option<Option<Decimal>> {
    if !cursor.take(key) {
        return Some(None);
    }
    let price = cursor.bare_decimal()?;
    cursor.expect(b",")?;
    Some(Some(price))
}

/// The stream's name once more, if it is there.
#[inline(always)]
fn same_id(cursor: &mut Cursor<'_>, id: &StreamId) -> Option<()> {
    if cursor.take(b",\"id\":\"") {
        if !cursor.take_bytes(id) {
            return None;
        }
        cursor.expect(b"\"")?;
    }
    Some(())
}

/// How many digits their own pages show, if it is there.
#[inline(always)]
fn pip_size(cursor: &mut Cursor<'_>) -> Option<()> {
    if cursor.take(b",\"pip_size\":") {
        cursor.skip_unsigned_of::<1>()?;
    }
    Some(())
}

/// The end of the frame; then whose it is. Its name is known to be good JSON because it stands in
/// the map.
#[inline(always)]
fn instrument(context: &Context<'_>, cursor: &Cursor<'_>, symbol: Word) -> Option<InstrumentId> {
    if !cursor.is_at_end() {
        return None;
    }
    let (window, length) = cursor.window_of(symbol);
    context.instruments.find_in(window, length)
}

/// A stream's name is known, or is one.
#[inline(always)]
fn name(
    context: &mut Context<'_>,
    instrument: InstrumentId,
    stream: Stream,
    id: &StreamId,
) -> Option<()> {
    if !context.memory.knows(instrument, stream, id) {
        if !is_stream_id(id) {
            return None;
        }
        context.memory.name(instrument, stream, id);
    }
    Some(())
}
