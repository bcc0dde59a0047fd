//! Connections that never become clients, and requests that mean two things: the first lock nobody
//! out, the second are refused in words.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod floor;
#[path = "common/process.rs"]
#[allow(dead_code, reason = "each test binary uses its own part")]
mod process;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Command, Stdio};

use floor::{Client, Floor, PATIENCE, wait_for};
use process::{Running, anywhere, configuration};
use serde_json::json;
use tickwire::broadcast::BroadcastOptions;
use tickwire::control::AcceptOptions;
use tickwire::limits::HANDSHAKES_MAX;

const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// What the server says to raw bytes, to its end or as far as it comes in one read after an upgrade.
fn answer(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request).unwrap();
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    if line.contains(" 101 ") {
        return line;
    }
    reader.read_to_string(&mut line).unwrap();
    line
}

fn upgrade(headers: &str) -> String {
    format!("GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n{headers}\r\n")
}

#[test]
fn silent_connections_of_one_address_lock_nobody_out() {
    let floor = Floor::new();
    let address = floor.address();
    let mut silent: Vec<_> =
        (0..HANDSHAKES_MAX + 50).map(|_| TcpStream::connect(address).unwrap()).collect();
    let counters = floor.accept.counters();
    wait_for("all are there", || counters.displaced.value() == 50);
    // From another address, and from the same.
    let _other = Client::connect_from(Ipv4Addr::new(127, 0, 0, 2), address);
    assert!(Client::try_connect(address, "/ws", &[]).is_ok());
    // The first of the two left its place to the second.
    assert_eq!(counters.displaced.value(), 51);
    assert_eq!(counters.timeouts.value(), 0, "nobody waited for their end");
    // The oldest is told why.
    let mut told = String::new();
    silent[0].set_read_timeout(Some(PATIENCE)).unwrap();
    silent[0].read_to_string(&mut told).unwrap();
    assert!(told.starts_with("HTTP/1.1 503 "), "{told}");
    silent.clear();
}

#[test]
fn heads_that_are_none_or_mean_two_things_are_refused_with_400_and_too_large_ones_with_431() {
    let floor = Floor::new();
    let host = "Host: x\r\n";
    let connection = "Connection: Upgrade\r\n";
    let empty = "Content-Length: 0\r\n";
    let large = format!("X: {}\r\n", "x".repeat(64 << 10));
    for (status, request) in [
        (400, "nonsense\r\n\r\n".to_owned()),
        (400, "GET / HTTP/2\r\n\r\n".to_owned()),
        (400, "GET / HTTP/1.1\r\nno colon\r\n\r\n".to_owned()),
        (400, "\x16\x03\x01\x02\0\x01\0".to_owned()),
        (400, upgrade(&format!("{connection}{KEY}"))),
        (400, upgrade(&format!("{host}Host: y\r\n{connection}{KEY}"))),
        (400, upgrade(&format!("Host: x\u{e9}\r\n{connection}{KEY}"))),
        (400, upgrade(&format!("{host}{connection}{KEY}{KEY}"))),
        (400, upgrade(&format!("{host}{connection}{KEY}Sec-WebSocket-Version: 8\r\n"))),
        (400, upgrade(&format!("{host}{connection}"))),
        (400, upgrade(&format!("{host}{connection}{KEY}Content-Length: 5\r\n"))),
        (400, upgrade(&format!("{host}{connection}{KEY}Content-Length: +0\r\n"))),
        (400, upgrade(&format!("{host}{connection}{KEY}{empty}{empty}"))),
        (400, upgrade(&format!("{host}{connection}{KEY}Transfer-Encoding: chunked\r\n"))),
        (400, upgrade(&format!("{host}{connection}{KEY}{empty}Transfer-Encoding: identity\r\n"))),
        (101, upgrade(&format!("{host}{connection}{KEY}{empty}"))),
        (431, upgrade(&format!("{host}{connection}{KEY}{large}"))),
        (101, upgrade(&format!("{host}{connection}{KEY}"))),
        (101, upgrade(&format!("{host}Connection: keep-alive\r\n{connection}{KEY}"))),
        (101, upgrade(&format!("{host}{connection}Connection: keep-alive\r\n{KEY}"))),
    ] {
        let answer = answer(floor.address(), request.as_bytes());
        let expected = format!("HTTP/1.1 {status} ");
        let shown = &request[..request.len().min(300)];
        assert!(answer.starts_with(&expected), "{shown:?} → {answer:?}");
        assert!(status == 101 || answer.lines().last().unwrap().len() > 10, "it says why");
    }
    let counters = floor.accept.counters();
    assert_eq!((counters.refused_400.value(), counters.refused_431.value()), (15, 1));
}

