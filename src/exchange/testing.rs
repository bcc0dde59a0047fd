//! What the tests of all adapters have in common: how a frame is read, and names for what it came
//! to. A test of one exchange adds what only that exchange says.

use arrayvec::ArrayString;

use super::refusal::Refusals;
use super::{
    Batch, BookUpdate, Exchange, Frame, NamedStream, Origin, RefusalKind, Rejected, SequencedTick,
    Subscription,
};
use crate::clock::UnixNanos;
use crate::instrument::{Channel, InstrumentId, NativeMap, SYMBOL_BYTES_MAX, Symbol};
use crate::json::PaddedFrame;
use crate::limits::FRAME_PADDING;
use crate::tick::{Body, Candle, Decimal, Interval, Level, Quote, Reason, Ticker, Trade};

/// Data that a recogniser read in place.
pub(super) const RECOGNISED: Result<Frame, Rejected> = Ok(Frame::Data { recognised: true });
/// Data that the general path read.
pub(super) const GENERAL: Result<Frame, Rejected> = Ok(Frame::Data { recognised: false });

/// What a frame came to.
pub(super) struct Read {
    pub(super) outcome: Result<Frame, Rejected>,
    pub(super) batch: Batch,
}

impl Read {
    /// Its only tick's trade.
    pub(super) fn trade(&self) -> Trade {
        assert_eq!(self.batch.ticks.len(), 1);
        self.batch.ticks[0].tick.body.trade().expect("a trade")
    }

    /// Its only tick's best prices.
    pub(super) fn quote(&self) -> Quote {
        assert_eq!(self.batch.ticks.len(), 1);
        self.batch.ticks[0].tick.body.quote().expect("a quote")
    }

    /// Its only book, and the levels that changed.
    pub(super) fn book(&self) -> (&BookUpdate, &[Level]) {
        assert_eq!(self.batch.books.len(), 1);
        (&self.batch.books[0], self.batch.levels_of(&self.batch.books[0]))
    }

    /// The ticker that its ticks are the parts of.
    pub(super) fn ticker(&self) -> Ticker {
        ticker_of(self.batch.ticks.iter())
    }

    /// The ticker, and behind it the quote that was derived from it.
    pub(super) fn ticker_and_quote(&self) -> (Ticker, Quote) {
        let [parts @ .., quote] = &self.batch.ticks[..] else { panic!("nothing was read") };
        assert_eq!(quote.origin, Origin::Derived);
        (ticker_of(parts.iter()), quote.tick.body.quote().expect("a quote"))
    }

    /// The only candle of its two ticks.
    pub(super) fn candle(&self) -> Candle {
        let [candle] = self.candles()[..] else { panic!("one candle") };
        candle
    }

    /// Its candles, each of two ticks.
    pub(super) fn candles(&self) -> Vec<Candle> {
        let bodies: Vec<Body> = self.batch.ticks.iter().map(|one| one.tick.body).collect();
        let (pairs, rest) = bodies.as_chunks();
        assert!(rest.is_empty(), "half a candle");
        pairs.iter().map(|[one, other]| Candle::join(one, other).expect("a candle")).collect()
    }

    /// When its first tick happened.
    pub(super) fn time(&self) -> UnixNanos {
        self.batch.ticks[0].tick.exchange_time
    }

    /// The symbol of its first tick, out of those that the adapter carries.
    pub(super) fn native_of(&self, symbols: &[&'static str]) -> &'static str {
        symbols[self.batch.ticks[0].tick.instrument.index()]
    }
}

/// The ticker that these ticks are the parts of: whole with the last, and not before.
pub(super) fn ticker_of<'a>(parts: impl Iterator<Item = &'a SequencedTick>) -> Ticker {
    let mut ticker = Ticker::default();
    let whole: Vec<bool> = parts.map(|part| ticker.absorb(&part.tick.body)).collect();
    assert_eq!(whole, [false, false, true]);
    ticker
}

/// The adapter with instruments of these symbols, numbered by their places.
pub(super) fn carrying<E: Exchange>(mut adapter: E, symbols: &[&str]) -> E {
    let ids = (0..).map(InstrumentId);
    adapter.set_instruments(NativeMap::new(symbols.iter().copied().zip(ids)));
    adapter
}

/// Reads a frame into a batch; `padding` is what stands behind it.
pub(super) fn parse_padded(
    adapter: &mut impl Exchange,
    text: &str,
    padding: u8,
    batch: &mut Batch,
) -> Result<Frame, Rejected> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.resize(text.len() + FRAME_PADDING, padding);
    adapter.parse(PaddedFrame::new(&mut bytes, text.len()), batch)
}

/// Reads a frame; what stands behind it could end its last text anew.
pub(super) fn read_by(adapter: &mut impl Exchange, text: &str) -> Read {
    let mut batch = Batch::new();
    let outcome = parse_padded(adapter, text, b'"', &mut batch);
    Read { outcome, batch }
}

/// A decimal as the test wrote it.
pub(super) fn decimal(text: &str) -> Decimal {
    Decimal::parse(text.as_bytes()).expect("a decimal")
}

/// A channel of an instrument, by the exchange's name for it.
pub(super) fn wanted(native: &str, channel: Channel) -> Subscription {
    Subscription {
        instrument: InstrumentId(0),
        native: ArrayString::from(native).expect("short"),
        channel,
        interval: None,
    }
}

/// Candles that are taken from the exchange.
pub(super) fn candles(native: &str, interval: Interval) -> Subscription {
    Subscription { interval: Some(interval), ..wanted(native, Channel::Candles) }
}

/// A symbol as the test wrote it.
pub(super) fn symbol(text: &str) -> Symbol {
    Symbol::parse(text).expect("valid")
}

/// Names of an exchange with the symbols that they stand for: each is read as the other, and
/// spelt back.
pub(super) fn assert_both_ways(
    names: &[(&str, &str)],
    canonical: fn(&str) -> Option<Symbol>,
    native: fn(&Symbol) -> Option<ArrayString<SYMBOL_BYTES_MAX>>,
) {
    for (theirs, ours) in names {
        assert_eq!(canonical(theirs), Some(symbol(ours)), "{theirs}");
        assert_eq!(native(&symbol(ours)).as_deref(), Some(*theirs), "{ours}");
    }
}

/// Which request a frame refuses, of what stream, and what follows.
pub(super) fn refused_by(
    adapter: &mut impl Exchange,
    text: &str,
) -> (Option<u64>, Option<NamedStream>, RefusalKind) {
    match read_by(adapter, text).outcome {
        Ok(Frame::Error { id, stream, kind, .. }) => (id, stream, kind),
        other => panic!("{text}: {other:?}"),
    }
}

/// Why and for how many seconds an answer makes an adapter wait.
pub(super) fn waits(
    refusals: &Refusals,
    now: UnixNanos,
) -> impl Fn(u16, Option<&str>, &str) -> (Reason, u64) {
    move |status, retry_after, body| {
        let refusal = refusals.answers.judge(status, retry_after, body.as_bytes(), now);
        (refusal.reason, refusal.retry_after.as_secs())
    }
}
