//! Holes and repetitions in an exchange's own numbering, per instrument, over all connections that
//! carry it.
//!
//! A trade is published once and in order of its id, by whichever connection brings it first. What
//! comes before a hole that another connection may still fill is held back; a hole that none can
//! fill any more is told as a gap, with the number of trades that never came. Trades whose ids say
//! nothing about what follows what are told apart by the ids that came lately ([`memory`] says how
//! a connection takes over from another there). Streams without any number belong to one
//! connection at a time.

mod books;
mod hold;
mod leaps;
mod memory;
mod places;
mod recent;
mod recorded;
#[cfg(test)]
mod tests;
mod trades;

use std::sync::Arc;

use hold::HeldBack;
pub(crate) use places::Source;
use places::{Progress, Said, believed};
use recent::Recent;
pub use recorded::{RecordedState, RecordedTrades};

use crate::clock::{MonoNanos, UnixNanos};
use crate::exchange::{Continuity, SequencedTick, Subscription};
use crate::instrument::{Channel, InstrumentId};
use crate::limits::{NUMBERS_STRANGE_MAX, OWNER_SILENT_MAX};
use crate::metrics::FeedCounters;
use crate::tick::{Body, Tick};

/// What an event's number says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// To be published; with all that waited for it.
    Next,
    /// It was published before, or something after it was, or it is another's to bring.
    Older,
    /// It waits for what precedes it.
    Ahead,
    /// To be published: the exchange counts anew from it on, and what came before is unknown.
    Anew,
    /// A book event of a connection that is behind the one that brings the book: to be kept beside.
    Beside,
    /// The same, of one of which no date tells whether it is behind: its book is to take over if it is
    /// like the one that is told.
    Level,
    /// The same, and with it that connection is not behind any more: its book is to take over, which
    /// [`Numbers::hand_over`] is told.
    CaughtUp,
    /// A whole book without a number or a date, where one is proven that the same connection brought:
    /// nobody knows which of the two is newer.
    Doubtful,
    /// A book event to be published as one that states this id as the previous one's.
    Spliced {
        /// The last id published.
        previous: u64,
    },
}

/// How the loss of an event is told that could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LossTold {
    /// Another connection may bring it, or the book is asked for anew.
    Nowhere,
    /// By a gap at once: no number will show it.
    AtOnce,
    /// By the number of the next trade, which shows how many are missing, or that none is. Until then
    /// nobody knows what the last ones lack.
    ByTheNext,
}

/// Who brings a stream that has no numbers.
#[derive(Clone, Copy, Debug)]
struct Owner {
    /// The connection; 0 for none.
    generation: u32,
    /// When it last spoke.
    heard: MonoNanos,
    /// The exchange's own time of the newest event of a book.
    told: UnixNanos,
}

impl Owner {
    const NONE: Self = Self { generation: 0, heard: MonoNanos::ZERO, told: UnixNanos::NONE };

    /// Whether another may go on with the stream.
    const fn is_free(&self, now: MonoNanos) -> bool {
        self.generation == 0 || now.0 >= self.heard.after(OWNER_SILENT_MAX).0
    }
}

/// What is remembered of one instrument.
#[derive(Clone, Copy, Debug)]
struct Slot {
    trades: Progress,
    /// When the past trades were read that the first subscription began with.
    trades_began: MonoNanos,
    /// The last trade by the exchange's own word.
    trade_mark: Option<u64>,
    /// The last trade, by what it is remembered by; without meaning before the first.
    newest_trade: u128,
    quotes: Progress,
    tickers: Progress,
    book: Progress,
    owners: [Owner; Channel::ALL.len()],
    /// The newest connection that brought anything of each channel; 0 for none.
    begun: [u32; Channel::ALL.len()],
    /// Of a book without numbers: a connection that is behind the owner, and is to take over.
    beside: Owner,
    /// The connection that spoke beside the owner of the exchange's candles, and since when; 0 for
    /// none.
    candles_heir: (u32, MonoNanos),
    /// Channels that are not carried, though events of theirs come: with what is carried, or as they
    /// were on their way. A bit each.
    withdrawn: u8,
}

