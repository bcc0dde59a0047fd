//! Answers that are made of what the cache and the table hold, a piece of each in one turn.

use std::num::NonZeroU32;
use std::sync::Arc;

use super::Broadcaster;
use super::requests::Refused;
use crate::cache::{HistoryCursor, HistoryRange, Reading, Stream};
use crate::client::dialect::actions::History;
use crate::client::dialect::actions::encode::{self as actions, SubscriptionLine};
use crate::client::dialect::commands::encode as commands;
use crate::client::dialect::{Name, Naming, RequestId};
use crate::client::{Answer, Dialect, Form, Instruments, Listing, Past, PastForm, Subject};
use crate::instrument::{ExchangeId, InstrumentId};
use crate::limits::{
    ANSWER_PIECE_BYTES_MIN, HISTORY_RECORDS_PER_PIECE, SUBSCRIPTION_LINES_PER_PIECE,
};
use crate::tick::Interval;

impl Broadcaster {
    /// Begins an answer that may take several turns.
    pub(super) fn begin_answer(&mut self, slot: u32, answer: Answer) {
        if let Some(session) = self.sessions.get_mut(slot) {
            session.answer = Some(Box::new(answer));
            self.sessions.mark_catching_up(slot);
        }
    }

    /// Everything that a session has in dialect 1.
    pub(super) fn list_subscriptions(&mut self, slot: u32, id: Option<&RequestId>) {
        let Some(session) = self.sessions.get(slot) else { return };
        let held = session.subscriptions.iter().map(|(_, held)| held);
        let held = held.filter(|held| held.topic.form == Form::Actions);
        let mut lines: Vec<_> =
            held.map(|held| (held.topic.clone(), held.depth, held.delivery)).collect();
        lines.sort_unstable_by(|(one, ..), (other, ..)| one.cmp(other));
        // The states of all feeds are one line, the last.
        let status = lines.iter().rfind(|(topic, ..)| topic.subject == Subject::Status).cloned();
        lines.retain(|(topic, ..)| topic.subject != Subject::Status);
        lines.extend(status);
        let request_id = id.cloned();
        let listing = Listing { request_id, lines, told: 0, items: Vec::new() };
        self.begin_answer(slot, Answer::Subscriptions(listing));
    }

