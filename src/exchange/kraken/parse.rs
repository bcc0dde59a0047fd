//! What Kraken says in version 2: the general path, which reads every frame in any order of its
//! keys, and the statements about fields that the recognisers of [`super::hot`] share with it.
//!
//! Prices and sizes are bare numbers, and the checksum covers their digits as sent, so they are
//! read from the frame's text, never from a parsed number.

use super::book::{self, Depths};
use super::{errors, listing, subscribe};
use crate::clock::UnixNanos;
use crate::exchange::general::{self, GENERAL, cut, required, scan, text, trade_id, unsigned};
use crate::exchange::{
    Batch, BookKind, BookUpdate, Frame, NamedStream, Rejected, Trace, trade_tick,
};
use crate::instrument::{Channel, InstrumentId, NativeMap};
use crate::json::{Minute, Value, date};
use crate::limits::FRAME_LEVELS_MAX;
use crate::tick::{
    Candle, Decimal, Interval, Level, Quote, Reason, Side, Tick, Ticker, Trade, TradeId,
    WideDecimal,
};

/// What a frame is read against, and what is learned from it.
#[derive(Debug)]
pub(super) struct Context<'a> {
    pub(super) instruments: &'a NativeMap,
    pub(super) minute: &'a Minute,
    pub(super) depths: &'a mut Depths,
}

/// A trade as both paths hand it over.
#[derive(Clone, Copy, Debug)]
pub(super) struct TradeFields {
    pub(super) time: UnixNanos,
    pub(super) taker: Side,
    pub(super) price: Decimal,
    pub(super) size: Decimal,
    pub(super) id: TradeId,
}

impl TradeFields {
    /// "side: Side of taker order" (trade channel).
    #[inline(always)]
    pub(super) fn tick(self, instrument: InstrumentId) -> Result<Tick, Rejected> {
        let Self { taker, price, size, id, .. } = self;
        trade_tick(instrument, self.time, Trade { taker, price, size, id })
    }
}

/// A ticker as both paths hand it over.
#[derive(Clone, Copy, Debug)]
pub(super) struct TickerFields {
    pub(super) time: UnixNanos,
    pub(super) bid: Option<Decimal>,
    pub(super) bid_size: Option<Decimal>,
    pub(super) ask: Option<Decimal>,
    pub(super) ask_size: Option<Decimal>,
    pub(super) last: Option<Decimal>,
    pub(super) volume: Option<WideDecimal>,
    pub(super) low: Option<Decimal>,
    pub(super) high: Option<Decimal>,
    pub(super) change: Option<Decimal>,
    pub(super) change_percent: Option<Decimal>,
}

impl TickerFields {
    /// Pushes the statistics, and the best prices as a quote.
    #[inline(always)]
    pub(super) fn push(self, instrument: InstrumentId, batch: &mut Batch) {
        let Self { bid, bid_size, ask, ask_size, .. } = self;
        let quote = Quote { bid, bid_size, ask, ask_size }.resting();
        let ticker = Ticker {
            last: self.last,
            high: self.high,
            low: self.low,
            bid: quote.bid,
            ask: quote.ask,
            change: self.change,
            change_percent: self.change_percent,
            volume: self.volume,
            ..Ticker::default()
        };
        batch.push_ticker(None, instrument, self.time, ticker);
        if bid.is_some() || ask.is_some() {
            batch.push_derived(None, Tick::new(instrument, self.time, quote.into()));
        }
    }
}

/// A book event as both paths hand it over, its levels being in the batch already.
#[derive(Clone, Copy, Debug)]
pub(super) struct BookFields {
    pub(super) kind: BookKind,
    pub(super) time: UnixNanos,
    pub(super) checksum: Option<u32>,
    /// Length of [`Batch::levels`] before its levels.
    pub(super) levels_from: usize,
}

