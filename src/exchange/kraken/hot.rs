//! The frequent frames of version 2, read in place.
//!
//! ```text
//! {"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bids":[…],"asks":[…],…}]}
//! {"channel":"trade","type":"update","data":[{…},{…}]}
//! {"channel":"ticker","type":"update","data":[{…}]}
//! {"channel":"heartbeat"}
//! ```
//!
//! Keys are compared as text in the order in which Kraken writes them. Whatever does not fit to
//! the last byte is left to the general path, which gives the same ticks for what fits.

use super::parse::{BookFields, Context, TickerFields, TradeFields};
use crate::clock::UnixNanos;
use crate::exchange::{Batch, BookKind};
use crate::instrument::InstrumentId;
use crate::json::PaddedFrame;
use crate::json::scan::Cursor;
use crate::limits::FRAME_LEVELS_MAX;
use crate::tick::{Decimal, Level, Side, TradeId};

/// What was read here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recognised {
    Data,
    Heartbeat,
}

/// Reads a frame of a hot shape into the batch. On `None` the batch may hold parts of it, and the
/// context is as before.
#[inline]
pub(super) fn recognise(
    context: Context<'_>,
    frame: &PaddedFrame<'_>,
    batch: &mut Batch,
) -> Option<Recognised> {
    let mut cursor = Cursor::new(frame);
    cursor.expect(b"{\"channel\":\"")?;
    match cursor.peek() {
        b'b' => {
            cursor.expect(b"book\",\"type\":\"")?;
            let is_update = cursor.take(b"update\",\"data\":[{\"symbol\":\"");
            if !is_update {
                cursor.expect(b"snapshot\",\"data\":[{\"symbol\":\"")?;
            }
            let kind = if is_update { BookKind::Delta } else { BookKind::Snapshot };
            book(context, cursor, kind, batch)?;
        }
        b't' if cursor.take(b"trade\",\"type\":\"update\",\"data\":[{\"symbol\":\"") => {
            trades(&context, cursor, batch)?;
        }
        b't' => {
            cursor.expect(b"ticker\",\"type\":\"update\",\"data\":[{\"symbol\":\"")?;
            ticker(&context, cursor, batch)?;
        }
        _ => {
            cursor.expect(b"heartbeat\"}")?;
            return cursor.is_at_end().then_some(Recognised::Heartbeat);
        }
    }
    Some(Recognised::Data)
}

/// `symbol bids asks checksum timestamp`, the last one absent in 2025. Of one instrument: Kraken
/// never put two into a frame.
#[inline(never)]
fn book(
    context: Context<'_>,
    mut cursor: Cursor<'_>,
    kind: BookKind,
    batch: &mut Batch,
) -> Option<()> {
    let instrument = instrument(&context, &mut cursor)?;
    let levels_from = batch.levels.len();
    let mut behind = cursor;
    sides(&mut behind, &mut batch.levels)?;
    cursor = behind;
    cursor.expect(b",\"checksum\":")?;
    let checksum = Some(u32::try_from(cursor.unsigned()?).ok()?);
    let time = time(&context, &mut cursor)?;
    cursor.expect(b"}]}")?;
    if !cursor.is_at_end() || batch.levels.len() > FRAME_LEVELS_MAX {
        return None;
    }
    BookFields { kind, time, checksum, levels_from }.push(instrument, context.depths, batch);
    Some(())
}

/// `bids` and `asks`. Most frames change one side, and nobody can predict which: so it is one loop
/// for both, and no branch tells them apart. Not a function of its own: what a call stores of the
/// cursor before and loads after it took a third of a frame's time.
#[inline(always)]
fn sides(cursor: &mut Cursor<'_>, levels: &mut Vec<Level>) -> Option<()> {
    let mut ahead = *cursor;
    if ahead.take(b",\"bids\":[],\"asks\":[]") {
        *cursor = ahead;
        return Some(());
    }
    let no_bids = ahead.either(b",\"bids\":[],\"asks\":[{\"price\":", b",\"bids\":[{\"price\":")?;
    let mut side = if no_bids { Side::Ask } else { Side::Bid };
    loop {
        let price = ahead.bare_decimal()?;
        ahead.expect(b",\"qty\":")?;
        let size = ahead.bare_decimal()?;
        levels.push(Level { side, price, size });
        if ahead.take(b"},{\"price\":") {
            continue;
        }
        let no_asks = ahead.either(b"}],\"asks\":[]", b"}]")?;
        if no_asks != (side == Side::Ask) {
            *cursor = ahead;
            return Some(());
        }
        if no_asks {
            // Asks twice.
            return None;
        }
        ahead.expect(b",\"asks\":[{\"price\":")?;
        side = Side::Ask;
    }
}

