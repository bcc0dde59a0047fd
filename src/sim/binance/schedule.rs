//! What Binance sends of its own accord, and when: trades at planned instants, all else by
//! cadence.

use std::time::Duration;

use super::frames::{DepthIds, Frame};
use super::streams::{KINDS, Kind, PARTIAL_LEVELS, speeds};
use super::{Binance, Product};
use crate::clock::{MonoNanos, UnixNanos};
use crate::sim::agenda::{Agenda, Planned, phase};
use crate::sim::candle::INTERVALS;
use crate::sim::lines::Lines;
use crate::sim::market::{Market, Print, Step};
use crate::sim::resting::{BookSide, sort_told};
use crate::sim::speaker::Due;
use crate::sim::truth::Kept;

/// Summaries (tickers, mark price) come this often.
const SUMMARY_EVERY: Duration = Duration::from_secs(1);

/// A recurring duty for one instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::sim) enum Duty {
    Depth {
        instrument: usize,
        speed: usize,
    },
    Candles {
        instrument: usize,
    },
    Summary {
        instrument: usize,
    },
    /// Of all instruments in one list.
    Summaries,
}

/// Deltas of one instrument and speed that were not sent yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Batch {
    changed: Vec<(BookSide, i64)>,
    first: u64,
    last: u64,
    /// Last id of the batch before.
    previous: u64,
}

/// When what is due, and what waits to be sent then.
#[derive(Debug)]
pub(super) struct Schedule {
    pub(super) agenda: Agenda<Duty>,
    /// Per instrument and speed.
    batches: Vec<Batch>,
    speeds: &'static [(&'static str, u64)],
    /// Trades counted when each instrument's summaries were last sent.
    told: Vec<u64>,
    /// The same of the lists of all instruments.
    told_all: Vec<u64>,
    /// Lists sent, likewise.
    beat_all: u64,
    /// Summaries sent, for streams of every third second.
    beat: Vec<u64>,
    pub(super) began: MonoNanos,
}

impl Schedule {
    pub(super) fn new(
        product: Product,
        market: &Market,
        mut agenda: Agenda<Duty>,
        now: MonoNanos,
    ) -> Self {
        let speeds = speeds(product);
        let count = market.traded.len();
        for instrument in 0..count {
            let phase = |period: Duration| phase(now, period, instrument, count);
            for (speed, (_, every_ms)) in speeds.iter().enumerate() {
                let at = phase(Duration::from_millis(*every_ms));
                agenda.plan(at, Duty::Depth { instrument, speed });
            }
            agenda.plan(phase(candles_every(product)), Duty::Candles { instrument });
            agenda.plan(phase(SUMMARY_EVERY), Duty::Summary { instrument });
        }
        agenda.plan(now.after(SUMMARY_EVERY), Duty::Summaries);
        let batch = |traded: &super::super::market::Traded| Batch {
            previous: traded.update_id,
            last: traded.update_id,
            ..Batch::default()
        };
        let batches =
            market.traded.iter().flat_map(|traded| speeds.iter().map(move |_| batch(traded)));
        Self {
            agenda,
            batches: batches.collect(),
            speeds,
            told: vec![0; count],
            told_all: vec![0; count],
            beat_all: 0,
            beat: vec![0; count],
            began: now,
        }
    }

    /// Id up to which deltas of an instrument were sent at the fastest speed.
    pub(super) fn sent_update_id(&self, instrument: usize) -> u64 {
        self.batches[instrument * self.speeds.len()].previous
    }
}

const fn candles_every(product: Product) -> Duration {
    match product {
        Product::Spot => Duration::from_secs(1),
        Product::Futures => Duration::from_millis(250),
    }
}

impl Planned for Binance {
    type Duty = Duty;

    fn agenda(&self) -> &Agenda<Duty> {
        &self.schedule.agenda
    }

    fn is_heard(&self) -> bool {
        self.fanout.count > 0
    }

    /// One taker, with all that is told at once.
    fn run_step(&mut self, planned: MonoNanos, lines: &mut Lines) {
        let at = self.clock.date(planned);
        let step = self.schedule.agenda.take_step(planned, at, &mut self.market);
        for index in 0..step.prints.len() {
            self.tell_trade(step.instrument, step.prints[index], planned, lines);
        }
        let base = step.instrument * KINDS;
        let (spelling, traded) =
            (&self.spellings[step.instrument], &self.market.traded[step.instrument]);
        self.fanout.publish(base + Kind::AggTrade.index(), lines, spelling, |frame| {
            frame.agg_trade(step.order_id, &step.prints, at);
        });
        if step.best_changed {
            for base in [base, self.spellings.len() * KINDS] {
                self.fanout.publish(base + Kind::BookTicker.index(), lines, spelling, |frame| {
                    frame.book_ticker(traded, at);
                });
            }
        }
        self.note_changes(&step);
        self.schedule.agenda.give_back(step);
    }