impl BookFields {
    #[inline(always)]
    pub(super) fn push(self, instrument: InstrumentId, depths: &mut Depths, batch: &mut Batch) {
        let depth = match self.kind {
            BookKind::Delta => depths.of(instrument),
            BookKind::Snapshot => {
                let levels = &batch.levels[self.levels_from..];
                let asks = levels.iter().filter(|level| level.side == Side::Ask).count();
                depths.of_snapshot(instrument, asks.max(levels.len() - asks))
            }
        };
        batch.books.push(BookUpdate {
            instrument,
            kind: self.kind,
            exchange_time: self.time,
            first_id: None,
            last_id: None,
            previous_id: None,
            checksum: self.checksum,
            precision: depths.digits(instrument),
            depth,
            levels: self.levels_from as u32..batch.levels.len() as u32,
        });
    }
}

/// The first keys of any frame.
#[derive(Clone, Copy, Default)]
struct Envelope<'t> {
    channel: Option<&'t str>,
    kind: Option<&'t str>,
    data: Option<Value<'t>>,
    time: Option<Value<'t>>,
    method: Option<&'t str>,
    success: Option<bool>,
    error: Option<&'t str>,
    result: Option<Value<'t>>,
    request: Option<u64>,
    symbol: Option<&'t str>,
    /// It has a single field.
    is_bare: bool,
}

impl<'t> Envelope<'t> {
    /// Of a key that stands twice the last one counts. `None` for what is no object.
    fn of(root: Value<'t>) -> Option<Self> {
        let (mut envelope, mut fields) = (Self::default(), 0);
        for (key, value) in root.fields()? {
            match key {
                "channel" => envelope.channel = value.string(),
                "type" => envelope.kind = value.string(),
                "data" => envelope.data = Some(value),
                "timestamp" => envelope.time = Some(value),
                "method" => envelope.method = value.string(),
                "success" => envelope.success = value.boolean(),
                "error" | "Error" => envelope.error = value.string(),
                "result" => envelope.result = Some(value),
                "req_id" => envelope.request = value.unsigned(),
                "symbol" => envelope.symbol = value.string(),
                _ => {}
            }
            fields += 1;
        }
        envelope.is_bare = fields == 1;
        Some(envelope)
    }

    /// Whole or change; `None` where the frame says neither.
    fn book_kind(&self) -> Option<BookKind> {
        match self.kind? {
            "snapshot" => Some(BookKind::Snapshot),
            "update" => Some(BookKind::Delta),
            _ => None,
        }
    }
}

