//! From an event to the sessions that want it: encoded once per group, told the group, taken by its
//! members when the ticks at hand are through.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::num::NonZeroU32;
use std::time::Duration;

use smallvec::SmallVec;

use super::fanout::{Fanout, Group, GroupId, HeldGap};
use super::glossary::Glossary;
use super::sessions::{Delivered, Sessions};
use super::told::Told;
use crate::cache::{BookEvent, Cache, Event, EventBody, Gap, Stream};
use crate::client::{ClientChannel, FlushBuffers, Range};
use crate::clock::MonoNanos;
use crate::dialect::{Dialect, Form, Telling};
use crate::instrument::{Channel, ExchangeId};
use crate::metrics::BroadcastCounters;
use crate::tick::Interval;

/// Groups whose pace holds something back, the one due first on top.
pub(crate) type Held = BinaryHeap<Reverse<(MonoNanos, GroupId)>>;

/// Who events go to, and what it takes to encode and queue them.
pub(crate) struct Recipients<'a> {
    pub(crate) sessions: &'a mut Sessions,
    pub(crate) buffers: &'a mut FlushBuffers,
    pub(crate) told: &'a mut Told,
    pub(crate) glossary: &'a Glossary,
    pub(crate) counters: &'a BroadcastCounters,
}

/// Tells an event to everyone who wants it now: groups, whose members take it by
/// [`Recipients::hand_out`]. Returns how many sessions are told; those that lag are counted too.
#[inline]
pub(crate) fn publish(
    event: &Event<'_>,
    fanout: &mut Fanout,
    held: &mut Held,
    out: &mut Recipients<'_>,
    now: MonoNanos,
) -> u64 {
    match event.body {
        EventBody::FeedState(status) => out.tell_feed_state(event, status.exchange),
        EventBody::BookState(_) => {
            out.tell_channel_state(event, (Channel::Orderbook, None), fanout)
        }
        EventBody::StreamState(channel, interval, _) => {
            out.tell_channel_state(event, (channel, interval), fanout)
        }
        EventBody::Listed(_) => out.tell_state(event, fanout, ClientChannel::ALL.into_iter()),
        EventBody::Gap(gap) => out.tell_gap(event, gap, (fanout, held), now),
        EventBody::Book(book) => {
            let depth = book.depth.map(|depth| depth as u32);
            let channel = ClientChannel::Stream(Stream::Orderbook);
            let slots = fanout.slots_mut(event.instrument, channel);
            let mut told = 0;
            for (slot, group) in slots.iter_mut().enumerate() {
                let Some(group) = group else { continue };
                let id = GroupId::new(event.instrument, channel, slot);
                if group.key.per_second.is_some() {
                    if depth.is_none() {
                        hold(group, id, held, out.counters, now);
                    }
                } else if group.key.depth.map(NonZeroU32::get) == depth {
                    told += out.tell((group, id), event, 0);
                }
            }
            told
        }
        EventBody::Trade(_) | EventBody::Quote(_) | EventBody::Ticker(_) | EventBody::Candle(_) => {
            let Some(stream) = event.body.stream() else { return 0 };
            let channel = ClientChannel::Stream(stream);
            let slots = fanout.slots_mut(event.instrument, channel);
            let mut told = 0;
            for (slot, group) in slots.iter_mut().enumerate() {
                let Some(group) = group else { continue };
                let id = GroupId::new(event.instrument, channel, slot);
                if group.key.per_second.is_some() {
                    hold(group, id, held, out.counters, now);
                } else {
                    told += out.tell((group, id), event, 0);
                }
            }
            told
        }
    }
}

/// Notes that a paced group has something new. It is told by [`release`], in this turn when the
/// pace allows: by then the newest of the turn stands in the cache.
fn hold(
    group: &mut Group,
    id: GroupId,
    held: &mut Held,
    counters: &BroadcastCounters,
    now: MonoNanos,
) {
    if group.is_held {
        counters.conflated.add(group.members.len() as u64);
        return;
    }
    group.is_held = true;
    group.due = group.due.max(now);
    held.push(Reverse((group.due, id)));
}

