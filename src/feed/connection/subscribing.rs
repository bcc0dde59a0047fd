//! What one connection still has to ask for, and what it waits to hear about.
//!
//! Subscriptions go out in chunks, each in messages of their own numbers, as many at a time as the
//! exchange answers without confusion. An exchange that answers a request as a whole refuses all
//! of it for one bad symbol: the chunk is halved and asked for again, until the one subscription
//! that is at fault stands alone and is given up. One that answers subscription by subscription
//! names the one that it refuses; a refusal without a name is one of those that stay unanswered
//! when all others are. Either way a bad symbol never sinks the others. Given up is only what a
//! refusal names, be it by the number of the request: what may have been about something else is
//! asked for again.
//!
//! What is refused for now, or stays unanswered however often it is asked, is asked for again, all
//! of it, when [`Patience`] says so; what the
//! exchange says is so already counts as accepted. An answer that says "too much" and not of what
//! casts a doubt on all that waits: what of it stays unanswered counts as refused by it.

mod refusals;

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use super::patience::Patience;
use crate::clock::MonoNanos;
use crate::exchange::{
    Answers, ConnectionRules, Exchange, NamedStream, RefusalKind, Request, Subscription,
};
use crate::instrument::Channel;
use crate::limits::{ACK_TIMEOUT, REQUEST_TRIES_MAX, UNANSWERED_WAIT};
use crate::tick::Reason;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ask {
    Subscribe,
    /// The way to a stream's first message is to leave it and to ask for it again.
    Part,
    /// To leave it, as nobody wants it any more.
    Leave,
}

/// Why a stream is refused for now, and the exchange's own first wait.
type ForNow = (Reason, Duration);

/// Since when a stream is asked for of which nothing is known yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    /// The connection began with it.
    FromTheStart,
    /// It was added while the connection served others.
    Later,
}

/// Subscriptions that go together.
#[derive(Clone, Debug)]
struct Chunk {
    ask: Ask,
    subscriptions: Vec<Subscription>,
    tries: u8,
}

/// A message that is worded and was not sent yet.
#[derive(Debug)]
struct Worded {
    ask: Ask,
    tries: u8,
    request: Request,
}

/// A request without an answer yet.
#[derive(Debug)]
struct Awaited {
    id: u64,
    due: MonoNanos,
    ask: Ask,
    tries: u8,
    /// What of it was not answered.
    unanswered: Vec<Subscription>,
    /// Refusals that did not say of what, and what they come to.
    refusals: usize,
    kind: Option<RefusalKind>,
    /// Acceptances that did not say of what.
    acceptances: usize,
    /// The exchange found something too much, and did not say what: it may have been this.
    doubted: Option<ForNow>,
    /// The exchange refused something, and named nothing by which it could be told: likewise.
    suspected: bool,
}

/// What an exchange refuses.
#[derive(Clone, Copy, Debug)]
pub(in crate::feed) struct Said {
    /// The number of the request, where it says it.
    pub(in crate::feed) id: Option<u64>,
    /// The stream, where it names it.
    pub(in crate::feed) stream: Option<NamedStream>,
    /// What that is worth.
    pub(in crate::feed) kind: RefusalKind,
}

/// Streams that are refused for now.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::feed) struct Postponed {
    /// Which.
    pub(in crate::feed) streams: Vec<Subscription>,
    /// Why.
    pub(in crate::feed) reason: Reason,
    /// When they are asked for again.
    pub(in crate::feed) until: MonoNanos,
}

/// What an exchange's refusal comes to.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::feed) enum Conclusion {
    /// Not one of our requests, as far as it can be told.
    Unknown,
    /// Its parts are asked for again, or the other answers will tell what it was about.
    Pending,
    /// These subscriptions, and no others; they are given up.
    GivenUp(Vec<Subscription>),
    /// It is about what nobody wants any more.
    Moot,
    /// These subscriptions, and no others, for now.
    Postponed(Postponed),
    /// Nobody said anything of these yet; they are asked for once more.
    Unanswered(Vec<Subscription>),
}

