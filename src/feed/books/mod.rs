//! The proof of every book of a feed. Only what is proven goes on the rings.
//!
//! ```text
//!            delta                 snapshot joins what was held
//!  (unknown) ────▶ resyncing ─────────────────────────────────▶ live ─┐ deltas that follow
//!                      ▲  ▲                                      │  ▲─┘
//!         delta        │  └──── stale ◀── gap, crossed, too large┘
//!  stale ──────────────┘          (at once)
//!    ▲ connection lost
//! ```
//!
//! While a book is not live its deltas are held, and the rings carry its changes of state alone:
//! the broadcasters keep the last proven book, flagged. When a snapshot joins what was held, it
//! goes out as one run, the held deltas behind it, then the state `live`. A snapshot is asked for
//! only when a delta is held, so that the stream is known to flow before the snapshot is taken.

mod held;
mod proof;
mod run;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use self::held::{Held, Hold};
use self::proof::{Position, Step, step};
use self::run::Run;
use crate::book::{self, Book};
use crate::clock::UnixNanos;
use crate::exchange::{BookKind, BookRules, BookSnapshot, BookUpdate};
use crate::instrument::InstrumentId;
use crate::tick::{Body, BookState, Level, Reason, Tick};

/// What became of a book event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It follows; its levels went out.
    Published,
    /// The book has it already; ignored.
    Old,
    /// It waits for a snapshot.
    Held,
    /// Something before it is missing. It waits for a snapshot.
    Gap,
    /// More waits than may be held, so that what waited before it was dropped.
    HeldOverflow,
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

/// A snapshot that a book needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needed {
    /// Whose.
    pub instrument: InstrumentId,
    /// How many were asked for since the book was last live: 0 for the first, and a reason to
    /// take time over later ones.
    pub attempt: u32,
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
}

/// No entry of that instrument.
const ABSENT: u32 = u32::MAX;

impl Books {
    /// No books yet; each begins with its first event.
    pub const fn new(rules: BookRules) -> Self {
        Self { rules, places: Vec::new(), entries: Vec::new(), wanted: VecDeque::new() }
    }

    /// Judges one book event; what is to be published is appended to `out`.
    pub fn apply(&mut self, update: &BookUpdate, levels: &[Level], out: &mut Vec<Tick>) -> Applied {
        let place = self.place(update.instrument);
        let entry = &mut self.entries[place as usize];
        let applied = match (update.kind, entry.position) {
            (BookKind::Snapshot, _) => entry.replace(update, levels, out),
            (BookKind::Delta, Some(position)) => {
                entry.advance(self.rules, position, update, levels, out)
            }
            (BookKind::Delta, None) => entry.hold(self.rules, update, levels, out),
        };
        if entry.request == Request::None && !entry.held.is_empty() {
            self.want(place);
        }
        applied
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
        let joined = entry.join(self.rules, snapshot, out);
        match joined {
            Joined::Live => entry.request = Request::None,
            Joined::NotNeeded => {}
            Joined::TooOld | Joined::Crossed | Joined::TooLarge => self.want(place),
        }
        joined
    }

    /// The next snapshot that somebody should ask for. Each is told once; when the request fails,
    /// say so with [`Books::request_failed`].
    pub fn next_needed(&mut self) -> Option<Needed> {
        while let Some(place) = self.wanted.pop_front() {
            let entry = &mut self.entries[place as usize];
            if entry.request == Request::Wanted {
                entry.request = Request::Asked;
                entry.attempt += 1;
                return Some(Needed { instrument: entry.instrument, attempt: entry.attempt - 1 });
            }
        }
        None
    }

    /// The request for a snapshot was refused or got lost: it is needed anew.
    pub fn request_failed(&mut self, instrument: InstrumentId) {
        let Some(place) = self.find(instrument) else { return };
        if self.entries[place as usize].request == Request::Asked {
            self.want(place);
        }
    }

    /// The connection that fed this book was lost: what comes next does not follow what was.
    pub fn disconnected(&mut self, instrument: InstrumentId, out: &mut Vec<Tick>) {
        let Some(place) = self.find(instrument) else { return };
        let entry = &mut self.entries[place as usize];
        entry.position = None;
        entry.held = Held::default();
        entry.request = Request::None;
        entry.attempt = 0;
        entry.show(BookState::Stale, Reason::Disconnected, out);
    }

