//! What an exchange speaks. An adapter knows its exchange's protocol and nothing else: no socket,
//! no thread, no clock. It plans connections, words subscriptions and parses frames into a
//! [`Batch`]; the feed does the rest.

mod adapter;
mod batch;
pub mod binance;
pub mod bybit;
pub mod coinbase;
pub mod coinbase_advanced;
pub mod deriv;
mod general;
pub mod kraken;
mod levels;
pub mod okx;
mod profile;
mod refusal;
mod rest;
mod spelling;
#[cfg(test)]
mod testing;

pub use crate::book::BookKind;
pub use adapter::{Adapter, Protocol, Trace};
use batch::trade_tick;
pub use batch::{Batch, BookUpdate, DEPTH_FULL, Loss, Marked, Origin, SequencedTick, TradeMark};
pub use profile::{
    ListPart, ListingRest, Profile, RestError, SnapshotDepth, SnapshotRest, larger_side, profile,
};
pub use refusal::RefusalKind;

use std::time::Duration;

use arrayvec::ArrayString;

use crate::instrument::{Channel, ExchangeId, Instrument, InstrumentId, NativeMap};
use crate::json::PaddedFrame;
use crate::tick::{Interval, Level, Reason};

/// One stream that a feed wants: a channel of an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Subscription {
    /// Its id here.
    pub instrument: InstrumentId,
    /// Its spelling there.
    pub native: ArrayString<{ crate::instrument::SYMBOL_BYTES_MAX }>,
    /// The channel.
    pub channel: Channel,
    /// For [`Channel::Candles`] taken from the exchange: their interval.
    pub interval: Option<Interval>,
}

/// A stream, however it is spelled: of which instrument and channel, of candles the interval.
pub type StreamKey = (InstrumentId, Channel, Option<Interval>);

impl Subscription {
    /// What it brings, however that is spelled there.
    pub const fn stream(&self) -> StreamKey {
        (self.instrument, self.channel, self.interval)
    }
}

/// Instruments whose book is among the subscriptions.
pub fn with_books<'a>(
    subscriptions: impl IntoIterator<Item = &'a Subscription>,
) -> impl Iterator<Item = InstrumentId> {
    let subscriptions = subscriptions.into_iter();
    subscriptions.filter(|one| one.channel == Channel::Orderbook).map(|one| one.instrument)
}

/// Instruments whose trades are among the subscriptions.
pub fn with_trades<'a>(
    subscriptions: impl IntoIterator<Item = &'a Subscription>,
) -> impl Iterator<Item = InstrumentId> {
    let subscriptions = subscriptions.into_iter();
    subscriptions.filter(|one| one.channel == Channel::Trades).map(|one| one.instrument)
}

/// One connection that an adapter wants opened: where, and what to subscribe on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionPlan {
    /// Path and query to ask for in the upgrade, after the configured URL.
    pub path: String,
    /// Messages that the connection begins with, before it subscribes to anything: what the
    /// exchange tells of itself (its instruments, its heartbeats). Nobody waits for their answers.
    pub greeting: Vec<String>,
    /// What to subscribe once it is open.
    pub subscriptions: Vec<Subscription>,
}

/// One message that asks for, or ends, streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Our number of it. Where the exchange echoes none it stays between us.
    pub id: u64,
    /// As it goes on the wire.
    pub text: String,
    /// What it is about.
    pub covers: Vec<Subscription>,
}

/// How an exchange answers requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// Once for the whole request: one stream at fault refuses all of it.
    PerRequest,
    /// Once for each stream in it, in any order. An answer that does not name its stream is about
    /// one of those that have no answer yet.
    PerSubscription,
}

/// The stream that an answer is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NamedStream {
    /// Whose.
    pub instrument: InstrumentId,
    /// Which of its channels, where the answer says it; else it is about any.
    pub channel: Option<Channel>,
    /// Of candles their length, where the answer says it; else it is about any.
    pub interval: Option<Interval>,
}

impl NamedStream {
    /// A channel; of candles those of any length.
    pub const fn of(instrument: InstrumentId, channel: Channel) -> Self {
        Self { instrument, channel: Some(channel), interval: None }
    }

    /// Whatever there is of an instrument.
    pub const fn any_of(instrument: InstrumentId) -> Self {
        Self { instrument, channel: None, interval: None }
    }

