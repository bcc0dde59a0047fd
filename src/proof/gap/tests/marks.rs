//! What an exchange says of ids beside its trades.

use super::*;
use crate::exchange::{Marked, TradeMark};

#[test]
fn the_exchanges_word_shows_trades_that_never_came() {
    let mut desk = desk();
    let mark = |last_id| TradeMark { instrument: ONE, last_id, marked: Marked::Last };
    let (one, two) = (desk.source(1), desk.source(2));
    desk.numbers.mark(mark(99), one, &mut desk.out);
    desk.numbers.mark(mark(99), one, &mut desk.out);
    desk.trade(1, 100).trade(2, 100);
    desk.numbers.mark(mark(100), one, &mut desk.out);
    assert_eq!(desk.seen(), [T(100)]);
    desk.numbers.mark(mark(102), one, &mut desk.out);
    desk.numbers.mark(mark(102), one, &mut desk.out);
    assert_eq!(desk.seen(), [], "the other line may have them");
    desk.trade(2, 101);
    desk.numbers.mark(mark(102), two, &mut desk.out);
    assert_eq!(desk.seen(), [T(101), Seen::Gap(1, Reason::SequenceGap)]);
    desk.trade(1, 103);
    desk.numbers.mark(mark(103), one, &mut desk.out);
    assert_eq!(desk.seen(), [T(103)], "told once");
}

#[test]
fn an_id_of_what_is_no_trade_is_heard_and_not_missing() {
    let mut desk = desk();
    let fill = |last_id| {
        let marked = Marked::NoTrade(UnixNanos(last_id as i64));
        TradeMark { instrument: ONE, last_id, marked }
    };
    let one = desk.source(1);
    desk.numbers.mark(fill(99), one, &mut desk.out);
    desk.trade(1, 100);
    desk.numbers.mark(fill(101), one, &mut desk.out);
    desk.trade(1, 102);
    assert_eq!(desk.seen(), [T(100), T(102)]);
    desk.numbers.mark(fill(104), one, &mut desk.out);
    desk.trade(1, 105);
    assert_eq!(desk.seen(), [Seen::Gap(1, Reason::SequenceGap), T(105)], "before it one is");
    // Another line may have what stands before it, and repeats it.
    let two = desk.source(2);
    desk.trade(2, 105);
    desk.numbers.mark(fill(107), one, &mut desk.out);
    desk.trade(1, 108);
    assert_eq!(desk.seen(), []);
    desk.trade(2, 106);
    desk.numbers.mark(fill(107), two, &mut desk.out);
    desk.trade(2, 108);
    assert_eq!(desk.seen(), [T(106), T(108)]);
}

#[test]
fn a_word_that_overtakes_its_trade_by_a_little_costs_nothing() {
    let mut desk = desk();
    let mark = |last_id| TradeMark { instrument: ONE, last_id, marked: Marked::Last };
    desk.leave(2);
    let one = desk.source(1);
    desk.trade(1, 100);
    desk.numbers.mark(mark(101), one, &mut desk.out);
    desk.trade(1, 101);
    desk.numbers.mark(mark(103), one, &mut desk.out);
    desk.trade(1, 102).trade(1, 103);
    desk.numbers.mark(mark(104), one, &mut desk.out);
    assert_eq!(desk.seen(), (100..=103).map(T).collect::<Vec<_>>());
    desk.numbers.mark(mark(104), one, &mut desk.out);
    assert_eq!(desk.seen(), [Seen::Gap(1, Reason::SequenceGap)]);
}
