//! What the exchange refuses, and what is asked again because of it.

use super::{Ask, Awaited, Chunk, Conclusion, ForNow, Postponed, Said, Subscribing};
use crate::clock::MonoNanos;
use crate::exchange::{Answers, NamedStream, RefusalKind, Subscription};
use crate::limits::REFUSED_UNKNOWN_WAIT;
use crate::tick::Reason;

impl Subscribing {
    /// The exchange refused a request, or the stream of one. One that names neither is an answer to
    /// the request that waits, where answers have no numbers; but nothing is given up for it. Where
    /// they have, it is none to any of them.
    pub(in crate::feed) fn refuse(&mut self, said: Said, now: MonoNanos) -> Conclusion {
        let Said { id, stream, kind } = said;
        if let RefusalKind::Temporary { reason, wait } = kind {
            return self.refuse_for_now(id, stream, (reason, wait), now);
        }
        if let Some(stream) = stream
            && let Some(index) = self.find_subject(id, stream)
            && let request = self.awaited[index].id
            && let Some((ask, wanted)) = self.settle(id, stream)
        {
            if self.manners.answers == Answers::PerRequest {
                self.ask_for_the_rest(request, ask);
            }
            return self.settle_refusal(ask, wanted, kind, now);
        }
        let Some(index) = self.find(id).or_else(|| self.next_in_turn(id, stream)) else {
            self.suspect(id, stream);
            return Conclusion::Unknown;
        };
        let kind = if id.is_some() { kind } else { uncertain(kind) };
        let awaited = &mut self.awaited[index];
        awaited.refusals += 1;
        // Nobody can tell which of them is for which.
        let known = awaited.kind.unwrap_or(kind);
        awaited.kind = Some(if known == kind { kind } else { RefusalKind::Unknown });
        if self.manners.answers == Answers::PerSubscription {
            return self.conclude(index, now);
        }
        let Awaited { ask, unanswered, .. } = self.awaited.remove(index);
        let (count, wanted) = (unanswered.len(), self.wanted(ask, unanswered));
        match count {
            1 => self.settle_refusal(ask, wanted, kind, now),
            _ if ask != Ask::Subscribe => Conclusion::Pending,
            _ => {
                self.halve(&wanted);
                Conclusion::Pending
            }
        }
    }

    /// The exchange ends streams that it had granted, as if it refused them now.
    pub(in crate::feed) fn end(
        &mut self,
        streams: Vec<Subscription>,
        kind: RefusalKind,
        now: MonoNanos,
    ) -> Conclusion {
        let mut idle = self.wanted(Ask::Subscribe, streams);
        idle.retain(|one| !self.is_asking(one));
        // One that is ended again soon after it was granted waits longer each time.
        let kind = match kind {
            RefusalKind::Temporary { reason, wait } => {
                RefusalKind::Temporary { reason, wait: self.patience.ended(&idle, wait, now) }
            }
            other => other,
        };
        self.settle_refusal(Ask::Subscribe, idle, kind, now)
    }

    /// Whether an answer is one to a request that waits for it.
    pub(in crate::feed) fn asks_for(&self, id: Option<u64>, stream: NamedStream) -> bool {
        id.is_some_and(|id| self.awaits(id)) || self.find_subject(None, stream).is_some()
    }

    /// Streams were refused, and no others; these of them are still wanted.
    fn settle_refusal(
        &mut self,
        ask: Ask,
        streams: Vec<Subscription>,
        kind: RefusalKind,
        now: MonoNanos,
    ) -> Conclusion {
        if streams.is_empty() {
            return Conclusion::Moot;
        }
        match (ask, kind) {
            (_, RefusalKind::AlreadySo) => {
                self.agree(ask, streams);
                Conclusion::Pending
            }
            // That it was not there anyway is nobody's business.
            (Ask::Leave, _) => Conclusion::Moot,
            // A stream that cannot be left is asked for all the same.
            (Ask::Part, _) => Conclusion::Pending,
            (Ask::Subscribe, RefusalKind::Permanent | RefusalKind::Fatal { .. }) => {
                self.refused.extend(&streams);
                self.settle_all(&streams);
                Conclusion::GivenUp(streams)
            }
            (Ask::Subscribe, RefusalKind::Temporary { reason, wait }) => {
                self.postpone(ask, streams, (reason, wait), now)
            }
            (Ask::Subscribe, RefusalKind::Unknown) => {
                self.postpone(ask, streams, (Reason::ExchangeError, REFUSED_UNKNOWN_WAIT), now)
            }
        }
    }

    /// A refusal for now: of the stream that it names where each is answered for itself, else of
    /// the whole request.
    fn refuse_for_now(
        &mut self,
        id: Option<u64>,
        stream: Option<NamedStream>,
        cause: ForNow,
        now: MonoNanos,
    ) -> Conclusion {
        let each = self.manners.answers == Answers::PerSubscription;
        let settled = stream.filter(|_| each).and_then(|stream| self.settle(id, stream));
        let refused = settled.or_else(|| {
            let index = self.find_or_alone(id).or_else(|| self.find_subject(id, stream?))?;
            let Awaited { ask, unanswered, .. } = self.awaited.remove(index);
            Some((ask, self.wanted(ask, unanswered)))
        });
        // It may have been about any of those that wait.
        if cause.0 == Reason::RateLimited || refused.is_none() {
            self.awaited.iter_mut().for_each(|awaited| awaited.doubted = Some(cause));
        }
        match refused {
            Some((ask, streams)) => self.postpone(ask, streams, cause, now),
            None => {
                self.patience.refuse(&[], cause.0, cause.1, now);
                Conclusion::Unknown
            }
        }
    }

