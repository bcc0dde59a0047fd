//! Binance spot and USD-M futures: two public ids, one protocol with the differences told in
//! `Market`. COIN-M futures frames read like USD-M ones.
//!
//! Sources: binance-spot-api-docs (`web-socket-streams.md`, state 2026-07-21) and the derivatives
//! documentation (2026-10); what was measured on the wire instead is marked so.

mod book;
mod errors;
mod hot;
mod listing;
mod parse;
mod subscribe;
mod symbol;
#[cfg(test)]
mod tests;

use std::time::Duration;

use super::{
    Adapter, Answers, Batch, Begins, BookRules, ConnectionPlan, ConnectionRules, Continuity,
    DateRules, Dated, Frame, ListingRest, MessagesOf, Profile, Protocol, Rejected, Request,
    RequestRules, SnapshotRest, SnapshotSource, Subscription, Trace,
};
use crate::exchange::rest::{all_natives, no_more};
use crate::instrument::{ExchangeId, NativeMap};
use crate::json::{PaddedFrame, Value};
use crate::limits::{BINANCE_FRAME_BYTES_MAX, BINANCE_NAMES_PER_MESSAGE_MAX};
use parse::Context;

/// The two markets that this adapter speaks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Market {
    /// Spot.
    Spot,
    /// USD-M futures; COIN-M frames too.
    Futures,
}

/// Unit of every time field on a connection; asked for in its path, never guessed from digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeUnit {
    /// The default of the exchange.
    #[default]
    Millisecond,
    /// `timeUnit=MICROSECOND` in the path (spot, since 2024-12-17).
    Microsecond,
}

/// Facts of Binance spot.
pub static SPOT: Profile = Profile {
    exchange: ExchangeId::Binance,
    url: "wss://stream.binance.com:9443",
    rest_url: "https://api.binance.com",
    connection: ConnectionRules {
        streams_max: 1_024,
        subscriptions_per_request: BINANCE_NAMES_PER_MESSAGE_MAX,
        requests_in_flight_max: usize::MAX,
        answers: Answers::PerRequest,
        // Commands, pings and pongs all count; the excess disconnects.
        messages_max: 5,
        message_window: Duration::from_secs(1),
        messages_of: MessagesOf::Connection,
        attempts_max: 300,
        attempt_window: Duration::from_secs(300),
        lifetime: Some(Duration::from_secs(24 * 3_600)),
        frame_bytes_max: BINANCE_FRAME_BYTES_MAX,
        heartbeat: None,
        trade_ids_contiguous: true,
        quotes_in_ticker: false,
    },
    requests: RequestRules { weight_max: 6_000, window: Duration::from_secs(60) },
    dates: DateRules {
        quotes: Dated::Moment,
        ticker: Dated::Moment,
        candles: Dated::Moment,
        begins: Begins::Next,
    },
    book: BookRules {
        continuity: Continuity::FirstFollowsLast,
        snapshot: SnapshotSource::Rest,
        checksum: None,
    },
    native_symbol: symbol::spot_native,
    canonical_symbol: symbol::spot_canonical,
    snapshot: Some(SnapshotRest {
        path: book::spot_snapshot_path,
        depths: book::SPOT_DEPTHS,
        read: book::read_snapshot,
    }),
    listing: Some(ListingRest {
        requests: listing::spot_requests,
        next: no_more,
        covers: all_natives,
        read: listing::read_spot,
    }),
    refusals: errors::REFUSALS,
};

