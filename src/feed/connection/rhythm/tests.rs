use arrayvec::ArrayString;
use proptest::prelude::*;

use super::*;
use crate::instrument::InstrumentId;

const START: MonoNanos = MonoNanos(1_000_000_000_000);
const MUTE_AFTER: Duration = Duration::from_secs(60);

fn stream(index: u32, channel: Channel) -> Subscription {
    let native = ArrayString::from("X").expect("short");
    Subscription { instrument: InstrumentId(index), native, channel, interval: None }
}

/// One stream's times of speaking, in milliseconds from the start, rising.
type Times = Vec<u64>;

/// Plays the times of each stream, with a look every half second; tells what was found when.
struct Play {
    rhythms: Rhythms,
    all: Vec<Subscription>,
    found: Vec<(u64, Found)>,
    at: u64,
    next: Vec<usize>,
}

fn at(ms: u64) -> MonoNanos {
    START.after(Duration::from_millis(ms))
}

impl Play {
    fn new(all: &[Subscription]) -> Self {
        let mut rhythms = Rhythms::new(all, MUTE_AFTER, START);
        rhythms.expect(all, START);
        let next = vec![0; all.len()];
        Self { rhythms, all: all.to_vec(), found: Vec::new(), at: 0, next }
    }

    fn until(&mut self, end: u64, times: &[Times]) {
        while self.at < end {
            self.at += 500;
            for (index, times) in times.iter().enumerate() {
                while times.get(self.next[index]).is_some_and(|&time| time <= self.at) {
                    let one = &self.all[index];
                    let time = times[self.next[index]];
                    self.rhythms.hear(one.stream(), at(time));
                    self.next[index] += 1;
                }
            }
            if let Some(found) = self.rhythms.look(at(self.at)) {
                self.found.push((self.at, found));
            }
        }
    }

    fn aged(&self) -> Vec<(u64, Subscription)> {
        let of = |(at, found): &(u64, Found)| {
            found.aged.iter().map(|one| (*at, *one)).collect::<Vec<_>>()
        };
        self.found.iter().flat_map(of).collect()
    }

    fn barren(&self) -> Option<u64> {
        self.found.iter().find(|(_, found)| found.is_barren).map(|(at, _)| *at)
    }

    fn mute(&self) -> Vec<(u64, Subscription)> {
        let of = |(at, found): &(u64, Found)| {
            found.mute.iter().map(|one| (*at, *one)).collect::<Vec<_>>()
        };
        self.found.iter().flat_map(of).collect()
    }
}

fn every(gap: u64, from: u64, to: u64) -> Times {
    (from..to).step_by(gap as usize).collect()
}

#[test]
fn a_subscription_without_a_first_event_is_found_mute_by_its_own_timer_and_again() {
    let all = [stream(0, Channel::Quotes), stream(0, Channel::Trades), stream(1, Channel::Trades)];
    let mut play = Play::new(&all);
    play.rhythms.postpone(&all[1..2]);
    let quotes = every(100, 0, 1_000_000);
    play.until(30_000, &[quotes.clone(), vec![], vec![]]);
    play.rhythms.expect(&all[1..2], at(30_000));
    play.until(1_000_000, &[quotes, vec![], vec![]]);
    // The third's instrument is silent altogether; the second's only prints no trade.
    let seconds = |one: &Subscription| -> Vec<u64> {
        let own = play.mute().into_iter().filter(|(_, found)| found == one);
        own.map(|(at, _)| at / 1_000).collect()
    };
    assert_eq!(seconds(&all[2]), [60, 180, 420, 900], "each time after twice as long");
    assert_eq!(seconds(&all[1]), [330, 930]);
    assert!(seconds(&all[0]).is_empty());
    // A bar is open however quiet the market is.
    let all = [stream(0, Channel::Quotes), stream(0, Channel::Candles)];
    let mut play = Play::new(&all);
    play.until(70_000, &[every(100, 0, 70_000), vec![]]);
    assert_eq!(play.mute(), [(60_000, all[1])]);
}

