//! What requests beside the streams have in common: steps in lists of instruments, bodies that
//! cannot be read, and how long to wait after a refusal.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{ListPart, Listing, Refusal, RestError, RestRequest};
use crate::clock::UnixNanos;
use crate::json::retry_after as retry_after_of;
use crate::limits::{LIST_ENTRIES_MAX, REST_RETRY_AFTER_FAILURE, REST_RETRY_AFTER_MAX};
use crate::tick::{Decimal, Reason};

/// The status of a ban of our address, for not slowing down.
const BANNED: u16 = 418;

/// A refused upgrade: why no connection was made, and the shortest wait before the next attempt, by
/// the table that the exchange's other answers are judged by. A plain failure of the exchange's asks
/// for none: attempts have waits of their own.
pub(super) fn refused_upgrade(refusal: Refusal) -> (Reason, Duration) {
    match refusal {
        FAILURE => (Reason::Handshake, Duration::ZERO),
        Refusal { reason: Reason::ExchangeError, retry_after } => (Reason::Handshake, retry_after),
        Refusal { reason, retry_after } => (reason, retry_after),
    }
}

/// A step of 0 means that there is none.
pub(super) fn step(text: &str) -> Option<Decimal> {
    Decimal::parse(text.as_bytes()).ok().and_then(real_step)
}

/// The same of one that was read already.
pub(super) fn real_step(step: Decimal) -> Option<Decimal> {
    (!step.is_zero() && !step.is_negative()).then_some(step)
}

/// Where a list has one page: none follows it.
pub(super) fn no_more(_body: &[u8]) -> Option<RestRequest> {
    None
}

/// One request brings the whole list, or a page of it: whatever is wanted may stand there.
pub(super) fn all_natives(_path: &str, _native: &str) -> bool {
    true
}

/// Reads the rows of a list one by one. One that cannot be read costs itself alone; `listing` gives
/// `None` for one whose name is no symbol.
///
/// # Errors
/// When there are more than any exchange has.
pub(super) fn read_rows<'a, T: Deserialize<'a>>(
    rows: Rows<&'a RawValue>,
    listing: impl Fn(&T) -> Option<Listing>,
) -> Result<ListPart, RestError> {
    let mut part = ListPart::default();
    for row in rows.whole()? {
        match serde_json::from_str::<T>(row.get()) {
            Ok(row) => part.listings.extend(listing(&row)),
            Err(_) => part.unread += 1,
        }
    }
    Ok(part)
}

/// A field of a row that its instrument can do without: null, or of another type than is known, it
/// says nothing.
pub(super) fn if_stated<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    let raw: &'de RawValue = Deserialize::deserialize(deserializer)?;
    Ok(serde_json::from_str(raw.get()).unwrap_or_default())
}

/// Rows of a list, of which no more are kept than an exchange's list has.
pub(super) struct Rows<T> {
    entries: Vec<T>,
    is_cut: bool,
}

impl<T> Rows<T> {
    /// Those that are kept.
    pub(super) fn kept(&self) -> &[T] {
        &self.entries
    }

    /// All of them.
    ///
    /// # Errors
    /// When there were more.
    pub(super) fn whole(self) -> Result<Vec<T>, RestError> {
        if self.is_cut { Err(RestError::TooLong) } else { Ok(self.entries) }
    }
}

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), is_cut: false }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Rows<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Reader<T> {
            type Value = Rows<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Rows<T>, A::Error> {
                let mut rows = Rows::default();
                while rows.entries.len() < LIST_ENTRIES_MAX {
                    let Some(entry) = list.next_element()? else { return Ok(rows) };
                    rows.entries.push(entry);
                }
                while list.next_element::<IgnoredAny>()?.is_some() {
                    rows.is_cut = true;
                }
                Ok(rows)
            }
        }
        deserializer.deserialize_seq(Reader(PhantomData))
    }
}

/// What a body is that cannot be read.
pub(super) fn malformed(error: &serde_json::Error) -> RestError {
    RestError::Malformed { line: error.line(), column: error.column() }
}

/// A row of an adapter's table of refusals beside its stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer {
    /// The status; any when 0.
    status: u16,
    /// A code in the body, with nothing of a word or number around it; any body when empty.
    code: &'static str,
    /// What it asks of us when it names no time.
    refusal: Refusal,
}

impl Answer {
    /// One that is about how much was asked.
    pub(super) const fn too_much(status: u16, code: &'static str, seconds: u64) -> Self {
        let (reason, retry_after) = (Reason::RateLimited, Duration::from_secs(seconds));
        Self { status, code, refusal: Refusal { reason, retry_after } }
    }

    /// One that is not.
    pub(super) const fn failure(status: u16, code: &'static str, seconds: u64) -> Self {
        let (reason, retry_after) = (Reason::ExchangeError, Duration::from_secs(seconds));
        Self { status, code, refusal: Refusal { reason, retry_after } }
    }

    fn fits(&self, status: u16, body: &[u8]) -> bool {
        (self.status == 0 || self.status == status) && names(body, self.code)
    }
}

/// Whether a body has a code in it that is not part of something longer.
fn names(body: &[u8], code: &str) -> bool {
    let goes_on = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    let stands = |(at, part): (usize, &[u8])| {
        let before = at.checked_sub(1).and_then(|before| body.get(before));
        part == code.as_bytes() && !goes_on(before) && !goes_on(body.get(at + code.len()))
    };
    code.is_empty() || body.windows(code.len()).enumerate().any(stands)
}

