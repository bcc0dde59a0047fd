//! The pages, and what of them there is room for.

mod feeds;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use tickwire::metrics::Stats;
use tickwire::watch::difference;
use tracing::Level;

use super::canvas::{
    BAD, FAINT, FAIR, GOOD, PLAIN, TITLE, below, left, put, put_all, put_right, right_of, top,
    width,
};
use super::ladder::{WIDTH_MIN, ladder, width_of};
use super::market::Market;
use super::table::{Cell, Column, plain, table};
use super::terminal::Key;
use crate::cli::lines::spans;
use crate::cli::log::{self, OfDay};
use crate::cli::numbers::{count, rate, seconds, time};
use feeds::{Parts, feeds, latencies};

/// The bar on top, and the line below it.
const HEAD_ROWS: u16 = 2;

/// From this width on a ladder stands beside the prices.
const WIDE: u16 = 96;
const _: () = assert!(WIDE / 20 * 11 > WIDTH_MIN);

/// Fewer rows are too few for a ladder.
const LADDER_ROWS_MIN: u16 = 6;

/// So many rows more than the least there are before latencies get a table.
const ROOMY: u16 = 14;

/// What is served, and where.
#[derive(Clone, Debug)]
pub(super) struct About {
    pub(super) what: &'static str,
    pub(super) url: String,
    pub(super) admin: String,
}

/// Everything that a page shows.
pub(super) struct Look<'a> {
    pub(super) about: &'a About,
    pub(super) stats: &'a Stats,
    pub(super) state: &'a mut State,
    pub(super) market: &'a mut Market,
}

/// What is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Page {
    /// Something of all.
    #[default]
    Overview,
    /// Prices and a book.
    Prices,
    /// Feeds, their troubles, latencies.
    Feeds,
    /// The log.
    Log,
}

impl Page {
    const ALL: [Self; 4] = [Self::Overview, Self::Prices, Self::Feeds, Self::Log];
}

/// What a person chose to see.
#[derive(Debug, Default)]
pub(super) struct State {
    page: Page,
    is_help: bool,
    /// The instrument whose book is shown.
    selected: usize,
    /// The first instrument in view.
    first: usize,
    /// Rows of prices, as last drawn.
    rows: usize,
    /// Lines of the log that are newer than those in view.
    newer: usize,
    /// Rows of the page of feeds, or of help, above those in view.
    above: usize,
}

impl State {
    /// Does what a key asks for, with so many instruments and lines of the log.
    pub(super) fn press(&mut self, key: Key, instruments: usize, lines: usize) {
        match key {
            Key::Tab => self.turn_to(Page::ALL[(self.page as usize + 1) % Page::ALL.len()]),
            Key::Number(number) => {
                if let Some(page) = Page::ALL.get(usize::from(number) - 1) {
                    self.turn_to(*page);
                }
            }
            Key::Help => (self.is_help, self.above) = (!self.is_help, 0),
            Key::Escape => (self.is_help, self.above) = (false, 0),
            Key::Resized => {}
            Key::Up | Key::Down | Key::PageUp | Key::PageDown | Key::Home | Key::End => {
                let step = self.rows.max(2) - 1;
                if self.is_text() {
                    // Where it ends is known when it is drawn.
                    self.above = moved(self.above, key, step, usize::from(u16::MAX));
                } else if self.page == Page::Log {
                    // The log grows at its end, so that is where it starts to be read.
                    self.newer = moved(lines.saturating_sub(self.newer), key, step, lines + 1);
                    self.newer = lines - self.newer.min(lines);
                } else {
                    self.selected = moved(self.selected, key, step, instruments);
                }
            }
        }
    }

    /// A page is chosen, which leaves help.
    const fn turn_to(&mut self, page: Page) {
        self.page = page;
        self.is_help = false;
        self.above = 0;
    }

    /// What is shown is read from its top to its end.
    fn is_text(&self) -> bool {
        self.is_help || self.page == Page::Feeds
    }

    /// The instruments in view when there are so many rows for so many of them.
    fn in_view(&mut self, rows: usize, instruments: usize) -> std::ops::Range<usize> {
        self.rows = rows;
        self.selected = self.selected.min(instruments.saturating_sub(1));
        self.first = self.first.min(self.selected).min(instruments.saturating_sub(rows));
        if rows > 0 && self.selected >= self.first + rows {
            self.first = self.selected + 1 - rows;
        }
        self.first..(self.first + rows).min(instruments)
    }
}

/// A place in a list of `count` after a key.
fn moved(place: usize, key: Key, page: usize, count: usize) -> usize {
    let moved = match key {
        Key::Up => place.saturating_sub(1),
        Key::Down => place + 1,
        Key::PageUp => place.saturating_sub(page),
        Key::PageDown => place + page,
        Key::Home => 0,
        _ => count,
    };
    moved.min(count.saturating_sub(1))
}

