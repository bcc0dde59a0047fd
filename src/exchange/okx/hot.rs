//! The frequent frames, read in place.
//!
//! ```text
//! {"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","tradeId":"1",…}]}
//! {"arg":{"channel":"bbo-tbt","instId":"BTC-USDT"},"data":[{"asks":[[…]],"bids":[[…]],…}]}
//! {"arg":{"channel":"books","instId":"BTC-USDT"},"action":"update","data":[{"asks":[…],…}]}
//! ```
//!
//! Keys are compared as text in the order in which OKX writes them; what came with the years, and
//! what stands in another order from server to server, are options. Whatever does not fit to the
//! last byte is left to the general path, which gives the same ticks for what fits.

use super::parse::{BookFields, QuoteFields, TradeFields};
use super::{BookSource, BookSources};
use crate::clock::UnixNanos;
use crate::exchange::general::dated;
use crate::exchange::{Batch, BookKind};
use crate::instrument::{InstrumentId, NativeMap};
use crate::json::PaddedFrame;
use crate::json::scan::{Cursor, Word};
use crate::limits::FRAME_LEVELS_MAX;
use crate::tick::{Decimal, Level, Side, TradeId};

/// Reads a frame of a hot shape into the batch. On `None` the batch may hold parts of it.
#[inline]
pub(super) fn recognise(
    instruments: &NativeMap,
    sources: &mut BookSources,
    frame: &PaddedFrame<'_>,
    batch: &mut Batch,
) -> Option<()> {
    let mut cursor = Cursor::new(frame);
    cursor.expect(b"{\"arg\":{\"channel\":\"")?;
    if cursor.take(b"books\",\"instId\":\"") {
        let (_, instrument) = stream(instruments, &mut cursor)?;
        book(cursor, instrument, batch)?;
        return sources.admits(instrument, BookSource::Books).then_some(());
    }
    if cursor.take(b"trades") {
        cursor.take(b"-all");
        cursor.expect(b"\",\"instId\":\"")?;
        let (name, instrument) = stream(instruments, &mut cursor)?;
        return trades(cursor, name, instrument, batch);
    }
    cursor.expect(b"bbo-tbt\",\"instId\":\"")?;
    let (_, instrument) = stream(instruments, &mut cursor)?;
    quote(cursor, instrument, batch)
}

/// The rest of the argument: whose frame it is.
#[inline(always)]
fn stream(instruments: &NativeMap, cursor: &mut Cursor<'_>) -> Option<(Word, InstrumentId)> {
    let name = cursor.until(b'"')?;
    cursor.expect(b"},\"")?;
    let (window, length) = cursor.window_of(name);
    Some((name, instruments.find_in(window, length)?))
}

/// `instId tradeId px sz side ts`, then `count`, `source` and `seqId` as they came with the years.
#[inline(always)]
fn trades(
    mut cursor: Cursor<'_>,
    name: Word,
    instrument: InstrumentId,
    batch: &mut Batch,
) -> Option<()> {
    cursor.expect(b"data\":[{\"instId\":\"")?;
    loop {
        let again = cursor.until_as_long_as(b'"', name)?;
        if !is_same(&cursor, again, name) {
            return None;
        }
        cursor.expect(b",\"tradeId\":\"")?;
        let id = TradeId::Number(cursor.unsigned()?);
        cursor.expect(b"\",\"px\":\"")?;
        let price = cursor.decimal()?;
        cursor.expect(b",\"sz\":\"")?;
        let size = cursor.decimal()?;
        cursor.expect(b",\"side\":\"")?;
        let is_buy = cursor.either(b"buy\",\"ts\":\"", b"sell\",\"ts\":\"")?;
        let taker = if is_buy { Side::Bid } else { Side::Ask };
        let time = time(&mut cursor)?;
        let count = matches(&mut cursor)?;
        // Nearly all trades are of ordinary orders.
        if !cursor.take(b",\"source\":\"0\"") && cursor.take(b",\"source\":\"") {
            cursor.skip_text()?;
        }
        if cursor.take(b",\"seqId\":") {
            cursor.unsigned()?;
        }
        TradeFields { time, price, size, id, count, taker }.push(instrument, batch).ok()?;
        if !cursor.take(b"},{\"instId\":\"") {
            break;
        }
    }
    end(cursor)
}

/// How many matches a trade stands for: most are of one.
#[inline(always)]
fn matches(cursor: &mut Cursor<'_>) -> Option<u64> {
    if cursor.take(b",\"count\":\"1\"") || !cursor.take(b",\"count\":\"") {
        return Some(1);
    }
    let count = cursor.unsigned()?;
    cursor.expect(b"\"")?;
    Some(count)
}

/// Whether two words of a frame are the same. Up to 16 bytes are compared at once.
#[inline(always)]
fn is_same(cursor: &Cursor<'_>, one: Word, other: Word) -> bool {
    let ((ones, length), (others, other_length)) = (cursor.window_of(one), cursor.window_of(other));
    if length != other_length {
        return false;
    }
    if length > 16 {
        return cursor.bytes_of(one) == cursor.bytes_of(other);
    }
    let difference = u128::from_le_bytes(*ones) ^ u128::from_le_bytes(*others);
    // What follows the words is shifted out; a shift by all bits leaves nothing to differ.
    difference.checked_shl(128 - 8 * length as u32).unwrap_or(0) == 0
}

/// `asks bids`, at most one level each, and what follows them.
#[inline(always)]
fn quote(mut cursor: Cursor<'_>, instrument: InstrumentId, batch: &mut Batch) -> Option<()> {
    cursor.expect(b"data\":[{\"asks\":[")?;
    let ask = best(&mut cursor)?;
    cursor.expect(b",\"bids\":[")?;
    let bid = best(&mut cursor)?;
    let tail = Tail::read(&mut cursor)?;
    end(cursor)?;
    QuoteFields { time: tail.time, sequence: tail.sequence, bid, ask }.push(instrument, batch);
    Some(())
}

