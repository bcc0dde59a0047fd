//! What a sink that had lapsed is told anew by its own ring, so that it can go on: the newest states
//! that it missed, then each book that it missed something of, whole.
//!
//! ```text
//! owed      nothing of the book goes to the sink: the whole, which is still to come, holds it
//! telling   the whole stands before the ring, as far as it has no room; what happens to the book
//!           meanwhile stands behind it
//! ```
//! Everything else goes to the sink as ever. One book after the other, so that at most one is
//! copied; a sink so slow that the changes behind it grow beyond a bound is told that book once more.

use std::collections::BTreeMap;

use crate::clock::MonoNanos;
use crate::instrument::{Channel, InstrumentId};
use crate::limits::HELD_LEVELS_MAX;
use crate::tick::{Body, Interval, LevelFlags, Tick};

/// What a state is of. Keys stay, as those of what was missed do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum StateOf {
    /// A connection.
    Line(u8),
    /// Whether trades are carried to clients.
    TradesShown(InstrumentId),
    /// A stream; of candles, all of them or those of a length, in this order.
    Stream(InstrumentId, Channel, Option<Interval>),
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    /// The newest of each state that was missed.
    states: BTreeMap<StateOf, Option<Tick>>,
    /// Books of which something was missed, and whether they are owed. Keys stay.
    books: BTreeMap<InstrumentId, bool>,
    /// How many are owed.
    owed: usize,
    /// The book that is being told.
    telling: Option<InstrumentId>,
    /// Ticks that happened to it since.
    behind: usize,
}

impl Recovery {
    /// Whether ticks of some book are kept back.
    #[inline]
    pub(super) const fn is_under_way(&self) -> bool {
        self.owed > 0 || self.telling.is_some()
    }

    pub(super) const fn is_telling(&self) -> bool {
        self.telling.is_some()
    }

    pub(super) const fn owes_books(&self) -> bool {
        self.owed > 0
    }

    /// The last tick of something was missed.
    pub(super) fn note_missed(&mut self, tick: &Tick) {
        let instrument = tick.instrument;
        let of = match tick.body {
            Body::Level { .. }
            | Body::BookState { .. }
            | Body::Gap { channel: Channel::Orderbook, .. } => return self.owe(instrument),
            Body::FeedState { line, .. } => StateOf::Line(line),
            Body::TradesShown { .. } => StateOf::TradesShown(instrument),
            Body::StreamState { channel, interval, .. } => {
                if interval.is_none() {
                    // What is said of all lengths of candles counts for each.
                    let first = StateOf::Stream(instrument, channel, None);
                    let last = StateOf::Stream(instrument, channel, Interval::ALL.last().copied());
                    self.states.range_mut(first..=last).for_each(|(_, state)| *state = None);
                }
                StateOf::Stream(instrument, channel, interval)
            }
            _ => return,
        };
        self.states.insert(of, Some(*tick));
    }

    fn owe(&mut self, book: InstrumentId) {
        let is_owed = self.books.entry(book).or_default();
        self.owed += usize::from(!*is_owed);
        *is_owed = true;
    }

    /// The ring lapses: what is left of a book goes into it before anything else, and what happens
    /// to that book meanwhile is missed.
    pub(super) const fn interrupt(&mut self) {
        self.telling = None;
    }

    /// The ring takes ticks again: puts the states that it missed behind the gaps.
    pub(super) fn begin(&mut self, now: MonoNanos, first: &mut Vec<Tick>) {
        let missed = self.states.values_mut().filter_map(Option::take);
        first.extend(missed.map(|tick| Tick { received: now, ..tick }));
    }

    /// The next book to be told, from now on.
    pub(super) fn next_book(&mut self) -> Option<InstrumentId> {
        let (&book, is_owed) = self.books.iter_mut().find(|(_, is_owed)| **is_owed)?;
        *is_owed = false;
        self.owed -= 1;
        (self.telling, self.behind) = (Some(book), 0);
        Some(book)
    }

    /// All that stood before the ring went into it.
    pub(super) const fn has_told(&mut self) {
        self.telling = None;
    }

    /// Whether a tick is not to go into the ring now: of a book that is owed it never is, of the one
    /// that is being told it follows behind that.
    #[cold]
    pub(super) fn keeps_back(&mut self, tick: &Tick, first: &mut Vec<Tick>) -> bool {
        let book = tick.instrument;
        let begins = match tick.body {
            Body::Level { flags, .. } => flags.has(LevelFlags::FIRST),
            Body::BookState { .. } | Body::Gap { channel: Channel::Orderbook, .. } => true,
            _ => return false,
        };
        if self.books.get(&book).is_some_and(|is_owed| *is_owed) {
            return true;
        }
        if self.telling != Some(book) {
            return false;
        }
        if begins && self.behind >= HELD_LEVELS_MAX {
            self.owe(book);
            return true;
        }
        self.behind += 1;
        first.push(*tick);
        true
    }
}
