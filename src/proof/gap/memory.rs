//! Trades whose ids only tell them apart: each once, and what may be missing is told.
//!
//! A connection stands apart, and what it brings is held back, until there is proof that nothing is
//! missing between what was published and what it brings:
//!
//! - it shares a trade with what was published, which is how it goes in a busy market;
//! - another that has brought the last trade answers a ping that was sent when this one was
//!   granted the stream: all that came before, the other has brought, and all that comes since,
//!   this one brings. So a quiet market needs no trade to change its connection.
//!
//! That a stream was granted is the exchange's word and no proof that it comes. So a connection that
//! has not brought the last trade speaks for nobody, and if it brings a new one before that, it has
//! missed something and stands apart again; one that is found mute takes its word back.
//!
//! One that has nobody to be compared with any more joins without proof, and a gap is told: the
//! other had been dead for a while, nobody knows how long, when it was found to be.

use super::hold::HeldTrade;
use super::places::Said;
use super::{Numbers, Settled, Slot, Source, Verdict, count_copy, count_win};
use crate::clock::UnixNanos;
use crate::exchange::{Origin, SequencedTick};
use crate::instrument::InstrumentId;
use crate::tick::{Reason, Tick, TradeId};

impl Numbers {
    /// A trade whose id only tells it apart from others.
    pub(super) fn judge_by_memory(
        &mut self,
        id: u128,
        trade: &SequencedTick,
        source: Source,
        out: &mut Vec<Tick>,
    ) -> Verdict {
        let instrument = trade.tick.instrument;
        let progress = &mut self.slots[instrument.index()].trades;
        if trade.origin == Origin::Past && progress.last.is_none() {
            return Verdict::Older;
        }
        let is_known = self.recent.as_ref().is_some_and(|recent| recent.contains(id));
        if !is_known && progress.is_joined_behind(source.generation) {
            progress.set_one_apart(source.generation);
        }
        let apart = !progress.is_joined(source.generation);
        let tick = Some(Tick { received: source.received, ..trade.tick });
        let held = HeldTrade { first: 0, last: 0, id, source, tick };
        if apart {
            progress.enter_apart(source.generation);
            if is_known {
                self.join_late(instrument, source.generation, out);
            } else if !progress.has_others_joined(source.generation) {
                self.join_unproven(instrument, source.generation, out);
            } else if self.held.has_room_for(1) {
                self.held.push_trade(instrument, held);
                return Verdict::Ahead;
            } else {
                self.counters.held_back_overflows.increment();
                progress.set_all_apart();
                self.join_unproven(instrument, source.generation, out);
            }
        }
        self.remember(instrument, &held, out)
    }

    /// Publishes a trade and remembers its id, unless it is known. Whoever holds it back has
    /// shared it, and brought first what comes before it.
    fn remember(
        &mut self,
        instrument: InstrumentId,
        trade: &HeldTrade,
        out: &mut Vec<Tick>,
    ) -> Verdict {
        if let Some(holder) = self.held.holder_of(instrument, trade.id) {
            self.join(instrument, holder, out);
        }
        let Slot { trades: progress, newest_trade, .. } = &mut self.slots[instrument.index()];
        let Some(recent) = &mut self.recent else { return Verdict::Older };
        if recent.contains(trade.id) {
            progress.note_spoken(trade.source.generation, *newest_trade == trade.id);
            if self.paired {
                count_copy(&self.counters, progress, trade.id as u64, trade.source);
            }
            return Verdict::Older;
        }
        recent.insert(trade.id);
        *newest_trade = trade.id;
        // They are counted, as nothing else puts them in order; their times are compared with none.
        let number = progress.last.map_or(1, |last| last.saturating_add(1));
        let said = Said { number, time: UnixNanos::NONE, received: trade.source.received };
        progress.advance(said, self.newest);
        progress.note_spoken(trade.source.generation, true);
        out.extend(trade.tick);
        if self.paired {
            count_win(&self.counters, progress, trade.id as u64, trade.source);
        }
        Verdict::Next
    }

    /// A connection that stood apart is compared from now on; what it brought is no copy unless it
    /// is known.
    fn join(&mut self, instrument: InstrumentId, generation: u32, out: &mut Vec<Tick>) {
        // What a connection brought that is gone since is published like all else.
        if let Some(place) = self.slots[instrument.index()].trades.place(generation) {
            place.apart = false;
        }
        for held in self.held.take_trades_of(instrument, generation) {
            if self.remember(instrument, &held, out) == Verdict::Older {
                self.counters.duplicates.increment();
            }
        }
    }

