//! Numbers that follow each other exactly, whatever dates the exchange writes beside them.

use proptest::prelude::*;

use super::*;
use crate::exchange::{BookRules, BookSnapshot, SnapshotSource};
use crate::proof::books::{Applied, Books, Joined};
use crate::tick::{BookState, Level};

/// All by which a book's numbers are proven.
pub(super) const NUMBERED: [(Continuity, SnapshotSource); 4] = [
    (Continuity::FirstFollowsLast, SnapshotSource::Rest),
    (Continuity::StatesPrevious, SnapshotSource::Rest),
    (Continuity::FollowsByOne, SnapshotSource::Stream),
    (Continuity::StatesPreviousOrRestarts, SnapshotSource::Stream),
];

/// A book behind the numbers, as the feed keeps it.
pub(super) struct Shop {
    desk: Desk,
    pub(super) books: Books,
    pub(super) last: u64,
}

pub(super) fn sides() -> Vec<Level> {
    let of = |side, price| {
        let decimal = |number| Decimal::new(number, 0).expect("small");
        Level { side, price: decimal(price), size: decimal(1) }
    };
    vec![of(Side::Bid, 10), of(Side::Ask, 20)]
}

pub(super) fn number(update: BookUpdate, date: i64) -> BookUpdate {
    BookUpdate { exchange_time: UnixNanos::from_millis(date.unsigned_abs()), ..update }
}

impl Shop {
    pub(super) fn open((continuity, snapshot): (Continuity, SnapshotSource), date: i64) -> Self {
        let rules = BookRules { continuity, snapshot, checksum: None };
        let (desk, books) = (desk_of(true, continuity), Books::new(rules));
        let mut shop = Self { desk, books, last: 1_000 };
        shop.renew(1_000, snapshot, date);
        shop
    }

    /// The book is asked for anew, and comes.
    fn renew(&mut self, number_of: u64, source: SnapshotSource, date: i64) {
        self.last = number_of;
        if source == SnapshotSource::Stream {
            let whole = number(whole(number_of), date);
            assert_eq!(self.hear(1, &whole, &sides()), Some(Applied::Published));
            return;
        }
        let mut out = Vec::new();
        self.books.distrust(ONE, Reason::Refused, &mut out);
        self.hear(1, &number(delta(number_of, number_of, Some(number_of - 1)), date), &[]);
        assert!(self.books.next_needed().is_some());
        let snapshot = BookSnapshot { last_update_id: number_of, levels: sides() };
        assert_eq!(self.books.snapshot(ONE, &snapshot, &mut out), Joined::Live);
    }

    /// What becomes of an event; `None` of a copy, and of one that waits for another line.
    pub(super) fn hear(
        &mut self,
        line: u32,
        update: &BookUpdate,
        levels: &[Level],
    ) -> Option<Applied> {
        let (proven, source) = (self.books.is_proven(ONE), self.desk.source(line));
        let mut out = Vec::new();
        match self.desk.numbers.book(update, levels, proven, source) {
            Verdict::Next => Some(self.books.apply(update, levels, &mut out)),
            Verdict::Anew => Some(self.books.apply_anew(update, levels, &mut out)),
            Verdict::Older | Verdict::Ahead => None,
            other => panic!("{other:?} of {update:?}"),
        }
    }

    pub(super) fn follow(&mut self, line: u32, date: i64) -> Option<Applied> {
        let update = number(delta(self.last + 1, self.last + 1, Some(self.last)), date);
        self.last += 1;
        self.hear(line, &update, &[])
    }

    fn repeat(&mut self, line: u32, back: u64, date: i64) -> Option<Applied> {
        let again = self.last - back;
        self.hear(line, &number(delta(again, again, Some(again - 1)), date), &[])
    }
}

#[test]
fn what_follows_a_repetition_is_told_by_a_clock_that_stands_still_or_goes_back() {
    for rules in NUMBERED {
        for (repeated, behind) in [(2_000, 0), (2_000, 2_000), (2_000, 1_999_000), (1_010, 5)] {
            let mut shop = Shop::open(rules, 1_000);
            for step in 1..=11 {
                assert_eq!(shop.follow(1, 1_000 + step), Some(Applied::Published));
            }
            shop.repeat(1, 0, repeated);
            if rules.0 != Continuity::StatesPreviousOrRestarts {
                shop.repeat(1, 6, repeated);
            }
            for _ in 0..20 {
                let applied = shop.follow(1, repeated - behind);
                assert_eq!(applied, Some(Applied::Published), "{rules:?} {behind} ms back");
            }
            assert_eq!(shop.books.last_id(ONE), Some(shop.last));
        }
    }
}

