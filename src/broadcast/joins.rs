//! The beginning and the end of subscriptions, and how a session that lagged gets level again.
//!
//! A granted subscription waits in its session's queue until the session has room. Then it is told
//! what comes before its live events (a snapshot, or what it missed since it was last here), and
//! joins its group in the same breath: all within one turn, between two events, so that nothing is
//! missing and nothing comes twice.

use super::book_bytes;
use super::fanout::{Fanout, GroupId, GroupKey, Member};
use super::publish::{Recipients, present};
use crate::cache::{Cache, Event, EventBody, Gap, Stamp, Stream};
use crate::client::{ClientChannel, ClientSubscription, Join, Prelude, Progress, SubscriptionKey};
use crate::clock::UnixNanos;
use crate::dialect::Telling;
use crate::instrument::{Channel, Listed};
use crate::limits::{CATCH_UP_BYTES_MAX, REPLAY_EVENTS_MAX};
use crate::tick::{BookState, Interval, Reason};

/// How far a session came with what it is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrears {
    /// Nothing is owed any more, or it must drain first: its flush will tell.
    Rest,
    /// There is more to do in the next turn.
    More,
}

/// What subscriptions begin from and end in.
pub(crate) struct Desk<'a, 'b> {
    pub(crate) cache: &'a mut Cache,
    pub(crate) fanout: &'a mut Fanout,
    pub(crate) out: &'a mut Recipients<'b>,
}

impl Desk<'_, '_> {
    /// Goes on with what a session is owed, while it has room and within a turn's bound.
    pub(crate) fn catch_up(&mut self, slot: u32) -> Arrears {
        let start = self.out.buffers.arena.len();
        let mut is_first = true;
        loop {
            let bytes_soft = self.out.sessions.bytes_soft();
            let Some(session) = self.out.sessions.get_mut(slot) else { return Arrears::Rest };
            if !session.has_arrears() || session.outgoing.waiting() > bytes_soft / 2 {
                return Arrears::Rest;
            }
            // The caller has looked at the first alone.
            let needs_place = !is_first && session.wants_much(|key| book_bytes(self.cache, key));
            if needs_place || self.out.buffers.arena.len() - start > CATCH_UP_BYTES_MAX {
                return Arrears::More;
            }
            is_first = false;
            match session.joins.pop_front() {
                Some(join) => {
                    if let Some(rest) = self.begin(slot, join)
                        && let Some(session) = self.out.sessions.get_mut(slot)
                    {
                        session.joins.push_front(rest);
                    }
                }
                None => {
                    if let Some(subscription) = session.missed.pop() {
                        self.make_up(slot, subscription);
                    }
                }
            }
        }
    }

    /// Tells what comes before a subscription's live events and lets it join them. Returns what is
    /// left to do when that was too much at once.
    fn begin(&mut self, slot: u32, join: Join) -> Option<Join> {
        let session = self.out.sessions.get(slot)?;
        let held = session.subscriptions.slot(join.subscription)?.clone();
        if held.progress != Progress::Joining {
            return None;
        }
        let key = &held.key;
        let mut seq = 0;
        match key.channel {
            ClientChannel::Status => {
                self.tell_listed(slot, key, false);
                for channel in Channel::ALL {
                    self.tell_status(slot, key, (channel, None), false);
                }
                for interval in Interval::ALL {
                    self.tell_status(slot, key, (Channel::Candles, Some(interval)), false);
                }
            }
            ClientChannel::Stream(stream) => {
                self.tell_listed(slot, key, true);
                self.tell_status(slot, key, (stream.channel(), None), true);
                if stream.interval().is_some() {
                    self.tell_status(slot, key, (stream.channel(), stream.interval()), true);
                }
                seq = self.cache.seq(key.instrument, stream);
                match join.prelude {
                    _ if stream == Stream::Orderbook => {
                        let since = match join.prelude {
                            Prelude::Since(since) => Some(since),
                            Prelude::None | Prelude::Snapshot => None,
                        };
                        self.tell_present(slot, &held, stream, since);
                    }
                    Prelude::None => {}
                    Prelude::Snapshot => self.tell_present(slot, &held, stream, None),
                    Prelude::Since(since) => {
                        let told = self.replay(slot, key, stream, since);
                        if told < seq {
                            return Some(Join { prelude: Prelude::Since(told), ..join });
                        }
                    }
                }
            }
        }
        self.join(slot, join.subscription, &held, seq);
        None
    }

