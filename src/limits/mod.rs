//! Every bound of the program in one place, with its arithmetic in words.
//!
//! Reaching a bound is a defined, counted behaviour; the item's text says which. What nobody could choose
//! (a format, a protocol, what an exchange does) stands where it is used, its text begins with `Fact:`,
//! and `tests/tidy.rs` knows it by that.

mod accept;
mod broadcast;
mod cli;
mod client;
mod connection;
mod control;
mod exchange;
mod feed;
mod market;
mod net;
mod proof;
mod sim;
mod verify;

pub use accept::*;
pub use broadcast::*;
pub use cli::*;
pub use client::*;
pub use connection::*;
pub use control::*;
pub use exchange::*;
pub use feed::*;
pub use market::*;
pub use net::*;
pub use proof::*;
pub use sim::*;
pub use verify::*;
