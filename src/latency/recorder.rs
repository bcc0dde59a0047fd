//! From the thread that measures to the one that merges: sets of histograms change hands through
//! two queues, one with filled sets and one with empty ones.

use std::sync::Arc;

use crossbeam::queue::ArrayQueue;

use super::histograms::Histograms;
use super::stage::Span;
use crate::clock::{Clock, MonoNanos, UnixNanos};
use crate::limits::{
    LATENCY_HAND_OVER_EVERY, LATENCY_SETS, LATENCY_WINDOW_SLOT, LATENCY_WINDOW_SLOTS,
};

/// The two ends of one thread's measurements.
pub fn recorder() -> (Recorder, Collector) {
    let queues = Arc::new(Queues {
        filled: ArrayQueue::new(LATENCY_SETS),
        empty: ArrayQueue::new(LATENCY_SETS),
    });
    for _ in 1..LATENCY_SETS {
        let refused = queues.empty.push(Box::new(Histograms::new()));
        debug_assert!(refused.is_ok(), "the queue holds every set there is");
    }
    let recorder = Recorder {
        filling: Box::new(Histograms::new()),
        queues: Arc::clone(&queues),
        due: MonoNanos::ZERO,
        age_ns: 0,
        ages: 0,
    };
    let collector = Collector {
        queues,
        totals: Histograms::new(),
        slots: (0..LATENCY_WINDOW_SLOTS).map(|_| (0, Histograms::new())).collect(),
    };
    (recorder, collector)
}

/// Each queue has room for every set there is, so a push cannot fail.
#[derive(Debug)]
struct Queues {
    filled: ArrayQueue<Box<Histograms>>,
    empty: ArrayQueue<Box<Histograms>>,
}

/// The end of the thread that measures. Nothing here allocates, locks or waits.
#[derive(Debug)]
pub struct Recorder {
    filling: Box<Histograms>,
    queues: Arc<Queues>,
    /// When the next hand-over is due.
    due: MonoNanos,
    /// The age of the last events, and how many in a row had it: those of one read mostly do.
    age_ns: i64,
    ages: u64,
}

impl Recorder {
    /// Counts one event that took `nanos`.
    #[inline]
    pub fn record(&mut self, span: Span, nanos: u64) {
        self.filling.record(span, nanos);
    }

    /// Counts `count` events that took `nanos` each: the ticks of one frame share their stamps.
    #[inline]
    pub fn record_n(&mut self, span: Span, nanos: u64, count: u64) {
        self.filling.record_n(span, nanos, count);
    }

    /// Counts the age of an event at our read of it; one that the exchange does not date is not
    /// counted, one from the future is counted apart.
    #[inline]
    pub fn record_age(&mut self, exchange_time: UnixNanos, received: MonoNanos, clock: &Clock) {
        if exchange_time.is_some() {
            let age_ns = clock.date(received).0.saturating_sub(exchange_time.0);
            if age_ns != self.age_ns {
                self.record_ages();
                self.age_ns = age_ns;
            }
            self.ages += 1;
        }
    }

    fn record_ages(&mut self) {
        let count = std::mem::take(&mut self.ages);
        if count > 0 {
            self.filling.record_age_n(self.age_ns, count);
        }
    }

    /// Hands the filled set over when a second has passed; call it once per turn. While the
    /// collector is late and no empty set is there, the filled one goes on filling.
    #[inline]
    pub fn hand_over(&mut self, now: MonoNanos) {
        if now >= self.due {
            self.swap(now);
        }
    }

    fn swap(&mut self, now: MonoNanos) {
        self.due = now.after(LATENCY_HAND_OVER_EVERY);
        self.record_ages();
        let Some(empty) = self.queues.empty.pop() else { return };
        let filled = std::mem::replace(&mut self.filling, empty);
        let refused = self.queues.filled.push(filled);
        debug_assert!(refused.is_ok(), "the queue holds every set there is");
    }

    /// Hands the last set over; for the end of the thread.
    pub fn finish(mut self) {
        self.record_ages();
        let refused = self.queues.filled.push(self.filling);
        debug_assert!(refused.is_ok(), "the queue holds every set there is");
    }
}

/// The end of the control side: what one thread measured, since its start and lately.
#[derive(Debug)]
pub struct Collector {
    queues: Arc<Queues>,
    totals: Histograms,
    /// By slot number modulo their count; a slot with another number is old.
    slots: Vec<(u64, Histograms)>,
}

impl Collector {
    /// Merges what was handed over and gives the sets back; returns how many there were.
    pub fn collect(&mut self, now: MonoNanos) -> usize {
        let number = Self::slot(now);
        let mut merged = 0;
        // Bounded: a recorder hands over once a second, and there are so many sets at most.
        for _ in 0..LATENCY_SETS {
            let Some(mut set) = self.queues.filled.pop() else { break };
            self.totals.merge(&set);
            self.slot_mut(number).merge(&set);
            set.clear();
            let refused = self.queues.empty.push(set);
            debug_assert!(refused.is_ok(), "the queue holds every set there is");
            merged += 1;
        }
        merged
    }