    fn run_duty(&mut self, lines: &mut Lines) {
        let Some((planned, duty)) = self.schedule.agenda.pop() else { return };
        let every = match duty {
            Duty::Depth { instrument, speed } => {
                self.tell_depth(instrument, speed, self.clock.date(planned), lines);
                Duration::from_millis(self.schedule.speeds[speed].1)
            }
            Duty::Candles { instrument } => {
                self.tell_candles(instrument, self.clock.date(planned), lines);
                candles_every(self.product)
            }
            Duty::Summary { instrument } => {
                self.tell_summary(instrument, self.clock.date(planned), lines);
                SUMMARY_EVERY
            }
            Duty::Summaries => {
                self.tell_summaries(self.clock.date(planned), lines);
                SUMMARY_EVERY
            }
        };
        self.schedule.agenda.plan(planned.after(every), duty);
    }
}

impl Binance {
    /// Keeps what the next depth frames will tell, for the speeds that somebody listens to.
    fn note_changes(&mut self, step: &Step) {
        let speeds = self.schedule.speeds.len();
        for speed in 0..speeds {
            let heard = self.hears_depth(step.instrument, speed);
            let batch = &mut self.schedule.batches[step.instrument * speeds + speed];
            for change in &step.changes {
                let begins_anew = change.update_id < batch.last;
                if batch.changed.is_empty() || begins_anew {
                    batch.first = change.update_id;
                }
                if begins_anew {
                    batch.previous = change.update_id - 1;
                }
                batch.last = change.update_id;
                if heard {
                    batch.changed.push((change.side, change.price));
                } else {
                    batch.changed.clear();
                    batch.previous = change.update_id;
                }
            }
        }
    }

    /// Whether anybody wants depth frames of that speed, whole or partial.
    fn hears_depth(&self, instrument: usize, speed: usize) -> bool {
        let wants = |kind: Kind| self.fanout.wants(instrument * KINDS + kind.index());
        wants(Kind::Depth(speed))
            || (0..PARTIAL_LEVELS.len()).any(|at| wants(Kind::Partial(at, speed)))
    }

    fn tell_trade(
        &mut self,
        instrument: usize,
        print: Print,
        planned: MonoNanos,
        lines: &mut Lines,
    ) {
        self.truth.lock().keep(instrument, Kept { print, planned });
        let at = self.clock.date(planned);
        let stream = instrument * KINDS + Kind::Trade.index();
        self.fanout.publish(stream, lines, &self.spellings[instrument], |frame| {
            frame.trade(&print, at);
        });
    }

    fn tell_depth(&mut self, instrument: usize, speed: usize, at: UnixNanos, lines: &mut Lines) {
        let slot = instrument * self.schedule.speeds.len() + speed;
        if self.schedule.batches[slot].changed.is_empty() {
            return;
        }
        let mut batch = std::mem::take(&mut self.schedule.batches[slot]);
        sort_told(&mut batch.changed);
        self.send_depth(instrument, speed, &batch, at, lines);
        self.tell_partial(instrument, speed, &batch, at, lines);
        let (last, mut changed) = (batch.last, batch.changed);
        changed.clear();
        self.schedule.batches[slot] = Batch { changed, first: last, last, previous: last };
    }

    fn send_depth(
        &mut self,
        instrument: usize,
        speed: usize,
        batch: &Batch,
        at: UnixNanos,
        lines: &mut Lines,
    ) {
        let stream = instrument * KINDS + Kind::Depth(speed).index();
        let book = &self.market.traded[instrument].book;
        self.fanout.publish(stream, lines, &self.spellings[instrument], |frame| {
            frame.depth(batch.ids(), &batch.changed, book, at);
        });
    }

    fn tell_partial(
        &mut self,
        instrument: usize,
        speed: usize,
        batch: &Batch,
        at: UnixNanos,
        lines: &mut Lines,
    ) {
        let book = &self.market.traded[instrument].book;
        for (index, count) in PARTIAL_LEVELS.into_iter().enumerate() {
            let stream = instrument * KINDS + Kind::Partial(index, speed).index();
            self.fanout.publish(stream, lines, &self.spellings[instrument], |frame| {
                frame.partial(count, batch.ids(), book, at);
            });
        }
    }

