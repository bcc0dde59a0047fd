//! The cache as its broadcaster sees it, against twins that keep everything.

use std::collections::BTreeMap;

use arrayvec::ArrayString;
use proptest::prelude::*;

use super::*;
use crate::book::BookKind;
use crate::instrument::{Channel, Instrument, Symbol};
use crate::tick::{
    BookState, Candle, Decimal, Interval, Level, LevelFlags, Quote, Reason, Side, Ticker, Trade,
    TradeId, WideDecimal,
};

const ID: InstrumentId = InstrumentId(0);
/// A date that every interval opens at.
const START: i64 = 1_700_006_400_000_000_000;
const SECOND: i64 = 1_000_000_000;

fn decimal(text: &str) -> Decimal {
    Decimal::parse(text.as_bytes()).expect(text)
}

fn cache(history_events: usize) -> Cache {
    cache_within(HistoryBounds { events: history_events, ..HistoryBounds::default() })
}

fn cache_within(bounds: HistoryBounds) -> Cache {
    let mut table = InstrumentTable::default();
    for symbol in ["BTC/USDT", "ETH/USDT"] {
        let instrument = Instrument {
            exchange: ExchangeId::Binance,
            symbol: Symbol::parse(symbol).expect("valid"),
            native: ArrayString::new(),
            tick_size: None,
            lot_size: None,
        };
        table.add(instrument).expect("room");
    }
    let mut cache = Cache::new(bounds);
    cache.set_instruments(&table);
    cache
}

