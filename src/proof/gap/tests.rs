use std::time::Duration;

use super::*;
use crate::exchange::{BookKind, BookUpdate, DEPTH_FULL, Origin};
use crate::limits::HELD_BACK_FOR_MAX;
use crate::tick::{Body, Decimal, Reason, Side, Tick, Trade, TradeId};

mod anew;
mod dates;
mod leaps;
mod marks;
mod odd;
mod orders;
mod unnumbered;

const ONE: InstrumentId = InstrumentId(0);

/// What a client sees of the trades: ids, and the number of missed ones before some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Trade(u64),
    Gap(u64, Reason),
    Unheard,
}
use Seen::Trade as T;

struct Desk {
    numbers: Numbers,
    out: Vec<Tick>,
    now: MonoNanos,
    counters: Arc<FeedCounters>,
    uuids: bool,
    /// Trades have no ids at all.
    nameless: bool,
}

fn desk_of(contiguous: bool, continuity: Continuity) -> Desk {
    let counters = Arc::new(FeedCounters::default());
    let mut numbers = Numbers::new(1, contiguous, continuity, true, Arc::clone(&counters));
    numbers.note_newest(2);
    Desk { numbers, out: Vec::new(), now: MonoNanos(1), counters, uuids: false, nameless: false }
}

fn desk() -> Desk {
    desk_of(true, Continuity::FirstFollowsLast)
}

impl Desk {
    fn source(&self, generation: u32) -> Source {
        let copy = (generation % 2) as u8;
        Source { generation, copy, received: self.now, sent: UnixNanos::NONE }
    }

    fn say(&mut self, generation: u32, first: u64, last: u64, time: UnixNanos, origin: Origin) {
        let id = match self.uuids {
            _ if self.nameless => TradeId::None,
            true => TradeId::Uuid(u128::from(last).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C061)),
            false => TradeId::Number(last),
        };
        let (price, size) = (Decimal::ZERO, Decimal::from_parts(last as i64, 0));
        let trade = Trade { taker: Side::Bid, price, size, id };
        let tick = Tick::new(ONE, time, trade.into());
        let sequence = (!self.uuids && !self.nameless).then_some(last);
        let trade = SequencedTick { sequence, first: Some(first), origin, tick };
        let source = self.source(generation);
        self.numbers.trade(&trade, source, &mut self.out);
    }

    fn trade(&mut self, generation: u32, id: u64) -> &mut Self {
        self.say(generation, id, id, UnixNanos(id as i64), Origin::Live);
        self
    }

    /// Something of the trades could not be read.
    fn lose(&mut self, generation: u32) -> LossTold {
        let source = self.source(generation);
        self.numbers.lose(ONE, Channel::Trades, source)
    }

    fn opened(&mut self, generation: u32) {
        self.numbers.note_newest(generation);
    }

    fn leave(&mut self, generation: u32) {
        self.numbers.leave(generation, &mut self.out);
    }

    fn settled(&mut self, generation: u32) -> u64 {
        self.numbers.settled(generation, std::iter::once(ONE)).expect("ids are remembered")
    }

    fn overlap(&mut self, old: u32, ticket: u64) {
        self.numbers.overlap(old, ticket, &mut self.out);
    }

    fn seen(&mut self) -> Vec<Seen> {
        let seen = self.out.drain(..).map(|tick| match tick.body {
            Body::Gap { missed, reason, .. } => Seen::Gap(missed, reason),
            Body::Unheard { channel: Channel::Trades } => Seen::Unheard,
            body => T(body.trade().expect("a trade").size.mantissa() as u64),
        });
        seen.collect()
    }
}

fn quote(numbers: &mut Numbers, number: u64, source: Source) -> Verdict {
    let body = Body::Quote { digits: [0; 4], mantissas: [0; 4] };
    let tick = Tick::new(ONE, UnixNanos::NONE, body);
    let origin = Origin::Live;
    numbers
        .quote(&SequencedTick { sequence: Some(number), first: Some(number), origin, tick }, source)
}

#[test]
fn trades_follow_each_other_or_tell_how_many_are_missing() {
    let mut desk = desk();
    desk.trade(1, 100).trade(1, 101).trade(1, 105).trade(1, 105).trade(1, 103).trade(1, 106);
    let gap = Seen::Gap(3, Reason::SequenceGap);
    assert_eq!(desk.seen(), [T(100), T(101), gap, T(105), T(106)]);
}

