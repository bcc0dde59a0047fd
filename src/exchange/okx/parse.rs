//! What OKX says: the general path, which reads every frame in any order of its keys, and the
//! statements about fields that the recognisers of [`super::hot`] share with it.
//!
//! Numbers are texts, times included, but for `seqId`, `prevSeqId` and `checksum`. An empty text
//! means that there is nothing to state.

use super::listing::{self, Entry};
use super::subscribe::Named;
use super::symbol::is_contract;
use super::{BookSource, BookSources, errors};
use crate::clock::UnixNanos;
use crate::exchange::general::{
    GENERAL, cut, items, millis, price, required, scan, size, stated, text, trade_id, unsigned,
    wide, wide_if_stated,
};
use crate::exchange::{
    Batch, BookKind, BookUpdate, Frame, Listings, NamedStream, Rejected, Trace, trade_tick,
};
use crate::instrument::{Channel, InstrumentId, NativeMap};
use crate::json::Value;
use crate::limits::FRAME_LEVELS_MAX;
use crate::tick::{
    Candle, Decimal, Level, Quote, Reason, Side, Tick, Ticker, Trade, TradeId, WideDecimal,
};

/// What a frame is read against.
#[derive(Debug)]
pub(super) struct Context<'a> {
    pub(super) instruments: &'a NativeMap,
    pub(super) sources: &'a mut BookSources,
}

/// A trade as both paths hand it over.
#[derive(Clone, Copy, Debug)]
pub(super) struct TradeFields {
    pub(super) time: UnixNanos,
    pub(super) price: Decimal,
    pub(super) size: Decimal,
    /// Id of the last match in it.
    pub(super) id: TradeId,
    /// Matches in it; all ids before `id` down to the first are its own.
    pub(super) count: u64,
    /// `side`, which is the taker's.
    pub(super) taker: Side,
}

impl TradeFields {
    #[inline(always)]
    pub(super) fn push(self, instrument: InstrumentId, batch: &mut Batch) -> Result<(), Rejected> {
        let Self { taker, price, size, id, .. } = self;
        let tick = trade_tick(instrument, self.time, Trade { taker, price, size, id })?;
        match id.number() {
            Some(last) => {
                let first = last.saturating_sub(self.count.saturating_sub(1));
                batch.push_range(first, last, tick);
            }
            None => batch.push(None, tick),
        }
        Ok(())
    }
}

/// A best bid and ask as both paths hand it over: price and size of either side, if anything rests.
#[derive(Clone, Copy, Debug)]
pub(super) struct QuoteFields {
    pub(super) time: UnixNanos,
    /// `None` before 2023.
    pub(super) sequence: Option<u64>,
    pub(super) bid: Option<(Decimal, Decimal)>,
    pub(super) ask: Option<(Decimal, Decimal)>,
}

impl QuoteFields {
    #[inline(always)]
    pub(super) fn push(self, instrument: InstrumentId, batch: &mut Batch) {
        let quote = Quote {
            bid: self.bid.map(|(price, _)| price),
            bid_size: self.bid.map(|(_, size)| size),
            ask: self.ask.map(|(price, _)| price),
            ask_size: self.ask.map(|(_, size)| size),
        };
        batch.push(self.sequence, Tick::new(instrument, self.time, quote.into()));
    }
}

/// A book event as both paths hand it over, its levels being in the batch already.
#[derive(Clone, Copy, Debug)]
pub(super) struct BookFields {
    pub(super) kind: BookKind,
    pub(super) time: UnixNanos,
    /// `seqId`; `None` before 2023.
    pub(super) sequence: Option<u64>,
    /// `prevSeqId`; `None` for -1, which a snapshot states.
    pub(super) previous: Option<u64>,
    pub(super) checksum: Option<i32>,
    /// Levels of a side that its channel has. What falls out of them is removed by the exchange's
    /// own word, so that cutting to them is a guard.
    pub(super) depth: u32,
    /// Length of [`Batch::levels`] before its levels.
    pub(super) levels_from: usize,
}

impl BookFields {
    /// Whether an event says where it belongs: both numbers of a change, the number of a whole
    /// book, or, as before 2023, no number but a checksum. 0 is none.
    #[inline(always)]
    pub(super) fn is_provable(&self) -> bool {
        match (self.kind, self.sequence, self.previous) {
            (BookKind::Delta, Some(_), Some(_)) | (BookKind::Snapshot, Some(_), _) => true,
            (_, None, None) => self.checksum.is_some_and(|checksum| checksum != 0),
            _ => false,
        }
    }

