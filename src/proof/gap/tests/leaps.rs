//! Numbers that leap, by any size, up and down: no trade is lost for it, and none is told twice.

use std::collections::HashSet;

use super::*;
use proptest::prelude::*;

/// How times go on from one trade to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Times {
    Rise,
    /// Three at a time.
    Tie,
    Stand,
    Unknown,
}

/// What the exchange numbers: up to somewhere, then a leap that lasts for so many trades, then on
/// from where it was.
#[derive(Clone, Debug)]
struct Leap {
    begin: u64,
    before: u64,
    to: u64,
    lasts: u64,
    after: u64,
    times: Times,
}

impl Leap {
    fn numbers(&self) -> Vec<u64> {
        let Self { begin, before, to, lasts, after, .. } = *self;
        let own = begin..begin + before;
        let leapt = (0..lasts).map_while(|step| to.checked_add(step));
        own.chain(leapt).chain(begin + before..begin + before + after).collect()
    }

    /// Each line brings all; of two the second comes so many trades behind.
    fn tell(&self, lines: u32, behind: usize) -> Vec<Tick> {
        let mut desk = desk();
        let numbers = self.numbers();
        for step in 0..numbers.len() + behind {
            for line in 1..=lines {
                let place = step.checked_sub(if line == 2 { behind } else { 0 });
                let Some((place, number)) = place.and_then(|at| Some((at, *numbers.get(at)?)))
                else {
                    continue;
                };
                desk.now = desk.now.after(Duration::from_micros(10));
                tell(&mut desk, line, number, place, self.times);
            }
        }
        desk.now = desk.now.after(2 * HELD_BACK_FOR_MAX);
        desk.numbers.expire(desk.now, &mut desk.out);
        desk.out
    }
}

/// A trade that is known by its size, whatever its number.
fn tell(desk: &mut Desk, line: u32, number: u64, place: usize, times: Times) {
    let time = match times {
        Times::Rise => UnixNanos(1_000 + place as i64),
        Times::Tie => UnixNanos(1_000 + place as i64 / 3),
        Times::Stand => UnixNanos(1_000),
        Times::Unknown => UnixNanos::NONE,
    };
    let (price, size) = (Decimal::ZERO, Decimal::from_parts(place as i64 + 1, 0));
    let trade = Trade { taker: Side::Bid, price, size, id: TradeId::Number(number) };
    let tick = Tick::new(ONE, time, trade.into());
    let (sequence, first) = (Some(number), Some(number));
    let trade = SequencedTick { sequence, first, origin: Origin::Live, tick };
    let source = desk.source(line);
    desk.numbers.trade(&trade, source, &mut desk.out);
}

/// What was mixed up with a trade of no date is not another leap.
#[test]
fn a_count_that_begins_anew_is_told_in_order_behind_a_trade_of_no_date() {
    let mut desk = desk();
    desk.trade(1, 1_000_000);
    for (number, time) in [(52, 2_000_052), (54, i64::MIN), (53, 2_000_053), (55, 2_000_055)] {
        desk.say(1, number, number, UnixNanos(time), Origin::Live);
    }
    let [reset, hole] = [0, 1].map(|missed| Seen::Gap(missed, Reason::SequenceGap));
    assert_eq!(desk.seen(), [T(1_000_000), reset, T(52), hole, T(54), T(55)]);
}

/// Sizes of every magnitude, and beside each.
fn size() -> impl Strategy<Value = u64> {
    (0..64_u32, 0..3_u64, any::<u64>()).prop_map(|(bits, beside, any)| match beside {
        0 => 1 << bits,
        1 => (1 << bits) + any % (1 << bits),
        _ => u64::MAX >> bits,
    })
}

fn leap() -> impl Strategy<Value = Leap> {
    const TIMES: &[Times] = &[Times::Rise, Times::Tie, Times::Stand, Times::Unknown];
    let times = prop::sample::select(TIMES);
    let begin = prop_oneof![0..100_u64, Just(1 << 31), Just(1 << 52), Just(1 << 63)];
    (begin, 1..40_u64, size(), any::<bool>(), 1..40_u64, 0..40_u64, times).prop_map(
        |(begin, before, by, up, lasts, after, times)| {
            let last = begin + before - 1;
            let to = if up { last.saturating_add(by) } else { last.saturating_sub(by) };
            Leap { begin, before, to, lasts, after, times }
        },
    )
}

