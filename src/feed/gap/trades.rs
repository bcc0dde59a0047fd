//! Trades: each once, in order, and what is missing is told.
//!
//! Ids that follow each other show by themselves what is missing. Where they do not, a connection
//! stands apart, and what it brings is held back, until there is proof that nothing is missing
//! between what was published and what it brings:
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

use super::hold::{Doubt, HeldTrade};
use super::places::{STRANGE_MAX, Said, believed};
use super::{Numbers, Settled, Slot, Source, Verdict, count_copy, count_win};
use crate::clock::{MonoNanos, UnixNanos};
use crate::exchange::{Marked, Origin, SequencedTick, TradeMark};
use crate::instrument::{Channel, InstrumentId};
use crate::tick::{Body, Reason, Tick, TradeId};

impl Numbers {
    /// Judges a trade by its id and puts what is to be published into `out`: the trade, a gap
    /// before it, what waited for it.
    #[inline]
    pub(in crate::feed) fn trade(
        &mut self,
        trade: &SequencedTick,
        source: Source,
        out: &mut Vec<Tick>,
    ) -> Verdict {
        let instrument = trade.tick.instrument;
        let Some(slot) = self.slots.get_mut(instrument.index()) else {
            out.push(trade.tick);
            return Verdict::Next;
        };
        let follows = slot.trades.is_next(trade.first)
            && slot.trades.is_since(trade.tick.exchange_time)
            && trade.origin == Origin::Live;
        let (Some(first), Some(number), true, None) =
            (trade.first, trade.sequence, follows, &self.recent)
        else {
            return self.judge(trade, source, out);
        };
        let before = slot.trades.note(source.generation, number).before;
        let time = believed(trade.tick.exchange_time, self.believed_until);
        let said = Said { number, time, received: source.received };
        slot.trades.advance(said, self.newest);
        out.push(trade.tick);
        if self.paired {
            count_win(&self.counters, &mut slot.trades, number, source);
            self.count_missed(before, first, source);
        }
        if !self.held.is_empty() {
            self.settle_trades(instrument, out);
        }
        Verdict::Next
    }

    /// What is not simply the next trade.
    fn judge(&mut self, trade: &SequencedTick, source: Source, out: &mut Vec<Tick>) -> Verdict {
        let instrument = trade.tick.instrument;
        if self.recent.is_some() {
            if let Some(id) = id_in_memory(trade) {
                return self.judge_by_memory(id, trade, source, out);
            }
        } else if let (Some(first), Some(last)) = (trade.first, trade.sequence) {
            let time = believed(trade.tick.exchange_time, self.believed_until);
            let progress = &self.slots[instrument.index()].trades;
            // However far its number lies from the new ones.
            let is_from_before = match trade.origin {
                Origin::Past => progress.is_past_before(time, last),
                Origin::Live | Origin::Derived => {
                    progress.is_from_before(time, last, source.generation)
                }
            };
            if is_from_before {
                return Verdict::Older;
            }
            if !progress.is_far(first, source.generation) {
                return self.judge_by_number((first, last), trade, source, out);
            }
            if trade.origin != Origin::Past {
                let said = Said { number: last, time, received: source.received };
                return self.tell_odd((first, said), trade.tick, source, out);
            }
        }
        // Without a number nobody knows what of the past was told.
        if trade.origin == Origin::Past {
            return Verdict::Older;
        }
        let verdict = self.owned(instrument, Channel::Trades, source);
        if verdict == Verdict::Next {
            out.push(trade.tick);
        }
        verdict
    }

