//! The exchange's own bars: closed by what comes, corrected, sent later, of a wrong clock.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{MINUTE, date, minutes};
use crate::cache::tests::{ID, SECOND, START, cache, candles_of, decimal, trade};
use crate::cache::{Cache, CandleSource, EventBody, HistoryRange, Stream};
use crate::clock::UnixNanos;
use crate::instrument::{Channel, ExchangeId};
use crate::limits::CORRECTABLE_BARS;
use crate::tick::{Body, BookState, Candle, Decimal, Interval, Reason, Tick};

/// A bar of the minute that begins so many minutes after the start, in its n-th state.
fn bar(minute: i64, state: u64, says_final: bool) -> Candle {
    let price = Decimal::new(100 + state as i64, 0).expect("small");
    let open_time = UnixNanos(START + minute * MINUTE);
    Candle {
        trades: Some(state),
        says_final,
        ..Candle::of(Interval::Minute1, open_time, [price; 4])
    }
}

fn take(cache: &mut Cache, candle: &Candle) -> Vec<(u64, Candle)> {
    let [prices, volume] = candle.bodies();
    assert_eq!(candles_of(cache, START, prices), []);
    candles_of(cache, START, volume)
}

/// The same of a bar that comes so many minutes after the start, without a date of its own.
fn take_at(cache: &mut Cache, minute: i64, candle: &Candle) -> Vec<(u64, Candle)> {
    let mut told = Vec::new();
    let received = UnixNanos(START + minute * MINUTE);
    for body in candle.bodies() {
        cache.apply(
            ExchangeId::Binance,
            &Tick::new(ID, UnixNanos::NONE, body),
            received,
            |event| {
                let EventBody::Candle(candle) = event.body else { return };
                told.push((event.seq, *candle));
            },
        );
    }
    told
}

/// Trades of the bar of a minute in the history, whether it is closed and whether partial.
fn numbers(cache: &Cache, minute: i64) -> (Option<u64>, bool, bool) {
    let millis = (START + minute * MINUTE) / 1_000_000;
    let range = HistoryRange { from: Some(millis), to: Some(millis), limit: 10 };
    let mut told = Vec::new();
    cache.history(ID, Stream::Candles(Interval::Minute1), range, |event| {
        let EventBody::Candle(candle) = event.body else { panic!("{event:?}") };
        told.push((candle.trades, candle.closed, candle.partial));
    });
    assert_eq!(told.len(), 1, "each once");
    told[0]
}

#[test]
fn a_history_of_bars_that_never_came_or_stopped_coming_is_not_complete() {
    let mut cache = cache(8);
    // Where there were no trades, there are no candles of them.
    assert_eq!(minutes(&cache, None, None, 10), (vec![], true));
    let mut sources = [None; ExchangeId::ALL.len()];
    sources[ExchangeId::Binance as usize] = Some(CandleSource::Exchange);
    cache.set_candle_sources(sources);
    assert_eq!(minutes(&cache, None, None, 10), (vec![], false));
    take(&mut cache, &bar(0, 2, false));
    assert_eq!(minutes(&cache, None, None, 10), (vec![0], true));
    let (channel, reason) = (Channel::Candles, Reason::Aged);
    let stale = Body::StreamState { channel, interval: None, state: BookState::Stale, reason };
    candles_of(&mut cache, START, stale);
    assert_eq!(minutes(&cache, None, None, 10), (vec![0], false));
    assert_eq!(minutes(&cache, None, Some(0), 10), (vec![0], true), "that one was seen");
    take(&mut cache, &bar(0, 3, false));
    assert_eq!(minutes(&cache, None, None, 10), (vec![0], true));
}

