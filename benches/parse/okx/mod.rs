//! OKX's frames: generated in the shapes of the wire, and recorded ones where they are at hand.

mod candidates;

use candidates::Typed;
use tickwire::exchange::okx::Okx;

use crate::harness::{FRAMES_MAX, Frames, Random, Subject, generated, of_kind, recordings};

/// What frames say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Trade,
    Quote,
    Book,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Trade, Self::Quote, Self::Book];

    const fn channel(self) -> &'static str {
        match self {
            Self::Trade => "trades",
            Self::Quote => "bbo-tbt",
            Self::Book => "books",
        }
    }
}

/// Symbols, with the order of magnitude of their prices and the digits of prices and sizes.
const SYMBOLS: [(&str, u64, usize, usize); 6] = [
    ("BTC-USDT", 65_000, 1, 8),
    ("BTC-USDT-SWAP", 65_000, 1, 2),
    ("ETH-USDT", 2_500, 2, 6),
    ("SOL-USDT-SWAP", 150, 2, 2),
    ("DOGE-USDT", 1, 5, 6),
    ("PEPE-USDT", 1, 10, 0),
];

/// Generated frames, then recorded ones.
pub(crate) fn subjects() -> Vec<Subject> {
    let mut subjects = Vec::new();
    for kind in Kind::ALL {
        let symbols = SYMBOLS.iter().map(|(symbol, ..)| *symbol);
        let drawn = generated(kind as u64, FRAMES_MAX, symbols, move |random| frame(kind, random));
        subjects.push(subject(kind, "okx", drawn));
    }
    for (name, frames) in recordings("okx-") {
        for kind in Kind::ALL {
            let mark = format!("{{\"arg\":{{\"channel\":\"{}\"", kind.channel());
            let recorded = of_kind(&frames, |frame| frame.starts_with(&mark), "\"instId\":\"");
            subjects.extend(recorded.map(|recorded| subject(kind, &name, recorded)));
        }
    }
    subjects
}

fn subject(kind: Kind, name: &str, frames: Frames) -> Subject {
    let name = format!("{name}.{}", kind.channel());
    Subject::new(name, frames, Okx::new, move || Typed::of(kind))
}

fn frame(kind: Kind, random: &mut Random) -> String {
    let (symbol, price_scale, price_digits, size_digits) = SYMBOLS[random.below(6) as usize];
    let at = 1_783_465_157_897 + random.below(10_000_000);
    let sequence = 81_625_399_057 + random.below(1_000_000_000);
    let size_scale = 10_u64.pow(random.below(5) as u32);
    let head = format!(r#"{{"arg":{{"channel":"{}","instId":"{symbol}"}}"#, kind.channel());
    let mut level = |size: Option<&str>| {
        let price = random.short_decimal(price_scale, price_digits);
        let own = random.short_decimal(size_scale, size_digits);
        let orders = random.below(40);
        format!(r#"["{price}","{}","0","{orders}"]"#, size.unwrap_or(&own))
    };
    match kind {
        Kind::Trade => {
            let id = 1_130_639_474 + random.below(1_000_000_000);
            let price = random.short_decimal(price_scale, price_digits);
            let size = random.short_decimal(size_scale, size_digits);
            let (side, count) = (["buy", "sell"][random.below(2) as usize], 1 + random.below(3));
            format!(
                r#"{head},"data":[{{"instId":"{symbol}","tradeId":"{id}","px":"{price}","sz":"{size}","side":"{side}","ts":"{at}","count":"{count}","source":"0","seqId":{sequence}}}]}}"#
            )
        }
        Kind::Quote => {
            let (ask, bid) = (level(None), level(None));
            format!(
                r#"{head},"data":[{{"asks":[{ask}],"bids":[{bid}],"ts":"{at}","seqId":{sequence}}}]}}"#
            )
        }
        Kind::Book => {
            let mut side = |count: u64| {
                let levels = (0..count).map(|index| level((index % 3 == 0).then_some("0")));
                levels.collect::<Vec<_>>().join(",")
            };
            let (asks, bids) = (side(at % 11), side(sequence % 11));
            let previous = sequence - 4;
            format!(
                r#"{head},"action":"update","data":[{{"asks":[{asks}],"bids":[{bids}],"ts":"{at}","checksum":0,"seqId":{sequence},"prevSeqId":{previous}}}]}}"#
            )
        }
    }
}
