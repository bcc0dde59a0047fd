//! Ways from a frame of Deriv to ticks. Each fills the same kind of batch: symbols looked up,
//! decimals exact, which of bare numbers needs their text.

use serde::Deserialize;
use serde_json::value::RawValue;
use tickwire::clock::UnixNanos;
use tickwire::json::{JsonReader, PaddedFrame, Value};
use tickwire::tick::{Candle, Decimal, Interval, Quote, Tick, Ticker};

use super::Kind;
use crate::harness::{Out, PaddedText, Ways, decimal};

/// The other ways, with their reused memory.
pub(super) struct Typed {
    kind: Kind,
    reader: JsonReader,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    tick: Option<TickData<'a>>,
    #[serde(borrow)]
    ohlc: Option<BarData<'a>>,
    req_id: Option<u64>,
}

#[derive(Deserialize)]
struct TickData<'a> {
    #[serde(borrow)]
    ask: Option<&'a RawValue>,
    #[serde(borrow)]
    bid: Option<&'a RawValue>,
    epoch: u64,
    #[serde(borrow)]
    quote: &'a RawValue,
    symbol: &'a str,
}

#[derive(Deserialize)]
struct BarData<'a> {
    close: &'a str,
    epoch: u64,
    high: &'a str,
    low: &'a str,
    open: &'a str,
    open_time: u64,
    symbol: &'a str,
}

impl Typed {
    pub(super) fn of(kind: Kind) -> Self {
        Self { kind, reader: JsonReader::new() }
    }
}

impl Ways for Typed {
    fn tape(&mut self, frame: &mut PaddedText, out: &mut Out) {
        let padded = PaddedFrame::new(&mut frame.bytes, frame.length);
        let walk = |root: Value<'_>| match self.kind {
            Kind::Tick => walk_tick(root, out),
            Kind::Bar => walk_bar(root, out),
        };
        self.reader.read(padded, walk).unwrap();
    }

    fn serde_json(&mut self, text: &[u8], out: &mut Out) {
        let message: Message<'_> = serde_json::from_slice(text).unwrap();
        out.batch.answered = message.req_id;
        if let Some(tick) = &message.tick {
            let price = |raw: &RawValue| decimal(raw.get());
            let sides = [tick.bid.map(price), tick.ask.map(price)];
            push_tick((tick.symbol, tick.epoch), price(tick.quote), sides, out);
        }
        if let Some(bar) = &message.ohlc {
            let prices = [bar.open, bar.high, bar.low, bar.close].map(decimal);
            push_bar(bar.symbol, (bar.epoch, bar.open_time), prices, out);
        }
    }
}

fn walk_tick(root: Value<'_>, out: &mut Out) {
    let (mut symbol, mut epoch, mut prices) = ("", 0, [None; 3]);
    for (key, value) in root.fields().unwrap() {
        match key {
            "req_id" => out.batch.answered = value.unsigned(),
            "tick" => {
                for (key, value) in value.fields().unwrap() {
                    let place = match key {
                        "bid" => 0,
                        "ask" => 1,
                        "quote" => 2,
                        "epoch" => {
                            epoch = value.unsigned().unwrap();
                            continue;
                        }
                        "symbol" => {
                            symbol = value.string().unwrap();
                            continue;
                        }
                        _ => continue,
                    };
                    prices[place] = value.number_text().map(decimal);
                }
            }
            _ => {}
        }
    }
    let [bid, ask, quote] = prices;
    push_tick((symbol, epoch), quote.unwrap(), [bid, ask], out);
}

fn walk_bar(root: Value<'_>, out: &mut Out) {
    let (mut symbol, mut times, mut prices) = ("", (0, 0), [Decimal::ZERO; 4]);
    for (key, value) in root.fields().unwrap() {
        match key {
            "req_id" => out.batch.answered = value.unsigned(),
            "ohlc" => {
                for (key, value) in value.fields().unwrap() {
                    let place = match key {
                        "open" => 0,
                        "high" => 1,
                        "low" => 2,
                        "close" => 3,
                        "epoch" => {
                            times.0 = value.unsigned().unwrap();
                            continue;
                        }
                        "open_time" => {
                            times.1 = value.unsigned().unwrap();
                            continue;
                        }
                        "symbol" => {
                            symbol = value.string().unwrap();
                            continue;
                        }
                        _ => continue,
                    };
                    prices[place] = decimal(value.string().unwrap());
                }
            }
            _ => {}
        }
    }
    push_bar(symbol, times, prices, out);
}

fn push_tick(
    (symbol, epoch): (&str, u64),
    quote: Decimal,
    [bid, ask]: [Option<Decimal>; 2],
    out: &mut Out,
) {
    let instrument = out.find(symbol);
    let time = UnixNanos::from_millis(epoch * 1_000);
    let ticker = Ticker { last: Some(quote), bid, ask, ..Ticker::default() };
    for body in ticker.with_change().bodies() {
        out.batch.push(epoch, Tick::new(instrument, time, body));
    }
    let quote = Quote { bid, bid_size: None, ask, ask_size: None };
    out.batch.push_derived(epoch, Tick::new(instrument, time, quote.into()));
}

fn push_bar(
    symbol: &str,
    (epoch, open_time): (u64, u64),
    [open, high, low, close]: [Decimal; 4],
    out: &mut Out,
) {
    let instrument = out.find(symbol);
    let open_time = UnixNanos::from_millis(open_time * 1_000);
    let candle = Candle::of(Interval::Minute1, open_time, [open, high, low, close]);
    for body in candle.bodies() {
        out.batch.push(None, Tick::new(instrument, UnixNanos::from_millis(epoch * 1_000), body));
    }
}
