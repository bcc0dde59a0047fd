//! What the client was told, held against what the exchange did.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use tickwire::sim::{BookSide, PastBook, TrueTrade, level_print};

use super::candles::{CandleData, Candles};
use super::kinds::{Books, Kind, Trades};

/// A message of the gateway, of any type.
#[derive(Deserialize)]
struct Message<'a> {
    r#type: &'a str,
    #[serde(borrow, default)]
    data: Data<'a>,
}

/// All that the judge reads of any type.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Data<'a> {
    symbol: Option<&'a str>,
    channel: Option<&'a str>,
    kind: Option<&'a str>,
    state: Option<&'a str>,
    reason: Option<&'a str>,
    side: Option<&'a str>,
    trade_id: Option<&'a str>,
    #[serde(borrow)]
    price: Option<&'a RawValue>,
    #[serde(borrow)]
    volume: Option<&'a RawValue>,
    #[serde(borrow)]
    bids: Vec<(&'a RawValue, &'a RawValue)>,
    #[serde(borrow)]
    asks: Vec<(&'a RawValue, &'a RawValue)>,
    from_seq: Option<u64>,
    to_seq: Option<u64>,
    #[serde(borrow)]
    last: Option<&'a RawValue>,
    timestamp: Option<u64>,
}

/// A message about a candle.
#[derive(Deserialize)]
struct CandleMessage<'a> {
    #[serde(borrow)]
    data: CandleData<'a>,
}

/// An answer with candles.
#[derive(Deserialize)]
struct HistoryMessage<'a> {
    #[serde(borrow)]
    data: HistoryData<'a>,
}

#[derive(Deserialize)]
struct HistoryData<'a> {
    #[serde(borrow)]
    events: Vec<CandleData<'a>>,
    complete: bool,
}

/// One trade as the client was told it, numbers in units of 10⁻¹².
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    id: u64,
    price: i128,
    size: i128,
    taker: BookSide,
    /// Trades that were told as missing before it.
    missing: u64,
}

/// One instrument as its client sees it.
#[derive(Debug, Default)]
struct Seen {
    levels: BTreeMap<(u8, i128), i128>,
    /// The sum of the levels' fingerprints.
    print: u64,
    live: bool,
    /// Which of the exchange's states it was last found to be.
    at: usize,
    books: usize,
    resyncs: usize,
    trades: Vec<Told>,
    /// Trades told as missing since the last one.
    missing: u64,
}

/// Judges one client.
pub(super) struct Judge {
    kind: &'static Kind,
    /// As clients write them.
    symbols: Vec<String>,
    seen: Vec<Seen>,
    pub(super) candles: Candles,
}

impl Judge {
    pub(super) fn new(kind: &'static Kind, symbols: Vec<String>, candles: Candles) -> Self {
        let seen = symbols.iter().map(|_| Seen::default()).collect();
        Self { kind, symbols, seen, candles }
    }

    /// What asks for the candles of every instrument that were told.
    pub(super) fn ask_history(&self) -> Vec<String> {
        let interval = self.candles.interval().name();
        let symbols = self.symbols.iter().enumerate();
        let ask = symbols.map(|(index, symbol)| {
            let from = self.candles.history_from(index);
            format!(
                r#"{{"action":"history","symbol":"{symbol}","channel":"candles","interval":"{interval}","from":{from},"limit":5000}}"#
            )
        });
        ask.collect()
    }

