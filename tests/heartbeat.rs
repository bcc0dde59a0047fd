//! Time in a session, with a clock that the test moves and a broadcaster that it turns by hand.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod floor;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use floor::{BTC, Client, PATIENCE, START, table, trade};
use serde_json::json;
use tickwire::broadcast::{BroadcastCommand, BroadcastOptions, Broadcaster};
use tickwire::clock::{Clock, ManualClock, UnixNanos};
use tickwire::control::{AcceptHandle, AcceptOptions, Acceptor};
use tickwire::instrument::ExchangeId;
use tickwire::latency::recorder;
use tickwire::ring::{FeedRing, Producer, ring};
use tickwire::tick::Tick;
use tungstenite::Message;

struct Bench {
    broadcaster: Broadcaster,
    clock: Clock,
    hand: ManualClock,
    accept: AcceptHandle,
    spot: Producer,
    handle: tickwire::broadcast::BroadcastHandle,
}

impl Bench {
    fn new(options: BroadcastOptions) -> Self {
        let (clock, hand) = Clock::manual(UnixNanos::from_millis(START as u64));
        let (broadcaster, handle) =
            Broadcaster::new(options, Arc::new(table()), clock.clone(), recorder().0).unwrap();
        let (spot, ticks) = ring(1 << 10);
        let attach = FeedRing { exchange: ExchangeId::Binance, ticks };
        handle.send(BroadcastCommand::Attach(attach)).unwrap();
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        let (acceptor, accept) =
            Acceptor::new(AcceptOptions::default(), loopback, vec![handle.clone()], Clock::real())
                .unwrap();
        std::thread::spawn(move || acceptor.run());
        Self { broadcaster, clock, hand, accept, spot, handle }
    }

    /// Turns until something holds.
    fn turn_until(&mut self, what: &str, mut holds: impl FnMut() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds() {
            assert!(Instant::now() < deadline, "never: {what}");
            self.turn();
        }
    }

    fn turn(&mut self) {
        self.broadcaster.wait(false).unwrap();
        let now = self.clock.now();
        self.broadcaster.turn(now);
    }

    /// Connects a client whose reads do not wait long, so that turns can be made in between.
    fn client(&mut self) -> Client {
        let client = Client::connect(self.accept.local_addr());
        client.socket.get_ref().set_nonblocking(true).unwrap();
        let counters = Arc::clone(self.handle.counters());
        self.turn_until("the client is served", || counters.clients.value() > 0);
        client
    }

    /// Turns until the client reads a message.
    fn read(&mut self, client: &mut Client) -> Message {
        let mut message = None;
        self.turn_until("a message", || {
            message = client.socket.read().ok();
            message.is_some()
        });
        message.unwrap()
    }

    /// What the client has after some turns, if anything.
    fn peek(&mut self, client: &mut Client) -> Option<Message> {
        (0..50).for_each(|_| self.turn());
        client.socket.read().ok()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.accept.stop();
    }
}