#[test]
fn the_hole_of_a_reconnect_is_told_apart() {
    let mut desk = desk();
    desk.trade(1, 100);
    desk.leave(1);
    desk.opened(3);
    desk.trade(3, 99).trade(3, 110).trade(3, 111);
    let gap = Seen::Gap(9, Reason::Disconnected);
    assert_eq!(desk.seen(), [T(100), gap, T(110), T(111)]);
}

#[test]
fn both_lines_may_find_that_the_exchange_counts_anew() {
    let mut desk = desk();
    desk.trade(1, 1_000).trade(2, 1_000);
    desk.leave(1);
    desk.leave(2);
    desk.opened(4);
    for id in 1..=40 {
        for generation in [3, 4] {
            desk.say(generation, id, id, UnixNanos::NONE, Origin::Live);
        }
    }
    let seen = desk.seen();
    assert_eq!(seen[1], Seen::Gap(0, Reason::Disconnected));
    assert!(seen.len() > 30, "{seen:?}");
    assert_eq!(seen.last(), Some(&T(40)));
}

#[test]
fn a_line_far_behind_brings_only_copies_even_alone() {
    let mut desk = desk();
    desk.trade(2, 60);
    for id in 61..=100 {
        desk.trade(1, id);
    }
    desk.leave(1);
    for id in 61..=101 {
        desk.trade(2, id);
    }
    let ids: Vec<Seen> = (60..=101).map(T).collect();
    assert_eq!(desk.seen(), ids);
}

#[test]
fn what_is_ahead_of_a_hole_waits_until_the_other_line_has_filled_it() {
    let mut desk = desk();
    desk.trade(1, 100).trade(2, 103).trade(2, 104);
    assert!(desk.numbers.waits_for(2, std::iter::empty()));
    assert_eq!(desk.seen(), [T(100)]);
    desk.trade(1, 101);
    assert_eq!(desk.seen(), [T(101)]);
    desk.trade(1, 102);
    assert_eq!(desk.seen(), [T(102), T(103), T(104)]);
    assert!(!desk.numbers.waits_for(2, std::iter::empty()));
    desk.trade(1, 103).trade(1, 104).trade(2, 105).trade(1, 105).trade(1, 106);
    assert_eq!(desk.seen(), [T(105), T(106)]);
}

#[test]
fn nothing_is_known_behind_the_last_trade_before_a_hole_that_may_be_filled() {
    let mut desk = desk();
    desk.now = MonoNanos(10);
    desk.trade(1, 100).trade(2, 100);
    assert_eq!(desk.numbers.known_until(), None);
    desk.now = MonoNanos(20);
    desk.trade(2, 103);
    assert_eq!(desk.numbers.known_until(), Some(MonoNanos(10)));
    desk.now = MonoNanos(30);
    desk.trade(1, 101);
    assert_eq!(desk.numbers.known_until(), Some(MonoNanos(30)));
    desk.trade(1, 102);
    assert_eq!(desk.numbers.known_until(), None, "it is filled");
    assert_eq!(desk.seen(), [T(100), T(101), T(102), T(103)]);
}

#[test]
fn candles_that_another_goes_on_with_are_doubted_unless_it_spoke_before() {
    let mut desk = desk();
    let mut at = |now: u64, generation: u32| {
        desk.now = MonoNanos(now * 1_000_000_000);
        let source = desk.source(generation);
        desk.numbers.candle(ONE, source)
    };
    assert_eq!(at(1, 1), Verdict::Next, "the first");
    assert_eq!(at(2, 2), Verdict::Older);
    assert_eq!(at(3, 1), Verdict::Next);
    assert_eq!(at(9, 2), Verdict::Next, "it had heard what the other said last");
    assert_eq!(at(10, 3), Verdict::Older, "it came when the owner had spoken");
    assert_eq!(at(20, 3), Verdict::Anew, "nobody heard what was said in between");
    desk.leave(3);
    let source = Source { received: MonoNanos(21_000_000_000), ..desk.source(4) };
    assert_eq!(desk.numbers.candle(ONE, source), Verdict::Anew);
    assert_eq!(desk.numbers.candle(ONE, source), Verdict::Next);
}

#[test]
fn a_hole_that_both_have_passed_is_told_at_once() {
    let mut desk = desk();
    desk.trade(1, 100).trade(2, 100).trade(1, 105);
    assert_eq!(desk.seen(), [T(100)]);
    desk.trade(2, 103);
    let gap = |missed| Seen::Gap(missed, Reason::SequenceGap);
    assert_eq!(desk.seen(), [gap(2), T(103)], "104 may still come by the second");
    desk.trade(2, 105);
    assert_eq!(desk.seen(), [gap(1), T(105)]);
}

