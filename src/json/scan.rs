//! Reading a frame in place, for recognisers that know its shape to the byte.
//!
//! The simple version of every function here is a loop over bytes (module `plain`, which other
//! machines than x86-64 run and the tests hold the fast one to). What the fast one does instead:
//! it loads 16 bytes, finds the end of a number by comparing all of them at once, loads the 16
//! bytes that *end* there so that the digits stand right-aligned, drops the point by taking the
//! lanes left of it from a load one byte earlier, and adds digits up pairwise in four steps. Only
//! SSE2 is used, which every x86-64 has, so nothing is detected at run time and all is inlined.
//!
//! Every function returns `None` (or `false`) when the bytes are not exactly what it reads; the
//! recogniser then gives up and the frame goes, untouched, to the general parser. What is accepted
//! here must mean the same there: numbers by JSON's grammar, decimals as [`Decimal::parse`] reads
//! them.
//!
//! Bytes after the frame's end may be loaded (they exist, see [`PaddedFrame`]), but a cursor never
//! moves out of its frame, nor back. That is what makes the loads safe without a check of each.

#![allow(unsafe_code, reason = "SSE2 instructions, and one slice without a check")]

use super::PaddedFrame;
use crate::limits::FRAME_PADDING;
use crate::tick::Decimal;

/// Bytes that a vector holds.
const LANES: usize = 16;

/// A run of bytes inside the frame, between two marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    start: usize,
    length: usize,
}

/// A place in a frame that moves forward over what it reads.
#[derive(Clone, Copy, Debug)]
pub struct Cursor<'a> {
    /// The frame and its padding: at least `length + FRAME_PADDING` bytes.
    bytes: &'a [u8],
    /// The frame's own length.
    length: usize,
    /// Next byte to read; never beyond `length`.
    at: usize,
}

impl<'a> Cursor<'a> {
    /// At the first byte of a frame.
    #[inline(always)]
    pub fn new(frame: &'a PaddedFrame<'_>) -> Self {
        let (bytes, length) = (frame.padded(), frame.bytes().len());
        assert!(bytes.len() >= length + FRAME_PADDING, "a frame has its padding");
        Self { bytes, length, at: 0 }
    }

    /// True when the whole frame was read.
    #[inline(always)]
    pub fn is_at_end(&self) -> bool {
        self.at == self.length
    }

