//! Reading a frame in place, for recognisers that know its shape to the byte.
//!
//! The simple version of every function here is a loop over bytes (module `plain`, which other
//! machines than x86-64 run and the tests hold the fast one to). What the fast one does instead:
//! it loads 16 bytes, finds the end of a number by comparing all of them at once, loads the 16
//! bytes that *end* there so that the digits stand right-aligned, drops the point by taking the
//! lanes left of it from a load one byte earlier (which lanes, a table says by the length and the
//! place of the point), and adds digits up pairwise in four steps. Only SSE2 is used, which every
//! x86-64 has, so nothing is detected at run time and all is inlined.
//!
//! Every function returns `None` (or `false`) when the bytes are not exactly what it reads; the
//! recogniser then gives up and the frame goes, untouched, to the general parser. What is accepted
//! here must mean the same there: numbers by JSON's grammar, decimals as [`Decimal::parse`] reads
//! them.
//!
//! Bytes after the frame's end may be loaded (they exist, see [`PaddedFrame`]), but a cursor never
//! moves out of its frame, nor back. That is what makes the loads safe without a check of each.

#![allow(unsafe_code, reason = "SSE2 instructions, and one array without a check")]

#[cfg(any(test, not(target_arch = "x86_64")))]
mod plain;
mod slow;
#[cfg(target_arch = "x86_64")]
mod sse2;
#[cfg(test)]
mod tests;

#[cfg(not(target_arch = "x86_64"))]
use plain as fast;
#[cfg(target_arch = "x86_64")]
use sse2 as fast;

use std::hint::select_unpredictable;

use super::{Minute, PaddedFrame, date};
use crate::clock::UnixNanos;
use crate::limits::FRAME_PADDING;
use crate::tick::Decimal;

/// Bytes that a vector holds.
const LANES: usize = 16;

