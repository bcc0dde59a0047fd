//! Rings that are full, and what is told by them afterwards.

use super::*;
use crate::ring::{Consumer, ring};
use crate::tick::{Decimal, Level, Quote, Side, Trade, TradeId};

const STALL: Duration = Duration::from_secs(10);
const START: MonoNanos = MonoNanos(1_000_000_000);
const PUSHED: Pushed = Pushed { done: true, rejoined: false };

fn rings(capacities: &[usize]) -> (Rings, Vec<Consumer>) {
    rings_of(capacities.iter().map(|&capacity| (capacity, WhenFull::Wait)))
}

fn rings_of(rings: impl IntoIterator<Item = (usize, WhenFull)>) -> (Rings, Vec<Consumer>) {
    let ends = rings.into_iter().map(|(capacity, when_full)| {
        let (ring, consumer) = ring(capacity);
        (RingEnd { ring, bell: None, when_full }, consumer)
    });
    let (ends, consumers) = ends.unzip();
    (Rings::new(ends, STALL), consumers)
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
    let (mut rings, mut consumers) = rings(&[4, 64]);
    let counters = FeedCounters::default();
    rings.staged().extend((1..=10).map(trade));
    let mut slow = Vec::new();
    for _ in 0..100 {
        if rings.push(START, &counters).done {
            break;
        }
        assert!(rings.is_blocked());
        slow.extend(drain(&mut consumers[0]));
    }
    slow.extend(drain(&mut consumers[0]));
    assert!(!rings.is_blocked() && !rings.is_behind());
    assert_eq!(slow, (1..=10).collect::<Vec<_>>());
    assert_eq!(drain(&mut consumers[1]), slow);
    assert_eq!((counters.ticks.value(), counters.skipped.value()), (10, 0));
}

#[test]
fn a_book_of_46_000_levels_passes_a_ring_of_a_thousand() {
    let (mut rings, mut consumers) = rings(&[1 << 10]);
    let counters = FeedCounters::default();
    let level = Level { side: Side::Bid, price: Decimal::ZERO, size: Decimal::ZERO };
    let body = |id| level.body(LevelFlags::SNAPSHOT, Some(id));
    rings
        .staged()
        .extend((0..46_000).map(|id| Tick::new(InstrumentId(3), UnixNanos::NONE, body(id))));
    let mut next = 0;
    while rings.is_blocked() {
        rings.push(START, &counters);
        consumers[0].drain(usize::MAX, |tick| {
            let Body::Level { update_id, .. } = tick.body else { panic!("{tick:?}") };
            assert_eq!(update_id, Some(next), "in order, each once");
            next += 1;
        });
    }
    assert_eq!((next, counters.skipped.value()), (46_000, 0));
    rings.staged().push(trade(1));
    rings.push(START, &counters);
    assert!(rings.staged.capacity() <= 4 * STAGED_TICKS_KEPT, "its memory is given back");
}

#[test]
fn a_push_is_stamped_when_it_happens() {
    let (mut rings, mut consumers) = rings(&[1]);
    let counters = FeedCounters::default();
    rings.staged().extend([trade(1), trade(2)]);
    rings.push(MonoNanos(START.0 + 50), &counters);
    assert_eq!(consumers[0].pop().map(|tick| tick.pushed_after_ns), Some(50));
    rings.push(MonoNanos(START.0 + 700), &counters);
    assert_eq!(consumers[0].pop().map(|tick| tick.pushed_after_ns), Some(700));
}

