//! The control thread: accepts, resolves, requests, supervises, answers the admin port.

mod accept;
mod admin;
mod complaints;
mod directory;
mod guarded;
mod ledger;
mod lists;
mod requests;
mod resolve;
mod rest;
mod shortage;
mod supervise;
mod words;

pub use accept::{AcceptHandle, AcceptOptions, Acceptor};
pub use admin::{Admin, AdminError};
pub use directory::{Directory, Standing};
pub use lists::{ListSource, NotAsked};
pub use supervise::{Carriage, SupervisedFeed, Supervision, Supervisor};
