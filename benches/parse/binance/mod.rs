//! Binance's frames: generated in the shapes of the wire, and recorded ones where they are at hand.

mod candidates;

use candidates::Typed;
use tickwire::exchange::binance::Binance;
use tickwire::instrument::ExchangeId;

use crate::harness::{FRAMES_MAX, Frames, Random, Subject, generated, of_kind, recordings};

/// What its frames say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Trade,
    Aggregate,
    Quote,
    Depth,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Trade, Self::Aggregate, Self::Quote, Self::Depth];

    /// As the stream's name spells it.
    const fn stream(self) -> &'static str {
        match self {
            Self::Trade => "@trade\"",
            Self::Aggregate => "@aggTrade\"",
            Self::Quote => "@bookTicker\"",
            Self::Depth => "@depth@",
        }
    }

    fn name(self) -> &'static str {
        self.stream().split(['@', '"']).find(|part| !part.is_empty()).unwrap()
    }
}

/// Generated frames of both markets, then recorded ones.
pub(crate) fn subjects() -> Vec<Subject> {
    let mut subjects = Vec::new();
    for exchange in [ExchangeId::Binance, ExchangeId::BinanceFutures] {
        for kind in Kind::ALL {
            let symbols = SYMBOLS.iter().map(|(symbol, ..)| *symbol);
            let draw = move |random: &mut Random| frame(exchange, kind, random);
            let drawn = generated(kind as u64, FRAMES_MAX, symbols, draw);
            subjects.push(subject(exchange, kind, exchange.name(), drawn));
        }
    }
    for (name, received) in recordings("binance-") {
        let exchange = match name.contains("usdm") {
            true => ExchangeId::BinanceFutures,
            false => ExchangeId::Binance,
        };
        for kind in Kind::ALL {
            let recorded = of_kind(&received, |frame| frame.contains(kind.stream()), "\"s\":\"");
            subjects.extend(recorded.map(|recorded| subject(exchange, kind, &name, recorded)));
        }
    }
    subjects
}

fn subject(exchange: ExchangeId, kind: Kind, name: &str, frames: Frames) -> Subject {
    let name = format!("{name}.{}", kind.name());
    let is_spot = exchange == ExchangeId::Binance;
    Subject::new(name, frames, move || Binance::new(exchange), move || Typed::of(kind, is_spot))
}

/// Symbols, with the order of magnitude of their prices and the digits of prices and sizes on
/// futures; spot always writes eight.
const SYMBOLS: [(&str, u64, usize, usize); 6] = [
    ("BTCUSDT", 65_000, 2, 3),
    ("ETHUSDT", 2_500, 2, 3),
    ("SOLUSDT", 150, 4, 0),
    ("DOGEUSDT", 1, 5, 0),
    ("1000SATSUSDT", 1, 7, 0),
    ("BNBBTC", 1, 6, 2),
];

fn frame(exchange: ExchangeId, kind: Kind, random: &mut Random) -> String {
    let is_spot = exchange == ExchangeId::Binance;
    let (symbol, price_scale, price_digits, size_digits) = SYMBOLS[random.below(6) as usize];
    let (price_digits, size_digits) = if is_spot { (8, 8) } else { (price_digits, size_digits) };
    let lower = symbol.to_lowercase();
    let sent = 1_783_465_157_897 + random.below(10_000_000);
    let matched = sent - random.below(5);
    let id = 4_197_008_353 + random.below(1_000_000_000);
    let update = 97_109_082_200 + random.below(1_000_000_000);
    let price = random.decimal(price_scale, price_digits);
    let other = random.decimal(price_scale, price_digits);
    let size_scale = 10_u64.pow(random.below(5) as u32);
    let size = random.decimal(size_scale, size_digits);
    let other_size = random.decimal(size_scale, size_digits);
    let maker = random.below(2) == 0;
    match (kind, is_spot) {
        (Kind::Trade, true) => format!(
            r#"{{"stream":"{lower}@trade","data":{{"e":"trade","E":{sent},"s":"{symbol}","t":{id},"p":"{price}","q":"{size}","T":{matched},"m":{maker},"M":true}}}}"#
        ),
        (Kind::Trade, false) => format!(
            r#"{{"stream":"{lower}@trade","data":{{"e":"trade","E":{sent},"T":{matched},"s":"{symbol}","t":{id},"p":"{price}","q":"{size}","X":"MARKET","m":{maker}}}}}"#
        ),
        (Kind::Aggregate, true) => format!(
            r#"{{"stream":"{lower}@aggTrade","data":{{"e":"aggTrade","E":{sent},"s":"{symbol}","a":{id},"p":"{price}","q":"{size}","f":{update},"l":{update},"T":{matched},"m":{maker},"M":true}}}}"#
        ),
        (Kind::Aggregate, false) => format!(
            r#"{{"stream":"{lower}@aggTrade","data":{{"e":"aggTrade","E":{sent},"a":{id},"s":"{symbol}","p":"{price}","q":"{size}","nq":"{size}","f":{update},"l":{update},"T":{matched},"m":{maker},"st":1}}}}"#
        ),
        (Kind::Quote, true) => format!(
            r#"{{"stream":"{lower}@bookTicker","data":{{"u":{update},"s":"{symbol}","b":"{price}","B":"{size}","a":"{other}","A":"{other_size}"}}}}"#
        ),
        (Kind::Quote, false) => format!(
            r#"{{"stream":"{lower}@bookTicker","data":{{"e":"bookTicker","u":{update},"s":"{symbol}","b":"{price}","B":"{size}","a":"{other}","A":"{other_size}","T":{matched},"E":{sent}}}}}"#
        ),
        (Kind::Depth, _) => {
            let mut side = || {
                let levels = (0..random.below(7)).map(|_| {
                    let price = random.decimal(price_scale, price_digits);
                    format!("[\"{price}\",\"{}\"]", random.decimal(size_scale, size_digits))
                });
                levels.collect::<Vec<_>>().join(",")
            };
            let (bids, asks) = (side(), side());
            let last = update + 17;
            if is_spot {
                format!(
                    r#"{{"stream":"{lower}@depth@100ms","data":{{"e":"depthUpdate","E":{sent},"s":"{symbol}","U":{update},"u":{last},"b":[{bids}],"a":[{asks}]}}}}"#
                )
            } else {
                format!(
                    r#"{{"stream":"{lower}@depth@100ms","data":{{"e":"depthUpdate","E":{sent},"T":{matched},"s":"{symbol}","ps":"{symbol}","st":1,"U":{update},"u":{last},"pu":{update},"b":[{bids}],"a":[{asks}]}}}}"#
                )
            }
        }
    }
}
