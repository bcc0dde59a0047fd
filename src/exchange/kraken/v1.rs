//! Version 1, read from recordings: data as arrays `[channelID, payload, …, "book-1000",
//! "XBT/USD"]` with one payload or two, all else as objects with an `event`. Numbers are strings,
//! times are seconds with a fraction, trades have no ids.

use super::parse::{Context, interval_of, system_status};
use super::{book, errors};
use crate::clock::UnixNanos;
use crate::exchange::general::{
    GENERAL, cut, price, refused, size, unsigned, wide, wide_if_stated,
};
use crate::exchange::{
    Batch, BookKind, BookUpdate, DEPTH_FULL, Frame, NamedStream, Rejected, Trace, trade_tick,
};
use crate::instrument::{Channel, InstrumentId, NativeMap};
use crate::json::Value;
use crate::limits::FRAME_LEVELS_MAX;
use crate::tick::{Candle, Decimal, Level, Quote, Side, Tick, Ticker, Trade, TradeId};

/// Fact: longest data frame: number, two payloads, channel, pair.
const PARTS_MAX: usize = 5;

/// Reads one parsed frame.
pub(super) fn frame(
    context: &mut Context<'_>,
    root: Value<'_>,
    batch: &mut Batch,
) -> Result<Frame, Rejected> {
    let Some(parts) = root.items() else { return event(context, root) };
    let parts: arrayvec::ArrayVec<Value<'_>, PARTS_MAX> = parts.take(PARTS_MAX).collect();
    let [id, payloads @ .., channel, pair] = &parts[..] else { return Err(Rejected::Foreign) };
    let (Some(_), Some(channel), Some(pair)) = (id.unsigned(), channel.string(), pair.string())
    else {
        return Err(Rejected::Foreign);
    };
    let is_longer = root.items().is_some_and(|all| all.count() > PARTS_MAX);
    if payloads.is_empty() || is_longer {
        return Err(Rejected::Foreign);
    }
    let (name, detail) = match channel.split_once('-') {
        Some((name, detail)) => (name, Some(detail)),
        None => (channel, None),
    };
    let Some(instrument) = context.instruments.find(pair.as_bytes()) else {
        return Ok(Frame::Other);
    };
    let each = |channel, read: Read, batch: &mut Batch| {
        for payload in payloads {
            batch.attempt(instrument, channel, |batch| read(instrument, *payload, batch));
        }
        Ok(GENERAL)
    };
    match name {
        "book" => {
            batch.attempt(instrument, Channel::Orderbook, |batch| {
                let depth = detail.map_or(Some(book::ALLOWED[0]), |detail| detail.parse().ok());
                book(instrument, depth.ok_or(Rejected::Field)?, payloads, batch)
            });
            Ok(GENERAL)
        }
        "trade" => each(Channel::Trades, trades, batch),
        "ticker" => each(Channel::Ticker, ticker, batch),
        "spread" => each(Channel::Quotes, spread, batch),
        "ohlc" => {
            for payload in payloads {
                batch.attempt(instrument, Channel::Candles, |batch| {
                    candle(instrument, detail, *payload, batch)
                });
            }
            let is_ours = !batch.is_empty() || !batch.losses.is_empty();
            Ok(if is_ours { GENERAL } else { Frame::Other })
        }
        _ => Ok(Frame::Other),
    }
}

