//! The cache as its broadcaster sees it, against twins that keep everything.

use std::collections::BTreeMap;

use arrayvec::ArrayString;
use proptest::prelude::*;

use super::*;
use crate::book::BookKind;
use crate::instrument::{Channel, Instrument, Symbol};
use crate::tick::{
    BookState, Candle, Decimal, Interval, Level, LevelFlags, Quote, Reason, Side, Ticker, Trade,
    TradeId,
};

pub(super) const ID: InstrumentId = InstrumentId(0);
/// A date that every interval opens at.
pub(super) const START: i64 = 1_700_006_400_000_000_000;
pub(super) const SECOND: i64 = 1_000_000_000;

pub(super) fn decimal(text: &str) -> Decimal {
    Decimal::parse(text.as_bytes()).expect(text)
}

pub(super) fn cache(history_events: usize) -> Cache {
    cache_within(HistoryBounds { events: history_events, ..HistoryBounds::default() })
}

fn table(symbols: &[&str]) -> InstrumentTable {
    let mut table = InstrumentTable::default();
    for symbol in symbols {
        let instrument = Instrument {
            exchange: ExchangeId::Binance,
            symbol: Symbol::parse(symbol).expect("valid"),
            native: ArrayString::new(),
            tick_size: None,
            lot_size: None,
        };
        table.add(instrument).expect("room");
    }
    table
}

fn cache_within(bounds: HistoryBounds) -> Cache {
    let table = table(&["BTC/USDT", "ETH/USDT"]);
    let mut cache = Cache::new(bounds);
    cache.set_instruments(&table);
    cache
}

pub(super) fn trade(price: i64, size: i64) -> Trade {
    Trade {
        taker: Side::Bid,
        price: Decimal::new(price, 2).expect("small"),
        size: Decimal::new(size, 3).expect("small"),
        id: TradeId::Number(1),
    }
}

/// Applies a tick that was received when the exchange says it happened, and collects the events.
fn apply(cache: &mut Cache, time: i64, body: impl Into<Body>) -> Vec<(u64, String)> {
    let tick = Tick::new(ID, UnixNanos(time), body.into());
    let mut told = Vec::new();
    cache.apply(ExchangeId::Binance, &tick, UnixNanos(time), |event| {
        told.push((event.seq, format!("{event:?}")));
    });
    told
}

pub(super) fn candles_of(cache: &mut Cache, time: i64, body: Body) -> Vec<(u64, Candle)> {
    let tick = Tick::new(ID, UnixNanos(time), body);
    let mut told = Vec::new();
    cache.apply(ExchangeId::Binance, &tick, UnixNanos(time), |event| {
        if let EventBody::Candle(candle) = event.body {
            told.push((event.seq, *candle));
        }
    });
    told
}

/// Level ticks of one book event.
fn run(levels: &[Level], kind: BookKind) -> Vec<Body> {
    let mut base = LevelFlags::default();
    if kind == BookKind::Snapshot {
        base = base.with(LevelFlags::SNAPSHOT);
    }
    if levels.is_empty() {
        let nothing = Level { side: Side::None, price: Decimal::ZERO, size: Decimal::ZERO };
        let flags = base.with(LevelFlags::FIRST).with(LevelFlags::LAST).with(LevelFlags::EMPTY);
        return vec![nothing.body(flags, None)];
    }
    let mut bodies = Vec::new();
    for (index, level) in levels.iter().enumerate() {
        let mut flags = base;
        if index == 0 {
            flags = flags.with(LevelFlags::FIRST);
        }
        if index + 1 == levels.len() {
            flags = flags.with(LevelFlags::LAST);
        }
        bodies.push(level.body(flags, None));
    }
    bodies
}

fn level(side: Side, price: &str, size: &str) -> Level {
    Level { side, price: decimal(price), size: decimal(size) }
}

