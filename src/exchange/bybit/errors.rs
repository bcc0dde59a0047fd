//! What Bybit refuses with: words on the market streams, with a code where an answer has the shape
//! of its other interfaces.
//!
//! Sources: bybit-exchange.github.io/docs/v5 (error codes, connecting; 2026-10), and words seen on
//! the wire, where they are marked so.

use std::time::Duration;

use crate::exchange::RefusalKind;
use crate::exchange::refusal::{Refusals, Row, banned, both, code, too_much, unavailable, words};
use crate::exchange::rest::{Answer, Answers};
use crate::tick::Reason;

const TABLE: &[Row] = &[
    // Seen: one topic that is there refuses the whole request, and names itself.
    words("already subscribed", RefusalKind::AlreadySo),
    // Seen.
    words("handler not found", RefusalKind::Permanent),
    words("Invalid topic", RefusalKind::Permanent),
    words("Invalid symbol", RefusalKind::Permanent),
    words("invalid op", RefusalKind::Permanent),
    words("args size >", RefusalKind::Permanent),
    words("args length exceeds", RefusalKind::Permanent),
    words("Params Error", RefusalKind::Permanent),
    words("Failed to decode incoming data", RefusalKind::Permanent),
    // By their codes. The windows of the limits are 5 s; who breaks that of its address rests for
    // ten minutes.
    code("10006", too_much(5)),
    code("10429", too_much(5)),
    code("20003", too_much(5)),
    code("429", too_much(5)),
    both("10018", "banned", banned(600)),
    code("10018", too_much(5)),
    code("10403", too_much(5)),
    code("10009", banned(600)),
    code("10008", banned(600)),
    code("10010", banned(600)),
    code("10024", banned(600)),
    // "Build a new connection to be routed to normal service."
    code("10019", unavailable_here()),
    code("10000", unavailable(5)),
    code("10016", unavailable(5)),
    code("10001", RefusalKind::Permanent),
    code("10002", RefusalKind::Permanent),
    code("10003", RefusalKind::Permanent),
    code("10004", RefusalKind::Permanent),
    code("10005", RefusalKind::Permanent),
    code("10007", RefusalKind::Permanent),
    code("10014", RefusalKind::Permanent),
    code("10017", RefusalKind::Permanent),
    code("10027", RefusalKind::Permanent),
    code("10028", RefusalKind::Permanent),
    code("10029", RefusalKind::Permanent),
    code("10404", RefusalKind::Permanent),
    // Two of our requests with one number; the next has another.
    code("20006", unavailable(1)),
    code("20001", RefusalKind::AlreadySo),
];

/// A connection that serves nothing any more, where another one will.
const fn unavailable_here() -> RefusalKind {
    RefusalKind::Fatal { reason: Reason::Unavailable, wait: Duration::from_secs(1) }
}

/// Of REST, and of upgrades. After "403, access too frequent" all is to rest for ten minutes; 403
/// is also what visitors from countries without service get, and they had better not ask often.
const ANSWERS: &[Answer] = &[
    Answer::too_much(403, "", 600),
    Answer::too_much(429, "", 5),
    // In the body, mostly under 200.
    Answer::too_much(0, "10006", 5),
    Answer::too_much(0, "10429", 5),
    Answer::too_much(0, "10018", 600),
    Answer::too_much(0, "10009", 600),
    Answer::failure(0, "10000", 5),
    Answer::failure(0, "10016", 5),
];

