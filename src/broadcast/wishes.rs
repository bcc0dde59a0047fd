//! Subscribing: from names to subscriptions, all or none.

use std::collections::HashSet;

use super::Broadcaster;
use super::publish::Recipients;
use crate::cache::{Event, EventBody, Stamp, Stream};
use crate::client::{
    ClientChannel, ClientSubscription, Grants, Join, LongAnswer, Prelude, Progress, SubscriptionKey,
};
use crate::clock::UnixNanos;
use crate::dialect::{
    Answer, Changed, Dialect, Name, Naming, Refusal, RequestId, ResumePoint, Subscribe, Wish,
};
use crate::instrument::{Channel, ExchangeId, Instrument, InstrumentId};
use crate::tick::{FeedState, Reason};

impl Broadcaster {
    /// Subscribes all that is named, or nothing.
    pub(super) fn subscribe(
        &mut self,
        slot: u32,
        dialect: Dialect,
        id: Option<&RequestId>,
        asked: Subscribe,
    ) -> Result<(), Refusal> {
        let Subscribe { names, wishes, snapshot, from } = asked;
        self.check_wishes(slot, &wishes)?;
        let points = self.resume_points(&from)?;
        let recovered: Vec<(&str, bool)> = from
            .iter()
            .map(|(name, point)| (name.text.as_str(), self.is_held(name, *point, &wishes)))
            .collect();
        let current = self.names(slot, dialect, &wishes);
        // Answered first, so that the success comes before the first event of what it grants.
        self.tell_changed(slot, dialect, id, (&names, &current), Some(&recovered));
        self.grant(slot, wishes, points, snapshot);
        Ok(())
    }

    /// Answers a request that changed what a client has: with what was recovered, it subscribed.
    pub(super) fn tell_changed(
        &mut self,
        slot: u32,
        dialect: Dialect,
        id: Option<&RequestId>,
        (names, current): (&[Name], &[String]),
        recovered: Option<&[(&str, bool)]>,
    ) {
        let names: Vec<&str> = names.iter().map(|name| name.text.as_str()).collect();
        let current: Vec<&str> = current.iter().map(String::as_str).collect();
        let changed = Changed { names: &names, current: &current, epoch: self.glossary.epoch() };
        let answer = match recovered {
            Some(recovered) => Answer::Subscribed(changed, recovered),
            None => Answer::Unsubscribed(changed),
        };
        self.reply(slot, dialect, id, &answer);
    }

    pub(super) fn resolve(&self, name: &Name) -> Vec<InstrumentId> {
        let mut found = Vec::new();
        name.naming.resolve(self.glossary.table(), |instrument| found.push(instrument));
        found
    }

    /// The instruments that a wish is for. Who asks for the states of all is told, too, which of them
    /// are configured and not listed.
    fn meant_by(&self, wish: &Wish) -> Vec<InstrumentId> {
        let mut meant = self.resolve(&wish.name);
        if wish.channel == Channel::Status && is_open_ended(&wish.name) {
            let table = self.glossary.table();
            let is_unlisted = |(id, one): &(InstrumentId, &Instrument)| {
                table.is_unlisted(*id) && wish.name.naming.includes(one)
            };
            meant.extend(table.iter().filter(is_unlisted).map(|(id, _)| id));
        }
        meant
    }

    /// Every name that a session has in a dialect, and those of new wishes, each once.
    pub(super) fn names(&self, slot: u32, dialect: Dialect, wishes: &[Wish]) -> Vec<String> {
        let held = self.sessions.get(slot).into_iter().flat_map(|session| session.wishes.iter());
        let mut known = HashSet::new();
        held.filter(|wish| wish.dialect == dialect)
            .chain(wishes)
            .filter(|wish| known.insert((wish.name.naming, wish.called())))
            .map(|wish| wish.name.text.clone())
            .collect()
    }

    /// Where each instrument is to be resumed; only points of this run count.
    fn resume_points(
        &self,
        from: &[(Name, ResumePoint)],
    ) -> Result<Vec<(InstrumentId, u64)>, Refusal> {
        let mut points = Vec::new();
        for (name, point) in from {
            let instruments = self.resolve(name);
            if instruments.is_empty() {
                return Err(self.unknown(name));
            }
            if point.epoch == Some(self.glossary.epoch()) {
                points.extend(instruments.iter().map(|&instrument| (instrument, point.seq)));
            }
        }
        Ok(points)
    }

