//! The in-place reader against tungstenite, over any stream and any way of cutting it into reads.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use proptest::collection::vec;
use proptest::prelude::*;
use tickwire::net::fuzzing::{Met, Pieces, compare, frames, read_in_place};
use tickwire::net::{Bounds, Fill, Message, OpCode, Role, WebSocket, frame_header};

/// One frame of a peer in `role`'s place: a server does not mask, a client does.
fn frame(reader: Role, first: u8, payload: &[u8]) -> Vec<u8> {
    let (head, used) = frame_header(payload.len(), OpCode::Text);
    let mut out = head[..used].to_vec();
    out[0] = first;
    match reader {
        Role::Client => out.extend_from_slice(payload),
        Role::Server => {
            out[1] |= 0x80;
            let mask = [0x37, 0xFA, 0x21, 0x3D];
            out.extend_from_slice(&mask);
            out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        }
    }
    out
}

const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const PING: u8 = 0x89;
const PONG: u8 = 0x8A;
const CLOSE: u8 = 0x88;

/// A message of a valid stream.
#[derive(Clone, Debug)]
enum Said {
    Whole(u8, Vec<u8>),
    /// A text in so many fragments, with a ping of the given payload after each but the last.
    Fragmented(Vec<Vec<u8>>, Vec<u8>),
    Control(u8, Vec<u8>),
}

impl Said {
    fn write(&self, reader: Role, out: &mut Vec<u8>) {
        match self {
            Self::Whole(first, payload) | Self::Control(first, payload) => {
                out.extend(frame(reader, *first, payload));
            }
            Self::Fragmented(parts, ping) => {
                let last = parts.len() - 1;
                for (index, part) in parts.iter().enumerate() {
                    let opcode = if index == 0 { 0x1 } else { 0x0 };
                    let fin = if index == last { 0x80 } else { 0 };
                    out.extend(frame(reader, fin | opcode, part));
                    if index != last {
                        out.extend(frame(reader, PING, ping));
                    }
                }
            }
        }
    }
}

fn ascii(sizes: impl Strategy<Value = usize>) -> impl Strategy<Value = Vec<u8>> {
    (sizes, any::<u8>())
        .prop_map(|(size, seed)| (0..size).map(|index| b' ' + (index as u8 ^ seed) % 90).collect())
}

/// Mostly the small frames of a feed, now and then one that makes the buffer grow.
fn sizes() -> impl Strategy<Value = usize> {
    prop_oneof![
        12 => 20_usize..330,
        3 => 0_usize..130,
        2 => 60_000_usize..70_000,
        1 => 250_000_usize..400_000,
    ]
}

fn said() -> impl Strategy<Value = Said> {
    prop_oneof![
        8 => ascii(sizes()).prop_map(|payload| Said::Whole(TEXT, payload)),
        3 => ascii(sizes()).prop_map(|payload| Said::Whole(BINARY, payload)),
        2 => ascii(0_usize..=125).prop_map(|payload| Said::Control(PING, payload)),
        1 => ascii(0_usize..=125).prop_map(|payload| Said::Control(PONG, payload)),
        2 => (vec(ascii(sizes()), 2..5), ascii(0_usize..20))
            .prop_map(|(parts, ping)| Said::Fragmented(parts, ping)),
    ]
}

fn stream_of(said: &[Said], reader: Role, close: bool) -> Vec<u8> {
    let mut stream = Vec::new();
    said.iter().for_each(|one| one.write(reader, &mut stream));
    if close {
        stream.extend(frame(reader, CLOSE, b"\x03\xE9going away"));
        stream.extend(frame(reader, TEXT, b"never read"));
    }
    stream
}

