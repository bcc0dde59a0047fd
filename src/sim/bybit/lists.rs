//! What is told of the market beside the streams: the book, trades, candles, tickers, funding. All
//! of it is made of the trades and the book that the streams tell of.

use super::channels::{DEPTHS, Kind, interval_of};
use super::frames::{funding_before, taker, ticker_fields, uuid};
use super::rest::{Refused, listed};
use super::{Bybit, Class};
use crate::clock::UnixNanos;
use crate::sim::candle::{Bar, CandleOf, Span};
use crate::sim::exchange::Exchange;
use crate::sim::http::Target;
use crate::sim::resting::Resting;
use crate::sim::truth::Kept;

/// The depth whose numbers a book by request has.
const DEPTH_ASKED: usize = 3;

fn whole(target: &Target, key: &str) -> Result<Option<i64>, Refused> {
    target.whole(key).map_err(|_| Refused(10_001, "params error: not a whole number"))
}

fn limit(target: &Target, default: i64, most: i64) -> Result<usize, Refused> {
    let limit = whole(target, "limit")?.unwrap_or(default);
    usize::try_from(limit.min(most)).map_err(|_| Refused(10_001, "params error: limit invalid"))
}

impl Exchange<Bybit> {
    /// The instrument of that name.
    pub(super) fn listed_at(&self, symbol: &str) -> Result<usize, Refused> {
        let index = self.by_native.get(symbol).copied();
        index.ok_or(Refused(10_001, "params error: Symbol Invalid"))
    }

