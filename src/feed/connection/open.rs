//! An open connection to an exchange: what it is asked and told, whether it is there, and what it
//! brings. How it came to be open, and what follows its end, is `upstream.rs`.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::chatter::{Chatter, Complaints};
use super::flow::Flow;
use super::pacing::Pacer;
use super::pulse::{Look, Pulse};
use super::rhythm::{Found, Rhythms};
use super::subscribing::{Conclusion, Postponed, Said, Subscribing};
use super::upstream::UpstreamContext;
use crate::clock::MonoNanos;
use crate::exchange::{
    Exchange, NamedStream, RefusalKind, SnapshotSource, StreamKey, Subscription, with_trades,
};
use crate::feed::command::{FeedNotice, Refusal};
use crate::instrument::{Channel, InstrumentId};
use crate::limits::{ENDED_WAIT, UNSENT_TOLD_AFTER};
use crate::metrics::FeedCounters;
use crate::net::{Flush, NetError, Transport, WebSocket};
use crate::proof::ConnectionSequence;
use crate::tick::Reason;

/// Messages of each window that are left to pongs and to questions, which do not wait.
const MESSAGES_SPARED: usize = 2;

/// That a stream is there.
#[derive(Clone, Copy, Debug)]
pub(in crate::feed) struct Sign {
    pub(in crate::feed) stream: Subscription,
    /// It does not only stand in the exchange's answer.
    pub(in crate::feed) speaks: bool,
}

/// Whether a stream is not there because it ought to speak and does not: its next word ends that,
/// and no answer does.
pub(in crate::feed) const fn is_of_silence(reason: Reason) -> bool {
    matches!(reason, Reason::Mute | Reason::Aged)
}

/// Whether it is about how much was said.
const fn is_of_haste(kind: RefusalKind) -> bool {
    matches!(
        kind,
        RefusalKind::AlreadySo | RefusalKind::Temporary { reason: Reason::RateLimited, .. }
    )
}

/// Streams that a connection does not get, and why.
pub(in crate::feed) type Lacks = BTreeMap<StreamKey, (Subscription, Reason)>;

/// An open connection.
#[derive(Debug)]
pub(in crate::feed) struct Open {
    pub(in crate::feed) socket: WebSocket<Transport>,
    pub(in crate::feed) subscribing: Subscribing,
    /// What the connection begins with and was not said yet.
    pub(in crate::feed) greeting: VecDeque<String>,
    /// The socket may hold something to read.
    pub(in crate::feed) readable: bool,
    /// When the last read returned; the stamp of every frame that it completed.
    pub(in crate::feed) received: MonoNanos,
    /// Whether the exchange is there.
    pub(in crate::feed) pulse: Pulse,
    /// Whether it brings anything.
    pub(in crate::feed) flow: Flow,
    /// How much it says without bringing anything.
    pub(in crate::feed) chatter: Chatter,
    /// How much it complains without having been asked anything.
    pub(in crate::feed) complaints: Complaints,
    /// Nobody knows whether what it brought is as it was.
    pub(in crate::feed) is_doubted: bool,
    pub(in crate::feed) since: MonoNanos,
    /// It got data, or an answer to every request, so that the exchange does serve us.
    pub(in crate::feed) is_served: bool,
    /// That was told to the circuit.
    pub(in crate::feed) is_served_told: bool,
    /// Which of its streams speak, and which ought to.
    pub(in crate::feed) rhythms: Rhythms,
    /// It answers, but most of what it carries fell silent.
    pub(in crate::feed) is_barren: bool,
    /// What of it the exchange refuses or does not bring, and why.
    pub(in crate::feed) lacks: Lacks,
    /// What the exchange listed last of what it sends here.
    pub(in crate::feed) listed: Box<[NamedStream]>,
    /// Streams that were accepted, or speak (again), until somebody takes them.
    pub(in crate::feed) signs: Vec<Sign>,
    /// Books whose stream fell silent, until somebody takes them.
    pub(in crate::feed) aged: Vec<InstrumentId>,
    /// Trades that were asked for again, until somebody takes them.
    pub(in crate::feed) doubted: Vec<InstrumentId>,
    /// At the last look everything was subscribed and answered.
    pub(in crate::feed) was_settled: bool,
    /// The numbers of its frames, where they have any.
    pub(in crate::feed) sequence: ConnectionSequence,
    pub(in crate::feed) pacer: Pacer,
    /// Messages of each window that candles leave to what is asked for first.
    pub(in crate::feed) spared_for_prices: usize,
    /// What the exchange said last of how it is.
    pub(in crate::feed) said_of_itself: Reason,
    /// When those who follow what was not asked for yet are told.
    pub(in crate::feed) unsent_told_at: MonoNanos,
    pub(in crate::feed) heartbeat_at: MonoNanos,
}

