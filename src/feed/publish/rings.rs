//! From the feed to the rings of its consumers: a broadcaster that is full is waited for, a sink is
//! not.
//!
//! ```text
//! for each ring: push from its cursor on, until all is pushed or it is full
//! all of them done? forget the ticks; else read nothing more, and try again in the next turn
//! ```
//!
//! A ring that stays full beyond a bound lapses, that of a sink at once: it gets nothing until half
//! of it is free, then a gap for each channel that it missed something of; its books are stale until
//! they are told anew. The others go on meanwhile. A run of ticks that makes one event is never cut
//! by that.
//!
//! Broadcasters are told anew over every ring, as their numbers are to be the same (`Publisher`). A
//! sink is told by its own ring alone (module `recovery`), so that nobody else notices.

mod recovery;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use recovery::Recovery;

use crate::clock::{MonoNanos, UnixNanos};
use crate::instrument::{Channel, InstrumentId};
use crate::limits::STAGED_TICKS_KEPT;
use crate::metrics::FeedCounters;
use crate::ring::{Bell, Producer, WhenFull};
use crate::tick::{Body, BookState, LevelFlags, Reason, Tick};

/// Pushed ticks after which a bell is rung though more are to come, so that a consumer that sleeps
/// begins while the feed goes on.
const TICKS_PER_BELL: usize = 256;

/// One consumer, as a feed knows it.
#[derive(Debug)]
pub struct RingEnd {
    /// Where ticks go.
    pub ring: Producer,
    /// What wakes the thread at the other end; `None` where it never sleeps.
    pub bell: Option<Arc<Bell>>,
    /// What is done while the ring is full.
    pub when_full: WhenFull,
}

/// The feed's side of all rings.
#[derive(Debug)]
pub(in crate::feed) struct Rings {
    lanes: Vec<Lane>,
    /// The ticks on their way, of one frame or more.
    staged: Vec<Tick>,
    stall_max: Duration,
    /// Some lane has something left to push or has lapsed.
    behind: bool,
}

/// One ring.
#[derive(Debug)]
struct Lane {
    end: RingEnd,
    /// Ticks that the ring holds when it is empty.
    capacity: usize,
    /// How many of the staged ticks it took.
    cursor: usize,
    /// Since when it has been full.
    full_since: Option<MonoNanos>,
    /// The rest of a run that a lapse must not cut, then gaps; before anything staged.
    first: Vec<Tick>,
    /// It gets nothing, but for `first`, until there is room again.
    lapsed: bool,
    /// What it missed since it lapsed. A key stays, so that a sink that is often full costs no
    /// allocation; there are as many as the feed has streams.
    missed: BTreeMap<(InstrumentId, Channel), Option<u64>>,
    /// What a sink is told anew after that.
    recovery: Recovery,
    unrung: usize,
}

/// What came of pushing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::feed) struct Pushed {
    /// Every ring took everything, or has lapsed.
    pub(in crate::feed) done: bool,
    /// A broadcaster's ring that had lapsed takes ticks again and must be told where things stand.
    pub(in crate::feed) rejoined: bool,
}

impl Rings {
    pub(in crate::feed) fn new(rings: Vec<RingEnd>, stall_max: Duration) -> Self {
        let lanes = rings.into_iter().map(Lane::new).collect();
        Self { lanes, staged: Vec::with_capacity(STAGED_TICKS_KEPT), stall_max, behind: false }
    }

    /// Where ticks are put before [`Rings::push`].
    #[inline]
    pub(in crate::feed) fn staged(&mut self) -> &mut Vec<Tick> {
        &mut self.staged
    }

    /// True while a ring has not taken everything: nothing more may be read from the exchange.
    #[inline]
    pub(in crate::feed) fn is_blocked(&self) -> bool {
        !self.staged.is_empty()
    }

    /// True when [`Rings::push`] has something to do though nothing new was staged.
    #[inline]
    pub(in crate::feed) fn is_behind(&self) -> bool {
        self.behind
    }

    /// Pushes what is staged, as far as there is room, stamped with `now`.
    #[inline]
    pub(in crate::feed) fn push(&mut self, now: MonoNanos, counters: &FeedCounters) -> Pushed {
        let mut pushed = Pushed { done: true, rejoined: false };
        let mut behind = false;
        for lane in &mut self.lanes {
            if !lane.is_clear() {
                let rejoined = lane.catch_up(self.staged.is_empty(), now);
                pushed.rejoined |= rejoined && lane.end.when_full == WhenFull::Wait;
            }
            if lane.may_take() {
                lane.take(&self.staged, now);
            }
            if lane.cursor < self.staged.len() {
                pushed.done &= lane.refuse(&self.staged, now, self.stall_max, counters);
            }
            behind |= !lane.is_clear() || lane.cursor < self.staged.len();
            behind |= lane.recovery.is_under_way();
        }
        self.behind = behind;
        if pushed.done {
            counters.ticks.add(self.staged.len() as u64);
            self.forget();
        }
        pushed
    }

