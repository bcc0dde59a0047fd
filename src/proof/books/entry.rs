//! One book: what its events do to it, and what they make the rings carry.

use super::checksum::{Checksum, KRAKEN_LEVELS};
use super::course::Course;
use super::held::{Held, Hold};
use super::proof::{Position, Step, leaps_ahead, step};
use super::run::Run;
use super::{Applied, BookCounts, Joined};
use crate::book::{self, Book};
use crate::clock::UnixNanos;
use crate::exchange::{
    BookKind, BookRules, BookSnapshot, BookUpdate, ChecksumRule, Continuity, SnapshotSource,
};
use crate::instrument::InstrumentId;
use crate::limits::STRAY_REMOVALS_MAX;
use crate::tick::{Body, BookState, Decimal, Level, Reason, Tick};

/// Where the snapshot of a book is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// Not needed.
    None,
    /// Needed, and in `Books::wanted`.
    Wanted,
    /// Told to whoever asks.
    Asked,
}

/// One event on its way into a book.
pub(super) struct Event<'a> {
    pub(super) rules: BookRules,
    pub(super) update: &'a BookUpdate,
    pub(super) levels: &'a [Level],
    /// Levels that it makes fall out.
    pub(super) dropped: &'a mut Vec<Level>,
    pub(super) out: &'a mut Vec<Tick>,
}

impl Event<'_> {
    /// Whether it replaces the book, whatever stands in it. Its own word alone says so: a change
    /// that bears the number of a whole book is none.
    #[inline]
    pub(super) fn is_whole(&self) -> bool {
        self.update.kind == BookKind::Snapshot
    }
}

/// One book.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) instrument: InstrumentId,
    pub(super) book: Book,
    /// The same book as another connection brings it, which is behind; while this one is proven.
    beside: Option<Box<Entry>>,
    /// How far it is proven; `None` while it is not.
    pub(super) position: Option<Position>,
    /// Where the exchange's checksum stands, if it sends any.
    checksum: Option<Box<Checksum>>,
    /// The last one was over the whole book.
    pub(super) is_covered: bool,
    /// How often it was made anew because an event took out what was not in it, since its connection
    /// began.
    pub(super) strays: u8,
    /// What waits for a snapshot; empty while the book is proven.
    pub(super) held: Held,
    pub(super) request: Request,
    /// A snapshot that was asked for is not answered yet, be it still needed or not.
    pub(super) is_asked: bool,
    /// Its subscription was accepted: whatever changes from then on comes in the stream.
    pub(super) flows: bool,
    /// See [`super::Needed::patient`].
    pub(super) patient: bool,
    /// Snapshots asked for since the book was last live.
    pub(super) attempt: u32,
    /// How its numbers went.
    course: Course,
    /// From here on numbers are those from before the exchange began to count anew: a snapshot with
    /// such a number, which its stream has not reached, is of that time.
    former: Option<u64>,
    /// The state last published.
    pub(super) shown: Option<(BookState, Reason)>,
    pub(super) counts: BookCounts,
}

impl Entry {
    pub(super) fn new(instrument: InstrumentId, checksum: Option<ChecksumRule>) -> Self {
        Self {
            instrument,
            book: Book::default(),
            beside: None,
            position: None,
            checksum: checksum.map(|rule| Box::new(Checksum::new(rule))),
            is_covered: false,
            strays: 0,
            held: Held::default(),
            request: Request::None,
            is_asked: false,
            flows: false,
            patient: false,
            attempt: 0,
            course: Course::NEW,
            former: None,
            shown: None,
            counts: BookCounts::default(),
        }
    }

    /// A delta of a live book.
    pub(super) fn advance(&mut self, position: Position, event: &mut Event<'_>) -> Applied {
        match step(event.rules.continuity, position, event.update) {
            Step::Old => {
                self.counts.old += 1;
                let joined = position.joined;
                if !self.course.counts_anew(event.rules.continuity, joined, event.update) {
                    return Applied::Old;
                }
                self.note_former(position);
                self.fall_behind(event)
            }
            Step::Next => match self.extend(event.rules, event.update, event.levels, event.dropped)
            {
                Ok(()) => {
                    self.course.note(event.update);
                    let Event { update, levels, dropped, out, .. } = event;
                    if self.is_doubted() {
                        self.show(BookState::Live, Reason::Answered, out);
                    }
                    let run = self.run(BookKind::Delta, update.exchange_time, update.last_id);
                    run.push(levels.iter().chain(dropped.iter()).copied(), out);
                    Applied::Published
                }
                Err(reason) => self.reject(reason, event),
            },
            Step::Gap => {
                if event.update.last_id < position.last_id {
                    self.note_former(position);
                }
                self.fall_behind(event)
            }
        }
    }

