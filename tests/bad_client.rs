//! Clients that break the rules: each gets a clear answer, and nobody else is harmed.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod floor;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use floor::{BTC, Client, Floor, PATIENCE, wait_for};
use serde_json::json;
use tickwire::broadcast::BroadcastOptions;
use tickwire::control::AcceptOptions;
use tungstenite::Message;

#[test]
fn a_bad_request_gets_an_error_and_the_connection_lives_on() {
    let mut floor = Floor::new();
    let mut client = floor.client();
    client.subscribe(&["binance:BTC/USDT"], &["trades"]);
    for (text, code) in [
        ("", "bad_json"),
        ("{", "bad_json"),
        ("nonsense", "bad_json"),
        ("[]", "bad_request"),
        ("17", "bad_request"),
        ("{}", "bad_request"),
        (r#"{"action":17}"#, "bad_request"),
        (r#"{"action":"dance"}"#, "unknown_action"),
        (r#"{"action":"subscribe"}"#, "bad_request"),
        (r#"{"action":"subscribe","symbols":[]}"#, "bad_request"),
        (r#"{"action":"subscribe","symbols":"BTC/USDT"}"#, "bad_request"),
        (
            r#"{"action":"subscribe","symbols":["BTC/USDT"],"channels":["gossip"]}"#,
            "unknown_channel",
        ),
        (r#"{"action":"subscribe","symbols":["a b"]}"#, "unknown_symbol"),
        (r#"{"action":"subscribe","symbols":["DOGE/USDT"]}"#, "unknown_symbol"),
        (
            r#"{"action":"subscribe","symbols":["*"],"channels":["candles"],"interval":"2m"}"#,
            "bad_request",
        ),
        (
            r#"{"action":"subscribe","symbols":["*"],"channels":["orderbook"],"depth":0}"#,
            "bad_request",
        ),
        (r#"{"action":"subscribe","symbols":["*"],"delivery":{"perSecond":0}}"#, "bad_request"),
        (r#"{"action":"unsubscribe","symbols":["ETH/USDT"]}"#, "not_subscribed"),
        (r#"{"action":"history","symbol":"DOGE/USDT","channel":"trades"}"#, "unknown_symbol"),
        (r#"{"action":"publish","channel":"news:x","data":{}}"#, "forbidden"),
    ] {
        client.socket.send(Message::text(text)).unwrap();
        let error = client.next();
        assert_eq!(error["type"], "error", "{text} → {error}");
        assert_eq!(error["code"], code, "{text} → {error}");
        assert!(!error["message"].as_str().unwrap().is_empty());
    }
    client.socket.send(Message::binary(vec![1, 2, 3])).unwrap();
    assert_eq!(client.next()["code"], "bad_request");
    floor.spot.trade(BTC, 1, "1");
    assert_eq!(client.next()["seq"], 1, "what was subscribed is not lost");
    assert!(floor.broadcaster.counters().bad_requests.value() > 20);
}

#[test]
fn too_many_requests_are_refused_and_not_too_many_are_not() {
    let floor = Floor::new();
    let mut client = floor.client();
    for _ in 0..1_000 {
        client.say(&json!({"action": "ping", "requestId": 1}));
    }
    let answers: Vec<_> = (0..1_000).map(|_| client.next()).collect();
    let limited = answers.iter().filter(|answer| answer["code"] == "rate_limited").count();
    assert!(answers[..200].iter().all(|answer| answer["type"] == "pong"));
    assert!(limited > 0 && limited <= 800, "{limited} of 1000");
}

#[test]
fn what_breaks_the_protocol_closes_that_client_alone() {
    let mut floor = Floor::new();
    let mut other = floor.client();
    other.subscribe(&["binance:BTC/USDT"], &["trades"]);
    // Larger than any request.
    let mut large = floor.client();
    large.socket.send(Message::text("x".repeat(1 << 20))).unwrap();
    assert_eq!(large.until_close().1, 1009);
    // Text that is none.
    let mut garbled = floor.client();
    write_raw(&mut garbled, &[0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe]);
    assert_eq!(garbled.until_close().1, 1007);
    // A frame without a mask.
    let mut unmasked = floor.client();
    write_raw(&mut unmasked, &[0x81, 0x02, b'{', b'}']);
    assert_eq!(unmasked.until_close().1, 1002);
    // Gone without a word, in the middle of a frame.
    let mut gone = floor.client();
    write_raw(&mut gone, &[0x81, 0xfe, 0x01]);
    drop(gone);
    floor.spot.trade(BTC, 1, "1");
    assert_eq!(other.next()["seq"], 1);
    let clients = || floor.broadcaster.counters().clients.value();
    drop((large, garbled, unmasked));
    wait_for("the others are forgotten", || clients() == 1);
}

fn write_raw(client: &mut Client, bytes: &[u8]) {
    client.socket.get_mut().write_all(bytes).unwrap();
}

#[test]
fn a_close_is_answered() {
    let floor = Floor::new();
    let mut client = floor.client();
    client.socket.close(None).unwrap();
    let (seen, _) = client.until_close();
    assert!(seen.is_empty());
    wait_for("the session ends", || floor.broadcaster.counters().clients.value() == 0);
}

#[test]
fn a_request_in_fragments_is_a_request() {
    let floor = Floor::new();
    let mut client = floor.client();
    // {"action": | a ping between | "ping"} with masks of zero.
    write_raw(&mut client, b"\x01\x8a\0\0\0\0{\"action\":");
    write_raw(&mut client, b"\x89\x80\0\0\0\0");
    write_raw(&mut client, b"\x80\x87\0\0\0\0\"ping\"}");
    let (mut pong, mut answer) = (false, false);
    while !(pong && answer) {
        match client.message() {
            Message::Pong(_) => pong = true,
            Message::Text(text) => answer = text.contains("\"pong\""),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn refusals_have_their_status() {
    let accept = AcceptOptions {
        clients_max: 3,
        clients_per_ip_max: 2,
        origins: vec!["https://good.example".to_owned()],
        ..AcceptOptions::default()
    };
    let floor = Floor::with(BroadcastOptions::default(), accept);
    let connect = |path: &str, headers: &[(&'static str, &str)]| {
        Client::try_connect(floor.address(), path, headers).map(drop)
    };
    assert_eq!(connect("/nowhere", &[]), Err(404));
    assert_eq!(connect("/ws", &[("origin", "https://evil.example")]), Err(403));
    let first = Client::try_connect(floor.address(), "/", &[("origin", "https://good.example")]);
    let second = Client::try_connect(floor.address(), "/ws?token=x", &[]);
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(connect("/ws", &[]), Err(429));
    assert!(http(&floor, "GET /ws HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 426 "));
    assert!(http(&floor, "POST / HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 426 "));
    drop(first);
    wait_for("the place is given back", || connect("/ws", &[]).is_ok());
    let counters = floor.accept.counters();
    assert_eq!(counters.refused_404.value(), 1);
    assert_eq!(counters.refused_403.value(), 1);
    assert_eq!(counters.refused_426.value(), 2);
    assert!(counters.refused_429.value() >= 1);
    drop(second);
}

/// Sends a plain request and reads the whole answer.
fn http(floor: &Floor, request: &str) -> String {
    let mut stream = TcpStream::connect(floor.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn at_capacity_the_answer_is_503() {
    let accept = AcceptOptions { clients_max: 1, ..AcceptOptions::default() };
    let floor = Floor::with(BroadcastOptions::default(), accept);
    let client = floor.client();
    assert_eq!(Client::try_connect(floor.address(), "/", &[]).map(drop), Err(503));
    drop(client);
}

#[test]
fn who_never_asks_for_the_upgrade_is_let_go() {
    let accept =
        AcceptOptions { handshake_max: Duration::from_millis(50), ..AcceptOptions::default() };
    let floor = Floor::with(BroadcastOptions::default(), accept);
    let mut stream = TcpStream::connect(floor.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"GET / HT").unwrap();
    assert_eq!(stream.read(&mut [0; 16]).unwrap(), 0);
    wait_for("it is counted", || floor.accept.counters().timeouts.value() == 1);
}

#[test]
fn a_stop_sends_what_is_queued_and_then_1001() {
    let mut floor = Floor::new();
    let mut client = floor.client();
    client.subscribe(&["binance:BTC/USDT"], &["trades"]);
    for id in 1..=2_000 {
        floor.spot.trade(BTC, id, "1");
    }
    let stopping = std::thread::spawn(move || floor.stop());
    let (seen, code) = client.until_close();
    assert_eq!(code, 1001);
    assert_eq!(seen.len(), 2_000);
    assert_eq!(seen.last().unwrap()["seq"], 2_000);
    // The answer to the close goes out with the next read.
    let _ = client.socket.read();
    stopping.join().unwrap();
}

#[test]
fn a_stop_does_not_wait_for_who_does_not_read() {
    let options = BroadcastOptions { drain_max: Duration::from_millis(300), ..Default::default() };
    let mut floor = Floor::with(options, AcceptOptions::default());
    let mut client = Client::connect_small(floor.address());
    client.subscribe(&["binance:BTC/USDT"], &["trades"]);
    for id in 1..=3_000 {
        floor.spot.trade(BTC, id, "1");
    }
    floor.stop();
}
