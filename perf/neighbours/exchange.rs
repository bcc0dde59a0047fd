//! What a hostile exchange does to its feed. It speaks as Coinbase's Exchange feed does, grants what
//! it is asked, states a small book, and then begins.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use tungstenite::handshake::derive_accept_key;

use crate::Work;
use crate::raw::{self, CONTINUES, PING, PONG, TEXT, TEXT_BEGINS, bare, drain, many, read_head};

/// The product that is subscribed.
pub(crate) const PRODUCT: &str = "BTC-USD";

/// One connection's attack; returns when the connection ends.
pub(crate) type Attack = fn(&mut TcpStream, &Work) -> io::Result<()>;

/// By name.
pub(crate) const ATTACKS: [(&str, Attack); 15] = [
    ("exchange: pongs", pongs),
    ("exchange: pings", pings),
    ("exchange: empty fragments", fragments),
    ("exchange: one byte at a time", trickle),
    ("exchange: 300,000 levels far from the touch", deep),
    ("exchange: deep levels that come and go", deep_churn),
    ("exchange: whole books without pause", snapshots),
    ("exchange: refusals without pause", refusals),
    ("exchange: frames that cannot be read", unreadable),
    ("exchange: frames of an unknown kind, 60 KiB", unknown),
    ("exchange: brackets, 64 KiB deep", brackets),
    ("exchange: absurd ids and times", absurd),
    ("exchange: trades without pause", trades),
    ("exchange: closes whoever comes", closes),
    ("exchange: a frame of 2^62 bytes", endless),
];

/// Takes whoever connects to `listener`, each with a thread of its own.
pub(crate) fn serve(listener: &TcpListener, attack: Attack, work: &Arc<Work>) -> io::Result<()> {
    loop {
        let (mut stream, _) = listener.accept()?;
        let work = Arc::clone(work);
        std::thread::spawn(move || {
            // However a connection ends, the next one is attacked like it.
            let _ = greet(&mut stream).and_then(|()| attack(&mut stream, &work));
        });
    }
}

