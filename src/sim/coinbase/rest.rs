//! The requests beside the streams, as far as both feeds have them in common.

use super::{Coinbase, Product};
use crate::clock::{MonoNanos, UnixNanos};
use crate::json;
use crate::sim::candle::{Bar, Span, interval_of};
use crate::sim::exchange::Exchange;
use crate::sim::http::{Response, Target};
use crate::sim::resting::{BookSide, Resting};
use crate::sim::truth::Kept;

/// Fact: trades in one answer.
const TRADES_MAX: i64 = 1_000;

/// Why a request is refused: status and words.
pub(super) struct Refused(pub(super) u16, pub(super) String);

/// Nothing is there.
pub(super) const NOT_FOUND: fn() -> Refused = || Refused(404, "NotFound".to_owned());

pub(super) fn not_found() -> Response {
    NOT_FOUND().into_response()
}

impl Refused {
    pub(super) fn argument(key: &str) -> Self {
        Self(400, format!("Invalid {key}"))
    }

    fn into_response(self) -> Response {
        let Self(status, words) = self;
        let message = serde_json::json!({ "message": words });
        Response::new(status, message.to_string())
    }
}

/// An answer's body, and where its list goes on.
pub(super) struct Answer {
    pub(super) body: String,
    /// The first and the last number of a list that has pages.
    pub(super) pages: Option<(u64, u64)>,
}

impl From<String> for Answer {
    fn from(body: String) -> Self {
        Self { body, pages: None }
    }
}

impl Exchange<Coinbase> {
    pub(super) fn response(&mut self, target: &Target, now: MonoNanos) -> Response {
        if let Some(status) = self.armed.strikes_request() {
            let words = "Public rate limit exceeded".to_owned();
            return Refused(status, words).into_response().with("Retry-After", 1);
        }
        let parts: Vec<&str> = target.path.split('/').skip(1).collect();
        let at = self.clock.date(now);
        let answer = match self.own.product {
            Product::Exchange => self.answer_exchange(&parts, target, at),
            Product::Advanced => self.answer_advanced(&parts, target, at).map(Answer::from),
        };
        match answer {
            Ok(Answer { body, pages: None }) => Response::new(200, body),
            Ok(Answer { body, pages: Some((first, last)) }) => {
                Response::new(200, body).with("CB-BEFORE", first).with("CB-AFTER", last)
            }
            Err(refused) => refused.into_response(),
        }
    }

    /// The product of that name. A recording has no market behind it.
    pub(super) fn live(&self, native: &str) -> Result<usize, Refused> {
        let index = self.by_native.get(native).filter(|_| self.recording.is_none());
        index.copied().ok_or_else(NOT_FOUND)
    }

    /// The list of products, as REST and the status channel give it.
    pub(super) fn products(&self) -> String {
        let all = (0..self.spellings.len()).map(|index| self.product(index));
        format!("[{}]", all.collect::<Vec<_>>().join(","))
    }

    pub(super) fn product(&self, index: usize) -> String {
        match self.own.product {
            Product::Exchange => self.product_exchange(index),
            Product::Advanced => self.product_advanced(index),
        }
    }

    /// All assets, each once.
    pub(super) fn assets(&self) -> Vec<&str> {
        let mut assets: Vec<&str> = Vec::new();
        for asset in self.spellings.iter().flat_map(|of| [&of.base, &of.quote]) {
            if !assets.contains(&asset.as_str()) {
                assets.push(asset);
            }
        }
        assets
    }

    /// Levels of one side, the best first, each written.
    pub(super) fn levels(
        &self,
        index: usize,
        side: BookSide,
        count: usize,
        write: impl Fn(&str, &str, i64) -> String,
    ) -> String {
        let of = &self.spellings[index];
        let level = |level: Resting| {
            write(&of.price.text(level.price), &of.resting.text(level.size), level.price)
        };
        let levels = self.market.traded[index].book.levels(side).take(count).map(level);
        levels.collect::<Vec<_>>().join(",")
    }

    /// Trades of a product, the newest first, with their dates.
    pub(super) fn trades_of(
        &self,
        index: usize,
        target: &Target,
        is_wanted: impl Fn(&Kept, UnixNanos) -> bool,
    ) -> Result<Vec<(Kept, UnixNanos)>, Refused> {
        let count = whole(target, "limit")?.unwrap_or(100).clamp(1, TRADES_MAX);
        let records = self.truth.lock();
        let dated = |kept: &Kept| (*kept, self.clock.date(kept.planned));
        let kept = records.kept(index).rev().map(dated);
        Ok(kept.filter(|(kept, at)| is_wanted(kept, *at)).take(count as usize).collect())
    }

    /// Candles of so many seconds, the newest first; those without trades are left out.
    pub(super) fn candles_of(
        &self,
        index: usize,
        seconds: i64,
        [start, end]: [Option<i64>; 2],
        count_max: usize,
        at: UnixNanos,
    ) -> Result<Vec<Bar>, Refused> {
        let interval = interval_of(seconds).ok_or_else(|| Refused::argument("granularity"))?;
        let too_many = "granularity too small for the requested time range";
        if let (Some(start), Some(end)) = (start, end)
            && end.saturating_sub(start) / seconds > count_max as i64
        {
            return Err(Refused(400, too_many.to_owned()));
        }
        let span = Span { from_ms: None, until_ms: end.map(in_ms), count_max: usize::MAX };
        let bars = self.market.traded[index].candles.list(interval, at.millis(), span);
        let is_wanted =
            |bar: &Bar| bar.count > 0 && start.is_none_or(|start| bar.start_ms >= in_ms(start));
        Ok(bars.into_iter().rev().filter(is_wanted).take(count_max).collect())
    }
}

const fn in_ms(seconds: i64) -> i64 {
    seconds.saturating_mul(1_000)
}

/// The maker's side of a trade, which Coinbase tells.
pub(super) const fn maker(taker: BookSide, [buy, sell]: [&'static str; 2]) -> &'static str {
    match taker {
        BookSide::Bid => sell,
        BookSide::Ask => buy,
    }
}

pub(super) fn whole(target: &Target, key: &str) -> Result<Option<i64>, Refused> {
    target.whole(key).map_err(|_| Refused::argument(key))
}

/// An instant in seconds, which may be written as a date.
pub(super) fn instant(target: &Target, key: &str) -> Result<Option<i64>, Refused> {
    let date = target.value(key).and_then(|text| json::date(text.as_bytes()));
    date.map_or_else(|| whole(target, key), |date| Ok(Some(date.0 / 1_000_000_000)))
}
