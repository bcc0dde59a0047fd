//! What a client asked for by name. Instruments that come later may match, so the names are kept
//! beside the subscriptions that they led to.

use std::collections::HashMap;
use std::num::NonZeroU32;

use super::dialect::{Delivery, Name, Naming};
use super::subscription::{Dialect, Subject};
use crate::cache::Stream;
use crate::instrument::Channel;
use crate::tick::Interval;

/// What a client asked for, by name.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) name: Name,
    pub(crate) channel: Channel,
    /// Length of candles.
    pub(crate) interval: Option<Interval>,
    pub(crate) dialect: Dialect,
    pub(crate) depth: Option<NonZeroU32>,
    pub(crate) delivery: Delivery,
}

impl Wish {
    /// What it asks of every instrument that it matches.
    pub(crate) fn subject(&self) -> Subject {
        match Stream::of(self.channel, self.interval.unwrap_or(Interval::Minute1)) {
            Some(stream) => Subject::Stream(stream),
            None => Subject::Status,
        }
    }

    /// How the events call what it names: as it is written in dialect 2, where `btc/usdt` and
    /// `BTC/USDT` are two assets of one symbol; by the symbol in dialect 1.
    pub(crate) fn called(&self) -> Option<&str> {
        match self.dialect {
            Dialect::Actions => None,
            Dialect::Commands => Some(&self.name.text),
        }
    }
}

/// What two wishes cannot both be: asking again changes the delivery.
type Key = (Naming, Option<Box<str>>, Channel, Option<Interval>);

fn key(wish: &Wish) -> Key {
    (wish.name.naming, wish.called().map(Box::from), wish.channel, wish.interval)
}

/// All of one session, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wishes {
    list: Vec<Wish>,
    index: HashMap<Key, usize>,
}

impl Wishes {
    /// Adds a wish; one for the same changes in its place.
    pub(crate) fn keep(&mut self, wish: Wish) {
        match self.index.get(&key(&wish)) {
            Some(&index) => self.list[index] = wish,
            None => {
                self.index.insert(key(&wish), self.list.len());
                self.list.push(wish);
            }
        }
    }

    /// Drops every wish for which `is_kept` does not hold.
    pub(crate) fn retain(&mut self, is_kept: impl FnMut(&Wish) -> bool) {
        self.list.retain(is_kept);
        self.index = self.list.iter().enumerate().map(|(at, wish)| (key(wish), at)).collect();
    }

    /// Every wish, the oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Wish> {
        self.list.iter()
    }
}
