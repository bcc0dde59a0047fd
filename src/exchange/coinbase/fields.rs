//! What both of Coinbase's protocols write alike: numbers and dates in strings, `BUY` and `SELL`,
//! and the statements that both paths of both parsers make about them.

use super::errors;
use crate::clock::UnixNanos;
use crate::exchange::general::{self, cut, required, size, stated, wide};
use crate::exchange::{Batch, Frame, NamedStream, Origin, Rejected, trade_tick};
use crate::instrument::{Channel, InstrumentId, NativeMap};
use crate::json::{Value, date};
use crate::limits::FRAME_LEVELS_MAX;
use crate::tick::{Decimal, Level, Quote, Side, Tick, Ticker, Trade, TradeId, WideDecimal};

/// A trade as every path hands it over.
#[derive(Clone, Copy, Debug)]
pub(in crate::exchange) struct TradeFields {
    pub(in crate::exchange) time: UnixNanos,
    pub(in crate::exchange) price: Decimal,
    pub(in crate::exchange) size: Decimal,
    pub(in crate::exchange) id: TradeId,
    /// Whose order was resting.
    pub(in crate::exchange) maker: Side,
}

impl TradeFields {
    /// `side` is the maker's in both protocols: a `sell` means that a resting offer was bought. On
    /// recorded frames it is the opposite of the ticker's `side`, the taker's, in 107 of 107.
    #[inline(always)]
    pub(in crate::exchange) fn push(
        self,
        instrument: InstrumentId,
        origin: Origin,
        batch: &mut Batch,
    ) -> Result<(), Rejected> {
        let taker = if self.maker == Side::Bid { Side::Ask } else { Side::Bid };
        let Self { price, size, id, .. } = self;
        let tick = trade_tick(instrument, self.time, Trade { taker, price, size, id })?;
        match origin {
            Origin::Past => batch.push_past(id.number(), tick),
            Origin::Live | Origin::Derived => batch.push(id.number(), tick),
        }
        Ok(())
    }
}

/// A ticker as every path hands it over.
#[derive(Clone, Copy, Debug)]
pub(in crate::exchange) struct TickerFields {
    pub(in crate::exchange) time: UnixNanos,
    /// The product's number of it, the same on every connection, if it has one.
    pub(in crate::exchange) sequence: Option<u64>,
    pub(in crate::exchange) ticker: Ticker,
    /// What rests at its best bid and ask.
    pub(in crate::exchange) sizes: [Option<Decimal>; 2],
}

impl TickerFields {
    /// The ticker, and the best bid and ask that stand in it as a quote of its own: there is no
    /// other channel for them.
    #[inline(always)]
    pub(in crate::exchange) fn push(self, instrument: InstrumentId, batch: &mut Batch) {
        let (Ticker { bid, ask, .. }, [bid_size, ask_size]) = (self.ticker, self.sizes);
        let quote = Quote { bid, bid_size, ask, ask_size }.resting();
        let ticker = Ticker { bid: quote.bid, ask: quote.ask, ..self.ticker };
        batch.push_ticker(self.sequence, instrument, self.time, ticker);
        if bid.is_some() || ask.is_some() {
            batch.push_derived(self.sequence, Tick::new(instrument, self.time, quote.into()));
        }
    }
}

/// A whole number that must be there.
pub(in crate::exchange) fn unsigned(object: Value<'_>, key: &str) -> Result<u64, Rejected> {
    general::unsigned(required(object, key)?)
}

/// A price that must be there.
pub(in crate::exchange) fn price(object: Value<'_>, key: &str) -> Result<Decimal, Rejected> {
    general::price(required(object, key)?)
}

/// The same of a field that may be absent, null or empty.
pub(in crate::exchange) fn optional_price(
    object: Value<'_>,
    key: &str,
) -> Result<Option<Decimal>, Rejected> {
    stated(object, key).map(general::price).transpose()
}

/// A size, likewise.
pub(in crate::exchange) fn optional_size(
    object: Value<'_>,
    key: &str,
) -> Result<Option<Decimal>, Rejected> {
    stated(object, key).map(size).transpose()
}

/// A sum of the day that may be absent, null or empty.
pub(in crate::exchange) fn volume(
    object: Value<'_>,
    key: &str,
) -> Result<Option<WideDecimal>, Rejected> {
    stated(object, key).map(wide).transpose()
}

/// A date; [`UnixNanos::NONE`] where there is none.
pub(in crate::exchange) fn time(object: Value<'_>, key: &str) -> Result<UnixNanos, Rejected> {
    let Some(value) = stated(object, key) else { return Ok(UnixNanos::NONE) };
    value.string().and_then(|text| date(text.as_bytes())).ok_or(Rejected::Field)
}

/// Appends a level. One that cannot be read leaves a book of which nobody knows what it is, in a
/// snapshot as in a change: a book of 2022 had a size of `0.-10000`, and what rested there is
/// anybody's guess.
pub(in crate::exchange) fn level(
    side: Side,
    (at, resting): (Value<'_>, Value<'_>),
    batch: &mut Batch,
) -> Result<(), Rejected> {
    if batch.levels.len() >= FRAME_LEVELS_MAX {
        return Err(Rejected::TooMany);
    }
    batch.levels.push(Level { side, price: general::price(at)?, size: size(resting)? });
    Ok(())
}

/// The streams that a channel of a list has, of what is ours.
pub(in crate::exchange) fn listed<'t>(
    instruments: &NativeMap,
    name: &str,
    products: impl Iterator<Item = Value<'t>>,
) -> Vec<NamedStream> {
    let channel = match name {
        "matches" | "market_trades" => Channel::Trades,
        "ticker" | "ticker_batch" => Channel::Ticker,
        "level2_batch" | "level2" | "level2_50" => Channel::Orderbook,
        "candles" => Channel::Candles,
        _ => return Vec::new(),
    };
    let ours = products.filter_map(|product| instruments.find(product.string()?.as_bytes()));
    ours.map(|instrument| NamedStream::of(instrument, channel)).collect()
}

/// A refusal: `message`, and `reason` where there is one. That names a product where one is at fault,
/// and never the channel.
pub(in crate::exchange) fn error(
    instruments: &NativeMap,
    root: Value<'_>,
) -> Result<Frame, Rejected> {
    let message = root.field("message").and_then(Value::string).ok_or(Rejected::Foreign)?;
    let reason = root.field("reason").and_then(Value::string);
    let text = match reason {
        Some(reason) => cut(&[message, ": ", reason]),
        None => cut(&[message]),
    };
    let words = [Some(message), reason].into_iter().flatten().flat_map(str::split_whitespace);
    let product = words.filter_map(|word| instruments.find(word.as_bytes())).next();
    let (stream, kind) = (product.map(NamedStream::any_of), errors::REFUSALS.reply("", &text));
    Ok(Frame::Error { id: None, stream, kind, text })
}
