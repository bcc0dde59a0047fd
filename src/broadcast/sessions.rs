//! The sessions of one broadcaster, and the lists of those that want something of this turn.

use std::collections::VecDeque;

use crate::client::{Range, Session};
use crate::clock::MonoNanos;
use crate::dialect::Delivery;
use crate::limits::{CRUMB_PRICE_MAX, CRUMB_WAIT, OUTBOX_BYTES_SOFT, OWED_TAKEN_MIN};

use super::fanout::Member;
use super::places::Places;

/// Fact: the golden ratio's fraction of 2⁶⁴.
const GOLDEN_FRACTION: u64 = 0x9e37_79b9_7f4a_7c15;

/// Slots of sessions; a slot is used again after its session ended.
#[derive(Debug)]
pub(crate) struct Sessions {
    /// Bytes waiting for a session from which on it lags.
    bytes_soft: usize,
    /// The same for subscriptions to every event of a book: they are conflated as late as may be.
    bytes_soft_books: usize,
    slots: Vec<Option<Box<Session>>>,
    mark: u64,
    free: Vec<u32>,
    /// Sessions with something to write, each once, the one to be written to first in front.
    pub(crate) dirty: VecDeque<u32>,
    /// Those of them whose output waits for nothing: answers, control frames, what the kernel takes again.
    pub(crate) urgent: VecDeque<u32>,
    /// How many of `dirty` are left of the last flush; the others were given something since.
    carried: usize,
    flushes: u64,
    /// Sessions that may go on with answers, joins and missed events, each once, the one that
    /// waits longest first.
    pub(crate) catching_up: VecDeque<u32>,
    /// Sessions whose socket may have more to read, in the same way.
    pub(crate) readable: VecDeque<u32>,
    /// Sessions whose connection is gone and whose subscriptions are still to end.
    pub(crate) ending: VecDeque<u32>,
    /// Sessions that are not read before then, the first to be read first: by how long they wait, each
    /// twice as long as the one before.
    put_off: [VecDeque<(MonoNanos, u32)>; CRUMB_PRICE_MAX.ilog2() as usize + 1],
    /// Who is owed much, and who waits to be.
    places: Places,
}

/// What became of an event for one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivered {
    /// It goes out with this turn's flush.
    Queued,
    /// The session lags; it will get the newest later.
    Conflated,
    /// The session is being closed.
    Closed,
}

