//! Trade ids as they mostly are: up to 19 digits on spot, a UUID in lower case on contracts. Others
//! are read by the general path, which keeps them as they are spelled.
//!
//! The simple version is a loop over bytes (`slow_number` here, and the tests' UUIDs). Ids stand in
//! every trade, so eight bytes are taken at a time instead, as lanes of one word.

/// Bytes of a UUID as text.
pub(super) const UUID_BYTES: usize = 36;

/// The same byte in every lane.
const fn lanes(byte: u8) -> u64 {
    0x0101_0101_0101_0101 * byte as u64
}

/// The top bit of every lane.
const TOPS: u64 = lanes(0x80);

/// A whole number of digits alone, as a number is written back: without leading zeros.
#[inline(always)]
pub(super) fn number(text: &[u8]) -> Option<u64> {
    let (chunks, rest) = text.as_chunks::<8>();
    // 16 digits at most come by eights and cannot overflow; up to four follow.
    if chunks.len() > 2 || text.is_empty() {
        return slow_number(text);
    }
    if text[0] == b'0' && text.len() > 1 {
        return None;
    }
    let mut number = 0_u64;
    for chunk in chunks {
        // Two at most: 16 digits, below 2^54.
        number = number.wrapping_mul(100_000_000) + eight_digits(u64::from_le_bytes(*chunk))?;
    }
    for &byte in rest {
        let digit = digit(byte)?;
        number = number.checked_mul(10)?.checked_add(digit)?;
    }
    Some(number)
}

#[cold]
#[inline(never)]
fn slow_number(text: &[u8]) -> Option<u64> {
    let add = |number: u64, &byte: &u8| number.checked_mul(10)?.checked_add(digit(byte)?);
    (!text.is_empty() && text[0] != b'0').then(|| text.iter().try_fold(0_u64, add))?
}

#[inline(always)]
fn digit(byte: u8) -> Option<u64> {
    let digit = byte.wrapping_sub(b'0');
    (digit < 10).then_some(digit.into())
}

/// Eight digits, the first in the lowest byte: neighbours are joined to pairs, fours, eights.
#[inline(always)]
fn eight_digits(text: u64) -> Option<u64> {
    let digits = text.wrapping_sub(lanes(b'0'));
    // A lane above 9, or one that borrowed, has its top bit set in one of the two.
    let above = digits | digits.wrapping_add(lanes(0x7F - 9));
    if above & TOPS != 0 {
        return None;
    }
    // No lane overflows into the next: 99, 9,999 and 99,999,999 fit into 8, 16 and 32 bits.
    let join =
        |lanes: u64, by: u64, shift: u32| lanes.wrapping_mul(by).wrapping_add(lanes >> shift);
    let pairs = join(digits, 10, 8) & 0x00FF_00FF_00FF_00FF;
    let fours = join(pairs, 100, 16) & 0x0000_FFFF_0000_FFFF;
    Some(join(fours, 10_000, 32) & 0xFFFF_FFFF)
}

/// `4c7b6bdc-b4a3-5716-9c7b-bbe01dc7072f`, in lower case, as a UUID is written back.
#[inline(always)]
pub(super) fn uuid(text: &[u8; UUID_BYTES]) -> Option<u128> {
    if [text[8], text[13], text[18], text[23]] != *b"----" {
        return None;
    }
    let word = |offset: usize| text[offset..].first_chunk().map(|word| u64::from_le_bytes(*word));
    let halves = |offset: usize| {
        let half =
            |offset: usize| text[offset..].first_chunk().map(|half| u32::from_le_bytes(*half));
        Some(u64::from(half(offset)?) | u64::from(half(offset + 5)?) << 32)
    };
    let parts = [
        eight_nibbles(word(0)?)?,
        eight_nibbles(halves(9)?)?,
        eight_nibbles(halves(19)?)?,
        eight_nibbles(word(28)?)?,
    ];
    Some(parts.into_iter().fold(0, |uuid, part| uuid << 32 | u128::from(part)))
}

