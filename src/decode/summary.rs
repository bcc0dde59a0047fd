//! Totals of a capture, in the shape of the captures' `expected.json`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::tick::{Decimal, Side, Trade, WideDecimal};

/// What a capture holds. Maps are by native symbol.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Messages and records by kind.
    pub counts: Counts,
    /// What was traded.
    pub trades: BTreeMap<String, TradeTotals>,
    /// How the books ended.
    pub books: BTreeMap<String, BookTotals>,
    /// Checksums of books, per update that carries one.
    pub checksums: Checksums,
    /// Holes in the exchange's numbering, of books and of the connection.
    pub seq_gaps: u64,
    /// Holes among the trades, by their ids or the exchange's word about the last.
    pub trade_gaps: u64,
}

/// Messages and records by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Trade records; an aggregate is one.
    pub trades: u64,
    /// Past trades sent on subscription.
    pub trades_snapshot: u64,
    /// Whole books in the stream.
    pub book_snapshot_msgs: u64,
    /// Their levels.
    pub book_snapshot_levels: u64,
    /// Changes to books.
    pub book_delta_msgs: u64,
    /// Their levels.
    pub book_delta_levels: u64,
    /// Those of them whose size is zero.
    pub book_delta_removals: u64,
    /// Messages of the best bid and ask only.
    pub bbo: u64,
    /// Statistics.
    pub tickers: u64,
    /// Those that state a best bid or ask.
    pub tickers_with_bbo: u64,
    /// Candles.
    pub candles: u64,
    /// Those marked as final.
    pub candles_closed: u64,
    /// Accepted requests.
    pub acks: u64,
    /// Heartbeats.
    pub heartbeats: u64,
    /// The exchange about itself.
    pub status: u64,
    /// Refusals.
    pub errors: u64,
    /// Frames of the exchange that carry none of the above.
    pub other: u64,
    /// What is no frame of that exchange.
    pub unknown: u64,
    /// Frames and trades that came before.
    pub repeated: u64,
    /// Items of frames that could not be read, or that no market makes.
    pub rejected_items: u64,
}

/// What was traded of one symbol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TradeTotals {
    /// Records.
    pub count: u64,
    /// Sum of their sizes.
    pub volume: Sum,
    /// Of those whose taker bought.
    pub taker_buy_volume: Sum,
    /// Of those whose taker sold.
    pub taker_sell_volume: Sum,
    /// Price of the first, as written.
    pub first_price: String,
    /// Price of the last, as written.
    pub last_price: String,
}

impl TradeTotals {
    /// Before the first trade.
    pub(super) fn new(first: Decimal) -> Self {
        Self {
            count: 0,
            volume: Sum::default(),
            taker_buy_volume: Sum::default(),
            taker_sell_volume: Sum::default(),
            first_price: first.to_string(),
            last_price: first.to_string(),
        }
    }

    pub(super) fn add(&mut self, trade: &Trade) {
        self.count += 1;
        self.volume.add(trade.size);
        match trade.taker {
            Side::Bid => self.taker_buy_volume.add(trade.size),
            Side::Ask => self.taker_sell_volume.add(trade.size),
            Side::None => {}
        }
        self.last_price = trade.price.to_string();
    }
}

/// A sum of sizes, exact; written without trailing zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "Option<String>")]
pub struct Sum(
    /// `None` when it grew beyond what 128 bits hold.
    Option<WideDecimal>,
);

impl Default for Sum {
    fn default() -> Self {
        Self(Some(WideDecimal::ZERO))
    }
}

impl Sum {
    fn add(&mut self, size: Decimal) {
        self.0 = self.0.and_then(|sum| sum.checked_add(size));
    }
}

impl From<Sum> for Option<String> {
    fn from(sum: Sum) -> Self {
        let text = sum.0?.to_string();
        if !text.contains('.') {
            return Some(text);
        }
        Some(text.trim_end_matches('0').trim_end_matches('.').to_owned())
    }
}

/// How one book ended. Numbers of the exchange are texts, as they may exceed what a reader's
/// floats hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BookTotals {
    /// Changes seen.
    pub diff_events: u64,
    /// Breaks in their numbering.
    pub chain_gaps: u64,
    /// File name of the snapshot that was tried last.
    pub rest: Option<String>,
    /// Whether it joined and nothing broke since.
    pub synced: bool,
    /// First number of the first change.
    #[serde(rename = "first_U")]
    pub first_id: Option<String>,
    /// Last number of the last change.
    #[serde(rename = "last_u")]
    pub last_id: Option<String>,
    /// Number of the snapshot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rest_last_update_id: Option<String>,
    /// Levels of the snapshot, both sides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rest_levels: Option<usize>,
    /// The rest, of a book that was joined once.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub end: Option<BookEnd>,
}

/// The end of a book that was joined once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BookEnd {
    /// `live`, or `stale` when it was lost and not repaired.
    pub state: &'static str,
    /// Changes that were in the book already.
    pub stale_events: u64,
    /// Changes applied, and whole books that came in the stream.
    pub messages_applied: u64,
    /// Breaks in the numbering.
    pub gaps: u64,
    /// The exchange's number of the last update in it.
    pub last_seq: Option<String>,
    /// Price and size, as written; `None` with nothing on that side or while it is stale.
    pub best_bid: Option<[String; 2]>,
    /// See `best_bid`.
    pub best_ask: Option<[String; 2]>,
    /// Levels.
    pub bid_levels: usize,
    /// Levels.
    pub ask_levels: usize,
}

/// Checksums by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Checksums {
    /// They match.
    pub ok: u64,
    /// They do not.
    pub bad: u64,
    /// Sent as 0 by an exchange that has retired them.
    pub zero: u64,
}
