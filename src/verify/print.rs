//! Finds in a message what a load generator has to know of a trade, without parsing the rest.

use memchr::memmem::Finder;

/// What identifies one trade in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Print<'a> {
    /// As the message spells it.
    pub(super) symbol: &'a [u8],
    /// The exchange's id.
    pub(super) trade_id: u64,
    /// The gateway's number; `None` in what comes from an exchange directly.
    pub(super) seq: Option<u64>,
}

/// What the peer speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speech {
    /// The gateway's first dialect.
    Actions,
    /// Binance's trade streams.
    Binance,
}

/// The keys to look for, prepared once.
#[derive(Debug)]
pub(super) struct Finders {
    trade: Finder<'static>,
    symbol: Finder<'static>,
    id: Finder<'static>,
    seq: Option<Finder<'static>>,
}

impl Finders {
    pub(super) fn new(speech: Speech) -> Self {
        let finder = |key: &'static str| Finder::new(key.as_bytes());
        match speech {
            Speech::Actions => Self {
                trade: finder("{\"type\":\"trade\""),
                symbol: finder("\"symbol\":\""),
                id: finder("\"tradeId\":\""),
                seq: Some(finder("\"seq\":")),
            },
            Speech::Binance => Self {
                trade: finder("\"e\":\"trade\""),
                symbol: finder("\"s\":\""),
                id: finder("\"t\":"),
                seq: None,
            },
        }
    }

    /// The trade in `message`; `None` when it holds something else.
    pub(super) fn find<'a>(&self, message: &'a [u8]) -> Option<Print<'a>> {
        self.trade.find(message)?;
        let symbol = after(&self.symbol, message)?;
        let symbol = &symbol[..memchr::memchr(b'"', symbol)?];
        let trade_id = number(after(&self.id, message)?)?;
        let seq = match &self.seq {
            Some(seq) => Some(number(after(seq, message)?)?),
            None => None,
        };
        Some(Print { symbol, trade_id, seq })
    }
}

/// What follows the key.
fn after<'a>(key: &Finder<'_>, message: &'a [u8]) -> Option<&'a [u8]> {
    let at = key.find(message)?;
    message.get(at + key.needle().len()..)
}

/// The number at the head of `text`.
fn number(text: &[u8]) -> Option<u64> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&text[..digits]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trade_is_found_in_either_speech() {
        let ours = br#"{"type":"trade","data":{"symbol":"BTC/USDT","exchange":"binance","price":1,
            "volume":1,"side":"buy","tradeId":"123","timestamp":17},"seq":42,"timestamp":17}"#;
        let print = Print { symbol: b"BTC/USDT", trade_id: 123, seq: Some(42) };
        assert_eq!(Finders::new(Speech::Actions).find(ours), Some(print));
        let theirs = br#"{"stream":"btcusdt@trade","data":{"e":"trade","E":17,"s":"BTCUSDT",
            "t":123,"p":"1.0","q":"2.0","T":17,"m":true,"M":true}}"#;
        let print = Print { symbol: b"BTCUSDT", trade_id: 123, seq: None };
        assert_eq!(Finders::new(Speech::Binance).find(theirs), Some(print));
    }

    #[test]
    fn anything_else_is_no_trade() {
        let ours = Finders::new(Speech::Actions);
        assert_eq!(ours.find(br#"{"type":"pong","timestamp":17}"#), None);
        assert_eq!(ours.find(br#"{"type":"trade","data":{"symbol":"BTC/USDT"}}"#), None);
        assert_eq!(ours.find(b""), None);
        assert_eq!(Finders::new(Speech::Binance).find(br#"{"result":null,"id":1}"#), None);
    }
}
