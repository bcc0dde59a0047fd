//! The numbers that some exchanges give to every frame of a connection (Coinbase Advanced).

/// How far a connection's frames are numbered without a hole.
#[derive(Clone, Copy, Debug, Default)]
pub struct ConnectionSequence {
    /// The last number; `None` before the first.
    last: Option<u64>,
    /// Frames since then that could not be read, so that nobody knows their numbers.
    unread: u64,
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
        let unread = std::mem::take(&mut self.unread);
        let Some(last) = self.last.replace(number) else { return SequenceStep::Next };
        let expected = last.saturating_add(1);
        if number == expected {
            SequenceStep::Next
        } else if number == last {
            SequenceStep::Repeated
        } else if number > expected && number - expected <= unread {
            SequenceStep::Next
        } else {
            SequenceStep::Gap { expected, found: number }
        }
    }

    /// A frame came whose number could not be read.
    pub fn skip(&mut self) {
        self.unread += 1;
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
        assert_eq!(sequence.hear(0), SequenceStep::Gap { expected: 15, found: 0 });
    }
}