#[test]
fn a_hole_that_only_a_lost_line_could_fill_is_told_when_it_is_lost() {
    let mut desk = desk();
    desk.trade(1, 100).trade(2, 103);
    desk.leave(2);
    assert_eq!(desk.seen(), [T(100)], "what a lost line brought stays");
    desk.leave(1);
    assert_eq!(desk.seen(), [Seen::Gap(2, Reason::SequenceGap), T(103)]);
}

#[test]
fn a_mute_line_is_not_waited_for_longer_than_the_bound() {
    let mut desk = desk();
    desk.trade(1, 100).trade(2, 103);
    let due = desk.numbers.due();
    assert_eq!(due, desk.now.after(HELD_BACK_FOR_MAX));
    desk.numbers.expire(MonoNanos(due.0 - 1), &mut desk.out);
    assert_eq!(desk.seen(), [T(100)]);
    desk.numbers.expire(due, &mut desk.out);
    assert_eq!(desk.seen(), [Seen::Gap(2, Reason::SequenceGap), T(103)]);
    assert_eq!(desk.counters.held_back_too_long.value(), 1);
    desk.trade(2, 106);
    assert_eq!(desk.seen(), [Seen::Gap(2, Reason::SequenceGap), T(106)], "nor once more");
}

#[test]
fn what_finds_no_room_to_wait_is_published_behind_a_gap() {
    let mut desk = desk();
    desk.trade(1, 100);
    let held = 103..103 + crate::limits::HELD_BACK_MAX as u64;
    for id in held.clone() {
        desk.trade(2, id);
    }
    assert_eq!(desk.seen(), [T(100)]);
    desk.trade(2, held.end);
    assert_eq!(desk.seen().len(), held.count() + 2);
    assert_eq!(desk.counters.held_back_overflows.value(), 1);
}

#[test]
fn trades_that_stand_for_several_follow_each_other() {
    let mut desk = desk();
    for (first, last) in [(100, 103), (104, 104), (107, 110)] {
        desk.say(1, first, last, UnixNanos::NONE, Origin::Live);
    }
    assert_eq!(desk.seen(), [T(103), T(104), Seen::Gap(2, Reason::SequenceGap), T(110)]);
}

#[test]
fn past_trades_only_fill_a_known_hole() {
    let mut desk = desk();
    for id in 90..=99 {
        desk.say(1, id, id, UnixNanos(99), Origin::Past);
    }
    desk.now = desk.now.after(Duration::from_secs(1));
    desk.trade(1, 100);
    desk.leave(1);
    desk.opened(3);
    for id in 80..=104 {
        desk.say(3, id, id, UnixNanos(500), Origin::Past);
    }
    desk.trade(3, 105);
    assert_eq!(desk.seen(), (100..=105).map(T).collect::<Vec<_>>());
}

#[test]
fn nothing_may_be_missing_after_the_past_trade_that_a_subscription_begins_with() {
    let mut desk = desk();
    desk.say(1, 98, 98, UnixNanos(98), Origin::Past);
    desk.trade(1, 101);
    assert_eq!(desk.seen(), [Seen::Gap(2, Reason::SequenceGap), T(101)]);
}

/// Two lines of any skew, each cut and opened anew at times: every trade once and in order, and
/// nothing missing as long as one of them is open.
#[test]
fn two_lines_with_any_skew_and_losses_publish_each_trade_once_and_in_order() {
    for uuids in [false, true] {
        for seed in 0..400_u64 {
            let mut desk = desk_of(!uuids, Continuity::None);
            desk.uuids = uuids;
            let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
            let mut chance = |below: u64| {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                random % below
            };
            // Of each line its connection, and the next trade that it will bring.
            let mut lines = [(1_u32, 1_u64), (2, 1)];
            let (mut newest, mut printed) = (2, 1);
            for _ in 0..600 {
                printed += chance(3);
                let line = chance(2) as usize;
                match chance(60) {
                    // A loss takes what the line had not brought yet; the other has yet to.
                    0 if (2..=lines[line].1).contains(&lines[1 - line].1) => {
                        desk.leave(lines[line].0);
                        newest += 1;
                        desk.opened(newest);
                        lines[line] = (newest, printed);
                    }
                    _ => {
                        for _ in 0..chance(4) {
                            let (generation, next) = lines[line];
                            if next < printed {
                                desk.trade(generation, next);
                                lines[line].1 += 1;
                            }
                        }
                    }
                }
            }
            for (generation, next) in lines {
                for id in next..printed {
                    desk.trade(generation, id);
                }
            }
            let seen = desk.seen();
            let all: Vec<Seen> = (1..printed).map(T).collect();
            let odd = seen.iter().zip(&all).position(|(one, two)| one != two);
            let around = odd.map(|odd| &seen[odd.saturating_sub(3)..seen.len().min(odd + 6)]);
            assert_eq!(around, None, "seed {seed}, uuids {uuids}");
            assert_eq!(seen.len(), all.len(), "seed {seed}, uuids {uuids}");
        }
    }
}

