//! What the adapter remembers from frame to frame: which streams the exchange opened, and the bar
//! that each candle stream is at.

use arrayvec::ArrayVec;

use crate::instrument::InstrumentId;
use crate::json::scan;
use crate::tick::{Candle, Interval};

/// A stream's name on its connection: a UUID in lower case.
pub(super) type StreamId = [u8; 36];

/// Connections whose streams are remembered: two lines carry the same at most.
const CONNECTIONS_MAX: usize = 2;

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
    ids: [ArrayVec<StreamId, CONNECTIONS_MAX>; STREAMS],
    /// Per interval, the newest bar.
    bars: [Option<Candle>; Interval::ALL.len()],
}

/// The memory of an adapter, by instrument. It grows with the first frame of each.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    slots: Vec<Option<Box<Slot>>>,
}

/// Where a bar stands to those before it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Bar {
    /// It is the newest; the one before is final, if the exchange went on from it just now.
    Newest(Option<Candle>),
    /// A later one was told already, so that it can say nothing new.
    Older,
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

    /// Takes the next state of a candle stream: a bar is final as soon as a later one begins.
    #[inline]
    pub(super) fn bar(&mut self, instrument: InstrumentId, candle: &Candle) -> Bar {
        let last = &mut self.slot(instrument).bars[candle.interval as usize];
        match last {
            Some(bar) if bar.open_time == candle.open_time => {
                *bar = *candle;
                Bar::Newest(None)
            }
            _ => Self::other_bar(last, candle),
        }
    }

    /// The first bar, a later one, or one that had ended before.
    #[cold]
    fn other_bar(last: &mut Option<Candle>, candle: &Candle) -> Bar {
        if last.is_some_and(|bar| candle.open_time < bar.open_time) {
            return Bar::Older;
        }
        let ended = last.replace(*candle).filter(|bar| !bar.closed);
        Bar::Newest(ended.map(|bar| Candle { closed: true, ..bar }))
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
    use crate::clock::UnixNanos;
    use crate::tick::{Decimal, WideDecimal};

    const ONE: InstrumentId = InstrumentId(3);

    fn candle(minute: u64, close: i64) -> Candle {
        let price = Decimal::new(close, 2).expect("fits");
        Candle {
            interval: Interval::Minute1,
            open_time: UnixNanos::from_millis(minute * 60_000),
            open: price,
            high: price,
            low: price,
            close: price,
            volume: WideDecimal::ZERO,
            trades: 0,
            closed: false,
        }
    }

    #[test]
    fn a_bar_is_final_when_the_next_begins_and_only_once() {
        let mut memory = Memory::default();
        assert_eq!(memory.bar(ONE, &candle(5, 100)), Bar::Newest(None));
        assert_eq!(memory.bar(ONE, &candle(5, 101)), Bar::Newest(None));
        let ended = Candle { closed: true, ..candle(5, 101) };
        assert_eq!(memory.bar(ONE, &candle(6, 102)), Bar::Newest(Some(ended)));
        assert_eq!(memory.bar(ONE, &candle(5, 103)), Bar::Older);
        assert_eq!(memory.bar(ONE, &Candle { closed: true, ..candle(6, 9) }), Bar::Newest(None));
        assert_eq!(memory.bar(ONE, &candle(7, 104)), Bar::Newest(None));
    }

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
        assert!(memory.names(InstrumentId(9), Stream::Ticks).is_empty());
    }
}
