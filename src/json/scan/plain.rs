//! The fast functions as loops: what they mean, and what other machines than x86-64 run.

use super::{BEFORE, LANES, UUID_BYTES, Window, slow};
use crate::tick::Decimal;

pub(super) fn unsigned(window: &Window) -> Option<(u64, usize)> {
    slow::unsigned(window, BEFORE).filter(|(_, length)| *length < LANES)
}

pub(super) fn digits_of_number(text: &[u8; LANES]) -> Option<usize> {
    let length = text.iter().position(|byte| !byte.is_ascii_digit())?;
    let leading_zero = text[0] == b'0' && length > 1;
    (length > 0 && !leading_zero).then_some(length)
}

pub(super) fn has_digits<const N: usize>(text: &[u8; LANES]) -> bool {
    digits_of_number(text) == Some(N)
}

pub(super) fn unsigned_of<const N: usize>(window: &Window) -> Option<u64> {
    unsigned(window).filter(|(_, length)| *length == N).map(|(number, _)| number)
}

pub(super) fn decimal(window: &Window) -> Option<(Decimal, usize)> {
    slow::decimal::<true>(window, BEFORE).filter(|(_, length)| *length < LANES)
}

pub(super) fn bare_decimal(window: &Window) -> Option<(Decimal, usize)> {
    slow::decimal::<false>(window, BEFORE).filter(|(_, length)| *length < LANES)
}

pub(super) fn decimals(window: &Window) -> Option<([Decimal; 2], usize)> {
    let (first, length) = decimal(window)?;
    if !window[BEFORE + length..].starts_with(b"\",\"") {
        return None;
    }
    let start = length + 3;
    let (second, length) = slow::decimal::<true>(window, BEFORE + start)?;
    let fits = length < LANES && start + length < 2 * LANES;
    fits.then_some(([first, second], start + length))
}

pub(super) fn difference<const N: usize>(one: &[u8; N], other: &[u8; N]) -> u32 {
    u32::from(one != other)
}

pub(super) fn long_decimal<const QUOTED: bool>(window: &Window) -> Option<(Decimal, usize)> {
    slow::decimal::<QUOTED>(window, BEFORE)
}

pub(super) fn find(text: &[u8; 2 * LANES], mark: u8) -> Option<usize> {
    text.iter().position(|&byte| byte == mark)
}

/// How many bytes stand before the first that ends a string or does not belong into one as it is.
pub(super) fn plain(text: &[u8; LANES]) -> usize {
    let is_plain = |&byte: &u8| matches!(byte, b' '..=0x7F) && byte != b'"' && byte != b'\\';
    text.iter().position(|byte| !is_plain(byte)).unwrap_or(text.len())
}

pub(super) fn is_uuid_like(text: &[u8; UUID_BYTES + 1]) -> bool {
    text[..UUID_BYTES].iter().all(|&byte| matches!(byte, b'-'..=0x7F) && byte != b'\\')
}

pub(super) fn ends_at(text: &[u8; LANES], mark: u8, length: usize) -> bool {
    text.iter().position(|&byte| byte == mark) == Some(length)
}

pub(super) fn is_lower_case_of(lowers: &[u8; LANES], uppers: &[u8; LANES], length: usize) -> bool {
    let (Some(lowers), Some(uppers)) = (lowers.get(..length), uppers.get(..length)) else {
        return false;
    };
    lowers.iter().zip(uppers).all(|(lower, upper)| *lower == upper.to_ascii_lowercase())
}