#[test]
fn a_trade_that_cannot_be_read_is_doubted_at_once_and_told_by_the_next_id() {
    let mut desk = desk();
    desk.trade(1, 100);
    assert_eq!(desk.lose(1), LossTold::ByTheNext);
    desk.trade(1, 101);
    assert_eq!(desk.seen(), [T(100), T(101)], "it was none of them");
    assert_eq!((desk.lose(1), desk.lose(1)), (LossTold::ByTheNext, LossTold::ByTheNext));
    desk.trade(1, 104);
    assert_eq!(desk.seen(), [Seen::Gap(2, Reason::SequenceGap), T(104)], "one hole, one gap");
}

/// An id that cannot be carried, or one that leaps, shows nothing of what was lost before it.
#[test]
fn what_cannot_be_read_is_told_before_a_trade_that_does_not_show_it() {
    let nameless = |desk: &mut Desk, size| {
        desk.nameless = true;
        desk.trade(1, size);
        desk.nameless = false;
    };
    let mut desk = desk();
    desk.trade(1, 100);
    assert_eq!(desk.lose(1), LossTold::ByTheNext);
    nameless(&mut desk, 7);
    assert_eq!(desk.seen(), [T(100), Seen::Gap(0, Reason::Refused), T(7)]);
    nameless(&mut desk, 8);
    desk.trade(1, 101);
    assert_eq!(desk.seen(), [T(8), T(101)], "once");
    // One that follows an odd one shows it of its own count, and the next of the other of that.
    let far = 1 << 50;
    desk.trade(1, far);
    assert_eq!(desk.seen(), [Seen::Gap(0, Reason::SequenceGap), T(far)]);
    assert_eq!(desk.lose(1), LossTold::ByTheNext);
    desk.trade(1, far + 1);
    assert_eq!(desk.seen(), [T(far + 1)]);
    desk.say(1, 103, 103, UnixNanos(far as i64 + 2), Origin::Live);
    desk.now = desk.now.after(2 * HELD_BACK_FOR_MAX);
    desk.numbers.expire(desk.now, &mut desk.out);
    assert_eq!(desk.seen(), [Seen::Gap(1, Reason::SequenceGap), T(103)]);
    // Nor any, where there was none before.
    let mut desk = self::desk();
    assert_eq!(desk.lose(1), LossTold::ByTheNext);
    nameless(&mut desk, 7);
    assert_eq!(desk.seen(), [Seen::Gap(0, Reason::Refused), T(7)]);
}

#[test]
fn a_trade_that_one_line_cannot_read_is_doubted_once_no_other_may_bring_it() {
    let mut desk = desk();
    desk.trade(1, 100).trade(2, 100);
    assert_eq!(desk.lose(1), LossTold::Nowhere, "the other may bring it");
    desk.trade(2, 101);
    assert_eq!(desk.seen(), [T(100), T(101)]);
    desk.trade(1, 101);
    assert_eq!(desk.lose(2), LossTold::Nowhere);
    desk.trade(2, 101);
    assert_eq!(desk.lose(1), LossTold::ByTheNext, "a copy of the last brings nothing back");
    desk.trade(2, 102).trade(1, 102);
    assert_eq!(desk.seen(), [T(102)]);
    // The one that could still have brought it has passed it, or is gone.
    assert_eq!(desk.lose(1), LossTold::Nowhere);
    desk.trade(1, 104);
    assert_eq!(desk.lose(2), LossTold::ByTheNext);
    desk.trade(2, 104);
    assert_eq!(desk.seen(), [Seen::Gap(1, Reason::SequenceGap), T(104)]);
    assert_eq!(desk.lose(1), LossTold::Nowhere);
    desk.leave(2);
    assert_eq!(desk.seen(), [Seen::Unheard]);
}

