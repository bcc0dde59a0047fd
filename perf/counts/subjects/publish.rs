//! One event from the ring to the sockets of many clients: a whole turn of the broadcaster, with what
//! it remembers, encodes and writes, the kernel's part left out.

use tickwire::tick::{Body, Decimal, Level, LevelFlags, Quote, Side, Trade, TradeId};

use super::{Prepared, Subject};
use crate::clients::{Clients, symbol};

const EVENTS: u64 = 64;

/// Runs that warm it: the histories have to be full.
const ROUNDS_BEFORE: u64 = 4;

/// What is published.
#[derive(Clone, Copy)]
enum Kind {
    Trade,
    Quote,
    BookChange,
}

/// Who reads it: so many clients of the one dialect, and of the other.
type Groups = [usize; 2];

pub(super) fn subjects() -> Vec<Subject> {
    let groups: [(&str, Groups); 4] = [
        ("nobody", [0, 0]),
        ("1 client", [1, 0]),
        ("16 clients of one form", [16, 0]),
        ("32 clients of two forms", [16, 16]),
    ];
    let trades = groups.map(|(name, groups)| ("trade", Kind::Trade, name, groups));
    let others = [
        ("quote", Kind::Quote, "16 clients of one form", [16, 0]),
        ("book change", Kind::BookChange, "16 clients of one form", [16, 0]),
    ];
    let counted = |(event, kind, readers, groups): (&str, Kind, &str, Groups)| {
        let name = format!("publish {event} to {readers}");
        Subject::new(name, move || prepared(kind, groups))
    };
    trades.into_iter().chain(others).map(counted).collect()
}

fn decimal(mantissa: u64) -> Decimal {
    Decimal::new(mantissa as i64, 2).unwrap()
}

fn body(kind: Kind, id: u64) -> Body {
    let (price, size) = (decimal(6_500_000 + id % 100), decimal(150 + id % 9));
    let bid = Some(price);
    match kind {
        Kind::Trade => Trade { taker: Side::Bid, price, size, id: TradeId::Number(id) }.into(),
        Kind::Quote => {
            let ask = Some(decimal(6_500_200 + id % 100));
            Quote { bid, bid_size: Some(size), ask, ask_size: Some(size) }.into()
        }
        Kind::BookChange => {
            let is_first = if id == 0 { LevelFlags::SNAPSHOT } else { LevelFlags::default() };
            let flags = is_first.with(LevelFlags::FIRST).with(LevelFlags::LAST);
            Level { side: Side::Bid, price, size }.body(flags, None)
        }
    }
}

fn prepared(kind: Kind, [actions, commands]: Groups) -> Prepared {
    let mut clients = Clients::new(1);
    let symbol = symbol(0);
    for _ in 0..actions {
        clients.connect();
        let channels = r#"["trades","quotes","orderbook"]"#;
        let asked =
            format!(r#"{{"action":"subscribe","symbols":["{symbol}"],"channels":{channels}}}"#);
        clients.ask(&asked, 3);
    }
    for _ in 0..commands {
        clients.connect();
        let asked = format!(
            r#"{{"type":"command","command":"follow","requestId":1,"params":{{"assets":["{symbol}"]}}}}"#
        );
        clients.ask(&asked, 1);
    }
    let mut first = 0;
    for _ in 0..ROUNDS_BEFORE {
        round(&mut clients, kind, first);
        // Unread, it would fill the sockets, and how much they take is the kernel's affair.
        clients.read();
        first += EVENTS;
    }
    let run = Box::new(move || round(&mut clients, kind, first));
    Prepared { items: EVENTS as usize, run }
}

/// Publishes one event in each turn.
fn round(clients: &mut Clients, kind: Kind, first: u64) {
    let told = clients.deliveries();
    for id in first..first + EVENTS {
        clients.push(id, body(kind, id));
        clients.turn();
    }
    let deliveries = clients.deliveries() - told;
    assert!(deliveries >= EVENTS * clients.count(), "{deliveries}: each is told to everyone");
}