    /// Whether it is about this stream.
    pub fn names(&self, stream: &Subscription) -> bool {
        self.instrument == stream.instrument
            && self.channel.is_none_or(|channel| channel == stream.channel)
            && (self.interval.is_none() || self.interval == stream.interval)
    }
}

/// What an exchange allows and promises on one connection. Sources stand with each adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionRules {
    /// Streams on one connection.
    pub streams_max: usize,
    /// Streams in one request.
    pub subscriptions_per_request: usize,
    /// Requests that may wait for their answers at a time; 1 where answers do not say to which
    /// request they belong.
    pub requests_in_flight_max: usize,
    /// How requests are answered.
    pub answers: Answers,
    /// Messages that we may send in `message_window`, pongs included.
    pub messages_max: u32,
    /// See `messages_max`.
    pub message_window: Duration,
    /// Whose messages are counted.
    pub messages_of: MessagesOf,
    /// Connection attempts from one address in `attempt_window`.
    pub attempts_max: u32,
    /// See `attempts_max`.
    pub attempt_window: Duration,
    /// The exchange closes the connection at this age.
    pub lifetime: Option<Duration>,
    /// Largest frame that the exchange is known to send, with a margin.
    pub frame_bytes_max: usize,
    /// What we must say, and how often, to be kept; it is answered, and so said as well to ask
    /// whether the exchange is there. `None` where the exchange pings, and is asked by a ping.
    pub heartbeat: Option<(Duration, &'static str)>,
    /// Ids of an instrument's trades have no holes, so that a hole is a loss.
    pub trade_ids_contiguous: bool,
    /// The best bid and ask have no stream of their own: they stand in tickers, and are lost with one.
    pub quotes_in_ticker: bool,
}

/// Whose messages an exchange counts under its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessagesOf {
    /// Those of each connection.
    Connection,
    /// Those of all connections from one address, so that a new one begins with what the last has
    /// left. What a connection asks for first is worth more than what it asks for last: a quarter is
    /// kept for prices when candles ask.
    Address,
}

/// Which rule proves that no book update is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Continuity {
    /// An event's first id is the previous event's last id + 1 (Binance spot, `U` and `u`).
    FirstFollowsLast,
    /// An event states the previous event's last id (Binance futures, `pu`).
    StatesPrevious,
    /// An event's id is the previous one's + 1; a whole book in the stream begins anew, whatever
    /// its id (Bybit, `u`).
    FollowsByOne,
    /// An event states the previous event's id, and may itself repeat it (nothing changed) or lie
    /// below it (the exchange counts anew). An event without ids is not judged (OKX, `prevSeqId`
    /// and `seqId`; recordings of before 2023 have neither).
    StatesPreviousOrRestarts,
    /// Nothing but the connection itself, or a checksum.
    None,
}

/// Which checksum covers a book after an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChecksumRule {
    /// CRC-32 over the ten best asks, then the ten best bids: digits of price and size as sent,
    /// without point and leading zeros (Kraken).
    Kraken,
    /// CRC-32, signed, over the 25 best of both sides in turn, `price:size` as sent, joined by
    /// colons; 0 is no checksum (OKX).
    Okx,
}

/// Where a book's first state comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotSource {
    /// A request beside the stream, joined with the deltas by their ids.
    Rest,
    /// The first event of a subscription; to get another, the stream is left and asked for again.
    Stream,
}

/// How the book of an exchange is proven, as data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookRules {
    /// Proof that no update is missing.
    pub continuity: Continuity,
    /// Origin of the first state.
    pub snapshot: SnapshotSource,
    /// Proof that the levels are right.
    pub checksum: Option<ChecksumRule>,
}

/// What a date is that an exchange states with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dated {
    /// When it happened, or when its frame was sent.
    Moment,
    /// The second in which it happened.
    Second,
    /// Something else: of the last trade or change, which may be long ago where the event repeats
    /// it to a new subscription.
    Otherwise,
}

/// What a stream begins with on each connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begins {
    /// With what happens next. What is sent besides is marked as [`Origin::Past`].
    Next,
    /// With its last event, however old that is: nothing but its place shows that it is not of now.
    Last,
}

