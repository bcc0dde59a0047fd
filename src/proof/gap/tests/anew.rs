//! Numbers that begin anew, and those that only seem to.

use super::*;
use crate::exchange::{Marked, TradeMark};
use crate::limits::{NUMBERS_OLDER_MAX, NUMBERS_REPLAY_MAX, NUMBERS_STRANGE_MAX};

#[test]
fn an_exchange_that_counts_anew_is_followed() {
    let mut desk = desk();
    desk.say(1, 1_000, 1_000, UnixNanos(50), Origin::Live);
    desk.leave(1);
    desk.opened(3);
    desk.say(3, 1, 1, UnixNanos(60), Origin::Live);
    desk.say(3, 2, 2, UnixNanos(61), Origin::Live);
    let anew = Seen::Gap(0, Reason::Disconnected);
    assert_eq!(desk.seen(), [T(1_000), anew, T(1), T(2)]);
    // The same on one connection, or without times: below all that ever came.
    let mut desk = super::desk();
    desk.say(1, 1_000, 1_000, UnixNanos::NONE, Origin::Live);
    for id in 0..=4 {
        desk.say(1, id, id, UnixNanos::NONE, Origin::Live);
    }
    let anew = Seen::Gap(0, Reason::SequenceGap);
    assert_eq!(desk.seen(), [T(1_000), anew, T(0), T(1), T(2), T(3), T(4)]);
    // Within what came before, it takes a while in which nothing can be said for sure.
    for id in 0..=17 {
        desk.say(1, 2 + id % 2, 2 + id % 2, UnixNanos::NONE, Origin::Live);
    }
    assert_eq!(desk.seen().first(), Some(&Seen::Gap(0, Reason::SequenceGap)));
}

#[test]
fn what_an_exchange_repeats_to_a_new_connection_is_told_once() {
    // It repeats more than was heard: the last trades of all, some from before our time.
    for repeated in [17, 40, 1_000] {
        let mut desk = desk();
        for id in 1_000..=1_050 {
            desk.trade(1, id);
        }
        let mut heard: Vec<Seen> = (1_000..=1_050).map(T).collect();
        for generation in 3..8 {
            desk.leave(generation - 2);
            desk.opened(generation);
            desk.now = desk.now.after(2 * NUMBERS_REPLAY_MAX);
            for id in (1_051 - repeated)..=1_050 {
                desk.trade(generation, id);
            }
        }
        desk.trade(7, 1_051);
        heard.push(T(1_051));
        assert_eq!(desk.seen(), heard, "{repeated}");
    }
}

#[test]
fn an_exchange_that_counts_anew_by_a_clock_that_was_put_back_is_followed_after_a_while() {
    let mut desk = desk();
    desk.say(1, 1_000, 1_000, UnixNanos(1_000), Origin::Live);
    desk.leave(1);
    desk.opened(3);
    for id in 1..=30 {
        desk.now = desk.now.after(NUMBERS_REPLAY_MAX / 20);
        desk.trade(3, id);
    }
    let mut right = vec![T(1_000), Seen::Gap(0, Reason::Disconnected)];
    right.extend((21..=30).map(T));
    assert_eq!(desk.seen(), right);
}

#[test]
fn the_first_trade_of_all_may_have_the_number_0() {
    let mut desk = desk();
    desk.trade(1, 0).trade(2, 0).trade(2, 1).trade(1, 1).trade(1, 4);
    assert_eq!(desk.seen(), [T(0), T(1)]);
    desk.leave(2);
    assert_eq!(desk.seen(), [Seen::Gap(2, Reason::SequenceGap), T(4)]);
    let mut desk = desk_of(false, Continuity::None);
    desk.trade(1, 0).trade(2, 0).trade(1, 1);
    assert_eq!(desk.seen(), [T(0), T(1)]);
}

#[test]
fn a_replacement_that_is_behind_repeats_until_it_has_caught_up() {
    let mut desk = desk();
    for id in 100..120 {
        desk.trade(1, id);
    }
    desk.trade(2, 90);
    desk.leave(1);
    assert_eq!(desk.seen().len(), 20);
    for id in 91..=121 {
        desk.trade(2, id);
    }
    assert_eq!(desk.seen(), [T(120), T(121)]);
    // One that is not, and never will be, brings other numbers.
    desk.now = desk.now.after(Duration::from_secs(5));
    for id in 3..=6 {
        desk.say(1, id, id, UnixNanos(200 + id as i64), Origin::Live);
    }
    assert_eq!(desk.seen(), [Seen::Gap(0, Reason::SequenceGap), T(3), T(4), T(5), T(6)]);
}

