//! How a record is kept: as its difference to the one before it.
//!
//! Neighbours of a stream differ in a few digits, so most words of a record are left out and the
//! rest fit in one to four bytes. A trade takes some 16 bytes of its 64, a level of a book 8.
//!
//! ```text
//! header    lane: 2 bits · part of the event before: 1 bit · words of the body that differ: 5 bits
//! [seq, exchange's date, date of the receipt: differences]   unless part of the event before
//! difference of each word that differs
//! ```
//!
//! A body is compared with the last one of its lane: bids with bids, asks with asks, the second
//! part of a ticker with the last second part. Differences are 7 bits to a byte, the lowest first,
//! the sign in the lowest bit.

use super::event::Stamp;
use crate::clock::UnixNanos;
use crate::tick::{BODY_WORDS, Body, Side};

/// One tick's worth of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) seq: u64,
    pub(super) stamp: Stamp,
    pub(super) body: Body,
}

/// Fact: longest record: a header, the number, two dates and five words of ten bytes each.
pub(super) const RECORD_BYTES_MAX: usize = 1 + (3 + BODY_WORDS) * 10;

const LANES: usize = 4;
const LANE_BITS: u8 = 0b11;
const SAME_EVENT: u8 = 0b100;
const CHANGED_SHIFT: u32 = 3;

/// What the next record is compared with. Writer and reader each carry one along; both begin with
/// nothing but zeros.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Context {
    seq: u64,
    exchange_time: i64,
    received: i64,
    lanes: [[u64; BODY_WORDS]; LANES],
}

impl Context {
    /// Whether the last record was one of that event.
    #[inline]
    pub(super) const fn is_of(&self, seq: u64) -> bool {
        self.seq == seq
    }

    /// Writes a record; returns how many bytes it took.
    #[inline]
    pub(super) fn pack(&mut self, record: &Record, out: &mut [u8; RECORD_BYTES_MAX]) -> usize {
        let lane = lane(&record.body);
        let mut header = lane as u8;
        let mut at = 1;
        let (exchange_time, received) = (record.stamp.exchange_time.0, record.stamp.received.0);
        let dates = (exchange_time, received);
        if record.seq == self.seq && dates == (self.exchange_time, self.received) {
            header |= SAME_EVENT;
        } else {
            at = write(out, at, record.seq.wrapping_sub(self.seq));
            at = write(out, at, exchange_time.wrapping_sub(self.exchange_time) as u64);
            at = write(out, at, received.wrapping_sub(self.received) as u64);
            (self.seq, self.exchange_time, self.received) = (record.seq, exchange_time, received);
        }
        let words = record.body.words();
        let last = &mut self.lanes[lane];
        for (index, (word, last)) in words.into_iter().zip(last.iter_mut()).enumerate() {
            if word != *last {
                header |= 1 << (index as u32 + CHANGED_SHIFT);
                at = write(out, at, word.wrapping_sub(*last));
                *last = word;
            }
        }
        out[0] = header;
        at
    }

    /// Reads the record at the begin of `bytes` and how long it is; `None` at their end.
    pub(super) fn unpack(&mut self, bytes: &[u8]) -> Option<(Record, usize)> {
        let header = *bytes.first()?;
        let mut at = 1;
        if header & SAME_EVENT == 0 {
            self.seq = self.seq.wrapping_add(read(bytes, &mut at)?);
            self.exchange_time = self.exchange_time.wrapping_add(read(bytes, &mut at)? as i64);
            self.received = self.received.wrapping_add(read(bytes, &mut at)? as i64);
        }
        let lane = &mut self.lanes[usize::from(header & LANE_BITS)];
        for (index, word) in lane.iter_mut().enumerate() {
            if header & 1 << (index as u32 + CHANGED_SHIFT) != 0 {
                *word = word.wrapping_add(read(bytes, &mut at)?);
            }
        }
        let body = Body::from_words(*lane)?;
        let stamp = Stamp {
            exchange_time: UnixNanos(self.exchange_time),
            received: UnixNanos(self.received),
        };
        Some((Record { seq: self.seq, stamp, body }, at))
    }
}

/// Which of its kind a body is compared with.
#[inline]
const fn lane(body: &Body) -> usize {
    match body {
        Body::Trade { side, .. } | Body::Level { side, .. } => matches!(side, Side::Ask) as usize,
        Body::Quote { .. } | Body::TickerPrices { .. } | Body::CandlePrices { .. } => 0,
        Body::TickerChange { .. } | Body::CandleVolume { .. } => 1,
        Body::TickerVolumes { .. } => 2,
        Body::BookState { .. }
        | Body::StreamState { .. }
        | Body::FeedState { .. }
        | Body::Gap { .. }
        | Body::Unheard { .. }
        | Body::TradesShown { .. }
        | Body::Time { .. } => 3,
    }
}

/// Writes a signed difference from `at` on; returns where it ends.
#[inline]
fn write(out: &mut [u8; RECORD_BYTES_MAX], mut at: usize, difference: u64) -> usize {
    let signed = difference as i64;
    let mut rest = (signed << 1 ^ signed >> 63) as u64;
    while rest >= 0x80 {
        out[at] = rest as u8 | 0x80;
        rest >>= 7;
        at += 1;
    }
    out[at] = rest as u8;
    at + 1
}

