//! The simulated exchange as a plain client sees it: protocol, limits, consistency, faults.

mod client;
mod faults;
mod lifecycle;
mod market;
mod playback;
mod protocol;