    /// The request that an answer without any name is about, as answers come in the order of requests
    /// where they have no numbers.
    fn next_in_turn(&self, id: Option<u64>, stream: Option<NamedStream>) -> Option<usize> {
        let is_bare = id.is_none() && stream.is_none();
        let in_turn = self.manners.in_flight_max == 1 && self.awaited.len() == 1;
        (is_bare && in_turn).then_some(0)
    }

    /// An answer without any name, where the others have numbers: of the requests that are never
    /// answered, any may be what was meant.
    fn suspect(&mut self, id: Option<u64>, stream: Option<NamedStream>) {
        if id.is_none() && stream.is_none() {
            self.awaited.iter_mut().for_each(|awaited| awaited.suspected = true);
        }
    }

    /// Asks again when that is due. A stream that cannot be left yet goes on as it is, and is left
    /// and asked for again as one.
    pub(super) fn postpone(
        &mut self,
        ask: Ask,
        streams: Vec<Subscription>,
        (reason, wait): ForNow,
        now: MonoNanos,
    ) -> Conclusion {
        let until = self.patience.refuse(&streams, reason, wait, now);
        if streams.is_empty() {
            return Conclusion::Moot;
        }
        if ask == Ask::Part {
            for chunk in self.queue.iter_mut().filter(|chunk| chunk.ask == Ask::Subscribe) {
                chunk.subscriptions.retain(|one| !streams.contains(one));
            }
            self.drop_empty();
        }
        self.postponed.extend(streams.iter().map(|&one| (until, ask, one)));
        match ask {
            Ask::Subscribe => {
                self.settle_all(&streams);
                Conclusion::Postponed(Postponed { streams, reason, until })
            }
            Ask::Part | Ask::Leave => Conclusion::Pending,
        }
    }

    /// A request that was refused as a whole for one subscription of it: the others are asked for
    /// again at once.
    fn ask_for_the_rest(&mut self, id: u64, ask: Ask) {
        if let Some(rest) = self.take(Some(id)).map(|awaited| awaited.unanswered) {
            let rest = self.wanted(ask, rest);
            self.queue.push_front(Chunk { ask, subscriptions: rest, tries: 0 });
            self.drop_empty();
        }
    }

    /// As many refusals as unanswered subscriptions: those are what was refused.
    fn conclude(&mut self, index: usize, now: MonoNanos) -> Conclusion {
        let awaited = &self.awaited[index];
        if awaited.refusals < awaited.unanswered.len() {
            return Conclusion::Pending;
        }
        let Awaited { ask, unanswered, kind, .. } = self.awaited.remove(index);
        let unanswered = self.wanted(ask, unanswered);
        self.settle_refusal(ask, unanswered, kind.unwrap_or(RefusalKind::Unknown), now)
    }

    pub(super) fn halve(&mut self, subscriptions: &[Subscription]) {
        let (one, two) = subscriptions.split_at(subscriptions.len() / 2);
        for half in [two, one] {
            let subscriptions = half.to_vec();
            self.queue.push_front(Chunk { ask: Ask::Subscribe, subscriptions, tries: 0 });
        }
        self.drop_empty();
    }

    /// What is refused by refusals without a name, now that others were answered.
    pub(in crate::feed) fn concluded(&mut self, now: MonoNanos) -> Option<Conclusion> {
        let is_clear = |awaited: &Awaited| {
            awaited.refusals > 0 && awaited.refusals >= awaited.unanswered.len()
        };
        let index = self.awaited.iter().position(is_clear)?;
        Some(self.conclude(index, now))
    }

    /// Asks for what was postponed until now, in as few messages as it fits.
    pub(in crate::feed) fn resume(&mut self, now: MonoNanos) {
        if self.postponed.is_empty() || now < self.held_until() {
            return;
        }
        for ask in [Ask::Leave, Ask::Part, Ask::Subscribe] {
            let is_due =
                |(at, of, _): &mut (MonoNanos, Ask, Subscription)| *at <= now && *of == ask;
            let due: Vec<_> = self.postponed.extract_if(.., is_due).map(|(.., one)| one).collect();
            self.ask(ask, &due);
            if ask == Ask::Part {
                self.ask(Ask::Subscribe, &due);
            }
        }
    }
}

/// What a refusal comes to of which nobody can be sure what it is about: the stream may be good.
const fn uncertain(kind: RefusalKind) -> RefusalKind {
    match kind {
        RefusalKind::Permanent => RefusalKind::Unknown,
        RefusalKind::Temporary { .. }
        | RefusalKind::AlreadySo
        | RefusalKind::Fatal { .. }
        | RefusalKind::Unknown => kind,
    }
}
