//! Reading a frame in place, for recognisers that know its shape to the byte.
//!
//! The simple version of every function here is a loop over bytes (module `portable`, which other
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
//! Bytes after the frame's end may be read (they exist, see [`PaddedFrame`]) and may even match; a
//! recogniser that asks [`Cursor::is_at_end`] last has read only its frame, as a cursor never
//! moves back.

#![allow(unsafe_code, reason = "SSE2: register instructions, and one load from an array")]

use super::PaddedFrame;
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
    /// The frame and its padding.
    bytes: &'a [u8],
    /// The frame's own length.
    length: usize,
    /// Next byte to read.
    at: usize,
}

impl<'a> Cursor<'a> {
    /// At the first byte of a frame.
    #[inline(always)]
    pub fn new(frame: &'a PaddedFrame<'_>) -> Self {
        Self { bytes: frame.padded(), length: frame.bytes().len(), at: 0 }
    }

    /// True when exactly the frame was read.
    #[inline(always)]
    pub fn is_at_end(&self) -> bool {
        self.at == self.length
    }

    /// The next byte, which may be padding.
    #[inline(always)]
    pub fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    /// Moves over `text` if it comes next.
    #[inline(always)]
    pub fn take<const N: usize>(&mut self, text: &[u8; N]) -> bool {
        let found = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk::<N>) == Some(text);
        if found {
            self.at += N;
        }
        found
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
        let (number, length) = fast::unsigned(self.bytes, self.at)?;
        self.at += length;
        Some(number)
    }

    /// Moves over a decimal without sign and exponent that ends at a quotation mark, and over that
    /// mark; call it behind the opening one.
    #[inline(always)]
    pub fn decimal(&mut self) -> Option<Decimal> {
        let (number, length) = fast::decimal(self.bytes, self.at)?;
        self.at += length + 1;
        Some(number)
    }

    /// Moves over up to 32 bytes that end at `mark`, and over the mark. They may be any bytes but
    /// `mark`: who accepts them must know them (find them in a map of names).
    #[inline(always)]
    pub fn until(&mut self, mark: u8) -> Option<Word> {
        let length = fast::find(self.bytes, self.at, mark)?;
        let word = Word { start: self.at, length };
        self.at += length + 1;
        Some(word)
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

    /// Whether `lower` is `upper` with its ASCII letters in lower case.
    #[inline(always)]
    pub fn is_lower_case_of(&self, lower: Word, upper: Word) -> bool {
        lower.length == upper.length
            && fast::is_lower_case_of(self.bytes, lower.start, upper.start, lower.length)
    }
}

#[cfg(not(target_arch = "x86_64"))]
use portable as fast;
#[cfg(target_arch = "x86_64")]
use sse2 as fast;

/// The functions by SSE2. Same arguments and results as their twins in [`portable`].
#[cfg(target_arch = "x86_64")]
mod sse2 {
    use std::arch::x86_64::{self, __m128i};

    use super::{LANES, portable};
    use crate::tick::Decimal;

