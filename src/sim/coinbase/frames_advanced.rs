//! Events of the Advanced Trade feed, which a connection wraps and numbers. Field order is the
//! exchange's own, as in the recorded session.

use super::listing::Spelling;
use super::schedule::Told;
use crate::clock::UnixNanos;
use crate::sim::candle::Bar;
use crate::sim::date::{date, date_shortest};
use crate::sim::market::Traded;
use crate::sim::resting::{BookSide, Resting};
use crate::sim::write::decimal;

/// A frame around its events.
pub(super) fn frame(channel: &str, at: UnixNanos, sequence: u64, events: &str) -> String {
    let timestamp = date_shortest(at, 9);
    format!(
        "{{\"channel\":\"{channel}\",\"timestamp\":\"{timestamp}\",\"sequence_num\":{sequence},\
         \"events\":[{events}]}}"
    )
}

/// Trades, newest first.
pub(super) fn trades<'a>(
    kind: &str,
    of: &Spelling,
    told: impl DoubleEndedIterator<Item = &'a Told>,
) -> String {
    let trade = |told: &Told| {
        // The maker's side.
        let side = match told.print.taker {
            BookSide::Bid => "SELL",
            BookSide::Ask => "BUY",
        };
        format!(
            "{{\"product_id\":\"{}\",\"trade_id\":\"{}\",\"price\":\"{}\",\"size\":\"{}\",\
             \"time\":\"{}\",\"side\":\"{side}\"}}",
            of.native,
            told.print.id,
            of.price.text(told.print.price),
            of.size.text(told.print.size),
            date_shortest(told.at, 6),
        )
    };
    let trades: Vec<String> = told.rev().map(trade).collect();
    format!("{{\"type\":\"{kind}\",\"trades\":[{}]}}", trades.join(","))
}

/// Statistics of the day, with the best prices unless it is the batched ticker.
pub(super) fn ticker(kind: &str, of: &Spelling, traded: &Traded, batched: bool) -> String {
    let day = &traded.day;
    let price = |ticks: i64| of.price.text(ticks);
    let mut percent = Vec::new();
    let change = i128::from(day.last - day.open) * 10_i128.pow(14) / i128::from(day.open);
    decimal(&mut percent, change, 12);
    let best = match batched {
        true => String::new(),
        false => {
            let [bid, ask] = traded.best();
            format!(
                ",\"best_bid\":\"{}\",\"best_ask\":\"{}\",\"best_bid_quantity\":\"{}\",\
                 \"best_ask_quantity\":\"{}\"",
                price(bid.price),
                price(ask.price),
                of.resting.text(bid.size),
                of.resting.text(ask.size),
            )
        }
    };
    format!(
        "{{\"type\":\"{kind}\",\"tickers\":[{{\"type\":\"ticker\",\"product_id\":\"{}\",\
         \"price\":\"{}\",\"volume_24_h\":\"{}\",\"low_24_h\":\"{}\",\"high_24_h\":\"{}\",\
         \"low_52_w\":\"{}\",\"high_52_w\":\"{}\",\"price_percent_chg_24_h\":\"{}\"{best}}}]}}",
        of.native,
        price(day.last),
        of.volume.text(i64::try_from(day.volume).unwrap_or(i64::MAX)),
        price(day.low),
        price(day.high),
        price(day.low),
        price(day.high),
        String::from_utf8_lossy(&percent),
    )
}

/// Levels of a book, bids first, all of one time.
pub(super) fn book(
    kind: &str,
    of: &Spelling,
    levels: impl Iterator<Item = (BookSide, Resting)>,
    changed: UnixNanos,
) -> String {
    let time = date_shortest(changed, 6);
    let level = |(side, level): (BookSide, Resting)| {
        let side = match side {
            BookSide::Bid => "bid",
            BookSide::Ask => "offer",
        };
        format!(
            "{{\"side\":\"{side}\",\"event_time\":\"{time}\",\"price_level\":\"{}\",\
             \"new_quantity\":\"{}\"}}",
            of.price.text(level.price),
            of.resting.text(level.size),
        )
    };
    let levels: Vec<String> = levels.map(level).collect();
    let (native, levels) = (&of.native, levels.join(","));
    format!("{{\"type\":\"{kind}\",\"product_id\":\"{native}\",\"updates\":[{levels}]}}")
}

/// One bar of five minutes.
pub(super) fn candle(kind: &str, of: &Spelling, bar: &Bar) -> String {
    let price = |ticks: i64| of.price.text(ticks);
    format!(
        "{{\"type\":\"{kind}\",\"candles\":[{{\"start\":\"{}\",\"high\":\"{}\",\"low\":\"{}\",\
         \"open\":\"{}\",\"close\":\"{}\",\"volume\":\"{}\",\"product_id\":\"{}\"}}]}}",
        bar.start_ms / 1_000,
        price(bar.high),
        price(bar.low),
        price(bar.open),
        price(bar.close),
        of.volume.text(i64::try_from(bar.volume).unwrap_or(i64::MAX)),
        of.native,
    )
}

/// Once a second for each connection. The time is not written as anywhere else.
pub(super) fn heartbeat(counter: u64, at: UnixNanos) -> String {
    let time = date(at, 9).replace('T', " ");
    let time = time.trim_end_matches('Z');
    format!(
        "{{\"current_time\":\"{time} +0000 UTC m=+{counter}.000000001\",\
         \"heartbeat_counter\":{counter}}}"
    )
}

/// All products.
pub(super) fn status(products: &str) -> String {
    format!("{{\"type\":\"snapshot\",\"products\":{products}}}")
}

/// What a connection has subscribed to.
pub(super) fn subscriptions(channels: &[(&str, Vec<&str>)]) -> String {
    let channel = |(name, products): &(&str, Vec<&str>)| {
        // Channels without products name themselves.
        let products = if products.is_empty() { vec![*name] } else { products.clone() };
        format!("\"{name}\":[\"{}\"]", products.join("\",\""))
    };
    let channels: Vec<String> = channels.iter().map(channel).collect();
    format!("{{\"subscriptions\":{{{}}}}}", channels.join(","))
}
