//! What the Advanced Trade feed says: the general path, which reads every frame in any order of its
//! keys.

use crate::clock::UnixNanos;
use crate::exchange::coinbase::fields::{
    TickerFields, TradeFields, error, level, listed, optional_price, optional_size, price, time,
    unsigned, volume,
};
use crate::exchange::general::{
    self, GENERAL, items, required, scan, size, stated, text, trade_id,
};
use crate::exchange::{Batch, BookKind, BookUpdate, DEPTH_FULL, Frame, Origin, Rejected, Trace};
use crate::instrument::{Channel, InstrumentId, NativeMap};
use crate::json::{Minute, Value};
use crate::limits::COINBASE_IDS_IN_FRAME_MAX;
use crate::tick::{Candle, Interval, Reason, Side, Ticker};

/// What a frame is read against.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context<'a> {
    pub(super) instruments: &'a NativeMap,
    pub(super) minute: &'a Minute,
}

/// What every frame states besides its events.
#[derive(Clone, Copy, Debug)]
pub(super) struct Envelope {
    /// When it was made.
    pub(super) time: UnixNanos,
    /// Its number on the connection, over all channels.
    pub(super) sequence: u64,
}

/// A book event as both paths hand it over, its levels being in the batch already.
#[derive(Clone, Copy, Debug)]
pub(super) struct BookFields {
    pub(super) kind: BookKind,
    /// The newest time of its levels; [`UnixNanos::NONE`] where they have none, as snapshots may.
    pub(super) changed: UnixNanos,
    /// Length of [`Batch::levels`] before its levels.
    pub(super) levels_from: usize,
}

impl BookFields {
    /// The book has no numbers of its own; the frame's tells where in the connection it stands.
    #[inline(always)]
    pub(super) fn push(self, envelope: Envelope, instrument: InstrumentId, batch: &mut Batch) {
        let exchange_time = if self.changed.is_some() { self.changed } else { envelope.time };
        batch.sent = envelope.time;
        batch.books.push(BookUpdate {
            instrument,
            kind: self.kind,
            exchange_time,
            first_id: Some(envelope.sequence),
            last_id: Some(envelope.sequence),
            previous_id: None,
            checksum: None,
            precision: None,
            depth: DEPTH_FULL,
            levels: self.levels_from as u32..batch.levels.len() as u32,
        });
    }
}

/// Puts the trades from `from` on in order. The exchange lists the newest first, its documentation
/// shows the oldest first: ids tell, and times where ids begin anew in between.
#[inline]
pub(super) fn order_trades(from: usize, batch: &mut Batch) {
    let trades = &mut batch.ticks[from..];
    let newest_first = trades.iter().enumerate().find_map(|(index, one)| {
        let number = one.sequence?;
        let instrument = one.tick.instrument;
        let mut behind = trades[index + 1..].iter();
        // An id that is no number tells nothing.
        let next = behind.find(|it| it.tick.instrument == instrument && it.sequence.is_some())?;
        let (time, next_time) = (one.tick.exchange_time, next.tick.exchange_time);
        let leaps = next.sequence?.abs_diff(number) > COINBASE_IDS_IN_FRAME_MAX;
        let by_time = leaps && time.is_some() && next_time.is_some() && time != next_time;
        Some(if by_time { next_time < time } else { next.sequence? < number })
    });
    if newest_first == Some(true) {
        trades.reverse();
        batch.newest_first = true;
    }
}

