//! Events of one book, with the checksums that an exchange would send.

use std::collections::BTreeMap;
use std::ops::Range;

use tickwire::clock::UnixNanos;
use tickwire::exchange::{
    BookKind, BookRules, BookUpdate, ChecksumRule, Continuity, DEPTH_FULL, SnapshotSource,
};
use tickwire::instrument::InstrumentId;
use tickwire::tick::{Decimal, Level, Side};

use crate::random::Random;

const ID: InstrumentId = InstrumentId(0);
const MIDDLE: i64 = 650_000;

/// Levels by their distance from the middle, the best first.
type Twin = [BTreeMap<i64, i64>; 2];

fn level(side: usize, distance: i64, size: i64) -> Level {
    let price = if side == 0 { MIDDLE - distance } else { MIDDLE + 1 + distance };
    Level {
        side: [Side::Bid, Side::Ask][side],
        price: Decimal::new(price, 1).unwrap(),
        size: Decimal::new(size, 8).unwrap(),
    }
}

fn levels(twin: &Twin) -> Vec<Level> {
    let of = |side: usize| twin[side].iter().map(move |(&at, &size)| level(side, at, size));
    of(0).chain(of(1)).collect()
}

fn checksum(rule: ChecksumRule, twin: &Twin) -> u32 {
    let text = |side: usize, (at, size): (&i64, &i64)| {
        let level = level(side, *at, *size);
        match rule {
            ChecksumRule::Kraken => format!("{}{}", level.price.mantissa(), level.size.mantissa()),
            ChecksumRule::Okx => format!("{}:{}", level.price, level.size),
        }
    };
    let of = |side: usize, count| twin[side].iter().take(count).map(move |one| text(side, one));
    match rule {
        ChecksumRule::Kraken => {
            let all: String = of(1, 10).chain(of(0, 10)).collect();
            crc32fast::hash(all.as_bytes())
        }
        ChecksumRule::Okx => {
            let (bids, asks): (Vec<_>, Vec<_>) = (of(0, 25).collect(), of(1, 25).collect());
            let pairs = (0..25).flat_map(|row| [bids.get(row), asks.get(row)]);
            let all: Vec<_> = pairs.flatten().map(String::as_str).collect();
            crc32fast::hash(all.join(":").as_bytes())
        }
    }
}

/// The events of one book; the first is the whole book.
pub(crate) struct BookEvents {
    pub(crate) rules: BookRules,
    pub(crate) events: Vec<(BookUpdate, Vec<Level>)>,
}

impl BookEvents {
    /// So many changes of a book of `depth` levels a side, at distances from the best price that are
    /// drawn from `places`.
    pub(crate) fn new(
        (rule, with_checksum): (ChecksumRule, bool),
        depth: usize,
        places: Range<u64>,
        count: usize,
    ) -> Self {
        let mut random = Random(7);
        let mut twin = Twin::default();
        for side in &mut twin {
            side.extend((0..depth as i64).map(|at| (at, 1_000_000 + at)));
        }
        let depth_kept = if rule == ChecksumRule::Kraken { depth as u32 } else { DEPTH_FULL };
        let update = |kind, twin: &Twin| BookUpdate {
            instrument: ID,
            kind,
            exchange_time: UnixNanos::NONE,
            first_id: None,
            last_id: None,
            previous_id: None,
            checksum: with_checksum.then(|| checksum(rule, twin)),
            precision: None,
            depth: depth_kept,
            levels: 0..0,
        };
        let mut events = vec![(update(BookKind::Snapshot, &twin), levels(&twin))];
        for _ in 0..count {
            let side = random.below(2) as usize;
            let at = (places.start + random.below(places.end - places.start)) as i64;
            let size = 1 + random.below(1_000_000_000) as i64;
            // A third removes a level and brings it back at once, with another size.
            let mut event = vec![level(side, at, size)];
            if random.below(3) == 0 {
                event.insert(0, level(side, at, 0));
            }
            twin[side].insert(at, size);
            events.push((update(BookKind::Delta, &twin), event));
        }
        let rules = BookRules {
            continuity: Continuity::None,
            snapshot: SnapshotSource::Stream,
            checksum: Some(rule),
        };
        Self { rules, events }
    }
}
