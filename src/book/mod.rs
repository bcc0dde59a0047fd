//! The book of one instrument: both sides, sorted, exact.
