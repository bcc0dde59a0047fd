//! What the cache tells of: one event of one stream, or a change of state.

use crate::book::{Book, BookKind, Resting};
use crate::clock::UnixNanos;
use crate::instrument::{Channel, ExchangeId, InstrumentId, Listed};
use crate::tick::{
    BookState, Candle, FeedState, Interval, Level, Quote, Reason, Side, Ticker, Trade,
};

/// What counts its own `seq` within an instrument: a channel, or an interval of the candles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stream {
    /// Prints.
    Trades,
    /// Best bid and ask.
    Quotes,
    /// 24 h statistics.
    Ticker,
    /// The book.
    Orderbook,
    /// Candles of one interval.
    Candles(Interval),
}

impl Stream {
    /// How many there are.
    pub const COUNT: usize = 4 + Interval::ALL.len();

    /// Its number, below [`Stream::COUNT`].
    #[inline]
    pub const fn index(self) -> usize {
        match self {
            Self::Trades => 0,
            Self::Quotes => 1,
            Self::Ticker => 2,
            Self::Orderbook => 3,
            Self::Candles(interval) => 4 + interval as usize,
        }
    }

    /// The stream of a channel; `interval` counts for candles alone. The channel of states has
    /// no numbered stream.
    pub const fn of(channel: Channel, interval: Interval) -> Option<Self> {
        match channel {
            Channel::Trades => Some(Self::Trades),
            Channel::Quotes => Some(Self::Quotes),
            Channel::Ticker => Some(Self::Ticker),
            Channel::Orderbook => Some(Self::Orderbook),
            Channel::Candles => Some(Self::Candles(interval)),
            Channel::Status => None,
        }
    }

    /// The channel that it is part of.
    pub const fn channel(self) -> Channel {
        match self {
            Self::Trades => Channel::Trades,
            Self::Quotes => Channel::Quotes,
            Self::Ticker => Channel::Ticker,
            Self::Orderbook => Channel::Orderbook,
            Self::Candles(_) => Channel::Candles,
        }
    }

    /// The interval, of candles.
    pub const fn interval(self) -> Option<Interval> {
        match self {
            Self::Candles(interval) => Some(interval),
            Self::Trades | Self::Quotes | Self::Ticker | Self::Orderbook => None,
        }
    }
}

/// The two dates of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// When the exchange says that it happened; `NONE` where it says nothing.
    pub exchange_time: UnixNanos,
    /// When its last byte was read here.
    pub received: UnixNanos,
}

impl Stamp {
    /// The exchange's date, or that of the receipt where the exchange stated none.
    #[inline]
    pub const fn time(self) -> UnixNanos {
        self.exchange_time.or(self.received)
    }
}

/// One event. Its parts live in the cache; whoever is told encodes at once or keeps the `seq`.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// Whose it is; `NONE` for the state of a feed.
    pub instrument: InstrumentId,
    /// Its number in its stream, from 1; 0 for what is not numbered.
    pub seq: u64,
    /// Its dates.
    pub stamp: Stamp,
    /// What happened.
    pub body: EventBody<'a>,
}

/// What happened.
#[derive(Clone, Copy, Debug)]
pub enum EventBody<'a> {
    /// A print.
    Trade(Trade),
    /// Best bid and ask are these now.
    Quote(Quote),
    /// The statistics are these now.
    Ticker(&'a Ticker),
    /// The book, or the view of a depth, is or changed so.
    Book(BookEvent<'a>),
    /// The candle is this now; final when it is closed.
    Candle(&'a Candle),
    /// What is known of the book changed.
    BookState(BookStatus),
    /// Its exchange lists the instrument otherwise than before.
    Listed(ListedStatus),
    /// Another channel than the book (of the exchange's candles: a length) is not there, or is again.
    StreamState(Channel, Option<Interval>, BookStatus),
    /// A connection to the exchange changed its state.
    FeedState(FeedStatus),
    /// Events never reached us.
    Gap(Gap),
}

/// A whole book, or a change to it.
#[derive(Clone, Copy, Debug)]
pub struct BookEvent<'a> {
    /// Whole or change.
    pub kind: BookKind,
    /// The depth of the view that this event is for; `None` for the book of full depth.
    pub depth: Option<usize>,
    /// Earlier events that changed nothing in the view and were not told.
    pub conflated: u64,
    /// The levels.
    pub levels: BookLevels<'a>,
}

/// Where the levels of a book event stand.
#[derive(Clone, Copy, Debug)]
pub enum BookLevels<'a> {
    /// In a list of both sides, in the order of the event.
    Listed(&'a [Level]),
    /// The best so many of each side of a book.
    Best(&'a Book, usize),
}

impl BookLevels<'_> {
    /// Calls `each` with `state` and the levels of one side, in their order. A function that is to be
    /// part of these loops, however long it is, says so of itself; a closure cannot.
    #[inline]
    pub fn of<S>(&self, side: Side, state: &mut S, each: impl Fn(&mut S, Resting)) {
        match *self {
            Self::Listed(levels) => {
                for level in levels.iter().filter(|level| level.side == side) {
                    each(state, Resting { price: level.price, size: level.size });
                }
            }
            Self::Best(book, depth) if side == Side::Bid => {
                book.bids().take(depth).for_each(|resting| each(state, resting));
            }
            Self::Best(book, depth) => {
                book.asks().take(depth).for_each(|resting| each(state, resting));
            }
        }
    }
}

/// What is known of a book, or of another channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookStatus {
    /// The state.
    pub state: BookState,
    /// Why.
    pub reason: Reason,
    /// Since when, by our date.
    pub since: UnixNanos,
}

impl BookStatus {
    /// Of a book of which nothing was told yet.
    pub(super) const UNKNOWN: Self = Self {
        state: BookState::Resyncing,
        reason: Reason::AwaitingSnapshot,
        since: UnixNanos::NONE,
    };
}

/// How an exchange lists an instrument that is wanted here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListedStatus {
    /// What its list says.
    pub listed: Listed,
    /// Since when that is known, by our date.
    pub since: UnixNanos,
}

/// State of one connection to an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedStatus {
    /// To which.
    pub exchange: ExchangeId,
    /// Which of its connections, from 0.
    pub line: u8,
    /// The state.
    pub state: FeedState,
    /// Why.
    pub reason: Reason,
    /// Attempts to connect since it was lost.
    pub attempt: u32,
    /// Since when, by our date.
    pub since: UnixNanos,
}

/// Events of a stream that nobody here has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Of which stream.
    pub stream: Stream,
    /// The first one missing.
    pub from_seq: u64,
    /// The last one missing.
    pub to_seq: u64,
    /// Why.
    pub reason: Reason,
}

impl EventBody<'_> {
    /// The numbered stream that the event is part of; `None` for states.
    #[inline]
    pub const fn stream(&self) -> Option<Stream> {
        match self {
            Self::Trade(_) => Some(Stream::Trades),
            Self::Quote(_) => Some(Stream::Quotes),
            Self::Ticker(_) => Some(Stream::Ticker),
            Self::Book(_) => Some(Stream::Orderbook),
            Self::Candle(candle) => Some(Stream::Candles(candle.interval)),
            Self::Gap(gap) => Some(gap.stream),
            Self::BookState(_) | Self::StreamState(..) | Self::Listed(_) | Self::FeedState(_) => {
                None
            }
        }
    }
}