    /// The same by a trade that was published before: what the connection brought before that comes
    /// too late to be told in its order, and is told as missing.
    #[cold]
    fn join_late(&mut self, instrument: InstrumentId, generation: u32, out: &mut Vec<Tick>) {
        let late = self.held.take_trades_of(instrument, generation);
        self.join(instrument, generation, out);
        if !late.is_empty() {
            self.tell_gap(instrument, late.len() as u64, Reason::Disconnected, out);
        }
    }

    /// The same where nothing shows that no trade is missing between what was published and what
    /// the connection brought first.
    #[cold]
    fn join_unproven(&mut self, instrument: InstrumentId, generation: u32, out: &mut Vec<Tick>) {
        let progress = &mut self.slots[instrument.index()].trades;
        if progress.last.is_some() {
            let has_spoken = progress.place(generation).is_some_and(|place| place.spoke);
            let reason = if has_spoken { Reason::Mute } else { Reason::Disconnected };
            self.tell_gap(instrument, 0, reason, out);
        }
        self.join(instrument, generation, out);
    }

    /// Connections that stand apart and have nobody to be compared with any more join.
    pub(super) fn settle_memory(&mut self, instrument: InstrumentId, out: &mut Vec<Tick>) {
        while let Some(held) = self.held.first_trade(instrument) {
            let generation = held.source.generation;
            if self.slots[instrument.index()].trades.has_others_joined(generation) {
                return;
            }
            self.join_unproven(instrument, generation, out);
        }
    }

    /// A connection is subscribed to everything, and was granted the trades of these. Where they are
    /// told apart by memory, the ticket under which the others that carry the same are to be asked
    /// for a sign of life.
    pub(crate) fn settled(
        &mut self,
        generation: u32,
        granted: impl Iterator<Item = InstrumentId>,
    ) -> Option<u64> {
        self.recent.as_ref()?;
        self.tickets += 1;
        let published = |one: InstrumentId| Some((one, self.slots.get(one.index())?.trades.last));
        let granted = granted.filter_map(published).collect();
        self.settled.retain(|settled| settled.generation != generation);
        self.settled.push(Settled { generation, ticket: self.tickets, granted });
        Some(self.tickets)
    }

    /// The sign of life: `old` has brought all that was there of what it is known to bring when the
    /// connection of the ticket was granted the same, which brings what came since.
    pub(crate) fn overlap(&mut self, old: u32, ticket: u64, out: &mut Vec<Tick>) {
        let settled = self.settled.iter().position(|settled| settled.ticket == ticket);
        let Some(settled) = settled else { return };
        for index in 0..self.settled[settled].granted.len() {
            let Settled { generation: new, ref granted, .. } = self.settled[settled];
            let (instrument, published) = granted[index];
            let Some(slot) = self.slots.get_mut(instrument.index()) else { continue };
            if slot.trades.is_joined_level(old) && !slot.trades.is_joined(new) {
                slot.trades.enter_apart(new);
                if let Some(place) = slot.trades.place(new) {
                    place.last = place.last.max(published);
                }
                self.join(instrument, new, out);
            }
        }
    }

    /// The connection was mute and asks for a stream again. What was missed meanwhile is unknown;
    /// its ids show it where they are contiguous.
    pub(crate) fn doubt(&mut self, instrument: InstrumentId, generation: u32) {
        if self.recent.is_none() {
            return;
        }
        // What the others were asked for is about the stream before.
        for settled in self.settled.iter_mut().filter(|one| one.generation == generation) {
            settled.granted.retain(|(granted, _)| *granted != instrument);
        }
        if let Some(slot) = self.slots.get_mut(instrument.index()) {
            slot.trades.set_mute_apart(generation);
        }
    }

    /// Whether a connection cannot be compared yet with another that brings the trades of one of
    /// these instruments, so that it could not take over without a doubt.
    pub(crate) fn is_apart(
        &self,
        generation: u32,
        mut instruments: impl Iterator<Item = InstrumentId>,
    ) -> bool {
        self.recent.is_some()
            && instruments.any(|instrument| {
                self.slots.get(instrument.index()).is_some_and(|Slot { trades, .. }| {
                    !trades.is_joined(generation) && trades.has_others_joined(generation)
                })
            })
    }
}

/// What a trade is remembered by, if it has an id. An exchange that begins anew uses an id again, at
/// another time.
pub(super) fn id_in_memory(trade: &SequencedTick) -> Option<u128> {
    let Tick { instrument, exchange_time, body, .. } = trade.tick;
    let millis = exchange_time.millis().cast_unsigned() as u32;
    let place = u64::from(instrument.0) << 32 | u64::from(millis);
    match body.trade()?.id {
        TradeId::Uuid(id) => Some(u128::from(place) << 64 ^ id),
        TradeId::Spelled(id) => Some(u128::from(place) << 64 ^ id.mixed()),
        TradeId::Number(_) | TradeId::None => {
            Some(u128::from(place) << 64 | u128::from(trade.sequence?))
        }
    }
}
