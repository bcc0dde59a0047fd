//! Books against a model that knows the truth at every number.

use proptest::prelude::*;

mod stream;

use super::*;
use crate::clock::UnixNanos;
use crate::exchange::{BookKind, Continuity, DEPTH_FULL, SnapshotSource};
use crate::tick::{Body, Decimal, LevelFlags, Side};

const BOOK: InstrumentId = InstrumentId(3);

const SPOT: BookRules = BookRules {
    continuity: Continuity::FirstFollowsLast,
    snapshot: SnapshotSource::Rest,
    checksum: None,
};
const FUTURES: BookRules = BookRules {
    continuity: Continuity::StatesPrevious,
    snapshot: SnapshotSource::Rest,
    checksum: None,
};

fn level(side: Side, price: i64, size: i64) -> Level {
    let decimal = |number| Decimal::new(number, 0).expect("small");
    Level { side, price: decimal(price), size: decimal(size) }
}

fn delta(first_id: u64, last_id: u64, previous_id: Option<u64>) -> BookUpdate {
    BookUpdate {
        instrument: BOOK,
        kind: BookKind::Delta,
        exchange_time: UnixNanos::from_millis(last_id),
        first_id: Some(first_id),
        last_id: Some(last_id),
        previous_id,
        checksum: None,
        precision: None,
        depth: DEPTH_FULL,
        levels: 0..0,
    }
}

fn snapshot(last_update_id: u64, levels: &[Level]) -> BookSnapshot {
    BookSnapshot { last_update_id, levels: levels.to_vec() }
}

fn states(ticks: &[Tick]) -> Vec<(BookState, Reason)> {
    ticks
        .iter()
        .filter_map(|tick| match tick.body {
            Body::BookState { state, reason } => Some((state, reason)),
            _ => None,
        })
        .collect()
}

/// A live spot book at number 100 with a bid of 10 and an ask of 20.
fn live() -> (Books, Vec<Tick>) {
    let mut books = Books::new(SPOT);
    let mut out = Vec::new();
    assert_eq!(books.apply(&delta(99, 100, None), &[], &mut out), Applied::Held);
    assert_eq!(
        books.next_needed(),
        Some(Needed { instrument: BOOK, attempt: 0, patient: false, unread: false })
    );
    let levels = [level(Side::Bid, 10, 1), level(Side::Ask, 20, 1)];
    assert_eq!(books.snapshot(BOOK, &snapshot(100, &levels), &mut out), Joined::Live);
    (books, out)
}

#[test]
fn a_snapshot_is_asked_for_once_a_delta_is_held() {
    let mut books = Books::new(SPOT);
    let mut out = Vec::new();
    assert_eq!(books.next_needed(), None);
    books.apply(&delta(1, 2, None), &[], &mut out);
    assert!(books.next_needed().is_some());
    books.apply(&delta(3, 4, None), &[], &mut out);
    assert_eq!(books.next_needed(), None);
    books.request_failed(BOOK);
    assert_eq!(
        books.next_needed(),
        Some(Needed { instrument: BOOK, attempt: 1, patient: false, unread: false })
    );
    assert_eq!(states(&out), [(BookState::Resyncing, Reason::AwaitingSnapshot)]);
}

#[test]
fn a_quiet_book_is_asked_for_and_live_before_anything_changes_in_it() {
    let levels = [level(Side::Bid, 10, 1), level(Side::Ask, 20, 1)];
    for rules in [SPOT, FUTURES] {
        let mut books = Books::new(rules);
        let mut out = Vec::new();
        books.accepted(BOOK, &mut out);
        books.ask_quiet(BOOK);
        assert_eq!(states(&out), [(BookState::Resyncing, Reason::AwaitingSnapshot)]);
        assert!(books.next_needed().is_some());
        books.accepted(BOOK, &mut out);
        books.ask_quiet(BOOK);
        assert_eq!(books.next_needed(), None, "it is asked for once");
        assert_eq!(books.snapshot(BOOK, &snapshot(100, &levels), &mut out), Joined::Live);
        books.accepted(BOOK, &mut out);
        books.ask_quiet(BOOK);
        assert_eq!(books.next_needed(), None, "a live book needs nothing");
        let first = delta(101, 102, Some(100));
        assert_eq!(books.apply(&first, &[level(Side::Bid, 9, 1)], &mut out), Applied::Published);
        assert_eq!(states(&out).len(), 2);
    }
}

