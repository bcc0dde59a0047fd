//! `tickwire watch`

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use tickwire::watch::{WatchOptions, run};

use super::{signals, tell};

#[derive(Debug, Args)]
pub(super) struct WatchArguments {
    /// The gateway, like ws://127.0.0.1:8080.
    url: String,
    /// Symbols (BTC/USDT), instruments (binance:BTC/USDT) or * for all.
    #[arg(required = true)]
    symbols: Vec<String>,
    /// trades, quotes, ticker, orderbook, candles or status; repeatable.
    #[arg(long = "channel", value_name = "C", default_value = "trades")]
    channels: Vec<String>,
    /// Of candles: 1s, 1m, 5m, 15m, 1h, 4h or 1d.
    #[arg(long)]
    interval: Option<String>,
    /// Of order books: how many levels of each side.
    #[arg(long)]
    depth: Option<u32>,
    /// Events as they come, one JSON a line.
    #[arg(long)]
    json: bool,
    /// A certificate authority to trust besides the system's, as PEM.
    #[arg(long, value_name = "FILE")]
    tls_ca_file: Option<PathBuf>,
}

/// Prints what the gateway tells until it is asked to stop.
pub(super) fn watch(arguments: WatchArguments) -> anyhow::Result<ExitCode> {
    let stop = signals::stop_flag().context("cannot listen for signals")?;
    let options = WatchOptions {
        symbols: arguments.symbols,
        channels: arguments.channels,
        interval: arguments.interval,
        depth: arguments.depth,
        json: arguments.json,
        tls_ca_file: arguments.tls_ca_file,
        ..WatchOptions::new(arguments.url)
    };
    match run(&options, &stop, &mut std::io::stdout().lock()) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            tell(format_args!("tickwire: {error}"));
            Ok(ExitCode::from(error.exit_code()))
        }
    }
}
