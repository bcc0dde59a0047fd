//! The proof of every book of a feed. Only what is proven goes on the rings.
//!
//! ```text
//!         accepted, delta          snapshot joins what was held
//!  (unknown) ────▶ resyncing ─────────────────────────────────▶ live ─┐ deltas that follow
//!                      ▲  ▲                                      │  ▲─┘
//!         delta        │  └──── stale ◀─ gap, checksum, crossed, ┘
//!  stale ──────────────┘   (at once)     too large, distrusted
//!    ▲ connection lost
//! ```
//!
//! A live book whose connection does not answer is shown as stale, but stays what it is: with the
//! answer, or its next event, it is shown as live again. So is one of which something may be lost
//! that its next event shows by its number: if that follows, nothing was.
//!
//! While a book is not live the rings carry its changes of state alone: the broadcasters keep the
//! last proven book, flagged. How it becomes live again depends on where its first state comes
//! from. Beside the stream ([`SnapshotSource::Rest`]): its deltas are held, a snapshot is asked
//! for once one is, or a while after the subscription was accepted (so that the stream is known to
//! flow before the snapshot is taken), and when one joins what was held, it goes out as one run, then
//! the state `live`, the held deltas behind it. Inside the stream ([`SnapshotSource::Stream`]): its
//! deltas are dropped until the snapshot that a new subscription begins with.
//!
//! What proves a delta is data, [`BookRules`]: the exchange's numbers, its checksum over the best
//! levels, and always that the best bid is below the best ask; of a book without numbers also that
//! nothing is taken out of it that is not there, and that no other whole book stands beside it that may
//! be newer. A book whose exchange keeps a fixed
//! depth and does not tell what falls out of it is cut to that depth once an event was applied
//! whole; the levels that fell out stand behind the event as removals, so that nobody downstream
//! needs to know the depth.
//!
//! A connection that is to take over may be behind the one that brings a book. Where no number tells
//! what of its events is news, its book is kept beside that one, proven by the same rules, and takes
//! over when it has caught up.

mod checksum;
mod course;
mod entry;
mod held;
mod proof;
mod run;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use self::entry::{Entry, Event, Request};
use self::proof::Position;
use crate::book::Book;
use crate::exchange::{BookRules, BookSnapshot, BookUpdate, Continuity, SnapshotSource};
use crate::instrument::InstrumentId;
use crate::tick::{BookState, Level, Reason, Tick};

/// What became of a book event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It follows; its levels went out.
    Published,
    /// The book has it already; ignored.
    Old,
    /// It waits for a snapshot.
    Held,
    /// It came before the snapshot that its subscription begins with, so it proves nothing and is
    /// dropped.
    Unproven,
    /// Something before it is missing. It waits for a snapshot.
    Gap,
    /// More waits than may be held, so that what waited before it was dropped.
    HeldOverflow,
    /// The book's checksum does not match after it. The book waits for a snapshot.
    Checksum,
    /// It makes the best bid meet the best ask. The book waits for a snapshot.
    Crossed,
    /// It makes the book larger than its bound. The book waits for a snapshot.
    TooLarge,
}

/// What became of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joined {
    /// It joined; the book is live.
    Live,
    /// Deltas between it and the oldest one held are missing; a newer one is needed.
    TooOld,
    /// Nothing waits for it (the book is live, or the connection was lost meanwhile); ignored.
    NotNeeded,
    /// With the held deltas it is crossed; a newer one is needed.
    Crossed,
    /// It is larger than a book may be; a newer one is needed.
    TooLarge,
}

/// Where the loss of a book event shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LossShows {
    /// In the next event's numbers.
    Always,
    /// In the next checksum, which covers the best levels alone.
    NearTheBest,
    /// In nothing.
    Nowhere,
}

/// A snapshot that a book needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needed {
    /// Whose.
    pub instrument: InstrumentId,
    /// How many were asked for since the book was last live: 0 for the first, and a reason to
    /// take time over later ones.
    pub attempt: u32,
    /// Nothing went wrong: the subscription is new and its snapshot is probably on its way.
    pub patient: bool,
    /// What was lost could not be read, or is not known at all. That another snapshot joins does not
    /// mean that it is over.
    pub unread: bool,
}

