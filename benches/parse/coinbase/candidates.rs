//! Ways from a frame of Coinbase to ticks. Each fills the same kind of batch: products looked up,
//! decimals exact, dates read by the same function.

use serde::Deserialize;
use simd_json::Node;
use tickwire::clock::UnixNanos;
use tickwire::exchange::BookKind;
use tickwire::json::date;
use tickwire::tick::{Quote, Side, Tick, Ticker, Trade, TradeId, WideDecimal};

use super::Kind;
use crate::harness::{self, PaddedText, Tapes, Ways, decimal, skip, string};

/// The other ways, with their reused memory.
pub(super) struct Typed {
    kind: Kind,
    tapes: Tapes,
}

impl Typed {
    pub(super) fn of(kind: Kind) -> Self {
        Self { kind, tapes: Tapes::default() }
    }
}

impl Ways for Typed {
    fn tape(&mut self, frame: &mut PaddedText, out: &mut harness::Out) {
        let (kind, out) = (self.kind, &mut Out(out));
        self.tapes.read(frame, |nodes| match kind.is_advanced() {
            true => Nodes(nodes).advanced(kind, out),
            false => Nodes(nodes).exchange(kind, out),
        });
    }

    fn serde_json(&mut self, text: &[u8], out: &mut harness::Out) {
        let out = &mut Out(out);
        match self.kind {
            Kind::Match => {
                let data: TradeData<'_, u64> = serde_json::from_slice(text).unwrap();
                out.trade(&data, data.trade_id);
            }
            Kind::Update => {
                let data: UpdateData<'_> = serde_json::from_slice(text).unwrap();
                for (side, price, size) in data.changes {
                    out.level(side_of(side), price, size);
                }
                out.book(data.product_id, BookKind::Delta, time(data.time), None);
            }
            Kind::Ticker => out.ticker(&serde_json::from_slice(text).unwrap(), None),
            Kind::Snapshot => {
                let data: SnapshotData<'_> = serde_json::from_slice(text).unwrap();
                for (side, levels) in [(Side::Ask, data.asks), (Side::Bid, data.bids)] {
                    levels.iter().for_each(|(price, size)| out.level(side, price, size));
                }
                out.book(data.product_id, BookKind::Snapshot, UnixNanos::NONE, None);
            }
            Kind::AdvancedTrades => {
                let data: Wrapped<'_, TradesEvent<'_>> = serde_json::from_slice(text).unwrap();
                data.events.iter().flat_map(|event| &event.trades).rev().for_each(|trade| {
                    out.trade(trade, trade.trade_id.parse().unwrap());
                });
            }
            Kind::AdvancedUpdate | Kind::AdvancedSnapshot => {
                let data: Wrapped<'_, BookEvent<'_>> = serde_json::from_slice(text).unwrap();
                for event in data.events {
                    let mut newest = UnixNanos::NONE;
                    for level in event.updates {
                        newest = newest.max(time(level.event_time));
                        out.level(side_of(level.side), level.price_level, level.new_quantity);
                    }
                    out.book(
                        event.product_id,
                        kind_of(event.kind),
                        newest,
                        Some(data.sequence_num),
                    );
                }
            }
            Kind::AdvancedTicker => {
                let data: Wrapped<'_, TickersEvent<'_>> = serde_json::from_slice(text).unwrap();
                let envelope = Some(time(data.timestamp));
                data.events.iter().flat_map(|event| &event.tickers).for_each(|ticker| {
                    out.ticker(ticker, envelope);
                });
            }
        }
    }
}

fn time(text: &str) -> UnixNanos {
    date(text.as_bytes()).unwrap()
}

fn side_of(text: &str) -> Side {
    match text {
        "buy" | "BUY" | "bid" => Side::Bid,
        _ => Side::Ask,
    }
}

fn kind_of(text: &str) -> BookKind {
    if text == "snapshot" { BookKind::Snapshot } else { BookKind::Delta }
}

/// What is filled.
struct Out<'a>(&'a mut harness::Out);

