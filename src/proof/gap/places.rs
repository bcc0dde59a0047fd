//! How far a stream has come, and where each of the connections that carry it stands.
//!
//! A stream is a channel of an instrument. The one that is furthest publishes, the others bring
//! copies. A hole before an event is a loss only when no connection can fill it any more: each of
//! them has passed it.

use std::cmp::Ordering;

use super::leaps::{Count, FAR_MIN, Leap};
use crate::clock::{MonoNanos, UnixNanos};
use crate::exchange::Origin;
use crate::limits::{
    CARRIERS_MAX, CATCH_UP_MAX, COPY_WATCH_MAX, NUMBERS_MIXED_UP_MAX, NUMBERS_OLDER_MAX,
    NUMBERS_REPLAY_MAX, NUMBERS_STRANGE_MAX,
};

/// Which connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// Number of the connection, from 1, over all lines; no two are the same.
    pub(crate) generation: u32,
    /// Which of the lines that carry the same it is, from 0.
    pub(crate) copy: u8,
    /// When what it says was read.
    pub(crate) received: MonoNanos,
    /// When the exchange made the frame, where it says so; see [`crate::exchange::Batch::sent`].
    pub(crate) sent: UnixNanos,
}

/// A number, and what is known of its event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) number: u64,
    /// When the exchange says that it happened.
    pub(super) time: UnixNanos,
    /// When it was read.
    pub(super) received: MonoNanos,
}

/// A time as far as it may tell earlier from later: one beyond what is believed tells nothing. All
/// that comes would be from before it until it is over.
#[inline]
pub(super) const fn believed(time: UnixNanos, until: UnixNanos) -> UnixNanos {
    if time.0 > until.0 { UnixNanos::NONE } else { time }
}

/// Where one connection stands in a stream.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    /// The connection; 0 for none.
    pub(super) generation: u32,
    /// It cannot be compared with the others yet, or not any more.
    pub(super) apart: bool,
    /// It brought something itself. Where ids do not tell what follows what, another's word may have
    /// joined one that never did.
    pub(super) spoke: bool,
    /// The last number that it brought; `None` for one that has been apart from the first. Where
    /// ids do not tell what follows what, how many had been published when it last had brought, or
    /// needed not to bring, all of them.
    pub(super) last: Option<u64>,
    /// Something that it brought behind that could not be read.
    lost: bool,
}

impl Place {
    const NONE: Self = Self { generation: 0, apart: false, spoke: false, last: None, lost: false };
}

/// An event whose copy is waited for, to see how much later it comes.
#[derive(Clone, Copy, Debug, Default)]
struct Watch {
    number: u64,
    /// Who brought it first; 0 while nothing is waited for.
    generation: u32,
    published: MonoNanos,
}

/// Older trades in a row, by their times as well as by their numbers.
#[derive(Clone, Copy, Debug)]
struct Replay {
    /// The newest connection that brought such.
    generation: u32,
    /// When it began to.
    since: MonoNanos,
}

/// How far a stream has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Progress {
    /// The last number published; `None` before the first.
    pub(super) last: Option<u64>,
    /// The lowest number published since the exchange began to count.
    began: u64,
    /// The latest time that the exchange gave to something published.
    time: UnixNanos,
    /// The last event has a time.
    is_dated: bool,
    /// The last leap of its numbers.
    pub(super) leap: Leap,
    /// When the last number was read.
    received: MonoNanos,
    /// The newest connection of the feed when that was published: a later one cannot have seen it.
    era: u32,
    /// Older numbers in a row that a slower connection does not explain.
    older: u8,
    /// Those of them that cannot be repetitions.
    strange: u8,
    /// The first and the last number of the last hole that was told: none of them was published.
    hole: (u64, u64),
    /// Numbers in a row that belong to `replay`.
    repeated: u8,
    replay: Replay,
    /// Something that nobody could read may be missing, and the next number will show it.
    unread: bool,
    places: [Place; CARRIERS_MAX],
    watch: Watch,
}

