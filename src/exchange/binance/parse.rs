//! What Binance says: the general path, which reads every frame in any order of its keys, and the
//! statements about fields that the recognisers of [`super::hot`] share with it.

use std::time::Duration;

use super::{Market, TimeUnit, errors};
use crate::clock::UnixNanos;
use crate::exchange::general::{self, GENERAL, cut, dated, pairs, scan, trade_id, unsigned};
use crate::exchange::{
    Batch, BookKind, BookUpdate, DEPTH_FULL, Frame, Marked, Rejected, Trace, TradeMark, trade_tick,
};
use crate::instrument::{Channel, InstrumentId, NativeMap};
use crate::json::Value;
use crate::tick::{
    Candle, Decimal, Interval, Quote, Side, Tick, Ticker, Trade, TradeId, WideDecimal,
};

/// Fewest microseconds since the epoch that are a time of ours (March 1973): milliseconds reach as
/// many in the year 5138.
const MICROS_MIN: u64 = 100_000_000_000_000;

/// What a frame is read against.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context<'a> {
    pub(super) market: Market,
    pub(super) time_unit: TimeUnit,
    pub(super) instruments: &'a NativeMap,
}

/// A trade as both paths hand it over.
#[derive(Clone, Copy, Debug)]
pub(super) struct TradeFields {
    pub(super) time: UnixNanos,
    /// When the frame was sent.
    pub(super) sent: UnixNanos,
    pub(super) price: Decimal,
    pub(super) size: Decimal,
    pub(super) id: TradeId,
    /// `m`.
    pub(super) buyer_is_maker: bool,
}

impl TradeFields {
    /// "m: Is the buyer the market maker?" (web-socket-streams.md): true means that the buyer's
    /// order was resting, so the taker sold.
    #[inline(always)]
    pub(super) fn push(self, instrument: InstrumentId, batch: &mut Batch) -> Result<(), Rejected> {
        let taker = if self.buyer_is_maker { Side::Ask } else { Side::Bid };
        let Self { price, size, id, .. } = self;
        let trade = Trade { taker, price, size, id };
        batch.sent = self.sent;
        batch.push(id.number(), trade_tick(instrument, self.time, trade)?);
        Ok(())
    }
}

/// A best bid and ask as both paths hand it over: price and size of either side.
#[derive(Clone, Copy, Debug)]
pub(super) struct QuoteFields {
    pub(super) time: UnixNanos,
    pub(super) update_id: u64,
    pub(super) bid: (Decimal, Decimal),
    pub(super) ask: (Decimal, Decimal),
}

impl QuoteFields {
    #[inline(always)]
    pub(super) fn push(self, instrument: InstrumentId, batch: &mut Batch) {
        let ((bid, bid_size), (ask, ask_size)) = (self.bid, self.ask);
        let quote = Quote {
            bid: Some(bid),
            bid_size: Some(bid_size),
            ask: Some(ask),
            ask_size: Some(ask_size),
        };
        batch.push(self.update_id, Tick::new(instrument, self.time, quote.into()));
    }
}

/// A book delta as both paths hand it over, its levels being in the batch already.
#[derive(Clone, Copy, Debug)]
pub(super) struct DepthFields {
    pub(super) time: UnixNanos,
    pub(super) first_id: u64,
    pub(super) last_id: u64,
    /// Futures only.
    pub(super) previous_id: Option<u64>,
    /// Length of [`Batch::levels`] before its levels.
    pub(super) levels_from: usize,
}

impl DepthFields {
    #[inline(always)]
    pub(super) fn push(self, instrument: InstrumentId, batch: &mut Batch) {
        batch.books.push(BookUpdate {
            instrument,
            kind: BookKind::Delta,
            exchange_time: self.time,
            first_id: Some(self.first_id),
            last_id: Some(self.last_id),
            previous_id: self.previous_id,
            checksum: None,
            precision: None,
            depth: DEPTH_FULL,
            levels: self.levels_from as u32..batch.levels.len() as u32,
        });
    }
}

