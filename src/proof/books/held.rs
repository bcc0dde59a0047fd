//! The deltas that wait for a snapshot: one unbroken chain, bounded.

use super::proof::{Position, Step, leaps_ahead, step};
use crate::exchange::{BookUpdate, Continuity};
use crate::limits::{HELD_EVENTS_MAX, HELD_LEVELS_MAX};
use crate::tick::Level;

/// What became of a delta that was to be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// It continues the chain, or starts it.
    Kept,
    /// The chain has it already.
    Old,
    /// It did not follow, so the chain starts anew with it: only a snapshot beyond the gap helps.
    Restarted,
    /// The bound is reached, so the chain starts anew with it.
    Overflowed,
}

/// Deltas in the order of their numbers, with nothing missing in between.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// Their `levels` are ranges of `self.levels`.
    events: Vec<BookUpdate>,
    levels: Vec<Level>,
}

impl Held {
    /// Takes a delta in.
    pub(super) fn push(
        &mut self,
        continuity: Continuity,
        update: &BookUpdate,
        levels: &[Level],
    ) -> Hold {
        let hold = self.judge(continuity, update, levels);
        // The chain starts behind one whose number leaps.
        let leaps = leaps_ahead(self.events.last().and_then(|last| last.last_id), update);
        match hold {
            Hold::Old => return hold,
            Hold::Kept => {}
            Hold::Restarted | Hold::Overflowed => self.clear(),
        }
        if !leaps {
            self.keep(update, levels);
        }
        hold
    }

    /// The exchange counts anew: the chain starts with this delta.
    pub(super) fn restart(&mut self, update: &BookUpdate, levels: &[Level]) -> Hold {
        self.clear();
        self.keep(update, levels);
        Hold::Restarted
    }

    fn keep(&mut self, update: &BookUpdate, levels: &[Level]) {
        let start = self.levels.len() as u32;
        self.levels.extend_from_slice(levels);
        self.events.push(BookUpdate { levels: start..self.levels.len() as u32, ..update.clone() });
    }

    fn judge(&self, continuity: Continuity, update: &BookUpdate, levels: &[Level]) -> Hold {
        let Some(last) = self.events.last() else { return Hold::Kept };
        match step(continuity, Position { last_id: last.last_id, joined: true }, update) {
            Step::Old => Hold::Old,
            Step::Gap => Hold::Restarted,
            Step::Next
                if self.events.len() >= HELD_EVENTS_MAX
                    || self.levels.len() + levels.len() > HELD_LEVELS_MAX =>
            {
                Hold::Overflowed
            }
            Step::Next => Hold::Kept,
        }
    }

    /// True when nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Every delta with its levels, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&BookUpdate, &[Level])> {
        self.events.iter().map(|event| {
            let range = event.levels.start as usize..event.levels.end as usize;
            (event, &self.levels[range])
        })
    }

    /// Forgets all and keeps the memory.
    fn clear(&mut self) {
        self.events.clear();
        self.levels.clear();
    }
}
