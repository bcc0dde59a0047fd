//! Frames of both of Coinbase's feeds: generated in the shapes of the wire, and recorded ones where
//! they are at hand.

mod candidates;

use candidates::Typed;
use tickwire::exchange::coinbase::Coinbase;
use tickwire::exchange::coinbase_advanced::CoinbaseAdvanced;

use crate::harness::{FRAMES_MAX, Frames, Random, Subject, generated, of_kind, recordings};

/// What a frame says, and on which feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Match,
    Update,
    Ticker,
    Snapshot,
    AdvancedTrades,
    AdvancedUpdate,
    AdvancedTicker,
    AdvancedSnapshot,
}

impl Kind {
    const ALL: [Self; 8] = [
        Self::Match,
        Self::Update,
        Self::Ticker,
        Self::Snapshot,
        Self::AdvancedTrades,
        Self::AdvancedUpdate,
        Self::AdvancedTicker,
        Self::AdvancedSnapshot,
    ];

    pub(crate) const fn is_advanced(self) -> bool {
        matches!(
            self,
            Self::AdvancedTrades
                | Self::AdvancedUpdate
                | Self::AdvancedTicker
                | Self::AdvancedSnapshot
        )
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::Update => "l2update",
            Self::Ticker | Self::AdvancedTicker => "ticker",
            Self::Snapshot => "snapshot",
            Self::AdvancedTrades => "market_trades",
            Self::AdvancedUpdate => "l2_data",
            Self::AdvancedSnapshot => "l2_data_snapshot",
        }
    }

    /// Whether a recorded frame is of this kind.
    fn is_of(self, frame: &str) -> bool {
        let has = |mark: &str| frame.contains(mark);
        match self {
            Self::Match => has("\"type\":\"match\""),
            Self::Update => has("\"type\":\"l2update\""),
            Self::Ticker => has("{\"type\":\"ticker\",\"sequence\""),
            Self::Snapshot => has("{\"type\":\"snapshot\",\"product_id\"") && !has("\"l2_data\""),
            Self::AdvancedTrades => has("\"market_trades\"") && has("\"update\""),
            Self::AdvancedUpdate => has("\"l2_data\"") && has("\"type\":\"update\""),
            Self::AdvancedTicker => has("\"channel\":\"ticker\""),
            Self::AdvancedSnapshot => has("\"l2_data\"") && has("\"type\":\"snapshot\""),
        }
    }
}

/// Everything that is measured.
pub(crate) fn subjects() -> Vec<Subject> {
    let mut subjects = Vec::new();
    for kind in Kind::ALL {
        let whole = matches!(kind, Kind::Snapshot | Kind::AdvancedSnapshot);
        let count = if whole { 16 } else { FRAMES_MAX };
        let products = PRODUCTS.iter().map(|(product, ..)| *product);
        let drawn = generated(kind as u64, count, products, move |random| frame(kind, random));
        let feed = if kind.is_advanced() { "coinbase-advanced" } else { "coinbase" };
        subjects.push(subject(kind, feed, drawn));
    }
    for (name, frames) in recordings("coinbase-") {
        for kind in Kind::ALL {
            let recorded = of_kind(&frames, |frame| kind.is_of(frame), "\"product_id\":\"");
            subjects.extend(recorded.map(|recorded| subject(kind, &name, recorded)));
        }
    }
    subjects
}

fn subject(kind: Kind, name: &str, frames: Frames) -> Subject {
    let name = format!("{name}.{}", kind.name());
    let ways = move || Typed::of(kind);
    match kind.is_advanced() {
        true => Subject::new(name, frames, CoinbaseAdvanced::new, ways),
        false => Subject::new(name, frames, Coinbase::new, ways),
    }
}

