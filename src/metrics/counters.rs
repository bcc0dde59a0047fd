//! The catalogue of counters. Each is written by one thread and read by any.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crossbeam::utils::CachePadded;

use super::catalogue::BUCKETS_NS;
use crate::clock::MonoNanos;
use crate::exchange::{RefusalKind, Rejected};
use crate::limits::LINES_MAX;
use crate::tick::{BookState, Reason};

/// A count that only rises. One writer thread, so an increment is a load and a store, no
/// read-modify-write.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds one.
    #[inline]
    pub fn increment(&self) {
        self.add(1);
    }

    /// Adds `by`.
    #[inline]
    pub fn add(&self, by: u64) {
        // Relaxed: a lone value of one writer; readers need no order with other memory.
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(by), Ordering::Relaxed);
    }

    /// The count.
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// One counter for each of [`Reason::ALL`], by its number.
#[derive(Debug)]
pub struct PerReason([Counter; Reason::ALL.len()]);

impl Default for PerReason {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Counter::default()))
    }
}

impl std::ops::Deref for PerReason {
    type Target = [Counter];

    fn deref(&self) -> &[Counter] {
        &self.0
    }
}

/// A value that rises and falls. One writer thread.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);

impl Gauge {
    /// Replaces the value.
    #[inline]
    pub fn set(&self, value: u64) {
        // Relaxed: as in `Counter::add`.
        self.0.store(value, Ordering::Relaxed);
    }

    /// The value.
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a feed thread counts; it alone writes.
#[derive(Debug, Default)]
pub struct FeedCounters {
    /// Frames read from the exchange.
    pub frames: CachePadded<Counter>,
    /// Bytes of those frames.
    pub bytes: Counter,
    /// Ticks pushed into the rings.
    pub ticks: Counter,
    /// Data frames that the recognisers left to the general parser.
    pub fallbacks: Counter,
    /// Data frames that a recogniser read.
    pub recognised: Counter,
    /// Frames refused, by [`Rejected::ALL`].
    pub rejected: [Counter; Rejected::ALL.len()],
    /// Items of frames that could not be read, likewise.
    pub rejected_items: [Counter; Rejected::ALL.len()],
    /// Frames that carry none of our channels.
    pub other: Counter,
    /// Error frames of the exchange.
    pub exchange_errors: Counter,
    /// Holes in the exchange's numbering.
    pub gaps: Counter,
    /// Books resynchronised.
    pub resyncs: Counter,
    /// Streams that the exchange ended, though nobody asked for that.
    pub ended_streams: Counter,
    /// Trades told without their id because it is too long.
    pub trade_ids_refused: Counter,
    /// Books whose checksum did not match.
    pub checksum_failures: Counter,
    /// Changes of books and tickers that were dropped because no snapshot had come before them.
    pub unproven_deltas: Counter,
    /// Subscriptions left and asked for again while their connection lived: for a book's
    /// snapshot, or because their stream had fallen silent.
    pub resubscriptions: Counter,
    /// Quotes whose bid lay above their ask; told as the exchange states them.
    pub crossed_quotes: Counter,
    /// Connections that answered and brought nothing any more.
    pub barren_connections: Counter,
    /// Connections ended since they sent frames that bring nothing, one after the other.
    pub chatter_ends: Counter,
    /// Streams that fell silent far beyond their own rhythm.
    pub aged_streams: Counter,
    /// Questions to connections that fell silent beyond their rhythm.
    pub silence_questions: Counter,
    /// Of those: answered, by whatever came.
    pub silence_answers: Counter,
    /// Connections lost, by [`Reason::ALL`].
    pub reconnects: PerReason,
    /// Attempts to connect that failed, by [`Reason::ALL`].
    pub failed_attempts: PerReason,
    /// Connections replaced as planned, before the exchange closed them.
    pub rollovers: Counter,
    /// Requests that the exchange did not answer in time.
    pub unanswered: Counter,
    /// Refusals of the exchange, by [`RefusalKind::NAMES`].
    pub refusals: [Counter; RefusalKind::NAMES.len()],
    /// Subscriptions that the exchange refused for good.
    pub refused_subscriptions: Counter,
    /// Subscriptions that the exchange refused for now.
    pub postponed_subscriptions: Counter,
    /// Streams that are not there: refused, silent, or not asked for yet.
    pub absent_subscriptions: Gauge,
    /// Streams that open connections began with and that no connection has an answer or data for.
    pub unsettled_subscriptions: Gauge,
    /// Messages to the exchange that wait for room under its limit.
    pub unsent_requests: Gauge,
    /// When the last of those may go, as [`MonoNanos`]; 0 without any.
    pub unsent_until: Gauge,
    /// Subscriptions that were accepted and stayed without data.
    pub mute_subscriptions: Counter,
    /// Events dated further ahead of the exchange's clock than is believed, or before any exchange.
    pub dates_ahead: Counter,
    /// How far the exchange's clock is ahead of ours in nanoseconds, the bits of an `i64`.
    pub clock_ahead_ns: Gauge,
    /// Events that were published before: repeated, late, or the copy of a second connection.
    pub duplicates: Counter,
    /// Streams for which another connection was waited for too long.
    pub held_back_too_long: Counter,
    /// Events that found no room among those that wait for another connection.
    pub held_back_overflows: Counter,
    /// Times that the exchange kept refusing, so that it is only probed.
    pub circuit_trips: Counter,
    /// Attempts made while it was only probed.
    pub circuit_probes: Counter,
    /// 1 while the exchange is only probed.
    pub circuit_open: Gauge,
    /// Order books in each state, by `BookState as usize`.
    pub books: [Gauge; BookState::ALL.len()],
    /// Attempts to connect that waited for the exchange's limit of them.
    pub attempts_held_back: Counter,
    /// What the lines that carry the same did, by their number.
    pub lines: [LineCounters; LINES_MAX],
    /// Reports that the control side was too late to hear.
    pub reports_dropped: Counter,
    /// Turns in which a full ring refused a tick.
    pub ring_refusals: Counter,
    /// Ticks skipped after a stall beyond the bound.
    pub skipped: Counter,
    /// Ticks that the full ring of a sink refused, each told there as a gap.
    pub refused: Counter,
    /// Ticks waiting in the fullest ring of a broadcaster; that of a sink may be full.
    pub ring_occupancy: Gauge,
    /// When the newest frame was read, as [`MonoNanos`]; 0 before any.
    pub newest_read: Gauge,
}

impl FeedCounters {
    /// Until the last of the messages that wait may go.
    pub fn unsent_for(&self, now: MonoNanos) -> Duration {
        Duration::from_nanos(MonoNanos(self.unsent_until.value()).since(now))
    }