impl Context<'_> {
    /// A time field of this connection.
    ///
    /// # Errors
    /// [`Rejected::Date`] of one in the other unit: microseconds of our days are no time at all in
    /// milliseconds, and the other way around they are of January 1970.
    #[inline(always)]
    pub(super) fn time(&self, number: u64) -> Result<UnixNanos, Rejected> {
        match self.time_unit {
            TimeUnit::Millisecond => dated(UnixNanos::from_millis(number)),
            TimeUnit::Microsecond if number < MICROS_MIN => Err(Rejected::Date),
            TimeUnit::Microsecond => dated(UnixNanos::from_micros(number)),
        }
    }

    /// Reads one parsed frame.
    pub(super) fn frame(&self, root: Value<'_>, batch: &mut Batch) -> Result<Frame, Rejected> {
        if root.items().is_some() {
            return self.list(root, batch);
        }
        // Replies are not wrapped, even on `/stream`, so the wrapper is looked for first.
        let stream = root.field("stream").and_then(Value::string);
        if let (Some(stream), Some(inner)) = (stream, root.field("data")) {
            return self.wrapped(stream, inner, batch);
        }
        let event = Event::of(root).ok_or(Rejected::Foreign)?;
        if event.name().is_some() || event.is_bare_quote() {
            return self.event(&event, None, batch);
        }
        if event.is_partial_book {
            return Ok(Frame::Other);
        }
        reply(root).ok_or(Rejected::Foreign)
    }

    /// The inside of `{"stream":…,"data":…}`.
    fn wrapped(
        &self,
        stream: &str,
        inner: Value<'_>,
        batch: &mut Batch,
    ) -> Result<Frame, Rejected> {
        if inner.items().is_some() {
            return self.list(inner, batch);
        }
        let event = Event::of(inner).ok_or(Rejected::Foreign)?;
        if !is_of(stream, &event) {
            return self.misdirected(stream, &event, batch);
        }
        // What a stream of ours brings is its own, or cannot be read.
        if channel_of(stream).is_some_and(|channel| event.channel() != Some(channel)) {
            return Err(Rejected::Foreign);
        }
        let known = event.name().is_some() || event.is_bare_quote();
        // The best levels, whole each time; on futures they call themselves `depthUpdate` like
        // the changes to a book, and only the stream's name tells. Nobody here asks for them.
        if !known || is_partial_book(stream) {
            return Ok(Frame::Other);
        }
        self.event(&event, Some(stream), batch)
    }

    /// A list of events, as on `!ticker@arr`.
    fn list(&self, list: Value<'_>, batch: &mut Batch) -> Result<Frame, Rejected> {
        let mut frame = Err(Rejected::Foreign);
        for item in list.items().ok_or(Rejected::Foreign)? {
            let event = Event::of(item).filter(|event| event.name().is_some());
            let read = match event {
                Some(event) => self.event(&event, None, batch)?,
                None => {
                    // Lists are of tickers.
                    batch.lose(None, Channel::Ticker, Rejected::Foreign);
                    GENERAL
                }
            };
            if !matches!(frame, Ok(Frame::Data { .. })) {
                frame = Ok(read);
            }
        }
        frame
    }

    /// An event that another stream brings than that of the symbol it names: whose it is nobody
    /// knows, so it is nobody's, and either book may lack it.
    #[cold]
    fn misdirected(
        &self,
        stream: &str,
        event: &Event<'_>,
        batch: &mut Batch,
    ) -> Result<Frame, Rejected> {
        let Some(channel) = event.channel() else { return Ok(Frame::Other) };
        let own = event.value(b's').and_then(Value::string);
        let own = own.and_then(|own| self.instruments.find(own.as_bytes()));
        let named = named_by(self.instruments, stream);
        let Some(first) = named.or(own) else { return Ok(Frame::Other) };
        batch.lose(Some(first), channel, Rejected::Contradiction);
        if let Some(other) = own.filter(|_| named.is_some()) {
            batch.lose_too(other, channel, Rejected::Contradiction);
        }
        Ok(GENERAL)
    }

    /// Reads one event, of a stream where it is wrapped.
    fn event(
        &self,
        event: &Event<'_>,
        stream: Option<&str>,
        batch: &mut Batch,
    ) -> Result<Frame, Rejected> {
        type Read<'a> =
            fn(&Context<'a>, InstrumentId, &Event<'_>, &mut Batch) -> Result<Frame, Rejected>;
        let (channel, read): (_, Read<'_>) = match event.name() {
            Some("trade") => (Channel::Trades, Self::trade),
            Some("aggTrade") => (Channel::Trades, Self::aggregate),
            Some("bookTicker") | None => (Channel::Quotes, Self::quote),
            Some("depthUpdate") => (Channel::Orderbook, Self::depth),
            Some("24hrTicker") => (Channel::Ticker, Self::ticker),
            Some("kline") => (Channel::Candles, Self::candle),
            // Announces that the connection will close (spot, since 2026-05-08).
            Some("serverShutdown") => return Ok(Frame::Shutdown),
            Some(_) => return Ok(Frame::Other),
        };
        let native = match event.text(b's') {
            Ok(native) => native,
            Err(rejected) => {
                let named = stream.and_then(|stream| named_by(self.instruments, stream));
                batch.lose(named, channel, rejected);
                return Ok(GENERAL);
            }
        };
        let Some(instrument) = self.instruments.find(native.as_bytes()) else {
            return Ok(Frame::Other);
        };
        let read = batch.attempt(instrument, channel, |batch| read(self, instrument, event, batch));
        Ok(read.unwrap_or(GENERAL))
    }

    fn trade(
        &self,
        instrument: InstrumentId,
        event: &Event<'_>,
        batch: &mut Batch,
    ) -> Result<Frame, Rejected> {
        // Futures print insurance fund and auto-deleveraging fills (`INSURANCE_FUND`, `ADL`, `NA`)
        // on the same stream; they are no trades of the book, and have ids among those.
        if self.market == Market::Futures
            && event.value(b'X').is_some()
            && event.text(b'X')? != "MARKET"
        {
            let last_id = event.unsigned(b't')?;
            let marked = Marked::NoTrade(self.time(event.unsigned(b'T')?)?);
            batch.trade_marks.push(TradeMark { instrument, last_id, marked });
            return Ok(Frame::Other);
        }
        self.print(instrument, b't', event, batch)
    }

    fn aggregate(
        &self,
        instrument: InstrumentId,
        event: &Event<'_>,
        batch: &mut Batch,
    ) -> Result<Frame, Rejected> {
        self.print(instrument, b'a', event, batch)
    }

    fn print(
        &self,
        instrument: InstrumentId,
        id: u8,
        event: &Event<'_>,
        batch: &mut Batch,
    ) -> Result<Frame, Rejected> {
        let fields = TradeFields {
            time: self.time(event.unsigned(b'T')?)?,
            sent: event
                .value(b'E')
                .and_then(|sent| self.time(unsigned(sent).ok()?).ok())
                .unwrap_or(UnixNanos::NONE),
            price: event.price(b'p')?,
            size: event.size(b'q')?,
            id: trade_id(event.required(id)?, batch)?,
            buyer_is_maker: event.required(b'm')?.boolean().ok_or(Rejected::Field)?,
        };
        fields.push(instrument, batch)?;
        Ok(GENERAL)
    }

    fn quote(
        &self,
        instrument: InstrumentId,
        event: &Event<'_>,
        batch: &mut Batch,
    ) -> Result<Frame, Rejected> {
        let fields = QuoteFields {
            time: self.event_time(event)?,
            update_id: event.unsigned(b'u')?,
            bid: (event.price(b'b')?, event.size(b'B')?),
            ask: (event.price(b'a')?, event.size(b'A')?),
        };
        fields.push(instrument, batch);
        Ok(GENERAL)
    }

    fn depth(
        &self,
        instrument: InstrumentId,
        event: &Event<'_>,
        batch: &mut Batch,
    ) -> Result<Frame, Rejected> {
        let fields = DepthFields {
            time: self.event_time(event)?,
            first_id: event.unsigned(b'U')?,
            last_id: event.unsigned(b'u')?,
            previous_id: match self.market {
                Market::Spot => None,
                Market::Futures => {
                    let previous = event.previous_id.ok_or(Rejected::Field)?;
                    Some(unsigned(previous)?)
                }
            },
            levels_from: batch.levels.len(),
        };
        pairs(Side::Bid, event.required(b'b')?, batch)?;
        pairs(Side::Ask, event.required(b'a')?, batch)?;
        fields.push(instrument, batch);
        Ok(GENERAL)
    }

    /// Time of the match where it is stated, else of the sending; spot quotes have neither.
    fn event_time(&self, event: &Event<'_>) -> Result<UnixNanos, Rejected> {
        let letter = if event.value(b'T').is_some() { b'T' } else { b'E' };
        match event.value(letter) {
            Some(time) => self.time(unsigned(time)?),
            None => Ok(UnixNanos::NONE),
        }
    }

    fn ticker(
        &self,
        instrument: InstrumentId,
        event: &Event<'_>,
        batch: &mut Batch,
    ) -> Result<Frame, Rejected> {
        let optional = |letter| event.value(letter).map(|_| event.price(letter)).transpose();
        let ticker = Ticker {
            last: Some(event.price(b'c')?),
            open: Some(event.price(b'o')?),
            high: Some(event.price(b'h')?),
            low: Some(event.price(b'l')?),
            // Futures state no best bid and ask here.
            bid: optional(b'b')?,
            ask: optional(b'a')?,
            change: Some(event.price(b'p')?),
            change_percent: Some(event.price(b'P')?),
            volume: event.wide(b'v')?,
            quote_volume: event.wide(b'q')?,
        };
        let time = self.event_time_of_sending(event)?;
        batch.push_ticker(None, instrument, time, ticker);
        Ok(GENERAL)
    }

    fn candle(
        &self,
        instrument: InstrumentId,
        event: &Event<'_>,
        batch: &mut Batch,
    ) -> Result<Frame, Rejected> {
        let inner = Event::of(event.required(b'k')?).ok_or(Rejected::Field)?;
        let Some(interval) = Interval::from_name(inner.text(b'i')?) else {
            return Ok(Frame::Other);
        };
        let open_time = self.time(inner.unsigned(b't')?)?;
        // Bars of another time zone (`@kline_1d@+08:00`) call their interval the same.
        if interval.open_time(open_time) != open_time {
            return Ok(Frame::Other);
        }
        let price = |letter| inner.price(letter);
        let prices = [price(b'o')?, price(b'h')?, price(b'l')?, price(b'c')?];
        let candle = Candle {
            trades: Some(inner.unsigned(b'n')?),
            closed: inner.required(b'x')?.boolean().ok_or(Rejected::Field)?,
            says_final: true,
            ..Candle::of(interval, open_time, prices).with_volume_if(inner.wide(b'v')?)
        };
        let time = self.event_time_of_sending(event)?;
        batch.push_candle(None, instrument, time, &candle);
        Ok(GENERAL)
    }

    fn event_time_of_sending(&self, event: &Event<'_>) -> Result<UnixNanos, Rejected> {
        self.time(event.unsigned(b'E')?)
    }
}

