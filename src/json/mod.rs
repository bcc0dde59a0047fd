//! How any frame is read: in place where its shape is known, by simd-json otherwise. Knows no
//! exchange.

mod padded;

pub use padded::PaddedFrame;