/// All of them. No close frame of its own is documented.
pub(super) const REFUSALS: Refusals =
    Refusals { replies: TABLE, answers: Answers::of(ANSWERS), closes: &[] };

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::UnixNanos;
    use crate::exchange::NamedStream;
    use crate::exchange::bybit::Bybit;
    use crate::exchange::testing::{carrying, refused_by, waits};
    use crate::instrument::{Channel, ExchangeId, InstrumentId};

    fn read(text: &str) -> (Option<u64>, Option<NamedStream>, RefusalKind) {
        refused_by(&mut carrying(Bybit::new(ExchangeId::Bybit), &["BTCUSDT"]), text)
    }

    #[test]
    fn all_words_that_were_seen_have_their_kinds() {
        let topic = |channel| Some(NamedStream::of(InstrumentId(0), channel));
        for (words, stream, kind) in [
            (
                "error:already subscribed,topic:publicTrade.BTCUSDT",
                topic(Channel::Trades),
                RefusalKind::AlreadySo,
            ),
            (
                "error:handler not found,topic:orderbook.500.BTCUSDT",
                topic(Channel::Orderbook),
                RefusalKind::Permanent,
            ),
            ("Invalid topic: invalid.topic.BTCUSDT", None, RefusalKind::Permanent),
            ("Invalid symbol :[tickers.BTCUSDT]", topic(Channel::Ticker), RefusalKind::Permanent),
            ("Invalid symbol :[tickers.NOPEUSDT]", None, RefusalKind::Permanent),
            ("error:invalid op", None, RefusalKind::Permanent),
            (r"args size \u003e10", None, RefusalKind::Permanent),
            ("args length exceeds the limit", None, RefusalKind::Permanent),
            ("Params Error", None, RefusalKind::Permanent),
            ("Failed to decode incoming data:readObjectStart", None, RefusalKind::Permanent),
            ("Too many visits. Exceeded the API Rate Limit.", None, too_much(5)),
            ("error:too many requests", None, too_much(5)),
            ("Internal server error", None, unavailable(5)),
            ("something else", None, RefusalKind::Unknown),
        ] {
            let text = format!(
                r#"{{"success":false,"ret_msg":"{words}","conn_id":"x","req_id":"7","op":"subscribe"}}"#
            );
            assert_eq!(read(&text), (Some(7), stream, kind), "{words}");
        }
    }

    #[test]
    fn every_documented_code_has_its_kind() {
        let permanent =
            [10001, 10002, 10003, 10004, 10005, 10007, 10014, 10017, 10027, 10028, 10029, 10404];
        let rows = permanent.map(|code| (code, "", RefusalKind::Permanent)).into_iter().chain([
            (10006, "Too many visits. Exceeded the API Rate Limit.", too_much(5)),
            (10429, "System level frequency protection", too_much(5)),
            (20003, "Too frequent requests under the same session", too_much(5)),
            (429, "The trading service is experiencing a high server load.", too_much(5)),
            (10018, "Exceeded the IP Rate Limit.", too_much(5)),
            (10018, "IP banned for 10 minutes", banned(600)),
            (10403, "Exceed IP rate limit. 3000 requests per second per IP", too_much(5)),
            (10009, "IP has been banned", banned(600)),
            (10008, "Common banned", banned(600)),
            (10010, "Unmatched IP", banned(600)),
            (10024, "Compliance rules triggered", banned(600)),
            (10019, "ws trade service is restarting", unavailable_here()),
            (10000, "Server Timeout", unavailable(5)),
            (10016, "Internal server error", unavailable(5)),
            (20006, "reqId is duplicated", unavailable(1)),
            (20001, "Repeat subscription", RefusalKind::AlreadySo),
            (99999, "", RefusalKind::Unknown),
        ]);
        for (code, words, kind) in rows {
            for text in [
                format!(
                    r#"{{"success":false,"ret_code":{code},"ret_msg":"{words}","conn_id":"x","req_id":"7","op":"subscribe"}}"#
                ),
                format!(
                    r#"{{"reqId":"7","retCode":{code},"retMsg":"{words}","op":"subscribe","data":{{}},"connId":"x"}}"#
                ),
            ] {
                assert_eq!(read(&text), (Some(7), None, kind), "{text}");
            }
        }
    }

    #[test]
    fn who_asked_too_often_rests() {
        let wait = waits(&REFUSALS, UnixNanos::NONE);
        assert_eq!(wait(403, None, ""), (Reason::RateLimited, 600));
        assert_eq!(wait(429, Some("7"), ""), (Reason::RateLimited, 7));
        assert_eq!(wait(429, None, ""), (Reason::RateLimited, 5));
        assert_eq!(wait(503, Some("9"), ""), (Reason::ExchangeError, 9));
        let body = |code: u32| format!(r#"{{"retCode":{code},"retMsg":"x","result":{{}}}}"#);
        assert_eq!(wait(200, None, &body(10_006)), (Reason::RateLimited, 5));
        assert_eq!(wait(200, None, &body(10_429)), (Reason::RateLimited, 5));
        assert_eq!(wait(200, None, &body(10_018)), (Reason::RateLimited, 600));
        assert_eq!(wait(200, None, &body(10_009)), (Reason::RateLimited, 600));
        assert_eq!(wait(200, None, &body(10_016)), (Reason::ExchangeError, 5));
        assert_eq!(wait(200, None, &body(10_000)), (Reason::ExchangeError, 5));
        assert_eq!(wait(200, None, &body(10_001)), (Reason::ExchangeError, 5));
    }
}