    /// The `N` bytes from `before` bytes before this place on. `None` where the frame does not
    /// reach back so far.
    #[inline(always)]
    fn around<const N: usize>(&self, before: usize) -> Option<&'a [u8; N]> {
        const { assert!(N <= FRAME_PADDING) };
        debug_assert!(self.at <= self.length);
        let start = self.at.checked_sub(before)?;
        // SAFETY: `start <= at <= length`, which `new` and `advance` keep, and at least
        // `FRAME_PADDING >= N` bytes follow `length`, which `new` asserted.
        let chunk = unsafe { self.bytes.get_unchecked(start..start + N) };
        chunk.first_chunk()
    }

    /// Moves on, but not out of the frame.
    #[inline(always)]
    fn advance(&mut self, by: usize) -> Option<()> {
        let at = self.at + by;
        if at > self.length {
            return None;
        }
        self.at = at;
        Some(())
    }

    /// The next byte; any at the end of the frame.
    #[inline(always)]
    pub fn peek(&self) -> u8 {
        self.around::<1>(0).map_or(0, |chunk| chunk[0])
    }

    /// Moves over `text` if it comes next.
    #[inline(always)]
    pub fn take<const N: usize>(&mut self, text: &[u8; N]) -> bool {
        self.around::<N>(0) == Some(text) && self.advance(N).is_some()
    }

    /// Moves over `text`, which must come next.
    #[inline(always)]
    pub fn expect<const N: usize>(&mut self, text: &[u8; N]) -> Option<()> {
        self.take(text).then_some(())
    }

    /// Moves over `true` or `false`.
    #[inline(always)]
    pub fn boolean(&mut self) -> Option<bool> {
        if self.take(b"true") {
            return Some(true);
        }
        self.expect(b"false")?;
        Some(false)
    }

    /// Moves over a whole number without sign, point or exponent.
    #[inline(always)]
    pub fn unsigned(&mut self) -> Option<u64> {
        let fast = self.around(BEFORE).and_then(fast::unsigned);
        let (number, length) = match fast {
            Some(found) => found,
            None => slow_unsigned(self.bytes, self.at)?,
        };
        self.advance(length)?;
        Some(number)
    }

    /// The same where the number nearly always has `N` digits. Knowing that, the processor reads on
    /// behind the number without waiting for where it ends.
    #[inline(always)]
    pub fn unsigned_of<const N: usize>(&mut self) -> Option<u64> {
        if let Some(number) = self.around(BEFORE).and_then(fast::unsigned_of::<N>) {
            self.advance(N)?;
            return Some(number);
        }
        self.unsigned()
    }

    /// Moves over a decimal without sign and exponent that ends at a quotation mark, and over that
    /// mark; call it behind the opening one.
    #[inline(always)]
    pub fn decimal(&mut self) -> Option<Decimal> {
        let fast = self.around(BEFORE).and_then(fast::decimal);
        let (number, length) = match fast {
            Some(found) => found,
            None => slow_decimal(self.bytes, self.at)?,
        };
        self.advance(length + 1)?;
        Some(number)
    }

    /// Moves over two decimals with `","` between them and a quotation mark behind; call it behind
    /// the first opening one.
    #[inline(always)]
    pub fn decimals(&mut self) -> Option<[Decimal; 2]> {
        if let Some((pair, length)) = self.around(BEFORE).and_then(fast::decimals) {
            self.advance(length + 1)?;
            return Some(pair);
        }
        let first = self.decimal()?;
        self.expect(b",\"")?;
        Some([first, self.decimal()?])
    }

    /// Moves over up to 32 bytes that end at `mark`, and over the mark. They may be any bytes but
    /// `mark`: who accepts them must know them (find them in a map of names).
    #[inline(always)]
    pub fn until(&mut self, mark: u8) -> Option<Word> {
        let length = fast::find(self.around(0)?, mark)?;
        let word = Word { start: self.at, length };
        self.advance(length + 1)?;
        Some(word)
    }

    /// The same where the word nearly always is as long as `other`; see [`Cursor::unsigned_of`].
    #[inline(always)]
    pub fn until_as_long_as(&mut self, mark: u8, other: Word) -> Option<Word> {
        if fast::ends_at(self.around(0)?, mark, other.length) {
            let word = Word { start: self.at, length: other.length };
            self.advance(other.length + 1)?;
            return Some(word);
        }
        self.until(mark)
    }

    /// Moves over the rest of a string that is not needed and the quotation mark at its end. Only
    /// printable ASCII without backslashes passes, which is sure to be valid JSON.
    #[inline(always)]
    pub fn skip_text(&mut self) -> Option<()> {
        let word = self.until(b'"')?;
        let plain = |&byte: &u8| matches!(byte, b' '..=b'~') && byte != b'\\';
        self.bytes_of(word).iter().all(plain).then_some(())
    }

    /// The bytes of a word.
    #[inline(always)]
    pub fn bytes_of(&self, word: Word) -> &'a [u8] {
        self.bytes.get(word.start..word.start + word.length).unwrap_or_default()
    }

    /// A word with what follows it, and its length.
    #[inline(always)]
    pub fn window_of<const N: usize>(&self, word: Word) -> Option<(&'a [u8; N], usize)> {
        Some((self.bytes.get(word.start..)?.first_chunk()?, word.length))
    }

    /// Whether `lower` is `upper` with its ASCII letters in lower case. Words of more than 16
    /// bytes are not compared.
    #[inline(always)]
    pub fn is_lower_case_of(&self, lower: Word, upper: Word) -> bool {
        let (Some((lowers, length)), Some((uppers, _))) =
            (self.window_of(lower), self.window_of(upper))
        else {
            return false;
        };
        length == upper.length && fast::is_lower_case_of(lowers, uppers, length)
    }
}

