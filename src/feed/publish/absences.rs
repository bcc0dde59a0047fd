//! Which streams are not there, and why, as whoever listens was told.
//!
//! What the connections lack is a fact of each moment (`Lines::absences`), and the state of a feed
//! follows from it; here stands what was told of it, so that only news is told, and all of it once
//! more to a ring that had lapsed. A book says by its own state that it is not there.

use std::collections::{HashMap, HashSet};

use super::Publisher;
use crate::clock::{MonoNanos, UnixNanos};
use crate::exchange::{StreamKey, Subscription, with_books};
use crate::feed::connection::open::{Sign, is_of_silence};
use crate::instrument::Channel;
use crate::tick::{Body, BookState, Reason, Tick};

/// What was told of one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// It is there again.
    There,
    /// The exchange refuses it or does not bring it.
    Absent(Reason),
    /// It is not carried; when it is again, that is told once it is there.
    Withdrawn(Reason),
}

/// What was told of streams; of those that were never absent, nothing.
#[derive(Debug, Default)]
pub(in crate::feed) struct Absences {
    told: HashMap<StreamKey, Told>,
    /// How many of them are absent.
    count: u64,
}

impl Absences {
    /// Whether a stream was told as not there.
    pub(in crate::feed) fn has(&self, stream: StreamKey) -> bool {
        let told = self.told.get(&stream);
        matches!(told, Some(Told::Absent(_) | Told::Withdrawn(_)))
    }

    /// Why some of these are absent: the gravest reason; [`Reason::None`] where none of them is.
    pub(in crate::feed) fn reason_of(&self, streams: &[Subscription]) -> Reason {
        if self.count == 0 {
            return Reason::None;
        }
        let reasons = streams.iter().filter_map(|one| match self.told.get(&one.stream())? {
            Told::Absent(reason) => Some(*reason),
            Told::There | Told::Withdrawn(_) => None,
        });
        reasons.max_by_key(|&reason| gravity(reason)).unwrap_or(Reason::None)
    }

    /// Every stream whose state is known to who listens, books aside.
    pub(super) fn told(&self) -> impl Iterator<Item = StreamKey> {
        self.told.keys().copied().filter(|(_, channel, _)| *channel != Channel::Orderbook)
    }

    fn begin_withdrawn(&mut self, streams: &[Subscription]) {
        for one in streams {
            self.set(one, Told::Withdrawn(Reason::Configuration));
        }
    }

    fn set(&mut self, stream: &Subscription, told: Told) {
        let was = self.told.insert(stream.stream(), told);
        self.count += u64::from(matches!(told, Told::Absent(_)));
        self.count -= u64::from(matches!(was, Some(Told::Absent(_))));
    }
}

impl Told {
    /// As it stands in the rings.
    const fn state(self) -> (BookState, Reason) {
        match self {
            Self::There => (BookState::Live, Reason::None),
            Self::Absent(reason) | Self::Withdrawn(reason) => (BookState::Stale, reason),
        }
    }
}

/// How much a reason matters beside others: what is given up more than what is asked for again, and
/// that more than what may be a quiet market.
pub(in crate::feed) const fn gravity(reason: Reason) -> u8 {
    match reason {
        Reason::None => 0,
        Reason::AwaitingTurn => 1,
        Reason::Aged => 2,
        Reason::Mute => 3,
        Reason::Unavailable => 4,
        Reason::RateLimited => 5,
        _ => 6,
    }
}

/// The graver of two reasons; the second where both are as grave.
pub(in crate::feed) const fn graver(one: Reason, two: Reason) -> Reason {
    if gravity(one) > gravity(two) { one } else { two }
}

impl Publisher {
    /// What was told of streams that are not there.
    pub(in crate::feed) const fn absences(&self) -> &Absences {
        &self.absences
    }

    /// Nothing of these is carried yet, and those who listen know it.
    pub(in crate::feed) fn begin_withdrawn(&mut self, carried: &[Subscription]) {
        self.absences.begin_withdrawn(carried);
    }

