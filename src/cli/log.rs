//! Logs: lines on standard error, filtered by `TICKWIRE_LOG` (`info` where it is not set).

use std::io::{self, IsTerminal, Write};

use tickwire::metrics::log_line_dropped;
use tracing_subscriber::EnvFilter;

/// Starts logging, once.
pub(crate) fn start() {
    let filter = EnvFilter::try_from_env("TICKWIRE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_writer(|| StandardError)
        .with_ansi(io::stderr().is_terminal())
        .log_internal_errors(false)
        .init();
}

/// Standard error, which may be closed, full or gone: a line that it does not take is dropped and
/// counted, and nobody fails for it.
struct StandardError;

impl Write for StandardError {
    /// Takes a whole line.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if io::stderr().lock().write_all(line).is_err() {
            log_line_dropped();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