const _: () = assert!(Channel::ALL.len() <= 8);

const fn bit(channel: Channel) -> u8 {
    1 << channel as u8
}

impl Slot {
    const EMPTY: Self = Self {
        trades: Progress::NEW,
        trades_began: MonoNanos::ZERO,
        trade_mark: None,
        newest_trade: 0,
        quotes: Progress::NEW,
        tickers: Progress::NEW,
        book: Progress::NEW,
        owners: [Owner::NONE; Channel::ALL.len()],
        begun: [0; Channel::ALL.len()],
        beside: Owner::NONE,
        candles_heir: (0, MonoNanos::ZERO),
        withdrawn: 0,
    };
}

/// A connection that others are asked for.
#[derive(Debug)]
struct Settled {
    generation: u32,
    /// Under which they are asked.
    ticket: u64,
    /// Whose trades it was granted, and how many had been published by then.
    granted: Vec<(InstrumentId, Option<u64>)>,
}

/// The last numbers of every instrument of a feed.
#[derive(Debug)]
pub(crate) struct Numbers {
    slots: Vec<Slot>,
    continuity: Continuity,
    /// The last trade ids, where they do not tell what follows what.
    recent: Option<Recent>,
    held: HeldBack,
    /// Where ids are remembered: connections that are subscribed to everything, and for which the
    /// others are asked for a sign of life since then.
    settled: Vec<Settled>,
    /// Tickets so far.
    tickets: u64,
    /// The newest connection that was tried.
    newest: u32,
    /// The latest time that is believed of what is judged next.
    pub(crate) believed_until: UnixNanos,
    /// Several lines carry the same, so that their race is of interest.
    paired: bool,
    counters: Arc<FeedCounters>,
}

impl Numbers {
    /// Nothing seen yet, for instruments with ids below `count`.
    pub(crate) fn new(
        count: usize,
        trades_contiguous: bool,
        continuity: Continuity,
        paired: bool,
        counters: Arc<FeedCounters>,
    ) -> Self {
        Self {
            slots: vec![Slot::EMPTY; count],
            continuity,
            recent: (!trades_contiguous).then(Recent::new),
            held: HeldBack::default(),
            settled: Vec::new(),
            tickets: 0,
            newest: 0,
            believed_until: UnixNanos(i64::MAX),
            paired,
            counters,
        }
    }

    /// These streams are carried now, of instruments with ids below `count`.
    pub(crate) fn cover(&mut self, count: usize, carried: &[Subscription]) {
        if count > self.slots.len() {
            self.slots.resize(count, Slot::EMPTY);
        }
        for slot in &mut self.slots {
            slot.withdrawn = u8::MAX;
        }
        for one in carried {
            if let Some(slot) = self.slots.get_mut(one.instrument.index()) {
                slot.withdrawn &= !bit(one.channel);
            }
        }
    }

    /// Whether a stream is not carried, so that nothing of it matters.
    #[inline]
    pub(crate) fn is_withdrawn(&self, instrument: InstrumentId, channel: Channel) -> bool {
        let slot = self.slots.get(instrument.index());
        slot.is_some_and(|slot| slot.withdrawn & bit(channel) != 0)
    }

    /// Whether a connection brings a stream's first word. One that is replaced goes on where its
    /// successor has begun.
    #[inline]
    pub(crate) fn begins(
        &mut self,
        instrument: InstrumentId,
        channel: Channel,
        generation: u32,
    ) -> bool {
        let Some(slot) = self.slots.get_mut(instrument.index()) else { return false };
        let begun = &mut slot.begun[channel as usize];
        let begins = generation > *begun;
        *begun = generation.max(*begun);
        begins
    }

