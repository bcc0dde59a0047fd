//! When what is due: takers at planned instants, all else by cadence. Order depends on planned
//! times alone, so that a seed repeats every frame.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use super::market::{Market, Step};
use super::stats::Counters;
use crate::clock::{MonoNanos, UnixNanos};

/// When an exchange's takers come, and its duties, of whatever kinds it has.
#[derive(Debug)]
pub(super) struct Agenda<D> {
    /// When the next taker comes.
    next_step: MonoNanos,
    /// Between two trades; zero for as many as the clients take.
    spacing: Duration,
    paused: bool,
    duties: BinaryHeap<Reverse<(MonoNanos, D)>>,
    /// The buffers of a step between two of them.
    step: Step,
    counters: Arc<Counters>,
}

impl<D: Ord> Agenda<D> {
    /// With so many trades a second, or as many as the clients take for 0, and no duty yet.
    pub(super) fn new(rate: u32, now: MonoNanos, counters: Arc<Counters>) -> Self {
        let spacing = Duration::from_secs(1).checked_div(rate).unwrap_or(Duration::ZERO);
        Self {
            next_step: now.after(spacing),
            spacing,
            paused: false,
            duties: BinaryHeap::new(),
            step: Step::default(),
            counters,
        }
    }

    /// The market stands still while paused; time that passed then is not caught up on.
    pub(super) fn pause(&mut self, paused: bool, now: MonoNanos) {
        if self.paused && !paused {
            self.next_step = self.next_step.max(now);
        }
        self.paused = paused;
    }

    pub(super) const fn is_paused(&self) -> bool {
        self.paused
    }

    /// What was planned before `now` is left out, as if no time had passed.
    pub(super) fn skip_to(&mut self, now: MonoNanos) {
        self.next_step = self.next_step.max(now);
        let duties = std::mem::take(&mut self.duties).into_iter();
        self.duties = duties.map(|Reverse((at, duty))| Reverse((at.max(now), duty))).collect();
    }

    /// Plans a duty.
    pub(super) fn plan(&mut self, at: MonoNanos, duty: D) {
        self.duties.push(Reverse((at, duty)));
    }

    /// Takes the duty that is due first.
    pub(super) fn pop(&mut self) -> Option<(MonoNanos, D)> {
        self.duties.pop().map(|Reverse(planned)| planned)
    }

    /// When the first duty is due.
    pub(super) fn next_duty(&self) -> MonoNanos {
        self.duties.peek().map_or(MonoNanos::MAX, |Reverse((at, _))| *at)
    }

    /// When the next taker comes. Without a rate that is at once, while clients take what it makes.
    pub(super) fn next_step(&self, now: MonoNanos, is_taken: impl FnOnce() -> bool) -> MonoNanos {
        match (self.paused, self.spacing.is_zero()) {
            (true, _) => MonoNanos::MAX,
            (false, false) => self.next_step,
            (false, true) if is_taken() => now,
            (false, true) => MonoNanos::MAX,
        }
    }

    /// Lets the taker come that was planned for then, and plans the next. What it did goes back to
    /// [`Self::give_back`] once it is told.
    pub(super) fn take_step(
        &mut self,
        planned: MonoNanos,
        at: UnixNanos,
        market: &mut Market,
    ) -> Step {
        let mut step = std::mem::take(&mut self.step);
        market.step(at.millis(), &mut step);
        self.note_trades(step.prints.len());
        self.next_step = planned.after(self.spacing * step.prints.len().max(1) as u32);
        step
    }

    /// How many trades were told, or prices where those are all that is told.
    pub(super) fn note_trades(&self, count: usize) {
        self.counters.trades.add(count as u64);
    }

    /// How late something was told.
    pub(super) fn note_lateness(&self, ns: u64) {
        self.counters.lateness_ns_max.raise(ns);
    }

    /// Takes the buffers of a step back.
    pub(super) fn give_back(&mut self, step: Step) {
        self.step = step;
    }
}

/// The first time of the `index`-th of `count` that do something so often: spread over the period,
/// so that not all speak at once.
pub(super) fn phase(now: MonoNanos, every: Duration, index: usize, count: usize) -> MonoNanos {
    now.after(every * (index as u32 + 1) / (count as u32 + 1))
}
