//! Frames of OKX, and its list of instruments.

use super::frames::{both_paths, rest};
use crate::exchange::okx::Okx;
use crate::instrument::ExchangeId;

/// Frames as OKX's, one a line: which channel makes a book was said before.
///
/// # Panics
/// When the recognisers and the general path read different things, when a refused frame leaves
/// something in the batch, or when the proof of books fails on what was read.
pub fn okx_parse(text: &[u8]) {
    both_paths(text, Okx::new, Okx::parse_general);
}

/// A body that answers a request for the list of instruments.
///
/// # Panics
/// When a listing is another exchange's, or a wait would never end.
pub fn okx_rest(body: &[u8]) {
    rest(ExchangeId::Okx, body);
}
