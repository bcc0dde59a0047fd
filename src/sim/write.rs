//! Numbers as text, written in place.

/// How whole ticks or lots are written: with this many digits after the point, of which the last
/// ones are zeros where the wire has more digits than the unit; or with as many as are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scale {
    factor: i128,
    digits: u8,
    shortest: bool,
}

impl Scale {
    /// Units of 10⁻ᵘⁿⁱᵗ, written with `wire` digits, at least as many.
    pub(super) const fn new(unit: u8, wire: u8) -> Self {
        assert!(wire >= unit, "the wire has a digit for each digit of the unit");
        Self { factor: 10_i128.pow((wire - unit) as u32), digits: wire, shortest: false }
    }

    /// Units of 10⁻ᵘⁿⁱᵗ, written without zeros at the end of a fraction.
    pub(super) const fn shortest(unit: u8) -> Self {
        Self { factor: 1, digits: unit, shortest: true }
    }

    /// Appends `units`.
    pub(super) fn write(&self, out: &mut Vec<u8>, units: i64) {
        decimal(out, i128::from(units) * self.factor, self.digits);
        if self.shortest && self.digits > 0 {
            trim(out);
        }
    }

    /// As a text of its own.
    pub(super) fn text(&self, units: i64) -> String {
        text_of(|out| self.write(out, units))
    }
}

/// What is written, as a text of its own.
pub(super) fn text_of(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// Takes the zeros off the end of the fraction that `out` ends with, and its point if nothing
/// is left of it.
pub(super) fn trim(out: &mut Vec<u8>) {
    while out.last() == Some(&b'0') {
        out.pop();
    }
    if out.last() == Some(&b'.') {
        out.pop();
    }
}

/// The smallest step of so many digits after the point, such as `0.01`.
pub(super) fn step(digits: u8) -> String {
    Scale::new(digits, digits).text(1)
}

/// Appends a whole number.
pub(super) fn integer(out: &mut Vec<u8>, number: i128) {
    decimal(out, number, 0);
}

/// Appends `mantissa` × 10⁻ᵈⁱᵍⁱᵗˢ with exactly that many digits after the point.
pub(super) fn decimal(out: &mut Vec<u8>, mantissa: i128, digits: u8) {
    if mantissa < 0 {
        out.push(b'-');
    }
    let magnitude = mantissa.unsigned_abs();
    match u64::try_from(magnitude) {
        Ok(short) => write_short(out, short, usize::from(digits)),
        Err(_) => write_long(out, magnitude, usize::from(digits)),
    }
}

/// The usual case: 64 bits, no 128-bit division.
fn write_short(out: &mut Vec<u8>, mut rest: u64, digits: usize) {
    let mut text = [0; 48];
    let mut at = text.len();
    let mut written = 0;
    while rest > 0 || written <= digits {
        if written == digits && digits > 0 {
            at -= 1;
            text[at] = b'.';
        }
        at -= 1;
        text[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        written += 1;
    }
    out.extend_from_slice(&text[at..]);
}

#[cold]
fn write_long(out: &mut Vec<u8>, magnitude: u128, digits: usize) {
    let power = 10_u128.pow(digits as u32);
    out.extend_from_slice((magnitude / power).to_string().as_bytes());
    if digits > 0 {
        out.extend_from_slice(format!(".{:0digits$}", magnitude % power).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(mantissa: i128, digits: u8) -> String {
        let mut out = Vec::new();
        decimal(&mut out, mantissa, digits);
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn decimals_have_exactly_their_digits() {
        assert_eq!(text(0, 0), "0");
        assert_eq!(text(0, 3), "0.000");
        assert_eq!(text(5, 8), "0.00000005");
        assert_eq!(text(-131_400, 3), "-131.400");
        assert_eq!(text(123, 0), "123");
        assert_eq!(text(i128::from(u64::MAX), 8), "184467440737.09551615");
        assert_eq!(text(i128::from(u64::MAX) * 100, 2), "18446744073709551615.00");
        assert_eq!(text(-i128::from(u64::MAX) * 10, 0), "-184467440737095516150");
    }

    #[test]
    fn units_are_padded_to_the_wires_digits() {
        assert_eq!(Scale::new(2, 8).text(6_354_001), "63540.01000000");
        assert_eq!(Scale::new(0, 0).text(7), "7");
    }

    #[test]
    fn units_are_written_as_short_as_can_be() {
        let texts = [(2, 6_354_000), (2, 6_354_010), (2, 100), (8, 5), (0, 700), (3, 0)]
            .map(|(unit, units)| Scale::shortest(unit).text(units));
        assert_eq!(texts, ["63540", "63540.1", "1", "0.00000005", "700", "0"]);
    }
}
