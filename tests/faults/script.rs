//! What goes wrong in one seed, and when.

use std::time::Duration;

use tickwire::sim::{Fault, Of};

use super::MISBEHAVING;
use super::kinds::Kind;

/// Random numbers that a seed repeats (SplitMix64).
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) const fn new(seed: u64) -> Self {
        // Neighbouring seeds have nothing in common.
        Self(seed.wrapping_mul(0xD1B5_4A32_D192_ED03))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ (word >> 31)
    }

    /// From 0 to one less than `bound`.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// From `from` to `to`.
    pub(super) fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.below(to - from + 1)
    }

    pub(super) fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }
}

/// The faults of one seed.
#[derive(Debug)]
pub(super) struct Script {
    /// Latest first.
    faults: Vec<(Duration, Fault)>,
    random: Random,
}

impl Script {
    pub(super) fn new(kind: &Kind, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut faults: Vec<(Duration, Fault)> = Vec::new();
        for _ in 0..random.between(3, 10) {
            let at = Duration::from_millis(random.below(MISBEHAVING.as_millis() as u64));
            for fault in draw(kind, &mut random) {
                // Each doubles the time until the next request, so that several take hours.
                let is_mute = |(_, fault): &(_, Fault)| matches!(fault, Fault::AckMute { .. });
                let next = (at, fault);
                if !is_mute(&next) || !faults.iter().any(is_mute) {
                    faults.push(next);
                }
            }
        }
        // Drawn apart, so that the other misfortunes of a seed stay what they were.
        let mut apart = Random::new(!seed);
        if apart.below(2) == 0 {
            let at = Duration::from_millis(apart.below(MISBEHAVING.as_millis() as u64));
            let count = apart.between(1, 3) as u32;
            faults.extend([(at, Fault::TooMany { count }), (at, Fault::Disconnect)]);
        }
        faults.extend(draw_of_candles(kind, &mut apart));
        let mut hostile = Random::new(seed ^ 0x0DD5_F00D);
        for _ in 0..hostile.below(4) {
            let at = Duration::from_millis(hostile.below(MISBEHAVING.as_millis() as u64));
            let fault = draw_hostile(kind, &mut hostile);
            if kind.shows(&fault) {
                faults.push((at, fault));
            }
        }
        // Stable, so that those of one moment keep their order.
        faults.sort_by_key(|(at, _)| *at);
        faults.reverse();
        Self { faults, random }
    }

    /// One digit after the other is wrong, where nothing but a checksum would show it.
    pub(super) fn of_lies(seed: u64) -> Self {
        let lie = Fault::Corrupt { of: Of::Depth, symbol: None, count: 20 };
        Self { faults: vec![(MISBEHAVING / 4, lie)], random: Random::new(seed) }
    }

    pub(super) fn len(&self) -> usize {
        self.faults.len()
    }

    /// The next fault whose time has come.
    pub(super) fn due(&mut self, elapsed: Duration) -> Option<Fault> {
        self.faults.pop_if(|(at, _)| *at <= elapsed).map(|(_, fault)| fault)
    }

    /// How far the time goes next: at times one frame after the other, at times many at once.
    pub(super) fn step(&mut self) -> Duration {
        Duration::from_millis(self.random.one_of(&[1, 5, 10, 20, 30, 50, 100]))
    }
}

/// One misfortune that a client of this exchange can find out.
fn draw(kind: &Kind, random: &mut Random) -> Vec<Fault> {
    loop {
        let faults = draw_any(kind, random);
        if faults.iter().all(|fault| kind.shows(fault)) {
            return faults;
        }
    }
}

