//! What [`Stats`] say in one line, for an output that is no terminal.

use std::fmt::Write as _;

use tickwire::metrics::{BookStats, FeedStats, LatencyStats, Stats};

use super::numbers::{count, seconds, time};

/// Spans worth a place: what the feed adds, what the broadcaster adds, both.
pub(super) const SPANS: [&str; 3] = ["socket_to_ring", "ring_to_client", "socket_to_client"];

/// The line, with its end.
pub(super) fn line(stats: &Stats) -> String {
    let mut text = String::new();
    // Writing into a String does not fail, here and below.
    for feed in &stats.feeds {
        let _ = write!(
            text,
            "{} {} {:.0} ticks/s age {} gaps {} resyncs {} books {} lost {}; ",
            feed.exchange,
            feed.state,
            feed.ticks_per_second,
            age(feed),
            feed.gaps,
            feed.resyncs,
            books(feed),
            lost(feed)
        );
    }
    let _ = write!(
        text,
        "clients {} events/s {:.0}",
        stats.clients.open, stats.clients.events_per_second
    );
    for span in spans(stats).filter(|span| span.last_minute.samples > 0) {
        let (p50, p99) = (time(span.last_minute.p50_ns), time(span.last_minute.p99_ns));
        let _ = write!(text, "; {} p50 {p50} p99 {p99}", span.span);
    }
    text.push('\n');
    text
}

pub(super) fn spans(stats: &Stats) -> impl Iterator<Item = &LatencyStats> {
    stats.latency.iter().filter(|span| SPANS.contains(&span.span))
}

/// Connections that are up, of all.
pub(super) fn connections(feed: &FeedStats) -> String {
    let up = feed.lines.iter().filter(|line| line.state == "connected").count();
    format!("{up}/{}", feed.lines.len())
}

/// Order books that are live, of all that had an event.
pub(super) fn books(feed: &FeedStats) -> String {
    let BookStats { live, resyncing, stale } = feed.books;
    match live + resyncing + stale {
        0 => "-".to_owned(),
        all => format!("{}/{}", count(live), count(all)),
    }
}

/// Connections lost so far.
pub(super) fn lost(feed: &FeedStats) -> u64 {
    feed.reconnects.values().sum()
}

pub(super) fn age(feed: &FeedStats) -> String {
    feed.age_seconds.map_or_else(|| "-".to_owned(), seconds)
}