impl Sessions {
    /// Without sessions; one is closed when more than `bytes_max` wait for it.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            bytes_soft: OUTBOX_BYTES_SOFT.min(bytes_max / 4),
            bytes_soft_books: bytes_max / 2,
            slots: Vec::new(),
            mark: 0,
            free: Vec::new(),
            dirty: VecDeque::new(),
            urgent: VecDeque::new(),
            carried: 0,
            flushes: 0,
            catching_up: VecDeque::new(),
            readable: VecDeque::new(),
            ending: VecDeque::new(),
            put_off: Default::default(),
            places: Places::default(),
        }
    }

    /// Bytes waiting for a session from which on it lags.
    pub(crate) const fn bytes_soft(&self) -> usize {
        self.bytes_soft
    }

    /// Adds a session; returns its slot.
    pub(crate) fn insert(&mut self, session: Box<Session>) -> u32 {
        match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = Some(session);
                slot
            }
            None => {
                self.slots.push(Some(session));
                self.slots.len() as u32 - 1
            }
        }
    }

    /// Takes a session out that holds none of the places of those who are owed much.
    pub(crate) fn remove(&mut self, slot: u32) -> Option<Box<Session>> {
        let session = self.slots.get_mut(slot as usize)?.take()?;
        self.free.push(slot);
        Some(session)
    }

    pub(crate) fn get(&self, slot: u32) -> Option<&Session> {
        self.slots.get(slot as usize)?.as_deref()
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut Session> {
        self.slots.get_mut(slot as usize)?.as_deref_mut()
    }

    /// Whether a session is in one of the lists, but for that of sessions to write to.
    pub(crate) fn has_work(&self) -> bool {
        let waits = !(self.catching_up.is_empty() && self.readable.is_empty());
        waits || !(self.urgent.is_empty() && self.ending.is_empty())
    }

    /// How many sessions there are.
    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// One more than the highest slot in use or free.
    pub(crate) fn slots(&self) -> u32 {
        self.slots.len() as u32
    }

    /// Sends a range to a session that asked for it, or that it makes up to for what it missed.
    pub(crate) fn send_owed(&mut self, slot: u32, range: Range) {
        let Some(session) = self.slots.get_mut(slot as usize).and_then(Option::as_mut) else {
            return;
        };
        if session.is_open() {
            session.outgoing.add_owed(range);
            self.mark_urgent(slot);
        }
    }

    /// Sends a range to a session, whatever it is; false when the session is not open.
    #[inline]
    pub(crate) fn send(&mut self, slot: u32, range: Range) -> bool {
        let Some(session) = self.slots.get_mut(slot as usize).and_then(Option::as_mut) else {
            return false;
        };
        if !session.is_open() {
            return false;
        }
        session.outgoing.add(range);
        if !session.is_dirty {
            session.is_dirty = true;
            self.dirty.push_back(slot);
        }
        true
    }

    /// A mark that no session bears yet, for [`Sessions::send_once`].
    pub(crate) fn new_mark(&mut self) -> u64 {
        self.mark += 1;
        self.mark
    }

    /// Sends a range to a session that does not bear the mark yet, and marks it.
    pub(crate) fn send_once(&mut self, slot: u32, range: Range, mark: u64) -> bool {
        match self.get_mut(slot) {
            Some(session) if session.mark != mark => session.mark = mark,
            _ => return false,
        }
        self.send(slot, range)
    }

    /// Sends events to a member of a group. One that lags and may do without gets nothing, and
    /// is noted to get the newest when it has caught up. `seq` is the first number that the first of
    /// them stands for.
    #[inline]
    pub(crate) fn deliver(&mut self, member: &Member, ranges: &[Range], seq: u64) -> Delivered {
        let Some(session) = self.slots.get_mut(member.session as usize).and_then(Option::as_mut)
        else {
            return Delivered::Closed;
        };
        if !session.is_open() {
            return Delivered::Closed;
        }
        let keeps_up =
            session.missed.is_empty() && session.outgoing.waiting_unasked() <= self.bytes_soft;
        let soft = [self.bytes_soft, self.bytes_soft_books];
        if !keeps_up && leave_out(session, member.subscription, seq, soft) {
            return Delivered::Conflated;
        }
        ranges.iter().for_each(|&range| session.outgoing.add(range));
        if !session.is_dirty {
            session.is_dirty = true;
            self.dirty.push_back(member.session);
        }
        Delivered::Queued
    }

    /// Begins a flush: whoever was given something since the last one stands behind who waits
    /// since then, in an order that begins elsewhere each time, for the last of a thousand is written
    /// to milliseconds after the first. Multiples of the golden ratio spread the beginnings evenly,
    /// however many flushes one looks at. Returns how many wait.
    pub(crate) fn begin_flush(&mut self) -> usize {
        let fresh = self.dirty.len() - self.carried;
        self.flushes = self.flushes.wrapping_add(1);
        let fraction = self.flushes.wrapping_mul(GOLDEN_FRACTION);
        let first = (u128::from(fraction) * fresh as u128) >> u64::BITS;
        self.dirty.make_contiguous()[self.carried..].rotate_left(first as usize);
        self.dirty.len()
    }

    /// Ends a flush that left so many unvisited; of those that it visited and that have more to write
    /// the first `served` had their part, and stand behind the others from now on.
    pub(crate) fn end_flush(&mut self, unvisited: usize, served: usize) {
        self.dirty.make_contiguous()[unvisited..].rotate_left(served);
        self.carried = self.dirty.len();
    }

    /// Notes that a session has something to write.
    pub(crate) fn mark_dirty(&mut self, slot: u32) {
        let Some(session) = self.slots.get_mut(slot as usize).and_then(Option::as_mut) else {
            return;
        };
        if !session.is_dirty {
            session.is_dirty = true;
            self.dirty.push_back(slot);
        }
    }

    /// Notes that a session has something to write that waits for nothing.
    pub(crate) fn mark_urgent(&mut self, slot: u32) {
        self.mark_dirty(slot);
        let Some(session) = self.get_mut(slot) else { return };
        if !session.is_urgent {
            session.is_urgent = true;
            self.urgent.push_back(slot);
        }
    }

    /// The next of those whose output waits for nothing.
    pub(crate) fn pop_urgent(&mut self) -> Option<u32> {
        let slot = self.urgent.pop_front()?;
        if let Some(session) = self.get_mut(slot) {
            session.is_urgent = false;
        }
        Some(slot)
    }

    /// Whether the last flush left something to write.
    pub(crate) fn is_flushing(&self) -> bool {
        self.carried > 0
    }

    /// Notes that a session may go on with joins or missed events.
    pub(crate) fn mark_catching_up(&mut self, slot: u32) {
        let Some(session) = self.slots.get_mut(slot as usize).and_then(Option::as_mut) else {
            return;
        };
        if !session.is_catching_up {
            session.is_catching_up = true;
            self.catching_up.push_back(slot);
        }
    }

    /// Takes one of the few places of sessions that are owed much. False when there is none: the
    /// session goes on when it has one.
    pub(crate) fn take_place(&mut self, slot: u32, now: MonoNanos) -> bool {
        let Some(session) = self.slots.get_mut(slot as usize).and_then(Option::as_mut) else {
            return false;
        };
        if session.is_owed_much {
            return true;
        }
        let address = session.peer.ip();
        if self.places.take(address) {
            session.is_owed_much = true;
            session.has_taken(OWED_TAKEN_MIN, now);
            return true;
        }
        if !session.awaits_place {
            session.awaits_place = true;
            self.places.wait(address, slot);
        }
        false
    }

    /// Gives a session's place back, if it has one, to the next that waits; one that waits itself
    /// does so no more. Nobody's wait outlives what it is for: whoever comes and goes is forgotten.
    pub(crate) fn leave_place(&mut self, slot: u32) {
        let Some(session) = self.get_mut(slot) else { return };
        let address = session.peer.ip();
        let awaited = std::mem::take(&mut session.awaits_place);
        let is_owed_much = std::mem::take(&mut session.is_owed_much);
        if awaited {
            self.places.forget(slot);
        }
        if !is_owed_much {
            return;
        }
        self.places.leave(address);
        while let Some(next) = self.places.next() {
            let Some(session) = self.get_mut(next) else { continue };
            if std::mem::take(&mut session.awaits_place) {
                self.mark_catching_up(next);
                return;
            }
        }
    }

    /// Notes that the kernel takes a session's bytes again.
    pub(crate) fn set_writable(&mut self, slot: u32) {
        let Some(session) = self.get_mut(slot) else { return };
        session.set_writable();
        if session.has_output() {
            self.mark_urgent(slot);
        }
    }

    /// Notes that a session's socket may have something to read.
    pub(crate) fn mark_readable(&mut self, slot: u32) {
        let Some(session) = self.slots.get_mut(slot as usize).and_then(Option::as_mut) else {
            return;
        };
        if !session.is_readable && !session.is_put_off {
            session.is_readable = true;
            self.readable.push_back(slot);
        }
    }

    /// Notes that a session is not read for a while.
    pub(crate) fn put_off(&mut self, slot: u32, now: MonoNanos) {
        let Some(session) = self.get_mut(slot) else { return };
        if !std::mem::replace(&mut session.is_put_off, true) {
            let waits = if session.is_open() {
                session.crumbs.raise()
            } else {
                // It is soon over, and sooner when its answer is read.
                session.crumbs.forgive();
                1
            };
            let due = now.after(CRUMB_WAIT * waits as u32);
            self.put_off[waits.ilog2() as usize].push_back((due, slot));
        }
    }

    /// The next session that was put off and is to be read again by now.
    pub(crate) fn pop_due(&mut self, now: MonoNanos) -> Option<u32> {
        loop {
            let is_due = |queue: &&mut VecDeque<(MonoNanos, u32)>| {
                queue.front().is_some_and(|&(due, _)| due <= now)
            };
            let (_, slot) = self.put_off.iter_mut().find(is_due)?.pop_front()?;
            // Another may have its slot by now.
            if let Some(session) = self.get_mut(slot)
                && std::mem::take(&mut session.is_put_off)
            {
                return Some(slot);
            }
        }
    }

    /// When the next of those that were put off is due.
    pub(crate) fn next_due(&self) -> Option<MonoNanos> {
        self.put_off.iter().filter_map(|queue| queue.front()).map(|&(due, _)| due).min()
    }
}

