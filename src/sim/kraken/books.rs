//! The part of a book that a subscriber to some depth sees, and what Kraken tells when it changes:
//! new and changed levels, those that slide into the window included, and removals; never that a
//! level slid out of it.

use crate::sim::resting::{BookSide, Resting, RestingBook};

/// Levels under the checksum.
const CHECKSUM_LEVELS: usize = 10;

/// One level of an update; a size of 0 removes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) side: BookSide,
    pub(super) price: i64,
    pub(super) size: i64,
}

/// The best levels of both sides, as they were told last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Window {
    bids: Vec<Resting>,
    asks: Vec<Resting>,
}

impl Window {
    pub(super) fn of(book: &RestingBook, depth: usize) -> Self {
        let side = |side| book.levels(side).take(depth).collect();
        Self { bids: side(BookSide::Bid), asks: side(BookSide::Ask) }
    }

    /// The levels of one side, best first.
    pub(super) fn levels(&self, side: BookSide) -> &[Resting] {
        match side {
            BookSide::Bid => &self.bids,
            BookSide::Ask => &self.asks,
        }
    }

    /// Follows the book, and appends what is to be told of it.
    pub(super) fn follow(&mut self, book: &RestingBook, depth: usize, told: &mut Vec<Told>) {
        let now = Self::of(book, depth);
        for side in [BookSide::Bid, BookSide::Ask] {
            let (before, after) = (self.levels(side), now.levels(side));
            let tell = |price, size| Told { side, price, size };
            let size_in = |levels: &[Resting], price| {
                levels.iter().find(|it| it.price == price).map(|it| it.size)
            };
            let removed = before.iter().filter(|old| book.size_at(side, old.price) == 0);
            told.extend(removed.map(|old| tell(old.price, 0)));
            let changed = after.iter().filter(|new| size_in(before, new.price) != Some(new.size));
            told.extend(changed.map(|new| tell(new.price, new.size)));
        }
        *self = now;
    }

    /// The checksum over the ten best levels: asks, then bids, digits of price and size without
    /// point and leading zeros. Sizes are written with `size_zeros` zeros behind the lot's digits.
    pub(super) fn checksum(&self, size_zeros: usize) -> u32 {
        let mut text = String::new();
        for side in [&self.asks, &self.bids] {
            for level in side.iter().take(CHECKSUM_LEVELS) {
                text.push_str(&format!("{}{}{:0<size_zeros$}", level.price, level.size, ""));
            }
        }
        crc32(text.as_bytes())
    }
}

/// CRC-32 of IEEE 802.3, bit by bit: a twin to whatever table the other side uses.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::random::Random;

    #[test]
    fn checksums_are_those_of_the_exchange() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        // The documented example for BTC/USD.
        let level = |price, size| Resting { price, size };
        let asks = [
            (452852, 100000),
            (452864, 154571953),
            (452866, 154571109),
            (452896, 154560911),
            (452902, 15890660),
            (452918, 154553491),
            (452947, 4454749),
            (452961, 35380000),
            (452975, 9945542),
            (452995, 18772827),
        ];
        let bids = [
            (452835, 10000000),
            (452834, 154582015),
            (452821, 10000000),
            (452810, 10000000),
            (452803, 154592586),
            (452790, 7990000),
            (452776, 3310103),
            (452775, 30000000),
            (452773, 154602737),
            (452766, 15445238),
        ];
        let side = |levels: [(i64, i64); 10]| levels.map(|(price, size)| level(price, size)).into();
        let window = Window { bids: side(bids), asks: side(asks) };
        assert_eq!(window.checksum(0), 3_310_070_434);
        let thin = Window { bids: vec![level(5, 2)], asks: Vec::new() };
        assert_eq!(thin.checksum(3), crc32(b"52000"));
    }

    /// Whoever applies what is told and cuts off beyond the depth has the window.
    #[test]
    fn a_client_that_cuts_off_has_the_window() {
        let mut random = Random::new(5);
        let mut book = RestingBook::default();
        let mut window = Window::default();
        let mut client = RestingBook::default();
        let (mut slid_in, depth) = (0, 4);
        for _ in 0..5_000 {
            for _ in 0..=random.below(3) {
                let side = if random.percent(50) { BookSide::Bid } else { BookSide::Ask };
                book.set(side, random.one_to(30), random.below(3) as i64);
            }
            let mut told = Vec::new();
            let before = window.clone();
            window.follow(&book, depth, &mut told);
            for it in &told {
                let is_known = client.size_at(it.side, it.price) != 0;
                assert!(it.size != 0 || is_known, "what slid out is not told");
                slid_in += usize::from(!is_known);
                client.set(it.side, it.price, it.size);
            }
            for side in [BookSide::Bid, BookSide::Ask] {
                while client.count(side) > depth {
                    let worst = client.worst(side).expect("a level");
                    client.set(side, worst.price, 0);
                }
            }
            assert_eq!(Window::of(&client, depth), window);
            assert_eq!(told.is_empty(), before == window);
        }
        assert!(slid_in > 0);
    }
}