impl Out<'_> {
    fn trade<I>(&mut self, data: &TradeData<'_, I>, id: u64) {
        let taker = if side_of(data.side) == Side::Bid { Side::Ask } else { Side::Bid };
        let (price, size) = (decimal(data.price), decimal(data.size));
        let trade = Trade { taker, price, size, id: TradeId::Number(id) };
        let instrument = self.0.find(data.product_id);
        self.0.batch.push(id, Tick::new(instrument, time(data.time), trade.into()));
    }

    fn level(&mut self, side: Side, price: &str, size: &str) {
        self.0.level(side, price, size);
    }

    /// A book of all levels so far.
    fn book(&mut self, product: &str, kind: BookKind, at: UnixNanos, id: Option<u64>) {
        let book = self.0.book(self.0.find(product), kind, at, id);
        self.0.batch.books.push(book);
    }

    fn ticker(&mut self, data: &TickerData<'_>, envelope: Option<UnixNanos>) {
        // What is wrapped is numbered by its connection, which says nothing of the product.
        let (at, sequence) = match envelope {
            Some(at) => (at, None),
            None => (time(data.time.unwrap()), data.sequence),
        };
        let (bid, ask) = (decimal(data.best_bid), decimal(data.best_ask));
        let ticker = Ticker {
            last: Some(decimal(data.price)),
            open: data.open_24h.map(decimal),
            high: Some(decimal(data.high_24h)),
            low: Some(decimal(data.low_24h)),
            bid: Some(bid).filter(|price| !price.is_zero()),
            ask: Some(ask).filter(|price| !price.is_zero()),
            change_percent: data.change_percent.map(decimal),
            volume: Some(WideDecimal::parse(data.volume_24h.as_bytes()).unwrap()),
            ..Ticker::default()
        };
        let instrument = self.0.find(data.product_id);
        for body in ticker.with_change().bodies() {
            self.0.batch.push(sequence, Tick::new(instrument, at, body));
        }
        let quote = Quote {
            bid: ticker.bid,
            bid_size: data.best_bid_size.map(decimal).filter(|_| ticker.bid.is_some()),
            ask: ticker.ask,
            ask_size: data.best_ask_size.map(decimal).filter(|_| ticker.ask.is_some()),
        };
        self.0.batch.push_derived(sequence, Tick::new(instrument, at, quote.into()));
    }
}

#[derive(Deserialize)]
struct TradeData<'t, I> {
    /// Bare on the Exchange, a string on Advanced Trade.
    trade_id: I,
    side: &'t str,
    size: &'t str,
    price: &'t str,
    product_id: &'t str,
    time: &'t str,
}

#[derive(Deserialize)]
struct UpdateData<'t> {
    product_id: &'t str,
    #[serde(borrow)]
    changes: Vec<(&'t str, &'t str, &'t str)>,
    time: &'t str,
}

#[derive(Deserialize)]
struct SnapshotData<'t> {
    product_id: &'t str,
    #[serde(borrow)]
    asks: Vec<(&'t str, &'t str)>,
    #[serde(borrow)]
    bids: Vec<(&'t str, &'t str)>,
}

#[derive(Default, Deserialize)]
struct TickerData<'t> {
    sequence: Option<u64>,
    product_id: &'t str,
    price: &'t str,
    open_24h: Option<&'t str>,
    #[serde(alias = "volume_24_h")]
    volume_24h: &'t str,
    #[serde(alias = "low_24_h")]
    low_24h: &'t str,
    #[serde(alias = "high_24_h")]
    high_24h: &'t str,
    #[serde(rename = "price_percent_chg_24_h")]
    change_percent: Option<&'t str>,
    best_bid: &'t str,
    #[serde(alias = "best_bid_quantity")]
    best_bid_size: Option<&'t str>,
    best_ask: &'t str,
    #[serde(alias = "best_ask_quantity")]
    best_ask_size: Option<&'t str>,
    time: Option<&'t str>,
}

#[derive(Deserialize)]
struct Wrapped<'t, T> {
    timestamp: &'t str,
    sequence_num: u64,
    events: [T; 1],
}

#[derive(Deserialize)]
struct TradesEvent<'t> {
    #[serde(borrow)]
    trades: Vec<TradeData<'t, &'t str>>,
}

#[derive(Deserialize)]
struct TickersEvent<'t> {
    #[serde(borrow)]
    tickers: [TickerData<'t>; 1],
}

#[derive(Deserialize)]
struct BookEvent<'t> {
    #[serde(rename = "type")]
    kind: &'t str,
    product_id: &'t str,
    #[serde(borrow)]
    updates: Vec<LevelData<'t>>,
}

#[derive(Deserialize)]
struct LevelData<'t> {
    side: &'t str,
    event_time: &'t str,
    price_level: &'t str,
    new_quantity: &'t str,
}

/// A tape, walked once in any order of the keys.
#[derive(Clone, Copy)]
struct Nodes<'n, 't>(&'n [Node<'t>]);

