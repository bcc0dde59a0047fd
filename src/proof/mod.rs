//! What an exchange's own words prove: that no frame of a connection is missing, no trade of an
//! instrument, no change of a book. Driven by parsed batches and a clock, never by a socket, so
//! that a feed, `decode` and the fuzz targets judge by the same rules.

mod books;
mod gap;
mod sequence;

pub use books::{Applied, BookCounts, Books, Joined, LossShows, Needed};
pub(crate) use gap::{Left, LossTold, Numbers, Source, Verdict};
pub use gap::{RecordedState, RecordedTrades};
pub use sequence::{ConnectionSequence, SequenceStep};