    /// A stream is not carried any more: what comes of it later, if ever, begins anew.
    pub(crate) fn forget(&mut self, instrument: InstrumentId, channel: Channel) {
        let Some(slot) = self.slots.get_mut(instrument.index()) else { return };
        slot.withdrawn |= bit(channel);
        slot.owners[channel as usize] = Owner::NONE;
        slot.begun[channel as usize] = 0;
        match channel {
            Channel::Trades => {
                (slot.trades, slot.trade_mark) = (Progress::NEW, None);
                self.held.drop_trades(instrument);
                for settled in &mut self.settled {
                    settled.granted.retain(|(granted, _)| *granted != instrument);
                }
            }
            Channel::Quotes => slot.quotes = Progress::NEW,
            Channel::Ticker => slot.tickers = Progress::NEW,
            Channel::Orderbook => {
                (slot.book, slot.beside) = (Progress::NEW, Owner::NONE);
                self.held.drop_books(instrument);
            }
            Channel::Candles | Channel::Status => {}
        }
    }

    /// A connection of this number is being tried.
    pub(crate) fn note_newest(&mut self, generation: u32) {
        self.newest = generation;
    }

    /// Judges a quote by its number; quotes may skip numbers.
    #[inline]
    pub(crate) fn quote(&mut self, quote: &SequencedTick, source: Source) -> Verdict {
        self.state(quote, Channel::Quotes, source)
    }

    /// Judges statistics by their number, likewise.
    #[inline]
    pub(crate) fn ticker(&mut self, ticker: &SequencedTick, source: Source) -> Verdict {
        self.state(ticker, Channel::Ticker, source)
    }

    /// Judges a state, of which only the latest matters.
    #[inline]
    fn state(&mut self, state: &SequencedTick, channel: Channel, source: Source) -> Verdict {
        let instrument = state.tick.instrument;
        let Some(number) = state.sequence else { return self.owned(instrument, channel, source) };
        let Some(slot) = self.slots.get_mut(instrument.index()) else { return Verdict::Next };
        let progress =
            if channel == Channel::Ticker { &mut slot.tickers } else { &mut slot.quotes };
        let time = believed(state.tick.exchange_time, self.believed_until);
        let said = Said { number, time, received: source.received };
        let is_from_before = progress.is_from_before(said.time, source.generation);
        if is_from_before || progress.is_left(number, source.generation) {
            return Verdict::Older;
        }
        if progress.is_far(number, source.generation) {
            return self.odd_state(instrument, channel, said, source);
        }
        let before = progress.note(source.generation, number).before;
        let mut verdict = Verdict::Next;
        if Some(number) > progress.last {
            progress.note_skipped(number);
        } else {
            if progress.was_never_told(said, before) {
                return self.odd_state(instrument, channel, said, source);
            }
            if !progress.count_older(said, before, source.generation, NUMBERS_STRANGE_MAX) {
                if self.paired {
                    count_copy(&self.counters, progress, number, source);
                }
                return Verdict::Older;
            }
            progress.restart(source.generation, said);
            self.counters.gaps.increment();
            verdict = Verdict::Anew;
        }
        progress.advance(said, self.newest);
        if self.paired {
            count_win(&self.counters, progress, number, source);
        }
        verdict
    }

    /// A state whose number leaps, by a slip of the exchange or as it counts anew, is told as what it
    /// is, the newest, where its date or the leap before it shows that. Else it may be long past, and
    /// is not told. What comes next is compared with what came before it, so that one odd number costs
    /// no other state; several in a row are an exchange that counts anew.
    #[cold]
    fn odd_state(
        &mut self,
        instrument: InstrumentId,
        channel: Channel,
        said: Said,
        source: Source,
    ) -> Verdict {
        // Another line's copy shows nothing.
        if self.owned(instrument, channel, source) != Verdict::Next {
            return Verdict::Older;
        }
        let slot = &mut self.slots[instrument.index()];
        let progress =
            if channel == Channel::Ticker { &mut slot.tickers } else { &mut slot.quotes };
        let is_newest = said.time.is_some() || progress.is_before_leap(said.number);
        let in_a_row = progress.count_odd(said.number);
        let is_anew = in_a_row >= NUMBERS_STRANGE_MAX;
        if is_anew {
            progress.restart(source.generation, said);
            progress.advance(said, self.newest);
        }
        let is_first_told = if is_newest { in_a_row == 1 } else { is_anew };
        match (is_newest || is_anew, is_first_told) {
            (false, _) => Verdict::Older,
            (true, false) => Verdict::Next,
            (true, true) => {
                self.counters.gaps.increment();
                Verdict::Anew
            }
        }
    }

