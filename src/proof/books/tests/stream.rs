//! Books whose first state comes in the stream: by numbers, by checksum, by nothing.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::exchange::ChecksumRule;
use crate::limits::STRAY_REMOVALS_MAX;
use crate::proof::books::checksum::Checksum;

const BYBIT: BookRules = BookRules {
    continuity: Continuity::FollowsByOne,
    snapshot: SnapshotSource::Stream,
    checksum: None,
};
const OKX: BookRules = BookRules {
    continuity: Continuity::StatesPreviousOrRestarts,
    snapshot: SnapshotSource::Stream,
    checksum: Some(ChecksumRule::Okx),
};
const KRAKEN: BookRules = BookRules {
    continuity: Continuity::None,
    snapshot: SnapshotSource::Stream,
    checksum: Some(ChecksumRule::Kraken),
};

fn whole(last_id: u64) -> BookUpdate {
    BookUpdate { kind: BookKind::Snapshot, ..delta(last_id, last_id, None) }
}

fn next(id: u64) -> BookUpdate {
    delta(id, id, None)
}

/// A live book at a number, by each rule.
fn live_at(rules: BookRules, number: u64) -> Books {
    let mut books = Books::new(rules);
    let mut out = Vec::new();
    join_at(&mut books, rules, number, 10, &mut out);
    assert!(books.is_proven(BOOK));
    books
}

/// A whole book of a bid, as the exchange answers who asks for one.
fn join_at(books: &mut Books, rules: BookRules, number: u64, bid: i64, out: &mut Vec<Tick>) {
    let levels = [level(Side::Bid, bid, 1)];
    match rules.snapshot {
        SnapshotSource::Rest => {
            books.apply(&delta(number, number, Some(number - 1)), &[], out);
            assert!(books.next_needed().is_some());
            assert_eq!(books.snapshot(BOOK, &snapshot(number, &levels), out), Joined::Live);
        }
        SnapshotSource::Stream => {
            assert_eq!(books.apply(&whole(number), &levels, out), Applied::Published);
        }
    }
}

#[test]
fn what_cannot_be_read_of_a_book_that_waits_is_told_and_asked_for_at_once() {
    for rules in [BYBIT, OKX, KRAKEN] {
        let mut books = Books::new(rules);
        let mut out = Vec::new();
        books.accepted(BOOK, &mut out);
        assert_eq!(books.next_needed(), None, "its snapshot is on its way");
        assert!(!books.distrust(BOOK, Reason::Refused, &mut out));
        assert_eq!(books.next_needed().map(|needed| needed.patient), Some(false));
        let waits = |reason| (BookState::Resyncing, reason);
        assert_eq!(states(&out), [waits(Reason::AwaitingSnapshot), waits(Reason::Refused)]);
        join_at(&mut books, rules, 7, 10, &mut out);
        assert_eq!(books.state(BOOK), Some(BookState::Live));
    }
}

proptest! {
    /// However low the numbers begin anew, in whatever steps, with or without a later time: a book
    /// does not stay as it was and pass for live, none of the new events is put on the old book, and
    /// a whole book makes it live again.
    #[test]
    fn numbers_that_begin_anew_end_in_a_new_book_by_every_rule(
        began in 10_000_u64..1_000_000_000,
        before in 0_u64..20,
        low in 2_u64..5_000,
        widths in prop::collection::vec(1_u64..6, 8),
        late in any::<bool>(),
    ) {
        for rules in [SPOT, FUTURES, BYBIT, OKX] {
            let by_one = rules.continuity == Continuity::FollowsByOne;
            let mut books = live_at(rules, began);
            let mut out = Vec::new();
            for id in began + 1..=began + before {
                let update = delta(id, id, Some(id - 1));
                prop_assert_eq!(books.apply(&update, &[], &mut out), Applied::Published);
            }
            let mut last = low;
            for width in &widths {
                let first = last + 1;
                let previous = Some(last);
                last += if by_one { 1 } else { *width };
                let mut update = delta(first, last, previous);
                if late {
                    update.exchange_time = UnixNanos::from_millis(2 * began + last);
                }
                books.apply(&update, &[level(Side::Bid, 77, 7)], &mut out);
                if !books.is_proven(BOOK) {
                    break;
                }
            }
            prop_assert!(!books.is_proven(BOOK), "{:?}", rules.continuity);
            let gap = (BookState::Stale, Reason::SequenceGap);
            prop_assert!(states(&out).contains(&gap), "{:?}", rules.continuity);
            let is_new = |tick: &Tick| matches!(tick.body, Body::Level { price: 77, .. });
            prop_assert!(!out.iter().any(is_new), "{:?}", rules.continuity);
            join_at(&mut books, rules, last + 1, 30, &mut out);
            prop_assert!(books.is_proven(BOOK), "{:?}", rules.continuity);
            let next = delta(last + 2, last + 2, Some(last + 1));
            prop_assert_eq!(books.apply(&next, &[], &mut out), Applied::Published);
        }
    }
}

