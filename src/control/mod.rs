//! The control thread: accepts, resolves, requests, supervises, answers the admin port.

mod accept;
mod admin;
mod ledger;
mod requests;
mod resolve;
mod supervise;

pub use accept::{AcceptHandle, AcceptOptions, Acceptor};
pub use admin::{Admin, AdminError};
pub use supervise::{SupervisedFeed, Supervision, Supervisor};
