//! One side of a book: levels sorted from the worst price to the best.
//!
//! ```text
//!   worst                                                      best
//!   │ run │ run │ run │ … │ run │              near              │
//!    found by halving the heads   found from its end, by doubling
//! ```
//! The simple version is one sorted list, and near the best price this is that list: a search
//! gallops from its end, and a change moves what is better. Levels behind it stand in short runs, so
//! that a change far from the best price costs no more than a search in a list of runs and a move
//! within one of them, however deep the book is; in one list it would move all that is better.

use std::cmp::Ordering;

use super::{Applied, Resting};
use crate::limits::{BOOK_LEVELS_MAX, BOOK_NEAR_LEVELS, BOOK_RUN_LEVELS};
use crate::tick::{Decimal, Level, Side};

/// Levels by which any side may grow after it was loaded, without asking for memory.
const ROOM_MIN: usize = 64;

/// Levels of a run after a load: some room before it is split.
const RUN_LOADED: usize = BOOK_RUN_LEVELS / 4 * 3;

/// Two neighbours are joined when one of them lost a level and both together hold no more.
const RUN_JOINED: usize = BOOK_RUN_LEVELS / 2;

/// Levels that stand near after a load of more.
const NEAR_LOADED: usize = BOOK_NEAR_LEVELS / 4 * 3;

/// When fewer are near, the best run of the others comes to them.
const NEAR_MIN: usize = BOOK_RUN_LEVELS;

/// At most [`BOOK_RUN_LEVELS`] levels, the worst first.
type Run = Vec<Resting>;

/// Bids or asks.
#[derive(Clone, Debug)]
pub(super) struct HalfBook {
    side: Side,
    /// The best levels, the worst of them first, strictly; empty only when the side is.
    near: Vec<Resting>,
    far: Far,
}

/// The levels behind those, in runs.
#[derive(Clone, Debug)]
struct Far {
    side: Side,
    /// The worst price of each run: what is searched first.
    heads: Vec<Decimal>,
    /// The worst first; none of them empty.
    runs: Vec<Run>,
    /// Empty runs, kept for their memory.
    spare: Vec<Run>,
    /// Levels of all runs.
    len: usize,
}

impl HalfBook {
    pub(super) const fn bids() -> Self {
        Self::empty(Side::Bid)
    }

    pub(super) const fn asks() -> Self {
        Self::empty(Side::Ask)
    }

    const fn empty(side: Side) -> Self {
        Self { side, near: Vec::new(), far: Far::empty(side) }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.near.len() + self.far.len
    }

    /// The length of the longest run, and how many there are.
    #[cfg(test)]
    pub(super) fn runs(&self) -> (usize, usize) {
        let runs = &self.far.runs;
        assert!(runs.iter().map(|run| run[0].price).eq(self.far.heads.iter().copied()));
        (runs.iter().map(Vec::len).max().unwrap_or(0), runs.len())
    }

    pub(super) fn clear(&mut self) {
        self.near.clear();
        self.far.clear();
    }

    #[inline]
    pub(super) fn best(&self) -> Option<Resting> {
        self.near.last().copied()
    }

