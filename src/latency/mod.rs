//! Stages of a tick's path, their histograms, and the verdict against a budget.
