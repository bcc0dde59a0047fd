//! What one session wants: its subscriptions, and the wishes that instruments to come will match.

use std::collections::HashMap;
use std::num::NonZeroU32;

use smallvec::SmallVec;

use crate::cache::Stream;
use crate::dialect::{Delivery, Dialect, Form, Wish};
use crate::instrument::{Channel, ExchangeId, InstrumentId};
use crate::tick::Interval;

/// A channel as a client subscribes to it: a numbered stream of an instrument, or states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum ClientChannel {
    /// Events with a `seq`.
    Stream(Stream),
    /// States of the instrument's book and of its exchange's feed.
    Status,
}

impl ClientChannel {
    /// Every one.
    pub(crate) const ALL: [Self; 5 + Interval::ALL.len()] = {
        let mut all = [Self::Status; 5 + Interval::ALL.len()];
        all[1] = Self::Stream(Stream::Trades);
        all[2] = Self::Stream(Stream::Quotes);
        all[3] = Self::Stream(Stream::Ticker);
        all[4] = Self::Stream(Stream::Orderbook);
        let mut index = 0;
        while index < Interval::ALL.len() {
            all[5 + index] = Self::Stream(Stream::Candles(Interval::ALL[index]));
            index += 1;
        }
        all
    };

    /// What a wish asks of every instrument that it matches.
    pub(crate) fn of(wish: &Wish) -> Self {
        let stream = Stream::of(wish.channel, wish.interval.unwrap_or(Interval::Minute1));
        stream.map_or(Self::Status, Self::Stream)
    }

    /// The channel that clients know it by.
    pub(crate) const fn channel(self) -> Channel {
        match self {
            Self::Stream(stream) => stream.channel(),
            Self::Status => Channel::Status,
        }
    }

    /// The interval of candles.
    pub(crate) const fn interval(self) -> Option<Interval> {
        match self {
            Self::Stream(stream) => stream.interval(),
            Self::Status => None,
        }
    }
}

/// What one session can have once.
///
/// The depth of a book is no part of it: events do not state their depth, so a client could not
/// tell two views of one book apart, and asking for another depth replaces the view.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SubscriptionKey {
    pub(crate) instrument: InstrumentId,
    pub(crate) channel: ClientChannel,
    pub(crate) form: Form,
}

impl SubscriptionKey {
    /// Whether the states of its exchange's feed are told to who has it.
    fn watches_feed(&self) -> bool {
        self.form.dialect.speech().tells_feed(self.channel.channel())
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

/// What a session has of one instrument, and how far it has come.
#[derive(Clone, Debug)]
pub(crate) struct ClientSubscription {
    pub(crate) key: SubscriptionKey,
    /// Levels on each side of a book; `None` is all.
    pub(crate) depth: Option<NonZeroU32>,
    pub(crate) delivery: Delivery,
    pub(crate) progress: Progress,
    /// Seq of the first event that was left out because the client lagged; 0 when none is.
    pub(crate) missed_seq: u64,
}

impl ClientSubscription {
    /// Whether events may be left out for a client that lags. A book's may always: a new snapshot
    /// makes up for them.
    pub(crate) const fn is_conflatable(&self) -> bool {
        !matches!(self.delivery, Delivery::All)
            || matches!(self.key.channel, ClientChannel::Stream(Stream::Orderbook))
    }
}

/// All of one session. Slots are stable while a subscription lives and used again after.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    slots: Vec<Option<ClientSubscription>>,
    free: Vec<u32>,
    by_key: HashMap<SubscriptionKey, u32>,
}

impl Subscriptions {
    /// The slot of the subscription of that key.
    pub(crate) fn find(&self, key: &SubscriptionKey) -> Option<u32> {
        self.by_key.get(key).copied()
    }

    /// The subscription in a slot.
    pub(crate) fn slot(&self, slot: u32) -> Option<&ClientSubscription> {
        self.slots.get(slot as usize)?.as_ref()
    }

    /// The subscription in a slot, to change it; its key must stay.
    pub(crate) fn slot_mut(&mut self, slot: u32) -> Option<&mut ClientSubscription> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    /// Adds a subscription, in the place of the one of the same key; returns its slot.
    pub(crate) fn insert(&mut self, subscription: ClientSubscription) -> u32 {
        let key = subscription.key.clone();
        let slot = self.find(&key).unwrap_or_else(|| {
            self.free.pop().unwrap_or_else(|| {
                self.slots.push(None);
                self.slots.len() as u32 - 1
            })
        });
        self.slots[slot as usize] = Some(subscription);
        self.by_key.insert(key, slot);
        slot
    }

    /// Takes a subscription out.
    pub(crate) fn remove(&mut self, slot: u32) -> Option<ClientSubscription> {
        let subscription = self.slots.get_mut(slot as usize)?.take()?;
        self.by_key.remove(&subscription.key);
        self.free.push(slot);
        Some(subscription)
    }

    /// One more than the highest slot.
    pub(crate) fn slots(&self) -> u32 {
        self.slots.len() as u32
    }

    /// Takes any one out, of a session that is over: its slot is not used again.
    pub(crate) fn pop(&mut self) -> Option<ClientSubscription> {
        loop {
            if let Some(subscription) = self.slots.pop()? {
                self.by_key.remove(&subscription.key);
                return Some(subscription);
            }
        }
    }

    /// Every subscription with its slot, in no order that means anything.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &ClientSubscription)> {
        self.slots
            .iter()
            .enumerate()
            .filter_map(|(slot, held)| held.as_ref().map(|held| (slot as u32, held)))
    }
}

/// How many of a session's subscriptions have the states of their exchange's feed told, by exchange
/// and dialect: with the first come the present ones.
#[derive(Debug, Default)]
pub(crate) struct FeedsWatched(SmallVec<[(ExchangeId, Dialect, u32); 1]>);

impl FeedsWatched {
    fn find(&mut self, exchange: ExchangeId, dialect: Dialect) -> Option<&mut u32> {
        let found = self.0.iter_mut().find(|entry| (entry.0, entry.1) == (exchange, dialect));
        found.map(|(.., count)| count)
    }

    /// One more, if it has them told. True when it is the first.
    pub(crate) fn add(&mut self, exchange: ExchangeId, key: &SubscriptionKey) -> bool {
        if !key.watches_feed() {
            return false;
        }
        let dialect = key.form.dialect;
        match self.find(exchange, dialect) {
            Some(count) => {
                *count += 1;
                false
            }
            None => {
                self.0.push((exchange, dialect, 1));
                true
            }
        }
    }

    /// One less, if it had them told.
    pub(crate) fn remove(&mut self, exchange: ExchangeId, key: &SubscriptionKey) {
        if key.watches_feed()
            && let Some(count) = self.find(exchange, key.form.dialect)
        {
            *count -= 1;
            self.0.retain(|(.., count)| *count > 0);
        }
    }

    /// Whether there is one.
    pub(crate) fn has(&self, exchange: ExchangeId, dialect: Dialect) -> bool {
        self.0.iter().any(|entry| (entry.0, entry.1) == (exchange, dialect))
    }
}
