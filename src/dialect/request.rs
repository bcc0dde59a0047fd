//! What clients ask, whatever the dialect.

use std::cell::OnceCell;
use std::num::NonZeroU32;

use super::Dialect;
use super::fields::{BadRequest, Fields};
use super::name::Name;
use crate::cache::HistoryRange;
use crate::instrument::{Channel, ExchangeId};
use crate::tick::Interval;

/// A message as it came: read as JSON at most once, whoever asks.
#[derive(Debug)]
pub struct Incoming<'a> {
    /// The payload; UTF-8 or not.
    pub bytes: &'a [u8],
    /// It came as bytes and not as text.
    pub is_binary: bool,
    fields: OnceCell<Result<Fields<'a>, BadRequest>>,
}

impl<'a> Incoming<'a> {
    /// A text.
    pub const fn text(bytes: &'a [u8]) -> Self {
        Self { bytes, is_binary: false, fields: OnceCell::new() }
    }

    /// Bytes.
    pub const fn binary(bytes: &'a [u8]) -> Self {
        Self { bytes, is_binary: true, fields: OnceCell::new() }
    }

    /// The fields of the JSON object that it is.
    pub(super) fn fields(&self) -> Result<&Fields<'a>, &BadRequest> {
        let read = || match self.is_binary {
            true => Err(BadRequest::Binary),
            false => Fields::read(self.bytes),
        };
        self.fields.get_or_init(read).as_ref()
    }
}

/// The id that a client gave to its request: a JSON text or number, echoed exactly as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(pub(super) Box<str>);

impl RequestId {
    /// As JSON.
    pub fn json(&self) -> &str {
        &self.0
    }
}

/// A request with what is needed to answer it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// To be echoed; `None` where the client gave none.
    pub request_id: Option<RequestId>,
    /// What is asked, or why it is refused.
    pub request: Result<Request, BadRequest>,
}

/// One request, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Events of some channels of some instruments, please.
    Subscribe(Subscribe),
    /// No more of these.
    Unsubscribe(Unsubscribe),
    /// Are you there?
    Ping,
    /// What do I have?
    Subscriptions,
    /// What was?
    History(History),
    /// What is there?
    Instruments {
        /// Only those of this exchange.
        exchange: Option<ExchangeId>,
    },
}

/// A request for events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribe {
    /// The names, as the answer repeats them.
    pub names: Vec<Name>,
    /// What is wanted of each name.
    pub wishes: Vec<Wish>,
    /// Whether the present state comes first.
    pub snapshot: bool,
    /// Where to resume, by name.
    pub from: Vec<(Name, ResumePoint)>,
}

/// The end of some subscriptions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsubscribe {
    /// Of these instruments.
    pub names: Vec<Name>,
    /// These channels, none twice.
    pub channels: Vec<Channel>,
    /// Only candles of this length; `None` is all lengths.
    pub interval: Option<Interval>,
}

/// A request for past events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// Of this instrument.
    pub name: Name,
    /// This channel.
    pub channel: Channel,
    /// That one where the exchange does not show the channel.
    pub or_else: Option<Channel>,
    /// Length of candles.
    pub interval: Interval,
    /// These dates.
    pub range: HistoryRange,
}

/// The last event that a client has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResumePoint {
    /// In which run of the process; `None` for a text that names none, so no run of ours.
    pub epoch: Option<u64>,
    /// Its number.
    pub seq: u64,
}

/// Which events of a stream are sent, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// Every event; a client that cannot take them is closed, or for a book gets a new snapshot.
    All,
    /// Every event to a client that keeps up, the newest to one that lags.
    Latest,
    /// The newest, so many times a second at most.
    PerSecond(NonZeroU32),
}

impl Delivery {
    /// Most events a second, where that is limited.
    pub const fn per_second(self) -> Option<NonZeroU32> {
        match self {
            Self::All | Self::Latest => None,
            Self::PerSecond(count) => Some(count),
        }
    }
}

/// What makes up for a channel that an exchange does not show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MakeUp {
    /// Nothing: the request is refused.
    Nothing,
    /// Any of these: the request is refused where none of them is carried either.
    Any(&'static [Channel]),
    /// The rest of the request.
    Rest,
}

/// One channel of what a name stands for. Instruments that come later may match, so it is kept
/// beside the subscriptions that it led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// In which language it is told.
    pub dialect: Dialect,
    /// Of what.
    pub name: Name,
    /// Which events.
    pub channel: Channel,
    /// Length of candles.
    pub interval: Option<Interval>,
    /// Levels on each side of a book; `None` is all.
    pub depth: Option<NonZeroU32>,
    /// How they are delivered.
    pub delivery: Delivery,
    /// What is there for those who ask where the channel is not carried.
    pub make_up: MakeUp,
    /// Only of instruments whose exchange does not show that channel.
    pub in_place_of: Option<Channel>,
}

impl Wish {
    /// Every event of a channel, where it is carried.
    pub const fn new(dialect: Dialect, name: Name, channel: Channel) -> Self {
        Self {
            dialect,
            name,
            channel,
            interval: None,
            depth: None,
            delivery: Delivery::All,
            make_up: MakeUp::Nothing,
            in_place_of: None,
        }
    }

    /// How the events call what it names, in a dialect that repeats names.
    pub fn called(&self) -> Option<&str> {
        self.dialect.speech().repeats_names().then_some(self.name.text.as_str())
    }
}