impl Context<'_> {
    /// Reads one parsed frame.
    pub(super) fn frame(&mut self, root: Value<'_>, batch: &mut Batch) -> Result<Frame, Rejected> {
        let envelope = Envelope::of(root).ok_or(Rejected::Foreign)?;
        let Some(channel) = envelope.channel else { return self.reply(&envelope) };
        let Some(data) = envelope.data else {
            let is_heartbeat = channel == "heartbeat";
            return if is_heartbeat { Ok(Frame::Heartbeat) } else { Err(Rejected::Foreign) };
        };
        let kind = envelope.book_kind().ok_or(Rejected::Foreign)?;
        match channel {
            "book" => self.each(Channel::Orderbook, data, batch, |context, of, item, batch| {
                context.book(of, kind, item, batch)
            }),
            "trade" => {
                let outcome = self.each(Channel::Trades, data, batch, |_, of, item, batch| {
                    trade(of, kind, item, batch)
                });
                // Past trades are handed over oldest first, in whatever order they came.
                if kind == BookKind::Snapshot {
                    batch.ticks.sort_unstable_by_key(|tick| tick.sequence);
                }
                outcome
            }
            "ticker" => self
                .each(Channel::Ticker, data, batch, |_, of, item, batch| ticker(of, item, batch)),
            "ohlc" => {
                let time = envelope.time;
                batch.lists_bars = kind == BookKind::Snapshot;
                self.each(Channel::Candles, data, batch, |_, of, item, batch| {
                    candle(of, time, item, batch)
                })
            }
            "instrument" => {
                listing::digits(data, self.depths);
                self.depths.find_digits(self.instruments);
                listing::read(data, kind)
            }
            "status" => Ok(status(data)),
            _ => Ok(Frame::Other),
        }
    }

    /// Reads every item of a frame whose symbol is ours.
    fn each(
        &mut self,
        channel: Channel,
        data: Value<'_>,
        batch: &mut Batch,
        mut read: impl FnMut(&mut Self, InstrumentId, &Item<'_>, &mut Batch) -> Result<bool, Rejected>,
    ) -> Result<Frame, Rejected> {
        let mut found = false;
        for value in data.items().ok_or(Rejected::Foreign)? {
            let Some(symbol) = batch.attempt(None, channel, |_| text(value, "symbol")) else {
                continue;
            };
            if let Some(instrument) = self.instruments.find(symbol.as_bytes()) {
                let read = |batch: &mut Batch| read(self, instrument, &Item(value), batch);
                found |= batch.attempt(instrument, channel, read).unwrap_or(false);
            }
        }
        Ok(if found { GENERAL } else { Frame::Other })
    }

    fn book(
        &mut self,
        instrument: InstrumentId,
        kind: BookKind,
        item: &Item<'_>,
        batch: &mut Batch,
    ) -> Result<bool, Rejected> {
        let levels_from = batch.levels.len();
        let sides = [(Side::Bid, item.value("bids")), (Side::Ask, item.value("asks"))];
        if sides.iter().all(|(_, levels)| levels.is_none()) {
            return Err(Rejected::Field);
        }
        for (side, levels) in sides {
            for level in levels.into_iter().flat_map(Value::items).flatten() {
                if batch.levels.len() >= FRAME_LEVELS_MAX {
                    return Err(Rejected::TooMany);
                }
                let level = Item(level);
                let (price, size) = (level.price("price")?, level.size("qty")?);
                batch.levels.push(Level { side, price, size });
            }
            if levels.is_some_and(|levels| levels.items().is_none()) {
                return Err(Rejected::Field);
            }
        }
        let fields =
            BookFields { kind, time: item.time()?, checksum: Some(item.checksum()?), levels_from };
        fields.push(instrument, self.depths, batch);
        Ok(true)
    }

    /// An answer to a request of ours, or what follows one that was not understood.
    fn reply(&mut self, envelope: &Envelope<'_>) -> Result<Frame, Rejected> {
        // A message that is one too many is answered with nothing but the words.
        let is_refused = envelope.success == Some(false) || envelope.is_bare;
        if let Some(error) = envelope.error.filter(|_| is_refused) {
            return Ok(self.refusal(error, envelope));
        }
        match (envelope.method.ok_or(Rejected::Foreign)?, envelope.success) {
            ("pong", _) => Ok(Frame::Heartbeat),
            ("subscribe", Some(true)) => {
                let result = Item(envelope.result.ok_or(Rejected::Field)?);
                let stream = self.stream(&result, envelope.request);
                self.learn_depth(&result, stream);
                Ok(Frame::Ack { id: envelope.request, stream })
            }
            ("unsubscribe", Some(true)) => {
                let result = Item(envelope.result.ok_or(Rejected::Field)?);
                let stream = self.stream(&result, envelope.request);
                Ok(Frame::Left { id: envelope.request, stream })
            }
            // Answers to orders.
            (_, Some(_)) => Ok(Frame::Other),
            (_, None) => Err(Rejected::Foreign),
        }
    }

    /// The stream that an answer names.
    fn stream(&self, result: &Item<'_>, request: Option<u64>) -> Option<NamedStream> {
        let symbol = result.value("symbol")?.string()?;
        let instrument = self.instruments.find(symbol.as_bytes())?;
        let channel = match channel_of(result.value("channel")?.string()?)? {
            Channel::Ticker if self.are_quotes(request) => Channel::Quotes,
            other => other,
        };
        let minutes = result.value("interval").and_then(Value::unsigned);
        let interval = minutes.filter(|_| channel == Channel::Candles).and_then(interval_of);
        Some(NamedStream { interval, ..NamedStream::of(instrument, channel) })
    }

    /// Whether a ticker is asked for by this request as the quotes in it.
    fn are_quotes(&self, request: Option<u64>) -> bool {
        request.and_then(subscribe::channel_of) == Some(Channel::Quotes)
    }

    /// Of a book an answer tells the depth.
    fn learn_depth(&mut self, result: &Item<'_>, stream: Option<NamedStream>) {
        if let Some(book) = stream.filter(|stream| stream.channel == Some(Channel::Orderbook)) {
            let stated = result.value("depth").and_then(Value::unsigned);
            let stated = stated.and_then(|depth| u32::try_from(depth).ok()).filter(|&it| it > 0);
            // What an answer leaves out is as it is where nothing is asked for.
            self.depths.learn(book.instrument, stated.unwrap_or(book::ALLOWED[0]));
        }
    }

    /// "Currency pair not supported XBT/USD", "Subscription depth not supported": the symbol is
    /// named where it is at fault, the channel never; see [`subscribe`].
    fn refusal(&self, error: &str, envelope: &Envelope<'_>) -> Frame {
        let symbol = envelope.symbol.or_else(|| envelope.result?.field("symbol")?.string());
        let instrument = symbol.and_then(|symbol| self.instruments.find(symbol.as_bytes()));
        let channel = envelope.request.and_then(subscribe::channel_of);
        let stream = instrument.zip(channel);
        let stream = stream.map(|(instrument, channel)| NamedStream::of(instrument, channel));
        let kind = errors::REFUSALS.reply("", error);
        Frame::Error { id: envelope.request, stream, kind, text: cut(&[error]) }
    }
}

