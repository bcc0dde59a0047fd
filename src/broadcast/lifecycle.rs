//! How sessions begin, are looked after, and end; and how the thread comes to its own end.

use mio::Token;

use super::{Broadcaster, Course, OpenSocket};
use crate::client::{Beat, CloseReason, Phase, Session};
use crate::clock::MonoNanos;
use crate::limits::{OWED_LARGE_UNREAD_MAX, SESSIONS_SWEPT_PER_TURN, SWEEP_EVERY};

impl Broadcaster {
    /// Begins to serve a client.
    pub(super) fn open(&mut self, open: OpenSocket, now: MonoNanos) {
        if self.course != Course::Serving {
            return;
        }
        let OpenSocket { socket, peer, dialects, admission } = open;
        let session =
            Session::new(socket, (peer, dialects), admission, self.options.heartbeat, now);
        let slot = self.sessions.insert(Box::new(session));
        let Some(session) = self.sessions.get_mut(slot) else { return };
        let registry = self.poller.registry();
        if let Err(error) = session.socket.transport_mut().register(registry, Token(slot as usize))
        {
            tracing::warn!(%peer, %error, "cannot watch a client's socket");
            self.sessions.remove(slot);
            return;
        }
        // It may have spoken already; then no readiness is reported any more.
        self.sessions.mark_readable(slot);
        self.counters.clients.set(self.sessions.len() as u64);
    }

    /// Closes a session: a close frame is on its way, and what the client still says is read.
    pub(super) fn close(&mut self, slot: u32, reason: CloseReason, now: MonoNanos) {
        let Some(session) = self.sessions.get_mut(slot) else { return };
        session.close(reason, &mut self.buffers.chunks, now);
        self.sessions.leave_place(slot);
        self.sessions.mark_urgent(slot);
        // It was not heard while it was being answered.
        self.sessions.mark_readable(slot);
    }

    /// Looks at heartbeats and at closes that wait for their answer, some sessions per turn.
    pub(super) fn sweep(&mut self, now: MonoNanos) {
        if self.sweep_next == 0 {
            if now < self.sweep_due {
                return;
            }
            self.sweep_due = now.after(SWEEP_EVERY);
            // A feed that ended leaves its ring behind.
            self.feeds.retain(|feed| feed.ticks.waiting() > 0 || !feed.ticks.is_abandoned());
        }
        let end = self.sessions.slots().min(self.sweep_next + SESSIONS_SWEPT_PER_TURN);
        for slot in self.sweep_next..end {
            self.look_after(slot, now);
        }
        self.sweep_next = if end == self.sessions.slots() { 0 } else { end };
    }

    fn look_after(&mut self, slot: u32, now: MonoNanos) {
        let Some(session) = self.sessions.get_mut(slot) else { return };
        match session.phase {
            Phase::Closing(until) if now >= until => self.end(slot),
            Phase::Closing(_) | Phase::Ended => {}
            Phase::Open
                if session.is_owed_much && session.taken_at.after(OWED_LARGE_UNREAD_MAX) <= now =>
            {
                self.counters.slow_closes.increment();
                self.close(slot, CloseReason::TooSlow, now);
            }
            Phase::Open | Phase::Draining(_) => match session.heartbeat.beat(now) {
                Beat::Rest => {}
                Beat::Ping => {
                    // Refused only after a close, and then there is nothing to find out.
                    let _ = session.socket.queue_ping(b"");
                    self.sessions.mark_urgent(slot);
                }
                Beat::Dead => self.close(slot, CloseReason::Unanswered, now),
            },
        }
    }

    /// After a stop: once the rings are empty, every session drains; when it has, or its time is
    /// over, it is closed.
    pub(super) fn go_on_draining(&mut self, now: MonoNanos) {
        let Course::Draining(until) = self.course else { return };
        let overdue = now >= until;
        if self.sessions.len() == 0 || overdue {
            self.ends_left = usize::MAX;
            for slot in 0..self.sessions.slots() {
                self.end(slot);
            }
            self.course = Course::Ended;
            return;
        }
        // The last quarter of the time is for close frames.
        let late = now.after(self.options.drain_max / 4) >= until;
        if !late && self.feeds.iter().any(|feed| feed.ticks.waiting() > 0) {
            return;
        }
        for slot in 0..self.sessions.slots() {
            let Some(session) = self.sessions.get_mut(slot) else { continue };
            match session.phase {
                Phase::Open => {
                    session.phase = Phase::Draining(CloseReason::GoingAway);
                    session.answer = None;
                    self.sessions.mark_urgent(slot);
                    self.sessions.mark_readable(slot);
                }
                Phase::Draining(reason) if late => self.close(slot, reason, now),
                Phase::Draining(_) | Phase::Closing(_) | Phase::Ended => {}
            }
        }
    }
}