    /// Whether everything since a point is there, on every channel that is asked for. A book is
    /// always made whole by the snapshot that it begins with.
    fn is_held(&self, name: &Name, point: ResumePoint, wishes: &[Wish]) -> bool {
        point.epoch == Some(self.glossary.epoch())
            && self.resolve(name).into_iter().all(|instrument| {
                let mut keys = wishes
                    .iter()
                    .filter(|wish| self.is_meant(&wish.name, instrument))
                    .filter(|wish| self.is_served(wish, instrument))
                    .map(|wish| self.glossary.key(wish, instrument))
                    .peekable();
                // Nothing comes of what the request does not subscribe.
                keys.peek().is_some()
                    && keys.all(|key| match key.channel {
                        ClientChannel::Stream(Stream::Orderbook) => {
                            point.seq <= self.cache.seq(instrument, Stream::Orderbook)
                        }
                        ClientChannel::Stream(stream) => {
                            self.cache.holds_since(instrument, stream, point.seq)
                        }
                        ClientChannel::Status => true,
                    })
            })
    }

    pub(super) fn is_meant(&self, name: &Name, instrument: InstrumentId) -> bool {
        self.glossary
            .table()
            .instrument(instrument)
            .is_some_and(|known| name.naming.includes(known))
    }

    /// Gives a session what it wished for: at once, or in pieces when that is much.
    fn grant(
        &mut self,
        slot: u32,
        mut wishes: Vec<Wish>,
        points: Vec<(InstrumentId, u64)>,
        wants_snapshot: bool,
    ) {
        wishes.reverse();
        let (instruments, feeds) = (None, [false; ExchangeId::ALL.len()]);
        let mut grants = Grants { wishes, points, wants_snapshot, instruments, feeds };
        if !self.grant_some(slot, &mut grants) {
            self.begin_answer(slot, LongAnswer::Grants(grants));
        }
    }

    /// Grants a piece of what was wished for: new subscriptions join when the session has room,
    /// those it has change their delivery on the spot. True when all is granted.
    pub(super) fn grant_some(&mut self, slot: u32, grants: &mut Grants) -> bool {
        self.sessions.mark_catching_up(slot);
        while let Some(wish) = grants.wishes.last() {
            if self.grants_left == 0 {
                return false;
            }
            let instruments = grants.instruments.get_or_insert_with(|| {
                // Kept from now on, so that instruments that are added meanwhile are granted too.
                if let Some(session) = self.sessions.get_mut(slot) {
                    session.wishes.keep(wish.clone());
                }
                let mut meant = self.meant_by(wish);
                meant.reverse();
                meant
            });
            while let Some(instrument) = instruments.pop() {
                self.grants_left -= 1;
                let point = grants.points.iter().find(|(resumed, _)| *resumed == instrument);
                let prelude = match point {
                    Some(&(_, seq)) => Prelude::Since(seq),
                    None if grants.wants_snapshot => Prelude::Snapshot,
                    None => Prelude::None,
                };
                self.grant_one(slot, wish, instrument, (prelude, &mut grants.feeds));
                if self.grants_left == 0 {
                    return false;
                }
            }
            for (exchange, is_new) in ExchangeId::ALL.into_iter().zip(&mut grants.feeds) {
                if std::mem::take(is_new) {
                    self.tell_feeds(slot, wish, exchange);
                }
            }
            grants.instruments = None;
            grants.wishes.pop();
            // A wish that means nothing yet costs as much as one that means something.
            self.grants_left = self.grants_left.saturating_sub(1);
        }
        true
    }

    /// Grants what a wish means of one instrument.
    fn grant_one(
        &mut self,
        slot: u32,
        wish: &Wish,
        instrument: InstrumentId,
        (prelude, feeds): (Prelude, &mut [bool; ExchangeId::ALL.len()]),
    ) {
        if !self.is_served(wish, instrument) {
            return;
        }
        let key = self.glossary.key(wish, instrument);
        let is_new = self.wish_for(slot, wish, key.clone(), prelude);
        if is_new
            && let Some(exchange) = self.exchange_of(instrument)
            && let Some(session) = self.sessions.get_mut(slot)
        {
            feeds[exchange as usize] |= session.feeds.add(exchange, &key);
        }
    }