fn trade(
    instrument: InstrumentId,
    kind: BookKind,
    item: &Item<'_>,
    batch: &mut Batch,
) -> Result<bool, Rejected> {
    let fields = TradeFields {
        time: item.time()?,
        taker: match item.required("side")?.string() {
            Some("buy") => Side::Bid,
            Some("sell") => Side::Ask,
            _ => return Err(Rejected::Field),
        },
        price: item.price("price")?,
        size: item.size("qty")?,
        id: trade_id(item.required("trade_id")?, batch)?,
    };
    let (number, tick) = (fields.id.number(), fields.tick(instrument)?);
    match kind {
        BookKind::Snapshot => batch.push_past(number, tick),
        BookKind::Delta => batch.push(number, tick),
    }
    Ok(true)
}

fn ticker(instrument: InstrumentId, item: &Item<'_>, batch: &mut Batch) -> Result<bool, Rejected> {
    let fields = TickerFields {
        time: item.time()?,
        bid: item.best("bid")?,
        bid_size: item.optional("bid_qty", Item::size)?,
        ask: item.best("ask")?,
        ask_size: item.optional("ask_qty", Item::size)?,
        last: item.optional("last", Item::price)?,
        volume: item.optional("volume", Item::wide)?,
        low: item.optional("low", Item::price)?,
        high: item.optional("high", Item::price)?,
        change: item.optional("change", Item::price)?,
        change_percent: item.optional("change_pct", Item::price)?,
    };
    if item.value("last").is_none() && fields.bid.or(fields.ask).is_none() {
        return Err(Rejected::Field);
    }
    fields.push(instrument, batch);
    Ok(true)
}

/// False for a candle of a length that we do not carry.
///
/// Kraken never calls a candle final: it is when the next one begins.
fn candle(
    instrument: InstrumentId,
    sent: Option<Value<'_>>,
    item: &Item<'_>,
    batch: &mut Batch,
) -> Result<bool, Rejected> {
    let minutes = unsigned(item.required("interval")?)?;
    let Some(interval) = interval_of(minutes) else { return Ok(false) };
    let open_time = read_date(item.required("interval_begin")?)?;
    let price = |key| item.price(key);
    let prices = [price("open")?, price("high")?, price("low")?, price("close")?];
    let candle = Candle {
        trades: Some(unsigned(item.required("trades")?)?),
        ..Candle::of(interval, open_time, prices)
            .with_volume_if(general::wide_if_stated(item.required("volume")?)?)
    };
    // The item's own `timestamp` is the end of its interval.
    let time = sent.map_or(Ok(UnixNanos::NONE), read_date)?;
    batch.push_candle(None, instrument, time, &candle);
    Ok(true)
}

/// The interval of so many minutes, where we carry it.
pub(super) fn interval_of(minutes: u64) -> Option<Interval> {
    let nanos = i64::try_from(minutes).ok()?.checked_mul(60_000_000_000)?;
    Interval::ALL.into_iter().find(|interval| interval.nanos() == nanos)
}

