//! Numbers of trades that leap: up or down, for one trade or for good.
//!
//! An exchange numbers its trades without a hole. When a number neither follows nor repeats what was
//! told, that is an odd one for once, or an exchange that counts anew; nobody can know which, so the
//! trade is told at once. One rule holds for both, and whichever line brings what:
//!
//! 1. **Two counts are remembered**: the one that is gone on with, and another beside it. A trade that
//!    fits neither opens a new one beside it, and is told behind a gap of unknown size. When three
//!    trades in a row are told of the count beside, it is the one that is gone on with, and the former
//!    is beside.
//! 2. **The size of a hole is what the trade's own count says**: a trade that lies closely behind the
//!    count beside is of that. Between two trades of one count that are told in a row the size is
//!    known; where the telling changes over to the count beside, it is not.
//! 3. **What is dated before the leap is from before it**, unless it lies closely behind the newer
//!    count, or behind a trade of the older one that was dated since and told: it was mixed up with
//!    what came after it, or a slower line brings it. It was told as missing by the gap of the leap, and
//!    telling it after that would be out of order. It moves no count, so that the count which it belongs
//!    to tells it as missing once more, by its exact number, if it is gone on with. As a date may be
//!    wrong, this holds for [`CATCH_UP_MAX`] behind the leap, and for as long as anyone likes only of
//!    past trades that are told to who has just subscribed.
//! 4. **A number of the count beside that is dated no later than that count's last is a copy.**
//!
//! The same number is told twice only if the second is dated later: ids that begin anew are used again.

use super::hold::Doubt;
use super::places::{Said, believed};
use super::trades::reason_of;
use super::{Numbers, Source, Verdict};
use crate::clock::{MonoNanos, UnixNanos};
use crate::exchange::{Origin, SequencedTick};
use crate::instrument::InstrumentId;
use crate::limits::{CATCH_UP_MAX, NUMBERS_MIXED_UP_MAX, NUMBERS_STRANGE_MAX, TRADES_MISSED_MAX};
use crate::tick::{Reason, Tick};

/// See [`TRADES_MISSED_MAX`].
pub(super) const FAR_MIN: u64 = TRADES_MISSED_MAX + 1;

/// A count that is not gone on with, as far as it was told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Count {
    /// Its first number.
    pub(super) began: u64,
    /// Its last one.
    pub(super) last: u64,
    /// The latest time of its trades, unless that of the last is not known.
    pub(super) time: UnixNanos,
}

/// The last leap between two counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leap {
    /// When the first trade behind it happened, where that is known.
    since: UnixNanos,
    /// When that was read.
    at: MonoNanos,
    /// The count beside the one that is gone on with.
    beside: Option<Count>,
    /// That is the newer one of both.
    is_beside_newer: bool,
    /// Trades of it that were told in a row, up to the last one told.
    pub(super) in_a_row: u8,
}

impl Count {
    /// Whether it came past this number.
    fn has(&self, number: u64) -> bool {
        (self.began..=self.last).contains(&number)
    }

    /// The same, or past one that may be of a hole just before its last.
    fn may_have(&self, number: u64) -> bool {
        let behind = self.last.checked_sub(number);
        self.has(number) || behind.is_some_and(|behind| behind <= NUMBERS_MIXED_UP_MAX)
    }

    /// How many numbers lie between its last and this one, if that is beyond it.
    const fn missing_before(&self, number: u64) -> Option<u64> {
        match self.last.checked_add(1) {
            Some(next) => number.checked_sub(next),
            None => None,
        }
    }

    /// Whether this number lies closely behind it, and not closer behind the other.
    fn is_followed_by(&self, number: u64, other: &Self) -> bool {
        let missing = self.missing_before(number).filter(|missing| *missing < NUMBERS_MIXED_UP_MAX);
        missing.is_some_and(|own| other.missing_before(number).is_none_or(|others| own < others))
    }
}

impl Leap {
    /// There was none.
    pub(super) const NONE: Self = Self {
        since: UnixNanos::NONE,
        at: MonoNanos::ZERO,
        beside: None,
        is_beside_newer: false,
        in_a_row: 0,
    };

    /// The exchange counts anew, from this trade on.
    pub(super) fn anew(first: Said, former: Option<Count>) -> Self {
        let Said { number, time: since, received: at } = first;
        let mut beside = former;
        // Numbers that the new count comes past as well tell nothing of which they are.
        if let Some(former) = beside.as_mut().filter(|former| former.has(number)) {
            former.began = former.last.saturating_add(1);
        }
        Self { since, at, beside, ..Self::NONE }
    }

