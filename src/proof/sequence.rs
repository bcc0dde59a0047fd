//! The numbers that some exchanges give to every frame of a connection (Coinbase Advanced).

use crate::limits::NUMBERS_APART_MAX;

/// How far a connection's frames are numbered without a hole.
#[derive(Clone, Copy, Debug, Default)]
pub struct ConnectionSequence {
    /// The last number; `None` before the first.
    last: Option<u64>,
    /// Frames since then that could not be read, so that nobody knows their numbers.
    unread: u64,
    /// The number that would have followed, had the last one not been odd: no loss explains it, so
    /// that only the next says what it was.
    awaited: Option<u64>,
}

/// What a frame's number says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SequenceStep {
    /// Nothing is missing before it.
    Next,
    /// The last frame came twice.
    Repeated,
    /// Frames before it are missing, or it counts anew.
    Gap {
        /// The number that would have followed.
        expected: u64,
        /// The number of the frame.
        found: u64,
    },
}

impl ConnectionSequence {
    /// Judges a frame's number, and goes on from it.
    #[inline]
    pub fn hear(&mut self, number: u64) -> SequenceStep {
        match self.last.replace(number) {
            None => SequenceStep::Next,
            Some(last) if self.awaited.is_none() && number == last.saturating_add(1) => {
                self.unread = 0;
                SequenceStep::Next
            }
            Some(last) => self.judge(last, number),
        }
    }

    #[cold]
    fn judge(&mut self, last: u64, number: u64) -> SequenceStep {
        let (unread, awaited) = (std::mem::take(&mut self.unread), self.awaited.take());
        if number == last {
            (self.unread, self.awaited) = (unread, awaited);
            return SequenceStep::Repeated;
        }
        let expected = awaited.unwrap_or_else(|| last.saturating_add(1));
        // An odd frame stands in the place of the one that was awaited, or came between two.
        let unread = unread.saturating_add(awaited.is_some().into());
        let missing = number.checked_sub(expected);
        if missing.is_some_and(|missing| missing <= unread) {
            return SequenceStep::Next;
        }
        let is_odd = missing.is_none_or(|missing| missing > NUMBERS_APART_MAX);
        if is_odd && awaited.is_none() {
            self.awaited = Some(expected);
            self.unread = unread;
            return SequenceStep::Next;
        }
        SequenceStep::Gap { expected, found: number }
    }

    /// Whether frames of the connection are numbered, so that a loss shows.
    pub const fn is_numbered(&self) -> bool {
        self.last.is_some()
    }

    /// The same in a recording, which may hold several connections: each begins at 0.
    pub fn hear_recorded(&mut self, number: u64) -> SequenceStep {
        match self.last {
            Some(last) if number == 0 && last != 0 => {
                *self = Self { last: Some(0), ..Self::default() };
                SequenceStep::Gap { expected: last.saturating_add(1), found: 0 }
            }
            _ => self.hear(number),
        }
    }

    /// A frame came whose number could not be read.
    pub fn skip(&mut self) {
        self.unread = self.unread.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hole_is_found_and_an_unreadable_frame_is_none() {
        let mut sequence = ConnectionSequence::default();
        assert_eq!(sequence.hear(7), SequenceStep::Next, "whatever it begins with");
        assert_eq!(sequence.hear(8), SequenceStep::Next);
        assert_eq!(sequence.hear(8), SequenceStep::Repeated);
        sequence.skip();
        assert_eq!(sequence.hear(10), SequenceStep::Next, "9 came and could not be read");
        sequence.skip();
        assert_eq!(sequence.hear(13), SequenceStep::Gap { expected: 11, found: 13 });
        assert_eq!(sequence.hear(14), SequenceStep::Next, "told once");
        assert_eq!(sequence.hear(0), SequenceStep::Next, "nothing is lost by going back");
        assert_eq!(
            sequence.hear(1),
            SequenceStep::Gap { expected: 15, found: 1 },
            "it counts anew"
        );
        assert_eq!(sequence.hear(2), SequenceStep::Next);
    }

    #[test]
    fn one_odd_number_is_no_hole_and_hides_none() {
        for odd in [0, 3, 1 << 40, 10_000_000_000_000_000, u64::MAX] {
            let begun = || {
                let mut sequence = ConnectionSequence::default();
                assert_eq!([6, 7].map(|number| sequence.hear(number)), [SequenceStep::Next; 2]);
                assert_eq!(sequence.hear(odd), SequenceStep::Next, "{odd}");
                sequence
            };
            // In the place of 8, or before it.
            for next in [9, 8] {
                let mut sequence = begun();
                assert_eq!(sequence.hear(next), SequenceStep::Next, "{odd}, {next}");
                assert_eq!(sequence.hear(next + 1), SequenceStep::Next);
                let gap = SequenceStep::Gap { expected: next + 2, found: next + 3 };
                assert_eq!(sequence.hear(next + 3), gap, "{odd}");
            }
            let gap = SequenceStep::Gap { expected: 8, found: 10 };
            assert_eq!(begun().hear(10), gap, "{odd} was one frame, and two are missing");
            let found = odd.wrapping_add(1);
            assert_eq!(begun().hear(found), SequenceStep::Gap { expected: 8, found }, "{odd}");
        }
    }
}
