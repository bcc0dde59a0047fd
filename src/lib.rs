//! tickwire: a market-data feed handler and WebSocket gateway.
//!
//! ```text
//!  exchanges ──wss──▶ FEED THREAD (one per exchange, pinned)      BROADCASTER THREAD (pinned) ──ws──▶ clients
//!                     socket ▶ frame ▶ parse ▶ tick ──▶ ring ──▶ cache ▶ fan-out ▶ encode ▶ outbox
//!                               ▲ commands                        ▲ commands
//!                               └───────────── CONTROL THREAD ────┘
//!                        config · accept · supervise · metrics · latency budget
//! ```
//!
//! The upper two threads are the data plane: they never block and own all they touch. The rest is
//! the control plane. The planes meet only in rings, in commands and in counters.

pub mod limits;
pub mod printable;

pub mod clock;
pub mod tick;

pub mod capture;
pub mod instrument;

pub mod book;
pub mod cache;
pub mod json;
pub mod latency;
pub mod metrics;
pub mod net;
pub mod ring;

pub mod client;
pub mod dialect;
pub mod exchange;

pub mod broadcast;
pub mod decode;
pub mod feed;
pub mod proof;
pub mod sim;

pub mod config;
pub mod control;

pub mod gateway;

pub mod verify;
pub mod watch;

#[doc(hidden)]
pub mod fuzzing;
