//! Book events: the first copy of each, by the exchange's own numbers; what follows from them for a
//! book is for the books to judge.

use super::hold::HeldBook;
use super::{Numbers, Owner, Source, Verdict, count_copy, count_win};
use crate::exchange::{BookKind, BookUpdate, Continuity};
use crate::instrument::{Channel, InstrumentId};
use crate::tick::Level;

impl Numbers {
    /// Judges a book event. `proven` says whether its book is; one that is not takes what comes,
    /// and sorts it itself.
    #[inline]
    pub(in crate::feed) fn book(
        &mut self,
        update: &BookUpdate,
        levels: &[Level],
        proven: bool,
        source: Source,
    ) -> Verdict {
        let Some(slot) = self.slots.get_mut(update.instrument.index()) else {
            return Verdict::Next;
        };
        let is_numbered = self.continuity != Continuity::None && update.last_id != 0;
        if !is_numbered {
            let owner = &mut slot.owners[Channel::Orderbook as usize];
            // An orphan's events go through: they show the books that it wants a new snapshot.
            let foreign = owner.generation != 0 && owner.generation != source.generation;
            let told = update.exchange_time;
            // A whole book that was held up on its way would take a good one back to what it was.
            let late = foreign && proven && told.is_some() && told < owner.told;
            if update.kind == BookKind::Snapshot && !late {
                let (generation, heard) = (source.generation, source.received);
                *owner = Owner { generation, heard, told };
                slot.book.note(source.generation, update.last_id);
                return Verdict::Next;
            }
            if foreign {
                return Verdict::Older;
            }
            owner.told = owner.told.max(told);
            return Verdict::Next;
        }
        if update.kind == BookKind::Snapshot {
            return self.whole(update, proven, source);
        }
        let progress = &mut slot.book;
        if progress.has_others(source.generation) && proven {
            return self.change(update, levels, source);
        }
        let is_alone = !progress.has_others(source.generation);
        progress.note(source.generation, update.last_id);
        if is_alone && update.last_id <= progress.last {
            // The exchange may have begun to count anew, which the books find out.
            progress.restart(source.generation, update.last_id);
        }
        progress.advance(update.last_id.max(progress.last), self.newest);
        if self.paired {
            count_win(&self.counters, progress, update.last_id, source);
        }
        Verdict::Next
    }

    /// Whether this connection is the one whose events make a book that has no numbers.
    pub(in crate::feed) fn brings_book(&self, instrument: InstrumentId, generation: u32) -> bool {
        self.slots.get(instrument.index()).is_none_or(|slot| {
            let owner = slot.owners[Channel::Orderbook as usize].generation;
            owner == 0 || owner == generation
        })
    }

    /// The next event of an instrument that waited and need not any more, after something was
    /// published, a connection was lost, or time passed.
    pub(in crate::feed) fn next_book(
        &mut self,
        instrument: InstrumentId,
        proven: bool,
    ) -> Option<HeldBook> {
        loop {
            let update = &self.held.first_book(instrument)?.update;
            let progress = &mut self.slots[instrument.index()].book;
            let older = update.last_id <= progress.last;
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
            progress.advance(held.update.last_id, self.newest);
            if self.paired {
                count_win(&self.counters, progress, held.update.last_id, held.source);
            }
            return Some(held);
        }
    }

    /// Instruments with book events that wait.
    pub(in crate::feed) fn held_books(&self) -> Vec<InstrumentId> {
        self.held.book_instruments()
    }

    /// Whether any book event waits.
    #[inline]
    pub(in crate::feed) fn holds_books(&self) -> bool {
        !self.held.is_empty()
    }

