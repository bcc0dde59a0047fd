//! Dates as exchanges write them in text: `2026-08-09T21:05:48.228568804Z` (RFC 3339, in UTC).
//!
//! The simple version reads number by number. What this does instead: it takes the eight bytes of
//! `2026-08-` and of `09T21:05` as one word each, checks digits and marks in one step, and joins
//! digits to pairs with one multiplication.

use std::cell::Cell;

use crate::clock::UnixNanos;

/// Days before each month of a common year; months start at 1.
const DAYS_BEFORE: [i64; 13] = [0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];

/// From 0001-01-01 to 1970-01-01.
const DAYS_TO_EPOCH: i64 = 719_162;

/// Reads a date to the nanosecond: up to nine digits of a fraction count, more are cut off. Dates
/// up to 1970 mean "none" at exchanges that must write something, as the year 1 does at Coinbase,
/// and so do those that 64 bits cannot hold: they are [`UnixNanos::NONE`].
///
/// `None` for a text of another form, an offset other than `Z` or `+00:00` included.
#[inline]
pub fn date(text: &[u8]) -> Option<UnixNanos> {
    let (&day, rest) = text.split_first_chunk::<16>()?;
    let (&[colon, tens, ones], rest) = rest.split_first_chunk::<3>()?;
    let [year_month, day_time] = *day.as_chunks::<8>().0 else { return None };
    let year_month = pairs(year_month, b"0000-00-")?;
    let day_time = pairs(day_time, b"00T00:00")?;
    let [tens, ones] = [digit(tens)?, digit(ones)?];
    let number = |word: u64, index: u32| (word >> (8 * index) & 0xFF) as i64;
    let (year, month) =
        (number(year_month, 0) * 100 + number(year_month, 2), number(year_month, 5));
    let (day, hour, minute) = (number(day_time, 0), number(day_time, 3), number(day_time, 6));
    let second = i64::from(tens * 10 + ones);
    let fits = matches!(month, 1..=12) && day >= 1 && day <= month_days(year, month);
    let fits = fits & (hour < 24) & (minute < 60);
    // 60 is a leap second.
    if !fits | (second > 60) | (colon != b':') {
        return None;
    }
    let nanos = fraction(rest)?;
    let days = days(year, month, day);
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second;
    let date = seconds.checked_mul(1_000_000_000).and_then(|whole| whole.checked_add(nanos));
    Some(date.filter(|date| *date > 0).map_or(UnixNanos::NONE, UnixNanos))
}

/// The minute that dates lie in, so that its text is read once a minute and compared after that.
#[derive(Debug)]
pub struct Minute {
    /// `2026-08-09T21:05`.
    text: Cell<[u8; 16]>,
    /// Its begin, in seconds.
    begin: Cell<u64>,
}

impl Default for Minute {
    fn default() -> Self {
        // Any does, if only its begin is right.
        Self { text: Cell::new(*b"2000-01-01T00:00"), begin: Cell::new(946_684_800) }
    }
}

