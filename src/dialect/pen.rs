//! Writes a message, or a part of it, into room that was made for all of it at once.
//!
//! Every store has a constant width: a key is an array, a number is written with more bytes than
//! it has (`tick/digits.rs`), and what comes next is written over them. So a field costs one
//! comparison with what is left of the room, and neither a call nor a look at the capacity.

use super::text::escape;
use crate::clock::UnixNanos;
use crate::tick::{
    DECIMAL_TEXT_MAX, DateDigits, Decimal, ID_BYTES_MAX, NUMBER_ROOM, NumberRoom, SpelledId,
    WideDecimal, write_decimal, write_millis, write_u64, write_wide,
};

/// Bytes that the longest number may be written over. The room of a part has these behind what the
/// part can be at most, as its last field may be a number.
pub(super) const SPARE: usize = NUMBER_ROOM;

/// Bytes of a [`Decimal`] at most.
pub(super) const DECIMAL: usize = DECIMAL_TEXT_MAX;

/// Bytes of a [`WideDecimal`] at most: sign, 38 digits, point.
pub(super) const WIDE: usize = 40;

/// Bytes of a whole number of 64 bits, as dates are, at most.
pub(super) const NUMBER: usize = 20;

/// Bytes of a trade's id at most: 38 letters, or 16 bytes of anything of which each may be escaped in six.
pub(super) const ID: usize = 6 * 16;
const _: () = assert!(ID >= ID_BYTES_MAX);

/// What is left of the room.
pub(super) struct Pen<'a> {
    room: &'a mut [u8],
}

/// Appends what `write` writes, for which `ROOM` bytes are enough.
#[inline(always)]
pub(super) fn within<const ROOM: usize>(out: &mut Vec<u8>, write: impl FnOnce(&mut Pen<'_>)) {
    let start = out.len();
    out.extend_from_slice(&[0; ROOM]);
    let mut pen = Pen { room: &mut out[start..] };
    write(&mut pen);
    let unused = pen.room.len();
    // It is a part of what was just appended.
    out.truncate(out.len().wrapping_sub(unused));
}

/// Parts of `ROOM` bytes at most, any number of them, one behind the other: room is made for several at
/// once.
pub(super) struct Parts<'a, const ROOM: usize> {
    out: &'a mut Vec<u8>,
    /// Where what is written ends; behind it is room.
    end: usize,
}

impl<'a, const ROOM: usize> Parts<'a, ROOM> {
    /// Appends to what is there.
    pub(super) const fn new(out: &'a mut Vec<u8>) -> Self {
        let end = out.len();
        Self { out, end }
    }

    /// Appends what `write` writes.
    #[inline(always)]
    pub(super) fn push(&mut self, write: impl FnOnce(&mut Pen<'_>)) {
        // Nothing is written behind the end of the bytes, nor taken off them.
        if self.out.len().wrapping_sub(self.end) < ROOM {
            self.make_room();
        }
        let mut pen = Pen { room: &mut self.out[self.end..] };
        write(&mut pen);
        let unused = pen.room.len();
        self.end = self.out.len().wrapping_sub(unused);
    }

    /// For four of the longest, which are a dozen of the usual length.
    #[cold]
    #[inline(never)]
    fn make_room(&mut self) {
        self.out.resize(self.end + 4 * ROOM, 0);
    }

    /// Takes a comma back that nothing follows.
    pub(super) fn drop_comma(&mut self) {
        if self.out[..self.end].last() == Some(&b',') {
            self.end -= 1;
        }
    }

    /// Gives back the room that was not needed.
    pub(super) fn finish(self) {
        self.out.truncate(self.end);
    }
}

impl Pen<'_> {
    /// Text of a length that is known here.
    #[inline(always)]
    pub(super) fn text<const LENGTH: usize>(&mut self, text: &[u8; LENGTH]) {
        let (head, rest) = std::mem::take(&mut self.room).split_at_mut(LENGTH);
        head.copy_from_slice(text);
        self.room = rest;
    }