    /// More than one line carries the same, and a copy came.
    pub fn has_raced(&self) -> bool {
        self.lines.iter().any(|line| line.copies.value() > 0)
    }

    /// Items of a frame were lost.
    pub fn lose_items(&self, rejected: Rejected, count: u64) {
        if let Some(index) = Rejected::ALL.into_iter().position(|one| one == rejected) {
            self.rejected_items[index].add(count);
        }
    }

    /// The counters of a line.
    #[inline]
    pub fn line(&self, copy: u8) -> &LineCounters {
        &self.lines[usize::from(copy) % LINES_MAX]
    }
}

/// What one of the lines that carry the same did.
#[derive(Debug, Default)]
pub struct LineCounters {
    /// Events of which it brought the first copy.
    pub wins: Counter,
    /// Events that another line had brought before.
    pub copies: Counter,
    /// Trades that it skipped, by their ids; another line may have brought them.
    pub missed: Counter,
    /// Connections lost.
    pub losses: Counter,
    /// How much later its copies came, of a sample of events.
    pub skew: Spread,
}

/// How long something took, counted in buckets.
#[derive(Debug, Default)]
pub struct Spread {
    /// By the bucket's upper end in nanoseconds, the last without end.
    counts: [Counter; BUCKETS_NS.len() + 1],
    sum_ns: Counter,
}

impl Spread {
    /// Counts one.
    #[inline]
    pub fn record(&self, ns: u64) {
        self.counts[BUCKETS_NS.partition_point(|&end| end < ns)].increment();
        self.sum_ns.add(ns);
    }

    /// Of each bucket its upper end in seconds and what it counted, the last without end.
    pub fn buckets(&self) -> Vec<(f64, u64)> {
        let ends = BUCKETS_NS.iter().map(|&ns| ns as f64 / 1e9).chain([f64::INFINITY]);
        ends.zip(self.counts.iter().map(Counter::value)).collect()
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.counts.iter().map(Counter::value).sum()
    }

