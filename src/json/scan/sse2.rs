//! The functions by SSE2. `None` where they do not apply; what they find is what their twins in
//! `plain` find.

use std::arch::x86_64::{self, __m128i};

use super::{BEFORE, LANES, UUID_BYTES, Window};
use crate::tick::{DIGITS_MAX, Decimal, POWERS_OF_TEN};

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
    let others = !_mm_movemask_epi8(are_digits) as u32;
    let length = others.trailing_zeros() as usize;
    let least = *LEAST.get(length)?;
    let (values, _) = digits(load(window, length + 1)?);
    let number = sum(_mm_and_si128(values, last_lanes(length)?));
    (number >= least).then_some((number, length))
}

/// The length of a whole number of at most 15 digits.
#[inline(always)]
pub(super) fn digits_of_number(text: &[u8; LANES]) -> Option<usize> {
    let (_, are_digits) = digits(load(text, 0)?);
    let length = (!_mm_movemask_epi8(are_digits) as u32).trailing_zeros() as usize;
    let leading_zero = (text[0] == b'0') & (length > 1);
    (matches!(length, 1..LANES) & !leading_zero).then_some(length)
}

/// Whether a whole number of `N` digits comes first.
#[inline(always)]
pub(super) fn has_digits<const N: usize>(text: &[u8; LANES]) -> bool {
    const { assert!(N > 0 && N < LANES) };
    let others = load(text, 0).map_or(0, |text| !_mm_movemask_epi8(digits(text).1) as u32);
    let leading_zero = (N > 1) & (text[0] == b'0');
    (others & ((1 << (N + 1)) - 1) == 1 << N) & !leading_zero
}

/// A whole number of `N` digits.
#[inline(always)]
pub(super) fn unsigned_of<const N: usize>(window: &Window) -> Option<u64> {
    const { assert!(N > 1 && N < LANES) };
    let text = load(window, BEFORE)?;
    let (_, are_digits) = digits(text);
    let others = !_mm_movemask_epi8(are_digits) as u32;
    if others & ((1 << (N + 1)) - 1) != 1 << N {
        return None;
    }
    let (values, _) = digits(load(window, N + 1)?);
    let number = sum(_mm_and_si128(values, last_lanes(N)?));
    (number >= LEAST[N]).then_some(number)
}

/// A decimal of at most 15 bytes before a quotation mark, and its length.
#[inline(always)]
pub(super) fn decimal(window: &Window) -> Option<(Decimal, usize)> {
    let quotes = lanes_equal(load(window, BEFORE)?, b'"');
    let length = quotes.trailing_zeros() as usize;
    Some((decimal_of(window, BEFORE, length)?, length))
}

/// A bare decimal of at most 15 bytes, and its length.
#[inline(always)]
pub(super) fn bare_decimal(window: &Window) -> Option<(Decimal, usize)> {
    let text = load(window, BEFORE)?;
    // From the point to the 9, and so with the slash, which is no digit of a decimal later.
    let values = _mm_sub_epi8(text, _mm_set1_epi8(b'.' as i8));
    let within = _mm_cmpeq_epi8(_mm_min_epu8(values, _mm_set1_epi8((b'9' - b'.') as i8)), values);
    let others = !_mm_movemask_epi8(within) as u32;
    let length = others.trailing_zeros() as usize;
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
    // A mark was found right before `start`, and `end` is the place of a later one: it does not wrap.
    let second = decimal_of(window, BEFORE + start, end.wrapping_sub(start))?;
    Some(([first, second], end))
}

/// The decimal of `length` bytes at `start`, if they are at most 15.
#[inline(always)]
fn decimal_of(window: &Window, start: usize, length: usize) -> Option<Decimal> {
    if length >= LANES {
        return None;
    }
    let points = lanes_equal(load(window, start)?, b'.') | 1 << length;
    let shape = &SHAPES[(LANES * length + points.trailing_zeros() as usize) % SHAPES.len()];
    let one_before = load(window, start + length - LANES - 1)?;
    let ending = load(window, start + length - LANES)?;
    let right = load(&shape.behind_point, 0)?;
    let shifted = _mm_or_si128(_mm_andnot_si128(right, one_before), _mm_and_si128(right, ending));
    let values = _mm_sub_epi8(shifted, _mm_set1_epi8(b'0' as i8));
    let kept = _mm_and_si128(values, load(&shape.digits, 0)?);
    // The top bit of a lane above 9: a second point, a sign, an exponent.
    let strange = _mm_movemask_epi8(_mm_adds_epu8(kept, _mm_set1_epi8(0x7F - 9)));
    let mantissa = sum(kept);
    if (strange != 0) | (mantissa < shape.least) {
        return None;
    }
    // 15 digits at most, so it always fits.
    Some(Decimal::from_parts(mantissa as i64, shape.fraction))
}