/// What a connection's step in a stream shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// Its number before; `None` when this is its first event.
    pub(super) before: Option<u64>,
    /// It stood apart until now, or had not spoken.
    pub(super) new: bool,
}

impl Progress {
    /// When the last number was read; `None` before the first.
    pub(super) fn last_received(&self) -> Option<MonoNanos> {
        self.last.map(|_| self.received)
    }

    /// Nothing came yet.
    pub(super) const NEW: Self = Self {
        last: None,
        began: 0,
        time: UnixNanos::NONE,
        is_dated: false,
        leap: Leap::NONE,
        received: MonoNanos::ZERO,
        era: 0,
        older: 0,
        strange: 0,
        hole: NO_HOLE,
        repeated: 0,
        replay: Replay { generation: 0, since: MonoNanos::ZERO },
        unread: false,
        places: [Place::NONE; CARRIERS_MAX],
        watch: Watch { number: 0, generation: 0, published: MonoNanos::ZERO },
    };

    /// The connection brought `number`. Its place only rises.
    #[inline]
    pub(super) fn note(&mut self, generation: u32, number: u64) -> Step {
        for place in &mut self.places {
            if place.generation == generation {
                let step = Step { before: place.last, new: place.apart };
                place.lost &= Some(number) <= place.last;
                place.last = place.last.max(Some(number));
                return step;
            }
        }
        let last = Some(number);
        self.enter(Place { generation, apart: false, spoke: true, last, lost: false });
        Step { before: None, new: true }
    }

    /// A connection speaks for the first time; when there is no room the oldest is forgotten.
    #[cold]
    fn enter(&mut self, place: Place) {
        if let Some(oldest) = self.places.iter_mut().min_by_key(|place| place.generation) {
            *oldest = place;
        }
    }

    /// The same for one that cannot be compared with the others yet.
    pub(super) fn enter_apart(&mut self, generation: u32) {
        if self.place(generation).is_none() {
            self.enter(Place { generation, apart: true, ..Place::NONE });
        }
    }

    /// The place of a connection that spoke.
    #[inline]
    pub(super) fn place(&mut self, generation: u32) -> Option<&mut Place> {
        self.places.iter_mut().find(|place| place.generation == generation)
    }

    /// Another connection than this one carries the stream, as far as it was heard.
    #[inline]
    pub(super) fn has_others(&self, generation: u32) -> bool {
        self.places.iter().any(|place| place.generation != 0 && place.generation != generation)
    }

    /// The connection carries the stream, and is not apart.
    #[inline]
    pub(super) fn is_joined(&self, generation: u32) -> bool {
        self.places.iter().any(|place| place.generation == generation && !place.apart)
    }

    /// The connection is compared with the others, and has not brought the last of what they did.
    #[inline]
    pub(super) fn is_joined_behind(&self, generation: u32) -> bool {
        let is_behind = |place: &Place| !place.apart && place.last != self.last;
        self.places.iter().any(|place| place.generation == generation && is_behind(place))
    }

    /// The connection is compared with the others, and has brought the last of what they did.
    pub(super) fn is_joined_level(&self, generation: u32) -> bool {
        self.is_joined(generation) && !self.is_joined_behind(generation)
    }

    /// Another connection than this one carries the stream, and is not apart.
    pub(super) fn has_others_joined(&self, generation: u32) -> bool {
        let joined = |place: &Place| place.generation != 0 && !place.apart;
        self.places.iter().any(|place| joined(place) && place.generation != generation)
    }

    /// Some connection has not passed what follows the last event.
    pub(super) fn can_be_filled(&self) -> bool {
        let behind = |place: &Place| place.generation != 0 && !place.apart;
        self.places.iter().any(|place| behind(place) && place.last <= self.last)
    }

    /// Gives up the connections that are behind, until they speak again.
    pub(super) fn give_up_behind(&mut self) {
        for place in &mut self.places {
            if place.last <= self.last {
                *place = Place::default();
            }
        }
    }

    /// A connection is gone; true when it had spoken here.
    pub(super) fn leave(&mut self, generation: u32) -> bool {
        let Some(place) = self.place(generation) else { return false };
        *place = Place::default();
        true
    }