#[test]
fn ids_that_say_nothing_about_order_are_remembered() {
    let mut desk = desk_of(false, Continuity::None);
    desk.trade(1, 100).trade(1, 500).trade(1, 500).trade(1, 300).trade(2, 300).trade(2, 700);
    assert_eq!(desk.seen(), [T(100), T(500), T(300), T(700)]);
    desk.leave(1);
    desk.leave(2);
    desk.opened(3);
    desk.trade(3, 900);
    assert_eq!(desk.seen(), [Seen::Gap(0, Reason::Disconnected), T(900)], "how many is unknown");
}

#[test]
fn an_id_that_is_used_again_at_another_time_is_another_trade() {
    for uuids in [false, true] {
        let mut desk = desk_of(false, Continuity::None);
        desk.uuids = uuids;
        for time in [7_000_000, 7_000_000, 60_007_000_000, 60_007_000_000] {
            desk.say(1, 5, 5, UnixNanos(time), Origin::Live);
            desk.say(2, 5, 5, UnixNanos(time), Origin::Live);
        }
        assert_eq!(desk.seen(), [T(5), T(5)], "uuids {uuids}");
    }
}

#[test]
fn a_line_without_comparable_ids_waits_until_it_meets_the_other() {
    let mut desk = desk_of(false, Continuity::None);
    desk.uuids = true;
    desk.trade(1, 1).trade(2, 4).trade(2, 5);
    assert!(desk.numbers.waits_for(2, std::iter::empty()));
    assert_eq!(desk.seen(), [T(1)]);
    desk.trade(1, 2).trade(1, 3).trade(1, 4);
    assert_eq!(desk.seen(), [T(2), T(3), T(4), T(5)]);
    desk.trade(1, 5).trade(2, 6).trade(1, 6);
    assert_eq!(desk.seen(), [T(6)]);
    desk.opened(3);
    desk.trade(3, 9);
    desk.leave(1);
    assert_eq!(desk.seen(), [], "the second may have what is between");
    desk.trade(2, 9);
    assert_eq!(desk.seen(), [T(9)]);
}

#[test]
fn win_rate_skew_and_loss_of_each_line_are_counted() {
    let mut desk = desk();
    desk.trade(1, 100);
    desk.now = MonoNanos(3_000_001);
    desk.trade(2, 100).trade(2, 101).trade(1, 101).trade(1, 104).trade(2, 102);
    desk.trade(2, 103).trade(2, 104);
    let (odd, even) = (desk.counters.line(1), desk.counters.line(0));
    assert_eq!((odd.wins.value(), odd.copies.value(), odd.missed.value()), (2, 1, 2));
    assert_eq!((even.wins.value(), even.copies.value(), even.missed.value()), (3, 2, 0));
    assert!((even.skew.sum_seconds() - 0.003).abs() < 1e-9);
    assert!(odd.skew.count() >= 1);
}

#[test]
fn trades_without_a_number_belong_to_one_line_and_foreign_instruments_pass() {
    let mut desk = Desk { nameless: true, ..desk() };
    desk.say(1, 0, 0, UnixNanos::NONE, Origin::Live);
    desk.say(2, 0, 0, UnixNanos::NONE, Origin::Live);
    assert_eq!(desk.seen(), [T(0)]);
    desk.leave(1);
    desk.say(2, 0, 0, UnixNanos::NONE, Origin::Live);
    assert_eq!(desk.seen(), [T(0)]);
    let source = desk.source(1);
    assert_eq!(desk.numbers.owned(InstrumentId(7), Channel::Ticker, source), Verdict::Next);
}

#[test]
fn an_owner_that_falls_silent_loses_the_stream() {
    let mut desk = desk();
    let owned = |desk: &mut Desk, generation| {
        let source = desk.source(generation);
        desk.numbers.owned(ONE, Channel::Ticker, source)
    };
    assert_eq!(owned(&mut desk, 1), Verdict::Next);
    assert_eq!(owned(&mut desk, 2), Verdict::Older);
    desk.now = desk.now.after(OWNER_SILENT_MAX);
    assert_eq!(owned(&mut desk, 2), Verdict::Next);
    assert_eq!(owned(&mut desk, 1), Verdict::Older);
}

