//! What clients ask, and what they are answered.

use std::collections::HashSet;

use super::Broadcaster;
use super::publish::Output;
use super::words::{Extra, Words};
use crate::cache::{Event, EventBody, HistoryRange, Stamp, Stream};
use crate::client::dialect::actions::encode::{self as actions, Changed, SubscriptionLine, Tail};
use crate::client::dialect::actions::{History, Request, ResumePoint, Subscribe, Unsubscribe};
use crate::client::dialect::commands::{Command, encode as commands};
use crate::client::dialect::{
    Asked, BadRequest, ErrorCode, Name, Naming, Parsed, RequestId, parse,
};
use crate::client::{
    Delivery, Dialect, Form, Join, Prelude, Progress, Session, Subject, Subscription, Topic, Wish,
};
use crate::clock::{MonoNanos, UnixNanos};
use crate::instrument::{Channel, ExchangeId, InstrumentId};
use crate::limits::{INSTRUMENTS_PER_MESSAGE, MESSAGES_PER_TURN};
use crate::net::{Fill, Message};
use crate::tick::Interval;

/// Channels that an instrument has here.
const CHANNELS: &[Channel] =
    &[Channel::Trades, Channel::Quotes, Channel::Ticker, Channel::Orderbook, Channel::Candles];

/// Why a request that reads well is refused.
enum Refused {
    UnknownSymbol(String),
    NotSubscribed(String),
    TooManySymbols { max: usize },
    SeveralInstruments(String),
    RateLimited,
    Binary,
    Unread(BadRequest),
}

