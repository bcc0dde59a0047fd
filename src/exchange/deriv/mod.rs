//! Deriv: a broker of synthetic indices, currencies and coins. There are no trades, no sizes and no
//! books; prices come as ticks, candles are the exchange's own.
//!
//! Two dialects of one protocol: legacy v3, which wants the number of an application in its
//! address, and the socket of the newer options API. Sources: developers.deriv.com and the schemas
//! of `deriv-api-docs` (2026-06), recorded frames of 2025 and 2026.

mod errors;
mod hot;
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
    DateRules, Dated, Frame, MessagesOf, Profile, Protocol, Rejected, Request, RequestRules,
    SnapshotSource, Subscription, Trace,
};
use crate::instrument::{ExchangeId, NativeMap};
use crate::json::{PaddedFrame, Value};
use crate::limits::DERIV_STREAMS_MAX;
use memory::Memory;
use parse::Context;

/// Which of its two sockets is spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// `/websockets/v3`.
    #[default]
    Legacy,
    /// `/trading/v1/options/ws/public`.
    Options,
}

impl Dialect {
    /// Where its socket is, for who configures a host alone. 1089 is the application that Deriv
    /// has registered for tests by anybody.
    const fn path(self) -> &'static str {
        match self {
            Self::Legacy => "/websockets/v3?app_id=1089",
            Self::Options => "/trading/v1/options/ws/public",
        }
    }
}

/// Facts of Deriv.
pub static PROFILE: Profile = Profile {
    exchange: ExchangeId::Deriv,
    url: "wss://ws.derivws.com",
    rest_url: "https://api.derivws.com",
    connection: ConnectionRules {
        streams_max: DERIV_STREAMS_MAX,
        subscriptions_per_request: 1,
        // Answers come within a tenth of a second; more would only wait at the exchange.
        requests_in_flight_max: 32,
        answers: Answers::PerRequest,
        // Legacy 180 calls a minute, options 220 (2026).
        messages_max: 180,
        message_window: Duration::from_secs(60),
        messages_of: MessagesOf::Address,
        // Nothing is stated; a client is asked for one connection.
        attempts_max: 60,
        attempt_window: Duration::from_secs(60),
        lifetime: None,
        // All bars of an answer are 500 KB at most (5,000 of them), all instruments 100 KB.
        frame_bytes_max: 4 << 20,
        // Without a message for two minutes the exchange closes; it asks for a ping each 30 s.
        heartbeat: Some((Duration::from_secs(30), r#"{"ping":1}"#)),
        trade_ids_contiguous: false,
        quotes_in_ticker: true,
    },
    requests: RequestRules { weight_max: 220, window: Duration::from_secs(60) },
    dates: DateRules {
        quotes: Dated::Second,
        ticker: Dated::Second,
        candles: Dated::Second,
        begins: Begins::Last,
    },
    book: BookRules {
        continuity: Continuity::None,
        snapshot: SnapshotSource::Stream,
        checksum: None,
    },
    native_symbol: symbol::native,
    canonical_symbol: symbol::canonical,
    snapshot: None,
    listing: None,
    refusals: errors::REFUSALS,
};

/// The adapter of both dialects.
pub type Deriv = Adapter<DerivProtocol>;

/// What is Deriv's own.
#[derive(Debug)]
pub struct DerivProtocol {
    dialect: Dialect,
    path: &'static str,
    memory: Memory,
}

impl Default for Deriv {
    fn default() -> Self {
        Self::new(Dialect::Legacy)
    }
}

impl Deriv {
    /// An adapter that knows no instrument yet.
    pub fn new(dialect: Dialect) -> Self {
        Self::of(DerivProtocol { dialect, path: dialect.path(), memory: Memory::default() })
    }

    /// The adapter for a configured address. A host alone means the dialect that lives there, at
    /// its usual path; an address with a path of its own (with the number of an application, or a
    /// one-time password) stays as it is, and its path tells the dialect.
    pub fn at(url: &str) -> Self {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let dialect = match path {
            "" if host.starts_with("api.") => Dialect::Options,
            path if path.contains("options/ws") => Dialect::Options,
            _ => Dialect::Legacy,
        };
        let own_path = if path.is_empty() { dialect.path() } else { "" };
        let mut adapter = Self::new(dialect);
        adapter.protocol_mut().path = own_path;
        adapter
    }
}

impl Protocol for DerivProtocol {
    fn id(&self) -> ExchangeId {
        ExchangeId::Deriv
    }

    fn plan(&self, wanted: &[Subscription]) -> Vec<ConnectionPlan> {
        subscribe::plan(self.dialect, self.path, wanted)
    }

    fn subscribe(&self, subscriptions: &[Subscription], next_id: &mut u64) -> Vec<Request> {
        subscribe::subscribe(self.dialect, subscriptions, next_id)
    }

    fn unsubscribe(&self, subscriptions: &[Subscription], next_id: &mut u64) -> Vec<Request> {
        subscribe::unsubscribe(self.dialect, &self.memory, subscriptions, next_id)
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
        parse::trace(instruments, &self.memory, frame)
    }

    fn symbols_in(&self, root: Value<'_>, found: &mut dyn FnMut(&str)) {
        parse::symbols_in(root, found);
    }
}
