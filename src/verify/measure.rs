//! What the clients read, joined with when it was planned to be sent.
//!
//! Latency counts from the planned time and not from when the generator got round to sending: a
//! generator that is held up by what it measures would otherwise hide just the delays that matter.

use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use super::swarm::{Sample, Swarm, Tally};
use crate::clock::MonoNanos;
use crate::latency::{Histograms, Span};
use crate::sim::Truth;

/// How often the samples are fetched. The simulator's records have to reach back further.
const FETCH_EVERY: Duration = Duration::from_millis(200);

/// Joins samples with their planned times.
#[derive(Debug)]
pub struct Join<'a> {
    truth: &'a Truth,
    /// As the exchange spells them, in the order of the samples' symbols.
    natives: &'a [String],
    histograms: Histograms,
    unplanned: u64,
}

impl<'a> Join<'a> {
    /// A join without samples.
    pub fn new(truth: &'a Truth, natives: &'a [String]) -> Self {
        Self { truth, natives, histograms: Histograms::new(), unplanned: 0 }
    }

    /// Reads and joins what the clients get from now on, for `time`.
    pub fn run(&mut self, swarm: &Swarm, time: Duration) {
        let end = Instant::now() + time;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            // Sleeping is how time passes for a load generator; no result depends on its length.
            std::thread::sleep(left.min(FETCH_EVERY));
            let samples: Vec<Sample> = swarm.samples().collect();
            self.add(&samples);
            if left <= FETCH_EVERY {
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

    /// The latencies, and how many samples had no planned time any more.
    pub fn finish(self) -> (Histograms, u64) {
        (self.histograms, self.unplanned)
    }
}

/// Waits until all clients together have read `trades`; false when they have not after `within`.
pub fn wait_for_trades(swarm: &Swarm, trades: u64, within: Duration) -> bool {
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

/// The last trade id of every symbol that the exchange has printed so far; 0 before any.
pub fn last_ids(truth: &Truth, natives: &[String]) -> Vec<u64> {
    let last = |native: &String| {
        let planned = truth.planned_sends(native);
        planned.map_or(0, |(first, times)| first + times.len() as u64 - 1)
    };
    natives.iter().map(last).collect()
}

/// How many trades were printed between two looks at [`last_ids`].
pub fn printed(before: &[u64], after: &[u64]) -> u64 {
    before.iter().zip(after).map(|(before, after)| after - before).sum()
}

/// How many trades the clients miss at the end, by the last ids that the exchange gave. A client
/// that got nothing of a symbol misses one: nobody knows how many more.
pub fn missing_at_the_end(last_true: &[u64], last_read: &[Vec<u64>]) -> u64 {
    let missing = |ids: &Vec<u64>| -> u64 {
        let pairs = ids.iter().zip(last_true);
        pairs
            .map(|(&got, &last)| if got == 0 { u64::from(last > 0) } else { last.abs_diff(got) })
            .sum()
    };
    last_read.iter().map(missing).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_at_the_end_is_counted_per_client_and_symbol() {
        assert_eq!(missing_at_the_end(&[10, 20], &[vec![10, 20], vec![10, 20]]), 0);
        assert_eq!(missing_at_the_end(&[10, 20], &[vec![9, 20], vec![10, 17]]), 4);
        assert_eq!(missing_at_the_end(&[10, 20], &[vec![0, 20]]), 1, "nothing of a symbol");
        assert_eq!(missing_at_the_end(&[0, 20], &[vec![0, 20]]), 0, "nothing was printed of it");
        assert_eq!(printed(&[10, 0], &[12, 5]), 7);
    }
}