    /// A whole book in the stream. One that is at or behind what was published only means that its
    /// connection joined, unless that connection had been further: then the exchange begins anew.
    fn whole(&mut self, update: &BookUpdate, proven: bool, source: Source) -> Verdict {
        let progress = &mut self.slots[update.instrument.index()].book;
        let place = progress.place(source.generation).copied();
        let goes_back = place.is_some_and(|place| !place.apart && update.last_id <= place.last);
        progress.note(source.generation, update.last_id);
        if let Some(place) = progress.place(source.generation) {
            (place.last, place.apart) = (update.last_id, false);
        }
        let is_alone = !progress.has_others(source.generation);
        if proven && !goes_back && !is_alone && update.last_id <= progress.last {
            if self.paired {
                count_copy(&self.counters, progress, update.last_id, source);
            }
            return Verdict::Older;
        }
        if goes_back {
            progress.set_others_apart(source.generation);
            self.held.drop_books(update.instrument);
        }
        progress.advance(update.last_id, self.newest);
        Verdict::Next
    }

    /// A change of a proven book that several connections carry.
    fn change(&mut self, update: &BookUpdate, levels: &[Level], source: Source) -> Verdict {
        let progress = &mut self.slots[update.instrument.index()].book;
        let follows = follows(self.continuity, progress.last, update);
        let restarts = update.previous_id.is_some_and(|previous| update.last_id < previous)
            && self.continuity == Continuity::StatesPreviousOrRestarts;
        let is_last = update.last_id == progress.last;
        // Nothing changed, which is worth knowing from anybody.
        let is_idle = is_last && update.previous_id == Some(progress.last);
        let was_apart = progress.note(source.generation, update.last_id).new;
        if let Some(place) = progress.place(source.generation) {
            if restarts {
                place.last = update.last_id;
            }
            place.apart &= !(follows || restarts);
        }
        if restarts && update.previous_id == Some(progress.last) {
            progress.set_others_apart(source.generation);
        } else if restarts || update.last_id < progress.last || (is_last && !is_idle) {
            return self.copy(update, source);
        } else if !follows {
            let is_apart = was_apart && progress.place(source.generation).is_some_and(|p| p.apart);
            if is_apart {
                return self.copy(update, source);
            }
            if progress.can_be_filled() && self.held.has_room_for(1 + levels.len()) {
                let (update, levels) = (update.clone(), levels.to_vec());
                self.held.push_book(HeldBook { update, levels, source });
                return Verdict::Ahead;
            }
        }
        let progress = &mut self.slots[update.instrument.index()].book;
        let previous = spliced(self.continuity, progress.last, update);
        progress.advance(update.last_id, self.newest);
        if self.paired {
            count_win(&self.counters, progress, update.last_id, source);
        }
        previous.map_or(Verdict::Next, |previous| Verdict::Spliced { previous })
    }

    fn copy(&mut self, update: &BookUpdate, source: Source) -> Verdict {
        if self.paired {
            let progress = &mut self.slots[update.instrument.index()].book;
            count_copy(&self.counters, progress, update.last_id, source);
        }
        Verdict::Older
    }
}

/// Whether nothing is missing between what was published up to `last` and the event.
fn follows(continuity: Continuity, last: u64, update: &BookUpdate) -> bool {
    match continuity {
        Continuity::FirstFollowsLast => update.first_id <= last + 1,
        Continuity::StatesPrevious | Continuity::StatesPreviousOrRestarts => {
            update.previous_id.is_some_and(|previous| previous <= last)
        }
        Continuity::FollowsByOne => update.last_id == last + 1,
        Continuity::None => true,
    }
}

/// Connections may cut the same changes into other events. One that covers the end of what was
/// published follows it, as its levels are absolute: this is what it has to state as the previous
/// id then.
fn spliced(continuity: Continuity, last: u64, update: &BookUpdate) -> Option<u64> {
    let states =
        matches!(continuity, Continuity::StatesPrevious | Continuity::StatesPreviousOrRestarts);
    let covers = update.previous_id.is_some_and(|previous| previous < last);
    (states && covers && update.last_id > last).then_some(last)
}
