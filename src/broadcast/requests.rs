//! Hearing clients: their messages, bounded per turn, and the way of each to its answer.

use std::sync::Arc;

use mio::Token;

use super::Broadcaster;
use super::words::Words;
use crate::client::dialect::actions::Request;
use crate::client::dialect::actions::encode::{self as actions, Tail};
use crate::client::dialect::commands::{Command, encode as commands};
use crate::client::dialect::{Asked, BadRequest, ErrorCode, Parsed, RequestId, parse};
use crate::client::{Charge, CloseReason, Dialect, Phase, Session, request_cost};
use crate::clock::MonoNanos;
use crate::instrument::{Channel, ExchangeId, Symbol};
use crate::limits::{
    FRAGMENTED_BYTES_MAX, MESSAGES_PER_TURN, REQUEST_COST_BYTES, REQUESTS_PER_TURN_MAX,
};
use crate::net::{Fill, Message, Watch};
use crate::tick::Interval;

/// Why a request that reads well is refused.
pub(super) enum Refused {
    /// Its exchange does not list it, where that is known; these names come nearest.
    UnknownSymbol {
        name: String,
        unlisted: Option<(ExchangeId, Arc<[Symbol]>)>,
    },
    /// Nothing of what the name means has the channel; these it has.
    UnknownChannel {
        name: String,
        channel: Channel,
        channels: Vec<Channel>,
    },
    /// Nothing of what the name means has candles of that length; of these it has.
    UnknownInterval {
        name: String,
        interval: Interval,
        intervals: Vec<Interval>,
    },
    NotSubscribed(String),
    TooManySymbols {
        max: usize,
    },
    SeveralInstruments(String),
    RateLimited,
    Binary,
    Unread(BadRequest),
}

impl Refused {
    const fn code(&self) -> ErrorCode {
        match self {
            Self::UnknownSymbol { .. } => ErrorCode::UnknownSymbol,
            Self::UnknownChannel { .. } | Self::UnknownInterval { .. } => ErrorCode::UnknownChannel,
            Self::NotSubscribed(_) => ErrorCode::NotSubscribed,
            Self::TooManySymbols { .. } => ErrorCode::TooManySymbols,
            Self::SeveralInstruments(_) | Self::Binary => ErrorCode::BadRequest,
            Self::RateLimited => ErrorCode::RateLimited,
            Self::Unread(error) => error.code(),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::UnknownSymbol { name, unlisted: None } => format!(
                "no exchange here carries {name:?}; ask for \"instruments\" to see which there are"
            ),
            Self::UnknownSymbol { name, unlisted: Some((exchange, nearest)) } => {
                let nearest: Vec<&str> = nearest.iter().map(Symbol::as_str).collect();
                let remedy = match nearest[..] {
                    [] => "ask for \"instruments\" to see which there are".to_owned(),
                    _ => format!("nearest to it: {}", nearest.join(", ")),
                };
                format!("{exchange} does not list {name:?}; {remedy}")
            }
            Self::UnknownChannel { name, channel, channels } => {
                let there: Vec<&str> = channels.iter().map(|channel| channel.name()).collect();
                let (channel, there) = (channel.name(), there.join(", "));
                format!("channel {channel:?} is not carried for {name:?}; carried: {there}")
            }
            Self::UnknownInterval { name, interval, intervals } => {
                let there: Vec<&str> = intervals.iter().map(|interval| interval.name()).collect();
                let (interval, there) = (interval.name(), there.join(", "));
                format!(
                    "there are no candles of interval {interval:?} for {name:?}; name one of {there}"
                )
            }
            Self::NotSubscribed(name) => {
                format!("Cannot unsubscribe: {name:?} is not subscribed on these channels")
            }
            Self::TooManySymbols { max } => {
                format!("Cannot subscribe: would exceed maximum of {max} symbols")
            }
            Self::SeveralInstruments(name) => {
                format!("{name:?} stands for several instruments; name one like binance:BTC/USDT")
            }
            Self::RateLimited => {
                "too many requests; send fewer than 50 a second, or 50 KiB".to_owned()
            }
            Self::Binary => "requests are JSON in text messages, not binary".to_owned(),
            Self::Unread(error) => error.to_string(),
        }
    }
}