    /// Judges what has no number: it is its owner's to bring. Whoever speaks first owns a stream,
    /// and keeps it while it speaks.
    #[inline]
    pub(crate) fn owned(
        &mut self,
        instrument: InstrumentId,
        channel: Channel,
        source: Source,
    ) -> Verdict {
        let Some(slot) = self.slots.get_mut(instrument.index()) else { return Verdict::Next };
        let owner = &mut slot.owners[channel as usize];
        if owner.generation != source.generation && !owner.is_free(source.received) {
            return Verdict::Older;
        }
        (owner.generation, owner.heard) = (source.generation, source.received);
        Verdict::Next
    }

    /// Judges candles of the exchange, which have no number: they are their owner's to bring. Whoever
    /// speaks first owns the stream, and keeps it while it speaks. [`Verdict::Anew`] where another
    /// goes on with it that did not speak before the last word of the one before: what was said in
    /// between nobody heard.
    #[inline]
    pub(crate) fn candle(&mut self, instrument: InstrumentId, source: Source) -> Verdict {
        let Some(slot) = self.slots.get(instrument.index()) else { return Verdict::Next };
        let (before, (heir, since)) = (slot.owners[Channel::Candles as usize], slot.candles_heir);
        let verdict = self.owned(instrument, Channel::Candles, source);
        let slot = &mut self.slots[instrument.index()];
        if verdict == Verdict::Older {
            if heir == 0 {
                slot.candles_heir = (source.generation, source.received);
            }
            return verdict;
        }
        if before.generation == source.generation {
            return verdict;
        }
        slot.candles_heir = (0, MonoNanos::ZERO);
        let begins = before.heard == MonoNanos::ZERO;
        let goes_on = heir == source.generation && since <= before.heard;
        if begins || goes_on { Verdict::Next } else { Verdict::Anew }
    }

    /// How the loss of an event is told that a connection could not read. Of connections that bring
    /// the same one tells it: another may still bring the trade that is lost. Where trades are told
    /// apart by their ids, what follows it waits for that.
    pub(crate) fn lose(
        &mut self,
        instrument: InstrumentId,
        channel: Channel,
        source: Source,
    ) -> LossTold {
        if self.is_withdrawn(instrument, channel) {
            return LossTold::Nowhere;
        }
        let is_last = match channel {
            Channel::Trades => {
                let has_memory = self.recent.is_some();
                let slot = self.slots.get_mut(instrument.index());
                slot.is_none_or(|Slot { trades, .. }| match has_memory {
                    true => !trades.set_apart(source.generation),
                    false => trades.lose(source.generation),
                })
            }
            // Its book is asked for anew.
            Channel::Orderbook | Channel::Status => false,
            Channel::Quotes | Channel::Ticker | Channel::Candles => {
                self.owned(instrument, channel, source) == Verdict::Next
            }
        };
        match (is_last, channel) {
            (false, _) => LossTold::Nowhere,
            (true, Channel::Trades) if self.recent.is_none() => LossTold::ByTheNext,
            (true, _) => LossTold::AtOnce,
        }
    }

    /// Whether the stream would be left with a hole, or without its book, if this connection
    /// became the only one now: something that it brought waits for the others, or a book did not
    /// come that comes in the stream.
    pub(crate) fn waits_for(
        &mut self,
        generation: u32,
        mut books: impl Iterator<Item = InstrumentId>,
    ) -> bool {
        self.held.holds_of(generation)
            || books.any(|instrument| {
                let slot = self.slots.get_mut(instrument.index());
                slot.is_some_and(|slot| slot.book.place(generation).is_none())
            })
    }

    /// When what waits has waited for too long.
    pub(crate) fn due(&self) -> MonoNanos {
        if self.held.is_empty() { MonoNanos::MAX } else { self.held.due() }
    }

