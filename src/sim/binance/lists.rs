//! What is told of the market beside the streams: trades, candles, statistics, prices. All of it is
//! made of the trades and the book that the streams tell of.

use std::time::Duration;

use super::answers::Statistics;
use super::frames::{Frame, funding_after};
use super::rest::Refused;
use super::{Binance, Product, TimeUnit};
use crate::clock::UnixNanos;
use crate::sim::candle::{CandleOf, INTERVALS, Span, interval_of};
use crate::sim::exchange::Exchange;
use crate::sim::http::Target;
use crate::sim::market::{Day, Print};
use crate::sim::truth::Kept;
use crate::sim::write::text_of;

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

/// How often funding is settled.
const FUNDING_MS: i64 = 8 * 60 * MINUTE_MS;

/// Which instruments a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Chosen {
    /// One, and the answer is an object.
    One(usize),
    /// Some or all, and the answer is a list.
    Many(Vec<usize>),
}

impl Chosen {
    pub(super) fn into_vec(self) -> Vec<usize> {
        match self {
            Self::One(index) => vec![index],
            Self::Many(list) => list,
        }
    }
}

/// A whole number among the parameters.
fn whole(target: &Target, key: &str) -> Result<Option<i64>, Refused> {
    target.whole(key).map_err(|_| Refused::parameter(key))
}

/// How many rows at most.
fn limit(target: &Target, default: i64, most: i64) -> Result<usize, Refused> {
    match whole(target, "limit")?.unwrap_or(default) {
        limit if limit < 1 => Err(Refused::parameter("limit")),
        limit => Ok(limit.min(most) as usize),
    }
}

impl Exchange<Binance> {
    /// The instrument of that name.
    pub(super) fn listed_at(&self, symbol: &str) -> Result<usize, Refused> {
        self.by_native.get(symbol).copied().ok_or_else(Refused::symbol)
    }

    /// The instrument that a request must name.
    fn one(&self, target: &Target, key: &str) -> Result<usize, Refused> {
        let symbol = target.value(key).filter(|symbol| !symbol.is_empty());
        self.listed_at(symbol.ok_or_else(|| Refused::missing(key))?)
    }

    /// The instruments that a request names; all where it names none.
    pub(super) fn chosen(&self, target: &Target) -> Result<Chosen, Refused> {
        let symbols = target.value("symbols").filter(|_| self.own.product == Product::Spot);
        match (target.value("symbol"), symbols) {
            (Some(_), Some(_)) => {
                Err(Refused(-1128, "Combination of optional parameters invalid.".to_owned()))
            }
            (Some(symbol), None) => Ok(Chosen::One(self.listed_at(symbol)?)),
            (None, Some(symbols)) => {
                let list: Vec<String> = serde_json::from_str(symbols).map_err(|_| {
                    Refused(-1100, "Illegal characters found in parameter 'symbols'.".to_owned())
                })?;
                let list: Result<Vec<usize>, Refused> =
                    list.iter().map(|symbol| self.listed_at(symbol)).collect();
                list.map(Chosen::Many)
            }
            (None, None) => Ok(Chosen::Many((0..self.spellings.len()).collect())),
        }
    }

