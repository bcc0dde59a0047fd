//! Frames cost no memory: once a connection is warm, reading, pings and writes allocate nothing.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

#[path = "common/counting.rs"]
mod counting;

use counting::allocations;
use tickwire::net::fuzzing::Pieces;
use tickwire::net::{Bounds, Fill, Message, OpCode, Role, WebSocket, frame_header};

fn stream(frames: usize, payload_bytes: usize) -> Vec<u8> {
    let (head, used) = frame_header(payload_bytes, OpCode::Text);
    let frame = [&head[..used], &vec![b'x'; payload_bytes]].concat();
    frame.repeat(frames)
}

/// Reads everything; gives the number of messages.
fn drain(socket: &mut WebSocket<Pieces<'_>>) -> usize {
    let mut messages = 0;
    while let Fill::Read(_) = socket.fill().unwrap() {
        while let Some(message) = socket.next().unwrap() {
            messages += usize::from(matches!(message, Message::Text(_)));
        }
    }
    messages
}

fn allocations_of(bytes: &[u8], sizes: &[usize]) -> (usize, u64) {
    let warm = stream(10, 150);
    let mut socket =
        WebSocket::new(Pieces::new(&warm, sizes), Role::Client, Bounds::upstream(1 << 20), &[]);
    drain(&mut socket);
    *socket.transport_mut() = Pieces::new(bytes, sizes);
    let before = allocations();
    let messages = drain(&mut socket);
    (messages, allocations() - before)
}

#[test]
fn frames_of_every_usual_size_and_cut_allocate_nothing() {
    for payload_bytes in [20, 150, 1_024, 60_000, 150_000] {
        for sizes in [[154, 154], [1_460, 3_000], [65_536, 65_536]] {
            let bytes = stream(300, payload_bytes);
            let (messages, allocations) = allocations_of(&bytes, &sizes);
            assert_eq!((messages, allocations), (300, 0), "{payload_bytes} bytes in {sizes:?}");
        }
    }
}

#[test]
fn a_huge_frame_costs_one_buffer_and_the_next_frames_nothing() {
    let bytes = [stream(1, 900_000), stream(200, 150)].concat();
    let (messages, allocations) = allocations_of(&bytes, &[65_536]);
    assert_eq!((messages, allocations), (201, 1));
}
