//! The control thread: accepts, resolves, requests, supervises, answers the admin port.

mod accept;

pub use accept::{AcceptHandle, AcceptOptions, Acceptor};