/// Products, with the order of magnitude of their prices and the digits of prices and sizes.
const PRODUCTS: [(&str, u64, usize, usize); 5] = [
    ("BTC-USD", 65_000, 2, 8),
    ("ETH-USD", 2_500, 2, 8),
    ("SKL-GBP", 1, 4, 1),
    ("SKL-BTC", 1, 8, 1),
    ("NU-GBP", 1, 4, 6),
];

/// What a frame is about.
struct Drawn {
    product: &'static str,
    /// The order of magnitude of its prices and of this frame's sizes, and their digits.
    scale: u64,
    price_digits: usize,
    size_scale: u64,
    size_digits: usize,
    time: String,
    stamp: String,
    id: u64,
    sequence: u64,
    is_bid: bool,
    prices: [String; 5],
    sizes: [String; 3],
}

fn frame(kind: Kind, random: &mut Random) -> String {
    let drawn = Drawn::new(random);
    match kind {
        Kind::Match => drawn.matched(),
        Kind::Update => drawn.update(random),
        Kind::Ticker => drawn.ticker(),
        Kind::Snapshot => drawn.snapshot(random),
        Kind::AdvancedTrades => drawn.advanced_trades(random),
        Kind::AdvancedUpdate | Kind::AdvancedSnapshot => {
            drawn.advanced_book(kind == Kind::AdvancedSnapshot, random)
        }
        Kind::AdvancedTicker => drawn.advanced_ticker(),
    }
}

impl Drawn {
    fn new(random: &mut Random) -> Self {
        let (product, scale, price_digits, size_digits) = PRODUCTS[random.below(5) as usize];
        let micros = random.below(1_000_000);
        let second = random.below(60);
        let time = format!("2026-08-09T21:05:{second:02}.{micros:06}Z");
        let stamp = format!("2026-08-09T21:05:{second:02}.{micros:06}391Z");
        let id = 4_197_008 + random.below(1_000_000_000);
        let sequence = 50_978_628_538 + random.below(1_000_000_000);
        let is_bid = random.below(2) == 0;
        let size_scale = 10_u64.pow(random.below(5) as u32);
        let prices = std::array::from_fn(|_| random.decimal(scale, price_digits));
        let sizes = std::array::from_fn(|_| random.short_decimal(size_scale, size_digits));
        Self {
            product,
            scale,
            price_digits,
            size_scale,
            size_digits,
            time,
            stamp,
            id,
            sequence,
            is_bid,
            prices,
            sizes,
        }
    }

    /// The date as the newer feed writes it, without zeros at its end.
    fn short_time(&self) -> String {
        self.time.trim_end_matches('Z').trim_end_matches('0').to_owned() + "Z"
    }

    fn envelope(&self, channel: &str, events: String) -> String {
        format!(
            r#"{{"channel":"{channel}","timestamp":"{}","sequence_num":{},"events":[{events}]}}"#,
            self.stamp,
            self.sequence % 1_000_000
        )
    }

    fn matched(&self) -> String {
        let Self { product, time, id, sequence, prices, sizes, .. } = self;
        format!(
            r#"{{"type":"match","trade_id":{id},"maker_order_id":"27fff20b-af29-4f45-8744-56dd1ef57dc0","taker_order_id":"1da6ce16-c8da-4732-9f71-6049f4c6aaf8","side":"{}","size":"{}","price":"{}","product_id":"{product}","sequence":{sequence},"time":"{time}"}}"#,
            if self.is_bid { "buy" } else { "sell" },
            sizes[0],
            prices[0]
        )
    }

    fn level(&self, random: &mut Random) -> (String, String) {
        let price = random.decimal(self.scale, self.price_digits);
        (price, random.decimal(self.size_scale, self.size_digits))
    }

