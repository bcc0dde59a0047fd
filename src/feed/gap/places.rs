//! How far a stream has come, and where each of the connections that carry it stands.
//!
//! A stream is a channel of an instrument. The one that is furthest publishes, the others bring
//! copies. A hole before an event is a loss only when no connection can fill it any more: each of
//! them has passed it.

use crate::clock::MonoNanos;

/// Which connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::feed) struct Source {
    /// Number of the connection, from 1, over all lines; no two are the same.
    pub(in crate::feed) generation: u32,
    /// Which of the lines that carry the same it is, from 0.
    pub(in crate::feed) copy: u8,
    /// When what it says was read.
    pub(in crate::feed) received: MonoNanos,
}

/// Connections that may carry one stream at a time: two lines, each with its replacement.
pub(super) const CARRIERS_MAX: usize = 4;

/// After so many older numbers in a row the exchange has begun to count anew (a test network that
/// was wiped, a simulator that was restarted): better a doubt than a channel silent for ever.
pub(super) const OLDER_MAX: u8 = 16;

/// Where one connection stands in a stream.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    /// The connection; 0 for none.
    pub(super) generation: u32,
    /// It cannot be compared with the others yet, or not any more.
    pub(super) apart: bool,
    /// The last number that it brought; 0 for one that has been apart from the first.
    pub(super) last: u64,
}

/// An event whose copy is waited for, to see how much later it comes.
#[derive(Clone, Copy, Debug, Default)]
struct Watch {
    number: u64,
    generation: u32,
    published: MonoNanos,
}

/// How far a stream has come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    /// The last number published; 0 before the first.
    pub(super) last: u64,
    /// The newest connection of the feed when that was published: a later one cannot have seen it.
    era: u32,
    /// Older numbers in a row that a slower connection does not explain.
    older: u8,
    places: [Place; CARRIERS_MAX],
    watch: Watch,
}

/// What a connection's step in a stream shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// Its number before; 0 when this is its first event.
    pub(super) before: u64,
    /// It stood apart until now, or had not spoken.
    pub(super) new: bool,
}

impl Progress {
    /// Nothing came yet.
    pub(super) const NEW: Self = Self {
        last: 0,
        era: 0,
        older: 0,
        places: [Place { generation: 0, apart: false, last: 0 }; CARRIERS_MAX],
        watch: Watch { number: 0, generation: 0, published: MonoNanos::ZERO },
    };

    /// The connection brought `number`. Its place only rises.
    #[inline]
    pub(super) fn note(&mut self, generation: u32, number: u64) -> Step {
        for place in &mut self.places {
            if place.generation == generation {
                let step = Step { before: place.last, new: place.apart };
                place.last = place.last.max(number);
                return step;
            }
        }
        self.enter(Place { generation, apart: false, last: number });
        Step { before: 0, new: true }
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
            self.enter(Place { generation, apart: true, last: 0 });
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

    /// Only this connection can be compared with what is published from now on.
    pub(super) fn set_others_apart(&mut self, generation: u32) {
        for place in &mut self.places {
            place.apart = place.generation != 0 && place.generation != generation;
        }
    }

    /// Each has to be compared anew.
    pub(super) fn set_all_apart(&mut self) {
        self.set_others_apart(0);
    }

    /// Everything is published up to `number`.
    #[inline]
    pub(super) fn advance(&mut self, number: u64, newest: u32) {
        self.last = number;
        self.era = newest;
        self.older = 0;
    }

    /// The connection was opened after the last event was published.
    #[inline]
    pub(super) fn is_later(&self, generation: u32) -> bool {
        generation > self.era
    }

    /// Another connection's copy of this event will show how much later it comes.
    #[inline]
    pub(super) fn watch(&mut self, number: u64, source: Source) {
        let Watch { number: watched, published, .. } = self.watch;
        if watched == 0 || source.received >= published.after(WATCH_MAX) {
            let Source { generation, received: published, .. } = source;
            self.watch = Watch { number, generation, published };
        }
    }

    /// A copy came; how much later than the first, where that is known.
    #[inline]
    pub(super) fn skew_ns(&mut self, number: u64, source: Source) -> Option<u64> {
        let watch = self.watch;
        if watch.number == 0 || number < watch.number || source.generation == watch.generation {
            return None;
        }
        self.watch = Watch::default();
        (number == watch.number).then(|| source.received.since(watch.published))
    }

    /// An older number came, by a connection that was at `before`. True when the exchange counts
    /// anew. What a slower connection brings, and a mere copy of the last event, says nothing.
    pub(super) fn count_older(&mut self, number: u64, before: u64, generation: u32) -> bool {
        let odd = self.is_later(generation) || number <= before;
        if number != self.last && odd {
            self.older = self.older.saturating_add(1);
        }
        self.older > OLDER_MAX
    }

    /// The exchange counts anew, from an event of this connection on.
    pub(super) fn restart(&mut self, generation: u32, number: u64) {
        *self = Self { era: self.era, ..Self::default() };
        self.note(generation, number);
    }
}

/// A copy that comes later than this is not waited for; another event is looked at instead.
const WATCH_MAX: std::time::Duration = std::time::Duration::from_secs(10);