/// A live book at number 100 with a bid of 10 and an ask of 20.
fn live_by(rules: BookRules) -> (Books, Vec<Tick>) {
    let mut books = Books::new(rules);
    let mut out = Vec::new();
    let levels = [level(Side::Bid, 10, 1), level(Side::Ask, 20, 1)];
    assert_eq!(books.apply(&whole(100), &levels, &mut out), Applied::Published);
    assert_eq!(states(&out), [(BookState::Live, Reason::SnapshotJoined)]);
    out.clear();
    (books, out)
}

#[test]
fn nothing_is_applied_before_the_snapshot_of_the_stream() {
    let mut books = Books::new(BYBIT);
    let mut out = Vec::new();
    let early = [level(Side::Bid, 9, 9)];
    assert_eq!(books.apply(&next(99), &early, &mut out), Applied::Unproven);
    assert_eq!(books.apply(&next(100), &early, &mut out), Applied::Unproven);
    assert_eq!(states(&out), [(BookState::Resyncing, Reason::AwaitingSnapshot)]);
    let needed = Needed { instrument: BOOK, attempt: 0, patient: true, unread: false };
    assert_eq!(books.next_needed(), Some(needed));
    assert!(books.awaits_snapshot(BOOK));
    out.clear();
    let levels = [level(Side::Bid, 10, 1), level(Side::Ask, 20, 1)];
    assert_eq!(books.apply(&whole(50), &levels, &mut out), Applied::Published);
    assert!(!books.awaits_snapshot(BOOK));
    let book = books.book(BOOK).expect("it is there");
    assert_eq!(book.levels().collect::<Vec<_>>(), levels);
    assert_eq!(books.counts(BOOK).unproven, 2);
}

#[test]
fn a_failed_book_waits_for_the_next_snapshot_and_keeps_no_delta() {
    let (mut books, mut out) = live_by(BYBIT);
    assert_eq!(books.apply(&next(101), &[], &mut out), Applied::Published);
    out.clear();
    assert_eq!(books.apply(&next(103), &[level(Side::Bid, 11, 1)], &mut out), Applied::Gap);
    let gap = Reason::SequenceGap;
    assert_eq!(states(&out), [(BookState::Stale, gap), (BookState::Resyncing, gap)]);
    assert_eq!(out.len(), 2, "the levels are not published");
    let needed = Needed { instrument: BOOK, attempt: 0, patient: false, unread: false };
    assert_eq!(books.next_needed(), Some(needed));
    assert_eq!(books.apply(&next(104), &[], &mut out), Applied::Unproven);
    assert_eq!(books.next_needed(), None, "asked once");
    out.clear();
    assert_eq!(books.apply(&whole(110), &[level(Side::Ask, 30, 1)], &mut out), Applied::Published);
    assert_eq!(states(&out), [(BookState::Live, Reason::SnapshotJoined)]);
    assert_eq!(books.book(BOOK).map(Book::len), Some(1));
    assert_eq!(books.apply(&next(111), &[], &mut out), Applied::Published);
}

#[test]
fn a_snapshot_replaces_a_live_book_whatever_its_number() {
    let (mut books, mut out) = live_by(BYBIT);
    for id in [1, 77, 77, 1_000] {
        assert_eq!(
            books.apply(&whole(id), &[level(Side::Bid, 7, 7)], &mut out),
            Applied::Published
        );
        assert_eq!(books.apply(&next(id + 1), &[], &mut out), Applied::Published);
    }
    assert_eq!(states(&out), []);
    // A change is none, whatever its number.
    let levels = [level(Side::Ask, 8, 8)];
    assert_eq!(books.apply(&next(1), &levels, &mut out), Applied::Gap);
    assert_eq!(books.apply(&next(2), &levels, &mut out), Applied::Unproven);
    assert_eq!(books.apply(&next(1), &levels, &mut out), Applied::Unproven, "nor before one");
    assert!(!books.is_proven(BOOK) && books.next_needed().is_some());
}

