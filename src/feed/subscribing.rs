//! What one connection still has to ask for, and what it waits to hear about.
//!
//! Subscriptions go out in chunks, each in a message of its own number. When the exchange refuses
//! a chunk, it is halved and asked for again, until the one subscription that is at fault stands
//! alone and is given up; so a bad symbol never sinks the others.

use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::MonoNanos;
use crate::exchange::{Exchange, Request, Subscription};

/// Subscriptions in one request; what exchanges are known to take.
const CHUNK: usize = 200;

/// An answer that takes longer is not expected any more.
const ACK_TIMEOUT: Duration = Duration::from_secs(10);

/// How often an unanswered request is made.
const TRIES_MAX: u8 = 3;

/// Subscriptions that go together.
#[derive(Clone, Debug)]
struct Chunk {
    subscriptions: Vec<Subscription>,
    tries: u8,
}

/// A request without an answer yet.
#[derive(Debug)]
struct Awaited {
    id: u64,
    due: MonoNanos,
    chunk: Chunk,
}

/// What an exchange's refusal comes to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Not one of our requests, as far as it can be told.
    Unknown,
    /// Its parts are asked for again.
    Halved,
    /// This subscription alone; it is given up.
    GivenUp(Subscription),
}

/// The requests of one connection.
#[derive(Debug, Default)]
pub(super) struct Subscribing {
    queue: VecDeque<Chunk>,
    awaited: Vec<Awaited>,
    next_id: u64,
}

impl Subscribing {
    /// Everything that is to be subscribed on a connection that has just opened.
    pub(super) fn new(subscriptions: &[Subscription]) -> Self {
        let queue = subscriptions
            .chunks(CHUNK)
            .map(|chunk| Chunk { subscriptions: chunk.to_vec(), tries: 0 })
            .collect();
        Self { queue, awaited: Vec::new(), next_id: 1 }
    }

    /// Asks once more for what was accepted and stayed without data.
    pub(super) fn again(&mut self, subscriptions: Vec<Subscription>) {
        let mut again = Self::new(&subscriptions);
        self.queue.append(&mut again.queue);
    }

    /// Words the next request; empty when there is none.
    pub(super) fn next<E: Exchange>(&mut self, exchange: &E, now: MonoNanos) -> Vec<Request> {
        let Some(mut chunk) = self.queue.pop_front() else { return Vec::new() };
        chunk.tries += 1;
        let requests = exchange.subscribe(&chunk.subscriptions, &mut self.next_id);
        self.awaited.extend(requests.iter().map(|request| Awaited {
            id: request.id,
            due: now.after(ACK_TIMEOUT),
            chunk: Chunk { subscriptions: request.covers.clone(), tries: chunk.tries },
        }));
        requests
    }

    /// Everything was asked for.
    pub(super) fn is_sent(&self) -> bool {
        self.queue.is_empty()
    }

    /// Everything was asked for and answered.
    pub(super) fn is_done(&self) -> bool {
        self.queue.is_empty() && self.awaited.is_empty()
    }

    /// The exchange accepted a request: the oldest one where it does not say which.
    pub(super) fn accept(&mut self, id: Option<u64>) {
        self.take(id.or(self.awaited.first().map(|awaited| awaited.id)));
    }

    /// The exchange refused a request. Without a number it can only be told when one waits alone.
    pub(super) fn refuse(&mut self, id: Option<u64>) -> Refused {
        let alone = (self.awaited.len() == 1).then(|| self.awaited[0].id);
        let Some(Awaited { chunk, .. }) = self.take(id.or(alone)) else { return Refused::Unknown };
        if let [only] = chunk.subscriptions[..] {
            return Refused::GivenUp(only);
        }
        let (one, two) = chunk.subscriptions.split_at(chunk.subscriptions.len() / 2);
        for half in [two, one] {
            self.queue.push_front(Chunk { subscriptions: half.to_vec(), tries: 0 });
        }
        Refused::Halved
    }

