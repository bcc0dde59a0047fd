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
//! they are told anew, which a feed does for broadcasters. The others go on meanwhile. A run of
//! ticks that makes one event is never cut by that.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{MonoNanos, UnixNanos};
use crate::instrument::{Channel, InstrumentId};
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
pub(super) struct Output {
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
    unrung: usize,
}

/// What came of pushing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pushed {
    /// Every ring took everything, or has lapsed.
    pub(super) done: bool,
    /// A broadcaster's ring that had lapsed takes ticks again and must be told where things stand.
    pub(super) rejoined: bool,
}

impl Output {
    pub(super) fn new(rings: Vec<RingEnd>, stall_max: Duration) -> Self {
        let lanes = rings.into_iter().map(Lane::new).collect();
        Self { lanes, staged: Vec::with_capacity(STAGED_KEPT), stall_max, behind: false }
    }

    /// Where ticks are put before [`Output::push`].
    #[inline]
    pub(super) fn staged(&mut self) -> &mut Vec<Tick> {
        &mut self.staged
    }

    /// True while a ring has not taken everything: nothing more may be read from the exchange.
    #[inline]
    pub(super) fn is_blocked(&self) -> bool {
        !self.staged.is_empty()
    }

    /// True when [`Output::push`] has something to do though nothing new was staged.
    #[inline]
    pub(super) fn is_behind(&self) -> bool {
        self.behind
    }