fn greet(stream: &mut TcpStream) -> io::Result<()> {
    let head = read_head(stream)?;
    let key = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("sec-websocket-key").then(|| value.trim().to_owned())
    });
    let key = key.ok_or_else(|| io::Error::other("not a WebSocket"))?;
    let accept = derive_accept_key(key.as_bytes());
    write!(
        stream,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    )?;
    drain(stream)?;
    let channels: Vec<String> = ["level2_batch", "matches", "heartbeat"]
        .iter()
        .map(|name| format!(r#"{{"name":"{name}","product_ids":["{PRODUCT}"]}}"#))
        .collect();
    let granted = format!(r#"{{"type":"subscriptions","channels":[{}]}}"#, channels.join(","));
    say(stream, &granted)?;
    say(stream, &snapshot(10))
}

fn say(stream: &mut TcpStream, text: &str) -> io::Result<()> {
    stream.write_all(&bare(TEXT, text.as_bytes()))
}

fn flood(stream: &mut TcpStream, frame: &[u8], work: &Work) -> io::Result<()> {
    let (block, count) = many(frame);
    loop {
        stream.write_all(&block)?;
        work.add(count);
    }
}

/// A price of `cents`.
fn price(cents: u64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

const TOUCH_CENTS: u64 = 6_500_000;

fn snapshot(levels: u64) -> String {
    let side = |price_at: &dyn Fn(u64) -> u64| {
        let levels: Vec<String> =
            (1..=levels).map(|depth| format!(r#"["{}","1.5"]"#, price(price_at(depth)))).collect();
        levels.join(",")
    };
    let (asks, bids) = (side(&|depth| TOUCH_CENTS + depth), side(&|depth| TOUCH_CENTS - depth));
    format!(r#"{{"type":"snapshot","product_id":"{PRODUCT}","asks":[{asks}],"bids":[{bids}]}}"#)
}

/// `count` levels of both sides from `depth` on, of one size.
fn update(depth: u64, count: u64, size: &str) -> String {
    let mut changes = String::new();
    for level in depth..depth + count {
        let comma = if changes.is_empty() { "" } else { "," };
        let (bid, ask) = (price(TOUCH_CENTS - level), price(TOUCH_CENTS + level));
        let _ = write!(changes, r#"{comma}["buy","{bid}","{size}"],["sell","{ask}","{size}"]"#);
    }
    format!(
        r#"{{"type":"l2update","product_id":"{PRODUCT}","changes":[{changes}],"time":"2026-11-30T10:00:00.000000Z"}}"#
    )
}

fn a_match(id: u64, sequence: u64, time: &str) -> String {
    format!(
        r#"{{"type":"match","trade_id":{id},"maker_order_id":"2a0da34e-61f7-4c36-88e5-c9dd15927b16","taker_order_id":"3c82abaa-c01e-4608-be59-6a1e69742891","side":"sell","size":"0.5","price":"65000.00","product_id":"{PRODUCT}","sequence":{sequence},"time":"{time}"}}"#
    )
}

fn pongs(stream: &mut TcpStream, work: &Work) -> io::Result<()> {
    flood(stream, &bare(PONG, b""), work)
}

fn pings(stream: &mut TcpStream, work: &Work) -> io::Result<()> {
    flood(stream, &bare(PING, b"are you there"), work)
}

fn fragments(stream: &mut TcpStream, work: &Work) -> io::Result<()> {
    stream.write_all(&bare(TEXT_BEGINS, b""))?;
    flood(stream, &bare(CONTINUES, b""), work)
}

fn trickle(stream: &mut TcpStream, work: &Work) -> io::Result<()> {
    stream.set_nodelay(true)?;
    for id in 1.. {
        for byte in bare(TEXT, a_match(id, id, "2026-11-30T10:00:00.000000Z").as_bytes()) {
            stream.write_all(&[byte])?;
            work.add(1);
        }
    }
    Ok(())
}

fn deep(stream: &mut TcpStream, work: &Work) -> io::Result<()> {
    const BLOCKS: u64 = 750;
    loop {
        for size in ["1.5", "0"] {
            // Now near, now far: whatever order a book keeps, most come into its middle.
            for block in 0..BLOCKS {
                say(stream, &update(11 + 200 * (block * 317 % BLOCKS), 200, size))?;
                work.add(400);
            }
        }
    }
}

fn deep_churn(stream: &mut TcpStream, work: &Work) -> io::Result<()> {
    for depth in (11..100_000).step_by(200) {
        say(stream, &update(depth, 200, "1.5"))?;
    }
    loop {
        for size in ["0", "2.5"] {
            for depth in (11..100_000).step_by(97) {
                say(stream, &update(depth, 1, size))?;
                work.add(2);
            }
        }
    }
}

fn snapshots(stream: &mut TcpStream, work: &Work) -> io::Result<()> {
    flood(stream, &bare(TEXT, snapshot(23_000).as_bytes()), work)
}

fn refusals(stream: &mut TcpStream, work: &Work) -> io::Result<()> {
    let text = br#"{"type":"error","message":"Failed to subscribe","reason":"too many requests"}"#;
    flood(stream, &bare(TEXT, text), work)
}

fn unreadable(stream: &mut TcpStream, work: &Work) -> io::Result<()> {
    flood(stream, &bare(TEXT, br#"{"type":"match","trade_id":"price":"#), work)
}

fn unknown(stream: &mut TcpStream, work: &Work) -> io::Result<()> {
    let filling = r#"{"a":[1,2,{"b":"c"}]},"#.repeat(2_700);
    let text = format!(r#"{{"type":"novelty","product_id":"{PRODUCT}","data":[{filling}1]}}"#);
    flood(stream, &bare(TEXT, text.as_bytes()), work)
}

fn brackets(stream: &mut TcpStream, work: &Work) -> io::Result<()> {
    flood(stream, &bare(TEXT, &[b'['; 64 << 10]), work)
}

fn absurd(stream: &mut TcpStream, work: &Work) -> io::Result<()> {
    let ids = [1, u64::MAX, 10_000_000_000_000_000, 2, i64::MAX as u64, 0, 3];
    let times =
        ["9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00.000000Z", "2026-11-30T10:00:00Z"];
    let frames: Vec<u8> = ids
        .iter()
        .flat_map(|&id| times.map(|time| bare(TEXT, a_match(id, !id, time).as_bytes())))
        .flatten()
        .collect();
    flood(stream, &frames, work)
}

fn trades(stream: &mut TcpStream, work: &Work) -> io::Result<()> {
    let mut block = Vec::new();
    for id in 1.. {
        block.extend(bare(TEXT, a_match(id, id, "2026-11-30T10:00:00.000000Z").as_bytes()));
        if block.len() > raw::FLOOD_BYTES {
            stream.write_all(&block)?;
            block.clear();
        }
        work.add(1);
    }
    Ok(())
}

fn closes(stream: &mut TcpStream, work: &Work) -> io::Result<()> {
    work.add(1);
    stream.write_all(&bare(0x88, &1_001_u16.to_be_bytes()))
}

fn endless(stream: &mut TcpStream, work: &Work) -> io::Result<()> {
    let mut head = vec![TEXT, 127];
    head.extend((1_u64 << 62).to_be_bytes());
    stream.write_all(&head)?;
    flood(stream, &[b' '; 1_024], work)
}
