//! A frame with room after it.

use crate::limits::FRAME_PADDING;

/// One frame's bytes, followed by [`FRAME_PADDING`] bytes that may be read (their content is
/// undefined) so that vector loads need no bounds of their own.
#[derive(Debug)]
pub struct PaddedFrame<'a> {
    buffer: &'a mut [u8],
    length: usize,
}

impl<'a> PaddedFrame<'a> {
    /// The frame in the first `length` bytes of `buffer`; the padding is what follows.
    ///
    /// # Panics
    /// When fewer than [`FRAME_PADDING`] bytes follow.
    #[inline]
    pub fn new(buffer: &'a mut [u8], length: usize) -> Self {
        assert!(buffer.len() >= length + FRAME_PADDING, "a frame needs its padding");
        Self { buffer, length }
    }

    /// The frame.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        &self.buffer[..self.length]
    }

    /// The frame and at least [`FRAME_PADDING`] bytes after it.
    #[inline]
    pub fn padded(&self) -> &[u8] {
        self.buffer
    }

    /// The same, to be parsed in place (which destroys it), with the frame's length.
    #[inline]
    pub fn into_padded(self) -> (&'a mut [u8], usize) {
        (self.buffer, self.length)
    }
}