impl Open {
    /// Looks whether the exchange is there, and asks it where that is in question.
    pub(in crate::feed) fn feel(
        &mut self,
        context: &mut UpstreamContext<'_>,
    ) -> Result<Look, NetError> {
        let look = self.pulse.look(context.now, self.readable);
        match look {
            Look::Fine | Look::Dead => {}
            Look::Answered => context.counters.silence_answers.increment(),
            Look::ReadFirst => self.readable = true,
            Look::Ask => {
                // It waits for no room: what is spared is there, as who is silent asks for nothing.
                self.pacer.note(context.now);
                match context.rules.heartbeat {
                    Some((every, text)) => {
                        self.heartbeat_at = context.now.after(every);
                        self.socket.queue_text(text)?;
                    }
                    None => self.socket.queue_ping(b"")?,
                }
                self.pulse.ask(context.now);
                context.counters.silence_questions.increment();
            }
        }
        Ok(look)
    }

    /// Whether what it brought may be old: it was asked and does not answer, or it answers and
    /// brings nothing though much came before. An answer ends a doubt only where data is not late, so
    /// that slow answers do not make books stale and live by turns.
    pub(in crate::feed) fn doubt(&mut self, context: &mut UpstreamContext<'_>) {
        // Whether it is there comes first.
        let is_cut_off = self.flow.is_cut_off(context.now);
        if is_cut_off && !self.pulse.awaits_answer() {
            self.find_barren(context);
        }
        let lasts = self.is_doubted && self.flow.is_late(context.now);
        self.is_doubted = is_cut_off || lasts || self.pulse.is_doubted();
    }

    /// It answers and brings nothing any more: another one is to be made beside it.
    fn find_barren(&mut self, context: &mut UpstreamContext<'_>) {
        if !std::mem::replace(&mut self.is_barren, true) {
            context.counters.barren_connections.increment();
            let silent = Duration::from_nanos(context.now.since(self.flow.heard()));
            context.notices.push(FeedNotice::Barren { line: context.line, silent });
        }
    }

    /// Whether nobody knows if what it brought is as it was.
    pub(in crate::feed) const fn is_doubted(&self) -> bool {
        self.is_doubted
    }

    /// Until when it would have told what happened: it was there, and brought what it had.
    pub(in crate::feed) fn heard_until(&self) -> MonoNanos {
        match self.is_doubted {
            true => self.pulse.said().min(self.flow.heard()),
            false => self.pulse.said(),
        }
    }

    /// Nobody listened until now: silence is nobody's fault.
    pub(in crate::feed) fn excuse_silence(&mut self, now: MonoNanos) {
        self.pulse.excuse(now);
        self.flow.excuse(now);
        self.rhythms.excuse(now);
    }

    /// Market data came. True when that is news.
    #[inline]
    pub(in crate::feed) fn flows(&mut self, now: MonoNanos) -> bool {
        self.flow.hear(now);
        self.is_doubted
    }