    /// Pushes what is staged, as far as there is room, stamped with `now`.
    #[inline]
    pub(super) fn push(&mut self, now: MonoNanos, counters: &FeedCounters) -> Pushed {
        let mut pushed = Pushed { done: true, rejoined: false };
        let mut behind = false;
        for lane in &mut self.lanes {
            if !lane.is_clear() {
                let rejoined = lane.catch_up(self.staged.is_empty(), now);
                pushed.rejoined |= rejoined && lane.end.when_full == WhenFull::Wait;
            }
            if lane.is_clear() {
                lane.take(&self.staged, now);
            }
            if lane.cursor < self.staged.len() {
                pushed.done &= lane.refuse(&self.staged, now, self.stall_max, counters);
            }
            behind |= !lane.is_clear() || lane.cursor < self.staged.len();
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
    pub(super) fn ring_bells(&mut self) {
        for lane in &mut self.lanes {
            lane.ring_bell();
        }
    }

    /// Ticks in the fullest ring.
    pub(super) fn occupancy(&self) -> usize {
        let taken = |lane: &Lane| lane.capacity - lane.end.ring.room().min(lane.capacity);
        self.lanes.iter().map(taken).max().unwrap_or(0)
    }

    #[inline]
    fn forget(&mut self) {
        for lane in &mut self.lanes {
            lane.cursor = 0;
        }
        self.staged.clear();
        if self.staged.capacity() > 4 * STAGED_KEPT {
            self.staged.shrink_to(STAGED_KEPT);
        }
    }
}

/// Staged ticks whose memory is kept; a snapshot's is given back.
const STAGED_KEPT: usize = 1_024;

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
            unrung: 0,
        }
    }

    /// Nothing stands before the staged ticks.
    #[inline]
    fn is_clear(&self) -> bool {
        self.first.is_empty() && !self.lapsed
    }

    #[inline]
    fn take(&mut self, staged: &[Tick], now: MonoNanos) {
        while let Some(tick) = staged.get(self.cursor) {
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
            self.first.extend_from_slice(&rest[..length.map_or(rest.len(), |last| last + 1)]);
            self.cursor += self.first.len();
        }
        self.lapsed = true;
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
        self.push_first(now);
        true
    }

    fn push_first(&mut self, now: MonoNanos) {
        let refused =
            self.first.iter().position(|tick| self.end.ring.push(stamped(tick, now)).is_err());
        let taken = refused.unwrap_or(self.first.len());
        self.first.drain(..taken);
        self.unrung += taken;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring::{Consumer, ring};
    use crate::tick::{Decimal, Level, Quote, Side, Trade, TradeId};

    const STALL: Duration = Duration::from_secs(10);
    const START: MonoNanos = MonoNanos(1_000_000_000);
    const PUSHED: Pushed = Pushed { done: true, rejoined: false };

    fn output(capacities: &[usize]) -> (Output, Vec<Consumer>) {
        output_of(capacities.iter().map(|&capacity| (capacity, WhenFull::Wait)))
    }

    fn output_of(rings: impl IntoIterator<Item = (usize, WhenFull)>) -> (Output, Vec<Consumer>) {
        let ends = rings.into_iter().map(|(capacity, when_full)| {
            let (ring, consumer) = ring(capacity);
            (RingEnd { ring, bell: None, when_full }, consumer)
        });
        let (ends, consumers) = ends.unzip();
        (Output::new(ends, STALL), consumers)
    }

    fn trade(id: u64) -> Tick {
        let trade = Trade {
            taker: Side::Bid,
            price: Decimal::ZERO,
            size: Decimal::ZERO,
            id: TradeId::Number(id),
        };
        Tick { received: START, ..Tick::new(InstrumentId(3), UnixNanos::NONE, trade.into()) }
    }

    /// The ids of trades, and 1,000,000 + the missed number of each gap.
    fn drain(consumer: &mut Consumer) -> Vec<u64> {
        let mut seen = Vec::new();
        consumer.drain(usize::MAX, |tick| match tick.body {
            Body::Gap { missed, reason: Reason::Stall, .. } => seen.push(1_000_000 + missed),
            body => match body.trade().map(|trade| trade.id) {
                Some(TradeId::Number(id)) => seen.push(id),
                _ => seen.push(u64::MAX),
            },
        });
        seen
    }

    #[test]
    fn a_full_ring_is_waited_for_and_gets_everything_in_order() {
        let (mut output, mut consumers) = output(&[4, 64]);
        let counters = FeedCounters::default();
        output.staged().extend((1..=10).map(trade));
        let mut slow = Vec::new();
        for _ in 0..100 {
            if output.push(START, &counters).done {
                break;
            }
            assert!(output.is_blocked());
            slow.extend(drain(&mut consumers[0]));
        }
        slow.extend(drain(&mut consumers[0]));
        assert!(!output.is_blocked() && !output.is_behind());
        assert_eq!(slow, (1..=10).collect::<Vec<_>>());
        assert_eq!(drain(&mut consumers[1]), slow);
        assert_eq!((counters.ticks.value(), counters.skipped.value()), (10, 0));
    }

    #[test]
    fn a_book_of_46_000_levels_passes_a_ring_of_a_thousand() {
        let (mut output, mut consumers) = output(&[1 << 10]);
        let counters = FeedCounters::default();
        let level = Level { side: Side::Bid, price: Decimal::ZERO, size: Decimal::ZERO };
        let body = |id| level.body(LevelFlags::SNAPSHOT, Some(id));
        output
            .staged()
            .extend((0..46_000).map(|id| Tick::new(InstrumentId(3), UnixNanos::NONE, body(id))));
        let mut next = 0;
        while output.is_blocked() {
            output.push(START, &counters);
            consumers[0].drain(usize::MAX, |tick| {
                let Body::Level { update_id, .. } = tick.body else { panic!("{tick:?}") };
                assert_eq!(update_id, Some(next), "in order, each once");
                next += 1;
            });
        }
        assert_eq!((next, counters.skipped.value()), (46_000, 0));
        output.staged().push(trade(1));
        output.push(START, &counters);
        assert!(output.staged.capacity() <= 4 * STAGED_KEPT, "its memory is given back");
    }

    #[test]
    fn a_push_is_stamped_when_it_happens() {
        let (mut output, mut consumers) = output(&[1]);
        let counters = FeedCounters::default();
        output.staged().extend([trade(1), trade(2)]);
        output.push(MonoNanos(START.0 + 50), &counters);
        assert_eq!(consumers[0].pop().map(|tick| tick.pushed_after_ns), Some(50));
        output.push(MonoNanos(START.0 + 700), &counters);
        assert_eq!(consumers[0].pop().map(|tick| tick.pushed_after_ns), Some(700));
    }

    #[test]
    fn a_stall_beyond_the_bound_is_told_as_a_gap_and_holds_no_other_ring_up() {
        let (mut output, mut consumers) = output(&[4, 64]);
        let counters = FeedCounters::default();
        output.staged().extend((1..=6).map(trade));
        assert!(!output.push(START, &counters).done);
        assert!(!output.push(MonoNanos(START.0 + 9_999_999_999), &counters).done);
        let late = START.after(STALL);
        assert!(output.push(late, &counters).done, "the bound is reached: 5 and 6 are skipped");
        output.staged().push(trade(7));
        assert!(output.push(late, &counters).done);
        assert_eq!(drain(&mut consumers[1]), [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(counters.skipped.value(), 3);
        assert!(output.is_behind());

        assert_eq!(drain(&mut consumers[0]), [1, 2, 3, 4]);
        assert_eq!(output.push(late, &counters), Pushed { done: true, rejoined: true });
        assert!(!output.is_behind());
        output.staged().push(trade(8));
        assert!(output.push(late, &counters).done);
        assert_eq!(drain(&mut consumers[0]), [1_000_003, 8]);
    }

    #[test]
    fn gaps_that_add_up_beyond_all_numbers_are_told_as_the_largest() {
        let (mut output, mut consumers) = output(&[1]);
        let counters = FeedCounters::default();
        let (channel, reason) = (Channel::Trades, Reason::SequenceGap);
        let gap = Body::Gap { channel, reason, missed: u64::MAX - 1 };
        let gap = Tick::new(InstrumentId(3), UnixNanos::NONE, gap);
        output.staged().extend([trade(1), gap, gap]);
        output.push(START, &counters);
        assert!(output.push(START.after(STALL), &counters).done, "both gaps are skipped");
        assert_eq!(drain(&mut consumers[0]), [1]);
        output.push(START.after(STALL), &counters);
        let told = consumers[0].pop().map(|tick| tick.body);
        assert_eq!(told, Some(Body::Gap { channel, reason: Reason::Stall, missed: u64::MAX }));
    }

    #[test]
    fn a_full_sink_refuses_at_once_and_the_gap_is_told_there_alone() {
        let (mut output, mut consumers) = output_of([(64, WhenFull::Wait), (4, WhenFull::Refuse)]);
        let counters = FeedCounters::default();
        for round in 0..3 {
            let first = 10 * round;
            output.staged().extend((first + 1..=first + 6).map(trade));
            assert!(output.push(START, &counters).done && !output.is_blocked(), "nobody waits");
            output.staged().push(trade(first + 7));
            assert!(output.push(START, &counters).done);
            assert!(output.is_behind(), "a gap is to be told");
            assert_eq!(output.push(START, &counters), PUSHED, "there is no room for it");

            let given: Vec<_> = (first + 1..=first + 4).collect();
            assert_eq!(drain(&mut consumers[1]), given);
            assert_eq!(output.push(START, &counters), PUSHED, "no book is told anew for it");
            assert!(!output.is_behind());
            output.staged().push(trade(first + 8));
            assert!(output.push(START, &counters).done);
            assert_eq!(drain(&mut consumers[1]), [1_000_003, first + 8]);
            let all: Vec<_> = (first + 1..=first + 8).collect();
            assert_eq!(drain(&mut consumers[0]), all, "the broadcaster's ring is as ever");
            assert_eq!(counters.refused.value(), 3 * (round + 1));
        }
        assert_eq!((counters.skipped.value(), counters.ring_refusals.value()), (0, 0));
    }

    #[test]
    fn while_a_broadcaster_is_waited_for_a_sink_gets_each_tick_once() {
        let (mut output, mut consumers) = output_of([(2, WhenFull::Wait), (4, WhenFull::Refuse)]);
        let counters = FeedCounters::default();
        output.staged().extend((1..=6).map(trade));
        let (mut waited_for, mut sink) = (Vec::new(), Vec::new());
        while !output.push(START, &counters).done {
            waited_for.extend(drain(&mut consumers[0]));
            sink.extend(drain(&mut consumers[1]));
        }
        assert_eq!(output.push(START, &counters), PUSHED);
        waited_for.extend(drain(&mut consumers[0]));
        sink.extend(drain(&mut consumers[1]));
        assert_eq!(waited_for, [1, 2, 3, 4, 5, 6]);
        assert_eq!(sink, [1, 2, 3, 4, 1_000_002], "and the gap after what was there in time");
        assert_eq!((counters.refused.value(), counters.skipped.value()), (2, 0));
    }

    #[test]
    fn a_lapse_never_cuts_a_run() {
        for when_full in [WhenFull::Wait, WhenFull::Refuse] {
            a_lapse_cuts_no_run_of(when_full);
        }
    }

    fn a_lapse_cuts_no_run_of(when_full: WhenFull) {
        let (mut output, mut consumers) = output_of([(2, when_full)]);
        let counters = FeedCounters::default();
        let level = Level { side: Side::Bid, price: Decimal::ZERO, size: Decimal::ZERO };
        let run = |flags| {
            let body = level.body(flags, Some(9));
            Tick { received: START, ..Tick::new(InstrumentId(1), UnixNanos::NONE, body) }
        };
        let middle = run(LevelFlags::default());
        let whole = [run(LevelFlags::FIRST), middle, middle, run(LevelFlags::LAST)];
        output.staged().extend(whole);
        output.staged().extend(whole);
        output.push(START, &counters);
        assert!(output.push(START.after(STALL), &counters).done);
        let mut seen = Vec::new();
        for _ in 0..10 {
            consumers[0].drain(usize::MAX, |tick| seen.push(tick.body));
            output.push(START.after(STALL), &counters);
        }
        let gap = Body::Gap { channel: Channel::Orderbook, reason: Reason::Stall, missed: 1 };
        let mut expected: Vec<_> = whole.iter().map(|tick| tick.body).collect();
        expected.push(gap);
        expected.push(Body::BookState { state: BookState::Stale, reason: Reason::Stall });
        assert_eq!(seen, expected);
        assert_eq!(counters.skipped.value() + counters.refused.value(), 4);
    }

    #[test]
    fn what_is_no_event_of_a_channel_leaves_no_gap() {
        let quote: Body = Quote { bid: None, bid_size: None, ask: None, ask_size: None }.into();
        assert_eq!(misses(&quote), Some((Channel::Quotes, 1)));
        assert_eq!(misses(&Body::Time { date: UnixNanos(0) }), None);
    }
}
