//! Clients that ask for too much, or for much: the first cost themselves alone, the second get it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod floor;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use floor::{BTC, Client, Floor, PATIENCE, START, book, instrument, table, trade, wait_for};
use serde_json::{Value, json};
use tickwire::broadcast::{BroadcastCommand, BroadcastHandle, BroadcastOptions, Broadcaster};
use tickwire::clock::{Clock, MonoNanos, UnixNanos};
use tickwire::control::{AcceptHandle, AcceptOptions, Acceptor};
use tickwire::instrument::{ExchangeId, InstrumentTable};
use tickwire::latency::recorder;
use tickwire::ring::{FeedRing, Producer, ring};
use tickwire::tick::{Body, Side, Tick};
use tungstenite::Message;

/// A broadcaster that the test turns by hand, with an acceptor on its thread.
struct Bench {
    clock: Clock,
    broadcaster: Broadcaster,
    handle: BroadcastHandle,
    accept: AcceptHandle,
    ring: Producer,
    /// How far the broadcaster's time is ahead.
    ahead: Duration,
}

impl Bench {
    fn new(client_queue_bytes: usize, table: InstrumentTable) -> Self {
        let clock = Clock::real();
        let options = BroadcastOptions { client_queue_bytes, ..Default::default() };
        let (broadcaster, handle) =
            Broadcaster::new(options, Arc::new(table), clock.clone(), recorder().0).unwrap();
        let (ring, ticks) = ring(1 << 16);
        let attach = FeedRing { exchange: ExchangeId::Binance, ticks };
        handle.send(BroadcastCommand::Attach(attach)).unwrap();
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        let broadcasters = vec![handle.clone()];
        let (acceptor, accept) =
            Acceptor::new(AcceptOptions::default(), loopback, broadcasters, clock.clone()).unwrap();
        std::thread::spawn(move || acceptor.run());
        Self { clock, broadcaster, handle, accept, ring, ahead: Duration::ZERO }
    }

    fn push(&mut self, bodies: &[Body]) {
        for &body in bodies {
            let mut tick = Tick::new(BTC, UnixNanos(START * 1_000_000), body);
            tick.received = self.clock.now();
            self.ring.push(tick).unwrap();
        }
    }

    fn now(&self) -> MonoNanos {
        self.clock.now().after(self.ahead)
    }

    fn turn(&mut self) {
        self.broadcaster.wait(false).unwrap();
        self.broadcaster.turn(self.now());
    }

    fn turn_until(&mut self, what: &str, mut holds: impl FnMut(&BroadcastHandle) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds(&self.handle) {
            assert!(Instant::now() < deadline, "never: {what}");
            self.turn();
        }
    }

    /// Clients that are connected and have said nothing.
    fn clients(&mut self, count: usize) -> Vec<Client> {
        let before = self.handle.counters().clients.value();
        let clients = (0..count).map(|_| Client::connect(self.accept.local_addr())).collect();
        self.turn_until("all are served", |handle| {
            handle.counters().clients.value() == before + count as u64
        });
        clients
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.accept.stop();
    }
}

fn padded(action: &str, bytes: usize) -> Message {
    Message::text(json!({"action": action, "padding": "x".repeat(bytes)}).to_string())
}

#[test]
fn who_goes_on_with_large_requests_is_closed_with_4029_and_hardly_any_was_read() {
    let mut floor = Floor::new();
    let mut other = floor.client();
    other.subscribe(&["binance:BTC/USDT"], &["trades"]);
    let mut client = floor.client();
    let mut writer = tungstenite::WebSocket::from_raw_socket(
        client.socket.get_ref().try_clone().unwrap(),
        tungstenite::protocol::Role::Client,
        None,
    );
    std::thread::spawn(move || {
        for _ in 0..200 {
            if writer.send(padded("ping", 64_000)).is_err() {
                return;
            }
        }
    });
    let (seen, code) = client.until_close();
    assert_eq!(code, 4029);
    let of = |kind: &str| seen.iter().filter(|answer| answer["type"] == kind).count();
    assert!((1..=4).contains(&of("pong")), "{} were read", of("pong"));
    assert_eq!(of("pong") + of("error"), seen.len());
    assert!(seen.iter().all(|one| one["type"] == "pong" || one["code"] == "rate_limited"));
    floor.spot.trade(BTC, 1, "1");
    assert_eq!(other.next()["seq"], 1, "nobody else is harmed");
    let counters = floor.broadcaster.counters();
    assert_eq!(counters.offender_closes.value(), 1);
    assert_eq!(counters.rate_limited.value(), of("error") as u64);
}

