//! Exact decimals: the digits that the exchange wrote, never a float.
//!
//! A [`Decimal`] is an integer mantissa and the count of digits after the point *as written*, so
//! `0.50930100` and `0.509301` are different decimals of the same value: Kraken's checksum covers
//! the trailing zeros, and a client reads back exactly what was sent. No single scale would do:
//! real prices have 12 decimals, real quantities 13 integer digits.

use std::cmp::Ordering;
use std::fmt;

/// Powers of ten that fit an `i64`.
pub(crate) const POWERS_OF_TEN: [i64; 19] = {
    let mut powers = [1_i64; 19];
    let mut index = 1;
    while index < powers.len() {
        powers[index] = powers[index - 1] * 10;
        index += 1;
    }
    powers
};

/// Fact: most digits of a mantissa, and most digits after the point. 10^18 is the largest power of
/// ten below 2^63, so every mantissa of 18 digits fits an `i64` with its sign.
pub const DIGITS_MAX: u8 = 18;

/// Fact: largest absolute mantissa.
pub const MANTISSA_MAX: i64 = POWERS_OF_TEN[DIGITS_MAX as usize] - 1;

/// Fact: longest text of a [`Decimal`]: sign, zero, point and 18 digits.
pub const DECIMAL_TEXT_MAX: usize = 21;

/// An exact decimal number as the exchange wrote it.
///
/// `==` compares the writing (`1.0 != 1.00`); use [`Decimal::cmp_value`] to compare values.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Decimal {
    mantissa: i64,
    digits: u8,
}

/// Why a text is no [`Decimal`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecimalError {
    /// Not a number by JSON's grammar.
    #[error("not a decimal number")]
    Malformed,
    /// A number that needs more than 18 digits; it is refused, never rounded.
    #[error("more than 18 digits")]
    TooLong,
}

impl Decimal {
    /// Zero without decimals.
    pub const ZERO: Self = Self { mantissa: 0, digits: 0 };

    /// The decimal `mantissa / 10^digits`, or `None` beyond 18 digits on either.
    #[inline]
    pub const fn new(mantissa: i64, digits: u8) -> Option<Self> {
        if digits > DIGITS_MAX || mantissa > MANTISSA_MAX || mantissa < -MANTISSA_MAX {
            return None;
        }
        Some(Self { mantissa, digits })
    }

    /// Rebuilds a decimal from parts that once came out of one.
    #[inline]
    pub(crate) const fn from_parts(mantissa: i64, digits: u8) -> Self {
        Self { mantissa, digits }
    }

    /// The digits of the number without sign and point.
    #[inline]
    pub const fn mantissa(self) -> i64 {
        self.mantissa
    }

    /// How many digits stand after the point.
    #[inline]
    pub const fn digits(self) -> u8 {
        self.digits
    }

    /// True for 0, 0.0, 0.00000000.
    #[inline]
    pub const fn is_zero(self) -> bool {
        self.mantissa == 0
    }

    /// True below zero.
    #[inline]
    pub const fn is_negative(self) -> bool {
        self.mantissa < 0
    }

    /// Reads a decimal by JSON's number grammar, exponents included (`1e-08` is `0.00000001`).
    ///
    /// # Errors
    /// [`DecimalError::Malformed`] for what is no JSON number, [`DecimalError::TooLong`] for one
    /// that 18 digits cannot hold.
    pub fn parse(text: &[u8]) -> Result<Self, DecimalError> {
        let (negative, unsigned) = match text.split_first() {
            Some((b'-', rest)) => (true, rest),
            _ => (false, text),
        };
        let (number, exponent) = split_exponent(unsigned)?;
        let (whole, fraction) = match number.iter().position(|&byte| byte == b'.') {
            Some(point) => (&number[..point], Some(&number[point + 1..])),
            None => (number, None),
        };
        let leading_zero = whole.len() > 1 && whole[0] == b'0';
        if whole.is_empty() || leading_zero || fraction.is_some_and(<[u8]>::is_empty) {
            return Err(DecimalError::Malformed);
        }
        let fraction = fraction.unwrap_or_default();
        let mut mantissa = 0_i64;
        let mut too_long = false;
        for &byte in whole.iter().chain(fraction) {
            if !byte.is_ascii_digit() {
                return Err(DecimalError::Malformed);
            }
            if mantissa > MANTISSA_MAX / 10 {
                too_long = true;
                continue;
            }
            mantissa = mantissa * 10 + i64::from(byte - b'0');
        }
        if too_long || fraction.len() > 1_000 {
            return Err(DecimalError::TooLong);
        }
        let mantissa = if negative { -mantissa } else { mantissa };
        scale_by_exponent(mantissa, fraction.len() as i32, exponent)
    }

    /// Compares values across different counts of digits: 1.0 equals 1.00.
    #[inline]
    pub fn cmp_value(self, other: Self) -> Ordering {
        if self.digits == other.digits {
            return self.mantissa.cmp(&other.mantissa);
        }
        self.scaled(other.digits).cmp(&other.scaled(self.digits))
    }