/// Draws the page.
pub(super) fn draw(buffer: &mut Buffer, look: &mut Look<'_>) {
    let area = *buffer.area();
    head(buffer, top(area, HEAD_ROWS), look);
    let body = below(area, HEAD_ROWS);
    let body = Rect { height: body.height.saturating_sub(1), ..body };
    if area.height > HEAD_ROWS {
        foot(buffer, below(area, area.height - 1), look);
    }
    if look.state.is_help {
        look.market.look_away();
        return scrolled(buffer, body, look.state, HELP.len() as u16, help);
    }
    match look.state.page {
        Page::Overview => overview(buffer, body, look),
        Page::Prices => prices(buffer, body, look),
        Page::Feeds => {
            look.market.look_away();
            let parts = Parts::of(look.stats);
            let height = parts.height(body.width);
            scrolled(buffer, body, look.state, height, |buffer, area| parts.draw(buffer, area));
        }
        Page::Log => {
            look.market.look_away();
            whole_log(buffer, body, look.state);
        }
    }
}

fn head(buffer: &mut Buffer, area: Rect, look: &Look<'_>) {
    let bar = Style::new().fg(Color::Black).bg(Color::Cyan).add_modifier(Modifier::BOLD);
    let (about, stats) = (look.about, look.stats);
    buffer.set_style(top(area, 1).intersection(buffer.area), bar);
    let text = format!(" tickwire serves {} on {}", about.what, about.url);
    let taken = put(buffer, area, 0, &text, bar);
    let rest = right_of(area, taken + 1);
    let admin = format!("metrics http://{} ", about.admin);
    if width(&admin) <= rest.width {
        put_right(buffer, rest, 0, &admin, bar);
    }
    let up = stats.feeds.iter().filter(|feed| feed.state == "connected").count();
    let (feeds, clients) = (stats.feeds.len(), &stats.clients);
    let live: u64 = stats.feeds.iter().map(|feed| feed.books.live).sum();
    let doubted: u64 = stats.feeds.iter().map(|feed| feed.books.resyncing + feed.books.stale).sum();
    let others = clients.open.saturating_sub(look.market.is_connected.into());
    let parts = [
        (format!(" up {}", seconds(stats.uptime_seconds)), PLAIN),
        (format!("  feeds {up}/{feeds}"), if up == feeds { GOOD } else { BAD }),
        (
            format!("  books {}/{}", count(live), count(live + doubted)),
            if doubted == 0 { GOOD } else { FAIR },
        ),
        (format!("  clients {}+screen", count(others)), PLAIN),
        (format!("  events/s {}", rate(clients.events_per_second)), PLAIN),
        (format!("  memory {} MiB", count(stats.resident_bytes.unwrap_or(0) >> 20)), PLAIN),
        (format!("  conflated {}", count(clients.conflated)), PLAIN),
        (format!("  too slow {}", count(clients.slow_closes)), PLAIN),
    ];
    // Whole parts: half a number says something else.
    let mut room = area.width;
    let fitting = parts.iter().take_while(|(text, _)| {
        let fits = width(text) <= room;
        room = room.saturating_sub(width(text));
        fits
    });
    let texts: Vec<_> = fitting.map(|(text, style)| (text.as_str(), *style)).collect();
    put_all(buffer, area, 1, &texts);
}

fn foot(buffer: &mut Buffer, area: Rect, look: &Look<'_>) {
    let mut texts = Vec::new();
    let pages = ["1 overview", "2 prices", "3 feeds", "4 log"];
    for (page, name) in Page::ALL.into_iter().zip(pages) {
        let style = if page == look.state.page { TITLE } else { FAINT };
        texts.extend([(" ", PLAIN), (name, style)]);
    }
    let is_list = matches!(look.state.page, Page::Overview | Page::Prices) && !look.state.is_help;
    let moves = if is_list { "↑↓ instrument" } else { "↑↓ scroll" };
    texts.extend([("  ", PLAIN), (moves, FAINT), ("  ? help", FAINT), ("  q quit", FAINT)]);
    put_all(buffer, area, 0, &texts);
}

/// Something of all, as the room allows: feeds first, then prices, log and latencies.
fn overview(buffer: &mut Buffer, area: Rect, look: &mut Look<'_>) {
    let feeds_wanted = look.stats.feeds.len() as u16 + 1;
    let spare = area.height.saturating_sub(feeds_wanted);
    let latency_rows = match spare {
        0..4 => 0,
        4..ROOMY => 1,
        _ => 4,
    };
    let rest = spare - latency_rows;
    let log_rows = if rest < 5 { 0 } else { (rest * 2 / 5).max(3) };
    let price_rows = rest - log_rows;

    feeds(buffer, top(area, feeds_wanted), look.stats);
    let area = below(area, feeds_wanted);
    match latency_rows {
        0 => {}
        1 => latency_line(buffer, area, look.stats),
        _ => latencies(buffer, top(area, latency_rows), look.stats),
    }
    let area = below(area, latency_rows);
    if price_rows > 1 {
        prices(buffer, top(area, price_rows), look);
    } else {
        look.market.look_away();
    }
    let area = below(area, price_rows);
    if log_rows > 0 {
        last_of_log(buffer, top(area, log_rows));
    }
}

