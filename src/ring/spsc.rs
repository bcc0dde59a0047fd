//! Single-producer single-consumer ring of ticks, drained by reference in batches.

use crate::tick::Tick;

/// A ring for `capacity` ticks.
pub fn ring(capacity: usize) -> (Producer, Consumer) {
    let (producer, consumer) = rtrb::RingBuffer::new(capacity);
    (Producer { ring: producer }, Consumer { ring: consumer })
}

/// The feed's end.
#[derive(Debug)]
pub struct Producer {
    ring: rtrb::Producer<Tick>,
}

/// The broadcaster's end.
#[derive(Debug)]
pub struct Consumer {
    ring: rtrb::Consumer<Tick>,
}

impl Producer {
    /// Pushes one tick, or gives it back when the ring is full.
    ///
    /// # Errors
    /// The refused tick.
    #[inline]
    pub fn push(&mut self, tick: Tick) -> Result<(), Tick> {
        self.ring.push(tick).map_err(|rtrb::PushError::Full(tick)| tick)
    }

    /// How many ticks fit now.
    #[inline]
    pub fn room(&self) -> usize {
        self.ring.slots()
    }

    /// True when the consumer is gone.
    pub fn is_abandoned(&self) -> bool {
        self.ring.is_abandoned()
    }
}

impl Consumer {
    /// Takes the oldest tick.
    #[inline]
    pub fn pop(&mut self) -> Option<Tick> {
        self.ring.pop().ok()
    }

    /// Hands up to `bound` ticks, oldest first and in place, to `take`; returns how many.
    #[inline]
    pub fn drain(&mut self, bound: usize, mut take: impl FnMut(&Tick)) -> usize {
        let count = self.ring.slots().min(bound);
        if count == 0 {
            return 0;
        }
        let Ok(chunk) = self.ring.read_chunk(count) else { return 0 };
        let (first, second) = chunk.as_slices();
        first.iter().chain(second).for_each(&mut take);
        chunk.commit_all();
        count
    }

    /// How many ticks wait.
    #[inline]
    pub fn waiting(&self) -> usize {
        self.ring.slots()
    }

    /// True when the producer is gone; what waits can still be taken.
    pub fn is_abandoned(&self) -> bool {
        self.ring.is_abandoned()
    }
}