/// Reads one payload.
type Read = fn(InstrumentId, Value<'_>, &mut Batch) -> Result<(), Rejected>;

/// `as` and `bs` in a whole book; `a`, `b` in a change, together in one object or each in one of
/// its own, with the checksum `c` in the last.
fn book(
    instrument: InstrumentId,
    depth: u32,
    payloads: &[Value<'_>],
    batch: &mut Batch,
) -> Result<(), Rejected> {
    let levels_from = batch.levels.len();
    let mut kind = None;
    let mut time = UnixNanos::NONE;
    let mut checksum = None;
    for payload in payloads {
        for (key, value) in payload.fields().ok_or(Rejected::Field)? {
            let (own_kind, side) = match key {
                "as" => (BookKind::Snapshot, Side::Ask),
                "bs" => (BookKind::Snapshot, Side::Bid),
                "a" => (BookKind::Delta, Side::Ask),
                "b" => (BookKind::Delta, Side::Bid),
                "c" => {
                    let text = value.string().and_then(|text| text.parse().ok());
                    checksum = Some(text.ok_or(Rejected::Field)?);
                    continue;
                }
                _ => continue,
            };
            if kind.is_some_and(|kind| kind != own_kind) {
                return Err(Rejected::Field);
            }
            kind = Some(own_kind);
            time = time.max(levels(side, value, batch)?);
        }
    }
    let kind = kind.ok_or(Rejected::Field)?;
    // Of changes nothing else proves that none is missing.
    if kind == BookKind::Delta && checksum.is_none() {
        return Err(Rejected::Field);
    }
    batch.books.push(BookUpdate {
        instrument,
        kind,
        exchange_time: time,
        first_id: None,
        last_id: None,
        previous_id: None,
        checksum,
        precision: None,
        depth: if depth == 0 { DEPTH_FULL } else { depth },
        levels: levels_from as u32..batch.levels.len() as u32,
    });
    Ok(())
}

/// Appends the levels of one side and returns the newest of their times. A fourth part, `"r"`,
/// says that the level came back into the window; it is a level as any other.
fn levels(side: Side, list: Value<'_>, batch: &mut Batch) -> Result<UnixNanos, Rejected> {
    let mut newest = UnixNanos::NONE;
    for level in list.items().ok_or(Rejected::Field)? {
        let mut parts = level.items().ok_or(Rejected::Field)?;
        let (Some(at), Some(resting), Some(time)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(Rejected::Field);
        };
        if batch.levels.len() >= FRAME_LEVELS_MAX {
            return Err(Rejected::TooMany);
        }
        newest = newest.max(seconds(time)?);
        batch.levels.push(Level { side, price: price(at)?, size: size(resting)? });
    }
    Ok(newest)
}

/// `[price, volume, time, side, order type, miscellaneous]` each; the side is the taker's.
fn trades(instrument: InstrumentId, list: Value<'_>, batch: &mut Batch) -> Result<(), Rejected> {
    for trade in list.items().ok_or(Rejected::Field)? {
        batch.attempt(instrument, Channel::Trades, |batch| {
            let part = |index| part(trade, index);
            let taker = match part(3)?.string() {
                Some("b") => Side::Bid,
                Some("s") => Side::Ask,
                _ => return Err(Rejected::Field),
            };
            let (price, size) = (price(part(0)?)?, size(part(1)?)?);
            let trade = Trade { taker, price, size, id: TradeId::None };
            batch.push(None, trade_tick(instrument, seconds(part(2)?)?, trade)?);
            Ok(())
        });
    }
    Ok(())
}

/// Sums are pairs: since midnight, and of the last 24 hours.
fn ticker(instrument: InstrumentId, fields: Value<'_>, batch: &mut Batch) -> Result<(), Rejected> {
    const OF_24_HOURS: usize = 1;
    let part = |name, index| part(fields.field(name).ok_or(Rejected::Field)?, index);
    let quote = Quote {
        bid: Some(price(part("b", 0)?)?),
        bid_size: Some(size(part("b", 2)?)?),
        ask: Some(price(part("a", 0)?)?),
        ask_size: Some(size(part("a", 2)?)?),
    }
    .resting();
    let ticker = Ticker {
        last: Some(price(part("c", 0)?)?),
        open: Some(price(part("o", OF_24_HOURS)?)?),
        high: Some(price(part("h", OF_24_HOURS)?)?),
        low: Some(price(part("l", OF_24_HOURS)?)?),
        bid: quote.bid,
        ask: quote.ask,
        volume: Some(wide(part("v", OF_24_HOURS)?)?),
        ..Ticker::default()
    };
    batch.push_ticker(None, instrument, UnixNanos::NONE, ticker);
    batch.push_derived(None, Tick::new(instrument, UnixNanos::NONE, quote.into()));
    Ok(())
}

/// `[bid, ask, time, bid volume, ask volume]`.
fn spread(instrument: InstrumentId, fields: Value<'_>, batch: &mut Batch) -> Result<(), Rejected> {
    let price = |index| price(part(fields, index)?).map(Some);
    let size = |index| size(part(fields, index)?).map(Some);
    let quote = Quote { bid: price(0)?, bid_size: size(3)?, ask: price(1)?, ask_size: size(4)? };
    batch.push(None, Tick::new(instrument, seconds(part(fields, 2)?)?, quote.into()));
    Ok(())
}

/// `[time, end, open, high, low, close, average, volume, count]` in `ohlc-5`, for example.
fn candle(
    instrument: InstrumentId,
    minutes: Option<&str>,
    payload: Value<'_>,
    batch: &mut Batch,
) -> Result<(), Rejected> {
    let minutes = minutes.map_or(Ok(1), str::parse).map_err(|_| Rejected::Field)?;
    let Some(interval) = interval_of(minutes) else { return Ok(()) };
    let part = |index| part(payload, index);
    let price = |index| price(part(index)?);
    let end = seconds(part(1)?)?;
    let open_time = UnixNanos(end.0.saturating_sub(interval.nanos()));
    let prices = [price(2)?, price(3)?, price(4)?, price(5)?];
    let candle = Candle {
        trades: Some(unsigned(part(8)?)?),
        ..Candle::of(interval, open_time, prices).with_volume_if(wide_if_stated(part(7)?)?)
    };
    batch.push_candle(None, instrument, seconds(part(0)?)?, &candle);
    Ok(())
}

/// What is no data.
fn event(context: &Context<'_>, root: Value<'_>) -> Result<Frame, Rejected> {
    let text = |name| root.field(name).and_then(Value::string);
    let id = root.field("reqid").and_then(Value::unsigned);
    let error = |stream| {
        let words = text("errorMessage").unwrap_or_default();
        Frame::Error { id, stream, kind: errors::REFUSALS.reply("", words), text: cut(&[words]) }
    };
    match text("event").ok_or(Rejected::Foreign)? {
        "heartbeat" | "pong" => Ok(Frame::Heartbeat),
        "systemStatus" => Ok(Frame::Status(system_status(text("status").unwrap_or_default()))),
        "subscriptionStatus" => match text("status").ok_or(Rejected::Field)? {
            "subscribed" => Ok(Frame::Ack { id, stream: stream(context, root) }),
            "unsubscribed" => Ok(Frame::Left { id, stream: stream(context, root) }),
            _ => Ok(error(stream(context, root))),
        },
        "error" => Ok(error(None)),
        // Answers to orders.
        "addOrderStatus" | "editOrderStatus" | "cancelOrderStatus" | "cancelAllStatus" => {
            Ok(Frame::Other)
        }
        _ => Err(Rejected::Foreign),
    }
}

/// The stream that an answer names.
fn stream(context: &Context<'_>, root: Value<'_>) -> Option<NamedStream> {
    let pair = root.field("pair")?.string()?;
    let channel = channel_of(root.field("subscription")?.field("name")?.string()?)?;
    Some(NamedStream::of(context.instruments.find(pair.as_bytes())?, channel))
}

/// The channel of a name on the wire.
fn channel_of(name: &str) -> Option<Channel> {
    Some(match name {
        "book" => Channel::Orderbook,
        "trade" => Channel::Trades,
        "ticker" => Channel::Ticker,
        "spread" => Channel::Quotes,
        "ohlc" => Channel::Candles,
        _ => return None,
    })
}

fn part(list: Value<'_>, index: usize) -> Result<Value<'_>, Rejected> {
    list.items().and_then(|mut items| items.nth(index)).ok_or(Rejected::Field)
}

/// `"1618678123.481570"`, to the nanosecond. Zero means none.
fn seconds(value: Value<'_>) -> Result<UnixNanos, Rejected> {
    let text = value.string().ok_or(Rejected::Field)?;
    let time = Decimal::parse(text.as_bytes()).map_err(refused)?;
    let digits = u32::from(time.digits());
    let nanos = match digits {
        0..=9 => i128::from(time.mantissa()) * 10_i128.pow(9 - digits),
        _ => i128::from(time.mantissa()) / 10_i128.pow(digits - 9),
    };
    let nanos = i64::try_from(nanos).map_err(|_| Rejected::Digits)?;
    Ok(if nanos > 0 { UnixNanos(nanos) } else { UnixNanos::NONE })
}

/// The stream that a frame names at its end.
pub(super) fn trace(instruments: &NativeMap, frame: &[u8]) -> Option<Trace> {
    let mut parts = frame.trim_ascii_end().strip_suffix(b"]")?.rsplitn(3, |&byte| byte == b',');
    let mut name = || parts.next()?.trim_ascii().strip_prefix(b"\"")?.strip_suffix(b"\"");
    let (pair, channel) = (name()?, name()?);
    let channel = str::from_utf8(channel).ok()?;
    let channel = channel_of(channel.split_once('-').map_or(channel, |(name, _)| name))?;
    Some(Trace { channel, instrument: instruments.find(pair) })
}

/// Calls `found` with the pairs that a frame names.
pub(super) fn symbols_in(root: Value<'_>, found: &mut dyn FnMut(&str)) {
    let pair = match root.items() {
        Some(parts) => {
            let parts: Vec<Value<'_>> = parts.collect();
            // What precedes the pair is the channel's name.
            match &parts[..] {
                [_, _, .., channel, pair] if channel.string().is_some() => pair.string(),
                _ => None,
            }
        }
        None => root.field("event").and(root.field("pair")).and_then(Value::string),
    };
    if let Some(pair) = pair {
        found(pair);
    }
}