/// How an exchange wants to be asked.
#[derive(Clone, Copy, Debug)]
struct Manners {
    per_request: usize,
    in_flight_max: usize,
    answers: Answers,
}

/// The requests of one connection.
#[derive(Debug)]
pub(in crate::feed) struct Subscribing {
    manners: Manners,
    queue: VecDeque<Chunk>,
    worded: VecDeque<Worded>,
    awaited: Vec<Awaited>,
    /// Streams whose answers came, or are not expected to any more, until somebody takes them.
    answered: Vec<Subscription>,
    /// Those of them that were accepted, likewise.
    accepted: Vec<Subscription>,
    /// Streams of which neither an answer nor data came.
    unsettled: HashMap<Subscription, Wanted>,
    /// Those of them that the connection began with.
    unsettled_from_the_start: usize,
    /// Refused for now, and when each is asked again.
    postponed: Vec<(MonoNanos, Ask, Subscription)>,
    patience: Patience,
    /// Refused by the exchange: there is nothing to leave.
    refused: HashSet<Subscription>,
    /// Left, and not wanted again since: answers about them still count, and are nobody's business.
    left: HashSet<Subscription>,
    /// Answers to the connection's greeting that may come before those to its requests, where
    /// answers have no number; and until when.
    greetings: (usize, MonoNanos),
    next_id: u64,
}

impl Subscribing {
    /// Everything that is to be subscribed on a connection that has just opened, after so many
    /// messages of greeting. The number of the connection gives it chances of its own.
    pub(in crate::feed) fn new(
        rules: &ConnectionRules,
        subscriptions: &[Subscription],
        greetings: usize,
        (generation, now): (u32, MonoNanos),
    ) -> Self {
        let manners = Manners {
            per_request: rules.subscriptions_per_request.max(1),
            in_flight_max: rules.requests_in_flight_max.max(1),
            answers: rules.answers,
        };
        // With several requests in flight answers have numbers, and a greeting's is nobody's.
        let greetings = if manners.in_flight_max == 1 { greetings } else { 0 };
        let mut subscribing = Self {
            manners,
            queue: VecDeque::new(),
            worded: VecDeque::new(),
            awaited: Vec::new(),
            answered: Vec::new(),
            accepted: Vec::new(),
            unsettled: HashMap::new(),
            unsettled_from_the_start: 0,
            postponed: Vec::new(),
            patience: Patience::new(generation.into()),
            refused: HashSet::new(),
            left: HashSet::new(),
            greetings: (greetings, now.after(ACK_TIMEOUT)),
            next_id: 1,
        };
        subscribing.ask(Ask::Subscribe, subscriptions);
        subscribing.unsettled.extend(subscriptions.iter().map(|&one| (one, Wanted::FromTheStart)));
        subscribing.unsettled_from_the_start = subscribing.unsettled.len();
        subscribing
    }

    /// Leaves streams and asks for them again; for those that wait for an answer already, nothing
    /// is done.
    pub(in crate::feed) fn renew(&mut self, subscriptions: &[Subscription]) {
        let idle = |one: &&Subscription| !self.is_asking(one);
        let idle: Vec<_> = subscriptions.iter().filter(idle).copied().collect();
        self.ask(Ask::Part, &idle);
        self.ask(Ask::Subscribe, &idle);
    }

    /// Asks for more streams. One that could not be left yet is still there, and begins anew.
    pub(in crate::feed) fn add(&mut self, subscriptions: &[Subscription]) {
        for one in subscriptions {
            self.left.remove(one);
        }
        let lingers = |(_, ask, one): &mut (MonoNanos, Ask, Subscription)| {
            *ask == Ask::Leave && subscriptions.contains(one)
        };
        let there: Vec<_> = self.postponed.extract_if(.., lingers).map(|(.., one)| one).collect();
        self.ask(Ask::Part, &there);
        self.ask(Ask::Subscribe, subscriptions);
        for one in subscriptions {
            self.unsettled.entry(*one).or_insert(Wanted::Later);
        }
    }