/// The only level of a side, or none.
#[inline(always)]
fn best(cursor: &mut Cursor<'_>) -> Option<Option<(Decimal, Decimal)>> {
    if cursor.take(b"]") {
        return Some(None);
    }
    cursor.expect(b"[\"")?;
    let [price, size] = cursor.decimals()?;
    orders(cursor)?;
    cursor.expect(b"]")?;
    Some(Some((price, size)))
}

/// `action`, then `asks bids` and what follows them.
#[inline(always)]
fn book(mut cursor: Cursor<'_>, instrument: InstrumentId, batch: &mut Batch) -> Option<()> {
    cursor.expect(b"action\":\"")?;
    let kind = match cursor.take(b"update\"") {
        true => BookKind::Delta,
        false => {
            cursor.expect(b"snapshot\"")?;
            BookKind::Snapshot
        }
    };
    cursor.expect(b",\"data\":[{\"asks\":[")?;
    let levels_from = batch.levels.len();
    let mut behind = cursor;
    sides(&mut behind, &mut batch.levels)?;
    cursor = behind;
    let tail = Tail::read(&mut cursor)?;
    end(cursor)?;
    if batch.levels.len() > FRAME_LEVELS_MAX {
        return None;
    }
    let fields = BookFields {
        kind,
        time: tail.time,
        sequence: tail.sequence,
        previous: tail.previous,
        checksum: tail.checksum,
        depth: BookSource::Books.depth(),
        levels_from,
    };
    if !fields.is_provable() {
        return None;
    }
    fields.push(instrument, batch);
    Some(())
}

/// Both sides. A function of its own over a cursor of its own: inlined into the frame's reader,
/// its loops had no register left for their place.
#[inline(never)]
fn sides(cursor: &mut Cursor<'_>, levels: &mut Vec<Level>) -> Option<()> {
    let mut ahead = *cursor;
    side(&mut ahead, Side::Ask, levels)?;
    ahead.expect(b",\"bids\":[")?;
    side(&mut ahead, Side::Bid, levels)?;
    *cursor = ahead;
    Some(())
}

/// One side of a book event, behind its opening bracket.
#[inline(always)]
fn side(cursor: &mut Cursor<'_>, side: Side, levels: &mut Vec<Level>) -> Option<()> {
    if cursor.take(b"]") {
        return Some(());
    }
    cursor.expect(b"[\"")?;
    loop {
        let [price, size] = cursor.decimals()?;
        levels.push(Level { side, price, size });
        orders(cursor)?;
        if !cursor.take(b",[\"") {
            return cursor.expect(b"]");
        }
    }
}

/// The rest of a level, which nobody needs: a retired number and the count of orders.
#[inline(always)]
fn orders(cursor: &mut Cursor<'_>) -> Option<()> {
    cursor.expect(b",\"0\",\"")?;
    cursor.unsigned()?;
    cursor.expect(b"\"]")
}

/// What stands behind the levels. The order of the ids has been seen both ways, an `instId` before
/// the time as well; `checksum` and the ids came in 2020 and 2023, and the first may go again.
struct Tail {
    time: UnixNanos,
    sequence: Option<u64>,
    previous: Option<u64>,
    checksum: Option<i32>,
}

impl Tail {
    #[inline(always)]
    fn read(cursor: &mut Cursor<'_>) -> Option<Self> {
        if cursor.take(b",\"instId\":\"") {
            cursor.skip_text()?;
        }
        cursor.expect(b",\"ts\":\"")?;
        let time = time(cursor)?;
        let mut tail = Self { time, sequence: None, previous: None, checksum: None };
        if cursor.take(b",\"checksum\":") {
            tail.checksum = Some(checksum(cursor)?);
        }
        if cursor.take(b",\"prevSeqId\":") {
            tail.previous = previous(cursor)?;
            cursor.expect(b",\"seqId\":")?;
            tail.sequence = Some(cursor.unsigned()?);
        } else if cursor.take(b",\"seqId\":") {
            tail.sequence = Some(cursor.unsigned()?);
            if cursor.take(b",\"prevSeqId\":") {
                tail.previous = previous(cursor)?;
            }
        }
        Some(tail)
    }
}

/// -1 stands for none.
#[inline(always)]
fn previous(cursor: &mut Cursor<'_>) -> Option<Option<u64>> {
    if cursor.take(b"-1") {
        // Not -10.
        return matches!(cursor.peek(), b',' | b'}').then_some(None);
    }
    let number = cursor.unsigned()?;
    // The general path reads it as signed, and refuses more.
    (number <= i64::MAX as u64).then_some(Some(number))
}

#[inline(always)]
fn checksum(cursor: &mut Cursor<'_>) -> Option<i32> {
    let negative = cursor.take(b"-");
    let magnitude = i64::try_from(cursor.unsigned()?).ok()?;
    // -0 is left to the general path.
    if negative && magnitude == 0 {
        return None;
    }
    i32::try_from(if negative { -magnitude } else { magnitude }).ok()
}

/// A time in milliseconds and the quotation mark behind it: 13 digits until the year 2286.
#[inline(always)]
fn time(cursor: &mut Cursor<'_>) -> Option<UnixNanos> {
    let millis = cursor.unsigned_of::<13>()?;
    cursor.expect(b"\"")?;
    dated(UnixNanos::from_millis(millis)).ok()
}

/// The end of the item, of the list and of the frame.
#[inline(always)]
fn end(mut cursor: Cursor<'_>) -> Option<()> {
    cursor.expect(b"}]}")?;
    cursor.is_at_end().then_some(())
}
