//! What requests beside the streams have in common: steps in lists of instruments, bodies that
//! cannot be read, and how long to wait after a refusal.

use std::time::Duration;

use super::{Refusal, RestError, RestRequest};
use crate::tick::{Decimal, Reason};

/// Wait after a failure of an exchange's own (5xx) or of the request (4xx).
pub(super) const RETRY_AFTER_FAILURE: Duration = Duration::from_secs(5);

/// Longest wait that a header is believed, where an exchange bans for no longer.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3_600);

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

/// What a body is that cannot be read.
pub(super) fn malformed(error: &serde_json::Error) -> RestError {
    RestError::Malformed { line: error.line(), column: error.column() }
}

/// `Retry-After` in seconds, where a refusal states it so.
pub(super) fn stated_wait(retry_after: Option<&str>) -> Option<Duration> {
    retry_after.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs)
}

/// A failure that is no matter of how much was asked.
pub(super) const FAILURE: Refusal =
    Refusal { reason: Reason::ExchangeError, retry_after: RETRY_AFTER_FAILURE };

/// What a status asks of us where 429 alone means "too many", with a wait for when it names none.
pub(super) fn refusal(status: u16, retry_after: Option<&str>, default: Duration) -> Refusal {
    if status != 429 {
        return FAILURE;
    }
    let wait = stated_wait(retry_after).unwrap_or(default).min(RETRY_AFTER_MAX);
    Refusal { reason: Reason::RateLimited, retry_after: wait }
}
