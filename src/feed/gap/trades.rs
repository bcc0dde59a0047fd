//! Trades: each once, in order, and what is missing is told.

use super::{Numbers, Source, Verdict, count_copy, count_win};
use crate::clock::UnixNanos;
use crate::exchange::{Origin, SequencedTick, TradeMark};
use crate::feed::hold::HeldTrade;
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
        let follows = trade.first == slot.trades.last + 1 && trade.origin == Origin::Live;
        if !follows || self.recent.is_some() || trade.sequence == 0 {
            return self.judge(trade, source, out);
        }
        let before = slot.trades.note(source.generation, trade.sequence).before;
        slot.trades.advance(trade.sequence, self.newest);
        slot.trade_time = trade.tick.exchange_time;
        out.push(trade.tick);
        if self.paired {
            count_win(&self.counters, &mut slot.trades, trade.sequence, source);
            self.count_missed(before, trade.first, source);
        }
        if !self.held.is_empty() {
            self.settle_trades(instrument, out);
        }
        Verdict::Next
    }

    /// What is not simply the next trade.
    fn judge(&mut self, trade: &SequencedTick, source: Source, out: &mut Vec<Tick>) -> Verdict {
        let instrument = trade.tick.instrument;
        let id = match trade.tick.body.trade().map(|trade| trade.id) {
            Some(TradeId::Uuid(id)) => id,
            _ => u128::from(instrument.0) << 64 | u128::from(trade.sequence),
        };
        let is_uuid = matches!(trade.tick.body, Body::Trade { id_is_uuid: true, .. });
        if self.recent.is_some() && (is_uuid || trade.sequence != 0) {
            return self.judge_by_memory(id, trade, source, out);
        }
        if trade.sequence != 0 {
            return self.judge_by_number(trade, source, out);
        }
        let verdict = self.owned(instrument, Channel::Trades, source);
        if verdict == Verdict::Next {
            out.push(trade.tick);
        }
        verdict
    }

    /// The exchange's word about its last trade: what did not come until its next word is missing.
    /// Not at once, as the word may overtake the trade by a little.
    pub(in crate::feed) fn mark(
        &mut self,
        mark: TradeMark,
        source: Source,
        out: &mut Vec<Tick>,
    ) -> Verdict {
        let TradeMark { instrument, last_id: marked } = mark;
        let Some(slot) = self.slots.get_mut(instrument.index()) else { return Verdict::Older };
        let last_id = std::mem::replace(&mut slot.trade_mark, marked).min(marked);
        let progress = &mut slot.trades;
        // What happened before the first trade that we heard of is not missing.
        if self.recent.is_some() || progress.last == 0 || last_id <= progress.last {
            return Verdict::Older;
        }
        let before = progress.note(source.generation, last_id).before;
        let first = last_id + 1;
        if self.paired {
            self.count_missed(before, first, source);
        }
        self.hold(instrument, HeldTrade { first, last: last_id, id: 0, source, tick: None }, out)
    }

    /// A trade with a contiguous id that does not simply follow.
    #[cold]
    fn judge_by_number(
        &mut self,
        trade: &SequencedTick,
        source: Source,
        out: &mut Vec<Tick>,
    ) -> Verdict {
        let SequencedTick { sequence: last, first, origin, tick } = *trade;
        let instrument = tick.instrument;
        let slot = &mut self.slots[instrument.index()];
        let progress = &mut slot.trades;
        let begins = progress.last == 0 || slot.trades_began == source.received;
        if origin == Origin::Past && begins {
            // These, all of one frame, are not ours to tell; from the last on nothing may be
            // missing.
            slot.trades_began = source.received;
            progress.note(source.generation, last);
            if last > progress.last {
                progress.advance(last, self.newest);
            }
            return Verdict::Older;
        }
        let before = progress.note(source.generation, last).before;
        let is_first = progress.last == 0;
        if self.paired && before != 0 && first > before + 1 {
            self.counters.line(source.copy).missed.add(first - before - 1);
        }
        if last <= progress.last {
            if self.paired {
                count_copy(&self.counters, progress, last, source);
            }
            let counts_anew = origin != Origin::Past && {
                // A connection that cannot have seen the last trade and brings an older id with a
                // later time is no repetition.
                let (time, last_time) = (tick.exchange_time, slot.trade_time);
                let later = time.is_some() && last_time.is_some() && time > last_time;
                let is_later = progress.is_later(source.generation);
                progress.count_older(last, before, source.generation) || (is_later && later)
            };
            if counts_anew {
                self.begin_anew(trade, source, out);
                return Verdict::Next;
            }
            return Verdict::Older;
        }
        if is_first || first <= progress.last + 1 {
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

    /// The exchange counts anew: nothing before can be compared with what comes.
    fn begin_anew(&mut self, trade: &SequencedTick, source: Source, out: &mut Vec<Tick>) {
        let instrument = trade.tick.instrument;
        let slot = &mut self.slots[instrument.index()];
        let reconnected = slot.trades.is_later(source.generation);
        slot.trades.restart(source.generation, trade.sequence);
        slot.trades.advance(trade.sequence, self.newest);
        slot.trade_time = trade.tick.exchange_time;
        self.held.drop_trades(instrument);
        self.tell_gap(instrument, 0, reconnected, out);
        out.push(trade.tick);
    }

    /// Keeps a trade, or a mark, that lies behind a hole; unless nobody can fill that.
    fn hold(&mut self, instrument: InstrumentId, trade: HeldTrade, out: &mut Vec<Tick>) -> Verdict {
        if !self.held.has_room_for(1) {
            self.counters.held_back_overflows.increment();
            self.slots[instrument.index()].trades.give_up_behind();
        }
        self.held.push_trade(instrument, trade);
        self.settle_trades(instrument, out);
        let waits = trade.last > self.slots[instrument.index()].trades.last;
        if waits { Verdict::Ahead } else { Verdict::Next }
    }

    /// Publishes what waited and need not wait any more: its hole was filled, or cannot be.
    pub(super) fn settle_trades(&mut self, instrument: InstrumentId, out: &mut Vec<Tick>) {
        if self.recent.is_some() {
            return self.settle_memory(instrument, out);
        }
        while let Some(&held) = self.held.first_trade(instrument) {
            let progress = &mut self.slots[instrument.index()].trades;
            if held.last <= progress.last {
                self.counters.duplicates.increment();
            } else if held.first > progress.last + 1 && progress.can_be_filled() {
                return;
            } else {
                let missed = held.first - (progress.last + 1).min(held.first);
                let reconnected = progress.is_later(held.source.generation);
                if missed > 0 {
                    self.tell_gap(instrument, missed, reconnected, out);
                }
                self.publish(instrument, &held, out);
            }
            self.held.pop_trade(instrument);
        }
    }

    fn publish(&mut self, instrument: InstrumentId, trade: &HeldTrade, out: &mut Vec<Tick>) {
        let slot = &mut self.slots[instrument.index()];
        slot.trades.advance(trade.last, self.newest);
        if let Some(tick) = trade.tick {
            slot.trade_time = tick.exchange_time;
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
        reconnected: bool,
        out: &mut Vec<Tick>,
    ) {
        self.counters.gaps.increment();
        let reason = if reconnected { Reason::Disconnected } else { Reason::SequenceGap };
        let body = Body::Gap { channel: Channel::Trades, reason, missed };
        out.push(Tick::new(instrument, UnixNanos::NONE, body));
    }

    /// A line that skipped ids has lost those, whoever else brought them.
    fn count_missed(&self, before: u64, first: u64, source: Source) {
        if before != 0 && first > before + 1 {
            self.counters.line(source.copy).missed.add(first - before - 1);
        }
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
        if trade.origin == Origin::Past && progress.last == 0 {
            return Verdict::Older;
        }
        let is_new = progress.place(source.generation).is_none();
        if is_new && progress.has_others(source.generation) {
            progress.enter_apart(source.generation);
        } else if is_new {
            let hole = progress.last != 0 && progress.is_later(source.generation);
            progress.note(source.generation, 1);
            if hole {
                self.tell_gap(instrument, 0, true, out);
            }
        }
        let known = self.recent.as_ref().is_some_and(|recent| recent.contains(id));
        let progress = &mut self.slots[instrument.index()].trades;
        let apart = progress.place(source.generation).is_some_and(|place| place.apart);
        if known {
            if self.paired {
                count_copy(&self.counters, progress, id as u64, source);
            }
            if apart {
                self.join(instrument, source.generation, out);
            }
            return Verdict::Older;
        }
        let tick = Some(Tick { received: source.received, ..trade.tick });
        let held = HeldTrade { first: 0, last: 0, id, source, tick };
        if apart && progress.has_others_joined(source.generation) {
            if self.held.has_room_for(1) {
                self.held.push_trade(instrument, held);
                return Verdict::Ahead;
            }
            self.counters.held_back_overflows.increment();
        }
        if apart {
            self.join(instrument, source.generation, out);
        }
        self.remember(instrument, &held, out);
        if let Some(holder) = self.held.holder_of(instrument, id) {
            self.join(instrument, holder, out);
        }
        Verdict::Next
    }

    /// Publishes a trade and remembers its id.
    fn remember(&mut self, instrument: InstrumentId, trade: &HeldTrade, out: &mut Vec<Tick>) {
        if let Some(recent) = &mut self.recent {
            recent.insert(trade.id);
        }
        let progress = &mut self.slots[instrument.index()].trades;
        // Any number will do: it says that something was published.
        progress.advance(1, self.newest);
        out.extend(trade.tick);
        if self.paired {
            count_win(&self.counters, progress, trade.id as u64, trade.source);
        }
    }

    /// A connection that stood apart is compared from now on; what it brought is no copy unless it
    /// is known.
    fn join(&mut self, instrument: InstrumentId, generation: u32, out: &mut Vec<Tick>) {
        if let Some(place) = self.slots[instrument.index()].trades.place(generation) {
            place.apart = false;
        }
        for held in self.held.take_trades_of(instrument, generation) {
            if self.recent.as_ref().is_some_and(|recent| recent.contains(held.id)) {
                self.counters.duplicates.increment();
            } else {
                self.remember(instrument, &held, out);
            }
        }
    }

    /// Connections that stand apart and have nobody to be compared with any more join.
    fn settle_memory(&mut self, instrument: InstrumentId, out: &mut Vec<Tick>) {
        while let Some(held) = self.held.first_trade(instrument) {
            let generation = held.source.generation;
            if self.slots[instrument.index()].trades.has_others_joined(generation) {
                return;
            }
            self.join(instrument, generation, out);
        }
    }
}