    /// Queues what is due and allowed: requests and heartbeats.
    pub(in crate::feed) fn say<E: Exchange>(
        &mut self,
        exchange: &E,
        context: &mut UpstreamContext<'_>,
    ) -> Result<(), NetError> {
        self.subscribing.resume(context.now);
        while let Some((id, refused)) =
            self.subscribing.overdue(context.now, |one| self.rhythms.speaks(one.stream()))
        {
            context.counters.unanswered.increment();
            context.notices.push(FeedNotice::Unanswered { line: context.line, id });
            if let Conclusion::Unanswered(streams) = refused {
                self.lack(&streams, Reason::Unavailable);
            } else if !matches!(refused, Conclusion::Pending | Conclusion::Moot) {
                let cost = self.refuse(refused, context.now, context.counters);
                let refusal = Refusal { line: context.line, id: Some(id), ..cost };
                context.notices.push(FeedNotice::Refused(Box::new(refusal)));
            }
        }
        while !self.greeting.is_empty() && self.ready_at() <= context.now {
            if let Some(message) = self.greeting.pop_front() {
                self.pacer.note(context.now);
                self.socket.queue_text(&message)?;
            }
        }
        while self.greeting.is_empty()
            && self.ready_at() <= context.now
            && let Some(request) = self.subscribing.next(exchange, context.now)
        {
            self.pacer.note(context.now);
            self.socket.queue_text(&request)?;
        }
        if let Some((every, text)) = context.rules.heartbeat
            && self.heartbeat_at <= context.now
        {
            self.heartbeat_at = context.now.after(every);
            self.pacer.note(context.now);
            self.socket.queue_text(text)?;
        }
        if self.unsent_told_at <= context.now {
            self.unsent_told_at = MonoNanos::MAX;
            let unsent = self.subscribing.unsent();
            self.lack(&unsent, Reason::AwaitingTurn);
        }
        Ok(())
    }

    /// More streams are wanted.
    pub(in crate::feed) fn add(&mut self, added: &[Subscription], now: MonoNanos) {
        self.subscribing.add(added);
        self.unsent_told_at = now.after(UNSENT_TOLD_AFTER);
    }

    /// Messages that wait until they may be sent.
    pub(in crate::feed) fn unsent(&self) -> usize {
        self.greeting.len() + self.subscribing.unsent_requests()
    }

    /// When the last of so many messages may be sent, at the earliest.
    pub(in crate::feed) fn sent_by(&self, messages: usize, now: MonoNanos) -> MonoNanos {
        let spared = MESSAGES_SPARED + self.spared();
        self.pacer.room_for(messages, spared, now).max(self.subscribing.held_until())
    }

    /// When something may be asked: as the exchange's limit has it, and its answers.
    fn ready_at(&self) -> MonoNanos {
        let spared = MESSAGES_SPARED + self.spared();
        self.pacer.ready_at(spared).max(self.subscribing.held_until())
    }

    /// Messages that what is asked next leaves to prices.
    fn spared(&self) -> usize {
        let is_next = self.greeting.is_empty() && self.subscribing.next_is(Channel::Candles);
        if is_next { self.spared_for_prices } else { 0 }
    }

    /// What an error of the exchange is about: a request that waits for its answer; or a stream
    /// that was granted and is named, which it ends. That too much was said ends none.
    pub(in crate::feed) fn blame(&mut self, said: Said, now: MonoNanos) -> Conclusion {
        if let Some(stream) = said.stream
            && !is_of_haste(said.kind)
            && !self.subscribing.asks_for(said.id, stream)
            && let ended = self.rhythms.granted(stream)
            && !ended.is_empty()
        {
            self.rhythms.end(&ended);
            self.doubted.extend(with_trades(&ended));
            return self.subscribing.end(ended, said.kind, now);
        }
        self.subscribing.refuse(said, now)
    }

    /// The exchange says that a stream has ended. Nothing comes of it where that was asked for, or
    /// where it will be asked for anyway; else the exchange has ended it by itself.
    pub(in crate::feed) fn left(
        &mut self,
        id: Option<u64>,
        stream: Option<NamedStream>,
        now: MonoNanos,
    ) -> Option<Conclusion> {
        if self.subscribing.leave_granted(id, stream) {
            return None;
        }
        self.end(stream?, now)
    }

    /// The exchange lists what it sends here: what it does not send any more it has ended by itself,
    /// unless that was asked for. Of what it never listed nobody knows how it would.
    pub(in crate::feed) fn subscribed(
        &mut self,
        listed: Box<[NamedStream]>,
        now: MonoNanos,
    ) -> Vec<Conclusion> {
        let before = std::mem::replace(&mut self.listed, listed);
        let gone: Vec<_> = before.iter().filter(|one| !self.listed.contains(one)).collect();
        gone.into_iter().filter_map(|&stream| self.end(stream, now)).collect()
    }

