//! Who wants what: from an instrument's streams to the groups of sessions that share an encoding.
//!
//! All members of a [`Group`] read the same bytes of the same events, so a group is encoded for
//! once. Groups exist while they have members.

use std::num::NonZeroU32;

use super::told::Chain;
use crate::cache::{Gap, Stamp, Stream};
use crate::client::{ClientChannel, Place};
use crate::clock::MonoNanos;
use crate::dialect::Form;
use crate::instrument::InstrumentId;

/// What the members of a group have in common, besides instrument and channel.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct GroupKey {
    pub(crate) form: Form,
    /// Levels of each side of a book; `None` is all.
    pub(crate) depth: Option<NonZeroU32>,
    /// At most so many events a second; `None` is every event as it comes.
    pub(crate) per_second: Option<NonZeroU32>,
}

/// One session in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    /// Slot of the session.
    pub(crate) session: u32,
    /// Slot of the subscription in the session.
    pub(crate) subscription: u32,
    /// Seq of the state that the session was told when it joined, or when it had caught up.
    pub(crate) joined_seq: u64,
}

/// Sessions that share an encoding.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) key: GroupKey,
    pub(crate) members: Vec<Member>,
    /// Seq up to which the members were told. Kept where events are left out for all of them: with
    /// a pace or a depth.
    pub(crate) told_seq: u64,
    /// Highest `joined_seq` that a member came with: above `told_seq` some of them count from another
    /// event than the others.
    pub(crate) joined_seq: u64,
    /// What its members are still to take.
    pub(crate) told: Option<Chain>,
    /// With a pace: when the next event may be told.
    pub(crate) due: MonoNanos,
    /// With a pace: something newer than `told_seq` waits for `due`.
    pub(crate) is_held: bool,
    /// With a pace: a gap that came while something waited, and is told behind that.
    pub(crate) gap: Option<HeldGap>,
}

/// The group of an instrument's channel in that slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct GroupId {
    pub(crate) instrument: InstrumentId,
    pub(crate) channel: ClientChannel,
    slot: u32,
}

impl GroupId {
    pub(crate) const fn new(instrument: InstrumentId, channel: ClientChannel, slot: usize) -> Self {
        Self { instrument, channel, slot: slot as u32 }
    }
}

/// Streams, and the states.
const SUBJECTS: usize = Stream::COUNT + 1;

/// The groups of every instrument and channel: who is told, with one encoding for each group.
#[derive(Debug, Default)]
pub(crate) struct Fanout {
    /// By instrument, then by channel. A slot that is `None` is free.
    groups: Vec<[Vec<Option<Group>>; SUBJECTS]>,
}

const fn index(channel: ClientChannel) -> usize {
    match channel {
        ClientChannel::Stream(stream) => stream.index(),
        ClientChannel::Status => Stream::COUNT,
    }
}

impl Fanout {
    /// Makes room for so many instruments.
    pub(crate) fn cover(&mut self, instruments: usize) {
        if self.groups.len() < instruments {
            self.groups.resize_with(instruments, Default::default);
        }
    }

    /// Adds a member to the group of that key, which is made when there is none.
    pub(crate) fn join(
        &mut self,
        instrument: InstrumentId,
        channel: ClientChannel,
        key: GroupKey,
        member: Member,
    ) -> Option<Place> {
        let slots = &mut self.groups.get_mut(instrument.index())?[index(channel)];
        let found = slots.iter().position(|slot| slot.as_ref().is_some_and(|g| g.key == key));
        let slot = match found.or_else(|| slots.iter().position(Option::is_none)) {
            Some(slot) => slot,
            None => {
                slots.push(None);
                slots.len() - 1
            }
        };
        let group = slots[slot].get_or_insert_with(|| Group::new(key, member.joined_seq));
        group.joined_seq = group.joined_seq.max(member.joined_seq);
        group.members.push(member);
        Some(Place { group: slot as u32, index: group.members.len() as u32 - 1 })
    }