#[test]
fn a_snapshot_begins_without_a_memory_of_what_was_repeated_before() {
    for rules in NUMBERED {
        let mut shop = Shop::open(rules, 5_000);
        shop.follow(1, 5_001);
        shop.repeat(1, 0, 9_000);
        for number in [7_000, 800, 1] {
            shop.renew(number, rules.1, 10_000);
            for date in [1, 2, 0] {
                let applied = shop.follow(1, date);
                assert_eq!(applied, Some(Applied::Published), "{rules:?} behind {number}");
            }
        }
    }
}

#[test]
fn numbers_that_begin_anew_on_one_of_two_lines_go_on_by_an_older_clock() {
    let mut desk = desk_of(true, Continuity::FirstFollowsLast);
    let at = |id, date| number(delta(id, id, None), date);
    for id in 1_000..1_005 {
        desk.book(1, &at(id, 500));
        desk.book(2, &at(id, 500));
    }
    for id in 5..7 {
        assert_eq!(desk.book(1, &at(id, 600)).0, Verdict::Older);
    }
    assert_eq!(desk.book(1, &at(7, 600)).0, Verdict::Anew);
    assert_eq!(desk.book(2, &at(1_005, 501)).0, Verdict::Older, "of before");
    assert_eq!(desk.book(2, &at(7, 100)).0, Verdict::Older);
    assert_eq!(desk.book(2, &at(8, 100)).0, Verdict::Next, "its number is the next");
    assert_eq!(desk.book(1, &at(8, 100)).0, Verdict::Older);
    assert_eq!(desk.book(1, &at(9, 0)).0, Verdict::Next);
}

#[test]
fn quotes_and_trades_that_go_on_are_told_by_a_clock_that_was_put_back() {
    let mut desk = desk();
    desk.say(1, 1_000, 1_000, UnixNanos(50), Origin::Live);
    for (id, time) in [(3, 60), (4, 61), (5, 62)] {
        desk.say(1, id, id, UnixNanos(time), Origin::Live);
    }
    desk.seen();
    // The next, and one behind a hole, which nobody else can fill.
    desk.say(1, 6, 6, UnixNanos(10), Origin::Live);
    desk.say(1, 9, 9, UnixNanos(10), Origin::Live);
    assert_eq!(desk.seen(), [T(6), Seen::Gap(2, Reason::SequenceGap), T(9)]);
    desk.leave(1);
    desk.opened(3);
    desk.say(3, 12, 12, UnixNanos(11), Origin::Live);
    assert_eq!(desk.seen(), [Seen::Gap(2, Reason::Disconnected), T(12)]);
    let quote = |desk: &mut Desk, number, time| {
        let body = Body::Quote { digits: [0; 4], mantissas: [0; 4] };
        let tick = Tick::new(ONE, UnixNanos(time), body);
        let origin = Origin::Live;
        let source = desk.source(3);
        let quote = SequencedTick { sequence: Some(number), first: Some(number), origin, tick };
        desk.numbers.quote(&quote, source)
    };
    assert_eq!(quote(&mut desk, 1_000, 50), Verdict::Next);
    assert_eq!(quote(&mut desk, 7, 51), Verdict::Anew);
    for (number, time) in [(8, 52), (9, 53), (10, 1), (11, 0), (15, 40)] {
        assert_eq!(quote(&mut desk, number, time), Verdict::Next, "at {time}");
    }
}

/// Times in milliseconds: none, of 1970, of now or nearly.
fn any_date() -> impl Strategy<Value = i64> {
    prop_oneof![Just(0), Just(1), 0_i64..100_000, Just(1_700_000_000_000)]
}

proptest! {
    #[test]
    fn no_order_of_dates_makes_a_book_drop_what_follows(
        rules in prop::sample::select(&NUMBERED[..]),
        steps in prop::collection::vec((0_u8..4, 0_u64..9, any_date(), any_date()), 1..120),
    ) {
        let mut shop = Shop::open(rules, 1_000);
        for (kind, back, date, other) in steps {
            if kind == 0 {
                // Where each event states the one before, an older one is a new count.
                let is_chain = rules.0 == Continuity::StatesPreviousOrRestarts;
                shop.repeat(1, if is_chain { 0 } else { back }, other);
            }
            if kind == 1 && back == 8 {
                let next = if date % 2 == 0 { shop.last / 2 + 20 } else { shop.last + 500 };
                shop.renew(next, rules.1, other);
            }
            prop_assert_eq!(shop.follow(1, date), Some(Applied::Published));
        }
        prop_assert_eq!(shop.books.state(ONE), Some(BookState::Live));
    }
}
