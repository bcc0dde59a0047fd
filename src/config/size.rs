//! Sizes of memory as people write them: `64MiB`, `1GiB`, or a plain number of bytes.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use toml::Value;

/// What a size looks like, for errors.
const FORM: &str = "write bytes like 67108864, or a size like \"64MiB\" (KiB, MiB, GiB)";

/// Units, the largest first.
const UNITS: [(&str, usize); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

/// A number of bytes. It is written with the largest unit that divides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "Value")]
pub struct ByteSize(pub usize);

impl fmt::Display for ByteSize {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = |&&(_, bytes): &&(&str, usize)| self.0 > 0 && self.0.is_multiple_of(bytes);
        match UNITS.iter().find(whole) {
            Some((name, bytes)) => write!(formatter, "{}{name}", self.0 / bytes),
            None => write!(formatter, "{}", self.0),
        }
    }
}

impl FromStr for ByteSize {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = (&text[..digits], text[digits..].trim_start());
        let unit = match unit {
            "" | "B" => 1,
            _ => UNITS.iter().find(|(name, _)| *name == unit).ok_or(FORM)?.1,
        };
        let number: usize = number.parse().map_err(|_| FORM)?;
        number.checked_mul(unit).map(Self).ok_or(FORM)
    }
}

impl TryFrom<Value> for ByteSize {
    type Error = &'static str;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        match value {
            Value::Integer(bytes) => usize::try_from(bytes).map(Self).map_err(|_| FORM),
            Value::String(text) => text.parse(),
            _ => Err(FORM),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_written_with_their_unit() {
        for (text, bytes, written) in [
            ("64MiB", 64 << 20, "64MiB"),
            ("1GiB", 1 << 30, "1GiB"),
            ("1024 KiB", 1 << 20, "1MiB"),
            ("1500", 1_500, "1500"),
            ("1500B", 1_500, "1500"),
            ("0", 0, "0"),
        ] {
            assert_eq!(text.parse(), Ok(ByteSize(bytes)), "{text}");
            assert_eq!(ByteSize(bytes).to_string(), written);
        }
        for text in ["", "MiB", "64 mb", "64MB", "-1", "1.5GiB", "99999999999999GiB"] {
            assert_eq!(text.parse::<ByteSize>(), Err(FORM), "{text}");
        }
    }
}
