//! Stages of a tick's path, their histograms, and the verdict against a budget.
//!
//! A data-plane thread owns a [`Recorder`] and records each [`Span`] that ends with it. Once a
//! second it swaps its filled [`Histograms`] for an empty set, through queues that neither block
//! nor allocate; the [`Collector`] at the other end, on the control side, merges what arrives.

mod budget;
mod histograms;
mod recorder;
mod report;
mod stage;
mod stall;

pub use budget::{Allowance, Budget, BudgetError, BudgetWatch, Judged, Verdict, judge, overall};
pub use histograms::{Histograms, Quantile};
pub use recorder::{Collector, Recorder, recorder};
pub use report::{Report, time};
pub use stage::{Span, Stage};
pub use stall::StallProbe;
