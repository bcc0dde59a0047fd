//! What a client is to read, derived from what the market really did.

use serde_json::Value;
use tickwire::clock::Clock;
use tickwire::sim::{BookSide, TrueBook, TrueTrade};

use crate::checks::Digits;

/// One trade.
#[derive(Clone, Debug)]
pub(crate) struct Trade {
    /// The market's number of it, or of its order where an order's trades are one.
    pub(crate) id: u64,
    pub(crate) price: String,
    pub(crate) size: String,
    pub(crate) side: &'static str,
    pub(crate) at_ms: i64,
}

/// Open, high, low, close and volume of what was traded in a minute.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candle {
    pub(crate) start_ms: i64,
    pub(crate) prices: [f64; 4],
    pub(crate) volume: f64,
}

/// A number as a client keeps it: the float next to the text.
pub(crate) fn number(text: &str) -> f64 {
    text.parse().unwrap_or_else(|_| panic!("`{text}` is no number"))
}

/// Whether a client's number is that one.
pub(crate) fn is(value: &Value, wanted: f64) -> bool {
    value.as_f64() == Some(wanted)
}

/// How far sums of floats may be apart, in parts of them.
pub(crate) const SUM_ERROR: f64 = 1e-9;

/// Whether a client's sum is that one; both were added up in floats.
pub(crate) fn is_sum(value: &Value, wanted: f64) -> bool {
    is_near(value, wanted, SUM_ERROR)
}

/// Whether a client's number is at most so many parts of `wanted` away from it.
pub(crate) fn is_near(value: &Value, wanted: f64, error: f64) -> bool {
    value.as_f64().is_some_and(|number| (number - wanted).abs() <= wanted.abs() * error)
}

pub(crate) fn trades(trades: &[TrueTrade], clock: &Clock) -> Vec<Trade> {
    let trade = |trade: &TrueTrade| Trade {
        id: trade.id,
        price: trade.price.clone(),
        size: trade.size.clone(),
        side: match trade.taker {
            BookSide::Bid => "buy",
            BookSide::Ask => "sell",
        },
        at_ms: clock.date(trade.planned).millis(),
    };
    trades.iter().map(trade).collect()
}

/// The same with the trades of one order together, under the order's number.
pub(crate) fn orders(list: &[TrueTrade], clock: &Clock) -> Vec<Trade> {
    let chunks = list.chunk_by(|one, other| one.order == other.order);
    let order = |chunk: &[TrueTrade]| {
        let sizes: Vec<&str> = chunk.iter().map(|trade| trade.size.as_str()).collect();
        let first = trades(&chunk[..1], clock).remove(0);
        Trade { id: chunk[0].order, size: sum(&sizes), ..first }
    };
    chunks.map(order).collect()
}

/// The sum of numbers, with the digits of the longest.
fn sum(texts: &[&str]) -> String {
    let digits = |text: &str| text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let most = texts.iter().map(|text| digits(text)).max().unwrap_or(0);
    let units = |text: &&str| -> u128 {
        let zeros = "0".repeat(most - digits(text));
        format!("{}{zeros}", text.replace('.', "")).parse().expect("a number")
    };
    let sum: u128 = texts.iter().map(units).sum();
    let text = format!("{sum:0>width$}", width = most + 1);
    let (whole, fraction) = text.split_at(text.len() - most);
    if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
}

/// The candles of minutes in which something was traded, oldest first.
pub(crate) fn candles(trades: &[Trade]) -> Vec<Candle> {
    let minute = |trade: &Trade| trade.at_ms.div_euclid(60_000);
    let chunks = trades.chunk_by(|one, other| minute(one) == minute(other));
    let candle = |chunk: &[Trade]| {
        let prices = chunk.iter().map(|trade| number(&trade.price));
        let (first, last) = (&chunk[0], &chunk[chunk.len() - 1]);
        let high = prices.clone().fold(f64::MIN, f64::max);
        let low = prices.fold(f64::MAX, f64::min);
        Candle {
            start_ms: minute(first) * 60_000,
            prices: [number(&first.price), high, low, number(&last.price)],
            volume: chunk.iter().map(|trade| number(&trade.size)).sum(),
        }
    };
    chunks.map(candle).collect()
}

impl Trade {
    /// The same with the maker's side.
    pub(crate) fn seen_by_maker(self) -> Self {
        Self { side: if self.side == "buy" { "sell" } else { "buy" }, ..self }
    }

    /// What of a client's trade is not this one.
    pub(crate) fn wrong(&self, read: &Value, digits: Digits) -> Option<String> {
        let wrong = |what: &str| Some(format!("{what}: {read} for {self:?}"));
        if !is(&read["price"], number(&self.price)) {
            return wrong("price");
        }
        if !is(&read["amount"], number(&self.size)) {
            return wrong("amount");
        }
        if read["side"] != self.side {
            return wrong("side");
        }
        if read["timestamp"] != self.at_ms {
            return wrong("timestamp");
        }
        if digits == Digits::Floats {
            return None;
        }
        // The very digits, in the answer that the client keeps beside its own form.
        let raw = read["info"].to_string();
        let has = |text: &str| raw.contains(&format!("\"{text}\""));
        if !has(&self.price) || !has(&self.size) {
            return wrong("digits");
        }
        None
    }
}

impl Candle {
    /// What of a client's candle is not this one; volume counts in `unit` of what was traded.
    pub(crate) fn wrong(&self, read: &Value, unit: f64) -> Option<String> {
        let prices = (1..5).all(|index| is(&read[index], self.prices[index - 1]));
        let right = read[0] == self.start_ms && prices && is_sum(&read[5], self.volume * unit);
        (!right).then(|| format!("candle {read} for {self:?}"))
    }
}

/// What of a client's book is not that one. It may know fewer levels, but none may be missing from
/// between those it knows.
pub(crate) fn wrong_book(read: &Value, right: &TrueBook, depth: usize) -> Option<String> {
    for (key, right) in [("bids", &right.bids), ("asks", &right.asks)] {
        let Some(levels) = read[key].as_array() else { return Some(format!("no {key}: {read}")) };
        if levels.len() != right.len().min(depth) {
            return Some(format!("{} {key} for {}", levels.len(), right.len().min(depth)));
        }
        for (level, (price, size)) in levels.iter().zip(right) {
            if !is(&level[0], number(price)) || !is(&level[1], number(size)) {
                return Some(format!("{key}: {level} for {price} {size}"));
            }
        }
    }
    None
}