#[test]
fn an_exchange_that_counts_anew_without_a_snapshot_is_found_out() {
    let (mut books, mut out) = live_by(BYBIT);
    assert_eq!(books.apply(&next(101), &[], &mut out), Applied::Published);
    let verdicts = (10..13).map(|id| books.apply(&next(id), &[], &mut out));
    assert_eq!(verdicts.collect::<Vec<_>>(), [Applied::Old, Applied::Old, Applied::Gap]);
    // Numbers that may have come before take longer, unless they are told as later.
    let (mut books, mut out) = live_by(BYBIT);
    for id in 101..130 {
        assert_eq!(books.apply(&next(id), &[], &mut out), Applied::Published);
    }
    let verdicts = (105..125).map(|id| books.apply(&next(id), &[], &mut out));
    assert_eq!(verdicts.filter(|verdict| *verdict == Applied::Gap).count(), 1);
    let (mut books, mut out) = live_by(BYBIT);
    let at = |id, millis| BookUpdate { exchange_time: UnixNanos::from_millis(millis), ..next(id) };
    for id in 101..130 {
        assert_eq!(books.apply(&at(id, id), &[], &mut out), Applied::Published);
    }
    assert_eq!(books.apply(&at(128, 128), &[], &mut out), Applied::Old, "a repetition");
    let verdicts = (105..108).map(|id| books.apply(&at(id, id + 900), &[], &mut out));
    assert_eq!(verdicts.collect::<Vec<_>>(), [Applied::Old, Applied::Old, Applied::Gap]);
}

#[test]
fn a_chain_that_follows_nothing_known_is_found_out_by_its_first_event() {
    let (mut books, mut out) = live_by(OKX);
    let change = |previous, own| delta(own, own, Some(previous));
    assert_eq!(books.apply(&change(100, 105), &[], &mut out), Applied::Published);
    assert_eq!(books.apply(&change(100, 105), &[], &mut out), Applied::Old, "a repetition");
    out.clear();
    // The event that led from 105 to 3 got lost.
    assert_eq!(books.apply(&change(3, 5), &[], &mut out), Applied::Gap);
    let gap = Reason::SequenceGap;
    assert_eq!(states(&out), [(BookState::Stale, gap), (BookState::Resyncing, gap)]);
}

#[test]
fn a_change_that_the_snapshot_holds_whole_and_that_is_told_later_is_no_new_count() {
    let (mut books, mut out) = live_by(OKX);
    let later = BookUpdate { exchange_time: UnixNanos(i64::MAX), ..delta(100, 100, Some(95)) };
    assert_eq!(books.apply(&later, &[], &mut out), Applied::Old);
    assert_eq!(books.apply(&delta(105, 105, Some(100)), &[], &mut out), Applied::Published);
}

#[test]
fn a_wrong_time_does_not_hide_later_that_the_exchange_counts_anew() {
    let (mut books, mut out) = live_by(BYBIT);
    for id in 101..130 {
        let time = UnixNanos(if id == 110 { i64::MAX } else { id as i64 });
        let update = BookUpdate { exchange_time: time, ..next(id) };
        assert_eq!(books.apply(&update, &[], &mut out), Applied::Published);
    }
    let at = |id| BookUpdate { exchange_time: UnixNanos(1_000), ..next(id) };
    let verdicts = (105..108).map(|id| books.apply(&at(id), &[], &mut out));
    assert_eq!(verdicts.collect::<Vec<_>>(), [Applied::Old, Applied::Old, Applied::Gap]);
}