#[test]
fn a_bar_is_closed_by_the_next_one_and_told_once() {
    let mut cache = cache(8);
    assert_eq!(take(&mut cache, &bar(0, 2, false)).len(), 1);
    assert_eq!(take(&mut cache, &bar(0, 3, false)).len(), 1);
    let told = take(&mut cache, &bar(1, 1, false));
    // What was before the first is not known.
    let ended = Candle { closed: true, after_hole: true, ..bar(0, 3, false) };
    assert_eq!(told, [(3, ended), (4, bar(1, 1, false))]);
    assert_eq!(minutes(&cache, None, None, 10), (vec![0, 1], true));
    // An exchange that calls its bars final has not called this one so.
    let told = take(&mut cache, &Candle { says_final: true, ..bar(1, 5, false) });
    assert!(!told[0].1.closed);
    let told = take(&mut cache, &Candle { closed: true, ..bar(3, 9, true) });
    assert_eq!(
        told.iter().map(|(_, one)| (one.closed, one.partial)).collect::<Vec<_>>(),
        [(true, true), (true, false)]
    );
    assert_eq!(minutes(&cache, None, None, 10), (vec![0, 1, 3], false));
    assert_eq!(minutes(&cache, Some(2), None, 10), (vec![3], true));
}

#[test]
fn a_bar_of_more_trades_than_can_be_counted_takes_trades_all_the_same() {
    let mut cache = cache(8);
    take(&mut cache, &bar(0, u64::MAX - 1, false));
    // The exchange's own are not asked for any more, in the midst of one.
    cache.set_candle_sources([Some(CandleSource::Trades); ExchangeId::ALL.len()]);
    let trades = |cache: &mut Cache, second| {
        let told = candles_of(cache, START + second * SECOND, trade(101, 1).into());
        told.iter().find(|(_, one)| one.interval == Interval::Minute1).expect("told").1.trades
    };
    assert_eq!([trades(&mut cache, 1), trades(&mut cache, 2)], [Some(u64::MAX); 2]);
}

#[test]
fn a_bar_without_a_later_one_is_closed_by_the_time_of_its_exchange() {
    let mut cache = cache(8);
    take(&mut cache, &bar(0, 2, false));
    let end = START + MINUTE;
    assert_eq!(candles_of(&mut cache, end, date(end + 3 * SECOND - 1)), []);
    assert_eq!(candles_of(&mut cache, end, Body::Time { date: UnixNanos::NONE }), []);
    let told = candles_of(&mut cache, end, date(end + 3 * SECOND));
    assert_eq!(told, [(2, Candle { closed: true, after_hole: true, ..bar(0, 2, false) })]);
    assert_eq!(candles_of(&mut cache, end, date(end + 99 * SECOND)), []);
    assert_eq!(minutes(&cache, None, None, 10), (vec![0], true));
}

#[test]
fn a_bar_that_an_outage_may_have_changed_says_so_until_it_comes_again() {
    let silent = Body::Unheard { channel: Channel::Candles };
    for comes_again in [false, true] {
        let mut cache = cache(8);
        take(&mut cache, &bar(0, 2, false));
        candles_of(&mut cache, START, silent);
        assert!(!minutes(&cache, None, None, 10).1, "nobody knows what comes");
        if comes_again {
            take(&mut cache, &bar(0, 7, false));
        }
        let told = take(&mut cache, &bar(2, 1, false));
        assert_eq!((told[0].1.closed, told[0].1.partial), (true, !comes_again));
        // What was between them the exchange would have told.
        assert_eq!(minutes(&cache, Some(2), None, 10), (vec![2], true));
        assert_eq!(minutes(&cache, Some(1), None, 10), (vec![2], comes_again));
        assert_eq!(minutes(&cache, Some(1), Some(1), 10), (vec![], comes_again));
    }
}

#[test]
fn final_numbers_behind_the_next_bar_correct_the_one_before() {
    // One kind of exchange calls its bars final, the other does not.
    for says_final in [true, false] {
        let mut cache = cache(8);
        take_at(&mut cache, 0, &bar(0, 3, says_final));
        let told = take_at(&mut cache, 1, &bar(1, 1, says_final));
        assert_eq!((told[0].1.closed, told[0].1.partial), (true, says_final));
        let ended = Candle { closed: says_final, ..bar(0, 5, says_final) };
        let told = take_at(&mut cache, 1, &ended);
        assert_eq!(told, [(4, Candle { closed: true, after_hole: true, ..bar(0, 5, says_final) })]);
        assert_eq!(take_at(&mut cache, 1, &ended), [], "it says nothing new");
        assert_eq!(take_at(&mut cache, 1, &bar(1, 2, says_final)).len(), 1);
        assert_eq!(minutes(&cache, None, None, 10), (vec![0, 1], true));
        let last = numbers(&cache, 0);
        assert_eq!(last, (Some(5), true, false), "the history has the numbers of the end");
        // What its exchange has called final is not taken back by what it said before.
        let older = take_at(&mut cache, 1, &bar(0, 4, says_final));
        assert_eq!(older.is_empty(), says_final);
        let counts = cache.candle_counts();
        assert_eq!((counts.corrected, counts.repeated), (1 + u64::from(!says_final), 1));
        assert_eq!(counts.late, u64::from(says_final));
    }
}

