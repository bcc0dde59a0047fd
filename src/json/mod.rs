//! How any frame is read: in place where its shape is known, by simd-json otherwise. Knows no
//! exchange.

mod date;
mod padded;
pub mod scan;
mod tape;

pub use date::{Minute, date};
pub use padded::PaddedFrame;
pub use tape::{Fields, Items, JsonReader, NotJson, Value};
