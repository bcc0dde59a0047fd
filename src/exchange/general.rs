//! What the general paths of all adapters have in common.

use arrayvec::ArrayString;

use super::{Batch, Frame, Rejected};
use crate::clock::UnixNanos;
use crate::json::{JsonReader, NotJson, PaddedFrame, Value};
use crate::limits::{FRAME_LEVELS_MAX, FRAME_PADDING};
use crate::tick::{Decimal, DecimalError, Level, Side, TradeId, WideDecimal};

/// Data that a general path read.
pub(super) const GENERAL: Frame = Frame::Data { recognised: false };

/// What came of a frame that a general parser read into `batch`: a frame of which everything was
/// lost is an error, and of one in error nothing stays but what is known to be lost.
pub(super) fn outcome(
    read: Result<Result<Frame, Rejected>, NotJson>,
    batch: &mut Batch,
) -> Result<Frame, Rejected> {
    let outcome =
        read.unwrap_or(Err(Rejected::NotJson)).and_then(|frame| match batch.losses.first() {
            Some(loss) if batch.is_empty() => Err(loss.rejected),
            _ => Ok(frame),
        });
    if outcome.is_err() {
        let (losses, number) = (std::mem::take(&mut batch.losses), batch.connection_sequence);
        batch.clear();
        batch.losses = losses;
        batch.losses.iter_mut().for_each(|loss| loss.behind = 0);
        batch.connection_sequence = number;
    }
    outcome
}

/// Lets `visit` walk a frame for the symbols in it; a frame that is no JSON names none, and
/// `parse` will reject it.
pub(super) fn walk(frame: &[u8], visit: impl FnOnce(Value<'_>)) {
    let mut bytes = frame.to_vec();
    bytes.resize(frame.len() + FRAME_PADDING, 0);
    let frame = PaddedFrame::new(&mut bytes, frame.len());
    let _ = JsonReader::new().read(frame, visit);
}

/// The text that a frame which cannot be read has under a key, wherever that stands; `None` where it
/// is cut, or there are two that differ.
#[cold]
pub(super) fn scan<'t>(frame: &'t [u8], key: &str) -> Option<&'t str> {
    let mut found = None;
    let mut rest = frame;
    while let Some(place) = rest
        .windows(key.len() + 2)
        .position(|window| matches!(window, [b'"', name @ .., b'"'] if name == key.as_bytes()))
    {
        rest = &rest[place + key.len() + 2..];
        let Some(value) = rest.trim_ascii_start().strip_prefix(b":") else { continue };
        let Some(value) = value.trim_ascii_start().strip_prefix(b"\"") else { continue };
        let end = value.iter().position(|&byte| byte == b'"')?;
        let text = str::from_utf8(&value[..end]).ok()?;
        if found.is_some_and(|found| found != text) {
            return None;
        }
        (found, rest) = (Some(text), &value[end + 1..]);
    }
    found
}

/// A field that must be there.
pub(super) fn required<'t>(object: Value<'t>, name: &str) -> Result<Value<'t>, Rejected> {
    object.field(name).ok_or(Rejected::Field)
}

/// The items of a list that must be there.
pub(super) fn items<'t>(
    list: Option<Value<'t>>,
) -> Result<impl Iterator<Item = Value<'t>>, Rejected> {
    list.and_then(Value::items).ok_or(Rejected::Field)
}

/// A string that must be there.
pub(super) fn text<'t>(object: Value<'t>, name: &str) -> Result<&'t str, Rejected> {
    string(required(object, name)?)
}

fn string(value: Value<'_>) -> Result<&str, Rejected> {
    value.string().ok_or(Rejected::Field)
}

/// A field that may be absent, null or empty.
pub(super) fn stated<'t>(object: Value<'t>, name: &str) -> Option<Value<'t>> {
    object.field(name).filter(|value| is_stated(*value))
}

/// Whether a value that may be left open is not: null and an empty text say nothing.
fn is_stated(value: Value<'_>) -> bool {
    !value.is_null() && value.string() != Some("")
}

