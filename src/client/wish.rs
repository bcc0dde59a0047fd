//! What a client asked for by name. Instruments that come later may match, so the names are kept
//! beside the subscriptions that they led to.

use std::collections::HashMap;

use crate::dialect::{Dialect, Naming, Wish};
use crate::instrument::Channel;
use crate::tick::Interval;

/// What two wishes cannot both be: asking again changes the delivery.
type Key = (Dialect, Naming, Option<Box<str>>, Channel, Option<Interval>);

fn key(wish: &Wish) -> Key {
    (wish.dialect, wish.name.naming, wish.called().map(Box::from), wish.channel, wish.interval)
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
