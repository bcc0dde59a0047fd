//! What Bybit says: the general path, which reads every frame in any order of its keys, and the
//! statements about fields that the recognisers of [`super::hot`] share with it.

use super::errors;
use super::memory::Memory;
use super::subscribe::{interval_of, stream_of};
use crate::clock::UnixNanos;
use crate::exchange::general::{
    GENERAL, cut, items, millis, pairs, price, required, scan, size, text, trade_id, unsigned,
    wide, wide_if_stated,
};
use crate::exchange::{
    Batch, BookKind, BookUpdate, Frame, NamedStream, RefusalKind, Rejected, Trace, trade_tick,
};
use crate::instrument::{Channel, InstrumentId, NativeMap};
use crate::json::Value;
use crate::tick::{Candle, Decimal, Reason, Side, Tick, Ticker, Trade, TradeId};

/// What a frame is read against.
#[derive(Debug)]
pub(super) struct Context<'a> {
    pub(super) instruments: &'a NativeMap,
    /// Changed only by frames that were read to their end.
    pub(super) memory: &'a mut Memory,
}

/// A trade as both paths hand it over.
#[derive(Clone, Copy, Debug)]
pub(super) struct TradeFields {
    pub(super) time: UnixNanos,
    pub(super) taker: Side,
    pub(super) price: Decimal,
    pub(super) size: Decimal,
    pub(super) id: TradeId,
    /// `seq`, since 2025-08. Trades of one match share it.
    pub(super) cross_sequence: Option<u64>,
}

impl TradeFields {
    /// Block trades and retail price improvements are told like all others; they are trades.
    #[inline(always)]
    pub(super) fn push(self, instrument: InstrumentId, batch: &mut Batch) -> Result<(), Rejected> {
        let Self { time, taker, price, size, id, cross_sequence } = self;
        let sequence = match id {
            TradeId::Uuid(_) => cross_sequence,
            // The trades of one match share `seq`, which tells no two of them apart.
            TradeId::None | TradeId::Number(_) | TradeId::Spelled(_) => id.number(),
        };
        let trade = Trade { taker, price, size, id };
        batch.push(sequence, trade_tick(instrument, time, trade)?);
        Ok(())
    }
}

/// A book event as both paths hand it over, its levels being in the batch already.
#[derive(Clone, Copy, Debug)]
pub(super) struct BookFields {
    pub(super) kind: BookKind,
    /// The number in the topic.
    pub(super) depth: u32,
    /// Time of the matching engine where it is stated, else of the sending.
    pub(super) time: UnixNanos,
    /// `u`.
    pub(super) update_id: u64,
    /// `seq`, where it is stated.
    pub(super) cross_sequence: Option<u64>,
    /// Length of [`Batch::levels`] before its levels.
    pub(super) levels_from: usize,
}

impl BookFields {
    /// A book of one level is told as the book that it is, and as a quote. "The smaller seq means
    /// the data is generated earlier" in all depths and after restarts, when `u` begins at 1 again:
    /// so it orders quotes.
    #[inline(always)]
    pub(super) fn push(self, instrument: InstrumentId, memory: &mut Memory, batch: &mut Batch) {
        let is_top = self.depth == 1;
        batch.books.push(BookUpdate {
            instrument,
            kind: self.kind,
            exchange_time: self.time,
            first_id: Some(self.update_id),
            last_id: Some(self.update_id),
            previous_id: None,
            checksum: None,
            // What leaves the depth is told with a size of 0, so that cutting to it is a guard.
            precision: None,
            depth: self.depth,
            levels: self.levels_from as u32..batch.levels.len() as u32,
        });
        if is_top {
            let event = (self.kind, &batch.levels[self.levels_from..]);
            match memory.top(instrument, batch.connection, event) {
                Some(quote) => {
                    let tick = Tick::new(instrument, self.time, quote.into());
                    batch.push_derived(self.cross_sequence, tick);
                }
                None => batch.orphans += 1,
            }
        }
    }
}

