//! What an exchange's refusal is worth: for now, for good, no refusal at all, or the end.
//!
//! Each adapter has a table of what its exchange is documented, or was seen, to answer
//! (`errors.rs` in its folder). What stands in no table is read by the words that exchanges share,
//! and what those do not tell is asked for again, ever more rarely: see [`RefusalKind::Unknown`].

use std::time::Duration;

use super::rest::Answers;
use crate::tick::Reason;

/// What follows from a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// For now only: the same is asked for again after a wait, which grows while it does not help.
    Temporary {
        /// Why. [`Reason::RateLimited`] is about all that we say on the connection, so that nothing
        /// is asked meanwhile; anything else is about these streams alone.
        reason: Reason,
        /// The first wait.
        wait: Duration,
    },
    /// For good: told by name and given up. It is asked for again only very rarely.
    Permanent,
    /// What was asked for is so already: the stream is there, or was left before.
    AlreadySo,
    /// Nothing will be served on this connection any more.
    Fatal {
        /// Why.
        reason: Reason,
        /// The next one is not opened before.
        wait: Duration,
    },
    /// Nobody knows. If it is one stream's fault it must not sink those that were asked for with
    /// it, so it is looked for as for one that is refused for good. If it was a bad moment of the
    /// exchange's, giving up would leave a stream silent until the next connection, maybe for
    /// days. So the one that is found is told by name, and asked for again, ever more rarely: at
    /// the worst that costs a request every few minutes.
    Unknown,
}

impl RefusalKind {
    /// As logs and metrics spell them, in the order of [`RefusalKind::index`].
    pub const NAMES: [&'static str; 5] =
        ["temporary", "permanent", "already_so", "fatal", "unknown"];

    /// Its place among [`RefusalKind::NAMES`].
    pub const fn index(self) -> usize {
        match self {
            Self::Temporary { .. } => 0,
            Self::Permanent => 1,
            Self::AlreadySo => 2,
            Self::Fatal { .. } => 3,
            Self::Unknown => 4,
        }
    }

    /// As logs and metrics spell it.
    pub const fn name(self) -> &'static str {
        Self::NAMES[self.index()]
    }
}

/// A refusal that is about how much was asked.
pub(super) const fn too_much(seconds: u64) -> RefusalKind {
    RefusalKind::Temporary { reason: Reason::RateLimited, wait: Duration::from_secs(seconds) }
}

/// A refusal by an exchange that cannot serve a stream for now.
pub(super) const fn unavailable(seconds: u64) -> RefusalKind {
    RefusalKind::Temporary { reason: Reason::Unavailable, wait: Duration::from_secs(seconds) }
}

/// A refusal of our address.
pub(super) const fn banned(seconds: u64) -> RefusalKind {
    RefusalKind::Fatal { reason: Reason::RateLimited, wait: Duration::from_secs(seconds) }
}

/// A row of an adapter's table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// The exchange's code; any when empty.
    code: &'static str,
    /// What its words hold, in letters of either case; anything when empty.
    words: &'static str,
    kind: RefusalKind,
}

impl Row {
    fn fits(&self, code: &str, text: &str) -> bool {
        (self.code.is_empty() || self.code == code)
            && (self.words.is_empty() || holds(text, self.words))
    }
}

/// A row for a code.
pub(super) const fn code(code: &'static str, kind: RefusalKind) -> Row {
    Row { code, words: "", kind }
}

/// A row for words.
pub(super) const fn words(words: &'static str, kind: RefusalKind) -> Row {
    Row { code: "", words, kind }
}

/// A row for a code with words.
pub(super) const fn both(code: &'static str, words: &'static str, kind: RefusalKind) -> Row {
    Row { code, words, kind }
}

/// What exchanges say alike, for what their own tables lack. The wait is that of the table's
/// neighbours: the windows of the limits are seconds, except for bans.
const SHARED: &[Row] = &[
    words("already subscribed", RefusalKind::AlreadySo),
    words("already unsubscribed", RefusalKind::AlreadySo),
    words("not subscribed", RefusalKind::AlreadySo),
    words("subscription not found", RefusalKind::AlreadySo),
    words("banned", banned(600)),
    words("rate limit", too_much(5)),
    words("ratelimit", too_much(5)),
    words("msg rate", too_much(5)),
    words("message rate", too_much(5)),
    words("too many requests", too_much(5)),
    words("too many messages", too_much(5)),
    words("too many visits", too_much(5)),
    words("too frequent", too_much(5)),
    words("too fast", too_much(5)),
    words("throttl", too_much(5)),
    words("slow down", too_much(5)),
    words("try again", unavailable(5)),
    words("retry", unavailable(5)),
    words("temporar", unavailable(5)),
    words("unavailable", unavailable(5)),
    words("maintenance", unavailable(30)),
    words("timeout", unavailable(5)),
    words("timed out", unavailable(5)),
    words("busy", unavailable(5)),
    words("overload", unavailable(5)),
    words("restarting", unavailable(5)),
    words("internal error", unavailable(5)),
    words("internal server error", unavailable(5)),
    words("server error", unavailable(5)),
    words("system error", unavailable(5)),
];

