//! What a person sees while the gateway runs.

use std::fmt::Write as _;
use std::io;

use tickwire::metrics::{BookStats, FeedStats, LatencyStats, Stats};

/// Spans worth a line: what the feed adds, what the broadcaster adds, both.
const SPANS: [&str; 3] = ["socket_to_ring", "ring_to_client", "socket_to_client"];

/// Draws [`Stats`]: over itself on a terminal, line after line elsewhere.
#[derive(Debug)]
pub(super) struct Table {
    terminal: bool,
    lines: usize,
}

impl Table {
    pub(super) fn new(terminal: bool) -> Self {
        Self { terminal, lines: 0 }
    }

    pub(super) fn draw(&mut self, stats: &Stats, out: &mut dyn io::Write) -> io::Result<()> {
        if !self.terminal {
            out.write_all(plain(stats).as_bytes())?;
            return out.flush();
        }
        let text = table(stats);
        if self.lines > 0 {
            // Up to the first line of the table, and clear from there to the end of the screen.
            write!(out, "\x1b[{}A\x1b[J", self.lines)?;
        }
        self.lines = text.lines().count();
        out.write_all(text.as_bytes())?;
        out.flush()
    }
}

fn table(stats: &Stats) -> String {
    let mut text = format!(
        "{:<18}{:<13}{:>6}{:>9}{:>8}{:>8}{:>6}{:>8}{:>8}{:>6}{:>10}\n",
        "feed",
        "state",
        "lines",
        "frames/s",
        "ticks/s",
        "age",
        "gaps",
        "resyncs",
        "books",
        "lost",
        "fallback"
    );
    // Writing into a String does not fail, here and below.
    for feed in &stats.feeds {
        let _ = writeln!(
            text,
            "{:<18}{:<13}{:>6}{:>9.0}{:>8.0}{:>8}{:>6}{:>8}{:>8}{:>6}{:>9.2}%",
            feed.exchange,
            feed.state,
            lines(feed),
            feed.frames_per_second,
            feed.ticks_per_second,
            age(feed),
            feed.gaps,
            feed.resyncs,
            books(feed),
            lost(feed),
            feed.fallback_share * 100.0
        );
    }
    let clients = &stats.clients;
    let _ = writeln!(
        text,
        "\nclients {}   subscriptions {}   events/s {:.0}   conflated {}   memory {} MiB   up {:.0} s\n",
        clients.open,
        clients.subscriptions,
        clients.events_per_second,
        clients.conflated,
        stats.resident_bytes.unwrap_or(0) >> 20,
        stats.uptime_seconds
    );
    let _ = writeln!(
        text,
        "{:<20}{:>10}{:>10}{:>10}{:>10}{:>10}",
        "last minute", "samples", "p50", "p99", "p99.9", "max"
    );
    for span in spans(stats) {
        let _ = writeln!(
            text,
            "{:<20}{:>10}{:>10}{:>10}{:>10}{:>10}",
            span.span,
            span.last_minute.samples,
            time(span.last_minute.p50_ns),
            time(span.last_minute.p99_ns),
            time(span.last_minute.p999_ns),
            time(span.last_minute.max_ns)
        );
    }
    text
}

fn plain(stats: &Stats) -> String {
    let mut text = String::new();
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

fn spans(stats: &Stats) -> impl Iterator<Item = &LatencyStats> {
    stats.latency.iter().filter(|span| SPANS.contains(&span.span))
}

/// Connections that are up, of all.
fn lines(feed: &FeedStats) -> String {
    let up = feed.lines.iter().filter(|line| line.state == "connected").count();
    format!("{up}/{}", feed.lines.len())
}

/// Order books that are live, of all that had an event.
fn books(feed: &FeedStats) -> String {
    let BookStats { live, resyncing, stale } = feed.books;
    match live + resyncing + stale {
        0 => "-".to_owned(),
        all => format!("{live}/{all}"),
    }
}

/// Connections lost so far.
fn lost(feed: &FeedStats) -> u64 {
    feed.reconnects.values().sum()
}

fn age(feed: &FeedStats) -> String {
    feed.age_seconds.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.1} s"))
}

/// Three significant digits and a unit.
fn time(nanos: u64) -> String {
    match nanos {
        0..1_000 => format!("{nanos} ns"),
        1_000..1_000_000 => format!("{:.1} µs", nanos as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} ms", nanos as f64 / 1e6),
        _ => format!("{:.1} s", nanos as f64 / 1e9),
    }
}
