//! A book event as the run of ticks that the ring carries.

use crate::clock::UnixNanos;
use crate::exchange::BookKind;
use crate::instrument::InstrumentId;
use crate::tick::{Body, Decimal, Level, LevelFlags, Side, Tick};

/// What all ticks of one run share.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub(super) instrument: InstrumentId,
    pub(super) kind: BookKind,
    pub(super) exchange_time: UnixNanos,
    pub(super) update_id: Option<u64>,
}

impl Run {
    /// Appends the levels; an event without any is one tick that says so.
    #[inline]
    pub(super) fn push(self, levels: impl Iterator<Item = Level>, out: &mut Vec<Tick>) {
        let kind = match self.kind {
            BookKind::Snapshot => LevelFlags::SNAPSHOT,
            BookKind::Delta => LevelFlags::default(),
        };
        let start = out.len();
        out.extend(levels.map(|level| self.tick(level, kind)));
        if out.len() == start {
            let nothing = Level { side: Side::Bid, price: Decimal::ZERO, size: Decimal::ZERO };
            out.push(self.tick(nothing, kind.with(LevelFlags::EMPTY)));
        }
        let last = out.len() - 1;
        add_flag(&mut out[start], LevelFlags::FIRST);
        add_flag(&mut out[last], LevelFlags::LAST);
    }

    #[inline]
    fn tick(self, level: Level, flags: LevelFlags) -> Tick {
        Tick::new(self.instrument, self.exchange_time, level.body(flags, self.update_id))
    }
}

#[inline]
fn add_flag(tick: &mut Tick, flag: LevelFlags) {
    if let Body::Level { flags, .. } = &mut tick.body {
        *flags = flags.with(flag);
    }
}