    /// Puts a subscription among those who are told.
    fn join(&mut self, slot: u32, subscription: u32, held: &ClientSubscription, joined_seq: u64) {
        let SubscriptionKey { instrument, channel, ref form } = held.key;
        let key = GroupKey {
            form: form.clone(),
            depth: held.depth,
            per_second: held.delivery.per_second(),
        };
        let member = Member { session: slot, subscription, joined_seq };
        let Some(place) = self.fanout.join(instrument, channel, key, member) else { return };
        if let Some(depth) = view_depth(held) {
            self.cache.open_view(instrument, depth);
        }
        if let Some(session) = self.out.sessions.get_mut(slot)
            && let Some(held) = session.subscriptions.slot_mut(subscription)
        {
            held.progress = Progress::Live(place);
        }
    }

    /// Gives a subscription that is there another delivery, without doubling or losing an event:
    /// it moves from one group to the other between two events. A book begins anew.
    pub(crate) fn change(
        &mut self,
        slot: u32,
        subscription: u32,
        fresh: ClientSubscription,
        prelude: Prelude,
    ) {
        let Some(session) = self.out.sessions.get_mut(slot) else { return };
        let Some(held) = session.subscriptions.slot_mut(subscription) else { return };
        let before = held.clone();
        *held = ClientSubscription {
            progress: before.progress,
            missed_seq: before.missed_seq,
            ..fresh.clone()
        };
        let Progress::Live(_) = before.progress else { return };
        let same = before.delivery == fresh.delivery && before.depth == fresh.depth;
        let ClientChannel::Stream(stream) = fresh.key.channel else { return };
        let begins_anew = stream == Stream::Orderbook || matches!(prelude, Prelude::Since(_));
        if same && prelude == Prelude::None {
            return;
        }
        if begins_anew {
            held.progress = Progress::Joining;
            held.missed_seq = 0;
            session.missed.retain(|&missed| missed != subscription);
            session.joins.push_back(Join { subscription, prelude });
            self.leave(&before);
            return;
        }
        if !same {
            let seq = self.cache.seq(fresh.key.instrument, stream);
            self.tell_held(slot, &before, stream);
            self.leave(&before);
            self.join(
                slot,
                subscription,
                &ClientSubscription { missed_seq: before.missed_seq, ..fresh.clone() },
                seq,
            );
        }
        if prelude == Prelude::Snapshot {
            self.tell_present(slot, &fresh, stream, None);
        }
    }

    /// Takes a subscription, whose joins and missed events are gone already, out of its session and
    /// of those who are told.
    pub(crate) fn end(&mut self, slot: u32, subscription: u32) -> Option<ClientSubscription> {
        let session = self.out.sessions.get_mut(slot)?;
        let held = session.subscriptions.remove(subscription)?;
        self.leave(&held);
        Some(held)
    }

    /// Takes a subscription out of those who are told.
    pub(crate) fn leave(&mut self, held: &ClientSubscription) {
        let Progress::Live(place) = held.progress else { return };
        let SubscriptionKey { instrument, channel, .. } = held.key;
        if let Some(depth) = view_depth(held) {
            self.cache.close_view(instrument, depth);
        }
        if let Some(moved) = self.fanout.leave(instrument, channel, place)
            && let Some(session) = self.out.sessions.get_mut(moved.session)
            && let Some(other) = session.subscriptions.slot_mut(moved.subscription)
        {
            other.progress = Progress::Live(place);
        }
    }

    /// Sends a session that lagged the newest of a stream of which it missed events.
    fn make_up(&mut self, slot: u32, subscription: u32) {
        let Some(session) = self.out.sessions.get_mut(slot) else { return };
        let Some(held) = session.subscriptions.slot_mut(subscription) else { return };
        let missed_seq = std::mem::take(&mut held.missed_seq);
        let held = held.clone();
        let (ClientChannel::Stream(stream), Progress::Live(place)) =
            (held.key.channel, held.progress)
        else {
            return;
        };
        let id = GroupId::new(held.key.instrument, held.key.channel, place.group as usize);
        let seq = self.tell_newest(slot, &held, stream, missed_seq.saturating_sub(1));
        if let Some(group) = self.fanout.group_mut(id)
            && let Some(member) = group.members.get_mut(place.index as usize)
        {
            member.joined_seq = seq;
            group.joined_seq = group.joined_seq.max(seq);
        }
    }

