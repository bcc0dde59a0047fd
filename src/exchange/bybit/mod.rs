//! Bybit v5 spot and linear: two public ids, one protocol with the differences told in `Class`.
//! Frames of inverse contracts and options read as well; the connection decides the class, no frame
//! tells it.
//!
//! Sources: bybit-exchange/docs (`v5/websocket`, state 2026-07) unless another is named; what was
//! seen on the wire instead is marked so.

mod errors;
mod hot;
mod id;
mod listing;
mod memory;
mod parse;
mod subscribe;
mod symbol;
#[cfg(test)]
mod tests;

use std::time::Duration;

use super::{
    Adapter, Answers, Batch, Begins, BookRules, ConnectionPlan, ConnectionRules, Continuity,
    DateRules, Dated, Frame, ListingRest, MessagesOf, Profile, Protocol, Rejected, Request,
    RequestRules, SnapshotSource, Subscription, Trace,
};
use crate::exchange::rest::{all_natives, no_more};
use crate::instrument::{ExchangeId, NativeMap};
use crate::json::{PaddedFrame, Value};
use crate::limits::BYBIT_FRAME_BYTES_MAX;
use memory::Memory;
use parse::Context;

/// The classes that this adapter subscribes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Spot.
    Spot,
    /// Perpetuals and dated contracts in USDT and USDC.
    Linear,
}

/// What both classes have in common on a connection.
const CONNECTION: ConnectionRules = ConnectionRules {
    // The bound is the length of all their names ([`subscribe::ARGS_BYTES_MAX`]); as the shortest
    // name has some 14 letters, more than these can never share a connection.
    streams_max: 1_500,
    subscriptions_per_request: 10,
    requests_in_flight_max: usize::MAX,
    answers: Answers::PerRequest,
    // No limit is published for public streams; other clients keep to this.
    messages_max: 10,
    message_window: Duration::from_secs(1),
    messages_of: MessagesOf::Connection,
    attempts_max: 500,
    attempt_window: Duration::from_secs(300),
    lifetime: None,
    frame_bytes_max: BYBIT_FRAME_BYTES_MAX,
    heartbeat: Some((Duration::from_secs(20), r#"{"op":"ping"}"#)),
    // Spot ids rise by one from trade to trade until one is left out: the recorded session has
    // 2280000001739247417 followed by ...420 without a loss. Contracts have UUIDs.
    trade_ids_contiguous: false,
    quotes_in_ticker: false,
};

/// 600 requests in 5 s from one address, over all hosts.
const REQUESTS: RequestRules = RequestRules { weight_max: 600, window: Duration::from_secs(5) };

/// The documentation states neither rule for this depth, but both hold in every recorded session:
/// `u` rises by one, and a snapshot at any time (after a restart with `u` 1) begins anew.
const BOOK: BookRules = BookRules {
    continuity: Continuity::FollowsByOne,
    snapshot: SnapshotSource::Stream,
    checksum: None,
};

const URL: &str = "wss://stream.bybit.com";
const REST_URL: &str = "https://api.bybit.com";

/// Facts of Bybit spot.
pub static SPOT: Profile = Profile {
    exchange: ExchangeId::Bybit,
    url: URL,
    rest_url: REST_URL,
    connection: CONNECTION,
    requests: REQUESTS,
    // A quote is of a book, whose date is of its last change.
    dates: DateRules {
        quotes: Dated::Otherwise,
        ticker: Dated::Moment,
        candles: Dated::Moment,
        begins: Begins::Next,
    },
    book: BOOK,
    native_symbol: symbol::spot_native,
    canonical_symbol: symbol::spot_canonical,
    snapshot: None,
    listing: Some(ListingRest {
        requests: listing::spot_requests,
        next: no_more,
        covers: all_natives,
        read: listing::read_spot,
    }),
    refusals: errors::REFUSALS,
};

/// Facts of Bybit's linear contracts.
pub static LINEAR: Profile = Profile {
    exchange: ExchangeId::BybitLinear,
    url: URL,
    rest_url: REST_URL,
    connection: ConnectionRules {
        // There is no bound but the length of all names; one name at fault refuses the whole
        // request, and finding it takes as many requests as this can be halved.
        subscriptions_per_request: 50,
        ..CONNECTION
    },
    requests: REQUESTS,
    // A quote is of a book, whose date is of its last change.
    dates: DateRules {
        quotes: Dated::Otherwise,
        ticker: Dated::Moment,
        candles: Dated::Moment,
        begins: Begins::Next,
    },
    book: BOOK,
    native_symbol: symbol::linear_native,
    canonical_symbol: symbol::linear_canonical,
    snapshot: None,
    listing: Some(ListingRest {
        requests: listing::linear_requests,
        next: listing::next_linear,
        covers: all_natives,
        read: listing::read_linear,
    }),
    refusals: errors::REFUSALS,
};

/// The adapter of both classes.
pub type Bybit = Adapter<BybitProtocol>;

/// What is Bybit's own.
#[derive(Debug)]
pub struct BybitProtocol {
    exchange: ExchangeId,
    class: Class,
    memory: Memory,
}

impl Bybit {
    /// An adapter that knows no instrument yet. Every id but spot's gets the contracts' rules.
    pub fn new(exchange: ExchangeId) -> Self {
        let class = if exchange == ExchangeId::Bybit { Class::Spot } else { Class::Linear };
        Self::of(BybitProtocol { exchange, class, memory: Memory::default() })
    }
}

impl Protocol for BybitProtocol {
    fn id(&self) -> ExchangeId {
        self.exchange
    }

    fn plan(&self, wanted: &[Subscription]) -> Vec<ConnectionPlan> {
        subscribe::plan(self.class, wanted)
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
        let mut context = Context { instruments, memory: &mut self.memory };
        hot::recognise(&mut context, frame, batch)?;
        Some(Frame::Data { recognised: true })
    }

    fn read(
        &mut self,
        instruments: &NativeMap,
        root: Value<'_>,
        batch: &mut Batch,
    ) -> Result<Frame, Rejected> {
        Context { instruments, memory: &mut self.memory }.frame(root, batch)
    }

    fn trace(&self, instruments: &NativeMap, frame: &[u8]) -> Option<Trace> {
        parse::trace(instruments, frame)
    }

    fn symbols_in(&self, root: Value<'_>, found: &mut dyn FnMut(&str)) {
        parse::symbols_in(root, found);
    }
}
