//! Simulated exchanges on real sockets: HTTP and WebSocket on one port, plain or over TLS, each
//! with its exchange's real protocol, limits and manners, a market that is consistent in all its
//! streams, and faults on demand.
//!
//! ```text
//!  server ── bytes, HTTP, frames, timers, faults of connections
//!    └─ exchange ── clients, what is due, what is played; drives any of them
//!         ├─ binance, … ── its words: commands, channels, frames, schedule, rest, listing
//!         ├─ fanout ── who gets which stream
//!         ├─ market ── books, takers, trades, candles; no protocol, no clock
//!         └─ player ── or the frames of a capture instead
//! ```

mod agenda;
mod arguments;
mod armed;
mod binance;
mod by_hand;
mod bybit;
mod candle;
mod coinbase;
mod connection;
mod date;
mod deriv;
mod exchange;
mod fanout;
mod fault;
mod http;
mod kraken;
mod listing;
mod market;
mod okx;
mod options;
mod player;
mod random;
mod rate;
mod resting;
mod server;
mod shift;
mod simulator;
mod speaker;
mod stats;
mod tamper;
mod transport;
mod truth;
mod wires;
mod write;

pub use arguments::Arguments;
pub use by_hand::ByHand;
pub use fault::{Fault, FaultError, FaultSpec, Of};
pub use listing::UnknownSymbol;
pub use options::{CaptureEnd, Era, Options, Playback, Speed};
pub use resting::BookSide;
pub use simulator::{SimError, Simulator, Stopped, is_simulated, run_command};
pub use stats::Stats;
pub use truth::{PastBook, TrueBar, TrueBook, TrueTrade, Truth, level_print};
