//! A tick through the ring, on one thread.

use std::hint::black_box;

use tickwire::clock::UnixNanos;
use tickwire::instrument::InstrumentId;
use tickwire::ring::ring;
use tickwire::tick::{Body, Tick};

use super::{Prepared, Subject};

const TICKS: usize = 1_024;
/// As in `benches/ring`: a busy frame, and a turn of a broadcaster.
const BATCH: usize = 64;

fn tick(number: usize) -> Tick {
    let date = UnixNanos(number as i64);
    Tick::new(InstrumentId::NONE, date, Body::Time { date })
}

pub(super) fn subjects() -> Vec<Subject> {
    vec![
        Subject::new("ring push, then drain of 64".to_owned(), drained),
        Subject::new("ring push, then pop".to_owned(), popped),
    ]
}

fn drained() -> Prepared {
    let (mut producer, mut consumer) = ring(4 * BATCH);
    let mut run = move || {
        for first in (0..TICKS).step_by(BATCH) {
            for number in first..first + BATCH {
                assert!(producer.push(black_box(tick(number))).is_ok());
            }
            let taken = consumer.drain(BATCH, |tick| {
                black_box(tick);
            });
            assert_eq!(taken, BATCH);
        }
    };
    run();
    Prepared { items: TICKS, run: Box::new(run) }
}

fn popped() -> Prepared {
    let (mut producer, mut consumer) = ring(4 * BATCH);
    let mut run = move || {
        for number in 0..TICKS {
            assert!(producer.push(black_box(tick(number))).is_ok());
            assert!(black_box(consumer.pop()).is_some());
        }
    };
    run();
    Prepared { items: TICKS, run: Box::new(run) }
}
