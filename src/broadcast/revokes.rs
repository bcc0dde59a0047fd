//! Unsubscribing, and the end of a session's subscriptions: a bounded number in each turn.

use std::collections::HashSet;

use super::Broadcaster;
use super::wishes::is_open_ended;
use crate::client::{ClientSubscription, LongAnswer, Phase, Revokes, Session, SubscriptionKey};
use crate::dialect::{Dialect, Naming, Refusal, RequestId, Unsubscribe, Wish};
use crate::instrument::Channel;
use crate::limits::REVOKE_LOOKS_PER_PIECE;
use crate::tick::Interval;

/// What names and channels mean, of one dialect.
struct Coverage<'a> {
    dialect: Dialect,
    channels: &'a [Channel],
    interval: Option<Interval>,
}

impl Coverage<'_> {
    fn of(revokes: &Revokes) -> Coverage<'_> {
        let Revokes { dialect, channels, interval, .. } = revokes;
        Coverage { dialect: *dialect, channels, interval: *interval }
    }

    fn includes(&self, dialect: Dialect, channel: Channel, candles: Option<Interval>) -> bool {
        dialect == self.dialect
            && self.channels.contains(&channel)
            && (self.interval.is_none() || candles == self.interval)
    }

    fn wished(&self, wish: &Wish) -> bool {
        self.includes(wish.dialect, wish.channel, wish.interval)
    }
}

impl Broadcaster {
    /// Ends all that is named, or nothing.
    pub(super) fn unsubscribe(
        &mut self,
        slot: u32,
        dialect: Dialect,
        id: Option<&RequestId>,
        asked: Unsubscribe,
    ) -> Result<(), Refusal> {
        self.revoke(slot, Revokes::new(dialect, id, asked))
    }

    /// Ends what was named: at once, or in pieces when that is much.
    fn revoke(&mut self, slot: u32, mut revokes: Revokes) -> Result<(), Refusal> {
        if !self.revoke_some(slot, &mut revokes)? {
            self.begin_answer(slot, LongAnswer::Revokes(revokes));
        }
        Ok(())
    }

    /// Goes on with what is to end: first it is found, then it ends, then the client is told. True
    /// when that is done. Nothing ends when one of the names has nothing to end.
    pub(super) fn revoke_some(
        &mut self,
        slot: u32,
        revokes: &mut Revokes,
    ) -> Result<bool, Refusal> {
        if !revokes.is_found {
            if !self.find_some(slot, revokes) {
                return Ok(false);
            }
            self.check_revokes(slot, revokes)?;
            revokes.is_found = true;
            self.forget_arrears(slot, &revokes.ending);
        }
        while let Some(subscription) = revokes.ending.pop() {
            if self.ends_left == 0 {
                revokes.ending.push(subscription);
                return Ok(false);
            }
            self.ends_left -= 1;
            self.end_subscription(slot, subscription);
        }
        self.drop_wishes(slot, revokes);
        self.tell_revoked(slot, revokes);
        Ok(true)
    }

    /// Looks at some subscriptions for what is named; true when all were looked at.
    fn find_some(&self, slot: u32, revokes: &mut Revokes) -> bool {
        let Some(session) = self.sessions.get(slot) else { return true };
        let end = session.subscriptions.slots();
        let mut left = REVOKE_LOOKS_PER_PIECE;
        while revokes.next < end {
            if left == 0 {
                return false;
            }
            left = left.saturating_sub(revokes.names.len().max(1));
            let subscription = revokes.next;
            revokes.next += 1;
            let Some(held) = session.subscriptions.slot(subscription) else { continue };
            let SubscriptionKey { instrument, channel, ref form } = held.key;
            let coverage = Coverage::of(revokes);
            if !coverage.includes(form.dialect, channel.channel(), channel.interval()) {
                continue;
            }
            let mut is_ending = false;
            for (name, is_matched) in revokes.names.iter().zip(&mut revokes.matched) {
                let is_meant = self.is_meant(name, instrument);
                *is_matched |= is_meant;
                is_ending |= is_meant;
            }
            if is_ending {
                revokes.ending.push(subscription);
            }
        }
        true
    }

    /// Refuses when a name has nothing to end, and nothing that may come to be.
    fn check_revokes(&self, slot: u32, revokes: &Revokes) -> Result<(), Refusal> {
        let Some(session) = self.sessions.get(slot) else { return Ok(()) };
        let coverage = Coverage::of(revokes);
        let wished: HashSet<Naming> = session
            .wishes
            .iter()
            .filter(|wish| coverage.wished(wish))
            .map(|wish| wish.name.naming)
            .collect();
        let mut unmatched = revokes.names.iter().zip(&revokes.matched);
        let missing =
            unmatched.find(|(name, is_matched)| !**is_matched && !wished.contains(&name.naming));
        match missing {
            Some((name, _)) => Err(Refusal::NotSubscribed(name.text.clone())),
            None => Ok(()),
        }
    }

