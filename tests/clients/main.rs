//! Clients that others wrote, unmodified, against the simulated exchanges: what they read is
//! compared with what the market really did.
//!
//! ccxt is told the addresses of a simulator and nothing else. It runs in a process of its own
//! (`bridge.py`), at the version of `requirements.txt`, from the folder that `install` makes. An
//! exchange is a file here with its [`checks::Case`].

mod binance;
mod bridge;
mod bybit;
mod checks;
mod coinbase;
mod kraken;
mod okx;
mod right;
