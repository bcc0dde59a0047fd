//! What hostile clients do to the gateway. Each is run by several threads of the attacking process
//! and does its thing until the connection ends; then it is begun anew.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::Work;
use crate::raw::{
    self, CONTINUES, PING, TEXT, TEXT_BEGINS, client, dial, many, masked, silent_client,
};

/// Whom clients attack.
#[derive(Clone, Copy)]
pub(crate) struct Target {
    pub(crate) gateway: SocketAddr,
    pub(crate) admin: SocketAddr,
}

/// One connection's attack; returns when the connection ends.
pub(crate) type Attack = fn(Target, &Work) -> io::Result<()>;

/// By name: how many connections at once, and what each does.
pub(crate) const ATTACKS: [(&str, usize, Attack); 17] = [
    ("requests of 64 KiB", 90, large_requests),
    ("requests that are no JSON, 64 KiB", 90, large_nonsense),
    ("pings in JSON, as fast as they are taken", 40, small_requests),
    ("pipelined histories, read at once", 16, histories),
    ("pipelined lists of instruments", 16, lists),
    ("subscribing and unsubscribing everything", 40, churn),
    ("resuming from long ago, again and again", 16, resumes),
    ("everything subscribed and never read", 60, unread),
    ("WebSocket pings, as fast as they are taken", 40, pings),
    ("empty fragments", 40, fragments),
    ("frames against the protocol, then a new connection", 16, broken_frames),
    ("connecting and leaving", 16, connects),
    ("silent connections without a handshake", 1_100, silence),
    ("heads that are no HTTP", 16, broken_heads),
    ("half requests at the admin port", 1_100, half_requests),
    ("metrics fetched without pause", 8, metrics),
    ("one byte of a request at a time", 60, trickle),
];

fn flood(mut stream: &TcpStream, frame: &[u8], work: &Work) -> io::Result<()> {
    let (block, count) = many(frame);
    loop {
        stream.write_all(&block)?;
        work.add(count);
    }
}

fn request_of_64_kib(tail: &str) -> Vec<u8> {
    let mut symbols = String::from(r#"{"action":"subscribe","symbols":["BTC/USDT""#);
    while symbols.len() + tail.len() + 12 < 64 << 10 {
        symbols.push_str(r#","NO/SUCH""#);
    }
    symbols.push_str(tail);
    masked(TEXT, symbols.as_bytes())
}

fn large_requests(target: Target, work: &Work) -> io::Result<()> {
    flood(&client(target.gateway)?, &request_of_64_kib("]}"), work)
}

fn large_nonsense(target: Target, work: &Work) -> io::Result<()> {
    flood(&client(target.gateway)?, &request_of_64_kib("]]"), work)
}

fn small_requests(target: Target, work: &Work) -> io::Result<()> {
    flood(&client(target.gateway)?, &masked(TEXT, br#"{"action":"ping"}"#), work)
}

fn histories(target: Target, work: &Work) -> io::Result<()> {
    let ask = br#"{"action":"history","symbol":"BTC/USDT","channel":"trades","limit":5000}"#;
    flood(&client(target.gateway)?, &masked(TEXT, ask), work)
}

fn lists(target: Target, work: &Work) -> io::Result<()> {
    flood(&client(target.gateway)?, &masked(TEXT, br#"{"action":"instruments"}"#), work)
}

fn churn(target: Target, work: &Work) -> io::Result<()> {
    let rest = r#""symbols":["*"],"channels":["trades"],"snapshot":true}"#;
    let pair = [
        format!(r#"{{"action":"subscribe",{rest}"#),
        format!(r#"{{"action":"unsubscribe",{rest}"#),
    ];
    let frames: Vec<u8> = pair.iter().flat_map(|text| masked(TEXT, text.as_bytes())).collect();
    flood(&client(target.gateway)?, &frames, work)
}

fn resumes(target: Target, work: &Work) -> io::Result<()> {
    let ask = r#"{"action":"subscribe","symbols":["BTC/USDT"],"channels":["trades"],
        "from":{"binance:BTC/USDT":{"epoch":"0000000000000000","seq":1}}}"#;
    let mut stream = client(target.gateway)?;
    let frame = masked(TEXT, ask.as_bytes());
    for _ in 0..100 {
        stream.write_all(&frame)?;
        work.add(1);
    }
    stream.shutdown(std::net::Shutdown::Both)
}

fn unread(target: Target, work: &Work) -> io::Result<()> {
    let mut stream = silent_client(target.gateway)?;
    let all = br#"{"action":"subscribe","symbols":["*"],"channels":["trades"],"snapshot":true}"#;
    stream.write_all(&masked(TEXT, all))?;
    work.add(1);
    // The connection is held until the gateway ends it, which this end sees without reading.
    let ping = masked(PING, b"");
    loop {
        std::thread::sleep(Duration::from_millis(500));
        stream.write_all(&ping)?;
    }
}

fn pings(target: Target, work: &Work) -> io::Result<()> {
    flood(&client(target.gateway)?, &masked(PING, b"0123456789"), work)
}

fn fragments(target: Target, work: &Work) -> io::Result<()> {
    let mut stream = client(target.gateway)?;
    stream.write_all(&masked(TEXT_BEGINS, b""))?;
    flood(&stream, &masked(CONTINUES, b""), work)
}

fn broken_frames(target: Target, work: &Work) -> io::Result<()> {
    let mut stream = silent_client(target.gateway)?;
    work.add(1);
    stream.write_all(&raw::bare(TEXT, b"without a mask"))?;
    raw::read_head(&mut stream).map(drop)
}

fn connects(target: Target, work: &Work) -> io::Result<()> {
    work.add(1);
    silent_client(target.gateway).map(drop)
}

fn silence(target: Target, work: &Work) -> io::Result<()> {
    let mut stream = dial(target.gateway)?;
    work.add(1);
    raw::read_head(&mut stream).map(drop)
}

fn broken_heads(target: Target, work: &Work) -> io::Result<()> {
    let mut stream = dial(target.gateway)?;
    work.add(1);
    stream.write_all(&[b'x'; 20 << 10])?;
    raw::read_head(&mut stream).map(drop)
}

fn half_requests(target: Target, work: &Work) -> io::Result<()> {
    let mut stream = dial(target.admin)?;
    stream.write_all(b"GET /stats HTTP/1.1\r\nHost: x\r\nX-")?;
    work.add(1);
    raw::read_head(&mut stream).map(drop)
}

fn metrics(target: Target, work: &Work) -> io::Result<()> {
    let mut stream = dial(target.admin)?;
    raw::drain(&stream)?;
    loop {
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
        work.add(1);
    }
}

fn trickle(target: Target, work: &Work) -> io::Result<()> {
    let mut stream = client(target.gateway)?;
    stream.set_nodelay(true)?;
    for byte in request_of_64_kib("]}") {
        stream.write_all(&[byte])?;
        work.add(1);
    }
    Ok(())
}