    /// Wakes every consumer that sleeps and has something to take.
    #[inline]
    pub(in crate::feed) fn ring_bells(&mut self) {
        for lane in &mut self.lanes {
            lane.ring_bell();
        }
    }

    /// Ticks in the fullest ring of a broadcaster. That of a sink may be full for as long as it
    /// likes, which delays nobody; what it costs the sink is counted as refused.
    pub(in crate::feed) fn occupancy(&self) -> usize {
        let waited_for = self.lanes.iter().filter(|lane| lane.end.when_full == WhenFull::Wait);
        let taken = |lane: &Lane| lane.capacity - lane.end.ring.room().min(lane.capacity);
        waited_for.map(taken).max().unwrap_or(0)
    }

    /// Whether [`Rings::recover`] has something to do.
    pub(in crate::feed) fn owes_books(&self) -> bool {
        self.lanes.iter().any(|lane| lane.recovery.owes_books())
    }

    /// Tells each sink that has lapsed one of the books that it missed something of, as `whole` puts
    /// it together, where there is room. While a book is owed, its ticks are kept from that sink, as
    /// the whole holds them. Only while nothing is staged, which the whole would hold already.
    pub(in crate::feed) fn recover(
        &mut self,
        now: MonoNanos,
        mut whole: impl FnMut(InstrumentId, &mut Vec<Tick>),
    ) {
        if !self.staged.is_empty() {
            return;
        }
        for lane in self.lanes.iter_mut().filter(|lane| lane.recovery.owes_books()) {
            lane.recover(now, &mut whole);
        }
    }

    #[inline]
    fn forget(&mut self) {
        for lane in &mut self.lanes {
            lane.cursor = 0;
        }
        self.staged.clear();
        if self.staged.capacity() > 4 * STAGED_TICKS_KEPT {
            self.staged.shrink_to(STAGED_TICKS_KEPT);
        }
    }
}

impl Lane {
    fn new(end: RingEnd) -> Self {
        let capacity = end.ring.room();
        Self {
            end,
            capacity,
            cursor: 0,
            full_since: None,
            first: Vec::new(),
            lapsed: false,
            missed: BTreeMap::new(),
            recovery: Recovery::default(),
            unrung: 0,
        }
    }

    /// Nothing stands before the staged ticks.
    #[inline]
    fn is_clear(&self) -> bool {
        self.first.is_empty() && !self.lapsed
    }

    /// What is staged may go into the ring: nothing stands before it, or a book that is told anew,
    /// of which nothing is staged for this ring.
    #[inline]
    fn may_take(&self) -> bool {
        self.is_clear() || (!self.lapsed && self.recovery.is_telling())
    }

    #[inline]
    fn take(&mut self, staged: &[Tick], now: MonoNanos) {
        let recovers = self.recovery.is_under_way();
        while let Some(tick) = staged.get(self.cursor) {
            if recovers && self.recovery.keeps_back(tick, &mut self.first) {
                self.cursor += 1;
                continue;
            }
            if self.end.ring.push(stamped(tick, now)).is_err() {
                break;
            }
            self.cursor += 1;
            self.unrung += 1;
        }
        if self.cursor == staged.len() {
            self.full_since = None;
        }
        if self.unrung >= TICKS_PER_BELL {
            self.ring_bell();
        }
    }

    #[inline]
    fn ring_bell(&mut self) {
        if self.unrung > 0 {
            self.unrung = 0;
            if let Some(bell) = &self.end.bell {
                bell.ring();
            }
        }
    }

    /// The ring did not take all that is staged. True when it has lapsed, so that nobody waits.
    #[cold]
    fn refuse(
        &mut self,
        staged: &[Tick],
        now: MonoNanos,
        stall_max: Duration,
        counters: &FeedCounters,
    ) -> bool {
        if self.lapsed || self.end.ring.is_abandoned() {
            self.miss(staged, counters);
            return true;
        }
        self.ring_bell();
        if self.end.when_full == WhenFull::Wait {
            counters.ring_refusals.increment();
            let since = *self.full_since.get_or_insert(now);
            if now < since.after(stall_max) {
                return false;
            }
        }
        let begun = self.cursor;
        if begun > 0 && !ends_event(&staged[begun - 1].body) {
            let rest = &staged[begun..];
            let length = rest.iter().position(|tick| ends_event(&tick.body));
            let rest = &rest[..length.map_or(rest.len(), |last| last + 1)];
            self.first.extend_from_slice(rest);
            self.cursor += rest.len();
        }
        self.lapsed = true;
        self.recovery.interrupt();
        self.full_since = None;
        self.miss(staged, counters);
        true
    }