    /// Takes one message; `past` gives the states that a book had. Returns what is worth a line of
    /// the trace.
    pub(super) fn take<'p>(
        &mut self,
        text: &[u8],
        past: impl FnOnce(usize) -> &'p [PastBook],
    ) -> Result<Option<String>, String> {
        let Message { r#type, data } = read::<Message<'_>>(text)?;
        let own = |symbol: &str| self.symbols.iter().position(|known| known == symbol);
        let index = data.symbol.and_then(own);
        let (Some(index), kind) = (index, r#type) else {
            return match r#type {
                "error" => Err(String::from_utf8_lossy(text).into_owned()),
                "status" => Ok(data.state.map(|state| format!("client: the feed is {state}"))),
                _ => Ok(None),
            };
        };
        let seen = &mut self.seen[index];
        let mut line = None;
        match kind {
            "trade" => seen.trade(&data)?,
            "ticker" => seen.price(&data)?,
            "gap" if data.channel == Some("trades") => {
                let missing = data.to_seq.zip(data.from_seq).map_or(0, |(to, from)| to + 1 - from);
                seen.missing += missing;
                line = Some(format!("client: {missing} trades of {} missing", self.symbols[index]));
            }
            "orderbook" => seen.book(&data)?,
            "candle" => self.candles.take(index, &read::<CandleMessage<'_>>(text)?.data)?,
            "history" => {
                let HistoryData { events, complete } = read::<HistoryMessage<'_>>(text)?.data;
                self.candles.take_history(index, &events, complete);
            }
            "status" if data.channel == Some("orderbook") => {
                let live = data.state == Some("live");
                if live && !seen.live {
                    // A slower line may repair it, and bring what is older than what was shown.
                    seen.resyncs += 1;
                    seen.at = 0;
                }
                seen.live = live;
                let (state, reason) = (data.state.unwrap_or("?"), data.reason.unwrap_or("-"));
                line = Some(format!("client: {} is {state} ({reason})", self.symbols[index]));
            }
            _ => {}
        }
        if matches!(kind, "orderbook" | "status") && seen.live {
            seen.check(self.kind, past(index)).map_err(|wrong| {
                let (symbol, told) = (&self.symbols[index], String::from_utf8_lossy(text));
                format!("{symbol}: {wrong}, after {told:.300}")
            })?;
        }
        Ok(line)
    }

    /// Whether the book is live and at least as new as a state, and the trades are told up to an
    /// id.
    pub(super) fn has(
        &self,
        index: usize,
        past: &[PastBook],
        at: usize,
        id: u64,
    ) -> Result<(), String> {
        let (seen, symbol) = (&self.seen[index], &self.symbols[index]);
        if !seen.live && self.kind.books != Books::None {
            return Err(format!("the book of {symbol} is not live"));
        }
        self.may_show(index, past, at)?;
        let last = seen.trades.last().map_or(0, |told| told.id);
        let is_told = match self.kind.trades {
            Trades::Prices => last >= id,
            // Ids begin anew at times, so that a higher one may be from before.
            Trades::Matches | Trades::Orders | Trades::Unnumbered => {
                id == 0 || seen.trades.iter().rev().any(|told| told.id == id)
            }
        };
        match is_told {
            true => Ok(()),
            false => Err(format!("trades of {symbol} end at {last}, not {id}")),
        }
    }

    /// Whether a book that is shown as live is at least as new as a state.
    pub(super) fn may_show(
        &self,
        index: usize,
        past: &[PastBook],
        at: usize,
    ) -> Result<(), String> {
        let seen = &self.seen[index];
        // A book may come back to what it was.
        let is_new = || {
            let print = seen.proven(self.kind);
            past[at..].iter().any(|state| is_known_as(state, print))
        };
        if !seen.live || seen.at >= at || is_new() {
            return Ok(());
        }
        Err(format!("the book of {} stays at state {}, not {at}", self.symbols[index], seen.at))
    }

    /// Whether every trade told is one of the exchange's, and what is missing between two was told
    /// as missing.
    pub(super) fn judge_trades(&self, index: usize, truth: &[TrueTrade]) -> Result<(), String> {
        let mut real: Vec<Told> = truth.iter().map(|trade| self.kind.told(trade)).collect();
        real.dedup_by(|later, first| {
            let same = later.id == first.id;
            first.size += if same { later.size } else { 0 };
            same
        });
        let symbol = &self.symbols[index];
        // Where the one before was found.
        let mut last: Option<usize> = None;
        for told in &self.seen[index].trades {
            let from = last.map_or(0, |last| last + 1);
            let same = |real: &Told| {
                real.id == told.id
                    && (real.price, real.size, real.taker) == (told.price, told.size, told.taker)
            };
            let place = real[from..].iter().position(same).map(|offset| from + offset);
            let place = place.ok_or_else(|| {
                let before = last.map(|last| &real[last]);
                format!("{symbol}: {told:?} was told after {before:?}, behind which it never was")
            })?;
            if let Some(last) = last.replace(place) {
                self.judge_hole(&real[last..=place], told).map_err(|skipped| {
                    format!("{symbol}: {skipped} trades are missing before {told:?}")
                })?;
            }
        }
        Ok(())
    }

    /// Whether what is missing between the first and the last of these was told before the last; how
    /// much it is, if not.
    fn judge_hole(&self, between: &[Told], told: &Told) -> Result<(), u64> {
        // A number may stand for several trades: for all from the one before it on.
        let (first, before) = (&between[0], &between[between.len() - 2]);
        let skipped = before.id.saturating_sub(first.id);
        let is_whole = between.len() == 2;
        // Low numbers that begin anew may well be above those before, which began so themselves:
        // to whoever reads them all in between are missing then.
        let begins_anew = !between.is_sorted_by(|one, next| one.id + 1 == next.id);
        // Without numbers, or with some that began anew, it can be told that some may be missing,
        // not how many.
        let is_told = match self.kind.trades {
            Trades::Matches | Trades::Orders if !begins_anew => skipped == told.missing,
            Trades::Matches | Trades::Orders | Trades::Unnumbered => is_whole || told.missing > 0,
            Trades::Prices => true,
        };
        if is_told { Ok(()) } else { Err(skipped) }
    }

    /// Trades, events of books and repairs.
    pub(super) fn counts(&self) -> [usize; 3] {
        let sum = |count: fn(&Seen) -> usize| self.seen.iter().map(count).sum();
        [sum(|seen| seen.trades.len()), sum(|seen| seen.books), sum(|seen| seen.resyncs)]
    }
}

