//! Hearing clients: their messages, bounded per turn, and the way of each to its answer.

use mio::Token;

use super::Broadcaster;
use crate::client::{Charge, CloseReason, Phase, Range, Session, request_cost};
use crate::clock::MonoNanos;
use crate::dialect::{Answer, Dialect, Incoming, Re, Refusal, Request, RequestId};
use crate::limits::{
    FRAGMENTED_BYTES_MAX, MESSAGES_PER_TURN, REQUEST_COST_BYTES, REQUESTS_PER_TURN_MAX,
};
use crate::net::{Fill, Message, Watch};

/// One turn's outcome for one socket.
enum Heard {
    /// There may be more to read.
    More,
    /// The socket will tell.
    Nothing,
    /// What the client asked for is told first.
    Busy,
    /// It has brought crumbs enough for now.
    PutOff,
    /// The connection is gone.
    Ended,
}

impl Broadcaster {
    /// Reads what clients sent: some messages of each, those that wait longest first, and no more
    /// in one turn than all of them together may take. The rest stays in the kernel, where it costs
    /// its sender alone.
    pub(super) fn take_requests(&mut self, now: MonoNanos) -> usize {
        self.hearing_left = REQUESTS_PER_TURN_MAX;
        let mut work = 0;
        while let Some(slot) = self.sessions.pop_due(now) {
            self.watch(slot, Watch::All);
            self.sessions.mark_readable(slot);
        }
        for _ in 0..self.sessions.readable.len() {
            if self.hearing_left == 0 {
                break;
            }
            let Some(slot) = self.sessions.readable.pop_front() else { break };
            work += 1;
            if let Some(session) = self.sessions.get_mut(slot) {
                session.is_readable = false;
            }
            let before = self.hearing_left;
            match self.hear(slot, now) {
                Heard::More => self.sessions.mark_readable(slot),
                Heard::Nothing | Heard::Busy => {}
                Heard::PutOff => {
                    self.counters.reads_put_off.increment();
                    self.sessions.put_off(slot, now);
                    self.watch(slot, Watch::Writing);
                }
                Heard::Ended => self.end(slot),
            }
            self.hearing_left = self.hearing_left.min(before - 1);
        }
        work
    }

    /// Watches a session's socket, or not for what it sends. Where the system refuses, it is woken
    /// for nothing, or reads what is there without having been told.
    fn watch(&mut self, slot: u32, what: Watch) {
        let Some(session) = self.sessions.get_mut(slot) else { return };
        let transport = session.socket.transport_mut();
        if let Err(error) = transport.watch(self.poller.registry(), Token(slot as usize), what) {
            tracing::debug!(peer = %session.peer, %error, "cannot change how a socket is watched");
        }
    }

    /// Hears one session, up to a bound.
    fn hear(&mut self, slot: u32, now: MonoNanos) -> Heard {
        let Some(session) = self.sessions.get_mut(slot) else { return Heard::Nothing };
        if session.phase == Phase::Ended {
            return Heard::Nothing;
        }
        if !session.is_open() && !session.crumbs.take(now) {
            return Heard::PutOff;
        }
        for _ in 0..MESSAGES_PER_TURN {
            let Some(session) = self.sessions.get_mut(slot) else { return Heard::Nothing };
            if session.answer.is_some() {
                return Heard::Busy;
            }
            if self.hearing_left == 0 {
                return Heard::More;
            }
            let next = session.socket.next();
            let is_binary = matches!(next, Ok(Some(Message::Binary(_))));
            match next {
                Ok(Some(Message::Text(frame) | Message::Binary(frame))) => {
                    let bytes = frame.bytes().len();
                    let charge = session.bucket.charge(bytes, now);
                    if charge == Charge::Paid || bytes <= REQUEST_COST_BYTES {
                        self.message.clear();
                        self.message.extend_from_slice(frame.bytes());
                        self.message_is_binary = is_binary;
                    }
                    self.heard(slot, bytes);
                    self.answer(slot, (charge, bytes), now);
                }
                Ok(Some(Message::Ping | Message::Pong(_))) => {
                    let charge = session.bucket.charge(0, now);
                    self.heard(slot, 0);
                    self.sessions.mark_urgent(slot);
                    if charge == Charge::Offence {
                        self.close_offender(slot, now);
                    }
                }
                Ok(Some(Message::Part(_))) => {}
                Ok(Some(Message::Close { code, .. })) => {
                    tracing::debug!(peer = %session.peer, code, "a client closed");
                    session.closed_by_peer(&mut self.buffers.chunks, now);
                    self.sessions.mark_urgent(slot);
                }
                Ok(None) => match self.read(slot, now) {
                    Heard::More => {}
                    other => return other,
                },
                Err(error) => {
                    tracing::debug!(peer = %session.peer, %error, "a client broke the protocol");
                    self.counters.bad_requests.increment();
                    session.failed(&mut self.buffers.chunks, now);
                    self.sessions.mark_urgent(slot);
                }
            }
        }
        Heard::More
    }

