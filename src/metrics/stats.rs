//! The present state as one JSON object, for `/stats`, the dashboard and the log line.

use std::collections::BTreeMap;

use serde::Serialize;

use super::counters::{FeedCounters, RequestCounters};
use super::observatory::{FeedView, LineView, Observatory, Registered};
use crate::clock::MonoNanos;
use crate::exchange::Rejected;
use crate::latency::{Histograms, Quantile, Span};
use crate::tick::{BookState, Reason};

/// Everything that `/stats` shows.
#[derive(Clone, Debug, Serialize)]
pub struct Stats {
    /// Version of the program.
    pub version: &'static str,
    /// Names this run of the process.
    pub epoch: String,
    /// Time since it began.
    pub uptime_seconds: f64,
    /// Memory held, where the system says.
    pub resident_bytes: Option<u64>,
    /// Whether everything that was configured is served.
    pub ready: bool,
    /// What is missing for that.
    pub not_ready: Vec<String>,
    /// Each feed.
    pub feeds: Vec<FeedStats>,
    /// All clients together.
    pub clients: ClientStats,
    /// The histories of all broadcasters together.
    pub histories: HistoryStats,
    /// Each span that was measured, over the last minute and since the start.
    pub latency: Vec<LatencyStats>,
    /// How the budget was kept.
    pub budget: BudgetStats,
    /// The effective configuration, without secrets.
    pub configuration: serde_json::Value,
}

/// One feed in [`Stats`].
#[derive(Clone, Debug, Serialize)]
pub struct FeedStats {
    /// Its exchange.
    pub exchange: String,
    /// The worst state of what it carries: of lines that carry the same, the best counts.
    pub state: &'static str,
    /// Its connections.
    pub lines: Vec<LineStats>,
    /// Over the last seconds.
    pub frames_per_second: f64,
    /// Over the last seconds.
    pub ticks_per_second: f64,
    /// Since the newest frame was read; `null` before any.
    pub age_seconds: Option<f64>,
    /// Frames since the start.
    pub frames: u64,
    /// Bytes of those.
    pub bytes: u64,
    /// Ticks since the start.
    pub ticks: u64,
    /// Holes in the exchange's numbering.
    pub gaps: u64,
    /// Books resynchronised.
    pub resyncs: u64,
    /// Symbols that are configured and that the exchange does not list.
    pub unlisted: Vec<UnlistedStats>,
    /// Order books in each state.
    pub books: BookStats,
    /// Streams that are not there: refused, silent, or not asked for yet.
    pub absent_subscriptions: u64,
    /// Order books whose checksum did not match.
    pub checksum_failures: u64,
    /// Streams that connections began with and have neither an answer nor data for.
    pub unsettled_subscriptions: u64,
    /// Requests that wait for their turn, on the stream and beside it.
    pub requests_waiting: u64,
    /// Until the exchange's limits will have let all of those go, at the earliest.
    pub requests_eta_seconds: f64,
    /// The exchange kept refusing and is only probed.
    pub circuit_open: bool,
    /// The lines that carry the same, by their number; empty where there is one.
    pub race: Vec<RaceStats>,
    /// Connections lost, by reason.
    pub reconnects: BTreeMap<&'static str, u64>,
    /// Frames refused, by reason.
    pub rejected: BTreeMap<&'static str, u64>,
    /// Share of data frames, 0 to 1, that the recognisers left to the general parser.
    pub fallback_share: f64,
    /// Ticks waiting in the fullest ring.
    pub ring_ticks: u64,
    /// Turns in which a full ring refused a tick.
    pub ring_refusals: u64,
    /// Ticks skipped after a stall beyond the bound.
    pub skipped_ticks: u64,
    /// Events that the exchange dates after our read of them.
    pub negative_ages: u64,
}

/// Histories, in [`Stats`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HistoryStats {
    /// Memory that they hold.
    pub bytes: u64,
    /// Events that gave way because all of them together had reached their bytes.
    pub evicted: u64,
}

/// A symbol that its exchange does not list, in [`FeedStats`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UnlistedStats {
    /// As configured.
    pub symbol: String,
    /// Listed names that come nearest.
    pub nearest: Vec<String>,
}