    /// Leaves streams, and asks for none of them again.
    pub(in crate::feed) fn leave(&mut self, subscriptions: &[Subscription]) {
        self.settle_all(subscriptions);
        self.left.extend(subscriptions);
        let mut leaving = subscriptions.to_vec();
        // What was not asked for yet, or was refused, need not be left.
        for chunk in self.queue.iter_mut().filter(|chunk| chunk.ask == Ask::Subscribe) {
            leaving.retain(|one| !chunk.subscriptions.contains(one));
            chunk.subscriptions.retain(|one| !subscriptions.contains(one));
        }
        leaving.retain(|one| !self.refused.remove(one));
        let goes = |(.., one): &mut (MonoNanos, Ask, Subscription)| subscriptions.contains(one);
        for (_, ask, one) in self.postponed.extract_if(.., goes) {
            if ask == Ask::Subscribe {
                leaving.retain(|other| *other != one);
            }
        }
        self.patience.forget(subscriptions);
        self.drop_empty();
        self.ask(Ask::Leave, &leaving);
    }

    /// Something is known of these: the exchange's answer, that they speak, or that nobody wants
    /// them any more.
    fn settle_all(&mut self, streams: &[Subscription]) {
        if self.unsettled.is_empty() {
            return;
        }
        for one in streams {
            if self.unsettled.remove(one) == Some(Wanted::FromTheStart) {
                self.unsettled_from_the_start -= 1;
            }
        }
    }

    /// These speak.
    pub(in crate::feed) fn hear(&mut self, begun: &[Subscription]) {
        self.settle_all(begun);
    }

    /// Streams that the connection began with, and of which nothing is known yet.
    pub(in crate::feed) const fn unsettled(&self) -> usize {
        self.unsettled_from_the_start
    }

    /// Streams that were never asked for on this connection.
    pub(in crate::feed) fn unsent(&self) -> Vec<Subscription> {
        let queued = self.queue.iter().filter(|chunk| chunk.ask == Ask::Subscribe);
        let worded = self.worded.iter().filter(|worded| worded.ask == Ask::Subscribe);
        let streams = worded
            .map(|worded| &worded.request.covers)
            .chain(queued.filter(|chunk| chunk.tries == 0).map(|chunk| &chunk.subscriptions));
        streams.flatten().filter(|one| self.unsettled.contains_key(*one)).copied().collect()
    }

    /// Requests that were not made yet, at least.
    pub(in crate::feed) fn unsent_requests(&self) -> usize {
        self.queue.len() + self.worded.len()
    }

    fn ask(&mut self, ask: Ask, subscriptions: &[Subscription]) {
        let chunks = subscriptions.chunks(self.manners.per_request);
        self.queue.extend(chunks.map(|chunk| Chunk {
            ask,
            subscriptions: chunk.to_vec(),
            tries: 0,
        }));
    }

    /// Whether a subscription is being asked for, or will be.
    pub(in crate::feed) fn is_asking(&self, subscription: &Subscription) -> bool {
        if self.postponed.iter().any(|(.., one)| one == subscription) {
            return true;
        }
        let queued = self.queue.iter().map(|chunk| &chunk.subscriptions);
        let worded = self.worded.iter().map(|worded| &worded.request.covers);
        let mut awaited = self.awaited.iter();
        queued.chain(worded).any(|all| all.contains(subscription))
            || awaited.any(|one| one.unanswered.contains(subscription))
    }

    /// Words the next request, and waits for its answer from now on; `None` when there is none or
    /// too many wait for their answers.
    pub(in crate::feed) fn next<E: Exchange>(
        &mut self,
        exchange: &E,
        now: MonoNanos,
    ) -> Option<String> {
        while self.may_send() && self.held_until() <= now {
            let Some(Worded { ask, tries, request }) = self.worded.pop_front() else {
                self.word(exchange);
                continue;
            };
            self.awaited.push(Awaited {
                id: request.id,
                due: now.after(ACK_TIMEOUT),
                ask,
                tries,
                unanswered: request.covers,
                refusals: 0,
                kind: None,
                acceptances: 0,
                doubted: None,
                suspected: false,
            });
            return Some(request.text);
        }
        None
    }