    /// Reads one session's socket once, if it may be read.
    fn read(&mut self, slot: u32, now: MonoNanos) -> Heard {
        let Some(session) = self.sessions.get_mut(slot) else { return Heard::Nothing };
        if !session.may_read(now) {
            return Heard::PutOff;
        }
        match session.socket.fill() {
            Ok(Fill::Read(bytes)) => {
                session.has_read(bytes);
                let is_flood = session.bytes_unfinished > FRAGMENTED_BYTES_MAX;
                self.hearing_left = self.hearing_left.saturating_sub(request_cost(bytes));
                if is_flood {
                    self.close_offender(slot, now);
                }
                Heard::More
            }
            Ok(Fill::Blocked) => {
                session.is_blocked();
                Heard::Nothing
            }
            Err(_) => Heard::Ended,
        }
    }

    /// A whole message of a client came: a sign of life, and part of what is heard in this turn.
    fn heard(&mut self, slot: u32, bytes: usize) {
        self.hearing_left = self.hearing_left.saturating_sub(request_cost(bytes));
        self.counters.messages.increment();
        if let Some(session) = self.sessions.get_mut(slot) {
            session.is_heard();
        }
    }

    /// Closes a client that goes on though it was refused often enough.
    #[cold]
    fn close_offender(&mut self, slot: u32, now: MonoNanos) {
        if self.sessions.get(slot).is_some_and(Session::is_open) {
            self.counters.offender_closes.increment();
            self.close(slot, CloseReason::TooManyRequests, now);
        }
    }

    /// Answers a message of so many bytes. It was copied out of the session's connection, unless it
    /// is refused and large: then nobody reads it, not even for its id.
    fn answer(&mut self, slot: u32, (charge, bytes): (Charge, usize), now: MonoNanos) {
        if !self.sessions.get(slot).is_some_and(Session::is_open) {
            return;
        }
        match charge {
            Charge::Paid => self.answer_copied(slot, true),
            Charge::Refused => {
                self.counters.rate_limited.increment();
                if bytes <= REQUEST_COST_BYTES {
                    self.answer_copied(slot, false);
                } else {
                    self.refuse_unread(slot);
                }
            }
            Charge::Offence => self.close_offender(slot, now),
        }
    }

    /// Answers the message that was copied out of the session's connection.
    fn answer_copied(&mut self, slot: u32, within_rate: bool) {
        let Some(session) = self.sessions.get(slot) else { return };
        let (bytes, is_binary) = (&self.message[..], self.message_is_binary);
        let message = if is_binary { Incoming::binary(bytes) } else { Incoming::text(bytes) };
        let (dialect, asked) = session.dialects.read(&message);
        let id = asked.request_id.as_ref();
        let done = match asked.request {
            Ok(request) if within_rate => self.serve(slot, dialect, id, request),
            Err(error) if within_rate => Err(Refusal::Unread(error)),
            Ok(_) | Err(_) => Err(Refusal::RateLimited),
        };
        if let Err(refusal) = done {
            self.refuse(slot, dialect, id, &refusal);
        }
    }

    /// Sends a session the answer to a request.
    pub(super) fn reply(
        &mut self,
        slot: u32,
        dialect: Dialect,
        id: Option<&RequestId>,
        answer: &Answer<'_>,
    ) {
        if let Some(range) = self.answer_frame(dialect, id, answer) {
            self.sessions.send(slot, range);
            self.sessions.mark_urgent(slot);
        }
    }

    /// The same of an answer that may be large: what a session asked for makes it no slow one.
    pub(super) fn reply_owed(
        &mut self,
        slot: u32,
        dialect: Dialect,
        id: Option<&RequestId>,
        answer: &Answer<'_>,
    ) {
        if let Some(range) = self.answer_frame(dialect, id, answer) {
            self.sessions.send_owed(slot, range);
        }
    }

    fn answer_frame(
        &mut self,
        dialect: Dialect,
        request_id: Option<&RequestId>,
        answer: &Answer<'_>,
    ) -> Option<Range> {
        let re = Re { request_id, date: self.glossary.date };
        self.buffers.arena.frame(|out| dialect.speech().answer(out, answer, re))
    }

    /// Refuses a message that nobody read.
    fn refuse_unread(&mut self, slot: u32) {
        let Some(session) = self.sessions.get(slot) else { return };
        self.refuse(slot, session.dialects.last(), None, &Refusal::RateLimited);
    }

    pub(super) fn refuse(
        &mut self,
        slot: u32,
        dialect: Dialect,
        id: Option<&RequestId>,
        refusal: &Refusal,
    ) {
        self.counters.bad_requests.increment();
        self.reply(slot, dialect, id, &Answer::Refused(refusal));
    }

    /// Does what a request asks, or says why not.
    fn serve(
        &mut self,
        slot: u32,
        dialect: Dialect,
        id: Option<&RequestId>,
        request: Request,
    ) -> Result<(), Refusal> {
        match request {
            Request::Subscribe(asked) => self.subscribe(slot, dialect, id, asked)?,
            Request::Unsubscribe(asked) => self.unsubscribe(slot, dialect, id, asked)?,
            Request::Ping => self.reply(slot, dialect, id, &Answer::Pong),
            Request::Subscriptions => self.list_subscriptions(slot, dialect, id),
            Request::History(asked) => self.tell_history(slot, dialect, id, &asked)?,
            Request::Instruments { exchange } => {
                self.tell_instruments(slot, dialect, id, exchange);
            }
        }
        Ok(())
    }
}