    /// All of them together, in seconds.
    pub fn sum_seconds(&self) -> f64 {
        self.sum_ns.value() as f64 / 1e9
    }
}

/// What a broadcaster thread counts; it alone writes.
#[derive(Debug, Default)]
pub struct BroadcastCounters {
    /// Ticks taken from the rings.
    pub ticks: CachePadded<Counter>,
    /// Events handed to sessions, before conflation.
    pub events: Counter,
    /// Events replaced by a newer one before they were sent.
    pub conflated: Counter,
    /// Trades and candles that came for a candle already closed.
    pub late: Gauge,
    /// Bars that were told as closed and came with other numbers, or had been missing.
    pub bars_corrected: Gauge,
    /// Bars that came again as they were told.
    pub bars_repeated: Gauge,
    /// Candles that lay in the future when the exchange's time went back.
    pub candles_returned: Gauge,
    /// Bytes written to clients.
    pub bytes: Counter,
    /// Sessions open.
    pub clients: Gauge,
    /// Subscriptions of all sessions.
    pub subscriptions: Gauge,
    /// Bytes waiting in outboxes.
    pub queue_bytes: Gauge,
    /// Bytes of memory that histories hold.
    pub history_bytes: Gauge,
    /// Events that gave way because all histories together had reached their bytes.
    pub history_evicted: Gauge,
    /// Sessions closed because they could not take what may not be dropped.
    pub slow_closes: Counter,
    /// Requests answered with an error.
    pub bad_requests: Counter,
    /// Messages of clients that were heard, pings and pongs among them.
    pub messages: Counter,
    /// Requests refused, and not read, because their client sends too many.
    pub rate_limited: Counter,
    /// Sessions closed because they went on with what was refused.
    pub offender_closes: Counter,
    /// Reads put off because their client sends crumbs, or goes on after its close.
    pub reads_put_off: Counter,
}

/// What the acceptor counts; it alone writes.
#[derive(Debug, Default)]
pub struct AcceptCounters {
    /// Sockets handed to broadcasters.
    pub accepted: Counter,
    /// Refused with 400: no HTTP, or an upgrade that is no WebSocket's.
    pub refused_400: Counter,
    /// Refused with 403: origin.
    pub refused_403: Counter,
    /// Refused with 404: path.
    pub refused_404: Counter,
    /// Refused with 431: a head that is too large.
    pub refused_431: Counter,
    /// Ended because their address kept as many in a handshake as there may be.
    pub displaced: Counter,
    /// Refused with 426: no WebSocket request.
    pub refused_426: Counter,
    /// Refused with 429: too many from one address.
    pub refused_429: Counter,
    /// Refused with 503: at capacity or stopping.
    pub refused_503: Counter,
    /// Closed because the upgrade took too long.
    pub timeouts: Counter,
    /// Put off, to be read with the deadlines, because their request comes in crumbs.
    pub reads_put_off: Counter,
}

/// What the admin port counts; its thread alone writes.
#[derive(Debug, Default)]
pub struct AdminCounters {
    /// Connections ended because their address kept the most of all that may be open.
    pub displaced: Counter,
    /// Connections ended because nothing was answered on them for too long.
    pub timeouts: Counter,
    /// Connections read rarely, because their request comes in crumbs.
    pub reads_put_off: Counter,
}

/// What the thread of requests beside an exchange's stream counts; it alone writes.
#[derive(Debug, Default)]
pub struct RequestCounters {
    /// Requests sent.
    pub requests: Counter,
    /// Weight of those in the exchange's ledger.
    pub weight: Counter,
    /// Requests that brought nothing usable.
    pub failures: Counter,
    /// Of those: refused by the exchange.
    pub refusals: Counter,
    /// Lists of instruments that were given up, or not taken whole, as they were too long.
    pub lists_refused: Counter,
    /// Times that our own ledger held a request back.
    pub held_back: Counter,
    /// Rows of lists that could not be read.
    pub rows_unread: Counter,
    /// Requests that wait.
    pub waiting: Gauge,
    /// Milliseconds until the ledger will have let all of them go, at the earliest.
    pub eta_ms: Gauge,
}