#[test]
fn pings_and_fragments_for_their_own_sake_are_an_offence_too() {
    use std::io::Write;
    let floor = Floor::new();
    // Masks of zero: a ping, an unasked pong, and a text that begins and never ends.
    for frames in [&b"\x89\x80\0\0\0\0"[..], b"\x8a\x80\0\0\0\0", b"\x00\x80\0\0\0\0"] {
        let mut client = floor.client();
        if frames[0] == 0 {
            client.socket.get_mut().write_all(b"\x01\x80\0\0\0\0").unwrap();
        }
        let mut stream = client.socket.get_ref().try_clone().unwrap();
        let flood = frames.repeat(1_000);
        std::thread::spawn(move || while stream.write_all(&flood).is_ok() {});
        assert_eq!(client.until_close().1, 4029, "{frames:?}");
    }
}

#[test]
fn all_clients_together_are_heard_in_bounded_pieces_and_in_turn() {
    const CLIENTS: usize = 40;
    let mut bench = Bench::new(1 << 20, table());
    let mut clients = bench.clients(CLIENTS);
    // Refused as an unknown action, once it was read.
    for client in &mut clients {
        client.socket.send(padded("dance", 60_000)).unwrap();
    }
    let counters = Arc::clone(bench.handle.counters());
    let (mut most, mut answered) = (0, 0);
    while answered < CLIENTS as u64 {
        bench.turn();
        let now = counters.bad_requests.value();
        most = most.max(now - answered);
        answered = now;
    }
    assert!(most <= 2, "{most} of 60 KiB in one turn");
    for client in &mut clients {
        assert_eq!(client.next()["code"], "unknown_action", "each had its turn");
    }
}

#[test]
fn what_clients_ask_for_is_told_in_bounded_pieces_and_in_turn() {
    const CLIENTS: usize = 40;
    let mut bench = Bench::new(1 << 20, table());
    let prices: Vec<String> = (1..=12_000).map(|price| price.to_string()).collect();
    let levels: Vec<_> = prices.iter().map(|price| (Side::Bid, &price[..], "1.5")).collect();
    bench.push(&book(true, &levels));
    let ids: Vec<Body> = (1..=5_000).map(|id| trade(id, "65000.10")).collect();
    bench.push(&ids);
    let counters = Arc::clone(bench.handle.counters());
    bench.turn_until("all is known", |handle| handle.counters().ticks.value() == 17_000);
    for (request, kind) in [
        (
            json!({"action": "subscribe", "symbols": ["binance:BTC/USDT"],
            "channels": ["orderbook"]}),
            "orderbook",
        ),
        (
            json!({"action": "history", "symbol": "binance:BTC/USDT", "channel": "trades",
            "limit": 1_000}),
            "history",
        ),
    ] {
        let mut clients = bench.clients(CLIENTS);
        clients.iter_mut().for_each(|client| client.say(&request));
        let readers: Vec<_> = clients
            .into_iter()
            .map(|mut client| {
                std::thread::spawn(move || {
                    client.next_of(kind);
                    client
                })
            })
            .collect();
        let (mut most, mut before) = (0, counters.bytes.value());
        while !readers.iter().all(|reader| reader.is_finished()) {
            bench.turn();
            let waiting = counters.bytes.value() + counters.queue_bytes.value();
            most = most.max(waiting.saturating_sub(before));
            before = waiting;
        }
        assert!(most < 512 << 10, "{most} bytes of {kind} in one turn");
        readers.into_iter().for_each(|reader| drop(reader.join().unwrap()));
        bench.turn_until("they are gone", |handle| handle.counters().clients.value() == 0);
    }
}

