//! What proves that a delta follows a book, by the exchange's own numbers.

use crate::exchange::{BookUpdate, Continuity};
use crate::limits::NUMBERS_APART_MAX;

/// How far a book is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    /// The exchange's number of the last update in it, where it states numbers.
    pub(super) last_id: Option<u64>,
    /// True once a delta was applied; before, the number is that of a snapshot, which may lie in
    /// the middle of a delta.
    pub(super) joined: bool,
}

/// Where a delta stands against a [`Position`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// All of it is in the book already: a duplicate, or older than the snapshot.
    Old,
    /// It follows, with nothing missing in between.
    Next,
    /// Something before it is missing; or its number, or the book's, is none that others follow.
    Gap,
}

/// Where `update` stands.
///
/// Levels are absolute sizes, so a delta that overlaps the book's end may be applied whole.
#[inline]
pub(super) fn step(continuity: Continuity, position: Position, update: &BookUpdate) -> Step {
    let (last, own) = match (position.last_id, update.last_id) {
        (Some(last), Some(own)) => (last, own),
        // Nobody knows where in a numbered book an event without a number belongs.
        (Some(_), None) if continuity != Continuity::None => return Step::Gap,
        _ => return Step::Next,
    };
    if own.abs_diff(last) > NUMBERS_APART_MAX && !restarts(continuity, last, update) {
        return Step::Gap;
    }
    match continuity {
        Continuity::FirstFollowsLast => first_follows_last(last, own, update),
        Continuity::StatesPrevious => states_previous((last, position.joined), own, update),
        Continuity::FollowsByOne => follows_by_one(last, own),
        Continuity::StatesPreviousOrRestarts => {
            states_previous_or_restarts((last, position.joined), own, update)
        }
        Continuity::None => Step::Next,
    }
}

/// Whether an event says itself that the exchange counts anew with it, after what the book holds.
fn restarts(continuity: Continuity, last: u64, update: &BookUpdate) -> bool {
    continuity == Continuity::StatesPreviousOrRestarts
        && update.previous_id == Some(last)
        && update.last_id < update.previous_id
}

/// Whether an event's number lies so far beyond `last` that nothing behind it can be told from what
/// was before: it may be a slip of the exchange, after which all that follows would seem to be older.
pub(super) fn leaps_ahead(last: Option<u64>, update: &BookUpdate) -> bool {
    let ahead = last.zip(update.last_id).map(|(last, own)| own.saturating_sub(last));
    ahead.is_some_and(|ahead| ahead > NUMBERS_APART_MAX)
}

/// Binance spot: drop `u <= L`, then `U <= L + 1 <= u`, then `U == previous u + 1`.
///
/// Their page demands `U <= L <= u` of the first delta; frames as recorded begin at `L + 1`.
fn first_follows_last(last: u64, own: u64, update: &BookUpdate) -> Step {
    if own <= last {
        Step::Old
    } else if update.first_id.is_none_or(|first| first <= last.saturating_add(1)) {
        Step::Next
    } else {
        Step::Gap
    }
}

/// Binance futures: drop `u < L`, then `U <= L <= u`, then `pu == previous u`. Numbers are shared
/// between symbols there, so `U` says nothing after the first delta, and a snapshot's number may lie
/// between two of its symbol's: `pu <= L` shows as well that nothing is missing.
fn states_previous((last, joined): (u64, bool), own: u64, update: &BookUpdate) -> Step {
    if joined {
        return match own <= last {
            true => Step::Old,
            false if update.previous_id == Some(last) => Step::Next,
            false => Step::Gap,
        };
    }
    let reaches_back = update.previous_id.is_some_and(|previous| previous <= last);
    if own < last {
        Step::Old
    } else if reaches_back || update.first_id.is_none_or(|first| first <= last) {
        Step::Next
    } else {
        Step::Gap
    }
}

/// Bybit: `u == previous u + 1`. The snapshot comes in the stream before the deltas, so nothing
/// ever overlaps it. A `u` of 1 is that of the whole book after a restart of their service: a change
/// that bears it repeats nothing, and what came before it is missing.
fn follows_by_one(last: u64, own: u64) -> Step {
    if own == 1 {
        Step::Gap
    } else if own <= last {
        Step::Old
    } else if own == last.saturating_add(1) {
        Step::Next
    } else {
        Step::Gap
    }
}

