//! The channels of both feeds, and which frame of a recording is of which.

use serde_json::Value;

use super::Product;
use crate::sim::fanout::Place;

/// A stream of one product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::sim) enum Kind {
    Trades,
    Ticker,
    /// The ticker, every five seconds at most.
    TickerBatch,
    Book,
    Heartbeat,
    Candles,
}

impl Place for Kind {
    const COUNT: usize = 6;

    fn index(self) -> usize {
        self as usize
    }
}

/// What a channel's name means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Channel {
    /// A stream of each product named.
    Of(Kind),
    /// Heartbeats of the connection (Advanced Trade).
    Beats,
    /// All products at an interval.
    Status,
    /// Needs a login.
    Closed,
}

impl Channel {
    /// The channel of that name, for a client that has logged in or not.
    pub(super) fn parse(product: Product, name: &str, has_login: bool) -> Option<Self> {
        Some(match (product, name) {
            (Product::Exchange, "level2") if has_login => Self::Of(Kind::Book),
            (Product::Exchange, "matches") => Self::Of(Kind::Trades),
            (Product::Exchange, "level2_batch" | "level2_50") => Self::Of(Kind::Book),
            (Product::Exchange, "ticker_batch" | "ticker_1000") => Self::Of(Kind::TickerBatch),
            (Product::Exchange, "heartbeat") => Self::Of(Kind::Heartbeat),
            // Since 2023-08-01.
            (Product::Exchange, "level2" | "level3" | "full" | "user") => Self::Closed,
            (Product::Advanced, "market_trades") => Self::Of(Kind::Trades),
            (Product::Advanced, "level2") => Self::Of(Kind::Book),
            (Product::Advanced, "ticker_batch") => Self::Of(Kind::TickerBatch),
            (Product::Advanced, "candles") => Self::Of(Kind::Candles),
            (Product::Advanced, "heartbeats") => Self::Beats,
            (Product::Advanced, "user") => Self::Closed,
            (_, "ticker") => Self::Of(Kind::Ticker),
            (_, "status") => Self::Status,
            _ => return None,
        })
    }
}

/// What keys a product's stream in a recording.
pub(super) fn key(kind: Kind, native: &str) -> String {
    // Both tickers look the same.
    let kind = if kind == Kind::TickerBatch { Kind::Ticker } else { kind };
    format!("{kind:?}:{native}")
}

/// The product and stream of a recorded frame. Answers are keyed as nothing that anybody wants: who
/// asks is answered anew.
pub(super) fn key_of(product: Product, text: &str) -> Option<String> {
    let frame: Value = serde_json::from_str(text).ok()?;
    let kind = match product {
        Product::Exchange => match frame["type"].as_str()? {
            "match" | "last_match" => Kind::Trades,
            "snapshot" | "l2update" => Kind::Book,
            "ticker" => Kind::Ticker,
            "heartbeat" => Kind::Heartbeat,
            "subscriptions" | "error" => return Some(String::new()),
            _ => return None,
        },
        Product::Advanced => match frame["channel"].as_str()? {
            "market_trades" => Kind::Trades,
            "l2_data" => Kind::Book,
            "ticker" | "ticker_batch" => Kind::Ticker,
            "candles" => Kind::Candles,
            "subscriptions" => return Some(String::new()),
            _ => return None,
        },
    };
    let event = &frame["events"][0];
    let named = ["trades", "tickers", "candles"].map(|list| &event[list][0]["product_id"]);
    let own = [&frame["product_id"], &event["product_id"]];
    let native = own.into_iter().chain(named).find_map(Value::as_str)?;
    Some(key(kind, native))
}

/// The product in a key.
pub(super) fn native_of(key: &str) -> Option<&str> {
    key.split_once(':').map(|(_, native)| native)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_frames_are_keyed_by_stream_and_product() {
        let exchange = |text| key_of(Product::Exchange, text);
        let book = Some(key(Kind::Book, "BTC-USD"));
        assert_eq!(exchange(r#"{"type":"l2update","product_id":"BTC-USD"}"#), book);
        assert_eq!(exchange(r#"{"type":"subscriptions"}"#), Some(String::new()));
        assert_eq!(exchange(r#"{"type":"status"}"#), None);
        let advanced = |text| key_of(Product::Advanced, text);
        let text = r#"{"channel":"l2_data","events":[{"type":"update","product_id":"BTC-USD"}]}"#;
        assert_eq!(advanced(text), book);
        let text = r#"{"channel":"market_trades","events":[{"trades":[{"product_id":"A-B"}]}]}"#;
        assert_eq!(advanced(text), Some(key(Kind::Trades, "A-B")));
        assert_eq!(advanced(r#"{"channel":"heartbeats","events":[]}"#), None);
        assert_eq!(native_of(&key(Kind::TickerBatch, "A-B")), Some("A-B"));
    }
}
