//! The functions by SSE2. `None` where they do not apply; what they find is what their twins in
//! `plain` find.

use std::arch::x86_64::{self, __m128i};

use super::{BEFORE, LANES, UUID_BYTES, Window};
use crate::tick::Decimal;

/// The last `n` lanes of a load at offset `n` are set.
static LAST_LANES: [u8; 3 * LANES] = {
    let mut lanes = [0; 3 * LANES];
    let mut index = LANES;
    while index < 2 * LANES {
        lanes[index] = u8::MAX;
        index += 1;
    }
    lanes
};

/// Intrinsics that touch registers only, as safe functions.
macro_rules! safe {
    ($($name:ident($($argument:ident: $from:ty),+) -> $to:ty;)+) => {$(
        #[inline(always)]
        fn $name($($argument: $from),+) -> $to {
            // SAFETY: SSE2 is part of x86-64, and the instruction touches no memory.
            unsafe { x86_64::$name($($argument),+) }
        }
    )+};
}

safe! {
    _mm_add_epi16(a: __m128i, b: __m128i) -> __m128i;
    _mm_adds_epu8(a: __m128i, b: __m128i) -> __m128i;
    _mm_and_si128(a: __m128i, b: __m128i) -> __m128i;
    _mm_andnot_si128(a: __m128i, b: __m128i) -> __m128i;
    _mm_cmpeq_epi8(a: __m128i, b: __m128i) -> __m128i;
    _mm_cmpgt_epi8(a: __m128i, b: __m128i) -> __m128i;
    _mm_cmplt_epi8(a: __m128i, b: __m128i) -> __m128i;
    _mm_cvtsi128_si64(a: __m128i) -> i64;
    _mm_madd_epi16(a: __m128i, b: __m128i) -> __m128i;
    _mm_min_epu8(a: __m128i, b: __m128i) -> __m128i;
    _mm_movemask_epi8(a: __m128i) -> i32;
    _mm_mullo_epi16(a: __m128i, b: __m128i) -> __m128i;
    _mm_or_si128(a: __m128i, b: __m128i) -> __m128i;
    _mm_packs_epi32(a: __m128i, b: __m128i) -> __m128i;
    _mm_set1_epi8(a: i8) -> __m128i;
    _mm_set1_epi16(a: i16) -> __m128i;
    _mm_set1_epi32(a: i32) -> __m128i;
    _mm_sub_epi8(a: __m128i, b: __m128i) -> __m128i;
}

/// Eight lanes of 16 bits, shifted right by 8.
#[inline(always)]
fn high_bytes(vector: __m128i) -> __m128i {
    // SAFETY: as in `safe`.
    unsafe { x86_64::_mm_srli_epi16::<8>(vector) }
}

/// The 16 bytes at `offset`.
#[inline(always)]
fn load<const N: usize>(bytes: &[u8; N], offset: usize) -> Option<__m128i> {
    let chunk: &[u8; LANES] = bytes.get(offset..)?.first_chunk()?;
    // SAFETY: `chunk` is an array of the 16 bytes that are read; the load needs no alignment.
    Some(unsafe { x86_64::_mm_loadu_si128(chunk.as_ptr().cast()) })
}

/// The last `count` lanes, at most 16.
#[inline(always)]
fn last_lanes(count: usize) -> Option<__m128i> {
    load(&LAST_LANES, count % (2 * LANES))
}

/// One bit per lane that equals `byte`.
#[inline(always)]
fn lanes_equal(vector: __m128i, byte: u8) -> u32 {
    _mm_movemask_epi8(_mm_cmpeq_epi8(vector, _mm_set1_epi8(byte as i8))) as u32
}

/// Digits as numbers, lane by lane, and whether each lane is one.
#[inline(always)]
fn digits(text: __m128i) -> (__m128i, __m128i) {
    let values = _mm_sub_epi8(text, _mm_set1_epi8(b'0' as i8));
    let are_digits = _mm_cmpeq_epi8(_mm_min_epu8(values, _mm_set1_epi8(9)), values);
    (values, are_digits)
}

/// The number whose 16 decimal digits stand in the lanes, most significant first.
#[inline(always)]
fn sum(digits: __m128i) -> u64 {
    let tens = _mm_and_si128(digits, _mm_set1_epi16(0xFF));
    let ones = high_bytes(digits);
    let pairs = _mm_add_epi16(_mm_mullo_epi16(tens, _mm_set1_epi16(10)), ones);
    let fours = _mm_madd_epi16(pairs, _mm_set1_epi32(100 | 1 << 16));
    let packed = _mm_packs_epi32(fours, fours);
    let eights = _mm_madd_epi16(packed, _mm_set1_epi32(10_000 | 1 << 16));
    let both = _mm_cvtsi128_si64(eights) as u64;
    (both & 0xFFFF_FFFF) * 100_000_000 + (both >> 32)
}