fn trade(price: i64, size: i64) -> Trade {
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

fn candles_of(cache: &mut Cache, time: i64, body: Body) -> Vec<(u64, Candle)> {
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

/// One interval as someone would build it who keeps every trade.
#[derive(Default)]
struct CandleTwin {
    seq: u64,
    trades: BTreeMap<i64, Vec<(i64, Trade)>>,
    /// Everything that opened before it is closed.
    closed_until: i64,
    late: u64,
}

impl CandleTwin {
    fn candle(&self, interval: Interval, open_time: i64) -> Candle {
        let trades = &self.trades[&open_time];
        // Stable sorts: of equal times the order of arrival counts.
        let mut by_time: Vec<&(i64, Trade)> = trades.iter().collect();
        by_time.sort_by_key(|(time, _)| *time);
        let prices = || trades.iter().map(|(_, trade)| trade.price);
        let volume: i128 = trades.iter().map(|(_, trade)| i128::from(trade.size.mantissa())).sum();
        Candle {
            interval,
            open_time: UnixNanos(open_time),
            open: by_time[0].1.price,
            high: prices().max_by(|a, b| a.cmp_value(*b)).expect("a trade"),
            low: prices().min_by(|a, b| a.cmp_value(*b)).expect("a trade"),
            close: by_time[by_time.len() - 1].1.price,
            volume: WideDecimal::new(volume, 3).expect("small"),
            trades: trades.len() as u64,
            closed: open_time < self.closed_until,
        }
    }

    fn close(&mut self, interval: Interval, told: &mut Vec<(u64, Candle)>) {
        let newest = self.trades.last_key_value().map(|(&open_time, _)| open_time);
        if let Some(open_time) = newest.filter(|&open_time| open_time >= self.closed_until) {
            self.closed_until = open_time + interval.nanos();
            self.seq += 1;
            told.push((self.seq, self.candle(interval, open_time)));
        }
    }

    fn trade(&mut self, interval: Interval, time: i64, trade: Trade) -> Vec<(u64, Candle)> {
        let mut told = Vec::new();
        let open_time = time.div_euclid(interval.nanos()) * interval.nanos();
        let newest = self.trades.last_key_value().map_or(i64::MIN, |(&newest, _)| newest);
        if open_time < newest || open_time < self.closed_until {
            self.late += 1;
            return told;
        }
        if open_time > newest {
            self.close(interval, &mut told);
        }
        self.trades.entry(open_time).or_default().push((time, trade));
        self.seq += 1;
        told.push((self.seq, self.candle(interval, open_time)));
        told
    }

    fn date(&mut self, interval: Interval, date: i64) -> Vec<(u64, Candle)> {
        let mut told = Vec::new();
        let newest = self.trades.last_key_value().map(|(&open_time, _)| open_time);
        if newest.is_some_and(|newest| newest + interval.nanos() + SECOND <= date) {
            self.close(interval, &mut told);
        }
        told
    }
}

#[derive(Clone, Debug)]
enum Happening {
    Trade { step: i64, price: i64, size: i64 },
    Date { step: i64 },
}

fn any_happening() -> impl Strategy<Value = Happening> {
    // Steps go back now and then, and jump over whole intervals now and then.
    let step = prop_oneof![
        4 => 0..SECOND / 2,
        2 => -SECOND..0,
        1 => 0..400 * SECOND,
        1 => 0..20_000 * SECOND,
    ];
    prop_oneof![
        5 => (step.clone(), 90..110_i64, 0..50_i64)
            .prop_map(|(step, price, size)| Happening::Trade { step, price, size }),
        1 => step.prop_map(|step| Happening::Date { step }),
    ]
}

proptest! {
    #[test]
    fn candles_equal_those_of_a_twin_that_keeps_every_trade(
        happenings in prop::collection::vec(any_happening(), 0..120),
    ) {
        let mut cache = cache(16);
        let mut twins: [CandleTwin; 7] = Default::default();
        let mut now = START;
        for happening in happenings {
            let (body, expected): (Body, Vec<_>) = match happening {
                Happening::Trade { step, price, size } => {
                    now += step;
                    let trade = trade(price, size);
                    let told = Interval::ALL.map(|interval| {
                        twins[interval as usize].trade(interval, now, trade)
                    });
                    (trade.into(), told.concat())
                }
                Happening::Date { step } => {
                    now += step.max(0);
                    let date = UnixNanos(now);
                    let told = Interval::ALL
                        .map(|interval| twins[interval as usize].date(interval, now));
                    (Body::Time { date }, told.concat())
                }
            };
            prop_assert_eq!(candles_of(&mut cache, now, body), expected);
        }
        prop_assert_eq!(cache.late(), twins.iter().map(|twin| twin.late).sum::<u64>());
    }

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
                        book.levels.of(side, |resting| {
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
fn an_exchange_that_sends_candles_has_none_built() {
    let mut cache = cache(8);
    assert_eq!(candles_of(&mut cache, START, trade(100, 1).into()).len(), 7);
    let price = decimal("5");
    let candle = Candle {
        interval: Interval::Minute1,
        open_time: UnixNanos(START),
        open: price,
        high: price,
        low: price,
        close: price,
        volume: WideDecimal::ZERO,
        trades: 9,
        closed: true,
    };
    let told: Vec<_> =
        candle.bodies().into_iter().flat_map(|body| candles_of(&mut cache, START, body)).collect();
    assert_eq!(told, [(2, candle)]);
    assert_eq!(candles_of(&mut cache, START + SECOND, trade(100, 1).into()), []);
    // A closed candle is final.
    let again: Vec<_> =
        candle.bodies().into_iter().flat_map(|body| candles_of(&mut cache, START, body)).collect();
    assert_eq!(again, []);
    assert_eq!(cache.late(), 1);
}

#[test]
fn our_date_closes_no_candle_of_a_replayed_recording() {
    let mut cache = cache(8);
    let today = UnixNanos(START);
    let old = Tick::new(ID, UnixNanos(START - 86_400 * 365 * SECOND), trade(100, 1).into());
    cache.apply(ExchangeId::Binance, &old, today, |_| {});
    assert_eq!(candles_of(&mut cache, START, Body::Time { date: today }), []);
    // The newest trade is of today: only now the dates can be compared.
    candles_of(&mut cache, START, trade(100, 1).into());
    let later = START + 3 * SECOND;
    let closed = candles_of(&mut cache, later, Body::Time { date: UnixNanos(later) });
    assert_eq!(closed.len(), 1);
    assert!(closed[0].1.closed && closed[0].1.interval == Interval::Second1);
}

#[test]
fn a_candle_resumes_with_what_closed_and_what_is_open() {
    let mut cache = cache(8);
    for second in 0..3 {
        candles_of(&mut cache, START + second * SECOND, trade(100 + second, 1).into());
    }
    let stream = Stream::Candles(Interval::Second1);
    let mut told = Vec::new();
    cache.since(ID, stream, 0, |event| {
        let EventBody::Candle(candle) = event.body else { return };
        told.push((event.seq, candle.closed));
    });
    // Updates 1, 3 and 5, closings 2 and 4; the open candle stands for what it replaces.
    assert_eq!(told, [(2, true), (4, true), (5, false)]);
    assert!(cache.holds_since(ID, stream, 1));
    assert!(!cache.holds_since(ID, stream, 6));
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
