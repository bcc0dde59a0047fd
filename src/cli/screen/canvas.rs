//! Text in its place: never beyond its area, never with a character that moves the cursor.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Span;

use crate::cli::log::neutral;

/// Titles of columns and parts.
pub(in crate::cli) const TITLE: Style = Style::new().fg(Color::Cyan).add_modifier(Modifier::BOLD);
/// All is well.
pub(in crate::cli) const GOOD: Style = Style::new().fg(Color::Green);
/// Being mended.
pub(in crate::cli) const FAIR: Style = Style::new().fg(Color::Yellow);
/// Wrong.
pub(in crate::cli) const BAD: Style = Style::new().fg(Color::Red).add_modifier(Modifier::BOLD);
/// Beside the point.
pub(in crate::cli) const FAINT: Style = Style::new().fg(Color::DarkGray);
/// As it is.
pub(in crate::cli) const PLAIN: Style = Style::new();

/// Cells that a text takes.
pub(in crate::cli) fn width(text: &str) -> u16 {
    u16::try_from(Span::raw(text).width()).unwrap_or(u16::MAX)
}

/// Writes at the left of `area`'s row `y` (from its top); what does not fit ends in `…`. Returns
/// the cells that it took.
pub(in crate::cli) fn put(
    buffer: &mut Buffer,
    area: Rect,
    y: u16,
    text: &str,
    style: Style,
) -> u16 {
    let area = area.intersection(buffer.area);
    if y >= area.height || area.width == 0 {
        return 0;
    }
    let (x, y) = (area.x, area.y + y);
    let text = neutral(text);
    if width(&text) <= area.width {
        return buffer.set_stringn(x, y, &text, area.width.into(), style).0 - x;
    }
    let (end, _) = buffer.set_stringn(x, y, &text, usize::from(area.width) - 1, style);
    buffer.set_stringn(end, y, "…", 1, style).0 - x
}

/// The same at the right.
pub(in crate::cli) fn put_right(buffer: &mut Buffer, area: Rect, y: u16, text: &str, style: Style) {
    let free = area.width.saturating_sub(width(text));
    put(buffer, right_of(area, free), y, text, style);
}

/// Writes texts after each other, each with its style.
pub(in crate::cli) fn put_all(buffer: &mut Buffer, area: Rect, y: u16, texts: &[(&str, Style)]) {
    let mut rest = area;
    for (text, style) in texts {
        rest = right_of(rest, put(buffer, rest, y, text, *style));
    }
}

/// What is left of `area` when `cells` are taken off at its left.
pub(in crate::cli) fn right_of(area: Rect, cells: u16) -> Rect {
    let cells = cells.min(area.width);
    Rect { x: area.x + cells, width: area.width - cells, ..area }
}

/// What is left of `area` when `rows` are taken off at its top.
pub(in crate::cli) fn below(area: Rect, rows: u16) -> Rect {
    let rows = rows.min(area.height);
    Rect { y: area.y + rows, height: area.height - rows, ..area }
}

/// The first rows of `area`.
pub(in crate::cli) fn top(area: Rect, rows: u16) -> Rect {
    Rect { height: rows.min(area.height), ..area }
}

/// The first cells of each row of `area`.
pub(in crate::cli) fn left(area: Rect, cells: u16) -> Rect {
    Rect { width: cells.min(area.width), ..area }
}