/// Order books in each state, in [`FeedStats`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BookStats {
    /// Proven.
    pub live: u64,
    /// Being repaired.
    pub resyncing: u64,
    /// Known to be wrong or old.
    pub stale: u64,
}

/// One connection in [`FeedStats`].
#[derive(Clone, Debug, Serialize)]
pub struct LineStats {
    /// Its state.
    pub state: &'static str,
    /// Why it changed last.
    pub reason: &'static str,
    /// Attempts to connect since it was last up.
    pub attempt: u32,
    /// How long it has been so.
    pub seconds: f64,
}

/// All clients together in [`Stats`].
#[derive(Clone, Debug, Default, Serialize)]
pub struct ClientStats {
    /// Sessions open.
    pub open: u64,
    /// Sessions since the start.
    pub accepted: u64,
    /// Their subscriptions.
    pub subscriptions: u64,
    /// Events handed to sessions, over the last seconds.
    pub events_per_second: f64,
    /// Events handed to sessions.
    pub events: u64,
    /// Events replaced by a newer one before they were sent.
    pub conflated: u64,
    /// Bytes written.
    pub bytes: u64,
    /// Bytes waiting.
    pub queue_bytes: u64,
    /// Sessions closed as too slow.
    pub slow_closes: u64,
    /// Requests answered with an error.
    pub bad_requests: u64,
}

/// One span in [`Stats`].
#[derive(Clone, Debug, Serialize)]
pub struct LatencyStats {
    /// Which.
    pub span: &'static str,
    /// Over the last minute.
    pub last_minute: Distribution,
    /// Since the start.
    pub total: Distribution,
}

/// A distribution in short.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "the names of the quantiles say it")]
pub struct Distribution {
    pub samples: u64,
    pub p50_ns: u64,
    pub p90_ns: u64,
    pub p99_ns: u64,
    pub p999_ns: u64,
    pub max_ns: u64,
}

/// How the budget was kept, in [`Stats`].
#[derive(Clone, Debug, Serialize)]
pub struct BudgetStats {
    /// Windows of ten seconds judged.
    pub windows: u64,
    /// Each line, as `socket_to_ring_p99`.
    pub lines: BTreeMap<String, BudgetLine>,
}

/// What one of the lines that carry the same did, in [`FeedStats`].
#[derive(Clone, Debug, Serialize)]
pub struct RaceStats {
    /// Share of the events of which it brought the first copy.
    pub win_rate: f64,
    /// Those events.
    pub wins: u64,
    /// Events that the other had brought before.
    pub copies: u64,
    /// Trades that it skipped.
    pub missed_trades: u64,
    /// Connections lost.
    pub losses: u64,
    /// How much later its copies came, on average.
    pub skew_seconds: f64,
}

/// One line of the budget, in [`BudgetStats`].
#[derive(Clone, Debug, Serialize)]
pub struct BudgetLine {
    /// What it allows.
    pub allowed_ns: u64,
    /// In how many windows it was exceeded.
    pub breaches: u64,
}

/// Looks at everything once.
pub fn stats(observatory: &Observatory) -> Stats {
    let now = observatory.clock().now();
    let readiness = observatory.readiness();
    let mut registered = observatory.registered();
    registered.collect(now);
    let requests = |feed: &FeedView| {
        let of = |(exchange, _): &&(String, _)| *exchange == feed.exchange;
        registered.requests.iter().find(of).map(|(_, counters)| &**counters)
    };
    Stats {
        version: env!("CARGO_PKG_VERSION"),
        epoch: observatory.epoch().to_owned(),
        uptime_seconds: seconds(now.since(observatory.started())),
        resident_bytes: super::process::resident_bytes(),
        ready: readiness.ready,
        not_ready: readiness.reasons,
        feeds: registered.feeds.iter().map(|feed| feed_stats(feed, requests(feed), now)).collect(),
        clients: client_stats(&registered),
        histories: history_stats(&registered),
        latency: latency_stats(&registered, now),
        budget: budget_stats(&registered),
        configuration: registered.configuration.clone(),
    }
}

