//! What clients are answered, before a dialect puts it into words.

use std::num::NonZeroU32;

use super::label::Label;
use super::refusal::Refusal;
use super::request::{Delivery, RequestId};
use crate::cache::Stream;
use crate::clock::UnixNanos;

/// What an answer answers.
#[derive(Clone, Copy, Debug)]
pub struct Re<'a> {
    /// The id of the request.
    pub request_id: Option<&'a RequestId>,
    /// Our date.
    pub date: UnixNanos,
}

/// Which names a request changed, and which the client has after it. As the client wrote them.
#[derive(Clone, Copy, Debug)]
pub struct Changed<'a> {
    /// Subscribed or unsubscribed by this request.
    pub names: &'a [&'a str],
    /// Every name that the client has now in the request's dialect.
    pub current: &'a [&'a str],
    /// Id of the process run.
    pub epoch: u64,
}

/// One line of a list of subscriptions.
#[derive(Clone, Copy, Debug)]
pub enum SubscriptionLine<'a> {
    /// Numbered events of an instrument.
    Stream {
        /// Whose.
        label: &'a Label,
        /// Which.
        stream: Stream,
        /// Levels on each side of a book; `None` is all.
        depth: Option<NonZeroU32>,
        /// How they are delivered.
        delivery: Delivery,
        /// The newest number.
        seq: u64,
    },
    /// The states of all feeds.
    Status,
}

/// A reply to one request.
#[derive(Clone, Copy, Debug)]
pub enum Answer<'a> {
    /// What was asked for will come. `recovered` tells, for each name that was to be resumed,
    /// whether all was there.
    Subscribed(Changed<'a>, &'a [(&'a str, bool)]),
    /// It will come no more.
    Unsubscribed(Changed<'a>),
    /// The gateway is there.
    Pong,
    /// Nothing was done.
    Refused(&'a Refusal),
    /// What the client has, of items that were made by [`push_subscription`].
    ///
    /// [`push_subscription`]: super::Speech::push_subscription
    Subscriptions {
        /// The lines.
        items: &'a [u8],
        /// Id of the process run.
        epoch: u64,
    },
    /// A history was read; its events come in a message behind this one.
    HistoryFound(Past<'a>),
    /// The events of a history, of items that were made by [`push_past`].
    ///
    /// [`push_past`]: super::Speech::push_past
    History(Past<'a>, &'a [u8]),
    /// Some of what there is to trade, in pages of the catalogue.
    Instruments(&'a [&'a [u8]]),
}

/// What a history is of.
#[derive(Clone, Copy, Debug)]
pub struct Past<'a> {
    /// Whose events.
    pub label: &'a Label,
    /// Which.
    pub stream: Stream,
    /// How many there are.
    pub count: usize,
    /// Whether all of the range is there.
    pub complete: bool,
}
