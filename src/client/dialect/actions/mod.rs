//! Dialect 1, native JSON: `{"action":…}` in, `{"type":…,"data":…}` out.

pub mod encode;
mod request;
#[cfg(test)]
mod tests;

pub use request::{History, Request, ResumePoint, Subscribe, Unsubscribe};
pub(super) use request::{read, read_names};