/// What the dates of an exchange's events are, of the channels in which exchanges differ. A trade's
/// is its moment everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateRules {
    /// Of quotes that are no part of another event.
    pub quotes: Dated,
    /// Of statistics.
    pub ticker: Dated,
    /// Of candles; the start of a candle is apart.
    pub candles: Dated,
    /// What the first date of a stream is of.
    pub begins: Begins,
}

impl DateRules {
    /// What the date of an event of that channel is.
    #[inline]
    pub const fn of(&self, channel: Channel) -> Dated {
        match channel {
            Channel::Trades => Dated::Moment,
            Channel::Quotes => self.quotes,
            Channel::Ticker => self.ticker,
            Channel::Candles => self.candles,
            Channel::Orderbook | Channel::Status => Dated::Otherwise,
        }
    }
}

/// What a frame was, besides the ticks and books that it put into the batch.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(
    clippy::large_enum_variant,
    reason = "returned one at a time; a box would cost the feed a call of the allocator"
)]
pub enum Frame {
    /// It put something into the batch.
    Data {
        /// Read in place by a recogniser; false when the general parser read it.
        recognised: bool,
    },
    /// A request of ours was accepted.
    Ack {
        /// The id that we gave it; `None` when the exchange does not echo one.
        id: Option<u64>,
        /// The stream that was accepted, where the answer names it.
        stream: Option<NamedStream>,
    },
    /// A stream has ended: by a request of ours, or because the exchange ends it.
    Left {
        /// The id that we gave to the request; `None` when the exchange does not echo one.
        id: Option<u64>,
        /// The stream, where it is named and ours.
        stream: Option<NamedStream>,
    },
    /// All that the exchange sends on this connection, of what is ours. It answers any request that
    /// was accepted; what stood in the last list, stands in this one no more and was not left by us
    /// is what the exchange has ended.
    Subscribed(Box<[NamedStream]>),
    /// A heartbeat of the exchange.
    Heartbeat,
    /// The exchange says how it is; [`Reason::None`] when all is well, and where it says more than
    /// one thing.
    Status(Reason),
    /// The exchange refused something.
    Error {
        /// The id of the request that was refused, where it says so.
        id: Option<u64>,
        /// The stream that was refused, where it names it.
        stream: Option<NamedStream>,
        /// Of what kind that is.
        kind: RefusalKind,
        /// Its own words, cut to fit.
        text: ArrayString<192>,
    },
    /// What the exchange trades, told inside the stream.
    Listing(Listings),
    /// It will close this connection soon: connect the replacement at once.
    Shutdown,
    /// A frame of this exchange that carries none of our channels, or of an instrument that is not
    /// ours.
    Other,
}

/// Why a frame, or an item of one, was refused. It costs that alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Rejected {
    /// No JSON.
    #[error("not JSON")]
    NotJson,
    /// JSON, but no frame of this exchange.
    #[error("not a frame of this exchange")]
    Foreign,
    /// A field that this kind of frame needs is absent or of another type.
    #[error("a field is missing or of another type")]
    Field,
    /// A number that 18 digits cannot hold.
    #[error("a number needs more than 18 digits")]
    Digits,
    /// A text where a number is expected.
    #[error("a price or size is no number")]
    Number,
    /// A trade or a bar that no market makes: at no price or of nothing, or with numbers that
    /// contradict each other.
    #[error("a trade or a bar whose numbers no market makes")]
    Impossible,
    /// A frame that says of an item whose it is in two ways.
    #[error("the frame and its item name different symbols")]
    Contradiction,
    /// A time in another unit than its connection's, or beyond all that are told.
    #[error("a time is none in the unit of the connection")]
    Date,
    /// More items than a frame may have.
    #[error("too many items in one frame")]
    TooMany,
}

impl Rejected {
    /// Every reason, for the metrics' labels.
    pub const ALL: [Self; 9] = [
        Self::NotJson,
        Self::Foreign,
        Self::Field,
        Self::Digits,
        Self::Number,
        Self::Impossible,
        Self::Contradiction,
        Self::Date,
        Self::TooMany,
    ];

    /// As metrics and `decode` spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotJson => "not_json",
            Self::Foreign => "foreign",
            Self::Field => "field",
            Self::Digits => "digits",
            Self::Number => "number",
            Self::Impossible => "impossible",
            Self::Contradiction => "contradiction",
            Self::Date => "date",
            Self::TooMany => "too_many",
        }
    }
}

