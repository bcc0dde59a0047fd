//! Ways from a frame of Deriv to ticks. Each fills the same kind of batch: symbols looked up,
//! decimals exact, which of bare numbers needs their text.

use serde::Deserialize;
use serde_json::value::RawValue;
use tickwire::clock::UnixNanos;
use tickwire::exchange::deriv::Deriv;
use tickwire::exchange::{Batch, Exchange, Frame};
use tickwire::instrument::{InstrumentId, NativeMap};
use tickwire::json::{JsonReader, PaddedFrame, Value};
use tickwire::tick::{Candle, Decimal, Interval, Quote, Tick, Ticker};

use super::Kind;
use crate::harness::{Candidate, PaddedText, Parse};

/// A candidate with its reused memory.
pub(super) struct Parser {
    candidate: Candidate,
    kind: Kind,
    adapter: Deriv,
    instruments: NativeMap,
    batch: Batch,
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

impl Parser {
    pub(super) fn new(candidate: Candidate, kind: Kind, symbols: &[String]) -> Self {
        let names = symbols.iter().map(String::as_str);
        let instruments = NativeMap::new(names.zip((0..).map(InstrumentId)));
        let mut adapter = Deriv::default();
        adapter.set_instruments(instruments.clone());
        let (batch, reader) = (Batch::new(), JsonReader::new());
        Self { candidate, kind, adapter, instruments, batch, reader }
    }

    fn tape(&mut self, frame: &mut PaddedText) {
        let Self { kind, instruments, batch, reader, .. } = self;
        batch.clear();
        let padded = PaddedFrame::new(&mut frame.bytes, frame.length);
        let walk = |root: Value<'_>| match kind {
            Kind::Tick => walk_tick(root, instruments, batch),
            Kind::Bar => walk_bar(root, instruments, batch),
        };
        reader.read(padded, walk).unwrap();
    }

    fn serde_json(&mut self, frame: &PaddedText) {
        let Self { instruments, batch, .. } = self;
        batch.clear();
        let message: Message<'_> = serde_json::from_slice(frame.text()).unwrap();
        batch.answered = message.req_id;
        if let Some(tick) = &message.tick {
            let price = |raw: &RawValue| decimal(raw.get().as_bytes());
            let sides = [tick.bid.map(price), tick.ask.map(price)];
            push_tick((tick.symbol, tick.epoch), price(tick.quote), sides, instruments, batch);
        }
        if let Some(bar) = &message.ohlc {
            let prices = [bar.open, bar.high, bar.low, bar.close];
            let prices = prices.map(|price| decimal(price.as_bytes()));
            push_bar(bar.symbol, (bar.epoch, bar.open_time), prices, instruments, batch);
        }
    }
}

impl Parse for Parser {
    fn parse(&mut self, frame: &mut PaddedText) {
        match self.candidate {
            Candidate::Recogniser => {
                let padded = PaddedFrame::new(&mut frame.bytes, frame.length);
                let read = self.adapter.parse(padded, &mut self.batch);
                assert!(matches!(read, Ok(Frame::Data { recognised: true })));
            }
            Candidate::General => {
                let padded = PaddedFrame::new(&mut frame.bytes, frame.length);
                self.adapter.parse_general(padded, &mut self.batch).unwrap();
            }
            Candidate::Tape => self.tape(frame),
            Candidate::SerdeJson => self.serde_json(frame),
        }
    }

    fn batch(&self) -> &Batch {
        &self.batch
    }
}

fn decimal(text: &[u8]) -> Decimal {
    Decimal::parse(text).unwrap()
}

fn walk_tick(root: Value<'_>, instruments: &NativeMap, batch: &mut Batch) {
    let (mut symbol, mut epoch, mut prices) = ("", 0, [None; 3]);
    for (key, value) in root.fields().unwrap() {
        match key {
            "req_id" => batch.answered = value.unsigned(),
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
    push_tick((symbol, epoch), quote.unwrap(), [bid, ask], instruments, batch);
}

fn walk_bar(root: Value<'_>, instruments: &NativeMap, batch: &mut Batch) {
    let (mut symbol, mut times, mut prices) = ("", (0, 0), [Decimal::ZERO; 4]);
    for (key, value) in root.fields().unwrap() {
        match key {
            "req_id" => batch.answered = value.unsigned(),
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
                    prices[place] = decimal(value.string().unwrap().as_bytes());
                }
            }
            _ => {}
        }
    }
    push_bar(symbol, times, prices, instruments, batch);
}

fn push_tick(
    (symbol, epoch): (&str, u64),
    quote: Decimal,
    [bid, ask]: [Option<Decimal>; 2],
    instruments: &NativeMap,
    batch: &mut Batch,
) {
    let instrument = instruments.find(symbol.as_bytes()).unwrap();
    let time = UnixNanos::from_millis(epoch * 1_000);
    let ticker = Ticker { last: Some(quote), bid, ask, ..Ticker::default() };
    for body in ticker.with_change().bodies() {
        batch.push(epoch, Tick::new(instrument, time, body));
    }
    let quote = Quote { bid, bid_size: None, ask, ask_size: None };
    batch.push_derived(epoch, Tick::new(instrument, time, quote.into()));
}

fn push_bar(
    symbol: &str,
    (epoch, open_time): (u64, u64),
    [open, high, low, close]: [Decimal; 4],
    instruments: &NativeMap,
    batch: &mut Batch,
) {
    let instrument = instruments.find(symbol.as_bytes()).unwrap();
    let open_time = UnixNanos::from_millis(open_time * 1_000);
    let candle = Candle::of(Interval::Minute1, open_time, [open, high, low, close]);
    for body in candle.bodies() {
        batch.push(None, Tick::new(instrument, UnixNanos::from_millis(epoch * 1_000), body));
    }
}