/// `symbol side price qty ord_type trade_id timestamp` each; `ord_type` may be absent.
#[inline(never)]
fn trades(context: &Context<'_>, mut cursor: Cursor<'_>, batch: &mut Batch) -> Option<()> {
    loop {
        let instrument = instrument(context, &mut cursor)?;
        cursor.expect(b",\"side\":\"")?;
        let is_buy = cursor.either(b"buy\",\"price\":", b"sell\",\"price\":")?;
        let taker = if is_buy { Side::Bid } else { Side::Ask };
        let price = cursor.bare_decimal()?;
        cursor.expect(b",\"qty\":")?;
        let size = cursor.bare_decimal()?;
        if cursor.take(b",\"ord_type\":\"") {
            cursor.skip_text()?;
        }
        cursor.expect(b",\"trade_id\":")?;
        let id = TradeId::Number(cursor.unsigned()?);
        let time = time(context, &mut cursor)?;
        let fields = TradeFields { time, taker, price, size, id };
        batch.push(id.number(), fields.tick(instrument).ok()?);
        if !cursor.take(b"},{\"symbol\":\"") {
            cursor.expect(b"}]}")?;
            return cursor.is_at_end().then_some(());
        }
    }
}

/// `symbol bid bid_qty ask ask_qty last volume vwap low high change change_pct timestamp`, the
/// last one absent before 2026.
#[inline(never)]
fn ticker(context: &Context<'_>, mut cursor: Cursor<'_>, batch: &mut Batch) -> Option<()> {
    let instrument = instrument(context, &mut cursor)?;
    cursor.expect(b",\"bid\":")?;
    let bid = Some(cursor.bare_decimal()?);
    cursor.expect(b",\"bid_qty\":")?;
    let bid_size = Some(cursor.bare_decimal()?);
    cursor.expect(b",\"ask\":")?;
    let ask = Some(cursor.bare_decimal()?);
    cursor.expect(b",\"ask_qty\":")?;
    let ask_size = Some(cursor.bare_decimal()?);
    cursor.expect(b",\"last\":")?;
    let last = Some(cursor.bare_decimal()?);
    cursor.expect(b",\"volume\":")?;
    let volume = Some(cursor.bare_decimal()?.into());
    cursor.expect(b",\"vwap\":")?;
    cursor.bare_decimal()?;
    cursor.expect(b",\"low\":")?;
    let low = Some(cursor.bare_decimal()?);
    cursor.expect(b",\"high\":")?;
    let high = Some(cursor.bare_decimal()?);
    cursor.expect(b",\"change\":")?;
    let change = Some(signed(&mut cursor)?);
    cursor.expect(b",\"change_pct\":")?;
    let change_percent = Some(signed(&mut cursor)?);
    let time = time(context, &mut cursor)?;
    cursor.expect(b"}]}")?;
    if !cursor.is_at_end() {
        return None;
    }
    let fields = TickerFields {
        time,
        bid,
        bid_size,
        ask,
        ask_size,
        last,
        volume,
        low,
        high,
        change,
        change_percent,
    };
    fields.push(instrument, batch);
    Some(())
}

/// The rest of a symbol and the quotation mark behind it; whose it is.
#[inline(always)]
fn instrument(context: &Context<'_>, cursor: &mut Cursor<'_>) -> Option<InstrumentId> {
    let symbol = cursor.until(b'"')?;
    let (window, length) = cursor.window_of(symbol);
    context.instruments.find_in(window, length)
}

/// `timestamp`, which may be absent.
#[inline(always)]
fn time(context: &Context<'_>, cursor: &mut Cursor<'_>) -> Option<UnixNanos> {
    if cursor.take(b",\"timestamp\":\"") {
        cursor.date(context.minute)
    } else {
        Some(UnixNanos::NONE)
    }
}

/// A number that may be below zero.
#[inline(always)]
fn signed(cursor: &mut Cursor<'_>) -> Option<Decimal> {
    if !cursor.take(b"-") {
        return cursor.bare_decimal();
    }
    let number = cursor.bare_decimal()?;
    Decimal::new(-number.mantissa(), number.digits())
}