    /// The last `n` lanes of a load at offset `n` are set.
    static LAST_LANES: [u8; 2 * LANES] = {
        let mut lanes = [0; 2 * LANES];
        let mut index = LANES;
        while index < lanes.len() {
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

    /// The 16 bytes at `at`.
    #[inline(always)]
    fn load(bytes: &[u8], at: usize) -> Option<__m128i> {
        let chunk: &[u8; LANES] = bytes.get(at..)?.first_chunk()?;
        // SAFETY: `chunk` is an array of the 16 bytes that are read; the load needs no alignment.
        Some(unsafe { x86_64::_mm_loadu_si128(chunk.as_ptr().cast()) })
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

    #[inline(always)]
    pub(super) fn unsigned(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
        let first = load(bytes, at)?;
        let (_, are_digits) = digits(first);
        let length = (!_mm_movemask_epi8(are_digits)).trailing_zeros() as usize;
        let Some(start) = (at + length).checked_sub(LANES) else {
            return portable::unsigned(bytes, at);
        };
        if length >= LANES {
            return portable::unsigned(bytes, at);
        }
        if length == 0 || (length > 1 && bytes[at] == b'0') {
            return None;
        }
        let (values, _) = digits(load(bytes, start)?);
        let keep = load(&LAST_LANES, length)?;
        Some((sum(_mm_and_si128(values, keep)), length))
    }

    #[inline(always)]
    pub(super) fn decimal(bytes: &[u8], at: usize) -> Option<(Decimal, usize)> {
        let text = load(bytes, at)?;
        let length = (lanes_equal(text, b'"') | 1 << LANES).trailing_zeros() as usize;
        // One byte more than 16 is read before the end, for the lanes left of the point.
        let start = match (at + length).checked_sub(LANES + 1) {
            Some(start) if length < LANES => start,
            _ => return portable::decimal(bytes, at),
        };
        let points = lanes_equal(text, b'.') & ((1 << length) - 1);
        let (digit_count, fraction, fraction_lanes) = if points == 0 {
            (length, 0, LANES)
        } else {
            let point = points.trailing_zeros() as usize;
            (length - 1, length - 1 - point, length - 1 - point)
        };
        let whole = digit_count - fraction;
        if whole == 0 || (fraction == 0 && points != 0) || (whole > 1 && bytes[at] == b'0') {
            return None;
        }
        let right_of_point = load(&LAST_LANES, fraction_lanes)?;
        let keep = load(&LAST_LANES, digit_count)?;
        let left = _mm_andnot_si128(right_of_point, load(bytes, start)?);
        let right = _mm_and_si128(right_of_point, load(bytes, start + 1)?);
        let (values, are_digits) = digits(_mm_or_si128(left, right));
        // A lane that is kept and no digit: a second point, a sign, an exponent.
        if _mm_movemask_epi8(_mm_andnot_si128(are_digits, keep)) != 0 {
            return None;
        }
        // 15 digits at most, so it always fits.
        let mantissa = sum(_mm_and_si128(values, keep)) as i64;
        Some((Decimal::new(mantissa, fraction as u8)?, length))
    }

    #[inline(always)]
    pub(super) fn find(bytes: &[u8], at: usize, mark: u8) -> Option<usize> {
        let first = lanes_equal(load(bytes, at)?, mark);
        if first != 0 {
            return Some(first.trailing_zeros() as usize);
        }
        let second = lanes_equal(load(bytes, at + LANES)?, mark);
        (second != 0).then(|| LANES + second.trailing_zeros() as usize)
    }

    #[inline(always)]
    pub(super) fn is_lower_case_of(
        bytes: &[u8],
        lower: usize,
        upper: usize,
        length: usize,
    ) -> bool {
        let (Some(lowers), Some(uppers)) = (load(bytes, lower), load(bytes, upper)) else {
            return false;
        };
        if length > LANES {
            return portable::is_lower_case_of(bytes, lower, upper, length);
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

/// The functions as loops: what they mean, and what other machines run.
mod portable {
    #[cfg(any(test, not(target_arch = "x86_64")))]
    use super::LANES;
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

    /// How many bytes stand before the first `mark`, of the 32 at `at`.
    #[cfg(any(test, not(target_arch = "x86_64")))]
    pub(super) fn find(bytes: &[u8], at: usize, mark: u8) -> Option<usize> {
        let text: &[u8; 2 * LANES] = bytes.get(at..)?.first_chunk()?;
        text.iter().position(|&byte| byte == mark)
    }

    /// Whether the bytes at `lower` are those at `upper` in lower case.
    pub(super) fn is_lower_case_of(
        bytes: &[u8],
        lower: usize,
        upper: usize,
        length: usize,
    ) -> bool {
        let (Some(lowers), Some(uppers)) =
            (bytes.get(lower..lower + length), bytes.get(upper..upper + length))
        else {
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

    fn check_decimal(text: &str) {
        for before in [0, 16, 17, 40] {
            let bytes = placed(before, &format!("{text}\""), b'"');
            let expected = expected(text).map(|decimal| (decimal, text.len()));
            assert_eq!(fast::decimal(&bytes, before), expected, "{text:?} at {before}");
            assert_eq!(portable::decimal(&bytes, before), expected, "{text:?} at {before}");
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
                let bytes = placed(before, &format!("{text},"), b'8');
                let expected = number.map(|number| (number, text.len()));
                assert_eq!(fast::unsigned(&bytes, before), expected, "{text} at {before}");
                assert_eq!(portable::unsigned(&bytes, before), expected, "{text} at {before}");
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
        for _ in 0..FRAME_PADDING {
            assert_eq!(cursor.expect(b"}"), Some(()));
        }
        assert_eq!(cursor.expect(b"}"), None);
        assert_eq!((cursor.peek(), cursor.unsigned(), cursor.decimal()), (0, None, None));
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
        fn any_bytes_read_alike(
            bytes in prop::collection::vec(
                prop_oneof![Just(b'"'), Just(b'.'), b'0'..=b'9', any::<u8>()], 0..120),
            at in 0_usize..64,
            other in 0_usize..64,
            length in 0_usize..32,
            mark: u8,
        ) {
            // Closer to the end of the padding the fast one gives up.
            if bytes.len() >= at + 2 * LANES {
                prop_assert_eq!(fast::unsigned(&bytes, at), portable::unsigned(&bytes, at));
                prop_assert_eq!(fast::decimal(&bytes, at), portable::decimal(&bytes, at));
                prop_assert_eq!(fast::find(&bytes, at, mark), portable::find(&bytes, at, mark));
            }
            if bytes.len() >= at.max(other) + 2 * LANES {
                let fast = fast::is_lower_case_of(&bytes, at, other, length);
                let portable = portable::is_lower_case_of(&bytes, at, other, length);
                prop_assert_eq!(fast, portable);
            }
        }

        #[test]
        fn lower_case_is_recognised(text in "[A-Z0-9_\u{4e00}-\u{4e10}]{1,9}", flip in 0_usize..9) {
            let lower = text.to_ascii_lowercase();
            let bytes = placed(0, &format!("{lower}{text}"), 0);
            let length = text.len();
            prop_assert!(fast::is_lower_case_of(&bytes, 0, length, length));
            let mut flipped = bytes;
            flipped[flip % length] ^= 0x40;
            prop_assert!(!fast::is_lower_case_of(&flipped, 0, length, length));
        }
    }
}
