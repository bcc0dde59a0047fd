//! Who comes in crumbs, by a test that turns the acceptor itself and counts what woke it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::Write;

use super::*;
use crate::broadcast::{BroadcastOptions, Broadcaster};
use crate::instrument::InstrumentTable;
use crate::latency::recorder;

/// An acceptor without a thread.
struct ByHand {
    acceptor: Acceptor,
    _broadcaster: Broadcaster,
    now: MonoNanos,
}

impl ByHand {
    fn new() -> Self {
        let clock = Clock::real();
        let table = Arc::new(InstrumentTable::default());
        let (broadcaster, handle) =
            Broadcaster::new(BroadcastOptions::default(), table, clock.clone(), recorder().0)
                .unwrap();
        let (loopback, options) = (SocketAddr::from(([127, 0, 0, 1], 0)), AcceptOptions::default());
        let acceptor = Acceptor::new(options, loopback, vec![handle], clock.clone()).unwrap().0;
        Self { acceptor, _broadcaster: broadcaster, now: clock.now() }
    }

    fn client(&self) -> std::net::TcpStream {
        let address = self.acceptor.listener.local_addr().unwrap();
        let client = std::net::TcpStream::connect(address).unwrap();
        client.set_nodelay(true).unwrap();
        client
    }

    /// Turns once, without waiting; the sockets and connections that there was something to do for.
    fn turn(&mut self) -> usize {
        self.acceptor.poller.wait(Waiting::Block, Some(Duration::ZERO)).unwrap();
        self.acceptor.turn(self.now)
    }

    /// Sends so many bytes, each by itself, between turns; how often they woke the acceptor.
    fn crumbs(&mut self, client: &mut std::net::TcpStream, bytes: &[u8]) -> usize {
        let mut wake_ups = 0;
        for byte in bytes.chunks(1) {
            client.write_all(byte).unwrap();
            wake_ups += self.turn();
        }
        wake_ups
    }

    /// Lets it be time for the deadlines, and looks at them.
    fn look(&mut self) {
        self.now = self.now.after(DEADLINES_EVERY);
        self.turn();
    }

    fn counters(&self) -> &AcceptCounters {
        &self.acceptor.counters
    }
}

/// Those of its crumbs, of the connection itself, and of what is watched no more.
const WAKE_UPS_MOST: usize = HANDSHAKE_WAKE_UPS_MAX as usize + 4;

#[test]
fn a_head_in_crumbs_wakes_the_acceptor_a_bounded_number_of_times_and_is_served() {
    let mut hand = ByHand::new();
    let mut client = hand.client();
    let head = format!(
        "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nX: {}\r\n\r\n",
        "x".repeat(400)
    );
    let wake_ups = hand.crumbs(&mut client, head.as_bytes());
    assert!(wake_ups <= WAKE_UPS_MOST, "{wake_ups} for {} bytes", head.len());
    assert_eq!((hand.counters().reads_put_off.value(), hand.counters().accepted.value()), (1, 0));
    hand.look();
    assert_eq!(hand.counters().accepted.value(), 1, "it is a client as others are");
}

#[test]
fn crumbs_behind_an_answer_wake_it_no_more_often() {
    let mut hand = ByHand::new();
    let mut client = hand.client();
    client.write_all(b"GET /elsewhere HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let wake_ups = hand.crumbs(&mut client, &[b'x'; 2_000]);
    assert_eq!(hand.counters().refused_404.value(), 1);
    assert!(wake_ups <= WAKE_UPS_MOST, "{wake_ups}");
}

#[test]
fn a_head_in_crumbs_without_an_end_is_ended_by_its_deadline_while_others_are_served() {
    let mut hand = ByHand::new();
    let mut client = hand.client();
    hand.crumbs(&mut client, b"GET /ws HTTP/1.1\r\nX: ");
    let (mut looks, mut wake_ups) = (0, 0);
    while hand.counters().timeouts.value() == 0 {
        wake_ups += hand.crumbs(&mut client, &[b'x'; 100]);
        hand.look();
        looks += 1;
        assert!(looks <= 60, "its time is over");
    }
    assert!(wake_ups <= WAKE_UPS_MOST, "{wake_ups} in {looks} looks");
    let other = hand.client();
    (&other).write_all(b"GET /elsewhere HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    hand.turn();
    assert_eq!(hand.counters().refused_404.value(), 1);
}