/// Close codes that mean the same everywhere (RFC 6455 and IANA's registry of close codes). Others
/// say nothing of when to come back: 1000, 1001 (going away), 1006, 1011 and 1012 (restarting).
const CLOSES: &[Row] = &[
    // A rule of theirs was broken, and will be by who does the same at once.
    code("1008", too_much(5)),
    // A message of ours was too long; the next will be.
    code("1009", unavailable(60)),
    // "Try again later."
    code("1013", unavailable(5)),
];

/// All that an exchange is known to refuse with. Of each table the first row that fits counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refusals {
    /// On its streams.
    pub(super) replies: &'static [Row],
    /// Beside them, and to upgrades.
    pub(super) answers: Answers,
    /// By closing.
    pub(super) closes: &'static [Row],
}

impl Refusals {
    /// What a reply on a stream comes to: by the exchange's own rows, then by the words that
    /// exchanges share.
    #[cold]
    pub(super) fn reply(&self, code: &str, text: &str) -> RefusalKind {
        let fits = |row: &&Row| row.fits(code, text);
        let row = self.replies.iter().find(fits).or_else(|| SHARED.iter().find(fits));
        row.map_or(RefusalKind::Unknown, |row| row.kind)
    }

    /// What a close frame asks of us: why the connection ended, and the shortest wait before the
    /// next. By the exchange's own rows, its words as far as exchanges share them, then its code.
    #[cold]
    pub(super) fn close(&self, code: u16, text: &str) -> Option<(Reason, Duration)> {
        let code = format!("{code}");
        let fits = |row: &&Row| row.fits(&code, text);
        let row = self.closes.iter().find(fits).or_else(|| SHARED.iter().find(fits));
        match row.or_else(|| CLOSES.iter().find(fits))?.kind {
            RefusalKind::Temporary { reason, wait } | RefusalKind::Fatal { reason, wait } => {
                Some((reason, wait))
            }
            RefusalKind::Permanent | RefusalKind::AlreadySo | RefusalKind::Unknown => None,
        }
    }
}

/// Whether a text holds some words, in letters of either case.
fn holds(text: &str, words: &str) -> bool {
    let (text, words) = (text.as_bytes(), words.as_bytes());
    text.windows(words.len()).any(|part| part.eq_ignore_ascii_case(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adapters_own_rows_come_first_and_within_a_table_the_first_that_fits() {
        const TABLE: &[Row] = &[
            both("7", "banned", banned(60)),
            code("7", too_much(3)),
            words("rate limit of candles", RefusalKind::Permanent),
        ];
        let refusals = Refusals { replies: TABLE, answers: Answers::of(&[]), closes: &[] };
        for (code, words, kind) in [
            ("7", "IP BANNED until noon", banned(60)),
            ("7", "", too_much(3)),
            ("77", "", RefusalKind::Unknown),
            ("8", "the Rate Limit of candles", RefusalKind::Permanent),
            ("8", "the rate limit", too_much(5)),
            ("", "Please try again later", unavailable(5)),
            ("", "error:Already Subscribed", RefusalKind::AlreadySo),
            ("", "what is this", RefusalKind::Unknown),
        ] {
            assert_eq!(refusals.reply(code, words), kind, "{code} {words}");
        }
    }

    #[test]
    fn a_close_frame_says_when_to_come_back_where_it_says_anything() {
        const CLOSES: &[Row] = &[code("4008", too_much(60))];
        let refusals = Refusals { replies: &[], answers: Answers::of(&[]), closes: CLOSES };
        let judged = |code, words: &str| refusals.close(code, words);
        let wait = |reason, seconds| Some((reason, Duration::from_secs(seconds)));
        assert_eq!(judged(4_008, "x"), wait(Reason::RateLimited, 60));
        assert_eq!(judged(1_008, "Invalid request"), wait(Reason::RateLimited, 5));
        assert_eq!(judged(1_013, "Market data unavailable"), wait(Reason::Unavailable, 5));
        assert_eq!(judged(1_001, "maintenance"), wait(Reason::Unavailable, 30));
        assert_eq!(judged(1_000, "Too many requests"), wait(Reason::RateLimited, 5));
        for code in [1_000, 1_001, 1_005, 1_006, 1_011, 1_012, 4_004] {
            assert_eq!(judged(code, ""), None, "{code}");
        }
    }

    #[test]
    fn every_kind_has_its_own_name() {
        let all = [
            too_much(1),
            RefusalKind::Permanent,
            RefusalKind::AlreadySo,
            banned(1),
            RefusalKind::Unknown,
        ];
        assert_eq!(all.map(RefusalKind::name), RefusalKind::NAMES);
    }
}
