use proptest::prelude::*;

use super::*;

const START: MonoNanos = MonoNanos(1_000_000_000_000);

fn at(ms: u64) -> MonoNanos {
    START.after(Duration::from_millis(ms))
}

/// How an exchange speaks.
#[derive(Clone, Copy, Debug)]
enum Rhythm {
    Regular,
    /// Without memory.
    Random,
    /// Many events at once, then nothing for long.
    Bursts,
    /// Regular, with pauses of up to a minute.
    Pauses,
}

/// A small generator that a seed repeats.
struct Random(u64);

impl Random {
    fn below(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below.max(1)
    }

    /// Heads in a row, as many throws to the mean as make it smooth.
    fn without_memory(&mut self, mean: u64) -> u64 {
        let chance = (self.below(1 << 32) + 1) as f64 / (1_u64 << 32) as f64;
        (-chance.ln() * mean as f64) as u64
    }

    /// From one event to the next, in milliseconds.
    fn gap(&mut self, rhythm: Rhythm, mean: u64) -> u64 {
        match rhythm {
            Rhythm::Regular => mean,
            Rhythm::Random => self.without_memory(mean),
            Rhythm::Bursts if self.below(10) > 0 => self.below(20),
            Rhythm::Bursts => self.below(20 * mean),
            Rhythm::Pauses if self.below(100) > 0 => mean,
            Rhythm::Pauses => self.below(60_000),
        }
    }
}

/// A connection and who listens to it, in milliseconds.
struct Play {
    pulse: Pulse,
    random: Random,
    rhythm: Rhythm,
    mean: u64,
    /// When the exchange's next event, and its next answer, reach the kernel.
    event: u64,
    answer: Option<u64>,
    /// Answers take up to so long.
    jitter: u64,
    /// Nothing comes from then on.
    ends: u64,
    now: u64,
    /// When we stand still next, and for how long.
    stall: (u64, u64),
    stalls: bool,
    questions: Vec<u64>,
}

impl Play {
    fn new(rhythm: Rhythm, mean: u64, seed: u64) -> Self {
        let random = Random(seed | 1);
        Self {
            pulse: Pulse::new(START),
            random,
            rhythm,
            mean,
            event: mean,
            answer: None,
            jitter: 2_000,
            ends: u64::MAX,
            now: 0,
            stall: (u64::MAX, 0),
            stalls: false,
            questions: Vec::new(),
        }
    }

    fn with_stalls(mut self) -> Self {
        (self.stall, self.stalls) = ((7_000, 3_000), true);
        self
    }

    /// Reads what has come by now.
    fn read(&mut self) {
        let mut came = false;
        while self.event <= self.now && self.event < self.ends {
            came = true;
            self.event += self.random.gap(self.rhythm, self.mean).max(1);
        }
        if self.answer.is_some_and(|answer| answer <= self.now && answer < self.ends) {
            came = true;
            self.answer = None;
        }
        if came {
            self.pulse.hear(at(self.now));
        }
    }

    /// When the thread wakes next: a socket has something, or something is due.
    fn wake(&self) -> u64 {
        let due = self.pulse.due().since(START).div_ceil(1_000_000);
        let event = if self.event < self.ends { self.event } else { u64::MAX };
        let answer = self.answer.filter(|&answer| answer < self.ends).unwrap_or(u64::MAX);
        let next = due.min(event).min(answer).min(self.now + 1_000);
        next.max(self.now)
    }

    /// Turns until `end`, or until the connection is found dead; tells when that was.
    fn until(&mut self, end: u64) -> Option<u64> {
        while self.now < end {
            let before = self.now;
            self.now = self.wake();
            if self.now >= self.stall.0 {
                self.now = self.now.max(self.stall.0 + self.stall.1);
                let next = self.now + self.random.below(60_000);
                self.stall = (next, self.random.below(20_000));
            }
            // As the feed does when it sees that it stood still.
            if self.now - before > 1_500 {
                self.pulse.excuse(at(self.now));
            }
            self.read();
            match self.pulse.look(at(self.now), false) {
                Look::Ask => {
                    self.pulse.ask(at(self.now));
                    self.questions.push(self.now);
                    self.answer = Some(self.now + self.random.below(self.jitter));
                }
                Look::Dead => return Some(self.now),
                Look::Fine | Look::Answered | Look::ReadFirst => {}
            }
        }
        None
    }

    /// The most questions within ten seconds.
    fn densest(&self) -> usize {
        let within = |from: u64| {
            self.questions.iter().filter(move |one| (from..from + 10_000).contains(*one)).count()
        };
        self.questions.iter().map(|&from| within(from)).max().unwrap_or(0)
    }
}

