//! Answers that take several turns: what a request asked for that is too much to be told at once.
//!
//! A session has one at most: while it has, nothing more is read from its socket, so that the
//! requests behind wait where they cost nothing, in the client's own connection.

use std::num::NonZeroU32;
use std::sync::Arc;

use super::subscription::SubscriptionKey;
use crate::cache::HistoryCursor;
use crate::dialect::{Catalogue, Delivery, Dialect, Label, Name, RequestId, Unsubscribe, Wish};
use crate::instrument::{Channel, ExchangeId, InstrumentId};
use crate::tick::Interval;

/// What is left to tell of a request whose answer takes several turns.
#[derive(Debug)]
pub(crate) enum LongAnswer {
    /// Part of a history.
    Past(Past),
    /// What there is to trade.
    Instruments(Instruments),
    /// What the client has.
    Subscriptions(Listing),
    /// Subscriptions that were promised and are not yet made.
    Grants(Grants),
    /// Subscriptions that are to end.
    Revokes(Revokes),
}

impl LongAnswer {
    /// Bytes that were made and wait for the rest.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Past(past) => past.items.len(),
            Self::Subscriptions(listing) => listing.items.len(),
            Self::Instruments(_) | Self::Grants(_) | Self::Revokes(_) => 0,
        }
    }
}

/// A history under way. It goes out as one message, once it is whole.
#[derive(Debug)]
pub(crate) struct Past {
    pub(crate) request_id: Option<RequestId>,
    pub(crate) dialect: Dialect,
    /// What the answer calls the instrument.
    pub(crate) label: Label,
    pub(crate) cursor: HistoryCursor,
    /// Events as they stand in the message.
    pub(crate) items: Vec<u8>,
    pub(crate) count: usize,
}

/// A list of instruments under way, of which each message is a piece.
#[derive(Debug)]
pub(crate) struct Instruments {
    pub(crate) request_id: Option<RequestId>,
    pub(crate) dialect: Dialect,
    pub(crate) exchange: Option<ExchangeId>,
    /// As it was when the client asked.
    pub(crate) catalogue: Arc<Catalogue>,
    /// Messages that were sent.
    pub(crate) sent: usize,
}

/// A list of subscriptions under way.
#[derive(Debug)]
pub(crate) struct Listing {
    pub(crate) request_id: Option<RequestId>,
    pub(crate) dialect: Dialect,
    /// In the order in which they are told, those that were told first.
    pub(crate) lines: Vec<(SubscriptionKey, Option<NonZeroU32>, Delivery)>,
    pub(crate) told: usize,
    pub(crate) items: Vec<u8>,
}

/// Wishes under way to subscriptions.
#[derive(Debug)]
pub(crate) struct Grants {
    /// The last is granted first.
    pub(crate) wishes: Vec<Wish>,
    /// Where instruments are to be resumed.
    pub(crate) points: Vec<(InstrumentId, u64)>,
    pub(crate) wants_snapshot: bool,
    /// Instruments of the last wish, of which the last comes first.
    pub(crate) instruments: Option<Vec<InstrumentId>>,
    /// Exchanges whose states are told when the wish is granted.
    pub(crate) feeds: [bool; ExchangeId::ALL.len()],
}

/// Subscriptions under way to their end.
#[derive(Debug)]
pub(crate) struct Revokes {
    pub(crate) request_id: Option<RequestId>,
    pub(crate) dialect: Dialect,
    pub(crate) names: Vec<Name>,
    /// By name: whether a subscription was found that it means.
    pub(crate) matched: Vec<bool>,
    pub(crate) channels: Vec<Channel>,
    pub(crate) interval: Option<Interval>,
    /// Slot of the subscription that is looked at next.
    pub(crate) next: u32,
    /// Every subscription was looked at, and all names mean something.
    pub(crate) is_found: bool,
    /// Those that were found; the last ends first.
    pub(crate) ending: Vec<u32>,
}

impl Revokes {
    pub(crate) fn new(dialect: Dialect, id: Option<&RequestId>, asked: Unsubscribe) -> Self {
        let Unsubscribe { names, channels, interval } = asked;
        let (request_id, matched) = (id.cloned(), vec![false; names.len()]);
        let (next, is_found, ending) = (0, false, Vec::new());
        Self { request_id, dialect, names, matched, channels, interval, next, is_found, ending }
    }
}