    /// The body that answers a request for the market: the book, trades, candles, tickers, funding.
    pub(super) fn about_market(
        &mut self,
        name: &str,
        category: &str,
        target: &Target,
        at: UnixNanos,
    ) -> Result<String, Refused> {
        let symbol = target.value("symbol");
        let index = symbol.map(|symbol| self.listed_at(symbol)).transpose()?;
        if name == "tickers" {
            let all = 0..self.spellings.len();
            let chosen = all.filter(|other| index.is_none_or(|index| index == *other));
            let rows: Vec<String> = chosen.map(|index| self.ticker(index, at)).collect();
            return Ok(listed(category, &rows));
        }
        let index = index.ok_or(Refused(10_001, "params error: symbol is required"))?;
        let symbol = self.spellings[index].symbol.clone();
        let rows = match name {
            "orderbook" => return self.book_now(index, target, at),
            "recent-trade" => self.trades(index, target)?,
            "open-interest" => {
                let open =
                    self.spellings[index].size.text(self.market.traded[index].listed.open_lots());
                vec![format!(r#"{{"openInterest":"{open}","timestamp":"{}"}}"#, at.millis())]
            }
            "funding/history" => vec![format!(
                r#"{{"symbol":"{symbol}","fundingRate":"0.0001","fundingRateTimestamp":"{}"}}"#,
                funding_before(at)
            )],
            _ => {
                let kind = match name {
                    "kline" => CandleOf::Traded,
                    "premium-index-price-kline" => CandleOf::Premium,
                    _ => CandleOf::Followed,
                };
                self.klines(kind, index, target, at)?
            }
        };
        Ok(format!(r#""symbol":"{symbol}",{}"#, listed(category, &rows)))
    }

    /// The book as the clients of the deepest stream know it, with that stream's number.
    fn book_now(
        &mut self,
        index: usize,
        target: &Target,
        at: UnixNanos,
    ) -> Result<String, Refused> {
        let default = if self.own.class == Class::Spot { 1 } else { 25 };
        let count = limit(target, default, 1_000)?;
        let traded = &self.market.traded[index];
        let is_heard = self.fanout.wants((index, Kind::Book(DEPTH_ASKED)));
        let slot = self.own.schedule.slot(index, DEPTH_ASKED);
        if !is_heard {
            slot.refresh(&traded.book, traded.update_id, DEPTHS[DEPTH_ASKED].0);
        }
        let of = &self.spellings[index];
        let [bids, asks] = slot.whole().each_ref().map(|side| {
            let level = |level: &Resting| {
                format!(r#"["{}","{}"]"#, of.price.text(level.price), of.size.text(level.size))
            };
            side.iter().take(count).map(level).collect::<Vec<_>>().join(",")
        });
        let (symbol, number, seen) = (&of.symbol, slot.update_id, slot.seen);
        let at_ms = at.millis();
        Ok(format!(
            r#""s":"{symbol}","b":[{bids}],"a":[{asks}],"ts":{at_ms},"u":{number},"seq":{seen},"cts":{at_ms}"#
        ))
    }

    /// The last trades, the newest first.
    fn trades(&self, index: usize, target: &Target) -> Result<Vec<String>, Refused> {
        let most = if self.own.class == Class::Spot { 60 } else { 1_000 };
        let count = limit(target, most.min(500), most)?;
        let records = self.truth.lock();
        let of = &self.spellings[index];
        let row = |Kept { print, planned }: &Kept| {
            let id = match self.own.class {
                Class::Spot => print.id.to_string(),
                Class::Linear => uuid(print.id),
            };
            let (symbol, side) = (&of.symbol, taker(print));
            let (price, size) = (of.price.text(print.price), of.size.text(print.size));
            let at_ms = self.clock.date(*planned).millis();
            format!(
                r#"{{"execId":"{id}","symbol":"{symbol}","price":"{price}","size":"{size}","side":"{side}","time":"{at_ms}","isBlockTrade":false,"isRPITrade":false}}"#
            )
        };
        Ok(records.kept(index).rev().take(count).map(row).collect())
    }

    /// Candles, the newest first.
    fn klines(
        &self,
        kind: CandleOf,
        index: usize,
        target: &Target,
        at: UnixNanos,
    ) -> Result<Vec<String>, Refused> {
        let interval = target.value("interval").and_then(interval_of);
        let interval = interval.ok_or(Refused(10_001, "params error: Invalid period!"))?;
        let span = Span {
            from_ms: whole(target, "start")?,
            until_ms: whole(target, "end")?,
            count_max: limit(target, 200, 1_000)?,
        };
        let of = &self.spellings[index];
        let row = |bar: &Bar| {
            let prices = [bar.open, bar.high, bar.low, bar.close].map(|ticks| {
                of.price_short.text(if kind == CandleOf::Premium { 0 } else { ticks })
            });
            let mut cells = vec![bar.start_ms.to_string()];
            cells.extend(prices);
            if kind == CandleOf::Traded {
                cells.push(of.size_short.text(i64::try_from(bar.volume).unwrap_or(i64::MAX)));
                cells.push(of.turnover(bar.turnover));
            }
            format!("[\"{}\"]", cells.join("\",\""))
        };
        let bars = self.market.traded[index].candles.list(interval, at.millis(), span);
        Ok(bars.iter().rev().map(row).collect())
    }

    /// What the ticker's stream says, and on spot the best prices too.
    fn ticker(&self, index: usize, at: UnixNanos) -> String {
        let (of, traded) = (&self.spellings[index], &self.market.traded[index]);
        let mut cells = vec![("symbol", of.symbol.clone())];
        if self.own.class == Class::Spot {
            let keys = [("bid1Price", "bid1Size"), ("ask1Price", "ask1Size")];
            for ((price, size), level) in keys.into_iter().zip(traded.touch()) {
                let text = |text: Option<String>| text.unwrap_or_default();
                cells.push((price, text(level.map(|level| of.price.text(level.price)))));
                cells.push((size, text(level.map(|level| of.size.text(level.size)))));
            }
        }
        cells.extend(ticker_fields(of, traded, at));
        if self.own.class == Class::Linear {
            // Of contracts that are delivered.
            cells.push(("deliveryTime", "0".to_owned()));
            let others = ["predictedDeliveryPrice", "basisRate", "deliveryFeeRate", "basis"];
            cells.extend(others.map(|key| (key, String::new())));
        }
        let cells = cells.into_iter().map(|(key, value)| format!(r#""{key}":"{value}""#));
        format!("{{{}}}", cells.collect::<Vec<_>>().join(","))
    }
}