#[test]
fn numbers_that_are_written_otherwise_are_the_same() {
    let mut cache = cache(8);
    let written = |text: &str| Candle {
        says_final: false,
        ..Candle::of(Interval::Minute1, UnixNanos(START), [decimal(text); 4])
    };
    take_at(&mut cache, 0, &written("1.5"));
    take_at(&mut cache, 1, &bar(1, 1, false));
    assert_eq!(take_at(&mut cache, 1, &written("1.500")), []);
    assert_eq!(take_at(&mut cache, 1, &written("1.501")).len(), 1);
}

#[test]
fn a_client_that_resumes_behind_a_correction_gets_the_open_bar_in_its_place() {
    let mut cache = cache(8);
    take_at(&mut cache, 0, &bar(0, 1, false));
    take_at(&mut cache, 1, &bar(1, 1, false));
    take_at(&mut cache, 1, &bar(0, 2, false));
    let told = |seq| {
        let mut told = Vec::new();
        cache.since(ID, Stream::Candles(Interval::Minute1), seq, |event| {
            let EventBody::Candle(candle) = event.body else { return };
            told.push((event.seq, (candle.open_time.0 - START) / MINUTE, candle.closed));
        });
        told
    };
    assert_eq!(told(0), [(2, 0, true), (3, 1, false), (4, 0, true)]);
    assert_eq!(told(3), [(4, 0, true)]);
    assert_eq!(told(4), []);
}

#[test]
fn bars_that_come_later_fill_a_hole_and_stand_in_their_order() {
    let mut cache = cache(32);
    take_at(&mut cache, 0, &bar(0, 1, false));
    candles_of(&mut cache, START, Body::Unheard { channel: Channel::Candles });
    take_at(&mut cache, 5, &bar(5, 1, false));
    assert_eq!(minutes(&cache, None, None, 10), (vec![0, 5], false));
    // The list that the connection begins with, behind the first bar of now.
    for minute in [2, 1, 4] {
        take_at(&mut cache, 5, &bar(minute, 7, false));
        assert!(!minutes(&cache, Some(1), None, 10).1, "{minute}");
    }
    take_at(&mut cache, 5, &bar(3, 7, false));
    take_at(&mut cache, 5, &bar(0, 7, false));
    assert_eq!(minutes(&cache, Some(0), None, 10), (vec![0, 1, 2, 3, 4, 5], true));
    assert_eq!(minutes(&cache, Some(2), None, 2), (vec![2, 3], true));
    assert_eq!(minutes(&cache, None, None, 2), (vec![4, 5], true));
    // One from before the first, and one that is too far back.
    assert_eq!(take_at(&mut cache, 5, &bar(-2, 7, false)).len(), 1);
    assert!(!minutes(&cache, Some(-2), None, 10).1, "the one between is missing");
    let furthest = 5 - CORRECTABLE_BARS as i64;
    assert_eq!(take_at(&mut cache, 5, &bar(furthest - 1, 7, false)), []);
    assert_eq!(take_at(&mut cache, 5, &bar(furthest, 7, false)).len(), 1);
    assert_eq!(cache.candle_counts().late, 1);
}

