//! Was it the machine? A thread with nothing to do sleeps a millisecond again and again; what it
//! oversleeps, the host took from everybody: its stalls stand in the same histograms as ours.

use std::time::Duration;

use super::recorder::Recorder;
use super::stage::Span;
use crate::clock::{Clock, MonoNanos};
use crate::limits;

/// Measures the host's stalls. Belongs to an idle thread of the control side.
#[derive(Debug)]
pub struct StallProbe {
    clock: Clock,
    recorder: Recorder,
}

impl StallProbe {
    /// A probe that has not slept yet.
    pub fn new(clock: Clock, recorder: Recorder) -> Self {
        Self { clock, recorder }
    }

    /// Sleeps once and records by how much it was too long; returns the time of waking.
    pub fn probe(&mut self) -> MonoNanos {
        self.probe_with(std::thread::sleep)
    }

    fn probe_with(&mut self, sleep: impl FnOnce(Duration)) -> MonoNanos {
        let before = self.clock.now();
        sleep(limits::STALL_PROBE_SLEEP);
        let woke = self.clock.now();
        let asked = limits::STALL_PROBE_SLEEP.as_nanos() as u64;
        self.recorder.record(Span::HostStall, woke.since(before).saturating_sub(asked));
        self.recorder.hand_over(woke);
        woke
    }

    /// Hands the last measurements over.
    pub fn finish(self) {
        self.recorder.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Quantile, recorder};
    use super::*;
    use crate::clock::UnixNanos;

    #[test]
    fn only_what_was_overslept_is_recorded() {
        let (clock, hand) = Clock::manual(UnixNanos::from_millis(0));
        let (recorder, mut collector) = recorder();
        let mut probe = StallProbe::new(clock, recorder);
        probe.probe_with(|asked| hand.advance(asked + Duration::from_micros(70)));
        probe.probe_with(|asked| hand.advance(asked));
        let woke = probe.probe_with(|asked| hand.advance(asked + Duration::from_millis(4)));
        probe.finish();
        collector.collect(woke);
        let stalls = collector.totals();
        assert_eq!(stalls.count(Span::HostStall), 3);
        assert_eq!(stalls.sum_ns(Span::HostStall), 4_070_000);
        assert!(stalls.value(Span::HostStall, Quantile::P50).abs_diff(70_000) < 700);
    }
}