    #[inline]
    pub(super) fn best_first(&self) -> BestFirst<'_> {
        BestFirst { best: &self.near, runs: &self.far.runs, worst: &[], left: self.len() }
    }

    #[inline]
    pub(super) fn apply(&mut self, level: Level) -> Applied {
        let resting = Resting { price: level.price, size: level.size };
        match (gallop(&self.near, self.side, level.price), level.size.is_zero()) {
            (Ok(index), false) => {
                self.near[index] = resting;
                Applied::Changed
            }
            (Ok(index), true) => {
                self.near.remove(index);
                if self.near.len() < NEAR_MIN && self.far.len > 0 {
                    self.bring_near();
                }
                Applied::Removed
            }
            (Err(0), _) if self.far.len > 0 => self.apply_far(resting),
            (Err(_), true) => Applied::Unknown,
            (Err(_), false) if self.len() >= BOOK_LEVELS_MAX => Applied::Refused,
            (Err(index), false) => {
                self.near.insert(index, resting);
                if self.near.len() > BOOK_NEAR_LEVELS {
                    self.send_far();
                }
                Applied::Added
            }
        }
    }

    /// A level that is worse than all that are near.
    fn apply_far(&mut self, resting: Resting) -> Applied {
        let is_full = self.len() >= BOOK_LEVELS_MAX;
        self.far.apply(resting, is_full)
    }

    /// The worse half of what is near, of which there is too much, becomes runs of its own.
    #[cold]
    fn send_far(&mut self) {
        let half = self.near.len() / 2;
        self.far.push_best(&self.near[..half]);
        self.near.drain(..half);
    }

    /// Little is left near: the best run of the others comes to it.
    #[cold]
    fn bring_near(&mut self) {
        if let Some(mut run) = self.far.pop_best() {
            self.near.splice(..0, run.drain(..));
            self.far.spare.push(run);
        }
    }

    /// Forgets the worst levels beyond `depth`, and tells each to `dropped`, the worst first.
    #[inline]
    pub(super) fn truncate(&mut self, depth: usize, dropped: &mut impl FnMut(Level)) {
        let mut excess = self.len().saturating_sub(depth);
        if excess == 0 {
            return;
        }
        let side = self.side;
        let mut drop = |resting: Resting| dropped(resting.level(side));
        excess -= self.far.truncate(excess, &mut drop);
        self.near.drain(..excess).for_each(drop);
        if self.near.len() < NEAR_MIN && self.far.len > 0 {
            self.bring_near();
        }
    }

    /// Replaces every level by those of `levels` that are of this side; false when there are more
    /// than [`BOOK_LEVELS_MAX`], of which the best stay.
    pub(super) fn load(&mut self, levels: &[Level]) -> bool {
        let side = self.side;
        self.clear();
        let own = levels.iter().rev().filter(|level| level.side == side);
        let worst_first = |a: &Level, b: &Level| compare(side, a.price, b.price);
        // Exchanges send the best first, so that what is read backwards is in order already.
        if own.clone().is_sorted_by(|a, b| worst_first(a, b).is_lt()) {
            return self.fill(own.copied());
        }
        let mut sorted: Vec<Level> = own.copied().collect();
        // Stable: of equal prices the one that came last stands first and stays.
        sorted.sort_by(worst_first);
        sorted.dedup_by(|later, kept| worst_first(later, kept).is_eq());
        self.fill(sorted.into_iter())
    }

    /// Fills an empty side with what has a size, the worst first.
    fn fill(&mut self, levels: impl Iterator<Item = Level> + Clone) -> bool {
        let levels = levels.filter(|level| !level.size.is_zero());
        let count = levels.clone().count();
        let excess = count.saturating_sub(BOOK_LEVELS_MAX);
        let resting = |level: Level| Resting { price: level.price, size: level.size };
        let mut levels = levels.skip(excess).map(resting);
        let mut left = count - excess;
        if left > BOOK_NEAR_LEVELS {
            self.far.fill(levels.by_ref().take(left - NEAR_LOADED));
            left = NEAR_LOADED;
        }
        // Changes that come now find room, as long as the book stays of its size.
        self.near.reserve((left + left / 2 + ROOM_MIN).min(BOOK_NEAR_LEVELS + 1));
        self.near.extend(levels);
        if left > BOOK_NEAR_LEVELS / 2 {
            self.far.provide();
        }
        excess == 0
    }
}

impl Far {
    const fn empty(side: Side) -> Self {
        Self { side, heads: Vec::new(), runs: Vec::new(), spare: Vec::new(), len: 0 }
    }

    fn clear(&mut self) {
        self.len = 0;
        self.heads.clear();
        self.runs.iter_mut().for_each(Vec::clear);
        self.spare.append(&mut self.runs);
    }

