//! Reading WebSocket frames: in place, and by tungstenite with a small and with its default buffer.
//!
//! Criterion's groups give each reader's time; before them, one interleaved run prints the ratios
//! that count, as `frame ratio …` lines. Streams are in memory: the kernel is left out.

#![allow(missing_docs, reason = "criterion's macros make public functions")]
#![expect(clippy::print_stdout, reason = "the ratios are the bench's result")]

use std::hint::black_box;
use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tickwire::net::{Bounds, Fill, Message, OpCode, Role, WebSocket, frame_header};
use tungstenite::protocol::{self, WebSocketConfig};

const FRAMES: usize = 512;

/// Gives its frames in reads of a fixed size, then says that it would block; then again.
struct Replay {
    bytes: Vec<u8>,
    at: usize,
    read_bytes: usize,
}

impl Read for Replay {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.at == self.bytes.len() {
            self.at = 0;
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = self.read_bytes.min(into.len()).min(self.bytes.len() - self.at);
        into[..count].copy_from_slice(&self.bytes[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

impl Write for Replay {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is sent and how it arrives.
#[derive(Clone, Copy)]
struct Shape {
    payload_bytes: usize,
    one_per_read: bool,
}

impl Shape {
    const ALL: [Self; 4] = [
        Self { payload_bytes: 150, one_per_read: true },
        Self { payload_bytes: 150, one_per_read: false },
        Self { payload_bytes: 1_024, one_per_read: true },
        Self { payload_bytes: 1_024, one_per_read: false },
    ];

    fn name(self) -> String {
        let reads = if self.one_per_read { "one per read" } else { "batched" };
        format!("{} B, {reads}", self.payload_bytes)
    }

    fn replay(self) -> Replay {
        let (head, used) = frame_header(self.payload_bytes, OpCode::Text);
        let frame = [&head[..used], &vec![b'7'; self.payload_bytes]].concat();
        let read_bytes = if self.one_per_read { frame.len() } else { 64 << 10 };
        Replay { bytes: frame.repeat(FRAMES), at: 0, read_bytes }
    }
}

/// One pass over the stream; gives the bytes of all messages.
type Reader = Box<dyn FnMut() -> usize>;

fn in_place(shape: Shape) -> Reader {
    let bounds = Bounds::upstream(1 << 20);
    let mut socket = WebSocket::new(shape.replay(), Role::Client, bounds, &[]);
    Box::new(move || {
        let mut bytes = 0;
        while let Ok(Fill::Read(_)) = socket.fill() {
            while let Ok(Some(message)) = socket.next() {
                if let Message::Text(frame) = message {
                    bytes += black_box(frame.bytes()).len();
                }
            }
        }
        bytes
    })
}

fn tungstenite(shape: Shape, config: WebSocketConfig) -> Reader {
    let role = protocol::Role::Client;
    let mut socket = protocol::WebSocket::from_raw_socket(shape.replay(), role, Some(config));
    Box::new(move || {
        let mut bytes = 0;
        while let Ok(message) = socket.read() {
            bytes += black_box(message.into_data()).len();
        }
        bytes
    })
}

fn readers(shape: Shape) -> [(&'static str, Reader); 3] {
    let small = WebSocketConfig::default().read_buffer_size(4 << 10);
    [
        ("in place", in_place(shape)),
        ("tungstenite 4 KiB", tungstenite(shape, small)),
        ("tungstenite default", tungstenite(shape, WebSocketConfig::default())),
    ]
}

/// Every reader in turn, again and again, so that a noisy moment strikes all alike.
fn ratios(_: &mut Criterion) {
    const ROUNDS: usize = 201;
    for shape in Shape::ALL {
        let mut readers = readers(shape);
        let mut times = [const { Vec::new() }; 3];
        for _ in 0..ROUNDS {
            for ((_, pass), times) in readers.iter_mut().zip(&mut times) {
                let start = Instant::now();
                let bytes = pass();
                times.push(start.elapsed());
                assert_eq!(bytes, FRAMES * shape.payload_bytes, "a reader lost messages");
            }
        }
        let [ours, small, default] = times.map(median_nanos_per_frame);
        println!(
            "frame ratio {}: in place {ours:.1} ns, tungstenite 4 KiB {small:.1} ns ({:.1}x), \
             default {default:.1} ns ({:.1}x)",
            shape.name(),
            small / ours,
            default / ours,
        );
    }
}

fn median_nanos_per_frame(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_nanos() as f64 / FRAMES as f64
}

fn each(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("frame");
    group.throughput(Throughput::Elements(FRAMES as u64));
    for shape in Shape::ALL {
        for (name, mut pass) in readers(shape) {
            group.bench_function(BenchmarkId::new(name, shape.name()), |bencher| {
                bencher.iter(&mut pass);
            });
        }
    }
    group.finish();
}

criterion_group!(frame, ratios, each);
criterion_main!(frame);