/// A whole number of at most 15 digits and its length.
#[inline(always)]
pub(super) fn unsigned(window: &Window) -> Option<(u64, usize)> {
    let text = load(window, BEFORE)?;
    let (_, are_digits) = digits(text);
    let others = !_mm_movemask_epi8(are_digits) as u32 | 1 << LANES;
    let length = others.trailing_zeros() as usize;
    let leading_zero = (length > 1) & (window[BEFORE] == b'0');
    if (length >= LANES) | (length == 0) | leading_zero {
        return None;
    }
    let (values, _) = digits(load(window, length + 1)?);
    Some((sum(_mm_and_si128(values, last_lanes(length)?)), length))
}

/// A whole number of `N` digits.
#[inline(always)]
pub(super) fn unsigned_of<const N: usize>(window: &Window) -> Option<u64> {
    const { assert!(N > 1 && N < LANES) };
    let text = load(window, BEFORE)?;
    let (_, are_digits) = digits(text);
    let others = !_mm_movemask_epi8(are_digits) as u32;
    if (others & ((1 << (N + 1)) - 1) != 1 << N) | (window[BEFORE] == b'0') {
        return None;
    }
    let (values, _) = digits(load(window, N + 1)?);
    Some(sum(_mm_and_si128(values, last_lanes(N)?)))
}

/// A decimal of at most 15 bytes before a quotation mark, and its length.
#[inline(always)]
pub(super) fn decimal(window: &Window) -> Option<(Decimal, usize)> {
    let quotes = lanes_equal(load(window, BEFORE)?, b'"') | 1 << LANES;
    let length = quotes.trailing_zeros() as usize;
    Some((decimal_of(window, BEFORE, length)?, length))
}

/// A bare decimal of at most 15 bytes before a comma or a closing bracket, and its length.
#[inline(always)]
pub(super) fn bare_decimal(window: &Window) -> Option<(Decimal, usize)> {
    let text = load(window, BEFORE)?;
    let (_, are_digits) = digits(text);
    let are_points = _mm_cmpeq_epi8(text, _mm_set1_epi8(b'.' as i8));
    let within = _mm_movemask_epi8(_mm_or_si128(are_digits, are_points)) as u32;
    let length = (!within | 1 << LANES).trailing_zeros() as usize;
    let end = window.get(BEFORE + length)?;
    if !matches!(end, b',' | b'}' | b']') {
        return None;
    }
    Some((decimal_of(window, BEFORE, length)?, length))
}

/// Two decimals in quotation marks with `","` between, of at most 31 bytes, and their length. One look finds where
/// both end, so that the next pair waits for one search only.
#[inline(always)]
pub(super) fn decimals(window: &Window) -> Option<([Decimal; 2], usize)> {
    let low = lanes_equal(load(window, BEFORE)?, b'"');
    let high = lanes_equal(load(window, BEFORE + LANES)?, b'"');
    let first_end = low | high << LANES;
    let second_start = first_end & first_end.wrapping_sub(1);
    let second_end = second_start & second_start.wrapping_sub(1);
    let first_length = first_end.trailing_zeros() as usize;
    let end = second_end.trailing_zeros() as usize;
    let between: &[u8; 3] = window.get(BEFORE + first_length..)?.first_chunk()?;
    if (second_end == 0) | (between != b"\",\"") {
        return None;
    }
    let start = first_length + between.len();
    let first = decimal_of(window, BEFORE, first_length)?;
    let second = decimal_of(window, BEFORE + start, end - start)?;
    Some(([first, second], end))
}

/// The decimal of `length` bytes at `start`, if they are at most 15.
#[inline(always)]
fn decimal_of(window: &Window, start: usize, length: usize) -> Option<Decimal> {
    if length >= LANES {
        return None;
    }
    let text = load(window, start)?;
    let whole = (lanes_equal(text, b'.') | 1 << length).trailing_zeros() as usize;
    let has_point = whole != length;
    let digit_count = length - usize::from(has_point);
    let fraction = digit_count - whole;
    let right_lanes = if has_point { fraction } else { LANES };
    let right = last_lanes(right_lanes)?;
    let one_before = load(window, start + length - LANES - 1)?;
    let ending = load(window, start + length - LANES)?;
    let shifted = _mm_or_si128(_mm_andnot_si128(right, one_before), _mm_and_si128(right, ending));
    let values = _mm_sub_epi8(shifted, _mm_set1_epi8(b'0' as i8));
    let kept = _mm_and_si128(values, last_lanes(digit_count)?);
    // The top bit of a lane above 9: a second point, a sign, an exponent.
    let strange = _mm_movemask_epi8(_mm_adds_epu8(kept, _mm_set1_epi8(0x7F - 9)));
    // Not `.5`, `5.` or `05`. One branch for all that is wrong.
    let leading_zero = (whole > 1) & (window.get(start) == Some(&b'0'));
    if (strange != 0) | (whole == 0) | (right_lanes == 0) | leading_zero {
        return None;
    }
    let mantissa = sum(kept) as i64;
    // 15 digits at most, so it always fits.
    Some(Decimal::from_parts(mantissa, fraction as u8))
}