#[test]
fn where_origins_are_limited_one_that_is_unreadable_or_repeated_is_refused() {
    let good = "https://good.example";
    let options = AcceptOptions { origins: vec![good.to_owned()], ..AcceptOptions::default() };
    let floor = Floor::with(BroadcastOptions::default(), options);
    for (status, origins) in [
        (101, String::new()),
        (101, format!("Origin: {good}\r\n")),
        (403, format!("Origin: {good}\r\nOrigin: {good}\r\n")),
        (403, format!("Origin: {good}\r\nOrigin: https://evil.example\r\n")),
        (403, "Origin: https://\u{e9}vil.example\r\n".to_owned()),
        (403, "Origin: \r\n".to_owned()),
    ] {
        let request = upgrade(&format!("Host: x\r\nConnection: Upgrade\r\n{KEY}{origins}"));
        let answer = answer(floor.address(), request.as_bytes());
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{origins:?} → {answer:?}");
    }
}

#[test]
fn a_length_that_is_longer_written_than_it_has_to_be_breaks_the_protocol() {
    let floor = Floor::new();
    for frame in [&b"\x81\xfe\0\x02\0\0\0\0{}"[..], b"\x81\xff\0\0\0\0\0\0\0\x02\0\0\0\0{}"] {
        let mut client = floor.client();
        client.socket.get_mut().write_all(frame).unwrap();
        assert_eq!(client.until_close().1, 1002);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn without_file_descriptors_clients_are_refused_in_words_and_that_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = configuration(folder.path());
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -n 90; exec \"$0\" run --config \"$1\""])
        .arg(env!("CARGO_BIN_EXE_tickwire"))
        .arg(&file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    anywhere(&mut command).env("TICKWIRE_GATEWAY_MAX_CLIENTS_PER_IP", "1000");
    let mut running = Running(command.spawn().unwrap());
    let log = BufReader::new(running.0.stderr.take().unwrap()).lines().map_while(Result::ok);
    let mut log = log.peekable();
    let mut seen = String::new();
    let address: SocketAddr = loop {
        let line = log.next().expect("it begins to listen");
        seen.push_str(&line);
        if let Some(address) = process::address(&line) {
            break address;
        }
    };
    let reading =
        std::thread::spawn(move || log.filter(|line| line.contains("descriptors")).count());
    let mut clients = Vec::new();
    let mut refused = 0;
    for _ in 0..150 {
        match Client::try_connect(address, "/ws", &[]) {
            Ok(client) => clients.push(client),
            Err(status) => {
                refused += 1;
                assert!(matches!(status, 503 | 0), "{status}");
            }
        }
    }
    assert!(clients.len() > 10 && refused > 50, "{} served, {refused} refused", clients.len());
    let last = clients.last_mut().unwrap();
    assert_eq!(last.ask(&json!({"action": "ping"}))["type"], "pong", "who is served is served on");
    clients.clear();
    wait_for("there is room again", || Client::try_connect(address, "/ws", &[]).is_ok());
    drop(running);
    assert_eq!(reading.join().unwrap(), 1, "told once, not for each");
}