/// Letters of an UUID: 32 digits and four dashes.
const UUID_BYTES: usize = 36;

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
        assert!(bytes.len() - length >= FRAME_PADDING, "a frame has its padding");
        Self { bytes, length, at: 0 }
    }

    /// True when the whole frame was read.
    #[inline(always)]
    pub fn is_at_end(&self) -> bool {
        self.at == self.length
    }

    /// The next `N` bytes, of the frame or its padding.
    #[inline(always)]
    fn ahead<const N: usize>(&self) -> &'a [u8; N] {
        const { assert!(N <= FRAME_PADDING) };
        debug_assert!(self.at <= self.length);
        // SAFETY: `at <= length`, which `new` and `advance` keep, and at least `FRAME_PADDING >= N`
        // bytes follow `length`, which `new` asserted.
        unsafe { self.array_at(self.at) }
    }

    /// The `N` bytes from a place on.
    ///
    /// # Safety
    /// `start + N` is at most the length of `bytes`.
    #[inline(always)]
    unsafe fn array_at<const N: usize>(&self, start: usize) -> &'a [u8; N] {
        debug_assert!(start + N <= self.bytes.len());
        // SAFETY: `start` lies inside `bytes`, as the caller promises.
        let place = unsafe { self.bytes.as_ptr().add(start) };
        // SAFETY: `N` bytes are there, as the caller promises; they need no alignment, and are
        // borrowed for as long as what is returned.
        unsafe { &*place.cast::<[u8; N]>() }
    }

    /// Hands over the next bytes with those before them; `None` where there are too few of those.
    #[inline(always)]
    fn in_window<T>(&self, read: impl FnOnce(&Window) -> Option<T>) -> Option<T> {
        const { assert!(size_of::<Window>() <= BEFORE + FRAME_PADDING) };
        debug_assert!(self.at <= self.length);
        if self.at < BEFORE {
            return None;
        }
        // SAFETY: as in `ahead`; the window starts `BEFORE` bytes before `at`, which are there, and
        // so ends at most `FRAME_PADDING` bytes behind it.
        read(unsafe { self.array_at(self.at - BEFORE) })
    }

    /// Moves on, but not out of the frame.
    #[inline(always)]
    fn advance(&mut self, by: usize) -> Option<()> {
        // Does not wrap: `at` is at most a frame's length, and `by` that of what was found in it. What
        // would come of a sum that did lies inside the frame all the same.
        let at = self.at.wrapping_add(by);
        if at > self.length {
            return None;
        }
        self.at = at;
        Some(())
    }

    /// Moves over so many bytes, which are of the frame or its padding, and the mark behind them.
    #[inline(always)]
    fn advance_past_mark(&mut self, bytes: usize) -> Option<()> {
        // Does not wrap: no frame has `usize::MAX` bytes.
        self.advance(bytes.wrapping_add(1))
    }

    /// The next byte; any at the end of the frame.
    #[inline(always)]
    pub fn peek(&self) -> u8 {
        self.ahead::<1>()[0]
    }

    /// Moves over `text` if it comes next.
    #[inline(always)]
    pub fn take<const N: usize>(&mut self, text: &[u8; N]) -> bool {
        self.starts_with(text) && self.advance(N).is_some()
    }

    /// Whether `text` comes next, be it in the padding.
    #[inline(always)]
    fn starts_with<const N: usize>(&self, text: &[u8; N]) -> bool {
        self.difference(text) == 0
    }

    /// 0 where `text` comes next, be it in the padding. Compared in as few words as cover it, which
    /// may overlap.
    #[inline(always)]
    fn difference<const N: usize>(&self, text: &[u8; N]) -> u64 {
        if N <= 8 {
            let mut word = [0; 8];
            word[..N].copy_from_slice(text);
            let others = 64 - 8 * N as u32;
            let next = u64::from_le_bytes(*self.ahead());
            return (next ^ u64::from_le_bytes(word)).unbounded_shl(others);
        }
        if N <= LANES {
            let ends = |text: &[u8; N]| {
                let first = text.first_chunk().map_or(0, |word| u64::from_le_bytes(*word));
                let last = text.last_chunk().map_or(0, |word| u64::from_le_bytes(*word));
                (first, last)
            };
            let (seen, wanted) = (ends(self.ahead()), ends(text));
            return (seen.0 ^ wanted.0) | (seen.1 ^ wanted.1);
        }
        fast::difference(self.ahead::<N>(), text).into()
    }

    /// Moves over `text`, which must come next.
    #[inline(always)]
    pub fn expect<const N: usize>(&mut self, text: &[u8; N]) -> Option<()> {
        self.take(text).then_some(())
    }

    /// Moves over `one` or `other`, one of which must come next, and says whether it was the first.
    /// Without a branch between them: which of two sides comes next, nobody can predict.
    #[inline(always)]
    pub fn either<const N: usize, const M: usize>(
        &mut self,
        one: &[u8; N],
        other: &[u8; M],
    ) -> Option<bool> {
        let (from_one, from_other) = (self.difference(one), self.difference(other));
        // Not as two conditions, of which the compiler would make two branches.
        if from_one.min(from_other) != 0 {
            return None;
        }
        self.advance(select_unpredictable(from_one == 0, N, M))?;
        Some(from_one == 0)
    }

    /// Moves over `true` or `false`.
    #[inline(always)]
    pub fn boolean(&mut self) -> Option<bool> {
        self.either(b"true", b"false")
    }

    /// Moves over a whole number without sign, point or exponent.
    #[inline(always)]
    pub fn unsigned(&mut self) -> Option<u64> {
        let fast = self.in_window(fast::unsigned);
        let (number, length) = match fast {
            Some(found) => found,
            None => slow_unsigned(self.bytes, self.at)?,
        };
        self.advance(length)?;
        Some(number)
    }

    /// The same for a number that is not needed.
    #[inline(always)]
    pub fn skip_unsigned(&mut self) -> Option<()> {
        if let Some(length) = fast::digits_of_number(self.ahead()) {
            return self.advance(length);
        }
        self.unsigned().map(|_| ())
    }

    /// The same for a number that is not needed and nearly always has `N` digits; see
    /// [`Cursor::unsigned_of`].
    #[inline(always)]
    pub fn skip_unsigned_of<const N: usize>(&mut self) -> Option<()> {
        if fast::has_digits::<N>(self.ahead()) {
            return self.advance(N);
        }
        self.skip_unsigned()
    }

    /// The same where the number nearly always has `N` digits. Knowing that, the processor reads on
    /// behind the number without waiting for where it ends.
    #[inline(always)]
    pub fn unsigned_of<const N: usize>(&mut self) -> Option<u64> {
        if let Some(number) = self.in_window(fast::unsigned_of::<N>) {
            self.advance(N)?;
            return Some(number);
        }
        self.unsigned()
    }

    /// Moves over a decimal without sign and exponent that ends at a quotation mark, and over that
    /// mark; call it behind the opening one.
    #[inline(always)]
    pub fn decimal(&mut self) -> Option<Decimal> {
        let fast = self.in_window(fast::decimal);
        let (number, length) = match fast {
            Some(found) => found,
            None => slow_decimal::<true>(self.bytes, self.at)?,
        };
        self.advance_past_mark(length)?;
        Some(number)
    }

    /// As [`Cursor::decimal`], behind a text that ends with its quotation mark.
    #[inline(always)]
    pub fn decimal_behind<const N: usize>(&mut self, text: &[u8; N]) -> Option<Decimal> {
        self.expect(text)?;
        self.decimal()
    }

    /// The same behind a text that may be absent: `Some(None)`.
    #[inline(always)]
    pub fn decimal_if_behind<const N: usize>(&mut self, text: &[u8; N]) -> Option<Option<Decimal>> {
        if self.take(text) { Some(Some(self.decimal()?)) } else { Some(None) }
    }

    /// Moves over a bare decimal without sign and exponent. What follows it is for the caller to
    /// read: only a comma or a closing bracket makes it a whole number of JSON.
    #[inline(always)]
    pub fn bare_decimal(&mut self) -> Option<Decimal> {
        let fast = self.in_window(fast::bare_decimal);
        let (number, length) = match fast {
            Some(found) => found,
            None => slow_decimal::<false>(self.bytes, self.at)?,
        };
        self.advance(length)?;
        Some(number)
    }

    /// Moves over two decimals with `","` between them and a quotation mark behind; call it behind
    /// the first opening one.
    #[inline(always)]
    pub fn decimals(&mut self) -> Option<[Decimal; 2]> {
        if let Some((pair, length)) = self.in_window(fast::decimals) {
            self.advance_past_mark(length)?;
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
        let length = fast::find(self.ahead(), mark)?;
        let word = Word { start: self.at, length };
        self.advance_past_mark(length)?;
        Some(word)
    }

    /// The same where the word nearly always is as long as `other`; see [`Cursor::unsigned_of`].
    #[inline(always)]
    pub fn until_as_long_as(&mut self, mark: u8, other: Word) -> Option<Word> {
        if fast::ends_at(self.ahead(), mark, other.length) {
            let word = Word { start: self.at, length: other.length };
            self.advance_past_mark(other.length)?;
            return Some(word);
        }
        self.until(mark)
    }

    /// Moves over the same bytes as `known`, of at least 16.
    #[inline(always)]
    pub fn take_bytes<const N: usize>(&mut self, known: &[u8; N]) -> bool {
        same(self.ahead(), known) && self.advance(N).is_some()
    }

    /// Moves over `N` bytes, whichever they are: who accepts them must know them, or look at each.
    #[inline(always)]
    pub fn bytes<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let bytes = self.ahead();
        self.advance(N)?;
        Some(bytes)
    }

    /// Moves over the rest of a string that is not needed and the quotation mark at its end. Only
    /// ASCII without backslashes and control characters passes, which is sure to be valid JSON.
    #[inline(always)]
    pub fn skip_text(&mut self) -> Option<()> {
        loop {
            let text: &[u8; LANES] = self.ahead();
            let plain = fast::plain(text);
            self.advance(plain)?;
            if plain < text.len() {
                return self.expect(b"\"");
            }
        }
    }

    /// The same where the string nearly always is an UUID.
    #[inline(always)]
    pub fn skip_uuid(&mut self) -> Option<()> {
        let text: &[u8; UUID_BYTES + 1] = self.ahead();
        if fast::is_uuid_like(text) & (text[UUID_BYTES] == b'"') {
            return self.advance(text.len());
        }
        self.skip_text()
    }

    /// Moves over a date (see [`super::date()`]) and the quotation mark at its end; call it behind the
    /// opening one.
    #[inline(always)]
    pub fn date(&mut self, minute: &Minute) -> Option<UnixNanos> {
        if let Some((time, length)) = minute.quoted(self.ahead()) {
            self.advance(length)?;
            return Some(time);
        }
        let (time, at) = self.other_date()?;
        self.at = at;
        Some(time)
    }

    /// A date of another form than most, and the place behind it. By value: a cursor that is lent to
    /// a call has to be in memory, for as long as it lives.
    #[cold]
    #[inline(never)]
    fn other_date(mut self) -> Option<(UnixNanos, usize)> {
        let word = self.until(b'"')?;
        Some((date(self.bytes_of(word))?, self.at))
    }

    /// Moves over the same bytes as `word` and the mark behind it, if they come next. Equal bytes
    /// behind other words of this length are not recognised: it is for lists whose items repeat a
    /// field's value and what follows it.
    #[inline(always)]
    pub fn take_again(&mut self, word: Word) -> bool {
        let next = self.ahead::<{ 2 * LANES }>();
        let (seen, length) = self.window_of::<{ 2 * LANES }>(word);
        length < next.len() && next == seen && self.advance_past_mark(length).is_some()
    }

    /// The bytes of a word.
    #[inline(always)]
    pub fn bytes_of(&self, word: Word) -> &'a [u8] {
        let rest = self.bytes.get(word.start..).unwrap_or_default();
        rest.get(..word.length).unwrap_or_default()
    }

    /// A word with what follows it, and its length.
    #[inline(always)]
    pub fn window_of<const N: usize>(&self, word: Word) -> (&'a [u8; N], usize) {
        // A word of another frame may start behind this one's end.
        let place = Self { at: word.start.min(self.length), ..*self };
        (place.ahead(), word.length)
    }

    /// Whether `lower` is `upper` with its ASCII letters in lower case. Words of more than 16
    /// bytes are not compared.
    #[inline(always)]
    pub fn is_lower_case_of(&self, lower: Word, upper: Word) -> bool {
        let ((lowers, length), (uppers, _)) = (self.window_of(lower), self.window_of(upper));
        length == upper.length && fast::is_lower_case_of(lowers, uppers, length)
    }
}