impl Minute {
    /// The date at the start of `text` that ends at a quotation mark, and its length with that
    /// mark, where it is written as nearly all are: of this century, with a fraction of one to nine
    /// digits and `Z`. What is `None` here may still be a date for [`date()`].
    #[inline(always)]
    pub(super) fn quoted(&self, text: &[u8; 32]) -> Option<(UnixNanos, usize)> {
        let (minute, rest) = text.split_first_chunk()?;
        if u128::from_le_bytes(self.text.get()) != u128::from_le_bytes(*minute) {
            self.turn(minute)?;
        }
        let word = |at: usize| {
            let bytes = rest.get(at..).and_then(<[u8]>::first_chunk);
            bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
        };
        const SECOND: &[u8; 8] = b":00.\0\0\0\0";
        let second = (word(0) & 0xFFFF_FFFF) ^ u64::from_le_bytes(*SECOND);
        let strange = others(second, SECOND);
        let second = paired(second) >> 8 & 0xFF;
        let digits = word(4) ^ u64::from_le_bytes([b'0'; 8]);
        let count = (others(digits, &[b'0'; 8]) & TOPS).trailing_zeros() / 8;
        let shown = digits & !u64::MAX.unbounded_shl(8 * count);
        let ninth = rest[12].wrapping_sub(b'0');
        let has_nine = (count == 8) & (ninth <= 9);
        let end = 4 + count as usize + usize::from(has_nine);
        // 60 is a leap second.
        if (strange & TOPS != 0) | (second > 60) | (count == 0)
            || rest.get(end..end + 2) != Some(b"Z\"")
        {
            return None;
        }
        let ninth = if has_nine { u64::from(ninth) } else { 0 };
        // At most 999,999,999.
        let nanos = eight_digits(shown).wrapping_mul(10).wrapping_add(ninth);
        // Nothing wraps: `begin` is of this century (`turn`), below 4.2e9 seconds, and so the date ends
        // at 4.2e18.
        let seconds = self.begin.get().wrapping_add(second);
        let date = seconds.wrapping_mul(1_000_000_000).wrapping_add(nanos);
        Some((UnixNanos(date as i64), 16 + end + 2))
    }

    /// Another minute begins.
    #[cold]
    #[inline(never)]
    fn turn(&self, minute: &[u8; 16]) -> Option<()> {
        let mut text = *b"0000-00-00T00:00:00Z";
        text[..16].copy_from_slice(minute);
        let begin = date(&text)?.0;
        // The fast path has no room for what is before this century, or after it.
        if !minute.starts_with(b"20") {
            return None;
        }
        self.begin.set(begin as u64 / 1_000_000_000);
        self.text.set(*minute);
        Some(())
    }
}

/// What each byte may grow by to reach its highest value without setting its top bit.
const fn rooms(highest: [u8; 8]) -> u64 {
    0x7F7F_7F7F_7F7F_7F7F - u64::from_le_bytes(highest)
}

/// The number that eight digits, the first one lowest, make.
#[inline(always)]
const fn eight_digits(digits: u64) -> u64 {
    let twos = paired(digits) & 0x00FF_00FF_00FF_00FF;
    let fours = (twos.wrapping_mul(100).wrapping_add(twos >> 16)) & 0x0000_FFFF_0000_FFFF;
    fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xFFFF_FFFF
}

/// What follows the seconds, in nanoseconds.
#[inline]
fn fraction(text: &[u8]) -> Option<i64> {
    // Microseconds, which most are in.
    if let Some(&micros) = text.as_array::<8>()
        && let Some(pairs) = pairs(micros, b".000000Z")
    {
        let pair = |index: u32| (pairs >> (8 * index) & 0xFF) as i64;
        return Some((pair(1) * 10_000 + pair(3) * 100 + pair(5)) * 1_000);
    }
    let (mut nanos, mut rest) = (0, text);
    if let Some((b'.', digits)) = text.split_first() {
        let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, after) = digits.split_at(count);
        for index in 0..9 {
            nanos = nanos * 10 + digits.get(index).map_or(0, |byte| i64::from(byte - b'0'));
        }
        (count > 0).then_some(())?;
        rest = after;
    }
    matches!(rest, b"Z" | b"+00:00").then_some(nanos)
}

/// The number of each two neighbouring digits, in the byte of the first of them, of a text that
/// has digits where `form` has zeros and equals it elsewhere.
#[inline]
fn pairs(text: [u8; 8], form: &[u8; 8]) -> Option<u64> {
    let digits = u64::from_le_bytes(text) ^ u64::from_le_bytes(*form);
    (others(digits, form) & TOPS == 0).then_some(paired(digits))
}

/// The top bit of each byte.
const TOPS: u64 = 0x8080_8080_8080_8080;

