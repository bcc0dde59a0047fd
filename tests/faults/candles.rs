//! Candles as the client was told them, held against what the market did.
//!
//! One that is closed and does not say that it is partial is the market's. A candle is told until it
//! is closed, and never again, unless its exchange corrects its own. Only what a fault may have touched is partial, and the first of those
//! that are made of trades, whose begin nobody heard. A history that says that it is complete has
//! all in which something was traded.
//!
//! Three things no client can find out in time. Kraken and Deriv call no candle final and number
//! nothing: when the last state of one is not sent, the one before passes for it. A time that lies
//! ahead by less than clocks may differ is believed: what it says to be over is closed. And a candle
//! is closed so long after its end: what is late by more, as nothing came for a while, or shows only
//! by the next trade that it is missing, finds it closed.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use tickwire::cache::CandleSource;
use tickwire::instrument::ExchangeId;
use tickwire::sim::{Fault, Of, TrueBar};
use tickwire::tick::Interval;

use super::judge::units;
use super::kinds::{Kind, Trades};

/// A fault has struck what it waited for after so long.
const STRUCK_WITHIN_MS: i64 = 90_000;

/// What is wrong with one event has struck and shown after so long.
const SHOWN_WITHIN_MS: i64 = 30_000;

/// A connection that answers and brings nothing any more is found within this time.
const CUT_OFF_WITHIN_MS: i64 = 13_000;

/// A stream that is mute is found within this time.
const FOUND_WITHIN_MS: i64 = 150_000;

/// A candle is closed so long after its end at the latest.
const OPEN_FOR_MS: i64 = 4_000;

/// A time that lies further ahead is not believed: clocks may differ by less.
const BELIEVED: Duration = Duration::from_secs(3);

/// What is read of a candle.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct CandleData<'a> {
    open_time: i64,
    #[serde(borrow)]
    open: Option<&'a RawValue>,
    #[serde(borrow)]
    high: Option<&'a RawValue>,
    #[serde(borrow)]
    low: Option<&'a RawValue>,
    #[serde(borrow)]
    close: Option<&'a RawValue>,
    #[serde(borrow)]
    volume: Option<&'a RawValue>,
    trades: Option<u64>,
    closed: bool,
    partial: bool,
}

/// One candle, numbers in units of 10⁻¹².
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bar {
    start_ms: i64,
    prices: [i128; 4],
    volume: Option<i128>,
    count: Option<u64>,
    closed: bool,
    partial: bool,
}

/// A history as it was answered.
#[derive(Debug)]
struct History {
    from_ms: i64,
    complete: bool,
    bars: Vec<Bar>,
}

/// The candles of one instrument.
#[derive(Debug, Default)]
struct Seen {
    bars: BTreeMap<i64, Bar>,
    history: Option<History>,
}

/// Judges the candles of one client.
#[derive(Debug)]
pub(super) struct Candles {
    kind: &'static Kind,
    source: CandleSource,
    interval: Interval,
    seen: Vec<Seen>,
    /// When the first fault was asked for.
    fault_ms: Option<i64>,
    /// From when on all was right again.
    right_ms: i64,
    /// Between which times candles may be closed too soon, or without all that happened.
    untimely: Vec<(i64, i64)>,
    begin_ms: i64,
    /// From when on the last state of a candle may be missing without a sign.
    unsigned_ms: i64,
}

impl Candles {
    pub(super) fn new(
        kind: &'static Kind,
        (source, interval): (CandleSource, Interval),
        instruments: usize,
        begin_ms: i64,
    ) -> Self {
        Self {
            kind,
            source,
            interval,
            seen: (0..instruments).map(|_| Seen::default()).collect(),
            fault_ms: None,
            right_ms: i64::MAX,
            untimely: Vec::new(),
            begin_ms,
            unsigned_ms: i64::MAX,
        }
    }

    pub(super) const fn interval(&self) -> Interval {
        self.interval
    }

    const fn length_ms(&self) -> i64 {
        self.interval.nanos() / 1_000_000
    }