    /// Publishes a live book whole, for broadcasters that missed some of it; false when it is not
    /// live.
    pub fn publish(&mut self, instrument: InstrumentId, out: &mut Vec<Tick>) -> bool {
        let Some(place) = self.find(instrument) else { return false };
        let entry = &self.entries[place as usize];
        let Some(position) = entry.position else { return false };
        let run = entry.run(BookKind::Snapshot, UnixNanos::NONE, position.last_id);
        run.push(entry.book.levels(), out);
        true
    }

    /// The state that was last published; `None` before a book's first event.
    pub fn state(&self, instrument: InstrumentId) -> Option<BookState> {
        self.entries[self.find(instrument)? as usize].shown.map(|(state, _)| state)
    }

    /// A book; what it holds means something only while it is live.
    pub fn book(&self, instrument: InstrumentId) -> Option<&Book> {
        Some(&self.entries[self.find(instrument)? as usize].book)
    }

    /// The exchange's number of the last update in a live book.
    pub fn last_id(&self, instrument: InstrumentId) -> Option<u64> {
        self.entries[self.find(instrument)? as usize].position.map(|position| position.last_id)
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
        self.entries.push(Entry::new(instrument));
        place
    }
}

/// Where the snapshot of a book is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Request {
    /// Not needed.
    None,
    /// Needed, and in `Books::wanted`.
    Wanted,
    /// Told to whoever asks.
    Asked,
}

/// One book.
#[derive(Debug)]
struct Entry {
    instrument: InstrumentId,
    book: Book,
    /// How far it is proven; `None` while it is not.
    position: Option<Position>,
    /// What waits for a snapshot; empty while the book is proven.
    held: Held,
    request: Request,
    /// Snapshots asked for since the book was last live.
    attempt: u32,
    /// The state last published.
    shown: Option<(BookState, Reason)>,
    counts: BookCounts,
}

impl Entry {
    fn new(instrument: InstrumentId) -> Self {
        Self {
            instrument,
            book: Book::default(),
            position: None,
            held: Held::default(),
            request: Request::None,
            attempt: 0,
            shown: None,
            counts: BookCounts::default(),
        }
    }

    /// A delta of a live book.
    fn advance(
        &mut self,
        rules: BookRules,
        position: Position,
        update: &BookUpdate,
        levels: &[Level],
        out: &mut Vec<Tick>,
    ) -> Applied {
        match step(rules.continuity, position, update) {
            Step::Old => {
                self.counts.old += 1;
                Applied::Old
            }
            Step::Next => match self.extend(update, levels) {
                Ok(()) => {
                    let run = self.run(BookKind::Delta, update.exchange_time, update.last_id);
                    run.push(levels.iter().copied(), out);
                    Applied::Published
                }
                Err(reason) => self.reject(rules, reason, update, levels, out),
            },
            Step::Gap => {
                self.counts.gaps += 1;
                self.reject(rules, Reason::SequenceGap, update, levels, out)
            }
        }
    }

    /// A delta of a book that waits for a snapshot.
    fn hold(
        &mut self,
        rules: BookRules,
        update: &BookUpdate,
        levels: &[Level],
        out: &mut Vec<Tick>,
    ) -> Applied {
        if self.held.is_empty() {
            self.show_repair(Reason::AwaitingSnapshot, out);
        }
        match self.held.push(rules.continuity, update, levels) {
            Hold::Kept => Applied::Held,
            Hold::Old => {
                self.counts.old += 1;
                Applied::Old
            }
            Hold::Restarted => {
                self.counts.gaps += 1;
                Applied::Gap
            }
            Hold::Overflowed => Applied::HeldOverflow,
        }
    }

    /// A live book fails by `update`: says so, and begins to hold with it.
    #[cold]
    fn reject(
        &mut self,
        rules: BookRules,
        reason: Reason,
        update: &BookUpdate,
        levels: &[Level],
        out: &mut Vec<Tick>,
    ) -> Applied {
        self.position = None;
        self.show(BookState::Stale, reason, out);
        self.show(BookState::Resyncing, reason, out);
        self.held.push(rules.continuity, update, levels);
        match reason {
            Reason::Crossed => Applied::Crossed,
            Reason::BookTooLarge => Applied::TooLarge,
            _ => Applied::Gap,
        }
    }

