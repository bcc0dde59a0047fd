//! Clients that others wrote, unmodified, against the simulated exchanges: what they read is
//! compared with what the market really did.
//!
//! ccxt, and python-deriv-api for the exchange that ccxt does not know, are told the addresses of a
//! simulator and nothing else. They run in a process of their own (`bridge.py`), at the versions of `requirements.txt`, from the folder that `install` makes. An
//! exchange is a file here with its [`checks::Case`].

mod binance;
mod bridge;
mod bybit;
mod checks;
mod coinbase;
mod deriv;
mod kraken;
mod okx;
mod right;
