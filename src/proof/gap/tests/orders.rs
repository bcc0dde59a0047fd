//! Numbers that leap, and trades that are lost, mixed up, brought by two lines or by a new
//! connection, all at once, against what a client can know.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

/// What the exchange does with its numbers behind some trades.
#[derive(Clone, Copy, Debug)]
enum Turn {
    /// It counts anew, from here on.
    Anew(u64),
    /// It leaps ahead.
    Ahead(u64),
    /// One trade has this number, and the next goes on from before.
    Slip(u64),
}

/// What befalls the trades on their way to one line.
#[derive(Clone, Debug)]
struct Way {
    /// Places of trades that never come.
    lost: Vec<usize>,
    /// Places of trades that come behind the next one.
    late: Vec<usize>,
    /// So many trades behind the market.
    behind: usize,
    /// From this place on another connection brings them, and what it skips is lost.
    reconnects: Option<(usize, usize)>,
}

/// A trade as the exchange made it.
#[derive(Clone, Copy, Debug)]
struct Made {
    number: u64,
    time: i64,
    /// It has an odd number for once, so that nothing but its place shows where it belongs.
    is_slip: bool,
}

/// Trades that follow each other by one, up to each turn; behind the last a while without any fault.
fn made(begin: u64, turns: &[(usize, Turn)], lines: usize) -> Vec<Made> {
    let mut made = Vec::new();
    let mut numbers = Vec::new();
    let mut push = |number, is_slip| {
        let time = 1_000 + 10 * made.len() as i64;
        made.push(Made { number, time, is_slip });
    };
    let mut next = begin;
    for (count, turn) in begin_and_end(turns) {
        (next..next + count as u64).for_each(|number| push(number, false));
        numbers.extend(next..next + count as u64);
        next += count as u64;
        match turn {
            // What begins where another count was goes on with that, as far as anyone can know; and
            // one that lies ahead is a hole that the other line may fill.
            Turn::Anew(to) => {
                let is_apart = numbers.iter().all(|number| to.abs_diff(*number) > 10_000);
                if is_apart && (lines == 1 || to < next) {
                    next = to;
                }
            }
            Turn::Ahead(by) => next += by,
            // One that has the number of a neighbour cannot be known from it, nor one that lies so
            // far ahead as a hole may be wide from what is behind one.
            Turn::Slip(to) => {
                let is_apart = numbers.iter().all(|number| to.abs_diff(*number) > 10_000);
                if is_apart && (to < next || to > next + (1 << 33)) {
                    push(to, true);
                    numbers.push(to);
                }
            }
        }
    }
    made
}

/// Trades at the begin that nothing befalls, so that both lines have spoken.
const BEGIN: usize = 8;

/// The same at the end.
const QUIET: usize = 40;

fn begin_and_end(turns: &[(usize, Turn)]) -> impl Iterator<Item = (usize, Turn)> {
    let begin = std::iter::once((BEGIN, Turn::Ahead(0)));
    begin.chain(turns.iter().copied()).chain(std::iter::once((QUIET, Turn::Ahead(0))))
}

impl Way {
    /// The places of the trades in the order in which they come.
    fn order(&self, made: &[Made]) -> Vec<usize> {
        let count = made.len();
        let is_skipped = |place: usize| {
            self.reconnects.is_some_and(|(at, skipped)| (at..at + skipped).contains(&place))
        };
        let end = count.saturating_sub(QUIET);
        let comes =
            |place: &usize| *place >= end || !(self.lost.contains(place) || is_skipped(*place));
        let mut order: Vec<usize> = (0..count).filter(comes).collect();
        for late in self.late.iter().filter(|late| **late + 1 < end) {
            let Some(index) = order.iter().position(|place| place == late) else { continue };
            if made[*late].is_slip || made[order[index + 1]].is_slip {
                continue;
            }
            // A frame that is held back for another connection never comes.
            let is_cut =
                self.reconnects.is_some_and(|(at, _)| *late < at && order[index + 1] >= at);
            if !is_cut {
                order.swap(index, index + 1);
            }
        }
        order
    }
}

/// What a client is told: places of trades, and what is said to be missing before each.
fn told(made: &[Made], ways: &[Way]) -> Vec<(usize, Vec<u64>)> {
    let mut desk = desk();
    let orders: Vec<Vec<usize>> = ways.iter().map(|way| way.order(made)).collect();
    if ways.len() == 1 {
        desk.leave(2);
    }
    let steps = made.len() + ways.iter().map(|way| way.behind).max().unwrap_or(0);
    for step in 0..steps {
        for (line, (way, order)) in ways.iter().zip(&orders).enumerate() {
            let index = step.checked_sub(way.behind);
            let Some(&place) = index.and_then(|index| order.get(index)) else { continue };
            let (first, second) = (line as u32 + 1, line as u32 + 3);
            let is_new = way.reconnects.is_some_and(|(at, _)| place >= at);
            if is_new && desk.numbers.newest < second {
                desk.leave(first);
                desk.opened(second);
            }
            desk.now = desk.now.after(Duration::from_millis(1));
            desk.bring(if is_new { second } else { first }, made[place], place);
        }
    }
    desk.now = desk.now.after(2 * HELD_BACK_FOR_MAX);
    desk.numbers.expire(desk.now, &mut desk.out);
    let mut told = Vec::new();
    let mut gaps = Vec::new();
    for tick in &desk.out {
        match tick.body {
            Body::Gap { missed, .. } => gaps.push(missed),
            body => {
                let place = body.trade().expect("a trade").size.mantissa() as usize - 1;
                told.push((place, std::mem::take(&mut gaps)));
            }
        }
    }
    told
}