/// The side that a taker was on.
const fn taker(text: &[u8]) -> Option<Side> {
    match text {
        b"Buy" => Some(Side::Bid),
        b"Sell" => Some(Side::Ask),
        _ => None,
    }
}

impl Context<'_> {
    /// Reads one parsed frame.
    pub(super) fn frame(&mut self, root: Value<'_>, batch: &mut Batch) -> Result<Frame, Rejected> {
        let Some(topic) = root.field("topic").and_then(Value::string) else {
            return self.answer(root).ok_or(Rejected::Foreign);
        };
        let (kind, rest) = topic.split_once('.').ok_or(Rejected::Foreign)?;
        let message = Message::of(root).ok_or(Rejected::Foreign)?;
        match kind {
            "orderbook" => self.book(rest, &message, batch),
            "publicTrade" => self.trades(rest, &message, batch),
            "tickers" => self.ticker(rest, &message, batch),
            "kline" => self.candles(rest, &message, batch),
            "system" => Ok(Frame::Status(Reason::None)),
            // Liquidations, leveraged tokens, insurance pool, price limits, alerts; more may come.
            _ => Ok(Frame::Other),
        }
    }

    fn book(
        &mut self,
        rest: &str,
        message: &Message<'_>,
        batch: &mut Batch,
    ) -> Result<Frame, Rejected> {
        // `orderbook.rpi` has levels of three parts, `orderbook.full` no snapshot in the stream.
        let depth = rest
            .split_once('.')
            .and_then(|(depth, _)| depth.parse().ok())
            .filter(|&depth: &u32| depth > 0);
        let Some(depth) = depth else { return Ok(Frame::Other) };
        let event = message.data;
        // A book of one level is a quote to all but readers of recordings.
        let channel = if depth > 1 { Channel::Orderbook } else { Channel::Quotes };
        let own = self.instruments.find(named(event, "s", rest).as_bytes());
        if let Err(rejected) = agree(event, "s", rest) {
            // Either book may lack it.
            let of_topic = rest.rsplit('.').next().unwrap_or(rest);
            let of_topic = self.instruments.find(of_topic.as_bytes());
            let Some(first) = of_topic.or(own) else { return Ok(Frame::Other) };
            batch.lose(Some(first), channel, rejected);
            if let Some(other) = own.filter(|_| of_topic.is_some()) {
                batch.lose_too(other, channel, rejected);
            }
            return Ok(GENERAL);
        }
        let Some(instrument) = own else { return Ok(Frame::Other) };
        if !self.memory.admits(instrument, depth) {
            return Ok(Frame::Other);
        }
        batch.attempt(instrument, channel, |batch| self.levels(instrument, depth, message, batch));
        Ok(GENERAL)
    }

    fn levels(
        &mut self,
        instrument: InstrumentId,
        depth: u32,
        message: &Message<'_>,
        batch: &mut Batch,
    ) -> Result<(), Rejected> {
        let event = message.data;
        text(event, "s")?;
        let fields = BookFields {
            kind: message.book_kind()?,
            depth,
            time: message.time(message.matched)?,
            update_id: unsigned(required(event, "u")?)?,
            cross_sequence: event.field("seq").map(unsigned).transpose()?,
            levels_from: batch.levels.len(),
        };
        pairs(Side::Bid, required(event, "b")?, batch)?;
        pairs(Side::Ask, required(event, "a")?, batch)?;
        fields.push(instrument, self.memory, batch);
        Ok(())
    }

    fn trades(
        &self,
        rest: &str,
        message: &Message<'_>,
        batch: &mut Batch,
    ) -> Result<Frame, Rejected> {
        let Some(trades) = message.data.items() else {
            let instrument = self.instruments.find(rest.as_bytes());
            batch.lose(instrument, Channel::Trades, Rejected::Field);
            return Ok(GENERAL);
        };
        batch.sent = message.time(None).unwrap_or(UnixNanos::NONE);
        let is_of_one = self.instruments.find(rest.as_bytes()).is_some();
        for item in trades {
            // Options print all trades of a coin on one topic, so each item names its instrument.
            let instrument = self.instruments.find(named(item, "s", rest).as_bytes());
            if instrument.is_none() && text(item, "s").is_ok() && !is_of_one {
                continue;
            }
            batch.attempt(instrument, Channel::Trades, |batch| {
                if is_of_one {
                    agree(item, "s", rest)?;
                }
                let fields = trade(item, batch)?;
                text(item, "s")?;
                fields.push(instrument.ok_or(Rejected::Field)?, batch)
            });
        }
        Ok(if batch.is_empty() { Frame::Other } else { GENERAL })
    }

    fn ticker(
        &mut self,
        rest: &str,
        message: &Message<'_>,
        batch: &mut Batch,
    ) -> Result<Frame, Rejected> {
        let native = named(message.data, "symbol", rest);
        let Some(instrument) = self.instruments.find(native.as_bytes()) else {
            return Ok(Frame::Other);
        };
        batch.attempt(instrument, Channel::Ticker, |batch| {
            agree(message.data, "symbol", rest)?;
            self.statistics(instrument, message, batch)
        });
        Ok(GENERAL)
    }

    fn statistics(
        &mut self,
        instrument: InstrumentId,
        message: &Message<'_>,
        batch: &mut Batch,
    ) -> Result<(), Rejected> {
        let before = match message.book_kind() {
            Ok(BookKind::Delta) => {
                let Some(before) = self.memory.ticker(instrument, batch.connection) else {
                    batch.orphans += 1;
                    return Ok(());
                };
                before
            }
            Ok(BookKind::Snapshot) | Err(_) => Ticker::default(),
        };
        let (ticker, states_best, read) = merged(before, message.data);
        // What the lost frame said would else be told for ever as it was before.
        self.memory.keep_ticker(instrument, batch.connection, ticker);
        read?;
        message.book_kind()?;
        let time = message.time(None)?;
        batch.best_carried = !states_best;
        batch.push_ticker(None, instrument, time, ticker);
        Ok(())
    }

    /// One frame may hold the bar that has just closed and the new one.
    fn candles(
        &self,
        rest: &str,
        message: &Message<'_>,
        batch: &mut Batch,
    ) -> Result<Frame, Rejected> {
        let native = rest.split_once('.').map_or("", |(_, native)| native);
        let Some(instrument) = self.instruments.find(native.as_bytes()) else {
            return Ok(Frame::Other);
        };
        batch.attempt(instrument, Channel::Candles, |batch| {
            let time = message.time(None)?;
            for item in items(Some(message.data))? {
                batch.attempt(instrument, Channel::Candles, |batch| {
                    if let Some(candle) = candle(item)? {
                        batch.push_candle(None, instrument, time, &candle);
                    }
                    Ok(())
                });
            }
            Ok(())
        });
        Ok(if batch.is_empty() { Frame::Other } else { GENERAL })
    }

    /// An answer to a request or ping of ours. Options and spreads have a shape of their own
    /// (`COMMAND_RESP`).
    fn answer(&self, root: Value<'_>) -> Option<Frame> {
        let words = root.field("ret_msg").or_else(|| root.field("retMsg")).and_then(Value::string);
        let operation = root.field("op").and_then(Value::string);
        if operation == Some("pong") || words == Some("pong") {
            return Some(Frame::Heartbeat);
        }
        let code = root.field("ret_code").or_else(|| root.field("retCode"));
        let code = code.and_then(Value::signed);
        let success = match (root.field("success"), code) {
            (Some(success), _) => success.boolean()?,
            (None, code) => code? == 0,
        };
        let is_command = root.field("type").and_then(Value::string) == Some("COMMAND_RESP");
        if !is_command && words.is_none() && root.field("conn_id").is_none() {
            return None;
        }
        // The answer to a ping, whatever its words.
        if success && operation == Some("ping") {
            return Some(Frame::Heartbeat);
        }
        let id = root.field("req_id").or_else(|| root.field("reqId")).and_then(Value::string);
        let id = id.and_then(|id| id.parse().ok());
        let failed = root.field("data").and_then(|data| data.field("failTopics"));
        let failed = failed.and_then(Value::items).and_then(|mut topics| topics.next());
        let failed = failed.and_then(Value::string);
        if success && failed.is_none() {
            return Some(Frame::Ack { id, stream: None });
        }
        let words = words.filter(|words| !words.is_empty()).or(failed).unwrap_or("refused");
        // `error:handler not found,topic:orderbook.500.BTCUSDT`, `Invalid topic: x.BTCUSDT`,
        // `Invalid symbol :[tickers.BTCUSDT]`.
        let topic = words.trim_end_matches(']').rsplit([':', ' ', '[']).next();
        let stream = stream_of(topic.unwrap_or_default(), self.instruments);
        let code = code.map(|code| code.to_string()).unwrap_or_default();
        let kind = match is_command && Some(words) == failed {
            true => RefusalKind::Permanent,
            false => errors::REFUSALS.reply(&code, words),
        };
        Some(Frame::Error { id, stream, kind, text: cut(&[words]) })
    }
}