    /// Sets a level; there are some already. Of a side that is full none is added.
    fn apply(&mut self, resting: Resting, is_full: bool) -> Applied {
        let (side, price) = (self.side, resting.price);
        // What is worse than all belongs into the worst run.
        let is_behind = |head: &Decimal| compare(side, price, *head).is_ge();
        let at = self.heads.partition_point(is_behind).saturating_sub(1);
        let order = |one: &Resting| compare(side, price, one.price).reverse();
        match (self.runs[at].binary_search_by(order), resting.size.is_zero()) {
            (Ok(index), false) => {
                self.runs[at][index] = resting;
                self.note_head(at);
                Applied::Changed
            }
            (Ok(index), true) => {
                self.runs[at].remove(index);
                self.len -= 1;
                self.shrunk(at);
                Applied::Removed
            }
            (Err(_), true) => Applied::Unknown,
            (Err(_), false) if is_full => Applied::Refused,
            (Err(index), false) => {
                self.insert(at, index, resting);
                Applied::Added
            }
        }
    }

    fn insert(&mut self, at: usize, index: usize, resting: Resting) {
        self.len += 1;
        self.runs[at].insert(index, resting);
        self.note_head(at);
        if self.runs[at].len() > BOOK_RUN_LEVELS {
            self.split(at);
        }
    }

    #[inline]
    fn note_head(&mut self, at: usize) {
        self.heads[at] = self.runs[at][0].price;
    }

    fn split(&mut self, at: usize) {
        let mut better = self.empty_run();
        better.extend(self.runs[at].drain(BOOK_RUN_LEVELS / 2..));
        self.heads.insert(at + 1, better[0].price);
        self.runs.insert(at + 1, better);
    }

    fn empty_run(&mut self) -> Run {
        let mut run = self.spare.pop().unwrap_or_default();
        // One more than it may hold: it is split after that came.
        run.reserve_exact(BOOK_RUN_LEVELS + 1);
        run
    }

    /// Adds levels that are better than all.
    fn push_best(&mut self, levels: &[Resting]) {
        for chunk in levels.chunks(RUN_LOADED) {
            let mut run = self.empty_run();
            run.extend_from_slice(chunk);
            self.push(run);
        }
    }

    fn push(&mut self, run: Run) {
        self.len += run.len();
        self.heads.push(run[0].price);
        self.runs.push(run);
    }

    /// Takes the best run away.
    fn pop_best(&mut self) -> Option<Run> {
        let run = self.runs.pop()?;
        self.heads.pop();
        self.len -= run.len();
        Some(run)
    }

    /// Joins a run that lost a level with a neighbour, when both are small; drops it when empty.
    fn shrunk(&mut self, at: usize) {
        let length = |at: usize| self.runs.get(at).map_or(BOOK_RUN_LEVELS, Vec::len);
        let own = length(at);
        if own == 0 {
            let empty = self.runs.remove(at);
            self.heads.remove(at);
            return self.spare.push(empty);
        }
        let joins_better = own + length(at + 1) <= RUN_JOINED;
        let joins_worse = at > 0 && length(at - 1) + own <= RUN_JOINED;
        self.note_head(at);
        if joins_better {
            self.join(at);
        } else if joins_worse {
            self.join(at - 1);
        }
    }

    /// Puts the run after `worse` into it.
    #[cold]
    fn join(&mut self, worse: usize) {
        let mut better = self.runs.remove(worse + 1);
        self.heads.remove(worse + 1);
        self.runs[worse].append(&mut better);
        self.spare.push(better);
    }

    /// Forgets the worst `excess` levels, or all; returns how many.
    fn truncate(&mut self, excess: usize, dropped: &mut impl FnMut(Resting)) -> usize {
        let before = self.len;
        let mut left = excess;
        while left > 0 && self.len > 0 {
            let worst = &mut self.runs[0];
            let count = worst.len().min(left);
            worst.drain(..count).for_each(&mut *dropped);
            self.len -= count;
            left -= count;
            self.shrunk(0);
        }
        before - self.len
    }

