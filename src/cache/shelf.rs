//! The book of one instrument as the broadcaster serves it: a copy of what the feed proved, its
//! state, and the views that clients follow. It never judges.

use super::event::{BookEvent, BookLevels, BookStatus, Event, EventBody, Gap, Stamp, Stream};
use super::histories::Histories;
use super::memory::number_after;
use super::packed::Record;
use crate::book::{Applied, Book, BookKind, View, ViewChange};
use crate::clock::UnixNanos;
use crate::instrument::InstrumentId;
use crate::tick::{Decimal, Level, LevelFlags, Reason, Side};

/// A view and how many subscriptions follow it.
#[derive(Clone, Debug)]
struct SharedView {
    view: View,
    users: usize,
}

/// A book with all that belongs to it.
#[derive(Clone, Debug)]
pub(super) struct BookShelf {
    book: Book,
    /// Whether a snapshot ever came.
    known: bool,
    status: BookStatus,
    /// Levels of the delta that is not whole yet. Nothing of it shows before its last level.
    pending: Vec<Level>,
    /// Whether the event that is not whole yet is a snapshot, staged in the book.
    staging: bool,
    seq: u64,
    /// Dates of the newest event.
    stamp: Stamp,
    views: Vec<SharedView>,
    /// What one event changed inside one view.
    changes: Vec<Level>,
    refused: u64,
}

impl BookShelf {
    pub(super) fn new() -> Self {
        Self {
            book: Book::new(),
            known: false,
            status: BookStatus::UNKNOWN,
            pending: Vec::new(),
            staging: false,
            seq: 0,
            stamp: Stamp { exchange_time: UnixNanos::NONE, received: UnixNanos::NONE },
            views: Vec::new(),
            changes: Vec::new(),
            refused: 0,
        }
    }

    /// Nobody looks at the book any more: the last one that was proven is no present state, not even
    /// a stale one. It is there again with its next snapshot.
    pub(super) const fn leave(&mut self) {
        self.known = false;
    }

    /// Takes one level of an event; with its last one the event happens.
    #[inline]
    pub(super) fn level(
        &mut self,
        instrument: InstrumentId,
        histories: &mut Histories,
        stamp: Stamp,
        (level, flags): (Level, LevelFlags),
        told: &mut impl FnMut(&Event<'_>),
    ) {
        if flags.has(LevelFlags::FIRST) {
            self.staging = flags.has(LevelFlags::SNAPSHOT);
            self.pending.clear();
            self.book.begin();
        }
        if !flags.has(LevelFlags::EMPTY) {
            if self.staging {
                self.refused += u64::from(self.book.stage(level) == Applied::Refused);
            } else {
                self.pending.push(level);
            }
        }
        if !flags.has(LevelFlags::LAST) {
            return;
        }
        self.seq += 1;
        self.stamp = stamp;
        if self.staging {
            self.replace(instrument, histories, told);
        } else {
            self.change(instrument, histories, told);
        }
    }

    fn replace(
        &mut self,
        instrument: InstrumentId,
        histories: &mut Histories,
        told: &mut impl FnMut(&Event<'_>),
    ) {
        self.refused += u64::from(self.book.commit() == Applied::Refused);
        self.known = true;
        self.staging = false;
        // A client that resumes from before a snapshot is better served with a snapshot.
        histories.forget(instrument, Stream::Orderbook, self.seq);
        told(&self.event(instrument, None));
        for index in 0..self.views.len() {
            self.views[index].view.reset(&self.book);
            told(&self.event(instrument, Some(self.views[index].view.depth())));
        }
    }

    fn change(
        &mut self,
        instrument: InstrumentId,
        histories: &mut Histories,
        told: &mut impl FnMut(&Event<'_>),
    ) {
        let (seq, stamp) = (self.seq, self.stamp);
        let mut remember = |body| {
            histories.push(instrument, Stream::Orderbook, &Record { seq, stamp, body });
        };
        for &level in &self.pending {
            self.refused += u64::from(self.book.apply(level) == Applied::Refused);
            remember(level.body(LevelFlags::default(), None));
        }
        if self.pending.is_empty() {
            let nothing = Level { side: Side::None, price: Decimal::ZERO, size: Decimal::ZERO };
            remember(nothing.body(LevelFlags::EMPTY, None));
        }
        told(&delta(instrument, seq, stamp, None, 0, &self.pending));
        for SharedView { view, .. } in &mut self.views {
            let change = view.update(&self.book, &self.pending, &mut self.changes);
            if let ViewChange::Levels { conflated } = change {
                let depth = Some(view.depth());
                told(&delta(instrument, seq, stamp, depth, conflated, &self.changes));
            }
        }
    }

    /// The book as it stands, as a snapshot.
    fn event(&self, instrument: InstrumentId, depth: Option<usize>) -> Event<'_> {
        let levels = BookLevels::Best(&self.book, depth.unwrap_or(usize::MAX));
        let event = BookEvent { kind: BookKind::Snapshot, depth, conflated: 0, levels };
        Event { instrument, seq: self.seq, stamp: self.stamp, body: EventBody::Book(event) }
    }

    /// The same, unless no book is known yet.
    pub(super) fn snapshot(
        &self,
        instrument: InstrumentId,
        depth: Option<usize>,
    ) -> Option<Event<'_>> {
        self.known.then(|| self.event(instrument, depth))
    }

    pub(super) fn set_status(&mut self, status: BookStatus) {
        self.status = status;
    }

    pub(super) const fn status(&self) -> BookStatus {
        self.status
    }

    pub(super) const fn book(&self) -> &Book {
        &self.book
    }

    pub(super) const fn seq(&self) -> u64 {
        self.seq
    }

    pub(super) const fn refused(&self) -> u64 {
        self.refused
    }

    /// Numbers `missed` events as missing.
    pub(super) fn miss(&mut self, missed: u64, reason: Reason) -> Gap {
        let from_seq = self.seq + 1;
        self.seq = number_after(self.seq, missed);
        Gap { stream: Stream::Orderbook, from_seq, to_seq: self.seq, reason }
    }

    /// One more subscription follows the view of `depth`.
    pub(super) fn open_view(&mut self, depth: usize) {
        match self.views.iter_mut().find(|shared| shared.view.depth() == depth) {
            Some(shared) => shared.users += 1,
            None => self.views.push(SharedView { view: View::new(depth, &self.book), users: 1 }),
        }
    }

    /// One less.
    pub(super) fn close_view(&mut self, depth: usize) {
        let found = self.views.iter().position(|shared| shared.view.depth() == depth);
        let Some(index) = found else { return };
        self.views[index].users -= 1;
        if self.views[index].users == 0 {
            self.views.swap_remove(index);
        }
    }
}

/// A change as an event.
#[inline]
fn delta(
    instrument: InstrumentId,
    seq: u64,
    stamp: Stamp,
    depth: Option<usize>,
    conflated: u64,
    levels: &[Level],
) -> Event<'_> {
    let levels = BookLevels::Listed(levels);
    let event = BookEvent { kind: BookKind::Delta, depth, conflated, levels };
    Event { instrument, seq, stamp, body: EventBody::Book(event) }
}