/// Whether an event is left out for a session that lags, or still owes the newest to this
/// subscription. The marks are those for the newest, and for every event of a book.
#[cold]
fn leave_out(
    session: &mut Session,
    subscription: u32,
    seq: u64,
    [newest, every]: [usize; 2],
) -> bool {
    let waiting = session.outgoing.waiting_unasked();
    let Some(held) = session.subscriptions.slot_mut(subscription) else { return false };
    if held.missed_seq != 0 {
        return true;
    }
    let mark = if held.delivery == Delivery::All { every } else { newest };
    if waiting <= mark || !held.is_conflatable() {
        return false;
    }
    held.missed_seq = seq;
    session.missed.push(subscription);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_always_last_and_who_waits_stays_in_front() {
        for clients in [2_u32, 7, 100, 1_000] {
            let mut sessions = Sessions::new(1 << 20);
            let mut last = vec![0_u32; clients as usize];
            let turns = clients * 20;
            for _ in 0..turns {
                sessions.dirty.extend(0..clients);
                assert_eq!(sessions.begin_flush(), clients as usize);
                last[sessions.dirty[clients as usize - 1] as usize] += 1;
                sessions.dirty.clear();
                sessions.end_flush(0, 0);
            }
            let (least, most) = (last.iter().min(), last.iter().max());
            assert!(
                least >= Some(&10) && most <= Some(&30),
                "{clients} clients: {least:?} {most:?}"
            );
        }
        let mut sessions = Sessions::new(1 << 20);
        sessions.dirty.extend([5, 6, 7, 8]);
        sessions.begin_flush();
        sessions.dirty = VecDeque::from([7, 8, 5, 6]);
        sessions.end_flush(2, 1);
        assert_eq!(sessions.dirty, [7, 8, 6, 5], "unvisited, without its part, served");
        for _ in 0..10 {
            sessions.dirty.extend([1, 2, 3]);
            assert_eq!(sessions.begin_flush(), 7);
            assert!(sessions.dirty.iter().take(4).eq(&[7, 8, 6, 5]));
            sessions.dirty.truncate(4);
            sessions.end_flush(4, 0);
        }
    }
}
