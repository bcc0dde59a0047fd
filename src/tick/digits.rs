//! Numbers as decimal digits, eight at a time.

/// The eight digits of a number below 10^8, the first in the lowest byte, each from 0 to 9.
///
/// Three halvings in one register, both halves at once: 10,486 / 2^20 is 1/100 for every number
/// below 10,000, and 103 / 2^10 is 1/10 for every number below 100. So nothing here leaves its
/// lane, and `wrapping` says only that nobody has to look.
#[inline]
const fn eight_digits(number: u64) -> u64 {
    let fours = (number / 10_000) | (number % 10_000) << 32;
    let hundreds = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let twos = hundreds | fours.wrapping_sub(100 * hundreds) << 16;
    let tens = (twos.wrapping_mul(103) >> 10) & 0x000f_000f_000f_000f;
    tens | twos.wrapping_sub(10 * tens) << 8
}

/// Room for 39 digits, the longest `u128`.
const TEXT_BYTES: usize = 40;

/// Digits written from the right end of a buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Digits {
    text: [u8; TEXT_BYTES],
    start: usize,
}

impl Digits {
    /// Of a number; zero is one digit.
    #[inline]
    pub(crate) fn new(mut number: u64) -> Self {
        let mut digits = Self { text: [b'0'; TEXT_BYTES], start: TEXT_BYTES };
        loop {
            let eight = eight_digits(number % 100_000_000);
            let end = digits.start;
            // Three times at most, as 20 digits are: it ends at 16 of the 40.
            digits.start = digits.start.wrapping_sub(8);
            let ascii = (eight | 0x3030_3030_3030_3030).to_le_bytes();
            digits.text[digits.start..end].copy_from_slice(&ascii);
            number /= 100_000_000;
            if number == 0 {
                // Zeros in front are the low bytes; of zero itself one digit stays.
                let zeros = ((eight.trailing_zeros() / 8) as usize).min(7);
                digits.start = digits.start.wrapping_add(zeros);
                return digits;
            }
        }
    }

    /// The same for 128 bits, in steps of 18 digits: 64-bit arithmetic is several times faster.
    pub(crate) fn wide(mut number: u128) -> Self {
        const STEP: u128 = 10_u128.pow(18);
        let mut digits = Self { text: [b'0'; TEXT_BYTES], start: TEXT_BYTES };
        let mut end = TEXT_BYTES;
        while number >= STEP {
            let low = Self::new((number % STEP) as u64);
            let written = TEXT_BYTES - low.start;
            digits.text[end - written..end].copy_from_slice(&low.text[low.start..]);
            end -= 18;
            number /= STEP;
        }
        let high = Self::new(number as u64);
        let written = TEXT_BYTES - high.start;
        digits.start = end - written;
        digits.text[digits.start..end].copy_from_slice(&high.text[high.start..]);
        digits
    }

    /// Without leading zeros.
    #[inline]
    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.text[self.start..]
    }

    /// The digits before and after a point that stands before the last `after_point` of them, with
    /// zeros in front where there are not enough.
    #[inline]
    pub(crate) fn split(&self, after_point: u8) -> (&[u8], &[u8]) {
        // 18 decimals at most, so `point` is 22 to 40.
        let point = TEXT_BYTES.wrapping_sub(usize::from(after_point));
        // The buffer was made of zeros, so that leading ones are there already.
        let start =
            if after_point == 0 { self.start } else { self.start.min(point.wrapping_sub(1)) };
        (&self.text[start..point], &self.text[point..])
    }
}
