//! A body as five words, for who keeps many of them in little room: neighbours differ in few bits
//! of few words. Nothing is lost on the way.

use super::{
    Body, BookState, CandleFlags, DatedAhead, FeedState, IdKind, Interval, LevelFlags, Reason, Side,
};
use crate::clock::UnixNanos;
use crate::instrument::Channel;

/// Words of a body.
pub(crate) const BODY_WORDS: usize = 5;

const TRADE: u8 = 0;
const QUOTE: u8 = 1;
const LEVEL: u8 = 2;
const TICKER_PRICES: u8 = 3;
const TICKER_CHANGE: u8 = 4;
const TICKER_VOLUMES: u8 = 5;
const CANDLE_PRICES: u8 = 6;
const CANDLE_VOLUME: u8 = 7;
const BOOK_STATE: u8 = 8;
const FEED_STATE: u8 = 9;
const GAP: u8 = 10;
const TIME: u8 = 11;
const UNHEARD: u8 = 12;
const STREAM_STATE: u8 = 13;
const TRADES_SHOWN: u8 = 14;

/// The word of a tag and up to seven small fields.
#[inline(always)]
const fn small<const N: usize>(tag: u8, fields: [u8; N]) -> u64 {
    let mut word = tag as u64;
    let mut index = 0;
    while index < N {
        word |= (fields[index] as u64) << (8 * (index + 1));
        index += 1;
    }
    word
}

/// The word of a tag and four counts of digits, and four mantissas.
#[inline(always)]
const fn four(tag: u8, digits: [u8; 4], mantissas: [i64; 4]) -> [u64; BODY_WORDS] {
    let [a, b, c, d] = mantissas;
    [small(tag, digits), a as u64, b as u64, c as u64, d as u64]
}

impl Body {
    /// Everything that the body says; the first word holds its kind and its small fields.
    #[inline]
    pub(crate) const fn words(&self) -> [u64; BODY_WORDS] {
        match *self {
            Self::Trade {
                side,
                price_digits,
                size_digits,
                id_kind,
                id_length,
                ahead,
                price,
                size,
                id_high,
                id_low,
            } => {
                let [low, high] = ahead.bits().to_le_bytes();
                let kind = id_kind.number();
                let fields = [side as u8, price_digits, size_digits, kind, low, high, id_length];
                [small(TRADE, fields), price as u64, size as u64, id_high, id_low]
            }
            Self::Quote { digits, mantissas } => four(QUOTE, digits, mantissas),
            Self::Level { side, flags, price_digits, size_digits, price, size, update_id } => {
                let (is_numbered, update_id) = match update_id {
                    Some(update_id) => (true, update_id),
                    None => (false, 0),
                };
                let fields =
                    [side as u8, flags.bits(), price_digits, size_digits, is_numbered as u8];
                [small(LEVEL, fields), price as u64, size as u64, update_id, 0]
            }
            Self::TickerPrices { digits, mantissas } => four(TICKER_PRICES, digits, mantissas),
            Self::TickerChange { digits, mantissas } => four(TICKER_CHANGE, digits, mantissas),
            Self::TickerVolumes { digits, words: [a, b, c, d] } => {
                [small(TICKER_VOLUMES, digits), a, b, c, d]
            }
            Self::CandlePrices { interval, closed, digits: [a, b, c, d], mantissas } => {
                let fields = [interval as u8, closed as u8, a, b, c, d];
                let [_, open, high, low, close] = four(0, [0; 4], mantissas);
                [small(CANDLE_PRICES, fields), open, high, low, close]
            }
            Self::CandleVolume { interval, closed, flags, digits, words, open_time, trades } => {
                let fields = [interval as u8, closed as u8, digits, flags.bits()];
                [small(CANDLE_VOLUME, fields), words[0], words[1], open_time.0 as u64, trades]
            }
            Self::BookState { state, reason } => {
                [small(BOOK_STATE, [state as u8, reason as u8]), 0, 0, 0, 0]
            }
            Self::FeedState { state, reason, line, attempt } => {
                let fields = [state as u8, reason as u8, line];
                [small(FEED_STATE, fields), attempt as u64, 0, 0, 0]
            }
            Self::StreamState { channel, interval, state, reason } => {
                // 0 is none.
                let interval = match interval {
                    Some(interval) => interval as u8 + 1,
                    None => 0,
                };
                let fields = [state as u8, reason as u8, channel as u8, interval];
                [small(STREAM_STATE, fields), 0, 0, 0, 0]
            }
            Self::Gap { channel, reason, missed } => {
                [small(GAP, [channel as u8, reason as u8]), missed, 0, 0, 0]
            }
            Self::Unheard { channel } => [small(UNHEARD, [channel as u8]), 0, 0, 0, 0],
            Self::TradesShown { shown } => [small(TRADES_SHOWN, [shown as u8]), 0, 0, 0, 0],
            Self::Time { date } => [small(TIME, []), date.0 as u64, 0, 0, 0],
        }
    }