/// What one book has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BookCounts {
    /// Deltas that were applied.
    pub applied: u64,
    /// Deltas that the book, its snapshot or what was held had already.
    pub old: u64,
    /// Holes in the numbering.
    pub gaps: u64,
    /// Snapshots that joined.
    pub joins: u64,
    /// Events that were dropped because no snapshot came before them.
    pub unproven: u64,
    /// Checksums that matched.
    pub checksums_ok: u64,
    /// Checksums that did not match.
    pub checksums_bad: u64,
    /// Checksums sent as 0 by an exchange that has retired them.
    pub checksums_zero: u64,
}

/// The books of one feed. Nothing is allocated while books are live.
#[derive(Debug)]
pub struct Books {
    rules: BookRules,
    /// By [`InstrumentId::index`]: place in `entries`, or [`ABSENT`].
    places: Vec<u32>,
    entries: Vec<Entry>,
    /// Entries whose snapshot nobody has asked for yet, oldest first; some may not need it any
    /// more.
    wanted: VecDeque<u32>,
    /// Levels that fell out of a book by its event.
    dropped: Vec<Level>,
}

/// No entry of that instrument.
const ABSENT: u32 = u32::MAX;

impl Books {
    /// No books yet; each begins with its first event.
    pub const fn new(rules: BookRules) -> Self {
        Self {
            rules,
            places: Vec::new(),
            entries: Vec::new(),
            wanted: VecDeque::new(),
            dropped: Vec::new(),
        }
    }

    /// Judges one book event; what is to be published is appended to `out`.
    pub fn apply(&mut self, update: &BookUpdate, levels: &[Level], out: &mut Vec<Tick>) -> Applied {
        self.judge((update, levels), out, Entry::advance)
    }

    /// The same of an event from which on the exchange counts anew: a live book does not survive
    /// it, whatever its number.
    #[cold]
    pub fn apply_anew(
        &mut self,
        update: &BookUpdate,
        levels: &[Level],
        out: &mut Vec<Tick>,
    ) -> Applied {
        self.judge((update, levels), out, |entry, _, event| entry.begin_anew(event))
    }

