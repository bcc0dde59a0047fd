//! Tells a repetition from an exchange that has begun to count anew.
//!
//! An event whose numbers are in a book already is mostly one of three: a repetition, which changes
//! nothing; one from before the snapshot, while the stream catches up with it; or the exchange has
//! begun to count anew, far below, and from then on the book would stand still and pass for live.
//! The last shows by numbers that fall, though they cannot be repetitions: they lie below all that
//! the stream ever brought, or the exchange says that they are later than the last.

use crate::clock::UnixNanos;
use crate::exchange::{BookUpdate, Continuity};
use crate::limits::{BOOK_CATCHING_UP_MAX, BOOK_FALLING_MAX, BOOK_STRANGE_MAX};

/// The way that the numbers of a book's stream went since its snapshot, or since deltas are held.
#[derive(Clone, Copy, Debug)]
pub(super) struct Course {
    /// The lowest number; `None` before the first.
    began: Option<u64>,
    /// The last number.
    heard: Option<u64>,
    /// The time that the exchange stated with the last number. Not the latest: one wrong time would
    /// outlast its event.
    time: UnixNanos,
    /// Old events in a row: those that cannot be repetitions, others, those before the snapshot.
    strange: u8,
    falling: u8,
    catching_up: u8,
}

impl Course {
    /// Nothing came yet.
    pub(super) const NEW: Self = Self {
        began: None,
        heard: None,
        time: UnixNanos::NONE,
        strange: 0,
        falling: 0,
        catching_up: 0,
    };

    /// The lowest number so far.
    pub(super) const fn began(&self) -> Option<u64> {
        self.began
    }

    /// An event was taken.
    #[inline]
    pub(super) fn note(&mut self, update: &BookUpdate) {
        let first = update.first_id.or(update.last_id);
        if self.began.is_none() || first < self.began {
            self.began = first;
        }
        self.heard = update.last_id;
        self.time = update.exchange_time;
        (self.strange, self.falling, self.catching_up) = (0, 0, 0);
    }

    /// An event came that the book, or what is held, has already; true when the exchange counts
    /// anew. `joined` says that something of the stream was applied behind the snapshot: before,
    /// what lies below may just be older than it.
    #[cold]
    pub(super) fn counts_anew(
        &mut self,
        continuity: Continuity,
        joined: bool,
        update: &BookUpdate,
    ) -> bool {
        if update.last_id > self.heard {
            self.heard = update.last_id;
            self.time = update.exchange_time;
            self.catching_up = self.catching_up.saturating_add(1);
            return self.catching_up > BOOK_CATCHING_UP_MAX;
        }
        // The snapshot may hold the whole of an event that is told later, and a copy of the last event
        // says nothing either.
        if update.last_id == self.heard {
            return false;
        }
        let times_are_known = update.exchange_time.is_some() && self.time.is_some();
        let is_later = times_are_known && update.exchange_time > self.time;
        if is_later || (joined && update.last_id < self.began) {
            self.strange += 1;
        }
        self.falling += 1;
        // Where each event states the one before, one that follows nothing known is enough.
        let strange_max = match continuity {
            Continuity::StatesPreviousOrRestarts => 1,
            _ => BOOK_STRANGE_MAX,
        };
        self.strange >= strange_max || self.falling >= BOOK_FALLING_MAX
    }
}
