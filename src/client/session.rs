//! One client's connection from its upgrade to its end.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::answer::LongAnswer;
use super::outbox::{Chunks, Wire};
use super::outgoing::{FlushBuffers, Outgoing};
use super::pace::{CrumbBucket, Heartbeat, RequestBucket};
use super::subscription::{FeedsWatched, SubscriptionKey, Subscriptions};
use super::wish::Wishes;
use crate::clock::MonoNanos;
use crate::dialect::Dialects;
use crate::limits::{
    CLOSE_WAIT, CLOSE_WAIT_UNREAD, OWED_BYTES_USUAL, OWED_TAKEN_MIN, SESSION_READ_BYTES,
};
use crate::net::{NetError, Transport, WebSocket};

/// A place among the clients that may be connected; given back when it is dropped.
#[derive(Debug)]
pub struct Admission {
    places: Vec<Arc<AtomicUsize>>,
}

impl Admission {
    /// Takes one place of each; the caller has checked that there is one.
    pub fn take(places: Vec<Arc<AtomicUsize>>) -> Self {
        for place in &places {
            // Relaxed: a lone count; nothing else is published by it.
            place.fetch_add(1, Ordering::Relaxed);
        }
        Self { places }
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        for place in &self.places {
            // Relaxed: as above.
            place.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Why we close a session: RFC 6455's codes and our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CloseReason {
    /// The gateway stops.
    GoingAway,
    /// Two pings in a row stayed unanswered.
    Unanswered,
    /// It cannot take what may not be dropped.
    TooSlow,
    /// It goes on asking though it is refused.
    TooManyRequests,
}

impl CloseReason {
    pub(crate) const fn code(self) -> u16 {
        match self {
            Self::GoingAway => 1001,
            Self::Unanswered => 4000,
            Self::TooSlow => 4008,
            Self::TooManyRequests => 4029,
        }
    }

    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::GoingAway => "the gateway is stopping",
            Self::Unanswered => "two pings stayed unanswered",
            Self::TooSlow => "too slow: events waited beyond the bound; resume with from",
            Self::TooManyRequests => "too many requests, though they were refused; send fewer",
        }
    }

    /// How long the client may take to answer.
    const fn wait(self) -> Duration {
        match self {
            Self::TooSlow => CLOSE_WAIT_UNREAD,
            Self::GoingAway | Self::Unanswered | Self::TooManyRequests => CLOSE_WAIT,
        }
    }
}

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It is served.
    Open,
    /// What is queued is sent, then it is closed for this reason.
    Draining(CloseReason),
    /// A close frame is on its way, or answered; what the client still sends is read and dropped,
    /// for unread bytes would turn our end of the connection into a reset that takes the close
    /// frame along. Over when the client ends, or then.
    Closing(MonoNanos),
    /// The connection is gone; it is here until its subscriptions have ended.
    Ended,
}

/// What comes before the live events of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prelude {
    /// Nothing.
    None,
    /// The present state.
    Snapshot,
    /// The events after this seq.
    Since(u64),
}

/// A subscription that was granted and has not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Join {
    pub(crate) subscription: u32,
    pub(crate) prelude: Prelude,
}