    /// `advance` judges a delta of a live book.
    #[inline(always)]
    fn judge(
        &mut self,
        (update, levels): (&BookUpdate, &[Level]),
        out: &mut Vec<Tick>,
        advance: impl FnOnce(&mut Entry, Position, &mut Event<'_>) -> Applied,
    ) -> Applied {
        let place = self.place(update.instrument);
        let entry = &mut self.entries[place as usize];
        let mut event =
            Event { rules: self.rules, update, levels, dropped: &mut self.dropped, out };
        let applied = match entry.position {
            _ if event.is_whole() => entry.replace(&mut event),
            Some(position) => advance(entry, position, &mut event),
            None if self.rules.snapshot == SnapshotSource::Rest => entry.hold(&mut event),
            None => entry.pass_over(&mut event),
        };
        self.want_lacking(place, applied == Applied::Unproven);
        applied
    }

    /// A whole book that nobody asked for, and of which nobody knows whether it is newer than the one
    /// that is proven. If it is another, neither is believed.
    #[cold]
    pub fn weigh(&mut self, update: &BookUpdate, levels: &[Level], out: &mut Vec<Tick>) -> Applied {
        let place = self.place(update.instrument);
        let (rules, dropped) = (self.rules, &mut self.dropped);
        let mut event = Event { rules, update, levels, dropped, out };
        let applied = self.entries[place as usize].weigh(&mut event);
        self.want_lacking(place, false);
        applied
    }

    /// Asks for a snapshot if an event has shown that one is needed.
    #[inline]
    fn want_lacking(&mut self, place: u32, patient: bool) {
        let entry = &mut self.entries[place as usize];
        if entry.request == Request::None && entry.lacks_snapshot(self.rules.snapshot) {
            entry.patient = patient;
            self.want(place);
        }
    }

    /// Joins a snapshot with the deltas that wait for it.
    ///
    /// One that is newer than all of them is taken as it is, and judged by the delta that comes
    /// next: a quiet book need not wait for its next change. `out` grows by as many ticks as the
    /// snapshot has levels; whoever owns it gives that memory back.
    pub fn snapshot(
        &mut self,
        instrument: InstrumentId,
        snapshot: &BookSnapshot,
        out: &mut Vec<Tick>,
    ) -> Joined {
        let Some(place) = self.find(instrument) else { return Joined::NotNeeded };
        let entry = &mut self.entries[place as usize];
        entry.is_asked = false;
        let joined = entry.join(self.rules, snapshot, out);
        match joined {
            Joined::Live => entry.request = Request::None,
            Joined::NotNeeded => self.ask_for_flowing(place),
            Joined::TooOld | Joined::Crossed | Joined::TooLarge => self.want(place),
        }
        joined
    }

    /// An event of a connection that is behind the one which brings this live book. False when it
    /// makes no book that could take over: that connection has to bring it whole again.
    #[cold]
    pub fn keep_beside(&mut self, update: &BookUpdate, levels: &[Level]) -> bool {
        let place = self.place(update.instrument);
        self.entries[place as usize].keep_beside(update, levels, (self.rules, &mut self.dropped))
    }

    /// Whether the book that is kept beside says what the other one does.
    #[cold]
    pub fn is_alike_beside(&self, instrument: InstrumentId) -> bool {
        self.find(instrument).is_some_and(|place| self.entries[place as usize].is_alike_beside())
    }

    /// The book that was kept beside takes over; false when there is none. When the other was `lost`
    /// before it had caught up, what it tells goes back a little: the book is stale in between.
    #[cold]
    pub fn take_over(
        &mut self,
        instrument: InstrumentId,
        lost: Option<Reason>,
        out: &mut Vec<Tick>,
    ) -> bool {
        let Some(place) = self.find(instrument) else { return false };
        let entry = &mut self.entries[place as usize];
        if let Some(reason) = lost {
            entry.show(BookState::Stale, reason, out);
        }
        entry.take_over(out)
    }

    /// What is kept beside is not to take over.
    #[cold]
    pub fn drop_beside(&mut self, instrument: InstrumentId) {
        if let Some(place) = self.find(instrument) {
            self.entries[place as usize].drop_beside();
        }
    }

    /// The next snapshot that somebody should ask for. Each is told once; when the request fails,
    /// say so with [`Books::request_failed`].
    pub fn next_needed(&mut self) -> Option<Needed> {
        while let Some(place) = self.wanted.pop_front() {
            let entry = &mut self.entries[place as usize];
            if entry.request == Request::Wanted {
                entry.request = Request::Asked;
                entry.is_asked = true;
                entry.attempt += 1;
                return Some(Needed {
                    instrument: entry.instrument,
                    attempt: entry.attempt - 1,
                    patient: entry.patient,
                    unread: matches!(
                        entry.shown,
                        Some((_, Reason::Refused | Reason::ExchangeError))
                    ),
                });
            }
        }
        None
    }

    /// The request for a snapshot was refused or got lost: it is needed anew.
    pub fn request_failed(&mut self, instrument: InstrumentId) {
        let Some(place) = self.find(instrument) else { return };
        let entry = &mut self.entries[place as usize];
        entry.is_asked = false;
        if entry.request == Request::Asked {
            self.want(place);
        } else {
            self.ask_for_flowing(place);
        }
    }

    /// The snapshot that a book waits for could not be had for now: says why.
    pub fn tell_why(&mut self, instrument: InstrumentId, reason: Reason, out: &mut Vec<Tick>) {
        let Some(place) = self.find(instrument) else { return };
        let entry = &mut self.entries[place as usize];
        if entry.position.is_none() && entry.request == Request::Asked {
            entry.show(BookState::Resyncing, reason, out);
        }
    }

    /// The subscription of this book was accepted: its stream flows. One that is not proven says
    /// that it waits for its first state. Where that comes beside the stream, nobody asks for it
    /// yet: see [`Books::ask_quiet`].
    pub fn accepted(&mut self, instrument: InstrumentId, out: &mut Vec<Tick>) {
        let place = self.place(instrument);
        let entry = &mut self.entries[place as usize];
        entry.flows = true;
        if entry.position.is_none() {
            entry.show_repair(Reason::AwaitingSnapshot, out);
        }
    }

    /// Nothing came of this book for a while after it was accepted: its market is quiet, and its
    /// first state, which comes beside the stream, needs no change to join.
    pub fn ask_quiet(&mut self, instrument: InstrumentId) {
        if let Some(place) = self.find(instrument) {
            self.ask_for_flowing(place);
        }
    }

    /// Asks for the snapshot of a book whose stream flows, unless an answer is on its way: one to a
    /// question of before would be older than the stream.
    fn ask_for_flowing(&mut self, place: u32) {
        let entry = &self.entries[place as usize];
        let is_idle = entry.request == Request::None && !entry.is_asked;
        if entry.flows && entry.position.is_none() && is_idle {
            self.want(place);
        }
    }

    /// The connection that fed this book was lost: what comes next does not follow what was.
    pub fn disconnected(&mut self, instrument: InstrumentId, out: &mut Vec<Tick>) {
        if self.state(instrument).is_some() {
            self.abandon(instrument, Reason::Disconnected, out);
        }
    }

    /// Nothing comes of this book for now, and nobody is to ask for it.
    pub fn abandon(&mut self, instrument: InstrumentId, reason: Reason, out: &mut Vec<Tick>) {
        let place = self.place(instrument);
        let entry = &mut self.entries[place as usize];
        entry.forget();
        entry.flows = false;
        entry.request = Request::None;
        (entry.attempt, entry.strays) = (0, 0);
        entry.show(BookState::Stale, reason, out);
    }

    /// The book is asked for under another name from now on: what came, or is on its way, is of
    /// another instrument. True when it was live until now.
    pub fn respelled(&mut self, instrument: InstrumentId, out: &mut Vec<Tick>) -> bool {
        if self.distrust(instrument, Reason::Configuration, out) {
            return true;
        }
        if let Some(place) = self.find(instrument) {
            let entry = &mut self.entries[place as usize];
            entry.forget();
            entry.flows = false;
            entry.request = Request::None;
        }
        false
    }

    /// Something outside of the book's own events says that it may be wrong or old; true when it
    /// was live until now. It waits for a snapshot as if an event had failed. Of one that waits for
    /// the snapshot in its stream, what could not be read may be just that: it says so.
    pub fn distrust(
        &mut self,
        instrument: InstrumentId,
        reason: Reason,
        out: &mut Vec<Tick>,
    ) -> bool {
        let Some(place) = self.find(instrument) else { return false };
        let entry = &mut self.entries[place as usize];
        if entry.position.is_none() {
            if reason == Reason::Refused && self.rules.snapshot == SnapshotSource::Stream {
                entry.show(BookState::Resyncing, reason, out);
                entry.patient = false;
                self.want(place);
            }
            return false;
        }
        entry.forget();
        entry.show(BookState::Stale, reason, out);
        // Beside the stream nothing is asked for before it is known to flow.
        entry.flows &= !matches!(reason, Reason::Aged | Reason::Configuration);
        if entry.flows || self.rules.snapshot == SnapshotSource::Stream {
            entry.show(BookState::Resyncing, reason, out);
            entry.patient = false;
            self.want(place);
        }
        true
    }

    /// Something was lost that may have been of this book, and its next event will show whether it
    /// was: a live one is shown as stale until then, and stays proven. True when it was not yet.
    pub fn suspect(&mut self, instrument: InstrumentId, out: &mut Vec<Tick>) -> bool {
        if self.is_suspect(instrument) || !self.shows_loss(instrument) {
            return false;
        }
        let Some(place) = self.find(instrument) else { return false };
        self.entries[place as usize].show(BookState::Stale, Reason::Refused, out);
        true
    }

    /// Whether a book is proven, and nothing has shown yet that what was lost was not of it.
    pub fn is_suspect(&self, instrument: InstrumentId) -> bool {
        let place = self.find(instrument);
        place.is_some_and(|place| self.entries[place as usize].is_suspect())
    }

    /// Whether the loss of an event of a live book is sure to show in its next one: in its numbers, or
    /// in a checksum over the whole book.
    pub fn shows_loss(&self, instrument: InstrumentId) -> bool {
        let Some(place) = self.find(instrument) else { return false };
        let entry = &self.entries[place as usize];
        match self.loss_shows() {
            LossShows::Always => entry.position.is_some_and(|position| position.last_id.is_some()),
            LossShows::NearTheBest => entry.position.is_some() && entry.is_covered,
            LossShows::Nowhere => false,
        }
    }

    /// Nobody knows whether the connection lives that brings this book: a live one is shown as
    /// stale. It stays proven, as nothing of it is known to be missing.
    pub fn doubt(&mut self, instrument: InstrumentId, out: &mut Vec<Tick>) {
        let Some(place) = self.find(instrument) else { return };
        let entry = &mut self.entries[place as usize];
        if entry.position.is_some() && !entry.is_doubted() {
            entry.show(BookState::Stale, Reason::Silence, out);
        }
    }

    /// The connection does live: a book that was doubted is shown as live again, as it stands.
    pub fn vouch(&mut self, instrument: InstrumentId, out: &mut Vec<Tick>) {
        let Some(place) = self.find(instrument) else { return };
        let entry = &mut self.entries[place as usize];
        if entry.is_doubted() && !entry.is_suspect() {
            entry.show(BookState::Live, Reason::Answered, out);
        }
    }

    /// True while a book waits for a snapshot that somebody was told to get.
    pub fn awaits_snapshot(&self, instrument: InstrumentId) -> bool {
        self.find(instrument).is_some_and(|place| {
            let entry = &self.entries[place as usize];
            entry.position.is_none() && entry.request != Request::None
        })
    }

    /// What a book event that never arrives shows by in those that do.
    pub fn loss_shows(&self) -> LossShows {
        match (self.rules.continuity, self.rules.checksum) {
            (Continuity::None, None) => LossShows::Nowhere,
            (Continuity::None, Some(_)) => LossShows::NearTheBest,
            _ => LossShows::Always,
        }
    }

    /// Publishes a live book whole, for broadcasters that missed some of it; false when it is not
    /// live.
    pub fn publish(&mut self, instrument: InstrumentId, out: &mut Vec<Tick>) -> bool {
        let Some(place) = self.find(instrument) else { return false };
        let entry = &self.entries[place as usize];
        let Some(position) = entry.position else { return false };
        entry.publish(position, out);
        true
    }

    /// The state that was last published; `None` before a book's first event.
    pub fn state(&self, instrument: InstrumentId) -> Option<BookState> {
        self.status(instrument).map(|(state, _)| state)
    }

    /// The same, with its reason.
    pub fn status(&self, instrument: InstrumentId) -> Option<(BookState, Reason)> {
        self.entries[self.find(instrument)? as usize].shown
    }

    /// Every book of which a state was published, be it carried still or not.
    pub fn shown(&self) -> impl Iterator<Item = InstrumentId> {
        let shown = self.entries.iter().filter(|entry| entry.shown.is_some());
        shown.map(|entry| entry.instrument)
    }

    /// These books are subscribed: until their first event they count as resyncing.
    pub fn expect(&mut self, instruments: &[InstrumentId]) {
        for &instrument in instruments {
            self.place(instrument);
        }
    }

    /// A book; what it holds means something only while it is live.
    pub fn book(&self, instrument: InstrumentId) -> Option<&Book> {
        Some(&self.entries[self.find(instrument)? as usize].book)
    }

    /// Whether a book is proven, and so live.
    #[inline]
    pub fn is_proven(&self, instrument: InstrumentId) -> bool {
        let place = self.find(instrument);
        place.is_some_and(|place| self.entries[place as usize].position.is_some())
    }

    /// The exchange's number of the last update in a live book, where it states numbers.
    pub fn last_id(&self, instrument: InstrumentId) -> Option<u64> {
        self.entries[self.find(instrument)? as usize].position?.last_id
    }

    /// What a book has seen.
    pub fn counts(&self, instrument: InstrumentId) -> BookCounts {
        self.find(instrument)
            .map_or_else(BookCounts::default, |place| self.entries[place as usize].counts)
    }

    fn want(&mut self, place: u32) {
        let entry = &mut self.entries[place as usize];
        if entry.request != Request::Wanted {
            entry.request = Request::Wanted;
            self.wanted.push_back(place);
        }
    }

    fn find(&self, instrument: InstrumentId) -> Option<u32> {
        self.places.get(instrument.index()).copied().filter(|&place| place != ABSENT)
    }

    /// The entry of an instrument, made when it is new.
    fn place(&mut self, instrument: InstrumentId) -> u32 {
        match self.find(instrument) {
            Some(place) => place,
            None => self.add(instrument),
        }
    }

    #[cold]
    fn add(&mut self, instrument: InstrumentId) -> u32 {
        let index = instrument.index();
        if self.places.len() <= index {
            self.places.resize(index + 1, ABSENT);
        }
        let place = self.entries.len() as u32;
        self.places[index] = place;
        self.entries.push(Entry::new(instrument, self.rules.checksum));
        place
    }
}
