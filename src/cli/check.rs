//! `tickwire check`

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use tickwire::config::{Config, FeedConfig, effective};
use tickwire::control::{Directory, Standing};
use tickwire::exchange::profile;
use tickwire::gateway::{Footprint, list_source};
use tickwire::instrument::Symbol;

use super::output::{print, tell};
use super::{COULD_NOT_RUN, WrongUse};

/// A symbol is not listed.
const FAILED: u8 = 1;

/// Prints the effective configuration and the memory that it takes; an invalid one is an error with
/// exit code 2.
pub(super) fn check(path: &Path) -> anyhow::Result<ExitCode> {
    let config = Config::load(path)?;
    let footprint = Footprint::of(&config).map_err(|error| WrongUse(error.to_string()))?;
    print(format_args!("{}\n{}\n", effective(&config), footprint.table().trim_end()))?;
    for feed in &config.feeds {
        for symbol in &feed.symbols {
            if let Some(pair) = meant(feed, symbol) {
                let exchange = feed.exchange;
                tell(format_args!(
                    "{exchange}: \"{symbol}\" is taken as the exchange's own name; if the pair is \
                     meant, write \"{pair}\" (--online asks the exchange)"
                ));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The pair that was perhaps meant.
fn meant(feed: &FeedConfig, symbol: &Symbol) -> Option<Symbol> {
    match symbol.parts() {
        Some(_) => None,
        None => profile(feed.exchange).likely_pair(symbol.as_str()),
    }
}

/// Asks each exchange what it trades, and prints what becomes of each symbol. Exit code 0 when all
/// are listed, 1 when one is not, 3 when that could not be found out.
pub(super) fn check_online(path: &Path) -> anyhow::Result<ExitCode> {
    let config = Config::load(path)?;
    let (mut is_failed, mut is_unasked) = (false, false);
    for feed in &config.feeds {
        let native = profile(feed.exchange).native_symbol;
        let natives: Vec<_> = feed.symbols.iter().filter_map(native).collect();
        let natives: Vec<&str> = natives.iter().map(|native| &**native).collect();
        match list_source(feed).ask(&natives) {
            Ok(directory) => {
                let (lines, all) = judge(feed, &directory);
                is_failed |= !all;
                print(format_args!("{lines}"))?;
            }
            Err(error) => {
                is_unasked = true;
                tell(format_args!("tickwire: {error}"));
            }
        }
    }
    Ok(match (is_failed, is_unasked) {
        (true, _) => ExitCode::from(FAILED),
        (false, true) => ExitCode::from(COULD_NOT_RUN),
        (false, false) => ExitCode::SUCCESS,
    })
}

/// One line for each symbol, and whether all are listed.
fn judge(feed: &FeedConfig, directory: &Directory) -> (String, bool) {
    let exchange = feed.exchange;
    let (mut lines, mut all) = (String::new(), true);
    for symbol in &feed.symbols {
        let Some(guess) = (profile(exchange).native_symbol)(symbol) else { continue };
        let told = match directory.find(symbol, &guess) {
            Standing::Listed(listing) => {
                let native = listing.instrument.native;
                let idle = if listing.trading { "" } else { ", not trading now" };
                format!("ok ({native}{idle})")
            }
            Standing::Several(natives) => {
                all = false;
                format!("unknown; the exchange lists several of that name: {}", natives.join(", "))
            }
            Standing::Unlisted | Standing::Untold => {
                all = false;
                let nearest = directory.nearest(symbol, &guess);
                let nearest: Vec<&str> = nearest.iter().map(Symbol::as_str).collect();
                match nearest[..] {
                    [] => "unknown".to_owned(),
                    _ => format!("unknown; nearest: {}", nearest.join(", ")),
                }
            }
        };
        // Writing into a String does not fail.
        let _ = writeln!(lines, "{exchange}:{symbol} {told}");
    }
    (lines, all)
}
