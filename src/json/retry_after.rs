//! `Retry-After`: seconds or a date (RFC 9110, 10.2.3), in whatever state servers send it.

use std::time::Duration;

use super::date;
use crate::clock::UnixNanos;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The wait that a `Retry-After` asks for: of a date the time from `now` on, none when it has
/// passed. Parts of a second count as a whole one, and a number beyond all numbers is a wait
/// beyond all waits: the caller has a bound. `None` for what is neither, a negative number
/// included.
pub fn retry_after(text: &str, now: UnixNanos) -> Option<Duration> {
    let text = text.trim();
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if is_number(whole) && is_number(part) {
        let more = u64::from(part.bytes().any(|digit| digit != b'0'));
        // Nothing but its size keeps digits from being a number.
        let seconds = whole.parse().unwrap_or(u64::MAX);
        return Some(Duration::from_secs(seconds.saturating_add(more)));
    }
    http_date(text).map(|then| Duration::from_nanos(then.0.saturating_sub(now.0).max(0) as u64))
}

/// A date as HTTP writes it: `Sun, 06 Nov 1994 08:49:37 GMT`. What 64 bits cannot hold lies as far
/// away as they can.
pub fn http_date(text: &str) -> Option<UnixNanos> {
    let (_, rest) = text.split_once(", ")?;
    let mut parts = rest.split(' ');
    let (day, month) = (parts.next()?, parts.next()?);
    let (year, time, zone) = (parts.next()?, parts.next()?, parts.next()?);
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    if zone != "GMT" || parts.next().is_some() {
        return None;
    }
    let then = date(format!("{year}-{month:02}-{day}T{time}Z").as_bytes())?;
    let is_far = !then.is_some() && year > "2200";
    Some(if is_far { UnixNanos(i64::MAX) } else { then })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_http_are_read() {
        let seconds = |text| http_date(text).map(|date| date.0 / 1_000_000_000);
        assert_eq!(seconds("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(http_date("Fri, 31 Dec 9999 23:59:59 GMT"), Some(UnixNanos(i64::MAX)));
        for text in [
            "",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Nov 1994 08:49:37 GMT x",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 06 NOV 1994 08:49:37 GMT",
            "Sun, 06 Nov 94 08:49:37 GMT",
            "1994-11-06T08:49:37Z",
        ] {
            assert_eq!(http_date(text), None, "{text}");
        }
    }
}
