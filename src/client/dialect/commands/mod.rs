//! Dialect 2, commands: `{"type":"command",…}` in, `response`, `tick` and candle events out.

pub mod encode;
mod request;
#[cfg(test)]
mod tests;

pub use request::Command;
pub(super) use request::read;