#[test]
fn what_was_refused_is_not_waited_for_and_asked_for_again_ever_more_rarely() {
    let all = [stream(0, Channel::Orderbook), stream(1, Channel::Orderbook)];
    let mut play = Play::new(&all);
    play.rhythms.give_up(&all[..1], START);
    let busy = every(100, 0, 2_000_000);
    play.until(700_000, &[vec![], busy.clone()]);
    // The other had spoken when it was refused: the exchange does know it.
    play.rhythms.give_up(&all[1..], at(700_000));
    play.until(1_000_000, &[vec![], every(100, 0, 700_000)]);
    let seconds = |one: &Subscription| -> Vec<u64> {
        let of = |(at, found): &(u64, Found)| found.refused.contains(one).then_some(at / 1_000);
        play.found.iter().filter_map(of).collect()
    };
    assert_eq!(seconds(&all[0]), [300, 900]);
    assert_eq!(seconds(&all[1]), [710, 730, 770, 850]);
    assert!(play.mute().is_empty() && play.aged().is_empty());
    // Served again, it is a stream like any other.
    play.until(1_200_000, &[vec![], busy]);
    assert!(play.rhythms.is_flowing((InstrumentId(1), Channel::Orderbook, None)));
}

#[test]
fn a_busy_stream_that_stops_is_found_within_seconds_and_asked_for_until_it_speaks() {
    let all = [0, 1, 2].map(|index| stream(index, Channel::Orderbook));
    let mut play = Play::new(&all);
    let busy = every(100, 0, 900_000);
    let stopped = every(100, 0, 300_000);
    play.until(900_000, &[busy.clone(), stopped, busy]);
    let aged = play.aged();
    assert!(aged[0].1 == all[1] && (315_000..=317_000).contains(&aged[0].0), "{aged:?}");
    let waits: Vec<u64> = aged.windows(2).map(|two| (two[1].0 - two[0].0) / 1_000).collect();
    let doubled = waits.iter().zip([30, 60, 120, 240]).all(|(wait, about)| wait - about <= 2);
    assert!(waits.len() == 4 && doubled, "ever more patiently: {waits:?}");
    assert_eq!(play.barren(), None, "the others live");
    assert!(play.rhythms.is_flowing((InstrumentId(0), Channel::Orderbook, None)));
    assert!(!play.rhythms.is_flowing((InstrumentId(1), Channel::Orderbook, None)));
}

#[test]
fn a_book_that_stops_before_it_has_a_rhythm_is_found_all_the_same() {
    let all = [0, 1, 2].map(|index| stream(index, Channel::Orderbook));
    for (end, found) in [(400, 300_000), (3_000, 60_000), (6_000, 60_000)] {
        let mut play = Play::new(&all);
        let busy = every(100, 0, 900_000);
        play.until(900_000, &[busy.clone(), every(100, 0, end), busy]);
        let aged = play.aged();
        let first = aged.first().expect("it is found");
        assert!(first.1 == all[1] && (found..found + 2_000).contains(&first.0), "{aged:?}");
    }
    // Nor does one long pause in the little that it said make it wait for hours.
    let mut play = Play::new(&all);
    let busy = every(100, 0, 900_000);
    let paused: Times = every(100, 0, 500).into_iter().chain(every(100, 30_000, 32_500)).collect();
    play.until(900_000, &[busy.clone(), paused, busy]);
    assert!(play.aged().first().is_some_and(|(at, one)| *one == all[1] && *at < 540_000));
    // A trade in a while says little about the next, where quotes come.
    let both = [stream(0, Channel::Trades), stream(0, Channel::Quotes)];
    let mut play = Play::new(&both);
    play.until(9_000_000, &[every(100_000, 0, 300_000), every(100, 0, 9_000_000)]);
    let asked: Vec<u64> = play.aged().iter().map(|(at, _)| at / 1_000).collect();
    assert_eq!(asked, [1_700, 4_700]);
}

#[test]
fn most_streams_at_once_are_the_connection() {
    let all = [0, 1, 2, 3, 4].map(|index| stream(index, Channel::Quotes));
    let mut play = Play::new(&all);
    let busy = every(200, 0, 900_000);
    let stopped = every(200, 0, 400_000);
    let times = [busy.clone(), stopped.clone(), stopped.clone(), stopped, busy];
    play.until(900_000, &times);
    assert!(
        play.barren().is_some_and(|at| (415_000..=417_000).contains(&at)),
        "{:?}",
        play.barren()
    );
}

