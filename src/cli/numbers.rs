//! Numbers as a person reads them in a column: few digits, and a unit where they are many.

/// A count: whole up to five digits, then in thousands, millions and so on.
pub(super) fn count(number: u64) -> String {
    if number < 100_000 {
        return number.to_string();
    }
    let mut scaled = number as f64;
    let mut unit = "";
    for next in ["k", "M", "G", "T", "P", "E"] {
        if scaled < 999.5 {
            break;
        }
        scaled /= 1_000.0;
        unit = next;
    }
    if scaled < 99.95 { format!("{scaled:.1}{unit}") } else { format!("{scaled:.0}{unit}") }
}

/// A rate, as a count.
pub(super) fn rate(per_second: f64) -> String {
    count(per_second.max(0.0).round() as u64)
}

/// Nanoseconds: three significant digits or a tenth, and a unit.
pub(super) fn time(nanos: u64) -> String {
    match nanos {
        0..1_000 => format!("{nanos} ns"),
        1_000..1_000_000 => format!("{:.1} µs", nanos as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} ms", nanos as f64 / 1e6),
        _ => seconds(nanos as f64 / 1e9),
    }
}

/// Seconds, or minutes and hours where those are many.
pub(super) fn seconds(seconds: f64) -> String {
    let whole = seconds as u64;
    match whole {
        0..100 => format!("{seconds:.1} s"),
        100..6_000 => format!("{}m{:02}s", whole / 60, whole % 60),
        6_000..360_000 => format!("{}h{:02}m", whole / 3_600, whole / 60 % 60),
        _ => format!("{}d{:02}h", whole / 86_400, whole / 3_600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_keep_their_columns() {
        let counts = [0, 99_999, 100_000, 1_234_567, 99_960_000, 999_600_000, u64::MAX];
        let texts = ["0", "99999", "100k", "1.2M", "100M", "1.0G", "18.4E"];
        assert_eq!(counts.map(count), texts);
        assert_eq!(rate(f64::NAN), "0");
        assert_eq!(rate(-1.0), "0");
        let spans = [999, 1_500, 2_500_000, 99_900_000_000, 100_000_000_000];
        assert_eq!(spans.map(time), ["999 ns", "1.5 µs", "2.5 ms", "99.9 s", "1m40s"]);
        assert_eq!([7_260.0, 864_000.0].map(seconds), ["2h01m", "10d00h"]);
    }
}