/// A book whose subscription was accepted, that nothing was heard of, and that is asked for.
fn asked_quietly() -> (Books, Vec<Tick>) {
    let (mut books, mut out) = (Books::new(SPOT), Vec::new());
    books.accepted(BOOK, &mut out);
    books.ask_quiet(BOOK);
    assert!(books.next_needed().is_some());
    (books, out)
}

#[test]
fn a_book_that_missed_something_before_its_first_delta_is_found_by_it() {
    let (mut books, mut out) = asked_quietly();
    assert_eq!(books.snapshot(BOOK, &snapshot(100, &[]), &mut out), Joined::Live);
    assert_eq!(books.apply(&delta(105, 106, None), &[], &mut out), Applied::Gap);
    assert!(books.next_needed().is_some());
}

#[test]
fn an_answer_to_the_question_of_a_lost_connection_makes_no_quiet_book_live() {
    let (mut books, mut out) = asked_quietly();
    books.disconnected(BOOK, &mut out);
    books.accepted(BOOK, &mut out);
    books.ask_quiet(BOOK);
    assert_eq!(books.next_needed(), None, "one answer is on its way");
    assert_eq!(books.snapshot(BOOK, &snapshot(100, &[]), &mut out), Joined::NotNeeded);
    assert!(books.next_needed().is_some(), "and is of before");
    assert_eq!(books.snapshot(BOOK, &snapshot(200, &[]), &mut out), Joined::Live);
}

#[test]
fn an_answer_under_a_former_name_makes_no_quiet_book_live() {
    let (mut books, mut out) = asked_quietly();
    assert!(!books.respelled(BOOK, &mut out));
    assert_eq!(books.snapshot(BOOK, &snapshot(100, &[]), &mut out), Joined::NotNeeded);
    assert_eq!(books.next_needed(), None, "nothing flows under the new name yet");
    books.accepted(BOOK, &mut out);
    books.ask_quiet(BOOK);
    assert!(books.next_needed().is_some());
    assert_eq!(books.snapshot(BOOK, &snapshot(7, &[]), &mut out), Joined::Live);
    assert!(books.respelled(BOOK, &mut out));
}

#[test]
fn a_quiet_book_that_is_distrusted_is_asked_for_at_once() {
    let (mut books, mut out) = asked_quietly();
    assert_eq!(books.snapshot(BOOK, &snapshot(100, &[]), &mut out), Joined::Live);
    assert!(books.distrust(BOOK, Reason::Refused, &mut out));
    assert!(books.next_needed().is_some());
    assert_eq!(books.snapshot(BOOK, &snapshot(101, &[]), &mut out), Joined::Live);
    // One that is asked for anew because it is mute waits for that.
    assert!(books.distrust(BOOK, Reason::Aged, &mut out));
    assert_eq!(books.next_needed(), None);
    books.accepted(BOOK, &mut out);
    books.ask_quiet(BOOK);
    assert!(books.next_needed().is_some());
}

#[test]
fn a_join_publishes_the_snapshot_then_live_then_what_was_held() {
    let mut books = Books::new(SPOT);
    let mut out = Vec::new();
    books.apply(&delta(8, 9, None), &[level(Side::Bid, 9, 9)], &mut out);
    books.apply(&delta(10, 11, None), &[level(Side::Bid, 9, 5)], &mut out);
    out.clear();
    let levels = [level(Side::Bid, 9, 9), level(Side::Ask, 20, 1)];
    assert_eq!(books.snapshot(BOOK, &snapshot(9, &levels), &mut out), Joined::Live);
    let told = out.iter().map(|tick| tick.body.level().map(|(_, flags)| flags));
    let (first, last) = (LevelFlags::FIRST, LevelFlags::LAST);
    let whole = LevelFlags::SNAPSHOT;
    let order = [Some(whole.with(first)), Some(whole.with(last)), None, Some(first.with(last))];
    assert_eq!(told.collect::<Vec<_>>(), order);
    assert_eq!(states(&out), [(BookState::Live, Reason::SnapshotJoined)]);
    assert_eq!(books.book(BOOK).and_then(Book::best_bid).map(|bid| bid.size.mantissa()), Some(5));
    assert_eq!(
        books.counts(BOOK),
        BookCounts { applied: 1, old: 1, joins: 1, ..BookCounts::default() }
    );
    assert_eq!(books.last_id(BOOK), Some(11));
}

