//! What the clients read, joined with when it was planned to be sent.
//!
//! Latency counts from the planned time and not from when the generator got round to sending: a
//! generator that is held up by what it measures would otherwise hide just the delays that matter.

use std::time::{Duration, Instant};

use super::swarm::{Sample, Swarm};
use crate::clock::MonoNanos;
use crate::latency::{Histograms, Span};
use crate::sim::Truth;

/// How often the samples are fetched. The simulator's records have to reach back further.
const FETCH_EVERY: Duration = Duration::from_millis(200);

/// How long nothing more may come before everything has come.
const QUIET: Duration = Duration::from_millis(300);

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

/// Waits until the clients get no more trades; false when they still do after `within`.
pub fn wait_until_quiet(swarm: &Swarm, within: Duration) -> bool {
    let end = Instant::now() + within;
    let trades = || super::swarm::Tally::count(&swarm.tally().trades);
    let (mut last, mut since) = (trades(), Instant::now());
    while since.elapsed() < QUIET {
        if Instant::now() > end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
        let now = trades();
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
    true
}

/// How many trades the clients miss at the end, by the last ids that the exchange gave. A client
/// that got nothing of a symbol misses one: nobody knows how many more.
pub fn missing_at_the_end(truth: &Truth, natives: &[String], last_ids: &[Vec<u64>]) -> u64 {
    let last_true = |native: &String| {
        truth.planned_sends(native).map_or(0, |(first, times)| first + times.len() as u64 - 1)
    };
    let last_true: Vec<u64> = natives.iter().map(last_true).collect();
    let missing = |ids: &Vec<u64>| -> u64 {
        let pairs = ids.iter().zip(&last_true);
        pairs
            .map(|(&got, &last)| if got == 0 { u64::from(last > 0) } else { last.abs_diff(got) })
            .sum()
    };
    last_ids.iter().map(missing).sum()
}
