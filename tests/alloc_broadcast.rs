//! After warm-up a broadcaster serves its clients without one allocation.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "common/counting.rs"]
mod counting;
mod floor;

use std::io::Read;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use counting::allocations;
use floor::{BTC, Client, ETH, PATIENCE, START, book, quote, table, trade};
use serde_json::{Value, json};
use tickwire::broadcast::{BroadcastCommand, BroadcastHandle, BroadcastOptions, Broadcaster};
use tickwire::cache::HistoryBounds;
use tickwire::clock::{Clock, UnixNanos};
use tickwire::control::{AcceptOptions, Acceptor};
use tickwire::instrument::{ExchangeId, InstrumentId};
use tickwire::latency::recorder;
use tickwire::ring::{FeedRing, Producer, ring};
use tickwire::tick::{Body, Side, Tick, Ticker};

/// One round of every kind of event.
fn round(clock: &Clock, producer: &mut Producer, id: u64) {
    let mut push = |instrument, body| {
        let mut tick = Tick::new(instrument, UnixNanos((START + id as i64) * 1_000_000), body);
        tick.received = clock.now();
        producer.push(tick).unwrap();
    };
    let size = (id % 9).to_string();
    for instrument in [BTC, ETH] {
        push(instrument, trade(id, "65000.10"));
        push(instrument, quote("65000.00", "65000.10"));
        let price = ["64999.90", "64999.80", "64999.70"][id as usize % 3];
        for body in book(false, &[(Side::Bid, price, &size), (Side::Ask, "65001", "3")]) {
            push(instrument, body);
        }
        Ticker::default().bodies().into_iter().for_each(|body| push(instrument, body));
    }
    let date = UnixNanos((START + id as i64) * 1_000_000);
    push(InstrumentId::NONE, Body::Time { date });
}

/// Every way to be served, one client each.
fn requests() -> [Value; 6] {
    [
        json!({"action": "subscribe", "symbols": ["*"],
            "channels": ["trades", "quotes", "ticker", "orderbook", "candles", "status"]}),
        json!({"action": "subscribe", "symbols": ["BTC/USDT"], "channels": ["orderbook"],
            "depth": 2}),
        json!({"action": "subscribe", "symbols": ["*"], "channels": ["quotes", "trades"],
            "delivery": {"perSecond": 500}}),
        json!({"action": "subscribe", "symbols": ["*"], "channels": ["orderbook"],
            "delivery": {"perSecond": 500}, "depth": 1}),
        json!({"type": "command", "command": "follow", "requestId": 1,
            "params": {"assets": ["BTC/USDT", "ETH/USDT"], "interval": "1s"}}),
        json!({"action": "subscribe", "symbols": ["*"], "channels": ["candles"],
            "interval": "1s"}),
    ]
}

/// Turns until it holds.
fn turns(broadcaster: &mut Broadcaster, clock: &Clock, what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "never: {what}");
        broadcaster.wait(false).unwrap();
        broadcaster.turn(clock.now());
    }
}

/// A client of each kind, subscribed, that reads and drops everything on a thread of its own.
fn serve_clients(broadcaster: &mut Broadcaster, handle: &BroadcastHandle, clock: &Clock) {
    let (acceptor, accept) = Acceptor::new(
        AcceptOptions::default(),
        SocketAddr::from(([127, 0, 0, 1], 0)),
        vec![handle.clone()],
        clock.clone(),
    )
    .unwrap();
    std::thread::spawn(move || acceptor.run());
    let counters = handle.counters();
    for (index, request) in requests().iter().enumerate() {
        let mut client = Client::connect(accept.local_addr());
        client.say(request);
        turns(broadcaster, clock, "the client is served", || {
            counters.clients.value() == index as u64 + 1
        });
        std::thread::spawn(move || {
            let mut bytes = vec![0; 1 << 16];
            while client.socket.get_mut().read(&mut bytes).is_ok_and(|count| count > 0) {}
        });
    }
    turns(broadcaster, clock, "everyone is subscribed", || {
        counters.subscriptions.value() >= 3 * 6 + 2 + 6 + 3 + 4
    });
    accept.stop();
}

#[test]
fn a_served_event_costs_no_allocation() {
    let clock = Clock::real();
    let history = HistoryBounds { events: 500, ..Default::default() };
    let options = BroadcastOptions { history, ..Default::default() };
    let (mut broadcaster, handle) =
        Broadcaster::new(options, Arc::new(table()), clock.clone(), recorder().0).unwrap();
    let (mut producer, ticks) = ring(1 << 12);
    let attach = FeedRing { exchange: ExchangeId::Binance, ticks };
    handle.send(BroadcastCommand::Attach(attach)).unwrap();
    for instrument in [BTC, ETH] {
        for body in book(true, &[(Side::Bid, "64999", "1"), (Side::Ask, "65002", "1")]) {
            let mut tick = Tick::new(instrument, UnixNanos(START * 1_000_000), body);
            tick.received = clock.now();
            producer.push(tick).unwrap();
        }
    }
    serve_clients(&mut broadcaster, &handle, &clock);
    let counters = Arc::clone(handle.counters());
    let mut serve = |rounds: std::ops::Range<u64>| {
        let before = allocations();
        for id in rounds {
            round(&clock, &mut producer, id);
            broadcaster.wait(false).unwrap();
            broadcaster.turn(clock.now());
        }
        allocations() - before
    };
    // The histories fill up, and the readers' pace decides how large buffers get; when they have
    // their size, nothing is left to allocate. One allocation per event, per turn or per write
    // would show in every window.
    let expected = own_allocations() * 2_000;
    let windows = (0..20).map(|window| {
        let told = counters.events.value();
        let allocations = serve(window * 2_000..(window + 1) * 2_000) - expected;
        assert!(counters.events.value() > told + 20_000, "events went out");
        allocations
    });
    let seen: Vec<u64> = windows.take(20).collect();
    assert!(seen[0] > 0, "the counter counts");
    let silent = seen[1..].iter().filter(|&&allocations| allocations == 0).count();
    assert!(silent >= 10, "allocations in windows of 2000 rounds: {seen:?}");
}

/// What making one round's ticks allocates on the test's side.
fn own_allocations() -> u64 {
    let clock = Clock::real();
    let (mut producer, _consumer) = ring(64);
    let before = allocations();
    round(&clock, &mut producer, 1);
    allocations() - before
}
