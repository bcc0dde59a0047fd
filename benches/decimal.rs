//! A price's text to a `Decimal`: in place and sixteen bytes at a time against the general parser,
//! and a `Decimal` back to text.
//!
//! `cargo bench --bench decimal`; 4,096 different numbers in the lengths that exchanges write.

#![allow(clippy::unwrap_used, reason = "a bench fails loudly")]
#![allow(missing_docs, reason = "macros of criterion")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tickwire::json::PaddedFrame;
use tickwire::json::scan::Cursor;
use tickwire::limits::FRAME_PADDING;
use tickwire::tick::{DECIMAL_TEXT_MAX, Decimal};

const COUNT: u64 = 4_096;

/// Numbers with up to `whole` digits before the point and eight after it.
fn texts(whole: u32) -> Vec<String> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut below = |bound: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % bound
    };
    (0..COUNT)
        .map(|_| {
            let digits = 1 + below(u64::from(whole)) as u32;
            format!("{}.{:08}", below(10_u64.pow(digits)), below(100_000_000))
        })
        .collect()
}

fn parse(criterion: &mut Criterion) {
    // Up to 15 bytes, and longer ones that the vector does not hold.
    for (name, whole) in [("decimal/short", 6), ("decimal/long", 10)] {
        let texts = texts(whole);
        let mut frame = b"{\"some\":[\"things\"],\"numbers\":[\"".to_vec();
        let start = frame.len();
        frame.extend_from_slice(texts.join("\",\"").as_bytes());
        frame.extend_from_slice(b"\"]}");
        let length = frame.len();
        frame.resize(length + FRAME_PADDING, 0);
        let head: Vec<u8> = frame[..start].to_vec();
        let head: &[u8; 31] = head[..].try_into().unwrap();
        let frame = PaddedFrame::new(&mut frame, length);
        let in_place = || {
            let mut cursor = Cursor::new(&frame);
            assert!(cursor.take(head));
            let mut sum = 0_i64;
            loop {
                sum = sum.wrapping_add(cursor.decimal().unwrap().mantissa());
                if !cursor.take(b",\"") {
                    return sum;
                }
            }
        };
        let general = || {
            let mantissas =
                texts.iter().map(|text| Decimal::parse(text.as_bytes()).unwrap().mantissa());
            mantissas.fold(0_i64, i64::wrapping_add)
        };
        assert_eq!(in_place(), general());

        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(COUNT));
        group.bench_function("in place", |bencher| bencher.iter(in_place));
        group.bench_function("general", |bencher| bencher.iter(general));
        group.finish();
    }
}

fn write(criterion: &mut Criterion) {
    let texts = texts(6);
    let decimals: Vec<_> =
        texts.iter().map(|text| Decimal::parse(text.as_bytes()).unwrap()).collect();
    let mut buffer = [0; DECIMAL_TEXT_MAX];
    for (decimal, text) in decimals.iter().zip(&texts) {
        let length = decimal.write(&mut buffer);
        assert_eq!(&buffer[..length], text.as_bytes());
    }
    let mut group = criterion.benchmark_group("decimal/write");
    group.throughput(Throughput::Elements(COUNT));
    group.bench_function("text", |bencher| {
        bencher.iter(|| {
            decimals.iter().map(|decimal| decimal.write(black_box(&mut buffer))).sum::<usize>()
        });
    });
    group.finish();
}

criterion_group!(benches, parse, write);
criterion_main!(benches);