#[test]
fn tickers_with_numbers_only_go_forward_and_are_numbered_apart() {
    let mut desk = desk();
    let (old, new) = (desk.source(1), desk.source(2));
    let numbers = &mut desk.numbers;
    let ticker = |numbers: &mut Numbers, number: Option<u64>, source| {
        let tick = Tick::new(ONE, UnixNanos::NONE, Body::Time { date: UnixNanos::NONE });
        let (first, origin) = (number, Origin::Live);
        numbers.ticker(&SequencedTick { sequence: number, first, origin, tick }, source)
    };
    assert_eq!(quote(numbers, 9, old), Verdict::Next);
    assert_eq!(ticker(numbers, Some(5), old), Verdict::Next);
    numbers.leave(1, &mut Vec::new());
    // The first of a new connection is the last of the one before, told again.
    assert_eq!(ticker(numbers, Some(5), new), Verdict::Older);
    assert_eq!(ticker(numbers, Some(6), new), Verdict::Next);
    assert_eq!(ticker(numbers, None, new), Verdict::Next, "without a number it is its owner's");
}

fn delta(first_id: u64, last_id: u64, previous_id: Option<u64>) -> BookUpdate {
    BookUpdate {
        instrument: ONE,
        kind: BookKind::Delta,
        exchange_time: UnixNanos::NONE,
        first_id: Some(first_id),
        last_id: Some(last_id),
        previous_id,
        checksum: None,
        precision: None,
        depth: DEPTH_FULL,
        levels: 0..0,
    }
}

fn whole(last_id: u64) -> BookUpdate {
    BookUpdate { kind: BookKind::Snapshot, ..delta(last_id, last_id, None) }
}

impl Desk {
    /// Judges an event of a proven book; what waited for it follows by its last id.
    fn book(&mut self, generation: u32, update: &BookUpdate) -> (Verdict, Vec<u64>) {
        let source = self.source(generation);
        let verdict = self.numbers.book(update, &[], true, source);
        let mut released = Vec::new();
        while let Some(held) = self.numbers.next_book(ONE, true) {
            released.push(held.update.last_id.expect("a number"));
        }
        (verdict, released)
    }
}

const NEXT: (Verdict, Vec<u64>) = (Verdict::Next, Vec::new());
const OLDER: (Verdict, Vec<u64>) = (Verdict::Older, Vec::new());
const BESIDE: (Verdict, Vec<u64>) = (Verdict::Beside, Vec::new());
const LEVEL: (Verdict, Vec<u64>) = (Verdict::Level, Vec::new());
const CAUGHT_UP: (Verdict, Vec<u64>) = (Verdict::CaughtUp, Vec::new());
const DOUBTFUL: (Verdict, Vec<u64>) = (Verdict::Doubtful, Vec::new());
const AHEAD: (Verdict, Vec<u64>) = (Verdict::Ahead, Vec::new());

#[test]
fn the_books_see_each_event_once_while_two_lines_run() {
    let mut desk = desk();
    assert_eq!(desk.book(1, &delta(10, 12, None)), NEXT);
    assert_eq!(desk.book(2, &delta(15, 16, None)), AHEAD);
    assert_eq!(desk.book(2, &delta(17, 18, None)), AHEAD);
    assert_eq!(desk.book(1, &delta(13, 14, None)), (Verdict::Next, vec![16, 18]));
    assert_eq!(desk.book(1, &delta(15, 16, None)), OLDER);
    assert_eq!(desk.book(1, &delta(17, 18, None)), OLDER);
    assert_eq!(desk.book(1, &delta(19, 20, None)), NEXT);
    assert_eq!(desk.book(2, &delta(19, 20, None)), OLDER);
    assert_eq!(desk.book(1, &delta(30, 31, None)), AHEAD);
    // When both have passed the hole it is for the books to find.
    assert_eq!(desk.book(2, &delta(28, 29, None)), (Verdict::Next, vec![31]));
}

#[test]
fn a_reconnect_leaves_the_judgement_to_the_books() {
    let mut desk = desk();
    desk.book(1, &delta(10, 12, None));
    desk.leave(1);
    assert_eq!(desk.book(3, &delta(1, 2, None)), NEXT);
    assert_eq!(desk.book(3, &delta(2, 2, None)), NEXT);
}

#[test]
fn events_that_are_cut_otherwise_are_spliced() {
    let mut desk = desk_of(true, Continuity::StatesPrevious);
    assert_eq!(desk.book(1, &delta(0, 105, Some(100))), NEXT);
    let spliced = (Verdict::Spliced { previous: 105 }, Vec::new());
    assert_eq!(desk.book(2, &delta(0, 110, Some(100))), spliced);
    assert_eq!(desk.book(1, &delta(0, 110, Some(105))), OLDER);
    assert_eq!(desk.book(1, &delta(0, 120, Some(115))), AHEAD);
    assert_eq!(desk.book(2, &delta(0, 116, Some(110))).0, Verdict::Next);
}

