//! Who gets which stream, and the buffer in which frames are made.

use super::channels::{KINDS, Kind};
use super::frames::{Frame, Spelling};
use crate::clock::MonoNanos;
use crate::sim::lines::{ConnectionId, Lines};
use crate::sim::options::Era;

/// Subscribers of every stream.
#[derive(Debug)]
pub(super) struct Fanout {
    era: Era,
    /// Per stream, in the order of instrument and kind.
    subscribers: Vec<Vec<ConnectionId>>,
    /// Subscribers over all streams.
    count: usize,
    /// When each connection was sent something last.
    pushed: Vec<MonoNanos>,
    scratch: Vec<u8>,
}

const fn stream(instrument: usize, kind: Kind) -> usize {
    instrument * KINDS + kind.index()
}

impl Fanout {
    pub(super) fn new(instruments: usize, era: Era) -> Self {
        Self {
            era,
            subscribers: (0..instruments * KINDS).map(|_| Vec::new()).collect(),
            count: 0,
            pushed: Vec::new(),
            scratch: Vec::with_capacity(32 << 10),
        }
    }

    pub(super) const fn count(&self) -> usize {
        self.count
    }

    /// Whether anybody wants that stream.
    pub(super) fn wants(&self, instrument: usize, kind: Kind) -> bool {
        !self.subscribers[stream(instrument, kind)].is_empty()
    }

    pub(super) fn has(&self, instrument: usize, kind: Kind, id: ConnectionId) -> bool {
        self.subscribers[stream(instrument, kind)].contains(&id)
    }

    pub(super) fn add(&mut self, instrument: usize, kind: Kind, id: ConnectionId) {
        self.subscribers[stream(instrument, kind)].push(id);
        self.count += 1;
    }

    pub(super) fn remove(&mut self, instrument: usize, kind: Kind, id: ConnectionId) {
        self.drop_from(stream(instrument, kind), id);
    }

    /// The connection is gone.
    pub(super) fn forget(&mut self, id: ConnectionId) {
        (0..self.subscribers.len()).for_each(|stream| self.drop_from(stream, id));
        if let Some(pushed) = self.pushed.get_mut(id.0) {
            *pushed = MonoNanos::ZERO;
        }
    }

    fn drop_from(&mut self, stream: usize, id: ConnectionId) {
        let subscribers = &mut self.subscribers[stream];
        let before = subscribers.len();
        subscribers.retain(|subscriber| *subscriber != id);
        self.count -= before - subscribers.len();
    }

    /// When a connection was sent something last.
    pub(super) fn pushed(&self, id: ConnectionId) -> MonoNanos {
        self.pushed.get(id.0).copied().unwrap_or(MonoNanos::ZERO)
    }

    /// Sends one frame to all who want its stream; it is made once.
    pub(super) fn publish(
        &mut self,
        (instrument, kind): (usize, Kind),
        now: MonoNanos,
        lines: &mut Lines,
        spelling: &Spelling,
        write: impl FnOnce(&mut Frame<'_>),
    ) {
        let stream = stream(instrument, kind);
        if self.subscribers[stream].is_empty() {
            return;
        }
        write(&mut Frame::new(&mut self.scratch, spelling, self.era));
        for index in 0..self.subscribers[stream].len() {
            let id = self.subscribers[stream][index];
            lines.market(id, &[&self.scratch]);
            self.note(id, now);
        }
    }

    /// Sends one frame to one connection.
    pub(super) fn tell(
        &mut self,
        id: ConnectionId,
        now: MonoNanos,
        lines: &mut Lines,
        spelling: &Spelling,
        write: impl FnOnce(&mut Frame<'_>),
    ) {
        write(&mut Frame::new(&mut self.scratch, spelling, self.era));
        lines.market(id, &[&self.scratch]);
        self.note(id, now);
    }

    fn note(&mut self, id: ConnectionId, now: MonoNanos) {
        if self.pushed.len() <= id.0 {
            self.pushed.resize(id.0 + 1, MonoNanos::ZERO);
        }
        self.pushed[id.0] = now;
    }
}