    #[inline(always)]
    pub(super) fn push(self, instrument: InstrumentId, batch: &mut Batch) {
        batch.books.push(BookUpdate {
            instrument,
            kind: self.kind,
            exchange_time: self.time,
            first_id: self.sequence,
            last_id: self.sequence,
            previous_id: self.previous,
            checksum: self.checksum.map(i32::cast_unsigned),
            precision: None,
            depth: self.depth,
            levels: self.levels_from as u32..batch.levels.len() as u32,
        });
    }
}

impl Context<'_> {
    /// Reads one parsed frame.
    pub(super) fn frame(&mut self, root: Value<'_>, batch: &mut Batch) -> Result<Frame, Rejected> {
        if let Some(event) = root.field("event").and_then(Value::string) {
            return self.event(event, root);
        }
        let argument = root.field("arg").ok_or(Rejected::Foreign)?;
        let channel = argument.field("channel").and_then(Value::string).ok_or(Rejected::Foreign)?;
        let named = Named::of(channel);
        if named == Named::Instruments {
            return instruments(root);
        }
        let Some(native) = argument.field("instId").and_then(Value::string) else {
            return Ok(nameless(named, batch));
        };
        let Some(instrument) = self.instruments.find(native.as_bytes()) else {
            return Ok(Frame::Other);
        };
        let read: fn(&mut Self, &Event<'_>, Value<'_>, &mut Batch) -> Result<(), Rejected> =
            match named {
                Named::Trades => Self::trade,
                Named::Quotes => Self::quote,
                Named::Ticker => Self::ticker,
                Named::Candles(Some(_)) => Self::candle,
                Named::Book | Named::BestLevels => {
                    if !self.sources.admits(instrument, BookSource::of(channel)) {
                        return Ok(Frame::Other);
                    }
                    Self::book
                }
                // Intervals that are not carried here, and channels that nobody here asks for.
                Named::Candles(None) | Named::Instruments | Named::Other => {
                    return Ok(Frame::Other);
                }
            };
        let event = Event { named, native, instrument, action: root.field("action") };
        let channel = named.channel().unwrap_or(Channel::Status);
        batch.attempt(instrument, channel, |batch| {
            for item in items(root.field("data"))? {
                batch.attempt(instrument, channel, |batch| {
                    // An item that names another symbol than its frame may be either's.
                    match item.field("instId").and_then(Value::string) {
                        Some(own) if own != native => Err(Rejected::Contradiction),
                        Some(_) | None => read(self, &event, item, batch),
                    }
                });
            }
            Ok(())
        });
        // Of an empty list nothing is lost.
        Ok(if batch.is_empty() && batch.losses.is_empty() { Frame::Other } else { GENERAL })
    }

    /// An answer to a request of ours, or what the exchange says about the connection.
    fn event(&self, event: &str, root: Value<'_>) -> Result<Frame, Rejected> {
        let id = root.field("id").and_then(Value::string).and_then(|id| id.parse().ok());
        let argument = root.field("arg");
        let code = root.field("code").and_then(Value::string);
        let named = argument.and_then(|argument| {
            let channel = argument.field("channel").and_then(Value::string)?;
            self.stream(channel, argument.field("instId").and_then(Value::string)?)
        });
        match (event, argument, code) {
            ("subscribe", Some(_), _) => Ok(Frame::Ack { id, stream: named }),
            ("unsubscribe", Some(_), _) => Ok(Frame::Left { id, stream: named }),
            ("error", _, Some(code)) => {
                let words = root.field("msg").and_then(Value::string).unwrap_or_default();
                Ok(Frame::Error {
                    id,
                    stream: named.or_else(|| self.stream_in(words)),
                    kind: errors::REFUSALS.reply(code, words),
                    text: cut(&[code, ": ", words]),
                })
            }
            // "The connection will soon be closed for a service upgrade": in 60 s.
            ("notice", _, Some("64008")) => Ok(Frame::Shutdown),
            ("notice", _, Some(_)) => Ok(Frame::Status(Reason::None)),
            // Of private connections.
            ("login" | "channel-conn-count" | "channel-conn-count-error", ..) => Ok(Frame::Other),
            _ => Err(Rejected::Foreign),
        }
    }

    fn stream(&self, channel: &str, native: &str) -> Option<NamedStream> {
        let instrument = self.instruments.find(native.as_bytes())?;
        let named = Named::of(channel);
        let interval = match named {
            Named::Candles(interval) => interval,
            _ => None,
        };
        Some(NamedStream { interval, ..NamedStream::of(instrument, named.channel()?) })
    }

    /// Refusals have no argument, but the usual one (60018) has it in its words: "Wrong URL or
    /// channel:tickers,instId:LTC-USD doesn't exist. …" (seen 2023 to 2026, sometimes with a space
    /// behind the comma).
    fn stream_in(&self, words: &str) -> Option<NamedStream> {
        let (_, rest) = words.split_once("channel:")?;
        let (channel, rest) = rest.split_once(',')?;
        let native = rest.trim_start().strip_prefix("instId:")?.split(' ').next()?;
        self.stream(channel, native)
    }

    fn trade(
        &mut self,
        event: &Event<'_>,
        item: Value<'_>,
        batch: &mut Batch,
    ) -> Result<(), Rejected> {
        let fields = TradeFields {
            time: millis(required(item, "ts")?)?,
            price: price(required(item, "px")?)?,
            size: size(required(item, "sz")?)?,
            id: trade_id(required(item, "tradeId")?, batch)?,
            // Absent before 2023 and where each match is told.
            count: item.field("count").map_or(Ok(1), unsigned)?,
            taker: match text(item, "side")? {
                "buy" => Side::Bid,
                "sell" => Side::Ask,
                _ => return Err(Rejected::Field),
            },
        };
        fields.push(event.instrument, batch)
    }

    fn quote(
        &mut self,
        event: &Event<'_>,
        item: Value<'_>,
        batch: &mut Batch,
    ) -> Result<(), Rejected> {
        let fields = QuoteFields {
            time: millis(required(item, "ts")?)?,
            sequence: sequence(item)?,
            bid: best(item, "bids")?,
            ask: best(item, "asks")?,
        };
        fields.push(event.instrument, batch);
        Ok(())
    }

    fn book(
        &mut self,
        event: &Event<'_>,
        item: Value<'_>,
        batch: &mut Batch,
    ) -> Result<(), Rejected> {
        let levels_from = batch.levels.len();
        let kind = match (event.named, event.action.and_then(Value::string)) {
            // Whole each time, and called so by nobody.
            (Named::BestLevels, _) | (_, Some("snapshot")) => BookKind::Snapshot,
            (_, Some("update")) => BookKind::Delta,
            _ => return Err(Rejected::Field),
        };
        side(Side::Ask, item.field("asks").ok_or(Rejected::Field)?, batch)?;
        side(Side::Bid, item.field("bids").ok_or(Rejected::Field)?, batch)?;
        let fields = BookFields {
            kind,
            time: millis(required(item, "ts")?)?,
            sequence: sequence(item)?,
            previous: match item.field("prevSeqId") {
                Some(value) => u64::try_from(value.signed().ok_or(Rejected::Field)?).ok(),
                None => None,
            },
            checksum: match item.field("checksum") {
                Some(value) if !value.is_null() => Some(checksum(value)?),
                Some(_) | None => None,
            },
            depth: self.sources.depth(event.instrument),
            levels_from,
        };
        // What comes whole each time needs no proof.
        if event.named != Named::BestLevels && !fields.is_provable() {
            return Err(Rejected::Field);
        }
        fields.push(event.instrument, batch);
        Ok(())
    }

    fn ticker(
        &mut self,
        event: &Event<'_>,
        item: Value<'_>,
        batch: &mut Batch,
    ) -> Result<(), Rejected> {
        // The volume in coins is `vol24h` on spot, where `volCcy24h` is in the quote; contracts
        // are counted in `vol24h`, and `volCcy24h` is in coins.
        let contract = match item.field("instType").and_then(Value::string) {
            Some(class) => !matches!(class, "SPOT" | "MARGIN"),
            None => is_contract(event.native),
        };
        let (volume, quote_volume) = match contract {
            true => (stated_wide(item, "volCcy24h")?, None),
            false => (stated_wide(item, "vol24h")?, stated_wide(item, "volCcy24h")?),
        };
        let ticker = Ticker {
            last: required(item, "last").and_then(|_| stated_field(item, "last"))?,
            open: stated_field(item, "open24h")?,
            high: stated_field(item, "high24h")?,
            low: stated_field(item, "low24h")?,
            bid: stated_field(item, "bidPx")?,
            ask: stated_field(item, "askPx")?,
            change: None,
            change_percent: None,
            volume,
            quote_volume,
        };
        let time = millis(required(item, "ts")?)?;
        batch.push_ticker(None, event.instrument, time, ticker);
        Ok(())
    }

    /// `[ts, open, high, low, close, vol, volCcy, volCcyQuote, confirm]`; the last two since 2022.
    fn candle(
        &mut self,
        event: &Event<'_>,
        item: Value<'_>,
        batch: &mut Batch,
    ) -> Result<(), Rejected> {
        let Named::Candles(Some(interval)) = event.named else { return Err(Rejected::Field) };
        let mut parts = item.items().ok_or(Rejected::Field)?;
        let mut next = || parts.next().ok_or(Rejected::Field);
        let open_time = millis(next()?)?;
        let prices = [price(next()?)?, price(next()?)?, price(next()?)?, price(next()?)?];
        // In the unit of the trades' sizes, so that it is their sum. How many they are is not told.
        let volume = wide_if_stated(next()?)?;
        // Past the volumes in other units.
        let closed = match parts.nth(2).map(unsigned).transpose()? {
            None | Some(0) => false,
            Some(1) => true,
            Some(_) => return Err(Rejected::Field),
        };
        let candle = Candle::of(interval, open_time, prices).with_volume_if(volume);
        let candle = Candle { closed, says_final: true, ..candle };
        batch.push_candle(None, event.instrument, UnixNanos::NONE, &candle);
        Ok(())
    }
}