    /// Streams that are not carried any more, and instruments of which nothing is: whoever listens
    /// is told that nothing will come.
    pub(in crate::feed) fn withdraw(
        &mut self,
        left: &[Subscription],
        reason: Reason,
        now: MonoNanos,
    ) {
        let mut told = HashSet::new();
        for one in left {
            let (instrument, channel) = (one.instrument, one.channel);
            self.absences.set(one, Told::Withdrawn(reason));
            // Candles have a stream for each interval; when all go, that is told of the channel.
            if !told.insert((instrument, channel)) {
                continue;
            }
            self.numbers.forget(instrument, channel);
            if channel != Channel::Orderbook {
                let gap = Body::Gap { channel, reason, missed: 0 };
                self.rings.staged().push(Tick::new(instrument, UnixNanos::NONE, gap));
                self.tell_told((instrument, channel, None), Told::Withdrawn(reason));
            }
        }
        for instrument in with_books(left) {
            self.books.abandon(instrument, reason, self.rings.staged());
        }
        self.note_absences(now);
    }

    /// Candles of these lengths are not carried any more, while those of others are.
    pub(in crate::feed) fn withdraw_lengths(
        &mut self,
        left: &[Subscription],
        reason: Reason,
        now: MonoNanos,
    ) {
        for one in left {
            self.absences.set(one, Told::Withdrawn(reason));
            self.tell_stream(one.stream());
        }
        self.note_absences(now);
    }

    /// A stream is refused, or silent where it ought to speak: whoever follows it is told. True
    /// when that is news.
    pub(in crate::feed) fn absent(
        &mut self,
        stream: &Subscription,
        reason: Reason,
        now: MonoNanos,
    ) -> bool {
        let (instrument, channel) = (stream.instrument, stream.channel);
        let is_known = self.absences.told.get(&stream.stream()) == Some(&Told::Absent(reason));
        self.absences.set(stream, Told::Absent(reason));
        if channel == Channel::Orderbook {
            // One whose connection was lost meanwhile was told so.
            self.books.abandon(instrument, reason, self.rings.staged());
        } else if !is_known {
            self.tell_stream(stream.stream());
        }
        self.note_absences(now);
        !is_known
    }

    /// A stream is there; true when it had been told as not there. One that was silent is there
    /// when it speaks. A book says so itself, with its snapshot.
    pub(in crate::feed) fn present(&mut self, sign: Sign, now: MonoNanos) -> bool {
        let Subscription { instrument, channel, .. } = sign.stream;
        let was = match self.absences.told.get(&sign.stream.stream()) {
            None | Some(Told::There) => return false,
            Some(Told::Absent(reason)) if is_of_silence(*reason) && !sign.speaks => return false,
            Some(Told::Absent(reason) | Told::Withdrawn(reason)) => *reason,
        };
        self.absences.set(&sign.stream, Told::There);
        if channel != Channel::Orderbook {
            // No number tells what of these is missing.
            if was == Reason::Aged && matches!(channel, Channel::Quotes | Channel::Ticker) {
                self.counters.gaps.increment();
                let gap = Body::Gap { channel, reason: Reason::Mute, missed: 0 };
                self.rings.staged().push(Tick::new(instrument, UnixNanos::NONE, gap));
            }
            self.tell_stream(sign.stream.stream());
        }
        self.note_absences(now);
        true
    }

    /// Tells a stream's state once more to a ring that missed some.
    #[cold]
    pub(super) fn retell_stream(&mut self, stream: StreamKey) {
        if let (instrument, Channel::Trades, _) = stream {
            self.retell_trades_shown(instrument);
        }
        self.tell_stream(stream);
        let now = self.clock.now();
        self.stamp_and_push(now);
    }

    fn tell_stream(&mut self, stream: StreamKey) {
        if let Some(&told) = self.absences.told.get(&stream) {
            self.tell_told(stream, told);
        }
    }

    fn tell_told(&mut self, (instrument, channel, interval): StreamKey, told: Told) {
        let (state, reason) = told.state();
        let body = Body::StreamState { channel, interval, state, reason };
        self.rings.staged().push(Tick::new(instrument, UnixNanos::NONE, body));
    }

    fn note_absences(&mut self, now: MonoNanos) {
        self.counters.absent_subscriptions.set(self.absences.count);
        self.stamp_and_push(now);
    }
}
