//! Numbers and texts as JSON, straight into the bytes of a message.
//!
//! `benches/encode.rs` holds them against `format!` and serde_json. The plain
//! twin, `Decimal::write`, stays as the oracle of the tests.

use crate::clock::UnixNanos;
use crate::tick::{Decimal, Digits, WideDecimal};

#[inline]
fn push_with_point(out: &mut Vec<u8>, digits: &Digits, after_point: u8) {
    let (whole, fraction) = digits.split(after_point);
    out.extend_from_slice(whole);
    if after_point > 0 {
        out.push(b'.');
        out.extend_from_slice(fraction);
    }
}

#[inline]
pub(super) fn push_u64(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(Digits::new(number).as_slice());
}

#[inline]
pub(super) fn push_i64(out: &mut Vec<u8>, number: i64) {
    if number < 0 {
        out.push(b'-');
    }
    push_u64(out, number.unsigned_abs());
}

/// A date as integer milliseconds.
#[inline]
pub(super) fn push_millis(out: &mut Vec<u8>, date: UnixNanos) {
    push_i64(out, date.millis());
}

/// Exactly the digits that the exchange wrote.
#[inline]
pub(super) fn push_decimal(out: &mut Vec<u8>, decimal: Decimal) {
    if decimal.is_negative() {
        out.push(b'-');
    }
    push_with_point(out, &Digits::new(decimal.mantissa().unsigned_abs()), decimal.digits());
}

/// The same for sums and statistics.
#[inline]
pub(super) fn push_wide(out: &mut Vec<u8>, decimal: WideDecimal) {
    let mantissa = decimal.mantissa();
    if mantissa < 0 {
        out.push(b'-');
    }
    let magnitude = mantissa.unsigned_abs();
    let digits = match u64::try_from(magnitude) {
        Ok(short) => Digits::new(short),
        Err(_) => Digits::wide(magnitude),
    };
    push_with_point(out, &digits, decimal.digits());
}

/// Lower-case hexadecimal digits, `count` of them.
fn push_hex(out: &mut Vec<u8>, number: u128, count: u32) {
    let digits = (0..count).rev().map(|place| (number >> (4 * place)) as u8 & 15);
    out.extend(digits.map(|digit| b"0123456789abcdef"[usize::from(digit)]));
}

/// A UUID in its usual groups, without quotes.
pub(super) fn push_uuid(out: &mut Vec<u8>, uuid: u128) {
    for (index, (shift, count)) in
        [(96, 8), (80, 4), (64, 4), (48, 4), (0, 12)].into_iter().enumerate()
    {
        if index > 0 {
            out.push(b'-');
        }
        push_hex(out, uuid >> shift, count);
    }
}

/// The id of a process run, as text.
pub(super) fn push_epoch(out: &mut Vec<u8>, epoch: u64) {
    out.push(b'"');
    push_hex(out, u128::from(epoch), 16);
    out.push(b'"');
}

/// The id of a process run, if it is spelled exactly as [`push_epoch`] writes it: any other
/// spelling names no run of ours, and nothing may be resumed by it.
pub(super) fn read_epoch(text: &str) -> Option<u64> {
    let is_ours = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let is_whole = text.len() == 16 && text.bytes().all(is_ours);
    is_whole.then(|| u64::from_str_radix(text, 16).ok()).flatten()
}

/// A text with quotes, escaped as JSON demands.
pub(super) fn push_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for &byte in text.as_bytes() {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0..=0x1f => {
                out.extend_from_slice(b"\\u");
                push_hex(out, u128::from(byte), 4);
            }
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

/// Writes `items` with commas between them, each by `each`.
pub(super) fn push_list<T>(
    out: &mut Vec<u8>,
    items: impl IntoIterator<Item = T>,
    mut each: impl FnMut(&mut Vec<u8>, T),
) {
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        each(out, item);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn the_edges_of_numbers_are_written_out() {
        for number in [0, 9, 10, 99, 100, 999, 1_000, u64::MAX] {
            assert_eq!(written(|out| push_u64(out, number)), number.to_string());
        }
        assert_eq!(written(|out| push_i64(out, i64::MIN)), i64::MIN.to_string());
        assert_eq!(written(|out| push_epoch(out, 0xab)), "\"00000000000000ab\"");
        assert_eq!(read_epoch("00000000000000ab"), Some(0xab));
        for other in ["00000000000000AB", "ab", "+0000000000000ab", "000000000000000ab", ""] {
            assert_eq!(read_epoch(other), None, "{other}");
        }
        let uuid = 0x1f3a_0000_aaaa_4bcd_8765_0123_4567_89ab;
        assert_eq!(written(|out| push_uuid(out, uuid)), "1f3a0000-aaaa-4bcd-8765-0123456789ab");
    }

    proptest! {
        #[test]
        fn decimals_are_written_as_their_twin_writes_them(
            mantissa in -crate::tick::MANTISSA_MAX..=crate::tick::MANTISSA_MAX,
            shift in 0..60_u32,
            digits in 0..=18_u8,
        ) {
            let decimal = Decimal::new(mantissa >> shift, digits).expect("in range");
            prop_assert_eq!(written(|out| push_decimal(out, decimal)), decimal.to_string());
        }

        #[test]
        fn wide_decimals_are_written_as_their_twin_writes_them(
            mantissa in -(10_i128.pow(38) - 1)..10_i128.pow(38),
            shift in 0..120_u32,
            digits in 0..=18_u8,
        ) {
            let decimal = WideDecimal::new(mantissa >> shift, digits).expect("in range");
            prop_assert_eq!(written(|out| push_wide(out, decimal)), decimal.to_string());
        }

        #[test]
        fn any_text_is_read_back(text in any::<String>()) {
            let read: String =
                serde_json::from_str(&written(|out| push_text(out, &text))).expect("JSON");
            prop_assert_eq!(read, text);
        }
    }
}