    /// The exchange has ended a stream that nobody wanted to leave.
    fn end(&mut self, stream: NamedStream, now: MonoNanos) -> Option<Conclusion> {
        let mut ended = self.rhythms.granted(stream);
        ended.retain(|one| !self.subscribing.is_asking(one));
        if ended.is_empty() {
            return None;
        }
        self.rhythms.end(&ended);
        self.doubted.extend(with_trades(&ended));
        let (reason, wait) = (Reason::Unavailable, ENDED_WAIT);
        Some(self.subscribing.end(ended, RefusalKind::Temporary { reason, wait }, now))
    }

    /// The exchange refuses streams, for now or for good: they are not here. Returns which.
    pub(in crate::feed) fn refuse(
        &mut self,
        refused: Conclusion,
        now: MonoNanos,
        counters: &FeedCounters,
    ) -> Refusal {
        let mut cost = Refusal::default();
        let (streams, reason) = match refused {
            Conclusion::GivenUp(streams) => {
                counters.refused_subscriptions.add(streams.len() as u64);
                self.rhythms.give_up(&streams, now);
                cost.given_up.clone_from(&streams);
                (streams, Reason::ExchangeError)
            }
            Conclusion::Postponed(Postponed { streams, reason, until }) => {
                counters.postponed_subscriptions.add(streams.len() as u64);
                self.rhythms.postpone(&streams);
                cost.wait = Duration::from_nanos(until.since(now));
                cost.postponed.clone_from(&streams);
                (streams, reason)
            }
            Conclusion::Pending
            | Conclusion::Unknown
            | Conclusion::Moot
            | Conclusion::Unanswered(_) => {
                return cost;
            }
        };
        self.have(&streams);
        self.lack(&streams, reason);
        cost
    }

    /// These are not here, for that reason unless one is known already. Of what speaks nobody needs
    /// an answer.
    fn lack(&mut self, streams: &[Subscription], reason: Reason) {
        for &one in streams {
            if !self.rhythms.speaks(one.stream()) {
                let known = self.lacks.entry(one.stream()).or_insert((one, reason));
                // Its turn has come.
                if known.1 == Reason::AwaitingTurn {
                    known.1 = reason;
                }
            }
        }
    }

    /// Nothing is known of these any more that would be a reason for them not to be here.
    fn have(&mut self, streams: &[Subscription]) {
        if !self.lacks.is_empty() {
            for one in streams {
                self.lacks.remove(&one.stream());
            }
        }
    }

    /// What of it the exchange refuses, and why.
    pub(in crate::feed) fn lacks(&self) -> impl Iterator<Item = &(Subscription, Reason)> {
        self.lacks.values()
    }

    /// These are not wanted any more, so that nothing lacks.
    pub(in crate::feed) fn leave(&mut self, left: &[Subscription]) {
        self.subscribing.leave(left);
        self.have(left);
    }

    /// A stream that was accepted or speaks, each told once.
    pub(in crate::feed) fn take_sign(&mut self) -> Option<Sign> {
        self.signs.pop()
    }

    /// Says once more what the connection begins with, as it was refused for now.
    pub(in crate::feed) fn greet_again(&mut self, greeting: &[String]) {
        self.greeting = greeting.iter().cloned().collect();
        self.subscribing.greet_again(greeting.len());
    }