#[test]
fn a_list_of_bars_says_that_nothing_lies_between_them() {
    for listed in [true, false] {
        let mut cache = cache(32);
        take_at(&mut cache, 0, &bar(0, 1, false));
        candles_of(&mut cache, START, Body::Unheard { channel: Channel::Candles });
        // Of a market in which nothing happens most of the time.
        for (minute, behind) in [(0, false), (3, true), (7, true)] {
            take_at(&mut cache, 9, &Candle { listed, behind, ..bar(minute, 2, false) });
        }
        take_at(&mut cache, 12, &bar(12, 1, false));
        assert_eq!(minutes(&cache, Some(0), Some(7), 10), (vec![0, 3, 7], true));
        // Of what came since the last of them only a whole list tells.
        assert_eq!(minutes(&cache, Some(0), None, 10), (vec![0, 3, 7, 12], listed));
    }
}

#[test]
fn bars_of_a_clock_that_was_ahead_do_not_end_those_of_now() {
    let mut cache = cache(32);
    candles_of(&mut cache, START, date(START));
    take_at(&mut cache, 0, &bar(0, 1, true));
    let ahead = take_at(&mut cache, 0, &bar(600, 1, true));
    assert_eq!(ahead.len(), 2, "the clock is believed so far");
    let told = take_at(&mut cache, 0, &bar(0, 2, true));
    let partial = |one: &Candle| (one.open_time.0 - START, one.closed, one.partial);
    assert_eq!(
        told.iter().map(|(_, one)| partial(one)).collect::<Vec<_>>(),
        [(600 * MINUTE, true, true), (0, false, false)]
    );
    let told = take_at(&mut cache, 1, &Candle { closed: true, ..bar(0, 3, true) });
    assert_eq!(told.len(), 1);
    take_at(&mut cache, 1, &bar(1, 1, true));
    assert_eq!(numbers(&cache, 0), (Some(3), true, false));
    assert_eq!(minutes(&cache, None, None, 10), (vec![0, 1, 600], false));
    assert_eq!(cache.candle_counts().returned, 1);
    assert_eq!(cache.candle_counts().late, 0);
}

#[test]
fn a_bar_that_was_called_final_is_not_opened_again_by_one_of_the_future() {
    let mut cache = cache(8);
    candles_of(&mut cache, START, date(START));
    let closed = |minute, state| Candle { closed: true, ..bar(minute, state, true) };
    assert_eq!(take_at(&mut cache, -1, &closed(-1, 3)).len(), 1);
    assert_eq!(take_at(&mut cache, 0, &closed(0, 8)).len(), 1);
    assert_eq!(take_at(&mut cache, 0, &bar(1, 1, true)).len(), 1, "it comes before its time");
    for (minute, state) in [(0, 3), (0, 4), (-1, 1)] {
        assert_eq!(take_at(&mut cache, 0, &bar(minute, state, true)), [], "{minute}");
    }
    assert_eq!(take_at(&mut cache, 0, &bar(1, 2, true)).len(), 1);
    assert_eq!(take_at(&mut cache, 0, &closed(0, 9)).len(), 1, "it has the last word itself");
    assert_eq!(numbers(&cache, 0), (Some(9), true, false));
    // One of now that nobody called final ends the future, and not what was final before.
    candles_of(&mut cache, START + 2 * MINUTE, date(START + 2 * MINUTE));
    assert_eq!(take_at(&mut cache, 2, &bar(40, 1, true)).len(), 2);
    assert_eq!(take_at(&mut cache, 2, &bar(2, 1, true)).len(), 2);
    for minute in [-1, 0] {
        assert_eq!(take_at(&mut cache, 2, &bar(minute, 1, true)), [], "{minute}");
    }
}