/// A whole book as a request beside the stream gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookSnapshot {
    /// The exchange's number of the last update that it includes.
    pub last_update_id: u64,
    /// Both sides, best first.
    pub levels: Vec<Level>,
}

/// A request beside the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestRequest {
    /// Path and query, after the configured REST URL.
    pub path: String,
    /// What it costs in the exchange's ledger.
    pub weight: u32,
}

/// What an exchange allows on the requests beside the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestRules {
    /// Weight that may be spent in `window`.
    pub weight_max: u32,
    /// See `weight_max`; windows are aligned to the clock.
    pub window: Duration,
}

/// What the exchange tells about an instrument beside the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The instrument, with tick and lot size.
    pub instrument: Instrument,
    /// Whether it trades now.
    pub trading: bool,
}

/// What an exchange told of its instruments at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listings {
    /// Each instrument.
    pub entries: Box<[Listing]>,
    /// These are all that there are. Otherwise they are some, or those that changed.
    pub whole: bool,
}

/// One exchange's protocol on a connection. What needs no connection (rules, spelling, requests
/// beside the stream and the reading of their answers) is its [`Profile`].
pub trait Exchange: Send + 'static {
    /// Its public id.
    fn id(&self) -> ExchangeId;

    /// What it allows on a connection.
    fn connection_rules(&self) -> ConnectionRules {
        profile(self.id()).connection
    }

    /// How its books are proven.
    fn book_rules(&self) -> BookRules {
        profile(self.id()).book
    }

    /// What its dates are.
    fn date_rules(&self) -> DateRules {
        profile(self.id()).dates
    }

    /// Divides what is wanted over as many connections as its limits demand. What the exchange
    /// has no stream for (candles without an interval, which are built here from trades; status)
    /// is left out.
    fn plan(&self, wanted: &[Subscription]) -> Vec<ConnectionPlan>;

    /// Words the messages that subscribe to at most
    /// [`ConnectionRules::subscriptions_per_request`] streams; each takes a fresh id from
    /// `next_id`. What it has no stream for is left out.
    fn subscribe(&self, subscriptions: &[Subscription], next_id: &mut u64) -> Vec<Request>;

    /// Words the messages that unsubscribe.
    fn unsubscribe(&self, subscriptions: &[Subscription], next_id: &mut u64) -> Vec<Request>;

    /// Replaces the instruments whose frames are read; frames of others are [`Frame::Other`].
    fn set_instruments(&mut self, instruments: NativeMap);

    /// Reads one frame into the batch, which it clears first. An item that cannot be read costs
    /// itself alone and is noted in [`Batch::losses`]. On an error the batch holds nothing but
    /// those, and the frame's number on its connection.
    ///
    /// # Errors
    /// See [`Rejected`]; the frame is lost, nothing else.
    fn parse(&mut self, frame: PaddedFrame<'_>, batch: &mut Batch) -> Result<Frame, Rejected>;

    /// Calls `found` with each native symbol that a frame speaks of, known or not, maybe more than
    /// once. For readers of captures, which learn their instruments from the frames; it allocates.
    fn symbols_in(&self, frame: &[u8], found: &mut dyn FnMut(&str));
}

/// The adapter of an exchange. One virtual call per frame is its price (1 to 2 ns).
pub fn adapter(exchange: ExchangeId) -> Box<dyn Exchange> {
    match exchange {
        ExchangeId::Binance | ExchangeId::BinanceFutures => {
            Box::new(binance::Binance::new(exchange))
        }
        ExchangeId::Bybit | ExchangeId::BybitLinear => Box::new(bybit::Bybit::new(exchange)),
        ExchangeId::Coinbase => Box::new(coinbase::Coinbase::new()),
        ExchangeId::CoinbaseAdvanced => Box::new(coinbase_advanced::CoinbaseAdvanced::new()),
        ExchangeId::Okx => Box::new(okx::Okx::new()),
        ExchangeId::Deriv => Box::new(deriv::Deriv::default()),
        ExchangeId::Kraken | ExchangeId::KrakenV1 => Box::new(kraken::Kraken::new(exchange)),
    }
}