#[test]
fn a_client_that_reads_gets_all_that_it_asks_for_however_much_that_is() {
    const TRADES: u64 = 5_000;
    let options = BroadcastOptions { client_queue_bytes: 32 << 10, ..Default::default() };
    let mut floor = Floor::with(options, AcceptOptions::default());
    for id in 1..=TRADES {
        floor.spot.trade(BTC, id, "65000.10");
    }
    let counters = Arc::clone(floor.broadcaster.counters());
    wait_for("all ticks are taken", || counters.ticks.value() == TRADES);
    let mut client = Client::connect_small(floor.address());
    client.subscribe(&["binance:BTC/USDT"], &["trades"]);
    let history = json!({"action": "history", "symbol": "binance:BTC/USDT", "channel": "trades",
        "limit": 5_000});
    let past = json!({"type": "command", "command": "history", "requestId": 4,
        "params": {"asset": "binance:BTC/USDT", "limit": 5_000}});
    (0..3).for_each(|_| client.say(&history));
    client.say(&past);
    client.say(&json!({"action": "ping"}));
    // What happens meanwhile comes as well, each once and in order, wherever it comes.
    (TRADES + 1..=TRADES + 100).for_each(|id| floor.spot.trade(BTC, id, "65000.20"));
    let (mut live, mut histories, mut done) = (TRADES, 0, false);
    while !done || live < TRADES + 100 {
        let message = client.next();
        match message["type"].as_str().unwrap() {
            "trade" => {
                live += 1;
                assert_eq!(message["seq"], live);
            }
            "history" => {
                histories += 1;
                let events = message["data"]["events"].as_array().unwrap();
                assert_eq!(events.len(), 5_000);
                let first = events[0]["seq"].as_u64().unwrap();
                let follow = |(at, event): (usize, &Value)| event["seq"] == first + at as u64;
                assert!(events.iter().enumerate().all(follow));
            }
            "response" => assert_eq!(message["data"]["count"], 5_000),
            "historical_data" => {
                histories += 1;
                assert_eq!(message["data"]["ticks"].as_array().unwrap().len(), 5_000);
            }
            "pong" => {
                assert_eq!(histories, 4, "answers keep the order of their requests");
                done = true;
            }
            _ => panic!("{message}"),
        }
    }
    assert_eq!(counters.slow_closes.value(), 0);
}

#[test]
fn a_client_that_reads_gets_a_book_that_is_larger_than_its_queue_and_follows_it() {
    const LEVELS: usize = 15_000;
    let options = BroadcastOptions { client_queue_bytes: 64 << 10, ..Default::default() };
    let mut floor = Floor::with(options, AcceptOptions::default());
    let bids: Vec<String> = (1..=LEVELS).map(|price| price.to_string()).collect();
    let asks: Vec<String> = (1..=LEVELS).map(|price| (LEVELS + price).to_string()).collect();
    let levels: Vec<_> = (bids.iter().map(|price| (Side::Bid, &price[..], "1.25")))
        .chain(asks.iter().map(|price| (Side::Ask, &price[..], "2.5")))
        .collect();
    floor.spot.book(BTC, true, &levels);
    let counters = Arc::clone(floor.broadcaster.counters());
    wait_for("the book is there", || counters.ticks.value() == 2 * LEVELS as u64);
    let mut client = Client::connect_small(floor.address());
    client.say(&json!({"action": "subscribe", "symbols": ["binance:BTC/USDT"],
        "channels": ["orderbook"]}));
    for size in 1..=200 {
        floor.spot.book(BTC, false, &[(Side::Bid, "15000", &size.to_string())]);
    }
    let snapshot = client.next_of("orderbook");
    assert_eq!(snapshot["data"]["kind"], "snapshot");
    assert_eq!(snapshot["data"]["bids"].as_array().unwrap().len(), LEVELS);
    assert_eq!(snapshot["data"]["asks"].as_array().unwrap().len(), LEVELS);
    let mut seq = snapshot["seq"].as_u64().unwrap();
    while seq < 201 {
        let event = client.next_of("orderbook");
        let next = event["seq"].as_u64().unwrap();
        assert_eq!(next, seq + event["conflated"].as_u64().unwrap_or(0) + 1, "{event}");
        seq = next;
    }
    assert_eq!(counters.slow_closes.value(), 0);
}

