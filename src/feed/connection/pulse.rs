//! The rhythm of a whole connection. When it breaks, the exchange is asked whether it is there.
//!
//! A half-open connection looks like a quiet market: nothing comes, and nothing says that nothing
//! will. What tells them apart is a question, since every exchange answers one:
//!
//! ```text
//!        silent beyond the rhythm          no answer         still none, and nothing unread
//! heard ─────────────────────────▶ asked ────────────▶ doubted ─────────────────────────▶ dead
//!   ▲                                │                    │
//!   └────────── any whole message ───┴────────────────────┘
//! ```
//!
//! Asking costs a few bytes, so it is done early: after half as much again as the largest gap of the
//! last seconds. Where events come at random some gap is that long by chance once or twice in a
//! minute, and a ping then goes out for nothing. Only a question that stays without any answer ends a connection, and only
//! time counts in which we could have heard one. That it brings anything is another matter, see `flow.rs`
//! and, stream by stream, `rhythm.rs`.

use std::time::Duration;

use crate::clock::MonoNanos;
use crate::limits::{
    PULSE_ANSWER_MAX, PULSE_ANSWERS_FADE, PULSE_ASK_AFTER_MAX, PULSE_ASK_AFTER_MIN,
    PULSE_ASK_AFTER_PERCENT, PULSE_DOUBT_AFTER, PULSE_DOUBT_AFTER_PERCENT, PULSE_LISTEN_MIN,
    PULSE_PART_BYTES, PULSE_SIGNS_MIN, PULSE_WINDOW,
};

/// What a look at a connection says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::feed) enum Look {
    /// Nothing is to be done.
    Fine,
    /// Its rhythm is broken: it is to be asked.
    Ask,
    /// It answered.
    Answered,
    /// It did not answer in time; what the kernel may still hold of it is to be read before that
    /// is held against it.
    ReadFirst,
    /// It did not answer, and nothing is left unread.
    Dead,
}

/// A question that was not answered yet.
#[derive(Clone, Copy, Debug)]
struct Asked {
    /// Since when an answer could be heard.
    at: MonoNanos,
    /// Signs of life until then.
    signs: u64,
    doubted: bool,
    /// The last read before the verdict was asked for.
    reads: bool,
}

/// The signs of life of one connection.
#[derive(Debug)]
pub(in crate::feed) struct Pulse {
    /// When the last one came, or could have been heard.
    heard: MonoNanos,
    /// When the last one did come.
    said: MonoNanos,
    /// When the first one came.
    first: MonoNanos,
    signs: u64,
    /// The largest gaps of the present window and of the one before.
    largest_ns: [u64; 2],
    window_end: MonoNanos,
    asked: Option<Asked>,
    /// How long answers take: the slowest, and of faster ones since a part of that.
    answer_ns: u64,
    /// Bytes of an unfinished message since the last sign of life.
    part_bytes: usize,
}

impl Pulse {
    /// Of a connection that opens now.
    pub(in crate::feed) const fn new(now: MonoNanos) -> Self {
        Self {
            heard: now,
            said: now,
            first: now,
            signs: 0,
            largest_ns: [0; 2],
            window_end: now,
            asked: None,
            answer_ns: 0,
            part_bytes: 0,
        }
    }

    /// When it was heard last.
    pub(in crate::feed) const fn heard(&self) -> MonoNanos {
        self.heard
    }

    /// When its last sign of life came, be it that nobody could listen since.
    pub(in crate::feed) const fn said(&self) -> MonoNanos {
        self.said
    }

    /// Bytes came, of a message or a part of one. True when they are a sign of life by themselves,
    /// and answer a question.
    #[inline]
    pub(in crate::feed) fn hear_part(&mut self, bytes: usize, now: MonoNanos) -> bool {
        self.part_bytes += bytes;
        self.part_bytes >= PULSE_PART_BYTES && self.hear(now)
    }