/// Tells every paced group that is due the newest of its stream. Returns to how many sessions.
pub(crate) fn release(
    cache: &Cache,
    fanout: &mut Fanout,
    held: &mut Held,
    out: &mut Recipients<'_>,
    now: MonoNanos,
) -> u64 {
    let mut told = 0;
    while let Some(&Reverse((due, id))) = held.peek() {
        if due > now {
            break;
        }
        held.pop();
        // A group that ended may have left its entry to the next one in its slot.
        let Some(group) = fanout.group_mut(id) else { continue };
        if !group.is_held || group.due > now {
            continue;
        }
        group.is_held = false;
        if let Some(per_second) = group.key.per_second {
            group.due = now.after(Duration::from_secs(1) / per_second.get());
        }
        let ClientChannel::Stream(stream) = id.channel else { continue };
        if let Some(gap) = group.gap.take() {
            told += release_gap((cache, stream), (&mut *group, id), &gap, out);
        }
        let newest = present(cache, id, stream, group.key.depth);
        if let Some(event) = newest.filter(|event| event.seq > group.told_seq) {
            told += out.tell_newest((group, id), &event);
        }
    }
    told
}

/// Tells a group what it was still to be told of before a gap, then the gap. Returns how many sessions
/// are told.
fn release_gap(
    (cache, stream): (&Cache, Stream),
    (group, id): (&mut Group, GroupId),
    held: &HeldGap,
    out: &mut Recipients<'_>,
) -> u64 {
    let HeldGap { seq, stamp, mut gap } = *held;
    let before = gap.from_seq.saturating_sub(1);
    let mut told = 0;
    match present(cache, id, stream, group.key.depth) {
        Some(event) if event.seq <= before => told += out.tell_newest((&mut *group, id), &event),
        // More came since.
        _ => {
            let mut last = None;
            cache.since(id.instrument, stream, group.told_seq, |event| {
                let is_event = !matches!(event.body, EventBody::Gap(_));
                if is_event && event.seq <= before {
                    last = Some(event.seq);
                }
            });
            cache.since(id.instrument, stream, group.told_seq, |event| {
                if Some(event.seq) == last && !matches!(event.body, EventBody::Gap(_)) {
                    told += out.tell_newest((&mut *group, id), event);
                }
            });
        }
    }
    // What is not held any more is missing as well.
    gap.from_seq = gap.from_seq.min(group.told_seq + 1);
    if group.told_seq < gap.to_seq {
        let event = Event { instrument: id.instrument, seq, stamp, body: EventBody::Gap(gap) };
        told += out.tell_group_gap(&event, gap, (group, id));
    }
    told
}

/// The newest of a stream; of a book a snapshot to the depth asked.
pub(crate) fn present(
    cache: &Cache,
    id: GroupId,
    stream: Stream,
    depth: Option<NonZeroU32>,
) -> Option<Event<'_>> {
    match stream {
        Stream::Orderbook => {
            cache.book_snapshot(id.instrument, depth.map(|depth| depth.get() as usize))
        }
        Stream::Trades | Stream::Quotes | Stream::Ticker | Stream::Candles(_) => {
            cache.newest(id.instrument, stream)
        }
    }
}