/// Reads what [`write()`] wrote.
#[inline]
fn read(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let (mut value, mut shift) = (0_u64, 0);
    loop {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value |= u64::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return Some(value >> 1 ^ (value & 1).wrapping_neg());
        }
        shift += 7;
        if shift > 63 {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tick::{
        Candle, DatedAhead, Decimal, IdKind, Interval, Level, LevelFlags, Ticker, Trade, TradeId,
    };

    fn any_body() -> impl Strategy<Value = Body> {
        let four = || (prop::array::uniform4(any::<u8>()), prop::array::uniform4(any::<i64>()));
        let side = prop_oneof![Just(Side::None), Just(Side::Bid), Just(Side::Ask)];
        let near = prop_oneof![-300..300_i64, any::<i64>()];
        prop_oneof![
            (side.clone(), near.clone(), near.clone(), any::<u128>()).prop_map(
                |(side, price, size, id)| Body::Trade {
                    side,
                    price_digits: 2,
                    size_digits: 8,
                    id_kind: IdKind::Uuid,
                    id_length: 0,
                    ahead: DatedAhead::NO,
                    price,
                    size,
                    id_high: (id >> 64) as u64,
                    id_low: id as u64,
                }
            ),
            (side, near.clone(), near).prop_map(|(side, price, size)| Body::Level {
                side,
                flags: LevelFlags::default(),
                price_digits: 2,
                size_digits: 8,
                price,
                size,
                update_id: None,
            }),
            four().prop_map(|(digits, mantissas)| Body::Quote { digits, mantissas }),
            four().prop_map(|(digits, mantissas)| Body::TickerChange { digits, mantissas }),
            prop::array::uniform4(any::<u64>())
                .prop_map(|words| Body::TickerVolumes { digits: [1, 2], words }),
        ]
    }

    proptest! {
        #[test]
        fn records_are_read_as_they_were_written(
            records in prop::collection::vec(
                (any::<u64>(), any::<i64>(), any::<i64>(), 1..4_usize, any_body()), 0..40,
            ),
        ) {
            let (mut writer, mut bytes, mut written) = (Context::default(), Vec::new(), Vec::new());
            for (seq, exchange_time, received, parts, body) in records {
                let (exchange_time, received) = (UnixNanos(exchange_time), UnixNanos(received));
                let record = Record { seq, stamp: Stamp { exchange_time, received }, body };
                for _ in 0..parts {
                    let mut out = [0; RECORD_BYTES_MAX];
                    let length = writer.pack(&record, &mut out);
                    bytes.extend_from_slice(&out[..length]);
                    written.push(record);
                }
            }
            let (mut reader, mut at, mut read) = (Context::default(), 0, Vec::new());
            while let Some((record, length)) = reader.unpack(&bytes[at..]) {
                at += length;
                read.push(record);
            }
            prop_assert_eq!(at, bytes.len());
            prop_assert_eq!(read, written);
        }

        #[test]
        fn foreign_bytes_end_the_reading_without_harm(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let (mut reader, mut at) = (Context::default(), 0);
            while let Some((_, length)) = reader.unpack(&bytes[at..]) {
                at += length;
            }
            prop_assert!(at <= bytes.len());
        }
    }

    /// Bytes per record of a stream whose events are a quarter of a second apart.
    fn bytes_per_record(parts: impl Fn(i64) -> Vec<Body>) -> usize {
        let (mut context, mut bytes, mut records) = (Context::default(), 0, 0);
        for seq in 1..=1_000 {
            let time = 1_700_000_000_000_000_000 + seq * 250_000_000;
            let stamp = Stamp {
                exchange_time: UnixNanos(time),
                received: UnixNanos(time + 8_000_000 + seq * 7_919 % 1_000_000),
            };
            for body in parts(seq) {
                let record = Record { seq: seq as u64, stamp, body };
                bytes += context.pack(&record, &mut [0; RECORD_BYTES_MAX]);
                records += 1;
            }
        }
        bytes / records
    }

    #[test]
    fn what_markets_send_takes_a_fraction_of_a_tick() {
        let decimal =
            |mantissa: i64, digits: u8| Decimal::new(mantissa, digits).expect("short enough");
        let price = |seq: i64| decimal(6_500_000 + seq * 31 % 500, 2);
        let trade = |seq: i64| Trade {
            taker: if seq % 3 == 0 { Side::Bid } else { Side::Ask },
            price: price(seq),
            size: decimal(seq * 7_919_993 % 100_000_000, 8),
            id: TradeId::Number(4_000_000_000 + seq as u64),
        };
        assert!(bytes_per_record(|seq| vec![trade(seq).into()]) <= 18);
        let level = |seq: i64, index: i64| Level {
            side: if index % 2 == 0 { Side::Bid } else { Side::Ask },
            price: price(seq + index),
            size: decimal((seq + index) * 7_919_993 % 100_000_000, 8),
        };
        let levels = |seq: i64| {
            let body = |index| level(seq, index).body(LevelFlags::default(), None);
            (0..8).map(body).collect()
        };
        assert!(bytes_per_record(levels) <= 9);
        let ticker = |seq: i64| Ticker { last: Some(price(seq)), ..Ticker::default() };
        assert!(bytes_per_record(|seq| ticker(seq).bodies().to_vec()) <= 6);
        let candle = |seq: i64| {
            let open_time = UnixNanos(seq * 1_000_000_000);
            let bare = Candle::of(Interval::Second1, open_time, [price(seq); 4]);
            let volume = decimal(seq * 7_919_993 % 100_000_000, 8);
            Candle { trades: Some(5), closed: true, ..bare.with_volume(volume.into()) }
        };
        assert!(bytes_per_record(|seq| candle(seq).bodies().to_vec()) <= 18);
    }
}