    /// A connection cannot be compared any more.
    pub(super) fn set_one_apart(&mut self, generation: u32) {
        if let Some(place) = self.place(generation) {
            place.apart = true;
        }
    }

    /// The same of one that was found mute. If it has not spoken, its word for others was worth
    /// nothing: whoever has not spoken either may be there by that alone.
    pub(super) fn set_mute_apart(&mut self, generation: u32) {
        let has_spoken = self.place(generation).is_some_and(|place| place.spoke);
        for place in self.places.iter_mut().filter(|place| place.generation != 0) {
            place.apart |= place.generation == generation || !(has_spoken || place.spoke);
        }
    }

    /// Where ids do not tell what follows what: the connection brought what was published, be it
    /// the last of it.
    #[inline]
    pub(super) fn note_spoken(&mut self, generation: u32, is_last: bool) {
        let last = self.last;
        if let Some(place) = self.place(generation) {
            place.spoke = true;
            if is_last {
                place.last = last;
            }
        }
    }

    /// Only this connection can be compared with what is published from now on.
    pub(super) fn set_others_apart(&mut self, generation: u32) {
        for place in &mut self.places {
            place.apart = place.generation != 0 && place.generation != generation;
        }
    }

    /// A connection has lost something, and has to be compared anew if another may bring it; true
    /// when one may.
    #[cold]
    pub(super) fn set_apart(&mut self, generation: u32) -> bool {
        let is_covered = self.has_others_joined(generation);
        if is_covered {
            self.enter_apart(generation);
            self.set_one_apart(generation);
        }
        is_covered
    }

    /// A connection has lost something that is not sure to come by another; true when no other may
    /// bring what follows the last event.
    #[cold]
    pub(super) fn lose(&mut self, generation: u32) -> bool {
        if let Some(place) = self.place(generation) {
            place.lost = true;
        }
        self.unread |= !self.can_be_brought_beside(generation);
        self.unread
    }

    /// Something that could not be read may be missing, and nobody may bring it any more.
    pub(super) fn is_lost_to_all(&mut self) -> bool {
        self.unread |= self.places.iter().any(|place| place.lost) && !self.can_be_brought_beside(0);
        self.unread
    }

    /// Whether something may be missing that nobody could read, before a trade whose number cannot
    /// show it; it is told with that then.
    pub(super) const fn take_unread(&mut self) -> bool {
        std::mem::replace(&mut self.unread, false)
    }

    /// Another connection may bring whole what follows the last event.
    fn can_be_brought_beside(&self, generation: u32) -> bool {
        let is_other = |place: &&Place| place.generation != 0 && place.generation != generation;
        let can_bring = |place: &Place| !place.apart && !place.lost && place.last <= self.last;
        self.places.iter().filter(is_other).any(can_bring)
    }

    /// Each has to be compared anew.
    pub(super) fn set_all_apart(&mut self) {
        self.set_others_apart(0);
    }

    /// Whether a number is the one behind the last.
    #[inline]
    pub(super) fn is_next(&self, number: Option<u64>) -> bool {
        number.is_some() && number == self.last.and_then(|last| last.checked_add(1))
    }

    /// How many numbers are missing between the last and this one, which is beyond it.
    pub(super) fn missing_before(&self, number: u64) -> u64 {
        self.last.map_or(0, |last| number.saturating_sub(last.saturating_add(1)))
    }

    /// Whether a number is too far ahead, of what was published and of what its connection brought
    /// last, to say how many are missing before it.
    #[inline]
    pub(super) fn is_far(&self, number: u64, generation: u32) -> bool {
        let is_near = |place: &Place| {
            let follows = place.last.is_some_and(|last| number.saturating_sub(last) < FAR_MIN);
            place.generation == generation && follows
        };
        self.missing_before(number) >= FAR_MIN && !self.places.iter().any(is_near)
    }

    /// What is gone on with; of a hole the part behind it.
    pub(super) fn main(&self) -> Count {
        let began = self.hole.1.saturating_add(1).max(self.began);
        Count { began, last: self.last.unwrap_or(0), time: self.time }
    }

