//! Dates as text: RFC 3339 in UTC.

use crate::clock::UnixNanos;

/// `at` as `2026-08-09T21:05:48.228568Z`, with so many digits of the second, at most nine.
pub(super) fn date(at: UnixNanos, digits: usize) -> String {
    let (whole, fraction) = parts(at);
    let point = if digits == 0 { "" } else { "." };
    format!("{whole}{point}{}Z", &fraction[..digits.min(9)])
}

/// The same without zeros at the end of the fraction.
pub(super) fn date_shortest(at: UnixNanos, digits: usize) -> String {
    let (whole, fraction) = parts(at);
    let fraction = fraction[..digits.min(9)].trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{whole}{point}{fraction}Z")
}

/// `at` as `Thu, 06 Jul 23 18:50:48 +0000`.
pub(super) fn date_of_mail(at: UnixNanos) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let days = at.0.div_euclid(86_400_000_000_000);
    let (year, month, day) = civil(days);
    let (whole, _) = parts(at);
    let (name, month) = (DAYS[days.rem_euclid(7) as usize], MONTHS[month as usize - 1]);
    format!("{name}, {day:02} {month} {:02} {} +0000", year.rem_euclid(100), &whole[11..])
}

/// Date and time to the second, and nine digits of its fraction.
fn parts(at: UnixNanos) -> (String, String) {
    let (days, nanos) = (at.0.div_euclid(86_400_000_000_000), at.0.rem_euclid(86_400_000_000_000));
    let (year, month, day) = civil(days);
    let (seconds, nanos) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let whole = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    (whole, format!("{nanos:09}"))
}

/// The day since the epoch that six digits such as `261225` mean, in this century.
pub(super) fn day_of(text: &str) -> Option<i64> {
    let number = |at| text.get(at..at + 2).and_then(|part| part.parse::<i64>().ok());
    let wanted = (2_000 + number(0)?, number(2)?, number(4)?);
    // Near the day that it would be in a year of twelve equal months.
    let about = (wanted.0 - 1_970) * 1_461 / 4 + (wanted.1 - 1) * 61 / 2 + wanted.2;
    (about - 5..=about + 5).find(|day| text.len() == 6 && civil(*day) == wanted)
}

/// Year, month and day of a day since the epoch. Years are counted from March on, so that the
/// leap day is the last of its year, in eras of 400 years or 146,097 days.
const fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + (month <= 2) as i64, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_is_found_by_its_six_digits() {
        for day in day_of("000101").expect("a day")..day_of("991231").expect("a day") {
            let (year, month, of_month) = civil(day);
            let text = format!("{:02}{month:02}{of_month:02}", year - 2_000);
            assert_eq!(day_of(&text), Some(day), "{text}");
        }
        assert_eq!(["260230", "26011", "2601011", "x"].map(day_of), [None; 4]);
    }
    use crate::json;

    #[test]
    fn dates_are_written_as_they_are_read() {
        for (nanos, text) in [
            (1_618_677_817_075_687_000, "2021-04-17T16:43:37.075687000Z"),
            (1_786_309_548_228_568_804, "2026-08-09T21:05:48.228568804Z"),
            (951_782_400_000_000_000, "2000-02-29T00:00:00.000000000Z"),
            (0, "1970-01-01T00:00:00.000000000Z"),
        ] {
            assert_eq!(date(UnixNanos(nanos), 9), text);
        }
        let at = UnixNanos(1_786_309_548_500_000_000);
        assert_eq!(date(at, 6), "2026-08-09T21:05:48.500000Z");
        assert_eq!(date_shortest(at, 6), "2026-08-09T21:05:48.5Z");
        assert_eq!(date_shortest(UnixNanos(1_786_309_548_000_000_000), 9), "2026-08-09T21:05:48Z");
        assert_eq!(date(at, 0), "2026-08-09T21:05:48Z");
        assert_eq!(date_of_mail(at), "Sun, 09 Aug 26 21:05:48 +0000");
    }

    #[test]
    fn dates_read_back_as_what_they_were() {
        assert_eq!(date(UnixNanos(951_782_400_123_456_789), 6), "2000-02-29T00:00:00.123456Z");
        for day in 1..40_000 {
            let at = UnixNanos(day * 86_400_000_000_000 + 3_723_000_000_007);
            assert_eq!(json::date(date(at, 9).as_bytes()), Some(at));
        }
    }
}