/// One misfortune; those that only mean something together come together.
fn draw_any(kind: &Kind, random: &mut Random) -> Vec<Fault> {
    let of = random.one_of(&[Of::Depth, Of::Depth, Of::Trade]);
    let native = random.one_of(&kind.natives);
    let symbol = random.one_of(&[None, Some(native)]).map(str::to_owned);
    let few = random.between(1, 3) as u32;
    let seconds = Duration::from_millis(random.between(100, 4_000));
    match random.below(29) {
        3 => vec![Fault::Duplicate { of, symbol, count: few }],
        4 | 5 => vec![Fault::Reorder { of, symbol, count: few }],
        6 | 7 => vec![Fault::Cut { of, symbol, count: few }],
        8 => vec![Fault::Mute { of, symbol }],
        9 => vec![Fault::AckMute { count: few }, Fault::Disconnect],
        10 => vec![if few == 1 { Fault::Truncated } else { Fault::Garbage }],
        11 => vec![Fault::Binary],
        12 => vec![Fault::Disconnect],
        13 => vec![Fault::Close(random.one_of(&[1_000, 1_001, 1_006, 1_008, 1_011]))],
        14 => vec![Fault::Silence],
        15 => vec![Fault::Shutdown { after: seconds }],
        16 => vec![Fault::Refuse { status: 503, count: few }, Fault::Disconnect],
        17 => vec![Fault::SlowStart(seconds), Fault::Disconnect],
        18 => vec![Fault::Stall(seconds)],
        19 => vec![Fault::Oversized(2 << 20)],
        25 => vec![Fault::Corrupt { of: Of::Depth, symbol, count: few }],
        26 => vec![Fault::Unreadable { of, symbol, count: few }],
        27 | 28 => vec![Fault::SequenceReset { of, symbol }],
        // What the next book meets, which the hole brings about.
        20 => vec![Fault::RestRefuse { status: 429, count: 1 }, hole(native)],
        21 => vec![Fault::RestLate { after: seconds * 3, count: few }, hole(native)],
        22 => vec![Fault::RestStale { count: few }, hole(native)],
        23 => vec![Fault::RestLate { after: seconds, count: few }, Fault::Disconnect],
        _ => vec![Fault::RestStale { count: few }, Fault::Disconnect],
    }
}

/// Misfortunes of times and of candles, in most seeds one.
fn draw_of_candles(kind: &Kind, random: &mut Random) -> Option<(Duration, Fault)> {
    let at = Duration::from_millis(random.below(MISBEHAVING.as_millis() as u64));
    let of = random.one_of(&[Of::Candle, Of::Candle, Of::Trade, Of::Depth]);
    let native = random.one_of(&kind.natives);
    let symbol = random.one_of(&[None, Some(native)]).map(str::to_owned);
    let count = random.between(1, 3) as u32;
    let by = Duration::from_secs(random.one_of(&[2, 20, 60, 100, 300, 1_234, 3_600]));
    let fault = match random.below(8) {
        0 | 1 => Fault::TimesAhead { by, of, symbol, count },
        2 | 3 => Fault::Superseded { symbol, count },
        4 => Fault::Unreadable { of: Of::Candle, symbol, count },
        5 => Fault::Duplicate { of: Of::Candle, symbol, count },
        6 => Fault::Cut { of: Of::Candle, symbol, count },
        _ => Fault::Mute { of: Of::Candle, symbol },
    };
    kind.shows(&fault).then_some((at, fault))
}

/// What an exchange does that means us ill, or that somebody does in its name: each once below what
/// ends the connection, and beyond it.
fn draw_hostile(kind: &Kind, random: &mut Random) -> Fault {
    let native = random.one_of(&kind.natives);
    let symbol = random.one_of(&[None, Some(native)]).map(str::to_owned);
    match random.below(6) {
        0 => Fault::Pongs(random.one_of(&[20, 900, 4_000])),
        1 => Fault::Crumbs(random.one_of(&[20, 900, 4_000])),
        2 => Fault::Errors(random.one_of(&[1, 60, 90, 400])),
        3 => Fault::Deep { symbol, count: random.one_of(&[10, 150, 500]) },
        _ => {
            let by = random.one_of(&[1, 40, 5_000, 1 << 20, 1 << 33, 1 << 45]);
            Fault::Leap { by, symbol }
        }
    }
}

fn hole(native: &str) -> Fault {
    Fault::Drop { of: Of::Depth, symbol: Some(native.to_owned()), count: 1 }
}
