//! How any frame is read: in place where its shape is known, by simd-json otherwise. Knows no
//! exchange.

mod date;
mod padded;
mod retry_after;
pub mod scan;
mod tape;

pub use date::{Minute, date};
pub use padded::PaddedFrame;
pub use retry_after::{http_date, retry_after};
pub use tape::{Fields, Items, JsonReader, NotJson, Value};
