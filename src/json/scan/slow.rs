//! The slow paths, which read what the fast ones leave: long numbers, and those too close to the
//! start of a frame.

use crate::tick::{DIGITS_MAX, Decimal};

/// Fact: most digits of a `u64`.
const UNSIGNED_DIGITS_MAX: usize = 20;

/// The whole number at `at` and the count of its digits.
pub(super) fn unsigned(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let text = bytes.get(at..)?;
    let mut number = 0_u64;
    let mut length = 0;
    while let Some(digit) = text.get(length).filter(|byte| byte.is_ascii_digit()) {
        if length == UNSIGNED_DIGITS_MAX {
            return None;
        }
        number = number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
        length += 1;
    }
    let leading_zero = length > 1 && text.first() == Some(&b'0');
    (length > 0 && !leading_zero).then_some((number, length))
}

/// The decimal at `at` and the count of its bytes, up to a quotation mark where it is quoted, else
/// to the first byte that is neither digit nor point.
pub(super) fn decimal<const QUOTED: bool>(bytes: &[u8], at: usize) -> Option<(Decimal, usize)> {
    let text = bytes.get(at..)?;
    let mut mantissa = 0_i64;
    let mut digits = 0;
    let mut point = None;
    let mut length = 0;
    loop {
        match *text.get(length)? {
            b'.' if point.is_none() && digits > 0 => point = Some(digits),
            byte @ b'0'..=b'9' if digits < DIGITS_MAX => {
                mantissa = mantissa * 10 + i64::from(byte - b'0');
                digits += 1;
            }
            b'"' if QUOTED => break,
            b'.' | b'/' | b'0'..=b'9' => return None,
            _ if QUOTED => return None,
            _ => break,
        }
        length += 1;
    }
    let whole = point.unwrap_or(digits);
    let leading_zero = whole > 1 && text[0] == b'0';
    if whole == 0 || leading_zero || point == Some(digits) {
        return None;
    }
    Some((Decimal::new(mantissa, digits - whole)?, length))
}