    /// Text of any length, for what is short.
    #[inline]
    pub(super) fn word(&mut self, word: &str) {
        self.bytes(word.as_bytes());
    }

    #[inline]
    fn bytes(&mut self, bytes: &[u8]) {
        let (head, rest) = std::mem::take(&mut self.room).split_at_mut(bytes.len());
        head.copy_from_slice(bytes);
        self.room = rest;
    }

    /// Where the next number is written.
    #[inline(always)]
    fn head(&mut self) -> &mut NumberRoom {
        self.room.first_chunk_mut().expect("the room of a part has spare bytes behind it")
    }

    /// So many bytes were written there.
    #[inline(always)]
    fn advance(&mut self, length: usize) {
        self.room = &mut std::mem::take(&mut self.room)[length..];
    }

    #[inline(always)]
    pub(super) fn u64(&mut self, number: u64) {
        let length = write_u64(self.head(), number);
        self.advance(length);
    }

    /// Exactly the digits that the exchange wrote.
    #[inline(always)]
    pub(super) fn decimal(&mut self, decimal: Decimal) {
        let length = write_decimal(self.head(), decimal);
        self.advance(length);
    }

    /// The same for sums and statistics.
    #[inline(always)]
    pub(super) fn wide(&mut self, decimal: WideDecimal) {
        let length = write_wide(self.head(), decimal);
        self.advance(length);
    }

    /// A date as integer milliseconds.
    #[inline(always)]
    pub(super) fn millis(&mut self, date: UnixNanos) {
        let length = write_millis(self.head(), date);
        self.advance(length);
    }

    /// A date whose digits were made before, as integer milliseconds.
    #[inline(always)]
    pub(super) fn digits_in_millis(&mut self, date: &DateDigits) {
        let length = date.write_millis(self.head());
        self.advance(length);
    }

    /// The same as integer nanoseconds.
    #[inline(always)]
    pub(super) fn digits_in_nanos(&mut self, date: &DateDigits) {
        let length = date.write_nanos(self.head());
        self.advance(length);
    }

    /// The id of a trade that is neither a number nor a UUID, which few are.
    #[cold]
    #[inline(never)]
    pub(super) fn spelled(&mut self, id: SpelledId) {
        escape(&id.text(), |bytes| self.bytes(bytes));
    }

    /// A UUID in its usual groups.
    #[inline]
    pub(super) fn uuid(&mut self, uuid: u128) {
        let [a, b, c, d] = [96, 64, 32, 0].map(|shift| hex_digits((uuid >> shift) as u32));
        let [b1, b2, b3, b4, b5, b6, b7, b8] = b;
        let [c1, c2, c3, c4, c5, c6, c7, c8] = c;
        self.text(&a);
        self.text(&[b'-', b1, b2, b3, b4, b'-', b5, b6, b7, b8]);
        self.text(&[b'-', c1, c2, c3, c4, b'-', c5, c6, c7, c8]);
        self.text(&d);
    }
}

/// The hexadecimal digits of a number, all eight at once: its halves, their halves and theirs are
/// moved apart until each digit has a byte, and those above nine are moved on to the letters.
#[inline(always)]
pub(super) const fn hex_digits(number: u32) -> [u8; 8] {
    let fours = (number as u64 | (number as u64) << 16) & 0x0000_ffff_0000_ffff;
    let twos = (fours | fours << 8) & 0x00ff_00ff_00ff_00ff;
    let ones = (twos | twos << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    // 6 more than a digit above nine reaches the next place.
    let letters = (ones.wrapping_add(0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101;
    let distance = (b'a' - b'9' - 1) as u64;
    let text =
        ones.wrapping_add(0x3030_3030_3030_3030).wrapping_add(letters.wrapping_mul(distance));
    text.to_be_bytes()
}
