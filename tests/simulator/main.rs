//! The simulated exchange as a plain client sees it: protocol, limits, consistency, faults.

mod bybit;
#[path = "../common/captures.rs"]
#[allow(dead_code, reason = "each test binary uses its own part")]
mod captures;
mod client;
mod coinbase;
mod deriv;
mod faults;
mod kraken;
mod kraken_first;
mod lifecycle;
mod market;
mod okx;
mod playback;
mod protocol;
mod started;
