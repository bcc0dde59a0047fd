//! Book events: the first copy of each, by the exchange's own numbers; what follows from them for a
//! book is for the books to judge.

use std::cmp::Ordering;

use super::hold::HeldBook;
use super::places::{Said, believed};
use super::{Numbers, Owner, Source, Verdict, count_copy, count_win};
use crate::clock::UnixNanos;
use crate::exchange::{BookKind, BookUpdate, Continuity};
use crate::instrument::{Channel, InstrumentId};
use crate::limits::NUMBERS_STRANGE_MAX;
use crate::tick::Level;

impl Numbers {
    /// Judges a book event. `proven` says whether its book is; one that is not takes what comes,
    /// and sorts it itself.
    #[inline]
    pub(crate) fn book(
        &mut self,
        update: &BookUpdate,
        levels: &[Level],
        proven: bool,
        source: Source,
    ) -> Verdict {
        let Some(slot) = self.slots.get_mut(update.instrument.index()) else {
            return Verdict::Next;
        };
        let number = update.last_id.filter(|_| self.continuity != Continuity::None);
        let Some(number) = number else { return self.unnumbered(update, proven, source) };
        let time = believed(update.exchange_time, self.believed_until);
        let said = Said { number, time, received: source.received };
        if update.kind == BookKind::Snapshot {
            return self.whole(update.instrument, said, proven, source);
        }
        let progress = &mut slot.book;
        if progress.is_far(number, source.generation) {
            return self.odd_book(update.instrument, said, source);
        }
        let is_alone = !progress.has_others(source.generation);
        if proven && !is_alone {
            return self.change(update, said, levels, source);
        }
        let before = progress.note(source.generation, number).before;
        if Some(number) > progress.last {
            progress.note_span(update.first_id, number, proven);
            progress.advance(said, self.newest);
        } else if progress.is_behind(said, before, source.generation) && proven {
            return self.copy(update.instrument, number, source);
        } else if proven && slips(self.continuity) && progress.slipped(said, before) {
            return self.book_anew(update.instrument, said, source);
        } else if is_alone
            || progress.count_older(said, before, source.generation, NUMBERS_STRANGE_MAX)
        {
            // Whether the exchange has begun to count anew, the books find out.
            progress.restart(source.generation, said);
            progress.advance(said, self.newest);
        }
        if self.paired {
            count_win(&self.counters, &mut slot.book, number, source);
        }
        Verdict::Next
    }

    /// Judges an event of a book without numbers. It has one owner at a time, the connection that is
    /// the authority for it: nobody else's events continue it. A whole book that nobody waits for takes
    /// the place of the owner's only if it is dated later. One of another connection never does by
    /// itself: it says when its frame was made there, and not up to where it knows the market. It stands
    /// by until an event of its own is later than all that was told, or until both books are alike.
    #[inline]
    fn unnumbered(&mut self, update: &BookUpdate, proven: bool, source: Source) -> Verdict {
        let Source { generation, received: heard, .. } = source;
        let slot = &mut self.slots[update.instrument.index()];
        let owner = &mut slot.owners[Channel::Orderbook as usize];
        let foreign = owner.generation != 0 && owner.generation != generation;
        // Whoever tells of a change dates it alike. A whole book states nothing but when it was sent.
        let date = match update.kind {
            BookKind::Snapshot => source.sent.or(update.exchange_time),
            BookKind::Delta => update.exchange_time.or(source.sent),
        };
        let told = believed(date, self.believed_until);
        if update.kind == BookKind::Snapshot {
            // One that was held up on its way, or is told again, would take a good one back to what
            // it was.
            let is_first = slot.book.place(generation).is_none();
            let order = compared(told, owner.told);
            if proven && owner.generation != 0 {
                match order {
                    None if foreign && !is_first => return Verdict::Older,
                    Some(Ordering::Less) if foreign => {
                        slot.beside = Owner { generation, heard, told };
                        return Verdict::Beside;
                    }
                    _ if foreign => {
                        slot.beside = Owner { generation, heard, told };
                        return Verdict::Level;
                    }
                    Some(Ordering::Less | Ordering::Equal) => return Verdict::Older,
                    Some(Ordering::Greater) => {}
                    None => return Verdict::Doubtful,
                }
            }
            *owner = Owner { generation, heard, told };
            slot.book.note(generation, 0);
            if slot.beside.generation == generation {
                slot.beside = Owner::NONE;
            }
            return Verdict::Next;
        }
        if !foreign {
            // An orphan's events go through: they show the books that it wants a new snapshot.
            owner.told = owner.told.max(told);
            return Verdict::Next;
        }
        if slot.beside.generation != generation {
            return Verdict::Older;
        }
        if !proven {
            slot.beside = Owner::NONE;
            return Verdict::Older;
        }
        slot.beside.told = slot.beside.told.max(told);
        match compared(told, owner.told) {
            Some(Ordering::Less) => Verdict::Beside,
            Some(Ordering::Greater) => Verdict::CaughtUp,
            // The same event, or one of several of one moment.
            Some(Ordering::Equal) | None => Verdict::Level,
        }
    }

