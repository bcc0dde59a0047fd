//! Dialect 1 as clients meet it, sentence by sentence of the protocol, over real sockets.

mod floor;

use floor::{BTC, Floor};
use serde_json::json;

#[test]
fn trades_reach_a_client_in_order_with_consecutive_numbers() {
    let mut floor = Floor::new();
    let mut client = floor.client();
    let success = client.subscribe(&["BTC/USDT"], &["trades"]);
    assert_eq!(success["data"]["subscribed"], json!(["BTC/USDT"]));
    assert_eq!(success["data"]["currentSubscriptions"], json!(["BTC/USDT"]));
    for id in 1..=1_000 {
        floor.spot.trade(BTC, id, "65000.10");
    }
    for id in 1..=1_000_u64 {
        let text = client.text();
        assert!(text.contains("\"price\":65000.10,"), "{text}");
        let event: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(event["type"], "trade");
        assert_eq!(event["seq"], id);
        assert_eq!(event["data"]["tradeId"], id.to_string());
        assert_eq!(event["data"]["symbol"], "BTC/USDT");
        assert_eq!(event["data"]["exchange"], "binance");
    }
}
