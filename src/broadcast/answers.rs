//! Answers that are made of what the cache and the table hold.

use std::num::NonZeroU32;
use std::sync::Arc;

use super::Broadcaster;
use super::requests::Refused;
use crate::cache::{HistoryRange, Stream};
use crate::client::dialect::actions::History;
use crate::client::dialect::actions::encode::{self as actions, SubscriptionLine};
use crate::client::dialect::commands::encode as commands;
use crate::client::dialect::{Name, Naming, RequestId};
use crate::client::{Form, Subject, Subscription};
use crate::instrument::{ExchangeId, InstrumentId};
use crate::tick::Interval;

impl Broadcaster {
    /// Everything that a session has in dialect 1.
    pub(super) fn list_subscriptions(&mut self, slot: u32, id: Option<&RequestId>) {
        let tail = self.tail(id);
        let Some(session) = self.sessions.get(slot) else { return };
        let mut held: Vec<&Subscription> = session
            .subscriptions
            .iter()
            .map(|(_, held)| held)
            .filter(|held| held.topic.form == Form::Actions)
            .collect();
        held.sort_by(|one, other| one.topic.cmp(&other.topic));
        let (words, cache) = (&self.words, &self.cache);
        let has_status = held.iter().any(|held| held.topic.subject == Subject::Status);
        let lines = held.iter().filter_map(|held| {
            let Subject::Stream(stream) = held.topic.subject else { return None };
            Some(SubscriptionLine::Stream {
                labels: words.labels(held.topic.instrument)?,
                stream,
                depth: held.depth.map(NonZeroU32::get),
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
        self.count_large();
        let tail = self.tail(id);
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
        self.count_large();
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
    pub(super) fn tell_instruments(
        &mut self,
        slot: u32,
        exchange: Option<ExchangeId>,
        encode: impl Fn(&mut Vec<u8>, &[&[u8]]),
    ) {
        self.count_large();
        let catalogue = Arc::clone(&self.catalogue);
        for pages in catalogue.messages(exchange) {
            self.reply(slot, |_, out| encode(out, &pages));
        }
    }
}
