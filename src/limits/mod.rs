//! Every bound of the program in one place, with its arithmetic in words.
//!
//! Reaching a bound is a defined, counted behaviour; the item's text says which.

mod accept;
mod broadcast;
mod cli;
mod client;
mod control;
mod exchange;
mod feed;
mod market;
mod net;
mod proof;
mod verify;

pub use accept::*;
pub use broadcast::*;
pub use cli::*;
pub use client::*;
pub use control::*;
pub use exchange::*;
pub use feed::*;
pub use market::*;
pub use net::*;
pub use proof::*;
pub use verify::*;
