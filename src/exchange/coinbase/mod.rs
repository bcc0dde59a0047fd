//! Coinbase Exchange, the feed of `ws-feed`. Its sibling [`super::coinbase_advanced`] speaks another
//! protocol about the same products and shares their spelling, their fields and their lists.
//!
//! Sources: docs.cdp.coinbase.com/exchange/websocket-feed (state 2026-10); what was measured on
//! recorded sessions instead is marked so.

pub(super) mod errors;
pub(super) mod fields;
mod hot;
mod parse;
pub(super) mod rest;
pub(super) mod subscribe;
pub(super) mod symbol;
#[cfg(test)]
mod tests;

use std::time::Duration;

use super::{
    Answers, Batch, BookRules, ConnectionPlan, ConnectionRules, Continuity, DateRules, Dated,
    Exchange, Frame, ListingRest, MessagesOf, Profile, Rejected, Request, SnapshotSource,
    Subscription, general,
};
use crate::exchange::rest::no_more;
use crate::instrument::{ExchangeId, NativeMap};
use crate::json::{JsonReader, Minute, PaddedFrame};
use parse::Context;

/// Facts of the Exchange.
pub static EXCHANGE: Profile = Profile {
    exchange: ExchangeId::Coinbase,
    url: "wss://ws-feed.exchange.coinbase.com",
    rest_url: "https://api.exchange.coinbase.com",
    connection: ConnectionRules {
        // No limit is stated; "spread subscriptions over more than one connection" is advised, and
        // slow readers are dropped.
        streams_max: 300,
        subscriptions_per_request: 100,
        // Answers do not say to which request they belong.
        requests_in_flight_max: 1,
        answers: Answers::PerRequest,
        // 100 a second and address; a quarter for each of a few connections.
        messages_max: 25,
        message_window: Duration::from_secs(1),
        messages_of: MessagesOf::Connection,
        // 8 a second and address, bursts to 20.
        attempts_max: 8,
        attempt_window: Duration::from_secs(1),
        lifetime: None,
        // "A snapshot can be several MB". As many levels as are read of one frame have 10 MB; the
        // memory is only taken when such a frame comes.
        frame_bytes_max: 32 << 20,
        heartbeat: None,
        trade_ids_contiguous: true,
    },
    requests: rest::RULES,
    // A ticker has the date of the last trade.
    dates: DateRules {
        quotes: Dated::Otherwise,
        ticker: Dated::Otherwise,
        candles: Dated::Otherwise,
    },
    book: BookRules {
        continuity: Continuity::None,
        snapshot: SnapshotSource::Stream,
        checksum: None,
    },
    native_symbol: symbol::native,
    canonical_symbol: symbol::canonical,
    snapshot: None,
    listing: Some(ListingRest {
        requests: rest::listing_requests,
        next: no_more,
        read: rest::read_listing,
    }),
    refusals: errors::REFUSALS,
};

/// The adapter.
#[derive(Debug)]
pub struct Coinbase {
    instruments: NativeMap,
    /// Of the last date.
    minute: Minute,
    reader: JsonReader,
}

impl Coinbase {
    /// An adapter that knows no instrument yet.
    pub fn new() -> Self {
        Self {
            instruments: NativeMap::new([]),
            minute: Minute::default(),
            reader: JsonReader::new(),
        }
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
        let context = Context { instruments: &self.instruments, minute: &self.minute };
        let read = self.reader.read(frame, |root| context.frame(root, batch));
        general::outcome(read, batch)
    }
}

impl Default for Coinbase {
    fn default() -> Self {
        Self::new()
    }
}

impl Exchange for Coinbase {
    fn id(&self) -> ExchangeId {
        ExchangeId::Coinbase
    }

    fn plan(&self, wanted: &[Subscription]) -> Vec<ConnectionPlan> {
        subscribe::plan(wanted)
    }

    fn subscribe(&self, subscriptions: &[Subscription], next_id: &mut u64) -> Vec<Request> {
        subscribe::subscribe(subscriptions, next_id)
    }

    fn unsubscribe(&self, subscriptions: &[Subscription], next_id: &mut u64) -> Vec<Request> {
        subscribe::unsubscribe(subscriptions, next_id)
    }

    fn set_instruments(&mut self, instruments: NativeMap) {
        self.instruments = instruments;
    }

    #[inline]
    fn parse(&mut self, frame: PaddedFrame<'_>, batch: &mut Batch) -> Result<Frame, Rejected> {
        batch.clear();
        let context = Context { instruments: &self.instruments, minute: &self.minute };
        if hot::recognise(&context, &frame, batch).is_some() {
            return Ok(Frame::Data { recognised: true });
        }
        self.parse_general(frame, batch)
    }

    fn symbols_in(&self, frame: &[u8], found: &mut dyn FnMut(&str)) {
        general::walk(frame, |root| parse::symbols_in(root, found));
    }
}
