//! Kraken's frames: generated in the shapes of the wire, and recorded ones where they are at hand.

mod candidates;

use candidates::Typed;
use tickwire::exchange::kraken::Kraken;
use tickwire::instrument::ExchangeId;

use crate::harness::{FRAMES_MAX, Frames, Random, Subject, generated, of_kind, recordings};

/// What frames say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Trade,
    Ticker,
    Book,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Trade, Self::Ticker, Self::Book];

    const fn channel(self) -> &'static str {
        match self {
            Self::Trade => "trade",
            Self::Ticker => "ticker",
            Self::Book => "book",
        }
    }
}

/// Symbols, with the order of magnitude of their prices and the digits of prices.
const SYMBOLS: [(&str, u64, usize); 6] = [
    ("BTC/USD", 65_000, 1),
    ("ETH/USD", 2_500, 2),
    ("SOL/USD", 150, 2),
    ("ETH/BTC", 1, 6),
    ("DOGE/USD", 1, 7),
    ("PEPE/USD", 1, 10),
];

/// Generated frames, then recorded ones.
pub(crate) fn subjects() -> Vec<Subject> {
    let mut subjects = Vec::new();
    for kind in Kind::ALL {
        let symbols = SYMBOLS.iter().map(|(symbol, ..)| *symbol);
        let drawn = generated(kind as u64, FRAMES_MAX, symbols, move |random| frame(kind, random));
        subjects.push(subject(kind, "kraken", drawn));
    }
    for (name, frames) in recordings("kraken-v2") {
        for kind in Kind::ALL {
            let mark = format!(r#"{{"channel":"{}","type":"update""#, kind.channel());
            let recorded = of_kind(&frames, |frame| frame.starts_with(&mark), "\"symbol\":\"");
            subjects.extend(recorded.map(|recorded| subject(kind, &name, recorded)));
        }
    }
    subjects
}

fn subject(kind: Kind, name: &str, frames: Frames) -> Subject {
    let name = format!("{name}.{}", kind.channel());
    let adapter = || Kraken::new(ExchangeId::Kraken);
    Subject::new(name, frames, adapter, move || Typed::of(kind))
}

fn frame(kind: Kind, random: &mut Random) -> String {
    let (symbol, scale, digits) = SYMBOLS[random.below(6) as usize];
    let micros = random.below(1_000_000);
    let second = random.below(60);
    let date = format!("2026-07-07T23:05:{second:02}.{micros:06}Z");
    let id = 103_436_768 + random.below(100_000_000);
    let size_scale = 10_u64.pow(random.below(4) as u32);
    let channel = kind.channel();
    let head = format!(r#"{{"channel":"{channel}","type":"update","data":[{{"symbol":"{symbol}""#);
    let mut price = || random.decimal(scale, digits);
    match kind {
        Kind::Trade => {
            let price = price();
            let (size, side) =
                (random.decimal(size_scale, 8), ["buy", "sell"][random.below(2) as usize]);
            let order = ["limit", "market"][random.below(2) as usize];
            format!(
                r#"{head},"side":"{side}","price":{price},"qty":{size},"ord_type":"{order}","trade_id":{id},"timestamp":"{date}"}}]}}"#
            )
        }
        Kind::Ticker => {
            let prices: [String; 6] = std::array::from_fn(|_| price());
            let [bid, ask, last, vwap, low, high] = prices;
            let sizes: [String; 2] = std::array::from_fn(|_| random.decimal(size_scale, 8));
            let [bid_size, ask_size] = sizes;
            let volume = random.decimal(10_000_000, 8);
            let change = random.decimal(scale.div_ceil(10), digits);
            let percent = random.decimal(10, 2);
            let sign = ["", "-"][random.below(2) as usize];
            format!(
                r#"{head},"bid":{bid},"bid_qty":{bid_size},"ask":{ask},"ask_qty":{ask_size},"last":{last},"volume":{volume},"vwap":{vwap},"low":{low},"high":{high},"change":{sign}{change},"change_pct":{sign}{percent},"timestamp":"{date}"}}]}}"#
            )
        }
        Kind::Book => {
            // One level and a half on average, a quarter of them removals, as recorded.
            let mut side = |count: u64| {
                let levels = (0..count).map(|_| {
                    let price = random.decimal(scale, digits);
                    let removed = random.below(4) == 0;
                    let size = random.decimal(size_scale, 8);
                    let size = if removed { "0.00000000" } else { &size };
                    format!(r#"{{"price":{price},"qty":{size}}}"#)
                });
                levels.collect::<Vec<_>>().join(",")
            };
            let count = [1, 1, 1, 2, 2, 3, 4, 1][id as usize % 8];
            let (bids, asks) = match micros % 2 {
                0 => (side(count), side(0)),
                _ => (side(0), side(count)),
            };
            let checksum = random.below(u64::from(u32::MAX));
            format!(
                r#"{head},"bids":[{bids}],"asks":[{asks}],"checksum":{checksum},"timestamp":"{date}"}}]}}"#
            )
        }
    }
}
