//! The checksums that exchanges send over the best levels of a book, computed from the digits as
//! they were sent: a [`Decimal`] keeps its trailing zeros, so its text is the exchange's.
//!
//! The simple version: print the best levels into one text, take its CRC-32. Two departures pay
//! for themselves at Kraken, where every event carries a checksum: a side is printed anew only
//! when an event touched its best levels, and the state of the CRC behind the asks is kept, since
//! most events touch one side alone.

use arrayvec::ArrayVec;
use crc32fast::Hasher;

use crate::book::{Book, Resting};
use crate::exchange::ChecksumRule;
use crate::tick::{
    DECIMAL_TEXT_MAX, DIGITS_MAX, Decimal, Level, NUMBER_ROOM, Side, write_decimal, write_u64,
};

/// Levels of each side under Kraken's checksum.
pub(super) const KRAKEN_LEVELS: usize = 10;

/// Fact: their longest text: price and size have at most 18 digits each, and as many zeros behind
/// them that were not written.
const KRAKEN_TEXT_MAX: usize = KRAKEN_LEVELS * 2 * 2 * DIGITS_MAX as usize;

/// Levels of each side under OKX's checksum.
const OKX_LEVELS: usize = 25;

/// Fact: longest text of the levels of one side at OKX, each number with a colon.
const OKX_TEXT_MAX: usize = OKX_LEVELS * 2 * (DECIMAL_TEXT_MAX + 1);

/// The checksum of one book, as it changes.
#[derive(Clone, Debug)]
pub(super) struct Checksum {
    rule: ChecksumRule,
    /// The best asks by Kraken's rule.
    asks: Printed,
    /// The best bids by Kraken's rule.
    bids: Printed,
    /// The CRC of the asks' text.
    asks_crc: Hasher,
    /// Digits of prices and sizes by Kraken's word.
    precision: Option<[u8; 2]>,
}

/// The best levels of one side as text.
#[derive(Clone, Debug, Default)]
struct Printed {
    text: ArrayVec<u8, KRAKEN_TEXT_MAX>,
    /// The text is that of the book.
    current: bool,
}

impl Printed {
    /// Where nothing says how many digits numbers have, the longest of the side tell.
    fn print(&mut self, levels: impl Iterator<Item = Resting> + Clone, precision: Option<[u8; 2]>) {
        self.text.clear();
        let levels = levels.take(KRAKEN_LEVELS);
        let [price_digits, size_digits] = precision.unwrap_or_else(|| {
            levels.clone().fold([0; 2], |[price_digits, size_digits], Resting { price, size }| {
                [price_digits.max(price.digits()), size_digits.max(size.digits())]
            })
        });
        for Resting { price, size } in levels {
            push_mantissa(&mut self.text, price, price_digits);
            push_mantissa(&mut self.text, size, size_digits);
        }
        self.current = true;
    }
}

impl Checksum {
    pub(super) fn new(rule: ChecksumRule) -> Self {
        let (asks, bids) = (Printed::default(), Printed::default());
        Self { rule, asks, bids, asks_crc: Hasher::new(), precision: None }
    }

    /// Whether a checksum of 0 says that there is none any more (OKX, since 2026-06-23).
    pub(super) fn is_retired_as_zero(&self) -> bool {
        self.rule == ChecksumRule::Okx
    }

    /// The exchange says how many digits prices and sizes have, however they are written.
    #[inline]
    pub(super) fn set_precision(&mut self, precision: Option<[u8; 2]>) {
        if precision.is_some() && precision != self.precision {
            self.precision = precision;
            self.note_all();
        }
    }

    /// Everything in the book is other than before.
    pub(super) fn note_all(&mut self) {
        (self.asks.current, self.bids.current) = (false, false);
    }

    /// These levels were applied to the book, which stands as `book` now.
    #[inline]
    pub(super) fn note(&mut self, book: &Book, levels: &[Level]) {
        self.asks.current &= !reaches(Side::Ask, book.asks(), levels);
        self.bids.current &= !reaches(Side::Bid, book.bids(), levels);
    }

    /// The checksum of the book, which must have been noted since it changed.
    #[inline]
    pub(super) fn of(&mut self, book: &Book) -> u32 {
        match self.rule {
            ChecksumRule::Kraken => self.kraken(book),
            ChecksumRule::Okx => okx(book),
        }
    }

    fn kraken(&mut self, book: &Book) -> u32 {
        if !self.asks.current {
            self.asks.print(book.asks(), self.precision);
            self.asks_crc = Hasher::new();
            self.asks_crc.update(&self.asks.text);
        }
        if !self.bids.current {
            self.bids.print(book.bids(), self.precision);
        }
        let mut crc = self.asks_crc.clone();
        crc.update(&self.bids.text);
        crc.finalize()
    }
}

