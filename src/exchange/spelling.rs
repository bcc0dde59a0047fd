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

/// What pairs are mostly priced in, the longest first.
const QUOTES: [&str; 12] =
    ["FDUSD", "USDT", "USDC", "USDE", "USD", "EUR", "GBP", "JPY", "TRY", "BRL", "BTC", "ETH"];

/// A name in which somebody may have meant a pair, as pairs are written: `btcusdt`, `BTC-USDT`.
pub(super) fn likely_pair(name: &str) -> Option<String> {
    let upper = name.to_uppercase();
    let parted = upper.split_once(['-', '_', '.', ' ']).filter(|(_, quote)| QUOTES.contains(quote));
    let joined = || QUOTES.iter().find_map(|quote| Some((upper.strip_suffix(quote)?, *quote)));
    let (base, quote) = parted.or_else(|| joined().filter(|_| upper != name))?;
    let is_plain = !base.is_empty() && base.chars().all(char::is_alphanumeric);
    is_plain.then(|| format!("{base}/{quote}"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_seen_in_a_name_that_is_none() {
        for (name, pair) in [
            ("btcusdt", Some("BTC/USDT")),
            ("BTC-USDT", Some("BTC/USDT")),
            ("eth_btc", Some("ETH/BTC")),
            ("1000satsfdusd", Some("1000SATS/FDUSD")),
            ("R_100", None),
            ("WLDUSD", None),
            ("usdt", None),
            ("-USDT", None),
            ("BTC-USD-261225", None),
        ] {
            assert_eq!(likely_pair(name).as_deref(), pair, "{name}");
        }
    }
}
