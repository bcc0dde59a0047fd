//! What could not be read, as whoever follows the streams that may lack it is told.

use super::Publisher;
use crate::clock::UnixNanos;
use crate::exchange::Subscription;
use crate::instrument::{Channel, InstrumentId};
use crate::proof::{LossTold, Source};
use crate::tick::{Body, Reason, Tick};

impl Publisher {
    /// Tells that items could not be read, on every channel that they would have brought something
    /// on.
    pub(super) fn tell_loss(
        &mut self,
        instrument: InstrumentId,
        channel: Channel,
        missed: u64,
        source: Source,
    ) {
        for brought in Channel::ALL {
            if self.brings(channel, brought) {
                self.tell_loss_on(instrument, brought, missed, source);
            }
        }
    }

    /// Whether an item of a channel brings something on that one. Where quotes stand in tickers both
    /// are one stream, which is asked for by the name of either.
    pub(in crate::feed) fn brings(&self, item: Channel, channel: Channel) -> bool {
        let is_of_both = |one| matches!(one, Channel::Quotes | Channel::Ticker);
        item == channel || (self.quotes_in_ticker && is_of_both(item) && is_of_both(channel))
    }

    /// Tells that events could not be read. Where their numbers will show whether any is missing,
    /// and how many, that is left to them, and candles are doubted until then. Of 0 nobody knows how
    /// many.
    fn tell_loss_on(
        &mut self,
        instrument: InstrumentId,
        channel: Channel,
        missed: u64,
        source: Source,
    ) -> LossTold {
        let told = self.numbers.lose(instrument, channel, source);
        let body = match told {
            LossTold::Nowhere => return told,
            LossTold::ByTheNext => Body::Unheard { channel },
            LossTold::AtOnce => {
                self.counters.gaps.increment();
                Body::Gap { channel, reason: Reason::Refused, missed }
            }
        };
        self.rings.staged().push(Tick::new(instrument, UnixNanos::NONE, body));
        told
    }

    /// Something could not be read, and nobody knows of which of these streams it was: each may lack
    /// it. A stream is told so once until it speaks again, however much comes that cannot be read:
    /// more would tell nothing new. Allowed while blocked, as it may be of the frame that has just
    /// filled a ring.
    #[cold]
    pub(in crate::feed) fn lost_of_any<'a>(
        &mut self,
        streams: impl IntoIterator<Item = &'a Subscription>,
        source: Source,
    ) {
        for &Subscription { instrument, channel, .. } in streams {
            if channel == Channel::Candles {
                self.unheard(instrument);
            }
            // A stream may stand for another that is not asked for beside it.
            for brought in Channel::ALL {
                let stream = (instrument, brought);
                if self.brings(channel, brought)
                    && !self.doubted.contains(&stream)
                    && self.tell_loss_on(instrument, brought, 0, source) == LossTold::AtOnce
                {
                    self.doubted.insert(stream);
                }
            }
        }
        self.stamp_and_push(source.received);
    }

    /// A stream speaks: what may be missing before that was told.
    #[inline]
    pub(super) fn spoke(&mut self, instrument: InstrumentId, channel: Channel) {
        if !self.doubted.is_empty() {
            self.doubted.remove(&(instrument, channel));
        }
    }
}
