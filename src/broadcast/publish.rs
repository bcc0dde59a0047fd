//! From an event to the sessions that want it: encoded once per group, shared by its members.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::num::NonZeroU32;
use std::time::Duration;

use arrayvec::ArrayVec;

use super::fanout::{Fanout, Group, GroupId};
use super::sessions::{Delivered, Sessions};
use super::words::{Extra, Words};
use crate::cache::{BookEvent, Cache, Event, EventBody, FeedStatus, Gap, Stream};
use crate::client::dialect::commands::encode as commands;
use crate::client::{Form, Range, Shared, Subject};
use crate::clock::MonoNanos;
use crate::instrument::Channel;
use crate::metrics::BroadcastCounters;
use crate::tick::Interval;

/// Names of one instrument that a state is told under, each once to a session: as `*`, by its
/// exchange, by its symbol in two spellings, and dialect 1.
const STATE_FORMS_MAX: usize = 16;

/// Groups whose pace holds something back, the one due first on top.
pub(crate) type Held = BinaryHeap<Reverse<(MonoNanos, GroupId)>>;

/// Where events go: what it takes to encode them and to queue them.
pub(crate) struct Output<'a> {
    pub(crate) sessions: &'a mut Sessions,
    pub(crate) shared: &'a mut Shared,
    pub(crate) words: &'a Words,
    pub(crate) counters: &'a BroadcastCounters,
}

