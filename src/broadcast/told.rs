//! What groups were told and their members did not take yet.
//!
//! ```text
//! simple:  for each event, for each member: mark the session, add the range
//! here:    for each event: add the range to its group
//!          for each group that was told something, for each member: mark the session once,
//!          add all ranges
//! ```
//! A burst of events for many members then costs each session's memory one look, not one for each
//! event. Nothing that decides about a member changes while ticks are taken: what waits for a session
//! changes when it is written to, and membership with requests. So what holds for the first of the
//! events holds for all of them. A session of several groups gets their ranges group by
//! group, and puts them in the arena's order before it writes.

use super::fanout::{Group, GroupId};
use crate::client::Range;

/// Behind the last piece of a group.
const END: u32 = u32::MAX;

/// A range that a group was told, in the chain of the group.
#[derive(Clone, Copy, Debug)]
struct Piece {
    range: Range,
    next: u32,
}

/// What one group was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chain {
    first: u32,
    last: u32,
    /// The first number that the first of it stands for.
    pub(crate) seq: u64,
    /// How many events it is; gaps are none.
    pub(crate) events: u64,
}

/// What all groups were told: chains in one list, so that a group that is told much once keeps no
/// memory for it.
#[derive(Debug, Default)]
pub(crate) struct Told {
    groups: Vec<GroupId>,
    pieces: Vec<Piece>,
    /// The chain that is handed out, as the members take it.
    ranges: Vec<Range>,
}

impl Told {
    /// Adds a range to what a group was told. `seq` is the first number that it stands for.
    #[inline]
    pub(crate) fn add(
        &mut self,
        (group, id): (&mut Group, GroupId),
        range: Range,
        (seq, events): (u64, u64),
    ) {
        let index = self.pieces.len() as u32;
        let Some(chain) = &mut group.told else {
            self.groups.push(id);
            self.pieces.push(Piece { range, next: END });
            group.told = Some(Chain { first: index, last: index, seq, events });
            return;
        };
        chain.events += events;
        let last = &mut self.pieces[chain.last as usize];
        if last.range.end == range.start {
            last.range.end = range.end;
            return;
        }
        last.next = index;
        chain.last = index;
        self.pieces.push(Piece { range, next: END });
    }

    /// Begins to hand out: the groups that were told something, the one told first in front. They
    /// come back with [`Told::clear`].
    pub(crate) fn take_groups(&mut self) -> Vec<GroupId> {
        std::mem::take(&mut self.groups)
    }

    /// The ranges of a chain, in the order in which they were told.
    pub(crate) fn ranges(&mut self, chain: &Chain) -> &[Range] {
        self.ranges.clear();
        let mut next = chain.first;
        while let Some(piece) = self.pieces.get(next as usize) {
            self.ranges.push(piece.range);
            next = piece.next;
        }
        &self.ranges
    }

    /// Everything is handed out.
    pub(crate) fn clear(&mut self, mut groups: Vec<GroupId>) {
        groups.clear();
        self.groups = groups;
        self.pieces.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::broadcast::fanout::{Fanout, GroupKey, Member};
    use crate::cache::Stream;
    use crate::client::ClientChannel;
    use crate::dialect::{Dialect, Form, Label};
    use crate::instrument::InstrumentId;

    const BTC: InstrumentId = InstrumentId(1);
    const TRADES: ClientChannel = ClientChannel::Stream(Stream::Trades);

    fn range(start: u32) -> Range {
        Range { start, end: start + 10 }
    }

    #[test]
    fn each_group_has_its_own_in_order_and_what_touches_is_one() {
        let mut fanout = Fanout::default();
        fanout.cover(2);
        for per_second in [0, 5] {
            let form = Form { dialect: Dialect::Actions, label: Label::new(b"BTC", &[]) };
            let key = GroupKey { form, depth: None, per_second: NonZeroU32::new(per_second) };
            let member = Member { session: 0, subscription: 0, joined_seq: 0 };
            fanout.join(BTC, TRADES, key, member);
        }
        let mut told = Told::default();
        for round in 0..2 {
            for (slot, start, seq) in [(0, 0, 7), (0, 10, 8), (1, 20, 8), (0, 30, 9), (1, 40, 9)] {
                let id = GroupId::new(BTC, TRADES, slot);
                let group = fanout.group_mut(id).expect("it has a member");
                told.add((group, id), range(start), (seq, 1));
            }
            let groups = told.take_groups();
            let mut seen = Vec::new();
            for &id in &groups {
                let chain = fanout.group_mut(id).and_then(|group| group.told.take());
                let chain = chain.expect("it was told");
                seen.push((chain.seq, chain.events, told.ranges(&chain).to_vec()));
            }
            told.clear(groups);
            let joined = Range { start: 0, end: 20 };
            let expected = [(7, 3, vec![joined, range(30)]), (8, 2, vec![range(20), range(40)])];
            assert_eq!(seen, expected, "round {round}");
        }
    }
}
