//! One histogram per span.

use hdrhistogram::Histogram;

use super::stage::Span;
use crate::limits::LATENCY_NS_MAX;

/// Significant decimal digits that a histogram keeps: a value is off by less than 1 %, and the
/// cells that a thread touches stay in its first-level cache.
const DIGITS: u8 = 2;

/// A point of a distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Quantile {
    /// Half are below.
    P50,
    /// Nine of ten are below.
    P90,
    /// 99 of 100 are below.
    P99,
    /// 999 of 1,000 are below.
    P999,
    /// None is above.
    Max,
}

impl Quantile {
    /// Every one, rising.
    pub const ALL: [Self; 5] = [Self::P50, Self::P90, Self::P99, Self::P999, Self::Max];

    /// As budgets and reports spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P99 => "p99",
            Self::P999 => "p999",
            Self::Max => "max",
        }
    }

    /// The quantile of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|quantile| quantile.name() == name)
    }

    /// As a share of all samples, 0 to 1.
    pub const fn share(self) -> f64 {
        match self {
            Self::P50 => 0.5,
            Self::P90 => 0.9,
            Self::P99 => 0.99,
            Self::P999 => 0.999,
            Self::Max => 1.0,
        }
    }

    /// Fewer samples than this say nothing about it: ten have to lie beyond the point.
    pub const fn samples_min(self) -> u64 {
        match self {
            Self::P50 => 20,
            Self::P90 => 100,
            Self::P99 => 1_000,
            Self::P999 => 10_000,
            Self::Max => 1,
        }
    }
}

/// A histogram per [`Span`], 0 to [`LATENCY_NS_MAX`]; longer values count as the longest.
#[derive(Clone, Debug)]
pub struct Histograms {
    spans: [Histogram<u64>; Span::ALL.len()],
    /// Exact sums, as the histograms only know each value to 1 %.
    sums_ns: [u64; Span::ALL.len()],
    /// Events that the exchange dates after our own read of them.
    negative_ages: u64,
}

impl Default for Histograms {
    fn default() -> Self {
        Self::new()
    }
}

impl Histograms {
    /// What a set takes, about; `tests` hold it.
    pub const BYTES: usize = 360 << 10;

    /// Empty ones. Allocates all that they will ever need (about 360 KiB).
    pub fn new() -> Self {
        let empty = Histogram::new_with_bounds(1, LATENCY_NS_MAX, DIGITS)
            .expect("the bounds are constants that hdrhistogram accepts");
        Self {
            spans: std::array::from_fn(|_| empty.clone()),
            sums_ns: [0; Span::ALL.len()],
            negative_ages: 0,
        }
    }

    /// Counts one value. About 5 ns; never allocates.
    #[inline]
    pub fn record(&mut self, span: Span, nanos: u64) {
        self.record_n(span, nanos, 1);
    }

    /// Counts `count` events that took `nanos` each.
    #[inline]
    pub fn record_n(&mut self, span: Span, nanos: u64, count: u64) {
        let index = span as usize;
        self.spans[index].saturating_record_n(nanos, count);
        self.sums_ns[index] = self.sums_ns[index].saturating_add(nanos.saturating_mul(count));
    }

    /// Counts `count` events of that age; those from the future are counted as such and not measured.
    #[inline]
    pub fn record_age_n(&mut self, nanos: i64, count: u64) {
        match u64::try_from(nanos) {
            Ok(nanos) => self.record_n(Span::ExchangeAge, nanos, count),
            Err(_) => self.negative_ages += count,
        }
    }

    /// Adds all that `other` counted.
    pub fn merge(&mut self, other: &Self) {
        for (index, theirs) in other.spans.iter().enumerate() {
            if theirs.is_empty() {
                continue;
            }
            let added = self.spans[index].add(theirs);
            debug_assert!(added.is_ok(), "all histograms have the same bounds");
            self.sums_ns[index] = self.sums_ns[index].saturating_add(other.sums_ns[index]);
        }
        self.negative_ages += other.negative_ages;
    }

    /// Takes away what an earlier state of the same histograms had counted.
    pub fn subtract(&mut self, earlier: &Self) {
        for (index, theirs) in earlier.spans.iter().enumerate() {
            if theirs.is_empty() {
                continue;
            }
            let taken = self.spans[index].subtract(theirs);
            debug_assert!(taken.is_ok(), "an earlier state has not counted more");
            self.sums_ns[index] = self.sums_ns[index].saturating_sub(earlier.sums_ns[index]);
        }
        self.negative_ages = self.negative_ages.saturating_sub(earlier.negative_ages);
    }

