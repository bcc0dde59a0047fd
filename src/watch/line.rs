//! One event as one line.
//!
//! Numbers are printed with the digits that came: they are never read as numbers here.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use serde::Deserialize;
use serde_json::value::RawValue;

/// Levels of each side of a book's change that are printed.
const LEVELS_SHOWN: usize = 3;

/// Characters that an instrument takes at least, so that lines stand in columns from the first on.
const INSTRUMENT_WIDTH: usize = 18;

/// A message of the gateway.
#[derive(Debug, Deserialize)]
pub(crate) struct Envelope<'a> {
    #[serde(rename = "type", borrow)]
    pub(super) kind: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) data: Option<&'a RawValue>,
    pub(super) seq: Option<u64>,
    pub(super) conflated: Option<u64>,
    pub(super) timestamp: Option<i64>,
    pub(super) code: Option<Box<str>>,
    pub(super) message: Option<Box<str>>,
}

/// The data of any event.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Data<'a> {
    pub(super) symbol: Option<Box<str>>,
    pub(super) exchange: Option<Box<str>>,
    pub(super) timestamp: Option<i64>,
    snapshot: Option<bool>,
    side: Option<Box<str>>,
    pub(super) kind: Option<Box<str>>,
    interval: Option<Box<str>>,
    pub(super) channel: Option<Box<str>>,
    pub(super) state: Option<Box<str>>,
    pub(super) reason: Option<Box<str>>,
    attempt: Option<u64>,
    closed: Option<bool>,
    partial: Option<bool>,
    from_seq: Option<u64>,
    to_seq: Option<u64>,
    #[serde(borrow)]
    trades: Option<&'a RawValue>,
    pub(super) price: Option<&'a RawValue>,
    volume: Option<&'a RawValue>,
    pub(super) bid: Option<&'a RawValue>,
    pub(super) bid_size: Option<&'a RawValue>,
    pub(super) ask: Option<&'a RawValue>,
    pub(super) ask_size: Option<&'a RawValue>,
    pub(super) last: Option<&'a RawValue>,
    open: Option<&'a RawValue>,
    high: Option<&'a RawValue>,
    low: Option<&'a RawValue>,
    close: Option<&'a RawValue>,
    pub(super) change_percent: Option<&'a RawValue>,
    pub(super) bids: Vec<[&'a RawValue; 2]>,
    pub(super) asks: Vec<[&'a RawValue; 2]>,
}

impl Data<'_> {
    /// `exchange:symbol`, or the exchange alone.
    pub(super) fn instrument(&self) -> String {
        let exchange = self.exchange.as_deref().unwrap_or("-");
        match self.symbol.as_deref() {
            Some(symbol) => format!("{exchange}:{symbol}"),
            None => exchange.to_owned(),
        }
    }
}

/// The channel that an event of this type belongs to; `None` for what carries no event.
pub(super) fn channel_of(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "trade" => "trades",
        "quote" => "quotes",
        "ticker" => "ticker",
        "orderbook" => "orderbook",
        "candle" => "candles",
        _ => return None,
    })
}

/// Whether a message is printed at all.
pub(super) fn is_event(kind: &str) -> bool {
    channel_of(kind).is_some() || matches!(kind, "gap" | "status" | "message")
}

/// Writes events under each other.
#[derive(Debug)]
pub(super) struct Columns {
    text: String,
    /// The longest instrument so far.
    width: usize,
}

impl Columns {
    pub(super) const fn new() -> Self {
        Self { text: String::new(), width: INSTRUMENT_WIDTH }
    }

    /// The line of one event, without its end.
    pub(super) fn line(&mut self, envelope: &Envelope<'_>, data: &Data<'_>) -> &str {
        let instrument = data.instrument();
        self.width = self.width.max(instrument.len());
        self.text.clear();
        let time = Time(data.timestamp.or(envelope.timestamp));
        let (width, kind) = (self.width, &*envelope.kind);
        // Writing to a String cannot fail.
        let _ = write!(self.text, "{time}  {instrument:width$}  {kind:<9}  ");
        let _ = self.body(kind, data, envelope);
        if let Some(seq) = envelope.seq {
            let _ = write!(self.text, "  #{seq}");
        }
        if let Some(conflated) = envelope.conflated {
            let _ = write!(self.text, " (+{conflated} conflated)");
        }
        if data.snapshot == Some(true) {
            self.text.push_str(" (snapshot)");
        }
        &self.text
    }

    fn body(&mut self, kind: &str, data: &Data<'_>, envelope: &Envelope<'_>) -> fmt::Result {
        let out = &mut self.text;
        match kind {
            "trade" => {
                let side = data.side.as_deref().unwrap_or("-");
                write!(out, "{side:<4} {} @ {}", Raw(data.volume), Raw(data.price))
            }
            "quote" => {
                write!(out, "{} x {}", Raw(data.bid), Raw(data.bid_size))?;
                write!(out, "  |  {} x {}", Raw(data.ask), Raw(data.ask_size))
            }
            "ticker" => {
                write!(out, "last {} ({} %)", Raw(data.last), Raw(data.change_percent))?;
                write!(out, "  high {}  low {}", Raw(data.high), Raw(data.low))?;
                write!(out, "  volume {}", Raw(data.volume))
            }
            "orderbook" => book(out, data),
            "candle" => {
                write!(out, "{:<3} open {}", Text(&data.interval), Raw(data.open))?;
                write!(out, " high {} low {}", Raw(data.high), Raw(data.low))?;
                write!(out, " close {} volume {}", Raw(data.close), Raw(data.volume))?;
                write!(out, " trades {}", Raw(data.trades))?;
                out.write_str(if data.closed == Some(true) { " closed" } else { "" })?;
                out.write_str(if data.partial == Some(true) { " partial" } else { "" })
            }
            "gap" => {
                let (from, to) = (data.from_seq.unwrap_or(0), data.to_seq.unwrap_or(0));
                let (channel, reason) = (Text(&data.channel), Text(&data.reason));
                write!(out, "{channel}: {from} to {to} are missing ({reason})")
            }
            "status" => {
                if data.channel.is_some() {
                    write!(out, "{}: ", Text(&data.channel))?;
                }
                write!(out, "{}", Text(&data.state))?;
                if let Some(attempt) = data.attempt {
                    write!(out, ", attempt {attempt}")?;
                }
                if data.reason.is_some() {
                    write!(out, " ({})", Text(&data.reason))?;
                }
                Ok(())
            }
            _ => write!(out, "{}", Raw(envelope.data)),
        }
    }
}