/// A decimal of 16 to 19 bytes and at most 18 digits: the two sides of its point, one by one.
#[inline]
pub(super) fn long_decimal<const QUOTED: bool>(window: &Window) -> Option<(Decimal, usize)> {
    let within = |offset| {
        let values = _mm_sub_epi8(load(window, offset)?, _mm_set1_epi8(b'.' as i8));
        let most = _mm_set1_epi8((b'9' - b'.') as i8);
        Some(_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(values, most), values)) as u32)
    };
    let others = !(within(BEFORE)? | within(BEFORE + LANES)? << LANES);
    let length = others.trailing_zeros() as usize;
    let points = lanes_equal(load(window, BEFORE)?, b'.');
    let whole = points.trailing_zeros() as usize;
    let fraction = length.checked_sub(whole + 1)?;
    let fits = matches!(whole, 1..LANES) & matches!(fraction, 1..LANES);
    let ends = !QUOTED | (window.get(BEFORE + length) == Some(&b'"'));
    if !fits | !ends | (whole + fraction > DIGITS_MAX.into()) {
        return None;
    }
    // The numbers that end at the point and at the end.
    let part = |end: usize, count: usize| {
        let (values, are_digits) = digits(load(window, end - LANES)?);
        let lanes = last_lanes(count)?;
        let strange = _mm_movemask_epi8(_mm_andnot_si128(are_digits, lanes));
        (strange == 0).then(|| sum(_mm_and_si128(values, lanes)))
    };
    let high = part(BEFORE + whole, whole)?;
    let low = part(BEFORE + length, fraction)?;
    if high < LEAST[whole] {
        return None;
    }
    let mantissa = high as i64 * POWERS_OF_TEN[fraction] + low as i64;
    Some((Decimal::from_parts(mantissa, fraction as u8), length))
}

/// What is known of a decimal from its length and the place of its point: one line of the cache.
#[repr(C, align(64))]
struct Shape {
    /// The lanes, right-aligned, of what stands behind the point; all where there is none.
    behind_point: [u8; LANES],
    /// The lanes of all digits once the point is gone.
    digits: [u8; LANES],
    /// The least mantissa that needs no zero before it. None is enough for `.5`, `5.` and nothing.
    least: u64,
    /// Digits behind the point.
    fraction: u8,
}

/// By 16 times the length and by the place of the point, which is the length where there is none.
static SHAPES: [Shape; LANES * LANES] = {
    const NOTHING: Shape =
        Shape { behind_point: [0; LANES], digits: [0; LANES], least: u64::MAX, fraction: 0 };
    let mut shapes = [NOTHING; LANES * LANES];
    let mut length = 1;
    while length < LANES {
        let mut whole = 1;
        while whole <= length {
            let has_point = whole < length;
            let count = length - has_point as usize;
            let fraction = count - whole;
            let shape = &mut shapes[LANES * length + whole];
            let mut lane = 0;
            while lane < LANES {
                let from_right = LANES - 1 - lane;
                if !has_point || from_right < fraction {
                    shape.behind_point[lane] = u8::MAX;
                }
                if from_right < count {
                    shape.digits[lane] = u8::MAX;
                }
                lane += 1;
            }
            shape.fraction = fraction as u8;
            shape.least = match (whole, has_point && fraction == 0) {
                (_, true) => u64::MAX,
                (1, false) => 0,
                (_, false) => LEAST[count],
            };
            whole += 1;
        }
        length += 1;
    }
    shapes
};

/// The least number of so many digits that does not start with a zero of no use; none has no
/// digits.
static LEAST: [u64; LANES] = {
    let mut least = [u64::MAX; LANES];
    least[1] = 0;
    let mut digits = 2;
    while digits < LANES {
        least[digits] = 10_u64.pow(digits as u32 - 1);
        digits += 1;
    }
    least
};

/// 0 where both are the same, of at least 16 bytes. Without a call of `memcmp`, which takes longer
/// to begin with than this takes in all.
#[inline(always)]
pub(super) fn difference<const N: usize>(one: &[u8; N], other: &[u8; N]) -> u32 {
    let lanes = |offset| Some(_mm_cmpeq_epi8(load(one, offset)?, load(other, offset)?));
    // All loads are inside the arrays; the last one covers what is less than 16.
    let Some(mut equal) = lanes(N.saturating_sub(LANES)) else { return 1 };
    let mut offset = 0;
    while offset + LANES < N {
        equal = lanes(offset).map_or(equal, |lanes| _mm_and_si128(equal, lanes));
        offset += LANES;
    }
    _mm_movemask_epi8(equal) as u32 ^ 0xFFFF
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
    let (Some(low), Some(middle), Some(high)) = (plain(0), plain(LANES), plain(UUID_BYTES - LANES))
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
