//! OKX v5: spot, perpetuals and dated futures on one public id.
//!
//! Sizes of contracts are contracts, as the exchange counts them; what one is worth stands in its
//! listing and differs from contract to contract.
//!
//! Sources: OKX API v5 documentation and change log (state 2026-09), recorded sessions of 2022 and
//! 2026; what only maintainers of other clients report is marked so.

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
    Adapter, Answers, Batch, Begins, BookRules, ChecksumRule, ConnectionPlan, ConnectionRules,
    Continuity, DEPTH_FULL, DateRules, Dated, Frame, ListingRest, MessagesOf, Profile, Protocol,
    Rejected, Request, RequestRules, SnapshotSource, Subscription, Trace,
};
use crate::exchange::rest::no_more;
use crate::instrument::{ExchangeId, InstrumentId, NativeMap};
use crate::json::{PaddedFrame, Value};
use parse::Context;

/// Facts of OKX.
pub static PROFILE: Profile = Profile {
    exchange: ExchangeId::Okx,
    url: "wss://ws.okx.com:8443",
    rest_url: "https://www.okx.com",
    connection: ConnectionRules {
        // The bound is 64 KB of arguments, which `plan` counts; this many always fit.
        streams_max: 900,
        // Fits the 4,096 bytes that a request had to fit before they were made 64 KB.
        subscriptions_per_request: 50,
        // Answers name our request since 2024; one at a time needs no such trust, and all answers
        // to a request come within one round trip.
        requests_in_flight_max: 1,
        answers: Answers::PerSubscription,
        // Requests to subscribe, unsubscribe or log in; heartbeats are not among them, but fit too
        // (a quiet connection is asked every 10 s, 360 times in an hour).
        messages_max: 480,
        message_window: Duration::from_secs(3_600),
        messages_of: MessagesOf::Connection,
        attempts_max: 3,
        attempt_window: Duration::from_secs(1),
        lifetime: None,
        // A book of 400 levels a side has about 32 KB, the list of spot instruments 700 KB.
        frame_bytes_max: 8 << 20,
        // A connection without a push for 30 s is closed (4004) unless the client says this.
        heartbeat: Some((Duration::from_secs(20), "ping")),
        trade_ids_contiguous: true,
        quotes_in_ticker: false,
    },
    // 20 requests in 2 s for the list of instruments.
    requests: RequestRules { weight_max: 20, window: Duration::from_secs(2) },
    // What a quiet instrument begins with is dated of its last change.
    dates: DateRules {
        quotes: Dated::Otherwise,
        ticker: Dated::Otherwise,
        candles: Dated::Otherwise,
        begins: Begins::Last,
    },
    book: BookRules {
        continuity: Continuity::StatesPreviousOrRestarts,
        snapshot: SnapshotSource::Stream,
        // Always 0 since 2026-06-23, which says nothing; recordings have live ones.
        checksum: Some(ChecksumRule::Okx),
    },
    native_symbol: symbol::native,
    canonical_symbol: symbol::canonical,
    snapshot: None,
    listing: Some(ListingRest {
        requests: listing::requests,
        next: no_more,
        covers: listing::covers,
        read: listing::read,
    }),
    refusals: errors::REFUSALS,
};

/// Which channel makes the book of each instrument. There are several of different depths and
/// speeds; two of them must not change one book. Only recordings hold more than one.
#[derive(Clone, Debug, Default)]
struct BookSources(Vec<BookSource>);

/// The channel that makes an instrument's book.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum BookSource {
    /// None was seen yet.
    #[default]
    None,
    /// The best levels, whole each time.
    Best,
    /// `books`.
    Books,
    /// `books-l2-tbt`.
    BooksTickByTick,
    /// `books50-l2-tbt`.
    BestFiftyTickByTick,
}

impl BookSource {
    fn of(channel: &str) -> Self {
        match channel {
            "books" => Self::Books,
            "books-l2-tbt" => Self::BooksTickByTick,
            "books50-l2-tbt" => Self::BestFiftyTickByTick,
            "books5" => Self::Best,
            _ => Self::None,
        }
    }

    /// Levels of each side.
    const fn depth(self) -> u32 {
        match self {
            Self::None => DEPTH_FULL,
            Self::Best => 5,
            Self::Books | Self::BooksTickByTick => 400,
            Self::BestFiftyTickByTick => 50,
        }
    }
}

impl BookSources {
    /// How deep the channel is that makes the instrument's book.
    fn depth(&self, instrument: InstrumentId) -> u32 {
        self.0.get(instrument.index()).copied().unwrap_or_default().depth()
    }

    /// Whether this channel makes the instrument's book: the first one that was seen, but any
    /// other before the best levels alone.
    #[inline(always)]
    fn admits(&mut self, instrument: InstrumentId, source: BookSource) -> bool {
        match self.0.get(instrument.index()) {
            Some(&known) if known == source => true,
            known => self.decide(instrument, known.copied().unwrap_or_default(), source),
        }
    }

    #[cold]
    fn decide(&mut self, instrument: InstrumentId, known: BookSource, source: BookSource) -> bool {
        if !matches!(known, BookSource::None | BookSource::Best) {
            return false;
        }
        let index = instrument.index();
        if self.0.len() <= index {
            self.0.resize(index + 1, BookSource::None);
        }
        self.0[index] = source;
        true
    }
}

/// The adapter.
pub type Okx = Adapter<OkxProtocol>;

/// What is OKX's own.
#[derive(Debug, Default)]
pub struct OkxProtocol {
    sources: BookSources,
}

impl Protocol for OkxProtocol {
    fn id(&self) -> ExchangeId {
        ExchangeId::Okx
    }

    fn plan(&self, wanted: &[Subscription]) -> Vec<ConnectionPlan> {
        subscribe::plan(wanted)
    }

    fn subscribe(&self, subscriptions: &[Subscription], next_id: &mut u64) -> Vec<Request> {
        subscribe::messages("subscribe", subscriptions, next_id)
    }

    fn unsubscribe(&self, subscriptions: &[Subscription], next_id: &mut u64) -> Vec<Request> {
        subscribe::messages("unsubscribe", subscriptions, next_id)
    }

    /// The answer to our heartbeat is the one frame that is no JSON.
    fn read_text(&self, frame: &[u8]) -> Option<Frame> {
        (frame == b"pong").then_some(Frame::Heartbeat)
    }

    #[inline]
    fn recognise(
        &mut self,
        instruments: &NativeMap,
        frame: &PaddedFrame<'_>,
        batch: &mut Batch,
    ) -> Option<Frame> {
        hot::recognise(instruments, &mut self.sources, frame, batch)?;
        Some(Frame::Data { recognised: true })
    }

    fn read(
        &mut self,
        instruments: &NativeMap,
        root: Value<'_>,
        batch: &mut Batch,
    ) -> Result<Frame, Rejected> {
        Context { instruments, sources: &mut self.sources }.frame(root, batch)
    }

    fn trace(&self, instruments: &NativeMap, frame: &[u8]) -> Option<Trace> {
        parse::trace(instruments, frame)
    }

    fn symbols_in(&self, root: Value<'_>, found: &mut dyn FnMut(&str)) {
        parse::symbols_in(root, found);
    }
}
