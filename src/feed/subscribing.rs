//! What one connection still has to ask for, and what it waits to hear about.
//!
//! Subscriptions go out in chunks, each in messages of their own numbers, as many at a time as the
//! exchange answers without confusion. An exchange that answers a request as a whole refuses all
//! of it for one bad symbol: the chunk is halved and asked for again, until the one subscription
//! that is at fault stands alone and is given up. One that answers subscription by subscription
//! names the one that it refuses; a refusal without a name is one of those that stay unanswered
//! when all others are. Either way a bad symbol never sinks the others.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use crate::clock::MonoNanos;
use crate::exchange::{Answers, ConnectionRules, Exchange, Request, Subject, Subscription};

/// An answer that takes longer is not expected any more.
const ACK_TIMEOUT: Duration = Duration::from_secs(10);

/// How often an unanswered request is made.
const TRIES_MAX: u8 = 3;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ask {
    Subscribe,
    /// The way to a stream's first message is to leave it and to ask for it again.
    Unsubscribe,
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
    /// Refusals that did not say of what.
    refusals: usize,
    /// Acceptances that did not say of what.
    acceptances: usize,
}

/// What an exchange's refusal comes to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Not one of our requests, as far as it can be told.
    Unknown,
    /// Its parts are asked for again, or the other answers will tell what it was about.
    Pending,
    /// These subscriptions, and no others; they are given up.
    GivenUp(Vec<Subscription>),
    /// It is about what nobody wants any more.
    Moot,
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
pub(super) struct Subscribing {
    manners: Manners,
    queue: VecDeque<Chunk>,
    worded: VecDeque<Worded>,
    awaited: Vec<Awaited>,
    /// What was answered, or is not expected to be any more, until somebody takes it.
    answered: Vec<Subscription>,
    /// Refused for now, and when each is asked for again.
    postponed: Vec<(MonoNanos, Subscription)>,
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
    /// messages of greeting.
    pub(super) fn new(
        rules: &ConnectionRules,
        subscriptions: &[Subscription],
        greetings: usize,
        now: MonoNanos,
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
            postponed: Vec::new(),
            refused: HashSet::new(),
            left: HashSet::new(),
            greetings: (greetings, now.after(ACK_TIMEOUT)),
            next_id: 1,
        };
        subscribing.ask(Ask::Subscribe, subscriptions);
        subscribing
    }

    /// Leaves streams and asks for them again; for those that wait for an answer already, nothing
    /// is done.
    pub(super) fn renew(&mut self, subscriptions: &[Subscription]) {
        let idle = |one: &&Subscription| !self.is_asking(one);
        let idle: Vec<_> = subscriptions.iter().filter(idle).copied().collect();
        self.ask(Ask::Unsubscribe, &idle);
        self.ask(Ask::Subscribe, &idle);
    }

    /// Asks for more streams.
    pub(super) fn add(&mut self, subscriptions: &[Subscription]) {
        self.left.retain(|one| !subscriptions.contains(one));
        self.ask(Ask::Subscribe, subscriptions);
    }

    /// Leaves streams, and asks for none of them again.
    pub(super) fn leave(&mut self, subscriptions: &[Subscription]) {
        self.left.extend(subscriptions);
        let mut leaving = subscriptions.to_vec();
        // What was not asked for yet, or was refused, need not be left.
        for chunk in self.queue.iter_mut().filter(|chunk| chunk.ask == Ask::Subscribe) {
            leaving.retain(|one| !chunk.subscriptions.contains(one));
            chunk.subscriptions.retain(|one| !subscriptions.contains(one));
        }
        leaving.retain(|one| !self.refused.remove(one));
        self.postponed.retain(|(_, one)| !subscriptions.contains(one));
        self.drop_empty();
        self.ask(Ask::Unsubscribe, &leaving);
    }

    fn ask(&mut self, ask: Ask, subscriptions: &[Subscription]) {
        let chunks = subscriptions.chunks(self.manners.per_request);
        self.queue.extend(chunks.map(|chunk| Chunk {
            ask,
            subscriptions: chunk.to_vec(),
            tries: 0,
        }));
    }

    /// Whether a subscription is being asked for.
    fn is_asking(&self, subscription: &Subscription) -> bool {
        let queued = self.queue.iter().map(|chunk| &chunk.subscriptions);
        let worded = self.worded.iter().map(|worded| &worded.request.covers);
        let mut awaited = self.awaited.iter();
        queued.chain(worded).any(|all| all.contains(subscription))
            || awaited.any(|one| one.unanswered.contains(subscription))
    }

    /// Words the next request, and waits for its answer from now on; `None` when there is none or
    /// too many wait for their answers.
    pub(super) fn next<E: Exchange>(&mut self, exchange: &E, now: MonoNanos) -> Option<String> {
        while self.may_send() {
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
                acceptances: 0,
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
            Ask::Unsubscribe => exchange.unsubscribe(&subscriptions, &mut self.next_id),
        };
        let tries = tries + 1;
        self.worded.extend(requests.into_iter().map(|request| Worded { ask, tries, request }));
    }

    /// Something is to be asked, and may be now as far as answers matter.
    pub(super) fn may_send(&self) -> bool {
        !self.is_sent() && self.awaited.len() + self.greetings.0 < self.manners.in_flight_max
    }

    /// Everything was asked for.
    pub(super) fn is_sent(&self) -> bool {
        self.queue.is_empty() && self.worded.is_empty()
    }

    /// Everything was asked for and answered.
    pub(super) fn is_done(&self) -> bool {
        self.is_sent() && self.awaited.is_empty()
    }

    /// The exchange accepted a request, or the subject of one: the oldest one where it does not
    /// say which.
    pub(super) fn accept(&mut self, id: Option<u64>, subject: Option<Subject>) {
        if self.manners.answers == Answers::PerSubscription {
            match subject {
                Some(subject) => {
                    let settled = self.settle(id, subject);
                    self.answered.extend(settled.into_iter().flat_map(|(_, wanted)| wanted));
                }
                None => self.accept_one(id),
            }
            return;
        }
        if id.is_none() && self.greetings.0 > 0 {
            self.greetings.0 -= 1;
            return;
        }
        let awaited = self.take(id.or(self.awaited.first().map(|awaited| awaited.id)));
        self.answered.extend(awaited.into_iter().flat_map(|awaited| awaited.unanswered));
    }

    /// One of a request's subscriptions was accepted, nobody says which: all of them are, once as
    /// many acceptances came. Without a number it is about leaving a stream, as the acceptance of
    /// a subscription always names it.
    fn accept_one(&mut self, id: Option<u64>) {
        let leaves = |awaited: &Awaited| awaited.ask == Ask::Unsubscribe;
        let index = match id {
            Some(_) => self.find(id),
            None => self.awaited.iter().position(leaves),
        };
        let Some(index) = index else { return };
        let awaited = &mut self.awaited[index];
        awaited.acceptances += 1;
        if awaited.acceptances >= awaited.unanswered.len() {
            let Awaited { unanswered, .. } = self.awaited.remove(index);
            self.answered.extend(unanswered);
        }
    }

    /// What was answered since the last call.
    pub(super) fn take_answered(&mut self) -> Vec<Subscription> {
        std::mem::take(&mut self.answered)
    }

    /// The exchange refused a request, or the subject of one. Without a number it can only be told
    /// when one waits alone.
    pub(super) fn refuse(&mut self, id: Option<u64>, subject: Option<Subject>) -> Refused {
        if let Some(subject) = subject
            && let Some((ask, wanted)) = self.settle(id, subject)
        {
            if self.manners.answers == Answers::PerRequest {
                self.ask_for_the_rest(id, ask);
            }
            return self.given_up(ask, wanted);
        }
        let alone = (self.awaited.len() == 1).then(|| self.awaited[0].id);
        let Some(index) = self.find(id.or(alone)) else { return Refused::Unknown };
        let awaited = &mut self.awaited[index];
        awaited.refusals += 1;
        if self.manners.answers == Answers::PerSubscription {
            return self.conclude(index);
        }
        let awaited = self.awaited.remove(index);
        let (ask, count, unanswered) =
            (awaited.ask, awaited.unanswered.len(), self.wanted(awaited.unanswered));
        match count {
            1 => self.given_up(ask, unanswered),
            _ if ask == Ask::Unsubscribe => Refused::Pending,
            _ => {
                self.halve(&unanswered);
                Refused::Pending
            }
        }
    }

    /// Settles one subscription that an answer names, if it was waited for; returns it, if it is
    /// still wanted.
    fn settle(&mut self, id: Option<u64>, subject: Subject) -> Option<(Ask, Vec<Subscription>)> {
        let is_it = |one: &Subscription| {
            one.instrument == subject.instrument && one.channel == subject.channel
        };
        let waits = |awaited: &Awaited| awaited.unanswered.iter().any(is_it);
        let index = match id {
            Some(_) => self.find(id).filter(|&index| waits(&self.awaited[index])),
            None => self.awaited.iter().position(waits),
        }?;
        let awaited = &mut self.awaited[index];
        let place = awaited.unanswered.iter().position(is_it)?;
        let subscription = awaited.unanswered.remove(place);
        let is_wanted = !self.left.contains(&subscription);
        let settled = (awaited.ask, is_wanted.then_some(subscription).into_iter().collect());
        if awaited.acceptances >= awaited.unanswered.len() {
            let Awaited { unanswered, .. } = self.awaited.remove(index);
            self.answered.extend(unanswered);
        }
        Some(settled)
    }

    /// A request that was refused as a whole for one subscription of it: the others are asked for
    /// again at once.
    fn ask_for_the_rest(&mut self, id: Option<u64>, ask: Ask) {
        let alone = (self.awaited.len() == 1).then(|| self.awaited[0].id);
        if let Some(rest) = self.take(id.or(alone)) {
            let rest = self.wanted(rest.unanswered);
            self.queue.push_front(Chunk { ask, subscriptions: rest, tries: 0 });
            self.drop_empty();
        }
    }

    /// As many refusals as unanswered subscriptions: those are what was refused.
    fn conclude(&mut self, index: usize) -> Refused {
        let awaited = &self.awaited[index];
        if awaited.refusals < awaited.unanswered.len() {
            return Refused::Pending;
        }
        let awaited = self.awaited.remove(index);
        let wanted = self.wanted(awaited.unanswered);
        self.given_up(awaited.ask, wanted)
    }

    fn halve(&mut self, subscriptions: &[Subscription]) {
        let (one, two) = subscriptions.split_at(subscriptions.len() / 2);
        for half in [two, one] {
            let subscriptions = half.to_vec();
            self.queue.push_front(Chunk { ask: Ask::Subscribe, subscriptions, tries: 0 });
        }
        self.drop_empty();
    }

    /// Chunks of which nothing is wanted any more.
    fn drop_empty(&mut self) {
        self.queue.retain(|chunk| !chunk.subscriptions.is_empty());
    }

    /// What is refused by refusals without a name, now that others were answered.
    pub(super) fn concluded(&mut self) -> Option<Vec<Subscription>> {
        let is_clear = |awaited: &Awaited| {
            awaited.refusals > 0 && awaited.refusals >= awaited.unanswered.len()
        };
        let index = self.awaited.iter().position(is_clear)?;
        match self.conclude(index) {
            Refused::GivenUp(subscriptions) => Some(subscriptions),
            Refused::Unknown | Refused::Pending | Refused::Moot => None,
        }
    }

    /// Gives up waiting for one answer that is overdue, if there is one, and asks again unless
    /// that was done often enough. Returns the number of the request.
    pub(super) fn overdue(&mut self, now: MonoNanos) -> Option<u64> {
        if self.greetings.1 <= now {
            self.greetings.0 = 0;
        }
        let index = self.awaited.iter().position(|awaited| awaited.due <= now)?;
        let awaited = self.awaited.remove(index);
        let Awaited { id, ask, tries, refusals, .. } = awaited;
        let unanswered = self.wanted(awaited.unanswered);
        if ask == Ask::Subscribe && !unanswered.is_empty() {
            if refusals > 0 && unanswered.len() > 1 {
                // Refused as a whole, where single answers were expected.
                self.halve(&unanswered);
            } else if tries < TRIES_MAX {
                self.queue.push_back(Chunk { ask, subscriptions: unanswered, tries });
            } else {
                self.answered.extend(unanswered);
            }
        }
        Some(id)
    }

    /// Subscriptions that were refused for now are asked for again at that time.
    pub(super) fn postpone(&mut self, subscriptions: &[Subscription], until: MonoNanos) {
        self.postponed.extend(subscriptions.iter().map(|&one| (until, one)));
    }

    /// Asks for what was postponed until now.
    pub(super) fn resume(&mut self, now: MonoNanos) {
        let due = self.postponed.extract_if(.., |(at, _)| *at <= now);
        let due: Vec<Subscription> = due.map(|(_, subscription)| subscription).collect();
        self.ask(Ask::Subscribe, &due);
    }

    /// Whether a request waits for its answer.
    #[inline]
    pub(super) fn awaits(&self, id: u64) -> bool {
        self.awaited.iter().any(|awaited| awaited.id == id)
    }

    /// When the next answer is overdue, or something postponed is due.
    pub(super) fn due(&self) -> MonoNanos {
        let greetings = if self.greetings.0 > 0 { self.greetings.1 } else { MonoNanos::MAX };
        let postponed = self.postponed.iter().map(|(at, _)| *at).min().unwrap_or(MonoNanos::MAX);
        self.awaited
            .iter()
            .map(|awaited| awaited.due)
            .min()
            .unwrap_or(MonoNanos::MAX)
            .min(greetings)
            .min(postponed)
    }

    /// Those that nobody has left.
    fn wanted(&self, mut subscriptions: Vec<Subscription>) -> Vec<Subscription> {
        subscriptions.retain(|one| !self.left.contains(one));
        subscriptions
    }

    /// What becomes of refused subscriptions, of which these are still wanted. A stream that cannot
    /// be left is asked for all the same.
    fn given_up(&mut self, ask: Ask, wanted: Vec<Subscription>) -> Refused {
        match ask {
            _ if wanted.is_empty() => Refused::Moot,
            Ask::Subscribe => {
                self.refused.extend(&wanted);
                Refused::GivenUp(wanted)
            }
            Ask::Unsubscribe => Refused::Pending,
        }
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
