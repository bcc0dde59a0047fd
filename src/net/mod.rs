//! Bytes only: polling, TCP, TLS, WebSocket handshakes and frames, backoff. No line here could
//! tell a trade from a heartbeat.
//!
//! ```text
//!  Transport::connect ─▶ advance ─▶ ClientHandshake ─▶ advance ─▶ WebSocket ─▶ fill, next, flush
//!  Transport::accept  ─▶ advance ─▶ ServerHandshake ─▶ advance ─▶ WebSocket ─▶ fill, next, flush
//! ```
//!
//! Nothing here blocks and nothing here knows the time: whoever calls sets the deadlines.
//! Sockets are registered once, edge triggered, for reading and writing both; so a reader goes on
//! until it is told [`Fill::Blocked`], or remembers that it stopped before. One that will not read for
//! a while may say so ([`Watch`]), and is then not woken by what comes.

mod backoff;
mod buffer;
mod control;
mod endpoint;
mod error;
mod frame;
pub mod fuzzing;
mod handshake;
mod poll;
mod socket;
mod tls;
mod transport;
mod waiting;
mod websocket;

pub use backoff::{Backoff, BackoffPolicy};
pub use endpoint::{Endpoint, join, port};
pub use error::{NetError, Refusal};
pub use frame::{MAX_HEADER_BYTES, OpCode, frame_header};
pub use handshake::{ClientHandshake, HttpRequest, ServerHandshake, ServerStep, Step};
pub use poll::Poller;
pub use tls::{check_authorities, client_config, pinned_config, server_config};
pub use transport::{Security, Transport, Watch};
pub use waiting::Waiting;
pub use websocket::{Bounds, Fill, Flush, Message, Role, WebSocket};