    /// A trade whose number neither follows what was told nor repeats it is told behind a gap of
    /// unknown size, and what comes next is compared with what came before it: one odd number loses
    /// no other trade. Several such in a row are an exchange that counts anew.
    #[cold]
    fn tell_odd(
        &mut self,
        (first, said): (u64, Said),
        tick: Tick,
        source: Source,
        out: &mut Vec<Tick>,
    ) -> Verdict {
        let instrument = tick.instrument;
        // Another line's copy shows nothing.
        if self.owned(instrument, Channel::Trades, source) != Verdict::Next {
            return Verdict::Older;
        }
        self.give_up_waiting(instrument, out);
        let progress = &mut self.slots[instrument.index()].trades;
        let (missed, in_a_row) =
            (progress.missing_behind_odd(first), progress.count_odd(said.number));
        let reason = reason_of(progress.is_later(source.generation));
        self.tell_leap(instrument, missed, reason, out);
        if in_a_row >= STRANGE_MAX {
            self.begin_anew(said, instrument, source, out);
        }
        out.push(tick);
        Verdict::Next
    }

    /// What the exchange says of an id beside its trades.
    pub(in crate::feed) fn mark(
        &mut self,
        mark: TradeMark,
        source: Source,
        out: &mut Vec<Tick>,
    ) -> Verdict {
        let TradeMark { instrument, last_id, marked } = mark;
        match marked {
            Marked::Last => self.mark_last(instrument, last_id, source, out),
            Marked::NoTrade(time) => self.pass(instrument, (last_id, time), source, out),
        }
    }

    /// An id was heard that no trade of the book has. Like a trade's it shows which are missing
    /// before it, and it is not missing itself.
    fn pass(
        &mut self,
        instrument: InstrumentId,
        (number, time): (u64, UnixNanos),
        source: Source,
        out: &mut Vec<Tick>,
    ) -> Verdict {
        let time = believed(time, self.believed_until);
        let Some(slot) = self.slots.get_mut(instrument.index()) else { return Verdict::Older };
        let progress = &mut slot.trades;
        let is_odd = progress.is_from_before(time, number, source.generation)
            || progress.is_far(number, source.generation);
        if self.recent.is_some() || is_odd {
            return Verdict::Older;
        }
        let before = progress.note(source.generation, number).before;
        let is_behind = Some(number) <= progress.last;
        if self.paired {
            self.count_missed(before, number, source);
        }
        if is_behind {
            return Verdict::Older;
        }
        let heard = HeldTrade { first: number, last: number, id: 0, source, tick: None };
        self.hold(instrument, heard, out)
    }

    /// The exchange's word about its last trade: what did not come until its next word is missing.
    /// Not at once, as the word may overtake the trade by a little.
    fn mark_last(
        &mut self,
        instrument: InstrumentId,
        marked: u64,
        source: Source,
        out: &mut Vec<Tick>,
    ) -> Verdict {
        let Some(slot) = self.slots.get_mut(instrument.index()) else { return Verdict::Older };
        let Some(before) = slot.trade_mark.replace(marked) else { return Verdict::Older };
        let last_id = before.min(marked);
        let progress = &mut slot.trades;
        // What happened before the first trade that we heard of is not missing.
        let is_behind = progress.last.is_none() || Some(last_id) <= progress.last;
        if self.recent.is_some() || is_behind || progress.is_far(last_id, source.generation) {
            return Verdict::Older;
        }
        let before = progress.note(source.generation, last_id).before;
        let first = last_id.saturating_add(1);
        if self.paired {
            self.count_missed(before, first, source);
        }
        self.hold(instrument, HeldTrade { first, last: last_id, id: 0, source, tick: None }, out)
    }

