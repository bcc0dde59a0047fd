//! Load on an embedded exchange, to clients on real sockets that check what they get and measure it
//! from the time at which it was planned to be sent.

mod load;
mod measure;
mod print;
mod socket;
mod swarm;
pub use load::{canonical, clients, config, exchange};
pub use measure::{Join, missing_at_the_end, wait_until_quiet};
pub use print::Speech;
pub use swarm::{Sample, Swarm, SwarmOptions, Tally};
