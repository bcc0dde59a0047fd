//! The requests beside the streams: what there is, and the market as it stands.

use super::channels::INTERVALS;
use super::frames::{Spelling, is_at_market};
use super::{Kraken, Version};
use crate::clock::{MonoNanos, UnixNanos};
use crate::sim::candle::{Bar, Span};
use crate::sim::date::{date, date_of_mail};
use crate::sim::exchange::Exchange;
use crate::sim::http::{Response, Target};
use crate::sim::market::Traded;
use crate::sim::resting::{BookSide, Resting};
use crate::sim::truth::Kept;
use crate::sim::write::{decimal, text_of};

/// Fact: candles in one answer.
const CANDLES_MAX: usize = 720;

/// Fact: trades in one answer.
const TRADES_MAX: i64 = 1_000;

/// Fact: levels of each side in one answer.
const LEVELS_MAX: i64 = 500;

/// Instants below this are seconds, as 10¹² seconds are the year 33,658; above, nanoseconds.
const SECONDS_BELOW: i64 = 1_000_000_000_000;

/// Why a request is refused, in Kraken's words.
pub(super) struct Refused(pub(super) &'static str);

/// What is asked for does not have that form.
pub(super) const ARGUMENTS: Refused = Refused("EGeneral:Invalid arguments");

fn refusal(status: u16, words: &str) -> Response {
    Response::new(status, format!(r#"{{"error":["{words}"]}}"#))
}

impl Exchange<Kraken> {
    pub(super) fn response(&mut self, target: &Target, now: MonoNanos) -> Response {
        let unknown = || refusal(404, "EGeneral:Unknown method");
        let Some(name) = target.path.strip_prefix("/0/public/") else { return unknown() };
        if let Some(status) = self.armed.strikes_request() {
            return refusal(status, "EGeneral:Too many requests");
        }
        match self.result(name, target, self.clock.date(now)) {
            Some(Ok(result)) => {
                Response::new(200, format!(r#"{{"error":[],"result":{{{result}}}}}"#))
            }
            // What is refused is an answer like any other.
            Some(Err(Refused(words))) => refusal(200, words),
            None => unknown(),
        }
    }

    /// What stands between the braces of a result; `None` where nothing has that name.
    fn result(
        &self,
        name: &str,
        target: &Target,
        at: UnixNanos,
    ) -> Option<Result<String, Refused>> {
        let seconds = at.millis() / 1_000;
        // A recording has no market behind it.
        let is_live = self.recording.is_none();
        Some(match name {
            "Time" => {
                let date = date_of_mail(at);
                Ok(format!(r#""unixtime":{seconds},"rfc1123":"{date}""#))
            }
            "SystemStatus" => Ok(format!(r#""status":"online","timestamp":"{}""#, date(at, 0))),
            "Assets" => self.assets(target),
            "AssetPairs" => self.asset_pairs(target),
            "Ticker" if is_live => self.tickers(target),
            "Depth" if is_live => self.depth(target, seconds),
            "Trades" if is_live => self.trades(target),
            "OHLC" if is_live => self.candles(target, at),
            "Spread" if is_live => self.spread(target, seconds),
            _ => return None,
        })
    }

    /// The instruments that a request names, separated by commas; `None` where it names none.
    pub(super) fn named(&self, target: &Target) -> Result<Option<Vec<usize>>, Refused> {
        let Some(names) = target.value("pair") else { return Ok(None) };
        let index = |name: &str| self.own.names.iter().position(|names| names.is(name));
        let indices = names.split(',').map(index).collect::<Option<Vec<usize>>>();
        indices.map(Some).ok_or(Refused("EQuery:Unknown asset pair"))
    }

    /// The one instrument that a request must name.
    fn one(&self, target: &Target) -> Result<usize, Refused> {
        match self.named(target)?.as_deref() {
            Some(&[index]) => Ok(index),
            _ => Err(ARGUMENTS),
        }
    }

    fn tickers(&self, target: &Target) -> Result<String, Refused> {
        let named = self.named(target)?;
        let indices = named.unwrap_or_else(|| (0..self.spellings.len()).collect());
        let entries = indices.into_iter().map(|index| {
            let (of, traded) = (&self.spellings[index], &self.market.traded[index]);
            format!(r#""{}":{}"#, self.own.names[index].key, ticker(of, traded, Version::Second))
        });
        Ok(entries.collect::<Vec<_>>().join(","))
    }

    fn depth(&self, target: &Target, seconds: i64) -> Result<String, Refused> {
        let index = self.one(target)?;
        let count = whole(target, "count")?.unwrap_or(100);
        if !(1..=LEVELS_MAX).contains(&count) {
            return Err(ARGUMENTS);
        }
        let (of, book) = (&self.spellings[index], &self.market.traded[index].book);
        let side = |side: BookSide| {
            let level = |level: Resting| {
                let (price, size) = (of.answered.text(level.price), of.size.text(level.size));
                format!(r#"["{price}","{size}",{seconds}]"#)
            };
            let levels = book.levels(side).take(count as usize).map(level);
            levels.collect::<Vec<_>>().join(",")
        };
        let (asks, bids) = (side(BookSide::Ask), side(BookSide::Bid));
        Ok(format!(r#""{}":{{"asks":[{asks}],"bids":[{bids}]}}"#, self.own.names[index].key))
    }

    /// Trades, oldest first: those after an instant, else the last.
    fn trades(&self, target: &Target) -> Result<String, Refused> {
        let index = self.one(target)?;
        let of = &self.spellings[index];
        let count = whole(target, "count")?.unwrap_or(TRADES_MAX);
        if !(1..=TRADES_MAX).contains(&count) {
            return Err(ARGUMENTS);
        }
        let since = whole(target, "since")?.map(nanos);
        let records = self.truth.lock();
        let all = records.kept(index).map(|kept| (kept, self.clock.date(kept.planned)));
        let all: Vec<(&Kept, UnixNanos)> =
            all.filter(|(_, at)| since.is_none_or(|since| at.0 > since)).collect();
        let count = all.len().min(count as usize);
        let chosen = if since.is_some() { &all[..count] } else { &all[all.len() - count..] };
        let rows: Vec<String> = chosen.iter().map(|(kept, at)| trade(of, kept, *at)).collect();
        let last = chosen.last().map_or(since.unwrap_or(0), |(_, at)| at.0);
        Ok(format!(r#""{}":[{}],"last":"{last}""#, self.own.names[index].key, rows.join(",")))
    }

    /// Candles, oldest first, up to the one that is not over.
    fn candles(&self, target: &Target, at: UnixNanos) -> Result<String, Refused> {
        let index = self.one(target)?;
        let minutes = whole(target, "interval")?.unwrap_or(1);
        let known = INTERVALS.iter().find(|(known, _)| i64::try_from(*known) == Ok(minutes));
        let &(_, place) = known.ok_or(ARGUMENTS)?;
        let since = whole(target, "since")?;
        let span = Span { from_ms: None, until_ms: None, count_max: CANDLES_MAX };
        let bars = self.market.traded[index].candles.list(place, at.millis(), span);
        let is_after = |bar: &&Bar| since.is_none_or(|since| bar.start_ms / 1_000 > since);
        let of = &self.spellings[index];
        let rows: Vec<String> = bars.iter().filter(is_after).map(|bar| candle(of, bar)).collect();
        // The last one that is over.
        let over = bars.len().checked_sub(2).map_or(0, |place| bars[place].start_ms / 1_000);
        Ok(format!(r#""{}":[{}],"last":{over}"#, self.own.names[index].key, rows.join(",")))
    }

    /// The best prices as they are now; those of before are not kept.
    fn spread(&self, target: &Target, seconds: i64) -> Result<String, Refused> {
        let index = self.one(target)?;
        let of = &self.spellings[index];
        let [bid, ask] = self.market.traded[index].best();
        let (bid, ask) = (of.answered.text(bid.price), of.answered.text(ask.price));
        let key = &self.own.names[index].key;
        Ok(format!(r#""{key}":[[{seconds},"{bid}","{ask}"]],"last":{seconds}"#))
    }
}

/// The day's numbers: of today and of 24 hours, which are the same here. Requests have whole lots as
/// texts and the first price of today alone; the streams of version 1 do not.
pub(super) fn ticker(of: &Spelling, traded: &Traded, version: Version) -> String {
    let day = &traded.day;
    let [bid, ask] = traded.best().map(|best| {
        let size = of.size.text(best.size);
        let whole = size.split('.').next().unwrap_or("0");
        let quote = if version == Version::First { "" } else { "\"" };
        format!(r#"["{}",{quote}{whole}{quote},"{size}"]"#, of.answered.text(best.price))
    });
    let twice = |text: &str| format!(r#"["{text}","{text}"]"#);
    let written = |write: &dyn Fn(&mut Vec<u8>)| twice(&text_of(write));
    let price = |ticks: i64| of.answered.text(ticks);
    let open = match version {
        Version::First => twice(&price(day.open)),
        Version::Second => format!("\"{}\"", price(day.open)),
    };
    format!(
        r#"{{"a":{ask},"b":{bid},"c":["{}","{}"],"v":{},"p":{},"t":[{count},{count}],"l":{},"h":{},"o":{open}}}"#,
        price(day.last),
        of.size.text(day.last_size),
        written(&|out| of.volume(out, day.volume)),
        written(&|out| of.average(out, day.turnover, day.volume, day.last)),
        twice(&price(day.low)),
        twice(&price(day.high)),
        count = day.count,
    )
}

fn trade(of: &Spelling, kept: &Kept, at: UnixNanos) -> String {
    let print = &kept.print;
    let side = if print.taker == BookSide::Bid { "b" } else { "s" };
    let order = if is_at_market(print) { "m" } else { "l" };
    let time = text_of(|out| decimal(out, i128::from(at.0 / 100), 7));
    format!(
        r#"["{}","{}",{},"{side}","{order}","",{}]"#,
        of.answered.text(print.price),
        of.size.text(print.size),
        time,
        print.id,
    )
}

fn candle(of: &Spelling, bar: &Bar) -> String {
    let [open, high, low, close] =
        [bar.open, bar.high, bar.low, bar.close].map(|ticks| of.price.text(ticks));
    format!(
        r#"[{},"{open}","{high}","{low}","{close}","{}",{}]"#,
        bar.start_ms / 1_000,
        of.sums(bar),
        bar.count,
    )
}

fn whole(target: &Target, key: &str) -> Result<Option<i64>, Refused> {
    target.whole(key).map_err(|_| ARGUMENTS)
}

/// An instant as requests say it, in nanoseconds.
const fn nanos(since: i64) -> i64 {
    if since < SECONDS_BELOW { since.saturating_mul(1_000_000_000) } else { since }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_seconds_or_nanoseconds() {
        assert_eq!(nanos(1_616_663_618), 1_616_663_618_000_000_000);
        assert_eq!(nanos(1_616_663_618_000_000_001), 1_616_663_618_000_000_001);
    }
}