impl<'n, 't: 'n> Nodes<'n, 't> {
    fn text(self, at: usize) -> &'t str {
        string(&self.0[at]).unwrap()
    }

    fn number(self, at: usize) -> u64 {
        let node = &self.0[at];
        string(node).map_or_else(|| harness::number(node) as u64, |text| text.parse().unwrap())
    }

    /// Calls `visit` with each key of an object and the place of its value.
    fn fields(self, at: usize, mut visit: impl FnMut(&'t str, usize)) {
        let end = skip(self.0, at);
        let mut next = at + 1;
        while next < end {
            visit(self.text(next), next + 1);
            next = skip(self.0, next + 1);
        }
    }

    /// Calls `visit` with the place of each item of an array.
    fn items(self, at: usize, mut visit: impl FnMut(usize)) {
        let end = skip(self.0, at);
        let mut next = at + 1;
        while next < end {
            visit(next);
            next = skip(self.0, next);
        }
    }

    fn exchange(self, kind: Kind, out: &mut Out<'_>) {
        match kind {
            Kind::Match => {
                let data = self.trade_data(0);
                out.trade(&data, data.trade_id);
            }
            Kind::Ticker => out.ticker(&self.ticker_data(0), None),
            _ => {
                let (mut product, mut at) = ("", UnixNanos::NONE);
                self.fields(0, |key, value| match key {
                    "product_id" => product = self.text(value),
                    "time" => at = time(self.text(value)),
                    // An array and three strings each.
                    "changes" => self.items(value, |level| {
                        let side = side_of(self.text(level + 1));
                        out.level(side, self.text(level + 2), self.text(level + 3));
                    }),
                    "bids" | "asks" => self.items(value, |level| {
                        let side = if key == "bids" { Side::Bid } else { Side::Ask };
                        out.level(side, self.text(level + 1), self.text(level + 2));
                    }),
                    _ => {}
                });
                let whole = kind == Kind::Snapshot;
                let kind = if whole { BookKind::Snapshot } else { BookKind::Delta };
                out.book(product, kind, at, None);
            }
        }
    }

    fn advanced(self, kind: Kind, out: &mut Out<'_>) {
        let (mut at, mut sequence, mut events) = (UnixNanos::NONE, 0, 0);
        self.fields(0, |key, value| match key {
            "timestamp" => at = time(self.text(value)),
            "sequence_num" => sequence = self.number(value),
            "events" => events = value,
            _ => {}
        });
        self.items(events, |event| match kind {
            Kind::AdvancedTrades => self.list(event, "trades", |trade| {
                let data = self.trade_data(trade);
                out.trade(&data, data.trade_id);
            }),
            Kind::AdvancedTicker => self.list(event, "tickers", |ticker| {
                out.ticker(&self.ticker_data(ticker), Some(at));
            }),
            _ => self.book(event, sequence, out),
        });
        if kind == Kind::AdvancedTrades {
            out.0.batch.ticks.reverse();
        }
    }

    fn list(self, event: usize, name: &str, mut visit: impl FnMut(usize)) {
        self.fields(event, |key, value| {
            if key == name {
                self.items(value, &mut visit);
            }
        });
    }

    fn book(self, event: usize, sequence: u64, out: &mut Out<'_>) {
        let (mut kind, mut product, mut newest) = ("", "", UnixNanos::NONE);
        self.fields(event, |key, value| match key {
            "type" => kind = self.text(value),
            "product_id" => product = self.text(value),
            "updates" => self.items(value, |level| {
                let (mut side, mut price, mut size) = (Side::None, "", "");
                self.fields(level, |key, value| match key {
                    "side" => side = side_of(self.text(value)),
                    "event_time" => newest = newest.max(time(self.text(value))),
                    "price_level" => price = self.text(value),
                    "new_quantity" => size = self.text(value),
                    _ => {}
                });
                out.level(side, price, size);
            }),
            _ => {}
        });
        out.book(product, kind_of(kind), newest, Some(sequence));
    }

    fn trade_data(self, at: usize) -> TradeData<'t, u64> {
        let mut data =
            TradeData { trade_id: 0, side: "", size: "", price: "", product_id: "", time: "" };
        self.fields(at, |key, value| match key {
            "trade_id" => data.trade_id = self.number(value),
            "side" => data.side = self.text(value),
            "size" => data.size = self.text(value),
            "price" => data.price = self.text(value),
            "product_id" => data.product_id = self.text(value),
            "time" => data.time = self.text(value),
            _ => {}
        });
        data
    }

    fn ticker_data(self, at: usize) -> TickerData<'t> {
        let mut data = TickerData::default();
        self.fields(at, |key, value| match key {
            "sequence" => data.sequence = Some(self.number(value)),
            "product_id" => data.product_id = self.text(value),
            "price" => data.price = self.text(value),
            "open_24h" => data.open_24h = Some(self.text(value)),
            "volume_24h" | "volume_24_h" => data.volume_24h = self.text(value),
            "low_24h" | "low_24_h" => data.low_24h = self.text(value),
            "high_24h" | "high_24_h" => data.high_24h = self.text(value),
            "price_percent_chg_24_h" => data.change_percent = Some(self.text(value)),
            "best_bid" => data.best_bid = self.text(value),
            "best_bid_size" | "best_bid_quantity" => data.best_bid_size = Some(self.text(value)),
            "best_ask" => data.best_ask = self.text(value),
            "best_ask_size" | "best_ask_quantity" => data.best_ask_size = Some(self.text(value)),
            "time" => data.time = Some(self.text(value)),
            _ => {}
        });
        data
    }
}