#[test]
fn quotes_only_go_forward() {
    let mut desk = desk();
    let (old, new) = (desk.source(1), desk.source(3));
    let numbers = &mut desk.numbers;
    assert_eq!(quote(numbers, 7, old), Verdict::Next);
    assert_eq!(quote(numbers, 7, old), Verdict::Older);
    numbers.leave(1, &mut Vec::new());
    numbers.note_newest(3);
    assert_eq!(quote(numbers, 5, new), Verdict::Older);
    assert_eq!(quote(numbers, 90, new), Verdict::Next);
    for number in 91..=120 {
        assert_eq!(quote(numbers, number, new), Verdict::Next);
    }
    for _ in 0..NUMBERS_OLDER_MAX {
        assert_eq!(quote(numbers, 100, new), Verdict::Older);
    }
    assert_eq!(quote(numbers, 100, new), Verdict::Anew, "it counts anew");
    assert_eq!(quote(numbers, 101, new), Verdict::Next);
    numbers.leave(3, &mut Vec::new());
    let new = Source { generation: 4, ..new };
    assert_eq!(quote(numbers, 101, new), Verdict::Older);
    assert_eq!(quote(numbers, 0, new), Verdict::Older, "never was so low");
    assert_eq!(quote(numbers, 102, new), Verdict::Next, "and that was all");
    for number in 1..NUMBERS_STRANGE_MAX {
        assert_eq!(quote(numbers, number.into(), new), Verdict::Older);
    }
    assert_eq!(quote(numbers, NUMBERS_STRANGE_MAX.into(), new), Verdict::Anew);
    assert_eq!(quote(numbers, 0, new), Verdict::Older, "it counts anew");
}

#[test]
fn a_book_that_counts_anew_on_both_lines_is_found_out_and_slow_copies_are_not() {
    let mut desk = desk_of(true, Continuity::FollowsByOne);
    let next = |id| delta(id, id, None);
    for id in 1_000..1_020 {
        assert_eq!(desk.book(1, &next(id)).0, Verdict::Next);
    }
    for id in 1_000..1_020 {
        assert_eq!(desk.book(2, &next(id)).0, Verdict::Older, "a slow line");
    }
    let verdicts = [(1, 5), (2, 5), (1, 6), (2, 6), (2, 7), (1, 7)];
    let verdicts = verdicts.map(|(line, id)| desk.book(line, &next(id)).0);
    let (older, next) = (Verdict::Older, Verdict::Next);
    assert_eq!(verdicts, [older, older, Verdict::Anew, older, next, older]);
}

#[test]
fn a_reset_that_neither_line_brought_is_found_out_by_what_follows_it() {
    let mut desk = desk_of(true, Continuity::StatesPreviousOrRestarts);
    let change = |previous, own| delta(own, own, Some(previous));
    desk.book(1, &change(99, 100));
    desk.book(2, &change(99, 100));
    assert_eq!(desk.book(1, &change(100, 105)).0, Verdict::Next);
    assert_eq!(desk.book(2, &change(100, 105)).0, Verdict::Older);
    assert_eq!(desk.book(1, &change(3, 5)).0, Verdict::Anew);
    assert_eq!(desk.book(2, &change(3, 5)).0, Verdict::Older);
    assert_eq!(desk.book(2, &change(5, 6)).0, Verdict::Next);
    // The reset itself, of which what comes before is missing.
    assert_eq!(desk.book(1, &change(9, 2)).0, Verdict::Anew);
}

#[test]
fn a_wrong_time_neither_holds_back_what_follows_nor_hides_that_numbers_begin_anew() {
    let hour = |hours: i64| UnixNanos(hours * 3_600_000_000_000);
    let mut desk = desk();
    desk.numbers.believed_until = hour(2);
    desk.say(1, 1_000, 1_000, hour(1), Origin::Live);
    // The very event that shows it has a time of next year.
    for id in 1..=8 {
        let time = if id == 3 { hour(9_000) } else { UnixNanos(hour(1).0 + id as i64) };
        desk.say(1, id, id, time, Origin::Live);
    }
    let anew = Seen::Gap(0, Reason::SequenceGap);
    assert_eq!(desk.seen(), [T(1_000), anew].into_iter().chain((1..=8).map(T)).collect::<Vec<_>>());
    let mut desk = super::desk();
    desk.numbers.believed_until = hour(2);
    desk.say(1, 1_000, 1_000, hour(9_000), Origin::Live);
    desk.say(1, 1_001, 1_001, hour(1), Origin::Live);
    desk.leave(1);
    desk.opened(3);
    desk.say(3, 7, 7, UnixNanos(hour(1).0 + 1), Origin::Live);
    let anew = Seen::Gap(0, Reason::Disconnected);
    assert_eq!(desk.seen(), [T(1_000), T(1_001), anew, T(7)]);
}