    fn tell_candles(&mut self, instrument: usize, at: UnixNanos, lines: &mut Lines) {
        let candles = &mut self.market.traded[instrument].candles;
        candles.roll(at.millis());
        for interval in 0..INTERVALS.len() {
            let stream = instrument * KINDS + Kind::Kline(interval).index();
            if !self.fanout.wants(stream) {
                continue;
            }
            let ended = candles.take_ended(interval).map(|bar| (bar, true));
            let current = candles.take_changed(interval).map(|bar| (bar, false));
            for (bar, closed) in ended.into_iter().chain(current) {
                self.fanout.publish(stream, lines, &self.spellings[instrument], |frame| {
                    frame.kline(interval, &bar, closed, at);
                });
            }
        }
    }

    fn tell_summary(&mut self, instrument: usize, at: UnixNanos, lines: &mut Lines) {
        let traded = &self.market.traded[instrument];
        let base = instrument * KINDS;
        let spelling = &self.spellings[instrument];
        let began = self.clock.date(self.schedule.began);
        if traded.day.count != self.schedule.told[instrument] {
            self.schedule.told[instrument] = traded.day.count;
            let ticker = |frame: &mut Frame<'_>| frame.ticker(traded, began, at);
            self.fanout.publish(base + Kind::Ticker.index(), lines, spelling, ticker);
            let mini = |frame: &mut Frame<'_>| frame.mini_ticker(&traded.day, at);
            self.fanout.publish(base + Kind::MiniTicker.index(), lines, spelling, mini);
        }
        let beat = self.schedule.beat[instrument];
        self.schedule.beat[instrument] += 1;
        for fast in [true, false] {
            if fast || beat.is_multiple_of(3) {
                let kind = Kind::MarkPrice { fast };
                let mark = |frame: &mut Frame<'_>| frame.mark_price(&traded.day, at);
                self.fanout.publish(base + kind.index(), lines, spelling, mark);
            }
        }
    }

    /// The summaries of all instruments whose numbers changed, and every mark price.
    fn tell_summaries(&mut self, at: UnixNanos, lines: &mut Lines) {
        let (traded, spellings) = (&self.market.traded, &self.spellings);
        let began = self.clock.date(self.schedule.began);
        let base = spellings.len() * KINDS;
        let told = &mut self.schedule.told_all;
        let changed: Vec<usize> =
            (0..traded.len()).filter(|index| traded[*index].day.count != told[*index]).collect();
        changed.iter().for_each(|index| told[*index] = traded[*index].day.count);
        let ticker = |frame: &mut Frame<'_>, index: usize| frame.ticker(&traded[index], began, at);
        self.fanout.publish_list(base + Kind::Ticker.index(), lines, spellings, &changed, ticker);
        let mini = |frame: &mut Frame<'_>, index: usize| frame.mini_ticker(&traded[index].day, at);
        self.fanout.publish_list(base + Kind::MiniTicker.index(), lines, spellings, &changed, mini);
        let all: Vec<usize> = (0..traded.len()).collect();
        let beat = self.schedule.beat_all;
        self.schedule.beat_all += 1;
        for fast in [true, false] {
            if fast || beat.is_multiple_of(3) {
                let stream = base + Kind::MarkPrice { fast }.index();
                self.fanout.publish_list(stream, lines, spellings, &all, |frame, index| {
                    frame.mark_price(&traded[index].day, at);
                });
            }
        }
    }

    /// Plays the recording to every client.
    pub(super) fn play(&mut self, now: MonoNanos, lines: &mut Lines) -> Due {
        let Some(recording) = &self.recording else { return Due::NEVER };
        let sessions = self.sessions.iter_mut();
        recording.play(
            now,
            sessions,
            lines,
            |session| &mut session.playing,
            |id, session, frame, lines| {
                if frame.is_for(recording, &session.keys) {
                    let text = match session.combined {
                        true => frame.text.as_str(),
                        false => unwrapped(&frame.text),
                    };
                    lines.market(id, &[text.as_bytes()]);
                }
            },
        )
    }
}

impl Batch {
    const fn ids(&self) -> DepthIds {
        DepthIds { first: self.first, last: self.last, previous: self.previous }
    }
}

/// The data of a wrapped frame; any other frame as it is.
fn unwrapped(text: &str) -> &str {
    let data = text.strip_prefix("{\"stream\":\"").and_then(|rest| rest.split_once(",\"data\":"));
    data.and_then(|(_, data)| data.strip_suffix('}')).unwrap_or(text)
}
