//! What an exchange speaks. An adapter knows its exchange's protocol and nothing else: no socket,
//! no thread, no clock. It plans connections, words subscriptions and parses frames into a
//! [`Batch`]; the feed does the rest.

mod batch;
pub mod binance;
mod profile;

pub use crate::book::BookKind;
pub use batch::{Batch, BookUpdate, SequencedTick};
pub use profile::{Profile, RestError, profile};

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

/// One connection that an adapter wants opened: where, and what to subscribe on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionPlan {
    /// Path and query to ask for in the upgrade, after the configured URL.
    pub path: String,
    /// What to subscribe once it is open.
    pub subscriptions: Vec<Subscription>,
}

/// What an exchange allows and promises on one connection. Sources stand with each adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionRules {
    /// Streams on one connection.
    pub streams_max: usize,
    /// Messages that we may send in `message_window`, pongs included.
    pub messages_max: u32,
    /// See `messages_max`.
    pub message_window: Duration,
    /// Connection attempts from one address in `attempt_window`.
    pub attempts_max: u32,
    /// See `attempts_max`.
    pub attempt_window: Duration,
    /// Neither data nor ping for so long means that the connection is dead.
    pub silence_max: Duration,
    /// The exchange closes the connection at this age.
    pub lifetime: Option<Duration>,
    /// Largest frame that the exchange is known to send, with a margin.
    pub frame_bytes_max: usize,
    /// What we must say, and how often, to be kept; `None` where the exchange pings.
    pub heartbeat: Option<(Duration, &'static str)>,
    /// Ids of an instrument's trades have no holes, so that a hole is a loss.
    pub trade_ids_contiguous: bool,
}

/// Which rule proves that no book update is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Continuity {
    /// An event's first id is the previous event's last id + 1 (Binance spot, `U` and `u`).
    FirstFollowsLast,
    /// An event states the previous event's last id (Binance futures, `pu`).
    StatesPrevious,
}

/// Where a book's first state comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotSource {
    /// A request beside the stream, joined with the deltas by their ids.
    Rest,
}

/// How the book of an exchange is proven, as data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookRules {
    /// Proof that no update is missing.
    pub continuity: Continuity,
    /// Origin of the first state.
    pub snapshot: SnapshotSource,
}

/// What a frame was, besides the ticks and books that it put into the batch.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    },
    /// A heartbeat of the exchange.
    Heartbeat,
    /// The exchange says how it is (system status).
    Status,
    /// The exchange refused something.
    Error {
        /// The id of the request that was refused, where it says so.
        id: Option<u64>,
        /// Its own words, cut to fit.
        text: ArrayString<192>,
    },
    /// It will close this connection soon: connect the replacement at once.
    Shutdown,
    /// A frame of this exchange that carries none of our channels, or of an instrument that is not
    /// ours.
    Other,
}

/// Why a frame was refused. It costs that frame alone.
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
    /// More items than a frame may have.
    #[error("too many items in one frame")]
    TooMany,
}

impl Rejected {
    /// Every reason, for the metrics' labels.
    pub const ALL: [Self; 6] =
        [Self::NotJson, Self::Foreign, Self::Field, Self::Digits, Self::Number, Self::TooMany];

    /// As metrics and `decode` spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotJson => "not_json",
            Self::Foreign => "foreign",
            Self::Field => "field",
            Self::Digits => "digits",
            Self::Number => "number",
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

/// A request for a book beside the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotRequest {
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

/// One exchange's protocol on a connection. What needs no connection (rules, spelling, requests
/// beside the stream and the reading of their answers) is its [`Profile`].
pub trait Exchange: Send + 'static {
    /// Its public id.
    fn id(&self) -> ExchangeId;

    /// What it allows on a connection.
    fn connection_rules(&self) -> ConnectionRules {
        profile(self.id()).connection
    }

    /// What it allows beside the stream.
    fn request_rules(&self) -> RequestRules {
        profile(self.id()).requests
    }

    /// How its books are proven.
    fn book_rules(&self) -> BookRules {
        profile(self.id()).book
    }

    /// The request for the book of an instrument.
    fn snapshot_request(&self, native: &str) -> SnapshotRequest {
        (profile(self.id()).snapshot_request)(native)
    }

    /// The request for the list of all instruments.
    fn listing_request(&self) -> SnapshotRequest {
        (profile(self.id()).listing_request)()
    }

    /// Divides what is wanted over as many connections as its limits demand. What the exchange
    /// has no stream for (candles without an interval, which are built here from trades; status)
    /// is left out.
    fn plan(&self, wanted: &[Subscription]) -> Vec<ConnectionPlan>;

    /// Words the messages that subscribe; each takes a fresh id from `next_id`.
    fn subscribe(&self, subscriptions: &[Subscription], next_id: &mut u64) -> Vec<String>;

    /// Words the messages that unsubscribe.
    fn unsubscribe(&self, subscriptions: &[Subscription], next_id: &mut u64) -> Vec<String>;

    /// Replaces the instruments whose frames are read; frames of others are [`Frame::Other`].
    fn set_instruments(&mut self, instruments: NativeMap);

    /// Reads one frame into the batch, which it clears first. On an error the batch holds nothing.
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
    }
}

impl Exchange for Box<dyn Exchange> {
    fn id(&self) -> ExchangeId {
        (**self).id()
    }

    fn connection_rules(&self) -> ConnectionRules {
        (**self).connection_rules()
    }

    fn request_rules(&self) -> RequestRules {
        (**self).request_rules()
    }

    fn book_rules(&self) -> BookRules {
        (**self).book_rules()
    }

    fn snapshot_request(&self, native: &str) -> SnapshotRequest {
        (**self).snapshot_request(native)
    }

    fn listing_request(&self) -> SnapshotRequest {
        (**self).listing_request()
    }

    fn plan(&self, wanted: &[Subscription]) -> Vec<ConnectionPlan> {
        (**self).plan(wanted)
    }

    fn subscribe(&self, subscriptions: &[Subscription], next_id: &mut u64) -> Vec<String> {
        (**self).subscribe(subscriptions, next_id)
    }

    fn unsubscribe(&self, subscriptions: &[Subscription], next_id: &mut u64) -> Vec<String> {
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