/// One client: its socket, what it has subscribed to, what it is still to be sent.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) outgoing: Outgoing,
    /// Subscriptions that left events out and owe the newest.
    pub(crate) missed: Vec<u32>,
    /// In the turn's list of sessions to flush.
    pub(crate) is_dirty: bool,
    /// In the list of those whose output waits for nothing.
    pub(crate) is_urgent: bool,
    /// In the list of sessions that go on with joins and missed events in each turn.
    pub(crate) is_catching_up: bool,
    /// In the list of sessions whose socket may have more to read.
    pub(crate) is_readable: bool,
    /// Its socket is read again in a while, and not watched until then.
    pub(crate) is_put_off: bool,
    pub(crate) phase: Phase,
    peer_closed: bool,
    /// It broke the protocol, so that no close frame of it can be read any more: our side ends
    /// with ours.
    ends_output: bool,
    /// See `Sessions::send_once`.
    pub(crate) mark: u64,
    /// Subscriptions that have the states of their exchange's feed told.
    pub(crate) feeds: FeedsWatched,
    /// What it may speak.
    pub(crate) dialects: Dialects,
    pub(crate) subscriptions: Subscriptions,
    /// Granted subscriptions that have not begun, in the order of their requests.
    pub(crate) joins: VecDeque<Join>,
    /// What it asked for and is being told, a piece in each turn.
    pub(crate) answer: Option<Box<LongAnswer>>,
    /// It is one of the few that may be owed much.
    pub(crate) is_owed_much: bool,
    /// It waits to be.
    pub(crate) awaits_place: bool,
    /// When the kernel had last taken a fair part, of a session that is owed much, and what it took
    /// since.
    pub(crate) taken_at: MonoNanos,
    taken_bytes: usize,
    /// Bytes it sent since its last whole message.
    pub(crate) bytes_unfinished: usize,
    /// Its last read took all there was and brought no whole message, which is not yet paid for.
    has_crumb: bool,
    pub(crate) socket: Box<WebSocket<Transport>>,
    pub(crate) heartbeat: Heartbeat,
    pub(crate) bucket: RequestBucket,
    pub(crate) crumbs: CrumbBucket,
    /// What it asked for, by name; instruments to come may match.
    pub(crate) wishes: Wishes,
    pub(crate) peer: SocketAddr,
    _admission: Admission,
}

impl Session {
    pub(crate) fn new(
        socket: Box<WebSocket<Transport>>,
        (peer, dialects): (SocketAddr, Dialects),
        admission: Admission,
        heartbeat: Duration,
        now: MonoNanos,
    ) -> Self {
        Self {
            outgoing: Outgoing::new(),
            missed: Vec::new(),
            is_dirty: false,
            is_urgent: false,
            is_catching_up: false,
            is_readable: false,
            is_put_off: false,
            phase: Phase::Open,
            peer_closed: false,
            ends_output: false,
            mark: 0,
            feeds: FeedsWatched::default(),
            dialects,
            subscriptions: Subscriptions::default(),
            joins: VecDeque::new(),
            answer: None,
            is_owed_much: false,
            awaits_place: false,
            taken_at: now,
            taken_bytes: 0,
            bytes_unfinished: 0,
            has_crumb: false,
            socket,
            heartbeat: Heartbeat::new(heartbeat, now),
            bucket: RequestBucket::new(),
            crumbs: CrumbBucket::new(),
            wishes: Wishes::default(),
            peer,
            _admission: admission,
        }
    }

    /// Whether events may be sent to it.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    /// Whether its socket may be read now. A read that brought a whole message, or as much as one
    /// can, is paid for by that; the others cost a crumb, and all do when nothing is answered.
    pub(crate) fn may_read(&mut self, now: MonoNanos) -> bool {
        let is_free = self.is_open() && !self.has_crumb;
        let may_read = is_free || self.crumbs.take(now);
        self.has_crumb &= !may_read;
        may_read
    }

    /// A read of its socket brought so many bytes.
    pub(crate) const fn has_read(&mut self, bytes: usize) {
        self.bytes_unfinished += bytes;
        self.has_crumb = bytes < SESSION_READ_BYTES;
    }

    /// A read of its socket brought nothing, but for what may be part of an encrypted record.
    pub(crate) fn is_blocked(&mut self) {
        self.has_crumb |= self.socket.transport_mut().take_partial() > 0;
    }

    /// A whole message came: a sign of life.
    pub(crate) fn is_heard(&mut self) {
        (self.bytes_unfinished, self.has_crumb) = (0, false);
        self.crumbs.forgive();
        self.heartbeat.answered();
    }

    /// Whether an answer, joins or missed events wait for room.
    pub(crate) fn has_arrears(&self) -> bool {
        let owes = || !(self.joins.is_empty() && self.missed.is_empty());
        self.is_open() && (self.answer.is_some() || owes())
    }

    /// Whether it still leaves more unread than any client may, or is about to.
    pub(crate) fn is_kept_owing(&self) -> bool {
        let made = self.answer.as_ref().map_or(0, |answer| answer.bytes());
        made.max(self.outgoing.owed()) > OWED_BYTES_USUAL
    }

    /// The kernel took so many bytes.
    pub(crate) const fn has_taken(&mut self, bytes: usize, now: MonoNanos) {
        self.taken_bytes += bytes;
        if self.taken_bytes >= OWED_TAKEN_MIN {
            (self.taken_at, self.taken_bytes) = (now, 0);
        }
    }