    /// Forgets everything, and keeps the memory.
    pub fn clear(&mut self) {
        for histogram in &mut self.spans {
            if !histogram.is_empty() {
                histogram.reset();
            }
        }
        self.sums_ns = [0; Span::ALL.len()];
        self.negative_ages = 0;
    }

    /// How many values were counted.
    pub fn count(&self, span: Span) -> u64 {
        self.spans[span as usize].len()
    }

    /// Nanoseconds that this share of the values did not exceed; 0 when there are none.
    pub fn value(&self, span: Span, quantile: Quantile) -> u64 {
        match quantile {
            Quantile::Max => self.spans[span as usize].max(),
            _ => self.spans[span as usize].value_at_quantile(quantile.share()),
        }
    }

    /// How many values were at most `nanos`, to the histogram's 1 %.
    pub fn count_up_to(&self, span: Span, nanos: u64) -> u64 {
        self.spans[span as usize].count_between(0, nanos)
    }

    /// Sum of all values in nanoseconds.
    pub fn sum_ns(&self, span: Span) -> u64 {
        self.sums_ns[span as usize]
    }

    /// Events that the exchange dates after our own read of them.
    pub fn negative_ages(&self) -> u64 {
        self.negative_ages
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_takes_what_it_is_said_to_take() {
        let cells: usize = Histograms::new().spans.iter().map(Histogram::distinct_values).sum();
        let bytes = cells * size_of::<u64>();
        assert!(bytes <= Histograms::BYTES && bytes > Histograms::BYTES * 9 / 10, "{bytes}");
    }

    #[test]
    fn quantiles_are_within_one_percent_and_sums_exact() {
        let mut histograms = Histograms::new();
        for nanos in 1..=10_000 {
            histograms.record(Span::ReadParsed, nanos);
        }
        let median = histograms.value(Span::ReadParsed, Quantile::P50);
        assert!((4_950..=5_050).contains(&median), "{median}");
        assert_eq!(histograms.sum_ns(Span::ReadParsed), 50_005_000);
        assert_eq!(histograms.count(Span::ReadParsed), 10_000);
        assert_eq!(histograms.count(Span::KernelRead), 0);
    }

    #[test]
    fn a_value_beyond_the_bound_counts_as_the_bound() {
        let mut histograms = Histograms::new();
        histograms.record(Span::HostStall, u64::MAX);
        let longest = histograms.value(Span::HostStall, Quantile::Max);
        assert!((LATENCY_NS_MAX..2 * LATENCY_NS_MAX).contains(&longest), "{longest}");
        assert_eq!(histograms.count(Span::HostStall), 1);
    }

    #[test]
    fn an_age_below_zero_is_counted_and_not_measured() {
        let mut histograms = Histograms::new();
        histograms.record_age_n(-1, 1);
        histograms.record_age_n(7, 1);
        assert_eq!(histograms.negative_ages(), 1);
        assert_eq!(histograms.count(Span::ExchangeAge), 1);
    }

    #[test]
    fn subtracting_leaves_what_came_later() {
        let mut earlier = Histograms::new();
        earlier.record_n(Span::ReadParsed, 1_000_000, 10);
        let mut later = earlier.clone();
        later.record_n(Span::ReadParsed, 100, 3);
        later.record_age_n(-1, 1);
        later.subtract(&earlier);
        assert_eq!(later.count(Span::ReadParsed), 3);
        assert_eq!(later.value(Span::ReadParsed, Quantile::Max), 100);
        assert_eq!(later.sum_ns(Span::ReadParsed), 300);
        assert_eq!(later.negative_ages(), 1);
    }

    #[test]
    fn merging_adds_and_clearing_forgets() {
        let mut first = Histograms::new();
        first.record_n(Span::PushedPopped, 100, 3);
        first.record_age_n(-5, 1);
        let mut sum = first.clone();
        sum.merge(&first);
        assert_eq!(sum.count(Span::PushedPopped), 6);
        assert_eq!(sum.sum_ns(Span::PushedPopped), 600);
        assert_eq!(sum.negative_ages(), 2);
        sum.clear();
        assert_eq!(sum.count(Span::PushedPopped), 0);
        assert_eq!(sum.sum_ns(Span::PushedPopped), 0);
        assert_eq!(sum.negative_ages(), 0);
    }
}