#[test]
fn a_client_that_reads_gets_the_list_of_all_instruments() {
    const INSTRUMENTS: usize = 12_000;
    let mut table = InstrumentTable::default();
    for index in 0..INSTRUMENTS {
        table.add(instrument(ExchangeId::Binance, &format!("COIN{index}/USDT"))).unwrap();
    }
    let mut bench = Bench::new(32 << 10, table);
    let address = bench.accept.local_addr();
    let reader = std::thread::spawn(move || {
        let mut client = Client::connect_small(address);
        client.say(&json!({"action": "instruments"}));
        client.say(&json!({"action": "subscribe", "symbols": ["*"], "channels": ["trades"]}));
        client.say(&json!({"action": "unsubscribe", "symbols": ["*"], "channels": ["trades"]}));
        let mut count = 0;
        while count < INSTRUMENTS {
            let page = client.next_of("instruments");
            count += page["data"]["instruments"].as_array().unwrap().len();
        }
        assert_eq!(client.next_of("success")["data"]["subscribed"], json!(["*"]));
        let told = client.next_of("success");
        assert_eq!(told["data"]["unsubscribed"], json!(["*"]));
        assert_eq!(told["data"]["currentSubscriptions"], json!([]));
        client.subscribe(&["*"], &["trades", "quotes"]);
        assert_eq!(client.ask(&json!({"action": "ping"}))["type"], "pong", "all is granted");
        // Nothing ends when one of the names has nothing to end.
        client.say(&json!({"action": "unsubscribe", "symbols": ["*", "COIN7/USDT"],
            "channels": ["candles"]}));
        assert_eq!(client.next_of("error")["code"], "not_subscribed");
    });
    let counters = Arc::clone(bench.handle.counters());
    let (mut granted, mut ended, mut before) = (0, 0, 0);
    // Its end is the end of its connection, too.
    while !reader.is_finished() || counters.clients.value() > 0 {
        bench.turn();
        let now = counters.subscriptions.value();
        granted = granted.max(now.saturating_sub(before));
        ended = ended.max(before.saturating_sub(now));
        before = now;
    }
    reader.join().unwrap();
    assert!((1..=1_000).contains(&granted), "{granted} subscriptions granted in one turn");
    assert!((1..=1_000).contains(&ended), "{ended} subscriptions ended in one turn");
    assert_eq!((counters.slow_closes.value(), before), (0, 0));
}