    /// Tells a session that leaves a group what the group's pace holds back. One that lags is told that
    /// when it gets level again.
    fn tell_held(&mut self, slot: u32, held: &ClientSubscription, stream: Stream) {
        let Progress::Live(place) = held.progress else { return };
        let id = GroupId::new(held.key.instrument, held.key.channel, place.group as usize);
        let Some(group) = self.fanout.group_mut(id).filter(|group| group.is_held) else { return };
        let Some(member) = group.members.get(place.index as usize) else { return };
        let told = group.told_seq.max(member.joined_seq);
        if held.missed_seq == 0 {
            self.tell_newest(slot, held, stream, told);
        }
    }

    /// Tells a session the newest of a stream, which stands for all behind `told`, and what is missing
    /// since. Returns the number up to which it is told now.
    fn tell_newest(
        &mut self,
        slot: u32,
        held: &ClientSubscription,
        stream: Stream,
        mut told: u64,
    ) -> u64 {
        let id = GroupId::new(held.key.instrument, held.key.channel, 0);
        let newest = present(self.cache, id, stream, held.depth);
        if let Some(event) = newest.filter(|event| event.seq > told) {
            let telling = self.out.glossary.conflated(event.seq - told - 1);
            told = event.seq;
            if let Some(range) = self.out.frame(&held.key.form, &event, telling) {
                self.out.sessions.send_owed(slot, range);
            }
        }
        self.tell_missing(slot, &held.key, stream, told)
    }

    /// Tells what is missing behind the newest of a stream, up to which the session was told: a gap
    /// that nothing has followed yet. Returns the number up to which it is told now.
    fn tell_missing(&mut self, slot: u32, key: &SubscriptionKey, stream: Stream, told: u64) -> u64 {
        let seq = self.cache.seq(key.instrument, stream);
        if told >= seq {
            return told;
        }
        let event = missing(self.cache, key, stream, (told + 1, seq), self.out.glossary.date);
        if let Some(range) = self.out.frame(&key.form, &event, self.out.glossary.live()) {
            self.out.sessions.send_owed(slot, range);
        }
        seq
    }

    /// Sends the present state of a stream, marked as a snapshot, and what is missing since. One that
    /// resumes from `since` is told how many events the snapshot stands for.
    fn tell_present(
        &mut self,
        slot: u32,
        held: &ClientSubscription,
        stream: Stream,
        since: Option<u64>,
    ) {
        let id = GroupId::new(held.key.instrument, held.key.channel, 0);
        let Some(event) = present(self.cache, id, stream, held.depth) else { return };
        let conflated = since.map_or(0, |since| {
            // Whatever number a client says that it has.
            event.seq.saturating_sub(since).saturating_sub(1)
        });
        let told = event.seq;
        let telling = Telling { is_snapshot: true, ..self.out.glossary.conflated(conflated) };
        if let Some(range) = self.out.frame(&held.key.form, &event, telling) {
            self.out.sessions.send_owed(slot, range);
        }
        // Of a book that lacks something its state tells so.
        if stream != Stream::Orderbook {
            self.tell_missing(slot, &held.key, stream, told);
        }
    }

    /// Sends how the exchange lists the instrument, where that was ever worth a word; `only_bad`
    /// leaves out one that trades.
    fn tell_listed(&mut self, slot: u32, key: &SubscriptionKey, only_bad: bool) {
        let Some(status) = self.cache.listed_status(key.instrument) else { return };
        if only_bad && status.listed == Listed::Trading {
            return;
        }
        let stamp = Stamp { exchange_time: UnixNanos::NONE, received: status.since };
        let body = EventBody::Listed(status);
        let event = Event { instrument: key.instrument, seq: 0, stamp, body };
        if let Some(range) = self.out.frame(&key.form, &event, self.out.glossary.live()) {
            self.out.sessions.send(slot, range);
        }
    }

