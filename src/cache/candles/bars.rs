//! The exchange's own bars: what one of them says of itself, of the one before, and of what lies
//! between.

use std::ops::Range;

use super::past::ToldBar;
use super::{Slot, Told};
use crate::cache::event::Stamp;
use crate::clock::UnixNanos;
use crate::limits::CANDLE_AHEAD_NS_MAX;
use crate::tick::Candle;

/// What became of something that came for candles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It made or changed the newest candle.
    Newest,
    /// It corrected a closed one, or brought one that was missing.
    Correction,
    /// It says what was told before.
    Repeated,
    /// It came too late.
    Late,
    /// The exchange's time went back, and the newest candle is one of that time.
    Anew,
}

impl Slot {
    /// Takes a bar; `date` is the exchange's by its clock, where that is known.
    pub(super) fn take(
        &mut self,
        candle: &Candle,
        stamp: Stamp,
        date: UnixNanos,
        told: &mut impl Told,
    ) -> Taken {
        let (start, length) = (candle.open_time.0, candle.interval.nanos());
        let end = start.saturating_add(length);
        let mut taken = Taken::Newest;
        // One that was called final is over, whatever time it is.
        let is_over = self.past.told(candle.interval, start, self.start);
        if start < self.start
            && !is_over.is_some_and(ToldBar::is_called_final)
            && self.went_back(start..end, date.max(stamp.exchange_time))
        {
            self.leave_future(told);
            self.past.retreat(candle.interval, self.start, start);
            taken = Taken::Anew;
        } else if start < self.start || (start == self.start && !self.open && !self.left) {
            return self.correct(candle, stamp, told);
        }
        let mut after_hole = self.candle.after_hole;
        if start != self.start {
            if self.open {
                self.close(told);
            }
            // So is the first: of what was before it nothing is known.
            let is_unsure = self.missed || (self.unheard && !candle.behind);
            after_hole = is_unsure && start != self.end;
            self.past.advance(candle.interval, self.start, start);
        }
        // It holds what was missed of it; of what came after it, it shows something only where that
        // can be nothing.
        let now = stamp.exchange_time.or(date).or(stamp.received);
        let is_last = candle.listed || end > now.0;
        // What was before the first is no hole.
        self.missed &= !is_last && self.exists();
        self.unheard &= !is_last;
        self.doubted = false;
        (self.start, self.end) = (start, end);
        (self.open, self.left) = (!candle.closed, false);
        self.candle = Candle { after_hole, behind: false, listed: false, ..*candle };
        self.stamp = stamp;
        if !self.open {
            self.note(candle.says_final);
        }
        self.tell_newest(told);
        taken
    }

    /// Whether the newest candle opens later than it is now by the exchange's time, and another is
    /// the one of now.
    fn went_back(&self, other: Range<i64>, now: UnixNanos) -> bool {
        let soon = now.0.saturating_add(CANDLE_AHEAD_NS_MAX);
        let lately = now.0.saturating_sub(CANDLE_AHEAD_NS_MAX);
        now.is_some() && self.start > soon && other.start <= soon && other.end > lately
    }

    /// The newest candle is of a time that has not come: nothing is known of it, and nothing of
    /// what was before the next one.
    #[cold]
    pub(super) fn leave_future(&mut self, told: &mut impl Told) {
        if self.open {
            self.candle.partial = true;
            self.close(told);
        }
        (self.missed, self.older) = (true, 0);
    }

    /// Takes a bar of an interval that is over: its exchange corrects what was told of it, or
    /// brings what was missing.
    fn correct(&mut self, candle: &Candle, stamp: Stamp, told: &mut impl Told) -> Taken {
        let (interval, start) = (candle.interval, candle.open_time.0);
        let Some(before) = self.past.told(interval, start, self.start) else {
            return Taken::Late;
        };
        let called_final = candle.says_final && candle.closed;
        if before.is_called_final() && !called_final {
            return Taken::Late;
        }
        let corrected = Candle {
            closed: true,
            partial: candle.says_final && !called_final,
            after_hole: !before.is_told() || before.is_after_hole(),
            behind: false,
            listed: false,
            ..*candle
        };
        let says = ToldBar::of(&corrected, called_final);
        self.past.set(interval, start, says);
        if says.says_as(before) {
            return Taken::Repeated;
        }
        if start == self.start {
            (self.candle, self.stamp) = (corrected, stamp);
            self.tell_newest(told);
        } else {
            self.seq += 1;
            told(self.seq, stamp, &corrected);
        }
        Taken::Correction
    }

    /// Remembers what was told of the newest candle, which is closed.
    pub(super) fn note(&mut self, called_final: bool) {
        if !self.past.is_kept() {
            return;
        }
        let told = ToldBar::of(&self.candle, called_final);
        self.past.set(self.candle.interval, self.start, told);
    }
}
