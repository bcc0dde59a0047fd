//! Deriv's frames: generated in the shapes of the wire, and recorded ones where they are at hand.

mod candidates;

use candidates::Typed;
use tickwire::exchange::deriv::Deriv;

use crate::harness::{FRAMES_MAX, Frames, Random, Subject, generated, of_kind, recordings};

/// What frames say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Tick,
    Bar,
}

/// Symbols, with the order of magnitude of their prices and their digits.
const SYMBOLS: [(&str, u64, usize); 6] = [
    ("R_100", 1_500, 2),
    ("1HZ100V", 900, 2),
    ("R_50", 200, 4),
    ("frxEURUSD", 2, 5),
    ("frxUSDJPY", 150, 3),
    ("cryBTCUSD", 65_000, 2),
];

const ID: &str = "b4d42748-0744-c46b-f59b-cb7dd936bafa";

/// Generated frames, then recorded ones.
pub(crate) fn subjects() -> Vec<Subject> {
    let mut subjects = Vec::new();
    for (kind, name) in [(Kind::Tick, "deriv.tick"), (Kind::Bar, "deriv.ohlc")] {
        let symbols = SYMBOLS.iter().map(|(symbol, ..)| *symbol);
        let drawn = generated(kind as u64, FRAMES_MAX, symbols, move |random| frame(kind, random));
        subjects.push(subject(kind, name.to_owned(), drawn));
    }
    for (name, frames) in recordings("deriv-ticks") {
        let recorded = of_kind(&frames, |_| true, "\"symbol\":\"");
        subjects.extend(recorded.map(|recorded| subject(Kind::Tick, name, recorded)));
    }
    subjects
}

fn subject(kind: Kind, name: String, frames: Frames) -> Subject {
    Subject::new(name, frames, Deriv::default, move || Typed::of(kind))
}

fn frame(kind: Kind, random: &mut Random) -> String {
    let (symbol, scale, digits) = SYMBOLS[random.below(6) as usize];
    let epoch = 1_746_777_960 + random.below(60);
    let request = 1 + random.below(200);
    match kind {
        Kind::Tick => {
            let mut price = || random.short_decimal(scale, digits);
            let (ask, bid, quote) = (price(), price(), price());
            format!(
                r#"{{"echo_req":{{"req_id":{request},"subscribe":1,"ticks":"{symbol}"}},"msg_type":"tick","req_id":{request},"subscription":{{"id":"{ID}"}},"tick":{{"ask":{ask},"bid":{bid},"epoch":{epoch},"id":"{ID}","pip_size":{digits},"quote":{quote},"symbol":"{symbol}"}}}}"#
            )
        }
        Kind::Bar => {
            let mut price = || random.decimal(scale, digits);
            let (close, high, low, open) = (price(), price(), price(), price());
            format!(
                r#"{{"echo_req":{{"count":100,"end":"latest","granularity":60,"req_id":{request},"style":"candles","subscribe":1,"ticks_history":"{symbol}"}},"msg_type":"ohlc","ohlc":{{"close":"{close}","epoch":{epoch},"granularity":60,"high":"{high}","id":"{ID}","low":"{low}","open":"{open}","open_time":1746777960,"pip_size":{digits},"symbol":"{symbol}"}},"req_id":{request},"subscription":{{"id":"{ID}"}}}}"#
            )
        }
    }
}
