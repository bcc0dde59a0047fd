//! What the system says about this process, and what it could not say itself.

use std::sync::atomic::{AtomicU64, Ordering};

/// Of the process, as its standard error is: logging begins before any gateway, and never ends.
static LOG_LINES_DROPPED: AtomicU64 = AtomicU64::new(0);

/// A line of the log could not be written, or not in time. Any thread may say so.
pub fn log_line_dropped() {
    // Relaxed: a lone count.
    LOG_LINES_DROPPED.fetch_add(1, Ordering::Relaxed);
}

/// Lines of the log that could not be written.
pub fn log_lines_dropped() -> u64 {
    // Relaxed: as above.
    LOG_LINES_DROPPED.load(Ordering::Relaxed)
}

/// Lines of the log that were left out, likewise.
static LOG_LINES_LEFT_OUT: AtomicU64 = AtomicU64::new(0);

/// A line of the log was left out, as its place wrote too many. Any thread may say so.
pub fn log_line_left_out() {
    // Relaxed: as above.
    LOG_LINES_LEFT_OUT.fetch_add(1, Ordering::Relaxed);
}

/// Lines of the log that were left out.
pub fn log_lines_left_out() -> u64 {
    // Relaxed: as above.
    LOG_LINES_LEFT_OUT.load(Ordering::Relaxed)
}

/// Writes to standard output that failed, likewise.
static OUTPUT_WRITES_FAILED: AtomicU64 = AtomicU64::new(0);

/// Standard output did not take what was written to it. Any thread may say so.
pub fn output_write_failed() {
    // Relaxed: as above.
    OUTPUT_WRITES_FAILED.fetch_add(1, Ordering::Relaxed);
}

/// Writes to standard output that failed.
pub fn output_writes_failed() -> u64 {
    // Relaxed: as above.
    OUTPUT_WRITES_FAILED.load(Ordering::Relaxed)
}

/// Memory that the process holds; `None` where the system does not say.
pub fn resident_bytes() -> Option<u64> {
    status_kilobytes(&std::fs::read_to_string("/proc/self/status").ok()?, "VmRSS:")
        .map(|kilobytes| kilobytes.saturating_mul(1024))
}

/// The value of a line such as `VmRSS:     5124 kB`.
fn status_kilobytes(status: &str, key: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_found_and_read() {
        let status = "Name:\ttickwire\nVmPeak:\t  9 kB\nVmRSS:\t    5124 kB\nThreads:\t4\n";
        assert_eq!(status_kilobytes(status, "VmRSS:"), Some(5124));
        assert_eq!(status_kilobytes(status, "VmSwap:"), None);
        assert_eq!(status_kilobytes("VmRSS: much", "VmRSS:"), None);
    }
}
