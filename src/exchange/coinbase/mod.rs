//! Coinbase Exchange, the feed of `ws-feed`. Its sibling [`super::coinbase_advanced`] speaks another
//! protocol about the same products and shares their spelling, their fields and their lists.
//!
//! Sources: docs.cdp.coinbase.com/exchange/websocket-feed (state 2026-10); what was measured on
//! recorded sessions instead is marked so.

pub(super) mod errors;
pub(super) mod fields;
mod hot;
pub(super) mod listing;
mod parse;
pub(super) mod subscribe;
pub(super) mod symbol;
#[cfg(test)]
mod tests;

use std::time::Duration;

use super::{
    Adapter, Answers, Batch, Begins, BookRules, ConnectionPlan, ConnectionRules, Continuity,
    DateRules, Dated, Frame, ListingRest, MessagesOf, Profile, Protocol, Rejected, Request,
    SnapshotSource, Subscription, Trace,
};
use crate::exchange::rest::{all_natives, no_more};
use crate::instrument::{ExchangeId, NativeMap};
use crate::json::{Minute, PaddedFrame, Value};
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
        quotes_in_ticker: true,
    },
    requests: listing::RULES,
    // A ticker has the date of the last trade.
    dates: DateRules {
        quotes: Dated::Otherwise,
        ticker: Dated::Otherwise,
        candles: Dated::Otherwise,
        begins: Begins::Next,
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
        requests: listing::requests,
        next: no_more,
        covers: all_natives,
        read: listing::read,
    }),
    refusals: errors::REFUSALS,
};

/// The adapter.
pub type Coinbase = Adapter<CoinbaseProtocol>;

/// What is this feed's own.
#[derive(Debug, Default)]
pub struct CoinbaseProtocol {
    /// Of the last date.
    minute: Minute,
}

impl Protocol for CoinbaseProtocol {
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