#[test]
fn trades_of_a_clock_that_was_ahead_do_not_end_those_of_now() {
    let deal = || trade(1, 1).into();
    let hour = 3_600 * SECOND;
    let mut cache = cache(32);
    candles_of(&mut cache, START, date(START + 2 * hour));
    candles_of(&mut cache, START + 2 * hour, deal());
    assert_eq!(candles_of(&mut cache, START, deal()).len(), 2, "of 4h and 1d alone");
    // The clock is set right.
    candles_of(&mut cache, START, date(START));
    let told = candles_of(&mut cache, START + SECOND, deal());
    let closed = told.iter().filter(|(_, one)| one.closed);
    assert!(closed.clone().all(|(_, one)| one.partial && one.open_time.0 > START));
    assert_eq!((closed.count(), told.len()), (5, 12));
    assert_eq!(candles_of(&mut cache, START + SECOND, deal()).len(), 7);
    assert_eq!(cache.candle_counts().returned, 5);

    // A recording says nothing of now: many in a row do.
    let mut cache = crate::cache::tests::cache(32);
    candles_of(&mut cache, START + 2 * hour, deal());
    let told: Vec<usize> = (0..20)
        .map(|second| candles_of(&mut cache, START + second * SECOND, deal()).len())
        .collect();
    assert_eq!(told[..15], [2; 15]);
    assert_eq!(told[15], 12);
    assert!(told[16..].iter().all(|&told| told >= 7), "{told:?}");
    assert_eq!(cache.candle_counts().late, 15 * 5);
}

/// What an exchange does in one step of half a minute, and what of it reaches us.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// The present bar changes.
    Change,
    /// Time passes.
    Pass,
    /// The connection is lost; what comes until it is back does not reach us.
    Lost,
    /// It is back, and tells the present bar.
    Back,
    /// The first bars of the past come, told before or not.
    Again,
    /// The bar before the present one changes once more.
    Amend,
    /// All bars so far come in one list.
    List,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Change),
        4 => Just(Step::Pass),
        1 => Just(Step::Lost),
        2 => Just(Step::Back),
        1 => Just(Step::Again),
        1 => Just(Step::Amend),
        1 => Just(Step::List),
    ]
}

/// The bars of an exchange: the truth, by their open time.
#[derive(Default)]
struct Bars {
    truth: BTreeMap<i64, Candle>,
    told: Vec<(u64, Candle)>,
    says_final: bool,
}

impl Bars {
    /// One more change of the bar of a minute.
    fn change(&mut self, minute: i64) {
        let start = START + minute * MINUTE;
        let state = self.truth.get(&start).map_or(1, |bar| bar.trades.unwrap_or(0) + 1);
        self.truth.insert(start, bar(minute, state, self.says_final));
    }

    /// Bars that are over come to us.
    fn tell(&mut self, cache: &mut Cache, now: i64, past: &[Candle]) {
        for one in past {
            let past = Candle { closed: self.says_final, ..*one };
            self.told.extend(take_then(cache, now, &past));
        }
    }

    /// The bars that opened before a minute.
    fn before(&self, start: i64) -> Vec<Candle> {
        self.truth.range(..start).map(|(_, one)| *one).collect()
    }

    /// Every number follows the last; a bar of the past, and one that was closed, come as closed;
    /// and what is not called partial is what it was in the end.
    fn judge(&self) -> Result<(), TestCaseError> {
        let mut newest = UnixNanos::NONE;
        let mut last: BTreeMap<i64, &Candle> = BTreeMap::new();
        for (index, (seq, candle)) in self.told.iter().enumerate() {
            prop_assert_eq!(*seq, index as u64 + 1);
            let before = last.insert(candle.open_time.0, candle);
            let is_over = candle.open_time < newest || before.is_some_and(|one| one.closed);
            prop_assert!(candle.closed || !is_over, "{candle:?}");
            newest = newest.max(candle.open_time);
        }
        for (open_time, candle) in last.iter().filter(|(_, one)| one.closed && !one.partial) {
            let truth = self.truth[open_time];
            prop_assert_eq!((truth.close, truth.trades), (candle.close, candle.trades));
        }
        Ok(())
    }
}

/// A bar that comes at `now`.
fn take_then(cache: &mut Cache, now: i64, candle: &Candle) -> Vec<(u64, Candle)> {
    candle.bodies().into_iter().flat_map(|body| candles_of(cache, now, body)).collect()
}