/// The one span that matters most, where there is no room for a table.
fn latency_line(buffer: &mut Buffer, area: Rect, stats: &Stats) {
    let Some(span) = spans(stats).filter(|span| span.last_minute.samples > 0).last() else {
        put(buffer, area, 0, "latency: nothing was sent yet", FAINT);
        return;
    };
    let minute = &span.last_minute;
    let times = format!(
        " p50 {}  p99 {}  max {}",
        time(minute.p50_ns),
        time(minute.p99_ns),
        time(minute.max_ns)
    );
    let texts = [(span.span, TITLE), (&*times, PLAIN), (", last minute", FAINT)];
    put_all(buffer, area, 0, &texts);
}

/// Prices of as many instruments as there is room for, and the book of the selected one.
fn prices(buffer: &mut Buffer, area: Rect, look: &mut Look<'_>) {
    let beside = area.width >= WIDE && area.height >= LADDER_ROWS_MIN;
    let is_page = look.state.page == Page::Prices;
    let (list, book) = if beside {
        let chosen = look.market.listed.get(look.state.selected);
        let book = chosen.and_then(|chosen| look.market.book(&chosen.name));
        let wanted = book.map_or(0, |book| width_of(book, area.height.into()));
        let wanted = wanted.clamp(WIDTH_MIN, area.width / 20 * 11);
        let list = area.width - wanted - 2;
        (left(area, list), Some(right_of(area, list + 2)))
    } else if is_page && area.height >= 3 * LADDER_ROWS_MIN {
        let rows = area.height - area.height * 2 / 5;
        (top(area, rows), Some(below(area, rows + 1)))
    } else {
        (area, None)
    };
    let market = &mut *look.market;
    let rows = usize::from(list.height.saturating_sub(1));
    let in_view = look.state.in_view(rows, market.listed.len());
    let selected = look.state.selected;
    market.look_at(in_view.clone(), book.map(|_| selected));
    price_list(buffer, list, market, in_view, selected);
    let chosen = market.listed.get(selected);
    if let (Some(area), Some(chosen)) = (book, chosen) {
        ladder(buffer, area, &chosen.name, market.book(&chosen.name));
    }
}

fn price_list(
    buffer: &mut Buffer,
    area: Rect,
    market: &Market,
    in_view: std::ops::Range<usize>,
    selected: usize,
) {
    const COLUMNS: [Column; 8] = [
        Column::text("instrument", 18, 0),
        Column::number("last", 9, 0),
        Column::number("bid size", 8, 7),
        Column::number("bid", 9, 2),
        Column::number("ask", 9, 3),
        Column::number("ask size", 8, 6),
        Column::number("spread", 6, 5),
        Column::number("24 h %", 6, 4),
    ];
    let row = |index: usize| -> Vec<Cell> {
        let name = &*market.listed[index].name;
        let Some(price) = market.price(name) else {
            return std::iter::once(plain(name))
                .chain((1..COLUMNS.len()).map(|_| plain("")))
                .collect();
        };
        let change = &*price.change_percent;
        let style = match change.bytes().next() {
            Some(b'-') => Style::new().fg(Color::Red),
            Some(_) => GOOD,
            None => PLAIN,
        };
        vec![
            plain(name),
            plain(&*price.last),
            (price.bid_size.to_string(), FAINT),
            plain(&*price.bid),
            plain(&*price.ask),
            (price.ask_size.to_string(), FAINT),
            plain(difference(&price.ask, &price.bid).unwrap_or_default()),
            (change.to_owned(), style),
        ]
    };
    let rows: Vec<_> = in_view.clone().map(row).collect();
    table(buffer, area, &COLUMNS, &rows, selected.checked_sub(in_view.start));
    if !market.trouble.is_empty() {
        put(buffer, area, 0, &market.trouble, BAD);
    }
}

fn level_style(level: Level) -> Style {
    match level {
        Level::ERROR => BAD,
        Level::WARN => FAIR,
        Level::INFO => PLAIN,
        _ => FAINT,
    }
}

fn last_of_log(buffer: &mut Buffer, area: Rect) {
    put(buffer, area, 0, "log", TITLE);
    let area = below(area, 1);
    for (y, line) in log::last(area.height.into(), 0).iter().enumerate() {
        log_line(buffer, area, y as u16, line);
    }
}