    /// Something goes wrong.
    pub(super) fn note(&mut self, fault: &Fault, now_ms: i64) {
        self.fault_ms.get_or_insert(now_ms);
        let made_of = match self.source {
            CandleSource::Trades => Of::Trade,
            CandleSource::Exchange => Of::Candle,
        };
        let lasts_ms = match fault {
            Fault::TimesAhead { by, of, .. } if *of == made_of && *by <= self.believed() => {
                by.as_millis() as i64 + STRUCK_WITHIN_MS
            }
            Fault::Drop { of, .. }
            | Fault::Cut { of, .. }
            | Fault::Reorder { of, .. }
            | Fault::Unreadable { of, .. }
                if *of == made_of =>
            {
                SHOWN_WITHIN_MS
            }
            Fault::Mute { of, .. } if *of == made_of => FOUND_WITHIN_MS,
            Fault::AckMute { .. } => FOUND_WITHIN_MS,
            Fault::Hush => CUT_OFF_WITHIN_MS,
            Fault::Stall(time) => time.as_millis() as i64 + self.length_ms().min(5_000),
            Fault::Superseded { .. } if !self.shows_end() => {
                self.unsigned_ms = self.unsigned_ms.min(now_ms);
                return;
            }
            _ => return,
        };
        self.untimely.push((now_ms, now_ms + lasts_ms));
    }

    /// All is right again.
    pub(super) fn note_right(&mut self, now_ms: i64) {
        self.right_ms = now_ms;
    }

    /// What may lie ahead and is believed, of the begin of a candle that is about to end.
    fn believed(&self) -> Duration {
        BELIEVED + Duration::from_millis(self.length_ms() as u64)
    }

    /// Whether it shows when the end of a candle is missing.
    const fn shows_end(&self) -> bool {
        !matches!(self.kind.exchange, ExchangeId::Kraken | ExchangeId::Deriv)
    }

    /// A candle that the client is told.
    pub(super) fn take(&mut self, index: usize, data: &CandleData<'_>) -> Result<(), String> {
        let bar = Bar::read(data);
        let may_go_back = self.source == CandleSource::Exchange && bar.closed;
        // Those of a clock that was ahead end when time goes back.
        let may_go_back = may_go_back || self.is_excused(&bar);
        let seen = &mut self.seen[index].bars;
        if let Some((_, last)) = seen.last_key_value().filter(|_| !may_go_back) {
            if bar.start_ms < last.start_ms {
                return Err(format!("{bar:?} comes after {last:?}"));
            }
            if (bar.start_ms == last.start_ms) == last.closed {
                return Err(format!("{bar:?} follows {last:?}"));
            }
        }
        seen.insert(bar.start_ms, bar);
        Ok(())
    }

