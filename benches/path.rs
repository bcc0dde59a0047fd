//! The whole way of a frame on the feed's side, on one core: bytes in a socket's buffer, WebSocket
//! frame, parse, ticks in a ring. The socket is memory, so what the kernel takes is not in here;
//! `perf/` measures with real sockets.
//!
//! `cargo bench --bench path`

#[path = "common/random.rs"]
mod random;

use std::hint::black_box;
use std::io::{self, Read, Write};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tickwire::exchange::binance::Binance;
use tickwire::exchange::{Batch, Exchange, Frame};
use tickwire::instrument::{ExchangeId, InstrumentId, NativeMap};
use tickwire::limits::RING_TICKS_CAPACITY;
use tickwire::net::{Bounds, Fill, Message, OpCode, Role, WebSocket, frame_header};
use tickwire::ring::{Consumer, Producer, ring};

use random::Random;

/// Distinct frames of a kind, so that no branch predictor learns them by heart.
const FRAMES: usize = 4_096;

const SYMBOLS: [&str; 8] =
    ["BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "XRPUSDT", "DOGEUSDT", "PEPEUSDT", "1000SATSUSDT"];

impl Random {
    /// Between 1 and 6 digits, a point, eight digits: as Binance writes prices and sizes.
    fn decimal(&mut self) -> String {
        let whole_max = 10_u64.pow(1 + self.below(6) as u32);
        format!("{}.{:08}", self.below(whole_max), self.below(100_000_000))
    }

    fn symbol(&mut self) -> &'static str {
        SYMBOLS[self.below(SYMBOLS.len() as u64) as usize]
    }
}

fn trade(random: &mut Random, id: usize) -> String {
    let (symbol, price, size) = (random.symbol(), random.decimal(), random.decimal());
    let (stream, time) = (symbol.to_lowercase(), 1_700_000_000_000 + id);
    let maker = random.below(2) == 0;
    format!(
        r#"{{"stream":"{stream}@trade","data":{{"e":"trade","E":{time},"s":"{symbol}","t":{id},"p":"{price}","q":"{size}","T":{time},"m":{maker},"M":true}}}}"#
    )
}

fn quote(random: &mut Random, id: usize) -> String {
    let symbol = random.symbol();
    let stream = symbol.to_lowercase();
    let [bid, bid_size, ask, ask_size] = std::array::from_fn(|_| random.decimal());
    format!(
        r#"{{"stream":"{stream}@bookTicker","data":{{"u":{id},"s":"{symbol}","b":"{bid}","B":"{bid_size}","a":"{ask}","A":"{ask_size}"}}}}"#
    )
}

/// All frames as a server sends them, back to back.
fn stream(make: impl Fn(&mut Random, usize) -> String) -> Vec<u8> {
    let mut random = Random(0x2545_F491_4F6C_DD1D);
    let mut bytes = Vec::new();
    for id in 1..=FRAMES {
        let payload = make(&mut random, id);
        let (header, length) = frame_header(payload.len(), OpCode::Text);
        bytes.extend_from_slice(&header[..length]);
        bytes.extend_from_slice(payload.as_bytes());
    }
    bytes
}

/// A socket that holds everything already; empty at the end of each pass.
struct Memory {
    bytes: Vec<u8>,
    at: usize,
}

impl Read for Memory {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.bytes.len() {
            self.at = 0;
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = buffer.len().min(self.bytes.len() - self.at);
        buffer[..count].copy_from_slice(&self.bytes[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

impl Write for Memory {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Path {
    socket: WebSocket<Memory>,
    exchange: Binance,
    batch: Batch,
    producer: Producer,
    consumer: Consumer,
}

impl Path {
    fn new(bytes: Vec<u8>) -> Self {
        let mut exchange = Binance::new(ExchangeId::Binance);
        let ids = (0..).map(InstrumentId);
        exchange.set_instruments(NativeMap::new(SYMBOLS.into_iter().zip(ids)));
        let (producer, consumer) = ring(RING_TICKS_CAPACITY);
        let bounds = Bounds::upstream(1 << 20);
        let socket = WebSocket::new(Memory { bytes, at: 0 }, Role::Client, bounds, &[]);
        Self { socket, exchange, batch: Batch::new(), producer, consumer }
    }

    /// Everything that is in the socket; how many frames and ticks it was, and whether all frames
    /// went through the recognisers.
    fn pass(&mut self) -> (usize, usize, bool) {
        let (mut frames, mut ticks, mut recognised) = (0, 0, true);
        while self.socket.fill().expect("memory does not fail") != Fill::Blocked {
            while let Some(message) = self.socket.next().expect("well-formed frames") {
                let Message::Text(frame) = message else { continue };
                let read = self.exchange.parse(frame, &mut self.batch);
                recognised &= matches!(read, Ok(Frame::Data { recognised: true }));
                frames += 1;
                for sequenced in &self.batch.ticks {
                    self.producer.push(sequenced.tick).expect("the ring is drained in between");
                }
            }
            ticks += self.consumer.drain(usize::MAX, |tick| {
                black_box(tick);
            });
        }
        (frames, ticks, recognised)
    }
}

fn path(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("socket buffer to ring");
    group.throughput(Throughput::Elements(FRAMES as u64));
    let kinds: [(&str, Vec<u8>); 2] = [("trade", stream(trade)), ("bookTicker", stream(quote))];
    for (name, bytes) in kinds {
        let mut path = Path::new(bytes);
        assert_eq!(path.pass(), (FRAMES, FRAMES, true), "it works before it is timed");
        group.bench_function(name, |bencher| bencher.iter(|| black_box(path.pass())));
    }
    group.finish();
}

criterion_group!(benches, path);
criterion_main!(benches);
