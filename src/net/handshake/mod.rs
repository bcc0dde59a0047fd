//! The HTTP exchange that opens a WebSocket, of either side, without blocking.
//!
//! The heads are read here, up to their empty line and no further than a bound, so that what
//! follows (the first frames) stays ours. What they say is tungstenite's to write and to judge.

mod client;
mod head;
mod server;

pub use client::ClientHandshake;
pub use server::{HttpRequest, ServerHandshake, ServerStep};

/// How far something came that takes several turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It waits for the socket, whichever way.
    Pending,
    /// It is done.
    Done,
}
