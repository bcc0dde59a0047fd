//! Hearing clients: their messages, bounded per turn, and the way of each to its answer.

use std::sync::Arc;

use super::Broadcaster;
use super::words::Words;
use crate::client::dialect::actions::Request;
use crate::client::dialect::actions::encode::{self as actions, Tail};
use crate::client::dialect::commands::{Command, encode as commands};
use crate::client::dialect::{Asked, BadRequest, ErrorCode, Parsed, RequestId, parse};
use crate::clock::MonoNanos;
use crate::instrument::{Channel, ExchangeId, Symbol};
use crate::limits::{LARGE_ANSWERS_PER_TURN, MESSAGES_PER_TURN};
use crate::net::{Fill, Message};
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
            Self::RateLimited => "too many requests; send fewer than 50 a second".to_owned(),
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
    /// The connection is gone.
    Ended,
}

impl Broadcaster {
    /// Reads what clients sent, some messages of each.
    pub(super) fn take_requests(&mut self, now: MonoNanos) -> usize {
        self.large_answers = 0;
        let mut slots = std::mem::take(&mut self.slots);
        std::mem::swap(&mut slots, &mut self.sessions.readable);
        let work = slots.len();
        for slot in slots.drain(..) {
            if let Some(session) = self.sessions.get_mut(slot) {
                session.is_readable = false;
            }
            if self.large_answers >= LARGE_ANSWERS_PER_TURN {
                self.sessions.mark_readable(slot);
                continue;
            }
            match self.hear(slot, now) {
                Heard::More => self.sessions.mark_readable(slot),
                Heard::Nothing => {}
                Heard::Ended => self.end(slot),
            }
        }
        self.slots = slots;
        work
    }

    /// Reads one session's socket, up to a bound.
    fn hear(&mut self, slot: u32, now: MonoNanos) -> Heard {
        for _ in 0..MESSAGES_PER_TURN {
            let Some(session) = self.sessions.get_mut(slot) else { return Heard::Nothing };
            match session.socket.next() {
                Ok(Some(Message::Text(frame))) => {
                    self.message.clear();
                    self.message.extend_from_slice(frame.bytes());
                    session.heartbeat.answered();
                    if session.is_open() {
                        let before = self.large_answers;
                        self.answer(slot, now);
                        if self.large_answers > before {
                            return Heard::More;
                        }
                    }
                }
                Ok(Some(Message::Binary(_))) => {
                    session.heartbeat.answered();
                    self.refuse(slot, None, &Refused::Binary);
                }
                Ok(Some(Message::Ping | Message::Pong(_))) => {
                    session.heartbeat.answered();
                    self.sessions.mark_dirty(slot);
                }
                Ok(Some(Message::Part(_))) => {}
                Ok(Some(Message::Close { code, .. })) => {
                    tracing::debug!(peer = %session.peer, code, "a client closed");
                    session.closed_by_peer(&mut self.shared.chunks, now);
                    self.sessions.mark_dirty(slot);
                }
                Ok(None) => match session.socket.fill() {
                    Ok(Fill::Read(_)) => {}
                    Ok(Fill::Blocked) => return Heard::Nothing,
                    Err(_) => return Heard::Ended,
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

    /// Answers the message that was copied out of the session's connection.
    fn answer(&mut self, slot: u32, now: MonoNanos) {
        let message = std::mem::take(&mut self.message);
        let parsed = parse(&message);
        self.message = message;
        let within_rate =
            self.sessions.get_mut(slot).is_some_and(|session| session.bucket.take(now));
        match parsed {
            Parsed::Actions(Asked { request_id, request }) => {
                let id = request_id.as_ref();
                let done = if within_rate {
                    request.map_err(Refused::from).and_then(|asked| self.act(slot, id, asked))
                } else {
                    Err(Refused::RateLimited)
                };
                if let Err(refused) = done {
                    self.refuse(slot, id, &refused);
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
                    self.counters.bad_requests.increment();
                    let (code, text) = (refused.code(), refused.text());
                    self.reply(slot, |_, out| commands::failure(out, id, code, &text));
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

    fn refuse(&mut self, slot: u32, id: Option<&RequestId>, refused: &Refused) {
        self.counters.bad_requests.increment();
        let (code, text) = (refused.code(), refused.text());
        let tail = self.tail(id);
        self.reply(slot, |_, out| actions::error(out, code, &text, tail));
    }

    pub(super) const fn tail<'a>(&self, request_id: Option<&'a RequestId>) -> Tail<'a> {
        Tail { request_id, date: self.words.date }
    }

    /// Notes that an answer is large: so few are given in one turn that nobody waits for long.
    pub(super) const fn count_large(&mut self) {
        self.large_answers += 1;
    }

    /// Dialect 1.
    fn act(&mut self, slot: u32, id: Option<&RequestId>, asked: Request) -> Result<(), Refused> {
        let tail = self.tail(id);
        match asked {
            Request::Subscribe(subscribe) => self.subscribe(slot, id, subscribe)?,
            Request::Unsubscribe(unsubscribe) => self.unsubscribe(slot, id, &unsubscribe)?,
            Request::Ping => self.reply(slot, |_, out| actions::pong(out, tail)),
            Request::Subscriptions => self.list_subscriptions(slot, id),
            Request::History(history) => self.tell_history(slot, id, &history)?,
            Request::Instruments { exchange } => {
                self.tell_instruments(slot, exchange, |out, page| {
                    actions::instruments(out, page, tail);
                });
            }
        }
        Ok(())
    }

    /// Dialect 2.
    fn obey(&mut self, slot: u32, id: Option<&RequestId>, asked: Command) -> Result<(), Refused> {
        let date = self.words.date;
        match asked {
            Command::Follow { assets, interval } => self.follow(slot, id, &assets, interval)?,
            Command::Unfollow { assets } => self.unfollow(slot, id, &assets)?,
            Command::Instruments { exchange } => {
                self.tell_instruments(slot, exchange, |out, page| {
                    commands::instruments(out, id, page);
                });
            }
            Command::History { asset, interval, range } => {
                self.tell_past(slot, id, &asset, interval, range)?;
            }
            Command::Ping => self.reply(slot, |_, out| commands::pong(out, id, date)),
        }
        Ok(())
    }
}