/// Facts of Binance USD-M futures.
pub static FUTURES: Profile = Profile {
    exchange: ExchangeId::BinanceFutures,
    url: "wss://fstream.binance.com",
    rest_url: "https://fapi.binance.com",
    connection: ConnectionRules {
        streams_max: 1_024,
        subscriptions_per_request: BINANCE_NAMES_PER_MESSAGE_MAX,
        requests_in_flight_max: usize::MAX,
        answers: Answers::PerRequest,
        // Measured (2026-10): 15 commands in one burst pass, 40 close with 1008.
        messages_max: 10,
        message_window: Duration::from_secs(1),
        messages_of: MessagesOf::Connection,
        attempts_max: 300,
        attempt_window: Duration::from_secs(300),
        lifetime: Some(Duration::from_secs(24 * 3_600)),
        frame_bytes_max: BINANCE_FRAME_BYTES_MAX,
        heartbeat: None,
        trade_ids_contiguous: true,
        quotes_in_ticker: false,
    },
    requests: RequestRules { weight_max: 2_400, window: Duration::from_secs(60) },
    dates: DateRules {
        quotes: Dated::Moment,
        ticker: Dated::Moment,
        candles: Dated::Moment,
        begins: Begins::Next,
    },
    book: BookRules {
        continuity: Continuity::StatesPrevious,
        snapshot: SnapshotSource::Rest,
        checksum: None,
    },
    native_symbol: symbol::futures_native,
    canonical_symbol: symbol::futures_canonical,
    snapshot: Some(SnapshotRest {
        path: book::futures_snapshot_path,
        depths: book::FUTURES_DEPTHS,
        read: book::read_snapshot,
    }),
    listing: Some(ListingRest {
        requests: listing::futures_requests,
        next: no_more,
        covers: all_natives,
        read: listing::read_futures,
    }),
    refusals: errors::REFUSALS,
};

/// The adapter of both markets.
pub type Binance = Adapter<BinanceProtocol>;

/// What is Binance's own.
#[derive(Debug)]
pub struct BinanceProtocol {
    exchange: ExchangeId,
    market: Market,
    time_unit: TimeUnit,
}

impl Binance {
    /// An adapter that knows no instrument yet. Every id but spot's gets the futures' rules.
    pub fn new(exchange: ExchangeId) -> Self {
        let is_spot = exchange == ExchangeId::Binance;
        let market = if is_spot { Market::Spot } else { Market::Futures };
        Self::of(BinanceProtocol { exchange, market, time_unit: TimeUnit::default() })
    }

    /// Asks for, and reads, times in this unit.
    #[must_use]
    pub fn with_time_unit(mut self, time_unit: TimeUnit) -> Self {
        self.protocol_mut().time_unit = time_unit;
        self
    }
}

impl BinanceProtocol {
    #[inline]
    const fn context<'a>(&self, instruments: &'a NativeMap) -> Context<'a> {
        Context { market: self.market, time_unit: self.time_unit, instruments }
    }
}

impl Protocol for BinanceProtocol {
    fn id(&self) -> ExchangeId {
        self.exchange
    }

    fn plan(&self, wanted: &[Subscription]) -> Vec<ConnectionPlan> {
        subscribe::plan(self.market, self.time_unit, wanted)
    }

    fn subscribe(&self, subscriptions: &[Subscription], next_id: &mut u64) -> Vec<Request> {
        subscribe::messages(self.market, "SUBSCRIBE", subscriptions, next_id)
    }

    fn unsubscribe(&self, subscriptions: &[Subscription], next_id: &mut u64) -> Vec<Request> {
        subscribe::messages(self.market, "UNSUBSCRIBE", subscriptions, next_id)
    }

    #[inline]
    fn recognise(
        &mut self,
        instruments: &NativeMap,
        frame: &PaddedFrame<'_>,
        batch: &mut Batch,
    ) -> Option<Frame> {
        hot::recognise(&self.context(instruments), frame, batch)?;
        Some(Frame::Data { recognised: true })
    }

    fn read(
        &mut self,
        instruments: &NativeMap,
        root: Value<'_>,
        batch: &mut Batch,
    ) -> Result<Frame, Rejected> {
        self.context(instruments).frame(root, batch)
    }

    fn trace(&self, instruments: &NativeMap, frame: &[u8]) -> Option<Trace> {
        parse::trace(instruments, frame)
    }

    fn symbols_in(&self, root: Value<'_>, found: &mut dyn FnMut(&str)) {
        parse::symbols_in(root, found);
    }
}