    /// The slot of that number, emptied when it still held an older one.
    fn slot_mut(&mut self, number: u64) -> &mut Histograms {
        let index = (number % self.slots.len() as u64) as usize;
        let (held, histograms) = &mut self.slots[index];
        if *held != number {
            histograms.clear();
            *held = number;
        }
        histograms
    }

    /// Everything since the start.
    pub fn totals(&self) -> &Histograms {
        &self.totals
    }

    /// Adds the last minute (the slot begun and the five before) to `sum`.
    pub fn add_window(&self, now: MonoNanos, sum: &mut Histograms) {
        let newest = Self::slot(now);
        let oldest = (newest + 1).saturating_sub(self.slots.len() as u64);
        for (number, histograms) in &self.slots {
            if (oldest..=newest).contains(number) {
                sum.merge(histograms);
            }
        }
    }

    /// Adds one slot of ten seconds to `sum`, when it is still held.
    pub fn add_slot(&self, number: u64, sum: &mut Histograms) {
        if let Some((_, histograms)) = self.slots.iter().find(|(held, _)| *held == number) {
            sum.merge(histograms);
        }
    }

    /// The number of the slot of ten seconds that `now` falls into, the same for every collector.
    /// Counted from 1, so that 0 is "never used".
    pub fn slot(now: MonoNanos) -> u64 {
        now.0 / LATENCY_WINDOW_SLOT.as_nanos() as u64 + 1
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Quantile;
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn window(collector: &Collector, now: MonoNanos) -> Histograms {
        let mut sum = Histograms::new();
        collector.add_window(now, &mut sum);
        sum
    }

    #[test]
    fn what_is_recorded_arrives_once_a_second() {
        let (mut recorder, mut collector) = recorder();
        recorder.hand_over(MonoNanos(SECOND));
        assert_eq!(collector.collect(MonoNanos(SECOND)), 1);
        recorder.record(Span::SocketToRing, 100);
        recorder.hand_over(MonoNanos(SECOND + 1));
        assert_eq!(collector.collect(MonoNanos(SECOND + 1)), 0, "not due yet");
        recorder.hand_over(MonoNanos(2 * SECOND));
        assert_eq!(collector.collect(MonoNanos(2 * SECOND)), 1);
        assert_eq!(collector.totals().count(Span::SocketToRing), 1);
        assert_eq!(collector.totals().value(Span::SocketToRing, Quantile::P50), 100);
    }

    #[test]
    fn a_late_collector_loses_nothing() {
        let (mut recorder, mut collector) = recorder();
        for second in 1..=100 {
            recorder.record(Span::ReadParsed, 50);
            recorder.hand_over(MonoNanos(second * SECOND));
        }
        recorder.finish();
        assert_eq!(collector.collect(MonoNanos(101 * SECOND)), LATENCY_SETS);
        assert_eq!(collector.totals().count(Span::ReadParsed), 100);
        assert_eq!(collector.collect(MonoNanos(101 * SECOND)), 0);
    }

    #[test]
    fn the_window_forgets_after_a_minute_and_the_totals_never() {
        let (mut recorder, mut collector) = recorder();
        let start = MonoNanos(1_000 * SECOND);
        recorder.record(Span::ReadParsed, 50);
        recorder.hand_over(start);
        collector.collect(start);
        assert_eq!(window(&collector, start).count(Span::ReadParsed), 1);
        let later = start.after(Duration::from_secs(49));
        assert_eq!(window(&collector, later).count(Span::ReadParsed), 1);
        let much_later = start.after(Duration::from_secs(60));
        assert_eq!(window(&collector, much_later).count(Span::ReadParsed), 0);
        recorder.record(Span::ReadParsed, 50);
        recorder.hand_over(much_later);
        collector.collect(much_later);
        assert_eq!(window(&collector, much_later).count(Span::ReadParsed), 1, "slot reused");
        assert_eq!(collector.totals().count(Span::ReadParsed), 2);
    }

    #[test]
    fn an_undated_event_has_no_age() {
        let (clock, _hand) = Clock::manual(UnixNanos::from_millis(1_000_000));
        let (mut recorder, mut collector) = recorder();
        let now = clock.now();
        recorder.record_age(UnixNanos::NONE, now, &clock);
        recorder.record_age(UnixNanos::from_millis(999_999), now, &clock);
        recorder.record_age(UnixNanos::from_millis(1_000_001), now, &clock);
        recorder.finish();
        collector.collect(now);
        assert_eq!(collector.totals().count(Span::ExchangeAge), 1);
        assert_eq!(collector.totals().negative_ages(), 1);
    }
}
