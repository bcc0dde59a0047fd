//! Stages of a tick's path, their histograms, and the verdict against a budget.
//!
//! A data-plane thread owns a [`Recorder`] and records each [`Span`] that ends with it. Once a
//! second it swaps its filled [`Histograms`] for an empty set, through queues that neither block
//! nor allocate; the [`Collector`] at the other end, on the control side, merges what arrives.

mod histograms;
mod recorder;
mod stage;

pub use histograms::{Histograms, Quantile};
pub use recorder::{Collector, Recorder, recorder};
pub use stage::{Span, Stage};