#[test]
fn a_number_far_ahead_is_no_hole_and_hides_nothing() {
    for far in [u64::MAX, u64::MAX - 1, 1 << 40] {
        let mut desk = desk();
        desk.say(1, 7, 7, UnixNanos(1), Origin::Live);
        desk.say(1, far, far, UnixNanos(2), Origin::Live);
        desk.say(2, 7, 7, UnixNanos(1), Origin::Live);
        desk.say(2, far, far, UnixNanos(2), Origin::Live);
        for id in [8, 9] {
            desk.say(1, id, id, UnixNanos(3), Origin::Live);
            desk.say(2, id, id, UnixNanos(3), Origin::Live);
        }
        assert_eq!(desk.seen(), [T(7), Seen::Gap(0, Reason::SequenceGap), T(far), T(8), T(9)]);
        // A heartbeat's word of such a number says nothing either.
        for _ in 0..2 {
            let mark = TradeMark { instrument: ONE, last_id: far, marked: Marked::Last };
            let source = desk.source(1);
            assert_eq!(desk.numbers.mark(mark, source, &mut desk.out), Verdict::Older);
        }
        desk.say(1, 10, 10, UnixNanos(4), Origin::Live);
        assert_eq!(desk.seen(), [T(10)]);
    }
}

#[test]
fn numbers_that_stay_far_ahead_are_counted_anew() {
    let mut desk = desk();
    desk.trade(1, 7);
    let high = 1_u64 << 40;
    for id in high..high + 5 {
        desk.say(1, id, id, UnixNanos(8), Origin::Live);
    }
    let anew = Seen::Gap(0, Reason::SequenceGap);
    let wanted = [T(7), anew].into_iter().chain((high..high + 5).map(T));
    assert_eq!(desk.seen(), wanted.collect::<Vec<_>>());
    desk.trade(1, high + 9);
    desk.leave(2);
    assert_eq!(desk.seen(), [Seen::Gap(4, Reason::SequenceGap), T(high + 9)]);
}

#[test]
fn what_another_line_brings_of_old_numbers_is_no_trade_however_far_they_lie() {
    for high in [1_000_u64, 1 << 40] {
        let mut desk = desk();
        desk.say(1, high, high, UnixNanos(50), Origin::Live);
        desk.say(2, high, high, UnixNanos(50), Origin::Live);
        // Both were held up; one brings all that it has, then the other.
        for line in [1, 2] {
            for (id, time) in [(high + 1, 51), (high + 2, 52), (high + 3, 53), (high + 4, 54)] {
                desk.say(line, id, id, UnixNanos(time), Origin::Live);
            }
            for (id, time) in [(7, 60), (8, 61), (9, 62), (10, 63)] {
                desk.say(line, id, id, UnixNanos(time), Origin::Live);
            }
        }
        let old = (high..=high + 4).map(T);
        let anew = [Seen::Gap(0, Reason::SequenceGap), T(7), T(8), T(9), T(10)];
        assert_eq!(desk.seen(), old.chain(anew).collect::<Vec<_>>());
    }
}

#[test]
fn past_trades_show_that_numbers_began_anew_before_the_first_live_one() {
    let mut desk = desk();
    desk.say(1, 100, 100, UnixNanos(50), Origin::Live);
    desk.leave(1);
    desk.opened(3);
    for (id, time) in [(99, 49), (100, 50), (101, 51), (5, 52), (6, 53)] {
        desk.say(3, id, id, UnixNanos(time), Origin::Past);
    }
    let anew = Seen::Gap(0, Reason::SequenceGap);
    assert_eq!(desk.seen(), [T(100), T(101), anew, T(5), T(6)]);
    desk.say(3, 7, 7, UnixNanos(54), Origin::Live);
    assert_eq!(desk.seen(), [T(7)]);
    // Those that come again, even with times that are wrong, show nothing.
    desk.now = desk.now.after(Duration::from_secs(1));
    for (id, time) in [(6, 52), (7, 54), (5, 52), (6, 53)] {
        desk.say(3, id, id, UnixNanos(time), Origin::Past);
    }
    desk.opened(4);
    for (id, time) in [(5, 152), (6, 153), (7, 154)] {
        desk.say(4, id, id, UnixNanos(time), Origin::Past);
    }
    assert!(desk.seen().is_empty());
}