    /// The mantissa times `10^digits`; 18 digits times 10^18 fit an `i128`.
    #[inline]
    const fn scaled(self, digits: u8) -> i128 {
        // Below 10^36, which 128 bits hold 170 times: a check of it is a call.
        (self.mantissa as i128).wrapping_mul(POWERS_OF_TEN[digits as usize] as i128)
    }

    /// Writes the number into `text` and returns how many bytes it took.
    #[inline]
    pub fn write(self, text: &mut [u8; DECIMAL_TEXT_MAX]) -> usize {
        let mut magnitude = self.mantissa.unsigned_abs();
        let mut reversed = [b'0'; DECIMAL_TEXT_MAX];
        let mut count = 0;
        let digits = usize::from(self.digits);
        while magnitude > 0 || count <= digits + usize::from(digits > 0) {
            if digits > 0 && count == digits {
                reversed[count] = b'.';
                count += 1;
                continue;
            }
            if magnitude == 0 && count > digits + usize::from(digits > 0) {
                break;
            }
            reversed[count] = b'0' + (magnitude % 10) as u8;
            magnitude /= 10;
            count += 1;
        }
        let mut length = 0;
        if self.mantissa < 0 {
            text[0] = b'-';
            length = 1;
        }
        for index in (0..count).rev() {
            text[length] = reversed[index];
            length += 1;
        }
        length
    }
}

/// Cuts `e±N` off a number. The exponent saturates far outside what any decimal can hold.
fn split_exponent(number: &[u8]) -> Result<(&[u8], i32), DecimalError> {
    let Some(mark) = number.iter().position(|&byte| byte == b'e' || byte == b'E') else {
        return Ok((number, 0));
    };
    let (sign, digits) = match number[mark + 1..].split_first() {
        Some((b'-', rest)) => (-1, rest),
        Some((b'+', rest)) => (1, rest),
        _ => (1, &number[mark + 1..]),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(DecimalError::Malformed);
    }
    let magnitude =
        digits.iter().fold(0_i32, |sum, &digit| (sum * 10 + i32::from(digit - b'0')).min(100_000));
    Ok((&number[..mark], sign * magnitude))
}

/// Applies an exponent by moving the point; digits are added only left of it.
fn scale_by_exponent(mantissa: i64, fraction: i32, exponent: i32) -> Result<Decimal, DecimalError> {
    let digits = fraction - exponent;
    if digits >= 0 {
        let digits = u8::try_from(digits).map_err(|_| DecimalError::TooLong)?;
        return Decimal::new(mantissa, digits).ok_or(DecimalError::TooLong);
    }
    if mantissa == 0 {
        return Ok(Decimal::ZERO);
    }
    POWERS_OF_TEN
        .get(digits.unsigned_abs() as usize)
        .and_then(|&power| mantissa.checked_mul(power))
        .and_then(|mantissa| Decimal::new(mantissa, 0))
        .ok_or(DecimalError::TooLong)
}

impl fmt::Display for Decimal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; DECIMAL_TEXT_MAX];
        let length = self.write(&mut text);
        formatter.write_str(str::from_utf8(&text[..length]).unwrap_or_default())
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// A statistic too large for 18 digits: 24 h volumes of coins priced at 1e-8 have 20 and more.
///
/// The same promise as [`Decimal`], with a mantissa of 38 digits; never used for a price.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct WideDecimal {
    mantissa: i128,
    digits: u8,
}

/// Fact: largest absolute mantissa of a [`WideDecimal`].
const WIDE_MANTISSA_MAX: i128 = 10_i128.pow(38) - 1;

impl WideDecimal {
    /// Zero without decimals.
    pub const ZERO: Self = Self { mantissa: 0, digits: 0 };

    /// The decimal `mantissa / 10^digits`, or `None` beyond 38 digits or 18 decimals.
    pub const fn new(mantissa: i128, digits: u8) -> Option<Self> {
        if digits > DIGITS_MAX || mantissa > WIDE_MANTISSA_MAX || mantissa < -WIDE_MANTISSA_MAX {
            return None;
        }
        Some(Self { mantissa, digits })
    }

    /// The digits of the number without sign and point.
    pub const fn mantissa(self) -> i128 {
        self.mantissa
    }

    /// How many digits stand after the point.
    pub const fn digits(self) -> u8 {
        self.digits
    }