    /// A trade with a contiguous id that does not simply follow.
    #[cold]
    fn judge_by_number(
        &mut self,
        (first, last): (u64, u64),
        trade: &SequencedTick,
        source: Source,
        out: &mut Vec<Tick>,
    ) -> Verdict {
        let SequencedTick { origin, tick, .. } = *trade;
        let time = believed(tick.exchange_time, self.believed_until);
        let said = Said { number: last, time, received: source.received };
        let instrument = tick.instrument;
        let slot = &mut self.slots[instrument.index()];
        let progress = &mut slot.trades;
        let begins = progress.last.is_none() || slot.trades_began == source.received;
        if origin == Origin::Past && begins {
            // These, all of one frame, are not ours to tell; from the last on nothing may be
            // missing.
            slot.trades_began = source.received;
            progress.note(source.generation, last);
            if Some(last) > progress.last {
                progress.advance(said, self.newest);
            }
            return Verdict::Older;
        }
        let before = progress.note(source.generation, last).before;
        let missed = progress.missing_before(first);
        if self.paired {
            let skipped = before.map_or(0, |before| first.saturating_sub(before.saturating_add(1)));
            self.counters.line(source.copy).missed.add(skipped);
        }
        if Some(last) <= progress.last {
            if self.paired {
                count_copy(&self.counters, progress, last, source);
            }
            return self.judge_older((first, said), before, trade, source, out);
        }
        if missed == 0 {
            self.publish(
                instrument,
                &HeldTrade { first, last, id: 0, source, tick: Some(tick) },
                out,
            );
            self.settle_trades(instrument, out);
            return Verdict::Next;
        }
        let tick = Some(Tick { received: source.received, ..tick });
        self.hold(instrument, HeldTrade { first, last, id: 0, source, tick }, out)
    }

    /// A trade whose number is not beyond the last one, by a connection that was at `before`.
    #[cold]
    fn judge_older(
        &mut self,
        (first, said): (u64, Said),
        before: Option<u64>,
        trade: &SequencedTick,
        source: Source,
        out: &mut Vec<Tick>,
    ) -> Verdict {
        let SequencedTick { origin, tick, .. } = *trade;
        let (instrument, generation) = (tick.instrument, source.generation);
        let progress = &mut self.slots[instrument.index()].trades;
        let after = progress.last;
        let doubt = Doubt { first, last: said.number, generation, after, tick };
        let counts_anew = match origin {
            Origin::Past => progress.goes_back(said, before),
            Origin::Live | Origin::Derived => {
                if progress.was_never_told(said, before) {
                    return self.tell_odd((first, said), tick, source, out);
                }
                let counted = progress.older();
                let counts_anew = progress.count_older_trade(said, before, generation);
                if !counts_anew && progress.older() > counted {
                    self.held.push_doubt(doubt);
                }
                counts_anew
            }
        };
        if !counts_anew {
            return Verdict::Older;
        }
        let reason = reason_of(progress.is_later(generation));
        let missed = progress.missing_behind_odd(self.held.first_doubted(&doubt));
        self.begin_anew(said, instrument, source, out);
        self.tell_leap(instrument, missed, reason, out);
        self.held.take_doubts(&doubt, out);
        out.push(tick);
        Verdict::Next
    }

    /// Tells that trades may be missing before one that does not follow the last; `missed` says how
    /// many, where its number follows that of an odd one.
    fn tell_leap(
        &mut self,
        instrument: InstrumentId,
        missed: Option<u64>,
        reason: Reason,
        out: &mut Vec<Tick>,
    ) {
        if missed != Some(0) {
            self.tell_gap(instrument, missed.unwrap_or(0), reason, out);
        }
    }

    /// Tells what waits for another line, as something that comes behind it is to be told.
    fn give_up_waiting(&mut self, instrument: InstrumentId, out: &mut Vec<Tick>) {
        if self.held.first_trade(instrument).is_some() {
            self.slots[instrument.index()].trades.give_up_behind();
            self.settle_trades(instrument, out);
        }
    }

    /// The exchange counts anew, from this on: nothing before can be compared with what comes. What
    /// waited for something before is told first.
    fn begin_anew(
        &mut self,
        said: Said,
        instrument: InstrumentId,
        source: Source,
        out: &mut Vec<Tick>,
    ) {
        self.give_up_waiting(instrument, out);
        let slot = &mut self.slots[instrument.index()];
        slot.trades.restart(source.generation, said);
        slot.trades.advance(said, self.newest);
        slot.trade_mark = None;
    }