/// Whether both are the same, without a call for so few bytes; of at least 16.
#[inline(always)]
pub fn same<const N: usize>(one: &[u8; N], other: &[u8; N]) -> bool {
    const { assert!(N >= LANES) };
    fast::difference(one, other) == 0
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
        slow::unsigned(bytes, at).map_or(Found::NOTHING, |(number, length)| Found {
            number,
            digits: 0,
            length: length as u32,
        })
    }
    let found = cold(bytes, at);
    (found.length != 0).then_some((found.number, found.length as usize))
}

#[inline(always)]
fn slow_decimal<const QUOTED: bool>(bytes: &[u8], at: usize) -> Option<(Decimal, usize)> {
    #[cold]
    #[inline(never)]
    fn cold<const QUOTED: bool>(bytes: &[u8], at: usize) -> Found {
        let window = at.checked_sub(BEFORE).and_then(|start| bytes.get(start..)?.first_chunk());
        let long = window.and_then(fast::long_decimal::<QUOTED>);
        let found = long.or_else(|| slow::decimal::<QUOTED>(bytes, at));
        found.map_or(Found::NOTHING, |(decimal, length)| Found {
            number: decimal.mantissa() as u64,
            digits: decimal.digits().into(),
            length: length as u32,
        })
    }
    let found = cold::<QUOTED>(bytes, at);
    let decimal = Decimal::from_parts(found.number as i64, found.digits as u8);
    (found.length != 0).then_some((decimal, found.length as usize))
}