/// Whether a listed spelling is asked for on the wire by the name of the one that is used: letters
/// that the exchange's names fold are no other name, and one that cannot be asked for is none.
pub fn is_asked_alike(exchange: ExchangeId, used: &str, listed: &str) -> bool {
    let adapter = adapter(exchange);
    let worded = |native: &str| -> Vec<String> {
        let Ok(native) = ArrayString::from(native) else { return Vec::new() };
        let of =
            |channel| Subscription { instrument: InstrumentId(0), native, channel, interval: None };
        let one = |channel: &Channel| adapter.subscribe(&[of(*channel)], &mut 1);
        Channel::ALL.iter().flat_map(one).map(|request| request.text).collect()
    };
    let listed = worded(listed);
    listed.is_empty() || listed == worded(used)
}

/// The same for a configured address, which tells the dialect where an exchange has two.
pub fn adapter_at(exchange: ExchangeId, url: &str) -> Box<dyn Exchange> {
    match exchange {
        ExchangeId::Deriv => Box::new(deriv::Deriv::at(url)),
        other => adapter(other),
    }
}

/// Whether a configured address leads where the adapter's paths begin: an origin, or one that ends
/// with the only path that the adapter asks for. Deriv's adapter reads any.
///
/// # Errors
/// The adapter's own path; empty where it has none, or several.
pub fn route(exchange: ExchangeId, url: &str) -> Result<(), String> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let at = rest.find(['/', '?']).unwrap_or(rest.len());
    if rest[at..].is_empty() || exchange == ExchangeId::Deriv {
        return Ok(());
    }
    let adapter = adapter(exchange);
    let (instrument, native) = (InstrumentId(0), ArrayString::new());
    let mut routes: Vec<String> = Vec::new();
    for channel in Channel::ALL {
        let interval = (channel == Channel::Candles).then_some(Interval::Minute1);
        let plans = adapter.plan(&[Subscription { instrument, native, channel, interval }]);
        routes.extend(plans.into_iter().filter(|plan| !plan.subscriptions.is_empty()).map(
            |plan| plan.path.split('?').next().unwrap_or_default().trim_end_matches('/').to_owned(),
        ));
    }
    routes.dedup();
    match &routes[..] {
        [only] if *only == rest[at..] => Ok(()),
        [only] => Err(only.clone()),
        _ => Err(String::new()),
    }
}

/// Whether an exchange has a stream for a channel; of candles, for those of an interval.
pub fn offers(adapter: &dyn Exchange, channel: Channel, interval: Option<Interval>) -> bool {
    // Which instrument it is makes no difference.
    let (instrument, native) = (InstrumentId(0), ArrayString::new());
    let wanted = Subscription { instrument, native, channel, interval };
    adapter.plan(&[wanted]).iter().any(|plan| !plan.subscriptions.is_empty())
}

/// Intervals of which an exchange has candles of its own, shortest first.
pub fn candle_intervals(adapter: &dyn Exchange) -> Vec<Interval> {
    let is_offered = |interval: &Interval| offers(adapter, Channel::Candles, Some(*interval));
    Interval::ALL.into_iter().filter(is_offered).collect()
}

impl Exchange for Box<dyn Exchange> {
    fn id(&self) -> ExchangeId {
        (**self).id()
    }

    fn connection_rules(&self) -> ConnectionRules {
        (**self).connection_rules()
    }

    fn book_rules(&self) -> BookRules {
        (**self).book_rules()
    }

    fn plan(&self, wanted: &[Subscription]) -> Vec<ConnectionPlan> {
        (**self).plan(wanted)
    }

    fn subscribe(&self, subscriptions: &[Subscription], next_id: &mut u64) -> Vec<Request> {
        (**self).subscribe(subscriptions, next_id)
    }

    fn unsubscribe(&self, subscriptions: &[Subscription], next_id: &mut u64) -> Vec<Request> {
        (**self).unsubscribe(subscriptions, next_id)
    }

    fn set_instruments(&mut self, instruments: NativeMap) {
        (**self).set_instruments(instruments);
    }

    fn parse(&mut self, frame: PaddedFrame<'_>, batch: &mut Batch) -> Result<Frame, Rejected> {
        (**self).parse(frame, batch)
    }

    fn symbols_in(&self, frame: &[u8], found: &mut dyn FnMut(&str)) {
        (**self).symbols_in(frame, found);
    }
}

/// How a refused REST request is to be met; see [`Profile::refusal`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why, for log and metric.
    pub reason: Reason,
    /// Ask again after this long.
    pub retry_after: Duration,
}