    /// The exchange may count anew, below what the book was: a snapshot of before is none for it.
    fn note_former(&mut self, position: Position) {
        self.former = if position.joined { self.course.began() } else { position.last_id };
    }

    /// An event from which on the exchange counts anew.
    pub(super) fn begin_anew(&mut self, event: &mut Event<'_>) -> Applied {
        self.former = self.course.began();
        self.fall_behind(event)
    }

    /// A whole book that may be newer than this one, or older.
    pub(super) fn weigh(&mut self, event: &mut Event<'_>) -> Applied {
        if self.book.is_made_of(event.levels) {
            self.counts.old += 1;
            return Applied::Old;
        }
        self.fall_behind(event)
    }

    /// An event that does not follow the live book by its numbers.
    fn fall_behind(&mut self, event: &mut Event<'_>) -> Applied {
        self.counts.gaps += 1;
        self.reject(Reason::SequenceGap, event)
    }

    /// A delta of a book that waits for a snapshot beside the stream.
    pub(super) fn hold(&mut self, event: &mut Event<'_>) -> Applied {
        if self.held.is_empty() {
            self.show_repair(Reason::AwaitingSnapshot, event.out);
        }
        let continuity = event.rules.continuity;
        let mut hold = self.held.push(continuity, event.update, event.levels);
        if hold == Hold::Old {
            self.counts.old += 1;
            if !self.course.counts_anew(continuity, false, event.update) {
                return Applied::Old;
            }
            self.former = self.course.began();
            hold = self.held.restart(event.update, event.levels);
        }
        if hold != Hold::Kept {
            self.course = Course::NEW;
        }
        self.course.note(event.update);
        match hold {
            Hold::Kept => Applied::Held,
            Hold::Overflowed => Applied::HeldOverflow,
            Hold::Old | Hold::Restarted => {
                self.counts.gaps += 1;
                Applied::Gap
            }
        }
    }

    /// A delta of a book that waits for the snapshot of its subscription.
    pub(super) fn pass_over(&mut self, event: &mut Event<'_>) -> Applied {
        self.counts.unproven += 1;
        self.show_repair(Reason::AwaitingSnapshot, event.out);
        Applied::Unproven
    }

    /// A live book fails by an event: says so, and begins to wait for a snapshot.
    #[cold]
    fn reject(&mut self, reason: Reason, event: &mut Event<'_>) -> Applied {
        let last = self.position.and_then(|position| position.last_id);
        self.forget();
        self.show(BookState::Stale, reason, event.out);
        self.show(BookState::Resyncing, reason, event.out);
        let may_begin = event.rules.snapshot == SnapshotSource::Rest;
        if may_begin && !leaps_ahead(last, event.update) {
            self.held.push(event.rules.continuity, event.update, event.levels);
            self.course.note(event.update);
        }
        failed(reason)
    }

    /// A whole book inside the stream.
    pub(super) fn replace(&mut self, event: &mut Event<'_>) -> Applied {
        self.held = Held::default();
        let update = event.update;
        match self.load(update, event.levels) {
            Ok(()) => {
                self.request = Request::None;
                self.course = Course::NEW;
                self.course.note(update);
                self.counts.applied += 1;
                let run = self.run(BookKind::Snapshot, update.exchange_time, update.last_id);
                self.push_whole(run, event.levels, event.out);
                self.go_live(event.out);
                Applied::Published
            }
            Err(reason) => {
                // It answers no request: another is needed.
                self.request = Request::None;
                self.forget();
                self.show(BookState::Stale, reason, event.out);
                self.show(BookState::Resyncing, reason, event.out);
                failed(reason)
            }
        }
    }

    /// An event of a connection that is behind; false when it makes no book that could take over.
    pub(super) fn keep_beside(
        &mut self,
        update: &BookUpdate,
        levels: &[Level],
        (rules, dropped): (BookRules, &mut Vec<Level>),
    ) -> bool {
        let is_good = match (&mut self.beside, update.kind) {
            (beside, BookKind::Snapshot) => {
                let new = || Box::new(Self::new(update.instrument, rules.checksum));
                beside.get_or_insert_with(new).load(update, levels).is_ok()
            }
            (Some(beside), BookKind::Delta) => {
                beside.strays = self.strays;
                let is_good = beside.extend(rules, update, levels, dropped).is_ok();
                self.strays = beside.strays;
                is_good
            }
            (None, BookKind::Delta) => false,
        };
        if !is_good {
            self.beside = None;
        }
        is_good
    }

    /// Whether what is kept beside says what this one does.
    pub(super) fn is_alike_beside(&self) -> bool {
        self.beside.as_ref().is_some_and(|beside| beside.book.is_like(&self.book))
    }