proptest! {
    /// Whoever saw everything up to some number and asks for the rest has all that was told.
    #[test]
    fn a_client_that_resumes_misses_nothing(
        capacity in 1..40_usize,
        steps in prop::collection::vec(0..7_u8, 0..60),
        seen in 0..30_u64,
    ) {
        let mut cache = cache(capacity);
        let mut told: BTreeMap<Stream, Vec<(u64, String)>> = BTreeMap::new();
        for (index, step) in steps.iter().enumerate() {
            let price = decimal(&format!("{}", index + 1));
            let rest = Level { side: Side::Bid, price, size: price };
            let quote =
                Quote { bid: Some(price), bid_size: None, ask: None, ask_size: Some(price) };
            let bodies = match step {
                0 => vec![trade(index as i64, 1).into()],
                1 => vec![quote.into()],
                2 => Ticker { last: Some(price), ..Ticker::default() }.bodies().to_vec(),
                3 => run(&[rest, Level { side: Side::Ask, ..rest }], BookKind::Delta),
                4 => run(&[], BookKind::Delta),
                5 => vec![Body::Gap { channel: Channel::Trades, reason: Reason::Eof, missed: 2 }],
                _ => vec![Body::Gap { channel: Channel::Ticker, reason: Reason::Eof, missed: 0 }],
            };
            for body in bodies {
                let tick = Tick::new(ID, UnixNanos(START + index as i64), body);
                cache.apply(ExchangeId::Binance, &tick, UnixNanos(START), |event| {
                    let stream = event.body.stream().expect("numbered");
                    told.entry(stream).or_default().push((event.seq, format!("{event:?}")));
                });
            }
        }
        for stream in [Stream::Trades, Stream::Quotes, Stream::Ticker, Stream::Orderbook] {
            let told = told.remove(&stream).unwrap_or_default();
            let newest = told.last().map_or(0, |(seq, _)| *seq);
            prop_assert_eq!(cache.seq(ID, stream), newest);
            let mut resumed = Vec::new();
            cache.since(ID, stream, seen, |event| {
                resumed.push((event.seq, format!("{event:?}")));
            });
            let missed: Vec<_> = told.into_iter().filter(|(seq, _)| *seq > seen).collect();
            let whole = seen <= newest && missed.len() == resumed.len();
            prop_assert_eq!(cache.holds_since(ID, stream, seen), whole);
            prop_assert!(missed.ends_with(&resumed), "{missed:?} {resumed:?}");
        }
    }

    /// Views told by the cache keep a client's copy equal to the best levels of a whole copy.
    #[test]
    fn a_view_of_the_cache_is_the_top_of_its_book(
        depth in 1..5_usize,
        events in prop::collection::vec(
            (any::<bool>(), prop::collection::vec((any::<bool>(), 1..20_i64, 0..3_i64), 0..4)),
            1..40,
        ),
    ) {
        let mut cache = cache(64);
        cache.open_view(ID, depth);
        let (mut whole, mut top) = (Book::new(), Book::new());
        let mut last_seq = 0;
        for (fresh, levels) in events {
            let levels: Vec<Level> = levels
                .into_iter()
                .map(|(bid, price, size)| Level {
                    side: if bid { Side::Bid } else { Side::Ask },
                    price: Decimal::new(price, 0).expect("small"),
                    size: Decimal::new(size, 0).expect("small"),
                })
                .collect();
            let kind = if fresh { BookKind::Snapshot } else { BookKind::Delta };
            for body in run(&levels, kind) {
                let tick = Tick::new(ID, UnixNanos(START), body);
                let mut faults = Vec::new();
                cache.apply(ExchangeId::Binance, &tick, UnixNanos(START), |event| {
                    let EventBody::Book(book) = event.body else { return };
                    let copy = if book.depth.is_some() { &mut top } else { &mut whole };
                    if book.kind == BookKind::Snapshot {
                        copy.clear();
                    }
                    for side in [Side::Bid, Side::Ask] {
                        book.levels.of(side, copy, |copy, resting| {
                            copy.apply(resting.level(side));
                        });
                    }
                    if book.depth.is_some() {
                        let follows = last_seq + book.conflated + 1 == event.seq;
                        if !follows && book.kind == BookKind::Delta {
                            faults.push((last_seq, book.conflated, event.seq));
                        }
                        last_seq = event.seq;
                    }
                });
                prop_assert!(faults.is_empty(), "{faults:?}");
            }
            let best: Vec<Level> = whole.levels_to(depth).collect();
            prop_assert_eq!(top.levels().collect::<Vec<_>>(), best);
        }
    }
}

