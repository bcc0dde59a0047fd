//! The vectors against the loops, and both against [`Decimal::parse`].

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
    let run = text.find(|letter| !matches!(letter, '.'..='9')).unwrap_or(text.len());
    let bare = expected(&text[..run]).map(|decimal| (decimal, run));
    for before in [0, 16, 17, 40] {
        let expected = expected(text).map(|decimal| (decimal, text.len() + 1));
        let read = cursor_at(before, &format!("{text}\""), b'"', |cursor| cursor.decimal());
        assert_eq!(read, expected, "{text:?} at {before}");
        let cut = cursor_at(before, text, b'"', |cursor| cursor.decimal());
        assert_eq!(cut, None, "{text:?} whose end is padding");
        for end in [',', '}', ']'] {
            let read =
                cursor_at(before, &format!("{text}{end}"), b',', |cursor| cursor.bare_decimal());
            assert_eq!(read, bare, "{text:?} at {before} before {end}");
        }
        let cut = cursor_at(before, &text[..run], b'7', |cursor| cursor.bare_decimal());
        assert_eq!(cut, None, "bare {text:?} that goes on in the padding");
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
fn decimals_of_sixteen_bytes_and_more_are_read_without_the_loop() {
    for text in
        ["1234567.123456789", "12345678.12345678", "123456789012345.123", "0.12345678901234"]
    {
        let bytes = placed(BEFORE, &format!("{text}\""), b'7');
        let window = bytes.first_chunk().expect("as long");
        let found = expected(text).map(|decimal| (decimal, text.len()));
        assert_eq!(fast::long_decimal::<true>(window), found, "{text}");
        assert_eq!(fast::long_decimal::<false>(window), found, "bare {text}");
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
            let length = expected.map(|(_, length)| ((), length));
            let skipped = cursor_at(before, &text, b'8', |cursor| cursor.skip_unsigned());
            assert_eq!(skipped, length, "{text} at {before}");
            let skipped = cursor_at(before, &text, b'8', |cursor| cursor.skip_unsigned_of::<2>());
            assert_eq!(skipped, length, "{text} at {before}");
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

#[test]
fn plain_text_of_any_length_is_skipped() {
    for length in [0, 1, 31, 32, 33, 36, 64, 200] {
        let text = format!("{}\"", "a~\u{7f} ".chars().cycle().take(length).collect::<String>());
        let read = cursor_at(0, &text, b'"', |cursor| cursor.skip_text());
        assert_eq!(read, Some(((), length + 1)));
        let cut = &text[..length];
        assert_eq!(cursor_at(0, cut, b'"', |cursor| cursor.skip_text()), None, "{cut}");
    }
}

#[test]
fn a_word_is_taken_again_only_where_it_stands_again() {
    let again = |text: &str| {
        cursor_at(0, text, b'x', |cursor| {
            let word = cursor.until(b'"')?;
            cursor.take_again(word).then_some(())
        })
    };
    let [one, other] = ["2026-08-09T21:05:48.21Z", "2026-08-09T21:05:48.22Z"];
    let behind = "\",\"price_level\":\"1\"";
    assert_eq!(again(&format!("{one}\"{one}{behind}")), None);
    let twice = |second: &str| {
        let text = format!("{one}{behind}{second}{behind}");
        cursor_at(0, &text, b'x', |cursor| {
            let word = cursor.until(b'"')?;
            cursor.expect(b",\"price_level\":\"1\"")?;
            cursor.take_again(word).then_some(())
        })
    };
    assert_eq!(twice(one), Some(((), 2 * one.len() + behind.len() + 1)));
    assert_eq!(twice(other), None);
    assert_eq!(cursor_at(0, one, b'"', |cursor| cursor.date(&Minute::default())), None);
    let date = cursor_at(0, &format!("{one}\""), b'"', |cursor| cursor.date(&Minute::default()));
    assert_eq!(date.map(|(_, length)| length), Some(one.len() + 1));
}

#[test]
fn one_of_two_texts_is_taken() {
    let read = |text: &str| cursor_at(0, text, b'x', |cursor| cursor.either(b"buy\"", b"sell\""));
    assert_eq!(read("buy\","), Some((true, 4)));
    assert_eq!(read("sell\","), Some((false, 5)));
    for other in ["", "buy", "sell", "by\"", "bell\""] {
        assert_eq!(read(other), None, "{other}");
    }
}

#[test]
fn texts_of_any_length_are_compared_to_their_last_byte() {
    fn check<const N: usize>() {
        let text: [u8; N] = std::array::from_fn(|index| b'a' + index as u8 % 26);
        let mut bytes = text.to_vec();
        bytes.resize(N + FRAME_PADDING, b'"');
        for changed in 0..=N {
            let mut bytes = bytes.clone();
            bytes[changed] ^= 1;
            let frame = PaddedFrame::new(&mut bytes, N);
            assert_eq!(Cursor::new(&frame).take(&text), changed == N, "byte {changed} of {N}");
        }
    }
    check::<1>();
    check::<4>();
    check::<7>();
    check::<8>();
    check::<9>();
    check::<15>();
    check::<16>();
    check::<17>();
    check::<31>();
    check::<32>();
    check::<33>();
    check::<48>();
    check::<54>();
    check::<64>();
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
        prop_assert_eq!(fast::bare_decimal(window), plain::bare_decimal(window));
        for (found, meant) in [
            (fast::long_decimal::<true>(window), plain::long_decimal::<true>(window)),
            (fast::long_decimal::<false>(window), plain::long_decimal::<false>(window)),
        ] {
            prop_assert!(found.is_none() || found == meant, "{found:?} {meant:?}");
        }
        prop_assert_eq!(fast::decimals(window), plain::decimals(window));
        let text = bytes.first_chunk().expect("as long");
        prop_assert_eq!(fast::find(text, mark), plain::find(text, mark));
        let short = bytes.first_chunk().expect("as long");
        prop_assert_eq!(fast::digits_of_number(short), plain::digits_of_number(short));
        prop_assert_eq!(fast::has_digits::<1>(short), plain::has_digits::<1>(short));
        prop_assert_eq!(fast::has_digits::<2>(short), plain::has_digits::<2>(short));
        prop_assert_eq!(fast::plain(short), plain::plain(short));
        let mut twin = *text;
        twin[length] ^= mark & 1;
        let differ = fast::difference(text, &twin) != 0;
        prop_assert_eq!(differ, plain::difference(text, &twin) != 0);
        let (one, other) =
            (bytes.first_chunk().expect("as long"), bytes.last_chunk().expect("as long"));
        prop_assert_eq!(fast::ends_at(one, mark, length), plain::ends_at(one, mark, length));
        prop_assert_eq!(
            fast::is_lower_case_of(one, other, length),
            plain::is_lower_case_of(one, other, length)
        );
    }

    #[test]
    fn uuids_are_skipped_like_other_text(
        text in "[0-9a-f-]{36}",
        place in 0_usize..37,
        letter: u8,
        padding: u8,
    ) {
        let mut bytes = placed(0, &format!("{text}\""), padding);
        for change in [None, Some(letter)] {
            bytes[place] = change.unwrap_or(bytes[place]);
            let like: &[u8; UUID_BYTES + 1] = bytes.first_chunk().expect("as long");
            prop_assert_eq!(fast::is_uuid_like(like), plain::is_uuid_like(like));
            let frame = PaddedFrame::new(&mut bytes, text.len() + 1);
            let (mut one, mut other) = (Cursor::new(&frame), Cursor::new(&frame));
            prop_assert_eq!((one.skip_uuid(), one.at), (other.skip_text(), other.at));
            prop_assert!(change.is_some() || one.is_at_end());
        }
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