    /// Words the messages of the next chunk.
    fn word<E: Exchange>(&mut self, exchange: &E) {
        let Some(Chunk { ask, subscriptions, tries }) = self.queue.pop_front() else { return };
        let requests = match ask {
            Ask::Subscribe => exchange.subscribe(&subscriptions, &mut self.next_id),
            Ask::Part | Ask::Leave => exchange.unsubscribe(&subscriptions, &mut self.next_id),
        };
        let worded: usize = requests.iter().map(|request| request.covers.len()).sum();
        if worded < subscriptions.len() {
            // What comes with another stream has no request of its own.
            let is_worded = |one: &Subscription| requests.iter().any(|r| r.covers.contains(one));
            let rest = subscriptions.iter().filter(|one| !is_worded(one)).copied();
            self.settle_all(&rest.collect::<Vec<_>>());
        }
        let tries = tries + 1;
        self.worded.extend(requests.into_iter().map(|request| Worded { ask, tries, request }));
    }

    /// Something is to be asked, and may be now as far as answers matter.
    pub(in crate::feed) fn may_send(&self) -> bool {
        let max = if self.patience.is_wary() { 1 } else { self.manners.in_flight_max };
        !self.is_sent() && self.awaited.len() + self.greetings.0 < max
    }

    /// Whether what is asked next is of this channel.
    pub(in crate::feed) fn next_is(&self, channel: Channel) -> bool {
        let worded = self.worded.front().and_then(|worded| worded.request.covers.first());
        let next = worded.or_else(|| self.queue.front()?.subscriptions.first());
        next.is_some_and(|one| one.channel == channel)
    }

    /// The exchange found that too much was said: nothing is asked before this.
    pub(in crate::feed) fn held_until(&self) -> MonoNanos {
        self.patience.held_until()
    }

    /// The greeting is said once more, as it was refused for now.
    pub(in crate::feed) fn greet_again(&mut self, greetings: usize) {
        if self.manners.in_flight_max == 1 {
            self.greetings = (greetings, self.held_until().after(ACK_TIMEOUT));
        }
    }

    /// Everything was asked for.
    pub(in crate::feed) fn is_sent(&self) -> bool {
        self.queue.is_empty() && self.worded.is_empty()
    }

    /// Everything was asked for and answered, be it with a refusal for now.
    pub(in crate::feed) fn is_done(&self) -> bool {
        self.is_sent() && self.awaited.is_empty()
    }

    /// Streams that are refused for now.
    pub(in crate::feed) fn postponed(&self) -> impl Iterator<Item = &Subscription> {
        self.postponed.iter().map(|(.., subscription)| subscription)
    }

    /// The exchange accepted a request, or the stream of one: the oldest one where it does not
    /// say which.
    pub(in crate::feed) fn accept(&mut self, id: Option<u64>, stream: Option<NamedStream>) {
        if self.manners.answers == Answers::PerSubscription {
            match stream {
                Some(stream) => match self.settle(id, stream) {
                    Some((ask, streams)) => self.agree(ask, streams),
                    None => self.accept_late(stream),
                },
                None => self.accept_one(id),
            }
            return;
        }
        if id.is_none() && self.greetings.0 > 0 {
            self.greetings.0 -= 1;
            return;
        }
        let awaited = self.take(id.or(self.awaited.first().map(|awaited| awaited.id)));
        if let Some(Awaited { ask, unanswered, .. }) = awaited {
            self.agree(ask, unanswered);
        }
    }