proptest! {
    #[test]
    fn a_bar_that_is_not_called_partial_is_whole_and_a_complete_history_has_all(
        says_final in any::<bool>(),
        steps in prop::collection::vec(any_step(), 0..80),
        asked in (0..12_i64, 0..12_i64),
    ) {
        let mut cache = cache(64);
        let mut bars = Bars { says_final, ..Bars::default() };
        let (mut now, mut connected) = (START, true);
        for step in steps {
            let minute = (now - START).div_euclid(MINUTE);
            let start = START + minute * MINUTE;
            match step {
                Step::Change => bars.change(minute),
                Step::Pass => now += MINUTE / 2,
                Step::Lost => {
                    connected = false;
                    let silent = Body::Unheard { channel: Channel::Candles };
                    candles_of(&mut cache, now, silent);
                }
                Step::Back => connected = true,
                Step::Again if connected => {
                    let past = bars.before(start);
                    bars.tell(&mut cache, now, &past[..past.len().min(2)]);
                }
                Step::Amend if connected && bars.truth.contains_key(&(start - MINUTE)) => {
                    bars.change(minute - 1);
                    let amended = bars.truth[&(start - MINUTE)];
                    bars.tell(&mut cache, now, &[amended]);
                }
                Step::List if connected => {
                    let mut past = bars.before(start);
                    for (index, one) in past.iter_mut().enumerate() {
                        (one.listed, one.behind) = (true, index > 0);
                    }
                    bars.tell(&mut cache, now, &past);
                    if let Some(present) = bars.truth.get(&start) {
                        let present = Candle { listed: true, behind: !past.is_empty(), ..*present };
                        bars.told.extend(take_then(&mut cache, now, &present));
                    }
                }
                Step::Again | Step::Amend | Step::List => {}
            }
            let is_over = now == start + MINUTE;
            let present = bars.truth.get(&start).copied();
            if let Some(present) = present.filter(|_| connected) {
                if matches!(step, Step::Change | Step::Back) {
                    bars.told.extend(take_then(&mut cache, now, &present));
                } else if is_over && says_final {
                    let ended = Candle { closed: true, ..present };
                    bars.told.extend(take_then(&mut cache, now, &ended));
                }
            }
            bars.told.extend(candles_of(&mut cache, now, date(now)));
            if let Some((_, newest)) = bars.told.last() {
                let due = newest.open_time.0 + MINUTE + 3 * SECOND;
                prop_assert!(newest.closed || due > now, "{newest:?} at {now}");
            }
        }
        bars.judge()?;
        let (from, to) = (asked.0.min(asked.1), asked.0.max(asked.1));
        let (told, complete) = minutes(&cache, Some(from), Some(to), 100);
        prop_assert!(told.is_sorted_by(|one, other| one < other), "{told:?}");
        let truth = bars.truth.keys().map(|start| (start - START) / MINUTE);
        let wanted: Vec<i64> = truth.filter(|minute| (from..=to).contains(minute)).collect();
        prop_assert!(!complete || told == wanted, "{told:?} of {wanted:?}");
    }
}

#[test]
fn a_bar_that_is_left_ends_as_partial_and_goes_on_where_the_exchange_is() {
    let channel = Channel::Candles;
    let (state, reason) = (BookState::Stale, Reason::Configuration);
    let leaving = [
        Body::Gap { channel, reason, missed: 0 },
        Body::StreamState { channel, interval: Some(Interval::Minute1), state, reason },
    ];
    for (says_final, leaving) in [true, false].into_iter().zip(leaving) {
        let mut cache = cache(100);
        cache.set_candle_sources([Some(CandleSource::Exchange); ExchangeId::ALL.len()]);
        take(&mut cache, &bar(0, 1, says_final));
        let told = candles_of(&mut cache, START + SECOND, leaving);
        let [(_, last)] = told[..] else { panic!("one ends: {told:?}") };
        assert_eq!((last.trades, last.closed, last.partial), (Some(1), true, true));
        assert_eq!(candles_of(&mut cache, START + SECOND, leaving), [], "once");

        let told = take(&mut cache, &bar(0, 5, says_final));
        let [(_, again)] = told[..] else { panic!("it is open again: {told:?}") };
        assert_eq!((again.trades, again.closed, again.partial), (Some(5), false, false));
        let over = Candle { closed: true, ..bar(0, 6, true) };
        take(&mut cache, &over);
        assert_eq!(numbers(&cache, 0), (Some(6), true, false), "whole, with its last numbers");
    }
}
