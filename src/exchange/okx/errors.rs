//! What OKX refuses with: a code, and words that may name the stream.
//!
//! Sources: www.okx.com/docs-v5 (error codes of the WebSocket and of REST, close frames; 2026-10).

use crate::exchange::RefusalKind;
use crate::exchange::refusal::{Refusals, Row, code, too_much, unavailable};
use crate::exchange::rest::{Answer, Answers};

const TABLE: &[Row] = &[
    // 480 requests an hour and connection, in a bucket that refills.
    code("60014", too_much(5)),
    code("60023", too_much(5)),
    code("50011", too_much(2)),
    code("50040", too_much(5)),
    code("50061", too_much(2)),
    // The endpoint, the request or its arguments: the same would be refused again.
    code("60008", RefusalKind::Permanent),
    code("60012", RefusalKind::Permanent),
    code("60013", RefusalKind::Permanent),
    code("60018", RefusalKind::Permanent),
    code("60019", RefusalKind::Permanent),
    code("60027", RefusalKind::Permanent),
    code("60028", RefusalKind::Permanent),
    code("64000", RefusalKind::Permanent),
    code("64001", RefusalKind::Permanent),
    code("64002", RefusalKind::Permanent),
    code("64004", RefusalKind::Permanent),
    code("51000", RefusalKind::Permanent),
    code("51001", RefusalKind::Permanent),
    // Accounts, keys and fees; nobody logs in here.
    code("60004", RefusalKind::Permanent),
    code("60005", RefusalKind::Permanent),
    code("60006", RefusalKind::Permanent),
    code("60007", RefusalKind::Permanent),
    code("60009", RefusalKind::Permanent),
    code("60011", RefusalKind::Permanent),
    code("60020", RefusalKind::Permanent),
    code("60021", RefusalKind::Permanent),
    code("60022", RefusalKind::Permanent),
    code("60024", RefusalKind::Permanent),
    code("60025", RefusalKind::Permanent),
    code("60026", RefusalKind::Permanent),
    code("60029", RefusalKind::Permanent),
    code("60030", RefusalKind::Permanent),
    code("60031", RefusalKind::Permanent),
    code("60032", RefusalKind::Permanent),
    code("64003", RefusalKind::Permanent),
    // "Please try again later", in several words.
    code("63999", unavailable(5)),
    code("64007", unavailable(5)),
    code("50001", unavailable(5)),
    code("50004", unavailable(5)),
    code("50013", unavailable(5)),
    code("50026", unavailable(5)),
];

/// Its own codes (okx.com/docs-v5, WebSocket overview; 2026-10). After 4004 (nothing was sent for
/// 30 s), 4005 (read too slowly) and 4006 nothing hinders the next connection.
const CLOSES: &[Row] = &[
    // Invalid request.
    code("4002", unavailable(5)),
    // More subscriptions than there may be.
    code("4003", too_much(60)),
    code("4008", too_much(60)),
];

/// Of REST, and of upgrades. The window of its limits is 2 s.
const ANSWERS: &[Answer] = &[
    Answer::too_much(429, "", 2),
    // In the body, whatever the status.
    Answer::too_much(0, "50011", 2),
    Answer::too_much(0, "50061", 2),
    Answer::too_much(0, "50040", 5),
    // Cloudflare keeps an address out that came too often.
    Answer::too_much(403, "1015", 600),
];

/// All of them.
pub(super) const REFUSALS: Refusals =
    Refusals { replies: TABLE, answers: Answers::of(ANSWERS), closes: CLOSES };

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::UnixNanos;
    use crate::exchange::okx::Okx;
    use crate::exchange::testing::{refused_by, waits};
    use crate::tick::Reason;

    #[test]
    fn every_documented_code_has_its_kind() {
        let permanent = [
            60004, 60005, 60006, 60007, 60008, 60009, 60011, 60012, 60013, 60018, 60019, 60020,
            60021, 60022, 60024, 60025, 60026, 60027, 60028, 60029, 60030, 60031, 60032, 64000,
            64001, 64002, 64003, 64004, 51000, 51001,
        ];
        let rows = permanent.map(|code| (code, RefusalKind::Permanent)).into_iter().chain([
            (60014, too_much(5)),
            (60023, too_much(5)),
            (50011, too_much(2)),
            (50040, too_much(5)),
            (50061, too_much(2)),
            (63999, unavailable(5)),
            (64007, unavailable(5)),
            (50001, unavailable(5)),
            (50004, unavailable(5)),
            (50013, unavailable(5)),
            (50026, unavailable(5)),
            (69999, RefusalKind::Unknown),
        ]);
        let mut count = 0;
        for (code, expected) in rows {
            count += 1;
            let text = format!(
                r#"{{"id":"8","event":"error","code":"{code}","msg":"In some words","connId":"a4d3ae55"}}"#
            );
            let refused = refused_by(&mut Okx::new(), &text);
            assert_eq!(refused, (Some(8), None, expected), "{code}");
        }
        assert_eq!(count, TABLE.len() + 1, "every row is tried");
        // A code of tomorrow in words of today.
        assert_eq!(REFUSALS.reply("60099", "Requests too frequent."), too_much(5));
    }

    #[test]
    fn a_refusal_tells_how_long_to_wait() {
        let wait = waits(&REFUSALS, UnixNanos(0));
        assert_eq!(wait(429, None, ""), (Reason::RateLimited, 2));
        assert_eq!(wait(429, Some("7"), ""), (Reason::RateLimited, 7));
        assert_eq!(wait(429, Some("99999999"), ""), (Reason::RateLimited, 3_600));
        let body = r#"{"msg":"Too Many Requests","code":"50011","data":[]}"#;
        assert_eq!(wait(200, None, body), (Reason::RateLimited, 2));
        assert_eq!(wait(503, None, body), (Reason::RateLimited, 2));
        assert_eq!(wait(403, None, "error code: 1015"), (Reason::RateLimited, 600));
        assert_eq!(wait(503, None, ""), (Reason::ExchangeError, 5));
        assert_eq!(wait(503, Some("7"), ""), (Reason::ExchangeError, 7));
        let other = r#"{"msg":"Parameter instType error","code":"51000","data":[]}"#;
        assert_eq!(wait(400, None, other), (Reason::ExchangeError, 5));
    }
}