    /// The exchange says that a stream has ended; false when nobody asked for that.
    pub(in crate::feed) fn leave_granted(
        &mut self,
        id: Option<u64>,
        stream: Option<NamedStream>,
    ) -> bool {
        let leaves = |awaited: &Awaited| {
            let names =
                |stream: NamedStream| awaited.unanswered.iter().any(|one| stream.names(one));
            awaited.ask != Ask::Subscribe
                && id.is_none_or(|id| id == awaited.id)
                && stream.is_none_or(names)
        };
        let Some(awaited) = self.awaited.iter().find(|awaited| leaves(awaited)) else {
            return false;
        };
        let id = awaited.id;
        self.accept(Some(id), stream);
        true
    }

    /// What was asked is so.
    fn agree(&mut self, ask: Ask, streams: Vec<Subscription>) {
        let streams = self.wanted(ask, streams);
        match ask {
            Ask::Subscribe => {
                self.patience.accept(&streams);
                self.settle_all(&streams);
                for one in &streams {
                    self.refused.remove(one);
                }
                self.answered.extend_from_slice(&streams);
                self.accepted.extend(streams);
            }
            Ask::Part | Ask::Leave => self.patience.accept(&[]),
        }
    }

    /// A stream was accepted that is waited for no more: it had been taken for refused.
    fn accept_late(&mut self, stream: NamedStream) {
        let is_it = |(_, ask, one): &mut (MonoNanos, Ask, Subscription)| {
            *ask == Ask::Subscribe && stream.names(one)
        };
        let late: Vec<_> = self.postponed.extract_if(.., is_it).map(|(.., one)| one).collect();
        if !late.is_empty() {
            self.agree(Ask::Subscribe, late);
        }
    }

    /// One of a request's subscriptions was accepted, nobody says which: all of them are, once as
    /// many acceptances came. Without a number it is about leaving a stream, as the acceptance of
    /// a subscription always names it.
    fn accept_one(&mut self, id: Option<u64>) {
        let leaves = |awaited: &Awaited| awaited.ask != Ask::Subscribe;
        let index = match id {
            Some(_) => self.find(id),
            None => self.awaited.iter().position(leaves),
        };
        let Some(index) = index else { return };
        let awaited = &mut self.awaited[index];
        awaited.acceptances += 1;
        if awaited.acceptances >= awaited.unanswered.len() {
            let Awaited { ask, unanswered, .. } = self.awaited.remove(index);
            self.agree(ask, unanswered);
        }
    }

    /// What was answered since the last call.
    pub(in crate::feed) fn take_answered(&mut self) -> Vec<Subscription> {
        std::mem::take(&mut self.answered)
    }

    /// What was accepted since the last call.
    pub(in crate::feed) fn take_accepted(&mut self) -> Vec<Subscription> {
        std::mem::take(&mut self.accepted)
    }

    /// Settles one subscription that an answer names, if it was waited for; returns it, if it is
    /// still wanted.
    fn settle(&mut self, id: Option<u64>, stream: NamedStream) -> Option<(Ask, Vec<Subscription>)> {
        let index = self.find_subject(id, stream)?;
        let awaited = &mut self.awaited[index];
        let place = awaited.unanswered.iter().position(|one| stream.names(one))?;
        let subscription = awaited.unanswered.remove(place);
        let ask = awaited.ask;
        let settled = (ask, self.wanted(ask, vec![subscription]));
        let awaited = &self.awaited[index];
        if awaited.acceptances >= awaited.unanswered.len() {
            let Awaited { ask, unanswered, .. } = self.awaited.remove(index);
            self.agree_with_rest(ask, unanswered);
        }
        Some(settled)
    }

    /// All that was left of a request was accepted without a name before its last name came.
    fn agree_with_rest(&mut self, ask: Ask, rest: Vec<Subscription>) {
        if !rest.is_empty() {
            self.agree(ask, rest);
        }
    }

    /// The request that waits for an answer about a stream.
    fn find_subject(&self, id: Option<u64>, stream: NamedStream) -> Option<usize> {
        let waits = |awaited: &Awaited| awaited.unanswered.iter().any(|one| stream.names(one));
        match id {
            Some(_) => self.find(id).filter(|&index| waits(&self.awaited[index])),
            None => self.awaited.iter().position(waits),
        }
    }