#[test]
fn a_lone_stream_is_asked_for_once_more_before_its_connection_is_replaced() {
    let all = [stream(0, Channel::Trades)];
    let mut play = Play::new(&all);
    play.until(900_000, &[every(200, 0, 400_000)]);
    let aged = play.aged();
    assert_eq!(play.barren(), Some(aged[0].0 + 15_000));
}

#[test]
fn silence_while_nobody_listened_is_excused() {
    let all = [stream(0, Channel::Quotes)];
    let mut play = Play::new(&all);
    play.until(200_000, &[every(100, 0, 200_000)]);
    // A ring is full for a minute.
    for second in 200..260 {
        play.rhythms.excuse(at(second * 1_000));
        play.until(second * 1_000 + 1_000, &[vec![]]);
    }
    assert!(play.aged().is_empty());
    play.until(400_000, &[vec![]]);
    assert!(!play.aged().is_empty(), "and no longer");
}

#[test]
fn a_market_that_slows_down_is_soon_left_alone() {
    let all = [stream(0, Channel::Trades), stream(1, Channel::Quotes)];
    let mut play = Play::new(&all);
    let mut times = every(300, 0, 600_000);
    // A night of a trade in seven minutes.
    times.extend(every(420_000, 1_000_000, 40_000_000));
    play.until(40_000_000, &[times, every(300, 0, 40_000_000)]);
    let aged = play.aged();
    // Each time it is found it is asked for several times.
    assert!((1..=9).contains(&aged.len()), "of 93 quiet stretches: {aged:?}");
}

/// How a market speaks.
#[derive(Clone, Copy, Debug)]
enum Market {
    Regular,
    /// Gaps of up to twice the mean.
    Even,
    /// Gaps of a process without memory.
    Random,
    /// Many events at once, then nothing for long.
    Bursts,
}

/// Times of a market with that mean gap, by a small generator.
fn times(market: Market, mean: u64, seed: u64, end: u64) -> Times {
    let mut state = seed | 1;
    let mut random = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below.max(1)
    };
    let mut times = Vec::new();
    let mut now = 0;
    while now < end {
        now += match market {
            Market::Regular => mean,
            Market::Even => random(2 * mean) + 1,
            Market::Random => {
                // Heads in a row, a hundred throws to the mean.
                let mut throws = 1;
                while random(100) > 0 {
                    throws += 1;
                }
                throws * mean / 100 + 1
            }
            Market::Bursts => {
                if random(10) > 0 {
                    random(50) + 1
                } else {
                    random(20 * mean) + 1
                }
            }
        };
        times.push(now);
    }
    times
}

fn any_market() -> impl Strategy<Value = Market> {
    prop_oneof![
        Just(Market::Regular),
        Just(Market::Even),
        Just(Market::Random),
        Just(Market::Bursts),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever its rhythm, a living stream is left alone; one that stops is found, and not later
    /// than some multiple of its usual gap.
    #[test]
    fn a_living_market_is_left_alone_and_a_dead_stream_is_found(
        market in any_market(),
        mean in prop_oneof![20..2_000_u64, 2_000..20_000_u64],
        seed in any::<u64>(),
    ) {
        let all = [0, 1, 2].map(|index| stream(index, Channel::Trades));
        let stop = 4_000_000;
        // Eight of the largest gaps, which bursts and chance make as long as twenty usual ones.
        let end = stop + 20_000 + 8 * 20 * mean + 8 * 500;
        let mut play = Play::new(&all);
        let lives = [seed, seed ^ 0x5555, seed ^ 0x1234_5678]
            .map(|seed| times(market, mean, seed, end));
        let mut dying = lives.clone();
        dying[1].retain(|&time| time < stop);
        play.until(stop, &dying);
        prop_assert!(play.aged().is_empty(), "{:?}", play.aged());
        prop_assert_eq!(play.barren(), None);
        play.until(end, &dying);
        let mut aged: Vec<_> = play.aged().into_iter().map(|(_, one)| one).collect();
        aged.dedup();
        prop_assert_eq!(aged, [all[1]]);
        prop_assert_eq!(play.barren(), None, "two of three live");
    }
}