/// Whether one of the levels is, or was, among the best ten of its side.
#[inline]
fn reaches(side: Side, mut best_first: impl Iterator<Item = Resting>, levels: &[Level]) -> bool {
    let Some(worst) = best_first.nth(KRAKEN_LEVELS - 1) else { return true };
    levels.iter().filter(|level| level.side == side).any(|level| {
        let order = level.price.cmp_value(worst.price);
        if side == Side::Ask { order.is_le() } else { order.is_ge() }
    })
}

/// The digits without point and leading zeros, so many of them behind the point; nothing at all for
/// zero. A number may be written shorter (`1e-05`), its zeros count all the same.
#[inline]
fn push_mantissa<const BYTES: usize>(text: &mut ArrayVec<u8, BYTES>, number: Decimal, digits: u8) {
    const ZEROS: [u8; DIGITS_MAX as usize] = [b'0'; DIGITS_MAX as usize];
    if !number.is_zero() {
        let mut room = [0; NUMBER_ROOM];
        let length = write_u64(&mut room, number.mantissa().unsigned_abs());
        push(text, &room[..length]);
        let missing = digits.saturating_sub(number.digits()).min(DIGITS_MAX);
        push(text, &ZEROS[..usize::from(missing)]);
    }
}

/// OKX: `bid:size:ask:size` level by level, the longer side alone where the other has ended.
fn okx(book: &Book) -> u32 {
    let mut text = ArrayVec::<u8, { 2 * OKX_TEXT_MAX }>::new();
    let (mut bids, mut asks) = (book.bids(), book.asks());
    for _ in 0..OKX_LEVELS {
        for Resting { price, size } in [bids.next(), asks.next()].into_iter().flatten() {
            push_decimal(&mut text, price);
            push_decimal(&mut text, size);
        }
    }
    text.pop();
    crc32fast::hash(&text)
}

/// The number as it was sent, and a colon.
fn push_decimal<const BYTES: usize>(text: &mut ArrayVec<u8, BYTES>, number: Decimal) {
    let mut room = [0; NUMBER_ROOM];
    let length = write_decimal(&mut room, number);
    push(text, &room[..length]);
    push(text, b":");
}

