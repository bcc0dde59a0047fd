//! Decimals against their text.

use serde_json::value::RawValue;

use crate::tick::{DIGITS_MAX, Decimal, DecimalError, WideDecimal};

/// A text as a decimal of either width.
///
/// # Panics
/// When what was read is not what the text says, by JSON's grammar and digit for digit.
pub fn decimal(text: &[u8]) {
    let plain = plain_digits(text);
    match Decimal::parse(text) {
        Ok(decimal) => {
            let (negative, digits, point) = plain.expect("no number was read as one");
            assert_eq!(decimal.mantissa().unsigned_abs().to_string(), digits);
            assert_eq!(decimal.is_negative(), negative && digits != "0");
            assert_eq!(u64::from(decimal.digits()), point);
            let again = Decimal::parse(decimal.to_string().as_bytes());
            assert_eq!(again, Ok(decimal), "what is written reads the same");
        }
        Err(DecimalError::TooLong) => {
            let (_, digits, point) = plain.expect("no number was called too long");
            let most = usize::from(DIGITS_MAX);
            // Leading zeros count for nothing, zeros after the point do: `0.000…0` has digits.
            let long = text.len() > 1_000 || digits.len() > most;
            assert!(long || point > u64::from(DIGITS_MAX), "it would have fitted");
        }
        Err(DecimalError::Malformed) => assert!(plain.is_none(), "a number was refused"),
    }
    if let Ok(wide) = WideDecimal::parse(text) {
        let (negative, digits, point) = plain_digits(text).expect("no number was read as one");
        assert_eq!(wide.mantissa().unsigned_abs().to_string(), digits);
        assert_eq!(wide.mantissa() < 0, negative && digits != "0");
        assert_eq!(u64::from(wide.digits()), point);
        assert_eq!(WideDecimal::parse(wide.to_string().as_bytes()), Ok(wide));
    }
}

/// Sign, digits without leading zeros and digits after the point of a JSON number, by moving text
/// about. `None` for what is no JSON number.
fn plain_digits(text: &[u8]) -> Option<(bool, String, u64)> {
    serde_json::from_slice::<&RawValue>(text).ok()?;
    let text = str::from_utf8(text).ok()?;
    let starts = text.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    if !starts || !text.ends_with(|last: char| last.is_ascii_digit()) {
        return None;
    }
    let (negative, unsigned) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (number, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    // Exponents of more digits than an i64 are far beyond every bound.
    let far = if exponent.starts_with('-') { -1_000_000 } else { 1_000_000 };
    let exponent = exponent.parse::<i64>().unwrap_or(far).clamp(-1_000_000, 1_000_000);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    let point = fraction.len() as i64 - exponent;
    match u64::try_from(point) {
        Ok(point) if digits.is_empty() => Some((negative, "0".to_owned(), point)),
        Ok(point) => Some((negative, digits.to_owned(), point)),
        Err(_) if digits.is_empty() => Some((negative, "0".to_owned(), 0)),
        Err(_) => {
            let zeros = "0".repeat(point.unsigned_abs().min(100) as usize);
            Some((negative, format!("{digits}{zeros}"), 0))
        }
    }
}