    /// Looks at the rhythm of its streams: what fell silent is told and asked for once more.
    pub(in crate::feed) fn listen(&mut self, context: &mut UpstreamContext<'_>) {
        self.rhythms.expect(&self.subscribing.take_answered(), context.now);
        let accepted = self.subscribing.take_accepted();
        // That a silent stream is accepted once more proves nothing.
        if !self.lacks.is_empty() {
            for one in &accepted {
                let lack = self.lacks.get(&one.stream());
                if lack.is_some_and(|(_, reason)| !is_of_silence(*reason)) {
                    self.lacks.remove(&one.stream());
                }
            }
        }
        self.signs.extend(accepted.into_iter().map(|stream| Sign { stream, speaks: false }));
        let Some(found) = self.rhythms.look(context.now) else { return };
        let Found { begun, mute, refused, aged, broken, is_barren } = found;
        if !begun.is_empty() {
            self.have(&begun);
            self.subscribing.hear(&begun);
            self.signs.extend(begun.into_iter().map(|stream| Sign { stream, speaks: true }));
        }
        let begins_whole = context.profile.book.snapshot == SnapshotSource::Stream;
        let tells_itself = |one: &&Subscription| match one.channel {
            Channel::Candles => true,
            Channel::Orderbook | Channel::Quotes | Channel::Ticker => begins_whole,
            Channel::Trades | Channel::Status => false,
        };
        let dumb: Vec<_> = mute.iter().filter(tells_itself).copied().collect();
        self.lack(&dumb, Reason::Mute);
        self.lack(&broken, Reason::Aged);
        // Where being asked for anew brings the present state, that tells a quiet market from a
        // dead stream at once; a book is asked for and told by itself.
        let is_book = |one: &&Subscription| one.channel == Channel::Orderbook;
        let odd: Vec<_> =
            aged.iter().filter(|one| tells_itself(one) && !is_book(one)).copied().collect();
        self.lack(&odd, Reason::Aged);
        if is_barren {
            self.find_barren(context);
        }
        context.counters.mute_subscriptions.add(mute.len() as u64);
        context.counters.aged_streams.add(aged.len() as u64);
        for Subscription { instrument, channel, .. } in &mute {
            let (instrument, channel) = (*instrument, *channel);
            context.notices.push(FeedNotice::Mute { instrument, channel });
        }
        for Subscription { instrument, channel, .. } in &aged {
            let (instrument, channel) = (*instrument, *channel);
            context.notices.push(FeedNotice::Aged { instrument, channel });
            if channel == Channel::Orderbook {
                self.aged.push(instrument);
            }
        }
        for again in [&mute, &refused, &aged] {
            context.counters.resubscriptions.add(again.len() as u64);
            self.subscribing.renew(again);
            self.doubted.extend(with_trades(again));
        }
    }

    /// A book whose stream fell silent, each told once.
    pub(in crate::feed) fn take_aged(&mut self) -> Option<InstrumentId> {
        self.aged.pop()
    }

    /// Trades that were asked for again since they fell silent, each told once.
    pub(in crate::feed) fn take_doubted(&mut self) -> Option<InstrumentId> {
        self.doubted.pop()
    }

    /// Everything is subscribed and answered, and was not at the last call.
    pub(in crate::feed) fn has_settled(&mut self, now: MonoNanos) -> bool {
        let is_settled = self.subscribing.is_done();
        let was_settled = std::mem::replace(&mut self.was_settled, is_settled);
        if is_settled && !was_settled && !self.flow.is_late(now) {
            // What was just subscribed has told its books at once: that is no rhythm.
            self.flow = Flow::new(now);
        }
        is_settled && !was_settled
    }

    /// Queues a ping with a ticket, which the answer shows.
    pub(in crate::feed) fn ask_for_sign(&mut self, ticket: u64, now: MonoNanos) {
        self.pacer.note(now);
        // A connection that is closing has nothing to show any more.
        let _ = self.socket.queue_ping(&ticket.to_be_bytes());
    }

    /// Writes what waits; what the kernel refuses goes when the socket is writable again.
    pub(in crate::feed) fn flush(&mut self) -> Result<(), NetError> {
        if self.wants_write() {
            let (Flush::Done | Flush::Blocked) = self.socket.flush()?;
        }
        Ok(())
    }

    pub(in crate::feed) fn wants_write(&self) -> bool {
        self.socket.control_pending() || self.socket.transport().wants_write()
    }

    /// A ping was answered, which counts as a message of ours.
    pub(in crate::feed) fn ponged(&mut self, now: MonoNanos) {
        self.pacer.note(now);
    }

    pub(in crate::feed) fn due(&self) -> MonoNanos {
        let request = match self.greeting.is_empty() && !self.subscribing.may_send() {
            true => MonoNanos::MAX,
            false => self.ready_at(),
        };
        // Once it is told that nothing comes, the next event or its end is news.
        let flow = if self.is_doubted { MonoNanos::MAX } else { self.flow.due() };
        self.pulse
            .due()
            .min(flow)
            .min(self.subscribing.due())
            .min(self.rhythms.due())
            .min(request)
            .min(self.unsent_told_at)
            .min(self.heartbeat_at)
    }
}
