//! What Coinbase refuses with, on both its feeds: a message, and a reason behind some of them.
//!
//! Sources: docs.cdp.coinbase.com (overview and rate limits of the Exchange's and of Advanced
//! Trade's WebSocket and REST; 2026-10), and messages seen by clients, where they are marked so.
//! The wording of reasons is documented to be no promise: whatever is refused in words that are
//! not known here is looked for, and asked for again.

use std::time::Duration;

use crate::exchange::RefusalKind;
use crate::exchange::refusal::{Refusals, Row, too_much, unavailable, words};
use crate::exchange::rest::{Answer, Answers};
use crate::tick::Reason;

const TABLE: &[Row] = &[
    // 100 messages a second and address on the Exchange, 8 on Advanced Trade.
    words("rate limit", too_much(1)),
    words("too many requests", too_much(1)),
    words("too many messages", too_much(1)),
    // Seen since 2025, of books on Advanced Trade: a connection may have so many and no more.
    words("too many L2 streams", RefusalKind::Permanent),
    // Ten to a product and channel and account.
    words("subscription limit", RefusalKind::Permanent),
    words("exceeded the maximum number of subscriptions", RefusalKind::Permanent),
    words("is not a valid product", RefusalKind::Permanent),
    words("is not a valid channel", RefusalKind::Permanent),
    words("is delisted", RefusalKind::Permanent),
    words("No channels provided", RefusalKind::Permanent),
    words("No product_ids provided", RefusalKind::Permanent),
    words("now require authentication", RefusalKind::Permanent),
    words("authentication failure", RefusalKind::Permanent),
    words("Malformed JSON", RefusalKind::Permanent),
    words("Type has to be either subscribe or unsubscribe", RefusalKind::Permanent),
    // "When the client is actively disconnected": of one that reads too slowly, sends too much, or
    // too much at once. What was to come is dropped, so that the connection is of no use from here.
    words("ErrSlowConsume", ENDS),
    words("ErrSlowRead", ENDS),
    words("Message too big", ENDS),
    words("Internal server error", unavailable(5)),
];

/// The connection ends, and the next one may be opened at once.
const ENDS: RefusalKind =
    RefusalKind::Fatal { reason: Reason::ExchangeError, wait: Duration::from_secs(1) };

/// Of REST, and of upgrades. The limit of REST is by the second.
const ANSWERS: &[Answer] = &[
    Answer::too_much(429, "", 1),
    // Cloudflare keeps an address out that came too often.
    Answer::too_much(403, "1015", 600),
];

/// All of them. No close frame of its own is documented.
pub(in crate::exchange) const REFUSALS: Refusals =
    Refusals { replies: TABLE, answers: Answers::of(ANSWERS), closes: &[] };

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::UnixNanos;
    use crate::exchange::coinbase::Coinbase;
    use crate::exchange::coinbase_advanced::CoinbaseAdvanced;
    use crate::exchange::testing::{refused_by, waits};

    #[test]
    fn every_known_message_has_its_kind() {
        let failed = "Failed to subscribe";
        let rows = [
            ("Rate limit exceeded", "", too_much(1)),
            (failed, "rate limit exceeded", too_much(1)),
            (failed, "Too many requests", too_much(1)),
            ("too many messages", "", too_much(1)),
            ("too many L2 streams requested in a single session", "", RefusalKind::Permanent),
            (failed, "subscription limit of BTC-USD full reached", RefusalKind::Permanent),
            (failed, "exceeded the maximum number of subscriptions", RefusalKind::Permanent),
            (failed, "BTC-XXX is not a valid product", RefusalKind::Permanent),
            (failed, "levels is not a valid channel", RefusalKind::Permanent),
            (failed, "OLD-USD is delisted", RefusalKind::Permanent),
            (failed, "No channels provided", RefusalKind::Permanent),
            (failed, "No product_ids provided", RefusalKind::Permanent),
            (
                failed,
                "level2, level3, and full channels now require authentication.",
                RefusalKind::Permanent,
            ),
            ("authentication failure", "", RefusalKind::Permanent),
            ("Malformed JSON", "", RefusalKind::Permanent),
            ("Type has to be either subscribe or unsubscribe", "", RefusalKind::Permanent),
            ("ErrSlowConsume", "", ENDS),
            ("ErrSlowRead", "", ENDS),
            ("Message too big", "", ENDS),
            ("Internal server error", "", unavailable(5)),
            (failed, "please try again later", unavailable(5)),
            (failed, "of words that nobody knows", RefusalKind::Unknown),
        ];
        for (message, reason, expected) in rows {
            let text = match reason {
                "" => format!(r#"{{"type":"error","message":"{message}"}}"#),
                _ => format!(r#"{{"type":"error","message":"{message}","reason":"{reason}"}}"#),
            };
            for (_, _, kind) in [
                refused_by(&mut Coinbase::new(), &text),
                refused_by(&mut CoinbaseAdvanced::new(), &text),
            ] {
                assert_eq!(kind, expected, "{text}");
            }
        }
    }

    #[test]
    fn a_refusal_tells_how_long_to_wait() {
        let wait = waits(&REFUSALS, UnixNanos::NONE);
        assert_eq!(wait(429, None, ""), (Reason::RateLimited, 1));
        assert_eq!(wait(429, Some("3"), ""), (Reason::RateLimited, 3));
        assert_eq!(wait(403, None, "error code: 1015"), (Reason::RateLimited, 600));
        assert_eq!(wait(403, None, ""), (Reason::ExchangeError, 600));
        assert_eq!(wait(451, None, ""), (Reason::ExchangeError, 3_600));
        assert_eq!(wait(503, None, ""), (Reason::ExchangeError, 5));
    }
}
