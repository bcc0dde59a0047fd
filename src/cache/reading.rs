//! Reading a part of a history, some records at a time, so that whoever asks for much holds up
//! nobody else.
//!
//! ```text
//! survey   every record once: how many events are in the range, and from which number on they are told
//! tell     from that number on, until so many were told
//! ```
//! Numbers stay true between two pieces: what comes meanwhile lies behind the end that was noted at
//! the beginning, and what is given up meanwhile makes the answer say that it is not complete.

use std::collections::VecDeque;

use super::candles::{Coverage, Held};
use super::memory::Memory;
use super::{Cache, Event, EventBody, Stamp, Stream};
use crate::instrument::InstrumentId;
use crate::tick::{Candle, Interval};

/// Part of a history that someone asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryRange {
    /// Earliest date in milliseconds, inclusive. Without one, the newest events count.
    pub from: Option<i64>,
    /// Latest date in milliseconds, inclusive.
    pub to: Option<i64>,
    /// Most events: the first ones from `from` on, the last ones where no `from` is given.
    pub limit: usize,
}

/// How far a [`HistoryCursor`] came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// There is more to read.
    More,
    /// All was told. `complete` says whether all of the range is there: false when something of it
    /// may have been dropped, or never came. Of candles, too, when one was not seen whole or lies
    /// before the first.
    Done {
        /// See above.
        complete: bool,
    },
}

/// A reader of a part of a history; see [`Cache::read_history`].
#[derive(Debug)]
pub struct HistoryCursor {
    instrument: InstrumentId,
    stream: Stream,
    range: HistoryRange,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    Begin,
    Survey(Survey),
    Tell { after: u64, until: u64, left: usize, complete: bool },
    Candles { held: VecDeque<(u64, Stamp, Candle)>, complete: bool },
    Done { complete: bool },
}

/// What is known of the events of a range before the first is told.
#[derive(Debug, Default)]
struct Survey {
    /// The number read last, and the one at which the history ended when the reading began.
    after: u64,
    until: u64,
    /// Events in the range.
    count: usize,
    /// The event before the newest gap that may lie among those that are told; 0 is none.
    before_gap: Option<u64>,
    /// Date of the oldest event held.
    oldest: Option<i64>,
    /// Numbers of the events that may be told: the first, or the newest so many.
    wanted: VecDeque<u64>,
    /// Something was given up before it was read.
    is_torn: bool,
}

impl HistoryCursor {
    /// Reads from the beginning.
    pub const fn new(instrument: InstrumentId, stream: Stream, range: HistoryRange) -> Self {
        Self { instrument, stream, range, phase: Phase::Begin }
    }

    /// Whose history it reads.
    pub const fn instrument(&self) -> InstrumentId {
        self.instrument
    }

    /// Which.
    pub const fn stream(&self) -> Stream {
        self.stream
    }
}