/// Whether the first and the last 16 bytes are the same: all that up to 32 have.
#[inline(always)]
pub(super) fn equal_ends<const N: usize>(one: &[u8; N], other: &[u8; N]) -> bool {
    let lanes = |offset| Some(_mm_cmpeq_epi8(load(one, offset)?, load(other, offset)?));
    // Both loads are inside the arrays.
    let (Some(first), Some(last)) = (lanes(0), lanes(N.saturating_sub(LANES))) else { return false };
    _mm_movemask_epi8(_mm_and_si128(first, last)) == 0xFFFF
}

#[inline(always)]
pub(super) fn find(text: &[u8; 2 * LANES], mark: u8) -> Option<usize> {
    let first = lanes_equal(load(text, 0)?, mark);
    if first != 0 {
        return Some(first.trailing_zeros() as usize);
    }
    let second = lanes_equal(load(text, LANES)?, mark);
    (second != 0).then(|| LANES + second.trailing_zeros() as usize)
}

#[inline(always)]
pub(super) fn plain(text: &[u8; LANES]) -> usize {
    // The load is inside the array.
    let Some(lanes) = load(text, 0) else { return 0 };
    // Signed: bytes beyond ASCII are negative, so they are below the space like the controls.
    let controls = _mm_cmplt_epi8(lanes, _mm_set1_epi8(b' ' as i8));
    let quotes = _mm_cmpeq_epi8(lanes, _mm_set1_epi8(b'"' as i8));
    let slashes = _mm_cmpeq_epi8(lanes, _mm_set1_epi8(b'\\' as i8));
    let strange = _mm_movemask_epi8(_mm_or_si128(controls, _mm_or_si128(quotes, slashes)));
    (strange as u32 | 1 << LANES).trailing_zeros() as usize
}

/// Whether all but the last byte are plain, and none is a quotation mark.
#[inline(always)]
pub(super) fn is_uuid_like(text: &[u8; UUID_BYTES + 1]) -> bool {
    // Signed: what is above the comma is ASCII, and no control or quotation mark.
    let plain = |offset| {
        let lanes = load(text, offset)?;
        let slashes = _mm_cmpeq_epi8(lanes, _mm_set1_epi8(b'\\' as i8));
        Some(_mm_andnot_si128(slashes, _mm_cmpgt_epi8(lanes, _mm_set1_epi8(b',' as i8))))
    };
    // All loads are inside the array.
    let (Some(low), Some(middle), Some(high)) =
        (plain(0), plain(LANES), plain(UUID_BYTES - LANES))
    else {
        return false;
    };
    _mm_movemask_epi8(_mm_and_si128(_mm_and_si128(low, middle), high)) == 0xFFFF
}

#[inline(always)]
pub(super) fn ends_at(text: &[u8; LANES], mark: u8, length: usize) -> bool {
    let found = load(text, 0).map_or(0, |text| lanes_equal(text, mark));
    length < LANES && found & ((2_u32 << length) - 1) == 1 << length
}

#[inline(always)]
pub(super) fn is_lower_case_of(lowers: &[u8; LANES], uppers: &[u8; LANES], length: usize) -> bool {
    let (Some(lowers), Some(uppers)) = (load(lowers, 0), load(uppers, 0)) else {
        return false;
    };
    if length > LANES {
        return false;
    }
    // Signed comparisons: bytes beyond ASCII are negative and so no letters.
    let above = _mm_cmpgt_epi8(uppers, _mm_set1_epi8(b'A' as i8 - 1));
    let below = _mm_cmplt_epi8(uppers, _mm_set1_epi8(b'Z' as i8 + 1));
    let bit = _mm_and_si128(_mm_and_si128(above, below), _mm_set1_epi8(0x20));
    let equal = _mm_cmpeq_epi8(lowers, _mm_or_si128(uppers, bit));
    let wanted = (1_u32 << length) - 1;
    _mm_movemask_epi8(equal) as u32 & wanted == wanted
}