#[inline]
fn push<const BYTES: usize>(text: &mut ArrayVec<u8, BYTES>, bytes: &[u8]) {
    let pushed = text.try_extend_from_slice(bytes);
    debug_assert!(pushed.is_ok(), "the bound is the sum of what is pushed");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn level(side: Side, text: &str) -> Level {
        let (price, size) = text.split_once('/').expect("price/size");
        let decimal = |text: &str| Decimal::parse(text.trim().as_bytes()).expect(text);
        Level { side, price: decimal(price), size: decimal(size) }
    }

    fn book(asks: &str, bids: &str) -> Book {
        let mut book = Book::new();
        let side = |side, texts: &str| -> Vec<Level> {
            let texts = texts.split(',').filter(|text| !text.trim().is_empty());
            texts.map(|text| level(side, text)).collect()
        };
        let levels = side(Side::Ask, asks).into_iter().chain(side(Side::Bid, bids));
        book.replace(levels.collect::<Vec<_>>());
        book
    }

    fn kraken(book: &Book) -> u32 {
        Checksum::new(ChecksumRule::Kraken).of(book)
    }

    // Captured live on 2026-08-26, ETH/BTC at depth 10: a snapshot, then an update that removes
    // one bid and adds another.
    const ETH_BTC_ASKS: &str = "0.031357/0.03740000,0.031358/2.87194815,0.031361/0.00767324,\
        0.031362/4.27140781,0.031363/4.34586052,0.031364/27.28097668,0.031365/12.92325840,\
        0.031366/4.14290322,0.031368/0.00738649,0.031370/0.03740000";
    const ETH_BTC_BIDS: &str = "0.031348/0.03740000,0.031347/2.87288049,0.031345/8.57986833,\
        0.031344/14.40276069,0.031340/12.96065840,0.031339/13.19606540,0.031338/20.41389313,\
        0.031336/0.03740000,0.031334/14.37158163,0.031332/14.40695990";

    #[test]
    fn krakens_live_snapshot_and_update_match() {
        let mut book = book(ETH_BTC_ASKS, ETH_BTC_BIDS);
        let mut checksum = Checksum::new(ChecksumRule::Kraken);
        assert_eq!(checksum.of(&book), 3_619_791_617);
        let update = ["0.031347/0.00000000", "0.031329/19.07893401"];
        let update = update.map(|text| level(Side::Bid, text));
        update.iter().for_each(|&level| {
            book.apply(level);
        });
        checksum.note(&book, &update);
        assert_eq!(checksum.of(&book), 2_505_869_009);
    }

    #[test]
    fn numbers_that_are_written_shorter_count_with_all_their_digits() {
        let whole = book("0.10/1.00001000,0.11/5.00000000", "0.09/0.00001000");
        let short = book("0.1/1.00001,0.11/5", "0.09/1e-05");
        let mut told = Checksum::new(ChecksumRule::Kraken);
        told.set_precision(Some([2, 8]));
        assert_eq!(told.of(&short), kraken(&whole));
        assert_eq!(kraken(&whole), crc32fast::hash(b"101000010001150000000091000"));
        // Without a word about it, the longest numbers of a side tell.
        let short = book("0.1/1.00001000,0.11/5", "0.09/0.00001000");
        assert_eq!(kraken(&short), kraken(&whole));
    }

    #[test]
    fn krakens_documented_book_matches() {
        let asks = "45285.2/0.00100000,45286.4/1.54571953,45286.6/1.54571109,45289.6/1.54560911,\
            45290.2/0.15890660,45291.8/1.54553491,45294.7/0.04454749,45296.1/0.35380000,\
            45297.5/0.09945542,45299.5/0.18772827";
        let bids = "45283.5/0.10000000,45283.4/1.54582015,45282.1/0.10000000,45281.0/0.10000000,\
            45280.3/1.54592586,45279.0/0.07990000,45277.6/0.03310103,45277.5/0.30000000,\
            45277.3/1.54602737,45276.6/0.15445238";
        assert_eq!(kraken(&book(asks, bids)), 3_310_070_434);
    }

    #[test]
    fn a_level_beyond_the_tenth_changes_nothing_and_fewer_than_ten_are_all_taken() {
        let mut book = book(ETH_BTC_ASKS, ETH_BTC_BIDS);
        book.apply(level(Side::Ask, "0.031371/1.00000000"));
        assert_eq!(kraken(&book), 3_619_791_617);
        let thin = self::book("2.00/1.50", "");
        assert_eq!(kraken(&thin), crc32fast::hash(b"200150"));
        assert_eq!(kraken(&Book::new()), 0);
    }

    #[test]
    fn okx_takes_both_sides_in_turn_and_goes_on_with_the_longer_one() {
        let whole = book("3366.8/9,3368/8", "3366.1/7,3366/6");
        assert_eq!(okx(&whole).cast_signed(), -1_881_014_294);
        let short = book("3366.8/9,3368/8,3372/8", "3366.1/7");
        assert_eq!(okx(&short).cast_signed(), 831_078_360);
        assert_eq!(okx(&Book::new()), 0);
    }

    #[test]
    fn the_longest_numbers_have_room() {
        let mut book = Book::new();
        for index in 0..30_i64 {
            for (side, price) in [(Side::Bid, index), (Side::Ask, 99 - index)] {
                let price = Decimal::new(999_999_999_999_999_900 + price, 18).expect("18 digits");
                book.apply(Level { side, price, size: price });
            }
        }
        let text = |take| book.asks().take(take).map(|ask| ask.price.to_string());
        assert_eq!(text(1).next().as_deref(), Some("0.999999999999999970"));
        kraken(&book);
        okx(&book);
    }

    proptest! {
        /// What is kept of the text between events is what a fresh print would say.
        #[test]
        fn what_is_kept_equals_what_is_printed_anew(
            events in prop::collection::vec(
                prop::collection::vec((any::<bool>(), 1..30_i64, 0..4_i64), 1..4),
                1..60,
            ),
            depth in 1..16_usize,
        ) {
            let mut book = Book::new();
            let mut checksum = Checksum::new(ChecksumRule::Kraken);
            for event in events {
                let levels: Vec<Level> = event
                    .into_iter()
                    .map(|(bid, price, size)| {
                        let (side, price) =
                            if bid { (Side::Bid, price) } else { (Side::Ask, 40 + price) };
                        let decimal = |number| Decimal::new(number, 1).expect("small");
                        Level { side, price: decimal(price), size: decimal(size) }
                    })
                    .collect();
                levels.iter().for_each(|&level| {
                    book.apply(level);
                });
                book.truncate(depth, |_| {});
                checksum.note(&book, &levels);
                prop_assert_eq!(checksum.of(&book), kraken(&book));
            }
        }
    }
}