fn history_stats(registered: &Registered) -> HistoryStats {
    let all = || registered.broadcasters.iter().map(|broadcaster| &broadcaster.counters);
    HistoryStats {
        bytes: all().map(|counters| counters.history_bytes.value()).sum(),
        evicted: all().map(|counters| counters.history_evicted.value()).sum(),
    }
}

fn feed_stats(feed: &FeedView, requests: Option<&RequestCounters>, now: MonoNanos) -> FeedStats {
    let counters = &feed.counters;
    let (recognised, fallbacks) = (counters.recognised.value(), counters.fallbacks.value());
    let newest = MonoNanos(counters.newest_read.value());
    let rejected = Rejected::ALL.iter().map(|reason| reason.name()).zip(&counters.rejected);
    let reconnects = Reason::ALL.iter().map(|reason| reason.name()).zip(counters.reconnects.iter());
    let happened = |(name, count): (&'static str, &super::Counter)| {
        (count.value() > 0).then(|| (name, count.value()))
    };
    FeedStats {
        exchange: feed.exchange.clone(),
        state: feed.state().name(),
        lines: feed.lines.iter().map(|line| line_stats(line, now)).collect(),
        frames_per_second: feed.frames.per_second(),
        ticks_per_second: feed.ticks.per_second(),
        age_seconds: (newest > MonoNanos::ZERO).then(|| seconds(now.since(newest))),
        frames: counters.frames.value(),
        bytes: counters.bytes.value(),
        ticks: counters.ticks.value(),
        gaps: counters.gaps.value(),
        resyncs: counters.resyncs.value(),
        unlisted: feed.unlisted.clone(),
        books: book_stats(counters),
        absent_subscriptions: counters.absent_subscriptions.value(),
        checksum_failures: counters.checksum_failures.value(),
        unsettled_subscriptions: counters.unsettled_subscriptions.value(),
        requests_waiting: requests.map_or(0, |one| one.waiting.value())
            + counters.unsent_requests.value(),
        requests_eta_seconds: requests
            .map_or(0.0, |one| one.eta_ms.value() as f64 / 1_000.0)
            .max(counters.unsent_for(now).as_secs_f64()),
        circuit_open: counters.circuit_open.value() > 0,
        race: race(counters),
        reconnects: reconnects.filter_map(happened).collect(),
        rejected: rejected.filter_map(happened).collect(),
        fallback_share: fallbacks as f64 / (recognised + fallbacks).max(1) as f64,
        ring_ticks: counters.ring_occupancy.value(),
        ring_refusals: counters.ring_refusals.value(),
        skipped_ticks: counters.skipped.value(),
        negative_ages: feed.collector.totals().negative_ages(),
    }
}

fn book_stats(counters: &FeedCounters) -> BookStats {
    let count = |state: BookState| counters.books[state as usize].value();
    BookStats {
        live: count(BookState::Live),
        resyncing: count(BookState::Resyncing),
        stale: count(BookState::Stale),
    }
}

fn race(counters: &FeedCounters) -> Vec<RaceStats> {
    if !counters.has_raced() {
        return Vec::new();
    }
    let all: u64 = counters.lines.iter().map(|line| line.wins.value()).sum();
    let lines = counters.lines.iter().map(|line| RaceStats {
        win_rate: line.wins.value() as f64 / all.max(1) as f64,
        wins: line.wins.value(),
        copies: line.copies.value(),
        missed_trades: line.missed.value(),
        losses: line.losses.value(),
        skew_seconds: line.skew.sum_seconds() / line.skew.count().max(1) as f64,
    });
    lines.collect()
}

fn line_stats(line: &LineView, now: MonoNanos) -> LineStats {
    LineStats {
        state: line.state.name(),
        reason: line.reason.name(),
        attempt: line.attempt,
        seconds: seconds(now.since(line.since)),
    }
}

fn client_stats(registered: &Registered) -> ClientStats {
    let mut sum = ClientStats::default();
    for broadcaster in &registered.broadcasters {
        let counters = &broadcaster.counters;
        sum.open += counters.clients.value();
        sum.subscriptions += counters.subscriptions.value();
        sum.events_per_second += broadcaster.events.per_second();
        sum.events += counters.events.value();
        sum.conflated += counters.conflated.value();
        sum.bytes += counters.bytes.value();
        sum.queue_bytes += counters.queue_bytes.value();
        sum.slow_closes += counters.slow_closes.value();
        sum.bad_requests += counters.bad_requests.value();
    }
    sum.accepted = registered.accept.as_ref().map_or(0, |accept| accept.accepted.value());
    sum
}

