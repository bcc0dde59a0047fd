//! Bybit's frames: generated in the shapes of the wire, and recorded ones where they are at hand.

mod candidates;

use candidates::Typed;
use tickwire::exchange::bybit::Bybit;
use tickwire::instrument::ExchangeId;

use crate::harness::{FRAMES_MAX, Frames, Random, Subject, generated, of_kind, recordings};

/// What frames say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Trade,
    Quote,
    Depth,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Trade, Self::Quote, Self::Depth];

    const fn name(self) -> &'static str {
        match self {
            Self::Trade => "trade",
            Self::Quote => "quote",
            Self::Depth => "depth",
        }
    }

    /// Whether a recorded frame is of this kind.
    fn is_of(self, frame: &str) -> bool {
        let topic = |name: &str| frame.starts_with(&format!("{{\"topic\":\"{name}."));
        match self {
            Self::Trade => topic("publicTrade"),
            Self::Quote => topic("orderbook.1"),
            Self::Depth => topic("orderbook") && frame.contains("\"type\":\"delta\""),
        }
    }
}

/// Generated frames of both classes, then recorded ones.
pub(crate) fn subjects() -> Vec<Subject> {
    let mut subjects = Vec::new();
    for exchange in [ExchangeId::Bybit, ExchangeId::BybitLinear] {
        for kind in Kind::ALL {
            let symbols = SYMBOLS.iter().map(|(symbol, ..)| *symbol);
            let draw = move |random: &mut Random| frame(exchange, kind, random);
            let drawn = generated(kind as u64, FRAMES_MAX, symbols, draw);
            subjects.push(subject(exchange, kind, exchange.name(), drawn));
        }
    }
    for (name, received) in recordings("bybit-") {
        let exchange =
            if name.contains("spot") { ExchangeId::Bybit } else { ExchangeId::BybitLinear };
        for kind in Kind::ALL {
            let recorded = of_kind(&received, |frame| kind.is_of(frame), "\"s\":\"");
            subjects.extend(recorded.map(|recorded| subject(exchange, kind, &name, recorded)));
        }
    }
    subjects
}

fn subject(exchange: ExchangeId, kind: Kind, name: &str, frames: Frames) -> Subject {
    let name = format!("{name}.{}", kind.name());
    Subject::new(name, frames, move || Bybit::new(exchange), move || Typed::of(kind))
}

/// Symbols, with the order of magnitude of their prices and the digits of prices and sizes.
const SYMBOLS: [(&str, u64, usize, usize); 6] = [
    ("BTCUSDT", 65_000, 2, 3),
    ("ETHUSDT", 2_500, 2, 3),
    ("SOLUSDT", 150, 3, 1),
    ("DOGEUSDT", 1, 5, 0),
    ("1000PEPEUSDT", 1, 7, 0),
    ("BTCPERP", 65_000, 1, 3),
];

fn frame(exchange: ExchangeId, kind: Kind, random: &mut Random) -> String {
    let is_spot = exchange == ExchangeId::Bybit;
    let (symbol, price_scale, price_digits, size_digits) = SYMBOLS[random.below(6) as usize];
    let sent = 1_786_310_819_357 + random.below(10_000_000);
    let matched = sent - random.below(5);
    let update = 15_077_163 + random.below(1_000_000_000);
    let sequence = 753_843_913_870 + random.below(1_000_000_000);
    let size_scale = 10_u64.pow(random.below(5) as u32);
    let pair = |random: &mut Random| {
        let price = random.decimal(price_scale, price_digits);
        (price, random.decimal(size_scale, size_digits))
    };
    let (depth, data, kind, matched) = match kind {
        Kind::Trade => {
            let trades: Vec<_> = (0..1 + random.below(3))
                .map(|_| trade(is_spot, symbol, matched, sequence, pair(random), random))
                .collect();
            ("publicTrade".to_owned(), format!("[{}]", trades.join(",")), "snapshot", String::new())
        }
        Kind::Quote | Kind::Depth => {
            let is_top = kind == Kind::Quote;
            let mut side = || {
                let count = if is_top { 1 } else { random.below(9) };
                let levels = (0..count).map(|_| {
                    let (price, size) = pair(random);
                    let size = if !is_top && random.below(8) == 0 { "0".to_owned() } else { size };
                    format!("[\"{price}\",\"{size}\"]")
                });
                levels.collect::<Vec<_>>().join(",")
            };
            let (bids, asks) = (side(), side());
            let data = format!(
                r#"{{"s":"{symbol}","b":[{bids}],"a":[{asks}],"u":{update},"seq":{sequence}}}"#
            );
            let (depth, kind) = if is_top { (1, "snapshot") } else { (200, "delta") };
            (format!("orderbook.{depth}"), data, kind, format!(r#","cts":{matched}"#))
        }
    };
    let head = match is_spot {
        true => format!(r#""ts":{sent},"type":"{kind}""#),
        false => format!(r#""type":"{kind}","ts":{sent}"#),
    };
    format!(r#"{{"topic":"{depth}.{symbol}",{head},"data":{data}{matched}}}"#)
}

fn trade(
    is_spot: bool,
    symbol: &str,
    time: u64,
    sequence: u64,
    (price, size): (String, String),
    random: &mut Random,
) -> String {
    let side = if random.below(2) == 0 { "Buy" } else { "Sell" };
    if is_spot {
        let id = 2_290_000_001_189_048_101 + random.below(1_000_000_000);
        return format!(
            r#"{{"i":"{id}","T":{time},"p":"{price}","v":"{size}","S":"{side}","seq":{sequence},"s":"{symbol}","BT":false,"RPI":false}}"#
        );
    }
    let mut part = |digits: u32| {
        format!("{:0digits$x}", random.below(1 << (4 * digits)), digits = digits as usize)
    };
    let id = [8, 4, 4, 4, 12].map(&mut part).join("-");
    format!(
        r#"{{"T":{time},"s":"{symbol}","S":"{side}","v":"{size}","p":"{price}","L":"ZeroMinusTick","i":"{id}","BT":false,"RPI":false,"seq":{sequence}}}"#
    )
}
