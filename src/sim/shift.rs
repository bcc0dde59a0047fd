//! Frames whose times are others. It knows times by their looks, so that every exchange's simulator
//! has the fault: dates as text, and whole numbers that are seconds, milliseconds, microseconds or
//! nanoseconds of this decade.

use std::time::Duration;

use super::date::date;
use crate::clock::UnixNanos;
use crate::json;

/// From 2020 to 2033, in seconds since the epoch.
const DECADE: std::ops::Range<u64> = 1_577_836_800..2_000_000_000;

/// Digits of such a time in each unit, and nanoseconds of it.
const UNITS: [(usize, u64); 4] = [(10, 1_000_000_000), (13, 1_000_000), (16, 1_000), (19, 1)];

/// The frame with all of its times later by as much.
pub(super) fn shift(frame: &[u8], by: Duration) -> Vec<u8> {
    let by_ns = by.as_nanos() as u64;
    let mut out = Vec::with_capacity(frame.len());
    let mut from = 0;
    while from < frame.len() {
        let end = word_end(frame, from);
        let word = &frame[from..end];
        match later_number(&frame[..from], word, by_ns).or_else(|| later_date(word, by_ns)) {
            Some(later) => out.extend_from_slice(later.as_bytes()),
            None => out.extend_from_slice(word),
        }
        from = end;
    }
    out
}

/// Where what begins there ends: a run of what numbers and dates are written with, or one byte. A
/// colon between a key and its number begins none.
fn word_end(frame: &[u8], from: usize) -> usize {
    let is_of_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"-:.".contains(byte);
    if !frame[from].is_ascii_alphanumeric() {
        return from + 1;
    }
    from + frame[from..].iter().take_while(|byte| is_of_word(byte)).count()
}

/// Keys of what is in seconds; other numbers of ten digits may be anything.
const SECONDS: [&str; 3] = ["\"epoch\":", "\"start\":\"", "\"open_time\":"];

fn later_number(before: &[u8], word: &[u8], by_ns: u64) -> Option<String> {
    let is_second = || SECONDS.iter().any(|key| before.ends_with(key.as_bytes()));
    if word.len() == UNITS[0].0 && !is_second() {
        return None;
    }
    let (_, unit_ns) = UNITS.iter().find(|(digits, _)| *digits == word.len())?;
    let number: u64 = std::str::from_utf8(word).ok()?.parse().ok()?;
    let is_time = DECADE.contains(&(number / (1_000_000_000 / unit_ns)));
    is_time.then(|| (number + by_ns / unit_ns).to_string())
}

fn later_date(word: &[u8], by_ns: u64) -> Option<String> {
    let at = json::date(word).filter(|_| word.ends_with(b"Z"))?;
    let point = word.iter().position(|byte| *byte == b'.');
    let digits = point.map_or(0, |point| word.len() - point - 2);
    Some(date(UnixNanos(at.0 + by_ns as i64), digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_every_form_are_found_and_nothing_else() {
        let frame = concat!(
            r#"{"epoch":1767225600,"a":1767225600,"b":"1767225600123","c":1767225600123456,"d":["1767225600.5","17"],"#,
            r#""e":"2026-01-01T00:00:00.123456Z","f":"2026-01-01T00:00:00Z","g":"AB-C","h":42}"#
        );
        let later = concat!(
            r#"{"epoch":1767225602,"a":1767225600,"b":"1767225602123","c":1767225602123456,"d":["1767225600.5","17"],"#,
            r#""e":"2026-01-01T00:00:02.123456Z","f":"2026-01-01T00:00:02Z","g":"AB-C","h":42}"#
        );
        let shifted = shift(frame.as_bytes(), Duration::from_secs(2));
        assert_eq!(String::from_utf8(shifted).expect("text"), later);
    }
}