    /// Whether an event is certainly not from before the leap.
    #[inline]
    pub(super) fn is_since(&self, time: UnixNanos) -> bool {
        !self.since.is_some() || time > self.since
    }

    /// Whether an event is certainly from before it.
    #[inline]
    pub(super) fn is_behind(&self, time: UnixNanos) -> bool {
        self.since.is_some() && time.is_some() && time < self.since
    }

    /// Whether a trade was told, or told as missing, before the leap or with the count beside.
    /// `main` is the count that is gone on with.
    pub(super) fn covers(&self, (first, said): (u64, Said), origin: Origin, main: &Count) -> bool {
        let Some(beside) = &self.beside else { return false };
        let is_recent = said.received < self.at.after(CATCH_UP_MAX);
        let (older, newer) = if self.is_beside_newer { (main, beside) } else { (beside, main) };
        let is_told = older.may_have(said.number);
        let goes_on = newer.is_followed_by(first, older) && !is_told;
        if !(is_recent || origin == Origin::Past) || goes_on {
            return false;
        }
        // Before the first one of it that was told others of it may have been mixed up.
        let margin = if self.is_beside_newer { NUMBERS_MIXED_UP_MAX } else { 0 };
        let began = beside.began.saturating_sub(margin);
        let is_of_beside = (began..=beside.last).contains(&said.number);
        let is_known = said.time.is_some() && beside.time.is_some();
        let is_later = if is_known { said.time > beside.time } else { self.in_a_row == 0 };
        let goes_on_since = self.is_behind_later((first, said.number), main);
        (self.is_behind(said.time) && !goes_on_since) || (is_of_beside && !is_later)
    }

    /// Whether a trade lies closely behind one that was told since the leap though it is of the older
    /// count, so that it is not from before the leap, whatever its date.
    fn is_behind_later(&self, (first, last): (u64, u64), main: &Count) -> bool {
        let is_later = self.is_beside_newer && self.since.is_some() && main.time > self.since;
        is_later && last > main.last && first.saturating_sub(main.last) <= NUMBERS_MIXED_UP_MAX
    }

    /// Whether a trade lies closely behind the count beside, and not behind the one that is gone on
    /// with.
    pub(super) fn goes_on_beside(&self, first: u64, main: &Count) -> bool {
        let is_beyond =
            main.missing_before(first).is_some_and(|missed| missed >= NUMBERS_MIXED_UP_MAX);
        self.beside.is_some_and(|beside| beside.is_followed_by(first, main))
            && (self.in_a_row > 0 || is_beyond)
    }

    /// How many numbers are missing between the last trade told and this one, if both are of the
    /// count beside.
    pub(super) fn missing_before(&self, first: u64) -> Option<u64> {
        let missed = self.beside.filter(|_| self.in_a_row > 0)?.missing_before(first);
        missed.filter(|missed| *missed < FAR_MIN)
    }

    /// A trade is told that is not of `main`.
    fn tell(&mut self, (first, said): (u64, Said), main: &Count) {
        let Said { number, time, received } = said;
        let is_close = self.goes_on_beside(first, main);
        let goes_on = is_close || self.missing_before(first).is_some();
        match &mut self.beside {
            Some(beside) if goes_on => {
                // Behind a last one of no date nobody can say what is later.
                let time = if time.is_some() { beside.time.max(time) } else { time };
                (beside.last, beside.time) = (number, time);
            }
            beside => *beside = Some(Count { began: first, last: number, time }),
        }
        // One that does not lie closely behind the last may be another leap.
        if self.in_a_row == 0 || !is_close {
            (self.since, self.at, self.is_beside_newer) = (time, received, true);
        }
        self.in_a_row = self.in_a_row.saturating_add(1);
    }

    /// Of what has no holes to be told: a number is beside the count that is gone on with, and which of
    /// those in a row it is.
    pub(super) const fn count(&mut self, number: u64) -> u8 {
        self.beside = Some(Count { began: number, last: number, time: UnixNanos::NONE });
        self.is_beside_newer = true;
        self.in_a_row = self.in_a_row.saturating_add(1);
        self.in_a_row
    }

    /// Whether a number is the last one beside.
    pub(super) fn has_last_beside(&self, number: u64) -> bool {
        self.beside.is_some_and(|beside| beside.last == number)
    }

    /// Whether a number is one of the count that was left for one that `began` lower.
    #[inline]
    pub(super) fn has_left(&self, number: u64, began: u64) -> bool {
        let left = self.beside.filter(|beside| !self.is_beside_newer && began < beside.began);
        left.is_some_and(|left| left.has(number))
    }

