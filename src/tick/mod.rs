//! The record that all rooms speak: a [`Tick`] is 64 bytes, `Copy`, and holds one trade, one
//! quote, one book level, a part of a ticker or candle, or a change of state.
//!
//! A tick holds no text and no float. A statement that needs more than one tick (a book event, a
//! ticker, a candle) is a run of ticks of one instrument, pushed together, whose last one says so;
//! nothing of that instrument's channel stands between them.

mod candle;
mod decimal;
mod digits;
mod level;
mod quote;
mod status;
mod ticker;
mod trade;
mod trade_id;
mod words;

pub use candle::{Candle, CandleFlags, Interval};
pub(crate) use decimal::POWERS_OF_TEN;
pub use decimal::{DECIMAL_TEXT_MAX, DIGITS_MAX, Decimal, DecimalError, MANTISSA_MAX, WideDecimal};
pub(crate) use digits::{
    DateDigits, NUMBER_ROOM, NumberRoom, write_decimal, write_millis, write_u64, write_wide,
};
pub use level::{Level, LevelFlags, Side};
pub use quote::Quote;
pub use status::{BookState, FeedState, Reason};
pub use ticker::Ticker;
pub use trade::{DatedAhead, Trade};
pub(crate) use trade_id::ID_BYTES_MAX;
pub use trade_id::{Form, IdKind, SpelledId, TradeId};
pub(crate) use words::BODY_WORDS;

use crate::clock::{MonoNanos, UnixNanos};
use crate::instrument::InstrumentId;

/// One record on a ring. One cache line; `tests/layout.rs` and `benches/ring.rs` hold the size.
#[repr(C, align(64))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    /// What it is about; [`InstrumentId::NONE`] for a statement about a whole feed.
    pub instrument: InstrumentId,
    /// Nanoseconds from `received` to the push into the ring, at most 4.29 s.
    pub pushed_after_ns: u32,
    /// When the exchange says that it happened; `NONE` where it says nothing.
    pub exchange_time: UnixNanos,
    /// When the read that brought the frame's last byte returned.
    pub received: MonoNanos,
    /// What happened.
    pub body: Body,
}

const _: () = assert!(size_of::<Tick>() == 64);
const _: () = assert!(size_of::<Body>() == 40);

/// What a tick says. Mantissas and digits stand apart so that the tag, the digits and the flags
/// share the first eight bytes; read them through [`Body::trade`] and its siblings.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of the types that the accessors return")]
pub enum Body {
    /// See [`Trade`].
    Trade {
        side: Side,
        price_digits: u8,
        size_digits: u8,
        id_kind: IdKind,
        /// Letters of an id that is spelled.
        id_length: u8,
        ahead: DatedAhead,
        price: i64,
        size: i64,
        id_high: u64,
        id_low: u64,
    },
    /// See [`Quote`]. A mantissa of `i64::MIN` is an absent side.
    Quote { digits: [u8; 4], mantissas: [i64; 4] },
    /// See [`Level`]; one level of a book event, `FIRST` and `LAST` flagged.
    Level {
        side: Side,
        flags: LevelFlags,
        price_digits: u8,
        size_digits: u8,
        price: i64,
        size: i64,
        /// The exchange's number of the event that this level is part of, where it has one.
        update_id: Option<u64>,
    },
    /// First of three: last, open, high, low. `i64::MIN` is a field not stated.
    TickerPrices { digits: [u8; 4], mantissas: [i64; 4] },
    /// Second of three: bid, ask, change, change in percent.
    TickerChange { digits: [u8; 4], mantissas: [i64; 4] },
    /// Last of three: base volume, quote volume as halves of 128-bit mantissas;
    /// digits of 255 mean not stated.
    TickerVolumes { digits: [u8; 2], words: [u64; 4] },
    /// First of two: open, high, low, close.
    CandlePrices { interval: Interval, closed: bool, digits: [u8; 4], mantissas: [i64; 4] },
    /// Last of two: volume as halves of a 128-bit mantissa, open time, number of trades
    /// (`u64::MAX` where it is not stated).
    CandleVolume {
        interval: Interval,
        closed: bool,
        flags: CandleFlags,
        digits: u8,
        words: [u64; 2],
        open_time: UnixNanos,
        trades: u64,
    },
    /// The book of `instrument` changed its state.
    BookState { state: BookState, reason: Reason },
    /// Another channel of `instrument` than its book is not there, or is again.
    StreamState {
        channel: crate::instrument::Channel,
        /// Of candles that the exchange makes: their length.
        interval: Option<Interval>,
        state: BookState,
        reason: Reason,
    },
    /// A connection of the feed changed its state; `instrument` is `NONE`.
    FeedState { state: FeedState, reason: Reason, line: u8, attempt: u32 },
    /// `missed` events of a channel of `instrument` never reached us (0: their number is unknown).
    Gap { channel: crate::instrument::Channel, reason: Reason, missed: u64 },
    /// No connection brings a channel of `instrument` for a while, or something could not be read
    /// that may have been of it: nobody knows what is missed before the next of it shows that.
    Unheard { channel: crate::instrument::Channel },
    /// Whether the trades of `instrument` are carried to clients from here on; where they are not,
    /// candles are made of them all the same.
    TradesShown { shown: bool },
    /// Once a second from each feed: the exchange's date, so that candles close without a trade
    /// and every broadcaster closes them at the same place of the stream; `NONE` where it is not
    /// known, or does not run with ours.
    Time { date: UnixNanos },
}

/// The mantissa that marks an absent decimal.
const ABSENT: i64 = i64::MIN;

/// Four optional decimals as a body stores them.
#[inline(always)]
fn pack(values: [Option<Decimal>; 4]) -> ([u8; 4], [i64; 4]) {
    (
        values.map(|value| value.map_or(0, Decimal::digits)),
        values.map(|value| value.map_or(ABSENT, Decimal::mantissa)),
    )
}

/// The inverse of [`pack`].
#[inline]
fn unpack(digits: [u8; 4], mantissas: [i64; 4]) -> [Option<Decimal>; 4] {
    std::array::from_fn(|index| {
        let mantissa = mantissas[index];
        (mantissa != ABSENT).then(|| Decimal::from_parts(mantissa, digits[index]))
    })
}

impl Tick {
    /// A tick that was neither received nor pushed yet.
    #[inline]
    pub const fn new(instrument: InstrumentId, exchange_time: UnixNanos, body: Body) -> Self {
        Self { instrument, pushed_after_ns: 0, exchange_time, received: MonoNanos::ZERO, body }
    }

    /// When it went into the ring.
    #[inline]
    pub const fn pushed(&self) -> MonoNanos {
        MonoNanos(self.received.0.saturating_add(self.pushed_after_ns as u64))
    }
}
