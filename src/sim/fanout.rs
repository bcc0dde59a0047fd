//! Who gets which stream, and the buffer in which frames are made.

use super::wires::{ConnectionId, Wires};

/// A kind of stream, by its place among those that an instrument has.
pub(super) trait Place: Copy {
    /// How many an instrument has.
    const COUNT: usize;

    /// Its place among them.
    fn index(self) -> usize;
}

/// How a subscriber wants a stream.
pub(super) trait Manner {
    /// Whether one frame serves both.
    fn is_alike(&self, other: &Self) -> bool;

    /// What stands before a frame, and behind it.
    fn around(&self) -> [&[u8]; 2] {
        [b"", b""]
    }
}

/// All get the same.
impl Manner for () {
    fn is_alike(&self, (): &Self) -> bool {
        true
    }
}

/// Subscribers of every stream.
#[derive(Debug)]
pub(super) struct Fanout<M> {
    /// Per stream, in the order of instrument and kind; after the last instrument those of all
    /// instruments together, where an exchange has such.
    subscribers: Vec<Vec<(ConnectionId, M)>>,
    /// Subscribers over all streams.
    count: usize,
    scratch: Vec<u8>,
}

fn place<K: Place>((instrument, kind): (usize, K)) -> usize {
    instrument * K::COUNT + kind.index()
}

impl<M: Manner> Fanout<M> {
    pub(super) fn new(instruments: usize, kinds: usize) -> Self {
        let subscribers = (0..(instruments + 1) * kinds).map(|_| Vec::new()).collect();
        Self { subscribers, count: 0, scratch: Vec::with_capacity(16 << 10) }
    }

    pub(super) const fn count(&self) -> usize {
        self.count
    }

    /// Whether anybody wants that stream.
    pub(super) fn wants(&self, stream: (usize, impl Place)) -> bool {
        !self.subscribers[place(stream)].is_empty()
    }

    /// Whether that connection has that stream.
    pub(super) fn has(&self, stream: (usize, impl Place), id: ConnectionId) -> bool {
        self.subscribers[place(stream)].iter().any(|(subscriber, _)| *subscriber == id)
    }

    /// Those who want that stream.
    pub(super) fn subscribers(&self, stream: (usize, impl Place)) -> Vec<ConnectionId> {
        self.subscribers[place(stream)].iter().map(|(subscriber, _)| *subscriber).collect()
    }

    /// How a connection wants each of its streams.
    pub(super) fn manners(&mut self, id: ConnectionId) -> impl Iterator<Item = &mut M> {
        let all = self.subscribers.iter_mut().flatten();
        all.filter(move |(subscriber, _)| *subscriber == id).map(|(_, manner)| manner)
    }

    pub(super) fn add(&mut self, stream: (usize, impl Place), id: ConnectionId, manner: M) {
        self.subscribers[place(stream)].push((id, manner));
        self.count += 1;
    }

    /// Takes a connection off a stream, where it has it in a manner that is meant.
    pub(super) fn remove(
        &mut self,
        stream: (usize, impl Place),
        id: ConnectionId,
        is_meant: impl Fn(&M) -> bool,
    ) {
        self.take_off(place(stream), id, is_meant);
    }

    /// The same of every stream; how many it had.
    pub(super) fn forget(&mut self, id: ConnectionId, is_meant: impl Fn(&M) -> bool) -> usize {
        let before = self.count;
        (0..self.subscribers.len()).for_each(|place| self.take_off(place, id, &is_meant));
        before - self.count
    }

    fn take_off(&mut self, place: usize, id: ConnectionId, is_meant: impl Fn(&M) -> bool) {
        let subscribers = &mut self.subscribers[place];
        let before = subscribers.len();
        subscribers.retain(|(subscriber, manner)| *subscriber != id || !is_meant(manner));
        self.count -= before - subscribers.len();
    }

    /// Sends a frame to all who want its stream; it is made once for those who want it alike, and
    /// goes to nobody when nothing is written.
    pub(super) fn publish(
        &mut self,
        stream: (usize, impl Place),
        wires: &mut Wires,
        write: impl Fn(&mut Vec<u8>, &M),
    ) {
        let mut made: Option<&M> = None;
        for (id, manner) in &self.subscribers[place(stream)] {
            if !made.is_some_and(|made| made.is_alike(manner)) {
                self.scratch.clear();
                write(&mut self.scratch, manner);
                made = Some(manner);
            }
            if !self.scratch.is_empty() {
                let [before, behind] = manner.around();
                wires.market(*id, &[before, &self.scratch, behind]);
            }
        }
    }

    /// Sends one frame of market data to one connection, if one is written.
    pub(super) fn tell(
        &mut self,
        id: ConnectionId,
        wires: &mut Wires,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        self.scratch.clear();
        write(&mut self.scratch);
        if !self.scratch.is_empty() {
            wires.market(id, &[&self.scratch]);
        }
    }
}
