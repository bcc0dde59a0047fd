//! What Deriv refuses with: a code. Its words are in the language of the connection, so that they
//! mean nothing.
//!
//! Sources: developers.deriv.com and api.deriv.com (errors, limits, schemas of both dialects;
//! 2026-10).

use std::time::Duration;

use crate::exchange::RefusalKind;
use crate::exchange::refusal::{Refusals, Row, code, too_much, unavailable};
use crate::exchange::rest::{Answer, Answers};
use crate::tick::Reason;

const TABLE: &[Row] = &[
    // Calls are counted by the minute and by the hour.
    code("RateLimit", too_much(20)),
    code("TooManyRequests", too_much(20)),
    // Markets open at times that nobody tells here.
    code("MarketIsClosed", unavailable(60)),
    code("NoRealtimeQuotes", unavailable(60)),
    code("StreamingNotAllowed", unavailable(60)),
    code("MarketNotOpen", unavailable(60)),
    // At fault themselves, and maybe not any more at once.
    code("InternalServerError", unavailable(5)),
    code("WrongResponse", unavailable(5)),
    code("ServiceUnavailable", unavailable(5)),
    code("SiteIsUnderMaintenance", unavailable(60)),
    // The answer to an earlier request came too late, or not at all: the stream is there.
    code("AlreadySubscribed", RefusalKind::AlreadySo),
    code("InvalidSymbol", RefusalKind::Permanent),
    code("InputValidationFailed", RefusalKind::Permanent),
    code("UnrecognisedRequest", RefusalKind::Permanent),
    code("BadRequest", RefusalKind::Permanent),
    code("NotFound", RefusalKind::Permanent),
    code("AuthorizationRequired", RefusalKind::Permanent),
    code("InvalidToken", RefusalKind::Permanent),
    code("PermissionDenied", RefusalKind::Permanent),
    code("InvalidLoginID", RefusalKind::Permanent),
    code("InvalidGranularity", RefusalKind::Permanent),
    code("InvalidStartEnd", RefusalKind::Permanent),
    // The application, or whoever it is for, is not served at all; a new connection asks anew.
    code("InvalidAppID", not_served()),
    code("DisabledClient", not_served()),
    code("BlockedIP", not_served()),
];

const fn not_served() -> RefusalKind {
    RefusalKind::Fatal { reason: Reason::ExchangeError, wait: Duration::from_secs(60) }
}

/// What refuses an upgrade; nothing is asked for beside the stream.
const ANSWERS: &[Answer] = &[Answer::too_much(429, "", 60), Answer::too_much(403, "1015", 600)];

/// All of them. No close frame of its own is documented.
pub(super) const REFUSALS: Refusals =
    Refusals { replies: TABLE, answers: Answers::of(ANSWERS), closes: &[] };

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::UnixNanos;
    use crate::exchange::Frame;
    use crate::exchange::deriv::Deriv;
    use crate::exchange::testing::{read_by, refused_by, waits};

    #[test]
    fn every_documented_code_has_its_kind() {
        let rows = [
            ("RateLimit", too_much(20)),
            ("TooManyRequests", too_much(20)),
            ("MarketIsClosed", unavailable(60)),
            ("NoRealtimeQuotes", unavailable(60)),
            ("StreamingNotAllowed", unavailable(60)),
            ("MarketNotOpen", unavailable(60)),
            ("InternalServerError", unavailable(5)),
            ("WrongResponse", unavailable(5)),
            ("ServiceUnavailable", unavailable(5)),
            ("SiteIsUnderMaintenance", unavailable(60)),
            ("InvalidSymbol", RefusalKind::Permanent),
            ("InputValidationFailed", RefusalKind::Permanent),
            ("UnrecognisedRequest", RefusalKind::Permanent),
            ("BadRequest", RefusalKind::Permanent),
            ("NotFound", RefusalKind::Permanent),
            ("AuthorizationRequired", RefusalKind::Permanent),
            ("InvalidToken", RefusalKind::Permanent),
            ("PermissionDenied", RefusalKind::Permanent),
            ("InvalidLoginID", RefusalKind::Permanent),
            ("InvalidGranularity", RefusalKind::Permanent),
            ("InvalidStartEnd", RefusalKind::Permanent),
            ("InvalidAppID", not_served()),
            ("DisabledClient", not_served()),
            ("BlockedIP", not_served()),
            ("SomethingNew", RefusalKind::Unknown),
        ];
        for (code, expected) in rows {
            let (id, _, kind) = refused_by(&mut Deriv::default(), &text(code));
            assert_eq!((id, kind), (Some(4), expected), "{code}");
        }
        // One call asks for one stream, so that this is the acceptance of all of it.
        let there = read_by(&mut Deriv::default(), &text("AlreadySubscribed")).outcome;
        assert_eq!(there, Ok(Frame::Ack { id: Some(4), stream: None }));
        assert_eq!(rows.len(), TABLE.len(), "every row is tried");
    }

    /// In words that mean something else, as they may be in any language.
    fn text(code: &str) -> String {
        format!(
            r#"{{"echo_req":{{"req_id":4,"subscribe":1,"ticks":"R_50"}},"error":{{"code":"{code}","message":"rate limit, already subscribed, banned"}},"msg_type":"tick","req_id":4}}"#
        )
    }

    #[test]
    fn a_refused_upgrade_is_not_tried_again_at_once() {
        let wait = waits(&REFUSALS, UnixNanos(0));
        assert_eq!(wait(429, None, ""), (Reason::RateLimited, 60));
        assert_eq!(wait(429, Some("7"), ""), (Reason::RateLimited, 7));
        assert_eq!(wait(401, None, ""), (Reason::ExchangeError, 5));
    }
}