#[test]
fn a_book_in_the_stream_that_is_behind_only_means_that_its_line_joined() {
    let mut desk = desk_of(true, Continuity::FollowsByOne);
    assert_eq!(desk.book(1, &whole(100)), NEXT);
    assert_eq!(desk.book(1, &delta(0, 101, None)), NEXT);
    assert!(desk.numbers.waits_for(2, std::iter::once(ONE)));
    assert_eq!(desk.book(2, &whole(101)), OLDER);
    assert!(!desk.numbers.waits_for(2, std::iter::once(ONE)));
    assert_eq!(desk.book(2, &delta(0, 102, None)), NEXT);
    assert_eq!(desk.book(1, &delta(0, 102, None)), OLDER);
    assert_eq!(desk.book(1, &delta(0, 104, None)), AHEAD);
    assert_eq!(desk.book(2, &delta(0, 103, None)), (Verdict::Next, vec![104]));
    // Anew on its own connection: the exchange was restarted.
    assert_eq!(desk.book(1, &whole(1)), NEXT);
    assert_eq!(desk.book(2, &delta(0, 105, None)), OLDER, "from before the restart");
    assert_eq!(desk.book(1, &delta(0, 2, None)), NEXT);
    assert_eq!(desk.book(2, &whole(1)), OLDER);
    assert_eq!(desk.book(2, &delta(0, 3, None)), NEXT);
}

#[test]
fn a_whole_book_that_is_told_twice_or_late_takes_no_other_lines_book_back() {
    let at = |millis: u64, update: BookUpdate| BookUpdate {
        exchange_time: UnixNanos::from_millis(millis),
        ..update
    };
    for copy in [at(10, whole(32)), whole(32)] {
        let mut desk = desk_of(true, Continuity::FollowsByOne);
        assert_eq!(desk.book(1, &at(12, whole(34))), NEXT);
        assert_eq!(desk.book(2, &copy), OLDER);
        assert_eq!(desk.book(2, &copy), OLDER, "its number is no lower than before");
        assert_eq!(desk.book(2, &at(11, delta(0, 33, None))), OLDER);
        assert_eq!(desk.book(1, &at(13, delta(0, 35, None))), NEXT);
    }
    let mut desk = desk_of(true, Continuity::FollowsByOne);
    assert_eq!(desk.book(1, &at(12, whole(34))), NEXT);
    assert_eq!(desk.book(2, &at(11, delta(0, 33, None))), OLDER);
    assert_eq!(desk.book(2, &at(10, whole(32))), OLDER, "mixed up with its successor");
    // After a restart, and after another.
    assert_eq!(desk.book(2, &at(20, whole(1))), NEXT);
    assert_eq!(desk.book(2, &at(20, whole(1))), OLDER);
    assert_eq!(desk.book(2, &at(30, whole(1))), NEXT);
}

#[test]
fn a_restart_that_is_stated_is_followed_once() {
    let mut desk = desk_of(true, Continuity::StatesPreviousOrRestarts);
    desk.book(1, &whole(100));
    desk.book(2, &whole(100));
    assert_eq!(desk.book(1, &delta(0, 3, Some(100))), NEXT);
    assert_eq!(desk.book(2, &delta(0, 3, Some(100))), OLDER);
    assert_eq!(desk.book(2, &delta(0, 5, Some(3))), NEXT);
    assert_eq!(desk.book(1, &delta(0, 5, Some(3))), OLDER);
    assert_eq!(desk.book(1, &delta(0, 5, Some(5))), NEXT, "idle: nothing to lose");
}