    /// Gives up waiting for one answer that is overdue, if there is one, and asks again unless
    /// that was done often enough. Returns the number of the request.
    pub(super) fn overdue(&mut self, now: MonoNanos) -> Option<u64> {
        let late = self.awaited.iter().find(|awaited| awaited.due <= now)?.id;
        let awaited = self.take(Some(late))?;
        if awaited.chunk.tries < TRIES_MAX {
            self.queue.push_back(awaited.chunk);
        }
        Some(late)
    }

    /// When the next answer is overdue.
    pub(super) fn due(&self) -> MonoNanos {
        self.awaited.iter().map(|awaited| awaited.due).min().unwrap_or(MonoNanos::MAX)
    }

    fn take(&mut self, id: Option<u64>) -> Option<Awaited> {
        let index = self.awaited.iter().position(|awaited| Some(awaited.id) == id)?;
        Some(self.awaited.remove(index))
    }
}

#[cfg(test)]
mod tests {
    use arrayvec::ArrayString;

    use super::*;
    use crate::exchange::binance::Binance;
    use crate::instrument::{Channel, ExchangeId, InstrumentId};

    const NOW: MonoNanos = MonoNanos(1);

    fn subscriptions(count: u32) -> Vec<Subscription> {
        (0..count)
            .map(|index| Subscription {
                instrument: InstrumentId(index),
                native: ArrayString::from(&format!("S{index}USDT")).expect("short"),
                channel: Channel::Trades,
                interval: None,
            })
            .collect()
    }

    #[test]
    fn everything_is_asked_for_in_chunks_and_answered_by_number() {
        let binance = Binance::new(ExchangeId::Binance);
        let mut subscribing = Subscribing::new(&subscriptions(450));
        let mut messages = Vec::new();
        while !subscribing.is_sent() {
            messages.extend(subscribing.next(&binance, NOW));
        }
        assert_eq!(messages.len(), 3);
        assert!(!subscribing.is_done());
        for id in [2, 1, 3, 3, 99] {
            subscribing.accept(Some(id));
        }
        assert!(subscribing.is_done());
        assert_eq!(subscribing.due(), MonoNanos::MAX);
    }

    #[test]
    fn one_bad_symbol_is_found_and_given_up_alone() {
        let binance = Binance::new(ExchangeId::Binance);
        let all = subscriptions(200);
        let bad = all[137];
        let mut subscribing = Subscribing::new(&all);
        let (mut requests, mut accepted, mut given_up) = (0, 0, Vec::new());
        while !subscribing.is_done() {
            for message in subscribing.next(&binance, NOW) {
                requests += 1;
                let id = Some(message.id);
                let message = message.text;
                if message.contains("\"s137usdt@") {
                    if let Refused::GivenUp(subscription) = subscribing.refuse(id) {
                        given_up.push(subscription);
                    }
                } else {
                    accepted += message.matches("@trade").count();
                    subscribing.accept(id);
                }
            }
        }
        assert_eq!(given_up, [bad]);
        assert_eq!(accepted, 199);
        assert!(requests < 20, "{requests} requests for 200 names");
    }

    #[test]
    fn a_request_without_an_answer_is_repeated_a_few_times() {
        let binance = Binance::new(ExchangeId::Binance);
        let mut subscribing = Subscribing::new(&subscriptions(1));
        let mut now = NOW;
        let mut overdue = Vec::new();
        while !subscribing.is_done() {
            subscribing.next(&binance, now);
            assert_eq!(subscribing.overdue(now), None);
            now = subscribing.due();
            overdue.extend(subscribing.overdue(now));
        }
        assert_eq!(overdue, [1, 2, 3]);
    }

    #[test]
    fn answers_without_a_number_go_to_whoever_waits() {
        let binance = Binance::new(ExchangeId::Binance);
        let mut subscribing = Subscribing::new(&subscriptions(201));
        assert_eq!(subscribing.refuse(None), Refused::Unknown);
        subscribing.next(&binance, NOW);
        subscribing.next(&binance, NOW);
        assert_eq!(subscribing.refuse(None), Refused::Unknown);
        subscribing.accept(None);
        assert!(matches!(subscribing.refuse(None), Refused::GivenUp(_)));
        assert!(subscribing.is_done());
    }
}
