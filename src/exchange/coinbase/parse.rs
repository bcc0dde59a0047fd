//! What the Exchange feed says: the general path, which reads every frame in any order of its keys.
//! Frames name no channel; `type` tells what they are.

use super::fields::{
    TickerFields, TradeFields, error, level, listed, optional_price, optional_size, price, time,
    unsigned, volume,
};
use crate::clock::UnixNanos;
use crate::exchange::general::{self, GENERAL, required, scan, size, stated, text, trade_id};
use crate::exchange::{
    Batch, BookKind, BookUpdate, DEPTH_FULL, Frame, Marked, Origin, Rejected, Trace, TradeMark,
};
use crate::instrument::{Channel, InstrumentId, NativeMap};
use crate::json::{Minute, Value};
use crate::tick::{Reason, Side, Ticker};

/// What a frame is read against.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context<'a> {
    pub(super) instruments: &'a NativeMap,
    pub(super) minute: &'a Minute,
}

/// A book event as both paths hand it over, its levels being in the batch already. It has no number
/// of any kind: only the connection proves that nothing is missing.
#[derive(Clone, Copy, Debug)]
pub(super) struct BookFields {
    pub(super) kind: BookKind,
    pub(super) time: UnixNanos,
    /// Length of [`Batch::levels`] before its levels.
    pub(super) levels_from: usize,
}

impl BookFields {
    #[inline(always)]
    pub(super) fn push(self, instrument: InstrumentId, batch: &mut Batch) {
        batch.books.push(BookUpdate {
            instrument,
            kind: self.kind,
            exchange_time: self.time,
            first_id: None,
            last_id: None,
            previous_id: None,
            checksum: None,
            precision: None,
            depth: DEPTH_FULL,
            levels: self.levels_from as u32..batch.levels.len() as u32,
        });
    }
}

impl Context<'_> {
    /// Reads one parsed frame.
    pub(super) fn frame(&self, root: Value<'_>, batch: &mut Batch) -> Result<Frame, Rejected> {
        let kind = root.field("type").and_then(Value::string).ok_or(Rejected::Foreign)?;
        match kind {
            "subscriptions" => {
                let listed = root.field("channels").and_then(Value::items);
                return Ok(self.subscribed(listed.ok_or(Rejected::Foreign)?));
            }
            "error" => return error(self.instruments, root),
            "status" => {
                let listed = root.field("products").is_some_and(|list| list.items().is_some());
                return if listed {
                    Ok(Frame::Status(Reason::None))
                } else {
                    Err(Rejected::Foreign)
                };
            }
            _ => {}
        }
        // Frames of other exchanges have a `type` too, beside a channel or topic; none of them has a
        // product. What the exchange calls otherwise than all that we know, and says of no product, is
        // news of its own.
        let Some(product) = root.field("product_id").and_then(Value::string) else {
            let is_known = kind == "heartbeat" || channel_of(kind).is_some();
            let is_others =
                ["channel", "topic", "product_id"].iter().any(|key| root.field(key).is_some());
            return if is_known || is_others { Err(Rejected::Foreign) } else { Ok(Frame::Other) };
        };
        let instrument = self.instruments.find(product.as_bytes());
        if kind == "heartbeat" {
            return heartbeat(instrument, root, batch);
        }
        let Some(instrument) = instrument else { return Ok(Frame::Other) };
        // Orders (`received`, `open`, `done`, …), auctions, requests for quotes.
        let Some(channel) = channel_of(kind) else { return Ok(Frame::Other) };
        batch.attempt(instrument, channel, |batch| match kind {
            "match" => trade(instrument, Origin::Live, root, batch),
            "last_match" => trade(instrument, Origin::Past, root, batch),
            "ticker" => ticker(instrument, root, batch),
            "l2update" => book(instrument, BookKind::Delta, root, batch),
            _ => book(instrument, BookKind::Snapshot, root, batch),
        });
        Ok(GENERAL)
    }

    /// All that is subscribed on the connection.
    fn subscribed<'t>(&self, channels: impl Iterator<Item = Value<'t>>) -> Frame {
        let listed = channels.flat_map(|channel| {
            let name = channel.field("name").and_then(Value::string).unwrap_or_default();
            let products = channel.field("product_ids").and_then(Value::items);
            listed(self.instruments, name, products.into_iter().flatten())
        });
        Frame::Subscribed(listed.collect())
    }
}