#[test]
fn a_snapshot_that_cannot_be_had_is_told_while_it_is_waited_for() {
    let mut books = Books::new(SPOT);
    let mut out = Vec::new();
    books.tell_why(BOOK, Reason::RateLimited, &mut out);
    books.apply(&delta(8, 9, None), &[], &mut out);
    assert!(books.next_needed().is_some());
    out.clear();
    for reason in [Reason::Refused, Reason::Refused, Reason::RateLimited] {
        books.tell_why(BOOK, reason, &mut out);
    }
    let waits = |reason| (BookState::Resyncing, reason);
    assert_eq!(states(&out), [waits(Reason::Refused), waits(Reason::RateLimited)]);
    assert_eq!(books.snapshot(BOOK, &snapshot(9, &[]), &mut out), Joined::Live);
    out.clear();
    books.tell_why(BOOK, Reason::Refused, &mut out);
    assert!(out.is_empty(), "it came meanwhile");
}

#[test]
fn a_gap_is_told_at_once_and_repaired_by_the_next_snapshot() {
    let (mut books, mut out) = live();
    out.clear();
    assert_eq!(books.apply(&delta(102, 103, None), &[], &mut out), Applied::Gap);
    let gap = Reason::SequenceGap;
    assert_eq!(states(&out), [(BookState::Stale, gap), (BookState::Resyncing, gap)]);
    assert_eq!(out.len(), 2);
    out.clear();
    assert_eq!(books.apply(&delta(104, 104, None), &[], &mut out), Applied::Held);
    assert!(out.is_empty());
    assert!(books.next_needed().is_some());
    assert_eq!(books.snapshot(BOOK, &snapshot(100, &[]), &mut out), Joined::TooOld);
    assert_eq!(books.next_needed().map(|needed| needed.attempt), Some(1));
    assert_eq!(books.snapshot(BOOK, &snapshot(101, &[]), &mut out), Joined::Live);
    assert_eq!(books.state(BOOK), Some(BookState::Live));
    assert_eq!(books.last_id(BOOK), Some(104));
}

#[test]
fn a_duplicate_is_ignored() {
    let (mut books, mut out) = live();
    out.clear();
    assert_eq!(
        books.apply(&delta(99, 100, None), &[level(Side::Bid, 1, 1)], &mut out),
        Applied::Old
    );
    assert!(out.is_empty());
    assert_eq!(books.snapshot(BOOK, &snapshot(200, &[]), &mut out), Joined::NotNeeded);
}

#[test]
fn an_exchange_that_counts_anew_makes_the_book_wait_for_another_snapshot() {
    for (rules, states_previous) in [(SPOT, false), (FUTURES, true)] {
        let change = |first: u64, last| delta(first, last, states_previous.then(|| first - 1));
        let (mut books, mut out) = (Books::new(rules), Vec::new());
        books.apply(&change(1_001, 1_004), &[], &mut out);
        assert_eq!(books.snapshot(BOOK, &snapshot(1_003, &[]), &mut out), Joined::Live);
        assert_eq!(books.apply(&change(1_005, 1_006), &[], &mut out), Applied::Published);
        out.clear();
        let verdicts = [(5, 6), (7, 8), (9, 10), (11, 12)]
            .map(|(first, last)| books.apply(&change(first, last), &[], &mut out));
        assert_eq!(verdicts, [Applied::Old, Applied::Old, Applied::Gap, Applied::Held]);
        let gap = Reason::SequenceGap;
        assert_eq!(states(&out), [(BookState::Stale, gap), (BookState::Resyncing, gap)]);
        assert!(books.next_needed().is_some());
        let former = snapshot(1_003, &[]);
        assert_eq!(books.snapshot(BOOK, &former, &mut out), Joined::TooOld, "not of these numbers");
        assert!(books.next_needed().is_some());
        assert_eq!(books.snapshot(BOOK, &snapshot(10, &[]), &mut out), Joined::Live);
        assert_eq!(books.last_id(BOOK), Some(12));
    }
}

