//! The adapter that all exchanges share around what is their own.

use std::fmt;

use super::{Batch, ConnectionPlan, Exchange, Frame, Rejected, Request, Subscription, general};
use crate::instrument::{Channel, ExchangeId, InstrumentId, NativeMap};
use crate::json::{JsonReader, PaddedFrame, Value};

/// What an exchange's protocol is made of: what we say, and two ways of reading what they say.
pub trait Protocol: fmt::Debug + Send + 'static {
    /// Whose it is.
    fn id(&self) -> ExchangeId;

    /// See [`Exchange::plan`].
    fn plan(&self, wanted: &[Subscription]) -> Vec<ConnectionPlan>;

    /// See [`Exchange::subscribe`].
    fn subscribe(&self, subscriptions: &[Subscription], next_id: &mut u64) -> Vec<Request>;

    /// See [`Exchange::unsubscribe`].
    fn unsubscribe(&self, subscriptions: &[Subscription], next_id: &mut u64) -> Vec<Request>;

    /// The instruments are these now.
    fn set_instruments(&mut self, _: &NativeMap) {}

    /// Reads a frame by its shape, in place; `None` leaves the batch as it was.
    fn recognise(
        &mut self,
        instruments: &NativeMap,
        frame: &PaddedFrame<'_>,
        batch: &mut Batch,
    ) -> Option<Frame>;

    /// Reads a frame that is no JSON.
    fn read_text(&self, _: &[u8]) -> Option<Frame> {
        None
    }

    /// Reads any frame of the exchange.
    ///
    /// # Errors
    /// As [`Exchange::parse`].
    fn read(
        &mut self,
        instruments: &NativeMap,
        root: Value<'_>,
        batch: &mut Batch,
    ) -> Result<Frame, Rejected>;

    /// What the text of a frame names which cannot be read; `None` where it may be of any stream.
    fn trace(&self, _: &NativeMap, _: &[u8]) -> Option<Trace> {
        None
    }

    /// See [`Exchange::symbols_in`].
    fn symbols_in(&self, root: Value<'_>, found: &mut dyn FnMut(&str));
}

/// What a frame that cannot be read names all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace {
    /// Of which channel it is.
    pub channel: Channel,
    /// Whose it is; `None` where it may be anybody's.
    pub instrument: Option<InstrumentId>,
}

/// A protocol, the instruments whose frames are read, and the memory of the general parser.
#[derive(Debug)]
pub struct Adapter<P> {
    protocol: P,
    instruments: NativeMap,
    reader: JsonReader,
}

impl<P: Protocol + Default> Adapter<P> {
    /// An adapter of an exchange with one protocol, that knows no instrument yet.
    pub fn new() -> Self {
        Self::of(P::default())
    }
}

impl<P: Protocol + Default> Default for Adapter<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Protocol> Adapter<P> {
    /// An adapter that knows no instrument yet.
    pub(super) fn of(protocol: P) -> Self {
        Self { protocol, instruments: NativeMap::new([]), reader: JsonReader::new() }
    }

    /// What is the exchange's own.
    pub(super) fn protocol_mut(&mut self) -> &mut P {
        &mut self.protocol
    }

    /// Reads a frame by the general path alone: what [`Exchange::parse`] does with a frame that no
    /// recogniser takes, and the twin that tests hold the recognisers to.
    ///
    /// # Errors
    /// As [`Exchange::parse`].
    #[cold]
    pub fn parse_general(
        &mut self,
        frame: PaddedFrame<'_>,
        batch: &mut Batch,
    ) -> Result<Frame, Rejected> {
        batch.clear();
        let Self { protocol, instruments, reader } = self;
        if let Some(frame) = protocol.read_text(frame.bytes()) {
            return Ok(frame);
        }
        let outcome = reader.read_beside(frame, |root, text| {
            let read = root.map(|root| protocol.read(instruments, root, batch));
            let outcome = general::outcome(read, batch);
            if let Err(rejected) = outcome
                && batch.losses.is_empty()
                && let Some(Trace { channel, instrument }) = protocol.trace(instruments, text)
            {
                batch.lose(instrument, channel, rejected);
            }
            outcome
        });
        batch.refuse_dates();
        outcome
    }
}

impl<P: Protocol> Exchange for Adapter<P> {
    fn id(&self) -> ExchangeId {
        self.protocol.id()
    }

    fn plan(&self, wanted: &[Subscription]) -> Vec<ConnectionPlan> {
        self.protocol.plan(wanted)
    }

    fn subscribe(&self, subscriptions: &[Subscription], next_id: &mut u64) -> Vec<Request> {
        self.protocol.subscribe(subscriptions, next_id)
    }

    fn unsubscribe(&self, subscriptions: &[Subscription], next_id: &mut u64) -> Vec<Request> {
        self.protocol.unsubscribe(subscriptions, next_id)
    }

    fn set_instruments(&mut self, instruments: NativeMap) {
        self.protocol.set_instruments(&instruments);
        self.instruments = instruments;
    }

    #[inline]
    fn parse(&mut self, frame: PaddedFrame<'_>, batch: &mut Batch) -> Result<Frame, Rejected> {
        batch.clear();
        match self.protocol.recognise(&self.instruments, &frame, batch) {
            Some(frame) => {
                batch.refuse_dates();
                Ok(frame)
            }
            None => self.parse_general(frame, batch),
        }
    }

    fn symbols_in(&self, frame: &[u8], found: &mut dyn FnMut(&str)) {
        general::walk(frame, |root| self.protocol.symbols_in(root, found));
    }
}
