//! What the clients read, joined with when it was planned to be sent.
//!
//! Latency counts from the planned time and not from when the generator got round to sending: a
//! generator that is held up by what it measures would otherwise hide just the delays that matter.

use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use super::swarm::{Sample, Swarm, Tally};
use crate::clock::MonoNanos;
use crate::latency::{Histograms, Span};
use crate::limits::VERIFY_FETCH_EVERY;
use crate::sim::{Simulator, Truth};

/// Joins samples with their planned times.
#[derive(Debug)]
pub struct Join<'a> {
    truth: &'a Truth,
    /// As the exchange spells them, in the order of the samples' symbols.
    natives: &'a [String],
    /// Per symbol the first and the last trade id seen there; 0 before any.
    printed: Vec<(u64, u64)>,
    histograms: Histograms,
    unplanned: u64,
}

impl<'a> Join<'a> {
    /// A join without samples.
    pub fn new(truth: &'a Truth, natives: &'a [String]) -> Self {
        let printed = vec![(0, 0); natives.len()];
        Self { truth, natives, printed, histograms: Histograms::new(), unplanned: 0 }
    }

    /// Reads and joins what the clients get from now on, for `time`.
    pub fn run(&mut self, swarm: &Swarm, time: Duration) {
        let end = Instant::now() + time;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            // Sleeping is how time passes for a load generator; no result depends on its length.
            std::thread::sleep(left.min(VERIFY_FETCH_EVERY));
            let samples: Vec<Sample> = swarm.samples().collect();
            self.add(&samples);
            self.look();
            if left <= VERIFY_FETCH_EVERY {
                return;
            }
        }
    }

    /// Joins these samples.
    pub fn add(&mut self, samples: &[Sample]) {
        let mut planned: Vec<Option<(u64, Vec<MonoNanos>)>> = vec![None; self.natives.len()];
        for sample in samples {
            let symbol = sample.symbol as usize;
            if planned[symbol].is_none() {
                planned[symbol] = self.truth.planned_sends(&self.natives[symbol]);
            }
            let time = planned[symbol].as_ref().and_then(|(first, times)| {
                let index = sample.trade_id.checked_sub(*first)?;
                times.get(usize::try_from(index).ok()?)
            });
            match time {
                Some(&time) => {
                    self.histograms.record(Span::ExchangeToClient, sample.read.since(time));
                }
                None => self.unplanned += 1,
            }
        }
    }

    /// Notes how far the exchange is. To be called more often than it forgets.
    pub fn look(&mut self) {
        for (native, ids) in self.natives.iter().zip(&mut self.printed) {
            let Some((first, times)) = self.truth.planned_sends(native) else { continue };
            if ids.0 == 0 {
                ids.0 = first;
            }
            ids.1 = first + times.len() as u64 - 1;
        }
    }

    /// How many trades the exchange had printed at the last look.
    pub fn printed(&self) -> u64 {
        let any = self.printed.iter().filter(|(first, _)| *first > 0);
        any.map(|(first, last)| last - first + 1).sum()
    }

    /// How many trades clients with these last ids miss at the end. One that got nothing of a
    /// symbol misses one: nobody knows how many more.
    pub fn missing_at_the_end(&self, last_read: &[Vec<u64>]) -> u64 {
        missing_at_the_end(&self.printed, last_read)
    }

    /// The latencies so far.
    pub fn histograms(&self) -> &Histograms {
        &self.histograms
    }

    /// Forgets the latencies: the warm-up is over.
    pub fn restart(&mut self) {
        self.histograms.clear();
        self.unplanned = 0;
    }

    /// The latencies, and how many samples had no planned time any more.
    pub fn finish(self) -> (Histograms, u64) {
        (self.histograms, self.unplanned)
    }
}

/// Lets the exchange print no more, and is sure of it.
pub fn pause(exchange: &Simulator, natives: &[String]) {
    exchange.pause();
    // Commands are obeyed in order: once the question is answered, it has paused.
    let _ = exchange.book(natives.first().map_or("", String::as_str));
}

/// Waits until all clients together have read `trades`; false when they have not after `within`.
pub(super) fn wait_for_trades(swarm: &Swarm, trades: u64, within: Duration) -> bool {
    wait_for(&swarm.tally().trades, trades, within)
}

/// Waits until the clients have `answers` that are no trades: each gets one to its subscription.
pub fn wait_for_answers(swarm: &Swarm, answers: u64, within: Duration) -> bool {
    wait_for(&swarm.tally().others, answers, within)
}

fn wait_for(counter: &AtomicU64, count: u64, within: Duration) -> bool {
    let end = Instant::now() + within;
    while Tally::count(counter) < count {
        if Instant::now() > end {
            return false;
        }
        // The counts have no bell, and nothing is measured meanwhile.
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

fn missing_at_the_end(printed: &[(u64, u64)], last_read: &[Vec<u64>]) -> u64 {
    let missing = |ids: &Vec<u64>| -> u64 {
        let pairs = ids.iter().zip(printed);
        pairs
            .map(
                |(&got, &(_, last))| {
                    if got == 0 { u64::from(last > 0) } else { last.saturating_sub(got) }
                },
            )
            .sum()
    };
    last_read.iter().map(missing).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_at_the_end_is_counted_per_client_and_symbol() {
        let printed = [(5, 10), (1, 20)];
        assert_eq!(missing_at_the_end(&printed, &[vec![10, 20], vec![10, 20]]), 0);
        assert_eq!(missing_at_the_end(&printed, &[vec![9, 20], vec![10, 17]]), 4);
        assert_eq!(missing_at_the_end(&printed, &[vec![0, 20]]), 1, "nothing of a symbol");
        assert_eq!(missing_at_the_end(&[(0, 0)], &[vec![0]]), 0, "nothing was printed of it");
        assert_eq!(missing_at_the_end(&[(1, 20)], &[vec![22]]), 0, "printed after the look");
    }
}
