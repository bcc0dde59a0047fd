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
//!
//! # As a library
//!
//! A program may run a gateway inside itself: a [`Config`] says what to serve, [`Gateway::start`]
//! starts the threads, clients connect to [`Gateway::url`] as to any other gateway. The simulated
//! exchanges of [`sim`] come along, so that a program can be tested without the internet:
//!
//! ```
//! use tickwire::clock::Clock;
//! use tickwire::config::Config;
//! use tickwire::gateway::Gateway;
//! use tickwire::instrument::ExchangeId;
//! use tickwire::sim::{Options, Simulator};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let exchange = Simulator::start(Options::new(ExchangeId::Binance))?;
//! let config = Config::parse(
//!     &format!(
//!         r#"
//!         [gateway]
//!         listen = "127.0.0.1:0"
//!         [admin]
//!         listen = "127.0.0.1:0"
//!         [[feed]]
//!         exchange = "binance"
//!         symbols = ["BTC/USDT"]
//!         channels = ["trades"]
//!         url = "{}"
//!         rest_url = "{}"
//!         "#,
//!         exchange.url(),
//!         exchange.rest_url(),
//!     ),
//!     None,
//!     [],
//! )?;
//! let gateway = Gateway::start(&config, Clock::real())?;
//!
//! let (mut client, _) = tungstenite::connect(gateway.url())?;
//! client.send(tungstenite::Message::text(
//!     r#"{"action":"subscribe","symbols":["BTC/USDT"],"channels":["trades"]}"#,
//! ))?;
//! let trade = loop {
//!     let message = client.read()?.into_text()?.to_string();
//!     if message.contains(r#""type":"trade""#) {
//!         break message;
//!     }
//! };
//! assert!(trade.contains("BTC/USDT"));
//!
//! let report = gateway.stop();
//! assert!(!report.judged().is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! What the documentation shows is what other programs may build on. The rooms behind it are open
//! for this crate's own binary, tests and benches alone, and change without notice.

// What other programs build on.
pub mod clock;
pub mod config;
pub mod gateway;
pub mod instrument;
pub mod sim;
pub mod tick;

#[doc(inline)]
pub use cache::{CandleSource, HistoryBounds};
#[doc(inline)]
pub use config::Config;
#[doc(inline)]
pub use gateway::Gateway;
#[doc(inline)]
pub use latency::{Budget, BudgetError, Judged, Report, Verdict};
#[doc(inline)]
pub use net::{BackoffPolicy, Waiting};

// The rooms, for the binary, the tests, the benches and the fuzz targets of this crate.
#[doc(hidden)]
pub mod book;
#[doc(hidden)]
pub mod broadcast;
#[doc(hidden)]
pub mod cache;
#[doc(hidden)]
pub mod capture;
#[doc(hidden)]
pub mod client;
#[doc(hidden)]
pub mod control;
#[doc(hidden)]
pub mod decode;
#[doc(hidden)]
pub mod dialect;
#[doc(hidden)]
pub mod exchange;
#[doc(hidden)]
pub mod feed;
#[doc(hidden)]
pub mod fuzzing;
#[doc(hidden)]
pub mod json;
#[doc(hidden)]
pub mod latency;
#[doc(hidden)]
pub mod limits;
#[doc(hidden)]
pub mod metrics;
#[doc(hidden)]
pub mod net;
#[doc(hidden)]
pub mod printable;
#[doc(hidden)]
pub mod proof;
#[doc(hidden)]
pub mod ring;
#[doc(hidden)]
pub mod verify;
#[doc(hidden)]
pub mod watch;
