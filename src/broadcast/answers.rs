//! Answers that are made of what the cache and the table hold, a piece of each in one turn.

use std::sync::Arc;

use super::Broadcaster;
use crate::cache::{HistoryCursor, Reading, Stream};
use crate::client::{ClientChannel, Instruments, Listing, LongAnswer, Past};
use crate::dialect::{
    self, Answer, Dialect, History, Name, Naming, Refusal, RequestId, SubscriptionLine,
};
use crate::instrument::{ExchangeId, InstrumentId};
use crate::limits::{
    ANSWER_PIECE_BYTES_MIN, HISTORY_RECORDS_PER_PIECE, SUBSCRIPTION_LINES_PER_PIECE,
};

impl Broadcaster {
    /// Begins an answer that may take several turns.
    pub(super) fn begin_answer(&mut self, slot: u32, answer: LongAnswer) {
        if let Some(session) = self.sessions.get_mut(slot) {
            session.answer = Some(Box::new(answer));
            self.sessions.mark_catching_up(slot);
        }
    }

    /// Everything that a session has in a dialect.
    pub(super) fn list_subscriptions(
        &mut self,
        slot: u32,
        dialect: Dialect,
        id: Option<&RequestId>,
    ) {
        let Some(session) = self.sessions.get(slot) else { return };
        let held = session.subscriptions.iter().map(|(_, held)| held);
        let held = held.filter(|held| held.key.form.dialect == dialect);
        let mut lines: Vec<_> =
            held.map(|held| (held.key.clone(), held.depth, held.delivery)).collect();
        lines.sort_unstable_by(|(one, ..), (other, ..)| one.cmp(other));
        // The states of all feeds are one line, the last.
        let status = lines.iter().rfind(|(key, ..)| key.channel == ClientChannel::Status).cloned();
        lines.retain(|(key, ..)| key.channel != ClientChannel::Status);
        lines.extend(status);
        let request_id = id.cloned();
        let listing = Listing { request_id, dialect, lines, told: 0, items: Vec::new() };
        self.begin_answer(slot, LongAnswer::Subscriptions(listing));
    }