    /// The body that these words were made of; `None` for others.
    pub(crate) fn from_words([first, a, b, c, d]: [u64; BODY_WORDS]) -> Option<Self> {
        let [tag, one, two, three, four, five, six, seven] = first.to_le_bytes();
        let mantissas = [a, b, c, d].map(|word| word as i64);
        let digits = [one, two, three, four];
        Some(match tag {
            TRADE => Self::Trade {
                side: side(one)?,
                price_digits: two,
                size_digits: three,
                id_kind: numbered(&IdKind::ALL, four)?,
                id_length: seven,
                ahead: DatedAhead::from_bits(u16::from_le_bytes([five, six])),
                price: a as i64,
                size: b as i64,
                id_high: c,
                id_low: d,
            },
            QUOTE => Self::Quote { digits, mantissas },
            LEVEL => Self::Level {
                side: side(one)?,
                flags: LevelFlags::from_bits(two),
                price_digits: three,
                size_digits: four,
                price: a as i64,
                size: b as i64,
                update_id: (five != 0).then_some(c),
            },
            TICKER_PRICES => Self::TickerPrices { digits, mantissas },
            TICKER_CHANGE => Self::TickerChange { digits, mantissas },
            TICKER_VOLUMES => Self::TickerVolumes { digits: [one, two], words: [a, b, c, d] },
            CANDLE_PRICES => Self::CandlePrices {
                interval: numbered(&Interval::ALL, one)?,
                closed: two != 0,
                digits: [three, four, five, six],
                mantissas,
            },
            CANDLE_VOLUME => Self::CandleVolume {
                interval: numbered(&Interval::ALL, one)?,
                closed: two != 0,
                flags: CandleFlags::from_bits(four),
                digits: three,
                words: [a, b],
                open_time: UnixNanos(c as i64),
                trades: d,
            },
            BOOK_STATE => Self::BookState {
                state: numbered(&BookState::ALL, one)?,
                reason: numbered(Reason::ALL, two)?,
            },
            STREAM_STATE => Self::StreamState {
                channel: numbered(&Channel::ALL, three)?,
                interval: none_or_numbered(&Interval::ALL, four)?,
                state: numbered(&BookState::ALL, one)?,
                reason: numbered(Reason::ALL, two)?,
            },
            FEED_STATE => Self::FeedState {
                state: numbered(&FeedState::ALL, one)?,
                reason: numbered(Reason::ALL, two)?,
                line: three,
                attempt: a as u32,
            },
            GAP => Self::Gap {
                channel: numbered(&Channel::ALL, one)?,
                reason: numbered(Reason::ALL, two)?,
                missed: a,
            },
            UNHEARD => Self::Unheard { channel: numbered(&Channel::ALL, one)? },
            TRADES_SHOWN => Self::TradesShown { shown: one != 0 },
            TIME => Self::Time { date: UnixNanos(a as i64) },
            _ => return None,
        })
    }
}

fn side(number: u8) -> Option<Side> {
    [Side::None, Side::Bid, Side::Ask].into_iter().find(|side| *side as u8 == number)
}

/// The one with that number, of a list in the order of the numbers.
fn numbered<T: Copy>(all: &[T], number: u8) -> Option<T> {
    all.get(usize::from(number)).copied()
}

/// The same where 0 is none and numbers begin at 1.
fn none_or_numbered<T: Copy>(all: &[T], number: u8) -> Option<Option<T>> {
    number.checked_sub(1).map_or(Some(None), |number| numbered(all, number).map(Some))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trades_and_levels() -> Vec<Body> {
        let mut bodies = Vec::new();
        let sides = [Side::Bid, Side::None, Side::Ask].into_iter().cycle();
        let numbers = [Some(u64::MAX), Some(0), None].into_iter().cycle();
        for ((id_kind, side), update_id) in IdKind::ALL.into_iter().zip(sides).zip(numbers) {
            bodies.push(Body::Trade {
                side,
                price_digits: 8,
                size_digits: 18,
                id_kind,
                id_length: 38,
                ahead: DatedAhead::from_bits(side as u16 * 700),
                price: -7,
                size: 9,
                id_high: u64::MAX,
                id_low: 3,
            });
            bodies.push(Body::Level {
                side,
                flags: LevelFlags::FIRST.with(LevelFlags::EMPTY),
                price_digits: 1,
                size_digits: 2,
                price: 3,
                size: 4,
                update_id,
            });
        }
        bodies
    }

    #[test]
    fn every_kind_of_body_survives_its_words() {
        let (digits, mantissas) = ([1, 2, 3, 18], [1, -2, i64::MIN, i64::MAX]);
        let mut bodies = vec![
            Body::Quote { digits, mantissas },
            Body::TickerPrices { digits, mantissas },
            Body::TickerChange { digits, mantissas },
            Body::TickerVolumes { digits: [3, 255], words: [u64::MAX, 1, 2, 3] },
            Body::Time { date: UnixNanos(-5) },
            Body::TradesShown { shown: true },
            Body::TradesShown { shown: false },
            Body::StreamState {
                channel: Channel::Ticker,
                interval: None,
                state: BookState::Stale,
                reason: Reason::Unavailable,
            },
            Body::StreamState {
                channel: Channel::Candles,
                interval: Some(Interval::Day1),
                state: BookState::Live,
                reason: Reason::None,
            },
        ];
        bodies.extend(trades_and_levels());
        for interval in Interval::ALL {
            let closed = interval == Interval::Day1;
            bodies.push(Body::CandlePrices { interval, closed, digits, mantissas });
            bodies.push(Body::CandleVolume {
                interval,
                closed,
                flags: CandleFlags::from_bits(interval as u8),
                digits: 38,
                words: [1, u64::MAX],
                open_time: UnixNanos(i64::MIN),
                trades: 8,
            });
        }
        for &reason in Reason::ALL {
            bodies.extend(BookState::ALL.map(|state| Body::BookState { state, reason }));
            let line = 7;
            let attempt = u32::MAX;
            bodies.extend(FeedState::ALL.map(|state| Body::FeedState {
                state,
                reason,
                line,
                attempt,
            }));
            bodies.extend(Channel::ALL.map(|channel| Body::Unheard { channel }));
            bodies.extend(Channel::ALL.map(|channel| Body::Gap { channel, reason, missed: 1 }));
        }
        for body in bodies {
            assert_eq!(Body::from_words(body.words()), Some(body));
        }
        assert_eq!(Body::from_words([u64::MAX; BODY_WORDS]), None);
    }
}