    /// Skips what is staged and keeps count of it.
    fn miss(&mut self, staged: &[Tick], counters: &FeedCounters) {
        let missed = &staged[self.cursor..];
        self.cursor = staged.len();
        let counter = match self.end.when_full {
            WhenFull::Wait => &counters.skipped,
            WhenFull::Refuse => &counters.refused,
        };
        counter.add(missed.len() as u64);
        if !self.lapsed {
            return;
        }
        for tick in missed.iter().filter(|tick| ends_event(&tick.body)) {
            if let Some((channel, events)) = misses(&tick.body) {
                // What a gap says is the exchange's numbers' word.
                let missed = self.missed.entry((tick.instrument, channel)).or_default();
                *missed = Some(missed.unwrap_or(0).saturating_add(events));
            }
            if self.end.when_full == WhenFull::Refuse {
                self.recovery.note_missed(tick);
            }
        }
    }

    /// Pushes what stands before the staged ticks, and ends a lapse once half of the ring is free
    /// and nothing is staged: what comes next has to be the books that it missed something of.
    /// True when it ended one.
    #[cold]
    fn catch_up(&mut self, nothing_staged: bool, now: MonoNanos) -> bool {
        self.push_first(now);
        let half_free = self.end.ring.room() >= self.capacity.div_ceil(2);
        if !(self.lapsed && self.first.is_empty() && nothing_staged && half_free) {
            return false;
        }
        self.lapsed = false;
        let reason = Reason::Stall;
        for (&(instrument, channel), missed) in &mut self.missed {
            let Some(missed) = missed.take() else { continue };
            let mut say = |body| {
                let tick = Tick::new(instrument, UnixNanos::NONE, body);
                self.first.push(Tick { received: now, ..tick });
            };
            say(Body::Gap { channel, reason, missed });
            if channel == Channel::Orderbook {
                say(Body::BookState { state: BookState::Stale, reason });
            }
        }
        self.recovery.begin(now, &mut self.first);
        self.push_first(now);
        true
    }

    /// Half of the ring is left to what happens now while a book is told anew.
    fn push_first(&mut self, now: MonoNanos) {
        let room = match self.recovery.is_telling() {
            true => self.end.ring.room().saturating_sub(self.capacity / 2),
            false => usize::MAX,
        };
        let given = &self.first[..self.first.len().min(room)];
        let refused = given.iter().position(|tick| self.end.ring.push(stamped(tick, now)).is_err());
        let taken = refused.unwrap_or(given.len());
        self.first.drain(..taken);
        self.unrung += taken;
        if self.first.is_empty() {
            self.recovery.has_told();
        }
    }

    /// Tells one more book anew, as `whole` puts it together, once there is room for the begin of it.
    #[cold]
    fn recover(&mut self, now: MonoNanos, whole: impl FnOnce(InstrumentId, &mut Vec<Tick>)) {
        let half_free = self.end.ring.room() >= self.capacity.div_ceil(2);
        if !(self.is_clear() && half_free) {
            return;
        }
        let Some(book) = self.recovery.next_book() else { return };
        whole(book, &mut self.first);
        self.first.iter_mut().for_each(|tick| tick.received = now);
        self.push_first(now);
    }
}

/// The tick with the time of its push.
#[inline]
fn stamped(tick: &Tick, now: MonoNanos) -> Tick {
    let after = now.since(tick.received);
    Tick { pushed_after_ns: u32::try_from(after).unwrap_or(u32::MAX), ..*tick }
}

/// Whether the tick is the last one, or the only one, of what it says.
fn ends_event(body: &Body) -> bool {
    match body {
        Body::Level { flags, .. } => flags.has(LevelFlags::LAST),
        Body::TickerPrices { .. } | Body::TickerChange { .. } | Body::CandlePrices { .. } => false,
        Body::Trade { .. }
        | Body::Quote { .. }
        | Body::TickerVolumes { .. }
        | Body::CandleVolume { .. }
        | Body::BookState { .. }
        | Body::FeedState { .. }
        | Body::StreamState { .. }
        | Body::Gap { .. }
        | Body::Unheard { .. }
        | Body::TradesShown { .. }
        | Body::Time { .. } => true,
    }
}

/// What a client misses when this last tick of an event is skipped: of which channel, how many
/// events. States are told anew after a lapse, and a later date closes a candle as well as the
/// missed one.
fn misses(body: &Body) -> Option<(Channel, u64)> {
    match body {
        Body::Trade { .. } => Some((Channel::Trades, 1)),
        Body::Quote { .. } => Some((Channel::Quotes, 1)),
        Body::Level { .. } => Some((Channel::Orderbook, 1)),
        Body::TickerPrices { .. } | Body::TickerChange { .. } | Body::TickerVolumes { .. } => {
            Some((Channel::Ticker, 1))
        }
        Body::CandlePrices { .. } | Body::CandleVolume { .. } => Some((Channel::Candles, 1)),
        Body::Gap { channel, missed, .. } => Some((*channel, *missed)),
        Body::Unheard { channel } => Some((*channel, 0)),
        Body::BookState { .. }
        | Body::StreamState { .. }
        | Body::FeedState { .. }
        | Body::TradesShown { .. }
        | Body::Time { .. } => None,
    }
}