#[test]
fn a_checksum_that_does_not_match_makes_the_book_stale() {
    let (mut books, mut out) = live_by(KRAKEN);
    let levels = [level(Side::Bid, 11, 1)];
    let right = crc32fast::hash(b"201111101");
    let update = BookUpdate { checksum: Some(right), ..next(0) };
    assert_eq!(books.apply(&update, &levels, &mut out), Applied::Published);
    out.clear();
    assert_eq!(books.apply(&update, &[level(Side::Bid, 10, 2)], &mut out), Applied::Checksum);
    let checksum = Reason::Checksum;
    assert_eq!(states(&out), [(BookState::Stale, checksum), (BookState::Resyncing, checksum)]);
    assert_eq!(out.len(), 2);
    assert!(books.next_needed().is_some_and(|needed| !needed.patient));
    // A snapshot with a wrong checksum repairs nothing.
    let bad = BookUpdate { checksum: Some(1), ..whole(0) };
    assert_eq!(books.apply(&bad, &levels, &mut out), Applied::Checksum);
    assert_eq!(books.next_needed().map(|needed| needed.attempt), Some(1));
    let counts = books.counts(BOOK);
    assert_eq!((counts.checksums_ok, counts.checksums_bad), (1, 2));
}

#[test]
fn a_retired_checksum_is_counted_and_believed() {
    let (mut books, mut out) = live_by(OKX);
    let update = BookUpdate { checksum: Some(0), ..delta(101, 101, Some(100)) };
    assert_eq!(books.apply(&update, &[], &mut out), Applied::Published);
    let idle = BookUpdate { checksum: Some(0), ..delta(101, 101, Some(101)) };
    assert_eq!(books.apply(&idle, &[], &mut out), Applied::Published);
    assert_eq!(books.counts(BOOK).checksums_zero, 2);
    // At Kraken 0 is a checksum like any other.
    let (mut books, mut out) = live_by(KRAKEN);
    let update = BookUpdate { checksum: Some(0), ..next(0) };
    assert_eq!(books.apply(&update, &[], &mut out), Applied::Checksum);
}

#[test]
fn a_crossed_book_of_the_stream_is_stale_until_its_snapshot() {
    let (mut books, mut out) = live_by(KRAKEN);
    assert_eq!(books.apply(&next(0), &[level(Side::Bid, 20, 1)], &mut out), Applied::Crossed);
    assert_eq!(books.state(BOOK), Some(BookState::Resyncing));
    let crossed = [level(Side::Bid, 20, 1), level(Side::Ask, 20, 1)];
    assert_eq!(books.apply(&whole(0), &crossed, &mut out), Applied::Crossed);
    assert_eq!(books.apply(&whole(0), &crossed[..1], &mut out), Applied::Published);
    assert_eq!(books.state(BOOK), Some(BookState::Live));
}

#[test]
fn a_distrusted_book_is_stale_and_asked_for_and_only_once() {
    let (mut books, mut out) = live_by(KRAKEN);
    assert!(books.distrust(BOOK, Reason::Aged, &mut out));
    let aged = Reason::Aged;
    assert_eq!(states(&out), [(BookState::Stale, aged), (BookState::Resyncing, aged)]);
    assert!(!books.distrust(BOOK, Reason::Aged, &mut out), "it is known already");
    assert!(books.next_needed().is_some() && books.next_needed().is_none());
    // Beside the stream a delta comes first, so that the stream is known to flow.
    let (mut books, mut out) = live();
    out.clear();
    assert!(books.distrust(BOOK, Reason::Aged, &mut out));
    assert_eq!(states(&out), [(BookState::Stale, Reason::Aged)]);
    assert_eq!(books.next_needed(), None);
    assert_eq!(books.apply(&next(500), &[], &mut out), Applied::Held);
    assert!(books.next_needed().is_some());
}

#[test]
fn what_falls_out_of_the_depth_stands_behind_the_event_as_removed() {
    let (mut books, mut out) = live_by(KRAKEN);
    let event = [
        level(Side::Bid, 11, 1),
        level(Side::Bid, 12, 1),
        // The same price twice: the last one counts.
        level(Side::Bid, 12, 5),
        // It is too deep and goes at once.
        level(Side::Bid, 1, 1),
    ];
    let update = BookUpdate { depth: 2, ..next(0) };
    assert_eq!(books.apply(&update, &event, &mut out), Applied::Published);
    let told: Vec<(i64, i64)> = out
        .iter()
        .filter_map(|tick| tick.body.level())
        .map(|(level, _)| (level.price.mantissa(), level.size.mantissa()))
        .collect();
    assert_eq!(told, [(11, 1), (12, 1), (12, 5), (1, 1), (1, 0), (10, 0)]);
    let last = out.last().and_then(|tick| tick.body.level()).expect("a level");
    assert!(last.1.has(LevelFlags::LAST));
    // A snapshot that is deeper than its depth goes out as the book that it makes.
    out.clear();
    let snapshot = BookUpdate { depth: 2, ..whole(0) };
    let levels = [12, 11, 10].map(|price| level(Side::Bid, price, 1));
    assert_eq!(books.apply(&snapshot, &levels, &mut out), Applied::Published);
    assert_eq!(out.iter().filter(|tick| tick.body.level().is_some()).count(), 2);
}