impl Kind {
    /// A true trade as this exchange numbers it.
    fn told(&self, trade: &TrueTrade) -> Told {
        let TrueTrade { price, size, taker, .. } = trade;
        let (price, size) = (units(price), units(size));
        Told { id: self.id(trade), price, size, taker: *taker, missing: 0 }
    }
}

impl Seen {
    fn trade(&mut self, data: &Data<'_>) -> Result<(), String> {
        let number = |value: Option<&RawValue>| units(value.map_or("", RawValue::get));
        let told = Told {
            id: data.trade_id.and_then(number_of).ok_or("a trade without an id")?,
            price: number(data.price),
            size: number(data.volume),
            taker: if data.side == Some("buy") { BookSide::Bid } else { BookSide::Ask },
            missing: std::mem::take(&mut self.missing),
        };
        self.trades.push(told);
        Ok(())
    }

    /// A price of a second, which is its number.
    fn price(&mut self, data: &Data<'_>) -> Result<(), String> {
        let price = units(data.last.map_or("", RawValue::get));
        let id = data.timestamp.ok_or("a price without a time")? / 1_000;
        self.trades.push(Told { id, price, size: 0, taker: BookSide::Bid, missing: 0 });
        Ok(())
    }

    fn book(&mut self, data: &Data<'_>) -> Result<(), String> {
        self.books += 1;
        if data.kind == Some("snapshot") {
            self.levels.clear();
            self.print = 0;
        }
        for (side, levels) in [(BookSide::Bid, &data.bids), (BookSide::Ask, &data.asks)] {
            for (price, size) in levels {
                let (price, size) = (units(price.get()), units(size.get()));
                let before = match size {
                    0 => self.levels.remove(&(side as u8, price)),
                    _ => self.levels.insert((side as u8, price), size),
                };
                let print = |size| if size == 0 { 0 } else { level_print(side, price, size) };
                self.print = self.print.wrapping_sub(before.map_or(0, print));
                self.print = self.print.wrapping_add(print(size));
            }
        }
        Ok(())
    }

    /// The fingerprint of the levels that are proven.
    fn proven(&self, kind: &Kind) -> u64 {
        let depth = kind.depth;
        if depth >= self.levels.len() {
            return self.print;
        }
        let bids = self.levels.range((0, i128::MIN)..(1, i128::MIN)).rev().take(depth);
        let asks = self.levels.range((1, i128::MIN)..).take(depth);
        let bids = bids.map(|((_, price), size)| level_print(BookSide::Bid, *price, *size));
        let asks = asks.map(|((_, price), size)| level_print(BookSide::Ask, *price, *size));
        bids.chain(asks).fold(0, u64::wrapping_add)
    }

    /// A book that is live is one that the exchange had, not before the last.
    fn check(&mut self, kind: &Kind, past: &[PastBook]) -> Result<(), String> {
        let print = self.proven(kind);
        let found = past[self.at..].iter().position(|state| is_known_as(state, print));
        match found {
            Some(later) => {
                self.at += later;
                Ok(())
            }
            None => Err(format!(
                "live, but no book that the exchange had from state {} to {}",
                self.at,
                past.len() - 1
            )),
        }
    }
}

/// Whether a client that is told the truth may know a state by this fingerprint: all of it, or all but
/// what its first answer had no room for.
const fn is_known_as(state: &PastBook, print: u64) -> bool {
    state.print == print || state.print.wrapping_sub(state.untold) == print
}

fn read<'t, T: Deserialize<'t>>(text: &'t [u8]) -> Result<T, String> {
    serde_json::from_slice(text)
        .map_err(|error| format!("{error} in {}", String::from_utf8_lossy(text)))
}

/// The number that the simulator gave a trade: its id, or the end of one that is a UUID.
fn number_of(id: &str) -> Option<u64> {
    match id.rsplit_once('-') {
        Some((_, end)) => u64::from_str_radix(end, 16).ok(),
        None => id.parse().ok(),
    }
}

/// A decimal in units of 10⁻¹².
pub(super) fn units(text: &str) -> i128 {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits: i128 = format!("{whole}{part}").parse().unwrap_or(i128::MIN);
    digits.saturating_mul(10_i128.pow(12_u32.saturating_sub(part.len() as u32)))
}