#[test]
fn few_at_a_time_may_leave_much_unread_and_not_for_long() {
    const CLIENTS: usize = 40;
    let mut bench = Bench::new(64 << 10, table());
    let prices: Vec<String> = (1..=20_000).map(|price| price.to_string()).collect();
    let levels: Vec<_> = prices.iter().map(|price| (Side::Bid, &price[..], "1.2345678")).collect();
    bench.push(&book(true, &levels));
    let counters = Arc::clone(bench.handle.counters());
    bench.turn_until("the book is there", |handle| handle.counters().ticks.value() == 20_000);
    let address = bench.accept.local_addr();
    let connecting = std::thread::spawn(move || {
        let request = json!({"action": "subscribe", "symbols": ["binance:BTC/USDT"],
            "channels": ["orderbook"]});
        let mut clients: Vec<_> = (0..CLIENTS).map(|_| Client::connect_small(address)).collect();
        clients.iter_mut().for_each(|client| client.say(&request));
        clients
    });
    bench.turn_until("all are subscribed", |handle| {
        handle.counters().subscriptions.value() == CLIENTS as u64
    });
    let mut clients = connecting.join().unwrap();
    (0..200).for_each(|_| bench.turn());
    let (queued, of_one) = (counters.queue_bytes.value(), 20_000 * 24);
    assert!(queued > 0 && queued < 9 * of_one, "{queued} bytes wait");
    assert_eq!(counters.slow_closes.value(), 0);
    // However many wait of that address: who comes from another is told.
    let other = std::thread::spawn(move || {
        let mut client = Client::connect_from(Ipv4Addr::new(127, 0, 0, 2), address);
        client.say(&json!({"action": "subscribe", "symbols": ["binance:BTC/USDT"],
            "channels": ["orderbook"]}));
        client.next_of("orderbook")["data"]["bids"].as_array().unwrap().len()
    });
    bench.turn_until("another is told", |_| other.is_finished());
    assert_eq!(other.join().unwrap(), 20_000);
    assert_eq!(counters.slow_closes.value(), 0);
    for closed in [8, 16, 24, 32, 40] {
        bench.ahead += Duration::from_secs(11);
        (0..200).for_each(|_| bench.turn());
        assert_eq!(counters.slow_closes.value(), closed, "their places were given to others");
    }
    let mut last = clients.pop().unwrap();
    let reader = std::thread::spawn(move || last.until_close().1);
    bench.turn_until("it reads to the end", |_| reader.is_finished());
    assert_eq!(reader.join().unwrap(), 4008);
}

#[test]
fn who_reads_again_after_ten_seconds_learns_that_it_was_too_slow() {
    let mut bench = Bench::new(64 << 10, table());
    let address = bench.accept.local_addr();
    let connecting = std::thread::spawn(move || {
        let mut client = Client::connect_small(address);
        client.subscribe(&["binance:BTC/USDT"], &["trades"]);
        client
    });
    bench.turn_until("it is subscribed", |_| connecting.is_finished());
    let mut client = connecting.join().unwrap();
    let mut id = 0;
    while bench.handle.counters().slow_closes.value() == 0 {
        let trades: Vec<Body> = (0..100).map(|one| trade(id + one, "65000.10")).collect();
        id += 100;
        bench.push(&trades);
        bench.turn();
    }
    bench.ahead = Duration::from_secs(11);
    (0..100).for_each(|_| bench.turn());
    let reader = std::thread::spawn(move || client.until_close());
    bench.turn_until("it reads to the end", |_| reader.is_finished());
    let (seen, code) = reader.join().unwrap();
    assert_eq!(code, 4008);
    for (index, event) in seen.iter().enumerate() {
        assert_eq!(event["seq"], index as u64 + 1);
    }
}

#[test]
fn the_connection_ends_at_once_with_the_closing_handshake() {
    use std::io::Write;
    let mut bench = Bench::new(1 << 20, table());
    let mut clients = bench.clients(4);
    let pings = b"\x89\x80\0\0\0\0".repeat(1_300);
    clients[0].socket.close(None).unwrap();
    clients[1].socket.send(Message::text("x".repeat(100_000))).unwrap();
    clients[2].socket.get_mut().write_all(b"\x83\x80\0\0\0\0").unwrap();
    clients[3].socket.get_mut().write_all(&pings).unwrap();
    let reading = std::thread::spawn(move || {
        let of = |mut client: Client| {
            let code = client.until_close().1;
            // Sends the answer, and waits for the end of the connection, which is the server's.
            while client.socket.read().is_ok() {}
            code
        };
        clients.into_iter().map(of).collect::<Vec<_>>()
    });
    // No time passes, so nobody's time to answer is over.
    let (now, deadline) = (bench.now(), Instant::now() + PATIENCE);
    while bench.handle.counters().clients.value() > 0 {
        assert!(Instant::now() < deadline, "somebody's end is waited for");
        bench.broadcaster.wait(false).unwrap();
        bench.broadcaster.turn(now);
    }
    assert_eq!(reading.join().unwrap(), [1005, 1009, 1002, 4029]);
}