/// An exchange that shows the best levels of each side by Kraken's rules: no word of what falls
/// out, and what slides in comes with the event that makes room, in any order.
#[derive(Default)]
struct Window {
    depth: usize,
    all: [BTreeMap<i64, i64>; 2],
}

impl Window {
    fn best(&self, side: usize) -> Vec<(i64, i64)> {
        let levels = self.all[side].iter().map(|(&price, &size)| (price, size));
        if side == 0 {
            levels.rev().take(self.depth).collect()
        } else {
            levels.take(self.depth).collect()
        }
    }

    fn levels(&self) -> Vec<Level> {
        let side = |index, side| {
            self.best(index).into_iter().map(move |(price, size)| level(side, price, size))
        };
        side(0, Side::Bid).chain(side(1, Side::Ask)).collect()
    }

    /// Changes one level, and says so as Kraken would.
    fn change(&mut self, side: usize, price: i64, size: i64, backwards: bool) -> Vec<Level> {
        let before = self.best(side);
        if size == 0 {
            self.all[side].remove(&price);
        } else {
            self.all[side].insert(price, size);
        }
        let after = self.best(side);
        let named = [Side::Bid, Side::Ask][side];
        let mut event = Vec::new();
        if size == 0 && before.iter().any(|level| level.0 == price) {
            event.push(level(named, price, 0));
        }
        let entered = after.iter().filter(|level| !before.contains(level));
        event.extend(entered.map(|&(price, size)| level(named, price, size)));
        if backwards {
            event.reverse();
        }
        event
    }

    fn checksum(&self) -> u32 {
        let mut book = Book::new();
        book.replace(self.levels());
        Checksum::new(ChecksumRule::Kraken).of(&book)
    }
}

/// One change on the way, and what happens to its frame.
#[derive(Clone, Copy, Debug)]
struct Sent {
    ask: bool,
    price: i64,
    size: i64,
    backwards: bool,
    lost: bool,
}

fn any_sent() -> impl Strategy<Value = Sent> {
    (any::<bool>(), 0..30_i64, 0..4_i64, any::<bool>(), 0..12_u8).prop_map(
        |(ask, price, size, backwards, luck)| Sent {
            ask,
            price: if ask { 60 + price } else { 50 - price },
            size,
            backwards,
            lost: luck == 0,
        },
    )
}

proptest! {
    /// Downstream copies, which know no depth, equal the exchange's window while the book is
    /// live; a lost frame is found out by the checksum at the latest when it shows in the best
    /// ten, and a snapshot repairs it.
    #[test]
    fn a_live_truncated_book_and_its_copies_are_the_exchanges_window(
        depth in 1..10_usize,
        sent in prop::collection::vec(any_sent(), 1..120),
    ) {
        let mut window = Window { depth, ..Window::default() };
        let mut books = Books::new(KRAKEN);
        let mut reader = Reader::default();
        let mut out = Vec::new();
        let depth = depth as u32;
        let snapshot = |window: &Window| {
            let update = BookUpdate { depth, checksum: Some(window.checksum()), ..whole(0) };
            (update, window.levels())
        };
        let (update, levels) = snapshot(&window);
        books.apply(&update, &levels, &mut out);
        for sent in sent {
            let side = usize::from(sent.ask);
            let levels = window.change(side, sent.price, sent.size, sent.backwards);
            if !sent.lost {
                let checksum = Some(window.checksum());
                books.apply(&BookUpdate { depth, checksum, ..next(0) }, &levels, &mut out);
            }
            reader.read(&mut out);
            if !sent.lost {
                // The best ten are all there is, so the checksum proves the whole.
                if books.state(BOOK) == Some(BookState::Live) {
                    let own: Vec<_> =
                        books.book(BOOK).into_iter().flat_map(Book::levels).collect();
                    prop_assert_eq!(&own, &window.levels());
                    prop_assert_eq!(reader.book.levels().collect::<Vec<_>>(), own);
                } else {
                    prop_assert!(books.awaits_snapshot(BOOK) || books.next_needed().is_some());
                    let (update, levels) = snapshot(&window);
                    books.apply(&update, &levels, &mut out);
                    reader.read(&mut out);
                    prop_assert_eq!(books.state(BOOK), Some(BookState::Live));
                }
            }
            prop_assert_eq!(reader.state, books.state(BOOK));
        }
    }
}