/// A top bit in the first byte that is more than 9 where `form` has a zero and more than 0
/// elsewhere; those above it may have one or not.
#[inline(always)]
const fn others(digits: u64, form: &[u8; 8]) -> u64 {
    let mut highest = [0; 8];
    let mut index = 0;
    while index < 8 {
        highest[index] = if form[index] == b'0' { 9 } else { 0 };
        index += 1;
    }
    // A carry out of a byte needs a top bit, which is seen either way.
    digits | digits.wrapping_add(rooms(highest))
}

#[inline(always)]
const fn paired(digits: u64) -> u64 {
    digits.wrapping_mul(10).wrapping_add(digits >> 8)
}

const fn digit(byte: u8) -> Option<u8> {
    if byte.is_ascii_digit() { Some(byte - b'0') } else { None }
}

const fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

/// How many days a month has, which is 1 to 12.
#[inline]
const fn month_days(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + is_leap(year) as i64,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since the epoch.
#[inline]
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let before = year - 1;
    let leap = (is_leap(year) && month > 2) as i64;
    let years = before * 365 + before / 4 - before / 100 + before / 400;
    years + DAYS_BEFORE[month as usize] + leap + day - 1 - DAYS_TO_EPOCH
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dates_are_read_to_the_nanosecond() {
        for (text, nanos) in [
            ("2021-04-17T16:43:37.075687Z", 1_618_677_817_075_687_000),
            ("2026-08-09T21:05:48.228568804Z", 1_786_309_548_228_568_804),
            ("2026-08-09T21:05:38.50436Z", 1_786_309_538_504_360_000),
            ("2026-08-09T21:05:38Z", 1_786_309_538_000_000_000),
            ("2026-08-09T21:05:38.1234567899Z", 1_786_309_538_123_456_789),
            ("2000-02-29T00:00:00+00:00", 951_782_400_000_000_000),
            ("1970-01-01T00:00:00.000001Z", 1_000),
        ] {
            assert_eq!(date(text.as_bytes()), Some(UnixNanos(nanos)), "{text}");
        }
        for none in ["0001-01-01T00:00:00.000000Z", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z"]
        {
            assert_eq!(date(none.as_bytes()), Some(UnixNanos::NONE), "{none}");
        }
    }

    #[test]
    fn what_is_written_otherwise_is_no_date() {
        for text in [
            "",
            "2021-04-17",
            "2021-04-17T16:43:37",
            "2021-04-17T16:43:37.Z",
            "2021-04-17T16:43:37.075687z",
            "2021-04-17 16:43:37.075687Z",
            "2021-04-17T16:43:37.075687+01:00",
            "2021-13-17T16:43:37Z",
            "2021-04-00T16:43:37Z",
            "2021-04-17T24:43:37Z",
            "2021-04-17T16:43:61Z",
            "2021-04-17T16:43-37Z",
            "202\u{e9}-04-1T16:43:37Z",
            "+021-04-17T16:43:37Z",
            "2026-08-09 21:05:48.854840045 +0000 UTC m=+41691.260485341",
        ] {
            assert_eq!(date(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_day_that_its_month_does_not_have_is_no_date() {
        let read = |day: &str| date(format!("{day}T00:00:00.5Z").as_bytes());
        for day in [
            "2026-02-29",
            "2026-02-30",
            "2026-02-31",
            "2024-02-30",
            "2100-02-29",
            "1900-02-29",
            "2026-04-31",
            "2026-06-31",
            "2026-09-31",
            "2026-11-31",
            "2026-01-32",
            "2026-12-32",
        ] {
            assert_eq!(read(day), None, "{day}");
            assert_eq!(check(&format!("{day}T00:00:00.5Z")), None, "{day}");
        }
        for day in ["2024-02-29", "2000-02-29", "2026-02-28", "2026-04-30", "2026-12-31"] {
            assert!(read(day).is_some_and(UnixNanos::is_some), "{day}");
        }
    }

    /// Days from 1970 on, counted one by one.
    fn counted(day_number: i64) -> (i64, i64, i64) {
        let (mut year, mut month, mut left) = (1970, 1, day_number);
        loop {
            let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
            let length = match month {
                2 if leap => 29,
                2 => 28,
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            if left < length {
                return (year, month, left + 1);
            }
            left -= length;
            (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
        }
    }

    /// What both readers make of a text behind an opening quotation mark, with a minute that was
    /// never seen and with the text's own.
    fn check(text: &str) -> Option<UnixNanos> {
        let mut bytes = [b'7'; 64];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        bytes[text.len()] = b'"';
        let (minute, text_in_place) = (Minute::default(), bytes.first_chunk().expect("as long"));
        let first = minute.quoted(text_in_place);
        assert_eq!(first, minute.quoted(text_in_place), "{text}");
        let (time, length) = first?;
        assert_eq!(Some((time, length)), date(text.as_bytes()).map(|at| (at, text.len() + 1)));
        Some(time)
    }

    #[test]
    fn usual_dates_are_read_at_once() {
        for text in [
            "2000-01-01T00:00:00.0Z",
            "2000-02-29T23:59:60.000001Z",
            "2021-04-17T16:43:37.075687Z",
            "2026-08-09T21:05:48.228568804Z",
            "2026-08-09T21:05:38.50436Z",
            "2026-08-09T21:05:38.12345678Z",
            "2099-12-31T23:59:59.999999999Z",
        ] {
            assert!(check(text).is_some(), "{text}");
        }
        for text in ["2026-08-09T21:05:48Z", "1999-12-31T23:59:59.9Z", "2100-01-01T00:00:00.5Z"] {
            assert_eq!(check(text), None, "{text}");
            assert!(date(text.as_bytes()).is_some(), "{text}");
        }
    }

    #[test]
    fn a_minute_ends_with_its_last_date() {
        let minute = Minute::default();
        for (text, nanos) in [
            ("2026-08-09T21:05:48.5Z", 1_786_309_548_500_000_000),
            ("2026-08-09T21:06:01.5Z", 1_786_309_561_500_000_000),
            ("2026-08-09T21:05:59.5Z", 1_786_309_559_500_000_000),
            ("2027-08-09T21:05:48.5Z", 1_817_845_548_500_000_000),
        ] {
            let mut bytes = [b'7'; 32];
            bytes[..22].copy_from_slice(text.as_bytes());
            bytes[22] = b'"';
            assert_eq!(minute.quoted(&bytes), Some((UnixNanos(nanos), 23)), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_changed_date_reads_alike(
            text in "20[0-9]{2}-[0-1][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9]\\.[0-9]{1,9}Z",
            place in 0_usize..30,
            letter in 0x20_u8..0x7F,
        ) {
            check(&text);
            let mut bytes = text.into_bytes();
            let place = place % bytes.len();
            bytes[place] = letter;
            check(std::str::from_utf8(&bytes).expect("letters"));
        }

        #[test]
        fn any_date_reads_as_it_is_counted(
            day_number in 0_i64..100_000,
            second in 1_i64..86_400,
            nanos in 0_i64..1_000_000_000,
            digits in 0_usize..=9,
        ) {
            let (year, month, day) = counted(day_number);
            let (hour, minute) = (second / 3_600, second / 60 % 60);
            let fraction = &format!(".{nanos:09}")[..if digits == 0 { 0 } else { digits + 1 }];
            let kept: i64 = format!("{:0<9}", fraction.trim_start_matches('.')).parse().expect("9");
            let text = format!(
                "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}{fraction}Z",
                second % 60
            );
            let whole = (day_number * 86_400 + second) * 1_000_000_000;
            prop_assert_eq!(date(text.as_bytes()), Some(UnixNanos(whole + kept)), "{}", text);
            check(&text);
        }

        #[test]
        fn any_bytes_are_a_date_or_none(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(date(&bytes), None);
        }
    }
}
