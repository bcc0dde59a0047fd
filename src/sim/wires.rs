//! All connections of a simulator, as those who speak on them see them.

use std::sync::Arc;

use super::connection::{Connection, Phase};
use super::stats::Counters;
use super::tamper::Tamper;
use crate::clock::MonoNanos;

/// Backlog at which a market without a rate waits for its clients.
const ROOM_BYTES: usize = 256 << 10;

/// One connection: its place among the others, reused after its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ConnectionId(pub(super) usize);

/// All connections.
#[derive(Debug)]
pub(super) struct Wires {
    slots: Vec<Option<Connection>>,
    /// A client further behind is cut off, as exchanges do.
    backlog_max: usize,
    /// The next data frame is preceded by a cut copy of itself.
    pub(super) truncate_next: bool,
    /// What happens to single frames.
    pub(super) tamper: Tamper,
    /// When the present turn began.
    pub(super) now: MonoNanos,
    counters: Arc<Counters>,
}

impl Wires {
    pub(super) const fn new(backlog_max: usize, tamper: Tamper, counters: Arc<Counters>) -> Self {
        let now = MonoNanos::ZERO;
        Self { slots: Vec::new(), backlog_max, truncate_next: false, tamper, now, counters }
    }

    /// Takes a connection in.
    pub(super) fn add(&mut self, connection: Connection) -> ConnectionId {
        let index = self.slots.iter().position(Option::is_none).unwrap_or(self.slots.len());
        if index == self.slots.len() {
            self.slots.push(None);
        }
        self.slots[index] = Some(connection);
        ConnectionId(index)
    }

    pub(super) fn remove(&mut self, id: ConnectionId) -> Option<Connection> {
        self.tamper.forget(id);
        self.slots.get_mut(id.0)?.take()
    }

    pub(super) fn connection(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.slots.get_mut(id.0)?.as_mut()
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = ConnectionId> + use<> {
        let taken = |(index, slot): (usize, &Option<Connection>)| slot.as_ref().map(|_| index);
        let ids: Vec<usize> = self.slots.iter().enumerate().filter_map(taken).collect();
        ids.into_iter().map(ConnectionId)
    }

    /// The connections whose WebSocket is open.
    pub(super) fn open_ids(&self) -> impl Iterator<Item = ConnectionId> + use<> {
        let open = |connection: &Connection| connection.phase == Phase::Open;
        let index = |(index, slot): (usize, &Option<Connection>)| {
            slot.as_ref().filter(|connection| open(connection)).map(|_| index)
        };
        let ids: Vec<usize> = self.slots.iter().enumerate().filter_map(index).collect();
        ids.into_iter().map(ConnectionId)
    }

    /// Sends one text frame made of `parts`.
    pub(super) fn text(&mut self, id: ConnectionId, parts: &[&[u8]]) {
        self.send(id, 0x1, parts);
    }

    /// Sends one text frame of market data, which faults may strike.
    pub(super) fn market(&mut self, id: ConnectionId, parts: &[&[u8]]) {
        if self.passes_over(id) {
            return;
        }
        if std::mem::take(&mut self.truncate_next) {
            let whole = parts.concat();
            self.send(id, 0x1, &[&whole[..whole.len() / 2]]);
        }
        if self.tamper.is_idle() {
            return self.send(id, 0x1, parts);
        }
        for frame in self.tamper.pass(id, parts.concat()) {
            self.send(id, 0x1, &[&frame]);
        }
    }

    /// The same for one part, in fragments of so many bytes where that is asked for.
    pub(super) fn market_in(&mut self, id: ConnectionId, frame: &[u8], fragment: Option<usize>) {
        let Some(bytes) = fragment.filter(|bytes| frame.len() > *bytes) else {
            return self.market(id, &[frame]);
        };
        if self.passes_over(id) {
            return;
        }
        for frame in self.tamper.pass(id, frame.to_vec()) {
            self.write(id, |connection| connection.fragments(0x1, &frame, bytes));
        }
    }

    /// Whether a frame of market data, which is noted, does not go out.
    fn passes_over(&mut self, id: ConnectionId) -> bool {
        let now = self.now;
        self.connection(id).is_some_and(|connection| {
            connection.pulse.told = now;
            connection.hushed
        })
    }

    /// When a connection was sent market data last.
    pub(super) fn told(&self, id: ConnectionId) -> MonoNanos {
        let connection = self.slots.get(id.0).and_then(Option::as_ref);
        connection.map_or(MonoNanos::ZERO, |connection| connection.pulse.told)
    }

    /// The client subscribes to something: muted streams of it speak again.
    pub(super) fn unmute(&mut self, id: ConnectionId) {
        self.tamper.unmute(id);
        if let Some(connection) = self.connection(id) {
            connection.hushed = false;
        }
    }

    /// Sends one frame of any kind.
    pub(super) fn send(&mut self, id: ConnectionId, opcode: u8, parts: &[&[u8]]) {
        self.write(id, |connection| connection.frame(opcode, parts));
    }

    /// Sends a frame that begins with `first`, and so many that begin with `next`, all empty.
    pub(super) fn flood(&mut self, id: ConnectionId, first: u8, next: u8, count: u32) {
        self.write(id, |connection| connection.flood(first, next, count));
    }

    /// Lets a frame be appended to what an open connection sends.
    fn write(&mut self, id: ConnectionId, append: impl FnOnce(&mut Connection)) {
        let backlog_max = self.backlog_max;
        let Some(connection) = self.connection(id) else { return };
        if connection.phase != Phase::Open || connection.muted || connection.gone {
            return;
        }
        append(connection);
        let slow = connection.backlog() > backlog_max;
        connection.gone |= slow;
        self.counters.frames.add(1);
        self.counters.slow_closes.add(u64::from(slow));
    }

    /// Closes one WebSocket.
    pub(super) fn close(&mut self, id: ConnectionId, code: u16, reason: &str) {
        // A half-open one never hears of its end.
        if let Some(connection) = self.connection(id).filter(|connection| !connection.muted) {
            connection.close(code, reason);
        }
    }

    /// Whether every client has room for more.
    pub(super) fn have_room(&self) -> bool {
        self.slots.iter().flatten().all(|connection| connection.backlog() < ROOM_BYTES)
    }

    /// Whether this client has room for more.
    pub(super) fn has_room(&self, id: ConnectionId) -> bool {
        let connection = self.slots.get(id.0).and_then(Option::as_ref);
        connection.is_some_and(|connection| connection.backlog() < ROOM_BYTES)
    }

    /// Gives every socket what it takes, and the time at which a held one wants to go on.
    pub(super) fn flush(&mut self, now: MonoNanos) -> MonoNanos {
        let mut next = MonoNanos::MAX;
        for connection in self.slots.iter_mut().flatten() {
            if connection.drained() && !connection.is_trickling() {
                continue;
            }
            connection.flush(now);
            next = next.min(connection.next_byte());
            if connection.held_until > now {
                next = next.min(connection.held_until);
            }
        }
        next
    }
}