/// The symbol that an item names, else the one at the end of its topic.
fn named<'t>(item: Value<'t>, name: &str, topic: &'t str) -> &'t str {
    let own = item.field(name).and_then(Value::string);
    own.unwrap_or_else(|| topic.rsplit('.').next().unwrap_or(topic))
}

/// An item that names another symbol than its topic may be either's.
fn agree(item: Value<'_>, name: &str, topic: &str) -> Result<(), Rejected> {
    let of_topic = topic.rsplit('.').next().unwrap_or(topic);
    match item.field(name).and_then(Value::string) {
        Some(own) if own != of_topic => Err(Rejected::Contradiction),
        Some(_) | None => Ok(()),
    }
}

fn trade(item: Value<'_>, batch: &mut Batch) -> Result<TradeFields, Rejected> {
    Ok(TradeFields {
        time: millis(required(item, "T")?)?,
        taker: taker(text(item, "S")?.as_bytes()).ok_or(Rejected::Field)?,
        price: price(required(item, "p")?)?,
        size: size(required(item, "v")?)?,
        id: trade_id(required(item, "i")?, batch)?,
        cross_sequence: item.field("seq").map(unsigned).transpose()?,
    })
}

/// Lengths of bars that are not carried.
const OTHER_LENGTHS: [&str; 7] = ["3", "30", "120", "360", "720", "W", "M"];

