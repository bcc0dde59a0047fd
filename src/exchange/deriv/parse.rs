//! What Deriv says: the general path, which reads every frame in any order of its keys, and the
//! statements about fields that the recognisers of [`super::hot`] share with it.

use super::memory::{Memory, Stream, StreamId};
use super::subscribe::interval_of;
use super::{errors, listing};
use crate::clock::UnixNanos;
use crate::exchange::general::{self, GENERAL, cut, required, scan, stated};
use crate::exchange::{Batch, Frame, Listings, NamedStream, RefusalKind, Rejected, Trace};
use crate::instrument::{Channel, InstrumentId, NativeMap};
use crate::json::Value;
use crate::limits::FRAME_LEVELS_MAX;
use crate::tick::{Candle, Decimal, Interval, Quote, Reason, Tick, Ticker};

/// What a frame is read against.
pub(super) struct Context<'a> {
    pub(super) instruments: &'a NativeMap,
    pub(super) memory: &'a mut Memory,
}

/// A price change as both paths hand it over.
#[derive(Clone, Copy, Debug)]
pub(super) struct TickFields {
    pub(super) epoch: u64,
    /// The official price: of derived indices the index itself, else midway of bid and ask.
    pub(super) quote: Decimal,
    pub(super) bid: Option<Decimal>,
    pub(super) ask: Option<Decimal>,
}

impl TickFields {
    /// One tick says what the price is and between which prices Deriv deals. There are no trades
    /// and no sizes, so it is a ticker, and a quote that is absent where no side is stated. A
    /// symbol has at most one tick a second, so its time is its number.
    #[inline(always)]
    pub(super) fn push(self, instrument: InstrumentId, batch: &mut Batch) -> Result<(), Rejected> {
        let time = time(self.epoch)?;
        // An index may stand at 0, but not where nobody deals: that is the price of nothing.
        let is_dealt = self.bid.is_some() || self.ask.is_some();
        let last = Some(self.quote).filter(|quote| is_dealt || !quote.is_zero());
        let ticker = Ticker { last, bid: self.bid, ask: self.ask, ..Ticker::default() };
        batch.push_index(self.epoch, instrument, time, ticker);
        if is_dealt {
            let quote = Quote { bid: self.bid, bid_size: None, ask: self.ask, ask_size: None };
            batch.push_derived(self.epoch, Tick::new(instrument, time, quote.into()));
        }
        Ok(())
    }
}

/// A bar as both paths hand it over.
#[derive(Clone, Copy, Debug)]
pub(super) struct BarFields {
    /// Of the price change that it includes; a past bar does not state it.
    pub(super) time: UnixNanos,
    pub(super) candle: Candle,
}

impl BarFields {
    /// A bar without volume and trades, which Deriv does not have.
    #[inline(always)]
    pub(super) fn new(
        (interval, open_time, time): (Interval, UnixNanos, UnixNanos),
        prices: [Decimal; 4],
    ) -> Self {
        Self { time, candle: Candle::of(interval, open_time, prices) }
    }

    /// No frame says that a bar is final: it is when the next one begins.
    #[inline(always)]
    pub(super) fn push(self, instrument: InstrumentId, batch: &mut Batch) {
        batch.push_candle(None, instrument, self.time, &self.candle);
    }
}

/// Whole seconds.
///
/// # Errors
/// As [`general::dated`].
#[inline(always)]
pub(super) fn time(epoch: u64) -> Result<UnixNanos, Rejected> {
    general::dated(UnixNanos::from_millis(epoch.saturating_mul(1_000)))
}