/// OKX: `prevSeqId == previous seqId`; the event's own number may repeat it (nothing changed) or
/// lie below it (the exchange counts anew after maintenance). One that follows an older event and
/// leads no further is a repetition; the first after a snapshot may begin before it.
fn states_previous_or_restarts((last, joined): (u64, bool), own: u64, update: &BookUpdate) -> Step {
    match update.previous_id {
        None => Step::Next,
        Some(previous) if previous == last => Step::Next,
        Some(previous) if previous < last && own <= last => Step::Old,
        Some(previous) if previous < last && !joined => Step::Next,
        Some(_) => Step::Gap,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::UnixNanos;
    use crate::exchange::{BookKind, DEPTH_FULL};
    use crate::instrument::InstrumentId;

    fn delta(first_id: u64, last_id: u64, previous_id: Option<u64>) -> BookUpdate {
        BookUpdate {
            instrument: InstrumentId(0),
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

    #[test]
    fn spot_deltas_follow_by_their_first_number() {
        let snapshot = Position { last_id: Some(100), joined: false };
        let step =
            |first, last| step(Continuity::FirstFollowsLast, snapshot, &delta(first, last, None));
        assert_eq!(step(90, 100), Step::Old);
        assert_eq!(step(95, 101), Step::Next);
        assert_eq!(step(101, 101), Step::Next);
        assert_eq!(step(102, 110), Step::Gap);
    }

    #[test]
    fn the_first_futures_delta_spans_the_snapshot_or_states_it() {
        let snapshot = Position { last_id: Some(100), joined: false };
        let step = |first, last, previous| {
            step(Continuity::StatesPrevious, snapshot, &delta(first, last, Some(previous)))
        };
        assert_eq!(step(90, 99, 80), Step::Old);
        assert_eq!(step(90, 100, 80), Step::Next);
        assert_eq!(step(90, 120, 80), Step::Next);
        assert_eq!(step(110, 120, 100), Step::Next);
        assert_eq!(step(110, 120, 99), Step::Next, "the snapshot's number is another symbol's");
        assert_eq!(step(110, 120, 101), Step::Gap);
    }

    #[test]
    fn later_futures_deltas_state_the_one_before() {
        let joined = Position { last_id: Some(100), joined: true };
        let step = |last, previous| {
            step(Continuity::StatesPrevious, joined, &delta(50, last, Some(previous)))
        };
        assert_eq!(step(100, 90), Step::Old);
        assert_eq!(step(120, 100), Step::Next);
        assert_eq!(step(120, 99), Step::Gap);
    }

    #[test]
    fn bybit_deltas_follow_by_one() {
        let position = Position { last_id: Some(100), joined: true };
        let step = |last| step(Continuity::FollowsByOne, position, &delta(last, last, None));
        assert_eq!([99, 100, 101, 102].map(step), [Step::Old, Step::Old, Step::Next, Step::Gap]);
        assert_eq!(step(1), Step::Gap, "the number of a whole book");
    }

    #[test]
    fn a_delta_without_a_number_follows_no_numbered_book() {
        let unnumbered = BookUpdate { first_id: None, last_id: None, ..delta(0, 0, None) };
        let at = |last_id| Position { last_id, joined: true };
        let numbered = [
            Continuity::FirstFollowsLast,
            Continuity::StatesPrevious,
            Continuity::FollowsByOne,
            Continuity::StatesPreviousOrRestarts,
        ];
        for continuity in numbered {
            assert_eq!(step(continuity, at(Some(100)), &unnumbered), Step::Gap, "{continuity:?}");
            // As all of an exchange's were once, with a checksum each.
            assert_eq!(step(continuity, at(None), &unnumbered), Step::Next, "{continuity:?}");
        }
        assert_eq!(step(Continuity::None, at(Some(100)), &unnumbered), Step::Next);
    }

    #[test]
    fn okx_deltas_state_the_one_before_and_may_count_anew() {
        // The chain of their documentation: a snapshot, a change, an idle event, a reset, a change.
        let mut last_id = 10;
        let chain = [(10, 15), (15, 15), (15, 3), (3, 5)];
        for (previous, own) in chain {
            let position = Position { last_id: Some(last_id), joined: true };
            let update = delta(own, own, Some(previous));
            assert_eq!(step(Continuity::StatesPreviousOrRestarts, position, &update), Step::Next);
            last_id = own;
        }
        let step = |previous, own| {
            let position = Position { last_id: Some(20), joined: true };
            let update = delta(own, own, previous);
            step(Continuity::StatesPreviousOrRestarts, position, &update)
        };
        assert_eq!(step(Some(15), 20), Step::Old);
        assert_eq!(step(Some(21), 25), Step::Gap);
        assert_eq!(step(Some(21), 3), Step::Gap, "what stands before the reset is missing");
        assert_eq!(step(Some(15), 30), Step::Gap);
        let unnumbered = BookUpdate { first_id: None, last_id: None, ..delta(0, 0, None) };
        let position = Position { last_id: None, joined: true };
        let step = super::step(Continuity::StatesPreviousOrRestarts, position, &unnumbered);
        assert_eq!(step, Step::Next, "recordings of 2022 have no numbers");
        let whole = Position { last_id: Some(20), joined: false };
        let first = |previous, own| {
            let update = delta(own, own, Some(previous));
            super::step(Continuity::StatesPreviousOrRestarts, whole, &update)
        };
        assert_eq!(first(15, 25), Step::Next, "it begins before the snapshot");
        assert_eq!(first(21, 25), Step::Gap);
    }
}
