//! Text of others (exchanges, clients, files, variables) as it may be shown on a terminal.

use std::fmt::{self, Write as _};

/// Shows a text with everything escaped that could move a cursor, change a color, begin a line or
/// turn the direction of writing.
#[derive(Clone, Copy, Debug)]
pub struct Printable<'a>(pub &'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if is_odd(c) {
                write!(f, "{}", c.escape_default())?;
            } else {
                f.write_char(c)?;
            }
        }
        Ok(())
    }
}

/// Whether a character does something else than stand in its place.
pub fn is_odd(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Several lines, each of which is [`Printable`].
pub fn printable_lines(text: &str) -> String {
    let mut lines = String::with_capacity(text.len());
    for (index, line) in text.split('\n').enumerate() {
        // Writing into a String does not fail.
        let _ = write!(lines, "{}{}", if index > 0 { "\n" } else { "" }, Printable(line));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_do_something_is_escaped_and_all_else_is_as_it_was() {
        let shown = Printable("a\x1b[2Jb\r\nc\u{202e}d é 漢\u{9b}").to_string();
        assert_eq!(shown, "a\\u{1b}[2Jb\\r\\nc\\u{202e}d é 漢\\u{9b}");
        assert_eq!(printable_lines("a\nb\x07\n"), "a\nb\\u{7}\n");
    }
}
