//! The floor: walks frames where they were read, looks for the values by their keys' first places,
//! believes whatever stands there, and pushes 64 bytes into a ring. No check, no count, no clock.

use std::hint::black_box;
use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};

use crate::{connect, cpu};

/// As large as tickwire's ring, and read as much at a time.
const RING_TICKS: usize = 1 << 16;
const READ_BYTES: usize = 64 << 10;

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Tick {
    symbol: [u8; 8],
    id: u64,
    price: u64,
    size: u64,
    time: u64,
    is_buyer_maker: bool,
}

pub fn read(address: SocketAddr, frames: u64) -> anyhow::Result<u64> {
    let stream = connect::upgraded(address, "/")?;
    let (mut producer, mut consumer) = rtrb::RingBuffer::new(RING_TICKS);
    let done = Arc::new(AtomicBool::new(false));
    let taker = {
        let done = Arc::clone(&done);
        // The broadcaster's place: takes what is there, a thousand times a second.
        std::thread::spawn(move || {
            while !done.load(Ordering::Acquire) {
                while let Ok(tick) = consumer.pop() {
                    black_box::<Tick>(tick);
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        })
    };
    let before = cpu::of_this_thread()?;
    let walked = walk(stream, frames, &mut producer);
    let spent = cpu::of_this_thread()? - before;
    done.store(true, Ordering::Release);
    taker.join().map_err(|_| anyhow::anyhow!("the taker panicked"))?;
    walked?;
    Ok(spent)
}

fn walk(mut stream: TcpStream, frames: u64, ring: &mut rtrb::Producer<Tick>) -> anyhow::Result<()> {
    let mut bytes = vec![0; 2 * READ_BYTES];
    let (mut filled, mut read) = (0, 0);
    while read < frames {
        let count = stream.read(&mut bytes[filled..filled + READ_BYTES])?;
        ensure!(count > 0, "the exchange left");
        filled += count;
        let mut at = 0;
        while let Some((begin, end)) = frame(&bytes[at..filled]) {
            let tick = scan(&bytes[at + begin..at + end]).context("a frame of another shape")?;
            // A full ring is waited for, as in tickwire.
            while ring.push(tick).is_err() {
                std::thread::yield_now();
            }
            at += end;
            read += 1;
        }
        bytes.copy_within(at..filled, 0);
        filled -= at;
    }
    Ok(())
}

/// Where the payload begins and ends, once it is whole.
fn frame(bytes: &[u8]) -> Option<(usize, usize)> {
    let length = usize::from(*bytes.get(1)?);
    let (begin, length) = match length {
        126 => (4, usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]))),
        _ => (2, length),
    };
    (bytes.len() >= begin + length).then_some((begin, begin + length))
}

fn scan(frame: &[u8]) -> Option<Tick> {
    // {"stream":"btcusdt@trade","data":{"e":"trade","E":1700000000123,"s":"BTCUSDT","t":…
    let name = frame.get(11..)?.iter().position(|&byte| byte == b'@')?;
    let symbol_at =
        11 + name + "@trade\",\"data\":{\"e\":\"trade\",\"E\":1700000000123,\"s\":\"".len();
    let mut symbol = [0; 8];
    symbol[..name.min(8)].copy_from_slice(frame.get(symbol_at..symbol_at + name.min(8))?);
    let mut at = symbol_at + name + "\",\"t\":".len();
    let id = number(frame, &mut at)?;
    at += ",\"p\":\"".len();
    let price = number(frame, &mut at)?;
    at += "\",\"q\":\"".len();
    let size = number(frame, &mut at)?;
    at += "\",\"T\":".len();
    let time = number(frame, &mut at)?;
    at += ",\"m\":".len();
    Some(Tick { symbol, id, price, size, time, is_buyer_maker: *frame.get(at)? == b't' })
}

/// The digits from `at` on, over a point, as one number.
fn number(frame: &[u8], at: &mut usize) -> Option<u64> {
    let mut number = 0_u64;
    loop {
        match *frame.get(*at)? {
            digit @ b'0'..=b'9' => number = number.wrapping_mul(10) + u64::from(digit - b'0'),
            b'.' => {}
            _ => return Some(number),
        }
        *at += 1;
    }
}
