//! Trades: each once, in order, and what is missing is told.
//!
//! Ids that follow each other show by themselves what is missing; [`super::leaps`] has the rule of
//! those that leap. [`super::memory`] says how it goes where ids do not follow each other.

use super::hold::HeldTrade;
use super::memory::id_in_memory;
use super::places::{Said, believed};
use super::{Numbers, Source, Verdict, count_copy, count_win};
use crate::clock::UnixNanos;
use crate::exchange::{Marked, Origin, SequencedTick, TradeMark};
use crate::instrument::{Channel, InstrumentId};
use crate::tick::{Body, Reason, Tick};

impl Numbers {
    /// Judges a trade by its id and puts what is to be published into `out`: the trade, a gap
    /// before it, what waited for it.
    #[inline]
    pub(crate) fn trade(
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
            let said = Said { number: last, time, received: source.received };
            let progress = &self.slots[instrument.index()].trades;
            if progress.is_covered((first, said), trade.origin, source.generation) {
                return Verdict::Older;
            }
            let is_far = progress.is_far(first, source.generation);
            if progress.goes_on_beside(first) || (is_far && trade.origin != Origin::Past) {
                return self.tell_beside((first, said), trade.tick, source, out);
            }
            if !is_far {
                return self.judge_by_number((first, said), trade, source, out);
            }
        }
        // Without a number nobody knows what of the past was told.
        if trade.origin == Origin::Past {
            return Verdict::Older;
        }
        let verdict = self.owned(instrument, Channel::Trades, source);
        if verdict == Verdict::Next {
            if self.slots[instrument.index()].trades.take_unread() {
                self.tell_gap(instrument, 0, Reason::Refused, out);
            }
            out.push(trade.tick);
        }
        verdict
    }

    /// What the exchange says of an id beside its trades.
    pub(crate) fn mark(&mut self, mark: TradeMark, source: Source, out: &mut Vec<Tick>) -> Verdict {
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
        let said = Said { number, time, received: source.received };
        let is_odd = progress.is_covered((number, said), Origin::Live, source.generation)
            || progress.pass_beside(number)
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
        (first, said): (u64, Said),
        trade: &SequencedTick,
        source: Source,
        out: &mut Vec<Tick>,
    ) -> Verdict {
        let SequencedTick { origin, tick, .. } = *trade;
        let (last, instrument) = (said.number, tick.instrument);
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
        self.settle_until(instrument, None, out);
    }

    /// The same; and what happened no later than `given_up` waits no more, however its hole is. Of
    /// what has no time that is not known, nor of anything if that is [`UnixNanos::NONE`].
    pub(super) fn settle_until(
        &mut self,
        instrument: InstrumentId,
        given_up: Option<UnixNanos>,
        out: &mut Vec<Tick>,
    ) {
        while let Some(&held) = self.held.first_trade(instrument) {
            let progress = &mut self.slots[instrument.index()].trades;
            let missed = progress.missing_before(held.first);
            let time = held.tick.map_or(UnixNanos::NONE, |tick| tick.exchange_time);
            let waits = given_up.is_none_or(|until| until.is_some() && time > until);
            if Some(held.last) <= progress.last {
                self.counters.duplicates.increment();
            } else if missed > 0 && waits && progress.can_be_filled() {
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
pub(super) fn reason_of(reconnected: bool) -> Reason {
    if reconnected { Reason::Disconnected } else { Reason::SequenceGap }
}
