//! Numbers as decimal digits, sixteen at a time, by stores of constant width.
//!
//! The simple version divides by ten, pushes a digit, and turns the digits round. Three things pay
//! for leaving it: eight digits are made in one register; leading zeros are shifted out instead of
//! skipped, so that no length is branched on; and a number is written into room for the longest
//! one, with more bytes than it has, so that every store has the same width. What lies behind the
//! length that is returned means nothing. [`Decimal::write`] is the simple version, and the oracle
//! of the tests.

use super::{DECIMAL_TEXT_MAX, Decimal, WideDecimal};
use crate::clock::UnixNanos;

/// Bytes that a number is written into: a sign, 38 digits and their point are the longest text. A sign,
/// sixteen digits, a point, and sixteen bytes for what stands behind it are fewer.
pub(crate) const NUMBER_ROOM: usize = 1 + 38 + 1;
const _: () = assert!(NUMBER_ROOM >= DECIMAL_TEXT_MAX && NUMBER_ROOM > 1 + 16 + 16);

/// Where a number is written.
pub(crate) type NumberRoom = [u8; NUMBER_ROOM];

const EIGHT: u64 = 100_000_000;
const SIXTEEN: u64 = EIGHT * EIGHT;

/// Makes sixteen digits text.
const ASCII: u128 = 0x3030_3030_3030_3030_3030_3030_3030_3030;

/// The eight digits of a number below 10^8, the first in the lowest byte, each from 0 to 9.
///
/// Three halvings in one register, both halves at once: 10,486 / 2^20 is 1/100 for every number
/// below 10,000, and 103 / 2^10 is 1/10 for every number below 100. So nothing here leaves its
/// lane, and `wrapping` says only that nobody has to look.
#[inline(always)]
const fn eight_digits(number: u32) -> u64 {
    let fours = (number / 10_000) as u64 | ((number % 10_000) as u64) << 32;
    let hundreds = (fours.wrapping_mul(10_486) >> 20) & 0x0000_007f_0000_007f;
    let twos = hundreds | fours.wrapping_sub(hundreds.wrapping_mul(100)) << 16;
    let tens = (twos.wrapping_mul(103) >> 10) & 0x000f_000f_000f_000f;
    tens | twos.wrapping_sub(tens.wrapping_mul(10)) << 8
}

/// The same of sixteen digits, of a number below 10^16.
#[inline(always)]
const fn sixteen_digits(number: u64) -> u128 {
    let (high, low) = ((number / EIGHT) as u32, (number % EIGHT) as u32);
    eight_digits(high) as u128 | (eight_digits(low) as u128) << 64
}

/// Stores sixteen digits there.
#[inline(always)]
fn store(room: &mut NumberRoom, at: usize, digits: u128) {
    // At most 17 of the 40: `wrapping` says only that nobody has to look.
    room[at..at.wrapping_add(16)].copy_from_slice(&digits.to_le_bytes());
}

/// Stores eight digits there.
#[inline(always)]
fn store_eight(room: &mut NumberRoom, at: usize, digits: u64) {
    room[at..at.wrapping_add(8)].copy_from_slice(&digits.to_le_bytes());
}

/// Writes a number without leading zeros; zero is one digit. Returns how many bytes it has.
#[inline]
pub(crate) fn write_u64(room: &mut NumberRoom, number: u64) -> usize {
    if number < EIGHT {
        let digits = eight_digits(number as u32);
        // Zeros in front are the low bytes; of zero itself one digit stays.
        let zeros = (digits.trailing_zeros() / 8).min(7);
        let text = (digits | ASCII as u64).wrapping_shr(8 * zeros);
        store_eight(room, 0, text);
        return 8_u32.wrapping_sub(zeros) as usize;
    }
    if number < SIXTEEN {
        let digits = sixteen_digits(number);
        let zeros = digits.trailing_zeros() / 8;
        store(room, 0, (digits | ASCII).wrapping_shr(8 * zeros));
        return 16_u32.wrapping_sub(zeros) as usize;
    }
    write_long(room, false, u128::from(number), 0)
}

/// The same with a sign.
#[inline]
pub(crate) fn write_i64(room: &mut NumberRoom, number: i64) -> usize {
    match u64::try_from(number) {
        Ok(number) => write_u64(room, number),
        Err(_) => write_long(room, true, u128::from(number.unsigned_abs()), 0),
    }
}

/// Writes exactly the digits that the exchange wrote. Returns how many bytes they are.
#[inline]
pub(crate) fn write_decimal(room: &mut NumberRoom, decimal: Decimal) -> usize {
    let magnitude = decimal.mantissa().unsigned_abs();
    if magnitude < EIGHT && decimal.digits() < 8 {
        return write_eight(room, decimal.is_negative(), magnitude as u32, decimal.digits());
    }
    if magnitude < SIXTEEN && decimal.digits() < 16 {
        return write_sixteen(room, decimal.is_negative(), magnitude, decimal.digits());
    }
    write_long(room, decimal.is_negative(), u128::from(magnitude), decimal.digits())
}

