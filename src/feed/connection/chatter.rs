//! What a connection says without bringing anything: pings, pongs, and crumbs of messages.
//!
//! An exchange pings once in seconds and cuts no message into crumbs. Reading such frames is bounded
//! per turn like reading anything; who sends nothing else at a rate that nobody who means well comes
//! near would still have a share of every turn, and is let go.

use crate::clock::MonoNanos;
use crate::limits::{CHATTER_FRAMES_MAX, CHATTER_WINDOW, ERROR_FRAMES_MAX};
use crate::net::NetError;

/// A part of a message with fewer bytes than this is a crumb. Servers that cut their messages do so
/// at some KiB, and packets are cut at 1,448 bytes.
const CRUMB_BYTES: usize = 128;

/// Reads that may bring a crumb before something is whole: of a server that sends a message's head by
/// itself, and the message.
const CRUMBS_READ_USUAL: u8 = 2;

/// Counts them.
#[derive(Debug, Default)]
pub(in crate::feed) struct Chatter {
    frames: u32,
    window_end: MonoNanos,
    /// Reads in a row that brought a crumb each, since the last that is whole; no more than count.
    crumbs_read: u8,
}

impl Chatter {
    /// One more control frame came.
    ///
    /// # Errors
    /// [`NetError::Chatter`] when it is one too many.
    #[inline]
    pub(in crate::feed) fn hear(&mut self, now: MonoNanos) -> Result<(), NetError> {
        if now >= self.window_end {
            (self.frames, self.window_end) = (0, now.after(CHATTER_WINDOW));
        }
        self.frames += 1;
        match self.frames {
            0..=CHATTER_FRAMES_MAX => Ok(()),
            frames => Err(NetError::Chatter { frames }),
        }
    }

    /// A part of a message came, with so many bytes.
    ///
    /// # Errors
    /// See [`Chatter::hear`].
    pub(in crate::feed) fn hear_part(
        &mut self,
        bytes: usize,
        now: MonoNanos,
    ) -> Result<(), NetError> {
        self.hear_whole();
        if bytes < CRUMB_BYTES { self.hear(now) } else { Ok(()) }
    }

    /// A whole frame, or a part of a message that was cut into frames.
    #[inline]
    pub(in crate::feed) const fn hear_whole(&mut self) {
        self.crumbs_read = 0;
    }

    /// A read brought so many bytes, of frames or of a record of TLS. Each crumb is a wake-up, and more
    /// than [`CRUMBS_READ_USUAL`] before anything is whole are there for nothing else.
    ///
    /// # Errors
    /// See [`Chatter::hear`].
    #[inline]
    pub(in crate::feed) fn hear_read(
        &mut self,
        bytes: usize,
        now: MonoNanos,
    ) -> Result<(), NetError> {
        if bytes >= CRUMB_BYTES {
            self.crumbs_read = 0;
            Ok(())
        } else if self.crumbs_read < CRUMBS_READ_USUAL {
            self.crumbs_read += 1;
            Ok(())
        } else {
            self.hear(now)
        }
    }
}

/// Counts errors that answer nothing.
#[derive(Debug, Default)]
pub(in crate::feed) struct Complaints {
    count: u32,
    window_end: MonoNanos,
}

impl Complaints {
    /// One more. True when the connection brings little else.
    pub(in crate::feed) fn hear(&mut self, now: MonoNanos) -> bool {
        if self.count == 0 {
            self.window_end = now.after(CHATTER_WINDOW);
        }
        self.count = self.count.saturating_add(1);
        self.count > ERROR_FRAMES_MAX
    }

    /// Data came: what was said before the last second is forgotten.
    #[inline]
    pub(in crate::feed) fn calm(&mut self, now: MonoNanos) {
        if self.count > 0 && now >= self.window_end {
            self.count = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn errors_among_data_are_forgiven_and_errors_alone_or_in_a_flood_are_not() {
        let mut complaints = Complaints::default();
        let mut now = MonoNanos(1);
        for _ in 0..1_000 {
            now = now.after(Duration::from_millis(100));
            complaints.calm(now);
            assert!(!complaints.hear(now), "ten a second among data");
        }
        let mut in_a_row = |complaints: &mut Complaints, calms| {
            (0..=ERROR_FRAMES_MAX).any(|_| {
                now = now.after(Duration::from_millis(if calms { 1 } else { 900 }));
                if calms {
                    complaints.calm(now);
                }
                complaints.hear(now)
            })
        };
        assert!(in_a_row(&mut Complaints::default(), false), "nothing but them, however slowly");
        assert!(in_a_row(&mut Complaints::default(), true), "many, though data comes");
    }

    #[test]
    fn pings_of_any_exchange_are_welcome_for_ever_and_a_flood_is_not() {
        let mut chatter = Chatter::default();
        let mut now = MonoNanos(1);
        for _ in 0..100_000 {
            now = now.after(Duration::from_millis(10));
            assert!(chatter.hear(now).is_ok());
        }
        for _ in 0..1 << 20 {
            assert!(chatter.hear_part(4 << 10, now).is_ok(), "a large message in parts");
        }
        let flood = (0..=CHATTER_FRAMES_MAX).try_for_each(|_| chatter.hear_part(0, now));
        assert!(matches!(flood, Err(NetError::Chatter { .. })), "{flood:?}");
    }

    #[test]
    fn a_byte_at_a_time_is_chatter_and_heads_by_themselves_are_not() {
        let (mut chatter, now) = (Chatter::default(), MonoNanos(1));
        for _ in 0..1 << 20 {
            assert!(chatter.hear_read(4, now).is_ok(), "a head, and then what it is the head of");
            assert!(chatter.hear_read(100, now).is_ok(), "which may be small");
            chatter.hear_whole();
        }
        let most = u32::from(CRUMBS_READ_USUAL) + CHATTER_FRAMES_MAX;
        let most = (0..most).try_for_each(|_| chatter.hear_read(1, now));
        assert!(most.is_ok(), "{most:?}");
        let flood = chatter.hear_read(1, now);
        assert!(matches!(flood, Err(NetError::Chatter { .. })), "{flood:?}");
        let later = now.after(CHATTER_WINDOW);
        assert!(chatter.hear_read(1, later).is_ok(), "they are counted by the second");
    }
}
