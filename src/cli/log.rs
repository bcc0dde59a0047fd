//! Logs: lines on standard error, filtered by `TICKWIRE_LOG` (`info` where it is not set).

use tracing_subscriber::EnvFilter;

/// Starts logging, once.
pub(crate) fn start() {
    let filter = EnvFilter::try_from_env("TICKWIRE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .init();
}