impl Context<'_> {
    /// Reads one parsed frame.
    pub(super) fn frame(&self, root: Value<'_>, batch: &mut Batch) -> Result<Frame, Rejected> {
        let Some(channel) = root.field("channel").and_then(Value::string) else {
            let is_error = root.field("type").and_then(Value::string) == Some("error");
            return if is_error { error(self.instruments, root) } else { Err(Rejected::Foreign) };
        };
        // Other exchanges have channels too; none of them numbers its events so.
        let sequence = root.field("sequence_num").and_then(|value| general::unsigned(value).ok());
        let sequence = sequence.ok_or(Rejected::Foreign)?;
        batch.connection_sequence = Some(sequence);
        let events = root.field("events").filter(|events| events.items().is_some());
        let Some(events) = events else {
            return if root.field("type").and_then(Value::string) == Some("error") {
                error(self.instruments, root)
            } else {
                Err(Rejected::Foreign)
            };
        };
        let envelope = Envelope { time: time(root, "timestamp")?, sequence };
        match channel {
            "l2_data" => self.each(Channel::Orderbook, events, batch, |event, batch| {
                self.book(envelope, event, batch)
            }),
            "market_trades" => {
                batch.sent = envelope.time;
                self.each(Channel::Trades, events, batch, |event, batch| self.trades(event, batch))
            }
            "ticker" | "ticker_batch" => {
                self.each(Channel::Ticker, events, batch, |event, batch| {
                    self.tickers(envelope, event, batch)
                })
            }
            "candles" => self.each(Channel::Candles, events, batch, |event, batch| {
                self.candles(envelope, event, batch)
            }),
            "heartbeats" => Ok(Frame::Heartbeat),
            "subscriptions" => Ok(self.subscribed(events)),
            "status" => Ok(Frame::Status(Reason::None)),
            _ => Ok(Frame::Other),
        }
    }

    /// All that is subscribed on the connection.
    fn subscribed(&self, events: Value<'_>) -> Frame {
        let lists = events.items().into_iter().flatten();
        let channels = lists.filter_map(|event| event.field("subscriptions")?.fields());
        let listed = channels.flatten().flat_map(|(name, products)| {
            listed(self.instruments, name, products.items().into_iter().flatten())
        });
        Frame::Subscribed(listed.collect())
    }

    /// Reads the events of a frame one after the other; `read` says whether one was ours.
    fn each<'t>(
        &self,
        channel: Channel,
        events: Value<'t>,
        batch: &mut Batch,
        read: impl Fn(Value<'t>, &mut Batch) -> Result<bool, Rejected>,
    ) -> Result<Frame, Rejected> {
        let mut ours = false;
        for event in events.items().ok_or(Rejected::Foreign)? {
            let named = event.field("product_id").and_then(Value::string);
            let instrument = named.and_then(|product| self.instruments.find(product.as_bytes()));
            ours |= batch.attempt(instrument, channel, |batch| read(event, batch)).unwrap_or(false);
        }
        Ok(if ours { GENERAL } else { Frame::Other })
    }

    /// Reads what is ours of a list inside of an event, item by item; says whether any was.
    fn each_of<'t>(
        &self,
        channel: Channel,
        list: Value<'t>,
        batch: &mut Batch,
        read: impl Fn(InstrumentId, Value<'t>, &mut Batch) -> Result<(), Rejected>,
    ) -> Result<bool, Rejected> {
        let mut ours = false;
        for item in items(Some(list))? {
            let Some(product) = batch.attempt(None, channel, |_| text(item, "product_id")) else {
                continue;
            };
            let Some(instrument) = self.instruments.find(product.as_bytes()) else { continue };
            ours |=
                batch.attempt(instrument, channel, |batch| read(instrument, item, batch)).is_some();
        }
        Ok(ours)
    }

    fn book(
        &self,
        envelope: Envelope,
        event: Value<'_>,
        batch: &mut Batch,
    ) -> Result<bool, Rejected> {
        let product = text(event, "product_id")?;
        let Some(instrument) = self.instruments.find(product.as_bytes()) else { return Ok(false) };
        book(event, batch)?.push(envelope, instrument, batch);
        Ok(true)
    }

    fn trades(&self, event: Value<'_>, batch: &mut Batch) -> Result<bool, Rejected> {
        let origin = if is_snapshot(event)? { Origin::Past } else { Origin::Live };
        let from = batch.ticks.len();
        let list = required(event, "trades")?;
        let ours = self.each_of(Channel::Trades, list, batch, |instrument, trade, batch| {
            let fields = TradeFields {
                time: time(trade, "time")?,
                price: price(trade, "price")?,
                size: size(required(trade, "size")?)?,
                id: trade_id(required(trade, "trade_id")?, batch)?,
                maker: maker(text(trade, "side")?)?,
            };
            fields.push(instrument, origin, batch)
        });
        order_trades(from, batch);
        ours
    }

    fn tickers(
        &self,
        envelope: Envelope,
        event: Value<'_>,
        batch: &mut Batch,
    ) -> Result<bool, Rejected> {
        let list = required(event, "tickers")?;
        self.each_of(Channel::Ticker, list, batch, |instrument, item, batch| {
            ticker(envelope, item)?.push(instrument, batch);
            Ok(())
        })
    }

    fn candles(
        &self,
        envelope: Envelope,
        event: Value<'_>,
        batch: &mut Batch,
    ) -> Result<bool, Rejected> {
        batch.lists_bars = is_snapshot(event)?;
        let list = required(event, "candles")?;
        self.each_of(Channel::Candles, list, batch, |instrument, item, batch| {
            batch.push_candle(None, instrument, envelope.time, &candle(item)?);
            Ok(())
        })
    }
}

