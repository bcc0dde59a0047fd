//! What a simulator counted, readable from any thread while it runs.

use std::sync::atomic::{AtomicU64, Ordering};

/// A count with one writer.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    // Relaxed throughout: each count stands alone; nothing is read on the strength of another.
    pub(super) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn set(&self, count: u64) {
        self.0.store(count, Ordering::Relaxed);
    }

    /// The greater of the two stays.
    pub(super) fn raise(&self, count: u64) {
        self.0.fetch_max(count, Ordering::Relaxed);
    }

    fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The counts that the thread writes.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) connections: Count,
    pub(super) websockets: Count,
    pub(super) streams: Count,
    pub(super) accepted: Count,
    pub(super) upgrades: Count,
    pub(super) upgrades_refused: Count,
    pub(super) requests: Count,
    pub(super) requests_refused: Count,
    pub(super) commands: Count,
    pub(super) frames: Count,
    pub(super) trades: Count,
    pub(super) pings: Count,
    pub(super) pongs: Count,
    pub(super) slow_closes: Count,
    pub(super) faults: Count,
    pub(super) lateness_ns_max: Count,
}

/// What a simulator counted so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Connections now.
    pub connections: u64,
    /// Of them, open WebSockets.
    pub websockets: u64,
    /// Streams that are subscribed now and carry data, over all WebSockets.
    pub streams: u64,
    /// Connections accepted.
    pub accepted: u64,
    /// WebSockets opened.
    pub upgrades: u64,
    /// Handshakes refused.
    pub upgrades_refused: u64,
    /// REST requests answered.
    pub requests: u64,
    /// Of them, refused.
    pub requests_refused: u64,
    /// Messages of text from clients.
    pub commands: u64,
    /// Frames of any kind sent.
    pub frames: u64,
    /// Trades that the market printed.
    pub trades: u64,
    /// Pings sent.
    pub pings: u64,
    /// Pongs received.
    pub pongs: u64,
    /// Clients cut off because they read too slowly.
    pub slow_closes: u64,
    /// Faults that struck or were armed.
    pub faults: u64,
    /// The most that a trade was late against its planned time, in nanoseconds.
    pub lateness_ns_max: u64,
}

impl Counters {
    pub(super) fn read(&self) -> Stats {
        Stats {
            connections: self.connections.read(),
            websockets: self.websockets.read(),
            streams: self.streams.read(),
            accepted: self.accepted.read(),
            upgrades: self.upgrades.read(),
            upgrades_refused: self.upgrades_refused.read(),
            requests: self.requests.read(),
            requests_refused: self.requests_refused.read(),
            commands: self.commands.read(),
            frames: self.frames.read(),
            trades: self.trades.read(),
            pings: self.pings.read(),
            pongs: self.pongs.read(),
            slow_closes: self.slow_closes.read(),
            faults: self.faults.read(),
            lateness_ns_max: self.lateness_ns_max.read(),
        }
    }
}