    /// Keeps a trade, or a mark, that lies behind a hole; unless nobody can fill that.
    fn hold(&mut self, instrument: InstrumentId, trade: HeldTrade, out: &mut Vec<Tick>) -> Verdict {
        if !self.held.has_room_for(1) {
            self.counters.held_back_overflows.increment();
            self.slots[instrument.index()].trades.give_up_behind();
        }
        self.held.push_trade(instrument, trade);
        self.settle_trades(instrument, out);
        let waits = Some(trade.last) > self.slots[instrument.index()].trades.last;
        if waits { Verdict::Ahead } else { Verdict::Next }
    }

    /// Publishes what waited and need not wait any more: its hole was filled, or cannot be.
    pub(super) fn settle_trades(&mut self, instrument: InstrumentId, out: &mut Vec<Tick>) {
        if self.recent.is_some() {
            return self.settle_memory(instrument, out);
        }
        while let Some(&held) = self.held.first_trade(instrument) {
            let progress = &mut self.slots[instrument.index()].trades;
            let missed = progress.missing_before(held.first);
            if Some(held.last) <= progress.last {
                self.counters.duplicates.increment();
            } else if missed > 0 && progress.can_be_filled() {
                return;
            } else {
                let reconnected = progress.is_later(held.source.generation);
                if missed > 0 {
                    progress.note_hole(held.first);
                    self.tell_gap(instrument, missed, reason_of(reconnected), out);
                }
                self.publish(instrument, &held, out);
            }
            self.held.pop_trade(instrument);
        }
    }

    fn publish(&mut self, instrument: InstrumentId, trade: &HeldTrade, out: &mut Vec<Tick>) {
        let slot = &mut self.slots[instrument.index()];
        let time = trade.tick.map_or(UnixNanos::NONE, |tick| tick.exchange_time);
        let time = believed(time, self.believed_until);
        let said = Said { number: trade.last, time, received: trade.source.received };
        slot.trades.advance(said, self.newest);
        if let Some(tick) = trade.tick {
            out.push(tick);
            if self.paired {
                count_win(&self.counters, &mut slot.trades, trade.last, trade.source);
            }
        }
    }

    #[cold]
    fn tell_gap(
        &mut self,
        instrument: InstrumentId,
        missed: u64,
        reason: Reason,
        out: &mut Vec<Tick>,
    ) {
        self.counters.gaps.increment();
        let body = Body::Gap { channel: Channel::Trades, reason, missed };
        out.push(Tick::new(instrument, UnixNanos::NONE, body));
    }

    /// A line that skipped ids has lost those, whoever else brought them.
    fn count_missed(&self, before: Option<u64>, first: u64, source: Source) {
        let skipped = before.map_or(0, |before| first.saturating_sub(before.saturating_add(1)));
        self.counters.line(source.copy).missed.add(skipped);
    }

    /// A trade whose id only tells it apart from others.
    fn judge_by_memory(
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
        // They are counted, as nothing else puts them in order.
        let number = progress.last.map_or(1, |last| last.saturating_add(1));
        progress.advance(Said { number, ..NOTHING_SAID }, self.newest);
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
    fn settle_memory(&mut self, instrument: InstrumentId, out: &mut Vec<Tick>) {
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
    pub(in crate::feed) fn settled(
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
    pub(in crate::feed) fn overlap(&mut self, old: u32, ticket: u64, out: &mut Vec<Tick>) {
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
    pub(in crate::feed) fn doubt(&mut self, instrument: InstrumentId, generation: u32) {
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
    pub(in crate::feed) fn is_apart(
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

/// Where ids tell nothing of their neighbours, a trade says nothing that later ones are compared with.
const NOTHING_SAID: Said = Said { number: 0, time: UnixNanos::NONE, received: MonoNanos::ZERO };

/// What a trade is remembered by, if it has an id. An exchange that begins anew uses an id again, at
/// another time.
fn id_in_memory(trade: &SequencedTick) -> Option<u128> {
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

/// Why numbers are missing.
fn reason_of(reconnected: bool) -> Reason {
    if reconnected { Reason::Disconnected } else { Reason::SequenceGap }
}