/// Whether an event is what was before the subscription.
fn is_snapshot(event: Value<'_>) -> Result<bool, Rejected> {
    match text(event, "type")? {
        "snapshot" => Ok(true),
        "update" => Ok(false),
        _ => Err(Rejected::Field),
    }
}

/// `updates` of one book; quantities are absolute, zero removes.
fn book(event: Value<'_>, batch: &mut Batch) -> Result<BookFields, Rejected> {
    let kind = if is_snapshot(event)? { BookKind::Snapshot } else { BookKind::Delta };
    let levels_from = batch.levels.len();
    let mut changed = UnixNanos::NONE;
    for update in required(event, "updates")?.items().ok_or(Rejected::Field)? {
        let side = match text(update, "side")? {
            "bid" => Side::Bid,
            "offer" => Side::Ask,
            _ => return Err(Rejected::Field),
        };
        changed = changed.max(time(update, "event_time")?);
        let price = required(update, "price_level")?;
        level(side, (price, required(update, "new_quantity")?), batch)?;
    }
    Ok(BookFields { kind, changed, levels_from })
}

fn maker(name: &str) -> Result<Side, Rejected> {
    match name {
        "BUY" => Ok(Side::Bid),
        "SELL" => Ok(Side::Ask),
        _ => Err(Rejected::Field),
    }
}

fn ticker(envelope: Envelope, item: Value<'_>) -> Result<TickerFields, Rejected> {
    // Computed by the exchange to any number of digits, and negative at times; the only field that
    // is left out when it does not fit.
    let percent = stated(item, "price_percent_chg_24_h");
    let ticker = Ticker {
        // Null, empty or 0 of a product without trades.
        last: required(item, "price").and_then(|_| optional_price(item, "price"))?,
        high: optional_price(item, "high_24_h")?,
        low: optional_price(item, "low_24_h")?,
        // `ticker_batch` does not state them.
        bid: optional_price(item, "best_bid")?,
        ask: optional_price(item, "best_ask")?,
        change_percent: percent.and_then(|percent| general::price(percent).ok()),
        volume: volume(item, "volume_24_h")?,
        ..Ticker::default()
    };
    let sizes =
        [optional_size(item, "best_bid_quantity")?, optional_size(item, "best_ask_quantity")?];
    // The frame's number is its connection's, and says nothing about another connection's.
    Ok(TickerFields { time: envelope.time, sequence: None, ticker, sizes })
}

/// A candle of five minutes. It states neither how many trades it has nor whether it is final.
fn candle(item: Value<'_>) -> Result<Candle, Rejected> {
    let millis = unsigned(item, "start")?.saturating_mul(1_000);
    let open_time = general::dated(UnixNanos::from_millis(millis))?;
    let price = |key| price(item, key);
    let prices = [price("open")?, price("high")?, price("low")?, price("close")?];
    let candle = Candle::of(Interval::Minute5, open_time, prices);
    Ok(candle.with_volume_if(volume(item, "volume")?))
}

/// The stream that a frame names: it has events of one product.
pub(super) fn trace(instruments: &NativeMap, frame: &[u8]) -> Option<Trace> {
    let channel = match scan(frame, "channel")? {
        "l2_data" => Channel::Orderbook,
        "market_trades" => Channel::Trades,
        "ticker" | "ticker_batch" => Channel::Ticker,
        "candles" => Channel::Candles,
        _ => return None,
    };
    let product = scan(frame, "product_id");
    Some(Trace { channel, instrument: product.and_then(|it| instruments.find(it.as_bytes())) })
}

/// Calls `found` with the symbols that a frame names.
pub(super) fn symbols_in(root: Value<'_>, found: &mut dyn FnMut(&str)) {
    let lists = ["trades", "tickers", "candles"];
    for event in root.field("events").and_then(Value::items).into_iter().flatten() {
        let mut name = |object: Value<'_>| {
            if let Some(product) = object.field("product_id").and_then(Value::string) {
                found(product);
            }
        };
        name(event);
        for list in lists {
            event.field(list).and_then(Value::items).into_iter().flatten().for_each(&mut name);
        }
    }
}