/// Once a second for each product. Its `last_trade_id` is that of the last match; where we have
/// not seen that one, matches were lost.
fn heartbeat(
    instrument: Option<InstrumentId>,
    root: Value<'_>,
    batch: &mut Batch,
) -> Result<Frame, Rejected> {
    // Lost, it costs no more than that a loss of trades is told later.
    let last_id = batch.attempt(instrument, Channel::Status, |_| unsigned(root, "last_trade_id"));
    let last_id = last_id.unwrap_or(0);
    // Ids begin at 1; 0 is told of a product without trades.
    if let Some(instrument) = instrument.filter(|_| last_id > 0) {
        batch.trade_marks.push(TradeMark { instrument, last_id, marked: Marked::Last });
    }
    Ok(Frame::Heartbeat)
}

fn trade(
    instrument: InstrumentId,
    origin: Origin,
    root: Value<'_>,
    batch: &mut Batch,
) -> Result<(), Rejected> {
    let fields = TradeFields {
        time: time(root, "time")?,
        price: price(root, "price")?,
        size: size(required(root, "size")?)?,
        id: trade_id(required(root, "trade_id")?, batch)?,
        maker: side(text(root, "side")?)?,
    };
    fields.push(instrument, origin, batch)
}

fn ticker(instrument: InstrumentId, root: Value<'_>, batch: &mut Batch) -> Result<(), Rejected> {
    let ticker = Ticker {
        // Null, empty or 0 of a product without trades.
        last: required(root, "price").and_then(|_| optional_price(root, "price"))?,
        open: optional_price(root, "open_24h")?,
        high: optional_price(root, "high_24h")?,
        low: optional_price(root, "low_24h")?,
        bid: optional_price(root, "best_bid")?,
        ask: optional_price(root, "best_ask")?,
        volume: volume(root, "volume_24h")?,
        ..Ticker::default()
    };
    let fields = TickerFields {
        time: time(root, "time")?,
        sequence: stated(root, "sequence").map(general::unsigned).transpose()?,
        ticker,
        sizes: [optional_size(root, "best_bid_size")?, optional_size(root, "best_ask_size")?],
    };
    fields.push(instrument, batch);
    Ok(())
}

fn book(
    instrument: InstrumentId,
    kind: BookKind,
    root: Value<'_>,
    batch: &mut Batch,
) -> Result<(), Rejected> {
    let levels_from = batch.levels.len();
    match kind {
        BookKind::Delta => changes(root, batch),
        BookKind::Snapshot => sides(root, batch),
    }?;
    let time = time(root, "time")?;
    BookFields { kind, time, levels_from }.push(instrument, batch);
    Ok(())
}

/// `[side, price, size]` each; sizes are absolute, zero removes.
fn changes(root: Value<'_>, batch: &mut Batch) -> Result<(), Rejected> {
    for change in required(root, "changes")?.items().ok_or(Rejected::Field)? {
        let mut parts = change.items().ok_or(Rejected::Field)?;
        let (Some(side_name), Some(price), Some(size)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(Rejected::Field);
        };
        let side = side(side_name.string().ok_or(Rejected::Field)?)?;
        level(side, (price, size), batch)?;
    }
    Ok(())
}

/// `[price, size]` each, in the order in which the frame names the sides.
fn sides(root: Value<'_>, batch: &mut Batch) -> Result<(), Rejected> {
    let place = |key: &str| root.fields()?.map(|(name, _)| name).position(|name| name == key);
    let asks_first = place("asks") < place("bids");
    let order = [("bids", Side::Bid), ("asks", Side::Ask)];
    for (key, side) in if asks_first { [order[1], order[0]] } else { order } {
        for entry in required(root, key)?.items().ok_or(Rejected::Field)? {
            let mut parts = entry.items().ok_or(Rejected::Field)?;
            let (Some(price), Some(size)) = (parts.next(), parts.next()) else {
                return Err(Rejected::Field);
            };
            level(side, (price, size), batch)?;
        }
    }
    Ok(())
}

fn side(name: &str) -> Result<Side, Rejected> {
    match name {
        "buy" => Ok(Side::Bid),
        "sell" => Ok(Side::Ask),
        _ => Err(Rejected::Field),
    }
}

/// The channel of what calls itself so.
fn channel_of(kind: &str) -> Option<Channel> {
    Some(match kind {
        "match" | "last_match" => Channel::Trades,
        "ticker" => Channel::Ticker,
        "l2update" | "snapshot" => Channel::Orderbook,
        _ => return None,
    })
}

/// The stream that a frame's type and product name.
pub(super) fn trace(instruments: &NativeMap, frame: &[u8]) -> Option<Trace> {
    let channel = channel_of(scan(frame, "type")?)?;
    let product = scan(frame, "product_id");
    Some(Trace { channel, instrument: product.and_then(|it| instruments.find(it.as_bytes())) })
}

/// Calls `found` with the symbols that a frame names.
pub(super) fn symbols_in(root: Value<'_>, found: &mut dyn FnMut(&str)) {
    if let Some(product) = root.field("product_id").and_then(Value::string) {
        found(product);
    }
}