    /// The book that was kept beside is this one from now on; false when there is none.
    pub(super) fn take_over(&mut self, out: &mut Vec<Tick>) -> bool {
        let Some(beside) = self.beside.take() else { return false };
        (self.book, self.position, self.checksum) = (beside.book, beside.position, beside.checksum);
        self.is_covered = beside.is_covered;
        self.counts.applied += beside.counts.applied;
        self.course = Course::NEW;
        if let Some(position) = self.position {
            self.publish(position, out);
        }
        self.go_live(out);
        true
    }

    /// Forgets what was kept beside.
    pub(super) fn drop_beside(&mut self) {
        self.beside = None;
    }

    /// Publishes the book whole, as it stands.
    pub(super) fn publish(&self, position: Position, out: &mut Vec<Tick>) {
        let run = self.run(BookKind::Snapshot, UnixNanos::NONE, position.last_id);
        run.push(self.book.levels(), out);
    }

    /// A whole book from beside the stream.
    pub(super) fn join(
        &mut self,
        rules: BookRules,
        snapshot: &BookSnapshot,
        out: &mut Vec<Tick>,
    ) -> Joined {
        // Asked for while the stream flows, it needs no delta to show that.
        let may_stand_alone = self.flows && self.request == Request::Asked;
        if self.position.is_some() || (self.held.is_empty() && !may_stand_alone) {
            return Joined::NotNeeded;
        }
        let last_id = Some(snapshot.last_update_id);
        let start = Position { last_id, joined: false };
        let judge = |update: &BookUpdate| step(rules.continuity, start, update);
        let first = self.held.iter().map(|(update, _)| judge(update)).find(|&s| s != Step::Old);
        // One that is newer than all that is held is believed, unless it is from before the exchange
        // began to count anew. Numbers that the stream has reached again tell nothing of that.
        let reached = self.held.iter().last().and_then(|(update, _)| update.last_id);
        let is_former = self.former.is_some() && reached < self.former && last_id >= self.former;
        if first == Some(Step::Gap) || (first.is_none() && is_former) {
            return Joined::TooOld;
        }
        let held = std::mem::take(&mut self.held);
        let counts = self.counts;
        let mut fault = self.reset(last_id, &snapshot.levels).err();
        let (first_tick, shown) = (out.len(), self.shown);
        let run = self.run(BookKind::Snapshot, UnixNanos::NONE, last_id);
        self.push_whole(run, &snapshot.levels, out);
        self.show(BookState::Live, Reason::SnapshotJoined, out);
        for (update, levels) in held.iter() {
            // The chain has no gap inside, so all from the first that is not old follow.
            if judge(update) == Step::Old {
                self.counts.old += 1;
                continue;
            }
            fault = fault.or(self.extend(rules, update, levels, &mut Vec::new()).err());
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
                self.shown = shown;
                self.forget();
                self.held = held;
                self.counts = counts;
                self.show(BookState::Stale, reason, out);
                self.show(BookState::Resyncing, reason, out);
                if reason == Reason::Crossed { Joined::Crossed } else { Joined::TooLarge }
            }
        }
    }

    /// Makes it the whole book of an event; an error says why it is wrong.
    fn load(&mut self, update: &BookUpdate, levels: &[Level]) -> Result<(), Reason> {
        self.reset(update.last_id, levels)?;
        self.book.truncate(update.depth as usize, |_| {});
        self.verify(update)
    }

    /// Makes the book these levels; an error says why it is wrong.
    fn reset(&mut self, last_id: Option<u64>, levels: &[Level]) -> Result<(), Reason> {
        self.position = Some(Position { last_id, joined: false });
        if let Some(checksum) = &mut self.checksum {
            checksum.note_all();
        }
        if self.book.replace(levels.iter().copied()) == book::Applied::Refused {
            return Err(Reason::BookTooLarge);
        }
        self.uncrossed()
    }

    /// Applies a delta that follows, then cuts the book to its depth; an error says why the book
    /// is wrong now.
    #[inline]
    fn extend(
        &mut self,
        rules: BookRules,
        update: &BookUpdate,
        levels: &[Level],
        dropped: &mut Vec<Level>,
    ) -> Result<(), Reason> {
        self.counts.applied += 1;
        self.position = Some(Position { last_id: update.last_id, joined: true });
        let (mut whole, mut strays) = (true, false);
        for &level in levels {
            let applied = self.book.apply(level);
            whole &= applied != book::Applied::Refused;
            strays |= applied == book::Applied::Unknown;
        }
        if !whole {
            return Err(Reason::BookTooLarge);
        }
        dropped.clear();
        self.book.truncate(update.depth as usize, |level| {
            dropped.push(Level { size: Decimal::ZERO, ..level });
        });
        if let Some(checksum) = &mut self.checksum {
            checksum.note(&self.book, levels);
        }
        // A checksum that fails tells more than that its book is crossed, too.
        self.verify(update)?;
        self.uncrossed()?;
        match strays && rules.continuity == Continuity::None && update.last_id.is_none() {
            true => self.stray(),
            false => Ok(()),
        }
    }

    /// A whole book without numbers lacks what an event takes out of it: what put it there is missing.
    /// An exchange that collects changes may take out what came and went in between (Coinbase's other
    /// feed does, where numbers show that nothing is missing): what goes on after several new
    /// snapshots is its manner, and shows nothing.
    #[cold]
    fn stray(&mut self) -> Result<(), Reason> {
        if self.strays >= STRAY_REMOVALS_MAX {
            return Ok(());
        }
        self.strays += 1;
        self.counts.gaps += 1;
        Err(Reason::SequenceGap)
    }

    #[inline]
    fn uncrossed(&self) -> Result<(), Reason> {
        if self.book.is_crossed() { Err(Reason::Crossed) } else { Ok(()) }
    }

    /// Holds the book against the checksum that came with an event.
    #[inline]
    fn verify(&mut self, update: &BookUpdate) -> Result<(), Reason> {
        self.is_covered = update.checksum.is_some() && update.depth <= KRAKEN_LEVELS as u32;
        let (Some(sent), Some(checksum)) = (update.checksum, &mut self.checksum) else {
            return Ok(());
        };
        checksum.set_precision(update.precision);
        if sent == 0 && checksum.is_retired_as_zero() {
            self.counts.checksums_zero += 1;
        } else if checksum.of(&self.book) == sent {
            self.counts.checksums_ok += 1;
        } else {
            self.counts.checksums_bad += 1;
            return Err(Reason::Checksum);
        }
        Ok(())
    }

    /// Nothing of the book is proven any more.
    pub(super) fn forget(&mut self) {
        self.position = None;
        self.beside = None;
        self.held = Held::default();
        self.course = Course::NEW;
    }

    /// Whether somebody has to get a snapshot.
    pub(super) fn lacks_snapshot(&self, source: SnapshotSource) -> bool {
        match source {
            SnapshotSource::Rest => !self.held.is_empty(),
            SnapshotSource::Stream => self.position.is_none(),
        }
    }

    /// Proven, and shown as stale until its next event shows that nothing of it was lost.
    pub(super) fn is_suspect(&self) -> bool {
        self.position.is_some() && self.shown == Some((BookState::Stale, Reason::Refused))
    }

    /// Proven, and shown as stale until its connection is known to live.
    #[inline]
    pub(super) fn is_doubted(&self) -> bool {
        self.position.is_some() && matches!(self.shown, Some((BookState::Stale, _)))
    }

    fn go_live(&mut self, out: &mut Vec<Tick>) {
        (self.attempt, self.former) = (0, None);
        self.counts.joins += 1;
        self.show(BookState::Live, Reason::SnapshotJoined, out);
    }

    /// Says that a book waits for its snapshot, unless that was said already.
    pub(super) fn show_repair(&mut self, reason: Reason, out: &mut Vec<Tick>) {
        if !matches!(self.shown, Some((BookState::Resyncing, _))) {
            self.show(BookState::Resyncing, reason, out);
        }
    }

    /// Publishes a change of state.
    pub(super) fn show(&mut self, state: BookState, reason: Reason, out: &mut Vec<Tick>) {
        if self.shown != Some((state, reason)) {
            self.shown = Some((state, reason));
            let body = Body::BookState { state, reason };
            out.push(Tick::new(self.instrument, UnixNanos::NONE, body));
        }
    }

    /// The book as it was just made of these levels: in their order where all of them are in it.
    /// Else some were beyond the depth, stood there twice, or had a size of 0, which is no level.
    fn push_whole(&self, run: Run, levels: &[Level], out: &mut Vec<Tick>) {
        if self.book.len() == levels.len() {
            run.push(levels.iter().copied(), out);
        } else {
            run.push(self.book.levels(), out);
        }
    }

    fn run(&self, kind: BookKind, exchange_time: UnixNanos, update_id: Option<u64>) -> Run {
        Run { instrument: self.instrument, kind, exchange_time, update_id }
    }
}

/// What became of an event that made its book wrong.
fn failed(reason: Reason) -> Applied {
    match reason {
        Reason::Checksum => Applied::Checksum,
        Reason::Crossed => Applied::Crossed,
        Reason::BookTooLarge => Applied::TooLarge,
        _ => Applied::Gap,
    }
}
