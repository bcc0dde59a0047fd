//! What can be asked for: names that stand for something, and streams that somebody brings.

use std::collections::HashSet;
use std::sync::Arc;

use super::Broadcaster;
use super::requests::Refused;
use super::wishes::is_open_ended;
use crate::client::dialect::{Name, Naming};
use crate::client::{Dialect, Offer, Wish};
use crate::instrument::{Channel, ExchangeId, InstrumentId, Symbol};
use crate::tick::Interval;

impl Broadcaster {
    /// Whether every name stands for something that is carried, and the client may have so many.
    pub(super) fn check_wishes(&self, slot: u32, wishes: &[Wish]) -> Result<(), Refused> {
        let has_candles = wishes.iter().any(|wish| wish.channel == Channel::Candles);
        for wish in wishes.iter().filter(|wish| !is_open_ended(&wish.name)) {
            let meant = self.resolve(&wish.name);
            if meant.is_empty() {
                return Err(self.unknown(&wish.name));
            }
            let carries = |channel| self.check_carried(&wish.name, &meant, channel, wish.interval);
            match (wish.dialect, wish.channel) {
                // Tickers stand in for trades, and come with the quotes at some exchanges. Who asks
                // for candles goes without ticks where there are none.
                (Dialect::Commands, Channel::Trades | Channel::Ticker) => {
                    let others = [Channel::Ticker, Channel::Quotes];
                    if !has_candles && others.into_iter().all(|one| carries(one).is_err()) {
                        carries(Channel::Trades)?;
                    }
                }
                (_, channel) => carries(channel)?,
            }
        }
        let max = self.options.symbols_per_client_max;
        let Some(session) = self.sessions.get(slot) else { return Ok(()) };
        let before = count_names(session.wishes.iter());
        let after = count_names(session.wishes.iter().chain(wishes));
        // A client that has more already, as its bound was lowered, may still renew what it has.
        if after > max && after > before {
            return Err(Refused::TooManySymbols { max });
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
    ) -> Result<(), Refused> {
        let offers = || meant.iter().filter_map(|&instrument| self.offer(instrument));
        if offers().any(|offer| offer.carries(channel, interval)) {
            return Ok(());
        }
        let name = name.text.clone();
        let has_length = |length| offers().any(|offer| offer.intervals.contains(&length));
        let intervals: Vec<_> = Interval::ALL.into_iter().filter(|&one| has_length(one)).collect();
        if let Some(interval) = interval.filter(|_| !intervals.is_empty()) {
            return Err(Refused::UnknownInterval { name, interval, intervals });
        }
        let has_channel = |channel| offers().any(|offer| offer.channels.contains(&channel));
        let channels = Channel::ALL.into_iter().filter(|&one| has_channel(one)).collect();
        Err(Refused::UnknownChannel { name, channel, channels })
    }

    /// What an instrument's feed carries of it.
    fn offer(&self, instrument: InstrumentId) -> Option<&Offer> {
        Some(&self.options.offers[self.exchange_of(instrument)? as usize])
    }

    /// Why a name stands for nothing: nobody wants it here, or its exchange does not list it.
    pub(super) fn unknown(&self, name: &Name) -> Refused {
        let table = self.words.table();
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
        Refused::UnknownSymbol { name: name.text.clone(), unlisted }
    }

    /// Whether an instrument's exchange shows trades.
    pub(super) fn has_trades(&self, instrument: InstrumentId) -> bool {
        self.offer(instrument).is_none_or(|offer| offer.carries(Channel::Trades, None))
    }

    /// Whether a wish gets something of an instrument that its name stands for: what is carried,
    /// and in dialect 2 tickers for trades as long as there are none.
    pub(super) fn is_served(&self, wish: &Wish, instrument: InstrumentId) -> bool {
        match (wish.dialect, wish.channel) {
            (Dialect::Commands, Channel::Ticker) => !self.has_trades(instrument),
            (Dialect::Commands, Channel::Trades) => true,
            (_, channel) => {
                self.offer(instrument).is_none_or(|offer| offer.carries(channel, wish.interval))
            }
        }
    }
}

/// The names that wishes have. One that both dialects know counts once; each further spelling of it
/// in dialect 2 counts too, as it is told again under that.
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