impl From<BadRequest> for Refused {
    fn from(error: BadRequest) -> Self {
        Self::Unread(error)
    }
}

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
            match session.socket.next() {
                Ok(Some(Message::Text(frame))) => {
                    let bytes = frame.bytes().len();
                    let charge = session.bucket.charge(bytes, now);
                    if charge == Charge::Paid || bytes <= REQUEST_COST_BYTES {
                        self.message.clear();
                        self.message.extend_from_slice(frame.bytes());
                    }
                    self.heard(slot, bytes);
                    self.answer(slot, (charge, bytes), now);
                }
                Ok(Some(Message::Binary(frame))) => {
                    let bytes = frame.bytes().len();
                    let charge = session.bucket.charge(bytes, now);
                    self.heard(slot, bytes);
                    match charge {
                        Charge::Paid => self.refuse(slot, None, &Refused::Binary),
                        Charge::Refused => self.refuse(slot, None, &Refused::RateLimited),
                        Charge::Offence => self.close_offender(slot, now),
                    }
                }
                Ok(Some(Message::Ping | Message::Pong(_))) => {
                    let charge = session.bucket.charge(0, now);
                    self.heard(slot, 0);
                    self.sessions.mark_dirty(slot);
                    if charge == Charge::Offence {
                        self.close_offender(slot, now);
                    }
                }
                Ok(Some(Message::Part(_))) => {}
                Ok(Some(Message::Close { code, .. })) => {
                    tracing::debug!(peer = %session.peer, code, "a client closed");
                    session.closed_by_peer(&mut self.shared.chunks, now);
                    self.sessions.mark_dirty(slot);
                }
                Ok(None) => match self.read(slot, now) {
                    Heard::More => {}
                    other => return other,
                },
                Err(error) => {
                    tracing::debug!(peer = %session.peer, %error, "a client broke the protocol");
                    self.counters.bad_requests.increment();
                    session.failed(&mut self.shared.chunks, now);
                    self.sessions.mark_dirty(slot);
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
                    self.refuse(slot, None, &Refused::RateLimited);
                }
            }
            Charge::Offence => self.close_offender(slot, now),
        }
    }

    /// Answers the message that was copied out of the session's connection.
    fn answer_copied(&mut self, slot: u32, within_rate: bool) {
        let message = std::mem::take(&mut self.message);
        let parsed = parse(&message);
        self.message = message;
        match parsed {
            Parsed::Actions(Asked { request_id, request }) => {
                let id = request_id.as_ref();
                let done = if within_rate {
                    request.map_err(Refused::from).and_then(|asked| self.act(slot, id, asked))
                } else {
                    Err(Refused::RateLimited)
                };
                if let Err(refused) = done {
                    self.refuse_in(Dialect::Actions, slot, id, &refused);
                }
            }
            Parsed::Commands(Asked { request_id, request }) => {
                let id = request_id.as_ref();
                let done = if within_rate {
                    request.map_err(Refused::from).and_then(|asked| self.obey(slot, id, asked))
                } else {
                    Err(Refused::RateLimited)
                };
                if let Err(refused) = done {
                    self.refuse_in(Dialect::Commands, slot, id, &refused);
                }
            }
        }
    }

    /// Sends a session one frame of its own.
    pub(super) fn reply(&mut self, slot: u32, encode: impl FnOnce(&Words, &mut Vec<u8>)) {
        let words = &self.words;
        let range = self.shared.arena.frame(|out| encode(words, out));
        self.sessions.send(slot, range);
    }

    /// Refuses what is of no dialect, or what nobody read for it.
    fn refuse(&mut self, slot: u32, id: Option<&RequestId>, refused: &Refused) {
        self.refuse_in(Dialect::Actions, slot, id, refused);
    }

    pub(super) fn refuse_in(
        &mut self,
        dialect: Dialect,
        slot: u32,
        id: Option<&RequestId>,
        refused: &Refused,
    ) {
        self.counters.bad_requests.increment();
        let (code, text) = (refused.code(), refused.text());
        let tail = self.tail(id);
        self.reply(slot, |_, out| match dialect {
            Dialect::Actions => actions::error(out, code, &text, tail),
            Dialect::Commands => commands::failure(out, id, code, &text),
        });
    }

    pub(super) const fn tail<'a>(&self, request_id: Option<&'a RequestId>) -> Tail<'a> {
        Tail { request_id, date: self.words.date }
    }

    /// Dialect 1.
    fn act(&mut self, slot: u32, id: Option<&RequestId>, asked: Request) -> Result<(), Refused> {
        let tail = self.tail(id);
        match asked {
            Request::Subscribe(subscribe) => self.subscribe(slot, id, subscribe)?,
            Request::Unsubscribe(unsubscribe) => self.unsubscribe(slot, id, unsubscribe)?,
            Request::Ping => self.reply(slot, |_, out| actions::pong(out, tail)),
            Request::Subscriptions => self.list_subscriptions(slot, id),
            Request::History(history) => self.tell_history(slot, id, &history)?,
            Request::Instruments { exchange } => {
                self.tell_instruments(slot, id, Dialect::Actions, exchange);
            }
        }
        Ok(())
    }

    /// Dialect 2.
    fn obey(&mut self, slot: u32, id: Option<&RequestId>, asked: Command) -> Result<(), Refused> {
        let date = self.words.date;
        match asked {
            Command::Follow { assets, interval } => self.follow(slot, id, &assets, interval)?,
            Command::Unfollow { assets } => self.unfollow(slot, id, assets)?,
            Command::Instruments { exchange } => {
                self.tell_instruments(slot, id, Dialect::Commands, exchange);
            }
            Command::History { asset, interval, range } => {
                self.tell_past(slot, id, &asset, interval, range)?;
            }
            Command::Ping => self.reply(slot, |_, out| commands::pong(out, id, date)),
        }
        Ok(())
    }
}