/// `None` for a bar of a length that is not carried.
fn candle(item: Value<'_>) -> Result<Option<Candle>, Rejected> {
    let length = text(item, "interval")?;
    let Some(interval) = interval_of(length) else {
        let is_other = OTHER_LENGTHS.contains(&length);
        return if is_other { Ok(None) } else { Err(Rejected::Field) };
    };
    let open_time = millis(required(item, "start")?)?;
    let of = |key| price(required(item, key)?);
    let prices = [of("open")?, of("high")?, of("low")?, of("close")?];
    let volume = wide_if_stated(required(item, "volume")?)?;
    let closed = required(item, "confirm")?.boolean().ok_or(Rejected::Field)?;
    // How many trades it has is not stated.
    let candle = Candle::of(interval, open_time, prices).with_volume_if(volume);
    Ok(Some(Candle { closed, says_final: true, ..candle }))
}

/// The parts of a frame with a topic; their order differs between classes and channels.
struct Message<'t> {
    data: Value<'t>,
    kind: Option<Value<'t>>,
    sent: Option<Value<'t>>,
    matched: Option<Value<'t>>,
}

impl<'t> Message<'t> {
    /// `None` for what has no `data`.
    fn of(root: Value<'t>) -> Option<Self> {
        let (mut data, mut kind, mut sent, mut matched) = (None, None, None, None);
        for (key, value) in root.fields()? {
            match key {
                "data" => data = Some(value),
                "type" => kind = Some(value),
                "ts" => sent = Some(value),
                "cts" => matched = Some(value),
                _ => {}
            }
        }
        Some(Self { data: data?, kind, sent, matched })
    }

