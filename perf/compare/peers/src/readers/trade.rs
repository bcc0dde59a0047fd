//! Binance's trade as serde reads it, with the numbers made to numbers.

use serde::Deserialize;

#[derive(Deserialize)]
pub struct Combined<'a> {
    pub stream: &'a str,
    #[serde(borrow)]
    pub data: Trade<'a>,
}

#[derive(Deserialize)]
pub struct Trade<'a> {
    #[serde(rename = "E")]
    pub event_time: u64,
    #[serde(rename = "s")]
    pub symbol: &'a str,
    #[serde(rename = "t")]
    pub id: u64,
    #[serde(rename = "p")]
    price: &'a str,
    #[serde(rename = "q")]
    size: &'a str,
    #[serde(rename = "T")]
    pub trade_time: u64,
    #[serde(rename = "m")]
    pub is_buyer_maker: bool,
}

/// What a consumer would get.
#[expect(dead_code, reason = "there is no consumer, only a compiler that must not know it")]
pub struct Print {
    pub id: u64,
    pub price: f64,
    pub size: f64,
    pub time: u64,
    pub is_buyer_maker: bool,
    pub symbol: [u8; 8],
}

impl Combined<'_> {
    pub fn print(&self) -> anyhow::Result<Print> {
        let trade = &self.data;
        let mut symbol = [0; 8];
        let length = trade.symbol.len().min(8);
        symbol[..length].copy_from_slice(&trade.symbol.as_bytes()[..length]);
        std::hint::black_box((self.stream, trade.event_time));
        Ok(Print {
            id: trade.id,
            price: trade.price.parse()?,
            size: trade.size.parse()?,
            time: trade.trade_time,
            is_buyer_maker: trade.is_buyer_maker,
            symbol,
        })
    }
}