impl Bench {
    /// Turns a few times without time passing, so that all that may be read is.
    fn settle(&mut self, now: MonoNanos) {
        for _ in 0..200 {
            self.broadcaster.wait(false).unwrap();
            self.broadcaster.turn(now);
        }
    }
}

#[test]
fn who_sends_crumbs_is_heard_later_and_nobody_else_is() {
    use std::io::Write;
    let mut bench = Bench::new(1 << 20, table());
    let mut clients = bench.clients(2);
    let now = bench.now();
    // A text of 98 bytes, masked with zeros, a byte at a time.
    let text = json!({"action": "ping", "padding": "x".repeat(68)}).to_string();
    let frame = [b"\x81\xe2\0\0\0\0", text.as_bytes()].concat();
    assert_eq!(frame.len(), 6 + 0x62);
    let counters = Arc::clone(bench.handle.counters());
    for byte in &frame {
        clients[0].socket.get_mut().write_all(&[*byte]).unwrap();
        bench.broadcaster.wait(false).unwrap();
        bench.broadcaster.turn(now);
    }
    bench.settle(now);
    assert_eq!(counters.reads_put_off.value(), 1, "it is put off, and not looked at meanwhile");
    assert_eq!(counters.messages.value(), 0);
    clients[1].say(&json!({"action": "ping"}));
    bench.settle(now);
    assert_eq!(clients[1].next()["type"], "pong");
    assert_eq!(counters.messages.value(), 1);
    for tenth in 1..=20 {
        bench.settle(now.after(Duration::from_millis(10 * tenth)));
    }
    assert_eq!(clients[0].next()["type"], "pong", "late, and whole");
}

#[test]
fn who_sends_nothing_but_crumbs_is_read_ever_more_rarely_until_it_says_something() {
    use std::io::Write;
    let mut bench = Bench::new(1 << 20, table());
    let mut clients = bench.clients(1);
    let start = bench.now();
    let text = json!({"action": "ping", "padding": "x".repeat(5_000)}).to_string();
    let head = [0x81, 0xFE, (text.len() >> 8) as u8, text.len() as u8, 0, 0, 0, 0];
    let counters = Arc::clone(bench.handle.counters());
    // Ten seconds of a byte each 2 ms, all of it of one request.
    let mut now = start;
    for byte in head.iter().chain(text.as_bytes()) {
        clients[0].socket.get_mut().write_all(&[*byte]).unwrap();
        now = now.after(Duration::from_millis(2));
        bench.broadcaster.wait(false).unwrap();
        bench.broadcaster.turn(now);
    }
    let put_off = counters.reads_put_off.value();
    assert!((10..50).contains(&put_off), "{put_off} times in ten seconds");
    bench.settle(now.after(Duration::from_secs(1)));
    assert_eq!(clients[0].next()["type"], "pong", "late, and whole");
    // It has said something: a byte at a time goes as it did.
    for byte in b"\x89\x81\0\0\0\0x" {
        clients[0].socket.get_mut().write_all(&[*byte]).unwrap();
        now = now.after(Duration::from_secs(1));
        bench.settle(now);
    }
    assert_eq!(counters.reads_put_off.value(), put_off);
}

#[test]
fn what_a_client_sends_after_its_close_is_hardly_read() {
    use std::io::Write;
    let mut bench = Bench::new(1 << 20, table());
    let client = bench.clients(1).remove(0);
    let mut stream = client.socket.get_ref().try_clone().unwrap();
    let pings = b"\x89\x80\0\0\0\0".repeat(10_000);
    let flood = std::thread::spawn(move || while stream.write_all(&pings).is_ok() {});
    let counters = Arc::clone(bench.handle.counters());
    let now = bench.now();
    bench.turn_until("it is closed", |handle| handle.counters().offender_closes.value() == 1);
    let heard = counters.messages.value();
    for _ in 0..20 {
        bench.settle(now);
    }
    let heard_after = counters.messages.value() - heard;
    assert!(heard_after < 1_000, "{heard_after} messages were read for nobody");
    bench.settle(now.after(Duration::from_secs(6)));
    drop(client);
    flood.join().unwrap();
}