const SMALL: Bounds = Bounds { initial_bytes: 4_096, read_bytes: 1_024, frame_bytes_max: 2 << 20 };

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn any_valid_stream_reads_as_tungstenite_reads_it(
        said in vec(said(), 1..24),
        sizes in vec(prop_oneof![1_usize..16, 100_usize..2_000, Just(65_536)], 1..6),
        close: bool,
        server: bool,
        small: bool,
    ) {
        let role = if server { Role::Server } else { Role::Client };
        let bounds = if small { SMALL } else { Bounds::upstream(2 << 20) };
        compare(&stream_of(&said, role, close), &sizes, role, bounds);
    }

    #[test]
    fn any_bytes_are_read_as_tungstenite_reads_them(data in vec(any::<u8>(), 0..600)) {
        frames(&data);
    }

    #[test]
    fn a_stream_with_broken_bytes_ends_as_with_tungstenite(
        said in vec(said(), 1..8),
        sizes in vec(1_usize..4_000, 1..4),
        broken in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut stream = stream_of(&said, Role::Client, true);
        for (at, byte) in broken {
            let at = at.index(stream.len());
            stream[at] = byte;
        }
        compare(&stream, &sizes, Role::Client, SMALL);
    }
}

#[test]
fn a_frame_of_eight_megabytes_passes_whole_and_in_fragments() {
    let part: Vec<u8> = (0..4_usize << 20).map(|index| b' ' + (index % 90) as u8).collect();
    let whole = [part.as_slice(), &part].concat();
    let said = [
        Said::Whole(TEXT, b"before".to_vec()),
        Said::Whole(TEXT, whole),
        Said::Fragmented(vec![part.clone(), part], b"are you there".to_vec()),
        Said::Whole(TEXT, b"after".to_vec()),
    ];
    let stream = stream_of(&said, Role::Client, true);
    for sizes in [[65_536, 1], [1_460, 1_460]] {
        compare(&stream, &sizes, Role::Client, Bounds::upstream(8 << 20));
    }
}

#[test]
fn what_is_over_the_bound_is_refused_by_its_head_and_by_its_sum() {
    let bounds = Bounds { frame_bytes_max: 1_000, ..SMALL };
    for said in [
        Said::Whole(TEXT, vec![b'x'; 1_001]),
        Said::Fragmented(vec![vec![b'x'; 600]; 2], Vec::new()),
    ] {
        let stream = stream_of(&[said], Role::Client, false);
        let (met, answered) = read_in_place(Pieces::new(&stream, &[100]), Role::Client, bounds);
        assert_eq!(met.last(), Some(&Met::Broken));
        let (first, payload) = answered.last().unwrap();
        assert_eq!((*first, &payload[..2]), (CLOSE, &1009_u16.to_be_bytes()[..]));
        compare(&stream, &[100], Role::Client, bounds);
    }
}

#[test]
fn a_peer_that_breaks_the_protocol_is_told_so() {
    let cases: [(&[u8], u16); 6] = [
        (&[0xC1, 0x00], 1002),
        (&[0x83, 0x00], 1002),
        (&[0x80, 0x00], 1002),
        (&[0x81, 0x80, 0, 0, 0, 0], 1002),
        (&[0x01, 0x01, 0xFF], 1007),
        // A whole message before the fragments of another are complete.
        (&[0x01, 0x01, b'a', 0x81, 0x01, b'b'], 1002),
    ];
    for (stream, code) in cases {
        let (met, answered) = read_in_place(Pieces::new(stream, &[1]), Role::Client, SMALL);
        assert_eq!(met, [Met::Broken], "{stream:?}");
        assert_eq!(answered.last().unwrap().1[..2], code.to_be_bytes(), "{stream:?}");
    }
}

#[test]
fn our_close_is_said_once_even_after_a_huge_message() {
    let huge = Said::Fragmented(vec![vec![b'x'; 5_000]; 2], Vec::new());
    let stream = stream_of(&[huge, Said::Control(PING, Vec::new())], Role::Client, true);
    let mut socket = WebSocket::new(Pieces::new(&stream, &[64]), Role::Client, SMALL, &[]);
    socket.queue_close(1000, "bye");
    let mut closed = false;
    while let Ok(Fill::Read(_)) = socket.fill() {
        while let Some(message) = socket.next().unwrap() {
            closed |= matches!(message, Message::Close { code: 1001, reason: "going away" });
        }
    }
    assert!(closed && socket.has_ended());
    let (mut written, mut more) = (Vec::new(), Vec::new());
    socket.take_control(&mut written);
    assert_eq!((written[0], written.len()), (CLOSE, 6 + 2 + 3), "one close frame, masked");
    socket.take_control(&mut more);
    assert!(more.is_empty() && socket.queue_text("too late").is_err());
}