    /// A number was heard that no trade has. True when it lies closely behind the count beside; the
    /// next of that does not miss it.
    pub(super) fn pass(&mut self, number: u64, main: &Count) -> bool {
        let goes_on = self.goes_on_beside(number, main);
        let follows = self.missing_before(number) == Some(0);
        if let Some(beside) = self.beside.as_mut().filter(|_| goes_on && follows) {
            beside.last = number;
        }
        goes_on
    }

    /// The first number of the count that three trades in a row were told of, and what is known of
    /// it.
    fn first_beside(&self) -> Option<Said> {
        let Count { began: number, .. } =
            self.beside.filter(|_| self.in_a_row >= NUMBERS_STRANGE_MAX)?;
        Some(Said { number, time: self.since, received: self.at })
    }
}

impl Numbers {
    /// A trade that is not of the count that is gone on with.
    #[cold]
    pub(super) fn tell_beside(
        &mut self,
        (first, said): (u64, Said),
        tick: Tick,
        source: Source,
        out: &mut Vec<Tick>,
    ) -> Verdict {
        let instrument = tick.instrument;
        // What waits for another line and happened before it is told first.
        self.settle_until(instrument, Some(said.time), out);
        let progress = &mut self.slots[instrument.index()].trades;
        let reason = reason_of(progress.is_later(source.generation));
        let missed = progress.leap.missing_before(first);
        if missed != Some(0) {
            // One gap tells both.
            progress.take_unread();
        }
        let main = progress.main();
        progress.leap.tell((first, said), &main);
        let anew = progress.leap.first_beside();
        self.tell_leap(instrument, missed, reason, out);
        if let Some(begin) = anew {
            self.begin_anew(begin, said, instrument, source, out);
        }
        out.push(tick);
        Verdict::Next
    }

    /// A trade whose number is not beyond the last one, by a connection that was at `before`.
    #[cold]
    pub(super) fn judge_older(
        &mut self,
        (first, said): (u64, Said),
        before: Option<u64>,
        trade: &SequencedTick,
        source: Source,
        out: &mut Vec<Tick>,
    ) -> Verdict {
        let SequencedTick { origin, tick, .. } = *trade;
        let (instrument, generation) = (tick.instrument, source.generation);
        let progress = &mut self.slots[instrument.index()].trades;
        let after = progress.last;
        let doubt = Doubt { first, last: said.number, generation, after, tick };
        let counts_anew = match origin {
            Origin::Past => progress.goes_back(said, before),
            Origin::Live | Origin::Derived => {
                if progress.was_never_told(said, before) || progress.is_new_to(said, generation) {
                    return self.tell_beside((first, said), tick, source, out);
                }
                let counted = progress.older();
                let counts_anew = progress.count_older_trade(said, before, generation);
                if !counts_anew && progress.older() > counted {
                    self.held.push_doubt(doubt);
                }
                counts_anew
            }
        };
        if !counts_anew {
            return Verdict::Older;
        }
        let reason = reason_of(progress.is_later(generation));
        let Doubt { first: number, tick: Tick { exchange_time, .. }, .. } =
            *self.held.first_doubted(&doubt);
        let missed = progress.leap.missing_before(number);
        let time = believed(exchange_time, self.believed_until);
        let begin = Said { number, time, received: said.received };
        self.begin_anew(begin, said, instrument, source, out);
        self.tell_leap(instrument, missed, reason, out);
        self.held.take_doubts(&doubt, out);
        out.push(tick);
        Verdict::Next
    }

    /// Tells that trades may be missing before one that does not follow the last of the count that is
    /// gone on with; `missed` says how many, where that is known.
    fn tell_leap(
        &mut self,
        instrument: InstrumentId,
        missed: Option<u64>,
        reason: Reason,
        out: &mut Vec<Tick>,
    ) {
        if missed != Some(0) {
            self.tell_gap(instrument, missed.unwrap_or(0), reason, out);
        }
    }

    /// The exchange counts anew, from `begin` on, of which all is told up to what `said` says: nothing
    /// before can be compared with what comes. What waited for something before is told first.
    fn begin_anew(
        &mut self,
        begin: Said,
        said: Said,
        instrument: InstrumentId,
        source: Source,
        out: &mut Vec<Tick>,
    ) {
        self.settle_until(instrument, Some(UnixNanos::NONE), out);
        let slot = &mut self.slots[instrument.index()];
        slot.trades.restart(source.generation, begin);
        slot.trades.note(source.generation, said.number);
        slot.trades.advance(begin, self.newest);
        slot.trades.advance(said, self.newest);
        slot.trade_mark = None;
    }
}
