//! When frames were parsed and pushed.
//!
//! A frame that a read brings alone has two stamps of its own: when it is parsed and when it is pushed.
//! Of many frames of one read the first has, and then one in [`FRAMES_PER_STAMP`]. Those between are
//! measured by the next that has, and the last ones by the clock at the end of the read. So every frame
//! counts, and none for less than it took: up to [`FRAMES_PER_STAMP`] frames later it was surely there.

use crate::clock::{Clock, MonoNanos};
use crate::latency::{Recorder, Span};
use crate::limits::FRAMES_PER_STAMP;

/// The stamps of one read's frames.
#[derive(Debug)]
pub(super) struct Stamps {
    /// Frames until the next that has stamps of its own.
    until_stamped: u32,
    /// What is pushed next is stamped then.
    is_stamped: bool,
    /// The frame at hand has ticks that are not all pushed yet.
    is_pending: bool,
    /// Frames that were pushed and not measured yet.
    unmeasured: u64,
    /// When the read returned that brought them.
    received: MonoNanos,
    /// When the last frame was parsed that has stamps.
    parsed: MonoNanos,
    /// What the clock showed last.
    latest: MonoNanos,
    /// From parsed to pushed, the last time that both were stamped.
    push_ns: u64,
}

impl Stamps {
    pub(super) const fn new() -> Self {
        Self {
            until_stamped: 0,
            is_stamped: true,
            is_pending: false,
            unmeasured: 0,
            received: MonoNanos::ZERO,
            parsed: MonoNanos::ZERO,
            latest: MonoNanos::ZERO,
            push_ns: 0,
        }
    }

    /// A frame is parsed that the read brought which returned at `received`.
    #[inline]
    pub(super) fn parse(&mut self, received: MonoNanos, clock: &Clock) {
        self.received = received;
        self.is_stamped = self.until_stamped == 0;
        if self.is_stamped {
            self.until_stamped = FRAMES_PER_STAMP;
            self.parsed = clock.now();
            self.latest = self.parsed;
        }
        self.until_stamped -= 1;
    }

    /// The stamp of the push of the frame at hand: the time, or the last that was read of it.
    #[inline]
    pub(super) fn push_frame(&mut self, clock: &Clock) -> MonoNanos {
        self.is_pending = true;
        if self.is_stamped {
            self.latest = clock.now();
        }
        self.latest
    }

    /// The stamp of another push, which may bring in what the frame at hand has left.
    #[inline]
    pub(super) fn push_other(&mut self, clock: &Clock) -> MonoNanos {
        self.is_stamped = true;
        self.latest = clock.now();
        self.latest
    }

    /// Everything is in the rings.
    #[inline]
    pub(super) fn pushed(&mut self, recorder: &mut Recorder) {
        if !std::mem::take(&mut self.is_pending) {
            return;
        }
        self.unmeasured += 1;
        if self.is_stamped {
            self.push_ns = self.latest.since(self.parsed);
            self.measure(recorder);
        }
    }

    /// The end of a read's frames, or of the time that is given to them in this turn.
    #[inline]
    pub(super) fn end(&mut self, clock: &Clock, recorder: &mut Recorder) {
        self.until_stamped = 0;
        if self.unmeasured > 0 {
            self.latest = clock.now();
            self.measure(recorder);
        }
    }

    fn measure(&mut self, recorder: &mut Recorder) {
        let frames = std::mem::take(&mut self.unmeasured);
        let whole = self.latest.since(self.received);
        let push = self.push_ns.min(whole);
        recorder.record_n(Span::ReadParsed, whole - push, frames);
        recorder.record_n(Span::ParsedPushed, push, frames);
        recorder.record_n(Span::SocketToRing, whole, frames);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::UnixNanos;
    use crate::latency::{Collector, Quantile, recorder};

    /// Reads of so many frames, each of which takes 100 ns to parse and 20 to push.
    fn measured(reads: &[usize]) -> (Collector, u64) {
        let (clock, hand) = Clock::manual(UnixNanos::from_millis(1_000));
        let (mut recorder, mut collector) = recorder();
        let mut stamps = Stamps::new();
        let mut reads_of_clock = 0;
        for &frames in reads {
            let received = clock.now();
            for _ in 0..frames {
                hand.advance(Duration::from_nanos(100));
                stamps.parse(received, &clock);
                hand.advance(Duration::from_nanos(20));
                let now = stamps.push_frame(&clock);
                reads_of_clock += u64::from(now == clock.now());
                assert!(now <= clock.now() && now >= received);
                stamps.pushed(&mut recorder);
            }
            stamps.end(&clock, &mut recorder);
        }
        recorder.finish();
        collector.collect(clock.now());
        (collector, reads_of_clock)
    }

    #[test]
    fn a_frame_that_comes_alone_is_measured_exactly() {
        let (collector, stamped) = measured(&[1; 200]);
        let totals = collector.totals();
        assert_eq!(stamped, 200);
        for (span, nanos) in
            [(Span::ReadParsed, 100), (Span::ParsedPushed, 20), (Span::SocketToRing, 120)]
        {
            assert_eq!((totals.count(span), totals.sum_ns(span)), (200, 200 * nanos));
        }
    }

    #[test]
    fn each_of_many_frames_counts_and_none_for_less_than_it_took() {
        for frames in [2, 15, 16, 17, 100, 1_000] {
            let (collector, stamped) = measured(&[frames; 3]);
            let totals = collector.totals();
            let count = 3 * frames as u64;
            let each = |nth: u64| 120 * nth;
            let truth: u64 = 3 * (1..=frames as u64).map(each).sum::<u64>();
            let most = truth + count * each(u64::from(FRAMES_PER_STAMP));
            for span in [Span::ReadParsed, Span::ParsedPushed, Span::SocketToRing] {
                assert_eq!(totals.count(span), count, "{frames}: {span:?}");
            }
            let whole = totals.sum_ns(Span::SocketToRing);
            assert!((truth..most).contains(&whole), "{frames}: {whole} of {truth}");
            let parts = totals.sum_ns(Span::ReadParsed) + totals.sum_ns(Span::ParsedPushed);
            assert_eq!(parts, whole, "{frames}");
            let longest = totals.value(Span::SocketToRing, Quantile::Max);
            assert_eq!(longest.abs_diff(each(frames as u64)) * 50 / longest, 0, "{frames}");
            assert!(stamped <= 3 * (frames as u64).div_ceil(u64::from(FRAMES_PER_STAMP)));
        }
    }
}