/// Whether a stream's name says the same as the event in it. A stream of all symbols
/// (`!ticker@arr`), of a pair (`btcusdt_perpetual@continuousKline_1m`) or of what names no symbol
/// says nothing.
fn is_of(stream: &str, event: &Event<'_>) -> bool {
    let Some((named, _)) = stream.split_once('@') else { return true };
    let Some(symbol) = event.value(b's').and_then(Value::string) else { return true };
    named.starts_with('!') || symbol.eq_ignore_ascii_case(named)
}

/// The channel of what a stream of one symbol brings, where that is one of ours.
fn channel_of(stream: &str) -> Option<Channel> {
    let (_, kind) = stream.split_once('@')?;
    Some(match kind.split('@').next()? {
        "trade" | "aggTrade" => Channel::Trades,
        "depth" => Channel::Orderbook,
        "bookTicker" => Channel::Quotes,
        "ticker" => Channel::Ticker,
        kline if kline.starts_with("kline_") => Channel::Candles,
        _ => return None,
    })
}

/// `…@depth5`, `…@depth20@100ms`: the best levels, whole each time.
fn is_partial_book(stream: &str) -> bool {
    let kind = stream.split_once('@').and_then(|(_, kind)| kind.strip_prefix("depth"));
    kind.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// An answer to a request of ours: accepted, or refused in one of two forms (flat as documented,
/// inside `error` as futures send it). Other exchanges' answers look alike, but none has
/// an integer `code` or a `result` that is null, a list or a boolean beside an `id`.
fn reply(root: Value<'_>) -> Option<Frame> {
    let id = root.field("id");
    let number = id.and_then(Value::unsigned);
    if let Some(error) = root.field("error").filter(|error| error.field("code").is_some()) {
        return refusal(number, error);
    }
    if let (Some(result), Some(_)) = (root.field("result"), id) {
        let known = result.is_null() || result.boolean().is_some() || result.items().is_some();
        return known.then_some(Frame::Ack { id: number, stream: None });
    }
    refusal(number, root)
}

fn refusal(id: Option<u64>, error: Value<'_>) -> Option<Frame> {
    let code = error.field("code")?.signed()?.to_string();
    let words = error.field("msg")?.string()?;
    // Without a clock of ours: both dates are the exchange's.
    let stated = error.field("data").and_then(|data| {
        let date = |name| data.field(name).and_then(Value::unsigned);
        Some(Duration::from_millis(date("retryAfter")?.saturating_sub(date("serverTime")?)))
    });
    let kind = errors::kind(&code, words, stated);
    Some(Frame::Error { id, stream: None, kind, text: cut(&[words]) })
}

/// The stream that a frame's wrapper names.
pub(super) fn trace(instruments: &NativeMap, frame: &[u8]) -> Option<Trace> {
    let stream = scan(frame, "stream")?;
    Some(Trace { channel: channel_of(stream)?, instrument: named_by(instruments, stream) })
}

/// The instrument that a stream's name says, where it is ours.
fn named_by(instruments: &NativeMap, stream: &str) -> Option<InstrumentId> {
    let (named, _) = stream.split_once('@')?;
    instruments.find(named.to_ascii_uppercase().as_bytes())
}

/// Calls `found` with the symbols that a frame names.
pub(super) fn symbols_in(root: Value<'_>, found: &mut dyn FnMut(&str)) {
    let inner = root.field("data").unwrap_or(root);
    let mut named = false;
    let mut name = |value: Value<'_>| {
        if let Some(symbol) = value.field("s").and_then(Value::string) {
            named = true;
            found(symbol);
        }
    };
    match inner.items() {
        Some(items) => items.for_each(&mut name),
        None => name(inner),
    }
    // Partial books of spot are named by their stream alone.
    let stream = root.field("stream").and_then(Value::string);
    if let Some((symbol, _)) = stream.and_then(|stream| stream.split_once('@'))
        && !named
        && !symbol.starts_with('!')
    {
        found(&symbol.to_uppercase());
    }
}