    /// Takes what is to end out of what a session is owed. Once for all of it: there may be as many
    /// joins as there are subscriptions.
    fn forget_arrears(&mut self, slot: u32, ending: &[u32]) {
        let Some(session) = self.sessions.get_mut(slot) else { return };
        if session.joins.is_empty() && session.missed.is_empty() {
            return;
        }
        let mut is_ending = vec![false; session.subscriptions.slots() as usize];
        ending.iter().for_each(|&subscription| is_ending[subscription as usize] = true);
        session.joins.retain(|join| !is_ending[join.subscription as usize]);
        session.missed.retain(|&missed| !is_ending[missed as usize]);
    }

    /// Drops the wishes that were named, and those that have nothing left of what they meant.
    fn drop_wishes(&mut self, slot: u32, revokes: &Revokes) {
        let Some(session) = self.sessions.get_mut(slot) else { return };
        let coverage = Coverage::of(revokes);
        let named: HashSet<Naming> = revokes.names.iter().map(|name| name.naming).collect();
        let is_over = |wish: &Wish| coverage.wished(wish) && named.contains(&wish.name.naming);
        let mut wishes = std::mem::take(&mut session.wishes);
        wishes.retain(|wish| !is_over(wish) && (is_open_ended(&wish.name) || self.has(slot, wish)));
        if let Some(session) = self.sessions.get_mut(slot) {
            session.wishes = wishes;
        }
    }

    /// Whether a session has a subscription of what a wish means.
    fn has(&self, slot: u32, wish: &Wish) -> bool {
        let has =
            |session: &Session, key: SubscriptionKey| session.subscriptions.find(&key).is_some();
        self.sessions.get(slot).is_some_and(|session| {
            self.resolve(&wish.name)
                .into_iter()
                .any(|one| has(session, self.glossary.key(wish, one)))
        })
    }

    fn tell_revoked(&mut self, slot: u32, revokes: &Revokes) {
        let (dialect, id) = (revokes.dialect, revokes.request_id.as_ref());
        let current = self.names(slot, dialect, &[]);
        self.tell_changed(slot, dialect, id, (&revokes.names, &current), None);
    }

    /// Ends a subscription that nobody asked to end, because it is not served any more. An answer
    /// under way that would end it has nothing left to do: its place may be another's by then.
    pub(super) fn take_back(&mut self, slot: u32, subscription: u32) {
        self.forget_arrears(slot, &[subscription]);
        if let Some(session) = self.sessions.get_mut(slot)
            && let Some(LongAnswer::Revokes(revokes)) = session.answer.as_deref_mut()
        {
            revokes.ending.retain(|&ending| ending != subscription);
        }
        self.end_subscription(slot, subscription);
    }

    fn end_subscription(&mut self, slot: u32, subscription: u32) {
        let Some(held) = self.desk(|desk| desk.end(slot, subscription)) else { return };
        self.has_ended_one(&held);
        if let Some(exchange) = self.exchange_of(held.key.instrument)
            && let Some(session) = self.sessions.get_mut(slot)
        {
            session.feeds.remove(exchange, &held.key);
        }
    }

    fn has_ended_one(&self, held: &ClientSubscription) {
        self.counters.subscriptions.set(self.counters.subscriptions.value() - 1);
        if held.key.channel.channel() == Channel::Orderbook {
            self.demand.decrement(held.key.instrument);
        }
    }

    /// Goes on with sessions whose connection is gone: their subscriptions end, some in each turn,
    /// then their slot is free. Until then other members of their groups find them there.
    pub(super) fn go_on_ending(&mut self) -> usize {
        let before = self.ends_left;
        while self.ends_left > 0
            && let Some(slot) = self.sessions.ending.front().copied()
        {
            let session = self.sessions.get_mut(slot);
            match session.and_then(|session| session.subscriptions.pop()) {
                Some(held) => {
                    self.desk(|desk| desk.leave(&held));
                    self.has_ended_one(&held);
                    self.ends_left -= 1;
                }
                None => {
                    self.sessions.ending.pop_front();
                    self.sessions.remove(slot);
                    self.counters.clients.set(self.sessions.len() as u64);
                }
            }
        }
        before - self.ends_left
    }

    /// Ends a session: its connection and its memory at once, its subscriptions as many in a turn
    /// as may be.
    pub(super) fn end(&mut self, slot: u32) {
        let Some(session) = self.sessions.get_mut(slot) else { return };
        if session.phase == Phase::Ended {
            return;
        }
        // A socket that is gone already needs no deregistration.
        let _ = session.socket.transport_mut().deregister(self.poller.registry());
        session.end(&mut self.buffers.chunks);
        self.sessions.leave_place(slot);
        self.sessions.ending.push_back(slot);
        self.go_on_ending();
    }
}
