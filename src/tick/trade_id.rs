//! The exchange's own name of a trade: told to clients byte for byte as it came, or not at all.
//!
//! Nearly all are numbers without leading zeros or UUIDs in lower case, and are kept as such. What
//! those two could not give back (`018`, 20 and more digits, a UUID in upper case, letters) is kept
//! as it is spelled, in the same 16 bytes: as a number to the base of the smallest alphabet that
//! has its letters. So an unusual id costs the usual ones nothing.

use std::fmt;

use arrayvec::ArrayString;

/// Fact: longest text of an id.
pub(crate) const ID_BYTES_MAX: usize = 38;

/// Places of the dashes in a UUID of 36 bytes.
const DASHES: [usize; 4] = [8, 13, 18, 23];

/// The exchange's own name of a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TradeId {
    /// The exchange gives its trades no ids (Kraken's first protocol), or one that nothing here
    /// holds.
    None,
    /// A number below 2^64 without leading zeros, 0 included; on most exchanges contiguous per
    /// symbol.
    Number(u64),
    /// A UUID in lower case (Bybit derivatives).
    Uuid(u128),
    /// Anything else.
    Spelled(SpelledId),
}

impl TradeId {
    /// The id of that text; of none for an empty one. `None` for a text that is too long for its
    /// letters: 38 digits, 32 hexadecimal digits of one case or a UUID, 24 digits, dashes and
    /// letters of one case, 21 of both, or 16 bytes of anything.
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::None);
        }
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let plain = digits && (text == "0" || !text.starts_with('0'));
        if let Some(number) = text.parse().ok().filter(|_| plain) {
            return Some(Self::Number(number));
        }
        let lower_uuid = without_dashes(text).and_then(|bare| Form::LowerHex.pack(bare.as_bytes()));
        match lower_uuid {
            Some(uuid) => Some(Self::Uuid(uuid)),
            None => SpelledId::new(text).map(Self::Spelled),
        }
    }

    /// The number that it is, whatever zeros stand in front.
    #[inline(always)]
    pub fn number(self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(number),
            Self::Spelled(SpelledId { form: Form::Digits, word, .. }) => u64::try_from(word).ok(),
            Self::None | Self::Uuid(_) | Self::Spelled(_) => None,
        }
    }
}

/// What the words of an id in a tick mean. One byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IdKind {
    /// Nothing: there is no id.
    None,
    /// The lower word is a number.
    Number,
    /// Both are the halves of a UUID.
    Uuid,
    /// Both are the halves of a number that is spelled with these letters.
    Spelled(Form),
}

const _: () = assert!(size_of::<IdKind>() == 1);

impl IdKind {
    /// Every kind, in the order of its number.
    pub const ALL: [Self; 11] = [
        Self::None,
        Self::Number,
        Self::Uuid,
        Self::Spelled(Form::Digits),
        Self::Spelled(Form::LowerHex),
        Self::Spelled(Form::UpperHex),
        Self::Spelled(Form::UpperUuid),
        Self::Spelled(Form::Lower),
        Self::Spelled(Form::Upper),
        Self::Spelled(Form::Letters),
        Self::Spelled(Form::Bytes),
    ];

    /// Its place in [`IdKind::ALL`].
    #[inline]
    pub(super) const fn number(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Number => 1,
            Self::Uuid => 2,
            Self::Spelled(form) => 3 + form as u8,
        }
    }
}

/// Which letters an id has; the first of these that has them all is the one.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// Digits, leading zeros among them.
    Digits,
    /// Hexadecimal digits in lower case.
    LowerHex,
    /// Hexadecimal digits in upper case.
    UpperHex,
    /// A UUID in upper case.
    UpperUuid,
    /// Digits, letters in lower case, `-` and `_`.
    Lower,
    /// Digits, letters in upper case, `-` and `_`.
    Upper,
    /// Digits, letters, `-` and `_`.
    Letters,
    /// Any bytes.
    Bytes,
}

impl Form {
    /// Every form, in the order of its number.
    pub const ALL: [Self; 8] = [
        Self::Digits,
        Self::LowerHex,
        Self::UpperHex,
        Self::UpperUuid,
        Self::Lower,
        Self::Upper,
        Self::Letters,
        Self::Bytes,
    ];

    /// Its letters by their value; none stands for all bytes.
    const fn letters(self) -> &'static [u8] {
        match self {
            Self::Digits => b"0123456789",
            Self::LowerHex => b"0123456789abcdef",
            Self::UpperHex | Self::UpperUuid => b"0123456789ABCDEF",
            Self::Lower => b"0123456789abcdefghijklmnopqrstuvwxyz-_",
            Self::Upper => b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-_",
            Self::Letters => b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_",
            Self::Bytes => b"",
        }
    }

    fn base(self) -> u128 {
        match self.letters().len() {
            0 => 256,
            letters => letters as u128,
        }
    }

    fn value_of(self, byte: u8) -> Option<u128> {
        match self {
            Self::Bytes => Some(byte.into()),
            _ => Some(self.letters().iter().position(|letter| *letter == byte)? as u128),
        }
    }

    fn letter_of(self, value: u8) -> u8 {
        self.letters().get(usize::from(value)).copied().unwrap_or(value)
    }

    /// The text as a number; `None` where it has other letters, or too many.
    fn pack(self, text: &[u8]) -> Option<u128> {
        let base = self.base();
        text.iter().try_fold(0_u128, |word, &byte| {
            word.checked_mul(base)?.checked_add(self.value_of(byte)?)
        })
    }
}

/// An id that is neither a plain number nor a plain UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SpelledId {
    form: Form,
    /// Letters; dashes of a UUID are not counted.
    length: u8,
    word: u128,
}