    /// Sends the state of a channel, where one is known; `only_bad` leaves out a live one.
    fn tell_status(
        &mut self,
        slot: u32,
        key: &SubscriptionKey,
        (channel, interval): (Channel, Option<Interval>),
        only_bad: bool,
    ) {
        let is_book = channel == Channel::Orderbook;
        let status = match is_book {
            true => self.cache.book_status(key.instrument),
            false => self.cache.stream_status(key.instrument, channel, interval),
        };
        let Some(status) = status else { return };
        if !status.since.is_some() || (only_bad && status.state == BookState::Live) {
            return;
        }
        let stamp = Stamp { exchange_time: UnixNanos::NONE, received: status.since };
        let body = match is_book {
            true => EventBody::BookState(status),
            false => EventBody::StreamState(channel, interval, status),
        };
        let event = Event { instrument: key.instrument, seq: 0, stamp, body };
        if let Some(range) = self.out.frame(&key.form, &event, self.out.glossary.live()) {
            self.out.sessions.send_owed(slot, range);
        }
    }

    /// Sends what is held of a stream after `since`, up to a bound, with a gap where something is
    /// not held any more. Returns the seq up to which the session was told.
    fn replay(&mut self, slot: u32, key: &SubscriptionKey, stream: Stream, since: u64) -> u64 {
        let newest = self.cache.seq(key.instrument, stream);
        let (mut told, mut left) = (since, REPLAY_EVENTS_MAX);
        let cache = &*self.cache;
        let out = &mut *self.out;
        let live = out.glossary.live();
        let lapped = |from_seq, to_seq, stamp| {
            gap_event(key, Gap { stream, from_seq, to_seq, reason: Reason::Lapped }, stamp)
        };
        let mut send = |event: &Event<'_>, telling: Telling| {
            if let Some(range) = out.frame(&key.form, event, telling) {
                out.sessions.send_owed(slot, range);
            }
        };
        cache.since(key.instrument, stream, since, |event| {
            if left == 0 {
                return;
            }
            left -= 1;
            let first = match event.body {
                EventBody::Gap(gap) => gap.from_seq,
                _ => event.seq,
            };
            let mut telling = live;
            if first > told + 1 {
                // Candles are held closed only: what came between is what they replaced.
                if matches!(stream, Stream::Candles(_)) {
                    telling.conflated = first - told - 1;
                } else {
                    send(&lapped(told + 1, first - 1, event.stamp), live);
                }
            }
            send(event, telling);
            told = match event.body {
                EventBody::Gap(gap) => gap.to_seq,
                _ => event.seq,
            };
        });
        if left > 0 && told < newest {
            // Nothing of it is held.
            let stamp = Stamp { exchange_time: UnixNanos::NONE, received: UnixNanos(0) };
            send(&lapped(told + 1, newest, stamp), live);
            told = newest;
        }
        told
    }
}

/// The depth of the view that a subscription follows; paced books are told as snapshots and need
/// none.
fn view_depth(held: &ClientSubscription) -> Option<usize> {
    let is_live = held.delivery.per_second().is_none();
    held.depth.filter(|_| is_live).map(|depth| depth.get() as usize)
}

/// The last numbers of a stream as missing. The reason is that of the last hole.
fn missing(
    cache: &Cache,
    key: &SubscriptionKey,
    stream: Stream,
    (from_seq, to_seq): (u64, u64),
    now: UnixNanos,
) -> Event<'static> {
    let mut reason = Reason::Lapped;
    let mut stamp = Stamp { exchange_time: UnixNanos::NONE, received: now };
    if let Some(status) = cache.book_status(key.instrument).filter(|_| stream == Stream::Orderbook)
    {
        (reason, stamp.received) = (status.reason, status.since);
    }
    cache.since(key.instrument, stream, to_seq - 1, |last| {
        if let EventBody::Gap(gap) = last.body {
            (reason, stamp) = (gap.reason, last.stamp);
        }
    });
    gap_event(key, Gap { stream, from_seq, to_seq, reason }, stamp)
}

/// Missing events, as who asked for them is told.
fn gap_event(key: &SubscriptionKey, gap: Gap, stamp: Stamp) -> Event<'static> {
    Event { instrument: key.instrument, seq: gap.to_seq, stamp, body: EventBody::Gap(gap) }
}