impl Recipients<'_> {
    /// Encodes an event; `None` when the form has no words for it.
    #[inline]
    pub(crate) fn frame(
        &mut self,
        form: &Form,
        event: &Event<'_>,
        telling: Telling,
    ) -> Option<Range> {
        let speech = form.dialect.speech();
        self.buffers.arena.frame(|out| speech.tell(out, Some(&form.label), event, telling))
    }

    /// Tells an event to a group; `conflated` counts what it replaces beside what the event itself
    /// says. Returns how many members it has.
    fn tell(
        &mut self,
        (group, id): (&mut Group, GroupId),
        event: &Event<'_>,
        conflated: u64,
    ) -> u64 {
        let telling = self.glossary.conflated(conflated);
        let Some(range) = self.frame(&group.key.form, event, telling) else { return 0 };
        let leaves_out = group.key.per_second.is_some() || group.key.depth.is_some();
        let by_view = match event.body {
            EventBody::Book(book) => book.conflated,
            _ => 0,
        };
        let replaced = (conflated + by_view).min(event.seq);
        if leaves_out && group.joined_seq > group.told_seq {
            self.tell_each(group, event, (range, replaced));
        } else {
            self.told.add((&mut *group, id), range, (event.seq - replaced, 1));
        }
        group.told_seq = event.seq;
        group.members.len() as u64
    }

    /// Tells a group that was not told everything the newest, which stands for all since.
    fn tell_newest(&mut self, (group, id): (&mut Group, GroupId), event: &Event<'_>) -> u64 {
        let conflated = event.seq.saturating_sub(group.told_seq + 1);
        self.tell((group, id), event, conflated)
    }

    /// Sends an event to the members of a group that is not told everything, and some of whom joined
    /// since the last event: these get one that counts from where they joined, unless that is this
    /// event.
    fn tell_each(&mut self, group: &Group, event: &Event<'_>, (all, all_replaced): (Range, u64)) {
        let mut told = 0;
        for member in &group.members {
            let (mut range, mut replaced) = (all, all_replaced);
            if member.joined_seq >= event.seq {
                continue;
            }
            if member.joined_seq > group.told_seq {
                replaced = event.seq.saturating_sub(member.joined_seq + 1);
                let telling = self.glossary.conflated(replaced);
                range = self.frame(&group.key.form, &uncounted(event), telling).unwrap_or(range);
            }
            match self.sessions.deliver(member, &[range], event.seq - replaced) {
                Delivered::Queued => told += 1,
                Delivered::Conflated => self.counters.conflated.increment(),
                Delivered::Closed => {}
            }
        }
        self.counters.events.add(told);
    }

    /// Has the members of every group take what it was told. To be called before anything is
    /// written, and before anybody joins, leaves or catches up.
    pub(crate) fn hand_out(&mut self, fanout: &mut Fanout) {
        let groups = self.told.take_groups();
        let (mut events, mut conflated) = (0, 0);
        for &id in &groups {
            let Some(group) = fanout.group_mut(id) else { continue };
            let Some(chain) = group.told.take() else { continue };
            let ranges = self.told.ranges(&chain);
            for member in &group.members {
                match self.sessions.deliver(member, ranges, chain.seq) {
                    Delivered::Queued => events += chain.events,
                    Delivered::Conflated => conflated += chain.events,
                    Delivered::Closed => {}
                }
            }
        }
        self.told.clear(groups);
        if events + conflated > 0 {
            self.counters.events.add(events);
            self.counters.conflated.add(conflated);
        }
    }

    /// Missing events are told to every member, whatever its pace: with what waits for that, in the
    /// order of their numbers.
    fn tell_gap(
        &mut self,
        event: &Event<'_>,
        gap: Gap,
        (fanout, held): (&mut Fanout, &mut Held),
        now: MonoNanos,
    ) -> u64 {
        let mut told = 0;
        let channel = ClientChannel::Stream(gap.stream);
        let slots = fanout.slots_mut(event.instrument, channel).iter_mut().enumerate();
        for (slot, group) in slots.filter_map(|(slot, group)| Some((slot, group.as_mut()?))) {
            let id = GroupId::new(event.instrument, channel, slot);
            if !group.is_held {
                told += self.tell_group_gap(event, gap, (group, id));
                continue;
            }
            // Of two that come before anything can be told the events between are missing as well.
            let from_seq = group.gap.map_or(gap.from_seq, |former| former.gap.from_seq);
            let gap = Gap { from_seq, ..gap };
            let is_first = group.gap.is_none();
            group.gap = Some(HeldGap { seq: event.seq, stamp: event.stamp, gap });
            if is_first {
                group.due = now;
                held.push(Reverse((now, id)));
            }
        }
        told
    }

    /// Tells a group that events are missing; not those who came since.
    fn tell_group_gap(
        &mut self,
        event: &Event<'_>,
        gap: Gap,
        (group, id): (&mut Group, GroupId),
    ) -> u64 {
        let telling = self.glossary.live();
        let Some(range) = self.frame(&group.key.form, event, telling) else { return 0 };
        if group.joined_seq >= gap.to_seq && group.joined_seq > group.told_seq {
            for member in group.members.iter().filter(|member| member.joined_seq < gap.to_seq) {
                self.sessions.deliver(member, &[range], gap.from_seq);
            }
        } else {
            self.told.add((&mut *group, id), range, (gap.from_seq, 0));
        }
        group.told_seq = group.told_seq.max(gap.to_seq);
        group.members.len() as u64
    }

    /// The state of a channel, to who asked for states and to who follows it, once each.
    fn tell_channel_state(
        &mut self,
        event: &Event<'_>,
        (channel, interval): (Channel, Option<Interval>),
        fanout: &mut Fanout,
    ) -> u64 {
        let is_of = |one: &ClientChannel| match one {
            ClientChannel::Status => true,
            ClientChannel::Stream(stream) => {
                stream.channel() == channel && (interval.is_none() || stream.interval() == interval)
            }
        };
        self.tell_state(event, fanout, ClientChannel::ALL.into_iter().filter(is_of))
    }

    /// The state of an instrument or a channel, to who asked for states and to who follows one of
    /// these, once each.
    fn tell_state(
        &mut self,
        event: &Event<'_>,
        fanout: &mut Fanout,
        channels: impl Iterator<Item = ClientChannel>,
    ) -> u64 {
        let mut groups: SmallVec<[(Form, ClientChannel, usize); 16]> = SmallVec::new();
        for channel in channels {
            let slots = fanout.slots_mut(event.instrument, channel).iter().enumerate();
            let live = slots.filter_map(|(slot, group)| Some((slot, group.as_ref()?)));
            groups.extend(live.map(|(slot, group)| (group.key.form.clone(), channel, slot)));
        }
        groups.sort_unstable();
        let mut told = 0;
        for group in groups.chunk_by(|(one, ..), (other, ..)| one == other) {
            let Some((form, ..)) = group.first() else { continue };
            let Some(range) = self.frame(form, event, self.glossary.live()) else { continue };
            let mark = self.sessions.new_mark();
            for &(_, channel, slot) in group {
                let id = GroupId::new(event.instrument, channel, slot);
                for member in fanout.group_mut(id).into_iter().flat_map(|group| &group.members) {
                    told += u64::from(self.sessions.send_once(member.session, range, mark));
                }
            }
        }
        told
    }

    /// The state of a feed, to whose subscriptions have it told.
    fn tell_feed_state(&mut self, event: &Event<'_>, exchange: ExchangeId) -> u64 {
        let mut told = 0;
        for dialect in Dialect::ALL {
            let Some(range) = self.feed_frame(dialect, event) else { continue };
            for slot in 0..self.sessions.slots() {
                let session = self.sessions.get(slot);
                if session.is_some_and(|session| session.feeds.has(exchange, dialect)) {
                    told += u64::from(self.sessions.send(slot, range));
                }
            }
        }
        told
    }

    /// Encodes the state of a feed, which is no instrument's.
    pub(crate) fn feed_frame(&mut self, dialect: Dialect, event: &Event<'_>) -> Option<Range> {
        let telling = self.glossary.live();
        self.buffers.arena.frame(|out| dialect.speech().tell(out, None, event, telling))
    }
}

/// The event without its view's count of what it replaces.
fn uncounted<'a>(event: &Event<'a>) -> Event<'a> {
    match event.body {
        EventBody::Book(book) => {
            Event { body: EventBody::Book(BookEvent { conflated: 0, ..book }), ..*event }
        }
        _ => *event,
    }
}
