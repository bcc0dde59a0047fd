//! What Binance refuses with: a code and words, on the streams and beside them.
//!
//! Sources: developers.binance.com (market streams, error codes and limits of spot and of USDⓈ-M
//! futures, WebSocket API; 2026-10), and what was measured on the wire, where it is marked so.

use std::time::Duration;

use crate::exchange::RefusalKind;
use crate::exchange::refusal::{Refusals, Row, banned, both, code, too_much, unavailable};
use crate::exchange::rest::{Answer, Answers};
use crate::limits::{BINANCE_BAN_MAX, REST_RETRY_AFTER_MAX};

const TABLE: &[Row] = &[
    // Of the streams: unknown property, wrong type of a value, malformed request, no JSON.
    code("0", RefusalKind::Permanent),
    code("1", RefusalKind::Permanent),
    code("2", RefusalKind::Permanent),
    code("3", RefusalKind::Permanent),
    // More streams than a connection may have (measured); what does not fit stays out.
    code("4", RefusalKind::Permanent),
    // A ban of the address, from two minutes to three days, until a date in the words.
    both("-1003", "banned", banned(120)),
    code("-1003", too_much(5)),
    code("-1015", too_much(5)),
    code("-1034", too_much(5)),
    // At fault themselves.
    code("-1000", unavailable(5)),
    code("-1001", unavailable(5)),
    code("-1004", unavailable(5)),
    code("-1006", unavailable(5)),
    code("-1007", unavailable(5)),
    code("-1008", unavailable(60)),
    code("-1016", unavailable(60)),
    code("-1002", RefusalKind::Permanent),
    code("-1020", RefusalKind::Permanent),
    code("-1021", RefusalKind::Permanent),
    code("-1022", RefusalKind::Permanent),
    code("-1099", RefusalKind::Permanent),
    code("-1100", RefusalKind::Permanent),
    code("-1101", RefusalKind::Permanent),
    code("-1102", RefusalKind::Permanent),
    code("-1103", RefusalKind::Permanent),
    code("-1104", RefusalKind::Permanent),
    code("-1105", RefusalKind::Permanent),
    code("-1106", RefusalKind::Permanent),
    code("-1108", RefusalKind::Permanent),
    code("-1120", RefusalKind::Permanent),
    code("-1121", RefusalKind::Permanent),
    code("-1122", RefusalKind::Permanent),
    code("-1125", RefusalKind::Permanent),
    code("-1127", RefusalKind::Permanent),
    code("-1128", RefusalKind::Permanent),
    code("-1130", RefusalKind::Permanent),
    code("-1135", RefusalKind::Permanent),
    code("-2014", RefusalKind::Permanent),
    code("-2015", RefusalKind::Permanent),
    code("-4021", RefusalKind::Permanent),
];

/// What a refusal comes to; `stated` is the wait that it names itself, where it does.
pub(super) fn kind(code: &str, text: &str, stated: Option<Duration>) -> RefusalKind {
    let at_least = |wait: Duration, most| stated.unwrap_or_default().clamp(wait, most);
    match REFUSALS.reply(code, text) {
        RefusalKind::Temporary { reason, wait } => {
            RefusalKind::Temporary { reason, wait: at_least(wait, REST_RETRY_AFTER_MAX) }
        }
        RefusalKind::Fatal { reason, wait } => {
            RefusalKind::Fatal { reason, wait: at_least(wait, BINANCE_BAN_MAX) }
        }
        other => other,
    }
}

/// Of REST, and of upgrades. 429 and 418 come with `Retry-After` in seconds, or with a date in
/// milliseconds in the body (`error.data.retryAfter`, or "until 1659146400000" in the words of
/// -1003). 429 is "slow down", 418 "banned for not slowing down"; 403 comes from
/// a firewall that found something odd. A minute is the window of the weight limit.
const ANSWERS: &[Answer] = &[
    Answer::too_much(418, "", 120),
    Answer::too_much(429, "", 60),
    Answer::too_much(403, "", 60),
    // In the body, whatever the status.
    Answer::too_much(0, "-1003", 60),
    Answer::too_much(0, "-1015", 60),
    Answer::failure(0, "-1008", 60),
];

/// "Too many requests" is for more than five messages a second (binance-connector-js #530; measured);
/// after "Pong timeout" nothing hinders the next connection.
const CLOSES: &[Row] = &[
    both("1008", "Too many requests", too_much(5)),
    both("1008", "Pong timeout", RefusalKind::Unknown),
];

/// The first number of 13 digits after `retryAfter` or `until` in a refusal's body.
fn date_in(body: &[u8]) -> Option<u64> {
    let text = str::from_utf8(body).ok()?;
    let mark = text.find("retryAfter").or_else(|| text.find("until"))?;
    text[mark..]
        .split(|c: char| !c.is_ascii_digit())
        .find(|digits| digits.len() == 13)
        .and_then(|digits| digits.parse().ok())
}