impl SpelledId {
    fn new(text: &str) -> Option<Self> {
        Form::ALL.into_iter().find_map(|form| {
            let bare = match form {
                Form::UpperUuid => without_dashes(text)?,
                _ => ArrayString::from(text).ok()?,
            };
            let length = u8::try_from(bare.len()).ok()?;
            Some(Self { form, length, word: form.pack(bare.as_bytes())? })
        })
    }

    /// The id of these parts of a tick.
    #[inline]
    pub(super) const fn from_parts(form: Form, length: u8, word: u128) -> Self {
        Self { form, length, word }
    }

    /// With which letters the number is spelled.
    #[inline]
    pub(super) const fn form(self) -> Form {
        self.form
    }

    /// With how many.
    #[inline]
    pub(super) const fn length(self) -> u8 {
        self.length
    }

    /// The number that is spelled.
    #[inline]
    pub(super) const fn word(self) -> u128 {
        self.word
    }

    /// A number that hardly any other id has.
    pub fn mixed(self) -> u128 {
        let Self { form, length, word } = self;
        let spread = word.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
        spread ^ u128::from(form as u8) << 8 ^ u128::from(length)
    }

    /// As the exchange wrote it.
    pub fn text(self) -> ArrayString<ID_BYTES_MAX> {
        let Self { form, length, word } = self;
        let (mut bytes, mut rest) = ([0; ID_BYTES_MAX], word);
        let length = usize::from(length).min(ID_BYTES_MAX);
        for byte in bytes[..length].iter_mut().rev() {
            *byte = form.letter_of((rest % form.base()) as u8);
            rest /= form.base();
        }
        let mut text = ArrayString::new();
        let letters = str::from_utf8(&bytes[..length]).unwrap_or_default().chars();
        for (index, letter) in letters.enumerate() {
            let dash = form == Form::UpperUuid && matches!(index, 8 | 12 | 16 | 20);
            let fits = (!dash || text.try_push('-').is_ok()) && text.try_push(letter).is_ok();
            debug_assert!(fits, "38 bytes hold every form");
        }
        text
    }
}

impl fmt::Display for SpelledId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text())
    }
}

/// A text of a UUID's shape, without its dashes.
fn without_dashes(text: &str) -> Option<ArrayString<ID_BYTES_MAX>> {
    let bytes = text.as_bytes();
    if bytes.len() != 36 || DASHES.iter().any(|&place| bytes[place] != b'-') {
        return None;
    }
    let mut bare = ArrayString::new();
    let letters = text.char_indices().filter(|(place, _)| !DASHES.contains(place));
    letters.for_each(|(_, letter)| bare.push(letter));
    Some(bare)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(id: TradeId) -> String {
        match id {
            TradeId::None => String::new(),
            TradeId::Number(number) => number.to_string(),
            TradeId::Uuid(uuid) => {
                let hex = format!("{uuid:032x}");
                let ends = [0, 8, 12, 16, 20, 32];
                ends.windows(2).map(|ends| &hex[ends[0]..ends[1]]).collect::<Vec<_>>().join("-")
            }
            TradeId::Spelled(spelled) => spelled.to_string(),
        }
    }

    #[test]
    fn plain_ids_are_numbers_and_uuids() {
        assert_eq!(TradeId::parse(""), Some(TradeId::None));
        assert_eq!(TradeId::parse("0"), Some(TradeId::Number(0)));
        assert_eq!(TradeId::parse("18446744073709551615"), Some(TradeId::Number(u64::MAX)));
        let uuid = TradeId::parse("4c7b6bdc-b4a3-5716-9c7b-bbe01dc7072f");
        assert_eq!(uuid, Some(TradeId::Uuid(0x4c7b_6bdc_b4a3_5716_9c7b_bbe0_1dc7_072f)));
    }

    #[test]
    fn what_a_number_or_uuid_could_not_give_back_is_spelled() {
        for text in [
            "018",
            "00",
            "18446744073709551616",
            "00000000000000000000000000000000000007",
            "99999999999999999999999999999999999999",
            "4C7B6BDC-B4A3-5716-9C7B-BBE01DC7072F",
            "4c7b6bdcb4a357169c7bbbe01dc7072f",
            "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF",
            "2290000000050703789-1",
            "abcdefghijklmnopqrstuvw-",
            "Zyxwvutsrqponmlkjihg_",
            "+1",
            "1.0",
            " 7",
            "\"\\\n",
            "\0",
            "币安人生1",
        ] {
            let id = TradeId::parse(text).expect(text);
            assert!(matches!(id, TradeId::Spelled(_)), "{text}: {id:?}");
            assert_eq!(written(id), text);
        }
        assert_eq!(TradeId::parse("018").and_then(TradeId::number), Some(18));
        assert_eq!(TradeId::parse("18446744073709551616").and_then(TradeId::number), None);
    }

    #[test]
    fn what_is_too_long_for_its_letters_is_none() {
        for text in [
            "1".repeat(39),
            "f".repeat(33),
            "z".repeat(25),
            "4c7b6bdc-b4a3-5716-9c7b-bbe01dc7072F".to_owned(),
            "zZ".repeat(11),
            "~".repeat(17),
        ] {
            assert_eq!(TradeId::parse(&text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_id_is_given_back_byte_for_byte_or_not_taken(
            text in "[0-9]{1,40}|[0-9a-f]{1,36}|[0-9A-F-]{1,38}|[a-zA-Z0-9_-]{1,25}|.{1,20}\
                |[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}",
        ) {
            let id = TradeId::parse(&text);
            let longest = if text.bytes().all(|byte| byte.is_ascii_digit()) { 38 } else { 16 };
            prop_assert!(id.is_some() || text.len() > longest, "{}", text);
            if let Some(id) = id {
                prop_assert_eq!(written(id), text);
            }
        }
    }
}