/// Items of nobody knows which instrument: any that has the channel may lack them. Channels of whole
/// classes, which name none, are none of ours.
#[cold]
fn nameless(named: Named, batch: &mut Batch) -> Frame {
    match named.channel() {
        Some(channel) if named != Named::Candles(None) => {
            batch.lose(None, channel, Rejected::Field);
            GENERAL
        }
        _ => Frame::Other,
    }
}

/// What all items of a frame share.
struct Event<'t> {
    named: Named,
    native: &'t str,
    instrument: InstrumentId,
    action: Option<Value<'t>>,
}

/// What the exchange lists, as far as it changed.
fn instruments(root: Value<'_>) -> Result<Frame, Rejected> {
    let items = root.field("data").and_then(Value::items).ok_or(Rejected::Field)?;
    let listings = items.filter_map(|item| {
        listing::listing(&Entry {
            native: text(item, "instId").ok()?,
            tick_size: text(item, "tickSz").unwrap_or_default(),
            lot_size: text(item, "lotSz").unwrap_or_default(),
            state: text(item, "state").unwrap_or_default(),
        })
    });
    Ok(Frame::Listing(Listings { entries: listings.collect(), whole: false }))
}

/// Appends one side of a book event. A level is price, size, a retired number that is always 0,
/// and the count of its orders.
fn side(side: Side, levels: Value<'_>, batch: &mut Batch) -> Result<(), Rejected> {
    for level in levels.items().ok_or(Rejected::Field)? {
        if batch.levels.len() >= FRAME_LEVELS_MAX {
            return Err(Rejected::TooMany);
        }
        let (price, size) = resting(level)?;
        batch.levels.push(Level { side, price, size });
    }
    Ok(())
}