    /// Fills what is empty, the worst first.
    fn fill(&mut self, mut levels: impl Iterator<Item = Resting>) {
        loop {
            let mut run = self.empty_run();
            run.extend(levels.by_ref().take(RUN_LOADED));
            if run.is_empty() {
                return self.spare.push(run);
            }
            self.push(run);
        }
    }

    /// Memory for what is sent here once, and for some splits.
    fn provide(&mut self) {
        let wanted = BOOK_NEAR_LEVELS / 2 / RUN_LOADED + 2 + self.runs.len() / 8;
        self.heads.reserve(wanted);
        self.runs.reserve(wanted);
        self.spare.reserve(self.runs.len() + wanted);
        while self.spare.len() < wanted {
            self.spare.push(Vec::with_capacity(BOOK_RUN_LEVELS + 1));
        }
    }
}

/// `Greater` when `price` is better than `other`.
#[inline]
fn compare(side: Side, price: Decimal, other: Decimal) -> Ordering {
    let by_value = price.cmp_value(other);
    if side == Side::Ask { by_value.reverse() } else { by_value }
}

/// Where `price` stands in a list, or would stand. Gallops from the best end in doubling steps, then
/// halves the last step: the cost grows with the distance from the best. All its sums are places in the
/// list, or twice as far, and lists of 32-byte levels have fewer than 2^58 places: nothing wraps.
#[inline]
fn gallop(levels: &[Resting], side: Side, price: Decimal) -> Result<usize, usize> {
    let length = levels.len();
    let mut step = 1;
    let mut high = length;
    let low = loop {
        let Some(probe) = length.checked_sub(step) else { break 0 };
        match compare(side, price, levels[probe].price) {
            Ordering::Equal => return Ok(probe),
            Ordering::Greater => break probe.wrapping_add(1),
            Ordering::Less => high = probe,
        }
        step = step.wrapping_mul(2);
    };
    levels[low..high]
        .binary_search_by(|level| compare(side, price, level.price).reverse())
        .map(|index| low.wrapping_add(index))
        .map_err(|index| low.wrapping_add(index))
}

/// Levels of a side, the best first.
#[derive(Clone, Debug)]
pub(super) struct BestFirst<'a> {
    /// What is left of the best run that was begun.
    best: &'a [Resting],
    /// Runs that were not begun.
    runs: &'a [Vec<Resting>],
    /// What is left of the worst run that was begun.
    worst: &'a [Resting],
    /// What is left of all: as many levels as there are in the others, so that it does not wrap when one
    /// is taken from them.
    left: usize,
}

impl Iterator for BestFirst<'_> {
    type Item = Resting;

    #[inline]
    fn next(&mut self) -> Option<Resting> {
        loop {
            if let Some((last, rest)) = self.best.split_last() {
                self.best = rest;
                self.left = self.left.wrapping_sub(1);
                return Some(*last);
            }
            if let Some((run, runs)) = self.runs.split_last() {
                (self.best, self.runs) = (run, runs);
            } else if self.worst.is_empty() {
                return None;
            } else {
                self.best = std::mem::take(&mut self.worst);
            }
        }
    }

    #[inline]
    fn nth(&mut self, count: usize) -> Option<Resting> {
        match self.best.len().checked_sub(count) {
            // Nearly all who look for one of the best find it in the best run.
            Some(rest) if rest > 0 => {
                self.best = &self.best[..rest];
                self.left = self.left.wrapping_sub(count);
            }
            _ => (0..count).try_for_each(|_| self.next().map(drop))?,
        }
        self.next()
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl DoubleEndedIterator for BestFirst<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Resting> {
        loop {
            if let Some((first, rest)) = self.worst.split_first() {
                self.worst = rest;
                self.left = self.left.wrapping_sub(1);
                return Some(*first);
            }
            if let Some((run, runs)) = self.runs.split_first() {
                (self.worst, self.runs) = (run, runs);
            } else if self.best.is_empty() {
                return None;
            } else {
                self.worst = std::mem::take(&mut self.best);
            }
        }
    }
}

impl ExactSizeIterator for BestFirst<'_> {}