/// Bytes before a number that are loaded with it.
const BEFORE: usize = LANES + 1;

/// A number, which starts at [`BEFORE`], and what is around it.
type Window = [u8; 4 * LANES];

/// What a slow path found, small enough for registers: were it an `Option` of a tuple, the fast
/// path would have to leave its own result in memory as well.
#[derive(Clone, Copy)]
struct Found {
    number: u64,
    digits: u32,
    /// 0 when nothing was found.
    length: u32,
}

impl Found {
    const NOTHING: Self = Self { number: 0, digits: 0, length: 0 };
}

#[inline(always)]
fn slow_unsigned(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    #[cold]
    #[inline(never)]
    fn cold(bytes: &[u8], at: usize) -> Found {
        portable::unsigned(bytes, at).map_or(Found::NOTHING, |(number, length)| Found {
            number,
            digits: 0,
            length: length as u32,
        })
    }
    let found = cold(bytes, at);
    (found.length != 0).then_some((found.number, found.length as usize))
}

#[inline(always)]
fn slow_decimal(bytes: &[u8], at: usize) -> Option<(Decimal, usize)> {
    #[cold]
    #[inline(never)]
    fn cold(bytes: &[u8], at: usize) -> Found {
        portable::decimal(bytes, at).map_or(Found::NOTHING, |(decimal, length)| Found {
            number: decimal.mantissa() as u64,
            digits: decimal.digits().into(),
            length: length as u32,
        })
    }
    let found = cold(bytes, at);
    let decimal = Decimal::from_parts(found.number as i64, found.digits as u8);
    (found.length != 0).then_some((decimal, found.length as usize))
}

#[cfg(not(target_arch = "x86_64"))]
use plain as fast;
#[cfg(target_arch = "x86_64")]
use sse2 as fast;

/// The functions by SSE2. `None` where they do not apply; what they find is what their twins in
/// [`portable`] find.
#[cfg(target_arch = "x86_64")]
mod sse2 {
    use std::arch::x86_64::{self, __m128i};

    use super::{BEFORE, LANES, Window};
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
        _mm_cvtsi128_si32(a: __m128i) -> i32;
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
        let leading_zero = (length > 1) & starts_with_zero(text);
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
        if (others & ((1 << (N + 1)) - 1) != 1 << N) | starts_with_zero(text) {
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

    /// Two of them with `","` between, of at most 31 bytes, and their length. One look finds where
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
        let shifted =
            _mm_or_si128(_mm_andnot_si128(right, one_before), _mm_and_si128(right, ending));
        let values = _mm_sub_epi8(shifted, _mm_set1_epi8(b'0' as i8));
        let kept = _mm_and_si128(values, last_lanes(digit_count)?);
        // The top bit of a lane above 9: a second point, a sign, an exponent.
        let strange = _mm_movemask_epi8(_mm_adds_epu8(kept, _mm_set1_epi8(0x7F - 9)));
        // Not `.5`, `5.` or `05`. One branch for all that is wrong.
        let leading_zero = (whole > 1) & starts_with_zero(text);
        if (strange != 0) | (whole == 0) | (right_lanes == 0) | leading_zero {
            return None;
        }
        let mantissa = sum(kept) as i64;
        // 15 digits at most, so it always fits.
        Some(Decimal::from_parts(mantissa, fraction as u8))
    }

