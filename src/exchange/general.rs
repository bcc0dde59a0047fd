//! What the general paths of all adapters have in common.

use super::{Batch, Frame, Rejected};
use crate::json::{JsonReader, NotJson, PaddedFrame, Value};
use crate::limits::FRAME_PADDING;

/// What came of a frame that a general parser read into `batch`: on an error nothing stays of it but
/// whose book it was, where that was found out.
pub(super) fn outcome(
    read: Result<Result<Frame, Rejected>, NotJson>,
    batch: &mut Batch,
) -> Result<Frame, Rejected> {
    let outcome = read.unwrap_or(Err(Rejected::NotJson));
    let suspect = batch.suspect.take();
    if outcome.is_err() {
        batch.clear();
        batch.suspect = suspect;
    }
    outcome
}

/// Lets `visit` walk a frame for the symbols in it; a frame that is no JSON names none, and
/// `parse` will reject it.
pub(super) fn walk(frame: &[u8], visit: impl FnOnce(Value<'_>)) {
    let mut bytes = frame.to_vec();
    bytes.resize(frame.len() + FRAME_PADDING, 0);
    let frame = PaddedFrame::new(&mut bytes, frame.len());
    let _ = JsonReader::new().read(frame, visit);
}