    /// Whether a trade is from before the last leap, or a copy of the count beside.
    pub(super) fn is_covered(
        &self,
        (first, said): (u64, Said),
        origin: Origin,
        generation: u32,
    ) -> bool {
        let is_from_before = match origin {
            Origin::Past => self.leap.is_behind(said.time),
            Origin::Live | Origin::Derived => self.is_from_before(said.time, generation),
        };
        is_from_before || self.leap.covers((first, said), origin, &self.main())
    }

    /// See [`Leap::goes_on_beside`].
    pub(super) fn goes_on_beside(&self, first: u64) -> bool {
        self.leap.goes_on_beside(first, &self.main())
    }

    /// See [`Leap::pass`].
    pub(super) fn pass_beside(&mut self, number: u64) -> bool {
        let main = self.main();
        self.leap.pass(number, &main)
    }

    /// So many numbers, from the one behind the last on, are told as missing before this one.
    pub(super) fn note_hole(&mut self, first: u64) {
        let from = self.last.map_or(first, |last| last.saturating_add(1));
        self.hole = (from, first.saturating_sub(1));
    }

    /// Numbers are skipped before this one, which says nothing where only some are told. The widest
    /// such hole is kept: one odd number makes it, and what the exchange goes on with lies inside.
    #[inline]
    pub(super) fn note_skipped(&mut self, number: u64) {
        let (from, to) = self.hole;
        if self.missing_before(number) > to.saturating_add(1).saturating_sub(from) {
            self.note_hole(number);
        }
    }

    /// The same of a book, where an event that follows what is `proven` stands for the numbers from
    /// its `first` on; what a snapshot holds may still come as a repetition.
    #[inline]
    pub(super) fn note_span(&mut self, first: Option<u64>, number: u64, proven: bool) {
        let (from, to) = self.hole;
        let first = first.unwrap_or(number).max(self.last.map_or(0, |last| last.saturating_add(1)));
        if !proven {
            self.hole = NO_HOLE;
        } else if number.saturating_sub(first) > to.saturating_add(1).saturating_sub(from) {
            self.hole = (first, number - 1);
        }
    }

    /// Whether a number, brought by a connection that was at `before`, lies among those that one event
    /// stood for: that one's number was a slip, and what follows it is no repetition.
    pub(super) fn slipped(&self, said: Said, before: Option<u64>) -> bool {
        let (from, to) = self.hole;
        (from..=to).contains(&said.number) && self.was_never_told(said, before)
    }

    /// Whether this is another connection's copy of a number of the count that the exchange left for
    /// a lower one.
    #[inline]
    pub(super) fn is_left(&self, number: u64, generation: u32) -> bool {
        self.leap.has_left(number, self.began)
            && self.has_others(generation)
            && !self.places.iter().any(|place| place.generation == generation)
    }

    /// Whether a number is another copy of the last odd one.
    pub(super) fn is_odd_copy(&self, number: u64) -> bool {
        self.leap.has_last_beside(number)
    }

    /// Whether a number lies in the hole that the last one left: that one leapt ahead, or this came
    /// right after it by mistake.
    pub(super) fn is_before_leap(&self, number: u64) -> bool {
        let (from, to) = self.hole;
        self.last == to.checked_add(1) && (from..=to).contains(&number)
    }

    /// An event was told though its number leaps, and which of those in a row it is. From
    /// [`NUMBERS_STRANGE_MAX`] on the exchange counts anew.
    pub(super) const fn count_odd(&mut self, number: u64) -> u8 {
        self.leap.count(number)
    }

    /// Whether a connection that was at `before` goes back so far as no repetition does.
    pub(super) fn goes_far_back(&self, number: u64, before: Option<u64>) -> bool {
        before > Some(number)
            && self.last.is_some_and(|last| last.saturating_sub(number) >= FAR_MIN)
    }