#[test]
fn a_gap_takes_the_numbers_that_are_missing() {
    let mut cache = cache(8);
    apply(&mut cache, START, trade(100, 1));
    let body = Body::Gap { channel: Channel::Trades, reason: Reason::Stall, missed: 15 };
    let told = apply(&mut cache, START, body);
    assert_eq!(told[0].0, 16);
    assert!(told[0].1.contains("from_seq: 2, to_seq: 16, reason: Stall"), "{}", told[0].1);
    assert_eq!(apply(&mut cache, START, trade(100, 1))[0].0, 17);
    let unknown = Body::Gap { channel: Channel::Orderbook, reason: Reason::Eof, missed: 0 };
    assert_eq!(apply(&mut cache, START, unknown)[0].0, 1);
    assert!(!cache.holds_since(ID, Stream::Orderbook, 0));
}

#[test]
fn nothing_that_an_exchange_counts_carries_our_numbers_away() {
    let mut cache = cache(8);
    apply(&mut cache, START, trade(100, 1));
    let gap = |channel, missed| Body::Gap { channel, reason: Reason::SequenceGap, missed };
    let told = apply(&mut cache, START, gap(Channel::Trades, u64::MAX));
    assert!(told[0].1.contains("from_seq: 2, to_seq: 2,"), "of unknown size: {}", told[0].1);
    assert_eq!(apply(&mut cache, START, trade(100, 1))[0].0, 3);
    for channel in [Channel::Quotes, Channel::Ticker, Channel::Orderbook] {
        assert_eq!(apply(&mut cache, START, gap(channel, u64::MAX))[0].0, 1, "{channel:?}");
    }
    for (to, text) in apply(&mut cache, START, gap(Channel::Candles, u64::MAX)) {
        assert!(text.contains(&format!("from_seq: {to}, to_seq: {to},")), "{text}");
    }
    // Nor do many holes of a size that could be.
    let seq = (0..1 << 22).fold(0, |seq, _| memory::number_after(seq, 1 << 32));
    assert!(seq < 1 << 53, "{seq}");
}

#[test]
fn nothing_of_a_book_event_shows_before_its_last_level() {
    let mut cache = cache(8);
    let first = run(&[level(Side::Bid, "1", "1"), level(Side::Ask, "2", "1")], BookKind::Snapshot);
    assert_eq!(apply(&mut cache, START, first[0]), []);
    assert!(cache.book_snapshot(ID, None).is_none());
    assert_eq!(apply(&mut cache, START, first[1]).len(), 1);
    let delta = run(&[level(Side::Bid, "1", "0"), level(Side::Bid, "1.5", "3")], BookKind::Delta);
    apply(&mut cache, START, delta[0]);
    let best = |cache: &Cache| cache.book(ID).and_then(Book::best_bid).map(|bid| bid.price);
    assert_eq!(best(&cache), Some(decimal("1")));
    assert_eq!(cache.seq(ID, Stream::Orderbook), 1);
    apply(&mut cache, START, delta[1]);
    assert_eq!(best(&cache), Some(decimal("1.5")));
    assert_eq!(cache.seq(ID, Stream::Orderbook), 2);
    assert!(cache.holds_since(ID, Stream::Orderbook, 1));
    assert!(!cache.holds_since(ID, Stream::Orderbook, 0));
}

#[test]
fn a_book_that_resyncs_keeps_its_levels_and_says_so() {
    let mut cache = cache(8);
    for body in run(&[level(Side::Bid, "1", "1")], BookKind::Snapshot) {
        apply(&mut cache, START, body);
    }
    let status = Body::BookState { state: BookState::Resyncing, reason: Reason::SequenceGap };
    assert_eq!(apply(&mut cache, START + 5, status).len(), 1);
    let status = cache.book_status(ID).expect("known");
    assert_eq!((status.state, status.since), (BookState::Resyncing, UnixNanos(START + 5)));
    assert_eq!(cache.book(ID).map(Book::len), Some(1));
}