    /// The one instrument that a name means: on the default exchange, where several carry it.
    fn one(&self, name: &Name) -> Result<InstrumentId, Refused> {
        let found = self.resolve(name);
        match (found[..].first(), name.naming) {
            (None, _) => Err(self.unknown(name)),
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

    /// Whether a stream has a past: it is carried, or was.
    fn check_past(
        &self,
        name: &Name,
        instrument: InstrumentId,
        stream: Stream,
    ) -> Result<(), Refused> {
        if self.cache.seq(instrument, stream) > 0 {
            return Ok(());
        }
        self.check_carried(name, &[instrument], stream.channel(), stream.interval())
    }

    /// History in dialect 1.
    pub(super) fn tell_history(
        &mut self,
        slot: u32,
        id: Option<&RequestId>,
        asked: &History,
    ) -> Result<(), Refused> {
        let instrument = self.one(&asked.symbol)?;
        let Some(stream) = Stream::of(asked.channel, asked.interval) else { return Ok(()) };
        self.check_past(&asked.symbol, instrument, stream)?;
        self.tell_past_of(slot, id, PastForm::Actions, (instrument, stream, asked.range));
        Ok(())
    }

    /// History in dialect 2: the verdict, then the events.
    pub(super) fn tell_past(
        &mut self,
        slot: u32,
        id: Option<&RequestId>,
        asset: &Name,
        interval: Option<Interval>,
        range: HistoryRange,
    ) -> Result<(), Refused> {
        let instrument = self.one(asset)?;
        let ticks = if self.has_trades(instrument) { Stream::Trades } else { Stream::Ticker };
        let stream = interval.map_or(ticks, Stream::Candles);
        self.check_past(asset, instrument, stream)?;
        let form = PastForm::Commands(commands::AssetLabel::new(&asset.text), interval);
        self.tell_past_of(slot, id, form, (instrument, stream, range));
        Ok(())
    }

    fn tell_past_of(
        &mut self,
        slot: u32,
        id: Option<&RequestId>,
        form: PastForm,
        (instrument, stream, range): (InstrumentId, Stream, HistoryRange),
    ) {
        let cursor = HistoryCursor::new(instrument, stream, range);
        let (request_id, items) = (id.cloned(), Vec::new());
        let past = Past { request_id, form, cursor, items, count: 0 };
        self.begin_answer(slot, Answer::Past(past));
    }

    /// The instruments of one exchange, or of all, a bounded number in each message.
    pub(super) fn tell_instruments(
        &mut self,
        slot: u32,
        id: Option<&RequestId>,
        dialect: Dialect,
        exchange: Option<ExchangeId>,
    ) {
        let (request_id, catalogue) = (id.cloned(), Arc::clone(&self.catalogue));
        let answer = Instruments { request_id, dialect, exchange, catalogue, sent: 0 };
        self.begin_answer(slot, Answer::Instruments(answer));
    }

    /// Makes one piece of a session's answer, when the session has room for it. Returns what it
    /// cost in bytes; with its last piece the session is heard again.
    pub(super) fn go_on_answering(&mut self, slot: u32) -> usize {
        let bytes_soft = self.sessions.bytes_soft();
        let Some(session) = self.sessions.get_mut(slot) else { return 0 };
        if !session.is_open() || session.outgoing.waiting() > bytes_soft / 2 {
            return 0;
        }
        let Some(mut answer) = session.answer.take() else { return 0 };
        let start = self.shared.arena.len();
        let (is_whole, staged) = match &mut *answer {
            Answer::Past(past) => self.read_past(slot, past),
            Answer::Instruments(list) => (self.tell_page(slot, list), 0),
            Answer::Subscriptions(listing) => self.list_some(slot, listing),
            Answer::Grants(grants) => (self.grant_some(slot, grants), 0),
            Answer::Revokes(revokes) => match self.revoke_some(slot, revokes) {
                Ok(is_whole) => (is_whole, 0),
                Err(refused) => {
                    let id = revokes.request_id.as_ref();
                    self.refuse_in(revokes.dialect, slot, id, &refused);
                    (true, 0)
                }
            },
        };
        if is_whole {
            self.sessions.mark_readable(slot);
        } else if let Some(session) = self.sessions.get_mut(slot) {
            session.answer = Some(answer);
        }
        (self.shared.arena.len() - start + staged).max(ANSWER_PIECE_BYTES_MIN)
    }

    /// Reads a piece of a history; with the last the answer goes out. Returns whether that was the
    /// last, and the bytes that were made.
    fn read_past(&mut self, slot: u32, past: &mut Past) -> (bool, usize) {
        let Past { request_id, form, cursor, items, count } = past;
        let before = items.len();
        let reading = self.cache.read_history(cursor, HISTORY_RECORDS_PER_PIECE, |event| {
            *count += 1;
            match form {
                PastForm::Actions => actions::history_item(items, event),
                PastForm::Commands(..) => commands::historical_item(items, event),
            }
        });
        let made = items.len() - before;
        let Reading::Done { complete } = reading else { return (false, made) };
        let id = request_id.as_ref();
        match form {
            PastForm::Actions => {
                let (tail, stream) = (self.tail(id), cursor.stream());
                let Some(labels) = self.words.labels(cursor.instrument()) else {
                    return (true, made);
                };
                let frame = self.shared.arena.frame(|out| {
                    actions::history(out, labels, stream, (items, complete), tail);
                });
                self.sessions.send_owed(slot, frame);
            }
            PastForm::Commands(label, interval) => {
                let arena = &mut self.shared.arena;
                let verdict =
                    arena.frame(|out| commands::history(out, id, label, *count, complete));
                let events =
                    arena.frame(|out| commands::historical_data(out, id, label, *interval, items));
                self.sessions.send_owed(slot, verdict);
                self.sessions.send_owed(slot, events);
            }
        }
        (true, made)
    }

    /// Sends the next message of a list of instruments; true when it was the last.
    fn tell_page(&mut self, slot: u32, list: &mut Instruments) -> bool {
        let Instruments { request_id, dialect, exchange, catalogue, sent } = list;
        let messages = catalogue.messages(*exchange);
        let Some(pages) = messages.get(*sent) else { return true };
        *sent += 1;
        let id = request_id.as_ref();
        let tail = self.tail(id);
        let frame = self.shared.arena.frame(|out| match dialect {
            Dialect::Actions => actions::instruments(out, pages, tail),
            Dialect::Commands => commands::instruments(out, id, pages),
        });
        self.sessions.send_owed(slot, frame);
        *sent == messages.len()
    }

    /// Writes some lines of a list of subscriptions; with the last the answer goes out. Returns
    /// whether that was the last, and the bytes that were made.
    fn list_some(&mut self, slot: u32, listing: &mut Listing) -> (bool, usize) {
        let Listing { request_id, lines, told, items } = listing;
        let before = items.len();
        for (topic, depth, delivery) in lines.iter().skip(*told).take(SUBSCRIPTION_LINES_PER_PIECE)
        {
            let line = match topic.subject {
                Subject::Status => SubscriptionLine::Status,
                Subject::Stream(stream) => {
                    let Some(labels) = self.words.labels(topic.instrument) else { continue };
                    SubscriptionLine::Stream {
                        labels,
                        stream,
                        depth: depth.map(NonZeroU32::get),
                        delivery: *delivery,
                        seq: self.cache.seq(topic.instrument, stream),
                    }
                }
            };
            actions::subscription_item(items, line);
        }
        *told += SUBSCRIPTION_LINES_PER_PIECE;
        let made = items.len() - before;
        if *told < lines.len() {
            return (false, made);
        }
        let (epoch, tail) = (self.words.epoch(), self.tail(request_id.as_ref()));
        let frame = self.shared.arena.frame(|out| {
            actions::subscriptions(out, items, epoch, tail);
        });
        self.sessions.send_owed(slot, frame);
        (true, made)
    }
}