    /// The one instrument that a name means: on the default exchange, where several carry it.
    fn one(&self, name: &Name) -> Result<InstrumentId, Refusal> {
        let found = self.resolve(name);
        match (found[..].first(), name.naming) {
            (None, _) => Err(self.unknown(name)),
            (Some(_), Naming::All | Naming::Exchange(_)) => {
                Err(Refusal::SeveralInstruments(name.text.clone()))
            }
            (Some(&first), Naming::Symbol(_) | Naming::Instrument(..)) => {
                let default = self.glossary.exchange_default();
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
    ) -> Result<(), Refusal> {
        if self.cache.seq(instrument, stream) > 0 {
            return Ok(());
        }
        self.check_carried(name, &[instrument], stream.channel(), stream.interval())
    }

    /// Begins to tell what was.
    pub(super) fn tell_history(
        &mut self,
        slot: u32,
        dialect: Dialect,
        id: Option<&RequestId>,
        asked: &History,
    ) -> Result<(), Refusal> {
        let History { ref name, channel, or_else, interval, range } = *asked;
        let instrument = self.one(name)?;
        let other = or_else.filter(|_| !self.shows(instrument, channel));
        let Some(stream) = Stream::of(other.unwrap_or(channel), interval) else { return Ok(()) };
        self.check_past(name, instrument, stream)?;
        let past = Past {
            request_id: id.cloned(),
            dialect,
            label: self.glossary.form(dialect, name, instrument).label,
            cursor: HistoryCursor::new(instrument, stream, range),
            items: Vec::new(),
            count: 0,
        };
        self.begin_answer(slot, LongAnswer::Past(past));
        Ok(())
    }

    /// The instruments of one exchange, or of all, a bounded number in each message.
    pub(super) fn tell_instruments(
        &mut self,
        slot: u32,
        dialect: Dialect,
        id: Option<&RequestId>,
        exchange: Option<ExchangeId>,
    ) {
        let (request_id, catalogue) = (id.cloned(), Arc::clone(&self.catalogue));
        let answer = Instruments { request_id, dialect, exchange, catalogue, sent: 0 };
        self.begin_answer(slot, LongAnswer::Instruments(answer));
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
        let start = self.buffers.arena.len();
        let (is_whole, staged) = match &mut *answer {
            LongAnswer::Past(past) => self.read_past(slot, past),
            LongAnswer::Instruments(list) => (self.tell_page(slot, list), 0),
            LongAnswer::Subscriptions(listing) => self.list_some(slot, listing),
            LongAnswer::Grants(grants) => (self.grant_some(slot, grants), 0),
            LongAnswer::Revokes(revokes) => match self.revoke_some(slot, revokes) {
                Ok(is_whole) => (is_whole, 0),
                Err(refusal) => {
                    let id = revokes.request_id.as_ref();
                    self.refuse(slot, revokes.dialect, id, &refusal);
                    (true, 0)
                }
            },
        };
        if is_whole {
            self.sessions.mark_readable(slot);
        } else if let Some(session) = self.sessions.get_mut(slot) {
            session.answer = Some(answer);
        }
        (self.buffers.arena.len() - start + staged).max(ANSWER_PIECE_BYTES_MIN)
    }

    /// Reads a piece of a history; with the last the answer goes out. Returns whether that was the
    /// last, and the bytes that were made.
    fn read_past(&mut self, slot: u32, past: &mut Past) -> (bool, usize) {
        let Past { request_id, dialect, label, cursor, items, count } = past;
        let (before, speech) = (items.len(), dialect.speech());
        let reading = self.cache.read_history(cursor, HISTORY_RECORDS_PER_PIECE, |event| {
            *count += 1;
            speech.push_past(items, event);
        });
        let made = items.len() - before;
        let Reading::Done { complete } = reading else { return (false, made) };
        let past = dialect::Past { label, stream: cursor.stream(), count: *count, complete };
        let id = request_id.as_ref();
        self.reply_owed(slot, *dialect, id, &Answer::HistoryFound(past));
        self.reply_owed(slot, *dialect, id, &Answer::History(past, items));
        (true, made)
    }

    /// Sends the next message of a list of instruments; true when it was the last.
    fn tell_page(&mut self, slot: u32, list: &mut Instruments) -> bool {
        let Instruments { request_id, dialect, exchange, catalogue, sent } = list;
        let messages = catalogue.messages(*exchange);
        let Some(pages) = messages.get(*sent) else { return true };
        *sent += 1;
        self.reply_owed(slot, *dialect, request_id.as_ref(), &Answer::Instruments(pages));
        *sent == messages.len()
    }

    /// Writes some lines of a list of subscriptions; with the last the answer goes out. Returns
    /// whether that was the last, and the bytes that were made.
    fn list_some(&mut self, slot: u32, listing: &mut Listing) -> (bool, usize) {
        let Listing { request_id, dialect, lines, told, items } = listing;
        let before = items.len();
        for (key, depth, delivery) in lines.iter().skip(*told).take(SUBSCRIPTION_LINES_PER_PIECE) {
            let line = match key.channel {
                ClientChannel::Status => SubscriptionLine::Status,
                ClientChannel::Stream(stream) => SubscriptionLine::Stream {
                    label: &key.form.label,
                    stream,
                    depth: *depth,
                    delivery: *delivery,
                    seq: self.cache.seq(key.instrument, stream),
                },
            };
            dialect.speech().push_subscription(items, &line);
        }
        *told += SUBSCRIPTION_LINES_PER_PIECE;
        let made = items.len() - before;
        if *told < lines.len() {
            return (false, made);
        }
        let answer = Answer::Subscriptions { items, epoch: self.glossary.epoch() };
        self.reply_owed(slot, *dialect, request_id.as_ref(), &answer);
        (true, made)
    }
}