    fn update(&self, random: &mut Random) -> String {
        // A batch over 50 ms; one in two has a single change.
        let count = if random.below(2) == 0 { 1 } else { 1 + random.below(8) };
        let changes: Vec<String> = (0..count)
            .map(|_| {
                let side = if random.below(2) == 0 { "buy" } else { "sell" };
                let (price, size) = self.level(random);
                format!(r#"["{side}","{price}","{size}"]"#)
            })
            .collect();
        format!(
            r#"{{"type":"l2update","product_id":"{}","changes":[{}],"time":"{}"}}"#,
            self.product,
            changes.join(","),
            self.time
        )
    }

    fn ticker(&self) -> String {
        let Self { product, time, id, sequence, prices, sizes, .. } = self;
        format!(
            r#"{{"type":"ticker","sequence":{sequence},"product_id":"{product}","price":"{}","open_24h":"{}","volume_24h":"42492.05081975","low_24h":"{}","high_24h":"{}","volume_30d":"1093827.95195495","best_bid":"{}","best_bid_size":"{}","best_ask":"{}","best_ask_size":"{}","side":"sell","time":"{time}","trade_id":{id},"last_size":"{}"}}"#,
            prices[0],
            prices[1],
            prices[2],
            prices[3],
            prices[4],
            sizes[0],
            prices[1],
            sizes[1],
            sizes[2]
        )
    }

    fn snapshot(&self, random: &mut Random) -> String {
        let mut side = || {
            let levels = (0..500).map(|_| {
                let (price, size) = self.level(random);
                format!(r#"["{price}","{size}"]"#)
            });
            levels.collect::<Vec<_>>().join(",")
        };
        let (asks, bids) = (side(), side());
        format!(
            r#"{{"type":"snapshot","product_id":"{}","asks":[{asks}],"bids":[{bids}]}}"#,
            self.product
        )
    }

    fn advanced_trades(&self, random: &mut Random) -> String {
        let (product, time) = (self.product, self.short_time());
        let count = if random.below(4) == 0 { 3 } else { 1 };
        let trades: Vec<String> = (0..count)
            .map(|index| {
                let side = if random.below(2) == 0 { "BUY" } else { "SELL" };
                format!(
                    r#"{{"product_id":"{product}","trade_id":"{}","price":"{}","size":"{}","time":"{time}","side":"{side}"}}"#,
                    self.id - index,
                    random.short_decimal(self.scale, self.price_digits),
                    random.short_decimal(self.size_scale, self.size_digits)
                )
            })
            .collect();
        let trades = trades.join(",");
        self.envelope("market_trades", format!(r#"{{"type":"update","trades":[{trades}]}}"#))
    }

    fn advanced_book(&self, whole: bool, random: &mut Random) -> String {
        let (product, time) = (self.product, self.short_time());
        let count = if whole { 1_000 } else { 1 + random.below(10) };
        let updates: Vec<String> = (0..count)
            .map(|index| {
                let side = if index < count / 2 { "bid" } else { "offer" };
                format!(
                    r#"{{"side":"{side}","event_time":"{time}","price_level":"{}","new_quantity":"{}"}}"#,
                    random.short_decimal(self.scale, self.price_digits),
                    random.short_decimal(self.size_scale, self.size_digits)
                )
            })
            .collect();
        let (kind, updates) = (if whole { "snapshot" } else { "update" }, updates.join(","));
        let event =
            format!(r#"{{"type":"{kind}","product_id":"{product}","updates":[{updates}]}}"#);
        self.envelope("l2_data", event)
    }

    fn advanced_ticker(&self) -> String {
        let Self { product, prices, sizes, .. } = self;
        let tickers = format!(
            r#"{{"type":"update","tickers":[{{"type":"ticker","product_id":"{product}","price":"{}","volume_24_h":"19975.95927439","low_24_h":"{}","high_24_h":"{}","low_52_w":"1505","high_52_w":"4955.9","price_percent_chg_24_h":"0.02501394006035","best_bid":"{}","best_ask":"{}","best_bid_quantity":"{}","best_ask_quantity":"{}"}}]}}"#,
            prices[0], prices[1], prices[2], prices[3], prices[4], sizes[0], sizes[1]
        );
        self.envelope("ticker", tickers)
    }
}