    /// Reads a plain decimal (no exponent) of at most 38 digits.
    ///
    /// # Errors
    /// As [`Decimal::parse`], with 38 digits for 18.
    pub fn parse(text: &[u8]) -> Result<Self, DecimalError> {
        match Decimal::parse(text) {
            Ok(decimal) => return Ok(decimal.into()),
            Err(DecimalError::Malformed) => return Err(DecimalError::Malformed),
            Err(DecimalError::TooLong) => {}
        }
        let (negative, unsigned) = match text.split_first() {
            Some((b'-', rest)) => (true, rest),
            _ => (false, text),
        };
        let mut mantissa = 0_i128;
        let mut digits = None;
        for &byte in unsigned {
            match byte {
                b'.' => digits = Some(0),
                b'0'..=b'9' if mantissa <= WIDE_MANTISSA_MAX / 10 => {
                    mantissa = mantissa * 10 + i128::from(byte - b'0');
                    digits = digits.map(|count: u8| count.saturating_add(1));
                }
                _ => return Err(DecimalError::TooLong),
            }
        }
        let mantissa = if negative { -mantissa } else { mantissa };
        Self::new(mantissa, digits.unwrap_or(0)).ok_or(DecimalError::TooLong)
    }

    /// Adds exactly, at the larger count of digits; `None` when 38 digits cannot hold the sum.
    #[inline]
    pub fn checked_add(self, other: impl Into<Self>) -> Option<Self> {
        let other = other.into();
        if self.digits == other.digits {
            return Self::new(self.mantissa.checked_add(other.mantissa)?, self.digits);
        }
        let digits = self.digits.max(other.digits);
        let sum = self.rescaled(digits)?.checked_add(other.rescaled(digits)?)?;
        Self::new(sum, digits)
    }

    fn rescaled(self, digits: u8) -> Option<i128> {
        let power = POWERS_OF_TEN[usize::from(digits - self.digits)];
        self.mantissa.checked_mul(i128::from(power))
    }

    /// Compares values across different counts of digits.
    pub fn cmp_value(self, other: Self) -> Ordering {
        let digits = self.digits.max(other.digits);
        match (self.rescaled(digits), other.rescaled(digits)) {
            (Some(own), Some(others)) => own.cmp(&others),
            // Only the one with fewer digits was scaled, so the one that overflowed is larger.
            (None, _) => self.mantissa.cmp(&0),
            (_, None) => 0.cmp(&other.mantissa),
        }
    }
}

impl From<Decimal> for WideDecimal {
    fn from(decimal: Decimal) -> Self {
        Self { mantissa: i128::from(decimal.mantissa), digits: decimal.digits }
    }
}

impl fmt::Display for WideDecimal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.mantissa < 0 { "-" } else { "" };
        let power = POWERS_OF_TEN[usize::from(self.digits)].unsigned_abs();
        let magnitude = self.mantissa.unsigned_abs();
        let whole = magnitude / u128::from(power);
        let fraction = magnitude % u128::from(power);
        if self.digits == 0 {
            return write!(formatter, "{sign}{whole}");
        }
        write!(formatter, "{sign}{whole}.{fraction:0width$}", width = usize::from(self.digits))
    }
}

impl fmt::Debug for WideDecimal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text.as_bytes()).expect(text)
    }

    #[test]
    fn a_decimal_is_written_back_as_it_was_read() {
        for text in ["0", "1", "0.1", "-0.5", "65000.10", "0.00000638", "0.50930100", "51143"] {
            assert_eq!(decimal(text).to_string(), text);
        }
        for text in ["999999999999999999", "0.000000000000000001", "-9.99999999999999999"] {
            assert_eq!(decimal(text).to_string(), text);
        }
    }

    #[test]
    fn exponents_move_the_point() {
        assert_eq!(decimal("1e-08").to_string(), "0.00000001");
        assert_eq!(decimal("5.95e12").to_string(), "5950000000000");
        assert_eq!(decimal("1.50E+1").to_string(), "15.0");
        assert_eq!(decimal("0e99999").to_string(), "0");
    }

    #[test]
    fn what_needs_more_than_18_digits_is_refused() {
        for text in ["1000000000000000000", "0.0000000000000000001", "1e18", "1e999999", "1e-19"] {
            assert_eq!(Decimal::parse(text.as_bytes()), Err(DecimalError::TooLong), "{text}");
        }
    }

    #[test]
    fn what_is_no_json_number_is_malformed() {
        for text in ["", "-", ".5", "5.", "01", "+1", "1e", "1e+", "--1", "1.2.3", "NaN", " 1"] {
            assert_eq!(Decimal::parse(text.as_bytes()), Err(DecimalError::Malformed), "{text}");
        }
    }

    #[test]
    fn values_compare_across_digits() {
        assert_eq!(decimal("1.0").cmp_value(decimal("1.00")), Ordering::Equal);
        assert_eq!(decimal("9999999999").cmp_value(decimal("0.000000000001")), Ordering::Greater);
        assert_ne!(decimal("1.0"), decimal("1.00"));
    }

    #[test]
    fn a_wide_decimal_holds_what_a_decimal_refuses() {
        let text = "12345678901234567890.12345678";
        assert!(Decimal::parse(text.as_bytes()).is_err());
        let wide = WideDecimal::parse(text.as_bytes()).expect("38 digits hold it");
        assert_eq!(wide.to_string(), text);
        let sum = wide.checked_add(decimal("0.1")).expect("the sum fits");
        assert_eq!(sum.to_string(), "12345678901234567890.22345678");
    }
}
