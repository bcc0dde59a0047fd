//! What spellings of symbols have in common.

use arrayvec::ArrayString;

use crate::instrument::SYMBOL_BYTES_MAX;

/// The parts as one spelling; `None` when that is too long.
pub(super) fn joined(parts: &[&str]) -> Option<ArrayString<SYMBOL_BYTES_MAX>> {
    let mut native = ArrayString::new();
    for part in parts {
        native.try_push_str(part).ok()?;
    }
    Some(native)
}

/// Whether it is a day as dated contracts write it: `YYMMDD`.
pub(super) fn is_date(text: &str) -> bool {
    text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Every split of a joined name into a base and one of `quotes`.
pub(super) fn splits<'a>(
    name: &'a str,
    quotes: &'static [&'static str],
) -> impl Iterator<Item = (&'a str, &'static str)> {
    quotes.iter().filter_map(move |quote| {
        let base = name.strip_suffix(quote)?;
        (!base.is_empty()).then_some((base, *quote))
    })
}