    /// The connection whose book was kept beside brings it from now on.
    #[cold]
    pub(crate) fn hand_over(&mut self, instrument: InstrumentId) {
        let Some(slot) = self.slots.get_mut(instrument.index()) else { return };
        let heir = std::mem::replace(&mut slot.beside, Owner::NONE);
        slot.owners[Channel::Orderbook as usize] = heir;
        slot.book.note(heir.generation, 0);
    }

    /// The book that this connection brings is not kept beside any more; true when it was.
    #[cold]
    pub(crate) fn drop_beside(&mut self, instrument: InstrumentId, generation: u32) -> bool {
        let slot = self.slots.get_mut(instrument.index());
        let slot = slot.filter(|slot| slot.beside.generation == generation);
        slot.map(|slot| slot.beside = Owner::NONE).is_some()
    }

    /// Whether a book of another connection is kept beside the one that is told.
    pub(crate) fn keeps_beside(&self, instrument: InstrumentId) -> bool {
        self.slots.get(instrument.index()).is_some_and(|slot| slot.beside.generation != 0)
    }

    /// Whether this connection is the one whose events make a book that has no numbers.
    pub(crate) fn brings_book(&self, instrument: InstrumentId, generation: u32) -> bool {
        self.slots.get(instrument.index()).is_none_or(|slot| {
            let owner = slot.owners[Channel::Orderbook as usize].generation;
            owner == 0 || owner == generation
        })
    }

    /// The next event of an instrument that waited and need not any more, after something was
    /// published, a connection was lost, or time passed.
    pub(crate) fn next_book(&mut self, instrument: InstrumentId, proven: bool) -> Option<HeldBook> {
        loop {
            let HeldBook { update, source, .. } = self.held.first_book(instrument)?;
            let progress = &mut self.slots[instrument.index()].book;
            let number = update.last_id.unwrap_or_default();
            let time = believed(update.exchange_time, self.believed_until);
            let said = Said { number, time, received: source.received };
            let older = Some(number) <= progress.last;
            let due = !proven
                || follows(self.continuity, progress.last, update)
                || !progress.can_be_filled();
            if !older && !due {
                return None;
            }
            let mut held = self.held.pop_book(instrument)?;
            if older {
                self.counters.duplicates.increment();
                continue;
            }
            if let Some(previous) = spliced(self.continuity, progress.last, &held.update) {
                held.update.previous_id = Some(previous);
            }
            progress.advance(said, self.newest);
            if self.paired {
                count_win(&self.counters, progress, number, held.source);
            }
            return Some(held);
        }
    }

    /// Instruments with book events that wait.
    pub(crate) fn held_books(&self) -> Vec<InstrumentId> {
        self.held.book_instruments()
    }

    /// Whether any book event waits.
    #[inline]
    pub(crate) fn holds_books(&self) -> bool {
        !self.held.is_empty()
    }

    /// A whole book in the stream. One that is at or behind what was published only means that its
    /// connection joined, unless that connection had been further: then the exchange begins anew. A
    /// proven book is not taken back by one that is told twice, or late.
    fn whole(
        &mut self,
        instrument: InstrumentId,
        said: Said,
        proven: bool,
        source: Source,
    ) -> Verdict {
        let progress = &mut self.slots[instrument.index()].book;
        let place = progress.place(source.generation).copied();
        let number = Some(said.number);
        let goes_back = place.is_some_and(|place| {
            let is_news = || !proven || progress.begins_anew(said, place.last);
            !place.apart && number <= place.last && is_news()
        });
        progress.note(source.generation, said.number);
        if let Some(place) = progress.place(source.generation) {
            (place.last, place.apart) = (number, false);
        }
        let is_alone = !progress.has_others(source.generation);
        if proven && !goes_back && !is_alone && number <= progress.last {
            if self.paired {
                count_copy(&self.counters, progress, said.number, source);
            }
            return Verdict::Older;
        }
        if goes_back {
            progress.set_others_apart(source.generation);
            self.held.drop_books(instrument);
        }
        progress.advance(said, self.newest);
        Verdict::Next
    }