    /// A connection is gone. What it owned is free, what waited for it alone is published into
    /// `out`, where trades that it alone could still have brought are told as unheard, too. Book
    /// events that waited for it are due ([`Numbers::next_book`]). Returns the books without numbers
    /// that it brought.
    pub(crate) fn leave(&mut self, generation: u32, out: &mut Vec<Tick>) -> Left {
        let mut left = Left::default();
        self.settled.retain(|settled| settled.generation != generation);
        for (index, slot) in self.slots.iter_mut().enumerate() {
            if slot.trades.leave(generation) && slot.trades.is_lost_to_all() {
                let body = Body::Unheard { channel: Channel::Trades };
                out.push(Tick::new(InstrumentId(index as u32), UnixNanos::NONE, body));
            }
            slot.quotes.leave(generation);
            slot.tickers.leave(generation);
            slot.book.leave(generation);
            if slot.beside.generation == generation {
                slot.beside = Owner::NONE;
                left.strays.push(InstrumentId(index as u32));
            }
            let owned = slot.owners.iter_mut().zip(Channel::ALL);
            if slot.candles_heir.0 == generation {
                slot.candles_heir = (0, MonoNanos::ZERO);
            }
            for (owner, channel) in owned.filter(|(owner, _)| owner.generation == generation) {
                if channel == Channel::Candles {
                    // Its last word is remembered.
                    owner.generation = 0;
                    continue;
                }
                *owner = Owner::NONE;
                if channel == Channel::Orderbook {
                    *owner = std::mem::replace(&mut slot.beside, Owner::NONE);
                    let has_heir = owner.generation != 0;
                    if has_heir {
                        slot.book.note(owner.generation, 0);
                    }
                    let books = if has_heir { &mut left.heirs } else { &mut left.orphans };
                    books.push(InstrumentId(index as u32));
                }
            }
        }
        for instrument in self.held.trade_instruments() {
            self.settle_trades(instrument, out);
        }
        left
    }

    /// Until when every trade is known, where some wait behind a hole that may still be filled: what
    /// is missing there may have been traded ever since the last that was published. `None` where
    /// none waits.
    pub(crate) fn known_until(&self) -> Option<MonoNanos> {
        let last = |one: InstrumentId| self.slots.get(one.index())?.trades.last_received();
        self.held.with_trades().filter_map(last).min()
    }

    /// Gives up waiting for what has been waited for too long.
    pub(crate) fn expire(&mut self, now: MonoNanos, out: &mut Vec<Tick>) {
        for instrument in self.held.trade_instruments() {
            if self.held.trade_is_overdue(instrument, now) {
                self.counters.held_back_too_long.increment();
                let progress = &mut self.slots[instrument.index()].trades;
                match self.recent {
                    Some(_) => progress.set_all_apart(),
                    None => progress.give_up_behind(),
                }
                self.settle_trades(instrument, out);
            }
        }
        for instrument in self.held.book_instruments() {
            if self.held.book_is_overdue(instrument, now) {
                self.counters.held_back_too_long.increment();
                self.slots[instrument.index()].book.give_up_behind();
            }
        }
    }
}

/// What becomes of books without numbers when a connection is gone.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Left {
    /// It brought them, and nobody else's events continue them.
    pub(crate) orphans: Vec<InstrumentId>,
    /// It brought them, and another connection's are kept beside.
    pub(crate) heirs: Vec<InstrumentId>,
    /// Its own were kept beside.
    pub(crate) strays: Vec<InstrumentId>,
}

/// A line was the first with an event.
#[inline]
fn count_win(counters: &FeedCounters, progress: &mut Progress, number: u64, source: Source) {
    counters.line(source.copy).wins.increment();
    progress.watch(number, source);
}

/// A line brought what another had brought.
#[inline]
fn count_copy(counters: &FeedCounters, progress: &mut Progress, number: u64, source: Source) {
    let line = counters.line(source.copy);
    line.copies.increment();
    if let Some(skew_ns) = progress.skew_ns(number, source) {
        line.skew.record(skew_ns);
    }
}