#[test]
fn a_snapshot_that_its_stream_never_reaches_is_not_believed_for_long() {
    let (mut books, mut out) = (Books::new(SPOT), Vec::new());
    books.apply(&delta(5, 6, None), &[], &mut out);
    assert_eq!(books.snapshot(BOOK, &snapshot(1_000_000, &[]), &mut out), Joined::Live);
    let mut verdicts = (7..60).map(|id| books.apply(&delta(id, id, None), &[], &mut out));
    assert!(verdicts.any(|verdict| verdict == Applied::Gap));
}

#[test]
fn what_is_held_starts_anew_where_the_exchange_does() {
    let (mut books, mut out) = (Books::new(SPOT), Vec::new());
    books.apply(&delta(1_001, 1_004, None), &[], &mut out);
    for id in 5..20 {
        books.apply(&delta(id, id, None), &[], &mut out);
    }
    assert_eq!(books.snapshot(BOOK, &snapshot(15, &[]), &mut out), Joined::Live);
    assert_eq!(books.last_id(BOOK), Some(19));
}

#[test]
fn a_snapshot_of_numbers_that_the_stream_has_reached_again_joins() {
    let (mut books, mut out) = (Books::new(SPOT), Vec::new());
    for id in 1_001..1_020 {
        books.apply(&delta(id, id, None), &[], &mut out);
    }
    // So many copies in a row, of a second connection, look like numbers that begin anew.
    for id in (1_001..1_018).chain(1_018..1_025) {
        books.apply(&delta(id, id, None), &[], &mut out);
    }
    let newer = snapshot(1_030, &[]);
    assert_eq!(books.snapshot(BOOK, &newer, &mut out), Joined::Live);
}

#[test]
fn a_crossed_book_is_stale_and_its_delta_unpublished() {
    let (mut books, mut out) = live();
    out.clear();
    let crossing = [level(Side::Bid, 20, 1)];
    assert_eq!(books.apply(&delta(101, 101, None), &crossing, &mut out), Applied::Crossed);
    let crossed = Reason::Crossed;
    assert_eq!(states(&out), [(BookState::Stale, crossed), (BookState::Resyncing, crossed)]);
    assert_eq!(out.len(), 2);
    let fine = [level(Side::Bid, 20, 1), level(Side::Ask, 21, 1)];
    assert!(books.next_needed().is_some());
    assert_eq!(books.snapshot(BOOK, &snapshot(101, &fine), &mut out), Joined::Live);
    // One that is crossed itself helps nobody.
    books.apply(&delta(105, 105, None), &[], &mut out);
    out.clear();
    let crossed = [level(Side::Bid, 20, 1), level(Side::Ask, 20, 1)];
    assert_eq!(books.snapshot(BOOK, &snapshot(105, &crossed), &mut out), Joined::Crossed);
    assert!(out.iter().all(|tick| tick.body.level().is_none()));
    assert!(books.next_needed().is_some());
}

#[test]
fn a_book_beyond_its_bound_is_stale() {
    let (mut books, mut out) = live();
    let asks: Vec<Level> = (0..=crate::limits::BOOK_LEVELS_MAX as i64)
        .map(|index| level(Side::Ask, 20 + index, 1))
        .collect();
    assert_eq!(books.apply(&delta(101, 101, None), &asks, &mut out), Applied::TooLarge);
    assert_eq!(books.state(BOOK), Some(BookState::Resyncing));
    assert!(states(&out).contains(&(BookState::Stale, Reason::BookTooLarge)));
}