/// Eight hexadecimal digits, the first in the lowest byte.
#[inline(always)]
fn eight_nibbles(text: u64) -> Option<u32> {
    if text & TOPS != 0 {
        return None;
    }
    // The top bit of a lane says "at least": sums stay below 256, so none carries.
    let from = |text: u64, least: u8| text.wrapping_add(lanes(0x80 - least));
    let digits = from(text, b'0') & !from(text, b'9' + 1) & TOPS;
    let letters = from(text, b'a') & !from(text, b'f' + 1) & TOPS;
    if digits | letters != TOPS {
        return None;
    }
    // A letter's low bits are 1 to 6, so that no lane is beyond 15.
    let nibbles = (text & lanes(0x0F)).wrapping_add((letters >> 7).wrapping_mul(9));
    let pairs = (nibbles << 4 | nibbles >> 8) & 0x00FF_00FF_00FF_00FF;
    let fours = (pairs << 8 | pairs >> 16) & 0x0000_FFFF_0000_FFFF;
    Some((fours << 16 | fours >> 32) as u32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain_uuid(text: &str) -> Option<u128> {
        let dashes = [8, 13, 18, 23];
        let mut uuid = 0;
        for (at, byte) in text.bytes().enumerate() {
            let nibble = char::from(byte).to_digit(16).filter(|_| !byte.is_ascii_uppercase());
            match (dashes.contains(&at), nibble) {
                (true, _) if byte == b'-' => {}
                (false, Some(nibble)) => uuid = uuid << 4 | u128::from(nibble),
                _ => return None,
            }
        }
        Some(uuid)
    }

    #[test]
    fn ids_of_both_kinds_are_read() {
        assert_eq!(number(b"2290000000050703789"), Some(2_290_000_000_050_703_789));
        let contract = uuid(b"4c7b6bdc-b4a3-5716-9c7b-bbe01dc7072f");
        assert_eq!(contract, Some(0x4c7b_6bdc_b4a3_5716_9c7b_bbe0_1dc7_072f));
        for wrong in ["", "x", "-1", "+1", "1.0", "18446744073709551616", "184467440737095516150"] {
            assert_eq!(number(wrong.as_bytes()), None, "{wrong}");
        }
        assert_eq!(number(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(number(b"0"), Some(0));
        for spelled in ["00", "018", "00000000000000007", "000000000000000000000007"] {
            assert_eq!(number(spelled.as_bytes()), None, "{spelled}: a number would lose zeros");
        }
        let upper = uuid(b"4C7B6BDC-B4A3-5716-9C7B-BBE01DC7072F");
        assert_eq!(upper, None, "it would come back in lower case");
    }

    proptest! {
        #[test]
        fn numbers_read_as_the_standard_library_reads_them(text in "[0-9]{1,22}|[0-9:/x]{1,20}") {
            let plain = text == "0" || !text.starts_with('0');
            let wanted = text.parse().ok().filter(|_| plain);
            prop_assert_eq!(number(text.as_bytes()), wanted);
        }

        #[test]
        fn uuids_read_as_their_twin_reads_them(
            text in "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
            flip in prop::option::of((0_usize..UUID_BYTES, 0_u8..128)),
        ) {
            let mut bytes: [u8; UUID_BYTES] = text.as_bytes().try_into().expect("36 bytes");
            if let Some((at, byte)) = flip {
                bytes[at] = byte;
            }
            let text = std::str::from_utf8(&bytes).expect("ASCII");
            prop_assert_eq!(uuid(&bytes), plain_uuid(text));
        }

        #[test]
        fn bytes_beyond_ascii_are_no_digits(bytes in any::<[u8; UUID_BYTES]>()) {
            let is_hex = |byte: &u8| byte.is_ascii_hexdigit() || *byte == b'-';
            if !bytes.iter().all(is_hex) {
                prop_assert_eq!(uuid(&bytes), None);
            }
        }
    }
}