/// The same for sums and statistics.
#[inline]
pub(crate) fn write_wide(room: &mut NumberRoom, decimal: WideDecimal) -> usize {
    let (mantissa, after_point) = (decimal.mantissa(), decimal.digits());
    let magnitude = mantissa.unsigned_abs();
    match u64::try_from(magnitude) {
        Ok(short) if short < SIXTEEN && after_point < 16 => {
            write_sixteen(room, mantissa < 0, short, after_point)
        }
        _ => write_long(room, mantissa < 0, magnitude, after_point),
    }
}

/// A decimal of at most eight digits, at most seven of them behind the point, as most prices and many
/// sizes are. An instrument's prices are all of them or none, so this branch is foreseen; of numbers of
/// random lengths it still saves a fifth, of usual ones two fifths.
#[inline(always)]
fn write_eight(room: &mut NumberRoom, is_negative: bool, magnitude: u32, after_point: u8) -> usize {
    let after = u32::from(after_point);
    room[0] = b'-';
    let start = usize::from(is_negative);
    let digits = eight_digits(magnitude);
    let zeros = (digits.trailing_zeros() / 8).min(7_u32.wrapping_sub(after));
    let text = (digits | ASCII as u64).wrapping_shr(8 * zeros);
    store_eight(room, start, text);
    let whole = 8_u32.wrapping_sub(zeros).wrapping_sub(after);
    let point = start.wrapping_add(whole as usize);
    if after == 0 {
        return point;
    }
    room[point] = b'.';
    store_eight(room, point.wrapping_add(1), text.wrapping_shr(8 * whole));
    point.wrapping_add(1 + usize::from(after_point))
}

/// A decimal of at most sixteen digits, at most fifteen of them behind the point.
#[inline(always)]
fn write_sixteen(
    room: &mut NumberRoom,
    is_negative: bool,
    magnitude: u64,
    after_point: u8,
) -> usize {
    let after = u32::from(after_point);
    room[0] = b'-';
    let start = usize::from(is_negative);
    let digits = sixteen_digits(magnitude);
    // One digit stays before the point, and all behind it.
    let zeros = (digits.trailing_zeros() / 8).min(15_u32.wrapping_sub(after));
    let text = (digits | ASCII).wrapping_shr(8 * zeros);
    store(room, start, text);
    let whole = 16_u32.wrapping_sub(zeros).wrapping_sub(after);
    let point = start.wrapping_add(whole as usize);
    if after == 0 {
        return point;
    }
    room[point] = b'.';
    store(room, point.wrapping_add(1), text.wrapping_shr(8 * whole));
    point.wrapping_add(1 + usize::from(after_point))
}

/// Any decimal, digits and point one behind the other: what few numbers are long enough for.
#[cold]
#[inline(never)]
fn write_long(
    room: &mut NumberRoom,
    is_negative: bool,
    mut magnitude: u128,
    after_point: u8,
) -> usize {
    /// 64-bit arithmetic is several times faster.
    const STEP: u128 = SIXTEEN as u128;
    let mut text = [b'0'; 3 * 16];
    for end in [48, 32, 16] {
        let digits = sixteen_digits((magnitude % STEP) as u64) | ASCII;
        text[end - 16..end].copy_from_slice(&digits.to_le_bytes());
        magnitude /= STEP;
    }
    let zeros = text.iter().take_while(|&&digit| digit == b'0').count();
    let point = text.len() - usize::from(after_point);
    let (whole, fraction) = (&text[zeros.min(point - 1)..point], &text[point..]);
    let mut length = 0;
    for part in [&b"-"[..usize::from(is_negative)], whole, &b"."[..fraction.len().min(1)], fraction]
    {
        room[length..length + part.len()].copy_from_slice(part);
        length += part.len();
    }
    length
}

/// Writes whole milliseconds of a date; returns how many bytes they have.
#[inline]
pub(crate) fn write_millis(room: &mut NumberRoom, date: UnixNanos) -> usize {
    let millis = date.millis();
    if date.0 < DateDigits::USUAL {
        return write_i64(room, millis);
    }
    // Thirteen digits, behind three zeros.
    store(room, 0, (sixteen_digits(millis as u64) | ASCII) >> 24);
    13
}

/// The digits of a date, whose milliseconds are the beginning of its nanoseconds: made once where
/// both are told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DateDigits {
    date: UnixNanos,
    /// The first three of nineteen digits, and the other sixteen, of a date of [`Self::USUAL`].
    head: u32,
    tail: u128,
}

impl DateDigits {
    /// From the 9th of September 2001 to the end of time in 2262 nanoseconds have nineteen digits.
    const USUAL: i64 = 1_000_000_000_000_000_000;