#[test]
fn two_unanswered_pings_are_the_end() {
    let mut bench = Bench::new(BroadcastOptions::default());
    let mut client = bench.client();
    assert!(bench.peek(&mut client).is_none());
    bench.hand.advance(Duration::from_secs(31));
    assert!(matches!(bench.read(&mut client), Message::Ping(_)));
    // tungstenite answers with the next call.
    client.socket.flush().unwrap();
    bench.turn();
    for _ in 0..3 {
        bench.hand.advance(Duration::from_secs(31));
        assert!(matches!(bench.read(&mut client), Message::Ping(_)));
        client.socket.flush().unwrap();
        (0..50).for_each(|_| bench.turn());
    }
    // Now it reads no more, so it answers no more.
    for _ in 0..2 {
        bench.hand.advance(Duration::from_secs(31));
        (0..50).for_each(|_| bench.turn());
    }
    bench.hand.advance(Duration::from_secs(31));
    (0..50).for_each(|_| bench.turn());
    let mut pings = 0;
    let code = loop {
        match bench.read(&mut client) {
            Message::Ping(_) => pings += 1,
            Message::Close(frame) => break u16::from(frame.unwrap().code),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((pings, code), (2, 4000));
    let counters = Arc::clone(bench.handle.counters());
    bench.hand.advance(Duration::from_secs(60));
    bench.turn_until("the session ends", || counters.clients.value() == 0);
}

#[test]
fn a_pace_holds_back_until_its_time() {
    let mut bench = Bench::new(BroadcastOptions::default());
    let mut client = bench.client();
    client.say(&json!({"action": "subscribe", "symbols": ["binance:BTC/USDT"],
        "channels": ["trades"], "delivery": {"perSecond": 2}}));
    assert!(bench.read(&mut client).to_text().unwrap().contains("success"));
    let push = |bench: &mut Bench, id| {
        let mut tick = Tick::new(BTC, UnixNanos(START * 1_000_000), trade(id, "1"));
        tick.received = bench.clock.now();
        bench.spot.push(tick).unwrap();
    };
    push(&mut bench, 1);
    let first: serde_json::Value =
        serde_json::from_str(bench.read(&mut client).to_text().unwrap()).unwrap();
    assert_eq!(first["seq"], 1);
    (2..=5).for_each(|id| push(&mut bench, id));
    assert!(bench.peek(&mut client).is_none(), "half a second has not passed");
    bench.hand.advance(Duration::from_millis(499));
    assert!(bench.peek(&mut client).is_none());
    bench.hand.advance(Duration::from_millis(1));
    let second: serde_json::Value =
        serde_json::from_str(bench.read(&mut client).to_text().unwrap()).unwrap();
    assert_eq!((&second["seq"], &second["conflated"]), (&json!(5), &json!(3)));
    bench.hand.advance(Duration::from_secs(1));
    assert!(bench.peek(&mut client).is_none(), "nothing new, nothing to tell");
}

/// What a client was told of trades: their ids, in the order in which they came.
fn ids(bench: &mut Bench, client: &mut Client) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..3 {
        while let Some(message) = bench.peek(client) {
            let told: serde_json::Value = serde_json::from_str(message.to_text().unwrap()).unwrap();
            ids.extend(told["data"]["tradeId"].as_str().map(str::to_owned));
        }
    }
    ids
}

#[test]
fn events_wait_for_more_as_long_as_configured_and_what_is_urgent_does_not() {
    let delay = Duration::from_micros(500);
    let options = BroadcastOptions { flush_delay: delay, ..Default::default() };
    let mut bench = Bench::new(options);
    let mut client = bench.client();
    client.say(&json!({"action": "subscribe", "symbols": ["BTC/USDT"], "channels": ["trades"]}));
    bench.read(&mut client);
    bench.peek(&mut client);
    bench.hand.advance(delay);
    let push = |bench: &mut Bench, id| {
        let date = UnixNanos::from_millis(START as u64);
        bench.spot.push(Tick::new(BTC, date, trade(id, "1.5"))).unwrap();
        bench.turn();
    };
    // After a pause the first goes out at once; the next wait until so much time has passed.
    push(&mut bench, 1);
    assert_eq!(ids(&mut bench, &mut client), ["1"]);
    push(&mut bench, 2);
    bench.hand.advance(delay - Duration::from_nanos(1));
    push(&mut bench, 3);
    assert!(ids(&mut bench, &mut client).is_empty());
    bench.hand.advance(Duration::from_nanos(1));
    assert_eq!(ids(&mut bench, &mut client), ["2", "3"]);
    // What answers the client waits for nothing, and takes along what came before it.
    push(&mut bench, 4);
    assert!(ids(&mut bench, &mut client).is_empty());
    client.say(&json!({"action": "ping"}));
    assert!(bench.read(&mut client).to_text().unwrap().contains("\"tradeId\":\"4\""));
    assert!(bench.read(&mut client).to_text().unwrap().contains("pong"));
    client.socket.write(Message::Ping("here".into())).unwrap();
    client.socket.flush().unwrap();
    assert!(matches!(bench.read(&mut client), Message::Pong(_)));
    // So does the end.
    push(&mut bench, 5);
    client.socket.close(None).unwrap();
    let mut last = bench.read(&mut client);
    while !last.is_close() {
        last = bench.read(&mut client);
    }
}