/// Letters from `A` to `z`.
const LETTERS: usize = (b'z' - b'A' + 1) as usize;

/// The fields of an event, which have one letter each but for `pu`. Others are ignored: new ones
/// may appear any day.
struct Event<'t> {
    by_letter: [Option<Value<'t>>; LETTERS],
    previous_id: Option<Value<'t>>,
    is_partial_book: bool,
}

impl<'t> Event<'t> {
    /// Of a key that stands twice the last one counts. `None` for what is no object.
    fn of(object: Value<'t>) -> Option<Self> {
        let mut event =
            Self { by_letter: [None; LETTERS], previous_id: None, is_partial_book: false };
        for (key, value) in object.fields()? {
            match *key.as_bytes() {
                [letter @ b'A'..=b'z'] => event.by_letter[usize::from(letter - b'A')] = Some(value),
                [b'p', b'u'] => event.previous_id = Some(value),
                _ => event.is_partial_book |= key == "lastUpdateId",
            }
        }
        Some(event)
    }

    /// What it calls itself.
    fn name(&self) -> Option<&'t str> {
        self.value(b'e')?.string()
    }

    /// The channel that it is of.
    fn channel(&self) -> Option<Channel> {
        Some(match self.name() {
            Some("trade" | "aggTrade") => Channel::Trades,
            Some("depthUpdate") => Channel::Orderbook,
            Some("24hrTicker") => Channel::Ticker,
            Some("kline") => Channel::Candles,
            Some("bookTicker") => Channel::Quotes,
            None if self.is_bare_quote() => Channel::Quotes,
            Some(_) | None => return None,
        })
    }

    /// Spot's `bookTicker` has no name.
    fn is_bare_quote(&self) -> bool {
        self.value(b'e').is_none() && b"usbBaA".iter().all(|&letter| self.value(letter).is_some())
    }

    fn value(&self, letter: u8) -> Option<Value<'t>> {
        self.by_letter[usize::from(letter - b'A')]
    }

    fn required(&self, letter: u8) -> Result<Value<'t>, Rejected> {
        self.value(letter).ok_or(Rejected::Field)
    }

    fn text(&self, letter: u8) -> Result<&'t str, Rejected> {
        self.required(letter)?.string().ok_or(Rejected::Field)
    }

    fn unsigned(&self, letter: u8) -> Result<u64, Rejected> {
        unsigned(self.required(letter)?)
    }

    fn price(&self, letter: u8) -> Result<Decimal, Rejected> {
        general::price(self.required(letter)?)
    }

    fn size(&self, letter: u8) -> Result<Decimal, Rejected> {
        general::size(self.required(letter)?)
    }

    fn wide(&self, letter: u8) -> Result<Option<WideDecimal>, Rejected> {
        general::wide_if_stated(self.required(letter)?)
    }
}
