//! The latency budget: what each span may take, and the verdict on what it took.

use std::collections::BTreeMap;

use serde::Serialize;

use super::histograms::{Histograms, Quantile};
use super::stage::Span;
use crate::limits;

/// One line of a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Of what.
    pub span: Span,
    /// At which point of its distribution.
    pub quantile: Quantile,
    /// At most.
    pub nanos: u64,
}

/// What is allowed: span × quantile ▶ nanoseconds, in the order of the path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    allowances: Vec<Allowance>,
}

/// A budget that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BudgetError {
    /// No TOML of the expected shape.
    #[error("the budget is not a table of spans with quantiles in nanoseconds: {problem}")]
    Shape {
        /// What the TOML parser says, with line and column.
        problem: String,
    },
    /// A span that does not exist.
    #[error("`{name}` is no span; use one of {}", names(&Span::ALL.map(Span::name)))]
    Span {
        /// As written.
        name: String,
    },
    /// A quantile that does not exist.
    #[error(
        "`{name}` is no quantile; use one of {}",
        names(&Quantile::ALL.map(Quantile::name))
    )]
    Quantile {
        /// As written.
        name: String,
    },
    /// A key of the configuration that is no span and quantile.
    #[error("`{name}` is not `span_quantile`, such as `socket_to_ring_p99`")]
    Key {
        /// As written.
        name: String,
    },
    /// A time that is not positive, or absurd.
    #[error("{key} = {value} is not between 1 ns and one hour")]
    Time {
        /// Which line.
        key: String,
        /// As written.
        value: String,
    },
    /// It allows everything.
    #[error("the budget states no allowance, so nothing could ever be over it")]
    Empty,
}

fn names(all: &[&str]) -> String {
    all.join(", ")
}

impl Budget {
    /// Reads a budget file: a table per span, its quantiles in nanoseconds.
    ///
    /// ```toml
    /// [socket_to_ring]
    /// p50 = 2_000
    /// p99 = 20_000
    /// ```
    ///
    /// # Errors
    /// See [`BudgetError`]; each names what to change.
    pub fn parse(text: &str) -> Result<Self, BudgetError> {
        let tables: BTreeMap<String, BTreeMap<String, i64>> = toml::from_str(text)
            .map_err(|error| BudgetError::Shape { problem: error.to_string() })?;
        let mut budget = Self::default();
        for (span_name, quantiles) in tables {
            let span = Span::from_name(&span_name)
                .ok_or_else(|| BudgetError::Span { name: span_name.clone() })?;
            for (name, nanos) in quantiles {
                let quantile = Quantile::from_name(&name)
                    .ok_or_else(|| BudgetError::Quantile { name: name.clone() })?;
                let key = || format!("{span_name}.{name}");
                budget.allow(span, quantile, nanos as f64, key)?;
            }
        }
        if budget.allowances.is_empty() { Err(BudgetError::Empty) } else { Ok(budget) }
    }

    /// Reads the keys of the configuration's `[budget]`: `socket_to_ring_p99`, in microseconds.
    /// No key at all is a budget that allows everything.
    ///
    /// # Errors
    /// See [`BudgetError`].
    pub fn from_micros<'a>(
        keys: impl IntoIterator<Item = (&'a str, f64)>,
    ) -> Result<Self, BudgetError> {
        let mut budget = Self::default();
        for (key, micros) in keys {
            let (span, quantile) = key
                .rsplit_once('_')
                .and_then(|(span, quantile)| {
                    Some((Span::from_name(span)?, Quantile::from_name(quantile)?))
                })
                .ok_or_else(|| BudgetError::Key { name: key.to_owned() })?;
            budget.allow(span, quantile, micros * 1e3, || key.to_owned())?;
        }
        Ok(budget)
    }

    /// The same as [`Budget::from_micros`] reads it.
    pub fn micros(&self) -> BTreeMap<String, f64> {
        let key = |one: &Allowance| format!("{}_{}", one.span.name(), one.quantile.name());
        self.allowances.iter().map(|one| (key(one), one.nanos as f64 / 1e3)).collect()
    }