/// All of them.
pub(super) const REFUSALS: Refusals = Refusals {
    replies: TABLE,
    answers: Answers { ban_max: BINANCE_BAN_MAX, until: date_in, ..Answers::of(ANSWERS) },
    closes: CLOSES,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::UnixNanos;
    use crate::exchange::binance::Binance;
    use crate::exchange::testing::{refused_by, waits};
    use crate::instrument::ExchangeId;
    use crate::tick::Reason;

    fn read(exchange: ExchangeId, text: &str) -> (Option<u64>, RefusalKind) {
        let (id, _, kind) = refused_by(&mut Binance::new(exchange), text);
        (id, kind)
    }

    #[test]
    fn every_documented_code_has_its_kind() {
        let permanent = [
            0, 1, 2, 3, 4, -1002, -1020, -1021, -1022, -1099, -1100, -1101, -1102, -1103, -1104,
            -1105, -1106, -1108, -1120, -1121, -1122, -1125, -1127, -1128, -1130, -1135, -2014,
            -2015, -4021,
        ];
        let rows = permanent.map(|code| (code, "", RefusalKind::Permanent)).into_iter().chain([
            (-1003, "Too many requests; current limit is 5 requests per second.", too_much(5)),
            (-1003, "Way too much request weight used; IP banned until 1.", banned(120)),
            (-1015, "Too many new orders.", too_much(5)),
            (-1034, "Too many concurrent connections.", too_much(5)),
            (-1000, "An unknown error occurred.", unavailable(5)),
            (-1001, "Internal error; unable to process your request.", unavailable(5)),
            (-1004, "Server is busy, please wait and try again", unavailable(5)),
            (-1006, "An unexpected response was received.", unavailable(5)),
            (-1007, "Timeout waiting for response.", unavailable(5)),
            (-1008, "Server is currently overloaded with other requests.", unavailable(60)),
            (-1016, "This service is no longer available.", unavailable(60)),
            (-9999, "", RefusalKind::Unknown),
        ]);
        let mut count = 0;
        for (code, words, expected) in rows {
            count += 1;
            let flat = format!(r#"{{"code":{code},"msg":"{words}"}}"#);
            assert_eq!(read(ExchangeId::Binance, &flat), (None, expected), "{flat}");
            let wrapped = format!(r#"{{"error":{flat},"id":9}}"#);
            for exchange in [ExchangeId::Binance, ExchangeId::BinanceFutures] {
                assert_eq!(read(exchange, &wrapped), (Some(9), expected), "{wrapped}");
            }
        }
        assert_eq!(count, TABLE.len() + 1, "every row is tried");
    }

    #[test]
    fn a_refusal_that_names_a_time_is_taken_at_its_word() {
        let text = |data: &str| {
            format!(
                r#"{{"id":7,"status":418,"error":{{"code":-1003,"msg":"Way too much; IP banned until 1659146400000."{data}}}}}"#
            )
        };
        let named = text(r#","data":{"serverTime":1659142800000,"retryAfter":1659146400000}"#);
        assert_eq!(read(ExchangeId::Binance, &named), (Some(7), banned(3_600)));
        assert_eq!(read(ExchangeId::Binance, &text("")), (Some(7), banned(120)));
        let absurd = text(r#","data":{"serverTime":1,"retryAfter":18446744073709551615}"#);
        assert_eq!(
            read(ExchangeId::Binance, &absurd),
            (Some(7), banned(BINANCE_BAN_MAX.as_secs()))
        );
        let past = text(r#","data":{"serverTime":1659146400000,"retryAfter":5}"#);
        assert_eq!(read(ExchangeId::Binance, &past), (Some(7), banned(120)));
    }

    #[test]
    fn a_refusal_beside_the_stream_tells_how_long_to_wait() {
        let now = UnixNanos::from_millis(1_659_146_340_000);
        let wait = waits(&REFUSALS, now);
        assert_eq!(wait(429, Some("7"), ""), (Reason::RateLimited, 7));
        let data = r#"{"error":{"code":-1003,"data":{"retryAfter":1659146400000}}}"#;
        assert_eq!(wait(418, None, data), (Reason::RateLimited, 60));
        let words = r#"{"code":-1003,"msg":"IP banned until 1659146400000. Use WebSocket."}"#;
        assert_eq!(wait(418, None, words), (Reason::RateLimited, 60));
        assert_eq!(wait(418, None, ""), (Reason::RateLimited, 120));
        assert_eq!(wait(429, None, "\u{fffd}"), (Reason::RateLimited, 60));
        assert_eq!(wait(403, None, "<html>"), (Reason::RateLimited, 60));
        assert_eq!(wait(418, Some("99999999999"), ""), (Reason::RateLimited, 259_200));
        for absurd in ["99999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"] {
            assert_eq!(wait(429, Some(absurd), ""), (Reason::RateLimited, 3_600), "{absurd}");
            assert_eq!(wait(503, Some(absurd), ""), (Reason::ExchangeError, 3_600), "{absurd}");
        }
        let date = "Sat, 30 Jul 2022 02:00:00 GMT";
        assert_eq!(wait(418, Some(date), ""), (Reason::RateLimited, 60));
        assert_eq!(wait(503, Some("7"), ""), (Reason::ExchangeError, 7));
        assert_eq!(wait(503, None, ""), (Reason::ExchangeError, 5));
        let body = |code: i32| format!(r#"{{"code":{code},"msg":"x"}}"#);
        assert_eq!(wait(400, None, &body(-1003)), (Reason::RateLimited, 60));
        assert_eq!(wait(400, None, &body(-1015)), (Reason::RateLimited, 60));
        assert_eq!(wait(503, None, &body(-1008)), (Reason::ExchangeError, 60));
        assert_eq!(wait(400, None, &body(-1121)), (Reason::ExchangeError, 5));
    }
}
