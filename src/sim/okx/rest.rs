//! The requests beside the streams: what there is, how often it may be asked for, what is refused.

use std::collections::HashMap;

use super::Okx;
use super::channels::Kind;
use super::frames::Frame;
use super::listing::Class;
use crate::clock::{MonoNanos, UnixNanos};
use crate::sim::candle::{Bar, Span};
use crate::sim::exchange::Exchange;
use crate::sim::http::{Response, Target};
use crate::sim::rate::Recent;
use crate::sim::truth::Kept;
use crate::sim::write::text_of;

const WINDOW_NS: u64 = 2_000_000_000;

/// When what was asked for. All clients here share one address.
#[derive(Debug, Default)]
pub(super) struct Requests(HashMap<&'static str, Recent>);

/// What may be asked for, how often in two seconds.
const NAMES: [(&str, usize); 26] = [
    ("market/books", 40),
    ("market/books-full", 10),
    ("market/candles", 40),
    ("market/history-candles", 20),
    ("market/history-index-candles", 10),
    ("market/history-mark-price-candles", 10),
    ("market/history-trades", 20),
    ("market/index-candles", 20),
    ("market/index-tickers", 20),
    ("market/mark-price-candles", 20),
    ("market/ticker", 20),
    ("market/tickers", 20),
    ("market/trades", 100),
    ("public/delivery-exercise-history", 40),
    ("public/estimated-price", 10),
    ("public/funding-rate", 20),
    ("public/funding-rate-history", 10),
    ("public/instruments", 20),
    ("public/mark-price", 10),
    ("public/open-interest", 20),
    ("public/opt-summary", 20),
    ("public/option-trades", 20),
    ("public/price-limit", 20),
    ("public/time", 10),
    ("public/underlying", 20),
    ("system/status", 10),
];

/// Why a request is refused: OKX's code and words.
struct Refused(&'static str, String);

impl Refused {
    fn parameter(key: &str) -> Self {
        Self("51000", format!("Parameter {key} error"))
    }

    fn empty(key: &str) -> Self {
        Self("50014", format!("Parameter {key} can not be empty"))
    }
}

/// Nothing is there.
pub(super) fn not_found() -> Response {
    Response::new(404, "{\"msg\":\"Not Found\",\"code\":\"404\",\"data\":[]}".to_owned())
}

fn too_many(status: u16) -> Response {
    let body = "{\"msg\":\"Too Many Requests\",\"code\":\"50011\",\"data\":[]}".to_owned();
    Response::new(status, body)
}

impl Requests {
    /// Counts one; false when there were too many.
    fn count(&mut self, name: &'static str, most: usize, now: MonoNanos) -> bool {
        self.0.entry(name).or_default().count(most, WINDOW_NS, now)
    }
}

impl Exchange<Okx> {
    pub(super) fn response(&mut self, target: &Target, now: MonoNanos) -> Response {
        let name = target.path.strip_prefix("/api/v5/");
        let known = name.and_then(|name| NAMES.into_iter().find(|(known, _)| *known == name));
        let Some((name, most)) = known else { return not_found() };
        if self.recording.is_some() && !matches!(name, "public/instruments" | "public/time") {
            return not_found();
        }
        if let Some(status) = self.armed.strikes_request() {
            return too_many(status);
        }
        if !self.own.requests.count(name, most, now) {
            return too_many(429);
        }
        match self.entries(name, target, self.clock.date(now)) {
            Ok(entries) => {
                let entries = entries.join(",");
                Response::new(200, format!("{{\"code\":\"0\",\"data\":[{entries}],\"msg\":\"\"}}"))
            }
            Err(Refused(code, words)) => {
                let body = format!("{{\"msg\":\"{words}\",\"code\":\"{code}\",\"data\":[]}}");
                // What does not exist is no fault of the request's form.
                Response::new(if code == "51001" { 200 } else { 400 }, body)
            }
        }
    }

    fn entries(&self, name: &str, target: &Target, at: UnixNanos) -> Result<Vec<String>, Refused> {
        let traded = |index: usize| &self.market.traded[index];
        match name {
            "public/time" => Ok(vec![format!("{{\"ts\":\"{}\"}}", at.millis())]),
            "public/instruments" => self.instruments(target),
            "public/underlying" => self.underlyings(target),
            "market/books" | "market/books-full" => self.books(name, target, at),
            "market/trades" | "market/history-trades" => self.trades(target),
            "market/candles" | "market/history-candles" => {
                self.candles(self.one(target)?, target, at, |it, bar, over| {
                    it.candle_entry(bar, over)
                })
            }
            "market/mark-price-candles" | "market/history-mark-price-candles" => {
                self.candles(self.one(target)?, target, at, |it, bar, over| {
                    it.price_candle(bar, over)
                })
            }
            "market/index-candles" | "market/history-index-candles" => {
                self.candles(self.of_pair(target)?, target, at, |it, bar, over| {
                    it.price_candle(bar, over)
                })
            }
            "market/ticker" => {
                let index = self.one(target)?;
                Ok(vec![self.entry(index, |frame| frame.ticker_entry(traded(index), at))])
            }
            "market/tickers" => self.each(target, |frame, index| {
                frame.ticker_entry(traded(index), at);
            }),
            "market/index-tickers" => {
                let index = self.of_pair(target)?;
                let day = &traded(index).day;
                Ok(vec![self.entry(index, |frame| frame.index_price(day, at))])
            }
            "public/mark-price" => self.each(target, |frame, index| {
                frame.mark_price(&traded(index).day, at);
            }),
            "public/open-interest" => self.each(target, |frame, index| {
                frame.open_interest(traded(index), at);
            }),
            "public/price-limit" => {
                let index = self.one(target)?;
                Ok(vec![self.entry(index, |frame| frame.price_limit(&traded(index).day, at))])
            }
            "public/funding-rate" => self.funding(target, |frame| frame.funding(at)),
            "public/funding-rate-history" => self.funding(target, |frame| frame.settled(at)),
            // Of what nothing happens here: maintenance, deliveries, estimates, option summaries.
            _ => Ok(Vec::new()),
        }
    }

    fn entry(&self, index: usize, write: impl FnOnce(&mut Frame<'_>)) -> String {
        text_of(|out| write(&mut Frame::new(out, &self.spellings[index])))
    }

    /// The instrument that a request must name.
    fn one(&self, target: &Target) -> Result<usize, Refused> {
        let native = target.value("instId").filter(|native| !native.is_empty());
        let index = self.by_native.get(native.ok_or_else(|| Refused::empty("instId"))?);
        index.copied().ok_or_else(|| {
            let words = "Instrument ID, Instrument ID code, or Spread ID doesn't exist.";
            Refused("51001", words.to_owned())
        })
    }

    /// The busiest instrument of a pair, whose price is its index.
    fn of_pair(&self, target: &Target) -> Result<usize, Refused> {
        let wanted = target.value("instId").ok_or_else(|| Refused::empty("instId"))?;
        self.pair_index(wanted)
            .ok_or_else(|| Refused("51001", "Instrument ID does not exist.".to_owned()))
    }

    /// See [`Self::of_pair`].
    pub(super) fn pair_index(&self, pair: &str) -> Option<usize> {
        self.spellings.iter().position(|spelling| spelling.pair == pair)
    }

    /// One entry for each instrument of a class that a request does not leave out.
    fn each(
        &self,
        target: &Target,
        write: impl Fn(&mut Frame<'_>, usize),
    ) -> Result<Vec<String>, Refused> {
        let native = target.value("instId");
        // Whoever names an instrument need not name its class.
        let class = match (target.value("instType"), native) {
            (None | Some("" | "ANY"), Some(_)) => None,
            _ => Some(class_of(target)?),
        };
        let family = target.value("instFamily").or(target.value("uly"));
        let is_chosen = |index: usize| {
            let spelling = &self.spellings[index];
            class.is_none_or(|class| spelling.class == class)
                && family.is_none_or(|family| family.is_empty() || *family == spelling.pair)
                && native.is_none_or(|native| native == spelling.native)
        };
        let chosen = (0..self.spellings.len()).filter(|index| is_chosen(*index));
        Ok(chosen.map(|index| self.entry(index, |frame| write(frame, index))).collect())
    }

    fn instruments(&self, target: &Target) -> Result<Vec<String>, Refused> {
        let is_named = ["instFamily", "uly"].iter().any(|key| target.value(key).is_some());
        if class_of(target)? == Class::Option && !is_named {
            let words = "Either parameter uly or instFamily is required.";
            return Err(Refused("51000", words.to_owned()));
        }
        self.each(target, |frame, index| frame.listing(&self.market.traded[index].listed))
    }

    /// The pairs that contracts of a class are made of, as one list.
    fn underlyings(&self, target: &Target) -> Result<Vec<String>, Refused> {
        let class = class_of(target)?;
        let of_class = self.spellings.iter().filter(|spelling| spelling.class == class);
        let mut pairs: Vec<String> =
            of_class.map(|spelling| format!("\"{}\"", spelling.pair)).collect();
        pairs.sort();
        pairs.dedup();
        Ok(vec![format!("[{}]", pairs.join(","))])
    }

    fn books(&self, name: &str, target: &Target, at: UnixNanos) -> Result<Vec<String>, Refused> {
        let index = self.one(target)?;
        let most = if name == "market/books" { 400 } else { 5_000 };
        let count = whole(target, "sz")?.unwrap_or(1);
        if !(1..=most).contains(&count) {
            return Err(Refused::parameter("sz"));
        }
        let traded = &self.market.traded[index];
        let sequence = self.own.schedule.numbering(index).of(traded.update_id);
        let entry = self.entry(index, |frame| {
            frame.book_entry(traded, count as usize, sequence, at);
        });
        Ok(vec![entry])
    }

    /// Trades, the newest first; those before a number where one is given.
    fn trades(&self, target: &Target) -> Result<Vec<String>, Refused> {
        let index = self.one(target)?;
        let count = whole(target, "limit")?.unwrap_or(100).clamp(1, 500) as usize;
        let before = whole(target, "after")?.unwrap_or(i64::MAX);
        let records = self.truth.lock();
        let kept = records.kept(index).rev();
        let kept = kept.filter(|kept| i128::from(kept.print.id) < i128::from(before));
        let entry = |Kept { print, planned }: &Kept| {
            let at = self.clock.date(*planned);
            self.entry(index, |frame| frame.trade_entry(None, print, at))
        };
        Ok(kept.take(count).map(entry).collect())
    }

    /// Candles between two instants, the newest first.
    fn candles(
        &self,
        index: usize,
        target: &Target,
        at: UnixNanos,
        write: impl Fn(&mut Frame<'_>, &Bar, bool),
    ) -> Result<Vec<String>, Refused> {
        let bar = target.value("bar").unwrap_or("1m");
        let Some(Kind::Candles(interval)) = Kind::parse(&format!("candle{bar}")) else {
            return Err(Refused::parameter("bar"));
        };
        let count = whole(target, "limit")?.unwrap_or(100).clamp(1, 300) as usize;
        let span = Span {
            from_ms: whole(target, "before")?.map(|before| before.saturating_add(1)),
            until_ms: whole(target, "after")?.map(|after| after.saturating_sub(1)),
            count_max: usize::MAX,
        };
        let candles = &self.market.traded[index].candles;
        let newest_ms = candles.current_start(interval, at.millis());
        let bars = candles.list(interval, at.millis(), span).into_iter().rev().take(count);
        let entry =
            |bar: Bar| self.entry(index, |frame| write(frame, &bar, bar.start_ms < newest_ms));
        Ok(bars.map(entry).collect())
    }

    /// What is settled between those who hold a perpetual: of one, or of all.
    fn funding(
        &self,
        target: &Target,
        write: impl Fn(&mut Frame<'_>),
    ) -> Result<Vec<String>, Refused> {
        if target.value("instId") == Some("ANY") {
            let all = 0..self.spellings.len();
            let swaps = all.filter(|index| self.spellings[*index].class == Class::Swap);
            return Ok(swaps.map(|index| self.entry(index, &write)).collect());
        }
        let index = self.one(target)?;
        match self.spellings[index].class {
            Class::Swap => Ok(vec![self.entry(index, write)]),
            Class::Spot | Class::Futures | Class::Option => Err(Refused::parameter("instId")),
        }
    }
}

fn class_of(target: &Target) -> Result<Class, Refused> {
    let name = match target.value("instType").unwrap_or("") {
        // Spot with borrowed money is the same instruments.
        "MARGIN" => "SPOT",
        name => name,
    };
    let known = [Class::Spot, Class::Swap, Class::Futures, Class::Option];
    known
        .into_iter()
        .find(|known| known.name() == name)
        .ok_or_else(|| Refused::parameter("instType"))
}

fn whole(target: &Target, key: &str) -> Result<Option<i64>, Refused> {
    target.whole(key).map_err(|_| Refused::parameter(key))
}