    /// A whole message came, whatever it is. True when it answers a question.
    #[inline]
    pub(in crate::feed) fn hear(&mut self, now: MonoNanos) -> bool {
        let gap_ns = now.since(self.heard);
        self.part_bytes = 0;
        (self.heard, self.said) = (now, now);
        self.signs += 1;
        if now >= self.window_end {
            self.largest_ns = [0, self.largest_ns[0]];
            self.window_end = now.after(PULSE_WINDOW);
        }
        if self.signs == 1 {
            self.first = now;
        } else {
            self.largest_ns[0] = self.largest_ns[0].max(gap_ns);
        }
        self.asked.is_some()
    }

    /// Nobody listened until now: silence is nobody's fault, and an answer may still come.
    pub(in crate::feed) fn excuse(&mut self, now: MonoNanos) {
        self.heard = self.heard.max(now);
        if let Some(asked) = &mut self.asked {
            (asked.at, asked.reads) = (now, false);
        }
    }

    /// It was asked.
    pub(in crate::feed) const fn ask(&mut self, now: MonoNanos) {
        self.asked = Some(Asked { at: now, signs: self.signs, doubted: false, reads: false });
    }

    /// Whether it was asked, and has not answered yet.
    pub(in crate::feed) fn awaits_answer(&self) -> bool {
        self.asked.is_some_and(|asked| asked.signs == self.signs)
    }

    /// Whether it was asked, and has not answered for so long that its books may be old.
    pub(in crate::feed) fn is_doubted(&self) -> bool {
        self.asked.is_some_and(|asked| asked.doubted && asked.signs == self.signs)
    }

    /// Looks at it; `unread` says that the socket may hold something.
    pub(in crate::feed) fn look(&mut self, now: MonoNanos, unread: bool) -> Look {
        let Some(asked) = &mut self.asked else {
            return if now >= self.due() { Look::Ask } else { Look::Fine };
        };
        if asked.signs != self.signs {
            self.answer_ns = self
                .heard
                .since(asked.at)
                .max(self.answer_ns - self.answer_ns / PULSE_ANSWERS_FADE);
            self.asked = None;
            return Look::Answered;
        }
        asked.doubted |= now >= asked.at.after(doubt_after(self.answer_ns));
        if now < asked.at.after(PULSE_ANSWER_MAX) {
            return Look::Fine;
        }
        if !std::mem::replace(&mut asked.reads, true) {
            return Look::ReadFirst;
        }
        if unread { Look::Fine } else { Look::Dead }
    }

    /// When to look next.
    pub(in crate::feed) fn due(&self) -> MonoNanos {
        match self.asked {
            None => self.heard.after(self.patience()),
            Some(Asked { at, doubted: false, .. }) => at.after(doubt_after(self.answer_ns)),
            Some(Asked { at, .. }) => at.after(PULSE_ANSWER_MAX),
        }
    }

    /// How long it may be silent before it is asked.
    fn patience(&self) -> Duration {
        if self.signs < PULSE_SIGNS_MIN
            || self.heard.since(self.first) < PULSE_LISTEN_MIN.as_nanos() as u64
        {
            return PULSE_ASK_AFTER_MAX;
        }
        let largest_ns = self.largest_ns[0].max(self.largest_ns[1]);
        let silence =
            Duration::from_nanos(largest_ns.saturating_mul(PULSE_ASK_AFTER_PERCENT) / 100);
        silence.clamp(PULSE_ASK_AFTER_MIN, PULSE_ASK_AFTER_MAX)
    }
}

/// How long a question may stay without an answer before it is a doubt; the end of the connection
/// comes first where answers are that slow.
fn doubt_after(answer_ns: u64) -> Duration {
    let usual = Duration::from_nanos(answer_ns.saturating_mul(PULSE_DOUBT_AFTER_PERCENT) / 100);
    usual.clamp(PULSE_DOUBT_AFTER, PULSE_ANSWER_MAX)
}

#[cfg(test)]
mod tests;