fn log_line(buffer: &mut Buffer, area: Rect, y: u16, line: &log::Line) {
    let (time, level) = (OfDay(line.time).to_string(), line.level);
    let level_name = format!(" {:<5} ", level.as_str());
    let style = level_style(level);
    put_all(buffer, area, y, &[(&time, FAINT), (&level_name, style), (&line.text, style)]);
}

/// The log alone; long lines go on below.
fn whole_log(buffer: &mut Buffer, area: Rect, state: &mut State) {
    let rows = usize::from(area.height.saturating_sub(1));
    state.rows = rows;
    state.newer = state.newer.min(log::count().saturating_sub(1));
    let title = match state.newer {
        0 => format!("log, the last of {} lines", log::count()),
        newer => format!("log, {newer} newer lines below"),
    };
    put(buffer, area, 0, &title, TITLE);
    let area = below(area, 1);
    let lines = log::last(rows, state.newer);
    let room = area.width.saturating_sub(15).max(10);
    let mut pieces = Vec::new();
    for line in &lines {
        for (index, piece) in wrapped(&line.text, room).into_iter().enumerate() {
            pieces.push((index == 0, log::Line { text: piece, ..line.clone() }));
        }
    }
    let skipped = pieces.len().saturating_sub(rows);
    for (y, (is_first, piece)) in pieces.iter().skip(skipped).enumerate() {
        if *is_first {
            log_line(buffer, area, y as u16, piece);
        } else {
            put(buffer, right_of(area, 15), y as u16, &piece.text, level_style(piece.level));
        }
    }
}

/// A text in pieces of so many cells.
fn wrapped(text: &str, room: u16) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut used = 0;
    for c in text.chars() {
        let cells = width(c.encode_utf8(&mut [0; 4]));
        if used + cells > room {
            pieces.push(String::new());
            used = 0;
        }
        used += cells;
        if let Some(piece) = pieces.last_mut() {
            piece.push(c);
        }
    }
    pieces
}

/// Draws what is so many rows high, from the row on that was scrolled to; where it is higher than
/// the area, the last row says what is hidden.
fn scrolled(
    buffer: &mut Buffer,
    area: Rect,
    state: &mut State,
    height: u16,
    draw: impl FnOnce(&mut Buffer, Rect),
) {
    if height <= area.height {
        state.above = 0;
        return draw(buffer, area);
    }
    let rows = area.height.saturating_sub(1);
    state.rows = rows.into();
    state.above = state.above.min(usize::from(height - rows));
    let above = state.above as u16;
    let whole = Rect::new(0, 0, area.width, height);
    let mut page = Buffer::empty(whole);
    draw(&mut page, whole);
    for y in 0..rows {
        for x in 0..area.width {
            buffer[(area.x + x, area.y + y)] = page[(x, above + y)].clone();
        }
    }
    let hidden =
        format!("{above} rows above, {} below: ↑↓ PgUp PgDn scroll", height - above - rows);
    put(buffer, area, rows, &hidden, FAINT);
}

const HELP: [(&str, &str); 22] = [
    ("1 2 3 4, Tab", "pages"),
    ("↑ ↓ or j k", "another instrument, whose book is shown; on pages 3 and 4"),
    ("PgUp PgDn, g G", "and here: scroll; a page at a time; to the top, to the end"),
    ("q, Ctrl-C", "stop the gateway: deliver, close, report"),
    ("Ctrl-Z", "stop it for now, until fg; Ctrl-\\ ends it at once"),
    ("? or Esc", "leave this page"),
    ("", ""),
    ("lines", "connections that are up, of those that the feed holds"),
    ("frames/s, ticks/s", "messages read, and records made of them"),
    ("age", "since the newest message was read"),
    ("books", "order books that are proven, of all"),
    ("gaps", "holes that were found in the exchange's numbering"),
    ("resyncs", "order books that were repaired"),
    ("lost", "connections lost since the start"),
    ("refused", "frames that could not be used"),
    ("general", "share of frames read by the general parser: they were not"),
    ("", "written as usual, which is slower and loses nothing"),
    ("clients n+screen", "this screen is one client more, for its prices"),
    ("conflated", "events replaced by a newer one before they were sent"),
    ("too slow", "clients closed because they did not take their trades"),
    ("socket_to_client", "from the read of a frame to the write to a client"),
    ("log", "TICKWIRE_LOG=debug logs more; all of it goes to standard error"),
];

fn help(buffer: &mut Buffer, area: Rect) {
    for (y, (name, words)) in HELP.iter().enumerate() {
        put(buffer, left(area, 18), y as u16, name, TITLE);
        put(buffer, right_of(area, 19), y as u16, words, PLAIN);
    }
}

#[cfg(test)]
mod tests;
