//! What can be asked for: names that stand for something, and streams that somebody brings.

use std::collections::HashSet;
use std::sync::Arc;

use super::Broadcaster;
use super::wishes::is_open_ended;
use crate::dialect::{MakeUp, Name, Naming, Offer, Refusal, Wish};
use crate::instrument::{Channel, ExchangeId, InstrumentId, Symbol};
use crate::tick::Interval;

impl Broadcaster {
    /// Whether every name stands for something that is carried, and the client may have so many.
    pub(super) fn check_wishes(&self, slot: u32, wishes: &[Wish]) -> Result<(), Refusal> {
        for wish in wishes.iter().filter(|wish| !is_open_ended(&wish.name)) {
            let meant = self.resolve(&wish.name);
            if meant.is_empty() {
                return Err(self.unknown(&wish.name));
            }
            let carries = |channel| self.check_carried(&wish.name, &meant, channel, wish.interval);
            match wish.make_up {
                MakeUp::Any(others) if others.iter().any(|&other| carries(other).is_ok()) => {}
                MakeUp::Nothing | MakeUp::Any(_) => carries(wish.channel)?,
                MakeUp::Rest => {}
            }
        }
        let max = self.options.symbols_per_client_max;
        let Some(session) = self.sessions.get(slot) else { return Ok(()) };
        let before = count_names(session.wishes.iter());
        let after = count_names(session.wishes.iter().chain(wishes));
        // A client that has more already, as its bound was lowered, may still renew what it has.
        if after > max && after > before {
            return Err(Refusal::TooManySymbols { max });
        }
        Ok(())
    }

    /// Whether one of the instruments that a name means has a channel; of candles, those of an
    /// interval. It would be granted, and silent, for ever.
    pub(super) fn check_carried(
        &self,
        name: &Name,
        meant: &[InstrumentId],
        channel: Channel,
        interval: Option<Interval>,
    ) -> Result<(), Refusal> {
        let offers = || meant.iter().filter_map(|&instrument| self.offer(instrument));
        if offers().any(|offer| offer.carries(channel, interval)) {
            return Ok(());
        }
        let name = name.text.clone();
        let has_length = |length| offers().any(|offer| offer.intervals.contains(&length));
        let intervals: Vec<_> = Interval::ALL.into_iter().filter(|&one| has_length(one)).collect();
        if let Some(interval) = interval.filter(|_| !intervals.is_empty()) {
            return Err(Refusal::UnknownInterval { name, interval, intervals });
        }
        let has_channel = |channel| offers().any(|offer| offer.channels.contains(&channel));
        let channels = Channel::ALL.into_iter().filter(|&one| has_channel(one)).collect();
        Err(Refusal::UnknownChannel { name, channel, channels })
    }

    /// What an instrument's feed carries of it.
    fn offer(&self, instrument: InstrumentId) -> Option<&Offer> {
        Some(&self.options.offers[self.exchange_of(instrument)? as usize])
    }

    /// Why a name stands for nothing: nobody wants it here, or its exchange does not list it.
    pub(super) fn unknown(&self, name: &Name) -> Refusal {
        let table = self.glossary.table();
        let unlisted = |exchange: ExchangeId, symbol: Symbol| {
            table.unlisted(exchange, symbol).map(|nearest| (exchange, Arc::clone(nearest)))
        };
        let unlisted = match name.naming {
            Naming::All | Naming::Exchange(_) => None,
            Naming::Symbol(symbol) => {
                ExchangeId::ALL.into_iter().find_map(|exchange| unlisted(exchange, symbol))
            }
            Naming::Instrument(exchange, symbol) => unlisted(exchange, symbol),
        };
        Refusal::UnknownSymbol { name: name.text.clone(), unlisted }
    }

    /// Whether an instrument's exchange shows a channel that has no interval.
    pub(super) fn shows(&self, instrument: InstrumentId, channel: Channel) -> bool {
        self.offer(instrument).is_none_or(|offer| offer.carries(channel, None))
    }

    /// Whether a wish gets something of an instrument that its name stands for: what is carried,
    /// or may come to be where something else makes up for it meanwhile; and what stands in for
    /// another channel as long as that is not shown.
    pub(super) fn is_served(&self, wish: &Wish, instrument: InstrumentId) -> bool {
        let carries = |offer: &Offer| offer.carries(wish.channel, wish.interval);
        match wish.in_place_of {
            Some(other) => !self.shows(instrument, other),
            None => wish.make_up != MakeUp::Nothing || self.offer(instrument).is_none_or(carries),
        }
    }
}

/// The names that wishes have. One that several dialects know counts once; each further spelling of it
/// in a dialect that repeats names counts too, as it is told again under that.
fn count_names<'a>(wishes: impl Iterator<Item = &'a Wish>) -> usize {
    let (mut namings, mut called, mut texts) = (HashSet::new(), HashSet::new(), HashSet::new());
    for wish in wishes {
        namings.insert(wish.name.naming);
        if let Some(text) = wish.called() {
            called.insert(wish.name.naming);
            texts.insert(text);
        }
    }
    namings.len() + texts.len() - called.len()
}
