//! One connection that sends without end, and what that costs the others: nothing.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use super::*;
use crate::limits::CHATTER_FRAMES_MAX;

/// What a flood ends with at last. The feed is done with everything else long before, or is in the
/// flood's hands.
const FLOOD_BYTES: usize = 64 << 20;

/// What is in both sockets' buffers before anybody looks.
const AHEAD_BYTES: usize = 4 << 20;

const TRADES: u64 = 250;

/// An exchange with two connections: what comes on the first one floods.
struct Flood {
    /// Bytes that the feed or its kernel took.
    taken: Arc<AtomicUsize>,
    pouring: JoinHandle<()>,
    hand: Hand,
    other: TcpStream,
}

impl Flood {
    /// After the head the piece is sent again and again.
    fn start(head: &'static [u8], piece: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("ws://{}", listener.local_addr().unwrap());
        let open = std::thread::spawn(move || {
            let upgraded = || {
                let socket = listener.accept().unwrap().0;
                let done = tungstenite::accept(socket.try_clone().unwrap()).is_ok();
                assert!(done, "the feed upgrades");
                socket
            };
            (upgraded(), upgraded())
        });
        let mut hand = Hand::new(url, |options| options.lines = 2);
        while !open.is_finished() {
            hand.turn();
        }
        let (flooding, other) = open.join().unwrap();
        let taken = Arc::new(AtomicUsize::new(0));
        let (count, (begun, begins)) = (Arc::clone(&taken), bounded::<()>(0));
        let pouring = std::thread::spawn(move || pour(flooding, head, &piece, &count, begun));
        // Nobody sends anything: it is the sender's end that is waited for.
        let _ = begins.recv();
        Self { taken, pouring, hand, other }
    }

    fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }
}

/// Writes until nobody takes it. `begun` is let go when more waits than both kernels hold, or
/// nothing ever will.
fn pour(mut socket: TcpStream, head: &[u8], piece: &[u8], taken: &AtomicUsize, begun: Sender<()>) {
    let mut begun = Some(begun);
    socket.set_write_timeout(Some(Duration::from_millis(50))).unwrap();
    let block = piece.repeat((64_usize << 10).div_ceil(piece.len()));
    let mut next = head;
    while taken.load(Ordering::Relaxed) < FLOOD_BYTES {
        if next.is_empty() {
            next = &block;
        }
        match socket.write(next) {
            Ok(count) => {
                next = &next[count..];
                taken.fetch_add(count, Ordering::Relaxed);
            }
            // The kernels hold what they can, and the feed takes nothing meanwhile.
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => begun = None,
            Err(_) => return,
        }
        if taken.load(Ordering::Relaxed) > AHEAD_BYTES {
            begun = None;
        }
    }
    drop(begun);
}

/// Every way to fill a read loop: what completes no message, what is no data, and data.
fn floods() -> [(&'static str, &'static [u8], Vec<u8>); 5] {
    let mut large = vec![0x81, 127, 0, 0, 0, 0, 0, 0x10, 0, 0];
    large.extend([b' '].repeat(1 << 20));
    [
        ("pongs", b"", vec![0x8A, 0]),
        ("pings", b"", vec![0x89, 0]),
        ("fragments without a byte", &[0x01, 0], vec![0x00, 0]),
        ("messages", b"", vec![0x81, 2, b'{', b'}']),
        ("large messages", b"", large),
    ]
}

#[test]
fn a_connection_that_floods_takes_nothing_from_the_other_one() {
    for (what, head, piece) in floods() {
        let mut flood = Flood::start(head, piece);
        for id in 1..=TRADES {
            let trade = format!(
                r#"{{"e":"trade","E":1,"s":"BTCUSDT","t":{id},"p":"1.0","q":"1","T":1,"m":true}}"#
            );
            let frame = [&[0x81, trade.len() as u8], trade.as_bytes()].concat();
            flood.other.write_all(&frame).unwrap();
        }
        let count = |hand: &Hand| hand.ticks.iter().filter(|t| t.body.trade().is_some()).count();
        flood.hand.until("the trades", |hand| count(hand) as u64 == TRADES);
        assert!(flood.taken() < FLOOD_BYTES, "{what}: they waited for the end of the flood");
    }
}

#[test]
fn a_feed_in_a_flood_stops_when_it_is_told() {
    for (what, head, piece) in floods() {
        let Flood { taken, pouring, hand, other: _other } = Flood::start(head, piece);
        let Hand { feed, handle, .. } = hand;
        let feed = std::thread::spawn(move || feed.run());
        // It is in the midst of it, or has let the connection go.
        while taken.load(Ordering::Relaxed) < 2 * AHEAD_BYTES && !pouring.is_finished() {
            std::thread::yield_now();
        }
        handle.send(FeedCommand::Stop).unwrap();
        feed.join().unwrap();
        let taken = taken.load(Ordering::Relaxed);
        assert!(taken < FLOOD_BYTES, "{what}: it stopped when the flood had ended");
    }
}

#[test]
fn who_says_much_and_brings_nothing_is_let_go_and_counted() {
    for (what, head, piece) in floods() {
        let mut flood = Flood::start(head, piece);
        let ended = |hand: &Hand| hand.handle.counters().chatter_ends.value();
        let is_chatter = !what.contains("messages");
        for _ in 0..20 {
            flood.hand.turn();
        }
        assert_eq!(ended(&flood.hand), u64::from(is_chatter), "{what}");
        let lost = flood.hand.handle.counters().reconnects[Reason::Protocol as usize].value();
        assert_eq!(lost, u64::from(is_chatter), "{what}");
    }
}

#[test]
fn an_exchange_that_repeats_errors_is_a_connection_that_fails() {
    let error = r#"{"error":{"code":2,"msg":"Invalid request"},"id":9000}"#;
    let frame = [&[0x81, error.len() as u8], error.as_bytes()].concat();
    let mut flood = Flood::start(b"", frame);
    let failed =
        |hand: &Hand| hand.handle.counters().reconnects[Reason::ExchangeError as usize].value();
    flood.hand.until("its end", |hand| failed(hand) == 1);
    assert!(flood.taken() < FLOOD_BYTES);
}

#[test]
fn a_connection_that_sends_a_byte_at_a_time_is_let_go() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let open = std::thread::spawn(move || {
        let socket = listener.accept().unwrap().0;
        tungstenite::accept(socket.try_clone().unwrap()).unwrap();
        socket
    });
    let mut hand = Hand::new(url, |_| {});
    while !open.is_finished() {
        hand.turn();
    }
    let mut socket = open.join().unwrap();
    socket.set_nodelay(true).unwrap();
    let counters = Arc::clone(hand.handle.counters());
    // A message of 60,000 bytes, of which it would take a minute to see that nothing comes of it.
    let bytes = [0x81, 126, 0xEA, 0x60].into_iter().chain(std::iter::repeat(b' '));
    let mut sent = 0;
    for byte in bytes {
        socket.write_all(&[byte]).unwrap();
        hand.turn();
        if counters.chatter_ends.value() > 0 {
            break;
        }
        sent += 1;
        assert!(sent < 2 * CHATTER_FRAMES_MAX, "it is read on and on");
    }
    assert!(sent > CHATTER_FRAMES_MAX - 10, "{sent}: a slow way is no flood");
}
