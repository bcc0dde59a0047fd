//! One change of a book, near the best price and deep in it, with and without a checksum.

use std::hint::black_box;
use std::ops::Range;

use tickwire::exchange::ChecksumRule;
use tickwire::proof::{Applied, Books};

use super::{Prepared, Subject};
use crate::book_events::BookEvents;

/// Changes of a run; as many before it warm the book.
const EVENTS: usize = 256;

pub(super) fn subjects() -> Vec<Subject> {
    let (kraken, okx) = (ChecksumRule::Kraken, ChecksumRule::Okx);
    let counted = |(name, rule, depth, places): (&str, _, usize, Range<u64>)| {
        let name = format!("book change {name}");
        Subject::new(name, move || prepared(rule, depth, places))
    };
    [
        ("near the touch", (okx, false), 400, 0..5),
        ("deep", (okx, false), 400, 300..400),
        ("very deep", (okx, false), 5_000, 4_000..5_000),
        ("near the touch, checksum of Kraken", (kraken, true), 10, 0..5),
        ("near the touch, checksum of OKX", (okx, true), 400, 0..5),
    ]
    .into_iter()
    .map(counted)
    .collect()
}

fn prepared(rule: (ChecksumRule, bool), depth: usize, places: Range<u64>) -> Prepared {
    let BookEvents { rules, events } = BookEvents::new(rule, depth, places, 2 * EVENTS);
    let mut books = Books::new(rules);
    let mut out = Vec::with_capacity(4 * depth);
    let mut next = 0;
    let mut apply = move |count: usize| {
        for (update, levels) in &events[next..next + count] {
            out.clear();
            assert_eq!(books.apply(update, levels, &mut out), Applied::Published);
            black_box(&out);
        }
        next += count;
    };
    // The whole book is the first event.
    apply(1 + EVENTS);
    Prepared { items: EVENTS, run: Box::new(move || apply(EVENTS)) }
}
