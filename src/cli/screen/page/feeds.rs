//! Feeds and latencies: a table of each on the overview, all of them on a page of their own.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use tickwire::metrics::{FeedStats, LatencyStats, Stats};

use super::super::canvas::{BAD, FAIR, GOOD, PLAIN, TITLE, below, put};
use super::super::table::{Cell, Column, only_if_any, plain, table, tables, tables_height};
use crate::cli::lines::{age, books, connections, lost, spans};
use crate::cli::numbers::{count, rate, time};

pub(super) const FEED_COLUMNS: [Column; 12] = [
    Column::text("feed", 17, 0),
    Column::text("state", 9, 0),
    Column::number("lines", 5, 6),
    Column::number("frames/s", 8, 3),
    Column::number("ticks/s", 7, 8),
    Column::number("age", 6, 2),
    Column::number("books", 5, 1),
    Column::number("gaps", 4, 4),
    Column::number("resyncs", 7, 5),
    Column::number("lost", 4, 4),
    Column::number("refused", 7, 9),
    Column::number("general", 7, 10),
];

fn feed_row(feed: &FeedStats) -> Vec<Cell> {
    let doubted = feed.books.resyncing + feed.books.stale;
    vec![
        plain(&*feed.exchange),
        (feed.state.to_owned(), state_style(feed.state)),
        plain(connections(feed)),
        plain(rate(feed.frames_per_second)),
        plain(rate(feed.ticks_per_second)),
        plain(age(feed)),
        (books(feed), if doubted == 0 { PLAIN } else { FAIR }),
        only_if_any(feed.gaps, FAIR),
        only_if_any(feed.resyncs, FAIR),
        only_if_any(lost(feed), FAIR),
        only_if_any(feed.rejected.values().sum(), FAIR),
        plain(format!("{:.1}%", feed.fallback_share * 100.0)),
    ]
}

/// As many feeds, with as many columns, as there is room for.
pub(super) fn feeds(buffer: &mut Buffer, area: Rect, stats: &Stats) {
    let rows: Vec<_> = stats.feeds.iter().map(feed_row).collect();
    table(buffer, area, &FEED_COLUMNS, &rows, None);
}

pub(super) const LATENCY_COLUMNS: [Column; 6] = [
    Column::text("last minute", 18, 0),
    Column::number("samples", 8, 5),
    Column::number("p50", 8, 1),
    Column::number("p99", 8, 2),
    Column::number("p99.9", 8, 4),
    Column::number("max", 8, 3),
];

fn latency_row(span: &LatencyStats) -> Vec<Cell> {
    let minute = &span.last_minute;
    let times = [minute.p50_ns, minute.p99_ns, minute.p999_ns, minute.max_ns];
    let mut row = vec![plain(span.span), plain(count(minute.samples))];
    let is_any = minute.samples > 0;
    row.extend(times.map(|nanos| plain(if is_any { time(nanos) } else { "-".to_owned() })));
    row
}

/// The spans that matter.
pub(super) fn latencies(buffer: &mut Buffer, area: Rect, stats: &Stats) {
    let rows: Vec<_> = spans(stats).map(latency_row).collect();
    table(buffer, area, &LATENCY_COLUMNS, &rows, None);
}

fn state_style(state: &str) -> Style {
    match state {
        "connected" => GOOD,
        "connecting" | "reconnecting" => FAIR,
        _ => BAD,
    }
}

/// The feeds, what went wrong with each, and every span.
pub(super) struct Parts {
    feeds: Vec<Vec<Cell>>,
    spans: Vec<Vec<Cell>>,
    troubles: Vec<String>,
}

impl Parts {
    pub(super) fn of(stats: &Stats) -> Self {
        Self {
            feeds: stats.feeds.iter().map(feed_row).collect(),
            spans: stats.latency.iter().map(latency_row).collect(),
            troubles: stats.feeds.iter().flat_map(troubles).collect(),
        }
    }

    /// Rows of the two tables.
    fn heights(&self, width: u16) -> [u16; 2] {
        let feeds = tables_height(&FEED_COLUMNS, &self.feeds, width);
        [feeds, tables_height(&LATENCY_COLUMNS, &self.spans, width)]
    }

    /// Rows that they take in such a width.
    pub(super) fn height(&self, width: u16) -> u16 {
        let [feeds, spans] = self.heights(width);
        feeds + 1 + spans + 1 + self.troubles.len() as u16 + 1
    }

    pub(super) fn draw(&self, buffer: &mut Buffer, area: Rect) {
        let [feeds, spans] = self.heights(area.width);
        tables(buffer, area, &FEED_COLUMNS, &self.feeds);
        let area = below(area, feeds + 1);
        tables(buffer, area, &LATENCY_COLUMNS, &self.spans);
        let area = below(area, spans + 1);
        put(buffer, area, 0, "connections lost and frames refused, by reason", TITLE);
        let area = below(area, 1);
        for (y, text) in self.troubles.iter().enumerate() {
            put(buffer, area, y as u16, text, PLAIN);
        }
    }
}

/// What went wrong with a feed, a line each; none where nothing did.
fn troubles(feed: &FeedStats) -> Vec<String> {
    let all = feed.reconnects.iter().chain(&feed.rejected);
    all.map(|(reason, number)| format!("{}: {reason} {number}", feed.exchange)).collect()
}