impl Cache {
    /// Goes on with a reading by about so many records, and tells the events among them that are
    /// asked for, oldest first, by [`Stamp::time`] (candles by their open time).
    pub fn read_history(
        &self,
        cursor: &mut HistoryCursor,
        records: usize,
        mut told: impl FnMut(&Event<'_>),
    ) -> Reading {
        let HistoryCursor { instrument, stream, range, phase } = cursor;
        let Some(memory) = self.memory(*instrument) else {
            return Reading::Done { complete: true };
        };
        match phase {
            Phase::Begin => {
                *phase = match stream.interval() {
                    Some(interval) => self.collect(memory, *stream, interval, range),
                    None => {
                        Phase::Survey(Survey { until: memory.seq(*stream), ..Survey::default() })
                    }
                };
            }
            Phase::Survey(survey) => {
                if self.survey(memory, *stream, range, survey, records) {
                    *phase = self.judge(memory, *stream, range, survey);
                }
            }
            Phase::Tell { after, until, left, complete } => {
                *complete &= memory.holds_since(&self.histories, *stream, *after);
                let piece = (*after, *until, records);
                let last = memory.since_some(&self.histories, *stream, piece, &mut |event| {
                    let gap = matches!(event.body, EventBody::Gap(_));
                    if *left > 0 && !gap && range.has(event_millis(event)) {
                        *left -= 1;
                        told(event);
                    }
                });
                match last.filter(|_| *left > 0) {
                    Some(last) => *after = last,
                    None => *phase = Phase::Done { complete: *complete },
                }
            }
            Phase::Candles { held, complete } => {
                for (seq, stamp, candle) in held.drain(..held.len().min(records)) {
                    let (instrument, body) = (*instrument, EventBody::Candle(&candle));
                    told(&Event { instrument, seq, stamp, body });
                }
                if held.is_empty() {
                    *phase = Phase::Done { complete: *complete };
                }
            }
            Phase::Done { complete } => return Reading::Done { complete: *complete },
        }
        match phase {
            Phase::Done { complete } => Reading::Done { complete: *complete },
            _ => Reading::More,
        }
    }

    /// The same at once. Returns whether all of the range is there.
    pub fn history(
        &self,
        instrument: InstrumentId,
        stream: Stream,
        range: HistoryRange,
        mut told: impl FnMut(&Event<'_>),
    ) -> bool {
        let mut cursor = HistoryCursor::new(instrument, stream, range);
        loop {
            if let Reading::Done { complete } =
                self.read_history(&mut cursor, usize::MAX, &mut told)
            {
                return complete;
            }
        }
    }

    /// The candles of a range: few enough to be put in order at once.
    fn collect(
        &self,
        memory: &Memory,
        stream: Stream,
        interval: Interval,
        range: &HistoryRange,
    ) -> Phase {
        let mut gaps: Option<(i64, i64)> = None;
        let mut all = Held::default();
        memory.since(&self.histories, stream, 0, &mut |event| match event.body {
            EventBody::Gap(_) => {
                let millis = event_millis(event);
                if range.has(millis) {
                    let (oldest, newest) = gaps.unwrap_or((millis, millis));
                    gaps = Some((oldest.min(millis), newest.max(millis)));
                }
            }
            _ => all.add(event),
        });
        let all = all.in_order();
        let wanted = |candle: &Candle| range.has(candle.open_time.millis());
        let count = all.iter().filter(|(_, _, candle)| wanted(candle)).count();
        let (mut skip, mut left) = range.part_of(count);
        let mut coverage = Coverage::of(interval, range);
        let mut held = VecDeque::with_capacity(left);
        for one in all {
            let wanted = left > 0 && wanted(&one.2);
            if wanted && skip > 0 {
                skip -= 1;
                continue;
            }
            coverage.add(&one.2);
            if wanted {
                left -= 1;
                held.push_back(one);
            }
        }
        // With a begin of the range the coverage knows what is before the oldest.
        let reaches_back = range.from.is_some() || count >= range.limit;
        // What is told ends with the last bar if there are more, and without a begin of the range it
        // begins with the first.
        let is_cut = count >= range.limit;
        let told_from = held.front().filter(|_| is_cut && range.from.is_none());
        let told_until = held.back().filter(|_| is_cut && range.from.is_some());
        let has_gap = gaps.is_some_and(|(oldest, newest)| {
            let opens = |(_, _, bar): &(u64, Stamp, Candle)| bar.open_time.millis();
            let ends = |bar| opens(bar).saturating_add(interval.nanos() / 1_000_000);
            told_from.is_none_or(|first| newest >= opens(first))
                && told_until.is_none_or(|last| oldest < ends(last))
        });
        let complete = !has_gap
            && coverage.is_whole(|one| memory.candles.is_heard(one))
            && (self.histories.holds_all(memory.instrument, stream) || reaches_back);
        Phase::Candles { held, complete }
    }

    /// Looks at some records of a stream that holds its events in the order in which they were
    /// told; true when it has seen all.
    fn survey(
        &self,
        memory: &Memory,
        stream: Stream,
        range: &HistoryRange,
        survey: &mut Survey,
        records: usize,
    ) -> bool {
        let is_held = memory.holds_since(&self.histories, stream, survey.after);
        survey.is_torn |= survey.after > 0 && !is_held;
        let piece = (survey.after, survey.until, records);
        let last = memory.since_some(&self.histories, stream, piece, &mut |event| {
            let time = event_millis(event);
            survey.oldest.get_or_insert(time);
            if !range.has(time) {
                return;
            }
            if matches!(event.body, EventBody::Gap(_)) {
                // Behind the last that is told it is not of what was asked for.
                if range.from.is_none() || survey.count < range.limit {
                    survey.before_gap = Some(survey.wanted.back().copied().unwrap_or(0));
                }
                return;
            }
            survey.count += 1;
            if range.from.is_none() && survey.wanted.len() == range.limit {
                survey.wanted.pop_front();
            }
            if range.from.is_none() || survey.wanted.is_empty() {
                survey.wanted.push_back(event.seq);
            }
        });
        survey.after = last.unwrap_or(survey.after);
        last.is_none()
    }

    /// From where on how many events are told, and whether that is all that was asked for.
    fn judge(
        &self,
        memory: &Memory,
        stream: Stream,
        range: &HistoryRange,
        survey: &Survey,
    ) -> Phase {
        let reaches_back = match (range.from, survey.oldest) {
            (Some(from), Some(oldest)) => from > oldest,
            (None, _) => survey.count >= range.limit,
            (Some(_), None) => false,
        };
        let holds_all = self.histories.holds_all(memory.instrument, stream);
        let first = survey.wanted.front();
        // Without a begin of the range it begins with the oldest of the newest, if there are so many.
        let begins_later = range.from.is_none() && survey.count >= range.limit;
        let has_gap = survey
            .before_gap
            .is_some_and(|before| !begins_later || first.is_none_or(|first| before >= *first));
        let complete = !has_gap && !survey.is_torn && (holds_all || reaches_back);
        match first {
            Some(&first) => Phase::Tell {
                after: first - 1,
                until: survey.until,
                left: range.part_of(survey.count).1,
                complete,
            },
            None => Phase::Done { complete },
        }
    }
}

impl HistoryRange {
    /// How many of so many that it has are left out first, and how many are told then.
    fn part_of(&self, count: usize) -> (usize, usize) {
        let told = count.min(self.limit);
        (if self.from.is_some() { 0 } else { count - told }, told)
    }

    fn has(&self, millis: i64) -> bool {
        self.from.is_none_or(|from| millis >= from) && self.to.is_none_or(|to| millis <= to)
    }
}

/// The date by which an event is found in a history.
fn event_millis(event: &Event<'_>) -> i64 {
    match event.body {
        EventBody::Candle(candle) => candle.open_time.millis(),
        _ => event.stamp.time().millis(),
    }
}
