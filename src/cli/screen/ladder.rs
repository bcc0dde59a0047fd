//! One order book as a ladder: bids on the left, asks on the right, the best on top.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use tickwire::watch::{Book, Condition, Level};

use super::canvas::{
    BAD, FAINT, FAIR, GOOD, PLAIN, TITLE, below, left, put, put_right, right_of, width,
};

/// Rows above the levels.
pub(in crate::cli) const HEAD_ROWS: u16 = 3;

/// Cells that a ladder takes at least.
pub(in crate::cli) const WIDTH_MIN: u16 = 40;

/// Cells in which so many levels of a book stand whole.
pub(in crate::cli) fn width_of(book: &Book, levels: usize) -> u16 {
    let widest = |side: &[Level], text: fn(&Level) -> &str| {
        let widths = side.iter().take(levels).map(|level| width(text(level)));
        widths.max().unwrap_or(0)
    };
    // What a gateway sends may be of any length.
    let half = |side: &[Level]| {
        let (price, size) = (widest(side, |level| &level.price), widest(side, |one| &one.size));
        price.saturating_add(size).saturating_add(1)
    };
    half(&book.bids).max(half(&book.asks)).saturating_mul(2).saturating_add(1).max(WIDTH_MIN)
}

/// Draws it: name and state, spread and time, then as many levels as there is room for.
pub(in crate::cli) fn ladder(buffer: &mut Buffer, area: Rect, name: &str, book: Option<&Book>) {
    let (state, style) = match book.map(|book| &book.condition) {
        None | Some(Condition::Awaited) => ("waiting", FAINT),
        Some(Condition::Live) => ("live", GOOD),
        Some(Condition::Doubtful(why)) if why.starts_with("resyncing") => (&**why, FAIR),
        Some(Condition::Doubtful(why)) => (&**why, BAD),
    };
    let taken = put(buffer, area, 0, name, Style::new().add_modifier(Modifier::BOLD));
    put_right(buffer, right_of(area, taken + 1), 0, state, style);
    let Some(book) = book else { return };
    let spread = book.spread().unwrap_or_else(|| "-".to_owned());
    let taken = put(buffer, area, 1, &format!("spread {spread}"), PLAIN);
    put_right(buffer, right_of(area, taken + 1), 1, &book.time(), FAINT);
    levels(buffer, below(area, 2), book);
}

fn levels(buffer: &mut Buffer, area: Rect, book: &Book) {
    let rows = usize::from(area.height.saturating_sub(1));
    let prices = |side: &[Level]| {
        let widths = side.iter().take(rows).map(|level| width(&level.price));
        widths.max().unwrap_or(0).max(3)
    };
    let half = area.width.saturating_sub(1) / 2;
    let (bids, asks) = (left(area, half), right_of(area, half + 1));
    let (bid_width, ask_width) = (prices(&book.bids), prices(&book.asks));
    let bid_sizes = left(bids, half.saturating_sub(bid_width + 1));
    let ask_sizes = right_of(asks, ask_width + 1);
    let mut row = |y: u16, [bid_size, bid, ask, ask_size]: [&str; 4], [buy, sell]: [Style; 2]| {
        put_right(buffer, bid_sizes, y, bid_size, if y == 0 { TITLE } else { PLAIN });
        put_right(buffer, bids, y, bid, buy);
        put(buffer, asks, y, ask, sell);
        put_right(buffer, ask_sizes, y, ask_size, if y == 0 { TITLE } else { PLAIN });
    };
    row(0, ["size", "bid", "ask", "size"], [TITLE; 2]);
    let doubted = book.condition != Condition::Live;
    let styles =
        if doubted { [FAINT; 2] } else { [GOOD, Style::new().fg(ratatui::style::Color::Red)] };
    let deepest = book.bids.len().max(book.asks.len()).min(rows);
    for index in 0..deepest {
        let of = |side: &'_ [Level]| -> [String; 2] {
            let level = side.get(index);
            level.map_or_else(Default::default, |level| {
                [level.price.to_string(), level.size.to_string()]
            })
        };
        let ([bid, bid_size], [ask, ask_size]) = (of(&book.bids), of(&book.asks));
        row(index as u16 + 1, [&bid_size, &bid, &ask, &ask_size], styles);
    }
}
