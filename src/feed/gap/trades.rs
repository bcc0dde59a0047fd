//! Trades: each once, in order, and what is missing is told.
//!
//! Ids that follow each other show by themselves what is missing. [`super::memory`] says how it goes
//! where they do not.

use super::hold::{Doubt, HeldTrade};
use super::memory::id_in_memory;
use super::places::{STRANGE_MAX, Said, believed};
use super::{Numbers, Source, Verdict, count_copy, count_win};
use crate::clock::UnixNanos;
use crate::exchange::{Marked, Origin, SequencedTick, TradeMark};
use crate::instrument::{Channel, InstrumentId};
use crate::tick::{Body, Reason, Tick};

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
    pub(super) fn tell_gap(
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
}

/// Why numbers are missing.
fn reason_of(reconnected: bool) -> Reason {
    if reconnected { Reason::Disconnected } else { Reason::SequenceGap }
}