/// A number as written, bare or in a string: what an exchange does is no promise, and some do both.
fn digits(value: Value<'_>) -> Result<&[u8], Rejected> {
    let text = value.string().map(str::as_bytes).or_else(|| value.number_text());
    text.ok_or(Rejected::Field)
}

/// A price, or a change of one: of any sign and told as it was sent. Spreads and indices are
/// below zero at times, and a price that is none of a market's is the exchange's to explain.
pub(super) fn price(value: Value<'_>) -> Result<Decimal, Rejected> {
    Decimal::parse(digits(value)?).map_err(refused)
}

/// A size: zero or more. What is less than nothing is no size, in no market.
pub(super) fn size(value: Value<'_>) -> Result<Decimal, Rejected> {
    let number = Decimal::parse(digits(value)?).map_err(refused)?;
    if number.is_negative() { Err(Rejected::Number) } else { Ok(number) }
}

/// A sum of sizes.
pub(super) fn wide(value: Value<'_>) -> Result<WideDecimal, Rejected> {
    WideDecimal::parse(digits(value)?).map_err(refused)
}

/// A sum of sizes that the exchange may leave open.
pub(super) fn wide_if_stated(value: Value<'_>) -> Result<Option<WideDecimal>, Rejected> {
    Some(value).filter(|value| is_stated(*value)).map(wide).transpose()
}

/// A whole number from 0 to 2^64 - 1.
pub(super) fn unsigned(value: Value<'_>) -> Result<u64, Rejected> {
    let Some(text) = value.string() else { return value.unsigned().ok_or(Rejected::Field) };
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| plain).ok_or(Rejected::Field)
}

/// A time that must be told.
///
/// # Errors
/// [`Rejected::Date`] of one that does not fit: it is in another unit than was thought.
#[inline(always)]
pub(super) const fn dated(time: UnixNanos) -> Result<UnixNanos, Rejected> {
    if time.is_some() { Ok(time) } else { Err(Rejected::Date) }
}

/// Milliseconds since the epoch, of an event.
pub(super) fn millis(value: Value<'_>) -> Result<UnixNanos, Rejected> {
    dated(UnixNanos::from_millis(unsigned(value)?))
}

/// The id of a trade, as it was written. Empty or null is none; one that no tick holds costs the id
/// and not the trade.
pub(super) fn trade_id(value: Value<'_>, batch: &mut Batch) -> Result<TradeId, Rejected> {
    if value.is_null() {
        return Ok(TradeId::None);
    }
    let text = str::from_utf8(digits(value)?).map_err(|_| Rejected::Field)?;
    Ok(TradeId::parse(text).unwrap_or_else(|| {
        batch.trade_ids_refused += 1;
        TradeId::None
    }))
}

/// What a frame is refused for whose number is none of ours.
pub(super) const fn refused(error: DecimalError) -> Rejected {
    match error {
        DecimalError::TooLong => Rejected::Digits,
        DecimalError::Malformed => Rejected::Number,
    }
}

/// Appends one side of a book event, each level a list that begins with price and size.
pub(super) fn pairs(side: Side, levels: Value<'_>, batch: &mut Batch) -> Result<(), Rejected> {
    for level in levels.items().ok_or(Rejected::Field)? {
        let mut parts = level.items().ok_or(Rejected::Field)?;
        let (Some(at), Some(resting)) = (parts.next(), parts.next()) else {
            return Err(Rejected::Field);
        };
        if batch.levels.len() >= FRAME_LEVELS_MAX {
            return Err(Rejected::TooMany);
        }
        batch.levels.push(Level { side, price: price(at)?, size: size(resting)? });
    }
    Ok(())
}

/// The exchange's words, one part after the other, as far as they fit.
pub(super) fn cut(parts: &[&str]) -> ArrayString<192> {
    let mut text = ArrayString::new();
    for letter in parts.iter().flat_map(|part| part.chars()) {
        if text.try_push(letter).is_err() {
            break;
        }
    }
    text
}