#[test]
fn a_stall_beyond_the_bound_is_told_as_a_gap_and_holds_no_other_ring_up() {
    let (mut rings, mut consumers) = rings(&[4, 64]);
    let counters = FeedCounters::default();
    rings.staged().extend((1..=6).map(trade));
    assert!(!rings.push(START, &counters).done);
    assert!(!rings.push(MonoNanos(START.0 + 9_999_999_999), &counters).done);
    let late = START.after(STALL);
    assert!(rings.push(late, &counters).done, "the bound is reached: 5 and 6 are skipped");
    rings.staged().push(trade(7));
    assert!(rings.push(late, &counters).done);
    assert_eq!(drain(&mut consumers[1]), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(counters.skipped.value(), 3);
    assert!(rings.is_behind());

    assert_eq!(drain(&mut consumers[0]), [1, 2, 3, 4]);
    assert_eq!(rings.push(late, &counters), Pushed { done: true, rejoined: true });
    assert!(!rings.is_behind());
    rings.staged().push(trade(8));
    assert!(rings.push(late, &counters).done);
    assert_eq!(drain(&mut consumers[0]), [1_000_003, 8]);
}

#[test]
fn gaps_that_add_up_beyond_all_numbers_are_told_as_the_largest() {
    let (mut rings, mut consumers) = rings(&[1]);
    let counters = FeedCounters::default();
    let (channel, reason) = (Channel::Trades, Reason::SequenceGap);
    let gap = Body::Gap { channel, reason, missed: u64::MAX - 1 };
    let gap = Tick::new(InstrumentId(3), UnixNanos::NONE, gap);
    rings.staged().extend([trade(1), gap, gap]);
    rings.push(START, &counters);
    assert!(rings.push(START.after(STALL), &counters).done, "both gaps are skipped");
    assert_eq!(drain(&mut consumers[0]), [1]);
    rings.push(START.after(STALL), &counters);
    let told = consumers[0].pop().map(|tick| tick.body);
    assert_eq!(told, Some(Body::Gap { channel, reason: Reason::Stall, missed: u64::MAX }));
}

#[test]
fn a_full_sink_refuses_at_once_and_the_gap_is_told_there_alone() {
    let (mut rings, mut consumers) = rings_of([(64, WhenFull::Wait), (4, WhenFull::Refuse)]);
    let counters = FeedCounters::default();
    for round in 0..3 {
        let first = 10 * round;
        rings.staged().extend((first + 1..=first + 6).map(trade));
        assert!(rings.push(START, &counters).done && !rings.is_blocked(), "nobody waits");
        rings.staged().push(trade(first + 7));
        assert!(rings.push(START, &counters).done);
        assert!(rings.is_behind(), "a gap is to be told");
        assert_eq!(rings.push(START, &counters), PUSHED, "there is no room for it");

        let given: Vec<_> = (first + 1..=first + 4).collect();
        assert_eq!(drain(&mut consumers[1]), given);
        assert_eq!(rings.push(START, &counters), PUSHED, "nothing is told anew for it");
        assert!(!rings.is_behind());
        rings.staged().push(trade(first + 8));
        assert!(rings.push(START, &counters).done);
        assert_eq!(drain(&mut consumers[1]), [1_000_003, first + 8]);
        let all: Vec<_> = (first + 1..=first + 8).collect();
        assert_eq!(drain(&mut consumers[0]), all, "the broadcaster's ring is as ever");
        assert_eq!(counters.refused.value(), 3 * (round + 1));
    }
    assert_eq!((counters.skipped.value(), counters.ring_refusals.value()), (0, 0));
}

#[test]
fn while_a_broadcaster_is_waited_for_a_sink_gets_each_tick_once() {
    let (mut rings, mut consumers) = rings_of([(2, WhenFull::Wait), (4, WhenFull::Refuse)]);
    let counters = FeedCounters::default();
    rings.staged().extend((1..=6).map(trade));
    let (mut waited_for, mut sink) = (Vec::new(), Vec::new());
    while !rings.push(START, &counters).done {
        waited_for.extend(drain(&mut consumers[0]));
        sink.extend(drain(&mut consumers[1]));
    }
    assert_eq!(rings.push(START, &counters), PUSHED);
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
    let (mut rings, mut consumers) = rings_of([(2, when_full)]);
    let counters = FeedCounters::default();
    let level = Level { side: Side::Bid, price: Decimal::ZERO, size: Decimal::ZERO };
    let run = |flags| {
        let body = level.body(flags, Some(9));
        Tick { received: START, ..Tick::new(InstrumentId(1), UnixNanos::NONE, body) }
    };
    let middle = run(LevelFlags::default());
    let whole = [run(LevelFlags::FIRST), middle, middle, run(LevelFlags::LAST)];
    rings.staged().extend(whole);
    rings.staged().extend(whole);
    rings.push(START, &counters);
    assert!(rings.push(START.after(STALL), &counters).done);
    let mut seen = Vec::new();
    for _ in 0..10 {
        consumers[0].drain(usize::MAX, |tick| seen.push(tick.body));
        rings.push(START.after(STALL), &counters);
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

fn level(book: u32, flags: LevelFlags, id: u64) -> Tick {
    let level = Level { side: Side::Bid, price: Decimal::ZERO, size: Decimal::ZERO };
    let body = level.body(flags, Some(id));
    Tick { received: START, ..Tick::new(InstrumentId(book), UnixNanos::NONE, body) }
}

/// A change of one level.
fn change(book: u32, id: u64) -> Tick {
    level(book, LevelFlags::FIRST.with(LevelFlags::LAST), id)
}

/// A book of so many levels, all of them with the number of its newest change.
fn whole(book: InstrumentId, levels: usize, id: u64, ticks: &mut Vec<Tick>) {
    ticks.extend((0..levels).map(|index| {
        let mut flags = LevelFlags::SNAPSHOT;
        if index == 0 {
            flags = flags.with(LevelFlags::FIRST);
        }
        if index + 1 == levels {
            flags = flags.with(LevelFlags::LAST);
        }
        level(book.0, flags, id)
    }));
    let body = Body::BookState { state: BookState::Live, reason: Reason::None };
    ticks.push(Tick::new(book, UnixNanos::NONE, body));
}

/// What a sink knows of books as it goes by what it is told: the number of the newest change of those
/// that it may believe.
#[derive(Default)]
struct Follower {
    books: BTreeMap<u32, Option<u64>>,
    others: Vec<u64>,
}

impl Follower {
    fn hear(&mut self, consumer: &mut Consumer, most: usize) {
        consumer.drain(most, |tick| match tick.body {
            Body::Level { update_id: Some(id), flags, .. } => {
                let book = self.books.entry(tick.instrument.0).or_default();
                if flags.has(LevelFlags::SNAPSHOT) {
                    *book = flags.has(LevelFlags::LAST).then_some(id);
                } else if let Some(before) = book {
                    assert_eq!(id, *before + 1, "no change is missing, and none comes twice");
                    *before = id;
                }
            }
            Body::BookState { state: BookState::Stale, .. } => {
                self.books.insert(tick.instrument.0, None);
            }
            body => self.others.extend(body.trade().and_then(|trade| match trade.id {
                TradeId::Number(id) => Some(id),
                _ => None,
            })),
        });
    }
}

/// Three books that change all the time, and a sink that stands still, then reads on slowly.
fn a_sink_that_stood_still_knows_every_book_again(levels: usize, most: usize) {
    const BOOKS: u32 = 3;
    let (mut rings, mut consumers) = rings_of([(1 << 12, WhenFull::Wait), (64, WhenFull::Refuse)]);
    let counters = FeedCounters::default();
    let mut newest = 0;
    let mut sink = Follower::default();
    let mut broadcaster = Follower::default();
    for book in 0..BOOKS {
        whole(InstrumentId(book), 5, newest, rings.staged());
    }
    for round in 0..6_000 {
        // Changes end before the sink has read all of them.
        if round < 5_000 {
            newest += 1;
            rings.staged().extend((0..BOOKS).map(|book| change(book, newest)));
        }
        assert!(rings.push(START, &counters).done, "nobody waits for a sink");
        rings.recover(START, |book, ticks| whole(book, levels, newest, ticks));
        rings.push(START, &counters);
        broadcaster.hear(&mut consumers[0], usize::MAX);
        if round > 100 {
            sink.hear(&mut consumers[1], most);
        }
    }
    let known: Vec<_> = (0..BOOKS).map(|book| (book, Some(newest))).collect();
    assert!(counters.refused.value() > 0, "it had lapsed");
    assert!(sink.books.into_iter().eq(known.clone()), "it knows them as they are");
    assert!(broadcaster.books.into_iter().eq(known));
    assert!(!rings.is_behind(), "and nothing is left to tell");
}

#[test]
fn a_sink_that_had_lapsed_is_told_the_books_anew_whatever_their_size() {
    for levels in [1, 5, 40, 64, 1_000] {
        for most in [7, 64] {
            a_sink_that_stood_still_knows_every_book_again(levels, most);
        }
    }
}

#[test]
fn a_sink_goes_on_with_all_else_while_a_large_book_is_told() {
    let (mut rings, mut consumers) = rings_of([(64, WhenFull::Refuse)]);
    let counters = FeedCounters::default();
    rings.staged().extend((0..70).map(|id| change(1, id)));
    rings.push(START, &counters);
    let mut sink = Follower::default();
    sink.hear(&mut consumers[0], usize::MAX);
    rings.push(START, &counters);
    let refused = counters.refused.value();
    rings.recover(START, |book, ticks| whole(book, 1_000, 69, ticks));
    for id in 0..200 {
        rings.staged().extend([trade(id), change(1, 70 + id)]);
        assert!(rings.push(START, &counters).done);
        sink.hear(&mut consumers[0], 20);
    }
    assert_eq!(sink.others, (0..200).collect::<Vec<_>>(), "every trade, in its order");
    assert_eq!(counters.refused.value(), refused, "nothing more was lost");
    while rings.is_behind() {
        rings.push(START, &counters);
        sink.hear(&mut consumers[0], 20);
    }
    sink.hear(&mut consumers[0], usize::MAX);
    assert_eq!(sink.books[&1], Some(269));
}

#[test]
fn a_sink_that_had_lapsed_is_told_the_newest_of_each_state_that_it_missed() {
    let (mut rings, mut consumers) = rings_of([(4, WhenFull::Refuse)]);
    let counters = FeedCounters::default();
    let (channel, reason) = (Channel::Candles, Reason::Unavailable);
    let stream = |interval, state| Body::StreamState { channel, interval, state, reason };
    let one = Some(crate::tick::Interval::Minute1);
    let line = |attempt| Body::FeedState {
        state: crate::tick::FeedState::Reconnecting,
        reason: Reason::Reset,
        line: 1,
        attempt,
    };
    rings.staged().extend((1..=5).map(trade));
    let missed = [
        line(1),
        stream(one, BookState::Live),
        stream(None, BookState::Stale),
        line(2),
        Body::TradesShown { shown: false },
    ];
    let tick = |body| Tick::new(InstrumentId(3), UnixNanos::NONE, body);
    rings.staged().extend(missed.map(tick));
    rings.push(START, &counters);
    let mut told = Vec::new();
    for _ in 0..5 {
        consumers[0].drain(usize::MAX, |tick| told.push(tick.body));
        rings.push(START, &counters);
    }
    let gap = Body::Gap { channel: Channel::Trades, reason: Reason::Stall, missed: 1 };
    let shown = Body::TradesShown { shown: false };
    assert_eq!(told[4..], [gap, line(2), shown, stream(None, BookState::Stale)]);
    assert!(!rings.is_behind(), "each once");
}

#[test]
fn only_broadcasters_are_looked_at_for_how_full_their_rings_are() {
    let (mut rings, _consumers) = rings_of([(64, WhenFull::Wait), (4, WhenFull::Refuse)]);
    rings.staged().extend((1..=3).map(trade));
    rings.push(START, &FeedCounters::default());
    assert_eq!(rings.occupancy(), 3);
    let (mut rings, _consumers) = rings_of([(4, WhenFull::Refuse)]);
    rings.staged().extend((1..=3).map(trade));
    rings.push(START, &FeedCounters::default());
    assert_eq!(rings.occupancy(), 0, "a sink delays nobody");
}