    #[inline(always)]
    pub(crate) const fn new(date: UnixNanos) -> Self {
        // Of other dates these are never looked at.
        let nanos = date.0 as u64;
        let head = eight_digits((nanos / SIXTEEN) as u32) | ASCII as u64;
        let tail = sixteen_digits(nanos % SIXTEEN) | ASCII;
        Self { date, head: (head >> 40) as u32, tail }
    }

    #[inline(always)]
    fn write(&self, room: &mut NumberRoom) {
        room[..4].copy_from_slice(&self.head.to_le_bytes());
        store(room, 3, self.tail);
    }

    /// Writes whole milliseconds; returns how many bytes they have.
    #[inline(always)]
    pub(crate) fn write_millis(&self, room: &mut NumberRoom) -> usize {
        if self.date.0 < Self::USUAL {
            return write_i64(room, self.date.millis());
        }
        self.write(room);
        13
    }

    /// Writes nanoseconds; returns how many bytes they have.
    #[inline(always)]
    pub(crate) fn write_nanos(&self, room: &mut NumberRoom) -> usize {
        if self.date.0 < Self::USUAL {
            return write_i64(room, self.date.0);
        }
        self.write(room);
        19
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(write: impl FnOnce(&mut NumberRoom) -> usize) -> String {
        // What was there before must not show.
        let mut room = [b'x'; NUMBER_ROOM];
        let length = write(&mut room);
        String::from_utf8(room[..length].to_vec()).expect("text")
    }

    fn date(nanos: i64) -> [String; 2] {
        let digits = DateDigits::new(UnixNanos(nanos));
        assert_eq!(
            written(|room| digits.write_millis(room)),
            written(|room| write_millis(room, UnixNanos(nanos))),
        );
        [written(|room| digits.write_millis(room)), written(|room| digits.write_nanos(room))]
    }

    fn date_by_twin(nanos: i64) -> [String; 2] {
        [nanos.div_euclid(1_000_000).to_string(), nanos.to_string()]
    }

    #[test]
    fn numbers_at_the_edge_of_each_width_are_written_out() {
        let edges = (0..20).map(|power| 10_u64.pow(power));
        for number in edges.flat_map(|edge| [edge - 1, edge, edge + 1]).chain([u64::MAX]) {
            assert_eq!(written(|room| write_u64(room, number)), number.to_string());
            let signed = (number >> 1) as i64;
            for signed in [signed, -signed, i64::MIN] {
                assert_eq!(written(|room| write_i64(room, signed)), signed.to_string());
                assert_eq!(date(signed), date_by_twin(signed));
            }
        }
        for number in 0..=9_999 {
            for number in [number, number * 10_000, 99_990_000 + number] {
                let text = (eight_digits(number) | ASCII as u64).to_le_bytes();
                assert_eq!(str::from_utf8(&text), Ok(&*format!("{number:08}")));
            }
        }
    }

    #[test]
    fn every_count_of_digits_before_and_behind_the_point_is_written_out() {
        for power in 0..=18 {
            for mantissa in [10_i64.pow(power) - 1, 10_i64.pow(power.min(17)), 7] {
                for digits in 0..=18 {
                    for mantissa in [mantissa, -mantissa] {
                        let decimal = Decimal::new(mantissa, digits).expect("in range");
                        assert_eq!(
                            written(|room| write_decimal(room, decimal)),
                            decimal.to_string()
                        );
                        let wide = WideDecimal::from(decimal);
                        assert_eq!(written(|room| write_wide(room, wide)), decimal.to_string());
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn decimals_are_written_as_their_twin_writes_them(
            mantissa in -crate::tick::MANTISSA_MAX..=crate::tick::MANTISSA_MAX,
            shift in 0..60_u32,
            digits in 0..=18_u8,
        ) {
            let decimal = Decimal::new(mantissa >> shift, digits).expect("in range");
            prop_assert_eq!(written(|room| write_decimal(room, decimal)), decimal.to_string());
        }

        #[test]
        fn wide_decimals_are_written_as_their_twin_writes_them(
            mantissa in -(10_i128.pow(38) - 1)..10_i128.pow(38),
            shift in 0..120_u32,
            digits in 0..=18_u8,
        ) {
            let decimal = WideDecimal::new(mantissa >> shift, digits).expect("in range");
            prop_assert_eq!(written(|room| write_wide(room, decimal)), decimal.to_string());
        }

        #[test]
        fn whole_numbers_are_written_as_their_twin_writes_them(number in any::<u64>(), shift in 0..64_u32) {
            let number = number >> shift;
            prop_assert_eq!(written(|room| write_u64(room, number)), number.to_string());
            let signed = number as i64;
            prop_assert_eq!(written(|room| write_i64(room, signed)), signed.to_string());
            prop_assert_eq!(date(signed), date_by_twin(signed));
        }
    }
}
