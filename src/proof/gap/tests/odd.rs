//! One odd number among the numbers of states and of books costs no other event.

use proptest::prelude::*;

use super::dates::{NUMBERED, Shop, number, sides};
use super::*;
use crate::exchange::{BookSnapshot, SnapshotSource};
use crate::proof::books::{Applied, Joined};
use crate::tick::BookState;

/// What slips out of an exchange, or out of somebody who does not mean it well.
fn odd() -> impl Strategy<Value = u64> {
    prop_oneof![
        Just(0),
        Just(1),
        Just(10_000_000_000_000_000),
        Just(u64::MAX),
        1_u64..200_000,
        any::<u64>(),
    ]
}

/// The verdict on a state of a channel.
fn state(desk: &mut Desk, line: u32, channel: Channel, number: u64, time: UnixNanos) -> Verdict {
    let tick = Tick::new(ONE, time, Body::Quote { digits: [0; 4], mantissas: [0; 4] });
    let said =
        SequencedTick { sequence: Some(number), first: Some(number), origin: Origin::Live, tick };
    let source = desk.source(line);
    match channel {
        Channel::Ticker => desk.numbers.ticker(&said, source),
        _ => desk.numbers.quote(&said, source),
    }
}

proptest! {
    #[test]
    fn no_state_is_lost_behind_an_odd_number(
        channel in prop::sample::select(&[Channel::Quotes, Channel::Ticker][..]),
        odd in odd(),
        timed in any::<bool>(),
        lines in 1..3_u32,
        step in 100_u64..5_000,
    ) {
        let mut desk = desk();
        let own: Vec<u64> = (10..40).map(|place| 50_000 + place * step).collect();
        prop_assume!(own.iter().all(|number| number.abs_diff(odd) > 64));
        let mut numbers = own.clone();
        numbers.insert(10, odd);
        let mut told = Vec::new();
        for (place, &number) in numbers.iter().enumerate() {
            let time = if timed { UnixNanos(1_000 + place as i64) } else { UnixNanos::NONE };
            for line in 1..=lines {
                desk.now = desk.now.after(Duration::from_micros(10));
                if state(&mut desk, line, channel, number, time) != Verdict::Older {
                    told.push(number);
                }
            }
        }
        // Its own state may be taken for a repetition, where it lies among what was told, and where no
        // date says that it is not one.
        let lies_among = odd < own[9] && odd > own[0];
        if lies_among || !timed {
            told.retain(|&number| number != odd);
            numbers = own;
        }
        prop_assert_eq!(told, numbers, "each once, in order");
    }

    #[test]
    fn a_state_without_a_date_is_not_told_where_its_number_does_not_follow(
        channel in prop::sample::select(&[Channel::Quotes, Channel::Ticker][..]),
        odd in prop_oneof![1_u64..40_000, 10_000_000_000..u64::MAX - 1_000],
    ) {
        let mut desk = desk();
        let mut hear = |number| state(&mut desk, 1, channel, number, UnixNanos::NONE);
        for place in 1..=10 {
            prop_assert_eq!(hear(50_000 + place * 100), Verdict::Next);
        }
        prop_assert_eq!(hear(odd), Verdict::Older);
        prop_assert_eq!(hear(51_100), Verdict::Next, "it makes none old");
        // As many in a row as show that the exchange counts anew are believed.
        prop_assert_eq!(hear(odd), Verdict::Older);
        prop_assert_eq!(hear(odd + 100), Verdict::Older);
        prop_assert_eq!(hear(odd + 200), Verdict::Anew);
        prop_assert_eq!(hear(odd + 300), Verdict::Next);
    }

    #[test]
    fn no_book_stands_still_behind_an_odd_number(
        rules in prop::sample::select(&NUMBERED[..]),
        odd in odd(),
        lines in 1..3_u32,
    ) {
        let mut shop = Shop::open(rules, 1_000);
        let mut date = 1_000;
        let mut follow = |shop: &mut Shop, own: u64| {
            date += 100;
            let last = shop.last;
            let update = number(delta(last + 1, own, Some(last)), date);
            let applied: Vec<_> = (1..=lines).map(|line| shop.hear(line, &update, &[])).collect();
            shop.last += 1;
            applied
        };
        for _ in 0..10 {
            let own = shop.last + 1;
            prop_assert!(follow(&mut shop, own).contains(&Some(Applied::Published)));
        }
        follow(&mut shop, odd);
        // What follows is in the book, or the book says that it is not proven.
        for _ in 0..4 {
            let own = shop.last + 1;
            let applied = follow(&mut shop, own);
            let stands = shop.books.is_proven(ONE) && !applied.contains(&Some(Applied::Published));
            let is_near = own.abs_diff(odd) <= 64 && odd > own;
            prop_assert!(!stands || is_near, "{:?}: {:?} at {}", rules, applied, own);
        }
    }
}

#[test]
fn a_snapshot_of_an_odd_number_is_asked_for_again() {
    for rules in NUMBERED.into_iter().filter(|rules| rules.1 == SnapshotSource::Rest) {
        for odd in [0, 10_000_000_000_000_000, u64::MAX] {
            let mut shop = Shop::open(rules, 1_000);
            shop.last = 1 << 40;
            let mut out = Vec::new();
            shop.books.distrust(ONE, Reason::Refused, &mut out);
            assert_ne!(shop.follow(1, 1_000), Some(Applied::Published));
            assert!(shop.books.next_needed().is_some());
            let levels = sides();
            let snapshot = BookSnapshot { last_update_id: odd, levels: levels.clone() };
            assert_eq!(shop.books.snapshot(ONE, &snapshot, &mut out), Joined::TooOld, "{odd}");
            assert!(shop.books.next_needed().is_some());
            let snapshot = BookSnapshot { last_update_id: shop.last, levels };
            assert_eq!(shop.books.snapshot(ONE, &snapshot, &mut out), Joined::Live, "{odd}");
            assert_eq!(shop.follow(1, 1_001), Some(Applied::Published));
            assert_eq!(shop.books.state(ONE), Some(BookState::Live));
        }
    }
}
