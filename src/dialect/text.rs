//! Numbers and texts as JSON, straight into the bytes of a message: what answers and rare events are
//! written with, field by field. The frequent events are written within room for all of it
//! (`pen.rs`), and so is each number here.
//!
//! `benches/encode.rs` holds them against `format!`, itoa and serde_json.

use super::pen::{SPARE, hex_digits, within};
use crate::clock::UnixNanos;
use crate::tick::Decimal;

pub(super) fn push_u64(out: &mut Vec<u8>, number: u64) {
    within::<SPARE>(out, |pen| pen.u64(number));
}

/// A date as integer milliseconds.
pub(super) fn push_millis(out: &mut Vec<u8>, date: UnixNanos) {
    within::<SPARE>(out, |pen| pen.millis(date));
}

/// Exactly the digits that the exchange wrote.
pub(super) fn push_decimal(out: &mut Vec<u8>, decimal: Decimal) {
    within::<SPARE>(out, |pen| pen.decimal(decimal));
}

/// The id of a process run, as text.
pub(super) fn push_epoch(out: &mut Vec<u8>, epoch: u64) {
    out.push(b'"');
    for half in [epoch >> 32, epoch] {
        out.extend_from_slice(&hex_digits(half as u32));
    }
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
    escape(text, |bytes| out.extend_from_slice(bytes));
    out.push(b'"');
}

/// Hands a text on in pieces, escaped as JSON demands.
pub(super) fn escape(text: &str, mut piece: impl FnMut(&[u8])) {
    for &byte in text.as_bytes() {
        match byte {
            b'"' => piece(b"\\\""),
            b'\\' => piece(b"\\\\"),
            0..=0x1f => {
                let [.., high, low] = hex_digits(u32::from(byte));
                piece(&[b'\\', b'u', b'0', b'0', high, low]);
            }
            _ => piece(&[byte]),
        }
    }
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
    fn an_epoch_is_read_only_as_it_is_written() {
        assert_eq!(written(|out| push_epoch(out, 0x0123_4567_89ab_cdef)), "\"0123456789abcdef\"");
        assert_eq!(written(|out| push_epoch(out, 0xab)), "\"00000000000000ab\"");
        assert_eq!(read_epoch("00000000000000ab"), Some(0xab));
        for other in ["00000000000000AB", "ab", "+0000000000000ab", "000000000000000ab", ""] {
            assert_eq!(read_epoch(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_back(text in any::<String>()) {
            let read: String =
                serde_json::from_str(&written(|out| push_text(out, &text))).expect("JSON");
            prop_assert_eq!(read, text);
        }
    }
}
