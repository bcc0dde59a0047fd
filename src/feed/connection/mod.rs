//! One connection to an exchange: how it is made, what is asked on it, and how it is known to live.
//!
//! ```text
//! upstream   resolve ▶ dial ▶ upgrade ▶ open ▶ lost, wait      under attempts, circuit, holes
//!   open       what an open connection is made of
//!     subscribing   requests and their answers                 under pacing, patience
//!     pulse         is the exchange still there                 rhythm, flow: does each stream go on
//!     chatter       does it say much and bring nothing
//! ```

pub(super) mod attempts;
pub(super) mod chatter;
pub(super) mod circuit;
pub(super) mod flow;
mod holes;
pub(super) mod open;
pub(super) mod pacing;
pub(super) mod patience;
pub(super) mod pulse;
pub(super) mod rhythm;
pub(super) mod subscribing;
pub(super) mod upstream;
