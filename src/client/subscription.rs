//! What one session wants: its subscriptions, and the wishes that instruments to come will match.

use std::collections::HashMap;
use std::num::NonZeroU32;

use crate::instrument::{Channel, InstrumentId};
use crate::tick::Interval;

/// In which words events are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Form {
    /// Dialect 1.
    Actions,
    /// Dialect 2, to a client that named the bare symbol.
    CommandsSymbol,
    /// Dialect 2, to a client that named `exchange:symbol`.
    CommandsInstrument,
}

/// One stream of events as one session can have it once.
///
/// The depth of a book is no part of it: events do not state their depth, so a client could not
/// tell two views of one book apart, and asking for another depth replaces the view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Stream {
    pub(crate) instrument: InstrumentId,
    pub(crate) channel: Channel,
    /// Length of candles; `None` on the other channels.
    pub(crate) interval: Option<Interval>,
    pub(crate) form: Form,
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
    pub(crate) const fn per_second(self) -> Option<NonZeroU32> {
        match self {
            Self::All | Self::Latest => None,
            Self::PerSecond(count) => Some(count),
        }
    }
}

/// Where a live subscription stands among those who are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Slot of its group on its instrument and channel.
    pub(crate) group: u32,
    /// Its index in the group.
    pub(crate) index: u32,
}

/// How far a subscription has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Granted; what comes before its live events is still to be sent.
    Joining,
    /// Each event is sent.
    Live(Place),
}

/// One stream that a session has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subscription {
    pub(crate) stream: Stream,
    /// Levels on each side of a book; `None` is all.
    pub(crate) depth: Option<NonZeroU32>,
    pub(crate) delivery: Delivery,
    /// Index of the name by which the client asked for it.
    pub(crate) name: u32,
    pub(crate) progress: Progress,
    /// Seq of the first event that was left out because the client lagged; 0 when none is.
    pub(crate) missed_seq: u64,
}

impl Subscription {
    /// Whether events may be left out for a client that lags. A book's may always: a new snapshot
    /// makes up for them.
    pub(crate) const fn is_conflatable(&self) -> bool {
        !matches!(self.delivery, Delivery::All) || matches!(self.stream.channel, Channel::Orderbook)
    }
}

/// All of one session. Slots are stable while a subscription lives and used again after.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    slots: Vec<Option<Subscription>>,
    free: Vec<u32>,
    by_stream: HashMap<Stream, u32>,
}

impl Subscriptions {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.by_stream.len()
    }

    /// The slot of a stream.
    pub(crate) fn find(&self, stream: &Stream) -> Option<u32> {
        self.by_stream.get(stream).copied()
    }

    /// The subscription in a slot.
    pub(crate) fn slot(&self, slot: u32) -> Option<&Subscription> {
        self.slots.get(slot as usize)?.as_ref()
    }

    /// The subscription in a slot, to change it; its stream must stay.
    pub(crate) fn slot_mut(&mut self, slot: u32) -> Option<&mut Subscription> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    /// Adds a stream that is not there yet, or replaces the one that is; returns its slot.
    pub(crate) fn insert(&mut self, subscription: Subscription) -> u32 {
        let stream = subscription.stream;
        let slot = self.find(&stream).unwrap_or_else(|| {
            self.free.pop().unwrap_or_else(|| {
                self.slots.push(None);
                self.slots.len() as u32 - 1
            })
        });
        self.slots[slot as usize] = Some(subscription);
        self.by_stream.insert(stream, slot);
        slot
    }

    /// Takes a subscription out.
    pub(crate) fn remove(&mut self, slot: u32) -> Option<Subscription> {
        let subscription = self.slots.get_mut(slot as usize)?.take()?;
        self.by_stream.remove(&subscription.stream);
        self.free.push(slot);
        Some(subscription)
    }

    /// Every subscription with its slot, in no order that means anything.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Subscription)> {
        self.slots
            .iter()
            .enumerate()
            .filter_map(|(slot, held)| held.as_ref().map(|held| (slot as u32, held)))
    }
}