fn latency_stats(registered: &Registered, now: MonoNanos) -> Vec<LatencyStats> {
    let (window, totals) = (registered.window(now), registered.totals());
    let measured = Span::ALL.into_iter().filter(|&span| totals.count(span) > 0);
    measured
        .map(|span| LatencyStats {
            span: span.name(),
            last_minute: distribution(&window, span),
            total: distribution(&totals, span),
        })
        .collect()
}

fn distribution(histograms: &Histograms, span: Span) -> Distribution {
    let at = |quantile| histograms.value(span, quantile);
    Distribution {
        samples: histograms.count(span),
        p50_ns: at(Quantile::P50),
        p90_ns: at(Quantile::P90),
        p99_ns: at(Quantile::P99),
        p999_ns: at(Quantile::P999),
        max_ns: at(Quantile::Max),
    }
}

fn budget_stats(registered: &Registered) -> BudgetStats {
    let lines = registered.watch.breaches().map(|(line, breaches)| {
        let name = format!("{}_{}", line.span.name(), line.quantile.name());
        (name, BudgetLine { allowed_ns: line.nanos, breaches })
    });
    BudgetStats { windows: registered.watch.windows(), lines: lines.collect() }
}

fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::clock::{Clock, UnixNanos};
    use crate::latency::{Budget, recorder};
    use crate::metrics::{BroadcastCounters, FeedCounters};
    use crate::tick::FeedState;

    #[test]
    fn stats_show_what_was_counted_and_measured() {
        let (clock, hand) = Clock::manual(UnixNanos::from_millis(1_700_000_000_000));
        let budget = Budget::parse("[socket_to_ring]\np99 = 5\n").unwrap();
        let configuration = serde_json::json!({"gateway": {"listen": "127.0.0.1:0"}});
        let observatory = Observatory::new(clock, "e7", configuration, budget);
        let (feed, broadcast) =
            (Arc::new(FeedCounters::default()), Arc::new(BroadcastCounters::default()));
        let (mut recorder, collector) = recorder();
        observatory.add_feed("binance", Arc::clone(&feed), collector);
        observatory.add_broadcaster(Arc::clone(&broadcast), crate::latency::recorder().1);
        observatory.set_feed_state("binance", 1, FeedState::Connected, Reason::Requested, 2);
        feed.recognised.add(99);
        feed.fallbacks.add(1);
        feed.newest_read.set(observatory.clock().now().0);
        feed.rejected[0].add(4);
        feed.books[BookState::Live as usize].set(7);
        broadcast.clients.set(2);
        recorder.record(Span::SocketToRing, 100);
        recorder.finish();
        hand.advance(Duration::from_millis(1_500));

        let stats = stats(&observatory);
        let feed = &stats.feeds[0];
        assert_eq!(feed.state, "connected");
        assert_eq!(feed.lines[0].state, "disconnected");
        assert_eq!((feed.lines[1].state, feed.lines[1].attempt), ("connected", 2));
        assert_eq!(feed.age_seconds, Some(1.5));
        assert_eq!(feed.fallback_share, 0.01);
        assert_eq!(feed.books, BookStats { live: 7, ..BookStats::default() });
        assert_eq!(feed.rejected, BTreeMap::from([(Rejected::ALL[0].name(), 4)]));
        assert_eq!(stats.clients.open, 2);
        assert_eq!(stats.latency.len(), 1);
        assert_eq!(stats.latency[0].total.p50_ns, 100);
        assert_eq!(stats.budget.lines["socket_to_ring_p99"].allowed_ns, 5);
        assert!(stats.ready);
        let json = serde_json::to_value(&stats).unwrap();
        assert_eq!(json["configuration"]["gateway"]["listen"], "127.0.0.1:0");
        assert_eq!(json["epoch"], "e7");
    }
}
