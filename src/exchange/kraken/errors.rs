//! What Kraken refuses with: words without codes, the same in both versions of its protocol.
//!
//! Sources: docs.kraken.com (guides on rate limits and on errors, pages of the channels, the
//! errors of version 1; 2026-10), and answers seen by clients, where they are marked so.

use crate::exchange::RefusalKind;
use crate::exchange::refusal::{Refusals, Row, banned, both, too_much, unavailable, words};
use crate::exchange::rest::{Answer, Answers};

const TABLE: &[Row] = &[
    // The limit "will vary depending upon the load on the system" and has no number.
    words("Exceeded msg rate", too_much(2)),
    words("EGeneral:Too many requests", too_much(5)),
    words("EAPI:Rate limit exceeded", too_much(5)),
    words("EService:Throttled", too_much(5)),
    // Fifteen minutes by the documentation.
    words("EGeneral:Temporary lockout", banned(900)),
    // Seen since 2025: a symbol has one length of candles on a connection, and another one is
    // there, so that ours never will be.
    words("Already subscribed to one ohlc interval", RefusalKind::Permanent),
    // Seen since 2025.
    words("Already subscribed", RefusalKind::AlreadySo),
    // We leave what we left before, or what was refused.
    words("Subscription Not Found", RefusalKind::AlreadySo),
    words("Currency pair not supported", RefusalKind::Permanent),
    words("Currency pair not in ISO 4217-A3 format", RefusalKind::Permanent),
    words("Pair(s) not found", RefusalKind::Permanent),
    words("Pair field must be an array", RefusalKind::Permanent),
    words("Symbol(s) not found", RefusalKind::Permanent),
    words("Subscription depth not supported", RefusalKind::Permanent),
    words("Subscription ohlc interval not supported", RefusalKind::Permanent),
    words("Subscription name invalid", RefusalKind::Permanent),
    words("Subscription field must be an object", RefusalKind::Permanent),
    words("Invalid subscription name", RefusalKind::Permanent),
    words("Unsupported", RefusalKind::Permanent),
    words("Malformed request", RefusalKind::Permanent),
    words("Event(s) not found", RefusalKind::Permanent),
    words("ESession:Invalid session", RefusalKind::Permanent),
    words("EGeneral:Invalid arguments", RefusalKind::Permanent),
    words("EGeneral:Permission denied", RefusalKind::Permanent),
    words("EGeneral:Unknown method", RefusalKind::Permanent),
    words("EAPI:Invalid", RefusalKind::Permanent),
    words("EQuery:Unknown asset pair", RefusalKind::Permanent),
    words("EGeneral:Internal error", unavailable(5)),
    words("EService:Unavailable", unavailable(5)),
    words("EService:Busy", unavailable(5)),
    words("EService:Timeout", unavailable(5)),
];

/// 1013 is what an outage of its market data closes with (go_kraken #33).
const CLOSES: &[Row] = &[both("1013", "Market data unavailable", unavailable(5))];

/// What refuses an upgrade; nothing is asked for beside the stream. About 150 attempts in ten
/// minutes are allowed, and who makes more is banned for ten minutes, by Cloudflare's 1015.
const ANSWERS: &[Answer] = &[Answer::too_much(429, "", 600), Answer::too_much(403, "1015", 600)];