/// Sends an event to everyone who wants it now. Returns to how many sessions.
#[inline]
pub(crate) fn publish(
    event: &Event<'_>,
    fanout: &mut Fanout,
    held: &mut Held,
    out: &mut Output<'_>,
    now: MonoNanos,
) -> u64 {
    match event.body {
        EventBody::FeedState(status) => out.tell_feed_state(event, &status),
        EventBody::BookState(_) => {
            out.tell_channel_state(event, (Channel::Orderbook, None), fanout)
        }
        EventBody::StreamState(channel, interval, _) => {
            out.tell_channel_state(event, (channel, interval), fanout)
        }
        EventBody::Listed(_) => out.tell_state(event, fanout, Subject::ALL.into_iter()),
        EventBody::Gap(gap) => out.tell_gap(event, gap, fanout),
        EventBody::Book(book) => {
            let depth = book.depth.map(|depth| depth as u32);
            let subject = Subject::Stream(Stream::Orderbook);
            let slots = fanout.slots_mut(event.instrument, subject);
            let mut told = 0;
            for (slot, group) in slots.iter_mut().enumerate() {
                let Some(group) = group else { continue };
                if group.key.per_second.is_some() {
                    if depth.is_none() {
                        let id = GroupId::new(event.instrument, subject, slot);
                        hold(group, id, held, out.counters, now);
                    }
                } else if group.key.depth.map(NonZeroU32::get) == depth {
                    told += out.tell(group, event, 0);
                }
            }
            told
        }
        EventBody::Trade(_) | EventBody::Quote(_) | EventBody::Ticker(_) | EventBody::Candle(_) => {
            let Some(stream) = event.body.stream() else { return 0 };
            let subject = Subject::Stream(stream);
            let slots = fanout.slots_mut(event.instrument, subject);
            let mut told = 0;
            for (slot, group) in slots.iter_mut().enumerate() {
                let Some(group) = group else { continue };
                if group.key.per_second.is_some() {
                    let id = GroupId::new(event.instrument, subject, slot);
                    hold(group, id, held, out.counters, now);
                } else {
                    told += out.tell(group, event, 0);
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
    out: &mut Output<'_>,
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
        let Subject::Stream(stream) = id.subject else { continue };
        if let Some(event) = present(cache, id, stream, group.key.depth) {
            let conflated = event.seq.saturating_sub(group.told_seq + 1);
            told += out.tell(group, &event, conflated);
        }
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

impl Output<'_> {
    /// Encodes an event; `None` when the form has no words for it.
    pub(crate) fn frame(&mut self, form: &Form, event: &Event<'_>, extra: Extra) -> Option<Range> {
        let words = self.words;
        Words::can_tell(form, event)
            .then(|| self.shared.arena.frame(|bytes| words.tell(form, event, extra, bytes)))
    }

    /// Sends an event to the members of a group; `conflated` counts what it replaces beside what
    /// the event itself says. Where the group is not told everything, members
    /// that joined since the last event get one that counts from where they joined.
    fn tell(&mut self, group: &mut Group, event: &Event<'_>, conflated: u64) -> u64 {
        let form = &group.key.form;
        let Some(range) = self.frame(form, event, Extra::conflated(conflated)) else { return 0 };
        let leaves_out = group.key.per_second.is_some() || group.key.depth.is_some();
        let by_view = match event.body {
            EventBody::Book(book) => book.conflated,
            _ => 0,
        };
        let (mut told, replaced) = (0, conflated + by_view);
        for member in &group.members {
            let (mut range, mut replaced) = (range, replaced);
            if leaves_out && member.joined_seq > group.told_seq {
                replaced = event.seq.saturating_sub(member.joined_seq + 1);
                let extra = Extra::conflated(replaced);
                range = self.frame(form, &uncounted(event), extra).unwrap_or(range);
            }
            match self.sessions.deliver(member, range, event.seq - replaced.min(event.seq)) {
                Delivered::Queued => told += 1,
                Delivered::Conflated => self.counters.conflated.increment(),
                Delivered::Closed => {}
            }
        }
        group.told_seq = event.seq;
        self.counters.events.add(told);
        told
    }

    /// Missing events are told to every member, whatever its pace.
    fn tell_gap(&mut self, event: &Event<'_>, gap: Gap, fanout: &mut Fanout) -> u64 {
        let mut told = 0;
        let slots = fanout.slots_mut(event.instrument, Subject::Stream(gap.stream));
        for group in slots.iter_mut().flatten() {
            let Some(range) = self.frame(&group.key.form, event, Extra::default()) else {
                continue;
            };
            for member in &group.members {
                let delivered = self.sessions.deliver(member, range, gap.from_seq);
                told += u64::from(delivered == Delivered::Queued);
            }
            if !group.is_held {
                group.told_seq = group.told_seq.max(gap.to_seq);
            }
        }
        told
    }

    /// The state of a channel, to who asked for states and to who follows it, once each.
    fn tell_channel_state(
        &mut self,
        event: &Event<'_>,
        (channel, interval): (Channel, Option<Interval>),
        fanout: &mut Fanout,
    ) -> u64 {
        let is_of = |subject: &Subject| match subject {
            Subject::Status => true,
            Subject::Stream(stream) => {
                stream.channel() == channel && (interval.is_none() || stream.interval() == interval)
            }
        };
        self.tell_state(event, fanout, Subject::ALL.into_iter().filter(is_of))
    }

    /// The state of an instrument or a channel, to who asked for states and to who follows one of
    /// these, once each.
    fn tell_state(
        &mut self,
        event: &Event<'_>,
        fanout: &mut Fanout,
        subjects: impl Iterator<Item = Subject> + Clone,
    ) -> u64 {
        let mut forms = ArrayVec::<(Form, Range), STATE_FORMS_MAX>::new();
        let mut told = 0;
        for subject in subjects.clone() {
            for group in fanout.slots_mut(event.instrument, subject).iter().flatten() {
                let form = &group.key.form;
                if !forms.iter().any(|(known, _)| known == form)
                    && let Some(range) = self.frame(form, event, Extra::default())
                    && forms.try_push((form.clone(), range)).is_err()
                {
                    // More names for it than any client but a strange one uses: the rest is told as
                    // often as it follows.
                    told += self.tell_members(group, range);
                }
            }
        }
        for (form, range) in forms {
            let mark = self.sessions.new_mark();
            for subject in subjects.clone() {
                let groups = fanout.slots_mut(event.instrument, subject).iter().flatten();
                for group in groups.filter(|group| group.key.form == form) {
                    for member in &group.members {
                        told += u64::from(self.sessions.send_once(member.session, range, mark));
                    }
                }
            }
        }
        told
    }

    fn tell_members(&mut self, group: &Group, range: Range) -> u64 {
        let members = group.members.iter();
        members.map(|member| u64::from(self.sessions.send(member.session, range))).sum()
    }

    /// The state of a feed, to who asked for the states of an instrument of its exchange, and in
    /// dialect 2 to who follows one.
    fn tell_feed_state(&mut self, event: &Event<'_>, status: &FeedStatus) -> u64 {
        let exchange = status.exchange as usize;
        let Some(range) = self.frame(&Form::Actions, event, Extra::default()) else { return 0 };
        let followed = self.shared.arena.frame(|bytes| commands::feed_status(bytes, status));
        let mut told = 0;
        for slot in 0..self.sessions.slots() {
            let Some(session) = self.sessions.get(slot) else { continue };
            let wants = [(session.feeds, range), (session.followed, followed)];
            for (_, range) in wants.into_iter().filter(|(feeds, _)| feeds[exchange] > 0) {
                told += u64::from(self.sessions.send(slot, range));
            }
        }
        told
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
