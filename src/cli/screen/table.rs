//! Rows in columns. What does not fit is left out in whole columns, the least important first, and
//! in whole rows, which are counted.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::canvas::{FAINT, PLAIN, TITLE, below, left, put, put_right, right_of, width};

/// One column.
pub(super) struct Column {
    pub(super) title: &'static str,
    /// At least, so that columns do not jump about with their numbers.
    pub(super) width_min: u16,
    /// The columns with the highest go first when there is no room for all.
    pub(super) rank: u8,
    /// Text stands left, numbers right.
    pub(super) is_text: bool,
}

impl Column {
    pub(super) const fn text(title: &'static str, width_min: u16, rank: u8) -> Self {
        Self { title, width_min, rank, is_text: true }
    }

    pub(super) const fn number(title: &'static str, width_min: u16, rank: u8) -> Self {
        Self { title, width_min, rank, is_text: false }
    }
}

/// One value.
pub(super) type Cell = (String, Style);

/// A value without color.
pub(super) fn plain(text: impl Into<String>) -> Cell {
    (text.into(), PLAIN)
}

/// A count that is only of interest when it is not 0.
pub(super) fn only_if_any(number: u64, style: Style) -> Cell {
    (super::super::numbers::count(number), if number == 0 { FAINT } else { style })
}

/// Rows that [`tables`] take in such a width.
pub(super) fn tables_height(columns: &[Column], rows: &[Vec<Cell>], width: u16) -> u16 {
    let blocks = blocks(columns, rows, width).len() as u16;
    blocks * (rows.len() as u16 + 2) - 1
}

/// Draws all rows with all columns: those that do not fit beside the others stand below them, after
/// the first column once more.
pub(super) fn tables(buffer: &mut Buffer, area: Rect, columns: &[Column], rows: &[Vec<Cell>]) {
    let mut area = area;
    for shown in blocks(columns, rows, area.width) {
        let gap = gap(&shown, area.width);
        draw_row(buffer, area, 0, &shown, gap, |column| (columns[column].title, TITLE), columns);
        for (y, row) in rows.iter().enumerate() {
            let cell = |column: usize| (&*row[column].0, row[column].1);
            draw_row(buffer, area, y as u16 + 1, &shown, gap, cell, columns);
        }
        area = below(area, rows.len() as u16 + 2);
    }
}

/// The columns in groups that fit; the first is in each.
fn blocks(columns: &[Column], rows: &[Vec<Cell>], room: u16) -> Vec<Vec<(usize, u16)>> {
    let mut left: Vec<usize> = (1..columns.len()).collect();
    let mut blocks = Vec::new();
    while !left.is_empty() || blocks.is_empty() {
        let shown = fit(columns, rows, room, &[&[0], &*left].concat());
        let is_stuck = shown.len() == 1;
        left.retain(|index| shown.iter().all(|(column, _)| column != index));
        blocks.push(shown);
        if is_stuck {
            break;
        }
    }
    blocks
}

/// Draws the titles and as many rows as there is room for; `selected` is marked.
pub(super) fn table(
    buffer: &mut Buffer,
    area: Rect,
    columns: &[Column],
    rows: &[Vec<Cell>],
    selected: Option<usize>,
) {
    let all: Vec<usize> = (0..columns.len()).collect();
    let shown = fit(columns, rows, area.width, &all);
    let gap = gap(&shown, area.width);
    draw_row(buffer, area, 0, &shown, gap, |column| (columns[column].title, TITLE), columns);
    let area = below(area, 1);
    let room = usize::from(area.height);
    let count = if rows.len() > room { room.saturating_sub(1) } else { rows.len() };
    for (y, row) in rows.iter().take(count).enumerate() {
        draw_row(
            buffer,
            area,
            y as u16,
            &shown,
            gap,
            |column| (&*row[column].0, row[column].1),
            columns,
        );
        if selected == Some(y) {
            let line = Rect { y: area.y + y as u16, height: 1, ..area };
            buffer.set_style(line, Style::new().add_modifier(Modifier::REVERSED));
        }
    }
    if count < rows.len() {
        let more = format!("+{} more", rows.len() - count);
        put(buffer, area, count as u16, &more, FAINT);
    }
}

fn draw_row<'a>(
    buffer: &mut Buffer,
    area: Rect,
    y: u16,
    shown: &[(usize, u16)],
    gap: u16,
    cell: impl Fn(usize) -> (&'a str, Style),
    columns: &[Column],
) {
    let mut rest = area;
    for &(column, width) in shown {
        let place = left(rest, width);
        let (text, style) = cell(column);
        if columns[column].is_text {
            put(buffer, place, y, text, style);
        } else {
            put_right(buffer, place, y, text, style);
        }
        rest = right_of(rest, width + gap);
    }
}

/// Those of these columns that fit, with their widths. The first is there in any case, cut if need
/// be.
fn fit(columns: &[Column], rows: &[Vec<Cell>], room: u16, of: &[usize]) -> Vec<(usize, u16)> {
    let widest = |&index: &usize| {
        let column = &columns[index];
        let cells = rows.iter().map(|row| width(&row[index].0)).max().unwrap_or(0);
        (index, cells.max(column.width_min).max(width(column.title)))
    };
    let mut shown: Vec<(usize, u16)> = of.iter().map(widest).collect();
    while shown.len() > 1 && needed(&shown, 1) > u32::from(room) {
        let ranks = shown.iter().enumerate().max_by_key(|(_, (index, _))| columns[*index].rank);
        let Some((least, _)) = ranks else { break };
        shown.remove(least);
    }
    shown
}

/// Cells between two columns: two where there is room.
fn gap(shown: &[(usize, u16)], room: u16) -> u16 {
    if needed(shown, 2) <= u32::from(room) { 2 } else { 1 }
}

fn needed(shown: &[(usize, u16)], gap: u32) -> u32 {
    let widths: u32 = shown.iter().map(|(_, width)| u32::from(*width)).sum();
    widths + gap * (shown.len() as u32).saturating_sub(1)
}
