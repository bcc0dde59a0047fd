//! Binance's frames: generated in the shapes of the wire, and recorded ones where they are at hand.

mod candidates;

use candidates::Parser;
use tickwire::instrument::ExchangeId;

use crate::captures;
use crate::harness::{PaddedText, Random, Subject, quoted_after};

/// Frames of one kind.
struct Corpus {
    exchange: ExchangeId,
    kind: Kind,
    symbols: Vec<String>,
}

impl Corpus {
    fn subject(self, name: String, frames: Vec<PaddedText>) -> Subject {
        Subject::new(name, frames, move |candidate| Parser::new(candidate, &self))
    }
}

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

/// Generated frames, then recorded ones.
pub(crate) fn subjects() -> Vec<Subject> {
    let mut subjects = generated();
    subjects.extend(recorded());
    subjects
}

/// 2,048 different frames of each kind and market.
fn generated() -> Vec<Subject> {
    let mut subjects = Vec::new();
    for exchange in [ExchangeId::Binance, ExchangeId::BinanceFutures] {
        for kind in Kind::ALL {
            let mut random = Random(0x5EED ^ kind as u64);
            let frames = (0..2_048).map(|_| PaddedText::new(&frame(exchange, kind, &mut random)));
            let symbols = SYMBOLS.iter().map(|(symbol, ..)| (*symbol).to_owned()).collect();
            let name = format!("{exchange}.{}", kind.name());
            subjects.push(Corpus { exchange, kind, symbols }.subject(name, frames.collect()));
        }
    }
    subjects
}

/// Recorded frames, by capture and kind; at most 2,048 each.
fn recorded() -> Vec<Subject> {
    let mut subjects = Vec::new();
    for path in captures::files("binance-") {
        let frames = captures::received(&path);
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let exchange = match name.contains("usdm") {
            true => ExchangeId::BinanceFutures,
            false => ExchangeId::Binance,
        };
        for kind in Kind::ALL {
            let of_kind = frames.iter().filter(|frame| frame.contains(kind.stream()));
            let frames: Vec<_> = of_kind.map(|text| PaddedText::new(text)).take(2_048).collect();
            // A handful of frames would measure the caches.
            if frames.len() < 40 {
                continue;
            }
            let mut symbols: Vec<_> = frames.iter().map(symbol_of).collect();
            symbols.sort();
            symbols.dedup();
            let name = format!("{name}.{}", kind.name());
            subjects.push(Corpus { exchange, kind, symbols }.subject(name, frames));
        }
    }
    subjects
}

fn symbol_of(frame: &PaddedText) -> String {
    let text = std::str::from_utf8(frame.text()).unwrap();
    quoted_after(text, "\"s\":\"")
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