    /// Takes a member out. The last member takes its index: it is returned, so that its session
    /// learns its new place.
    pub(crate) fn leave(
        &mut self,
        instrument: InstrumentId,
        channel: ClientChannel,
        place: Place,
    ) -> Option<Member> {
        let slot = self.slots_mut(instrument, channel).get_mut(place.group as usize)?;
        let group = slot.as_mut()?;
        let index = place.index as usize;
        if index >= group.members.len() {
            debug_assert!(false, "a place is given back once");
            return None;
        }
        group.members.swap_remove(index);
        let moved = group.members.get(index).copied();
        if group.members.is_empty() {
            *slot = None;
        }
        moved
    }

    /// The groups of one channel of an instrument.
    #[inline]
    pub(crate) fn slots_mut(
        &mut self,
        instrument: InstrumentId,
        channel: ClientChannel,
    ) -> &mut [Option<Group>] {
        match self.groups.get_mut(instrument.index()) {
            Some(channels) => &mut channels[index(channel)],
            None => &mut [],
        }
    }

    /// The group that stands there, when it still does.
    pub(crate) fn group_mut(&mut self, id: GroupId) -> Option<&mut Group> {
        self.slots_mut(id.instrument, id.channel).get_mut(id.slot as usize)?.as_mut()
    }
}

/// A gap that is told with the next that a group is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeldGap {
    pub(crate) seq: u64,
    pub(crate) stamp: Stamp,
    pub(crate) gap: Gap,
}

impl Group {
    const fn new(key: GroupKey, seq: u64) -> Self {
        Self {
            key,
            members: Vec::new(),
            told_seq: seq,
            joined_seq: seq,
            told: None,
            due: MonoNanos::ZERO,
            is_held: false,
            gap: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::{Dialect, Label};

    const BTC: InstrumentId = InstrumentId(1);
    const TRADES: ClientChannel = ClientChannel::Stream(Stream::Trades);

    fn key(per_second: u32) -> GroupKey {
        let form = Form { dialect: Dialect::Actions, label: Label::new(b"BTC", &[]) };
        GroupKey { form, depth: None, per_second: NonZeroU32::new(per_second) }
    }

    fn member(session: u32) -> Member {
        Member { session, subscription: 0, joined_seq: 0 }
    }

    fn fanout() -> Fanout {
        let mut fanout = Fanout::default();
        fanout.cover(2);
        fanout
    }

    #[test]
    fn a_member_that_leaves_moves_the_last_one_to_its_place() {
        let mut fanout = fanout();
        let places: Vec<Place> = (0..3)
            .filter_map(|session| fanout.join(BTC, TRADES, key(0), member(session)))
            .collect();
        assert!(places.iter().all(|place| place.group == 0));
        assert_eq!(fanout.leave(BTC, TRADES, places[0]), Some(member(2)));
        assert_eq!(fanout.leave(BTC, TRADES, places[1]), None, "it was the last");
        assert_eq!(fanout.leave(BTC, TRADES, places[0]), None);
        assert!(fanout.slots_mut(BTC, TRADES)[0].is_none(), "an empty group is gone");
    }

    #[test]
    fn other_paces_are_other_groups_and_a_free_slot_is_used_again() {
        let mut fanout = fanout();
        let live = fanout.join(BTC, TRADES, key(0), member(0)).expect("covered");
        let paced = fanout.join(BTC, TRADES, key(5), member(0)).expect("covered");
        assert_ne!(live.group, paced.group);
        fanout.leave(BTC, TRADES, live);
        let again = fanout.join(BTC, TRADES, key(6), member(1)).expect("covered");
        assert_eq!(again.group, live.group);
        assert_eq!(fanout.slots_mut(BTC, TRADES).len(), 2);
    }

    #[test]
    fn an_instrument_that_is_not_covered_has_no_groups() {
        let mut fanout = fanout();
        assert_eq!(fanout.join(InstrumentId(7), TRADES, key(0), member(0)), None);
        assert!(fanout.slots_mut(InstrumentId(7), TRADES).is_empty());
    }
}