/// What a status asks of us that stands in no table of an exchange: of an address that it will not
/// serve (403 by a firewall, 451 for where we are) only a rare question makes sense, and 429 and 418
/// are about how much was asked everywhere.
const SHARED: &[Answer] = &[
    Answer::too_much(429, "", 5),
    Answer::too_much(BANNED, "", 120),
    Answer::failure(403, "", 600),
    Answer::failure(451, "", 3_600),
];

/// A failure that is no matter of how much was asked.
const FAILURE: Refusal =
    Refusal { reason: Reason::ExchangeError, retry_after: REST_RETRY_AFTER_FAILURE };

/// What an exchange answers beside its streams, and to upgrades, when it refuses.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answers {
    /// The first that fits counts, before those that mean the same everywhere.
    pub(super) rows: &'static [Answer],
    /// Longest wait that is believed of a ban of our address (418).
    pub(super) ban_max: Duration,
    /// Until when a body says to wait, in milliseconds, where no header does.
    pub(super) until: fn(&[u8]) -> Option<u64>,
}

impl Answers {
    /// Waits are stated in the header alone, and for no longer than an hour.
    pub(super) const fn of(rows: &'static [Answer]) -> Self {
        Self { rows, ban_max: REST_RETRY_AFTER_MAX, until: |_| None }
    }

    /// What an answer other than the one that was asked for asks of us, with the wait that the
    /// exchange states where it does.
    pub(super) fn judge(
        &self,
        status: u16,
        retry_after: Option<&str>,
        body: &[u8],
        now: UnixNanos,
    ) -> Refusal {
        let row = self.rows.iter().chain(SHARED).find(|answer| answer.fits(status, body));
        let Refusal { reason, retry_after: usual } = row.map_or(FAILURE, |answer| answer.refusal);
        let stated = match retry_after {
            Some(text) => retry_after_of(text, now),
            None => (self.until)(body).map(|until| time_until(until, now)),
        };
        let longest = if status == BANNED { self.ban_max } else { REST_RETRY_AFTER_MAX };
        Refusal { reason, retry_after: stated.unwrap_or(usual).min(longest) }
    }
}

/// From now to a date in milliseconds, at least one second.
fn time_until(millis: u64, now: UnixNanos) -> Duration {
    let now = u64::try_from(now.millis()).unwrap_or(0);
    Duration::from_millis(millis.saturating_sub(now).max(1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWERS: Answers = Answers::of(&[
        Answer::too_much(429, "", 7),
        Answer::too_much(0, "10006", 9),
        Answer::failure(0, "-1008", 60),
    ]);

    #[test]
    fn a_list_keeps_no_more_rows_than_an_exchange_has() {
        for (count, fits) in [(0, true), (LIST_ENTRIES_MAX, true), (LIST_ENTRIES_MAX + 1, false)] {
            let body = format!("[{}]", vec!["7"; count].join(","));
            let rows: Rows<u8> = serde_json::from_str(&body).expect("it reads");
            assert!(rows.entries.len() <= LIST_ENTRIES_MAX);
            let whole = rows.whole();
            assert_eq!(whole.as_ref().ok().map(Vec::len), fits.then_some(count));
            assert!(fits || matches!(whole, Err(RestError::TooLong)));
        }
        assert!(serde_json::from_str::<Rows<u8>>("[7,").is_err());
    }

    #[test]
    fn a_wait_may_be_seconds_or_a_date_or_absurd() {
        // 2022-07-30T01:59:00Z.
        let now = UnixNanos::from_millis(1_659_146_340_000);
        let wait = |header| ANSWERS.judge(429, header, b"", now).retry_after.as_secs();
        for (header, seconds) in [
            (None, 7),
            (Some("30"), 30),
            (Some(" 30 "), 30),
            (Some("0"), 0),
            (Some("1.5"), 2),
            (Some("Sat, 30 Jul 2022 02:00:30 GMT"), 90),
            (Some("Sat, 30 Jul 2022 01:00:00 GMT"), 0),
            (Some("Fri, 31 Dec 9999 23:59:59 GMT"), 3_600),
            (Some("99999999"), 3_600),
            (Some("99999999999999999999999999"), 3_600),
            // Neither a number nor a date: as if nothing were said.
            (Some("-5"), 7),
            (Some(""), 7),
            (Some("soon"), 7),
            (Some("Sat, 99 Jul 2022 02:00:30 GMT"), 7),
        ] {
            assert_eq!(wait(header), seconds, "{header:?}");
        }
    }

    #[test]
    fn a_code_counts_where_it_stands_alone() {
        let reason = |status, body: &str| {
            let refusal = ANSWERS.judge(status, None, body.as_bytes(), UnixNanos(0));
            (refusal.reason, refusal.retry_after.as_secs())
        };
        assert_eq!(reason(200, r#"{"retCode":10006}"#), (Reason::RateLimited, 9));
        assert_eq!(reason(200, r#"{"retCode":"10006"}"#), (Reason::RateLimited, 9));
        assert_eq!(reason(200, r#"{"retCode":110006}"#), (Reason::ExchangeError, 5));
        assert_eq!(reason(200, r#"{"time":100061}"#), (Reason::ExchangeError, 5));
        assert_eq!(reason(503, r#"{"code":-1008}"#), (Reason::ExchangeError, 60));
        assert_eq!(reason(503, "10006"), (Reason::RateLimited, 9));
        assert_eq!(reason(500, ""), (Reason::ExchangeError, 5));
    }
}