/// How far each step lies from the one before it, where it is none by one.
fn shortest_leap(numbers: &[u64]) -> u64 {
    let steps = numbers.windows(2).filter(|pair| pair[0].checked_add(1) != Some(pair[1]));
    steps.map(|pair| pair[0].abs_diff(pair[1])).min().unwrap_or(u64::MAX)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn no_leap_loses_a_trade_or_tells_one_twice(leap in leap(), lines in 1..3_u32, behind in 0..6_usize) {
        let numbers = leap.numbers();
        let ticks = leap.tell(lines, behind);
        let mut told = Vec::new();
        let mut doubted = 0;
        for tick in &ticks {
            match tick.body {
                Body::Gap { missed, .. } => doubted += u64::from(missed == 0),
                body => told.push(body.trade().unwrap().size.mantissa() as usize - 1),
            }
        }
        // What has no later time than a trade of the same number, or of one nearby, may be its copy;
        // and what another line brings cannot be told from it.
        let is_dated = matches!(leap.times, Times::Rise | Times::Tie);
        let is_plain = leap.times == Times::Rise
            || (shortest_leap(&numbers) > 1 << 10 && (is_dated || lines == 1));
        let is_sorted = told.is_sorted_by(|one, two| one < two);
        let is_single = told.iter().collect::<HashSet<_>>().len() == told.len();
        // A trade behind a hole waits for what the other line may bring.
        prop_assert!(is_sorted || lines == 2, "in order: {told:?}");
        prop_assert!(is_single || !is_plain, "each once: {told:?}");
        for (place, number) in numbers.iter().enumerate().filter(|_| is_plain) {
            let is_told = told.contains(&place) || told.iter().any(|&one| numbers[one] == *number);
            prop_assert!(is_told, "trade {place} with the number {number} was lost: {told:?}");
        }
        let missed: u64 = ticks.iter().map(|tick| match tick.body {
            Body::Gap { missed, .. } => missed,
            _ => 0,
        }).max().unwrap_or(0);
        prop_assert!(missed <= crate::limits::TRADES_MISSED_MAX);
        let is_far = leap.to > leap.begin + leap.before + crate::limits::TRADES_MISSED_MAX;
        prop_assert!(!is_far || doubted > 0, "it is told that something may be missing");
    }
}

/// The numbers begin anew, two trades of them come, and the next ones are lost.
#[test]
fn what_is_missing_behind_odd_numbers_is_told_by_them() {
    let live = |desk: &mut Desk, generation, number, time| {
        desk.say(generation, number, number, UnixNanos(time), Origin::Live);
    };
    for (connection, reason) in [(1, Reason::SequenceGap), (3, Reason::Disconnected)] {
        let mut desk = desk();
        desk.leave(2);
        for (number, time) in [(1_000, 1), (1_001, 2), (10, 3), (11, 4)] {
            live(&mut desk, 1, number, time);
        }
        let begun = [T(1_000), T(1_001), Seen::Gap(0, Reason::SequenceGap), T(10), T(11)];
        assert_eq!(desk.seen(), begun);
        if connection != 1 {
            desk.leave(1);
            desk.opened(connection);
        }
        let told: Vec<Seen> = (14..20)
            .flat_map(|number| {
                live(&mut desk, connection, number, number as i64);
                desk.seen()
            })
            .collect();
        let behind = [Seen::Gap(2, reason)];
        assert_eq!(told, behind.into_iter().chain((14..20).map(T)).collect::<Vec<_>>());
    }
}

/// The count that was left for one odd number goes on, and one of its trades is dated before that.
#[test]
fn a_wrong_date_costs_no_trade_behind_those_that_were_told_since_the_leap() {
    for odd in [12, 1 << 53, u64::MAX] {
        for lines in 1..3_u32 {
            let mut desk = desk();
            let trades =
                [(1_000, 10), (1_001, 11), (odd, 12), (1_003, 13), (1_004, 14), (1_005, 5)];
            for (number, time) in trades.into_iter().chain([(1_006, 15), (1_007, 6)]) {
                for line in 1..=lines {
                    desk.say(line, number, number, UnixNanos(time), Origin::Live);
                }
            }
            let told = [T(1_003), T(1_004), T(1_005), T(1_006), T(1_007)];
            let seen = desk.seen();
            assert!(seen.ends_with(&told), "{odd}, {lines} lines: {seen:?}");
        }
    }
}
