//! A stream's bytes to frames, in place.

use std::hint::black_box;

use tickwire::net::fuzzing::Pieces;
use tickwire::net::{Bounds, Fill, Message, OpCode, Role, WebSocket, frame_header};

use super::{Prepared, Subject};

const FRAMES: usize = 128;

pub(super) fn subjects() -> Vec<Subject> {
    let shapes = [(150, 1), (150, 64), (1_024, 1), (1_024, 64)];
    let counted = |(payload_bytes, frames_per_read)| {
        let name = format!("frame of {payload_bytes} B, {frames_per_read} per read");
        Subject::new(name, move || prepared(payload_bytes, frames_per_read))
    };
    shapes.into_iter().map(counted).collect()
}

fn prepared(payload_bytes: usize, frames_per_read: usize) -> Prepared {
    let (head, used) = frame_header(payload_bytes, OpCode::Text);
    let frame = [&head[..used], &vec![b'7'; payload_bytes]].concat();
    // A stream of which a run takes the half: what is leaked here lasts as long as the program.
    let stream: &'static [u8] = frame.repeat(2 * FRAMES).leak();
    let sizes: &'static [usize] = vec![frame.len() * frames_per_read].leak();
    let bounds = Bounds::upstream(1 << 20);
    let mut socket = WebSocket::new(Pieces::new(stream, sizes), Role::Client, bounds, &[]);
    let mut run = move || {
        let mut messages = 0;
        while messages < FRAMES {
            match socket.next().unwrap() {
                Some(Message::Text(frame)) => {
                    assert_eq!(black_box(frame.bytes()).len(), payload_bytes);
                    messages += 1;
                }
                Some(_) => unreachable!("the stream is of text"),
                None => assert!(matches!(socket.fill(), Ok(Fill::Read(_))), "it has more"),
            }
        }
    };
    run();
    Prepared { items: FRAMES, run: Box::new(run) }
}