#[test]
fn history_is_oldest_first_and_says_when_it_is_not_all() {
    let mut cache = cache(4);
    for index in 0..4 {
        apply(&mut cache, START + index * SECOND, trade(100 + index, 1));
    }
    let ask = |cache: &Cache, from: Option<i64>, to: Option<i64>, limit| {
        let mut seqs = Vec::new();
        let range = HistoryRange {
            from: from.map(|second| START / 1_000_000 + second * 1_000),
            to: to.map(|second| START / 1_000_000 + second * 1_000),
            limit,
        };
        let complete = cache.history(ID, Stream::Trades, range, |event| seqs.push(event.seq));
        (seqs, complete)
    };
    assert_eq!(ask(&cache, None, None, 10), (vec![1, 2, 3, 4], true));
    assert_eq!(ask(&cache, Some(1), Some(2), 10), (vec![2, 3], true));
    assert_eq!(ask(&cache, Some(1), None, 2), (vec![2, 3], true));
    assert_eq!(ask(&cache, None, None, 2), (vec![3, 4], true));
    apply(&mut cache, START + 4 * SECOND, trade(104, 1));
    assert_eq!(ask(&cache, None, None, 10), (vec![2, 3, 4, 5], false));
    assert_eq!(ask(&cache, Some(0), None, 10), (vec![2, 3, 4, 5], false));
    assert_eq!(ask(&cache, Some(2), None, 10), (vec![3, 4, 5], true));
    let gap = Body::Gap { channel: Channel::Trades, reason: Reason::Eof, missed: 1 };
    apply(&mut cache, START + 4 * SECOND, gap);
    assert_eq!(ask(&cache, Some(3), None, 10), (vec![4, 5], false));
    assert_eq!(ask(&cache, Some(3), None, 2), (vec![4, 5], true), "it lies behind those");
    assert_eq!(ask(&cache, None, None, 2), (vec![4, 5], false), "the newest is missing");
    for second in 5..7 {
        apply(&mut cache, START + second * SECOND, trade(100, 1));
    }
    assert_eq!(ask(&cache, None, None, 2), (vec![7, 8], true), "it lies before those");
    assert!(!ask(&cache, None, None, 3).1);
}

#[test]
fn a_gap_between_candles_counts_where_it_lies() {
    let mut cache = cache(64);
    for second in 0..3 {
        apply(&mut cache, START + second * SECOND, trade(100, 1));
    }
    let gap = Body::Gap { channel: Channel::Trades, reason: Reason::Eof, missed: 1 };
    apply(&mut cache, START + 3 * SECOND, gap);
    for second in 4..9 {
        apply(&mut cache, START + second * SECOND, trade(100, 1));
    }
    let is_complete = |from: Option<i64>, limit| {
        let from = from.map(|second| START / 1_000_000 + second * 1_000);
        let range = HistoryRange { from, to: None, limit };
        let mut seconds = Vec::new();
        let stream = Stream::Candles(Interval::Second1);
        let complete = cache.history(ID, stream, range, |event| {
            let EventBody::Candle(candle) = event.body else { panic!("no candle") };
            seconds.push((candle.open_time.0 - START) / SECOND);
        });
        (seconds, complete)
    };
    assert_eq!(is_complete(None, 2), (vec![7, 8], true), "the newest are whole");
    assert_eq!(is_complete(Some(6), 10), (vec![6, 7, 8], true));
    assert!(!is_complete(None, 10).1);
    assert!(!is_complete(Some(0), 10).1);
}

#[test]
fn a_history_that_gave_way_to_others_says_so() {
    let mut cache = cache_within(HistoryBounds { events: 10_000, bytes: 8 << 10 });
    for index in 0..5_000 {
        apply(&mut cache, START + index * SECOND, trade(100 + index % 7, 1));
    }
    let ask = |from: Option<i64>, limit| {
        let (mut seqs, from) = (Vec::new(), from.map(|second| START / 1_000_000 + second * 1_000));
        let range = HistoryRange { from, to: None, limit };
        let complete = cache.history(ID, Stream::Trades, range, |event| seqs.push(event.seq));
        (seqs, complete)
    };
    let (held, complete) = ask(None, 10_000);
    assert!(!complete && held.len() < 1_000, "{}", held.len());
    assert_eq!(held.last(), Some(&5_000));
    let oldest = held[0];
    assert_eq!(ask(None, held.len()), (held.clone(), true));
    assert_eq!(ask(Some(0), 10_000), (held.clone(), false));
    assert_eq!(ask(Some(oldest as i64), 10_000), (held[1..].to_vec(), true));
    assert!(cache.holds_since(ID, Stream::Trades, oldest - 1));
    assert!(!cache.holds_since(ID, Stream::Trades, oldest - 2));
    assert!(cache.history_bytes() <= 8 << 10);
    assert!(cache.history_evicted() >= oldest - 1);
}

