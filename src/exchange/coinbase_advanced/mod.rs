//! Coinbase Advanced Trade, the feed of `advanced-trade-ws`: every frame is numbered on its
//! connection, over all channels, so that no frame can be missing unseen.
//!
//! Sources: docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis/websocket and its AsyncAPI file
//! (state 2026-10); what was measured on a recorded session of 2026-08 instead is marked so.

mod hot;
mod listing;
mod parse;
mod subscribe;
mod symbol;
#[cfg(test)]
mod tests;

use std::time::Duration;

use super::coinbase::{errors, listing as shared_listing, symbol as shared_symbol};
use super::{
    Adapter, Answers, Batch, Begins, BookRules, ConnectionPlan, ConnectionRules, Continuity,
    DateRules, Dated, Frame, ListingRest, MessagesOf, Profile, Protocol, Rejected, Request,
    SnapshotSource, Subscription, Trace,
};
use crate::exchange::rest::{all_natives, no_more};
use crate::instrument::{ExchangeId, NativeMap};
use crate::json::{Minute, PaddedFrame, Value};
use parse::Context;

/// Facts of Advanced Trade.
pub static ADVANCED: Profile = Profile {
    exchange: ExchangeId::CoinbaseAdvanced,
    url: "wss://advanced-trade-ws.coinbase.com",
    rest_url: "https://api.coinbase.com",
    connection: ConnectionRules {
        // No limit is stated; slow readers are dropped.
        streams_max: 300,
        subscriptions_per_request: 50,
        // Answers do not say to which request they belong.
        requests_in_flight_max: 1,
        answers: Answers::PerRequest,
        // 8 a second and address without a login.
        messages_max: 8,
        message_window: Duration::from_secs(1),
        messages_of: MessagesOf::Address,
        attempts_max: 8,
        attempt_window: Duration::from_secs(1),
        lifetime: None,
        // Measured: 5.1 MB for 46,000 levels. As many levels as are read of one frame have 29 MB;
        // the memory is only taken when such a frame comes.
        frame_bytes_max: 32 << 20,
        heartbeat: None,
        trade_ids_contiguous: true,
        quotes_in_ticker: true,
    },
    requests: shared_listing::RULES,
    // Frames are dated when they are made.
    dates: DateRules {
        quotes: Dated::Moment,
        ticker: Dated::Moment,
        candles: Dated::Moment,
        begins: Begins::Next,
    },
    book: BookRules {
        // The numbers of the connection are watched by the feed, for all channels at once.
        continuity: Continuity::None,
        snapshot: SnapshotSource::Stream,
        checksum: None,
    },
    native_symbol: symbol::native,
    canonical_symbol: shared_symbol::canonical,
    snapshot: None,
    listing: Some(ListingRest {
        requests: listing::requests,
        next: no_more,
        covers: all_natives,
        read: listing::read,
    }),
    refusals: errors::REFUSALS,
};

/// The adapter.
pub type CoinbaseAdvanced = Adapter<AdvancedProtocol>;

/// What is this feed's own.
#[derive(Debug, Default)]
pub struct AdvancedProtocol {
    /// Of the last date.
    minute: Minute,
}

impl Protocol for AdvancedProtocol {
    fn id(&self) -> ExchangeId {
        ExchangeId::CoinbaseAdvanced
    }

    fn plan(&self, wanted: &[Subscription]) -> Vec<ConnectionPlan> {
        subscribe::plan(wanted)
    }

    fn subscribe(&self, subscriptions: &[Subscription], next_id: &mut u64) -> Vec<Request> {
        subscribe::requests("subscribe", subscriptions, next_id)
    }

    fn unsubscribe(&self, subscriptions: &[Subscription], next_id: &mut u64) -> Vec<Request> {
        subscribe::requests("unsubscribe", subscriptions, next_id)
    }

    #[inline]
    fn recognise(
        &mut self,
        instruments: &NativeMap,
        frame: &PaddedFrame<'_>,
        batch: &mut Batch,
    ) -> Option<Frame> {
        let context = Context { instruments, minute: &self.minute };
        hot::recognise(&context, frame, batch)?;
        Some(Frame::Data { recognised: true })
    }

    fn read(
        &mut self,
        instruments: &NativeMap,
        root: Value<'_>,
        batch: &mut Batch,
    ) -> Result<Frame, Rejected> {
        Context { instruments, minute: &self.minute }.frame(root, batch)
    }

    fn trace(&self, instruments: &NativeMap, frame: &[u8]) -> Option<Trace> {
        parse::trace(instruments, frame)
    }

    fn symbols_in(&self, root: Value<'_>, found: &mut dyn FnMut(&str)) {
        parse::symbols_in(root, found);
    }
}
