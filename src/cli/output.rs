//! Standard output and standard error as every command uses them.
//!
//! A reader that goes away (`| head`) ends nothing but the output, quietly. An output that fails
//! otherwise, such as on a full disk, is told with an exit code of its own.

use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::sync::Arc;
use std::time::Instant;

use super::log;
use super::outlet::Outlet;
use tickwire::limits::OUTPUT_DRAIN_MAX;
use tickwire::metrics::output_write_failed;
use tickwire::printable::printable_lines;

/// Standard output cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("standard output cannot be written: {0}; make room, or write somewhere else")]
pub(crate) struct OutputError(io::Error);

/// Standard output, whose failures are told from all others.
pub(super) struct Out;

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        named(io::stdout().lock().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        named(io::stdout().lock().flush())
    }
}

fn named<T>(result: io::Result<T>) -> io::Result<T> {
    result.map_err(|error| match error.kind() {
        // Tried again by whoever writes.
        ErrorKind::Interrupted => error,
        ErrorKind::BrokenPipe => {
            output_write_failed();
            error
        }
        _ => {
            output_write_failed();
            io::Error::other(OutputError(error))
        }
    })
}

/// The same for what does more than write: a reader that goes away is none of its business.
pub(super) struct Told;

impl Write for Told {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        unless_closed(Out.write(bytes), bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        unless_closed(Out.flush(), ())
    }
}

fn unless_closed<T>(result: io::Result<T>, instead: T) -> io::Result<T> {
    match result {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(instead),
        other => other,
    }
}

/// Prints to standard output.
///
/// # Errors
/// When that fails, and not because nobody reads any more.
pub(super) fn print(text: fmt::Arguments<'_>) -> io::Result<()> {
    Told.write_all(printable_lines(&text.to_string()).as_bytes())?;
    Told.flush()
}

/// Prints of one who serves, which nobody waits for and whose failures end nothing: a gateway serves
/// its clients, not its standard output.
#[derive(Debug)]
pub(super) struct Detached(Option<Arc<Outlet>>);

impl Detached {
    /// Where the system has no thread for it, nothing is printed.
    pub(super) fn start() -> Self {
        let mut is_told = false;
        let outlet = Outlet::start("output", move |text| {
            if let Err(error) = print(format_args!("{text}"))
                && !std::mem::replace(&mut is_told, true)
            {
                tracing::warn!("{error}; serving goes on");
            }
        });
        let told = outlet.inspect_err(|error| tracing::warn!(%error, "nothing can be printed"));
        Self(told.ok())
    }

    /// What does not fit counts as a write that failed.
    pub(super) fn print(&self, text: fmt::Arguments<'_>) {
        if !self.0.as_ref().is_some_and(|outlet| outlet.push(text.to_string())) {
            output_write_failed();
        }
    }

    /// Waits until everything was written, for a bounded time.
    pub(super) fn drain(&self) {
        if let Some(outlet) = &self.0 {
            outlet.drain(Instant::now() + OUTPUT_DRAIN_MAX);
        }
    }
}

/// Whether an error is that of standard output.
pub(super) fn is_of_output(error: &(dyn std::error::Error + 'static)) -> bool {
    let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    inner.is_some_and(|inner| inner.is::<OutputError>())
}

/// Some lines on standard error. A closed standard error is nobody's problem here.
pub(super) fn tell(lines: fmt::Arguments<'_>) {
    log::write_soon(printable_lines(&format!("{lines}\n")));
}
