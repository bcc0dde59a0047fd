//! Kraken spot: version 2 of its WebSocket protocol, and version 1 for reading recordings.
//!
//! Sources: docs.kraken.com (spot-websocket-v2, state 2026-10) and frames recorded live in 2021 and
//! 2026; what was measured on the wire instead is marked so.

mod book;
mod errors;
mod hot;
mod listing;
mod parse;
mod subscribe;
mod symbol;
#[cfg(test)]
mod tests;
mod v1;

use std::time::Duration;

use super::{
    Adapter, Answers, Batch, Begins, BookRules, ChecksumRule, ConnectionPlan, ConnectionRules,
    Continuity, DateRules, Dated, Frame, MessagesOf, Profile, Protocol, Rejected, Request,
    RequestRules, SnapshotSource, Subscription, Trace,
};
use crate::instrument::{ExchangeId, NativeMap};
use crate::json::{Minute, PaddedFrame, Value};
use crate::limits::KRAKEN_FRAME_BYTES_MAX;
use book::Depths;
use hot::Recognised;
use parse::Context;

/// No numbers: the checksum alone tells of a lost event. It covers the ten best levels of each
/// side, which is all that is subscribed.
const BOOK: BookRules = BookRules {
    continuity: Continuity::None,
    snapshot: SnapshotSource::Stream,
    checksum: Some(ChecksumRule::Kraken),
};

/// What both versions allow on a connection.
const CONNECTION: ConnectionRules = ConnectionRules {
    // No bound is published; six symbols in one request and thousands of streams were seen.
    streams_max: 1_000,
    subscriptions_per_request: subscribe::SUBSCRIPTIONS_PER_REQUEST,
    requests_in_flight_max: usize::MAX,
    answers: Answers::PerSubscription,
    // No number is published for public channels, yet "too many requests" exists.
    messages_max: 5,
    message_window: Duration::from_secs(1),
    messages_of: MessagesOf::Connection,
    // Beyond, the address is banned for 10 min.
    attempts_max: 150,
    attempt_window: Duration::from_secs(600),
    lifetime: None,
    frame_bytes_max: KRAKEN_FRAME_BYTES_MAX,
    // Once anything is subscribed a heartbeat of theirs comes each second (measured: 1.03 s at
    // most). Without a subscription nothing comes, and after a minute of silence they close.
    heartbeat: Some((Duration::from_secs(5), r#"{"method":"ping"}"#)),
    trade_ids_contiguous: true,
    quotes_in_ticker: true,
};

/// Facts of Kraken, version 2.
pub static V2: Profile = Profile {
    exchange: ExchangeId::Kraken,
    url: "wss://ws.kraken.com",
    rest_url: "https://api.kraken.com",
    connection: CONNECTION,
    requests: RequestRules { weight_max: 15, window: Duration::from_secs(60) },
    // What a quiet instrument begins with is dated of its last change.
    dates: DateRules {
        quotes: Dated::Otherwise,
        ticker: Dated::Otherwise,
        candles: Dated::Moment,
        begins: Begins::Next,
    },
    book: BOOK,
    native_symbol: symbol::native,
    canonical_symbol: symbol::canonical,
    snapshot: None,
    listing: None,
    refusals: errors::REFUSALS,
};

/// Facts of Kraken, version 1: array frames, no trade ids. Frozen by the exchange; here it is read
/// from recordings and never spoken.
pub static V1: Profile = Profile {
    exchange: ExchangeId::KrakenV1,
    connection: ConnectionRules {
        trade_ids_contiguous: false,
        quotes_in_ticker: false,
        heartbeat: None,
        ..CONNECTION
    },
    native_symbol: symbol::v1_native,
    canonical_symbol: symbol::v1_canonical,
    ..V2
};

/// Which protocol an adapter reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// The adapter of both versions.
pub type Kraken = Adapter<KrakenProtocol>;

/// What is Kraken's own.
#[derive(Debug)]
pub struct KrakenProtocol {
    version: Version,
    /// Of the last date.
    minute: Minute,
    depths: Depths,
}

impl Kraken {
    /// An adapter that knows no instrument yet. Every id but version 1's gets version 2.
    pub fn new(exchange: ExchangeId) -> Self {
        let version = match exchange {
            ExchangeId::KrakenV1 => Version::One,
            _ => Version::Two,
        };
        let (minute, depths) = (Minute::default(), Depths::default());
        Self::of(KrakenProtocol { version, minute, depths })
    }
}

impl KrakenProtocol {
    #[inline]
    const fn context<'a>(&'a mut self, instruments: &'a NativeMap) -> Context<'a> {
        Context { instruments, minute: &self.minute, depths: &mut self.depths }
    }
}

impl Protocol for KrakenProtocol {
    fn id(&self) -> ExchangeId {
        match self.version {
            Version::One => ExchangeId::KrakenV1,
            Version::Two => ExchangeId::Kraken,
        }
    }

    fn plan(&self, wanted: &[Subscription]) -> Vec<ConnectionPlan> {
        match self.version {
            Version::One => Vec::new(),
            Version::Two => subscribe::plan(wanted),
        }
    }

    fn subscribe(&self, subscriptions: &[Subscription], next_id: &mut u64) -> Vec<Request> {
        match self.version {
            Version::One => Vec::new(),
            Version::Two => subscribe::messages("subscribe", subscriptions, next_id),
        }
    }

    fn unsubscribe(&self, subscriptions: &[Subscription], next_id: &mut u64) -> Vec<Request> {
        match self.version {
            Version::One => Vec::new(),
            Version::Two => subscribe::messages("unsubscribe", subscriptions, next_id),
        }
    }

    fn set_instruments(&mut self, instruments: &NativeMap) {
        self.depths.find_digits(instruments);
    }

    #[inline]
    fn recognise(
        &mut self,
        instruments: &NativeMap,
        frame: &PaddedFrame<'_>,
        batch: &mut Batch,
    ) -> Option<Frame> {
        if self.version == Version::One {
            return None;
        }
        match hot::recognise(self.context(instruments), frame, batch)? {
            Recognised::Data => Some(Frame::Data { recognised: true }),
            Recognised::Heartbeat => Some(Frame::Heartbeat),
        }
    }

    fn read(
        &mut self,
        instruments: &NativeMap,
        root: Value<'_>,
        batch: &mut Batch,
    ) -> Result<Frame, Rejected> {
        let version = self.version;
        let mut context = self.context(instruments);
        match version {
            Version::One => v1::frame(&mut context, root, batch),
            Version::Two => context.frame(root, batch),
        }
    }

    fn trace(&self, instruments: &NativeMap, frame: &[u8]) -> Option<Trace> {
        match self.version {
            Version::One => v1::trace(instruments, frame),
            Version::Two => parse::trace(instruments, frame),
        }
    }

    fn symbols_in(&self, root: Value<'_>, found: &mut dyn FnMut(&str)) {
        match self.version {
            Version::One => v1::symbols_in(root, found),
            Version::Two => parse::symbols_in(root, found),
        }
    }
}