/// The first level of a side; a side without orders is empty.
fn best(item: Value<'_>, name: &str) -> Result<Option<(Decimal, Decimal)>, Rejected> {
    let levels = item.field(name).and_then(Value::items).ok_or(Rejected::Field)?;
    levels.take(1).last().map(resting).transpose()
}

fn resting(level: Value<'_>) -> Result<(Decimal, Decimal), Rejected> {
    let mut parts = level.items().ok_or(Rejected::Field)?;
    let (Some(at), Some(resting)) = (parts.next(), parts.next()) else {
        return Err(Rejected::Field);
    };
    Ok((price(at)?, size(resting)?))
}

fn sequence(item: Value<'_>) -> Result<Option<u64>, Rejected> {
    item.field("seqId").filter(|value| !value.is_null()).map(unsigned).transpose()
}

/// Signed 32 bits.
fn checksum(value: Value<'_>) -> Result<i32, Rejected> {
    let number = value.signed().ok_or(Rejected::Field)?;
    i32::try_from(number).map_err(|_| Rejected::Field)
}

/// A price that may not be available.
fn stated_field(item: Value<'_>, name: &str) -> Result<Option<Decimal>, Rejected> {
    stated(item, name).map(price).transpose()
}

fn stated_wide(item: Value<'_>, name: &str) -> Result<Option<WideDecimal>, Rejected> {
    stated(item, name).map(wide).transpose()
}

/// The stream that a frame's argument names.
pub(super) fn trace(instruments: &NativeMap, frame: &[u8]) -> Option<Trace> {
    let channel = Named::of(scan(frame, "channel")?).channel()?;
    let native = scan(frame, "instId");
    Some(Trace { channel, instrument: native.and_then(|it| instruments.find(it.as_bytes())) })
}

/// Calls `found` with the symbol that a frame names.
pub(super) fn symbols_in(root: Value<'_>, found: &mut dyn FnMut(&str)) {
    let native = root.field("arg").and_then(|argument| argument.field("instId"));
    if let Some(native) = native.and_then(Value::string) {
        found(native);
    }
}