const COINBASE: BookRules =
    BookRules { continuity: Continuity::None, snapshot: SnapshotSource::Stream, checksum: None };

/// A change of a book that bears no number of any kind.
fn unnumbered() -> BookUpdate {
    BookUpdate { first_id: None, last_id: None, ..next(0) }
}

#[test]
fn a_book_without_numbers_of_which_something_unknown_is_taken_out_lacks_something() {
    let mut books = live_at(COINBASE, 1);
    let mut out = Vec::new();
    let in_one = [level(Side::Bid, 7, 1), level(Side::Bid, 7, 0)];
    assert_eq!(
        books.apply(&unnumbered(), &in_one, &mut out),
        Applied::Published,
        "it came and went"
    );
    let gone = [level(Side::Ask, 12, 0)];
    for anew in 1..=STRAY_REMOVALS_MAX {
        out.clear();
        assert_eq!(books.apply(&unnumbered(), &gone, &mut out), Applied::Gap, "{anew}");
        assert_eq!(books.state(BOOK), Some(BookState::Resyncing));
        assert!(out.iter().all(|tick| tick.body.level().is_none()), "none of it is told");
        assert!(books.next_needed().is_some(), "it is asked for anew");
        join_at(&mut books, COINBASE, 1, 10, &mut out);
    }
    assert_eq!(books.apply(&unnumbered(), &gone, &mut out), Applied::Published, "its manner");
    assert!(books.is_proven(BOOK));
    // Another connection is another matter.
    books.disconnected(BOOK, &mut out);
    join_at(&mut books, COINBASE, 1, 10, &mut out);
    assert_eq!(books.apply(&unnumbered(), &gone, &mut out), Applied::Gap);
}

#[test]
fn where_numbers_show_what_is_missing_a_removal_of_what_is_not_there_shows_nothing() {
    let gone = [level(Side::Ask, 12, 0)];
    for rules in [BYBIT, COINBASE] {
        let mut books = live_at(rules, 1);
        let mut out = Vec::new();
        // Coinbase Advanced Trade numbers the frames of its connections.
        assert_eq!(books.apply(&next(2), &gone, &mut out), Applied::Published, "{rules:?}");
        assert!(books.is_proven(BOOK));
    }
}

#[test]
fn another_whole_book_of_which_nobody_knows_the_date_makes_it_anew() {
    let mut books = Books::new(COINBASE);
    let mut out = Vec::new();
    let own = [level(Side::Bid, 10, 1), level(Side::Ask, 12, 1)];
    assert_eq!(books.apply(&whole(0), &own, &mut out), Applied::Published);
    out.clear();
    // The same, in the order in which Coinbase tells it, with what is no level.
    let same = [own[1], own[0], level(Side::Bid, 9, 0)];
    assert_eq!(books.weigh(&whole(0), &same, &mut out), Applied::Old);
    assert!(books.is_proven(BOOK) && out.is_empty() && books.next_needed().is_none());
    let others = [
        vec![own[0]],
        vec![level(Side::Bid, 10, 2), own[1]],
        vec![level(Side::Bid, 11, 1), own[1]],
        vec![own[0], level(Side::Bid, 9, 1), own[1]],
    ];
    for other in others {
        assert_eq!(books.apply(&whole(0), &own, &mut out), Applied::Published);
        out.clear();
        assert_eq!(books.weigh(&whole(0), &other, &mut out), Applied::Gap);
        let gap = |state| (state, Reason::SequenceGap);
        assert_eq!(states(&out), [gap(BookState::Stale), gap(BookState::Resyncing)]);
        assert_eq!(out.len(), 2, "nothing of it is told");
        assert_eq!(books.next_needed().map(|needed| needed.patient), Some(false));
    }
}