    /// A change of a proven book that several connections carry.
    fn change(
        &mut self,
        update: &BookUpdate,
        said: Said,
        levels: &[Level],
        source: Source,
    ) -> Verdict {
        let progress = &mut self.slots[update.instrument.index()].book;
        let follows = follows(self.continuity, progress.last, update);
        let number = Some(said.number);
        let may_restart = self.continuity == Continuity::StatesPreviousOrRestarts;
        let restarts = may_restart && number < update.previous_id;
        let is_last = number == progress.last;
        // Nothing changed, which is worth knowing from anybody.
        let is_idle = is_last && update.previous_id == progress.last;
        let step = progress.note(source.generation, said.number);
        // The number of a whole book, and none came.
        if self.continuity == Continuity::FollowsByOne && said.number == 1 {
            return self.book_anew(update.instrument, said, source);
        }
        if let Some(place) = progress.place(source.generation) {
            if restarts || (step.new && follows) {
                place.last = number;
            }
            place.apart &= !(follows || restarts);
        }
        if restarts && update.previous_id == progress.last {
            progress.set_others_apart(source.generation);
        } else if restarts && !step.new {
            // What stands between the last event and the restart is missing.
            return self.book_anew(update.instrument, said, source);
        } else if restarts || number < progress.last || (is_last && !is_idle) {
            let slipped = slips(self.continuity) && progress.slipped(said, step.before);
            if !restarts && (slipped || progress.goes_far_back(said.number, step.before)) {
                return self.book_anew(update.instrument, said, source);
            }
            // Where each event states the one before, one that follows nothing known is enough.
            let strange_max = if may_restart { 1 } else { NUMBERS_STRANGE_MAX };
            if progress.count_older(said, step.before, source.generation, strange_max) {
                return self.book_anew(update.instrument, said, source);
            }
            return self.copy(update.instrument, said.number, source);
        } else if !follows {
            let place = progress.place(source.generation);
            if step.new && place.is_some_and(|place| place.apart) {
                return self.copy(update.instrument, said.number, source);
            }
            if progress.can_be_filled() && self.held.has_room_for(1 + levels.len()) {
                let (update, levels) = (update.clone(), levels.to_vec());
                self.held.push_book(HeldBook { update, levels, source });
                return Verdict::Ahead;
            }
        }
        let progress = &mut self.slots[update.instrument.index()].book;
        let previous = spliced(self.continuity, progress.last, update);
        progress.note_span(update.first_id, said.number, true);
        progress.advance(said, self.newest);
        if self.paired {
            count_win(&self.counters, progress, said.number, source);
        }
        previous.map_or(Verdict::Next, |previous| Verdict::Spliced { previous })
    }

    /// The exchange counts anew from this event of a proven book on.
    #[cold]
    fn book_anew(&mut self, instrument: InstrumentId, said: Said, source: Source) -> Verdict {
        let progress = &mut self.slots[instrument.index()].book;
        progress.restart_among_others(source.generation, said);
        progress.advance(said, self.newest);
        self.held.drop_books(instrument);
        Verdict::Anew
    }

    /// A change whose number leaps: nothing is compared with it, unless more such follow. What it is
    /// worth the books know; another line's copy is worth nothing more.
    #[cold]
    fn odd_book(&mut self, instrument: InstrumentId, said: Said, source: Source) -> Verdict {
        let progress = &mut self.slots[instrument.index()].book;
        if progress.is_odd_copy(said.number) {
            return self.copy(instrument, said.number, source);
        }
        if progress.count_odd(said.number) >= NUMBERS_STRANGE_MAX {
            progress.restart_among_others(source.generation, said);
            progress.advance(said, self.newest);
            self.held.drop_books(instrument);
        }
        Verdict::Next
    }

    fn copy(&mut self, instrument: InstrumentId, number: u64, source: Source) -> Verdict {
        if self.paired {
            let progress = &mut self.slots[instrument.index()].book;
            count_copy(&self.counters, progress, number, source);
        }
        Verdict::Older
    }
}

/// How two dates stand to each other; `None` where one is not known.
#[inline]
fn compared(told: UnixNanos, last: UnixNanos) -> Option<Ordering> {
    (told.is_some() && last.is_some()).then(|| told.cmp(&last))
}

/// Whether an event's number may be odd, and the event follow all the same, so that what follows that
/// seems to be older. Where it counts by one it could not; where it may go down the books judge.
const fn slips(continuity: Continuity) -> bool {
    matches!(continuity, Continuity::FirstFollowsLast | Continuity::StatesPrevious)
}

/// Whether nothing is missing between what was published up to `last` and the event.
fn follows(continuity: Continuity, last: Option<u64>, update: &BookUpdate) -> bool {
    let next = last.map_or(0, |last| last.saturating_add(1));
    match continuity {
        Continuity::FirstFollowsLast => update.first_id.is_some_and(|first| first <= next),
        Continuity::StatesPrevious | Continuity::StatesPreviousOrRestarts => {
            update.previous_id.is_some() && update.previous_id <= last
        }
        Continuity::FollowsByOne => update.last_id == Some(next),
        Continuity::None => true,
    }
}

/// Connections may cut the same changes into other events. One that covers the end of what was
/// published follows it, as its levels are absolute: this is what it has to state as the previous
/// id then.
fn spliced(continuity: Continuity, last: Option<u64>, update: &BookUpdate) -> Option<u64> {
    let states =
        matches!(continuity, Continuity::StatesPrevious | Continuity::StatesPreviousOrRestarts);
    let covers = update.previous_id.is_some() && update.previous_id < last;
    last.filter(|_| states && covers && update.last_id > last)
}