    /// The history from a time on.
    pub(super) fn take_history(&mut self, index: usize, events: &[CandleData<'_>], complete: bool) {
        let from_ms = self.history_from(index);
        let bars = events.iter().map(Bar::read).collect();
        self.seen[index].history = Some(History { from_ms, complete, bars });
    }

    /// From when on a history is asked for: the second candle that was told, as the first may be
    /// partial.
    pub(super) fn history_from(&self, index: usize) -> i64 {
        self.seen[index].bars.keys().nth(1).copied().unwrap_or(0)
    }

    /// Whether a candle may differ from the market's without saying so.
    fn is_excused(&self, bar: &Bar) -> bool {
        let end_ms = bar.start_ms + self.length_ms() + OPEN_FOR_MS;
        end_ms > self.unsigned_ms
            || self.untimely.iter().any(|(from, to)| end_ms > *from && bar.start_ms <= *to)
    }

    /// Whether the newest candle is the market's, which it can be while that stands still.
    pub(super) fn is_equal(&self, index: usize, truth: &[TrueBar]) -> Result<(), String> {
        let traded = |bar: &&TrueBar| bar.count != Some(0);
        let Some(real) = truth.iter().rfind(traded) else { return Ok(()) };
        let Some((_, told)) = self.seen[index].bars.range(real.start_ms..).next() else {
            return Err(format!("no candle is told since the one before {real:?}"));
        };
        if told.partial || self.is_excused(told) || self.is(told, real) {
            return Ok(());
        }
        Err(format!("{told:?} is not {real:?}"))
    }

    /// Whether every candle that was told is the market's or says that it is not.
    pub(super) fn judge(&self, index: usize, truth: &[TrueBar]) -> Result<(), String> {
        let seen = &self.seen[index];
        for (place, told) in seen.bars.values().filter(|told| told.closed).enumerate() {
            let is_first = place == 0 && self.source == CandleSource::Trades;
            match told.partial {
                true if is_first || self.may_be_partial(told) || self.is_excused(told) => {}
                true => {
                    let begun = told.start_ms - self.begin_ms;
                    let what = format!("{told:?}, begun after {begun} ms, is partial");
                    return Err(format!("{what}, and nothing happened to it"));
                }
                false => self.judge_whole(told, truth)?,
            }
        }
        match &seen.history {
            Some(history) => self.judge_history(history, truth),
            None => Err("the history was not answered".to_owned()),
        }
    }

    fn may_be_partial(&self, told: &Bar) -> bool {
        let end_ms = told.start_ms + self.length_ms() + OPEN_FOR_MS;
        // A fault that waits for its event may strike when all has been right again.
        let over_ms = self.right_ms.saturating_add(SHOWN_WITHIN_MS);
        self.fault_ms.is_some_and(|fault_ms| end_ms >= fault_ms) && told.start_ms <= over_ms
    }

    fn judge_whole(&self, told: &Bar, truth: &[TrueBar]) -> Result<(), String> {
        if self.is_excused(told) {
            return Ok(());
        }
        let place = truth.binary_search_by_key(&told.start_ms, |real| real.start_ms);
        let real = place.map(|place| &truth[place]).map_err(|_| format!("{told:?} never was"))?;
        let begun = told.start_ms - self.begin_ms;
        match self.is(told, real) {
            true => Ok(()),
            false => Err(format!("{told:?}, begun after {begun} ms, is not {real:?}")),
        }
    }

    /// What a history holds was told so, and where it says so it holds all.
    fn judge_history(&self, history: &History, truth: &[TrueBar]) -> Result<(), String> {
        let closed = history.bars.iter().filter(|told| told.closed && !told.partial);
        closed.clone().try_for_each(|told| self.judge_whole(told, truth))?;
        if !history.complete {
            return Ok(());
        }
        let traded = truth.iter().filter(|real| real.count != Some(0));
        let mut missing = traded.filter(|real| {
            real.start_ms >= history.from_ms
                && history.bars.iter().all(|told| told.start_ms != real.start_ms)
        });
        let excused = |real: &TrueBar| {
            let bar = Bar { start_ms: real.start_ms, ..Bar::NONE };
            self.is_excused(&bar)
        };
        match missing.find(|real| !excused(real)) {
            Some(real) => Err(format!("a history that says it is complete lacks {real:?}")),
            None => Ok(()),
        }
    }

    fn is(&self, told: &Bar, real: &TrueBar) -> bool {
        let prices = real.prices.each_ref().map(|price| units(price));
        let volume = real.volume.as_deref().map(units);
        // What is told as one trade there may be several.
        let is_told_together =
            self.kind.trades == Trades::Orders || self.kind.exchange == ExchangeId::Okx;
        let counts_orders = self.source == CandleSource::Trades && is_told_together;
        told.start_ms == real.start_ms
            && told.prices == prices
            && (told.volume.is_none() || told.volume == volume)
            && (told.count.is_none() || counts_orders || told.count == real.count)
    }
}

impl Bar {
    const NONE: Self = Self {
        start_ms: 0,
        prices: [0; 4],
        volume: None,
        count: None,
        closed: false,
        partial: false,
    };

    fn read(data: &CandleData<'_>) -> Self {
        let number = |value: Option<&RawValue>| units(value.map_or("", RawValue::get));
        let volume = data.volume.filter(|volume| volume.get() != "null");
        Self {
            start_ms: data.open_time,
            prices: [data.open, data.high, data.low, data.close].map(number),
            volume: volume.map(|volume| units(volume.get())),
            count: data.trades,
            closed: data.closed,
            partial: data.partial,
        }
    }
}