impl Refused {
    const fn code(&self) -> ErrorCode {
        match self {
            Self::UnknownSymbol(_) => ErrorCode::UnknownSymbol,
            Self::NotSubscribed(_) => ErrorCode::NotSubscribed,
            Self::TooManySymbols { .. } => ErrorCode::TooManySymbols,
            Self::SeveralInstruments(_) | Self::Binary => ErrorCode::BadRequest,
            Self::RateLimited => ErrorCode::RateLimited,
            Self::Unread(error) => error.code(),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::UnknownSymbol(name) => format!(
                "no exchange here carries {name:?}; ask for \"instruments\" to see which there are"
            ),
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
        let mut slots = std::mem::take(&mut self.slots);
        std::mem::swap(&mut slots, &mut self.sessions.readable);
        let work = slots.len();
        for slot in slots.drain(..) {
            if let Some(session) = self.sessions.get_mut(slot) {
                session.is_readable = false;
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
                        self.answer(slot, now);
                    }
                }
                Ok(Some(Message::Binary(_))) => {
                    session.heartbeat.answered();
                    self.refuse(slot, None, &Refused::Binary);
                }
                Ok(Some(Message::Ping | Message::Pong)) => {
                    session.heartbeat.answered();
                    self.sessions.mark_dirty(slot);
                }
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
    fn reply(&mut self, slot: u32, encode: impl FnOnce(&Words, &mut Vec<u8>)) {
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

    const fn tail<'a>(&self, request_id: Option<&'a RequestId>) -> Tail<'a> {
        Tail { request_id, date: self.words.date }
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
            Command::Follow { assets, interval } => {
                let wish = |name: &Name, channel, interval| Wish {
                    name: name.clone(),
                    channel,
                    interval,
                    dialect: Dialect::Commands,
                    depth: None,
                    delivery: Delivery::All,
                };
                let mut wishes: Vec<Wish> =
                    assets.iter().map(|name| wish(name, Channel::Trades, None)).collect();
                if interval.is_some() {
                    wishes.extend(assets.iter().map(|n| wish(n, Channel::Candles, interval)));
                }
                self.check_wishes(slot, &wishes)?;
                // Answered first, so that the response comes before what it grants.
                let following = self.names(slot, Dialect::Commands, &wishes);
                self.reply(slot, |_, out| {
                    commands::following(out, id, following.iter().map(String::as_str));
                });
                for wish in wishes {
                    self.grant(slot, wish, &[], false);
                }
            }
            Command::Unfollow { assets } => {
                let channels = [Channel::Trades, Channel::Candles];
                self.revoke(slot, Dialect::Commands, &assets, &channels, None)?;
                let following = self.names(slot, Dialect::Commands, &[]);
                self.reply(slot, |_, out| {
                    commands::following(out, id, following.iter().map(String::as_str));
                });
            }
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

    fn subscribe(
        &mut self,
        slot: u32,
        id: Option<&RequestId>,
        asked: Subscribe,
    ) -> Result<(), Refused> {
        let Subscribe { mut symbols, channels, snapshot, from, delivery, interval, depth } = asked;
        if symbols.is_empty() {
            symbols.push(Name { text: "*".to_owned(), naming: Naming::All });
        }
        let mut wishes = Vec::with_capacity(symbols.len() * channels.len());
        for name in &symbols {
            for &channel in &channels {
                let default = match channel {
                    Channel::Quotes | Channel::Ticker => Delivery::Latest,
                    Channel::Trades | Channel::Orderbook | Channel::Candles | Channel::Status => {
                        Delivery::All
                    }
                };
                // States are few and each counts.
                let chosen = delivery.filter(|_| channel != Channel::Status);
                wishes.push(Wish {
                    name: name.clone(),
                    channel,
                    interval: (channel == Channel::Candles).then_some(interval),
                    dialect: Dialect::Actions,
                    depth: depth.filter(|_| channel == Channel::Orderbook),
                    delivery: chosen.unwrap_or(default),
                });
            }
        }
        self.check_wishes(slot, &wishes)?;
        let points = self.resume_points(&from)?;
        let recovered: Vec<(&str, bool)> = from
            .iter()
            .map(|(name, point)| (name.text.as_str(), self.is_held(name, *point, &wishes)))
            .collect();
        let current = self.names(slot, Dialect::Actions, &wishes);
        let current: Vec<&str> = current.iter().map(String::as_str).collect();
        let names: Vec<&str> = symbols.iter().map(|name| name.text.as_str()).collect();
        let changed = Changed { names: &names, current: &current, epoch: self.words.epoch() };
        let tail = self.tail(id);
        // Answered first, so that the success comes before the first event of what it grants.
        self.reply(slot, |_, out| actions::subscribed(out, changed, &recovered, tail));
        for wish in wishes {
            self.grant(slot, wish, &points, snapshot);
        }
        Ok(())
    }

    /// Whether every name stands for something and the client may have so many.
    fn check_wishes(&self, slot: u32, wishes: &[Wish]) -> Result<(), Refused> {
        for wish in wishes {
            if !is_open_ended(&wish.name) && self.resolve(&wish.name).is_empty() {
                return Err(Refused::UnknownSymbol(wish.name.text.clone()));
            }
        }
        let max = self.options.symbols_per_client_max;
        let Some(session) = self.sessions.get(slot) else { return Ok(()) };
        let mut namings: HashSet<Naming> =
            session.wishes.iter().map(|wish| wish.name.naming).collect();
        let before = namings.len();
        namings.extend(wishes.iter().map(|wish| wish.name.naming));
        // A client that has more already, as its bound was lowered, may still renew what it has.
        if namings.len() > max && namings.len() > before {
            return Err(Refused::TooManySymbols { max });
        }
        Ok(())
    }

    fn resolve(&self, name: &Name) -> Vec<InstrumentId> {
        let mut found = Vec::new();
        name.naming.resolve(self.words.table(), |instrument| found.push(instrument));
        found
    }

    /// Every name that a session has in a dialect, and those of new wishes, each once.
    fn names(&self, slot: u32, dialect: Dialect, wishes: &[Wish]) -> Vec<String> {
        let held = self.sessions.get(slot).map_or(&[][..], |session| &session.wishes);
        let mut known = HashSet::new();
        held.iter()
            .filter(|wish| wish.dialect == dialect)
            .chain(wishes)
            .filter(|wish| known.insert(wish.name.naming))
            .map(|wish| wish.name.text.clone())
            .collect()
    }

    /// Where each instrument is to be resumed; only points of this run count.
    fn resume_points(
        &self,
        from: &[(Name, ResumePoint)],
    ) -> Result<Vec<(InstrumentId, u64)>, Refused> {
        let mut points = Vec::new();
        for (name, point) in from {
            let instruments = self.resolve(name);
            if instruments.is_empty() {
                return Err(Refused::UnknownSymbol(name.text.clone()));
            }
            if point.epoch == Some(self.words.epoch()) {
                points.extend(instruments.iter().map(|&instrument| (instrument, point.seq)));
            }
        }
        Ok(points)
    }

    /// Whether everything since a point is there, on every channel that is asked for. A book is
    /// always made whole by the snapshot that it begins with.
    fn is_held(&self, name: &Name, point: ResumePoint, wishes: &[Wish]) -> bool {
        point.epoch == Some(self.words.epoch())
            && self.resolve(name).into_iter().all(|instrument| {
                let mut topics = wishes
                    .iter()
                    .filter(|wish| self.is_meant(&wish.name, instrument))
                    .map(|wish| wish.topic(instrument));
                topics.all(|topic| match topic.subject {
                    Subject::Stream(Stream::Orderbook) => {
                        point.seq <= self.cache.seq(instrument, Stream::Orderbook)
                    }
                    Subject::Stream(stream) => {
                        self.cache.holds_since(instrument, stream, point.seq)
                    }
                    Subject::Status => true,
                })
            })
    }

    fn is_meant(&self, name: &Name, instrument: InstrumentId) -> bool {
        self.words
            .table()
            .instrument(instrument)
            .is_some_and(|known| name.naming.includes(known.exchange, &known.symbol))
    }

    /// Gives a session what it wished for: new subscriptions join when it has room, those it has
    /// change their delivery on the spot.
    fn grant(
        &mut self,
        slot: u32,
        wish: Wish,
        points: &[(InstrumentId, u64)],
        wants_snapshot: bool,
    ) {
        let mut feeds = [false; ExchangeId::ALL.len()];
        for instrument in self.resolve(&wish.name) {
            let point = points.iter().find(|(resumed, _)| *resumed == instrument);
            let prelude = match point {
                Some(&(_, seq)) => Prelude::Since(seq),
                None if wants_snapshot => Prelude::Snapshot,
                None => Prelude::None,
            };
            let topic = wish.topic(instrument);
            let is_new = self.wish_for(slot, &wish, topic, prelude);
            if is_new
                && topic.subject == Subject::Status
                && let Some(exchange) = self.exchange_of(instrument)
                && let Some(session) = self.sessions.get_mut(slot)
            {
                feeds[exchange as usize] |= session.feeds[exchange as usize] == 0;
                session.feeds[exchange as usize] += 1;
            }
        }
        for exchange in ExchangeId::ALL {
            if feeds[exchange as usize] {
                self.tell_feeds(slot, exchange);
            }
        }
        let Some(session) = self.sessions.get_mut(slot) else { return };
        match session.wishes.iter_mut().find(|held| held.is_like(&wish)) {
            Some(held) => *held = wish,
            None => session.wishes.push(wish),
        }
        self.sessions.mark_catching_up(slot);
    }

    fn exchange_of(&self, instrument: InstrumentId) -> Option<ExchangeId> {
        Some(self.words.table().instrument(instrument)?.exchange)
    }

    /// One topic of a wish. True when the session did not have it yet.
    fn wish_for(&mut self, slot: u32, wish: &Wish, topic: Topic, prelude: Prelude) -> bool {
        let Some(session) = self.sessions.get_mut(slot) else { return false };
        let fresh = Subscription {
            topic,
            depth: wish.depth,
            delivery: wish.delivery,
            progress: Progress::Joining,
            missed_seq: 0,
        };
        let Some(subscription) = session.subscriptions.find(&topic) else {
            let subscription = session.subscriptions.insert(fresh);
            session.joins.push_back(Join { subscription, prelude });
            self.counters.subscriptions.set(self.counters.subscriptions.value() + 1);
            return true;
        };
        self.desk(|desk| desk.change(slot, subscription, fresh, prelude));
        false
    }

    /// Sends the present states of an exchange's connections.
    fn tell_feeds(&mut self, slot: u32, exchange: ExchangeId) {
        let Self { cache, sessions, shared, words, counters, .. } = self;
        let mut out = Output { sessions, shared, words, counters };
        for &status in cache.feed_statuses(exchange) {
            let stamp = Stamp { exchange_time: UnixNanos::NONE, received: status.since };
            let body = EventBody::FeedState(status);
            let event = Event { instrument: InstrumentId::NONE, seq: 0, stamp, body };
            if let Some(range) = out.frame(Form::Actions, &event, Extra::default()) {
                out.sessions.send(slot, range);
            }
        }
    }

    /// Instruments were added: whoever wished for all of something gets them too.
    pub(super) fn extend_wishes(&mut self) {
        for slot in 0..self.sessions.slots() {
            let Some(session) = self.sessions.get(slot) else { continue };
            for wish in session.wishes.clone() {
                self.extend_wish(slot, &wish);
            }
        }
    }

    fn extend_wish(&mut self, slot: u32, wish: &Wish) {
        for instrument in self.resolve(&wish.name) {
            if instrument.index() < self.instruments_before {
                continue;
            }
            let topic = wish.topic(instrument);
            let is_new = self.wish_for(slot, wish, topic, Prelude::None);
            if is_new
                && topic.subject == Subject::Status
                && let Some(exchange) = self.exchange_of(instrument)
                && let Some(session) = self.sessions.get_mut(slot)
            {
                session.feeds[exchange as usize] += 1;
            }
        }
        self.sessions.mark_catching_up(slot);
    }

    fn unsubscribe(
        &mut self,
        slot: u32,
        id: Option<&RequestId>,
        asked: &Unsubscribe,
    ) -> Result<(), Refused> {
        let Unsubscribe { symbols, channels, interval } = asked;
        self.revoke(slot, Dialect::Actions, symbols, channels, *interval)?;
        let current = self.names(slot, Dialect::Actions, &[]);
        let current: Vec<&str> = current.iter().map(String::as_str).collect();
        let names: Vec<&str> = symbols.iter().map(|name| name.text.as_str()).collect();
        let changed = Changed { names: &names, current: &current, epoch: self.words.epoch() };
        let tail = self.tail(id);
        self.reply(slot, |_, out| actions::unsubscribed(out, changed, tail));
        Ok(())
    }

    /// Ends what names mean on some channels. Nothing ends when one of the names has nothing to
    /// end.
    fn revoke(
        &mut self,
        slot: u32,
        dialect: Dialect,
        names: &[Name],
        channels: &[Channel],
        interval: Option<Interval>,
    ) -> Result<(), Refused> {
        let Some(session) = self.sessions.get(slot) else { return Ok(()) };
        let covers = |channel: Channel, candles: Option<Interval>| {
            channels.contains(&channel) && (interval.is_none() || candles == interval)
        };
        let mut ending = HashSet::new();
        for name in names {
            let before = ending.len();
            ending.extend(session.subscriptions.iter().filter_map(|(subscription, held)| {
                let Topic { instrument, subject, form } = held.topic;
                let matches = form.dialect() == dialect
                    && covers(subject.channel(), subject.interval())
                    && self.is_meant(name, instrument);
                matches.then_some(subscription)
            }));
            let wished = session.wishes.iter().any(|wish| {
                wish.dialect == dialect
                    && covers(wish.channel, wish.interval)
                    && wish.name.naming == name.naming
            });
            if ending.len() == before && !wished {
                return Err(Refused::NotSubscribed(name.text.clone()));
            }
        }
        for subscription in ending {
            self.end_subscription(slot, subscription);
        }
        self.drop_wishes(slot, |wish| {
            wish.dialect == dialect
                && covers(wish.channel, wish.interval)
                && names.iter().any(|name| name.naming == wish.name.naming)
        });
        Ok(())
    }

    fn end_subscription(&mut self, slot: u32, subscription: u32) {
        let Some(held) = self.desk(|desk| desk.end(slot, subscription)) else { return };
        self.counters.subscriptions.set(self.counters.subscriptions.value() - 1);
        if held.topic.subject == Subject::Status
            && let Some(exchange) = self.exchange_of(held.topic.instrument)
            && let Some(session) = self.sessions.get_mut(slot)
        {
            session.feeds[exchange as usize] -= 1;
        }
    }

    /// Drops the wishes that `is_over` names, and those that have nothing left of what they meant.
    fn drop_wishes(&mut self, slot: u32, is_over: impl Fn(&Wish) -> bool) {
        let Some(session) = self.sessions.get_mut(slot) else { return };
        let mut wishes = std::mem::take(&mut session.wishes);
        wishes.retain(|wish| !is_over(wish) && (is_open_ended(&wish.name) || self.has(slot, wish)));
        if let Some(session) = self.sessions.get_mut(slot) {
            session.wishes = wishes;
        }
    }

    /// Whether a session has a subscription of what a wish means.
    fn has(&self, slot: u32, wish: &Wish) -> bool {
        let has = |session: &Session, topic| session.subscriptions.find(&topic).is_some();
        self.sessions.get(slot).is_some_and(|session| {
            self.resolve(&wish.name).into_iter().any(|one| has(session, wish.topic(one)))
        })
    }

    fn list_subscriptions(&mut self, slot: u32, id: Option<&RequestId>) {
        let tail = self.tail(id);
        let Some(session) = self.sessions.get(slot) else { return };
        let mut held: Vec<&Subscription> = session
            .subscriptions
            .iter()
            .map(|(_, held)| held)
            .filter(|held| held.topic.form == Form::Actions)
            .collect();
        held.sort_by_key(|held| held.topic);
        let (words, cache) = (&self.words, &self.cache);
        let has_status = held.iter().any(|held| held.topic.subject == Subject::Status);
        let lines = held.iter().filter_map(|held| {
            let Subject::Stream(stream) = held.topic.subject else { return None };
            Some(SubscriptionLine::Stream {
                labels: words.labels(held.topic.instrument)?,
                stream,
                depth: held.depth.map(std::num::NonZeroU32::get),
                delivery: held.delivery,
                seq: cache.seq(held.topic.instrument, stream),
            })
        });
        let lines = lines.chain(has_status.then_some(SubscriptionLine::Status));
        let range =
            self.shared.arena.frame(|out| actions::subscriptions(out, lines, words.epoch(), tail));
        self.sessions.send(slot, range);
    }

    /// The one instrument that a name means: on the default exchange, where several carry it.
    fn one(&self, name: &Name) -> Result<InstrumentId, Refused> {
        let found = self.resolve(name);
        match (found[..].first(), name.naming) {
            (None, _) => Err(Refused::UnknownSymbol(name.text.clone())),
            (Some(_), Naming::All | Naming::Exchange(_)) => {
                Err(Refused::SeveralInstruments(name.text.clone()))
            }
            (Some(&first), Naming::Symbol(_) | Naming::Instrument(..)) => {
                let default = self.words.exchange_default();
                let preferred =
                    found.iter().copied().find(|&one| self.exchange_of(one) == Some(default));
                Ok(preferred.unwrap_or(first))
            }
        }
    }

    fn tell_history(
        &mut self,
        slot: u32,
        id: Option<&RequestId>,
        asked: &History,
    ) -> Result<(), Refused> {
        let instrument = self.one(&asked.symbol)?;
        let tail = self.tail(id);
        let Some(stream) = Stream::of(asked.channel, asked.interval) else { return Ok(()) };
        let Some(labels) = self.words.labels(instrument) else { return Ok(()) };
        let (cache, range) = (&self.cache, asked.range);
        let frame = self.shared.arena.frame(|out| {
            actions::history(out, labels, stream, tail, |each| {
                cache.history(instrument, stream, range, each)
            });
        });
        self.sessions.send(slot, frame);
        Ok(())
    }

    /// History in dialect 2: the verdict, then the events.
    fn tell_past(
        &mut self,
        slot: u32,
        id: Option<&RequestId>,
        asset: &Name,
        interval: Option<Interval>,
        range: HistoryRange,
    ) -> Result<(), Refused> {
        let instrument = self.one(asset)?;
        let stream = interval.map_or(Stream::Trades, Stream::Candles);
        let label = commands::AssetLabel::new(&asset.text);
        let mut count = 0;
        let complete = self.cache.history(instrument, stream, range, |_| count += 1);
        self.reply(slot, |_, out| commands::history(out, id, &label, count, complete));
        let cache = &self.cache;
        let frame = self.shared.arena.frame(|out| {
            commands::historical_data(out, id, &label, interval, |each| {
                cache.history(instrument, stream, range, each);
            });
        });
        self.sessions.send(slot, frame);
        Ok(())
    }

    /// The instruments of one exchange, or of all, a bounded number in each message.
    fn tell_instruments(
        &mut self,
        slot: u32,
        exchange: Option<ExchangeId>,
        encode: impl Fn(&mut Vec<u8>, Vec<(&crate::instrument::Instrument, &[Channel])>),
    ) {
        let table = std::sync::Arc::clone(self.words.table());
        let wanted: Vec<_> = table
            .iter()
            .map(|(_, instrument)| (instrument, CHANNELS))
            .filter(|(instrument, _)| exchange.is_none_or(|only| instrument.exchange == only))
            .collect();
        let mut pages = wanted.chunks(INSTRUMENTS_PER_MESSAGE).peekable();
        if pages.peek().is_none() {
            self.reply(slot, |_, out| encode(out, Vec::new()));
        }
        for page in pages {
            self.reply(slot, |_, out| encode(out, page.to_vec()));
        }
    }
}

/// Whether a name may stand for nothing yet.
const fn is_open_ended(name: &Name) -> bool {
    matches!(name.naming, Naming::All | Naming::Exchange(_))
}