fn read_date(value: Value<'_>) -> Result<UnixNanos, Rejected> {
    value.string().and_then(|text| date(text.as_bytes())).ok_or(Rejected::Field)
}

/// One object of `data`, or one level.
#[derive(Clone, Copy)]
pub(super) struct Item<'t>(pub(super) Value<'t>);

impl<'t> Item<'t> {
    pub(super) fn value(&self, name: &str) -> Option<Value<'t>> {
        self.0.field(name)
    }

    fn required(&self, name: &str) -> Result<Value<'t>, Rejected> {
        required(self.0, name)
    }

    /// The best price of a side, if the item states it. That nothing rests there is written as 0,
    /// or as null.
    fn best(&self, name: &str) -> Result<Option<Decimal>, Rejected> {
        match self.value(name) {
            Some(value) if value.is_null() => Ok(Some(Decimal::ZERO)),
            _ => self.optional(name, Self::price),
        }
    }

    /// Reads a field that may be absent or null.
    fn optional<T>(
        &self,
        name: &str,
        read: fn(&Self, &str) -> Result<T, Rejected>,
    ) -> Result<Option<T>, Rejected> {
        let stated = self.value(name).filter(|value| !value.is_null());
        stated.map(|_| read(self, name)).transpose()
    }

    pub(super) fn price(&self, name: &str) -> Result<Decimal, Rejected> {
        general::price(self.required(name)?)
    }

    fn size(&self, name: &str) -> Result<Decimal, Rejected> {
        general::size(self.required(name)?)
    }

    fn wide(&self, name: &str) -> Result<WideDecimal, Rejected> {
        general::wide(self.required(name)?)
    }

    /// `timestamp`, which books did not have in 2025 and tickers before 2026.
    fn time(&self) -> Result<UnixNanos, Rejected> {
        self.value("timestamp").map_or(Ok(UnixNanos::NONE), read_date)
    }

    /// `checksum`, without which nothing would prove a book.
    fn checksum(&self) -> Result<u32, Rejected> {
        u32::try_from(unsigned(self.required("checksum")?)?).map_err(|_| Rejected::Field)
    }
}

/// The channel of a name on the wire.
fn channel_of(name: &str) -> Option<Channel> {
    Some(match name {
        "book" => Channel::Orderbook,
        "trade" => Channel::Trades,
        "ticker" => Channel::Ticker,
        "ohlc" => Channel::Candles,
        _ => return None,
    })
}

/// The stream that a frame names: it has items of one symbol.
pub(super) fn trace(instruments: &NativeMap, frame: &[u8]) -> Option<Trace> {
    let channel = channel_of(scan(frame, "channel")?)?;
    let symbol = scan(frame, "symbol");
    Some(Trace { channel, instrument: symbol.and_then(|it| instruments.find(it.as_bytes())) })
}

/// Calls `found` with the symbols that a frame names, but for those of the list of instruments:
/// what trades there is not what the stream is about.
pub(super) fn symbols_in(root: Value<'_>, found: &mut dyn FnMut(&str)) {
    let items = root.field("data").and_then(Value::items).into_iter().flatten();
    let envelopes = [Some(root), root.field("result")].into_iter().flatten();
    for value in items.chain(envelopes) {
        if let Some(symbol) = value.field("symbol").and_then(Value::string) {
            found(symbol);
        }
    }
}

/// How the whole exchange is.
fn status(data: Value<'_>) -> Frame {
    let systems = data.items().into_iter().flatten();
    let system = systems.filter_map(|one| one.field("system")?.string()).last();
    Frame::Status(system_status(system.unwrap_or_default()))
}

/// A word of theirs for how the whole exchange is, in either version.
pub(super) fn system_status(word: &str) -> Reason {
    match word {
        "maintenance" => Reason::Maintenance,
        "cancel_only" => Reason::CancelOnly,
        "post_only" => Reason::PostOnly,
        "limit_only" => Reason::LimitOnly,
        // `online`, and what nobody knows.
        _ => Reason::None,
    }
}