    pub(super) fn exchange_of(&self, instrument: InstrumentId) -> Option<ExchangeId> {
        Some(self.glossary.table().instrument(instrument)?.exchange)
    }

    /// One instrument of a wish. True when the session did not have it yet.
    fn wish_for(&mut self, slot: u32, wish: &Wish, key: SubscriptionKey, prelude: Prelude) -> bool {
        let Some(session) = self.sessions.get_mut(slot) else { return false };
        let SubscriptionKey { instrument, channel, .. } = key;
        let held = session.subscriptions.find(&key);
        let fresh = ClientSubscription {
            key,
            depth: wish.depth,
            delivery: wish.delivery,
            progress: Progress::Joining,
            missed_seq: 0,
        };
        let Some(subscription) = held else {
            let subscription = session.subscriptions.insert(fresh);
            session.joins.push_back(Join { subscription, prelude });
            self.counters.subscriptions.set(self.counters.subscriptions.value() + 1);
            if channel.channel() == Channel::Orderbook {
                self.demand.increment(instrument);
            }
            return true;
        };
        self.desk(|desk| desk.change(slot, subscription, fresh, prelude));
        false
    }

    /// Sends the present states of an exchange's connections; where nobody asked for states, those
    /// that are not as they ought to be.
    fn tell_feeds(&mut self, slot: u32, wish: &Wish, exchange: ExchangeId) {
        let Self { cache, sessions, buffers, told, glossary, counters, .. } = self;
        let mut out = Recipients { sessions, buffers, told, glossary, counters };
        for &status in cache.feed_statuses(exchange) {
            let stamp = Stamp { exchange_time: UnixNanos::NONE, received: status.since };
            let body = EventBody::FeedState(status);
            let event = Event { instrument: InstrumentId::NONE, seq: 0, stamp, body };
            let is_well = status.state == FeedState::Connected && status.reason == Reason::None;
            if is_well && wish.channel != Channel::Status {
                continue;
            }
            if let Some(range) = out.feed_frame(wish.dialect, &event) {
                out.sessions.send(slot, range);
            }
        }
    }

    /// Instruments were added, or other channels are carried of them: whoever wished for all of
    /// something gets that too, and what stood in for a channel that is shown now ends.
    pub(super) fn extend_wishes(&mut self) {
        if self.fresh.is_empty() {
            return;
        }
        for slot in 0..self.sessions.slots() {
            let Some(session) = self.sessions.get(slot) else { continue };
            let wishes = session.wishes.clone();
            for wish in wishes.iter() {
                self.extend_wish(slot, wish);
            }
        }
    }

    fn extend_wish(&mut self, slot: u32, wish: &Wish) {
        for instrument in self.meant_by(wish) {
            if self.fresh.binary_search(&instrument).is_err() {
                continue;
            }
            let key = self.glossary.key(wish, instrument);
            let held = self.sessions.get(slot).and_then(|one| one.subscriptions.find(&key));
            match (held, self.is_served(wish, instrument)) {
                (None, true) => self.extend_one(slot, wish, key),
                // What it stood in for is shown again: told beside it, it would be told twice.
                (Some(held), false) if wish.in_place_of.is_some() => self.take_back(slot, held),
                (None, false) | (Some(_), _) => {}
            }
        }
        self.sessions.mark_catching_up(slot);
    }

    fn extend_one(&mut self, slot: u32, wish: &Wish, key: SubscriptionKey) {
        let instrument = key.instrument;
        let is_new = self.wish_for(slot, wish, key.clone(), Prelude::None);
        if is_new
            && let Some(exchange) = self.exchange_of(instrument)
            && let Some(session) = self.sessions.get_mut(slot)
        {
            session.feeds.add(exchange, &key);
        }
    }
}

/// Whether a name may stand for nothing yet.
pub(super) const fn is_open_ended(name: &Name) -> bool {
    matches!(name.naming, Naming::All | Naming::Exchange(_))
}
