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

/// Bytes that wait for an output which is not read just now, of standard output and of the log each:
/// the bursts of 25 places of the program together (200 lines of 200 B are 40 KB), or 3 s of
/// everything that all of them may write in the long run (300 KB a second).
pub const OUTPUT_QUEUE_BYTES: usize = 1 << 20;

/// So long an output is waited for at the end, and before a screen: one that is read takes a full
/// queue in far less, and one that is not read would never take it.
pub const OUTPUT_DRAIN_MAX: Duration = Duration::from_millis(500);

/// How often a waiting client looks whether it is to stop.
pub const WATCH_LOOK_EVERY: Duration = Duration::from_millis(100);

/// The gateway pings each 30 seconds; two that stay out mean that nobody is there.
pub const WATCH_SILENCE_MAX: Duration = Duration::from_secs(75);

/// Between the faults of two exchanges of the demo, so that not all stumble at once.
pub const DEMO_FAULTS_APART: Duration = Duration::from_millis(1_300);

/// So long, at the start, the number of live books has to stand still before it is told.
pub const READY_SETTLED: Duration = Duration::from_millis(1_500);

/// Books that come later than this after the last connection are not waited for.
pub const READY_BOOKS_MAX: Duration = Duration::from_secs(5);

/// So long all connections are waited for before those that are missing are named.
pub const READY_MAX: Duration = Duration::from_secs(10);

/// How often the screen is drawn anew.
pub const SCREEN_EVERY: Duration = Duration::from_millis(250);

/// How often it is looked whether everything has come, until it has.
pub const READY_EVERY: Duration = Duration::from_millis(100);

/// Bytes of a configuration file that is read again: all 16,384 instruments of a run by names of 40
/// bytes are 0.7 MB, and the rest may be what somebody wrote about them.
pub const CONFIG_BYTES_MAX: u64 = 16 << 20;

/// How often a watched configuration file is looked at.
pub const CONFIG_LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often a plain output gets a line.
pub const PLAIN_LINES_EVERY: Duration = Duration::from_secs(10);

/// What is looked at is asked for when it rested so long: who holds an arrow key down passes by.
pub const SCREEN_RESTED: Duration = Duration::from_millis(200);

/// Or so long after the last time. Six requests a time are 24 a second at the most, half of what the
/// gateway allows a client in the long run.
pub const SCREEN_ASK_EVERY: Duration = Duration::from_secs(1);

/// After the gateway refused something, it is asked again so much later.
pub const SCREEN_REFUSED_WAIT: Duration = Duration::from_secs(5);

/// How often the statistics are read; the prices come when they come.
pub const SCREEN_STATS_EVERY: Duration = Duration::from_secs(1);

/// How often the reader of keys looks whether it is to end.
pub const KEYS_LOOK_EVERY: Duration = Duration::from_millis(100);

/// Keys that wait; a person is slower than what takes them.
pub const KEYS_CAPACITY: usize = 64;

/// So long a process that ends waits for its terminal to take what gives it back.
pub const TERMINAL_BACK_MAX: Duration = Duration::from_millis(500);

/// How often ladders are drawn while their books change.
pub const LADDERS_EVERY: Duration = Duration::from_millis(100);