/// All of them.
pub(super) const REFUSALS: Refusals =
    Refusals { replies: TABLE, answers: Answers::of(ANSWERS), closes: CLOSES };

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::UnixNanos;
    use crate::exchange::Frame;
    use crate::exchange::kraken::Kraken;
    use crate::exchange::testing::{carrying, read_by, refused_by, waits};
    use crate::instrument::ExchangeId;
    use crate::tick::Reason;

    /// Each row, in a frame of either version.
    #[test]
    fn every_documented_error_has_its_kind() {
        let rows = [
            ("Exceeded msg rate", too_much(2)),
            ("EGeneral:Too many requests", too_much(5)),
            ("EAPI:Rate limit exceeded", too_much(5)),
            ("EService: Throttled: 1790000000", too_much(5)),
            ("EService:Throttled: 1790000000", too_much(5)),
            ("EGeneral:Temporary lockout", banned(900)),
            ("Already subscribed to one ohlc interval on this symbol", RefusalKind::Permanent),
            ("Already subscribed", RefusalKind::AlreadySo),
            ("Subscription Not Found", RefusalKind::AlreadySo),
            ("Currency pair not supported BTC/USD", RefusalKind::Permanent),
            ("Currency pair not in ISO 4217-A3 format X", RefusalKind::Permanent),
            ("Pair(s) not found", RefusalKind::Permanent),
            ("Pair field must be an array", RefusalKind::Permanent),
            ("Symbol(s) not found", RefusalKind::Permanent),
            ("Subscription depth not supported", RefusalKind::Permanent),
            ("Subscription ohlc interval not supported", RefusalKind::Permanent),
            ("Subscription name invalid", RefusalKind::Permanent),
            ("Subscription field must be an object", RefusalKind::Permanent),
            ("Invalid subscription name", RefusalKind::Permanent),
            ("Unsupported method", RefusalKind::Permanent),
            ("Unsupported event", RefusalKind::Permanent),
            ("Malformed request", RefusalKind::Permanent),
            ("Event(s) not found", RefusalKind::Permanent),
            ("ESession:Invalid session", RefusalKind::Permanent),
            ("EGeneral:Invalid arguments:depth", RefusalKind::Permanent),
            ("EGeneral:Permission denied", RefusalKind::Permanent),
            ("EGeneral:Unknown method", RefusalKind::Permanent),
            ("EAPI:Invalid key", RefusalKind::Permanent),
            ("EQuery:Unknown asset pair", RefusalKind::Permanent),
            ("EGeneral:Internal error", unavailable(5)),
            ("EService:Unavailable", unavailable(5)),
            ("EService:Busy", unavailable(5)),
            ("EService:Timeout", unavailable(5)),
            ("Something new", RefusalKind::Unknown),
        ];
        for (words, expected) in rows {
            let two = format!(
                r#"{{"error":"{words}","method":"subscribe","req_id":8,"success":false,"symbol":"BTC/USD"}}"#
            );
            let one = format!(
                r#"{{"errorMessage":"{words}","event":"subscriptionStatus","pair":"XBT/USD","reqid":7,"status":"error"}}"#
            );
            let event = format!(r#"{{"errorMessage":"{words}","event":"error","reqid":42}}"#);
            for (exchange, text) in [
                (ExchangeId::Kraken, &two),
                (ExchangeId::KrakenV1, &one),
                (ExchangeId::KrakenV1, &event),
            ] {
                let mut adapter = carrying(Kraken::new(exchange), &["BTC/USD", "XBT/USD"]);
                let Ok(Frame::Error { kind, text: told, .. }) = read_by(&mut adapter, text).outcome
                else {
                    panic!("{text}")
                };
                assert_eq!((told.as_str(), kind), (words, expected));
            }
        }
    }

    /// As the guide on rate limits has it: nothing but the words.
    #[test]
    fn a_bare_refusal_is_read() {
        for text in [r#"{"Error":"Exceeded msg rate"}"#, r#"{"error": "Exceeded msg rate"}"#] {
            let refused = refused_by(&mut Kraken::new(ExchangeId::Kraken), text);
            assert_eq!(refused, (None, None, too_much(2)));
        }
    }

    #[test]
    fn an_address_that_came_too_often_stays_away() {
        let wait = waits(&REFUSALS, UnixNanos(0));
        assert_eq!(wait(429, None, ""), (Reason::RateLimited, 600));
        assert_eq!(wait(429, Some("30"), ""), (Reason::RateLimited, 30));
        assert_eq!(wait(403, None, "error code: 1015"), (Reason::RateLimited, 600));
        assert_eq!(wait(403, None, "").0, Reason::ExchangeError);
        assert_eq!(wait(503, None, "").0, Reason::ExchangeError);
    }
}