    /// Whether what it is owed next may be more than any client may leave unread.
    pub(crate) fn wants_much(&self, book_bytes: impl Fn(&SubscriptionKey) -> usize) -> bool {
        if let Some(answer) = &self.answer {
            return answer.bytes() > OWED_BYTES_USUAL;
        }
        let next = self.joins.front().map(|join| join.subscription);
        let next = next.or(self.missed.last().copied());
        let held = next.and_then(|next| self.subscriptions.slot(next));
        held.is_some_and(|held| held.depth.is_none() && book_bytes(&held.key) > OWED_BYTES_USUAL)
    }

    /// Writes what there is to write. Returns the bytes of data that the kernel took.
    ///
    /// # Errors
    /// Those of the connection.
    pub(crate) fn flush(&mut self, buffers: &mut FlushBuffers) -> Result<usize, NetError> {
        self.outgoing.flush(&mut *self.socket, buffers)
    }

    /// The kernel says that it takes bytes again. Under TLS it takes what stands encrypted first;
    /// an error there shows again in the next write.
    pub(crate) fn set_writable(&mut self) {
        self.outgoing.set_writable();
        if self.socket.transport().wants_write() {
            let _ = self.socket.transport_mut().flush();
        }
    }

    /// Whether anything waits to be written.
    pub(crate) fn has_output(&self) -> bool {
        !self.outgoing.is_empty() || self.socket.control_pending()
    }

    /// Whether anything waits to be written that the kernel may take.
    pub(crate) fn is_flushable(&self) -> bool {
        self.outgoing.is_writable() && self.has_output()
    }

    /// Whether both sides have closed and all is said.
    pub(crate) fn is_over(&self) -> bool {
        self.peer_closed && !self.socket.control_pending()
    }

    /// Sends a close frame ahead of the data that waits, which is dropped.
    pub(crate) fn close(&mut self, reason: CloseReason, chunks: &mut Chunks, now: MonoNanos) {
        self.outgoing.drop_data(chunks);
        self.answer = None;
        self.socket.queue_close(reason.code(), reason.text());
        self.phase = Phase::Closing(now.after(reason.wait()));
    }

    /// The client closed, or answered our close; the reply is queued already.
    pub(crate) fn closed_by_peer(&mut self, chunks: &mut Chunks, now: MonoNanos) {
        self.peer_closed = true;
        self.stop(chunks, now);
    }

    /// The client broke the protocol; a close frame that says so is queued already.
    pub(crate) fn failed(&mut self, chunks: &mut Chunks, now: MonoNanos) {
        self.ends_output = true;
        self.stop(chunks, now);
    }

    /// Ends our side of a connection whose client broke the protocol, once it was told. The client
    /// has nothing to wait for then, and ends its own.
    pub(crate) fn end_output(&mut self) {
        if self.ends_output && !self.has_output() {
            self.ends_output = false;
            self.socket.transport_mut().shutdown();
        }
    }

    /// Ends the connection, and gives back all but the subscriptions.
    pub(crate) fn end(&mut self, chunks: &mut Chunks) {
        self.phase = Phase::Ended;
        self.socket.transport_mut().shutdown();
        self.outgoing.release(chunks);
        self.answer = None;
        self.wishes = Wishes::default();
        (self.joins, self.missed) = (VecDeque::new(), Vec::new());
    }

    fn stop(&mut self, chunks: &mut Chunks, now: MonoNanos) {
        self.outgoing.drop_data(chunks);
        self.answer = None;
        if !matches!(self.phase, Phase::Closing(_)) {
            self.phase = Phase::Closing(now.after(CLOSE_WAIT));
        }
    }
}

impl Wire for WebSocket<Transport> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, NetError> {
        loop {
            match self.transport_mut().write(bytes) {
                Ok(0) => return Err(NetError::Reset),
                Ok(count) => return Ok(count),
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => return Ok(0),
                    io::ErrorKind::Interrupted => {}
                    _ => return Err(NetError::of_socket(&error)),
                },
            }
        }
    }

    fn has_control(&self) -> bool {
        self.control_pending()
    }

    fn write_control(&mut self) -> Result<bool, NetError> {
        Ok(self.flush()? == crate::net::Flush::Done)
    }
}