    /// A whole book inside the stream.
    fn replace(&mut self, update: &BookUpdate, levels: &[Level], out: &mut Vec<Tick>) -> Applied {
        self.held = Held::default();
        self.request = Request::None;
        match self.reset(update.last_id, levels) {
            Ok(()) => {
                let run = self.run(BookKind::Snapshot, update.exchange_time, update.last_id);
                run.push(levels.iter().copied(), out);
                self.go_live(out);
                Applied::Published
            }
            Err(reason) => {
                self.position = None;
                self.show(BookState::Stale, reason, out);
                if reason == Reason::Crossed { Applied::Crossed } else { Applied::TooLarge }
            }
        }
    }

    /// A whole book from beside the stream.
    fn join(&mut self, rules: BookRules, snapshot: &BookSnapshot, out: &mut Vec<Tick>) -> Joined {
        if self.position.is_some() || self.held.is_empty() {
            return Joined::NotNeeded;
        }
        let start = Position { last_id: snapshot.last_update_id, joined: false };
        let judge = |update: &BookUpdate| step(rules.continuity, start, update);
        let first = self.held.iter().map(|(update, _)| judge(update)).find(|&s| s != Step::Old);
        if first == Some(Step::Gap) {
            return Joined::TooOld;
        }
        let held = std::mem::take(&mut self.held);
        let counts = self.counts;
        let mut fault = self.reset(snapshot.last_update_id, &snapshot.levels).err();
        let first_tick = out.len();
        let run = self.run(BookKind::Snapshot, UnixNanos::NONE, snapshot.last_update_id);
        run.push(snapshot.levels.iter().copied(), out);
        for (update, levels) in held.iter() {
            // The chain has no gap inside, so all from the first that is not old follow.
            if judge(update) == Step::Old {
                self.counts.old += 1;
                continue;
            }
            fault = fault.or(self.extend(update, levels).err());
            let run = self.run(BookKind::Delta, update.exchange_time, update.last_id);
            run.push(levels.iter().copied(), out);
        }
        match fault {
            None => {
                self.go_live(out);
                Joined::Live
            }
            Some(reason) => {
                out.truncate(first_tick);
                self.position = None;
                self.held = held;
                self.counts = counts;
                self.show(BookState::Stale, reason, out);
                self.show(BookState::Resyncing, reason, out);
                if reason == Reason::Crossed { Joined::Crossed } else { Joined::TooLarge }
            }
        }
    }

    /// Makes the book these levels; an error says why it is wrong.
    fn reset(&mut self, last_id: u64, levels: &[Level]) -> Result<(), Reason> {
        self.position = Some(Position { last_id, joined: false });
        if self.book.replace(levels.iter().copied()) == book::Applied::Refused {
            return Err(Reason::BookTooLarge);
        }
        self.uncrossed()
    }

    /// Applies a delta that follows; an error says why the book is wrong now.
    #[inline]
    fn extend(&mut self, update: &BookUpdate, levels: &[Level]) -> Result<(), Reason> {
        self.counts.applied += 1;
        self.position = Some(Position { last_id: update.last_id, joined: true });
        let mut whole = true;
        for &level in levels {
            whole &= self.book.apply(level) != book::Applied::Refused;
        }
        if whole { self.uncrossed() } else { Err(Reason::BookTooLarge) }
    }

    #[inline]
    fn uncrossed(&self) -> Result<(), Reason> {
        if self.book.is_crossed() { Err(Reason::Crossed) } else { Ok(()) }
    }

    fn go_live(&mut self, out: &mut Vec<Tick>) {
        self.attempt = 0;
        self.counts.joins += 1;
        self.show(BookState::Live, Reason::SnapshotJoined, out);
    }

    /// Says that a book waits for its snapshot, unless that was said already.
    fn show_repair(&mut self, reason: Reason, out: &mut Vec<Tick>) {
        if !matches!(self.shown, Some((BookState::Resyncing, _))) {
            self.show(BookState::Resyncing, reason, out);
        }
    }

    /// Publishes a change of state.
    fn show(&mut self, state: BookState, reason: Reason, out: &mut Vec<Tick>) {
        if self.shown != Some((state, reason)) {
            self.shown = Some((state, reason));
            let body = Body::BookState { state, reason };
            out.push(Tick::new(self.instrument, UnixNanos::NONE, body));
        }
    }

    fn run(&self, kind: BookKind, exchange_time: UnixNanos, update_id: u64) -> Run {
        Run { instrument: self.instrument, kind, exchange_time, update_id }
    }
}