#[test]
fn books_without_ids_belong_to_the_line_that_brought_them_whole() {
    let mut desk = desk_of(true, Continuity::None);
    assert_eq!(desk.book(1, &whole(0)), NEXT);
    assert_eq!(desk.book(2, &delta(0, 0, None)), OLDER);
    assert_eq!(desk.book(1, &delta(0, 0, None)), NEXT);
    assert_eq!(desk.book(2, &whole(0)), LEVEL);
    assert_eq!(desk.book(2, &delta(0, 0, None)), LEVEL);
    assert_eq!(desk.book(1, &delta(0, 0, None)), NEXT, "one at a time");
    desk.numbers.hand_over(ONE);
    assert_eq!(desk.book(1, &delta(0, 0, None)), OLDER);
    let orphan = Left { orphans: vec![ONE], ..Left::default() };
    assert_eq!(desk.numbers.leave(2, &mut desk.out), orphan, "the other's do not continue it");
    assert_eq!(desk.numbers.leave(1, &mut desk.out), Left::default());
    // What is older than what was told, by the exchange's own time, is no news.
    let at = |seconds: u64, update: BookUpdate| BookUpdate {
        exchange_time: UnixNanos::from_millis(seconds * 1_000),
        ..update
    };
    assert_eq!(desk.book(3, &at(10, whole(0))), NEXT);
    assert_eq!(desk.book(3, &at(20, delta(0, 0, None))), NEXT);
    assert_eq!(desk.book(4, &at(11, whole(0))), BESIDE);
    assert_eq!(desk.book(4, &at(12, delta(0, 0, None))), BESIDE);
    assert!(desk.numbers.waits_for(4, std::iter::once(ONE)));
    assert_eq!(desk.book(5, &at(21, delta(0, 0, None))), OLDER);
    assert_eq!(desk.book(3, &at(22, delta(0, 0, None))), NEXT);
    assert_eq!(desk.book(4, &at(22, delta(0, 0, None))), LEVEL, "two may be of one moment");
    assert_eq!(desk.book(4, &at(23, delta(0, 0, None))), CAUGHT_UP);
    desk.numbers.hand_over(ONE);
    assert!(!desk.numbers.waits_for(4, std::iter::once(ONE)));
    assert_eq!(desk.book(4, &at(23, delta(0, 0, None))), NEXT);
    assert_eq!(desk.book(3, &at(23, delta(0, 0, None))), OLDER);
    // The one that is behind may end first, or the other.
    assert_eq!(desk.book(6, &at(13, whole(0))), BESIDE);
    let stray = Left { strays: vec![ONE], ..Left::default() };
    assert_eq!(desk.numbers.leave(6, &mut desk.out), stray);
    assert_eq!(desk.book(7, &at(14, whole(0))), BESIDE);
    let heir = Left { heirs: vec![ONE], ..Left::default() };
    assert_eq!(desk.numbers.leave(4, &mut desk.out), heir);
    assert_eq!(desk.book(7, &at(15, delta(0, 0, None))), NEXT);
    assert_eq!(desk.book(4, &at(23, whole(0))), LEVEL, "made later, and maybe of what is older");
    assert_eq!(desk.book(4, &at(15, delta(0, 0, None))), LEVEL);
    assert_eq!(desk.book(4, &at(24, delta(0, 0, None))), CAUGHT_UP);
    desk.numbers.hand_over(ONE);
    // However little it is behind.
    assert_eq!(desk.book(4, &at(30, delta(0, 0, None))), NEXT);
    let uneven = BookUpdate { exchange_time: UnixNanos::from_millis(29_999), ..whole(0) };
    assert_eq!(desk.book(3, &uneven), BESIDE);
}

#[test]
fn a_book_without_numbers_is_taken_back_by_no_whole_one_that_is_not_later() {
    let at = |seconds: u64, update: BookUpdate| BookUpdate {
        exchange_time: UnixNanos::from_millis(seconds * 1_000),
        ..update
    };
    let mut desk = desk_of(true, Continuity::None);
    assert_eq!(desk.book(1, &at(10, whole(0))), NEXT);
    assert_eq!(desk.book(1, &at(10, whole(0))), OLDER, "told twice");
    assert_eq!(desk.book(1, &at(12, delta(0, 0, None))), NEXT);
    assert_eq!(desk.book(1, &at(10, whole(0))), OLDER, "told late");
    assert_eq!(desk.book(1, &whole(0)), DOUBTFUL, "nobody knows");
    assert_eq!(desk.book(1, &at(13, whole(0))), NEXT);
    assert_eq!(desk.book(2, &at(13, whole(0))), LEVEL, "as new as the other line's");
    desk.numbers.hand_over(ONE);
    assert_eq!(desk.book(1, &whole(0)), OLDER, "another line's");
    assert_eq!(desk.book(1, &at(12, whole(0))), BESIDE);
    // One that is not proven takes what comes.
    let source = desk.source(2);
    assert_eq!(desk.numbers.book(&at(10, whole(0)), &[], false, source), Verdict::Next);
    // Where nothing is dated, too.
    let mut desk = desk_of(true, Continuity::None);
    assert_eq!(desk.book(1, &whole(0)), NEXT);
    assert_eq!(desk.book(1, &at(9, whole(0))), DOUBTFUL);
    assert_eq!(desk.book(1, &at(9, delta(0, 0, None))), NEXT);
    assert_eq!(desk.book(1, &at(10, whole(0))), NEXT);
}