    /// Whether an older number, brought by a connection that was at `before`, is of an event that was
    /// certainly never told: the connection went back, which none does that is only slow; to where
    /// nothing was published; and not to what happened before the last. An exchange goes on from
    /// there after a slip, or has begun to count anew.
    pub(super) fn was_never_told(&self, said: Said, before: Option<u64>) -> bool {
        let Said { number, time, .. } = said;
        let (from, to) = self.hole;
        let is_untold = number < self.began || (from..=to).contains(&number);
        let is_earlier = time.is_some() && time < self.time;
        let is_new = self.is_later_than_last(said) || (!is_earlier && self.is_wide(number));
        before > Some(number) && is_untold && is_new
    }

    /// Everything is published up to what this says; `newest` is the newest connection by then.
    #[inline]
    pub(super) fn advance(&mut self, said: Said, newest: u32) {
        let Said { number, time, received } = said;
        self.began = if self.last.is_none() { number } else { self.began.min(number) };
        self.last = Some(number);
        self.time = self.time.max(time);
        self.is_dated = time.is_some();
        self.received = received;
        self.era = newest;
        self.unread = false;
        (self.older, self.strange, self.leap.in_a_row, self.repeated) = (0, 0, 0, 0);
    }

    /// The connection was opened after the last event was published.
    #[inline]
    pub(super) fn is_later(&self, generation: u32) -> bool {
        generation > self.era
    }

    /// Another connection's copy of this event will show how much later it comes.
    #[inline]
    pub(super) fn watch(&mut self, number: u64, source: Source) {
        let Watch { published, .. } = self.watch;
        if self.watch.generation == 0 || source.received >= published.after(COPY_WATCH_MAX) {
            let Source { generation, received: published, .. } = source;
            self.watch = Watch { number, generation, published };
        }
    }

    /// A copy came; how much later than the first, where that is known.
    #[inline]
    pub(super) fn skew_ns(&mut self, number: u64, source: Source) -> Option<u64> {
        let watch = self.watch;
        let is_own = source.generation == watch.generation;
        if watch.generation == 0 || number < watch.number || is_own {
            return None;
        }
        self.watch = Watch::default();
        (number == watch.number).then(|| source.received.since(watch.published))
    }

    /// Whether an older number is what a slower connection brings, which was at `before`.
    pub(super) fn is_behind(&self, said: Said, before: Option<u64>, generation: u32) -> bool {
        let rises = before.is_none_or(|before| said.number > before);
        rises && !self.is_later(generation) && said.received < self.received.after(CATCH_UP_MAX)
    }

    /// An older number came, by a connection that was at `before`. True when the exchange counts
    /// anew, which numbers that cannot be repetitions show when there are `strange_max` in a row.
    /// What a slower connection brings, and a mere copy of the last event, says nothing.
    pub(super) fn count_older(
        &mut self,
        said: Said,
        before: Option<u64>,
        generation: u32,
        strange_max: u8,
    ) -> bool {
        let Said { number, .. } = said;
        if self.last == Some(number) || self.is_behind(said, before, generation) {
            return false;
        }
        let is_later = self.is_later(generation);
        let has_later_time = self.is_later_than_last(said);
        self.older = self.older.saturating_add(1);
        if number < self.began || has_later_time {
            self.strange = self.strange.saturating_add(1);
        }
        // A connection that cannot have seen the last event and brings an older number with a later
        // time repeats nothing.
        (is_later && has_later_time)
            || self.strange >= strange_max
            || self.older > NUMBERS_OLDER_MAX
    }

    /// How many older numbers in a row may show that the exchange counts anew.
    pub(super) fn older(&self) -> u8 {
        self.older
    }

    /// Whether an older number, of a connection that cannot have seen the last event, is known to have
    /// happened after that: it repeats nothing.
    pub(super) fn is_new_to(&self, said: Said, generation: u32) -> bool {
        self.is_later(generation) && self.is_later_than_last(said)
    }

    /// The same of a trade, which must not be told twice. What happened no later than what was
    /// published is repeated, or was missed for good, however much of it comes.
    pub(super) fn count_older_trade(
        &mut self,
        said: Said,
        before: Option<u64>,
        generation: u32,
    ) -> bool {
        let is_later = !self.time.is_some() || said.time > self.time;
        if !said.time.is_some() || is_later {
            return self.count_older(said, before, generation, NUMBERS_STRANGE_MAX);
        }
        self.last != Some(said.number)
            && !self.is_behind(said, before, generation)
            && self.goes_on_repeating(said.received, generation)
    }

