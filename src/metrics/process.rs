//! What the system says about this process.

/// Memory that the process holds; `None` where the system does not say.
pub fn resident_bytes() -> Option<u64> {
    status_kilobytes(&std::fs::read_to_string("/proc/self/status").ok()?, "VmRSS:")
        .map(|kilobytes| kilobytes * 1024)
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