    /// Whether the first lane is a zero.
    #[inline(always)]
    fn starts_with_zero(text: __m128i) -> bool {
        _mm_cvtsi128_si32(text) as u8 == b'0'
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
    pub(super) fn ends_at(text: &[u8; LANES], mark: u8, length: usize) -> bool {
        let found = load(text, 0).map_or(0, |text| lanes_equal(text, mark));
        length < LANES && found & ((2_u32 << length) - 1) == 1 << length
    }

    #[inline(always)]
    pub(super) fn is_lower_case_of(
        lowers: &[u8; LANES],
        uppers: &[u8; LANES],
        length: usize,
    ) -> bool {
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
}

/// The slow paths, which read what the fast ones leave.
mod portable {
    use crate::tick::{DIGITS_MAX, Decimal};

    /// Most digits of a `u64`.
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

    /// The decimal at `at` and the count of its bytes, up to a quotation mark.
    pub(super) fn decimal(bytes: &[u8], at: usize) -> Option<(Decimal, usize)> {
        let text = bytes.get(at..)?;
        let mut mantissa = 0_i64;
        let mut digits = 0;
        let mut point = None;
        let mut length = 0;
        loop {
            match *text.get(length)? {
                b'"' => break,
                b'.' if point.is_none() && digits > 0 => point = Some(digits),
                byte @ b'0'..=b'9' if digits < DIGITS_MAX => {
                    mantissa = mantissa * 10 + i64::from(byte - b'0');
                    digits += 1;
                }
                _ => return None,
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
}

/// The fast functions as loops: what they mean, and what other machines than x86-64 run.
#[cfg(any(test, not(target_arch = "x86_64")))]
mod plain {
    use super::{BEFORE, LANES, Window, portable};
    use crate::tick::Decimal;

    pub(super) fn unsigned(window: &Window) -> Option<(u64, usize)> {
        portable::unsigned(window, BEFORE).filter(|(_, length)| *length < LANES)
    }

    pub(super) fn unsigned_of<const N: usize>(window: &Window) -> Option<u64> {
        unsigned(window).filter(|(_, length)| *length == N).map(|(number, _)| number)
    }

    pub(super) fn decimal(window: &Window) -> Option<(Decimal, usize)> {
        portable::decimal(window, BEFORE).filter(|(_, length)| *length < LANES)
    }

    pub(super) fn decimals(window: &Window) -> Option<([Decimal; 2], usize)> {
        let (first, length) = decimal(window)?;
        if !window[BEFORE + length..].starts_with(b"\",\"") {
            return None;
        }
        let start = length + 3;
        let (second, length) = portable::decimal(window, BEFORE + start)?;
        let fits = length < LANES && start + length < 2 * LANES;
        fits.then_some(([first, second], start + length))
    }

    pub(super) fn find(text: &[u8; 2 * LANES], mark: u8) -> Option<usize> {
        text.iter().position(|&byte| byte == mark)
    }

    pub(super) fn ends_at(text: &[u8; LANES], mark: u8, length: usize) -> bool {
        text.iter().position(|&byte| byte == mark) == Some(length)
    }

    pub(super) fn is_lower_case_of(
        lowers: &[u8; LANES],
        uppers: &[u8; LANES],
        length: usize,
    ) -> bool {
        let (Some(lowers), Some(uppers)) = (lowers.get(..length), uppers.get(..length)) else {
            return false;
        };
        lowers.iter().zip(uppers).all(|(lower, upper)| *lower == upper.to_ascii_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::limits::FRAME_PADDING;

    /// `text` behind enough bytes for the loads that reach back, before hostile padding.
    fn placed(before: usize, text: &str, padding: u8) -> Vec<u8> {
        let mut bytes = vec![b'7'; before];
        bytes.extend_from_slice(text.as_bytes());
        bytes.resize(bytes.len() + FRAME_PADDING, padding);
        bytes
    }

    /// What the general parser makes of a decimal, restricted to what is read here.
    fn expected(text: &str) -> Option<Decimal> {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let fits = text.bytes().filter(u8::is_ascii_digit).count() <= 18;
        Decimal::parse(text.as_bytes()).ok().filter(|_| plain && fits)
    }

    /// Reads with a cursor that stands behind `before` bytes.
    fn cursor_at<T>(
        before: usize,
        text: &str,
        padding: u8,
        read: impl FnOnce(&mut Cursor<'_>) -> Option<T>,
    ) -> Option<(T, usize)> {
        let mut bytes = placed(before, text, padding);
        let frame = PaddedFrame::new(&mut bytes, before + text.len());
        let mut cursor = Cursor::new(&frame);
        cursor.advance(before).expect("inside the frame");
        let value = read(&mut cursor)?;
        Some((value, cursor.at - before))
    }

    fn check_decimal(text: &str) {
        for before in [0, 16, 17, 40] {
            let expected = expected(text).map(|decimal| (decimal, text.len() + 1));
            let read = cursor_at(before, &format!("{text}\""), b'"', |cursor| cursor.decimal());
            assert_eq!(read, expected, "{text:?} at {before}");
            let cut = cursor_at(before, text, b'"', |cursor| cursor.decimal());
            assert_eq!(cut, None, "{text:?} whose end is padding");
        }
    }

    #[test]
    fn decimals_are_read_as_the_general_parser_reads_them() {
        for text in [
            "",
            "0",
            "00",
            "01",
            "0.0",
            "00.1",
            ".5",
            "5.",
            "5",
            "1.2.3",
            "-1",
            "+1",
            "1e5",
            " 1",
            "0.00000001",
            "65000.10",
            "9999999999.12345",
            "999999999999999",
            "1234567890123456",
            "123456789012345.6",
            "46116860414.00000000",
            "123456789.123456789",
            "0.000000000000000000",
            "0.00000000000000000",
            "1234567.1234567\u{e9}",
            "1/2",
            "1:2",
        ] {
            check_decimal(text);
        }
    }

    #[test]
    fn whole_numbers_are_read_to_their_last_digit() {
        for (text, number) in [
            ("0", Some(0)),
            ("01", None),
            ("", None),
            ("7", Some(7)),
            ("1783465157897", Some(1_783_465_157_897)),
            ("999999999999999", Some(999_999_999_999_999)),
            ("1234567890123456", Some(1_234_567_890_123_456)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("100000000000000000000", None),
            ("-1", None),
        ] {
            for before in [0, 15, 16, 40] {
                let text = format!("{text},");
                let expected = number.map(|number| (number, text.len() - 1));
                let read = cursor_at(before, &text, b'8', |cursor| cursor.unsigned());
                assert_eq!(read, expected, "{text} at {before}");
                let read = cursor_at(before, &text, b'8', |cursor| cursor.unsigned_of::<13>());
                assert_eq!(read, expected, "{text} at {before}");
            }
        }
    }

    #[test]
    fn a_cursor_reads_its_frame_and_no_more() {
        let text = br#"{"e":"x","n":12,"ok":false,"s":"ABC_1"}"#;
        let mut bytes = text.to_vec();
        bytes.resize(text.len() + FRAME_PADDING, b'}');
        let frame = PaddedFrame::new(&mut bytes, text.len());
        let mut cursor = Cursor::new(&frame);
        assert!(cursor.take(b"{\"e\":\""));
        assert_eq!(cursor.skip_text(), Some(()));
        assert!(!cursor.take(b",\"m\":"));
        assert_eq!(cursor.expect(b",\"n\":"), Some(()));
        assert_eq!(cursor.unsigned(), Some(12));
        assert_eq!(cursor.expect(b",\"ok\":"), Some(()));
        assert_eq!(cursor.boolean(), Some(false));
        assert_eq!(cursor.expect(b",\"s\":\""), Some(()));
        let word = cursor.until(b'"').expect("a word");
        assert_eq!(cursor.bytes_of(word), b"ABC_1");
        assert_eq!(cursor.peek(), b'}');
        assert!(!cursor.is_at_end());
        assert_eq!(cursor.expect(b"}"), Some(()));
        assert!(cursor.is_at_end());
        assert_eq!(cursor.until(b'"'), None);
        // The padding is full of what would match.
        assert_eq!(cursor.expect(b"}"), None);
        assert_eq!((cursor.unsigned(), cursor.decimal(), cursor.boolean()), (None, None, None));
        assert!(cursor.is_at_end());
    }

    #[test]
    fn text_that_is_not_plain_is_not_skipped() {
        for text in ["a\\b\"", "a\u{e9}\"", "a\nb\"", "no end in sight, thirty-two bytes on"] {
            let mut bytes = placed(0, text, 0);
            let frame = PaddedFrame::new(&mut bytes, text.len());
            assert_eq!(Cursor::new(&frame).skip_text(), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_decimal_reads_alike(whole in "[0-9]{0,20}", fraction in "(\\.[0-9]{0,12})?") {
            check_decimal(&format!("{whole}{fraction}"));
        }

        #[test]
        fn any_text_reads_alike(text in "[0-9.\\-+eE:/ ]{0,24}") {
            check_decimal(&text);
        }

        #[test]
        fn any_pair_reads_alike(
            first in "(0|[1-9][0-9]{0,7})(\\.[0-9]{1,8})?",
            second in "[0-9]{0,8}(\\.[0-9]{0,8})?",
            between in prop_oneof![9 => Just("\",\""), 1 => Just("\",,"), 1 => Just("\"\"\"")],
        ) {
            let text = format!("{first}{between}{second}\"");
            let expected = match (between, expected(&first), expected(&second)) {
                ("\",\"", Some(first), Some(second)) => Some(([first, second], text.len())),
                _ => None,
            };
            for before in [0, 40] {
                prop_assert_eq!(cursor_at(before, &text, b'"', |cursor| cursor.decimals()), expected);
            }
        }

        #[test]
        fn any_bytes_read_alike(
            bytes in prop::collection::vec(
                prop_oneof![2 => Just(b'"'), 2 => Just(b','), 2 => Just(b'.'), 12 => b'0'..=b'9',
                    1 => any::<u8>()], 64),
            mark: u8,
            length in 0_usize..18,
        ) {
            let window: &Window = bytes[..].try_into().expect("as long");
            prop_assert_eq!(fast::unsigned(window), plain::unsigned(window));
            prop_assert_eq!(fast::unsigned_of::<3>(window), plain::unsigned_of::<3>(window));
            prop_assert_eq!(fast::decimal(window), plain::decimal(window));
            prop_assert_eq!(fast::decimals(window), plain::decimals(window));
            let text = bytes.first_chunk().expect("as long");
            prop_assert_eq!(fast::find(text, mark), plain::find(text, mark));
            let (one, other) =
                (bytes.first_chunk().expect("as long"), bytes.last_chunk().expect("as long"));
            prop_assert_eq!(fast::ends_at(one, mark, length), plain::ends_at(one, mark, length));
            prop_assert_eq!(
                fast::is_lower_case_of(one, other, length),
                plain::is_lower_case_of(one, other, length)
            );
        }

        #[test]
        fn lower_case_is_recognised(text in "[A-Z0-9_\u{4e00}-\u{4e10}]{1,9}", flip in 0_usize..9) {
            let lower = text.to_ascii_lowercase();
            let both = placed(0, &format!("{lower}|{text}|"), 0);
            let check = |mut bytes: Vec<u8>| {
                let frame_length = bytes.len() - FRAME_PADDING;
                let frame = PaddedFrame::new(&mut bytes, frame_length);
                let mut cursor = Cursor::new(&frame);
                let lower = cursor.until(b'|').expect("a word");
                let upper = cursor.until_as_long_as(b'|', lower).expect("a word");
                cursor.is_lower_case_of(lower, upper)
            };
            prop_assert_eq!(check(both.clone()), text.len() <= LANES);
            let mut flipped = both;
            flipped[flip % text.len()] ^= 0x40;
            prop_assert!(!check(flipped));
        }
    }
}