#[test]
fn a_steady_quiet_connection_is_asked_each_ten_seconds_and_a_steady_busy_one_never() {
    let mut quiet = Play::new(Rhythm::Regular, 3_600_000, 1);
    assert_eq!(quiet.until(7_200_000), None);
    assert!(quiet.questions.windows(2).all(|two| two[1] - two[0] >= 10_000));
    for mean in [1, 10, 100, 500, 1_400, 4_000] {
        let mut busy = Play::new(Rhythm::Regular, mean, 1);
        assert_eq!(busy.until(600_000), None);
        assert_eq!(busy.questions, [0_u64; 0], "every {mean} ms");
    }
}

#[test]
fn a_rhythm_is_known_after_a_second_and_an_old_one_forgotten_after_ten() {
    for (spoke, found) in [(500, 13_000), (1_200, 4_500), (60_000, 4_500)] {
        let mut play = Play::new(Rhythm::Regular, 100, 1);
        play.until(spoke);
        play.ends = play.now;
        let last = play.now;
        let dead = play.until(last + 60_000).unwrap() - last;
        assert!((found..found + 200).contains(&dead), "after {spoke} ms in {dead} ms");
    }
    let mut play = Play::new(Rhythm::Regular, 9_000, 1);
    play.until(90_000);
    (play.mean, play.event) = (100, play.now + 100);
    play.until(101_000);
    play.ends = play.now;
    assert!(play.until(120_000).unwrap() - play.ends <= 4_700);
}

#[test]
fn doubt_begins_when_an_answer_is_late_and_ends_with_it() {
    let mut pulse = Pulse::new(START);
    assert_eq!(pulse.look(at(9_999), false), Look::Fine);
    assert_eq!(pulse.look(at(10_000), false), Look::Ask);
    pulse.ask(at(10_000));
    assert_eq!((pulse.look(at(10_400), false), pulse.is_doubted()), (Look::Fine, false));
    assert_eq!((pulse.look(at(10_500), false), pulse.is_doubted()), (Look::Fine, true));
    assert!(pulse.hear(at(12_000)), "somebody waited for it");
    assert!(!pulse.is_doubted());
    assert_eq!(pulse.look(at(12_000), false), Look::Answered);
    assert_eq!(pulse.look(at(12_000), false), Look::Fine);
}

#[test]
fn nobody_is_judged_while_something_may_be_unread_or_nobody_could_listen() {
    let mut pulse = Pulse::new(START);
    pulse.ask(at(0));
    assert_eq!(pulse.look(at(3_000), false), Look::ReadFirst);
    assert_eq!(pulse.look(at(60_000), true), Look::Fine, "a full ring, say");
    pulse.excuse(at(60_000));
    assert_eq!(pulse.look(at(62_999), false), Look::Fine);
    assert_eq!(pulse.look(at(63_000), false), Look::ReadFirst);
    assert_eq!(pulse.look(at(63_000), false), Look::Dead);
}

fn any_rhythm() -> impl Strategy<Value = Rhythm> {
    prop_oneof![
        Just(Rhythm::Regular),
        Just(Rhythm::Random),
        Just(Rhythm::Bursts),
        Just(Rhythm::Pauses),
    ]
}

/// From 1,000 events a second to one an hour, each decade as likely as the others.
fn any_mean() -> impl Strategy<Value = u64> {
    prop_oneof![1..10_u64, 10..100_u64, 100..1_000_u64, 1_000..60_000_u64, 60_000..3_600_000_u64]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// However it speaks, however late its answers and however often we stand still: a living
    /// connection is never ended, and asked rarely.
    #[test]
    fn a_living_connection_is_never_ended(
        rhythm in any_rhythm(),
        mean in any_mean(),
        seed in any::<u64>(),
        stalls in any::<bool>(),
    ) {
        let mut play = Play::new(rhythm, mean, seed);
        if stalls {
            play = play.with_stalls();
        }
        // Enough for a few hundred events, and for what is rare.
        let end = (mean * 300).clamp(600_000, 20_000_000);
        prop_assert_eq!(play.until(end), None);
        prop_assert!(play.densest() <= 4, "{} within ten seconds", play.densest());
    }

    /// One that dies is found: within 6 s less the time to connect where it was busy, within 15 s
    /// less that time in any case.
    #[test]
    fn a_dead_connection_is_ended_within_its_bound(
        rhythm in any_rhythm(),
        mean in any_mean(),
        seed in any::<u64>(),
        lived in 2_000..600_000_u64,
    ) {
        let mut play = Play::new(rhythm, mean, seed);
        prop_assert_eq!(play.until(lived), None);
        play.ends = play.now + 1;
        let last = play.pulse.heard().since(START) / 1_000_000;
        let found = play.until(last + 100_000).map(|dead| dead - last);
        prop_assert!(found.is_some_and(|found| found <= 13_100), "{found:?}");
        let is_busy = match rhythm {
            Rhythm::Regular => mean <= 333,
            Rhythm::Random => mean <= 100,
            Rhythm::Bursts | Rhythm::Pauses => false,
        };
        if is_busy && lived > 4_000 {
            prop_assert!(found.is_some_and(|found| found <= 5_000), "{found:?}");
        }
    }
}
