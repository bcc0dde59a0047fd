//! Frames of the Exchange feed. Field order is the exchange's own, as in the recorded session.

use super::listing::Spelling;
use super::schedule::Told;
use crate::clock::UnixNanos;
use crate::sim::date::date;
use crate::sim::market::Traded;
use crate::sim::resting::{BookSide, Resting, RestingBook};

/// How the exchange writes that nothing rests: all were on the wire.
const ZEROS: [&str; 6] = ["0.00000000", "0", "0.0", "0.00", "0.000", "0.000000"];

/// The date that some changes of a book have instead of one.
const NO_DATE: &str = "0001-01-01T00:00:00.000000Z";

/// A level that once stood in a snapshot.
const GARBAGE_SIZE: &str = "0.-10000";

/// A match, or the last one before a subscription.
pub(super) fn matched(kind: &str, of: &Spelling, told: &Told, sequence: u64) -> String {
    let print = &told.print;
    // The maker's side.
    let side = match print.taker {
        BookSide::Bid => "sell",
        BookSide::Ask => "buy",
    };
    format!(
        "{{\"type\":\"{kind}\",\"trade_id\":{},\"maker_order_id\":\"{}\",\"taker_order_id\":\"{}\",\
         \"side\":\"{side}\",\"size\":\"{}\",\"price\":\"{}\",\"product_id\":\"{}\",\
         \"sequence\":{sequence},\"time\":\"{}\"}}",
        print.id,
        order_id(print.id.wrapping_mul(2)),
        order_id(print.id.wrapping_mul(2) | 1),
        of.size.text(print.size),
        of.price.text(print.price),
        of.native,
        date(told.at, 6),
    )
}

/// A UUID that follows from a number.
pub(super) fn order_id(number: u64) -> String {
    let high = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let low = number.wrapping_mul(0xC2B2_AE3D_27D4_EB4F);
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        high >> 32,
        high >> 16 & 0xFFFF,
        high & 0xFFF,
        low >> 52,
        low & 0xFFFF_FFFF_FFFF
    )
}

/// Statistics of the day with the best prices, after a taker's last match.
pub(super) fn ticker(of: &Spelling, traded: &Traded, told: &Told, sequence: u64) -> String {
    let (day, print) = (&traded.day, &told.print);
    let [bid, ask] = traded.best();
    let price = |ticks: i64| of.price.text(ticks);
    let volume = of.volume.text(i64::try_from(day.volume).unwrap_or(i64::MAX));
    // The taker's side.
    let side = match print.taker {
        BookSide::Bid => "buy",
        BookSide::Ask => "sell",
    };
    format!(
        "{{\"type\":\"ticker\",\"sequence\":{sequence},\"product_id\":\"{}\",\"price\":\"{}\",\
         \"open_24h\":\"{}\",\"volume_24h\":\"{volume}\",\"low_24h\":\"{}\",\"high_24h\":\"{}\",\
         \"volume_30d\":\"{volume}\",\"best_bid\":\"{}\",\"best_bid_size\":\"{}\",\
         \"best_ask\":\"{}\",\"best_ask_size\":\"{}\",\"side\":\"{side}\",\"time\":\"{}\",\
         \"trade_id\":{},\"last_size\":\"{}\"}}",
        of.native,
        price(print.price),
        price(day.open),
        price(day.low),
        price(day.high),
        price(bid.price),
        of.resting.text(bid.size),
        price(ask.price),
        of.resting.text(ask.size),
        date(told.at, 6),
        print.id,
        of.size.text(print.size),
    )
}

/// A whole book; `garbage` adds a level that no client can read.
pub(super) fn snapshot(of: &Spelling, book: &RestingBook, garbage: bool, at: UnixNanos) -> String {
    let side = |side: BookSide| -> Vec<String> {
        let level = |level: Resting| {
            format!("[\"{}\",\"{}\"]", of.price.text(level.price), of.resting.text(level.size))
        };
        book.levels(side).map(level).collect()
    };
    let (mut asks, bids) = (side(BookSide::Ask), side(BookSide::Bid));
    if let Some(worst) = book.worst(BookSide::Ask).filter(|_| garbage) {
        asks.push(format!("[\"{}\",\"{GARBAGE_SIZE}\"]", of.price.text(worst.price + 1)));
    }
    format!(
        "{{\"type\":\"snapshot\",\"product_id\":\"{}\",\"asks\":[{}],\"bids\":[{}],\"time\":\"{}\"}}",
        of.native,
        asks.join(","),
        bids.join(","),
        date(at, 6),
    )
}

/// Changes of a book; `number` varies how zero is written, and the first one has no date.
pub(super) fn update(
    of: &Spelling,
    changes: &[(BookSide, Resting)],
    number: u64,
    at: UnixNanos,
) -> String {
    let changes: Vec<String> = changes
        .iter()
        .enumerate()
        .map(|(index, (side, level))| {
            let side = match side {
                BookSide::Bid => "buy",
                BookSide::Ask => "sell",
            };
            let size = match level.size {
                0 => ZEROS[(number as usize + index) % ZEROS.len()].to_owned(),
                size => of.resting.text(size),
            };
            format!("[\"{side}\",\"{}\",\"{size}\"]", of.price.text(level.price))
        })
        .collect();
    let date = if number == 0 { NO_DATE.to_owned() } else { date(at, 6) };
    format!(
        "{{\"type\":\"l2update\",\"product_id\":\"{}\",\"changes\":[{}],\"time\":\"{date}\"}}",
        of.native,
        changes.join(","),
    )
}

/// Once a second for each product.
pub(super) fn heartbeat(of: &Spelling, sequence: u64, last_trade_id: u64, at: UnixNanos) -> String {
    format!(
        "{{\"type\":\"heartbeat\",\"last_trade_id\":{last_trade_id},\"product_id\":\"{}\",\
         \"sequence\":{sequence},\"time\":\"{}\"}}",
        of.native,
        date(at, 6),
    )
}

/// All products.
pub(super) fn status(products: &str) -> String {
    format!("{{\"type\":\"status\",\"products\":{products},\"currencies\":[{{\"id\":\"USD\"}}]}}")
}

/// What a connection has subscribed to.
pub(super) fn subscriptions(channels: &[(&str, Vec<&str>)]) -> String {
    let channel = |(name, products): &(&str, Vec<&str>)| {
        let products = match products[..] {
            [] => String::new(),
            _ => format!("\"{}\"", products.join("\",\"")),
        };
        format!("{{\"name\":\"{name}\",\"product_ids\":[{products}],\"account_ids\":null}}")
    };
    let channels: Vec<String> = channels.iter().map(channel).collect();
    format!("{{\"type\":\"subscriptions\",\"channels\":[{}]}}", channels.join(","))
}