impl Context<'_> {
    /// Reads one parsed frame.
    pub(super) fn frame(&mut self, root: Value<'_>, batch: &mut Batch) -> Result<Frame, Rejected> {
        let kind = root.field("msg_type").and_then(Value::string).ok_or(Rejected::Foreign)?;
        let request = root.field("req_id").and_then(Value::unsigned);
        if let Some(error) = root.field("error").filter(|error| error.fields().is_some()) {
            return Ok(self.refusal(root, error, request));
        }
        // A stream repeats the id of the request that opened it, so its first frame answers it.
        batch.answered = request;
        match kind {
            "tick" => self.tick(root, batch),
            "ohlc" => self.bar(root, batch),
            "candles" => self.past_bars(root, batch),
            "ping" | "time" => Ok(Frame::Heartbeat),
            "active_symbols" => {
                listing::read(root).map(|entries| Frame::Listing(Listings { entries, whole: true }))
            }
            "website_status" => Ok(site_status(root)),
            // Past ticks, ends of streams, and the account's affairs.
            _ => Ok(Frame::Other),
        }
    }

    fn tick(&mut self, root: Value<'_>, batch: &mut Batch) -> Result<Frame, Rejected> {
        let tick = root.field("tick").ok_or(Rejected::Field)?;
        let Some(instrument) = self.instrument(tick)? else { return Ok(Frame::Other) };
        batch.attempt(instrument, Channel::Ticker, |batch| {
            let fields = TickFields {
                epoch: unsigned(tick, "epoch")?,
                quote: price(tick, "quote")?,
                bid: option(tick, "bid")?,
                ask: option(tick, "ask")?,
            };
            fields.push(instrument, batch)
        });
        self.name(instrument, Stream::Ticks, root, tick);
        Ok(GENERAL)
    }

    fn bar(&mut self, root: Value<'_>, batch: &mut Batch) -> Result<Frame, Rejected> {
        let bar = root.field("ohlc").ok_or(Rejected::Field)?;
        let Some(instrument) = self.instrument(bar)? else { return Ok(Frame::Other) };
        let read = batch.attempt(instrument, Channel::Candles, |batch| {
            let open_time = time(unsigned(bar, "open_time")?)?;
            let told_at = time(unsigned(bar, "epoch")?)?;
            let prices = prices(bar)?;
            let Some(interval) = interval_of(unsigned(bar, "granularity")?) else {
                return Ok(None);
            };
            let fields = BarFields::new((interval, open_time, told_at), prices);
            fields.push(instrument, batch);
            Ok(Some(interval))
        });
        match read {
            Some(Some(interval)) => {
                self.name(instrument, Stream::Candles(interval), root, bar);
                Ok(GENERAL)
            }
            Some(None) => Ok(Frame::Other),
            None => Ok(GENERAL),
        }
    }

    /// The bars that the answer to a subscription begins with, oldest first. Whose they are, and
    /// of which length, stands in the repeated request alone; without it they are of no use.
    fn past_bars(&mut self, root: Value<'_>, batch: &mut Batch) -> Result<Frame, Rejected> {
        let bars = root.field("candles").and_then(Value::items).ok_or(Rejected::Field)?;
        let asked = root.field("echo_req");
        let granularity = asked.and_then(|asked| asked.field("granularity")?.unsigned());
        let native = asked.and_then(|asked| asked.field("ticks_history")?.string());
        let (Some(native), Some(granularity)) = (native, granularity) else {
            return Ok(Frame::Other);
        };
        let Some(instrument) = self.instruments.find(native.as_bytes()) else {
            return Ok(Frame::Other);
        };
        if bars.clone().count() > FRAME_LEVELS_MAX {
            return Err(Rejected::TooMany);
        }
        let Some(interval) = interval_of(granularity) else { return Ok(Frame::Other) };
        let mut read = Vec::new();
        for bar in bars {
            let bar = batch.attempt(instrument, Channel::Candles, |_| {
                Ok((time(unsigned(bar, "epoch")?)?, prices(bar)?))
            });
            let Some((open_time, prices)) = bar else { continue };
            read.push(BarFields::new((interval, open_time, UnixNanos::NONE), prices));
        }
        // All but the last are over: the exchange has gone on to the next.
        let newest = read.len().saturating_sub(1);
        batch.lists_bars = true;
        for (index, mut fields) in read.into_iter().enumerate() {
            fields.candle.closed = index < newest;
            if index == newest {
                self.name(instrument, Stream::Candles(fields.candle.interval), root, root);
            }
            fields.push(instrument, batch);
        }
        Ok(if batch.is_empty() { Frame::Other } else { GENERAL })
    }

    /// Whose a tick or bar is; `None` when not ours.
    fn instrument(&self, of: Value<'_>) -> Result<Option<InstrumentId>, Rejected> {
        let native = of.field("symbol").and_then(Value::string).ok_or(Rejected::Field)?;
        Ok(self.instruments.find(native.as_bytes()))
    }

    /// Remembers what the exchange calls a stream.
    fn name(&mut self, instrument: InstrumentId, stream: Stream, root: Value<'_>, of: Value<'_>) {
        let subscription = root.field("subscription").and_then(|one| one.field("id"));
        let name = subscription.or_else(|| of.field("id")).and_then(Value::string);
        let name: Option<&StreamId> = name.and_then(|name| name.as_bytes().try_into().ok());
        if let Some(name) = name.filter(|name| is_stream_id(name)) {
            self.memory.name(instrument, stream, name);
        }
    }

    /// `error` tells the call and its code. Its words are in the language of the connection, so
    /// only the code means something.
    fn refusal(&self, root: Value<'_>, error: Value<'_>, id: Option<u64>) -> Frame {
        let code = error.field("code").and_then(Value::string).unwrap_or_default();
        let (kind, stream) = (errors::REFUSALS.reply(code, code), self.stream(root));
        // A call asks for one stream, so that this accepts all of it.
        if kind == RefusalKind::AlreadySo {
            return Frame::Ack { id, stream };
        }
        let message = error.field("message").and_then(Value::string).unwrap_or_default();
        let text = cut(&[code, ": ", message]);
        Frame::Error { id, stream, kind, text }
    }

    /// The stream that the repeated request asked for; without one, the stream that is named.
    fn stream(&self, root: Value<'_>) -> Option<NamedStream> {
        let Some(asked) = root.field("echo_req") else { return self.named(root) };
        let length = || interval_of(asked.field("granularity")?.unsigned()?);
        let (native, channel, interval) = match asked.field("ticks") {
            Some(native) => (native, Channel::Quotes, None),
            None => match asked.field("ticks_history") {
                Some(native) => (native, Channel::Candles, length()),
                None => return self.named(root),
            },
        };
        let instrument = self.instruments.find(native.string()?.as_bytes())?;
        Some(NamedStream { interval, ..NamedStream::of(instrument, channel) })
    }

    /// The stream whose name stands in `subscription`.
    fn named(&self, root: Value<'_>) -> Option<NamedStream> {
        let name = root.field("subscription")?.field("id")?.string()?;
        let (instrument, stream) = self.memory.find(name.as_bytes().try_into().ok()?)?;
        let (channel, interval) = match stream {
            Stream::Ticks => (Channel::Quotes, None),
            Stream::Candles(interval) => (Channel::Candles, Some(interval)),
        };
        Some(NamedStream { interval, ..NamedStream::of(instrument, channel) })
    }
}