#[test]
fn the_newest_of_everything_is_at_hand() {
    let mut cache = cache(0);
    apply(&mut cache, START, trade(100, 1));
    apply(&mut cache, START, trade(101, 1));
    let newest = cache.newest(ID, Stream::Trades).expect("came");
    assert_eq!(newest.seq, 2);
    assert!(matches!(newest.body, EventBody::Trade(newest) if newest == trade(101, 1)));
    let candle = cache.newest(ID, Stream::Candles(Interval::Day1)).expect("came");
    assert_eq!(candle.seq, 2);
    assert!(cache.newest(ID, Stream::Quotes).is_none());
    assert!(cache.newest(InstrumentId(1), Stream::Trades).is_none());
    assert!(cache.newest(InstrumentId(99), Stream::Trades).is_none());
    // Without a history nothing can be resumed, except from where the stream stands.
    assert!(!cache.holds_since(ID, Stream::Trades, 1));
    assert!(cache.holds_since(ID, Stream::Trades, 2));
}

#[test]
fn each_line_of_a_feed_has_its_state() {
    let mut cache = cache(0);
    let state = |line, attempt| Body::FeedState {
        state: crate::tick::FeedState::Reconnecting,
        reason: Reason::Reset,
        line,
        attempt,
    };
    apply(&mut cache, START, state(0, 1));
    apply(&mut cache, START, state(1, 1));
    apply(&mut cache, START, state(0, 2));
    let lines: Vec<_> =
        cache.feed_statuses(ExchangeId::Binance).iter().map(|s| (s.line, s.attempt)).collect();
    assert_eq!(lines, [(0, 2), (1, 1)]);
    assert!(cache.feed_statuses(ExchangeId::BinanceFutures).is_empty());
}

#[test]
fn candles_that_are_built_from_trades_are_not_there_without_them() {
    for source in [CandleSource::Trades, CandleSource::Exchange] {
        let table = table(&["BTC/USDT"]);
        let mut cache = Cache::new(HistoryBounds::default());
        cache.set_candle_sources([Some(source); ExchangeId::ALL.len()]);
        cache.set_instruments(&table);
        for state in [BookState::Stale, BookState::Live] {
            let (channel, reason) = (Channel::Trades, Reason::ExchangeError);
            let told = apply(
                &mut cache,
                START,
                Body::StreamState { channel, interval: None, state, reason },
            );
            let built = source == CandleSource::Trades;
            assert_eq!(told.len(), 1 + usize::from(built));
            let of_candles =
                cache.stream_status(ID, Channel::Candles, None).map(|status| status.state);
            assert_eq!(of_candles, built.then_some(state), "who comes later is told too");
        }
    }
}

#[test]
fn what_a_stream_was_when_it_was_left_is_forgotten_when_it_is_carried_again() {
    let mut table = table(&["BTC/USDT"]);
    let mut cache = Cache::new(HistoryBounds::default());
    cache.set_instruments(&table);
    let (channel, state, reason) = (Channel::Trades, BookState::Stale, Reason::Configuration);
    apply(&mut cache, START, Body::StreamState { channel, interval: None, state, reason });
    apply(&mut cache, START, Body::BookState { state, reason });
    let seen = |cache: &Cache| {
        let book = cache.book_status(ID).map(|status| (status.state, status.since.is_some()));
        (book, cache.stream_status(ID, Channel::Trades, None).is_some())
    };
    let (stale, unknown) =
        ((Some((state, true)), true), (Some((BookState::Resyncing, false)), false));
    assert_eq!(seen(&cache), stale);
    let (exchange, symbol) =
        table.iter().map(|(_, one)| (one.exchange, one.symbol)).next().unwrap();
    table.retire(exchange, symbol);
    cache.set_instruments(&table);
    assert_eq!(seen(&cache), stale, "whoever still follows it is told so");
    let again = table.iter().next().map(|(_, one)| *one).unwrap();
    table.add(again).unwrap();
    cache.set_instruments(&table);
    assert_eq!(seen(&cache), unknown);
}
