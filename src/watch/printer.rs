//! Events under each other, news beside them.

use std::io::{self, Write};

use super::line::Columns;
use super::{Event, News, View};
use crate::printable::{Printable, is_odd};

/// How events are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One line each, for people.
    Lines,
    /// As they came, one JSON a line.
    Json,
}

/// Prints events to one place and news to another.
#[derive(Debug)]
pub struct Printer<W, E> {
    out: W,
    err: E,
    form: Form,
    lines: Columns,
}

impl<W: Write, E: Write> Printer<W, E> {
    /// Events to `out`, news to `err`.
    pub const fn new(out: W, err: E, form: Form) -> Self {
        Self { out, err, form, lines: Columns::new() }
    }
}

impl<W: Write, E: Write> View for Printer<W, E> {
    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        match self.form {
            Form::Json => self.out.write_all(event.text)?,
            Form::Lines => {
                let line = self.lines.line(&event.envelope, &event.data);
                match line.contains(is_odd) {
                    true => write!(self.out, "{}", Printable(line))?,
                    false => self.out.write_all(line.as_bytes())?,
                }
            }
        }
        self.out.write_all(b"\n")
    }

    fn news(&mut self, news: &News<'_>) -> io::Result<()> {
        // Whoever closed it does not want to know.
        let _ = writeln!(self.err, "tickwire: {}", Printable(&news.to_string()));
        Ok(())
    }

    fn turn(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