    /// Whether repetitions of a connection have lasted for longer than any replay does.
    fn goes_on_repeating(&mut self, received: MonoNanos, generation: u32) -> bool {
        if self.repeated == 0 || generation > self.replay.generation {
            self.replay = Replay { generation, since: received };
            self.repeated = 0;
        }
        if generation == self.replay.generation {
            self.repeated = self.repeated.saturating_add(1);
        }
        self.repeated > NUMBERS_OLDER_MAX && received >= self.replay.since.after(NUMBERS_REPLAY_MAX)
    }

    /// Whether an older number among those of the past shows that the exchange counts anew: it
    /// happened after all that was published, and its connection, at `before`, had told a higher
    /// one. Later times alone show nothing, as all times of a frame may be wrong by as much.
    pub(super) fn goes_back(&self, said: Said, before: Option<u64>) -> bool {
        self.is_before(said.time) && before > Some(said.number)
    }

    /// Whether all that was published is known to have happened before `time`.
    fn is_before(&self, time: UnixNanos) -> bool {
        time.is_some() && self.time.is_some() && time > self.time
    }

    /// Whether an older number lies so far back that it cannot have been mixed up with the last.
    fn is_wide(&self, number: u64) -> bool {
        self.last.is_some_and(|last| last.saturating_sub(number) > NUMBERS_MIXED_UP_MAX)
    }

    /// Whether an event with an older number is known to have happened after the last. Beside one
    /// without a time nothing is known of those that were mixed up with it.
    fn is_later_than_last(&self, said: Said) -> bool {
        self.is_before(said.time) && (self.is_dated || self.is_wide(said.number))
    }

    /// Whether the exchange counts anew with a whole book, of a connection that had been at `own`; else
    /// it is told again, or came behind its successor. The time tells that, where it is known; without
    /// it, a copy has the number that it is a copy of.
    pub(super) fn begins_anew(&self, said: Said, own: Option<u64>) -> bool {
        let are_dated = said.time.is_some() && self.time.is_some();
        match Some(said.number).cmp(&own) {
            Ordering::Less => !are_dated || said.time > self.time,
            Ordering::Equal => are_dated && said.time > self.time,
            Ordering::Greater => false,
        }
    }

    /// The exchange counts anew, from an event of this connection on, which is to be published.
    pub(super) fn restart(&mut self, generation: u32, said: Said) {
        let rises = self.last.is_some_and(|last| last < said.number);
        let from = self.last.map_or(0, |last| last.saturating_add(1));
        let hole = if rises { (from, said.number.saturating_sub(1)) } else { NO_HOLE };
        let leap = Leap::anew(said, self.last.map(|_| self.main()));
        *self = Self { era: self.era, leap, hole, ..Self::NEW };
        self.note(generation, said.number);
    }

    /// The same of one that other connections carry as well: what they bring cannot be compared
    /// with it before it follows.
    pub(super) fn restart_among_others(&mut self, generation: u32, said: Said) {
        let places = self.places;
        self.restart(generation, said);
        for place in places {
            if place.generation != 0 {
                self.enter_apart(place.generation);
            }
        }
    }

    /// Whether an event is certainly not from before the numbers leapt.
    #[inline]
    pub(super) fn is_since(&self, time: UnixNanos) -> bool {
        self.leap.is_since(time)
    }

    /// Whether an event of a connection is from before the numbers leapt, so that its own says
    /// nothing: what a slower connection brings. One that has brought something since, or that nobody
    /// else is beside, is believed by its numbers alone, whatever its dates.
    #[inline]
    pub(super) fn is_from_before(&self, time: UnixNanos, generation: u32) -> bool {
        self.leap.is_behind(time)
            && self.has_others(generation)
            && !self.places.iter().any(|place| place.generation == generation)
    }
}

/// A range without a number.
const NO_HOLE: (u64, u64) = (1, 0);