    /// The request of that number; without one, the only one that waits.
    fn find_or_alone(&self, id: Option<u64>) -> Option<usize> {
        let alone = (self.awaited.len() == 1).then(|| self.awaited[0].id);
        self.find(id.or(alone))
    }

    /// Gives up waiting for one answer that is overdue, if there is one, and asks again: at once a
    /// few times, then as for what is not served for now. What `speaks` needs no answer any more.
    /// Returns the number of the request, and what became of it.
    pub(in crate::feed) fn overdue(
        &mut self,
        now: MonoNanos,
        speaks: impl Fn(&Subscription) -> bool,
    ) -> Option<(u64, Conclusion)> {
        if self.greetings.1 <= now {
            self.greetings.0 = 0;
        }
        let index = self.awaited.iter().position(|awaited| awaited.due <= now)?;
        let awaited = self.awaited.remove(index);
        let Awaited { id, ask, tries, refusals, doubted, suspected, .. } = awaited;
        let unanswered = self.wanted(ask, awaited.unanswered);
        if unanswered.is_empty() {
            return Some((id, Conclusion::Pending));
        }
        if let Some(cause) = doubted {
            return Some((id, self.postpone(ask, unanswered, cause, now)));
        }
        if ask == Ask::Subscribe {
            if (refusals > 0 || suspected) && unanswered.len() > 1 {
                // Refused as a whole, where single answers were expected, or answers with names.
                self.halve(&unanswered);
                return Some((id, Conclusion::Pending));
            }
            if tries < REQUEST_TRIES_MAX {
                let subscriptions = unanswered.clone();
                self.queue.push_back(Chunk { ask, subscriptions, tries });
                return Some((id, Conclusion::Unanswered(unanswered)));
            }
            let (there, unanswered): (Vec<_>, Vec<_>) = unanswered.into_iter().partition(speaks);
            self.settle_all(&there);
            self.answered.extend(there);
            let cause = (Reason::Unavailable, UNANSWERED_WAIT);
            return Some((id, self.postpone(ask, unanswered, cause, now)));
        }
        Some((id, Conclusion::Pending))
    }

    /// Whether a request waits for its answer.
    #[inline]
    pub(in crate::feed) fn awaits(&self, id: u64) -> bool {
        self.awaited.iter().any(|awaited| awaited.id == id)
    }

    /// When the next answer is overdue, or something postponed is due.
    pub(in crate::feed) fn due(&self) -> MonoNanos {
        let greetings = if self.greetings.0 > 0 { self.greetings.1 } else { MonoNanos::MAX };
        let postponed = self.postponed.iter().map(|(at, ..)| *at).min();
        // Nothing of it is asked while all is held.
        let postponed = postponed.map_or(MonoNanos::MAX, |at| at.max(self.held_until()));
        self.awaited
            .iter()
            .map(|awaited| awaited.due)
            .min()
            .unwrap_or(MonoNanos::MAX)
            .min(greetings)
            .min(postponed)
    }

    /// Those that nobody has left; of what is to be left all.
    fn wanted(&self, ask: Ask, mut subscriptions: Vec<Subscription>) -> Vec<Subscription> {
        subscriptions.retain(|one| ask == Ask::Leave || !self.left.contains(one));
        subscriptions
    }

    /// Chunks of which nothing is wanted any more.
    fn drop_empty(&mut self) {
        self.queue.retain(|chunk| !chunk.subscriptions.is_empty());
    }

    fn take(&mut self, id: Option<u64>) -> Option<Awaited> {
        self.find(id).map(|index| self.awaited.remove(index))
    }

    fn find(&self, id: Option<u64>) -> Option<usize> {
        self.awaited.iter().position(|awaited| Some(awaited.id) == id)
    }
}

#[cfg(test)]
mod tests;