    /// Rows about these instruments, as a list.
    pub(super) fn rows(
        &self,
        chosen: impl Iterator<Item = usize>,
        write: impl Fn(&mut Frame<'_>, usize),
    ) -> String {
        let rows: Vec<String> =
            chosen.map(|index| self.row(index, |it| write(it, index))).collect();
        format!("[{}]", rows.join(","))
    }

    /// One row about an instrument.
    pub(super) fn row(&self, index: usize, write: impl FnOnce(&mut Frame<'_>)) -> String {
        text_of(|out| write(&mut Frame::new(out, TimeUnit::Millis, &self.spellings[index])))
    }

    /// An object or a list, as was asked for.
    fn tell(
        &self,
        target: &Target,
        write: impl Fn(&mut Frame<'_>, usize),
    ) -> Result<String, Refused> {
        Ok(match self.chosen(target)? {
            Chosen::One(index) => self.row(index, |frame| write(frame, index)),
            Chosen::Many(list) => self.rows(list.into_iter(), write),
        })
    }

    /// The body that answers a request for the market: trades, candles, statistics, prices.
    pub(super) fn about_market(
        &self,
        name: &str,
        target: &Target,
        at: UnixNanos,
    ) -> Result<String, Refused> {
        let day = |index: usize| &self.market.traded[index].day;
        match name {
            "trades" | "historicalTrades" => self.trades(target),
            "aggTrades" => self.orders(target),
            "klines" | "uiKlines" => self.klines(CandleOf::Traded, "symbol", target, at),
            "continuousKlines" => self.klines(CandleOf::Traded, "pair", target, at),
            "markPriceKlines" => self.klines(CandleOf::Followed, "symbol", target, at),
            "indexPriceKlines" => self.klines(CandleOf::Followed, "pair", target, at),
            "premiumIndexKlines" => self.klines(CandleOf::Premium, "symbol", target, at),
            "avgPrice" => {
                let index = self.one(target, "symbol")?;
                let average = self.window(index, 5 * MINUTE_MS, at).0.average();
                Ok(self.row(index, |frame| frame.average_price(average, at)))
            }
            "ticker/24hr" => self.day(target, at),
            "ticker" => {
                let window = window_ms(target.value("windowSize").unwrap_or("1d"))?;
                self.windows(target, window, at)
            }
            "ticker/tradingDay" => {
                self.windows(target, at.millis().rem_euclid(DAY_MS) / MINUTE_MS * MINUTE_MS, at)
            }
            "ticker/price" => self.tell(target, |frame, index| frame.last_price(day(index), at)),
            "ticker/bookTicker" => self.tell(target, |frame, index| {
                frame.best_prices(&self.market.traded[index], at);
            }),
            "premiumIndex" => self.tell(target, |frame, index| frame.premium_index(day(index), at)),
            "openInterest" => {
                let index = self.one(target, "symbol")?;
                let lots = self.market.traded[index].listed.open_lots();
                Ok(self.row(index, |frame| frame.open_interest(lots, at)))
            }
            "fundingRate" => {
                let settled =
                    UnixNanos::from_millis((funding_after(at).millis() - FUNDING_MS).max(0) as u64);
                let chosen = self.chosen(target)?.into_vec();
                Ok(self.rows(chosen.into_iter(), |frame, index| {
                    frame.funding_row(day(index), settled);
                }))
            }
            // Only of those whose funding differs from the usual.
            _ => Ok("[]".to_owned()),
        }
    }

    /// The trades of an instrument that are still known.
    fn kept(&self, index: usize) -> Vec<Kept> {
        self.truth.lock().kept(index).copied().collect()
    }

    fn trades(&self, target: &Target) -> Result<String, Refused> {
        let index = self.one(target, "symbol")?;
        let limit = limit(target, 500, 1_000)?;
        let mut kept = self.kept(index);
        match whole(target, "fromId")? {
            Some(first) => {
                kept.retain(|kept| i128::from(kept.print.id) >= i128::from(first));
                kept.truncate(limit);
            }
            None => _ = kept.drain(..kept.len().saturating_sub(limit)),
        }
        let rows = kept.iter().map(|kept| {
            let at = self.clock.date(kept.planned);
            self.row(index, |frame| frame.trade_row(&kept.print, at))
        });
        Ok(format!("[{}]", rows.collect::<Vec<_>>().join(",")))
    }

    /// Trades by the taker's order.
    fn orders(&self, target: &Target) -> Result<String, Refused> {
        let index = self.one(target, "symbol")?;
        let limit = limit(target, 500, 1_000)?;
        let (first, from) = (whole(target, "fromId")?, whole(target, "startTime")?);
        let until = whole(target, "endTime")?;
        let kept = self.kept(index);
        let mut orders: Vec<&[Kept]> =
            kept.chunk_by(|one, other| one.print.order == other.print.order).collect();
        // Of the oldest a part may be forgotten.
        if kept.first().is_some_and(|kept| kept.print.id != self.market.traded[index].day.first_id)
        {
            orders.remove(0);
        }
        orders.retain(|order| {
            let at_ms = self.clock.date(order[0].planned).millis();
            i128::from(order[0].print.order) >= i128::from(first.unwrap_or(0))
                && from.is_none_or(|from| at_ms >= from)
                && until.is_none_or(|until| at_ms <= until)
        });
        match first.is_some() || from.is_some() {
            true => orders.truncate(limit),
            false => _ = orders.drain(..orders.len().saturating_sub(limit)),
        }
        let rows = orders.into_iter().map(|order| {
            let prints: Vec<Print> = order.iter().map(|kept| kept.print).collect();
            let at = self.clock.date(order[0].planned);
            self.row(index, |frame| frame.order_row(&prints, at))
        });
        Ok(format!("[{}]", rows.collect::<Vec<_>>().join(",")))
    }

    fn klines(
        &self,
        kind: CandleOf,
        key: &str,
        target: &Target,
        at: UnixNanos,
    ) -> Result<String, Refused> {
        let index = self.one(target, key)?;
        let name = target.value("interval").ok_or_else(|| Refused::missing("interval"))?;
        let interval = INTERVALS.iter().position(|(known, ..)| *known == name);
        let interval =
            interval.filter(|interval| *interval > 0 || self.own.product == Product::Spot);
        let interval = interval.ok_or_else(|| Refused(-1120, "Invalid interval.".to_owned()))?;
        let most = if self.own.product == Product::Spot { 1_000 } else { 1_500 };
        let span = Span {
            from_ms: whole(target, "startTime")?,
            until_ms: whole(target, "endTime")?,
            count_max: limit(target, 500, most)?,
        };
        let bars = self.market.traded[index].candles.list(interval, at.millis(), span);
        let rows =
            bars.iter().map(|bar| self.row(index, |frame| frame.kline_row(kind, interval, bar)));
        Ok(format!("[{}]", rows.collect::<Vec<_>>().join(",")))
    }

    fn day(&self, target: &Target, at: UnixNanos) -> Result<String, Refused> {
        let kind = match target.value("type") {
            Some("MINI") => Statistics::Mini,
            _ => Statistics::Full,
        };
        let began = self.clock.date(self.own.schedule.began);
        self.tell(target, |frame, index| {
            let traded = &self.market.traded[index];
            frame.statistics(kind, &traded.day, traded, [began, at]);
        })
    }

    /// Statistics of a window that ends now.
    fn windows(&self, target: &Target, window_ms: i64, at: UnixNanos) -> Result<String, Refused> {
        if target.value("symbol").is_none() && target.value("symbols").is_none() {
            return Err(Refused::missing("symbol"));
        }
        let kind = match target.value("type") {
            Some("MINI") => Statistics::Mini,
            _ => Statistics::Window,
        };
        self.tell(target, |frame, index| {
            let (day, began) = self.window(index, window_ms, at);
            frame.statistics(kind, &day, &self.market.traded[index], [began, at]);
        })
    }

    /// What was traded in the last milliseconds, by the minute or, beyond a day, by the hour; and
    /// when that began.
    fn window(&self, index: usize, window_ms: i64, at: UnixNanos) -> (Day, UnixNanos) {
        let step = Duration::from_secs(if window_ms > DAY_MS { 3_600 } else { 60 });
        let step_ms = step.as_millis() as i64;
        let from_ms = (at.millis() - window_ms).div_euclid(step_ms) * step_ms;
        let span = Span { from_ms: Some(from_ms), until_ms: None, count_max: usize::MAX };
        let traded = &self.market.traded[index];
        let bars = interval_of(step.as_secs() as i64)
            .map_or_else(Vec::new, |interval| traded.candles.list(interval, at.millis(), span));
        (Day::of(&bars, traded.day.last), UnixNanos::from_millis(from_ms.max(0) as u64))
    }
}

/// A window as it is written: minutes up to 59, hours up to 23, days up to 7.
fn window_ms(text: &str) -> Result<i64, Refused> {
    let invalid = || Refused::parameter("windowSize");
    let (count, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(invalid)?;
    let count: i64 = count.parse().map_err(|_| invalid())?;
    let (unit_ms, most) = match unit {
        "m" => (MINUTE_MS, 59),
        "h" => (60 * MINUTE_MS, 23),
        "d" => (DAY_MS, 7),
        _ => return Err(invalid()),
    };
    if (1..=most).contains(&count) { Ok(count * unit_ms) } else { Err(invalid()) }
}