#[test]
fn what_is_held_is_bounded_and_its_overflow_starts_anew() {
    let mut books = Books::new(SPOT);
    let mut out = Vec::new();
    let last = crate::limits::HELD_EVENTS_MAX as u64;
    for id in 1..=last {
        assert_eq!(books.apply(&delta(id, id, None), &[], &mut out), Applied::Held);
    }
    let overflow = books.apply(&delta(last + 1, last + 1, None), &[], &mut out);
    assert_eq!(overflow, Applied::HeldOverflow);
    assert_eq!(books.snapshot(BOOK, &snapshot(last - 1, &[]), &mut out), Joined::TooOld);
    assert_eq!(books.snapshot(BOOK, &snapshot(last, &[]), &mut out), Joined::Live);
}

#[test]
fn a_lost_connection_makes_the_book_stale_until_it_is_joined_anew() {
    let (mut books, mut out) = live();
    out.clear();
    books.disconnected(BOOK, &mut out);
    assert_eq!(states(&out), [(BookState::Stale, Reason::Disconnected)]);
    // The answer to a question of before has nothing to join.
    assert_eq!(books.snapshot(BOOK, &snapshot(100, &[]), &mut out), Joined::NotNeeded);
    assert_eq!(books.next_needed(), None);
    books.apply(&delta(101, 101, None), &[], &mut out);
    assert_eq!(books.state(BOOK), Some(BookState::Resyncing));
    assert_eq!(
        books.next_needed(),
        Some(Needed { instrument: BOOK, attempt: 0, patient: false, unread: false })
    );
}

#[test]
fn a_live_book_can_be_published_whole() {
    let (mut books, mut out) = live();
    out.clear();
    assert!(books.publish(BOOK, &mut out));
    assert_eq!(out.iter().filter_map(|tick| tick.body.level()).count(), 2);
    books.apply(&delta(200, 200, None), &[], &mut out);
    assert!(!books.publish(BOOK, &mut out));
}

/// One change of the true book.
#[derive(Clone, Copy, Debug)]
struct Change {
    level: Level,
    /// Numbers of other instruments between the one before and this one (futures).
    skipped: u64,
    /// Whether the event ends with it.
    ends: bool,
}

fn any_change() -> impl Strategy<Value = Change> {
    (any::<bool>(), 0..6_i64, 0..3_i64, 0..3_u64, any::<bool>()).prop_map(
        |(bid, price, size, skipped, ends)| Change {
            level: match bid {
                true => level(Side::Bid, 10 + price, size),
                false => level(Side::Ask, 20 + price, size),
            },
            skipped,
            ends,
        },
    )
}

/// What happens on the way from the exchange to us.
#[derive(Clone, Copy, Debug)]
enum Step {
    Deliver,
    Lose,
    Repeat,
    /// The next two come the wrong way round.
    Swap,
    /// An old event comes again.
    Replay(usize),
    /// A snapshot of so many changes before (or, negative, behind) the last event.
    Snapshot(i64),
    Disconnect,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => Just(Step::Deliver),
        1 => Just(Step::Lose),
        1 => Just(Step::Repeat),
        1 => Just(Step::Swap),
        1 => (1..6_usize).prop_map(Step::Replay),
        5 => (-6..8_i64).prop_map(Step::Snapshot),
        1 => Just(Step::Disconnect),
    ]
}

/// The exchange: every change with its number, and the events that tell of them.
struct Truth {
    changes: Vec<(u64, Level)>,
    events: Vec<(BookUpdate, Vec<Level>)>,
}

impl Truth {
    fn new(rules: BookRules, changes: &[Change]) -> Self {
        let spot = rules == SPOT;
        let mut truth = Self { changes: Vec::new(), events: Vec::new() };
        let (mut id, mut previous) = (1_000, 1_000);
        let mut first = None;
        let mut levels = Vec::new();
        for change in changes {
            id += if spot { 1 } else { 1 + change.skipped };
            truth.changes.push((id, change.level));
            first.get_or_insert(id);
            levels.push(change.level);
            if change.ends {
                let first_id = first.take().unwrap_or(id);
                let update = delta(first_id, id, (!spot).then_some(previous));
                truth.events.push((update, std::mem::take(&mut levels)));
                previous = id;
            }
        }
        truth
    }

    /// The book after the change of that number.
    fn at(&self, id: u64) -> Vec<Level> {
        let mut book = Book::new();
        for (_, level) in self.changes.iter().filter(|change| change.0 <= id) {
            book.apply(*level);
        }
        book.levels().collect()
    }