    fn book_kind(&self) -> Result<BookKind, Rejected> {
        match self.kind.and_then(Value::string) {
            Some("snapshot") => Ok(BookKind::Snapshot),
            Some("delta") => Ok(BookKind::Delta),
            _ => Err(Rejected::Field),
        }
    }

    /// `precise` where it is stated, else when the frame was sent.
    fn time(&self, precise: Option<Value<'t>>) -> Result<UnixNanos, Rejected> {
        millis(precise.or(self.sent).ok_or(Rejected::Field)?)
    }
}

/// A ticker after a frame's fields, whether they state a best bid or ask, and whether all could be
/// read; one that could not is not stated. A missing field is unchanged; an empty one does not
/// apply to the instrument.
fn merged(before: Ticker, fields: Value<'_>) -> (Ticker, bool, Result<(), Rejected>) {
    let mut ticker = before;
    let mut states_best = false;
    let Some(fields) = fields.fields() else {
        return (Ticker::default(), false, Err(Rejected::Field));
    };
    let mut read = Ok(());
    for (key, value) in fields {
        match key {
            "lastPrice" => ticker.last = stated(value, price, &mut read),
            "prevPrice24h" => ticker.open = stated(value, price, &mut read),
            "highPrice24h" => ticker.high = stated(value, price, &mut read),
            "lowPrice24h" => ticker.low = stated(value, price, &mut read),
            "volume24h" => ticker.volume = stated(value, wide, &mut read),
            "turnover24h" => ticker.quote_volume = stated(value, wide, &mut read),
            // Options say `change24h`.
            "price24hPcnt" | "change24h" => {
                ticker.change_percent = stated(value, price, &mut read).and_then(percent);
            }
            // Options say `bidPrice`.
            "bid1Price" | "bidPrice" => {
                ticker.bid = stated(value, price, &mut read);
                states_best |= ticker.bid.is_some();
            }
            "ask1Price" | "askPrice" => {
                ticker.ask = stated(value, price, &mut read);
                states_best |= ticker.ask.is_some();
            }
            "symbol" if value.string().is_none() => read = Err(Rejected::Field),
            _ => {}
        }
    }
    (ticker, states_best, read)
}

/// A field of a ticker; one that cannot be read makes `outcome` an error.
fn stated<T>(
    value: Value<'_>,
    read: fn(Value<'_>) -> Result<T, Rejected>,
    outcome: &mut Result<(), Rejected>,
) -> Option<T> {
    if value.string() == Some("") || value.is_null() {
        return None;
    }
    read(value).map_err(|rejected| *outcome = Err(rejected)).ok()
}

/// A ratio in percent: the same digits, the point two places on.
fn percent(ratio: Decimal) -> Option<Decimal> {
    let missing = 2_u8.saturating_sub(ratio.digits());
    let mantissa = ratio.mantissa().checked_mul(10_i64.pow(missing.into()))?;
    Decimal::new(mantissa, ratio.digits().saturating_sub(2))
}

/// The stream that a frame's topic names.
pub(super) fn trace(instruments: &NativeMap, frame: &[u8]) -> Option<Trace> {
    let NamedStream { instrument, channel, .. } = stream_of(scan(frame, "topic")?, instruments)?;
    Some(Trace { channel: channel?, instrument: Some(instrument) })
}

/// Calls `found` with the symbols that a frame names.
pub(super) fn symbols_in(root: Value<'_>, found: &mut dyn FnMut(&str)) {
    let Some(topic) = root.field("topic").and_then(Value::string) else { return };
    let Some(data) = root.field("data") else { return };
    // Bars do not say whose they are.
    if let Some((_, native)) = topic.strip_prefix("kline.").and_then(|rest| rest.split_once('.')) {
        return found(native);
    }
    let name = |value: Value<'_>| {
        let symbol = value.field("s").or_else(|| value.field("symbol"));
        if let Some(symbol) = symbol.and_then(Value::string) {
            found(symbol);
        }
    };
    match data.items() {
        Some(items) => items.for_each(name),
        None => std::iter::once(data).for_each(name),
    }
}