/// A book's best levels, or what of it changed.
fn book(out: &mut String, data: &Data<'_>) -> fmt::Result {
    write!(out, "{:<8}", Text(&data.kind))?;
    for (name, levels) in [("bids", &data.bids), ("asks", &data.asks)] {
        write!(out, " {} {name}", levels.len())?;
        for [price, size] in levels.iter().take(LEVELS_SHOWN) {
            write!(out, " {price}:{size}")?;
        }
        if levels.len() > LEVELS_SHOWN {
            out.push_str(" …");
        }
    }
    Ok(())
}

/// A number as it came; `-` where there is none.
struct Raw<'a>(Option<&'a RawValue>);

impl fmt::Display for Raw<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.map_or("-", RawValue::get))
    }
}

/// A word; `-` where there is none.
struct Text<'a>(&'a Option<Box<str>>);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0.as_deref().unwrap_or("-"))
    }
}

/// Time of day, UTC, of milliseconds since 1970.
pub(super) struct Time(pub(super) Option<i64>);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(millis) = self.0 else { return f.write_str("--:--:--.---") };
        let of_day = millis.rem_euclid(24 * 3_600_000);
        let (hours, minutes) = (of_day / 3_600_000, of_day / 60_000 % 60);
        let (seconds, millis) = (of_day / 1_000 % 60, of_day % 1_000);
        write!(f, "{hours:02}:{minutes:02}:{seconds:02}.{millis:03}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(messages: &[&str]) -> Vec<String> {
        let mut lines = Columns::new();
        let line = |text: &&str| {
            let envelope: Envelope<'_> = serde_json::from_str(text).unwrap();
            let data = envelope.data.map(|data| serde_json::from_str(data.get()).unwrap());
            lines.line(&envelope, &data.unwrap_or_default()).to_owned()
        };
        messages.iter().map(line).collect()
    }

    #[test]
    fn every_event_is_one_line_with_the_digits_that_came() {
        let trade = r#"{"type":"trade","data":{"symbol":"BTC/USDT","exchange":"binance",
            "price":65000.10,"volume":0.0150,"side":"buy","tradeId":"1",
            "timestamp":1700000000123},"seq":42,"timestamp":1700000000125}"#;
        let quote = r#"{"type":"quote","data":{"symbol":"A","exchange":"b","bid":null,
            "bidSize":null,"ask":65000.10,"askSize":0.40,"timestamp":1700000000123},"seq":9,
            "conflated":3,"timestamp":1}"#;
        let book = r#"{"type":"orderbook","data":{"symbol":"A","exchange":"b","kind":"update",
            "bids":[[4,1],[3,1],[2,0],[1,0]],"asks":[],"timestamp":1700000000223,
            "snapshot":true},"seq":2,"timestamp":1}"#;
        let candle = r#"{"type":"candle","data":{"symbol":"A","exchange":"b","interval":"1m",
            "openTime":1,"open":1.0,"high":2,"low":1,"close":2,"volume":3,"trades":4,
            "closed":true},"seq":5,"timestamp":1700000000125}"#;
        let lines = lines(&[trade, quote, book, candle]);
        assert_eq!(
            lines,
            [
                "22:13:20.123  binance:BTC/USDT    trade      buy  0.0150 @ 65000.10  #42",
                "22:13:20.123  b:A                 quote      - x -  |  65000.10 x 0.40  #9 \
                 (+3 conflated)",
                "22:13:20.223  b:A                 orderbook  update   4 bids 4:1 3:1 2:0 … 0 asks  \
                 #2 (snapshot)",
                "22:13:20.125  b:A                 candle     1m  open 1.0 high 2 low 1 close 2 \
                 volume 3 trades 4 closed  #5",
            ]
        );
    }

    #[test]
    fn states_and_gaps_read_as_sentences() {
        let feed = r#"{"type":"status","data":{"exchange":"kraken","state":"reconnecting",
            "attempt":2,"reason":"connection reset"},"timestamp":1700000000125}"#;
        let gap = r#"{"type":"gap","data":{"symbol":"A","exchange":"b","channel":"trades",
            "fromSeq":43,"toSeq":57,"reason":"slow_consumer"}}"#;
        assert_eq!(
            lines(&[feed, gap]),
            [
                "22:13:20.125  kraken              status     reconnecting, attempt 2 (connection reset)",
                "--:--:--.---  b:A                 gap        trades: 43 to 57 are missing (slow_consumer)",
            ]
        );
    }
}