    /// The number of the change so many before the last one of an event.
    fn number(&self, event: usize, before: i64) -> u64 {
        let last_id = self.events[event].0.last_id;
        let place = self.changes.iter().position(|change| Some(change.0) == last_id).unwrap_or(0);
        let place = (place as i64 - before).clamp(0, self.changes.len() as i64 - 1);
        self.changes[place as usize].0
    }
}

/// A broadcaster, which believes what it is told.
#[derive(Default)]
struct Reader {
    book: Book,
    state: Option<BookState>,
    staging: bool,
}

impl Reader {
    fn read(&mut self, ticks: &mut Vec<Tick>) {
        for tick in ticks.drain(..) {
            if let Body::BookState { state, .. } = tick.body {
                self.state = Some(state);
            }
            let Some((level, flags)) = tick.body.level() else { continue };
            if flags.has(LevelFlags::FIRST) {
                assert!(!self.staging, "an event begins inside another");
                self.staging = true;
                if flags.has(LevelFlags::SNAPSHOT) {
                    self.book.clear();
                }
            }
            if !flags.has(LevelFlags::EMPTY) {
                self.book.apply(level);
            }
            self.staging &= !flags.has(LevelFlags::LAST);
        }
        assert!(!self.staging, "an event without an end");
    }
}

/// Plays the steps, and holds the promise after each: a live book is the true one.
fn play(rules: BookRules, changes: &[Change], steps: &[Step]) -> Result<(), TestCaseError> {
    let truth = Truth::new(rules, changes);
    let mut books = Books::new(rules);
    let mut reader = Reader::default();
    let mut out = Vec::new();
    let mut next = 0;
    // After the steps the line is good and snapshots are fresh: the book must become live.
    let clean = [Step::Deliver, Step::Snapshot(0)].repeat(2);
    for &step in steps.iter().chain(&clean) {
        let mut deliver = |event: usize, out: &mut Vec<Tick>| {
            if let Some((update, levels)) = truth.events.get(event) {
                books.apply(update, levels, out);
            }
        };
        match step {
            Step::Deliver => deliver(next, &mut out),
            Step::Lose => {}
            Step::Repeat => {
                deliver(next, &mut out);
                deliver(next, &mut out);
            }
            Step::Swap => {
                deliver(next + 1, &mut out);
                deliver(next, &mut out);
                next += 1;
            }
            Step::Replay(back) => deliver(next.saturating_sub(back), &mut out),
            Step::Snapshot(before) => {
                while books.next_needed().is_some() {}
                if next > 0 && next <= truth.events.len() {
                    let id = truth.number(next - 1, before);
                    books.snapshot(BOOK, &snapshot(id, &truth.at(id)), &mut out);
                }
            }
            Step::Disconnect => books.disconnected(BOOK, &mut out),
        }
        if matches!(step, Step::Deliver | Step::Lose | Step::Repeat | Step::Swap) {
            next += 1;
        }
        reader.read(&mut out);
        if let Some(last_id) = books.last_id(BOOK) {
            let own: Vec<_> = books.book(BOOK).into_iter().flat_map(Book::levels).collect();
            prop_assert_eq!(&own, &truth.at(last_id));
            prop_assert_eq!(books.state(BOOK), Some(BookState::Live));
        }
        prop_assert_eq!(reader.state, books.state(BOOK));
        if reader.state == Some(BookState::Live) {
            let last_id = books.last_id(BOOK).expect("live books are proven");
            prop_assert_eq!(reader.book.levels().collect::<Vec<_>>(), truth.at(last_id));
        }
    }
    if next <= truth.events.len() {
        prop_assert_eq!(books.state(BOOK), Some(BookState::Live));
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_live_spot_book_is_the_true_one(
        changes in prop::collection::vec(any_change(), 1..150),
        steps in prop::collection::vec(any_step(), 0..60),
    ) {
        play(SPOT, &changes, &steps)?;
    }

    #[test]
    fn a_live_futures_book_is_the_true_one(
        changes in prop::collection::vec(any_change(), 1..150),
        steps in prop::collection::vec(any_step(), 0..60),
    ) {
        play(FUTURES, &changes, &steps)?;
    }
}
