//! Bytes of the heap that a client and a subscription hold in a broadcaster.

use crate::clients::{Clients, symbol};
use crate::counting::bytes_held;

/// Clients before those that are counted, and counted: tables double at powers of two, so that what
/// one of the second half costs is what one of any number costs.
const CLIENTS: u64 = 64;

const INSTRUMENTS: usize = 50;
const CHANNELS: [&str; 4] = ["trades", "quotes", "ticker", "orderbook"];

/// What each costs, by name.
pub(crate) fn held() -> [(&'static str, u64); 2] {
    let mut clients = Clients::new(INSTRUMENTS);
    (0..CLIENTS).for_each(|_| clients.connect());
    let before = bytes_held();
    (0..CLIENTS).for_each(|_| clients.connect());
    let idle = (bytes_held() - before) / CLIENTS;
    let mut clients = Clients::new(INSTRUMENTS);
    let symbols = (0..INSTRUMENTS).map(symbol).collect::<Vec<_>>().join("\",\"");
    let channels = CHANNELS.join("\",\"");
    let request =
        format!(r#"{{"action":"subscribe","symbols":["{symbols}"],"channels":["{channels}"]}}"#);
    let each = (INSTRUMENTS * CHANNELS.len()) as u64;
    for _ in 0..CLIENTS {
        clients.connect();
        clients.ask(&request, each);
    }
    let before = bytes_held();
    for _ in 0..CLIENTS {
        clients.connect();
        clients.ask(&request, each);
    }
    let subscribed = (bytes_held() - before) / CLIENTS;
    let subscription = subscribed.saturating_sub(idle) / each;
    [("idle client", idle), ("subscription of a client of 200", subscription)]
}