    fn allow(
        &mut self,
        span: Span,
        quantile: Quantile,
        nanos: f64,
        key: impl Fn() -> String,
    ) -> Result<(), BudgetError> {
        if !(1.0..=limits::BUDGET_NS_MAX as f64).contains(&nanos) {
            return Err(BudgetError::Time { key: key(), value: format!("{nanos} ns") });
        }
        self.allowances.push(Allowance { span, quantile, nanos: nanos as u64 });
        self.allowances.sort_by_key(|allowance| (allowance.span, allowance.quantile));
        Ok(())
    }

    /// The budget that is built in: `perf/budget.toml`, meant for a small and noisy machine.
    pub fn built_in() -> Self {
        Self::parse(include_str!("../../perf/budget.toml")).expect("a test reads the same file")
    }

    /// What it states of some spans alone.
    #[must_use]
    pub fn of(&self, wanted: impl Fn(Span) -> bool) -> Self {
        let allowances = self.allowances.iter().filter(|allowance| wanted(allowance.span));
        Self { allowances: allowances.copied().collect() }
    }

    /// All that it states, in the order of the path.
    pub fn allowances(&self) -> &[Allowance] {
        &self.allowances
    }

    /// What it allows there; `None` where it says nothing.
    pub fn allowed(&self, span: Span, quantile: Quantile) -> Option<u64> {
        self.allowances
            .iter()
            .find(|allowance| allowance.span == span && allowance.quantile == quantile)
            .map(|allowance| allowance.nanos)
    }
}

/// How something measured stands to what is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// At most what is allowed.
    Within,
    /// More than is allowed.
    Over,
    /// Too few samples to say.
    Unmeasured,
}

impl Verdict {
    /// As reports spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Within => "within",
            Self::Over => "over",
            Self::Unmeasured => "unmeasured",
        }
    }

    /// The exit code that `verify` ends with.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Within => 0,
            Self::Over => 1,
            Self::Unmeasured => 2,
        }
    }
}

/// The verdict on one line of a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    /// What was allowed.
    pub allowance: Allowance,
    /// What was measured; means nothing when `verdict` is `Unmeasured`.
    pub nanos: u64,
    /// Of how many samples.
    pub samples: u64,
    /// How they compare.
    pub verdict: Verdict,
}

/// The verdict on every line of the budget, in its order.
pub fn judge(histograms: &Histograms, budget: &Budget) -> Vec<Judged> {
    budget
        .allowances
        .iter()
        .map(|&allowance| {
            let samples = histograms.count(allowance.span);
            let nanos = histograms.value(allowance.span, allowance.quantile);
            let verdict = if samples < allowance.quantile.samples_min() {
                Verdict::Unmeasured
            } else if nanos <= allowance.nanos {
                Verdict::Within
            } else {
                Verdict::Over
            };
            Judged { allowance, nanos, samples, verdict }
        })
        .collect()
}

/// The verdict on the whole: over when any line is, unmeasured when any other could not be judged.
pub fn overall(judged: &[Judged]) -> Verdict {
    let any = |verdict| judged.iter().any(|line| line.verdict == verdict);
    if any(Verdict::Over) {
        Verdict::Over
    } else if judged.is_empty() || any(Verdict::Unmeasured) {
        Verdict::Unmeasured
    } else {
        Verdict::Within
    }
}

/// Counts, while the program runs, in how many windows each line of the budget was exceeded.
#[derive(Clone, Debug, Default)]
pub struct BudgetWatch {
    budget: Budget,
    /// Beside each allowance of `budget`.
    breaches: Vec<u64>,
    /// Windows judged.
    windows: u64,
}

impl BudgetWatch {
    /// Watches over `budget`.
    pub fn new(budget: Budget) -> Self {
        let breaches = vec![0; budget.allowances.len()];
        Self { budget, breaches, windows: 0 }
    }

    /// Judges what one window measured; a line with too few samples is no breach.
    pub fn judge_window(&mut self, window: &Histograms) {
        self.windows += 1;
        for (count, line) in self.breaches.iter_mut().zip(judge(window, &self.budget)) {
            *count += u64::from(line.verdict == Verdict::Over);
        }
    }

    /// Every line with the number of windows in which it was exceeded.
    pub fn breaches(&self) -> impl Iterator<Item = (Allowance, u64)> + '_ {
        self.budget.allowances.iter().copied().zip(self.breaches.iter().copied())
    }

    /// Windows judged so far.
    pub fn windows(&self) -> u64 {
        self.windows
    }

    /// What it watches over.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }
}