impl Desk {
    /// A trade that is known by its size, whatever its number.
    fn bring(&mut self, generation: u32, made: Made, place: usize) {
        let (price, size) = (Decimal::ZERO, Decimal::from_parts(place as i64 + 1, 0));
        let id = TradeId::Number(made.number);
        let trade = Trade { taker: Side::Bid, price, size, id };
        let tick = Tick::new(ONE, UnixNanos(made.time), trade.into());
        let (sequence, first) = (Some(made.number), Some(made.number));
        let trade = SequencedTick { sequence, first, origin: Origin::Live, tick };
        let source = self.source(generation);
        self.numbers.trade(&trade, source, &mut self.out);
    }
}

/// What a client can know: trades come in the order of the market, each once; what is missing between
/// two was told before the second, by its number if the numbers show it.
fn judge(made: &[Made], told: &[(usize, Vec<u64>)]) -> Result<(), String> {
    // Where an odd one for once belongs nobody knows if one line lost it and the other is late.
    let mut regular: Vec<(usize, Vec<u64>)> = Vec::new();
    let mut gaps = Vec::new();
    let mut slips = HashSet::new();
    for (place, before) in told {
        let is_behind = regular.last().is_some_and(|(last, _)| last > place);
        if !(made[*place].is_slip && is_behind) {
            gaps.extend(before);
        }
        match made[*place].is_slip {
            true if slips.insert(*place) => {}
            true => return Err(format!("{place} is told twice")),
            false => regular.push((*place, std::mem::take(&mut gaps))),
        }
    }
    let told = &regular;
    for (index, pair) in told.windows(2).enumerate() {
        let ((one, _), (two, gaps)) = (&pair[0], &pair[1]);
        if one >= two {
            return Err(format!("{two} is told behind {one}"));
        }
        let between = &made[*one..=*two];
        let skipped = (two - one - 1) as u64;
        let counts_on = between.windows(2).all(|pair| pair[0].number + 1 == pair[1].number);
        let missed: u64 = gaps.iter().sum();
        if counts_on && (missed != skipped || gaps.len() > usize::from(skipped > 0)) {
            return Err(format!("{skipped} are missing before {two}, told are {gaps:?}"));
        }
        // A lost trade that had an odd number for once is missed by nobody.
        let follows = |earlier: &(usize, Vec<u64>)| made[earlier.0].number + 1 == made[*two].number;
        if skipped > 0 && gaps.is_empty() && !told[..=index].iter().any(follows) {
            return Err(format!("{skipped} are missing before {two}, and nothing tells it"));
        }
    }
    let last = told.last().map(|(place, _)| *place);
    if last != Some(made.len() - 1) {
        return Err(format!("{last:?} is the last"));
    }
    Ok(())
}

fn turn() -> impl Strategy<Value = Turn> {
    let low = || prop_oneof![1..200_u64, 1..1_000_000_u64];
    let far = (1 << 33)..(1_u64 << 40);
    prop_oneof![
        3 => low().prop_map(Turn::Anew),
        1 => far.clone().prop_map(Turn::Ahead),
        1 => (1_000..1_000_000_u64).prop_map(Turn::Ahead),
        1 => low().prop_map(Turn::Slip),
        1 => far.prop_map(|by| Turn::Slip(by << 2)),
    ]
}

fn way() -> impl Strategy<Value = Way> {
    let places = || prop::collection::vec(BEGIN..60_usize, 0..6);
    let reconnects = prop::option::of((BEGIN..50_usize, 0..8_usize));
    (places(), places(), 0..6_usize, reconnects).prop_map(|(lost, late, behind, reconnects)| Way {
        lost,
        late,
        behind,
        reconnects,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn what_is_told_is_true_and_in_order_whatever_leaps_and_is_mixed_up(
        turns in prop::collection::vec((0..12_usize, turn()), 1..4),
        ways in prop::collection::vec(way(), 1..3),
    ) {
        // Two counts are remembered. Of three on two lines at a time nobody can say what is whose.
        let turns = &turns[..turns.len().min(if ways.len() == 1 { 3 } else { 1 })];
        let made = made(5_000_000_000, turns, ways.len());
        let told = told(&made, &ways);
        prop_assert_eq!(judge(&made, &told), Ok(()), "{:?}", told);
    }
}