/// The stream that a frame names: by its type or by the repeated request, and by its symbol, by that
/// request or by the stream's own name.
pub(super) fn trace(instruments: &NativeMap, memory: &Memory, frame: &[u8]) -> Option<Trace> {
    let stream = scan(frame, "id").and_then(|id| memory.find(id.as_bytes().try_into().ok()?));
    let asked = |key| scan(frame, key);
    let (ticks, history) = (asked("ticks"), asked("ticks_history"));
    let channel = match (scan(frame, "msg_type"), ticks, history, stream) {
        (Some("tick"), ..) => Channel::Ticker,
        (Some("ohlc" | "candles"), ..) => Channel::Candles,
        (Some(_), ..) => return None,
        (None, Some(_), ..) | (None, None, None, Some((_, Stream::Ticks))) => Channel::Ticker,
        (None, None, Some(_), _) | (None, None, None, Some(_)) => Channel::Candles,
        (None, None, None, None) => return None,
    };
    let native = asked("symbol").or(ticks).or(history);
    let instrument = native.and_then(|native| instruments.find(native.as_bytes()));
    Some(Trace { channel, instrument: instrument.or(stream.map(|(instrument, _)| instrument)) })
}

/// `updating` means that connections drop within about a minute.
fn site_status(root: Value<'_>) -> Frame {
    let status = root.field("website_status").and_then(|status| status.field("site_status"));
    match status.and_then(Value::string) {
        Some("updating") => Frame::Shutdown,
        Some("down") => Frame::Status(Reason::Maintenance),
        _ => Frame::Status(Reason::None),
    }
}

/// Letters and digits of a UUID: nothing that would break out of a JSON string.
#[inline]
pub(super) fn is_stream_id(name: &StreamId) -> bool {
    name.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b'-')
}

/// Calls `found` with the symbols that a frame names.
pub(super) fn symbols_in(root: Value<'_>, found: &mut dyn FnMut(&str)) {
    let kind = root.field("msg_type").and_then(Value::string);
    let symbol = match kind {
        Some(kind @ ("tick" | "ohlc")) => root.field(kind).and_then(|of| of.field("symbol")),
        Some("candles") => root.field("echo_req").and_then(|asked| asked.field("ticks_history")),
        _ => None,
    };
    if let Some(symbol) = symbol.and_then(Value::string) {
        found(symbol);
    }
}

fn prices(of: Value<'_>) -> Result<[Decimal; 4], Rejected> {
    Ok([price(of, "open")?, price(of, "high")?, price(of, "low")?, price(of, "close")?])
}

/// Ticks and past bars write bare numbers without trailing zeros, live bars strings.
fn price(of: Value<'_>, field: &str) -> Result<Decimal, Rejected> {
    general::price(required(of, field)?)
}

fn option(of: Value<'_>, field: &str) -> Result<Option<Decimal>, Rejected> {
    stated(of, field).map(general::price).transpose()
}

fn unsigned(of: Value<'_>, field: &str) -> Result<u64, Rejected> {
    general::unsigned(required(of, field)?)
}
