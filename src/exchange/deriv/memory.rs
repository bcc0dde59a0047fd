//! What the adapter remembers from frame to frame: which streams the exchange opened.

use arrayvec::ArrayVec;

use crate::instrument::InstrumentId;
use crate::json::scan;
use crate::limits::LINES_MAX;
use crate::tick::Interval;

/// A stream's name on its connection: a UUID in lower case.
pub(super) type StreamId = [u8; 36];

/// Streams of an instrument: ticks, and candles of each interval.
const STREAMS: usize = 1 + Interval::ALL.len();

/// One kind of stream of an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    Ticks,
    Candles(Interval),
}

impl Stream {
    const fn index(self) -> usize {
        match self {
            Self::Ticks => 0,
            Self::Candles(interval) => 1 + interval as usize,
        }
    }
}

/// What is remembered of one instrument.
#[derive(Clone, Debug, Default)]
struct Slot {
    /// Per stream, the names that it had last, the newest at the end.
    ids: [ArrayVec<StreamId, LINES_MAX>; STREAMS],
}

/// The memory of an adapter, by instrument. It grows with the first frame of each.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    slots: Vec<Option<Box<Slot>>>,
}

impl Memory {
    /// Whether a stream is known by that name.
    #[inline]
    pub(super) fn knows(&self, instrument: InstrumentId, stream: Stream, id: &StreamId) -> bool {
        let slot = self.slots.get(instrument.index()).and_then(Option::as_ref);
        slot.is_some_and(|slot| slot.ids[stream.index()].iter().any(|known| scan::same(known, id)))
    }

    /// A stream has this name now; of more than there are connections the oldest is forgotten.
    pub(super) fn name(&mut self, instrument: InstrumentId, stream: Stream, id: &StreamId) {
        if self.knows(instrument, stream, id) {
            return;
        }
        let ids = &mut self.slot(instrument).ids[stream.index()];
        if ids.is_full() {
            ids.remove(0);
        }
        ids.push(*id);
    }

    /// The names of a stream.
    pub(super) fn names(&self, instrument: InstrumentId, stream: Stream) -> &[StreamId] {
        let slot = self.slots.get(instrument.index()).and_then(Option::as_ref);
        slot.map_or(&[], |slot| &slot.ids[stream.index()])
    }

    /// Whose stream has that name.
    pub(super) fn find(&self, id: &StreamId) -> Option<(InstrumentId, Stream)> {
        let candles = Interval::ALL.into_iter().map(Stream::Candles);
        let streams = std::iter::once(Stream::Ticks).chain(candles);
        let slots = self.slots.iter().zip(0..).filter(|(slot, _)| slot.is_some());
        let mut all = slots.flat_map(|(_, index)| {
            streams.clone().map(move |stream| (InstrumentId(index), stream))
        });
        all.find(|(instrument, stream)| self.knows(*instrument, *stream, id))
    }

    fn slot(&mut self, instrument: InstrumentId) -> &mut Slot {
        let index = instrument.index();
        if index >= self.slots.len() {
            self.slots.resize_with(index + 1, || None);
        }
        self.slots[index].get_or_insert_with(Box::default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: InstrumentId = InstrumentId(3);

    #[test]
    fn a_stream_has_as_many_names_as_there_may_be_connections() {
        let mut memory = Memory::default();
        let id = |letter: u8| [letter; 36];
        for letter in *b"aabbacb" {
            memory.name(ONE, Stream::Ticks, &id(letter));
        }
        assert_eq!(memory.names(ONE, Stream::Ticks), [id(b'b'), id(b'c')]);
        assert!(memory.knows(ONE, Stream::Ticks, &id(b'c')));
        assert!(!memory.knows(ONE, Stream::Candles(Interval::Minute1), &id(b'c')));
        assert_eq!(memory.find(&id(b'c')), Some((ONE, Stream::Ticks)));
        assert_eq!(memory.find(&id(b'a')), None, "it was forgotten");
        assert!(memory.names(InstrumentId(9), Stream::Ticks).is_empty());
    }
}
