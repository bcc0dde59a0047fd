//! What a person sees: the screen, the log beside it, the watching client.

use std::time::Duration;

/// Columns of a terminal that are drawn on, and rows: larger than any real one (a wall of 8K at ten
/// pixels a column has 768), and 150,000 cells of 40 bytes, twice, are 12 MB.
pub const SCREEN_COLUMNS_MAX: u16 = 750;
/// See [`SCREEN_COLUMNS_MAX`].
pub const SCREEN_ROWS_MAX: u16 = 200;

/// Lines of the log that are kept for the screen: several screens full, 500 × 1 KiB = 500 KiB.
pub const LOG_LINES_KEPT: usize = 500;

/// Bytes of one of them; what is longer is cut there, and whole on standard error.
pub const LOG_LINE_BYTES_KEPT: usize = 1 << 10;

/// How often a waiting client looks whether it is to stop.
pub const WATCH_LOOK_EVERY: Duration = Duration::from_millis(100);

/// The gateway pings each 30 seconds; two that stay out mean that nobody is there.
pub const WATCH_SILENCE_MAX: Duration = Duration::from_secs(75);
