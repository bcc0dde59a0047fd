//! Candles of both sources, against twins that keep everything and against what really happened.

mod bars;

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::cache::tests::{ID, SECOND, START, cache, candles_of, decimal, trade};
use crate::cache::{Cache, CandleCounts, EventBody, HistoryRange, Stream};
use crate::clock::UnixNanos;
use crate::instrument::Channel;
use crate::tick::{Body, Candle, DatedAhead, Decimal, Interval, Reason, Trade, WideDecimal};

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
        let (high, low) = (
            prices().max_by(|a, b| a.cmp_value(*b)).expect("a trade"),
            prices().min_by(|a, b| a.cmp_value(*b)).expect("a trade"),
        );
        let prices = [by_time[0].1.price, high, low, by_time[by_time.len() - 1].1.price];
        let bare = Candle::of(interval, UnixNanos(open_time), prices);
        let first = self.trades.first_key_value();
        let is_first = first.is_some_and(|(&first, _)| first == open_time);
        Candle {
            trades: Some(trades.len() as u64),
            closed: open_time < self.closed_until,
            // What was before the first is not known.
            partial: is_first,
            after_hole: is_first,
            ..bare.with_volume(WideDecimal::new(volume, 3).expect("small"))
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
        // Each feed tells the date once a second.
        let mut dated = now;
        for happening in happenings {
            if now - dated >= SECOND {
                dated = now;
                let told = Interval::ALL.map(|one| twins[one as usize].date(one, now)).concat();
                let body = Body::Time { date: UnixNanos(now) };
                prop_assert_eq!(candles_of(&mut cache, now, body), told);
            }
            let (body, expected): (Body, Vec<_>) = match happening {
                Happening::Trade { step, price, size } => {
                    now += step;
                    let trade = trade(price, size);
                    // One of no size never was a market's.
                    let told = Interval::ALL.map(|interval| match size {
                        0 => Vec::new(),
                        _ => twins[interval as usize].trade(interval, now, trade),
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
        prop_assert_eq!(cache.candle_counts().late, twins.iter().map(|twin| twin.late).sum::<u64>());
    }

}

#[test]
fn an_exchange_that_sends_candles_has_none_built() {
    let mut cache = cache(8);
    assert_eq!(candles_of(&mut cache, START, trade(100, 1).into()).len(), 7);
    let price = decimal("5");
    let candle = Candle {
        trades: Some(9),
        closed: true,
        ..Candle::of(Interval::Minute1, UnixNanos(START), [price; 4])
    };
    let told: Vec<_> =
        candle.bodies().into_iter().flat_map(|body| candles_of(&mut cache, START, body)).collect();
    // What became of trades meanwhile is not known.
    assert_eq!(told, [(2, Candle { after_hole: true, ..candle })]);
    assert_eq!(candles_of(&mut cache, START + SECOND, trade(100, 1).into()), []);
    // It says nothing new.
    let again: Vec<_> =
        candle.bodies().into_iter().flat_map(|body| candles_of(&mut cache, START, body)).collect();
    assert_eq!(again, []);
    assert_eq!(cache.candle_counts(), CandleCounts { repeated: 1, ..CandleCounts::default() });
}

#[test]
fn a_bar_that_is_missing_leaves_those_that_were_held() {
    let mut cache = cache(8);
    let price = decimal("5");
    for minute in 0..3 {
        let open_time = UnixNanos(START + 60 * minute * SECOND);
        let bar = Candle::of(Interval::Minute1, open_time, [price; 4]);
        for body in (Candle { closed: true, ..bar }).bodies() {
            candles_of(&mut cache, open_time.0 + 59 * SECOND, body);
        }
    }
    let (channel, reason) = (Channel::Candles, Reason::Refused);
    candles_of(&mut cache, START + 200 * SECOND, Body::Gap { channel, reason, missed: 1 });
    let stream = Stream::Candles(Interval::Minute1);
    let (from, to) = (Some(START / 1_000_000), Some((START + 179 * SECOND) / 1_000_000));
    let mut held = 0;
    let range = HistoryRange { from, to, limit: 10 };
    assert!(cache.history(ID, stream, range, |_| held += 1), "nothing of the range is missing");
    assert_eq!(held, 3);
    let range = HistoryRange { from, to: None, limit: 10 };
    assert!(!cache.history(ID, stream, range, |_| {}), "what comes after it is");
    let mut told = Vec::new();
    cache.since(ID, stream, 1, |event| {
        told.push((event.seq, matches!(event.body, EventBody::Gap(_))));
    });
    assert_eq!(told, [(2, false), (3, false), (4, true)], "a resume tells bars and the hole");
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

/// All candles that one interval was told of, by both kinds of sources.
fn of_minutes(told: Vec<(u64, Candle)>) -> Vec<(u64, Candle)> {
    told.into_iter().filter(|(_, candle)| candle.interval == Interval::Minute1).collect()
}

const MINUTE: i64 = 60 * SECOND;

fn date(nanos: i64) -> Body {
    Body::Time { date: UnixNanos(nanos) }
}

/// What a history says of minutes: their numbers after the start, and whether it is complete.
fn minutes(cache: &Cache, from: Option<i64>, to: Option<i64>, limit: usize) -> (Vec<i64>, bool) {
    let millis = |minute: i64| (START + minute * MINUTE) / 1_000_000;
    let range = HistoryRange { from: from.map(millis), to: to.map(millis), limit };
    let mut told = Vec::new();
    let complete = cache.history(ID, Stream::Candles(Interval::Minute1), range, |event| {
        let EventBody::Candle(candle) = event.body else { panic!("{event:?}") };
        told.push((candle.open_time.0 - START) / MINUTE);
    });
    (told, complete)
}

#[test]
fn trades_that_are_missing_leave_candles_partial() {
    let mut cache = cache(8);
    let at = |cache: &mut Cache, seconds: i64, body: Body| {
        of_minutes(candles_of(cache, START + seconds * SECOND, body))
    };
    let partial = |told: &[(u64, Candle)]| {
        told.iter().map(|(_, one)| (one.closed, one.partial)).collect::<Vec<_>>()
    };
    let deal = |price| trade(price, 1).into();
    // The first one began before we listened.
    assert_eq!(partial(&at(&mut cache, 30, deal(1))), [(false, true)]);
    assert_eq!(partial(&at(&mut cache, 70, deal(2))), [(true, true), (false, false)]);
    let gap = Body::Gap { channel: Channel::Trades, reason: Reason::SequenceGap, missed: 3 };
    at(&mut cache, 80, gap);
    assert_eq!(partial(&at(&mut cache, 80, deal(3))), [(false, true)]);
    assert_eq!(partial(&at(&mut cache, 130, deal(4))), [(true, true), (false, false)]);
    // Over the end of a minute: the last of it may be missing, and the first of the next.
    at(&mut cache, 140, gap);
    assert_eq!(partial(&at(&mut cache, 310, deal(5))), [(true, true), (false, true)]);
    assert_eq!(partial(&at(&mut cache, 370, deal(6))), [(true, true), (false, false)]);
    // A connection that was lost, after which the next trade follows the last one.
    let silent = Body::Unheard { channel: Channel::Trades };
    at(&mut cache, 380, silent);
    assert_eq!(partial(&at(&mut cache, 425, deal(7))), [(true, false), (false, false)]);
    // One that comes back after the minute is over.
    at(&mut cache, 430, silent);
    let end = START + 480 * SECOND;
    let told = of_minutes(candles_of(&mut cache, end, date(end + SECOND)));
    assert_eq!(partial(&told), [(true, true)]);
    assert_eq!(partial(&at(&mut cache, 490, deal(8))), [(false, false)]);
    assert_eq!(minutes(&cache, Some(6), Some(6), 9), (vec![6], true));
    assert_eq!(minutes(&cache, Some(3), Some(4), 9), (vec![], false), "between the gap's ends");
    assert_eq!(minutes(&cache, None, None, 9), (vec![0, 1, 2, 5, 6, 7, 8], false));
    assert_eq!(minutes(&cache, None, None, 1), (vec![8], true), "the newest alone");
    assert_eq!(minutes(&cache, Some(-5), Some(-3), 9), (vec![], false), "before the process");
}

#[test]
fn a_trade_whose_date_is_not_believed_makes_no_candle() {
    let mut cache = cache(8);
    candles_of(&mut cache, START, trade(100, 1).into());
    let mut ahead: Body = trade(999, 1).into();
    let Body::Trade { ahead: by, .. } = &mut ahead else { panic!("{ahead:?}") };
    *by = DatedAhead::BEYOND;
    assert_eq!(candles_of(&mut cache, START + 3_600 * SECOND, ahead), []);
    assert_eq!(cache.seq(ID, Stream::Trades), 2, "it is told");
    let told = candles_of(&mut cache, START + SECOND / 2, trade(101, 1).into());
    assert_eq!(told.len(), 7);
    assert!(told.iter().all(|(_, one)| one.trades == Some(2) && one.close == decimal("1.01")));
}

#[test]
fn a_trade_that_is_dated_ahead_comes_behind_the_one_before_and_is_of_one_candle_or_the_other() {
    let deal = |cents, by: i64| {
        let mut deal: Body = trade(cents, 1).into();
        let Body::Trade { ahead, .. } = &mut deal else { panic!("{deal:?}") };
        *ahead = DatedAhead::by(by);
        deal
    };
    let by = 20 * SECOND;
    let minute = |told| of_minutes(told).into_iter().map(|(_, one)| one).collect::<Vec<_>>();
    let mut cache = cache(64);
    candles_of(&mut cache, START, deal(100, 0));
    // It comes a while behind its minute's begin, and before a trade that happened before it came.
    let at = |second: i64| START + second * SECOND;
    let told = minute(candles_of(&mut cache, at(70) + by, deal(101, by)));
    assert_eq!((told[0].partial, told[1].partial), (true, false), "the first is partial anyway");
    let told = minute(candles_of(&mut cache, at(69), deal(102, 0)));
    assert_eq!((told[0].open, told[0].close), (decimal("1.01"), decimal("1.02")));
    // In the midst of a candle it is the last so far.
    let told = minute(candles_of(&mut cache, at(80) + by, deal(103, by)));
    assert_eq!((told[0].close, told[0].partial), (decimal("1.03"), false));
    let told = minute(candles_of(&mut cache, at(79), deal(104, 0)));
    assert_eq!((told[0].open, told[0].close), (decimal("1.01"), decimal("1.04")));
    // So soon behind the end of one it may be of that.
    let told = minute(candles_of(&mut cache, at(120) + SECOND / 2 + by, deal(105, by)));
    assert_eq!(
        told.iter().map(|one| (one.closed, one.partial)).collect::<Vec<_>>(),
        [(true, true), (false, true)]
    );
    let told = minute(candles_of(&mut cache, at(180), deal(106, 0)));
    assert_eq!((told[1].closed, told[1].partial), (false, false), "the next is whole again");
}

proptest! {
    /// Trades of which some are lost, told as gaps before the next one that comes.
    #[test]
    fn a_candle_that_is_not_called_partial_has_all_its_trades(
        steps in prop::collection::vec((0..40_i64, 0..3_u8, 90..110_i64), 1..80),
    ) {
        let mut cache = cache(64);
        let mut truth: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        // Before we listened.
        truth.entry(START).or_default().push(100);
        let (mut now, mut lost, mut silent) = (START, 0, false);
        let mut told = Vec::new();
        for (step, what, price) in steps {
            now += step * SECOND;
            if what == 0 && !silent {
                silent = true;
                candles_of(&mut cache, now, Body::Unheard { channel: Channel::Trades });
                continue;
            }
            // The clock first: what is late for its candle is another matter.
            told.extend(of_minutes(candles_of(&mut cache, now, date(now))));
            truth.entry(now - now.rem_euclid(MINUTE)).or_default().push(price);
            if silent && what == 1 {
                lost += 1;
                continue;
            }
            silent = false;
            if lost > 0 {
                let missed = std::mem::take(&mut lost);
                let gap = Body::Gap { channel: Channel::Trades, reason: Reason::Disconnected, missed };
                candles_of(&mut cache, now, gap);
            }
            told.extend(of_minutes(candles_of(&mut cache, now, trade(price, 1).into())));
        }
        for (_, candle) in told.iter().filter(|(_, one)| one.closed && !one.partial) {
            let trades = &truth[&candle.open_time.0];
            let close = Decimal::new(trades[trades.len() - 1], 2).expect("small");
            prop_assert_eq!((candle.trades, candle.close), (Some(trades.len() as u64), close));
        }
    }
}

/// Trades are carried no more, for a reason of ours.
fn leave_trades(cache: &mut Cache, time: i64) -> Vec<(u64, Candle)> {
    let (channel, reason) = (Channel::Trades, Reason::Configuration);
    candles_of(cache, time, Body::Gap { channel, reason, missed: 0 })
}

#[test]
fn candles_whose_trades_are_left_end_as_partial_and_begin_anew() {
    let mut cache = cache(100);
    let minute = |told: &[(u64, Candle)]| {
        let own = told.iter().find(|(_, candle)| candle.interval == Interval::Minute1);
        own.copied().expect("a candle of a minute")
    };
    candles_of(&mut cache, START - MINUTE, trade(90, 1).into());
    candles_of(&mut cache, START, trade(100, 1).into());
    candles_of(&mut cache, START + SECOND, trade(110, 2).into());
    let told = leave_trades(&mut cache, START + 2 * SECOND);
    assert_eq!(told.len(), Interval::ALL.len(), "each that is open: {told:?}");
    assert!(told.iter().all(|(_, candle)| candle.closed && candle.partial));
    assert_eq!(minute(&told).1.trades, Some(2), "as it was");
    assert_eq!(leave_trades(&mut cache, START + 2 * SECOND), [], "once");
    let ended = candles_of(&mut cache, START + 2 * MINUTE, date(START + 2 * MINUTE));
    assert_eq!(ended, [], "nothing is left to close");

    // In the same minute, then in the next one.
    let (_, candle) = minute(&candles_of(&mut cache, START + 30 * SECOND, trade(95, 4).into()));
    assert_eq!((candle.open_time, candle.open), (UnixNanos(START), decimal("0.95")));
    assert_eq!((candle.trades, candle.closed, candle.partial), (Some(1), false, true));
    let told = candles_of(&mut cache, START + MINUTE, trade(96, 1).into());
    let own: Vec<_> =
        told.iter().filter(|(_, candle)| candle.interval == Interval::Minute1).collect();
    assert_eq!(own.len(), 2, "one is closed, one begins");
    assert!(own[0].1.closed && own[0].1.partial);
    assert!(!own[1].1.closed && !own[1].1.partial, "the next one is seen from its begin");
    assert_eq!(cache.candle_counts().late, 0);

    let millis = START / 1_000_000;
    let range = HistoryRange { from: Some(millis), to: Some(millis), limit: 10 };
    let mut held = Vec::new();
    let complete = cache.history(ID, Stream::Candles(Interval::Minute1), range, |event| {
        let EventBody::Candle(candle) = event.body else { panic!("{event:?}") };
        held.push((candle.open_time.0, candle.trades, candle.partial));
    });
    assert_eq!((held, complete), (vec![(START, Some(1), true)], false), "once, and not whole");
}
