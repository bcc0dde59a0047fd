//! A client of the gateway in Rust: the last trade and the best prices of a symbol.
//!
//! `cargo run --example client -- ws://127.0.0.1:8080 BTC/USDT`

use std::io::Write as _;

use tungstenite::{Message, connect};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().unwrap_or_else(|| "ws://127.0.0.1:8080".to_owned());
    let symbol = arguments.next().unwrap_or_else(|| "BTC/USDT".to_owned());
    let events = arguments.next().map_or(Ok(usize::MAX), |count| count.parse())?;

    let (mut socket, _) = connect(url)?;
    let request = serde_json::json!({
        "action": "subscribe",
        "symbols": [symbol],
        "channels": ["trades", "quotes"],
        "snapshot": true,
    });
    socket.send(Message::text(request.to_string()))?;

    let mut out = std::io::stdout().lock();
    for _ in 0..events {
        if let Message::Text(text) = socket.read()? {
            writeln!(out, "{text}")?;
        }
    }
    socket.close(None)?;
    Ok(())
}
