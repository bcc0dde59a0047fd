//! The last events of one stream, in a circular buffer of fixed capacity.

use super::event::Stamp;
use crate::tick::Body;

/// What a history keeps: something that knows its number.
pub(super) trait Numbered: Copy {
    /// Its number in its stream; events of several records give all the same.
    fn seq(&self) -> u64;
}

/// One tick's worth of an event. 64 bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    pub(super) seq: u64,
    pub(super) stamp: Stamp,
    pub(super) body: Body,
}

const _: () = assert!(size_of::<Record>() == 64);

impl Numbered for Record {
    #[inline]
    fn seq(&self) -> u64 {
        self.seq
    }
}

/// The newest records of a stream, oldest first. Memory is reserved at the first record and, as
/// the system hands out pages when they are written, grows with what is held.
#[derive(Clone, Debug)]
pub(super) struct History<T> {
    records: Vec<T>,
    capacity: usize,
    /// The oldest record, once the buffer is full.
    oldest: usize,
    /// The newest number of which something is not held.
    dropped_through: u64,
}

impl<T: Numbered> History<T> {
    pub(super) const fn new(capacity: usize) -> Self {
        Self { records: Vec::new(), capacity, oldest: 0, dropped_through: 0 }
    }

    /// Adds the newest record; the oldest gives way when the buffer is full.
    #[inline]
    pub(super) fn push(&mut self, record: T) {
        if self.records.len() < self.capacity {
            if self.records.capacity() == 0 {
                self.records.reserve_exact(self.capacity);
            }
            self.records.push(record);
            return;
        }
        let Some(slot) = self.records.get_mut(self.oldest) else {
            self.dropped_through = record.seq();
            return;
        };
        self.dropped_through = slot.seq();
        *slot = record;
        self.oldest += 1;
        if self.oldest == self.capacity {
            self.oldest = 0;
        }
    }

    /// Forgets everything: nothing up to and including `seq` can be asked for any more.
    pub(super) fn forget(&mut self, seq: u64) {
        self.records.clear();
        self.oldest = 0;
        self.dropped_through = seq;
    }

    /// Whether every record with a number above `seq` is held.
    #[inline]
    pub(super) fn holds_since(&self, seq: u64) -> bool {
        seq >= self.dropped_through
    }

    /// Whether nothing was ever dropped.
    #[inline]
    pub(super) fn holds_all(&self) -> bool {
        self.dropped_through == 0
    }

    /// The records of events with a number above `seq`, oldest first. Of an event of which a
    /// record was dropped there is none.
    pub(super) fn since(&self, seq: u64) -> impl Iterator<Item = &T> {
        let after = seq.max(self.dropped_through);
        let (newer, older) = self.records.split_at(self.oldest.min(self.records.len()));
        let skip = |run: &[T]| run.partition_point(|record| record.seq() <= after);
        older[skip(older)..].iter().chain(&newer[skip(newer)..])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    impl Numbered for u64 {
        fn seq(&self) -> u64 {
            *self
        }
    }

    proptest! {
        #[test]
        fn a_history_equals_a_deque_that_is_cut(
            capacity in 0..9_usize,
            runs in prop::collection::vec(1..4_usize, 0..60),
            asked in 0..80_u64,
        ) {
            let mut history = History::new(capacity);
            let mut twin = VecDeque::new();
            let mut dropped = 0;
            for (index, run) in runs.iter().enumerate() {
                for _ in 0..*run {
                    history.push(index as u64 + 1);
                    twin.push_back(index as u64 + 1);
                    if twin.len() > capacity {
                        dropped = twin.pop_front().unwrap_or(0);
                    }
                }
            }
            let expected: Vec<u64> =
                twin.into_iter().filter(|&seq| seq > asked.max(dropped)).collect();
            prop_assert_eq!(history.since(asked).copied().collect::<Vec<_>>(), expected);
            prop_assert_eq!(history.holds_since(asked), asked >= dropped);
        }
    }

    #[test]
    fn what_is_forgotten_is_not_held() {
        let mut history = History::new(4);
        (1..=6).for_each(|seq: u64| history.push(seq));
        history.forget(7);
        assert!(!history.holds_since(6));
        assert!(history.holds_since(7));
        (8..=12).for_each(|seq| history.push(seq));
        assert_eq!(history.since(0).copied().collect::<Vec<_>>(), [9, 10, 11, 12]);
    }
}
