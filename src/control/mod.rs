//! The control thread: accepts, resolves, requests, supervises, answers the admin port.

mod accept;
mod admin;

pub use accept::{AcceptHandle, AcceptOptions, Acceptor};
pub use admin::{Admin, AdminError};
